"""The verify page: it finds what ``kit.verify`` finds, in a real browser, and sends nothing."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import threading
import time
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import cbor2
import pytest
import qrcode
from eth_account.signers.base import BaseAccount
from eth_utils import keccak
from PIL import Image, ImageOps

import kit
import kit.chain.base
import kit.core.certificate
import kit.core.reading
import kit.log.contract
import kit.log.verification
import kit.views.card
from kit import people
from kit.chain import Chain, load_artifact
from kit.core import (
    NO_CERTIFICATE,
    Anchor,
    Batch,
    Certificate,
    InclusionProof,
    Leaf,
    LogId,
    Record,
    Tree,
    Verdict,
    merkle,
    sign,
    slots,
)
from kit.core import STEP_NAMES as NAMES
from kit.core import record as records
from kit.errors import ChainError, WrongChain
from kit.log import MODERATOR_ROLE, Log
from tests.node import Lines, need_browser, run_mjs

ROOT = Path(kit.__file__).parent.parent
PAGE = ROOT / "build" / "verify.html"
BUILD = ROOT / "web" / "build.mjs"
ADDRESS = PAGE.as_uri()
LOG = "0x00000000000000000000000000000000DeaDBeef"
START = datetime(2021, 9, 20, 8, tzinfo=UTC)

# --- the page and the browser --------------------------------------------------------------------


@pytest.fixture(scope="session")
def page() -> bytes:
    """The page, built anew."""
    done = run_mjs(BUILD)
    assert done.returncode == 0, done.stderr
    return PAGE.read_bytes()


Look = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def look(page: bytes) -> Iterator[Look]:
    """Open the page, do something with it, and return what it shows then."""
    need_browser()
    browser = Lines("drive.mjs")

    def look(*actions: dict[str, Any], after: str = "", **options: Any) -> dict[str, Any]:
        seen: dict[str, Any] = browser.ask({"open": ADDRESS + after, "actions": actions, **options})
        assert "broken" not in seen, seen
        assert (seen["errors"], seen["dialogs"]) == ([], 0)
        return seen

    yield look
    browser.close()


Agree = Callable[[Sequence[str | bytes]], set[tuple[str, ...]]]


@pytest.fixture(scope="session")
def agree() -> Iterator[Agree]:
    """Compare the page's steps 1 to 5 with the kit's, without a browser: thousands in a moment."""
    script = Lines("check.mjs")

    def agree(given: Sequence[str | bytes]) -> set[tuple[str, ...]]:
        asked = [
            {"text": x} if isinstance(x, str) else {"bytes": base64.b64encode(x).decode()}
            for x in given
        ]
        seen = set()
        differences = []
        for one, found in zip(given, script.ask_all(asked), strict=True):
            result = kit.verify(one)
            mine = (result.id, result.level, [step.outcome for step in result.steps])
            reasons = [_stem(step.reason) for step in result.steps]
            differ = mine != (found["id"], found["level"], found["outcomes"])
            differ |= found["claimed"] != list(result.claimed)
            if mine[2][0] == "passed":
                differ |= reasons != [_stem(reason) for reason in found["reasons"]]
            if differ:
                differences.append((one, found, result))
            seen.add(tuple(found["outcomes"]))
        assert not differences[:1]
        return seen

    yield agree
    script.close()


def _stem(reason: str) -> str:
    """What was expected; what came instead each side says in its way."""
    return reason.split(", got ", 1)[0]


@pytest.fixture(scope="session")
def loud(page: bytes) -> Iterator[Look]:
    """As ``look``, where the browser is to complain: of what was blocked, of nodes that are gone."""
    need_browser()
    browser = Lines("drive.mjs")
    yield lambda *actions: browser.ask({"open": ADDRESS, "actions": actions})
    browser.close()


def _file(content: str | bytes, name: str = "certificate.json") -> dict[str, Any]:
    content = content.encode() if isinstance(content, str) else content
    return {"file": {"name": name, "base64": base64.b64encode(content).decode()}}


def _large(piece: str, times: int) -> dict[str, Any]:
    return {"drop": {"name": "large.json", "piece": piece, "times": times}}


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _agrees(seen: dict[str, Any], result: Verdict) -> None:
    """The page shows all that the kit's result says, in its words. (Step 1's differ in detail.)"""
    assert seen["visible"]
    assert seen["numbers"] == list(range(1, 10))
    assert seen["names"] == list(NAMES)
    assert seen["outcomes"] == [step.outcome for step in result.steps]
    reasons = [_stem(step.reason) for step in result.steps[1:]]
    assert [_stem(reason) for reason in seen["reasons"][1:]] == reasons
    if result.id == NO_CERTIFICATE:
        assert seen["level"] == "not a certificate"
        return
    assert (seen["id"], seen["ownLog"]) == (result.id, result.id.rpartition("/")[0])
    said, _, open_ = result.said.partition("; not asked: ")
    assert seen["level"] == re.split(",? of the log |, which may", said)[0]
    unasked = [f"{x.number} {x.name}" for x in result.steps if x.outcome == "not asked"]
    assert seen["notAsked"] == (f"Not asked: {', '.join(unasked)}." if unasked else "")
    assert open_ == ("" if result.level in ("failed", "unanswered") else ", ".join(unasked))


# --- certificates --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sample() -> list[Certificate]:
    """The certificates of the sample diary: entries with and without files, and reviews."""
    with kit.chain.embedded() as chain:
        diary = kit.Diary.open(chain)
        kit.data.fill(diary)
        return list(diary.certificates())


Signed = tuple[Record, BaseAccount]


def _certify(
    said: Sequence[Signed], chain_id: int = 1, contract: str = LOG, log: Log | None = None
) -> list[Certificate]:
    """Make certificates of records, of any kind, in a batch; on a chain if a log is given."""
    first = log.record_count() if log else 5
    salts = [bytes([i]) * 32 for i in range(len(said))]
    committed = [records.commitment(r, s) for (r, _), s in zip(said, salts, strict=True)]
    leaves = [Leaf.of(first + i, r, committed[i]) for i, (r, _) in enumerate(said)]
    tree = Tree(leaf.hash() for leaf in leaves)
    anchor = Anchor(chain_id, contract, "0x" + "77" * 32, 9, "0x" + "88" * 32, START, 0)
    batch = Batch(2, tree.root, first, len(said), anchor)
    if log:
        batch = log.append(tree.root, first, len(said), by=people.registrar)
    return [
        Certificate(
            InclusionProof(leaf, tuple(tree.proof(leaf.hash())), batch),
            commitment,
            sign(commitment, LogId(chain_id, contract), by),
            record,
            salt,
        )
        for leaf, commitment, (record, by), salt in zip(leaves, committed, said, salts, strict=True)
    ]


def _entry(text: str, place: str = "泉州", at: datetime = START, **options: Any) -> Signed:
    said = Record.entry(people.alice.address, at, text, place=place, **options)
    return said, people.alice


def _with_review(entry: Certificate, review: Certificate) -> Certificate:
    return replace(entry, review=review)


@pytest.fixture(scope="session")
def every_kind() -> list[Certificate]:
    """A certificate of a record of each type."""
    alice, moderator = people.alice, people.moderator
    entry = _entry(
        "你好 👋🏽\n\tשלום", attachments=[records.Attachment.of("图.png", b"\x89PNG\r\n\x1a\n1")]
    )
    subject = records.commitment(entry[0], bytes(32))
    about: list[tuple[str, BaseAccount, str | None, dict[str, Any]]] = [
        ("review", moderator, subject, {"decision": "approve", "reason_code": "", "reason": ""}),
        ("witness", people.bob, subject, {"note": ""}),
        ("withdrawal", alice, subject, {"reason": "不说了"}),
        ("appeal", alice, subject, {"text": "为什么？"}),
        (
            "bulletin",
            people.carol,
            None,
            {
                "source": "通报",
                "as_of": "2021-09-20T00:00:00Z",
                "figures": {
                    "é": -5,
                    "__proto__": 1,
                    "constructor": 2,
                    "10": 3,
                    "9": 4,
                    "😀": 2**53 - 1,
                },
            },
        ),
    ]
    said = [entry, *((Record(t, by.address, START, s, b), by) for t, by, s, b in about)]
    made = _certify(said)
    made.append(_with_review(made[0], made[1]))
    return made


# --- agreement -----------------------------------------------------------------------------------


def test_the_page_agrees_with_the_kit(
    look: Look, sample: list[Certificate], every_kind: list[Certificate]
) -> None:
    entry = next(c for c in sample if c.record and c.record.body.get("attachments"))
    review = next(c for c in sample if c.record and c.record.type == "review")
    for certificate in (entry, entry.redacted(), review, *every_kind):
        seen = look(_file(certificate.dumps()))
        _agrees(seen, kit.verify(certificate))
        assert "failed" not in seen["outcomes"]
        assert seen["level"] == "consistent in itself"
        leaf, anchor = certificate.inclusion.leaf, certificate.inclusion.batch.anchor
        for fact in (
            leaf.author,
            certificate.commitment,
            anchor.block_hash,
            anchor.transaction_hash,
        ):
            assert fact in seen["facts"]
        assert f"{anchor.block_time:%Y-%m-%d %H:%M:%S} UTC" in seen["facts"]
        lag = int((anchor.block_time - leaf.time).total_seconds())
        assert (
            f"lag: from the stated time to the block claimed; no chain confirmed it{lag:,} s"
            in (seen["facts"])
        )
        # Seven rows of its own, and one of the review's.
        claims = 8 if certificate.review else 7
        assert seen["facts"].count("claimed; no chain confirmed it") == claims
        body = certificate.record.body if certificate.record else {}
        for name in ("text", "place", "role"):
            assert body.get(name, "") in seen["content"]
        for attachment in body.get("attachments", ()):
            assert attachment["name"] in seen["content"]
            assert attachment["sha256"] in seen["content"]


def test_the_compact_form_after_the_hash(look: Look, sample: list[Certificate]) -> None:
    for certificate in sample[:2]:
        seen = look(after=f"#{certificate.compact()}")
        _agrees(seen, kit.verify(certificate.compact()))
        assert seen["outcomes"] == ["passed", "not asked", *["passed"] * 3, *["not asked"] * 4]
        assert seen["content"] == ""
    # Another one scanned into the same window.
    go = {"run": f"location.hash = '{sample[1].compact()}'"}
    seen = look(go, {"wait": 100}, after=f"#{sample[0].compact()}")
    assert seen["id"] == sample[1].id


def test_the_other_ways_to_give_one(look: Look, sample: list[Certificate]) -> None:
    text = sample[0].dumps()
    for action in (
        {"paste": text},
        {"drop": _file(text)["file"]},
        {"paste": f" https://example.org/verify#{sample[0].compact()}\n"},
        _file(sample[0].compact() + "\n", "scanned.txt"),
    ):
        assert look(action)["level"] == "consistent in itself"


def test_every_certificate_of_the_sample_agrees(agree: Agree, sample: list[Certificate]) -> None:
    whole = agree([c.dumps() for c in sample])
    alone = [*["passed"] * 5, *["not asked"] * 4]
    other = [*alone[:7], "does not apply", "not asked"]  # what is no entry has no review
    assert whole == {tuple(alone), tuple(other)}
    assert agree([c.redacted().dumps() for c in sample]) == agree([c.compact() for c in sample])


# --- mutations -----------------------------------------------------------------------------------

ODD: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**53 - 1, 2**53, 2**64, 1.0, 1.5, 1e300, "", " ", "0", [], {}),
    *("0x", "0x" + "00" * 32, "0x" + "0g" * 32, "0X" + "00" * 32, "entry", "review", "approve"),
    *(
        "2021-02-29T00:00:00Z",
        "2021-09-20T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "0000-01-01T00:00:00Z",
    ),
    *(
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2021-09-20T08:00:60Z",
        "2021-09-20T08:00:00z",
    ),
    *(
        "e\u0301",
        "\u00e9",
        "\u200b",
        "\u202e",
        "\u2028",
        "\x00",
        "a\nb",
        "a\tb",
        "a\rb",
        "\x7f",
        "\ud800",
    ),
    *("字" * 80, "字" * 81, "😀" * 80, "😀" * 81, "字" * 5000, "字" * 5001, "../x", "a/b", "a\\b"),
    *(
        people.bob.address,
        people.bob.address.lower(),
        people.bob.address.upper(),
        LOG,
        [[]],
        {"a": 1},
    ),
    *("image/png", "text/html", 8 * 1024 * 1024, 8 * 1024 * 1024 + 1, "１２", "a\u3000", "\ufeff"),
]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, part in items:
        yield from _places(part, (*path, key))


def _mutate_json(value: Any, chance: random.Random) -> str:
    value = json.loads(json.dumps(value))
    path = chance.choice(list(_places(value)))
    inside = value
    for key in path[:-1]:
        inside = inside[key]
    key, old = path[-1], inside[path[-1]]
    kind = chance.randrange(9)
    if kind == 0:
        inside[key] = chance.choice(ODD)
    elif kind == 1:
        del inside[key]
    elif kind == 2 and isinstance(inside, dict):
        inside[chance.choice(["extra", "__proto__", "toString", "v"])] = old
    elif isinstance(old, str) and old:
        at = chance.randrange(len(old))
        new = chance.choice(
            ["0", "1", "f", "A", "Z", "字", "\u0301", "", "\u200d", chr(chance.randrange(0xD7FF))]
        )
        inside[key] = old[:at] + new + old[at + 1 :]
    elif isinstance(old, int):
        inside[key] = chance.choice([old + 1, old - 1, -old, old * 2**31, str(old), float(old)])
    elif isinstance(old, list):
        inside[key] = chance.choice(
            [old[::-1], old[:-1], old * 2, [*old, "0x" + "00" * 32], old * 5]
        )
    else:
        inside[key] = chance.choice(ODD)
    return json.dumps(value, ensure_ascii=chance.random() < 0.5)


def _mutate_text(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    to = min(len(text), at + chance.choice([0, 1, 1, 2, 40]))
    new = chance.choice(
        [
            "",
            '"',
            "{",
            "}",
            "]",
            ",",
            ":",
            "\\",
            "\\u00e9",
            "0",
            "-",
            ".",
            "e",
            "\n",
            " ",
            "A",
            "\x0b",
        ]
    )
    return text[:at] + new + text[to:]


def _pack(raw: bytes, level: int = 0) -> str:
    packer = zlib.compressobj(level=level, wbits=-15)
    return base64.b32encode(packer.compress(raw) + packer.flush()).decode().rstrip("=")


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b32decode(text + "=" * (-len(text) % 8)), wbits=-15)


def _mutate_compact(text: str, chance: random.Random) -> str:
    kind = chance.randrange(8)
    raw = _unpack(text)
    fields = cbor2.loads(raw)
    if kind == 0:
        at = chance.randrange(len(text))
        return text[:at] + chance.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567a018=") + text[at + 1 :]
    if kind == 1:
        return text[: chance.randrange(len(text) + 1)]
    if kind == 2:
        return text + chance.choice(["A", "AAAAAAAA", "=", "\n", "#", "#" + text, "234567AB"])
    if kind == 3:  # a field that is something else, written as it must be
        fields[chance.randrange(20)] = chance.choice(
            [*ODD[:17], b"", bytes(20), bytes(32), bytes(65), 6, 7]
        )
        return _pack(cbor2.dumps(fields, canonical=True), chance.choice([0, 1, 9]))
    if kind == 4:  # a byte of the CBOR
        at = chance.randrange(len(raw))
        return _pack(
            raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :], chance.choice([0, 9])
        )
    if kind == 5:  # a longer way to write a number, or something behind the end
        way = chance.choice(
            [raw.replace(b"\x94\x01", b"\x94\x18\x01"), b"\x98\x14" + raw[1:], raw + b"\x00"]
        )
        return _pack(way)
    if kind == 6:  # a bit of the stream, with codes of its own
        packed = bytearray(
            base64.b32decode((t := _pack(raw, chance.choice([0, 9]))) + "=" * (-len(t) % 8))
        )
        packed[chance.randrange(len(packed))] ^= 1 << chance.randrange(8)
        return base64.b32encode(bytes(packed)).decode().rstrip("=")
    fields[chance.randrange(20)] = fields[chance.randrange(20)]
    return _pack(cbor2.dumps(fields, canonical=True), chance.choice([0, 9]))


def _mutants(made: Sequence[Certificate], count: int, seed: int) -> Iterator[str]:
    chance = random.Random(seed)  # noqa: S311
    for _ in range(count):
        certificate = chance.choice(made)
        kind = chance.randrange(4)
        if kind == 0:
            yield _mutate_text(certificate.dumps(), chance)
        elif kind == 1:
            yield _mutate_compact(certificate.compact(), chance)
        else:
            yield _mutate_json(certificate.to_json(), chance)


def test_mutations_agree(
    agree: Agree, sample: list[Certificate], every_kind: list[Certificate]
) -> None:
    made = [*sample[:3], *every_kind * 2, every_kind[-1].redacted()]
    given: list[str | bytes] = []
    for mutant in _mutants(made, 2000, seed=1):
        as_bytes = "\ud800" not in mutant and len(mutant) % 2
        given.append(mutant.encode() if as_bytes else mutant)
    assert len(agree(given)) > 8  # steps 1 to 5 failed, alone and together


def test_mutations_agree_in_the_browser(look: Look, every_kind: list[Certificate]) -> None:
    for i, mutant in enumerate(_mutants(every_kind, 20, seed=2)):
        if "\ud800" in mutant:
            continue
        given: Any = mutant.encode() if i % 2 else mutant.replace("\r", "")  # as a text field does
        _agrees(look(_file(given) if i % 2 else {"paste": given}), kit.verify(given))


def test_odd_values_agree(agree: Agree, every_kind: list[Certificate]) -> None:
    # Each odd value at every place of a certificate with everything in it.
    given: list[str | bytes] = []
    for whole in (every_kind[-1].to_json(), every_kind[5].to_json()):
        for path in _places(whole):
            if whole["review"] is None and path[0] != "record":
                continue
            for value in ODD:
                changed = json.loads(json.dumps(whole))
                inside = changed
                for key in path[:-1]:
                    inside = inside[key]
                inside[path[-1]] = value
                given.append(json.dumps(changed))
    assert len(given) > 4000
    agree(given)


def test_signatures_that_cant_be_agree(agree: Agree, every_kind: list[Certificate]) -> None:
    good = every_kind[0]
    r, s, v = good.signature[2:66], good.signature[66:130], good.signature[130:]
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    other = {"1b": "1c", "1c": "1b"}[v]
    twin = f"{order - int(s, 16):064x}"
    zero, top = "00" * 32, f"{order:064x}"
    odd = [(r, twin, other), (r, s, other), (r, s, "00"), (r, s, "01"), (zero, s, v), (r, zero, v)]
    odd += [(top, s, v), (f"{order + 1:064x}", s, v), ("ff" * 32, s, v), (zero[:-1] + "5", s, v)]
    texts = [replace(good, signature="0x" + "".join(parts)).dumps() for parts in odd]
    (outcomes,) = agree(texts)
    assert outcomes[:5] == ("passed", "passed", "failed", "passed", "passed")


# --- hostile input -------------------------------------------------------------------------------


def test_texts_are_shown_as_texts(look: Look) -> None:
    script = (
        "<script>alert(1)</script><img src=x onerror=alert(2)><a href='javascript:alert(3)'>x</a>"
    )
    texts = [
        script,
        '"><svg/onload=alert(1)>{{7*7}}${7*7}',
        "\u202eegap siht si sihT\u202c",
        "مرحبا 👨‍👩‍👧‍👦🏳️‍🌈 𠮷" * 20,
        "字" * 5000,
        "W" * 5000,
        "e" + "\u0335" * 500,
    ]
    plain = look(_file(_certify([_entry("x")])[0].dumps()), width=360)
    for text in texts:
        text = unicodedata.normalize("NFC", text)
        place = text[:80].replace("\u202e", "")
        (certificate,) = _certify([_entry(text, place=place, role=place)])
        seen = look(_file(certificate.dumps()), width=360)
        assert "failed" not in seen["outcomes"]
        assert text in seen["content"]
        assert place in seen["content"]
        assert (seen["elements"], seen["overflow"]) == (plain["elements"], 0)


def _bomb(megabytes: int) -> str:
    packer = zlib.compressobj(level=9, wbits=-15)
    # A full flush forgets what was before: the same piece can stand there again and again.
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = piece * megabytes + packer.flush()
    return base64.b32encode(packed).decode().rstrip("=")


def test_hostile_payloads(look: Look, every_kind: list[Certificate]) -> None:
    good, compact = every_kind[0].dumps(), every_kind[0].compact()
    bomb = _bomb(2100)
    assert len(bomb) > 10**6
    small = _bomb(1)
    assert len(small) < 4096
    hostile = [
        _large("[", 3_000_000),
        _large('{"a":', 600_000),
        _file('{"format":' + "[" * 100_000 + "]" * 100_000 + "}"),
        _file(good.replace("{", '{"__proto__": {"format": 1},', 1)),
        _file(good.replace('"id"', '"salt": null,\n "id"', 1)),
        _file("{" + '"' * 400_000),
        _large("{ ", 6_000_000),
        _file(b"{" + bytes(1000)),
        _file(b"\xff\xfe{"),
        _file(bomb),
        {"paste": "#" + small},
        {"paste": compact.lower()},
        {"paste": compact[:-9]},
        {"paste": compact + "AAAAAAAA"},
        {"paste": "#<img src=x onerror=alert(1)>"},
    ]
    for action in hostile:
        start = time.monotonic()
        seen = look(action)
        assert time.monotonic() - start < 3
        assert seen["outcomes"] == ["failed", *["not asked"] * 8]
        assert seen["level"] == "not a certificate"
        assert len(seen["reasons"][0]) < 500
        assert len(seen["requests"]) == 1
    for after in (
        f"#{bomb[:1_000_000]}",
        f"#{small}",
        "#%3Cscript%3Ealert(1)%3C/script%3E",
        f"#{compact[:100]}",
    ):
        assert look(after=after)["level"] == "not a certificate"
    # A file that is too large is not even read.
    seen = look(_large(" ", 21_000_000))
    assert seen["notes"][0] == "This file is too large to be a certificate."


def test_what_is_given_next_replaces_what_was(look: Look, every_kind: list[Certificate]) -> None:
    good = _file(every_kind[0].dumps())
    noise = io.BytesIO()
    Image.effect_noise((300, 300), 80).save(noise, "PNG")
    seen = look(good, _file(noise.getvalue(), "noise.png"))
    assert not seen["visible"]
    assert "No QR code could be read" in seen["notes"][0]
    seen = look(_file(b"\x89PNG\r\n\x1a\n broken", "broken.png"), good)
    assert (seen["visible"], seen["notes"][0]) == (True, "")
    seen = look(good, _file("{}"))
    assert (seen["level"], seen["id"]) == ("not a certificate", "")
    assert seen["content"] == seen["facts"] == ""


# --- pictures ------------------------------------------------------------------------------------


def _code(certificate: Certificate, scale: int = 4) -> Image.Image:
    return Image.open(io.BytesIO(kit.views.qr_png(certificate, scale=scale))).convert("L")


def _card(certificate: Certificate, folder: Path) -> Image.Image:
    """The kit's card, as somebody would keep it on a phone."""
    return Image.open(kit.views.save_card(certificate, folder / "card.png")).convert("RGB")


