"""Whether a block may still be replaced: said of each batch, asked of the chain."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kit
from kit import people
from kit.chain import SignedTransaction
from kit.errors import ChainError, NodeDown
from kit.log import MODERATOR_ROLE, Log, is_on_chain, standing

ROOT = "0x" + 64 * "1"


@pytest.fixture
def log() -> Iterator[Log]:
    """On a chain where a block is final with two on top of it."""
    with kit.chain.embedded(finality=2) as chain:
        yield Log.deploy(chain, by=people.registrar)


def test_a_batch_says_where_it_stands(log: Log) -> None:
    batch = log.append(ROOT, 0, 1, by=people.registrar)
    place = (batch.anchor.transaction_hash, batch.anchor.log_index)

    def said() -> set[str]:
        again = log.batch_in(*place)
        assert again
        return {again.standing, *(each.standing for each in log.batches())}

    assert {batch.standing, *said(), standing(log.chain, batch.anchor.block_number)} == {"included"}
    log.chain.mine()
    assert said() == {"included"}
    log.chain.mine()
    assert {*said(), standing(log.chain, batch.anchor.block_number)} == {"final"}
    later = log.append(ROOT, 1, 1, by=people.registrar)
    assert [each.standing for each in log.batches()] == ["final", "included"]
    assert later.standing == "included"


def test_the_batch_is_found_among_other_events(log: Log) -> None:
    granted = log.grant(MODERATOR_ROLE, people.bob.address, by=people.registrar)
    anchor = log.append(ROOT, 0, 1, by=people.registrar).anchor
    logs = [
        *log.chain.raw_receipt(granted.transaction_hash)["logs"],
        *log.chain.raw_receipt(anchor.transaction_hash)["logs"],
    ]
    assert [batch.root for batch in log._batches_in(logs)] == [ROOT]


def test_a_block_that_is_on_the_chain_and_those_that_are_not(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = log.chain.head
    assert is_on_chain(log.chain, head.number, head.hash)
    assert not is_on_chain(log.chain, head.number, ROOT)
    assert not is_on_chain(log.chain, head.number + 5, head.hash)

    def down(number: int) -> None:
        raise NodeDown("a node", "silence", "Start it.")

    monkeypatch.setattr(log.chain, "block", down)
    with pytest.raises(NodeDown):
        is_on_chain(log.chain, head.number, head.hash)


def test_what_is_sent_and_not_waited_for(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[SignedTransaction] = []
    asked: list[dict[str, object]] = []
    follow = log.chain.follow

    def listen(*call: object, **how: object) -> object:
        asked.append(how)
        return follow(*call, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(log.chain, "follow", listen)
    log.submit(ROOT, 0, 1, by=people.registrar, note=noted.append)
    assert [batch.root for batch in log.batches()] == [ROOT]
    assert len(noted) == 1
    assert (asked[0]["by"], asked[0]["sent"], asked[0]["wait"]) == (people.registrar, (), False)
    log.chain._tester.disable_auto_mine_transactions()  # type: ignore[attr-defined]
    log.submit("0x" + 64 * "2", 1, 3, by=people.registrar, note=noted.append)
    log.submit("0x" + 64 * "2", 1, 3, by=people.registrar, sent=noted[1:], note=noted.append)
    assert asked[2]["sent"] == noted[1:]
    assert len(noted) == 2  # what was signed before is sent again, and nothing new
    log.chain._tester.enable_auto_mine_transactions()  # type: ignore[attr-defined]
    log.chain.mine()
    assert [(each.root[2], each.first_seq, each.count) for each in log.batches()] == [
        ("1", 0, 1),
        ("2", 1, 3),
    ]


def test_a_role_that_was_given_again_is_held(log: Log) -> None:
    bob = people.bob.address
    for change in (log.grant, log.revoke, log.grant):
        change(MODERATOR_ROLE, bob, by=people.registrar)
    assert log.was_moderator(bob, log.chain.now(), log.chain.head.number)


def test_a_root_without_0x_may_be_a_key_and_is_not_sent(log: Log) -> None:
    with pytest.raises(ChainError, match="0x and 64 hex digits"):
        log.append(64 * "1", 0, 1, by=people.registrar)
    assert log.record_count() == 0


def test_what_is_appended_is_noted_and_gone_on_with(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[SignedTransaction] = []
    log.append(ROOT, 0, 1, by=people.registrar, note=noted.append)
    assert len(noted) == 1
    asked: list[object] = []

    def follow(*call: object, **how: object) -> object:
        asked.append(how["sent"])
        return log.chain.raw_receipt(noted[0].hash)

    monkeypatch.setattr(log.chain, "follow", follow)
    assert log.append(ROOT, 0, 1, by=people.registrar, sent=noted).first_seq == 0
    assert asked == [noted]
