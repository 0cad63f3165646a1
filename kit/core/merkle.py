"""What is proved: the leaf of a record, the tree of a batch, the inclusion proof of a leaf.

The format is frozen. A leaf's hash is that of OpenZeppelin's standard Merkle tree,
``keccak256(keccak256(abi.encode(uint64 seq, uint8 type, address author, uint64 at, bytes32 subject,
bytes32 commitment)))``; hashed twice, so that no inner node (64 bytes hashed once) can pass for a
leaf. The tree follows the rules of ``@openzeppelin/merkle-tree``: leaves sorted by hash, a node is
the keccak256 of its two children in sorted order, all nodes in one flat array with the root first.

Sorted pairs prove that a leaf is in the batch, not where: the order is ``seq``, inside the leaf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from eth_hash.auto import keccak  # eth_utils takes twice the time for the same
from eth_utils import is_address, to_canonical_address

from kit.arguments import checked, shown
from kit.core.record import TYPES, Record
from kit.core.signature import LogId
from kit.errors import ProofError

__all__ = [
    "BATCH_MAX",
    "Anchor",
    "Batch",
    "Leaf",
    "Tree",
    "contradiction",
    "root_from_proof",
    "subject_from_leaf",
    "subject_to_leaf",
]

#: Leaves of a batch: ten hashes of proof at most, and a certificate's QR code still fits.
BATCH_MAX: Final = 1024

_NO_SUBJECT: Final = "0x" + "00" * 32
_HASH = re.compile(r"0x[0-9a-fA-F]{64}")


def subject_to_leaf(subject: str | None) -> str:
    """Return what a leaf has for a record's subject: 32 zero bytes (as hex) where there is none.

    >>> subject_to_leaf(None) == "0x" + "00" * 32, subject_to_leaf("0x" + "12" * 32)[:6]
    (True, '0x1212')
    """
    return _NO_SUBJECT if subject is None else subject


@checked("subject")
def subject_from_leaf(subject: str) -> str | None:
    """Return a record's subject by what its leaf has; the inverse of ``subject_to_leaf``."""
    return None if subject == _NO_SUBJECT else subject


@dataclass(frozen=True)
class Leaf:
    """What is public of a record: its number, type, author, time, subject and commitment.

    ``at`` is in Unix seconds; ``subject`` is as ``subject_to_leaf`` gives it.
    """

    seq: int
    type: str
    author: str
    at: int
    subject: str
    commitment: str

    @classmethod
    @checked("record")
    def of(cls, seq: int, record: Record, commitment: str) -> Leaf:
        """Return the leaf of a record that has the number ``seq`` in the log."""
        at = int(record.at.timestamp())
        subject = subject_to_leaf(record.subject)
        return cls(seq, record.type, record.author, at, subject, commitment)

    @property
    def time(self) -> datetime:
        """``at`` as a UTC datetime."""
        return datetime.fromtimestamp(self.at, UTC)

    def hash(self) -> str:
        """Return ``keccak256(keccak256(abi.encode(…)))`` of the six values, 0x-prefixed.

        Raises ProofError for values that can't be.

        >>> Leaf(0, "entry", "0x" + "11" * 20, 1632124800, "0x" + "00" * 32, "0x" + "22" * 32).hash()
        '0x828b2cbda5732bb0bfc2d631c29710d8e947ff582463636b5bd1e7a35f1e1e52'
        """
        try:
            return "0x" + keccak(keccak(self._encoded())).hex()
        except (ProofError, KeyError, TypeError, ValueError, OverflowError):
            got = ", ".join(
                f"{part.name} {shown(getattr(self, part.name))}" for part in fields(self)
            )
        # Out here it has no causes: they name what was passed, which could be a key by mistake.
        raise ProofError("a leaf with values of the right kind", got, "Check its source.")

    def _encoded(self) -> bytes:
        """Return ``abi.encode`` of the six values, each of which fills a word of 32 bytes.

        By hand: an audit hashes a hundred thousand.
        """
        return b"".join(
            (
                _word(self.seq),
                TYPES[self.type].to_bytes(32),
                _address_word(self.author),
                _word(self.at),
                _node(self.subject),
                _node(self.commitment),
            )
        )


@dataclass(frozen=True)
class Anchor:
    """Where a batch stands on a chain: the log's event, its transaction and its block."""

    chain_id: int
    contract: str
    transaction_hash: str
    block_number: int
    block_hash: str
    block_time: datetime
    log_index: int

    @property
    def log_id(self) -> LogId:
        """The log whose event it is."""
        return LogId(self.chain_id, self.contract)


@dataclass(frozen=True)
class Batch:
    """A batch of the log: its number, its root, the records it holds, and where it is anchored."""

    number: int
    root: str
    first_seq: int
    count: int
    anchor: Anchor
    #: Who appended it: in the log's event, and not in a certificate.
    registrar: str = field(default="", compare=False)
    #: "included", or "final" on its chain, when that was asked last; in no certificate, either.
    standing: str = field(default="", compare=False)

    def __repr__(self) -> str:
        last = self.first_seq + self.count - 1
        place = f"records {self.first_seq}–{last}, block {self.anchor.block_number}"
        standing = f" ({self.standing})" if self.standing else ""
        return f"Batch {self.number}: {place}{standing}, root {self.root}"


