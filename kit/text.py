"""What is about text and nothing else: one line of it, its width, where lines break, words for numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any, Final

__all__ = ["Width", "clean", "duration", "fill", "many", "short", "width", "wrap"]

#: How many columns a text takes: ``width``, or that of a font, as ``kit.fonts.columns``.
Width = Callable[[str], float]

_CLOSING: Final = "，。、；：？！）》」』”’…"
_CUT: Final = "…（此处截断 · cut here）"


def clean(text: Any) -> str:
    r"""Return a text of somebody's in one line, without characters that steer a screen.

    >>> clean("a\n b\u202e\x00")
    'a b'
    """
    kept = "".join(" " if c.isspace() else c for c in str(text))
    kept = "".join(c for c in kept if unicodedata.category(c)[0] != "C")
    return re.sub(" +", " ", kept).strip()


def short(text: Any, columns: int = 28) -> str:
    """Return a text of somebody's that fits in so many columns; a Chinese character takes two.

    >>> short("0xC2F40518753BA0FD23cf254ab34281E00B6AfFa4", 11)
    '0xC2F40518…'
    """
    whole = clean(text)
    if width(whole) <= columns:
        return whole
    whole = whole[:columns]  # a character takes a column at least; a stranger's text may be long
    while width(whole) > columns - 1:
        whole = whole[:-1]
    return whole + "…"


def width(text: str) -> int:
    """Return how many columns a text takes.

    >>> width("泉州 A"), width("“”")
    (6, 4)
    """
    # A, the ambiguous: as wide as Chinese in a font that has Chinese.
    return sum(2 if unicodedata.east_asian_width(c) in "WFA" else 1 for c in text)


def many(count: Any, one: str, more: str = "") -> str:
    """Return a count with its noun.

    >>> many(1, "entry", "entries"), many(2_000, "place")
    ('1 entry', '2,000 places')
    """
    return f"{count:,.0f} {one if count == 1 else more or one + 's'}"


def duration(seconds: float) -> str:
    """Return a time in words.

    >>> duration(0), duration(95), duration(5_400), duration(200_000)
    ('0 s', '1.6 min', '1.5 h', '2.3 d')
    """
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.1f} {name}"
    return f"{seconds:.0f} s"


def fill(text: str, columns: float, width: Width = width) -> list[str]:
    """Return a text as lines of so many columns: broken at spaces, in Chinese anywhere.

    Latin words stay whole where they can. No line begins with a closing mark: it hangs over.

    >>> fill("来源 Source: a diary", 12)
    ['来源 Source:', 'a diary']
    """
    lines = [""]
    for character in text:
        line = lines[-1]
        if width(line + character) > columns and character not in _CLOSING:
            head, blank, tail = line.rpartition(" ")
            if not (blank and head and tail.isascii() and character.isascii() and character != " "):
                head, tail = line, ""
            lines[-1:] = [head, tail]
        lines[-1] += character if lines[-1] or character != " " else ""
    return lines


def wrap(text: str, columns: float, rows: int, width: Width = width) -> list[str]:
    r"""Return at most so many lines; what doesn't fit is cut, with a sign that it was.

    >>> wrap("一二三四五六七八九十\n十一", 28, 1)
    ['一…（此处截断 · cut here）']
    """
    lines = [line for paragraph in text.split("\n") for line in fill(paragraph, columns, width)]
    if len(lines) <= rows:
        return lines
    return [*lines[: rows - 1], fill(lines[rows - 1], columns - width(_CUT), width)[0] + _CUT]
