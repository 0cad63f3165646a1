"""Plots over time: how many, how many so far, who is new, and the curve that was fitted."""

from __future__ import annotations

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
    axes,
    counted,
    date_axis,
    finish,
    is_simulated,
    legend,
    no_data,
    read,
    say,
    title,
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
_ENTRIES, _PEOPLE = ("条", "entries"), ("人", "people")
_BOTH = ("条 / 人", "entries / people")
_CURVES = {
    "K": ("逻辑斯谛曲线", "logistic curve", ("K", "r", "t0")),
    "m": ("巴斯曲线", "Bass curve", ("m", "p", "q")),
}
_MARKED = 60  # with more points, marks would run together


def hourly(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.hourly``: entries an hour as bars; return the axes."""
    found = _timed(table, "hour", "entries")
    ax = axes(ax)
    if len(found):
        ax.bar(found["hour"], found["entries"], 1 / 24, align="edge", color=BLUE)
    named = ("每小时的记录", "Entries by the hour")
    return _by_time(ax, found, "hour", named, source, table)


def daily(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.daily``: entries a day as bars, participants so far as a line; return the axes."""
    found = _timed(table, "day", "entries", "total")
    ax = axes(ax)
    _bars_and_total(ax, found, "day", say("每日记录", "entries a day"))
    named = ("谁在记录：每日与累计", "Who took part, day by day")
    return _by_time(ax, found, "day", named, source, table)


def weekly(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.weekly`` as ``daily``, each week from its Monday on; return the axes."""
    found = _timed(table, "week", "entries", "total")
    ax = axes(ax)
    _bars_and_total(ax, found, "week", say("每周记录", "entries a week"))
    named = ("谁在记录：每周与累计", "Who took part, week by week")
    return _by_time(ax, found, "week", named, source, table)


def _bars_and_total(ax: Axes, found: pd.DataFrame, step: str, named: str) -> None:
    if not len(found):
        return
    # A day's bar stands on its date; a week's stands over its seven days.
    middle = found[step] + pd.Timedelta(days=3.5 if step == "week" else 0)
    ax.bar(
        middle, found["entries"], width=(6.5 if step == "week" else 0.7), color=BLUE, label=named
    )
    ax.plot(
        middle,
        found["total"],
        color=ORANGE,
        marker=_marker(found),
        label=say("累计参与者", "participants so far"),
    )


def _by_time(
    ax: Axes, found: pd.DataFrame, step: str, named: tuple[str, str], source: str, table: Any
) -> Axes:
    """Give the axes of entries over time their words, and return them."""
    _frame(ax, found, step, named, _BOTH if "total" in found else _ENTRIES)
    entries = int(found["entries"].sum())
    alt = "No entries."
    if entries:
        top, when = _top(found, "entries", step)
        alt = (
            f"{named[1]}: {many(entries, 'entry', 'entries')} in {many(len(found), step)}, "
            f"{_span(found, step)}; most, {top:,}, in the {step} {when}."
        )
        if "total" in found:
            alt += f" Participants so far rise to {found['total'].iloc[-1]:,}."
    return finish(ax, Said(source, entries, _ENTRIES, alt, is_simulated(table)))


def new_and_returning(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.new_and_returning``: newcomers, and on them who came back; return the axes."""
    step = _step(table)
    found = _timed(table, step, "new", "returning")
    ax = axes(ax)
    if len(found):
        wide = (0.7 if step == "day" else 0.9) * _DAYS[step]
        middle = found[step] + pd.Timedelta(days=0 if step == "day" else _DAYS[step] / 2)
        ax.bar(middle, found["new"], wide, color=BLUE, label=say("新参与者", "new"))
        again = say("再次参与", "returning")
        ax.bar(middle, found["returning"], wide, found["new"], color=ORANGE, label=again)
        ax.set_ylim(0, 1.05 * (found["new"] + found["returning"]).max() or 1)
    _frame(ax, found, step, ("新来的与回来的", "Who is new, who came back"), _PEOPLE)
    new, alt = int(found["new"].sum()), "No participants."
    if new:
        both = found.assign(both=found["new"] + found["returning"])
        (top, when), last = _top(both, "both", step), found.iloc[-1]
        alt = (
            f"Stacked bars: {many(new, 'participant')}, {_span(found, step)}. Most at once, {top:,}, in "
            f"the {step} {when}; in the last {step} {last['new']:,} were new and "
            f"{last['returning']:,} came back."
        )
    return finish(ax, Said(source, new, ("人", "participants"), alt, is_simulated(table)))


def cumulative(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.cumulative``: entries and participants so far, as lines; return the axes."""
    step = _step(table)
    found = _timed(table, step, "entries", "participants")
    ax = axes(ax)
    if len(found):
        mark = _marker(found)
        labels = (("entries", BLUE, "记录", "-"), ("participants", ORANGE, "参与者", "--"))
        for name, colour, chinese, line in labels:
            label = say(chinese, name)
            ax.plot(found[step], found[name], line, color=colour, marker=mark, label=label)
    _frame(ax, found, step, ("累计记录与参与者", "Entries and participants so far"), _BOTH)
    entries = int(found["entries"].max()) if len(found) else 0
    alt = "No entries."
    if entries:
        alt = (
            f"Two rising lines, {_span(found, step)}: {many(entries, 'entry', 'entries')} and "
            f"{many(found['participants'].max(), 'participant')} in the end."
        )
    return finish(ax, Said(source, entries, _ENTRIES, alt, is_simulated(table)))


def growth(fit: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.logistic`` or ``bass``: new participants as dots, the fitted curve as a line.

    The residuals are the lines between dots and curve; the legend has the parameters with their
    intervals. Returns the axes.
    """
    if not isinstance(fit, Growth):
        fix = "Pass what participation.logistic() or bass() returned."
        raise DataError("a fitted curve", f"a {type(fit).__name__}", fix)
    step = _step(fit.fitted)
    found = _timed(fit.fitted, step, "new", "fitted")
    said = counted(read(fit.parameters, "parameter", "estimate", "low", "high"), "estimate")
    chinese, english, _ = _CURVES.get(said["parameter"].iloc[0], ("曲线", "curve", ()))
    ax = axes(ax)
    ax.vlines(found[step], found["fitted"], found["new"], color=GREY, linewidth=1)
    ax.plot([], [], color=GREY, linewidth=1, label=say("残差", "residuals"))
    ax.plot(found[step], found["fitted"], color=ORANGE, label=say(chinese, english))
    ax.plot(found[step], found["new"], "o", color=BLUE, label=say("新参与者", "new participants"))
    for row in said.itertuples():
        words = f"{row.parameter} = {_round(row.estimate)} ({_round(row.low)} – {_round(row.high)})"
        ax.plot([], [], " ", label=words)
    _frame(
        ax,
        found,
        step,
        (f"如何增长：{chinese}", f"How it grew: {english}"),
        ("新参与者 / 人", "new people"),
    )
    # Six lines of legend need more room, wherever the curve is high.
    ax.set_ylim(0, 1.7 * max(found["new"].max(), found["fitted"].max()))
    legend(ax)
    check = counted(read(fit.check, "r_squared", "runs_p"), "r_squared").iloc[0]
    new, (top, when) = int(found["new"].sum()), _top(found, "fitted", step)
    values = ", ".join(f"{row.parameter} {_round(row.estimate)}" for row in said.itertuples())
    alt = (
        f"Dots and a fitted {english}: {new:,} new participants, {_span(found, step)}. The curve is highest, "
        f"{top:,.0f}, in the {step} {when}; {values}; it explains {check['r_squared']:.0%} of the variance."
    )
    return finish(ax, Said(source, new, ("人", "participants"), alt, is_simulated(fit.fitted)))


# --- what they share -----------------------------------------------------------------------------


def _step(table: Any) -> str:
    """Return which step of time a table has."""
    names = list(getattr(table, "columns", []))
    if isinstance(table, pd.DataFrame):
        names += table.index.names
    return next((step for step in _DAYS if step in names), "day")


def _timed(table: Any, step: str, *columns: str) -> pd.DataFrame:
    found = counted(read(table, step, *columns), *columns)
    if pd.api.types.is_datetime64_any_dtype(found[step]):
        return found
    try:
        return found.assign(**{step: pd.to_datetime(found[step], format="ISO8601")})
    except (TypeError, ValueError):
        fix = "Pass the table as it came, or use pd.to_datetime()."
        raise DataError(f"times in the column {step}", "something else", fix) from None


def _frame(
    ax: Axes, found: pd.DataFrame, step: str, named: tuple[str, str], unit: tuple[str, str]
) -> None:
    date_axis(ax, list(found[step]), _DAYS[step])
    ax.set_xlabel(say(*_STEPS[step]))
    ax.set_ylabel(say(*unit))
    title(ax, *named)
    if not len(found):
        no_data(ax)
        return
    whole(ax.yaxis)
    ax.set_ylim(bottom=0)
    if ax.get_legend_handles_labels()[0]:
        _make_room(ax)
        legend(ax, "upper left")


def _top(found: pd.DataFrame, name: str, step: str) -> tuple[Any, str]:
    """Return the highest value of a column, and when it was."""
    row = int(found[name].to_numpy().argmax())
    return found[name].iloc[row], _when(found[step].iloc[row], step)


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


def _when(time: Any, step: str) -> str:
    return f"{time:%Y-%m-%d %H:00}" if step == "hour" else f"{time:%Y-%m-%d}"


def _span(found: pd.DataFrame, step: str) -> str:
    return f"{_when(found[step].iloc[0], step)} to {_when(found[step].iloc[-1], step)}"


def _round(value: Any) -> str:
    """Return a number with three digits that count, and no more.

    >>> _round(2971.2), _round(0.91024), _round(-0.00012)
    ('2,971', '0.91', '-0.00012')
    """
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}"
