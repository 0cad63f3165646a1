"""The platform against a model of its rules: random moves by random people, and every refusal.

The model knows nothing of ``kit.core.rules``. It keeps plain facts about each entry, in the words of the
rules: who decided last, whether an appeal is open, who witnessed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

import kit
import kit.core.rules
import kit.diary.diary
import kit.log.contract
from kit import people
from kit.core import MOVES, Attachment, SignedRecord
from kit.diary import Diary
from kit.diary.archive import Archive
from kit.errors import ArchiveError, NotAllowed, NothingWaiting, RecordError
from kit.log import MODERATOR_ROLE

ALICE, BOB, CAROL = people.alice, people.bob, people.carol
MODERATOR, REGISTRAR = people.moderator, people.registrar
SECOND = people.named("the second moderator")
WRITES = people.named("a moderator who writes entries")  # the role comes and goes
EVERYBODY = (ALICE, BOB, CAROL, MODERATOR, SECOND, WRITES, REGISTRAR)
AUTHORS = (ALICE, BOB, WRITES)
PICTURE = Attachment.of("a.png", b"\x89PNG\r\n\x1a\n one")


# --- the model -----------------------------------------------------------------------------------


@dataclass
class Entry:
    """What is known of one entry."""

    author: str
    at: int
    published: bool = False
    decisions: list[tuple[str, str]] = field(default_factory=list)  # what, and who
    appeal_is_open: bool = False
    appeal_was_used: bool = False
    witnesses: set[str] = field(default_factory=set)
    withdrawn: bool = False
    erased: bool = False

    @property
    def last(self) -> str:
        return self.decisions[-1][0] if self.decisions else ""

    def visible(self) -> bool:
        return self.published and self.last in ("approve", "reinstate") and not self.withdrawn

    def may(self, move: str, by: str, is_moderator: bool) -> bool:
        """Whether the platform promises that this person may do this now."""
        if self.withdrawn:
            return False
        if move == "withdraw":
            return by == self.author
        if move == "witness":  # anybody with a key, a published entry, once, and not one's own
            return self.visible() and by != self.author and by not in self.witnesses
        if move == "appeal":  # the author, once, against a rejection or a suspension
            against = self.last in ("reject", "suspend") and not self.appeal_is_open
            return by == self.author and against and not self.appeal_was_used
        if not is_moderator or by == self.author:
            return False
        if self.appeal_is_open:  # another than the first decides
            answers = {"reject": ("approve", "reject"), "suspend": ("suspend", "reinstate")}
            return move in answers[self.last] and by != self.decisions[-1][1]
        if not self.decisions:
            return move in ("approve", "reject")
        if self.visible():
            return move == "suspend"
        return self.last == "suspend" and move == "reinstate"

    def make(self, move: str, by: str) -> None:
        if move == "withdraw":
            self.withdrawn = self.erased = True
        elif move == "witness":
            self.witnesses.add(by)
        elif move == "appeal":
            self.appeal_is_open = self.appeal_was_used = True
        else:
            self.decisions.append((move, by))
            self.appeal_is_open = False

    @property
    def state(self) -> str:
        if self.withdrawn:
            return "erased" if self.erased else "withdrawn"
        if self.appeal_is_open:
            return "rejection appealed" if self.last == "reject" else "suspension appealed"
        if not self.decisions:
            return "waiting"
        if self.last == "approve":
            return "published" if self.published else "approved"
        return {"reject": "rejected", "suspend": "suspended", "reinstate": "reinstated"}[self.last]

    def goes_out(self) -> bool:
        """Whether the next batch takes it."""
        return self.last == "approve" and not self.published and not self.withdrawn


MOVES_OF_PEOPLE = ("approve", "reject", "suspend", "reinstate", "appeal", "witness", "withdraw")
OTHER = ("post", "publish", "bulletin", "role", "broken withdraw", "reopen")


class Walk:
    """A diary, its model, and one random move after another."""

    #: The moves that any walk has made: those that none has come first.
    seen: ClassVar[set[tuple[str, str]]] = set()

    def __init__(self, chain: Any, path: Path, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.chain, self.path = chain, path
        self.diary = Diary.open(
            chain, path, moderators=(MODERATOR.address, SECOND.address, WRITES.address)
        )
        self.moderators = {MODERATOR.address, SECOND.address, WRITES.address}
        self.entries: dict[str, Entry] = {}
        self.bulletins: list[SignedRecord] = []
        self.ready: list[tuple[int, int, str]] = []  # time, arrival, commitment: all but entries
        self.arrived: dict[str, int] = {}
        self.log: list[str] = []
        self.edges: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()

    def accepted(self, record: SignedRecord) -> None:
        self.arrived[record.commitment] = len(self.arrived) + 1
        at = int(record.record.at.timestamp())
        if record.record.type != "entry":
            self.ready.append((at, self.arrived[record.commitment], record.commitment))

    def next_batch(self) -> list[str]:
        out = [(e.at, self.arrived[c], c) for c, e in self.entries.items() if e.goes_out()]
        return [commitment for *_, commitment in sorted(self.ready + out)]

    def state(self) -> dict[str, Any]:
        """All that a refused move must leave as it was."""
        diary = self.diary
        return {
            "count": diary.archive.count(),
            "states": {c: diary.state(c) for c in self.entries},
            "witnesses": {c: diary.entry_state(c).witnesses for c in self.entries},
            "waiting": {x.commitment for x in diary.waiting()},
            "ready": [leaf.commitment for leaf in diary.archive.ready(0, 2000)],
            "published": diary.log.record_count(),
        }

    def expected(self) -> dict[str, Any]:
        asked = ("waiting", "rejection appealed", "suspension appealed")
        return {
            "count": len(self.arrived),
            "states": {c: e.state for c, e in self.entries.items()},
            "witnesses": {c: e.witnesses for c, e in self.entries.items()},
            "waiting": {c for c, e in self.entries.items() if e.state in asked},
            "ready": self.next_batch(),
            "published": len(self.log),
        }

    def step(self) -> None:
        kind = self.chance.choices((*MOVES_OF_PEOPLE, *OTHER), (*[8] * 7, 6, 8, 2, 2, 2, 1))[0]
        if kind in MOVES_OF_PEOPLE:
            self.move(kind)
        else:
            getattr(self, kind.replace(" ", "_"))()
        # All of it takes long: mostly what a forgotten refusal would change first.
        if self.chance.random() < 0.15:
            assert self.state() == self.expected(), kind
        assert self.diary.archive.count() == len(self.arrived), kind
        assert self.diary.archive.ready_count() == len(self.next_batch()), kind

    def move(self, move: str) -> None:
        """Half the time one that is allowed, if there is one; else any person and any entry."""
        all_of_them = [(c, by) for c in self.entries for by in EVERYBODY]
        allowed = [(c, by) for c, by in all_of_them if self.may(move, c, by)]
        if not all_of_them:
            return
        likely = 0.2 if move == "withdraw" else 0.5  # else nothing would be left to do
        wanted = allowed if self.chance.random() < likely else list(set(all_of_them) - set(allowed))
        name = move if wanted == allowed else f"no {move}"
        rare = [(c, by) for c, by in wanted if (self.entries[c].state, name) not in self.seen]
        some = sorted(rare or wanted or all_of_them, key=lambda x: (x[0], x[1].address))
        commitment, by = self.chance.choice(some)
        entry = self.entries[commitment]
        before = entry.state
        if self.may(move, commitment, by):
            self.accepted(self.do(move, commitment, by))
            entry.make(move, by.address)
            self.edges.add((before, move))
            self.seen.add((before, move))
            if move == "withdraw":
                self.edges.add(("withdrawn", "erase"))
                self.purged()
        else:
            with pytest.raises((NotAllowed, RecordError)):
                self.do(move, commitment, by)
            self.refused.add((before, move))
            self.seen.add((before, f"no {move}"))
        assert self.diary.state(commitment) == entry.state

    def may(self, move: str, commitment: str, by: Any) -> bool:
        return self.entries[commitment].may(move, by.address, by.address in self.moderators)

    def do(self, move: str, entry: str, by: Any) -> SignedRecord:
        diary = self.diary
        does: dict[str, Callable[[], SignedRecord]] = {
            "approve": lambda: diary.review(entry, by=by, approve=True),
            "reject": lambda: diary.review(entry, by=by, approve=False, reason_code="spam"),
            "suspend": lambda: diary.suspend(entry, by=by, reason="Let us look again."),
            "reinstate": lambda: diary.reinstate(entry, by=by),
            "appeal": lambda: diary.appeal(entry, "Please read it again.", by=by),
            "witness": lambda: diary.witness(entry, by=by, note="I saw it."),
            "withdraw": lambda: diary.withdraw(entry, by=by),
        }
        return does[move]()

    def post(self) -> None:
        author = self.chance.choice(AUTHORS)
        earlier = self.chain.now() - timedelta(minutes=self.chance.randrange(60))
        files = [PICTURE] if self.chance.random() < 0.3 else []
        entry = self.diary.post(author, "你好", place="泉州", attachments=files, at=earlier)
        self.accepted(entry)
        self.entries[entry.commitment] = Entry(author.address, int(earlier.timestamp()))

    def publish(self) -> None:
        expected = self.next_batch()
        if not expected:
            with pytest.raises(NothingWaiting):
                self.diary.publish()
            self.purged()
            return
        batch = self.diary.publish()
        assert (batch.first_seq, batch.count) == (len(self.log), len(expected))
        landed = [leaf.commitment for leaf, _ in self.diary.archive.leaves(len(self.log), 2000)]
        assert landed == expected
        self.log += expected
        self.ready.clear()
        for commitment, entry in self.entries.items():
            if commitment in expected:
                entry.published = True
                self.edges.add(("approved", "publish"))
        self.purged()

    def bulletin(self) -> None:
        by = self.chance.choice(EVERYBODY)
        corrects = self.chance.choice([None, *self.bulletins])
        told = {"figures": {"cases": len(self.arrived)}, "as_of": self.chain.now()}
        if by.address in self.moderators | {REGISTRAR.address}:
            made = self.diary.bulletin(by, "通报", corrects=corrects, **told)
            self.accepted(made)
            self.bulletins.append(made)
        else:
            with pytest.raises(NotAllowed):
                self.diary.bulletin(by, "通报", corrects=corrects, **told)
        if self.entries:  # an entry is no bulletin
            wrong = self.chance.choice(list(self.entries))
            with pytest.raises(RecordError):
                self.diary.bulletin(REGISTRAR, "通报", corrects=wrong, **told)

    def role(self) -> None:
        who = self.chance.choice((WRITES, SECOND))
        functions = self.diary.log.contract.functions
        if who.address in self.moderators:
            change = functions.revokeRole(MODERATOR_ROLE, who.address)
            self.moderators.remove(who.address)
        else:
            change = functions.grantRole(MODERATOR_ROLE, who.address)
            self.moderators.add(who.address)
        self.chain.send(change, by=REGISTRAR)

    def broken_withdraw(self) -> None:
        """The content goes, but not yet its traces: the file can't be written anew just now."""
        mine = [c for c, e in self.entries.items() if not e.withdrawn]
        if not mine:
            return
        commitment = self.chance.choice(mine)
        entry = self.entries[commitment]
        author = next(x for x in AUTHORS if x.address == entry.author)

        def broken(self: Archive) -> None:
            raise ArchiveError("to use it", "database is locked", "Wait.")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Archive, "purge", broken)
            with pytest.raises(ArchiveError):
                self.diary.withdraw(commitment, by=author)
        story = self.diary.stories([commitment])[commitment]
        (record,) = (x for x in story if x.type == "withdrawal")
        self.arrived[record.commitment] = len(self.arrived) + 1
        self.ready.append((record.at, record.arrived, record.commitment))
        self.edges.add((entry.state, "withdraw"))
        entry.make("withdraw", entry.author)
        entry.erased = False

    def reopen(self) -> None:
        self.diary.close()
        self.diary = Diary.open(self.chain, self.path)
        self.purged()

    def purged(self) -> None:
        """A publish, an open or another withdrawal erases what an earlier one left."""
        for entry in self.entries.values():
            entry.erased = entry.withdrawn


