"""The archive: what the chain does not hold. One SQLite file, or memory.

It keeps every record that was received with its salt and signature, the files of entries (once each, by their
SHA-256), and the table of leaves. What becomes of a batch is kept here, too: see ``kit.diary.outbox``.

What is withdrawn is destroyed: content, salt and files go with the withdrawal, in one transaction;
then the whole file is written anew, so that no copy stays in its free pages. What the file system,
a backup or another reader keeps is out of its reach.

Several programs may hold one archive: ``lock`` lets one at a time act on it.

An archive belongs to one log on one chain. It says so, and refuses any other.
"""

from __future__ import annotations

import errno
import json
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import get_ident
from typing import Any, Final

from filelock import FileLock, Timeout

from kit.arguments import checked
from kit.core import Attachment, Leaf, LogId, SignedRecord
from kit.diary.stored import StoredRecord
from kit.errors import ArchiveError, AttachmentError, RecordError, WrongChain

__all__ = ["Archive"]

#: Written into SQLite's header, so that a file says whose it is: "CDKT".
APPLICATION_ID: Final = 0x43444B54
#: The version of the tables below.
VERSION: Final = 5
#: What a file system says that can't lock files: a share, mostly.
_NO_LOCKS: Final = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}
#: Seconds that one program waits for another's lock.
PATIENCE: Final = 10.0

_TABLES: Final = """
CREATE TABLE home (chain_id INTEGER NOT NULL, genesis_hash TEXT NOT NULL, contract TEXT NOT NULL);
CREATE TABLE records (
    arrived    INTEGER PRIMARY KEY,
    commitment TEXT NOT NULL UNIQUE,
    type       TEXT NOT NULL,
    author     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    subject    TEXT NOT NULL,
    decision   TEXT,
    signature  TEXT NOT NULL,
    canonical  BLOB,
    salt       BLOB,
    erased     INTEGER NOT NULL DEFAULT 0,
    planned    INTEGER NOT NULL DEFAULT 0,
    published  INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX records_by_subject ON records (subject, type);
CREATE INDEX records_to_plan ON records (at, arrived) WHERE NOT planned;
CREATE TABLE attached (record INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX attached_by_record ON attached (record);
CREATE INDEX attached_by_file ON attached (sha256);
CREATE TABLE files (sha256 TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE leaves (
    seq        INTEGER PRIMARY KEY,
    type       TEXT NOT NULL,
    author     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    subject    TEXT NOT NULL,
    commitment TEXT NOT NULL UNIQUE,
    hash       TEXT NOT NULL
);
"""
_BATCHES: Final = """
CREATE TABLE batches (
    first_seq    INTEGER PRIMARY KEY,
    root         TEXT NOT NULL,
    count        INTEGER NOT NULL,
    standing     TEXT NOT NULL DEFAULT 'pending',
    number       INTEGER,
    block_number INTEGER,
    block_hash   TEXT
);
CREATE TABLE sent (
    first_seq INTEGER NOT NULL,
    hash      TEXT NOT NULL UNIQUE,
    sender    TEXT NOT NULL,
    nonce     INTEGER NOT NULL,
    fee       TEXT NOT NULL,
    raw       BLOB NOT NULL
);
"""
_STATE_PROOFS: Final = """
CREATE TABLE state_proofs (
    block_hash TEXT NOT NULL,
    number     INTEGER NOT NULL,
    proof      TEXT NOT NULL,
    PRIMARY KEY (block_hash, number)
);
"""
#: From an older version to the next one, by the version it begins with. Since version 4 a batch says
#: where it stands, and a record that it was on the chain once, whatever became of its block. What an
#: older kit may have sent for a pending batch nobody knows: a nonce that is never used says so. Since
#: version 5 it keeps state proofs.
_MIGRATIONS: Final = {
    3: f"""
ALTER TABLE batches RENAME TO older;
{_BATCHES}
INSERT INTO batches (first_seq, root, count, standing)
    SELECT first_seq, root, count, CASE WHEN landed THEN 'included' ELSE 'pending' END FROM older;
ALTER TABLE records ADD COLUMN published INTEGER NOT NULL DEFAULT 0;
UPDATE records SET published = 1 WHERE commitment IN (SELECT leaves.commitment FROM leaves
    JOIN older ON leaves.seq BETWEEN older.first_seq AND older.first_seq + older.count - 1
    WHERE older.landed);
INSERT INTO sent SELECT first_seq, 'of an older kit', '0x{40 * "0"}', {2**63 - 1}, '0', x''
    FROM older WHERE NOT landed;
DROP TABLE older;
""",  # noqa: S608
    4: _STATE_PROOFS,
}

