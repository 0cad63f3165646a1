"""The plots: what they say, in which letters, and that nothing is drawn as a box."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text

from kit import fonts, plots

mpl.use("Agg")

CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\u3000-\u303f]")
SOURCE = "Diary log, 样本数据"
DAILY = pd.DataFrame(
    {"entries": [3, 1, 0, 2000], "participants": [2, 1, 0, 2], "new": [2, 1, 0, 1], "total": [2, 3, 3, 4]},
    index=pd.date_range("2021-09-10", periods=4, name="day"),
)  # fmt: skip
PLACES = pd.DataFrame(
    {"entries": [3, 2, 1], "participants": [2, 2, 1]},
    index=pd.Index(["莆田", "上海", "Xi'an"], name="place"),
)
DRAW: list[Any] = [(plots.daily, DAILY), (plots.by_place, PLACES)]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No figure, style or remembered font goes from one test to the next."""
    fonts.chinese_font.cache_clear()
    with mpl.rc_context():
        yield
    plt.close("all")
    fonts.chinese_font.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let these be the installed fonts with Chinese; those without stay."""
    manager = fonts.font_manager.fontManager
    installed = [font for font in manager.ttflist if font.name not in fonts.FONTS]
    installed += [replace(installed[0], name=name) for name in names]
    monkeypatch.setattr(manager, "ttflist", installed)


@pytest.fixture
def _no_font(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.fixture
def _with_font(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a Chinese font, for tests that read the letters and draw none."""
    monkeypatch.setattr(plots, "chinese_font", lambda: "DejaVu Sans")


def texts(ax: Axes) -> list[str]:
    """Everything that the figure writes."""
    ax.figure.canvas.draw()
    return [text.get_text() for text in ax.figure.findobj(Text) if text.get_text()]


def written(ax: Axes) -> str:
    legend = ax.get_legend()
    assert legend is not None
    parts = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel(), *(t.get_text() for t in ax.texts)]
    parts += [label.get_text() for label in legend.get_texts()]
    return "\n".join(parts)


@pytest.mark.usefixtures("_with_font")
def test_daily_says_what_it_shows_in_both_languages() -> None:
    ax = plots.daily(DAILY, source=SOURCE)
    assert written(ax).split("\n") == [
        "谁在记录：每日与累计 Who took part, day by day",
        "日期（北京时间） day, China Standard Time",
        "条 / 人 entries / people",
        "n = 2,004 条 entries. 来源 Source: Diary log, 样本数据",
        "累计参与者 participants so far",
        "每日记录 entries a day",
    ]


@pytest.mark.usefixtures("_with_font")
def test_by_place_says_what_it_shows_in_both_languages() -> None:
    ax = plots.by_place(PLACES, source=SOURCE)
    assert written(ax).split("\n") == [
        "记录来自哪里 Where the entries come from",
        "条 / 人 entries / people",
        "",
        "n = 6 条 entries. 来源 Source: Diary log, 样本数据",
        "记录 entries",
        "参与者 participants",
    ]
    # The most entries stand on top; a place outside Fujian has the name it was given.
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["Xi'an", "上海", "莆田 Putian"]


@pytest.mark.usefixtures("_with_font")
def test_the_bars_and_the_line_are_the_table() -> None:
    ax = plots.daily(DAILY, source=SOURCE)
    assert [bar.get_height() for bar in ax.patches] == [3, 1, 0, 2000]
    (line,) = ax.lines
    assert list(line.get_ydata()) == [2, 3, 3, 4]
    ax = plots.by_place(PLACES, source=SOURCE)
    assert [bar.get_width() for bar in ax.patches] == [1, 2, 3, 1, 2, 2]


@pytest.mark.usefixtures("_with_font")
@pytest.mark.parametrize(("draw", "table"), DRAW)
def test_it_draws_where_it_is_told(draw: Callable[..., Axes], table: pd.DataFrame) -> None:
    _, (left, right) = plt.subplots(1, 2)
    assert draw(table, right, source=SOURCE) is right
    assert not left.patches
    assert right.patches
    assert plt.get_fignums() == [1]
    own = draw(table, source=SOURCE)
    assert own not in (left, right)
    assert plt.get_fignums() == [1, 2]


