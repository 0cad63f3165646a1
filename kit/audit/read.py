"""The export read back: every record a row, checked; ``kit.audit.export`` says what is in the folder."""

from __future__ import annotations

import codecs
import io
import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pandas as pd

from kit.arguments import checked
from kit.audit import files as attached
from kit.audit import manifest
from kit.audit.auditor import Audit, account, audit, compare, not_audited
from kit.audit.export import FORMAT, READABLE, TABLES, database, record_row
from kit.core import (
    BATCH_MAX,
    BODY_BYTES_MAX,
    CONSISTENT,
    DEPTH_MAX,
    FAILED,
    LATER,
    PASSED,
    UNANSWERED,
    Anchor,
    Batch,
    Leaf,
    LogId,
    Record,
    SignedRecord,
    Step,
    is_address,
    is_proved,
    level_of,
    nests_too_deep,
    record_fault,
    subject_from_leaf,
    take,
)
from kit.diary import COLUMNS, ERASED, HELD_BACK, lag
from kit.errors import ChainError, DataError, KitError, NodeDown
from kit.given import decoded, regular

if TYPE_CHECKING:
    from kit.log import Log

__all__ = ["bulletins", "check", "log_of", "read"]

#: Bytes of a manifest, and of the file of a table; rows of a table, and characters in all of it.
MANIFEST_MAX: Final = 2**26
TABLE_MAX: Final = 2**31
ROWS_MAX: Final = 10_000_000
TEXT_MAX: Final = 2**32

_FIGURES: Final = {
    "seq": "int64",
    "commitment": "str",
    "author": "str",
    "at": "datetime64[s, UTC]",
    "source": "str",
    "as_of": "datetime64[s, UTC]",
    "figure": "str",
    "value": "int64",
    "corrected": "bool",
}
_NOT_SHOWN: Final = "its batch doesn't lead to the log's root"
_ABOUT_LOG: Final = ("chain_id", "genesis_hash", "contract", "block_number", "block_hash")
_STEPS: Final = (
    "the folder is as it was written",
    "the records are those of the leaves, signed by their authors",
    "a registrar signed what the folder says of itself",
)


def read(folder: str | Path, log: Log | None = None) -> pd.DataFrame:
    """Read an export, audit it, and return its records as a DataFrame, a row each.

    ``log`` is the log that you trust: ``diary.log``, or ``kit.log.at(chain, ADDRESS)``. The columns are
    those of ``Diary.records()``. A row whose leaf leads to a root, isn't later than its block, and whose
    content has that leaf's commitment and its author's signature, has the ``level`` of its batch on that
    log, and is ``proved``; else its level is *failed*, and ``check`` says what failed. Without a log
    nothing is proved: the folder is *consistent* at most, as it says it of itself; so is one whose
    description no registrar signed. ``attrs`` has
    ``level`` and ``place`` of the whole, ``audit`` (``Audit.to_json()``, the head-count in it) and, if
    the export says so, ``simulated``. A file of an entry that is missing or was changed is named in
    ``check``; its record stays as it is, since that says the file's hash and not its content.

    Raises DataError for a folder that is no export, or of another version, or with other columns;
    NodeDown. An export that was changed raises nothing: see ``level`` and ``attrs``.
    """
    return check(folder, log)[1]


@checked("folder", "log")
def check(folder: str | Path, log: Log | None = None) -> tuple[Audit, pd.DataFrame]:
    """Return the audit of an export, with three steps for the folder, and what ``read`` returns."""
    folder = Path(folder)
    package, hashes = _package(folder)
    about = package["civic_diary"]
    tables, damaged = {}, []
    for name in TABLES:
        tables[name], fault = _load(folder, name, hashes)
        damaged += fault
    batches = _batches(tables["batches"], about)
    leaves = tables["leaves"]
    leaves.attrs["simulated"] = about["simulated"]
    if log is None:
        found = compare(batches, leaves)
    else:
        found, batches = _on_log(log, about, batches, leaves, damaged)
    if not manifest.is_signed(package):  # what it says of itself anybody may have written
        found = replace(found, level=level_of(found.steps, CONSISTENT), place="")
        batches = [replace(batch, standing="") for batch in batches]
    contents = {row["seq"]: row for row in _dicts(tables["records"])}
    present = attached.found(folder)
    rows = _joined(leaves, batches, contents, found, about, present)
    named = {name for row in rows for name in row["files"]}
    damaged += attached.damage(present, hashes, named)
    wrong = [f"record {row['seq']}: {row['check']}" for row in rows if row["wrong"]]
    wrong += [
        f"record {seq} is not in the leaves" for seq in set(contents) - {r["seq"] for r in rows}
    ]
    if len(contents) < len(tables["records"]):
        damaged.append("the records have a number twice")
    opened = f"{len(contents):,} open records of {found.rows:,}"
    if lacking := named - set(present):
        opened += f"; missing: {len(lacking):,} of their {len(named):,} files"
    found = _with_steps(found, damaged, wrong, opened)
    own = LogId(about["chain_id"], about["contract"])
    who = take(len(found.steps) + 1, lambda: manifest.who_signed(package, own, log), _STEPS[2])
    steps = (*found.steps, who)
    found = replace(found, steps=steps, level=level_of(steps, found.level))
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    frame.attrs = {"level": found.level, "place": found.place, "audit": found.to_json()}
    if about["simulated"]:
        frame.attrs["simulated"] = True
    return found, frame


