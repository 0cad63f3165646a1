"""The diary: the whole path, every refusal, every crash, every change behind its back."""

from __future__ import annotations

import gc
import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kit
import kit.chain.solidity
import kit.diary.archive
import kit.diary.diary
import kit.log.contract
from kit import people
from kit.core import Attachment, Leaf, Record, SignedRecord, Tree, sign
from kit.core import record as records
from kit.diary import COLUMNS, Diary, lesson_salt
from kit.diary.outbox import Outbox
from kit.errors import (
    ArchiveError,
    AttachmentError,
    ChainError,
    FinalityLost,
    KitError,
    NodeDown,
    NotAllowed,
    NothingWaiting,
    RecordError,
    Reverted,
    WrongChain,
)
from kit.log import MODERATOR_ROLE, REGISTRAR_ROLE, Log

ALICE, BOB, CAROL = people.alice, people.bob, people.carol
MODERATOR, REGISTRAR = people.moderator, people.registrar
PICTURE = Attachment.of("a.png", b"\x89PNG\r\n\x1a\n one")
NONSENSE = "0x" + "12" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "diary.sqlite"


@pytest.fixture
def begin(chain: Any, path: Path) -> Iterator[Callable[..., Diary]]:
    """``Diary.open`` on the test's chain and file, closed at the end whatever happens."""
    opened: list[Diary] = []

    def make(on: Any = None, archive: Path | None = path, **more: Any) -> Diary:
        opened.append(Diary.open(on or chain, archive, **more))
        return opened[-1]

    yield make
    for diary in opened:
        diary.close()


@pytest.fixture
def diary(begin: Callable[..., Diary]) -> Diary:
    return begin()


def tell(diary: Diary, text: str = "你好", by: Any = ALICE, **more: Any) -> SignedRecord:
    """Post and approve."""
    entry = diary.post(by, text, place="泉州", **more)
    diary.review(entry, by=MODERATOR, approve=True)
    return entry


def tamper(path: Path, statement: str, *values: object) -> None:
    """Change the archive's file behind the diary's back."""
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(statement, values).rowcount > 0, "the test changed nothing"
        db.commit()


def test_nothing_but_the_platform_touches_the_archive() -> None:
    root = Path(kit.__file__).parent
    touching = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if path.parent.name != "diary"
        and re.search(r"\.archive\b|\bArchive\b", path.read_text(encoding="utf-8"))
    }
    assert not touching


def test_a_move_by_its_name(diary: Diary) -> None:
    entry = diary.post(ALICE, "你好", place="泉州")
    for wrong in ("publish", "erase", "post", ""):
        with pytest.raises(RecordError, match="one of the moves approve, reject"):
            diary.act(wrong, entry, by=MODERATOR)
    with pytest.raises(KitError, match="a text as move, got None"):
        diary.act(None, entry, by=MODERATOR)  # type: ignore[arg-type]
    diary.act("approve", entry, by=MODERATOR, reason="好")
    with pytest.raises(RecordError, match="one of the moves approve, reject"):
        diary.act("publish", entry, by=MODERATOR)  # which the rules would have next
    diary.publish()
    witness = diary.act("witness", entry, by=BOB, note="I saw it")
    assert diary.state(entry) == "published"
    assert dict(witness.record.body) == {"note": "I saw it"}
    review = diary.latest("review", 1)[0].signed()
    assert review
    assert review.record.body["reason"] == "好"


def test_records_that_were_signed_elsewhere(diary: Diary) -> None:
    told = [Record.entry(ALICE.address, diary.chain.now(), text, place="泉州") for text in "甲乙"]
    log, salt = diary.log.log_id, b"s" * 32
    made = [SignedRecord(x, salt, sign(records.commitment(x, salt), log, ALICE)) for x in told]
    with pytest.raises(RecordError, match="a new record"):
        diary.keep([*made, made[0]])
    assert diary.record_count() == 0
    diary.keep(made)
    assert diary.record_count() == 2
    assert diary.waiting() == made


# --- the whole path ------------------------------------------------------------------------------


