"""Archives of older kits: each version that was ever on main opens, and lacks nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import kit
import kit.diary.archive
from kit import people
from kit.chain import Chain
from kit.diary import entries
from kit.errors import ArchiveError, FinalityLost, NothingWaiting
from kit.log import MODERATOR_ROLE, Log

#: Two batches on the chain, a third written down and not seen there; one entry with a picture, one
#: rejected, one withdrawn, one witnessed.
OLD = Path(__file__).parent / "archives" / "version-3.sql"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(file)) as database:
        database.executescript(OLD.read_text("utf-8"))
    return file


def roots(path: Path) -> list[tuple[str, int, int]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(
            "SELECT root, first_seq, count FROM batches ORDER BY first_seq"
        ).fetchall()


@pytest.fixture
def chain(path: Path) -> Iterator[Chain]:
    """The chain that it was made on: all its hashes are the same each time."""
    chain = kit.chain.embedded()
    log = Log.deploy(chain, by=people.registrar)
    log.grant(MODERATOR_ROLE, people.moderator.address, by=people.registrar)
    for batch in roots(path)[:2]:
        log.append(*batch, by=people.registrar)
    yield chain
    chain.close()


def all_is_there(diary: kit.Diary) -> None:
    assert diary.log.record_count() == 9
    assert diary.records()["proved"].all()
    assert [len(x) for x in (diary.outbox.open(), diary.waiting())] == [0, 0]
    shown = entries(diary)
    assert list(shown["text"].dropna()) == ["第一条", "第二条"]
    assert shown["attachments"].sum() == 1
    assert sorted(shown["state"]) == ["erased", "published", "published"]


@pytest.mark.parametrize("sent", [False, True])
def test_version_3(path: Path, chain: Chain, sent: bool) -> None:
    if sent:  # by the older kit, which didn't come to write down that it landed
        Log(chain, Log.deploy(kit.chain.embedded(), by=people.registrar).address).append(
            *roots(path)[2], by=people.registrar
        )
    with closing(kit.Diary.open(chain, path)) as diary:
        batch = diary.log.batches()[2] if sent else diary.publish()
        assert (batch.first_seq, batch.count) == (6, 3)
        with pytest.raises(NothingWaiting):
            diary.publish()
        all_is_there(diary)
    before = path.read_bytes()
    with closing(kit.Diary.open(chain, path)) as again:
        all_is_there(again)
    assert path.read_bytes() == before


def test_an_old_archive_on_a_chain_without_its_batches(path: Path) -> None:
    chain = kit.chain.embedded()
    Log.deploy(chain, by=people.registrar)
    with pytest.raises(FinalityLost, match="records 0 to 2, which were final"):
        kit.Diary.open(chain, path)


def test_what_ends_half_way_leaves_the_old_version_whole(
    path: Path, chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = kit.diary.archive._MIGRATIONS[3]
    before = path.read_bytes()
    for number in range(1, steps.count(";")):
        broken = ";".join([*steps.split(";")[:number], "no statement"])
        with monkeypatch.context() as half_way:
            half_way.setattr(kit.diary.archive, "_MIGRATIONS", {3: broken})
            with pytest.raises(ArchiveError):
                kit.Diary.open(chain, path)
        assert path.read_bytes() == before
    with closing(kit.Diary.open(chain, path)) as diary:
        diary.publish()
        all_is_there(diary)


@pytest.mark.parametrize("version", [1, 2])
def test_versions_from_before_are_refused_and_not_touched(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match=rf"got version {version} at .* the older kit"):
        kit.Diary.open(kit.chain.embedded(), path)
    assert path.read_bytes() == before
