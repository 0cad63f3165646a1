"""Withdrawn content is destroyed: in every byte of the archive's file, and nowhere else."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import kit
import kit.diary.diary
import kit.log.contract
from kit import people
from kit.core import Attachment, Leaf, SignedRecord
from kit.diary import Diary, lesson_salt
from kit.diary import archive as archive_module
from kit.diary.archive import Archive
from kit.errors import ArchiveError, ChainError, NodeDown, NotAllowed, RecordError, Reverted
from kit.log import MODERATOR_ROLE, REGISTRAR_ROLE

ALICE, MODERATOR, SECOND = people.alice, people.moderator, people.named("moderator 2")
PNG = b"\x89PNG\r\n\x1a\n"


def opened(chain: Any, path: Path) -> Diary:
    diary = Diary.open(chain, path)
    if not diary.log.has_role(MODERATOR_ROLE, SECOND.address):
        diary.log.grant(MODERATOR_ROLE, SECOND.address, by=people.registrar)
    return diary


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


def busy_diary(diary: Diary, seed: int = 1) -> tuple[list[bytes], list[bytes]]:
    """Post 300 entries of all lengths, withdraw 60 of them; return what must stay and must go.

    Rows move from page to page meanwhile, which is where a database leaves copies.
    """
    chance = random.Random(seed)  # noqa: S311
    entries: list[tuple[SignedRecord, list[bytes]]] = []
    stays, goes = [], []
    for number in range(300):
        words = f"<{chance.getrandbits(64):016x}>"
        picture = PNG + chance.randbytes(40)
        text = words + "words and " * chance.choice([0, 3, 30, 200])
        files = [Attachment.of("a.png", picture)] if number % 5 == 0 else []
        entry = diary.post(ALICE, text, place="b", attachments=files)
        traces = [words.encode(), entry.salt, *([picture] if files else [])]
        entries.append((entry, traces))
        if number % 3 == 0:
            said = chance.choice(entries)[0]
            if diary.state(said) == "waiting":
                diary.review(said, by=MODERATOR, approve=chance.random() < 0.7)
            if diary.state(said) == "rejected" and not diary.entry_state(said).appealed:
                plea = f"<{chance.getrandbits(64):016x}>"
                diary.appeal(said, plea, by=ALICE)
                next(x for e, x in entries if e is said).append(plea.encode())
        if number % 50 == 49:
            diary.publish()
    gone = set(chance.sample(range(300), 60))
    for number in chance.sample(sorted(gone), 60):
        diary.withdraw(entries[number][0], by=ALICE)
    for number, (_, traces) in enumerate(entries):
        (goes if number in gone else stays).extend(traces)
    return stays, goes


def test_no_byte_of_it_is_left(chain: Any, tmp_path: Path) -> None:
    with closing(opened(chain, tmp_path / "diary.sqlite")) as diary:
        stays, goes = busy_diary(diary)
        raw = every_byte(tmp_path)  # while it is open, and with whatever lies beside it
        assert not [trace for trace in goes if trace in raw]
        assert all(trace in raw for trace in stays)
        assert len(goes) > 130
        assert diary.archive.count() > 400
    assert not [trace for trace in goes if trace in every_byte(tmp_path)]


def test_writing_the_file_anew_is_enough_by_itself(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # SQLite writes zeros over what it deletes, and still may leave copies when it moves rows. Here
    # it writes none, so that the copies are there for certain.
    monkeypatch.setattr(Archive, "purge", lambda self: None)
    with closing(opened(chain, tmp_path / "diary.sqlite")) as diary:
        diary.archive._db.execute("PRAGMA secure_delete = OFF")
        stays, goes = busy_diary(diary)
        raw = every_byte(tmp_path)
        assert len([trace for trace in goes if trace in raw]) > 20
        monkeypatch.undo()
        diary.archive.purge()
        raw = every_byte(tmp_path)
        assert not [trace for trace in goes if trace in raw]
        assert all(trace in raw for trace in stays)


def test_a_file_of_two_entries_goes_with_the_second(chain: Any, tmp_path: Path) -> None:
    picture = Attachment.of("a.png", PNG + b"the same picture")
    with closing(opened(chain, tmp_path / "diary.sqlite")) as diary:
        first, second = (
            diary.post(ALICE, text, place="b", attachments=[picture, picture]) for text in "12"
        )
        assert every_byte(tmp_path).count(picture.content) == 1
        diary.withdraw(first, by=ALICE)
        assert diary.archive.file(picture.sha256) == picture.content
        diary.withdraw(second, by=ALICE)
        assert diary.archive.file(picture.sha256) is None
        assert picture.content not in every_byte(tmp_path)


def test_ended_in_between_it_is_finished_by_the_next(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "diary.sqlite"

    def end(self: Archive) -> None:
        raise ArchiveError("to use it", "another program reads", "Wait.")

    with closing(opened(chain, path)) as diary:
        entries = [diary.post(ALICE, f"<words {i}>", place="b") for i in range(2)]
        for entry in entries:
            diary.review(entry, by=MODERATOR, approve=True)
        diary.publish()
        for entry in entries:
            monkeypatch.setattr(Archive, "purge", end)
            with pytest.raises(ArchiveError, match="another program reads"):
                diary.withdraw(entry, by=ALICE)
            assert diary.state(entry) == "withdrawn"
            stored = diary.archive.get(entry.commitment)
            assert stored
            assert (stored.signed(), stored.canonical, stored.salt) == (None, None, None)  # at once
            monkeypatch.undo()
            if entry is entries[0]:
                diary.publish()  # the next publication finishes it
                assert diary.state(entry) == "erased"
    with closing(opened(chain, path)) as diary:  # and so does the next opening
        assert [diary.state(entry) for entry in entries] == ["erased", "erased"]
        assert b"<words" not in every_byte(tmp_path)


def test_a_salt_is_not_used_again(chain: Any) -> None:
    with closing(opened(chain, None)) as diary:  # type: ignore[arg-type]
        salts = []
        for number in range(6):
            entry = diary.post(ALICE, f"a {number}", place="b")
            salts.append(entry.salt)
            salts.append(diary.withdraw(entry, by=ALICE).salt)
        assert salts == [lesson_salt(number) for number in range(12)]


def test_every_other_certificate_is_as_good_as_before(chain: Any) -> None:
    with closing(opened(chain, None)) as diary:  # type: ignore[arg-type]
        entries = [diary.post(ALICE, f"a {number}", place="b") for number in range(5)]
        for entry in entries:
            diary.review(entry, by=MODERATOR, approve=True)
        diary.publish()
        gone = entries[2]
        kept = diary.certificate(gone)
        diary.withdraw(gone, by=ALICE)
        diary.publish()
        leaves = diary.leaves()
        for certificate in diary.certificates():
            result = kit.verify(certificate, diary.log, leaves=leaves)
            failed = [step.number for step in result.steps if step.outcome == "failed"]
            if certificate.commitment == gone.commitment:
                assert failed == [9]
                assert result.steps[1].reason == "content erased"
                assert certificate.record is certificate.salt is None
            else:
                assert failed == []
        # Who kept the old one still has the words, and is told.
        result = kit.verify(kept, diary.log, leaves=leaves)
        assert [step.outcome for step in result.steps] == ["passed"] * 8 + ["failed"]


def test_content_that_only_vanished_is_not_called_erased(chain: Any, tmp_path: Path) -> None:
    """Only the author's signed withdrawal explains why there is nothing."""
    path = tmp_path / "diary.sqlite"
    with closing(opened(chain, path)) as diary:
        one, other = (diary.post(ALICE, text, place="b") for text in ("one", "other"))
        for entry in (one, other):
            diary.review(entry, by=MODERATOR, approve=True)
        diary.publish()
        diary.withdraw(other, by=ALICE)
        diary.publish()
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(
                "UPDATE records SET canonical = NULL, salt = NULL, erased = 2 WHERE commitment = ?",
                (one.commitment,),
            )
        table = diary.records().set_index("commitment")
        assert table.loc[other.commitment, ["proved", "check"]].tolist() == [True, "content erased"]
        assert table.loc[one.commitment, ["proved", "check"]].tolist() == [
            False,
            "content is missing",
        ]
        # Nor does a withdrawal that somebody else signed.
        forged = diary.archive.stories([other.commitment])[other.commitment][1:][-1]
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(
                "UPDATE records SET signature = ? WHERE commitment = ?",
                (one.signature, forged.commitment),
            )
        table = diary.records().set_index("commitment")
        assert table.loc[other.commitment, "check"] == "content is missing"


