"""docs/format.md says what the code does: keys, codes, bounds, the example, where things are."""

from __future__ import annotations

import importlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

import kit
from kit import people
from kit.chain import load_artifact
from kit.core import LEVELS, MARKS, Certificate, by_hand
from kit.core import STEP_NAMES as NAMES
from kit.core import record as records
from kit.log import MODERATOR_ROLE, verify

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors"
WORDS = ROOT / "kit" / "core" / "words.json"
TEXT = (ROOT / "docs" / "format.md").read_text("utf-8")
EXAMPLE = re.search(r"## 10\..*?```text\n(.*?)```", TEXT, re.DOTALL)[1]  # type: ignore[index]


def part(number: int) -> str:
    """One numbered part of the page."""
    found = re.search(rf"^## {number}\. .*?(?=^## |\Z)", TEXT, re.DOTALL | re.MULTILINE)
    assert found
    return found[0]


def rows(text: str) -> list[list[str]]:
    """The rows of all tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    found = []
    for line, below in zip(lines, [*lines[1:], ""], strict=True):
        if not line.startswith("|---") and not below.startswith("|---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


# --- keys, codes, bounds -------------------------------------------------------------------------


def test_the_types_and_their_bodies() -> None:
    cases = json.loads((VECTORS / "records.json").read_text("utf-8"))["cases"]
    bodies = {x["record"]["type"]: x["record"]["body"] for x in cases}
    told = {row[0].strip("`"): row for row in rows(part(1)) if len(row) == 4}
    assert {name: int(row[1]) for name, row in told.items()} == records.TYPES
    for name, row in told.items():
        keys = re.findall(r"`(\w+)` \(", row[2])
        assert sorted(keys) == sorted(bodies[name])
    assert [row[0].strip("`") for row in rows(part(1)) if len(row) == 2] == list(cases[0]["record"])
    for decision in records.DECISIONS:
        assert f"`{decision}`" in told["review"][2]
    for kind in records.MEDIA_TYPES:
        assert f"`{kind}`" in part(1)


def test_the_keys_of_a_certificate() -> None:
    cases = json.loads((VECTORS / "certificates.json").read_text("utf-8"))["cases"]
    whole = cases[0]["certificate"]
    keys = [row[0].strip("`") for row in rows(part(5))]
    inside = [f"{name}.{key}" for name in ("leaf", "batch", "anchor") for key in whole[name]]
    assert keys == [*whole, *inside]
    review = next(row for row in rows(part(5)) if row[0] == "`review`")[1]
    assert "all of these keys" in review
    assert list(whole["review"]) == list(whole)


@pytest.mark.parametrize("row", rows(part(10)), ids=lambda row: row[0])
def test_a_bound_is_that_of_the_code(row: list[str]) -> None:
    module, _, name = row[2].strip("`").partition(".")
    value = getattr(importlib.import_module(f"kit.core.{module}"), name)
    assert row[1] == f"{value:,}"


def test_every_bound_of_the_code_is_there() -> None:
    told = {row[2].strip("`") for row in rows(part(10))}
    found = {
        f"{name}.{constant}"
        for name in (
            *("record", "signature", "merkle", "reading", "compact", "certificate", "check"),
            "state_proof",
        )
        for constant in vars(importlib.import_module(f"kit.core.{name}"))
        if constant.endswith("_MAX")
    }
    assert told == found - {"certificate.BATCH_MAX", "certificate.TIME_MAX"}  # imported there


def test_the_steps_are_those_of_verify() -> None:
    told = [row[0] for row in rows(part(9)) if len(row) == 3]
    assert told == [f"{number} {name}" for number, name in enumerate(NAMES, start=1)]


def test_the_outcomes_and_the_levels_are_those_of_the_code() -> None:
    assert [row[0] for row in rows(part(9)) if len(row) == 2] == list(LEVELS)
    for outcome in MARKS:
        assert f"*{outcome}*" in part(9)
    assert (
        f"{json.loads(WORDS.read_text('utf-8'))['finality']['depth']} blocks stand on it" in part(9)
    )


def test_the_levels_of_the_readme_are_those_of_the_code() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    table = text.split("| level | what was shown |")[1].split("\n\n")[0]
    assert [row[0] for row in rows("|x|y|" + table)] == list(LEVELS)


def test_a_list_of_known_logs_is_read(tmp_path: Path) -> None:
    (tmp_path / "logs.toml").write_text(TEXT.split("```toml\n")[1].split("```")[0], "utf-8")
    ((log_id, log),) = kit.log.known(tmp_path / "logs.toml").items()
    assert str(log_id) == "eip155:31337:0x5FbDB2315678afecb367f032d93F642f64180aa3"
    assert str(log).endswith("known since 2026-09-01, vouched for by the library, on its own page")


def test_what_is_used_of_the_log_is_there() -> None:
    abi = load_artifact("DiaryLog").abi
    there = {
        ("event " if x["type"] == "event" else "")
        + f"{x['name']}({','.join(i['type'] for i in x['inputs'])})"
        for x in abi
        if x["type"] in ("event", "function")
    }
    told = [row[0].strip("`") for row in rows(part(8))]
    assert len(told) > 5
    assert set(told) <= there
    assert keccak(text="MODERATOR_ROLE") == MODERATOR_ROLE


# --- the worked example --------------------------------------------------------------------------


def values() -> dict[str, str]:
    """The example's values by their names; those of more than one line joined."""
    found: dict[str, str] = {}
    name = ""
    for line in EXAMPLE.splitlines():
        if line.startswith("  "):
            found[name] += line.strip()
        else:
            name = line
            found[name] = ""
    return found


