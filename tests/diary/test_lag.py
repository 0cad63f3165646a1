"""A node whose machines are behind one another: each record lands once, whoever publishes again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kit
import kit.chain.base
from kit import people
from kit.audit import audit
from kit.chain import Chain
from kit.errors import ChainError, KitError
from kit.log import Log
from tests.misbehaving import Lag, Node


@pytest.fixture
def lag() -> Lag:
    """Of the machines none is behind the others, until its share is set."""
    return Lag(0)


@pytest.fixture
def lagging(lag: Lag, anvil: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chain]:
    monkeypatch.setattr(kit.chain.base, "LAG", 3.0)
    monkeypatch.setattr(kit.chain.base, "sleep", lambda _: None)
    with Node(anvil.url, lag) as node:
        yield kit.chain.connect(node.url)


def post(diary: kit.Diary, number: int) -> None:
    entry = diary.post(people.alice, f"第{number}天", place="泉州")
    diary.review(entry, by=people.moderator, approve=True)


def until_published(diary: kit.Diary) -> None:
    """What a registrar does who calls publish() again after each error."""
    for _ in range(60):
        try:
            diary.publish()
        except kit.errors.NothingWaiting:
            return
        except KitError:
            continue
    raise AssertionError("it never ends")


def all_is_there_once(anvil: Any, diary: kit.Diary, records: int) -> None:
    log = Log(anvil, diary.log.address)
    assert log.record_count() == records
    leaves = diary.leaves()
    assert len({leaf.commitment for leaf in leaves}) == records
    assert diary.records()["proved"].all()
    assert audit(log, leaves).ok
    assert diary.outbox.pending() is None


@pytest.mark.parametrize(
    ("part", "publishes"),
    [
        (0.1, 3),
        (0.3, 4),
        pytest.param(
            *(0.1, 60),
            marks=pytest.mark.slow(
                "sixty publishes to a node of which one machine in ten is a block behind"
            ),
        ),
        pytest.param(
            *(0.3, 60),
            marks=pytest.mark.slow("sixty publishes to one of which one machine in three is"),
        ),
    ],
)
def test_each_record_lands_once(
    part: float, publishes: int, lag: Lag, lagging: Chain, anvil: Any, tmp_path: Path
) -> None:
    with closing(kit.Diary.open(lagging, tmp_path / "a.db")) as diary:
        for number in range(publishes):
            lag.share = 0
            post(diary, 2 * number)
            post(diary, 2 * number + 1)
            lag.share = part
            until_published(diary)
        lag.share = 0
        all_is_there_once(anvil, diary, 4 * publishes)
        kit.export(diary, tmp_path / "export")
        assert kit.read(tmp_path / "export", diary.log)["proved"].all()


def test_a_refused_batch_that_no_machine_shows_yet_is_kept(
    lagging: Chain, anvil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It landed; the machines that are asked don't know it for longer than anybody waits."""
    monkeypatch.setattr(kit.chain.base, "LAG", 0.2)
    with closing(kit.Diary.open(lagging)) as diary:
        post(diary, 0)
        found = diary.archive.ready(0, 10)
        pending = diary.outbox.plan(found)
        Log(anvil, diary.log.address).append(pending.root, 0, 2, by=people.registrar)
        for name, nothing in (("record_count", 0), ("batches", [])):
            with monkeypatch.context() as behind:
                behind.setattr(Log, name, lambda *_, nothing=nothing: nothing)
                behind.setattr(Log, "batches", lambda *_: [])
                for _ in range(3):
                    with pytest.raises(kit.errors.Reverted, match="SequenceMismatch"):
                        diary.publish()
                assert diary.outbox.pending() == pending
        assert diary.publish().root == pending.root
        all_is_there_once(anvil, diary, 2)


def test_a_batch_whose_block_no_machine_shows_yet_is_found_later(
    lagging: Chain, anvil: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.chain.base, "LAG", 0.2)
    with closing(kit.Diary.open(lagging)) as diary:
        post(diary, 0)
        with monkeypatch.context() as behind:
            behind.setattr(Chain, "block_time", lambda chain, block: chain.block("0x" + 64 * "1"))
            with pytest.raises(ChainError, match="a block on this chain"):
                diary.publish()
        assert diary.publish().count == 2
        all_is_there_once(anvil, diary, 2)


def test_an_archive_opens_on_a_machine_that_is_behind(
    lagging: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(kit.Diary.open(lagging, tmp_path / "a.db")) as diary:
        post(diary, 0)
        diary.publish()
    real, asked = Log.root, []

    def behind(log: Log, batch: int) -> str:
        asked.append(log)
        return real(log, batch) if len(asked) == 3 else ""

    monkeypatch.setattr(Log, "root", behind)
    with closing(kit.Diary.open(lagging, tmp_path / "a.db")) as diary:
        assert len(asked) == 3
