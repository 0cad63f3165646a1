"""An archive that was damaged: whatever is read, it is what was posted, or it is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import kit
from kit import people
from kit.core import Attachment
from kit.diary import entries
from kit.errors import ArchiveError, KitError

PICTURE = Attachment.of("a.png", b"\x89PNG\r\n\x1a\n one")
WHOLE = ["", "x", "null", "{}", "0x", 0, -1, 7, 2**62, 1.5, None, b"", b"\xff\x00", b"{}", "会"]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Published, witnessed, suspended, rejected, withdrawn and waiting entries; and what each says."""
    good = SimpleNamespace(chain=kit.chain.embedded(), said={}, tables={})
    good.path = tmp_path_factory.mktemp("damage") / "a.sqlite"
    diary = kit.Diary.open(good.chain, good.path)

    def tell(text: str, approve: bool | None = True, **more: Any) -> kit.core.SignedRecord:
        by = [people.alice, people.bob, people.carol][len(good.said) % 3]
        entry = diary.post(by, text, place="泉州", **more)
        good.said[entry.commitment] = (text, by.address)
        if approve is not None:
            diary.review(entry, by=people.moderator, approve=approve, reason_code="code")
        return entry

    one = tell("第一条", attachments=[PICTURE])
    gone, hidden = tell("要撤回"), tell("要暂停")
    tell("不通过", approve=False)
    diary.publish()
    diary.witness(one, by=kit.people.named("dora"), note="看见")
    diary.withdraw(gone, by=people.bob)
    diary.suspend(hidden, by=people.moderator, reason_code="code")
    diary.publish()
    tell("下一批")
    tell("在等", approve=None)
    tell("也在等", approve=None)
    good.proved = {row.seq: (row.commitment, row.text, row.author) for row in rows(diary)}
    diary.close()
    with closing(sqlite3.connect(good.path)) as database:
        names = [
            x for (x,) in database.execute("SELECT name FROM sqlite_schema WHERE type='table'")
        ]
        for name in names:
            found = database.execute(f"SELECT * FROM {name}")  # noqa: S608
            good.tables[name] = [column[0] for column in found.description]
    return good


def rows(diary: kit.Diary) -> Any:
    return filled(diary.records()).itertuples()


