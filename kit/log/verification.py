"""``verify``: nine numbered steps from a certificate to the chain. It trusts nothing it is given.

1. format: the certificate is in the format, and its parts are of one log;
2. content: record and salt give the commitment;
3. signature: the author signed the commitment, for this log on this chain;
4. leaf: the leaf says the same as the record;
5. proof: leaf and inclusion proof lead to the batch's root, and no two batches contradict each other;
6. log: the log on the chain holds that root for that batch;
7. block: the block with the batch is on the chain, by number and by hash, and not older than the
   record, but for the minutes that clocks may differ by (``core.AHEAD_MAX``);
8. review: a moderator, who had that role when they reviewed and in the block that holds the review,
   approved or reinstated the entry;
9. since then: it was not withdrawn, and not reviewed again (suspended, say).

Steps 1 to 5 need the certificate alone, and are taken for the review inside it, too (``core/alone.py``);
6 to 9 need a chain. What the certificate itself has against 7 or 8 fails them without one. A chain holds
roots only, so step 9 needs the log's table of leaves, too, which is checked against the roots before
it is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eth_utils import to_checksum_address

from kit.arguments import checked
from kit.core import (
    CLAIMED,
    FAILED,
    PASSED,
    SKIPPED,
    STEP_NAMES,
    Batch,
    Certificate,
    InclusionProof,
    Leaf,
    Step,
    StepFailed,
    StepSkipped,
    Tree,
    Verdict,
    check_review,
    check_time,
    level_of,
    steps_alone,
    take,
)
from kit.errors import CertificateError, ChainError, KitError, NodeDown, ProofError, Reverted
from kit.given import compact_text, decoded
from kit.log.finality import standing

if TYPE_CHECKING:
    from kit.chain import Chain
    from kit.log.contract import Log

__all__ = ["verify"]

_WITHDRAWN: Final = "the author withdrew it"


@checked("certificate", "chain")
def verify(
    certificate: Certificate | str | bytes,
    chain: Chain | None = None,
    *,
    leaves: Sequence[Leaf] | None = None,
) -> Verdict:
    """Check a certificate in nine steps and return what each of them found.

    ``certificate`` is a Certificate, its JSON, or the text of its QR code, also as the link that a
    mail or a chat made of it. With a ``chain`` steps 6
    to 8 are taken, too; with ``leaves``, the log's table of leaves in order, step 9. The steps are
    those at the head of this module. Raises nothing for a bad certificate, and NodeDown only if
    ``chain`` doesn't answer.
    """
    try:
        read = _read(certificate)
    except KitError as error:
        reason = "there is no certificate to check"
        steps = [_step(1, FAILED, str(error)), *(_step(i, SKIPPED, reason) for i in range(2, 10))]
        return Verdict("no certificate", tuple(steps), "not a certificate")
    on = _NoChain(read) if chain is None else _OnChain(read, chain, leaves)
    checks = (on.log_has_it, on.block_is_there, on.review_is_good, on.stands)
    steps = steps_alone(read) + [
        take(number, check) for number, check in enumerate(checks, start=6)
    ]
    withdrawn = steps[8].reason.startswith(_WITHDRAWN)
    if read.record is None and withdrawn and steps[1].outcome == SKIPPED:
        steps[1] = _step(2, SKIPPED, "content erased")
    return Verdict(read.id, tuple(steps), _level(read, steps), _claimed(read, steps))


def _read(certificate: Certificate | str | bytes) -> Certificate:
    if isinstance(certificate, Certificate):
        # Made in memory it may hold what its own format refuses.
        return Certificate.from_json(certificate.to_json())
    if isinstance(certificate, bytes):
        try:
            certificate = decoded(certificate)
        except UnicodeDecodeError as error:
            fix = "Ask for the certificate again, from its source."
            raise CertificateError("text in UTF-8", "other bytes", fix) from error
    if certificate.lstrip("\ufeff \t\r\n").startswith("{"):
        return Certificate.loads(certificate.removeprefix("\ufeff"))
    return Certificate.from_compact(compact_text(certificate))


def _step(number: int, outcome: str, reason: str) -> Step:
    return Step(number, STEP_NAMES[number - 1], outcome, reason)


def _level(certificate: Certificate, steps: Sequence[Step]) -> str:
    if steps[5].outcome == steps[6].outcome == PASSED:
        anchor = certificate.inclusion.batch.anchor
        return level_of(steps, f"proved on chain {anchor.chain_id} at block {anchor.block_number}")
    return level_of(steps, "consistent in itself")


def _claimed(certificate: Certificate, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return the fields that only a chain can confirm, and that none has."""
    log, block, review = (steps[number - 1].outcome == PASSED for number in (6, 7, 8))
    own = () if log and block else CLAIMED
    unconfirmed = certificate.review is not None and not review
    return (*own, *(f"review.{name}" for name in CLAIMED if unconfirmed))


