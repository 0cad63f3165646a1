"""The tree and its proofs, against OpenZeppelin's JavaScript and against the contract itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import eth_abi
import pytest
from eth_utils import keccak, to_checksum_address
from hypothesis import given, settings
from hypothesis import strategies as st

import kit
import kit.core.merkle
import kit.log.contract
from kit import people
from kit.core import (
    BATCH_MAX,
    TYPES,
    Anchor,
    Batch,
    Leaf,
    Record,
    Tree,
    contradiction,
    root_from_proof,
    subject_from_leaf,
    subject_to_leaf,
)
from kit.errors import ProofError

VECTORS = Path(__file__).parents[1] / "vectors"
FORMAT = json.loads((VECTORS / "format_1.json").read_text())
TREES = json.loads((VECTORS / "merkle_tree.json").read_text())["trees"]

SAME = settings(derandomize=True, deadline=None)
NONE = "0x" + "00" * 32
LEAF = Leaf(7, "entry", people.alice.address, 1632124800, "0x" + "00" * 32, "0x" + "22" * 32)


def leaves(count: int) -> list[str]:
    return ["0x" + keccak(i.to_bytes(32, "big")).hex() for i in range(count)]


# --- the format is frozen ------------------------------------------------------------------------


@pytest.mark.parametrize("vector", FORMAT["records"], ids=lambda v: v["record"]["type"])
def test_leaf_of_format_1(vector: dict[str, Any]) -> None:
    record = Record.from_json(vector["record"])
    leaf = Leaf.of(vector["leaf"]["seq"], record, vector["commitment"])
    assert leaf == Leaf(**vector["leaf"])
    assert leaf.hash() == vector["leaf_hash"]
    assert leaf.time == record.at
    assert root_from_proof(vector["leaf_hash"], vector["proof"]) == FORMAT["root"]


def test_tree_of_format_1() -> None:
    tree = Tree(vector["leaf_hash"] for vector in FORMAT["records"])
    assert tree.root == FORMAT["root"]
    for vector in FORMAT["records"]:
        assert tree.proof(vector["leaf_hash"]) == vector["proof"]


@pytest.mark.parametrize("vector", TREES, ids=lambda v: f"{v['count']} leaves")
def test_trees_are_those_of_openzeppelin(vector: dict[str, Any]) -> None:
    hashes = leaves(vector["count"])
    tree = Tree(hashes)
    assert (len(tree), tree.root) == (vector["count"], vector["root"])
    for told in vector["proofs"]:
        assert tree.proof(hashes[told["leaf"]]) == told["proof"]


def test_a_tree_worked_by_hand() -> None:
    a, b, c = sorted(keccak(bytes([i])) for i in range(3))

    def pair(x: bytes, y: bytes) -> bytes:
        return keccak(min(x, y) + max(x, y))

    # The array is [root, pair of a and b, c, b, a]: the leaves stand in it from the end.
    inner = pair(a, b)
    tree = Tree("0x" + x.hex() for x in (b, c, a))
    assert tree.root == "0x" + pair(inner, c).hex()
    assert tree.proof("0x" + c.hex()) == ["0x" + inner.hex()]
    assert tree.proof("0x" + a.hex()) == ["0x" + b.hex(), "0x" + c.hex()]


# --- the contract proves what kit.core.merkle proves --------------------------------------------------


@pytest.fixture(scope="module")
def included() -> Callable[[list[str]], Callable[[str, list[str]], bool]]:
    """Publishes a tree of these leaves and returns what the contract says of a leaf and a proof."""
    log = kit.log.Log.deploy(kit.chain.embedded(), by=people.registrar)

    def publish(hashes: list[str]) -> Callable[[str, list[str]], bool]:
        root, first = Tree(hashes).root, log.record_count()
        batch = log.append(root, first, len(hashes), by=people.registrar)

        def ask(leaf: str, proof: list[str]) -> bool:
            raw = [bytes.fromhex(x[2:]) for x in (leaf, *proof)]
            call = log.contract.functions.includes(batch.number, raw[0], raw[1:])
            return bool(log.chain.call(call))

        return ask

    return publish


def flip(value: str, bit: int) -> str:
    raw = bytearray.fromhex(value[2:])
    raw[bit // 8] ^= 1 << bit % 8
    return "0x" + raw.hex()


@pytest.mark.parametrize("count", [1, 2, 3, 9, 64, 1024])
def test_the_contract_agrees(count: int, included: Any) -> None:
    hashes = leaves(count)
    tree, ask = Tree(hashes), included(hashes)
    for number in sorted({0, 1, count // 3, count // 2, count - 1} & set(range(count))):
        leaf = hashes[number]
        proof = tree.proof(leaf)
        assert len(proof) <= 10
        assert ask(leaf, proof)
        for bit in (0, 77, 255):
            assert not ask(flip(leaf, bit), proof)
            for i, sibling in enumerate(proof):
                changed = [*proof[:i], flip(sibling, bit), *proof[i + 1 :]]
                assert not ask(leaf, changed)
                assert root_from_proof(leaf, changed) != tree.root
        assert not ask(leaf, [*proof, hashes[0]])
        if proof:
            assert not ask(leaf, proof[:-1])
            assert not ask(leaf, [])


def test_an_inner_node_is_no_leaf() -> None:
    # A node has a proof, too; it can't be passed off as a record, for a record's leaf is hashed
    # twice, over 192 bytes, and nobody can find one with this hash.
    tree = Tree(leaves(4))
    node = "0x" + tree._nodes[1].hex()
    with pytest.raises(ProofError, match="a leaf of this tree"):
        tree.proof(node)


# --- trees ---------------------------------------------------------------------------------------


@settings(SAME, max_examples=60)
@given(st.sets(st.binary(min_size=32, max_size=32), min_size=1, max_size=70), st.randoms())
def test_every_leaf_is_proved_in_any_order(raw: set[bytes], random: Any) -> None:
    hashes = ["0x" + x.hex() for x in raw]
    tree = Tree(hashes)
    shuffled = list(hashes)
    random.shuffle(shuffled)
    assert Tree(shuffled).root == tree.root
    for leaf in hashes:
        assert root_from_proof(leaf, tree.proof(leaf)) == tree.root


def test_bounds_of_a_batch() -> None:
    assert BATCH_MAX == 1024
    assert len(Tree(leaves(1))) == 1
    assert Tree(leaves(1)).root == leaves(1)[0]
    assert Tree(leaves(1)).proof(leaves(1)[0]) == []
    assert len(Tree(leaves(1024))) == 1024
    for count, shown in ((0, "got 0"), (1025, "got 1,025")):
        with pytest.raises(ProofError, match=f"1 to 1,024 leaves, {shown}"):
            Tree(leaves(count))


def test_a_leaf_lands_once() -> None:
    with pytest.raises(ProofError, match="the same leaf twice"):
        Tree([*leaves(3), leaves(3)[1]])
    with pytest.raises(ProofError, match="the same leaf twice"):
        Tree(["0x" + "ab" * 32, "0x" + "AB" * 32])


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, 5, "", "0x", bytes(32), ["0x" + "ab" * 32]),
        *("ab" * 32, "0x" + "ab" * 31, "0x" + "ab" * 33, "0x" + "zz" * 32, "0x" + "ab " * 32),
    ],
)
def test_only_hashes_are_leaves_and_siblings(wrong: Any) -> None:
    fine = "0x" + "cd" * 32
    for use in (
        lambda: Tree([fine, wrong]),
        lambda: Tree([fine]).proof(wrong),
        lambda: root_from_proof(wrong, []),
        lambda: root_from_proof(fine, [wrong]),
    ):
        with pytest.raises(ProofError, match="0x and 64 hex digits"):
            use()


def test_no_proof_for_a_leaf_of_another_tree() -> None:
    with pytest.raises(ProofError, match="Was it published in another batch"):
        Tree(leaves(3)).proof("0x" + "ab" * 32)


# --- leaves --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 8},
        {"type": "review"},
        {"author": people.bob.address},
        {"at": 1632124801},
        {"subject": "0x" + "00" * 31 + "01"},
        {"commitment": "0x" + "22" * 31 + "23"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_field_is_in_the_hash(change: dict[str, Any]) -> None:
    assert replace(LEAF, **change).hash() != LEAF.hash()


@pytest.mark.parametrize("field", ["seq", "at"])
def test_bounds_of_a_leafs_numbers(field: str) -> None:
    for fine in (0, 2**64 - 1):
        assert replace(LEAF, **{field: fine}).hash().startswith("0x")
    for wrong in (-1, 2**64, 1.5, True, "7", None):
        with pytest.raises(ProofError, match="a leaf with values of the right kind"):
            replace(LEAF, **{field: wrong}).hash()


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        *(("type", x) for x in ("Entry", "", 1, None, ["entry"])),
        *(("author", x) for x in ("alice", "0x", people.alice.address + "00", None, 5)),
        # eth-abi would fill up what is too short, and two leaves would have one hash.
        *(
            (f, x)
            for f in ("subject", "commitment")
            for x in ("", "0x", "0x22", "22" * 32, None, 5)
        ),
        *((f, "0x" + "22" * 33) for f in ("subject", "commitment")),
    ],
)
def test_a_leaf_that_can_not_be_has_no_hash(field: str, wrong: Any) -> None:
    with pytest.raises(ProofError, match="a leaf with values of the right kind"):
        replace(LEAF, **{field: wrong}).hash()


@settings(SAME, max_examples=60)
@given(st.builds(Leaf, *[st.none() | st.integers() | st.text(max_size=70)] * 6))
def test_a_leaf_of_anything_is_refused(leaf: Leaf) -> None:
    with pytest.raises(ProofError):
        leaf.hash()


def test_a_batch_shows_where_it_stands() -> None:
    time = datetime(2021, 9, 20, tzinfo=UTC)
    anchor = Anchor(1, people.bob.address, "0x" + "aa" * 32, 4, "0x" + "bb" * 32, time, 0)
    batch = Batch(2, "0x" + "cc" * 32, 10, 5, anchor, people.registrar.address)
    assert repr(batch) == f"Batch 2: records 10–14, block 4, root 0x{'cc' * 32}"


@SAME
@given(
    seq=st.integers(-1, 2**64),
    kind=st.sampled_from([*TYPES, "poem"]),
    author=st.binary(min_size=20, max_size=20).flatmap(
        lambda raw: st.sampled_from(
            [raw, "0x" + raw.hex(), to_checksum_address(raw), raw.hex(), "0x" + raw.hex()[:-1]]
        )
    ),
    at=st.integers(-1, 2**64),
    subject=st.binary(min_size=32, max_size=32),
)
def test_a_leaf_is_packed_as_eth_abi_does_it(
    seq: int, kind: str, author: Any, at: int, subject: bytes
) -> None:
    fields = ("uint64", "uint8", "address", "uint64", "bytes32", "bytes32")
    told = Leaf(seq, kind, author, at, "0x" + subject.hex(), "0x" + "22" * 32)
    try:
        packed = eth_abi.encode(
            fields, (seq, TYPES[kind], author, at, subject, bytes.fromhex("22" * 32))
        )
    except (KeyError, eth_abi.exceptions.EncodingError):
        with pytest.raises(ProofError, match="a leaf with values of the right kind"):
            told.hash()
    else:
        assert told.hash() == "0x" + keccak(keccak(packed)).hex()


@pytest.mark.parametrize("wrong", [True, 1.0, "1", None, [1]])
def test_numbers_of_a_leaf_are_whole_numbers(wrong: object) -> None:
    for name in ("seq", "at"):
        values = {"seq": 0, "at": 0, name: wrong}
        told = Leaf(values["seq"], "entry", "0x" + "11" * 20, values["at"], NONE, NONE)  # type: ignore[arg-type]
        with pytest.raises(ProofError, match="a leaf with values of the right kind"):
            told.hash()
    with pytest.raises(ProofError):
        Leaf(0, "entry", wrong, 0, NONE, NONE).hash()  # type: ignore[arg-type]


def test_no_subject_is_zeros_in_a_leaf() -> None:
    for subject, word in ((None, NONE), ("0x" + "12" * 32, "0x" + "12" * 32)):
        assert subject_to_leaf(subject) == word
        assert subject_from_leaf(word) == subject


# --- two batches of one log ----------------------------------------------------------------------


def batch_at(number: int, first_seq: int, count: int, block: int) -> Batch:
    at = datetime.fromtimestamp(1_632_124_800 + 12 * block, UTC)
    hashes = ["0x" + keccak(text=f"{what} {block}").hex() for what in ("transaction", "block")]
    place = Anchor(1, people.bob.address, hashes[0], block, hashes[1], at, 0)
    return Batch(number, "0x" + keccak(number.to_bytes(4)).hex(), first_seq, count, place)


@pytest.mark.parametrize(
    ("number", "first_seq", "fits"),
    [
        *((6, 57, True), (6, 56, False), (6, 58, False), (7, 57, False), (7, 58, True)),
        *((7, 57 + 1024, True), (7, 58 + 1024, False), (9, 60, True), (9, 59, False)),
        *((9, 57 + 3 * 1024, True), (9, 58 + 3 * 1024, False)),
    ],
)
def test_a_later_batch_leaves_room_for_those_between(
    number: int, first_seq: int, fits: bool
) -> None:
    """Batch 5 has the records 50 to 56; each batch between has 1 to 1,024."""
    one, other = batch_at(5, 50, 7, 20), batch_at(number, first_seq, 3, 30)
    words = f"the numbers of batches 5 and {number} don't fit together"
    assert contradiction(one, other) == contradiction(other, one) == ("" if fits else words)
    assert contradiction(one, one) == ""
