"""What others' programs say: OpenZeppelin's trees and ethers, in JavaScript, against the kit.

Each test starts one node process and gives it all its cases, a line each. They are drawn at random,
the same in every run. (RFC 8785's own vectors are in ``test_records.py``.)
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import SignableMessage
from eth_utils import keccak, to_checksum_address

import kit
import kit.diary.diary
from kit import people
from kit.core import (
    TYPES,
    Certificate,
    Leaf,
    LogId,
    Record,
    Tree,
    root_from_proof,
    sign,
    signature_message,
    signer,
)
from kit.core import record as records
from kit.diary import Diary
from kit.errors import SignatureError
from tests.node import run_mjs

HERE = Path(__file__).parents[1] / "independent"
AT = records.parse_time("2021-09-20T08:00:00Z")
EDGES = {
    "uint64": [0, 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**63, 2**64 - 1],
    "bytes32": ["0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "00" * 31 + "01"],
    "address": [to_checksum_address("0x" + "00" * 20), to_checksum_address("0x" + "ff" * 20)],
}


def ask(script: str, cases: Iterable[Any]) -> list[Any]:
    """Give the cases to a script, a line each, and return its answers."""
    lines = [json.dumps(case) for case in cases]
    done = run_mjs(HERE / script, input="\n".join(lines), timeout=60)
    assert done.returncode == 0, done.stderr
    # Not splitlines(): JSON may hold U+2028, which is no end of a line there.
    answers = [json.loads(line) for line in done.stdout.rstrip("\n").split("\n")]
    assert len(answers) == len(lines)
    return answers


def hash_by(chance: random.Random) -> str:
    return "0x" + chance.randbytes(32).hex()


def address_by(chance: random.Random) -> str:
    return to_checksum_address(chance.randbytes(20))


def drawn(chance: random.Random, kind: str) -> Any:
    """A value of one of a leaf's types, now and then an extreme one."""
    if chance.random() < 0.15:
        return chance.choice(EDGES[kind])
    if kind == "uint64":
        return chance.getrandbits(chance.choice((8, 31, 53, 64)))
    return hash_by(chance) if kind == "bytes32" else address_by(chance)


def leaf_by(chance: random.Random, seq: int) -> Leaf:
    return Leaf(
        seq,
        chance.choice(list(TYPES)),
        drawn(chance, "address"),
        drawn(chance, "uint64"),
        drawn(chance, "bytes32"),
        drawn(chance, "bytes32"),
    )


def fields(leaf: Leaf) -> list[str]:
    numbers = str(leaf.seq), str(TYPES[leaf.type])
    return [*numbers, leaf.author, str(leaf.at), leaf.subject, leaf.commitment]


def test_batches_are_openzeppelins_trees() -> None:
    chance = random.Random("batches")  # noqa: S311
    batches: list[list[Leaf]] = []
    for count in (1, 1, 2, 2, 3, 3, 3, 9, 9, 9, 64, 64, 1000, 1024):
        first = drawn(chance, "uint64") % (2**64 - count)
        batches.append([leaf_by(chance, first + number) for number in range(count)])
    answers = ask("trees.mjs", [[fields(leaf) for leaf in batch] for batch in batches])
    proved = 0
    for batch, answer in zip(batches, answers, strict=True):
        hashes = [leaf.hash() for leaf in batch]
        assert hashes == answer["hashes"]
        tree = Tree(hashes)
        assert tree.root == answer["root"]
        assert ["0x" + node.hex() for node in tree._nodes] == answer["nodes"]
        for leaf, proof in zip(hashes, answer["proofs"], strict=True):
            assert tree.proof(leaf) == proof
            assert root_from_proof(leaf, proof) == answer["root"]
            proved += 1
    assert proved == 2 + 4 + 9 + 27 + 128 + 1000 + 1024


def message_digest(message: SignableMessage) -> str:
    return "0x" + keccak(b"\x19" + message.version + message.header + message.body).hex()


