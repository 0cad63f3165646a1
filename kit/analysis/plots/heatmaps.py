"""Heat maps: when in the week people write, and who of those that began together came back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from kit.analysis.plots.style import (
    HEAT,
    Said,
    no_data,
    plot,
    read,
    say,
    whole,
)
from kit.text import many

__all__ = ["retention", "weekday_hour"]

_WEEKDAYS = [*zip("一二三四五六日", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True)]
_WRITTEN = 12  # rows and columns up to which each cell has its number in it
_NAMED = 12  # cohorts that are named at the side


def _written(table: Any) -> pd.DataFrame:
    found = read(table, numbers=("weekday", "hour", "entries"))
    return found[found["entries"] > 0]


@plot(
    _written,
    ("一周里什么时候写", "When in the week people write"),
    ("时（北京时间）", "hour of the day, China Standard Time"),
    ("星期", "weekday"),
    unit=("条", "entries"),
    empty="No entries.",
)
def weekday_hour(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.weekday_hour``: entries by weekday and hour, as a heat map; return the axes."""
    grid = found.pivot_table(index="weekday", columns="hour", values="entries", aggfunc="sum")
    grid = grid.reindex(index=range(1, 8), columns=range(24), fill_value=0).fillna(0)
    entries = int(found["entries"].sum())
    _map(ax, grid, say("条", "entries"))
    ax.set_xticks(range(0, 24, 3), [f"{hour:02}" for hour in range(0, 24, 3)])
    ax.set_yticks(range(7), [say(f"周{zh}", en) for zh, en in _WEEKDAYS])
    day, hour = (int(n) for n in np.unravel_index(grid.to_numpy().argmax(), grid.shape))
    hours = grid.sum()
    alt = (
        f"Heat map of {many(entries, 'entry', 'entries')} by weekday and hour: most, "
        f"{grid.to_numpy().max():,.0f}, on {_WEEKDAYS[day][1]} from {hour:02}:00; over "
        f"the week most from {hours.idxmax():02}:00 and fewest from {hours.idxmin():02}:00."
    )
    return Said(entries, alt)


def _cohorts(table: Any) -> pd.DataFrame:
    found = read(table, "cohort", numbers=("age", "size", "participants", "share"))
    return found.assign(cohort=pd.to_datetime(found["cohort"]))


@plot(
    _cohorts,
    ("还会回来吗", "Who came back"),
    ("第一次参与之后的时段数", "steps after the first entry"),
    ("开始的时间（人数）", "began (people)"),
    unit=("人", "participants"),
    empty="No participants.",
)
def retention(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.retention``: which share of a cohort wrote again, as a heat map.

    The first step, in which it is everybody, is left out. Cells are empty where the data end. Returns
    the axes.
    """
    people = int(found.loc[found["age"] == 0, "size"].sum())
    later = found[found["age"] > 0]
    if later.empty:
        no_data(ax, "还没有之后的时段", "no later step yet")
        alt = f"{many(people, 'participant')}, and no later step in which they could come back."
        return Said(people, alt)
    grid = later.pivot(index="cohort", columns="age", values="share")
    _map(ax, grid, say("回来的比例", "share that wrote again"), share=True)
    _write(ax, grid)
    every = -(-len(grid) // _NAMED)
    sizes = found.drop_duplicates("cohort").set_index("cohort")["size"]
    named = [f"{c:{_form(grid.index)}} ({sizes[c]:,})" for c in grid.index[::every]]
    ax.set_yticks(range(0, len(grid), every), named)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(grid.columns) <= _WRITTEN:
        ax.set_xticks(range(len(grid.columns)), [str(age) for age in grid.columns])
    first = later[later["age"] == 1]
    back = first["participants"].sum() / max(first["size"].sum(), 1)
    top = later.iloc[int(later["share"].to_numpy().argmax())]
    alt = (
        f"Heat map of {many(people, 'participant')} in "
        f"{many(found['cohort'].nunique(), 'cohort')}: one step after their first entry {back:.0%} "
        f"wrote again; the most, {top['share']:.0%}, of those who began {top['cohort']:%Y-%m-%d}, "
        f"{many(top['age'], 'step')} later."
    )
    return Said(people, alt)


def _map(ax: Axes, grid: pd.DataFrame, label: str, *, share: bool = False) -> None:
    """Draw a grid, its first row on top, and the bar of its colours: counts, or shares in per cent."""
    values = grid.to_numpy("float64")
    highest = float(np.nanmax(values, initial=0)) or 1
    picture = ax.imshow(values, cmap=HEAT, aspect="auto", vmin=0, vmax=highest)
    figure: Any = ax.get_figure(root=True)
    bar = figure.colorbar(picture, ax=ax, label=label)
    bar.outline.set_visible(False)
    if share:  # in ones, twos or fives: 12.5 % would be named 12 %
        bar.ax.yaxis.set_major_locator(MaxNLocator(steps=[1, 2, 5, 10]))
        bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g}%"))
    else:
        whole(bar.ax.yaxis)


def _write(ax: Axes, grid: pd.DataFrame) -> None:
    """Write into each cell of a small grid, light on dark and dark on light."""
    values = grid.to_numpy("float64")
    if max(values.shape) > _WRITTEN:
        return
    middle = np.nanmax(values, initial=0) / 2
    for (y, x), value in np.ndenumerate(values):
        if not np.isnan(value):
            ink = "black" if value > middle else "white"
            ax.text(x, y, _percent(value, None), color=ink, ha="center", va="center", fontsize=8)


def _percent(value: float, _: Any) -> str:
    return f"{value:.0%}" if value >= 0.1 or value == 0 else f"{value:.1%}"


def _form(dates: Any) -> str:
    """Return how to write these times: with the year where there are two, the hour where it counts."""
    hours = any(time.hour for time in dates)
    years = dates[0].year != dates[-1].year
    return ("%Y-" if years else "") + "%m-%d" + (" %H:00" if hours else "")
