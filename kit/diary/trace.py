"""All that ever happened to one record: every line with its signer, its block and its proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from kit.arguments import checked
from kit.core import Batch, SignedRecord, root_from_proof, subject_from_leaf
from kit.diary.archive import Archive
from kit.diary.issue import Proofs, state_of
from kit.diary.stored import StoredRecord
from kit.errors import KitError
from kit.log import Log

if TYPE_CHECKING:
    import pandas as pd

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
    "standing": "str",
    "proof": "str",
    "commitment": "str",
    "subject": "str",
}

_SHOWN: Final = {"entry": "post"}


@dataclass(frozen=True)
class Line:
    """One record of a trace. ``batch`` is None while it waits; ``proof`` is "proved" or why not."""

    record: StoredRecord
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
    @checked("log", "archive", "record")
    def of(cls, log: Log, archive: Archive, record: StoredRecord) -> Trace:
        """Return the trace of a record, or of the one that it is about."""
        while above := archive.get(record.subject):
            record = above
        story = archive.stories([record.commitment])[record.commitment]
        proofs = Proofs(archive, log.batches())
        lines: list[Line] = []
        for number, one in enumerate(story, start=1):
            state = _state_after(story[:number]) if record.type == "entry" else ""
            lines.append(_line(log, one, state, proofs))
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
                "standing": line.batch.standing if line.batch else None,
                "proof": line.proof,
                "commitment": line.record.commitment,
                "subject": subject_from_leaf(line.record.subject),
            }
            for line in self.lines
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)

    def __repr__(self) -> str:
        return "\n".join(
            f"{line.time:%Y-%m-%d %H:%M:%S} UTC  {line.what:10}"
            f"{_number(line.seq):>6}  {line.record.author}  {line.proof}"
            + (f", {line.batch.standing}" if line.batch else "")
            + (f"  → {line.state}" if line.state else "")
            for line in self.lines
        )


def _state_after(story: Sequence[StoredRecord]) -> str:
    """Return an entry's state after its story so far. A publication shows with the move it needs."""
    state = state_of(story).state
    # The move itself leads to "approved"; the batch comes later.
    approved = story[-1].move == "approve" and state == "published"
    return "approved, then published" if approved else state


def _line(log: Log, record: StoredRecord, state: str, proofs: Proofs) -> Line:
    member = proofs.of(record.leaf)
    signed, text = None, "content erased" if record.erased else ""
    try:
        signed = record.signed()
        text = _text(signed) if signed else text
        proof = record.fault(log.log_id)
        if not proof and member:
            proved = root_from_proof(member.leaf.hash(), member.proof) == member.batch.root
            proof = "proved" if proved else "the proof leads to another root"
    except KitError as error:
        proof = f"unreadable: {error}"
    seq, batch = (member.leaf.seq, member.batch) if member else (None, None)
    return Line(record, text, state, seq, batch, proof or "not on the chain yet")


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
