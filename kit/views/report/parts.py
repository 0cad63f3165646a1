"""How the report shows its tables, its plots and the audit's verdict."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kit.analysis import plots
from kit.audit import Audit
from kit.core import CONSISTENT, FAILED, UNANSWERED, bilingual
from kit.errors import KitError
from kit.text import clean, many, short
from kit.views.markup import nested, render
from kit.views.report.words import COUNTED, HEADS, OUTCOMES

__all__ = ["Cell", "Page", "Part", "computed", "once"]

_ROWS: Final = 30  # of a table; the export has the rest
_SHOWN: Final = 50  # faults and notes

#: What makes a part of a section, as HTML; it raises KitError where it can't be computed.
Part = Callable[[], str]


class Cell(NamedTuple):
    """A cell of a table. ``kind``: "number", "key" (shown in short), "t" or "t long" (text)."""

    kind: str
    text: str


@dataclass(frozen=True)
class Page:
    """What the sections are made of."""

    audit: Audit
    records: pd.DataFrame
    simulated: bool
    figures: pd.DataFrame | None

    @property
    def source(self) -> str:
        """What a plot names as its source. Its level it takes from the table."""
        return f"log {short(self.audit.contract, 12)}"

    def verdict(self) -> str:
        """Return what the audit found, as HTML."""
        found = self.audit
        faults = [fault.text for fault in found.faults] + [f"note: {note}" for note in found.notes]
        return render(
            "report/verdict.html",
            ok=found.ok,
            level=clean(f"{bilingual(found.level).split()[0]} {found.said}"),
            alone=found.level == CONSISTENT,
            steps=[
                (x.number, x.outcome, OUTCOMES[x.outcome], clean(x.name), clean(x.reason))
                for x in found.steps
            ],
            faults=[clean(line) for line in faults[:_SHOWN]],
            more=len(faults) - _SHOWN,
            simulated=self.simulated,
        )

    def head_count(self) -> str:
        """Return who and what is counted, at which level, as HTML."""
        left = int(self.records["level"].isin([FAILED, UNANSWERED]).sum())
        counted = self.audit.head_count.items()
        return render(
            "report/head_count.html",
            counted=[(COUNTED.get(name, name), number) for name, number in counted],
            rows=self.audit.rows,
            level=bilingual(self.audit.level),
            left_out=many(left, "record") if left else "no record",
            simulated=self.simulated,
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
        made = once(make)
        return [
            lambda: self._plot(draw, made(), {}) if len(made()) else "",
            self.table(made, chinese, english, rows),
        ]

    def _table(self, table: Any, chinese: str, english: str, rows: int) -> str:
        frame = table if table.index.name is None else table.reset_index()
        shown = frame.head(rows).itertuples(index=False, name=None)
        return render(
            "report/table.html",
            zh=chinese,
            en=english,
            heads=[_head(name, frame[name]) for name in frame.columns],
            rows=[[_cell(value) for value in row] for row in shown],
            more=len(frame) - rows,
            simulated=self.simulated,
        )

    def _plot(self, draw: Callable[..., Axes], table: Any, more: dict[str, Any]) -> str:
        figure = Figure(figsize=(5.2, 4.2), layout="constrained")
        ax = draw(table, figure.subplots(), source=self.source, **more)
        return render(
            "report/plot.html",
            picture=base64.b64encode(plots.picture(ax, "svg")).decode(),
            said=clean(plots.alt_text(ax)),
            simulated=self.simulated,
        )


def computed(parts: list[Part]) -> list[Markup]:
    """Return the parts of a section, and why there is none where one can't be computed.

    Each once: a curve that can't be fitted says why for its plot and its tables.
    """
    return list(dict.fromkeys(nested(_part_html(part)) for part in parts))


def _part_html(part: Part) -> str:
    try:
        return part()
    except KitError as error:
        return render("report/not_computed.html", why=clean(error))


def _head(name: Any, column: pd.Series) -> tuple[str, bool]:
    """Return the head of a column, and whether it is one of numbers."""
    return HEADS.get(str(name), clean(name)), pd.api.types.is_numeric_dtype(column)


def _cell(value: Any) -> Cell:
    """Return a table's cell: numbers to the right, texts as somebody wrote them."""
    if isinstance(value, str):
        whole = clean(value)
        if whole.startswith("0x") and len(whole) > 14:
            return Cell("key", whole)
        return Cell("t long" if len(whole) > 40 else "t", short(whole, 120))
    if pd.isna(value):
        return Cell("number", "–")
    if isinstance(value, pd.Timestamp):
        form = "%Y-%m-%d" if value == value.normalize() else "%Y-%m-%d %H:%M"
        return Cell("number", f"{value:{form}}{' UTC' if value.tzinfo else ''}")
    if isinstance(value, float):
        return Cell("number", f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}")
    return Cell("number", f"{value:,}")


def once(make: Callable[[], Any]) -> Callable[[], Any]:
    """Return what makes something when it is first asked for; an error is raised each time."""
    made: list[Any] = []

    def get() -> Any:
        if not made:
            made.append(make())
        return made[0]

    return get
