"""The inclusion proofs of an archive's records in the batches of their log."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache

from kit.archive import Archive
from kit.certificates import Membership
from kit.merkle import Batch, Tree

__all__ = ["Proofs"]

#: Trees that are kept for the next record: a record and its review are seldom far apart.
TREES_KEPT = 64


class Proofs:
    """The inclusion proofs of an archive's records in ``batches``, those of the log in its order."""

    def __init__(self, archive: Archive, batches: Sequence[Batch]) -> None:
        self._archive, self._batches = archive, batches
        self._tree = lru_cache(TREES_KEPT)(self._build)

    def of(self, commitment: str) -> Membership | None:
        """Return a record's leaf with its inclusion proof, or None if it is in none of the batches.

        Raises ProofError if its leaf was changed in the archive.
        """
        leaf = self._archive.leaf(commitment)
        if leaf is None:
            return None
        position = bisect_right(self._batches, leaf.seq, key=lambda batch: batch.first_seq) - 1
        if position < 0:
            return None
        batch = self._batches[position]
        if leaf.seq >= batch.first_seq + batch.count:
            return None
        return Membership(leaf, tuple(self._tree(position).proof(leaf.hash())), batch)

    def _build(self, position: int) -> Tree:
        batch = self._batches[position]
        return Tree(stored for _, stored in self._archive.leaves(batch.first_seq, batch.count))
