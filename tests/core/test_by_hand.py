"""The formats by hand and the kit's own check say the same; where they don't, it is listed here."""

from __future__ import annotations

import ast
import base64
import copy
import json
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils import to_checksum_address

import kit
import kit.log.contract
from kit import people
from kit.core import STEP_NAMES as NAMES
from kit.core import Certificate, Tree, by_hand
from kit.core import record as records
from kit.log import verify

REFUSED = json.loads((Path(__file__).parents[1] / "vectors" / "refused.json").read_text("utf-8"))
OUTCOMES = {"passed": True, "failed": False, "not asked": None}
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # of secp256k1

# What the kit refuses and by_hand doesn't: why, and the vectors of refused.json.
BEYOND: dict[str, dict[str, set[str]]] = {
    "certificate": {
        "it asks for no format's name": {"another format"},
        "it looks at no key that no formula needs": {
            *("an unknown key", "an unknown key in the leaf", "a review within the review"),
            *("a salt without its record", "another id", "an id in small letters"),
            *(
                "a missing key in the anchor",
                "thirteen levels",
                "no state proof and no null for it",
            ),
            "a state proof in version 1",
            *("a review as in version 1", "a review of version 1"),
        },
        "it looks at no state proof: state_by_hand.py does": {
            *("a state proof without storage", "a state proof that is a list", "six storage slots"),
            *("a header in capitals", "a header of half a byte", "an empty header", "65 nodes"),
            *("a header of 1,025 bytes", "nodes that are no list"),
        },
        "of the anchor, only the chain and the contract are signed": {
            *("a block's time with an offset", "a block before 1970"),
        },
        "a contract's capitals don't change the 20 bytes that are signed": {
            "a contract without a checksum",
        },
        "it knows no bounds": {"a batch of 1,025"},
        "content that is held back is not asked for, in a review either": {
            *("a review without its content", "version 1, a review without its content"),
        },
        "json takes the last of two equal keys": {"a key twice", "a key twice, inside"},
    },
    "bytes": {"json guesses the encoding": {"UTF-16"}},
    "signature": {
        "the twin of a signature leads to the same key": {"the higher s of two"},
        "eth-account takes other ways to write v": {
            *("a v of 0 or 1", "a v that names a chain, as in EIP-155"),
        },
        "capitals are the same bytes": {"capitals"},
    },
}

# Of the records it refuses what has no canonical bytes, and nothing else: that is step 1.
NO_BYTES = {"half a character", "a figure that is too large"}


@pytest.fixture(scope="module")
def sample() -> list[Certificate]:
    """All certificates of the sample diary: entries, with their reviews inside, and reviews."""
    with kit.chain.embedded() as chain:
        diary = kit.Diary.open(chain)
        kit.data.fill(diary)
        return [without_states(certificate) for certificate in diary.certificates()]


def without_states(certificate: Certificate) -> Certificate:
    """A certificate without its state proofs: of these state_by_hand.py says something."""
    review = certificate.review and without_states(certificate.review)
    return replace(certificate, review=review, state_proof=None)


# --- the steps -----------------------------------------------------------------------------------


def entry_steps(certificate: Certificate) -> dict[int, bool | None]:
    """Steps 2 to 5, as the kit's verify takes them of one record alone."""
    steps = verify(replace(certificate, review=None)).steps[1:5]
    return {step.number: OUTCOMES[step.outcome] for step in steps}


def contradicts(certificate: Certificate) -> bool:
    """Whether the kit's verify finds step 5 good of each part, and not of both together."""
    review = certificate.review
    if review is None or review.log_id != certificate.log_id:
        return False
    alone = (entry_steps(certificate)[5], entry_steps(review)[5])
    return alone == (True, True) and verify(certificate).outcome(5) == "failed"


def odd_signature(signature: str) -> bool:
    """Whether a signature is written as the kit takes none: see BEYOND."""
    return signature[130:] not in ("1b", "1c") or int(signature[66:130], 16) > HALF_ORDER


def agree(certificate: Certificate, value: dict[str, Any]) -> list[dict[int, bool | None]]:
    """Compare both for a certificate in the format; return what the kit found, part by part."""
    parts = [(entry_steps(certificate), value, certificate.signature)]
    if certificate.review:
        review = certificate.review
        parts.append((entry_steps(review), value["review"], review.signature))
    for mine, part, signature in parts:
        found = by_hand.check(part)
        if odd_signature(signature):
            assert mine[3] is False
            found[3] = False
        assert found == mine, part
    together = [{mine[number] for mine, _, _ in parts} for number in (2, 3, 4, 5)]
    for step, outcomes in zip(verify(certificate).steps[1:5], together, strict=True):
        # A step of the whole fails if it fails for a part, or if the two contradict each other.
        fits = step.number != 5 or not contradicts(certificate)
        assert (step.outcome == "failed") == (False in outcomes or not fits)
    if (
        certificate.review
        and False not in together[3]
        and certificate.log_id == certificate.review.log_id
    ):
        assert by_hand.fit(value, value["review"]) is not contradicts(certificate)
    return [mine for mine, _, _ in parts]


