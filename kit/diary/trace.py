"""All that ever happened to one record: every line with its signer, its block and its proof."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kit.core import Batch, EntryState, SignedRecord, root_from_proof
from kit.core import record as records
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

_SHOWN: Final = {"entry": "post"}


@dataclass(frozen=True)
class Line:
    """One record of a trace. ``batch`` is None while it waits; ``proof`` is "proved" or why not."""

    record: Said
    text: str
    state: str
    seq: int | None
    batch: Batch | None
    proof: str

    @property
    def what(self) -> str:
        """What the record did: a move's name, "post" or "bulletin"."""
        return _SHOWN.get(self.record.move, self.record.move)

    @property
    def time(self) -> datetime:
        """When its author says it was made, in UTC."""
        return datetime.fromtimestamp(self.record.at, UTC)


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
                "by": line.record.author,
                "said": line.text,
                "state": line.state,
                "seq": line.seq,
                "batch": line.batch.number if line.batch else None,
                "block_number": line.batch.anchor.block_number if line.batch else None,
                "block_hash": line.batch.anchor.block_hash if line.batch else None,
                "proof": line.proof,
                "commitment": line.record.commitment,
                "subject": line.record.subject if int(line.record.subject, 16) else None,
            }
            for line in self.lines
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def __repr__(self) -> str:
        return "\n".join(
            f"{line.time:%Y-%m-%d %H:%M:%S} UTC  {line.what:10}"
            f"{_number(line.seq):>6}  {line.record.author}  {line.proof}"
            + (f"  → {line.state}" if line.state else "")
            for line in self.lines
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
    chain_id, contract = diary.chain.chain_id, diary.log.address
    if records.signer(said.commitment, said.signature, chain_id, contract) != said.author:
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
