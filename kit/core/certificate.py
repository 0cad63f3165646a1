"""What is handed out: a certificate that anyone can check, as JSON and in the compact form of a QR code.

The formats are frozen as ``civic-diary-certificate/1`` and as compact form 1.

JSON: an object with the keys ``format, id, record, salt, commitment, signature, leaf, proof, batch,
anchor, review``. ``record`` and ``salt`` are null where the content is held back or erased; ``review``
is null for a record that is no entry. Unknown keys and other versions are refused.

Compact form: everything but record, salt and review, as a CBOR array in core deterministic encoding
(RFC 8949, 4.2.1), in raw DEFLATE (RFC 1951), in base32 without padding (RFC 4648)::

    [1, chain id, contract, seq, type code, author, at, subject or null, commitment, signature,
     proof (its hashes joined), batch number, root, first seq, count,
     transaction hash, block number, block hash, block time, log index]

Addresses are 20 bytes, hashes 32, the signature 65; times are Unix seconds.

This module knows neither web3 nor pandas.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import cbor2
from eth_utils import to_checksum_address

from kit.core.depth import LEVELS_MAX, nests_too_deep
from kit.core.merkle import BATCH_MAX, Anchor, Batch, Leaf
from kit.core.record import TYPES, Record, format_time, is_address, parse_time, utc
from kit.errors import CertificateError, KitError

__all__ = [
    "COMPACT_MAX",
    "FORMAT",
    "JSON_MAX",
    "Certificate",
    "InclusionProof",
    "Review",
]

FORMAT: Final = "civic-diary-certificate/1"
COMPACT_VERSION: Final = 1

# --- the bounds, and why -------------------------------------------------------------------------

#: Characters of a certificate's JSON: two records of 64 KiB, escaped, with room to spare.
JSON_MAX: Final = 1_000_000
#: Hashes of a proof: a batch has at most 1,024 leaves.
PROOF_MAX: Final = BATCH_MAX.bit_length() - 1
#: Bytes of the compact form, inflated. A proof of ten hashes comes to about 700.
COMPACT_MAX: Final = 2_048
#: Whole numbers are exact up to here in every language, JavaScript's doubles included.
INTEGER_MAX: Final = 2**53 - 1
#: The last second of the year 9999, after which no record and no block can have its time.
TIME_MAX: Final = 253_402_300_799

_HASH = re.compile(r"0x[0-9a-f]{64}")
_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")
_ZERO = "0x" + "00" * 32
_TYPE_NAMES = {code: name for name, code in TYPES.items()}


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
    def from_json(cls, value: Mapping[str, Any]) -> InclusionProof:
        """Return what the four keys state. Raises CertificateError."""
        leaf = _object(
            value["leaf"], "leaf", "seq", "type", "author", "at", "subject", "commitment"
        )
        batch = _object(value["batch"], "batch", "number", "root", "first_seq", "count")
        anchor = _object(
            value["anchor"],
            "anchor",
            *("chain_id", "contract", "transaction_hash", "block_number"),
            *("block_hash", "block_time", "log_index"),
        )
        if leaf["type"] not in tuple(TYPES):
            raise _refused(f"a type of {', '.join(TYPES)}", leaf["type"])
        proof = value["proof"]
        if not isinstance(proof, list) or len(proof) > PROOF_MAX:
            raise _refused(f"a proof of at most {PROOF_MAX} hashes", proof)
        return cls(
            Leaf(
                _integer(leaf["seq"], "seq"),
                leaf["type"],
                _address(leaf["author"]),
                _integer(leaf["at"], "at", 0, TIME_MAX),
                _hash(leaf["subject"]),
                _hash(leaf["commitment"]),
            ),
            tuple(_hash(node) for node in proof),
            Batch(
                _integer(batch["number"], "batch number"),
                _hash(batch["root"]),
                _integer(batch["first_seq"], "first_seq"),
                _integer(batch["count"], "count", 1, BATCH_MAX),
                Anchor(
                    _integer(anchor["chain_id"], "chain_id", 1),
                    _address(anchor["contract"]),
                    _hash(anchor["transaction_hash"]),
                    _integer(anchor["block_number"], "block_number"),
                    _hash(anchor["block_hash"]),
                    _time(anchor["block_time"]),
                    _integer(anchor["log_index"], "log_index"),
                ),
            ),
        )


@dataclass(frozen=True)
class Review:
    """The moderator's approval of an entry: itself a record with its salt, signature and place."""

    inclusion: InclusionProof
    record: Record
    salt: str
    signature: str


