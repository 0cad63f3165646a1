"""Events of any contract: in pieces that a node accepts, resumed where they stopped, and decoded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import eth_abi
import pandas as pd
import pytest
import requests
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

import kit
import kit.chain.base
import kit.log.contract
from kit import people
from kit.chain import Event, events, load_artifact
from kit.errors import ChainError, DataError, NodeDown
from kit.log import MODERATOR_ROLE, Log

ROOT = "0x" + "11" * 32
STORAGE = load_artifact("DiaryStorage")
PIECE, FAR = 100, 350  # blocks: anvil takes its time to mine more


class Node:
    """An HTTP node before anvil that refuses what a public node would, and counts what it is asked."""

    def __init__(self, url: str) -> None:
        self.behind, self.asked = url, list[tuple[str, Any]]()
        self.most = 10**9  # blocks of one question
        self.refusal: tuple[int, Any] = (200, {"code": -32602, "message": "range exceeds limit"})
        self.stops_after: int | None = None  # so many lists of events
        node = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = node.answer(body)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, body: dict[str, Any]) -> tuple[int, Any]:
        asked = body["params"][0] if body["params"] else None
        self.asked.append((body["method"], asked))
        if body["method"] == "eth_getLogs":
            if self.stops_after == 0:
                return 503, {}
            if int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) + 1 > self.most:
                status, error = self.refusal
                return status, {"jsonrpc": "2.0", "id": body["id"], "error": error}
            if self.stops_after:
                self.stops_after -= 1
        answer = requests.post(self.behind, json=body, timeout=30)
        return answer.status_code, answer.json()

    def lists(self) -> list[tuple[int, int]]:
        """The ranges of blocks that it was asked for."""
        return [
            (int(asked["fromBlock"], 16), int(asked["toBlock"], 16))
            for method, asked in self.asked
            if method == "eth_getLogs"
        ]


@pytest.fixture(scope="module")
def far() -> Iterator[tuple[Any, Log]]:
    """A chain with a log whose five batches are far apart."""
    with kit.chain.anvil() as chain:
        log = Log.deploy(chain, by=people.registrar)
        for number in range(5):
            log.append(ROOT, number, 1, by=people.registrar)
            chain.mine(FAR // 5)
        yield chain, log


@pytest.fixture
def node(far: tuple[Any, Log], monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    monkeypatch.setattr(events, "CHUNK", PIECE)
    node = Node(far[0].url)
    yield node
    node.server.shutdown()
    node.server.server_close()


@pytest.fixture
def public(node: Node, far: tuple[Any, Log]) -> Log:
    """The same log seen through the public node."""
    log = Log(kit.chain.connect(node.url), far[1].address)
    node.asked.clear()
    return log


# --- in pieces -----------------------------------------------------------------------------------


def whole(node: Node) -> list[tuple[int, int]]:
    """The ranges that were answered: they must join, without a gap and without an overlap."""
    found = [r for r in node.lists() if r[1] - r[0] + 1 <= node.most]
    assert found[0][0] == 0
    assert all(b[0] == a[1] + 1 for a, b in pairwise(found))
    return found


def test_a_long_range_is_asked_in_pieces_that_grow(
    node: Node, public: Log, far: tuple[Any, Log]
) -> None:
    assert list(public.events()["number"]) == [0, 1, 2, 3, 4]
    assert whole(node)[:2] == [(0, 99), (100, 299)]
    assert whole(node)[-1][1] == far[0].head.number
    pd.testing.assert_frame_equal(public.events(), far[1].events())


@pytest.mark.parametrize(
    "refusal",
    [
        (200, {"code": -32602, "message": "range 2000 exceeds limit of 35"}),
        (200, {"code": -32005, "message": "query returned more than 10000 results"}),
        (200, {"code": -32000, "message": "block range is too wide"}),
        (413, {"code": -32614, "message": "eth_getLogs is limited to a 35 range"}),
        (400, None),
        (504, None),
    ],
)
def test_what_a_node_refuses_is_asked_in_halves(
    refusal: tuple[int, Any], node: Node, public: Log
) -> None:
    node.most, node.refusal = 35, refusal
    assert [batch.number for batch in public.batches()] == [0, 1, 2, 3, 4]
    whole(node)
    refused = len(node.lists()) - len(whole(node))
    assert 2 <= refused < len(whole(node)) / 2  # after a refusal it grows slowly


def test_a_node_that_refuses_single_blocks_is_an_error_with_its_words(
    node: Node, public: Log
) -> None:
    node.most, node.refusal = 0, (200, {"code": -32601, "message": "no such method here"})
    with pytest.raises(ChainError, match="no such method here"):
        public.events()
    assert len(node.lists()) < 15
    node.refusal = (500, None)
    with pytest.raises(NodeDown, match="HTTP status 500"):
        public.events()


def test_a_node_that_is_asked_too_often_gets_a_pause(
    node: Node, public: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    for refusal in ((429, None), (200, {"code": -32005, "message": "rate limit exceeded"})):
        pauses: list[float] = []

        def rest(seconds: float, pauses: list[float] = pauses) -> None:
            pauses.append(seconds)
            node.most = 10**9 if len(pauses) == 3 else 0

        node.most, node.refusal = 0, refusal
        monkeypatch.setattr("time.sleep", rest)
        assert len(public.events()) == 5
        assert pauses == [1, 2, 4]


def test_nobody_asks_a_dead_node_again(node: Node, public: Log) -> None:
    node.server.shutdown()
    node.server.server_close()
    asked = len(node.asked)
    with pytest.raises(NodeDown):
        public.batches(0, 5_000)
    assert len(node.asked) == asked


def test_a_range_of_blocks(far: tuple[Any, Log]) -> None:
    chain, log = far
    blocks = log.events()["block_number"].tolist()
    assert log.events(blocks[1], blocks[3])["number"].tolist() == [1, 2, 3]
    assert log.events(blocks[1] + 1, blocks[2] - 1).empty
    assert log.events(last_block="finalized").equals(log.events(last_block="finalized"))
    assert log.events(chain.head.number + 1).empty


def test_a_bar_for_long_ranges_only(
    far: tuple[Any, Log], chain: Any, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.setattr(events, "CHUNK", 5)
    Log.deploy(chain, by=people.registrar).events()
    assert capfd.readouterr() == ("", "")
    shown: list[bool] = []
    bar = events.tqdm

    def spy(**options: Any) -> Any:
        shown.append(not options["disable"])
        return bar(**options | {"delay": 0})

    monkeypatch.setattr(events, "tqdm", spy)
    far[1].events(0, 4)
    assert shown == [False]
    assert capfd.readouterr() == ("", "")
    far[1].events(0, 5)
    assert shown == [False, True]
    assert "6/6" in capfd.readouterr().err


def test_block_times_cost_a_question_a_block_at_most(far: tuple[Any, Log], node: Node) -> None:
    """Also at nodes that don't say the time with each log."""
    answer = node.answer

    def older(body: dict[str, Any]) -> tuple[int, Any]:
        status, said = answer(body)
        if body["method"] == "eth_getLogs":
            for log in said["result"]:
                del log["blockTimestamp"]
        return status, said

    node.answer = older  # type: ignore[method-assign]
    chain = kit.chain.connect(node.url)
    roles = chain.events(far[1].address, far[1].contract.abi, "RoleGranted", last_block=10)
    assert len(roles) == 2  # of one block, that of the deployment
    asked = [method for method, _ in node.asked]
    assert asked.count("eth_getBlockByHash") == 1
    for _ in range(2):
        table = chain.events(far[1].address, far[1].contract.abi, "BatchAppended")
    asked = [method for method, _ in node.asked]
    assert asked.count("eth_getBlockByHash") == 1 + 5
    assert table["block_time"].equals(far[1].events()["block_time"])


