"""Whether this is the record that was received, and whether its time can be true.

What was received says: this author signed this commitment, for this log. A record is that one if it
has the commitment, the signature is its author's, and its leaf says what it says. Its author wrote its
time; it can't be later than that of the block that holds it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from kit.arguments import checked
from kit.core.merkle import Leaf
from kit.core.record import Record, SignedRecord
from kit.core.signature import LogId, signer

__all__ = ["AHEAD_MAX", "LATER", "is_later", "leaf_difference", "record_fault"]

#: Seconds by which a record's time may be after that of its block: the author's clock may be fast by
#: so much, or that of the block's maker slow.
AHEAD_MAX: Final = 300
#: What is said of a record that is later than that.
LATER: Final = "dated later than its block"


@checked("leaf", "signed", "log")
def record_fault(leaf: Leaf, signature: str, signed: SignedRecord | None, log: LogId) -> str:
    """Return what is wrong, or '': the first of the three that does not hold.

    ``leaf`` is what is public of the record, ``signature`` its author's, ``signed`` its content, or
    None where that is not there: then the signature alone is asked for. Raises SignatureError for what
    is no signature, RecordError for what is no commitment or no salt.

    >>> from datetime import UTC, datetime
    >>> from kit import people
    >>> from kit.core import Record, commitment, sign
    >>> log, salt = LogId(1, "0x5FbDB2315678afecb367f032d93F642f64180aa3"), bytes(32)
    >>> told = Record.entry(people.alice.address, datetime(2021, 9, 20, tzinfo=UTC), "你好", place="泉州")
    >>> signature = sign(commitment(told, salt), log, people.alice)
    >>> leaf = Leaf.of(7, told, commitment(told, salt))
    >>> record_fault(leaf, signature, SignedRecord(told, salt, signature), log)
    ''
    >>> record_fault(leaf, signature, SignedRecord(told, b"1" * 32, signature), log)
    'content differs from the commitment'
    """
    if signed is not None and signed.commitment != leaf.commitment:
        return "content differs from the commitment"
    if signer(leaf.commitment, signature, log) != leaf.author:
        return "the signature is not the author's"
    if signed is not None and leaf_difference(leaf, signed.record):
        return "the leaf differs from the record"
    return ""


@checked("leaf")
def leaf_difference(leaf: Leaf, record: Record) -> str:
    """Return the first of type, author, at and subject that a leaf has other than its record, or ''."""
    told = vars(Leaf.of(leaf.seq, record, leaf.commitment))
    return next((name for name, value in vars(leaf).items() if value != told[name]), "")


@checked("leaf", "block_time")
def is_later(leaf: Leaf, block_time: datetime) -> bool:
    """Return whether a leaf's time is more than ``AHEAD_MAX`` seconds after that of its block.

    >>> from datetime import UTC, timedelta
    >>> leaf = Leaf(0, "entry", "0x" + "11" * 20, 1632124800, "0x" + "00" * 32, "0x" + "22" * 32)
    >>> block = datetime(2021, 9, 20, 8, tzinfo=UTC)
    >>> is_later(leaf, block), is_later(leaf, block - timedelta(minutes=6))
    (False, True)
    """
    return leaf.at - block_time.timestamp() > AHEAD_MAX
