"""Nodes that answer badly: what comes of it is a value or one of our errors, soon, in little memory."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from web3.types import RPCEndpoint

import kit
import kit.chain.base
import kit.chain.rpc
import kit.chain.sending
from kit import people
from kit.audit import audit
from kit.chain import Chain, load_artifact
from kit.chain.rpc import ANSWER_MAX, Http
from kit.core import Certificate, Leaf
from kit.errors import ChainError, KitError, NodeDown, WrongChain
from kit.log import Log, verify
from tests.misbehaving import malform


class Bent(Http):
    """A node whose answers to one method are changed on their way."""

    method, bend = "", staticmethod(lambda raw: raw)
    bent = 0

    def _post(self, question: bytes, limit: int) -> bytes:
        raw, asked = super()._post(question, limit), json.loads(question)["method"]
        if asked == "eth_maxPriorityFeePerGas" and self.method == "eth_feeHistory":
            return b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}'
        if asked != self.method:
            return raw
        self.bent += 1
        return self.bend(raw)


class Given(NamedTuple):
    """A chain with a diary of one published entry, seen through a node that can be bent."""

    url: str
    certificate: Certificate
    leaves: list[Leaf]
    contract: str
    transaction: str

    def node(self) -> Bent:
        return Bent(self.url)

    def ask(self, chain: Chain) -> None:
        """Whatever the kit asks of a node."""
        chain.chain_id  # noqa: B018
        chain.genesis_hash  # noqa: B018
        chain.balance(people.registrar.address)
        log = Log(chain, self.contract)
        log.check_code()
        log.record_count()
        log.root(0)
        chain.receipt(self.transaction)
        log.events()
        log.grant(b"\1" * 32, people.alice.address, by=people.registrar)


#: The methods that ``Given.ask``, ``verify`` and ``audit`` ask a node for.
METHODS = [
    *("eth_chainId", "eth_getBlockByNumber", "eth_getBlockByHash", "eth_getBalance"),
    *("eth_getCode", "eth_call", "eth_getTransactionReceipt", "eth_getLogs"),
    *("eth_getTransactionCount", "eth_estimateGas", "eth_sendRawTransaction"),
    *("eth_maxPriorityFeePerGas", "eth_feeHistory"),
]


@contextmanager
def memory(most: int) -> Iterator[None]:
    """Fail if what is done takes more bytes at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.fixture(scope="module")
def given(anvil: Any) -> Iterator[Given]:
    with closing(kit.Diary.open(anvil)) as diary:
        entry = diary.post(people.alice, "十人一桌", place="泉州")
        diary.review(entry, by=people.moderator, approve=True)
        batch = diary.publish()
        yield Given(
            anvil.url,
            diary.certificate(entry),
            list(diary.leaves()),
            diary.log.address,
            batch.anchor.transaction_hash,
        )


# --- a thousand malformed answers ----------------------------------------------------------------


def try_all(given: Given, method: str, seed: int) -> list[str]:
    """Ask all through a node that answers one method badly; return what it came to."""
    chance, came = random.Random(f"{method} {seed}"), []  # noqa: S311
    asks: list[Callable[[Chain], Any]] = [
        given.ask,
        lambda chain: verify(given.certificate, Log(chain, given.contract), leaves=given.leaves),
        lambda chain: audit(Log(chain, given.contract), given.leaves),
    ]
    for ask in asks:
        node = given.node()
        node.method = method
        node.bend = lambda raw: malform(raw, chance)  # type: ignore[assignment,method-assign]
        try:
            ask(Chain(node))
            came.append("an answer")
        except KitError as error:
            came.append(type(error).__name__ if len(str(error)) < 1_500 else "a long error")
        if node.bent == 0:
            came[-1] = "not asked"
    return came


def malformed(given: Given, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.chain.rpc, "PAUSES", ())
    # A transaction whose receipt never comes is waited for: that has a test of its own.
    monkeypatch.setattr(kit.chain.sending, "GIVE_UP", 0.0)
    monkeypatch.setattr(kit.chain.base, "LAG", 0.0)
    came = []
    for number in range(times):
        method = METHODS[number % len(METHODS)]
        began = time.monotonic()
        with memory(100 * 2**20) if times >= 1_000 else nullcontext():  # it takes thrice the time
            came += [(method, what) for what in try_all(given, method, number)]
        assert time.monotonic() - began < 20, (method, number)
    assert "a long error" not in {what for _, what in came}
    for method in METHODS:  # each was asked for, and its bad answers were noticed
        assert {(method, "NodeDown"), (method, "ChainError")} & set(came), method


