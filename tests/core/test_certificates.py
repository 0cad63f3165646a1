"""Certificates in both forms: what goes out comes back, and nothing else comes in."""

from __future__ import annotations

import base64
import contextlib
import json
import random
import time
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import cbor2
import pytest
import qrcode
from eth_utils import keccak, to_checksum_address
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import kit
from kit import people
from kit.core import (
    COMPACT_MAX,
    JSON_MAX,
    Anchor,
    Attachment,
    Batch,
    Certificate,
    InclusionProof,
    Leaf,
    LogId,
    Record,
    Tree,
    compact,
    sign,
)
from kit.core import record as records
from kit.core.reading import DEPTH_MAX
from kit.errors import CertificateError, KitError
from kit.given import compact_text

SAME = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=150
)
ALICE, MODERATOR = people.alice, people.moderator
AT = datetime(2021, 9, 20, 8, tzinfo=UTC)
CHAIN_ID, CONTRACT = 20210921, to_checksum_address("0x" + "c0" * 20)
TEXT = '十人一桌，今年改成十人一组。[[[{"\\'
SALT = keccak(text="the salt of the entry")
INTEGER_MAX = 2**53 - 1
YEAR_10000 = 253_402_300_800


def filler(number: int) -> str:
    return "0x" + keccak(number.to_bytes(32, "big")).hex()


def issue(size: int, seq: int = 0, **anchor: Any) -> Certificate:
    """A certificate, good in itself, of an entry in a batch of ``size`` whose block is made up."""
    place = {"chain_id": CHAIN_ID, "contract": CONTRACT, "transaction_hash": filler(1)}
    place |= {"block_number": 4, "block_hash": filler(2), "log_index": 0}
    place["block_time"] = AT + timedelta(hours=2)
    place |= anchor
    picture = Attachment.of("a.png", b"\x89PNG\r\n\x1a\n")
    told = Record.entry(ALICE.address, AT, TEXT, place="泉州", attachments=[picture])
    commitment = records.commitment(told, SALT)
    later = AT + timedelta(hours=1)
    approval = Record.review(
        MODERATOR.address, later, commitment, "approve", reason_code="ok", reason="很好"
    )
    salt = keccak(text="the salt of the review")
    approved = records.commitment(approval, salt)
    leaves = [Leaf.of(seq, told, commitment), Leaf.of(seq + 1, approval, approved)]
    hashes = [leaf.hash() for leaf in leaves][:size]
    hashes += [filler(1000 + number) for number in range(size - len(hashes))]
    tree = Tree(hashes)
    batch = Batch(0, tree.root, seq, size, Anchor(**place))

    log = LogId(place["chain_id"], place["contract"])
    review = None
    if size > 1:
        member = InclusionProof(leaves[1], tuple(tree.proof(leaves[1].hash())), batch)
        review = Certificate(member, approved, sign(approved, log, MODERATOR), approval, salt)
    member = InclusionProof(leaves[0], tuple(tree.proof(leaves[0].hash())), batch)
    own = sign(commitment, log, ALICE)
    return Certificate(member, commitment, own, told, SALT, review)


FULL = issue(9)


def refused(value: Any, match: str = ".") -> None:
    """Check that a certificate's JSON (text, bytes or object) is refused, and how."""
    read = Certificate.loads if isinstance(value, str | bytes) else Certificate.from_json
    _refused(read, value, match)


def refused_compact(text: str, match: str = ".") -> None:
    _refused(Certificate.from_compact, text, match)


def _refused(read: Callable[[Any], Certificate], value: Any, match: str) -> None:
    with pytest.raises(CertificateError, match=match) as caught:
        read(value)
    str(caught.value).encode()  # it can be written
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    if isinstance(value, str | bytes):
        result = kit.verify(value)
        assert (result.ok, result.level, result.id) == (False, "failed", "no certificate")
        repr(result).encode()


@contextmanager
def bounded(*, seconds: float, memory: int) -> Iterator[None]:
    """Fail if what is done inside takes longer, or more bytes at a time. (Tracing them slows it.)"""
    tracemalloc.start()
    start = time.process_time()
    try:
        yield
        taken, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert taken < seconds
    assert peak < memory


def test_the_certificate_of_these_tests_is_good() -> None:
    # Else each refusal below could be for another reason.
    result = kit.verify(FULL)
    assert [step.outcome for step in result.steps] == ["passed"] * 5 + ["not asked"] * 4
    assert Certificate.loads(FULL.dumps()) == FULL


# --- round trips ---------------------------------------------------------------------------------

INTEGERS = st.integers(0, INTEGER_MAX) | st.sampled_from([0, 1, 23, 24, 255, 256, 65535, 65536])
SECONDS = st.integers(0, YEAR_10000 - 1) | st.sampled_from([0, YEAR_10000 - 1])
TIMES = SECONDS.map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
HASHES = st.binary(min_size=32, max_size=32).map(lambda raw: "0x" + raw.hex())
SUBJECTS = HASHES.filter(lambda value: int(value, 16) > 0)
ADDRESSES = st.binary(min_size=20, max_size=20).map(to_checksum_address)
SIGNATURES = st.binary(min_size=65, max_size=65).map(lambda raw: "0x" + raw.hex())
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=30)
TEXTS = TEXTS.map(lambda text: "真" + text)  # something that can be seen
NAMES = TEXTS.map(lambda text: text.replace("/", "").replace("\\", ""))
FILES = st.fixed_dictionaries(
    {
        "name": NAMES,
        "media_type": st.sampled_from(list(records.MEDIA_TYPES)),
        "size": st.integers(1, records.ATTACHMENT_BYTES_MAX),
        "sha256": HASHES,
    }
)
BODIES: dict[str, Any] = {
    "entry": {
        "text": TEXTS,
        "place": TEXTS,
        "role": TEXTS,
        "attachments": st.lists(FILES, max_size=9),
    },
    "review": {
        "decision": st.sampled_from(records.DECISIONS),
        "reason_code": TEXTS | st.just(""),
        "reason": TEXTS | st.just(""),
    },
    "witness": {"note": TEXTS | st.just("")},
    "withdrawal": {"reason": TEXTS | st.just("")},
    "appeal": {"text": TEXTS},
    "bulletin": {
        "source": TEXTS,
        "as_of": TIMES.map(records.format_time),
        "figures": st.dictionaries(
            TEXTS, st.integers(-INTEGER_MAX, INTEGER_MAX), min_size=1
        ).filter(lambda figures: len(figures) == len({records._line(k, "") for k in figures})),
    },
}


