"""Dots on a scale, with their intervals: rates, approvals, concentration, do moderators agree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Said,
    columns,
    legend,
    names,
    no_data,
    place,
    plot,
    read,
    say,
    undrawn,
)
from kit.text import many, short

__all__ = ["agreement", "approval", "concentration", "rates"]

_MOST = 25  # moderators that are read at notebook size
_MEASURES = {"gini": ("基尼系数", "Gini"), "top 1 %": ("最活跃 1 % 的份额", "top 1 %")}
_COUNTED = {
    "entries": ("记录", ("条", "entries")),
    "participants": ("参与者", ("人", "participants")),
}
_APART = 10  # from this ratio of the largest to the smallest on, the axis is a log axis


def _rates(table: Any) -> pd.DataFrame:
    """Read rates, what they are of as the first column."""
    of = "entries" if "entries" in columns(table) else "participants"
    return read(table, of, "place", "cases", numbers=("rate", "low", "high"))


def _of(found: pd.DataFrame) -> str:
    return str(found.columns[0])


@plot(
    _rates,
    ("与通报相比", "Participation and the bulletin"),
    lambda found: (
        f"每例对应的{_COUNTED[_of(found)][0]}",
        f"{_of(found)} per case, with the interval",
    ),
    unit=lambda found: _COUNTED[_of(found)][1],
    empty="No places.",
)
def rates(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.rates``: how many a case took part in each place, with the interval.

    The first twenty-five places are drawn. The axis is a log axis where places differ tenfold.
    There a place in which nobody took part has no dot: its line comes from the left edge, up to the
    limit. A place without cases has no rate. Returns the axes.
    """
    of, shown = _of(found), _first(found)
    rated = shown.dropna(subset="rate")
    none, some = rated[rated["rate"] == 0], rated[rated["rate"] > 0]
    log = _log(ax, rated)
    _dots(ax, some)
    ax.hlines(none["row"], ax.get_xlim()[0] if log else 0.0, none["high"], color=BLUE)
    ax.plot(none["high"], none["row"], "|", color=BLUE, markersize=10)
    if not log:
        ax.plot(none["rate"], none["row"], "o", color=BLUE)
    for row in shown.itertuples():
        words = _remark(row, of)
        if words:
            at = (6, 9) if row.rate == 0 else (6, 0)  # above its line, where there is one
            near: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
            ax.annotate(words, (0, row.row), at, va="center", fontsize=8, color=GREY, **near)
    _rows(ax, map(place, shown["place"]))
    more = undrawn(len(found) - _MOST, "个地点", "more places")
    return Said(int(found[of].sum()), _rates_alt(shown, of), more)


def _rates_alt(found: pd.DataFrame, of: str) -> str:
    rows: Any = found.itertuples()
    said = [
        f"{short(row.place)} {row.rate:.3g} ({row.low:.3g} to {row.high:.3g})"
        if pd.notna(row.rate)
        else f"{short(row.place)} has no cases"
        for row in rows
    ]
    return f"Dots with intervals, {of} per case: {'; '.join(said[:9])}."


def _remark(row: Any, of: str) -> str:
    if pd.isna(row.rate):
        return say("没有病例", "no cases, no rate")
    if row.rate == 0:
        return say("没有人参与", f"no {of}: only a limit")
    return ""


def _log(ax: Axes, rated: pd.DataFrame) -> bool:
    """Choose the scale of the x axis, and its limits; return whether it is a log one."""
    # Where nobody took part, the limit has to be on the axis, too.
    positive = rated["low"].where(rated["low"] > 0, rated["high"])
    ends = rated["high"].max() if len(rated) else 1.0
    if len(positive) and ends / positive.min() >= _APART:
        ax.set_xscale("log")
        ax.set_xlim(positive.min() / 2, ends * 2)
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
        return True
    ax.set_xlim(0, (ends * 1.15) or 1)
    return False


