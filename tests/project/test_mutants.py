"""The table of mutants: each survivor has a reason, and each reason is about a line that is there."""

from __future__ import annotations

import re

from tests import mutants
from tests.node import ROOT


def test_each_reason_is_about_lines_of_today() -> None:
    reasons = mutants.known()
    assert len(reasons) > 20
    for change, why in reasons.items():
        path, *lines = change.split("\n")
        source = {line.strip() for line in (ROOT / path).read_text("utf-8").splitlines()}
        before = [line[2:] for line in lines if line.startswith("- ")]
        assert before, change
        assert set(before) <= source, change
        assert [line for line in lines if line.startswith("+ ")], change
        assert len(why) > 20


TABLE = (ROOT / "docs" / "mutants.md").read_text("utf-8")
ROWS = re.findall(
    r"^\| (kit\.\S+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \| (\d+) \|$", TABLE, re.MULTILINE
)


def test_the_table_has_every_module() -> None:
    listed = {name for name, *_ in ROWS}
    for package in mutants.PACKAGES:
        for path in (ROOT / "kit" / package).glob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if "    return" in path.read_text("utf-8") and path.stem != "__init__":
                assert name in listed, name
    survived = sum(int(row[3]) for row in ROWS)
    assert 0 < TABLE.count("```diff") <= survived
    for _, why in re.findall(r"^`(kit/\S+)`: (.+)$", TABLE, re.MULTILINE):
        assert why in {*mutants.known().values(), mutants.OPEN}


def test_every_mutant_was_asked_and_each_survivor_has_a_reason() -> None:
    assert mutants.OPEN not in TABLE
    assert sum(int(row[4]) for row in ROWS) == 0
