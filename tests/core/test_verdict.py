"""Steps, their outcomes, and the level that they reach."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from kit.core import (
    FAILED,
    MARKS,
    PASSED,
    SKIPPED,
    STEP_NAMES,
    Step,
    Verdict,
    level_of,
    nothing_failed,
)

WORDS = json.loads(files("kit.core").joinpath("words.json").read_text("utf-8"))


def steps(*outcomes: str) -> tuple[Step, ...]:
    return tuple(Step(i, f"step {i}", x, f"why {i}") for i, x in enumerate(outcomes, start=1))


def test_the_words_are_those_that_the_page_shows() -> None:
    assert [PASSED, FAILED, SKIPPED] == list(WORDS["outcomes"]) == list(MARKS)
    assert list(STEP_NAMES) == [step["en"] for step in WORDS["steps"]]
    assert len(set(MARKS.values())) == 3


@pytest.mark.parametrize(
    ("outcomes", "ok", "level"),
    [
        ((PASSED, PASSED), True, "reached"),
        ((PASSED, SKIPPED), True, "reached"),
        ((SKIPPED, SKIPPED), True, "reached"),
        ((PASSED, FAILED), False, "not proved: failed at step 2"),
        ((FAILED, SKIPPED, FAILED), False, "not proved: failed at step 1, 3"),
    ],
)
def test_what_steps_show_together(outcomes: tuple[str, ...], ok: bool, level: str) -> None:
    taken = steps(*outcomes)
    assert nothing_failed(taken) is ok
    assert level_of(taken, "reached") == level
    found = Verdict("id", taken, level)
    assert found.ok is ok
    assert [found.outcome(i) for i in range(1, len(outcomes) + 1)] == list(outcomes)


def test_a_verdict_as_text_and_as_json() -> None:
    found = Verdict("id", steps(PASSED, FAILED, SKIPPED), "level")
    assert repr(found).splitlines() == [
        "id",
        "1 ✓ passed  step 1: why 1",
        "2 ✗ failed  step 2: why 2",
        "3 – skipped step 3: why 3",
        "level",
    ]
    told = json.loads(json.dumps(found.to_json()))
    assert (told["id"], told["ok"], told["level"]) == ("id", False, "level")
    assert [Step(**step) for step in told["steps"]] == list(found.steps)
