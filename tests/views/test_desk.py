"""The desk, driven from Python: every path, every refusal, hostile text, keys that stay hidden."""

from __future__ import annotations

import asyncio
import io
import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html.parser import HTMLParser
from typing import Any

import ipywidgets as widgets
import pytest
from eth_account import Account
from PIL import Image

import kit
from kit import people
from kit.core import ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, DECISIONS, MOVES, TEXT_MAX
from kit.diary import Diary
from kit.errors import NotAllowed
from kit.log import MODERATOR_ROLE
from kit.views.desk import Desk
from kit.views.desk.labels import MOVE_WORDS, STATE_WORDS, line
from kit.views.desk.widgets import Drafts

ALICE, BOB, MODERATOR = people.alice, people.bob, people.moderator
SECOND = people.named("moderator 2")
HOSTILE = (
    "<script>alert(1)</script>"
    + "a" * 200
    + " \u202eمرحبا\u202c שלום 👨‍👩‍👧‍👦 &lt;&amp; \"'><img src=x onerror=alert(1)>"
)
NAME = "\"'><img src=x onerror=alert(1)>.png"


@pytest.fixture
def diary(chain: Any) -> Iterator[Diary]:
    opened = Diary.open(chain, moderators=(MODERATOR.address, SECOND.address))
    yield opened
    opened.close()


@pytest.fixture
def desk(diary: Diary) -> Desk:
    return kit.desk(diary, [SECOND])


