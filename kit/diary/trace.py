"""All that ever happened to one record: every line with its signer, its block and its proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final

from kit.core import Batch, EntryState, SignedRecord, root_from_proof, signer, subject_from_leaf
from kit.diary.archive import Said
from kit.diary.issue import Proofs
from kit.errors import KitError

if TYPE_CHECKING:
    import pandas as pd

    from kit.diary.diary import Diary

__all__ = ["COLUMNS", "Line", "Trace"]

#: The columns of ``Trace.frame``.
COLUMNS: Final = {
    "what": "str",
    "at": "datetime64[s, UTC]",
    "by": "str",
    "said": "str",
    "state": "str",
    "seq": "Int64",
    "batch": "Int64",
    "block_number": "Int64",
    "block_hash": "str",
    "proof": "str",
    "commitment": "str",
    "subject": "str",
}

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
_SHOWN: Final = {"entry": "post"}


@dataclass(frozen=True)
class Line:
    """One record of a trace. ``batch`` is None while it waits; ``proof`` is "proved" or why not."""

    said: Said
    text: str
    state: str
    seq: int | None
    batch: Batch | None
    proof: str

    @property
    def what(self) -> str:
        """What the record did: a move's name, "post" or "bulletin"."""
        return _SHOWN.get(self.said.move, self.said.move)

    @property
    def time(self) -> datetime:
        """When its author says it was made, in UTC."""
        return datetime.fromtimestamp(self.said.at, UTC)


class Trace:
    """A record and all records about it, in order; made by ``Diary.trace``."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    @classmethod
    def of(cls, diary: Diary, said: Said) -> Trace:
        """Return the trace of a record, or of the one that it is about."""
        while above := diary.archive.said(said.subject):
            said = above
        proofs = Proofs(diary.archive, diary.log.batches())
        lines: list[Line] = []
        moves: list[tuple[str, str]] = []
        for one in (said, *diary.archive.about(said.commitment)):
            state = ""
            if said.type == "entry":
                moves += [(one.move, one.author)] if one is not said else []
                state = _state_after(diary, said, moves)
            lines.append(_line(diary, one, state, proofs))
        return cls(lines)

    @property
    def frame(self) -> pd.DataFrame:
        """The trace as a DataFrame, a row a record. Columns as in ``COLUMNS``."""
        import pandas as pd

        rows = [
            {
                "what": line.what,
                "at": line.time,
                "by": line.said.author,
                "said": line.text,
                "state": line.state,
                "seq": line.seq,
                "batch": line.batch.number if line.batch else None,
                "block_number": line.batch.anchor.block_number if line.batch else None,
                "block_hash": line.batch.anchor.block_hash if line.batch else None,
                "proof": line.proof,
                "commitment": line.said.commitment,
                "subject": subject_from_leaf(line.said.subject),
            }
            for line in self.lines
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def __repr__(self) -> str:
        return "\n".join(
            f"{line.time:%Y-%m-%d %H:%M:%S} UTC  {line.what:10}"
            f"{_number(line.seq):>6}  {line.said.author}  {line.proof}"
            + (f"  → {line.state}" if line.state else "")
            for line in self.lines
        )

    def _repr_html_(self) -> str:
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
        rows = "".join(_row(line) for line in self.lines)
        state = self.lines[-1].state
        now = f"<p>现状 now: <b>{escape(state)}</b></p>" if state else ""
        return (
            f"<div style='overflow-x:auto'>{_drawing(self.lines)}</div>{now}"
            f"<div style='overflow-x:auto'><table><tr>{head}<th>证明 proof</th></tr>{rows}</table></div>"
        )


def _state_after(diary: Diary, said: Said, moves: list[tuple[str, str]]) -> str:
    """Return the state after some of the moves. A publication shows with the move that needs it."""
    landed = diary.archive.is_landed(said.commitment)
    last = moves[-1][0] if moves else ""
    state = EntryState.of(said.author, moves, published=landed, purged=said.purged).state
    # The move itself leads to "approved"; the batch comes later.
    return "approved, then published" if last == "approve" and state == "published" else state


def _line(diary: Diary, said: Said, state: str, proofs: Proofs) -> Line:
    member = proofs.of(diary.archive.leaf(said.commitment))
    signed, text = None, "content erased" if said.erased else ""
    try:
        signed = diary.archive.get(said.commitment)
        text = _text(signed) if signed else text
        proof = _fault(diary, said, signed)
        if not proof and member:
            proved = root_from_proof(member.leaf.hash(), member.proof) == member.batch.root
            proof = "proved" if proved else "the proof leads to another root"
    except KitError as error:
        proof = f"unreadable: {error}"
    seq, batch = (member.leaf.seq, member.batch) if member else (None, None)
    return Line(said, text, state, seq, batch, proof or "not on the chain yet")


def _fault(diary: Diary, said: Said, signed: SignedRecord | None) -> str:
    """Return what is wrong with a record's content or signature, or ''."""
    if signed is None and not said.erased:
        return "content is missing"
    if signed and signed.commitment != said.commitment:
        return "content differs from the commitment"
    if signer(said.commitment, said.signature, diary.log.log_id) != said.author:
        return "the signature is not the author's"
    return ""


def _text(signed: SignedRecord) -> str:
    body: Any = signed.record.body
    if signed.record.type == "review":
        return ": ".join(x for x in (body["reason_code"], body["reason"]) if x)
    if signed.record.type == "bulletin":
        figures = ", ".join(f"{name} {value:,}" for name, value in body["figures"].items())
        return f"{body['source']}: {figures}"
    return str(body.get("text", body.get("note", body.get("reason", ""))))


def _number(seq: int | None) -> str:
    return "–" if seq is None else str(seq)


def _row(line: Line) -> str:
    anchor = line.batch.anchor if line.batch else None
    block = f"{anchor.block_number} <code>{anchor.block_hash[:10]}…</code>" if anchor else "–"
    mark = {"proved": "✓", "not on the chain yet": "…"}.get(line.proof, "✗")
    cells = (
        _number(line.seq),
        f"{_WORDS.get(line.said.move, '')} {escape(line.what)}",
        f"{line.time:%Y-%m-%d %H:%M:%S}",
        f"<code title='{line.said.author}'>{line.said.author[:8]}…{line.said.author[-4:]}</code>",
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
    place = {line.said.commitment: i for i, line in enumerate(lines)}
    parts = []
    for i, line in enumerate(lines):
        x = 10 + i * step
        dashed = "" if line.batch else " stroke-dasharray='4 3'"
        parts.append(
            f"<rect x='{x}' y='{top}' width='{width}' height='46' rx='4' fill='#fff'"
            f" stroke='#0072B2' stroke-width='1.5'{dashed}/>"
            f"<text x='{x + width / 2}' y='{top + 19}'>{_WORDS.get(line.said.move, '')}</text>"
            f"<text x='{x + width / 2}' y='{top + 37}' fill='#595959' font-size='12'>"
            f"{escape(line.what)} · {_number(line.seq)}</text>"
        )
        about = place.get(line.said.subject)
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
