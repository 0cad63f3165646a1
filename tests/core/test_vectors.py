"""The test vectors of the formats, run by the kit, by hand, and by the verify page's JavaScript.

Each of the three says what it finds in a case; the files say what is to be found.
"""

from __future__ import annotations

import base64
import json
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from eth_utils import keccak

import kit
import kit.chain.toolchain
import kit.log.contract
from kit.core import (
    FORMAT,
    Certificate,
    Leaf,
    LogId,
    Record,
    StepFailed,
    Tree,
    Verdict,
    by_hand,
    check_state,
    root_from_proof,
    signer,
    state_by_hand,
)
from kit.core import record as records
from kit.core.compact import encode
from kit.errors import KitError
from kit.log import verify

TESTS = Path(__file__).parents[1]
VECTORS = TESTS / "vectors"
NAMES = (
    *("records", "commitments", "signatures", "leaves", "trees", "proofs"),
    *("certificates", "state_proofs", "compact", "refused"),
)
FILES = {name: json.loads((VECTORS / f"{name}.json").read_text("utf-8")) for name in NAMES}
CASES = {name: told["cases"] for name, told in FILES.items()}
FROZEN = json.loads((VECTORS / "format_1.json").read_text("utf-8"))
ORDER = ("passed", "not asked", "failed")
OUTCOMES = {True: "passed", False: "failed", None: "not asked"}

EntryState = dict[str, Any]


# --- the files -----------------------------------------------------------------------------------


def test_the_files_are_what_the_generator_writes() -> None:
    written = runpy.run_path(str(VECTORS / "make.py"))["vectors"]()
    assert sorted(written) == sorted(f"{name}.json" for name in NAMES)
    for name, text in written.items():
        # A file that changes is a format that changes: it needs a new version, not a new file.
        assert (VECTORS / name).read_text("utf-8") == text, name


def test_names_are_not_used_twice() -> None:
    for name, cases in CASES.items():
        names = [(x.get("kind"), x.get("why", x.get("name"))) for x in cases]
        assert len(set(names)) == len(names) > 5, name
    kinds = [x["kind"] for x in CASES["refused"]]
    assert len(kinds) > 40
    assert {kind: kinds.count(kind) >= 2 for kind in set(kinds)} == dict.fromkeys(
        ("record", "certificate", "bytes", "compact", "signature"), True
    )


def test_the_first_cases_are_those_that_other_programs_computed() -> None:
    frozen = FROZEN["records"]
    count = len(frozen)
    assert [x["record"] for x in CASES["records"][:count]] == [x["record"] for x in frozen]
    for name, key, of_frozen in (
        ("records", "canonical", "canonical"),
        ("commitments", "commitment", "commitment"),
        ("signatures", "digest", "digest"),
        ("signatures", "signature", "signature"),
        ("leaves", "leaf", "leaf"),
        ("leaves", "hash", "leaf_hash"),
    ):
        assert [x[key] for x in CASES[name][:count]] == [x[of_frozen] for x in frozen], (name, key)
    assert CASES["trees"][0]["root"] == FROZEN["root"]
    certificates = [x["certificate"] for x in CASES["certificates"][:count]]
    assert [x["proof"] for x in certificates] == [x["proof"] for x in frozen]
    trees = json.loads((VECTORS / "merkle_tree.json").read_text("utf-8"))["trees"]
    roots = {tree["count"]: tree["root"] for tree in trees}
    for tree in CASES["trees"][1:]:
        count = tree.get("count", len(tree.get("leaves", ())))
        assert roots.get(count, tree["root"]) == tree["root"]


def test_what_stands_between() -> None:
    for x in CASES["signatures"]:
        parts = by_hand.raw(x["domain_separator"]), by_hand.raw(x["struct_hash"])
        assert keccak(b"\x19\x01" + b"".join(parts)) == by_hand.raw(x["digest"])
    for x in CASES["leaves"]:
        assert keccak(keccak(by_hand.raw(x["encoded"]))) == by_hand.raw(x["hash"])
    for x in CASES["compact"]:
        told = Certificate.from_compact(x["compact"]).to_json()
        assert encode(told) == by_hand.raw(x["cbor"])


# --- the three -----------------------------------------------------------------------------------


def expected(name: str, x: EntryState) -> Any:
    """What is to be found in a case of a file."""
    if name == "trees":
        return x["root"]
    if name == "state_proofs":
        return {key: x[key] for key in ("id", "level", "steps")}
    if name in ("certificates", "compact"):
        told = {"id": x["id"], "steps": x["steps"]}
        return told | {"review": x["review"]} if name == "certificates" else told
    keys = {
        "records": "canonical",
        "commitments": "commitment",
        "signatures": "signer",
        "leaves": "hash",
        "proofs": "holds",
        "refused": "expected",
    }
    return x[keys[name]]


