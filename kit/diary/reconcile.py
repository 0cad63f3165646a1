"""The reconciler: reads the chain until it knows what became of each batch, and writes that down.

An answer was lost, a transaction was mined late, replaced or dropped, a block was replaced or moved,
a program was killed, a machine was restarted: afterwards each batch that is not final is looked up,
and stands in the outbox as it stands on the chain.

A batch has its numbers from the first moment, and the contract takes no number twice. So to send the
same batch again can never make it land twice; to give its records other numbers could. Hence a plan
is dropped only where it can't land any more: no transaction was ever signed for it; or its first
number is another's in a final block; or each nonce that it was sent with was used in a final block
without it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from kit.chain import Chain
from kit.core import FINAL, Batch
from kit.diary.outbox import Outbox, PendingBatch
from kit.errors import ArchiveError, ChainError, FinalityLost, Reverted
from kit.log import PENDING, Log, is_on_chain

__all__ = ["check_complete", "found", "is_same", "reconcile"]

_WITHOUT: Final = "a chain without them: it was restarted, or wound back"
_WOUND_BACK: Final = (
    "Go back to the chain that has them (anvil keeps one with state=FILE), or start a new archive."
)


def reconcile(log: Log, outbox: Outbox) -> list[str]:
    """Bring the outbox up to what the chain says; return what was found and done, a sentence each.

    Nothing is sent here. Raises FinalityLost if a block that was final is gone; NodeDown, ChainError.
    """
    _check_final(log, outbox)
    open_batches = outbox.open()
    if not open_batches:
        return []
    batches = log.batches()
    with outbox.together():  # each for itself would wait for the disk: a year of batches, minutes
        said = [_look_up(log, outbox, batch, batches) for batch in open_batches]
    return [sentence for sentence in said if sentence]


def found(batch: PendingBatch, batches: Sequence[Batch]) -> Batch | None:
    """Return the one of the log's batches that holds a batch's first number, whoever sent it; or None."""
    position = bisect_right(batches, batch.first_seq, key=lambda each: each.first_seq) - 1
    if position < 0:
        return None
    there = batches[position]
    return there if batch.first_seq < there.first_seq + there.count else None


def is_same(batch: PendingBatch, there: Batch) -> bool:
    """Return whether a batch of the log is the one that was written down."""
    return (there.first_seq, there.root) == (batch.first_seq, batch.root)


def check_complete(log: Log, outbox: Outbox, registrar: str) -> None:
    """Raise ArchiveError if its registrar has a batch on the log that the archive doesn't know.

    Its records could be among those that wait here, and land again: the archive is a copy from
    before, or another one is used with the same account. Its registrars are ``registrar`` and
    whoever has sent a batch from here.
    """
    own = {registrar, *outbox.senders()}
    for batch in reversed(log.batches()):
        known = outbox.at(batch.first_seq)
        if batch.registrar in own and (known is None or known.root != batch.root):
            got = f"one without batch {batch.number}, which {batch.registrar} appended"
            fix = "Is it a copy from before? Run diary.recover(leaves=FOLDER) with a newer export."
            raise ArchiveError("an archive with all batches of its registrar", got, fix)
        if known and known.standing == FINAL:
            return


def _check_final(log: Log, outbox: Outbox) -> None:
    """Raise FinalityLost unless the newest final batch is where it was."""
    final = outbox.last(FINAL)
    if final and not log.chain.patiently(lambda: _has(log, final)):
        raise _gone(final)


def _has(log: Log, batch: PendingBatch) -> bool:
    """Return whether a batch is where it was seen: its block on the chain, its root in the log."""
    try:
        return _is_there(log.chain, batch) and log.root(batch.number or 0) == batch.root
    except Reverted:  # it has no such batch
        return False


def _gone(batch: PendingBatch) -> FinalityLost:
    place = "" if batch.block_number is None else f" in block {batch.block_number}"
    return FinalityLost(f"{batch.records}{place}, which were final", _WITHOUT, _WOUND_BACK)


def _is_there(chain: Chain, batch: PendingBatch) -> bool:
    return is_on_chain(chain, batch.block_number or 0, batch.block_hash or "")


def _look_up(log: Log, outbox: Outbox, batch: PendingBatch, batches: Sequence[Batch]) -> str:
    """Write down where one batch stands; return what was found, or ''."""
    there = found(batch, batches)
    if there is None and batch.standing != PENDING and not _is_replaced(log.chain, batch):
        # A machine that is behind was asked.
        there = log.chain.patiently(lambda: found(batch, log.batches()))
    if there is None:
        return _absent(log, outbox, batch)
    if not is_same(batch, there):
        return _taken(log, outbox, batch, there)
    anchor = there.anchor
    if PendingBatch.of(there) == batch:
        return ""
    outbox.mark(there)
    if batch.block_hash not in (None, anchor.block_hash):
        return f"{batch.records}: moved from block {batch.block_number} to {anchor.block_number}."
    return f"{batch.records}: {there.standing}, in block {anchor.block_number}."


def _is_replaced(chain: Chain, batch: PendingBatch) -> bool:
    """Return whether another block stands where a batch was seen."""
    if batch.block_number is None or chain.head.number < batch.block_number:
        return False
    return not _is_there(chain, batch)


def _absent(log: Log, outbox: Outbox, batch: PendingBatch) -> str:
    """Note that the log doesn't hold a batch: it is to be sent again, or can't land any more."""
    if batch.standing != PENDING:
        if (
            batch.block_number is None
        ):  # noted by an older kit, which knew no other blocks than final
            raise _gone(batch)
        outbox.put_back(batch)
        return f"{batch.records}: no longer on the chain in block {batch.block_number}; to be sent again."
    if log.record_count() < batch.first_seq and _is_dead(log.chain, outbox, batch):
        outbox.drop(batch)
        return (
            f"{batch.records}: can't land, as numbers before them are free again; they get others."
        )
    return ""


def _taken(log: Log, outbox: Outbox, batch: PendingBatch, there: Batch) -> str:
    """Note that a batch's first number is another's: it can't land any more, or not yet for good."""
    place = f"another batch stands there, in block {there.anchor.block_number}"
    if there.standing == FINAL or _is_dead(log.chain, outbox, batch):
        outbox.drop(batch)
        return f"{batch.records}: {place}; they get other numbers."
    if batch.standing != PENDING:
        outbox.put_back(batch)
    return f"{batch.records}: {place}, which is not final yet."


def _is_dead(chain: Chain, outbox: Outbox, batch: PendingBatch) -> bool:
    """Return whether no transaction of a batch that isn't on the log can land any more."""
    sent = outbox.sent(batch)
    try:
        final = chain.final_block()
        used = final >= 0 and all(chain.nonce(x.sender, final) > x.nonce for x in sent)
    except ChainError:  # a node that has forgotten its past
        used = False
    return not sent or used
