"""The same records give the same tables in every engine, and of that engine's kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import duckdb
import narwhals as nw
import networkx as nx
import pandas as pd
import pytest
from eth_utils import keccak

import kit
import kit.audit.auditor
from kit import people
from kit.analysis import participation as p
from kit.audit.auditor import compare
from kit.core import Anchor, Batch, Leaf, Tree
from kit.errors import DataError

# What Narwhals says of Dask each time; the kit goes on working while it is in Narwhals.
pytestmark = pytest.mark.filterwarnings("ignore:Dask support is moving out:FutureWarning")

ENGINES = ["polars", "polars lazy", "pyarrow", "duckdb", "dask", "spark"]
#: What takes long to answer anything: a second question to the same function is asked in the others.
LONG = ("dask", "spark")
NEW_YORK = "America/New_York"

FIGURES = pd.DataFrame(
    {"seq": 7, "figure": ["莆田", "福州", "points"], "value": [9, 2, 1], "corrected": False}
)
#: A diary's own bulletin, as ``cases`` gives it.
OWN = pd.DataFrame({"place": ["莆田", "福州"], "cases": [9, 2], "seq": 7})

#: The functions of a table of records, each as it is asked; some are asked twice.
ASKED: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (p.head_count, {}),
    (p.hourly, {"zone": NEW_YORK}),
    (p.daily, {"zone": NEW_YORK}),
    (p.weekly, {}),
    (p.by_place, {}),
    (p.by_role, {}),
    (p.new_and_returning, {}),
    (p.cumulative, {"step": "hour"}),
    (p.weekday_hour, {"zone": NEW_YORK}),
    (p.retention, {}),
    (p.lorenz, {"resamples": 50}),
    (p.concentration, {"resamples": 50}),
    (p.inter_event_times, {}),
    (p.burstiness, {}),
    (p.burstiness, {"of": "author"}),
    (p.logistic, {}),
    (p.bass, {}),
    (p.witnesses, {}),
    (p.witness_network, {}),
    (p.witness_degrees, {}),
    (p.rates, {"bulletin": kit.data.bulletin()}),
    (p.rates, {"bulletin": OWN}),
    (p.cases, {"figures": FIGURES}),
    (p.waiting_times, {}),
    (p.lags, {}),
    (p.approval, {}),
    (p.agreement, {}),
    (p.appeals, {}),
    (p.words, {}),
    (p.words, {"by": "day", "zone": NEW_YORK}),
    (p.words, {"by": "place"}),
    (p.alike, {}),
    (p.repeated_texts, {}),
]
#: What is asked of a table without rows.
OF_NO_ROWS = (p.daily, p.by_place, p.witnesses, p.approval, p.words, p.alike)


def every() -> Iterator[Any]:
    """Each question to each engine: every function is asked in all of them, once or more."""
    asked = set()
    for number, (say, more) in enumerate(ASKED):
        for engine in ENGINES:
            again = say in asked and engine in LONG
            marks = [pytest.mark.slow("what Dask and Spark are asked a second time")] * again
            name = " ".join([say.__name__, *more, str(more.get("by", "")), engine])
            yield pytest.param(engine, number, marks=marks, id=name)
        asked.add(say)


def of_no_rows() -> Iterator[Any]:
    for engine in ENGINES:
        for say in OF_NO_ROWS:
            more = engine in LONG and say is not p.daily
            marks = [pytest.mark.slow("more of no rows, in Dask and Spark")] * more
            yield pytest.param(engine, say, marks=marks, id=f"{say.__name__} {engine}")


def in_pandas(table: Any) -> pd.DataFrame:
    """A table of any engine in pandas, without what engines say in their own way: units, missing."""
    frame = nw.from_native(table).lazy().collect().to_pandas().copy()  # the table stays as it is
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


def parts(found: Any) -> list[Any]:
    """The tables that a function's answer is made of."""
    if isinstance(found, p.Growth):
        return [found.parameters, found.fitted, found.check]
    if isinstance(found, pd.Series):  # a head-count of pandas
        return [found.to_frame().T.infer_objects().reset_index(drop=True)]
    return [found]


@pytest.fixture(scope="module")
def wholes(history: Any) -> list[Any]:
    """Pandas' answers, made once: those of every engine are compared with the same ones."""
    return [say(history, **more) for say, more in ASKED]


