"""Who said it: a signature of a record's commitment, for one log on one chain; or of a manifest's hash.

EIP-712. An author signs ``keccak256(0x19 01 ‖ domain separator ‖ struct hash)``, where the domain is
``{name: "Civic Diary", version: "1", chainId, verifyingContract}`` and the struct is
``Record(bytes32 commitment)``; of what a registrar says of an export, ``Manifest(bytes32 sha256)``. For
another log, or as the other of the two, the same signature leads to another address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from eth_account.signers.base import BaseAccount
from eth_hash.auto import keccak  # eth_utils takes twice the time for the same
from eth_utils import to_checksum_address

from kit.arguments import checked, shown
from kit.core.record import HASH, brief, is_address
from kit.errors import ChainError, RecordError, SignatureError

__all__ = ["LogId", "domain", "sign", "signature_message", "signer"]

_TYPES: Final = {"Record": [{"name": "commitment", "type": "bytes32"}]}
_TYPE_HASHES: Final = {
    "Record": keccak(b"Record(bytes32 commitment)"),
    "Manifest": keccak(b"Manifest(bytes32 sha256)"),
}
Kind = Literal["Record", "Manifest"]
_SIGNATURE = re.compile(r"0x[0-9a-f]{128}(1b|1c)")
_LOG_ID = re.compile(r"eip155:([1-9][0-9]{0,15}):(0x[0-9a-fA-F]{40})")
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # of secp256k1


@dataclass(frozen=True)
class LogId:
    """Which log: a DiaryLog's address and its chain. What a signature is made for.

    >>> str(LogId(1, "0x5FbDB2315678afecb367f032d93F642f64180aa3"))
    'eip155:1:0x5FbDB2315678afecb367f032d93F642f64180aa3'
    >>> LogId.of(_) == LogId(1, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
    True
    """

    chain_id: int
    contract: str

    @classmethod
    @checked("text")
    def of(cls, text: str) -> LogId:
        """Return the log that a text names, as ``str`` of it does (CAIP-10). Raises ChainError."""
        found = _LOG_ID.fullmatch(text)
        if found is None or not is_address(found[2]):
            fix = "Copy it from where the log is announced."
            raise ChainError("a log as eip155:CHAIN:ADDRESS", shown(text), fix)
        return cls(int(found[1]), found[2])

    def __str__(self) -> str:
        return f"eip155:{self.chain_id}:{self.contract}"


def domain(log: LogId) -> dict[str, str | int]:
    """Return the EIP-712 domain of a log."""
    return {
        "name": "Civic Diary",
        "version": "1",
        "chainId": log.chain_id,
        "verifyingContract": to_checksum_address(log.contract),
    }


@checked("commitment", "log")
def signature_message(commitment: str, log: LogId, kind: Kind = "Record") -> SignableMessage:
    """Return what an author signs for a record, for eth-account's ``sign_message``.

    It is ``encode_typed_data(domain(log), {"Record": …}, {"commitment": …})``. The shortcut: the
    domain's part is worked out once for each log, and the struct hash is
    ``keccak256(type hash ‖ commitment)``. As a "Manifest" it is what a registrar signs for the SHA-256 of
    a manifest. Raises RecordError for what is no commitment, and for another kind.
    """
    if not HASH.fullmatch(commitment):
        raise RecordError("a commitment: 0x and 64 hex digits", brief(commitment), "Check it.")
    if not isinstance(kind, str) or kind not in _TYPE_HASHES:
        fix = "Leave it out for a record's commitment."
        raise RecordError(f"a kind of {', '.join(_TYPE_HASHES)}", brief(kind), fix)
    struct_hash = keccak(_TYPE_HASHES[kind] + bytes.fromhex(commitment[2:]))
    return SignableMessage(b"\x01", _separator(log), struct_hash)


@lru_cache(maxsize=64)
def _separator(log: LogId) -> bytes:
    """Return the EIP-712 domain separator of a log: it is the same for every commitment."""
    return bytes(encode_typed_data(domain(log), _TYPES, {"commitment": bytes(32)}).header)


@checked("commitment", "log", "by")
def sign(commitment: str, log: LogId, by: BaseAccount, kind: Kind = "Record") -> str:
    """Return the 65-byte signature of a record's commitment, 0x-prefixed. Raises RecordError.

    >>> from kit import people
    >>> log = LogId(1, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
    >>> signature = sign("0x" + "12" * 32, log, people.alice)
    >>> signer("0x" + "12" * 32, signature, log) == people.alice.address
    True
    """
    message = signature_message(commitment, log, kind)
    return "0x" + bytes(by.sign_message(message).signature).hex()


@checked("commitment", "log")
def signer(commitment: str, signature: str, log: LogId, kind: Kind = "Record") -> str:
    """Return the address whose key made the signature.

    Raises SignatureError if no key can have, RecordError for what is no commitment.
    """
    message = signature_message(commitment, log, kind)
    expected, fix = "0x and a signature of 65 bytes", "Ask the author to sign the record again."
    if not isinstance(signature, str) or not _SIGNATURE.fullmatch(signature):
        raise SignatureError(expected, brief(signature), fix)
    if int(signature[66:130], 16) > _HALF_ORDER:
        # Each signature has a twin with the other s. Only the lower is taken (EIP-2), so that
        # nobody can make a second signature out of the first.
        raise SignatureError("the lower s of a signature's two", "the higher", fix)
    try:
        raw = bytes.fromhex(signature[2:])
        return str(Account.recover_message(message, signature=raw))
    except Exception as error:  # eth-keys and coincurve have errors of their own
        raise SignatureError(expected, str(error) or "none", fix) from error