def picture(colour: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("L", (3, 2), colour).save(out, "PNG")
    return out.getvalue()


def upload(desk: Desk, *files: tuple[str, bytes]) -> None:
    """Choose files, as the browser tells the kernel of it."""
    desk.writing.upload.value = tuple(
        {
            "name": name,
            "type": "image/png",
            "size": len(content),
            "content": memoryview(content),
            "last_modified": datetime(2021, 9, 10, tzinfo=UTC),
        }
        for name, content in files
    )


def post(desk: Desk, text: str = "你好", place: str = "泉州 Quanzhou", by: Any = ALICE) -> str:
    """Post by the form; return the entry's commitment."""
    desk.tabs.selected_index = 0
    writing = desk.writing
    writing.author.value = by.address
    writing.text.value, writing.place.value = text, place
    writing.post.click()
    assert "Posted" in writing.message.widget.value
    return str(writing.mine.chosen)


def decide(desk: Desk, entry: str, move: str, code: str = "", by: Any = MODERATOR) -> str:
    """Decide by the review tab; return the answer."""
    review = desk.reviewing
    review.open(entry)
    desk.tabs.selected_index = 1
    desk.refresh()
    review.moderator.value = by.address
    assert review.chosen == entry
    review.code.value = code
    review.buttons[move].click()
    return str(review.message.widget.value)


def published(desk: Desk, **more: Any) -> str:
    entry = post(desk, **more)
    assert "Approved" in decide(desk, entry, "approve")
    desk.reviewing.publish.click()
    assert "is in block" in desk.reviewing.published.widget.value
    return entry


def visible(widget: Any) -> bool:
    return bool(widget.layout.display != "none")


def offered(desk: Desk) -> set[str]:
    """The decisions that the review tab has a button for."""
    buttons = desk.reviewing.buttons.items()
    shown = {name for name, button in buttons if visible(button)}
    assert shown == {name for name, button in buttons if not button.disabled}
    return shown


class Parsed(HTMLParser):
    """The elements, the attributes and the text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def everything(widget: Any) -> Iterator[Any]:
    yield widget
    for child in getattr(widget, "children", ()):
        yield from everything(child)


def html_of(desk: Desk) -> str:
    """All the HTML that the desk shows now."""
    return "".join(x.value for x in everything(desk.box) if isinstance(x, widgets.HTML))


# --- the desk itself -----------------------------------------------------------------------------


def test_it_shows_itself(desk: Desk, diary: Diary) -> None:
    bundle = desk._repr_mimebundle_()
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == desk.box.model_id
    assert bundle["text/plain"] == repr(desk)
    assert repr(desk).startswith("Desk of a Diary on DiaryLog at 0x")
    assert desk.tabs.titles == ("写 Write", "审核 Review", "时间线 Timeline")
    assert "to review <b>0</b>" in desk.masthead.value
    diary.post(ALICE, "你好", place="泉州")
    desk.refresh()
    assert "to review <b>1</b>" in desk.masthead.value


def test_who_sits_at_it(diary: Diary) -> None:
    stranger = Account.create()
    desk = kit.desk(diary, [stranger, stranger, SECOND])
    labels = [label for label, _ in desk.writing.author.options]
    assert [label.split("\u2069")[0] for label in labels[:3]] == [
        "\u2068alice",
        "\u2068bob",
        "\u2068carol",
    ]
    short = f"{stranger.address[:6]}…{stranger.address[-4:]}"
    assert labels[3:] == [short, labels[4]]
    assert "moderator 2" in labels[4]


def test_moderators_are_those_of_the_chain(desk: Desk, diary: Diary) -> None:
    def listed() -> list[str]:
        return [address for _, address in desk.reviewing.moderator.options]

    desk.tabs.selected_index = 1
    assert listed() == [MODERATOR.address, SECOND.address]
    diary.log.grant(MODERATOR_ROLE, BOB.address, by=diary.registrar)
    desk.refresh()
    assert listed() == [BOB.address, MODERATOR.address, SECOND.address]


@pytest.mark.parametrize("given", [["alice"], [bytes(ALICE.key)], [ALICE.address]])
def test_only_accounts_sit_at_it(diary: Diary, given: Any) -> None:
    with pytest.raises(NotAllowed) as caught:
        kit.desk(diary, given)
    assert bytes(ALICE.key).hex() not in str(caught.value)


def test_every_input_has_a_label(desk: Desk) -> None:
    kinds = (widgets.Text, widgets.Textarea, widgets.Combobox, widgets.Dropdown, widgets.Select)
    inputs = [x for x in everything(desk.box) if isinstance(x, (*kinds, widgets.Button))]
    assert len(inputs) > 30
    for given in inputs:  # Chinese and English
        assert any("\u4e00" <= c <= "\u9fff" for c in given.description), given
        assert any(c.isascii() and c.isalpha() for c in given.description), given


def test_the_words_are_complete() -> None:
    assert set(STATE_WORDS) == set(MOVES)
    assert set(MOVE_WORDS) == {
        move for moves in MOVES.values() for move in moves if move not in ("publish", "erase")
    }


# --- write ---------------------------------------------------------------------------------------


def test_the_preview_is_what_the_timeline_shows(desk: Desk, diary: Diary) -> None:
    writing = desk.writing
    assert writing.post.disabled
    writing.text.value, writing.place.value, writing.role.value = "你好", "泉州 Quanzhou", "nurse"
    upload(desk, ("a.png", picture()))
    upload(desk, ("b.png", picture(9)))  # the second choice adds to the first
    assert not writing.post.disabled
    assert [file.name for file in writing.files] == ["a.png", "b.png"]
    assert [file["content"] for file in writing.upload.value] == [b"", b""]
    head, text = writing.preview.value.split("<div class='kit-text'")
    shown = Parsed(writing.preview_files.value)
    writing.post.click()
    assert (writing.text.value, writing.files, writing.upload.value) == ("", [], ())
    assert not visible(writing.unload)
    entry = diary.waiting()[0].record
    assert (entry.body["place"], entry.body["role"]) == ("泉州", "nurse")
    assert [file["name"] for file in entry.body["attachments"]] == ["a.png", "b.png"]
    decide(desk, writing.mine.chosen, "approve")
    desk.reviewing.publish.click()
    page = kit.timeline(diary).page()
    assert text.removesuffix("</div>") in page
    assert "<b dir='auto'>泉州 Quanzhou</b> · <span dir='auto'>nurse</span>" in head
    assert "<b dir='auto'>泉州 Quanzhou</b> · <span dir='auto'>nurse</span>" in page
    sources = [value for name, value in shown.attributes if name == "src"]
    assert len(sources) == 2
    assert all(f"src='{source}'" in page for source in sources)


def test_files_can_be_removed(desk: Desk) -> None:
    upload(desk, ("a.png", picture()))
    assert visible(desk.writing.unload)
    desk.writing.unload.click()
    assert (desk.writing.files, desk.writing.upload.value) == ([], ())
    assert desk.writing.preview_files.value == ""


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"<svg onload=alert(1)>", "a.svg", "whose content is none of them"),
        (picture() + bytes(ATTACHMENT_BYTES_MAX), "a.png", "Make the picture or clip smaller."),
        (picture(), "../a.png", "Leave the folders out."),
        (picture(), "a" * 90 + ".png", "at most 80 characters"),
    ],
)
def test_files_that_are_refused(desk: Desk, content: bytes, name: str, said: str) -> None:
    upload(desk, ("good.png", picture()))
    desk.writing.text.value = "my text"
    upload(desk, (name, content))
    assert "role='alert'" in desk.writing.message.widget.value
    assert said in desk.writing.message.widget.value
    assert desk.writing.text.value == "my text"
    assert [file.name for file in desk.writing.files] == ["good.png"]
    assert len(desk.writing.upload.value) == 1


def test_too_many_files(desk: Desk) -> None:
    upload(desk, *[(f"{n}.png", picture(n)) for n in range(ATTACHMENTS_MAX)])
    upload(desk, ("one_more.png", picture(99)))
    assert "at most 9 files, got 10" in desk.writing.message.widget.value
    assert len(desk.writing.files) == ATTACHMENTS_MAX


def test_nothing_is_lost_on_an_error(desk: Desk, diary: Diary) -> None:
    writing = desk.writing
    upload(desk, ("a.png", picture()))
    text = "x" * (TEXT_MAX + 1)
    writing.text.value, writing.place.value = text, "泉州"
    writing.post.click()
    assert "at most 5,000 characters, got 5,001" in writing.message.widget.value
    assert "5,001 / 5,000" in writing.preview.value
    assert (writing.text.value, writing.place.value, len(writing.files)) == (text, "泉州", 1)
    writing.text.value, writing.place.value = "fine", " "
    writing.post.click()
    assert "the place of 1 to 80 characters" in writing.message.widget.value
    assert writing.text.value == "fine"
    assert not diary.waiting()
    writing.place.value = "泉州"
    writing.post.click()
    assert len(diary.waiting()) == 1


def test_a_second_click_posts_nothing(desk: Desk, diary: Diary) -> None:
    post(desk)
    desk.writing.post.click()
    assert len(diary.waiting()) == 1
    assert "role='alert'" not in html_of(desk)


def test_my_entries(desk: Desk) -> None:
    mine = desk.writing.mine
    assert visible(mine.none)
    assert not visible(mine.entry)
    first, second = post(desk, "one"), post(desk, "two")
    assert [value for _, value in mine.entry.options] == [second, first]
    assert mine.entry.options[1][0].startswith("待审核 waiting · \u2068泉州")
    mine.entry.value = first
    assert mine.chosen == first
    assert ">one<" in mine.shown.value
    desk.writing.author.value = BOB.address
    assert visible(mine.none)
    assert mine.shown.value == mine.card.value == ""


def test_the_certificate_appears_with_the_batch(desk: Desk, diary: Diary) -> None:
    mine = desk.writing.mine
    entry = post(desk)
    assert mine.card.value == ""
    decide(desk, entry, "approve")
    desk.tabs.selected_index = 0
    assert "approved, not yet on the chain" in mine.shown.value
    assert mine.card.value == ""
    desk.tabs.selected_index = 1
    desk.reviewing.publish.click()
    desk.tabs.selected_index = 0
    assert diary.certificate(entry).id in mine.card.value
    decide(desk, entry, "suspend", "rumour")
    desk.tabs.selected_index = 0
    assert mine.card.value == ""


def test_an_appeal(desk: Desk, diary: Diary) -> None:
    mine = desk.writing.mine
    entry = post(desk)
    assert not visible(mine.appeal_box)
    decide(desk, entry, "reject", "insult")
    desk.tabs.selected_index = 0
    assert visible(mine.appeal_box)
    assert "insult" in mine.shown.value
    mine.appeal.click()
    assert "the text of 1 to 5,000 characters" in mine.message.widget.value
    mine.appeal_text.value = "I was there."
    mine.appeal.click()
    assert "another moderator will decide" in mine.message.widget.value
    assert mine.appeal_text.value == ""
    assert not visible(mine.appeal_box)
    mine.appeal.click()  # a second click
    assert diary.state(entry) == "rejection appealed"
    assert "another moderator than the first" in decide(desk, entry, "approve")
    assert "I was there." in desk.reviewing.history.value
    assert "Rejected" in decide(desk, entry, "reject", "insult", by=SECOND)
    desk.tabs.selected_index = 0
    assert not visible(mine.appeal_box)  # once only


def test_withdrawal_asks_first(desk: Desk, diary: Diary) -> None:
    mine = desk.writing.mine
    entry = published(desk)
    desk.tabs.selected_index = 0
    mine.confirm.click()  # not asked yet
    assert diary.state(entry) == "published"
    mine.withdraw.click()
    assert visible(mine.confirm_box)
    assert not visible(mine.withdraw)
    mine.keep.click()
    assert not visible(mine.confirm_box)
    mine.withdraw.click()
    mine.reason.value = "no longer mine"
    mine.confirm.click()
    assert "its content is destroyed" in mine.message.widget.value
    assert diary.state(entry) == "erased"
    assert mine.card.value == ""
    assert not visible(mine.withdraw)
    assert not visible(mine.confirm_box)
    assert "no longer mine" in mine.shown.value
    assert "内容已删除或损坏" in mine.shown.value


def test_the_question_goes_with_its_entry(desk: Desk, diary: Diary) -> None:
    mine = desk.writing.mine
    first, second = post(desk, "one"), post(desk, "two")
    mine.withdraw.click()
    mine.reason.value = "for two"
    mine.entry.value = first
    assert not visible(mine.confirm_box)
    assert mine.reason.value == ""
    mine.confirm.click()
    assert {diary.state(first), diary.state(second)} == {"waiting"}
    mine.entry.value = second
    assert mine.reason.value == "for two"


# --- review --------------------------------------------------------------------------------------


def test_the_buttons_are_the_moves(desk: Desk, diary: Diary) -> None:
    def is_offered(state: str) -> None:
        assert diary.state(entry) == state
        assert offered(desk) == set(MOVES[state]) & set(DECISIONS)

    desk.tabs.selected_index = 1
    assert offered(desk) == set()
    entry = post(desk)
    desk.tabs.selected_index = 1
    is_offered("waiting")
    decide(desk, entry, "reject", "spam")
    is_offered("rejected")
    diary.appeal(entry, "why?", by=ALICE)
    desk.refresh()
    is_offered("rejection appealed")
    decide(desk, entry, "approve", by=SECOND)
    is_offered("approved")
    desk.reviewing.publish.click()
    is_offered("published")
    decide(desk, entry, "suspend", "rumour")
    is_offered("suspended")
    decide(desk, entry, "reinstate")
    is_offered("reinstated")
    decide(desk, entry, "suspend", "other")
    other = published(desk, text="another")
    decide(desk, other, "suspend", "other")
    diary.appeal(other, "why?", by=ALICE)
    entry = other
    desk.refresh()
    is_offered("suspension appealed")
    decide(desk, entry, "suspend", "other", by=SECOND)
    is_offered("suspended")
    diary.withdraw(entry, by=ALICE)
    desk.refresh()
    is_offered("erased")


def test_a_decision_stays_in_sight(desk: Desk, diary: Diary) -> None:
    first, second = post(desk, "one"), post(desk, "two", by=BOB)
    desk.tabs.selected_index = 1
    review = desk.reviewing
    assert [value for _, value in review.queue.options] == [first, second]
    review.buttons["approve"].click()
    review.buttons["approve"].click()  # a second click decides nothing about the next one
    assert (diary.state(first), diary.state(second)) == ("approved", "waiting")
    assert review.chosen == first
    assert review.queue.options[0][0].startswith("已批准 · ")
    review.queue.value = second
    assert [value for _, value in review.queue.options] == [second]


def test_reasons(desk: Desk, diary: Diary) -> None:
    first, second = post(desk, "one"), post(desk, "two")
    review = desk.reviewing
    assert "a reason code" in decide(desk, first, "reject")
    assert diary.state(first) == "waiting"
    review.reason.value = "for one"
    review.queue.value = second
    assert review.reason.value == ""  # it stays with its entry
    review.queue.value = first
    assert review.reason.value == "for one"
    assert "Rejected" in decide(desk, first, "reject", "personal data")
    assert review.reason.value == review.code.value == ""
    said = diary.latest("review", 1)[0].signed()
    assert said is not None
    assert (said.record.body["reason_code"], said.record.body["reason"]) == (
        "personal data",
        "for one",
    )
    cells = Parsed(review.decided.value).text
    for part in ("驳回 Reject", "personal data: for one", "moderator"):
        assert part in cells


def test_published_and_suspended_are_found(desk: Desk) -> None:
    one, two = published(desk, text="one"), published(desk, text="two")
    decide(desk, two, "suspend", "rumour")
    review = desk.reviewing
    waiting = post(desk, "three")
    desk.tabs.selected_index = 1
    found = {}
    for name in ("public", "suspended", "waiting"):
        review.filter.value = name
        found[name] = [value for _, value in review.queue.options]
    assert found == {"public": [one], "suspended": [two], "waiting": [waiting]}


def test_nobody_to_decide(chain: Any) -> None:
    diary = Diary.open(chain, moderators=())
    desk = kit.desk(diary)
    entry = diary.post(ALICE, "你好", place="泉州").commitment
    desk.tabs.selected_index = 1
    desk.reviewing.buttons["approve"].click()
    assert "Choose who does it." in desk.reviewing.message.widget.value
    assert diary.state(entry) == "waiting"
    diary.close()


def test_publish_with_nothing_to_publish(desk: Desk) -> None:
    desk.tabs.selected_index = 1
    assert desk.reviewing.publish.disabled
    desk.reviewing.publish.click()
    assert "role=" not in html_of(desk).replace("role='status'>第", "")
    assert "Nothing is ready." in desk.reviewing.ready.value


def test_what_is_ready(desk: Desk) -> None:
    entry = post(desk)
    decide(desk, entry, "approve")
    assert "<b>1</b> 记录 entries · <b>1</b> 审核 reviews" in desk.reviewing.ready.value


# --- timeline ------------------------------------------------------------------------------------


def test_filters(desk: Desk, diary: Diary) -> None:
    for text, place in (("one", "泉州"), ("two", "厦门"), ("three", "泉州")):
        published(desk, text=text, place=place)
    reading = desk.reading
    desk.tabs.selected_index = 2
    assert "3 条 entries" in reading.where.value
    reading.place.value = "泉州 Quanzhou"
    assert "2 条 entries" in reading.where.value
    reading.text.value = "THREE"
    assert "1 条 entries" in reading.where.value
    reading.role.value = "nurse"
    assert "0 条 entries" in reading.where.value
    assert not visible(reading.one)
    reading.clear.click()
    assert "3 条 entries" in reading.where.value
    reading.day.value = date(2001, 1, 1)
    assert "0 条 entries" in reading.where.value
    assert "没有记录" in reading.page.value
    reading.day.value = kit.timeline(diary).frame["at"][0].tz_convert("Asia/Shanghai").date()
    assert "3 条 entries" in reading.where.value


def test_pages(desk: Desk, diary: Diary) -> None:
    for n in range(21):
        entry = diary.post(ALICE, f"entry {n}.", place="泉州")
        diary.review(entry, by=MODERATOR, approve=True)
    diary.publish()
    reading = desk.reading
    desk.tabs.selected_index = 2
    steps = reading.steps

    def at() -> tuple[int, list[bool]]:
        return reading.number, [not steps[x].disabled for x in ("first", "next")]

    assert at() == (1, [False, True])
    steps["next"].click()
    assert at() == (2, [True, True])
    assert "entry 10." in reading.page.value
    assert len(reading.entry.options) == 10
    steps["last"].click()
    assert at() == (3, [True, False])
    steps["previous"].click()
    assert reading.number == 2
    steps["first"].click()
    steps["previous"].click()  # it can't be pressed, but a second click may be on its way
    assert reading.number == 1
    shown = reading.page.value
    reading.views["trace"].click()
    diary.withdraw(reading.chosen, by=ALICE)  # elsewhere
    desk.refresh()
    assert reading.page.value != shown
    steps["last"].click()
    reading.text.value = "entry 3."
    assert reading.number == 1
    assert not visible(steps["next"])


def test_witness_trace_certificate(desk: Desk, diary: Diary) -> None:
    entry = published(desk)
    reading = desk.reading
    desk.tabs.selected_index = 2
    reading.note.value = "seen"
    reading.witness.click()  # as alice, who wrote it
    assert "Expected somebody else than the author" in reading.message.widget.value
    assert "alice" in reading.message.widget.value
    assert reading.note.value == "seen"
    reading.who.value = BOB.address
    reading.witness.click()
    assert "Witnessed" in reading.message.widget.value
    assert reading.note.value == ""
    assert "witnesses 1" in reading.page.value
    reading.witness.click()
    assert "a first witness record" in reading.message.widget.value
    reading.views["trace"].click()
    assert "seen" in reading.viewed.value
    reading.views["certificate"].click()
    assert diary.certificate(entry).id in reading.viewed.value
    reading.views["certificate"].click()
    assert reading.viewed.value == ""
    reading.to_review.click()
    assert desk.tabs.selected_index == 1
    assert desk.reviewing.chosen == entry
    decide(desk, entry, "suspend", "rumour")
    desk.tabs.selected_index = 2
    assert not visible(reading.witness)
    assert "Suspended by a moderator" in reading.page.value
    assert reading.entry.options[0][0] == "No. 0 · \u2068—\u2069 · \u2068—\u2069"


# --- what must never happen ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [HOSTILE, "\u202e</div></article>", "&lt;b&gt;", "<!--", "<style>"]
)
def test_hostile_text_stays_text(desk: Desk, diary: Diary, text: str) -> None:
    place, seen = "<b>'\"" + "p" * 70, []

    def look() -> None:
        for index in range(3):
            desk.tabs.selected_index = index
            parsed = Parsed(html_of(desk))
            assert not {"script", "iframe", "b'", "object"} & set(parsed.tags)
            assert not [name for name, _ in parsed.attributes if name.startswith("on")]
            sources = [value for name, value in parsed.attributes if name == "src"]
            assert all(source.startswith("data:image/png;base64,") for source in sources)
            seen.append(text in parsed.text)

    desk.writing.role.value = "<i>role"
    upload(desk, (NAME, picture()))
    desk.writing.text.value, desk.writing.place.value = text, place
    look()
    entry = post(desk, text, place)
    look()
    desk.reviewing.reason.value = text
    decide(desk, entry, "reject", "other")
    look()
    desk.tabs.selected_index = 0
    desk.writing.mine.appeal_text.value = text
    desk.writing.mine.appeal.click()
    look()
    decide(desk, entry, "approve", by=SECOND)
    desk.reviewing.publish.click()
    diary.witness(entry, by=BOB, note=text)
    desk.tabs.selected_index = 2
    desk.reading.views["trace"].click()
    look()
    desk.reading.views["certificate"].click()
    look()
    assert sum(seen) >= 12
    labels = [*desk.reading.entry.options, *desk.reviewing.queue.options]
    assert all(len(label) < 110 and "\n" not in label for label, _ in labels)


def test_hostile_words_in_errors(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.writing.text.value, desk.writing.place.value = "mine", "泉州"

    def broken(*_: object, **__: object) -> None:
        raise ValueError(HOSTILE)

    monkeypatch.setattr(Diary, "post", broken)
    desk.writing.post.click()
    parsed = Parsed(desk.writing.message.widget.value)
    assert parsed.tags == ["div", "b", "br"]
    assert "意外错误 Unexpected error" in parsed.text
    assert f"ValueError: {HOSTILE}" in parsed.text
    assert desk.writing.text.value == "mine"


def test_keys_are_never_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [bytes(person.key).hex() for person in (ALICE, SECOND, people.registrar)]

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError(f"{keys} 0x{keys[0].upper()} {bytes(ALICE.key)!r}")

    monkeypatch.setattr(Diary, "waiting", broken)
    desk.refresh()
    said = desk.room.top.widget.value
    assert "RuntimeError" in said
    monkeypatch.undo()
    published(desk)
    everything_shown = said + html_of(desk) + repr(desk) + repr(desk._repr_mimebundle_())
    state = "".join(str(x.get_state()) for x in everything(desk.box))
    for key in keys:
        assert key not in (everything_shown + state).lower()
    assert repr(bytes(ALICE.key)) not in everything_shown


def test_a_refresh_that_fails_says_so(desk: Desk, diary: Diary) -> None:
    desk.writing.text.value = "mine"
    diary.close()
    desk.refresh()
    assert "role='alert'" in desk.room.top.widget.value
    assert desk.writing.text.value == "mine"


def test_the_longest_words_are_cut(desk: Desk) -> None:
    assert len(desk.room.discreet("x" * 10_000)) == 600
    assert line("a\n b" + "c" * 90, 10) == "\u2068a bcccccc…\u2069"


def test_drafts() -> None:
    text = widgets.Text()
    drafts = Drafts(text)
    for key, typed in itertools.product("ab", ["x"]):
        drafts.turn_to(key)
        text.value = typed + key
    drafts.turn_to("a")
    assert text.value == "xa"
    drafts.clear()
    drafts.turn_to("b")
    assert text.value == "xb"
    drafts.turn_to("a")
    assert text.value == ""


def test_clicks_from_another_thread(diary: Diary) -> None:
    # JupyterLab's kernels hear of clicks in a thread of their own; the archive lives in this one.
    async def session() -> str:
        desk = kit.desk(diary)
        desk.writing.text.value, desk.writing.place.value = "你好", "泉州"
        thread = threading.Thread(target=desk.writing.post.click)
        thread.start()
        thread.join()
        assert not diary.waiting()  # not yet: a cell runs
        await asyncio.sleep(0.01)
        return str(desk.writing.message.widget.value)

    assert "Posted" in asyncio.run(session())
    assert len(diary.waiting()) == 1