def test_from_text_to_a_table_that_is_proved(diary: Diary) -> None:
    first = diary.post(ALICE, "十人一桌", place="泉州", attachments=[PICTURE, PICTURE])
    second = diary.post(BOB, "<script>🎲</script>", place="莆田", role="nurse")
    assert diary.waiting() == [first, second]
    yes = diary.review(first, by=MODERATOR, approve=True)
    no = diary.review(second, by=MODERATOR, approve=False, reason_code="html", reason="No.")
    assert diary.waiting() == []
    batch = diary.publish()
    assert (batch.number, batch.first_seq, batch.count) == (0, 0, 3)
    third = tell(diary, "第二天", by=BOB)
    later = diary.publish()
    assert (later.number, later.first_seq, later.count) == (1, 3, 2)

    table = diary.records()
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert list(table["check"]) == ["ok"] * 5
    assert table["proved"].all()
    assert list(table["seq"]) == [0, 1, 2, 3, 4]
    assert list(table["batch"]) == [0, 0, 0, 1, 1]
    assert list(table["type"]) == ["entry", "review", "review", "entry", "review"]
    assert list(table["commitment"])[:4] == [x.commitment for x in (first, yes, no, third)]
    # The rejected entry is not in the log; that it was rejected is.
    assert second.commitment not in set(table["commitment"])
    row = table.iloc[2]
    assert (row["subject"], row["decision"]) == (second.commitment, "reject")
    assert row["author"] == MODERATOR.address
    row = table.iloc[0]
    assert row["author"] == ALICE.address
    assert (row["text"], row["place"], row["role"]) == ("十人一桌", "泉州", "resident")
    assert row["attachments"] == 2
    assert pd.isna(row["subject"])
    assert pd.isna(row["decision"])
    assert row["at"] == pd.Timestamp(first.record.at)
    for name in ("block_number", "block_hash", "block_time", "transaction_hash"):
        assert row[name] == getattr(batch.anchor, name)
        assert table.iloc[4][name] == getattr(later.anchor, name)


def test_the_chain_itself_proves_every_row(diary: Diary) -> None:
    for text in ("一", "二", "三"):
        tell(diary, text)
    batch = diary.publish()
    leaves = [leaf for leaf, _ in diary.archive.leaves(0, 6)]
    assert [leaf.seq for leaf in leaves] == [0, 1, 2, 3, 4, 5]
    tree = Tree(leaf.hash() for leaf in leaves)
    for leaf in leaves:
        proof = [bytes.fromhex(x[2:]) for x in tree.proof(leaf.hash())]
        call = diary.log.contract.functions.includes(
            batch.number, bytes.fromhex(leaf.hash()[2:]), proof
        )
        assert diary.chain.call(call)


def test_an_empty_diary_gives_an_empty_table(diary: Diary) -> None:
    table = diary.records()
    assert len(table) == 0
    assert table.dtypes.astype(str).to_dict() == COLUMNS


def test_everything_goes_on_after_reopening(begin: Callable[..., Diary]) -> None:
    first = begin()
    done, ready = tell(first, "done"), None
    first.publish()
    ready = tell(first, "ready")
    waits = first.post(ALICE, "waits", place="泉州")
    first.close()
    again = begin()
    assert again.log.address == first.log.address
    assert again.waiting() == [waits]
    assert again.publish().first_seq == 2
    table = again.records()
    assert table["proved"].all()
    assert list(table[table["type"] == "entry"]["commitment"]) == [
        done.commitment,
        ready.commitment,
    ]


def test_salts_are_fixed_on_the_embedded_chain_only(diary: Diary, anvil: Any) -> None:
    assert diary.post(ALICE, "a", place="b").salt == lesson_salt(0)
    assert diary.post(ALICE, "a", place="b").salt == lesson_salt(1)
    with closing(Diary.open(anvil)) as other:
        salts = {other.post(ALICE, "a", place="b").salt for _ in range(3)}
    assert len(salts) == 3
    assert not salts & {lesson_salt(i) for i in range(10)}


def test_more_records_than_a_batch_holds(begin: Callable[..., Diary]) -> None:
    diary = begin(archive=None)
    for number in range(520):
        tell(diary, f"Entry {number}")
    assert diary.archive.ready_count() == 1040
    assert diary.publish().count == 1024
    assert diary.archive.ready_count() == 16
    last = diary.publish()
    assert (last.first_seq, last.count) == (1024, 16)
    table = diary.records()
    assert len(table) == 1040
    assert table["proved"].all()
    assert table["commitment"].is_unique
    assert table["at"].is_monotonic_increasing
    with pytest.raises(NothingWaiting):
        diary.publish()


def test_on_anvil_it_is_the_same(anvil: Any, begin: Callable[..., Diary]) -> None:
    diary = begin(anvil)
    tell(diary, attachments=[PICTURE])
    assert diary.publish().count == 2
    assert list(diary.records()["check"]) == ["ok", "ok"]


