"""The plots: what they say, in which letters, that they are the tables, and that no input breaks them."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from inspect import isroutine, signature
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

import kit
import kit.teaching.helpers
from kit import fonts, people
from kit.analysis import participation, plots
from kit.analysis.plots import style
from kit.errors import DataError
from kit.teaching import simulate
from kit.text import duration

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
BULLETIN = kit.data.bulletin()

Draw = Callable[..., Axes]


def _tables(records: pd.DataFrame) -> dict[str, Any]:
    """The table of each plot, by the plot's name."""
    p = participation
    same = ["hourly", "daily", "weekly", "by_place", "by_role", "new_and_returning", "cumulative"]
    same += ["weekday_hour", "lorenz", "inter_event_times", "witnesses", "witness_network"]
    same += ["waiting_times", "approval", "words", "concentration", "witness_degrees", "alike"]
    same += ["repeated_texts", "lags"]
    found = {name: getattr(p, name)(records) for name in same}
    disputed = _disputed(records)
    return found | {
        "burstiness": p.burstiness(records, "author"),
        "agreement": p.agreement(disputed),
        "appeals": p.appeals(disputed),
        "retention": p.retention(records, "day"),
        "growth": p.logistic(records),
        "rates": p.rates(records, BULLETIN),
    }


def _disputed(records: pd.DataFrame) -> pd.DataFrame:
    """The records with a second decision on sixty entries, and an appeal against each first one.

    Of the second decisions twenty turn the first, and twenty come before the appeal, so that those
    appeals have no answer.
    """
    first = records[(records["type"] == "review") & (records["decision"] == "approve")].head(60)
    names = sorted(records.loc[records["type"] == "review", "author"].unique())
    after = {name: names[(n + 1) % len(names)] for n, name in enumerate(names)}
    turned = ["suspend"] * 20 + ["reinstate"] * 40
    late = pd.to_timedelta([9] * 40 + [1] * 20, unit="h")
    second = first.assign(
        author=first["author"].map(after), decision=turned, at=first["at"] + late
    ).assign(commitment=[f"second {n}" for n in range(60)])
    appeal = first.assign(
        type="appeal", subject=first["commitment"], decision=None, at=first["at"] + late.max() / 2
    ).assign(commitment=[f"appeal {n}" for n in range(60)])
    found = pd.concat([records, second, appeal], ignore_index=True)
    found["at"] = found["at"].astype("datetime64[s, UTC]")
    found.attrs = dict(records.attrs)
    return found


@pytest.fixture(scope="module")
def records() -> pd.DataFrame:
    """Simulated records, and their word."""
    return simulate.participants(300, seed=4)


@pytest.fixture(scope="module")
def tables(records: pd.DataFrame) -> dict[str, Any]:
    return _tables(records)


NAMES = sorted(set(plots.__all__) - {"NO_PLOT", "PALETTE", "alt_text", "picture", "save"})


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    """No figure or style goes from one test to the next."""
    with mpl.rc_context():
        yield
    plt.close("all")


def texts(ax: Axes) -> list[str]:
    """Everything that the figure writes."""
    figure: Any = ax.figure
    figure.draw_without_rendering()
    return [x.get_text() for x in figure.findobj(Text) if x.get_text() and x.get_visible()]


def note(ax: Axes) -> str:
    """The line below."""
    return " ".join(ax.texts[-1].get_text().split())


