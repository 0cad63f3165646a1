"""Who took part: head-counts by time, place and role; who is new; who came back."""

from __future__ import annotations

from typing import Any, overload

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.frames import (
    LEVELS,
    ZONE,
    Rows,
    Step,
    collect,
    counted,
    frame,
    like,
    periods,
    rows_of,
    starts,
)
from kit.arguments import checked

__all__ = [
    "by_place",
    "by_role",
    "cumulative",
    "daily",
    "head_count",
    "hourly",
    "new_and_returning",
    "retention",
    "timeline",
    "weekday_hour",
    "weekly",
]

_COUNTS = ["entries", "participants"]


@overload
def head_count(records: pd.DataFrame) -> pd.Series: ...
@overload
def head_count(records: IntoFrameT) -> IntoFrameT: ...
def head_count(records: Any) -> Any:
    """Return the head-count: participants, entries, places, records, records left out, and the level.

    A participant is a distinct author (key) of at least one entry that counts. One person can have
    many keys, and many people can share one: this counts keys. ``level`` is the lowest of the records
    that were counted, "not checked" where one has none, "no record" where none counts, or "not stated"
    by a table without the column; ``where``, if a pandas table says it in its ``attrs``, is the
    log, and the block up to which it holds. For pandas it is a Series, for others a table of one row.
    """
    entries = _entries(records).frame
    kept = counted(records)
    found: dict[str, Any] = {
        "participants": _number(entries.select(nw.col("author").n_unique())),
        "entries": _number(entries.select(nw.len())),
        "places": _number(entries.drop_nulls("place").select(nw.col("place").n_unique())),
        "records": _number(kept.select(nw.len())),
    }
    found["left out"] = _number(frame(records).select(nw.len())) - found["records"]
    found["level"] = _level(kept)
    if place := getattr(records, "attrs", {}).get("place"):
        found["where"] = place
    if isinstance(records, pd.DataFrame):
        series = pd.Series(found, name="head-count")
        series.attrs = dict(records.attrs)
        return series
    return like(records, pd.DataFrame([found]))


def _level(kept: nw.LazyFrame[Any]) -> str:
    """Return the lowest level of the rows that count; one that was never checked is below all."""
    if "level" not in kept.collect_schema().names():
        return "not stated"
    levels = collect(kept.select("level").unique())["level"]
    if levels.empty:
        return "no record"
    if levels.isna().any():
        return "not checked"
    return str(min(levels, key=LEVELS.index))


def hourly(records: IntoFrameT, zone: str = ZONE) -> IntoFrameT:
    """Return a row an hour from the first to the last: as ``daily``, with the column hour.

    Hours are those on the wall: where the clocks are put back, two hours share a row.
    """
    return _by_time(records, "hour", zone)


def daily(records: IntoFrameT, zone: str = ZONE) -> IntoFrameT:
    """Return a row a day from the first to the last, days without an entry included.

    Columns: day (in pandas the index; midnight in ``zone``), entries, participants (distinct authors
    that day), new (authors never seen before), and total (all authors so far).
    """
    return _by_time(records, "day", zone)


def weekly(records: IntoFrameT, zone: str = ZONE) -> IntoFrameT:
    """Return a row a week from the first to the last: as ``daily``, with the column week.

    A week is named by its Monday (ISO 8601). The first and the last may be partly outside the data.
    """
    return _by_time(records, "week", zone)


def by_place(records: IntoFrameT) -> IntoFrameT:
    """Return a row a place, the most entries first: place (in pandas the index), entries, participants.

    Entries without a place are left out. Who writes from two places is a participant of both.
    """
    return _by(records, _entries(records), "place")


def by_role(records: IntoFrameT) -> IntoFrameT:
    """Return a row a role, the most entries first: role (in pandas the index), entries, participants."""
    return _by(records, rows_of(records, "entry", "role"), "role")


@checked("step")
def new_and_returning(records: IntoFrameT, step: Step = "day", zone: str = ZONE) -> IntoFrameT:
    """Return a row a step (hour, day or week): how many wrote for the first time, how many again.

    Columns: the step (in pandas the index), new, returning (wrote in an earlier step, too), and
    share_new (new / participants; none in a step without entries).
    """
    table = timeline(rows_of(records, "entry", "at"), step, zone)
    table["returning"] = table["participants"] - table["new"]
    table["share_new"] = table["new"] / table["participants"].where(table["participants"] > 0)
    return like(records, table[[step, "new", "returning", "share_new"]], step)


@checked("step")
def cumulative(records: IntoFrameT, step: Step = "day", zone: str = ZONE) -> IntoFrameT:
    """Return entries and participants so far, at the end of each hour, day or week.

    Columns: the step (in pandas the index), entries, participants.
    """
    table = timeline(rows_of(records, "entry", "at"), step, zone)
    table["entries"], table["participants"] = table["entries"].cumsum(), table["total"]
    return like(records, table[[step, *_COUNTS]], step)


