"""The house style: colours, fonts, labels in two languages, the line below, words for the blind.

A plot is what it reads of a table, its drawing, and its sentence; ``plot`` does what all have in
common.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import partial, wraps
from html import escape
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar, cast

import matplotlib as mpl
import matplotlib.dates as mdates
import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from kit import fonts
from kit.analysis.participation import PREFECTURES, Growth
from kit.analysis.participation.frames import LEVELS, collect, frame
from kit.arguments import checked
from kit.errors import DataError
from kit.fonts import drawable
from kit.text import clean, duration, fill, short, width

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "HEAT",
    "ORANGE",
    "PALETTE",
    "VERMILION",
    "Plot",
    "Said",
    "alt_text",
    "columns",
    "date_axis",
    "duration_axis",
    "legend",
    "names",
    "no_data",
    "picture",
    "place",
    "plot",
    "read",
    "save",
    "say",
    "undrawn",
    "whole",
]

BLUE, ORANGE, GREEN, VERMILION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
GREY = "#595959"
#: Okabe and Ito's colours, the grey of what is said about a plot, and black.
PALETTE: Final = (
    *(BLUE, ORANGE, GREEN, VERMILION, "#56B4E9", "#CC79A7", "#F0E442"),
    *(GREY, "#000000"),
)
#: The colours of heat maps: even steps of lightness, the same for the colour-blind.
HEAT: Final = "cividis"

_SIMULATED: Final = ("模拟数据", "simulated")
#: The levels of rows that count, in Chinese: as in ``kit.core``, which tables know nothing of.
LEVELS_ZH: Final = {"consistent": "自身一致", "included": "已上链，未定", "final": "已上链，已定"}
_TIMES: Final = {
    1: "1 s",
    10: "10 s",
    60: "1 min",
    600: "10 min",
    3_600: "1 h",
    21_600: "6 h",
    86_400: "1 d",
    604_800: "7 d",
    2_592_000: "30 d",
    31_536_000: "365 d",
}


#: A text in Chinese and in English, or what makes it of what was read.
Words = tuple[str, str] | Callable[[Any], tuple[str, str]]
T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What a plot says of itself: how many (n), and the text that stands for the picture.

    ``size`` is None where the table doesn't say; ``more`` stands in the line below, too.
    """

    size: int | None
    alt: str
    more: str = ""


class Plot(Protocol):
    """A plot as it is called."""

    def __call__(self, table: Any, ax: Axes | None = None, *, source: str) -> Axes:
        """Draw a table on the axes, or on a figure of its own; return the axes."""


def plot(
    rows: Callable[[Any], T],
    named: Words,
    x: Words | None = None,
    y: Words | None = None,
    *,
    unit: Words,
    empty: str = "",
) -> Callable[[Callable[[T, Axes], Said]], Plot]:
    """Make a plot of a function that draws what ``rows`` read of a table, and says what is to be seen.

    ``named`` is the title, ``x`` and ``y`` label the axes, ``unit`` is what n counts. Where nothing was
    read and there is a sentence for it (``empty``), the function isn't asked. Nothing is drawn before
    the table was read; what the table says of itself (``simulated``, ``level`` and ``place``) goes on.
    """

    def of(draw: Callable[[T, Axes], Said]) -> Plot:
        @wraps(draw)
        def drawn(table: Any, ax: Axes | None = None, *, source: str) -> Axes:
            found = rows(table)
            ax = _axes(ax)
            if x:
                ax.set_xlabel(say(*_words(x, found)))
            if y:
                ax.set_ylabel(say(*_words(y, found)))
            _title(ax, *_words(named, found))
            if empty and not len(cast(Sized, found)):
                no_data(ax)
                said = Said(0, empty)
            else:
                said = draw(found, ax)
            return _finish(ax, said, source, _words(unit, found), _about(table))

        del cast(Any, drawn).__wrapped__  # whoever asks for help sees how it is called
        return drawn

    return of


def _words(words: Words, found: Any) -> tuple[str, str]:
    return words(found) if callable(words) else words


