"""Plots of counts as bars: places, roles, words, texts, witnesses of an entry, and appeals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from kit.analysis.plots.style import (
    BLUE,
    GREY,
    ORANGE,
    Plot,
    Said,
    legend,
    names,
    place,
    plot,
    read,
    say,
    undrawn,
    whole,
)
from kit.text import clean, many, short

__all__ = ["appeals", "by_place", "by_role", "repeated_texts", "witnesses", "words"]

_MOST = 15  # rows that are read at notebook size
_CROWD = 15  # witnesses: from here on, entries share a bar
_ROLES = {
    "resident": "居民",
    "volunteer": "志愿者",
    "student": "学生",
    "nurse": "护士",
    "doctor": "医生",
    "teacher": "教师",
    "courier": "骑手",
    "driver": "司机",
    "shopkeeper": "店主",
    "community worker": "社区工作者",
}
_ENTRIES = ("条", "entries")
_DECISIONS = {"reject": "拒绝", "suspend": "暂停", "approve": "通过", "reinstate": "恢复"}
_ANSWERS = (
    ("yes", BLUE, "white", "维持", "decision stays"),
    ("no", ORANGE, "black", "改变", "decision turned"),
    ("open", GREY, "white", "未答复", "no answer yet"),
)


def _role(role: Any) -> str:
    chinese = _ROLES.get(role)
    return say(chinese, role) if chinese else str(role)


def _by(name: str, *named: str) -> Callable[[Callable[[pd.DataFrame, Axes], Said]], Plot]:
    return plot(
        lambda table: read(table, name, numbers=("entries", "participants")),
        (named[0], named[1]),
        ("条 / 人", "entries / people"),
        unit=_ENTRIES,
        empty="No entries.",
    )


@_by("place", "记录来自哪里", "Where the entries come from")
def by_place(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.by_place``: entries and participants of each place; return the axes.

    The first fifteen places are drawn; the line below says how many more there are.
    """
    return _pairs(found, ax, place, "from")


