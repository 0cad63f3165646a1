"""Plots over time: how many, how many so far, who is new, and the curve that was fitted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from kit.analysis.participation import Growth
from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Said,
    columns,
    date_axis,
    legend,
    plot,
    read,
    say,
    whole,
)
from kit.errors import DataError
from kit.text import many

__all__ = ["cumulative", "daily", "growth", "hourly", "new_and_returning", "weekly"]

_DAYS = {"hour": 1 / 24, "day": 1.0, "week": 7.0}
_STEPS = {
    "hour": ("小时（北京时间）", "hour, China Standard Time"),
    "day": ("日期（北京时间）", "day, China Standard Time"),
    "week": ("周（周一起，北京时间）", "week from its Monday, China Standard Time"),
}
_ENTRIES = ("条", "entries")
_BOTH = ("条 / 人", "entries / people")
_PEOPLE = ("人", "participants")
_CURVES = {
    "K": ("逻辑斯谛曲线", "logistic curve"),
    "m": ("巴斯曲线", "Bass curve"),
}
_MARKED = 60  # with more points, marks would run together


def _step(found: Any) -> str:
    """Return which step of time a table has."""
    return next((step for step in _DAYS if step in columns(found)), "day")


def _when(found: Any) -> tuple[str, str]:
    return _STEPS[_step(found)]


def _read(*numbers: str, by: str = "") -> Callable[[Any], pd.DataFrame]:
    """Return what reads these numbers of a table, and its times: by this step, or by any."""

    def timed(table: Any) -> pd.DataFrame:
        step = by or _step(table)
        found = read(table, step, numbers=numbers)
        if pd.api.types.is_datetime64_any_dtype(found[step]):
            return found
        try:
            return found.assign(**{step: pd.to_datetime(found[step], format="ISO8601")})
        except (TypeError, ValueError) as error:
            fix = "Pass the table as it came, or use pd.to_datetime()."
            raise DataError(f"times in the column {step}", "something else", fix) from error

    return timed


_over_time = partial(plot, x=_when, unit=_ENTRIES, empty="No entries.")


@_over_time(_read("entries", by="hour"), ("每小时的记录", "Entries by the hour"), y=_ENTRIES)
def hourly(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.hourly``: entries an hour as bars; return the axes."""
    ax.bar(found["hour"], found["entries"], 1 / 24, align="edge", color=BLUE)
    return _entries(found, ax, "Entries by the hour")


