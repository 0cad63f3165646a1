"""The report: one HTML file with the audit's verdict, and who took part, in tables and plots.

It is made from an export alone (see ``kit.audit.folder``), and needs nothing else to be read: pictures are
inside, no script, no font and no request. The verdict comes first, since the rest is worth what it
is worth. Only proved records are counted. What can't be computed says why, and the rest follows. The
same export gives the same bytes, on the same versions of the kit and what it uses.

Everything that people wrote is escaped, and the page's own policy forbids it to load anything.
"""

from __future__ import annotations

import base64
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from html import escape
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kit.analysis import participation, plots
from kit.audit import Audit
from kit.audit import folder as export
from kit.core import FAILED, PASSED, SKIPPED
from kit.errors import DataError, KitError
from kit.text import clean, many, short

if TYPE_CHECKING:
    from kit.chain import Chain

__all__ = ["build", "write"]

_MARK: Final = '<meta name="generator" content="civic-diary-report/1">'
_ROWS: Final = 30  # of a table; the export has the rest
_PAIRS: Final = 15  # of accounts to ask about
_WEEKS: Final = 120  # days from which on a row is a week
_SHOWN: Final = 50  # faults and notes
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

_OUTCOMES: Final = {
    PASSED: ("✓", "通过", "passed"),
    FAILED: ("✗", "不通过", "failed"),
    SKIPPED: ("–", "未查", "skipped"),
}
_HEADS: Final = {
    "age": "之后 steps later",
    "agreed": "一致 agreed",
    "at": "时间 at",
    "appealed": "被申诉的决定 appealed",
    "approved": "通过 approved",
    "author": "作者 author",
    "autocorrelation": "自相关 autocorrelation",
    "burstiness": "突发度 burstiness",
    "cases": "例 cases",
    "chance": "偶然概率 chance",
    "day": "日期 day",
    "decisions": "决定 decisions",
    "entries": "记录 entries",
    "estimate": "估计 estimate",
    "expected": "期望 expected",
    "first": "最早 first",
    "high": "上限 high",
    "kappa": "κ kappa",
    "last": "最晚 last",
    "low": "下限 low",
    "mean": "平均间隔/秒 mean, s",
    "measure": "指标 measure",
    "memory": "记忆 memory",
    "moderator": "审核员 moderator",
    "mutual": "互相 mutual",
    "new": "新 new",
    "other": "另一方 other",
    "parameter": "参数 parameter",
    "participants": "参与者 participants",
    "place": "地点 place",
    "r_squared": "R²",
    "rate": "比例 rate",
    "reciprocity": "互惠 reciprocity",
    "role": "身份 role",
    "runs": "游程 runs",
    "runs_p": "游程检验 p runs test",
    "shared_minutes": "同一分钟 shared minutes",
    "similar_texts": "相近文字 similar texts",
    "similarity": "相似度 similarity",
    "steps": "时段 steps",
    "text": "文字 text",
    "then": "之后的决定 then",
    "total": "累计 so far",
    "upheld": "维持 upheld",
    "week": "周 week",
    "witnessed": "为几人作证 witnessed",
    "witnessed_by": "被几人见证 witnessed by",
    "word": "词 word",
}
_COUNTED: Final = {
    "participants": "参与者（发出记录的密钥） participants, keys with an entry",
    "witnesses": "见证人 witnesses",
    "both": "两者都是 both",
    "either": "任一 either",
    "entries": "记录 entries",
    "witness_records": "见证 witness records",
    "records": "全部已证明的记录 all proved records",
}
_LIMITS: Final = (
    "A key is not a person. One person can have many keys, and many people can share one.",
    "The chain proves that these records were published, by whom, in which order, and unchanged. It "
    "does not prove that what they say is true, or that the platform published all that it was given.",
    "Those who could not post are not here: no phone, no time, no strength, no wish to be seen.",
    "The time of an entry is what its author's device said; the log only gives the latest it can be.",
    "Rejected entries are not published, so whatever is counted here went through review.",
    "Intervals show what chance alone could do. They don't show who was never asked.",
    "Consistent in itself means that the folder agrees with itself. Only a node of the chain can show "
    "that it is the log: give its address with --rpc.",
)
_STYLE: Final = """
:root{color-scheme:light}
body{margin:0;font:16px/1.55 system-ui,"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;
color:#1a1a1a;background:#fff;overflow-wrap:anywhere}
main{max-width:46rem;margin:0 auto;padding:1rem}
h1{font-size:1.6rem;line-height:1.25}h2{margin-top:2.5rem;border-bottom:1px solid #bbb}
a{color:#004f7c}nav ul{columns:2;padding-left:1.2rem}
.verdict{border-left:.4rem solid;padding:.4rem .8rem;font-size:1.15rem;background:#f4f4f4}
.passed{color:#005a8c}.failed{color:#a33c00}.skipped{color:#595959}
.banner{background:#a33c00;color:#fff;padding:.6rem .8rem;font-weight:bold}
.wide{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.875rem;overflow-wrap:normal}
caption{text-align:left;font-weight:bold;padding:.2rem 0}
th,td{padding:.2rem .6rem;border-bottom:1px solid #ddd;text-align:left;vertical-align:top}
th{font-weight:600}.n{text-align:right;font-variant-numeric:tabular-nums}td.n{white-space:nowrap}
td.t{min-width:6rem}td.long{min-width:16rem}td code{white-space:nowrap}
figure{margin:1.2rem 0}img{max-width:100%;height:auto}
figcaption,.why{color:#595959;font-size:.9rem}code{font-size:.9em}
@media print{body{font-size:11pt}main{max-width:none;padding:0}figure,tr{break-inside:avoid}
h2{break-after:avoid}a{color:inherit;text-decoration:none}.wide{overflow:visible}
.banner{color:#a33c00;background:none;border:2px solid}}
"""