# --- tables --------------------------------------------------------------------------------------


def read(table: Any, *texts: str, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Return these columns of a small table in memory, its index among them; the table stays as it is.

    Raises DataError where it is no table, without one of the columns, or with something else than
    numbers in a column of ``numbers``.
    """
    asked = [*texts, *numbers]
    if isinstance(table, pd.DataFrame):
        inside = [name for name in table.index.names if name in asked]
        found = table.reset_index(inside) if inside else table
    else:
        found = collect(frame(table))
    missing = [name for name in asked if name not in found.columns]
    if missing:
        fix = "Pass the table of the function of kit.participation with the plot's name."
        got = f"one without {', '.join(missing)}"
        raise DataError(f"a table with the columns {', '.join(asked)}", got, fix)
    found = found[asked].reset_index(drop=True)
    try:
        return found.assign(**{name: pd.to_numeric(found[name]) for name in numbers})
    except (TypeError, ValueError) as error:
        got = f"something else ({str(error)[:80]})"
        raise DataError(
            f"numbers in {', '.join(numbers)}", got, "Look at the table's types."
        ) from error


def columns(table: Any) -> list[str]:
    """Return the names of a table's columns, and of a pandas index."""
    names = list(getattr(table, "columns", []))
    return names + list(table.index.names) if isinstance(table, pd.DataFrame) else names


def _about(table: Any) -> Mapping[Any, Any]:
    """Return what a table says of itself, or the first of several, a fit or a graph. Only pandas' can."""
    table = table[0] if isinstance(table, tuple) else table
    table = table.fitted if isinstance(table, Growth) else table
    own = "attrs" if hasattr(table, "attrs") else "graph"  # networkx' word for the same
    found = getattr(table, own, {})
    return found if isinstance(found, Mapping) else {}


def _standing(about: Mapping[Any, Any]) -> str:
    """Return at which level a table's rows are, and of which log, or '' if it doesn't say so.

    The functions of ``kit.participation`` count no row that failed or has no answer. Where the table
    it was made of has one, that is what there is to say.
    """
    level, where = about.get("level"), about.get("place")
    if level not in LEVELS:
        return ""
    if level not in LEVELS_ZH:
        return say("未通过或未答的行不计", "rows that failed or have no answer are left out")
    found = f"{say('级别', 'Level')}: {say(LEVELS_ZH[level], level)}"
    return f"{found}, {drawable(clean(where))}" if where and isinstance(where, str) else found


# --- words ---------------------------------------------------------------------------------------


def say(chinese: str, english: str) -> str:
    """Return a label in both languages."""
    return f"{chinese} {english}"


def place(name: Any) -> str:
    """Return a place's name, a prefecture's in both languages."""
    return say(name, PREFECTURES[name]) if name in PREFECTURES else str(name)


def undrawn(count: int, chinese: str = "项", english: str = "more") -> str:
    """Return how many aren't drawn, for the line below; '' where all are."""
    return (
        say(f"另有 {count:,} {chinese}未画", f"{count:,} {english} are not drawn")
        if count > 0
        else ""
    )


# --- axes ----------------------------------------------------------------------------------------


@checked("ax")
def _axes(ax: Axes | None) -> Axes:
    """Return the axes to draw on, in the house style.

    Fonts are set for all figures that come later, so that what a reader adds has Chinese, too.
    Raises KitError where the kit's fonts are missing.
    """
    fonts.register()
    family = list(fonts.FAMILY)
    mpl.rcParams["font.family"] = family
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 4.2), dpi=100, layout="constrained")
    # Texts that were there before would keep the fonts of their time.
    corners = (ax.xaxis.get_offset_text(), ax.yaxis.get_offset_text())
    for text in (ax.title, ax.xaxis.label, ax.yaxis.label, *corners):
        text.set_fontfamily(family)
    ax.tick_params(labelfontfamily=family)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _title(ax: Axes, chinese: str, english: str) -> None:
    """Write the title, in two lines where one is too long for the axes."""
    size: Any = ax.title.get_fontsize()
    points = ax.get_window_extent().width / _dpi(ax) * 72
    one = say(chinese, english)
    fits = width(one) * size * 0.54 <= points * 1.08
    ax.set_title(one if fits else one.replace(f"{chinese} ", f"{chinese}\n", 1))


