"""Entries and decisions as the desk shows them. Everything that people wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from kit.analysis.participation import ZONE
from kit.diary.archive import Said
from kit.views.card import card_html
from kit.views.desk.labels import MOVE_WORDS, STATE_WORDS, line, short
from kit.views.desk.session import Room
from kit.views.timeline import data_address, files_html, said_html

__all__ = ["certificate_html", "decisions_html", "entry_html", "history_html", "label", "who_html"]

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
        gone = "内容已删除或损坏。 The content is gone or damaged."
        return f"<div class='kit-timeline'><article class='kit-gap'>{gone}</article></div>"
    body, archive = signed.record.body, room.diary.archive

    def address(file: Mapping[str, Any]) -> str | None:
        content = archive.file(file["sha256"])
        return None if content is None else data_address(file["media_type"], content)

    head = said_html(
        body, before=_time(signed.record.at), after=[who_html(room, signed.record.author)]
    )
    files = files_html(body["attachments"], address)
    return f"<div class='kit-timeline'><article>{head}{files}</article></div>"


def history_html(room: Room, commitment: str) -> str:
    """Return the state of an entry, and what moderators and its author said about it."""
    case = room.diary.case(commitment)
    lines = [
        f"<li>{_said_html(room, said)}</li>"
        for said in room.diary.archive.about(commitment)
        if said.type in ("review", "appeal", "withdrawal")
    ]
    state = f"<p class='kit-state'><b>{STATE_WORDS[case.state]}</b></p>"
    return state + (f"<ol class='kit-history'>{''.join(lines)}</ol>" if lines else "")


def _said_html(room: Room, said: Said) -> str:
    signed = room.diary.archive.intact(said.commitment)
    body = signed.record.body if signed else {}
    words = [body.get("reason_code", ""), body.get("reason", "") or body.get("text", "")]
    text = ": ".join(escape(word) for word in words if word)
    return f"<b>{MOVE_WORDS[said.move]}</b> · {who_html(room, said.author)}" + (
        f"<div class='kit-quote' dir='auto'>{text}</div>" if text else ""
    )


def decisions_html(room: Room, limit: int = 20) -> str:
    """Return who decided what, the newest first, as a table."""
    found = room.diary.archive.latest("review", limit)
    rows = "".join(_decision_row(room, said) for said in found)
    names = ("时间 when", "审核员 moderator", "决定 decision", "理由 reason", "记录 entry")
    head = "".join(f"<th scope='col'>{name}</th>" for name in names)
    if not rows:
        return "<p class='kit-note'>还没有决定。 No decisions yet.</p>"
    return f"<table class='kit-table'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _decision_row(room: Room, said: Said) -> str:
    signed = room.diary.archive.intact(said.commitment)
    body = signed.record.body if signed else {}
    leaf = room.diary.archive.leaf(said.subject)
    words = [body.get("reason_code", ""), body.get("reason", "")]
    cells = (
        _time(datetime.fromtimestamp(said.at, _ZONE)),
        who_html(room, said.author),
        f"<b>{MOVE_WORDS[said.move]}</b>",
        f"<span dir='auto'>{': '.join(escape(x) for x in words if x) or '—'}</span>",
        f"No. {leaf.seq}" if leaf else f"<code>{short(said.subject)}</code>",
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
