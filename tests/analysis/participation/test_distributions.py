"""The quantiles and tails against SciPy's, over all that a diary can ask and far beyond."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy import stats

from kit.analysis.participation import distributions as d

CONFIDENCES = [0.001, 0.1, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1 - 2**-20, 1 - 2**-40, 1 - 2**-53]
COUNTS = [0, 1, 2, 3, 5, 10, 37, 100, 1_000, 12_345, 10**5, 10**6]
FREEDOM = [1, 2, 3, 5, 10, 30, 100, 1_000, 10**4, 10**5, 10**6]
MEANS = [1e-300, 1e-30, 1e-5, 0.001, 0.1, 0.5, 0.9, 0.99, 1, 1.01, 1.5, 2, 4, 10, 100, 1e6, 1e9]


def near(value: float) -> object:
    return pytest.approx(value, rel=1e-9, abs=0)


@pytest.mark.parametrize("confidence", CONFIDENCES)
def test_normal_widths(confidence: float) -> None:
    assert d.normal_width(confidence) == near(stats.norm.isf((1 - confidence) / 2))


@pytest.mark.parametrize("z", [-40, -8, -1.96, -1e-9, 0, 0.5, 1, 3, 8, 30])
def test_normal_tails(z: float) -> None:
    assert d.normal_tails(z) == near(2 * stats.norm.sf(abs(z)))


@pytest.mark.parametrize("freedom", FREEDOM)
def test_student_s_widths(freedom: int) -> None:
    for confidence in CONFIDENCES:
        wide = d.t_width(confidence, freedom)
        assert wide == near(stats.t.isf((1 - confidence) / 2, freedom))


def test_student_s_widths_as_printed() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, the column of 0.975.
    for freedom, printed in {1: 12.706, 2: 4.303, 10: 2.228, 30: 2.042, 100: 1.984}.items():
        assert round(d.t_width(0.95, freedom), 3) == printed


@pytest.mark.parametrize("count", COUNTS)
def test_poisson_intervals(count: int) -> None:
    for alpha in (1 - 2**-30, 0.999, 0.5, 0.2, 0.05, 0.01, 1e-4, 1e-9, 2**-53):
        low, high = d.poisson_interval(count, alpha)
        if count == 0:
            assert (low, high) == (0, near(stats.chi2.isf(alpha, 2) / 2))
            continue
        assert low == near(stats.chi2.ppf(alpha / 2, 2 * count) / 2)
        assert high == near(stats.chi2.isf(alpha / 2, 2 * count + 2) / 2)


def test_poisson_intervals_as_printed() -> None:
    # Garwood's table, 95 %, as often reprinted: counts 1, 10 and 50.
    for count, low, high in [(1, 0.0253, 5.57), (10, 4.80, 18.39), (50, 37.11, 65.92)]:
        found = d.poisson_interval(count, 0.05)
        assert found == (pytest.approx(low, abs=0.005), pytest.approx(high, abs=0.005))


@pytest.mark.parametrize("count", COUNTS[1:])
def test_poisson_tails(count: int) -> None:
    for mean in {*MEANS, *(each * count for each in MEANS)}:
        assert d.poisson_tail(count, mean) == near(stats.poisson.sf(count - 1, mean))


def test_the_ends_of_what_a_float_can_say() -> None:
    for confidence in (5e-324, 1e-30, 1e-9, float(np.nextafter(1, 0))):
        for width in (d.normal_width(confidence), d.t_width(confidence, 3)):
            assert 0 <= width < np.inf
        low, high = d.poisson_interval(7, 1 - confidence)
        assert 0 < low < high < np.inf


def test_somebody_else_s_digits_change_nothing() -> None:
    asked = d.t_width(0.9, 7), d.poisson_tail(4, 0.3)
    with mpmath.workdps(3):
        assert (d.t_width(0.9, 7), d.poisson_tail(4, 0.3)) == asked
        assert mpmath.mp.dps == 3
