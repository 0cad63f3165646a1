"""The card and the QR code, read back with a decoder that is not ours."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import zxingcpp
from PIL import Image

import kit
from kit import fonts, people
from kit.core import Certificate
from kit.errors import CertificateError
from kit.text import width, wrap
from kit.views import card as display

MODERATOR = people.moderator


@pytest.fixture(scope="module")
def diary() -> Any:
    found = kit.Diary.open(kit.chain.embedded())
    yield found
    found.close()


def issue(diary: Any, text: str, **more: Any) -> Certificate:
    entry = diary.post(people.alice, text, place=more.pop("place", "泉州"), **more)
    diary.review(entry, by=MODERATOR, approve=True)
    diary.publish()
    found: Certificate = diary.certificate(entry)
    return found


@pytest.fixture(scope="module")
def certificate(diary: Any) -> Certificate:
    return issue(diary, "十人一桌，今年改成十人一组。")


def in_batch_of(certificate: Certificate, size: int) -> Certificate:
    """The same certificate as long as one of a batch of that size would be."""
    proof = ("0x" + "5a" * 32,) * (size.bit_length() - 1)
    return replace(certificate, inclusion=replace(certificate.inclusion, proof=proof))


def scan(picture: Image.Image) -> list[str]:
    return [found.text for found in zxingcpp.read_barcodes(picture)]


def seen_by_a_phone(png: bytes) -> list[Image.Image]:
    """The picture at its size, at half of it, and held a little askew."""
    whole = Image.open(io.BytesIO(png)).convert("L")
    half = whole.resize((whole.width // 2, whole.height // 2), Image.Resampling.LANCZOS)
    askew = whole.rotate(5, Image.Resampling.BICUBIC, expand=True, fillcolor=255)
    return [whole, half, askew]


# --- the QR code ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 9, 64, 512, 1024])
def test_a_decoder_that_is_not_ours_reads_the_code(certificate: Certificate, size: int) -> None:
    sized = in_batch_of(certificate, size)
    for picture in seen_by_a_phone(display.qr_png(sized)):
        assert scan(picture) == [f"{display.PAGE}#{sized.compact()}"]


def test_the_code_of_the_largest_batch_is_of_version_25_at_most(certificate: Certificate) -> None:
    code = display.qr_code(in_batch_of(certificate, 1024), page="https://example.org/" + "x" * 80)
    assert code.version <= display.QR_VERSION_MAX == 25
    # Level M, and the base32 part in the mode that takes 5.5 bits a character.
    assert code.error_correction == display.ERROR_CORRECT_M
    assert len(code.data_list) == 2
    with pytest.raises(CertificateError, match="at most version 25"):
        display.qr_code(in_batch_of(certificate, 1024), page="https://example.org/" + "x" * 600)
    with pytest.raises(CertificateError, match="at most version 25"):
        display.qr_code(certificate, page="x" * 5000)


@pytest.mark.parametrize("scale", [1, 3, 4, 8])
def test_the_picture_has_the_same_modules(certificate: Certificate, scale: int) -> None:
    """As Pillow reads it, which checks its sums, too; and nothing in it depends on a library."""
    matrix = display.qr_code(certificate).get_matrix()
    content = display.qr_png(certificate, scale=scale)
    picture = Image.open(io.BytesIO(content))
    assert (picture.mode, picture.size) == ("1", (len(matrix) * scale,) * 2)
    dark = np.kron(np.array(matrix, dtype=bool), np.ones((scale, scale), dtype=bool))
    assert (np.asarray(picture) == ~dark).all()
    stored = content[content.index(b"IDAT") + 4 :]
    assert stored[:2] == b"\x78\x01"
    assert stored[2] in (0, 1)  # blocks that are not compressed


@pytest.mark.parametrize("scale", [0, -1, 41, 10**6])
def test_a_picture_that_can_not_be(certificate: Certificate, scale: int) -> None:
    with pytest.raises(CertificateError, match="1 to 40 pixels a module"):
        display.qr_png(certificate, scale=scale)


# --- the card ------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 1024])
def test_the_code_on_the_card_is_read(certificate: Certificate, size: int, tmp_path: Path) -> None:
    sized = in_batch_of(certificate, size)
    card = display.save_card(sized, tmp_path / "card.png")
    for picture in seen_by_a_phone(card.read_bytes()):
        assert scan(picture) == [f"{display.PAGE}#{sized.compact()}"]


def test_the_card_is_a5(certificate: Certificate, tmp_path: Path) -> None:
    with Image.open(display.save_card(certificate, tmp_path / "card.png")) as picture:
        assert picture.size == (1165, 1653)  # 148 by 210 mm at 200 dots an inch
    pdf = display.save_card(certificate, tmp_path / "card.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", pdf)
    assert box
    assert [round(float(x) / 72 * 25.4) for x in box.groups()] == [148, 210]


def test_the_pdf_embeds_its_fonts(certificate: Certificate, tmp_path: Path) -> None:
    pdf = display.save_card(certificate, tmp_path / "card.pdf").read_bytes()
    fonts = set(re.findall(rb"/FontName /(\S+)", pdf))
    # The one with Chinese, and the one with fixed width.
    assert {font.rpartition(b"+")[2] for font in fonts} == {b"KitSans-Regular", b"DejaVuSansMono"}
    assert pdf.count(b"/FontFile2") >= len(fonts)


def test_the_svg_needs_no_font_and_runs_nothing(certificate: Certificate, tmp_path: Path) -> None:
    root = ElementTree.parse(display.save_card(certificate, tmp_path / "card.svg")).getroot()
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "text" not in names
    assert not names & {"script", "image", "foreignObject"}


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf", ".html"])
def test_the_same_certificate_gives_the_same_card(
    certificate: Certificate, ending: str, tmp_path: Path
) -> None:
    one = display.save_card(certificate, tmp_path / f"one{ending}").read_bytes()
    two = display.save_card(certificate, tmp_path / f"two{ending}").read_bytes()
    assert one == two


def test_another_ending_is_refused(certificate: Certificate, tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"\.png, \.svg, \.pdf, \.html"):
        display.save_card(certificate, tmp_path / "card.docx")
    assert not list(tmp_path.iterdir())


def test_the_card_carries_what_such_certificates_carry(certificate: Certificate) -> None:
    shown = display.card_html(certificate)
    member = certificate.inclusion
    anchor, review = member.batch.anchor, certificate.review
    assert review
    for value in (
        certificate.id,
        certificate.commitment,
        member.leaf.author,
        "2021-09-10 00:00:36 北京时间",
        f"<td[^>]*>{anchor.block_number}</td>",
        anchor.block_hash,
        anchor.transaction_hash,
        anchor.contract,
        f"{anchor.block_time - member.leaf.time} (block time − posted at)",
        "20210921 教学链 lesson chain",
        "0: 1 / 2",
        f"record 1, {review.record.author}",
        "十人一桌，今年改成十人一组。",
        "不证明：内容属实",
        "Not that it is true",
    ):
        assert re.search(value if "[^>]" in value else re.escape(value), shown), value
    assert certificate.salt
    assert certificate.salt.hex() not in shown
    assert kit.views.html(certificate) == shown


def test_a_card_says_no_more_than_its_certificate_holds(
    certificate: Certificate, tmp_path: Path
) -> None:
    """A card asks no chain; a reviewer whose review doesn't hold is not named on it."""
    review = certificate.review
    assert review
    member = review.inclusion
    reviewer = f"record 1, {member.leaf.author}"
    whole = display.card_html(certificate)
    assert reviewer in whole
    assert "Block and batch are claims until a chain is asked." in whole
    assert "区块与批次在链上核验之前，仅为所称。" in whole
    for spoilt, step in (
        (replace(review, signature=certificate.signature), 3),
        (replace(review, salt=bytes(32)), 2),
        (replace(review, inclusion=replace(member, proof=())), 5),
    ):
        forged = replace(certificate, review=spoilt)
        shown = display.card_html(forged)
        assert f"It fails its own check at step {step}. Don&#39;t rely on it." in shown
        assert f"核验未通过：第 {step} 步。请勿采信。" in shown
        assert f"✗ the review fails step {step}" in shown
        assert "has existed" not in shown
        assert reviewer not in shown
        display.save_card(forged, tmp_path / "card.png")  # and it can be drawn
    moved = replace(member, batch=replace(member.batch, number=7))
    forged = replace(certificate, review=replace(review, inclusion=moved))
    assert "It fails its own check at step 5." in display.card_html(forged)