# Waiting for the next batch: the entries that a review let through, and every other record. That
# ``planned`` stands beside the leaves, and is no question to them, keeps this quick in a long log.
_READY: Final = """
WHERE NOT records.planned AND (
    records.type <> 'entry' OR (
        EXISTS (SELECT 1 FROM records AS about WHERE about.subject = records.commitment
                AND about.type = 'review' AND about.decision = 'approve')
        AND NOT EXISTS (SELECT 1 FROM records AS about WHERE about.subject = records.commitment
                        AND about.type = 'withdrawal')))
"""

# What becomes of an erased record: _GONE is written down with the withdrawal, _PURGED when no copy of
# the content can be left in the file.
_GONE, _PURGED = 1, 2

# A record with its leaf. SQLite keeps any kind of value in any column: the casts make texts of what
# should be, and the checks find what is no such text.
_RECORD: Final = (
    "records.arrived, records.commitment, records.type, records.author, records.at, records.subject,"
    f" records.decision, records.signature, records.erased > 0, records.erased = {_PURGED},"
    " records.canonical, records.salt"
)
_LEAF: Final = (
    "leaves.seq, CAST(leaves.type AS TEXT), CAST(leaves.author AS TEXT), leaves.at,"
    " CAST(leaves.subject AS TEXT), CAST(leaves.commitment AS TEXT)"
)
_WITH_LEAF: Final = f"{_RECORD}, records.published, {_LEAF}"
_FROM: Final = "FROM records LEFT JOIN leaves ON leaves.commitment = records.commitment"