# --- steps 6 to 9 --------------------------------------------------------------------------------


class _NoChain:
    """The steps for which no chain was given: what the certificate has against them, it says alone."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate

    def log_has_it(self) -> str:
        """Step 6."""
        raise StepSkipped("no chain given; the batch's numbers are claimed")

    def block_is_there(self) -> str:
        """Step 7."""
        check_time(self.certificate)
        raise StepSkipped("no chain given; block, transaction and event are claimed")

    def review_is_good(self) -> str:
        """Step 8."""
        check_review(self.certificate)
        raise StepSkipped("no chain given")

    def stands(self) -> str:
        """Step 9."""
        raise StepSkipped("no chain given")


class _OnChain:
    """The steps that ask a chain about one certificate."""

    def __init__(
        self, certificate: Certificate, chain: Chain, leaves: Sequence[Leaf] | None
    ) -> None:
        self.certificate, self.chain, self.leaves = certificate, chain, leaves
        self._log: Log | None = None

    @property
    def log(self) -> Log:
        """The log that the certificate names, if it is one, on the chain that was given."""
        from kit.log.contract import Log  # only with a chain: it needs web3

        named = self.certificate.log_id
        if self.chain.chain_id != named.chain_id:
            raise StepFailed(
                f"it is of chain {named.chain_id}, this is chain {self.chain.chain_id}"
            )
        if self._log is None:
            log = Log(self.chain, named.contract)
            log.check_code()
            self._log = log
        return self._log

    def log_has_it(self) -> str:
        """Step 6."""
        self._anchored(self.certificate.inclusion)
        return f"DiaryLog at {self.log.address}; is that the log you mean?"

    def block_is_there(self) -> str:
        """Step 7."""
        anchor = self.certificate.inclusion.batch.anchor
        self._in_block(self.certificate.inclusion)
        check_time(self.certificate)
        on_top = self.chain.head.number - anchor.block_number
        time = f"{anchor.block_time:%Y-%m-%d %H:%M:%S} UTC"
        stands = standing(self.chain, anchor.block_number)
        return f"block {anchor.block_number} of {time}, {on_top} on top: {stands}"

    def review_is_good(self) -> str:
        """Step 8."""
        review = check_review(self.certificate)
        leaf = review.inclusion.leaf
        self._anchored(review.inclusion)
        self._in_block(review.inclusion)
        # Its author wrote the time of a review; in which block it stands they can't choose later.
        block = review.inclusion.batch.anchor.block_number
        log = self.log
        if not _listed(lambda: log.was_moderator(leaf.author, leaf.time, block)):
            time = f"{leaf.time:%Y-%m-%d %H:%M:%S} UTC"
            raise StepFailed(
                f"{leaf.author} was not a moderator both at {time} and in block {block}"
            )
        return f"record {leaf.seq}, by {leaf.author}, a moderator then and in its block"

    def stands(self) -> str:
        """Step 9."""
        if self.leaves is None:
            raise StepSkipped("no table of leaves given; the chain itself holds roots only")
        self._check_leaves(self.leaves)
        entry = self.certificate.inclusion.leaf
        own = self.certificate.review.inclusion.leaf.seq if self.certificate.review else None
        # However they are written: it doesn't change a leaf's hash.
        about = [x for x in self.leaves if x.subject.lower() == entry.commitment]
        for leaf in about:
            if leaf.type == "withdrawal" and to_checksum_address(leaf.author) == entry.author:
                raise StepFailed(f"{_WITHDRAWN}, record {leaf.seq}")
        reviews = [leaf.seq for leaf in about if leaf.type == "review"]
        if reviews and own is None:
            batch = self.certificate.inclusion.batch
            # What let it into its batch; only what is in later ones can be about a published entry.
            own = max((x for x in reviews if x < batch.first_seq + batch.count), default=reviews[0])
            if reviews[-1] == own:
                raise StepSkipped(f"the certificate doesn't hold its review, record {own}")
        if reviews and own not in reviews:
            raise StepFailed(f"record {own} is no review of it")
        # Those before were overruled: a rejection by the answer to an appeal, say.
        if own is not None and reviews and reviews[-1] > own:
            raise StepFailed(f"it was reviewed again, record {reviews[-1]}: ask what was decided")
        return f"nothing against it among all {len(self.leaves):,} records of the log"

    def _announced(self, batch: Batch) -> Batch | None:
        """Return what the log's event says of a batch, if the transaction has one there."""
        transaction = batch.anchor.transaction_hash
        try:
            return self.log.batch_in(transaction, batch.anchor.log_index)
        except NodeDown:
            raise
        except ChainError as error:
            # A chain repeats no hash that it was asked for: it could be a key. This one is public.
            fix = "Check that this is the chain you mean, and that it was not restarted."
            got = f"{transaction}, which is not there"
            raise ChainError("a transaction on this chain", got, fix) from error

    def _anchored(self, member: InclusionProof) -> None:
        """Raise unless the log has the batch: its root, its numbers, and the event in its receipt."""
        batch = member.batch
        try:
            root = self.log.root(batch.number)
        except Reverted as error:
            raise StepFailed(f"the log has no batch {batch.number}") from error
        if root != batch.root:
            raise StepFailed(f"the log has another root for batch {batch.number}")
        said = self._announced(batch)
        if said is None:
            raise StepFailed("the transaction holds no BatchAppended event of this log there")
        for name in ("number", "root", "first_seq", "count"):
            if getattr(said, name) != getattr(batch, name):
                raise StepFailed(f"the log's event has another {name}")
        if said.anchor.block_hash != batch.anchor.block_hash:
            raise StepFailed(f"the transaction stands in block {said.anchor.block_number}")

    def _in_block(self, member: InclusionProof) -> None:
        anchor = member.batch.anchor
        by_number = self.chain.block(anchor.block_number)
        if by_number.hash != anchor.block_hash:
            raise StepFailed(f"block {anchor.block_number} has another hash: {by_number.hash}")
        if self.chain.block(anchor.block_hash) != by_number:
            raise StepFailed("the block of that hash has another number")
        if by_number.time != anchor.block_time:
            raise StepFailed(f"the block's time is {by_number.time:%Y-%m-%d %H:%M:%S} UTC")

    def _check_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Raise unless these are all leaves of the log, in order."""
        start = 0
        for batch in _listed(self.log.batches):
            part = leaves[start : start + batch.count]
            start += batch.count
            if [leaf.seq for leaf in part] != list(range(batch.first_seq, start)):
                raise StepSkipped(f"the table of leaves has gaps in batch {batch.number}")
            try:
                root = Tree(leaf.hash() for leaf in part).root
            except ProofError:  # a leaf that can't be
                root = ""
            if root != batch.root:
                raise StepSkipped(f"the table of leaves is not that of batch {batch.number}")
        if start != len(leaves):
            raise StepSkipped("the table of leaves is longer than the log")


def _listed(ask: Callable[[], Any]) -> Any:
    """Return an answer from the node's events; a node that won't list them proves nothing."""
    try:
        return ask()
    except NodeDown:
        raise
    except ChainError as error:
        raise StepSkipped(str(error)) from error
