"""What can't be counted is refused with what to do; what is merely little gets its small answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import kit
from kit.analysis import participation as p
from kit.analysis.participation import growth
from kit.errors import DataError

BULLETIN = kit.data.bulletin()
FIGURES = pd.DataFrame({"seq": 7, "figure": ["莆田", "福州"], "value": [9, 2], "corrected": False})

# Each function with the columns it needs besides type, proved and author.
NEEDS: dict[Callable[..., Any], set[str]] = {
    p.head_count: {"at", "place"},
    p.hourly: {"at", "place"},
    p.daily: {"at", "place"},
    p.weekly: {"at", "place"},
    p.by_place: {"at", "place"},
    p.by_role: {"role"},
    p.new_and_returning: {"at"},
    p.cumulative: {"at"},
    p.weekday_hour: {"at"},
    p.retention: {"at"},
    p.lorenz: set(),
    p.concentration: set(),
    p.inter_event_times: {"at"},
    p.burstiness: {"at"},
    p.logistic: {"at"},
    p.bass: {"at"},
    p.witnesses: {"at", "subject", "commitment"},
    p.witness_network: {"at", "subject", "commitment"},
    p.witness_degrees: {"at", "subject", "commitment"},
    p.cases: {"place"},
    p.rates: {"place"},
    p.waiting_times: {"at", "subject", "commitment", "decision"},
    p.lags: {"at", "commitment", "lag"},
    p.approval: {"at", "subject", "commitment", "decision"},
    p.agreement: {"at", "subject", "commitment", "decision"},
    p.appeals: {"at", "subject", "commitment", "decision"},
    p.words: {"text"},
    p.alike: {"at", "text"},
    p.repeated_texts: {"at", "text"},
}
EVERY = pytest.mark.parametrize("say", NEEDS, ids=lambda say: say.__name__)
TIMED = pytest.mark.parametrize(
    "say", [say for say, needs in NEEDS.items() if "at" in needs], ids=lambda say: say.__name__
)
ZONED = pytest.mark.parametrize(
    "say",
    [say for say in NEEDS if "zone" in signature(say).parameters and say is not p.words],
    ids=lambda say: say.__name__,
)


def ask(say: Callable[..., Any], records: Any) -> Any:
    more = {p.rates: (BULLETIN,), p.cases: (FIGURES,)}
    return say(records, *more.get(say, ()))


def tables(found: Any) -> list[Any]:
    if isinstance(found, p.Growth):
        return [found.parameters, found.fitted, found.check]
    return [found]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, nx.Graph):
        return bool(nx.utils.graphs_equal(one, other))
    return all(a.equals(b) for a, b in zip(tables(one), tables(other), strict=True))


@pytest.fixture(scope="session")
def plain(history: pd.DataFrame) -> Callable[[Any], Any]:
    """What a function says of the plain history, asked once."""
    return cache(lambda say: ask(say, history))


def test_every_function_is_here() -> None:
    public = {getattr(p, name) for name in p.__all__ if callable(getattr(p, name))}
    assert public - {p.Growth, p.bulletin_totals} == set(NEEDS)


@EVERY
def test_a_missing_column(say: Any, history: pd.DataFrame) -> None:
    for column in {"type", "proved", "author"} | NEEDS[say]:
        with pytest.raises(DataError, match=f"got a table without {column}. Start from diary"):
            ask(say, history.drop(columns=column))


@EVERY
def test_it_needs_no_more_than_that(say: Any, history: pd.DataFrame, plain: Any) -> None:
    needed = history[["type", "proved", "author", *sorted(NEEDS[say])]]
    assert same(ask(say, needed), plain(say))


@EVERY
def test_further_columns_do_no_harm_and_nothing_is_changed(
    say: Any, history: pd.DataFrame, plain: Any
) -> None:
    wide = history.assign(second=1, hour="x", day=3, week=0, new=False, total=None, witness="<b>")
    wide = wide.assign(entries=1, participants=2, yes=0, then="t", decided=1, entry=0, weekday=9)
    before = wide.copy()
    assert same(ask(say, wide), plain(say))
    pd.testing.assert_frame_equal(wide, before)


@EVERY
def test_what_is_not_proved_does_not_count(say: Any, history: pd.DataFrame, plain: Any) -> None:
    if say is p.head_count:
        return  # it counts them, as what it leaves out
    without = history[history["proved"]]
    assert same(ask(say, without), plain(say))


@EVERY
def test_the_word_simulated_goes_on(say: Any, history: pd.DataFrame) -> None:
    simulated = history.copy()
    simulated.attrs = {"simulated": True}
    for table in tables(ask(say, simulated)):
        said = table.graph if say is p.witness_network else table.attrs
        assert said == {"simulated": True}
    for table in tables(ask(say, history)):
        assert (table.graph if say is p.witness_network else table.attrs) == {}


@EVERY
def test_a_record_that_is_there_twice(say: Any, history: pd.DataFrame) -> None:
    for kind in ("entry", "witness", "review"):
        twice = pd.concat([history, history[history["type"] == kind].iloc[[0]]])
        others = {
            "witness": (p.witnesses, p.witness_network, p.witness_degrees),
            "review": (p.waiting_times, p.approval, p.agreement, p.appeals),
        }
        counts = say in others[kind] if kind in others else say not in others["review"][1:]
        if counts:
            with pytest.raises(DataError, match=f"each {kind}'s commitment once, got 1 rows"):
                ask(say, twice)


@EVERY
def test_no_table_at_all(say: Any) -> None:
    for thing in ([], {"author": [1]}, None, "records.csv", np.zeros(3)):
        with pytest.raises(DataError, match="a pandas, Polars, DuckDB, Dask, PySpark or PyArrow"):
            ask(say, thing)


@TIMED
def test_times_without_a_zone_or_of_many(say: Any, history: pd.DataFrame) -> None:
    local = history["at"].dt.tz_convert("Asia/Tokyo").astype(object)
    mixed = history["at"].astype(object).where(history["seq"] % 2 == 0, local)
    for at in (history["at"].dt.tz_localize(None), mixed, history["at"].astype(str), 5):
        with pytest.raises(DataError, match="times with a time zone in the column at"):
            ask(say, history.assign(at=at))


@TIMED
def test_times_of_another_zone_are_the_same_times(
    say: Any, history: pd.DataFrame, plain: Any
) -> None:
    for zone in ("Asia/Tokyo", "America/St_Johns", "Etc/GMT+8"):  # each written in its own way
        moved = history.assign(at=history["at"].dt.tz_convert(zone))
        assert same(ask(say, moved), plain(say))


@TIMED
def test_a_missing_time(say: Any, history: pd.DataFrame) -> None:
    kinds = {p.approval: "review", p.agreement: "review", p.appeals: "appeal"}
    kind = kinds.get(say, "entry")
    first = history.index[history["type"] == kind][0]
    with pytest.raises(DataError, match=f"at in each {kind} that counts, got 1 without"):
        ask(say, history.assign(at=history["at"].mask(history.index == first)))


@EVERY
def test_a_missing_commitment(say: Any, history: pd.DataFrame) -> None:
    nameless = history.assign(commitment=history["commitment"].mask(history["seq"] < 5))
    with pytest.raises(
        DataError, match=r"commitment in each (entry|review|witness|appeal) that counts"
    ):
        ask(say, nameless)


@EVERY
def test_a_missing_author(say: Any, history: pd.DataFrame) -> None:
    nobody = history.assign(author=history["author"].mask(history["seq"] < 5))
    with pytest.raises(DataError, match=r"author in each (entry|review|appeal) that counts"):
        ask(say, nobody)


@EVERY
def test_proved_is_true_or_false(say: Any, history: pd.DataFrame) -> None:
    for proved in (history["proved"].astype(object), "yes", 1):
        with pytest.raises(DataError, match="True or False in the column proved"):
            ask(say, history.assign(proved=proved))


def carried_out(told: str, table: pd.DataFrame) -> Any:
    """What the code in an error's advice gives."""
    code = re.search(r"(?:use|zone:) (.+)\.$", told, re.IGNORECASE)
    assert code, told
    return eval(code[1], {"pd": pd, "table": table})  # noqa: S307


