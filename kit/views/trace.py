"""All that ever happened to one record, as a drawing and a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from kit.arguments import checked
from kit.core import Anchor, bilingual
from kit.diary import Line, Trace
from kit.views.markup import render

__all__ = ["Row", "trace_html"]

#: What a record does, in Chinese.
_WORDS: Final = {
    "entry": "发布申请",
    "approve": "批准",
    "reject": "驳回",
    "suspend": "暂停",
    "reinstate": "恢复",
    "appeal": "申诉",
    "witness": "见证",
    "withdraw": "撤回",
    "bulletin": "通报",
}
_SIGNS: Final = {"proved": "✓", "not on the chain yet": "…"}


class Row(NamedTuple):
    """A record as the drawing and the table show it.

    ``about`` says which of the others it is about, or is '' where it is about none of them.
    """

    number: str
    word: str
    what: str
    time: str
    author: str
    said: str
    anchor: Anchor | None
    standing: str
    sign: str
    proof: str
    about: str


@checked("trace")
def trace_html(trace: Trace) -> str:
    """Return a trace as HTML: a drawing of its records, and a table. All that people wrote is escaped."""
    return render(
        "trace.html",
        rows=list(_rows(trace.lines)),
        state=trace.lines[-1].state,
        title=" → ".join(line.what for line in trace.lines),
    )


def _rows(lines: list[Line]) -> Iterator[Row]:
    known = {line.record.commitment: line for line in lines}
    for line in lines:
        about = known.get(line.record.subject or "")
        yield Row(
            number="–" if line.seq is None else str(line.seq),
            word=_WORDS.get(line.record.move, ""),
            what=line.what,
            time=f"{line.time:%Y-%m-%d %H:%M:%S}",
            author=line.record.author,
            said=line.text if len(line.text) <= 120 else line.text[:119] + "…",
            anchor=line.batch.anchor if line.batch else None,
            standing=bilingual(line.batch.standing) if line.batch else "",
            sign=_SIGNS.get(line.proof, "✗"),
            proof=line.proof,
            about="" if about is None else _name(about),
        )


def _name(line: Line) -> str:
    return f"{line.what} · {'–' if line.seq is None else line.seq}"