def test_pictures_of_the_code(look: Look, sample: list[Certificate], tmp_path: Path) -> None:
    # The longest proof that a batch can have.
    member = sample[0].inclusion
    longest = replace(sample[0], inclusion=replace(member, proof=("0x" + "9f" * 32,) * 10))
    for certificate in (sample[0], longest):
        code = _code(certificate)
        half = code.resize((code.width // 2, code.height // 2), Image.Resampling.LANCZOS)
        turned = code.rotate(4, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
        card = _card(certificate, tmp_path)
        for picture, kind in ((code, "PNG"), (half, "PNG"), (turned, "PNG"), (card, "JPEG")):
            out = io.BytesIO()
            picture.save(out, kind)
            seen = look(_file(out.getvalue(), f"code.{kind.lower()}"))
            _agrees(seen, kit.verify(certificate.compact()))
            assert len(seen["requests"]) == 1


def test_a_drawing_of_the_code(look: Look, sample: list[Certificate]) -> None:
    code = _code(sample[0], 1)
    dots = "".join(
        f"M{x},{y}h1v1h-1z"
        for y in range(code.height)
        for x in range(code.width)
        if code.getpixel((x, y)) == 0
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {code.width} {code.height}">'
        "<script>alert(1)</script><image href='http://127.0.0.1:9/x.png'/>"
        f'<path d="{dots}"/></svg>'
    )
    seen = look(_file(svg, "code.svg"))
    assert seen["id"] == sample[0].id
    assert len(seen["requests"]) == 1


def _picture(picture: Image.Image, kind: str = "PNG") -> dict[str, Any]:
    out = io.BytesIO()
    picture.save(out, kind)
    return _file(out.getvalue(), f"picture.{kind.lower()}")


def _on_paper(size: tuple[int, int], *codes: tuple[Image.Image, tuple[int, int]]) -> Image.Image:
    paper = Image.new("L", size, 235)
    for code, place in codes:
        paper.paste(code, place)
    return paper


def _foreign(text: str, scale: int) -> Image.Image:
    code = qrcode.QRCode(box_size=scale)
    code.add_data(text)
    return code.make_image().get_image().convert("L")


def test_pictures_turned_mirrored_and_long(look: Look, sample: list[Certificate]) -> None:
    code = _code(sample[0])
    turned = code.rotate(45, expand=True, fillcolor=255, resample=Image.Resampling.BICUBIC)
    mirrored = ImageOps.mirror(code)
    long = _on_paper((1080, 9000), (code, (200, 6100)))
    wide = _on_paper((6000, 900), (code, (3100, 100)))
    for picture in (turned, mirrored, ImageOps.flip(code), long, wide):
        assert look(_picture(picture))["id"] == sample[0].id
    assert look(_picture(code.convert("RGB"), "BMP"))["id"] == sample[0].id


def test_a_picture_with_several_codes(look: Look, sample: list[Certificate]) -> None:
    code, shop = _code(sample[0], 3), _foreign("https://example.org/menu", 12)
    for places in (((20, 20), (520, 20)), ((520, 20), (20, 20))):
        both = _on_paper((1000, 480), (shop, places[0]), (code, places[1]))
        assert look(_picture(both))["id"] == sample[0].id
    again = _on_paper((1000, 480), (code, (20, 20)), (code, (520, 20)))
    assert look(_picture(again))["id"] == sample[0].id
    two = _on_paper((1000, 480), (code, (20, 20)), (_code(sample[1], 3), (520, 20)))
    seen = look(_picture(two))
    assert not seen["visible"]
    assert seen["notes"][0].startswith("There are several certificates in this picture.")
    # What it says to do works.
    assert look(_picture(two.crop((500, 0, 1000, 480))))["id"] == sample[1].id
    assert look(_picture(shop))["level"] == "not a certificate"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7\n", "This is a PDF"),
        (b"\0\0\0\x18ftypheic", "This is a HEIC picture or a video"),
        (b"PK\x03\x04", "This is a ZIP file"),
        (b"SQLite format 3\0", "This is a diary’s archive"),
        (b"", "This file is empty"),
    ],
)
def test_other_files_are_named(look: Look, content: bytes, said: str) -> None:
    seen = look(_file(content, "file"))
    assert not seen["visible"]
    assert seen["notes"][0].startswith(said)


# --- as people give it -----------------------------------------------------------------------------


def as_given(code: str) -> dict[str, str]:
    """A certificate's link, and what mail, chats and trackers make of it."""
    link = f"https://example.org/verify.html#{code}"
    lines = [link[i : i + 76] for i in range(0, len(link), 76)]
    return {
        "bare": code,
        "link": link,
        "in angles": f"<{link}>",
        "in Markdown": f"[a certificate]({link})",
        "in HTML": f'<a href="{link}">{link}</a>',
        "with a full stop": f"看这里：{link}。",
        "with a bracket": f"（{link}）",
        "in a sentence": f"Mine is {link} and yours is missing",
        "percent": link.replace("#", "%23"),
        "a safe link": f"https://mail.example/?url={quote(link, safe='')}&data=05%7C01",
        "a tracker behind": f"{link}?from=timeline&isappinstalled=0",
        "a tracker before": link.replace("#", "?utm_source=x&utm_medium=y#"),
        "wrapped": "\n".join(lines),
        "wrapped by Windows": "\r\n".join(lines),
        "wrapped and signed": "\n".join(lines) + "\n\nSent from my phone",
        "quoted-printable": "=\r\n".join(lines),
        "answered": "\n".join(f"> {line}" for line in lines),
        "answered twice": "\n".join(f">> {line}" for line in lines),
        "with blanks inside": link[:200] + " " + link[200:],
        "with zero-width spaces": link[:200] + "\u200b" + link[200:] + "\u200b",
        "with a soft hyphen": link[:200] + "\u00ad" + link[200:],
        "with a mark": "\ufeff" + link,
    }


def test_links_as_they_arrive(agree: Agree, sample: list[Certificate]) -> None:
    for certificate in sample[:3]:
        for how, text in as_given(certificate.compact()).items():
            assert kit.verify(text).id == certificate.id, how
            seen = agree([text, text.encode(), text.encode("utf-16")])
            assert {outcomes[0] for outcomes in seen} == {"passed"}, how


def test_files_as_they_are_saved(agree: Agree, sample: list[Certificate]) -> None:
    text = sample[0].dumps()
    windows = text.replace("\n", "\r\n")
    for content in (text, windows, "\ufeff" + text):
        given = [content, content.encode(), content.encode("utf-8-sig"), content.encode("utf-16")]
        for one in given:
            assert kit.verify(one).id == sample[0].id
        assert {outcomes[0] for outcomes in agree(given)} == {"passed"}


def test_what_is_put_into_a_code_is_no_part_of_it(agree: Agree, sample: list[Certificate]) -> None:
    """What is taken off is what no code can hold: a changed code stays a changed code."""
    code = sample[0].compact()
    spoilt = [code[:300], code[:300] + code[304:], code + code, code.lower(), code + "A", "#", ""]
    spoilt += [
        code[:300] + "1" + code[300:],
        code[:300] + "=" + code[300:],
        "%23" * 1000,
        "# " * 999,
    ]
    for text in spoilt:
        assert kit.verify(text).id == NO_CERTIFICATE
    agree(spoilt)


# --- nothing leaves the page ---------------------------------------------------------------------


def test_the_page_is_one_file_and_the_same_each_time(page: bytes) -> None:
    run_mjs(BUILD, check=True)
    assert PAGE.read_bytes() == page
    assert len(page) < 250_000
    text = page.decode()
    for tag, name in (("script", "script-src"), ("style", "style-src")):
        inside = text.split(f"<{tag}>", 1)[1].split(f"</{tag}>", 1)[0]
        digest = base64.b64encode(sha256(inside.encode()).digest()).decode()
        assert f"{name} 'sha256-{digest}'" in text
    head = text.split("<style>", 1)[0]
    assert "default-src 'none'" in head
    assert "form-action 'none'" in head
    assert "base-uri 'none'" in head
    for attribute in (' src="', ' href="http', " onclick", ' style="'):
        assert attribute not in head + text.split("</style>", 1)[1].split("<script>", 1)[0]
    assert "innerHTML" not in "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "web" / "src").glob("*.js")
    )


