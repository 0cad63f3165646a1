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


def test_the_table_has_every_module_and_a_reason_for_each_survivor() -> None:
    text = (ROOT / "docs" / "mutants.md").read_text("utf-8")
    assert "no reason yet" not in text
    rows = re.findall(r"^\| (kit\.\S+) \| ([\d,]+) \| ([\d,]+) \| (\d+) \|$", text, re.MULTILINE)
    listed = {name for name, *_ in rows}
    for package in mutants.PACKAGES:
        for path in (ROOT / "kit" / package).glob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if "    return" in path.read_text("utf-8") and path.stem != "__init__":
                assert name in listed, name
    survived = sum(int(row[3]) for row in rows)
    assert text.count("```diff") <= survived
    for change in re.findall(r"^`(kit/\S+)`: (.+)$", text, re.MULTILINE):
        assert change[1] in set(mutants.known().values())
