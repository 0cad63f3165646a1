"""How the kit's objects show themselves in a notebook: everything they are given is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

__all__ = ["html_table"]


def html_table(rows: Mapping[str, Any]) -> str:
    """Return a two-column HTML table; whatever it is given is escaped."""
    cells = "".join(
        f"<tr><th style='text-align:left'>{escape(str(name))}</th>"
        f"<td style='text-align:left'><code>{escape(str(value))}</code></td></tr>"
        for name, value in rows.items()
    )
    return f"<table>{cells}</table>"
