"""What people give: files with a byte order mark or in UTF-16, links as mail and chats leave them.

The formats themselves stay as strict as ``docs/format.md`` says. What an editor, a shell or a mail
program put around a text on its way is taken off here, before the format is read.
"""

from __future__ import annotations

import codecs
import re
import stat
from pathlib import Path
from typing import Final

from kit.errors import DataError, KitError

__all__ = ["compact_text", "decoded", "is_picture", "read_text", "regular"]

#: The byte order marks, the longest first: UTF-32's begins with UTF-16's.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: How files begin that are no text, with a name for each: what people take for a certificate.
_KINDS: Final = (
    (0, b"%PDF-", "a PDF"),
    (0, b"\x89PNG", "a picture (PNG)"),
    (0, b"\xff\xd8\xff", "a picture (JPEG)"),
    (0, b"GIF8", "a picture (GIF)"),
    (0, b"BM", "a picture (BMP)"),
    (4, b"ftyp", "a HEIC picture or a film (MP4)"),
    (8, b"WEBP", "a picture (WebP)"),
    (0, b"PK\x03\x04", "a ZIP file"),
    (0, b"SQLite format 3", "a diary's archive (SQLite)"),
)


def read_text(path: Path, wanted: str) -> str:
    """Return the text of a file in UTF-8, or in what its byte order mark says.

    ``wanted`` names what should be in it, for the errors. Raises KitError for a file that can't be read,
    that is empty, or that holds a picture or other bytes.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KitError(wanted, f"{path}: {error.strerror}", "Check the path.") from error
    if not content.strip():
        raise KitError(wanted, f"an empty file: {path}", "Ask for the file again.")
    if kind := _kind(content):
        more = "; verify takes a PNG or JPEG of it, too" if wanted == "a certificate" else ""
        raise KitError(wanted, f"{kind}: {path}", f"Give {wanted} as a file of text{more}.")
    try:
        return decoded(content)
    except UnicodeDecodeError as error:
        raise KitError(wanted, f"{path}, which is no text", "Save it again as UTF-8.") from error


def regular(path: Path, most: int, fix: str) -> Path:
    """Return the path of a file in a stranger's folder, if it is one, of at most so many bytes.

    No link is followed, no device read and no pipe waited for. Raises DataError, which says ``fix``.
    """
    try:
        found = path.lstat()
    except OSError as error:
        raise DataError(f"a file at {path}", str(error.strerror), fix) from error
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"a file at {path}", "a link, a folder, a device or a pipe", fix)
    if found.st_size > most:
        raise DataError(f"a file of at most {most:,} bytes at {path}", f"{found.st_size:,}", fix)
    return path


def is_picture(path: Path) -> bool:
    """Return whether a file begins as a picture does. What can't be read is none."""
    try:
        with path.open("rb") as file:
            return _kind(file.read(32)).startswith("a picture (")
    except OSError:
        return False


def _kind(content: bytes) -> str:
    """Return what a file is that is no text, by its first bytes, or ''."""
    for start, magic, kind in _KINDS:
        if content.startswith(magic, start) and (magic != b"BM" or b"\0" in content[:32]):
            return kind
    return ""


def decoded(content: bytes) -> str:
    """Return the text of bytes in UTF-8, or in what their byte order mark says.

    Raises UnicodeDecodeError.

    >>> decoded("kept 记".encode("utf-16")), decoded(b"kept")
    ('kept 记', 'kept')
    """
    mark, encoding = next((x for x in _MARKS if content.startswith(x[0])), (b"", "utf-8"))
    return content[len(mark) :].decode(encoding)


#: Letters longer than this are no link: a compact form has at most a tenth.
_LINK_MAX: Final = 100_000
#: A soft line break of quoted-printable, what has no width, and the quote marks of an answered mail.
_PUT_IN: Final = re.compile("=\r?\n|[\u00ad\u200b-\u200f\u2060\ufeff]|^[ \t]*>+", re.MULTILINE)
_HEAD: Final = re.compile("#|%23")
# White space is spelled out: Python and JavaScript differ by a few.
_BLANK: Final = r"[ \t-\r\xa0\u2000-\u200a\u2028\u2029\u3000]"
_WORD: Final = re.compile(rf"{_BLANK}*([A-Z2-7]+)(?![0-9A-Za-z])({_BLANK}|\Z)?")


def compact_text(text: str) -> str:
    r"""Return the compact form that stands in a link, however the link was wrapped on its way.

    What stands before its ``#`` is left out, and so are line breaks inside and what was put behind it.
    Where no link is found, the text itself is returned: its reader says what is wrong with it.

    >>> compact_text("<https://example.org/verify.html%23AGYQ\n> CTX6?from=timeline>")
    'AGYQCTX6'
    """
    if len(text) > _LINK_MAX:
        return text
    bare = _PUT_IN.sub("", text)
    starts = [0, *(mark.end() for mark in _HEAD.finditer(bare))]
    return max((_letters(bare, start) for start in starts), key=len) or text.strip()


def _letters(text: str, start: int) -> str:
    """Return the letters of base32 at a place, over the line breaks between them."""
    found = []
    while word := _WORD.match(text, start):
        found.append(word[1])
        if word[2] is None:  # something else follows at once, as a full stop
            break
        start = word.end()
    return "".join(found)