def drawn(ax: Axes) -> None:
    """Draw it; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure: Any = ax.figure
        figure.canvas.draw()


# --- every plot ----------------------------------------------------------------------------------


def test_there_is_a_plot_for_each(tables: dict[str, Any]) -> None:
    assert sorted(tables) == NAMES


def test_no_function_of_participation_is_forgotten() -> None:
    """Each has a plot of its name, or a reason not to have one."""
    functions = {name for name in participation.__all__ if isroutine(getattr(participation, name))}
    assert functions == {name for name in participation.__all__ if name.islower()}
    without = functions - set(plots.__all__)
    assert without == set(plots.NO_PLOT)
    assert all(len(why) > 10 for why in plots.NO_PLOT.values())


@pytest.mark.parametrize("name", NAMES)
def test_help_says_how_a_plot_is_called(name: str) -> None:
    draw = getattr(plots, name)
    asked = list(signature(draw).parameters)
    assert asked == ["table", "ax", "source", *(["concentration"] if name == "lorenz" else [])]
    assert draw.__name__ == name
    assert draw.__doc__.startswith("Plot ``participation.")


@pytest.mark.parametrize("name", NAMES)
def test_each_plot(name: str, tables: dict[str, Any]) -> None:
    """What holds of all: words, source, n, units, simulated, palette, axes, table, no missing glyph."""
    draw, table = getattr(plots, name), tables[name]
    before = table.copy() if isinstance(table, pd.DataFrame) else None
    figure, (left, right) = plt.subplots(1, 2, figsize=(14, 5), layout="constrained")
    ax = draw(table, right, source="a <b>source</b> of $1 and $2")
    assert ax is right
    assert not left.has_data()
    drawn(ax)
    if before is not None:
        pd.testing.assert_frame_equal(table, before)
    assert CJK.search(ax.get_title())
    assert re.search("[a-z]", ax.get_title())
    for label in (ax.get_xlabel(), ax.get_ylabel()):
        assert not label or (CJK.search(label) and re.search("[a-z]", label)), label
    assert ax.get_xlabel()
    said = note(ax)
    assert said.startswith("模拟数据 simulated.")
    assert said.endswith("来源 Source: a <b>source</b> of $1 and $2")
    assert not ax.texts[-1].get_parse_math()
    assert ("n = " in said) == (name != "lorenz")
    assert plots.alt_text(ax).startswith("Simulated data. ")
    assert figure.get_label() == plots.alt_text(ax)
    palette = {colour.lower() for colour in plots.PALETTE}
    inks = {to_hex(line.get_color()) for line in ax.lines if line.get_linestyle() != "None"}
    inks |= {to_hex(patch.get_facecolor()) for patch in ax.patches}
    fills = [colour for one in ax.collections for colour in np.atleast_2d(one.get_facecolor())]
    inks |= {to_hex(colour) for colour in fills if len(colour) and colour[-1]}
    assert inks <= palette
    assert all(image.get_cmap().name == "cividis" for image in ax.images)


@pytest.mark.parametrize("name", NAMES)
def test_on_axes_of_its_own(name: str, tables: dict[str, Any]) -> None:
    """Nothing leaves the picture, however long the line below, and the axes stay readable."""
    ax = getattr(plots, name)(tables[name], source="a source in so many words " * 12 + "样本" * 40)
    figure: Any = ax.figure
    figure.draw_without_rendering()
    assert note(ax).count("so many words") == 12
    explained = [ax.get_legend()] if ax.get_legend() else []
    for text in [ax.title, ax.xaxis.label, *ax.texts, *ax.get_yticklabels(), *explained]:
        box = text.get_window_extent()
        assert box.x0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y0 >= -1, text
    assert ax.bbox.width > 0.5 * figure.bbox.width
    below = [x.get_window_extent().y0 for x in [ax.xaxis.label, *ax.get_xticklabels()]]
    assert ax.texts[-1].get_window_extent().y1 <= min(below) + 1


@pytest.mark.parametrize("name", NAMES)
def test_the_legend_hides_no_bar_and_no_dot(name: str, tables: dict[str, Any]) -> None:
    """At the report's size, which is narrower than a notebook's."""
    figure, ax = plt.subplots(figsize=(5.2, 4.2), dpi=100, layout="constrained")
    getattr(plots, name)(tables[name], ax, source="x")
    figure.draw_without_rendering()
    explained = ax.get_legend()
    if explained is None:
        return
    box = explained.get_window_extent()
    assert box.x0 >= ax.bbox.x0 - 1
    assert box.x1 <= figure.bbox.x1 + 1
    assert not any(bar.get_window_extent().padded(-1).overlaps(box) for bar in ax.patches)
    for dots in ax.collections:
        if isinstance(dots, PathCollection):
            assert not any(box.contains(*at) for at in ax.transData.transform(dots.get_offsets()))
    for line in ax.lines:
        if line.get_linestyle() == "None":
            assert not any(box.contains(*at) for at in ax.transData.transform(line.get_xydata()))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"growth", "witness_network"}))
def test_other_frames_look_the_same(name: str, tables: dict[str, Any]) -> None:
    draw, table = getattr(plots, name), tables[name].copy()
    table.attrs = {}
    named = table.index.name is not None
    other = pl.DataFrame(table.reset_index() if named else table)
    one, two = (draw(given, source="x") for given in (table, other))
    assert plots.alt_text(one) == plots.alt_text(two)
    assert note(one) == note(two)
    assert [str(x) for x in one.patches] == [str(x) for x in two.patches]
    for line, same in zip(one.lines, two.lines, strict=True):
        assert str(line.get_xydata()) == str(same.get_xydata())
    for dots, same in zip(one.collections, two.collections, strict=True):
        assert str(dots.get_offsets()) == str(same.get_offsets())


@pytest.mark.parametrize("name", NAMES)
def test_tables_of_another_kind_are_refused(name: str) -> None:
    draw = getattr(plots, name)
    for wrong in (pd.DataFrame({"something": [1]}), [1, 2], "text", None):
        with pytest.raises(DataError):
            draw(wrong, source="x")
    with pytest.raises(TypeError, match="source"):
        draw(pd.DataFrame())
    assert plt.get_fignums() == []  # nothing half drawn is left


def test_a_table_of_another_step_of_time_is_refused(tables: dict[str, Any]) -> None:
    steps = {"hourly": "hour", "daily": "day", "weekly": "week"}
    for name, step in steps.items():
        for other in set(steps) - {name}:
            with pytest.raises(DataError, match=f"a table with the columns {step}, entries"):
                getattr(plots, name)(tables[other], source="x")


def test_words_where_numbers_should_be() -> None:
    for wrong in (DAILY.astype({"entries": "str"}).assign(entries="many"), DAILY.reset_index()):
        if "day" in wrong:
            wrong["day"] = "some day"
        with pytest.raises(DataError):
            plots.daily(wrong, source="x")


# --- nothing, one, all at once -------------------------------------------------------------------


def test_lags_say_half_and_the_last_and_who_is_later_than_the_block() -> None:
    table = pd.DataFrame({"seconds": [-20.0, 60.0, 120.0, 7200.0, float("nan")]})
    ax = plots.lags(table, source="x")
    said = plots.alt_text(ax)
    assert "of 4 entries half were anchored within 90 s" in said.replace("1.5 min", "90 s")
    assert f"the last after {duration(7200)}" in said
    assert "1 later than their block" in " ".join(texts(ax))


def _one(count: int, same: bool = True) -> pd.DataFrame:
    """Entries of one participant, all in the same second."""
    whole = simulate.participants(30, seed=2)
    entries = whole[whole["type"] == "entry"].head(count).copy()
    if len(entries):
        entries["author"] = entries["author"].iloc[0]
        if same:
            entries["at"] = entries["at"].iloc[0]
    entries.attrs = {}
    return entries


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"growth"}))
@pytest.mark.parametrize("count", [0, 1, 5])
def test_nothing_one_and_all_at_once(name: str, count: int) -> None:
    records = _one(count)
    try:
        table = (
            participation.rates(records, BULLETIN)
            if name == "rates"
            else getattr(participation, name)(records)
        )
    except DataError:
        assert (name, count) in (("lorenz", 0), ("concentration", 0))
        return
    ax = getattr(plots, name)(table, source="x")
    said = texts(ax)
    empty = count == 0 or (name == "inter_event_times")
    empty |= name in ("approval", "waiting_times", "retention", "witness_network")
    empty |= name in ("agreement", "appeals", "alike", "burstiness")
    empty |= name == "repeated_texts" and not len(table)
    if name != "rates":
        marked = ("no data", "no later", "no witnesses", "same second", "no decision")
        marked += ("no entry that two",)
        assert any(word in text for text in said for word in marked) == empty, said
    assert plots.alt_text(ax)
    assert "simulated" not in " ".join(said)


def test_an_empty_lorenz_table() -> None:
    ax = plots.lorenz(pd.DataFrame(columns=["participants", "entries", "low", "high"]), source="x")
    drawn(ax)
    assert any("no data" in text for text in texts(ax))


def test_what_people_wrote_is_text() -> None:
    hostile = [
        r"$\frac{1}{0}$",
        "$x^2$ & $",
        "<script>",
        "\u202eedis",
        "a\nb\x00",
        "😀𝔘\U0001f9ff",
        "x" * 300,
    ]
    table = pd.DataFrame(
        {"entries": range(7, 0, -1), "participants": 1}, index=pd.Index(hostile, name="place")
    )
    ax = plots.by_place(table, source=hostile[0])
    drawn(ax)
    labels = [label.get_text() for label in ax.get_yticklabels()][::-1]
    assert labels[:5] == [hostile[0], hostile[1], "<script>", "edis", "a b"]
    assert labels[6] == "x" * 31 + "…"
    assert hostile[0] in note(ax)
    words = pd.DataFrame({"word": hostile, "entries": 1, "participants": 1})
    drawn(plots.words(words, source="x"))
    again = pd.DataFrame({"text": hostile, "entries": 3, "participants": 1})
    drawn(plots.repeated_texts(again, source=hostile[0]))
    said = plots.alt_text(plots.repeated_texts(again, source="x"))
    assert said.startswith(rf"Bars: 21 entries with 7 texts. The most: {hostile[0]} 3 from 1")
    places = table.assign(burstiness=np.linspace(-1, 0.5, 7), entries=range(10, 17))
    ax_of_places = plots.burstiness(places, source="x")
    drawn(ax_of_places)
    assert hostile[0] in texts(ax_of_places)
    assert "edis" in texts(ax_of_places)
    pairs = pd.DataFrame({"moderator": hostile, "other": hostile[::-1], "entries": 2})
    drawn(plots.agreement(pairs.assign(agreed=1.0, kappa=np.nan), source="x"))
    said = plots.picture(ax, "svg").decode()
    assert "<script" not in said
    assert r"$\frac{1}{0}$" in said  # in the words for the blind


# --- the numbers ---------------------------------------------------------------------------------


def test_daily_says_what_it_shows_in_both_languages() -> None:
    ax = plots.daily(DAILY, source=SOURCE)
    legend = ax.get_legend()
    assert legend is not None
    said = [ax.get_title(), ax.get_xlabel(), ax.get_ylabel(), note(ax)]
    assert said + [label.get_text() for label in legend.get_texts()] == [
        "谁在记录：每日与累计 Who took part, day by day",
        "日期（北京时间） day, China Standard Time",
        "条 / 人 entries / people",
        "n = 2,004 条 entries. 来源 Source: Diary log, 样本数据",
        "累计参与者 participants so far",
        "每日记录 entries a day",
    ]
    assert [bar.get_height() for bar in ax.patches] == [3, 1, 0, 2000]
    assert list(ax.lines[0].get_ydata()) == [2, 3, 3, 4]
    assert plots.alt_text(ax) == (
        "Who took part, day by day: 2,004 entries in 4 days, 2021-09-10 to 2021-09-13; most, 2,000, "
        "in the day 2021-09-13. Participants so far rise to 4."
    )


def test_by_place_says_what_it_shows_in_both_languages() -> None:
    ax = plots.by_place(PLACES, source=SOURCE)
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert labels == ["Xi'an", "上海", "莆田 Putian"]  # the most entries on top
    assert [bar.get_width() for bar in ax.patches] == [1, 2, 3, 1, 2, 2]
    assert note(ax) == "n = 6 条 entries. 来源 Source: Diary log, 样本数据"
    assert "6 entries from 3 places. The most: 莆田 3 from 2 participants" in plots.alt_text(ax)


def test_long_tables_say_how_many_are_left_out() -> None:
    index = pd.Index([f"place {n}" for n in range(40)], name="place")
    ax = plots.by_place(pd.DataFrame({"entries": 2, "participants": 1}, index=index), source="x")
    assert len(ax.patches) == 2 * 15
    assert "n = 80 条 entries. 另有 25 项未画 25 more are not drawn." in note(ax)


def test_alt_texts_have_the_right_numbers(records: pd.DataFrame, tables: dict[str, Any]) -> None:
    """Counted here with pandas alone, on the records."""
    alt = {}
    for name in NAMES:
        alt[name] = plots.alt_text(getattr(plots, name)(tables[name], source="x"))
        plt.close()
    entries = records[records["type"] == "entry"]
    local = entries["at"].dt.tz_convert("Asia/Shanghai")
    people = entries["author"].nunique()
    for name in ("hourly", "daily", "weekly", "cumulative", "by_place", "by_role", "weekday_hour"):
        assert f"{len(entries):,} entries" in alt[name]
    for name in ("new_and_returning", "cumulative", "retention"):
        assert f"{people:,} participants" in alt[name]
    days = local.dt.date.value_counts()
    assert f"most, {days.max():,}, in the day" in alt["daily"]
    hours = local.dt.floor("h").value_counts()
    assert f"most, {hours.max():,}, in the hour {hours.idxmax():%Y-%m-%d %H:00}" in alt["hourly"]
    cells = local.dt.strftime("%a %H").value_counts()
    most = re.search(r"most, (\d+), on (\w+) from (\d+):00; over", alt["weekday_hour"])
    assert most
    assert int(most[1]) == cells.max() == cells[f"{most[2]} {most[3]}"]
    gaps = entries.sort_values("at").groupby("author")["at"].diff().dropna().dt.total_seconds()
    assert f"{len(gaps):,} times" in alt["inter_event_times"]
    assert f"half are longer than {duration(gaps.median())}" in alt["inter_event_times"]
    given = records[records["type"] == "witness"].groupby("subject").size()
    assert f"{len(entries) - len(given):,} without a witness" in alt["witnesses"]
    assert f"the most {given.max():,}." in alt["witnesses"]
    author = entries.set_index("commitment")["author"]
    signed = records[records["type"] == "witness"]
    pairs = set(zip(signed["author"], signed["subject"].map(author), strict=True))
    assert f"{len(pairs):,} pairs" in alt["witness_network"]
    reviews = records[records["type"] == "review"]
    assert f"{reviews['author'].nunique()} moderators, {len(reviews):,} first" in alt["approval"]
    assert f"of all {(reviews['decision'] == 'approve').mean():.0%}" in alt["approval"]
    wait = entries["commitment"].map(reviews.set_index("subject")["at"]) - entries["at"]
    assert f"within {duration(wait.dt.total_seconds().median())}" in alt["waiting_times"]
    each = np.sort(entries["author"].value_counts().to_numpy())
    half = np.interp(len(each) / 2, range(len(each) + 1), [0, *np.cumsum(each)]) / each.sum()
    assert f"half wrote {half:.0%}" in alt["lorenz"]
    author = entries.set_index("commitment")["author"]
    given = {(x, author[y]) for x, y in zip(signed["author"], signed["subject"], strict=True)}
    gave, got = ({pair[side] for pair in given} for side in (0, 1))
    everybody = set(entries["author"]) | gave
    assert (
        f"of {len(everybody):,} people {len(gave):,} witnessed somebody" in alt["witness_degrees"]
    )
    assert f"{len(got):,} were witnessed, {len(gave & got):,} are both" in alt["witness_degrees"]
    both = sum((b, a) in given for a, b in given) / len(given)
    assert f"{len(given):,} pairs of witness and author, {both:.0%} of" in alt["witness_degrees"]
    assert "of 60 appeals the decision stays in 20 and is turned in 20;" in alt["appeals"]
    assert "yet: 20." in alt["appeals"]
    assert "60 entries that both decided; they agree in 67%" in alt["agreement"]
    gini = re.search(r"gini (0\.\d\d) \(", alt["concentration"])
    assert gini
    assert abs(float(gini[1]) - _gini(each)) < 0.005
    assert f"of {people:,} participants" in alt["concentration"]
    often = entries["author"].value_counts()
    assert f"burstiness of {_measured(entries):,} participants, by" in alt["burstiness"]
    assert f"10 entries or more {(often >= 10).sum():,} participants" in alt["burstiness"]
    putian = entries[entries["place"] == "莆田"]["author"].nunique() / 194  # the printed cases
    assert f"莆田 {putian:.3g} (" in alt["rates"]


def _gini(each: Any) -> float:
    """Of the entries of each participant, in rising order."""
    n = len(each)
    return float(2 * (each * np.arange(1, n + 1)).sum() / (n * each.sum()) - (n + 1) / n)


def _measured(entries: pd.DataFrame) -> int:
    """How many authors have three entries that are not all in the same second."""
    each = entries.groupby("author")["at"].agg(["size", "nunique"])
    return int(((each["size"] >= 3) & (each["nunique"] > 1)).sum())


def test_lorenz_with_its_gini(records: pd.DataFrame, tables: dict[str, Any]) -> None:
    spread = participation.concentration(records)
    ax = plots.lorenz(tables["lorenz"], source="x", concentration=spread)
    each = np.sort(records[records["type"] == "entry"]["author"].value_counts().to_numpy())
    n = len(each)
    gini = _gini(each)
    assert f"Gini coefficient is {gini:.2f} (" in plots.alt_text(ax)
    assert f"n = {n:,} 人 participants." in note(ax)
    assert any(f"Gini {gini:.2f} (" in text for text in texts(ax))
    with pytest.raises(DataError, match="gini"):
        plots.lorenz(tables["lorenz"], source="x", concentration=spread.iloc[1:])


def test_the_two_growth_curves_name_their_parameters(records: pd.DataFrame) -> None:
    for curve, names in ((participation.logistic, "K r t0"), (participation.bass, "m p q")):
        fit = curve(records)
        ax = plots.growth(fit, source="x")
        said = texts(ax)
        for name in names.split():
            assert any(text.startswith(f"{name} = ") for text in said)
        dots = ax.lines[-4] if len(ax.lines) > 4 else ax.lines[2]
        assert list(dots.get_ydata()) == fit.fitted["new"].tolist()
        (stems,) = ax.collections
        ends = [segment[:, 1].tolist() for segment in stems.get_segments()]
        assert ends == fit.fitted[["fitted", "new"]].to_numpy().tolist()


def test_curves_of_times_worked_by_hand() -> None:
    table = pd.DataFrame({"seconds": [0, 60, 60, 3_600]})
    ax = plots.inter_event_times(table, source="x")
    assert ax.lines[0].get_xydata().tolist() == [[30, 0.75], [60, 0.25], [3600, 0.125]]
    assert "1 次为 0 秒 1 of 0 seconds" in note(ax)
    assert [x.get_text() for x in ax.get_xticklabels()] == ["1 min", "10 min", "1 h"]
    waits = pd.DataFrame({"seconds": [60.0, 120.0, 600.0, None]})
    ax = plots.waiting_times(waits, source="x")
    assert ax.lines[0].get_xydata().tolist() == [
        [30, 0], [60, 0.25], [120, 0.5], [600, 0.75], [1200, 0.75]
    ]  # fmt: skip
    assert "1 条未审核 1 not decided" in note(ax)
    assert "of 4 entries 3 have a decision, half of them within 2.0 min" in plots.alt_text(ax)


def test_many_times_are_thinned_and_stay_true() -> None:
    times = np.sort(np.random.default_rng(1).lognormal(8, 2, 50_000))
    ax = plots.inter_event_times(pd.DataFrame({"seconds": times}), source="x")
    x, y = (np.asarray(values, "float64") for values in ax.lines[0].get_data())
    assert len(x) < 1_100
    share = 1 - np.searchsorted(times, x, side="right") / len(times)
    assert np.allclose(y, np.maximum(share, 0.5 / len(times)))


def test_rates_say_what_has_no_rate() -> None:
    table = pd.DataFrame(
        {
            "cases": [100, 10, 0, 1],
            "participants": [50, 0, 3, 200],
            "rate": [0.5, 0.0, np.nan, 200.0],
            "low": [0.4, 0.0, np.nan, 173.0],
            "high": [0.6, 0.1, np.nan, 229.0],
        },
        index=pd.Index(["莆田", "厦门", "泉州", "elsewhere"], name="place"),
    )
    ax = plots.rates(table, source="x")
    drawn(ax)
    assert ax.get_xscale() == "log"
    assert ax.get_xlim()[0] < 0.1  # the limit where nobody took part is to be seen
    said = texts(ax)
    assert "没有人参与 no participants: only a limit" in said
    assert "没有病例 no cases, no rate" in said
    assert "泉州 has no cases" in plots.alt_text(ax)
    assert "n = 253 人 participants." in note(ax)
    near = table.assign(
        rate=[1.0, 0.0, np.nan, 2.0], low=[0.9, 0, np.nan, 1], high=[1.1, 1, np.nan, 3]
    )
    ax = plots.rates(near.rename(columns={"participants": "entries"}), source="x")
    assert ax.get_xscale() == "linear"
    assert "entries per case" in ax.get_xlabel()
    many = pd.concat([table] * 8)
    ax = plots.rates(many, source="x")
    assert len(ax.get_yticklabels()) == 25
    assert "n = 2,024 人 participants. 另有 7 个地点未画 7 more places are not drawn." in note(ax)


def test_retention_leaves_out_the_first_step(records: pd.DataFrame) -> None:
    table = participation.retention(records, "day")
    ax = plots.retention(table, source="x")
    (image,) = ax.images
    later = table[table["age"] > 0].pivot(index="cohort", columns="age", values="share")
    shown = np.ma.filled(image.get_array(), np.nan)
    np.testing.assert_allclose(shown, later.to_numpy())
    _, bar = ax.figure.axes
    ticks = zip(bar.get_yticks(), bar.get_yticklabels(), strict=True)
    for value, label in ticks:
        assert float(label.get_text().rstrip("%")) == pytest.approx(100 * value)


def test_networks_small_and_large() -> None:
    small = nx.DiGraph([("a", "b"), ("c", "b"), ("b", "a")])
    small.add_node("d")
    ax = plots.witness_network(small, source="x")
    drawn(ax)
    assert len(ax.collections[0].get_offsets()) == 3
    assert len(ax.patches) == 3  # arrows
    assert "1 人没有见证关系" in note(ax)
    assert "3 pairs of witness and author among 3 of 4 people" in plots.alt_text(ax)
    large = nx.DiGraph([(n, n % 7) for n in range(10, 200)], simulated=True)
    ax = plots.witness_network(large, source="x")
    drawn(ax)
    within, out = ax.lines
    assert within.get_ydata()[0] == pytest.approx(7 / 197)
    assert list(out.get_xdata()) == [1]
    assert note(ax).startswith("模拟数据 simulated.")


def test_dots_of_accounts_name_nobody() -> None:
    table = pd.DataFrame(
        {
            "author": [f"0x{n:040x}" for n in range(5)],
            "other": "0x" + "ab" * 20,
            "similar_texts": [1, 1, 1, 4, 0],
            "shared_minutes": [0, 0, 0, 2, 6],
        }
    )
    ax = plots.alike(table, source="x")
    drawn(ax)
    dots = ax.collections[0]
    assert dots.get_offsets().tolist() == [[0, 1], [2, 4], [6, 0]]
    assert list(dots.get_sizes()) == [_area(3), 20, 20]
    assert not any("0x" in text for text in texts(ax))
    assert note(ax).startswith(
        "n = 5 对账号 pairs of accounts. 是问题，不是结论 A question, no verdict."
    )
    assert plots.alt_text(ax) == (
        "Dots: 5 pairs of accounts to ask about, which is no verdict. 4 for similar texts (at most 4), "
        "2 for shared minutes (at most 6)."
    )


def _area(count: int) -> Any:
    """The area of a dot, as the legend explains it."""
    return pytest.approx(20 + 60 * np.log10(count))


def test_dots_of_a_hub_leave_the_small_apart() -> None:
    hub = pd.DataFrame(
        {"witnessed": [0, 0, 1, 500], "witnessed_by": [1, 1, 0, 3], "mutual": [0, 0, 0, 2]}
    )
    ax = plots.witness_degrees(hub, source="x")
    drawn(ax)
    assert (ax.get_xscale(), ax.get_yscale()) == ("symlog", "linear")
    low, high = ax.get_xlim()
    assert low < 0
    assert high > 500
    zero, one, end = (ax.transData.transform((x, 0))[0] for x in (0, 1, 500))
    assert one - zero > 0.1 * (end - zero)
    assert "n = 4 人 people." in note(ax)


def test_burstiness_between_a_clock_and_the_highest() -> None:
    hour = pd.Timedelta(hours=1)
    begin = pd.Timestamp("2021-09-10T00:00Z")
    times = {
        "clock": [begin + n * hour for n in range(12)],
        "bursts": [begin + n * hour / 3_600 for n in range(11)] + [begin + 99 * hour],
        "seldom": [begin, begin + hour],
    }
    rows = [(who, at) for who, each in times.items() for at in each]
    entries = pd.DataFrame(rows, columns=["author", "at"])
    entries["at"] = entries["at"].astype("datetime64[s, UTC]")
    entries = entries.assign(type="entry", proved=True, place=entries["author"], text="x")
    ax = plots.burstiness(participation.burstiness(entries, "author"), source="x")
    drawn(ax)
    bound, _, clock, dots = ax.lines
    assert set(dots.get_xdata()) == {12}
    low, high = sorted(dots.get_ydata())
    assert low == -1 == clock.get_ydata()[0]
    root = np.sqrt(11 - 1)  # twelve entries have eleven times between them
    assert high == pytest.approx((root - 1) / (root + 1), abs=1e-4)
    assert np.interp(12, *bound.get_data()) == pytest.approx(high, abs=1e-3)
    assert "n = 2 人 participants. 另有 1 项记录太少 1 more have too few entries." in note(ax)
    assert "from -1.00 to 0.52" in plots.alt_text(ax)
    assert not {"clock", "bursts"} & set(texts(ax))  # accounts are not named
    named = plots.burstiness(participation.burstiness(entries, "place"), source="x")
    assert {"clock", "bursts"} <= set(texts(named))
    assert "n = 2 个地点 places." in note(named)
    whole = plots.burstiness(participation.burstiness(entries), source="x")
    assert note(whole).startswith(f"n = {len(entries)} 条 entries. 来源")
    assert "the burstiness of 26 entries is 0.6" in plots.alt_text(whole)


def test_agreement_of_pairs() -> None:
    one, two, three = (f"0x{name * 20}" for name in ("ab", "cd", "ef"))
    table = pd.DataFrame(
        {
            "moderator": [one, one, two],
            "other": [two, three, three],
            "entries": [10, 30, 60],
            "agreed": [0.5, 1.0, 0.8],
            "kappa": [-0.2, np.nan, 0.6],
        }
    )
    ax = plots.agreement(table, source="x")
    drawn(ax)
    labels = [label.get_text() for label in ax.get_yticklabels()][::-1]
    assert labels == [
        "0xcdcd…cdcd · 0xefef…efef (60)",
        "0xabab…abab · 0xefef…efef (30)",
        "0xabab…abab · 0xcdcd…cdcd (10)",
    ]
    chance, kappa, agreed = ax.lines
    assert set(chance.get_xdata()) == {0}
    np.testing.assert_array_equal(kappa.get_xdata(), [0.6, np.nan, -0.2])
    assert list(agreed.get_xdata()) == [0.8, 1.0, 0.5]
    assert list(agreed.get_ydata()) == [2, 1, 0]
    assert "n = 100 条两人都审过 entries that both decided." in note(ax)
    assert plots.alt_text(ax) == (
        "Dots: 3 pairs of moderators, 100 entries that both decided; they agree in 83%; kappa runs from "
        "-0.20 to 0.60."
    )
    many = pd.concat([table] * 10, ignore_index=True)
    assert "另有 5 对未画 5 more are not drawn." in note(plots.agreement(many, source="x"))


def test_appeals_by_the_decision_that_they_are_about() -> None:
    table = pd.DataFrame(
        {
            "appealed": ["reject"] * 5 + ["suspend"],
            "upheld": ["yes", "no", "no", "no", "open", "no"],
        }
    )
    ax = plots.appeals(table, source="x")
    drawn(ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["暂停 suspend", "拒绝 reject"]
    said = {bars.get_label(): [bar.get_width() for bar in bars] for bars in ax.containers}
    assert said == {
        "维持 decision stays": [0, 1],
        "改变 decision turned": [1, 3],
        "未答复 no answer yet": [0, 1],
    }
    assert [bar.get_x() for bar in ax.containers[1]] == [0, 1]  # one after the other
    assert "n = 6 次申诉 appeals." in note(ax)
    written = [text.get_text() for text in ax.texts[:-1]]
    assert written == ["", "1", "1", "3", "", "1"]


def test_words_by_day_are_added_up() -> None:
    table = pd.DataFrame(
        {
            "day": [1, 1, 2],
            "word": ["核酸", "moon", "核酸"],
            "entries": [2, 3, 5],
            "participants": 1,
        }
    )
    ax = plots.words(table, source="x")
    assert [bar.get_width() for bar in ax.patches] == [7, 3]
    assert "核酸 (7), moon (3) first" in plots.alt_text(ax)


def test_the_minus_sign_draws() -> None:
    ax = plots.daily(DAILY, source="x")
    ax.set_ylim(-5, 5)
    drawn(ax)
    assert any(text.startswith("-") for text in texts(ax))


# --- files ---------------------------------------------------------------------------------------


def test_saved_files_carry_the_words(tmp_path: Path) -> None:
    ax = plots.by_place(PLACES, source=SOURCE)
    said = plots.alt_text(ax)
    assert said == ax.figure.get_label()
    png = Image.open(plots.save(ax, tmp_path / "a.png"))
    assert png.text["Description"] == said  # type: ignore[attr-defined]
    svg = plots.save(ax, tmp_path / "a.svg").read_text(encoding="utf-8")
    assert said.replace("'", "&#x27;") in svg or said in svg
    assert plots.save(ax, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    again = plots.by_place(PLACES, source=SOURCE)
    for kind in ("png", "svg", "pdf"):
        assert plots.picture(again, kind) == (tmp_path / f"a.{kind}").read_bytes()  # type: ignore[arg-type]
    for wrong in ("a.jpg", "a", "no folder/a.png"):
        with pytest.raises(DataError):
            plots.save(ax, tmp_path / wrong)


def test_a_figure_with_two_plots_says_both() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    plots.daily(DAILY, left, source="x")
    plots.by_place(PLACES, right, source="x")
    assert figure.get_label() == f"{plots.alt_text(left)} {plots.alt_text(right)}"


# --- fonts ---------------------------------------------------------------------------------------


def test_axes_that_were_there_before_get_the_fonts() -> None:
    _, ax = plt.subplots()  # its title and labels have matplotlib's own font
    drawn(plots.by_place(PLACES, ax, source=SOURCE))
    assert mpl.rcParams["font.family"] == list(fonts.FAMILY)
    written = [text for text in ax.findobj(Text) if text.get_text()]
    assert {tuple(text.get_fontfamily()) for text in written} == {fonts.FAMILY}


#: Bars, a line, a network and axes of two kinds; the others are drawn by the same style.
DRAWN_TWICE = ("by_place", "daily", "growth", "weekday_hour", "witness_network")


@pytest.mark.parametrize(
    "name",
    [
        name
        if name in DRAWN_TWICE
        else pytest.param(name, marks=pytest.mark.slow("the other plots twice each"))
        for name in NAMES
    ],
)
def test_a_plot_has_the_same_bytes_whatever_was_drawn_before(
    name: str, tables: dict[str, Any]
) -> None:
    def picture() -> bytes:
        ax = Figure(figsize=(5.2, 4.2), layout="constrained").subplots()
        return plots.picture(getattr(plots, name)(tables[name], ax, source=SOURCE))

    with mpl.rc_context():
        mpl.rcdefaults()
        assert picture() == picture()  # the first one sets the fonts of those that come later


@pytest.mark.parametrize("name", NAMES)
def test_every_text_of_a_plot_is_in_the_kit_s_fonts(name: str, tables: dict[str, Any]) -> None:
    ax = getattr(plots, name)(tables[name], source=SOURCE)
    drawn(ax)
    figure: Any = ax.get_figure(root=True)
    assert {tuple(text.get_fontfamily()) for text in figure.findobj(Text)} == {fonts.FAMILY}


SAID = "\ufffd：画不出的字 a character that can't be drawn."


@pytest.mark.parametrize(
    ("place", "source", "said"),
    [
        ("क्षेत्र", "x", True),
        ("泉州", "𠮷", True),
        ("陈瑨 👍🏽 ✗", "样本 ★", False),
    ],
)
def test_a_plot_says_what_the_sign_stands_for(place: str, source: str, said: bool) -> None:
    table = pd.DataFrame({"entries": [2], "participants": 1}, index=pd.Index([place], name="place"))
    ax = plots.by_place(table, source=source)
    drawn(ax)
    assert (SAID in note(ax).replace("\n", " ")) == said
    kinds = pd.DataFrame({"place": [place], "entries": [50], "burstiness": [0.2]})
    ax = plots.burstiness(kinds, source=source)
    assert (SAID in note(ax).replace("\n", " ")) == said


def test_a_long_name_that_no_font_can_draw_leaves_room_for_the_plot() -> None:
    # Each of its letters is drawn as a sign that is twice as wide.
    records = kit.simulate.participants(30)
    records["place"] = ("क्षेत्रीय" * 9)[:80]
    ax = plots.by_place(participation.by_place(records), source="the test")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib's, that the axes collapsed
        style.picture(ax, "png")
    assert ax.get_position().width > 0.4


# --- the level of what is counted ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        (
            {"level": "final", "place": "up to block 7 of the log eip155:31337:0xAb"},
            "级别 Level: 已上链，已定 final, up to block 7 of the log eip155:31337:0xAb.",
        ),
        ({"level": "consistent", "place": ""}, "级别 Level: 自身一致 consistent."),
        (
            {"level": "failed", "place": "up to block 7"},
            "未通过或未答的行不计 rows that failed or have no answer are left out.",
        ),
        ({"level": "proved by me"}, ""),
        ({"level": ["final"]}, ""),
        ({"level": "final", "place": 7}, "级别 Level: 已上链，已定 final."),
        ({}, ""),
    ],
)
def test_the_line_below_names_the_level_and_the_log(attrs: dict[str, Any], said: str) -> None:
    table = DAILY.copy()
    table.attrs = attrs
    below = note(plots.daily(table, source="a diary"))
    assert below.split("entries. ")[1] == f"{said} 来源 Source: a diary".strip()
    plt.close("all")


def test_a_graph_and_two_tables_at_once_have_a_level_too() -> None:
    records = simulate.participants(40)
    records.attrs = {"level": "consistent", "place": ""}
    said = "级别 Level: 自身一致 consistent."
    curve, shares = participation.lorenz(records), participation.concentration(records)
    assert said in note(plots.lorenz(curve, source="a diary", concentration=shares))
    network = participation.witness_network(records)
    assert said in note(plots.witness_network(network, source="a diary"))
    plt.close("all")


def test_the_levels_are_called_as_everywhere() -> None:
    shown = [level for level in kit.core.LEVELS if kit.core.is_shown(level)]
    assert list(style.LEVELS_ZH) == shown
    for level, chinese in style.LEVELS_ZH.items():
        assert kit.core.bilingual(level) == f"{chinese} {level}"


def test_the_level_goes_from_the_records_to_the_plot() -> None:
    diary = kit.Diary.open(kit.chain.embedded())
    entry = diary.post(people.alice, "一", place="莆田")
    diary.review(entry, by=people.moderator, approve=True)
    diary.publish()
    table = kit.participation.daily(diary.records())
    where = f"up to block {diary.chain.head.number} of the log {diary.log.log_id}"
    assert f"final, {where}. 来源" in note(plots.daily(table, source=SOURCE))
    plt.close("all")
