"""How the kit's objects show themselves in a notebook: one table of types and what draws them.

The types themselves know nothing of it. Nothing is loaded before the first object is shown.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import Any, Final

from kit.errors import DataError

__all__ = ["SHOWN", "html", "register"]

#: For each type, by its module and name, the function that returns it as HTML.
SHOWN: Final = {
    "kit.audit.auditor:Audit": "kit.views.steps:audit_html",
    "kit.chain.base:Chain": "kit.views.tables:chain_html",
    "kit.chain.base:Receipt": "kit.views.tables:receipt_html",
    "kit.chain.solidity:Artifact": "kit.views.tables:artifact_html",
    "kit.core.certificate:Certificate": "kit.views.card:card_html",
    "kit.core.merkle:Batch": "kit.views.tables:batch_html",
    "kit.core.record:SignedRecord": "kit.views.tables:record_html",
    "kit.core.verdict:Verdict": "kit.views.steps:verdict_html",
    "kit.diary.diary:Diary": "kit.views.tables:diary_html",
    "kit.diary.trace:Trace": "kit.views.trace:trace_html",
    "kit.log.contract:Log": "kit.views.tables:log_html",
    "kit.views.timeline:Page": "kit.views.timeline:Page.__str__",
    "kit.views.timeline:Timeline": "kit.views.timeline:Timeline.page",
}


def html(value: Any) -> str:
    """Return what a notebook shows of a value of the kit, as HTML.

    Raises DataError for a value that has no such form; ``repr(value)`` is there for all.
    """
    for kind in type(value).__mro__:
        found = SHOWN.get(f"{kind.__module__}:{kind.__name__}")
        if found:
            shown: str = resolve_name(found)(value)
            return shown
    some = "one of the kit's values that a notebook shows, such as a certificate or a batch"
    raise DataError(some, f"a value of type {type(value).__name__}", "Use repr(value).")


def register(shell: Any) -> None:
    """Tell an IPython shell how to show the kit's types, and those made from them."""
    formatter = shell.display_formatter.formatters["text/html"]
    for kind in SHOWN:
        formatter.for_type_by_name(*kind.split(":"), html)
