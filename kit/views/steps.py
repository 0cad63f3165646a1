"""Steps one by one, as a notebook shows them: what ``kit.verify`` and an audit found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kit.log.verification import FAILED, PASSED, SKIPPED
from kit.views.markup import BLUE, GREY, RED, render

if TYPE_CHECKING:
    from kit.audit import Audit
    from kit.log import Result

__all__ = ["audit_html", "result_html"]

#: The sign and the colour of an outcome; the word stands beside them.
_LOOKS: Final = {PASSED: ("✓", BLUE), FAILED: ("✗", RED), SKIPPED: ("–", GREY)}


def result_html(result: Result) -> str:
    """Return what ``kit.verify`` found: the nine steps, and the level."""
    return render("verify.html", result=result, looks=_LOOKS)


def audit_html(audit: Audit) -> str:
    """Return what an audit found: its steps, faults and notes, the head-count, and the level."""
    return render("audit.html", audit=audit, looks=_LOOKS)
