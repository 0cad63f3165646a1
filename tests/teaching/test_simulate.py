"""The simulated province: the rules are kept, what was put in is found again, and a chain agrees."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, asdict, fields, replace
from datetime import UTC, date, datetime, timedelta, timezone
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

import kit
import kit.chain.base
import kit.diary.diary
import kit.log.contract
import kit.teaching.helpers
from kit import people
from kit.analysis import participation
from kit.chain.embedded_chain import EmbeddedChain
from kit.core import BATCH_MAX, EntryState, SignedRecord, sign
from kit.core import record as records
from kit.diary import COLUMNS, Diary, lesson_salt
from kit.errors import DataError
from kit.log import MODERATOR_ROLE
from kit.teaching import simulate
from kit.teaching.simulate import Model
from kit.views import report
from kit.views.report import sections

DAY = 86_400
GOLDEN = "6f79bb6d68d2c7536d2e35f10c4588cb2ce8f3b91270624de42fe772e98a8fe3"
#: Nothing in it is as in the usual model: a parameter that is not used would be found.
OTHER = Model(
    start=datetime(2020, 1, 31, 16, tzinfo=UTC),
    days=14,
    growth_rate=0.6,
    midpoint=6.0,
    alpha=2.0,
    most=12,
    hours=tuple(float(1 + (hour * 7) % 24) for hour in range(24)),
    bulletin_hour=17,
    burst=0.3,
    burst_minutes=45.0,
    places={"福州": 0.7, "宁德": 0.25, "龙岩": 0.05},
    roles={"teacher": 0.5, "doctor": 0.5},
    moderators=3,
    rejected=0.2,
    wait_minutes=90.0,
    wait_sigma=0.4,
    witnesses=1.5,
)

Drawn = tuple[Model, pd.DataFrame]


def entries(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["type"] == "entry"]


def of_type(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    return frame[frame["type"] == kind]


def seconds(frame: pd.DataFrame, model: Model) -> npt.NDArray[np.int64]:
    """Return the whole seconds since the model's start."""
    return ((frame["at"] - pd.Timestamp(model.start)) // pd.Timedelta(seconds=1)).to_numpy()


def holds(share: float, found: int, of: int) -> bool:
    """Return whether the exact binomial interval, at 99.9 %, holds a share."""
    limits = stats.binomtest(found, of).proportion_ci(0.999)
    return bool(limits.low <= share <= limits.high)


def fits(observed: Any, weights: Any) -> bool:
    """Return whether counts are as the weights say, by a chi-square test at 0.1 %."""
    expected = np.asarray(weights, "float64") / np.sum(weights) * np.sum(observed)
    assert expected.min() > 5
    return bool(stats.chisquare(observed, expected).pvalue > 0.001)


# --- the same table, whole -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def small() -> pd.DataFrame:
    return simulate.participants(300, seed=7, model=Model(rejected=0.3, witnesses=3.0))


def test_the_same_arguments_give_the_same_table(small: pd.DataFrame) -> None:
    model = Model(rejected=0.3, witnesses=3.0)
    again = simulate.participants(300, seed=7, model=model)
    pd.testing.assert_frame_equal(again, small)
    assert again.attrs == small.attrs
    other = simulate.participants(300, seed=8, model=model)
    assert set(other["at"]) != set(small["at"])
    assert list(entries(other)["text"]) != list(entries(small)["text"])
    assert not simulate.participants(300, seed=7).equals(small)


def test_golden() -> None:
    made = simulate.participants(50)
    # The lag follows from two other columns; and there were no levels when this was first made.
    assert (made["lag"] == (made["block_time"] - made["at"]).dt.total_seconds()).all()
    table = (
        made.drop(columns=["lag", "level"])
        .assign(proved=True)
        .to_csv(index=False, lineterminator="\n")
    )
    assert sha256(table.encode()).hexdigest() == GOLDEN


def test_columns_and_what_the_table_says_of_itself(small: pd.DataFrame) -> None:
    assert {name: str(kind) for name, kind in small.dtypes.items()} == COLUMNS
    assert list(small.columns) == list(COLUMNS)
    assert set(small["check"]) == {"simulated"}
    assert not small["proved"].any()  # nobody checked them
    assert small["level"].isna().all()
    assert small.attrs["simulated"] is True
    model = Model(rejected=0.3, witnesses=3.0)
    assert small.attrs["model"] == asdict(model) | {"start": "2021-09-09T16:00:00+00:00"}
    assert json.loads(json.dumps(small.attrs))["model"]["rejected"] == 0.3
    assert participation.daily(small).attrs["simulated"] is True


def test_a_text_begins_with_its_time_of_day() -> None:
    words = ("深夜", "凌晨", "清早", "上午", "中午", "下午", "傍晚", "夜里")  # of three hours each
    told = entries(simulate.participants(2_000))
    hours = told["at"].dt.tz_convert("Asia/Shanghai").dt.hour
    assert set(hours) == set(range(24))
    assert list(told["text"].str[:2]) == [words[hour // 3] for hour in hours]


def test_each_type_has_its_own_columns(small: pd.DataFrame) -> None:
    written, others = small["type"] == "entry", small["type"] != "entry"
    assert set(small["type"]) == {"entry", "review", "witness"}
    assert small.loc[written, ["text", "place", "role"]].notna().all(axis=None)
    assert small.loc[others, ["text", "place", "role"]].isna().all(axis=None)
    assert (small["subject"].isna() == written).all()
    assert (small["decision"].notna() == (small["type"] == "review")).all()
    assert set(small["decision"].dropna()) == {"approve", "reject"}
    assert small["commitment"].str.fullmatch("0x[0-9a-f]{64}").all()


# --- the rules -----------------------------------------------------------------------------------


def test_numbers_and_batches(small: pd.DataFrame) -> None:
    assert list(small["seq"]) == list(range(len(small)))
    assert small["commitment"].is_unique
    assert small["batch"].is_monotonic_increasing
    assert set(small["batch"]) == set(range(small["batch"].max() + 1))
    assert small.groupby("batch")["at"].apply(lambda at: at.is_monotonic_increasing).all()
    assert (small["block_time"] > small["at"]).all()
    first = small["batch"].drop_duplicates().index
    assert small.loc[first, "block_time"].is_unique  # a block each
    assert (small.groupby("batch")["block_time"].nunique() == 1).all()
    assert small["block_time"].is_monotonic_increasing


def test_a_record_is_published_at_the_end_of_the_day_it_is_ready(small: pd.DataFrame) -> None:
    decided = of_type(small, "review").set_index("subject")["at"]
    ready = small["at"].where(small["type"] != "entry", small["commitment"].map(decided))
    midnight = small["block_time"].dt.tz_convert("Asia/Shanghai").dt.normalize()
    waited = midnight - ready
    assert ((pd.Timedelta(0) < waited) & (waited <= pd.Timedelta(days=1))).all()
    # There are entries that were decided after midnight, so that the rule is seen to matter.
    assert (midnight - small["at"] > pd.Timedelta(days=1))[small["type"] == "entry"].any()


def test_each_entry_has_its_one_review_after_it(small: pd.DataFrame) -> None:
    reviews = of_type(small, "review")
    assert reviews["subject"].is_unique
    approved = set(reviews.loc[reviews["decision"] == "approve", "subject"])
    assert approved == set(entries(small)["commitment"])
    rows = small.set_index("commitment")
    kept = reviews[reviews["decision"] == "approve"]
    about = rows.loc[kept["subject"]]
    assert (kept["at"].to_numpy() > about["at"].to_numpy()).all()
    assert (kept["seq"].to_numpy() > about["seq"].to_numpy()).all()


def test_a_rejected_entry_is_absent_but_its_rejection_is_there(small: pd.DataFrame) -> None:
    rejections = small[small["decision"] == "reject"]
    assert len(rejections) > 50
    assert not set(rejections["subject"]) & set(entries(small)["commitment"])
    assert not set(rejections["subject"]) & set(of_type(small, "witness")["subject"])


def test_witnesses(small: pd.DataFrame) -> None:
    witnessed = of_type(small, "witness")
    assert len(witnessed) > 500
    about = small.set_index("commitment").loc[witnessed["subject"]]
    assert set(about["type"]) == {"entry"}
    assert (witnessed["author"].to_numpy() != about["author"].to_numpy()).all()
    assert not witnessed.duplicated(["author", "subject"]).any()
    assert (witnessed["seq"].to_numpy() > about["seq"].to_numpy()).all()
    assert (witnessed["at"].to_numpy() >= about["block_time"].to_numpy()).all()


def test_few_people_who_witness_much_keep_the_rules() -> None:
    frame = simulate.participants(3, seed=1, model=Model(witnesses=6.0, rejected=0.0))
    witnessed = of_type(frame, "witness")
    authors = witnessed["subject"].map(frame.set_index("commitment")["author"])
    assert len(witnessed)
    assert (witnessed["author"] != authors).all()
    assert not witnessed.duplicated(["author", "subject"]).any()
    assert witnessed.groupby("subject").size().max() == 2  # all but the author


def test_authors_are_test_keys(small: pd.DataFrame) -> None:
    everybody = {people.named(f"simulated {n}").address for n in range(300)}
    moderators = {people.named(f"simulated moderator {n}").address for n in range(1, 5)}
    wrote = set(entries(small)["author"])
    assert wrote <= everybody
    assert len(wrote) > 200
    assert set(of_type(small, "witness")["author"]) <= everybody
    assert set(of_type(small, "review")["author"]) == moderators
    # All of them write: nobody is left out but by rejection.
    all_of_them = simulate.participants(40, model=Model(rejected=0.0, witnesses=0.0))
    some = {people.named(f"simulated {n}").address for n in range(40)}
    assert set(entries(all_of_them)["author"]) == some


def test_a_rejection_is_about_no_record_of_the_table() -> None:
    for seed in range(20):
        frame = simulate.participants(5, seed=seed, model=Model(rejected=0.6))
        rejections = frame[frame["decision"] == "reject"]
        assert not set(rejections["subject"]) & set(frame["commitment"])


# --- what was put in is found again --------------------------------------------------------------


@pytest.fixture(scope="module")
def usual() -> Drawn:
    """The documented province, smaller."""
    return Model(), simulate.participants(20_000)


@pytest.fixture(scope="module")
def unlike() -> Drawn:
    return OTHER, simulate.participants(6_000, seed=5, model=OTHER)


@pytest.fixture(scope="module")
def unlike_whole() -> Drawn:
    """Without rejections, which thin it, and without bursts."""
    model = replace(OTHER, rejected=0.0, burst=0.0)
    return model, simulate.participants(6_000, seed=6, model=model)


@pytest.fixture(scope="module")
def usual_whole() -> Drawn:
    model = Model(rejected=0.0, burst=0.0)
    return model, simulate.participants(10_000, seed=3, model=model)


@pytest.fixture(params=["usual", "unlike"])
def drawn(request: pytest.FixtureRequest) -> Drawn:
    found: Drawn = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["usual_whole", "unlike_whole"])
def whole(request: pytest.FixtureRequest) -> Drawn:
    found: Drawn = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize("name", ["usual", "usual_whole", "unlike_whole"])
def test_growth(name: str, request: pytest.FixtureRequest) -> None:
    model, frame = request.getfixturevalue(name)
    found = participation.logistic(frame).parameters.set_index("parameter")
    assert found.loc["r", "low"] <= model.growth_rate <= found.loc["r", "high"]
    assert found.loc["t0", "low"] <= model.midpoint <= found.loc["t0", "high"]
    # The intervals say something.
    assert found.loc["r", "high"] - found.loc["r", "low"] < 0.15
    assert found.loc["t0", "high"] - found.loc["t0", "low"] < 0.5


def test_days(drawn: Drawn) -> None:
    model, frame = drawn
    day = seconds(entries(frame), model) // DAY
    assert (day.min(), day.max()) == (0, model.days - 1)
    by_day = participation.daily(frame)
    assert len(by_day) == model.days
    assert by_day.index[0].tz_localize("Asia/Shanghai") == pd.Timestamp(model.start)


def test_activity(whole: Drawn) -> None:
    """The maximum-likelihood estimate of a discrete power law that is cut off."""
    model, frame = whole
    sizes = entries(frame).groupby("author").size().to_numpy()
    most = np.log(np.arange(1, model.most + 1))
    mean = np.log(sizes).mean()

    def cost(alpha: float) -> float:
        return float(alpha * mean + np.log(np.exp(-alpha * most).sum()))

    alpha = float(optimize.minimize_scalar(cost, bounds=(1.01, 6), method="bounded").x)
    share = np.exp(-alpha * most) / np.exp(-alpha * most).sum()
    error = ((share * most**2).sum() - (share * most).sum() ** 2) ** -0.5 / len(sizes) ** 0.5
    assert error < 0.03
    assert abs(alpha - model.alpha) < 3 * error
    assert sizes.min() == 1
    assert sizes.max() <= model.most


def test_the_most_active_write_no_more_than_most(unlike_whole: Drawn) -> None:
    model, frame = unlike_whole
    assert entries(frame).groupby("author").size().max() == model.most


def test_later_entries_are_even_over_the_days_that_are_left(whole: Drawn) -> None:
    model, frame = whole
    told = entries(frame).assign(day=seconds(entries(frame), model) // DAY)
    days = told.groupby("author")["day"].agg(["size", "min", "max"])
    two = days[days["size"] == 2]  # the other of two is on the day of the first, or later
    early = two[two["min"].between(2, 6)]
    counts = early.groupby("min")["max"].value_counts().unstack(fill_value=0)
    for first, row in counts.iterrows():
        assert fits(row.loc[first:], np.ones(model.days - first))


def test_hours(whole: Drawn) -> None:
    model, frame = whole
    by_hour = participation.weekday_hour(frame).groupby("hour")["entries"].sum()
    assert fits(by_hour, model.hours)
    assert not fits(by_hour, np.roll(model.hours, 1))


def test_the_usual_hours_add_up_to_a_hundred() -> None:
    assert sum(Model().hours) == pytest.approx(100)


def test_the_share_of_bursts(drawn: Drawn) -> None:
    """What the hour of the bulletin has above its weight, by the share of a burst that is in it."""
    model, frame = drawn
    by_hour = participation.weekday_hour(frame).groupby("hour")["entries"].sum()
    usual = model.hours[model.bulletin_hour] / sum(model.hours)
    inside = 1 - np.exp(-60 / model.burst_minutes)
    found = stats.binomtest(int(by_hour[model.bulletin_hour]), int(by_hour.sum()))
    limits = found.proportion_ci(0.999)
    low, high = ((x - usual) / (inside - usual) for x in (limits.low, limits.high))
    assert low <= model.burst <= high
    assert high - low < 0.05


@pytest.mark.parametrize("minutes", [25.0, 70.0])
def test_how_long_bursts_last(minutes: float) -> None:
    model = Model(burst=1.0, burst_minutes=minutes, bulletin_hour=9)
    frame = simulate.participants(2_000, seed=4, model=model)
    after = seconds(entries(frame), model) % DAY - 9 * 3600 + 0.5  # seconds are cut to whole ones
    assert after.min() > 0
    assert stats.kstest(after, stats.expon(scale=60 * minutes).cdf).pvalue > 0.001


@pytest.mark.parametrize("of", ["place", "role"])
def test_weights(drawn: Drawn, of: str) -> None:
    model, frame = drawn
    weights = model.places if of == "place" else model.roles
    by = participation.by_place if of == "place" else participation.by_role
    found = by(frame)["participants"]
    assert set(found.index) == set(weights)
    people_there = participation.head_count(frame)["participants"]
    assert found.sum() == people_there  # each has one
    for name, weight in weights.items():
        assert holds(weight, int(found[name]), int(people_there))


def test_moderators_and_rejections(drawn: Drawn) -> None:
    model, frame = drawn
    table = participation.approval(frame, confidence=0.999)
    names = [f"simulated moderator {n}" for n in range(1, model.moderators + 1)]
    assert set(table["moderator"]) == {people.named(name).address for name in names}
    assert fits(table["decisions"], np.ones(model.moderators))
    assert ((table["low"] <= 1 - model.rejected) & (1 - model.rejected <= table["high"])).all()
    decisions, approved = int(table["decisions"].sum()), int(table["approved"].sum())
    assert holds(model.rejected, decisions - approved, decisions)
    assert approved == len(entries(frame))


def test_waiting(drawn: Drawn) -> None:
    model, frame = drawn
    waited = participation.waiting_times(frame)["seconds"] - 0.5  # they are rounded up
    assert waited.notna().all()
    count, logs = len(waited), np.log(waited / 60)
    error = model.wait_sigma / count**0.5
    assert abs(logs.median() - np.log(model.wait_minutes)) < 3 * error * (np.pi / 2) ** 0.5
    assert waited.median() / 60 == pytest.approx(model.wait_minutes, rel=0.05)
    assert abs(logs.std() - model.wait_sigma) < 3 * error / 2**0.5


def test_witnesses_of_an_entry(drawn: Drawn) -> None:
    model, frame = drawn
    each = participation.witnesses(frame)["witnesses"]
    total, count = int(each.sum()), len(each)
    low = stats.chi2.ppf(0.0005, 2 * total) / 2 / count
    high = stats.chi2.ppf(0.9995, 2 * total + 2) / 2 / count
    assert low <= model.witnesses <= high
    assert high - low < 0.1
    many = 4 if model.witnesses > 1 else 3
    counts = [*((each == n).sum() for n in range(many)), (each >= many).sum()]
    poisson = stats.poisson(model.witnesses)
    assert fits(counts, [*(poisson.pmf(n) for n in range(many)), poisson.sf(many - 1)])


def test_witnesses_come_three_hours_after_the_batches(drawn: Drawn) -> None:
    """A day's batches are on the chain twelve seconds a batch (of all records) after its end."""
    model, frame = drawn
    reviews, given = of_type(frame, "review"), of_type(frame, "witness")
    decided = given["subject"].map(reviews.set_index("subject")["at"])
    end = (decided - pd.Timestamp(model.start)).dt.floor("D") + pd.Timedelta(days=1)
    batches = int(np.ceil((2 * len(reviews) + len(given)) / BATCH_MAX))
    since = pd.Timestamp(model.start) + end + pd.Timedelta(seconds=12 * batches)
    delay = (given["at"] - since).dt.total_seconds() - 0.5  # they are rounded up
    assert delay.min() >= -0.5
    assert stats.kstest(delay, stats.expon(scale=3 * 3600).cdf).pvalue > 0.001


def test_everybody_is_as_likely_a_witness(unlike: Drawn) -> None:
    frame = unlike[1]
    times = of_type(frame, "witness")["author"].value_counts()
    at_random = stats.poisson(times.sum() / 6_000)
    counts = [6_000 - len(times), *((times == n).sum() for n in (1, 2, 3)), (times > 3).sum()]
    assert fits(counts, [*(at_random.pmf(n) for n in range(4)), at_random.sf(3)])


def test_batches_are_no_larger_than_the_log_takes(usual: Drawn) -> None:
    frame = usual[1]
    midnight = frame["block_time"].dt.tz_convert("Asia/Shanghai").dt.normalize().rename("day")
    sizes = frame.groupby([midnight, "batch"]).size()
    assert sizes.max() == BATCH_MAX
    # Each day's batches are full but the last one.
    assert sizes.groupby("day").size().max() > 5
    for _, of_day in sizes.groupby("day"):
        assert (of_day.iloc[:-1] == BATCH_MAX).all()
    assert frame["batch"].is_monotonic_increasing
    # Each of the day's batches has a block of its own, twelve seconds from one to the next.
    number = frame.groupby(midnight)["batch"].transform(lambda batch: batch - batch.min() + 1)
    assert (frame["block_time"] == midnight + pd.to_timedelta(12 * number, unit="s")).all()


# --- on a chain ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def published() -> Iterator[Diary]:
    diary = Diary.open(kit.chain.embedded())
    batches = simulate.publish(diary, people=60)
    assert batches == diary.log.batches()
    yield diary
    diary.close()


@pytest.fixture(scope="module")
def read_back(published: Diary) -> pd.DataFrame:
    return published.records()


SAME = ["seq", "type", "author", "at", "text", "place", "role", "attachments", "decision"]
SAME += ["batch", "block_time"]


def subjects(frame: pd.DataFrame) -> list[Any]:
    """Return the number of the record that each one is about; -1 for what is not in the log."""
    numbers = dict(zip(frame["commitment"], frame["seq"], strict=True))
    return [None if pd.isna(x) else numbers.get(x, -1) for x in frame["subject"]]


def test_the_chain_has_the_same_records(read_back: pd.DataFrame) -> None:
    made = simulate.participants(60)
    assert len(made) > 150
    pd.testing.assert_frame_equal(read_back[SAME], made[SAME], check_exact=True)
    assert subjects(read_back) == subjects(made)
    assert {-1, None} < set(subjects(made))  # there is a rejection, too
    assert read_back["proved"].all()
    assert set(read_back["check"]) == {"ok"}


def test_small_batches_are_cut_alike(
    chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(simulate, "BATCH_MAX", 8)
    monkeypatch.setattr("kit.diary.diary.BATCH_MAX", 8)
    model = Model(rejected=0.2, witnesses=1.0, days=4)
    diary = Diary.open(chain)
    batches = simulate.publish(diary, people=30, seed=9, model=model)
    made = simulate.participants(30, seed=9, model=model)
    assert max(batch.count for batch in batches) == 8
    assert len(batches) > model.days + 1
    pd.testing.assert_frame_equal(diary.records()[SAME], made[SAME], check_exact=True)
    count = len(made) + int((made["decision"] == "reject").sum())  # with the rejected entries
    assert f"{count}/{count}" in capsys.readouterr().err


def test_the_rules_allow_every_move(read_back: pd.DataFrame) -> None:
    """Move by move, in order of time; an entry is published in the block of its batch."""
    told = entries(read_back)
    cases = {row.commitment: EntryState(row.author) for row in told.itertuples()}
    about = read_back[read_back["subject"].isin(set(told["commitment"]))]
    moves = [(row.block_time, 0, "publish", "", row.commitment) for row in told.itertuples()]
    moves += [
        (row.at, 1, row.decision if row.type == "review" else row.type, row.author, row.subject)
        for row in about.itertuples()
    ]
    for _, _, move, by, entry in sorted(moves):
        cases[entry].check(move, by, moderator=move == "approve")
        cases[entry] = cases[entry].after(move, by)
    assert {case.state for case in cases.values()} == {"published"}
    assert sum(len(case.witnesses) for case in cases.values()) > 20


def told_by(diary: Diary, row: Any, entry: SignedRecord | None) -> SignedRecord:
    """Do what a row of the plan says with the diary's own functions, which ask the rules."""
    name = f"simulated {row.person}" if row.person >= 0 else f"simulated moderator {-row.person}"
    by, at = people.named(name), Model().start + timedelta(seconds=row.second)
    if entry is None:
        return diary.post(by, row.text, place=row.place, role=row.role, at=at)
    if row.type == "witness":
        return diary.witness(entry, by=by, at=at)
    approve = row.decision == "approve"
    return diary.review(
        entry, by=by, approve=approve, reason_code="" if approve else "other", at=at
    )


def test_the_platform_takes_every_record(published: Diary) -> None:
    diary, plan = Diary.open(kit.chain.embedded()), simulate._plan(60, 2021, Model())
    for number in (1, 2, 3, 4):
        address = people.named(f"simulated moderator {number}").address
        diary.log.grant(MODERATOR_ROLE, address, by=diary.registrar)
    told: dict[float, SignedRecord] = {}
    for day, rows in plan.groupby(plan["second"] // DAY):
        diary.chain.wait_until(Model().start + timedelta(days=int(str(day)) + 1))
        for row in rows.itertuples():
            signed = told_by(diary, row, told.get(row.about))
            if row.type == "entry":
                told[row.number] = signed
        while diary.archive.ready_count():
            diary.publish()
    assert [b.root for b in diary.log.batches()] == [b.root for b in published.log.batches()]


def test_the_first_to_decide_have_their_role_already(chain: EmbeddedChain) -> None:
    """Forty moderators, and everybody writes in the first hour."""
    model = Model(days=1, moderators=40, wait_minutes=0.1, hours=(1.0,) + 23 * (0.0,), burst=0.0)
    diary = Diary.open(chain)
    simulate.publish(diary, people=60, model=model)
    reviews = of_type(diary.records(), "review").sort_values("at")
    assert (reviews["at"] < pd.Timestamp(model.start) + pd.Timedelta(minutes=11)).sum() > 5
    for review in reviews.head(10).itertuples():
        assert diary.log.was_moderator(review.author, review.at)


def test_whoever_witnesses_at_once_still_comes_after_the_batch(
    chain: EmbeddedChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulate, "BATCH_MAX", 4)  # many blocks at the end of a day
    monkeypatch.setattr("kit.diary.diary.BATCH_MAX", 4)
    monkeypatch.setattr(simulate._Draw, "exponential", lambda self, mean, count: np.zeros(count))
    diary = Diary.open(chain)
    simulate.publish(diary, people=20, model=Model(witnesses=3.0, days=2))
    frame = diary.records()
    witnessed = of_type(frame, "witness")
    block_time = witnessed["subject"].map(frame.set_index("commitment")["block_time"])
    assert frame.groupby(frame["block_time"].dt.floor("D"))["batch"].nunique().max() > 5
    assert len(witnessed) > 30
    assert (witnessed["at"] >= block_time).all()


def test_publishing_again_gives_the_same_roots(published: Diary) -> None:
    again = Diary.open(kit.chain.embedded())
    simulate.publish(again, people=60)
    assert [b.root for b in again.log.batches()] == [b.root for b in published.log.batches()]


def test_signatures_are_those_of_the_test_keys(published: Diary) -> None:
    names = [
        *(f"simulated {n}" for n in range(60)),
        *(f"simulated moderator {n}" for n in (1, 2, 3, 4)),
    ]
    keys = {person.address: person for person in map(people.named, names)}
    salts = {lesson_salt(n) for n in range(published.archive.count())}
    leaves = published.leaves()
    assert len(leaves) > 150
    for leaf in leaves:
        stored = published.archive.get(leaf.commitment)
        signed = stored.signed() if stored else None
        assert signed is not None
        own = sign(
            leaf.commitment,
            published.log.log_id,
            by=keys[signed.record.author],
        )
        assert signed.signature == own
        salts.remove(signed.salt)  # each is used once
        assert records.commitment(signed.record, signed.salt) == leaf.commitment


def test_certificates_verify(published: Diary) -> None:
    certificates = list(published.certificates())
    assert len(certificates) == published.log.record_count()
    kinds = set()
    for certificate in certificates[::9]:
        kinds.add(certificate.record.type if certificate.record else None)
        assert kit.verify(certificate, published.log).level == "final"
    assert kinds == {"entry", "review", "witness"}


def test_the_platform_knows_what_became_of_each_entry(published: Diary) -> None:
    states = pd.Series(
        [published.state(x.commitment) for x in published.latest("entry", 1_000_000)]
    )
    made = simulate.participants(60)
    rejected = int((made["decision"] == "reject").sum())
    expected = {"published": len(entries(made)), "rejected": rejected}
    assert states.value_counts().to_dict() == expected
    assert not published.waiting()


def test_the_word_simulated_travels(
    published: Diary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = sections._analysis  # its first two sections are enough here, and quicker
    monkeypatch.setattr(sections, "_analysis", lambda page: islice(whole(page), 2))
    folder = kit.export(published, tmp_path / "export", simulated=True)
    frame = kit.read(folder)
    assert frame.attrs["simulated"] is True
    assert frame["level"].eq("consistent").all()
    assert participation.by_place(frame).attrs["simulated"] is True
    found = report.write(folder, tmp_path / "report.html", published.log)
    assert found.ok
    assert found.simulated
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "Simulated: nobody wrote these records." in page
    assert page.count("<figure>") == page.count("模拟数据 simulated</figcaption>") == 3
    assert page.count("<caption>") == page.count("模拟数据 simulated</caption>") >= 4


def test_publishing_too_many_does_nothing(chain: EmbeddedChain) -> None:
    diary = Diary.open(chain)
    before = chain.head
    with pytest.raises(DataError, match="a whole number of people"):
        simulate.publish(diary, people=0)
    assert chain.head == before
    assert diary.archive.count() == 0


# --- a model that can't be -----------------------------------------------------------------------

#: The least and the most of each number of a model.
BOUNDS = {
    "days": (1, 366),
    "most": (1, 10_000),
    "bulletin_hour": (0, 23),
    "moderators": (1, 40),
    "growth_rate": (0.001, 50.0),
    "midpoint": (-1000.0, 1000.0),
    "alpha": (0.0, 10.0),
    "burst": (0.0, 1.0),
    "burst_minutes": (0.1, 1440.0),
    "rejected": (0.0, 1.0),
    "wait_minutes": (0.1, 10_080.0),
    "wait_sigma": (0.0, 1.5),
    "witnesses": (0.0, 100.0),
}
WHOLE = ("days", "most", "bulletin_hour", "moderators")
HUGE = pytest.param(10**5000, id="huge")
NFC, NFD = "Café", "Cafe\u0301"


def test_every_parameter_is_tested_here() -> None:
    assert {*BOUNDS, "start", "hours", "places", "roles"} == {x.name for x in fields(Model)}


@pytest.mark.parametrize("name", BOUNDS)
def test_no_number_beyond_its_bounds(name: str) -> None:
    low, high = BOUNDS[name]
    least, most = f"{low:,}", f"{high:,}"
    beyond = [low - 1, high + 1]
    if name not in WHOLE:
        least, most = f"{low:,g}", f"{high:,g}"
        beyond += [np.nextafter(low, -np.inf), np.nextafter(high, np.inf)]
    for wrong in beyond:
        with pytest.raises(DataError, match=f"^Expected {name}: .* from {least} to {most}, got "):
            Model(**{name: wrong})


@pytest.mark.parametrize("name", BOUNDS)
@pytest.mark.parametrize(
    "wrong",
    [float("nan"), float("inf"), -float("inf"), None, "1", True, [1], 1j, np.True_, HUGE],
)
def test_no_number_at_all(name: str, wrong: Any) -> None:
    with pytest.raises(DataError, match=f"^Expected {name}: a "):
        Model(**{name: wrong})


@pytest.mark.parametrize("name", WHOLE)
def test_no_whole_number(name: str) -> None:
    with pytest.raises(DataError, match=f"{name}: a whole number from .*, got 1.5"):
        Model(**{name: 1.5})


@pytest.mark.parametrize(
    "wrong",
    [
        *([], 23 * [1.0], 25 * [1.0], 24 * [0.0], 23 * [1.0] + [-1e-9], 23 * [1.0] + [np.nan]),
        *(23 * [1.0] + [np.inf], 23 * [1.0] + [1.1e9], 24 * ["1"], 24 * [True], 24 * [None]),
        *("1" * 24, 24, None, np.float64(24), np.array(24.0), np.ones((24, 1))),
        *(set(range(24)), dict.fromkeys(range(24), 1.0), iter(24 * [1.0])),
    ],
)
def test_no_hours(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"^Expected hours: "):
        Model(hours=wrong)


@pytest.mark.parametrize("name", ["places", "roles"])
@pytest.mark.parametrize(
    "wrong",
    [
        *({}, {"a": 0}, {"a": 0.0, "b": 0}, {"a": 2, "b": -1}, {"a": -1}, {"a": np.nan}),
        *({"a": np.inf}, {"a": 1.1e9}, {"a": 10**400}, {"a": "1"}, {"a": None}, {"a": True}),
        *({"": 1}, {" ": 1}, {"\u200b": 1}, {81 * "a": 1}, {"a\nb": 1}, {"a\tb": 1}, {"\ud800": 1}),
        *({1: 1}, {None: 1}, {("a",): 1}, {NFC: 1, NFD: 1}),
        *(None, "places", [("a", 1)], ["a"], {"a"}, 1),
    ],
)
def test_no_weights(name: str, wrong: Any) -> None:
    with pytest.raises(DataError, match=f"^Expected {name}: "):
        Model(**{name: wrong})


@pytest.mark.parametrize(
    "wrong",
    [
        datetime(2021, 9, 9, 16),
        datetime(1969, 12, 31, 23, tzinfo=UTC),
        datetime(1970, 1, 1, 7, tzinfo=timezone(timedelta(hours=8))),  # still 1969 in UTC
        datetime(2200, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-8))),
        datetime(2021, 9, 9, 16, 0, 0, 1, tzinfo=UTC),
        *(date(2021, 9, 9), "2021-09-09T16:00:00Z", 1631203200, None, pd.NaT),
    ],
)
def test_no_start(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"^Expected start: a time "):
        Model(start=wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"midpoint": 30.0},
        {"midpoint": -20.0},
        {"midpoint": 1000.0, "growth_rate": 50.0},
        {"midpoint": -1000.0, "growth_rate": 50.0},
        {"growth_rate": 0.001, "days": 1},
    ],
)
def test_no_growth_that_passes_by_the_days(wrong: dict[str, Any]) -> None:
    with pytest.raises(
        DataError, match=r"^Expected growth_rate and midpoint: at least 0.1 % .*, got"
    ):
        Model(**wrong)


@pytest.mark.parametrize("wrong", [-1, 2**128, 1.0, 1.5, "x", True, None, [1], HUGE])
def test_no_seed(wrong: Any, chain: EmbeddedChain) -> None:
    with pytest.raises(DataError, match=r"^Expected a seed: a whole number from 0 to 340,"):
        simulate.participants(10, seed=wrong)
    diary = Diary.open(chain)
    before = chain.head
    with pytest.raises(DataError, match=r"^Expected a seed: "):
        simulate.publish(diary, 10, seed=wrong)
    assert (chain.head, diary.archive.count()) == (before, 0)


@pytest.mark.parametrize("wrong", [{}, {"days": 3}, "Model", Model, 3])
def test_no_model(wrong: Any) -> None:
    with pytest.raises(DataError, match=r"^Expected a Model of kit.simulate, got"):
        simulate.participants(10, model=wrong)


@pytest.mark.parametrize(
    ("people_there", "model"),
    [
        (1_000_000, Model(alpha=1.5)),
        (33_000, Model(alpha=0.0)),
        (600, Model(alpha=0.0, most=10_000)),
        (33_000, Model(witnesses=100.0)),
    ],
)
def test_no_more_records_than_fit(people_there: int, model: Model) -> None:
    with pytest.raises(DataError, match=r"at most 5,000,000 records, got about [0-9,]+. Choose"):
        simulate.participants(people_there, model=model)


def test_a_million_people_fit() -> None:
    simulate._check_size(1_000_000, Model())


def test_the_size_is_estimated_well() -> None:
    model = Model(alpha=1.0, witnesses=2.0)
    plan = simulate._plan(300, 1, model)
    with pytest.raises(DataError) as caught:
        simulate._check_size(300_000, model)
    about = int(caught.value.got.removeprefix("about ").replace(",", ""))
    assert about / 1000 == pytest.approx(len(plan), rel=0.1)


# --- a model stays as it was checked -------------------------------------------------------------


def test_nothing_of_a_model_can_be_changed() -> None:
    places, hours = {"甲": 1.0, "乙": 2.0}, 24 * [1.0]
    model = Model(places=places, roles=places, hours=hours)  # type: ignore[arg-type]
    places["丙"] = -1.0
    hours[0] = float("nan")
    assert dict(model.places) == dict(model.roles) == {"甲": 1.0, "乙": 2.0}
    assert model.hours == 24 * (1.0,)
    for frozen in (model.places, model.roles):
        weights: Any = frozen
        with pytest.raises(TypeError, match="can't be changed"):
            weights["甲"] = -1.0
        with pytest.raises(TypeError, match="can't be changed"):
            del weights["甲"]
        with pytest.raises(TypeError, match="can't be changed"):
            weights |= {"甲": -1.0}
        with pytest.raises(TypeError, match="can't be changed"):
            weights.update({"甲": -1.0})
        with pytest.raises(TypeError, match="can't be changed"):
            weights.setdefault("丙", -1.0)
        for empty in (weights.clear, weights.popitem, lambda w=weights: w.pop("甲")):
            with pytest.raises(TypeError, match="can't be changed"):
                empty()
        assert dict(frozen) == {"甲": 1.0, "乙": 2.0}
    with pytest.raises(FrozenInstanceError):
        model.days = 0  # type: ignore[misc]


def test_copies_of_a_model_are_equal() -> None:
    for same in (copy.copy(OTHER), copy.deepcopy(OTHER), pickle.loads(pickle.dumps(OTHER))):  # noqa: S301
        assert same == OTHER
        with pytest.raises(TypeError, match="can't be changed"):
            same.places["甲"] = 1.0
    assert Model(**asdict(OTHER)) == OTHER
    assert replace(OTHER, days=3) != OTHER
    with pytest.raises(DataError, match="days: a whole number"):
        replace(OTHER, days=0)


def test_the_model_goes_into_a_file_with_its_table(tmp_path: Path) -> None:
    model = replace(OTHER, days=np.int64(5), midpoint=2, alpha=np.float32(2))
    told = simulate.participants(30, model=model)
    told.to_parquet(tmp_path / "told.parquet")
    said = pd.read_parquet(tmp_path / "told.parquet").attrs["model"]
    assert said == json.loads(json.dumps(told.attrs["model"]))
    assert (said["days"], said["midpoint"], said["alpha"]) == (5, 2.0, 2.0)
    assert said["places"] == {"福州": 0.7, "宁德": 0.25, "龙岩": 0.05}
    start = datetime.fromisoformat(said.pop("start"))
    assert Model(**said, start=start) == model


def test_any_zone_and_any_spelling() -> None:
    fujian = timezone(timedelta(hours=8))
    model = Model(start=datetime(2021, 9, 10, tzinfo=fujian), places={NFD: 1})
    assert model.start == Model().start
    assert model.start.tzinfo is UTC
    frame = simulate.participants(20, model=model)
    assert set(entries(frame)["place"]) == {NFC}  # as a record would have it
    assert frame.attrs["model"]["start"] == "2021-09-09T16:00:00+00:00"


def test_numbers_of_numpy_and_large_seeds() -> None:
    few = simulate.participants(np.int64(20), seed=np.int64(5))  # type: ignore[arg-type]
    pd.testing.assert_frame_equal(few, simulate.participants(20, seed=5))
    large = [simulate.participants(20, seed=2**128 - 1 - n) for n in (0, 1)]
    assert not set(large[0]["commitment"]) & set(large[1]["commitment"])


# --- the corners of what a model may be ----------------------------------------------------------


def keeps_the_rules(frame: pd.DataFrame, model: Model) -> None:
    """What holds of each province, however strange its model is."""
    told, reviews, given = (of_type(frame, kind) for kind in ("entry", "review", "witness"))
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert frame[["at", "block_time"]].notna().all(axis=None)
    assert (frame["block_time"] > frame["at"]).all()
    assert set(seconds(told, model) // DAY) <= set(range(model.days))
    assert set(told["place"]) <= {name for name, weight in model.places.items() if weight}
    approved = reviews[reviews["decision"] == "approve"]
    assert sorted(approved["subject"]) == sorted(told["commitment"])
    row = frame.set_index("commitment")
    for later, since in ((approved, "at"), (given, "block_time")):
        assert (later["at"].to_numpy() >= row.loc[later["subject"], since].to_numpy()).all()
    assert (given["author"].to_numpy() != row.loc[given["subject"], "author"].to_numpy()).all()
    assert not given.duplicated(["author", "subject"]).any()
    assert json.loads(json.dumps(frame.attrs))["model"]["days"] == model.days


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, both in BOUNDS.items() for value in both]
)
def test_at_each_bound(name: str, value: float) -> None:
    # With this curve a midpoint may be anywhere.
    others = {"growth_rate": 0.001, "days": 366} if name == "midpoint" else {}
    model = Model(**(others | {name: value}))
    keeps_the_rules(simulate.participants(12, seed=1, model=model), model)


@pytest.mark.parametrize("start", [datetime(1970, 1, 1), datetime(2199, 12, 31, 23, 59, 59)])
def test_the_first_and_the_last_start(start: datetime) -> None:
    model = Model(start=start.replace(tzinfo=UTC), days=366)
    keeps_the_rules(simulate.participants(12, model=model), model)


WEIGHTS = st.sampled_from([0, 5e-324, 1e-9, 1, 3.5, 1e9])
MODELS = st.fixed_dictionaries(
    {
        name: st.integers(low, min(high, 300)) if name in WHOLE else st.floats(low, min(high, 1440))
        for name, (low, high) in BOUNDS.items()
    }
    | {
        "growth_rate": st.floats(0.01, 50),
        "midpoint": st.floats(0, 1),  # times the days
        "witnesses": st.floats(0, 20),
        "hours": st.lists(WEIGHTS, min_size=23, max_size=23).map(lambda hours: [*hours, 5e-324]),
        "places": st.dictionaries(st.sampled_from("甲乙丙"), WEIGHTS).map(
            lambda weights: weights | {"丁": 5e-324}
        ),
        "start": st.datetimes(
            datetime(1970, 1, 2), datetime(2199, 12, 30), timezones=st.timezones()
        ).map(lambda time: time.replace(microsecond=0)),
    }
)


@settings(deadline=None, max_examples=80)
@given(MODELS, st.integers(1, 6), st.integers(0, 2**128 - 1))
def test_any_model_within_the_bounds(drawn: dict[str, Any], count: int, seed: int) -> None:
    model = Model(**(drawn | {"midpoint": drawn["midpoint"] * drawn["days"]}))
    keeps_the_rules(simulate.participants(count, seed=seed, model=model), model)


@pytest.mark.parametrize("number", [0.0, 1 - 2**-53])
@pytest.mark.parametrize(
    "model",
    [
        Model(),
        OTHER,
        Model(growth_rate=50.0, midpoint=0.0, days=366),
        Model(growth_rate=50.0, midpoint=366.0, days=366),
        Model(growth_rate=0.001, midpoint=1000.0, days=366),
        Model(start=datetime(2199, 12, 31, tzinfo=UTC), wait_minutes=10_080.0, wait_sigma=1.5),
        Model(burst=1.0, burst_minutes=1440.0, bulletin_hour=23),
        Model(witnesses=100.0, most=1),
        Model(witnesses=5e-324, alpha=10.0, most=10_000),
    ],
)
def test_the_rarest_numbers(model: Model, number: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest or the largest number that can be drawn, each time."""
    monkeypatch.setattr(simulate._Draw, "uniform", lambda self, count: np.full(count, number))
    keeps_the_rules(simulate.participants(3, model=model), model)


def test_only_a_new_diary_is_taken(published: Diary) -> None:
    before = published.archive.count()
    with pytest.raises(DataError, match="a new diary, got one with"):
        simulate.publish(published, people=10)
    assert published.archive.count() == before


# --- odd arguments -------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -1, True, 1.5, "3", 1_000_001, None, float("nan"), [3]])
def test_no_number_of_people(wrong: Any) -> None:
    with pytest.raises(DataError, match="a whole number of people from 1 to 1,000,000"):
        simulate.participants(wrong)


@pytest.mark.parametrize("seed", range(5))
def test_one_person_has_no_witnesses(seed: int) -> None:
    frame = simulate.participants(1, seed=seed, model=Model(rejected=0.0, witnesses=5.0))
    assert set(frame["type"]) == {"entry", "review"}
    assert set(entries(frame)["author"]) == {people.named("simulated 0").address}
    assert 2 * len(entries(frame)) == len(frame)


def test_no_witnesses() -> None:
    frame = simulate.participants(200, model=Model(witnesses=0.0))
    assert set(frame["type"]) == {"entry", "review"}
    assert participation.witnesses(frame)["witnesses"].sum() == 0


def test_nobody_is_rejected() -> None:
    frame = simulate.participants(200, model=Model(rejected=0.0))
    assert set(frame["decision"].dropna()) == {"approve"}
    assert participation.head_count(frame)["participants"] == 200


def test_everybody_is_rejected() -> None:
    frame = simulate.participants(200, model=Model(rejected=1.0))
    assert set(frame["type"]) == {"review"}
    assert set(frame["decision"]) == {"reject"}
    assert len(frame) >= 200
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS
    assert participation.head_count(frame)["entries"] == 0
    assert frame["commitment"].is_unique
    assert not set(frame["commitment"]) & set(frame["subject"])


def test_one_person_who_is_rejected() -> None:
    counts = [len(simulate.participants(1, seed=seed)) for seed in range(30)]
    assert min(counts) == 1  # the rejection alone


def test_a_single_day() -> None:
    model = Model(days=1)
    frame = simulate.participants(500, model=model)
    assert set(seconds(entries(frame), model) // DAY) == {0}
    assert len(participation.daily(frame)) == 1
