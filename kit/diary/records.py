"""The log as one table: every record a row, rebuilt from the chain and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from kit.arguments import checked
from kit.core import (
    FAILED,
    FINAL,
    LATER,
    LEVELS,
    Batch,
    Leaf,
    SignedRecord,
    Tree,
    is_later,
    record_fault,
    subject_from_leaf,
)
from kit.diary.archive import Archive
from kit.diary.shown import HELD_BACK, held_back
from kit.diary.stored import StoredRecord
from kit.errors import KitError
from kit.log import Log

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "ERASED", "lag", "rebuild"]

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
    "lag": "float64",
    "transaction_hash": "str",
    "level": "str",
    "proved": "bool",
    "check": "str",
}


#: What ``check`` says of a record whose author withdrew it. Its leaf has its level all the same.
ERASED: Final = "content erased"

_MISSING: Final = "content is missing"
_CHANGED: Final = "the leaf was changed"
_NO_ROOT: Final = "the batch's leaves don't lead to its root on the chain"
#: What ``check`` says that repeats nothing of the content.
_OF_NO_CONTENT: Final = (ERASED, LATER, _MISSING, _CHANGED, _NO_ROOT)

#: The columns that have what somebody said.
_SAID: Final = ("text", "place", "role")


def rebuild(log: Log, archive: Archive) -> pd.DataFrame:
    """Return every record of a log, a row each; see ``Diary.records``."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    block = log.chain.head.number
    for batch in log.batches():
        rows += _rows(batch, log, archive)
    frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    frame.attrs = {
        "level": min(frame["level"], key=LEVELS.index, default=FINAL),
        "place": f"up to block {block} of the log {log.log_id}",
    }
    return frame


@checked("at", "block_time")
def lag(at: datetime | None, block_time: datetime) -> float | None:
    """Return the seconds from a record's time, as its author states it, to that of its block.

    None for a record without a time. "When" is only as good as that: a record may have been signed at
    any time before its block.

    >>> lag(datetime(2021, 9, 20, 8), datetime(2021, 9, 20, 8, 1))
    60.0
    """
    return None if at is None else (block_time - at).total_seconds()


def _rows(batch: Batch, log: Log, archive: Archive) -> list[dict[str, Any]]:
    """Return the rows of one batch. A number that the archive has no leaf for gets one, too."""
    leaves = {
        leaf.seq: (leaf, stored) for leaf, stored in archive.leaves(batch.first_seq, batch.count)
    }
    stories = archive.stories(leaf.commitment for leaf, _ in leaves.values())
    hidden = held_back(stories, archive.stories)
    fault = _batch_fault(batch, [stored for _, stored in leaves.values()])
    anchor = batch.anchor
    rows = []
    for seq in range(batch.first_seq, batch.first_seq + batch.count):
        row = _empty_row("not in the archive")
        if seq in leaves:
            leaf, stored = leaves[seq]
            story = stories.get(leaf.commitment, [])
            row = _row(leaf, stored, story, batch, fault, log, archive)
            if leaf.commitment in hidden:
                row |= _hidden(row)
        rows.append(
            row
            | {
                "seq": seq,
                "batch": batch.number,
                "block_number": anchor.block_number,
                "block_hash": anchor.block_hash,
                "block_time": anchor.block_time,
                "lag": lag(row["at"], anchor.block_time),
                "transaction_hash": anchor.transaction_hash,
            }
        )
    return rows


def _row(
    leaf: Leaf,
    stored: str,
    story: Sequence[StoredRecord],
    batch: Batch,
    fault: str,
    log: Log,
    archive: Archive,
) -> dict[str, Any]:
    """Return the columns of a record; ``fault`` is what is wrong with its batch, or ''."""
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
        signed = story[0].signed() if story else None
        if signed:
            body = signed.record.body
            row |= {name: body.get(name) for name in (*_SAID, "decision")}
            row["attachments"] = len(body.get("attachments", ()))
            found = _content_fault(leaf, signed, log, archive)
        elif story and _was_withdrawn(leaf, story, log, archive):
            row["check"] = ERASED
        else:
            found = _MISSING
        fault = _leaf_fault(leaf, stored) or fault or found
        fault = fault or (LATER if is_later(leaf, batch.anchor.block_time) else "")
    except (KitError, TypeError, ValueError, OverflowError, OSError) as error:
        fault = f"unreadable: {error}"
    level = FAILED if fault else batch.standing
    return row | {"level": level, "proved": not fault, "check": fault or row["check"] or "ok"}


def _hidden(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes in the row of a record that is held back: why it failed may repeat it."""
    check = row["check"] if row["check"] in _OF_NO_CONTENT else f"{HELD_BACK}; it failed"
    check = HELD_BACK if row["proved"] and check != ERASED else check
    return dict.fromkeys(_SAID) | {"attachments": 0, "check": check}


def _content_fault(leaf: Leaf, signed: SignedRecord, log: Log, archive: Archive) -> str:
    """Return what is wrong between a leaf and the record the archive has for it, or ''."""
    if found := record_fault(leaf, signed.signature, signed, log.log_id):
        return found
    for file in signed.record.body.get("attachments", ()):
        if archive.file(file["sha256"]) is None:
            return f"the file {file['name']} is missing or was changed"
    return ""


def _was_withdrawn(leaf: Leaf, story: Sequence[StoredRecord], log: Log, archive: Archive) -> bool:
    """Return whether the archive has its author's signed withdrawal of the entry or of its subject."""
    if not story[0].erased or not _signed_by(leaf.author, story[0], log):
        return False
    if leaf.type == "appeal":  # about a review, which is about the entry
        review = archive.get(leaf.subject)
        story = archive.stories([review.subject]).get(review.subject, story) if review else story
    return any(
        about.type == "withdrawal"
        and about.author == leaf.author
        and _signed_by(leaf.author, about, log)
        for about in story[1:]
    )


def _signed_by(author: str, stored: StoredRecord, log: Log) -> bool:
    """Return whether an author signed what was stored, whatever became of its content."""
    fault = record_fault(stored.leaf_at(0), stored.signature, None, log.log_id)
    return not fault and stored.author == author


def _batch_fault(batch: Batch, stored: Sequence[str]) -> str:
    try:
        matches = len(stored) == batch.count and Tree(stored).root == batch.root
    except KitError:
        matches = False
    return "" if matches else _NO_ROOT


def _leaf_fault(leaf: Leaf, stored: str) -> str:
    return "" if leaf.hash() == stored else _CHANGED


def _empty_row(check: str) -> dict[str, Any]:
    row = {"attachments": 0, "level": FAILED, "proved": False, "check": check}
    return dict.fromkeys(COLUMNS) | row
