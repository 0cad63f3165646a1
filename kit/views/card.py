"""How a certificate shows itself: as a card with a QR code, in a notebook, on paper, on a phone.

The card is A5, in Chinese and English, as HTML, PNG, SVG and PDF. It shows what such certificates
carry in practice: number, content hash, author, times, block height and hash, transaction, contract,
chain, place in the batch, review. Whoever scans its QR code gets all of it but the content, and can
check it without us (see ``kit.verify``). A card asks no chain, and says so; of a certificate that
fails a step by itself it says that, and names no reviewer whose review doesn't hold.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import timedelta, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import qrcode
import qrcode.exceptions
import qrcode.image.svg
from qrcode.constants import ERROR_CORRECT_M

from kit import fonts
from kit.arguments import checked
from kit.core import (
    FAILED,
    Batch,
    Certificate,
    StepFailed,
    StepOpen,
    bilingual,
    check_review,
    steps_alone,
)
from kit.errors import CertificateError
from kit.text import wrap
from kit.views.markup import BLUE, GREY, INK, nested, render
from kit.views.png import png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    QRCode = qrcode.QRCode[Any]

__all__ = ["PAGE", "QR_VERSION_MAX", "card_html", "qr_code", "qr_png", "save_card"]

#: Where the verify page is published; the QR code leads there. Any other host of the page will do.
PAGE: Final = "https://civic-diary-kit.github.io/civic-diary-kit/verify.html"

#: The largest QR code that is made: 117 modules a side, which a phone still reads from paper.
QR_VERSION_MAX: Final = 25

_CHINA = timezone(timedelta(hours=8))
_TITLE = ("链上存证证书", "Certificate of a civic record")
_SCAN = ("扫码核验：无需信任我们", "Scan to check it, without trusting us")
_SHOWS = (
    "区块与批次在链上核验之前，仅为所称。\n核验后证明：此内容自该区块起存在，未被更改。\n不证明：内容属实。",
    "Block and batch are claims until a chain is asked. It then shows that this content has existed, "
    "unchanged, since that block.\nNot that it is true.",
)
_FAILS = (
    "核验未通过：第 {} 步。请勿采信。",
    "It fails its own check at step {}. Don't rely on it.",
)
_WITHHELD = "（内容未公开或已删除 · content held back or erased）"


# --- the QR code ---------------------------------------------------------------------------------


@checked("certificate")
def qr_code(certificate: Certificate, page: str = PAGE) -> QRCode:
    """Return the QR code of a certificate: ``page#compact form``, level M, never split.

    Raises CertificateError where it would be larger than version 25.
    """
    return copy(_code(f"{page}#{certificate.compact()}"))


@lru_cache(maxsize=50)  # a tenth of a second each, and a desk shows the same again after each click
def _code(text: str) -> QRCode:
    code: QRCode = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=4)
    # The base32 part is alphanumeric, 5.5 bits a character; `optimize` keeps the two parts apart.
    code.add_data(text, optimize=20)
    try:
        version = code.best_fit()
    except (qrcode.exceptions.DataOverflowError, ValueError):
        version = 41
    if version > QR_VERSION_MAX:
        fix = "Use a shorter page address."
        expected = f"a QR code of at most version {QR_VERSION_MAX}"
        raise CertificateError(expected, f"version {version}" if version < 41 else "more", fix)
    code.make(fit=True)
    return code


@checked("certificate", "scale")
def qr_png(certificate: Certificate, page: str = PAGE, *, scale: int = 4) -> bytes:
    """Return the QR code as a PNG picture, ``scale`` pixels a module, quiet zone included.

    Raises CertificateError for a scale that is not from 1 to 40, or a code that is too large.
    """
    if not 1 <= scale <= 40:
        raise CertificateError("1 to 40 pixels a module", str(scale)[:20], "Choose one of these.")
    return png(qr_code(certificate, page).get_matrix(), scale)


def _runs(modules: Sequence[Sequence[bool | None]]) -> Iterator[tuple[int, int, int]]:
    """Return the dark modules as runs: left, top, width."""
    for y, row in enumerate(modules):
        x = 0
        while x < len(row):
            width = 0
            while x + width < len(row) and row[x + width]:
                width += 1
            if width:
                yield x, y, width
            x += max(width, 1)


# --- the fields ----------------------------------------------------------------------------------


def _fields(certificate: Certificate) -> list[tuple[str, str, str]]:
    """Return the card's fields: Chinese name, English name, value."""
    member = certificate.inclusion
    leaf, batch, anchor = member.leaf, member.batch, member.batch.anchor
    zone = "%Y-%m-%d %H:%M:%S 北京时间 UTC+8"
    place = leaf.seq - batch.first_seq + 1
    return [
        ("编号", "number", certificate.id),
        ("内容哈希", "content hash", certificate.commitment),
        ("作者", "author", leaf.author),
        ("发布时间", "posted at", leaf.time.astimezone(_CHINA).strftime(zone)),
        ("区块高度", "block height", f"{anchor.block_number}{_standing(batch)}"),
        ("区块哈希", "block hash", anchor.block_hash),
        ("区块时间", "block time", anchor.block_time.astimezone(_CHINA).strftime(zone)),
        ("时间差", "lag", _lag(anchor.block_time - leaf.time)),
        ("交易哈希", "transaction", anchor.transaction_hash),
        ("合约", "contract", anchor.contract),
        ("链", "chain", f"{anchor.chain_id}{_chain_note(anchor.chain_id)}"),
        ("批次", "batch", f"{batch.number}: {place} / {batch.count}"),
        ("审核", "review", _reviewed(certificate)),
    ]


