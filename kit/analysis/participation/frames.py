"""The seam to the data frames: which rows count, their times, and the way back to the caller's kind.

What every function of ``kit.participation`` does with a table stands here. It comes as a pandas,
Polars (eager or lazy), Dask or PySpark frame, a DuckDB relation or a PyArrow table. Its own engine
filters, joins and counts, through Narwhals. The small counts come into memory as pandas, are
finished there, once for all engines, and go back as the kind that came. So equal records give equal
tables everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

import narwhals as nw
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.engines import gather, to_pandas
from kit.errors import DataError

__all__ = [
    "LEVELS",
    "ZONE",
    "Rows",
    "Step",
    "choose",
    "collect",
    "confident",
    "counted",
    "frame",
    "like",
    "periods",
    "rows_of",
    "same_kind",
    "starts",
    "time_zone",
    "utc",
]

ZONE = "Asia/Shanghai"

#: The levels of a row (``kit.core.LEVELS``), from the lowest. Rows of the first two don't count.
LEVELS = ("failed", "unanswered", "consistent", "included", "final")

Step = Literal["hour", "day", "week"]

_HOUR, _DAY = 3_600, 86_400

_KINDS = {
    nw.Implementation.PANDAS,
    nw.Implementation.POLARS,
    nw.Implementation.PYARROW,
    nw.Implementation.DUCKDB,
    nw.Implementation.DASK,
    nw.Implementation.PYSPARK,
    nw.Implementation.PYSPARK_CONNECT,
}


@dataclass(frozen=True)
class Rows:
    """The rows that count, with their number and their first and last second since 1970, in UTC."""

    frame: nw.LazyFrame[Any]
    count: int
    first: int
    last: int


def frame(records: Any, *columns: str) -> nw.LazyFrame[Any]:
    """Return a table as a Narwhals frame, or raise DataError: no table, or a column is missing."""
    fix = "Start from diary.records()."
    found: nw.LazyFrame[Any] | None
    try:
        found = nw.from_native(records).lazy()
    except TypeError:
        found = None
    if found is None or found.implementation not in _KINDS:
        expected = "a pandas, Polars, DuckDB, Dask, PySpark or PyArrow table"
        raise DataError(expected, f"a {type(records).__name__}", fix)
    names = found.collect_schema().names()
    missing = [name for name in columns if name not in names]
    if missing:
        got = f"a table without {', '.join(missing)}"
        raise DataError(f"the columns {', '.join(columns)}", got, fix)
    return found


def counted(records: Any, *columns: str) -> nw.LazyFrame[Any]:
    """Return the rows that count: those whose level is none of *failed* and *unanswered*.

    A row without a level was never checked, and says so by that. A table without the column counts
    by its column ``proved``. Raises DataError.
    """
    names = dict.fromkeys(columns)
    whole = frame(records, *names)
    by = "level" if "level" in whole.collect_schema().names() else "proved"
    whole = _in_utc(frame(records, *names, by))
    _check_types(whole, by, columns)
    level = nw.col("level")
    counts = nw.col("proved") if by == "proved" else level.is_null() | ~level.is_in(LEVELS[:2])
    return whole.filter(counts)


def rows_of(records: Any, kind: str, *columns: str) -> Rows:
    """Return the rows of one type of record that count: author, the columns asked for, ``second``.

    ``second`` is the whole second since 1970 in UTC, there where ``at`` was asked for. Raises
    DataError for a missing column, times without a zone, a row without author or time, and for a
    record that is there twice (where the table has commitments): it would be counted twice.
    """
    names = dict.fromkeys(("type", "author", *columns))
    whole = counted(records, *names)
    if "commitment" in whole.collect_schema().names():
        names["commitment"] = None
    kept = _select(whole.filter(nw.col("type") == kind), list(names))
    return _survey(kept.drop("type"), kind)


def choose(value: Any, *choices: Any) -> None:
    """Raise DataError where a value is none of these."""
    if value not in choices:
        *most, last = map(str, choices)
        raise DataError(f"{', '.join(most)} or {last}", repr(value), "Choose one of them.")


def confident(confidence: float) -> None:
    """Raise DataError where a confidence isn't between 0 and 1."""
    if not 0 < confidence < 1:
        raise DataError("a confidence between 0 and 1, as 0.95", repr(confidence), "Change it.")


