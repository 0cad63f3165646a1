"""What an archive lacks, taken from an export: batches that another archive sent, with their leaves.

An archive can be behind its log: it is a copy from before, or several registrars append to one log,
each with an archive of their own. The table of leaves of an export closes the gap: what fits the roots
on the chain is taken, and nothing else. The open records of the export are taken, too, if they are
what their leaves say. What was withdrawn or held back has its leaf alone.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from kit.core import (
    BODY_BYTES_MAX,
    FINAL,
    Attachment,
    Leaf,
    Record,
    SignedRecord,
    Tree,
    nests_too_deep,
    record_fault,
)
from kit.diary.archive import Archive
from kit.diary.outbox import Outbox, PendingBatch
from kit.errors import DataError, KitError
from kit.given import regular
from kit.log import Log

__all__ = ["learn"]

#: Bytes of a table: three million rows of leaves.
_BYTES_MAX: Final = 2**30
_FIX: Final = "Pass the folder of kit.export(diary, FOLDER)."


def learn(folder: Path, log: Log, archive: Archive) -> list[str]:
    """Take what an archive lacks from an export; return what was taken, a sentence for each batch.

    Of batches those that are final: another one may be taken back, and is for whoever sent it to send
    again, as its transactions are written down there alone. Raises DataError where there is no table
    of leaves, or one that isn't of this log; then what fits before it was taken.
    """
    outbox, said = Outbox(archive), []
    missing = [batch for batch in log.batches() if outbox.at(batch.first_seq) is None]
    rows = {int(row["seq"]): row for row in _table(folder, "leaves.csv")} if missing else {}
    for batch in missing:
        numbers = range(batch.first_seq, batch.first_seq + batch.count)
        leaves = [leaf for seq in numbers if seq in rows and (leaf := _leaf(rows[seq]))]
        if len(leaves) < batch.count:  # the export is older than this batch
            continue
        if Tree([leaf.hash() for leaf in leaves]).root != batch.root:
            raise DataError(f"the leaves of batch {batch.number}", "others in leaves.csv", _FIX)
        records = PendingBatch.of(batch).records
        if batch.standing != FINAL:
            block = batch.anchor.block_number
            said.append(f"{records}: not taken from the export before block {block} is final.")
            continue
        outbox.learn(batch, leaves)
        said.append(f"{records}: taken from the export.")
    # Even where no batch is missing: what was ended half-way goes on.
    with archive.transaction():  # each for itself would wait for the disk
        _take_records(folder, log, archive)
    return said


def _take_records(folder: Path, log: Log, archive: Archive) -> None:
    """Take the open records of an export that an archive lacks and has leaves for."""
    if not (folder / "records.csv").is_file():
        return
    for row in _table(folder, "records.csv"):
        with suppress(KitError, ValueError, KeyError, TypeError):  # what is damaged is left out
            found = archive.leaves(int(row["seq"]), 1)
            if not found or archive.get(found[0][0].commitment):
                continue
            leaf, signed = found[0][0], _signed(row)
            if record_fault(leaf, signed.signature, signed, log.log_id):
                continue
            archive.take(signed, _files(folder, signed))


def _files(folder: Path, signed: SignedRecord) -> list[Attachment]:
    """Return the files of a record, from the folder of an export. Raises AttachmentError, DataError."""
    files = []
    for named in signed.record.body.get("attachments", ()):
        (path,) = (folder / "files").glob(f"{named['sha256'][2:]}.*")
        files.append(Attachment.of(named["name"], regular(path, named["size"], _FIX).read_bytes()))
    return files


def _leaf(row: Mapping[str, str]) -> Leaf | None:
    try:
        seq, at = int(row["seq"]), int(row["at"])
        leaf = Leaf(seq, row["type"], row["author"], at, row["subject"], row["commitment"])
        leaf.hash()
    except (KitError, ValueError, KeyError, TypeError):
        return None
    return leaf


def _signed(row: Mapping[str, str]) -> SignedRecord:
    canonical = row["canonical"]
    if len(canonical.encode()) > BODY_BYTES_MAX or nests_too_deep(canonical):
        raise ValueError("no record is as large")
    record = Record.from_json(json.loads(canonical))
    return SignedRecord(record, bytes.fromhex(row["salt"][2:]), row["signature"])


def _table(folder: Path, name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of a table of an export. Raises DataError."""
    path = regular(folder / name, _BYTES_MAX, _FIX)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            for row in csv.DictReader(file):
                if row.get("seq", "").isdecimal():
                    yield row
        except (csv.Error, ValueError) as error:
            raise DataError(f"a table of an export at {path}", str(error), _FIX) from error
