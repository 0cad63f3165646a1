"""The sample data that come with the kit: fictional diary entries, and the bulletin's figures.

What the files hold, and what they must not be used for, stands in ``data/README.md``.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from kit import people
from kit.errors import DataError
from kit.merkle import Batch
from kit.participation import ZONE

if TYPE_CHECKING:
    from kit.diary import Diary

__all__ = ["FOLDER", "bulletin", "entries", "fill"]

FOLDER = Path(__file__).parent.parent / "data"


def entries() -> pd.DataFrame:
    """Return the sample entries, a row each, in order of time.

    Columns: entry, at (UTC), author (a pseudonym), place, place_en, role, role_zh, text, text_en,
    attachment (a path below ``data/``, or missing).

    >>> entries()["place"].value_counts().idxmax()
    '莆田'
    """
    frame = _table("diary_entries.csv", ["at"])
    frame["attachment"] = str(FOLDER / "attachments") + "/" + frame["attachment"]
    return frame


def bulletin() -> pd.DataFrame:
    """Return the bulletin's figures, a row each.

    Columns: measure, place, place_en, value, unit, comparison, as_of (UTC), printed_as, source.
    """
    return _table("bulletin_2021-09-20.csv", ["as_of"])


def fill(diary: Diary) -> list[Batch]:
    """Post, approve and publish the sample entries, a batch for each day of ten; return the batches.

    The authors are test keys named after the pseudonyms. Each day is published at its end in Fujian
    (16:00 UTC), so the diary's chain needs a clock that can be moved, or one past September 2021.
    """
    sample = entries()
    batches = []
    for day, rows in sample.groupby(sample["at"].dt.tz_convert(ZONE).dt.floor("D")):
        diary.chain.wait_until(pd.Timestamp(day).to_pydatetime() + timedelta(days=1))
        for row in rows.to_dict("records"):
            entry = diary.post(
                people.named(row["author"]),
                row["text"],
                place=row["place"],
                role=row["role"],
                attachments=[] if pd.isna(row["attachment"]) else [row["attachment"]],
                at=row["at"].to_pydatetime(),
            )
            diary.review(entry, by=people.moderator, approve=True)
        batches.append(diary.publish())
    return batches


def _table(name: str, times: list[str]) -> pd.DataFrame:
    path = FOLDER / name
    if not path.is_file():
        fix = "Run the kit from its folder: clone the repository and `pip install -e .` there."
        raise DataError(f"the file data/{name}", "none", fix)
    frame = pd.read_csv(path, parse_dates=times)
    for time in times:
        frame[time] = frame[time].astype("datetime64[s, UTC]")
    return frame
