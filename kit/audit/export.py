"""The export: everything a stranger needs to check a diary, in a folder. ``kit.audit.read`` reads it.

===================  ==============================================================================
``leaves``           seq, type, author, at, subject, commitment of every record; leaf: its hash
``batches``          number, root, first_seq, count, registrar, block_number, block_hash,
                     block_time, transaction_hash, log_index
``records``          the open records: seq, commitment, salt, signature, canonical; then, for
                     reading, text, place, role, decision, attachments
``files/``           the files of open entries, each named by its SHA-256 (see ``kit.audit.files``)
``datapackage.json``  what the folder is (Data Package): chain, log, versions, licence, columns, hashes;
                     signed by the diary's registrar (see ``kit.audit.manifest``)
===================  ==============================================================================

The three tables are there twice, as CSV (UTF-8) and as Parquet, with the same columns. Times are Unix
seconds. ``canonical`` is the text that is hashed: ``keccak256(salt ‖ canonical)`` is the commitment, and
the author signed that. Withdrawn and erased records, and contents that are held back, have their leaf in
``leaves`` and no row in ``records``, and their files are not there. ``canonical`` has the names and
hashes of an entry's files. A file is as it was posted, with all that a camera wrote into it. The same
diary gives the same bytes.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and people write
such texts. So in the CSV of the records, a cell of the columns for reading (text, place, role, decision)
that begins with one of these, with a tab or with ``'`` has a ``'`` before it. The exact text is in
``canonical``, which always begins with ``{``, and in Parquet. The CSV has no byte order mark, as most
programs want it. Excel takes such a file by Data, From Text/CSV, 65001: Unicode (UTF-8); opened by a
double click its Chinese is unreadable. ``read`` takes a copy with the mark, too.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pandas as pd

from kit.arguments import checked
from kit.audit import files as attached
from kit.audit import manifest
from kit.audit.auditor import LEAF, compare
from kit.core import FAILED, Batch, Leaf, SignedRecord, Tree, format_time
from kit.diary import held_back
from kit.errors import DataError
from kit.version import __version__

if TYPE_CHECKING:
    from kit.diary import Diary

__all__ = ["FORMAT", "READABLE", "TABLES", "database", "export", "open_records", "record_row"]

FORMAT: Final = "civic-diary-export/1"

#: The tables, their columns and the types of these, as Data Package names them.
TABLES: Final = {
    "leaves": {
        "seq": "integer",
        "type": "string",
        "author": "string",
        "at": "integer",
        "subject": "string",
        "commitment": "string",
        "leaf": "string",
    },
    "batches": {
        "number": "integer",
        "root": "string",
        "first_seq": "integer",
        "count": "integer",
        "registrar": "string",
        "block_number": "integer",
        "block_hash": "string",
        "block_time": "integer",
        "transaction_hash": "string",
        "log_index": "integer",
    },
    "records": {
        "seq": "integer",
        "commitment": "string",
        "salt": "string",
        "signature": "string",
        "canonical": "string",
        "text": "string",
        "place": "string",
        "role": "string",
        "decision": "string",
        "attachments": "integer",
    },
}
_TITLES: Final = {
    "leaves": "What is public of every record, and the hash of its leaf",
    "batches": "The log's batches and where they stand on the chain",
    "records": "The open records, with salt and signature",
}
_ABOUT: Final = {
    "at": "When it was written, Unix seconds.",
    "block_time": "The time of the block, Unix seconds.",
    "subject": "The commitment of the record that this one is about; zeros where there is none.",
    "leaf": "keccak256(keccak256(abi.encode(seq, type code, author, at, subject, commitment))).",
    "canonical": "The record as RFC 8785 JSON: keccak256(salt, canonical) is the commitment.",
    "signature": "EIP-712, Record(bytes32 commitment), by the author, for this log on this chain.",
    "text": "For reading, as in canonical. In CSV with ' before = + - @ tab and '.",
    "attachments": "How many files the entry names.",
}
_GROUP_ROWS: Final = 100_352  # of Parquet: 49 of the blocks of 2,048 rows that DuckDB works with
#: The columns for reading; in CSV they are made safe for spreadsheets.
READABLE: Final = ("text", "place", "role", "decision")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "'")


@checked("diary", "leaves")
def open_records(diary: Diary, leaves: Sequence[Leaf]) -> list[tuple[int, SignedRecord]]:
    """Return the records whose content the diary shows to everybody, each with its number.

    Not those of entries that are withdrawn or suspended, nor the appeals about such entries: they
    may repeat what is hidden.
    """
    stories = diary.stories(leaf.commitment for leaf in leaves)
    hidden = held_back(stories, diary.stories)
    shown = [
        leaf for leaf in leaves if leaf.commitment in stories and leaf.commitment not in hidden
    ]
    found = [(leaf.seq, stories[leaf.commitment][0].signed()) for leaf in shown]
    return [(seq, signed) for seq, signed in found if signed is not None]


@checked("diary", "folder", "partial")
def export(
    diary: Diary,
    folder: str | Path,
    *,
    licence: str = "notspecified",
    simulated: bool = False,
    partial: bool = False,
) -> Path:
    """Write the export of a diary into a new folder (or an empty one), and return its path.

    ``licence`` is the Open Definition's name of the licence of the contents ("CC-BY-4.0"); the diary
    can't know it. ``simulated`` says that nobody wrote these records; it travels into all that is
    made of them. The folder is written whole or not at all. Raises DataError if something is in it,
    or if the archive's leaves are not those of the log: then nobody could check the export.

    Several registrars of one log have an archive each, and none has all leaves before they exchange
    them. A ``partial`` export has the batches whose leaves are here, for ``Diary.recover(leaves=…)``
    of another archive; an audit of it finds that the rest is missing.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fix = "Choose another; nothing was written."
        raise DataError("a new or empty folder", f"{folder}, which has something in it", fix)
    head = diary.chain.head
    batches = [b for b in diary.log.batches() if b.anchor.block_number <= head.number]
    leaves = diary.leaves()[: sum(batch.count for batch in batches)]
    if partial:
        leaves = _whole_batches(batches, leaves)
    elif not (found := compare(batches, leaves)).ok:
        got = next(s.reason for s in found.steps if s.outcome == FAILED)
        raise DataError("an archive with the leaves of its log", got, "See diary.records().")
    opened = open_records(diary, leaves)
    tables = {
        "leaves": [vars(leaf) | {LEAF: leaf.hash()} for leaf in leaves],
        "batches": [_batch_row(batch) for batch in batches],
        "records": [record_row(seq, signed) for seq, signed in opened],
    }
    about = {
        "format": FORMAT,
        "kit": __version__,
        "chain_id": diary.chain.chain_id,
        "genesis_hash": diary.chain.genesis_hash,
        "contract": diary.log.address,
        "block_number": head.number,
        "block_hash": head.hash,
        "simulated": simulated,
    } | ({"partial": True} if partial else {})
    with _whole(folder) as part:
        files: dict[str, bytes] = {}
        for name, rows in tables.items():
            files[f"{name}.csv"] = _csv(name, rows)
            (part / f"{name}.csv").write_bytes(files[f"{name}.csv"])
            _write_parquet(name, rows, part / f"{name}.parquet")
            files[f"{name}.parquet"] = (part / f"{name}.parquet").read_bytes()
        resources = _resources(files)
        resources += attached.write(diary, [signed for _, signed in opened], part)
        package = _package(about, licence, resources, head.time)
        if manifest.may_sign(diary.log, diary.registrar.address, batches):
            package = manifest.signed(package, diary.log.log_id, diary.registrar)
        text = json.dumps(package, indent=2, ensure_ascii=False) + "\n"
        (part / "datapackage.json").write_bytes(text.encode())
    return folder


