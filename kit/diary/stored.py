"""A record as the archive has it: what stays of it for ever, its content, and where it stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from kit.core import (
    BODY_BYTES_MAX,
    SALT_BYTES,
    Leaf,
    LogId,
    Record,
    SignedRecord,
    leaf_difference,
    nests_too_deep,
    record_fault,
)
from kit.errors import RecordError

__all__ = ["StoredRecord"]


@dataclass(frozen=True)
class StoredRecord:
    """A record of the archive. Whether it is still what was received, ``intact`` says.

    ``arrived`` counts the records from 1. ``at`` is in Unix seconds, ``subject`` 32 zero bytes (as
    hex) where there is none, ``decision`` that of a review or None. ``erased`` says that the content
    is gone, ``purged`` that the file was written anew since. ``canonical`` and ``salt`` are what was
    hashed, as the archive has them: None once they are erased, and whatever somebody put in their
    place. ``leaf`` is the record's leaf if a batch has it, else None; ``published`` says that this
    batch was seen on the chain.
    """

    arrived: int
    commitment: str
    type: str
    author: str
    at: int
    subject: str
    decision: str | None
    signature: str
    erased: bool
    purged: bool
    canonical: bytes | None = field(repr=False)
    salt: bytes | None = field(repr=False)
    leaf: Leaf | None
    published: bool

    @property
    def move(self) -> str:
        """What the record does to an entry, in the words of ``kit.core.rules``."""
        return self.decision or {"withdrawal": "withdraw"}.get(self.type, self.type)

    def signed(self) -> SignedRecord | None:
        """Return the record, or None if its content was erased. Raises RecordError if it is none."""
        if self.erased:
            return None
        try:
            if not isinstance(self.canonical, bytes) or len(self.canonical) > BODY_BYTES_MAX:
                raise ValueError(f"not the at most {BODY_BYTES_MAX:,} bytes of a record")
            if not isinstance(self.salt, bytes) or len(self.salt) != SALT_BYTES:
                raise ValueError(f"not a salt of {SALT_BYTES} bytes")
            text = self.canonical.decode()
            if nests_too_deep(text):
                raise ValueError("deeper than a record")
            record = Record.from_json(json.loads(text))
        except ValueError as error:
            fix = "The archive was damaged."
            raise RecordError("a record in the archive", str(error), fix) from error
        return SignedRecord(record, self.salt, self.signature)

    def intact(self) -> SignedRecord | None:
        """Return the record if its content is there, has its commitment, and says what is public of it.

        Else None. Who signed it is not asked: see ``fault``.
        """
        try:
            signed = self.signed()
        except RecordError:
            return None
        if signed is None or signed.commitment != self.commitment:
            return None
        return None if leaf_difference(self.leaf_at(0), signed.record) else signed

    def fault(self, log: LogId) -> str:
        """Return why this isn't the record that was received for a log, or ''.

        Of what was erased the signature alone is asked. Raises RecordError or SignatureError for what
        is no record or no signature.
        """
        return record_fault(self.leaf_at(0), self.signature, self.signed(), log)

    def leaf_at(self, seq: int) -> Leaf:
        """Return the leaf that the record would have under the number ``seq``."""
        return Leaf(seq, self.type, self.author, self.at, self.subject, self.commitment)
