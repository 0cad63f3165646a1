"""Write the test vectors of the formats: the files beside this one, from the kit.

    python tests/vectors/make.py

Every key, salt and time in them is fixed, so the files are the same in every run; a test compares
them with what this writes, so that no format changes without a file that changes. ``docs/format.md``
says what each file is for. ``format_1.json`` and ``merkle_tree.json`` are not written here: other
programs computed them, once. The six records of the former are the first cases of the new files.
"""

from __future__ import annotations

import base64
import copy
import json
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import cbor2
from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from kit import people
from kit.chain import embedded
from kit.core import (
    TYPES,
    Anchor,
    Batch,
    Certificate,
    InclusionProof,
    Leaf,
    LogId,
    Record,
    SignedRecord,
    Tree,
    compact,
    merkle,
    sign,
    signature_message,
    signer,
)
from kit.core import record as records
from kit.diary import Diary
from kit.errors import KitError
from kit.log import MODERATOR_ROLE, verification

HERE = Path(__file__).parent
FROZEN = json.loads((HERE / "format_1.json").read_text("utf-8"))
CHAIN_ID, CONTRACT = FROZEN["chain_id"], FROZEN["contract"]
LOG = LogId(CHAIN_ID, CONTRACT)
BLOCK_TIME = datetime(2021, 9, 20, 16, tzinfo=UTC)
SALT = bytes(range(32))
SUBJECT = FROZEN["records"][0]["commitment"]
PEOPLE = {p.address: p for p in (people.alice, people.bob, people.carol, people.moderator)} | {
    people.registrar.address: people.registrar
}
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # of secp256k1

LEAF = ["uint64", "uint8", "address", "uint64", "bytes32", "bytes32"]

EntryState = dict[str, Any]


def file_text(value: Any) -> str:
    """JSON for people; what can't be seen, or could be normalised on its way, is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=1) + "\n"
    hidden = ("Cc", "Cf", "Cs", "Mn", "Zl", "Zp")
    return "".join(
        json.dumps(c)[1:-1] if c != "\n" and unicodedata.category(c) in hidden else c for c in text
    )


def changed(value: Any, *path: Any, to: Any) -> Any:
    """A deep copy of a JSON value in which the part at the path is another."""
    value = copy.deepcopy(value)
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = to
    return value


def without(value: Any, *path: Any) -> Any:
    """A deep copy of a JSON value without the part at the path."""
    value = copy.deepcopy(value)
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    del inside[path[-1]]
    return value


# --- records, commitments, signatures ------------------------------------------------------------


def record(type: str, body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A record of alice's as JSON."""
    subject = None if type in ("entry", "bulletin") else SUBJECT
    told = {"v": 1, "type": type, "author": people.alice.address, "at": "2021-09-20T08:00:00Z"}
    return told | {"subject": subject, "body": body} | changes


def entry(**changes: Any) -> dict[str, Any]:
    """An entry of alice's as JSON; the changes are of its body."""
    return record(
        "entry", {"text": "你好", "place": "泉州", "role": "resident", "attachments": []} | changes
    )


def picture(**changes: Any) -> dict[str, Any]:
    told = {"name": "a.png", "media_type": "image/png", "size": 9, "sha256": "0x" + "0a" * 32}
    return told | changes


def bulletin(figures: Any, as_of: str = "2021-09-20T00:00:00Z") -> dict[str, Any]:
    return record("bulletin", {"source": "press", "as_of": as_of, "figures": figures})


def good_records() -> dict[str, dict[str, Any]]:
    """Records that the format allows, by name: one of each type, then the edges."""
    return {f"{x['record']['type']}, frozen": x["record"] for x in FROZEN["records"]} | {
        "the longest text": entry(text="字" * 5000),
        "a text of more than one line": entry(text="one\n\ttwo"),
        "characters beyond 16 bits count once": entry(place="😀" * 80),
        "what has no width, among letters": entry(text="👩\u200d🌾 \u202egnorw\u202c"),
        "quotes, backslashes, line separators": entry(text='"\\/\u2028\u2029\u007e<b>'),
        "nine files": entry(
            attachments=[picture(name=f"{i}.png", size=8 * 2**20) for i in range(9)]
        ),
        "the first second": entry() | {"at": "1970-01-01T00:00:00Z"},
        "the last second": entry() | {"at": "9999-12-31T23:59:59Z"},
        "an empty note": record("witness", {"note": ""}),
        "an empty reason": record("withdrawal", {"reason": ""}),
        "a reinstatement": record(
            "review", {"decision": "reinstate", "reason_code": "R2", "reason": "一\n二"}
        ),
        "a correction": bulletin({"cases": 1}) | {"subject": SUBJECT},
        "names sorted as UTF-16": bulletin(
            {"！": 1, "😀": 2, "é": 3, "a": 4, "A": 5, "10": 6, "9": 7}
        ),
        "names that a program may stumble on": bulletin({"__proto__": 1, "constructor": 2, "v": 3}),
        "the largest figures": bulletin({"least": -(2**53) + 1, "most": 2**53 - 1, "none": 0}),
    }


def record_cases() -> Iterator[EntryState]:
    for name, told in good_records().items():
        yield {
            "name": name,
            "record": told,
            "canonical": Record.from_json(told).canonical().decode(),
        }


def commitment_cases() -> Iterator[EntryState]:
    frozen = {
        f"{x['record']['type']}, frozen": bytes.fromhex(x["salt"][2:]) for x in FROZEN["records"]
    }
    salts = {"salt of zeros": bytes(32), "salt of ones": b"\xff" * 32}
    for name, told in good_records().items():
        salt = frozen.get(name, SALT)
        yield _committed(name, told, salt)
    for name, salt in salts.items():
        yield _committed(name, entry(), salt)


def _committed(name: str, told: dict[str, Any], salt: bytes) -> EntryState:
    made = Record.from_json(told)
    return {
        "name": name,
        "record": told,
        "salt": "0x" + salt.hex(),
        "commitment": records.commitment(made, salt),
    }


