"""What is said: one civic statement, its canonical bytes, its commitment.

The format is frozen as version 1. A record is JSON with the keys ``v, type, author, at, subject,
body``; all texts are in Unicode NFC; ``at`` is UTC in whole seconds.

- canonical bytes: RFC 8785 of that JSON;
- commitment: ``keccak256(salt ‖ canonical bytes)`` with a fresh salt of 32 bytes, since a short text
  could be guessed from its hash alone.

What the author signs is the commitment: see ``signature.py``.
"""

from __future__ import annotations

import json
import re
import reprlib
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import rfc8785
from eth_hash.auto import keccak  # eth_utils takes twice the time for the same
from eth_utils import is_checksum_address

from kit.arguments import checked, may_be_key, shown
from kit.errors import AttachmentError, RecordError

__all__ = [
    "ATTACHMENTS_MAX",
    "ATTACHMENT_BYTES_MAX",
    "BODY_BYTES_MAX",
    "DECISIONS",
    "HASH",
    "MEDIA_TYPES",
    "NAME_MAX",
    "SALT_BYTES",
    "TEXT_MAX",
    "TYPES",
    "Attachment",
    "Record",
    "SignedRecord",
    "brief",
    "commitment",
    "format_time",
    "is_address",
    "parse_time",
    "utc",
]

VERSION: Final = 1

#: The record types and their codes in a leaf.
TYPES: Final[Mapping[str, int]] = MappingProxyType(
    {"entry": 1, "review": 2, "witness": 3, "withdrawal": 4, "appeal": 5, "bulletin": 6}
)

#: What a review can decide.
DECISIONS: Final = ("approve", "reject", "suspend", "reinstate")

# --- the limits, all of them, and why ------------------------------------------------------------

#: Characters of a text. A diary entry, not a book: all of it fits on a page that prints.
TEXT_MAX: Final = 5_000
#: Characters of a short text (place, role, file name, reason code): it fits in a table's cell.
NAME_MAX: Final = 80
#: Files of an entry: a grid of three by three pictures on a phone.
ATTACHMENTS_MAX: Final = 9
#: Bytes of a file: a phone's picture or a short clip, and still quick to hash and to hold in SQLite.
ATTACHMENT_BYTES_MAX: Final = 8 * 1024 * 1024
#: Bytes of a record's canonical form. No valid entry comes near; it bounds what others send us.
BODY_BYTES_MAX: Final = 64 * 1024
SALT_BYTES: Final = 32

#: The kinds of file an entry may carry, and the first bytes that tell them.
MEDIA_TYPES: Final[Mapping[str, re.Pattern[bytes]]] = MappingProxyType(
    {
        "image/png": re.compile(rb"\x89PNG\r\n\x1a\n"),
        "image/jpeg": re.compile(rb"\xff\xd8\xff"),
        "image/webp": re.compile(rb"RIFF....WEBP", re.DOTALL),
        "image/gif": re.compile(rb"GIF8[79]a"),
        "video/mp4": re.compile(rb"....ftyp", re.DOTALL),
        "video/webm": re.compile(rb"\x1aE\xdf\xa3"),
    }
)

#: A hash, a salt or a commitment as text.
HASH: Final = re.compile(r"0x[0-9a-f]{64}")
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf"}  # Unicode's categories
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


