"""The desk's second tab: moderators read what waits and decide; the registrar publishes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

import ipywidgets as widgets

from kit.core import DECISIONS, PUBLIC
from kit.diary import entries
from kit.errors import RecordError
from kit.log import MODERATOR_ROLE
from kit.views.desk.labels import MOVE_WORDS, REASONS
from kit.views.desk.render import decisions_html, entry_html, history_html, label
from kit.views.desk.session import Room
from kit.views.desk.widgets import Drafts, action, choose_from, field, heading, note, row, show
from kit.views.markup import render

__all__ = ["Reviewing"]

_LIMIT = 100  # entries in the list
_WAITING, _PUBLIC, _SUSPENDED = "waiting", "public", "suspended"
_SHOWN: Final = (
    ("待审核与申诉 waiting and appealed", _WAITING),
    ("已发布 published", _PUBLIC),
    ("已暂停显示 suspended", _SUSPENDED),
)
_TYPES: Final = {
    "entry": "记录 entries",
    "review": "审核 reviews",
    "witness": "见证 witness records",
    "withdrawal": "撤回 withdrawals",
    "appeal": "申诉 appeals",
    "bulletin": "通报 bulletins",
}
_DONE: Final = {
    "approve": "已批准，可以上链。 Approved; it can be published.",
    "reject": "已驳回；作者可申诉一次。 Rejected; its author may appeal once.",
    "suspend": "已暂停显示。 Suspended.",
    "reinstate": "已恢复显示。 Reinstated.",
}


class Reviewing:
    """The queue, the chosen entry in full, the decision, the next batch, and who decided what."""

    def __init__(self, room: Room) -> None:
        self.room, self.chosen = room, ""
        self.moderator = field(widgets.Dropdown, "审核员 Moderator")
        self.filter = field(widgets.Dropdown, "显示 Show", options=_SHOWN)
        self.queue = field(widgets.Select, "队列 Queue")
        self.empty = note("没有了。 Nothing here.")
        self.history, self.entry = widgets.HTML(), widgets.HTML()
        self.code = field(widgets.Dropdown, "理由类别 Reason code", options=list(REASONS.items()))
        self.reason = field(widgets.Textarea, "理由 Reason", rows=3)
        self.buttons = {name: action(MOVE_WORDS[name], main=True) for name in DECISIONS}
        self.ready = widgets.HTML()
        self.publish = action("上链 Publish", main=True)
        self.decided = widgets.HTML()
        self.message, self.published = room.message(), room.message()
        self._drafts = Drafts(self.code, self.reason)
        self._arrange()
        self._listen()

    def _arrange(self) -> None:
        left = widgets.VBox([self.moderator, self.filter, self.queue, self.empty])
        self.decision = widgets.VBox([self.code, self.reason, row(*self.buttons.values())])
        paper = widgets.VBox([self.history, self.entry])
        paper.add_class("kit-paper")
        right = widgets.VBox([paper, self.decision, self.message.widget])
        columns = widgets.Box([left, right])
        columns.add_class("kit-columns")
        batch = widgets.VBox(
            [
                heading("下一批", "The next batch"),
                self.ready,
                row(self.publish),
                self.published.widget,
            ]
        )
        decided = widgets.VBox([heading("谁决定了什么", "Who decided what"), self.decided])
        for section in (batch, decided):
            section.add_class("kit-section")
        self.box = widgets.VBox([columns, batch, decided])

    def _listen(self) -> None:
        act = self.room.act
        self.filter.observe(lambda _: act(self.message, self._filter), "value")
        self.moderator.observe(lambda _: act(self.message, lambda: None), "value")
        self.queue.observe(lambda _: act(self.message, self._choose), "value")
        for name, button in self.buttons.items():
            button.on_click(lambda _, name=name: act(self.message, partial(self._decide, name)))
        self.publish.on_click(lambda _: act(self.published, self._publish))

    # --- what is shown ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring the tab up to date with the diary and the roles on its chain."""
        room = self.room
        log = room.diary.log
        moderators = [x for x in room.people if log.has_role(MODERATOR_ROLE, x)]
        choose_from(self.moderator, room.options(moderators), self.moderator.value)
        self._list()
        self._show()
        self._batch()
        self.decided.value = decisions_html(room)

    def _list(self) -> None:
        found = list(self._entries())
        if self.chosen and self.chosen not in found:
            found.insert(0, self.chosen)  # what was decided stays in sight, with its new state
        stories = self.room.diary.stories(found)
        options = [(label(stories[x]), x) for x in found if x in stories]
        choose_from(self.queue, options, self.chosen)
        self.queue.rows = min(6, max(2, len(options)))
        self.chosen = self.queue.value or ""
        show(self.queue, options)
        show(self.empty, not options)
        self._drafts.turn_to(self.chosen)

    def _entries(self) -> Sequence[str]:
        diary = self.room.diary
        if self.filter.value == _WAITING:
            return [x.commitment for x in diary.waiting()[:_LIMIT]]
        states = list(PUBLIC) if self.filter.value == _PUBLIC else ["suspended"]
        frame = entries(diary)
        newest = frame[frame["state"].isin(states)].tail(_LIMIT)
        return [str(x) for x in newest["commitment"][::-1]]

    def _show(self) -> None:
        chosen = self.chosen
        moves = self.room.allowed(chosen) & set(DECISIONS) if chosen else frozenset()
        for name, button in self.buttons.items():
            show(button, name in moves)
            button.disabled = name not in moves
        show(self.decision, moves)
        self.history.value = history_html(self.room, chosen) if chosen else ""
        self.entry.value = (
            entry_html(self.room, chosen)
            if chosen
            else render("desk/note.html", text="没有选中的记录。 No entry is chosen.")
        )

    def _batch(self) -> None:
        leaves = self.room.diary.ready()
        counts = Counter(leaf.type for leaf in leaves)
        named = [(count, _TYPES[kind]) for kind, count in counts.items()]
        self.ready.value = render("desk/ready.html", counts=named)
        self.publish.disabled = not leaves

    # --- what people do --------------------------------------------------------------------------

    def open(self, commitment: str) -> None:
        """Choose an entry that was found elsewhere."""
        self.chosen = commitment

    def _filter(self) -> None:
        self.chosen = ""

    def _choose(self) -> None:
        self.chosen = self.queue.value or ""

    def _decide(self, decision: str) -> str | None:
        if self.buttons[decision].disabled:  # a second click, before the first was done
            return None
        by, code = self.room.account(self.moderator.value), self.code.value
        if decision in ("reject", "suspend") and not code:
            fix = "Its author must know what to change, or to appeal against."
            raise RecordError("a reason code (理由类别)", "none", fix)
        diary, reason = self.room.diary, self.reason.value
        diary.act(decision, self.chosen, by=by, reason_code=code, reason=reason)
        self._drafts.clear()
        return _DONE[decision]

    def _publish(self) -> str | None:
        if self.publish.disabled:
            return None
        batch = self.room.diary.publish()
        return (
            f"第 {batch.number} 批，{batch.count} 条，已写入区块 {batch.anchor.block_number}。 "
            f"Batch {batch.number} with {batch.count} records is in block "
            f"{batch.anchor.block_number}."
        )
