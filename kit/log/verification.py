"""``verify``: nine numbered steps from a certificate to the chain. It trusts nothing it is given.

1. format: the certificate is in the format, and its parts are of one log;
2. content: record and salt give the commitment;
3. signature: the author signed the commitment, for this log on this chain;
4. leaf: the leaf says the same as the record;
5. proof: leaf and inclusion proof lead to the batch's root, and no two batches contradict each other;
6. log: the log that you named holds that root for that batch;
7. block: the block with the batch is on the chain, by number and by hash, and not older than the
   record, but for the minutes that clocks may differ by (``core.AHEAD_MAX``);
8. review: a moderator, who had that role when they reviewed and in the block that holds the review,
   approved or reinstated the entry;
9. since then: it was not withdrawn, and not reviewed again (suspended, say).

Steps 1 to 5 need the certificate alone, and are taken for the review inside it, too (``core/alone.py``);
6 to 9 need the log that you trust, as you name it: anybody can deploy the same contract and be the
moderator there. What the certificate itself has against 6, 7 or 8 fails them without one. A chain holds
roots only, so step 9 needs the log's table of leaves, too, which is checked against the roots before
it is believed.

A certificate with a state proof needs no node for 6 to 8, only the hashes of its block and of its
review's, from wherever you trust them. Where a node is asked, the proof goes before its word: the node
says only which block has that number, and in which the moderator got their role.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from eth_utils import to_checksum_address

from kit import people
from kit.arguments import checked, shown
from kit.core import (
    CLAIMED,
    CONSISTENT,
    FAILED,
    HASH,
    INCLUDED,
    NAMED_BLOCK,
    NO_CERTIFICATE,
    NOT_ASKED,
    PASSED,
    STEP_NAMES,
    UNANSWERED,
    Batch,
    Certificate,
    Leaf,
    LogId,
    Step,
    StepFailed,
    StepOpen,
    Tree,
    Verdict,
    check_review,
    check_state,
    check_time,
    level_of,
    steps_alone,
    take,
)
from kit.errors import (
    CertificateError,
    ChainError,
    KitError,
    NodeDown,
    ProofError,
    Reverted,
    WrongChain,
)
from kit.given import compact_text, decoded
from kit.log.finality import standing

if TYPE_CHECKING:
    from kit.chain import Chain
    from kit.log.contract import Log

__all__ = ["verify"]

_WITHDRAWN: Final = "the author withdrew it"
_UNNAMED: Final = "no log named"


@checked("certificate", "log", "block_hash", "second")
def verify(
    certificate: Certificate | str | bytes,
    log: Log | LogId | None = None,
    *,
    leaves: Sequence[Leaf] | None = None,
    block_hash: str | Sequence[str] = (),
    second: Chain | None = None,
) -> Verdict:
    """Check a certificate in nine steps and return what each of them found.

    ``certificate`` is a Certificate, its JSON, or the text of its QR code, also as the link that a
    mail or a chat made of it. ``log`` is the log that you trust: ``diary.log``, or
    ``kit.log.at(chain, ADDRESS)``. With it steps 6 to 8 are taken, too; with ``leaves``, its table of
    leaves in order, step 9. Without it nothing is above *consistent*.

    ``block_hash`` is the hash of the block that you know to be on the chain, or several: the review's,
    too. With them, and with a state proof in the certificate, steps 6 to 8 need no node: ``log`` may be
    a ``LogId``. ``second`` is another node of the same chain, whose block step 7 compares.

    The steps are those at the head of this module, the levels ``kit.core.LEVELS``. Raises nothing for a
    bad certificate, nor for a node that doesn't answer: then the level is *unanswered*. Raises
    ChainError for what is no hash, or for one without a log; WrongChain for a second node elsewhere.
    """
    hashes = _hashes(block_hash, log)
    _same_chain(log, second)
    try:
        read = _read(certificate)
    except KitError as error:
        reason = "there is no certificate to check"
        steps = [_step(1, FAILED, str(error)), *(_step(i, NOT_ASKED, reason) for i in range(2, 10))]
        return Verdict(NO_CERTIFICATE, tuple(steps), FAILED)
    on: _NoLog | _OnLog
    if log is None:
        on = _NoLog(read)
    elif isinstance(log, LogId):
        on = _OnHashes(read, log, hashes)
    else:
        on = _OnLog(read, log, leaves, hashes, second)
    steps = steps_alone(read) + on.steps()
    withdrawn = steps[8].reason.startswith(_WITHDRAWN)
    if read.record is None and withdrawn and steps[1].outcome == NOT_ASKED:
        steps[1] = _step(2, NOT_ASKED, "content erased")
    reached, place = (
        on.reached() if steps[5].outcome == steps[6].outcome == PASSED else (CONSISTENT, "")
    )
    return Verdict(read.id, tuple(steps), level_of(steps, reached), place, on.claimed(steps))


def _hashes(given: str | Sequence[str], log: object) -> frozenset[str]:
    """Return the hashes of blocks that were given. Raises ChainError."""
    hashes = [given] if isinstance(given, str) else list(given)
    for found in hashes:
        people.need_no_key(found, "the hash of a block")
        if not isinstance(found, str) or not HASH.fullmatch(found.lower()):
            fix = "Copy it from an explorer, or from another node."
            raise ChainError("the hash of a block: 0x and 64 hex digits", shown(found), fix)
    if hashes and log is None:
        fix = "Anybody can deploy such a log: name the one that you trust."
        raise ChainError("a log beside the block's hash", "none", fix)
    return frozenset(found.lower() for found in hashes)


def _same_chain(log: Log | LogId | None, second: Chain | None) -> None:
    """Raise WrongChain unless a second node is one of the log's chain; ChainError without a first one."""
    if second is None:
        return
    if log is None or isinstance(log, LogId):
        raise ChainError(
            "a log on a first node", "a second node alone", "Pass kit.log.at(chain, …)."
        )
    if second.chain_id != log.chain.chain_id:
        got, fix = f"chain {second.chain_id}", "Connect to another node of the same chain."
        raise WrongChain(f"a second node of chain {log.chain.chain_id}", got, fix)


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


