"""What the desk's tabs share: the diary, the people at the desk, and how something is tried.

Whatever goes wrong is said in words beside the button that was pressed. Everything that people wrote
is escaped before it becomes HTML. Keys sign; they are never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import ipywidgets as widgets
from eth_account.signers.base import BaseAccount

from kit.archive import Said
from kit.errors import KitError, NotAllowed
from kit.moves import MOVES
from kit.participation import PREFECTURES, ZONE
from kit.timeline import data_address, files_html, said_html

if TYPE_CHECKING:
    from kit.diary import Diary

__all__ = [
    "MOVE_WORDS",
    "PLACES",
    "REASONS",
    "ROLES",
    "STATE_WORDS",
    "Drafts",
    "Message",
    "Room",
    "action",
    "choose_from",
    "field",
    "heading",
    "line",
    "row",
    "short",
    "show",
]

#: The states of ``kit.moves``, for a reader.
STATE_WORDS: Final[Mapping[str, str]] = {
    "waiting": "待审核 waiting",
    "approved": "已批准，待上链 approved, not yet on the chain",
    "rejected": "已驳回 rejected",
    "rejection appealed": "驳回后申诉中 rejection appealed",
    "published": "已发布 published",
    "suspended": "已暂停显示 suspended",
    "suspension appealed": "暂停后申诉中 suspension appealed",
    "reinstated": "已恢复 reinstated",
    "withdrawn": "已撤回 withdrawn",
    "erased": "已撤回，内容已删除 withdrawn, content erased",
}

#: The moves, for a button.
MOVE_WORDS: Final[Mapping[str, str]] = {
    "approve": "批准 Approve",
    "reject": "驳回 Reject",
    "suspend": "暂停显示 Suspend",
    "reinstate": "恢复显示 Reinstate",
    "appeal": "申诉 Appeal",
    "witness": "见证 Witness",
    "withdraw": "撤回 Withdraw",
}

#: Why a moderator decides: what is shown, and the code that the record holds.
REASONS: Final[Mapping[str, str]] = {
    "— 无 none": "",
    "垃圾信息 spam": "spam",
    "个人信息 personal data": "personal data",
    "侮辱 insult": "insult",
    "谣言 rumour": "rumour",
    "与主题无关 off topic": "off topic",
    "其他 other": "other",
}

#: What is offered for a place and a role, and what the record holds. Anything else can be typed.
PLACES: Final[Mapping[str, str]] = {f"{zh} {en}": zh for zh, en in PREFECTURES.items()}
ROLES: Final[Mapping[str, str]] = {
    "居民 resident": "resident",
    "志愿者 volunteer": "volunteer",
    "医护人员 medical worker": "medical worker",
    "社区工作者 community worker": "community worker",
    "教师 teacher": "teacher",
    "学生 student": "student",
    "快递员 courier": "courier",
}

_ZONE = ZoneInfo(ZONE)


# --- words ---------------------------------------------------------------------------------------


def short(address: str) -> str:
    """Return an address short enough for a line."""
    return f"{address[:6]}…{address[-4:]}"


def line(text: str, length: int = 32) -> str:
    """Return the beginning of a text as one line, for a list.

    The two marks around it keep a text from right to left from turning what stands beside it.
    """
    flat = " ".join(text.split())
    return f"\u2068{flat if len(flat) <= length else flat[: length - 1] + '…'}\u2069"


def heading(zh: str, en: str) -> Any:
    """Return a section's heading."""
    return widgets.HTML(f"<h3>{zh} <span>{en}</span></h3>")


# --- widgets -------------------------------------------------------------------------------------


def field(make: Callable[..., Any], label: str, **more: Any) -> Any:
    """Return an input with its label above it."""
    made = make(description=label, layout=widgets.Layout(width="auto"), **more)
    made.add_class("kit-field")
    return made


def row(*children: Any) -> Any:
    """Return a box whose parts stand side by side where there is room for it."""
    box = widgets.Box(children)
    box.add_class("kit-row")
    return box


def action(label: str, *, main: bool = False) -> Any:
    """Return a button; a tab's main one is filled."""
    button = widgets.Button(description=label, tooltip="", layout=widgets.Layout(width="auto"))
    button.add_class("kit-main" if main else "kit-action")
    return button


def show(widget: Any, visible: object) -> None:
    """Show a widget or take it away, for the keyboard too."""
    widget.layout.display = None if visible else "none"