class _Server(ThreadingHTTPServer):
    """Answers everything with the same, and counts."""

    daemon_threads = True

    def __init__(self, answer: bytes = b"", *, cors: bool = True, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer, self.cors, self.status = answer, cors, status
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> _Server:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _answer(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.server.status)
        if self.server.cors:
            self.send_header("Access-Control-Allow-Origin", "*")
            self.send_header("Access-Control-Allow-Headers", "*")
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(self.server.answer)))
        self.end_headers()
        self.wfile.write(self.server.answer)

    do_GET = do_POST = do_OPTIONS = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_nothing_is_sent_unless_the_reader_asks(look: Look, every_kind: list[Certificate]) -> None:
    text = every_kind[-1].dumps()
    seen = look({"paste": text}, _file(text), {"language": "zh"}, {"wait": 300})
    assert [request["url"] for request in seen["requests"]] == [ADDRESS]


def test_the_policy_blocks_what_would_leave(loud: Look) -> None:
    with _Server() as server:
        script = """async () => {
            const blocked = [];
            document.addEventListener("securitypolicyviolation", (e) => blocked.push(e.effectiveDirective));
            const add = (tag, properties) => {
                const element = document.createElement(tag);
                try { Object.assign(element, properties); } catch { blocked.push("trusted types"); }
                document.body.append(element);
                return element;
            };
            add("img", { src: "URL/picture" });
            add("link", { rel: "stylesheet", href: "URL/style" });
            add("iframe", { src: "URL/frame" });
            add("script", { src: "URL/script" });
            add("script", { text: "window.ran = true" });
            add("form", { action: "URL/form", method: "post" }).submit();
            try { document.body.innerHTML += "<b>x</b>"; } catch { blocked.push("markup"); }
            await new Promise((go) => setTimeout(go, 300));
            return { blocked, ran: window.ran ?? false };
        }""".replace("URL", server.url)
        seen = loud({"run": f"({script})()"})
        (found,) = seen["answers"]
        expected = {"img-src", "style-src-elem", "frame-src", "form-action", "markup"}
        assert expected <= set(found["blocked"])
        assert found["blocked"].count("trusted types") == 2
        assert not found["ran"]
        assert server.asked == []


