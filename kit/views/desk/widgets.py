"""The widgets that the desk is made of: fields with labels, buttons, lists, answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import ipywidgets as widgets

from kit.views.markup import render

__all__ = ["Drafts", "Message", "action", "choose_from", "field", "heading", "note", "row", "show"]


def heading(zh: str, en: str) -> Any:
    """Return a section's heading."""
    return widgets.HTML(render("desk/heading.html", zh=zh, en=en))


def note(text: str) -> Any:
    """Return a line in small letters."""
    return widgets.HTML(render("desk/note.html", text=text))


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
        self.widget.value = render("desk/done.html", text=text)

    def failed(self, title: str, text: str) -> None:
        """Say what went wrong. ``text`` is plain text."""
        self.widget.value = render("desk/failed.html", title=title, text=text)
