"""A table of any engine in memory, without PyArrow unless it is a PyArrow table.

Narwhals brings DuckDB's and Spark's tables into memory through PyArrow, a large package, and takes it
to make a pandas table of a Polars one. The kit's own tables are small enough to do without.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import narwhals as nw

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gather", "to_pandas"]


def gather(rows: nw.LazyFrame[Any]) -> nw.DataFrame[Any]:
    """Return all rows in memory: as pandas from DuckDB and Spark, else in the kind that they are."""
    kind = rows.implementation
    if kind.is_duckdb():
        return rows.collect(backend="pandas")
    if kind.is_pyspark() or kind.is_pyspark_connect():
        found: nw.DataFrame[Any] = nw.from_native(_from_spark(rows), eager_only=True)
        return found
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


def _from_spark(rows: nw.LazyFrame[Any]) -> pd.DataFrame:
    """Return Spark's rows. Its own ``toPandas`` would lose the zones of times, and warn of pandas 3."""
    from pyspark.sql import functions

    schema, native = rows.collect_schema(), rows.to_native()
    zoned = {name for name, kind in schema.items() if getattr(kind, "time_zone", None)}
    quoted = {name: functions.col(f"`{name}`") for name in schema}
    found = native.select(
        *(functions.unix_micros(x).alias(n) if n in zoned else x for n, x in quoted.items())
    ).collect()
    return _built({name: [row[at] for row in found] for at, name in enumerate(schema)}, schema)


def _built(columns: Mapping[str, list[Any]], schema: Mapping[str, Any]) -> pd.DataFrame:
    """Return a table of columns of Python's values; times may be microseconds since 1970."""
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
