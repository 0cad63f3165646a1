"""Plots of counts as bars: places, roles, words, texts, witnesses of an entry, and appeals."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes

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
_DECISIONS = {"reject": "拒绝", "suspend": "暂停", "approve": "通过", "reinstate": "恢复"}
_ANSWERS = (
    ("yes", BLUE, "white", "维持", "decision stays"),
    ("no", ORANGE, "black", "改变", "decision turned"),
    ("open", GREY, "white", "未答复", "no answer yet"),
)


def by_place(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.by_place``: entries and participants of each place; return the axes.

    The first fifteen places are drawn; the line below says how many more there are.
    """
    named = ("记录来自哪里", "Where the entries come from")
    return _pairs(table, "place", _place, named, ax, source)


def by_role(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.by_role`` as ``by_place``; return the axes."""
    named = ("谁在写：身份", "Who writes: roles")
    return _pairs(table, "role", _role, named, ax, source)


def repeated_texts(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.repeated_texts``: entries and participants of each text; return the axes.

    Many entries of one participant are one account that repeats itself; as many participants as
    entries are a slogan, a form, or one person with many keys. The fifteen first are drawn.
    """
    named = ("重复出现的文字", "Texts that came again")
    return _pairs(table, "text", str, named, ax, source)


def words(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.words``: the fifteen most common words, by entries; return the axes.

    Of a table by day or place, the entries of all days or places are added up. Participants can't
    be: who wrote a word on two days is in both rows.
    """
    found = counted(read(table, "word", "entries"), "entries")
    found = found.groupby("word", sort=False)[["entries"]].sum().reset_index()
    found = found.sort_values("entries", ascending=False, kind="stable", ignore_index=True)
    shown = found.head(_MOST)
    ax = axes(ax)
    ax.barh(range(len(shown))[::-1], shown["entries"], 0.7, color=BLUE)
    names(ax, shown["word"])
    whole(ax.xaxis)
    ax.set_xlabel(say("条记录含有这个词", "entries with the word"))
    title(ax, "写得最多的词", "The most common words")
    alt = "No words."
    if len(found):
        first = ", ".join(f"{clean(row.word)} ({row.entries:,})" for row in found[:3].itertuples())
        common = f"{len(shown)} most common of {many(len(found), 'word')}"
        alt = f"Bars of the {common}, by the entries that have them: {first} first."
    else:
        no_data(ax)
    unit = ("个不同的词", "different words")
    return finish(ax, Said(source, len(found), unit, alt, is_simulated(table), _rest(found)))


def witnesses(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.witnesses``: how many entries have how many witnesses; return the axes.

    Entries with fifteen witnesses or more share the last bar.
    """
    found = counted(read(table, "witnesses"), "witnesses")["witnesses"].astype("int64")
    crowd = found.clip(upper=_CROWD).value_counts()
    each = crowd.reindex(range(int(crowd.index.max()) + 1 if len(crowd) else 0), fill_value=0)
    ax = axes(ax)
    ax.set_xlabel(say("一条记录的见证人数", "witnesses of an entry"))
    ax.set_ylabel(say("条", "entries"))
    title(ax, "每条记录有几位见证人", "Witnesses of each entry")
    if len(each):
        bars = ax.bar(each.index, each, 0.7, color=BLUE)
        ax.bar_label(bars, [f"{value:,}" for value in each], fontsize=8)
        ax.set_xticks(each.index, [f"{n}+" if n == _CROWD else f"{n}" for n in each.index])
        ax.set_xlim(-0.8, max(len(each) - 0.2, 3))
        whole(ax.yaxis)
        alt = (
            f"Bars: of {many(len(found), 'entry', 'entries')} {int((found == 0).sum()):,} without a "
            f"witness; the mean is {found.mean():.2f}, the most {found.max():,}."
        )
    else:
        no_data(ax)
        alt = "No entries."
    return finish(ax, Said(source, len(found), ("条", "entries"), alt, is_simulated(table)))


def appeals(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
    """Plot ``participation.appeals``: what became of appeals, by the decision that they are about.

    Returns the axes.
    """
    found = read(table, "appealed", "upheld")
    counts = found.groupby(["appealed", "upheld"]).size().unstack(fill_value=0)
    counts = counts.reindex([x for x in _DECISIONS if x in counts.index][::-1])
    counts = counts.reindex(columns=[answer[0] for answer in _ANSWERS], fill_value=0)
    ax = axes(ax)
    ax.set_xlabel(say("申诉", "appeals"))
    title(ax, "申诉的结果", "What became of appeals")
    alt = "No appeals."
    if len(counts):
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
    else:
        no_data(ax)
    return finish(ax, Said(source, len(found), ("次申诉", "appeals"), alt, is_simulated(table)))


def _pairs(
    table: Any, name: str, label: Any, named: tuple[str, str], ax: Axes | None, source: str
) -> Axes:
    """Draw entries and participants of each place, role or text, the first on top."""
    found = counted(read(table, name, "entries", "participants"), "entries", "participants")
    shown, more = found.head(_MOST).iloc[::-1], _rest(found)
    ax = axes(ax)
    rows = range(len(shown))
    for column, colour, chinese, up in (
        ("entries", BLUE, "记录", 0.2),
        ("participants", ORANGE, "参与者", -0.2),
    ):
        ax.barh(
            [y + up for y in rows], shown[column], 0.4, color=colour, label=say(chinese, column)
        )
    names(ax, [label(value) for value in found[name].head(_MOST)], 32)
    whole(ax.xaxis)
    ax.set_xlabel(say("条 / 人", "entries / people"))
    title(ax, *named)
    entries, alt = int(found["entries"].sum()), "No entries."
    if len(found):
        ax.set_ylim(-0.6, len(shown) - 0.4 + max(0.8, 0.25 * len(shown)))  # the legend's room
        legend(ax, "upper right")
        first = ", ".join(
            f"{short(getattr(row, name))} {row.entries:,} from {many(row.participants, 'participant')}"
            for row in found[:3].itertuples()
        )
        of = f"{'with' if name == 'text' else 'from'} {many(len(found), name)}"
        alt = f"Bars: {many(entries, 'entry', 'entries')} {of}. The most: {first}."
    else:
        no_data(ax)
    return finish(ax, Said(source, entries, ("条", "entries"), alt, is_simulated(table), more))


def _place(place: Any) -> str:
    english = PREFECTURES.get(place)
    return say(place, english) if english else str(place)


def _role(role: Any) -> str:
    chinese = _ROLES.get(role)
    return say(chinese, role) if chinese else str(role)


def _rest(found: pd.DataFrame) -> str:
    """Return what isn't drawn, for the line below."""
    left = len(found) - _MOST
    return say(f"另有 {left:,} 项未画", f"{left:,} more are not drawn") if left > 0 else ""
