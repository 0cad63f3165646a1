"""What is handed out: a certificate that anyone can check, as JSON and in the compact form of a QR code.

The JSON format is frozen as ``civic-diary-certificate/2``: an object with the keys ``format, id,
record, salt, commitment, signature, leaf, proof, batch, anchor, state_proof, review``. ``record`` and
``salt`` are null where the content is held back or erased; ``state_proof`` where none was made (see
``state_proof.py``); ``review`` for a record that is no entry, else it is the certificate of the review,
with its content and without a review of its own. Unknown keys and versions are refused. Version 1 is
still read: it has no state proofs, and of a review no format, id and commitment. The compact form: see
``compact.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kit.arguments import checked
from kit.core import compact
from kit.core.merkle import BATCH_MAX, Anchor, Batch, Leaf
from kit.core.reading import (
    TIME_MAX,
    address,
    fields,
    hash32,
    integer,
    parse,
    refused,
    signature,
    time,
)
from kit.core.record import TYPES, Record, SignedRecord, format_time
from kit.core.signature import LogId
from kit.core.state_proof import StateProof
from kit.errors import KitError

__all__ = ["FORMAT", "PROOF_MAX", "Certificate", "InclusionProof"]

FORMAT: Final = "civic-diary-certificate/2"
_FORMAT_1: Final = "civic-diary-certificate/1"
#: Hashes of a proof: a batch has at most 1,024 leaves.
PROOF_MAX: Final = BATCH_MAX.bit_length() - 1


@dataclass(frozen=True)
class InclusionProof:
    """That a leaf is in a batch, which says where it is anchored."""

    leaf: Leaf
    proof: tuple[str, ...]
    batch: Batch

    def to_json(self) -> dict[str, Any]:
        """Return the keys leaf, proof, batch and anchor of the certificate's JSON."""
        batch, anchor = self.batch, self.batch.anchor
        return {
            "leaf": {
                "seq": self.leaf.seq,
                "type": self.leaf.type,
                "author": self.leaf.author,
                "at": self.leaf.at,
                "subject": self.leaf.subject,
                "commitment": self.leaf.commitment,
            },
            "proof": list(self.proof),
            "batch": {
                "number": batch.number,
                "root": batch.root,
                "first_seq": batch.first_seq,
                "count": batch.count,
            },
            "anchor": {
                "chain_id": anchor.chain_id,
                "contract": anchor.contract,
                "transaction_hash": anchor.transaction_hash,
                "block_number": anchor.block_number,
                "block_hash": anchor.block_hash,
                "block_time": format_time(anchor.block_time),
                "log_index": anchor.log_index,
            },
        }

    @classmethod
    @checked("value")
    def from_json(cls, value: Mapping[str, Any]) -> InclusionProof:
        """Return what the four keys state. Raises CertificateError."""
        if missing := [key for key in ("leaf", "proof", "batch", "anchor") if key not in value]:
            raise refused("leaf, proof, batch and anchor", f"none of {', '.join(missing)}")
        leaf = fields(value["leaf"], "leaf", "seq", "type", "author", "at", "subject", "commitment")
        batch = fields(value["batch"], "batch", "number", "root", "first_seq", "count")
        anchor = fields(
            value["anchor"],
            "anchor",
            *("chain_id", "contract", "transaction_hash", "block_number"),
            *("block_hash", "block_time", "log_index"),
        )
        if leaf["type"] not in tuple(TYPES):
            raise refused(f"a type of {', '.join(TYPES)}", leaf["type"])
        proof = value["proof"]
        if not isinstance(proof, list) or len(proof) > PROOF_MAX:
            raise refused(f"a proof of at most {PROOF_MAX} hashes", proof)
        return cls(
            Leaf(
                integer(leaf["seq"], "seq"),
                leaf["type"],
                address(leaf["author"]),
                integer(leaf["at"], "at", 0, TIME_MAX),
                hash32(leaf["subject"]),
                hash32(leaf["commitment"]),
            ),
            tuple(hash32(node) for node in proof),
            Batch(
                integer(batch["number"], "batch number"),
                hash32(batch["root"]),
                integer(batch["first_seq"], "first_seq"),
                integer(batch["count"], "count", 1, BATCH_MAX),
                Anchor(
                    integer(anchor["chain_id"], "chain_id", 1),
                    address(anchor["contract"]),
                    hash32(anchor["transaction_hash"]),
                    integer(anchor["block_number"], "block_number"),
                    hash32(anchor["block_hash"]),
                    time(anchor["block_time"]),
                    integer(anchor["log_index"], "log_index"),
                ),
            ),
        )