@plot(
    lambda table: read(
        table, "moderator", numbers=("decisions", "approved", "rate", "low", "high")
    ),
    ("审核通过了多少", "How much moderators approve"),
    ("通过的比例，带区间", "share approved, with the interval"),
    unit=("次决定", "decisions"),
    empty="No decisions.",
)
def approval(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.approval``: the share that each moderator approved, with its interval.

    The twenty-five with the most decisions are drawn. Returns the axes.
    """
    shown, number = _first(found), int(found["decisions"].sum())
    _dots(ax, shown)
    _rows(ax, [f"{_address(row.moderator)} ({row.decisions:,})" for row in shown.itertuples()])
    ax.set_xlim(max(0.0, np.floor(shown["low"].min() * 10) / 10 - 0.02), 1.01)
    ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    low, high = found["rate"].min(), found["rate"].max()
    alt = (
        f"Dots with intervals: {many(len(found), 'moderator')}, {many(number, 'first decision')}; "
        f"the shares approved run from {low:.0%} to {high:.0%}, "
        f"of all {found['approved'].sum() / number:.0%}."
    )
    return Said(number, alt, undrawn(len(found) - _MOST, "位"))


@plot(
    lambda table: read(table, "moderator", "other", numbers=("entries", "agreed", "kappa")),
    ("审核员是否一致", "Do moderators agree?"),
    ("一致的比例与 κ", "share agreed, and kappa"),
    unit=("条两人都审过", "entries that both decided"),
)
def agreement(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.agreement``: how far two moderators agree, and Cohen's kappa, a row a pair.

    At kappa 0 they agree as often as chance would have it. A pair without kappa has no square. The
    twenty-five pairs with the most entries are drawn. Returns the axes.
    """
    if not len(found):
        no_data(ax, "没有两人都审过的记录", "no entry that two moderators decided")
        return Said(0, "No entry that two moderators decided.")
    found = found.sort_values("entries", ascending=False, kind="stable", ignore_index=True)
    shown, number = _first(found), int(found["entries"].sum())
    ax.axvline(0, color=GREY, linewidth=1, linestyle="--")
    ax.plot(shown["kappa"], shown["row"], "s", color=ORANGE, label=say("κ（0 为偶然）", "kappa"))
    ax.plot(shown["agreed"], shown["row"], "o", color=BLUE, label=say("一致", "agreed"))
    rows: Any = shown.itertuples()
    pairs = [f"{_address(x.moderator)} · {_address(x.other)} ({x.entries:,})" for x in rows]
    _rows(ax, pairs, 34, max(0.8, 0.12 * len(shown)))
    ax.set_xlim(min(-0.05, shown["kappa"].min() - 0.05), 1.05)
    legend(ax, "upper right")
    agreed = (found["agreed"] * found["entries"]).sum() / number
    alt = (
        f"Dots: {many(len(found), 'pair')} of moderators, {many(number, 'entry', 'entries')} that "
        f"both decided; they agree in {agreed:.0%}"
    ) + _kappas(found["kappa"].dropna())
    return Said(number, alt, undrawn(len(found) - _MOST, "对"))


def _kappas(kappa: pd.Series) -> str:
    return f"; kappa runs from {kappa.min():.2f} to {kappa.max():.2f}." if len(kappa) else "."


@plot(
    lambda table: read(table, "measure", numbers=("estimate", "low", "high", "participants")),
    ("集中在少数人吗", "Concentrated on a few?"),
    ("0 平均，1 一人独写", "0: even, 1: one wrote all"),
    unit=("人", "participants"),
    empty="No participants.",
)
def concentration(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.concentration``: the measures with their bootstrap intervals; return the axes."""
    found = _first(found).assign(rate=found["estimate"])
    people = int(found["participants"].max())
    _dots(ax, found)
    named = [_MEASURES.get(x, ("", x)) for x in found["measure"]]
    _rows(ax, [say(*both) if both[0] else both[1] for both in named])
    ax.set_xlim(-0.02, 1.02)
    said = [(row, _interval(row)) for row in found.itertuples()]
    for row, words in said:
        at: Any = (row.rate, row.row)
        ax.annotate(words, at, (0, 9), textcoords="offset points", ha="center", fontsize=8)
    measured = "; ".join(f"{short(row.measure)} {words}" for row, words in said)
    return Said(people, f"Dots with intervals, of {many(people, 'participant')}: {measured}.")


def _first(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are drawn, each with its place on the y axis, the first on top."""
    shown = found.head(_MOST)
    return shown.assign(row=range(len(shown))[::-1])


def _rows(ax: Axes, labels: Iterable[Any], columns: int = 28, room: float = 0) -> None:
    """Name the rows, and leave room above them, as for a legend."""
    names(ax, labels, columns)
    ax.set_ylim(-0.6, len(ax.get_yticks()) - 0.4 + room)


def _interval(row: Any) -> str:
    return f"{row.estimate:.2f}" + (
        "" if pd.isna(row.low) else f" ({row.low:.2f} – {row.high:.2f})"
    )


def _address(address: Any) -> str:
    """Return an address that fits at the side of a plot.

    >>> _address("0xC2F40518753BA0FD23cf254ab34281E00B6AfFa4")
    '0xC2F4…fFa4'
    """
    text = str(address)
    return f"{text[:6]}…{text[-4:]}" if len(text) == 42 else text


def _dots(ax: Axes, found: pd.DataFrame) -> None:
    ends: Any = [found["rate"] - found["low"], found["high"] - found["rate"]]
    ends = np.maximum(np.asarray(ends, "float64"), 0)  # a rounded limit may pass the rate
    ax.errorbar(found["rate"], found["row"], xerr=ends, fmt="o", color=BLUE, capsize=4)
