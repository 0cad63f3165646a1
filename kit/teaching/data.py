"""The sample data that come with the kit: fictional diary entries, and the bulletin's figures.

What the files hold, and what they must not be used for, stands in ``data/README.md``.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd

from kit import people
from kit.analysis.participation import ZONE
from kit.arguments import checked
from kit.core import DECISIONS, Batch
from kit.errors import DataError
from kit.log import MODERATOR_ROLE
from kit.places import DATA

if TYPE_CHECKING:
    from kit.core import SignedRecord
    from kit.diary import Diary

__all__ = ["bulletin", "day", "entries", "fill", "platform_day"]


def entries() -> pd.DataFrame:
    """Return the sample entries, a row each, in order of time.

    Columns: entry, at (UTC), author (a pseudonym), place, place_en, role, role_zh, text, text_en,
    attachment (a path below ``data/``, or missing).

    >>> entries()["place"].value_counts().idxmax()
    '莆田'
    """
    frame = _table("diary_entries.csv", ["at"])
    frame["attachment"] = str(DATA / "attachments") + "/" + frame["attachment"]
    return frame


def bulletin() -> pd.DataFrame:
    """Return the bulletin's figures, a row each.

    Columns: measure, place, place_en, value, unit, comparison, as_of (UTC), printed_as, source.
    """
    return _table("bulletin_2021-09-20.csv", ["as_of"])


@checked("diary")
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


def platform_day() -> pd.DataFrame:
    """Return the script of a day of the platform, a move a row, in order of time.

    Columns: at (UTC), move, who (a name of a test key), name (of the record), about (the name of
    the record that it is about), text, text_en, place, role, reason_code, figures. All of it is
    fictional, but the two rates of aid.
    """
    return _table("platform_day.csv", ["at"]).fillna("")


@checked("diary")
def day(diary: Diary) -> dict[str, SignedRecord]:
    """Run that day on a diary of the registrar's; return its records by name.

    ``moderator 2``, a test key, is made a moderator first. The diary's chain needs a clock that can
    be moved, or one past September 2021.
    """
    second = people.named("moderator 2").address
    if not diary.log.has_role(MODERATOR_ROLE, second):
        diary.log.grant(MODERATOR_ROLE, second, by=people.registrar)
    said: dict[str, SignedRecord] = {}
    for row in platform_day().to_dict("records"):
        diary.chain.wait_until(row["at"].to_pydatetime())
        if row["move"] == "publish":
            diary.publish()
        else:
            said[row["name"]] = _make(diary, row, said)
    return said


def _make(diary: Diary, row: dict[Hashable, Any], said: dict[str, SignedRecord]) -> SignedRecord:
    """Make one move of the script."""
    by, move, text, at = people.named(row["who"]), row["move"], row["text"], row["at"]
    about = said.get(row["about"])
    if move == "post":
        return diary.post(by, text, place=row["place"], role=row["role"], at=at)
    if move == "bulletin":
        figures = dict(_figure(part) for part in row["figures"].split("; "))
        return diary.bulletin(by, text, figures, as_of=at, corrects=about, at=at)
    entry = said[row["about"]]
    content = {"appeal": {"text": text}, "witness": {"note": text}}.get(move, {"reason": text})
    if move in DECISIONS:
        content["reason_code"] = row["reason_code"]
    return diary.act(move, entry, by=by, at=at, **content)


def _figure(part: str) -> tuple[str, int]:
    name, _, value = part.partition("=")
    return name, int(value)


def _table(name: str, times: list[str]) -> pd.DataFrame:
    path = DATA / name
    if not path.is_file():
        fix = "Run the kit from its folder: clone the repository and `pip install -e .` there."
        raise DataError(f"the file data/{name}", "none", fix)
    frame = pd.read_csv(path, parse_dates=times)
    for time in times:
        frame[time] = frame[time].astype("datetime64[s, UTC]")
    return frame
