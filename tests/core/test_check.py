"""Whether this is the record that was received: each way in which it may not be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kit import people
from kit.core import (
    Leaf,
    LogId,
    Record,
    SignedRecord,
    commitment,
    leaf_difference,
    record_fault,
    sign,
)
from kit.errors import RecordError, SignatureError

AT = datetime(2021, 9, 20, 8, tzinfo=UTC)
LOG = LogId(20210921, people.carol.address)
ENTRY = Record.entry(people.alice.address, AT, "十人一桌", place="泉州")
NOTE = Record.witness(people.bob.address, AT, "0x" + "12" * 32, "I saw it.")


def received(record: Record, by: Any) -> tuple[Leaf, SignedRecord]:
    committed = commitment(record, bytes(32))
    signed = SignedRecord(record, bytes(32), sign(committed, LOG, by))
    return Leaf.of(7, record, committed), signed


@pytest.mark.parametrize(("record", "by"), [(ENTRY, people.alice), (NOTE, people.bob)])
def test_the_record_that_was_received(record: Record, by: Any) -> None:
    leaf, signed = received(record, by)
    assert record_fault(leaf, signed.signature, signed, LOG) == ""
    assert record_fault(leaf, signed.signature, None, LOG) == ""  # without its content
    assert leaf_difference(leaf, record) == ""


def test_other_content() -> None:
    leaf, signed = received(ENTRY, people.alice)
    words = "content differs from the commitment"
    for other in (
        replace(signed, salt=b"1" * 32),
        replace(signed, record=replace(ENTRY, body={**ENTRY.body, "text": "十人一组"})),
        replace(signed, record=replace(ENTRY, at=AT + timedelta(seconds=1))),
    ):
        assert record_fault(leaf, signed.signature, other, LOG) == words
    other_leaf = replace(leaf, commitment="0x" + "34" * 32)
    assert record_fault(other_leaf, signed.signature, signed, LOG) == words


def test_another_signature() -> None:
    leaf, signed = received(ENTRY, people.alice)
    words = "the signature is not the author's"
    for log, by in (
        (LOG, people.bob),
        (replace(LOG, chain_id=1), people.alice),
        (replace(LOG, contract=people.bob.address), people.alice),
    ):
        signature = sign(leaf.commitment, log, by)
        assert record_fault(leaf, signature, signed, LOG) == words
        assert record_fault(leaf, signature, None, LOG) == words
    # The leaf's author is who must have signed.
    bobs = replace(leaf, author=people.bob.address)
    assert record_fault(bobs, signed.signature, None, LOG) == words


@pytest.mark.parametrize(
    ("name", "value"),
    [("type", "witness"), ("at", 5), ("subject", "0x" + "12" * 32)],
)
def test_another_leaf(name: str, value: Any) -> None:
    leaf, signed = received(ENTRY, people.alice)
    other = replace(leaf, **{name: value})
    assert leaf_difference(other, ENTRY) == name
    words = "the leaf differs from the record"
    assert record_fault(other, signed.signature, signed, LOG) == words
    assert record_fault(other, signed.signature, None, LOG) == ""  # nothing to compare it with


def test_a_leaf_of_another_author_and_of_no_subject() -> None:
    leaf, _ = received(NOTE, people.bob)
    assert leaf_difference(replace(leaf, author=people.alice.address), NOTE) == "author"
    assert leaf_difference(replace(leaf, subject="0x" + "00" * 32), NOTE) == "subject"
    # Its number and its commitment are no part of what a record says.
    assert leaf_difference(replace(leaf, seq=8, commitment="0x" + "00" * 32), NOTE) == ""


def test_what_is_no_signature_and_no_salt() -> None:
    leaf, signed = received(ENTRY, people.alice)
    with pytest.raises(SignatureError, match="65 bytes"):
        record_fault(leaf, "0x", signed, LOG)
    with pytest.raises(RecordError, match="a salt of 32 bytes"):
        record_fault(leaf, signed.signature, replace(signed, salt=b""), LOG)
    with pytest.raises(RecordError, match="a commitment: 0x and 64 hex digits"):
        record_fault(replace(leaf, commitment="0x"), signed.signature, None, LOG)