def weekday_hour(records: IntoFrameT, zone: str = ZONE) -> IntoFrameT:
    """Return entries and participants by weekday and hour of the day: always 168 rows.

    Columns: weekday (1 is Monday, as in ISO 8601), hour (0 to 23), entries, participants.
    """
    hours = periods(rows_of(records, "entry", "at"), "hour", zone)
    # Hour 0 was on a Thursday.
    rows = hours.with_columns(
        ((nw.col("hour") // 24 + 3) % 7 + 1).alias("weekday"), (nw.col("hour") % 24).alias("hour")
    )
    every = pd.MultiIndex.from_product([range(1, 8), range(24)], names=["weekday", "hour"])
    table = _count(rows, "weekday", "hour").set_index(["weekday", "hour"])
    return like(records, table.reindex(every, fill_value=0).reset_index())


@checked("step")
def retention(records: IntoFrameT, step: Step = "week", zone: str = ZONE) -> IntoFrameT:
    """Return how many of those who began together wrote again, and when.

    A cohort is everyone whose first entry was in the same hour, day or week. Columns: cohort (when
    it began), age (steps since then), size (of the cohort), participants (of it who wrote at that
    age), share (participants / size). Ages run to the last step that has an entry; at age 0 the
    share is 1. The last step may be cut short by the end of the data. (N. Glenn, Cohort Analysis,
    2nd edition, 2005.)
    """
    rows = periods(rows_of(records, "entry", "at"), step, zone).select("author", step)
    first = rows.group_by("author").agg(nw.col(step).min().alias("cohort"))
    met = rows.unique(["author", step]).join(first, on="author", how="inner")
    found = collect(met.group_by("cohort", step).agg(nw.len().alias("participants")))
    last = found[step].max()
    grid = [(c, age) for c in sorted(found["cohort"].unique()) for age in range(last - c + 1)]
    table = pd.DataFrame(grid, columns=["cohort", "age"], dtype="int64")
    found["age"] = found[step] - found["cohort"]
    table = table.merge(found[["cohort", "age", "participants"]], how="left")
    table["participants"] = table["participants"].fillna(0).astype("int64")
    size = table[table["age"] == 0].set_index("cohort")["participants"]
    table.insert(2, "size", table["cohort"].map(size).astype("int64"))
    table["share"] = table["participants"] / table["size"]
    table["cohort"] = starts(table["cohort"], step)
    return like(records, table)


def timeline(rows: Rows, step: Step, zone: str) -> pd.DataFrame:
    """Return entries, participants, new and total by step, in memory: a row a step without a gap."""
    numbered = periods(rows, step, zone)
    table = _count(numbered, step).set_index(step)
    first = numbered.group_by("author").agg(nw.col(step).min())
    new = collect(first.group_by(step).agg(nw.len().alias("new"))).set_index(step)["new"]
    if len(table):
        every = pd.RangeIndex(table.index.min(), table.index.max() + 1, name=step)
        table = table.reindex(every, fill_value=0)
    table["new"] = new.reindex(table.index, fill_value=0).astype("int64")
    table["total"] = table["new"].cumsum()
    table = table.reset_index()
    table[step] = starts(table[step], step)
    return table


def _number(rows: nw.LazyFrame[Any]) -> int:
    """Return the only number of a frame; in SQL there are not 0 different values in no rows, but none."""
    return int(collect(rows).fillna(0).to_numpy()[0, 0])


def _entries(records: Any) -> Rows:
    return rows_of(records, "entry", "at", "place")


def _by_time(records: IntoFrameT, step: Step, zone: str) -> IntoFrameT:
    return like(records, timeline(_entries(records), step, zone), step)


def _by(records: IntoFrameT, rows: Rows, name: str) -> IntoFrameT:
    table = _count(rows.frame.filter(~nw.col(name).is_null()), name)
    table = table.sort_values([*_COUNTS, name], ascending=[False, False, True])
    return like(records, table, name)


def _count(rows: nw.LazyFrame[Any], *names: str) -> pd.DataFrame:
    """Return entries and participants of each group, in memory.

    Not with ``n_unique`` in the groups: Dask, through Narwhals, would count an author once in each
    of its partitions.
    """
    entries = collect(rows.group_by(*names).agg(nw.len().alias("entries")))
    people = rows.select("author", *names).unique(["author", *names])
    participants = collect(people.group_by(*names).agg(nw.len().alias("participants")))
    return entries.merge(participants, on=list(names)).sort_values([*names], ignore_index=True)