def test_attachments_by_path(diary: Diary, tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(PICTURE.content)
    entry = diary.post(
        ALICE, "a", place="b", attachments=[str(tmp_path / "b.png"), tmp_path / "b.png"]
    )
    assert [file["name"] for file in entry.record.body["attachments"]] == ["b.png", "b.png"]
    assert diary.archive.file(PICTURE.sha256) == PICTURE.content


# --- posts that are refused ----------------------------------------------------------------------


@pytest.mark.parametrize("account", [ALICE.address, "alice", None, ALICE.key, 5])
def test_who_posts_needs_a_key(diary: Diary, account: Any) -> None:
    with pytest.raises(NotAllowed, match="the author as an account with its key"):
        diary.post(account, "a", place="b")
    entry = diary.post(ALICE, "a", place="b")
    with pytest.raises(NotAllowed, match="whoever signs as an account with its key"):
        diary.review(entry, by=account, approve=True)
    assert diary.archive.count() == 1


def test_a_wrong_post_keeps_nothing(diary: Diary, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("text")
    now = diary.chain.now()
    for expected, more in (
        ("an empty text", {"text": ""}),
        ("the place of 1 to 80", {"place": " "}),
        ("the role", {"role": "x" * 81}),
        ("a time with a time zone", {"at": datetime(2021, 9, 10)}),
        ("a time with a time zone", {"at": "2021-09-10"}),
        ("a time in whole seconds", {"at": now - timedelta(microseconds=1)}),
        ("a time up to the chain's now", {"at": now + timedelta(seconds=1)}),
        ("a time up to the chain's now", {"at": datetime(9999, 1, 1, tzinfo=UTC)}),
        ("no file at", {"attachments": [tmp_path / "none.png"]}),
        ("whose content is none", {"attachments": [PICTURE, tmp_path / "text.png"]}),
        ("at most 9 files", {"attachments": [PICTURE] * 10}),
    ):
        wrong: Any = {"text": "a", "place": "b"} | more
        with pytest.raises(RecordError, match=expected):
            diary.post(ALICE, wrong.pop("text"), **wrong)
    assert diary.archive.count() == 0
    assert diary.archive.file(PICTURE.sha256) is None
    assert diary.waiting() == []


def test_the_time_is_the_chains_unless_given(diary: Diary) -> None:
    now = diary.chain.now()
    assert diary.post(ALICE, "a", place="b").record.at == now
    assert diary.post(ALICE, "a", place="b", at=now).record.at == now
    earlier = now - timedelta(days=3)
    assert diary.post(ALICE, "a", place="b", at=earlier).record.at == earlier


def test_a_second_identical_post_is_another_record(diary: Diary) -> None:
    # Only the salt differs.
    at = diary.chain.now()
    one, two = (diary.post(ALICE, "a", place="b", at=at) for _ in range(2))
    assert one.record == two.record
    assert one.commitment != two.commitment


# --- reviews that are refused --------------------------------------------------------------------


def test_only_moderators_review_and_only_while_they_are(diary: Diary) -> None:
    entry = diary.post(ALICE, "a", place="b")
    for person in (BOB, REGISTRAR, ALICE):
        with pytest.raises(NotAllowed, match=f"a moderator of this log, got {person.address}"):
            diary.review(entry, by=person, approve=True)
    diary.log.grant(MODERATOR_ROLE, BOB.address, by=REGISTRAR)
    assert diary.review(entry, by=BOB, approve=True).record.author == BOB.address
    revoke = diary.log.contract.functions.revokeRole(MODERATOR_ROLE, BOB.address)
    diary.chain.send(revoke, by=REGISTRAR)
    another = diary.post(ALICE, "c", place="d")
    with pytest.raises(NotAllowed, match="Ask the log's admin for MODERATOR_ROLE"):
        diary.review(another, by=BOB, approve=True)
    assert diary.waiting() == [another]


def test_a_decision_is_made_once(diary: Diary) -> None:
    entry = diary.post(ALICE, "a", place="b")
    diary.review(entry, by=MODERATOR, approve=False)
    for approve in (True, False):
        with pytest.raises(RecordError, match=r"one that is (rejected|approved)"):
            diary.review(entry, by=MODERATOR, approve=approve)
    diary.publish()
    with pytest.raises(RecordError, match=r"one that is (rejected|approved)"):
        diary.review(entry, by=MODERATOR, approve=True)


def test_only_entries_of_this_diary_are_reviewed(diary: Diary, chain: Any) -> None:
    with closing(Diary.open(chain)) as other:
        stranger = other.post(ALICE, "not here", place="b")
    entry = diary.post(ALICE, "a", place="b")
    said = diary.review(entry, by=MODERATOR, approve=True)
    wrong: Any
    for wrong in (stranger, said, said.commitment, entry.record, None):
        with pytest.raises(RecordError, match=r"an entry of this diary.*Pass what this diary"):
            diary.review(wrong, by=MODERATOR, approve=True)


def test_a_review_comes_after_its_entry_and_not_after_now(diary: Diary) -> None:
    at = diary.chain.now()
    entry = diary.post(ALICE, "a", place="b", at=at)
    for expected, wrong in (
        ("a time from 2021-09-09", at - timedelta(seconds=1)),
        ("a time up to the chain's now", at + timedelta(seconds=1)),
        ("a time with a time zone", at.replace(tzinfo=None)),
        ("a time with a time zone", "now"),
    ):
        with pytest.raises(RecordError, match=expected):
            diary.review(entry, by=MODERATOR, approve=True, at=wrong)  # type: ignore[arg-type]
    assert diary.waiting() == [entry]
    assert diary.review(entry, by=MODERATOR, approve=True, at=at).record.at == at


def test_a_review_with_a_wrong_reason_keeps_nothing(diary: Diary) -> None:
    entry = diary.post(ALICE, "a", place="b")
    for wrong in ({"reason_code": "x" * 81}, {"reason": "x" * 5001}, {"reason": "\0"}):
        with pytest.raises(RecordError, match="the reason"):
            diary.review(entry, by=MODERATOR, approve=True, **wrong)
    assert diary.waiting() == [entry]


# --- publishing ----------------------------------------------------------------------------------


def test_nothing_waiting_counts_what_waits_for_review(diary: Diary) -> None:
    with pytest.raises(NothingWaiting, match="got none, and 0 entries that wait"):
        diary.publish()
    for text in ("a", "b"):
        diary.post(ALICE, text, place="泉州")
    with pytest.raises(NothingWaiting, match="got none, and 2 entries that wait"):
        diary.publish()
    assert diary.log.batch_count() == 0


def test_only_a_registrar_publishes(begin: Callable[..., Diary], path: Path) -> None:
    first = begin()
    tell(first)
    first.close()
    other = begin(registrar=BOB)
    before, head = path.read_bytes(), other.chain.head
    with pytest.raises(NotAllowed, match=f"the registrar of this log, got {BOB.address}"):
        other.publish()
    assert path.read_bytes() == before
    assert other.chain.head == head
    assert begin().publish().count == 2


def test_a_node_that_is_down_loses_nothing(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "chain.json"
    with kit.chain.anvil(state=state) as node:
        diary = Diary.open(node, path)
        entry = tell(diary)
        kept = diary.log.chain.genesis_hash
    before = path.read_bytes()
    with pytest.raises(NodeDown):
        diary.publish()
    with pytest.raises(NodeDown):
        diary.post(ALICE, "a", place="b")
    with pytest.raises(NodeDown):
        diary.review(entry, by=MODERATOR, approve=True)
    with pytest.raises(NodeDown):
        diary.records()
    with pytest.raises(NodeDown):  # and not "another chain"
        Diary.open(node, path)
    diary.close()
    assert path.read_bytes() == before
    with kit.chain.anvil(state=state) as node, closing(Diary.open(node, path)) as again:
        assert again.chain.genesis_hash == kept
        assert again.publish().count == 2
        assert again.records()["proved"].all()


# --- crashes -------------------------------------------------------------------------------------


class Crash(BaseException):
    """The end of the process, wherever it happens."""


def crash_before(real: Any) -> Any:
    def append(*args: Any, **more: Any) -> Any:
        raise Crash

    return append


def crash_after(real: Any) -> Any:
    def append(*args: Any, **more: Any) -> Any:
        real(*args, **more)
        raise Crash

    return append


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("crash", [crash_before, crash_after])
def test_a_crash_while_sending_is_finished_once(
    crash: Any, reopened: bool, begin: Callable[..., Diary], monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = begin()
    first = tell(diary, "first")
    monkeypatch.setattr(Log, "append", crash(Log.append))
    with pytest.raises(Crash):
        diary.publish()
    monkeypatch.undo()
    assert diary.outbox.pending() is not None
    second = tell(diary, "second")
    if reopened:
        diary.close()
        diary = begin()
    # What landed is found when the archive is opened.
    landed = reopened and crash is crash_after
    batch = diary.log.batches()[0] if landed else diary.publish()
    # The batch as it was planned; what came since waits for the next.
    assert (batch.number, batch.first_seq, batch.count) == (0, 0, 2)
    assert diary.outbox.pending() is None
    assert diary.publish().first_seq == 2
    with pytest.raises(NothingWaiting):
        diary.publish()
    table = diary.records()
    assert list(table["check"]) == ["ok"] * 4
    entries = table[table["type"] == "entry"]
    assert list(entries["commitment"]) == [first.commitment, second.commitment]
    assert diary.log.record_count() == 4


def test_a_crash_before_the_landing_is_noted(diary: Diary, monkeypatch: pytest.MonkeyPatch) -> None:
    tell(diary)

    def crash(self: Any, plan: Any) -> None:
        raise Crash

    monkeypatch.setattr(Outbox, "mark", crash)
    with pytest.raises(Crash):
        diary.publish()
    monkeypatch.undo()
    assert diary.records()["proved"].all()
    assert diary.publish().first_seq == 0
    assert diary.log.batch_count() == 1


def test_a_node_that_dies_while_sending_keeps_the_plan(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(diary)

    def dead(*args: Any, **more: Any) -> Any:
        raise NodeDown("a node", "silence", "Start it.")

    monkeypatch.setattr(Log, "append", dead)
    with pytest.raises(NodeDown):
        diary.publish()
    monkeypatch.undo()
    assert diary.publish().count == 2
    assert diary.records()["proved"].all()


def test_another_registrar_was_faster_after_a_crash(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = tell(diary)
    monkeypatch.setattr(Log, "append", crash_before(Log.append))
    with pytest.raises(Crash):
        diary.publish()
    monkeypatch.undo()
    diary.log.grant(REGISTRAR_ROLE, BOB.address, by=REGISTRAR)
    diary.log.append(NONSENSE, 0, 5, by=BOB)
    with pytest.raises(ChainError, match=r"the number 0 to be free.*publish again"):
        diary.publish()
    assert diary.outbox.pending() is None
    assert diary.publish().first_seq == 5
    table = diary.records()
    assert list(table["check"]) == ["not in the archive"] * 5 + ["ok"] * 2
    assert table.iloc[5]["commitment"] == entry.commitment


def test_another_registrar_was_faster_by_a_moment(
    diary: Diary, monkeypatch: pytest.MonkeyPatch
) -> None:
    tell(diary)
    diary.log.grant(REGISTRAR_ROLE, BOB.address, by=REGISTRAR)
    diary.log.append(NONSENSE, 0, 1, by=BOB)
    with monkeypatch.context() as before:  # what was read before the other came
        before.setattr(Log, "record_count", lambda self: 0)
        before.setattr(Log, "batches", lambda *_: [])
        with pytest.raises(Reverted, match=r"SequenceMismatch\(expected=1, got=0\)"):
            diary.publish()
        # Nothing that was shown so far says that the batch is not its own: it is kept.
        assert diary.outbox.pending() is not None
    with pytest.raises(ChainError, match=r"another batch there.*publish again"):
        diary.publish()
    assert diary.outbox.pending() is None
    assert diary.publish().first_seq == 1


def test_a_batch_that_this_archive_knows_nothing_of(diary: Diary) -> None:
    diary.log.grant(REGISTRAR_ROLE, BOB.address, by=REGISTRAR)
    diary.log.append(NONSENSE, 0, 2, by=BOB)
    tell(diary)
    diary.publish()
    table = diary.records()
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert list(table["proved"]) == [False, False, True, True]
    assert list(table["check"]) == ["not in the archive"] * 2 + ["ok"] * 2
    assert list(table["seq"]) == [0, 1, 2, 3]
    assert table["at"].isna().tolist() == [True, True, False, False]


def test_a_batch_of_its_own_registrar_that_this_archive_knows_nothing_of(diary: Diary) -> None:
    """Its records may be among those that wait here: they would land again."""
    diary.log.append(NONSENSE, 0, 2, by=REGISTRAR)
    tell(diary)
    with pytest.raises(ArchiveError, match=r"without batch 0, which .*recover\(leaves=FOLDER\)"):
        diary.publish()
    assert diary.log.record_count() == 2


def test_a_batch_of_an_earlier_registrar_that_this_archive_knows_nothing_of(
    begin: Callable[..., Diary], chain: Any, path: Path, tmp_path: Path
) -> None:
    """A copy from before, opened by the next registrar: what was published since isn't again."""
    with closing(begin()) as diary:
        tell(diary, "one")
        diary.publish()
        tell(diary, "two")
        shutil.copy(path, tmp_path / "before.sqlite")
        diary.publish()
        diary.log.grant(REGISTRAR_ROLE, BOB.address, by=REGISTRAR)
        kit.export(diary, tmp_path / "export")
    with closing(Diary.open(chain, tmp_path / "before.sqlite", registrar=BOB)) as copy:
        with pytest.raises(ArchiveError, match="without batch 1, which"):
            copy.publish()
        assert copy.recover(leaves=tmp_path / "export") == [
            "records 2 to 3: taken from the export."
        ]
        with pytest.raises(NothingWaiting):
            copy.publish()
        assert copy.records()["proved"].all()


# --- the wrong chain -----------------------------------------------------------------------------


def refused_and_unchanged(open_it: Callable[[], object], path: Path, match: str) -> None:
    before = path.read_bytes()
    with pytest.raises(WrongChain, match=match):
        open_it()
    assert path.read_bytes() == before


def test_another_chain(begin: Callable[..., Diary], anvil: Any, path: Path) -> None:
    diary = begin()
    tell(diary)
    diary.publish()
    refused_and_unchanged(
        lambda: begin(anvil), path, "chain 20210921 with genesis .*, got chain 31337"
    )


def test_a_chain_that_was_restarted(begin: Callable[..., Diary], path: Path) -> None:
    diary = begin()
    tell(diary)
    diary.publish()
    # The same id and genesis: only the contract is not there.
    refused_and_unchanged(lambda: begin(kit.chain.embedded()), path, "it was restarted")
    # The contract at the same address, and empty.
    fresh = kit.chain.embedded()
    same = Log.deploy(fresh, by=REGISTRAR)
    assert same.address == diary.log.address
    refused_and_unchanged(lambda: begin(fresh), path, "it was restarted")
    # And with another batch at that number.
    same.append(NONSENSE, 0, 2, by=REGISTRAR)
    refused_and_unchanged(lambda: begin(fresh), path, "it was restarted")


def test_fewer_batches_than_the_archive_saw(begin: Callable[..., Diary], path: Path) -> None:
    diary = begin()
    tell(diary, "one")
    diary.publish()
    token = diary.chain.snapshot()
    tell(diary, "two")
    diary.publish()
    diary.chain.restore(token)
    refused_and_unchanged(begin, path, "it was restarted")


def test_another_contract(begin: Callable[..., Diary], chain: Any, path: Path) -> None:
    begin().close()
    storage = chain.deploy(kit.chain.load_artifact("DiaryStorage"), by=REGISTRAR)
    other = Log.deploy(chain, by=REGISTRAR)
    tell_to = begin()
    tell(tell_to)
    tell_to.publish()
    tell_to.close()
    for address in (storage.address, other.address, ALICE.address):
        tamper(path, "UPDATE home SET contract = ?", address)
        refused_and_unchanged(begin, path, "it was restarted")
    with pytest.raises(WrongChain):
        Log(chain, storage.address)


def test_an_archive_of_another_program_starts_no_diary(
    begin: Callable[..., Diary], chain: Any, path: Path
) -> None:
    path.write_text("Dear diary")
    head = chain.head
    with pytest.raises(kit.errors.ArchiveError):
        begin()
    assert path.read_text() == "Dear diary"
    assert chain.head == head  # and nothing was deployed for it


# --- changed behind its back ---------------------------------------------------------------------


WHOLE_BATCH = "the batch's leaves don't lead to its root on the chain"

# The table and what is changed in it; what `check` says of number 0, and of the rest of its batch.
CHANGES = [
    (
        "records",
        "canonical = CAST(replace(CAST(canonical AS TEXT), 'the first', 'the worst') AS BLOB)",
        "content differs from the commitment",
        "ok",
    ),
    ("records", "salt = zeroblob(32)", "content differs from the commitment", "ok"),
    ("records", "salt = zeroblob(31)", "a salt of 32 bytes", "ok"),
    ("records", "salt = 'text'", "a salt of 32 bytes", "ok"),
    ("records", "salt = 1000000000000", "a salt of 32 bytes", "ok"),
    (
        "records",
        "signature = (SELECT signature FROM records JOIN leaves USING (commitment) WHERE seq = 2)",
        "the signature is not the author's",
        "ok",
    ),
    ("records", "signature = '0x12'", "a signature of 65 bytes", "ok"),
    ("records", "signature = x'ff'", "a signature of 65 bytes", "ok"),
    ("records", "canonical = 'no JSON'", "unreadable", "ok"),
    ("records", "canonical = x'ff00'", "unreadable", "ok"),
    ("records", "canonical = x'5b5b5b'", "unreadable", "ok"),
    ("records", "canonical = zeroblob(1000000)", "unreadable", "ok"),
    ("records", "canonical = 7", "unreadable", "ok"),
    ("records", "canonical = x'7b7d'", "unreadable", "ok"),
    ("files", "content = x'00'", r"the file a\.png is missing or was changed", "ok"),
    ("files", "content = 'text'", r"the file a\.png is missing or was changed", "ok"),
    ("leaves", "author = 'BOB'", "the leaf was changed", "ok"),
    # The same 20 bytes, so the leaf's hash stays, but not as the record spells them.
    ("leaves", "author = lower(author)", "the signature is not the author's", "ok"),
    ("leaves", "author = 'nobody'", "unreadable", "ok"),
    ("leaves", "author = x'ff'", "unreadable", "ok"),
    ("leaves", "author = CAST(x'ff' AS TEXT)", "unreadable", "ok"),
    ("leaves", "type = 'witness'", "the leaf was changed", "ok"),
    ("leaves", "type = '<script>'", "unreadable", "ok"),
    ("leaves", "at = at + 1", "the leaf was changed", "ok"),
    ("leaves", "at = 0", "the leaf was changed", "ok"),
    ("leaves", "at = -1", "unreadable", "ok"),
    ("leaves", "at = -999999999999", "unreadable", "ok"),
    ("leaves", "at = 999999999999", "unreadable", "ok"),
    ("leaves", "at = 67768036191676800", "unreadable", "ok"),
    ("leaves", "at = 9223372036854775807", "unreadable", "ok"),
    ("leaves", "at = 1.5", "unreadable", "ok"),
    ("leaves", "at = 'now'", "unreadable", "ok"),
    ("leaves", "at = char(0)", "unreadable", "ok"),
    ("leaves", "at = x'00'", "unreadable", "ok"),
    ("leaves", "subject = 'NONSENSE'", "the leaf was changed", "ok"),
    ("leaves", "subject = '0x'", "unreadable", "ok"),
    ("leaves", "subject = '0x00'", "unreadable", "ok"),
    ("leaves", "subject = ''", "unreadable", "ok"),
    ("leaves", "subject = x'00'", "unreadable", "ok"),
    ("leaves", "commitment = 'NONSENSE'", "the leaf was changed", "ok"),
    ("leaves", "commitment = 'none'", "unreadable", "ok"),
    ("leaves", "commitment = x'12'", "unreadable", "ok"),
    ("leaves", "hash = 'NONSENSE'", "the leaf was changed", WHOLE_BATCH),
    ("leaves", "hash = ''", "the leaf was changed", WHOLE_BATCH),
    ("leaves", "hash = 5", "the leaf was changed", WHOLE_BATCH),
    ("leaves", "hash = x'00'", "the leaf was changed", WHOLE_BATCH),
    ("leaves", "hash = (SELECT hash FROM leaves WHERE seq = 1)", "the leaf was", WHOLE_BATCH),
    ("leaves", "seq = 99", "not in the archive", WHOLE_BATCH),
    ("leaves", "DELETE", "not in the archive", WHOLE_BATCH),
    ("records", "DELETE", "content is missing", "ok"),
    ("files", "DELETE", r"the file a\.png is missing or was changed", "ok"),
]

WHERE = {
    "leaves": "seq = 0",
    "records": "commitment = (SELECT commitment FROM leaves WHERE seq = 0)",
    "files": "true",
}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Diary:
    """Two batches: the entries have the numbers 0, 2 and 4; 0 has a picture."""
    diary = Diary.open(kit.chain.embedded(), tmp_path_factory.mktemp("diary") / "diary.sqlite")
    tell(diary, "the first", attachments=[PICTURE])
    tell(diary, "the second", by=BOB)
    diary.publish()
    tell(diary, "the third", by=CAROL)
    diary.publish()
    diary.close()
    return diary


@pytest.fixture
def published(original: Diary, path: Path, begin: Callable[..., Diary]) -> Diary:
    """The same diary on a copy of its file, for the test to change."""
    shutil.copy(str(original.archive.path), path)
    diary = begin(original.chain)
    table = diary.records()
    assert list(table["type"]) == ["entry", "review"] * 3
    assert table["proved"].all()
    return diary


@pytest.mark.parametrize(("table_name", "change", "first", "others"), CHANGES)
def test_a_changed_archive_is_told(
    table_name: str, change: str, first: str, others: str, published: Diary, path: Path
) -> None:
    before = published.records()
    change = change.replace("BOB", BOB.address).replace("NONSENSE", NONSENSE)
    words = (
        ["DELETE FROM", table_name] if change == "DELETE" else ["UPDATE", table_name, "SET", change]
    )
    tamper(path, " ".join([*words, "WHERE", WHERE[table_name]]))
    table = published.records()
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert list(table["seq"]) == [0, 1, 2, 3, 4, 5]
    assert not table["proved"][0]
    assert pd.Series([table["check"][0]]).str.contains(first)[0], table["check"][0]
    assert len(table["check"][0]) < 600
    assert list(table["check"][1:4]) == [others] * 3
    assert list(table["proved"][1:4]) == [others == "ok"] * 3
    assert list(table["check"][4:]) == ["ok", "ok"]
    anchored = ["batch", "block_number", "block_hash", "block_time", "transaction_hash"]
    pd.testing.assert_frame_equal(table[anchored], before[anchored])
    # The numbers of who took part leave it out, and say so.
    assert kit.participation.head_count(table)["left out"] == (1 if others == "ok" else 4)


def test_two_leaves_that_changed_places(published: Diary, path: Path) -> None:
    one, _, two, _ = (leaf.commitment for leaf, _ in published.archive.leaves(0, 4))
    tamper(path, "UPDATE leaves SET commitment = 'x' WHERE seq = 0")
    tamper(path, "UPDATE leaves SET commitment = ? WHERE seq = 2", one)
    tamper(path, "UPDATE leaves SET commitment = ? WHERE seq = 0", two)
    table = published.records()
    changed = "the leaf was changed"
    assert list(table["check"]) == [changed, "ok", changed, "ok", "ok", "ok"]


def test_a_forged_leaf_with_its_right_hash_is_not_in_the_batch(
    published: Diary, path: Path
) -> None:
    (leaf, _), *_ = published.archive.leaves(0, 1)
    forged = Leaf(leaf.seq, leaf.type, leaf.author, leaf.at - 60, leaf.subject, leaf.commitment)
    tamper(path, "UPDATE leaves SET at = ?, hash = ? WHERE seq = 0", forged.at, forged.hash())
    assert list(published.records()["check"]) == [WHOLE_BATCH] * 4 + ["ok"] * 2


def test_a_record_in_anothers_name_is_not_proved(diary: Diary) -> None:
    # A registrar who makes up a record can get it into the log, but has not the author's key.
    at = diary.chain.now()
    made_up = Record.entry(ALICE.address, at, "I agree.", place="泉州")
    salt = bytes(32)
    committed = records.commitment(made_up, salt)
    signature = sign(committed, diary.log.log_id, REGISTRAR)
    diary.archive.add(SignedRecord(made_up, salt, signature))
    diary.review(SignedRecord(made_up, salt, signature), by=MODERATOR, approve=True)
    diary.publish()
    table = diary.records()
    assert list(table["check"]) == ["the signature is not the author's", "ok"]
    assert list(table["proved"]) == [False, True]


def test_a_leaf_that_says_other_than_its_record_is_not_proved(diary: Diary) -> None:
    # A batch can hold any leaf its registrar likes; the record tells.
    tell(diary)
    leaves = [replace(leaf, at=leaf.at - 86_400) for leaf in diary.archive.ready(0, 10)]
    diary.outbox.plan(leaves)
    diary.publish()
    assert list(diary.records()["check"]) == ["the leaf differs from the record"] * 2


def test_a_damaged_review_stops_no_reading(published: Diary, path: Path) -> None:
    tamper(path, "UPDATE records SET canonical = 'no JSON' WHERE type = 'review'")
    table = published.records()
    assert list(table["proved"]) == [True, False] * 3


def test_damaged_records_that_wait_are_a_kit_error(diary: Diary, path: Path) -> None:
    entry = tell(diary)
    tamper(path, "UPDATE records SET canonical = 'no JSON' WHERE commitment = ?", entry.commitment)
    with pytest.raises(KitError):
        diary.publish()
    assert diary.log.batch_count() == 0
    tamper(path, "UPDATE records SET canonical = 'no JSON'")
    with pytest.raises(KitError):
        diary.publish()
    assert diary.outbox.pending() is None


# --- how it shows itself -------------------------------------------------------------------------


def test_repr(diary: Diary) -> None:
    tell(diary)
    diary.post(ALICE, "waits", place="泉州")
    assert repr(diary) == (
        f"Diary on {diary.log!r}; 1 entries wait for review, 2 records for the next batch"
    )


def test_html_is_escaped(chain: Any, tmp_path: Path) -> None:
    with closing(Diary.open(chain, tmp_path / "<script>alert(1)<")) as diary:
        shown = kit.views.html(diary)
    assert "<script>" not in shown
    assert "&lt;script&gt;alert(1)&lt;" in shown
    assert diary.log.address in shown


def test_nothing_shows_a_salt(diary: Diary) -> None:
    entry = tell(diary)
    diary.publish()
    table = diary.records()
    shown = repr(entry) + repr(diary) + kit.views.html(diary) + table.to_csv()
    assert entry.salt.hex() not in shown
    assert entry.commitment in shown


def test_errors_say_what_was_expected_what_came_and_what_to_do(diary: Diary) -> None:
    entry = diary.post(ALICE, "a", place="b")
    refusals: list[Callable[[], object]] = [
        diary.publish,
        lambda: diary.post(ALICE, "", place="b"),
        lambda: diary.post(ALICE, "a", place="b", attachments=["none.png"]),
        lambda: diary.review(entry, by=BOB, approve=True),
        lambda: diary.review(entry, by=None, approve=True),  # type: ignore[arg-type]
    ]
    expected = [NothingWaiting, RecordError, AttachmentError, NotAllowed, NotAllowed]
    for refuse, kind in zip(refusals, expected, strict=True):
        with pytest.raises(kind) as caught:
            refuse()
        error = caught.value
        assert isinstance(error, KitError)
        assert str(error) == f"Expected {error.expected}, got {error.got}. {error.todo}"
        assert all((error.expected, error.got, error.todo))
        assert json.dumps(str(error))


def test_a_chain_that_was_wound_back_is_noticed(diary: Diary) -> None:
    before = diary.chain.snapshot()
    tell(diary, "published, and then the chain forgot it")
    diary.publish()
    diary.chain.restore(before)
    tell(diary, "the next")
    with pytest.raises(FinalityLost, match="records 0 to 1 in block 3, which were final"):
        diary.publish()
    assert diary.log.record_count() == 0
    assert diary.outbox.pending() is None


def test_an_archive_that_nobody_holds_closes_itself(chain: Any, path: Path) -> None:
    """Warnings are errors here, and since Python 3.13 an open database at its end is one."""
    diary = Diary.open(chain, path)
    database = diary.archive._db
    del diary
    gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        database.execute("SELECT 1")


def test_on_a_node_of_another_time_a_record_is_not_later_than_its_block(anvil: Any) -> None:
    """One of the lessons', started elsewhere, is in 2021; this machine's clock is not."""
    connected = kit.chain.connect(anvil.url)
    with closing(Diary.open(connected)) as diary:
        entry = diary.post(people.alice, "你好", place="泉州")
        diary.review(entry, by=people.moderator, approve=True)
        diary.publish()
        records = diary.records()
        assert records["proved"].all()
        assert records["lag"].between(0, 60).all()
        assert kit.verify(diary.certificate(entry), diary.log).ok
        with pytest.raises(RecordError, match="a time up to the chain's now"):
            diary.post(people.alice, "再见", place="泉州", at=connected.now() + timedelta(days=1))
