"""One interface to three chains, the same on all three; then what each of them is alone."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from eth_tester import EthereumTester
from eth_tester.exceptions import BlockNotFound
from web3.exceptions import ContractLogicError

import kit
import kit.chain.base
import kit.chain.sending
import kit.chain.solidity
from kit.chain import BLOCK_SECONDS, START, Artifact, Chain, Receipt, compile_source, load_artifact
from kit.chain.rpc import Http
from kit.chain.sending import Sending
from kit.errors import ChainError, NodeDown, Reverted
from kit.log import MODERATOR_ROLE
from kit.people import alice, bob, named, registrar

# Everything that a contract can say when it refuses.
REFUSALS = """
// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract Refusals {
    struct Point { uint8 x; int8 y; }
    error Custom(uint256 number, address who, bytes2 mark, string words, bool yes, bytes raw);
    error Shaped(Point point, uint16[] list);
    error Bare();
    error NotBorn(string why);
    uint256 public count;

    constructor(bool born) { if (!born) revert NotBorn("not today"); }
    function custom(address who) external {
        count += 1;
        revert Custom(7, who, 0x0102, unicode"词", true, hex"03");
    }
    function shaped() external {
        count += 1;
        uint16[] memory list = new uint16[](2);
        list[1] = 4;
        revert Shaped(Point(1, -2), list);
    }
    function bare() external { count += 1; revert Bare(); }
    function words() external { count += 1; require(count == 99, unicode"Only one: 只有一"); }
    function empty() external { count += 1; require(count == 99, ""); }
    function silent() external { count += 1; revert(); }
    function overflow(uint8 n) external { count += 1; uint8 m = 255; m += n; }
    function asserts() external { count += 1; assert(count == 99); }
    function divide(uint256 n) external { count = 1 / n; }
    function foreign() external { count += 1; new Other().refuse(); }
    function heavy() external { count = new uint256[](2**32).length; }
    function one() external { count += 1; }
    function asker() external view returns (address) { return msg.sender; }
}

contract Other {
    error Foreign(uint256 n);
    function refuse() external pure { revert Foreign(3); }
}
"""

# Call, its arguments, and the reason that a reader gets.
REASONS = {
    "custom": (
        [bob.address],
        f"Custom(number=7, who={bob.address}, mark=0x0102, words=词, yes=True, raw=0x03)",
    ),
    "shaped": ([], "Shaped(point=(1, -2), list=(0, 4))"),
    "bare": ([], "Bare()"),
    "words": ([], "Only one: 只有一"),
    "empty": ([], "no reason was given"),
    "silent": ([], "no reason was given"),
    "overflow": (
        [1],
        "Panic error 0x11: Arithmetic operation results in underflow or overflow.",
    ),
    "asserts": ([], "Panic error 0x01: Assert evaluates to false."),
    "divide": ([0], "Panic error 0x12: Division by zero."),
    # An error that this contract's ABI doesn't name can only be shown as it came.
    "foreign": ([], "0x85213218" + f"{3:064x}"),
}

NOWHERE = "0x" + "ab" * 32


@pytest.fixture(scope="module")
def refusals() -> Artifact:
    return compile_source(REFUSALS, "Refusals")


@pytest.fixture(scope="module", params=["embedded", "anvil", "connected"])
def each(request: pytest.FixtureRequest) -> Chain:
    """Each of the three chains; anvil's is used by other tests too, so count from its head."""
    if request.param == "embedded":
        return kit.chain.embedded()
    node = request.getfixturevalue("anvil")
    return node if request.param == "anvil" else kit.chain.connect(node.url)


@pytest.fixture(scope="module")
def contract(each: Chain, refusals: Artifact) -> Any:
    return each.deploy(refusals, True, by=alice)


@pytest.fixture(params=["embedded", "anvil"])
def simulated(request: pytest.FixtureRequest) -> Chain:
    """The two chains whose clock and blocks are ours."""
    return request.getfixturevalue({"embedded": "chain"}.get(request.param, request.param))


