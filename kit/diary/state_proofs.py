"""State proofs of an archive's batches: made when a batch is in a block, and kept, as nodes drop old state.

A block that was replaced takes its proof along: each belongs to one block's hash. What could not be
kept is asked for again when a certificate is made; where the chain gives none, the certificate has none.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final

from kit.core import Batch, Leaf, StateProof, slots
from kit.diary.archive import Archive
from kit.errors import KitError
from kit.log import PENDING, Log

__all__ = ["StateProofs"]

#: Batches that are looked after at once: those that an older kit published are many, and old.
_AT_ONCE: Final = 64
#: Batches whose proofs stay in memory: a record and its review are seldom far apart.
_KEPT: Final = 64


class StateProofs:
    """The state proofs of one diary."""

    def __init__(self, log: Log, archive: Archive) -> None:
        self._log, self._archive = log, archive
        self._known = lru_cache(_KEPT)(self._found)
        #: The newest batch that the chain gave no proof of: then it gives none of older ones, either.
        self._refused = -1

    def keep(self) -> None:
        """Ask for the proofs of the newest batches that have none, and write them down.

        What the chain doesn't give now, and what can't be written, is left for another time: the
        batches stand on the chain all the same.
        """
        self._refused = -1
        self._known.cache_clear()
        try:
            for number, block_hash, first, count in self._archive.rows(_WITHOUT, PENDING, _AT_ONCE):
                made = self._made(number, block_hash, self._reviewers(first, count))
                if made is None:
                    return
                with self._archive.writing():
                    row = (block_hash, number, json.dumps(made))
                    self._archive.execute(
                        "INSERT OR REPLACE INTO state_proofs VALUES (?, ?, ?)", *row
                    )
        except KitError:
            return

    def of(self, leaf: Leaf, batch: Batch) -> StateProof | None:
        """Return the state proof of a record in a batch, or None where the chain gives none."""
        reviewer = leaf.author if leaf.type == "review" else None
        place = (batch.number, batch.anchor.block_hash, batch.first_seq, batch.count)
        try:
            if (kept := self._known(*place)) is None:
                return None
            told = dict(kept["batch"])
            if reviewer:
                told["storage"] = [*told["storage"], kept["reviewers"][reviewer]]
            return StateProof.from_json(told)
        except (KitError, KeyError, TypeError, ValueError):  # damaged: what is kept is checked
            return None

    def _found(self, number: int, block_hash: str, first: int, count: int) -> dict[str, Any] | None:
        query = "SELECT proof FROM state_proofs WHERE block_hash = ? AND number = ?"
        for (text,) in self._archive.rows(query, block_hash, number):
            found: dict[str, Any] = json.loads(text)
            return found
        return self._made(number, block_hash, self._reviewers(first, count))

    def _reviewers(self, first: int, count: int) -> list[str]:
        query = "SELECT DISTINCT author FROM leaves WHERE type = 'review' AND seq BETWEEN ? AND ?"
        return sorted(author for (author,) in self._archive.rows(query, first, first + count - 1))

    def _made(self, number: int, block_hash: str, reviewers: list[str]) -> dict[str, Any] | None:
        """Return the batch's proof, and for each of its reviewers that of their role. Raises NodeDown."""
        if number <= self._refused:
            return None
        of = slots(number)
        roles = [slots(number, address)[-1] for address in reviewers]
        proof = self._log.chain.state_proof(self._log.address, [*of, *roles], block_hash)
        if proof is None:
            self._refused = number
            return None
        told = proof.to_json()
        storage = told["storage"]
        return {
            "batch": told | {"storage": storage[: len(of)]},
            "reviewers": dict(zip(reviewers, storage[len(of) :], strict=True)),
        }


_WITHOUT: Final = """
SELECT number, block_hash, first_seq, count FROM batches
WHERE standing <> ? AND block_hash IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM state_proofs
    WHERE state_proofs.block_hash = batches.block_hash AND state_proofs.number = batches.number)
ORDER BY first_seq DESC LIMIT ?
"""
