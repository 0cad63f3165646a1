"""The archive: one SQLite file that is whole or unchanged, and never another program's."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

from kit import people
from kit.core import FINAL, Anchor, Attachment, Batch, Leaf, LogId, Record, SignedRecord, sign
from kit.core import record as records
from kit.diary import archive as module
from kit.diary.archive import VERSION, Archive
from kit.diary.outbox import Outbox, PendingBatch
from kit.errors import ArchiveError, AttachmentError, KitError, RecordError, WrongChain

AT = records.parse_time("2021-09-20T08:00:00Z")
LOG, GENESIS = LogId(20210921, people.bob.address), "0x" + "aa" * 32
FILE = Attachment.of("a.png", b"\x89PNG\r\n\x1a\n one")
OTHER = Attachment.of("b.png", b"\x89PNG\r\n\x1a\n two")


def signed(record: Record) -> SignedRecord:
    salt = keccak(record.canonical())
    committed = records.commitment(record, salt)
    signature = sign(committed, LOG, people.alice)
    return SignedRecord(record, salt, signature)


def entry(text: str = "你好", minutes: int = 0, files: tuple[Attachment, ...] = ()) -> SignedRecord:
    time = AT + timedelta(minutes=minutes)
    return signed(Record.entry(people.alice.address, time, text, place="泉州", attachments=files))


def review(of: SignedRecord, decision: str = "approve", minutes: int = 60) -> SignedRecord:
    time = AT + timedelta(minutes=minutes)
    return signed(Record.review(people.moderator.address, time, of.commitment, decision))


def leaves(first: int, *told: SignedRecord) -> list[Leaf]:
    return [Leaf.of(first + i, x.record, x.commitment) for i, x in enumerate(told)]


def content(archive: Archive, told: SignedRecord) -> SignedRecord | None:
    stored = archive.get(told.commitment)
    return stored.signed() if stored else None


def plan(archive: Archive, first: int, *told: SignedRecord) -> PendingBatch:
    return Outbox(archive).plan(leaves(first, *told))


def land(archive: Archive, planned: PendingBatch) -> PendingBatch:
    """Note that a batch is on the chain."""
    outbox = Outbox(archive)
    anchor = Anchor(1, LOG.contract, GENESIS, 7, GENESIS, AT, 0)
    outbox.mark(Batch(0, planned.root, planned.first_seq, planned.count, anchor, "", FINAL))
    found = outbox.at(planned.first_seq)
    assert found
    return found


@pytest.fixture
def opened() -> Iterator[Callable[..., Archive]]:
    """``Archive``, closed at the end of the test whatever happens."""
    made: list[Archive] = []

    def make(path: Path | str | None = None) -> Archive:
        made.append(Archive(path))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def archive(opened: Callable[..., Archive]) -> Archive:
    return opened()


# --- open, close, open again ---------------------------------------------------------------------


def test_everything_is_there_again_after_reopening(
    opened: Callable[..., Archive], tmp_path: Path
) -> None:
    path = tmp_path / "diary.sqlite"
    first = opened(path)
    first.settle(LOG, GENESIS)
    told = entry(files=(FILE,))
    first.add(told, [FILE])
    first.add(review(told))
    planned = plan(first, 0, told)
    first.close()

    again = opened(str(path))
    assert again.home == (LOG, GENESIS)
    assert content(again, told) == told
    assert again.file(FILE.sha256) == FILE.content
    assert Outbox(again).pending() == planned
    assert again.leaves(0, 10) == [(leaf, leaf.hash()) for leaf in leaves(0, told)]
    assert again.count() == 2
    assert repr(again) == f"archive at {path}, 2 records"


def test_an_archive_in_memory_leaves_no_file(
    opened: Callable[..., Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    one = opened()
    one.add(entry())
    assert one.home is None
    assert repr(one) == "archive at memory, 1 records"
    assert list(tmp_path.iterdir()) == []
    assert opened().count() == 0


def test_an_empty_file_becomes_an_archive(opened: Callable[..., Archive], tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert opened(tmp_path / "empty").count() == 0
    with closing(sqlite3.connect(tmp_path / "empty")) as db:
        assert db.execute("PRAGMA application_id").fetchone() == (0x43444B54,)
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)


def test_it_belongs_to_one_log(opened: Callable[..., Archive], tmp_path: Path) -> None:
    one = opened(tmp_path / "a")
    one.settle(LOG, GENESIS)
    one.settle(LOG, GENESIS)
    for other in (
        (LogId(1, LOG.contract), GENESIS),
        (LOG, "0x" + "bb" * 32),
        (LogId(LOG.chain_id, people.carol.address), GENESIS),
    ):
        with pytest.raises(WrongChain, match="Open the archive on its own chain"):
            one.settle(*other)
    assert one.home == (LOG, GENESIS)


# --- files that are not ours ---------------------------------------------------------------------


def make_text(path: Path) -> None:
    path.write_text("Dear diary,\n" * 100)


def make_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE records (mine TEXT)")
        db.execute("INSERT INTO records VALUES ('important')")
        db.commit()


def make_marked_database(path: Path) -> None:
    make_database(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 252006675")  # GeoPackage's
        db.execute("PRAGMA user_version = 1")


def make_newer(path: Path) -> None:
    Archive(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")


def make_damaged_header(path: Path) -> None:
    Archive(path).close()
    content = bytearray(path.read_bytes())
    content[:16] = b"not SQLite at all"[:16]
    path.write_bytes(content)


def make_damaged_schema(path: Path) -> None:
    Archive(path).close()
    content = bytearray(path.read_bytes())
    content[100:400] = b"\xff" * 300
    path.write_bytes(content)


@pytest.mark.parametrize(
    "make",
    [make_text, make_database, make_marked_database, make_newer, make_damaged_header, make_damaged_schema],
)  # fmt: skip
def test_another_file_is_refused_and_not_touched(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    make(path)
    before = path.read_bytes()
    with pytest.raises(ArchiveError, match=r"Expected an archive .*, got .*\. \w+"):
        Archive(path)
    assert path.read_bytes() == before
    assert [x.name for x in tmp_path.iterdir()] == ["file"]


def test_a_newer_archive_says_so(tmp_path: Path) -> None:
    make_newer(tmp_path / "a")
    with pytest.raises(ArchiveError, match=r"archive of version 5, got version 6 at .*newer kit"):
        Archive(tmp_path / "a")


def test_a_missing_folder_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"an existing folder.*Make the folder first"):
        Archive(tmp_path / "none" / "diary.sqlite")
    with pytest.raises(ArchiveError, match="unable to open"):
        Archive(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_may_only_be_read(
    opened: Callable[..., Archive], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    told = entry()
    first = opened(path)
    first.add(told)
    first.close()
    before = path.read_bytes()
    connect = sqlite3.connect
    # File modes would not stop a test that runs as root; SQLite's own mode does.
    monkeypatch.setattr(
        sqlite3, "connect", lambda path, **more: connect(f"file:{path}?mode=ro", uri=True, **more)
    )
    one = opened(path)
    assert content(one, told) == told
    with pytest.raises(ArchiveError, match="may you write there"):
        one.add(entry("another"))
    one.close()
    assert path.read_bytes() == before
    with pytest.raises(ArchiveError, match="unable to open"):
        Archive(tmp_path / "new")


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite waits 5 seconds for a lock; the tests don't."""
    monkeypatch.setattr(module.sqlite3, "connect", partial(sqlite3.connect, timeout=0))


