"""The desk's first tab, below the form: what became of one's own entries, appeal and withdrawal."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from kit.core import PUBLIC
from kit.views.desk.render import certificate_html, entry_html, history_html, label
from kit.views.desk.session import Room
from kit.views.desk.widgets import Drafts, action, choose_from, field, heading, note, row, show
from kit.views.markup import render

__all__ = ["Mine"]

_LIMIT = 50  # entries in the list, the newest first; the timeline has all


class Mine:
    """A person's entries with their state, certificate, appeal and withdrawal."""

    def __init__(self, room: Room) -> None:
        self.room, self.chosen, self._author = room, "", ""
        self.entry = field(widgets.Dropdown, "选一条 Choose one")
        self.none = note("还没有记录。 Nothing yet.")
        self.shown, self.card = widgets.HTML(), widgets.HTML()
        self.appeal_text = field(widgets.Textarea, "申诉理由 Why the decision is wrong", rows=3)
        self.appeal = action("申诉 Appeal", main=True)
        self.withdraw = action("撤回… Withdraw…")
        self.reason = field(widgets.Text, "撤回原因（可不填） Reason, may be empty")
        self.confirm = action("确认撤回，销毁内容 Yes, withdraw and destroy it")
        self.keep = action("不撤回 Keep it")
        self.message = room.message()
        self._drafts = Drafts(self.appeal_text, self.reason)
        self._asked = False
        self._arrange()
        self._listen()

    def _arrange(self) -> None:
        self.appeal_box = widgets.VBox([self.appeal_text, row(self.appeal)])
        warning = render("desk/warning.html")
        self.confirm_box = widgets.VBox(
            [widgets.HTML(warning), self.reason, row(self.confirm, self.keep)]
        )
        self.confirm_box.add_class("kit-ask")
        self.box = widgets.VBox(
            [
                heading("我的记录", "My entries"),
                self.none,
                self.entry,
                self.shown,
                self.appeal_box,
                row(self.withdraw),
                self.confirm_box,
                self.message.widget,
                self.card,
            ]
        )
        self.box.add_class("kit-section")

    def _listen(self) -> None:
        def on(button: Any, what: Any) -> None:
            button.on_click(lambda _: self.room.act(self.message, what))

        self.entry.observe(lambda _: self.room.act(self.message, self._choose), "value")
        on(self.appeal, self._appeal)
        on(self.withdraw, lambda: self._ask(True))
        on(self.keep, lambda: self._ask(False))
        on(self.confirm, self._withdraw)

    # --- what is shown ---------------------------------------------------------------------------

    def refresh(self, author: str) -> None:
        """Show what became of this author's entries."""
        if author != self._author:
            self._author, self._asked = author, False
        diary = self.room.diary
        newest = [x.commitment for x in diary.latest("entry", _LIMIT, author=author)]
        stories = diary.stories(newest)
        options = [(label(stories[x]), x) for x in newest]
        choose_from(self.entry, options, self.chosen)
        self.chosen = self.entry.value or "" if options else ""
        show(self.entry, options)
        show(self.none, not options)
        self._drafts.turn_to(self.chosen)
        self._show()

    def _show(self) -> None:
        room, chosen = self.room, self.chosen
        case = room.diary.entry_state(chosen) if chosen else None
        moves = room.allowed(chosen) if chosen else frozenset()
        show(self.appeal_box, "appeal" in moves and case and not case.appealed)
        show(self.withdraw, "withdraw" in moves and not self._asked)
        show(self.confirm_box, "withdraw" in moves and self._asked)
        self.shown.value = history_html(room, chosen) + entry_html(room, chosen) if chosen else ""
        public = case is not None and case.state in PUBLIC
        self.card.value = certificate_html(room, chosen) if public else ""

    # --- what people do --------------------------------------------------------------------------

    def _choose(self) -> None:
        self.chosen, self._asked = self.entry.value or "", False

    def _ask(self, asked: bool) -> None:
        self._asked = asked
        if asked:
            show(self.confirm_box, True)
            self.reason.focus()

    def _appeal(self) -> str | None:
        if "appeal" not in self.room.allowed(self.chosen):  # a second click
            return None
        account = self.room.account(self._author)
        self.room.diary.appeal(self.chosen, self.appeal_text.value, by=account)
        self._drafts.clear()
        return "已申诉，由另一位审核员决定。 Appealed; another moderator will decide."

    def _withdraw(self) -> str | None:
        if not self._asked:
            return None
        account = self.room.account(self._author)
        self.room.diary.withdraw(self.chosen, by=account, reason=self.reason.value)
        self._drafts.clear()
        self._asked = False
        return "已撤回，内容已销毁。 Withdrawn; its content is destroyed."