@dataclass(frozen=True)
class Attachment:
    """A file of an entry: its name, its kind and its bytes. What the record holds is its hash."""

    name: str
    media_type: str
    content: bytes

    @classmethod
    @checked("path")
    def read(cls, path: str | Path) -> Attachment:
        """Read a picture or a video from a file; its kind is told by its first bytes.

        Raises AttachmentError if the file is missing, empty, too large or of another kind.
        """
        path = Path(path)
        try:
            if not path.is_file():
                raise AttachmentError(
                    "a picture or video file", f"no file at {path}", "Check the path."
                )
            size = path.stat().st_size
            if size > ATTACHMENT_BYTES_MAX:  # before reading it
                raise _too_large(path.name, size)
            content = path.read_bytes()
        except OSError as error:  # no right to read it, or a path that can't be
            got = f"{brief(str(path))} ({error.strerror})"
            raise AttachmentError("a file that can be read", got, "Check the path.") from error
        return cls.of(path.name, content)

    @classmethod
    @checked("content")
    def of(cls, name: str, content: bytes) -> Attachment:
        """Return an attachment with the kind told by its first bytes. Raises AttachmentError."""
        name = _file_name(name)
        if len(content) > ATTACHMENT_BYTES_MAX:
            raise _too_large(name, len(content))
        for media_type, magic in MEDIA_TYPES.items():
            if magic.match(content):
                return cls(name, media_type, content)
        kinds = ", ".join(MEDIA_TYPES)
        raise AttachmentError(
            f"one of {kinds}", f"{name}, whose content is none of them", "Convert the file first."
        )

    @property
    def sha256(self) -> str:
        """The SHA-256 of the content, 0x-prefixed."""
        return "0x" + sha256(self.content).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return what the record's body says of this file."""
        return {
            "name": self.name,
            "media_type": self.media_type,
            "size": len(self.content),
            "sha256": self.sha256,
        }


def _too_large(name: str, size: int) -> AttachmentError:
    limit = f"a file of at most {ATTACHMENT_BYTES_MAX:,} bytes"
    return AttachmentError(limit, f"{name} with {size:,}", "Make the picture or clip smaller.")