@_over_time(
    _read("entries", "total", by="day"),
    ("谁在记录：每日与累计", "Who took part, day by day"),
    y=_BOTH,
)
def daily(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.daily``: entries a day as bars, participants so far as a line; return the axes."""
    _bars_and_total(ax, found, found["day"], 0.7, say("每日记录", "entries a day"))
    return _entries(found, ax, "Who took part, day by day")


@_over_time(
    _read("entries", "total", by="week"),
    ("谁在记录：每周与累计", "Who took part, week by week"),
    y=_BOTH,
)
def weekly(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.weekly`` as ``daily``, each week from its Monday on; return the axes."""
    # A day's bar stands on its date; a week's stands over its seven days.
    middle = found["week"] + pd.Timedelta(days=3.5)
    _bars_and_total(ax, found, middle, 6.5, say("每周记录", "entries a week"))
    return _entries(found, ax, "Who took part, week by week")


def _bars_and_total(ax: Axes, found: pd.DataFrame, at: pd.Series, wide: float, named: str) -> None:
    ax.bar(at, found["entries"], width=wide, color=BLUE, label=named)
    so_far = say("累计参与者", "participants so far")
    ax.plot(at, found["total"], color=ORANGE, marker=_marker(found), label=so_far)


def _entries(found: pd.DataFrame, ax: Axes, named: str) -> Said:
    """Finish the axes of entries over time, and say what is to be seen."""
    _frame(ax, found)
    step, entries, (top, when) = _step(found), int(found["entries"].sum()), _top(found, "entries")
    alt = (
        f"{named}: {many(entries, 'entry', 'entries')} in {many(len(found), step)}, "
        f"{_span(found)}; most, {top:,}, in the {step} {when}."
    )
    if "total" in found:
        alt += f" Participants so far rise to {found['total'].iloc[-1]:,}."
    return Said(entries, alt)


@plot(
    _read("new", "returning"),
    ("新来的与回来的", "Who is new, who came back"),
    _when,
    ("人", "people"),
    unit=_PEOPLE,
    empty="No participants.",
)
def new_and_returning(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.new_and_returning``: newcomers, and on them who came back; return the axes."""
    step = _step(found)
    wide = (0.7 if step == "day" else 0.9) * _DAYS[step]
    middle = found[step] + pd.Timedelta(days=0 if step == "day" else _DAYS[step] / 2)
    ax.bar(middle, found["new"], wide, color=BLUE, label=say("新参与者", "new"))
    again = say("再次参与", "returning")
    ax.bar(middle, found["returning"], wide, found["new"], color=ORANGE, label=again)
    both = found.assign(both=found["new"] + found["returning"])
    ax.set_ylim(0, 1.05 * both["both"].max() or 1)
    _frame(ax, found)
    new, (top, when), last = int(found["new"].sum()), _top(both, "both"), found.iloc[-1]
    alt = (
        f"Stacked bars: {many(new, 'participant')}, {_span(found)}. Most at once, {top:,}, in "
        f"the {step} {when}; in the last {step} {last['new']:,} were new and "
        f"{last['returning']:,} came back."
    )
    return Said(new, alt)


@_over_time(
    _read("entries", "participants"),
    ("累计记录与参与者", "Entries and participants so far"),
    y=_BOTH,
)
def cumulative(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.cumulative``: entries and participants so far, as lines; return the axes."""
    labels = (("entries", BLUE, "记录", "-"), ("participants", ORANGE, "参与者", "--"))
    for name, colour, chinese, line in labels:
        look: Any = {"color": colour, "marker": _marker(found), "label": say(chinese, name)}
        ax.plot(found[_step(found)], found[name], line, **look)
    _frame(ax, found)
    entries = int(found["entries"].max())
    alt = (
        f"Two rising lines, {_span(found)}: {many(entries, 'entry', 'entries')} and "
        f"{many(found['participants'].max(), 'participant')} in the end."
    )
    return Said(entries, alt)


Fit = tuple[tuple[str, str], pd.DataFrame, pd.DataFrame, float]


def _fit(fit: Any) -> Fit:
    """Read a fit: how its curve is called, the steps, the parameters, R²."""
    if not isinstance(fit, Growth):
        fix = "Pass what participation.logistic() or bass() returned."
        raise DataError("a fitted curve", f"a {type(fit).__name__}", fix)
    parameters = read(fit.parameters, "parameter", "low", "high", numbers=("estimate",))
    curve = _CURVES.get(parameters["parameter"].iloc[0], ("曲线", "curve"))
    r_squared = float(read(fit.check, numbers=("r_squared",))["r_squared"].iloc[0])
    found = _read("new", "fitted")(fit.fitted)
    return curve, found, parameters, r_squared


@plot(
    _fit,
    lambda fit: (f"如何增长：{fit[0][0]}", f"How it grew: {fit[0][1]}"),
    lambda fit: _when(fit[1]),
    ("新参与者 / 人", "new people"),
    unit=_PEOPLE,
)
def growth(fit: Fit, ax: Axes) -> Said:
    """Plot ``participation.logistic`` or ``bass``: new participants as dots, the fitted curve as a line.

    The residuals are the lines between dots and curve; the legend has the parameters with their
    intervals. Returns the axes.
    """
    curve, found, parameters, r_squared = fit
    step = _step(found)
    ax.vlines(found[step], found["fitted"], found["new"], color=GREY, linewidth=1)
    ax.plot([], [], color=GREY, linewidth=1, label=say("残差", "residuals"))
    ax.plot(found[step], found["fitted"], color=ORANGE, label=say(*curve))
    ax.plot(found[step], found["new"], "o", color=BLUE, label=say("新参与者", "new participants"))
    rows: Any = list(parameters.itertuples())
    for row in rows:
        words = f"{row.parameter} = {_round(row.estimate)} ({_round(row.low)} – {_round(row.high)})"
        ax.plot([], [], " ", label=words)
    _frame(ax, found)
    # Six lines of legend need more room, wherever the curve is high.
    ax.set_ylim(0, 1.7 * max(found["new"].max(), found["fitted"].max()))
    legend(ax)
    new, (top, when) = int(found["new"].sum()), _top(found, "fitted")
    values = ", ".join(f"{row.parameter} {_round(row.estimate)}" for row in rows)
    alt = (
        f"Dots and a fitted {curve[1]}: {new:,} new participants, {_span(found)}. The curve is highest, "
        f"{top:,.0f}, in the {step} {when}; {values}; it explains {r_squared:.0%} of the variance."
    )
    return Said(new, alt)


# --- what they share -----------------------------------------------------------------------------


def _frame(ax: Axes, found: pd.DataFrame) -> None:
    """Give the axes of something over time their ticks, and a legend that hides nothing."""
    step = _step(found)
    date_axis(ax, list(found[step]), _DAYS[step])
    whole(ax.yaxis)
    ax.set_ylim(bottom=0)
    if ax.get_legend_handles_labels()[0]:
        _make_room(ax)
        legend(ax, "upper left")


def _top(found: pd.DataFrame, name: str) -> tuple[Any, str]:
    """Return the highest value of a column, and when it was."""
    row = int(found[name].to_numpy().argmax())
    return found[name].iloc[row], _said(found[_step(found)].iloc[row], _step(found))


def _make_room(ax: Axes) -> None:
    """Raise the top of the axes where bars or lines on the left would run into the legend."""
    high = [0.0]
    for line in ax.lines:
        values = np.asarray(line.get_ydata(), "float64")
        high += list(values[: -(-len(values) // 2)])
    for bars in ax.containers:
        tops = [one.get_y() + one.get_height() for one in bars]
        high += tops[: -(-len(tops) // 2)]
    if max(high) > 0.8 * ax.get_ylim()[1]:
        ax.set_ylim(top=1.35 * max(high))


def _marker(found: pd.DataFrame) -> str:
    return "o" if len(found) <= _MARKED else ""


def _said(time: Any, step: str) -> str:
    return f"{time:%Y-%m-%d %H:00}" if step == "hour" else f"{time:%Y-%m-%d}"


def _span(found: pd.DataFrame) -> str:
    first, last = (_said(found[_step(found)].iloc[row], _step(found)) for row in (0, -1))
    return f"{first} to {last}"


def _round(value: Any) -> str:
    """Return a number with three digits that count, and no more.

    >>> _round(2971.2), _round(0.91024), _round(-0.00012)
    ('2,971', '0.91', '-0.00012')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
