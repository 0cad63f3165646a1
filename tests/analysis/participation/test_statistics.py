"""Every statistic against somebody else's: a hand-worked example, SciPy, statsmodels, a table."""

from __future__ import annotations

import math
from collections import Counter
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.sandbox.stats.runs import runstest_1samp
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson
from statsmodels.tsa.stattools import acf

import kit
from kit.analysis import participation as p
from kit.analysis.participation import coordination, growth, inequality, moderation
from kit.errors import DataError


def entry(author: str, at: str | pd.Timestamp, **more: Any) -> dict[str, Any]:
    return {"type": "entry", "author": author, "at": at, "place": "莆田"} | more


def active(make: Any, *counts: int) -> pd.DataFrame:
    """Participants with so many entries each."""
    begin = pd.Timestamp("2021-09-10T00:00:00")
    rows = [
        entry(f"a{who}", begin + pd.Timedelta(hours=n))
        for who, count in enumerate(counts)
        for n in range(count)
    ]
    return make(rows)


def joining(make: Any, new: list[int]) -> pd.DataFrame:
    """So many new participants each day."""
    begin = pd.Timestamp("2021-09-10T00:00:00")
    rows = [
        entry(f"{day}-{n}", begin + pd.Timedelta(days=day))
        for day, number in enumerate(new)
        for n in range(number)
    ]
    return make(rows)


# --- counts ------------------------------------------------------------------------------------------

#: In Fujian, Friday the 10th: a, a, b. The 11th: c. Monday the 13th: a, d.
SIX = [
    entry("a", "2021-09-10T01:00:00Z", role="nurse"),
    entry("a", "2021-09-10T15:59:59Z", role="nurse"),
    entry("b", "2021-09-10T15:59:59Z", role="driver"),
    entry("c", "2021-09-10T16:00:00Z", role="driver"),
    entry("a", "2021-09-12T16:00:00Z", role="nurse"),
    entry("d", "2021-09-13T15:59:59Z", role="nurse"),
    entry("e", "2021-09-20T00:00:00Z", role="driver", proved=False),
]


def test_hours_by_hand(make: Any) -> None:
    hours = p.hourly(make(SIX))
    assert len(hours) == 24 * 3 + 15  # from 09:00 on the 10th to 23:00 on the 13th
    some = hours[hours["entries"] > 0]
    assert [str(hour) for hour in some.index] == [
        "2021-09-10 09:00:00",
        "2021-09-10 23:00:00",
        "2021-09-11 00:00:00",
        "2021-09-13 00:00:00",
        "2021-09-13 23:00:00",
    ]
    assert some["entries"].tolist() == [1, 2, 1, 1, 1]
    assert some["total"].tolist() == [1, 2, 3, 3, 4]


def test_weeks_by_hand(make: Any) -> None:
    weeks = p.weekly(make(SIX))
    assert [str(week.date()) for week in weeks.index] == ["2021-09-06", "2021-09-13"]
    assert weeks.to_dict("list") == {
        "entries": [4, 2],
        "participants": [3, 2],
        "new": [3, 1],
        "total": [3, 4],
    }


def test_new_and_returning_by_hand(make: Any) -> None:
    days = p.new_and_returning(make(SIX))
    assert days["new"].tolist() == [2, 1, 0, 1]
    assert days["returning"].tolist() == [0, 0, 0, 1]
    assert days["share_new"].iloc[[0, 1, 3]].tolist() == [1, 1, 0.5]
    assert np.isnan(days["share_new"].iloc[2])


def test_so_far_by_hand(make: Any) -> None:
    days = p.cumulative(make(SIX))
    assert days["entries"].tolist() == [3, 4, 4, 6]
    assert days["participants"].tolist() == [2, 3, 3, 4]


def test_roles_by_hand(make: Any) -> None:
    roles = p.by_role(make(SIX))
    assert roles["entries"].to_dict() == {"nurse": 4, "driver": 2}
    assert roles["participants"].to_dict() == {"nurse": 2, "driver": 2}


def test_retention_by_hand(make: Any) -> None:
    table = p.retention(make(SIX), "day")
    first = table[table["cohort"] == "2021-09-10"]
    assert first["age"].tolist() == [0, 1, 2, 3]
    assert first["size"].tolist() == [2, 2, 2, 2]
    assert first["participants"].tolist() == [2, 0, 0, 1]
    assert first["share"].tolist() == [1, 0, 0, 0.5]
    assert len(table) == 4 + 3 + 1
    weeks = p.retention(make(SIX))
    assert weeks["participants"].tolist() == [3, 1, 1]


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kathmandu", "Pacific/Apia"])
def test_clocks_as_pandas_has_them(zone: str, history: pd.DataFrame) -> None:
    entries = history[history["proved"] & (history["type"] == "entry")]
    local = entries["at"].dt.tz_convert(zone).dt.tz_localize(None)
    for table, start in [
        (p.hourly(history, zone), local.dt.floor("h")),
        (p.daily(history, zone), local.dt.floor("D")),
        (p.weekly(history, zone), local.dt.to_period("W").dt.start_time),
    ]:
        grouped = entries.groupby(start)["author"]
        some = table[table["entries"] > 0]
        assert some.index.tolist() == sorted(set(start))
        assert some["entries"].tolist() == grouped.size().tolist()
        assert some["participants"].tolist() == grouped.nunique().tolist()
        began = start[entries.sort_values("at").drop_duplicates("author").index].value_counts()
        assert table["new"][table["new"] > 0].to_dict() == began.to_dict()
        assert table["total"].iloc[-1] == entries["author"].nunique()
    week = p.weekday_hour(history, zone)
    assert len(week) == 168
    cells = entries.groupby([local.dt.day_of_week + 1, local.dt.hour])["author"]
    some = week[week["entries"] > 0].set_index(["weekday", "hour"])
    assert some["entries"].to_dict() == cells.size().to_dict()
    assert some["participants"].to_dict() == cells.nunique().to_dict()