# --- steps 6 to 9 --------------------------------------------------------------------------------


class _NoLog:
    """The steps for which no log was named: what the certificate has against them, it says alone."""

    def __init__(self, certificate: Certificate) -> None:
        self.certificate, self.anchor = certificate, certificate.inclusion.batch.anchor

    def steps(self) -> list[Step]:
        """Return steps 6 to 9."""
        checks = (self.log_has_it, self.block_is_there, self.review_is_good, self.stands)
        return [take(number, check) for number, check in enumerate(checks, start=6)]

    def log_has_it(self) -> str:
        """Step 6."""
        check_state(self.certificate)
        raise StepOpen(NOT_ASKED, f"{_UNNAMED}; the batch's numbers are claimed")

    def block_is_there(self) -> str:
        """Step 7."""
        check_time(self.certificate)
        raise StepOpen(NOT_ASKED, f"{_UNNAMED}; block, transaction and event are claimed")

    def review_is_good(self) -> str:
        """Step 8."""
        check_review(self.certificate)
        raise StepOpen(NOT_ASKED, _UNNAMED)

    def stands(self) -> str:
        """Step 9."""
        raise StepOpen(NOT_ASKED, _UNNAMED)

    def reached(self) -> tuple[str, str]:
        """Return the level that steps 6 and 7 reach if they passed, and the place where that holds."""
        return CONSISTENT, ""

    def claimed(self, steps: Sequence[Step]) -> tuple[str, ...]:
        """Return the fields that only a chain can confirm, and that none has."""
        log, block, review = (steps[number - 1].outcome == PASSED for number in (6, 7, 8))
        own = self.unconfirmed if log and block else CLAIMED
        other = self.unconfirmed if review else CLAIMED if self.certificate.review else ()
        return (*own, *(f"review.{name}" for name in other))

    #: What of these passed steps 6 to 8 don't confirm.
    unconfirmed: tuple[str, ...] = ()


