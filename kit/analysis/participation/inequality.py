"""How unequal: the Lorenz curve, the Gini coefficient and the share of the most active.

Only one number a participant matters here, how many entries, and only how many have it: this small
table (entries, participants with as many) comes into memory.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.frames import collect, confident, like, rows_of
from kit.arguments import checked
from kit.errors import DataError

__all__ = ["concentration", "lorenz"]

Floats = npt.NDArray[np.float64]


@checked("seed", "resamples", "confidence")
def lorenz(
    records: IntoFrameT, seed: int = 1, resamples: int = 1_000, confidence: float = 0.95
) -> IntoFrameT:
    """Return the Lorenz curve: which share of the entries the least active participants wrote.

    Columns: participants (share of them, 0 to 1 in hundredths, the least active first), entries
    (share of all entries), low, high (pointwise bootstrap interval). 101 rows. Between two
    participants the curve is a straight line. Were all equal, it would be the diagonal. (M. Lorenz,
    Methods of measuring the concentration of wealth, Publications of the American Statistical
    Association 9, 1905.) The interval is as in ``concentration``.
    """
    values, people = _activity(records)
    at = np.linspace(0, 1, 101)
    curves = _bootstrap(people, lambda n: _lorenz_at(values, n, at), seed, resamples)
    low, high = _percentiles(curves, confidence, int(people.sum()))
    table = {
        "participants": at,
        "entries": _lorenz_at(values, people, at),
        "low": low,
        "high": high,
    }
    return like(records, pd.DataFrame(table))


@checked("seed", "resamples", "confidence")
def concentration(
    records: IntoFrameT, seed: int = 1, resamples: int = 1_000, confidence: float = 0.95
) -> IntoFrameT:
    """Return how unequally the entries are spread over the participants.

    Rows: ``gini``, ``top 1 %``. Columns: measure, estimate, low, high, participants (how many the
    estimate is from).

    Gini: the mean difference between two participants, over twice the mean, Σᵢⱼ|xᵢ - xⱼ| / (2n²x̄):
    0 where all wrote as much, near 1 where one wrote everything (C. Gini, Variabilità e mutabilità,
    1912). Top 1 %: the share of the entries that the most active hundredth wrote, 1 - L(0.99) on
    the Lorenz curve; with fewer than 100 participants it is a part of the first one's.

    The intervals are percentiles of ``resamples`` draws of as many participants with replacement
    (B. Efron, R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13); the same seed
    gives the same draws. They are known to be too short for small or very heavy-tailed data. One
    participant has none.
    """
    values, people = _activity(records)

    def measures(n: Floats) -> Floats:
        top = 1 - _lorenz_at(values, n, np.array([0.99]))[..., 0]
        return np.stack([_gini(values, n), top], axis=-1)

    low, high = _percentiles(
        _bootstrap(people, measures, seed, resamples), confidence, int(people.sum())
    )
    table = pd.DataFrame({"measure": ["gini", "top 1 %"], "estimate": measures(people)})
    return like(records, table.assign(low=low, high=high, participants=int(people.sum())))


def _activity(records: Any) -> tuple[Floats, Floats]:
    """Return the different numbers of entries, ascending, and how many participants have each."""
    rows = rows_of(records, "entry")
    if not rows.count:
        fix = "Is it the right table? head_count() says what is in it."
        raise DataError("at least one entry that counts", "none", fix)
    each = rows.frame.group_by("author").agg(nw.len().alias("entries"))
    table = collect(each.group_by("entries").agg(nw.len().alias("people"))).sort_values("entries")
    return table["entries"].to_numpy("float64"), table["people"].to_numpy("float64")


def _gini(values: Floats, people: Floats) -> Floats:
    """Return the Gini coefficient of grouped data; the last axis of ``people`` is over the values.

    >>> float(_gini(np.array([1.0, 3.0]), np.array([1.0, 1.0])))
    0.25
    """
    x, y = _corners(values, people)
    # One minus twice the area under the Lorenz curve, in trapezia.
    return np.asarray(1 - (np.diff(x) * (y[..., 1:] + y[..., :-1])).sum(axis=-1))


def _lorenz_at(values: Floats, people: Floats, at: Floats) -> Floats:
    """Return the Lorenz curve at some shares of the participants, for one draw or for many."""
    x, y = _corners(values, people)
    if people.ndim == 1:
        return np.interp(at, x, y)
    return np.stack([np.interp(at, one, other) for one, other in zip(x, y, strict=True)])


def _corners(values: Floats, people: Floats) -> tuple[Floats, Floats]:
    """Return the corners of the Lorenz curve: shares of participants, shares of entries."""
    zero = np.zeros((*people.shape[:-1], 1))
    x, y = np.cumsum(people, axis=-1), np.cumsum(people * values, axis=-1)
    return np.concatenate([zero, x / x[..., -1:]], -1), np.concatenate([zero, y / y[..., -1:]], -1)


def _bootstrap(people: Floats, statistic: Any, seed: int, resamples: int) -> Floats:
    """Return the statistic of each resample.

    To draw n participants with replacement is to draw how many have each number of entries: a
    multinomial. This needs no list of the participants.
    """
    if resamples < 1:
        raise DataError("at least one resample", str(resamples), "1,000 are usual.")
    number = int(people.sum())
    draws = np.random.default_rng(seed).multinomial(number, people / number, size=resamples)
    return np.asarray(statistic(draws.astype("float64")))


def _percentiles(draws: Floats, confidence: float, participants: int) -> Floats:
    """Return the limits of the middle part of the draws; none for a single participant."""
    confident(confidence)
    tail = (1 - confidence) / 2
    limits = np.quantile(draws, [tail, 1 - tail], axis=0)
    return np.asarray(limits if participants > 1 else np.full_like(limits, np.nan))