def signature_cases() -> Iterator[EntryState]:
    for x in FROZEN["records"]:
        by = PEOPLE[x["record"]["author"]]
        yield _signed(f"{x['record']['type']}, frozen", x["commitment"], LOG, by)
    for name, log in (
        ("another chain", LogId(1, CONTRACT)),
        ("another log", LogId(CHAIN_ID, "0x00000000000000000000000000000000DeaDBeef")),
        ("the largest chain id", LogId(2**53 - 1, CONTRACT)),
    ):
        yield _signed(name, SUBJECT, log, people.alice)


def _signed(name: str, commitment: str, log: LogId, by: people.Person) -> EntryState:
    message = signature_message(commitment, log)
    return {
        "name": name,
        "commitment": commitment,
        **vars(log),
        "domain_separator": "0x" + message.header.hex(),
        "struct_hash": "0x" + message.body.hex(),
        "digest": "0x" + keccak(b"\x19\x01" + message.header + message.body).hex(),
        "signature": sign(commitment, log, by),
        "signer": by.address,
    }


# --- leaves, trees, proofs -----------------------------------------------------------------------


def leaf_cases() -> Iterator[EntryState]:
    told = {f"{x['leaf']['type']}, frozen": Leaf(**x["leaf"]) for x in FROZEN["records"]}
    top, ones = 2**53 - 1, "0x" + "ff" * 32
    told["the smallest values"] = Leaf(
        0, "entry", "0x" + "00" * 20, 0, "0x" + "00" * 32, "0x" + "00" * 32
    )
    told["the largest values"] = Leaf(
        top, "bulletin", to_checksum_address("0x" + "ff" * 20), 253_402_300_799, ones, ones
    )
    for name, leaf in told.items():
        values = (leaf.seq, TYPES[leaf.type], leaf.author, leaf.at)
        hashes = (bytes.fromhex(leaf.subject[2:]), bytes.fromhex(leaf.commitment[2:]))
        yield {
            "name": name,
            "leaf": vars(leaf),
            "encoded": "0x" + encode(LEAF, [*values, *hashes]).hex(),
            "hash": leaf.hash(),
        }


def numbered(count: int) -> list[str]:
    """The leaves of the trees here: keccak256 of a uint256, from 0."""
    return ["0x" + keccak(i.to_bytes(32)).hex() for i in range(count)]


def tree_cases() -> Iterator[EntryState]:
    frozen = [x["leaf_hash"] for x in FROZEN["records"]]
    for name, leaves in [("frozen", frozen)] + [(f"{n} leaves", numbered(n)) for n in range(1, 10)]:
        yield {
            "name": name,
            "leaves": leaves,
            "nodes": ["0x" + node.hex() for node in Tree(leaves)._nodes],
            "root": Tree(leaves).root,
        }
    for count in (100, 1000, 1023, 1024):
        yield {"name": f"{count} leaves", "count": count, "root": Tree(numbered(count)).root}