Part = Callable[[], str]


def write(folder: str | Path, out: str | Path = "report.html", chain: Chain | None = None) -> Audit:
    """Write the report of an export into a file, and return its audit.

    With a ``chain`` the roots are those that the chain holds. A file that is there is replaced if it
    is a report, too; any other is left alone. The file is written whole or not at all. Raises
    DataError for a folder that is no export, or for a file that can't be written; NodeDown.
    """
    out = Path(out)
    _refuse_others(out)
    found, records = export.check(folder, chain)
    figures = export.bulletins(folder, records)
    name = Path(folder).resolve().name
    _save(out, build(found, records, name, rpc=chain is not None, figures=figures))
    return found


def build(
    found: Audit,
    records: pd.DataFrame,
    name: str = "FOLDER",
    *,
    rpc: bool = False,
    figures: pd.DataFrame | None = None,
) -> str:
    """Return the report as HTML, of what ``kit.audit.check`` returned.

    ``name`` is the folder's, and ``rpc`` whether a chain was asked: both for the command that the
    report names. ``figures`` are those of the diary's own bulletins (``kit.audit.bulletins``).
    """
    simulated = bool(found.simulated or records.attrs.get("simulated"))
    page = _Page(found, records, simulated, figures)
    if page.simulated:  # a plot looks at its table
        records.attrs["simulated"] = True
    sections = [
        ("verdict", "查验结论", "The audit's verdict", [page.verdict]),
        ("head-count", "可证明的人数", "The head-count that is proved", [page.head_count]),
        *_analysis(page),
        ("limits", "局限", "Limits", [_limits]),
        ("made", "怎样做成", "How this was made", [lambda: _made(name, found.contract, rpc)]),
    ]
    with mpl.rc_context():  # the house style's fonts stay here
        body = "".join(_section(*section) for section in sections)
    contents = "".join(
        f"<li><a href='#{key}'><span lang='zh'>{zh}</span> {en}</a></li>"
        for key, zh, en, _ in sections
    )
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f"{_MARK}<meta name='viewport' content='width=device-width, initial-scale=1'>"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">"
        f"<title>谁参与了 Who took part: {_text(found.contract)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1><span lang='zh'>谁参与了记录？</span><br>Who took part?</h1>"
        f"<p>The log <code>{_text(found.contract)}</code>, from its export.</p>{page.banner()}"
        f"<nav aria-label='目录 Contents'><ul>{contents}</ul></nav>{body}</main></body></html>\n"
    )


