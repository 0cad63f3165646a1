"""Dots: of how many two counts are true at once, and how bursty people and places are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Said,
    columns,
    legend,
    no_data,
    place,
    plot,
    read,
    say,
    whole,
)
from kit.fonts import drawable
from kit.text import many, short

__all__ = ["alike", "burstiness", "witness_degrees"]

_FAR = 40  # counts beyond it make the axis a log one
_OFTEN = 10  # entries from which on B says something of one key
_NAMED = 10  # places or roles that get their name beside the dot
_UNITS = {
    "author": ("人", "participants"),
    "place": ("个地点", "places"),
    "role": ("种身份", "roles"),
    "diary": ("条", "entries"),
}


@plot(
    lambda table: read(table, numbers=("shared_minutes", "similar_texts")),
    ("像同一个人的账号？", "Accounts that look alike?"),
    ("两个账号都写了的分钟", "minutes in which both wrote"),
    ("相近的文字", "texts that are alike"),
    unit=("对账号", "pairs of accounts"),
    empty="No pair of accounts to ask about.",
)
def alike(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.alike``: pairs of accounts, by shared minutes and by similar texts.

    The more pairs, the larger the dot. No account is named: a dot is a question, and no verdict. Who
    they are is in the table. Returns the axes.
    """
    _bubbles(ax, found, "shared_minutes", "similar_texts", say("对", "pairs"))
    minutes, texts = ((found[name] > 0).sum() for name in found.columns)
    alt = (
        f"Dots: {many(len(found), 'pair')} of accounts to ask about, which is no verdict. "
        f"{texts:,} for similar texts (at most {found['similar_texts'].max():,}), {minutes:,} for "
        f"shared minutes (at most {found['shared_minutes'].max():,})."
    )
    return Said(len(found), alt, say("是问题，不是结论", "A question, no verdict"))


