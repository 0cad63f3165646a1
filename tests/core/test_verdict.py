"""Steps, their outcomes, and the level that they reach."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from kit.core import (
    CONSISTENT,
    DOES_NOT_APPLY,
    FAILED,
    FINAL,
    INCLUDED,
    LEVELS,
    MARKS,
    NO_CERTIFICATE,
    NOT_ASKED,
    PASSED,
    STEP_NAMES,
    UNANSWERED,
    Step,
    Verdict,
    bilingual,
    is_proved,
    is_shown,
    level_of,
    said,
)

WORDS = json.loads(files("kit.core").joinpath("words.json").read_text("utf-8"))


def steps(*outcomes: str) -> tuple[Step, ...]:
    return tuple(Step(i, f"step {i}", x, f"why {i}") for i, x in enumerate(outcomes, start=1))


def test_the_words_are_those_that_the_page_shows() -> None:
    outcomes = [PASSED, FAILED, UNANSWERED, NOT_ASKED, DOES_NOT_APPLY]
    assert outcomes == list(WORDS["outcomes"]) == list(MARKS)
    assert (
        list(LEVELS) == [FAILED, UNANSWERED, CONSISTENT, INCLUDED, FINAL] == list(WORDS["levels"])
    )
    assert list(STEP_NAMES) == [step["en"] for step in WORDS["steps"]]
    assert len(set(MARKS.values())) == 5
    # A word is the same in both places.
    assert all(WORDS["outcomes"][x] == WORDS["levels"][x] for x in (FAILED, UNANSWERED))
    assert [bilingual(x) for x in ("pending", FINAL, NOT_ASKED)] == [
        "待上链 pending",
        "已上链，已定 final",
        "未查 not asked",
    ]


def test_what_a_level_says() -> None:
    assert [is_shown(level) for level in LEVELS] == [False, False, True, True, True]
    assert [is_proved(level) for level in LEVELS] == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("outcomes", "level", "words"),
    [
        ((PASSED, PASSED), FINAL, "final there"),
        ((PASSED, DOES_NOT_APPLY), FINAL, "final there"),
        ((PASSED, NOT_ASKED), FINAL, "final there; not asked: 2 step 2"),
        ((NOT_ASKED, NOT_ASKED), FINAL, "final there; not asked: 1 step 1, 2 step 2"),
        ((PASSED, FAILED), FAILED, "failed at step 2"),
        ((FAILED, NOT_ASKED, FAILED), FAILED, "failed at step 1, 3"),
        ((FAILED, UNANSWERED), FAILED, "failed at step 1"),
        ((PASSED, UNANSWERED), UNANSWERED, "unanswered at step 2"),
        ((NOT_ASKED, UNANSWERED, UNANSWERED), UNANSWERED, "unanswered at step 2, 3"),
    ],
)
def test_what_steps_show_together(outcomes: tuple[str, ...], level: str, words: str) -> None:
    taken = steps(*outcomes)
    assert level_of(taken, FINAL) == level
    assert said(level, taken, "there") == words
    found = Verdict("id", taken, level, "there")
    assert (found.ok, found.said) == (level == FINAL, words)
    assert [found.outcome(i) for i in range(1, len(outcomes) + 1)] == list(outcomes)


def test_what_is_said_of_a_level() -> None:
    taken = steps(PASSED)
    assert said(CONSISTENT, taken, "") == "consistent in itself"
    assert said(INCLUDED, taken, "in block 3") == "included in block 3, which may still be replaced"
    assert said(FINAL, taken, "in block 3") == "final in block 3"
    refused = Verdict(NO_CERTIFICATE, steps(FAILED, NOT_ASKED), FAILED)
    assert refused.said == "failed: not a certificate"


def test_a_verdict_as_text_and_as_json() -> None:
    found = Verdict("id", steps(PASSED, FAILED, NOT_ASKED), FAILED, "", ("batch.number",))
    assert repr(found).splitlines() == [
        "id",
        "1 ✓ passed     step 1: why 1",
        "2 ✗ failed     step 2: why 2",
        "3 – not asked  step 3: why 3",
        "failed at step 2",
    ]
    told = json.loads(json.dumps(found.to_json()))
    assert (told["id"], told["ok"], told["level"], told["place"]) == ("id", False, "failed", "")
    assert told["claimed"] == ["batch.number"]
    assert [Step(**step) for step in told["steps"]] == list(found.steps)