@dataclass(frozen=True)
class Certificate:
    """A certificate of one published record.

    ``record`` and ``salt`` are None where the content is held back or erased, and ``review`` is None
    for records that are no entries, and in the compact form.
    """

    inclusion: InclusionProof
    commitment: str
    signature: str
    record: Record | None = None
    salt: str | None = None
    review: Review | None = None

    @property
    def id(self) -> str:
        """The certificate's identifier: chain, log and number of the record."""
        anchor = self.inclusion.batch.anchor
        return f"eip155:{anchor.chain_id}:{anchor.contract}/{self.inclusion.leaf.seq}"

    def redacted(self) -> Certificate:
        """Return the certificate without content and salt. All else can still be checked."""
        return replace(self, record=None, salt=None)

    # --- JSON ------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as a JSON object."""
        review = self.review
        return {
            "format": FORMAT,
            "id": self.id,
            "record": self.record.to_json() if self.record else None,
            "salt": self.salt,
            "commitment": self.commitment,
            "signature": self.signature,
            **self.inclusion.to_json(),
            "review": review
            and {
                **review.inclusion.to_json(),
                "record": review.record.to_json(),
                "salt": review.salt,
                "signature": review.signature,
            },
        }

    def dumps(self) -> str:
        """Return the certificate as JSON text, indented for people, the same in every run."""
        return json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def loads(cls, text: str | bytes) -> Certificate:
        """Return the certificate that a JSON text states. Raises CertificateError.

        Strict and bounded: at most ``JSON_MAX`` characters and ``LEVELS_MAX`` levels; no key twice, no
        unknown key, no number but whole ones below 2^53.
        """
        if isinstance(text, bytes):
            try:
                text = text[: 4 * JSON_MAX + 1].decode("utf-8")
            except UnicodeDecodeError:
                raise _refused("JSON in UTF-8", "other bytes") from None
        if len(text) > JSON_MAX:
            raise _refused(f"at most {JSON_MAX:,} characters", f"{len(text):,}")
        if nests_too_deep(text):
            raise _refused(f"JSON of at most {LEVELS_MAX} levels", "more")
        try:
            value = json.loads(
                text,
                object_pairs_hook=_unique,
                parse_float=_no_float,
                parse_constant=_no_float,
                parse_int=_parse_integer,
            )
        except ValueError as error:
            raise _refused("JSON", str(error)) from None
        return cls.from_json(value)

    @classmethod
    def from_json(cls, value: Any) -> Certificate:
        """Return the certificate that a JSON object states. Raises CertificateError."""
        if not isinstance(value, Mapping) or value.get("format") != FORMAT:
            got = value.get("format") if isinstance(value, Mapping) else value
            raise _refused(f"a certificate of the format {FORMAT}", got)
        keys = ("commitment", "signature", "leaf", "proof", "batch", "anchor", "record", "salt")
        _object(value, "certificate", "format", "id", *keys, "review")
        record, salt, review = value["record"], value["salt"], value["review"]
        if (record is None) != (salt is None):
            raise _refused("record and salt both, or both null", "one of them")
        certificate = cls(
            InclusionProof.from_json(value),
            _hash(value["commitment"]),
            _signature(value["signature"]),
            None if record is None else _record(record),
            None if salt is None else _hash(salt),
            None if review is None else _review(review),
        )
        if value["id"] != certificate.id:
            raise _refused(f"the id {certificate.id}", value["id"])
        return certificate

    # --- the compact form ------------------------------------------------------------------------

    def compact(self) -> str:
        """Return the compact form, base32 in capitals: what the QR code holds after the ``#``."""
        # Hashes don't shrink, and how well the rest does depends on the zlib at hand: stored blocks
        # (level 0) give the same code on every machine.
        deflate = zlib.compressobj(level=0, wbits=-15)
        packed = deflate.compress(self._cbor()) + deflate.flush()
        return base64.b32encode(packed).decode().rstrip("=")

    def _cbor(self) -> bytes:
        leaf, batch = self.inclusion.leaf, self.inclusion.batch
        anchor = batch.anchor
        fields = [
            COMPACT_VERSION,
            anchor.chain_id,
            _raw(anchor.contract),
            leaf.seq,
            TYPES[leaf.type],
            _raw(leaf.author),
            leaf.at,
            None if leaf.subject == _ZERO else _raw(leaf.subject),
            _raw(leaf.commitment),
            _raw(self.signature),
            b"".join(_raw(node) for node in self.inclusion.proof),
            batch.number,
            _raw(batch.root),
            batch.first_seq,
            batch.count,
            _raw(anchor.transaction_hash),
            anchor.block_number,
            _raw(anchor.block_hash),
            int(anchor.block_time.timestamp()),
            anchor.log_index,
        ]
        return cbor2.dumps(fields, canonical=True)

    @classmethod
    def from_compact(cls, text: str) -> Certificate:
        """Return the certificate, redacted and without review, of a compact form.

        Whatever stands before a ``#`` is left out. Raises CertificateError; never inflates to more
        than ``COMPACT_MAX`` bytes.
        """
        raw, fields = _unpack(text.rpartition("#")[2])
        proof = _bytes(fields[10], "the proof")
        if len(proof) % 32:
            raise _refused("a proof of whole hashes", f"{len(proof)} bytes")
        value = {
            "leaf": {
                "seq": fields[3],
                "type": _TYPE_NAMES.get(fields[4] if isinstance(fields[4], int) else 0),
                "author": _checksum(fields[5]),
                "at": fields[6],
                "subject": _ZERO if fields[7] is None else _hex(fields[7], 32),
                "commitment": _hex(fields[8], 32),
            },
            "proof": [_hex(proof[i : i + 32], 32) for i in range(0, len(proof), 32)],
            "batch": {
                "number": fields[11],
                "root": _hex(fields[12], 32),
                "first_seq": fields[13],
                "count": fields[14],
            },
            "anchor": {
                "chain_id": fields[1],
                "contract": _checksum(fields[2]),
                "transaction_hash": _hex(fields[15], 32),
                "block_number": fields[16],
                "block_hash": _hex(fields[17], 32),
                "block_time": format_time(_unix(fields[18])),
                "log_index": fields[19],
            },
        }
        certificate = cls(InclusionProof.from_json(value), _hex(fields[8], 32), _hex(fields[9], 65))
        if certificate._cbor() != raw:
            raise _refused("CBOR in core deterministic encoding", "another way of writing it")
        return certificate

    def __repr__(self) -> str:
        leaf, anchor = self.inclusion.leaf, self.inclusion.batch.anchor
        kept = "" if self.record else ", content held back"
        return f"Certificate {self.id}: {leaf.type} by {leaf.author}, block {anchor.block_number}{kept}"


