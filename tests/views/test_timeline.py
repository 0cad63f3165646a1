"""The timeline and the trace: what the public sees, and all that happened to one record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

import kit
import kit.diary.diary
import kit.log.contract
import kit.views.card
from kit import people
from kit.core import Attachment, SignedRecord
from kit.core import rules as moves
from kit.diary import Diary, timeline
from kit.errors import ArchiveError, DataError, RecordError
from kit.log import MODERATOR_ROLE

ROOT = Path(kit.__file__).parent.parent
SECOND = people.named("moderator 2")
HOSTILE = (
    "<script>document.title='x'</script>",
    "</article><img src=x onerror=alert(1)>",
    "x" * 200,
    "\u202eright to left \u2066שלום",
    "😀👩‍👩‍👧 &amp; &#60;b&#62; ' \" `",
)


@pytest.fixture
def diary(chain: Any) -> Iterator[Diary]:
    with closing(Diary.open(chain)) as made:
        made.log.grant(MODERATOR_ROLE, SECOND.address, by=people.registrar)
        yield made


def tell(diary: Diary, text: str = "a", **more: Any) -> SignedRecord:
    """Post and approve an entry."""
    entry = diary.post(people.alice, text, **{"place": "泉州", **more})
    diary.review(entry, by=people.moderator, approve=True)
    return entry


class Elements(HTMLParser):
    """The elements of a page, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def pictures(self) -> list[dict[str, str | None]]:
        """The pictures that people posted, without the codes of certificates."""
        return [x for x in self.all("img") if not (x["alt"] or "").startswith("QR code of ")]

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


# --- the table -----------------------------------------------------------------------------------


def test_an_empty_diary(diary: Diary) -> None:
    tell(diary)  # not published yet
    shown = kit.timeline(diary)
    assert (len(shown), shown.pages) == (0, 1)
    assert list(shown.frame.columns) == list(timeline.COLUMNS)
    assert "No entries" in shown.page(1)


def test_entries_stand_in_order_of_time_with_the_facts_of_the_chain(
    diary: Diary, chain: Any
) -> None:
    chain.wait_until(chain.now() + timedelta(hours=1))
    late = tell(diary, "late")
    early = tell(diary, "early", at=chain.now() - timedelta(minutes=30))
    batch = diary.publish()
    diary.witness(late, by=people.bob)
    diary.witness(late, by=people.carol)
    frame = kit.timeline(diary).frame
    assert list(frame["text"]) == ["early", "late"]
    assert list(frame["commitment"]) == [early.commitment, late.commitment]
    assert list(frame["witnesses"]) == [0, 2]
    assert list(frame["state"]) == ["published"] * 2
    assert set(frame["block_hash"]) == {batch.anchor.block_hash}
    assert set(frame["transaction_hash"]) == {batch.anchor.transaction_hash}
    for _, row in frame.iterrows():
        certificate = diary.certificate(row["commitment"])
        assert row["id"] == certificate.id
        assert row["seq"] == certificate.inclusion.leaf.seq
    assert frame.dtypes["at"] == pd.DatetimeTZDtype("s", "UTC")


def test_what_is_not_public_has_no_content_and_keeps_its_place(diary: Diary) -> None:
    kept, gone, hidden, back = (tell(diary, f"words {i}", role=f"role {i}") for i in range(4))
    refused = diary.post(people.bob, "never shown", place="厦门")
    diary.review(refused, by=SECOND, approve=False)
    diary.publish()
    diary.withdraw(gone, by=people.alice)
    diary.suspend(hidden, by=SECOND)
    diary.suspend(back, by=SECOND)
    diary.reinstate(back, by=SECOND)
    frame = kit.timeline(diary).frame.set_index("commitment")
    assert list(frame["state"]) == ["published", "erased", "suspended", "reinstated"]
    assert list(frame.index) == [x.commitment for x in (kept, gone, hidden, back)]
    for entry in (gone, hidden):
        assert frame.loc[entry.commitment, ["text", "place", "role"]].isna().all()
        assert frame.loc[entry.commitment, "attachments"] == 0
    page = kit.timeline(diary).page(1)
    assert "words 0" in page
    assert "words 3" in page
    for words in ("words 1", "words 2", "role 1", "role 2", "never shown"):
        assert words not in page
    assert page.count("Withdrawn by its author") == page.count("Suspended by a moderator") == 1
    assert f"No. {frame.loc[gone.commitment, 'seq']}" in page