def test_the_hour_that_comes_twice(make: Any) -> None:
    # 7 November 2021 in New York: 01:30 at 05:30Z and again at 06:30Z.
    table = p.hourly(
        make([entry("a", f"2021-11-07T0{n}:30:00Z") for n in (4, 5, 6, 7)]), "America/New_York"
    )
    assert table["entries"].to_dict() == {
        pd.Timestamp("2021-11-07 00:00"): 1,
        pd.Timestamp("2021-11-07 01:00"): 2,
        pd.Timestamp("2021-11-07 02:00"): 1,
    }


# --- concentration -----------------------------------------------------------------------------------


def test_gini_by_hand(make: Any) -> None:
    # 1 to 5: the mean difference over all 25 pairs is 40/25, the mean 3: 1.6 / 6.
    table = p.concentration(active(make, 1, 2, 3, 4, 5)).set_index("measure")
    assert table.loc["gini", "estimate"] == pytest.approx(1.6 / 6)
    # The best fifth wrote 5 of 15, so a hundredth of all wrote a twentieth of that.
    assert table.loc["top 1 %", "estimate"] == pytest.approx(5 / 15 / 20)
    assert set(table["participants"]) == {5}


def test_gini_is_the_mean_difference(make: Any) -> None:
    counts = np.random.default_rng(3).zipf(2.2, size=150).clip(max=60)
    difference = np.abs(np.subtract.outer(counts, counts)).mean()
    table = p.concentration(active(make, *counts)).set_index("measure")
    assert table.loc["gini", "estimate"] == pytest.approx(difference / (2 * counts.mean()))


def test_the_top_hundredth_of_two_hundred(make: Any) -> None:
    table = p.concentration(active(make, *[50, 48], *[1] * 198)).set_index("measure")
    assert table.loc["top 1 %", "estimate"] == pytest.approx(98 / 296)


def test_lorenz_by_hand(make: Any) -> None:
    curve = p.lorenz(active(make, 1, 1, 2, 6))
    assert len(curve) == 101
    at = curve.set_index("participants")["entries"]
    assert at.iloc[[0, 25, 50, 75, 100]].tolist() == pytest.approx([0, 0.1, 0.2, 0.4, 1])
    assert at.iloc[87] == pytest.approx(0.4 + 0.6 * 0.12 / 0.25)
    assert (curve["low"] <= curve["high"]).all()


def test_all_equal(make: Any) -> None:
    table = p.concentration(active(make, *[3] * 40)).set_index("measure")
    assert table.loc["gini", ["estimate", "low", "high"]].tolist() == pytest.approx([0, 0, 0])
    curve = p.lorenz(active(make, *[3] * 40))
    assert np.allclose(curve["entries"], curve["participants"])


def test_bootstrap_as_scipy_has_it(make: Any) -> None:
    counts = np.random.default_rng(8).geometric(0.3, size=120)

    def gini(sample: Any) -> float:
        rank = np.arange(1, len(sample) + 1)
        return float(
            2 * (rank * np.sort(sample)).sum() / (len(sample) * sample.sum())
            - (len(sample) + 1) / len(sample)
        )

    theirs = stats.bootstrap(
        (counts,), gini, n_resamples=4_000, method="percentile", vectorized=False, rng=1
    ).confidence_interval
    records = active(make, *counts)
    ours = p.concentration(records, resamples=4_000).iloc[0]
    assert ours["estimate"] == pytest.approx(gini(counts))
    # Two bootstraps of 4,000 draws: by chance their limits are a few hundredths of an interval apart.
    wide = 0.05 * (theirs.high - theirs.low)
    assert [ours["low"], ours["high"]] == pytest.approx([theirs.low, theirs.high], abs=wide)
    assert ours["low"] < ours["estimate"] < ours["high"]
    again, other = p.concentration(records), p.concentration(records, seed=2)
    pd.testing.assert_frame_equal(p.concentration(records), again)
    assert not again["low"].equals(other["low"])


def test_the_curve_s_intervals_as_scipy_has_them(make: Any) -> None:
    counts = np.random.default_rng(8).geometric(0.3, size=200)

    def lower_shares(sample: Any) -> Any:  # a quarter, a half and 99 % of 200 people
        least_first = np.sort(sample)
        return np.array([least_first[:n].sum() for n in (50, 100, 198)]) / sample.sum()

    theirs = stats.bootstrap(
        (counts,), lower_shares, n_resamples=4_000, method="percentile", vectorized=False, rng=1
    ).confidence_interval
    records = active(make, *counts)
    curve = p.lorenz(records, resamples=4_000).iloc[[25, 50, 99]]
    assert curve["entries"].tolist() == pytest.approx(lower_shares(counts).tolist())
    # Two bootstraps of 4,000 draws: by chance their limits are a few hundredths of an interval apart.
    wide = 0.05 * (theirs.high - theirs.low)
    assert (abs(curve["low"] - theirs.low) < wide).all()
    assert (abs(curve["high"] - theirs.high) < wide).all()
    # The top hundredth has what the others leave.
    top = p.concentration(records, resamples=4_000).iloc[1]
    assert abs(1 - theirs.high[2] - top["low"]) < wide[2]
    assert abs(1 - theirs.low[2] - top["high"]) < wide[2]


def test_a_wider_confidence_is_wider(make: Any) -> None:
    records = active(make, *range(1, 40))
    narrow, wide = (p.concentration(records, confidence=c).iloc[0] for c in (0.8, 0.99))
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]
    assert inequality.lorenz(records, confidence=0.8)["low"].iloc[50] > 0


# --- burstiness --------------------------------------------------------------------------------------


def at_seconds(make: Any, times: Any, author: str = "a") -> pd.DataFrame:
    begin = pd.Timestamp("2021-09-10T00:00:00")
    return make([entry(author, begin + pd.Timedelta(seconds=int(t))) for t in times])


def test_burstiness_by_hand(make: Any) -> None:
    # Times of 10 and 30 s: mean 20, deviation 10.
    table = p.burstiness(at_seconds(make, [0, 10, 40]))
    assert table.iloc[0, :3].tolist() == pytest.approx([3, 20, (10 - 20) / (10 + 20)])
    assert np.isnan(table["memory"][0])


