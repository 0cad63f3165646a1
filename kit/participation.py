"""Who took part: tables from the records that were proved on the chain.

Every function takes the table of ``Diary.records()`` (or one with the same columns) and counts only
the rows with ``proved``; ``head_count`` says how many rows were left out. A day begins at midnight
in Fujian unless another zone is given.
"""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from kit.errors import DataError

__all__ = ["CITIES", "PREFECTURES", "ZONE", "bulletin_totals", "by_place", "daily", "head_count"]

ZONE = "Asia/Shanghai"

#: The prefectures of Fujian. The first four are the bulletin's.
PREFECTURES = {
    "莆田": "Putian",
    "厦门": "Xiamen",
    "泉州": "Quanzhou",
    "漳州": "Zhangzhou",
    "福州": "Fuzhou",
    "宁德": "Ningde",
    "龙岩": "Longyan",
    "三明": "Sanming",
    "南平": "Nanping",
}
CITIES = tuple(PREFECTURES)[:4]


def head_count(records: pd.DataFrame) -> pd.Series:
    """Return the head-count: participants, entries, places, records, and records left out.

    A participant is a distinct author (key) of at least one proved entry. One person can have many
    keys, and many people can share one: this counts keys.
    """
    entries = _entries(records)
    return pd.Series(
        {
            "participants": entries["author"].nunique(),
            "entries": len(entries),
            "places": entries["place"].nunique(),
            "records": int(records["proved"].sum()),
            "not proved": int((~records["proved"]).sum()),
        },
        name="head-count",
    )


def daily(records: pd.DataFrame, zone: str = ZONE) -> pd.DataFrame:
    """Return a row a day from the first to the last, days without an entry included.

    Columns: entries, participants (distinct authors that day), new (authors never seen before), and
    total (all authors so far). The index is the day in ``zone``.
    """
    entries = _entries(records)
    try:
        local = entries["at"].dt.tz_convert(zone)
    except (KeyError, ValueError, TypeError, OSError):  # each library of time zones has its own
        raise DataError(f"a time zone like {ZONE}", repr(zone), "Check its name.") from None
    day = local.dt.tz_localize(None).dt.floor("D").rename("day")
    first = entries.groupby("author")["at"].transform("min") == entries["at"]
    new = (first & ~entries.duplicated(["author", "at"])).groupby(day).sum()
    table = entries.groupby(day).agg(entries=("author", "size"), participants=("author", "nunique"))
    table["new"] = new.astype("int64")
    if len(table):
        days = pd.date_range(table.index.min(), table.index.max(), freq="D", name="day")
        table = table.reindex(days, fill_value=0)
    table["total"] = table["new"].cumsum()
    return table


def by_place(records: pd.DataFrame) -> pd.DataFrame:
    """Return a row a place, the most entries first: entries, participants."""
    entries = _entries(records)
    table = entries.groupby("place").agg(
        entries=("author", "size"), participants=("author", "nunique")
    )
    return table.sort_values(["entries", "participants"], ascending=False, kind="stable")


def bulletin_totals(bulletin: pd.DataFrame) -> pd.DataFrame:
    """Return the bulletin's cases by city, added up, beside the totals that were printed.

    Columns: confirmed, asymptomatic, infected (their sum). Rows: the four cities, ``sum`` (ours),
    ``printed`` (theirs).
    """
    _require(bulletin, ["measure", "place", "value"])
    cases = bulletin[bulletin["measure"].isin(["confirmed", "asymptomatic", "infected"])]
    try:
        wide = cases.pivot(index="place", columns="measure", values="value")
        table = wide.loc[list(CITIES), ["confirmed", "asymptomatic"]].copy()
        table.loc["sum"] = table.sum()
        table["infected"] = table["confirmed"] + table["asymptomatic"]
        table.loc["printed"] = wide.loc["四市"]
        table.columns.name = None
        return table.astype("int64")
    except (KeyError, ValueError) as error:
        got = f"a row that is missing or there twice ({error})"
        fix = "Start from kit.data.bulletin()."
        raise DataError("each city's confirmed and asymptomatic cases, once", got, fix) from None


def _entries(records: pd.DataFrame) -> pd.DataFrame:
    """Return the proved entries. Raises DataError for a table without the needed columns."""
    _require(records, ["type", "author", "at", "place", "proved"])
    if not isinstance(records["at"].dtype, pd.DatetimeTZDtype):
        got = f"a column of {records['at'].dtype}"
        raise DataError(
            "times with a time zone in the column at", got, "Use pd.to_datetime(…, utc=True)."
        )
    if records["proved"].dtype != bool:
        got = f"a column of {records['proved'].dtype}"
        raise DataError("True or False in the column proved", got, "Use astype(bool).")
    return records[records["proved"] & (records["type"] == "entry")]


def _require(frame: pd.DataFrame, columns: Iterable[str]) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        got = f"a table without {', '.join(missing)}"
        raise DataError(f"the columns {', '.join(columns)}", got, "Start from diary.records().")