@pytest.mark.usefixtures("_impatient")
def test_a_file_that_another_program_holds(opened: Callable[..., Archive], tmp_path: Path) -> None:
    path = tmp_path / "a"
    told = entry()
    one = opened(path)
    one.add(told)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for use in (
            lambda: Archive(path),
            lambda: one.add(entry("another")),
            lambda: content(one, told),
            one.count,
            one.waiting,
            lambda: one.ready(0, 10),
            Outbox(one).pending,
            Outbox(one).last,
            lambda: one.leaves(0, 1),
            lambda: one.file(FILE.sha256),
            lambda: one.home,
        ):
            with pytest.raises(ArchiveError, match=r"locked.*Is another program using it"):
                use()
        other.execute("ROLLBACK")
    assert content(one, told) == told
    assert one.count() == 1


@pytest.mark.usefixtures("_impatient")
def test_a_reader_delays_a_write_and_does_not_break_the_next(
    opened: Callable[..., Archive], tmp_path: Path
) -> None:
    path = tmp_path / "a"
    one = opened(path)
    one.add(entry("first"))
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM records").fetchone()
        with pytest.raises(ArchiveError, match="locked"):
            one.add(entry("second"))  # the COMMIT is what fails here
        reader.execute("ROLLBACK")
    one.add(entry("second"))
    assert one.count() == 2


