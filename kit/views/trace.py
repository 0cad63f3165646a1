"""All that ever happened to one record, as a drawing and a table."""

from __future__ import annotations

from html import escape
from typing import Final

from kit.diary import Line, Trace

__all__ = ["trace_html"]

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


def trace_html(trace: Trace) -> str:
    """Return a trace as HTML: a drawing of its records, and a table. All that people wrote is escaped."""
    head = "".join(
        f"<th style='text-align:left'>{name}</th>"
        for name in (
            "号 No.",
            "事 what",
            "时间 UTC",
            "签名者 signer",
            "内容 said",
            "区块 block",
        )
    )
    rows = "".join(_row(line) for line in trace.lines)
    state = trace.lines[-1].state
    now = f"<p>现状 now: <b>{escape(state)}</b></p>" if state else ""
    return (
        f"<div style='overflow-x:auto'>{_drawing(trace.lines)}</div>{now}"
        f"<div style='overflow-x:auto'><table><tr>{head}<th>证明 proof</th></tr>{rows}</table></div>"
    )


def _number(line: Line) -> str:
    return "–" if line.seq is None else str(line.seq)


def _row(line: Line) -> str:
    anchor = line.batch.anchor if line.batch else None
    block = f"{anchor.block_number} <code>{anchor.block_hash[:10]}…</code>" if anchor else "–"
    mark = {"proved": "✓", "not on the chain yet": "…"}.get(line.proof, "✗")
    cells = (
        _number(line),
        f"{_WORDS.get(line.record.move, '')} {escape(line.what)}",
        f"{line.time:%Y-%m-%d %H:%M:%S}",
        f"<code title='{line.record.author}'>{line.record.author[:8]}…{line.record.author[-4:]}</code>",
        f"<span dir='auto' style='overflow-wrap:anywhere'>{escape(_short(line.text))}</span>",
        block,
        f"{mark} {escape(line.proof)}",
    )
    return "<tr>" + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in cells) + "</tr>"


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"


def _drawing(lines: list[Line]) -> str:
    """Return the chain of records as a small SVG: a box a record, an arrow to what it is about."""
    step, width, top = 104, 84, 64
    place = {line.record.commitment: i for i, line in enumerate(lines)}
    parts = []
    for i, line in enumerate(lines):
        x = 10 + i * step
        dashed = "" if line.batch else " stroke-dasharray='4 3'"
        parts.append(
            f"<rect x='{x}' y='{top}' width='{width}' height='46' rx='4' fill='#fff'"
            f" stroke='#0072B2' stroke-width='1.5'{dashed}/>"
            f"<text x='{x + width / 2}' y='{top + 19}'>{_WORDS.get(line.record.move, '')}</text>"
            f"<text x='{x + width / 2}' y='{top + 37}' fill='#595959' font-size='12'>"
            f"{escape(line.what)} · {_number(line)}</text>"
        )
        about = place.get(line.record.subject)
        if about is not None:
            start, end = x + width / 2, 10 + about * step + width / 2 + 8
            rise = top - 14 - min(44, 9 * (i - about))
            parts.append(
                f"<path d='M{start},{top} C{start},{rise} {end},{rise} {end},{top - 2}' fill='none'"
                " stroke='#595959' marker-end='url(#kit-arrow)'/>"
            )
    total = 10 + len(lines) * step
    title = " → ".join(escape(line.what) for line in lines)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{total}' height='{top + 56}' role='img'"
        f" aria-label='{title}' font-family='sans-serif' font-size='14' text-anchor='middle'>"
        "<defs><marker id='kit-arrow' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='8'"
        " markerHeight='8' orient='auto'><path d='M0,0L8,4L0,8z' fill='#595959'/></marker></defs>"
        f"{''.join(parts)}</svg>"
    )
