"""The parts of a state proof, at their bounds: trees and headers that are made here, without a chain."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rlp
from eth_utils import keccak
from trie.hexary import HexaryTrie

from kit import people
from kit.core import (
    Batch,
    Certificate,
    LogId,
    StateProof,
    StepFailed,
    check_state,
    sign,
    signer,
    slots,
    state_by_hand,
    value_at,
)
from kit.core.state_proof import NODES_MAX, PART_MAX, SLOTS_MAX
from kit.errors import CertificateError, ProofError

ADDRESS = people.alice.address
VECTORS = Path(__file__).parents[1] / "vectors" / "state_proofs.json"
VECTOR = json.loads(VECTORS.read_text("utf-8"))["cases"][0]["certificate"]
EntryState = dict[str, Any]
CODE = b"\xcc" * 32


def way(tree: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    nodes = [rlp.encode(node) for node in tree.get_proof(keccak(key))]
    return tuple(node for i, node in enumerate(nodes) if not i or len(node) >= 32)


def word(number: int) -> bytes:
    return number.to_bytes(32, "big")


def made(
    stored: dict[int, bytes],
    asked: list[int],
    account: Any = None,
    fields: int = 15,
    header: Any = None,
) -> StateProof:
    """A state proof of an account with a storage, in a block of its own."""
    storage = HexaryTrie({})
    for slot, value in stored.items():
        storage[keccak(word(slot))] = value
    state = HexaryTrie({})
    told = [b"", b"", storage.root_hash, CODE] if account is None else account
    state[keccak(bytes.fromhex(ADDRESS[2:]))] = rlp.encode(told)
    parts = [b"\x01"] * fields
    if fields > 11:
        parts[3], parts[8], parts[11] = state.root_hash, b"\x07", b"\x61\x00"
    return StateProof(
        rlp.encode(parts) if header is None else header,
        way(state, bytes.fromhex(ADDRESS[2:])),
        tuple(way(storage, word(slot)) for slot in asked),
    )


def test_what_it_shows() -> None:
    stored = {0: rlp.encode(b"\x05"), 9: rlp.encode(b"\xff" * 32), 10: rlp.encode(b"\x01")}
    proof = made(stored, [0, 9, 10, 11])
    state = proof.state(ADDRESS, [0, 9, 10, 11])
    assert state.block_hash == "0x" + keccak(proof.header).hex()
    assert (state.block_number, state.time) == (7, 0x6100)
    assert state.code_hash == "0x" + CODE.hex()
    assert state.values == (5, 2**256 - 1, 1, 0)


def test_of_an_empty_storage() -> None:
    assert made({}, [1, 2]).state(ADDRESS, [1, 2]).values == (0, 0)


def test_a_header_of_fifteen_fields_and_of_more() -> None:
    for fields in (15, 16, 21, 30):
        assert made({}, [], fields=fields).state(ADDRESS, []).block_number == 7
    for fields in (14, 12, 1, 0):
        with pytest.raises(ProofError, match="a header of at least 15 fields"):
            made({}, [], fields=fields).state(ADDRESS, [])


def test_an_account_of_four_fields_and_of_more() -> None:
    root = HexaryTrie({}).root_hash
    assert made({}, [], account=[b"", b"", root, CODE, b"new"]).state(ADDRESS, [])
    for account in ([b"", b"", root], [], b"account", [b"", b"", root, [CODE]]):
        with pytest.raises(ProofError, match="an account of at least 4 fields"):
            made({}, [], account=account).state(ADDRESS, [])


def test_no_such_account() -> None:
    proof = made({}, [])
    other = HexaryTrie({})
    other[keccak(b"else")] = b"else"
    parts = rlp.decode(proof.header)
    parts[3] = other.root_hash
    lonely = StateProof(rlp.encode(parts), way(other, bytes.fromhex(ADDRESS[2:])), ())
    with pytest.raises(ProofError, match="the log's account in the state"):
        lonely.state(ADDRESS, [])


@pytest.mark.parametrize("value", [b"\x81", b"\xc1\x01", b"\x82\x00\x01\x02"])
def test_a_value_that_is_no_number(value: bytes) -> None:
    with pytest.raises(ProofError, match="a storage slot's value"):
        made({3: value}, [3]).state(ADDRESS, [3])


@pytest.mark.parametrize("header", [b"\x80", b"\xc0", b"\xf8", b"\x01", rlp.encode([[b""]] * 15)])
def test_what_is_no_header(header: bytes) -> None:
    with pytest.raises(ProofError, match="a header"):
        made({}, [], header=header).state(ADDRESS, [])


def test_as_many_slots_as_are_asked_for() -> None:
    proof = made({}, [1, 2])
    for asked in ([1], [1, 2, 3], []):
        with pytest.raises(ProofError, match=f"proofs of {len(asked)} storage slots"):
            proof.state(ADDRESS, asked)


def test_what_is_no_address() -> None:
    for wrong in ("", "0x12", ADDRESS.lower(), ADDRESS[2:]):
        with pytest.raises(ProofError, match="an address with the capitals"):
            made({}, []).state(wrong, [])
        with pytest.raises(ProofError, match="an address with the capitals"):
            slots(0, wrong)


def test_the_bounds_may_be_reached() -> None:
    told: dict[str, Any] = {"header": "0x" + "00" * PART_MAX, "account": ["0xc0"] * NODES_MAX}
    told["storage"] = [["0x" + "c0" * PART_MAX]] * SLOTS_MAX
    assert StateProof.from_json(told).to_json() == told
    for name, wrong in {
        "header": "0x" + "00" * (PART_MAX + 1),
        "account": ["0xc0"] * (NODES_MAX + 1),
        "storage": [[]] * (SLOTS_MAX + 1),
    }.items():
        with pytest.raises(CertificateError):
            StateProof.from_json(told | {name: wrong})


def test_the_slots_of_a_batch() -> None:
    start = int.from_bytes(keccak(word(1)), "big")
    assert slots(0) == [1, start, start + 1]
    assert slots(1) == [1, start + 2, start + 3, start + 1]
    assert slots(7)[1:] == [start + 14, start + 15, start + 13]
    members = keccak(keccak(b"MODERATOR_ROLE") + word(0))
    role = int.from_bytes(keccak(word(int(ADDRESS, 16)) + members), "big")
    assert slots(0, ADDRESS) == [*slots(0), role]
    assert slots(1, ADDRESS) == [*slots(1), role]


@pytest.mark.parametrize("size", [1, 2, 17, 300])
def test_values_of_any_tree(size: int) -> None:
    """Those that are there, and that others are not: each by its own nodes, and by no others."""
    chance = random.Random(size)  # noqa: S311
    content = {chance.randbytes(20): chance.randbytes(chance.randrange(1, 40)) for _ in range(size)}
    tree = HexaryTrie({})
    for key, value in content.items():
        tree[keccak(key)] = value
    for key in [*list(content)[:200], *(chance.randbytes(20) for _ in range(20))]:
        nodes = way(tree, key)
        assert value_at(tree.root_hash, key, nodes) == content.get(key, b"")
        for other in (nodes[:-1], (*nodes, b"\x80"), (*nodes, nodes[0])):
            with pytest.raises(ProofError):
                value_at(tree.root_hash, key, other)


def stands(count: int, root: bytes, end: int, first: int, code: bytes | None = None) -> EntryState:
    """Parts of a certificate of batch 1, records 4 to 6, by a log whose storage says this."""
    stored = dict(zip(slots(1), map(rlp.encode, (word(count).lstrip(b"\0"), root)), strict=False))
    stored[slots(1)[2]] = rlp.encode(bytes([end]))
    stored[slots(1)[3]] = rlp.encode(bytes([first]))
    storage = HexaryTrie({})
    for slot, value in stored.items():
        storage[keccak(word(slot))] = value
    own = bytes.fromhex(state_by_hand.CODE[2:]) if code is None else code
    proof = made(stored, slots(1), account=[b"", b"", storage.root_hash, own])
    return {
        "leaf": {"type": "entry"},
        "batch": {"number": 1, "root": "0x" + (b"\x77" * 32).hex(), "first_seq": 4, "count": 3},
        "anchor": {"contract": ADDRESS},
        "state_proof": proof.to_json(),
    }


@pytest.mark.parametrize(
    ("told", "holds"),
    [
        ((2, b"\x77" * 32, 7, 4), True),
        ((9, b"\x77" * 32, 7, 4), True),
        ((1, b"\x77" * 32, 7, 4), False),
        ((2, b"\x78" * 32, 7, 4), False),
        ((2, b"\x77" * 32, 8, 4), False),
        ((2, b"\x77" * 32, 7, 3), False),
        ((2, b"\x77" * 32, 7, 4, b"\x01" * 32), False),
    ],
)
def test_each_value_counts(told: tuple[Any, ...], holds: bool) -> None:
    """By hand, and by the kit: how many batches there are, the root, the numbers, the code."""
    part = stands(*told)
    assert state_by_hand.holds(part) is holds
    good = Certificate.from_json(VECTOR)
    proof = StateProof.from_json(part["state_proof"])
    anchor = replace(
        good.inclusion.batch.anchor,
        contract=ADDRESS,
        block_hash="0x" + keccak(proof.header).hex(),
        block_number=7,
        block_time=datetime.fromtimestamp(0x6100, UTC),
    )
    batch = Batch(1, part["batch"]["root"], 4, 3, anchor)
    made_up = replace(good, inclusion=replace(good.inclusion, batch=batch), state_proof=proof)
    if holds:
        assert check_state(made_up)
        for other in ({"block_number": 8}, {"block_time": datetime.fromtimestamp(0x6101, UTC)}):
            moved = replace(batch, anchor=replace(anchor, **other))
            with pytest.raises(StepFailed, match="another number or time"):
                check_state(replace(made_up, inclusion=replace(good.inclusion, batch=moved)))
    else:
        with pytest.raises(StepFailed, match=r"in that block|no DiaryLog's"):
            check_state(made_up)


def test_a_manifest_is_signed_as_one() -> None:
    """What is signed as a record's commitment is no signature of a manifest, nor the other way round."""
    log, value = LogId(1, ADDRESS), "0x" + "12" * 32
    as_record, as_manifest = sign(value, log, people.bob), sign(value, log, people.bob, "Manifest")
    assert as_record != as_manifest
    assert signer(value, as_manifest, log, "Manifest") == people.bob.address
    assert signer(value, as_record, log) == people.bob.address
    assert signer(value, as_record, log, "Manifest") != people.bob.address
    assert signer(value, as_manifest, log) != people.bob.address