def proof_cases() -> Iterator[EntryState]:
    for count in (1, 2, 3, 7, 1024):
        leaves = numbered(count)
        tree = Tree(leaves)
        for i in sorted({0, count // 2, count - 1}):
            name = f"leaf {i} of {count}"
            yield _proof(name, leaves[i], tree.proof(leaves[i]), tree.root, holds=True)
    leaves = numbered(7)
    tree, leaf = Tree(leaves), leaves[3]
    proof = tree.proof(leaf)
    yield _proof("another leaf", leaves[4], proof, tree.root, holds=False)
    yield _proof("the last hash is missing", leaf, proof[:-1], tree.root, holds=False)
    yield _proof("a hash more", leaf, [*proof, leaves[0]], tree.root, holds=False)
    yield _proof("another order", leaf, proof[::-1], tree.root, holds=False)
    yield _proof("no proof", leaf, [], tree.root, holds=False)
    yield _proof("the root of another tree", leaf, proof, Tree(leaves[:6]).root, holds=False)


def _proof(name: str, leaf: str, proof: list[str], root: str, *, holds: bool) -> EntryState:
    assert (merkle.root_from_proof(leaf, proof) == root) is holds
    return {"name": name, "leaf": leaf, "proof": proof, "root": root, "holds": holds}


# --- certificates --------------------------------------------------------------------------------


def frozen_certificates() -> dict[str, Certificate]:
    """A certificate of each frozen record by its type; that of the entry holds the review."""
    leaves = [Leaf(**x["leaf"]) for x in FROZEN["records"]]
    tree = Tree(leaf.hash() for leaf in leaves)
    anchor = Anchor(CHAIN_ID, CONTRACT, "0x" + "77" * 32, 9, "0x" + "88" * 32, BLOCK_TIME, 0)
    batch = Batch(3, tree.root, leaves[0].seq, len(leaves), anchor)
    made = {
        leaf.type: Certificate(
            InclusionProof(leaf, tuple(tree.proof(leaf.hash())), batch),
            x["commitment"],
            x["signature"],
            Record.from_json(x["record"]),
            bytes.fromhex(x["salt"][2:]),
        )
        for x, leaf in zip(FROZEN["records"], leaves, strict=True)
    }
    return made | {"entry": replace(made["entry"], review=made["review"])}


def alone() -> Certificate:
    """The certificate of the only record of its batch: the root is its leaf, the proof is empty."""
    told = Record.from_json(good_records()["characters beyond 16 bits count once"])
    commitment = records.commitment(told, SALT)
    leaf = Leaf.of(0, told, commitment)
    anchor = Anchor(1, CONTRACT, "0x" + "66" * 32, 2**53 - 1, "0x" + "55" * 32, BLOCK_TIME, 2**32)
    member = InclusionProof(leaf, (), Batch(0, leaf.hash(), 0, 1, anchor))
    signature = sign(commitment, LogId(1, CONTRACT), people.alice)
    return Certificate(member, commitment, signature, told, SALT)


def worked() -> tuple[Certificate, Certificate]:
    """The worked example of docs/format.md: an entry with its review, and the review."""
    told = Record.from_json(entry())
    salts = bytes(range(32)), bytes(range(32, 64))
    first = records.commitment(told, salts[0])
    body = {"decision": "approve", "reason_code": "", "reason": ""}
    answer = record("review", body, subject=first, at="2021-09-20T08:01:00Z")
    review = Record.from_json(answer | {"author": people.moderator.address})
    second = records.commitment(review, salts[1])
    leaves = Leaf.of(0, told, first), Leaf.of(1, review, second)
    tree = Tree(leaf.hash() for leaf in leaves)
    anchor = Anchor(CHAIN_ID, CONTRACT, "0x" + "77" * 32, 2, "0x" + "88" * 32, BLOCK_TIME, 0)
    batch = Batch(0, tree.root, 0, 2, anchor)
    parts = zip(leaves, (told, review), salts, (people.alice, people.moderator), strict=True)
    of_entry, of_review = (
        Certificate(
            InclusionProof(leaf, tuple(tree.proof(leaf.hash())), batch),
            leaf.commitment,
            sign(leaf.commitment, LOG, by),
            said,
            salt,
        )
        for leaf, said, salt, by in parts
    )
    return replace(of_entry, review=of_review), of_review


def worked_example() -> str:
    """Every value between a record and its compact form, as docs/format.md prints them."""
    certificate, review = worked()
    assert certificate.record
    leaf, batch = certificate.inclusion.leaf, certificate.inclusion.batch
    message = signature_message(certificate.commitment, LOG)
    hashes = (bytes.fromhex(leaf.subject[2:]), bytes.fromhex(leaf.commitment[2:]))
    encoded = encode(LEAF, [leaf.seq, TYPES[leaf.type], leaf.author, leaf.at, *hashes])
    domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    values: dict[str, str | bytes] = {
        "canonical bytes": certificate.record.canonical().decode(),
        "salt": certificate.salt or b"",
        "commitment": certificate.commitment,
        "type hash of the domain": keccak(text=domain),
        "keccak256 of the name": keccak(text="Civic Diary"),
        "keccak256 of the version": keccak(text="1"),
        "domain separator": message.header,
        "type hash of the record": keccak(text="Record(bytes32 commitment)"),
        "struct hash": message.body,
        "digest": keccak(b"\x19\x01" + message.header + message.body),
        "signature": certificate.signature,
        "signer": leaf.author,
        "encoded leaf": "\n  ".join(
            ("0x" if i == 0 else "  ") + encoded[i : i + 32].hex() for i in range(0, 192, 32)
        ),
        "its hash": keccak(encoded),
        "leaf": leaf.hash(),
        "leaf of the review": review.inclusion.leaf.hash(),
        "root": batch.root,
        "CBOR": compact.encode(certificate.to_json()),
        "compact form": certificate.compact(),
    }
    shown = {k: v if isinstance(v, str) else "0x" + v.hex() for k, v in values.items()}
    return "".join(f"{name}\n  {value}\n" for name, value in shown.items())


def good_certificates() -> dict[str, Certificate]:
    made = {f"{kind}, frozen": certificate for kind, certificate in frozen_certificates().items()}
    first = made["entry, frozen"]
    return made | {
        "content held back": first.redacted(),
        "no review": replace(first, review=None),
        "the only record of its batch": alone(),
        "the worked example": worked()[0],
    }


def changed_certificates() -> dict[str, dict[str, Any]]:
    """Certificates in the format of which something doesn't hold."""
    good = frozen_certificates()["entry"].to_json()
    wrong, other = "0x" + "11" * 32, people.bob.address
    changes = _changes(good, wrong, other)
    return {name: fitted(value) for name, value in changes.items()}


def fitted(value: dict[str, Any]) -> dict[str, Any]:
    """A certificate's JSON whose identifiers, and its review's, fit what else it states."""
    review = value["review"]
    named = {"id": f"{LogId(value['anchor']['chain_id'], value['anchor']['contract'])}"}
    named["id"] += f"/{value['leaf']['seq']}"
    return value | named | {"review": review and fitted(review)}


def _changes(good: dict[str, Any], wrong: str, other: str) -> dict[str, dict[str, Any]]:
    forged = sign(good["commitment"], LOG, people.bob)
    redacted = good | {"record": None, "salt": None}
    elsewhere = changed(good, "anchor", "chain_id", to=1)
    return {
        "another text": changed(good, "record", "body", "text", to="十人一桌。"),
        "another salt": good | {"salt": wrong},
        "another commitment": good | {"commitment": wrong},
        "signed by somebody else": good | {"signature": forged},
        "signed for another chain": changed(elsewhere, "review", "anchor", "chain_id", to=1),
        "no signature": good | {"signature": "0x" + "00" * 65},
        "another author in the leaf": changed(good, "leaf", "author", to=other),
        "another time in the leaf": changed(good, "leaf", "at", to=good["leaf"]["at"] + 1),
        "another type in the leaf": changed(good, "leaf", "type", to="witness") | {"review": None},
        "a subject in the leaf": changed(good, "leaf", "subject", to=wrong),
        "another commitment in the leaf": changed(good, "leaf", "commitment", to=wrong),
        "content held back, another author": changed(redacted, "leaf", "author", to=other),
        "content held back, another time": changed(redacted, "leaf", "at", to=0),
        "a number behind the batch": changed(good, "leaf", "seq", to=46),
        "a number before the batch": changed(good, "batch", "first_seq", to=41),
        "another root": changed(good, "batch", "root", to=wrong),
        "a proof too short": good | {"proof": good["proof"][:-1]},
        "a proof in another order": good | {"proof": good["proof"][::-1]},
        "a review in another log": changed(good, "review", "anchor", "contract", to=other),
        "a review on another chain": changed(good, "review", "anchor", "chain_id", to=1),
        "a review of no entry": frozen_certificates()["witness"].to_json()
        | {"review": good["review"]},
        "another text in the review": changed(good, "review", "record", "body", "reason", to="?"),
        "another commitment in the review": changed(good, "review", "commitment", to=wrong),
        "another salt in the review": changed(good, "review", "salt", to=wrong),
        "a review signed by somebody else": changed(good, "review", "signature", to=forged),
        "another author in the review's leaf": changed(good, "review", "leaf", "author", to=other),
        "another time in the review's leaf": changed(good, "review", "leaf", "at", to=0),
        "a review with another number": changed(good, "review", "leaf", "seq", to=40),
        "a review behind its batch": changed(good, "review", "batch", "count", to=1),
        "another proof of the review": changed(good, "review", "proof", to=good["proof"]),
        "a review of another entry": reviewed(subject=wrong),
        "a review that rejects": reviewed(decision="reject"),
        "a review that suspends": reviewed(decision="suspend"),
        "a review that reinstates": reviewed(decision="reinstate"),
        "a review by the entry's author": reviewed(by=people.alice),
        "a review that is older than its entry": reviewed(at="2021-09-20T07:59:59Z"),
        "a review of the same second": reviewed(at="2021-09-20T08:00:00Z"),
        "a witness record as the review": reviewed(type="witness", body={"note": ""}),
        "a review of 300 seconds after its block": reviewed(at="2021-09-20T16:05:00Z"),
        "a review of 301 seconds after its block": reviewed(at="2021-09-20T16:05:01Z"),
        "a record of 300 seconds after its block": dated("2021-09-20T07:55:00Z"),
        "a record of 301 seconds after its block": dated("2021-09-20T07:54:59Z"),
        "content held back, 301 seconds after its block": dated("2021-09-20T07:54:59Z", held=True),
        "a review in the next batch": later(),
        **{f"a later batch, {name}": later(**change) for name, change in contradictions().items()},
        **{
            f"the same batch with another {key}": changed(good, "review", part, key, to=value)
            for part, key, value in (
                ("batch", "number", 4),
                ("batch", "count", 7),
                ("batch", "first_seq", 39),
                ("anchor", "transaction_hash", wrong),
                ("anchor", "block_number", 10),
                ("anchor", "block_hash", wrong),
                ("anchor", "block_time", "2021-09-20T16:00:01Z"),
                ("anchor", "log_index", 1),
            )
        },
    }


def reviewed(
    by: people.Person = people.moderator,
    at: str = "2021-09-20T08:01:00Z",
    type: str = "review",
    subject: str | None = None,
    decision: str = "approve",
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The worked example with another record in the place of its review, true in itself."""
    whole = worked()[0]
    body = body or {"decision": decision, "reason_code": "", "reason": ""}
    told = record(type, body, subject=subject or whole.commitment, author=by.address, at=at)
    return alone_in_a_batch(whole, Record.from_json(told), by, whole.inclusion.batch, at=1)


def dated(block_time: str, *, held: bool = False) -> dict[str, Any]:
    """A certificate without its review in a block of a time; the record is of 08:00:00."""
    good = frozen_certificates()["entry"]
    told = (good.redacted() if held else good).to_json() | {"review": None}
    return changed(told, "anchor", "block_time", to=block_time)


def alone_in_a_batch(
    whole: Certificate, told: Record, by: people.Person, batch: Batch, at: int = 0
) -> dict[str, Any]:
    """A certificate with a review of its own making, the only record of a batch, or the second."""
    salt = bytes(range(32, 64))
    leaf = Leaf.of(batch.first_seq + at, told, records.commitment(told, salt))
    tree = Tree([whole.inclusion.leaf.hash(), leaf.hash()] if at else [leaf.hash()])
    batch = replace(batch, root=tree.root, count=len(tree))
    member = InclusionProof(leaf, tuple(tree.proof(leaf.hash())), batch)
    signature = sign(leaf.commitment, LOG, by)
    review = Certificate(member, leaf.commitment, signature, told, salt)
    own = whole.inclusion
    if at:
        proof = tuple(tree.proof(own.leaf.hash()))
        own = InclusionProof(own.leaf, proof, batch)
    return replace(whole, inclusion=own, review=review).to_json()


def contradictions() -> dict[str, dict[str, Any]]:
    """Places of a later batch that can't be true if the first batch stands where it is told to."""
    wrong = BLOCK_TIME - timedelta(seconds=1)
    hashes = {"block_hash": "0x" + "88" * 32}
    sent = {"transaction_hash": "0x" + "77" * 32}
    return {
        "with a number too low": {"first_seq": 1},
        "with a gap": {"first_seq": 3},
        "with a number too low for those between": {"number": 3, "first_seq": 3},
        "with a number too high for those between": {"number": 3, "first_seq": 2051},
        "with room for those between": {"number": 3, "first_seq": 4},
        "with all the room there is": {"number": 3, "first_seq": 2050},
        "in an earlier block": {"block_number": 1},
        "in a block of an earlier time": {"block_time": wrong},
        "in a block of the same time": {"block_time": BLOCK_TIME},
        "in a block of the same hash": hashes,
        "in the same transaction": sent,
        "in the same block": {"block_number": 2, "block_time": BLOCK_TIME, "log_index": 1} | hashes,
        "in the same block, at the same place": {"block_number": 2, "block_time": BLOCK_TIME}
        | hashes,
        "in the same block of another hash": {
            "block_number": 2,
            "block_time": BLOCK_TIME,
            "log_index": 1,
        },
        "in the same block of another time": {"block_number": 2, "log_index": 1} | hashes,
    }


def later(**changes: Any) -> dict[str, Any]:
    """The worked example with its review in a batch behind it; the changes are of batch and anchor."""
    whole = worked()[0]
    assert whole.review
    assert whole.review.record
    anchor = whole.inclusion.batch.anchor
    place = {"transaction_hash": "0x" + "99" * 32, "block_hash": "0x" + "aa" * 32}
    place |= {"block_number": 3, "block_time": BLOCK_TIME + timedelta(seconds=12)}
    numbers = {"number": 1, "first_seq": 2}
    place |= {key: value for key, value in changes.items() if key not in numbers}
    numbers |= {key: value for key, value in changes.items() if key in numbers}
    batch = replace(whole.inclusion.batch, **numbers, anchor=replace(anchor, **place))
    return alone_in_a_batch(whole, whole.review.record, people.moderator, batch)


def version_1(value: dict[str, Any]) -> dict[str, Any]:
    """A certificate's JSON as version 1 has it: no state proofs; of a review, not what its leaf states."""
    value = without(value, "state_proof") | {"format": "civic-diary-certificate/1"}
    if value["review"]:
        for key in ("format", "id", "commitment", "state_proof", "review"):
            value = without(value, "review", key)
    return value


def older_certificates() -> dict[str, dict[str, Any]]:
    """Certificates of version 1."""
    good = {name: certificate.to_json() for name, certificate in good_certificates().items()}
    names = ("the worked example", "no review", "content held back")
    changed_ones = {name: changed_certificates()[name] for name in ("another salt in the review",)}
    return {
        f"version 1, {name}": version_1(value)
        for name, value in ({name: good[name] for name in names} | changed_ones).items()
    }


def certificate_cases() -> Iterator[EntryState]:
    good = {name: certificate.to_json() for name, certificate in good_certificates().items()}
    for name, value in (good | changed_certificates() | older_certificates()).items():
        certificate = Certificate.from_json(value)
        result = verification.verify(certificate)
        yield {
            "name": name,
            "certificate": value,
            "id": result.id,
            "steps": [step.outcome for step in result.steps],
            "review": review_steps(certificate),
        }


def review_steps(certificate: Certificate) -> list[str] | None:
    """Steps 2 to 5 of the review in a certificate, or None if it holds none."""
    if certificate.review is None:
        return None
    return [step.outcome for step in verification.verify(certificate.review).steps[1:5]]


# --- state proofs --------------------------------------------------------------------------------


@cache
def on_a_chain() -> dict[str, Certificate]:
    """Certificates of a diary on the embedded chain, each with its state proof."""
    chain = embedded()
    second = people.named("the second moderator")
    moderators = (people.moderator.address, second.address)
    with closing(Diary.open(chain, moderators=moderators)) as diary:

        def publish(author: people.Person, by: people.Person) -> SignedRecord:
            posted = diary.post(author, "你好", place="泉州")
            diary.review(posted, by=by, approve=True)
            return posted

        first = publish(people.alice, people.moderator)
        diary.publish()
        later = publish(people.bob, people.moderator)
        diary.publish()
        diary.suspend(first, by=people.moderator)
        diary.publish()
        diary.reinstate(first, by=second)
        diary.publish()
        lost = publish(people.carol, second)
        diary.log.revoke(MODERATOR_ROLE, second.address, by=people.registrar)
        chain.mine()
        diary.publish()
        made = {
            "the first batch": diary.certificate(later),
            "a review in a later batch": diary.certificate(first),
            "a moderator who lost the role": diary.certificate(lost),
        }
    first_batch = replace(made["a review in a later batch"], review=None)
    return {"a second batch": made.pop("the first batch"), "the first batch": first_batch} | made


def flipped(text: str, place: int) -> str:
    """Hex in which a bit of one byte is another."""
    raw = bytearray.fromhex(text[2:])
    raw[place] ^= 1
    return "0x" + raw.hex()


def other_states(good: dict[str, Any], first: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A certificate with a state proof in which something was changed; ``first`` is of another batch."""
    proof = good["state_proof"]
    header, account, storage = proof["header"], proof["account"], proof["storage"]
    forged = flipped(header, 100)  # in the root of the state
    own_block = changed(good, "state_proof", "header", to=forged)
    own_block["anchor"]["block_hash"] = "0x" + keccak(hexstr=forged).hex()
    return {
        "a bit of the header": changed(good, "state_proof", "header", to=flipped(header, 40)),
        "a header of one's own, and its hash": own_block | {"review": None},
        "a bit of the account's proof": changed(
            good, "state_proof", "account", -1, to=flipped(account[-1], -1)
        ),
        "a bit of a slot's proof": changed(
            good, "state_proof", "storage", 1, -1, to=flipped(storage[1][-1], -1)
        ),
        "a node too many": changed(
            good, "state_proof", "storage", 0, to=[*storage[0], storage[1][-1]]
        ),
        "a node twice": changed(good, "state_proof", "account", to=[account[0], *account]),
        "a node too few": changed(good, "state_proof", "account", to=account[:-1]),
        "no account's proof": changed(good, "state_proof", "account", to=[]),
        "slots in another order": changed(
            good, "state_proof", "storage", to=[storage[0], storage[2], storage[1], *storage[3:]]
        ),
        "a slot too few": changed(good, "state_proof", "storage", to=storage[:-1]),
        "the proof of another batch": good | {"state_proof": first["state_proof"]},
        "another batch's number": changed(good, "batch", "number", to=0) | {"review": None},
        "a header that is no list": changed(good, "state_proof", "header", to="0x80"),
        "a header with bytes behind it": changed(good, "state_proof", "header", to=header + "00"),
        "a review's proof without the role": changed(
            good,
            "review",
            "state_proof",
            "storage",
            to=good["review"]["state_proof"]["storage"][:-1],
        ),
        "another block's time": changed(good, "anchor", "block_time", to="2021-09-10T00:00:00Z")
        | {"review": None},
    }


def state_cases() -> Iterator[EntryState]:
    made = {name: certificate.to_json() for name, certificate in on_a_chain().items()}
    good, first = made["a second batch"], made["the first batch"]
    log = str(on_a_chain()["a second batch"].log_id)
    reviewed_later = made["a review in a later batch"]
    both = [x["anchor"]["block_hash"] for x in (reviewed_later, reviewed_later["review"])]
    cases: list[tuple[str, dict[str, Any], str, list[str]]] = [
        *((name, value, log, [value["anchor"]["block_hash"]]) for name, value in made.items()),
        ("both blocks", reviewed_later, log, both),
        ("the hash in capitals", good, log, ["0x" + good["anchor"]["block_hash"][2:].upper()]),
        ("no hash", good, log, []),
        ("another hash", good, log, ["0x" + "11" * 32]),
        ("another log", good, str(LOG), [good["anchor"]["block_hash"]]),
        ("another chain", good, log.replace(":20210921:", ":1:"), [good["anchor"]["block_hash"]]),
        ("no state proof", good | {"state_proof": None}, log, [good["anchor"]["block_hash"]]),
        (
            "content held back",
            good | {"record": None, "salt": None},
            log,
            [good["anchor"]["block_hash"]],
        ),
        *(
            (f"changed: {name}", value, log, [value["anchor"]["block_hash"]])
            for name, value in other_states(good, first).items()
        ),
    ]
    for name, value, named, hashes in cases:
        result = verification.verify(json.dumps(value), LogId.of(named), block_hash=hashes)
        yield {
            "name": name,
            "certificate": value,
            "log": named,
            "block_hashes": hashes,
            "id": result.id,
            "level": result.level,
            "steps": [step.outcome for step in result.steps],
        }


# --- the compact form ----------------------------------------------------------------------------


def base32(packed: bytes) -> str:
    return base64.b32encode(packed).decode().rstrip("=")


def stored(*blocks: bytes) -> bytes:
    """DEFLATE without compression, a block for each piece (RFC 1951, 3.2.4)."""
    packed = b""
    for i, piece in enumerate(blocks):
        size = len(piece).to_bytes(2, "little")
        last = i == len(blocks) - 1
        packed += bytes([last]) + size + bytes(b ^ 0xFF for b in size) + piece
    return packed


def fixed(raw: bytes) -> bytes:
    """DEFLATE with its fixed codes and nothing repeated (RFC 1951, 3.2.6)."""
    bits = "110"  # the last block; of the fixed kind, its lower bit first
    for byte in raw:
        bits += f"{0x30 + byte:08b}" if byte < 144 else f"{0x190 + byte - 144:09b}"
    bits += "0000000"
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8))


def compact_cases() -> Iterator[EntryState]:
    for name, certificate in good_certificates().items():
        yield _compact(
            name, certificate.compact(), compact.encode(certificate.to_json()), written=True
        )
    first = good_certificates()["entry, frozen"]
    raw, text = compact.encode(first.to_json()), first.compact()
    yield _compact("after the page's address", f"https://example.org/#a#{text}", raw, written=False)
    two = base32(stored(raw[:100], raw[100:]))
    yield _compact("in two stored blocks", two, raw, written=False)
    yield _compact("in fixed codes", base32(fixed(raw)), raw, written=False)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".index(text[-1])
    spare = text[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[last + 1]
    assert len(text) * 5 % 8
    yield _compact("other bits behind the last byte", spare, raw, written=False)


def _compact(name: str, text: str, raw: bytes, *, written: bool) -> EntryState:
    result = verification.verify(text)
    return {
        "name": name,
        "compact": text,
        "written": written,
        "cbor": "0x" + raw.hex(),
        "id": result.id,
        "steps": [step.outcome for step in result.steps],
    }


# --- what is refused -----------------------------------------------------------------------------


def refused_records() -> dict[str, Any]:
    """Records that the format doesn't allow; a name says why."""
    review = {"decision": "approve", "reason_code": "", "reason": ""}
    many = {f"{i:03}" + "字" * 77: i for i in range(280)}
    author = people.alice.address
    return {
        "an unknown key": entry() | {"extra": 1},
        "a missing key": without(entry(), "subject"),
        "a list": [entry()],
        "another version": entry() | {"v": 2},
        "a version that is a text": entry() | {"v": "1"},
        "a version that is a truth value": entry() | {"v": True},
        "an unknown type": entry() | {"type": "import"},
        "a type in capitals": entry() | {"type": "Entry"},
        "an author without a checksum": entry() | {"author": author.lower()},
        "an author with a wrong checksum": entry()
        | {"author": author.swapcase().replace("X", "x")},
        "an author without 0x": entry() | {"author": author[2:]},
        "a time with a fraction": entry() | {"at": "2021-09-20T08:00:00.0Z"},
        "a time with an offset": entry() | {"at": "2021-09-20T08:00:00+00:00"},
        "a time that a clock doesn't show": entry() | {"at": "2021-09-20T24:00:00Z"},
        "a leap second": entry() | {"at": "2016-12-31T23:59:60Z"},
        "a day that no calendar has": entry() | {"at": "2021-02-29T08:00:00Z"},
        "a time before 1970": entry() | {"at": "1969-12-31T23:59:59Z"},
        "a time in Unix seconds": entry() | {"at": 1632124800},
        "an entry with a subject": entry() | {"subject": SUBJECT},
        "a review without a subject": record("review", review, subject=None),
        "a subject of zeros": record("review", review, subject="0x" + "00" * 32),
        "a subject in capitals": record(
            "review", review, subject=SUBJECT.upper().replace("X", "x")
        ),
        "a text that is not in NFC": entry(text="cafe\u0301"),
        "an empty text": entry(text=""),
        "a text of blanks": entry(text=" \u3000\n"),
        "a text without width": entry(text="\u200b\u2060\ufeff"),
        "a text that is too long": entry(text="字" * 5001),
        "a text that is a number": entry(text=1),
        "a zero character": entry(text="a\x00b"),
        "a carriage return": entry(text="a\r\nb"),
        "a control character of the second kind": entry(text="a\x85b"),
        "half a character": entry(text="a\ud800b"),
        "a place of two lines": entry(place="泉\n州"),
        "a place that is too long": entry(place="😀" * 81),
        "no role": entry(role=""),
        "a body with an unknown key": entry(title="x"),
        "a body of another type": record("entry", {"note": "x"}),
        "ten files": entry(attachments=[picture()] * 10),
        "a file with an unknown key": entry(attachments=[picture(caption="x")]),
        "an empty file": entry(attachments=[picture(size=0)]),
        "a file that is too large": entry(attachments=[picture(size=8 * 2**20 + 1)]),
        "a size that is a truth value": entry(attachments=[picture(size=True)]),
        "a kind of file that is not taken": entry(
            attachments=[picture(media_type="image/svg+xml")]
        ),
        "a file's hash without 0x": entry(attachments=[picture(sha256="0a" * 32)]),
        "a file name with a folder": entry(attachments=[picture(name="../a.png")]),
        "a file name with a folder of Windows": entry(attachments=[picture(name="a\\b.png")]),
        "an unknown decision": record("review", review | {"decision": "delete"}),
        "a reason code of two lines": record("review", review | {"reason_code": "a\nb"}),
        "an empty appeal": record("appeal", {"text": ""}),
        "a note without width": record("witness", {"note": "\u200b"}),
        "no figures": bulletin({}),
        "a figure with a fraction": bulletin({"rate": 1.5}),
        "a figure that is too large": bulletin({"cases": 2**53}),
        "a figure that is a truth value": bulletin({"cases": True}),
        "a figure without a name": bulletin({"": 1}),
        "a figure's name that is not in NFC": bulletin({"cafe\u0301": 1}),
        "figures as of a day": bulletin({"cases": 1}, as_of="2021-09-20"),
        "a record of more than 64 KiB": bulletin(many),
    }


def refused_texts() -> dict[str, str]:
    """JSON texts that are no certificate; a name says why."""
    full = frozen_certificates()["entry"].to_json()
    good = full | {"review": None}
    text = json.dumps(good, ensure_ascii=False)
    wrong = "0x" + "11" * 32
    state: dict[str, Any] = {"header": "0xc0", "account": [], "storage": []}
    values = {
        "another format": good | {"format": "civic-diary-certificate/3"},
        "no state proof and no null for it": without(good, "state_proof"),
        "a state proof in version 1": version_1(good) | {"state_proof": None},
        "version 1, a review with a commitment of its own": changed(
            version_1(full), "review", "commitment", to=wrong
        ),
        "version 1, a review without its content": changed(
            version_1(full), "review", "record", to=None
        ),
        "a state proof without storage": good | {"state_proof": {"header": "0x80", "account": []}},
        "a state proof that is a list": good | {"state_proof": []},
        "a header in capitals": good | {"state_proof": state | {"header": "0xC0"}},
        "a header of half a byte": good | {"state_proof": state | {"header": "0xc"}},
        "an empty header": good | {"state_proof": state | {"header": "0x"}},
        "a header of 1,025 bytes": good | {"state_proof": state | {"header": "0x" + "00" * 1025}},
        "nodes that are no list": good | {"state_proof": state | {"account": "0xc0"}},
        "65 nodes": good | {"state_proof": state | {"account": ["0xc0"] * 65}},
        "six storage slots": good | {"state_proof": state | {"storage": [[]] * 6}},
        "an unknown key": good | {"note": None},
        "a missing key": without(good, "review"),
        "a list": [good],
        "a record without its salt": good | {"salt": None},
        "a salt without its record": good | {"record": None},
        "a salt of 31 bytes": good | {"salt": "0x" + "11" * 31},
        "another id": good | {"id": good["id"] + "0"},
        "an id in small letters": good | {"id": good["id"].lower()},
        "a commitment in capitals": good
        | {"commitment": good["commitment"].upper().replace("X", "x")},
        "a commitment without 0x": good | {"commitment": good["commitment"][2:]},
        "a signature of 64 bytes": good | {"signature": good["signature"][:-2]},
        "a signature that is null": good | {"signature": None},
        "a record that the format refuses": changed(good, "record", "body", "text", to=""),
        "an unknown key in the leaf": changed(good, "leaf", "salt", to=wrong),
        "a negative number": changed(good, "leaf", "seq", to=-1),
        "a number of 2^53": changed(good, "leaf", "seq", to=2**53),
        "a number that is a text": changed(good, "leaf", "seq", to="40"),
        "a number that is a truth value": changed(good, "leaf", "seq", to=False),
        "an unknown type in the leaf": changed(good, "leaf", "type", to="import"),
        "a type as its code": changed(good, "leaf", "type", to=1),
        "an author with a wrong checksum": changed(
            good, "leaf", "author", to=good["leaf"]["author"].lower()
        ),
        "a time after the year 9999": changed(good, "leaf", "at", to=253_402_300_800),
        "a leaf without a subject": changed(good, "leaf", "subject", to=None),
        "a proof of eleven hashes": good | {"proof": [wrong] * 11},
        "a proof that is no list": good | {"proof": wrong},
        "a proof with half a hash": good | {"proof": ["0x" + "11" * 16]},
        "a batch of none": changed(good, "batch", "count", to=0),
        "a batch of 1,025": changed(good, "batch", "count", to=1025),
        "no root": changed(good, "batch", "root", to=None),
        "chain 0": changed(good, "anchor", "chain_id", to=0),
        "a contract without a checksum": changed(good, "anchor", "contract", to=CONTRACT.lower()),
        "a block's time with an offset": changed(
            good, "anchor", "block_time", to="2021-09-20T16:00:00+00:00"
        ),
        "a block before 1970": changed(good, "anchor", "block_time", to="1969-12-31T23:59:59Z"),
        "a missing key in the anchor": without(good, "anchor", "log_index"),
        "a review as in version 1": full | {"review": version_1(full)["review"]},
        "a review of version 1": full | {"review": version_1(full["review"])},
        "a review without its content": full
        | {"review": full["review"] | {"record": None, "salt": None}},
        "a review that the format refuses": changed(full, "review", "record", "at", to="today"),
        "a review within the review": changed(full, "review", "review", to=full["review"]),
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in values.items()} | {
        "a key twice": text.replace('"salt"', '"salt": null, "salt"', 1),
        "a key twice, inside": text.replace('"seq"', '"seq": 0, "seq"', 1),
        "a number with a point": text.replace('"seq": 40', '"seq": 40.0', 1),
        "a number with an exponent": text.replace('"seq": 40', '"seq": 4e1', 1),
        "no number": text.replace('"seq": 40', '"seq": NaN', 1),
        "a number of 18 digits": text.replace('"seq": 40', '"seq": 100000000000000000', 1),
        "a number that starts with 0": text.replace('"seq": 40', '"seq": 040', 1),
        "thirteen levels": text.replace('"id": ', '"id": ' + "[" * 12 + "]" * 12 + ', "x": ', 1),
        "a comma too much": text.replace("}", ",}", 1),
        "single quotes": text.replace('"', "'"),
        "a text that is cut off": text[:-1],
        "something behind the end": text + "{}",
        "a line break in a text": text.replace("十人", "十\n人", 1),
        "an unknown escape": text.replace("十人", "十\\x人", 1),
    }


def refused_compacts() -> dict[str, str]:
    """Texts that are no compact form; a name says why."""
    first = frozen_certificates()["entry"]
    raw, text = compact.encode(first.to_json()), first.compact()
    fields = cbor2.loads(raw)

    def with_field(place: int, value: Any) -> str:
        return base32(stored(cbor2.dumps(changed(fields, place, to=value), canonical=True)))

    behind = stored(raw) + b"\x00"
    return {
        "small letters": text.lower(),
        "padding": text + "=" * (-len(text) % 8),
        "a digit that base32 hasn't": "1" + text[1:],
        "no letters": "",
        "a letter too much": text + "A" * ((1 - len(text)) % 8 or 8),
        "a text that is cut off": text[: len(text) // 16 * 8],
        "something behind the end": base32(behind),
        "more than 4,096 letters": text + "A" * (4104 - len(text) // 8 * 8),
        "more than 2,048 bytes": base32(stored(bytes(2049))),
        "another complement of the length": base32(b"\x01\x00\x00\x00\x00"),
        "no CBOR": base32(stored(b"\xff")),
        "a number in two bytes": base32(stored(raw.replace(b"\x94\x01", b"\x94\x18\x01", 1))),
        "the length of the array in two bytes": base32(stored(b"\x98\x14" + raw[1:])),
        "an array without a length": base32(stored(b"\x9f" + raw[1:] + b"\xff")),
        "a number as a float": base32(stored(raw.replace(b"\x94\x01", b"\x94\xf9\x3c\x00", 1))),
        "a byte behind the array": base32(stored(raw + b"\x00")),
        "a map": base32(stored(cbor2.dumps(dict(enumerate(fields)), canonical=True))),
        "19 fields": base32(stored(cbor2.dumps(fields[:19], canonical=True))),
        "21 fields": base32(stored(cbor2.dumps([*fields, 0], canonical=True))),
        "another version": with_field(0, 2),
        "chain 0": with_field(1, 0),
        "a contract as a text": with_field(2, CONTRACT),
        "a type code of 0": with_field(4, 0),
        "a type code of 7": with_field(4, 7),
        "an author of 19 bytes": with_field(5, bytes(19)),
        "a subject of zeros": with_field(7, bytes(32)),
        "a signature of 64 bytes": with_field(9, bytes(64)),
        "a proof of a hash and a half": with_field(10, bytes(48)),
        "a proof of eleven hashes": with_field(10, bytes(32 * 11)),
        "a batch of none": with_field(14, 0),
        "a negative number": with_field(3, -1),
        "a number of 2^53": with_field(3, 2**53),
        "a block after the year 9999": with_field(18, 253_402_300_800),
    }


def refused_signatures() -> dict[str, str]:
    """Signatures that alice didn't make, or not in this way; a name says why."""
    good = FROZEN["records"][0]["signature"]
    r, s, v = good[2:66], good[66:130], good[130:]
    zero, other = "00" * 32, {"1b": "1c", "1c": "1b"}[v]
    parts = {
        "the higher s of two": (r, f"{ORDER - int(s, 16):064x}", other),
        "a v of 0 or 1": (r, s, f"{int(v, 16) - 27:02x}"),
        "a v of 29": (r, s, "1d"),
        "a v that names a chain, as in EIP-155": (r, s, f"{int(v, 16) + 10:02x}"),
        "an r of 0": (zero, s, v),
        "an s of 0": (r, zero, v),
        "an r of the group's order": (f"{ORDER:064x}", s, v),
        "an r that no point has": (f"{5:064x}", s, v),
    }
    return {name: "0x" + "".join(part) for name, part in parts.items()} | {
        "64 bytes": good[:-2],
        "66 bytes": good + "00",
        "capitals": good.upper().replace("X", "x"),
    }


def refused_cases() -> Iterator[EntryState]:
    for why, told in refused_records().items():
        yield {
            "kind": "record",
            "why": why,
            "record": told,
            "expected": _expected(Record.from_json, told),
        }
    for why, text in refused_texts().items():
        yield {
            "kind": "certificate",
            "why": why,
            "text": text,
            "expected": _expected(Certificate.loads, text),
        }
    utf16 = json.dumps(frozen_certificates()["entry"].to_json()).encode("utf-16")
    for why, content in (("UTF-16", utf16), ("bytes that are no text", b"{\xff}")):
        expected = _expected(Certificate.loads, content)
        told = base64.b64encode(content).decode()
        yield {"kind": "bytes", "why": why, "base64": told, "expected": expected}
    for why, text in refused_compacts().items():
        expected = _expected(Certificate.from_compact, text)
        yield {"kind": "compact", "why": why, "text": text, "expected": expected}
    log = {"commitment": SUBJECT, **vars(LOG)}
    for why, signature in refused_signatures().items():
        expected = _expected(signer, SUBJECT, signature, LOG)
        yield {"kind": "signature", "why": why, **log, "signature": signature, "expected": expected}


def _expected(read: Any, *given: Any) -> str:
    """What the kit expected when it refused; fails if it didn't."""
    try:
        read(*given)
    except KitError as error:
        return error.expected
    raise AssertionError(f"not refused: {str(given)[:200]}")


# --- the files -----------------------------------------------------------------------------------

ABOUT = {
    "records": "Records that the format allows, and their canonical bytes (UTF-8).",
    "commitments": "keccak256(salt ‖ canonical bytes) of records.",
    "signatures": "What an author signs for a commitment (EIP-712), and test keys' signatures.",
    "leaves": "Leaves, their ABI encoding, and its keccak256 taken twice.",
    "trees": (
        "Trees: all nodes in their flat array, and the root. Where only a count stands, the leaves "
        "are keccak256 of a uint256 from 0."
    ),
    "proofs": "Inclusion proofs, and whether leaf and proof lead to the root.",
    "certificates": (
        "Certificates in the format with the outcomes of the nine steps when no chain is asked, and of "
        "steps 2 to 5 of the review inside (null: there is none)."
    ),
    "state_proofs": (
        "Certificates with state proofs, the log and the blocks that are named, and level and "
        "outcomes of the nine steps when no node is asked."
    ),
    "compact": (
        "Compact forms, the CBOR in them, and the outcomes of the nine steps when no chain is asked. "
        "written: a program that writes compact forms writes this one."
    ),
    "refused": "What must be refused, and why. expected: what the kit's error says was expected.",
}
CASES = {
    "records": record_cases,
    "commitments": commitment_cases,
    "signatures": signature_cases,
    "leaves": leaf_cases,
    "trees": tree_cases,
    "proofs": proof_cases,
    "certificates": certificate_cases,
    "state_proofs": state_cases,
    "compact": compact_cases,
    "refused": refused_cases,
}


def vectors() -> dict[str, str]:
    """The text of each file by its name."""
    return {
        f"{name}.json": file_text({"about": ABOUT[name], "cases": list(cases())})
        for name, cases in CASES.items()
    }


if __name__ == "__main__":
    for name, text in vectors().items():
        (HERE / name).write_text(text, "utf-8", newline="\n")
