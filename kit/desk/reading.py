"""The desk's third tab: what everybody may read, in order of time, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets as widgets

from kit.desk.parts import Drafts, action, choose_from, field, heading, row, show
from kit.desk.room import Room
from kit.desk.show import certificate_html
from kit.desk.words import PLACES, ROLES, line
from kit.timeline import Timeline

__all__ = ["Reading"]

_STEPS: Final = {
    "first": "⇤ 首页 First",
    "previous": "← 上一页 Previous",
    "next": "下一页 Next →",
    "last": "末页 Last ⇥",
}


class Reading:
    """The timeline with its filters, and for a chosen entry: witness, trace, certificate."""

    def __init__(self, room: Room, people: Sequence[str], review: Callable[[str], None]) -> None:
        self.room, self.number, self._pages, self.chosen = room, 1, 1, ""
        self._review = review
        self.day = field(widgets.DatePicker, "日期 Day")
        later = {"continuous_update": False}  # with Enter, or when the field is left
        self.place = field(widgets.Combobox, "地点 Place", options=list(PLACES), **later)
        self.role = field(widgets.Combobox, "身份 Role", options=list(ROLES), **later)
        self.text = field(widgets.Text, "文字 Text", **later)
        self.clear = action("清除筛选 Clear")
        self.steps = {name: action(words) for name, words in _STEPS.items()}
        self.where, self.page = widgets.HTML(), widgets.HTML()
        self.entry = field(widgets.Dropdown, "编号 Entry number")
        self.who = field(widgets.Dropdown, "见证人 Witness", options=room.options(people))
        self.note = field(widgets.Text, "所见（可不填） What you saw, may be empty")
        self.witness = action("见证 Witness", main=True)
        self.views = {
            "certificate": action("证书 Certificate"),
            "trace": action("追溯 Trace"),
        }
        self.to_review = action("去审核 Open in Review")
        self.view, self.viewed = "", widgets.HTML()
        self.message, self.filtered = room.message(), room.message()
        self._drafts = Drafts(self.note)
        self._arrange()
        self._listen()

    def _arrange(self) -> None:
        self.one = widgets.VBox(
            [
                heading("一条记录", "One entry"),
                self.entry,
                row(self.who, self.note),
                row(self.witness, *self.views.values(), self.to_review),
                self.message.widget,
                self.viewed,
            ]
        )
        self.one.add_class("kit-section")
        pager = row(*self.steps.values())
        self.box = widgets.VBox(
            [
                row(self.day, self.place, self.role, self.text),
                row(self.clear),
                self.filtered.widget,
                self.where,
                self.page,
                pager,
                self.one,
            ]
        )

    def _listen(self) -> None:
        act = self.room.act
        for wanted in (self.day, self.place, self.role, self.text):
            wanted.observe(lambda _: act(self.filtered, self._filter), "value")
        self.clear.on_click(lambda _: act(self.filtered, self._clear))
        for name, button in self.steps.items():
            button.on_click(lambda _, name=name: act(self.filtered, lambda: self._step(name)))
        self.entry.observe(lambda _: act(self.message, self._choose), "value")
        self.witness.on_click(lambda _: act(self.message, self._witness))
        for name, button in self.views.items():
            button.on_click(lambda _, name=name: act(self.message, lambda: self._look(name)))
        self.to_review.on_click(lambda _: act(self.message, self._open))

    # --- what is shown ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Read the timeline again, and show the page that was open."""
        timeline = self._read()
        self._pages = timeline.pages
        self.number = max(1, min(self.number, self._pages))
        self.page.value = str(timeline.page(self.number))
        self.where.value = (
            f"<p class='kit-note' role='status'>第 {self.number} / {timeline.pages} 页 page · "
            f"{len(timeline):,} 条 entries</p>"
        )
        for name, button in self.steps.items():
            at_end = self.number == (1 if name in ("first", "previous") else timeline.pages)
            button.disabled = at_end
            show(button, timeline.pages > 1)
        self._list(timeline)
        self._show()

    def _read(self) -> Timeline:
        place, role, text = (x.value.strip() for x in (self.place, self.role, self.text))
        return self.room.diary.timeline(
            day=self.day.value,
            place=PLACES.get(place, place) or None,
            role=ROLES.get(role, role) or None,
            text=text or None,
        )

    def _list(self, timeline: Timeline) -> None:
        start = (self.number - 1) * timeline.PAGE_SIZE
        rows: Any = timeline.frame.iloc[start : start + timeline.PAGE_SIZE].to_dict("records")
        options = [(_label(x), str(x["commitment"])) for x in rows]
        choose_from(self.entry, options, self.chosen)
        self.chosen = str(self.entry.value) if options else ""
        show(self.one, options)
        self._drafts.turn_to(self.chosen)

    def _show(self) -> None:
        diary, chosen = self.room.diary, self.chosen
        may = chosen and "witness" in self.room.allowed(chosen)
        for widget in (self.who, self.note, self.witness):
            show(widget, may)
        if not chosen or not self.view:
            self.viewed.value = ""
        elif self.view == "certificate":
            self.viewed.value = certificate_html(self.room, chosen)
        else:
            self.viewed.value = f"<div class='kit-wide'>{diary.trace(chosen)._repr_html_()}</div>"

    # --- what people do --------------------------------------------------------------------------

    def _filter(self) -> None:
        self.number = 1

    def _clear(self) -> None:
        self.day.value = None
        self.place.value = self.role.value = self.text.value = ""
        self.number = 1

    def _step(self, name: str) -> None:
        steps = {
            "first": 1,
            "previous": self.number - 1,
            "next": self.number + 1,
            "last": self._pages,
        }
        self.number = steps[name]

    def _choose(self) -> None:
        self.chosen, self.view = self.entry.value or "", ""

    def _look(self, name: str) -> None:
        self.view = "" if self.view == name else name

    def _witness(self) -> str:
        by = self.room.account(self.who.value)
        self.room.diary.witness(self.chosen, by=by, note=self.note.value)
        self._drafts.clear()
        return "已见证，待上链。 Witnessed; it is in the next batch."

    def _open(self) -> None:
        self._review(self.chosen)


def _label(row: dict[str, Any]) -> str:
    """Return an entry as an option. A withdrawn or suspended one has no text."""
    text = row["text"] if isinstance(row["text"], str) else "—"
    place = row["place"] if isinstance(row["place"], str) else "—"
    return f"No. {row['seq']} · {line(place, 12)} · {line(text)}"