def _whole_batches(batches: Sequence[Batch], leaves: Sequence[Leaf]) -> list[Leaf]:
    """Return the leaves of those batches that have them all."""
    by_seq = {leaf.seq: leaf for leaf in leaves}
    found: list[Leaf] = []
    for batch in batches:
        numbers = range(batch.first_seq, batch.first_seq + batch.count)
        part = [by_seq[seq] for seq in numbers if seq in by_seq]
        if len(part) == batch.count and Tree([leaf.hash() for leaf in part]).root == batch.root:
            found += part
    return found


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Have the block write into a folder beside, then give it the name: nobody sees half of it."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = folder.parent / f".{folder.name}.kit-part"
        if part.exists():  # of an export that was killed: it may hold what is withdrawn now
            shutil.rmtree(part)
        part.mkdir(mode=0o700)
        try:
            yield part
            part.chmod(0o755)
            if folder.exists() and os.name == "nt":  # where a folder can't take another's place
                folder.rmdir()
            part.replace(folder)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    except (OSError, duckdb.IOException) as error:
        fix = "Choose another folder, or make room."
        got = error.strerror if isinstance(error, OSError) else str(error)[:200]
        raise DataError(f"to write {folder}", str(got), fix) from error


def _batch_row(batch: Batch) -> dict[str, Any]:
    row = vars(batch) | vars(batch.anchor)
    row["block_time"] = int(batch.anchor.block_time.timestamp())
    return {name: row[name] for name in TABLES["batches"]}