def names(ax: Axes, labels: Iterable[Any], columns: int = 28) -> None:
    """Name the rows of a plot, from the top; whatever the names are, they are drawn as text."""
    # Shortened when it is drawable: what the font has no sign for becomes a wider one.
    said = [short(drawable(clean(label)), columns) for label in labels]
    ax.set_yticks(range(len(said)), said[::-1], parse_math=False)


def whole(axis: Any) -> None:
    """Give an axis whole numbers in ones, twos or fives: 33,000 and not 33000.0."""
    axis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def date_axis(ax: Axes, dates: Sequence[Any], days: float = 1) -> None:
    """Give the x axis days that are read at a glance; one or two steps of so many days get room."""
    if not len(dates):
        return
    locator: Any = mdates.AutoDateLocator(minticks=3, maxticks=12)
    if days == 7 and len(dates) < 12:
        locator = mdates.WeekdayLocator(mdates.MO)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    if len(dates) < 3:
        around = pd.Timedelta(days=2 * days)
        ax.set_xlim(mdates.date2num(dates[0] - around), mdates.date2num(dates[-1] + around))


def duration_axis(ax: Axes, low: float, high: float) -> None:
    """Give the x axis a log scale of time: seconds, minutes, hours, days."""
    ax.set_xscale("log")
    ax.set_xlim(low, high)
    inside: dict[float, str] = {
        value: name for value, name in _TIMES.items() if low <= value <= high
    }
    if not inside:  # a narrow range: its ends
        inside = {value: duration(value) for value in (low, high)}
    ax.set_xticks(list(inside), list(inside.values()))
    ax.xaxis.set_minor_locator(NullLocator())


def legend(ax: Axes, where: Any = "best") -> None:
    """Explain the colours."""
    ax.legend(frameon=False, loc=where)


def no_data(ax: Axes, chinese: str = "没有数据", english: str = "no data") -> None:
    """Say in the middle of empty axes that there is nothing to see."""
    ax.set_xticks([])
    ax.set_yticks([])
    middle: Any = {"transform": ax.transAxes, "ha": "center", "va": "center"}
    ax.text(0.5, 0.5, say(chinese, english), color=GREY, **middle)


# --- the end -------------------------------------------------------------------------------------


def _finish(
    ax: Axes, said: Said, source: str, unit: tuple[str, str], about: Mapping[Any, Any]
) -> Axes:
    """Write the line below, give the figure its alternative text, and return the axes."""
    simulated, level = bool(about.get("simulated", False)), _standing(about)
    parts = [say(*_SIMULATED) + "."] if simulated else []
    if said.size is not None:
        parts.append(f"n = {said.size:,} {say(*unit)}.")
    parts += [f"{said.more}."] if said.more else []
    source = drawable(clean(source))
    if any(fonts.SIGN in text for text in [source, *_texts(ax)]):
        parts.append(f"{say(*fonts.LACKING)}.")
    parts += [f"{level}."] if level else []
    parts.append(f"{say('来源', 'Source')}: {source}")
    note = ax.annotate(
        " ".join(parts),
        (0, 0),
        (0, -46),
        xycoords="axes fraction",
        textcoords="offset points",
        fontsize=8,
        color=GREY,
        va="top",
        parse_math=False,
    )
    _fit(ax, note)
    nobody = "Simulated data. " if simulated else ""
    ax.set_label(f"{nobody}{clean(said.alt)}")
    figure: Any = ax.get_figure(root=True)
    figure.set_label(" ".join(alt_text(one) for one in figure.axes if alt_text(one)))
    figure._repr_mimebundle_ = partial(_shown, figure)
    return ax