# --- the chain -----------------------------------------------------------------------------------

READS = {
    *("eth_chainId", "eth_getCode", "eth_call", "eth_getTransactionReceipt", "eth_getLogs"),
    *("eth_getBlockByNumber", "eth_getBlockByHash"),
}


@pytest.fixture(scope="module")
def on_chain(anvil: Chain) -> dict[str, Certificate]:
    """Certificates on a real node: good ones and bad ones, by what they are."""
    log = Log.deploy(anvil, by=people.registrar)
    for moderator in (people.moderator, people.bob):
        log.grant(MODERATOR_ROLE, moderator.address, by=people.registrar)
    anvil.mine()
    now = anvil.now()
    early = datetime(2021, 9, 9, 16, 0, 1, tzinfo=UTC)
    entry = _entry("十人一桌，今年改成十人一组。", at=early)
    subject = records.commitment(entry[0], bytes(32))

    def review(by: BaseAccount, decision: str = "approve", at: datetime = now) -> Signed:
        return Record.review(by.address, at, subject, decision), by

    said = [entry, review(people.moderator), review(people.carol), review(people.bob, "reject")]
    said.append(review(people.bob, at=early))
    said += [review(people.bob, decision) for decision in ("suspend", "reinstate")]
    anchored = _certify(said, anvil.chain_id, log.address, log)
    taken = anvil.send(
        log.contract.functions.revokeRole(MODERATOR_ROLE, people.bob.address), by=people.registrar
    ).block.time
    anvil.mine()
    times = [anvil.now(), taken, taken + timedelta(seconds=1)]
    late = _certify(
        [_entry("x", at=early), *(review(people.bob, at=at) for at in times)],
        anvil.chain_id,
        log.address,
        log,
    )
    good = _with_review(anchored[0], anchored[1])

    def moved(**changes: Any) -> Certificate:
        member = good.inclusion
        anchor = replace(member.batch.anchor, **changes)
        return replace(good, inclusion=replace(member, batch=replace(member.batch, anchor=anchor)))

    def in_batch(**changes: Any) -> Certificate:
        member = good.inclusion
        return replace(good, inclusion=replace(member, batch=replace(member.batch, **changes)))

    def proven(certificate: Certificate) -> Certificate:
        leaf, batch = certificate.inclusion.leaf, certificate.inclusion.batch
        of = slots(batch.number, leaf.author if leaf.type == "review" else None)
        proof = anvil.state_proof(log.address, of, batch.anchor.block_hash)
        assert proof
        review = certificate.review and proven(certificate.review)
        return replace(certificate, review=review, state_proof=proof)

    anchor = good.inclusion.batch.anchor
    storage = anvil.deploy(load_artifact("DiaryStorage"), by=people.alice).address
    # One that answers everything with a zero, as an empty log would: return(0, 32).
    liar: Any = anvil.w3.eth.contract(abi=[], bytecode="0x6460206000f36000526005601bf3")
    fake = str(anvil.send(liar.constructor(), by=people.alice).contract)
    grant = anvil.w3.eth.get_block(anchor.block_number - 2)["transactions"][0].to_0x_hex()  # type: ignore[union-attr]
    return {
        "good": good,
        "redacted": good.redacted(),
        "a review": anchored[1],
        "without review": anchored[0],
        "reviewed by nobody's moderator": _with_review(anchored[0], anchored[2]),
        "rejected": _with_review(anchored[0], anchored[3]),
        "reviewed before the role": _with_review(anchored[0], anchored[4]),
        "suspended": _with_review(anchored[0], anchored[5]),
        "reinstated": _with_review(anchored[0], anchored[6]),
        "reviewed after the role": _with_review(anchored[0], late[1]),
        "reviewed in the role's last second": _with_review(anchored[0], late[2]),
        "reviewed a second later": _with_review(anchored[0], late[3]),
        "review of another": _with_review(late[0], anchored[1]),
        "with a state proof": proven(good),
        "redacted, with a state proof": proven(good).redacted(),
        "reviewed after the role, with a state proof": proven(_with_review(anchored[0], late[1])),
        "with another's state proof": replace(good, state_proof=proven(late[0]).state_proof),
        "another block hash": moved(block_hash="0x" + "11" * 32),
        "another block": moved(block_number=1),
        "a block to come": moved(block_number=10**9),
        "another time": moved(block_time=START),
        "another transaction": moved(transaction_hash="0x" + "22" * 32),
        "a role's transaction": moved(transaction_hash=grant),
        "another event": moved(log_index=7),
        "another batch": in_batch(number=1),
        "no such batch": in_batch(number=2**53 - 1),
        "another count": in_batch(count=6),
        "another first number": in_batch(first_seq=0, count=1000),
        "later than its block": _certify(
            [_entry("late", at=anvil.now() + timedelta(hours=1))], anvil.chain_id, log.address, log
        )[0],
        "no contract": _certify([entry], anvil.chain_id, LOG)[0],
        "another contract": _certify([entry], anvil.chain_id, storage)[0],
        "a fake": _certify([entry], anvil.chain_id, fake)[0],
        "another chain": _certify([entry], 1, log.address)[0],
    }


