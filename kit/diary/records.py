"""The log as one table: every record a row, rebuilt from the chain and checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from kit.core import Batch, Leaf, SignedRecord, Tree, record_fault, signer, subject_from_leaf
from kit.diary.archive import Archive, Said
from kit.errors import KitError
from kit.log import Log

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "ERASED", "rebuild"]

#: The columns of ``Diary.records()``.
COLUMNS: Final = {
    "seq": "int64",
    "type": "str",
    "author": "str",
    "at": "datetime64[s, UTC]",
    "subject": "str",
    "commitment": "str",
    "text": "str",
    "place": "str",
    "role": "str",
    "attachments": "int64",
    "decision": "str",
    "batch": "int64",
    "block_number": "int64",
    "block_hash": "str",
    "block_time": "datetime64[s, UTC]",
    "transaction_hash": "str",
    "proved": "bool",
    "check": "str",
}


#: What ``check`` says of a record whose author withdrew it. Its leaf is proved all the same.
ERASED: Final = "content erased"


def rebuild(log: Log, archive: Archive) -> pd.DataFrame:
    """Return every record of a log, a row each; see ``Diary.records``."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for batch in log.batches():
        rows += _rows(batch, log, archive)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.astype(COLUMNS)


def _rows(batch: Batch, log: Log, archive: Archive) -> list[dict[str, Any]]:
    """Return the rows of one batch. A number that the archive has no leaf for gets one, too."""
    leaves = {
        leaf.seq: (leaf, stored) for leaf, stored in archive.leaves(batch.first_seq, batch.count)
    }
    fault = _batch_fault(batch, [stored for _, stored in leaves.values()])
    anchor = batch.anchor
    rows = []
    for seq in range(batch.first_seq, batch.first_seq + batch.count):
        row = (
            _row(*leaves[seq], fault, log, archive)
            if seq in leaves
            else _empty_row("not in the archive")
        )
        rows.append(
            row
            | {
                "seq": seq,
                "batch": batch.number,
                "block_number": anchor.block_number,
                "block_hash": anchor.block_hash,
                "block_time": anchor.block_time,
                "transaction_hash": anchor.transaction_hash,
            }
        )
    return rows


def _row(leaf: Leaf, stored: str, fault: str, log: Log, archive: Archive) -> dict[str, Any]:
    row = _empty_row("")
    found = ""
    try:
        row |= {
            "type": leaf.type,
            "author": leaf.author,
            "at": leaf.time,
            "subject": subject_from_leaf(leaf.subject),
            "commitment": leaf.commitment,
        }
        signed = archive.get(leaf.commitment)
        if signed:
            body = signed.record.body
            row |= {name: body.get(name) for name in ("text", "place", "role", "decision")}
            row["attachments"] = len(body.get("attachments", ()))
            found = _content_fault(leaf, signed, log, archive)
        elif _was_withdrawn(leaf, log, archive):
            row["check"] = ERASED
        else:
            found = "content is missing"
        fault = _leaf_fault(leaf, stored) or fault or found
    except (KitError, TypeError, ValueError, OverflowError, OSError) as error:
        fault = f"unreadable: {error}"
    return row | {"proved": not fault, "check": fault or row["check"] or "ok"}


def _content_fault(leaf: Leaf, signed: SignedRecord, log: Log, archive: Archive) -> str:
    """Return what is wrong between a leaf and the record the archive has for it, or ''."""
    if found := record_fault(leaf, signed.signature, signed, log.log_id):
        return found
    for file in signed.record.body.get("attachments", ()):
        if archive.file(file["sha256"]) is None:
            return f"the file {file['name']} is missing or was changed"
    return ""


def _was_withdrawn(leaf: Leaf, log: Log, archive: Archive) -> bool:
    """Return whether the archive has its author's signed withdrawal of the entry or of its subject."""
    said = archive.said(leaf.commitment)
    if not said or not said.erased or not _is_signed(*_signed(said), leaf.author, log):
        return False
    entry = leaf.commitment
    if leaf.type == "appeal":  # about a review, which is about the entry
        review = archive.said(leaf.subject)
        entry = review.subject if review else entry
    return any(
        about.type == "withdrawal"
        and about.author == leaf.author
        and _is_signed(*_signed(about), leaf.author, log)
        for about in archive.about(entry)
    )


def _signed(said: Said) -> tuple[str, str]:
    return said.commitment, said.signature


def _is_signed(commitment: str, signature: str, author: str, log: Log) -> bool:
    return signer(commitment, signature, log.log_id) == author


def _batch_fault(batch: Batch, stored: Sequence[str]) -> str:
    try:
        matches = len(stored) == batch.count and Tree(stored).root == batch.root
    except KitError:
        matches = False
    return "" if matches else "the batch's leaves don't lead to its root on the chain"


def _leaf_fault(leaf: Leaf, stored: str) -> str:
    return "" if leaf.hash() == stored else "the leaf was changed"


def _empty_row(check: str) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"attachments": 0, "proved": False, "check": check}
