"""How a transaction comes onto a chain: its fee is raised, it lands once, and it may be gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from threading import Timer
from typing import Any

import pytest

import kit
import kit.chain.sending
from kit import people
from kit.chain import Chain, SignedTransaction, load_artifact
from kit.chain.anvil_chain import AnvilChain
from kit.chain.rpc import Http
from kit.errors import ChainError, NothingWaiting
from tests.misbehaving import DropTransaction, LoseAnswer, Node


@pytest.fixture
def node() -> Iterator[AnvilChain]:
    """A node that makes a block when it is told to."""
    with kit.chain.anvil() as chain:
        yield chain


@pytest.fixture
def diary(node: AnvilChain) -> Iterator[kit.Diary]:
    with closing(kit.Diary.open(node)) as diary:
        post(diary, "一")
        node._ask("evm_setAutomine", False)
        yield diary


def post(diary: kit.Diary, text: str) -> None:
    entry = diary.post(people.alice, text, place="泉州")
    diary.review(entry, by=people.moderator, approve=True)


def pool(chain: Any) -> list[dict[str, Any]]:
    """The registrar's transactions that wait."""
    waiting = chain._ask("txpool_content")["pending"]
    return list(waiting.get(people.registrar.address.lower(), {}).values())


def lands_once(diary: kit.Diary, records: int = 2) -> None:
    diary.chain._ask("evm_setAutomine", True)  # type: ignore[attr-defined]
    diary.chain.mine()
    while True:
        try:
            diary.publish()
        except NothingWaiting:
            break
    assert diary.log.record_count() == records
    assert diary.records()["proved"].all()
    assert diary.outbox.pending() is None


def test_one_that_waits_is_replaced_by_a_dearer_one_of_the_same_number(
    diary: kit.Diary, node: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.chain.sending, "RAISE_AFTER", 0.2)
    seen: list[dict[str, Any]] = []
    note = diary.outbox.note

    def look(batch: Any, sent: SignedTransaction) -> None:
        seen.extend(pool(node))  # what waited until then
        note(batch, sent)
        if len(diary.outbox.sent(batch)) == 3:
            Timer(0.3, node.mine).start()

    monkeypatch.setattr(diary.outbox, "note", look)
    batch = diary.publish()
    sent = diary.outbox.sent(diary.outbox.at(0))  # type: ignore[arg-type]
    assert len(sent) >= 3
    assert len({one.nonce for one in sent}) == 1
    assert len({one.hash for one in sent}) == len(sent)
    for before, after in pairwise(sent):
        assert after.fee >= 1.1 * before.fee
    for name in ("maxFeePerGas", "maxPriorityFeePerGas"):  # nodes want both a tenth higher
        fees = [int(one[name], 16) for one in seen]
        assert all(after >= 1.1 * before for before, after in pairwise(fees))
        assert fees
    assert batch.anchor.transaction_hash in {one.hash for one in sent}
    lands_once(diary)
    assert node.nonce(people.registrar.address) == sent[0].nonce + 1  # and no other of them


def test_nothing_is_signed_above_the_limit(node: AnvilChain) -> None:
    low = kit.chain.connect(node.url, fee_limit=5)
    alike = "a fee of at most 5 wei a unit of gas, got one of .* pass a higher fee_limit"
    with pytest.raises(ChainError, match=alike):
        low.deploy(load_artifact("DiaryStorage"), by=people.alice)
    with closing(kit.Diary.open(node)) as diary:
        post(diary, "一")
        diary.chain.fee_limit = 5
        with pytest.raises(ChainError, match=alike):
            diary.publish()
        pending = diary.outbox.pending()
        assert pending is not None
        assert diary.outbox.sent(pending) == []
        diary.chain.fee_limit = kit.chain.FEE_LIMIT
        lands_once(diary)


def test_a_fee_is_not_raised_above_the_limit(
    diary: kit.Diary, node: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.chain.sending, "RAISE_AFTER", 0.1)
    monkeypatch.setattr(kit.chain.sending, "GIVE_UP", 0.8)
    diary.publish(wait=False)
    (first,) = diary.outbox.sent(diary.outbox.pending())  # type: ignore[arg-type]
    node.fee_limit = int(first.fee * 1.3)
    with pytest.raises(ChainError, match=r"the transaction in a block, got 0x.* which still waits"):
        diary.publish()
    sent = diary.outbox.sent(diary.outbox.pending())  # type: ignore[arg-type]
    assert [one.fee <= node.fee_limit for one in sent] == [True, True]
    lands_once(diary)


class Legacy(Http):
    """A node of a chain that knows no base fee."""

    def make_request(self, method: Any, params: Any) -> Any:
        answer: Any = super().make_request(method, params)
        if method == "eth_getBlockByNumber":
            answer["result"].pop("baseFeePerGas", None)
        return answer


def test_a_chain_of_old_raises_its_one_fee(
    node: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.chain.sending, "RAISE_AFTER", 0.2)
    noted: list[SignedTransaction] = []

    def note(sent: SignedTransaction) -> None:
        noted.append(sent)
        if len(noted) == 2:
            Timer(0.2, node.mine).start()

    chain = Chain(Legacy(node.url))
    storage = chain.deploy(load_artifact("DiaryStorage"), by=people.alice)
    node._ask("evm_setAutomine", False)
    chain.follow(storage.functions.store(b"1" * 32), by=people.alice, note=note)
    assert len(noted) >= 2
    assert {one.nonce for one in noted} == {noted[0].nonce}
    for before, after in pairwise(noted):
        assert after.fee >= 1.1 * before.fee
    mined: Any = node.w3.eth.get_block("latest", full_transactions=True)
    assert [transaction["type"] for transaction in mined["transactions"]] == [0]


