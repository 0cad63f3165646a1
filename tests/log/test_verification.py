"""``kit.verify``: each step passes for what is true, and fails for the forgery that it is there for."""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_abi import encode
from eth_utils import keccak, to_checksum_address

import kit
import kit.chain.history
import kit.diary.diary
import kit.log.contract
from kit import people
from kit.chain import load_artifact
from kit.core import (
    AHEAD_MAX,
    CLAIMED,
    NO_CERTIFICATE,
    Batch,
    Certificate,
    InclusionProof,
    Leaf,
    LogId,
    Record,
    SignedRecord,
    Step,
    Tree,
    Verdict,
    root_from_proof,
    sign,
    slots,
)
from kit.core import STEP_NAMES as NAMES
from kit.core import record as records
from kit.diary import Diary
from kit.errors import CertificateError, ChainError, NodeDown, WrongChain, WrongType
from kit.log import ADMIN_ROLE, MODERATOR_ROLE, Log, verification
from tests.node import Lines

ALICE, BOB, CAROL = people.alice, people.bob, people.carol
MODERATOR, REGISTRAR = people.moderator, people.registrar
NONSENSE = "0x" + "12" * 32
ALL = set(range(1, 10))


def failed(result: Verdict) -> set[int]:
    return {step.number for step in result.steps if step.outcome == "failed"}


def skipped(result: Verdict) -> set[int]:
    """The steps that neither passed nor failed."""
    return {step.number for step in result.steps if step.outcome not in ("passed", "failed")}


def reason(result: Verdict, number: int) -> str:
    return result.steps[number - 1].reason


