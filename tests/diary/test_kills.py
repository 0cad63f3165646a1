"""Whatever an archive is used for, the program is killed meanwhile: all of it happened, or nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import kit
from kit.audit import read
from kit.core import Tree
from kit.diary import Diary
from kit.diary.archive import VERSION
from kit.errors import NothingWaiting
from tests.diary.killed import FINALITY, OPERATIONS, connect
from tests.diary.test_older import OLD

#: SQLite's own: of a transaction that was killed before it wrote. The next one takes it away.
JOURNAL = "a.sqlite-journal"

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows lacks")


@dataclass
class Zygote:
    """The program that forks itself, and what its children said."""

    process: subprocess.Popen[str]
    url: str
    #: Seconds that each operation takes, as it took when it wasn't killed.
    takes: dict[str, float] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)

    def run(self, operation: str, path: Path, number: int, share: float | None) -> list[str]:
        """Do something, kill it after this share of its time, or at its end; return what it said."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{operation}\t{path}\t{self.url}\t{number}\n")
        self.process.stdin.flush()
        said = [self._line()]
        while not said[-1].startswith("begin "):
            said.append(self._line())
        began, child = time.monotonic(), int(said[-1].split()[1])
        if share is None:
            while said[-1] != "end":
                said.append(self._line())
            self.takes[operation] = time.monotonic() - began
        else:
            time.sleep(share * self.takes[operation])
        os.kill(child, signal.SIGKILL)
        while (line := self.process.stdout.readline().strip()) != "dead":
            said.append(line)
        self.ended[operation] += said[-1] == "end"
        return said

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line not in ("dead", ""), "the program ended by itself"
        return line


@pytest.fixture(scope="module")
def anvil() -> Iterator[kit.chain.AnvilChain]:
    """A chain of our own: others' doesn't go back."""
    with kit.chain.anvil() as node:
        yield node


@pytest.fixture(scope="module")
def zygote(anvil: Any) -> Iterator[Zygote]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.diary.killed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield Zygote(process, anvil.url)
    finally:
        process.kill()
        process.communicate()


def rest(diary: Diary) -> None:
    """Bring everything onto the chain."""
    diary.recover()
    try:
        while True:
            diary.publish()
    except NothingWaiting:
        return


def check(diary: Diary, said: list[str], path: Path) -> None:
    """What was received is there, whole, and once on the log; what was withdrawn is there in no byte."""
    rest(diary)
    landed = [leaf.commitment for leaf in diary.leaves()]
    assert len(landed) == diary.log.record_count() == len(set(landed))
    for batch in diary.log.batches():
        stored = diary.archive.leaves(batch.first_seq, batch.count)
        assert Tree([hashed for _, hashed in stored]).root == batch.root
    assert diary.records()["proved"].all()
    words = [line.split(" ", 2) for line in said]
    received = {word[1] for word in words if word[0] == "accepted"}
    assert received <= {x.commitment for x in diary.archive._records("")}
    for commitment in received:
        story = diary.archive.stories([commitment])[commitment]
        gone = any(x.type == "withdrawal" for x in story)
        assert story[0].type != "entry" or gone == (story[0].canonical is None)
        signed = story[0].signed()
        for attachment in signed.record.body.get("attachments", ()) if signed else ():
            assert diary.file(attachment["sha256"])
    for _, commitment, text in (word for word in words if word[0] == "withdrawn"):
        story = diary.archive.stories([commitment])[commitment]
        gone = any(x.type == "withdrawal" for x in story)
        journal = path.with_name(JOURNAL)
        raw = path.read_bytes() + (journal.read_bytes() if journal.exists() else b"")
        assert gone == (text.encode() not in raw)


def check_aside(operation: str, aside: Path, url: str) -> None:
    """What was to be made is whole, or not there."""
    if operation == "migrate":
        with closing(sqlite3.connect(aside)) as database:
            assert database.execute("PRAGMA user_version").fetchone()[0] in (3, VERSION)
            assert database.execute("SELECT count(*) FROM batches").fetchone() == (3,)
            assert database.execute("SELECT count(*) FROM records").fetchone()[0] >= 9
        with closing(kit.diary.archive.Archive(aside)) as archive:
            assert archive._version() == VERSION
            assert kit.diary.outbox.Outbox(archive).pending()
    elif operation == "learn":
        with closing(Diary.open(connect(url), aside)) as other:
            other.recover(leaves=aside.with_name(f"{aside.name} exported"))
            assert other.records()["proved"].all()
    elif operation == "backup" and aside.exists():
        with closing(Diary.open(connect(url), aside)) as other:
            table = other.records()  # its original has gone on since
            assert set(table.loc[~table["proved"], "check"]) <= {"not in the archive"}
            assert all(stored.intact() for stored in other.archive._records(""))
    elif operation == "export" and aside.exists():
        assert "failed" not in read(aside).attrs["level"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "kills", [1, pytest.param(20, marks=pytest.mark.slow("300 kills, 20 in each operation"))]
)
def test_all_of_it_or_nothing(
    operation: str, kills: int, zygote: Zygote, tmp_path: Path, anvil: Any
) -> None:
    chance = random.Random(f"{operation} 20210921")  # noqa: S311
    path, said = tmp_path / "a.sqlite", []
    Diary.open(connect(anvil.url), path).close()
    for number in range(kills + 1):
        aside = tmp_path / f"a {number}"
        if operation == "migrate":
            with closing(sqlite3.connect(aside)) as database:
                database.executescript(OLD.read_text("utf-8"))
        said += zygote.run(operation, path, number, chance.random() if number else None)
        with closing(Diary.open(connect(anvil.url), path)) as diary:
            check(diary, said, path)
            if operation in ("backup", "export") and not aside.exists():  # once more, with an end
                again = {"backup": diary.backup, "export": partial(kit.export, diary)}[operation]
                assert again(aside).exists()
        anvil.mine(FINALITY)
        check_aside(operation, aside, anvil.url)
        left = {x.name for x in tmp_path.iterdir()} - {JOURNAL}
        assert not [name for name in left if name.endswith("-journal") or "part" in name]
    # It was killed in the middle, and not only when all was done.
    assert kills == 1 or zygote.ended[operation] < 1 + kills * 0.75
