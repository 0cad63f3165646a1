"""The kit's own fonts: which there are, and what they can draw.

They come with the kit (``tools/fonts.py`` makes them), and two with matplotlib. No font of the system
is asked for, so that cards and plots have the same letters on every machine. A text is drawn with the
first that has its character:

- Kit Sans: Noto Sans SC, what is in GB 2312, and all that isn't Chinese
- Kit Sans Rare: its other characters, as in rare names
- Kit Emoji: Noto Emoji
- Kit Signs: DejaVu Sans, for signs and for scripts that the others don't have

Kit Mono is DejaVu Sans Mono, for hashes.
"""

from __future__ import annotations

import os
import re
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kit.errors import KitError

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

__all__ = [
    "FAMILY",
    "FOLDER",
    "LACKING",
    "MONO",
    "SIGN",
    "drawable",
    "files",
    "missing",
    "register",
]

FOLDER: Final = Path(__file__).parent / "typefaces"

#: The names that texts are drawn with, in order; and those of hashes.
FAMILY: Final = ("Kit Sans", "Kit Sans Rare", "Kit Emoji", "Kit Signs")
MONO: Final = ("Kit Mono", *FAMILY)

#: What stands for a character that no font has, and what a picture with one says of it.
SIGN: Final = "\N{REPLACEMENT CHARACTER}"
LACKING: Final = (f"{SIGN}：画不出的字", "a character that can't be drawn")

_SELECTOR: Final = re.compile("[\ufe00-\ufe0f]")


def files() -> dict[str, Path]:
    """Return the file of each font, by our name for it. Raises KitError where one is missing."""
    found = {name: FOLDER / f"{name.replace(' ', '')}.ttf" for name in FAMILY[:3]}
    lacking = [path.name for path in found.values() if not path.is_file()]
    if lacking:
        fix = "Run `python tasks.py setup` in the kit's folder."
        raise KitError("the kit's fonts", f"no {', '.join(lacking)} in {FOLDER}", fix)
    theirs = Path(str(distribution("matplotlib").locate_file("matplotlib/mpl-data/fonts/ttf")))
    return found | {
        "Kit Signs": theirs / "DejaVuSans.ttf",
        "Kit Mono": theirs / "DejaVuSansMono.ttf",
    }


def register() -> None:
    """Make matplotlib know the fonts by our names, and nothing else by them.

    Its list of fonts is made anew where a file of another font is gone; so call this before drawing.
    Raises KitError where a font is missing, or where matplotlib is told to take none but its own.
    """
    if os.environ.get("MPL_IGNORE_SYSTEM_FONTS"):
        fix = "Take it out of the environment, and restart."
        raise KitError("matplotlib with any font", "MPL_IGNORE_SYSTEM_FONTS", fix)
    from matplotlib.font_manager import FontEntry, fontManager

    ours = [
        FontEntry(fname=str(path), name=name, weight=400, size="scalable")
        for name, path in files().items()
    ]
    if fontManager.ttflist[: len(ours)] == ours:
        return
    names = {name.lower() for name in MONO}
    others = [font for font in fontManager.ttflist if font.name.lower() not in names]
    fontManager.addfont(ours[0].fname)  # makes it forget what it has found until now
    fontManager.ttflist = ours + others


def drawable(text: str) -> str:
    r"""Return a text with a sign (U+FFFD) in the place of each character that no font has.

    Blanks of every kind become spaces, lines stay. Variation selectors go: each font has one form.
    Raises KitError where a font is missing.

    >>> drawable("瑨：\t👍\ufe0f क")
    '瑨： 👍 \ufffd'
    """
    lacking = missing(text)
    blank = re.sub(r"[^\S\n]", " ", _SELECTOR.sub("", text))
    return "".join(SIGN if c in lacking else c for c in blank)


def missing(text: str) -> str:
    """Return the characters that no font has, each once, in their order.

    Raises KitError where a font is missing.

    >>> missing("一क二ख क")
    'कख'
    """
    asked = dict.fromkeys(c for c in _SELECTOR.sub("", text) if not c.isspace())
    return "".join(c for c in asked if not any(f.get_char_index(ord(c)) for f in _opened()))


def columns(text: str) -> float:
    """Return how wide a drawable text is, in columns: a Chinese character takes two.

    Raises KitError where a font is missing.

    >>> columns("泉州"), columns("“”"), 1 < columns("W") < 2
    (4.0, 4.0, True)
    """
    return sum(map(_columns, text))


@cache
def _columns(character: str) -> float:
    for font in _opened():
        if font.get_char_index(ord(character)):
            font.set_size(10, 72)
            return round(font.load_char(ord(character)).linearHoriAdvance / 65536 / 5, 3)
    return 2.0


@cache
def _opened() -> list[FT2Font]:
    from matplotlib.ft2font import FT2Font

    found = files()
    return [FT2Font(str(found[name])) for name in FAMILY]