def test_malformed_answers_end_in_our_errors(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    malformed(given, 4 * len(METHODS), monkeypatch)


@pytest.mark.slow("a thousand malformed answers")
def test_a_thousand_malformed_answers(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    malformed(given, 1_000, monkeypatch)


def in_capitals(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: in_capitals(part) for name, part in value.items()}
    if isinstance(value, list):
        return [in_capitals(part) for part in value]
    is_hex = isinstance(value, str) and value.startswith("0x")
    return "0x" + value[2:].upper() if is_hex else value


@pytest.mark.parametrize("method", METHODS)
def test_capitals_in_hex_are_the_same_answer(method: str, given: Given) -> None:
    node = given.node()
    node.method = method
    node.bend = lambda raw: json.dumps(in_capitals(json.loads(raw))).encode()  # type: ignore[assignment,method-assign]
    chain = Chain(node)
    log = kit.log.at(chain, given.contract)
    assert verify(given.certificate, log, leaves=given.leaves).level == "final"
    assert audit(log, given.leaves).level == "final"
    given.ask(chain)
    assert node.bent


# --- each event is looked at again ---------------------------------------------------------------


def changed(log: dict[str, Any], **values: Any) -> dict[str, Any]:
    return log | values


@pytest.mark.parametrize(
    "more",
    [
        lambda log: [log],  # twice
        lambda log: [changed(log, removed=True, blockHash="0x" + "1" * 64)],
        lambda log: [changed(log, address="0x" + "1" * 40, logIndex="0x7")],
        lambda log: [changed(log, topics=["0x" + "1" * 64, *log["topics"][1:]], logIndex="0x7")],
        lambda log: [changed(log, topics=log["topics"][:0], logIndex="0x7")],
        lambda log: [changed(log, blockNumber="0xffffff", logIndex="0x7")],
    ],
    ids=["twice", "removed", "address", "topic", "no topics", "range"],
)
def test_an_event_that_was_not_asked_for_is_not_counted(
    more: Callable[[dict[str, Any]], list[Any]], given: Given
) -> None:
    node = given.node()
    node.method = "eth_getLogs"

    def bend(raw: bytes) -> bytes:
        answer = json.loads(raw)
        answer["result"] += [x for log in answer["result"] for x in more(log)]
        return json.dumps(answer).encode()

    node.bend = bend  # type: ignore[assignment,method-assign]
    log = Log(Chain(node), given.contract)
    assert len(log.events()) == len(log.batches()) == 1
    assert audit(log, given.leaves).ok
    assert node.bent


@pytest.mark.parametrize("data", ["0x", "0x" + 8 * "7f", "0x" + 200 * "7f"])
def test_an_announcement_that_can_t_be_read_is_unanswered(data: str, given: Given) -> None:
    node = given.node()
    node.method = "eth_getTransactionReceipt"

    def bend(raw: bytes) -> bytes:
        answer = json.loads(raw)
        answer["result"]["logs"][0]["data"] = data
        return json.dumps(answer).encode()

    node.bend = bend  # type: ignore[assignment,method-assign]
    log = Log(Chain(node), given.contract)
    place = given.certificate.inclusion.batch.anchor.log_index
    with pytest.raises(NodeDown, match="an answer that can be read"):
        log.batch_in(given.transaction, place)
    found = verify(given.certificate, log, leaves=given.leaves)
    assert (found.level, found.outcome(6)) == ("unanswered", "unanswered")
    assert "an answer that can be read" in found.steps[5].reason


def test_a_node_that_ignores_the_account_makes_nobody_a_moderator(given: Given, anvil: Any) -> None:
    """It answers a question for somebody's roles with everybody's."""
    head = anvil.head
    log = Log(anvil, given.contract)
    assert log.was_moderator(people.moderator.address, head.time)

    class Careless(Http):
        def encode_rpc_request(self, method: Any, params: Any) -> bytes:
            if method == "eth_getLogs":
                params = [params[0] | {"topics": params[0]["topics"][:1]}]
            return super().encode_rpc_request(method, params)

    careless = Log(Chain(Careless(given.url)), given.contract)
    assert careless.was_moderator(people.moderator.address, head.time)
    assert not careless.was_moderator(people.alice.address, head.time)


# --- time, size, and what is no node -------------------------------------------------------------


@contextmanager
def serving(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on this machine that does what it is told with each connection; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=one, args=[connection], daemon=True).start()

        def one(connection: socket.socket) -> None:
            with connection:
                try:
                    connection.recv(2**16)
                    talk(connection)
                except OSError:  # whoever asked has gone
                    pass

        threading.Thread(target=run, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


def drip(start: bytes) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"a")
            threading.Event().wait(0.05)

    return talk


HEADERS = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nX-Long: ",
        HEADERS + b"\r\n",
        HEADERS + b"Content-Length: 99\r\n\r\n",
    ],
    ids=["status", "header", "body", "body of a length"],
)
def test_an_answer_that_drips_ends_in_time(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.chain.rpc, "PATIENCE", 0.4)
    began, before = time.monotonic(), set(threading.enumerate())
    with serving(drip(start)) as url, pytest.raises(NodeDown, match="got Timeout"):
        kit.chain.connect(url)
    assert time.monotonic() - began < 5
    if start.endswith(b"\r\n\r\n"):  # else the thread ends where http.client has had enough headers
        mine = [t for t in threading.enumerate() if t.name == "a question to a node"]
        assert not [t for t in mine if t not in before and (t.join(2) or t.is_alive())]