def test_a_clock_and_chance(make: Any) -> None:
    assert p.burstiness(at_seconds(make, range(0, 6_000, 60)))["burstiness"][0] == -1
    # Goh and Barabási: 0 for a Poisson process, whose times are exponential and without memory.
    gaps = np.random.default_rng(2).exponential(10_000, size=6_000)
    table = p.burstiness(at_seconds(make, np.cumsum(gaps)))
    assert table["burstiness"][0] == pytest.approx(0, abs=0.02)
    assert table["memory"][0] == pytest.approx(0, abs=0.04)


def test_memory_is_a_correlation(make: Any) -> None:
    gaps = np.repeat([5, 50, 7, 400, 1, 90], 3)
    table = p.burstiness(at_seconds(make, np.cumsum([0, *gaps])))
    assert table["memory"][0] == pytest.approx(stats.pearsonr(gaps[:-1], gaps[1:]).statistic)
    variation = stats.variation(gaps)  # B = (r - 1) / (r + 1), with r = σ / m
    assert table["burstiness"][0] == pytest.approx((variation - 1) / (variation + 1))


def test_times_between_by_hand(make: Any) -> None:
    rows = make(SIX)
    table = p.inter_event_times(rows)
    assert table["author"].tolist() == ["a", "a"]
    assert table["seconds"].tolist() == [53_999, 172_801]
    assert str(table["at"][1]) == "2021-09-12 16:00:00+00:00"
    assert p.inter_event_times(rows, "diary")["seconds"].tolist() == [53_999, 0, 1, 172_800, 86_399]
    authors = p.burstiness(rows, "author").set_index("author")
    assert authors["entries"].to_dict() == {"a": 3, "b": 1, "c": 1, "d": 1}
    assert authors["mean"]["a"] == pytest.approx((53_999 + 172_801) / 2)
    assert authors["burstiness"].isna().tolist() == [False, True, True, True]
    # The drivers b and c wrote a second apart; between the nurses' entries were 53,999, 172,801 and
    # 86,399 seconds, on average 104,399 2/3, give or take 50,135 (their deviation).
    roles = p.burstiness(rows, "role").set_index("role")
    assert roles["mean"].to_dict() == pytest.approx({"driver": 1, "nurse": 104_399 + 2 / 3})
    assert roles["burstiness"]["nurse"] == pytest.approx(
        (50_135 - 104_399.67) / (50_135 + 104_399.67), abs=1e-4
    )


# --- growth ------------------------------------------------------------------------------------------


def test_least_squares_as_nist_certifies() -> None:
    # NIST Statistical Reference Datasets, nonlinear regression, Rat42 (D. Ratkowsky, Nonlinear
    # Regression Modeling, 1983): a logistic curve, b1 / (1 + exp(b2 - b3 x)).
    x = np.array([9, 14, 21, 28, 42, 57, 63, 70, 79.0])
    y = np.array([8.93, 10.8, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08])
    start, lowest = [100, 0.1, 10], [0, 0, -np.inf]
    (k, r, t0), (k_error, r_error, _) = growth._fit(growth._logistic, x, y, start, lowest)
    assert [k, r * t0, r] == pytest.approx([72.462237576, 2.6180768402, 0.067359200066], rel=1e-6)
    assert [k_error, r_error] == pytest.approx([1.7340283401, 0.0034465663377], rel=1e-4)


def test_bass_as_r_has_it() -> None:
    # Sales of video recorders in the USA, 1980 to 1989, in thousands, as fitted to the density by
    # nls in R (C. Ricketts' example, often reprinted): M 67,980 ± 3,128, P 0.006594 ± 0.00143,
    # Q 0.6381 ± 0.0414.
    sales = np.array([840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890.0])

    def density(t: Any, m: float, p: float, q: float) -> Any:
        gone = np.exp(-(p + q) * t)
        return m * (p + q) ** 2 / p * gone / (1 + q / p * gone) ** 2

    years = np.arange(1.0, 11)
    found, errors = growth._fit(density, years, sales, [60_630, 0.03, 0.38], [0, 1e-12, 0])
    assert found == pytest.approx([67_980, 0.006594, 0.6381], rel=1e-3)
    assert errors == pytest.approx([3_128, 0.00143, 0.0414], rel=1e-2)
    # Our curve's derivative is that density.
    step = 1e-6
    slope = (growth._bass(years + step, *found) - growth._bass(years - step, *found)) / (2 * step)
    assert slope == pytest.approx(density(years, *found), rel=1e-6)


@pytest.mark.parametrize(
    ("fit", "curve", "true"),
    [
        (p.logistic, growth._logistic, {"K": 3_000, "r": 0.6, "t0": 9.0}),
        (p.bass, growth._bass, {"m": 3_000, "p": 0.01, "q": 0.45}),
    ],
)
def test_what_was_put_in_comes_out(make: Any, fit: Any, curve: Any, true: dict[str, float]) -> None:
    days = np.arange(1.0, 25)
    rise = np.diff(curve(np.arange(0.0, 25), *true.values()))
    noise = np.random.default_rng(4).normal(0, 3, size=24)
    found = fit(joining(make, [max(1, round(x)) for x in rise + noise]))
    table = found.parameters.set_index("parameter")
    assert list(table.index) == list(true)
    for name, value in true.items():
        assert table.loc[name, "low"] < value < table.loc[name, "high"]
        assert table.loc[name, "estimate"] == pytest.approx(value, rel=0.15)
    check, shown = found.check.iloc[0], found.fitted
    assert check["steps"] == len(days)
    assert check["r_squared"] > 0.99
    assert check["runs_p"] > 0.01
    assert shown["residual"].tolist() == pytest.approx((shown["new"] - shown["fitted"]).tolist())
    # The totals of the curve rise by what is fitted.
    assert np.diff(shown["fitted_total"]) == pytest.approx(shown["fitted"].iloc[1:].to_numpy())
    assert shown["total"].iloc[-1] == shown["new"].sum()


def test_the_intervals_cover_as_often_as_they_say(make: Any) -> None:
    days, true = np.arange(1.0, 16), (900.0, 0.7, 7.0)
    rise = growth._rise(growth._logistic)
    random, hits = np.random.default_rng(6), 0
    for _ in range(300):
        new = rise(days, *true) + random.normal(0, 4, size=15)
        estimates, errors = growth._fit(rise, days, new, [1_000, 0.5, 6], [0, 0, -np.inf])
        hits += abs(estimates[0] - true[0]) < stats.t.ppf(0.975, 12) * errors[0]
    assert 0.91 < hits / 300 < 0.99


