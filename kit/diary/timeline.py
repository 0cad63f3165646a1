"""What the public sees of a diary, as a table: its entries in order of time.

Withdrawn and suspended entries keep their row, with their number and without their content.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from kit.arguments import checked
from kit.core import PUBLIC, Batch, EntryState
from kit.diary.archive import Archive
from kit.diary.stored import StoredRecord
from kit.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

    from kit.diary.diary import Diary

__all__ = ["COLUMNS", "entries"]

#: What ``check`` says of an entry that is what its author posted; of one that is withdrawn or suspended;
#: and of one whose content, author or time is not what has its commitment.
OK, HELD_BACK, DAMAGED = "ok", "held back", "damaged in the archive"

#: The columns of ``entries``.
COLUMNS: Final = {
    "seq": "int64",
    "id": "str",
    "at": "datetime64[s, UTC]",
    "author": "str",
    "place": "str",
    "role": "str",
    "text": "str",
    "attachments": "int64",
    "state": "str",
    "check": "str",
    "witnesses": "int64",
    "batch": "int64",
    "standing": "str",
    "block_number": "int64",
    "block_hash": "str",
    "block_time": "datetime64[s, UTC]",
    "transaction_hash": "str",
    "commitment": "str",
}


@checked("diary", "place", "role", "text")
def entries(
    diary: Diary,
    *,
    day: date | str | None = None,
    place: str | None = None,
    role: str | None = None,
    text: str | None = None,
    zone: str = "UTC",
) -> pd.DataFrame:
    """Return the entries that are on the chain, a row each, in order of time.

    Columns as in ``COLUMNS``; text, place and role are missing where the entry was withdrawn, is
    suspended or damaged. ``standing`` is "included" or "final": whether the block may still be replaced. What
    an entry says has its commitment, or ``check`` says that it was damaged, and it isn't shown; who
    signed it, and whether the commitment is on the chain, ``Diary.records`` checks. Filters: a ``day`` in the
    time zone ``zone`` (a date, or text like 2021-09-12), a ``place`` or ``role`` as it was written,
    and a ``text`` that the entry contains. Raises DataError for no such day.
    """
    frame = _frame(diary)
    if day is not None:
        frame = frame[frame["at"].dt.tz_convert(zone).dt.date == _day(day)]
    for column, wanted in (("place", place), ("role", role)):
        if wanted is not None:
            frame = frame[frame[column] == unicodedata.normalize("NFC", wanted)]
    if text is not None:
        part = unicodedata.normalize("NFC", text)
        found = frame["text"].str.contains(part, case=False, regex=False)
        frame = frame[found.fillna(False).astype(bool)]
    return frame.reset_index(drop=True)


def _frame(diary: Diary) -> pd.DataFrame:
    import pandas as pd

    archive, log = diary.archive, diary.log
    about = _moves(archive)
    place = f"eip155:{diary.chain.chain_id}:{log.address}"
    rows: list[dict[str, Any]] = []
    batch_of: dict[int, Batch] = {}
    for each in log.batches():
        batch_of |= dict.fromkeys(range(each.first_seq, each.first_seq + each.count), each)
    for entry in archive.published_entries():
        moves = about.get(entry.commitment, ())
        case = EntryState.of(entry.author, moves, published=True, purged=entry.purged)
        body, check = _body(entry) if case.state in PUBLIC else ({}, HELD_BACK)
        seq = entry.leaf.seq if entry.leaf else -1
        batch = batch_of.get(seq)
        if batch is None:  # its block was replaced: it is sent again
            continue
        anchor = batch.anchor
        rows.append(
            {
                "seq": seq,
                "id": f"{place}/{seq}",
                "at": pd.Timestamp(entry.at, unit="s", tz="UTC"),
                "author": entry.author,
                **{name: body.get(name) for name in ("place", "role", "text")},
                "attachments": len(body.get("attachments", ())),
                "state": case.state,
                "check": check,
                "witnesses": len(case.witnesses),
                "batch": batch.number,
                "standing": batch.standing,
                "block_number": anchor.block_number,
                "block_hash": anchor.block_hash,
                "block_time": anchor.block_time,
                "transaction_hash": anchor.transaction_hash,
                "commitment": entry.commitment,
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)


def _body(entry: StoredRecord) -> tuple[Mapping[str, Any], str]:
    """Return what an entry says, and what ``check`` says of it."""
    signed = entry.intact()
    return (signed.record.body, OK) if signed else ({}, DAMAGED)


def _moves(archive: Archive) -> dict[str, list[tuple[str, str]]]:
    """Return the moves about each entry, by the entry's commitment, in order of arrival."""
    entry_of: dict[str, str] = {}  # a review's entry: an appeal is about the review
    moves: dict[str, list[tuple[str, str]]] = {}
    for record in archive.moves():
        entry = entry_of.get(record.subject, record.subject)
        if record.type == "review":
            entry_of[record.commitment] = entry
        moves.setdefault(entry, []).append((record.move, record.author))
    return moves


def _day(day: date | str) -> date:
    try:
        return day if isinstance(day, date) else date.fromisoformat(day)
    except (TypeError, ValueError) as error:
        raise DataError("a day like 2021-09-12", repr(day)[:40], "Write it so.") from error