# --- one program at a time -----------------------------------------------------------------------

WORKER = """
import sys
import kit
from kit import people
from kit.errors import NothingWaiting
path, url, name = sys.argv[1:]
diary = kit.Diary.open(kit.chain.connect(url), path)
for number in range(12):
    entry = diary.post(people.alice, f"{name} {number}", place="b")
    diary.review(entry, by=people.moderator, approve=True)
    print(entry.commitment, flush=True)
    if number % 3 == 2:
        try:
            diary.publish()
        except NothingWaiting:  # the other program has published it
            pass
"""


def test_two_programs_take_turns(anvil: Any, tmp_path: Path) -> None:
    path = tmp_path / "diary.sqlite"
    Diary.open(anvil, path).close()
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, path, anvil.url, name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    said = [worker.communicate(timeout=60) for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], said
    accepted = "".join(out for out, _ in said).split()
    with closing(Diary.open(anvil, path)) as diary:
        while diary.archive.ready_count():
            diary.publish()
        table = diary.records()
        assert sorted(table.loc[table["type"] == "entry", "commitment"]) == sorted(accepted)
        assert table["proved"].all()
        assert len(table) == 48


def test_a_turn_that_does_not_end(
    chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "diary.sqlite"
    monkeypatch.setattr(archive_module, "PATIENCE", 0.1)
    with closing(opened(chain, path)) as diary, closing(Diary.open(chain, path)) as other:
        entry = diary.post(ALICE, "a", place="b")
        with diary.archive.lock(), diary.archive.lock():  # it may be nested
            diary.review(entry, by=MODERATOR, approve=True)
            start = time.monotonic()
            for act in (
                lambda: other.post(ALICE, "b", place="b"),
                other.publish,
                lambda: Diary.open(chain, path),
            ):
                with pytest.raises(ArchiveError, match=r"a turn at .*another program's"):
                    act()
            assert time.monotonic() - start < 5
        other.publish()  # two diaries on one file see the same
        assert diary.state(entry) == other.state(entry) == "published"


# --- batches that landed though nobody was told ---------------------------------------------------


@pytest.mark.parametrize("error", [Reverted("SequenceMismatch()"), NodeDown("a node", "none", "")])
def test_a_batch_that_landed_unheard_is_not_sent_again(
    chain: Any, monkeypatch: pytest.MonkeyPatch, error: ChainError
) -> None:
    with closing(opened(chain, None)) as diary:  # type: ignore[arg-type]
        entry = diary.post(ALICE, "a", place="b")
        diary.review(entry, by=MODERATOR, approve=True)
        append = diary.log.append

        def unheard(*args: Any, **more: Any) -> Any:
            append(*args, **more)
            raise error

        monkeypatch.setattr(diary.log, "append", unheard)
        if isinstance(error, Reverted):
            batch = diary.publish()  # refused because the first try is there
        else:
            with pytest.raises(NodeDown):
                diary.publish()
            batch = diary.publish()  # finds it
        monkeypatch.undo()
        assert (batch.count, diary.log.record_count(), diary.log.batch_count()) == (2, 2, 1)
        assert diary.outbox.pending() is None
        assert diary.records()["proved"].all()
        assert kit.verify(diary.certificate(entry), diary.log, leaves=diary.leaves()).ok


def test_another_registrar_s_batch_in_between(chain: Any) -> None:
    with closing(opened(chain, None)) as diary:  # type: ignore[arg-type]
        entry = diary.post(ALICE, "a", place="b")
        diary.review(entry, by=MODERATOR, approve=True)
        leaves = diary.archive.ready(0, 10)
        diary.outbox.plan(leaves)
        strange = Leaf(0, "entry", ALICE.address, 0, "0x" + "00" * 32, "0x" + "11" * 32)
        diary.log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
        diary.log.append(strange.hash(), 0, 1, by=people.bob)
        with pytest.raises(ChainError, match="Another registrar was faster"):
            diary.publish()
        assert diary.publish().first_seq == 1
        table = diary.records()
        assert list(table["proved"]) == [False, True, True]


# --- what is not shown, what is not taken -----------------------------------------------------------


def test_no_message_shows_a_key(chain: Any) -> None:
    secret = ALICE.key.hex().removeprefix("0x")
    with closing(opened(chain, None)) as diary:  # type: ignore[arg-type]
        entry = diary.post(ALICE, "a", place="b")
        for key in (ALICE.key, bytes(ALICE.key), secret, "0x" + secret, int(secret, 16)):
            wrong: Any = key
            for act in (
                lambda wrong=wrong: diary.post(wrong, "a", place="b"),
                lambda wrong=wrong: diary.review(entry, by=wrong, approve=True),
                lambda wrong=wrong: diary.review(wrong, by=MODERATOR, approve=True),
                lambda wrong=wrong: diary.appeal(entry, "a", by=wrong),
                lambda wrong=wrong: diary.witness(entry, by=wrong),
                lambda wrong=wrong: diary.withdraw(entry, by=wrong),
                lambda wrong=wrong: diary.bulletin(wrong, "a", {"b": 1}, as_of=chain.now()),
                lambda wrong=wrong: diary.trace(wrong),
                lambda wrong=wrong: diary.certificate(wrong),
            ):
                with pytest.raises((NotAllowed, RecordError)) as caught:
                    act()
                assert secret not in str(caught.value)
                assert str(int(secret, 16)) not in str(caught.value)


def test_what_is_about_a_record_comes_after_it(chain: Any) -> None:
    with closing(opened(chain, None)) as diary:  # type: ignore[arg-type]
        chain.mine(10)
        early, now = chain.block(3).time, chain.now()
        entry = diary.post(ALICE, "a", place="b", at=now)
        with pytest.raises(RecordError, match="a time from"):
            diary.review(entry, by=MODERATOR, approve=False, at=early)
        diary.review(entry, by=MODERATOR, approve=False, at=now)
        for act in (
            lambda: diary.appeal(entry, "a", by=ALICE, at=early),
            lambda: diary.withdraw(entry, by=ALICE, at=early),
        ):
            with pytest.raises(RecordError, match="a time from"):
                act()
        assert diary.state(entry) == "rejected"
