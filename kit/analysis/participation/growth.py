"""How it grew: the logistic curve and Bass's, fitted to the new participants of each step.

The steps and their new participants come into memory; Minuit fits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
import numpy.typing as npt
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.counts import timeline
from kit.analysis.participation.distributions import normal_tails, t_width
from kit.analysis.participation.frames import ZONE, Step, confident, like, rows_of
from kit.arguments import checked
from kit.errors import DataError

__all__ = ["Growth", "bass", "logistic"]

Floats = npt.NDArray[np.float64]
Curve = Callable[..., Floats]

_APART = (
    100  # condition number of the slopes: 2 to 10 where a curve is seen beyond its steepest point
)
_LITTLE = 1e-6, 1e-2  # Minuit's units and tolerance: estimates are some 1e-5 of their errors off
_TRIES = 2_000
_FAR = 600  # a logarithm; floats end at 709
_EXACT = 1e-16  # residuals by rounding alone, squared, as part of the values'
_STEPS = 6  # three parameters, and three residuals more than that to look at


@dataclass(frozen=True)
class Growth(Generic[IntoFrameT]):
    """A fitted curve, as three tables of the records' kind.

    ``parameters``: parameter, estimate, low, high. ``fitted``, a row a step (in pandas its index):
    the step, new, fitted (new participants by the curve), residual, total, fitted_total. ``check``,
    one row: steps, r_squared (of the new participants), autocorrelation (of each residual with the
    next), runs (of residuals of one sign), runs_p (of the runs test).
    """

    parameters: IntoFrameT
    fitted: IntoFrameT
    check: IntoFrameT


@checked("step")
def logistic(
    records: IntoFrameT, step: Step = "day", zone: str = ZONE, confidence: float = 0.95
) -> Growth[IntoFrameT]:
    """Fit the logistic curve N(t) = K / (1 + exp(-r (t - t₀))) to the participants so far.

    K: participants in the end. r: growth per step while few have joined. t₀ (``t0``): when half of
    K have joined, in steps from the beginning of the first one. (P.-F. Verhulst, Notice sur la loi
    que la population suit dans son accroissement, 1838.) How it is fitted, what comes back and what
    can go wrong: as for ``bass``.
    """
    table = timeline(rows_of(records, "entry", "at"), step, zone)
    new = table["new"].to_numpy("float64")
    total, peak = new.sum(), new.max(initial=0)
    start = [total, 4 * peak / max(total, 1), float(new.argmax()) + 0.5 if len(new) else 0]
    fit = _fit_steps(_logistic, new, start, [0, 0, -np.inf])
    return _growth(records, table, step, ["K", "r", "t0"], _logistic, fit, confidence)


@checked("step")
def bass(
    records: IntoFrameT, step: Step = "day", zone: str = ZONE, confidence: float = 0.95
) -> Growth[IntoFrameT]:
    """Fit Bass's curve N(t) = m (1 - e^-(p+q)t) / (1 + (q/p) e^-(p+q)t) to the participants so far.

    m: participants in the end. p: how many of those left join per step of themselves (innovation).
    q: how many follow those who have joined (imitation). (F. Bass, A new product growth for model
    consumer durables, Management Science 15, 1969.)

    What is fitted is the new participants of each step, N(t) - N(t-1), by least squares (V.
    Srinivasan, C. Mason, Nonlinear least squares estimation of new product diffusion models,
    Marketing Science 5, 1986): totals carry each error on to the next step, and would make the
    intervals far too short. Intervals are estimate ± Student's t times the standard error; they
    hold for many steps, errors of one size that don't depend on each other, and the right curve.
    ``check`` helps to see the last two: an autocorrelation far from 0 or a small runs_p (A. Wald,
    J. Wolfowitz, On a test whether two samples are from the same population, Annals of Mathematical
    Statistics 11, 1940) say that something else is going on, as a daily rhythm in hours.

    Raises DataError with fewer than six steps, with newcomers in three or fewer of them, and where
    the curve can't be fitted.
    """
    table = timeline(rows_of(records, "entry", "at"), step, zone)
    new = table["new"].to_numpy("float64")
    # The usual p and q (F. Sultan, J. Farley, D. Lehmann, Journal of Marketing Research 27, 1990).
    fit = _fit_steps(_bass, new, [new.sum(), 0.03, 0.38], [0, 1e-12, 0])
    return _growth(records, table, step, ["m", "p", "q"], _bass, fit, confidence)


def _logistic(t: Floats, k: float, r: float, t0: float) -> Floats:
    return np.asarray(k / (1 + np.exp(-np.clip(r * (t - t0), -700, 700))))


def _bass(t: Floats, m: float, p: float, q: float) -> Floats:
    """Return the participants at some times.

    >>> float(_bass(np.array([0.0]), 100, 0.03, 0.38)[0])
    0.0
    """
    gone = np.exp(-np.clip((p + q) * t, 0, 700))
    return np.asarray(m * (1 - gone) / (1 + q / p * gone))


def _rise(curve: Curve) -> Curve:
    """Return what a curve adds in the step that ends at each time."""
    return lambda t, *values: curve(t, *values) - curve(t - 1, *values)


def _fit_steps(curve: Curve, new: Floats, start: list[float], lowest: list[float]) -> Any:
    if len(new) < _STEPS:
        fix = "Take a shorter step, or wait for more days."
        raise DataError(f"at least {_STEPS} steps from first to last", f"{len(new)}", fix)
    joined = int((new > 0).sum())
    if joined <= len(start):  # a curve through these points says nothing
        expected = f"newcomers in more than {len(start)} of the steps"
        raise DataError(expected, f"them in {joined}", "Take a shorter step, or plot cumulative().")
    return _fit(_rise(curve), np.arange(1.0, len(new) + 1), new, start, lowest)


def _fit(
    curve: Curve, t: Floats, values: Floats, start: list[float], lowest: list[float]
) -> tuple[Floats, Floats]:
    """Return the least-squares estimates and their standard errors, or raise DataError.

    The errors are the roots of the diagonal of s² (JᵀJ)⁻¹, with J the slopes of the curve at the
    estimates and s² the squared residuals over their degrees of freedom (G. Seber, C. Wild,
    Nonlinear Regression, 1989, chapter 2).
    """
    estimates, ended = _least_squares(curve, t, values, start, lowest)
    slopes = _slopes(curve, t, estimates, lowest)
    if _condition(slopes) > _APART:
        raise _unfit("data that don't tell its parameters apart")
    if not ended:
        raise _unfit("a search for its parameters that doesn't end")
    left = ((values - curve(t, *estimates)) ** 2).sum() / (len(t) - len(estimates))
    return estimates, np.sqrt(left * np.diag(np.linalg.inv(slopes.T @ slopes)))


def _least_squares(
    curve: Curve, t: Floats, values: Floats, start: list[float], lowest: list[float]
) -> tuple[Floats, bool]:
    """Return the parameters with the least squares, none below its lowest, and whether they are.

    Migrad (F. James, M. Roos, Minuit, Computer Physics Communications 10, 1975) searches twice: it
    ends where the sum can hardly become less, and how much is little is known from the residuals.
    A parameter that must be above 0, as Bass's p, may be smaller than another by many powers of ten:
    its logarithm is searched.
    """
    from iminuit import Minuit

    low = np.asarray(lowest, dtype="float64")
    logs = low > 0

    def own(point: Any) -> Floats:
        # A search that runs away stays where times and rates can still be multiplied.
        return np.where(logs, np.exp(np.where(logs, np.minimum(point, _FAR), 0)), point)

    def squares(point: Any) -> float:
        return float(((values - curve(t, *own(point))) ** 2).sum() / size)

    point = np.maximum(start, low)
    point, low = (np.where(logs, np.log(np.where(logs, each, 1)), each) for each in (point, low))
    size = float((values**2).mean())
    for _ in range(2):
        search = Minuit(squares, point)
        search.limits = [(each, np.inf) for each in low]
        search.errordef, search.tol = _LITTLE
        search.migrad(ncall=_TRIES)
        point = np.asarray(search.values)
        if not search.valid:
            return own(point), False
        size *= max(float(search.fval or 0) / len(t), _EXACT)
    return own(point), True


def _slopes(curve: Curve, t: Floats, point: Floats, lowest: list[float]) -> Floats:
    """Return the derivatives by each parameter, a column each: central differences.

    The step is the cube root of the rounding error (W. Press and others, Numerical Recipes, 3rd
    edition, 2007, 5.7), times the parameter, or times 0.001 for one that may be 0.
    """
    sizes = np.maximum(np.abs(point), np.where(np.asarray(lowest) > 0, 0, 1e-3))
    steps = np.diag(np.cbrt(np.finfo("float64").eps) * sizes)
    sides = [(curve(t, *(point + h)) - curve(t, *(point - h))) / (2 * h.sum()) for h in steps]
    return np.stack(sides, axis=1)


def _condition(slopes: Floats) -> float:
    """Return the condition number of the slopes, each parameter in its own unit; inf for none."""
    sizes = np.linalg.norm(slopes, axis=0)
    if not np.isfinite(slopes).all() or not sizes.all():
        return np.inf
    return float(np.linalg.cond(slopes / sizes))


def _unfit(why: str) -> DataError:
    return DataError("growth that this curve can follow", why, "Plot cumulative() and see.")


def _growth(
    records: Any,
    table: pd.DataFrame,
    step: Step,
    names: list[str],
    curve: Curve,
    fit: tuple[Floats, Floats],
    confidence: float,
) -> Growth[Any]:
    confident(confidence)
    estimates, errors = fit
    wide = t_width(confidence, len(table) - len(names)) * errors
    limits = {"estimate": estimates, "low": estimates - wide, "high": estimates + wide}
    end = np.arange(1.0, len(table) + 1)
    table["fitted"] = _rise(curve)(end, *estimates)
    table["residual"] = table["new"] - table["fitted"]
    table["fitted_total"] = curve(end, *estimates)
    shown = table[[step, "new", "fitted", "residual", "total", "fitted_total"]]
    return Growth(
        like(records, pd.DataFrame({"parameter": names} | limits)),
        like(records, shown, step),
        like(records, pd.DataFrame([_check(table["new"], table["residual"])])),
    )


def _check(new: pd.Series, residuals: pd.Series) -> dict[str, float]:
    left, spread = (residuals**2).sum(), ((new - new.mean()) ** 2).sum()
    centred = (residuals - residuals.mean()).to_numpy()
    own = (centred**2).sum()
    runs, p = _runs_test(residuals.to_numpy("float64"))
    return {
        "steps": len(new),
        "r_squared": 1 - left / spread if spread else np.nan,
        "autocorrelation": (centred[:-1] * centred[1:]).sum() / own if own else np.nan,
        "runs": runs,
        "runs_p": p,
    }


def _runs_test(residuals: Floats) -> tuple[int, float]:
    """Return the runs of one sign, and how likely as odd a number of them is by chance."""
    above = residuals > 0
    up, down = int(above.sum()), int((~above).sum())
    runs = 1 + int((above[1:] != above[:-1]).sum())
    both, n = 2 * up * down, up + down
    variance = both * (both - n) / (n * n * (n - 1)) if n > 1 else 0
    if variance <= 0:
        return runs, np.nan
    z = (runs - (both / n + 1)) / np.sqrt(variance)
    return runs, normal_tails(z)