@pytest.mark.parametrize("size", [300, 30_000])
@pytest.mark.parametrize(
    ("curve", "start", "lowest", "true"),
    [
        (growth._logistic, (0.4, 10), [0, 0, -np.inf], (0.7, 8.0)),
        (growth._logistic, (0.4, 10), [0, 0, -np.inf], (0.3, 2.0)),
        (growth._bass, (0.03, 0.38), [0, 1e-12, 0], (0.02, 0.5)),
        (growth._bass, (0.03, 0.38), [0, 1e-12, 0], (0.001, 0.9)),
        (growth._bass, (0.03, 0.38), [0, 1e-12, 0], (0.3, 0.0)),  # q at its limit
    ],
)
def test_least_squares_as_scipy_has_them(
    curve: Any, start: Any, lowest: Any, true: Any, size: int
) -> None:
    days, rise, random = np.arange(1.0, 21), growth._rise(curve), np.random.default_rng(5)
    for _ in range(10):
        new = random.poisson(rise(days, size, *true)).astype("float64")
        begin = [new.sum(), *start]
        theirs, covariance = optimize.curve_fit(
            rise, days, new, begin, bounds=(lowest, np.inf), x_scale="jac", ftol=1e-12, xtol=1e-12
        )
        estimates, errors = growth._fit(rise, days, new, begin, lowest)
        assert (abs(estimates - theirs) < 1e-3 * errors).all()
        assert errors == pytest.approx(np.sqrt(np.diag(covariance)), rel=1e-3)


def test_growth_without_an_end_has_no_curve(make: Any) -> None:
    # Twice as many each day: K is anything. A slope by K that is lost in rounding would not say so.
    with pytest.raises(DataError, match="growth that this curve can follow"):
        p.logistic(joining(make, [2**day for day in range(12)]))


def test_residuals_as_statsmodels_has_them(make: Any) -> None:
    new = [3, 9, 4, 12, 30, 22, 41, 35, 50, 28, 33, 12, 18, 5, 7, 2]
    found = p.logistic(joining(make, new))
    residuals = found.fitted["residual"].to_numpy()
    check = found.check.iloc[0]
    assert check["autocorrelation"] == pytest.approx(acf(residuals, nlags=1, fft=False)[1])
    _, theirs = runstest_1samp(residuals, cutoff=0, correction=False)
    assert check["runs_p"] == pytest.approx(theirs)
    signs = np.sign(residuals)
    assert check["runs"] == 1 + (signs[1:] != signs[:-1]).sum()
    around_the_mean = OLS(new, np.ones(len(new))).fit().ssr
    assert check["r_squared"] == pytest.approx(1 - (residuals**2).sum() / around_the_mean)


def _logistic_slopes(t: Any, k: float, r: float, t0: float) -> Any:
    """The derivatives of the logistic curve by its parameters, worked out by hand."""
    e = np.exp(-r * (t - t0))
    return np.stack([1 / (1 + e), k * e * (t - t0) / (1 + e) ** 2, -k * e * r / (1 + e) ** 2], -1)


def _bass_slopes(t: Any, m: float, p: float, q: float) -> Any:
    """The derivatives of Bass's curve by its parameters, worked out by hand."""
    g = np.exp(-(p + q) * t)
    below = 1 + q / p * g
    by_p = m * (t * g * below + (1 - g) * q * g * (1 / p + t) / p) / below**2
    by_q = m * (t * g * below - (1 - g) * g * (1 - q * t) / p) / below**2
    return np.stack([(1 - g) / below, by_p, by_q], -1)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize(
    ("fit", "curve", "slopes"),
    [
        (p.logistic, lambda t, k, r, t0: k / (1 + np.exp(-r * (t - t0))), _logistic_slopes),
        (
            p.bass,
            lambda t, m, p, q: m * (1 - np.exp(-(p + q) * t)) / (1 + q / p * np.exp(-(p + q) * t)),
            _bass_slopes,
        ),
    ],
)
def test_growth_as_statsmodels_has_it(
    make: Any, fit: Any, curve: Any, slopes: Any, confidence: float
) -> None:
    # At the least squares, a line through the residuals along the curve's slopes has coefficients of
    # 0, and their intervals are those of the parameters.
    new = np.array([3, 9, 4, 12, 30, 22, 41, 35, 50, 28, 33, 12, 18, 5, 7, 2])
    found = fit(joining(make, list(new)), confidence=confidence)
    estimates = found.parameters["estimate"].to_numpy()
    end = np.arange(1.0, len(new) + 1)
    rise = curve(end, *estimates) - curve(end - 1, *estimates)
    line = OLS(new - rise, slopes(end, *estimates) - slopes(end - 1, *estimates)).fit()
    assert (abs(line.params) < 1e-3 * line.bse).all()
    around = line.conf_int(1 - confidence) - line.params[:, None]
    limits = found.parameters[["low", "high"]].to_numpy() - estimates[:, None]
    assert limits == pytest.approx(around, rel=1e-3)
    assert found.fitted["fitted"].tolist() == pytest.approx(rise.tolist())
    assert found.fitted["fitted_total"].tolist() == pytest.approx(curve(end, *estimates).tolist())
    assert found.fitted["residual"].tolist() == pytest.approx((new - rise).tolist())
    assert found.fitted["new"].tolist() == new.tolist()
    assert found.fitted["total"].tolist() == np.cumsum(new).tolist()


# --- witnesses ---------------------------------------------------------------------------------------

WITNESSED = [
    entry("a", "2021-09-10T01:00:00Z", commitment="1"),
    entry("a", "2021-09-10T02:00:00Z", commitment="2"),
    entry("b", "2021-09-10T03:00:00Z", commitment="3"),
    entry("z", "2021-09-10T03:00:00Z", commitment="4", proved=False),
]
WITNESSED += [
    {"type": "witness", "author": who, "subject": what, "commitment": f"w{n}", "at": "2021-09-11"}
    for n, (who, what) in enumerate(
        # b twice for 1; a for its own; c for one that is not proved, and one that is not there
        [
            ("b", "1"),
            ("b", "1"),
            ("c", "1"),
            ("b", "2"),
            ("a", "3"),
            ("a", "1"),
            ("c", "4"),
            ("c", "9"),
        ]
    )
]


