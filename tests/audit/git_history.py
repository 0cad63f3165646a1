"""Turn the history of a git repository into a diary: a history that nobody here wrote.

``python tests/git_history.py REPOSITORY OUT`` posts each commit as an entry (its author, its time,
its message), reviews and publishes it day by day, and leaves an export and a report in OUT. The
place of an entry is the folder that its commit touches most, so that there is one.
"""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice, takewhile
from pathlib import Path
from typing import NamedTuple

import kit
import kit.audit.auditor
import kit.diary.diary
from kit import people
from kit.audit import Audit
from kit.core import NAME_MAX, TEXT_MAX
from kit.diary import Diary
from kit.views import report


class Commit(NamedTuple):
    """Who wrote what, when, and where."""

    author: str
    time: datetime
    message: str
    place: str


def commits(repository: str | Path, most: int = 2_000) -> list[Commit]:
    """Return the newest commits of a local clone, oldest first."""
    command = ["git", "-C", str(repository), "log", f"-{most}", "-z", "--no-show-signature"]
    command += ["--format=%x00%an%x00%at%x00%B%x00", "--name-only"]
    told = subprocess.run(command, capture_output=True, check=True).stdout.decode(errors="replace")
    # Only NUL can be in none of these texts. An empty field comes before each commit, since no path
    # is empty; then three fields of its own, one more empty field, and the paths after a line break.
    fields, found = iter(told.split("\0")), []
    next(fields)
    for author in fields:
        seconds, message, _ = islice(fields, 3)
        paths = "\0".join(takewhile(bool, fields)).removeprefix("\n").split("\0")
        folders = Counter(path.split("/")[0] if "/" in path else "." for path in paths)
        place = readable(folders.most_common(1)[0][0], NAME_MAX) or "(no name)"
        time = datetime.fromtimestamp(int(seconds), UTC)
        found.append(Commit(author, time, readable(message, TEXT_MAX) or "(no message)", place))
    found.reverse()  # git says the newest first; of the same second, the first stays first
    return sorted(found, key=lambda commit: commit.time)


def readable(text: str, most: int) -> str:
    """Return what a record can hold of a text, or nothing if there is nothing to be seen in it."""
    seen = "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()
    return unicodedata.normalize("NFC", seen)[:most]  # in this order: it can make a text longer


def publish(diary: Diary, history: list[Commit]) -> None:
    """Post, review and publish the commits, a day at a time."""
    for day, made in groupby(history, key=lambda commit: commit.time.date()):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
        diary.chain.wait_until(midnight + timedelta(days=1))
        for commit in made:
            author = people.named(f"git: {commit.author}")  # a test key, not the author's own
            entry = diary.post(
                author, commit.message, place=commit.place, role="author", at=commit.time
            )
            diary.review(entry, by=people.moderator, approve=True)
        while diary.archive.ready_count():
            diary.publish()


def run(repository: str | Path, out: Path, most: int = 2_000) -> Audit:
    """Do all of it; return the audit of the export, on its chain."""
    out.mkdir(parents=True, exist_ok=True)
    chain = kit.chain.embedded()
    diary = Diary.open(chain, out / "diary.sqlite")
    try:
        publish(diary, commits(repository, most))
        folder = kit.export(diary, out / "export")
    finally:
        diary.close()
    return report.write(folder, out / "report.html", diary.log)


if __name__ == "__main__":
    print(run(sys.argv[1], Path(sys.argv[2])))
