"""Certificates with state proofs: checked by a block's hash without a node, and before a node's word."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak, to_checksum_address

import kit
from kit import people
from kit.chain import load_artifact
from kit.chain.anvil_chain import AnvilChain
from kit.chain.state import header
from kit.core import (
    LAYOUTS,
    Certificate,
    LogId,
    StateProof,
    StepFailed,
    check_state,
    slots,
)
from kit.diary import Diary
from kit.errors import ChainError, ProofError, WrongChain
from kit.log import MODERATOR_ROLE
from tests.misbehaving import Answer, Ask, Node, Question, Rule, move, result

SECOND = people.named("the second moderator")


@pytest.fixture(scope="module")
def own() -> Iterator[AnvilChain]:
    """A chain that may be reorganised."""
    with kit.chain.anvil() as chain:
        yield chain


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def diary(request: pytest.FixtureRequest) -> Iterator[Diary]:
    """A diary with three batches, and an entry whose last review stands in a later one."""
    with getattr(kit.chain, request.param)() as chain, closing(Diary.open(chain)) as found:
        first = published(found, people.alice)
        published(found, people.bob)
        found.suspend(first, by=people.moderator)
        found.reinstate(first, by=people.moderator)
        found.publish()
        yield found


def published(diary: Diary, author: Any, by: Any = people.moderator) -> Any:
    """An entry that is posted, approved and published."""
    posted = diary.post(author, "十人一桌", place="泉州")
    diary.review(posted, by=by, approve=True)
    diary.publish()
    return posted


def entries(diary: Diary) -> list[Certificate]:
    return [c for c in diary.certificates() if c.inclusion.leaf.type == "entry"]


def block(part: Certificate) -> str:
    return part.inclusion.batch.anchor.block_hash


def hashes(certificate: Certificate) -> list[str]:
    """The hashes of its block and of its review's."""
    return [block(part) for part in (certificate, certificate.review) if part]


# --- without a node ------------------------------------------------------------------------------


def test_each_certificate_has_its_proof(diary: Diary) -> None:
    made = list(diary.certificates())
    assert len(made) > 5
    for certificate in made:
        assert certificate.state_proof
        assert not certificate.review or certificate.review.state_proof
        assert Certificate.loads(certificate.dumps()) == certificate


