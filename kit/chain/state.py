"""State proofs, as a node gives them: a block's header written anew, and the nodes of ``eth_getProof``.

A node answers a header field by field; written as a list in RLP they hash to the block's hash
(https://ethereum.github.io/execution-specs/, ``Header``). What a node says is compared with that hash
before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import rlp

from kit.core import StateProof

__all__ = ["from_node", "header"]


def _number(value: str) -> bytes:
    number = int(value, 16)
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _bytes(value: str) -> bytes:
    return bytes.fromhex(value.removeprefix("0x"))


#: A header's fields in their order, by JSON-RPC's names. Those behind ``nonce`` came with later forks:
#: a header has all up to some fork's, and none behind.
_FIELDS: Final[Sequence[tuple[str, Callable[[str], bytes]]]] = (
    ("parentHash", _bytes),
    ("sha3Uncles", _bytes),
    ("miner", _bytes),
    ("stateRoot", _bytes),
    ("transactionsRoot", _bytes),
    ("receiptsRoot", _bytes),
    ("logsBloom", _bytes),
    ("difficulty", _number),
    ("number", _number),
    ("gasLimit", _number),
    ("gasUsed", _number),
    ("timestamp", _number),
    ("extraData", _bytes),
    ("mixHash", _bytes),
    ("nonce", _bytes),
    ("baseFeePerGas", _number),
    ("withdrawalsRoot", _bytes),
    ("blobGasUsed", _number),
    ("excessBlobGas", _number),
    ("parentBeaconBlockRoot", _bytes),
    ("requestsHash", _bytes),
)


def header(block: Mapping[str, Any]) -> bytes:
    """Return the header of a block as JSON-RPC tells it, in RLP. Raises TypeError, ValueError, KeyError."""
    told = [name for name, _ in _FIELDS if block.get(name) is not None]
    return bytes(rlp.encode([write(block[name]) for name, write in _FIELDS[: len(told)]]))


def from_node(block: Mapping[str, Any], proof: Mapping[str, Any]) -> StateProof:
    """Return the proof that two answers of a node make. Raises as ``header`` does, AttributeError, too."""
    return StateProof(
        header(block),
        tuple(map(_bytes, proof["accountProof"])),
        tuple(tuple(map(_bytes, each["proof"])) for each in proof["storageProof"]),
    )
