"""A state proof, checked by hand: what a block's hash proves, written as Ethereum's formulas are.

Read ``by_hand.py`` first: it shows that a record is in a batch. Here, that the log held the batch when a
block was over. It asks nobody and uses nothing of the kit. ``python -m kit.core.state_by_hand
certificate.json`` prints the hash of the block: compare it with what others see, in an explorer, say.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rlp
from eth_abi import encode
from eth_utils import keccak
from trie.hexary import HexaryTrie

__all__ = ["below", "block_hash", "holds", "main", "slots"]

#: keccak256 of DiaryLog's code, and of the name of the role of those who review.
CODE = "0x38ac0c1197c02c6c52fc2c61dcf772fce3af1882b1a48c97ba7dcf463c1d09d4"
ROLE = keccak(text="MODERATOR_ROLE")


def raw(text: str) -> bytes:
    """Return the bytes of ``0x…``."""
    return bytes.fromhex(text.removeprefix("0x"))


def below(root: bytes, key: bytes, nodes: Sequence[str]) -> Any:
    """Return what stands at ``keccak256(key)`` in a tree, or b"", by the nodes on the way (EIP-1186).

    Each node names the next one by its hash, the root names the first: so nobody can make up a way.
    """
    way = [rlp.decode(raw(node)) for node in nodes]
    found = HexaryTrie.get_from_proof(root, keccak(key), way)
    return rlp.decode(found) if found else b""


def slots(number: int, moderator: str | None) -> list[int]:
    """Return the storage slots that tell of a batch, and whether an address may review.

    Solidity keeps ``Batch[] _batches`` in slot 1: there its length, and from ``keccak256(1)`` on two
    slots a batch, its root and the number after its last record. The mapping ``_roles`` is slot 0: a
    value stands at ``keccak256(key ‖ slot)``.
    """
    first = int.from_bytes(keccak(encode(["uint256"], [1]))) + 2 * number
    found = [1, first, first + 1] + ([first - 1] if number else [])  # the last: of the batch before
    if moderator:
        members = keccak(encode(["bytes32", "uint256"], [ROLE, 0]))
        member = keccak(encode(["address", "bytes32"], [moderator, members]))
        found.append(int.from_bytes(member))
    return found


def block_hash(part: dict[str, Any]) -> bytes:
    """Return the hash of the block whose header a certificate has: ``keccak256(header)``."""
    return keccak(raw(part["state_proof"]["header"]))


def holds(part: dict[str, Any]) -> bool:
    """Return whether the log has the certificate's batch in the state after that block.

    Of a review: and its author is a moderator there. A header's fourth field is the root of the state;
    an account is its nonce, its balance, the root of its storage and the hash of its code.
    """
    proof, batch, leaf = part["state_proof"], part["batch"], part["leaf"]
    header = rlp.decode(raw(proof["header"]))
    account = below(header[3], raw(part["anchor"]["contract"]), proof["account"])
    is_review = leaf["type"] == "review"
    told = [
        int.from_bytes(below(account[2], encode(["uint256"], [slot]), nodes))
        for slot, nodes in zip(
            slots(batch["number"], leaf["author"] if is_review else None),
            proof["storage"],
            strict=True,
        )
    ]
    end = batch["first_seq"] + batch["count"]
    wanted = [int(batch["root"], 16), end]
    wanted += [batch["first_seq"]] if batch["number"] else []
    wanted += [1] if is_review else []
    begins = batch["number"] > 0 or batch["first_seq"] == 0
    return account[3] == raw(CODE) and told[0] > batch["number"] and told[1:] == wanted and begins


def main(arguments: Sequence[str]) -> int:
    """Print what the state proofs of a file show; return 0, or 1 if one doesn't hold, 2 for bad input."""
    if len(arguments) != 1:
        print("Give one file: python -m kit.core.state_by_hand certificate.json", file=sys.stderr)
        return 2
    try:
        certificate = json.loads(Path(arguments[0]).read_bytes())
        parts = [part for part in (certificate, certificate["review"]) if part]
        shown = [(part["leaf"]["type"], block_hash(part).hex(), holds(part)) for part in parts]
    except Exception as error:  # a file, JSON and three libraries: each has errors of its own
        why = "".join(c for c in f"{type(error).__name__}: {error}" if c.isprintable())
        print(f"No state proof to check in {arguments[0]!r} ({why[:100]}).", file=sys.stderr)
        return 2
    for kind, found, good in shown:
        print(
            f"The {kind}: {'held' if good else 'not held'} after the block with the hash 0x{found}"
        )
    return 0 if all(good for *_, good in shown) else 1


if __name__ == "__main__":
    sys.setrecursionlimit(1000)  # Python's own; with py_ecc's 100,000 nested JSON can crash it
    sys.exit(main(sys.argv[1:]))