def choose_from(choice: Any, options: Sequence[tuple[str, str]], wanted: str) -> None:
    """Give a list its options (what is shown, its value); choose the wanted one, else the first."""
    if choice.options != tuple(options):
        choice.options = tuple(options)
    values = [value for _, value in options]
    if values:
        choice.value = wanted if wanted in values else values[0]


class Drafts:
    """What was typed about each entry: it stays with its entry when another one is chosen."""

    def __init__(self, *fields: Any) -> None:
        self._fields = fields
        self._blank = [field.value for field in fields]
        self._typed: dict[str, list[Any]] = {}
        self._key = ""

    def turn_to(self, key: str) -> None:
        """Put away what was typed, and bring out what belongs to ``key``."""
        if key != self._key:
            self._typed[self._key] = [field.value for field in self._fields]
            self._fill(self._typed.pop(key, self._blank))
            self._key = key

    def clear(self) -> None:
        """Empty the fields: what was typed is said."""
        self._fill(self._blank)

    def _fill(self, values: Iterable[Any]) -> None:
        for into, value in zip(self._fields, values, strict=True):
            into.value = value


class Message:
    """Where an answer appears: what was done, or what went wrong, in words."""

    def __init__(self) -> None:
        self.widget = widgets.HTML()

    def clear(self) -> None:
        """Take the last answer away."""
        self.widget.value = ""

    def done(self, text: str) -> None:
        """Say what was done. ``text`` is plain text."""
        self.widget.value = (
            f"<div role='status' class='kit-message' dir='auto'><b>✓</b> {escape(text)}</div>"
        )

    def failed(self, title: str, text: str) -> None:
        """Say what went wrong. ``text`` is plain text."""
        self.widget.value = (
            f"<div role='alert' class='kit-message kit-failed' dir='auto'><b>✗ {title}</b><br>"
            f"{escape(text)}</div>"
        )


# --- the room ------------------------------------------------------------------------------------