# --- the sections --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Page:
    """What the sections are made of."""

    audit: Audit
    records: pd.DataFrame
    simulated: bool
    figures: pd.DataFrame | None

    @property
    def source(self) -> str:
        return f"log {short(self.audit.contract, 12)}, {self.audit.level}"

    def banner(self) -> str:
        if not self.simulated:
            return ""
        return (
            "<p class='banner'><span lang='zh'>模拟数据：没有人写过这些记录。</span> "
            "Simulated: nobody wrote these records.</p>"
        )

    def verdict(self) -> str:
        found = self.audit
        colour = "passed" if found.ok else "failed"
        words = {
            True: ("没有一步不通过", "No step failed"),
            False: ("有步骤不通过", "A step failed: read the rest with that in mind"),
        }[found.ok]
        rows = "".join(_step(step) for step in found.steps)
        alone = ""
        if found.ok and any(step.outcome == SKIPPED for step in found.steps):
            alone = (
                "<br><span lang='zh'>没有问链：只说明这个文件夹自身一致。</span>No chain was asked: the "
                "folder agrees with itself, and that is all."
            )
        faults = [fault.text for fault in found.faults] + [f"note: {note}" for note in found.notes]
        listed = "".join(f"<li>{_text(line)}</li>" for line in faults[:_SHOWN])
        more = len(faults) - _SHOWN
        listed += f"<li>… and {more:,} more</li>" if more > 0 else ""
        return (
            f"<p class='verdict {colour}'><b>{_text(found.level)}</b><br>"
            f"<span lang='zh'>{words[0]}。</span>{words[1]}.{alone}</p>"
            f"<div class='wide'><table><caption>{self._caption('查验的步骤', 'The steps')}</caption>"
            f"{rows}</table></div>{f'<ul>{listed}</ul>' if listed else ''}"
        )

    def head_count(self) -> str:
        counted = self.audit.head_count
        rows = "".join(
            f"<tr><th scope='row'>{_COUNTED.get(name, name)}</th><td class='n'>{value:,}</td></tr>"
            for name, value in counted.items()
        )
        left = len(self.records) - int(self.records["proved"].sum())
        out = f"{many(left, 'record')} left out there" if left else "no record left out there"
        return (
            f"<div class='wide'><table><caption>{self._caption('人数', 'Head-count')}</caption>{rows}"
            f"</table></div><p>It is counted from the leaves whose batch leads to the log's root, of "
            f"{self.audit.rows:,} rows. What follows counts only records whose content is open and proved, "
            f"too: {out}.</p>"
        )

    def table(self, make: Callable[[], Any], chinese: str, english: str, rows: int = _ROWS) -> Part:
        """Return what writes a table of participation."""
        return lambda: self._table(make(), chinese, english, rows)

    def plot(self, draw: Callable[..., Axes], make: Callable[[], Any], **more: Any) -> Part:
        """Return what draws the plot of a table."""
        return lambda: self._plot(draw, make(), {name: one() for name, one in more.items()})

    def both(
        self,
        draw: Callable[..., Axes],
        make: Callable[[], Any],
        chinese: str,
        english: str,
        rows: int = _ROWS,
    ) -> list[Part]:
        """Return what draws a table and what writes it; an empty one is only written."""
        made = _once(make)
        return [
            lambda: self._plot(draw, made(), {}) if len(made()) else "",
            self.table(made, chinese, english, rows),
        ]

    def _table(self, table: Any, chinese: str, english: str, rows: int) -> str:
        named = self._caption(chinese, english)
        frame = table if table.index.name is None else table.reset_index()
        if not len(frame):
            return f"<p class='why'>{named}: <span lang='zh'>没有。</span>None.</p>"
        heads = "".join(_head(name, frame[name]) for name in frame.columns)
        body = "".join(
            f"<tr>{''.join(_cell(value) for value in row)}</tr>"
            for row in frame.head(rows).itertuples(index=False, name=None)
        )
        left = len(frame) - rows
        more = f"<p class='why'>{left:,} more rows are not shown.</p>" if left > 0 else ""
        return (
            f"<div class='wide'><table><caption>{named}</caption><thead><tr>{heads}</tr></thead>"
            f"<tbody>{body}</tbody></table></div>{more}"
        )

    def _plot(self, draw: Callable[..., Axes], table: Any, more: dict[str, Any]) -> str:
        figure = Figure(figsize=(5.2, 4.2), layout="constrained")
        ax = draw(table, figure.subplots(), source=self.source, **more)
        inside = base64.b64encode(plots.picture(ax, "svg")).decode()
        said = "<figcaption>模拟数据 simulated</figcaption>" if self.simulated else ""
        return (
            f"<figure><img src='data:image/svg+xml;base64,{inside}' alt='{_text(plots.alt_text(ax))}'>"
            f"{said}</figure>"
        )

    def _caption(self, chinese: str, english: str) -> str:
        simulated = " · 模拟数据 simulated" if self.simulated else ""
        return f"<span lang='zh'>{chinese}</span> {english}{simulated}"