@checked("records")
def bulletins(folder: str | Path, records: pd.DataFrame) -> pd.DataFrame:
    """Return the figures of the bulletins in an export, a row a figure, in the order of the log.

    ``records`` is what ``read`` or ``check`` returned of the same folder: only what did not fail there
    is taken. Columns: seq, commitment, author, at, source, as_of (UTC), figure (its name), value,
    corrected (True where another bulletin is about this one, whatever its level). The level of a
    bulletin says who signed it, not that it was an office's. Raises DataError where the folder is not
    the records'.
    """
    if missing := {"seq", "type", "author", "at", "subject", "commitment", "level"} - set(records):
        fix = "Pass what kit.audit.read() returned."
        raise DataError("a table of records", f"one without {', '.join(sorted(missing))}", fix)
    ours = records[records["type"] == "bulletin"]
    corrected, ours = set(ours["subject"].dropna()), ours[~ours["level"].isin([FAILED, UNANSWERED])]
    table = _load(Path(folder), "records", {})[0] if len(ours) else pd.DataFrame()
    contents = {row["seq"]: row for row in _dicts(table)}
    rows: list[tuple[Any, ...]] = []
    for row in ours.itertuples():
        signed = _signed(contents[row.seq]) if row.seq in contents else None
        if signed is None or signed.commitment != row.commitment:
            fix = "Read the records from this folder."
            raise DataError(f"record {row.seq} in {folder}", "another, or none", fix)
        body = signed.record.body
        said = (row.seq, row.commitment, row.author, row.at, body["source"], body["as_of"])
        late = row.commitment in corrected
        rows += [(*said, name, value, late) for name, value in body["figures"].items()]
    return pd.DataFrame(rows, columns=list(_FIGURES)).astype(_FIGURES)


@checked("folder")
def log_of(folder: str | Path) -> str:
    """Return the log that an export says it is of, as "eip155:CHAIN:ADDRESS". Raises DataError."""
    about = _package(Path(folder))[0]["civic_diary"]
    return str(LogId(about["chain_id"], about["contract"]))


