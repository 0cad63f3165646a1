"""Entries and decisions as the desk shows them. Everything that people wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from kit.analysis.participation import ZONE
from kit.diary import StoredRecord, state_of
from kit.views.card import card_html
from kit.views.desk.labels import MOVE_WORDS, STATE_WORDS, line, short
from kit.views.desk.session import Room
from kit.views.timeline import data_address, files_html, said_html

__all__ = ["certificate_html", "decisions_html", "entry_html", "history_html", "label", "who_html"]

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
        gone = "内容已删除或损坏。 The content is gone or damaged."
        return f"<div class='kit-timeline'><article class='kit-gap'>{gone}</article></div>"
    body = signed.record.body

    def address(file: Mapping[str, Any]) -> str | None:
        content = diary.file(file["sha256"])
        return None if content is None else data_address(file["media_type"], content)

    head = said_html(
        body, before=_time(signed.record.at), after=[who_html(room, signed.record.author)]
    )
    files = files_html(body["attachments"], address)
    return f"<div class='kit-timeline'><article>{head}{files}</article></div>"


def history_html(room: Room, commitment: str) -> str:
    """Return the state of an entry, and what moderators and its author said about it."""
    story = room.diary.stories([commitment])[commitment]
    lines = [
        f"<li>{_said_html(room, record)}</li>"
        for record in story
        if record.type in ("review", "appeal", "withdrawal")
    ]
    state = f"<p class='kit-state'><b>{STATE_WORDS[state_of(story).state]}</b></p>"
    return state + (f"<ol class='kit-history'>{''.join(lines)}</ol>" if lines else "")


def _said_html(room: Room, record: StoredRecord) -> str:
    signed = record.intact()
    body = signed.record.body if signed else {}
    words = [body.get("reason_code", ""), body.get("reason", "") or body.get("text", "")]
    text = ": ".join(escape(word) for word in words if word)
    return f"<b>{MOVE_WORDS[record.move]}</b> · {who_html(room, record.author)}" + (
        f"<div class='kit-quote' dir='auto'>{text}</div>" if text else ""
    )


def decisions_html(room: Room, limit: int = 20) -> str:
    """Return who decided what, the newest first, as a table."""
    found = room.diary.latest("review", limit)
    about = room.diary.stories(review.subject for review in found)
    rows = "".join(_decision_row(room, review, about[review.subject][0]) for review in found)
    names = ("时间 when", "审核员 moderator", "决定 decision", "理由 reason", "记录 entry")
    head = "".join(f"<th scope='col'>{name}</th>" for name in names)
    if not rows:
        return "<p class='kit-note'>还没有决定。 No decisions yet.</p>"
    return f"<table class='kit-table'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _decision_row(room: Room, review: StoredRecord, entry: StoredRecord) -> str:
    signed = review.intact()
    body = signed.record.body if signed else {}
    words = [body.get("reason_code", ""), body.get("reason", "")]
    cells = (
        _time(datetime.fromtimestamp(review.at, _ZONE)),
        who_html(room, review.author),
        f"<b>{MOVE_WORDS[review.move]}</b>",
        f"<span dir='auto'>{': '.join(escape(x) for x in words if x) or '—'}</span>",
        f"No. {entry.leaf.seq}" if entry.leaf else f"<code>{short(entry.commitment)}</code>",
    )
    return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _time(at: datetime) -> str:
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")


def certificate_html(room: Room, commitment: str) -> str:
    """Return the card of a published record's certificate."""
    return f"<div class='kit-card'>{card_html(room.diary.certificate(commitment))}</div>"


def who_html(room: Room, address: str) -> str:
    """Return a person's name; a line may end in it, but not inside the address."""
    return escape(room.name(address)).replace("…", "&NoBreak;…&NoBreak;")
