"""Plots of the tables in ``kit.participation``: units, source line, Chinese text, one house style.

The colours are Okabe and Ito's, which people with colour-blindness can tell apart (M. Okabe and
K. Ito, Color Universal Design, 2008).
"""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kit.fonts import chinese_font
from kit.participation import PREFECTURES

__all__ = ["by_place", "daily"]

_BLUE, _ORANGE, _GREY = "#0072B2", "#E69F00", "#595959"


def daily(table: pd.DataFrame, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.daily``: entries a day as bars, participants so far as a line."""
    ax = _axes(ax)
    ax.bar(
        table.index,
        table["entries"],
        width=0.7,
        color=_BLUE,
        label=_say("每日记录", "entries a day"),
    )
    ax.plot(
        table.index,
        table["total"],
        color=_ORANGE,
        marker="o",
        label=_say("累计参与者", "participants so far"),
    )
    locator: Any = mdates.AutoDateLocator(minticks=3, maxticks=12)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    ax.set_xlabel(_say("日期（北京时间）", "day, China Standard Time"))
    ax.set_ylabel(_say("条 / 人", "entries / people"))
    ax.set_title(_say("谁在记录：每日与累计", "Who took part, day by day"))
    ax.legend(frameon=False, loc="upper left")
    return _finish(ax, source, int(table["entries"].sum()))


def by_place(table: pd.DataFrame, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.by_place``: entries and participants of each place, as bars."""
    ax = _axes(ax)
    labels = [_place(place) for place in table.index][::-1]
    rows = range(len(table))
    values = table.iloc[::-1]
    ax.barh(
        [y + 0.2 for y in rows], values["entries"], 0.4, color=_BLUE, label=_say("记录", "entries")
    )
    ax.barh(
        [y - 0.2 for y in rows],
        values["participants"],
        0.4,
        color=_ORANGE,
        label=_say("参与者", "participants"),
    )
    ax.set_yticks(list(rows), labels)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(_say("条 / 人", "entries / people"))
    ax.set_title(_say("记录来自哪里", "Where the entries come from"))
    ax.legend(frameon=False, loc="lower right")
    return _finish(ax, source, int(table["entries"].sum()))


def _axes(ax: Axes | None) -> Axes:
    """Return the axes to draw on, in the house style."""
    font = chinese_font()
    mpl.rcParams["font.family"] = [font, "DejaVu Sans"] if font else ["DejaVu Sans"]
    mpl.rcParams["axes.unicode_minus"] = False
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 4.2), dpi=100, layout="constrained")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _say(chinese: str, english: str) -> str:
    """Return a label in both languages, or in English where no font has Chinese."""
    return f"{chinese} {english}" if chinese_font() else english


def _place(place: str) -> str:
    english = PREFECTURES.get(place)
    return _say(place, english) if english else _drawable(place)


def _drawable(text: str) -> str:
    """Return a text without the characters that would be boxes where no font has Chinese."""
    return text if chinese_font() else text.encode("ascii", "replace").decode()


def _finish(ax: Axes, source: str, size: int) -> Axes:
    note = f"n = {size:,} {_say('条', 'entries')}. {_say('来源', 'Source')}: {_drawable(source)}"
    ax.annotate(
        note,
        (0, 0),
        (0, -46),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8,
        color=_GREY,
        va="top",
    )
    return ax