class _OnHashes(_NoLog):
    """The steps by state proofs alone: a log was named, and the hashes of blocks; no node is there."""

    #: A state proof shows the log after the block, and not by which transaction of it.
    unconfirmed = ("anchor.transaction_hash", "anchor.log_index")

    def __init__(self, certificate: Certificate, log: LogId, hashes: frozenset[str]) -> None:
        super().__init__(certificate)
        self.log, self.hashes = log, hashes

    def log_has_it(self) -> str:
        """Step 6."""
        _need_same(self.certificate, self.log)
        self._shown(self.certificate)
        return (
            f"the log that you named, {self.log}, by its state in block {self.anchor.block_number}"
        )

    def block_is_there(self) -> str:
        """Step 7."""
        check_time(self.certificate)
        _need_same(self.certificate, self.log)
        _need_named(self.certificate, self.hashes)
        self._shown(self.certificate)
        time = f"{self.anchor.block_time:%Y-%m-%d %H:%M:%S} UTC"
        return f"block {self.anchor.block_number} of {time}, {NAMED_BLOCK}"

    def review_is_good(self) -> str:
        """Step 8."""
        review = check_review(self.certificate)
        _need_same(self.certificate, self.log)
        self._shown(review)
        leaf, block = review.inclusion.leaf, review.inclusion.batch.anchor.block_number
        return f"record {leaf.seq}, by {leaf.author}, a moderator in its block, {block}"

    def stands(self) -> str:
        """Step 9."""
        raise StepOpen(NOT_ASKED, "no node: the log's table of leaves can't be checked")

    def _shown(self, part: Certificate) -> None:
        """Raise unless a state proof shows a part's batch in a block that was named."""
        block = part.inclusion.batch.anchor
        if check_state(part) is None:
            raise StepOpen(NOT_ASKED, "no node, and no state proof in the certificate")
        if block.block_hash not in self.hashes:
            raise StepOpen(
                NOT_ASKED, f"no node, and no hash of block {block.block_number} was given"
            )

    def reached(self) -> tuple[str, str]:
        """Return the level and its place."""
        number = self.anchor.block_number
        return INCLUDED, f"in block {number}, {NAMED_BLOCK}, of the log {self.log}"