@dataclass(frozen=True)
class Certificate:
    """A certificate of one published record.

    ``record`` and ``salt`` are None where the content is held back or erased. ``review`` is the
    certificate of the moderator's approval, whose own review is None; it is None for records that are
    no entries, and in the compact form. ``state_proof`` shows the batch in the state of its block; it is
    None where none was made, and in the compact form.
    """

    inclusion: InclusionProof
    commitment: str
    signature: str
    record: Record | None = None
    salt: bytes | None = None
    review: Certificate | None = None
    state_proof: StateProof | None = None

    @property
    def log_id(self) -> LogId:
        """The log in which the record is said to be."""
        return self.inclusion.batch.anchor.log_id

    @property
    def id(self) -> str:
        """The certificate's identifier: chain, log and number of the record."""
        return f"{self.log_id}/{self.inclusion.leaf.seq}"

    @property
    def signed(self) -> SignedRecord | None:
        """The record with salt and signature, or None where the content is not there."""
        if self.record is None or self.salt is None:
            return None
        return SignedRecord(self.record, self.salt, self.signature)

    def redacted(self) -> Certificate:
        """Return the certificate without content and salt. All else can still be checked."""
        return replace(self, record=None, salt=None)

    def __repr__(self) -> str:
        leaf, anchor = self.inclusion.leaf, self.inclusion.batch.anchor
        kept = "" if self.record else ", content held back"
        return f"Certificate {self.id}: {leaf.type} by {leaf.author}, block {anchor.block_number}{kept}"

    # --- JSON ------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as a JSON object.

        Raises CertificateError for a salt or a review that the format can't state.
        """
        if not isinstance(self.salt, bytes | None):
            raise refused("a salt as bytes", f"a value of type {type(self.salt).__name__}")
        if not isinstance(self.state_proof, StateProof | None):
            raise refused("a StateProof", f"a value of type {type(self.state_proof).__name__}")
        if self.review is not None and (self.review.review or not self.review.record):
            raise refused(_A_REVIEW, "another")
        return {
            "format": FORMAT,
            "id": self.id,
            "record": self.record.to_json() if self.record else None,
            "salt": None if self.salt is None else "0x" + self.salt.hex(),
            "commitment": self.commitment,
            "signature": self.signature,
            **self.inclusion.to_json(),
            "state_proof": self.state_proof.to_json() if self.state_proof else None,
            "review": None if self.review is None else self.review.to_json(),
        }

    def dumps(self) -> str:
        """Return the certificate as JSON text, indented for people, the same in every run."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    @checked("text")
    def loads(cls, text: str | bytes) -> Certificate:
        """Return the certificate that a JSON text states. Raises CertificateError.

        Strict and bounded: at most ``JSON_MAX`` characters and ``DEPTH_MAX`` levels; no key twice, no
        unknown key, no number but whole ones below 2^53.
        """
        return cls.from_json(parse(text))

    @classmethod
    def from_json(cls, value: Any) -> Certificate:
        """Return the certificate that a JSON object states. Raises CertificateError."""
        stated = value.get("format") if isinstance(value, Mapping) else value
        if not isinstance(stated, str) or stated not in (FORMAT, _FORMAT_1):
            raise refused(f"a certificate of the format {FORMAT}", stated)
        more = ("state_proof",) if stated == FORMAT else ()
        fields(value, "certificate", "format", "id", "commitment", "review", *_PARTS, *more)
        review, proof = value["review"], value.get("state_proof")
        if review is not None:
            review = cls._from_review(review) if stated == FORMAT else cls._from_review_1(review)
        certificate = cls._of_parts(value, hash32(value["commitment"]), review, proof)
        if value["id"] != certificate.id:
            raise refused(f"the id {certificate.id}", value["id"])
        return certificate

    @classmethod
    def _of_parts(
        cls, value: Mapping[str, Any], commitment: str, review: Certificate | None, proof: Any
    ) -> Certificate:
        record, salt = value["record"], value["salt"]
        if (record is None) != (salt is None):
            raise refused("record and salt both, or both null", "one of them")
        return cls(
            InclusionProof.from_json(value),
            commitment,
            signature(value["signature"]),
            None if record is None else _record(record),
            None if salt is None else _salt(salt),
            review,
            None if proof is None else StateProof.from_json(proof),
        )

    @classmethod
    def _from_review(cls, value: Any) -> Certificate:
        """Return the certificate of a review, which is one like others."""
        found = value if isinstance(value, Mapping) else {}
        if (
            found.get("format") != FORMAT
            or found.get("review") is not None
            or found.get("record") is None
        ):
            raise refused(_A_REVIEW, "another")
        return cls.from_json(value)

    @classmethod
    def _from_review_1(cls, value: Any) -> Certificate:
        """Return the certificate of a review as version 1 has it: its leaf states its commitment."""
        fields(value, "review", *_PARTS)
        if value["record"] is None:
            raise refused(_A_REVIEW, "another")
        commitment = InclusionProof.from_json(value).leaf.commitment
        return cls._of_parts(value, commitment, None, None)

    # --- the compact form ------------------------------------------------------------------------

    def compact(self) -> str:
        """Return the compact form, base32 in capitals: what the QR code holds after the ``#``."""
        return compact.pack(compact.encode(self.redacted().to_json()))

    @classmethod
    @checked("text")
    def from_compact(cls, text: str) -> Certificate:
        """Return the certificate, redacted and without review, of a compact form.

        Whatever stands before a ``#`` is left out. Raises CertificateError; never inflates to more
        than ``COMPACT_MAX`` bytes.
        """
        raw, value = compact.unpack(text)
        certificate = cls(InclusionProof.from_json(value), value["commitment"], value["signature"])
        if compact.encode(certificate.to_json()) != raw:
            raise refused("CBOR in core deterministic encoding", "another way of writing it")
        return certificate


_A_REVIEW: Final = f"a review as {FORMAT} has it, with its content and with no review of its own"
#: The keys that a certificate and, in version 1, the review inside it both have.
_PARTS: Final = ("leaf", "proof", "batch", "anchor", "record", "salt", "signature")


def _record(value: Any) -> Record:
    try:
        return Record.from_json(value)
    except KitError as error:
        raise refused(f"a record with {error.expected}", error.got) from error


def _salt(value: Any) -> bytes:
    return bytes.fromhex(hash32(value)[2:])
