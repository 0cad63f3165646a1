"""The desk's third tab: what everybody may read, in order of time, a page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import ipywidgets as widgets

from kit.views.desk.labels import PLACES, ROLES, line, meant
from kit.views.desk.render import certificate_html
from kit.views.desk.session import Room
from kit.views.desk.widgets import Drafts, action, choose_from, field, heading, row, show
from kit.views.markup import nested, render
from kit.views.timeline import Timeline, timeline
from kit.views.trace import trace_html

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
        self.room, self.number, self.chosen = room, 1, ""
        self._timeline: Timeline | None = None
        self._key: tuple[Any, ...] = ()
        self._open = 0  # the page that is shown
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
        self.to_review.on_click(lambda _: act(self.message, self._to_review))

    # --- what is shown ---------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the page that is open, if anything happened since it was made."""
        wanted = self._wanted()
        # Whatever happens is a record, in the archive first and then on the chain.
        diary = self.room.diary
        key = (*wanted.values(), diary.record_count(), diary.log.record_count())
        if self._timeline is None or key != self._key:
            self._timeline, self._key, self._open = timeline(diary, **wanted), key, 0
        shown = self._timeline
        self.number = max(1, min(self.number, shown.pages))
        if self.number != self._open:
            self.page.value = str(shown.page(self.number))
            self._open = self.number
        self._pager(shown)
        self._list(shown)
        self._show()

    def _wanted(self) -> dict[str, Any]:
        """Return the filters as ``kit.timeline`` takes them."""
        text = self.text.value.strip()
        return {
            "day": self.day.value,
            "place": meant(PLACES, self.place.value) or None,
            "role": meant(ROLES, self.role.value) or None,
            "text": text or None,
        }

    def _pager(self, timeline: Timeline) -> None:
        self.where.value = render(
            "desk/where.html", number=self.number, pages=timeline.pages, entries=len(timeline)
        )
        for name, button in self.steps.items():
            last = timeline.pages
            button.disabled = self.number == (1 if name in ("first", "previous") else last)
            show(button, last > 1)

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
            trace = nested(trace_html(diary.trace(chosen)))
            self.viewed.value = render("desk/trace.html", trace=trace)

    # --- what people do --------------------------------------------------------------------------

    def _filter(self) -> None:
        self.number = 1

    def _clear(self) -> None:
        self.day.value = None
        self.place.value = self.role.value = self.text.value = ""
        self.number = 1

    def _step(self, name: str) -> None:
        last = self._timeline.pages if self._timeline else 1
        to = {"first": 1, "previous": self.number - 1, "next": self.number + 1, "last": last}
        self.number = to[name]

    def _choose(self) -> None:
        self.chosen, self.view = self.entry.value or "", ""

    def _look(self, name: str) -> None:
        self.view = "" if self.view == name else name

    def _witness(self) -> str:
        by = self.room.account(self.who.value)
        self.room.diary.witness(self.chosen, by=by, note=self.note.value)
        self._drafts.clear()
        return "已见证，待上链。 Witnessed; it is in the next batch."

    def _to_review(self) -> None:
        self._review(self.chosen)


def _label(row: dict[str, Any]) -> str:
    """Return an entry as an option. A withdrawn or suspended one has no text."""
    text = row["text"] if isinstance(row["text"], str) else "—"
    place = row["place"] if isinstance(row["place"], str) else "—"
    return f"No. {row['seq']} · {line(place, 12)} · {line(text)}"