class Room:
    """The diary, the people at the desk, and what is shown to them."""

    def __init__(self, diary: Diary, people: Iterable[Any]) -> None:
        self.diary = diary
        self.people: dict[str, BaseAccount] = {}
        for account in people:
            if not isinstance(account, BaseAccount):
                fix = "Pass a list such as [kit.people.named('dora')]."
                # What it is, not what it says: it may be the key itself.
                raise NotAllowed("accounts with their keys", type(account).__name__, fix)
            self.people.setdefault(account.address, account)
        self.refresh: Callable[[], None] = lambda: None
        self._messages: list[Message] = []
        self._busy = False
        self.top = self.message()

    def message(self) -> Message:
        """Return a new place for answers."""
        self._messages.append(Message())
        return self._messages[-1]

    def act(
        self, message: Message, action: Callable[[], str | None], *, refresh: bool = True
    ) -> None:
        """Do something, say beside it how it went, and bring the desk up to date.

        ``action`` returns what is to be said. Nothing that it raises goes further than the message.
        """
        if self._busy:  # the desk itself changes what is shown, and hears of it
            return
        self._busy = True
        try:
            if refresh:
                for other in self._messages:
                    other.clear()
            said = self._try(message, action)
            if said:
                message.done(said)
            if refresh:
                self._try(self.top, self.refresh)
        finally:
            self._busy = False

    def _try(self, message: Message, action: Callable[[], str | None]) -> str | None:
        try:
            return action()
        except KitError as error:
            message.failed("没有成功 Not done", self.discreet(str(error)))
        except Exception as error:
            message.failed(
                "意外错误 Unexpected error",
                self.discreet(f"{type(error).__name__}: {error}"),
            )
        return None

    def discreet(self, text: str) -> str:
        """Return a text of at most 600 characters, without the key of anybody here."""
        for account in (*self.people.values(), self.diary.registrar):
            key = bytes(getattr(account, "key", b""))
            for written in (key.hex(), repr(key)) if key else ():
                text = text.replace(written, "(a key)")
        return text if len(text) <= 600 else text[:599] + "…"

    # --- who ---------------------------------------------------------------------------------------

    def name(self, address: str) -> str:
        """Return a person's name with the address in short, or the latter alone."""
        account = self.people.get(address)
        name = getattr(account, "name", "")
        return f"{name} · {short(address)}" if name else short(address)

    def options(self, addresses: Iterable[str]) -> list[tuple[str, str]]:
        """Return people as options of a list."""
        return [(self.name(address), address) for address in addresses]

    def account(self, address: str | None) -> BaseAccount:
        """Return the account behind an address. Raises NotAllowed where nobody was chosen."""
        if not address:
            raise NotAllowed("somebody with a key", "nobody", "Choose who does it.")
        return self.people[address]

    # --- what --------------------------------------------------------------------------------------

    def label(self, said: Said, *, state: bool = True) -> str:
        """Return an entry as an option of a list."""
        signed = self.diary.archive.intact(said.commitment)
        leaf = self.diary.archive.leaf(said.commitment)
        parts = [f"No. {leaf.seq}"] if leaf else []
        parts += [STATE_WORDS[self.diary.state(said.commitment)].split("，")[0]] if state else []
        if signed:
            parts += [line(signed.record.body["place"], 12), line(signed.record.body["text"])]
        return " · ".join(parts) or short(said.commitment)

    def entry_html(self, commitment: str) -> str:
        """Return an entry in full, with its pictures and videos, as the timeline shows it."""
        signed = self.diary.archive.intact(commitment)
        if signed is None:
            gone = "内容已删除或损坏。 The content is gone or damaged."
            return f"<div class='kit-timeline'><article class='kit-gap'>{gone}</article></div>"
        body, archive = signed.record.body, self.diary.archive

        def address(file: Mapping[str, Any]) -> str | None:
            content = archive.file(file["sha256"])
            return None if content is None else data_address(file["media_type"], content)

        head = said_html(
            body, before=_time(signed.record.at), after=[escape(self.name(signed.record.author))]
        )
        files = files_html(body["attachments"], address)
        return f"<div class='kit-timeline'><article>{head}{files}</article></div>"

    def history_html(self, commitment: str) -> str:
        """Return the state of an entry, and what moderators and its author said about it."""
        case = self.diary.case(commitment)
        lines = [
            f"<li>{self._said_html(said)}</li>"
            for said in self.diary.archive.about(commitment)
            if said.type in ("review", "appeal", "withdrawal")
        ]
        state = f"<p class='kit-state'><b>{STATE_WORDS[case.state]}</b></p>"
        return state + (f"<ol class='kit-history'>{''.join(lines)}</ol>" if lines else "")

    def _said_html(self, said: Said) -> str:
        signed = self.diary.archive.intact(said.commitment)
        body = signed.record.body if signed else {}
        words = [body.get("reason_code", ""), body.get("reason", "") or body.get("text", "")]
        text = ": ".join(escape(word) for word in words if word)
        return f"<b>{MOVE_WORDS[said.move]}</b> · {escape(self.name(said.author))}" + (
            f"<div class='kit-quote' dir='auto'>{text}</div>" if text else ""
        )

    def decisions_html(self, limit: int = 20) -> str:
        """Return who decided what, the newest first, as a table."""
        found = self.diary.archive.latest("review", limit)
        rows = "".join(self._decision_row(said) for said in found)
        names = ("时间 when", "审核员 moderator", "决定 decision", "理由 reason", "记录 entry")
        head = "".join(f"<th scope='col'>{name}</th>" for name in names)
        if not rows:
            return "<p class='kit-note'>还没有决定。 No decisions yet.</p>"
        return (
            f"<table class='kit-table'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        )

    def _decision_row(self, said: Said) -> str:
        signed = self.diary.archive.intact(said.commitment)
        body = signed.record.body if signed else {}
        leaf = self.diary.archive.leaf(said.subject)
        words = [body.get("reason_code", ""), body.get("reason", "")]
        cells = (
            _time(datetime.fromtimestamp(said.at, _ZONE)),
            escape(self.name(said.author)),
            f"<b>{MOVE_WORDS[said.move]}</b>",
            f"<span dir='auto'>{': '.join(escape(x) for x in words if x) or '—'}</span>",
            f"No. {leaf.seq}" if leaf else f"<code>{short(said.subject)}</code>",
        )
        return f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"

    def allowed(self, commitment: str) -> frozenset[str]:
        """Return the moves that the rules have for an entry's state, whoever may make them."""
        return frozenset(MOVES[self.diary.state(commitment)])


def _time(at: datetime) -> str:
    return at.astimezone(_ZONE).strftime("%Y-%m-%d %H:%M")