def _standing(batch: Batch) -> str:
    """Return whether the block was final when the certificate was made; a file doesn't say it."""
    return f" ({bilingual(batch.standing)})" if batch.standing else ""


def _lag(time: timedelta) -> str:
    """Return how long after the time that its author states a record stands in a block."""
    sign = "-" if time < timedelta(0) else ""
    return f"{sign}{abs(time)} (block time − posted at)"


def _reviewed(certificate: Certificate) -> str:
    """Return who reviewed the entry, if the review inside holds as far as no chain is needed."""
    try:
        leaf = check_review(certificate).inclusion.leaf
    except StepOpen:
        return "—"
    except StepFailed as failed:
        return f"✗ {failed}"
    return f"record {leaf.seq}, {leaf.author}"


def _shows(certificate: Certificate) -> tuple[str, str]:
    """Return what the card shows, in Chinese and English; or at which steps it fails."""
    failed = [str(step.number) for step in steps_alone(certificate) if step.outcome == FAILED]
    if not failed:
        return _SHOWS
    return _FAILS[0].format("、".join(failed)), _FAILS[1].format(", ".join(failed))


def _chain_note(chain_id: int) -> str:
    known = {20210921: " 教学链 lesson chain", 31337: " 本地链 local chain"}
    return known.get(chain_id, "")


def _content(certificate: Certificate) -> tuple[str, str]:
    """Return the text of the record, and a line on where it comes from."""
    record = certificate.record
    if record is None:
        return _WITHHELD, ""
    body = record.body
    text = next((body[key] for key in ("text", "note", "reason") if body.get(key)), "")
    if record.type == "review":
        text = f"{body['decision']} {body['reason_code']} {body['reason']}".strip()
    elif record.type == "bulletin":
        text = "\n".join(f"{name}: {value:,}" for name, value in body["figures"].items())
    files = [file["name"] for file in body.get("attachments", ())]
    line = " · ".join([x for x in (body.get("place"), body.get("role")) if x] + files)
    return text, line


# --- HTML ----------------------------------------------------------------------------------------


@checked("certificate")
def card_html(certificate: Certificate, page: str = PAGE) -> str:
    """Return the card as HTML for a notebook; whatever the record says is escaped."""
    text, line = _content(certificate)
    return render(
        "card.html",
        title=_TITLE,
        text="\n".join(wrap(text, 64, 12, _width)),
        line=line,
        fields=_fields(certificate),
        id=certificate.id,
        code=base64.b64encode(qr_png(certificate, page, scale=3)).decode(),
        scan=_SCAN,
        shows=_shows(certificate),
    )


# --- PNG, SVG, PDF -------------------------------------------------------------------------------