@pytest.mark.parametrize(
    "proved",
    [
        ["True", "False", "True"],
        ["true", "false", "TRUE"],
        [True, None, True],
        [True, float("nan"), "True"],
        [1, 0, 1],
        [1.0, float("nan"), 1.0],
    ],
)
def test_the_advice_proves_nothing_that_was_not(proved: list[Any], history: pd.DataFrame) -> None:
    """With astype(bool) the text False is True, and so is a gap."""
    table = history[history["proved"]].head(3).reset_index(drop=True)
    table["proved"] = pd.Series(proved, dtype=None if isinstance(proved[1], int) else "object")
    with pytest.raises(DataError, match="True or False in the column proved") as refused:
        p.head_count(table)
    table["proved"] = carried_out(str(refused.value), table)
    assert table["proved"].tolist() == [True, False, True]
    assert p.head_count(table)["left out"] == 1


@pytest.mark.parametrize(
    "at",
    [
        pd.Series([1632124800, 1632124801, 1632124802]),
        pd.Series([1632124800.0, 1632124801.0, 1632124802.0]),
        pd.Series(pd.to_datetime([1632153600, 1632153601, 1632153602], unit="s")),
        pd.Series(
            ["2021-09-20T16:00:00+08:00", "2021-09-20T08:00:01Z", "2021-09-20T03:00:02-05:00"]
        ),
    ],
    ids=["seconds", "floats", "no zone", "texts"],
)
def test_the_advice_gives_the_times_that_were_meant(at: Any, history: pd.DataFrame) -> None:
    table = history.head(3).reset_index(drop=True).assign(at=at)
    with pytest.raises(DataError, match="times with a time zone in the column at") as refused:
        p.daily(table)
    table["at"] = carried_out(str(refused.value), table)
    assert [int(t.timestamp()) for t in table["at"]] == [1632124800, 1632124801, 1632124802]
    assert len(p.daily(table)) == 1