def test_an_appealed_suspension_stays_hidden(diary: Diary) -> None:
    entry = tell(diary, "hidden words")
    diary.publish()
    diary.suspend(entry, by=people.moderator)
    diary.appeal(entry, "please", by=people.alice)
    shown = kit.timeline(diary)
    assert list(shown.frame["state"]) == ["suspension appealed"]
    assert "hidden words" not in shown.page(1)
    assert "Suspended by a moderator" in shown.page(1)


def test_filters(diary: Diary, chain: Any) -> None:
    # The lessons' clock starts at midnight in Fujian; one entry is of the next day there.
    tell(diary, "Dice 骰子", place="泉州", role="teacher")
    tell(diary, "moon", place="厦门", role="resident")
    chain.wait_until(chain.now() + timedelta(days=1))
    gone = tell(diary, "dice again", place="厦门", role="teacher")
    diary.publish()

    def found(**filters: Any) -> list[Any]:
        return list(kit.timeline(diary, **filters).frame["text"])

    assert found(day="2021-09-10") == found(day=date(2021, 9, 10)) == ["Dice 骰子", "moon"]
    assert found(day="2021-09-11") == ["dice again"]
    assert found(day="2021-09-12") == []
    assert found(place="厦门") == ["moon", "dice again"]
    assert found(role="teacher") == ["Dice 骰子", "dice again"]
    assert found(text="DICE") == ["Dice 骰子", "dice again"]
    assert found(text="骰") == ["Dice 骰子"]
    assert found(text=".") == []  # no pattern, just the text
    assert found(text="dice", place="厦门", day="2021-09-11", role="teacher") == ["dice again"]
    # The gap of a withdrawn one is found by its day, and by nothing that it said.
    diary.withdraw(gone, by=people.alice)
    assert len(kit.timeline(diary, day="2021-09-11")) == 1
    assert len(kit.timeline(diary, text="again")) == 0
    assert found(place="厦门") == ["moon"]


@pytest.mark.parametrize("day", ["10 September", "2021-13-01", 5, "", "2021-09-10T00:00:00Z"])
def test_no_such_day(diary: Diary, day: Any) -> None:
    with pytest.raises(DataError, match="a day like 2021-09-12"):
        kit.timeline(diary, day=day)


# --- the pages -----------------------------------------------------------------------------------


