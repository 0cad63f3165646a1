"""Reading what strangers send: strict and bounded, each part, or CertificateError."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from kit.core.depth import DEPTH_MAX, nests_too_deep
from kit.core.record import HASH, is_address, parse_time, utc
from kit.errors import CertificateError, KitError

__all__ = [
    "DEPTH_MAX",
    "INTEGER_MAX",
    "JSON_MAX",
    "TIME_MAX",
    "address",
    "fields",
    "hash32",
    "integer",
    "parse",
    "refused",
    "signature",
    "time",
]

#: Characters of a certificate's JSON: two records of 64 KiB, escaped, with room to spare.
JSON_MAX: Final = 1_000_000
#: Whole numbers are exact up to here in every language, JavaScript's doubles included.
INTEGER_MAX: Final = 2**53 - 1
#: The last second of the year 9999, after which no record and no block can have its time.
TIME_MAX: Final = 253_402_300_799

_SIGNATURE = re.compile(r"0x[0-9a-f]{130}")


def refused(expected: str, got: Any) -> CertificateError:
    """Return the error for what came; what it shows of that is short and printable."""
    try:  # what is not printable could not be written, or would move a terminal's cursor
        shown = got if isinstance(got, str) and got.isprintable() else repr(got)
    except (ValueError, RecursionError):  # Python writes no number of more than 4,300 digits
        shown = f"a huge {type(got).__name__}"
    shown = shown if len(shown) <= 80 else shown[:77] + "…"
    shown = shown or "an empty text"
    return CertificateError(expected, shown, "Ask for the certificate again, from its source.")


def parse(text: str | bytes) -> Any:
    """Return the JSON value that a text states.

    At most ``JSON_MAX`` characters and ``DEPTH_MAX`` levels; no key twice, no number but whole ones.
    """
    if isinstance(text, bytes):
        try:
            text = text[: 4 * JSON_MAX + 1].decode("utf-8")
        except UnicodeDecodeError as error:
            raise refused("JSON in UTF-8", "other bytes") from error
    if len(text) > JSON_MAX:
        raise refused(f"at most {JSON_MAX:,} characters", f"{len(text):,}")
    if nests_too_deep(text):
        raise refused(f"JSON of at most {DEPTH_MAX} levels", "more")
    try:
        return json.loads(
            text,
            object_pairs_hook=_unique,
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_parse_integer,
        )
    except ValueError as error:
        raise refused("JSON", str(error)) from error


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


# --- part by part -----------------------------------------------------------------------------------


def fields(value: Any, name: str, *keys: str) -> Mapping[str, Any]:
    """Return an object that has these keys and no others."""
    if not isinstance(value, Mapping) or set(value) != set(keys):
        got = sorted(map(str, value)) if isinstance(value, Mapping) else value
        raise refused(f"{name} with the keys {', '.join(sorted(keys))}", got)
    return value


def integer(value: Any, name: str, least: int = 0, most: int = INTEGER_MAX) -> int:
    """Return a whole number within its bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refused(f"{name} as a whole number from {least} to {most}", value)
    return value


def hash32(value: Any) -> str:
    """Return a hash of 32 bytes, or a salt, as hex."""
    if not isinstance(value, str) or not HASH.fullmatch(value):
        raise refused("a hash: 0x and 64 hex digits in small letters", value)
    return value


def signature(value: Any) -> str:
    """Return a signature's 65 bytes as hex. Whether it can be one is step 3's question."""
    if not isinstance(value, str) or not _SIGNATURE.fullmatch(value):
        raise refused("a signature: 0x and 130 hex digits in small letters", value)
    return value


def address(value: Any) -> str:
    """Return an address."""
    if not isinstance(value, str) or not is_address(value):
        raise refused("an address with the capitals of EIP-55", value)
    return value


def time(value: Any) -> datetime:
    """Return a UTC time."""
    try:
        return utc(parse_time(value))
    except KitError as error:
        raise refused("a UTC time like 2021-09-20T08:00:00Z", error.got) from error