def test_damage_inside_is_noticed_when_it_is_read(
    opened: Callable[..., Archive], tmp_path: Path
) -> None:
    path = tmp_path / "a"
    one = opened(path)
    many = [entry(f"{i} " + "x" * 2000, minutes=i) for i in range(20)]
    for told in many:
        one.add(told)
    one.close()
    content = bytearray(path.read_bytes())
    with closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'records'").fetchone()
    start = (page - 1) * 4096
    content[start : start + 4096] = b"\xa5" * 4096
    path.write_bytes(content)
    again = opened(path)
    with pytest.raises(ArchiveError, match="malformed"):
        again.waiting()
    with pytest.raises(ArchiveError):
        again.add(entry("another"))


# --- records and files ---------------------------------------------------------------------------


def test_a_record_comes_back_as_it_was(archive: Archive) -> None:
    told = entry("<script>\n🎲", files=(FILE, OTHER))
    archive.add(told, [FILE, OTHER])
    stored = archive.get(told.commitment)
    assert stored
    assert stored.signed() == stored.intact() == told
    assert "salt" not in repr(stored)
    assert "canonical" not in repr(stored)
    assert archive.get("0x" + "00" * 32) is None
    assert archive.file(FILE.sha256) == FILE.content
    assert archive.file("0x" + "00" * 32) is None


def test_a_record_is_accepted_once(archive: Archive) -> None:
    told = entry(files=(FILE,))
    archive.add(told, [FILE])
    with pytest.raises(RecordError, match=f"a new record, got {told.commitment} again"):
        archive.add(told, [FILE])
    assert archive.count() == 1


def test_the_files_are_those_of_the_record(archive: Archive) -> None:
    told = entry(files=(FILE, OTHER))
    for files in ([], [FILE], [OTHER, FILE], [FILE, OTHER, OTHER]):
        with pytest.raises(AttachmentError, match="the files that the record names"):
            archive.add(told, files)
    with pytest.raises(AttachmentError, match="the files that the record names"):
        archive.add(entry(), [FILE])
    assert archive.count() == 0
    assert archive.file(FILE.sha256) is None


def test_the_same_file_is_stored_once(opened: Callable[..., Archive], tmp_path: Path) -> None:
    one = opened(tmp_path / "a")
    one.add(entry("one", files=(FILE, FILE)), [FILE, FILE])
    one.add(entry("two", files=(FILE,)), [FILE])
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        assert db.execute("SELECT sha256 FROM files").fetchall() == [(FILE.sha256,)]