def test_witnesses_by_hand(make: Any) -> None:
    table = p.witnesses(make(WITNESSED))
    assert table["commitment"].tolist() == ["1", "2", "3"]
    assert table["witnesses"].tolist() == [2, 1, 1]
    assert table["author"].tolist() == ["a", "a", "b"]
    assert [f"{at:%H:%M}" for at in table["at"]] == ["01:00", "02:00", "03:00"]


def test_the_network_by_hand(make: Any) -> None:
    graph = p.witness_network(make(WITNESSED))
    assert isinstance(graph, nx.DiGraph)
    assert list(graph) == ["a", "b", "c"]
    assert list(graph.edges(data="weight")) == [("a", "b", 1), ("b", "a", 2), ("c", "a", 1)]
    table = p.witness_degrees(make(WITNESSED)).set_index("author")
    assert table["witnessed"].to_dict() == {"a": 1, "b": 1, "c": 1}
    assert table["witnessed_by"].to_dict() == {"a": 2, "b": 1, "c": 0}
    assert table["mutual"].to_dict() == {"a": 1, "b": 1, "c": 0}
    assert list(table.index) == ["a", "b", "c"]


def test_reciprocity_as_networkx_has_it(history: pd.DataFrame) -> None:
    graph, table = p.witness_network(history), p.witness_degrees(history).set_index("author")
    theirs = nx.reciprocity(graph, nodes=[x for x in graph if graph.degree(x)])
    assert table["reciprocity"].dropna().to_dict() == pytest.approx(theirs)
    overall = table["mutual"].sum() / table["witnessed"].sum()
    assert nx.overall_reciprocity(graph) == pytest.approx(overall)


# --- rates -------------------------------------------------------------------------------------------


def placed(make: Any, **counts: int) -> pd.DataFrame:
    rows = [
        entry(f"{place}{n}", f"2021-09-10T01:00:{n % 60:02}Z", place=place)
        for place, count in counts.items()
        for n in range(count)
    ]
    return make(rows)


def test_garwood_as_printed(make: Any) -> None:
    # GraphPad, "How QuickCalcs computes the confidence interval of a count", by Garwood's method:
    # 25 events, 90 %: 17.38 to 34.92; 95 %: 16.18 to 36.90; 99 %: 14.00 to 41.00.
    for confidence, low, high in [(0.9, 17.38, 34.92), (0.95, 16.18, 36.90), (0.99, 14, 41)]:
        records = placed(make, 厦门=25)
        row = p.rates(records, kit.data.bulletin(), confidence=confidence).loc["厦门"]
        assert (row["cases"], row["participants"]) == (147, 25)
        assert row["rate"] == 25 / 147
        # GraphPad prints two digits, and its last ones are whole numbers.
        assert [row["low"] * 147, row["high"] * 147] == pytest.approx([low, high], abs=0.006)


def test_garwood_as_statsmodels_has_it(make: Any) -> None:
    table = p.rates(placed(make, 莆田=7, 泉州=1, 漳州=40, 福州=99), kit.data.bulletin())
    assert list(table.index) == ["莆田", "厦门", "泉州", "漳州"]  # Fuzhou is not in the bulletin
    for place in ("莆田", "泉州", "漳州"):
        count, cases = table.loc[place, ["participants", "cases"]]
        theirs = confint_poisson(count, cases, method="exact-c")
        assert table.loc[place, ["low", "high"]].tolist() == pytest.approx(list(theirs))
    # Of entries in the same way: 0.8 of all intervals are in these.
    row = p.rates(placed(make, 莆田=7), kit.data.bulletin(), "entries", 0.8).loc["莆田"]
    theirs = confint_poisson(7, row["cases"], method="exact-c", alpha=0.2)
    assert row[["low", "high"]].tolist() == pytest.approx(list(theirs))


def test_none_took_part(make: Any) -> None:
    # The rule of three: nobody of n, and 95 % say at most 3 / n. R's pois.daly prints 2.996.
    row = p.rates(placed(make, 莆田=7), kit.data.bulletin()).loc["厦门"]
    assert (row["participants"], row["rate"], row["low"]) == (0, 0, 0)
    assert row["high"] * 147 == pytest.approx(2.996, abs=0.0005)


def test_entries_or_participants(make: Any) -> None:
    twice = make([entry("a", "2021-09-10T01:00:00Z"), entry("a", "2021-09-10T02:00:00Z")])
    bulletin = kit.data.bulletin()
    assert p.rates(twice, bulletin).loc["莆田", "participants"] == 1
    assert p.rates(twice, bulletin, of="entries").loc["莆田", "entries"] == 2


def test_a_city_without_cases_has_no_rate(make: Any) -> None:
    bulletin = kit.data.bulletin()
    bulletin.loc[bulletin["place"] == "漳州", "value"] = 0
    row = p.rates(placed(make, 漳州=2), bulletin).loc["漳州"]
    assert row["participants"] == 2
    assert row[["rate", "low", "high"]].isna().all()


def figures(*rows: tuple[int, str, int, bool]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["seq", "figure", "value", "corrected"])


def test_the_newest_bulletin_that_stands_and_names_a_place(make: Any) -> None:
    records = placed(make, 莆田=7, Atlantis=2)
    told = figures(
        (3, "莆田", 10, False),
        (5, "莆田", 100, True),  # corrected by 8
        (8, "莆田", 20, False),
        (8, "漳州", 3, False),  # nobody wrote from there
        (8, "Atlantis", 4, False),
        (8, "Mu", 9, False),  # no place that anybody knows
        (9, "厦门", 5, False),  # names no place of an entry
        (12, "莆田", 99, True),
    )
    found = p.cases(records, told)
    assert found["cases"].to_dict() == {"莆田": 20, "Atlantis": 4, "漳州": 3}
    assert set(found["seq"]) == {8}
    rates = p.rates(records, found)
    assert rates["rate"].to_dict() == {"莆田": 7 / 20, "Atlantis": 0.5, "漳州": 0}
    theirs = confint_poisson(7, 20, method="exact-c")
    assert rates.loc["莆田", ["low", "high"]].tolist() == pytest.approx(list(theirs))
    only = told[told["corrected"] | (told["figure"] == "Mu")]
    assert list(p.cases(records, only).columns) == ["cases", "seq"]
    assert len(p.cases(records, only)) == len(p.rates(records, p.cases(records, only))) == 0


