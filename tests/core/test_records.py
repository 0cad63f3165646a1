"""Records: what is accepted, what is refused, and that their bytes never change."""

from __future__ import annotations

import copy
import json
import os
import struct
import time
import traceback
import unicodedata
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit import errors, people
from kit.core import (
    ATTACHMENT_BYTES_MAX,
    Attachment,
    LogId,
    Record,
    SignedRecord,
    sign,
    signature_message,
    signer,
)
from kit.core import record as records
from kit.errors import AttachmentError, RecordError, SignatureError

VECTORS = Path(__file__).parents[1] / "vectors"
FORMAT = json.loads((VECTORS / "format_1.json").read_text())
RFC8785 = json.loads((VECTORS / "rfc8785.json").read_text())

AT = datetime(2021, 9, 20, 8, tzinfo=UTC)
ALICE = people.alice.address
SUBJECT = "0x" + "ab" * 32
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
FILE = {"name": "a.png", "media_type": "image/png", "size": 9, "sha256": "0x" + "0a" * 32}

# A body of each type that is fine as it is; the tests break one part of it at a time.
BODIES: dict[str, dict[str, Any]] = {
    "entry": {"text": "你好", "place": "泉州", "role": "resident", "attachments": [FILE]},
    "review": {"decision": "approve", "reason_code": "", "reason": ""},
    "witness": {"note": "I saw it."},
    "withdrawal": {"reason": "Too private."},
    "appeal": {"text": "Please look again."},
    "bulletin": {"source": "press", "as_of": "2021-09-20T00:00:00Z", "figures": {"cases": 364}},
}

# Each type with its article.
A = {name: f"a {name}" for name in BODIES} | {"entry": "an entry", "appeal": "an appeal"}

# The same cases in every run: a test that fails does so on every machine.
SAME = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def good(type: str = "entry") -> dict[str, Any]:
    """A record of that type as JSON, to be changed by the test."""
    subject = None if type in ("entry", "bulletin") else SUBJECT
    return {
        "v": 1,
        "type": type,
        "author": ALICE,
        "at": "2021-09-20T08:00:00Z",
        "subject": subject,
        "body": copy.deepcopy(BODIES[type]),
    }


def with_body(type: str, **changes: Any) -> dict[str, Any]:
    value = good(type)
    value["body"].update(changes)
    return value


def told(text: str = "你好", place: str = "泉州", **more: Any) -> Record:
    return Record.entry(ALICE, AT, text, place=place, **more)


# --- the format is frozen ------------------------------------------------------------------------


@pytest.mark.parametrize("vector", FORMAT["records"], ids=lambda v: v["record"]["type"])
def test_format_1_is_what_other_programs_computed(vector: dict[str, Any]) -> None:
    record = Record.from_json(vector["record"])
    salt = bytes.fromhex(vector["salt"][2:])
    log = LogId(FORMAT["chain_id"], FORMAT["contract"])
    assert record.canonical() == vector["canonical"].encode()
    assert records.commitment(record, salt) == vector["commitment"]
    message = signature_message(vector["commitment"], log)
    assert "0x" + keccak(b"\x19" + b"".join(message)).hex() == vector["digest"]
    author = people.named(vector["signed_by"])
    assert author.address == record.author
    assert sign(vector["commitment"], log, author) == vector["signature"]
    found = signer(vector["commitment"], vector["signature"], log)
    assert found == record.author


def test_format_1_has_a_vector_of_each_type() -> None:
    assert [v["record"]["type"] for v in FORMAT["records"]] == list(records.TYPES)
    assert list(records.TYPES.values()) == [1, 2, 3, 4, 5, 6]


def test_rfc8785_sample_object() -> None:
    assert rfc8785.dumps(RFC8785["sample"]).decode() == RFC8785["canonical"]


def test_rfc8785_property_order() -> None:
    shuffled = json.loads(rfc8785.dumps(RFC8785["unsorted"]))
    assert list(shuffled.values()) == RFC8785["order"]


