"""Steps one by one, as a notebook shows them: what ``kit.verify`` and an audit found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kit.core import FAILED, MARKS, PASSED
from kit.views.markup import BLUE, GREY, RED, render

if TYPE_CHECKING:
    from kit.audit import Audit
    from kit.core import Verdict

__all__ = ["audit_html", "verdict_html"]

#: The ground of an outcome, for its mark and its word in white.
_GROUNDS: Final = dict.fromkeys(MARKS, GREY) | {PASSED: BLUE, FAILED: RED}


def verdict_html(verdict: Verdict) -> str:
    """Return what ``kit.verify`` found: the nine steps, and the level."""
    return render("verdict.html", verdict=verdict, marks=MARKS, grounds=_GROUNDS)


def audit_html(audit: Audit) -> str:
    """Return what an audit found: its steps, faults and notes, the head-count, and the level."""
    return render("audit.html", audit=audit, marks=MARKS, grounds=_GROUNDS)