class _OnLog(_NoLog):
    """The steps that ask the log that was named, and its chain, about one certificate."""

    def __init__(
        self,
        certificate: Certificate,
        log: Log,
        leaves: Sequence[Leaf] | None,
        hashes: frozenset[str],
        second: Chain | None,
    ) -> None:
        super().__init__(certificate)
        self.log, self.chain, self.leaves = log, log.chain, leaves
        self.hashes, self.second = hashes, second
        #: Where the block of step 7 stands; and whether the log's code was looked at.
        self.standing, self._is_log = "", False

    def steps(self) -> list[Step]:
        """Return steps 6 to 9. A node that was silent once isn't asked again: each wait is long."""
        checks = (self.log_has_it, self.block_is_there, self.review_is_good, self.stands)
        taken: list[Step] = []
        for check, alone in zip(checks, _NoLog(self.certificate).steps(), strict=True):
            silent = any(step.outcome == UNANSWERED for step in taken)
            # What the certificate itself has against a step, or lacks for it, needs no node.
            step = take(alone.number, check) if self._needs_no_node(check) or not silent else alone
            if step is alone and alone.reason.startswith(_UNNAMED):
                step = replace(alone, outcome=UNANSWERED, reason="the node gave no answer before")
            against = step.outcome == UNANSWERED and alone.outcome == FAILED
            taken.append(alone if against else step)
        return taken

    def reached(self) -> tuple[str, str]:
        """Return the level and its place."""
        return self.standing, f"in block {self.anchor.block_number} of the log {self.log.log_id}"

    def _needs_no_node(self, check: Callable[[], str]) -> bool:
        return check == self.stands and self.leaves is None

    def log_has_it(self) -> str:
        """Step 6."""
        self._anchored(self.certificate)
        by = (
            f", by its state in block {self.anchor.block_number}"
            if self.certificate.state_proof
            else ""
        )
        return f"the log that you named, {self.log.log_id}{by}"

    def block_is_there(self) -> str:
        """Step 7."""
        _need_same(self.certificate, self.log.log_id)
        if self.hashes:
            _need_named(self.certificate, self.hashes)
        if self.certificate.state_proof is None:
            self._check_code()
        self._in_block(self.certificate)
        check_time(self.certificate)
        on_top = self.chain.head.number - self.anchor.block_number
        time = f"{self.anchor.block_time:%Y-%m-%d %H:%M:%S} UTC"
        self.standing = standing(self.chain, self.anchor.block_number)
        two = "" if self.second is None else ", the same on two nodes"
        return f"block {self.anchor.block_number} of {time}, {on_top} on top{two}: {self.standing}"

    def review_is_good(self) -> str:
        """Step 8."""
        review = check_review(self.certificate)
        leaf = review.inclusion.leaf
        self._anchored(review)
        self._in_block(review)
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
            raise StepOpen(NOT_ASKED, "no table of leaves given; the chain itself holds roots only")
        _need_same(self.certificate, self.log.log_id)
        self._check_code()
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
                raise StepOpen(NOT_ASKED, f"the certificate doesn't hold its review, record {own}")
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

    def _check_code(self) -> None:
        """Raise WrongChain unless the log's code is a DiaryLog's; it is asked for once."""
        if not self._is_log:
            self.log.check_code()
            self._is_log = True

    def _anchored(self, part: Certificate) -> None:
        """Raise unless the log has the batch: its root, its numbers, and the event in its receipt.

        Code and root are shown by the state proof, if there is one; else by the node's word.
        """
        batch = part.inclusion.batch
        _need_same(part, self.log.log_id)
        if check_state(part) is None:
            self._check_code()
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

    def _in_block(self, part: Certificate) -> None:
        anchor = part.inclusion.batch.anchor
        by_number = self.chain.block(anchor.block_number)
        if by_number.hash != anchor.block_hash:
            raise StepFailed(f"block {anchor.block_number} has another hash: {by_number.hash}")
        if self.chain.block(anchor.block_hash) != by_number:
            raise StepFailed("the block of that hash has another number")
        if by_number.time != anchor.block_time:
            raise StepFailed(f"the block's time is {by_number.time:%Y-%m-%d %H:%M:%S} UTC")
        if (second := self.second) is None:
            return
        other = _listed(lambda: second.block(anchor.block_number).hash)
        if other != anchor.block_hash:
            raise StepFailed(f"the second node has another block {anchor.block_number}: {other}")

    def _check_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Raise unless these are all leaves of the log, in order."""
        start = 0
        for batch in _listed(self.log.batches):
            part = leaves[start : start + batch.count]
            start += batch.count
            if [leaf.seq for leaf in part] != list(range(batch.first_seq, start)):
                raise StepOpen(UNANSWERED, f"the table of leaves has gaps in batch {batch.number}")
            try:
                root = Tree(leaf.hash() for leaf in part).root
            except ProofError:  # a leaf that can't be
                root = ""
            if root != batch.root:
                raise StepOpen(
                    UNANSWERED, f"the table of leaves is not that of batch {batch.number}"
                )
        if start != len(leaves):
            raise StepOpen(UNANSWERED, "the table of leaves is longer than the log")


def _need_same(part: Certificate, named: LogId) -> None:
    """Raise unless a certificate is of the log that was named."""
    if part.log_id != named:
        raise StepFailed(f"it is of the log {part.log_id}; you named {named}")


def _need_named(part: Certificate, hashes: frozenset[str]) -> None:
    """Raise unless a certificate's block is one of those that were named."""
    anchor = part.inclusion.batch.anchor
    if hashes and anchor.block_hash not in hashes:
        named = ", ".join(sorted(hashes))
        raise StepFailed(
            f"block {anchor.block_number} has the hash {anchor.block_hash}; you named {named}"
        )


def _listed(ask: Callable[[], Any]) -> Any:
    """Return an answer from the node's events; a node that won't list them proves nothing."""
    try:
        return ask()
    except NodeDown:
        raise
    except ChainError as error:
        raise StepOpen(UNANSWERED, str(error)) from error
