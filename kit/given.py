"""Files as people give them: with a byte order mark, in UTF-16, empty, or a picture by mistake.

The formats themselves stay as strict as ``docs/format.md`` says. What an editor or a shell put around a
text on its way is taken off here, before the format is read.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

from kit.errors import KitError

__all__ = ["read_text"]

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
    (4, b"ftyp", "a picture or film (HEIC, MP4)"),
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
    for start, magic, kind in _KINDS:
        if content.startswith(magic, start) and (magic != b"BM" or b"\0" in content[:32]):
            raise KitError(wanted, f"{kind}: {path}", f"Give {wanted} as a file of text.")
    mark, encoding = next((x for x in _MARKS if content.startswith(x[0])), (b"", "utf-8"))
    try:
        return content[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise KitError(wanted, f"{path}, which is no text", "Save it again as UTF-8.") from error
