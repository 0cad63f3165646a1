"""How far something was shown: steps, each with its outcome, and the level that they reach.

``kit.verify`` returns a Verdict; an audit, an export that is read and a report have steps, too, and
the same words for them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Final

from kit.arguments import checked

__all__ = [
    "CLAIMED",
    "FAILED",
    "MARKS",
    "PASSED",
    "SKIPPED",
    "STEP_NAMES",
    "Step",
    "Verdict",
    "level_of",
    "nothing_failed",
]

_WORDS: Final = json.loads(files("kit.core").joinpath("words.json").read_text("utf-8"))

#: The outcomes of a step; a skipped one could not be taken.
PASSED, FAILED, SKIPPED = _WORDS["outcomes"]
#: A mark for each.
MARKS: Final = MappingProxyType({PASSED: "✓", FAILED: "✗", SKIPPED: "–"})

#: The steps of ``verify``, in order; the verify page shows the same.
STEP_NAMES: Final[tuple[str, ...]] = tuple(step["en"] for step in _WORDS["steps"])

#: The fields of a certificate that only a chain can confirm. Until one did, they are claims.
CLAIMED: Final[tuple[str, ...]] = tuple(_WORDS["claimed"])


@dataclass(frozen=True)
class Step:
    """One step: its number, its name, its outcome (passed, failed or skipped) and why.

    >>> print(Step(1, "format", PASSED, "as it should be"))
    1 ✓ passed  format: as it should be
    """

    number: int
    name: str
    outcome: str
    reason: str

    def __str__(self) -> str:
        mark = MARKS[self.outcome]
        return f"{self.number} {mark} {self.outcome:8}{self.name}: {self.reason}"


@checked("steps")
def nothing_failed(steps: Iterable[Step]) -> bool:
    """Return whether no step failed. A skipped step shows nothing, neither way."""
    return all(step.outcome != FAILED for step in steps)


@checked("steps")
def level_of(steps: Iterable[Step], reached: str) -> str:
    """Return the level that steps reach: ``reached``, unless one of them failed.

    >>> level_of([Step(1, "format", PASSED, ""), Step(2, "content", FAILED, "")], "consistent in itself")
    'not proved: failed at step 2'
    """
    failed = [str(step.number) for step in steps if step.outcome == FAILED]
    return f"not proved: failed at step {', '.join(failed)}" if failed else reached


@dataclass(frozen=True)
class Verdict:
    """What was found about one thing, by its ``id``: all steps, and the level that they reach.

    ``claimed`` are the fields of a certificate that only a chain can confirm, and that none has.
    """

    id: str
    steps: tuple[Step, ...]
    level: str
    claimed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether no step failed. A skipped step shows nothing, neither way."""
        return nothing_failed(self.steps)

    @checked("number")
    def outcome(self, number: int) -> str:
        """Return "passed", "failed" or "skipped" for a step by its number, from 1."""
        return self.steps[number - 1].outcome

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as a JSON object."""
        steps = [dict(vars(step)) for step in self.steps]
        told = {"id": self.id, "ok": self.ok, "level": self.level, "steps": steps}
        return told | {"claimed": list(self.claimed)}

    def __repr__(self) -> str:
        return "\n".join([self.id, *map(str, self.steps), self.level])
