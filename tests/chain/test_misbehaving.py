"""The misbehaving node does what its rules say; the kit answers with a value or its own errors."""

from __future__ import annotations

import http.client
import random
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest

import kit
import kit.chain.base
import kit.chain.rpc
import kit.chain.sending
from kit import people
from kit.chain import Chain
from kit.chain.anvil_chain import AnvilChain
from kit.diary import Diary
from kit.errors import ChainError, KitError, NodeDown, NothingWaiting, Reverted, WrongChain
from kit.log import REGISTRAR_ROLE, Log
from tests.misbehaving import (
    SEED,
    Answer,
    Delay,
    Drip,
    DropFilters,
    DropTransaction,
    Duplicate,
    HoldTransaction,
    Lag,
    LoseAnswer,
    LoseQuestion,
    Malformed,
    Node,
    Question,
    RateLimit,
    Reorder,
    Rule,
    Stale,
    SwitchChain,
    drop,
    move,
    reorder,
    settle,
    transaction_hash,
    transactions,
)

ROOTS = ["0x" + digit * 64 for digit in "123"]


@pytest.fixture(scope="module")
def own() -> Iterator[AnvilChain]:
    """A chain that may be reorganised."""
    with kit.chain.anvil() as chain:
        yield chain


@pytest.fixture
def log(own: AnvilChain) -> Log:
    """A log with three batches, each in its block."""
    log = Log.deploy(own, by=people.registrar)
    for number, root in enumerate(ROOTS):
        log.append(root, number, 1, by=people.registrar)
    return log