def test_signatures_are_those_of_ethers() -> None:
    chance = random.Random("signatures")  # noqa: S311
    chain_ids = [1, 10, 31337, 20210921, 11155111, 2**32, 2**53 - 1]
    cases: list[dict[str, str]] = []
    for number in range(150):
        key = chance.randbytes(32)
        account = Account.from_key(key)
        commitment = EDGES["bytes32"][number] if number < 3 else hash_by(chance)
        contract = EDGES["address"][number] if number < 2 else address_by(chance)
        chain_id = chain_ids[number] if number < len(chain_ids) else chance.getrandbits(50) + 1
        cases.append(
            {
                "commitment": commitment,
                "chainId": str(chain_id),
                "contract": contract,
                "signature": sign(commitment, LogId(chain_id, contract), account),
                "key": "0x" + key.hex(),
            }
        )
    for case, answer in zip(cases, ask("signatures.mjs", cases), strict=True):
        log = LogId(int(case["chainId"]), case["contract"])
        address = Account.from_key(case["key"]).address
        assert answer["signer"] == answer["address"] == address
        message = signature_message(case["commitment"], log)
        assert answer["digest"] == message_digest(message)
        assert answer["separator"] == "0x" + bytes(message.header).hex()
        # Both make them without a random number (RFC 6979): it is even the same signature.
        assert answer["signature"] == case["signature"]
        assert signer(case["commitment"], answer["signature"], log) == address
        # And what ethers signed for this log is nobody's, or another's, for any other.
        for other in (
            replace(log, chain_id=log.chain_id + 1),
            replace(log, contract=people.bob.address),
        ):
            try:
                assert signer(case["commitment"], answer["signature"], other) != address
            except SignatureError:
                continue


@pytest.fixture(scope="module")
def sample() -> Sequence[Certificate]:
    """The sample certificates, from their texts."""
    with closing(Diary.open(kit.chain.embedded())) as diary:
        kit.data.fill(diary)
        return [Certificate.loads(certificate.dumps()) for certificate in diary.certificates()]


def records_of_all_types(chance: random.Random) -> list[Record]:
    """One of each type, with what is hard to write down: quotes, controls, emoji, large numbers."""
    hard = '"quoted" \\ back/slash\n\ttab é 泉州 👨‍👩‍👧 \u2028\u2029'
    named = {"€": 1, "1": 2**53 - 1, "😀": -(2**53) + 1, "ö": 0, "z": -7, "<>&": 8}
    picture = {"name": "图.png", "media_type": "image/png", "size": 9, "sha256": hash_by(chance)}
    bodies: dict[str, dict[str, Any]] = {
        "entry": {"text": hard, "place": "泉州", "role": "x", "attachments": [picture] * 3},
        "review": {"decision": "reject", "reason_code": "r-1", "reason": hard},
        "witness": {"note": ""},
        "withdrawal": {"reason": hard},
        "appeal": {"text": hard},
        "bulletin": {
            "source": hard,
            "as_of": "2021-09-20T08:00:00Z",
            "figures": named,
        },
    }
    return [
        Record(kind, address_by(chance), AT, None if kind == "entry" else hash_by(chance), body)
        for kind, body in bodies.items()
    ]


def test_commitments_are_those_of_ethers(sample: Sequence[Certificate]) -> None:
    chance = random.Random("commitments")  # noqa: S311
    cases: list[dict[str, Any]] = []
    expected: list[tuple[str, str]] = []
    for certificate in sample:
        told = certificate.to_json()
        for part in (told, told["review"]):
            if part:
                cases.append({"record": part["record"], "salt": part["salt"]})
                record = Record.from_json(part["record"])
                expected.append((record.canonical().decode(), part["leaf"]["commitment"]))
    for record in records_of_all_types(chance):
        salt = chance.randbytes(32)
        shuffled = list(record.to_json().items())
        chance.shuffle(shuffled)
        cases.append({"record": dict(shuffled), "salt": "0x" + salt.hex()})
        commitment = records.commitment(record, salt)
        expected.append((record.canonical().decode(), commitment))
    assert len(cases) > 124 + 62
    assert {case["record"]["type"] for case in cases} == set(TYPES)
    found = ask("commitments.mjs", cases)
    assert [(x["canonical"], x["commitment"]) for x in found] == expected


def test_the_samples_leaves_and_signatures(sample: Sequence[Certificate]) -> None:
    """The certificates as others read them: every batch rebuilt, every signature recovered."""
    batches: dict[int, list[Certificate]] = {}
    for certificate in sample:
        batches.setdefault(certificate.inclusion.batch.number, []).append(certificate)
    asked = [[fields(c.inclusion.leaf) for c in batch] for batch in batches.values()]
    for batch, answer in zip(batches.values(), ask("trees.mjs", asked), strict=True):
        for certificate, proof in zip(batch, answer["proofs"], strict=True):
            assert certificate.inclusion.batch.root == answer["root"]
            assert list(certificate.inclusion.proof) == proof
    cases = [
        {
            "commitment": certificate.commitment,
            "chainId": str(certificate.log_id.chain_id),
            "contract": certificate.log_id.contract,
            "signature": certificate.signature,
            "key": "0x" + "01" * 32,
        }
        for certificate in sample
    ]
    signers = [answer["signer"] for answer in ask("signatures.mjs", cases)]
    assert signers == [certificate.inclusion.leaf.author for certificate in sample]