def test_the_chain_is_asked_as_the_kit_asks(anvil: Any, on_chain: dict[str, Certificate]) -> None:
    script = Lines("check.mjs")
    log = kit.log.at(anvil, on_chain["good"].log_id.contract)
    asked = [{"text": c.dumps(), "node": anvil.url, "log": log.address} for c in on_chain.values()]
    outcomes = {}
    for (name, certificate), seen in zip(on_chain.items(), script.ask_all(asked), strict=True):
        result = kit.verify(certificate, log)
        assert seen["outcomes"] == [step.outcome for step in result.steps]
        assert seen["level"] == result.level
        assert seen["claimed"] == list(result.claimed)
        assert seen["reasons"] == [step.reason for step in result.steps], name
        outcomes[name] = "".join(outcome[0] for outcome in seen["outcomes"])
    script.close()
    for name in ("good", "reinstated", "with a state proof"):
        assert outcomes[name] == "ppppppppn", name
    for name in ("redacted", "redacted, with a state proof"):
        assert outcomes[name] == "pnppppppn", name
    assert outcomes["reviewed after the role, with a state proof"] == "pppppppfn"
    assert outcomes["with another's state proof"] == "pppppfppn"
    assert (outcomes["a review"], outcomes["without review"]) == ("pppppppdn", "pppppppnn")
    for name in ("reviewed by nobody's moderator", "rejected", "reviewed before the role"):
        assert outcomes[name] == "pppppppfn", name
    for name in ("suspended", "reviewed after the role", "reviewed a second later"):
        assert outcomes[name] == "pppppppfn", name
    # It was held in that second, and in the block that anchors the review no more.
    assert outcomes["reviewed in the role's last second"] == "pppppppfn"
    assert outcomes["review of another"] == "pppppppfn"
    assert outcomes["later than its block"] == "ppppppfnn"
    for name in ("another contract", "a fake", "no contract", "another chain"):
        assert outcomes[name] == "pppppffnn", name
    ours = [name for name in list(on_chain)[-10:] if name != "later than its block"]
    assert all(outcomes[name][5] == "f" for name in ours)
    assert outcomes["another block hash"][6] == outcomes["another time"][6] == "f"