def test_a_redacted_card_says_that_it_holds_something_back(certificate: Certificate) -> None:
    shown = display.card_html(certificate.redacted())
    assert "content held back or erased" in shown
    assert "十人一桌" not in shown


def test_a_card_of_a_review(diary: Any) -> None:
    entry = diary.post(people.bob, "spam", place="泉州")
    diary.review(entry, by=MODERATOR, approve=False, reason_code="spam", reason="an advertisement")
    batch = diary.publish()
    decided = list(diary.certificates())[batch.first_seq]
    assert "reject spam an advertisement" in display.card_html(decided)


HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "'\"><svg onload=alert(1)>&amp;",
    "$\\frac{1}{0}$ and $ another $",
    "字" * 5000,
    "x" * 200,
    "مرحبا بالعالم שלום \u202egnorw\u202c",
    "🙂👩\u200d👩\u200d👧 🀄 \U0001f1e8\U0001f1f3",
    "第一行\n第二行\n\n第四行\t制表",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_shown_as_text(diary: Any, text: str, tmp_path: Path) -> None:
    made = issue(diary, text, place="<b>泉州</b>", role='"role')
    page = display.card_html(made)
    tags = set(re.findall(r"<(/?[a-zA-Z]+)", page))
    assert {tag.strip("/") for tag in tags} <= {
        *("div", "p", "table", "tr", "th", "td", "br", "img")
    }
    # A glyph that is missing, or a formula, would be a warning, and warnings are errors here.
    for ending in (".png", ".svg", ".pdf"):
        card = display.save_card(made, tmp_path / f"card{ending}")
        assert card.stat().st_size > 10_000
    assert scan(Image.open(tmp_path / "card.png")) == [f"{display.PAGE}#{made.compact()}"]