@dataclass(frozen=True)
class Record:
    """One civic statement: who said what, when, about what.

    ``author`` is an EIP-55 address, ``at`` a UTC datetime in whole seconds, ``subject`` the commitment
    of the record that this one is about (0x-prefixed) or None. Made whole or not at all: a record
    that breaks the format raises RecordError.

    >>> from kit import people
    >>> told = Record.entry(people.alice.address, parse_time("2021-09-20T08:00:00Z"), "你好", place="泉州")
    >>> told.body["place"], len(told.canonical())
    ('泉州', 196)
    """

    type: str
    author: str
    at: datetime
    subject: str | None
    body: Mapping[str, Any]
    _canonical: bytes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.type, str) or self.type not in TYPES:
            got = brief(self.type)
            raise RecordError(f"a type of {', '.join(TYPES)}", got, "Use one of them.")
        if not isinstance(self.author, str) or not is_address(self.author):
            fix = "Write it with the capitals of EIP-55, as wallets do."
            raise RecordError("the author's address", brief(self.author), fix)
        object.__setattr__(self, "at", utc(self.at))
        object.__setattr__(self, "subject", _subject(self.type, self.subject))
        object.__setattr__(self, "body", _frozen(_body(self.type, self.body)))
        # Nothing of it can change any more, and its bytes are asked for again and again.
        object.__setattr__(self, "_canonical", _canonical(self.to_json()))
        if len(self.canonical()) > BODY_BYTES_MAX:
            got = f"one of {len(self.canonical()):,}"
            raise RecordError(
                f"a record of at most {BODY_BYTES_MAX:,} bytes", got, "Say less in one."
            )

    # --- the six types ---------------------------------------------------------------------------

    @classmethod
    @checked("attachments")
    def entry(
        cls,
        author: str,
        at: datetime,
        text: str,
        *,
        place: str,
        role: str = "resident",
        attachments: Sequence[Attachment] = (),
    ) -> Record:
        """Return a diary entry as a record. Raises RecordError, AttachmentError."""
        body = {
            "text": text,
            "place": place,
            "role": role,
            "attachments": [file.to_json() for file in attachments],
        }
        return cls("entry", author, at, None, body)

    @classmethod
    @checked("decision")
    def review(
        cls,
        author: str,
        at: datetime,
        subject: str,
        decision: str,
        *,
        reason_code: str = "",
        reason: str = "",
    ) -> Record:
        """Return a moderator's decision about an entry as a record. Raises RecordError."""
        body = {"decision": decision, "reason_code": reason_code, "reason": reason}
        return cls("review", author, at, subject, body)

    @classmethod
    def witness(cls, author: str, at: datetime, subject: str, note: str = "") -> Record:
        """Return the statement of somebody who saw what an entry tells. Raises RecordError."""
        return cls("witness", author, at, subject, {"note": note})

    @classmethod
    def withdrawal(cls, author: str, at: datetime, subject: str, reason: str = "") -> Record:
        """Return an author's withdrawal of an entry as a record. Raises RecordError."""
        return cls("withdrawal", author, at, subject, {"reason": reason})

    @classmethod
    def appeal(cls, author: str, at: datetime, subject: str, text: str) -> Record:
        """Return an author's appeal against a review as a record. Raises RecordError."""
        return cls("appeal", author, at, subject, {"text": text})

    @classmethod
    def bulletin(
        cls,
        author: str,
        at: datetime,
        source: str,
        as_of: datetime,
        figures: Mapping[str, int],
        *,
        corrects: str | None = None,
    ) -> Record:
        """Return figures with their source and time; ``corrects`` is an earlier bulletin's commitment.

        Raises RecordError.
        """
        body = {"source": source, "as_of": format_time(utc(as_of)), "figures": figures}
        return cls("bulletin", author, at, corrects, body)

    # --- JSON ------------------------------------------------------------------------------------

    def to_json(self) -> dict[str, Any]:
        """Return the record as the JSON object that is hashed."""
        return {
            "v": VERSION,
            "type": self.type,
            "author": self.author,
            "at": format_time(self.at),
            "subject": self.subject,
            "body": _plain(self.body),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Record:
        """Return the record that a JSON object states, or raise RecordError.

        Strict: unknown keys, other versions and texts that are not in NFC are refused, since they
        would not give the same bytes again.
        """
        keys = {"v", "type", "author", "at", "subject", "body"}
        if not isinstance(value, Mapping) or set(value) != keys:
            raise RecordError(
                f"the keys {', '.join(sorted(keys))}", brief(value), "See the format."
            )
        if type(value["v"]) is not int or value["v"] != VERSION:
            raise RecordError(f"format version {VERSION}", brief(value["v"]), "Get a newer kit.")
        record = cls(
            value["type"], value["author"], parse_time(value["at"]), value["subject"], value["body"]
        )
        if record.to_json() != dict(value):
            fix = "Bring its texts to Unicode NFC."
            raise RecordError(
                "a record in its normal form", "one that changes when it is read", fix
            )
        return record

    def canonical(self) -> bytes:
        """Return the bytes that are hashed: RFC 8785 of the JSON object."""
        return self._canonical


def _canonical(value: dict[str, Any]) -> bytes:
    """Return ``rfc8785.dumps(value)`` of a record's JSON object.

    But for a bulletin, the shortcut: json writes the same bytes ten times as fast, as such a record
    has no fractions, and no names but the format's, which UTF-16 sorts as Unicode does. A bulletin's
    figures may have any name.
    """
    if value["type"] == "bulletin":
        return bytes(rfc8785.dumps(value))
    return _JSON.encode(value).encode()


_JSON: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _frozen(value: Any) -> Any:
    """Return a JSON value that can't be changed: mappings and sequences all the way down."""
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({name: _frozen(part) for name, part in value.items()})
    return tuple(_frozen(part) for part in value)


def _plain(value: Any) -> Any:
    """Return a frozen value as dicts and lists."""
    if isinstance(value, (str, int)):
        return value
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return {name: _plain(part) for name, part in value.items()}


@checked("record")
def commitment(record: Record, salt: bytes) -> str:
    """Return ``keccak256(salt ‖ canonical bytes)``, 0x-prefixed. Raises RecordError.

    >>> from kit import people
    >>> told = Record.entry(people.alice.address, parse_time("2021-09-20T08:00:00Z"), "你好", place="泉州")
    >>> commitment(told, bytes(32)) == commitment(told, bytes(31) + b"1")
    False
    """
    if not isinstance(salt, bytes) or len(salt) != SALT_BYTES:
        raise RecordError(
            f"a salt of {SALT_BYTES} bytes", "something else", "Use secrets.token_bytes(32)."
        )
    return "0x" + keccak(salt + record.canonical()).hex()


@dataclass(frozen=True)
class SignedRecord:
    """A record with its salt and its author's signature: all that is needed to publish it."""

    record: Record
    salt: bytes
    signature: str

    @cached_property
    def commitment(self) -> str:
        """The record's commitment, 0x-prefixed."""
        return commitment(self.record, self.salt)

    def __repr__(self) -> str:
        # The salt stays out: with it, whoever sees the output can test guesses of a hidden text.
        told = self.record
        return (
            f"{told.type} by {told.author} at {format_time(told.at)}, commitment {self.commitment}"
        )


# --- checks of a record's parts ------------------------------------------------------------------


def is_address(value: object) -> bool:
    """Return whether it is an address with the capitals of EIP-55."""
    return isinstance(value, str) and len(value) == 42 and _has_checksum(value)


@lru_cache(maxsize=65_536)  # a hash each, and the same authors come again and again
def _has_checksum(value: str) -> bool:
    return bool(is_checksum_address(value))


def parse_time(value: str) -> datetime:
    """Return the UTC time that ``2021-09-20T08:00:00Z`` states. Raises RecordError."""
    if isinstance(value, str) and _TIME.fullmatch(value):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise RecordError("a UTC time like 2021-09-20T08:00:00Z", brief(value), "Write it so.")


@checked("time")
def format_time(time: datetime) -> str:
    """Return a UTC time as ``2021-09-20T08:00:00Z``; the inverse of parse_time."""
    return time.isoformat()[:19] + "Z"


def utc(time: datetime) -> datetime:
    """Return a time in UTC, or raise RecordError for one that a record can't have."""
    if not isinstance(time, datetime) or time.tzinfo is None:
        fix = "Add the zone, say datetime(…, tzinfo=UTC); a time without one could be anywhere's."
        raise RecordError("a time with a time zone", brief(time), fix)
    try:
        time = time.astimezone(UTC)
        if time.year >= 1970 and not time.microsecond:
            return time
    except OverflowError:  # the first and the last hours that a datetime can hold
        pass
    raise RecordError(
        "a time in whole seconds since 1970", str(time), "Use replace(microsecond=0)."
    )


def _subject(type: str, subject: str | None) -> str | None:
    if subject is None and type in ("entry", "bulletin"):
        return None
    if type == "entry":
        raise RecordError("no subject for an entry", brief(subject), "Leave it out.")
    if not isinstance(subject, str) or not HASH.fullmatch(subject) or not int(subject, 16):
        fix = "Pass the commitment of the record that this one is about."
        raise RecordError(f"the subject of {_a(type)}: 0x and 64 hex digits", brief(subject), fix)
    return subject


def _line(value: Any, what: str, *, empty: bool = False) -> str:
    """Return a short text of one line in NFC, or raise RecordError."""
    return _text(value, what, NAME_MAX, empty=empty, breaks="")


def _text(value: Any, what: str, limit: int, *, empty: bool = False, breaks: str = "\n\t") -> str:
    """Return a text in NFC, or raise RecordError."""
    if not isinstance(value, str):
        raise RecordError(
            f"{what} as text", f"{type(value).__name__} {brief(value)}", "Pass a str."
        )
    text = unicodedata.normalize("NFC", value)
    if len(text) <= limit and text.isprintable() and not text.isspace() and text:
        return text  # as nearly all are; what follows looks at each character
    # Blanks, and what has no width, can't be told from an empty text.
    if all(unicodedata.category(c) in _UNSEEN for c in text) and not (empty and not text):
        expected = f"{what} of 1 to {limit:,} characters"
        raise RecordError(expected, "an empty text", "Write something.")
    if len(text) > limit:
        expected = f"{what} of at most {limit:,} characters"
        raise RecordError(expected, f"{len(text):,}", "Shorten it.")
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs") and character not in breaks:
            got = f"U+{ord(character):04X}"
            raise RecordError(f"{what} without control characters", got, "Take it out.")
    return text


def _keys(type: str, body: Any, *keys: str) -> None:
    if not isinstance(body, Mapping) or set(body) != set(keys):
        raise RecordError(
            f"the body of {_a(type)}: {', '.join(keys)}", brief(body), "See the format."
        )


def _body(type: str, body: Any) -> dict[str, Any]:
    """Return the checked body of a record, texts in NFC."""
    if type == "entry":
        _keys(type, body, "text", "place", "role", "attachments")
        return {
            "text": _text(body["text"], "the text", TEXT_MAX),
            "place": _line(body["place"], "the place"),
            "role": _line(body["role"], "the role"),
            "attachments": _attachments(body["attachments"]),
        }
    if type == "review":
        _keys(type, body, "decision", "reason_code", "reason")
        if body["decision"] not in DECISIONS:
            fix = "Use one of them."
            raise RecordError(f"a decision of {', '.join(DECISIONS)}", brief(body["decision"]), fix)
        return {
            "decision": body["decision"],
            "reason_code": _line(body["reason_code"], "the reason code", empty=True),
            "reason": _text(body["reason"], "the reason", TEXT_MAX, empty=True),
        }
    if type == "bulletin":
        return _bulletin(body)
    key = {"witness": "note", "withdrawal": "reason", "appeal": "text"}[type]
    _keys(type, body, key)
    return {key: _text(body[key], f"the {key}", TEXT_MAX, empty=type != "appeal")}


def _bulletin(body: Any) -> dict[str, Any]:
    _keys("bulletin", body, "source", "as_of", "figures")
    figures = body["figures"]
    if not isinstance(figures, Mapping) or not figures:
        raise RecordError("figures by name", brief(figures), "Pass a mapping of names to numbers.")
    for value in figures.values():
        # RFC 8785 writes numbers as doubles: whole numbers are exact up to 2^53.
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 2**53 - 1:
            raise RecordError("whole numbers below 2^53", brief(value), "Use a smaller unit.")
    named = {_line(k, "a figure's name"): v for k, v in figures.items()}
    if len(named) < len(figures):  # two spellings that are the same in NFC
        raise RecordError("figures with different names", "one name twice", "Rename one.")
    return {
        "source": _text(body["source"], "the source", TEXT_MAX),
        "as_of": format_time(utc(parse_time(body["as_of"]))),
        "figures": named,
    }


def _attachments(files: Any) -> list[dict[str, Any]]:
    if not isinstance(files, Sequence) or isinstance(files, str) or len(files) > ATTACHMENTS_MAX:
        got = f"{len(files)}" if isinstance(files, Sequence) else brief(files)
        raise AttachmentError(
            f"at most {ATTACHMENTS_MAX} files", got, "Post the rest in a second entry."
        )
    return [_file(file) for file in files]


def _file(file: Any) -> dict[str, Any]:
    keys = {"name", "media_type", "size", "sha256"}
    if not isinstance(file, Mapping) or set(file) != keys:
        raise AttachmentError(f"a file's {', '.join(sorted(keys))}", brief(file), "See the format.")
    size = file["size"]
    if isinstance(size, bool) or not isinstance(size, int) or not 0 < size <= ATTACHMENT_BYTES_MAX:
        raise AttachmentError(
            f"a size of 1 to {ATTACHMENT_BYTES_MAX:,} bytes", brief(size), "Check it."
        )
    if not isinstance(file["media_type"], str) or file["media_type"] not in MEDIA_TYPES:
        raise AttachmentError(
            f"one of {', '.join(MEDIA_TYPES)}", brief(file["media_type"]), "Convert it."
        )
    if not isinstance(file["sha256"], str) or not HASH.fullmatch(file["sha256"]):
        raise AttachmentError("a SHA-256: 0x and 64 hex digits", brief(file["sha256"]), "Check it.")
    return {**file, "name": _file_name(file["name"])}


def _file_name(value: Any) -> str:
    name = _line(value, "a file name")
    if "/" in name or "\\" in name:
        raise AttachmentError("a file name without folders", repr(name), "Leave the folders out.")
    return name


def _a(type: str) -> str:
    """Return a record type with its article.

    >>> _a("entry"), _a("review")
    ('an entry', 'a review')
    """
    return f"an {type}" if type[0] in "aeiou" else f"a {type}"


def brief(value: Any) -> str:
    """Return what came, short enough for a message, however deep, long or huge it is."""
    if may_be_key(value):
        return shown(value)
    short = _SHORT.repr(value)
    return short if len(short) <= 60 else short[:57] + "…"
