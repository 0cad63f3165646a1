"""The compact form of a certificate: what its QR code holds. Frozen as compact form 1.

Everything but record, salt and review, as a CBOR array in core deterministic encoding (RFC 8949,
4.2.1), in raw DEFLATE (RFC 1951), in base32 without padding (RFC 4648)::

    [1, chain id, contract, seq, type code, author, at, subject or null, commitment, signature,
     proof (its hashes joined), batch number, root, first seq, count,
     transaction hash, block number, block hash, block time, log index]

Addresses are 20 bytes, hashes 32, the signature 65; times are Unix seconds.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import cbor2
from eth_utils import to_checksum_address

from kit.core.merkle import subject_from_leaf, subject_to_leaf
from kit.core.reading import integer, refused
from kit.core.record import TYPES, format_time, parse_time

__all__ = ["COMPACT_MAX", "encode", "pack", "unpack"]

#: Bytes of the compact form, inflated. A proof of ten hashes comes to about 700.
COMPACT_MAX: Final = 2_048

_VERSION: Final = 1
_TYPE_NAMES: Final = {code: name for name, code in TYPES.items()}


def encode(certificate: Mapping[str, Any]) -> bytes:
    """Return the CBOR of a certificate's JSON object."""
    leaf, batch, anchor = certificate["leaf"], certificate["batch"], certificate["anchor"]
    subject = subject_from_leaf(leaf["subject"])
    fields = [
        _VERSION,
        anchor["chain_id"],
        _raw(anchor["contract"]),
        leaf["seq"],
        TYPES[leaf["type"]],
        _raw(leaf["author"]),
        leaf["at"],
        None if subject is None else _raw(subject),
        _raw(leaf["commitment"]),
        _raw(certificate["signature"]),
        b"".join(_raw(node) for node in certificate["proof"]),
        batch["number"],
        _raw(batch["root"]),
        batch["first_seq"],
        batch["count"],
        _raw(anchor["transaction_hash"]),
        anchor["block_number"],
        _raw(anchor["block_hash"]),
        int(parse_time(anchor["block_time"]).timestamp()),
        anchor["log_index"],
    ]
    return cbor2.dumps(fields, canonical=True)


def pack(raw: bytes) -> str:
    """Return the text of a CBOR array: deflated, in base32 capitals."""
    # Hashes don't shrink, and how well the rest does depends on the zlib at hand: stored blocks
    # (level 0) give the same code on every machine.
    deflate = zlib.compressobj(level=0, wbits=-15)
    packed = deflate.compress(raw) + deflate.flush()
    return base64.b32encode(packed).decode().rstrip("=")


def unpack(text: str) -> tuple[bytes, dict[str, Any]]:
    """Return the CBOR of a compact form, and what it states as a certificate's JSON does.

    Whatever stands before a ``#`` is left out. Raises CertificateError; never inflates to more than
    ``COMPACT_MAX`` bytes. Left to ask: whether the values are in their bounds, and ``encode``
    gives the same bytes again.
    """
    raw, fields = _inflate(text.rpartition("#")[2])
    proof = fields[10]
    if not isinstance(proof, bytes):
        raise refused("the proof as bytes", proof)
    if len(proof) % 32:
        raise refused("a proof of whole hashes", f"{len(proof)} bytes")
    commitment = _hex(fields[8], 32)
    return raw, {
        "commitment": commitment,
        "signature": _hex(fields[9], 65),
        "leaf": {
            "seq": fields[3],
            "type": _TYPE_NAMES.get(fields[4] if isinstance(fields[4], int) else 0),
            "author": _checksum(fields[5]),
            "at": fields[6],
            "subject": subject_to_leaf(None if fields[7] is None else _hex(fields[7], 32)),
            "commitment": commitment,
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


def _inflate(text: str) -> tuple[bytes, list[Any]]:
    """Return the CBOR of a compact form and its twenty fields."""
    if len(text) > 2 * COMPACT_MAX or not re.fullmatch(r"[A-Z2-7]+", text):
        raise refused("base32 in capitals, without padding", text)
    try:
        packed = base64.b32decode(text + "=" * (-len(text) % 8))
        inflate = zlib.decompressobj(wbits=-15)
        raw = inflate.decompress(packed, COMPACT_MAX)
        if not inflate.eof or inflate.unused_data:
            raise zlib.error("it is cut off, too long, or has something behind it")
        fields = cbor2.loads(raw, max_depth=2, allow_indefinite=False)
    except Exception as error:  # base64, zlib and cbor2 each have errors of their own
        raise refused("a compact form: CBOR, deflated, in base32", str(error)) from error
    if not isinstance(fields, list) or len(fields) != 20 or fields[0] != _VERSION:
        raise refused(f"compact form {_VERSION}, with 20 fields", fields)
    return raw, fields


def _raw(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def _hex(value: Any, size: int) -> str:
    if not isinstance(value, bytes) or len(value) != size:
        raise refused(f"{size} bytes", value)
    return "0x" + value.hex()


def _checksum(value: Any) -> str:
    return to_checksum_address(_hex(value, 20))


def _unix(value: Any) -> datetime:
    try:
        return datetime.fromtimestamp(integer(value, "block time"), UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise refused("a time before the year 10000", str(error)) from error