@plot(
    lambda table: read(table, numbers=("witnessed", "witnessed_by", "mutual")),
    ("作证与被见证", "Given and received"),
    ("为几人作证", "people whom they witnessed"),
    ("被几人见证", "people who witnessed them"),
    unit=("人", "people"),
    empty="No people.",
)
def witness_degrees(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.witness_degrees``: whom people witnessed, against who witnessed them.

    The more people, the larger the dot. On the grey line somebody gave as much as they got. Returns
    the axes.
    """
    end = found[["witnessed", "witnessed_by"]].max().min()
    as_many = say("一样多", "as many")
    ax.plot([0, end], [0, end], "--", color=GREY, linewidth=1, zorder=0, label=as_many)
    _bubbles(ax, found, "witnessed", "witnessed_by", say("人", "people"))
    gave, got = found["witnessed"] > 0, found["witnessed_by"] > 0
    pairs = int(found["witnessed"].sum())
    both = f", {found['mutual'].sum() / pairs:.0%} of them both ways" if pairs else ""
    alt = (
        f"Dots: of {many(len(found), 'person', 'people')} {int(gave.sum()):,} witnessed somebody, "
        f"{int(got.sum()):,} were witnessed, {int((gave & got).sum()):,} are both; "
        f"{many(pairs, 'pair')} of witness and author{both}."
    )
    return Said(len(found), alt)


def _bubbles(ax: Axes, found: pd.DataFrame, x: str, y: str, unit: str) -> None:
    """Draw a dot for each pair of counts; how many have it makes its area, by logarithm."""
    crowd = found.groupby([x, y]).size().reset_index(name="size")
    look: Any = {"color": BLUE, "alpha": 0.6, "edgecolors": "white", "linewidths": 0.5}
    ax.scatter(crowd[x], crowd[y], s=_area(crowd["size"]), **look)
    for size in [10**power for power in range(8) if 10**power < 10 * crowd["size"].max()]:
        ax.scatter([], [], s=_area(size), label=f"{size:,}", **look)
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, labelspacing=1, title=unit)
    for name, axis, scale, limits in (
        (x, ax.xaxis, ax.set_xscale, ax.set_xlim),
        (y, ax.yaxis, ax.set_yscale, ax.set_ylim),
    ):
        whole(axis)
        end = max(crowd[name].max(), 4)
        limits(-0.08 * end, 1.08 * end)
        if end > _FAR:
            scale("symlog", linthresh=1)
            limits(-0.3, 1.5 * end)
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _area(count: Any) -> Any:
    """Return the area of a dot in square points: 20 for one, 60 more for each tenfold.

    >>> float(_area(1)), float(_area(100))
    (20.0, 140.0)
    """
    return 20 + 60 * np.log10(count)


def _by(table: Any) -> pd.DataFrame:
    """Read who has which burstiness: the first of author, place and role that the table has, if any."""
    of = [name for name in ("author", "place", "role") if name in columns(table)][:1]
    return read(table, *of, numbers=("entries", "burstiness"))


def _of(found: pd.DataFrame) -> str:
    return str(found.columns[0]) if len(found.columns) > 2 else "diary"


@plot(
    _by,
    ("突发还是均匀", "In bursts, or evenly"),
    ("记录数", "entries"),
    ("突发度 B", "burstiness B"),
    unit=lambda found: _UNITS[_of(found)],
)
def burstiness(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.burstiness``: B of each author, place or role, by its entries; return the axes.

    A clock stands at -1, a Poisson process at 0; the grey line is the highest that so many entries
    can have (Kim and Jo 2016). Who has too few entries for B is not drawn, and counted below. Up to
    ten places or roles have their names; authors have none.
    """
    of = _of(found)
    shown = found.dropna(subset="burstiness").sort_values("entries", ignore_index=True)
    left, alt = len(found) - len(shown), "No entries with enough time between them."
    if len(shown):
        _between_clock_and_burst(ax, shown["entries"])
        ax.plot(shown["entries"], shown["burstiness"], "o", color=BLUE, alpha=0.6, markersize=5)
        if of in ("place", "role") and len(shown) <= _NAMED:
            _name(ax, shown, of)
        alt = _burstiness_alt(shown, of)
    else:
        no_data(ax)
    more = say(f"另有 {left:,} 项记录太少", f"{left:,} more have too few entries") if left else ""
    return Said(int(shown["entries"].sum()) if of == "diary" else len(shown), alt, more)


def _between_clock_and_burst(ax: Axes, entries: pd.Series) -> None:
    """Draw what B is measured against, and leave room for the legend above all that B can be."""
    low, high = entries.min() / 1.3, entries.max() * 1.3
    some = np.geomspace(max(low, 3), high, 100)
    root = np.sqrt(some - 2)  # as many times as entries, less one; and less one again
    bound = say("这么多记录的上限", "highest with so many entries")
    ax.plot(some, (root - 1) / (root + 1), color=GREY, linewidth=1, label=bound)
    lines = (
        ("--", ORANGE, "泊松过程", "Poisson process", 0),
        (":", "#000000", "时钟", "clock", -1),
    )
    for line, colour, chinese, english, value in lines:
        ax.plot([low, high], [value] * 2, line, color=colour, label=say(chinese, english))
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if high / low > 100:
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        _few_ticks(ax, low, high)
    ax.set_yticks([-1, -0.5, 0, 0.5, 1])
    ax.set_ylim(-1.15, 1.95)
    legend(ax, "upper left")


def _few_ticks(ax: Axes, low: float, high: float) -> None:
    """Mark ones, twos and fives on a short log axis: powers of ten alone would be one, or none."""
    steps = [step * 10**power for power in range(8) for step in (1, 2, 5)]
    inside = [step for step in steps if low <= step <= high] or [round(np.sqrt(low * high))]
    ax.set_xticks(inside, [f"{step:,}" for step in inside])
    ax.set_xticks([], minor=True)


def _name(ax: Axes, shown: pd.DataFrame, of: str) -> None:
    """Write the names beside the dots, above and below in turn so that neighbours stay apart."""
    for n, row in enumerate(shown.itertuples()):
        text = drawable(place(short(getattr(row, of), 20)))
        near: Any = {"textcoords": "offset points", "ha": "center", "fontsize": 8}
        near |= {"va": "bottom" if n % 2 else "top", "parse_math": False}
        ax.annotate(text, (row.entries, row.burstiness), (0, 6 if n % 2 else -6), **near)


def _burstiness_alt(shown: pd.DataFrame, of: str) -> str:
    if of == "diary":
        row = shown.iloc[0]
        return (
            f"A dot: the burstiness of {many(row['entries'], 'entry', 'entries')} is "
            f"{row['burstiness']:.2f}; a Poisson process has 0, a clock -1."
        )
    values, often = shown["burstiness"], shown[shown["entries"] >= _OFTEN]["burstiness"]
    one = {"author": "participant"}.get(of, of)
    alt = (
        f"Dots: burstiness of {many(len(shown), one)}, by entries; from {values.min():.2f} to "
        f"{values.max():.2f}, half above {values.median():.2f}."
    )
    if len(often):
        alt += (
            f" With {_OFTEN} entries or more {many(len(often), one)}, the most like a clock "
            f"{often.min():.2f}."
        )
    return alt