@pytest.fixture
def node(own: AnvilChain) -> Iterator[Node]:
    with Node(own.url) as node:
        yield node


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a node waits shortly."""
    monkeypatch.setattr(kit.chain.rpc, "PAUSES", (0.01, 0.01))
    monkeypatch.setattr(kit.chain.base, "LAG", 0.3)
    monkeypatch.setattr(kit.chain.base, "sleep", lambda _: None)
    monkeypatch.setattr(kit.chain.sending, "_LAG", 0.1)
    monkeypatch.setattr(kit.chain.sending, "RAISE_AFTER", 0.1)
    monkeypatch.setattr(kit.chain.sending, "GIVE_UP", 0.3)


def seen(node: Node, log: Log) -> Log:
    """Return a log as the kit sees it through a node."""
    return Log(kit.chain.connect(node.url), log.address)


def asked(node: Node, method: str, *params: Any) -> Any:
    return node.answer(Question(method, list(params))).result


def raw_batch(log: Log, count: int = 1) -> str:
    """Return a signed transaction that appends a batch."""
    call = log._function("append", b"\7" * 32, log.record_count(), count)
    nonce = log.chain.nonce(people.registrar.address)
    request = call.build_transaction({"from": people.registrar.address, "nonce": nonce})
    return people.registrar.sign_transaction(request).raw_transaction.to_0x_hex()


def by_http(node: Node, method: str = "eth_blockNumber") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", int(node.url.rsplit(":", 1)[1]))
    with closing(connection):
        connection.request("POST", "/", f'{{"id": 1, "method": "{method}", "params": []}}')
        response = connection.getresponse()
        response.body = response.read()  # type: ignore[attr-defined]
        return response


# --- what each rule does -------------------------------------------------------------------------


def test_without_rules_it_is_the_node_behind(node: Node, log: Log) -> None:
    assert seen(node, log).batches() == log.batches()
    assert node.asked["eth_getLogs"] == 1
    assert by_http(node).status == 200


def test_a_share_of_the_questions_by_a_seeded_chance(own: AnvilChain) -> None:
    came = []
    for seed in (1, 1, 2):
        rule = SwitchChain(0.3)
        with Node(own.url, rule, seed=seed) as node:
            came.append([asked(node, "eth_chainId") == "0x1" for _ in range(200)])
        assert 30 < rule.happened == sum(came[-1]) < 90
    assert came[0] == came[1] != came[2]


def test_a_rule_with_a_fault_of_its_own_is_noticed(own: AnvilChain) -> None:
    def faulty() -> None:
        with Node(own.url, Rule()) as node:
            assert by_http(node).status == 500

    with pytest.raises(NotImplementedError):
        faulty()


def test_the_first_rule_stands_nearest_to_whoever_asks(node: Node) -> None:
    far, near = SwitchChain(chain_id=2), SwitchChain(chain_id=3)
    node.rules = [near, far]
    assert asked(node, "eth_chainId") == "0x3"
    assert far.happened == 0


def test_lag(node: Node, log: Log) -> None:
    head, last = log.chain.head.number, log.batches()[-1].anchor
    lag = Lag()
    node.rules = [lag]
    assert asked(node, "eth_blockNumber") == hex(head - 1)
    assert asked(node, "eth_getBlockByNumber", "latest", False)["number"] == hex(head - 1)
    assert asked(node, "eth_getTransactionReceipt", last.transaction_hash) is None
    assert asked(node, "eth_getBlockByHash", last.block_hash, False) is None
    assert asked(node, "eth_getLogs", {"fromBlock": hex(head)}) == []
    assert seen(node, log).record_count() == 2
    assert len(seen(node, log).batches(0, head)) == 2
    lag.blocks = 2
    assert seen(node, log).record_count() == 1
    lag.share = 0
    assert seen(node, log).record_count() == 3


def test_stale(node: Node, log: Log) -> None:
    rule = Stale()
    node.rules = [rule]
    through = seen(node, log)
    assert through.record_count() == 3
    log.append(ROOTS[0], 3, 1, by=people.registrar)
    assert through.record_count() == 3
    rule.share = 0
    assert through.record_count() == 4
    rule.share = 1  # it remembers the newest answer that it has passed on
    assert through.record_count() == 4


def test_a_lost_answer_and_a_lost_question(node: Node, log: Log) -> None:
    through = seen(node, log)
    node.rules = [LoseQuestion()]
    with pytest.raises(NodeDown, match="got ConnectionError"):
        through.append(ROOTS[0], 3, 1, by=people.registrar)
    assert log.record_count() == 3
    node.rules = [LoseAnswer()]
    with pytest.raises(NodeDown, match="got ConnectionError"):
        through.append(ROOTS[0], 3, 1, by=people.registrar)
    assert log.record_count() == 4


def test_delay_and_drip(node: Node, log: Log) -> None:
    node.rules = [Delay(seconds=0.1)]
    began = time.monotonic()
    assert by_http(node).status == 200
    assert time.monotonic() - began > 0.1
    node.rules = [Drip(seconds=0.005)]
    began = time.monotonic()
    assert seen(node, log).batches() == log.batches()
    assert time.monotonic() - began > 3 * 15 * 0.005  # three questions and more, 15 pieces and more


def test_duplicate(node: Node, log: Log) -> None:
    node.rules = [Duplicate()]
    assert len(asked(node, "eth_getLogs", {"address": log.address, "fromBlock": "0x0"})) == 2 * 5
    assert seen(node, log).batches() == log.batches()
    with pytest.raises(ChainError, match="nonce too low"):
        seen(node, log).append(ROOTS[0], 3, 1, by=people.registrar)
    assert log.record_count() == 4


def test_reorder(node: Node, log: Log) -> None:
    rule = Reorder()
    node.rules = [rule]
    choice = {"address": log.address, "fromBlock": "0x0"}
    orders = {str(asked(node, "eth_getLogs", choice)) for _ in range(10)}
    assert len(orders) > 5
    for _ in range(5):
        assert seen(node, log).batches() == log.batches()
    assert rule.happened == 15


@pytest.mark.parametrize("forgotten", ["address", "topics", "blocks"])
def test_drop_filters(forgotten: str, node: Node, log: Log) -> None:
    other = Log.deploy(log.chain, by=people.registrar)  # with events of its own
    other.append(ROOTS[0], 0, 1, by=people.registrar)
    last = log.batches()[-1].anchor.block_number
    choice = {
        "address": log.address,
        "topics": [log.contract.events.BatchAppended().topic],
        "fromBlock": "0x0" if forgotten == "address" else hex(last),
        "toBlock": "latest",
    }
    if forgotten == "topics":
        choice |= {"fromBlock": "0x0", "toBlock": hex(last - 3)}  # the roles only
    before = asked(node, "eth_getLogs", choice)
    node.rules = [DropFilters(forgets=(forgotten,))]
    assert len(asked(node, "eth_getLogs", choice)) > len(before)
    assert seen(node, log).batches(last, last) == log.batches()[-1:]


def test_rate_limit(node: Node, log: Log) -> None:
    node.rules = [RateLimit()]
    assert (by_http(node).status, by_http(node).getheader("Retry-After")) == (429, None)
    node.rules = [RateLimit(retry_after="7")]
    assert (by_http(node).status, by_http(node).getheader("Retry-After")) == (429, "7")
    with pytest.raises(NodeDown, match="HTTP status 429"):
        seen(node, log)
    node.rules = []
    through = seen(node, log)
    node.rules = [RateLimit(0.2)]
    assert through.batches() == log.batches()


def test_malformed(node: Node) -> None:
    good = by_http(node).body  # type: ignore[attr-defined]
    node.rules = [Malformed()]
    came = {by_http(node).body for _ in range(50)}  # type: ignore[attr-defined]
    assert len(came) > 20
    assert good not in came


def test_switch_chain(node: Node, own: AnvilChain) -> None:
    chain = kit.chain.connect(node.url)
    log = Log.deploy(chain, by=people.registrar)
    rule = SwitchChain(chain_id=5)
    node.rules = [rule]
    assert kit.chain.connect(node.url).chain_id == 5
    assert asked(node, "net_version") == "5"
    with pytest.raises(ChainError):  # signed for 5, and the node behind is on 31337
        Log.deploy(kit.chain.connect(node.url, lesson_keys=True), by=people.registrar)
    assert log.record_count() == 0
    node.rules = []
    with kit.chain.anvil() as other:
        node.behind = other.url
        with pytest.raises(ChainError):
            log.record_count()


def test_drop_transaction(node: Node, log: Log) -> None:
    through, rule = seen(node, log), DropTransaction()
    node.rules = [rule]
    raw = raw_batch(log)
    assert asked(node, "eth_sendRawTransaction", raw) == transaction_hash(raw)
    with pytest.raises(ChainError, match="the transaction in a block"):
        through.append(ROOTS[0], 3, 1, by=people.registrar)
    assert log.record_count() == 3
    node.rules = []
    assert asked(node, "eth_sendRawTransaction", raw) == transaction_hash(raw)  # anvil says so, too
    assert log.record_count() == 4


def test_hold_transaction(node: Node, log: Log) -> None:
    node.rules = [HoldTransaction(questions=3)]
    raw = raw_batch(log)
    assert asked(node, "eth_sendRawTransaction", raw) == transaction_hash(raw)
    for count in (3, 3, 4):
        asked(node, "eth_blockNumber")
        assert log.record_count() == count
    assert seen(node, log).append(ROOTS[0], 4, 1, by=people.registrar).first_seq == 4


# --- what the kit makes of it --------------------------------------------------------------------

RULES = [
    Lag(0.3),
    Stale(0.3),
    LoseAnswer(0.5),
    LoseAnswer(0.1, about=("eth_",)),
    LoseQuestion(0.1, about=("eth_",)),
    Delay(0.3, seconds=0.01),
    Duplicate(0.5),
    Reorder(),
    DropFilters(),
    RateLimit(0.3),
    RateLimit(0.3, retry_after="1"),
    Malformed(0.1),
    Drip(0.3),
    SwitchChain(0.5),
    DropTransaction(0.5),
    HoldTransaction(0.5),
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
def test_the_kit_ends_with_a_value_or_its_own_error(
    rule: Rule, node: Node, own: AnvilChain
) -> None:
    """And when the node behaves again, each record is on the log once."""
    with closing(Diary.open(kit.chain.connect(node.url))) as diary:
        came = []
        for number in range(3):
            entry = diary.post(people.alice, f"第{number}天", place="泉州")
            diary.review(entry, by=people.moderator, approve=True)
            node.rules = [rule]
            for use in (diary.publish, diary.records, lambda: _look(node, diary.log.address)):
                try:
                    came.append(type(use()).__name__)
                except KitError as error:
                    came.append(type(error).__name__)
            node.rules = []
        assert rule.happened
        _publish_all(diary)
        assert diary.records()["proved"].all()
        assert diary.log.record_count() == len(diary.leaves()) == 6, came
        assert Log(own, diary.log.address).batches() == diary.log.batches()


def _look(node: Node, contract: str) -> Chain:
    """What somebody asks a node who comes anew."""
    chain = kit.chain.connect(node.url)
    log = Log(chain, contract)
    log.check_code()
    log.was_moderator(people.moderator.address, chain.now())
    log.root(0)
    log.events()
    return chain


def _publish_all(diary: Diary) -> None:
    for _ in range(20):
        try:
            diary.publish()
        except NothingWaiting:
            return
        except Reverted:  # the machine in front had dropped its number
            continue
    raise AssertionError("it never ends")


def test_another_chain_half_way_is_noticed(node: Node, own: AnvilChain) -> None:
    with closing(Diary.open(kit.chain.connect(node.url))) as diary:
        entry = diary.post(people.alice, "第一天", place="泉州")
        diary.review(entry, by=people.moderator, approve=True)
        with kit.chain.anvil() as other:
            node.behind = other.url
            with pytest.raises((ChainError, WrongChain)):
                diary.publish()
            assert other.head.number == 0
        node.behind = own.url
        assert diary.publish().count == 2


# --- reorganisations -----------------------------------------------------------------------------


def test_dropped_blocks(own: AnvilChain, log: Log) -> None:
    before, head = log.batches(), own.head
    gone = drop(own, 2)
    assert [transaction_hash(raw) for raw in gone] == [
        b.anchor.transaction_hash for b in before[1:]
    ]
    assert log.batches() == before[:1]
    assert own.head.number == head.number
    assert own.head.hash != head.hash
    with pytest.raises(ChainError, match="a transaction on this chain"):
        own.receipt(before[1].anchor.transaction_hash)
    with pytest.raises(ChainError, match="a block on this chain"):
        own.block(before[1].anchor.block_hash)
    own.mine(2)
    assert log.record_count() == 1  # they don't come back by themselves
    for raw in gone:
        own._ask("eth_sendRawTransaction", raw)
    settle(own._ask)
    assert [b.root for b in log.batches()] == ROOTS


def test_moved_blocks(own: AnvilChain, log: Log) -> None:
    own.mine()
    before = log.batches()
    assert len(move(own, 3)) == 2
    after = log.batches()
    assert [b.root for b in after] == ROOTS
    assert [b.anchor.transaction_hash for b in after] == [b.anchor.transaction_hash for b in before]
    numbers = [b.anchor.block_number for b in before]
    assert [b.anchor.block_number for b in after] == [numbers[0], numbers[1] + 1, numbers[2] + 1]
    assert after[0] == before[0]
    assert {b.anchor.block_hash for b in after[1:]}.isdisjoint(b.anchor.block_hash for b in before)
    move(own, 3, by=5)
    assert {b.anchor.block_number for b in log.batches()[1:]} == {own.head.number}


def test_blocks_in_another_order(own: AnvilChain, log: Log) -> None:
    log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
    log.append(ROOTS[0], 3, 1, by=people.registrar)
    log.append(ROOTS[1], 4, 1, by=people.bob)
    first, second = (raw for block in transactions(own, 2) for raw in block)
    chance = random.Random(SEED)  # noqa: S311
    assert reorder(own, 2, chance) == [second, first]
    # Bob came too early: his transaction stands there, and failed.
    assert own.raw_receipt(transaction_hash(second))["status"] == 0
    assert own.raw_receipt(transaction_hash(first))["status"] == 1
    assert [b.registrar for b in log.batches()[3:]] == [people.registrar.address]


def test_a_sender_s_transactions_keep_their_order_and_land_no_earlier(
    own: AnvilChain, log: Log
) -> None:
    chance = random.Random(SEED)  # noqa: S311
    own.mine(3)
    places = [[b.anchor.block_number for b in log.batches()]]
    for _ in range(4):
        reorder(own, 6, chance)
        assert [b.root for b in log.batches()] == ROOTS
        places.append([b.anchor.block_number for b in log.batches()])
    assert all(a <= b for pair in pairwise(places) for a, b in zip(*pair, strict=True))
    assert places[0] < places[1]


def test_a_reorganisation_is_one_at_the_lowest_fee_as_well(own: AnvilChain) -> None:
    """Blocks differ by their base fee alone, until it can't fall any lower."""
    own.mine(200)
    drop(own, 1)
    assert drop(own, 1) == []


def test_answers() -> None:
    assert Answer({}).body == b"{}"
    assert not Answer({"result": 1}, lost=True).is_good
