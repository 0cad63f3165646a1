"""A program that does one thing with an archive, for a test that kills it meanwhile.

Starting Python with web3 takes seconds. So one program is started, which forks itself for each line
that it reads: ``OPERATION PATH URL NUMBER``. The child gets ready, says "begin", acts, and says "end".
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import kit
from kit import people
from kit.core import Attachment, LogId, Record, SignedRecord, sign
from kit.core import record as records
from kit.diary import Diary

Step = Callable[[], object]

#: 200 kB that no other picture holds: enough for many pages of the archive.
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(200_000)
#: Fewer than this many blocks deep a block isn't final yet.
FINALITY = 4


def say(*words: object) -> None:
    print(*words, flush=True)


def connect(url: str) -> kit.chain.Chain:
    return kit.chain.connect(url, finality=FINALITY)


class Operations:
    """What may be killed: each method gets ready, and returns what is then done."""

    def __init__(self, path: Path, url: str, number: str) -> None:
        self.path, self.url, self.number = path, url, number
        self.aside = path.with_name(f"{path.stem} {number}")

    @property
    def diary(self) -> Diary:
        if not hasattr(self, "_diary"):
            self._diary = Diary.open(connect(self.url), self.path)
        return self._diary

    def told(self, *, approved: bool | None = True, published: bool = False) -> SignedRecord:
        """Return an entry that was received, and say so."""
        picture = Attachment.of("a.png", PICTURE + self.number.encode())
        words = f"<words {self.number}>"
        entry = self.diary.post(people.alice, words, place="泉州", attachments=[picture])
        say("accepted", entry.commitment)
        if approved is not None:
            review = self.diary.review(entry, by=people.moderator, approve=approved)
            say("accepted", review.commitment)
        if published:
            self.diary.publish()
        return entry

    def post(self) -> Step:
        _ = self.diary
        return lambda: self.told(approved=None)

    def review(self) -> Step:
        entry = self.told(approved=None)
        return lambda: self.diary.review(entry, by=people.moderator, approve=True)

    def appeal(self) -> Step:
        entry = self.told(approved=False)
        return lambda: self.diary.appeal(entry, "why?", by=people.alice)

    def witness(self) -> Step:
        entry = self.told(published=True)
        return lambda: self.diary.witness(entry, by=people.bob, note="seen")

    def withdraw(self) -> Step:
        entry = self.told(published=int(self.number) % 2 == 0)
        say("withdrawn", entry.commitment, f"<words {self.number}>")
        return lambda: self.diary.withdraw(entry, by=people.alice)

    def bulletin(self) -> Step:
        day = datetime(2021, 9, 21, tzinfo=UTC)
        figures = {"new cases": int(self.number)}
        return lambda: self.diary.bulletin(people.registrar, "office", figures, as_of=day)

    def publish(self) -> Step:
        self.told()
        return self.diary.publish

    def publish_without_waiting(self) -> Step:
        self.told()
        return lambda: self.diary.publish(wait=False)

    def keep(self) -> Step:
        log, now = self.diary.log.log_id, self.diary.chain.now()
        made = [self._signed(log, now, number) for number in range(40)]
        return lambda: self.diary.keep(made)

    def _signed(self, log: LogId, now: datetime, number: int) -> SignedRecord:
        day = datetime(2021, 9, 21, tzinfo=UTC)
        figures = {"kept": int(self.number) * 100 + number}
        record = Record.bulletin(people.registrar.address, now, "office", day, figures)
        salt = os.urandom(32)
        signature = sign(records.commitment(record, salt), log, people.registrar)
        return SignedRecord(record, salt, signature)

    def recover(self) -> Step:
        """Send again what a reorganisation took away."""
        self.told(published=True)
        self.diary.chain._ask("anvil_reorg", 1, [])
        return self.diary.recover

    def open(self) -> Step:
        """Find out what became of a batch, and write the file anew after a withdrawal."""
        self.told()
        self.diary.publish(wait=False)
        self.diary.close()
        chain = connect(self.url)
        return lambda: Diary.open(chain, self.path)

    def backup(self) -> Step:
        self.told()
        return lambda: self.diary.backup(self.aside)

    def export(self) -> Step:
        self.told(published=True)
        return lambda: kit.export(self.diary, self.aside, partial=True)

    def learn(self) -> Step:
        """Take from an export what a new archive on the same log lacks."""
        self.told(published=True)
        self.diary.chain._ask("anvil_mine", hex(FINALITY))
        folder = kit.export(
            self.diary, self.path.with_name(f"{self.aside.name} exported"), partial=True
        )
        other = Diary.open(self.diary.chain, self.aside, log=self.diary.log.address)
        return lambda: other.recover(leaves=folder)

    def migrate(self) -> Step:
        """Open an archive of version 3; its chain is asked only when it is one of today's."""
        return lambda: kit.diary.archive.Archive(self.aside)


OPERATIONS = [name for name in vars(Operations) if not name.startswith("_")]
OPERATIONS = [name for name in OPERATIONS if name not in ("diary", "told")]


def main() -> None:
    for line in sys.stdin:
        operation, path, url, number = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            step = getattr(Operations(Path(path), url, number), operation)()
            say("begin", os.getpid())
            step()
            say("end")
            time.sleep(60)
        os.waitpid(child, 0)
        say("dead")


if __name__ == "__main__":
    main()