def leaves_of(x: EntryState) -> list[str]:
    numbered = (keccak(i.to_bytes(32)) for i in range(x.get("count", 0)))
    return x.get("leaves") or ["0x" + leaf.hex() for leaf in numbered]


def refused(x: EntryState) -> str | None:
    """What the kit expected when it refused a case, or None."""
    read: dict[str, Callable[[], Any]] = {
        "record": lambda: Record.from_json(x["record"]),
        "certificate": lambda: Certificate.loads(x["text"]),
        "bytes": lambda: Certificate.loads(base64.b64decode(x["base64"])),
        "compact": lambda: Certificate.from_compact(x["text"]),
        "signature": lambda: signer(
            x["commitment"], x["signature"], LogId(x["chain_id"], x["contract"])
        ),
    }
    try:
        read[x["kind"]]()
    except KitError as error:
        return error.expected
    return None


def certificate(x: EntryState) -> EntryState:
    """What the kit finds in a certificate; of the review, what it finds in one of the review's own."""
    result = verify(json.dumps(x["certificate"]))
    read = Certificate.from_json(x["certificate"])
    review = None
    if read.review:
        review = [step.outcome for step in verify(read.review).steps[1:5]]
    return {"id": result.id, "steps": [step.outcome for step in result.steps], "review": review}


def compact(x: EntryState) -> EntryState:
    result = verify(x["compact"])
    return {"id": result.id, "steps": [step.outcome for step in result.steps]}


def by_state(x: EntryState) -> Verdict:
    """What the kit finds with a log and the hashes of blocks, and no node."""
    return verify(json.dumps(x["certificate"]), LogId.of(x["log"]), block_hash=x["block_hashes"])


def state_proof(x: EntryState) -> EntryState:
    found = by_state(x)
    return {
        "id": found.id,
        "level": found.level,
        "steps": [step.outcome for step in found.steps],
    }


FAST: dict[str, Callable[[EntryState], Any]] = {
    "records": lambda x: Record.from_json(x["record"]).canonical().decode(),
    "commitments": lambda x: records.commitment(
        Record.from_json(x["record"]), bytes.fromhex(x["salt"][2:])
    ),
    "signatures": lambda x: signer(
        x["commitment"], x["signature"], LogId(x["chain_id"], x["contract"])
    ),
    "leaves": lambda x: Leaf(**x["leaf"]).hash(),
    "trees": lambda x: Tree(leaves_of(x)).root,
    "proofs": lambda x: root_from_proof(x["leaf"], x["proof"]) == x["root"],
    "certificates": certificate,
    "state_proofs": state_proof,
    "compact": compact,
    "refused": refused,
}


@pytest.mark.parametrize("name", FAST)
def test_the_kit(name: str) -> None:
    for x in CASES[name]:
        assert FAST[name](x) == expected(name, x), x


def test_what_is_written_is_what_is_read() -> None:
    good = {x["name"]: Certificate.from_json(x["certificate"]) for x in CASES["certificates"]}
    for x in CASES["compact"]:
        if x["written"]:
            assert good[x["name"]].compact() == x["compact"]
            assert x["compact"] == "".join(c for c in x["compact"] if c in BASE32)
    for x in CASES["certificates"]:
        if x["certificate"]["format"] == FORMAT:  # of an older one, the newest is written
            assert json.loads(good[x["name"]].dumps()) == x["certificate"]


def test_an_older_certificate_says_the_same() -> None:
    cases = {x["name"]: x["certificate"] for x in CASES["certificates"]}
    older = {name: told for name, told in cases.items() if told["format"] != FORMAT}
    assert len(older) == 4
    for name, told in older.items():
        newer = cases[name.removeprefix("version 1, ")]
        assert Certificate.from_json(told) == Certificate.from_json(newer)


BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def steps_by_hand(part: EntryState) -> list[str]:
    return [OUTCOMES[passed] for passed in by_hand.check(part).values()]


def certificate_by_hand(whole: EntryState) -> EntryState:
    """Steps 2 to 5 of the whole: the worse of record and review; and those of the review alone."""
    own, review = steps_by_hand(whole), whole["review"] and steps_by_hand(whole["review"])
    steps = [max(pair, key=ORDER.index) for pair in zip(own, review or own, strict=True)]
    one_log = review and all(
        whole["anchor"][key] == whole["review"]["anchor"][key] for key in ("chain_id", "contract")
    )
    if one_log and not by_hand.fit(whole, whole["review"]):
        steps[3] = "failed"
    return {"steps": steps, "review": review}


def hex_of(value: bytes) -> str:
    return "0x" + value.hex()