def flip(value: str, bit: int = 0) -> str:
    raw = bytearray.fromhex(value[2:])
    raw[bit // 8] ^= 1 << bit % 8
    return "0x" + raw.hex()


# --- the sample diary ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> Iterator[Diary]:
    with closing(Diary.open(kit.chain.embedded())) as diary:
        kit.data.fill(diary)
        yield diary


def test_every_sample_certificate(sample: Diary) -> None:
    leaves = sample.leaves()
    contract = sample.log.contract.functions
    certificates = list(sample.certificates())
    assert len(certificates) == len(leaves) > 100
    for certificate, leaf in zip(certificates, leaves, strict=True):
        result = kit.verify(certificate, sample.log, leaves=leaves)
        anchor = certificate.inclusion.batch.anchor
        assert failed(result) == set()
        assert skipped(result) == ({8} if leaf.type == "review" else set())
        assert result.level == "final"
        assert result.place == f"in block {anchor.block_number} of the log {sample.log.log_id}"
        assert result.said == f"final {result.place}"
        assert result.id == certificate.id
        # From its file alone, and held back, and from its QR code.
        texts = (certificate.dumps(), certificate.redacted().dumps(), certificate.compact())
        for text, missing in zip(
            texts, ({6, 7, 8, 9}, {2, 6, 7, 8, 9}, {2, 6, 7, 8, 9}), strict=True
        ):
            alone = kit.verify(text)
            assert (failed(alone), skipped(alone)) == (set(), missing)
            assert alone.level == "consistent"
        # The contract proves the same leaf with the same proof.
        assert certificate.inclusion.leaf == leaf
        proof = [bytes.fromhex(node[2:]) for node in certificate.inclusion.proof]
        asked = certificate.inclusion.batch.number, bytes.fromhex(leaf.hash()[2:]), proof
        assert sample.chain.call(contract.includes(*asked)) is True
        other = 1 if asked[0] == 0 else 0
        assert sample.chain.call(contract.includes(other, *asked[1:])) is False


def test_how_a_result_shows_itself(sample: Diary) -> None:
    certificate = next(sample.certificates())
    result = kit.verify(certificate, sample.log, leaves=sample.leaves())
    member = certificate.inclusion
    anchor = member.batch.anchor
    assert certificate.review is not None
    review = certificate.review.inclusion.leaf
    time = f"{anchor.block_time:%Y-%m-%d %H:%M:%S} UTC"
    on_top = sample.chain.head.number - anchor.block_number
    assert repr(result).splitlines() == [
        certificate.id,
        "1 ✓ passed     format: civic-diary-certificate/2",
        "2 ✓ passed     content matches the commitment: "
        "keccak256(salt ‖ canonical bytes) is the commitment; its review: the same",
        f"3 ✓ passed     the author signed: EIP-712, by {member.leaf.author}; "
        f"its review: EIP-712, by {review.author}",
        "4 ✓ passed     the leaf says the same as the record: "
        "type, author, time, subject and commitment; its review: the same",
        "5 ✓ passed     the leaf is in the batch: 3 hashes lead to the root of batch 0; "
        "its review: the same",
        f"6 ✓ passed     the batch root is in the log: the log that you named, {sample.log.log_id}, "
        f"by its state in block {anchor.block_number}",
        f"7 ✓ passed     the block is on the chain: block {anchor.block_number} of {time}, "
        f"{on_top} on top: final",
        f"8 ✓ passed     a moderator approved it: record {review.seq}, by {review.author}, "
        "a moderator then and in its block",
        "9 ✓ passed     not withdrawn or suspended since: "
        "nothing against it among all 124 records of the log",
        f"final in block {anchor.block_number} of the log {sample.log.log_id}",
    ]
    alone = kit.verify(certificate)
    assert repr(alone).splitlines()[6:] == [
        f"6 – not asked  {NAMES[5]}: no log named; the batch's numbers are claimed",
        f"7 – not asked  {NAMES[6]}: no log named; block, transaction and event are claimed",
        *(f"{n} – not asked  {NAMES[n - 1]}: no log named" for n in (8, 9)),
        "consistent in itself; not asked: "
        + ", ".join(f"{number} {NAMES[number - 1]}" for number in range(6, 10)),
    ]
    told = result.to_json()
    assert json.loads(json.dumps(told)) == told
    assert (told["id"], told["ok"], told["level"]) == (certificate.id, True, result.level)
    assert [step["number"] for step in told["steps"]] == list(range(1, 10))
    assert [step["name"] for step in told["steps"]] == list(NAMES)
    assert {tuple(step) for step in told["steps"]} == {("number", "name", "outcome", "reason")}
    assert (told["claimed"], len(alone.to_json()["claimed"])) == ([], 2 * len(CLAIMED))


@pytest.mark.parametrize(
    "text", ["", "#", "nonsense", "{", "{}", "[]", '{"format": 2}', b"\xff", b""]
)
def test_what_is_no_certificate(text: str | bytes, sample: Diary) -> None:
    log = sample.log
    for result in (kit.verify(text), kit.verify(text, log), kit.verify(text, log, leaves=[])):
        assert (result.id, result.level) == ("no certificate", "failed")
        assert not result.ok
        assert [step.outcome for step in result.steps] == ["failed"] + ["not asked"] * 8
        assert [step.name for step in result.steps] == list(NAMES)
        assert [step.number for step in result.steps] == list(range(1, 10))
        assert reason(result, 1).startswith("Expected ")
        assert {step.reason for step in result.steps[1:]} == {"there is no certificate to check"}
        assert len(repr(result).splitlines()) == 11


def test_json_with_what_an_editor_puts_before_it(still: tuple[Stage, Certificate]) -> None:
    text = still[1].dumps()
    for given in (text, "\n \t" + text, "\ufeff" + text, "\ufeff\r\n" + text):
        assert kit.verify(given) == kit.verify(given.encode()) == kit.verify(still[1])


def test_one_hash_leads_and_more_lead(stage: Stage) -> None:
    entry = stage.entry()
    for count, said in ((1, "0 hashes lead"), (2, "1 hash leads"), (3, "2 hashes lead")):
        others = [stage.entry(f"other {number}", BOB) for number in range(count - 1)]
        member = min(stage.publish(entry, *others), key=lambda m: len(m.proof) != count - 1)
        certificate = Certificate(member, member.leaf.commitment, entry.signature)
        told = reason(kit.verify(certificate), 5)
        assert told == f"{said} to the root of batch {member.batch.number}"


def test_the_numbers_stand_in_the_docstring() -> None:
    text = verification.__doc__ or ""
    for number, word in enumerate(
        ("format", "content", "signature", "leaf", "proof", "log", "block", "review", "since"), 1
    ):
        assert f"\n{number}. {word}" in text


def test_without_a_chain_no_chain_is_loaded(sample: Diary, tmp_path: Path) -> None:
    for number, text in enumerate((next(sample.certificates()).dumps(), "nonsense")):
        path = tmp_path / f"{number}"
        path.write_text(text, encoding="utf-8")
        script = (
            "import sys, pathlib, kit\n"
            "result = kit.verify(pathlib.Path(sys.argv[1]).read_bytes())\n"
            "heavy = {'web3', 'pandas', 'eth_tester', 'matplotlib', 'requests', 'nbclient',"
            " 'kit.chain', 'kit.log.contract'}\n"
            "print(result.level, sorted(heavy & set(sys.modules)))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(kit.__file__).parent.parent,
        )
        assert done.stdout == f"{'failed' if number else 'consistent'} []\n"


# --- a log that anything can be written into -----------------------------------------------------


class Stage:
    """A log whose registrar publishes whatever it is told, true or not."""

    def __init__(self, chain: Any, log: Log | None = None) -> None:
        self.chain = chain
        self.log = log or Log.deploy(chain, by=REGISTRAR)
        self.leaves: list[Leaf] = []
        self.grant(MODERATOR)

    def grant(self, to: Any) -> None:
        self.log.grant(MODERATOR_ROLE, to.address, by=REGISTRAR)

    def revoke(self, of: Any) -> None:
        call = self.log.contract.functions.revokeRole(MODERATOR_ROLE, of.address)
        self.chain.send(call, by=REGISTRAR)

    def sign(self, record: Record, by: Any, salt: str = "") -> SignedRecord:
        fresh = keccak(text=f"salt of {record.canonical().decode()} {salt}")
        committed = records.commitment(record, fresh)
        signed = sign(committed, self.log.log_id, by)
        return SignedRecord(record, fresh, signed)

    def entry(self, text: str = "十人一桌", by: Any = ALICE) -> SignedRecord:
        return self.sign(Record.entry(by.address, self.chain.now(), text, place="泉州"), by)

    def review(
        self, of: SignedRecord, by: Any = MODERATOR, decision: str = "approve", at: Any = None
    ) -> SignedRecord:
        time = at or self.chain.now()
        return self.sign(Record.review(by.address, time, of.commitment, decision), by)

    def withdrawal(self, of: SignedRecord, by: Any) -> SignedRecord:
        body = {"reason": ""}
        return self.sign(
            Record("withdrawal", by.address, self.chain.now(), of.commitment, body), by
        )

    def leaf(self, number: int, signed: SignedRecord) -> Leaf:
        return Leaf.of(self.log.record_count() + number, signed.record, signed.commitment)

    def publish(
        self, *signed: SignedRecord, changed: Callable[[Leaf], Leaf] = lambda leaf: leaf
    ) -> list[InclusionProof]:
        """Publish records in one batch; ``changed`` makes another leaf of the first of them."""
        leaves = [self.leaf(number, x) for number, x in enumerate(signed)]
        leaves[0] = changed(leaves[0])
        tree = Tree(leaf.hash() for leaf in leaves)
        first = self.log.record_count()
        batch = self.log.append(tree.root, first, len(leaves), by=REGISTRAR)
        self.leaves += leaves
        return [InclusionProof(leaf, tuple(tree.proof(leaf.hash())), batch) for leaf in leaves]

    def certificate(self, **more: Any) -> Certificate:
        """An approved entry in a batch of seven, which is not the log's first."""
        if not self.leaves:
            self.publish(self.entry("the first"), self.entry("the second", BOB))
        entry = more.pop("entry", None) or self.entry()
        review = more.pop("review", None) or self.review(entry)
        rest = [self.entry(f"more {number}", CAROL) for number in range(5)]
        return certified(self.publish(entry, review, *rest, **more), entry, review)

    def proven(self, certificate: Certificate) -> Certificate:
        """A certificate with its state proofs."""
        review = certificate.review and self.proven(certificate.review)
        leaf, batch = certificate.inclusion.leaf, certificate.inclusion.batch
        wanted = slots(batch.number, leaf.author if leaf.type == "review" else None)
        proof = self.chain.state_proof(self.log.address, wanted, batch.anchor.block_hash)
        assert proof is not None
        return replace(certificate, review=review, state_proof=proof)

    def verify(self, certificate: Any) -> Verdict:
        """All nine steps; five of them must say the same without a chain."""
        result = kit.verify(certificate, self.log, leaves=self.leaves)
        alone = kit.verify(certificate)
        # Whether content was erased, and not held back, only the table of leaves can say.
        erased = 1 if result.steps[1].reason == "content erased" else 0
        assert alone.steps[erased and 2 : 5] == result.steps[erased and 2 : 5]
        assert [s.outcome for s in alone.steps[:5]] == [s.outcome for s in result.steps[:5]]
        assert result.ok == (result.level in ("consistent", "included", "final"))
        assert (result.level == "failed") == bool(failed(result))
        if failed(result):
            numbers = ", ".join(map(str, sorted(failed(result))))
            assert result.said == f"failed at step {numbers}"
        return result


def certified(
    members: Sequence[InclusionProof], entry: SignedRecord, review: SignedRecord | None = None
) -> Certificate:
    """The certificate of an entry, the first of a batch; the review is the second."""
    made = [
        Certificate(member, x.commitment, x.signature, x.record, x.salt)
        for member, x in zip(members, (entry, review), strict=False)
        if x is not None
    ]
    return replace(made[0], review=made[1] if review else None)


@pytest.fixture
def stage(anvil: Any) -> Stage:
    """A new log, on a chain that other tests use, too. (eth-tester is slow at finding events.)"""
    return Stage(anvil)


@pytest.fixture
def proven(still: tuple[Stage, Certificate]) -> tuple[Stage, Certificate]:
    """The same with state proofs."""
    stage, certificate = still
    return stage, stage.proven(certificate)


@pytest.fixture(scope="module")
def still(anvil: Any) -> tuple[Stage, Certificate]:
    """A log with one good certificate, for tests that publish nothing."""
    stage = Stage(anvil)
    certificate = stage.certificate()
    stage.publish(stage.entry("later"))
    stage.chain.mine(3)
    return stage, certificate


def leaf_of(certificate: Certificate, **changes: Any) -> Certificate:
    member = certificate.inclusion
    return replace(certificate, inclusion=replace(member, leaf=replace(member.leaf, **changes)))


def batch_of(certificate: Certificate, **changes: Any) -> Certificate:
    member = certificate.inclusion
    return replace(certificate, inclusion=replace(member, batch=replace(member.batch, **changes)))


def anchor_of(certificate: Certificate, **changes: Any) -> Certificate:
    anchor = replace(certificate.inclusion.batch.anchor, **changes)
    return batch_of(certificate, anchor=anchor)


def proof_of(certificate: Certificate, proof: Sequence[str]) -> Certificate:
    return replace(certificate, inclusion=replace(certificate.inclusion, proof=tuple(proof)))


def body_of(certificate: Certificate, **changes: Any) -> Certificate:
    record = certificate.record
    assert record is not None
    return replace(certificate, record=replace(record, body={**record.body, **changes}))


def resigned(certificate: Certificate, by: Any, **domain: Any) -> Certificate:
    anchor = certificate.inclusion.batch.anchor
    signature = sign(certificate.commitment, replace(anchor.log_id, **domain), by)
    return replace(certificate, signature=signature)


def test_the_stage_is_honest_when_it_is_told_the_truth(still: tuple[Stage, Certificate]) -> None:
    # Else the forgeries below could fail for another reason.
    stage, certificate = still
    result = stage.verify(certificate)
    assert [step.outcome for step in result.steps] == ["passed"] * 9
    assert certificate.inclusion.batch.number == 1
    assert certificate.inclusion.leaf.seq == 2


# --- forgeries of the certificate alone ----------------------------------------------------------

HALF = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def twin(signature: str) -> str:
    """The other valid signature of the same key: s is the order less s."""
    s = ORDER - int(signature[66:130], 16)
    assert s > HALF
    return signature[:66] + f"{s:064x}" + {"1b": "1c", "1c": "1b"}[signature[130:]]


def another_story(certificate: Certificate) -> Certificate:
    """Another text, with a commitment that fits."""
    told = body_of(certificate, text="二十人一桌")
    assert told.record is not None
    assert told.salt is not None
    return replace(told, commitment=records.commitment(told.record, told.salt))


def another_story_in_the_leaf(certificate: Certificate) -> Certificate:
    told = another_story(certificate)
    return leaf_of(told, commitment=told.commitment)


# name: (the forgery, the steps that fail, a word of the reason for the first of them)
FORGERIES: dict[str, tuple[Callable[[Certificate], Certificate], set[int], str]] = {
    "text": (lambda c: body_of(c, text="二十人一桌"), {2}, "another commitment"),
    "a blank more": (lambda c: body_of(c, text="十人一桌 "), {2}, "another commitment"),
    "place": (lambda c: body_of(c, place="莆田"), {2}, "another commitment"),
    "role": (lambda c: body_of(c, role="official"), {2}, "another commitment"),
    "salt": (lambda c: replace(c, salt=bytes(32)), {2}, "another commitment"),
    "another text and its commitment": (another_story, {3, 4, 8}, "signed by"),
    "the same, in the leaf, too": (another_story_in_the_leaf, {3, 5, 8}, "signed by"),
    "the same, signed by its author": (
        lambda c: resigned(another_story_in_the_leaf(c), ALICE),
        {5, 8},
        "another root",
    ),
    "signed by another": (lambda c: resigned(c, BOB), {3}, f"signed by {BOB.address}, and not by"),
    "signed for another chain": (lambda c: resigned(c, ALICE, chain_id=1), {3}, "signed by"),
    "signed for another log": (
        lambda c: resigned(c, ALICE, contract=people.bob.address),
        {3},
        "signed by",
    ),
    "the signature's twin": (lambda c: replace(c, signature=twin(c.signature)), {3}, "lower s"),
    "a flipped signature": (lambda c: replace(c, signature=flip(c.signature, 99)), {3}, ""),
    "no signature at all": (lambda c: replace(c, signature="0x" + "00" * 65), {3}, "65 bytes"),
    "an unknown recovery id": (
        lambda c: replace(c, signature=c.signature[:-2] + "1d"),
        {3},
        "65 bytes",
    ),
    "the leaf's time": (
        lambda c: leaf_of(c, at=c.inclusion.leaf.at + 1),
        {4, 5, 8},
        "another at than the record",
    ),
    "the leaf's author": (
        lambda c: leaf_of(c, author=BOB.address),
        {3, 4, 5},
        f"and not by {BOB.address}",
    ),
    "the leaf's subject": (lambda c: leaf_of(c, subject=NONSENSE), {4, 5}, "another subject"),
    "the leaf's type": (
        lambda c: leaf_of(c, type="appeal"),
        {1, 4, 5},
        "only an entry has a review",
    ),
    "the leaf's commitment": (
        lambda c: leaf_of(c, commitment=NONSENSE),
        {4, 5},
        "another commitment",
    ),
    "the leaf's number": (lambda c: leaf_of(c, seq=3), {5}, "lead to another root"),
    "a number of another batch": (lambda c: leaf_of(c, seq=0), {5}, "not among those of the batch"),
    "the next batch's number": (lambda c: leaf_of(c, seq=9), {5}, "not among those of the batch"),
    "a redacted leaf": (lambda c: leaf_of(c.redacted(), at=0), {5}, "lead to another root"),
    "the proof in reverse": (
        lambda c: proof_of(c, c.inclusion.proof[::-1]),
        {5},
        "leaf and proof lead to another root",
    ),
    "no proof": (lambda c: proof_of(c, ()), {5}, "another root"),
    "a proof cut off": (lambda c: proof_of(c, c.inclusion.proof[:-1]), {5}, "another root"),
    "a proof without its start": (
        lambda c: proof_of(c, c.inclusion.proof[1:]),
        {5},
        "another root",
    ),
    "a proof with more": (
        lambda c: proof_of(c, (*c.inclusion.proof, NONSENSE)),
        {5},
        "another root",
    ),
    "the review's proof": (
        lambda c: proof_of(c, c.review.inclusion.proof if c.review else ()),
        {5},
        "another root",
    ),
    "another root": (lambda c: batch_of(c, root=NONSENSE), {5, 6}, "lead to another root"),
}

# What only the chain can tell, of a certificate without its review. With it the certificate
# contradicts itself: the review, true as it is, tells another batch or another block.
CLAIMS: dict[str, tuple[Callable[[Certificate], Certificate], set[int], str]] = {
    "an inner node as the root": (lambda c: inner_node_as_root(c), {6}, "another root for batch 1"),
    "a tree of its own": (lambda c: own_tree(c), {6}, "another root for batch 1"),
    "the number of another batch": (
        lambda c: batch_of(c, number=0),
        {6},
        "another root for batch 0",
    ),
    "a batch that is not there": (lambda c: batch_of(c, number=99), {6}, "no batch 99"),
    "a batch that can't be": (lambda c: batch_of(c, number=2**53 - 1), {6}, "the log has no batch"),
    "a shorter batch": (lambda c: batch_of(c, count=6), {6}, "event has another count"),
    "a longer batch": (lambda c: batch_of(c, first_seq=1), {6}, "event has another first_seq"),
    "no such transaction": (
        lambda c: anchor_of(c, transaction_hash=NONSENSE),
        {6},
        "a transaction on this chain",
    ),
    "another event": (
        lambda c: anchor_of(c, log_index=1),
        {6},
        "no BatchAppended event of this log",
    ),
    "the block's number": (
        lambda c: anchor_of(c, block_number=c.inclusion.batch.anchor.block_number + 1),
        {7},
        "has another hash: 0x",
    ),
    "a block to come": (
        lambda c: anchor_of(c, block_number=2**53 - 1),
        {7},
        "a block on this chain",
    ),
    "the block's hash": (
        lambda c: anchor_of(c, block_hash=NONSENSE),
        {6, 7},
        "the transaction stands in block",
    ),
    "the block's time": (
        lambda c: anchor_of(
            c, block_time=c.inclusion.batch.anchor.block_time - timedelta(seconds=1)
        ),
        {7},
        "the block's time is 2021-",
    ),
}


def inner_node_as_root(certificate: Certificate) -> Certificate:
    *proof, _ = certificate.inclusion.proof
    root = root_from_proof(certificate.inclusion.leaf.hash(), proof)
    return batch_of(proof_of(certificate, proof), root=root)


def own_tree(certificate: Certificate) -> Certificate:
    leaf = certificate.inclusion.leaf
    return batch_of(proof_of(certificate, ()), root=leaf.hash(), first_seq=leaf.seq, count=1)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_fails_its_step(name: str, still: tuple[Stage, Certificate]) -> None:
    check_forgery(*still, *FORGERIES[name])


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_fails_its_step(name: str, still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    forge, expected, words = CLAIMS[name]
    check_forgery(stage, replace(certificate, review=None), forge, expected, words)
    check_forgery(stage, certificate, forge, expected | {5}, "batch")


def check_forgery(
    stage: Stage,
    certificate: Certificate,
    forge: Callable[[Certificate], Certificate],
    expected: set[int],
    words: str,
) -> None:
    forged = forge(certificate)
    assert forged != certificate
    result = stage.verify(forged)
    assert failed(result) == expected
    assert words in reason(result, min(expected))
    # Read from text it is the same; and what the chain would tell is not told without it.
    assert kit.verify(forged.dumps()).steps == kit.verify(forged).steps
    alone = kit.verify(forged)
    assert failed(alone) == expected - {6, 7}
    assert (alone.level == "consistent") == (not failed(alone))


def test_every_step_up_to_7_has_a_forgery_of_its_own() -> None:
    made = (FORGERIES | CLAIMS).values()
    assert {min(steps) for _, steps, _ in made if len(steps) == 1} == {2, 3, 5, 6, 7}
    # Step 1 alone: a review of what is no entry, below. Step 4 alone: a registrar's lie, below.


def test_another_block_altogether(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    for number in (1, certificate.inclusion.batch.anchor.block_number + 1):
        block = stage.chain.block(number)
        place = {"block_number": number, "block_hash": block.hash, "block_time": block.time}
        result = stage.verify(anchor_of(replace(certificate, review=None), **place))
        assert failed(result) == {6}
        assert reason(result, 6).startswith("the transaction stands in block ")
        assert result.outcome(7) == "passed"  # that block is on the chain


def test_anything_else_in_memory_is_refused_like_its_text(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    for wrong in (
        leaf_of(certificate, seq=-1),
        leaf_of(certificate, seq=2**53),
        leaf_of(certificate, author=ALICE.address.lower()),
        batch_of(certificate, count=0),
        replace(certificate, salt=None),
        replace(certificate, salt=bytes(31)),
        replace(certificate, salt="0x" + "11" * 32),  # type: ignore[arg-type]
        replace(certificate, signature="0x"),
        review_of(certificate, commitment=NONSENSE),  # the format has no place for these two
        review_of(certificate, review=certificate.review),
        review_of(certificate, record=None, salt=None),
        proof_of(certificate, [NONSENSE] * 11),
    ):
        assert kit.verify(wrong, stage.log).level == "failed"


# --- a registrar who lies ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        ({"at": 5}, {4}, "another at than the record"),
        ({"subject": NONSENSE}, {4}, "another subject than the record"),
        ({"author": BOB.address}, {3, 4}, "another author than the record"),
        ({"commitment": NONSENSE}, {4}, "the leaf has another commitment"),
        ({"type": "witness"}, {4}, "another type than the record"),
        ({"seq": 10**6}, {5}, "number 1000000 is not among those of the batch"),
        ({"seq": 0}, {5}, "number 0 is not among those of the batch"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_leaf_that_was_published_so(
    stage: Stage, change: dict[str, Any], expected: set[int], words: str
) -> None:
    certificate = stage.certificate(changed=lambda leaf: replace(leaf, **change))
    if "type" in change:
        assert failed(stage.verify(certificate)) == {1, 4}
        certificate = replace(certificate, review=None)
    result = stage.verify(certificate)
    assert failed(result) == expected
    assert words in reason(result, max(expected))
    assert {6, 7} <= ALL - failed(result) - skipped(result)  # it is on the chain, and yet


def test_the_content_of_another_record(stage: Stage) -> None:
    # The right commitment and salt, and a record of the same bytes, but told as another's leaf.
    one, two = stage.entry("one"), stage.entry("two", BOB)
    members = stage.publish(one, two)
    swapped = certified([members[1]], one)
    result = stage.verify(swapped)
    assert failed(result) == {3, 4}
    assert reason(result, 4) == "the leaf has another commitment"


# --- another log, another chain ------------------------------------------------------------------


def test_the_same_answers_from_other_code(anvil: Any) -> None:
    artifact = load_artifact("DiaryLog")
    panic = "5f52603260045260245ffd"  # the number of an error that never comes
    assert artifact.bytecode.endswith(panic)
    other = artifact.bytecode.removesuffix(panic) + panic.replace("6032", "6031")
    addresses = (REGISTRAR.address, REGISTRAR.address)
    contract = anvil.deploy(replace(artifact, bytecode=other), *addresses, by=REGISTRAR)
    fake = Stage(anvil, Log(anvil, contract.address))
    certificate = fake.certificate()
    assert kit.verify(certificate).ok
    result = fake.verify(certificate)
    assert failed(result) == {6, 7, 8, 9}
    for number in (6, 7, 8, 9):
        assert f"the code of DiaryLog at {contract.address}, got other code" in reason(
            result, number
        )


def test_a_log_that_is_none(still: tuple[Stage, Certificate], anvil: Any) -> None:
    stage, certificate = still
    storage = anvil.deploy(load_artifact("DiaryStorage"), by=REGISTRAR)
    for address, words in (
        (storage.address, "another contract"),
        (BOB.address, "an address without code"),
        ("0x" + "00" * 20, "an address without code"),
    ):
        forged = resigned(anchor_of(certificate, contract=address), ALICE)
        assert certificate.review is not None
        member = certificate.review.inclusion
        anchor = replace(member.batch.anchor, contract=address)
        member = replace(member, batch=replace(member.batch, anchor=anchor))
        review = replace(certificate.review, inclusion=member)
        commitment = review.inclusion.leaf.commitment
        signature = sign(commitment, LogId(anchor.chain_id, address), MODERATOR)
        forged = replace(forged, review=replace(review, signature=signature))
        assert kit.verify(forged).level == "consistent"
        assert failed(kit.verify(forged, stage.log, leaves=[])) == {6, 7, 8, 9}
        with pytest.raises((ChainError, WrongChain), match=words):  # whoever names it learns it
            kit.log.at(anvil, address)


def test_an_event_of_another_contract(anvil: Any) -> None:
    """The root is in the log; but the transaction that the certificate names is not the log's."""
    one, two = Stage(anvil), Stage(anvil)
    for stage in (one, two):
        stage.publish(stage.entry("the first"))
    entry = one.entry()
    review = one.review(entry)
    certificate = certified(one.publish(entry, review), entry, review)
    (member, _) = two.publish(entry, review)
    own, other = certificate.inclusion.batch, member.batch
    assert (own.root, own.number, own.first_seq) == (other.root, other.number, other.first_seq)
    place = vars(other.anchor) | {"contract": one.log.address}
    result = one.verify(anchor_of(replace(certificate, review=None), **place))
    assert failed(result) == {6}
    assert reason(result, 6) == "the transaction holds no BatchAppended event of this log there"
    assert result.outcome(7) == "passed"
    # The other log's certificate, told of this log: the signatures are for this one.
    assert one.verify(certificate).ok


def test_a_role_event_is_no_batch(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    event = stage.log.contract.events.RoleGranted()
    granted = event.get_logs(from_block=0)[-1]
    block = stage.chain.block(granted["blockNumber"])
    place = {"transaction_hash": granted["transactionHash"].to_0x_hex()}
    place |= {"log_index": granted["logIndex"], "block_hash": block.hash, "block_time": block.time}
    alone = replace(certificate, review=None)
    result = stage.verify(anchor_of(alone, block_number=block.number, **place))
    assert failed(result) == {6}
    assert reason(result, 6) == "the transaction holds no BatchAppended event of this log there"


def test_another_log_than_the_one_that_was_named(chain: Any, anvil: Any) -> None:
    stage = Stage(chain)
    certificate = stage.certificate()
    for named in (Log.deploy(anvil, by=REGISTRAR), Log.deploy(chain, by=REGISTRAR)):
        result = kit.verify(certificate, named, leaves=stage.leaves)
        assert failed(result) == {6, 7, 8, 9}
        words = f"it is of the log {stage.log.log_id}; you named {named.log_id}"
        assert {reason(result, number) for number in (6, 7, 8, 9)} == {words}
        assert result.said == "failed at step 6, 7, 8, 9"
    here = Log.deploy(anvil, by=REGISTRAR)
    claimed = anchor_of(
        certificate, chain_id=anvil.chain_id
    )  # and its review is still of the first
    assert failed(kit.verify(claimed, here)) == {1, 3, 6, 7, 8}
    assert reason(kit.verify(claimed), 1) == "entry and review are on different chains"


def test_a_forger_with_a_log_of_their_own(chain: Any) -> None:
    """The same code, their own moderator: whole in itself, and in their log; not in the one I named."""
    mine = Stage(chain)
    own = Log.deploy(chain, by=CAROL)
    for forger in (REGISTRAR, CAROL):  # who can call themselves whatever they like there
        own.grant(ADMIN_ROLE, forger.address, by=CAROL)
        own.grant(MODERATOR_ROLE, forger.address, by=CAROL)
    theirs = Stage(chain, own)
    entry = theirs.entry("a story that nobody reviewed")
    review = theirs.review(entry, by=CAROL)
    leaves = [theirs.leaf(number, x) for number, x in enumerate((entry, review))]
    tree = Tree(leaf.hash() for leaf in leaves)
    batch = theirs.log.append(tree.root, 0, 2, by=CAROL)
    members = [InclusionProof(x, tuple(tree.proof(x.hash())), batch) for x in leaves]
    forged = certified(members, entry, review)
    assert kit.verify(forged).level == "consistent"
    assert kit.verify(forged, theirs.log, leaves=leaves).level == "final"  # whoever trusts it
    result = kit.verify(forged, mine.log, leaves=mine.leaves)
    assert (result.level, result.ok, failed(result)) == ("failed", False, {6, 7, 8, 9})
    # And told to be of my log, the signatures are for another.
    moved = anchor_of(replace(forged, review=None), contract=mine.log.address)
    assert {3, 6} <= failed(kit.verify(moved, mine.log))


def test_a_chain_is_no_log(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    wrong: Any = stage.chain
    words = r"a log, say diary.log or kit.log.at\(chain, ADDRESS\), .* got an AnvilChain"
    with pytest.raises(WrongType, match=words):
        kit.verify(certificate, wrong)
    named = kit.log.at(stage.chain, stage.log.address)  # as it says
    assert kit.verify(certificate, named).level == "final"


def test_a_block_that_may_still_be_replaced(anvil: Any) -> None:
    chain = kit.chain.connect(anvil.url, finality=2)
    stage = Stage(anvil)
    certificate = stage.certificate()
    log = kit.log.at(chain, stage.log.address)
    block = certificate.inclusion.batch.anchor.block_number
    place = f"in block {block} of the log {log.log_id}"
    for level, more in (("included", ", which may still be replaced"), ("final", "")):
        result = kit.verify(certificate, log, leaves=stage.leaves)
        assert (result.level, result.said) == (level, f"{level} {place}{more}")
        anvil.mine(2)


def test_a_chain_that_was_restarted(chain: Any) -> None:
    before = chain.snapshot()
    stage = Stage(chain)
    certificate = stage.certificate()
    assert stage.verify(certificate).ok
    chain.restore(before)
    result = kit.verify(certificate, stage.log, leaves=stage.leaves)
    assert failed(result) == {6, 7, 8, 9}
    assert "got other code" in reason(result, 6)


def test_a_block_that_lost_its_place(chain: Any) -> None:
    """The chain went another way: the log has the root, in another block."""
    stage = Stage(chain)
    entry = stage.entry()
    review = stage.review(entry)
    before = chain.snapshot()
    first = certified(stage.publish(entry, review), entry, review)
    assert stage.verify(first).ok
    chain.restore(before)
    chain.mine()
    stage.leaves = []
    second = certified(stage.publish(entry, review), entry, review)
    assert second.inclusion.batch.root == first.inclusion.batch.root
    assert stage.verify(second).ok
    result = stage.verify(first)
    assert failed(result) == {6, 7, 8}
    assert "another hash" in reason(result, 7)


# --- step 8: the review --------------------------------------------------------------------------


def review_of(certificate: Certificate, **changes: Any) -> Certificate:
    assert certificate.review is not None
    return replace(certificate, review=replace(certificate.review, **changes))


def review_member(certificate: Certificate, what: str, **changes: Any) -> Certificate:
    """The certificate with something else in its review's leaf, batch or anchor."""
    assert certificate.review is not None
    member = certificate.review.inclusion
    inner = Certificate(member, NONSENSE, "0x")
    changed = {"leaf": leaf_of, "batch": batch_of, "anchor": anchor_of}[what](inner, **changes)
    return review_of(certificate, inclusion=changed.inclusion)


# name: (the forgery, the steps that fail besides 8)
REVIEWS: dict[str, tuple[Callable[[Certificate], Certificate], set[int]]] = {
    "signature": (lambda c: review_of(c, signature=c.signature), {3}),
    "a flipped signature": (lambda c: review_of(c, signature=flip(c.review.signature, 99)), {3}),  # type: ignore[union-attr]
    "salt": (lambda c: review_of(c, salt=bytes(32)), {2}),
    "reason": (lambda c: review_of(c, record=told(c, reason="不同")), {2}),
    "decision": (lambda c: review_of(c, record=told(c, decision="suspend")), {2}),
    "the leaf's time": (lambda c: review_member(c, "leaf", at=5), {4, 5}),
    "the leaf's number": (lambda c: review_member(c, "leaf", seq=4), {5, 9}),
    "the entry's number": (lambda c: review_member(c, "leaf", seq=2), {5, 9}),
    "the leaf's author": (lambda c: review_member(c, "leaf", author=BOB.address), {3, 4, 5}),
    "the leaf's subject": (lambda c: review_member(c, "leaf", subject=NONSENSE), {4, 5}),
    "the leaf's commitment": (
        lambda c: review_of(review_member(c, "leaf", commitment=NONSENSE), commitment=NONSENSE),
        {2, 3, 5},
    ),
    "proof": (
        lambda c: review_of(c, inclusion=replace(c.review.inclusion, proof=())),  # type: ignore[union-attr, type-var]
        {5},
    ),
    "root": (lambda c: review_member(c, "batch", root=NONSENSE), {5}),
}

# Only the chain can tell, if the review stands in another batch than its entry. If it stands in the
# same one, the two contradict each other. The words are those of step 8.
REVIEW_CLAIMS: dict[str, tuple[Callable[[Certificate], Certificate], str]] = {
    "batch": (lambda c: review_member(c, "batch", number=later(c).number + 1), "another root for"),
    "count": (lambda c: review_member(c, "batch", count=later(c).count + 1), "another count"),
    "transaction": (
        lambda c: review_member(c, "anchor", transaction_hash=NONSENSE),
        "a transaction on this chain",
    ),
    "event": (lambda c: review_member(c, "anchor", log_index=3), "no BatchAppended event"),
    "block": (
        lambda c: review_member(c, "anchor", block_number=later(c).anchor.block_number + 1),
        "has another hash",
    ),
    "block hash": (
        lambda c: review_member(c, "anchor", block_hash=NONSENSE),
        "the transaction stands in block",
    ),
    "block time": (
        lambda c: review_member(
            c, "anchor", block_time=later(c).anchor.block_time + timedelta(seconds=1)
        ),
        "the block's time is",
    ),
}


def told(certificate: Certificate, **body: Any) -> Record:
    """The record of a certificate's review, with something else in its body."""
    assert certificate.review
    assert certificate.review.record
    record = certificate.review.record
    return replace(record, body={**record.body, **body})


def later(certificate: Certificate) -> Batch:
    assert certificate.review
    return certificate.review.inclusion.batch


@pytest.fixture(scope="module")
def reinstated(anvil: Any) -> tuple[Stage, Certificate]:
    """A certificate whose review stands two batches behind its entry."""
    stage = Stage(anvil)
    entry = stage.entry()
    certificate = stage.certificate(entry=entry)
    stage.publish(stage.review(entry, decision="suspend"), stage.entry("between"))
    review = stage.review(entry, decision="reinstate")
    (member, _) = stage.publish(review, stage.entry("beside"))
    stage.publish(stage.entry("the last"), stage.entry("the very last"))
    made = Certificate(member, review.commitment, review.signature, review.record, review.salt)
    return stage, replace(certificate, review=made)


def test_a_review_in_a_later_batch(reinstated: tuple[Stage, Certificate]) -> None:
    stage, certificate = reinstated
    assert [step.outcome for step in stage.verify(certificate).steps] == ["passed"] * 9


@pytest.mark.parametrize("name", REVIEWS)
def test_a_forged_review(name: str, still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    forge, steps = REVIEWS[name]
    forged = forge(certificate)
    assert forged != certificate
    result = stage.verify(forged)
    # With another number it is also not the review that stands in the table of leaves.
    assert failed(result) == steps | {8}
    assert reason(result, 8) == f"the review fails step {min(steps)}"
    # No chain is needed to see it.
    alone = kit.verify(forged)
    assert failed(alone) == (steps | {8}) - {9}
    assert alone.said.startswith("failed at step")
    for number in steps - {9}:
        assert "its review: " in reason(alone, number)


@pytest.mark.parametrize("name", REVIEW_CLAIMS)
def test_a_claim_of_a_review(name: str, reinstated: tuple[Stage, Certificate]) -> None:
    stage, certificate = reinstated
    forge, words = REVIEW_CLAIMS[name]
    forged = forge(certificate)
    result = stage.verify(forged)
    assert failed(result) == {8}
    assert words in reason(result, 8)
    assert kit.verify(forged).ok  # anybody can claim it
    assert {f"review.{x}" for x in CLAIMED} <= {*kit.verify(forged).claimed, *result.claimed}


@pytest.mark.parametrize("name", REVIEW_CLAIMS)
def test_a_claim_of_a_review_contradicts_its_entry(
    name: str, still: tuple[Stage, Certificate]
) -> None:
    stage, certificate = still
    forged = REVIEW_CLAIMS[name][0](certificate)
    for result in (stage.verify(forged), kit.verify(forged)):
        assert 5 in failed(result)
        assert reason(result, 5).startswith("batch 1 is told twice, with another ") or (
            name == "batch" and "the numbers of batches 1 and 2" in reason(result, 5)
        )


def test_a_review_in_another_log(still: tuple[Stage, Certificate], stage: Stage) -> None:
    here, certificate = still
    elsewhere = stage.certificate().review
    for review in (elsewhere, review_member(certificate, "anchor", contract=BOB.address).review):
        result = here.verify(replace(certificate, review=review))
        assert failed(result) >= {1, 8}
        assert reason(result, 1) == "entry and review are in different logs"


@pytest.mark.parametrize("decision", ["reject", "suspend"])
def test_a_review_that_is_no_approval(stage: Stage, decision: str) -> None:
    entry = stage.entry()
    certificate = stage.certificate(entry=entry, review=stage.review(entry, decision=decision))
    result = stage.verify(certificate)
    assert failed(result) == {8}
    assert reason(result, 8) == "the review is no approval"


def test_another_record_as_a_review(stage: Stage) -> None:
    entry = stage.entry()
    other = stage.withdrawal(entry, BOB)
    result = stage.verify(stage.certificate(entry=entry, review=other))
    assert failed(result) == {8}
    assert reason(result, 8) == "the review is no approval"


def test_an_approval_of_another_entry(stage: Stage) -> None:
    certificate = stage.certificate(review=stage.review(stage.entry("another")))
    result = stage.verify(certificate)
    assert failed(result) == {8}
    assert reason(result, 8) == "the review is about another entry"


def no_moderator(stage: Stage, certificate: Certificate, who: Any) -> bool:
    result = stage.verify(certificate)
    assert certificate.review
    member = certificate.review.inclusion
    time, block = member.leaf.time, member.batch.anchor.block_number
    at = f"{time:%Y-%m-%d %H:%M:%S} UTC"
    words = f"{who.address} was not a moderator both at {at} and in block {block}"
    return failed(result) == {8} and reason(result, 8) == words


def test_somebody_who_was_never_a_moderator(stage: Stage) -> None:
    for who in (BOB, REGISTRAR):  # also not the admin
        entry = stage.entry(f"for {who.address}")
        review = stage.review(entry, by=who)
        certificate = stage.certificate(entry=entry, review=review)
        assert no_moderator(stage, certificate, who)


def test_the_author_as_the_moderator(stage: Stage) -> None:
    """Nobody decides about their own words, whatever role they have; no chain is needed to see it."""
    stage.grant(ALICE)
    entry = stage.entry()
    certificate = stage.certificate(entry=entry, review=stage.review(entry, by=ALICE))
    for result in (stage.verify(certificate), kit.verify(certificate)):
        assert failed(result) == {8}
        assert reason(result, 8) == "the author reviewed their own entry"


def test_a_review_that_is_older_than_its_entry(stage: Stage) -> None:
    entry = stage.entry()
    for seconds in (1, 3600):
        review = stage.review(entry, at=entry.record.at - timedelta(seconds=seconds))
        certificate = stage.certificate(entry=stage.sign(entry.record, ALICE), review=review)
        for result in (stage.verify(certificate), kit.verify(certificate)):
            assert failed(result) == {8}
            assert reason(result, 8) == "the review is older than its entry"


def test_a_role_that_was_given_later(stage: Stage) -> None:
    entry = stage.entry()
    review = stage.review(entry, by=BOB)
    stage.chain.mine()
    certificate = stage.certificate(entry=entry, review=review)
    stage.grant(BOB)
    assert no_moderator(stage, certificate, BOB)


def test_a_review_dated_to_when_its_author_had_the_role(stage: Stage) -> None:
    """Published before its author had the role, and dated after: its block tells."""
    entry = stage.entry()
    later = stage.chain.now() + timedelta(seconds=AHEAD_MAX)
    review = stage.review(entry, by=BOB, at=later)
    certificate = stage.certificate(entry=entry, review=review)
    stage.grant(BOB)
    stage.chain.mine()
    assert stage.log.was_moderator(BOB.address, later)
    assert no_moderator(stage, certificate, BOB)


def test_a_review_that_is_later_than_its_block(stage: Stage) -> None:
    entry = stage.entry()
    time = stage.chain.now()
    for seconds, expected in ((AHEAD_MAX, set()), (AHEAD_MAX + 13, {8}), (86_400, {8})):
        review = stage.review(entry, at=time + timedelta(seconds=seconds))
        certificate = certified(stage.publish(entry, review), entry, review)
        for result in (kit.verify(certificate, stage.log), kit.verify(certificate)):
            assert failed(result) == expected
            if expected:
                assert reason(result, 8) == "the review is dated later than its block"
        entry = stage.entry(f"{seconds}")
        time = stage.chain.now()


def test_a_record_that_is_later_than_its_block(stage: Stage) -> None:
    """In 2026, say, in a block of 2021. By so much as clocks may differ it may be."""
    for seconds, late in ((0, False), (AHEAD_MAX, False), (AHEAD_MAX + 13, True), (10**8, True)):
        at = stage.chain.now() + timedelta(seconds=seconds)
        entry = stage.sign(Record.entry(ALICE.address, at, f"{seconds}", place="泉州"), ALICE)
        certificate = certified(stage.publish(entry), entry)
        for result in (stage.verify(certificate), kit.verify(certificate)):
            assert failed(result) == ({7} if late else set())
            if late:
                words = f"the record is dated later than its block: {at:%Y-%m-%d %H:%M:%S} UTC"
                assert reason(result, 7) == words
        # Held back it is no younger: the leaf has its time.
        assert failed(kit.verify(certificate.redacted())) == ({7} if late else set())
        claimed = anchor_of(certificate, block_time=at - timedelta(seconds=AHEAD_MAX))
        assert kit.verify(claimed).ok  # a later block can be claimed, and the chain knows better
        if late:
            assert failed(stage.verify(claimed)) == {7}
            assert "the block's time is" in reason(stage.verify(claimed), 7)


def test_a_role_that_was_taken_before(stage: Stage) -> None:
    stage.grant(BOB)
    stage.revoke(BOB)
    entry = stage.entry()
    review = stage.review(entry, by=BOB)
    certificate = stage.certificate(entry=entry, review=review)
    assert no_moderator(stage, certificate, BOB)
    stage.chain.mine()
    stage.grant(BOB)  # and given back too late
    assert no_moderator(stage, certificate, BOB)


def test_a_role_that_was_taken_after(stage: Stage) -> None:
    stage.grant(BOB)
    entry = stage.entry()
    certificate = stage.certificate(entry=entry, review=stage.review(entry, by=BOB))
    stage.chain.mine()
    stage.revoke(BOB)
    assert stage.log.has_role(MODERATOR_ROLE, BOB.address) is False
    result = stage.verify(certificate)
    assert result.outcome(8) == "passed"
    assert failed(result) | skipped(result) == set()


def test_a_role_that_was_taken_in_the_same_second(stage: Stage) -> None:
    """In that second it was held; in the block that anchors the review it was not any more."""
    stage.grant(BOB)
    entry = stage.entry()
    review = stage.review(entry, by=BOB)
    stage.revoke(BOB)
    head = stage.chain.head
    assert review.record.at == head.time
    certificate = stage.certificate(entry=entry, review=review)
    assert no_moderator(stage, certificate, BOB)
    for seconds, held in ((-1, True), (0, True), (1, False)):
        time = head.time + timedelta(seconds=seconds)
        assert stage.log.was_moderator(BOB.address, time) is held
    for block, held in ((head.number - 1, True), (head.number, False), (10**6, False)):
        assert stage.log.was_moderator(BOB.address, review.record.at, block) is held
    assert not stage.log.was_moderator(BOB.address, head.time - timedelta(days=1), head.number - 1)


def test_a_role_that_was_held_in_the_block_and_not_before(stage: Stage) -> None:
    entry = stage.entry()
    review = stage.review(entry, by=BOB)
    stage.chain.mine()
    stage.grant(BOB)
    certificate = stage.certificate(entry=entry, review=review)
    assert no_moderator(stage, certificate, BOB)


def test_a_role_that_was_taken_and_given_again_in_between(stage: Stage) -> None:
    stage.grant(BOB)
    entry = stage.entry()
    review = stage.review(entry, by=BOB)
    stage.chain.mine()
    stage.revoke(BOB)
    stage.grant(BOB)
    certificate = stage.certificate(entry=entry, review=review)
    assert failed(stage.verify(certificate)) | skipped(stage.verify(certificate)) == set()


def test_a_role_in_another_log_is_none_here(stage: Stage, anvil: Any) -> None:
    elsewhere = Stage(anvil)
    elsewhere.grant(BOB)
    entry = stage.entry()
    review = stage.review(entry, by=BOB)
    certificate = stage.certificate(entry=entry, review=review)
    assert no_moderator(stage, certificate, BOB)


def test_no_review(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    result = stage.verify(replace(certificate, review=None))
    assert (failed(result), skipped(result)) == (set(), {8, 9})
    assert reason(result, 8) == "the certificate holds no review"
    assert reason(result, 9) == "the certificate doesn't hold its review, record 3"
    scanned = kit.verify(certificate.compact(), stage.log, leaves=stage.leaves)
    assert (failed(scanned), skipped(scanned)) == (set(), {2, 8, 9})
    anchor = certificate.inclusion.batch.anchor
    assert scanned.said == (
        f"final in block {anchor.block_number} of the log {stage.log.log_id}; not asked: "
        f"2 {NAMES[1]}, 8 {NAMES[7]}, 9 {NAMES[8]}"
    )


def test_only_entries_are_reviewed(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    approval = certificate.review
    assert approval is not None
    result = stage.verify(approval)
    assert (failed(result), skipped(result)) == (set(), {8})
    assert (result.outcome(8), result.level) == ("does not apply", "final")
    assert reason(result, 8) == "only entries are reviewed"
    result = stage.verify(replace(approval, review=approval))
    assert failed(result) == {1, 5}  # and two records can't have one number
    assert reason(result, 1) == "only an entry has a review"


# --- step 9: since then --------------------------------------------------------------------------


def test_no_table_of_leaves(still: tuple[Stage, Certificate]) -> None:
    stage, certificate = still
    result = kit.verify(certificate, stage.log)
    assert (failed(result), skipped(result)) == (set(), {9})
    assert reason(result, 9) == "no table of leaves given; the chain itself holds roots only"
    assert (result.outcome(9), result.level) == ("not asked", "final")


def test_withdrawn_by_its_author(stage: Stage) -> None:
    entry = stage.entry()
    certificate = stage.certificate(entry=entry)
    stage.publish(stage.withdrawal(entry, BOB))
    assert stage.verify(certificate).ok  # others can't withdraw it
    stage.publish(stage.withdrawal(entry, ALICE))
    result = stage.verify(certificate)
    assert failed(result) == {9}
    assert reason(result, 9) == "the author withdrew it, record 10"
    assert stage.verify(certificate.redacted()).steps[1] == Step(
        2, NAMES[1], "not asked", "content erased"
    )
    # Without the review, too; and the level says so though it is on the chain.
    assert failed(stage.verify(certificate.compact())) == {9}
    assert result.said == "failed at step 9"
    # A table in other letters has the same leaves: it can't hide the withdrawal.
    last = stage.leaves[-1]
    for disguise in (
        {"subject": "0x" + last.subject[2:].upper()},
        {"author": last.author.lower()},
        {"author": last.author[2:]},
        {"subject": "0x" + last.subject[2:].upper(), "author": "0x" + last.author[2:].upper()},
    ):
        hidden = replace(last, **disguise)
        assert hidden.hash() == last.hash()
        again = kit.verify(certificate, stage.log, leaves=[*stage.leaves[:-1], hidden])
        assert failed(again) == {9}


@pytest.mark.parametrize("decision", ["suspend", "reject", "reinstate", "approve"])
def test_reviewed_again(stage: Stage, decision: str) -> None:
    # A leaf doesn't say what was decided: whoever checks must ask.
    entry = stage.entry()
    certificate = stage.certificate(entry=entry)
    again = stage.review(entry, decision=decision, at=stage.chain.now() + timedelta(seconds=1))
    stage.publish(stage.entry("else"), again)
    result = stage.verify(certificate)
    assert failed(result) == {9}
    assert reason(result, 9) == "it was reviewed again, record 10: ask what was decided"
    assert failed(stage.verify(certificate.compact())) == {9}
    last = stage.leaves[-1]
    hidden = replace(last, subject="0x" + last.subject[2:].upper())
    assert failed(kit.verify(certificate, stage.log, leaves=[*stage.leaves[:-1], hidden])) == {9}


def test_which_review_let_it_in_is_told_by_the_batches(stage: Stage) -> None:
    """A code holds no review: the last one up to the entry's batch is it, what follows is against it."""
    entry = stage.entry()
    rejected, approved = stage.review(entry, decision="reject"), stage.review(entry, by=BOB)
    (member, *_) = stage.publish(entry, rejected, approved)
    scanned = Certificate(member, entry.commitment, entry.signature).compact()
    assert reason(stage.verify(scanned), 9) == "the certificate doesn't hold its review, record 2"
    # The very next record of the log, the first of another batch, came after it.
    stage.publish(stage.review(entry, decision="suspend"))
    assert reason(stage.verify(scanned), 9).startswith("it was reviewed again, record 3")


def test_an_entry_whose_review_came_after_it(stage: Stage) -> None:
    """As only a registrar without the kit can publish it: the first review is taken for its own."""
    entry = stage.entry()
    (member,) = stage.publish(entry)
    scanned = Certificate(member, entry.commitment, entry.signature).compact()
    stage.publish(stage.review(entry))
    assert reason(stage.verify(scanned), 9) == "the certificate doesn't hold its review, record 1"
    stage.publish(stage.review(entry, decision="suspend"))
    assert reason(stage.verify(scanned), 9).startswith("it was reviewed again, record 2")


def test_what_is_about_another_entry_is_nothing_against_this_one(stage: Stage) -> None:
    entry, other = stage.entry(), stage.entry("another")
    certificate = stage.certificate(entry=entry)
    about = [stage.withdrawal(other, ALICE), stage.review(other)]
    body = {"note": ""}
    witness = Record("witness", BOB.address, stage.chain.now(), entry.commitment, body)
    stage.publish(other, *about, stage.sign(witness, BOB))
    result = stage.verify(certificate)
    assert failed(result) | skipped(result) == set()
    assert reason(result, 9) == "nothing against it among all 13 records of the log"


def test_a_table_that_is_not_the_logs(stage: Stage) -> None:
    entry = stage.entry()
    certificate = stage.certificate(entry=entry)
    stage.publish(stage.withdrawal(entry, ALICE), stage.entry("last"))
    good = stage.leaves
    assert failed(kit.verify(certificate, stage.log, leaves=good)) == {9}
    withdrawal = good[9]
    tables: dict[str, tuple[list[Leaf], str]] = {
        "none": ([], "gaps in batch 0"),
        "without the last batch": (good[:9], "gaps in batch 2"),
        "without the last leaf": (good[:-1], "gaps in batch 2"),
        "without one": (good[:4] + good[5:], "gaps in batch 1"),
        "one twice": (good[:4] + good[3:], "gaps in batch 1"),
        "out of order": ([good[1], good[0], *good[2:]], "gaps in batch 0"),
        "more": ([*good, replace(good[-1], seq=11)], "longer than the log"),
        "the withdrawal as a witness": (
            [*good[:9], replace(withdrawal, type="witness"), good[10]],
            "is not that of batch 2",
        ),
        "of another entry": (
            [*good[:9], replace(withdrawal, subject=NONSENSE), good[10]],
            "is not that of batch 2",
        ),
        "by another": (
            [*good[:9], replace(withdrawal, author=BOB.address), good[10]],
            "is not that of batch 2",
        ),
        "a leaf that can't be": (
            [*good[:9], replace(withdrawal, type="nothing"), good[10]],
            "is not that of batch 2",
        ),
        "a time that can't be": (
            [*good[:9], replace(withdrawal, at=-1), good[10]],
            "is not that of batch 2",
        ),
        "a subject that is no hash": (
            [*good[:9], replace(withdrawal, subject="0x"), good[10]],
            "is not that of batch 2",
        ),
    }
    for name, (table, words) in tables.items():
        result = kit.verify(certificate, stage.log, leaves=table)
        assert (failed(result), skipped(result)) == (set(), {9}), name
        assert words in reason(result, 9), name
        assert "the table of leaves" in reason(result, 9), name
        assert (result.outcome(9), result.level, result.ok) == ("unanswered", "unanswered", False)


# --- nothing in a certificate is beside the point ------------------------------------------------


def scalars(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from scalars(part, (*path, key))
    else:
        yield path


def changes(value: Any) -> list[Any]:
    """Other values that the format allows in the place of one."""
    if isinstance(value, int):
        return [value + 1, max(value - 1, 0), 2**53 - 1]
    if value is None:
        return [NONSENSE]
    if value[:2] == "0x" and len(value) == 42:
        return [BOB.address, "0x" + "00" * 20]
    if value[:2] == "0x":
        return [flip(value, bit) for bit in (0, 4 * len(value) - 9)]
    if value[-1:] == "Z":
        return [records.format_time(records.parse_time(value) + timedelta(seconds=1))]
    if value in records.TYPES:
        return [kind for kind in records.TYPES if kind != value]
    return [value + "x", *records.DECISIONS]


def test_every_value_is_covered_by_a_step(proven: tuple[Stage, Certificate]) -> None:
    stage, certificate = proven
    told = certificate.to_json()
    tried, found = 0, set()
    for path in scalars(told):
        if path[-1] in ("format", "id"):
            continue
        *parents, key = path
        original = told
        for parent in parents:
            original = original[parent]
        for change in changes(original[key]):
            if change == original[key]:
                continue
            forged = certificate.to_json()
            place = forged
            for parent in parents:
                place = place[parent]
            place[key] = change
            for part in filter(None, (forged, forged["review"])):
                place = part["anchor"]
                log_id = f"eip155:{place['chain_id']}:{place['contract']}"
                part["id"] = f"{log_id}/{part['leaf']['seq']}"
            try:
                read = Certificate.from_json(forged)
            except CertificateError:
                continue
            result = kit.verify(read, stage.log)
            assert failed(result), (path, change)
            tried += 1
            found.add(path)
    unread = {path for path in scalars(told) if path not in found}
    assert unread == {  # nothing else is allowed there: it was refused
        ("format",),
        ("id",),
        ("record", "v"),
        ("record", "type"),
        ("record", "subject"),
        ("review", "format"),
        ("review", "id"),
        ("review", "review"),
        ("review", "record", "v"),
        ("review", "record", "type"),
    }
    assert tried > 130


# --- each character, without a chain -------------------------------------------------------------


def with_another_character(text: str, at: int, chance: random.Random) -> str:
    """The text with one character changed to another of its kind: the JSON stays JSON."""
    old = text[at]
    kinds = ("0123456789", "abcdef", "ABCDEF", string.ascii_letters)
    kind = next((kind for kind in kinds if old in kind), "字😀.")
    return text[:at] + chance.choice([c for c in kind if c != old]) + text[at + 1 :]


def differences(one: Any, other: Any, path: str = "") -> Iterator[str]:
    """The places in which two JSON values of the same shape differ."""
    if isinstance(one, dict | list) and type(one) is type(other) and len(one) == len(other):
        keys = one if isinstance(one, dict) else range(len(one))
        for key in keys:
            yield from differences(one[key], other[key], f"{path}.{key}" if path else str(key))
    elif one != other:
        yield path


def spoil(certificate: Certificate, places: Sequence[int], page: Lines) -> Counter[str]:
    """Change the characters at these places, one by one: each is found, or stands in a claim."""
    text, chance = certificate.dumps(), random.Random(9)  # noqa: S311
    changed = [with_another_character(text, at, chance) for at in places]
    seen: Counter[str] = Counter()
    for one, found in zip(changed, page.ask_all([{"text": x} for x in changed]), strict=True):
        result = kit.verify(one)
        assert found["outcomes"] == [step.outcome for step in result.steps], one
        assert found["claimed"] == list(result.claimed)
        if failed(result):
            seen["refused" if result.id == NO_CERTIFICATE else "failed"] += 1
            continue
        (path,) = differences(json.loads(text), json.loads(one))
        assert path in result.claimed
        seen[path] += 1
    return seen


@pytest.fixture(scope="module")
def page() -> Iterator[Lines]:
    lines = Lines("check.mjs")
    yield lines
    lines.close()


def letters(text: str, start: int = 0) -> list[int]:
    return [at for at in range(start, len(text)) if text[at] not in ' \n"{}[]:,']


@pytest.mark.parametrize("kind", ["still", "proven", "reinstated"])
def test_a_changed_character_is_found_or_claimed(
    kind: str, page: Lines, request: pytest.FixtureRequest
) -> None:
    _, certificate = request.getfixturevalue(kind)
    text, chance = certificate.dumps(), random.Random()  # noqa: S311
    seen = spoil(certificate, chance.sample(letters(text, text.index('"review"')), 250), page)
    seen += spoil(certificate, chance.sample(letters(text), 50), page)
    assert min(seen["failed"], seen["refused"]) > 20
    # Where entry and review stand in one batch, neither can claim another place than the other.
    assert kind == "reinstated" or {*seen} == {"failed", "refused"}


@pytest.mark.slow("every character of two certificates: a minute")
@pytest.mark.parametrize("kind", ["still", "reinstated"])
def test_every_changed_character_is_found_or_claimed(
    kind: str, page: Lines, request: pytest.FixtureRequest
) -> None:
    _, certificate = request.getfixturevalue(kind)
    seen = spoil(certificate, letters(certificate.dumps()), page)
    claims = {path for path in seen if "." in path}
    assert claims <= set() if kind == "still" else len(claims) > len(CLAIMED)


# --- each bit, both ways -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "every",
    [11, pytest.param(1, marks=pytest.mark.slow("every bit of a proof, also by the contract"))],
)
def test_every_flipped_bit_is_refused_both_ways(every: int, anvil: Any) -> None:
    """By step 5, and by the contract on the chain."""
    stage = Stage(anvil)
    certificate = stage.certificate()
    member = certificate.inclusion
    leaf, proof, root = member.leaf.hash(), member.proof, member.batch.root
    assert len(proof) in (2, 3)  # of seven leaves, by where its hash falls
    selector = keccak(text="includes(uint256,bytes32,bytes32[])")[:4]

    def on_chain(leaf: str, proof: Sequence[str], batch: int = member.batch.number) -> bool:
        raw = [bytes.fromhex(node[2:]) for node in (leaf, *proof)]  # without web3: 1,000 calls
        data = selector + encode(("uint256", "bytes32", "bytes32[]"), (batch, raw[0], raw[1:]))
        call = {"to": stage.log.address, "data": "0x" + data.hex()}
        answer = anvil.w3.provider.make_request("eth_call", [call, "latest"])
        return {0: False, 1: True}[int(answer["result"], 16)]

    def step_5(forged: Certificate) -> bool:
        return kit.verify(forged).outcome(5) == "passed"

    assert on_chain(leaf, proof)
    assert step_5(certificate)
    for bit in range(0, 256, every):
        assert root_from_proof(flip(leaf, bit), proof) != root
        assert not on_chain(flip(leaf, bit), proof)
        for place in range(len(proof)):
            changed = [*proof[:place], flip(proof[place], bit), *proof[place + 1 :]]
            assert not step_5(proof_of(certificate, changed))
            assert not on_chain(leaf, changed)
        # A log with the flipped root in it doesn't have the leaf either.
        assert not step_5(batch_of(certificate, root=flip(root, bit)))
    count = stage.log.record_count()
    for number, bit in enumerate(range(0, 256, every)):
        batch = stage.log.append(flip(root, bit), count + number, 1, by=REGISTRAR)
        assert not on_chain(leaf, proof, batch.number)
    assert not on_chain(leaf, proof, 0)
    # Each bit of what the leaf's hash is made of.
    fields = {"seq": 53, "at": 37, "author": 160, "subject": 256, "commitment": 256}
    for name, bits in fields.items():
        value = getattr(member.leaf, name)
        for bit in range(bits):
            other: Any = value ^ (1 << bit) if isinstance(value, int) else flip(value, bit)
            if name == "author":
                other = to_checksum_address(other)
            changed_leaf = replace(member.leaf, **{name: other})
            assert changed_leaf.hash() != leaf
            if isinstance(other, str) or other < 253_402_300_800 or name == "seq":
                assert not step_5(leaf_of(certificate, **{name: other}))


def test_an_inner_node_is_no_leaf(still: tuple[Stage, Certificate]) -> None:
    """The contract says yes to an inner node with the rest of its proof, as all such trees do.

    It is no harm, for a certificate can't say it: its leaf is hashed from its fields, twice.
    """
    stage, certificate = still
    member = certificate.inclusion
    first, *rest = member.proof
    node = root_from_proof(member.leaf.hash(), [first])
    asked = [bytes.fromhex(x[2:]) for x in (node, *rest)]
    includes = stage.log.contract.functions.includes
    assert stage.chain.call(includes(member.batch.number, asked[0], asked[1:])) is True
    assert root_from_proof(node, rest) == member.batch.root
    assert failed(stage.verify(proof_of(certificate, rest))) == {5}
    told = certificate.to_json()
    told["leaf"] = node
    assert kit.verify(json.dumps(told), stage.log).level == "failed"
    # The node as what a leaf commits to: hashed again, twice, and nothing the tree holds.
    assert failed(stage.verify(leaf_of(proof_of(certificate, rest), commitment=node))) == {4, 5}


# --- a node of its own ---------------------------------------------------------------------------

SCRIPT = """
import json, pathlib, sys
import kit
log = kit.log.at(kit.chain.connect(sys.argv[1]), sys.argv[2])
for path in sys.argv[3:]:
    print(json.dumps(kit.verify(pathlib.Path(path).read_bytes(), log).to_json()))
"""


def test_from_another_process(anvil: Any, tmp_path: Path) -> None:
    with closing(Diary.open(anvil)) as diary:
        entry = diary.post(ALICE, "你好", place="泉州")
        diary.review(entry, by=MODERATOR, approve=True)
        diary.publish()
        certificate = diary.certificate(entry)
    anchor = certificate.inclusion.batch.anchor
    place = f"in block {anchor.block_number} of the log {certificate.log_id}"
    cases = {
        certificate.dumps(): (set(), {9}, "final"),
        certificate.redacted().dumps(): (set(), {2, 9}, "final"),
        certificate.compact(): (set(), {2, 8, 9}, "final"),
        body_of(certificate, text="再见").dumps(): ({2}, {9}, "failed"),
    }
    files = [tmp_path / str(number) for number in range(len(cases))]
    for file, text in zip(files, cases, strict=True):
        file.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, anvil.url, certificate.log_id.contract, *map(str, files)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(kit.__file__).parent.parent,
    )
    for line, expected in zip(done.stdout.splitlines(), cases.values(), strict=True):
        told = json.loads(line)
        result = Verdict(told["id"], tuple(Step(**step) for step in told["steps"]), told["level"])
        assert (failed(result), skipped(result), result.level) == expected
        assert (result.id, told["place"]) == (certificate.id, place)
        assert told["ok"] == result.ok


def test_hostile_numbers_on_a_real_node(anvil: Any) -> None:
    stage = Stage(anvil)
    certificate = stage.certificate()
    assert stage.verify(certificate).ok
    for most in (0, 2**32, 2**53 - 1):
        for name in ("block_number", "log_index"):
            if getattr(certificate.inclusion.batch.anchor, name) != most:
                alone = replace(certificate, review=None)
                result = kit.verify(anchor_of(alone, **{name: most}), stage.log)
                assert failed(result) == {7 if name == "block_number" else 6}
        assert 6 in failed(kit.verify(batch_of(certificate, number=most), stage.log))
    for edge in ("0x" + "00" * 32, "0x" + "ff" * 32):
        alone = replace(certificate, review=None)
        assert failed(kit.verify(anchor_of(alone, transaction_hash=edge), stage.log)) == {6}
        assert failed(kit.verify(anchor_of(alone, block_hash=edge), stage.log)) == {6, 7}


def test_a_node_that_is_down(anvil: Any) -> None:
    """It says nothing, neither way; what needs no node is told all the same."""
    stage = Stage(anvil)
    certificate = stage.certificate()
    chain: Any = kit.chain.connect(anvil.url)
    log = kit.log.at(chain, stage.log.address)
    chain.w3.provider.endpoint_uri = "http://127.0.0.1:9"
    result = kit.verify(certificate, log, leaves=stage.leaves)
    assert [step.outcome for step in result.steps] == [*["passed"] * 5, *["unanswered"] * 4]
    assert (result.level, result.ok) == ("unanswered", False)
    assert result.said == "unanswered at step 6, 7, 8, 9"
    assert "Is the node running" in reason(result, 6)
    assert {reason(result, n) for n in (7, 8, 9)} == {"the node gave no answer before"}
    assert set(result.claimed) == {*CLAIMED, *(f"review.{name}" for name in CLAIMED)}
    # Without what a step needs beside the node, it was not asked.
    assert kit.verify(certificate, log).outcome(9) == "not asked"
    scanned = kit.verify(certificate.compact(), log)
    assert (scanned.outcome(8), reason(scanned, 8)) == (
        "not asked",
        "the certificate holds no review",
    )
    # What the certificate itself has against a step is against it.
    late = anchor_of(certificate, block_time=kit.chain.START - timedelta(days=1))
    assert {7} <= failed(kit.verify(late, log))
    bad = review_of(certificate, salt=bytes(32))
    assert failed(kit.verify(bad, log)) == {2, 8}


@pytest.mark.parametrize(("method", "first"), [("block", 7), ("call", 6), ("raw_receipt", 6)])
def test_a_node_that_dies_on_the_way(
    method: str, first: int, still: tuple[Stage, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, certificate = still

    def dead(*_: Any) -> None:
        raise NodeDown("a node", "silence", "Start it.")

    monkeypatch.setattr(stage.chain, method, dead)
    result = kit.verify(certificate, stage.log, leaves=stage.leaves)
    silent = {step.number for step in result.steps if step.outcome == "unanswered"}
    assert (failed(result), result.level) == (set(), "unanswered")
    assert silent == set(range(min(silent), 10))
    assert min(silent) <= first
    assert reason(result, min(silent)) == "Expected a node, got silence. Start it."
    assert kit.verify("nonsense", stage.log).level == "failed"


@pytest.mark.parametrize(
    ("step", "number"), [("block_is_there", 7), ("review_is_good", 8), ("log_has_it", 6)]
)
def test_what_needs_no_node_is_told_by_the_step_at_which_it_dies(
    step: str, number: int, still: tuple[Stage, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage, certificate = still

    def dead(_: Any) -> str:
        raise NodeDown("a node", "silence", "Start it.")

    monkeypatch.setattr(verification._OnLog, step, dead)
    late = anchor_of(
        replace(certificate, review=None), block_time=kit.chain.START - timedelta(days=1)
    )
    found = kit.verify(late, stage.log)
    assert (found.outcome(7), found.level) == ("failed", "failed")
    bad = review_of(certificate, salt=bytes(32))
    found = kit.verify(bad, stage.log)
    assert (found.outcome(8), found.level) == ("failed", "failed")
    good = kit.verify(certificate, stage.log)
    assert (good.outcome(number), good.level) == ("unanswered", "unanswered")
    assert reason(good, number) == "Expected a node, got silence. Start it."


def test_a_node_is_asked_for_the_code_and_for_finality_once(
    still: tuple[Stage, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what step 7 says of its block is the level: no later answer is."""
    stage, certificate = still
    asked: list[str] = []

    def code(log: Log) -> None:
        asked.append("code")

    def once(chain: Any, block: int) -> str:
        asked.append("standing")
        if asked.count("standing") > 1:
            raise NodeDown("a node", "silence", "Start it.")
        return "included"

    monkeypatch.setattr(Log, "check_code", code)
    monkeypatch.setattr(verification, "standing", once)
    found = kit.verify(certificate, stage.log, leaves=stage.leaves)
    assert sorted(asked) == ["code", "standing"]
    assert found.level == "included"
    assert reason(found, 7).endswith("on top: included")


def test_a_node_that_does_not_list_events(
    still: tuple[Stage, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As public nodes do with many blocks: it shows nothing, neither way."""
    stage, certificate = still

    def refuse(*_: Any, **__: Any) -> None:
        raise ChainError("a list of events", "too many blocks", "Ask another node.")

    monkeypatch.setattr(kit.chain.history, "read", refuse)
    result = stage.verify(certificate)
    assert (failed(result), skipped(result)) == (set(), {8, 9})
    assert "too many blocks" in reason(result, 8)
    assert result.said == "unanswered at step 8, 9"


def test_a_node_that_contradicts_itself(
    still: tuple[Stage, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By number the block is there; by its hash it is another."""
    stage, certificate = still
    ask = stage.chain.block

    def answer(which: int | str) -> Any:
        return ask(which) if isinstance(which, int) or which == "latest" else ask(1)

    monkeypatch.setattr(stage.chain, "block", answer)
    result = stage.verify(replace(certificate, review=None))
    assert reason(result, 7) == "the block of that hash has another number"
    assert 7 in failed(result)


def test_batches_that_are_equal_but_for_their_place(still: tuple[Stage, Certificate]) -> None:
    stage, _ = still
    batch = stage.log.batches()[0]
    sent = batch.anchor
    assert stage.log.batch_in(sent.transaction_hash, sent.log_index) == batch
    assert stage.log.batch_in(sent.transaction_hash, sent.log_index + 1) is None
    assert isinstance(batch, Batch)


def test_a_node_that_lists_no_events_fails_nothing(
    sample: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Public nodes limit eth_getLogs: what they won't list is not shown, neither way."""

    def limited(*_: Any, **__: Any) -> None:
        raise ChainError("the node to list events", "at most 1000 blocks", "Ask another.")

    certificate = next(sample.certificates())
    leaves = sample.leaves()
    assert kit.verify(certificate, sample.log, leaves=leaves).outcome(8) == "passed"
    monkeypatch.setattr(kit.chain.history, "read", limited)
    result = kit.verify(certificate, sample.log, leaves=leaves)
    outcomes = [step.outcome for step in result.steps]
    assert outcomes == [*["passed"] * 7, "unanswered", "unanswered"]
    assert "at most 1000 blocks" in result.steps[7].reason


def test_what_is_claimed_until_a_chain_confirms_it(stage: Stage) -> None:
    """Own fields by steps 6 and 7 together, those of the review by step 8; whatever the others say."""
    certificate = stage.certificate()
    own, review = set(CLAIMED), {f"review.{name}" for name in CLAIMED}

    def steps(**outcomes: str) -> list[kit.core.Step]:
        passed = {f"step{number}": "passed" for number in range(1, 10)} | outcomes
        return [kit.core.Step(number, "", passed[f"step{number}"], "") for number in range(1, 10)]

    def claimed(**outcomes: str) -> set[str]:
        return set(kit.log.verification._NoLog(certificate).claimed(steps(**outcomes)))

    assert claimed() == set()
    for other in ("step5", "step9"):
        assert claimed(**{other: "unanswered"}) == set()
    assert claimed(step6="unanswered") == claimed(step7="not asked") == own
    assert claimed(step8="not asked") == review


def test_content_that_is_held_back_was_not_erased(stage: Stage) -> None:
    """Step 2 says "erased" of what its author withdrew, and of nothing else."""
    certificate = stage.certificate()
    held = replace(certificate, record=None, salt=None)
    assert reason(stage.verify(held), 2).startswith("content held back or erased")
