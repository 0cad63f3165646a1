"""Entries and decisions as the desk shows them. Everything that people wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from kit.analysis.participation import ZONE
from kit.diary import StoredRecord, state_of
from kit.views.card import card_html
from kit.views.desk.labels import MOVE_WORDS, STATE_WORDS, line, short
from kit.views.desk.session import Room
from kit.views.markup import nested, render
from kit.views.timeline import data_address, place_name, shown_files

__all__ = ["certificate_html", "decisions_html", "entry_html", "history_html", "label", "who"]

_ZONE = ZoneInfo(ZONE)


def label(story: Sequence[StoredRecord]) -> str:
    """Return the entry that a story begins with as an option of a list."""
    entry = story[0]
    signed = entry.intact()
    parts = [f"No. {entry.leaf.seq}"] if entry.leaf else []
    parts += [STATE_WORDS[state_of(story).state].split("，")[0]]
    if signed:
        parts += [line(signed.record.body["place"], 12), line(signed.record.body["text"])]
    return " · ".join(parts) or short(entry.commitment)


def entry_html(room: Room, commitment: str) -> str:
    """Return an entry in full, with its pictures and videos, as the timeline shows it."""
    diary = room.diary
    signed = diary.stories([commitment])[commitment][0].intact()
    if signed is None:
        return render("desk/entry.html", body=None)
    body = signed.record.body

    def address(file: Mapping[str, Any]) -> str | None:
        content = diary.file(file["sha256"])
        return None if content is None else data_address(file["media_type"], content)

    return render(
        "desk/entry.html",
        body=body,
        where=place_name(body["place"]),
        time=_time(signed.record.at),
        author=who(room, signed.record.author),
        files=shown_files(body["attachments"], address),
    )


def history_html(room: Room, commitment: str) -> str:
    """Return the state of an entry, and what moderators and its author said about it."""
    story = room.diary.stories([commitment])[commitment]
    moves = [
        (MOVE_WORDS[record.move], who(room, record.author), _words(record))
        for record in story
        if record.type in ("review", "appeal", "withdrawal")
    ]
    return render("desk/history.html", state=STATE_WORDS[state_of(story).state], moves=moves)


def _words(record: StoredRecord) -> str:
    """Return what a review, an appeal or a withdrawal says: its code and its reason, or its text."""
    signed = record.intact()
    body = signed.record.body if signed else {}
    words = [body.get("reason_code", ""), body.get("reason", "") or body.get("text", "")]
    return ": ".join(word for word in words if word)


def decisions_html(room: Room, limit: int = 20) -> str:
    """Return who decided what, the newest first, as a table."""
    found = room.diary.latest("review", limit)
    about = room.diary.stories(review.subject for review in found)
    decisions = [_decision(room, review, about[review.subject][0]) for review in found]
    return render("desk/decisions.html", decisions=decisions)


def _decision(room: Room, review: StoredRecord, entry: StoredRecord) -> tuple[object, ...]:
    return (
        _time(datetime.fromtimestamp(review.at, _ZONE)),
        who(room, review.author),
        MOVE_WORDS[review.move],
        _words(review),
        entry.leaf.seq if entry.leaf else None,
        short(entry.commitment),
    )


def _time(at: datetime) -> str:
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")


def certificate_html(room: Room, commitment: str) -> str:
    """Return the card of a published record's certificate."""
    return render("desk/card.html", card=nested(card_html(room.diary.certificate(commitment))))


def who(room: Room, address: str) -> str:
    """Return a person's name; a line may end in it, but not inside the address."""
    return room.name(address).replace("…", "\u2060…\u2060")
