"""A picture of black and white squares as PNG, the same bytes on every machine."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Final

__all__ = ["png"]

_STORED_MAX: Final = 65_535  # bytes of a stored block (RFC 1951, 3.2.4)


def png(rows: Sequence[Sequence[bool | None]], scale: int) -> bytes:
    r"""Return rows of squares as a PNG picture of one bit a pixel, ``scale`` pixels a square.

    True is black. The format is ISO/IEC 15948. Nothing is compressed: how well that goes depends on
    the zlib at hand, and the lessons compare their pictures byte by byte.

    >>> png([[True, False], [False, True]], 4)[:8]
    b'\x89PNG\r\n\x1a\n'
    """
    width = len(rows[0]) * scale
    lines = b"".join(_line(row, width, scale) * scale for row in rows)
    header = struct.pack(">IIBBBBB", width, len(rows) * scale, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", _stored(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _line(row: Sequence[bool | None], width: int, scale: int) -> bytes:
    """Return a line of pixels: the filter "none", then a bit each, white set, padded to a byte."""
    bits = "".join(("0" if dark else "1") * scale for dark in row)
    size = -(-width // 8)
    return b"\0" + int(bits.ljust(8 * size, "0"), 2).to_bytes(size)


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def _stored(content: bytes) -> bytes:
    """Return a zlib stream (RFC 1950) of stored blocks."""
    starts = range(0, len(content), _STORED_MAX)
    blocks = []
    for start in starts:
        part = content[start : start + _STORED_MAX]
        size, inverse = (n.to_bytes(2, "little") for n in (len(part), len(part) ^ 0xFFFF))
        blocks.append(bytes([start == starts[-1]]) + size + inverse + part)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(content))
