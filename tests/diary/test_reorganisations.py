"""A chain that is reorganised: its last blocks are others. Nothing is lost, and nothing lands twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import kit
import kit.chain.base
import kit.diary.diary
from kit import people
from kit.audit import audit
from kit.chain.anvil_chain import AnvilChain
from kit.diary import entries
from kit.errors import ChainError, FinalityLost, NothingWaiting
from kit.log import REGISTRAR_ROLE, Log
from tests.misbehaving import drop, move, reorder, reorganise, transactions

DEPTH = 8


@pytest.fixture
def node() -> Iterator[AnvilChain]:
    """A node of its own, where a block counts as final with eight on top of it."""
    with kit.chain.anvil(finality=DEPTH) as chain:
        yield chain


def post(diary: kit.Diary, text: str) -> kit.core.SignedRecord:
    entry = diary.post(people.alice, text, place="泉州")
    diary.review(entry, by=people.moderator, approve=True)
    return entry


def publish_all(diary: kit.Diary) -> None:
    while True:
        try:
            diary.publish()
        except NothingWaiting:
            return


def healed(diary: kit.Diary, records: int) -> None:
    """All that was let through is on the log once, in final batches, proved."""
    publish_all(diary)
    diary.chain.mine(DEPTH + 1)
    diary.recover()
    assert diary.log.record_count() == records
    leaves = diary.leaves()
    assert len({leaf.commitment for leaf in leaves}) == records
    assert diary.records()["proved"].all()
    assert {batch.standing for batch in diary.log.batches()} == {"final"}
    assert diary.outbox.open() == []
    assert audit(diary.log, leaves).ok


@pytest.mark.parametrize("kind", ["drop", "move", "reorder"])
@pytest.mark.parametrize(
    "times", [3, pytest.param(20, marks=pytest.mark.slow("twenty reorganisations of each kind"))]
)
def test_nothing_is_lost_and_nothing_lands_twice(
    kind: str, times: int, node: AnvilChain, tmp_path: Path
) -> None:
    chance = random.Random(f"{kind} 20210921")  # noqa: S311
    with closing(kit.Diary.open(node, tmp_path / "a.db")) as diary:
        node.mine(DEPTH)
        posted = 0
        for number in range(times):
            for _ in range(chance.randrange(1, 4)):
                for _ in range(chance.randrange(1, 4)):
                    post(diary, f"第{posted}天")
                    posted += 1
                diary.publish()
                node.mine(chance.randrange(3))
            depth = chance.randrange(2, DEPTH)
            if kind == "drop":
                drop(node, depth)
            elif kind == "move":
                move(node, depth)
            else:
                reorder(node, depth, chance)
            diary.records()
            entries(diary)
            if number % 2:
                post(diary, f"第{posted}天")
                posted += 1
        healed(diary, 2 * posted)
        kit.export(diary, tmp_path / "export")
        assert kit.read(tmp_path / "export", diary.log)["proved"].all()


def test_a_batch_says_where_it_stands(node: AnvilChain) -> None:
    with closing(kit.Diary.open(node)) as diary:
        node.mine(DEPTH)
        entry = post(diary, "一")
        batch = diary.publish()
        assert (batch.standing, str(batch).count("(included)")) == ("included", 1)
        assert diary.certificate(entry).inclusion.batch.standing == "included"
        node.mine(DEPTH)
        assert [batch.standing for batch in diary.log.batches()] == ["final"]
        assert diary.recover() == ["records 0 to 1: final, in block 11."]
        assert diary.recover() == []


def test_a_dropped_block_is_repaired_and_its_certificates_with_it(
    node: AnvilChain, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(kit.Diary.open(node)) as diary:
        node.mine(DEPTH)
        entry = post(diary, "一")
        diary.publish()
        old = diary.certificate(entry)
        diary.witness(entry, by=people.bob)
        assert kit.verify(old, diary.log).ok
        drop(node, 1)
        assert (
            kit.verify(old, diary.log).outcome(6)
            == kit.verify(old, diary.log).outcome(7)
            == "failed"
        )
        assert "another hash" in kit.verify(old, diary.log).steps[6].reason
        assert entries(diary).empty
        batch = diary.publish()  # the next batch, too: with the witness
        assert "no longer on the chain in block" in capsys.readouterr().err
        assert (batch.first_seq, batch.count, diary.log.record_count()) == (0, 2, 2)
        assert kit.verify(diary.certificate(entry), diary.log).ok
        assert diary.publish().count == 1  # the witness was kept
        assert diary.entry_state(entry).witnesses == {people.bob.address}
        healed(diary, 3)


def test_a_moved_batch_is_found_where_it_is(node: AnvilChain) -> None:
    with closing(kit.Diary.open(node)) as diary:
        node.mine(DEPTH)
        entry = post(diary, "一")
        diary.publish()
        old = diary.certificate(entry)
        node.mine(2)
        move(node, 3, by=2)
        assert not kit.verify(old, diary.log).ok
        assert diary.recover() == ["records 0 to 1: moved from block 11 to 13."]
        assert kit.verify(diary.certificate(entry), diary.log).ok
        with pytest.raises(NothingWaiting):
            diary.publish()
        healed(diary, 2)


def test_a_final_block_that_vanishes_is_an_error_of_its_own(node: AnvilChain) -> None:
    with closing(kit.Diary.open(node)) as diary:
        node.mine(DEPTH)
        post(diary, "一")
        diary.publish()
        node.mine(DEPTH)
        diary.recover()
        drop(node, DEPTH + 1)
        post(diary, "二")
        for use in (diary.publish, diary.recover):
            with pytest.raises(FinalityLost, match="records 0 to 1 in block 11, which were final"):
                use()
        assert diary.log.record_count() == 0  # and nothing was sent


def test_two_registrars_race_and_a_reorganisation_decides_otherwise(
    node: AnvilChain, tmp_path: Path
) -> None:
    """Two archives on one log: the loser's plan is kept until the winner's block is final."""
    with (
        closing(kit.Diary.open(node, tmp_path / "a.db")) as first,
        closing(
            kit.Diary.open(node, tmp_path / "b.db", registrar=people.bob, log=first.log.address)
        ) as second,
    ):
        first.log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
        node.mine(DEPTH)
        post(first, "甲")
        post(second, "乙")
        node._ask("evm_setAutomine", False)
        first.publish(wait=False)
        second.publish(wait=False)
        node._ask("evm_setAutomine", True)
        node.mine()
        one, two = (
            (first, second)
            if first.log.batches()[0].registrar == people.registrar.address
            else (second, first)
        )
        one.publish() if one.outbox.pending() else None
        with pytest.raises(ChainError, match=r"Publish again when block \d+ is final"):
            two.publish()
        assert two.outbox.pending() is not None
        node.mine(DEPTH)
        with pytest.raises(ChainError, match="Nothing is lost: publish again"):
            two.publish()
        assert two.publish().first_seq == 2
        node.mine(DEPTH)
        # They exchange their tables, and each can then prove all rows.
        for mine, others in ((first, second), (second, first)):
            folder = tmp_path / f"export of {others.registrar.address}"
            kit.export(others, folder, partial=True)
            mine.recover(leaves=folder)
            assert mine.records()["proved"].all()
            assert sorted(mine.records()["text"].dropna()) == ["乙", "甲"]


def test_numbers_before_a_batch_are_free_again(node: AnvilChain, tmp_path: Path) -> None:
    """Another registrar's batch was dropped, and nobody sends it again: this one gets its number."""
    with closing(kit.Diary.open(node, tmp_path / "a.db")) as diary:
        diary.log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
        node.mine(DEPTH)
        Log(node, diary.log.address).append("0x" + 64 * "1", 0, 5, by=people.bob)
        post(diary, "一")
        assert diary.publish().first_seq == 5
        reorganise(node, [[], *transactions(node, 1)])
        with pytest.raises(kit.KitError):
            diary.publish()  # its number is not the next one
        assert diary.outbox.pending() is not None
        node.mine(DEPTH + 1)
        assert diary.publish().first_seq == 0
        healed(diary, 2)


def test_what_was_found_is_told_in_a_few_sentences(
    node: AnvilChain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kit.diary.diary, "TOLD", 3)
    with closing(kit.Diary.open(node)) as diary:
        node.mine(DEPTH)
        for number in range(7):
            post(diary, f"第{number}天")
            diary.publish()
        node.mine(DEPTH)
        post(diary, "又一天")
        diary.publish()
        told = capsys.readouterr().err.splitlines()
        assert told[0] == "records 0 to 1: final, in block 11."
        assert told[3:] == ["And 4 more of this kind."]
