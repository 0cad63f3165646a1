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
    "CONSISTENT",
    "DOES_NOT_APPLY",
    "FAILED",
    "FINAL",
    "INCLUDED",
    "LEVELS",
    "MARKS",
    "NAMED_BLOCK",
    "NOT_ASKED",
    "NO_CERTIFICATE",
    "PASSED",
    "STEP_NAMES",
    "UNANSWERED",
    "Step",
    "Verdict",
    "bilingual",
    "is_proved",
    "is_shown",
    "level_of",
    "said",
]

_WORDS: Final = json.loads(files("kit.core").joinpath("words.json").read_text("utf-8"))

#: The outcomes of a step. It may be false or true; or be asked and have no answer; or not be asked; or
#: there is nothing to ask.
PASSED, FAILED, UNANSWERED, NOT_ASKED, DOES_NOT_APPLY = map(str, _WORDS["outcomes"])
#: A mark for each.
MARKS: Final = MappingProxyType(
    {PASSED: "✓", FAILED: "✗", UNANSWERED: "?", NOT_ASKED: "–", DOES_NOT_APPLY: "·"}
)

#: The levels of a result, from the lowest; two of them are outcomes of a step, too. No other words are
#: used for how far something was shown. *Consistent*: it fits together, and no chain was asked.
#: *Included*: its root is in the log that was named, in a block that may still be replaced, or in the
#: block that was named. *Final*: in one that counts as final on its chain.
LEVELS: Final[tuple[str, ...]] = tuple(_WORDS["levels"])
CONSISTENT: Final[str] = LEVELS[2]
INCLUDED: Final[str] = LEVELS[3]
FINAL: Final[str] = LEVELS[4]
#: The steps of ``verify``, in order; the verify page shows the same.
STEP_NAMES: Final[tuple[str, ...]] = tuple(step["en"] for step in _WORDS["steps"])

#: The fields of a certificate that only a chain can confirm. Until one did, they are claims.
CLAIMED: Final[tuple[str, ...]] = tuple(_WORDS["claimed"])

#: Said of a block that was named by its hash: whether it is replaced, whoever named it knows.
NAMED_BLOCK: Final = "which you named"

#: The ``id`` of a verdict on what is no certificate.
NO_CERTIFICATE: Final = "no certificate"


@dataclass(frozen=True)
class Step:
    """One step: its number, its name, its outcome (a key of ``MARKS``) and why.

    >>> print(Step(1, "format", PASSED, "as it should be"))
    1 ✓ passed     format: as it should be
    """

    number: int
    name: str
    outcome: str
    reason: str

    def __str__(self) -> str:
        mark = MARKS[self.outcome]
        return f"{self.number} {mark} {self.outcome:9}  {self.name}: {self.reason}"


@checked("word")
def bilingual(word: str) -> str:
    """Return an outcome, a level, or where a batch stands, in Chinese and English; another word as it is.

    >>> bilingual("final"), bilingual("courier")
    ('已上链，已定 final', 'courier')
    """
    known = _WORDS["outcomes"] | _WORDS["levels"] | _WORDS["standing"]
    return f"{known[word]['zh']} {known[word]['en']}" if word in known else word


@checked("level")
def is_shown(level: str) -> bool:
    """Return whether all that was asked was shown: nothing was false, and nothing without an answer.

    >>> list(filter(is_shown, LEVELS))
    ['consistent', 'included', 'final']
    """
    return level not in (FAILED, UNANSWERED)


@checked("level")
def is_proved(level: str) -> bool:
    """Return whether the log that was named holds it: "proved" is said of *included* and *final* only."""
    return level in (INCLUDED, FINAL)


@checked("steps", "reached")
def level_of(steps: Iterable[Step], reached: str) -> str:
    """Return the level of steps: ``reached``, unless one of them failed or has no answer.

    >>> level_of([Step(1, "format", PASSED, ""), Step(2, "content", FAILED, "")], CONSISTENT)
    'failed'
    """
    outcomes = {step.outcome for step in steps}
    return next((worst for worst in (FAILED, UNANSWERED) if worst in outcomes), reached)


@checked("level", "steps", "place")
def said(level: str, steps: Iterable[Step], place: str) -> str:
    """Return a level in words: which steps led to it, or where it holds; and what was not asked.

    >>> said(FINAL, [Step(8, "a moderator approved it", NOT_ASKED, "")], "in block 3 of the log 0x…")
    'final in block 3 of the log 0x…; not asked: 8 a moderator approved it'
    """
    steps = list(steps)
    if not is_shown(level):
        return f"{level} at step {', '.join(str(x.number) for x in steps if x.outcome == level)}"
    first = f"{level} {place if level != CONSISTENT else 'in itself'}"
    may_change = level == INCLUDED and NAMED_BLOCK not in place
    first += ", which may still be replaced" if may_change else ""
    unasked = [f"{step.number} {step.name}" for step in steps if step.outcome == NOT_ASKED]
    return f"{first}; not asked: {', '.join(unasked)}" if unasked else first


@dataclass(frozen=True)
class Verdict:
    """What was found about one thing, by its ``id``: all steps, and the level that they reach.

    ``level`` is one of ``LEVELS``; ``place`` says where an included or final one stands: its block,
    and the log that was named. ``claimed`` are the fields of a certificate that only a chain can
    confirm, and that none has.
    """

    id: str
    steps: tuple[Step, ...]
    level: str
    place: str = ""
    claimed: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that was asked was shown. What was not asked shows nothing, neither way."""
        return is_shown(self.level)

    @property
    def said(self) -> str:
        """The level in words, with its place and with what was not asked."""
        if self.id == NO_CERTIFICATE:
            return f"{self.level}: not a certificate"
        return said(self.level, self.steps, self.place)

    @checked("number")
    def outcome(self, number: int) -> str:
        """Return the outcome of a step by its number, from 1."""
        return self.steps[number - 1].outcome

    def to_json(self) -> dict[str, Any]:
        """Return the verdict as a JSON object."""
        steps = [dict(vars(step)) for step in self.steps]
        told = {"id": self.id, "ok": self.ok, "level": self.level, "place": self.place}
        return told | {"steps": steps, "claimed": list(self.claimed)}

    def __repr__(self) -> str:
        return "\n".join([self.id, *map(str, self.steps), self.said])
