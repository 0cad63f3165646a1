"""A publishing program is killed at any moment: nothing is lost, and nothing lands twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kit
import kit.diary.diary
import kit.log.contract
from kit.core import Tree
from kit.diary import Diary
from kit.diary.archive import Archive
from kit.diary.outbox import Outbox
from kit.errors import NothingWaiting

# Starting Python with web3 takes seconds. So one program is started, which forks itself for each
# round: the child does what the platform does all day, and says what was accepted, until it is killed.
ZYGOTE = """
import itertools, os, sys
import kit
from kit import people

def work(path, url, round):
    diary = kit.Diary.open(kit.chain.connect(url), path)
    print("open", flush=True)
    for number in itertools.count():
        for one in range(3):
            name = f"{round} {number} {one}"
            entry = diary.post(people.alice, f"words {name}", place="b")
            print(entry.commitment, flush=True)
            print(diary.review(entry, by=people.moderator, approve=True).commitment, flush=True)
        if int(round) % 2:  # before it is published, or after
            print("withdraw", entry.commitment, name, flush=True)
            diary.withdraw(entry, by=people.alice)
        print("publish", flush=True)
        diary.publish()
        if int(round) % 2 == 0:
            print(diary.witness(entry, by=people.bob).commitment, flush=True)
            print("withdraw", entry.commitment, name, flush=True)
            diary.withdraw(entry, by=people.alice)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        work(*line.split())
    print("child", child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, which Windows lacks")


@pytest.fixture
def zygote() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", ZYGOTE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def one_round(process: subprocess.Popen[str], line: str, chance: random.Random) -> list[str]:
    """Start a child, kill it at a random moment after it says so, return what it said."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    said: list[str] = []
    child = 0
    while not child or "open" not in said:
        line = process.stdout.readline().strip()
        assert line not in ("dead", ""), "the publishing program ended by itself"
        if line.startswith("child "):
            child = int(line.split()[1])
        else:
            said.append(line)
    if chance.random() < 0.7:  # most of them around the first publication
        while said[-1] != "publish":
            said.append(process.stdout.readline().strip())
            assert said[-1] not in ("dead", ""), "the publishing program ended by itself"
        time.sleep(chance.random() * 0.12)
    else:
        time.sleep(chance.random() * 0.25)
    os.kill(child, signal.SIGKILL)
    while (word := process.stdout.readline().strip()) != "dead":
        said.append(word)
    return said


def what_it_left(path: Path, chain: Any) -> str:
    """Tell at which moment it was killed, by what the archive and the chain say."""
    with closing(Archive(path)) as archive:
        plan, home = Outbox(archive).pending(), archive.home
    assert home
    if plan is None:
        return "nothing planned"
    log = kit.log.Log(chain, home[0].contract)
    return "landed, not noted" if log.record_count() > plan.first_seq else "planned, not sent"


def publish_all(diary: Diary) -> None:
    while True:
        try:
            diary.publish()
        except NothingWaiting:
            return


def check(diary: Diary, accepted: list[str], gone: dict[str, str], path: Path) -> None:
    """Every accepted record is in the log exactly once, under roots that the chain has."""
    archive, log = diary.archive, diary.log
    landed = [leaf.commitment for leaf in diary.leaves()]
    assert len(landed) == log.record_count()
    assert max(Counter(landed).values()) == 1
    for batch in log.batches():
        hashes = [stored for _, stored in archive.leaves(batch.first_seq, batch.count)]
        assert Tree(hashes).root == batch.root
    # What post() and review() returned was kept.
    assert set(accepted) <= {x.commitment for x in archive._records("")}
    # All of it is in the log but entries that wait, or were withdrawn before they were published.
    out = {x.commitment for x in archive._records("")} - set(landed)
    for commitment in out:
        assert diary.state(commitment) in ("waiting", "erased")
    # A withdrawal is there with its content gone, or neither.
    raw = path.read_bytes()
    for commitment, words in gone.items():
        story = archive.stories([commitment])[commitment]
        withdrawn = any(x.type == "withdrawal" for x in story)
        assert withdrawn == (story[0].canonical is None) == (story[0].salt is None)
        assert withdrawn == (words.encode() not in raw)


@pytest.mark.parametrize(
    "archives", [1, pytest.param(5, marks=pytest.mark.slow("a hundred kills; twenty in each run"))]
)
def test_killed_at_many_moments(
    archives: int, anvil: Any, zygote: subprocess.Popen[str], tmp_path: Path
) -> None:
    """Each round is killed somewhere, and opened again by a program that finishes what it finds."""
    chance = random.Random(20210921)  # noqa: S311
    moments: Counter[str] = Counter()
    count = erased = 0
    for archive in range(archives):  # a long log takes long to read
        path = tmp_path / f"{archive}.sqlite"
        Diary.open(anvil, path).close()
        accepted: list[str] = []
        gone: dict[str, str] = {}
        for number in range(20):
            said = one_round(zygote, f"{path} {anvil.url} {number}", chance)
            accepted += [word for word in said if word.startswith("0x")]
            for word in said:
                if word.startswith("withdraw "):
                    _, commitment, words = word.split(" ", 2)
                    gone[commitment] = f'words {words}"'
            moments[what_it_left(path, anvil)] += 1
            with closing(Diary.open(anvil, path)) as diary:
                publish_all(diary)
                if number % 10 == 9:
                    check(diary, accepted, gone, path)
        with closing(Diary.open(anvil, path)) as diary:
            assert diary.records()["proved"].all()
        count, erased = count + len(accepted), erased + len(gone)
    print(dict(moments), count, "accepted", erased, "withdrawn")
    # It was killed before a batch was sent, after one had landed, and elsewhere: else the moments
    # would be all the same.
    kinds = {"nothing planned", "planned, not sent", "landed, not noted"}
    assert set(moments) == kinds if archives == 5 else len(kinds & set(moments)) >= 2
    assert count > 60 * archives
    assert erased > 6 * archives
