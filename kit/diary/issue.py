"""Certificates, made of what an archive has and of where its log's batches are anchored."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from kit.arguments import checked
from kit.core import Batch, Certificate, EntryState, InclusionProof, Leaf, Tree
from kit.diary.archive import Archive
from kit.diary.state_proofs import StateProofs
from kit.diary.stored import StoredRecord
from kit.errors import RecordError

__all__ = ["Proofs", "certificate", "state_of"]

#: Trees that are kept for the next record: a record and its review are seldom far apart.
TREES_KEPT: Final = 64


class Proofs:
    """The inclusion proofs of an archive's records in ``batches``, those of the log in its order."""

    def __init__(self, archive: Archive, batches: Sequence[Batch]) -> None:
        self._archive, self._batches = archive, batches
        self._tree = lru_cache(TREES_KEPT)(self._build)

    def of(self, leaf: Leaf | None) -> InclusionProof | None:
        """Return a record's leaf with its inclusion proof, or None if it is in none of the batches.

        Raises ProofError if the leaf was changed in the archive.
        """
        if leaf is None:
            return None
        position = bisect_right(self._batches, leaf.seq, key=lambda batch: batch.first_seq) - 1
        if position < 0:
            return None
        batch = self._batches[position]
        if leaf.seq >= batch.first_seq + batch.count:
            return None
        return InclusionProof(leaf, tuple(self._tree(position).proof(leaf.hash())), batch)

    def _build(self, position: int) -> Tree:
        batch = self._batches[position]
        return Tree(stored for _, stored in self._archive.leaves(batch.first_seq, batch.count))


def certificate(
    story: Sequence[StoredRecord], proofs: Proofs, states: StateProofs, *, shown: bool
) -> Certificate:
    """Return the certificate of the first record of a story (see ``Archive.stories``).

    Its content is in it if it may be ``shown`` to everybody and wasn't damaged. Raises
    RecordError if the record is not published, ProofError if its leaf was changed.
    """
    first, *about = story
    member = proofs.of(first.leaf)
    if member is None:
        fix = "Review it, and publish()."
        raise RecordError("a published record of this diary", first.commitment, fix)
    signed, review = first.intact() if shown else None, None
    if first.type == "entry":
        review = _approval(about, proofs, states)
    record, salt = (signed.record, signed.salt) if signed else (None, None)
    state = states.of(member.leaf, member.batch)
    return Certificate(member, first.commitment, first.signature, record, salt, review, state)


def _approval(
    about: Sequence[StoredRecord], proofs: Proofs, states: StateProofs
) -> Certificate | None:
    """Return the newest published decision that lets an entry stand, if there is one."""
    for stored in reversed(about):
        if stored.decision not in ("approve", "reinstate"):
            continue
        signed, member = stored.intact(), proofs.of(stored.leaf)
        if signed and member:
            return Certificate(
                member,
                signed.commitment,
                signed.signature,
                signed.record,
                signed.salt,
                state_proof=states.of(member.leaf, member.batch),
            )
    return None


@checked("story")
def state_of(story: Sequence[StoredRecord]) -> EntryState:
    """Return what became of the entry that a story begins with. Raises RecordError."""
    entry, *about = story
    moves = [(each.move, each.author) for each in about]
    return EntryState.of(entry.author, moves, published=entry.published, purged=entry.purged)
