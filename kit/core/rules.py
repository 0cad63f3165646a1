"""What may happen to an entry: its states, the moves between them, and who may make each.

This is the one place where the platform's rules stand. Every move is a signed record, but two:
``publish`` is the batch that takes the entry into the log, and ``erase`` the end of its content.
``diagram`` draws the rules; ``docs/platform.md`` shows the drawing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from kit.arguments import checked
from kit.core.record import DECISIONS
from kit.errors import NotAllowed, RecordError

__all__ = ["MOVES", "PUBLIC", "WHO", "EntryState", "diagram"]

#: Who may make a move.
WHO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "approve": "a moderator",
        "reject": "a moderator",
        "suspend": "a moderator",
        "reinstate": "a moderator",
        "appeal": "the author, once",
        "witness": "anybody else, once",
        "withdraw": "the author",
        "publish": "the registrar",
        "erase": "the archive",
    }
)

_RULES: Final[Mapping[str, Mapping[str, str]]] = {
    "waiting": {"approve": "approved", "reject": "rejected"},
    "approved": {"publish": "published"},
    "rejected": {"appeal": "rejection appealed"},
    "rejection appealed": {"approve": "approved", "reject": "rejected"},
    "published": {"witness": "published", "suspend": "suspended"},
    "suspended": {"appeal": "suspension appealed", "reinstate": "reinstated"},
    "suspension appealed": {"suspend": "suspended", "reinstate": "reinstated"},
    "reinstated": {"witness": "reinstated", "suspend": "suspended"},
}

#: The moves out of each state, and the states they lead to. An author may withdraw at any time.
MOVES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {state: MappingProxyType({**moves, "withdraw": "withdrawn"}) for state, moves in _RULES.items()}
    | {"withdrawn": MappingProxyType({"erase": "erased"}), "erased": MappingProxyType({})}
)

#: The states in which everybody may read the entry.
PUBLIC: Final = frozenset({"published", "reinstated"})


@dataclass(frozen=True)
class EntryState:
    """An entry and what became of it so far, as far as the rules need it.

    ``decided_by`` is the moderator of the last decision; ``appealed`` whether the author has used
    the one appeal; ``witnesses`` are the addresses of those who witnessed it.

    >>> case = EntryState("alice").after("reject", "bob").after("appeal", "alice")
    >>> case.state
    'rejection appealed'
    >>> case.check("approve", "bob", moderator=True)
    Traceback (most recent call last):
    kit.errors.NotAllowed: Expected another moderator than the first, got bob. Ask a colleague to decide.
    """

    author: str
    state: str = "waiting"
    decided_by: str | None = None
    appealed: bool = False
    witnesses: frozenset[str] = frozenset()

    @classmethod
    @checked("moves", "published", "purged")
    def of(
        cls, author: str, moves: Iterable[tuple[str, str]], *, published: bool, purged: bool
    ) -> EntryState:
        """Return the case of an entry whose moves (each with its maker) were made in this order.

        ``published`` says that the entry is in the log, ``purged`` that no trace of it is left in
        the archive. Raises RecordError if the rules don't know such an order.
        """
        case = cls(author)
        for move, by in moves:
            if published and case.state == "approved":
                case = case.after("publish", "")
            case = case.after(move, by)
        if published and case.state == "approved":
            case = case.after("publish", "")
        return case.after("erase", "") if purged and case.state == "withdrawn" else case

    @checked("move", "by", "moderator")
    def check(self, move: str, by: str, *, moderator: bool = False) -> None:
        """Raise unless ``by`` (an address) may make this move now.

        ``moderator`` says whether the chain gives them that role. Raises NotAllowed if the person
        may not, RecordError if nobody may in this state.
        """
        if move in DECISIONS and not moderator:
            fix = "Ask the log's admin for MODERATOR_ROLE."
            raise NotAllowed("a moderator of this log", by, fix)
        if move in ("appeal", "withdraw") and by != self.author:
            raise NotAllowed(f"the author, {self.author}", by, f"Only the author may {move}.")
        if move not in MOVES[self.state]:
            states = " or ".join(state for state, moves in MOVES.items() if move in moves)
            fix = f"What can follow here: {', '.join(MOVES[self.state]) or 'nothing'}."
            raise RecordError(
                f"an entry that is {states}, to {move} it", f"one that is {self.state}", fix
            )
        if move in DECISIONS and by == self.author:
            fix = "Nobody decides about their own words: ask a colleague."
            raise NotAllowed("another moderator than the author", by, fix)
        if self.state.endswith("appealed") and move in DECISIONS and by == self.decided_by:
            fix = "Ask a colleague to decide."
            raise NotAllowed("another moderator than the first", by, fix)
        if move == "appeal" and self.appealed:
            raise RecordError("a first appeal", "a second", "The decision stands.")
        if move == "witness" and by == self.author:
            raise NotAllowed("somebody else than the author", by, "Ask others to witness it.")
        if move == "witness" and by in self.witnesses:
            raise RecordError("a first witness record", f"a second of {by}", "Once counts.")

    @checked("move")
    def after(self, move: str, by: str) -> EntryState:
        """Return the case after a move that was made. Raises RecordError if it can't have been."""
        if move not in MOVES[self.state]:
            fix = "The archive was changed by other means than the kit."
            raise RecordError(f"a move out of {self.state}", move, fix)
        case = replace(self, state=MOVES[self.state][move])
        if move in DECISIONS:
            return replace(case, decided_by=by)
        if move == "appeal":
            return replace(case, appealed=True)
        if move == "witness":
            return replace(case, witnesses=self.witnesses | {by})
        return case


def diagram() -> str:
    """Return the rules as a state diagram in Mermaid's language, which JupyterLab draws."""
    lines = ["stateDiagram-v2", "    direction LR", "    [*] --> waiting: post (anybody)"]
    for state, moves in MOVES.items():
        name = state.replace(" ", "_")
        if name != state:
            lines.append(f'    state "{state}" as {name}')
        for move, target in moves.items():
            if move != "withdraw":  # one arrow for all of them is enough
                lines.append(f"    {name} --> {target.replace(' ', '_')}: {move} ({WHO[move]})")
    lines.append("    waiting --> withdrawn: withdraw (the author, from any state)")
    lines.append("    erased --> [*]")
    return "\n".join(lines)
