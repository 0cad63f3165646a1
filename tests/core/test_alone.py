"""What a certificate shows alone: why each step passed, failed or is open, part by part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.core import (
    DOES_NOT_APPLY,
    NOT_ASKED,
    STEP_NAMES,
    Certificate,
    StepFailed,
    StepOpen,
    check_review,
    check_time,
    steps_alone,
    take,
)
from kit.errors import NodeDown, RecordError

VECTORS = Path(__file__).parents[1] / "vectors" / "certificates.json"
CASES = {
    x["name"]: Certificate.from_json(x["certificate"])
    for x in json.loads(VECTORS.read_text("utf-8"))["cases"]
}
ALICE = "0x4e06A44779872e0CAaF7c9594838e24d6ED39104"
SAME = "; its review: the same"
CONTENT = "keccak256(salt ‖ canonical bytes) is the commitment"
LEAF = "type, author, time, subject and commitment"


def reasons(name: str) -> dict[int, str]:
    steps = steps_alone(CASES[name])
    assert [step.number for step in steps] == [1, 2, 3, 4, 5]
    assert [step.name for step in steps] == list(STEP_NAMES[:5])
    return {step.number: step.reason for step in steps}


def test_of_an_entry_and_its_review() -> None:
    review = CASES["the worked example"].review
    assert review
    moderator = review.inclusion.leaf.author
    assert reasons("the worked example") == {
        1: "civic-diary-certificate/2",
        2: CONTENT + SAME,
        3: f"EIP-712, by {ALICE}; its review: EIP-712, by {moderator}",
        4: LEAF + SAME,
        5: "1 hash leads to the root of batch 0" + SAME,
    }


def test_of_a_record_without_a_review() -> None:
    found = reasons("the only record of its batch")
    assert (found[2], found[4]) == (CONTENT, LEAF)
    assert found[5] == "0 hashes lead to the root of batch 0"


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("another text", 2, "record and salt give another commitment"),
        ("another text in the review", 2, "its review: record and salt give another commitment"),
        ("content held back", 2, "content held back or erased; its review: " + CONTENT),
        (
            "content held back",
            4,
            "the same commitment; the rest can't be compared, the content is held back; "
            "its review: " + LEAF,
        ),
        (
            "another time in the review's leaf",
            4,
            "its review: the leaf has another at than the record",
        ),
        ("another time in the review's leaf", 5, "its review: leaf and proof lead to another root"),
        (
            "a review behind its batch",
            5,
            "batch 3 is told twice, with another count; "
            "its review: number 41 is not among those of the batch",
        ),
        ("a proof too short", 5, "leaf and proof lead to another root"),
        (
            "a review with another number",
            5,
            "entry and review have the same number, 40; its review: leaf and proof lead to another root",
        ),
        ("the same batch with another count", 5, "batch 3 is told twice, with another count"),
        ("a later batch, with a gap", 5, "the numbers of batches 0 and 1 don't fit together"),
        (
            "a later batch, in an earlier block",
            5,
            "the blocks of batches 0 and 1 don't fit together",
        ),
        ("a review of no entry", 1, "only an entry has a review"),
        ("a review in another log", 1, "entry and review are in different logs"),
        ("a review on another chain", 1, "entry and review are on different chains"),
    ],
)
def test_why(name: str, number: int, words: str) -> None:
    assert reasons(name)[number] == words


def test_both_parts_can_fail_a_step() -> None:
    whole = CASES["another text in the review"]
    other = CASES["another text"]
    both = Certificate.from_json(whole.to_json() | {"record": other.to_json()["record"]})
    step = steps_alone(both)[1]
    assert step.reason == "record and salt give another commitment" + SAME


def test_what_fails_in_one_part_fails_though_the_other_is_held_back() -> None:
    whole = CASES["another text in the review"].to_json()
    step = steps_alone(Certificate.from_json(whole | {"record": None, "salt": None}))[1]
    assert step.outcome == "failed"
    assert step.reason == "its review: record and salt give another commitment"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("another text in the review", "the review fails step 2"),
        ("a review signed by somebody else", "the review fails step 3"),
        ("another proof of the review", "the review fails step 5"),
        ("a review that rejects", "the review is no approval"),
        ("a witness record as the review", "the review is no approval"),
        ("a review of another entry", "the review is about another entry"),
        ("a review by the entry's author", "the author reviewed their own entry"),
        ("a review that is older than its entry", "the review is older than its entry"),
        ("a review of 301 seconds after its block", "the review is dated later than its block"),
    ],
)
def test_a_review_that_does_not_approve(name: str, words: str) -> None:
    with pytest.raises(StepFailed, match=words):
        check_review(CASES[name])


@pytest.mark.parametrize(
    "name",
    [
        *("the worked example", "a review that reinstates", "a review of the same second"),
        *("a review in the next batch", "a review of 300 seconds after its block"),
        "content held back",
    ],
)
def test_a_review_that_approves(name: str) -> None:
    certificate = CASES[name]
    assert check_review(certificate) is certificate.review


@pytest.mark.parametrize(
    ("name", "outcome", "words"),
    [
        ("witness, frozen", "does not apply", "only entries are reviewed"),
        ("no review", "not asked", "the certificate holds no review"),
    ],
)
def test_no_review_to_ask_for(name: str, outcome: str, words: str) -> None:
    with pytest.raises(StepOpen, match=words) as open_:
        check_review(CASES[name])
    assert open_.value.outcome == outcome


def test_a_record_later_than_its_block() -> None:
    check_time(CASES["a record of 300 seconds after its block"])
    words = "the record is dated later than its block: 2021-09-20 08:00:00 UTC"
    with pytest.raises(StepFailed, match=words):
        check_time(CASES["a record of 301 seconds after its block"])


def test_what_a_check_raises_is_why() -> None:
    def refused() -> str:
        raise RecordError("a record", "none", "Check it.")

    def unasked() -> str:
        raise StepOpen(NOT_ASKED, "not now")

    def without() -> str:
        raise StepOpen(DOES_NOT_APPLY, "not here")

    def silent() -> str:
        raise NodeDown("a node", "silence", "Start it.")

    assert str(take(2, refused)).startswith(
        "2 ✗ failed     content matches the commitment: Expected a"
    )
    assert str(take(9, unasked)) == f"9 – not asked  {STEP_NAMES[8]}: not now"
    assert str(take(8, without)) == f"8 · does not apply  {STEP_NAMES[7]}: not here"
    said = f"6 ? unanswered  {STEP_NAMES[5]}: Expected a node, got silence. Start it."
    assert str(take(6, silent)) == said