# --- reading, part by part -----------------------------------------------------------------------


def _refused(expected: str, got: Any) -> CertificateError:
    try:  # what is not printable could not be written, or would move a terminal's cursor
        shown = got if isinstance(got, str) and got.isprintable() else repr(got)
    except (ValueError, RecursionError):  # Python writes no number of more than 4,300 digits
        shown = f"a huge {type(got).__name__}"
    shown = shown if len(shown) <= 80 else shown[:77] + "…"
    return CertificateError(expected, shown, "Ask for the certificate again, from its source.")


def _object(value: Any, name: str, *keys: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or set(value) != set(keys):
        got = sorted(map(str, value)) if isinstance(value, Mapping) else value
        raise _refused(f"{name} with the keys {', '.join(sorted(keys))}", got)
    return value


def _integer(value: Any, name: str, least: int = 0, most: int = INTEGER_MAX) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _refused(f"{name} as a whole number from {least} to {most}", value)
    return value


def _hash(value: Any) -> str:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        raise _refused("a hash: 0x and 64 hex digits in small letters", value)
    return value


def _signature(value: Any) -> str:
    if not isinstance(value, str) or not _SIGNATURE.fullmatch(value):
        raise _refused("a signature: 0x and 130 hex digits in small letters", value)
    return value


def _address(value: Any) -> str:
    if not isinstance(value, str) or not is_address(value):
        raise _refused("an address with the capitals of EIP-55", value)
    return value


def _time(value: Any) -> datetime:
    try:
        return utc(parse_time(value))
    except KitError as error:
        raise _refused("a UTC time like 2021-09-20T08:00:00Z", error.got) from None


def _record(value: Any) -> Record:
    try:
        return Record.from_json(value)
    except KitError as error:
        raise _refused(f"a record with {error.expected}", error.got) from None


def _review(value: Any) -> Review:
    _object(value, "review", "leaf", "proof", "batch", "anchor", "record", "salt", "signature")
    return Review(
        InclusionProof.from_json(value),
        _record(value["record"]),
        _hash(value["salt"]),
        _signature(value["signature"]),
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key that stands twice")
    return found


def _no_float(text: str) -> Any:
    raise ValueError(f"the number {text[:20]}, which is not whole")


def _parse_integer(text: str) -> int:
    if len(text) > 17:
        raise ValueError("a whole number of more than 17 digits")
    return int(text)


def _unpack(text: str) -> tuple[bytes, list[Any]]:
    """Return the CBOR of a compact form and its twenty fields. Raises CertificateError."""
    if len(text) > 2 * COMPACT_MAX or not re.fullmatch(r"[A-Z2-7]+", text):
        raise _refused("base32 in capitals, without padding", text)
    try:
        packed = base64.b32decode(text + "=" * (-len(text) % 8))
        inflate = zlib.decompressobj(wbits=-15)
        raw = inflate.decompress(packed, COMPACT_MAX)
        if not inflate.eof or inflate.unused_data:
            raise zlib.error("it is cut off, too long, or has something behind it")
        fields = cbor2.loads(raw, max_depth=2, allow_indefinite=False)
    except Exception as error:  # base64, zlib and cbor2 each have errors of their own
        raise _refused("a compact form: CBOR, deflated, in base32", str(error)) from None
    if not isinstance(fields, list) or len(fields) != 20 or fields[0] != COMPACT_VERSION:
        raise _refused(f"compact form {COMPACT_VERSION}, with 20 fields", fields)
    return raw, fields


def _raw(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def _bytes(value: Any, name: str) -> bytes:
    if not isinstance(value, bytes):
        raise _refused(f"{name} as bytes", value)
    return value


def _hex(value: Any, size: int) -> str:
    if not isinstance(value, bytes) or len(value) != size:
        raise _refused(f"{size} bytes", value)
    return "0x" + value.hex()


def _checksum(value: Any) -> str:
    return to_checksum_address(_hex(value, 20))


def _unix(value: Any) -> datetime:
    try:
        return datetime.fromtimestamp(_integer(value, "block time"), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise _refused("a time before the year 10000", str(error)) from None
