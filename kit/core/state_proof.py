"""What a block's hash proves by itself: that a log held a batch when that block was over.

A block's hash is the hash of its header; the header names the root of the chain's state; below that
stand an account with the hash of its code and the root of its storage, and below that each storage
slot. A state proof has the header and the nodes of these trees on the way to the slots that matter, so
whoever knows the block's hash, from wherever, needs no node to see what the log held. Formats: the
header and the trees are those of Ethereum (https://ethereum.org/developers/docs/data-structures-and-encoding/patricia-merkle-trie/),
the nodes those of ``eth_getProof`` (EIP-1186); the slots follow from DiaryLog.sol and from Solidity's
layout of storage (https://docs.soliditylang.org/en/latest/internals/layout_in_storage.html).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from eth_hash.auto import keccak

from kit.arguments import checked, shown
from kit.core.reading import fields, refused
from kit.core.record import is_address
from kit.errors import ProofError

__all__ = ["LAYOUTS", "MODERATOR_ROLE", "ProvedState", "StateProof", "slots", "value_at"]

#: DiaryLog's role of those who review.
MODERATOR_ROLE: Final = keccak(b"MODERATOR_ROLE")


class Layout(NamedTuple):
    """In which storage slots of a log its roles and its batches begin."""

    roles: int
    batches: int


_NEWEST: Final = Layout(roles=0, batches=1)
#: The logs whose storage is known, by the hash of their code: DiaryLog as it stands.
LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "0x38ac0c1197c02c6c52fc2c61dcf772fce3af1882b1a48c97ba7dcf463c1d09d4": Layout(
            roles=0, batches=1
        )
    }
)

#: Bytes of a header or of a node (a header has some 650, a node at most 532), nodes on a way (a key
#: has 64 digits), and slots.
PART_MAX: Final = 1_024
NODES_MAX: Final = 64
SLOTS_MAX: Final = 5
_HEX = re.compile(r"0x([0-9a-f]{2})+")
#: A header's first fields never changed; later forks put theirs behind them.
_FIELDS_MIN, _STATE_ROOT, _NUMBER, _TIME = 15, 3, 8, 11
_ACCOUNT_FIELDS, _STORAGE_ROOT, _CODE_HASH = 4, 2, 3
#: A node with fewer bytes stands in its parent instead of its hash.
_HASHED_FROM: Final = 32
_FIX: Final = "Ask for the certificate again, from its source."


@dataclass(frozen=True)
class ProvedState:
    """What a state proof shows if its block is the right one: the log's storage after that block.

    ``time`` in Unix seconds; ``values`` as whole numbers, in the order of ``slots``; 0 where nothing
    was ever written.
    """

    block_hash: str
    block_number: int
    time: int
    code_hash: str
    values: tuple[int, ...]


@dataclass(frozen=True)
class StateProof:
    """A block's header, and the nodes on the way to a log's account and to some of its storage slots."""

    header: bytes
    account: tuple[bytes, ...]
    storage: tuple[tuple[bytes, ...], ...]

    @checked("contract", "of")
    def state(self, contract: str, of: Sequence[int]) -> ProvedState:
        """Return what is proved of a contract and of its slots. Raises ProofError.

        Each node that is there must be needed, so that no bit of a proof can be changed unseen.
        """
        if len(self.storage) != len(of):
            raise ProofError(f"proofs of {len(of)} storage slots", str(len(self.storage)), _FIX)
        header = _fields_of(self.header, "a header", _FIELDS_MIN)
        root = header[_STATE_ROOT]
        account = value_at(root, _address(contract), self.account)
        if not account:
            raise ProofError("the log's account in the state", "a state without it", _FIX)
        parts = _fields_of(account, "an account", _ACCOUNT_FIELDS)
        values = tuple(
            _number(value_at(parts[_STORAGE_ROOT], slot.to_bytes(32), nodes))
            for slot, nodes in zip(of, self.storage, strict=True)
        )
        return ProvedState(
            "0x" + keccak(self.header).hex(),
            int.from_bytes(header[_NUMBER]),
            int.from_bytes(header[_TIME]),
            "0x" + parts[_CODE_HASH].hex(),
            values,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the proof as a certificate's JSON has it."""
        return {
            "header": _hex(self.header),
            "account": [_hex(node) for node in self.account],
            "storage": [[_hex(node) for node in nodes] for nodes in self.storage],
        }

    @classmethod
    def from_json(cls, value: Any) -> StateProof:
        """Return the proof that a JSON object states; nothing is proved yet. Raises CertificateError."""
        found = fields(value, "state_proof", "header", "account", "storage")
        storage = found["storage"]
        if not isinstance(storage, list) or len(storage) > SLOTS_MAX:
            raise refused(f"proofs of at most {SLOTS_MAX} storage slots", storage)
        return cls(_part(found["header"]), _nodes(found["account"]), tuple(map(_nodes, storage)))