@pytest.mark.parametrize(("draw", "table"), DRAW)
def test_with_a_chinese_font_no_glyph_is_missing(
    draw: Callable[..., Axes], table: pd.DataFrame
) -> None:
    font = fonts.chinese_font()
    assert font, "this test needs a font with Chinese: apt install fonts-wqy-microhei"
    ax = draw(table, source=SOURCE)
    assert mpl.rcParams["font.family"] == [font, "DejaVu Sans"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # "Glyph … missing from font"
        ax.figure.savefig(io.BytesIO(), format="png")
        ax.figure.savefig(io.BytesIO(), format="svg")
    assert CJK.search(ax.get_title())


@pytest.mark.usefixtures("_no_font")
def test_without_a_font_there_is_one_warning_and_no_chinese_letter() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drawn = [draw(table, source=SOURCE) for draw, table in DRAW * 2]
        for ax in drawn:
            ax.figure.savefig(io.BytesIO(), format="png")
            assert not CJK.search("\n".join(texts(ax)))
    assert [(x.category, str(x.message).split(",")[0]) for x in caught] == [
        (UserWarning, "No font with Chinese is installed")
    ]
    assert "fonts-wqy-microhei" in str(caught[0].message)
    daily, places = drawn[:2]
    assert daily.get_title() == "Who took part, day by day"
    assert [x.get_text() for x in places.get_yticklabels()] == ["Xi'an", "??", "Putian"]
    assert daily.texts[0].get_text() == "n = 2,004 entries. Source: Diary log, ????"


def test_the_first_font_of_the_list_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, "SimHei", "Noto Sans CJK SC", "Microsoft YaHei")
    assert fonts.chinese_font() == "Noto Sans CJK SC"
    fonts.chinese_font.cache_clear()
    for name in fonts.FONTS:
        install(monkeypatch, name)
        assert fonts.chinese_font() == name
        fonts.chinese_font.cache_clear()


@pytest.mark.usefixtures("_with_font")
@pytest.mark.parametrize(("draw", "table"), DRAW)
def test_an_empty_table(draw: Callable[..., Axes], table: pd.DataFrame) -> None:
    ax = draw(table.iloc[:0], source="none")
    assert not ax.patches
    assert ax.texts[0].get_text().startswith("n = 0 ")


@pytest.mark.usefixtures("_no_font")
@pytest.mark.filterwarnings("ignore:No font with Chinese")
@pytest.mark.parametrize(("draw", "table"), DRAW)
def test_empty_and_single_tables_are_drawn(draw: Callable[..., Axes], table: pd.DataFrame) -> None:
    for rows in (0, 1):
        ax = draw(table.iloc[:rows], source="none")
        ax.figure.savefig(io.BytesIO(), format="png")
        assert len(ax.patches) == rows * (2 if draw is plots.by_place else 1)


@pytest.mark.usefixtures("_with_font")
def test_the_source_must_be_named() -> None:
    for draw, table in DRAW:
        with pytest.raises(TypeError, match="source"):
            draw(table)


@pytest.mark.usefixtures("_no_font")
@pytest.mark.filterwarnings("ignore:No font with Chinese")
def test_the_source_line_is_inside_the_picture() -> None:
    for draw, table in DRAW:
        ax = draw(table, source="Diary log")
        ax.figure.canvas.draw()
        box, (note,) = ax.figure.bbox, ax.texts
        line = note.get_window_extent()
        assert box.x0 <= line.x0
        assert line.x1 <= box.x1
        assert box.y0 <= line.y0
        below = [label.get_window_extent().y0 for label in [ax.xaxis.label, *ax.get_xticklabels()]]
        assert line.y1 <= min(below)