def _shown(figure: Figure, **_: Any) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """Return how a notebook shows a figure: as HTML with its alternative text, which PNG has nowhere.

    JupyterLab 4.6 takes no alternative text for a PNG picture, nor does nbconvert's own look; both
    rather show HTML where there is some. The PNG comes from IPython, as for any other figure; with it goes
    the text as ``alt``, where nbconvert's older look finds it.
    """
    from IPython import get_ipython

    made = get_ipython().display_formatter.formatters["image/png"](figure)
    if made is None:  # the reader chose another format, or there is nothing on it
        return {}, {}
    png, size = made if isinstance(made, tuple) else (made, {})
    said = str(figure.get_label())
    about = " ".join(f'{name}="{value}"' for name, value in {**size, "alt": escape(said)}.items())
    html = f'<img {about} src="data:image/png;base64,{png}">'
    return {"text/html": html}, {"image/png": {**size, "alt": said}}


def _texts(ax: Axes) -> list[str]:
    """Return what is written on a plot."""
    ticks: list[Text] = [*ax.get_xticklabels(), *ax.get_yticklabels()]
    return [text.get_text() for text in [*ticks, *ax.texts]]


@checked("ax")
def alt_text(ax: Axes) -> str:
    """Return the sentences that stand for a plot where nobody can see it; '' for another's axes.

    The whole figure has them as its label: ``ax.figure.get_label()``.
    """
    label = str(ax.get_label())
    return "" if label.startswith("<") else label  # as <colorbar>


@checked("ax", "kind")
def picture(ax: Axes, kind: Literal["png", "svg", "pdf"] = "svg") -> bytes:
    """Return the figure as a file's bytes, its alternative text among them.

    Nothing is cut off, however long the line below. The same figure gives the same bytes.
    """
    figure: Any = ax.get_figure(root=True)
    name, said = clean(ax.get_title()), str(figure.get_label())
    about: dict[str, dict[str, Any]] = {
        "png": {"Title": name, "Description": said, "Software": None},
        "svg": {"Title": name, "Description": said, "Date": None},
        "pdf": {"Title": name, "Subject": said, "CreationDate": None},
    }
    if kind not in about:
        raise DataError("png, svg or pdf", repr(kind), "Choose one of them.")
    fixed: Any = {"svg.fonttype": "path", "svg.hashsalt": "kit.plots", "pdf.fonttype": 42}
    out = io.BytesIO()
    fonts.register()
    with mpl.rc_context():
        mpl.rcdefaults()  # a user's settings may crop it, or leave its ground out
        mpl.rcParams.update(fixed)
        figure.savefig(out, format=kind, dpi=150, bbox_inches="tight", metadata=about[kind])
    return out.getvalue()


@checked("ax", "path")
def save(ax: Axes, path: str | Path) -> Path:
    """Save the figure as .png, .svg or .pdf, as ``picture`` makes it; return the path."""
    path = Path(path)
    kind: Any = path.suffix[1:]
    content = picture(ax, kind)
    try:
        path.write_bytes(content)
    except OSError as error:
        raise DataError(f"to write {path}", str(error.strerror), "Choose another place.") from error
    return path


def _dpi(ax: Axes) -> float:
    figure: Any = ax.get_figure(root=True)
    return float(figure.dpi)


def _fit(ax: Axes, note: Any) -> None:
    """Break the line below where it would leave the figure, or run into the next plot."""
    text = note.get_text()
    figure: Any = ax.get_figure(root=True)
    long = note.get_window_extent().width
    if long < 0.6 * ax.get_window_extent().width:
        return
    note.set_visible(False)  # else the axes would make room for the whole line
    figure.draw_without_rendering()
    note.set_visible(True)
    box = ax.get_window_extent()
    right = figure.bbox.x1 - 4 if len(figure.axes) == 1 else box.x1
    columns = math.floor(0.94 * width(text) * (right - box.x0) / long)  # 0.94: lines differ
    note.set_text("\n".join(line.rstrip() for line in fill(text, max(columns, 20))))