def test_every_public_function_is_compared() -> None:
    public = {getattr(p, name) for name in p.__all__ if callable(getattr(p, name))} - {p.Growth}
    others = {p.bulletin_totals: test_the_bulletin_of_any_engine}
    assert {say for say, _ in ASKED} | set(others) == public


@pytest.mark.parametrize(("engine", "number"), list(every()))
def test_equal_in_every_engine(
    engine: str, number: int, history: Any, wholes: list[Any], into: Any
) -> None:
    (say, more), whole = ASKED[number], wholes[number]
    records = into(engine, history)
    found = say(records, **more)
    if say is p.witness_network:
        assert whole.number_of_edges() > 100
        assert nx.utils.graphs_equal(found, whole)
        return
    # Through another sum, a fit ends an ulp elsewhere.
    rtol = 1e-9 if isinstance(whole, p.Growth) else 1e-12
    for one, other in zip(parts(found), parts(whole), strict=True):
        assert type(one) is type(records)
        assert len(expected(other)), "nothing was compared"
        pd.testing.assert_frame_equal(in_pandas(one), expected(other), rtol=rtol)


@pytest.fixture(scope="module")
def log() -> tuple[list[Batch], pd.DataFrame]:
    """The leaves of a log in two batches, with their times as times."""
    leaves = [
        Leaf(n, "entry", people.named(f"a{n % 7}").address, 1632124800 + n, "0x" + "00" * 32, word)
        for n, word in enumerate("0x" + keccak(bytes([n])).hex() for n in range(40))
    ]
    batches = []
    for number, part in enumerate((leaves[:30], leaves[30:])):
        time = datetime(2022, 1, 1, tzinfo=UTC)
        anchor = Anchor(1, leaves[0].author, leaves[0].commitment, 1, "", time, 0)
        root = Tree(leaf.hash() for leaf in part).root
        batches.append(Batch(number, root, part[0].seq, len(part), anchor))
    table = pd.DataFrame([vars(leaf) | {"leaf": leaf.hash()} for leaf in leaves])
    table["at"] = pd.to_datetime(table["at"], unit="s", utc=True)
    table["subject"] = pd.Series([None] * 40, dtype="str")  # as an engine has what is not there
    return batches, table


@pytest.mark.parametrize("engine", ENGINES)
def test_the_audit(engine: str, log: Any, into: Any) -> None:
    # On a chain it differs in where the batches come from, not in how the table is read.
    batches, table = log
    found = compare(batches, into(engine, table))
    assert found == compare(batches, table)
    assert found.ok
    assert found.head_count["participants"] == 7
    changed = table.assign(author=table["author"].where(table["seq"] != 33, people.bob.address))
    found = compare(batches, into(engine, changed))
    assert found == compare(batches, changed)
    assert [(fault.kind, fault.row) for fault in found.faults] == [("changed", 33)]
    with pytest.raises(DataError, match="got without at"):
        compare(batches, into(engine, table.drop(columns="at")))


@pytest.fixture(scope="module")
def empty(history: Any) -> Any:
    return history.iloc[:0]


@pytest.mark.parametrize(("engine", "say"), list(of_no_rows()))
def test_an_empty_table(engine: str, say: Any, empty: Any, into: Any) -> None:
    found = in_pandas(say(into(engine, empty)))
    assert len(found) == 0
    assert list(found.columns) == list(expected(say(empty)).columns)


@pytest.mark.parametrize("engine", ENGINES)
def test_nobody_is_counted_in_an_empty_table(engine: str, empty: Any, into: Any) -> None:
    records = into(engine, empty)
    assert in_pandas(p.head_count(records)).iloc[0].tolist() == [0, 0, 0, 0, 0, "not stated"]
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


def test_records_that_no_engine_reads_in_order(history: Any, wholes: list[Any]) -> None:
    mixed = history.sample(frac=1, random_state=1)
    for (say, more), whole in zip(ASKED, wholes, strict=True):
        found = say(mixed, **more)
        if say is p.witness_network:
            assert nx.utils.graphs_equal(found, whole)
            continue
        for one, other in zip(parts(found), parts(whole), strict=True):
            pd.testing.assert_frame_equal(one, other, obj=say.__name__)