def periods(rows: Rows, step: Step, zone: str) -> nw.LazyFrame[Any]:
    """Return the rows with a column named after the step: the number of their hour, day or week.

    Hours, days and weeks are those of the clock on the wall in ``zone``; a week begins on Monday.
    Numbers count from 1970; ``starts`` turns them into times.
    """
    local = nw.col("second") + _offset(rows, time_zone(zone))
    days = local // _DAY
    # 1 January 1970 was a Thursday, three days after a Monday.
    number = {"hour": local // _HOUR, "day": days, "week": (days + 3) // 7}
    if step not in number:
        raise DataError("a step: hour, day or week", repr(step), "Choose one of them.")
    return rows.frame.with_columns(number[step].alias(step))


def starts(numbers: pd.Series | pd.Index, step: Step) -> pd.DatetimeIndex:
    """Return the times at which numbered hours, days or weeks begin, without a zone.

    >>> starts(pd.Index([18_880]), "day")[0]
    Timestamp('2021-09-10 00:00:00')
    """
    seconds = {"hour": numbers * _HOUR, "day": numbers * _DAY, "week": (numbers * 7 - 3) * _DAY}
    return pd.DatetimeIndex(pd.to_datetime(seconds[step].to_numpy(), unit="s")).as_unit("s")


def utc(seconds: pd.Series) -> pd.Series:
    """Return the times of numbered seconds since 1970."""
    return pd.to_datetime(seconds, unit="s", utc=True).dt.as_unit("s")


def collect(rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Return the rows of a small frame in memory, whole numbers as int64."""
    return to_pandas(gather(rows))


def like(records: IntoFrameT, table: pd.DataFrame, index: str | None = None) -> IntoFrameT:
    """Return a finished table in the kind of the records.

    In pandas ``index`` names the column that becomes the index, and what the records say of
    themselves (``attrs``, as ``simulated``) goes on with it.
    """
    kind = nw.from_native(cast(Any, records)).implementation
    if kind.is_pandas():
        table = table.set_index(index) if index else table.reset_index(drop=True)
        table.attrs = dict(cast(pd.DataFrame, records).attrs)
        return cast(IntoFrameT, table)
    return cast(IntoFrameT, _from_pandas(cast(Any, records), table.reset_index(drop=True), kind))


def same_kind(records: IntoFrameT, rows: nw.LazyFrame[Any], *order: str) -> IntoFrameT:
    """Return rows, sorted, in the kind of the records, without bringing them into memory."""
    rows = rows.sort(*order)
    given = nw.from_native(cast(Any, records))
    if isinstance(given, nw.LazyFrame):
        return cast(IntoFrameT, rows.to_native())
    native = rows.collect().to_native()
    if isinstance(native, pd.DataFrame):
        native = native.reset_index(drop=True)
        native.attrs = dict(cast(pd.DataFrame, records).attrs)
    return cast(IntoFrameT, native)


def time_zone(name: str) -> ZoneInfo:
    """Return a time zone by its name. Raises DataError for a name that nobody knows."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, TypeError, OSError) as error:  # as the name is wrong
        raise DataError(f"a time zone like {ZONE}", repr(name), "Check its name.") from error


def _in_utc(whole: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
    """Return a pandas or Dask frame with ``at`` in UTC, others as they are.

    Narwhals 2 does not read the types of zones as America/New_York, with a line in their name.
    """
    if not (whole.implementation.is_pandas() or whole.implementation.is_dask()):
        return whole
    native = whole.to_native()
    kind = native.dtypes.get("at")
    if not isinstance(kind, pd.DatetimeTZDtype) or str(kind.tz) == "UTC":
        return whole
    moved: nw.LazyFrame[Any] = nw.from_native(
        native.assign(at=native["at"].dt.tz_convert("UTC"))
    ).lazy()
    return moved


def _check_types(whole: nw.LazyFrame[Any], by: str, columns: tuple[str, ...]) -> None:
    schema = whole.collect_schema()
    kind = schema[by]
    if by == "proved" and kind != nw.Boolean:
        # Not astype(bool): with it each text is True, "False" too, and so is a gap.
        fix = 'Use table["proved"].astype(str).str.lower().isin(["true", "1", "1.0"]).'
        if not whole.implementation.is_pandas_like():
            fix = "Make it the engine's own Boolean, with False where it has a gap."
        raise DataError("True or False in the column proved", f"a column of {kind}", fix)
    if "at" not in columns:
        return
    kind = schema["at"]
    # A column of mixed zones is no time at all to any of the engines: pandas calls it object.
    if not isinstance(kind, nw.Datetime) or kind.time_zone is None:
        expected = "times with a time zone in the column at"
        raise DataError(expected, f"a column of {kind}", _zone_fix(kind))


def _zone_fix(kind: nw.dtypes.DType) -> str:
    """Say how a column of another kind becomes times; none of the ways guesses a zone."""
    if isinstance(kind, nw.Datetime):
        return f'Name their zone: table["at"].dt.tz_localize("{ZONE}").'
    if kind.is_numeric():
        return 'If they are Unix seconds, use pd.to_datetime(table["at"], unit="s", utc=True).'
    return 'If each has its zone, as +08:00 or Z, use pd.to_datetime(table["at"], utc=True).'


def _select(whole: nw.LazyFrame[Any], names: list[str]) -> nw.LazyFrame[Any]:
    """Return some columns and, where ``at`` is among them, ``second``.

    Narwhals has no seconds since 1970 for DuckDB and Spark, and their wall clocks are those of the
    session. So this one thing is said in each engine's own words.
    """
    if "at" not in names:
        return whole.select(names)
    kind, native = whole.implementation, whole.to_native()
    if kind.is_duckdb():
        quoted = ", ".join(f'"{name}"' for name in names)
        native = native.project(f'{quoted}, floor(epoch("at"))::BIGINT AS "second"')
    elif kind.is_pyspark() or kind.is_pyspark_connect():
        from pyspark.sql import functions

        native = native.select(*names, functions.col("at").cast("long").alias("second"))
    else:
        second = nw.col("at").dt.timestamp("ms") // 1000
        return whole.select(*names, second.alias("second"))
    found: nw.LazyFrame[Any] = nw.from_native(native)
    return found


def _survey(rows: nw.LazyFrame[Any], kind: str) -> Rows:
    """Count the rows in one go, and refuse what can't be counted."""
    names = rows.collect_schema().names()
    must = [name for name in ("author", "second", "commitment") if name in names]
    asked = [nw.len().alias("rows"), *(nw.col(name).count() for name in must)]
    if "second" in names:
        asked += [nw.col("second").min().alias("first"), nw.col("second").max().alias("last")]
    if "commitment" in names:
        asked += [nw.col("commitment").n_unique().alias("different")]
    found = gather(rows.select(*asked)).to_dict(as_series=False)
    said = {name: values[0] for name, values in found.items()}
    count = int(said["rows"])
    if not count:
        return Rows(rows, 0, 0, 0)
    for name in must:
        if said[name] < count:
            what = "at" if name == "second" else name
            fix = "Leave these rows out, or find out why."
            raise DataError(
                f"{what} in each {kind} that counts", f"{count - said[name]:,} without", fix
            )
    if said.get("different", count) < count:
        got = f"{count - said['different']:,} rows that repeat another's"
        raise DataError(f"each {kind}'s commitment once", got, "Was a table read twice?")
    return Rows(rows, count, int(said.get("first", 0)), int(said.get("last", 0)))


def _offset(rows: Rows, zone: ZoneInfo) -> nw.Expr:
    """Return the seconds that the zone's clock was ahead of UTC, as an expression of ``second``."""
    changes = list(_offsets(rows.first, rows.last, zone))
    ahead = nw.lit(changes[0][1])
    for since, seconds in changes[1:]:
        ahead = nw.when(nw.col("second") >= since).then(nw.lit(seconds)).otherwise(ahead)
    return ahead


def _offsets(first: int, last: int, zone: tzinfo) -> Iterator[tuple[int, int]]:
    """Yield from when on the zone's clock was how far ahead, between two seconds.

    >>> list(_offsets(1_635_724_800, 1_638_316_800, ZoneInfo("America/New_York")))
    [(1635724800, -14400), (1636264800, -18000)]
    """
    yield first, _ahead(first, zone)
    for before, after in pairwise([*range(first, last, _DAY), last]):
        if _ahead(before, zone) != _ahead(after, zone):
            while (
                after - before > 1
            ):  # the clock changed in between: halve until the second is found
                middle = (before + after) // 2
                same = _ahead(middle, zone) == _ahead(before, zone)
                before, after = (middle, after) if same else (before, middle)
            yield after, _ahead(after, zone)


def _ahead(second: int, zone: tzinfo) -> int:
    offset = datetime.fromtimestamp(second, zone).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _from_pandas(records: Any, kit_table: pd.DataFrame, kind: nw.Implementation) -> Any:
    """Return a table as the records' kind, in their DuckDB connection or Spark session."""
    if kind.is_duckdb():  # it finds the table by the name of the variable
        return records.query("kit_records", "SELECT * FROM kit_table")
    if kind.is_dask():
        import dask.dataframe as dd

        return dd.from_pandas(kit_table, npartitions=1)
    if kind.is_pyarrow():
        import pyarrow as pa

        return pa.Table.from_pandas(kit_table, preserve_index=False).replace_schema_metadata()
    if kind.is_polars():
        return _in_polars(records, kit_table)
    return _in_spark(records, kit_table)


def _in_polars(records: Any, table: pd.DataFrame) -> Any:
    import polars as pl

    kinds = {"i": pl.Int64(), "f": pl.Float64(), "b": pl.Boolean(), "M": pl.Datetime("ms")}
    schema = {str(name): kinds.get(kind.kind, pl.String()) for name, kind in table.dtypes.items()}
    schema |= {name: pl.Datetime("ms", "UTC") for name in schema if _is_zoned(table[name])}
    made = pl.DataFrame({name: _cells(table[name]) for name in schema}, schema=schema)
    return made.lazy() if isinstance(records, pl.LazyFrame) else made


def _in_spark(records: Any, table: pd.DataFrame) -> Any:
    # Said outright: else Spark takes a time without a zone for one in the session's.
    kinds = {"i": "bigint", "f": "double", "b": "boolean", "M": "timestamp_ntz"}
    schema = {str(name): kinds.get(kind.kind, "string") for name, kind in table.dtypes.items()}
    schema |= {name: "timestamp" for name in schema if _is_zoned(table[name])}
    fields = ", ".join(f"`{name}` {kind}" for name, kind in schema.items())
    rows = zip(*(_cells(table[name]) for name in schema), strict=True)
    return records.sparkSession.createDataFrame(list(rows), fields)


def _is_zoned(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.DatetimeTZDtype)


def _cells(column: pd.Series) -> list[Any]:
    """Return a column's values as Python has them, None where one is missing."""
    values = column.astype("object")
    if column.dtype.kind == "M":
        values = pd.Series(column.dt.to_pydatetime(), dtype="object")
    return values.where(column.notna(), None).tolist()