@checked("number", "moderator")
def slots(number: int, moderator: str | None = None) -> list[int]:
    """Return the storage slots of a log that tell of a batch, in the order of a state proof.

    How many batches there are; the batch's root; the number after its last record; the same of the
    batch before it, if there is one; and for a review, whether its author (``moderator``, an address)
    has the moderator's role. Raises ProofError for what is no address.

    >>> [len(slots(n)) for n in (0, 1)], len(slots(1, "0x" + "11" * 20))
    ([3, 4], 5)
    """
    roles, batches = _NEWEST
    first = int.from_bytes(keccak(_word(batches)))
    found = [batches, first + 2 * number, first + 2 * number + 1]
    found += [first + 2 * number - 1] if number else []
    if moderator is not None:
        members = keccak(MODERATOR_ROLE + _word(roles))
        found.append(int.from_bytes(keccak(bytes(12) + _address(moderator) + members)))
    return found


@checked("root", "key", "nodes")
def value_at(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes:
    """Return the value below ``keccak256(key)`` in a tree with this root, b"" if there is none.

    ``nodes`` are those on the way to it, from the root on, and no others. Raises ProofError.
    """
    import rlp  # not for those who check a certificate without a state proof
    from trie.hexary import HexaryTrie

    there = {keccak(node): node for node in nodes}
    try:
        tree = HexaryTrie(there, root)
        value, way = bytes(tree.get(keccak(key))), tree.get_proof(keccak(key))
        needed = [rlp.encode(node) for node in way]
    except Exception:  # of two libraries, each with errors of its own
        needed = None
    if (
        needed is None
    ):  # out here it has no causes: they name the root, which could be a key by mistake
        raise ProofError("nodes that lead down from the root", "nodes that don't", _FIX)
    if [node for i, node in enumerate(needed) if not i or len(node) >= _HASHED_FROM] != list(nodes):
        raise ProofError("the nodes that lead to a slot, and no others", f"{len(nodes)}", _FIX)
    return value


def _fields_of(raw: bytes, what: str, least: int) -> list[bytes]:
    import rlp

    try:
        found = rlp.decode(raw)
    except Exception as error:  # the library's own, and a type's
        raise ProofError(f"{what} in RLP", type(error).__name__, _FIX) from error
    if (
        not isinstance(found, list)
        or len(found) < least
        or not all(isinstance(x, bytes) for x in found)
    ):
        raise ProofError(f"{what} of at least {least} fields", "another list", _FIX)
    return found


def _number(value: bytes) -> int:
    """Return what stands in a storage slot, which is written without its leading zeros."""
    import rlp

    try:
        return int.from_bytes(rlp.decode(value)) if value else 0
    except Exception as error:  # as above
        raise ProofError("a storage slot's value in RLP", type(error).__name__, _FIX) from error


def _address(value: str) -> bytes:
    if not is_address(value):
        raise ProofError("an address with the capitals of EIP-55", shown(value), "Check it.")
    return bytes.fromhex(value[2:])


def _word(value: int) -> bytes:
    return value.to_bytes(32)


def _hex(raw: bytes) -> str:
    return "0x" + raw.hex()


def _nodes(value: Any) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > NODES_MAX:
        raise refused(f"a list of at most {NODES_MAX} nodes", value)
    return tuple(map(_part, value))


def _part(value: Any) -> bytes:
    is_text = isinstance(value, str) and len(value) <= 2 + 2 * PART_MAX
    if not is_text or not _HEX.fullmatch(value):
        raise refused(f"1 to {PART_MAX:,} bytes as 0x and hex digits in small letters", value)
    return bytes.fromhex(value[2:])