class TestEach:
    """One interface: what these tests ask is the same on all three."""

    def test_identity(self, each: Chain) -> None:
        assert each.chain_id == each.w3.eth.chain_id
        assert each.chain_id == {"embedded": 20210921}.get(each.backend, 31337)
        assert each.genesis_hash == each.block(0).hash
        assert each.backend in repr(each)
        assert f"{each.backend} chain {each.chain_id}, head {each.head.number} at " in repr(each)

    def test_a_block_by_number_hash_and_word(self, each: Chain) -> None:
        head = each.head
        assert each.block(head.number) == each.block(head.hash) == each.block("latest") == head
        assert head.hash.startswith("0x")
        assert len(head.hash) == 66
        assert head.time.tzinfo is UTC

    def test_both_started_in_september_2021(self, each: Chain) -> None:
        assert each.block(0).time == START == datetime(2021, 9, 9, 16, tzinfo=UTC)

    def test_send_changes_the_chain_and_call_does_not(self, each: Chain, contract: Any) -> None:
        count, head = each.call(contract.functions.count()), each.head
        each.call(contract.functions.one())
        assert (each.call(contract.functions.count()), each.head) == (count, head)
        each.send(contract.functions.one(), by=bob)
        assert each.call(contract.functions.count()) == count + 1
        assert each.head.number == head.number + 1

    def test_receipt(self, each: Chain, contract: Any) -> None:
        before = each.head
        receipt = each.send(contract.functions.one(), by=bob)
        assert receipt.gas > 21_000  # what every transaction pays at least
        assert receipt.block == each.head
        assert receipt.block.time == before.time + timedelta(seconds=BLOCK_SECONDS)
        assert receipt.contract is None
        assert each.receipt(receipt.transaction_hash) == receipt

    def test_the_receipt_of_a_deployment_names_the_contract(
        self, each: Chain, refusals: Artifact
    ) -> None:
        made = each.deploy(refusals, True, by=alice)
        sent = each.w3.eth.get_block("latest")["transactions"][0].to_0x_hex()
        assert each.receipt(sent).contract == made.address
        assert each.call(each.contract(made.address, refusals.abi).functions.count()) == 0

    def test_gas_is_paid_by_the_sender_and_only_as_much_as_used(
        self, each: Chain, contract: Any
    ) -> None:
        before = each.balance(bob.address)
        receipt = each.send(contract.functions.one(), by=bob)
        price = each.w3.eth.get_transaction_receipt(receipt.transaction_hash)["effectiveGasPrice"]
        assert before - each.balance(bob.address) == receipt.gas * price > 0

    def test_nobody_or_somebody_without_coins_can_ask(self, each: Chain, contract: Any) -> None:
        assert each.call(contract.functions.asker()) == "0x" + 40 * "0"
        poor = named("poor")
        assert each.balance(poor.address) == 0
        assert each.call(contract.functions.asker(), by=poor) == poor.address

    @pytest.mark.parametrize("name", REASONS)
    def test_a_refusal_says_why(self, each: Chain, contract: Any, name: str) -> None:
        arguments, reason = REASONS[name]
        function = contract.functions[name](*arguments)
        head = each.head
        with pytest.raises(Reverted) as sent:
            each.send(function, by=alice)
        with pytest.raises(Reverted) as called:
            each.call(function)
        assert sent.value.reason == called.value.reason == reason
        assert each.head == head  # nothing was sent, nothing was paid

    def test_a_constructor_that_refuses(self, each: Chain, refusals: Artifact) -> None:
        with pytest.raises(Reverted) as caught:
            each.deploy(refusals, False, by=alice)
        assert caught.value.reason == "NotBorn(why=not today)"

    def test_a_call_that_no_gas_is_enough_for(self, each: Chain, contract: Any) -> None:
        for attempt in (
            lambda: each.send(contract.functions.heavy(), by=alice),
            lambda: each.call(contract.functions.heavy()),
        ):
            with pytest.raises(ChainError, match=r"(?i)out ?of ?gas"):
                attempt()

    @staticmethod
    def request(each: Chain, call: Any) -> dict[str, Any]:
        return Sending(each.w3, each.chain_id, 10**12, call, alice, lambda _: None)._request(None)

    def test_a_refusal_in_the_block_only(
        self, each: Chain, contract: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # As if the chain changed between the trial and the block: tried with one, sent with bare.
        good, bad = contract.functions.one(), contract.functions.bare()
        request = self.request(each, good) | {"data": bad._encode_transaction_data()}
        monkeypatch.setattr(Sending, "_request", lambda *_: request)
        head = each.head
        with pytest.raises(Reverted) as caught:
            each.send(bad, by=alice)
        assert caught.value.reason == "Bare()"
        assert each.head.number == head.number + 1  # it was mined, and paid for

    def test_out_of_gas_in_the_block_only(
        self, each: Chain, contract: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        request = self.request(each, contract.functions.one()) | {"gas": 22_000}
        monkeypatch.setattr(Sending, "_request", lambda *_: request)
        with pytest.raises(Reverted, match="out of gas"):
            each.send(contract.functions.one(), by=alice)

    def test_a_sender_without_coins(self, each: Chain, contract: Any) -> None:
        with pytest.raises(ChainError, match="coins for the gas") as caught:
            each.send(contract.functions.one(), by=named("poor"))
        assert type(caught.value) is ChainError  # it was not the contract that refused
        assert 'b"' not in str(caught.value)  # no raw bytes in front of a reader

    # What could be a key by mistake isn't shown: a hash of a block or a transaction is one of these.
    HIDDEN = "a text of 66 characters"

    @pytest.mark.parametrize(
        ("number", "shown"), [(10**9, 10**9), (NOWHERE, HIDDEN), ("rubbish", "'rubbish'"), (-1, -1)]
    )
    def test_no_such_block(self, each: Chain, number: Any, shown: Any) -> None:
        with pytest.raises(ChainError, match=f"a block on this chain, got none numbered {shown}"):
            each.block(number)

    @pytest.mark.parametrize(("transaction", "shown"), [(NOWHERE, HIDDEN), ("0xab", "'0xab'")])
    def test_no_such_transaction(self, each: Chain, transaction: str, shown: str) -> None:
        with pytest.raises(ChainError, match=f"a transaction on this chain, got {shown},"):
            each.receipt(transaction)

    def test_no_such_contract(self, each: Chain, refusals: Artifact) -> None:
        with pytest.raises(ChainError, match=f"a contract at {bob.address}, got an address with"):
            each.contract(bob.address, refusals.abi)
        with pytest.raises(ChainError, match="the address of a contract, got '0x12'"):
            each.contract("0x12", refusals.abi)

    def test_a_contract_that_does_not_answer(self, each: Chain, refusals: Artifact) -> None:
        # Not through chain.contract(), which would notice: a chain restarted without its state.
        gone = each.w3.eth.contract(named("gone").address, abi=refusals.abi)
        with pytest.raises(ChainError, match="the contract's answer, got none"):
            each.call(gone.functions.count())

    def test_a_time_that_is_past_changes_nothing(self, each: Chain) -> None:
        head = each.head
        each.wait_until(head.time)
        each.wait_until(START)
        assert each.head == head

    def test_html_is_escaped(self, each: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
        assert each.head.hash in kit.views.html(each)
        monkeypatch.setattr(each, "backend", "<script>")
        assert "&lt;script&gt;" in kit.views.html(each)
        assert "<script>" not in kit.views.html(each)


class TestSimulated:
    """The embedded chain and anvil: their clock and their blocks are ours."""

    def test_the_clock_counts_blocks_not_seconds(self, simulated: Chain) -> None:
        step = timedelta(seconds=BLOCK_SECONDS)
        before = simulated.head
        assert simulated.now() == before.time + step
        after = simulated.mine(3)
        assert after == simulated.head
        assert after.number == before.number + 3
        times = [simulated.block(before.number + i).time - before.time for i in range(4)]
        assert times == [0 * step, step, 2 * step, 3 * step]

    def test_a_jump_lands_on_the_second(self, simulated: Chain) -> None:
        head = simulated.head
        then = simulated.now() + timedelta(days=11, seconds=5)
        simulated.wait_until(then)
        assert simulated.head.time == then
        assert simulated.head.number == head.number + 1
        assert simulated.mine().time == then + timedelta(seconds=BLOCK_SECONDS)

    def test_part_of_a_second_is_rounded_up(self, simulated: Chain) -> None:
        now = simulated.now()
        simulated.wait_until(now + timedelta(milliseconds=1))
        assert simulated.head.time == now + timedelta(seconds=1)

    def test_a_time_in_another_zone(self, simulated: Chain) -> None:
        then = simulated.now() + timedelta(hours=1)
        simulated.wait_until(then.astimezone(timezone(timedelta(hours=8))))
        assert simulated.head.time == then

    def test_snapshot_and_restore(self, simulated: Chain, refusals: Artifact) -> None:
        functions = simulated.deploy(refusals, True, by=alice).functions
        head, now, coins = simulated.head, simulated.now(), simulated.balance(bob.address)
        token = simulated.snapshot()
        sent = simulated.send(functions.one(), by=bob)
        simulated.mine(2)
        simulated.wait_until(now + timedelta(days=3))
        simulated.restore(token)
        assert (simulated.head, simulated.now()) == (head, now)
        assert simulated.balance(bob.address) == coins
        assert simulated.call(functions.count()) == 0
        with pytest.raises(ChainError):
            simulated.receipt(sent.transaction_hash)
        # The clock was wound back too: the same call is the same transaction at the same time.
        # (Not in the same block on anvil, which has random numbers in its blocks.)
        again = simulated.send(functions.one(), by=bob)
        assert again.transaction_hash == sent.transaction_hash
        assert (again.block.number, again.block.time) == (sent.block.number, sent.block.time)

    def test_restoring_what_is_no_snapshot(self, simulated: Chain) -> None:
        with pytest.raises(ChainError, match="a snapshot of this chain, got '0x99'"):
            simulated.restore("0x99")

    def test_everybody_funded_has_coins(self, simulated: Chain) -> None:
        # Others may have spent a little of them on gas before.
        assert all(simulated.balance(p.address) > 999 * 10**18 for p in kit.people.FUNDED)


class TestConnected:
    """Any node: nothing is simulated there."""

    @pytest.fixture
    def connected(self, anvil: Chain) -> Chain:
        return kit.chain.connect(anvil.url)  # type: ignore[attr-defined]

    def test_its_clock_is_that_of_whoever_started_the_chain(
        self, connected: Chain, anvil: Chain
    ) -> None:
        """Five years lay between the two, and nobody could review what the other had posted."""
        assert connected.now() == anvil.now()
        later = anvil.now() + timedelta(hours=1)
        connected.wait_until(later)
        assert anvil.head.time == later

    def test_elsewhere_its_clock_is_the_real_one(
        self, connected: Chain, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Chain, "is_lesson", False)
        before = datetime.now(UTC).replace(microsecond=0)
        assert before <= connected.now() <= datetime.now(UTC)
        head = kit.chain.Block(1, "0x" + 64 * "0", before + timedelta(hours=1))
        monkeypatch.setattr(Chain, "head", head)
        with pytest.raises(ChainError, match="Set this machine's clock"):
            connected.now()
        monkeypatch.setattr(Chain, "head", kit.chain.Block(1, "0x" + 64 * "0", before))
        with pytest.raises(ChainError, match=r"whose clock can be moved to .* got a connected"):
            connected.wait_until(before + timedelta(hours=1))

    def test_what_it_can_not_do(self, connected: Chain) -> None:
        for attempt in (connected.mine, connected.snapshot, lambda: connected.restore("0x0")):
            with pytest.raises(ChainError, match=r"a connected chain\. Use kit\.chain\.embedded"):
                attempt()

    def test_closing_leaves_the_node_alone(self, connected: Chain, anvil: Chain) -> None:
        with connected:
            pass
        assert anvil.head.number >= 0

    def test_a_chain_from_before_base_fees(self, connected: Chain, refusals: Artifact) -> None:
        class Old(Http):
            def make_request(self, method: Any, params: Any) -> Any:
                answer: Any = super().make_request(method, params)
                if method == "eth_getBlockByNumber":
                    answer["result"].pop("baseFeePerGas")
                return answer

        def kind(chain: Chain) -> int:
            chain.deploy(refusals, True, by=alice)
            newest: Any = chain.w3.eth.get_block("latest", full_transactions=True)
            return int(newest["transactions"][0]["type"])

        assert kind(connected) == 2
        url = connected.w3.provider.endpoint_uri  # type: ignore[attr-defined]
        assert kind(Chain(Old(url))) == 0  # a legacy transaction: such a chain knows no other

    def test_a_transaction_that_no_block_takes(
        self, anvil: Chain, contract_on_anvil: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(kit.chain.sending, "GIVE_UP", 0.2)
        anvil._ask("evm_setAutomine", False)  # type: ignore[attr-defined]
        try:
            with pytest.raises(ChainError, match="the transaction in a block"):
                anvil.send(contract_on_anvil.functions.one(), by=bob)
        finally:
            anvil._ask("evm_setAutomine", True)  # type: ignore[attr-defined]
            anvil.mine()
        assert anvil.call(contract_on_anvil.functions.count()) == 1  # it landed late

    @pytest.fixture
    def contract_on_anvil(self, anvil: Chain, refusals: Artifact) -> Any:
        return anvil.deploy(refusals, True, by=alice)


# --- addresses where no node answers -------------------------------------------------------------


class _Answers(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, body = self.server.answer  # type: ignore[attr-defined]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """A web server that is no node: it gives ``server.answer`` to whatever is asked."""
    with HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def _answer(**content: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": 0} | content).encode()


def test_connect_to_a_node(server: HTTPServer) -> None:
    # So that the answers below are refused for what they are.
    server.answer = (200, _answer(result="0x7b"))  # type: ignore[attr-defined]
    assert kit.chain.connect(f"http://127.0.0.1:{server.server_port}/").chain_id == 123


PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "user:a@127.0.0.1"])
def test_this_machine_is_asked_without_a_proxy(
    host: str, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(server, "answer", (200, _answer(result="0x7b")), raising=False)
    assert kit.chain.connect(f"http://{host}:{server.server_port}/").chain_id == 123


def test_another_machine_is_asked_through_the_proxy(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in PROXIES:
        monkeypatch.setenv(name, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(server, "answer", (200, _answer(result="0x7b")), raising=False)
    assert kit.chain.connect("http://node.example:8545/").chain_id == 123


@pytest.mark.parametrize(
    ("url", "here"),
    [
        *[
            (f"http://{host}/", True)
            for host in ("[::1]", "127.1.2.3", "a.localhost", "localhost.")
        ],
        *[
            (f"http://{host}/", False)
            for host in ("1.1.1.1", "127.0.0.1.example", "localhost.io", "[::2]")
        ],
    ],
)
def test_what_is_on_this_machine(url: str, here: bool) -> None:
    assert kit.chain.rpc.is_loopback(url) is here


@pytest.mark.parametrize(
    "answer",
    [
        (500, b"Internal Server Error"),
        (200, b"<html>Log in first</html>"),
        (200, b"\xff\xfe"),
        (200, b"{}"),
        (200, b"[]"),
        (200, b"null"),
        (200, _answer(result=None)),
        (200, _answer(result="rubbish")),
        (200, _answer(error="rubbish")),
        (200, _answer(error={"code": -32601, "message": "no such method"})),
    ],
)
def test_connect_to_what_is_no_node(server: HTTPServer, answer: tuple[int, bytes]) -> None:
    server.answer = answer  # type: ignore[attr-defined]
    with pytest.raises(NodeDown, match=f"a JSON-RPC node at 127.0.0.1:{server.server_port}, got"):
        kit.chain.connect(f"http://127.0.0.1:{server.server_port}/")


def test_connect_to_a_refused_port_names_the_host_and_no_secret(server: HTTPServer) -> None:
    port = server.server_port
    server.shutdown()  # first: its thread would look at a closed socket
    server.server_close()
    with pytest.raises(NodeDown) as caught:
        kit.chain.connect(f"http://somebody:password@127.0.0.1:{port}/v3/key?token=key")
    assert f"127.0.0.1:{port}," in str(caught.value)
    assert not any(secret in str(caught.value) for secret in ("somebody", "password", "key", "v3"))


@pytest.mark.parametrize(
    "url", ["ftp://x.example/key", "ws://x.example/key", "x.example/key", "http://[::1/key", ""]
)
def test_connect_to_another_kind_of_address(url: str) -> None:
    with pytest.raises(ChainError, match="starts with http:// or https://") as caught:
        kit.chain.connect(url)
    assert type(caught.value) is ChainError
    assert "key" not in str(caught.value)


# --- the embedded chain alone --------------------------------------------------------------------


def _python(script: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# A contract that is one STOP, written out so that no change of a compiler or contract matters here.
WORK = """
import kit
from datetime import timedelta
chain = kit.chain.embedded()
stop = kit.chain.Artifact("Stop", [], "0x6001600c60003960016000f300", "0x00", "none")
chain.deploy(stop, by=kit.people.alice)
chain.mine(2)
chain.wait_until(chain.now() + timedelta(days=1))
chain.deploy(stop, by=kit.people.bob)
print(chain.genesis_hash, chain.head.number, chain.head.hash)
"""


def test_all_hashes_are_the_same_in_every_process() -> None:
    first, second = _python(WORK), _python(WORK)
    assert first == second
    assert first.split() == [
        "0x10fc269c90033f7f2575e1214e160fb6b4ecf029b34cc8210e00db8deb8d6989",
        "5",
        "0xfe6f0305b11d68e7d4b44148a3de1999fcd6417522c8978c56b3111e28464d30",
    ]


def test_genesis_is_at_start_and_blocks_come_every_twelve_seconds(chain: Chain) -> None:
    assert (chain.head.number, chain.head.time) == (0, START)
    assert chain.mine().time == START + timedelta(seconds=12)
    assert BLOCK_SECONDS == 12


def test_two_chains_do_not_share_state(chain: Chain) -> None:
    other = kit.chain.embedded()
    chain.mine(2)
    assert (chain.head.number, other.head.number) == (2, 0)


def test_it_opens_no_thread_socket_or_process() -> None:
    assert (
        _python("""
import sys, threading
seen = []
sys.addaudithook(lambda event, _: seen.append(event))
start = threading.Thread.start
threading.Thread.start = lambda self: (seen.append("thread"), start(self))
import kit.chain
kit.chain.embedded  # loads it
seen.clear()  # urllib3, which web3 imports, tries once whether there is IPv6
chain = kit.chain.embedded()
chain.deploy(kit.chain.load_artifact("DiaryStorage"), by=kit.people.alice)
watched = {"thread", "socket.__new__", "socket.connect", "socket.bind", "subprocess.Popen", "os.fork"}
print(sorted(watched.intersection(seen)))
import socket  # and would we have noticed?
socket.socket().close()
threading.Thread(target=int).start()
print(sorted(watched.intersection(seen)))
""")
        == "[]\n['socket.__new__', 'thread']"
    )


def _seconds(what: str, before: str = "") -> float:
    """Return how long some code takes in a new process: the lesser of two."""
    script = (
        f"{before}\nimport time; t = time.perf_counter(); {what}; print(time.perf_counter() - t)"
    )
    return min(float(_python(script)) for _ in range(2))


def test_import_kit_takes_no_longer_than_web3() -> None:
    assert _seconds("import kit") <= 1.2 * _seconds("import web3")


def test_it_is_up_as_soon_as_eth_tester_s_own() -> None:
    own = "from eth_tester import EthereumTester as T, PyEVMBackend as B; P(T(B()))"
    peer = _seconds(own, "from web3 import EthereumTesterProvider as P")
    assert _seconds("kit.chain.embedded()", "import kit.chain; kit.chain.embedded") <= 2 * peer


def test_a_block_has_the_gas_that_was_used_in_it(chain: Chain) -> None:
    contract = chain.deploy(load_artifact("DiaryStorage"), by=alice)
    receipt = chain.send(contract.functions.store(b"1" * 32), by=alice)
    assert chain.block(receipt.block.number).gas == receipt.block.gas == receipt.gas > 0
    assert chain.block(0).gas == 0
    assert "gas" not in repr(receipt.block)


def test_receipt_shows_itself() -> None:
    block = kit.chain.Block(7, "0xb10c", START)
    receipt = Receipt("0x<b>", block, 43_493, "0x<i>")
    assert repr(receipt) == "Receipt 0x<b> in block 7, 43,493 gas"
    shown = kit.views.html(receipt)
    assert "0x&lt;b&gt;" in shown
    assert "0x&lt;i&gt;" in shown
    assert "43,493" in shown
    assert "2021-09-09 16:00:00 UTC" in shown
    assert "new contract" not in kit.views.html(Receipt("0x1", block, 1))


# --- gas on the chain inside this process --------------------------------------------------------

GAS = """
// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

contract Gas {
    uint256[8] private _x;

    function fill() public {
        for (uint256 i = 0; i < 8; i++) _x[i] = i + 1;
    }

    function clear() external {
        delete _x; // gives gas back
    }

    function nest(uint256 depth) external {
        if (depth == 0) fill();
        else Gas(address(this)).nest(depth - 1); // each call keeps a 64th of the gas back
    }

    function fail() external pure {
        revert("never");
    }
}
"""


def test_the_estimate_is_py_evm_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from eth.estimators.gas import binary_gas_search_intrinsic_tolerance

    from kit.chain import embedded_chain as embedded

    quick, tried = embedded._estimate, []

    def both(state: Any, transaction: Any) -> int:
        found = quick(state, transaction)
        tried.append((found, binary_gas_search_intrinsic_tolerance(state, transaction)))
        return found

    monkeypatch.setattr(embedded, "_estimate", both)
    chain = kit.chain.embedded()
    contract = chain.deploy(compile_source(GAS, "Gas"), by=kit.people.alice)
    for call in (
        contract.functions.fill(),
        contract.functions.clear(),
        contract.functions.nest(0),
        contract.functions.nest(12),
    ):
        chain.send(call, by=kit.people.alice)
    with pytest.raises(Reverted, match="never"):
        chain.send(contract.functions.fail(), by=kit.people.alice)
    assert len(tried) == 5  # the one that fails is no estimate
    assert [quick for quick, _ in tried] == [slow for _, slow in tried]


def test_the_events_are_those_that_eth_tester_lists(chain: Any) -> None:
    """Of ranges, contracts and topics; after the chain was wound back, too; and again."""
    tester = chain._tester
    logs = [kit.log.Log.deploy(chain, by=registrar) for _ in range(2)]

    def same() -> int:
        head, found = chain.head.number, 0
        topics = tester.get_logs(0, head)[0]["topics"]
        for asked in [
            *((first, last) for first in range(head + 1) for last in range(first, head + 1)),
            (2, 1),
            (0, head, logs[1].address),
            *((0, head, None, wanted) for wanted in (topics[:1], [None, topics[1]], [topics[1]])),
            ("earliest", "latest"),
            (None, None),
        ]:
            listed = tester.get_logs(*asked)
            assert listed == EthereumTester.get_logs(tester, *asked)
            found += len(listed)
            for log in listed:
                log.clear()  # whoever asked may do with it what they like
        with pytest.raises(BlockNotFound):
            tester.get_logs(0, head + 1)
        return found

    before = chain.snapshot()
    logs[0].grant(MODERATOR_ROLE, bob.address, by=registrar)
    logs[1].append("0x" + "11" * 32, 0, 1, by=registrar)
    found = same()
    assert found > 20
    chain.restore(before)
    assert same() < found
    logs[1].grant(MODERATOR_ROLE, alice.address, by=registrar)
    logs[0].append("0x" + "22" * 32, 0, 1, by=registrar)
    assert same() == found


def _refusal(said: bytes) -> str:
    """The data of Solidity's ``Error(string)`` whose text is these bytes."""
    words = (32).to_bytes(32) + len(said).to_bytes(32) + said + bytes(-len(said) % 32)
    return "0x08c379a0" + words.hex()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (_refusal("不行".encode()), "不行"),
        (_refusal(b""), "no reason was given"),
        (_refusal(b"\xff\xfe"), "reverted by a node"),
        (_refusal("不行".encode("gbk")), "reverted by a node"),
        (_refusal(b"\x1b[2J\r\nno\x00"), "[2J no"),
        (_refusal(b"a" * 100_000), "a" * 299 + "…"),
        ("0x08c379a0", "reverted by a node"),
        ("0x08c379a", "reverted by a node"),
        ("0xno hex", "reverted by a node"),
        ("", "reverted by a node"),
        (None, "reverted by a node"),
    ],
)
def test_whatever_a_refusal_says_is_one_bounded_line(data: str | None, reason: str) -> None:
    chain = kit.chain.embedded()
    with pytest.raises(Reverted) as caught, chain._readable():
        raise ContractLogicError("execution reverted: reverted by a node", data=data)
    assert caught.value.reason == reason


ARTIFACT = load_artifact("DiaryStorage")
LISTED = list(ARTIFACT.abi)


@pytest.mark.parametrize(
    "abi",
    [
        ARTIFACT,
        LISTED,
        tuple(LISTED),
        {"abi": LISTED, "_format": "hh-sol-artifact-1", "bytecode": "0x"},
        json.dumps(LISTED),
        json.dumps({"abi": LISTED, "contractName": "DiaryStorage"}),
    ],
    ids=["ours", "list", "tuple", "Hardhat's", "JSON", "Hardhat's JSON"],
)
def test_an_abi_as_people_have_it(abi: Any) -> None:
    chain = kit.chain.embedded()
    there = chain.deploy(ARTIFACT, by=alice)
    assert list(chain.contract(there.address, abi).abi) == LISTED
    assert chain.events(there.address, abi, "EntryStored").empty


@pytest.mark.parametrize(
    "abi", ["", "{", "null", "[1]", "[[]]", '"abi"', {}, {"abi": "x"}, [{}], [None], "[" * 100_000]
)
def test_what_is_no_abi(abi: Any) -> None:
    chain = kit.chain.embedded()
    there = chain.deploy(ARTIFACT, by=alice)
    for ask in (chain.contract, functools.partial(chain.events, name="EntryStored")):
        with pytest.raises(ChainError, match="Expected the ABI of a contract, got") as caught:
            ask(there.address, abi)
        assert len(str(caught.value)) < 300


def test_the_wrong_arguments_for_a_constructor_are_our_error() -> None:
    chain, artifact = kit.chain.embedded(), load_artifact("DiaryLog")
    key = "0x" + "7" * 64
    for arguments in ((), (alice.address,), (alice.address, key), (1, 2), (None, alice.address)):
        with pytest.raises(ChainError, match="the arguments of DiaryLog's constructor") as caught:
            chain.deploy(artifact, *arguments, by=registrar)
        assert key not in str(caught.value)
    assert chain.deploy(artifact, alice.address, bob.address, by=registrar).address


# --- finality ------------------------------------------------------------------------------------


def test_the_page_counts_blocks_as_final_where_the_kit_does() -> None:
    told = json.loads(Path(kit.__file__).parent.joinpath("core/words.json").read_text("utf-8"))
    assert told["finality"] == {
        "depth": kit.chain.FINALITY,
        "lessons_begin": int(START.timestamp()),
    }


@pytest.mark.parametrize("begin", [kit.chain.embedded, kit.chain.anvil])
def test_on_a_lesson_s_chain_each_block_is_final_at_once(begin: Any) -> None:
    with begin() as chain:
        chain.mine(3)
        assert chain.final_block() == chain.head.number
        if chain.backend == "anvil":
            assert kit.chain.connect(chain.url).final_block() == chain.head.number
            assert kit.chain.connect(chain.url, finality=2).final_block() == chain.head.number - 2
    with begin(finality=2) as chain:
        chain.mine(3)
        assert chain.final_block() == chain.head.number - 2


def test_which_block_is_final_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the node calls so; where it calls none so, the one with 64 on top. A lapse is no answer."""
    chain = Chain(kit.chain.embedded().w3.provider)
    monkeypatch.setattr(Chain, "is_lesson", False)
    said: dict[Any, Any] = {"latest": 100}

    def block(self: Chain, which: Any) -> Any:
        if isinstance(said.get(which), int):
            return kit.chain.Block(said[which], "0x" + 64 * "0", START)
        raise said.get(which, ChainError("a block", "none", "Ask another node."))

    monkeypatch.setattr(Chain, "block", block)
    assert chain.final_block() == 100 - kit.chain.FINALITY
    said["finalized"] = 0  # of a node that knows no finality, or of a young chain
    assert chain.final_block() == 100 - kit.chain.FINALITY
    said["finalized"] = 90
    assert chain.final_block() == 90
    del said["finalized"]
    with pytest.raises(ChainError):
        chain.final_block()
    assert Chain(chain.w3.provider, finality=7).final_block() == 93


@pytest.mark.parametrize("begin", [kit.chain.embedded, kit.chain.anvil])
def test_a_finality_below_0_is_none(begin: Any) -> None:
    with pytest.raises(ChainError, match="0 makes each block final at once"):
        begin(finality=-1)
