"""The manifest of an export, signed by a registrar of its log, so that no word of it is changed unseen.

The manifest is ``datapackage.json``: chain, log, block, licence, whether it is simulated, and the SHA-256
of every file. A registrar signs the SHA-256 of its RFC 8785 form without the signature itself, as
EIP-712 ``Manifest(bytes32 sha256)`` in the domain of the log (see ``kit.core.signature``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import rfc8785

from kit.core import NOT_ASKED, Batch, LogId, StepFailed, StepOpen, sign, signer
from kit.errors import KitError
from kit.log import REGISTRAR_ROLE

if TYPE_CHECKING:
    from eth_account.signers.base import BaseAccount

    from kit.log import Log

__all__ = ["SIGNATURE", "is_signed", "may_sign", "signed", "who_signed"]

#: Where the signature stands: ``civic_diary.signature``.
ABOUT, SIGNATURE = "civic_diary", "signature"
#: Said of a folder of an older kit, or of somebody who is no registrar.
UNSIGNED: Final = "no registrar signed what the folder says of itself"


def signed(package: Mapping[str, Any], log: LogId, by: BaseAccount) -> dict[str, Any]:
    """Return a manifest with the signature of a registrar."""
    about = dict(package[ABOUT]) | {SIGNATURE: sign(_hash(package), log, by, "Manifest")}
    return dict(package) | {ABOUT: about}


def is_signed(package: Mapping[str, Any]) -> bool:
    """Return whether a manifest has a signature, good or not."""
    return SIGNATURE in package[ABOUT]


def may_sign(log: Log, address: str, batches: Sequence[Batch]) -> bool:
    """Return whether an address is a registrar: it has the role, or appended one of the batches."""
    return address in {batch.registrar for batch in batches} or log.has_role(
        REGISTRAR_ROLE, address
    )


def who_signed(package: Mapping[str, Any], log_id: LogId, log: Log | None) -> str:
    """Return who signed a manifest, in words; without a log, nobody was asked whether they may.

    Raises StepFailed unless it was a registrar of the log, StepOpen for one that is unsigned, or without
    a log.
    """
    if not is_signed(package):
        raise StepOpen(NOT_ASKED, UNSIGNED)
    try:
        who = signer(_hash(package), package[ABOUT][SIGNATURE], log_id, "Manifest")
    except (KitError, ValueError, TypeError) as error:  # what RFC 8785 can't write is a ValueError
        raise StepFailed("the signature of datapackage.json is none") from error
    if log is None or log.log_id != log_id:
        why = "no log named" if log is None else "there is no log to compare with"
        raise StepOpen(NOT_ASKED, f"signed by {who}; {why}")
    if not may_sign(log, who, log.batches()):
        raise StepFailed(f"datapackage.json was changed, or signed by {who}, who is no registrar")
    return f"by {who}, a registrar of the log"


def _hash(package: Mapping[str, Any]) -> str:
    about = {name: value for name, value in package[ABOUT].items() if name != SIGNATURE}
    return "0x" + sha256(rfc8785.dumps(dict(package) | {ABOUT: about})).hexdigest()
