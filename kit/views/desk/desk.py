"""The platform as a desk to click, in JupyterLab and Notebook: write, review, timeline.

Three people sit at it: who writes, who reviews, who reads. All that it does, it does with the methods
of ``Diary``; what is allowed stands in ``kit.core.rules``. Made by ``kit.desk``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import ipywidgets as widgets
from eth_account.signers.base import BaseAccount

from kit import people as lesson
from kit.arguments import checked
from kit.views.desk.review_tab import Reviewing
from kit.views.desk.session import Room
from kit.views.desk.timeline_tab import Reading
from kit.views.desk.write_tab import Writing
from kit.views.markup import render

if TYPE_CHECKING:
    from kit.diary import Diary

__all__ = ["Desk", "desk"]

_TITLES: Final = ["写 Write", "审核 Review", "时间线 Timeline"]


@checked("diary", "people")
def desk(diary: Diary, people: Iterable[BaseAccount] = ()) -> Desk:
    """Return a diary as a desk to click: write, review, timeline; the last line of a cell.

    The lessons' people sit at it, and ``people``, whose keys sign what they do. Where the chain takes
    no lesson keys, only the latter. Raises NotAllowed for what is no account, and for a lesson key
    there; NodeDown.
    """
    return Desk(diary, people)


class Desk:
    """A diary's desk with three tabs; shows itself as the last line of a cell."""

    def __init__(self, diary: Diary, people: Iterable[BaseAccount] = ()) -> None:
        self.room = Room(diary, (*_lesson_people(diary), *people))
        writers = [x for x in self.room.people if x != lesson.moderator.address]
        self.writing = Writing(self.room, writers)
        self.reviewing = Reviewing(self.room)
        self.reading = Reading(self.room, writers, self._review)
        self.masthead = widgets.HTML()
        boxes = [self.writing.box, self.reviewing.box, self.reading.box]
        self.tabs = widgets.Tab(boxes, titles=_TITLES)
        self.box = widgets.VBox(
            [
                widgets.HTML(render("desk/style.html")),
                _script(render("desk/shortcuts.js")),
                self.masthead,
                widgets.HTML(render("desk/nobody.html") if not self.room.people else ""),
                self.room.top.widget,
                self.tabs,
            ]
        )
        self.box.add_class("kit-desk")
        self.room.refresh = self._refresh
        self.tabs.observe(lambda _: self.refresh(), "selected_index")
        self.refresh()

    def refresh(self) -> None:
        """Bring the desk up to date with the diary, after something was done elsewhere."""
        self.room.act(self.room.top, lambda: None)

    def _refresh(self) -> None:
        counts = (
            ("链上记录 on the chain", self.room.diary.log.record_count()),
            ("待审核 to review", len(self.room.diary.waiting())),
            ("待上链 to publish", self.room.diary.ready_count()),
        )
        self.masthead.value = render("desk/masthead.html", counts=counts)
        # The others are brought up to date when somebody turns to them.
        (self.writing, self.reviewing, self.reading)[self.tabs.selected_index or 0].refresh()

    def _review(self, commitment: str) -> None:
        self.reviewing.open(commitment)
        self.tabs.selected_index = 1

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = self.box._repr_mimebundle_(**kwargs)
        return {**bundle, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"Desk of a {self.room.diary!r}; open the notebook in JupyterLab to use it"


def _lesson_people(diary: Diary) -> tuple[BaseAccount, ...]:
    """Return the lessons' people, or nobody where their keys may not sign."""
    if not diary.chain.takes_lesson_keys:
        return ()
    return (lesson.alice, lesson.bob, lesson.carol, lesson.moderator)


def _script(source: str) -> Any:
    """Return a widget that runs a script beside it, in front ends that run any."""
    output = widgets.Output(layout=widgets.Layout(height="0"))
    output.outputs = (
        {
            "output_type": "display_data",
            "data": {"application/javascript": source, "text/plain": ""},
            "metadata": {},
        },
    )
    return output