def test_ctrl_c_leaves_what_the_next_one_finishes(
    diary: kit.Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as impatient:

        def interrupted(seconds: float) -> None:
            raise KeyboardInterrupt

        impatient.setattr(kit.chain.sending, "sleep", interrupted)
        with pytest.raises(KeyboardInterrupt):
            diary.publish()
    pending = diary.outbox.pending()
    assert pending
    assert len(diary.outbox.sent(pending)) == 1
    lands_once(diary)


def test_a_wait_shows_itself(
    diary: kit.Diary, node: AnvilChain, monkeypatch: pytest.MonkeyPatch, capfd: Any
) -> None:
    Timer(0.3, node.mine).start()
    diary.publish()
    assert "waiting" not in "".join(capfd.readouterr())  # not in the first seconds
    post(diary, "二")
    monkeypatch.setattr(kit.chain.sending, "_SHOWN_AFTER", 0.1)
    Timer(1.5, node.mine).start()
    diary.publish()
    out, err = capfd.readouterr()
    assert out == ""
    assert "waiting for a block: 1 s, for at most" in err
    assert "gwei a unit of gas" in err


def test_a_batch_is_sent_and_not_waited_for(diary: kit.Diary, node: AnvilChain) -> None:
    first = diary.publish(wait=False)
    assert (first.first_seq, first.count, first.standing) == (0, 2, "pending")
    post(diary, "二")
    assert diary.publish(wait=False) == first  # what waits isn't sent a second time
    assert len(pool(node)) == 1
    node.mine()
    assert diary.publish().first_seq == 0
    lands_once(diary, records=4)


def test_another_program_took_the_number(
    diary: kit.Diary, node: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = diary.publish(wait=False)
    (mine,) = diary.outbox.sent(pending)
    node._ask("anvil_dropTransaction", mine.hash)
    other = {"from": people.registrar.address, "to": people.bob.address, "value": 1}
    given = {"nonce": mine.nonce, "gas": 21_000, "maxFeePerGas": 10**10, "chainId": node.chain_id}
    signed = people.registrar.sign_transaction(
        other | given | {"maxPriorityFeePerGas": 10**9}  # type: ignore[arg-type]
    )
    node.w3.eth.send_raw_transaction(signed.raw_transaction)
    node.mine()
    lands_once(diary)
    assert [one.nonce for one in diary.outbox.sent(pending)] == [mine.nonce, mine.nonce + 1]


def test_another_program_takes_the_number_while_it_is_waited_for(
    diary: kit.Diary, node: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.chain.sending, "_LAG", 0.3)
    pending = diary.publish(wait=False)
    (mine,) = diary.outbox.sent(pending)
    monkeypatch.setattr(Chain, "nonce", lambda *_: mine.nonce)  # a machine that is behind
    node._ask("anvil_dropTransaction", mine.hash)
    node._ask("anvil_setNonce", people.registrar.address, hex(mine.nonce + 1))
    with pytest.raises(ChainError, match=r"the nonce \d+, got another one of .*publish again"):
        diary.publish()
    monkeypatch.undo()
    lands_once(diary)


@pytest.mark.parametrize("waits", [False, True])
def test_one_that_the_node_forgot_is_sent_again(
    waits: bool, diary: kit.Diary, node: AnvilChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next publish, as it was; or by the one that waits, which raises its fee."""
    pending = diary.publish(wait=False)
    (mine,) = diary.outbox.sent(pending)
    node._ask("anvil_dropTransaction", mine.hash)
    assert pool(node) == []
    if waits:
        monkeypatch.setattr(kit.chain.sending, "RAISE_AFTER", 0.2)
        submit = kit.chain.sending.Sending._submit
        asked: list[SignedTransaction] = []

        def forgets(self: Any, signed: SignedTransaction, *, again: bool) -> None:
            submit(self, signed, again=again)
            asked.append(signed)
            if len(asked) == 1:
                node._ask("anvil_dropTransaction", signed.hash)
            else:
                node.mine()

        monkeypatch.setattr(kit.chain.sending.Sending, "_submit", forgets)
        diary.publish()
        assert [one.nonce for one in asked] == [mine.nonce] * 2
    else:
        assert diary.publish(wait=False) == pending
        assert [one["hash"] for one in pool(node)] == [mine.hash]
    lands_once(diary)


@pytest.mark.parametrize("rule", [LoseAnswer, DropTransaction])
def test_what_a_node_does_to_the_sending_is_made_good(rule: Any, node: AnvilChain) -> None:
    with Node(node.url) as bad, closing(kit.Diary.open(kit.chain.connect(bad.url))) as diary:
        post(diary, "一")
        bad.rules.append(rule(1, about=("eth_sendRawTransaction",)))
        if rule is LoseAnswer:
            with pytest.raises(kit.errors.NodeDown):
                diary.publish()
        else:
            diary.publish(wait=False)
        bad.rules.clear()
        while True:
            try:
                diary.publish()
            except NothingWaiting:
                break
        assert diary.log.record_count() == 2
        assert diary.log.batch_count() == 1
