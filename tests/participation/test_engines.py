"""The same records give the same tables in every engine, and of that engine's kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import narwhals as nw
import networkx as nx
import pandas as pd
import pytest

import kit
from kit import participation as p

# What Narwhals says of Dask each time; the kit goes on working while it is in Narwhals.
pytestmark = pytest.mark.filterwarnings("ignore:Dask support is moving out:FutureWarning")

ENGINES = ["polars", "polars lazy", "pyarrow", "duckdb", "dask", "spark"]
NEW_YORK = "America/New_York"

FIGURES = pd.DataFrame(
    {"seq": 7, "figure": ["莆田", "福州", "points"], "value": [9, 2, 1], "corrected": False}
)

TABLES: dict[str, Callable[[Any], Any]] = {
    "hourly": lambda r: p.hourly(r, NEW_YORK),
    "daily": lambda r: p.daily(r, NEW_YORK),
    "weekly": p.weekly,
    "by_place": p.by_place,
    "by_role": p.by_role,
    "new_and_returning": p.new_and_returning,
    "cumulative": lambda r: p.cumulative(r, "hour"),
    "weekday_hour": lambda r: p.weekday_hour(r, NEW_YORK),
    "retention": p.retention,
    "lorenz": lambda r: p.lorenz(r, resamples=50),
    "concentration": lambda r: p.concentration(r, resamples=50),
    "inter_event_times": p.inter_event_times,
    "burstiness": p.burstiness,
    "burstiness of authors": lambda r: p.burstiness(r, "author"),
    "witnesses": p.witnesses,
    "witness_degrees": p.witness_degrees,
    "rates": lambda r: p.rates(r, kit.data.bulletin()),
    "cases": lambda r: p.cases(r, FIGURES),
    "rates of a diary's own bulletin": lambda r: p.rates(r, p.cases(r, FIGURES)),
    "waiting_times": p.waiting_times,
    "approval": p.approval,
    "agreement": p.agreement,
    "appeals": p.appeals,
    "words": p.words,
    "words by day": lambda r: p.words(r, "day", NEW_YORK),
    "words by place": lambda r: p.words(r, "place"),
    "alike": p.alike,
    "repeated_texts": p.repeated_texts,
}


def in_pandas(table: Any) -> pd.DataFrame:
    """A table of any engine in pandas, without what engines say in their own way: units, missing."""
    frame = nw.from_native(table).lazy().collect().to_pandas()
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.tz_convert("UTC")
        if frame[name].dtype.kind == "M" or isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            frame[name] = frame[name].dt.as_unit("us")
        if frame[name].dtype == object or isinstance(frame[name].dtype, pd.StringDtype):
            frame[name] = frame[name].astype("str")
    return frame.reset_index(drop=True)


def expected(table: pd.DataFrame) -> pd.DataFrame:
    """Pandas' own table, with its index as the first column, as in the others."""
    return in_pandas(table if isinstance(table.index, pd.RangeIndex) else table.reset_index())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", TABLES)
def test_equal_in_every_engine(engine: str, name: str, history: Any, into: Any) -> None:
    records = into(engine, history)
    found = TABLES[name](records)
    assert type(found) is type(records)
    whole = expected(TABLES[name](history))
    assert len(whole), "nothing was compared"
    pd.testing.assert_frame_equal(in_pandas(found), whole, rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_head_count(engine: str, history: Any, into: Any) -> None:
    records = into(engine, history)
    found = p.head_count(records)
    assert type(found) is type(records)
    assert in_pandas(found).iloc[0].to_dict() == p.head_count(history).to_dict()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("fit", [p.logistic, p.bass])
def test_growth(engine: str, fit: Any, history: Any, into: Any) -> None:
    records = into(engine, history)
    growth, whole = fit(records), fit(history)
    for name in ("parameters", "fitted", "check"):
        found = getattr(growth, name)
        assert type(found) is type(records)
        pd.testing.assert_frame_equal(in_pandas(found), expected(getattr(whole, name)), rtol=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_witness_network(engine: str, history: Any, into: Any) -> None:
    found, whole = p.witness_network(into(engine, history)), p.witness_network(history)
    assert whole.number_of_edges() > 100
    assert nx.utils.graphs_equal(found, whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_an_empty_table(engine: str, history: Any, into: Any) -> None:
    empty = history.iloc[:0]
    records = into(engine, empty)
    for say in (p.daily, p.by_place, p.witnesses, p.approval, p.words, p.alike):
        found = in_pandas(say(records))
        assert len(found) == 0
        assert list(found.columns) == list(expected(say(empty)).columns)
    assert in_pandas(p.head_count(records)).iloc[0].tolist() == [0, 0, 0, 0, 0]
    none = p.cases(records, FIGURES)  # no entry, no place
    assert len(in_pandas(none)) == len(in_pandas(p.rates(records, none))) == 0


@pytest.mark.parametrize("engine", ENGINES)
def test_the_bulletin_of_any_engine(engine: str, into: Any) -> None:
    bulletin = kit.data.bulletin()[["measure", "place", "value"]]
    found = in_pandas(p.bulletin_totals(into(engine, bulletin)))
    pd.testing.assert_frame_equal(found, expected(p.bulletin_totals(bulletin)))


def test_in_pandas_the_time_or_place_is_the_index(history: Any) -> None:
    assert p.daily(history).index.name == p.new_and_returning(history).index.name == "day"
    assert p.weekly(history).index.name == "week"
    assert p.by_role(history).index.name == "role"
    assert isinstance(p.retention(history).index, pd.RangeIndex)


def test_duckdb_tables_stay_in_their_connection(history: Any, into: Any) -> None:
    records = into("duckdb", history)
    days, places = p.daily(records), p.by_place(records)
    both = days.set_alias("d").join(places.set_alias("p"), "d.entries = p.entries", how="left")
    assert both.shape[0] >= len(p.daily(history))
    with pytest.raises(duckdb.Error):  # of another connection it could not have been joined
        days.set_alias("d").join(
            duckdb.sql("SELECT 1 AS entries").set_alias("p"), "1 = 1"
        ).fetchall()


def test_records_that_no_engine_reads_in_order(history: Any, into: Any) -> None:
    mixed = history.sample(frac=1, random_state=1)
    for name, say in TABLES.items():
        pd.testing.assert_frame_equal(say(mixed), say(history), obj=name)