@checked("one", "other")
def contradiction(one: Batch, other: Batch) -> str:
    """Return why two batches can't both stand in one log, or ''.

    Batches follow each other without a gap, and so do their records and their blocks: what is told of
    a batch twice must be the same, and a later batch has higher numbers in a block that isn't older.
    """
    first, second = sorted((one, other), key=lambda batch: batch.number)
    if first.number == second.number:
        told, again = (vars(batch) | vars(batch.anchor) for batch in (first, second))
        names = ("root", "first_seq", "count", *vars(first.anchor))
        name = next((name for name in names if told[name] != again[name]), "")
        return name and f"batch {first.number} is told twice, with another {name}"
    between = second.number - first.number - 1
    left_out = second.first_seq - first.first_seq - first.count
    if not between <= left_out <= between * BATCH_MAX:
        return f"the numbers of batches {first.number} and {second.number} don't fit together"
    if not _in_order(first.anchor, second.anchor):
        return f"the blocks of batches {first.number} and {second.number} don't fit together"
    return ""


def _in_order(first: Anchor, second: Anchor) -> bool:
    """Return whether a batch with the first anchor can stand before one with the second."""
    if first.block_number == second.block_number:
        block = (first.block_hash, first.block_time) == (second.block_hash, second.block_time)
        return block and first.log_index < second.log_index
    earlier = first.block_number < second.block_number and first.block_time <= second.block_time
    apart = first.block_hash != second.block_hash
    return earlier and apart and first.transaction_hash != second.transaction_hash


class Tree:
    """The Merkle tree of a batch, built from the hashes of its leaves, in any order.

    >>> hashes = ["0x" + keccak(bytes([i])).hex() for i in range(5)]
    >>> tree = Tree(hashes)
    >>> root_from_proof(hashes[3], tree.proof(hashes[3])) == tree.root
    True
    """

    @checked("leaves")
    def __init__(self, leaves: Iterable[str]) -> None:
        """Build the tree. Raises ProofError for no leaf, more than BATCH_MAX, or one that is twice."""
        sorted_leaves = sorted(_node(leaf) for leaf in leaves)
        count = len(sorted_leaves)
        if not 1 <= count <= BATCH_MAX:
            raise ProofError(
                f"1 to {BATCH_MAX:,} leaves", f"{count:,}", "Publish in several batches."
            )
        if len(set(sorted_leaves)) < count:
            raise ProofError("leaves that differ", "the same leaf twice", "Each record lands once.")
        nodes = [b""] * (2 * count - 1)
        for position, leaf in enumerate(sorted_leaves):
            nodes[-1 - position] = leaf
        for position in range(count - 2, -1, -1):
            nodes[position] = _parent(nodes[2 * position + 1], nodes[2 * position + 2])
        self._nodes = nodes
        self._position = {leaf: len(nodes) - 1 - i for i, leaf in enumerate(sorted_leaves)}

    @property
    def root(self) -> str:
        """The root, 0x-prefixed. The root of a single leaf is the leaf."""
        return "0x" + self._nodes[0].hex()

    def __len__(self) -> int:
        """How many leaves the tree has."""
        return len(self._position)

    def proof(self, leaf: str) -> list[str]:
        """Return the inclusion proof of a leaf: its siblings, from the leaf up. Raises ProofError."""
        position = self._position.get(_node(leaf))
        if position is None:
            raise ProofError(
                "a leaf of this tree", shown(leaf), "Was it published in another batch?"
            )
        proof = []
        while position > 0:
            sibling = position + 1 if position % 2 else position - 1
            proof.append("0x" + self._nodes[sibling].hex())
            position = (position - 1) // 2
        return proof


@checked("proof")
def root_from_proof(leaf: str, proof: Sequence[str]) -> str:
    """Return the root that a leaf and its inclusion proof lead to. Raises ProofError if malformed."""
    node = _node(leaf)
    for sibling in proof:
        node = _parent(node, _node(sibling))
    return "0x" + node.hex()


def _parent(a: bytes, b: bytes) -> bytes:
    return keccak(a + b if a < b else b + a)


def _node(value: str) -> bytes:
    if isinstance(value, str) and _HASH.fullmatch(value):
        return bytes.fromhex(value[2:])
    raise ProofError("a hash: 0x and 64 hex digits", shown(value), "Check its source.")


def _word(value: int) -> bytes:
    """Return a uint64 as a word of 32 bytes, or raise what Leaf.hash takes for a wrong value."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"not a whole number: {value!r}"[:80])
    return value.to_bytes(8).rjust(32, b"\0")


@lru_cache(maxsize=65_536)  # a checksum is a hash, and the same authors come again
def _address_word(value: str) -> bytes:
    if not is_address(value):
        raise ValueError(f"not an address: {value!r}"[:80])
    return to_canonical_address(value).rjust(32, b"\0")