def test_what_was_named_must_be_a_log(anvil: Any, on_chain: dict[str, Certificate]) -> None:
    """Whoever names another contract learns it: a certificate of it proves nothing."""
    script = Lines("check.mjs")
    for name, words in {
        "another contract": "got other code. Don't trust what it answers.",
        "a fake": "got other code. Don't trust what it answers.",
        "no contract": "got an address without code.",
    }.items():
        address = on_chain[name].log_id.contract
        text = on_chain[name].dumps()
        seen = script.ask({"text": text, "node": anvil.url, "log": address})
        assert seen["outcomes"][5:] == ["failed", "failed", "not asked", "not asked"]
        assert seen["level"] == "failed"
        assert words in seen["reasons"][5]
        with pytest.raises((ChainError, WrongChain)):
            kit.log.at(anvil, address)
    script.close()


def test_a_log_in_whatever_way_it_is_written(
    anvil: Any, on_chain: dict[str, Certificate], loud: Look
) -> None:
    good = on_chain["good"]
    address = good.log_id.contract
    for log in (address, f" {address.lower()} ", "0x" + address[2:].upper(), str(good.log_id)):
        seen = loud(_file(good.dumps()), {"node": {"url": anvil.url, "log": log}})
        assert seen["level"].startswith("final in block"), log
    other = {"url": anvil.url, "log": people.alice.address}
    seen = loud(_file(good.dumps()), {"node": other})
    assert seen["level"] == "failed at step 6, 7, 8"
    assert seen["reasons"][5] == (
        f"it is of the log {good.log_id}; you named eip155:31337:{people.alice.address}"
    )
    for log, note in {
        "": "Name the log that you trust: its address, 0x and 40 digits, from a source other than",
        "0x12": "Name the log that you trust",
        address[2:]: "Name the log that you trust",
        f"eip155:1:{address}": "You named a log on chain 1, and this node is of chain 31337.",
    }.items():
        seen = loud(_file(good.dumps()), {"node": {"url": anvil.url, "log": log}})
        assert note in seen["notes"][1], log
        assert seen["level"] in ("consistent in itself", "unanswered at step 6, 7, 8")


Bend = Callable[[dict[str, Any], Callable[[dict[str, Any]], Any]], Any]


class _Between(_Server):
    """A node that hands on what another answers, but for what ``bend`` makes of a question of logs."""

    def __init__(self, url: str, bend: Bend) -> None:
        super().__init__()
        self.RequestHandlerClass = _BetweenHandler
        self.behind, self.bend = url, bend


