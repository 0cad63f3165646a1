"""A civic certificate, checked by hand: the kit's formats, written as their formulas are.

The first file to read. It asks nobody and uses nothing of the kit, only the libraries whose names
stand in the formulas. ``docs/format.md`` tells the same in words. The kit's own check is faster and
refuses more: here nothing is said of step 1, the format, nor of 6 to 9 (for 6: ``state_by_hand.py``).
``python -m kit.core.by_hand certificate.json`` prints steps 2 to 5, of the review inside it, too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rfc8785
from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

__all__ = ["check", "climb", "commitment", "leaf_hash", "main", "proof", "root", "signer", "tree"]

TYPES = {"entry": 1, "review": 2, "witness": 3, "withdrawal": 4, "appeal": 5, "bulletin": 6}
LEAF = ["uint64", "uint8", "address", "uint64", "bytes32", "bytes32"]
DOMAIN = {"name": "Civic Diary", "version": "1"}
SIGNED = {"Record": [{"name": "commitment", "type": "bytes32"}]}
WORDS = {True: "passed", False: "failed", None: "not asked"}


def raw(text: str) -> bytes:
    """Return the bytes of ``0x…``."""
    return bytes.fromhex(text.removeprefix("0x"))


# --- what is said --------------------------------------------------------------------------------


def commitment(record: dict[str, Any], salt: bytes) -> bytes:
    """Return ``keccak256(salt ‖ RFC 8785(record))``, 32 bytes.

    RFC 8785 writes equal JSON as equal bytes. The salt keeps a short text from being guessed.

    >>> commitment({"b": 1, "a": 2}, bytes(32)) == keccak(bytes(32) + b'{"a":2,"b":1}')
    True
    """
    return keccak(salt + rfc8785.dumps(record))


def signer(committed: bytes, signature: bytes, chain_id: int, contract: str) -> str | None:
    """Return the address whose key signed a commitment (EIP-712), or None if no key can have.

    The domain names one log on one chain: for another the same signature leads to another address.
    """
    domain = DOMAIN | {"chainId": chain_id, "verifyingContract": contract}
    message = encode_typed_data(domain, SIGNED, {"commitment": committed})
    try:
        return str(Account.recover_message(message, signature=signature))
    except Exception:  # of several libraries, each with errors of its own
        return None


# --- what is proved ------------------------------------------------------------------------------


def leaf_hash(leaf: dict[str, Any]) -> bytes:
    """Return ``keccak256(keccak256(abi.encode(…)))`` of a leaf's six values, 32 bytes.

    Hashed twice, so that no node of the tree (64 bytes, hashed once) can pass for a leaf.
    """
    numbers = [leaf["seq"], TYPES[leaf["type"]], leaf["author"], leaf["at"]]
    return keccak(keccak(encode(LEAF, [*numbers, raw(leaf["subject"]), raw(leaf["commitment"])])))


def parent(a: bytes, b: bytes) -> bytes:
    """Return ``keccak256(smaller ‖ larger)``: no proof needs to say which was left or right."""
    return keccak(min(a, b) + max(a, b))


def tree(leaves: Sequence[bytes]) -> list[bytes]:
    """Return a batch's tree from its leaves' hashes (in any order): all nodes, the root first.

    The rules of ``@openzeppelin/merkle-tree``: n leaves make 2n − 1 nodes. The leaves, sorted, fill
    the end of the list, the smallest last; node i is the parent of nodes 2i + 1 and 2i + 2.

    >>> a, b, c = sorted(keccak(bytes([i])) for i in range(3))
    >>> tree([b, c, a]) == [parent(parent(a, b), c), parent(a, b), c, b, a]
    True
    """
    nodes = [b""] * (len(leaves) - 1) + sorted(leaves, reverse=True)
    for i in reversed(range(len(leaves) - 1)):
        nodes[i] = parent(nodes[2 * i + 1], nodes[2 * i + 2])
    return nodes


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of a batch: the 32 bytes that stand on the chain for all its leaves."""
    return tree(leaves)[0]


def proof(leaves: Sequence[bytes], leaf: bytes) -> list[bytes]:
    """Return a leaf's inclusion proof: the sibling of each node on its way up to the root."""
    nodes = tree(leaves)
    i = nodes.index(leaf, len(leaves) - 1)
    siblings = []
    while i > 0:
        siblings.append(nodes[i + 1 if i % 2 else i - 1])
        i = (i - 1) // 2
    return siblings