Section = tuple[str, str, str, list[Part]]


def _analysis(page: _Page) -> Iterator[Section]:
    """Yield the sections between the head-count and the limits."""
    records, p = page.records, participation
    step, by_time, draw_time = _step_of(records)
    shown = _once(lambda: by_time(records))
    places, roles = _once(lambda: p.by_place(records)), _once(lambda: p.by_role(records))
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
    spread = _once(lambda: p.concentration(records))
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
        ],
    )
    yield "grew", "如何增长", "How it grew", _growth(page, step)
    yield "witnesses", "见证", "Witnesses", _witnesses(page)
    yield "review", "审核", "Review", _review(page)
    said = _once(lambda: p.words(records))
    yield (
        "words",
        "词语",
        "Words",
        [page.plot(plots.words, said), page.table(said, "常见的词", "The most common words")],
    )
    yield "alike", "像同一个人的账号？", "Accounts that look alike?", _alike(page)


def _bulletin(page: _Page) -> list[Part]:
    """Return the rates of a bulletin in the diary itself: of other figures nothing is proved."""
    figures = page.figures
    if figures is None or not len(figures):
        return [lambda: _left_out("本日记没有已证明的通报", "no bulletin in this diary is proved")]
    known = participation.cases(page.records, figures)
    if not len(known):
        why = "no bulletin that stands uncorrected names a place of an entry"
        return [lambda: _left_out("没有未被更正且提到记录所在地点的通报", why)]
    number = known["seq"].iloc[0]
    said = figures[figures["seq"] == number]
    rates = _once(lambda: participation.rates(page.records, known))
    return [
        lambda: _about_bulletin(said, len(said) - len(known)),
        page.plot(plots.rates, rates),
        page.table(
            rates, "每例对应的参与者", "Participants per case, with exact Poisson intervals"
        ),
    ]