def test_a_silent_node_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.chain.rpc, "_SILENCE", 0.3)
    with serving(lambda _: time.sleep(5)) as url, pytest.raises(NodeDown, match="Timeout"):
        kit.chain.connect(url)


def test_an_answer_without_an_end_is_cut_off() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(HEADERS + b"\r\n")
        while True:
            connection.sendall(b" " * 2**16)

    with serving(talk) as url:
        node = Http(url)
        said = pytest.raises(NodeDown, match="an answer of more than 4 MiB")
        with memory(2 * ANSWER_MAX), said:
            node.make_request(RPCEndpoint("eth_chainId"), [])


def test_tls_with_who_speaks_none() -> None:
    with (
        serving(lambda connection: connection.sendall(b"hello")) as url,
        pytest.raises(NodeDown, match="got SSLError"),
    ):
        kit.chain.connect(url.replace("http:", "https:"))


def test_this_machine_gets_no_password_of_netrc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for url, gets_it in (("http://127.0.0.1:8545", False), ("http://node.example", True)):
        asked = kit.chain.rpc._session(url).prepare_request(requests.Request("POST", url))
        assert ("Authorization" in asked.headers) is gets_it


def test_too_often_for_ever_has_an_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pauses: list[float] = []
    here, sleep = threading.current_thread(), time.sleep

    def rest(seconds: float) -> None:  # other threads sleep as ever
        (pauses.append if threading.current_thread() is here else sleep)(seconds)

    monkeypatch.setattr("time.sleep", rest)
    answer = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
    with (
        serving(lambda connection: connection.sendall(answer)) as url,
        pytest.raises(NodeDown, match="HTTP status 429"),
    ):
        kit.chain.connect(url)
    assert pauses == [1, 2, 4, 8]
    assert "asked too often; again in 8 s" in capsys.readouterr().err


def test_a_contract_s_words_are_no_reason_to_wait(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = given.node()
    node.method = "eth_call"
    words = {"code": 3, "message": "execution reverted: rate limit exceeded", "data": "0x"}
    answer = json.dumps({"jsonrpc": "2.0", "id": 1, "error": words}).encode()
    node.bend = lambda raw: answer  # type: ignore[assignment,method-assign]
    monkeypatch.setattr(kit.chain.rpc, "PAUSES", (60,))
    began = time.monotonic()
    with pytest.raises(WrongChain) as caught:
        Log(Chain(node), given.contract)
    assert str(caught.value.__cause__) == "The contract refused: rate limit exceeded"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("said", ["missing trie node (no archive state)", "syncing", "pruned"])
def test_a_question_that_a_node_answers_with_an_error_is_unanswered(
    said: str, given: Given
) -> None:
    """And no verdict on a certificate or a table."""
    for method in ("eth_call", "eth_getCode", "eth_getTransactionReceipt", "eth_getBlockByNumber"):
        node = given.node()
        node.method = method
        error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": said}}
        node.bend = lambda raw, error=error: json.dumps(error).encode()  # type: ignore[assignment,method-assign,misc]
        node.method = ""
        log = kit.log.at(Chain(node), given.contract)
        node.method = method
        # A state proof goes before a node's word on code and root: without one, it is asked for them.
        review = given.certificate.review
        bare = replace(
            given.certificate,
            state_proof=None,
            review=review and replace(review, state_proof=None),
        )
        found = verify(bare, log, leaves=given.leaves)
        assert found.level == "unanswered", method
        silent = next(step for step in found.steps if step.outcome == "unanswered")
        assert said in silent.reason
        assert "failed" not in {step.outcome for step in found.steps}
        if method != "eth_getTransactionReceipt":  # an audit asks for none
            with pytest.raises(NodeDown):
                audit(log, given.leaves)


def test_a_transaction_that_a_node_refuses_is_refused(given: Given) -> None:
    node = given.node()
    node.method = "eth_sendRawTransaction"
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32000, "message": "underpriced"}}
    node.bend = lambda raw: json.dumps(error).encode()  # type: ignore[assignment,method-assign]
    with pytest.raises(ChainError, match="a transaction that the node accepts") as caught:
        Chain(node).deploy(load_artifact("DiaryStorage"), by=people.registrar)
    assert not isinstance(caught.value, NodeDown)
