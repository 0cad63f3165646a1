"""Entries and decisions as the desk shows them. Everything that people wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from kit.analysis.participation import ZONE
from kit.diary.archive import Said
from kit.views.card import card_html
from kit.views.desk.labels import MOVE_WORDS, STATE_WORDS, line, short
from kit.views.desk.session import Room
from kit.views.markup import nested, render
from kit.views.timeline import data_address, place_name, shown_files

__all__ = ["certificate_html", "decisions_html", "entry_html", "history_html", "label", "who"]

_ZONE = ZoneInfo(ZONE)


def label(room: Room, said: Said, *, state: bool = True) -> str:
    """Return an entry as an option of a list."""
    signed = room.diary.archive.intact(said.commitment)
    leaf = room.diary.archive.leaf(said.commitment)
    parts = [f"No. {leaf.seq}"] if leaf else []
    parts += [STATE_WORDS[room.diary.state(said.commitment)].split("，")[0]] if state else []
    if signed:
        parts += [line(signed.record.body["place"], 12), line(signed.record.body["text"])]
    return " · ".join(parts) or short(said.commitment)


def entry_html(room: Room, commitment: str) -> str:
    """Return an entry in full, with its pictures and videos, as the timeline shows it."""
    signed = room.diary.archive.intact(commitment)
    if signed is None:
        return render("desk/entry.html", body=None)
    body, archive = signed.record.body, room.diary.archive

    def address(file: Mapping[str, Any]) -> str | None:
        content = archive.file(file["sha256"])
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
    moves = [
        (MOVE_WORDS[said.move], who(room, said.author), _words(room, said))
        for said in room.diary.archive.about(commitment)
        if said.type in ("review", "appeal", "withdrawal")
    ]
    state = STATE_WORDS[room.diary.case(commitment).state]
    return render("desk/history.html", state=state, moves=moves)


def _words(room: Room, said: Said) -> str:
    """Return what a review, an appeal or a withdrawal says: its code and its reason, or its text."""
    signed = room.diary.archive.intact(said.commitment)
    body = signed.record.body if signed else {}
    words = [body.get("reason_code", ""), body.get("reason", "") or body.get("text", "")]
    return ": ".join(word for word in words if word)


def decisions_html(room: Room, limit: int = 20) -> str:
    """Return who decided what, the newest first, as a table."""
    found = room.diary.archive.latest("review", limit)
    return render("desk/decisions.html", decisions=[_decision(room, said) for said in found])


def _decision(room: Room, said: Said) -> tuple[object, ...]:
    leaf = room.diary.archive.leaf(said.subject)
    return (
        _time(datetime.fromtimestamp(said.at, _ZONE)),
        who(room, said.author),
        MOVE_WORDS[said.move],
        _words(room, said),
        leaf.seq if leaf else None,
        short(said.subject),
    )


def _time(at: datetime) -> str:
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")


def certificate_html(room: Room, commitment: str) -> str:
    """Return the card of a published record's certificate."""
    return render("desk/card.html", card=nested(card_html(room.diary.certificate(commitment))))


def who(room: Room, address: str) -> str:
    """Return a person's name; a line may end in it, but not inside the address."""
    return room.name(address).replace("…", "\u2060…\u2060")