BY_HAND: dict[str, Callable[[EntryState], Any]] = {
    "records": lambda x: rfc8785.dumps(x["record"]).decode(),
    "commitments": lambda x: hex_of(by_hand.commitment(x["record"], by_hand.raw(x["salt"]))),
    "signatures": lambda x: by_hand.signer(
        by_hand.raw(x["commitment"]), by_hand.raw(x["signature"]), x["chain_id"], x["contract"]
    ),
    "leaves": lambda x: hex_of(by_hand.leaf_hash(x["leaf"])),
    "trees": lambda x: hex_of(by_hand.root([by_hand.raw(leaf) for leaf in leaves_of(x)])),
    "proofs": lambda x: (
        by_hand.climb(by_hand.raw(x["leaf"]), [by_hand.raw(node) for node in x["proof"]])
        == by_hand.raw(x["root"])
    ),
    "certificates": lambda x: certificate_by_hand(x["certificate"]),
    # It reads JSON alone: what the kit reads in the compact form, it checks.
    "compact": lambda x: {"steps": steps_by_hand(Certificate.from_compact(x["compact"]).to_json())},
}


@pytest.mark.parametrize("name", BY_HAND)  # what is refused: test_by_hand.py
def test_by_hand(name: str) -> None:
    for x in CASES[name]:
        wanted = expected(name, x)
        if name in ("certificates", "compact"):
            wanted = {k: v for k, v in wanted.items() if k != "id"} | {"steps": x["steps"][1:5]}
        assert BY_HAND[name](x) == wanted, x
        if name == "trees" and "nodes" in x:
            nodes = by_hand.tree([by_hand.raw(leaf) for leaf in x["leaves"]])
            assert [hex_of(node) for node in nodes] == x["nodes"]


#: What the kit refuses of a state proof and the hand doesn't ask: whether more is there than is needed,
#: and whether the block's number and time are as stated.
NOT_BY_HAND = ("a node too many", "a node twice", "another block's time", "a bit of the header")


def test_states_by_hand() -> None:
    for x in CASES["state_proofs"]:
        told = x["certificate"]
        if told["state_proof"] is None or x["name"].removeprefix("changed: ") in NOT_BY_HAND:
            continue
        parts = [told, *([told["review"]] if told["review"] else [])]
        kit_finds = [check(part) for part in parts]
        by_hand_found = [hold(part) for part in parts]
        assert by_hand_found == kit_finds, x["name"]


def check(part: EntryState) -> bool:
    """Whether the kit finds that a state proof shows its batch, and of a review its author's role."""
    read = Certificate.from_json(part)
    try:
        state = check_state(read)
    except StepFailed:
        return False
    assert state
    return part["leaf"]["type"] != "review" or state.values[-1] == 1


def hold(part: EntryState) -> bool:
    try:
        stated = by_hand.raw(part["anchor"]["block_hash"])
        return state_by_hand.block_hash(part) == stated and state_by_hand.holds(part)
    except Exception:  # of three libraries
        return False


@pytest.fixture(scope="module")
def page() -> dict[str, list[Any]]:
    """What the page's modules find in each case of each file."""
    done = subprocess.run(
        [str(kit.chain.node()), str(TESTS / "page" / "vectors.mjs"), str(VECTORS)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[Any]] = json.loads(done.stdout)
    assert sorted(found) == sorted(NAMES)
    return found


def on_the_page(name: str, x: EntryState) -> Any:
    """What the page is to find in a case."""
    wanted = expected(name, x)
    if name == "trees":
        return [wanted] * len(x["leaves"]) if "leaves" in x else None  # the page builds no trees
    return wanted


# Both refuse these; which of several reasons is seen first differs.
OTHER_REASONS = {
    ("certificate", "a list"),  # the page takes a text without a brace for a compact form
    ("compact", "a number in two bytes"),  # the page's reader of CBOR is strict itself
    ("compact", "the length of the array in two bytes"),
    ("compact", "a byte behind the array"),
    ("compact", "a map"),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_page(name: str, page: dict[str, list[Any]]) -> None:
    assert len(page[name]) == len(CASES[name])
    for x, found in zip(CASES[name], page[name], strict=True):
        wanted = on_the_page(name, x)
        if name == "state_proofs":  # and the same words as the kit's
            said = by_state(x)
            wanted |= {
                "words": [step.reason for step in said.steps],
                "claimed": list(said.claimed),
            }
        if name == "refused":
            assert found, x
            if (x["kind"], x["why"]) in OTHER_REASONS:
                assert found != wanted
                continue
            if x["kind"] == "record":  # in a certificate, always
                found, wanted = found.removeprefix("a record with "), wanted
        assert found == wanted, x
