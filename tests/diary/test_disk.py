"""A disk that is full, and a clock that goes back: what was received stays, and later all is well."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import kit
import kit.chain.base
from kit import people
from kit.core import Attachment
from kit.errors import ArchiveError, DataError, NothingWaiting, RecordError

WRITES = ("BEGIN", "COMMIT", "INSERT", "UPDATE", "DELETE", "VACUUM", "CREATE", "ALTER", "DROP")


class Disk:
    """How many more statements that write something find room."""

    left: int | None = None


class _Database(sqlite3.Connection):
    disk = Disk()

    def execute(self, statement: str, *given: Any) -> Any:  # type: ignore[override]
        if self.disk.left is not None and statement.lstrip().startswith(WRITES):
            self.disk.left -= 1
            if self.disk.left < 0:
                raise sqlite3.OperationalError("database or disk is full")
        return super().execute(statement, *given)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *a, **k: connect(*a, **{"factory": _Database} | k)
    )
    _Database.disk = Disk()
    return _Database.disk


def picture(number: int) -> Attachment:
    return Attachment.of("a.png", b"\x89PNG\r\n\x1a\n" + bytes(50_000) + b"%d" % number)


def tell(diary: kit.Diary, number: int) -> kit.core.SignedRecord:
    entry = diary.post(
        people.alice, f"<words {number}>", place="泉州", attachments=[picture(number)]
    )
    diary.review(entry, by=people.moderator, approve=True)
    return entry


def what_is_done(diary: kit.Diary, number: int) -> dict[str, Callable[[], object]]:
    """Return what can be done with an archive, each ready to be done."""
    published, other = tell(diary, 2 * number), tell(diary, 2 * number + 1)
    diary.publish()
    diary.post(people.bob, f"<last words {number}>", place="泉州")
    return {
        "post": lambda: diary.post(
            people.carol, "new", place="泉州", attachments=[picture(-number)]
        ),
        "review": lambda: diary.review(diary.waiting()[-1], by=people.moderator, approve=True),
        "witness": lambda: diary.witness(published, by=people.bob),
        "withdraw": lambda: diary.withdraw(other, by=people.alice),
        "publish": lambda: (diary.suspend(other, by=people.moderator), diary.publish()),
        "open": lambda: kit.Diary.open(diary.chain, diary.path).close(),
    }


@pytest.mark.parametrize("operation", ["post", "review", "witness", "withdraw", "publish", "open"])
def test_a_full_disk_at_any_statement(operation: str, disk: Disk, tmp_path: Path) -> None:
    """Whichever statement finds no room: one of our errors, and with room all is done, once."""
    path, chain = tmp_path / "a.sqlite", kit.chain.embedded()
    said: list[str] = []
    with closing(kit.Diary.open(chain, path)) as diary:
        for number in range(40):
            act = what_is_done(diary, number)[operation]
            before = diary.record_count()
            disk.left = number
            try:
                act()
            except ArchiveError as error:
                said.append(str(error))
            else:
                break
            finally:
                left, disk.left = disk.left, None
            assert diary.record_count() - before in (0, 1)
            with suppress(NothingWaiting):
                diary.publish()
            assert diary.outbox.open() == []
        else:
            raise AssertionError("it never ended")
        # What of a state proof can't be written is left for another time: the batch stands all the same.
        assert left >= 0 or operation in ("publish", "open")
        with suppress(NothingWaiting):
            diary.publish()
        landed = [leaf.commitment for leaf in diary.leaves()]
        assert len(landed) == len(set(landed)) == diary.log.record_count()
        assert diary.records()["proved"].all()
        assert diary.ready_count() == 0
        assert all(certificate.state_proof for certificate in diary.certificates())
    assert all("is the disk full" in text for text in said)
    assert len(said) >= (0 if operation == "open" else 2)


def test_the_first_archive_on_a_full_disk(disk: Disk, tmp_path: Path) -> None:
    path, chain, said = tmp_path / "a.sqlite", kit.chain.embedded(), []
    for number in range(60):
        disk.left = number
        try:
            kit.Diary.open(chain, path).close()
        except ArchiveError as error:
            said.append(str(error))
        else:
            break
        finally:
            disk.left = None
    assert len(said) == number > 10
    assert all("is the disk full" in text for text in said)
    with closing(kit.Diary.open(chain, path)) as diary:
        tell(diary, 1)
        diary.publish()
        assert diary.records()["proved"].all()


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let the system write no file beyond a size, as a quota does."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_system_s_own_limit(tmp_path: Path) -> None:
    """SQLite, a copy and an export find no room: an error of ours, and nothing half-written."""
    path = tmp_path / "a.sqlite"
    with closing(kit.Diary.open(kit.chain.embedded(), path)) as diary:
        tell(diary, 1)
        diary.publish()
        room = room_for(path.stat().st_size + 8_192)
        with room, pytest.raises(ArchiveError, match="is the disk full, may you write there"):
            tell(diary, 2)
        assert diary.record_count() == 2
        for write, error, size in (
            (partial(diary.backup, tmp_path / "copy"), ArchiveError, 20_000),
            (partial(kit.export, diary, tmp_path / "export"), DataError, 100),
        ):
            with room_for(size), pytest.raises(error, match=r"room|disk full"):
                write()
            names = {x.name for x in tmp_path.iterdir()}
            assert names <= {"a.sqlite", "a.sqlite.lock", "copy"}
            whole = write()
            assert isinstance(whole, Path)
            assert whole.exists()
        tell(diary, 3)
        diary.publish()
        assert diary.records()["proved"].all()


def test_what_a_kill_left_beside_is_not_left_for_ever(tmp_path: Path) -> None:
    """It may hold what is withdrawn by now."""
    with closing(kit.Diary.open(kit.chain.embedded(), tmp_path / "a.sqlite")) as diary:
        tell(diary, 1)
        diary.publish()
        (tmp_path / ".copy.kit-part").write_text("half a copy")
        half = tmp_path / ".export.kit-part"
        half.mkdir()
        (half / "records.csv").write_text("half an export")
        diary.backup(tmp_path / "copy")
        kit.export(diary, tmp_path / "export")
        names = {x.name for x in tmp_path.iterdir()}
        assert names == {"a.sqlite", "a.sqlite.lock", "copy", "export"}


def test_a_clock_that_goes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a post and its review: what comes after it has a later time, or is refused."""
    chain = kit.chain.embedded()
    now = chain.now
    with closing(kit.Diary.open(chain, tmp_path / "a.sqlite")) as diary:
        entry = diary.post(people.alice, "words", place="泉州")
        before = diary.record_count()
        monkeypatch.setattr(chain, "now", lambda: now() - timedelta(hours=1))
        for act in (
            lambda: diary.review(entry, by=people.moderator, approve=True),
            lambda: diary.withdraw(entry, by=people.alice),
        ):
            with pytest.raises(RecordError, match="What is about a record comes after it"):
                act()
        assert diary.record_count() == before
        diary.post(people.bob, "of an hour ago", place="泉州")
        monkeypatch.setattr(chain, "now", now)
        for waiting in diary.waiting():
            diary.review(waiting, by=people.moderator, approve=True)
        diary.publish()
        assert diary.records()["proved"].all()
        assert len(diary.records()) == 4
