"""The archive: what the chain does not hold. One SQLite file, or memory.

It keeps every accepted record with its salt and signature, the files of entries (once each, by their
SHA-256), and the table of leaves. A batch is written here before it is sent, so that after a crash
at any moment the archive knows what may be on the chain (see ``Diary.publish``).

What is withdrawn is destroyed: content, salt and files go with the withdrawal, in one transaction;
then the whole file is written anew, so that no copy stays in its free pages. What the file system,
a backup or another reader keeps is out of its reach.

Several programs may hold one archive: ``turn`` lets one at a time act on it.

An archive belongs to one log on one chain. It says so, and refuses any other.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from eth_hash.auto import keccak
from filelock import FileLock, Timeout

from kit.core import (
    BODY_BYTES_MAX,
    Attachment,
    Leaf,
    Record,
    SignedRecord,
    Tree,
    parse_time,
    subject_to_leaf,
)
from kit.errors import ArchiveError, AttachmentError, RecordError, WrongChain

__all__ = ["Archive", "Home", "Kept", "Plan", "Said"]

#: Written into SQLite's header, so that a file says whose it is: "CDKT".
APPLICATION_ID: Final = 0x43444B54
#: The version of the tables below.
VERSION: Final = 3
#: Seconds that one program waits for another's turn to end.
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
    planned    INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX records_by_subject ON records (subject, type);
CREATE INDEX records_to_plan ON records (at, arrived) WHERE NOT planned;
CREATE TABLE attached (record INTEGER NOT NULL, sha256 TEXT NOT NULL);
CREATE INDEX attached_by_record ON attached (record);
CREATE INDEX attached_by_file ON attached (sha256);
CREATE TABLE files (sha256 TEXT PRIMARY KEY, content BLOB NOT NULL);
CREATE TABLE batches (
    first_seq INTEGER PRIMARY KEY,
    root      TEXT NOT NULL,
    count     INTEGER NOT NULL,
    landed    INTEGER NOT NULL DEFAULT 0
);
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

# Waiting for the next batch: the entries that a review let through, and every other record. That
# ``planned`` stands beside the leaves, and is no question to them, keeps this quick in a long log.
_READY: Final = """
FROM records WHERE NOT planned AND (
    type <> 'entry' OR (
        EXISTS (SELECT 1 FROM records AS about WHERE about.subject = records.commitment
                AND about.type = 'review' AND about.decision = 'approve')
        AND NOT EXISTS (SELECT 1 FROM records AS about WHERE about.subject = records.commitment
                        AND about.type = 'withdrawal')))
"""

# What becomes of an erased record: _GONE is written down with the withdrawal, _PURGED when no copy of
# the content can be left in the file.
_GONE, _PURGED = 1, 2

_SAID: Final = (
    "arrived, commitment, type, author, at, subject, decision, signature,"
    f" erased > 0, erased = {_PURGED}"
)

# SQLite keeps any kind of value in any column: the casts make texts of what should be.
_LEAF: Final = (
    "seq, CAST(type AS TEXT), CAST(author AS TEXT), at, CAST(subject AS TEXT),"
    " CAST(commitment AS TEXT), CAST(hash AS TEXT)"
)


@dataclass(frozen=True)
class Said:
    """A record without its content: what stays when it is erased.

    ``at`` is in Unix seconds, ``subject`` 32 zero bytes (as hex) where there is none, ``decision``
    that of a review or None. ``erased`` says that the content is gone, ``purged`` that the file
    was written anew since.
    """

    arrived: int
    commitment: str
    type: str
    author: str
    at: int
    subject: str
    decision: str | None
    signature: str
    erased: bool
    purged: bool

    @property
    def move(self) -> str:
        """What the record does to an entry, in the words of ``kit.core.rules``."""
        return self.decision or {"withdrawal": "withdraw"}.get(self.type, self.type)

    def leaf(self, seq: int) -> Leaf:
        """Return the record's leaf under the number ``seq``."""
        return Leaf(seq, self.type, self.author, self.at, self.subject, self.commitment)


@dataclass(frozen=True)
class Kept:
    """A record as the archive has it: what stays of it, its leaf if it is in a batch, its content."""

    said: Said
    leaf: Leaf | None
    _canonical: Any
    _salt: Any

    def intact(self) -> SignedRecord | None:
        """Return the record if its content is there and has its commitment, else None."""
        if self.said.erased:
            return None
        try:
            signed = _signed(self._canonical, self._salt, self.said.signature)
            return signed if signed.commitment == self.said.commitment else None
        except RecordError:
            return None


