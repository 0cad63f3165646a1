"""What a certificate shows alone: steps 1 to 5 of ``verify``, and what of 7 and 8 needs no chain.

A certificate carries up to two records, each with its signature, its leaf and its proof: its own, and
the review of it. Steps 2 to 5 are taken for both, and a step fails if it fails for one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kit.arguments import checked
from kit.core.certificate import FORMAT, Certificate
from kit.core.check import LATER, is_later, leaf_difference
from kit.core.merkle import contradiction, root_from_proof
from kit.core.rules import EntryState
from kit.core.signature import signer
from kit.core.state_proof import LAYOUTS, ProvedState, slots
from kit.core.verdict import (
    DOES_NOT_APPLY,
    FAILED,
    NOT_ASKED,
    PASSED,
    STEP_NAMES,
    UNANSWERED,
    Step,
)
from kit.errors import KitError, NodeDown, NotAllowed, ProofError

__all__ = [
    "StepFailed",
    "StepOpen",
    "check_review",
    "check_state",
    "check_time",
    "steps_alone",
    "take",
]

#: From which state a decision lets an entry stand.
_APPROVES: Final = {"approve": "waiting", "reinstate": "suspended"}


class StepFailed(Exception):
    """A step failed, for a reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class StepOpen(Exception):
    """A step neither passed nor failed: it was not asked, has no answer, or does not apply."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@checked("number", "check", "name")
def take(number: int, check: Callable[[], str], name: str = "") -> Step:
    """Take one step: ``check`` returns why it passed, or raises what is against it.

    Without a ``name`` it is a step of ``verify``.

    What StepFailed or one of the kit's errors says is why it failed, what StepOpen says why it is open.
    A node that doesn't answer says nothing, neither way: the step is unanswered.

    >>> print(take(1, lambda: "as it should be"))
    1 ✓ passed     format: as it should be
    """
    try:
        outcome, reason = PASSED, check()
    except NodeDown as down:
        outcome, reason = UNANSWERED, str(down)
    except StepOpen as still:
        outcome, reason = still.outcome, str(still)
    except (StepFailed, KitError) as failed:
        outcome, reason = FAILED, str(failed)
    return Step(number, name or STEP_NAMES[number - 1], outcome, reason)


@checked("certificate")
def steps_alone(certificate: Certificate) -> list[Step]:
    """Return steps 1 to 5 of a certificate."""
    checks = (_content, _signature, _leaf, _proof)
    of_each = [_of_each(number, check, certificate) for number, check in enumerate(checks, start=2)]
    return [take(1, lambda: _format(certificate)), *of_each]


def _of_each(number: int, check: Callable[[Certificate], str], certificate: Certificate) -> Step:
    """Take one step of the record and of the review that the certificate holds."""
    own = take(number, lambda: check(certificate))
    review = certificate.review
    if review is None:
        return own
    other = take(number, lambda: check(review))
    said = "the same" if other.reason == own.reason else other.reason
    told = [(own.outcome, own.reason), (other.outcome, f"its review: {said}")]
    outcome = max((own.outcome, other.outcome), key=(PASSED, NOT_ASKED, FAILED).index)
    reasons = [reason for each, reason in told if outcome in (each, NOT_ASKED)]
    return Step(number, own.name, outcome, "; ".join(reasons))


def _format(certificate: Certificate) -> str:
    """Step 1. Reading it was most of it; here its parts are compared."""
    review = certificate.review
    if review and certificate.inclusion.leaf.type != "entry":
        raise StepFailed("only an entry has a review")
    if review and review.log_id.contract != certificate.log_id.contract:
        raise StepFailed("entry and review are in different logs")
    if review and review.log_id != certificate.log_id:
        raise StepFailed("entry and review are on different chains")
    return FORMAT


def _content(part: Certificate) -> str:
    """Step 2."""
    if (signed := part.signed) is None:
        raise StepOpen(NOT_ASKED, "content held back or erased")
    if signed.commitment != part.commitment:
        raise StepFailed("record and salt give another commitment")
    return "keccak256(salt ‖ canonical bytes) is the commitment"


def _signature(part: Certificate) -> str:
    """Step 3."""
    author = part.inclusion.leaf.author
    found = signer(part.commitment, part.signature, part.log_id)
    if found != author:
        raise StepFailed(f"signed by {found}, and not by {author}")
    return f"EIP-712, by {author}"


def _leaf(part: Certificate) -> str:
    """Step 4."""
    leaf = part.inclusion.leaf
    if leaf.commitment != part.commitment:
        raise StepFailed("the leaf has another commitment")
    if part.record is None:
        return "the same commitment; the rest can't be compared, the content is held back"
    if name := leaf_difference(leaf, part.record):
        raise StepFailed(f"the leaf has another {name} than the record")
    return "type, author, time, subject and commitment"


def _proof(part: Certificate) -> str:
    """Step 5. What two parts of one certificate tell of the log must fit together, too."""
    member, review = part.inclusion, part.review
    batch = member.batch
    if not batch.first_seq <= member.leaf.seq < batch.first_seq + batch.count:
        raise StepFailed(f"number {member.leaf.seq} is not among those of the batch")
    if root_from_proof(member.leaf.hash(), member.proof) != batch.root:
        raise StepFailed("leaf and proof lead to another root")
    if review and review.log_id == part.log_id:
        if review.inclusion.leaf.seq == member.leaf.seq:
            raise StepFailed(f"entry and review have the same number, {member.leaf.seq}")
        if fault := contradiction(batch, review.inclusion.batch):
            raise StepFailed(fault)
    hashes = len(member.proof)
    leads = "hash leads" if hashes == 1 else "hashes lead"
    return f"{hashes} {leads} to the root of batch {batch.number}"


@checked("certificate")
def check_time(certificate: Certificate) -> None:
    """Check what of step 7 needs no chain: that the record isn't later than its block. Raises StepFailed.

    The block's time is as the certificate states it; whether it is true, only a chain can say.
    """
    if is_later(certificate.inclusion.leaf, certificate.inclusion.batch.anchor.block_time):
        raise StepFailed(
            f"the record is {LATER}: {certificate.inclusion.leaf.time:%Y-%m-%d %H:%M:%S} UTC"
        )


@checked("part")
def check_state(part: Certificate) -> ProvedState | None:
    """Return what the state proof of a certificate, or of the review inside, shows; None without one.

    Raises StepFailed unless it shows this batch, in a log of known code, in the block that
    the certificate states: then whoever vouches for that block's hash needs no node. Of a review the
    last of its values is whether its author was a moderator when the block was over.
    """
    if part.state_proof is None:
        return None
    leaf, batch, anchor = part.inclusion.leaf, part.inclusion.batch, part.inclusion.batch.anchor
    reviewer = leaf.author if leaf.type == "review" else None
    try:
        state = part.state_proof.state(anchor.contract, slots(batch.number, reviewer))
    except ProofError as error:
        fault = "the state proof doesn't lead from its header to the log's storage"
        raise StepFailed(fault) from error
    if state.block_hash != anchor.block_hash:
        raise StepFailed(f"the header is that of another block: {state.block_hash}")
    if (state.block_number, state.time) != (anchor.block_number, anchor.block_time.timestamp()):
        raise StepFailed("the header has another number or time than is stated")
    if state.code_hash not in LAYOUTS:
        raise StepFailed("the code at the log's address is no DiaryLog's")
    count, root, end, *more = state.values
    if count <= batch.number or root != int(batch.root, 16):
        raise StepFailed(
            f"in that block the log has another root for batch {batch.number}, or none"
        )
    first = more[0] if batch.number else 0
    if (first, end) != (batch.first_seq, batch.first_seq + batch.count):
        raise StepFailed(f"in that block batch {batch.number} has records {first} to {end - 1}")
    return state


@checked("certificate")
def check_review(certificate: Certificate) -> Certificate:
    """Return the review inside, after all of step 8 that needs no chain: that it approves the entry.

    Raises StepFailed for one that doesn't, StepOpen where there is none to ask for.
    """
    entry, review = certificate.inclusion.leaf, certificate.review
    if entry.type != "entry":
        raise StepOpen(DOES_NOT_APPLY, "only entries are reviewed")
    if review is None:
        raise StepOpen(NOT_ASKED, "the certificate holds no review")
    if wrong := next((x for x in steps_alone(review) if x.outcome == FAILED), None):
        raise StepFailed(f"the review fails step {wrong.number}")
    leaf, record = review.inclusion.leaf, review.record
    decision = record.body.get("decision") if record else None
    if decision not in _APPROVES:
        raise StepFailed("the review is no approval")
    if record and record.subject != certificate.commitment:
        raise StepFailed("the review is about another entry")
    try:
        EntryState(entry.author, _APPROVES[decision]).check(decision, leaf.author, moderator=True)
    except NotAllowed as error:
        raise StepFailed("the author reviewed their own entry") from error
    if leaf.at < entry.at:
        raise StepFailed("the review is older than its entry")
    if is_later(leaf, review.inclusion.batch.anchor.block_time):
        raise StepFailed(f"the review is {LATER}")
    if (state := check_state(review)) and not state.values[-1]:
        raise StepFailed(f"{leaf.author} was no moderator in block {state.block_number}")
    return review