def record_row(seq: int, signed: SignedRecord) -> dict[str, Any]:
    """Return the row of an open record."""
    body = signed.record.body
    return {
        "seq": seq,
        "commitment": signed.commitment,
        "salt": "0x" + signed.salt.hex(),
        "signature": signed.signature,
        "canonical": signed.record.canonical().decode(),
        **{name: body.get(name) for name in READABLE},
        "attachments": len(body.get("attachments", ())),
    }


def _safe(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _csv(name: str, rows: Sequence[Mapping[str, Any]]) -> bytes:
    frame = pd.DataFrame(list(rows), columns=list(TABLES[name]), dtype="object")
    for column in set(READABLE) & set(frame.columns):
        frame[column] = frame[column].map(_safe)
    return bytes(frame.to_csv(index=False, lineterminator="\n").encode())


def _write_parquet(name: str, rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    kinds = {"integer": "int64", "string": "str"}
    frame = pd.DataFrame(list(rows), columns=list(TABLES[name]))
    frame = frame.astype({column: kinds[kind] for column, kind in TABLES[name].items()})
    with database() as engine:
        engine.from_df(frame).write_parquet(
            str(path), compression="zstd", row_group_size=_GROUP_ROWS
        )


def database() -> duckdb.DuckDBPyConnection:
    """Return a database in memory: one thread, so that the same rows give the same bytes.

    It loads and fetches no extensions, whatever a file of a stranger asks for.
    """
    settings = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    return duckdb.connect(config={"threads": 1, **settings})


def _resources(files: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Return the description of the tables' files."""
    resources = []
    for path, content in files.items():
        name, ending = path.split(".")
        resource: dict[str, Any] = {"name": path.replace(".", "-"), "title": _TITLES[name]}
        resource |= {"path": path, "format": ending, "bytes": len(content)}
        resource["hash"] = "sha256:" + sha256(content).hexdigest()
        if ending == "csv":
            fields = [
                {"name": column, "type": kind}
                | ({"description": _ABOUT[column]} if column in _ABOUT else {})
                for column, kind in TABLES[name].items()
            ]
            resource |= {"type": "table", "mediatype": "text/csv", "encoding": "utf-8"}
            resource["schema"] = {"fields": fields, "primaryKey": next(iter(TABLES[name]))}
        else:
            resource |= {"type": "file", "mediatype": "application/vnd.apache.parquet"}
        resources.append(resource)
    return resources


def _package(
    about: Mapping[str, Any], licence: str, resources: list[dict[str, Any]], time: datetime
) -> dict[str, Any]:
    """Return the description of an export (Data Package v2)."""
    return {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": "civic-diary-export",
        "title": f"Records of the civic diary {about['contract']} on chain {about['chain_id']}",
        "description": "Simulated: nobody wrote these records."
        if about["simulated"]
        else "A part of the records of the log, for another archive of it."
        if about.get("partial")
        else "All records of the log, and the contents of those that are open. To check: python -m"
        " kit audit FOLDER --rpc URL.",
        "created": format_time(time),
        "licenses": [{"name": licence}],
        "civic_diary": dict(about),
        "resources": resources,
    }