@pytest.fixture(scope="module")
def walks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Walk]]:
    """Random walks of 120 moves, each on a chain of its own: eth-tester is slow on a long one."""
    made = []
    for seed in range(20):
        walk = Walk(kit.chain.embedded(), tmp_path_factory.mktemp("walk") / "diary.sqlite", seed)
        made.append(walk)
        for _ in range(120):
            walk.step()
    yield made
    for walk in made:
        walk.diary.close()


def test_no_forbidden_move_succeeds_and_no_allowed_one_fails(walks: list[Walk]) -> None:
    """What each step found is asserted in ``Walk``; here, that the walks went everywhere."""
    edges = set().union(*(walk.edges for walk in walks))
    assert edges == {(state, move) for state, moves in MOVES.items() for move in moves}
    # Every person's move was refused in every state: by the state, or for the wrong person.
    refused = set().union(*(walk.refused for walk in walks))
    missing = {(s, m) for s in MOVES for m in MOVES_OF_PEOPLE} - refused
    assert not missing
    assert sum(len(walk.arrived) for walk in walks) > 400
    assert sum(len(walk.log) for walk in walks) > 300


def test_what_the_walks_left_is_proved(walks: list[Walk]) -> None:
    for walk in walks:
        table = walk.diary.records()
        assert list(table["commitment"]) == walk.log
        assert table["proved"].all()
        gone = set(table[table["check"] == "content erased"]["commitment"])
        held = set(table[table["check"] == "content held back"]["commitment"])
        assert set(table[table["check"] == "ok"]["commitment"]) == set(walk.log) - gone - held
        assert table.loc[~table["check"].eq("ok"), ["text", "place", "role"]].isna().all(axis=None)
        about = dict(zip(table["commitment"], table["subject"], strict=True))
        for row in table[table["type"].isin(["entry", "appeal"])].itertuples():
            entry = row.commitment if row.type == "entry" else about[row.subject]
            of = walk.entries[entry]
            assert (row.commitment in held) == (not of.visible() and not of.withdrawn), of.state
            assert (row.text is None or row.text != row.text) == (not of.visible()), of.state
        entries = {c for c, entry in walk.entries.items() if entry.withdrawn}
        appeals = set(table[table["type"] == "appeal"]["commitment"])
        assert gone & set(walk.entries) == entries & set(walk.log)
        assert gone <= entries | appeals
    checks = pd.concat([walk.diary.records()["check"] for walk in walks])
    assert (checks == "content erased").sum() > 20
    assert (checks == "content held back").sum() > 20


def test_verify_agrees_with_the_model(walks: list[Walk]) -> None:
    """Once all is published, step 9 and step 2 say what became of each entry; the rest passes."""
    found = set()
    for walk in walks[:12]:
        if walk.next_batch():
            walk.publish()
        leaves = walk.diary.leaves()
        for commitment, entry in walk.entries.items():
            if not entry.published:
                with pytest.raises(RecordError, match="a published record of this diary"):
                    walk.diary.certificate(commitment)
                continue
            result = kit.verify(walk.diary.certificate(commitment), walk.diary.log, leaves=leaves)
            failed = [step.number for step in result.steps if step.outcome == "failed"]
            skipped = [step.number for step in result.steps if step.outcome == "not asked"]
            assert failed == ([] if entry.visible() else [9]), entry.state
            assert skipped == ([] if entry.visible() else [2]), entry.state
            assert (result.steps[1].reason == "content erased") == entry.withdrawn
            found.add(entry.state)
    assert {"published", "suspended", "reinstated", "erased"} <= found
