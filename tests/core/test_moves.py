"""The rules of the platform, move by move, against a table written down here by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest

from kit.core import MOVES, PUBLIC, WHO, EntryState, diagram
from kit.core import record as records
from kit.errors import NotAllowed, RecordError

#: What the platform promises: from, move, to. Withdrawing is below: it may come at any time.
EDGES = {
    ("waiting", "approve", "approved"),
    ("waiting", "reject", "rejected"),
    ("approved", "publish", "published"),
    ("rejected", "appeal", "rejection appealed"),
    ("rejection appealed", "approve", "approved"),
    ("rejection appealed", "reject", "rejected"),
    ("published", "witness", "published"),
    ("published", "suspend", "suspended"),
    ("suspended", "appeal", "suspension appealed"),
    ("suspended", "reinstate", "reinstated"),
    ("suspension appealed", "suspend", "suspended"),
    ("suspension appealed", "reinstate", "reinstated"),
    ("reinstated", "witness", "reinstated"),
    ("reinstated", "suspend", "suspended"),
    ("withdrawn", "erase", "erased"),
}
BEFORE_WITHDRAWAL = {
    *("waiting", "approved", "rejected", "rejection appealed", "published", "suspended"),
    *("suspension appealed", "reinstated"),
}
ALL_EDGES = EDGES | {(state, "withdraw", "withdrawn") for state in BEFORE_WITHDRAWAL}


def edges() -> Iterator[tuple[str, str, str]]:
    for state, moves in MOVES.items():
        for move, target in moves.items():
            yield state, move, target


def test_the_moves_are_these() -> None:
    assert set(edges()) == ALL_EDGES
    assert set(MOVES) == BEFORE_WITHDRAWAL | {"withdrawn", "erased"}
    assert MOVES["erased"] == {}
    assert set(WHO) == {move for _, move, _ in ALL_EDGES}
    assert {"published", "reinstated"} == PUBLIC
    assert set(records.DECISIONS) == {"approve", "reject", "suspend", "reinstate"}


def test_nobody_can_change_the_rules_while_they_run() -> None:
    for mapping in (MOVES, MOVES["waiting"], MOVES["withdrawn"], WHO):
        with pytest.raises(TypeError):
            mapping["waiting"] = "published"  # type: ignore[index]


PEOPLE = ("author", "witness", "first moderator", "second moderator", "stranger")
PERSONAL = ("approve", "reject", "suspend", "reinstate", "appeal", "witness", "withdraw")


@pytest.mark.parametrize("appealed", [False, True])
@pytest.mark.parametrize("state", MOVES)
def test_who_may_what_in_each_state(state: str, appealed: bool) -> None:
    """Every person, every move, with and without the role: allowed exactly where it is promised."""
    case = EntryState("author", state, "first moderator", appealed, frozenset({"witness"}))
    for move, who, moderator in product(PERSONAL, PEOPLE, (False, True)):
        possible = any((a, m) == (state, move) for a, m, _ in ALL_EDGES)
        allowed = possible and {
            "appeal": who == "author" and not appealed,
            "withdraw": who == "author",
            "witness": who not in ("author", "witness"),
        }.get(
            move,
            moderator
            and who != "author"
            and not (state.endswith("appealed") and who == "first moderator"),
        )
        if allowed:
            case.check(move, who, moderator=moderator)
            target = next(t for a, m, t in ALL_EDGES if (a, m) == (state, move))
            assert case.after(move, who).state == target
        else:
            with pytest.raises((NotAllowed, RecordError)):
                case.check(move, who, moderator=moderator)


def test_what_a_case_remembers() -> None:
    case = EntryState("a").after("reject", "m").after("appeal", "a")
    assert (case.decided_by, case.appealed) == ("m", True)
    case = case.after("approve", "n").after("publish", "").after("witness", "w")
    assert (case.decided_by, case.appealed, case.witnesses) == ("n", True, {"w"})
    assert case.after("witness", "x").witnesses == {"w", "x"}
    assert case.after("suspend", "o").decided_by == "o"


def test_a_case_from_its_moves() -> None:
    decided = [("reject", "m"), ("appeal", "a"), ("approve", "n")]

    def state(moves: list[tuple[str, str]], published: bool = False, purged: bool = False) -> str:
        return EntryState.of("a", moves, published=published, purged=purged).state

    assert state([]) == "waiting"
    assert state(decided) == "approved"
    assert state(decided, published=True) == "published"
    assert state([*decided, ("witness", "w"), ("suspend", "m")], published=True) == "suspended"
    for published in (False, True):
        gone = [*decided, ("withdraw", "a")]
        assert state(gone, published) == "withdrawn"
        assert state(gone, published, purged=True) == "erased"
    assert state([("withdraw", "a")], purged=True) == "erased"
    # A mark without a withdrawal erases nothing.
    assert state(decided, published=True, purged=True) == "published"


@pytest.mark.parametrize(
    ("moves", "published"),
    [
        (["suspend"], False),
        (["approve", "suspend"], False),  # in no batch yet
        (["approve", "approve"], True),
        (["reject", "approve"], False),  # nobody appealed
        (["withdraw", "approve"], False),
        (["nonsense"], False),
        (["erase"], False),
    ],
)
def test_an_order_that_cant_be(moves: list[str], published: bool) -> None:
    with pytest.raises(RecordError, match="changed by other means"):
        EntryState.of("a", [(move, "m") for move in moves], published=published, purged=False)


def test_refusals_say_what_can_follow() -> None:
    with pytest.raises(RecordError, match=r"one that is erased. What can follow here: nothing\."):
        EntryState("a", "erased").check("witness", "w")
    with pytest.raises(RecordError, match=r"What can follow here: approve, reject, withdraw\."):
        EntryState("a").check("witness", "w")
    with pytest.raises(RecordError, match="suspension appealed or reinstated, to suspend it, got"):
        EntryState("a").check("suspend", "m", moderator=True)


def test_the_diagram_draws_every_move_once() -> None:
    drawn = diagram().splitlines()
    assert drawn[0] == "stateDiagram-v2"
    arrows = [re.fullmatch(r"    (\S+) --> (\S+): (\w+) \((.+)\)", line) for line in drawn]
    found = [arrow.groups() for arrow in arrows if arrow and arrow[1] != "[*]"]
    expected = {(a.replace(" ", "_"), b.replace(" ", "_"), m, WHO[m]) for a, m, b in EDGES}
    withdrawn = ("waiting", "withdrawn", "withdraw", "the author, from any state")
    assert set(found) == expected | {withdrawn}
    assert len(found) == len(set(found))
    # A name with a blank in it stands in quotes, and only its short form in arrows.
    assert '    state "rejection appealed" as rejection_appealed' in drawn


def test_who_is_not_said_to_be_a_moderator_is_none() -> None:
    for move in ("approve", "reject"):
        with pytest.raises(NotAllowed, match="a moderator of this log"):
            EntryState("a").check(move, "m")
        EntryState("a").check(move, "m", moderator=True)
