"""The way back from a picture: the text of the certificate's QR code that is on it."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

from kit.arguments import checked
from kit.core import Certificate
from kit.errors import CertificateError, KitError
from kit.given import compact_text

__all__ = ["read_code"]

#: Points of a picture: a phone's have up to 50 million, and one that claims more is not unpacked.
_POINTS_MAX: Final = 100_000_000
_QR: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])
_WANTED: Final = "a picture with the QR code of a certificate"


@checked("path")
def read_code(path: str | Path) -> str:
    """Return the text of the certificate's QR code on a picture: a card, a photograph, a screenshot.

    Other codes may be on it, too. Raises CertificateError for what is no picture, one without such a
    code, or with those of several certificates.
    """
    texts = dict.fromkeys(_codes(Path(path)))
    ours = [text for text in texts if _is_ours(text)]
    if not ours:
        got = f"other codes ({len(texts)})" if texts else "none that can be read"
        raise CertificateError(_WANTED, got, "Give a sharper or larger picture, or its JSON.")
    if len(ours) > 1:
        fix = "Cut the picture so that one is left."
        raise CertificateError("one certificate's QR code", f"those of {len(ours)}", fix)
    return ours[0]


def _codes(path: Path) -> list[str]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                if picture.width * picture.height > _POINTS_MAX:
                    got = f"one of {picture.width:,} by {picture.height:,} points"
                    raise CertificateError(_WANTED, got, "Make it smaller.")
                # What is transparent is paper, as on the page.
                whole = Image.new("RGBA", picture.size, "white")
                whole.alpha_composite(picture.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        got = (
            "no picture" if isinstance(error, UnidentifiedImageError) else f"a broken one ({error})"
        )
        raise CertificateError(_WANTED, got[:200], "Give a PNG or JPEG.") from error
    found = zxingcpp.read_barcodes(whole.convert("L"), formats=_QR)
    return [code.text for code in found]


def _is_ours(text: str) -> bool:
    try:
        return bool(Certificate.from_compact(compact_text(text)))
    except KitError:
        return False