class _BetweenHandler(_Handler):
    server: _Between

    def _hand_on(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))

        def ask(question: dict[str, Any]) -> Any:
            data = json.dumps(question).encode()
            head = {"Content-Type": "application/json"}
            with urlopen(Request(self.server.behind, data, head), timeout=20) as answer:  # noqa: S310
                return json.load(answer)

        bent = asked["method"] == "eth_getLogs"
        said = json.dumps(self.server.bend(asked, ask) if bent else ask(asked)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = _hand_on  # noqa: N815


def _without_account(asked: dict[str, Any], ask: Callable[[dict[str, Any]], Any]) -> Any:
    """What a node answers that looks at the event's name alone."""
    (options,) = asked["params"]
    return ask(asked | {"params": [options | {"topics": options["topics"][:1]}]})


def _of_every_contract(asked: dict[str, Any], ask: Callable[[dict[str, Any]], Any]) -> Any:
    """What a node answers that ignores all that was asked for but the blocks."""
    (options,) = asked["params"]
    blocks = {name: options[name] for name in ("fromBlock", "toBlock")}
    return ask(asked | {"params": [blocks]})


def _with_removed(asked: dict[str, Any], ask: Callable[[dict[str, Any]], Any]) -> Any:
    """An answer with each event once more, as one that a reorganisation took away, and taken back."""
    answer = ask(asked)
    taken = "0x" + keccak(text="RoleRevoked(bytes32,address,address)").hex()
    more = [
        log | {"removed": True, "logIndex": "0xfff", "topics": [taken, *log["topics"][1:]]}
        for log in answer["result"]
    ]
    return answer | {"result": more + answer["result"] + answer["result"]}


@pytest.mark.parametrize("bend", [_without_account, _of_every_contract, _with_removed])
def test_a_careless_node_makes_nobody_a_moderator(
    bend: Bend, anvil: Any, on_chain: dict[str, Certificate]
) -> None:
    """Each log that it sends is looked at again, by the page as by the kit."""
    names = {"good": "p", "reinstated": "p", "reviewed by nobody's moderator": "f"}
    names |= {"reviewed a second later": "f", "reviewed in the role's last second": "f"}
    script = Lines("check.mjs")
    with _Between(anvil.url, bend) as careless:
        log = kit.log.at(kit.chain.connect(careless.url), on_chain["good"].log_id.contract)
        for name, outcome in names.items():
            certificate = on_chain[name]
            asked = {"text": certificate.dumps(), "node": careless.url, "log": log.address}
            seen = script.ask(asked)
            result = kit.verify(certificate, log)
            assert seen["outcomes"] == [step.outcome for step in result.steps], name
            assert seen["outcomes"][7][0] == outcome, (name, seen["reasons"][7])
    script.close()


def test_the_page_asks_a_node(look: Look, anvil: Any, on_chain: dict[str, Certificate]) -> None:
    log = kit.log.at(anvil, on_chain["good"].log_id.contract)
    for name in ("good", "redacted", "reinstated", "another chain", "another block hash", "a fake"):
        certificate = on_chain[name]
        seen = look(_file(certificate.dumps()), {"node": {"url": anvil.url, "log": log.address}})
        result = kit.verify(certificate, log)
        _agrees(seen, result)
        own, review = ("batch.number" in result.claimed), ("review.batch.number" in result.claimed)
        assert seen["facts"].count("claimed; no chain confirmed it") == 7 * own + review
        assert seen["notes"] == ["", ""]
        first, *asked = seen["requests"]
        assert first["url"] == ADDRESS
        assert {request["url"] for request in asked} == {anvil.url + "/"}
        assert {json.loads(request["body"])["method"] for request in asked} <= READS


def test_the_level_on_the_chain(look: Look, anvil: Any, on_chain: dict[str, Certificate]) -> None:
    good = on_chain["good"]
    block = good.inclusion.batch.anchor.block_number
    node = {"node": {"url": anvil.url, "log": good.log_id.contract}}
    scanned = look(node, after=f"#{good.compact()}")
    assert scanned["level"] == f"final in block {block}"
    assert scanned["notAsked"] == (
        "Not asked: 2 content matches the commitment, 8 a moderator approved it,"
        " 9 not withdrawn or suspended since."
    )
    assert "7 passed" not in scanned["status"]
    assert scanned["status"].endswith("6 passed, 0 failed, 3 open")
    seen = look(_file(good.dumps()), node, language="zh-CN")
    assert seen["level"] == f"已上链，已定：区块\u00a0{block}"
    assert seen["notAsked"] == "未查：9 此后未被撤回或暂停。"
    assert seen["status"].endswith("通过 8 步，未通过 0 步，未决 1 步")


def test_a_block_s_hash_is_enough(look: Look, on_chain: dict[str, Certificate]) -> None:
    """With a state proof no node is asked, and nothing leaves the page."""
    for name in ("with a state proof", "redacted, with a state proof", "good"):
        certificate = on_chain[name]
        anchor = certificate.inclusion.batch.anchor
        given = {"log": str(certificate.log_id), "hashes": f" {anchor.block_hash.upper()[2:]} "}
        given["hashes"] = " 0x" + given["hashes"].strip()
        seen = look(_file(certificate.dumps()), {"node": given})
        result = kit.verify(certificate, certificate.log_id, block_hash=anchor.block_hash)
        _agrees(seen, result)
        assert result.level == ("consistent" if name == "good" else "included")
        assert [request["url"] for request in seen["requests"]] == [ADDRESS]
        assert seen["notes"] == ["", ""]
    certificate = on_chain["with a state proof"]
    block = certificate.inclusion.batch.anchor
    seen = look(
        _file(certificate.dumps()),
        {"node": {"log": str(certificate.log_id), "hashes": block.block_hash}},
        language="zh-CN",
    )
    assert seen["level"] == f"已上链，由您指定：区块\u00a0{block.block_number}"


def test_what_else_is_needed_is_said(look: Look, on_chain: dict[str, Certificate]) -> None:
    certificate = on_chain["with a state proof"]
    log, block = str(certificate.log_id), certificate.inclusion.batch.anchor.block_hash
    for given, note in (
        ({"log": log}, "Give the hash of the block, or the address of a node."),
        ({"log": log, "hashes": "0x12"}, "The hash of a block is 0x and 64 hex digits."),
        (
            {"log": certificate.log_id.contract, "hashes": block},
            "the log has to name its chain, too",
        ),
        ({"log": "", "hashes": block}, "Name the log that you trust"),
    ):
        seen = look(_file(certificate.dumps()), {"node": given})
        assert note in seen["notes"][1]
        assert seen["level"] == "consistent in itself"
    other = {"log": log, "hashes": "0x" + "12" * 32}
    seen = look(_file(certificate.dumps()), {"node": other})
    assert seen["level"] == "failed at step 7"


def test_a_node_that_does_not_answer(on_chain: dict[str, Certificate], loud: Look) -> None:
    text, log = on_chain["good"].dumps(), on_chain["good"].log_id.contract
    refusal = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"<b>limit</b>"}}'
    with (
        _Server() as silent,
        _Server(cors=False) as closed,
        _Server(refusal) as limited,
        _Server(b'{"jsonrpc":"2.0","id":1,"result":7}') as odd,
        _Server(status=302) as elsewhere,
    ):
        gone = _Server()
        gone.server_close()
        cases = {
            gone.url: "No answer from 127.0.0.1",
            closed.url: "CORS",
            elsewhere.url: "No answer from 127.0.0.1",
            silent.url: "is no JSON-RPC",
            limited.url: "refused eth_chainId: <b>limit</b>",
            "": "Give the hash of the block, or the address of a node.",
            "file:///etc/passwd": "http:// or https://",
            "javascript:alert(1)": "http:// or https://",
            "http://user:secret@127.0.0.1/": "without a user name",
        }
        for url, note in cases.items():
            seen = loud(_file(text), {"node": {"url": url, "log": log}})
            assert note in seen["notes"][1], seen
            # What is no address was not asked; a node that is silent leaves it unanswered.
            asked = url.startswith("http://127")
            outcome = "unanswered" if asked else "not asked"
            assert seen["outcomes"] == [*["passed"] * 5, *[outcome] * 3, "not asked"]
            said = "unanswered at step 6, 7, 8" if asked else "consistent in itself"
            assert seen["level"] == said
        seen = loud(_file(text), {"node": {"url": odd.url, "log": log}})
        assert seen["outcomes"][5] != "passed"
        assert "GET /elsewhere" not in elsewhere.asked


