"""``verify``: nine numbered steps from a certificate to the chain. It trusts nothing it is given.

1. format: the certificate is in the format, and its parts fit together;
2. content: record and salt give the commitment;
3. signature: the author signed the commitment, for this log on this chain;
4. leaf: the leaf says the same as the record;
5. proof: leaf and inclusion proof lead to the batch's root;
6. log: the log on the chain holds that root for that batch;
7. block: the block with the batch is on the chain, by number and by hash;
8. review: a moderator, who had that role when they reviewed, approved or reinstated the entry;
9. since then: it was not withdrawn, and not reviewed again (suspended, say).

Steps 1 to 5 need the certificate alone; 6 to 9 need a chain. A chain holds roots only, so step 9
needs the log's table of leaves, too, which is checked against the roots before it is believed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from eth_utils import to_checksum_address

from kit.arguments import checked
from kit.core import (
    FAILED,
    FORMAT,
    PASSED,
    SKIPPED,
    STEP_NAMES,
    Batch,
    Certificate,
    InclusionProof,
    Leaf,
    Step,
    Tree,
    Verdict,
    leaf_difference,
    level_of,
    root_from_proof,
    signer,
)
from kit.errors import CertificateError, ChainError, KitError, NodeDown, ProofError, Reverted
from kit.given import compact_text, decoded

if TYPE_CHECKING:
    from kit.chain import Chain
    from kit.log.contract import Log

__all__ = ["verify"]

_WITHDRAWN: Final = "the author withdrew it"


class _Failed(Exception):
    """A step failed."""


class _Skipped(Exception):
    """A step could not be taken."""


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
    checks: list[Callable[[], str]] = [
        lambda: _format(read),
        lambda: _content(read),
        lambda: _signature(read),
        lambda: _leaf(read),
        lambda: _proof(read.inclusion),
    ]
    if chain is None:
        checks += [_no_chain] * 4
    else:
        on = _OnChain(read, chain, leaves)
        checks += [on.log_has_it, on.block_is_there, on.review_is_good, on.stands]
    steps = [_take(number, check) for number, check in enumerate(checks, start=1)]
    if read.record is None and steps[8].reason.startswith(_WITHDRAWN):
        steps[1] = _step(2, SKIPPED, "content erased")
    return Verdict(read.id, tuple(steps), _level(read, steps))


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


def _take(number: int, check: Callable[[], str]) -> Step:
    try:
        outcome, reason = PASSED, check()
    except NodeDown:
        raise
    except _Skipped as skipped:
        outcome, reason = SKIPPED, str(skipped)
    except (_Failed, KitError) as failed:
        outcome, reason = FAILED, str(failed)
    return _step(number, outcome, reason)


def _step(number: int, outcome: str, reason: str) -> Step:
    return Step(number, STEP_NAMES[number - 1], outcome, reason)


def _level(certificate: Certificate, steps: Sequence[Step]) -> str:
    if steps[5].outcome == steps[6].outcome == PASSED:
        anchor = certificate.inclusion.batch.anchor
        return level_of(steps, f"proved on chain {anchor.chain_id} at block {anchor.block_number}")
    return level_of(steps, "consistent in itself")


# --- steps 1 to 5: the certificate alone ---------------------------------------------------------


def _format(certificate: Certificate) -> str:
    """Step 1. Reading it was most of it; here its parts are compared."""
    review = certificate.review
    if review and certificate.inclusion.leaf.type != "entry":
        raise _Failed("only an entry has a review")
    if review and review.log_id.contract != certificate.log_id.contract:
        raise _Failed("entry and review are in different logs")
    if review and review.log_id != certificate.log_id:
        raise _Failed("entry and review are on different chains")
    return FORMAT


def _content(certificate: Certificate) -> str:
    """Step 2."""
    if (signed := certificate.signed) is None:
        raise _Skipped("content held back or erased")
    if signed.commitment != certificate.commitment:
        raise _Failed("record and salt give another commitment")
    return "keccak256(salt ‖ canonical bytes) is the commitment"


def _signature(certificate: Certificate) -> str:
    """Step 3."""
    author = certificate.inclusion.leaf.author
    found = signer(certificate.commitment, certificate.signature, certificate.log_id)
    if found != author:
        raise _Failed(f"signed by {found}, and not by {author}")
    return f"EIP-712, by {author}"


def _leaf(certificate: Certificate) -> str:
    """Step 4."""
    leaf = certificate.inclusion.leaf
    if leaf.commitment != certificate.commitment:
        raise _Failed("the leaf has another commitment")
    if certificate.record is None:
        return "the same commitment; the rest can't be compared, the content is held back"
    if name := leaf_difference(leaf, certificate.record):
        raise _Failed(f"the leaf has another {name} than the record")
    return "type, author, time, subject and commitment"


def _proof(member: InclusionProof) -> str:
    """Step 5."""
    batch = member.batch
    if not batch.first_seq <= member.leaf.seq < batch.first_seq + batch.count:
        raise _Failed(f"number {member.leaf.seq} is not among those of the batch")
    if root_from_proof(member.leaf.hash(), member.proof) != batch.root:
        raise _Failed("leaf and proof lead to another root")
    hashes = len(member.proof)
    leads = "hash leads" if hashes == 1 else "hashes lead"
    return f"{hashes} {leads} to the root of batch {batch.number}"


# --- steps 6 to 9: the chain ---------------------------------------------------------------------


def _no_chain() -> str:
    raise _Skipped("no chain given")


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
            raise _Failed(f"it is of chain {named.chain_id}, this is chain {self.chain.chain_id}")
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
        on_top = self.chain.head.number - anchor.block_number
        time = f"{anchor.block_time:%Y-%m-%d %H:%M:%S} UTC"
        return f"block {anchor.block_number} of {time}, {on_top} on top"

    def review_is_good(self) -> str:
        """Step 8."""
        if self.certificate.inclusion.leaf.type != "entry":
            raise _Skipped("only entries are reviewed")
        review = self.certificate.review
        if review is None:
            raise _Skipped("the certificate holds no review")
        leaf = review.inclusion.leaf
        _check_review(review, self.certificate.commitment)
        self._anchored(review.inclusion)
        self._in_block(review.inclusion)
        # Its author wrote the time of a review; that of its block can't be set to a later day.
        time = min(leaf.time, review.inclusion.batch.anchor.block_time)
        log = self.log
        if not _listed(lambda: log.was_moderator(leaf.author, time)):
            raise _Failed(f"{leaf.author} was no moderator at {time:%Y-%m-%d %H:%M:%S} UTC")
        return f"record {leaf.seq}, by {leaf.author}, a moderator at that time"

    def stands(self) -> str:
        """Step 9."""
        if self.leaves is None:
            raise _Skipped("no table of leaves given; the chain itself holds roots only")
        self._check_leaves(self.leaves)
        entry = self.certificate.inclusion.leaf
        own = self.certificate.review.inclusion.leaf.seq if self.certificate.review else None
        # However they are written: it doesn't change a leaf's hash.
        about = [x for x in self.leaves if x.subject.lower() == entry.commitment]
        for leaf in about:
            if leaf.type == "withdrawal" and to_checksum_address(leaf.author) == entry.author:
                raise _Failed(f"{_WITHDRAWN}, record {leaf.seq}")
        reviews = [leaf.seq for leaf in about if leaf.type == "review"]
        if reviews and own is None:
            batch = self.certificate.inclusion.batch
            # What let it into its batch; only what is in later ones can be about a published entry.
            own = max((x for x in reviews if x < batch.first_seq + batch.count), default=reviews[0])
            if reviews[-1] == own:
                raise _Skipped(f"the certificate doesn't hold its review, record {own}")
        if reviews and own not in reviews:
            raise _Failed(f"record {own} is no review of it")
        # Those before were overruled: a rejection by the answer to an appeal, say.
        if own is not None and reviews and reviews[-1] > own:
            raise _Failed(f"it was reviewed again, record {reviews[-1]}: ask what was decided")
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
            raise _Failed(f"the log has no batch {batch.number}") from error
        if root != batch.root:
            raise _Failed(f"the log has another root for batch {batch.number}")
        said = self._announced(batch)
        if said is None:
            raise _Failed("the transaction holds no BatchAppended event of this log there")
        for name in ("number", "root", "first_seq", "count"):
            if getattr(said, name) != getattr(batch, name):
                raise _Failed(f"the log's event has another {name}")
        if said.anchor.block_hash != batch.anchor.block_hash:
            raise _Failed(f"the transaction stands in block {said.anchor.block_number}")

    def _in_block(self, member: InclusionProof) -> None:
        anchor = member.batch.anchor
        by_number = self.chain.block(anchor.block_number)
        if by_number.hash != anchor.block_hash:
            raise _Failed(f"block {anchor.block_number} has another hash: {by_number.hash}")
        if self.chain.block(anchor.block_hash) != by_number:
            raise _Failed("the block of that hash has another number")
        if by_number.time != anchor.block_time:
            raise _Failed(f"the block's time is {by_number.time:%Y-%m-%d %H:%M:%S} UTC")

    def _check_leaves(self, leaves: Sequence[Leaf]) -> None:
        """Raise unless these are all leaves of the log, in order."""
        start = 0
        for batch in _listed(self.log.batches):
            part = leaves[start : start + batch.count]
            start += batch.count
            if [leaf.seq for leaf in part] != list(range(batch.first_seq, start)):
                raise _Skipped(f"the table of leaves has gaps in batch {batch.number}")
            try:
                root = Tree(leaf.hash() for leaf in part).root
            except ProofError:  # a leaf that can't be
                root = ""
            if root != batch.root:
                raise _Skipped(f"the table of leaves is not that of batch {batch.number}")
        if start != len(leaves):
            raise _Skipped("the table of leaves is longer than the log")


def _listed(ask: Callable[[], Any]) -> Any:
    """Return an answer from the node's events; a node that won't list them proves nothing."""
    try:
        return ask()
    except NodeDown:
        raise
    except ChainError as error:
        raise _Skipped(str(error)) from error


def _check_review(review: Certificate, commitment: str) -> None:
    """Raise unless a review, taken alone, approves the entry with this commitment."""
    signed = review.signed
    if signed is None or signed.record.body.get("decision") not in ("approve", "reinstate"):
        raise _Failed("the review is no approval")
    if signed.record.subject != commitment:
        raise _Failed("the review is about another entry")
    differs = leaf_difference(review.inclusion.leaf, signed.record)
    if differs or signed.commitment != review.commitment:
        raise _Failed("the review's leaf differs from its record")
    _signature(review)
    _proof(review.inclusion)
