"""Where HTML comes from: the templates beside this file, filled in with autoescape on.

A template is laid out for its reader. A line break between words stands for a space; beside a tag or
a brace it is dropped, with its indentation, so that what is shown has no space that nobody meant.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

__all__ = ["BLUE", "GREY", "INK", "RED", "nested", "render"]

#: Inks: near black and grey, and the blue and the red of the plots, dark enough for text.
INK, GREY, BLUE, RED = "#1a1a1a", "#595959", "#0072B2", "#B34700"

_BESIDE: Final = re.compile(r"(?<=[<>{}])\s*\n\s*|\s*\n\s*(?=[<>{}])")
_BREAK: Final = re.compile(r"\s*\n\s*")


class _Layout(Extension):
    """Takes the line breaks out of templates of HTML; style sheets and scripts stay as they are."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        if name is None or not name.endswith((".html", ".svg")):
            return source
        return _BREAK.sub(" ", _BESIDE.sub("", source.strip()))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kit.views"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[_Layout],
        keep_trailing_newline=True,
    )
    environment.globals |= {"ink": INK, "grey": GREY, "blue": BLUE, "red": RED}
    return environment


def render(template: str, **values: object) -> str:
    """Return a template of ``kit/views/templates``, filled in; each value is escaped.

    A value that the template names and that isn't given raises jinja2.UndefinedError.

    >>> render("desk/note.html", text="<b>5 & 6</b>")
    "<p class='kit-note'>&lt;b&gt;5 &amp; 6&lt;/b&gt;</p>"
    """
    return _environment().get_template(template).render(**values)


def nested(html: str) -> Markup:
    """Return what ``render`` made as a value for another template, which leaves it as it is.

    >>> render("desk/note.html", text=nested(render("desk/note.html", text="<b>")))
    "<p class='kit-note'><p class='kit-note'>&lt;b&gt;</p></p>"
    """
    return Markup(html)  # noqa: S704
