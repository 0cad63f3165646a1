"""The few quantiles and tails that the intervals and tests of this package ask for.

mpmath has the incomplete gamma and beta functions, of which they are made, to thirty digits: what is
lost where two tails are subtracted, or where a logarithm is near 0, is not seen in sixteen. Where a
tail is to have a given size is found by Newton's method on the tail's logarithm. That is concave in
each case here, so the steps can't go astray: from the second one on, all lie on one side of the root.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from statistics import NormalDist
from typing import Any

__all__ = ["normal_tails", "normal_width", "poisson_interval", "poisson_tail", "t_width"]

_DIGITS = 30
_TERMS = 100_000  # of a series; P(10,000,000, x) needs some thousands
_STEPS = 100  # of Newton's; five to ten are usual


def normal_width(confidence: float) -> float:
    """Return z, so that a normal variable is within ± z standard deviations as often as asked.

    The quantile at (1 + confidence) / 2, by M. Wichura's algorithm AS 241 (Applied Statistics 37,
    1988), which is Python's own; asked for at the lower end, where no digit is lost.

    >>> round(normal_width(0.95), 6)
    1.959964
    """
    return abs(NormalDist().inv_cdf((1 - confidence) / 2))


def normal_tails(z: float) -> float:
    """Return how often a normal variable is farther than z standard deviations from its mean.

    erfc(z / √2) for a z above 0 (M. Abramowitz, I. Stegun, Handbook of Mathematical Functions,
    1964, 26.2.29).

    >>> round(normal_tails(-1.959964), 6)
    0.05
    """
    return math.erfc(abs(z) / math.sqrt(2))


def t_width(confidence: float, freedom: float) -> float:
    """Return t, so that Student's variable is within ± t as often as asked.

    With ν degrees of freedom it is farther out with the probability I_x(ν/2, 1/2), where x is
    ν / (ν + t²) and I the regularised incomplete beta function (Abramowitz and Stegun, 26.7.1 and
    26.5.27).

    >>> round(t_width(0.95, 10), 6)
    2.228139
    """
    mp = _numbers()
    v = mp.mpf(freedom)
    constant = 2 / (mp.sqrt(v) * mp.beta(v / 2, 0.5))

    def tails(log: Any) -> tuple[Any, Any]:
        t = mp.exp(log)
        share = mp.betainc(v / 2, 0.5, 0, v / (v + t * t), regularized=True)
        density = constant * (1 + t * t / v) ** (-(v + 1) / 2)
        return mp.log(share), -t * density / share

    # Left of the root: a normal variable's width is less, and the confidence is less still.
    start = mp.log(max(normal_width(confidence), confidence))
    return float(mp.exp(_newton(tails, mp.log(1 - mp.mpf(confidence)), start)))


@cache
def poisson_interval(count: int, alpha: float) -> tuple[float, float]:
    """Return the exact limits of a Poisson mean of which a count was seen, outside 1 time in 1/alpha.

    Half of the chi-square quantile at α/2 with 2k degrees of freedom, and half of that at 1 - α/2
    with 2k + 2 (F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28, 1936): where
    P(k, x) = α/2 and Q(k + 1, x) = α/2, with the regularised incomplete gamma functions (Abramowitz
    and Stegun, 26.4.19 and 6.5.1). A count of 0 has nothing below: the limits are 0 and -ln α, where
    e^-x = α.

    >>> [round(limit, 3) for limit in poisson_interval(3, 0.05)]
    [0.619, 8.767]
    """
    if count == 0:
        return 0.0, -math.log(alpha)
    mp = _numbers()
    goal = mp.log(mp.mpf(alpha) / 2)

    def lower(log: Any) -> tuple[Any, Any]:
        share = _gamma(count, mp.exp(log))
        density = mp.exp(count * log - mp.exp(log) - mp.loggamma(count))  # of log x
        return mp.log(share), density / share

    def upper(x: Any) -> tuple[Any, Any]:
        share = mp.gammainc(count + 1, x, regularized=True)
        density = mp.exp(count * mp.log(x) - x - mp.loggamma(count + 1))
        return mp.log(share), -density / share

    low = mp.exp(_newton(lower, goal, mp.log(count)))
    return float(low), float(_newton(upper, goal, mp.mpf(count + 1)))


def poisson_tail(count: int, mean: float) -> float:
    """Return how likely a Poisson variable is at least as large as a count of 1 or more.

    P(k, λ), the regularised incomplete gamma function (Abramowitz and Stegun, 26.4.21 and 6.5.1);
    above the mean summed up, below it 1 less the other tail.

    >>> round(poisson_tail(3, 1.0), 6)
    0.080301
    """
    mp = _numbers()
    if count < mean:
        return float(1 - mp.gammainc(count, mean, regularized=True))
    return float(_gamma(count, mp.mpf(mean)))


def _gamma(a: int, x: Any) -> Any:
    """Return P(a, x), the regularised lower gamma function, for x up to a.

    e^-x x^a / Γ(a + 1) M(1, a + 1, x), with Kummer's function M (Abramowitz and Stegun, 6.5.12).
    mpmath's own gammainc() does not let its series be long enough for a million.
    """
    mp = _numbers()
    before = mp.exp(a * mp.log(x) - x - mp.loggamma(a + 1))
    return before * mp.hyp1f1(1, a + 1, x, maxterms=_TERMS)


def _newton(tail: Callable[[Any], tuple[Any, Any]], goal: Any, start: Any) -> Any:
    """Return where a tail's logarithm is the goal; ``tail`` returns that logarithm and its slope.

    The error of a step is about the square of the one before: the first small one is the last.
    """
    at = start
    for _ in range(_STEPS):
        value, slope = tail(at)
        at -= (value - goal) / slope
        if abs(value - goal) <= 1e-10 * abs(goal):
            break
    return at


@cache
def _numbers() -> Any:
    """Return mpmath at our digits, not at those that somebody set elsewhere."""
    import mpmath

    numbers = mpmath.mp.clone()
    numbers.dps = _DIGITS
    return numbers
