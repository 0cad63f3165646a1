"""A history of two registrars on one log: what people do, what the node does, and how it must end.

Both publish to the same log, each from an archive of its own, through a node that misbehaves (see
``tests.misbehaving``) in front of a chain that is reorganised. A stranger publishes there, too. Their
programs are killed at any moment, and opened again. What the kit refuses meanwhile, it may refuse; once
all is well again, ``History.heal`` brings it to rest and asks for what must be true:

- each record that was received and let through is on the log once, under a root that the chain has;
- whatever else the log holds is the stranger's;
- no batch is pending, nothing waits to be published;
- what was withdrawn is in no byte of an archive's file.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from tqdm import tqdm

import kit
import kit.chain.base
import kit.chain.rpc
import kit.chain.sending
from kit import people
from kit.audit import audit
from kit.core import Batch, Leaf, SignedRecord, Tree
from kit.diary import Diary
from kit.diary.archive import Archive
from kit.diary.outbox import Outbox
from kit.diary.stored import StoredRecord
from kit.errors import ChainError, FinalityLost, KitError, NothingWaiting
from kit.log import MODERATOR_ROLE, REGISTRAR_ROLE, Log
from tests.misbehaving import HoldTransaction, Node, Question, Rule, drop, move, reorder

T = TypeVar("T")

#: So many blocks deep a block is final: no reorganisation goes deeper.
FINALITY: Final = 4
REGISTRARS: Final = (people.registrar, people.carol)
AUTHORS: Final = (people.alice, people.bob)
STRANGER: Final = people.named("stranger")
MODERATORS: Final = (people.moderator, people.named("moderator 2"))


class Killed(BaseException):
    """The program is no more: nothing of it runs on, no ``except`` and no ``finally``."""


class Doom:
    """Ends the program that runs, after it has dealt with the node or its file ``left`` more times."""

    left: int | None = None
    dead = False

    def tick(self) -> None:
        if self.left is not None and not self.dead:
            self.left -= 1
            self.dead = self.left < 0
        if self.dead:
            raise Killed


class Stage:
    """What histories share: a chain with a log and its roles, and a node in front of it."""

    #: anvil forgets the state of a block after some thousand others: then there is no way back to it.
    HISTORIES_OF_AN_ANVIL: Final = 40

    def __init__(self, held: ExitStack) -> None:
        self.doom, self._held, self._histories = Doom(), held, 0
        #: What was met in all histories, so that a test can ask whether they are worth anything.
        self.met: Counter[str] = Counter()
        self._begin()

    def _begin(self) -> None:
        self._held.close()
        self.anvil = self._held.enter_context(kit.chain.anvil())
        self.node = self._held.enter_context(Node(self.anvil.url))
        self.log = Log.deploy(self.anvil, by=REGISTRARS[0])
        for registrar in (REGISTRARS[1], STRANGER):
            self.log.grant(REGISTRAR_ROLE, registrar.address, by=REGISTRARS[0])
        self.anvil._ask("anvil_setBalance", STRANGER.address, hex(10**21))
        for moderator in MODERATORS:
            self.log.grant(MODERATOR_ROLE, moderator.address, by=REGISTRARS[0])
        self.base = self.anvil.mine().number

    def rewind(self) -> None:
        """Bring the chain back to where each history begins, and let the node behave."""
        self._histories += 1
        if self._histories % self.HISTORIES_OF_AN_ANVIL == 0:
            self._begin()
        self.node.rules.clear()
        self.anvil._ask("anvil_dropAllTransactions")
        if new := self.anvil.head.number - self.base:
            self.anvil._ask("anvil_rollback", new)
        assert self.log.record_count() == 0


@contextmanager
def stage() -> Iterator[Stage]:
    """Set the stage. Waiting takes no time on it: clocks go on when somebody sleeps."""
    with ExitStack() as held, pytest.MonkeyPatch.context() as patch:
        stage = Stage(held)
        clock = [0.0]

        def sleep(seconds: float) -> None:
            clock[0] += seconds

        for module in (kit.chain.base, kit.chain.sending):
            patch.setattr(module, "monotonic", lambda: clock[0])
            patch.setattr(module, "sleep", sleep)
        patch.setattr(kit.chain.base, "LAG", 3.0)
        patch.setattr(kit.chain.sending, "_LAG", 1.0)
        patch.setattr(kit.chain.sending, "RAISE_AFTER", 1.0)
        patch.setattr(kit.chain.sending, "GIVE_UP", 3.0)
        patch.setattr(kit.chain.sending, "_SHOWN_AFTER", 99.0)
        patch.setattr(kit.chain.rpc, "PAUSES", (0, 0))
        patch.setattr(tqdm, "write", lambda *_, **__: None)
        connect = sqlite3.connect
        patch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, factory=_Database, **k))
        patch.setattr(_Database, "doom", stage.doom)
        yield stage


class _Database(sqlite3.Connection):
    doom = Doom()

    def execute(self, *given: Any) -> Any:
        self.doom.tick()
        done = super().execute(*given)
        self.doom.tick()
        return done

    def executemany(self, *given: Any) -> Any:
        self.doom.tick()
        done = super().executemany(*given)
        self.doom.tick()
        return done


class Program:
    """One registrar's program. It holds its archive open until it is closed or killed."""

    def __init__(self, stage: Stage, path: Path, registrar: people.Person) -> None:
        self.stage, self.registrar, self.path, self._lives = stage, registrar, path, 0
        self._diary: Diary | None = None

    def diary(self) -> Diary:
        """Return its diary, opened if it isn't. Raises what that raises."""
        if self._diary is None:
            chain = kit.chain.connect(self.stage.node.url, finality=FINALITY)
            provider: Any = chain.w3.provider
            ask, tick = provider._post, self.stage.doom.tick

            def post(*given: Any) -> bytes:
                tick()
                answer: bytes = ask(*given)
                tick()
                return answer

            provider._post = post
            log = self.stage.log.address
            self._diary = Diary.open(chain, self.path, registrar=self.registrar, log=log)
        return self._diary

    def close(self) -> None:
        if self._diary is not None:
            self._diary.close()
        self._diary = None

    def die(self) -> None:
        """Go on with the file as it lay on the disk in the moment of the kill, with its journal."""
        self._lives += 1
        left = self.path.with_name(f"{self.path.stem.split('.')[0]}.{self._lives}.sqlite")
        for end in ("", "-journal"):
            if (file := Path(f"{self.path}{end}")).exists():
                shutil.copy(file, f"{left}{end}")
        self.close()  # of what is dead: its locks end, and what it changes in the old file is lost
        for end in ("", "-journal", ".lock"):
            Path(f"{self.path}{end}").unlink(missing_ok=True)
        self.path = left