class Archive:
    """The records, files and leaves of one diary. ``path`` None keeps them in memory."""

    @checked("path")
    def __init__(self, path: str | Path | None = None) -> None:
        """Open the archive, or make a new one where there is no file.

        Raises ArchiveError if the file is another program's, from a newer kit, damaged or locked.
        """
        self.path = Path(path) if path is not None else None
        if self.path and not self.path.parent.is_dir():
            raise ArchiveError(
                "an existing folder", str(self.path.parent), "Make the folder first."
            )
        self._thread = get_ident()
        with self._readable():
            # Its own transactions, see writing().
            self._db = sqlite3.connect(
                self.path or ":memory:", isolation_level=None, check_same_thread=False
            )
        # Closed with the archive, or when nobody holds it any more, which any thread may notice; it
        # is used in one thread only, see _readable().
        self._closed = weakref.finalize(self, self._db.close)
        # Without flock, a lock file that only lies there would be another program's for ever.
        lock = f"{self.path}.lock"
        self._lock = FileLock(lock, fallback_to_soft=False) if self.path else None
        # A damaged text is read as another text, which the checks notice, and not as an error.
        self._db.text_factory = lambda raw: raw.decode(errors="replace")
        try:
            with self._readable():
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        if (version := self._version()) != VERSION:
            with self.writing():
                version = self._version()  # another program may have been quicker
                while version != VERSION:
                    steps = _MIGRATIONS.get(version, _TABLES + _BATCHES + _STATE_PROOFS)
                    for statement in steps.split(";"):
                        self._db.execute(statement)
                    version = version + 1 if version else VERSION
                self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._db.execute("PRAGMA secure_delete = ON")
        self.home  # noqa: B018  reads a table, so that a damaged file is noticed here

    def _version(self) -> int:
        """Return the version of the file's tables, 0 for an empty file. Raises ArchiveError."""
        # In one question: another program may make it an archive just now.
        mark, version, tables = self.rows(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
            " FROM pragma_application_id, pragma_user_version"
        )[0]
        if mark != APPLICATION_ID:
            if tables:
                fix = "Choose another file name; this file was not touched."
                raise ArchiveError(
                    "an archive of this kit", f"another database at {self.path}", fix
                )
            return 0
        if version != VERSION and version not in _MIGRATIONS:
            got = f"version {version} at {self.path}"
            age = "newer" if version > VERSION else "older"
            fix = f"Open it with the {age} kit that made it, or start a new archive."
            raise ArchiveError(f"an archive of version {VERSION}", got, fix)
        return int(version)

    # --- whose it is -----------------------------------------------------------------------------

    @property
    def home(self) -> tuple[LogId, str] | None:
        """The log that this archive belongs to and its chain's genesis hash; None for a new archive."""
        rows = self.rows("SELECT chain_id, genesis_hash, contract FROM home")
        return (LogId(rows[0][0], rows[0][2]), rows[0][1]) if rows else None

    def settle(self, log: LogId, genesis_hash: str) -> None:
        """Write down the log that this archive belongs to. Raises WrongChain if it has another."""
        if self.home == (log, genesis_hash):
            return
        if self.home is not None:
            expected = f"the log {self.home[0]} with genesis {self.home[1]}"
            fix = "Open the archive on its own chain, or start a new one."
            raise WrongChain(expected, f"{log} with {genesis_hash}", fix)
        with self.writing():
            row = (log.chain_id, genesis_hash, log.contract)
            self._db.execute("INSERT INTO home VALUES (?, ?, ?)", row)

    # --- records ---------------------------------------------------------------------------------

    @checked("signed", "files")
    def add(self, signed: SignedRecord, files: Sequence[Attachment] = ()) -> None:
        """Keep a record and its files: all of it or, on an error, nothing.

        Raises AttachmentError if the files are not those that the record names, RecordError if the
        record is here already.
        """
        record = signed.record
        named = [file["sha256"] for file in record.body.get("attachments", ())]
        if named != [file.sha256 for file in files]:
            fix = "Pass the files that the entry was made with."
            raise AttachmentError("the files that the record names", "others", fix)
        leaf = Leaf.of(0, record, signed.commitment)
        row = (
            signed.commitment,
            record.type,
            record.author,
            leaf.at,
            leaf.subject,
            record.body.get("decision"),
            signed.signature,
            record.canonical(),
            signed.salt,
        )
        with self.writing():
            try:
                added = self._db.execute(
                    "INSERT INTO records (commitment, type, author, at, subject, decision,"
                    " signature, canonical, salt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.IntegrityError as error:
                got = f"{signed.commitment} again"
                raise RecordError("a new record", got, "It was accepted before.") from error
            for file in files:
                self._db.execute(
                    "INSERT INTO attached VALUES (?, ?)", (added.lastrowid, file.sha256)
                )
                self._db.execute(
                    "INSERT OR IGNORE INTO files VALUES (?, ?)", (file.sha256, file.content)
                )
            if record.type == "withdrawal":
                self._erase(leaf.subject)

    def take(self, signed: SignedRecord, files: Sequence[Attachment] = ()) -> None:
        """Keep a record whose leaf is here already: another archive of this log received it.

        Raises as ``add`` does.
        """
        with self.writing():
            self.add(signed, files)
            self._db.execute(
                "UPDATE records SET planned = 1, published = 1 WHERE commitment = ?",
                (signed.commitment,),
            )

    def _erase(self, entry: str) -> None:
        """Destroy the content of an entry and of the appeal about it, and files that nobody else has."""
        mine = (
            "(commitment = :entry OR type = 'appeal' AND subject IN"
            " (SELECT commitment FROM records WHERE subject = :entry AND type = 'review'))"
        )
        self._db.execute(
            f"DELETE FROM attached WHERE record IN (SELECT arrived FROM records WHERE {mine})",  # noqa: S608
            {"entry": entry},
        )
        self._db.execute("DELETE FROM files WHERE sha256 NOT IN (SELECT sha256 FROM attached)")
        self._db.execute(
            f"UPDATE records SET canonical = NULL, salt = NULL, erased = {_GONE} WHERE {mine}",  # noqa: S608
            {"entry": entry},
        )

    def purge(self) -> None:
        """Write the file anew if something was erased since, so that no copy stays in it.

        Raises ArchiveError if another program reads it just now; then the next ``purge`` does it.
        """
        if not self._one("SELECT count(*) FROM records WHERE erased = ?", _GONE):
            return
        with self._readable():
            # secure_delete writes zeros over what is deleted, but when SQLite moved a row from one
            # page to another it left the older copy behind, as free space.
            self._db.execute("VACUUM")
            self._db.execute("UPDATE records SET erased = ? WHERE erased = ?", (_PURGED, _GONE))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep many records at once, which is quicker: all of the block's changes or none."""
        with self.writing():
            yield

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let no other program act on this archive inside the block; it may be nested.

        Raises ArchiveError if another one's lock doesn't end in ten seconds.
        """
        if self._lock is None:  # in memory: nobody else has it
            yield
            return
        try:
            held = self._lock.acquire(timeout=PATIENCE)
        except Timeout as error:
            fix = "Wait until it is done, or end it."
            raise ArchiveError(f"a turn at {self.path}", "another program's", fix) from error
        except OSError as error:
            fix = "May you write in that folder?"
            if error.errno in _NO_LOCKS:
                fix = "Its folder is on a share that can't lock files: copy it to one that can."
            raise ArchiveError(f"to use {self.path}", str(error), fix) from error
        with held:
            yield

    def get(self, commitment: str) -> StoredRecord | None:
        """Return a record by its commitment, or None if there is none."""
        return next(iter(self._records("WHERE records.commitment = ?", commitment)), None)

    def stories(self, commitments: Iterable[str]) -> dict[str, list[StoredRecord]]:
        """Return many records by commitment, each before all that is about it, in order of arrival.

        That is: the records about it, those about them, and so on. What isn't here is left out. All
        of it is one question to the database, which for thousands is many times as quick.
        """
        rows = self.rows(
            "WITH RECURSIVE wanted (root, commitment) AS (SELECT commitment, commitment"  # noqa: S608
            " FROM records WHERE commitment IN (SELECT value FROM json_each(?))"
            " UNION SELECT root, records.commitment FROM wanted JOIN records"
            " ON subject = wanted.commitment)"
            f" SELECT root, {_WITH_LEAF} FROM wanted CROSS JOIN records USING (commitment)"
            " LEFT JOIN leaves ON leaves.commitment = records.commitment ORDER BY records.arrived",
            json.dumps(list(commitments)),
        )
        stories: dict[str, list[StoredRecord]] = {}
        for root, *values in rows:
            stories.setdefault(root, []).append(_stored(values))
        return stories

    def moves(self) -> list[StoredRecord]:
        """Return all records about others (reviews, appeals, …), in order of arrival."""
        return self._records(
            "WHERE records.type NOT IN ('entry', 'bulletin') ORDER BY records.arrived"
        )

    def latest(self, type: str, limit: int, *, author: str | None = None) -> list[StoredRecord]:
        """Return the newest records of a type, those of one author if one is given, newest first."""
        return self._records(
            "WHERE records.type = :type AND (:author IS NULL OR records.author = :author)"
            " ORDER BY records.arrived DESC LIMIT :limit",
            {"type": type, "author": author, "limit": limit},
        )

    def published_entries(self) -> list[StoredRecord]:
        """Return the entries that are on the chain, in order of time."""
        return self._records(
            "WHERE records.type = 'entry' AND records.published AND leaves.seq IS NOT NULL"
            " ORDER BY records.at, leaves.seq"
        )

    def file(self, sha256_hex: str) -> bytes | None:
        """Return the content of a file by its SHA-256, or None if it is missing or was changed."""
        content = self._one("SELECT content FROM files WHERE sha256 = ?", sha256_hex)
        if isinstance(content, bytes) and "0x" + sha256(content).hexdigest() == sha256_hex:
            return content
        return None

    def count(self) -> int:
        """Return how many records were ever received."""
        return int(self._one("SELECT coalesce(max(arrived), 0) FROM records"))

    def waiting(self) -> list[StoredRecord]:
        """Return the entries that wait for a review or for the answer to an appeal, in order of time."""
        # The last word about them is neither a decision nor a withdrawal.
        return self._records(
            "WHERE records.type = 'entry' AND records.erased = 0 AND coalesce((SELECT about.type"
            " FROM records AS about WHERE about.type <> 'witness' AND (about.subject ="
            " records.commitment OR about.subject IN (SELECT review.commitment FROM records AS review"
            " WHERE review.subject = records.commitment AND review.type = 'review'))"
            " ORDER BY about.arrived DESC LIMIT 1), 'appeal') = 'appeal'"
            " ORDER BY records.at, records.arrived"
        )

    @checked("first_seq")
    def ready(self, first_seq: int, limit: int) -> list[Leaf]:
        """Return the leaves that are to be published next, in order of time, from ``first_seq`` on.

        Raises RecordError if a record is not what was received: it would be published for ever.
        """
        found = self._records(f"{_READY} ORDER BY records.at, records.arrived LIMIT ?", limit)
        if not all(record.erased or record.intact() for record in found):
            fix = "The archive was damaged: take a copy from before."
            raise RecordError("a record as it was accepted", "one that was changed", fix)
        return [record.leaf_at(seq) for seq, record in enumerate(found, first_seq)]

    def ready_count(self) -> int:
        """Return how many records are to be published."""
        return int(self._one(f"SELECT count(*) FROM records {_READY}"))  # noqa: S608

    def replace(self, commitment: str, canonical: bytes) -> None:
        """Put other content where a record's is: for tests and lessons of what is noticed then."""
        with self.writing():
            self._db.execute(
                "UPDATE records SET canonical = ? WHERE commitment = ?", (canonical, commitment)
            )

    # --- the table of leaves ---------------------------------------------------------------------

    @checked("first_seq", "count")
    def leaves(self, first_seq: int, count: int) -> list[tuple[Leaf, str]]:
        """Return the leaves with these numbers that the archive has, each with its hash as stored."""
        last = first_seq + count - 1
        rows = self.rows(
            f"SELECT {_LEAF}, CAST(hash AS TEXT) FROM leaves WHERE seq BETWEEN ? AND ? ORDER BY seq",  # noqa: S608
            first_seq,
            last,
        )
        return [(Leaf(*row[:6]), row[6]) for row in rows]

    # --- inside ----------------------------------------------------------------------------------

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a question to the database finds: for this package alone."""
        given: Any = values[0] if values and isinstance(values[0], dict) else values
        with self._readable():
            return self._db.execute(query, given).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        """Change the database, inside ``writing()``: for this package alone."""
        self._db.execute(statement, values)

    def copy(self, file: Path) -> None:
        """Write what is in the archive now into a new file: whole, or not at all.

        Nothing but what is there: no free page, and so nothing of what was erased. Others may write
        meanwhile. Raises ArchiveError if the file is there already, or can't be written.
        """
        if file.exists():
            raise ArchiveError("a new file", f"{file}, which is there", "Choose another name.")
        part = file.parent / f".{file.name}.kit-part"
        parts = (part, part.with_name(f"{part.name}-journal"))
        try:
            for left in parts:  # by a copy that was killed: it may hold what is erased now
                left.unlink(missing_ok=True)
            with self._readable():
                self._db.execute("VACUUM INTO ?", (str(part),))
            part.rename(file)
        except OSError as error:
            fix = "May you write there, and is there room?"
            raise ArchiveError(f"to write {file}", str(error.strerror), fix) from error
        finally:
            for left in parts:
                left.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file."""
        self._closed()

    def _records(self, where: str, *values: object) -> list[StoredRecord]:
        rows = self.rows(f"SELECT {_WITH_LEAF} {_FROM} {where}", *values)
        return [_stored(row) for row in rows]

    def _one(self, query: str, *values: object) -> Any:
        rows = self.rows(query, *values)
        return rows[0][0] if rows else None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All of the block's changes or none; it may be nested. For this package alone."""
        nested = self._db.in_transaction
        if nested:
            yield
            return
        with self._readable():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")  # fails while another program reads
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Turn SQLite's errors inside the block into the kit's."""
        if get_ident() != self._thread:
            fix = "Open the diary in the thread that uses it."
            raise ArchiveError("the thread that opened the archive", "another one", fix)
        try:
            yield
        except sqlite3.ProgrammingError as error:
            fix = "Open the diary again, with its chain and this file."
            raise ArchiveError("an archive that is open", "one that was closed", fix) from error
        except sqlite3.OperationalError as error:
            fix = "Is another program using it, is the disk full, may you write there?"
            raise ArchiveError(f"to use {self.path}", str(error), fix) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the second: of its own words
            fix = "It is another program's file, or damaged: choose another name, or take a copy of it."
            raise ArchiveError(f"an archive of this kit at {self.path}", str(error), fix) from error

    def __repr__(self) -> str:
        return f"archive at {self.path or 'memory'}, {self.count():,} records"


def _stored(row: Any) -> StoredRecord:
    leaf = None if row[-6] is None else Leaf(*row[-6:])
    *said, erased, purged, canonical, salt, published = row[:-6]
    # SQLite has no bool.
    told: list[Any] = [*said, bool(erased), bool(purged), canonical, salt, leaf, bool(published)]
    return StoredRecord(*told)
