"""What stands in the report, section by section."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import pandas as pd
from matplotlib.axes import Axes

from kit.analysis import participation, plots
from kit.core import FAILED, UNANSWERED
from kit.text import clean, many, short
from kit.version import __version__
from kit.views.markup import render
from kit.views.report.parts import Page, Part, once
from kit.views.report.words import LIMITS

__all__ = ["Section", "sections"]

_PAIRS: Final = 15  # of accounts to ask about
_WEEKS: Final = 120  # days from which on a row is a week
_USED: Final = (
    "matplotlib",
    "narwhals",
    "numpy",
    "pandas",
    "iminuit",
    "mpmath",
    "networkx",
    "rjieba",
)

#: Its key, its title in Chinese and in English, and its parts.
Section = tuple[str, str, str, list[Part]]


def sections(page: Page, name: str, *, rpc: bool) -> list[Section]:
    """Return the report's sections, in order.

    ``name`` is the export's folder, and ``rpc`` whether a log was asked.
    """
    return [
        ("verdict", "查验结论", "The audit's verdict", [page.verdict]),
        ("head-count", "人数", f"The head-count: {page.audit.level}", [page.head_count]),
        *_analysis(page),
        ("limits", "局限", "Limits", [_limits]),
        ("made", "怎样做成", "How this was made", [partial(_made, name, page.audit.contract, rpc)]),
    ]


def _analysis(page: Page) -> Iterator[Section]:
    """Yield the sections between the head-count and the limits."""
    records, p = page.records, participation
    step, by_time, draw_time = _step_of(records)
    shown = once(lambda: by_time(records))
    places, roles = once(lambda: p.by_place(records)), once(lambda: p.by_role(records))
    yield (
        "when",
        "何时",
        "When",
        [
            page.plot(draw_time, shown),
            page.table(shown, "记录与参与者", f"Entries and participants by {step}"),
            page.plot(plots.weekday_hour, lambda: p.weekday_hour(records)),
        ],
    )
    yield (
        "where",
        "何地",
        "Where",
        [page.plot(plots.by_place, places), page.table(places, "地点", "Places")],
    )
    yield "bulletin", "与通报相比", "Beside the bulletin", _bulletin(page)
    yield (
        "who",
        "何人",
        "Who",
        [page.plot(plots.by_role, roles), page.table(roles, "身份", "Roles")],
    )
    spread = once(lambda: p.concentration(records))
    yield (
        "unequal",
        "多不平均",
        "How unequal",
        [
            page.plot(plots.lorenz, lambda: p.lorenz(records), concentration=spread),
            page.plot(plots.concentration, spread),
            page.table(spread, "集中程度", "Concentration, with bootstrap intervals"),
            page.plot(plots.inter_event_times, lambda: p.inter_event_times(records)),
            page.plot(plots.burstiness, lambda: p.burstiness(records, "author")),
            page.table(lambda: p.burstiness(records), "突发", "Burstiness of the whole diary"),
            page.plot(plots.lags, lambda: p.lags(records)),
        ],
    )
    yield "grew", "如何增长", "How it grew", _growth(page, step)
    yield "witnesses", "见证", "Witnesses", _witnesses(page)
    yield "review", "审核", "Review", _review(page)
    said = once(lambda: p.words(records))
    yield (
        "words",
        "词语",
        "Words",
        [page.plot(plots.words, said), page.table(said, "常见的词", "The most common words")],
    )
    yield "alike", "像同一个人的账号？", "Accounts that look alike?", _alike(page)


def _bulletin(page: Page) -> list[Part]:
    """Return the rates of a bulletin in the diary itself: of other figures nothing is known."""
    figures = page.figures
    if figures is None or not len(figures):
        return [
            lambda: _left_out("本日记没有可用的通报", "no bulletin in this diary stood its checks")
        ]
    known = participation.cases(page.records, figures)
    if not len(known):
        why = "no bulletin that stands uncorrected names a place of an entry"
        return [lambda: _left_out("没有未被更正且提到记录所在地点的通报", why)]
    number = known["seq"].iloc[0]
    said = figures[figures["seq"] == number]
    rates = once(lambda: participation.rates(page.records, known))
    return [
        lambda: _about_bulletin(said, len(said) - len(known)),
        page.plot(plots.rates, rates),
        page.table(
            rates, "每例对应的参与者", "Participants per case, with exact Poisson intervals"
        ),
    ]


def _about_bulletin(said: pd.DataFrame, left: int) -> str:
    row = said.iloc[0]
    return render(
        "report/bulletin.html",
        seq=f"{row['seq']:,}",
        as_of=f"{row['as_of']:%Y-%m-%d %H:%M}",
        author=clean(row["author"]),
        source=short(row["source"], 300),
        left=f"{many(left, 'figure')} of it {'is' if left == 1 else 'are'}" if left else "",
    )


def _left_out(chinese: str, why: str) -> str:
    return render("report/no_bulletin.html", zh=chinese, en=why)


def _growth(page: Page, step: Any) -> list[Part]:
    records, p = page.records, participation
    parts = [
        page.plot(plots.cumulative, lambda: p.cumulative(records, step)),
        page.plot(plots.new_and_returning, lambda: p.new_and_returning(records, step)),
        page.plot(plots.retention, lambda: p.retention(records, step)),
    ]
    curves = (("逻辑斯谛曲线", "Logistic curve", p.logistic), ("巴斯曲线", "Bass curve", p.bass))
    for chinese, english, curve in curves:
        fit = once(partial(curve, records, step))
        parts += [
            page.plot(plots.growth, fit),
            page.table(_said(fit, "parameters"), chinese, f"{english}: parameters"),
            page.table(_said(fit, "check"), "残差检验", f"{english}: is it the right one?"),
        ]
    return parts


def _said(fit: Callable[[], Any], name: str) -> Callable[[], Any]:
    """Return what takes a table from a fit."""
    return lambda: getattr(fit(), name)


def _witnesses(page: Page) -> list[Part]:
    records, p = page.records, participation

    degrees = once(lambda: p.witness_degrees(records))

    def met() -> Any:
        table = degrees()
        return table[table["witnessed"] + table["witnessed_by"] > 0]

    return [
        page.plot(plots.witnesses, lambda: p.witnesses(records)),
        page.plot(plots.witness_network, lambda: p.witness_network(records)),
        page.plot(plots.witness_degrees, degrees),
        page.table(met, "见证最多的人", "Who has the most witnesses", 10),
    ]


def _review(page: Page) -> list[Part]:
    records, p = page.records, participation
    approved = once(lambda: p.approval(records))

    def appealed() -> Any:
        return p.appeals(records)[["at", "author", "appealed", "then", "upheld"]]

    return [
        page.plot(plots.waiting_times, lambda: p.waiting_times(records)),
        page.plot(plots.approval, approved),
        page.table(approved, "各审核员", "First decisions of each moderator"),
        *page.both(
            plots.agreement,
            lambda: p.agreement(records),
            "两位审核员是否一致",
            "Do moderators agree?",
        ),
        *page.both(plots.appeals, appealed, "申诉", "Appeals"),
    ]


def _alike(page: Page) -> list[Part]:
    records, p = page.records, participation

    def pairs() -> Any:  # the questions, the same in each row, would not fit beside the numbers
        return p.alike(records).drop(columns="question")

    return [
        lambda: render("report/alike.html"),
        *page.both(plots.alike, pairs, "要问的账号", "Pairs to ask about", _PAIRS),
        *page.both(
            plots.repeated_texts,
            lambda: p.repeated_texts(records),
            "重复的文字",
            "Texts that came again",
            _PAIRS,
        ),
    ]


def _limits() -> str:
    return render("report/limits.html", limits=LIMITS)


def _made(name: str, contract: str, rpc: bool) -> str:
    return render(
        "report/made.html",
        kit=__version__,
        python=platform.python_version(),
        used=[f"{package} {version(package)}" for package in _USED],
        name=clean(name),
        rpc=rpc,
        contract=clean(contract),
    )


def _step_of(records: pd.DataFrame) -> tuple[Any, Callable[[Any], Any], Callable[..., Axes]]:
    """Return the step of time that fits the diary, and its table and plot."""
    at = records.loc[
        (records["type"] == "entry") & ~records["level"].isin([FAILED, UNANSWERED]), "at"
    ]
    if len(at) and at.max() - at.min() > pd.Timedelta(days=_WEEKS):
        return "week", participation.weekly, plots.weekly
    return "day", participation.daily, plots.daily