@st.composite
def any_record(draw: Any) -> Record:
    kind = draw(st.sampled_from(list(records.TYPES)))
    subject = None if kind == "entry" else draw(SUBJECTS)
    if kind == "bulletin":
        subject = draw(st.none() | st.just(subject))
    body = draw(st.fixed_dictionaries(BODIES[kind]))
    return Record(kind, draw(ADDRESSES), draw(TIMES), subject, body)


LEAVES = st.builds(
    Leaf,
    seq=INTEGERS,
    type=st.sampled_from(list(records.TYPES)),
    author=ADDRESSES,
    at=SECONDS,
    subject=HASHES | st.just("0x" + "00" * 32),
    commitment=HASHES,
)
ANCHORS = st.builds(
    Anchor,
    chain_id=INTEGERS.filter(bool),
    contract=ADDRESSES,
    transaction_hash=HASHES,
    block_number=INTEGERS,
    block_hash=HASHES,
    block_time=TIMES,
    log_index=INTEGERS,
)
BATCHES = st.builds(
    Batch,
    number=INTEGERS,
    root=HASHES,
    first_seq=INTEGERS,
    count=st.integers(1, 1024) | st.sampled_from([1, 1024]),
    anchor=ANCHORS,
)
MEMBERSHIPS = st.builds(InclusionProof, LEAVES, st.lists(HASHES, max_size=10).map(tuple), BATCHES)
SALTS = st.binary(min_size=32, max_size=32)


@st.composite
def reviews(draw: Any) -> Certificate:
    """Any review that the format allows inside a certificate: its commitment is its leaf's."""
    member = draw(MEMBERSHIPS)
    parts = draw(SIGNATURES), draw(any_record()), draw(SALTS)
    return Certificate(member, member.leaf.commitment, *parts)


@st.composite
def certificates(draw: Any) -> Certificate:
    """Any certificate that the format allows, whether or not its parts belong together."""
    record = draw(st.none() | any_record())
    return Certificate(
        draw(MEMBERSHIPS),
        draw(HASHES),
        draw(SIGNATURES),
        record,
        record and draw(SALTS),
        draw(st.none() | reviews()),
    )


@SAME
@given(certificates())
def test_json_comes_back(certificate: Certificate) -> None:
    text = certificate.dumps()
    for again in (Certificate.loads(text), Certificate.loads(text.encode())):
        assert again == certificate
        assert again.dumps() == text
    escaped = json.dumps(certificate.to_json())  # not for people, and still the same
    assert Certificate.loads(escaped) == certificate
    assert Certificate.from_json(json.loads(text)) == certificate


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows sets no zone for a process")
def test_the_machine_s_zone_changes_no_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        monkeypatch.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        again = Certificate.from_compact(COMPACT)
        assert again.compact() == COMPACT
        assert again.inclusion == FULL.inclusion
    finally:
        monkeypatch.undo()
        time.tzset()


@SAME
@given(certificates())
def test_the_compact_form_comes_back(certificate: Certificate) -> None:
    leaf = certificate.inclusion.leaf
    certificate = replace(certificate, commitment=leaf.commitment)
    text = certificate.compact()
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    again = Certificate.from_compact(text)
    assert again == replace(certificate, record=None, salt=None, review=None)
    assert again.compact() == text
    for page in ("https://example.org/verify/#", "file:///a%23b/#not#"):
        assert Certificate.from_compact(page + text) == again


@SAME
@given(certificates())
def test_verify_takes_any_certificate(certificate: Certificate) -> None:
    result = kit.verify(certificate)
    assert len(result.steps) == 9
    assert result.outcome(1) in ("passed", "failed")
    assert not result.ok  # nobody signs by chance


SMALLEST: dict[str, dict[str, Any]] = {
    "entry": {"text": "a", "place": "b", "role": "c", "attachments": []},
    "review": {"decision": "suspend", "reason_code": "", "reason": ""},
    "witness": {"note": ""},
    "withdrawal": {"reason": ""},
    "appeal": {"text": "a"},
    "bulletin": {"source": "a", "as_of": "2021-09-20T08:00:00Z", "figures": {"b": -INTEGER_MAX}},
}


@pytest.mark.parametrize("length", range(11))
@pytest.mark.parametrize("kind", records.TYPES)
def test_every_type_and_every_length_of_proof(kind: str, length: int) -> None:
    # The strategies above come to all of them only by chance.
    subject = None if kind == "entry" else filler(7)
    told = Record(kind, ALICE.address, AT, subject, SMALLEST[kind])
    leaf = replace(Leaf.of(length, told, filler(8)), type=kind)
    proof = tuple(filler(20 + number) for number in range(length))
    member = replace(FULL.inclusion, leaf=leaf, proof=proof)
    for review in (None, FULL.review):
        certificate = Certificate(
            member, filler(8), FULL.signature, told, bytes.fromhex(filler(9)[2:]), review
        )
        assert Certificate.loads(certificate.dumps()) == certificate
        bare = replace(certificate.redacted(), review=None)
        assert Certificate.from_compact(certificate.compact()) == bare


