"""Which font draws Chinese on this machine."""

from __future__ import annotations

import warnings
from functools import cache

from matplotlib import font_manager

__all__ = ["FONTS", "chinese_font", "drawable", "family"]

#: Fonts with Chinese, the one that the lessons' pictures were made with first.
FONTS = (
    "WenQuanYi Micro Hei",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)


@cache
def chinese_font() -> str | None:
    """Return the name of an installed font with Chinese, or None after one clear warning."""
    installed = {font.name for font in font_manager.fontManager.ttflist}
    found = next((name for name in FONTS if name in installed), None)
    if found is None:
        warnings.warn(
            "No font with Chinese is installed, so labels are in English only. "
            "Install one (Debian and Ubuntu: apt install fonts-wqy-microhei) and restart.",
            stacklevel=3,
        )
    return found


def family() -> list[str]:
    """Return the fonts that texts are drawn with; the second draws what the first doesn't have."""
    font = chinese_font()
    return [font, "DejaVu Sans"] if font else ["DejaVu Sans"]


def drawable(text: str) -> str:
    """Return a text with a sign (U+FFFD) in the place of each character that no font can draw."""
    known = _characters(tuple(family()))
    return "".join(c if ord(c) in known else "\N{REPLACEMENT CHARACTER}" for c in text)


@cache
def _characters(names: tuple[str, ...]) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    found: set[int] = set()
    for name in names:
        found |= set(FT2Font(font_manager.findfont(name)).get_charmap())
    return frozenset(found)