class History:
    """Steps that may be taken in any order, and ``heal``, which ends them."""

    def __init__(self, stage: Stage, folder: Path, seed: int = 0) -> None:
        stage.rewind()
        self.stage, self.node, self.anvil, self.doom = stage, stage.node, stage.anvil, stage.doom
        self.doom.left, self.doom.dead = None, False
        self.node.chance.seed(seed)
        self.chance = random.Random(seed)  # noqa: S311
        self.folder, self._exports = folder, 0
        self.programs = [Program(stage, folder / f"{who.name}.sqlite", who) for who in REGISTRARS]
        #: Each entry with whose archive it is in; what its author was told was received, by archive;
        #: and the words that stand nowhere else, by what they belong to.
        self.entries: list[tuple[int, SignedRecord]] = []
        self.received: list[set[str]] = [set(), set()]
        self.words: dict[str, list[bytes]] = {}
        self.gone: list[str] = []  # raw transactions that a reorganisation dropped

    def close(self) -> None:
        for program in self.programs:
            program.close()

    # --- what people do --------------------------------------------------------------------------

    def post(self, at: int = 0, author: int = 0, *, approved: bool = True) -> None:
        number = len(self.words)
        words = f"<words {number}>"
        entry = self._do(at, lambda diary: diary.post(AUTHORS[author], words, place="泉州"))
        if entry is None:
            return
        self.entries.append((at, entry))
        self._received(at, entry, words)
        if approved:
            self.move(len(self.entries) - 1, "approve")

    def move(self, entry: int, move: str, by: int = 0) -> None:
        """Let somebody make a move about an entry, whether they may or not."""
        if not self.entries:
            return
        at, about = self.entries[entry % len(self.entries)]
        author = next(a for a in AUTHORS if a.address == about.record.author)
        other = next(a for a in AUTHORS if a.address != about.record.author)
        who = {"appeal": author, "withdraw": author, "witness": other}.get(move, MODERATORS[by])
        words = f"<words {len(self.words)}>"
        content = {"appeal": {"text": words}, "witness": {"note": words}}.get(move, {})
        done = self._do(at, lambda diary: diary.act(move, about, by=who, **content))
        if done is not None:
            self._received(at, done, words if move == "appeal" else "")
            self.words.setdefault(done.commitment, [])

    def publish(self, at: int = 0) -> None:
        self._do(at, lambda diary: diary.publish())

    def restart(self, at: int = 0) -> None:
        self.programs[at].close()
        self._do(at, lambda diary: None)

    def exchange(self, at: int = 0) -> None:
        """Let a program take from the other one's export what its archive lacks."""
        if folder := self.export(1 - at):
            self.learn(at, folder)

    def export(self, at: int = 0) -> Path | None:
        self._exports += 1
        folder = self.folder / f"export {self._exports}"
        return self._do(at, lambda diary: kit.export(diary, folder, partial=True) and folder)

    def learn(self, at: int, folder: Path) -> None:
        self._do(at, lambda diary: diary.recover(leaves=folder))

    def stranger(self) -> None:
        """Let a batch land whose records nobody here knows, and which nobody sends again."""
        number = self.stage.log.record_count()
        self.stage.log.append("0x" + 64 * "7", number, 1, by=STRANGER)

    def kill(self, after: int | None, step: Callable[[], None]) -> None:
        """Take a step, and kill the program in it after so many dealings, if there are so many."""
        self.doom.left = after
        step()
        self.doom.left = None

    def _received(self, at: int, record: SignedRecord, words: str) -> None:
        self.received[at].add(record.commitment)
        self.words[record.commitment] = [words.encode(), record.salt] if words else []

    def _do(self, at: int, act: Callable[[Diary], T]) -> T | None:
        """Let a program do something; return None where the kit refused or it was killed."""
        program = self.programs[at]
        try:
            return act(program.diary())
        except KitError as error:
            self.stage.met[_name(error)] += 1
        except Killed:
            self.doom.left, self.doom.dead = None, False
            program.die()
            self.stage.met[f"killed, {self._what_it_left(program)}"] += 1
        return None

    def _what_it_left(self, program: Program) -> str:
        with closing(Archive(program.path)) as archive:
            plan = Outbox(archive).pending()
        if plan is None:
            return "nothing planned"
        landed = self.stage.log.record_count() > plan.first_seq
        return "landed, not noted" if landed else "planned, not sent"

    # --- what the node and the chain do ----------------------------------------------------------

    def fault(self, rule: Rule) -> None:
        self.node.rules.append(rule)

    @contextmanager
    def briefly(self, fault: Callable[[], Rule] | None) -> Iterator[None]:
        """Let the node have a fault, in front of those that it has, for what is done in the block."""
        if not fault:
            yield
            return
        self.node.rules.insert(0, fault())
        yield
        self._end(self.node.rules.pop(0))

    def calm(self) -> None:
        """Let the node behave."""
        while self.node.rules:
            self._end(self.node.rules.pop())

    def _end(self, rule: Rule) -> None:
        """End a fault; what the node held back is sent now."""
        self.stage.met[type(rule).__name__] += rule.happened
        if isinstance(rule, HoldTransaction):
            self._send(raw for _, raw in rule.held)

    def mine(self, blocks: int = 1) -> None:
        self.anvil.mine(blocks)

    def reorganise(self, kind: str, depth: int) -> None:
        """Drop, move or reorder the transactions of the last blocks: none of them is final."""
        depth = min(depth, FINALITY, self.anvil.head.number - self.stage.base)
        if depth < 1:
            return
        if kind == "drop":
            touched = drop(self.anvil, depth)
            self.gone += touched
        elif kind == "move":
            touched = move(self.anvil, depth)
        else:
            touched = reorder(self.anvil, depth, self.chance)
        self.stage.met[f"{kind} of transactions"] += len(touched)

    def resend(self) -> None:
        """Let what was dropped come back: some node had kept it."""
        self._send(self.gone)
        self.gone = []

    def _send(self, raws: Iterable[str]) -> None:
        for raw in raws:  # the node behind may refuse it: its number may be taken
            self.node._forward(Question("eth_sendRawTransaction", [raw]))

    # --- how it must end -------------------------------------------------------------------------

    def heal(self) -> None:
        """Let all be well, bring everything to rest, and check it."""
        self.calm()
        for program in self.programs:
            program.close()
        for _turn in range(6):
            self.anvil.mine(FINALITY)
            at_rest = [self._is_at_rest(program.diary()) for program in self.programs]
            if all(at_rest):
                break
        else:
            raise AssertionError("it never ends")
        self.check()
        self.stage.met["histories"] += 1

    def _is_at_rest(self, diary: Diary) -> bool:
        """Let a registrar recover and publish all; return whether nothing was to be done."""
        try:
            done = diary.recover()
            diary.publish()
            self.stage.met["batches at the end"] += 1
        except NothingWaiting:
            return not done
        except FinalityLost:
            raise
        except ChainError as error:  # the other one's batch is in the way, until it is final
            self.stage.met[f"at the end: {_name(error)}"] += 1
        return False

    def check(self) -> None:
        batches = self.programs[0].diary().log.batches()
        assert {batch.standing for batch in batches} <= {"final"}
        found = [self._leaves_of(batch) for batch in batches]
        on_log = Counter(leaf.commitment for leaves in found for leaf in leaves)
        assert set(on_log.values()) <= {1}
        if all(found):
            leaves = [leaf for leaves in found for leaf in leaves]
            assert not leaves or audit(self.stage.log, leaves).ok
        self.stage.met["records"] += len(on_log)
        for at, program in enumerate(self.programs):
            self._check_archive(program, self.received[at], set(on_log))
            self._check_table(program, self.received[at])

    def _leaves_of(self, batch: Batch) -> list[Leaf]:
        """Return the leaves of a batch, from whichever archive knows it; none of the stranger's."""
        for program in self.programs:
            stored = program.diary().archive.leaves(batch.first_seq, batch.count)
            leaves = [leaf for leaf, _ in stored]
            if len(leaves) == batch.count and Tree([x.hash() for x in leaves]).root == batch.root:
                return leaves
        assert batch.registrar == STRANGER.address
        return []

    def _check_archive(self, program: Program, received: set[str], on_log: set[str]) -> None:
        archive = program.diary().archive
        assert program.diary().outbox.open() == []
        assert archive.ready_count() == 0
        has = {record.commitment: record for record in archive._records("")}
        assert received <= set(has)
        raw = b"".join(
            file.read_bytes() for file in program.path.parent.glob(f"{program.path.name}*")
        )
        for record in has.values():
            story = archive.stories([record.commitment])[record.commitment]
            if record.type != "entry" or _let_through(story):
                assert record.commitment in on_log
            elif record.commitment in received and "approve" not in {x.decision for x in story}:
                assert record.commitment not in on_log
            withdrawn = any(about.type == "withdrawal" for about in story)
            if record.type == "entry":
                assert withdrawn == record.erased == (record.canonical is record.salt is None)
            for words in self.words.get(record.commitment, []):
                assert (words not in raw) == record.erased

    def _check_table(self, program: Program, received: set[str]) -> None:
        table = program.diary().records()
        is_own = table["commitment"].isin(received)
        assert table[is_own]["proved"].all()
        others = table[~is_own & ~table["proved"]]
        assert set(others["check"]) <= {"not in the archive", "content is missing"}


def _name(error: KitError) -> str:
    """Return what an error is about, without what differs from one to the next."""
    return f"{type(error).__name__}: {re.sub(r'0x[0-9a-f]+|[0-9]+', '…', str(error))[:60]}"


def _let_through(story: list[StoredRecord]) -> bool:
    """Return whether an entry has to be on the log: approved, and not withdrawn."""
    decisions = {about.decision for about in story}
    return "approve" in decisions and "withdrawal" not in {about.type for about in story}
