"""The state proof by hand: what it prints, and what it finds in each vector (test_vectors.py has more)."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

from kit import people
from kit.core import slots, state_by_hand

FILE = Path(state_by_hand.__file__)
VECTORS = Path(__file__).parents[1] / "vectors" / "state_proofs.json"
CASES = {x["name"]: x["certificate"] for x in json.loads(VECTORS.read_text("utf-8"))["cases"]}


def test_it_is_short_and_uses_nothing_of_the_kit() -> None:
    source = FILE.read_text("utf-8")
    assert len(source.splitlines()) <= 120
    imported = [
        x for x in ast.walk(ast.parse(source)) if isinstance(x, ast.Import | ast.ImportFrom)
    ]
    names = {getattr(x, "module", None) or x.names[0].name for x in imported}
    assert not any(name.split(".")[0] == "kit" for name in names)


def test_its_slots_are_the_kit_s() -> None:
    for number in (0, 1, 2, 1_000, 2**40):
        for moderator in (None, people.bob.address):
            assert state_by_hand.slots(number, moderator) == slots(number, moderator)


def written(tmp_path: Path, told: Any) -> str:
    file = tmp_path / "certificate.json"
    file.write_text(json.dumps(told), "utf-8")
    return str(file)


def test_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = CASES["a second batch"]
    assert state_by_hand.main([written(tmp_path, told)]) == 0
    block = "0x" + keccak(hexstr=told["state_proof"]["header"]).hex()
    assert block == told["anchor"]["block_hash"]
    assert capsys.readouterr().out.splitlines() == [
        f"The entry: held after the block with the hash {block}",
        f"The review: held after the block with the hash {block}",
    ]


@pytest.mark.parametrize("name", CASES)
def test_what_does_not_hold_is_status_1(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = CASES[name]
    parts = [part for part in (told, told["review"]) if part]
    try:
        holds = [state_by_hand.holds(part) for part in parts]
        wanted = 0 if all(holds) else 1
    except Exception:  # of three libraries
        wanted = 2
    assert state_by_hand.main([written(tmp_path, told)]) == wanted
    said = capsys.readouterr()
    assert ("not held" in said.out) == (wanted == 1)
    assert said.err.startswith("No state proof to check in") == (wanted == 2)


@pytest.mark.parametrize("change", ["number", "first_seq", "count", "root"])
def test_another_batch_is_not_held(change: str) -> None:
    told = json.loads(json.dumps(CASES["a second batch"]))
    assert state_by_hand.holds(told)
    batch = told["batch"]
    batch[change] = "0x" + "11" * 32 if change == "root" else batch[change] + 1
    try:
        assert not state_by_hand.holds(told)
    except Exception:  # the proof is of other slots
        assert change == "number"


def test_a_storage_proof_too_many_is_not_held(tmp_path: Path) -> None:
    told = json.loads(json.dumps(CASES["a second batch"]))
    told["state_proof"]["storage"].append(told["state_proof"]["storage"][0])
    assert state_by_hand.main([written(tmp_path, told)]) != 0


def test_the_first_batch_begins_at_0() -> None:
    told = json.loads(json.dumps(CASES["the first batch"]))
    assert state_by_hand.holds(told)
    told["batch"]["first_seq"], told["batch"]["count"] = 1, told["batch"]["count"] - 1
    assert not state_by_hand.holds(told)


def test_a_review_by_nobody_s_moderator_is_not_held() -> None:
    told = CASES["a moderator who lost the role"]
    assert state_by_hand.holds(told)
    assert not state_by_hand.holds(told["review"])


@pytest.mark.parametrize("arguments", [[], ["a", "b"]])
def test_how_it_is_used(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert state_by_hand.main(arguments) == 2
    assert "python -m kit.core.state_by_hand certificate.json" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{", "[]", "7", '{"review": null}'])
def test_what_is_no_certificate_is_status_2(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text(content, "utf-8")
    assert state_by_hand.main([str(file)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert state_by_hand.main([str(tmp_path / "none")]) == 2


def test_why_it_is_none_is_said_in_a_hundred_letters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("{", "utf-8")
    state_by_hand.main([str(file)])
    assert "(JSONDecodeError: " in capsys.readouterr().err
    state_by_hand.main([str(tmp_path / ("long" * 50))])
    said = capsys.readouterr().err
    assert len(said.rpartition("(")[2].removesuffix(").\n")) == 100


def test_as_a_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "kit.core.state_by_hand"]
    good = written(tmp_path, CASES["the first batch"])
    done = subprocess.run([*command, good], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The entry: held after the block with the hash 0x")
    deep = tmp_path / "deep"
    deep.write_text("[" * 200_000, "utf-8")
    assert subprocess.run([*command, str(deep)], capture_output=True).returncode == 2
