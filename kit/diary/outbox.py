"""The outbox: what became of each batch, written down before the next step is taken.

A batch is *pending* → *included* → *final*. Its numbers and its root are written down first; then each
signed transaction that is to bring it onto the chain, before it is sent; then the block that it stands
in; then that this block is final. After a crash at any moment the archive knows what may be on the
chain. What the chain says is asked by ``kit.diary.reconcile`` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from kit.arguments import checked
from kit.chain import SignedTransaction
from kit.core import FINAL, INCLUDED, Batch, Leaf, Tree
from kit.diary.archive import Archive
from kit.log import PENDING

__all__ = ["Outbox", "PendingBatch"]

_COLUMNS = "first_seq, root, count, standing, number, block_number, block_hash"


@dataclass(frozen=True)
class PendingBatch:
    """A batch as it was written down: its numbers, its root, and where it was seen last.

    ``standing`` is "pending", "included" or "final"; ``number``, that of the batch in its log, and its
    block are None before they were seen.
    """

    first_seq: int
    root: str
    count: int
    standing: str = PENDING
    number: int | None = None
    block_number: int | None = None
    block_hash: str | None = None

    @classmethod
    @checked("batch")
    def of(cls, batch: Batch) -> PendingBatch:
        """Return a batch of the log as it is written down."""
        anchor = batch.anchor
        place = (batch.number, anchor.block_number, anchor.block_hash)
        return cls(batch.first_seq, batch.root, batch.count, batch.standing, *place)

    @property
    def records(self) -> str:
        """Its records by their numbers, in words."""
        last = self.first_seq + self.count - 1
        return f"record {last}" if self.count == 1 else f"records {self.first_seq} to {last}"


class Outbox:
    """The batches of an archive."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def together(self) -> AbstractContextManager[None]:
        """Write down what the block does in one piece, which is quicker: all of it or nothing."""
        return self._archive.transaction()

    def plan(self, leaves: Sequence[Leaf]) -> PendingBatch:
        """Write down a batch that is about to be sent."""
        batch = PendingBatch(
            leaves[0].seq, Tree([leaf.hash() for leaf in leaves]).root, len(leaves)
        )
        self._write(batch, leaves)
        return batch

    def learn(self, batch: Batch, leaves: Sequence[Leaf]) -> None:
        """Write down a batch that is on the log, with its leaves: another archive sent it."""
        found = PendingBatch.of(batch)
        with self._archive.writing():
            self._write(found, leaves)
            self._set(found, "published", 1)

    def _write(self, batch: PendingBatch, leaves: Sequence[Leaf]) -> None:
        numbers = (batch.first_seq, batch.root, batch.count)
        place = (batch.standing, batch.number, batch.block_number, batch.block_hash)
        with self._archive.writing():
            self._archive.execute(
                f"INSERT INTO batches ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
                *numbers,
                *place,
            )
            for x in leaves:
                row = (x.seq, x.type, x.author, x.at, x.subject, x.commitment, x.hash())
                self._archive.execute("INSERT INTO leaves VALUES (?, ?, ?, ?, ?, ?, ?)", *row)
            self._set(batch, "planned", 1)

    def note(self, batch: PendingBatch, sent: SignedTransaction) -> None:
        """Write down a signed transaction that is about to be sent for a batch."""
        row = (batch.first_seq, sent.hash, sent.sender, sent.nonce, str(sent.fee), sent.raw)
        with self._archive.writing():
            self._archive.execute("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?)", *row)

    def sent(self, batch: PendingBatch) -> list[SignedTransaction]:
        """Return all signed transactions of a batch, in the order in which they were written down."""
        rows = self._archive.rows(
            "SELECT raw, hash, sender, nonce, fee FROM sent WHERE first_seq = ? ORDER BY rowid",
            batch.first_seq,
        )
        return [
            SignedTransaction(raw, hashed, sender, nonce, int(fee))
            for raw, hashed, sender, nonce, fee in rows
        ]

    def senders(self) -> set[str]:
        """Return the addresses of all who have sent a batch from here."""
        return {sender for (sender,) in self._archive.rows("SELECT DISTINCT sender FROM sent")}

    def mark(self, batch: Batch) -> None:
        """Note where a batch stands on the log."""
        found = PendingBatch.of(batch)
        with self._archive.writing():
            self._archive.execute(
                "UPDATE batches SET standing = ?, number = ?, block_number = ?, block_hash = ?"
                " WHERE first_seq = ?",
                *(found.standing, found.number, found.block_number, found.block_hash),
                found.first_seq,
            )
            self._set(found, "published", 1)

    def put_back(self, batch: PendingBatch) -> None:
        """Note that the block of a batch is no longer on the chain: it is pending again."""
        with self._archive.writing():
            self._archive.execute(
                "UPDATE batches SET standing = ? WHERE first_seq = ?", PENDING, batch.first_seq
            )

    def drop(self, batch: PendingBatch) -> None:
        """Forget a batch that can't land any more: its records wait for the next one."""
        execute, first = self._archive.execute, batch.first_seq
        with self._archive.writing():
            self._set(batch, "planned", 0)
            last = first + batch.count - 1
            execute("DELETE FROM leaves WHERE seq BETWEEN ? AND ?", first, last)
            execute("DELETE FROM batches WHERE first_seq = ?", first)
            execute("DELETE FROM sent WHERE first_seq = ?", first)

    def _set(self, batch: PendingBatch, column: str, value: int) -> None:
        self._archive.execute(
            f"UPDATE records SET {column} = ? WHERE commitment IN"  # noqa: S608
            " (SELECT commitment FROM leaves WHERE seq BETWEEN ? AND ?)",
            *(value, batch.first_seq, batch.first_seq + batch.count - 1),
        )

    def pending(self) -> PendingBatch | None:
        """Return the first batch that is to be brought onto the chain, if there is one."""
        return next(iter(self._batches("standing = ? ORDER BY first_seq LIMIT 1", PENDING)), None)

    def open(self) -> list[PendingBatch]:
        """Return the batches that are not final, in order."""
        return self._batches("standing <> ? ORDER BY first_seq", FINAL)

    def last(self, *standing: str) -> PendingBatch | None:
        """Return the newest batch that stands so, by default on the chain: included or final."""
        wanted = standing or (INCLUDED, FINAL)
        marks = ", ".join("?" * len(wanted))
        found = self._batches(f"standing IN ({marks}) ORDER BY first_seq DESC LIMIT 1", *wanted)
        return found[0] if found else None

    def at(self, first_seq: int) -> PendingBatch | None:
        """Return the batch that begins with this number here, wherever it stands; or None."""
        return next(iter(self._batches("first_seq = ?", first_seq)), None)

    def _batches(self, where: str, *values: object) -> list[PendingBatch]:
        rows = self._archive.rows(f"SELECT {_COLUMNS} FROM batches WHERE {where}", *values)  # noqa: S608
        return [PendingBatch(*row) for row in rows]