def test_a_place_of_an_entry_that_is_not_proved_is_none(make: Any) -> None:
    records = placed(make, Atlantis=2).assign(proved=False)
    assert len(p.cases(records, figures((1, "Atlantis", 4, False)))) == 0


def test_cases_by_place_that_can_not_be(make: Any) -> None:
    records = placed(make, 莆田=7)
    whole = pd.DataFrame({"place": ["莆田", "厦门"], "cases": [5, 0]})
    assert p.rates(records, whole)["participants"].tolist() == [7, 0]
    for wrong in (
        whole.assign(cases=[5, -1]),
        whole.assign(cases=[5, None]),
        whole.assign(cases=["five", "0"]),
        whole.assign(place="莆田"),
        whole.assign(place=["莆田", None]),
    ):
        with pytest.raises(DataError, match="each place once"):
            p.rates(records, wrong)


# --- review ------------------------------------------------------------------------------------------


def review(who: str, at: str, what: str, decision: str) -> dict[str, Any]:
    one = {"type": "review", "author": who, "at": at, "subject": what, "decision": decision}
    return one | {"commitment": f"{who}-{what}-{at}"}


def test_lags_are_those_of_the_entries_in_order_of_time(make: Any) -> None:
    table = make(
        [
            entry("b", "2021-09-10T02:00:00Z", commitment="two"),
            review("m", "2021-09-10T01:10:00Z", "two", "approve"),
            entry("a", "2021-09-10T01:00:00Z", commitment="one"),
            entry("c", "2021-09-10T00:00:00Z", commitment="x") | {"proved": False},
        ]
    ).assign(lag=[30.0, 1.0, -5.0, 7.0])
    found = p.lags(table)
    assert list(found.columns) == ["commitment", "author", "at", "seconds"]
    assert found["commitment"].tolist() == ["one", "two"]
    assert found["seconds"].tolist() == [-5.0, 30.0]


def test_waiting_by_hand(make: Any) -> None:
    table = p.waiting_times(
        make(
            [
                entry("a", "2021-09-10T01:00:00Z", commitment="1"),
                entry("b", "2021-09-10T02:00:00Z", commitment="2"),
                review("m", "2021-09-10T01:10:00Z", "1", "approve"),
                review("n", "2021-09-10T05:00:00Z", "1", "reject"),
                review("m", "2021-09-10T05:00:00Z", "2", "suspend"),
                review("m", "2021-09-10T05:00:00Z", "not published", "reject"),
            ]
        )
    )
    assert table["commitment"].tolist() == ["1", "2"]
    assert table["author"].tolist() == ["a", "b"]
    assert [f"{at:%H:%M}" for at in table["at"]] == ["01:00", "02:00"]
    assert table["seconds"][0] == 600
    assert table["decided"][0] == pd.Timestamp("2021-09-10T01:10:00Z")
    assert table.loc[1, ["decided", "seconds"]].isna().all()


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_wilson_as_statsmodels_has_it(history: pd.DataFrame, confidence: float) -> None:
    table = p.approval(history, confidence)
    reviews = history[history["decision"].isin(["approve", "reject"])]
    assert len(table) == reviews["author"].nunique() == 3
    for row in table.itertuples():
        mine = reviews.loc[reviews["author"] == row.moderator, "decision"]
        assert (row.decisions, row.approved) == (len(mine), (mine == "approve").sum())
        theirs = proportion_confint(row.approved, row.decisions, 1 - confidence, method="wilson")
        assert (row.rate, row.low, row.high) == pytest.approx((mine.eq("approve").mean(), *theirs))


@pytest.mark.parametrize(("approved", "of"), [(0, 3), (3, 3), (1, 1)])
def test_wilson_at_the_ends(make: Any, approved: int, of: int) -> None:
    decisions = ["approve"] * approved + ["reject"] * (of - approved)
    rows = [review("m", "2021-09-10", str(n), said) for n, said in enumerate(decisions)]
    row = p.approval(make(rows)).iloc[0]
    theirs = proportion_confint(approved, of, method="wilson")
    assert (row["low"], row["high"]) == pytest.approx(theirs, abs=1e-12)
    assert 0 <= row["low"] < row["high"] <= 1


def test_kappa_as_printed(make: Any) -> None:
    # Two doctors and 20 patients: both yes 12, both no 2, one of them 2 and 4; 14 of 20 agree,
    # 0.62 would by chance, kappa 0.08 / 0.38 = 0.21 (easycalculation.com, Cohen's kappa).
    rows = []
    cells = {("approve", "approve"): 12, ("approve", "reject"): 2}
    cells |= {("reject", "approve"): 4, ("reject", "reject"): 2}
    for (one, other), count in cells.items():
        for n in range(count):
            what = f"{one}-{other}-{n}"
            rows += [review("m", "2021-09-10", what, one), review("n", "2021-09-11", what, other)]
    # A later change of mind is not the first decision; who decides alone agrees with nobody.
    rows += [review("m", "2021-09-12", "approve-approve-0", "reject")]
    rows += [review("o", "2021-09-12", "alone", "reject")]
    table = p.agreement(make(rows))
    assert table.iloc[0, :4].tolist() == ["m", "n", 20, 0.7]
    assert len(table) == 1
    assert table["kappa"][0] == pytest.approx(0.08 / 0.38)
    assert table["kappa"][0] == pytest.approx(cohens_kappa([[12, 2], [4, 2]]).kappa)


