"""Curves: how unequal, how long between entries, how long until a decision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, PercentFormatter

from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Said,
    duration_axis,
    legend,
    no_data,
    plot,
    read,
    say,
)
from kit.errors import DataError
from kit.text import duration, many

__all__ = ["inter_event_times", "lorenz", "waiting_times"]

Floats = npt.NDArray[np.float64]

_POINTS = 500  # more of them can't be told apart


def lorenz(table: Any, ax: Axes | None = None, *, source: str, concentration: Any = None) -> Axes:
    """Plot ``participation.lorenz``: the curve, its interval, and the diagonal of equality.

    With the table of ``participation.concentration`` the legend has the Gini coefficient with its
    interval, and the line below how many participants there are. Returns the axes.
    """
    return _lorenz((table, concentration), ax, source=source)


def _both(tables: tuple[Any, Any]) -> tuple[pd.DataFrame, str, int | None]:
    found = read(tables[0], numbers=("participants", "entries", "low", "high"))
    return found, *_gini(tables[1])


@plot(
    _both,
    ("写得多不多，差多少", "How unequally people write"),
    ("参与者（从写得最少的起）", "participants, the least active first"),
    ("记录的份额", "share of the entries"),
    unit=("人", "participants"),
)
def _lorenz(read: tuple[pd.DataFrame, str, int | None], ax: Axes) -> Said:
    found, gini, people = read
    if not len(found):
        no_data(ax)
        return Said(people, "No entries.")
    ax.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1, label=say("人人一样", "all equal"))
    curve = say("洛伦兹曲线", "Lorenz curve")
    ax.plot(found["participants"], found["entries"], color=BLUE, label=curve)
    if found["low"].notna().all():
        band = say("自助法区间", "bootstrap interval")
        low, high = found["low"], found["high"]
        ax.fill_between(found["participants"], low, high, color=BLUE, alpha=0.25, label=band)
    if gini:
        ax.plot([], [], " ", label=f"{say('基尼系数', 'Gini')} {gini}")
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    legend(ax, "upper left")
    half, top = (float(np.interp(x, found["participants"], found["entries"])) for x in (0.5, 0.9))
    alt = (
        f"A curve below the diagonal: the less active half wrote {half:.0%} of the entries, the most "
        f"active tenth {1 - top:.0%}."
    ) + (f" The Gini coefficient is {gini}." if gini else "")
    return Said(people, alt)


def _gini(concentration: Any) -> tuple[str, int | None]:
    """Return the Gini coefficient with its interval, in words, and how many participants."""
    if concentration is None:
        return "", None
    found = read(concentration, "measure", "estimate", "low", "high", "participants")
    row = found[found["measure"] == "gini"]
    if len(row) != 1:
        fix = "Pass the table of participation.concentration()."
        raise DataError("one row with the measure gini", f"{len(row)}", fix)
    estimate, low, high, people = row.iloc[0, 1:]
    interval = "" if pd.isna(low) else f" ({low:.2f} – {high:.2f})"
    return f"{estimate:.2f}{interval}", int(people)


def _seconds(table: Any) -> Floats:
    """Read times, in order, those that are missing at the end."""
    return np.sort(read(table, numbers=("seconds",))["seconds"].to_numpy("float64"))


@plot(
    lambda table: (times := _seconds(table))[~np.isnan(times)],
    ("隔多久再写", "How long until the next entry"),
    ("两次之间的时间", "time between two entries"),
    ("更久的比例", "share of times that are longer"),
    unit=("段时间", "times"),
    empty="No two entries to measure between.",
)
def inter_event_times(times: Floats, ax: Axes) -> Said:
    """Plot ``participation.inter_event_times``: which share of the times is longer, on log axes.

    Beside it stands a Poisson process with the same mean: bursts lie above it for short and for long
    times. Times of 0 seconds can't stand on a log axis: they are in the curve, left of its edge.
    Returns the axes.
    """
    zero = int((times <= 0).sum())
    more = say(f"{zero:,} 次为 0 秒", f"{zero:,} of 0 seconds") if zero else ""
    if len(times) == zero:
        no_data(ax, "全部同时", "all at the same second")
        return Said(zero, f"All {zero:,} times between entries are 0 seconds.", more)
    low, high = float(times[zero]) / 2, float(times[-1]) * 2
    x, below = _steps(times, low)
    floor = 0.5 / len(times)
    label = say("记录", "entries")
    ax.step(x, np.maximum(1 - below, floor), where="post", color=BLUE, label=label)
    grid = np.geomspace(low, high, 200)
    poisson = np.exp(-grid / times.mean())
    seen = poisson >= floor
    same = say("泊松过程，均值相同", "Poisson process, same mean")
    ax.plot(grid[seen], poisson[seen], "--", color=ORANGE, label=same)
    duration_axis(ax, low, high)
    ax.set_yscale("log")
    ax.set_ylim(floor, 1.5)
    ax.yaxis.set_major_formatter(FuncFormatter(_share))
    legend(ax, "lower left")
    alt = (
        f"A falling curve on log axes: {many(len(times), 'time')} between entries, from "
        f"{duration(times[0])} to {duration(times[-1])}; half are longer than "
        f"{duration(float(np.median(times)))}, the mean is {duration(float(times.mean()))}."
    )
    return Said(len(times), alt, more)


@plot(
    _seconds,
    ("等了多久", "How long entries wait"),
    ("从写下到审核", "time from the entry to its first decision"),
    ("已审核的比例", "share of the entries decided"),
    unit=("条", "entries"),
    empty="No entries.",
)
def waiting_times(given: Floats, ax: Axes) -> Said:
    """Plot ``participation.waiting_times``: which share was decided within a time; return the axes.

    Entries without a decision count: the curve ends below 100 % where there are some.
    """
    times = given[~np.isnan(given)]
    undecided = len(given) - len(times)
    more = say(f"{undecided:,} 条未审核", f"{undecided:,} not decided") if undecided else ""
    if not len(times):
        no_data(ax, "还没有审核", "no decision yet")
        return Said(len(given), f"None of {len(given):,} entries has a decision.", more)
    median = _within(times, len(times) / len(given), ax)
    alt = (
        f"A rising curve on a log axis: of {many(len(given), 'entry', 'entries')} {len(times):,} have a "
        f"decision, half of them within {duration(median)}, the last after {duration(times[-1])}."
    )
    return Said(len(given), alt, more)


@plot(
    lambda table: (times := _seconds(table))[~np.isnan(times)],
    ("多久上链", "How long until the block"),
    ("从作者所署时间到区块", "from the time that the author states to the block"),
    ("已上链的比例", "share of the entries anchored"),
    unit=("条", "entries"),
    empty="No entries.",
)
def lags(times: Floats, ax: Axes) -> Said:
    """Plot ``participation.lags``: which share was anchored within a time; return the axes.

    Entries that are 0 seconds older than their block, or younger, are in the curve, left of its edge.
    """
    if not len(times):
        no_data(ax)
        return Said(0, "No entries.")
    early = int((times < 0).sum())
    more = say(f"{early:,} 条晚于区块", f"{early:,} later than their block") if early else ""
    median = _within(times, 1.0, ax)
    alt = (
        f"A rising curve on a log axis: of {many(len(times), 'entry', 'entries')} half were anchored within "
        f"{duration(max(median, 0.0))} of the time that their authors state, the last after "
        f"{duration(max(float(times[-1]), 0.0))}."
    )
    return Said(len(times), alt, more)


def _within(times: Floats, share: float, ax: Axes) -> float:
    """Draw which part of a share was over within a time, and return the median."""
    positive = times[times > 0]
    low, high = (positive[0] / 2, positive[-1] * 2) if len(positive) else (0.5, 60.0)
    x, below = _steps(times, float(low))
    ends = np.append(x, high)  # and stays where it is, to the edge
    ax.step(ends, np.append(below, 1) * share, where="post", color=BLUE)
    median = float(np.median(times))
    if median > 0:
        half = f"{say('中位数', 'median')} {duration(median)}"
        ax.axvline(median, linestyle="--", color=ORANGE, label=half)
        legend(ax, "upper left")
    duration_axis(ax, float(low), float(high))
    ax.set_ylim(0, 1.02)
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    return median


def _steps(times: Floats, low: float) -> tuple[Floats, Floats]:
    """Return where the share of times up to x rises, and to what; from ``low`` on, at most 2 × 500.

    >>> _steps(np.array([0.0, 2.0, 2.0, 4.0]), 1.0)
    (array([1., 2., 4.]), array([0.25, 0.75, 1.  ]))
    """
    values, counts = np.unique(times, return_counts=True)
    share = np.cumsum(counts) / len(times)
    left = values <= low
    x = np.concatenate([[low], values[~left]])
    y = np.concatenate([[share[left][-1] if left.any() else 0.0], share[~left]])
    if len(x) > 2 * _POINTS:  # dense at both ends, where log axes are wide
        one = np.geomspace(1, len(x), _POINTS).astype("int64") - 1
        kept = np.unique(np.concatenate([one, len(x) - 1 - one]))
        x, y = x[kept], y[kept]
    return x, y


def _share(value: float, _: Any) -> str:
    return f"{value:.10g}" if value >= 0.001 else f"1/{round(1 / value):,}"