def climb(leaf: bytes, siblings: Sequence[bytes]) -> bytes:
    """Return the root that a leaf and its inclusion proof lead to.

    >>> leaves = [keccak(bytes([i])) for i in range(5)]
    >>> all(climb(leaf, proof(leaves, leaf)) == root(leaves) for leaf in leaves)
    True
    """
    node = leaf
    for sibling in siblings:
        node = parent(node, sibling)
    return node


# --- the steps -----------------------------------------------------------------------------------


def same(leaf: dict[str, Any], record: dict[str, Any]) -> bool:
    """Return whether a leaf says the same as its record (whose time is a text)."""
    at = int(datetime.fromisoformat(record["at"]).timestamp())
    told = (record["type"], record["author"], at, record["subject"] or "0x" + "00" * 32)
    return (leaf["type"], leaf["author"], leaf["at"], leaf["subject"]) == told


def check(part: dict[str, Any]) -> dict[int, bool | None]:
    """Return steps 2 to 5 of a certificate, or of the review in it, by their numbers.

    True: passed; False: failed; None: not asked, as the content is held back. What isn't built like
    a certificate raises whatever Python or a library raises there.
    """
    record, leaf, batch, anchor = part["record"], part["leaf"], part["batch"], part["anchor"]
    stated = part.get("commitment", leaf["commitment"])  # a review states it in its leaf alone
    committed, held_back = raw(stated), record is None
    author = signer(committed, raw(part["signature"]), anchor["chain_id"], anchor["contract"])
    reached = climb(leaf_hash(leaf), [raw(sibling) for sibling in part["proof"]])
    return {
        2: None if held_back else commitment(record, raw(part["salt"])) == committed,
        3: author == leaf["author"],
        4: leaf["commitment"] == stated and (held_back or same(leaf, record)),
        5: 0 <= leaf["seq"] - batch["first_seq"] < batch["count"] and reached == raw(batch["root"]),
    }


def fit(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Return whether what two parts say of batches can be true of one log, which has no gaps."""
    first, second = sorted((one, other), key=lambda part: int(part["batch"]["number"]))
    (a, x), (b, y) = ((part["batch"], part["anchor"]) for part in (first, second))
    if a["number"] == b["number"]:
        return one["leaf"]["seq"] != other["leaf"]["seq"] and (a, x) == (b, y)
    between, left_out = b["number"] - a["number"] - 1, b["first_seq"] - a["first_seq"] - a["count"]
    same = {name for name in x if x[name] == y[name]}
    if "block_number" in same:
        fits = {"block_hash", "block_time"} <= same and x["log_index"] < y["log_index"]
    else:
        fits = x["block_number"] < y["block_number"] and not same & {
            "block_hash",
            "transaction_hash",
        }
    return fits and x["block_time"] <= y["block_time"] and between <= left_out <= between * 1024


NAMES = {2: "content matches the commitment", 3: "the author signed"}
NAMES |= {4: "the leaf says the same as the record", 5: "the leaf is in the batch"}


def main(arguments: Sequence[str]) -> int:
    """Print the steps of a certificate's file; return 0, or 1 if one failed, 2 for bad input."""
    if len(arguments) != 1:
        print("Give one file: python -m kit.core.by_hand certificate.json", file=sys.stderr)
        return 2
    try:
        certificate = json.loads(Path(arguments[0]).read_bytes())
        parts = {f"The {certificate['leaf']['type']}": check(certificate)}
        if (review := certificate["review"]) is not None:
            parts["Its review"] = check(review) | ({} if fit(certificate, review) else {5: False})
    except Exception as error:  # a file, JSON and four libraries: each has errors of its own
        why = "".join(c for c in f"{type(error).__name__}: {error}" if c.isprintable())
        print(f"No certificate to check in {arguments[0]!r} ({why[:100]}).", file=sys.stderr)
        return 2
    for name, steps in parts.items():
        print(f"{name}:", *(f"{n} {WORDS[steps[n]]}: {NAMES[n]}" for n in steps), sep="\n  ")
    print("Not asked: 1, the format, and 6 to 9, which need the log's chain.")
    return 1 if any(False in steps.values() for steps in parts.values()) else 0


if __name__ == "__main__":
    sys.setrecursionlimit(1000)  # Python's own; with py_ecc's 100,000 nested JSON can crash it
    sys.exit(main(sys.argv[1:]))