@pytest.mark.parametrize(("bits", "written"), RFC8785["numbers"])
def test_rfc8785_numbers(bits: str, written: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert rfc8785.dumps(number).decode() == written


@pytest.mark.parametrize("bits", RFC8785["refused"])
def test_rfc8785_refuses_what_json_has_no_word_for(bits: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    with pytest.raises(rfc8785.FloatDomainError):
        rfc8785.dumps(number)


def canonical_by_hand(value: Any) -> str:
    """RFC 8785 for what a record can hold: texts, whole numbers, null, lists, objects."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:" + canonical_by_hand(value[k]) for k in keys) + "}"  # fmt: skip  # noqa: E501
    if isinstance(value, list):
        return "[" + ",".join(map(canonical_by_hand, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40).filter(
    str.strip
)
FIGURES = st.dictionaries(
    TEXTS.map(lambda text: unicodedata.normalize("NFC", text)),
    st.integers(-(2**53) + 1, 2**53 - 1),
    min_size=1,
    max_size=8,
)


@settings(SAME, max_examples=60)
@given(TEXTS | st.text('\n\t"\\/<é', min_size=1).map("x".__add__), TEXTS, FIGURES)
def test_canonical_bytes_are_those_worked_by_hand(
    text: str, place: str, figures: dict[str, int]
) -> None:
    for record in (
        told(text, place),
        Record("bulletin", ALICE, AT, None, {**BODIES["bulletin"], "figures": figures}),
    ):
        assert record.canonical().decode() == canonical_by_hand(record.to_json())
        assert record.canonical() == rfc8785.dumps(record.to_json())
        again = Record.from_json(json.loads(record.canonical()))
        assert again == record
        assert again.canonical() == record.canonical()


# --- texts ---------------------------------------------------------------------------------------

# (type, key, the most characters, whether it may be empty)
TEXT_FIELDS = [
    ("entry", "text", 5_000, False),
    ("entry", "place", 80, False),
    ("entry", "role", 80, False),
    ("review", "reason_code", 80, True),
    ("review", "reason", 5_000, True),
    ("witness", "note", 5_000, True),
    ("withdrawal", "reason", 5_000, True),
    ("appeal", "text", 5_000, False),
    ("bulletin", "source", 5_000, False),
]


@pytest.mark.parametrize(("type", "key", "most", "empty"), TEXT_FIELDS)
def test_bounds_of_each_text(type: str, key: str, most: int, empty: bool) -> None:
    for fine in ("x", "莆" * most):
        assert Record.from_json(with_body(type, **{key: fine})).body[key] == fine
    with pytest.raises(RecordError, match=f"at most {most:,} characters, got {most + 1:,}"):
        Record.from_json(with_body(type, **{key: "莆" * (most + 1)}))
    if empty:
        assert Record.from_json(with_body(type, **{key: ""})).body[key] == ""
    else:
        with pytest.raises(RecordError, match="got an empty text"):
            Record.from_json(with_body(type, **{key: ""}))
    for blank in (" ", "\n\t", "\u3000"):  # blanks alone say nothing, even where nothing is fine
        with pytest.raises(RecordError, match="an empty text"):
            Record.from_json(with_body(type, **{key: blank}))


def test_limits_count_characters_after_nfc() -> None:
    decomposed = "e\u0301" * 80
    assert told(place=decomposed).body["place"] == "é" * 80
    with pytest.raises(RecordError, match="got 81"):
        told(place=decomposed + "e\u0301")


@pytest.mark.parametrize("wrong", [None, 1, 1.5, True, b"bytes", ["list"], {"a": 1}])
@pytest.mark.parametrize(("type", "key"), [field[:2] for field in TEXT_FIELDS])
def test_texts_must_be_texts(type: str, key: str, wrong: object) -> None:
    with pytest.raises(RecordError, match="as text, got"):
        Record.from_json(with_body(type, **{key: wrong}))


@pytest.mark.parametrize(
    "character", ["\0", "\r", "\x1b", "\x7f", "\x85", chr(0xD800), chr(0xDFFF)]
)
def test_control_characters_and_lone_surrogates_are_refused(character: str) -> None:
    with pytest.raises(RecordError, match=f"got U\\+{ord(character):04X}"):
        told(f"a{character}b")
    with pytest.raises(RecordError, match=f"got U\\+{ord(character):04X}"):
        told(place=f"a{character}b")


@pytest.mark.parametrize(
    "text",
    [
        "line\nline\ttab",
        "👩‍👩‍👧‍👦 🎲",
        "مرحبا \u200fعالم",
        "<script>alert(1)</script>",
        "\\\"'/{}",
        "𠮷野家",
    ],
)
def test_unusual_texts_are_kept_as_they_are(text: str) -> None:
    again = Record.from_json(json.loads(told(text).canonical()))
    assert again.body["text"] == text


def test_texts_are_brought_to_nfc_when_written_and_must_be_in_nfc_when_read() -> None:
    assert told("cafe\u0301").canonical() == told("café").canonical()
    with pytest.raises(RecordError, match="normal form"):
        Record.from_json(with_body("entry", text="cafe\u0301"))


# --- the parts of a record -----------------------------------------------------------------------


@pytest.mark.parametrize("type", records.TYPES)
def test_each_type_comes_back_from_json(type: str) -> None:
    record = Record.from_json(good(type))
    assert record.to_json() == good(type)
    assert record.type == type


def test_each_factory_makes_what_it_says() -> None:
    """The six ways to say something, against the record made of its parts."""
    made = {
        "entry": Record.entry(ALICE, AT, "你好", place="泉州"),
        "review": Record.review(ALICE, AT, SUBJECT, "approve"),
        "witness": Record.witness(ALICE, AT, SUBJECT, "I saw it."),
        "withdrawal": Record.withdrawal(ALICE, AT, SUBJECT, "Too private."),
        "appeal": Record.appeal(ALICE, AT, SUBJECT, "Please look again."),
        "bulletin": Record.bulletin(
            ALICE,
            AT,
            "press",
            datetime(2021, 9, 20, 8, tzinfo=timezone(timedelta(hours=8))),
            {"cases": 364},
            corrects=SUBJECT,
        ),
    }
    assert made.keys() == records.TYPES.keys()
    for name, told in made.items():
        body = BODIES[name] | ({"attachments": []} if name == "entry" else {})
        assert told == Record(name, ALICE, AT, None if name == "entry" else SUBJECT, body)


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="Windows sets no zone for a process")
def test_the_machine_s_zone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    text, away = "2021-09-20T08:00:00Z", timezone(timedelta(hours=-5))
    try:
        for zone in ("Asia/Shanghai", "America/Lima", "UTC"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert records.format_time(records.utc(AT.astimezone(away))) == text
            assert records.utc(AT.astimezone(away)).utcoffset() == timedelta(0)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_came_is_shown_short() -> None:
    key = "0x" + "5e" * 32
    assert records.brief(7) == "7"
    assert records.brief(key) == "a text of 66 characters"  # it may be a private key
    for length in (57, 58, 59, 60):
        value = ["a" * (length - 4)]  # with its brackets and quotes
        assert records.brief(value) == repr(value)
    for length in (61, 62):
        value = ["a" * (length - 4)]
        assert records.brief(value) == repr(value)[:57] + "…"


@pytest.mark.parametrize("key", ["v", "type", "author", "at", "subject", "body"])
def test_a_missing_key_is_refused(key: str) -> None:
    value = good()
    del value[key]
    with pytest.raises(RecordError, match="the keys at, author, body, subject, type, v"):
        Record.from_json(value)


def test_unknown_keys_are_refused_everywhere() -> None:
    with pytest.raises(RecordError, match="the keys"):
        Record.from_json({**good(), "extra": 1})
    with pytest.raises(AttachmentError, match="a file's"):
        Record.from_json(with_body("entry", attachments=[{**FILE, "extra": 1}]))


@pytest.mark.parametrize("type", records.TYPES)
def test_the_body_has_its_keys_and_no_other(type: str) -> None:
    with pytest.raises(RecordError, match=f"the body of {A[type]}:"):
        Record.from_json(with_body(type, extra="x"))
    value = good(type)
    value["body"].popitem()
    with pytest.raises(RecordError, match=f"the body of {A[type]}:"):
        Record.from_json(value)
    for wrong in (None, "text", [], 1):
        with pytest.raises(RecordError, match=f"the body of {A[type]}:"):
            Record.from_json({**good(type), "body": wrong})


@pytest.mark.parametrize("version", [0, 2, "1", True, 1.0, None, [1]])
def test_other_versions_are_refused(version: object) -> None:
    with pytest.raises(RecordError, match="format version 1"):
        Record.from_json({**good(), "v": version})


@pytest.mark.parametrize("type", ["Entry", "", "note", None, 1, ["entry"], {}])
def test_unknown_types_are_refused(type: object) -> None:
    with pytest.raises(RecordError, match="a type of entry, review"):
        Record.from_json({**good(), "type": type})


@pytest.mark.parametrize(
    "author",
    [
        ALICE.lower(),
        ALICE.upper().replace("0X", "0x"),
        ALICE[2:],
        ALICE[:-1],
        ALICE + "0",
        ALICE.swapcase().replace("0X", "0x"),
        ALICE + "\n",
        bytes.fromhex(ALICE[2:]),
        None,
        0,
        "",
    ],
)
def test_the_author_is_an_address_with_its_capitals(author: object) -> None:
    with pytest.raises(RecordError, match="the author's address"):
        Record.from_json({**good(), "author": author})


@pytest.mark.parametrize("type", ["review", "witness", "withdrawal", "appeal"])
def test_four_types_need_a_subject(type: str) -> None:
    for wrong in (None, "", "0x", SUBJECT[:-1], SUBJECT.upper(), "0x" + "00" * 32, 5, b"\1" * 32):
        with pytest.raises(RecordError, match=f"the subject of {A[type]}:"):
            Record.from_json({**good(type), "subject": wrong})


def test_an_entry_has_no_subject_and_a_bulletin_may() -> None:
    with pytest.raises(RecordError, match="no subject for an entry"):
        Record.from_json({**good(), "subject": SUBJECT})
    assert Record.from_json({**good("bulletin"), "subject": SUBJECT}).subject == SUBJECT
    with pytest.raises(RecordError, match="the subject of a bulletin:"):
        Record.from_json({**good("bulletin"), "subject": "the other one"})


@pytest.mark.parametrize("decision", records.DECISIONS)
def test_every_decision(decision: str) -> None:
    record = Record.review(people.moderator.address, AT, SUBJECT, decision, reason_code="privacy")
    assert record.to_json()["body"] == {
        "decision": decision,
        "reason_code": "privacy",
        "reason": "",
    }


@pytest.mark.parametrize("decision", ["Approve", "", None, 1, ["approve"]])
def test_other_decisions_are_refused(decision: object) -> None:
    with pytest.raises(RecordError, match="a decision of approve, reject, suspend, reinstate"):
        Record.from_json(with_body("review", decision=decision))


# --- time ----------------------------------------------------------------------------------------


def test_times_are_kept_in_utc() -> None:
    in_fujian = datetime(2021, 9, 20, 16, tzinfo=timezone(timedelta(hours=8)))
    assert Record.entry(ALICE, in_fujian, "a", place="b").to_json()["at"] == "2021-09-20T08:00:00Z"


@pytest.mark.parametrize(
    "at",
    [
        datetime(2021, 9, 20, 8),
        "2021-09-20T08:00:00Z",
        1632124800,
        None,
    ],
)
def test_a_time_without_a_zone_is_refused(at: Any) -> None:
    with pytest.raises(RecordError, match="a time with a time zone"):
        Record.entry(ALICE, at, "a", place="b")


def test_times_are_whole_seconds_from_1970_to_9999() -> None:
    for fine in ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"):
        assert Record.from_json({**good(), "at": fine}).to_json()["at"] == fine
    for wrong in (
        AT.replace(microsecond=1),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
        # Neither can be moved to UTC at all.
        datetime.min.replace(tzinfo=timezone(timedelta(hours=8))),
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=8)), microsecond=0),
    ):
        with pytest.raises(RecordError, match="whole seconds since 1970"):
            Record.entry(ALICE, wrong, "a", place="b")
    with pytest.raises(RecordError, match="since 1970"):
        Record.from_json({**good(), "at": "1969-12-31T23:59:59Z"})


@pytest.mark.parametrize(
    "text",
    [
        "2021-09-20 08:00:00Z",
        "2021-09-20T08:00:00",
        "2021-09-20T08:00:00+00:00",
        "2021-09-20T08:00:00.0Z",
        "2021-9-20T08:00:00Z",
        "2021-02-29T08:00:00Z",
        "2021-09-20T24:00:00Z",
        "2021-09-20T08:00:60Z",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "２０２１-09-20T08:00:00Z",  # digits, too, for Python's \d
        "2021-09-20T08:00:00Z\n",
        "",
        None,
        1632124800,
        ["2021-09-20T08:00:00Z"],
    ],
)
def test_times_have_one_spelling(text: Any) -> None:
    with pytest.raises(RecordError, match="a UTC time like"):
        records.parse_time(text)
    with pytest.raises(RecordError, match="a UTC time like"):
        Record.from_json({**good(), "at": text})
    with pytest.raises(RecordError, match="a UTC time like"):
        Record.from_json(with_body("bulletin", as_of=text))


def test_format_time_undoes_parse_time() -> None:
    assert records.format_time(records.parse_time("2021-09-20T08:00:01Z")) == "2021-09-20T08:00:01Z"


def test_a_bulletin_counts_up_to_a_time_that_a_record_can_have() -> None:
    # Before the year 1000 the C library writes three digits, which nobody could read back.
    with pytest.raises(RecordError, match="since 1970"):
        Record("bulletin", ALICE, AT, None, {**BODIES["bulletin"], "as_of": "0999-01-01T00:00:00Z"})


# --- figures -------------------------------------------------------------------------------------


def test_figures_are_whole_numbers_that_a_double_holds() -> None:
    largest = 2**53 - 1
    figures = {"most": largest, "least": -largest, "none": 0}
    assert Record.from_json(with_body("bulletin", figures=figures)).body["figures"] == figures
    for wrong in (2**53, -(2**53), 10**5000, 1.0, float("nan"), float("inf"), True, "1", None, [1]):
        with pytest.raises(RecordError, match=r"whole numbers below 2\^53"):
            Record.from_json(with_body("bulletin", figures={"cases": wrong}))


@pytest.mark.parametrize("figures", [None, {}, [], "cases", 5, [["cases", 1]]])
def test_figures_are_given_by_name(figures: object) -> None:
    with pytest.raises(RecordError, match="figures by name"):
        Record.from_json(with_body("bulletin", figures=figures))


def test_names_of_figures_are_texts_and_differ() -> None:
    for wrong in ("", "x" * 81, "a\0"):
        with pytest.raises(RecordError, match="a figure's name"):
            Record.from_json(with_body("bulletin", figures={wrong: 1}))
    # Both spellings are the same name in NFC: one figure would go without a word.
    with pytest.raises(RecordError, match="one name twice"):
        Record(
            "bulletin", ALICE, AT, None, {**BODIES["bulletin"], "figures": {"é": 1, "e\u0301": 2}}
        )


def test_a_record_has_at_most_64_kib() -> None:
    def bulletin(count: int, last: int) -> Record:
        figures = {f"{i:04}" + "x" * 70: 1 for i in range(count)} | {"z" * last: 1}
        return Record("bulletin", ALICE, AT, None, {**BODIES["bulletin"], "figures": figures})

    room = records.BODY_BYTES_MAX - len(bulletin(800, 1).canonical())
    each = len('"0000":1,') + 70
    count, last = 800 + room // each, 1 + room % each
    assert last <= 80
    assert len(bulletin(count, last).canonical()) == 65_536
    with pytest.raises(RecordError, match="at most 65,536 bytes, got one of 65,537"):
        bulletin(count, last + 1)


# --- hostile JSON --------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
PATHS = [(key,) for key in good()] + [
    ("body", key) for body in BODIES.values() for key in body
] + [("body", "attachments", 0, key) for key in FILE]  # fmt: skip


@settings(SAME, max_examples=150)
@given(JSON)
def test_no_json_does_anything_but_be_refused(value: Any) -> None:
    with pytest.raises(RecordError):
        Record.from_json(value)


@settings(SAME, max_examples=300)
@given(st.sampled_from(list(records.TYPES)), st.sampled_from(PATHS), JSON)
def test_a_record_with_any_part_replaced_is_read_exactly_or_refused(
    type: str, path: tuple[str, ...], part: Any
) -> None:
    value = good(type)
    inner: Any = value
    try:
        for step in path[:-1]:
            inner = inner[step]
    except KeyError:
        inner = value["body"]
    inner[path[-1]] = part
    try:
        record = Record.from_json(value)
    except RecordError:
        return
    assert record.to_json() == value


@pytest.mark.parametrize("path", PATHS)
def test_deep_nesting_is_refused_in_each_place(path: tuple[Any, ...]) -> None:
    deep: Any = 1
    for _ in range(20_000):
        deep = [deep]
    kinds = [kind for kind, body in BODIES.items() if len(path) > 1 and path[1] in body]
    value = good(kinds[0] if kinds else "entry")
    inner: Any = value
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = deep
    with pytest.raises(RecordError) as caught:
        Record.from_json(value)
    assert len(str(caught.value)) < 300
    while isinstance(deep, list):  # let go from the outside, or freeing it overflows the C stack
        deep = deep.pop()


@pytest.mark.parametrize("value", [None, 1, "record", [], {}, b"{}", [1, 2]])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(RecordError, match="the keys"):
        Record.from_json(value)


# --- attachments ---------------------------------------------------------------------------------

STARTS = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff\xe0",
    "image/webp": b"RIFF\n\n\0\0WEBP",
    "image/gif": b"GIF89a",
    "video/mp4": b"\0\0\0\x18ftypisom",
    "video/webm": b"\x1aE\xdf\xa3",
}


def test_every_kind_has_an_example_here() -> None:
    assert set(STARTS) == set(records.MEDIA_TYPES)


@pytest.mark.parametrize("kind", STARTS)
def test_the_content_tells_the_kind(kind: str, tmp_path: Path) -> None:
    (tmp_path / "named.png").write_bytes(STARTS[kind] + b"rest")
    file = Attachment.read(tmp_path / "named.png")
    assert file.media_type == kind
    assert told(attachments=[file]).body["attachments"] == (file.to_json(),)


def test_what_the_record_says_of_a_file() -> None:
    assert Attachment.of("照片.png", b"\x89PNG\r\n\x1a\n").to_json() == {
        "name": "照片.png",
        "media_type": "image/png",
        "size": 8,
        # printf '\x89PNG\r\n\x1a\n' | sha256sum
        "sha256": "0x4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6",
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"<script>", b"PNG", b"\x89PNG\r\n\x1a", b"GIF88a", b"RIFF\0\0\0\0WAVE", b"%PDF-1.7"],
)
def test_another_content_under_a_picture_name_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(content)
    told = r"one of image/png, .*video/webm, got picture\.png, whose content is none of them"
    with pytest.raises(AttachmentError, match=told):
        Attachment.read(tmp_path / "picture.png")


def test_a_missing_file_a_folder_and_impossible_paths(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path, "a\0b.png"):
        with pytest.raises(AttachmentError, match="no file at"):
            Attachment.read(path)
    with pytest.raises(AttachmentError, match="a file that can be read"):
        Attachment.read("x" * 5_000)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(PNG)

    def denied(self: Path) -> bytes:  # file modes would not stop a test that runs as root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(AttachmentError, match="Permission denied"):
        Attachment.read(path)


def test_a_file_that_is_too_large_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(PNG)
    os.truncate(path, ATTACHMENT_BYTES_MAX)
    assert len(Attachment.read(path).content) == ATTACHMENT_BYTES_MAX
    os.truncate(path, ATTACHMENT_BYTES_MAX + 1)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(
        AttachmentError, match=r"at most 8,388,608 bytes, got large\.png with 8,388,609"
    ):
        Attachment.read(path)
    content = PNG + bytes(ATTACHMENT_BYTES_MAX + 1 - len(PNG))
    with pytest.raises(AttachmentError, match="at most 8,388,608 bytes"):
        Attachment.of("large.png", content)


@pytest.mark.parametrize("name", ["../a.png", "/etc/a.png", "b\\a.png", "a\0.png", "", "x" * 81, 5])
def test_file_names_without_folders_and_control_characters(name: Any) -> None:
    with pytest.raises(RecordError, match="file name"):
        Attachment.of(name, PNG)
    # and from somebody else's JSON, since whoever saves the file will use that name
    with pytest.raises(RecordError, match="file name"):
        Record.from_json(with_body("entry", attachments=[{**FILE, "name": name}]))


def test_at_most_nine_files() -> None:
    file = Attachment.of("a.png", PNG)
    assert len(told(attachments=[file] * 9).body["attachments"]) == 9
    with pytest.raises(AttachmentError, match="at most 9 files, got 10"):
        told(attachments=[file] * 10)


@pytest.mark.parametrize("files", [None, "a.png", 5, {"a.png": 1}, ["a.png"], [None], [[]]])
def test_attachments_are_a_list_of_files(files: object) -> None:
    with pytest.raises(AttachmentError):
        Record.from_json(with_body("entry", attachments=files))


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        *(("size", x) for x in (0, -1, ATTACHMENT_BYTES_MAX + 1, True, 1.5, "9", None, 10**5000)),
        *(("media_type", x) for x in ("image/svg+xml", "", None, 1, ["image/png"])),
        *(("sha256", x) for x in ("0x", "0x" + "0A" * 32, "0a" * 32, None, 7)),
    ],
    ids=lambda value: repr(value)[:20] if not isinstance(value, int) else "number",
)
def test_what_a_record_says_of_a_file_must_be_possible(key: str, wrong: object) -> None:
    with pytest.raises(AttachmentError):
        Record.from_json(with_body("entry", attachments=[{**FILE, key: wrong}]))


def test_a_file_has_1_byte_to_8_mib() -> None:
    for size in (1, ATTACHMENT_BYTES_MAX):
        value = with_body("entry", attachments=[{**FILE, "size": size}])
        assert Record.from_json(value).to_json() == value


# --- commitment and signature --------------------------------------------------------------------

LOG = LogId(1, FORMAT["contract"])


def test_the_commitment_hides_the_text_behind_the_salt() -> None:
    assert (
        records.commitment(told(), bytes(32)) == "0x" + keccak(bytes(32) + told().canonical()).hex()
    )
    assert records.commitment(told(), b"\1" * 32) != records.commitment(told(), bytes(32))


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33), "0x" + "00" * 32, None, bytearray(32)])
def test_a_salt_has_32_bytes(salt: Any) -> None:
    with pytest.raises(RecordError, match="a salt of 32 bytes"):
        records.commitment(told(), salt)


@settings(SAME, max_examples=40)
@given(
    st.binary(min_size=32, max_size=32), st.integers(1, 2**64), st.binary(min_size=20, max_size=20)
)
def test_the_digest_is_that_of_eip_712(commitment: bytes, chain_id: int, contract: bytes) -> None:
    address = (
        people.Account().from_key(contract + bytes(11) + b"\1").address
    )  # any address with capitals
    typed = {
        "domain": {
            "name": "Civic Diary",
            "version": "1",
            "chainId": chain_id,
            "verifyingContract": address,
        },
        "primaryType": "Record",
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Record": [{"name": "commitment", "type": "bytes32"}],
        },
        "message": {"commitment": commitment},
    }
    ours = signature_message("0x" + commitment.hex(), LogId(chain_id, address))
    assert ours == encode_typed_data(full_message=typed)


def test_a_signature_names_its_signer_for_one_chain_and_one_contract_only() -> None:
    commitment = records.commitment(told(), bytes(32))
    signature = sign(commitment, LOG, people.alice)
    assert signer(commitment, signature, LOG) == ALICE
    other = people.bob.address
    assert signer(commitment, signature, replace(LOG, chain_id=2)) != ALICE
    assert signer(commitment, signature, replace(LOG, contract=other)) != ALICE
    assert signer("0x" + "12" * 32, signature, LOG) != ALICE
    changed = bytearray.fromhex(signature[2:])
    changed[40] ^= 1
    assert signer(commitment, "0x" + changed.hex(), LOG) != ALICE


@pytest.mark.parametrize(
    "signature",
    [
        *("", "0x", "0xzz", "ü", None, 5, b"11"),
        *("0x" + "11" * length for length in (64, 66)),
        *("0x" + byte * 65 for byte in ("00", "ff")),
    ],
)
def test_what_is_no_signature_is_refused(signature: Any) -> None:
    with pytest.raises(SignatureError, match="a signature of 65 bytes"):
        signer("0x" + "12" * 32, signature, LOG)


@settings(SAME, max_examples=60)
@given(st.binary(min_size=65, max_size=65))
def test_any_65_bytes_name_somebody_else_or_nobody(raw: bytes) -> None:
    try:
        found = signer("0x" + "12" * 32, "0x" + raw.hex(), LOG)
    except SignatureError:
        return
    assert found != ALICE


def test_of_a_signature_s_two_the_lower_is_taken_up_to_the_half() -> None:
    half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
    good = sign(SUBJECT, LOG, people.alice)
    told = [f"{good[:66]}{s:064x}{good[130:]}" for s in (half, half + 1)]
    assert signer(SUBJECT, told[0], LOG) != ALICE
    with pytest.raises(SignatureError, match="the lower s"):
        signer(SUBJECT, told[1], LOG)


@pytest.mark.parametrize("commitment", ["", "0x", "12" * 32, "0x" + "AB" * 32, "0x" + "12" * 33])
def test_only_commitments_are_signed(commitment: str) -> None:
    with pytest.raises(RecordError, match="a commitment: 0x and 64 hex digits"):
        sign(commitment, LOG, people.alice)
    with pytest.raises(RecordError, match="a commitment: 0x and 64 hex digits"):
        signer(commitment, "0x" + "11" * 65, LOG)


# --- what must not be shown ----------------------------------------------------------------------


def test_a_signed_record_shows_no_salt_and_no_text() -> None:
    salt = keccak(text="a salt")
    commitment = records.commitment(told("a secret text"), salt)
    signed = SignedRecord(told("a secret text"), salt, sign(commitment, LOG, people.alice))
    for shown in (repr(signed), str(signed), f"{signed}"):
        assert signed.commitment in shown
        assert salt.hex() not in shown
        assert repr(salt)[2:-1] not in shown
        assert "secret" not in shown


def test_a_person_shows_no_key() -> None:
    key = people.alice.key
    for shown in (repr(people.alice), str(people.alice), f"{people.alice}", repr([people.alice])):
        assert "alice" in shown
        assert key.hex() not in shown
        assert str(int(key.hex(), 16)) not in shown


def test_no_error_shows_a_key() -> None:
    key = people.alice.key.hex()
    for wrong in (
        lambda: Record.entry(people.alice, AT, "a", place="b"),  # the person for the address
        lambda: told(people.alice),
        lambda: Record.from_json(people.alice),
        lambda: records.commitment(told(), people.alice),
        lambda: Attachment.of(people.alice, PNG),
    ):
        with pytest.raises(RecordError) as caught:
            wrong()
        assert key not in "".join(traceback.format_exception(caught.value))


def test_people_are_the_same_everywhere() -> None:
    for name in ("alice", "bob", "carol", "moderator", "registrar"):
        person = people.named(name)
        assert person.key == keccak(text=f"civic diary test key: {name}")
        assert (
            getattr(people, name).address == person.address == Account.from_key(person.key).address
        )


# --- errors --------------------------------------------------------------------------------------


def test_errors_are_one_tree_and_say_three_things() -> None:
    named = [getattr(errors, name) for name in errors.__all__]
    classes = [one for one in named if isinstance(one, type)]
    assert len(classes) > 15
    assert all(issubclass(error, errors.KitError) for error in classes)
    with pytest.raises(errors.KitError) as caught:
        told("")
    assert str(caught.value) == (
        "Expected the text of 1 to 5,000 characters, got an empty text. Write something."
    )


def test_errors_survive_a_copy() -> None:
    # multiprocessing sends them between processes
    for error in (
        RecordError("a", "b", "c"),
        errors.Reverted("X()"),
        errors.CompileError("line 1"),
    ):
        again = copy.copy(error)
        assert type(again) is type(error)
        assert (str(again), again.__dict__) == (str(error), error.__dict__)


@pytest.mark.parametrize("place", ["泉州\n假的", "泉州\t", "\u200b\u200d", "\u3000 "])
def test_short_texts_have_one_line_and_can_be_seen(place: str) -> None:
    with pytest.raises(RecordError):
        told(place=place)


def test_a_text_of_many_lines_is_kept() -> None:
    assert told("第一行\n\t第二行").body["text"] == "第一行\n\t第二行"


def test_a_signature_is_written_in_one_way_only() -> None:
    committed = records.commitment(told(), bytes(32))
    log = LogId(1, ALICE)
    signature = sign(committed, log, people.alice)
    assert signer(committed, signature, log) == ALICE
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    twin = f"{order - int(signature[66:130], 16):064x}" + {"1b": "1c", "1c": "1b"}[signature[130:]]
    for other in (
        signature[:66] + twin,  # the same key made this one, too, as eth-account would say
        signature[2:],
        signature.upper().replace("0X", "0x"),
        f"{signature[:20]} {signature[20:]}",
        signature[:130] + {"1b": "00", "1c": "01"}[signature[130:]],
        signature + "00",
    ):
        with pytest.raises(SignatureError):
            signer(committed, other, log)
