"""A copy of the archive: whole, without what was erased; and what happens when it is put back."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kit
from kit import people
from kit.errors import ArchiveError, NothingWaiting

#: A program that posts, publishes and withdraws for as long as it may.
BUSY = """
import itertools, sys, kit
from kit import people
diary = kit.Diary.open(kit.chain.connect(sys.argv[1]), sys.argv[2])
for number in itertools.count():
    entry = diary.post(people.alice, f"words {number}", place="泉州")
    diary.review(entry, by=people.moderator, approve=True)
    if number % 3 == 0:
        diary.publish()
        print("published", flush=True)
    if number % 5 == 0:
        diary.withdraw(entry, by=people.alice)
"""


@pytest.fixture
def diary(anvil: Any, tmp_path: Path) -> Iterator[kit.Diary]:
    with closing(kit.Diary.open(anvil, tmp_path / "a.sqlite")) as opened:
        yield opened


def tell(diary: kit.Diary, text: str) -> kit.core.SignedRecord:
    entry = diary.post(people.alice, text, place="泉州")
    diary.review(entry, by=people.moderator, approve=True)
    return entry


def test_a_copy_is_an_archive(diary: kit.Diary, anvil: Any, tmp_path: Path) -> None:
    tell(diary, "一")
    diary.publish()
    gone = tell(diary, "要撤回的话")
    diary.withdraw(gone, by=people.alice)
    assert diary.backup(tmp_path / "copy.sqlite") == tmp_path / "copy.sqlite"
    assert "要撤回的话".encode() not in (tmp_path / "copy.sqlite").read_bytes()
    with closing(kit.Diary.open(anvil, tmp_path / "copy.sqlite")) as copy:
        assert copy.records().equals(diary.records())
        assert copy.ready_count() == diary.ready_count() == 2
        assert copy.publish().first_seq == 2
    assert sorted(x.name for x in tmp_path.iterdir() if x.name.startswith(".")) == []


def test_nothing_is_overwritten_and_nothing_half_written(diary: kit.Diary, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    with pytest.raises(ArchiveError, match=r"a new file, got .*there.* Choose another name"):
        diary.backup(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(ArchiveError):
        diary.backup(tmp_path / "no folder" / "copy")
    assert {x.name for x in tmp_path.iterdir()} <= {"there", "a.sqlite", "a.sqlite.lock"}


def test_a_copy_while_a_program_writes(diary: kit.Diary, anvil: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-c", BUSY, anvil.url, str(tmp_path / "a.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as busy:
        try:
            assert busy.stdout
            for number in range(4):
                busy.stdout.readline()
                diary.backup(tmp_path / f"{number}.sqlite")
        finally:
            busy.kill()
    for number in range(4):
        with closing(kit.Diary.open(anvil, tmp_path / f"{number}.sqlite")) as copy:
            table = copy.records()
            known = table[table["check"] != "not in the archive"]
            assert known["proved"].all()
            assert len(copy.leaves()) == len(known)


def test_yesterday_s_copy_is_put_back(
    diary: kit.Diary, anvil: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was published since is on the log, and waits in the copy: it must not land again."""
    tell(diary, "昨天")
    diary.publish()
    tell(diary, "那时还在等")
    diary.backup(tmp_path / "yesterday.sqlite")
    diary.publish()
    later = tell(diary, "今天")
    diary.publish()
    kit.export(diary, tmp_path / "export")
    diary.close()
    shutil.move(tmp_path / "yesterday.sqlite", tmp_path / "a.sqlite")
    with closing(kit.Diary.open(anvil, tmp_path / "a.sqlite")) as copy:
        with pytest.raises(ArchiveError, match=r"recover\(leaves=FOLDER\) with a newer export"):
            copy.publish()
        assert copy.recover(leaves=tmp_path / "export") == [
            "records 2 to 3: taken from the export.",
            "records 4 to 5: taken from the export.",
        ]
        with pytest.raises(NothingWaiting):
            copy.publish()
        assert copy.log.record_count() == 6
        assert copy.records()["proved"].all()
        assert kit.verify(copy.certificate(later), copy.log).ok
        tell(copy, "明天")
        assert copy.publish().first_seq == 6