# --- resuming ------------------------------------------------------------------------------------


def test_it_goes_on_where_it_stopped(
    node: Node, public: Log, far: tuple[Any, Log], tmp_path: Path
) -> None:
    kept = tmp_path / "events.jsonl"
    node.most, node.stops_after = 50, 3
    with pytest.raises(NodeDown):
        public.events(resume=kept)
    arrived = [last for first, last in node.lists() if last - first < node.most][2]
    node.stops_after = None
    node.asked.clear()
    pd.testing.assert_frame_equal(public.events(resume=kept), far[1].events())
    assert node.lists()[0][0] == arrived + 1
    node.asked.clear()
    pd.testing.assert_frame_equal(public.events(resume=kept), far[1].events())
    assert node.lists() == []
    assert public.events(last_block=100, resume=kept)["number"].tolist() == [0, 1]


def test_a_file_that_was_cut_off_anywhere(
    public: Log, far: tuple[Any, Log], tmp_path: Path
) -> None:
    kept = tmp_path / "events.jsonl"
    table = public.events(resume=kept)
    content = kept.read_bytes()
    for size in (0, 1, 50, content.index(b"\n") + 1, len(content) // 2, len(content) - 1):
        kept.write_bytes(content[:size])
        pd.testing.assert_frame_equal(public.events(resume=kept), table)
        assert kept.read_bytes().startswith(content[: content.index(b"\n")])
    kept.write_bytes(content.replace(b'"first": 100', b'"first": 101'))
    pd.testing.assert_frame_equal(public.events(resume=kept), table)


def test_blocks_that_left_the_chain_are_asked_for_again(tmp_path: Path) -> None:
    with kit.chain.anvil() as chain:
        log = Log.deploy(chain, by=people.registrar)
        log.append(ROOT, 0, 1, by=people.registrar)
        state = chain.snapshot()
        log.append(ROOT, 1, 1, by=people.registrar)
        kept = tmp_path / "events.jsonl"
        assert len(log.events(resume=kept)) == 2
        chain.restore(state)
        assert len(log.events(resume=kept)) == 1
        log.append(ROOT, 1, 7, by=people.registrar)
        assert log.events(resume=kept)["count"].tolist() == [1, 7]


def test_the_file_of_something_else_is_refused_and_kept(
    far: tuple[Any, Log], tmp_path: Path
) -> None:
    chain, log = far
    kept = tmp_path / "events.jsonl"
    log.events(resume=kept)
    before = kept.read_bytes()
    with pytest.raises(DataError, match=r"events\.jsonl"):
        log.events(1, resume=kept)
    with pytest.raises(DataError, match=r"events\.jsonl"):
        chain.events(log.address, log.contract.abi, "RoleGranted", resume=kept)
    assert kept.read_bytes() == before
    kept.write_bytes(b"\xffmine")
    with pytest.raises(DataError, match=r"events\.jsonl"):
        log.events(resume=kept)
    assert kept.read_bytes() == b"\xffmine"
    with pytest.raises(DataError, match="a file of these events"):
        log.events(resume=tmp_path)


# --- any contract --------------------------------------------------------------------------------


def test_events_of_another_contract(chain: Any) -> None:
    storage = chain.deploy(STORAGE, by=people.registrar)
    given = [keccak(text=f"entry {i}") for i in range(3)]
    receipts = [
        chain.send(storage.functions.store(entry), by=by)
        for entry, by in zip(given, (people.alice, people.bob, people.alice), strict=True)
    ]
    table = chain.events(storage.address, STORAGE.abi, "EntryStored")
    assert table.dtypes.astype(str).to_dict() == {
        "commitment": "str",
        "author": "str",
        "block_number": "int64",
        "block_hash": "str",
        "block_time": "datetime64[s, UTC]",
        "transaction_hash": "str",
        "log_index": "int64",
    }
    assert list(table["commitment"]) == ["0x" + entry.hex() for entry in given]
    assert list(table["author"]) == [p.address for p in (people.alice, people.bob, people.alice)]
    assert list(table["transaction_hash"]) == [r.transaction_hash for r in receipts]
    assert list(table["block_hash"]) == [r.block.hash for r in receipts]
    assert list(table["block_time"]) == [pd.Timestamp(r.block.time) for r in receipts]
    only = {"author": people.bob.address}
    assert chain.events(storage.address, STORAGE.abi, "EntryStored", where=only)[
        "author"
    ].tolist() == [people.bob.address]
    none = chain.events(storage.address, STORAGE.abi, "EntryStored", last_block=0)
    assert none.dtypes.equals(table.dtypes)
    assert none.empty


def test_the_first_piece_is_what_public_nodes_accept() -> None:
    assert (events.CHUNK, events.CHUNK_MAX) == (2_000, 100_000)


def test_what_can_not_be_asked_is_an_error_that_says_so(chain: Any) -> None:
    storage = chain.deploy(STORAGE, by=people.registrar)
    for address, name, where, said in (
        (storage.address, "Nothing", {}, r"one event Nothing, got an ABI with EntryStored\("),
        (storage.address, "EntryStored", {"text": 1}, "indexed arguments of EntryStored"),
        (storage.address, "EntryStored", {"author": "Alice"}, "values that the arguments can have"),
        (people.alice.address, "EntryStored", {}, "an address without code"),
        ("0x12", "EntryStored", {}, "the address of a contract"),
    ):
        with pytest.raises(ChainError, match=said):
            chain.events(address, STORAGE.abi, name, where=where)
    chain.send(storage.functions.store(b"\1" * 32), by=people.alice)
    other = [{**STORAGE.abi[0], **next(i for i in STORAGE.abi if i["type"] == "event")}]
    other[0]["inputs"] = [i | {"indexed": False} for i in other[0]["inputs"]]
    with pytest.raises(ChainError, match=r"a log of EntryStored\(bytes32,address\)"):
        chain.events(storage.address, other, "EntryStored")


def an_event(*inputs: dict[str, Any], **more: Any) -> Event:
    given = [{"name": f"a{i}", "indexed": False} | one for i, one in enumerate(inputs)]
    return Event([{"type": "event", "name": "Told", "inputs": given} | more], "Told")


def a_log(event: Event, indexed: list[Any], types: list[str], values: list[Any]) -> dict[str, Any]:
    topics = [event.topic, *("0x" + bytes(word).hex() for word in indexed)]
    return {
        "topics": topics,
        "data": "0x" + eth_abi.encode(types, values).hex(),
        "block_number": 1,
        "block_hash": ROOT,
        "block_time": pd.Timestamp(1, unit="s", tz="UTC"),
        "transaction_hash": ROOT,
        "log_index": 0,
    }


def test_a_hand_made_event_of_every_kind() -> None:
    point = [{"name": "x", "type": "int8"}, {"name": "who", "type": "address"}]
    event = an_event(
        {"type": "string", "indexed": True, "name": "title"},
        {"type": "bytes", "indexed": True},
        {"type": "uint256", "indexed": True, "name": "block_number"},
        {"type": "string", "name": ""},
        {"type": "bytes4"},
        {"type": "int256"},
        {"type": "uint64"},
        {"type": "int64"},
        {"type": "bool"},
        {"type": "address[]"},
        {"type": "tuple[2]", "components": point},
        {"type": "bytes", "name": "title"},
    )
    title = keccak(text="Title")
    types = [
        "string",
        "bytes4",
        "int256",
        "uint64",
        "int64",
        "bool",
        "address[]",
        "(int8,address)[2]",
    ]
    alice = people.alice.address
    values = ["中秋", b"\1\2\3\4", -(2**255), 2**63 - 1, -(2**63), True, [alice.lower()]]
    values += [[(-1, alice), (2, alice)], b"\xff"]
    words = [title, keccak(b"raw"), (2**256 - 1).to_bytes(32)]
    log = a_log(event, words, [*types, "bytes"], values)
    assert (
        event.topic
        == "0x"
        + keccak(
            text="Told(string,bytes,uint256,string,bytes4,int256,uint64,int64,bool,address[],"
            "(int8,address)[2],bytes)"
        ).hex()
    )
    row = event.decode(log)
    assert row == {
        "title": "0x" + title.hex(),
        "a1": "0x" + keccak(b"raw").hex(),
        "block_number_": 2**256 - 1,
        "argument_3": "中秋",
        "a4": "0x01020304",
        "a5": -(2**255),
        "a6": 2**63 - 1,
        "a7": -(2**63),
        "a8": True,
        "a9": [alice],
        "a10": [{"x": -1, "who": alice}, {"x": 2, "who": alice}],
        "title_": "0xff",
    }
    place = {name: log[name] for name in events.PLACE}
    table = events.table(event, [row | place])
    kinds = table.dtypes.astype(str).to_dict()
    assert {name: kinds[name] for name in row} == {
        **dict.fromkeys(["title", "a1", "argument_3", "a4", "title_"], "str"),
        **dict.fromkeys(["block_number_", "a5", "a9", "a10"], "object"),
        "a6": "int64",
        "a7": "int64",
        "a8": "bool",
    }
    assert table["block_number_"][0] == 2**256 - 1  # exact
    assert table["block_number"][0] == 1
    assert events.table(event, []).dtypes.equals(table.dtypes)
    larger = events.table(event, [row | place, row | place | {"a6": 2**64 - 1}])
    assert larger["a6"].tolist() == [2**63 - 1, 2**64 - 1]


def test_bytes_that_are_no_text_do_not_spoil_the_table() -> None:
    event = an_event({"type": "string"})
    log = a_log(event, [], ["bytes"], [b"ab\xff"])
    assert event.decode(log) == {"a0": "ab\\xff"}
    for data in ("0x", "0x00", log["data"][:-64], "0x" + "ff" * 64):
        with pytest.raises(ChainError, match=r"a log of Told\(string\), got another in block 1"):
            event.decode(log | {"data": data})


def test_an_event_without_a_topic_and_one_of_two_names() -> None:
    with pytest.raises(ChainError, match="an anonymous one"):
        an_event({"type": "bool"}, anonymous=True)
    abi = [
        {"type": "event", "name": "Told", "inputs": [{"type": kind, "name": "x", "indexed": False}]}
        for kind in ("bool", "uint8")
    ]
    with pytest.raises(ChainError, match=r"Told\(bool\), Told\(uint8\)"):
        Event(abi, "Told")
    assert Event(abi, "Told(uint8)").columns == {"x": "int64"}


@settings(derandomize=True, deadline=None)
@given(st.integers(0, 2**256 - 1), st.binary(min_size=20, max_size=20), st.binary(), st.booleans())
def test_decoding_turns_encoding_round(number: int, who: bytes, raw: bytes, said: bool) -> None:
    event = an_event({"type": "address", "indexed": True}, {"type": "uint256"}, {"type": "bytes"})
    log = a_log(event, [who.rjust(32, b"\0")], ["uint256", "bytes"], [number, raw])
    row = event.decode(log)
    assert (row["a0"].lower(), row["a1"], row["a2"]) == ("0x" + who.hex(), number, "0x" + raw.hex())
    assert event.topics({"a0": row["a0"]} if said else {}) == log["topics"][: 1 + said]


def test_as_web3_reads_it(far: tuple[Any, Log]) -> None:
    chain, log = far
    ours = chain.events(log.address, log.contract.abi, "BatchAppended")
    theirs = log.contract.events.BatchAppended().get_logs(from_block=0)
    assert len(ours) == len(theirs) == 5
    for row, web3 in zip(ours.to_dict("records"), theirs, strict=True):
        for name, value in web3["args"].items():
            assert row[name] == ("0x" + value.hex() if isinstance(value, bytes) else value)
        assert row["block_hash"] == web3["blockHash"].to_0x_hex()
        assert row["transaction_hash"] == web3["transactionHash"].to_0x_hex()
        assert (row["block_number"], row["log_index"]) == (web3["blockNumber"], web3["logIndex"])
        assert row["block_time"] == pd.Timestamp(chain.block(row["block_number"]).time)
    asked = {"role": MODERATOR_ROLE, "account": people.bob.address}
    assert chain.events(log.address, log.contract.abi, "RoleGranted", where=asked).empty


MOVED = """
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

contract Mover {
    struct Point { int64 x; uint256 y; }
    struct Walk { address who; Point from; Point to; }
    event Moved(Point indexed at, Walk indexed walk, uint256[2] indexed steps, Point plain);

    function move() external {
        Walk memory walk = Walk(msg.sender, Point(-1, 2), Point(3, 4));
        emit Moved(Point(-5, 6), walk, [uint256(7), 8], Point(9, 10));
    }
}
"""


def test_an_indexed_struct_is_its_hash(chain: Any) -> None:
    """Against the hashes by hand: a struct's members, each a word, one behind the other."""
    artifact = kit.chain.compile_source(MOVED)
    mover = chain.deploy(artifact, by=people.alice)
    chain.send(mover.functions.move(), by=people.alice)
    (row,) = chain.events(mover.address, artifact.abi, "Moved").to_dict("records")

    def hashed(*words: int) -> str:
        return "0x" + keccak(b"".join((word % 2**256).to_bytes(32) for word in words)).hex()

    assert row["at"] == hashed(-5, 6)
    assert row["walk"] == hashed(int(people.alice.address, 16), -1, 2, 3, 4)
    assert row["steps"] == hashed(7, 8)
    assert row["plain"] == {"x": 9, "y": 10}
    with pytest.raises(ChainError, match="indexed arguments"):
        chain.events(mover.address, artifact.abi, "Moved", where={"at": (-5, 6)})