def _package(folder: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the manifest of an export, and the hash it gives of each file."""
    fix = "Pass the folder that kit.export() wrote, as a whole."
    try:
        path = folder / "datapackage.json"
        path.lstat()
        regular(path, MANIFEST_MAX, fix)
        text = decoded(path.read_bytes())
        if nests_too_deep(text):
            got = f"more than {DEPTH_MAX} levels"
            raise DataError("a description in datapackage.json", got, fix)
        package = json.loads(text, object_pairs_hook=_unique)
    except OSError as error:
        got = f"{folder}: {error.strerror}"
        raise DataError("a folder with a datapackage.json", got, fix) from error
    except ValueError as error:
        raise DataError("JSON in datapackage.json", "something else", fix) from error
    about = package.get("civic_diary") if isinstance(package, dict) else None
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        got = repr(about.get("format") if isinstance(about, dict) else about)[:80]
        raise DataError(f"an export of the format {FORMAT}", got, "Get the kit that wrote it.")
    kinds = {"chain_id": int, "block_number": int, "simulated": bool}
    for name in (*_ABOUT_LOG, "simulated"):
        if type(about.get(name)) is not kinds.get(name, str):
            got = repr(about.get(name))[:80]
            raise DataError(f"{name} in datapackage.json", got, fix)
    if not is_address(about["contract"]):
        raise DataError("the contract's address in datapackage.json", about["contract"][:80], fix)
    try:
        hashes = {str(item["path"]): str(item["hash"]) for item in package["resources"]}
    except (KeyError, TypeError) as error:
        raise DataError("resources with path and hash", "others", fix) from error
    return package, hashes


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that stands twice")
    return found


def _load(folder: Path, name: str, hashes: Mapping[str, str]) -> tuple[pd.DataFrame, list[str]]:
    """Return a table and what is wrong with its files. CSV or Parquet is enough; both must agree."""
    found: dict[str, pd.DataFrame] = {}
    faults = []
    for ending, parse in (("parquet", _from_parquet), ("csv", _from_csv)):
        path = folder / f"{name}.{ending}"
        if os.path.lexists(path):
            found_there = regular(path, TABLE_MAX, "Ask for the whole export.")
            content, same = _as_written(found_there.read_bytes(), hashes.get(path.name))
            if not same:
                faults.append(f"{path.name} was changed")
            found[ending] = _accounts(name, parse(name, content))
    if not found:
        fix = "Ask for the whole export."
        raise DataError(f"{name}.csv or {name}.parquet in the folder", "neither", fix)
    frames = list(found.values())
    if not frames[0].equals(frames[-1]):
        faults.append(f"{name}.csv and {name}.parquet differ")
    return frames[0], faults


def _as_written(content: bytes, hashed: str | None) -> tuple[bytes, bool]:
    """Return a table's bytes as they were written, and whether they have this hash.

    A checkout by git on Windows, or an editor, changes the ends of lines and puts a mark before the
    first. No table has such bytes of its own, so that what has the hash without them is the same.
    """
    plain = content.removeprefix(codecs.BOM_UTF8).replace(b"\r\n", b"\n")
    for given in (content, plain):
        if hashed == "sha256:" + sha256(given).hexdigest():
            return given, True
    return content, False


def _accounts(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Write each account in the one way that is compared and counted, however a tool wrote it."""
    column = {"leaves": "author", "batches": "registrar"}.get(name)
    if column:
        known = {x: account(x) or x for x in frame[column].unique() if isinstance(x, str)}
        frame[column] = [known.get(x, x) for x in frame[column]]
    return frame


def _from_parquet(name: str, content: bytes) -> pd.DataFrame:
    """Return a table of these bytes, written to a private file: DuckDB reads files only."""
    kinds = {"integer": "BIGINT", "string": "VARCHAR"}
    expected = {column: kinds[kind] for column, kind in TABLES[name].items()}
    with tempfile.TemporaryDirectory() as folder, database() as engine:
        path = Path(folder, f"{name}.parquet")
        path.write_bytes(content)
        try:
            table = engine.read_parquet(str(path), hive_partitioning=False)
            if list(zip(table.columns, map(str, table.types), strict=True)) != [*expected.items()]:
                raise _other_columns(path.name, table.columns)
            _bound(path.name, table)
            rows = table.fetchall()
        except (duckdb.Error, RuntimeError) as error:  # the second: a column's name is no UTF-8
            got = str(error).replace(str(path), path.name)[:80]
            raise DataError(f"Parquet in {path.name}", got, "Ask for the file again.") from error
    return pd.DataFrame(rows, columns=list(TABLES[name]), dtype="object")


def _bound(name: str, table: duckdb.DuckDBPyRelation) -> None:
    """Raise DataError for more than a table has: packed, a few bytes may hold gigabytes."""
    texts = [column for column, kind in TABLES[name.split(".")[0]].items() if kind == "string"]
    lengths = " + ".join(f"coalesce(strlen({column}), 0)" for column in texts)
    ((rows, letters),) = table.aggregate(f"count(*), coalesce(sum({lengths}), 0)").fetchall()
    if rows > ROWS_MAX or letters > TEXT_MAX:
        expected = f"at most {ROWS_MAX:,} rows and {TEXT_MAX:,} bytes of text in {name}"
        raise DataError(expected, f"{rows:,} and {letters:,}", "Ask for the file again.")


def _from_csv(name: str, content: bytes) -> pd.DataFrame:
    try:
        frame = pd.read_csv(io.BytesIO(content), dtype="str", keep_default_na=False)
    except (ValueError, pd.errors.ParserError) as error:  # UnicodeDecodeError is a ValueError
        got = str(error)[:80]
        raise DataError(f"CSV in {name}.csv", got, "Ask for the file again.") from error
    if list(frame.columns) != list(TABLES[name]):
        raise _other_columns(f"{name}.csv", list(frame.columns))
    cells: dict[str, list[Any]] = {column: frame[column].to_list() for column in TABLES[name]}
    for column, kind in TABLES[name].items():
        if kind == "integer":
            cells[column] = [_integer(name, column, value) for value in cells[column]]
        elif column in READABLE:
            cells[column] = [value.removeprefix("'") or None for value in cells[column]]
    return pd.DataFrame(cells, columns=list(TABLES[name]), dtype="object")


def _integer(name: str, column: str, value: str) -> int:
    if value.isascii() and value.isdigit() and len(value) < 19:
        return int(value)
    fix = "Was it opened and saved by a spreadsheet? Ask for the file again."
    raise DataError(f"whole numbers in the column {column} of {name}.csv", repr(value)[:80], fix)


def _other_columns(file: str, names: Sequence[str]) -> DataError:
    expected = ", ".join(TABLES[file.split(".")[0]])
    got = f"{', '.join(map(str, names))[:200]} (or other types)"
    return DataError(f"the columns {expected} in {file}", got, "Ask for the file again.")


def _batches(frame: pd.DataFrame, about: Mapping[str, Any]) -> list[Batch]:
    """Return the batches that an export names, with the log that it names."""
    found = []
    for row in _dicts(frame):
        for name, kind in TABLES["batches"].items():
            if type(row[name]) is not {"integer": int, "string": str}[kind]:
                got = f"{row[name]!r} in {name}"[:80]
                raise DataError("batches with all their values", got, "Ask for the file again.")
        anchor = Anchor(
            about["chain_id"],
            about["contract"],
            row["transaction_hash"],
            row["block_number"],
            row["block_hash"],
            _time(row["block_time"]) or datetime.max.replace(tzinfo=UTC),
            row["log_index"],
        )
        place = (row["number"], row["root"], row["first_seq"], row["count"])
        found.append(Batch(*place, anchor, row["registrar"]))
    return found


def _dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def _on_log(
    log: Log,
    about: Mapping[str, Any],
    batches: list[Batch],
    leaves: pd.DataFrame,
    damaged: list[str],
) -> tuple[Audit, list[Batch]]:
    """Audit against the log that was named; return that and its batches. Adds to ``damaged``."""
    chain, own = log.chain, LogId(about["chain_id"], about["contract"])
    why = ""
    if own != log.log_id:
        why = f"the export is of the log {own}; you named {log.log_id}"
    elif (genesis := about["genesis_hash"]) != chain.genesis_hash:
        why = f"the export is of a chain with the genesis {genesis}, this one has {chain.genesis_hash}"
    if why:
        return not_audited(own.contract, len(leaves), why, about["simulated"]), batches
    try:
        block = chain.block(about["block_number"])
    except NodeDown:
        raise
    except ChainError as error:
        return not_audited(about["contract"], len(leaves), str(error), about["simulated"]), batches
    if block.hash != about["block_hash"]:
        damaged.append(f"block {block.number} has another hash on the chain: {block.hash}")
    found = audit(log, leaves, last_block=block.number)
    if found.steps[0].outcome == FAILED:
        return found, batches
    true = [x for x in log.batches() if x.anchor.block_number <= block.number]
    damaged += [
        f"batch {batch.number} is not as the chain has it"
        for batch, theirs in zip_longest(true, batches)
        if batch and (batch != theirs or batch.registrar != theirs.registrar)
    ]
    if len(batches) > len(true):
        damaged.append(f"the export has {len(batches):,} batches, the chain {len(true):,}")
    return found, true


def _joined(
    leaves: pd.DataFrame,
    batches: Sequence[Batch],
    contents: Mapping[int, Mapping[str, Any]],
    found: Audit,
    about: Mapping[str, Any],
    present: Mapping[str, str],
) -> list[dict[str, Any]]:
    """Return the rows of ``read``. ``present`` has the files that are there.

    Each has two more keys: ``wrong``, whether its content is, and ``files``, the paths of those that
    its record names.
    """
    named = {fault.row: fault.text for fault in reversed(found.faults) if fault.row is not None}
    of = {b.first_seq + i: b for b in batches for i in range(min(b.count, BATCH_MAX))}
    later = set(found.later)
    table = _dicts(leaves[list(COLUMNS)[:6]])
    absent = _absent(table)
    rows = []
    for position, told in enumerate(table):
        content = contents.get(told["seq"])
        row: dict[str, Any] = dict.fromkeys(COLUMNS) | told
        row |= {"attachments": 0, "wrong": False, "files": []}
        row["at"] = _time(told["at"])
        row["subject"] = subject_from_leaf(told["subject"])
        batch = of.get(told["seq"])
        row |= _place(batch) | {"lag": batch and lag(row["at"], batch.anchor.block_time)}
        fault = "" if found.shown[position] else named.get(position, _NOT_SHOWN)
        if fault == _NOT_SHOWN and told["seq"] in later:
            fault = LATER
        if content is None:
            row["check"] = fault or absent.get(told["commitment"], "content is missing")
            shown = row["check"] in (ERASED, HELD_BACK)
        else:
            shown = not fault
            row |= _opened(told, content, about, present, fault)
        shown = shown and not row["wrong"]
        row["level"] = (batch.standing if batch else "") or CONSISTENT if shown else FAILED
        row["proved"] = is_proved(row["level"])
        rows.append(row)
    return rows


def _opened(
    told: Mapping[str, Any],
    content: Mapping[str, Any],
    about: Mapping[str, Any],
    present: Mapping[str, str],
    fault: str,
) -> dict[str, Any]:
    """Return the columns of an open record; ``fault`` is what is wrong with its leaf, or ''."""
    row: dict[str, Any] = {name: content[name] for name in READABLE}
    row["attachments"] = content["attachments"] or 0
    content_fault = _content_fault(told, content, about)
    row["wrong"] = bool(content_fault)
    files = []
    if row["attachments"] and not content_fault:  # so it is JSON, and names its files
        files = json.loads(content["canonical"])["body"]["attachments"]
    row["files"] = [attached.path(file) for file in files]
    lost = [attached.fault(file, present) for file in files]
    row["check"] = fault or content_fault or next(filter(None, lost), "ok")
    return row


def _absent(leaves: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the records whose content need not be there, by commitment, and why.

    An entry is explained by its author's withdrawal, or by a second review (a suspension, say); what
    it decided stands in that review. An appeal goes with its entry.
    """
    entries = {x["commitment"]: x["author"] for x in leaves if x["type"] == "entry"}
    reviewed = Counter(x["subject"] for x in leaves if x["type"] == "review")
    absent = {c: HELD_BACK for c in entries if reviewed[c] > 1}
    absent |= {x["commitment"]: HELD_BACK for x in leaves if x["type"] == "appeal"}
    return absent | {
        x["subject"]: ERASED
        for x in leaves
        if x["type"] == "withdrawal" and entries.get(x["subject"]) == x["author"]
    }


def _time(seconds: Any) -> datetime | None:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _place(batch: Batch | None) -> dict[str, Any]:
    """Return the columns that say where a row stands on the chain; -1 for one that is in no batch."""
    if batch is None:
        return {"batch": -1, "block_number": -1}
    anchor = batch.anchor
    return {
        "batch": batch.number,
        "block_number": anchor.block_number,
        "block_hash": anchor.block_hash,
        "block_time": anchor.block_time,
        "transaction_hash": anchor.transaction_hash,
    }


def _content_fault(
    told: Mapping[str, Any], content: Mapping[str, Any], about: Mapping[str, Any]
) -> str:
    """Return what is wrong between a leaf and the content that the export has for it, or ''."""
    try:
        signed = _signed(content)
        log = LogId(about["chain_id"], about["contract"])
        if found := record_fault(Leaf(**told), signed.signature, signed, log):
            return found
        if record_row(told["seq"], signed) != dict(content):
            return "the columns for reading differ from the record"
    except (KitError, TypeError, ValueError) as error:
        return f"unreadable: {error}"
    return ""


def _signed(content: Mapping[str, Any]) -> SignedRecord:
    canonical = content["canonical"]
    if len(canonical.encode()) > BODY_BYTES_MAX or nests_too_deep(canonical):
        raise ValueError(f"more than the {BODY_BYTES_MAX:,} bytes of a record, or too deep")
    record = Record.from_json(json.loads(canonical))
    return SignedRecord(record, bytes.fromhex(content["salt"][2:]), content["signature"])


def _with_steps(found: Audit, damaged: Sequence[str], wrong: Sequence[str], opened: str) -> Audit:
    """Return an audit with the two steps for what else is in an export."""
    steps = list(found.steps)
    for name, faults, passed in (
        (_STEPS[0], damaged, "CSV and Parquet agree, with each other and with datapackage.json"),
        (_STEPS[1], wrong, opened),
    ):
        more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
        outcome, reason = (FAILED, faults[0] + more) if faults else (PASSED, passed)
        steps.append(Step(len(steps) + 1, name, outcome, reason))
    return replace(found, steps=tuple(steps), level=level_of(steps, found.level))
