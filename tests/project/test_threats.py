"""docs/THREATS.md names, for each thing that somebody can't do, the tests that try it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "THREATS.md").read_text("utf-8")
CLAIMS = re.findall(r"^- \*\*Can't\*\* .*$", TEXT, re.MULTILINE)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[10:50])
def test_what_is_said_to_be_impossible_is_tried(claim: str) -> None:
    attacks = re.findall(r"`((?:tests|contracts)/\S+)::(\w+)`", claim)
    assert attacks
    for path, name in attacks:
        assert re.search(rf"\b(?:def|function) {name}\(", (ROOT / path).read_text("utf-8")), name


def test_each_person_s_powers_are_said_as_plainly() -> None:
    parts = TEXT.split("\n## ")[1:]
    assert len(parts) >= 8
    for part in parts:
        assert part.count("**Can't**") >= 1
        assert part.count("**Can** ") >= 1
    assert len(CLAIMS) == TEXT.count("**Can't**")


@pytest.mark.parametrize("page", ["README.md", "SECURITY.md"])
def test_whoever_looks_for_it_finds_it(page: str) -> None:
    assert "docs/THREATS.md" in (ROOT / page).read_text("utf-8")
