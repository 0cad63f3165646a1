"""Nothing lost, nothing twice: histories by chance, and the worst ones that were met."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.history import History, Stage, stage
from tests.misbehaving import (
    Delay,
    Drip,
    DropFilters,
    DropTransaction,
    Duplicate,
    HoldTransaction,
    Lag,
    LoseAnswer,
    LoseQuestion,
    Malformed,
    RateLimit,
    Reorder,
)

#: Whether blocks that aren't final may be replaced.
REORGANISED = False

FAULTS: list[Callable[[], Any]] = [
    lambda: Lag(0.3),
    lambda: LoseAnswer(0.5),
    lambda: LoseAnswer(0.05, about=("eth_",)),
    lambda: LoseQuestion(0.05, about=("eth_",)),
    lambda: Delay(0.1, seconds=0.002),
    lambda: Duplicate(0.5),
    lambda: Reorder(),
    lambda: DropFilters(0.5),
    lambda: RateLimit(0.2),
    lambda: Malformed(0.05),
    lambda: Drip(0.05, seconds=0.0001),
    lambda: DropTransaction(0.5),
    lambda: HoldTransaction(0.5),
]
PROGRAM, PERSON = st.integers(0, 1), st.integers(0, 1)
ENTRY = st.integers(0, 5)
MOVES = st.sampled_from(["approve", "reject", "appeal", "witness", "withdraw", "suspend"])
FAULT = st.none() | st.sampled_from(FAULTS)


def moment(most: int) -> Any:
    """After how many dealings with the node and the file a program is killed, if it is."""
    return st.none() | st.integers(0, most)


class Histories(RuleBasedStateMachine):
    """Any steps in any order. A fault lasts until all is calm again."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        super().__init__()
        folder.mkdir()
        self.history = History(stage, folder)

    @rule(at=PROGRAM, author=PERSON, approved=st.booleans(), dies=moment(24))
    def post(self, at: int, author: int, approved: bool, dies: int | None) -> None:
        self.history.kill(dies, lambda: self.history.post(at, author, approved=approved))

    @rule(entry=ENTRY, move=MOVES, by=PERSON, dies=moment(24))
    def move(self, entry: int, move: str, by: int, dies: int | None) -> None:
        self.history.kill(dies, lambda: self.history.move(entry, move, by))

    @rule(at=PROGRAM, fault=FAULT, dies=moment(64))
    def publish(self, at: int, fault: Callable[[], Any] | None, dies: int | None) -> None:
        """Post an entry, and publish it."""
        self.history.post(at)
        if fault:
            self.history.fault(fault())
        self.history.kill(dies, lambda: self.history.publish(at))

    @rule(at=PROGRAM, dies=moment(26))
    def restart(self, at: int, dies: int | None) -> None:
        self.history.kill(dies, lambda: self.history.restart(at))

    @rule()
    def calm(self) -> None:
        self.history.calm()

    @rule(blocks=st.integers(1, 5))
    def mine(self, blocks: int) -> None:
        self.history.mine(blocks)

    if REORGANISED:

        @rule(kind=st.sampled_from(["drop", "move", "reorder"]), depth=st.integers(1, 4))
        def reorganise(self, kind: str, depth: int) -> None:
            self.history.reorganise(kind, depth)

        @rule()
        def resend(self) -> None:
            self.history.resend()

    def teardown(self) -> None:
        try:
            self.history.heal()
        finally:
            self.history.close()


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as set_up:
        yield set_up


OFTEN = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def run(stage: Stage, folder: Path, how: settings) -> None:
    """Run histories, and fail if they weren't worth anything: if something was never met in them."""
    numbers = itertools.count()
    stage.met.clear()
    run_state_machine_as_test(lambda: Histories(stage, folder / str(next(numbers))), settings=how)
    print(dict(sorted(stage.met.items())))


def test_histories(on_stage: Stage, tmp_path: Path) -> None:
    run(on_stage, tmp_path, OFTEN)