@_by("role", "谁在写：身份", "Who writes: roles")
def by_role(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.by_role`` as ``by_place``; return the axes."""
    return _pairs(found, ax, _role, "from")


@_by("text", "重复出现的文字", "Texts that came again")
def repeated_texts(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.repeated_texts``: entries and participants of each text; return the axes.

    Many entries of one participant are one account that repeats itself; as many participants as
    entries are a slogan, a form, or one person with many keys. The fifteen first are drawn.
    """
    return _pairs(found, ax, str, "with")


def _pairs(found: pd.DataFrame, ax: Axes, label: Callable[[Any], str], of: str) -> Said:
    """Draw entries and participants of each place, role or text, the first on top."""
    name = str(found.columns[0])
    shown = found.head(_MOST).iloc[::-1]
    rows = range(len(shown))
    for column, colour, chinese, up in (
        ("entries", BLUE, "记录", 0.2),
        ("participants", ORANGE, "参与者", -0.2),
    ):
        at = [y + up for y in rows]
        ax.barh(at, shown[column], 0.4, color=colour, label=say(chinese, column))
    names(ax, [label(value) for value in found[name].head(_MOST)], 32)
    whole(ax.xaxis)
    ax.set_ylim(-0.6, len(shown) - 0.4 + max(0.8, 0.25 * len(shown)))  # the legend's room
    legend(ax, "upper right")
    entries = int(found["entries"].sum())
    first = ", ".join(
        f"{short(getattr(row, name))} {row.entries:,} from {many(row.participants, 'participant')}"
        for row in found[:3].itertuples()
    )
    alt = f"Bars: {many(entries, 'entry', 'entries')} {of} {many(len(found), name)}. The most: {first}."
    return Said(entries, alt, undrawn(len(found) - _MOST))


def _added_up(table: Any) -> pd.DataFrame:
    found = read(table, "word", numbers=("entries",))
    found = found.groupby("word", sort=False)[["entries"]].sum().reset_index()
    return found.sort_values("entries", ascending=False, kind="stable", ignore_index=True)


@plot(
    _added_up,
    ("写得最多的词", "The most common words"),
    ("条记录含有这个词", "entries with the word"),
    unit=("个不同的词", "different words"),
    empty="No words.",
)
def words(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.words``: the fifteen most common words, by entries; return the axes.

    Of a table by day or place, the entries of all days or places are added up. Participants can't
    be: who wrote a word on two days is in both rows.
    """
    shown = found.head(_MOST)
    ax.barh(range(len(shown))[::-1], shown["entries"], 0.7, color=BLUE)
    names(ax, shown["word"])
    whole(ax.xaxis)
    first = ", ".join(f"{clean(row.word)} ({row.entries:,})" for row in found[:3].itertuples())
    common = f"{len(shown)} most common of {many(len(found), 'word')}"
    alt = f"Bars of the {common}, by the entries that have them: {first} first."
    return Said(len(found), alt, undrawn(len(found) - _MOST))


@plot(
    lambda table: read(table, numbers=("witnesses",))["witnesses"].astype("int64"),
    ("每条记录有几位见证人", "Witnesses of each entry"),
    ("一条记录的见证人数", "witnesses of an entry"),
    _ENTRIES,
    unit=_ENTRIES,
    empty="No entries.",
)
def witnesses(found: pd.Series, ax: Axes) -> Said:
    """Plot ``participation.witnesses``: how many entries have how many witnesses; return the axes.

    Entries with fifteen witnesses or more share the last bar.
    """
    crowd = found.clip(upper=_CROWD).value_counts()
    each = crowd.reindex(range(int(crowd.index.max()) + 1), fill_value=0)
    bars = ax.bar(each.index, each, 0.7, color=BLUE)
    ax.bar_label(bars, [f"{value:,}" for value in each], fontsize=8)
    ax.set_xticks(each.index, [f"{n}+" if n == _CROWD else f"{n}" for n in each.index])
    ax.set_xlim(-0.8, max(len(each) - 0.2, 3))
    whole(ax.yaxis)
    alt = (
        f"Bars: of {many(len(found), 'entry', 'entries')} {int((found == 0).sum()):,} without a "
        f"witness; the mean is {found.mean():.2f}, the most {found.max():,}."
    )
    return Said(len(found), alt)


@plot(
    lambda table: read(table, "appealed", "upheld"),
    ("申诉的结果", "What became of appeals"),
    ("申诉", "appeals"),
    unit=("次申诉", "appeals"),
    empty="No appeals.",
)
def appeals(found: pd.DataFrame, ax: Axes) -> Said:
    """Plot ``participation.appeals``: what became of appeals, by the decision that they are about.

    Returns the axes.
    """
    counts = found.groupby(["appealed", "upheld"]).size().unstack(fill_value=0)
    counts = counts.reindex([x for x in _DECISIONS if x in counts.index][::-1])
    counts = counts.reindex(columns=[answer[0] for answer in _ANSWERS], fill_value=0)
    before = pd.Series(0, index=counts.index)
    for answer, colour, ink, chinese, english in _ANSWERS:
        size, rows = counts[answer], range(len(counts))
        bars = ax.barh(rows, size, 0.6, before, color=colour, label=say(chinese, english))
        said = [f"{value:,}" if value else "" for value in size]
        ax.bar_label(bars, said, label_type="center", color=ink, fontsize=8)
        before = before + size
    names(ax, [say(_DECISIONS[x], x) for x in counts.index[::-1]])
    whole(ax.xaxis)
    ax.set_ylim(-0.6, len(counts) - 0.4 + max(0.8, 0.4 * len(counts)))  # the legend's room
    legend(ax, "upper right")
    yes, no, left = counts.sum()
    alt = (
        f"Stacked bars: of {many(len(found), 'appeal')} the decision stays in {yes:,} and is turned "
        f"in {no:,}; without an answer yet: {left:,}."
    )
    return Said(len(found), alt)