# --- for everyone --------------------------------------------------------------------------------


def test_in_chinese_and_english(look: Look, every_kind: list[Certificate]) -> None:
    text = every_kind[0].dumps()
    zh = look(_file(text), language="zh-CN")
    assert (zh["language"], zh["level"]) == ("zh-Hans", "自身一致")
    assert len(set(zh["names"])) == 9
    assert all(any("\u4e00" <= c <= "\u9fff" for c in name) for name in zh["names"])
    switched = look(_file(text), {"language": "zh"}, language="de")
    assert {**switched, "seconds": 0, "answers": 0} == {**zh, "seconds": 0, "answers": 0} | {
        "status": switched["status"]
    }
    back = look(_file(text), {"language": "en"}, language="zh-TW")
    assert (back["language"], back["level"]) == ("en", "consistent in itself")
    bad = look({"paste": "[1.5]"}, {"paste": text.replace("{", "{,", 1)}, language="zh-CN")
    assert bad["level"] == "不是证书"
    assert bad["reasons"][0].startswith("应为 JSON，实为：第 2 个字符")


def test_every_sentence_is_there_in_both(page: bytes) -> None:
    script = """
        const shape = (value) => typeof value === "object" && value !== null
          ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, shape(v)])) : typeof value;
        import("./web/src/words.js").then(({ WORDS }) =>
          console.log(JSON.stringify([shape(WORDS.en), shape(WORDS.zh), WORDS.en.names])));
    """
    done = run_mjs("-e", script, check=True)
    en, zh, names = json.loads(done.stdout)
    assert en == zh
    assert names == list(NAMES)
    used = set()
    for path in (ROOT / "web" / "src").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        for mark in ('new Refused("', 'new Failed("', 'new Skipped("', 'NoAnswer("', 'because("'):
            group = "expected" if "Refused" in mark else "reasons"
            used |= {(group, part.split('"', 1)[0]) for part in text.split(mark)[1:]}
    levels = {("reasons", name) for name in en["levels"]}
    assert len(used) > 70
    assert {(g, k) for g, k in used - levels if k not in en[g]} == set()


def test_on_a_phone(look: Look, every_kind: list[Certificate]) -> None:
    whole = every_kind[-1].dumps()
    for actions in ([], [_file(whole)], [_file(every_kind[5].dumps())], [{"paste": "W" * 500}]):
        for language in ("en", "zh-CN"):
            assert look(*actions, width=360, height=740, language=language)["overflow"] == 0


def test_by_keyboard(look: Look, every_kind: list[Certificate]) -> None:
    (reached,) = look({"keys": 5})["answers"]
    assert reached == ["zh", "en", "file", "text", "Check"]
    _, _, reached = look(
        _file(every_kind[0].dumps()), {"run": "document.activeElement.blur()"}, {"keys": 8}
    )["answers"]
    assert set(reached) >= {"log", "node", "Check against the chain", "file", "text", "Check"}


def test_for_screen_readers(look: Look, every_kind: list[Certificate]) -> None:
    script = """() => {
        const all = (selector) => Array.from(document.querySelectorAll(selector));
        const visible = (element) => element.checkVisibility();
        return {
            landmarks: ["header", "main", "footer"].map((tag) => all("body > " + tag).length),
            headings: all("h1, h2, h3").filter(visible).map((h) => Number(h.tagName[1])),
            unlabelled: all("input, textarea").filter((e) => !e.labels.length).length,
            unnamed: all("section").filter((e) => !e.matches("[aria-labelledby]")).length,
            lists: all("ol.steps").map((e) => [e.getAttribute("role"), e.children.length, e.start]),
            rows: all("table tr").every((row) => row.querySelector("th[scope=row]")),
            captions: all("table").every((table) => table.caption.textContent),
            live: document.getElementById("status").getAttribute("aria-live"),
            focus: document.activeElement.id,
            ids: all("[id]").length === new Set(all("[id]").map((e) => e.id)).size,
        };
    }"""
    seen = look(_file(every_kind[-1].dumps()), {"run": f"({script})()"})
    found = seen["answers"][1]
    assert found["landmarks"] == [1, 1, 1]
    assert found["headings"][0] == 1
    steps = zip(found["headings"], found["headings"][1:], strict=False)
    assert all(b - a <= 1 for a, b in steps)
    assert (found["unlabelled"], found["unnamed"]) == (0, 0)
    assert found["lists"] == [["list", 5, 1], ["list", 4, 6]]
    assert found["rows"]
    assert found["captions"]
    assert found["ids"]
    assert (found["live"], found["focus"]) == ("polite", "level")
    assert seen["status"] == "consistent in itself. 5 passed, 0 failed, 4 open"


@pytest.mark.parametrize("dark", [False, True])
def test_contrast(look: Look, every_kind: list[Certificate], dark: bool) -> None:
    # WCAG AA: 4.5 to 1 for every text that is shown.
    script = """() => {
        const light = (c) => {
            const parts = c.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255);
            const [r, g, b] = parts.map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        const back = (e) => {
            for (; e; e = e.parentElement) {
                const c = getComputedStyle(e).backgroundColor;
                if (c !== "rgba(0, 0, 0, 0)") return c;
            }
        };
        const bad = [];
        const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const e = walker.currentNode.parentElement;
            if (!walker.currentNode.data.trim() || !e.checkVisibility() || e.tagName === "SCRIPT") continue;
            const [a, b] = [light(getComputedStyle(e).color), light(back(e))].sort((x, y) => y - x);
            if ((a + 0.05) / (b + 0.05) < 4.5) bad.push(e.outerHTML.slice(0, 80));
        }
        return bad;
    }"""
    bad = every_kind[-1].to_json()
    bad["record"]["body"]["place"] = "厦门"
    seen = look(_file(_json(bad)), {"run": f"({script})()"}, dark=dark)
    assert seen["outcomes"][1] == "failed"
    assert seen["answers"][1] == []


def test_proofs_are_bounded_alike() -> None:
    # The page's own numbers, kept beside the kit's.
    source = (ROOT / "web" / "src" / "merkle.js").read_text(encoding="utf-8")
    assert f"BATCH_MAX = {merkle.BATCH_MAX};" in source
    assert f"PROOF_MAX = {kit.core.certificate.PROOF_MAX};" in source
    source = (ROOT / "web" / "src" / "certificate.js").read_text(encoding="utf-8")
    assert f"JSON_MAX = {kit.core.JSON_MAX:_};" in source
    assert f"DEPTH_MAX = {kit.core.reading.DEPTH_MAX};" in source
    assert f"COMPACT_MAX = {kit.core.COMPACT_MAX};" in source
    source = (ROOT / "web" / "src" / "record.js").read_text(encoding="utf-8")
    assert f"TEXT_MAX = {records.TEXT_MAX};" in source
    assert f"NAME_MAX = {records.NAME_MAX};" in source
    assert f"ATTACHMENTS_MAX = {records.ATTACHMENTS_MAX};" in source