def test_every_certificate_of_the_sample(sample: list[Certificate]) -> None:
    assert len(sample) > 100
    passed = dict.fromkeys((2, 3, 4, 5), True)
    for certificate in sample:
        for steps in agree(certificate, certificate.to_json()):
            assert steps == passed
        redacted = certificate.redacted()
        assert agree(redacted, redacted.to_json())[0] == {**passed, 2: None}
    assert any(certificate.review for certificate in sample)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each value in a JSON value that holds no other."""
    if isinstance(value, (dict, list)) and value:
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, key))
    else:
        yield path


def changed(old: Any, chance: random.Random) -> Any:
    """Another value of the same kind."""
    if isinstance(old, int):
        return max(0, old + chance.choice((-1, 1, 7)))
    if not isinstance(old, str):
        return "0x" + "ab" * 32
    if old.startswith("0x") and len(old) == 42:
        return to_checksum_address(chance.randbytes(20))
    at = chance.randrange(2, len(old)) if old.startswith("0x") else chance.randrange(len(old) or 1)
    letters = "0123456789abcdef" if old.startswith("0x") else "019桌é😀"
    return old[:at] + chance.choice(letters) + old[at + 1 :]


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def change(value: dict[str, Any], other: dict[str, Any], chance: random.Random) -> None:
    """Change one value in a certificate's JSON, to one of another certificate now and then."""
    apart = {"format", "id", "state_proof"}  # of these by_hand says nothing
    path = chance.choice([p for p in places(value) if not apart & set(p[:2])])
    inside, elsewhere = value, other
    for key in path[:-1]:
        inside = inside[key]
        elsewhere = elsewhere[key] if elsewhere and key in elsewhere else {}
    key, kind = path[-1], chance.random()
    if kind < 0.3 and isinstance(elsewhere, dict) and key in elsewhere:
        inside[key] = elsewhere[key]
    elif kind < 0.3 and isinstance(inside, list):
        del inside[key]  # a shorter proof
    else:
        inside[key] = changed(inside[key], chance)
    if chance.random() < 0.9:  # most keep their id in order
        for part in filter(is_object, (value, value["review"])):
            log = f"eip155:{part['anchor']['chain_id']}:{part['anchor']['contract']}"
            part["id"] = f"{log}/{part['leaf']['seq']}"


def test_changed_certificates(sample: list[Certificate]) -> None:
    chance = random.Random(4)  # noqa: S311
    compared = contradictory = 0
    seen: Counter[tuple[str, int, bool | None]] = Counter()
    while compared < 2000:
        entry, other = chance.sample(sample, 2)
        value = copy.deepcopy(entry.to_json())
        for _ in range(chance.choice((1, 1, 2))):
            change(value, other.to_json(), chance)
        try:
            certificate = Certificate.from_json(value)
        except kit.KitError:
            continue  # no certificate: by_hand says nothing of step 1
        compared += 1
        contradictory += contradicts(certificate)
        for part, steps in zip(("entry", "review"), agree(certificate, value), strict=False):
            seen.update((part, *step) for step in steps.items())
    for part in ("entry", "review"):
        for number in (2, 3, 4, 5):  # each step passed and failed, of both parts, and not rarely
            assert min(seen[part, number, True], seen[part, number, False]) > 50
    assert contradictory > 50


# --- trees ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [range(1, 41), (64, 65, 100, 513, 1023, 1024)], ids=str)
def test_trees(sizes: range | tuple[int, ...]) -> None:
    chance = random.Random(5)  # noqa: S311
    for size in sizes:
        leaves = [chance.randbytes(32) for _ in range(size)]
        fast = Tree("0x" + leaf.hex() for leaf in leaves)
        assert "0x" + by_hand.root(leaves).hex() == fast.root
        for leaf in leaves if size <= 40 else chance.sample(leaves, 5):
            proof = by_hand.proof(leaves, leaf)
            assert ["0x" + node.hex() for node in proof] == fast.proof("0x" + leaf.hex())
            assert "0x" + by_hand.climb(leaf, proof).hex() == fast.root


# --- what the kit refuses beyond -----------------------------------------------------------------


def nothing_wrong(case: dict[str, Any]) -> bool:
    """Whether by_hand finds nothing wrong in a case of refused.json."""
    try:
        if case["kind"] == "record":
            return bool(by_hand.commitment(case["record"], bytes(32)))
        if case["kind"] == "signature":
            committed, signature = by_hand.raw(case["commitment"]), by_hand.raw(case["signature"])
            author = by_hand.signer(committed, signature, case["chain_id"], case["contract"])
            return author == people.alice.address
        value = json.loads(case["text"] if "text" in case else base64.b64decode(case["base64"]))
        parts = [value] + ([value["review"]] if value["review"] else [])
        return not any(False in by_hand.check(part).values() for part in parts)
    except Exception:  # as in main: it is no certificate
        return False