def test_a_block_s_hash_is_enough(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps 6 to 8, and no node is asked."""
    made = entries(diary)
    assert hashes(made[0])[0] != hashes(made[0])[1]
    monkeypatch.setattr(diary.chain.w3.provider, "make_request", None)
    for certificate in made:
        verdict = kit.verify(certificate, diary.log.log_id, block_hash=hashes(certificate))
        assert verdict.level == "included"
        assert [step.outcome for step in verdict.steps] == ["passed"] * 8 + ["not asked"]
        number = certificate.inclusion.batch.anchor.block_number
        assert verdict.place == f"in block {number}, which you named, of the log {diary.log.log_id}"
        assert verdict.said.startswith(f"included {verdict.place}; not asked: 9 ")
        beside = ("anchor.transaction_hash", "anchor.log_index")
        assert verdict.claimed == (*beside, *(f"review.{name}" for name in beside))


def test_of_the_review_its_own_block(diary: Diary) -> None:
    certificate = entries(diary)[0]
    verdict = kit.verify(certificate, diary.log.log_id, block_hash=block(certificate))
    assert [step.outcome for step in verdict.steps[5:]] == [
        *("passed", "passed", "not asked", "not asked")
    ]
    assert certificate.review
    number = certificate.review.inclusion.batch.anchor.block_number
    assert verdict.steps[7].reason == f"no node, and no hash of block {number} was given"


def test_without_a_hash_nothing_is_above_consistent(diary: Diary) -> None:
    certificate = entries(diary)[0]
    for verdict in (
        kit.verify(certificate),
        kit.verify(certificate, diary.log.log_id),
        kit.verify(
            replace(certificate, state_proof=None, review=None),
            diary.log.log_id,
            block_hash=block(certificate),
        ),
    ):
        assert verdict.level == "consistent"
        assert set(verdict.claimed) >= {"batch.number", "anchor.block_hash"}


def test_a_moderator_who_lost_the_role_before_the_block(chain: Any) -> None:
    moderators = (people.moderator.address, SECOND.address)
    with closing(Diary.open(chain, moderators=moderators)) as diary:
        posted = diary.post(people.alice, "十人一桌", place="泉州")
        diary.review(posted, by=SECOND, approve=True)
        diary.log.revoke(MODERATOR_ROLE, SECOND.address, by=people.registrar)
        diary.publish()
        certificate = diary.certificate(posted)
        number = certificate.inclusion.batch.anchor.block_number
        for verdict in (
            kit.verify(certificate),
            kit.verify(certificate, diary.log.log_id, block_hash=hashes(certificate)),
            kit.verify(certificate, diary.log),
        ):
            assert verdict.outcome(8) == "failed"
            assert verdict.steps[7].reason == f"{SECOND.address} was no moderator in block {number}"


# --- forged --------------------------------------------------------------------------------------


def flips(proof: StateProof) -> Iterator[StateProof]:
    """A state proof with one bit changed, for every bit."""

    def flipped(raw: bytes) -> Iterator[bytes]:
        for bit in range(8 * len(raw)):
            changed = bytearray(raw)
            changed[bit // 8] ^= 1 << bit % 8
            yield bytes(changed)

    for raw in flipped(proof.header):
        yield replace(proof, header=raw)
    for i, node in enumerate(proof.account):
        for raw in flipped(node):
            yield replace(proof, account=(*proof.account[:i], raw, *proof.account[i + 1 :]))
    for i, way in enumerate(proof.storage):
        for j, node in enumerate(way):
            for raw in flipped(node):
                other = (*way[:j], raw, *way[j + 1 :])
                yield replace(proof, storage=(*proof.storage[:i], other, *proof.storage[i + 1 :]))


def refused(part: Certificate, proof: StateProof) -> bool:
    try:
        check_state(replace(part, state_proof=proof))
    except StepFailed:
        return True
    return False


def test_flipped_bits_are_refused(diary: Diary) -> None:
    for certificate in entries(diary):
        for part in (certificate, certificate.review):
            assert part
            assert part.state_proof
            assert not refused(part, part.state_proof)
            every = list(flips(part.state_proof))
            chance = random.Random(14)  # noqa: S311
            assert all(refused(part, proof) for proof in chance.sample(every, 300))


@pytest.mark.slow("every bit of every state proof of a diary: two minutes")
def test_every_flipped_bit_is_refused(diary: Diary) -> None:
    tried = 0
    for certificate in entries(diary):
        for part in (certificate, certificate.review):
            assert part
            assert part.state_proof
            for proof in flips(part.state_proof):
                assert refused(part, proof)
                tried += 1
    assert tried > 50_000


def test_no_part_of_another_certificate(diary: Diary) -> None:
    """A proof of another batch, or of a batch and its review mixed."""
    made = list(diary.certificates())
    of_batch = {c.inclusion.batch.number: c for c in made}
    assert len(of_batch) == 3
    for number, certificate in of_batch.items():
        for other, stranger in of_batch.items():
            if other != number:
                assert stranger.state_proof
                assert refused(certificate, stranger.state_proof)


def test_a_node_that_is_not_needed_is_refused(diary: Diary) -> None:
    certificate = entries(diary)[0]
    proof = certificate.state_proof
    assert proof
    for more in (proof.account[-1], proof.storage[0][-1], b"\x80"):
        assert refused(certificate, replace(proof, account=(*proof.account, more)))
        assert refused(
            certificate, replace(proof, storage=((*proof.storage[0], more), *proof.storage[1:]))
        )


def test_another_contract_s_storage(chain: Any) -> None:
    """It may stand at the slots of a log, and have no log's code."""
    with closing(Diary.open(chain)) as diary:
        published(diary, people.alice)
        certificate = entries(diary)[0]
        artifact = load_artifact("DiaryLog")
        panic = "5f52603260045260245ffd"  # the number of an error that never comes
        other = artifact.bytecode.removesuffix(panic) + panic.replace("6032", "6031")
        registrar = people.registrar
        addresses = (registrar.address, registrar.address)
        fake = chain.deploy(replace(artifact, bytecode=other), *addresses, by=registrar)
        batch = certificate.inclusion.batch
        chain.send(fake.functions.append(batch.root, batch.first_seq, batch.count), by=registrar)
        head = chain.head
        proof = chain.state_proof(fake.address, slots(0), head.hash)
        place = {"contract": fake.address, "block_hash": head.hash, "block_number": head.number}
        anchor = replace(batch.anchor, block_time=head.time, **place)
        forged = replace(
            certificate,
            inclusion=replace(certificate.inclusion, batch=replace(batch, anchor=anchor)),
            state_proof=proof,
            review=None,
        )
        with pytest.raises(StepFailed, match="no DiaryLog's"):
            check_state(forged)


def test_the_code_is_that_of_the_artifact() -> None:
    assert list(LAYOUTS) == ["0x" + keccak(hexstr=load_artifact("DiaryLog").runtime).hex()]


def test_a_forger_s_own_log_by_its_own_block(chain: Any) -> None:
    """All of it is true, in a log that nobody named."""
    with closing(Diary.open(chain)) as mine, closing(Diary.open(chain)) as forger:
        published(forger, people.alice)
        certificate = entries(forger)[0]
        verdict = kit.verify(certificate, mine.log.log_id, block_hash=hashes(certificate))
        assert verdict.level == "failed"
        assert "you named" in verdict.steps[5].reason


# --- with a node ---------------------------------------------------------------------------------


class Lie(Rule):
    """A node with a word of its own about code and roots."""

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        return result("0x" + "11" * 32)


def test_the_proof_goes_before_the_node_s_word(own: AnvilChain) -> None:
    with closing(Diary.open(own)) as diary:
        published(diary, people.alice)
        certificate = entries(diary)[0]
        with Node(own.url) as node:
            log = kit.log.at(kit.chain.connect(node.url), diary.log.address)
            node.rules.append(Lie(about=("eth_call", "eth_getCode")))
            verdict = kit.verify(certificate, log)
            assert verdict.level == "final", verdict
            assert not node.rules[0].happened
            assert verdict.steps[5].reason.endswith(
                f"by its state in block {certificate.inclusion.batch.anchor.block_number}"
            )
            bare = replace(certificate, state_proof=None, review=None)
            assert kit.verify(bare, log).level == "failed"
            assert node.rules[0].happened


def test_a_block_that_was_named_is_asked_of_the_node_too(own: AnvilChain) -> None:
    with closing(Diary.open(own)) as diary:
        published(diary, people.alice)
        certificate = entries(diary)[0]
        assert kit.verify(certificate, diary.log, block_hash=block(certificate)).level == "final"
        other = "0x" + "12" * 32
        verdict = kit.verify(certificate, diary.log, block_hash=other)
        assert (verdict.level, verdict.outcome(7)) == ("failed", "failed")
        assert verdict.steps[6].reason.endswith(f"you named {other}")


class OtherBlock(Rule):
    """A node on a branch of its own."""

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        found = ask(question)
        return result(found.result | {"hash": "0x" + "13" * 32})


def test_two_nodes_are_compared(own: AnvilChain) -> None:
    with closing(Diary.open(own)) as diary:
        published(diary, people.alice)
        certificate = entries(diary)[0]
        with Node(own.url) as node:
            second = kit.chain.connect(node.url)
            verdict = kit.verify(certificate, diary.log, second=second)
            assert verdict.level == "final"
            assert ", the same on two nodes: final" in verdict.steps[6].reason
            node.rules.append(OtherBlock(about=("eth_getBlockByNumber",)))
            verdict = kit.verify(certificate, diary.log, second=second)
            assert (verdict.level, verdict.outcome(7)) == ("failed", "failed")
            assert "the second node has another block" in verdict.steps[6].reason
            node.rules[:] = [Lie(about=("eth_getBlockByNumber",))]  # no block at all
            verdict = kit.verify(certificate, diary.log, second=second)
            assert (verdict.level, verdict.outcome(7)) == ("unanswered", "unanswered")


# --- bad input -----------------------------------------------------------------------------------


def test_what_is_no_hash_is_refused(diary: Diary) -> None:
    certificate = entries(diary)[0]
    key = people.alice.key.hex()
    for wrong in ("0x12", "", "latest", key, "0x" + "g" * 64):
        with pytest.raises(ChainError, match="the hash of a block") as caught:
            kit.verify(certificate, diary.log.log_id, block_hash=wrong)
        assert key[2:10] not in str(caught.value)
    with pytest.raises(ChainError, match="a log beside the block's hash"):
        kit.verify(certificate, block_hash=block(certificate))


def test_a_second_node_needs_a_first_of_its_chain(diary: Diary, anvil: AnvilChain) -> None:
    certificate = entries(diary)[0]
    for log in (None, diary.log.log_id):
        with pytest.raises(ChainError, match="a log on a first node"):
            kit.verify(certificate, log, second=anvil)
    other = LogId(diary.chain.chain_id + 1, diary.log.address)
    assert kit.verify(certificate, other, block_hash=hashes(certificate)).level == "failed"


def test_a_second_node_of_another_chain(chain: Any, anvil: AnvilChain) -> None:
    with closing(Diary.open(chain)) as diary:
        published(diary, people.alice)
        with pytest.raises(WrongChain, match="another node of the same chain"):
            kit.verify(entries(diary)[0], diary.log, second=anvil)


# --- made and kept -------------------------------------------------------------------------------


class NoProofs(Rule):
    """A node that knows no ``eth_getProof``, as many don't, or not of older blocks."""

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        error = {"code": -32601, "message": "the method eth_getProof does not exist"}
        return Answer({"jsonrpc": "2.0", "id": 1, "error": error})


@pytest.fixture
def node(own: AnvilChain) -> Iterator[Node]:
    with Node(own.url) as found:
        yield found


def test_where_the_chain_gives_none_the_certificate_says_so(node: Node) -> None:
    chain = kit.chain.connect(node.url)
    node.rules.append(NoProofs(about=("eth_getProof",)))
    with closing(Diary.open(chain)) as diary:
        published(diary, people.alice)
        certificate = entries(diary)[0]
        assert certificate.state_proof is None
        assert certificate.review
        assert certificate.review.state_proof is None
        assert kit.verify(certificate, diary.log).ok
        verdict = kit.verify(certificate, diary.log.log_id, block_hash=block(certificate))
        assert verdict.level == "consistent"
        assert verdict.steps[5].reason == "no node, and no state proof in the certificate"
        node.rules.clear()
        diary.recover()  # it is asked for again
        assert entries(diary)[0].state_proof


def test_a_refusal_of_one_batch_is_believed_of_older_ones(node: Node) -> None:
    """Else each certificate of a long log would wait for its own."""
    chain = kit.chain.connect(node.url)
    node.rules.append(NoProofs(about=("eth_getProof",)))
    with closing(Diary.open(chain)) as diary:
        for author in (people.alice, people.bob, people.carol):
            published(diary, author)
        before = node.rules[0].happened
        assert [c.state_proof for c in reversed(entries(diary))] == [None] * 3
        assert node.rules[0].happened - before <= 1


def test_it_is_kept(node: Node, tmp_path: Path) -> None:
    """A node that forgot the state of old blocks is not needed for it."""
    chain = kit.chain.connect(node.url)
    file = tmp_path / "diary.sqlite"
    with closing(Diary.open(chain, file)) as diary:
        published(diary, people.alice)
        log = diary.log.address
    node.rules.append(NoProofs(about=("eth_getProof",)))
    with closing(Diary.open(chain, file, log=log)) as diary:
        assert entries(diary)[0].state_proof
        diary.backup(tmp_path / "copy")
    for path in (tmp_path / "copy").rglob("*.sqlite"):
        with closing(Diary.open(chain, path, log=log)) as diary:
            assert entries(diary)[0].state_proof


@pytest.mark.parametrize(
    "text", ["", "{", "{}", '{"batch": {}}', '{"batch": {"header": "0x"}}', "[]"]
)
def test_what_was_damaged_in_the_archive_is_none(chain: Any, text: str) -> None:
    with closing(Diary.open(chain)) as diary:
        published(diary, people.alice)
        with diary.archive.writing():
            diary.archive.execute("UPDATE state_proofs SET proof = ?", text)
        certificate = entries(diary)[0]
        assert certificate.state_proof is None
        assert kit.verify(certificate, diary.log).ok


def test_a_changed_proof_of_the_archive_fails_its_step(chain: Any) -> None:
    with closing(Diary.open(chain)) as diary:
        published(diary, people.alice)
        published(diary, people.bob)
        with diary.archive.writing():
            diary.archive.execute(
                "UPDATE state_proofs SET proof ="
                " (SELECT proof FROM state_proofs ORDER BY number DESC LIMIT 1)"
            )
        assert kit.verify(entries(diary)[0]).level == "failed"


def test_after_a_reorganisation_it_is_made_anew() -> None:
    with kit.chain.anvil(finality=64) as chain, closing(Diary.open(chain)) as diary:
        published(diary, people.alice)
        before = entries(diary)[0]
        move(chain, 1)
        diary.recover()
        after = entries(diary)[0]
        assert block(before) != block(after)
        assert before.state_proof != after.state_proof
        assert kit.verify(after, diary.log, block_hash=block(after)).level == "included"
        assert kit.verify(before, diary.log).level == "failed"


# --- headers and trees ---------------------------------------------------------------------------


def test_a_header_is_written_as_the_chain_hashes_it(own: AnvilChain) -> None:
    told = own.w3.provider.make_request("eth_getBlockByNumber", ["latest", False])["result"]  # type: ignore[arg-type]
    assert "0x" + keccak(header(told)).hex() == told["hash"]
    # A header before the merge has 16 fields, an older one 15: what a later fork brought isn't there.
    later = (
        "withdrawalsRoot",
        "blobGasUsed",
        "excessBlobGas",
        "parentBeaconBlockRoot",
        "requestsHash",
    )
    older = {name: value for name, value in told.items() if name not in later}
    assert len(header(older)) < len(header(told))


def test_what_no_tree_can_be() -> None:
    for header_raw in (b"", b"\x80", b"\xc0", b"\xf8", b"\xc1" * 900, bytes(1000)):
        with pytest.raises(ProofError):
            StateProof(header_raw, (), ()).state(to_checksum_address("0x" + "11" * 20), [])