def test_a_page_is_short_however_long_the_diary_is(diary: Diary) -> None:
    for i in range(23):
        tell(diary, f"entry number {i}!")
    diary.publish()
    shown = kit.timeline(diary)
    assert (len(shown), shown.pages) == (23, 3)
    assert repr(shown) == "Timeline of 23 entries on 3 pages"
    pages = [shown.page(number) for number in (1, 2, 3)]
    assert [page.count("<article") for page in pages] == [10, 10, 3]
    for i in range(23):
        assert [f"entry number {i}!" in page for page in pages] == [i // 10 == n for n in range(3)]
    assert kit.views.html(shown) == pages[0]
    assert repr(pages[0]) == "a page of a timeline, 10 entries"
    assert kit.views.html(pages[0]) == pages[0]
    wrong: Any
    for wrong in (0, 4, -1):
        with pytest.raises(DataError, match="a page from 1 to 3"):
            shown.page(wrong)


def test_a_page_certifies_each_entry(diary: Diary) -> None:
    entries = [tell(diary, f"entry {i}") for i in range(3)]
    diary.publish()
    page = kit.timeline(diary).page()
    for entry in entries:
        assert diary.certificate(entry).id in page
        assert kit.views.card_html(diary.certificate(entry)) in page


def test_pictures_and_videos_play_in_place(diary: Diary, tmp_path: Path) -> None:
    folder = kit.places.DATA / "attachments"
    names = ("moon-over-dice.png", "night-call.png", "moonrise.webm")
    tell(diary, "many", attachments=[folder / name for name in names])
    tell(diary, "the same picture", attachments=[folder / names[0]])
    diary.publish()
    page = Elements(kit.timeline(diary).page())
    pictures, videos = page.pictures(), page.all("video")
    assert [picture["alt"] for picture in pictures] == [*names[:2], names[0]]
    assert all((x["src"] or "").startswith("data:image/png;base64,") for x in pictures)
    assert (videos[0]["src"] or "").startswith("data:video/webm;base64,")
    assert "controls" in videos[0]
    # As web pages, each file lies beside them once.
    first = kit.timeline(diary).save(tmp_path / "out")
    saved = Elements(first.read_text(encoding="utf-8"))
    sources = [x["src"] or "" for x in saved.pictures() + saved.all("video")]
    assert len(sources) == 4
    assert {(first.parent / source).read_bytes() for source in sources} == {
        (folder / name).read_bytes() for name in names
    }
    assert len(list((first.parent / "files").iterdir())) == 3
    with Image.open(first.parent / sources[0]) as picture:
        assert picture.size == (320, 240)


def test_saved_pages_lead_to_each_other(diary: Diary, tmp_path: Path) -> None:
    for i in range(21):
        tell(diary, f"entry {i}")
    diary.publish()
    first = kit.timeline(diary).save(tmp_path)  # an empty folder that is there will do
    names = ["index.html", "page-0002.html", "page-0003.html"]
    assert first == tmp_path / names[0]
    assert sorted(x.name for x in tmp_path.iterdir() if x.is_file()) == sorted(names)
    links = [
        {x["href"] for x in Elements((tmp_path / name).read_text("utf-8")).all("a")}
        for name in names
    ]
    assert links == [{names[1]}, {names[0], names[2]}, {names[1]}]
    with pytest.raises(ArchiveError, match="a new or empty folder"):
        kit.timeline(diary).save(tmp_path)


def test_content_that_is_not_what_was_published_is_not_shown(diary: Diary) -> None:
    entry, other = tell(diary, "true words"), tell(diary, "others")
    diary.publish()
    changed = entry.record.canonical().replace(b"true words", b"fake words")
    diary.archive._db.execute(
        "UPDATE records SET canonical = ? WHERE commitment = ?", (changed, entry.commitment)
    )
    diary.archive._db.execute(
        "UPDATE records SET canonical = 'no JSON' WHERE commitment = ?", (other.commitment,)
    )
    page = kit.timeline(diary).page()
    assert "fake words" not in page
    assert page.count("so it is not shown") == 2


def test_a_file_that_was_changed_is_not_shown(diary: Diary) -> None:
    picture = kit.places.DATA / "attachments" / "night-call.png"
    tell(diary, "look", attachments=[picture])
    diary.publish()
    diary.archive._db.execute("UPDATE files SET content = 'another'")
    page = Elements(kit.timeline(diary).page())
    assert not page.pictures()
    assert "night-call.png: 文件缺失 the file is missing" in page.text


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(diary: Diary, text: str) -> None:
    short = text[:80]
    png = (kit.places.DATA / "attachments" / "night-call.png").read_bytes()
    name = short.replace("/", "")
    entry = tell(diary, text, place=short, role=short, attachments=[Attachment.of(name, png)])
    diary.suspend(diary_published(diary, entry), by=SECOND, reason=text, reason_code=short)
    diary.appeal(entry, text, by=people.alice)
    diary.reinstate(entry, by=people.named("moderator 3"), reason=text)
    diary.witness(entry, by=people.bob, note=text)
    diary.publish()
    page, trace = kit.timeline(diary).page(), kit.views.html(diary.trace(entry))
    for html in (page, trace):
        elements = Elements(html)
        assert not elements.all("script")
        assert not any(k.startswith("on") for _, a in elements.found for k in a)
        assert text[:60] in elements.text
    (picture,) = Elements(page).pictures()
    assert picture["alt"] == name
    assert set(picture) == {"loading", "src", "alt"}


def diary_published(diary: Diary, entry: SignedRecord) -> SignedRecord:
    diary.log.grant(MODERATOR_ROLE, people.named("moderator 3").address, by=people.registrar)
    diary.publish()
    return entry


# --- the trace -----------------------------------------------------------------------------------


def test_a_trace_tells_all_that_happened(diary: Diary) -> None:
    entry = diary.post(people.alice, "words", place="泉州")
    diary.review(entry, by=people.moderator, approve=False, reason_code="spam", reason="no")
    diary.appeal(entry, "yes", by=people.alice)
    diary.review(entry, by=SECOND, approve=True)
    batch = diary.publish()
    diary.witness(entry, by=people.bob, note="I saw it")
    trace = diary.trace(entry)
    frame = trace.frame
    assert list(frame["what"]) == ["post", "reject", "appeal", "approve", "witness"]
    signers = [people.alice, people.moderator, people.alice, SECOND, people.bob]
    assert list(frame["by"]) == [person.address for person in signers]
    assert list(frame["said"]) == ["words", "spam: no", "yes", "", "I saw it"]
    assert list(frame["state"]) == [
        "waiting",
        "rejected",
        "rejection appealed",
        "approved, then published",
        "published",
    ]
    assert list(frame["seq"][:4]) == [0, 1, 2, 3]
    assert list(frame["block_hash"][:4]) == [batch.anchor.block_hash] * 4
    assert list(frame["proof"]) == ["proved"] * 4 + ["not on the chain yet"]
    assert frame.loc[4, ["seq", "batch", "block_number"]].isna().all()
    assert frame.loc[2, "subject"] == frame.loc[1, "commitment"]  # an appeal is about the review
    diary.publish()
    assert list(diary.trace(entry).frame["proof"]) == ["proved"] * 5
    # Asked about any of its records, it is the same trace.
    for commitment in frame["commitment"]:
        assert repr(diary.trace(commitment)) == repr(diary.trace(entry))
    drawing = Elements(kit.views.html(trace))
    boxes = [x["style"] or "" for x in drawing.all("div") if "border:2px" in (x.get("style") or "")]
    assert [" dashed " in box for box in boxes] == [False] * 4 + [True]  # not on the chain yet
    assert re.findall(r"↩ (\w+ · \d)", drawing.text) == [
        *("post · 0", "reject · 1", "post · 0", "post · 0")
    ]


def test_a_trace_of_what_was_withdrawn(diary: Diary) -> None:
    entry = tell(diary, "secret words")
    diary.publish()
    diary.withdraw(entry, by=people.alice, reason="sorry")
    diary.publish()
    trace = diary.trace(entry)
    assert [line.text for line in trace.lines] == ["content erased", "", "sorry"]
    assert [line.proof for line in trace.lines] == ["proved"] * 3
    assert trace.lines[-1].state == "erased"
    assert "secret" not in kit.views.html(trace) + repr(trace)


def test_a_trace_of_bulletins_follows_the_corrections(diary: Diary, chain: Any) -> None:
    made: list[SignedRecord] = []
    for value in (3, 4, 0):
        before = made[-1] if made else None
        made.append(
            diary.bulletin(
                people.registrar, "found", {"faults": value}, as_of=chain.now(), corrects=before
            )
        )
    diary.publish()
    for record in made:
        trace = diary.trace(record)
        assert [line.record.commitment for line in trace.lines] == [x.commitment for x in made]
        assert [line.text for line in trace.lines] == [f"found: faults {n}" for n in (3, 4, 0)]
    assert "现状" not in kit.views.html(diary.trace(made[0]))


def test_a_trace_says_what_was_changed(diary: Diary) -> None:
    entry = tell(diary, "words")
    diary.publish()
    db = diary.archive._db
    changed = entry.record.canonical().replace(b"words", b"other")
    db.execute("UPDATE records SET canonical = ? WHERE type = 'entry'", (changed,))
    assert diary.trace(entry).lines[0].proof == "content differs from the commitment"
    db.execute("UPDATE records SET canonical = 'no JSON' WHERE type = 'entry'")
    assert diary.trace(entry).lines[0].proof.startswith("unreadable: ")
    db.execute(
        "UPDATE records SET canonical = ?, author = ? WHERE type = 'entry'",
        (entry.record.canonical(), people.bob.address),
    )
    assert diary.trace(entry).lines[0].proof == "the signature is not the author's"
    assert "✗" in kit.views.html(diary.trace(entry))


def test_a_trace_of_nothing(diary: Diary) -> None:
    for wrong in ("0x" + "11" * 32, "", None):
        with pytest.raises(RecordError, match="a record of this diary"):
            diary.trace(wrong)  # type: ignore[arg-type]


# --- the day, and the drawing of the rules ---------------------------------------------------------


def test_the_script_of_a_day(chain: Any) -> None:
    script = kit.data.platform_day()
    assert script["at"].is_monotonic_increasing
    with closing(Diary.open(chain)) as diary:
        said = kit.data.day(diary)
        assert set(said) == set(script["name"]) - {""}
        records = diary.records()
        assert records["proved"].all()
        assert diary.state(said["shade"]) == "published"
        assert diary.state(said["quiet"]) == "reinstated"
        assert diary.state(said["spam"]) == "rejected"
        assert diary.state(said["phone"]) == diary.state(said["regret"]) == "erased"
        figures = said["aid"].record.body["figures"]
        rates = kit.data.bulletin().set_index("measure")["value"]
        assert dict(figures) == {
            "severe": rates["aid_severe"],
            "hardship": rates["aid_hardship"],
        }
        # Every kind of move is in it.
        assert set(script["move"]) == (set(moves.WHO) - {"erase"}) | {"post", "bulletin"}


def test_the_drawing_in_the_docs_is_of_these_rules() -> None:
    text = (ROOT / "docs" / "platform.md").read_text(encoding="utf-8")
    (drawn,) = re.findall(r"```mermaid\n(.*?)\n```", text, re.DOTALL)
    assert drawn == moves.diagram()
    for state, out in moves.MOVES.items():
        for move, target in out.items():
            if move != "withdraw":
                arrow = f"{state} --> {target}: {move}".replace(" appealed", "_appealed")
                assert arrow in drawn