def test_long_text_is_cut_with_a_sign_that_it_was() -> None:
    cut = wrap("字" * 400, 56, 6)
    assert len(cut) == 6
    assert cut[-1].endswith("…（此处截断 · cut here）")
    assert all(width(line) <= 56 for line in cut)
    assert wrap("字" * 28 * 6, 56, 6) == ["字" * 28] * 6  # it fits: no sign


@pytest.mark.parametrize(
    "text", ["字" * 28, "★" * 28, "👍" * 28, "\ufffd" * 28, "w" * 56, "“字”" * 10]
)
def test_no_line_leaves_the_card(diary: Any, text: str) -> None:
    """As many columns as a line has, in the widest characters."""
    fonts.register()
    figure = display._draw(issue(diary, text * 2, place="泉州" * 30), display.PAGE)
    figure.draw_without_rendering()
    for written in figure.texts:
        assert written.get_window_extent().x1 < figure.bbox.x1, written


def test_words_stay_whole_and_no_line_begins_with_a_closing_mark() -> None:
    text = "Not that it is true, and not who wrote it"
    assert wrap(text, 20, 9) == ["Not that it is true,", "and not who wrote it"]
    assert wrap("一二三四五，六", 10, 9) == ["一二三四五，", "六"]
    assert wrap("ab" * 20, 30, 9) == ["ab" * 15, "ab" * 5]