@ZONED
def test_a_time_zone_that_nobody_knows(say: Any, history: pd.DataFrame) -> None:
    for zone in ("Mars/Olympus", "", "../etc/passwd", 8):
        with pytest.raises(DataError, match="a time zone like Asia/Shanghai"):
            say(history, zone=zone)


@pytest.mark.parametrize("say", [p.new_and_returning, p.cumulative, p.retention, p.bass])
def test_an_unknown_step(say: Any, history: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="a step: hour, day or week, got 'month'"):
        say(history, "month")


def test_other_words_that_are_not_known(history: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="day, place or None"):
        p.words(history, "role")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="diary, author, place or role"):
        p.burstiness(history, "text")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="diary, author, place or role"):
        p.inter_event_times(history, "text")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="entries or participants"):
        p.rates(history, BULLETIN, of="people")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="at least one resample"):
        p.concentration(history, resamples=0)
    for say in (p.lorenz, p.concentration, p.logistic, p.approval):
        for confidence in (95, 0, 1, -0.5, float("nan")):
            with pytest.raises(DataError, match="a confidence between 0 and 1"):
                say(history, confidence=confidence)
    with pytest.raises(DataError, match="a confidence between 0 and 1"):
        p.rates(history, BULLETIN, confidence=95)


def test_a_bulletin_with_a_city_missing(history: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="each city's confirmed and asymptomatic cases, once"):
        p.rates(history, BULLETIN[BULLETIN["place"] != "泉州"])
    with pytest.raises(DataError, match="a table without value"):
        p.rates(history, BULLETIN.drop(columns="value"))


# --- little ------------------------------------------------------------------------------------------

STATISTICS = [p.lorenz, p.concentration, p.logistic, p.bass]


@EVERY
def test_no_records(say: Any, history: pd.DataFrame) -> None:
    for empty in (history.iloc[:0], history.assign(proved=False)):
        if say in STATISTICS:
            with pytest.raises(DataError, match=r"at least (one entry that counts|6 steps)"):
                say(empty)
            continue
        found, whole = ask(say, empty), ask(say, history)
        if say is p.witness_network:
            assert len(found) == 0
        elif say in (p.head_count, p.weekday_hour, p.rates):
            counts = (
                found.drop(["left out", "level"]) if say is p.head_count else found["participants"]
            )
            assert len(found) == len(whole)
            assert (counts == 0).all()
        else:
            assert len(found) == 0
            assert list(found.columns) == list(whole.columns)
            assert found.index.name == whole.index.name
            kinds = {name: str(kind) for name, kind in whole.dtypes.items()}
            assert {name: str(found[name].dtype) for name in kinds} == kinds


def one_person(make: Any, *times: str) -> pd.DataFrame:
    row = {"type": "entry", "author": "a", "place": "莆田", "role": "nurse", "text": "下雨了"}
    table: pd.DataFrame = make([row | {"at": time} for time in times])
    return table


