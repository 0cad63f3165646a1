"""A table of any engine in memory, without PyArrow unless it is a PyArrow table.

Narwhals brings DuckDB's and Spark's tables into memory through PyArrow, a large package, and takes it
to make a pandas table of a Polars one. The kit's own tables are small enough to do without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gather", "to_pandas"]

#: An engine's table, its columns, those of them that are times with a zone; the rows.
_Ask = Callable[[Any, list[str], set[str]], list[Any]]


def gather(rows: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Return all rows in memory: as pandas from DuckDB and Spark, else in the kind that they are."""
    kind = rows.implementation
    if kind.is_duckdb():
        return _gather(rows, _from_duckdb)
    if kind.is_pyspark() or kind.is_pyspark_connect():
        return _gather(rows, _from_spark)
    return rows.collect()


def to_pandas(rows: nw.DataFrame[Any]) -> pd.DataFrame:
    """Return rows in memory as pandas: texts as ``str``, whole numbers as int64.

    Where a whole number is missing its column is float64, with NaN.
    """
    if rows.implementation.is_polars():
        table = _built(rows.to_dict(as_series=False), rows.schema)
    else:
        table = rows.to_pandas().reset_index(drop=True)
    kinds = {name: "str" for name, kind in rows.schema.items() if kind == nw.String}
    for name in table.select_dtypes("integer").columns:
        kinds[name] = "float64" if table[name].hasnans else "int64"
    return table.astype(kinds)


def _gather(rows: nw.LazyFrame[Any], ask: _Ask) -> nw.DataFrame[Any]:
    """Return rows that ``ask`` has from an engine, which gives the times with a zone as numbers.

    The engines' own ways to pandas 3 give warnings, and Spark's loses the zones.
    """
    schema = rows.collect_schema()
    zoned = {name for name, kind in schema.items() if getattr(kind, "time_zone", None)}
    found = ask(rows.to_native(), list(schema), zoned)
    columns = {name: [row[at] for row in found] for at, name in enumerate(schema)}
    made: nw.DataFrame[Any] = nw.from_native(_built(columns, schema), eager_only=True)
    return made


def _from_duckdb(native: Any, names: list[str], zoned: set[str]) -> list[Any]:
    quoted = {name: '"' + name.replace('"', '""') + '"' for name in names}
    asked = [f"epoch_us({x}) AS {x}" if name in zoned else x for name, x in quoted.items()]
    found: list[Any] = native.project(", ".join(asked)).fetchall()
    return found


def _from_spark(native: Any, names: list[str], zoned: set[str]) -> list[Any]:
    from pyspark.sql import functions

    columns = {name: functions.col("`" + name.replace("`", "``") + "`") for name in names}
    asked = [functions.unix_micros(x) if name in zoned else x for name, x in columns.items()]
    found: list[Any] = native.select(*asked).collect()
    return found


def _built(columns: Mapping[str, list[Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of columns of Python's values; times with a zone may be microseconds since 1970."""
    import pandas as pd

    made = {name: pd.Series(cells, dtype="object") for name, cells in columns.items()}
    for name, kind in schema.items():
        if kind == nw.String:
            made[name] = made[name].astype("str")
        elif kind.is_integer():
            made[name] = made[name].astype("Int64" if made[name].hasnans else "int64")
        elif kind.is_float():
            made[name] = made[name].astype("float64")
        elif kind == nw.Boolean and not made[name].hasnans:
            made[name] = made[name].astype("bool")
        elif isinstance(kind, nw.Datetime):
            zone = kind.time_zone
            times = pd.to_datetime(made[name], unit=None if zone is None else "us", utc=bool(zone))
            made[name] = times.dt.as_unit("us")
    return pd.DataFrame(made, columns=list(schema))