def test_all_of_a_record_or_nothing(opened: Callable[..., Archive], tmp_path: Path) -> None:
    one = opened(tmp_path / "a")
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        db.execute(
            "CREATE TRIGGER full BEFORE INSERT ON files WHEN new.sha256 = '" + OTHER.sha256 + "'"
            " BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
        db.commit()
    told = entry(files=(FILE, OTHER))
    with pytest.raises(ArchiveError, match="disk full"):
        one.add(told, [FILE, OTHER])
    assert one.get(told.commitment) is None
    assert one.file(FILE.sha256) is None
    assert one.count() == 0
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        db.execute("DROP TRIGGER full")
        db.commit()
    one.add(told, [FILE, OTHER])
    assert content(one, told) == told


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n ONE", "text", 5, b""])
def test_a_changed_file_is_missing(
    content: object, opened: Callable[..., Archive], tmp_path: Path
) -> None:
    one = opened(tmp_path / "a")
    one.add(entry(files=(FILE,)), [FILE])
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        db.execute("UPDATE files SET content = ?", (content,))
        db.commit()
    assert one.file(FILE.sha256) is None


@pytest.mark.parametrize(
    "canonical", [b"", b"no JSON", b"[1]", b"{}", b"\xff", 5, "text", b"[" * 100_000, b"9" * 5_000]
)
def test_a_damaged_record_is_a_record_error(
    canonical: object, opened: Callable[..., Archive], tmp_path: Path
) -> None:
    one = opened(tmp_path / "a")
    told = entry()
    one.add(told)
    with closing(sqlite3.connect(tmp_path / "a")) as db:
        db.execute("UPDATE records SET canonical = ?", (canonical,))
        db.commit()
    with pytest.raises(RecordError):
        content(one, told)


# --- what waits ----------------------------------------------------------------------------------


def test_entries_wait_until_reviewed_in_order_of_time(archive: Archive) -> None:
    late, early, same = entry("late", 2), entry("early", 0), entry("same time, came later", 0)
    for told in (late, early, same):
        archive.add(told)
    assert [x.signed() for x in archive.waiting()] == [early, same, late]
    archive.add(review(early))
    archive.add(review(same, "reject"))
    assert [x.signed() for x in archive.waiting()] == [late]


def commitments(archive: Archive) -> list[str]:
    """The commitments of what is ready, in order."""
    return [leaf.commitment for leaf in archive.ready(0, 10)]


def test_ready_are_all_reviews_and_the_approved_entries(archive: Archive) -> None:
    approved, rejected, unseen = entry("approved", 1), entry("rejected", 2), entry("unseen", 0)
    for told in (rejected, approved, unseen):
        archive.add(told)
    assert commitments(archive) == []
    no, yes = review(rejected, "reject", 61), review(approved, minutes=61)
    archive.add(no)
    archive.add(yes)
    ready = archive.ready(7, 10)
    assert ready == [
        Leaf.of(7 + i, told.record, told.commitment) for i, told in enumerate((approved, no, yes))
    ]
    assert archive.ready(7, 2) == ready[:2]
    assert archive.ready_count() == 3
    stories = archive.stories([approved.commitment, unseen.commitment])
    assert [x.commitment for x in stories[approved.commitment][1:]] == [yes.commitment]
    assert stories[unseen.commitment][1:] == []


def test_the_stories_of_many_records(archive: Archive) -> None:
    one, other = entry("one"), entry("other", files=(FILE,))
    no = review(one, "reject")
    appeal = signed(
        Record.appeal(people.alice.address, AT + timedelta(hours=2), no.commitment, "?")
    )
    yes = review(one, minutes=180)
    for told in (one, other, no, appeal, yes):
        archive.add(told, (FILE,) if told is other else ())
    plan(archive, 0, one, no, appeal)
    names = [one.commitment, other.commitment, yes.commitment]
    stories = archive.stories([*names, "0x" + "00" * 32])
    assert set(stories) == set(names)
    for name, (first, *about) in stories.items():
        assert first == archive.get(name)
        assert [first, *about] == archive.stories([name])[name]
    assert [x.commitment for x in (no, appeal, yes)] == [
        stored.commitment for stored in stories[one.commitment][1:]
    ]
    by_commitment = {told.commitment: told for told in (one, other, no, appeal, yes)}
    for stored in (stored for story in stories.values() for stored in story):
        assert stored.intact() == by_commitment[stored.commitment]
    assert [stored.leaf for stored in stories[one.commitment]] == [
        *leaves(0, one, no, appeal),
        None,
    ]
    assert stories[other.commitment][0].leaf is None
    assert archive.stories([]) == {}


def test_the_story_of_what_was_erased_or_damaged(archive: Archive) -> None:
    gone, changed = entry("gone"), entry("changed")
    for told in (gone, changed):
        archive.add(told)
    archive.add(signed(Record.withdrawal(people.alice.address, AT, gone.commitment)))
    archive._db.execute(
        "UPDATE records SET canonical = ? WHERE commitment = ?",
        (entry("other").record.canonical(), changed.commitment),
    )
    stories = archive.stories([gone.commitment, changed.commitment])
    assert [story[0].intact() for story in stories.values()] == [None, None]
    assert [stored.type for stored in stories[gone.commitment]] == ["entry", "withdrawal"]


def test_a_dropped_batch_is_ready_again_and_no_other(archive: Archive) -> None:
    witnesses = [
        signed(Record.witness(people.bob.address, AT, f"0x{number:064x}")) for number in range(1, 5)
    ]
    for told in witnesses:
        archive.add(told)
    land(archive, plan(archive, 0, *witnesses[:2]))
    second = plan(archive, 2, *witnesses[2:])
    assert commitments(archive) == []
    Outbox(archive).drop(second)
    assert commitments(archive) == [x.commitment for x in witnesses[2:]]


def test_ready_is_in_order_of_time_then_of_arrival(archive: Archive) -> None:
    late, early, same = entry("late", 2), entry("early", 0), entry("same time, came later", 0)
    reviews = [review(told) for told in (late, early, same)]
    for told in (late, early, same, *reviews):
        archive.add(told)
    assert commitments(archive) == [x.commitment for x in (early, same, late, *reviews)]


def test_records_that_are_no_entries_are_ready_at_once(archive: Archive) -> None:
    witness = signed(
        Record("witness", people.bob.address, AT, "0x" + "ab" * 32, {"note": "I saw it."})
    )
    archive.add(witness)
    assert commitments(archive) == [witness.commitment]
    assert archive.waiting() == []


def test_what_is_planned_is_no_longer_ready_and_waits_again_when_dropped(archive: Archive) -> None:
    one, two = entry("one"), entry("two", 1)
    for told in (one, two, review(one), review(two)):
        archive.add(told)
    before = commitments(archive)
    assert Outbox(archive).pending() is None
    assert Outbox(archive).last() is None
    planned = plan(archive, 5, one)
    assert Outbox(archive).pending() == planned == PendingBatch(5, planned.root, 1)
    assert [told for told in before if told != one.commitment] == commitments(archive)
    Outbox(archive).drop(planned)
    assert Outbox(archive).pending() is None
    assert archive.leaves(0, 100) == []
    assert commitments(archive) == before


def test_landed_batches(archive: Archive) -> None:
    one, two = entry("one"), entry("two", 1)
    first = plan(archive, 0, one)
    first = land(archive, first)
    assert (Outbox(archive).pending(), Outbox(archive).last()) == (None, first)
    second = plan(archive, 1, two)
    assert (Outbox(archive).pending(), Outbox(archive).last()) == (second, first)
    second = land(archive, second)
    assert (Outbox(archive).pending(), Outbox(archive).last()) == (None, second)
    assert [leaf.seq for leaf, _ in archive.leaves(0, 1)] == [0]
    assert [leaf.seq for leaf, _ in archive.leaves(1, 1)] == [1]
    assert [leaf.seq for leaf, _ in archive.leaves(0, 2)] == [0, 1]


def test_a_number_or_a_record_is_planned_once(archive: Archive) -> None:
    one, two = entry("one"), entry("two", 1)
    land(archive, plan(archive, 0, one))
    for first, told in ((0, two), (1, one)):
        with pytest.raises(KitError):
            plan(archive, first, told)
    assert Outbox(archive).pending() is None  # the batch's row went with its leaves
    assert len(archive.leaves(0, 10)) == 1


def test_what_is_ready_is_what_was_accepted(archive: Archive) -> None:
    told, other = entry(), entry("other")
    for record in (told, review(told)):
        archive.add(record)
    with archive.writing():
        archive._db.execute(
            "UPDATE records SET canonical = ? WHERE commitment = ?",
            (other.record.canonical(), told.commitment),
        )
    with pytest.raises(RecordError, match=r"as it was accepted.*one that was changed"):
        archive.ready(0, 10)


def test_errors_inside_a_write_come_out_as_they_are(archive: Archive) -> None:
    def fail() -> Any:
        with archive.writing():
            archive._db.execute("INSERT INTO home VALUES (1, 'a', 'b')")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert archive.home is None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows locks files otherwise")
@pytest.mark.parametrize("missing", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_share_that_cannot_lock_is_named_and_a_copy_elsewhere_opens(
    missing: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    share, local = tmp_path / "share", tmp_path / "local"
    share.mkdir()
    local.mkdir()
    with closing(Archive(share / "a.sqlite")) as archive, archive.lock():
        archive.add(entry())
    (share / "a.sqlite.lock").touch()  # it moved with the archive
    flock, there = fcntl.flock, (share / "a.sqlite.lock").stat().st_ino

    def no_locks_on_the_share(file: int, operation: int) -> None:
        if os.fstat(file).st_ino == there:
            raise OSError(missing, os.strerror(missing))
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", no_locks_on_the_share)
    start = time.monotonic()
    with (
        pytest.raises(ArchiveError, match="a share that can't lock files: copy it"),
        closing(Archive(share / "a.sqlite")) as archive,
        archive.lock(),
    ):
        pytest.fail("nothing was locked")
    assert time.monotonic() - start < module.PATIENCE / 2
    assert (share / "a.sqlite.lock").exists()
    for file in share.iterdir():
        shutil.copy(file, local)
    with closing(Archive(local / "a.sqlite")) as archive:
        with archive.lock():
            archive.add(entry("二"))
        assert archive.count() == 2


# --- threads -------------------------------------------------------------------------------------


def in_a_thread(do: Callable[[], object]) -> object:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(do).result()


def test_another_thread_is_told_so(tmp_path: Path) -> None:
    with closing(Archive(tmp_path / "archive.db")) as archive:
        archive.add(entry())
        with pytest.raises(ArchiveError, match="the thread that opened the archive, got another"):
            in_a_thread(archive.count)
        assert archive.count() == 1


def test_an_archive_that_nobody_holds_is_closed_in_whatever_thread(tmp_path: Path) -> None:
    """Python may collect what nobody holds in any thread; that ended in SQLite's error there."""
    archive = [Archive(tmp_path / "archive.db")]
    closed = archive[0]._closed
    in_a_thread(archive.clear)
    gc.collect()
    assert not closed.alive