def _about_bulletin(said: pd.DataFrame, left: int) -> str:
    row = said.iloc[0]
    out = (
        f" {many(left, 'figure')} of it {'is' if left == 1 else 'are'} no place's." if left else ""
    )
    return (
        f"<p>The newest bulletin of this diary that names places and was not corrected is record "
        f"{row['seq']:,}, of {row['as_of']:%Y-%m-%d %H:%M} UTC, signed by {_key(row['author'])}: "
        f"“<bdi>{_text(short(row['source'], 300))}</bdi>”. A case is whatever it counts.{out} The log "
        "proves that it said so, not that it is true, nor that the key is an office's. Cases are not "
        "inhabitants: a place with few cases has a high rate.</p>"
    )


def _left_out(chinese: str, why: str) -> str:
    return (
        f"<p class='why'><span lang='zh'>未计算：{chinese}。</span>Left out: {why}. Figures from "
        "elsewhere are not in the log; <code>kit.participation.rates</code> takes them.</p>"
    )


def _growth(page: _Page, step: Any) -> list[Part]:
    records, p = page.records, participation
    parts = [
        page.plot(plots.cumulative, lambda: p.cumulative(records, step)),
        page.plot(plots.new_and_returning, lambda: p.new_and_returning(records, step)),
        page.plot(plots.retention, lambda: p.retention(records, step)),
    ]
    curves = (("逻辑斯谛曲线", "Logistic curve", p.logistic), ("巴斯曲线", "Bass curve", p.bass))
    for chinese, english, curve in curves:
        fit = _once(partial(curve, records, step))
        parts += [
            page.plot(plots.growth, fit),
            page.table(_said(fit, "parameters"), chinese, f"{english}: parameters"),
            page.table(_said(fit, "check"), "残差检验", f"{english}: is it the right one?"),
        ]
    return parts


def _said(fit: Callable[[], Any], name: str) -> Callable[[], Any]:
    """Return what takes a table from a fit."""
    return lambda: getattr(fit(), name)


def _witnesses(page: _Page) -> list[Part]:
    records, p = page.records, participation

    degrees = _once(lambda: p.witness_degrees(records))

    def met() -> Any:
        table = degrees()
        return table[table["witnessed"] + table["witnessed_by"] > 0]

    return [
        page.plot(plots.witnesses, lambda: p.witnesses(records)),
        page.plot(plots.witness_network, lambda: p.witness_network(records)),
        page.plot(plots.witness_degrees, degrees),
        page.table(met, "见证最多的人", "Who has the most witnesses", 10),
    ]


def _review(page: _Page) -> list[Part]:
    records, p = page.records, participation
    approved = _once(lambda: p.approval(records))

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


def _alike(page: _Page) -> list[Part]:
    records, p = page.records, participation
    why = (
        "<p>Each row is a question for somebody to look into, and no verdict. People copy a slogan, fill "
        "in the same form, react to the same news and share a phone; and whoever uses many keys with "
        "care is not in it. Of similar texts: the same person, a copied text, or one form that both filled "
        "in? Of shared minutes: the same person, a program, or two who were always there together?</p>"
    )

    def pairs() -> Any:  # the questions, the same in each row, would not fit beside the numbers
        return p.alike(records).drop(columns="question")

    return [
        lambda: why,
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
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in _LIMITS)}</ul>"


def _made(name: str, contract: str, rpc: bool) -> str:
    import kit

    used = ", ".join(f"{package} {version(package)}" for package in _USED)
    command = f"python -m kit report {name}{' --rpc URL' if rpc else ''}"
    return (
        f"<p>With the Civic Diary Kit {kit.__version__}, Python {platform.python_version()}, {used}:</p>"
        f"<p><code>{_text(command)}</code></p><p>The same export gives the same report with the same "
        f"versions. Each table and each plot is the function of its name in <code>kit.participation</code> "
        f"and <code>kit.plots</code>, whose words say the formula and its source. To check the export "
        f"against the chain: <code>python -m kit audit {_text(name)} --rpc URL</code>; the log is "
        f"<code>{_text(contract)}</code>.</p>"
    )


# --- small parts ---------------------------------------------------------------------------------