@dataclass(frozen=True)
class Home:
    """The log that an archive belongs to."""

    chain_id: int
    genesis_hash: str
    contract: str


@dataclass(frozen=True)
class Plan:
    """A batch as the archive wrote it down before it was sent."""

    first_seq: int
    root: str
    count: int


class Archive:
    """The records, files and leaves of one diary. ``path`` None keeps them in memory."""

    def __init__(self, path: str | Path | None = None) -> None:
        """Open the archive, or make a new one where there is no file.

        Raises ArchiveError if the file is another program's, from a newer kit, damaged or locked.
        """
        self.path = Path(path) if path is not None else None
        if self.path and not self.path.parent.is_dir():
            raise ArchiveError(
                "an existing folder", str(self.path.parent), "Make the folder first."
            )
        with self._readable():
            # Its own transactions, see _writing().
            self._db = sqlite3.connect(self.path or ":memory:", isolation_level=None)
        # Closed with the archive, or when nobody holds it any more.
        self._closed = weakref.finalize(self, self._db.close)
        self._together = False
        self._lock = FileLock(f"{self.path}.lock") if self.path else None
        # A damaged text is read as another text, which the checks notice, and not as an error.
        self._db.text_factory = lambda raw: raw.decode(errors="replace")
        try:
            with self._readable():
                self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        if not self._is_ours():
            with self._writing():
                if not self._is_ours():  # else another program has just made it
                    for statement in _TABLES.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._db.execute("PRAGMA secure_delete = ON")
        self._db.execute("PRAGMA foreign_keys = ON")
        self.home  # noqa: B018  reads a table, so that a damaged file is noticed here

    def _is_ours(self) -> bool:
        """Return whether this is an archive, or False for an empty file. Raises ArchiveError."""
        # In one question: another program may make it an archive just now.
        mark, version, tables = self._rows(
            "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema)"
            " FROM pragma_application_id, pragma_user_version"
        )[0]
        if mark != APPLICATION_ID:
            if tables:
                fix = "Choose another file name; this file was not touched."
                raise ArchiveError(
                    "an archive of this kit", f"another database at {self.path}", fix
                )
            return False
        if version != VERSION:
            got = f"version {version} at {self.path}"
            age = "newer" if version > VERSION else "older"
            fix = f"Open it with the {age} kit that made it, or start a new archive."
            raise ArchiveError(f"an archive of version {VERSION}", got, fix)
        return True

    # --- whose it is -----------------------------------------------------------------------------

    @property
    def home(self) -> Home | None:
        """The log that this archive belongs to, or None for a new archive."""
        rows = self._rows("SELECT chain_id, genesis_hash, contract FROM home")
        return Home(*rows[0]) if rows else None

    def settle(self, home: Home) -> None:
        """Write down the log that this archive belongs to. Raises WrongChain if it has another."""
        if self.home not in (None, home):
            fix = "Open the archive on its own chain, or start a new one."
            raise WrongChain(f"the log {self.home}", f"{home}", fix)
        if self.home is None:
            with self._writing():
                row = (home.chain_id, home.genesis_hash, home.contract)
                self._db.execute("INSERT INTO home VALUES (?, ?, ?)", row)

    # --- records ---------------------------------------------------------------------------------

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
        with self._writing():
            try:
                added = self._db.execute(
                    "INSERT INTO records (commitment, type, author, at, subject, decision,"
                    " signature, canonical, salt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            except sqlite3.IntegrityError:
                got = f"{signed.commitment} again"
                raise RecordError("a new record", got, "It was accepted before.") from None
            for file in files:
                self._db.execute(
                    "INSERT INTO attached VALUES (?, ?)", (added.lastrowid, file.sha256)
                )
                self._db.execute(
                    "INSERT OR IGNORE INTO files VALUES (?, ?)", (file.sha256, file.content)
                )
            if record.type == "withdrawal":
                self._erase(leaf.subject)

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
    def together(self) -> Iterator[None]:
        """Keep many records at once, which is quicker: all of the block's changes or none."""
        with self._writing():
            self._together = True
            try:
                yield
            finally:
                self._together = False

    def turn(self) -> AbstractContextManager[object]:
        """Return a context in which no other program acts on this archive; it may be nested.

        Raises ArchiveError if the other one doesn't end its turn in ten seconds.
        """
        return self._turn() if self._lock else nullcontext()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        try:
            held = self._lock.acquire(timeout=PATIENCE)  # type: ignore[union-attr]
        except Timeout:
            fix = "Wait until it is done, or end it."
            raise ArchiveError(f"a turn at {self.path}", "another program's", fix) from None
        except OSError as error:
            fix = "May you write in that folder?"
            raise ArchiveError(f"to use {self.path}", str(error), fix) from None
        with held:
            yield

    def get(self, commitment: str) -> SignedRecord | None:
        """Return a record by its commitment; None if there is none or its content was erased.

        Raises RecordError if its row was damaged.
        """
        found = self._signed("FROM records WHERE commitment = ? AND erased = 0", commitment)
        return found[0] if found else None

    def intact(self, commitment: str) -> SignedRecord | None:
        """Return a record if its content is there and has this commitment, else None."""
        try:
            signed = self.get(commitment)
        except RecordError:
            return None
        return signed if signed and signed.commitment == commitment else None

    def said(self, commitment: str) -> Said | None:
        """Return what stays of a record even if it was erased, or None if there is none."""
        found = self._said("WHERE commitment = ?", commitment)
        return found[0] if found else None

    def about(self, commitment: str) -> list[Said]:
        """Return the records about a record, those about them, and so on, in order of arrival."""
        return self._said(
            "WHERE commitment IN (WITH RECURSIVE found (commitment) AS (SELECT commitment FROM"
            " records WHERE subject = ? UNION SELECT records.commitment FROM records JOIN found"
            " ON subject = found.commitment) SELECT commitment FROM found) ORDER BY arrived",
            commitment,
        )

    def stories(self, commitments: Sequence[str]) -> dict[str, list[Kept]]:
        """Return many records by commitment, each before all that is about it, as ``about`` has it.

        For thousands of records this is several times as quick as one by one.
        """
        rows = self._rows(
            "WITH RECURSIVE wanted (root, commitment) AS (SELECT commitment, commitment"  # noqa: S608
            " FROM records WHERE commitment IN (SELECT value FROM json_each(?))"
            " UNION SELECT root, records.commitment FROM wanted JOIN records"
            " ON subject = wanted.commitment)"
            f" SELECT root, canonical, salt, {_SAID} FROM (SELECT root, records.* FROM wanted"
            " CROSS JOIN records USING (commitment)) ORDER BY arrived",
            json.dumps(commitments),
        )
        found = json.dumps([row[4] for row in rows])
        in_batches = "FROM leaves WHERE commitment IN (SELECT value FROM json_each(?))"
        leaves = {
            row[5]: Leaf(*row[:6]) for row in self._rows(f"SELECT {_LEAF} {in_batches}", found)
        }
        stories: dict[str, list[Kept]] = {}
        for root, canonical, salt, *values in rows:
            said = Said(*values)
            kept = Kept(said, leaves.get(said.commitment), canonical, salt)
            stories.setdefault(root, []).append(kept)
        return stories

    def moves(self) -> list[Said]:
        """Return all records about others (reviews, appeals, …), in order of arrival."""
        return self._said("WHERE type NOT IN ('entry', 'bulletin') ORDER BY arrived")

    def latest(self, type: str, limit: int, *, author: str | None = None) -> list[Said]:
        """Return the newest records of a type, those of one author if one is given, newest first."""
        return self._said(
            "WHERE type = :type AND (:author IS NULL OR author = :author)"
            " ORDER BY arrived DESC LIMIT :limit",
            {"type": type, "author": author, "limit": limit},
        )

    def entries(self) -> list[Said]:
        """Return all entries, in order of arrival."""
        return self._said("WHERE type = 'entry' ORDER BY arrived")

    def landed_entries(self) -> list[tuple[int, Said]]:
        """Return the entries that are on the chain, each after its number, in order of time."""
        rows = self._rows(
            f"SELECT seq, {_SAID} FROM (SELECT leaves.seq, records.* FROM records JOIN leaves"  # noqa: S608
            " USING (commitment) JOIN batches ON batches.first_seq = (SELECT max(first_seq)"
            " FROM batches WHERE first_seq <= leaves.seq) WHERE records.type = 'entry' AND landed)"
            " ORDER BY at, seq"
        )
        return [(seq, Said(*said)) for seq, *said in rows]

    def bodies(self) -> dict[str, dict[str, Any]]:
        """Return what the entries say, by commitment: those that were not erased, unchecked.

        Quick, for whole tables; ``get`` is what checks. What can't be read is left out.
        """
        rows = self._rows(
            "SELECT commitment, json_extract(body, '$.text'), json_extract(body, '$.place'),"
            " json_extract(body, '$.role'), json_array_length(body, '$.attachments') FROM"
            " (SELECT commitment, json_extract(CAST(canonical AS TEXT), '$.body') AS body"
            " FROM records WHERE type = 'entry' AND erased = 0"
            " AND json_valid(CAST(canonical AS TEXT)))"
        )
        names = ("text", "place", "role", "attachments")
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}

    def file(self, sha256_hex: str) -> bytes | None:
        """Return the content of a file by its SHA-256, or None if it is missing or was changed."""
        content = self._one("SELECT content FROM files WHERE sha256 = ?", sha256_hex)
        if isinstance(content, bytes) and "0x" + sha256(content).hexdigest() == sha256_hex:
            return content
        return None

    def count(self) -> int:
        """Return how many records were ever accepted."""
        return int(self._one("SELECT coalesce(max(arrived), 0) FROM records"))

    def waiting(self) -> list[SignedRecord]:
        """Return the entries that wait for a review or for the answer to an appeal, in order of time."""
        # The last word about them is neither a decision nor a withdrawal.
        return self._signed(
            "FROM records AS entry WHERE type = 'entry' AND erased = 0 AND coalesce((SELECT type"
            " FROM records AS about WHERE about.type <> 'witness' AND (about.subject ="
            " entry.commitment OR about.subject IN (SELECT commitment FROM records WHERE"
            " subject = entry.commitment AND type = 'review')) ORDER BY arrived DESC LIMIT 1),"
            " 'appeal') = 'appeal' ORDER BY at, arrived"
        )

    def ready(self, first_seq: int, limit: int) -> list[Leaf]:
        """Return the leaves that are to be published next, in order of time, from ``first_seq`` on.

        Raises RecordError if a record is not what was accepted: it would be published for ever.
        """
        rows = self._rows(
            f"SELECT {_SAID}, canonical, salt {_READY} ORDER BY at, arrived LIMIT ?", limit
        )
        leaves = []
        for seq, (*values, canonical, salt) in enumerate(rows, first_seq):
            said = Said(*values)
            if not (said.erased or _is_what_was_accepted(said, canonical, salt)):
                fix = "The archive was damaged: take a copy from before."
                raise RecordError("a record as it was accepted", "one that was changed", fix)
            leaves.append(said.leaf(seq))
        return leaves

    def ready_count(self) -> int:
        """Return how many records are to be published."""
        return int(self._one("SELECT count(*) " + _READY))

    # --- batches ---------------------------------------------------------------------------------

    def plan(self, leaves: Sequence[Leaf]) -> Plan:
        """Write down a batch that is about to be sent."""
        hashes = [leaf.hash() for leaf in leaves]
        plan = Plan(leaves[0].seq, Tree(hashes).root, len(leaves))
        with self._writing():
            self._db.execute(
                "INSERT INTO batches (first_seq, root, count) VALUES (?, ?, ?)",
                (plan.first_seq, plan.root, plan.count),
            )
            self._db.executemany(
                "INSERT INTO leaves VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (x.seq, x.type, x.author, x.at, x.subject, x.commitment, hashed)
                    for x, hashed in zip(leaves, hashes, strict=True)
                ],
            )
            self._set_planned(plan, 1)
        return plan

    def planned(self) -> Plan | None:
        """Return the batch that was written down and not yet seen on the chain, if there is one."""
        return self._plan("WHERE NOT landed ORDER BY first_seq")

    def landed(self, plan: Plan) -> None:
        """Note that a planned batch is on the chain."""
        with self._writing():
            self._db.execute("UPDATE batches SET landed = 1 WHERE first_seq = ?", (plan.first_seq,))

    def is_landed(self, commitment: str) -> bool:
        """Return whether a record is in a batch that was seen on the chain."""
        return bool(
            self._one(
                "SELECT landed FROM leaves JOIN batches ON batches.first_seq = (SELECT"
                " max(first_seq) FROM batches WHERE first_seq <= seq) WHERE commitment = ?",
                commitment,
            )
        )

    def drop(self, plan: Plan) -> None:
        """Forget a planned batch that the chain refused: its records wait again."""
        with self._writing():
            self._set_planned(plan, 0)
            last = plan.first_seq + plan.count - 1
            self._db.execute("DELETE FROM leaves WHERE seq BETWEEN ? AND ?", (plan.first_seq, last))
            self._db.execute("DELETE FROM batches WHERE first_seq = ?", (plan.first_seq,))

    def _set_planned(self, plan: Plan, planned: int) -> None:
        self._db.execute(
            "UPDATE records SET planned = ? WHERE commitment IN"
            " (SELECT commitment FROM leaves WHERE seq BETWEEN ? AND ?)",
            (planned, plan.first_seq, plan.first_seq + plan.count - 1),
        )

    def last_landed(self) -> Plan | None:
        """Return the newest batch that was seen on the chain."""
        return self._plan("WHERE landed ORDER BY first_seq DESC")

    def leaves(self, first_seq: int, count: int) -> list[tuple[Leaf, str]]:
        """Return the leaves with these numbers that the archive has, each with its hash as stored."""
        last = first_seq + count - 1
        rows = self._rows(
            f"SELECT {_LEAF} FROM leaves WHERE seq BETWEEN ? AND ? ORDER BY seq",  # noqa: S608
            first_seq,
            last,
        )
        return [(Leaf(*row[:6]), row[6]) for row in rows]

    def leaf(self, commitment: str) -> Leaf | None:
        """Return the leaf of a record by its commitment, or None if it is in no batch."""
        rows = self._rows(f"SELECT {_LEAF} FROM leaves WHERE commitment = ?", commitment)  # noqa: S608
        return Leaf(*rows[0][:6]) if rows else None

    # --- inside ----------------------------------------------------------------------------------

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        given: Any = values[0] if values and isinstance(values[0], dict) else values
        with self._readable():
            return self._db.execute(query, given).fetchall()

    def close(self) -> None:
        """Close the file."""
        self._closed()

    def _said(self, where: str, *values: object) -> list[Said]:
        return self._said_of(f"FROM records {where}", *values)

    def _said_of(self, source: str, *values: object) -> list[Said]:
        # SQLite keeps any kind of value in any column; a damaged one is found by the checks.
        rows = self._rows(f"SELECT {_SAID} {source}", *values)
        return [Said(*row) for row in rows]

    def _one(self, query: str, *values: object) -> Any:
        rows = self._rows(query, *values)
        return rows[0][0] if rows else None

    def _plan(self, where: str) -> Plan | None:
        rows = self._rows(f"SELECT first_seq, root, count FROM batches {where} LIMIT 1")  # noqa: S608
        return Plan(*rows[0]) if rows else None

    def _signed(self, query: str, *values: object) -> list[SignedRecord]:
        rows = self._rows("SELECT canonical, salt, signature " + query, *values)
        return [_signed(*row) for row in rows]

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """All of the block's changes or none."""
        if self._together:
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
        try:
            yield
        except sqlite3.OperationalError as error:
            fix = "Is another program using it, is the disk full, may you write there?"
            raise ArchiveError(f"to use {self.path}", str(error), fix) from None
        except sqlite3.DatabaseError as error:
            fix = "It is another program's file, or damaged: choose another name, or take a copy of it."
            raise ArchiveError(f"an archive of this kit at {self.path}", str(error), fix) from None

    def __repr__(self) -> str:
        return f"archive at {self.path or 'memory'}, {self.count():,} records"


def _is_what_was_accepted(said: Said, canonical: Any, salt: Any) -> bool:
    """Return whether content and salt give the commitment, and say what the leaf will say."""
    if not isinstance(canonical, bytes) or not isinstance(salt, bytes):
        return False
    if "0x" + keccak(salt + canonical).hex() != said.commitment:
        return False
    told = json.loads(canonical)  # it is what was accepted, so it is JSON
    at = int(parse_time(told["at"]).timestamp())
    subject = subject_to_leaf(told["subject"])
    return (told["type"], told["author"], at, subject) == (
        said.type,
        said.author,
        said.at,
        said.subject,
    )


def _signed(canonical: Any, salt: Any, signature: Any) -> SignedRecord:
    try:
        # Very deep JSON would end the process: py-evm lifts Python's guard against it.
        if not isinstance(canonical, bytes) or len(canonical) > BODY_BYTES_MAX:
            raise ValueError(f"not the at most {BODY_BYTES_MAX:,} bytes of a record")
        record = Record.from_json(json.loads(canonical))
    except (ValueError, RecursionError) as error:
        raise RecordError(
            "a record in the archive", str(error), "The archive was damaged."
        ) from None
    return SignedRecord(record, salt, signature)