def test_one_participant(make: Any) -> None:
    one = one_person(make, "2021-09-10T01:00:00Z")
    for say in (p.hourly, p.daily, p.weekly):
        assert say(one).to_numpy().tolist() == [[1, 1, 1, 1]]
    assert p.weekday_hour(one).query("entries == 1")[["weekday", "hour"]].values.tolist() == [
        [5, 9]
    ]
    assert p.retention(one)["share"].tolist() == [1]
    equal = p.concentration(one).set_index("measure")
    assert equal["estimate"].tolist() == pytest.approx([0, 0.01])
    assert (
        equal[["low", "high"]].isna().all(axis=None)
    )  # of one person nothing is known about others
    assert p.burstiness(one)[["mean", "burstiness", "memory"]].isna().all(axis=None)
    assert p.inter_event_times(one).empty
    assert p.witnesses(one)["witnesses"].tolist() == [0]
    degrees = p.witness_degrees(one)
    assert degrees.iloc[0, :4].tolist() == ["a", 0, 0, 0]
    assert degrees["reciprocity"].isna().all()
    assert p.waiting_times(one)["seconds"].isna().tolist() == [True]
    assert p.approval(one).empty
    assert p.agreement(one).empty
    assert p.appeals(one).empty
    assert p.words(one)["word"].tolist() == ["下雨"]
    assert p.alike(one).empty
    assert p.repeated_texts(one).empty
    for fit in (p.logistic, p.bass):
        with pytest.raises(DataError, match="at least 6 steps from first to last, got 1"):
            fit(one)


def test_all_at_one_moment(make: Any) -> None:
    row = {
        "type": "entry",
        "at": "2021-09-10T01:00:00Z",
        "place": "莆田",
        "text": "大家同时写的一句话",
    }
    crowd = make([row | {"author": f"a{n:03}"} for n in range(300)])
    for say in (p.hourly, p.daily, p.weekly):
        assert say(crowd).to_numpy().tolist() == [[300, 300, 300, 300]]
    assert p.burstiness(crowd)[["burstiness", "memory"]].isna().all(axis=None)  # 0 / 0
    assert p.burstiness(crowd)["mean"].tolist() == [0]
    assert set(p.inter_event_times(crowd, "diary")["seconds"]) == {0}
    assert p.concentration(crowd)["estimate"].tolist() == pytest.approx([0, 0.01])
    assert p.alike(crowd).empty  # everybody was there
    with pytest.raises(DataError, match="at least 6 steps from first to last, got 1"):
        p.bass(crowd)


@pytest.mark.parametrize("fit", [p.logistic, p.bass])
def test_growth_that_no_curve_follows(make: Any, fit: Any) -> None:
    # One person for a week: one new participant, then none.
    still = one_person(make, *(f"2021-09-{day}T01:00:00Z" for day in range(10, 18)))
    with pytest.raises(DataError, match="newcomers in more than 3 of the steps, got them in 1"):
        fit(still)


@pytest.mark.parametrize(("last", "people"), [(19, 5), (15, 2), (16, 2), (24, 5), (24, 8)])
def test_the_same_number_every_day(make: Any, last: int, people: int) -> None:
    # A straight line is a part of a logistic curve, as of many others: no parameters come of it,
    # and a search that runs away after them gives no warning.
    row = {"type": "entry", "place": "莆田"}
    days = [
        row | {"author": f"{day}-{n}", "at": f"2021-09-{day}T01:00:00Z"}
        for day in range(10, last + 1)
        for n in range(people)
    ]
    for fit in (p.logistic, p.bass):
        with pytest.raises(DataError, match="growth that this curve can follow"):
            fit(make(days))


def test_a_fit_that_does_not_end() -> None:
    times, flat = np.arange(1.0, 9), np.full(8, np.nan)
    with pytest.raises(DataError, match="growth that this curve can follow"):
        growth._fit(growth._bass, times, flat, [1, 0.1, 0.1], [0, 1e-12, 0])

    def without_third(t: Any, m: float, p: float, _q: float) -> Any:
        return m * t + p

    with pytest.raises(
        DataError, match=r"growth that this curve can follow, got data that don't tell"
    ):
        growth._fit(without_third, times, times, [1, 0.1, 0.1], [0, 0, 0])


def test_steps_too_many_for_a_retention_table(make: Any) -> None:
    years = make(
        [
            {"type": "entry", "author": f"a{n}", "at": f"{1990 + n}-01-01T00:00:00Z"}
            for n in range(30)
        ]
    )
    assert p.retention(years)["size"].eq(1).all()
    assert p.daily(years.assign(place="莆田"))["entries"].sum() == 30


def test_polars_of_mixed_kinds() -> None:
    import polars as pl

    frame = pl.DataFrame({"type": ["entry"], "author": ["a"], "proved": [True], "at": [5]})
    with pytest.raises(DataError, match="times with a time zone in the column at"):
        p.cumulative(frame)
    with pytest.raises(DataError, match="times with a time zone in the column at"):
        p.cumulative(frame.with_columns(pl.col("at").cast(pl.Datetime)).lazy())
