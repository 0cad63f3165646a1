"""Dots on a scale, with their intervals: rates, approvals, concentration, do moderators agree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

from kit.analysis.participation import PREFECTURES
from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Said,
    axes,
    counted,
    finish,
    is_simulated,
    legend,
    names,
    no_data,
    read,
    say,
    title,
)
from kit.text import many, short

__all__ = ["agreement", "approval", "concentration", "rates"]

_MOST = 25  # moderators that are read at notebook size
_MEASURES = {"gini": ("基尼系数", "Gini"), "top 1 %": ("最活跃 1 % 的份额", "top 1 %")}
_APART = 10  # from this ratio of the largest to the smallest on, the axis is a log axis


def rates(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.rates``: how many a case took part in each place, with the interval.

    The first twenty-five places are drawn. The axis is a log axis where places differ tenfold.
    There a place in which nobody took part has no dot: its line comes from the left edge, up to the
    limit. A place without cases has no rate. Returns the axes.
    """
    of = "entries" if "entries" in _names(table) else "participants"
    found = counted(read(table, "place", "cases", of, "rate", "low", "high"), "rate", "low", "high")
    number, undrawn = int(found[of].sum()), max(len(found) - _MOST, 0)
    found = found.head(_MOST)
    found = found.assign(row=range(len(found))[::-1])
    rated = found.dropna(subset="rate")
    ax = axes(ax)
    chinese = {"entries": "记录", "participants": "参与者"}[of]
    ax.set_xlabel(say(f"每例对应的{chinese}", f"{of} per case, with the interval"))
    title(ax, "与通报相比", "Participation and the bulletin")
    alt = "No places."
    if len(found):
        none = rated[rated["rate"] == 0]
        log = _log(ax, rated)
        left = ax.get_xlim()[0] if log else 0.0
        some = rated[rated["rate"] > 0]
        _dots(ax, some)
        ax.hlines(none["row"], left, none["high"], color=BLUE)
        ax.plot(none["high"], none["row"], "|", color=BLUE, markersize=10)
        if not log:
            ax.plot(none["rate"], none["row"], "o", color=BLUE)
        for row in found.itertuples():
            words = _remark(row, of)
            if words:
                at = (6, 9) if row.rate == 0 else (6, 0)  # above its line, where there is one
                near: Any = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points"}
                ax.annotate(words, (0, row.row), at, va="center", fontsize=8, color=GREY, **near)
        names(ax, [say(p, PREFECTURES[p]) if p in PREFECTURES else p for p in found["place"]])
        ax.set_ylim(-0.6, len(found) - 0.4)
        alt = _rates_alt(found, of)
    else:
        no_data(ax)
    unit = {"entries": ("条", "entries"), "participants": ("人", "participants")}[of]
    words = say(f"另有 {undrawn:,} 个地点未画", f"{undrawn:,} more places are not drawn")
    more = words if undrawn else ""
    return finish(ax, Said(source, number, unit, alt, is_simulated(table), more))


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