def _section(key: str, chinese: str, english: str, parts: list[Part]) -> str:
    # Once each: a curve that can't be fitted says why for its plot and its tables.
    body = "".join(dict.fromkeys(_part(part) for part in parts))
    return (
        f"<section id='{key}'><h2><span lang='zh'>{chinese}</span> {english}</h2>{body}</section>"
    )


def _part(part: Part) -> str:
    """Return a part of a section, or why there is none."""
    try:
        return part()
    except KitError as error:
        return f"<p class='why'><span lang='zh'>未计算。</span>Not computed. {_text(error)}</p>"


def _step(step: Any) -> str:
    sign, chinese, english = _OUTCOMES[step.outcome]
    return (
        f"<tr><td class='n'>{step.number}</td><td class='{step.outcome}'>{sign} {chinese} {english}</td>"
        f"<td class='t'><b>{_text(step.name)}</b><br>{_text(step.reason)}</td></tr>"
    )


def _head(name: Any, column: pd.Series) -> str:
    number = " class='n'" if pd.api.types.is_numeric_dtype(column) else ""
    return f"<th scope='col'{number}>{_HEADS.get(str(name), _text(name))}</th>"


def _cell(value: Any) -> str:
    """Return a table's cell: numbers to the right, texts as somebody wrote them."""
    if isinstance(value, str):
        whole = clean(value)
        if whole.startswith("0x") and len(whole) > 14:
            return f"<td>{_key(whole)}</td>"
        kind = "t long" if len(whole) > 40 else "t"
        return f"<td class='{kind}'><bdi>{_text(short(whole, 120))}</bdi></td>"
    if pd.isna(value):
        return "<td class='n'>–</td>"
    if isinstance(value, pd.Timestamp):
        form = "%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M"
        return f"<td class='n'>{value:{form}}{' UTC' if value.tzinfo else ''}</td>"
    if isinstance(value, float):
        return (
            f"<td class='n'>{value:,.0f}</td>"
            if abs(value) >= 1_000
            else f"<td class='n'>{value:.3g}</td>"
        )
    return f"<td class='n'>{value:,}</td>"


def _key(whole: str) -> str:
    return f"<code title='{_text(whole)}'>{_text(whole[:6])}…{_text(whole[-4:])}</code>"


def _text(value: Any) -> str:
    """Return a text that can stand in HTML, or in an attribute, and is nothing but text."""
    return escape(clean(value), quote=True)


def _once(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return what makes something when it is first asked for; an error is raised each time."""
    made: list[Any] = []

    def get() -> Any:
        if not made:
            made.append(make())
        return made[0]

    return get


def _step_of(records: pd.DataFrame) -> tuple[Any, Callable[[Any], Any], Callable[..., Axes]]:
    """Return the step of time that fits the diary, and its table and plot."""
    at = records.loc[records["proved"] & (records["type"] == "entry"), "at"]
    if len(at) and at.max() - at.min() > pd.Timedelta(days=_WEEKS):
        return "week", participation.weekly, plots.weekly
    return "day", participation.daily, plots.daily


# --- the file ------------------------------------------------------------------------------------


def _refuse_others(out: Path) -> None:
    """Raise DataError where there is something in the report's place that is no report."""
    if not out.exists():
        return
    try:
        with out.open("rb") as file:
            ours = _MARK.encode() in file.read(1_000)
    except OSError as error:
        raise DataError(f"to write {out}", str(error.strerror), "Choose another file.") from None
    if not ours:
        got = f"{out}, which is something else"
        raise DataError("a new file, or an older report", got, "Nothing was written.")


def _save(out: Path, text: str) -> None:
    """Write the file beside its place, then give it its name: nobody sees half of it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            Path(part).chmod(0o644)  # mkstemp keeps it for its owner
            Path(part).replace(out)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(f"to write {out}", str(error.strerror), "Choose another file.") from None