def test_the_example_is_what_the_kit_gives() -> None:
    assert runpy.run_path(str(VECTORS / "make.py"))["worked_example"]() == EXAMPLE


def test_the_example_by_the_formulas_of_the_page() -> None:
    cases = json.loads((VECTORS / "certificates.json").read_text("utf-8"))["cases"]
    whole = next(x["certificate"] for x in cases if x["name"] == "the worked example")
    told = {name: by_hand.raw(v) for name, v in values().items() if v.startswith("0x")}
    text = values()["canonical bytes"].encode()
    assert json.loads(text) == whole["record"]
    assert told["commitment"] == keccak(told["salt"] + text)

    types = re.findall(r'"((?:EIP712Domain|Record)\(.*?\))"', part(2))
    assert [keccak(text=x) for x in types] == [
        told["type hash of the domain"],
        told["type hash of the record"],
    ]
    chain_id, contract = whole["anchor"]["chain_id"], whole["anchor"]["contract"]
    assert f"`{contract}` on chain {chain_id}." in part(11)
    words = chain_id.to_bytes(32), by_hand.raw(contract).rjust(32, b"\0")
    hashes = keccak(text="Civic Diary"), keccak(text="1")
    assert hashes == (told["keccak256 of the name"], told["keccak256 of the version"])
    separator = keccak(b"".join([told["type hash of the domain"], *hashes, *words]))
    assert told["domain separator"] == separator
    assert told["struct hash"] == keccak(told["type hash of the record"] + told["commitment"])
    assert told["digest"] == keccak(b"\x19\x01" + separator + told["struct hash"])
    author = by_hand.signer(told["commitment"], told["signature"], chain_id, contract)
    assert author == values()["signer"] == people.alice.address

    encoded = told["encoded leaf"]
    assert [encoded[i : i + 32] for i in range(0, 192, 32)] == layout(whole["leaf"])
    assert told["its hash"] == keccak(encoded)
    assert told["leaf"] == keccak(told["its hash"]) == by_hand.leaf_hash(whole["leaf"])
    assert told["leaf of the review"] == by_hand.leaf_hash(whole["review"]["leaf"])
    pair = sorted([told["leaf"], told["leaf of the review"]])
    assert told["root"] == keccak(b"".join(pair)) == by_hand.raw(whole["batch"]["root"])


def layout(leaf: dict[str, Any]) -> list[bytes]:
    """The six words of a leaf, as part 3 lays them out."""
    assert [row[0] for row in rows(part(3))] == [f"{i}–{i + 31}" for i in range(0, 192, 32)]
    numbers = [leaf["seq"], records.TYPES[leaf["type"]]]
    author = by_hand.raw(leaf["author"]).rjust(32, b"\0")
    return [
        *(number.to_bytes(32) for number in numbers),
        author,
        leaf["at"].to_bytes(32),
        by_hand.raw(leaf["subject"]),
        by_hand.raw(leaf["commitment"]),
    ]


def test_the_example_in_the_compact_form() -> None:
    told = values()
    certificate = Certificate.from_compact(told["compact form"])
    assert verify(certificate).ok
    raw = by_hand.raw(told["CBOR"])
    size = len(raw).to_bytes(2, "little")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    bits = "".join(f"{letters.index(letter):05b}" for letter in told["compact form"])
    packed = int(bits[: len(bits) // 8 * 8], 2).to_bytes(len(bits) // 8)
    assert packed == b"\x01" + size + bytes(b ^ 0xFF for b in size) + raw
    assert sum(len(row) == 4 for row in rows(part(7))) == 10  # twenty fields, two a row


def test_a_test_key_is_what_the_page_says() -> None:
    assert '`keccak256("civic diary test key: " ‖ name)`' in part(11)
    assert bytes(people.alice.key) == keccak(text="civic diary test key: alice")


# --- where things are ----------------------------------------------------------------------------


def test_every_path_is_there() -> None:
    paths = re.findall(r"`((?:kit|web|tests|contracts)/[\w/.]+)`", TEXT)
    assert len(set(paths)) > 10
    for path in paths:
        assert (ROOT / path).exists(), path


def test_every_vector_file_is_there_and_holds_what_it_says() -> None:
    named = set(re.findall(r"`(\w+\.json)`", TEXT))
    assert named - {"datapackage.json"} == {path.name for path in VECTORS.glob("*.json")}
    for file, given, found in rows(part(12)):
        cases = json.loads((VECTORS / file.strip("`")).read_text("utf-8"))["cases"]
        keys = {key for x in cases for key in x}
        told = set(re.findall(r"`(\w+)`", given + found))
        assert told <= keys, file
        if "refused" not in file:
            assert keys - told <= {"name", "written"}, file
