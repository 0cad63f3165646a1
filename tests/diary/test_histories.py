"""Nothing lost, nothing twice: histories by chance, and the worst ones that were met."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.history import FINALITY, History, Stage, stage
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
    Rule,
    Stale,
)

FAULTS: list[Callable[[], Rule]] = [
    lambda: Lag(0.3),
    lambda: Stale(0.3),
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
#: What every run must have met: reorganisations, and the moments of kills.
KINDS = tuple(f"{kind} of transactions" for kind in ("drop", "move", "reorder"))
MOMENTS = ("nothing planned", "planned, not sent", "landed, not noted")
PROGRAM, PERSON = st.integers(0, 1), st.integers(0, 1)
ENTRY = st.integers(0, 5)
MOVES = st.sampled_from(["approve", "reject", "appeal", "witness", "withdraw", "suspend"])
FAULT = st.sampled_from(FAULTS)
STEPS = st.sampled_from(["publish", "publish", "post", "restart", "exchange"])
ON_CHAIN = st.sampled_from(["mine", "drop", "move", "reorder", "resend", "stranger"])
#: After how many dealings with the node and its file a program is killed: in one step of three.
MOMENT = st.sampled_from([False, False, True]).flatmap(
    lambda dies: st.integers(0, 99) if dies else st.none()
)


class Histories(RuleBasedStateMachine):
    """Any steps in any order."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        super().__init__()
        folder.mkdir()
        self.history = History(stage, folder)

    @rule(at=PROGRAM, step=STEPS, fault=st.none() | FAULT, dies=MOMENT)
    def work(self, at: int, step: str, fault: Callable[[], Rule] | None, dies: int | None) -> None:
        """Post, publish or open the archive again, while the node has a fault."""
        if step == "publish":
            self.history.post(at)
        with self.history.briefly(fault):
            self.history.kill(dies, lambda: getattr(self.history, step)(at))

    @rule(entry=ENTRY, move=MOVES, by=PERSON, dies=MOMENT)
    def move(self, entry: int, move: str, by: int, dies: int | None) -> None:
        self.history.kill(dies, lambda: self.history.move(entry, move, by))

    @rule(kind=ON_CHAIN, blocks=st.integers(1, FINALITY))
    def chain(self, kind: str, blocks: int) -> None:
        if kind == "mine":
            self.history.mine(blocks)
        elif kind in ("resend", "stranger"):
            getattr(self.history, kind)()
        else:
            self.history.reorganise(kind, blocks)

    @rule(fault=st.none() | FAULT)
    def node(self, fault: Callable[[], Rule] | None) -> None:
        """Begin a fault that stays, or end all of them."""
        if fault:
            self.history.fault(fault())
        else:
            self.history.calm()

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
    max_examples=22,
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
    assert stage.met["histories"] >= how.max_examples
    for what in ("records", "batches at the end", *KINDS, *(f"killed, {x}" for x in MOMENTS)):
        assert stage.met[what] >= how.max_examples / 30, what


def test_histories(on_stage: Stage, tmp_path: Path) -> None:
    run(on_stage, tmp_path, OFTEN)


@pytest.mark.slow("three hundred histories")
def test_three_hundred_histories(on_stage: Stage, tmp_path: Path) -> None:
    run(on_stage, tmp_path, settings(OFTEN, max_examples=300))


# --- the worst ones ------------------------------------------------------------------------------


@pytest.fixture
def history(on_stage: Stage, tmp_path: Path) -> Iterator[History]:
    with closing(History(on_stage, tmp_path)) as history:
        yield history


def test_what_may_be_taken_back_is_not_taken_from_an_export(history: History) -> None:
    """Both had sent it again, and the one whose number was taken had given it another."""
    for _ in range(3):
        history.post(1)
        history.publish(1)
    history.exchange(0)
    history.reorganise("drop", 3)
    history.heal()


def test_nor_where_a_stranger_is_faster(history: History) -> None:
    history.post(1)
    history.publish(1)
    history.exchange(0)
    history.reorganise("drop", 1)
    history.stranger()
    history.heal()


def test_a_batch_whose_nonce_comes_too_early_gets_another(history: History) -> None:
    """Those before it lost their numbers to the other registrar: nobody sends their nonces again."""
    for _ in range(3):
        history.post(1)
        history.publish(1)
    history.reorganise("drop", 3)
    for _ in range(2):
        history.post(0)
        history.publish(0)
    history.heal()


@pytest.mark.parametrize("dies", [27, 63, 81, 99, 117])
def test_taking_from_an_export_goes_on_after_a_kill(dies: int, history: History) -> None:
    """It had found no batch missing, and left the records out."""
    history.post(1)
    history.publish(1)
    history.mine(FINALITY)
    folder = history.export(1)
    assert folder
    history.kill(dies, lambda: history.learn(0, folder))
    history.learn(0, folder)
    history.heal()
    assert history.programs[0].diary().records()["proved"].all()