def test_the_bounds_of_every_number() -> None:
    def with_value(path: tuple[str, ...], value: Any) -> dict[str, Any]:
        told = BARE.to_json()
        at(told, path[:-1])[path[-1]] = value
        place = told["anchor"]
        if value != 10**5000:
            told["id"] = f"eip155:{place['chain_id']}:{place['contract']}/{told['leaf']['seq']}"
        return told

    bounds = {
        ("leaf", "seq"): (0, INTEGER_MAX),
        ("leaf", "at"): (0, YEAR_10000 - 1),
        ("batch", "number"): (0, INTEGER_MAX),
        ("batch", "first_seq"): (0, INTEGER_MAX),
        ("batch", "count"): (1, 1024),
        ("anchor", "chain_id"): (1, INTEGER_MAX),
        ("anchor", "block_number"): (0, INTEGER_MAX),
        ("anchor", "log_index"): (0, INTEGER_MAX),
    }
    for path, (least, most) in bounds.items():
        for fine in (least, most):
            again = Certificate.from_json(with_value(path, fine))
            assert Certificate.loads(again.dumps()) == again
            assert Certificate.from_compact(again.compact()) == again
            assert kit.verify(again).outcome(1) == "passed"
        for wrong in (least - 1, most + 1, 10**5000):
            refused(with_value(path, wrong), f"whole number from {least} to {most}")
    for wrong in ("1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "10000-01-01T00:00:00Z"):
        refused(with_value(("anchor", "block_time"), wrong), "a UTC time")
    for fine_time in ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        again = Certificate.from_json(with_value(("anchor", "block_time"), fine_time))
        assert Certificate.from_compact(again.compact()) == again
    refused(with_value(("proof",), [filler(i) for i in range(11)]), "at most 10 hashes")


# --- JSON is read strictly -----------------------------------------------------------------------

Path = tuple[Any, ...]


def walk(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of a JSON tree, with its path."""
    yield path, value
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from walk(part, (*path, key))


def at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def changed(path: Path, value: Any) -> dict[str, Any]:
    told = deepcopy(FULL.to_json())
    at(told, path[:-1])[path[-1]] = value
    return told


TREE = list(walk(FULL.to_json()))
OBJECTS = [path for path, value in TREE if isinstance(value, dict)]
VALUES = [path for path, _ in TREE if path]


def name(path: Path) -> str:
    return ".".join(map(str, path)) or "certificate"


def test_the_walk_sees_all() -> None:
    assert len(OBJECTS) == 13
    assert len(VALUES) == 89


@pytest.mark.parametrize("path", OBJECTS, ids=name)
def test_no_key_more_and_none_less(path: Path) -> None:
    for key in at(FULL.to_json(), path):
        told = deepcopy(FULL.to_json())
        del at(told, path)[key]
        refused(told)
        refused(json.dumps(told))
    for key in ("x", "", "Format", "__proto__", "leaf ", "版本", "\ud800", "\x1b[2J"):
        told = deepcopy(FULL.to_json())
        at(told, path)[key] = None
        refused(told)
        refused(json.dumps(told))


# Where a wrong value would be a fine one.
FREE = ("text", "place", "role", "reason", "reason_code", "name")
WRONG: list[Any] = [
    *(
        None,
        True,
        False,
        -1,
        2**53,
        10**5000,
        "",
        "x",
        "0x",
        "\ud800",
        [],
        {},
        [[]],
        [None],
        {"a": 1},
    ),
    *(1.0, float("nan"), float("inf"), 1e400, b"bytes", datetime(2021, 9, 20, tzinfo=UTC)),
]


@pytest.mark.parametrize("path", VALUES, ids=name)
def test_no_value_of_another_kind(path: Path) -> None:
    for wrong in WRONG:
        fine = (path[-1] in FREE and wrong in ("x", "0x")) or (
            path[-1] in FREE[3:5] and wrong == ""
        )
        fine |= path[-1] in ("review", "state_proof") and wrong is None
        fine |= (path, wrong) == (("record", "subject"), None)
        fine |= path[-1] in ("proof", "attachments") and wrong == []
        if fine:
            Certificate.from_json(changed(path, wrong))
            continue
        refused(changed(path, wrong))
        if not isinstance(wrong, bytes | datetime) and wrong != 10**5000:
            refused(json.dumps(changed(path, wrong)))


@pytest.mark.parametrize(
    "path", [p for p, v in TREE if isinstance(v, str) and v[:2] == "0x"], ids=name
)
def test_one_spelling_of_hex(path: Path) -> None:
    value = at(FULL.to_json(), path)
    wrong = ["0X" + value[2:], value[2:], value + "00", value[:-2], value + "\n", " " + value]
    wrong += [
        value.replace("0", "０"),
        value[:-1] + "g",
        value[:-1] + "٣",
    ]
    if value[2:].upper() != value[2:]:
        wrong += ["0x" + value[2:].upper()]
    if len(value) == 42:
        wrong += [value.lower(), value.swapcase(), "0x" + value[2:].swapcase()]
    for spelling in wrong:
        refused(changed(path, spelling))


@pytest.mark.parametrize(
    "version", ["civic-diary-certificate/3", "civic-diary-certificate/1.0", "", 1]
)
def test_another_version(version: Any) -> None:
    refused(changed(("format",), version), "a certificate of the format civic-diary-certificate/2")


@pytest.mark.parametrize("value", [None, True, 7, "text", [], {}, [FULL.to_json()], [[]]])
def test_no_certificate_at_all(value: Any) -> None:
    refused(json.dumps(value), "a certificate of the format")
    if not isinstance(value, str):
        refused(value, "a certificate of the format")


def test_the_id_fits() -> None:
    assert FULL.id == f"eip155:{CHAIN_ID}:{CONTRACT}/0"
    for wrong in (FULL.id + "0", FULL.id.lower(), FULL.id[:-1] + "1", " " + FULL.id):
        refused(changed(("id",), wrong), f"the id {FULL.id}")


def test_record_and_salt_go_together() -> None:
    refused(changed(("record",), None), "record and salt both, or both null")
    refused(changed(("salt",), None), "record and salt both, or both null")


def test_no_key_twice() -> None:
    lines = FULL.dumps().splitlines()
    doubled = 0
    for number, line in enumerate(lines):
        # A line that holds a key and all of its value, and is followed by another key.
        if line.lstrip().startswith('"') and ": " in line and line.endswith(","):
            refused("\n".join([*lines[:number], line, *lines[number:]]), "a key that stands twice")
            doubled += 1
    assert doubled > 40
    refused('{"format": 1, ' + FULL.dumps()[1:], "a key that stands twice")
    escaped = FULL.dumps().replace('"id"', '"salt": null, "\\u0073alt": null, "id"', 1)
    refused(escaped, "a key that stands twice")


@pytest.mark.parametrize(
    ("number", "why"),
    [
        *((x, "which is not whole") for x in ("0.0", "7e0", "1E2", "-0.0", "1e400")),
        *((x, "which is not whole") for x in ("NaN", "Infinity", "-Infinity")),
        *((str(x), "whole number from 0 to 9007199254740991") for x in (2**53, 2**53 + 1, -1)),
        *((str(x), "more than 17 digits") for x in (10**17, -(10**17), 2**64, 2**256)),
        *((x, "got Expecting") for x in ("+1", "0x7", "01", "1_0", "١", ".5", "1.", "--1", "nan")),
    ],
)
def test_whole_numbers_only(number: str, why: str) -> None:
    fine = FULL.dumps()
    assert fine.count('"number": 0,') == 2
    refused(fine.replace('"number": 0,', f'"number": {number},', 1), why)


def test_numbers_of_a_million_digits() -> None:
    for text in ("9" * (JSON_MAX - 5000), "9" * 4300, "-" + "1" * 5000, "1." + "1" * 5000):
        with bounded(seconds=2, memory=20_000_000):
            refused(FULL.dumps().replace('"number": 0,', f'"number": {text},', 1))


def test_utf8_only_and_without_a_mark() -> None:
    text = FULL.dumps()
    for encoding in ("utf-16-le", "utf-32-be", "gb18030", "big5", "utf-7"):
        refused(text.encode(encoding, "ignore"), "JSON")
    for marked in ("\ufeff" + text, *(text.encode(e) for e in ("utf-16", "utf-32", "utf-8-sig"))):
        with pytest.raises(CertificateError, match="JSON"):
            Certificate.loads(marked)
        # What an editor put before it verify() takes off: it is no part of the certificate.
        assert kit.verify(marked).ok
    refused(text.encode() + b"\xff", "JSON in UTF-8")
    refused(text.encode().replace("泉".encode(), b"\xed\xa0\x80"), "JSON in UTF-8")  # a surrogate
    refused(text.encode().replace(b"/", b"\xc0\xaf", 1), "JSON in UTF-8")  # an overlong slash
    refused(text + "\0", "JSON")
    refused(text + text, "JSON")
    refused(text[:-3], "JSON")


def test_the_largest_text() -> None:
    text = FULL.dumps()
    full = text + " " * (JSON_MAX - len(text))
    assert Certificate.loads(full) == FULL
    assert Certificate.loads(full.encode()) == FULL  # characters are counted, and not bytes
    refused(full + " ", "at most 1,000,000 characters, got 1,000,001")
    refused((full + " ").encode(), "at most 1,000,000 characters")
    refused(("莆" * 2 * JSON_MAX).encode(), "at most 1,000,000 characters|JSON in UTF-8")
    many = b" " * 100 * JSON_MAX
    with (
        bounded(seconds=2, memory=30_000_000),
        pytest.raises(CertificateError, match="at most 1,000,000 characters"),
    ):
        Certificate.loads(many)


def test_the_largest_certificate_fits() -> None:
    # Whatever can be published can be handed out: a record of the most bytes, in both places.
    figures = {f"{number:05}": number for number in range(10_000)}
    body = {"source": "\t" * 4999 + "x", "as_of": "2021-09-20T08:00:00Z"}
    most = max(
        n
        for n in range(3000, 6000, 10)
        if len(json.dumps(dict(list(figures.items())[:n]), separators=(",", ":"))) < 54_000
    )
    told = Record("bulletin", ALICE.address, AT, None, body | {"figures": dict(list(figures.items())[:most])})  # fmt: skip  # noqa: E501
    assert 60_000 < len(told.canonical()) <= records.BODY_BYTES_MAX
    assert FULL.review is not None
    large = replace(FULL, record=told, review=replace(FULL.review, record=told))
    assert len(large.dumps()) < JSON_MAX
    assert Certificate.loads(large.dumps()) == large


DEEP = 200_000


@pytest.mark.parametrize(
    "bomb",
    [
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        '{"a":' * DEEP,
        '[{"a":' * (DEEP // 2),
        "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1),
        '["\\\\",' * (DEPTH_MAX + 1),  # a text that ends in a backslash
        '["\\"",' * (DEPTH_MAX + 1),  # a text with a quote
        '"' + "[" * DEEP + '"' + "[" * DEEP,
        '{"a": "' + '\\"' * 50_000 + '", "b": ' + "[" * DEEP,
    ],
    ids=lambda bomb: bomb[:20],
)
def test_json_that_nests(bomb: str) -> None:
    with bounded(seconds=3, memory=20_000_000):
        refused(bomb, f"at most {DEPTH_MAX} levels")
        refused(bomb.encode(), f"at most {DEPTH_MAX} levels")


def test_as_many_levels_as_allowed() -> None:
    refused("[" * DEPTH_MAX + "]" * DEPTH_MAX, "a certificate of the format")
    refused("[[]]" * DEEP, "JSON, got Extra data")  # closed again each time: not deep


def test_brackets_inside_a_text_are_no_levels() -> None:
    for text in ("[" * 4000, "{" * 4000, '[{"\\' * 1000, '\\"[' * 1000, "]" * 4000):
        told = replace(FULL.record, body=dict(FULL.record.body) | {"text": text})  # type: ignore[union-attr, type-var]
        certificate = replace(FULL, record=told)
        assert Certificate.loads(certificate.dumps()) == certificate


@pytest.mark.parametrize(
    "text",
    [
        '"' + '\\"' * 499_999,
        '{"' + '\\"' * 400_000,
        '"' * JSON_MAX,
        '"\\' * 500_000,
        "\\" * JSON_MAX,
    ],
    ids=lambda text: text[:8],
)
def test_texts_that_never_end(text: str) -> None:
    with bounded(seconds=5, memory=100_000_000):  # tried anew from each quote it takes an hour
        refused(text, "JSON")


def test_half_characters() -> None:
    # JSON can name half a surrogate pair, which no encoding can write.
    for path in [p for p, v in TREE if isinstance(v, str)]:
        for half in ("\ud800", "\udfff", "泉\ud83d", "\x1b[2J", "\u202e"):
            text = json.dumps(changed(path, half))
            if half == "\u202e" and path[-1] in FREE[3:5]:
                continue
            if path[-1] in FREE and half == "\u202e":
                refused(text, "an empty text")
            else:
                refused(text)
                repr(kit.verify(text)).encode()


# --- the compact form is read strictly -----------------------------------------------------------

COMPACT = FULL.compact()
RAW = compact.encode(FULL.to_json())
FIELDS: list[Any] = cbor2.loads(RAW)
BARE = replace(FULL.redacted(), review=None)


def armour(packed: bytes) -> str:
    return base64.b32encode(packed).decode().rstrip("=")


def deflate(raw: bytes, level: int = 9, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> bytes:
    squeeze = zlib.compressobj(level, zlib.DEFLATED, -15, 8, strategy)
    return squeeze.compress(raw) + squeeze.flush()


def pack(raw: bytes) -> str:
    return armour(deflate(raw))


def with_field(number: int, value: Any) -> str:
    return pack(cbor2.dumps([*FIELDS[:number], value, *FIELDS[number + 1 :]], canonical=True))


def test_the_compact_form_is_what_the_docstring_says() -> None:
    leaf, batch = FULL.inclusion.leaf, FULL.inclusion.batch
    sent = batch.anchor
    raw = [bytes.fromhex(x[2:]) for x in (sent.contract, leaf.author, FULL.commitment)]
    proof = b"".join(bytes.fromhex(x[2:]) for x in FULL.inclusion.proof)
    more = [bytes.fromhex(x[2:]) for x in (batch.root, sent.transaction_hash, sent.block_hash)]
    signature = bytes.fromhex(FULL.signature[2:])
    fields = [1, CHAIN_ID, raw[0], 0, 1, raw[1], leaf.at, None, raw[2], signature, proof]
    fields += [0, more[0], 0, 9, more[1], 4, more[2], int(sent.block_time.timestamp()), 0]
    assert fields == FIELDS
    assert zlib.decompress(base64.b32decode(COMPACT + "=" * (-len(COMPACT) % 8)), -15) == RAW
    assert Certificate.from_compact(COMPACT) == BARE
    assert FULL.review is not None
    approval = FULL.review
    review = replace(approval, record=None, salt=None)
    assert cbor2.loads(compact.encode(review.to_json()))[7] == raw[2]  # its subject


def test_base32_in_capitals_only() -> None:
    assert set(COMPACT) >= set("ABCDEFGHIJ234567")
    short = issue(1).compact()
    assert len(short) % 8
    assert Certificate.from_compact(short)
    padded = short + "=" * (-len(short) % 8)
    wrong = [
        padded,
        padded.lower(),
        COMPACT.lower(),
        COMPACT + "=" * 8,
        COMPACT + "=",
        " " + COMPACT,
        COMPACT + "\n",
    ]
    wrong += [COMPACT[:50] + x + COMPACT[50:] for x in (" ", "\n", "-", "\0", "=", "%", "+", "/")]
    wrong += [
        COMPACT[:50] + x + COMPACT[51:] for x in ("0", "1", "8", "9", "a", "Ａ", "２", "İ", "٣")
    ]
    wrong += ["", "#", COMPACT + "#", "A" * 5000, base64.b64encode(RAW).decode(), RAW.hex()]
    for text in wrong:
        with pytest.raises(CertificateError, match="base32 in capitals, without padding"):
            Certificate.from_compact(text)
        # What a mail or an editor put around and into it verify() takes off.
        taken = text.rstrip("=#").replace(" ", "").replace("\n", "") in (COMPACT, short)
        assert kit.verify(text).ok == taken


def test_every_part_of_the_text_is_needed() -> None:
    for length in range(len(COMPACT)):
        with pytest.raises(CertificateError):
            Certificate.from_compact(COMPACT[:length])
    packed = deflate(RAW)
    for length in range(len(packed)):
        with pytest.raises(CertificateError):
            Certificate.from_compact(armour(packed[:length]))
    for behind in (b"\0", b"x", packed, RAW, b"\0" * 500):
        refused_compact(armour(packed + behind), "something behind it")
    for behind in (b"\0", b"\xf6", RAW):
        refused_compact(pack(RAW + behind))


def test_other_ways_to_deflate_are_fine() -> None:
    texts = {armour(deflate(RAW, level)) for level in range(10)}
    strategies = (zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FILTERED)
    texts |= {armour(deflate(RAW, 9, strategy)) for strategy in strategies}
    parts = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"".join(parts.compress(RAW[i : i + 9]) + parts.flush(zlib.Z_SYNC_FLUSH) for i in range(0, len(RAW), 9))  # fmt: skip  # noqa: E501
    texts.add(armour(packed + parts.flush()))
    assert len(texts) == 4
    for text in texts:
        assert Certificate.from_compact(text) == BARE
    for wrapped in (zlib.compress(RAW), zlib.compress(RAW, wbits=31), RAW):
        refused_compact(armour(wrapped))


def head(major: int, value: int, width: int) -> bytes:
    """A CBOR head whose number takes 1, 2, 4 or 8 bytes, needed or not."""
    return bytes([major << 5 | {1: 24, 2: 25, 4: 26, 8: 27}[width]]) + value.to_bytes(width, "big")


def items() -> list[bytes]:
    return [cbor2.dumps(field, canonical=True) for field in FIELDS]


def test_cbor_in_one_way_only() -> None:
    start, plain = b"\x94", items()
    assert start + b"".join(plain) == RAW

    def other(number: int, item: bytes) -> bytes:
        return start + b"".join([*plain[:number], item, *plain[number + 1 :]])

    ways: list[bytes] = []
    for number, field in enumerate(FIELDS):
        if field is None:
            continue
        major, value = (0, field) if isinstance(field, int) else (2, len(field))
        data = b"" if isinstance(field, int) else field
        shortest = len(plain[number]) - len(data) - 1
        ways += [other(number, head(major, value, w) + data) for w in (1, 2, 4, 8) if w > shortest]
        ways += [other(number, tag + plain[number]) for tag in (b"\xc0", b"\xc2", b"\xd9\xd9\xf7")]
        ways += [other(number, b"\x81" + plain[number])]  # in a list of its own
        if data:
            whole = head(2, len(data), 2) + data
            ways += [other(number, b"\x5f" + whole + b"\xff")]  # in parts, without end
            ways += [other(number, b"\x7f\xff"), other(number, head(3, len(data), 2) + data)]
        else:
            ways += [other(number, cbor2.dumps(float(field)))]
            ways += [other(number, b"\xc2" + cbor2.dumps(field.to_bytes(9, "big")))]
            ways += [other(number, cbor2.dumps(x)) for x in (bool(field), -1, 2**53, None, 1.5)]
            ways += [other(number, cbor2.dumps(x)) for x in (b"", "1", {}, [], {1: 1})]
    ways += [other(7, x) for x in (b"\xf7", b"\xf4", b"\x00", b"\x40", b"\x58\x20" + bytes(32))]
    ways += [other(4, bytes([code])) for code in (0, 7, 0x17)]  # no such type
    joined = b"".join(plain)
    ways += [head(4, 20, width) + joined for width in (1, 2, 4, 8)]
    ways += [b"\x9f" + joined + b"\xff", b"\xd9\xd9\xf7" + RAW, b"\x95" + joined + b"\xf6"]
    ways += [b"\x93" + b"".join(plain[:-1]), b"\x80", b"\x81" + RAW, cbor2.dumps(RAW)]
    ways += [
        cbor2.dumps(dict(enumerate(FIELDS))),
        cbor2.dumps(FIELDS[1:]),
        b"\xf6",
        b"\x01",
        b"\xff",
    ]
    assert len(ways) > 200
    assert len(set(ways)) == len(ways)
    for raw in ways:
        assert raw != RAW
        refused_compact(pack(raw))


@pytest.mark.parametrize("version", [0, 2, -1, 24, 2**40, True, 1.0, None, b"1", "1"])
def test_another_compact_version(version: Any) -> None:
    refused_compact(with_field(0, version))


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        *((n, bytes(size)) for n in (2, 5) for size in (0, 19, 21, 32)),
        *((n, bytes(size)) for n in (7, 8, 12, 15, 17) for size in (0, 31, 33, 64)),
        *((9, bytes(size)) for size in (0, 64, 66)),
        *((10, bytes(size)) for size in (1, 31, 33, 11 * 32)),
        *((10, value) for value in (None, [], [bytes(32)])),
        *((n, 2**53) for n in (1, 3, 6, 11, 13, 16, 18, 19)),
        *((n, YEAR_10000) for n in (6, 18)),
        *((14, count) for count in (0, 1025)),
        (1, 0),
    ],
)
def test_bounds_of_the_compact_form(number: int, wrong: Any) -> None:
    refused_compact(with_field(number, wrong))


def test_numbers_too_long_to_be_written() -> None:
    # 1,788 bytes of a whole number come to more digits than Python writes out.
    fields = list(FIELDS)
    fields[9] = fields[10] = b""
    for number in (0, 1, 3, 4, 6, 11, 13, 14, 16, 18, 19):
        for huge in (2**14_300, -(2**14_300)):
            raw = cbor2.dumps([*fields[:number], huge, *fields[number + 1 :]])
            assert len(raw) <= COMPACT_MAX
            refused_compact(pack(raw))


@pytest.mark.parametrize(
    "raw",
    [
        *(bytes([major << 5 | 27]) + (2**62).to_bytes(8, "big") for major in range(8)),
        *(bytes([major << 5 | 26]) + (2**31).to_bytes(4, "big") for major in range(8)),
        b"\x81" * 2000,
        b"\x9f" * 2000,
        b"\xc1" * 2000,
        b"\xa1\x01" * 1000,
        b"\xd8\x1c\x81\xd8\x1d\x00",  # a list that holds itself
        b"\xc4\x82\x1b" + b"\x7f" * 8 + b"\x01",  # 1 with quintillions of zeros behind it
        b"\xc5\x82\x1b" + b"\x7f" * 8 + b"\x01",
        b"\xd8\x23\x74(((((((((a*)*)*)*)*)*",  # a pattern
        b"\xd8\x25\x41x",
        b"\xd9\x01\x02\x81\x01",
    ],
    ids=lambda raw: raw[:10].hex(),
)
def test_hostile_cbor(raw: bytes) -> None:
    for whole in (raw, b"\x94" + raw, b"\x94\x01" + raw, RAW[:40] + raw):
        text = pack(whole)
        with bounded(seconds=1, memory=5_000_000):
            refused_compact(text)


def test_a_bomb_of_a_gigabyte() -> None:
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = squeeze.compress(bytes(2**20)) + squeeze.flush(zlib.Z_FULL_FLUSH)
    bomb = armour(block * 1024 + squeeze.flush())
    most = max(n for n in range(2**20, 3 * 2**20, 2**16) if len(pack(bytes(n))) <= 2 * COMPACT_MAX)
    small = pack(bytes(most))
    behind = pack(RAW + bytes(most // 2))
    assert zlib.decompress(base64.b32decode(small + "=" * (-len(small) % 8)), -15) == bytes(most)
    assert most > 2_000_000
    for text, why in ((bomb, "base32"), (small, "too long"), (behind, "too long")):
        with bounded(seconds=1, memory=1_000_000):
            refused_compact(text, why)


# --- mutations: 22,000 ----------------------------------------------------------------------------


def vouched(certificate: Certificate) -> tuple[Any, ...]:
    """What steps 1 to 5 show. The rest (where it is anchored, the review) is for 6 to 9."""
    member = certificate.inclusion
    place = (member.batch.root, member.batch.anchor.chain_id, member.batch.anchor.contract)
    told = (certificate.record, certificate.salt, certificate.commitment, certificate.signature)
    return (*told, member.leaf, member.proof, *place)


GOOD = vouched(FULL)
GOOD_BARE = vouched(BARE)


def judge(value: Any, read: Callable[[Any], Certificate]) -> str:
    """What becomes of a mutated certificate; fails the test if it is believed."""
    try:
        certificate = read(value)
    except KitError:
        certificate = None
    if certificate is None and isinstance(value, str) and not value.lstrip().startswith("{"):
        with contextlib.suppress(KitError):  # with what a mail put in
            certificate = read(compact_text(value))
    result = kit.verify(value if isinstance(value, str | bytes) else certificate or "")
    assert len(result.steps) == 9
    if certificate is None:
        assert result.outcome(1) == "failed"
        return "refused"
    known = GOOD_BARE if certificate.record is None else GOOD
    if vouched(certificate) == known:
        return "the same" if certificate in (FULL, BARE) else "the same up to step 5"
    # Steps 1, 3, 4 and 5 must show it, and 2 where there is content.
    assert not result.ok, f"believed: {certificate.dumps()}"
    assert any(result.outcome(number) == "failed" for number in range(1, 6))
    return "found out"


def nudge(chance: random.Random, data: bytearray) -> bytearray:
    """One or a few small changes anywhere."""
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        place = chance.randrange(len(data))
        match chance.randrange(6):
            case 0:
                data[place] ^= 1 << chance.randrange(8)
            case 1:
                data[place] = chance.randrange(256)
            case 2:
                del data[place : place + chance.choice((1, 2, 32))]
                data = data or bytearray(b"0")
            case 3:
                data.insert(place, chance.randrange(256))
            case 4:
                other = chance.randrange(len(data))
                data[place], data[other] = data[other], data[place]
            case 5:
                data[place:place] = data[place : place + chance.choice((1, 20, 66))]
    return data


def swap_digit(chance: random.Random, text: str) -> str:
    """Change one hex digit or decimal digit: the JSON stays JSON."""
    digits = [i for i, x in enumerate(text) if x in "0123456789abcdef"]
    place = chance.choice(digits)
    new = chance.choice("0123456789abcdef" if text[place] in "abcdef" else "0123456789")
    return text[:place] + new + text[place + 1 :]


#: How many there are of what the mutations below are counted in. Each bound is a share of them.
MANY = pytest.mark.parametrize(
    "many",
    [250, pytest.param(1_000, marks=pytest.mark.slow("18,000 mutated texts, of both forms"))],
)


@MANY
def test_mutated_json_texts(many: int) -> None:
    chance = random.Random("json texts")  # noqa: S311
    fine, seen = FULL.dumps(), Counter[str]()
    for _ in range(4 * many):
        seen[judge(bytes(nudge(chance, bytearray(fine.encode()))), Certificate.loads)] += 1
    for _ in range(4 * many):
        seen[judge(swap_digit(chance, fine), Certificate.loads)] += 1
    assert seen.total() == 8 * many
    assert min(seen[x] for x in ("refused", "found out", "the same up to step 5")) > many / 2, seen


def fitting_id(told: Any) -> str:
    try:
        parts = told["anchor"]["chain_id"], told["anchor"]["contract"], told["leaf"]["seq"]
        return "eip155:{}:{}/{}".format(*parts)
    except (KeyError, TypeError, ValueError):
        return "none"


def test_mutated_json_values() -> None:
    chance = random.Random("json values")  # noqa: S311
    seen = Counter[str]()
    pool = (
        [value for _, value in TREE]
        + WRONG[:15]
        + [filler(5), people.bob.address, 5, 8, 1632124800]
    )
    of_kind: dict[type, list[Any]] = {}
    for value in pool:
        of_kind.setdefault(type(value), []).append(value)
    for _ in range(4_000):
        told = deepcopy(FULL.to_json())
        for _ in range(chance.choice((1, 1, 2, 4))):
            path = chance.choice(VALUES)
            try:
                old = at(told, path)
                new = chance.choice(pool if chance.random() < 0.3 else of_kind[type(old)])
                at(told, path[:-1])[path[-1]] = deepcopy(new)
            except (KeyError, IndexError, TypeError):  # its part was replaced before
                continue
        if chance.random() < 0.8:  # the id is not what finds it out
            told["id"] = fitting_id(told)
        seen[judge(told, Certificate.from_json)] += 1
    assert seen.total() == 4_000
    assert min(seen[x] for x in ("refused", "found out", "the same up to step 5")) > 100, seen


@MANY
def test_mutated_compact_forms(many: int) -> None:
    chance = random.Random("compact")  # noqa: S311
    seen = Counter[str]()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    texts = (COMPACT, pack(RAW))
    for _ in range(3 * many):
        text = list(chance.choice(texts))
        for _ in range(chance.choice((1, 1, 2, 8))):
            text[chance.randrange(len(text))] = chance.choice(alphabet)
        seen[judge("".join(text), Certificate.from_compact)] += 1
    for _ in range(many):
        text = bytes(nudge(chance, bytearray(COMPACT.encode()))).decode("latin-1")
        seen[judge(text, Certificate.from_compact)] += 1
    for _ in range(4 * many):
        seen[judge(pack(bytes(nudge(chance, bytearray(RAW)))), Certificate.from_compact)] += 1
    numbers = [n for n, field in enumerate(FIELDS) if isinstance(field, int) and n]
    for _ in range(2 * many):
        fields = list(FIELDS)
        for number in chance.sample(range(1, 20), chance.choice((1, 1, 2))):
            if number in numbers:
                fields[number] = chance.choice((0, 1, 2, 7, 9, 24, 2**32, INTEGER_MAX, YEAR_10000))
            else:
                data = bytearray(fields[number] or bytes(32))
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
                fields[number] = bytes(data)
        seen[judge(pack(cbor2.dumps(fields, canonical=True)), Certificate.from_compact)] += 1
    assert seen.total() == 10 * many
    assert min(seen[x] for x in ("refused", "found out", "the same up to step 5")) > many / 2, seen


@SAME
@given(st.text() | st.binary())
def test_anything_else_is_no_certificate(value: str | bytes) -> None:
    result = kit.verify(value)
    assert (result.ok, result.level, result.id) == (False, "failed", "no certificate")
    assert [step.outcome for step in result.steps] == ["failed"] + ["not asked"] * 8


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=12,
)


@SAME
@given(st.sampled_from(VALUES), ANY_JSON)
def test_anything_inside_is_refused_or_read(path: Path, value: Any) -> None:
    told = changed(path, value)
    judge(told, Certificate.from_json)
    judge(json.dumps(told), Certificate.loads)


# --- what is held back ---------------------------------------------------------------------------


def test_a_redacted_certificate_tells_nothing_and_still_checks() -> None:
    redacted = FULL.redacted()
    assert redacted == replace(FULL, record=None, salt=None)
    assert FULL.record is not None  # the first one is as it was
    for text in (
        redacted.dumps(),
        json.dumps(redacted.to_json()),
        repr(redacted),
        redacted.compact(),
    ):
        held_back = (SALT.hex(), "十人", "\\u5341", "泉州", "\\u6cc9", "a.png", "resident")
        assert not [secret for secret in held_back if secret in text]
    for text in (FULL.dumps(),):  # and they would be found
        assert all(secret in text for secret in (SALT.hex(), "十人", "泉州", "a.png", "resident"))
    told = redacted.to_json()
    assert (told["record"], told["salt"]) == (None, None)
    assert {k: v for k, v in FULL.to_json().items() if k not in ("record", "salt")} == {
        k: v for k, v in told.items() if k not in ("record", "salt")
    }
    assert Certificate.loads(redacted.dumps()) == redacted
    assert redacted.redacted() == redacted
    result = kit.verify(redacted)
    assert result.ok
    outcomes = [step.outcome for step in result.steps]
    assert outcomes == ["passed", "not asked"] + ["passed"] * 3 + ["not asked"] * 4
    assert result.level == "consistent"
    assert "held back" in result.steps[1].reason
    assert "held back" in result.steps[3].reason


def test_a_redacted_certificate_is_still_bound() -> None:
    for change in ({"signature": issue(1).signature[:-2] + "1b"}, {"commitment": filler(3)}):
        assert not kit.verify(replace(FULL.redacted(), **change)).ok


def test_how_a_certificate_shows_itself() -> None:
    assert repr(FULL) == f"Certificate {FULL.id}: entry by {ALICE.address}, block 4"
    assert repr(FULL.redacted()) == f"{FULL!r}, content held back"
    assert SALT.hex() not in repr(FULL)
    assert SALT.hex() not in repr(kit.verify(FULL))


def test_which_log_and_which_content() -> None:
    assert FULL.log_id == FULL.inclusion.batch.anchor.log_id == LogId(CHAIN_ID, CONTRACT)
    assert FULL.id == f"eip155:{CHAIN_ID}:{CONTRACT}/0"
    signed = FULL.signed
    assert signed is not None
    assert (signed.commitment, signed.signature) == (FULL.commitment, FULL.signature)
    assert FULL.redacted().signed is None


def test_a_review_is_a_certificate() -> None:
    review = FULL.review
    assert review is not None
    assert review.review is None
    assert review.commitment == review.inclusion.leaf.commitment
    assert [step.outcome for step in kit.verify(review).steps[1:5]] == ["passed"] * 4
    assert Certificate.loads(review.dumps()) == review
    # The format writes no review of a review, and none without its content: nothing is left out.
    for wrong in (replace(review, review=review), review.redacted()):
        with pytest.raises(
            CertificateError, match="with its content and with no review of its own"
        ):
            replace(FULL, review=wrong).to_json()


def test_a_salt_is_bytes_in_memory_and_hex_in_json() -> None:
    assert FULL.to_json()["salt"] == "0x" + SALT.hex()
    assert Certificate.loads(FULL.dumps()).salt == SALT
    with pytest.raises(CertificateError, match="a salt as bytes") as caught:
        replace(FULL, salt="0x" + SALT.hex()).to_json()  # type: ignore[arg-type]
    assert SALT.hex() not in str(caught.value)


def test_the_same_text_in_every_run() -> None:
    text = FULL.dumps()
    assert text.endswith("}\n")
    assert "十人" in text  # for people: not escaped
    again = Certificate.from_json(dict(reversed(FULL.to_json().items())))
    assert again.dumps() == text
    assert list(json.loads(text)) == [
        *("format", "id", "record", "salt", "commitment", "signature"),
        *("leaf", "proof", "batch", "anchor", "state_proof", "review"),
    ]
    digest = "0x66ba2db6"
    assert keccak(text=text).hex()[:8] == digest[2:]


# --- sizes ---------------------------------------------------------------------------------------

PAGE = "https://civic-diary-kit.example.org/a/page/that/anyone/can/open/verify"


def qr_version(text: str) -> int:
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(text, optimize=20)
    code.make(fit=True)
    return int(code.version)


# Leaves of the batch: characters of the compact form, version of the QR code with the page's address.
# For numbers as they are on a public chain: its id, its height, how many records its log holds.
SIZES = {
    1: (464, 15),
    2: (517, 16),
    4: (568, 17),
    8: (620, 17),
    16: (671, 18),
    32: (724, 19),
    64: (775, 19),
    128: (826, 20),
    256: (880, 21),
    512: (932, 22),
    1024: (983, 22),
}


def test_sizes_of_the_compact_form() -> None:
    assert len(PAGE) == 70
    place = {"chain_id": 11_155_111, "block_number": 2**32 - 1, "log_index": 2**16 - 1}
    found = {}
    for size in SIZES:
        certificate = issue(size, seq=2**32 - 2000, **place)
        assert kit.verify(certificate).ok
        text = certificate.compact()
        assert Certificate.from_compact(text).inclusion == certificate.inclusion
        found[size] = (len(text), qr_version(f"{PAGE}#{text}"))
    assert found == SIZES


def test_the_largest_compact_form_fits_in_one_code() -> None:
    place = dict.fromkeys(("chain_id", "block_number", "log_index"), INTEGER_MAX)
    largest = issue(1024, seq=INTEGER_MAX - 1024, **place)
    anchor = replace(largest.inclusion.batch.anchor, block_time=datetime(9999, 1, 1, tzinfo=UTC))
    batch = replace(largest.inclusion.batch, number=INTEGER_MAX, anchor=anchor)
    leaf = replace(largest.inclusion.leaf, subject=filler(9), at=YEAR_10000 - 1)
    member = replace(largest.inclusion, batch=batch, leaf=leaf)
    text = replace(largest, inclusion=member).compact()
    assert Certificate.from_compact(text).inclusion == member
    assert len(member.proof) == 10
    assert qr_version(f"{PAGE}#{text}") <= 25