@pytest.mark.parametrize("kind", BEYOND)
def test_what_the_kit_refuses_beyond(kind: str) -> None:
    found = {x["why"] for x in REFUSED["cases"] if x["kind"] == kind and nothing_wrong(x)}
    listed = [why for whys in BEYOND[kind].values() for why in whys]
    assert sorted(found) == sorted(listed)


def test_a_record_is_refused_where_it_has_no_canonical_bytes() -> None:
    cases = [x for x in REFUSED["cases"] if x["kind"] == "record"]
    assert {x["why"] for x in cases if not nothing_wrong(x)} == NO_BYTES


# --- the file and the command --------------------------------------------------------------------


def test_it_is_short_and_uses_nothing_of_the_kit() -> None:
    source = Path(by_hand.__file__).read_text("utf-8")
    assert len(source.splitlines()) <= 200
    nodes = list(ast.walk(ast.parse(source)))
    names = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    assert not any(node.level for node in froms)
    names |= {node.module or "" for node in froms}
    assert {"json", "rfc8785", "eth_abi"} <= names
    assert not any(name.split(".")[0] == "kit" for name in names)


def test_its_words_are_those_of_verify() -> None:
    assert {number: NAMES[number - 1] for number in (2, 3, 4, 5)} == by_hand.NAMES
    assert by_hand.TYPES == records.TYPES


def run(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = by_hand.main([str(path)])
    return status, *capsys.readouterr()


PASSED = """\
The entry:
  2 passed: content matches the commitment
  3 passed: the author signed
  4 passed: the leaf says the same as the record
  5 passed: the leaf is in the batch
Its review:
  2 passed: content matches the commitment
  3 passed: the author signed
  4 passed: the leaf says the same as the record
  5 passed: the leaf is in the batch
Not asked: 1, the format, and 6 to 9, which need the log's chain.
"""


def command(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command on c.json in a folder, in a new process."""
    return subprocess.run(
        [sys.executable, "-m", "kit.core.by_hand", "c.json"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(kit.__file__).parent.parent)},
        capture_output=True,
        text=True,
    )


def test_as_a_program(sample: list[Certificate], tmp_path: Path) -> None:
    entry = next(c for c in sample if c.review)
    (tmp_path / "c.json").write_text(entry.dumps(), "utf-8")
    done = command(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, PASSED, "")


def test_as_a_program_it_stands_deep_nesting(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_bytes(b"[" * 100_000)
    done = command(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("No certificate to check in 'c.json' (RecursionError")


def test_the_command_finds_what_failed(
    sample: list[Certificate], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = next(c for c in sample if c.review)
    path = tmp_path / "c.json"

    def told(change: dict[str, Any]) -> str:
        path.write_text(json.dumps(entry.to_json() | change), "utf-8")
        status, out, err = run(path, capsys)
        assert (status, err) == (1, "")
        return out

    review = entry.to_json()["review"]
    assert told({"salt": "0x" + "00" * 32}) == PASSED.replace("2 passed", "2 failed", 1)
    moved = review | {"anchor": review["anchor"] | {"block_hash": "0x" + "00" * 32}}
    head, _, tail = PASSED.partition("Its review:")
    assert told({"review": moved}) == head + "Its review:" + tail.replace("5 passed", "5 failed")
    out = told({"review": review | {"signature": "0x" + "00" * 65}})
    assert out == head + "Its review:" + tail.replace("3 passed", "3 failed")
    path.write_text(entry.redacted().dumps(), "utf-8")
    assert run(path, capsys) == (0, PASSED.replace("2 passed", "2 not asked", 1), "")


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"1", b'"x"', b"null", b"{}", b"\xff\xfe\x00"),
        *(b'{"leaf": 1}', b'{"leaf": {"type": "\x1b[31m"}}', b'{"leaf": {"type": "entry"}}'),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_bad_input_gets_one_sentence(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "c.json"
    path.write_bytes(content)
    status, out, err = run(path, capsys)
    assert (status, out) == (2, "")
    assert err.startswith("No certificate to check in '")
    assert err.endswith(").\n")
    assert err.removesuffix("\n").isprintable()


def test_no_file_gets_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = run(tmp_path / "none.json", capsys)
    assert status == 2
    assert err.startswith("No certificate to check in")
    for arguments in ([], ["a", "b"]):
        assert by_hand.main(arguments) == 2
        assert capsys.readouterr().err == (
            "Give one file: python -m kit.core.by_hand certificate.json\n"
        )