def test_kappa_of_each_pair_as_statsmodels_has_it(history: pd.DataFrame) -> None:
    # Each one's first word about an entry: can it be read after it?
    reviews = history[history["type"] == "review"].sort_values(["at", "commitment"])
    first = reviews.drop_duplicates(["subject", "author"])
    wide = first.pivot(index="subject", columns="author", values="decision")
    yes = wide.isin(["approve", "reinstate"]).where(wide.notna())
    table = p.agreement(history)
    pairs = list(zip(table["moderator"], table["other"], strict=True))
    assert pairs == list(combinations(sorted(set(reviews["author"])), 2))
    for pair, row in zip(pairs, table.itertuples(), strict=True):
        both = yes[list(pair)].dropna().astype(bool)
        cells = pd.crosstab(both[pair[0]], both[pair[1]])
        assert cells.shape == (2, 2)
        assert row.entries == len(both) == cells.to_numpy().sum()
        assert row.agreed == pytest.approx(np.trace(cells) / len(both))
        assert row.kappa == pytest.approx(cohens_kappa(cells).kappa)


def test_kappa_where_all_say_the_same() -> None:
    agreed, kappa = moderation._kappa(pd.Series([True, True]), pd.Series([True, True]))
    assert agreed == 1
    assert np.isnan(kappa)


def test_appeals_by_hand(make: Any) -> None:
    rows = []
    for n, (first, then) in enumerate(
        [("suspend", "reinstate"), ("suspend", "suspend"), ("reject", "approve"), ("reject", None)]
    ):
        rows.append(review("m", "2021-09-10T01:00:00Z", f"e{n}", first))
        appeal = {"type": "appeal", "author": "a", "at": f"2021-09-10T02:00:0{n}Z"}
        rows.append(appeal | {"subject": rows[-1]["commitment"], "commitment": f"p{n}"})
        if then:
            rows.append(review("n", "2021-09-11T01:00:00Z", f"e{n}", then))
            rows.append(
                review("n", "2021-09-12T01:00:00Z", f"e{n}", first)
            )  # later: another matter
    table = p.appeals(make(rows))
    assert table["upheld"].tolist() == ["no", "yes", "no", "open"]
    assert table["appealed"].tolist() == ["suspend", "suspend", "reject", "reject"]
    assert table["then"].tolist()[:3] == ["reinstate", "suspend", "approve"]
    assert pd.isna(table["then"][3])
    assert table["entry"].tolist() == ["e0", "e1", "e2", "e3"]
    assert table["commitment"].tolist() == ["p0", "p1", "p2", "p3"]
    assert set(table["author"]) == {"a"}
    assert [at.second for at in table["at"]] == [0, 1, 2, 3]


# --- words -------------------------------------------------------------------------------------------


