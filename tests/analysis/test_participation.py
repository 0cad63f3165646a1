"""Who took part, on small tables worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any

import pandas as pd
import pytest

import kit
from kit.analysis import participation
from kit.errors import DataError


def table(*rows: tuple[str, str, str, str, bool]) -> pd.DataFrame:
    """A table of (type, author, at, place, proved)."""
    frame = pd.DataFrame(list(rows), columns=["type", "author", "at", "place", "proved"])
    frame["at"] = pd.to_datetime(frame["at"], utc=True).astype("datetime64[s, UTC]")
    frame["proved"] = frame["proved"].astype(bool)
    return frame


def entry(author: str, at: str, place: str = "莆田", proved: bool = True) -> tuple[Any, ...]:
    return ("entry", author, at, place, proved)


#: Four days in Fujian: the 10th (a, a, b), the 11th (c, one second after midnight), the 13th (a, d).
TABLE = table(
    entry("a", "2021-09-10T01:00:00Z"),
    entry("a", "2021-09-10T15:59:59Z"),
    entry("b", "2021-09-10T15:59:59Z", "厦门"),
    entry("c", "2021-09-10T16:00:00Z", "厦门"),
    ("review", "m", "2021-09-10T16:00:00Z", None, True),  # type: ignore[arg-type]
    entry("a", "2021-09-12T16:00:00Z", "泉州"),
    entry("d", "2021-09-13T15:59:59Z"),
    entry("e", "2021-09-20T00:00:00Z", "漳州", proved=False),
    ("witness", "f", "2021-09-21T00:00:00Z", None, True),  # type: ignore[arg-type]
)
EMPTY = TABLE.iloc[:0]
SAID = [participation.head_count, participation.daily, participation.by_place]


def test_head_count() -> None:
    assert participation.head_count(TABLE).to_dict() == {
        "participants": 4,
        "entries": 6,
        "places": 3,
        "records": 8,
        "left out": 1,
        "level": "not stated",
    }


def test_daily_in_fujian() -> None:
    days = participation.daily(TABLE)
    assert [str(day.date()) for day in days.index] == [f"2021-09-{n}" for n in (10, 11, 12, 13)]
    assert days.index.name == "day"
    assert days.to_dict("list") == {
        "entries": [3, 1, 0, 2],
        "participants": [2, 1, 0, 2],
        "new": [2, 1, 0, 1],
        "total": [2, 3, 3, 4],
    }
    assert set(days.dtypes.astype(str)) == {"int64"}


def test_daily_in_another_zone() -> None:
    # In UTC the second of c is still the 10th, and that of a the 12th.
    days = participation.daily(TABLE, zone="UTC")
    assert [day.day for day in days.index] == [10, 11, 12, 13]
    assert days["entries"].tolist() == [4, 0, 1, 1]
    assert days["new"].tolist() == [3, 0, 0, 1]
    # Midnight in New York is 04:00 UTC in summer: the 10th at 01:00Z is still the 9th there.
    days = participation.daily(TABLE, zone="America/New_York")
    assert [day.day for day in days.index] == [9, 10, 11, 12, 13]
    assert days["entries"].tolist() == [1, 3, 0, 1, 1]


def test_a_day_of_the_clocks_change_is_one_day() -> None:
    # 7 November 2021 had 25 hours in New York, with 01:30 twice.
    autumn = table(
        entry("a", "2021-11-07T05:30:00Z"),
        entry("b", "2021-11-07T06:30:00Z"),
        entry("c", "2021-11-08T04:59:59Z"),
        entry("d", "2021-11-08T05:00:00Z"),
    )
    days = participation.daily(autumn, zone="America/New_York")
    assert days["entries"].to_dict() == {
        pd.Timestamp("2021-11-07"): 3,
        pd.Timestamp("2021-11-08"): 1,
    }


def test_who_writes_twice_in_the_same_second_is_new_once() -> None:
    days = participation.daily(
        table(entry("a", "2021-09-10T01:00:00Z"), entry("a", "2021-09-10T01:00:00Z", "厦门"))
    )
    assert days.iloc[0].to_dict() == {"entries": 2, "participants": 1, "new": 1, "total": 1}


def test_rows_in_any_order() -> None:
    pd.testing.assert_frame_equal(participation.daily(TABLE[::-1]), participation.daily(TABLE))
    pd.testing.assert_series_equal(
        participation.head_count(TABLE[::-1]), participation.head_count(TABLE)
    )


def test_by_place() -> None:
    places = participation.by_place(TABLE)
    assert places.index.name == "place"
    assert places["entries"].to_dict() == {"莆田": 3, "厦门": 2, "泉州": 1}
    assert list(places.index) == ["莆田", "厦门", "泉州"]
    assert places["participants"].to_dict() == {"莆田": 2, "厦门": 2, "泉州": 1}


def test_places_with_as_many_entries_are_ordered_by_participants() -> None:
    places = participation.by_place(
        table(
            entry("a", "2021-09-10T01:00:00Z", "A"),
            entry("a", "2021-09-10T02:00:00Z", "A"),
            entry("a", "2021-09-10T03:00:00Z", "B"),
            entry("b", "2021-09-10T04:00:00Z", "B"),
        )
    )
    assert list(places.index) == ["B", "A"]


def test_rows_that_are_not_proved_change_only_their_own_count() -> None:
    without = TABLE[TABLE["proved"]]
    pd.testing.assert_frame_equal(participation.daily(TABLE), participation.daily(without))
    pd.testing.assert_frame_equal(participation.by_place(TABLE), participation.by_place(without))
    assert participation.head_count(without)["left out"] == 0
    nothing = TABLE.assign(proved=False)
    assert participation.head_count(nothing).to_dict() == {
        "participants": 0,
        "entries": 0,
        "places": 0,
        "records": 0,
        "left out": 9,
        "level": "not stated",
    }
    assert len(participation.daily(nothing)) == 0


def test_one_participant() -> None:
    one = table(entry("a", "2021-09-10T01:00:00Z"))
    assert participation.head_count(one)["participants"] == 1
    assert participation.daily(one).to_dict("list") == {
        "entries": [1],
        "participants": [1],
        "new": [1],
        "total": [1],
    }
    assert participation.by_place(one).loc["莆田"].tolist() == [1, 1]


def test_no_entries() -> None:
    assert participation.head_count(EMPTY).tolist() == [0, 0, 0, 0, 0, "not stated"]
    days, places = participation.daily(EMPTY), participation.by_place(EMPTY)
    assert list(days.columns) == ["entries", "participants", "new", "total"]
    assert list(places.columns) == ["entries", "participants"]
    assert len(days) == len(places) == 0
    assert (days.index.name, places.index.name) == ("day", "place")
    assert set(days.dtypes.astype(str)) == {"int64"}


def test_the_table_of_an_empty_diary(chain: Any) -> None:
    with closing(kit.Diary.open(chain)) as diary:
        records = diary.records()
    assert participation.head_count(records).iloc[:-1].tolist() == [0, 0, 0, 0, 0, "no record"]
    assert len(participation.daily(records)) == 0
    assert len(participation.by_place(records)) == 0


def test_further_columns_do_no_harm_and_nothing_is_changed() -> None:
    wide = TABLE.assign(text="<script>", day=3, new=False, total="x", entries=None)
    before = wide.copy()
    for say in SAID:
        said, expected = say(wide), say(TABLE)
        assert said.equals(expected)
    pd.testing.assert_frame_equal(wide, before)


@pytest.mark.parametrize("column", ["type", "author", "at", "place", "proved"])
@pytest.mark.parametrize("say", SAID)
def test_a_missing_column(say: Callable[[pd.DataFrame], object], column: str) -> None:
    with pytest.raises(DataError, match=f"got a table without {column}"):
        say(TABLE.drop(columns=column))


@pytest.mark.parametrize("say", SAID)
def test_times_without_a_zone(say: Callable[[pd.DataFrame], object]) -> None:
    for at in (TABLE["at"].dt.tz_localize(None), TABLE["at"].astype(str), 5):
        with pytest.raises(DataError, match="times with a time zone in the column at"):
            say(TABLE.assign(at=at))


@pytest.mark.parametrize("say", SAID)
def test_proved_is_true_or_false(say: Callable[[pd.DataFrame], object]) -> None:
    # ~True is -2 in a column of Python objects, and the count would be nonsense.
    for proved in (TABLE["proved"].astype(object), "yes", 1):
        with pytest.raises(DataError, match="True or False in the column proved"):
            say(TABLE.assign(proved=proved))


def bulletin(**changes: Any) -> pd.DataFrame:
    rows = [("confirmed", place, 10) for place in ("莆田", "厦门", "泉州", "漳州")]
    rows += [("asymptomatic", place, 1) for place in ("莆田", "厦门", "泉州", "漳州")]
    rows += [("confirmed", "四市", 41), ("asymptomatic", "四市", 4), ("infected", "四市", 45)]
    rows += [("samples_taken", "四市", 999)]
    return pd.DataFrame(rows, columns=["measure", "place", "value"]).assign(**changes)


def test_our_sum_stands_beside_the_printed_one() -> None:
    totals = participation.bulletin_totals(bulletin())
    assert list(totals.columns) == ["confirmed", "asymptomatic", "infected"]
    assert list(totals.index) == ["莆田", "厦门", "泉州", "漳州", "sum", "printed"]
    assert totals.loc["厦门"].tolist() == [10, 1, 11]
    assert totals.loc["sum"].tolist() == [40, 4, 44]
    assert totals.loc["printed"].tolist() == [41, 4, 45]  # a misprint is kept, and seen
    assert set(totals.dtypes.astype(str)) == {"int64"}


def test_a_bulletin_that_can_not_be_added_up() -> None:
    whole = bulletin()
    with pytest.raises(DataError, match="a table without value"):
        participation.bulletin_totals(whole.drop(columns="value"))
    for wrong in (
        whole[whole["place"] != "泉州"],
        whole[whole["place"] != "四市"],
        whole[whole["measure"] != "asymptomatic"],
        whole.drop(index=1),
        pd.concat([whole, whole]),
        whole.iloc[:0],
    ):
        with pytest.raises(DataError, match="each city's confirmed and asymptomatic cases, once"):
            participation.bulletin_totals(wrong)


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(DataError, match="a time zone like Asia/Shanghai"):
        participation.daily(TABLE, "Mars/Olympus")