def filled(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a text where it has a gap, whatever the column."""
    return table.astype("object").where(table.notna(), "")


def change_a_cell(path: Path, good: SimpleNamespace, chance: random.Random) -> str:
    """Change one cell, swap two, take a row away or double it."""
    table = chance.choice([name for name in good.tables if name != "sent"])
    column = chance.choice(good.tables[table])
    with closing(sqlite3.connect(path)) as database:
        ids = [x for (x,) in database.execute(f"SELECT rowid FROM {table}")]  # noqa: S608
        one, other = chance.choice(ids), chance.choice(ids)
        kind = chance.choice(["other", "swap", "delete"])
        with suppress(sqlite3.IntegrityError):  # what SQLite itself doesn't take
            if kind == "other":
                value = chance.choice(WHOLE)
                database.execute(
                    f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?",  # noqa: S608
                    (value, one),
                )
            elif kind == "swap":
                database.execute(
                    f"UPDATE OR IGNORE {table} SET {column} ="  # noqa: S608
                    f" (SELECT {column} FROM {table} WHERE rowid = ?) WHERE rowid = ?",
                    (other, one),
                )
            else:
                database.execute(f"DELETE FROM {table} WHERE rowid = ?", (one,))  # noqa: S608
        database.commit()
    return f"{kind} {table}.{column} of {one}"


def change_bytes(path: Path, good: SimpleNamespace, chance: random.Random) -> str:
    content = bytearray(path.read_bytes())
    places = [chance.randrange(len(content)) for _ in range(chance.choice([1, 1, 4, 64]))]
    for place in places:
        content[place] ^= 1 << chance.randrange(8)
    path.write_bytes(bytes(content))
    return f"bytes {places[:3]}"


def tried(read: Callable[[], Any]) -> Any:
    """What is read, or nothing where one of our errors names the damage."""
    try:
        return read()
    except KitError:
        return []


def check(diary: kit.Diary, good: SimpleNamespace) -> None:
    """Read all that can be read: each gives what was said, or one of our errors."""
    for entry in tried(diary.waiting):
        told = (entry.record.body["text"], entry.record.author)
        assert good.said[entry.commitment] == told
    for row in tried(lambda: list(filled(entries(diary)).itertuples())):
        assert not row.text or good.said[row.commitment] == (row.text, row.author)
    for row in tried(lambda: list(rows(diary))):
        if row.proved:
            commitment, text, author = good.proved[row.seq]
            # Who may read it depends on its reviews, and one of them may be what was damaged.
            hidden = row.check == "content held back"
            text = "" if hidden else good.said.get(commitment, (text,))[0] if row.text else text
            assert (row.commitment, row.text, row.author) == (commitment, text, author)
    for commitment, said in good.said.items():
        check_one(diary, commitment, said)
    tried(diary.recover)
    tried(diary.ready)


def check_one(diary: kit.Diary, commitment: str, said: tuple[str, str]) -> None:
    certificate = tried(partial(diary.certificate, commitment))
    if certificate and certificate.record:
        assert (certificate.record.body["text"], certificate.record.author) == said
    for line in tried(lambda: diary.trace(commitment).lines):
        if line.proof == "proved" and line.record.type == "entry" and line.text:
            assert line.text in (said[0], "content erased")
    tried(partial(diary.state, commitment))


@pytest.mark.parametrize("damage", [change_a_cell, change_bytes])
@pytest.mark.parametrize(
    "times", [20, pytest.param(200, marks=pytest.mark.slow("two hundred damages of each kind"))]
)
def test_what_is_read_was_posted_or_is_named(
    damage: Any, times: int, good: SimpleNamespace, tmp_path: Path, capsys: Any
) -> None:
    chance = random.Random(f"{damage.__name__} 20210921")  # noqa: S311
    opened = 0
    for number in range(times):
        path = tmp_path / f"{number}.sqlite"
        shutil.copy(good.path, path)
        what = damage(path, good, chance)
        try:
            diary = kit.Diary.open(good.chain, path)
        except KitError:
            continue
        with closing(diary):
            opened += 1
            try:
                check(diary, good)
            except Exception as error:
                raise AssertionError(what) from error
        path.unlink()
    assert opened > times / 5


def test_a_damaged_entry_waits_for_nobody_and_is_named(
    good: SimpleNamespace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.sqlite"
    shutil.copy(good.path, path)
    with closing(sqlite3.connect(path)) as database:
        changed = database.execute(
            "UPDATE records SET canonical = CAST(replace(CAST(canonical AS TEXT), ?, ?) AS BLOB)"
            " WHERE instr(CAST(canonical AS TEXT), ?)",
            ("在等", "不等", '"在等"'),
        )
        assert changed.rowcount == 1
        database.commit()
    with closing(kit.Diary.open(good.chain, path)) as diary:
        assert [entry.record.body["text"] for entry in diary.waiting()] == ["也在等"]
        assert "not shown, as the archive was damaged: content differs" in capsys.readouterr().err


def test_a_damaged_entry_is_named_in_the_timeline(good: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    shutil.copy(good.path, path)
    with closing(kit.Diary.open(good.chain, path)) as diary:
        whole = entries(diary)
        assert list(whole["check"]) == ["ok", "held back", "held back"]
        kit.teaching.tamper(diary, whole["commitment"][0], "第一条", "别的话")
        found = entries(diary)
        assert list(found["check"]) == ["damaged in the archive", "held back", "held back"]
        assert found["text"].isna().all()
        page = kit.timeline(diary).page()
        assert "别的话" not in page
        assert "此条内容与存证不符，不予显示。" in page


def test_damage_that_sqlite_itself_can_t_name(good: SimpleNamespace, tmp_path: Path) -> None:
    """Its own words are no text then: it quotes the damaged bytes."""
    path = tmp_path / "a.sqlite"
    content = good.path.read_bytes()
    assert content.count(b"CREATE TABLE leaves") == 1
    path.write_bytes(content.replace(b"CREATE TABLE leaves", b"CREATE TABL\xcc leaves"))
    with pytest.raises(ArchiveError, match="damaged: choose another name, or take a copy"):
        kit.Diary.open(good.chain, path)