@checked("certificate", "path")
def save_card(certificate: Certificate, path: str | Path, page: str = PAGE) -> Path:
    """Write the card as A5 to a file and return its path; the ending says which kind.

    ``.png`` (200 dots an inch), ``.svg`` (letters as outlines), ``.pdf`` (fonts embedded), ``.html``.
    The same certificate gives the same bytes. Raises CertificateError for another ending.
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".html":
        card = nested(card_html(certificate, page))
        html = render("card_page.html", id=certificate.id, card=card)
        path.write_text(html, encoding="utf-8", newline="\n")
        return path
    dated: dict[str, dict[str, None]] = {
        ".png": {"Software": None},
        ".svg": {"Date": None, "Creator": None},
        ".pdf": {"CreationDate": None, "Producer": None, "Creator": None},
    }
    if kind not in dated:
        raise CertificateError(
            f"a file ending in {', '.join(dated)}, .html", path.name, "Rename it."
        )
    import matplotlib as mpl

    fonts.register()
    fixed: Any = {"pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": certificate.id}
    with mpl.rc_context():
        mpl.rcdefaults()  # whatever the user's settings are
        mpl.rcParams.update(fixed)
        _draw(certificate, page).savefig(path, dpi=200, metadata=dated[kind])
    return path


_WIDTH, _HEIGHT = 148.0, 210.0  # A5, in millimetres
_LEFT = 11.0


class _Sheet:
    """A5 to write on: places in millimetres from the top left, sizes in points."""

    def __init__(self) -> None:
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(_WIDTH / 25.4, _HEIGHT / 25.4))
        self.texts: list[str] = []

    def write(
        self, x: float, y: float, text: str, size: float, colour: str = INK, mono: bool = False
    ) -> None:
        """Write one line, of characters that the fonts have."""
        self.texts.append(text)
        self.figure.text(
            x / _WIDTH,
            1 - (y + size * 0.31) / _HEIGHT,  # the baseline, so that neighbours stand on one
            text,
            fontsize=size,
            color=colour,
            family=fonts.MONO if mono else fonts.FAMILY,
            parse_math=False,  # a text with two dollar signs is no formula
        )

    def bar(self, y: float, height: float, colour: str) -> None:
        """Draw a bar over the whole width."""
        self.rectangles([(0.0, y, _WIDTH, height)], colour)

    def rectangles(self, boxes: Sequence[tuple[float, float, float, float]], colour: str) -> None:
        """Draw rectangles (left, top, width, height) as one path, sharp at the edges."""
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path as Outline

        points, codes = [], []
        for x, y, width, height in boxes:
            left, right = x / _WIDTH, (x + width) / _WIDTH
            top, bottom = 1 - y / _HEIGHT, 1 - (y + height) / _HEIGHT
            points += [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
            codes += [Outline.MOVETO, *[Outline.LINETO] * 3, Outline.CLOSEPOLY]
        patch = PathPatch(Outline(points, codes), facecolor=colour, linewidth=0, antialiased=False)
        patch.set_transform(self.figure.transFigure)
        self.figure.add_artist(patch)


def _draw(certificate: Certificate, page: str) -> Figure:
    sheet = _Sheet()
    sheet.bar(0, 3, BLUE)
    sheet.write(_LEFT, 9, _TITLE[0], 17)
    sheet.write(_LEFT, 17.5, _TITLE[1], 9, GREY)
    text, line = _content(certificate)
    fields = _fields(certificate)
    _write_content(sheet, fonts.drawable(text), fonts.drawable(line))
    y = 72.0
    for zh, en, value in fields:
        sheet.write(_LEFT, y, f"{zh} {en}", 7.5, GREY)
        for part in wrap(fonts.drawable(value), 68, 2, _width):
            sheet.write(_LEFT + 30, y + 0.28, part, 6.6, mono=True)
            y += 3.4
        y += 1.7
    _draw_code(sheet, qr_code(certificate, page))
    _write_notes(sheet, _shows(certificate))
    if fonts.SIGN in "".join(sheet.texts):
        lacking = fonts.missing("".join([text, line, *(value for _, _, value in fields)]))
        sheet.write(_LEFT, 202, _lacking(lacking), 7.5, GREY)
    return sheet.figure


def _write_content(sheet: _Sheet, text: str, line: str) -> None:
    y = 26.0
    for row in wrap(text, 56, 6, fonts.columns):
        sheet.write(_LEFT, y, row, 10.5)
        y += 6.2
    sheet.write(_LEFT, y + 0.5, wrap(line, 90, 1, fonts.columns)[0] if line else "", 7.5, GREY)


def _write_notes(sheet: _Sheet, shows: tuple[str, str]) -> None:
    y = 148.0
    for size, colour, words in ((9, INK, _SCAN), (7.5, GREY, shows)):
        for sentence in words:
            for row in wrap(sentence, 44, 5, fonts.columns):
                sheet.write(75, y, row, size, colour)
                y += size * 0.55
            y += 1.5
        y += 3


def _lacking(characters: str) -> str:
    """Return the line on the sign that stands for characters that no font has, and on which they are."""
    some = [f"U+{ord(c):04X}" for c in characters[:6]] + ["…"] * (len(characters) > 6)
    return " ".join(fonts.LACKING) + (f" ({', '.join(some)})" if some else "")


def _draw_code(sheet: _Sheet, code: QRCode) -> None:
    side = code.modules_count
    unit = 56.0 / side
    boxes = [
        (_LEFT + x * unit, 144 + y * unit, width * unit, unit)
        for x, y, width in _runs(code.modules)
    ]
    sheet.rectangles(boxes, "black")


def _width(text: str) -> float:
    """Return how many columns a text takes in a font that isn't known: its quotes may be narrow."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