def approval(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.approval``: the share that each moderator approved, with its interval.

    The twenty-five with the most decisions are drawn. Returns the axes.
    """
    columns = ("decisions", "approved", "rate", "low", "high")
    found = counted(read(table, "moderator", *columns), *columns)
    shown = found.head(_MOST)
    shown = shown.assign(row=range(len(shown))[::-1])
    ax = axes(ax)
    ax.set_xlabel(say("通过的比例，带区间", "share approved, with the interval"))
    title(ax, "审核通过了多少", "How much moderators approve")
    number, alt = int(found["decisions"].sum()), "No decisions."
    if len(shown):
        _dots(ax, shown)
        names(ax, [f"{_address(row.moderator)} ({row.decisions:,})" for row in shown.itertuples()])
        ax.set_ylim(-0.6, len(shown) - 0.4)
        ax.set_xlim(max(0.0, np.floor(shown["low"].min() * 10) / 10 - 0.02), 1.01)
        ax.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        low, high = found["rate"].min(), found["rate"].max()
        alt = (
            f"Dots with intervals: {many(len(found), 'moderator')}, {many(number, 'first decision')}; "
            f"the shares approved run from {low:.0%} to {high:.0%}, "
            f"of all {found['approved'].sum() / number:.0%}."
        )
    else:
        no_data(ax)
    left = len(found) - len(shown)
    more = say(f"另有 {left:,} 位未画", f"{left:,} more are not drawn") if left else ""
    unit = ("次决定", "decisions")
    return finish(ax, Said(source, number, unit, alt, is_simulated(table), more))


def agreement(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.agreement``: how far two moderators agree, and Cohen's kappa, a row a pair.

    At kappa 0 they agree as often as chance would have it. A pair without kappa has no square. The
    twenty-five pairs with the most entries are drawn. Returns the axes.
    """
    columns = ("entries", "agreed", "kappa")
    found = counted(read(table, "moderator", "other", *columns), *columns)
    found = found.sort_values("entries", ascending=False, kind="stable", ignore_index=True)
    shown = found.head(_MOST)
    shown = shown.assign(row=range(len(shown))[::-1])
    ax = axes(ax)
    ax.set_xlabel(say("一致的比例与 κ", "share agreed, and kappa"))
    title(ax, "审核员是否一致", "Do moderators agree?")
    number, alt = int(found["entries"].sum()), "No entry that two moderators decided."
    if len(shown):
        ax.axvline(0, color=GREY, linewidth=1, linestyle="--")
        ax.plot(
            shown["kappa"], shown["row"], "s", color=ORANGE, label=say("κ（0 为偶然）", "kappa")
        )
        ax.plot(shown["agreed"], shown["row"], "o", color=BLUE, label=say("一致", "agreed"))
        rows: Any = shown.itertuples()
        names(
            ax, [f"{_address(x.moderator)} · {_address(x.other)} ({x.entries:,})" for x in rows], 34
        )
        ax.set_ylim(-0.6, len(shown) - 0.4 + max(0.8, 0.12 * len(shown)))  # the legend's room
        ax.set_xlim(min(-0.05, shown["kappa"].min() - 0.05), 1.05)
        legend(ax, "upper right")
        agreed = (found["agreed"] * found["entries"]).sum() / number
        alt = (
            f"Dots: {many(len(found), 'pair')} of moderators, {many(number, 'entry', 'entries')} that "
            f"both decided; they agree in {agreed:.0%}"
        ) + _kappas(found["kappa"].dropna())
    else:
        no_data(ax, "没有两人都审过的记录", "no entry that two moderators decided")
    left = len(found) - len(shown)
    more = say(f"另有 {left:,} 对未画", f"{left:,} more are not drawn") if left else ""
    unit = ("条两人都审过", "entries that both decided")
    return finish(ax, Said(source, number, unit, alt, is_simulated(table), more))


def _kappas(kappa: pd.Series) -> str:
    return f"; kappa runs from {kappa.min():.2f} to {kappa.max():.2f}." if len(kappa) else "."


def concentration(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.concentration``: the measures with their bootstrap intervals; return the axes."""
    columns = ("estimate", "low", "high", "participants")
    found = counted(read(table, "measure", *columns), *columns)
    found = found.assign(row=range(len(found))[::-1], rate=found["estimate"])
    ax = axes(ax)
    ax.set_xlabel(say("0 平均，1 一人独写", "0: even, 1: one wrote all"))
    title(ax, "集中在少数人吗", "Concentrated on a few?")
    people, alt = int(found["participants"].max()) if len(found) else 0, "No participants."
    if len(found):
        _dots(ax, found)
        named = [_MEASURES.get(x, ("", x)) for x in found["measure"]]
        names(ax, [say(*both) if both[0] else both[1] for both in named])
        ax.set_ylim(-0.6, len(found) - 0.4)
        ax.set_xlim(-0.02, 1.02)
        said = [f"{short(x.measure)} {_interval(x)}" for x in found.itertuples()]
        alt = f"Dots with intervals, of {many(people, 'participant')}: {'; '.join(said)}."
        for row, words in zip(found.itertuples(), map(_interval, found.itertuples()), strict=True):
            at: Any = (row.rate, row.row)
            ax.annotate(words, at, (0, 9), textcoords="offset points", ha="center", fontsize=8)
    else:
        no_data(ax)
    return finish(ax, Said(source, people, ("人", "participants"), alt, is_simulated(table)))


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


def _names(table: Any) -> list[str]:
    return list(getattr(table, "columns", []))