def test_words_by_hand(make: Any, capfd: Any, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rows = [
        entry("a", "2021-09-10T01:00:00Z", text="核酸检测，核酸检测！The queue, the QUEUE."),
        entry("a", "2021-09-10T02:00:00Z", text="在社区排队做核酸检测 40 分钟", place="厦门"),
        entry("b", "2021-09-11T02:00:00Z", text="Don't queue ｈｅｒｅ，排队。"),
        entry("c", "2021-09-11T02:00:00Z", text=None),
    ]
    table = p.words(make(rows))
    counted = {row.word: (row.entries, row.participants) for row in table.itertuples()}
    assert counted["核酸"] == (2, 1)
    assert counted["排队"] == counted["queue"] == (2, 2)
    assert counted["社区"] == (1, 1)
    assert not {"the", "在", "don't", "here", "40", "，"} & set(counted)
    assert table["word"].tolist()[:2] == ["queue", "排队"]  # the most entries, then participants
    days = p.words(make(rows), "day")
    assert days.loc[days["word"] == "queue", "entries"].tolist() == [1, 1]
    assert [str(day.date()) for day in days["day"].unique()] == ["2021-09-10", "2021-09-11"]
    places = p.words(make(rows), "place").set_index(["place", "word"])["entries"]
    assert places["厦门", "排队"] == places["莆田", "排队"] == 1
    # a wrote it in two entries, b in one: in a day two are of one person.
    assert days.loc[days["word"] == "核酸", ["entries", "participants"]].values.tolist() == [[2, 1]]
    assert capfd.readouterr() == ("", "")
    assert not list(tmp_path.iterdir()), "a file stayed"


def test_document_frequency_of_the_sample_entries() -> None:
    # Counted without rjieba: how many texts hold the characters. 口罩 is in no longer word there.
    sample = kit.data.entries().assign(type="entry", proved=True)
    found = p.words(sample).set_index("word")["entries"]
    for word in ("口罩", "月饼", "邻居"):
        assert found[word] == sample["text"].str.contains(word).sum() > 1


# --- coordination ------------------------------------------------------------------------------------


def test_near_duplicates_by_hand(make: Any) -> None:
    text = "今天小区里又做了一轮核酸检测，大家都很配合，排队四十分钟。"
    rows = [
        entry("a", "2021-09-10T01:00:00Z", text=text),
        entry("a", "2021-09-11T01:00:00Z", text=text),
        entry("b", "2021-09-12T01:00:00Z", text=text.replace("四十", "五十") + "！"),
        entry("c", "2021-09-13T01:00:00Z", text="完全不同的一段话，说的是月饼和中秋节的晚上。"),
        entry("d", "2021-09-13T01:00:00Z", text="加油！"),
        entry("e", "2021-09-14T01:00:00Z", text="加油！"),
    ]
    table = p.alike(make(rows))
    assert table[["author", "other", "similar_texts"]].values.tolist() == [["a", "b", 1]]
    # 26 characters make 24 threes; 四 is in three of them, which the other has with 五.
    assert table["similarity"][0] == pytest.approx(21 / 27)
    assert table["question"][0].endswith("?")
    groups = p.repeated_texts(make(rows))
    assert groups.iloc[0, :3].tolist() == [text, 3, 2]
    assert len(groups) == 1
    assert [str(groups[name][0].date()) for name in ("first", "last")] == [
        "2021-09-10",
        "2021-09-12",
    ]


def test_banding_finds_what_comparing_all_finds() -> None:
    random = np.random.default_rng(9)
    words = [chr(code) for code in range(0x4E00, 0x4E00 + 400)]
    texts = ["".join(random.choice(words, size=40)) for _ in range(60)]
    for text in texts[:30]:  # and one more, with up to five characters changed
        changed = list(text)
        for place in random.integers(0, 40, size=random.integers(0, 6)):
            changed[place] = "变"
        texts.append("".join(changed))
    shingles = [coordination._shingles(text) for text in texts]

    def exact(one: int, other: int) -> float:
        sets = [{texts[n][i : i + 3] for i in range(38)} for n in (one, other)]
        return len(sets[0] & sets[1]) / len(sets[0] | sets[1])

    alike = {pair for pair in combinations(range(90), 2) if exact(*pair) >= 0.7}
    assert len(alike) > 10
    assert alike <= set(coordination._candidates(shingles))
    for pair in alike:
        assert coordination._jaccard(*(shingles[n] for n in pair)) == pytest.approx(exact(*pair))


def test_minhash_estimates_the_similarity() -> None:
    # Broder: two minima agree with the probability of the Jaccard similarity.
    one, other = np.arange(0, 900, dtype="uint64"), np.arange(300, 1_200, dtype="uint64")
    spread = np.random.default_rng(1).integers(0, 2**63, size=1_200, dtype="uint64")
    signatures = coordination._signatures([spread[one], spread[other]])
    assert (signatures[0] == signatures[1]).mean() == pytest.approx(0.5, abs=0.2)  # 64 hashes


def test_a_slogan_is_no_sign_of_one_person(make: Any) -> None:
    text = "众志成城，共同努力，早日恢复正常生活。"
    rows = [entry(f"a{n:02}", f"2021-09-10T{n:02}:00:00Z", text=text) for n in range(11)]
    assert p.alike(make(rows)).empty
    assert p.repeated_texts(make(rows))["participants"].tolist() == [11]
    assert len(p.alike(make(rows[:10]))) == 45


def test_shared_minutes_by_hand(make: Any) -> None:
    times = [f"2021-09-{day}T0{day % 7}:{day}:20Z" for day in range(10, 16)]
    rows = [entry("a", time) for time in times]
    rows += [entry("b", time.replace(":20Z", ":59Z")) for time in times[:5]]
    rows += [entry("c", f"2021-09-17T20:{n:02}:00Z") for n in range(60)]
    rows += [entry("c", f"2021-09-18T20:{n:02}:00Z") for n in range(29)]
    table = p.alike(make([row | {"text": "短"} for row in rows]))
    assert table[["author", "other", "shared_minutes"]].values.tolist() == [["a", "b", 5]]
    # 100 minutes with an author each: five are of two, 90 of one.
    expected = 6 * 5 * (5 * (2 / 100) ** 2 + 90 * (1 / 100) ** 2)
    assert table["expected"][0] == pytest.approx(expected)
    fewer = sum(math.exp(-expected) * expected**n / math.factorial(n) for n in range(5))
    assert table["chance"][0] == pytest.approx(1 - fewer, abs=1e-12)
    assert table["similar_texts"][0] == 0
    assert np.isnan(table["similarity"][0])


def test_who_is_asked_about_as_counted_pair_by_pair(make: Any) -> None:
    random = np.random.default_rng(21)
    begin = pd.Timestamp("2021-09-10T00:00:00")
    minutes, together = random.integers(9_000, size=2_000), random.integers(9_000, size=12).tolist()
    there = {f"b{number}": {int(minute)} for number, minute in enumerate(minutes)}
    twelve = [f"a{number:02}" for number in range(12)]
    for number, who in enumerate(twelve):  # the first at all of the same minutes, the last at one
        there[who] = {*random.integers(9_000, size=25).tolist(), *together[: 12 - number]}
    crowd = Counter(minute for minutes in there.values() for minute in minutes)
    weights = sum((n / crowd.total()) ** 2 for n in crowd.values())
    asked, left_out = {}, 0
    pairs = list(combinations(twelve, 2))  # nobody else wrote in three minutes
    for one, other in pairs:
        shared, mean = len(there[one] & there[other]), len(there[one]) * len(there[other]) * weights
        terms = [math.exp(-mean) * mean**n / math.factorial(n) for n in range(shared, shared + 60)]
        if shared >= 3 and sum(terms) * len(pairs) <= 0.01:
            asked[one, other] = (shared, mean, sum(terms))
        left_out += shared >= 3 and (one, other) not in asked
    assert len(asked) > 5
    assert left_out > 5
    rows = [
        entry(who, begin + pd.Timedelta(minutes=m), text="短") for who in there for m in there[who]
    ]
    table = p.alike(make(rows)).set_index(["author", "other"])
    assert set(table.index) == set(asked)
    for pair, said in asked.items():
        found = table.loc[pair, ["shared_minutes", "expected", "chance"]]
        assert found.tolist() == pytest.approx(said, rel=1e-9)


def test_who_writes_by_chance_is_not_asked_about(make: Any) -> None:
    random = np.random.default_rng(7)
    begin = pd.Timestamp("2021-09-10T00:00:00")
    rows = [
        entry(f"a{random.integers(60):02}", begin + pd.Timedelta(seconds=int(second)), text="短")
        for second in random.integers(0, 86_400, size=2_500)
    ]
    records = make(rows)
    shared = Counter(
        pair
        for _, there in records.groupby(records["at"].dt.floor("min"))["author"]
        for pair in combinations(sorted(set(there)), 2)
    )
    assert max(shared.values()) > 3, "chance alone makes some share more than three minutes"
    assert p.alike(records).empty


def test_the_coordination_of_33_000_entries_is_quick(make: Any) -> None:
    random = np.random.default_rng(11)
    letters = np.array([chr(code) for code in range(0x4E00, 0x4E00 + 2_000)])
    texts = ["".join(row) for row in random.choice(letters, size=(33_000, 30))]
    for copy in range(200):  # among them 200 copies, with a character changed
        texts[16_000 + copy] = texts[copy][:-3] + "改" + texts[copy][-2:]
    table = pd.DataFrame(
        {
            "type": "entry",
            "proved": True,
            "author": [f"a{n}" for n in random.integers(0, 20_000, size=33_000)],
            "at": pd.Timestamp("2021-09-10T00:00:00Z")
            + pd.to_timedelta(np.sort(random.integers(0, 864_000, size=33_000)), unit="s"),
            "text": texts,
        }
    )
    found = p.alike(table)
    assert found["similar_texts"].sum() >= 190  # both by the same account: a few
    assert len(found) < 210
