"""The export of a diary, and reading it back: whole, the same in every run, and every change found."""

from __future__ import annotations

import codecs
import json
import shutil
import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from eth_utils import keccak
from frictionless import Package

import kit
import kit.audit.auditor
import kit.chain.base
import kit.core.merkle
import kit.diary.diary
import kit.log.contract
from kit import people
from kit.audit import TABLES, check, manifest, open_records
from kit.audit.export import _csv, _write_parquet, database
from kit.audit.read import _absent, _dicts, _from_parquet, _load, _signed
from kit.chain.embedded_chain import EmbeddedChain
from kit.core import LogId, sign, signer
from kit.diary import Diary
from kit.errors import DataError, WrongType
from kit.log import MODERATOR_ROLE, Log

FILES = sorted([f"{t}.{e}" for t in TABLES for e in ("csv", "parquet")])
TEXTS = ["=1+1", "+86 没打通", "- 一", "@你好", "'quoted'", "NA", 'a "b",\nc\td', "好好写字。"]


def made() -> tuple[EmbeddedChain, kit.Diary]:
    """A diary of awkward texts in two batches, and what is not published yet."""
    chain = kit.chain.embedded()
    diary = kit.Diary.open(chain)
    for number, text in enumerate(TEXTS):
        entry = diary.post(people.named(f"author {number % 5}"), text, place="=泉州")
        diary.review(entry, by=people.moderator, approve=True)
        if number in (2, len(TEXTS) - 1):
            diary.publish()
    diary.post(people.alice, "Not published.", place="厦门")
    return chain, diary


@pytest.fixture(scope="module")
def diary() -> kit.Diary:
    return made()[1]


@pytest.fixture(scope="module")
def written(diary: kit.Diary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return kit.export(diary, tmp_path_factory.mktemp("exports") / "diary", licence="CC0-1.0")


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def without_level(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what depends on whether a log was named."""
    return table.drop(columns=["level", "proved"])


def failing(table: pd.DataFrame) -> list[int]:
    """The rows that failed; a row is proved if it didn't, and a log was named."""
    bad = table["level"].eq("failed")
    assert table.loc[bad, "proved"].eq(False).all()
    assert table.loc[~bad, "proved"].eq(table.loc[~bad, "level"].isin(["included", "final"])).all()
    return list(table.index[bad])


def failed(table: pd.DataFrame) -> set[int]:
    steps = table.attrs["audit"]["steps"]
    return {step["number"] for step in steps if step["outcome"] == "failed"}


# --- what is written -----------------------------------------------------------------------------


def test_what_comes_back_is_what_the_diary_has(diary: kit.Diary, written: Path) -> None:
    alone, proved = kit.read(written), kit.read(written, diary.log)
    for table in (alone, proved):
        pd.testing.assert_frame_equal(without_level(table), without_level(diary.records()))
        assert list(table[table["type"] == "entry"]["text"]) == TEXTS
        assert "simulated" not in table.attrs
        assert table.attrs["audit"]["head_count"]["participants"] == 5
    # A folder says of itself that it is on a chain: nothing of it is proved before a log was named.
    assert (alone.attrs["level"], alone.attrs["place"]) == ("consistent", "")
    assert (set(alone["level"]), set(alone["proved"])) == ({"consistent"}, {False})
    place = f"up to block {diary.chain.head.number} of the log {diary.log.log_id}"
    assert (proved.attrs["level"], proved.attrs["place"]) == ("final", place)
    assert (set(proved["level"]), set(proved["proved"])) == ({"final"}, {True})
    pd.testing.assert_frame_equal(proved, diary.records())
    assert diary.records().attrs == {"level": "final", "place": place}
    outcomes = [step["outcome"] for step in alone.attrs["audit"]["steps"]]
    assert outcomes == ["not asked", "not asked", *["passed"] * 6, "not asked"]
    assert {step["outcome"] for step in proved.attrs["audit"]["steps"]} == {"passed"}


def test_a_record_that_is_later_than_its_block_is_proved_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As only a diary of other software publishes it: ours takes no time to come."""
    diary = kit.Diary.open(kit.chain.embedded())
    monkeypatch.setattr(kit.Diary, "_time", lambda self, at, since=0: at or self.chain.now())
    for days in (0, 2000):
        at = diary.chain.now() + timedelta(days=days)
        entry = diary.post(people.alice, f"{days} days", place="泉州", at=at)
        diary.review(entry, by=people.moderator, approve=True, at=at)
    diary.post(people.alice, "Not published.", place="厦门")
    diary.publish()
    folder = kit.export(diary, tmp_path / "export", licence="CC0-1.0")
    for table in (diary.records(), kit.read(folder), kit.read(folder, diary.log)):
        assert failing(table) == [2, 3]
        assert table["check"].tolist() == ["ok"] * 2 + ["dated later than its block"] * 2
    found = kit.audit.check(folder, diary.log)[0]
    assert (found.ok, found.later, found.head_count["entries"]) == (True, (2, 3), 1)
    assert "note: record 2 is later than its block" in repr(found)


def test_the_same_diary_gives_the_same_bytes(written: Path, tmp_path: Path) -> None:
    again = kit.export(made()[1], tmp_path / "again", licence="CC0-1.0")
    assert sorted(path.name for path in again.iterdir()) == sorted([*FILES, "datapackage.json"])
    for path in again.iterdir():
        assert path.read_bytes() == (written / path.name).read_bytes(), path.name


def test_the_package_is_valid_and_says_whose_it_is(diary: kit.Diary, written: Path) -> None:
    report = Package(str(written / "datapackage.json")).validate()
    assert report.flatten(["type", "message"]) == []
    assert report.valid
    assert report.stats["tasks"] == len(FILES)
    package = json.loads((written / "datapackage.json").read_text(encoding="utf-8"))
    assert package["licenses"] == [{"name": "CC0-1.0"}]
    assert package["civic_diary"].pop("signature").startswith("0x")  # test_manifest.py
    assert package["civic_diary"] == {
        "format": "civic-diary-export/1",
        "kit": kit.__version__,
        "chain_id": 20210921,
        "genesis_hash": diary.chain.genesis_hash,
        "contract": diary.log.address,
        "block_number": diary.chain.head.number,
        "block_hash": diary.chain.head.hash,
        "simulated": False,
    }


def test_the_package_is_checked_by_others(copy: Path) -> None:
    (copy / "leaves.csv").write_bytes(
        (copy / "leaves.csv").read_bytes().replace(b"entry", b"Entry")
    )
    assert not Package(str(copy / "datapackage.json")).validate().valid


def test_a_stranger_can_check_it_without_the_kit_s_reader(diary: kit.Diary, written: Path) -> None:
    for frame in (
        pd.read_csv(written / "records.csv", keep_default_na=False),
        pd.read_parquet(written / "records.parquet"),
    ):
        assert len(frame) == 2 * len(TEXTS)
        for row in frame.itertuples():
            hashed = keccak(bytes.fromhex(row.salt[2:]) + row.canonical.encode())
            assert row.commitment == "0x" + hashed.hex()
            author = json.loads(row.canonical)["author"]
            signed = signer(row.commitment, row.signature, diary.log.log_id)
            assert signed == author


def test_no_cell_of_the_csv_is_a_formula(written: Path) -> None:
    cells = pd.read_csv(written / "records.csv", dtype="str", keep_default_na=False)
    texts = [text for text in cells["text"] if text]
    assert texts[:5] == ["'=1+1", "'+86 没打通", "'- 一", "'@你好", "''quoted'"]
    for file in ("leaves", "batches", "records"):
        for column in pd.read_csv(
            written / f"{file}.csv", dtype="str", keep_default_na=False
        ).items():
            assert not column[1].str.startswith(("=", "+", "-", "@", "\t")).any(), column[0]
    exact = pq.read_table(written / "records.parquet")["text"].to_pylist()
    assert [text for text in exact if text] == TEXTS


def test_csv_alone_and_parquet_alone_are_enough(diary: kit.Diary, copy: Path) -> None:
    for ending in ("csv", "parquet"):
        part = Path(shutil.copytree(copy, copy.parent / ending))
        for path in part.glob(f"*.{ending}"):
            path.unlink()
        pd.testing.assert_frame_equal(kit.read(part, diary.log), diary.records())
        assert failed(kit.read(part)) == set()


def test_what_is_not_open_is_not_in_it(tmp_path: Path) -> None:
    diary = made()[1]
    closed = diary.leaves()[0].commitment
    diary.archive._db.execute("DELETE FROM records WHERE commitment = ?", (closed,))
    folder = kit.export(diary, tmp_path / "export")
    for path in folder.iterdir():
        assert TEXTS[0].encode() not in path.read_bytes()
    table = kit.read(folder, diary.log)
    assert list(table["check"]) == ["content is missing", *["ok"] * (len(table) - 1)]
    assert table.attrs["audit"]["ok"]
    assert table["text"].isna()[0]
    assert table.attrs["audit"]["head_count"]["entries"] == len(TEXTS)


def test_an_empty_diary(tmp_path: Path) -> None:
    diary = kit.Diary.open(kit.chain.embedded())
    table = kit.read(kit.export(diary, tmp_path / "export"), diary.log)
    assert len(table) == 0
    assert table.attrs["audit"]["ok"]
    assert table.dtypes.astype(str).to_dict() == kit.diary.diary.COLUMNS
    assert set(table.attrs["audit"]["head_count"].values()) == {0}


def test_simulated_travels(diary: kit.Diary, tmp_path: Path) -> None:
    folder = kit.export(diary, tmp_path / "export", simulated=True)
    table = kit.read(folder)
    assert table.attrs["simulated"] is True
    assert table.attrs["audit"]["simulated"] is True
    assert "Simulated" in json.loads((folder / "datapackage.json").read_text())["description"]
    assert "(simulated)" in repr(check(folder)[0])


def test_an_export_of_earlier_is_still_whole(tmp_path: Path) -> None:
    _, diary = made()
    folder = kit.export(diary, tmp_path / "export")
    before = diary.records()
    diary.review(diary.waiting()[0], by=people.moderator, approve=True)
    diary.publish()
    table = kit.read(folder, diary.log)
    pd.testing.assert_frame_equal(table, before)
    assert table.attrs["audit"]["ok"]
    assert "it has 2 newer ones" in table.attrs["audit"]["steps"][2]["reason"]


def test_parquet_as_it_is_written(written: Path) -> None:
    for name, columns in TABLES.items():
        table = pq.ParquetFile(written / f"{name}.parquet")
        kinds = {"integer": pa.int64(), "string": pa.string()}
        assert table.schema_arrow.equals(pa.schema([(c, kinds[k]) for c, k in columns.items()]))
        assert table.metadata.row_group(0).column(0).compression == "ZSTD"


def test_large_tables_are_in_groups_and_the_same_in_every_run(tmp_path: Path) -> None:
    row = dict.fromkeys(TABLES["leaves"], "0x12") | {"at": 1}
    rows = [row | {"seq": n, "author": f"a{n % 977}"} for n in range(220_000)]
    for number in range(3):
        _write_parquet("leaves", rows, tmp_path / f"{number}.parquet")
    one, *others = (path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert all(other == one for other in others)
    found = pq.ParquetFile(tmp_path / "0.parquet").metadata
    groups = [found.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert groups == [100_352, 100_352, 19_296]
    back = _from_parquet("leaves", one)
    assert back.to_dict("records") == rows


@pytest.mark.parametrize("seed", range(120))
def test_broken_parquet_ends_in_our_error(seed: int, written: Path) -> None:
    """Cut, or with bytes changed: it is refused, or read as a table of the right columns."""
    random = np.random.default_rng(seed)
    content = bytearray((written / "records.parquet").read_bytes())
    if seed % 3 == 0:
        del content[random.integers(len(content)) :]
    for _ in range(seed % 5):
        if content:
            content[-random.integers(1, min(len(content), 900) + 1)] = random.integers(256)
    with suppress(DataError):
        table = _from_parquet("records", bytes(content))
        assert list(table.columns) == list(TABLES["records"])


def test_a_column_of_parquet_whose_name_is_no_text(written: Path) -> None:
    content = (written / "records.parquet").read_bytes().replace(b"signature", b"\xff\xfegnature")
    with pytest.raises(DataError, match=r"Parquet in records\.parquet"):
        _from_parquet("records", content)


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table.append_column("more", table["seq"]),
        lambda table: table.append_column("seq", table["seq"]),
        lambda table: table.drop_columns("text"),
        lambda table: table.rename_columns([x.upper() for x in table.column_names]),
        lambda table: table.select(list(reversed(table.column_names))),
        lambda table: table.set_column(0, "seq", table["seq"].cast(pa.int32())),
        lambda table: table.set_column(0, "seq", table["seq"].cast(pa.uint64())),
        lambda table: table.set_column(0, "seq", table["seq"].cast(pa.string())),
        lambda table: table.set_column(5, "text", table["text"].cast(pa.binary())),
    ],
)
def test_other_columns_and_types_in_parquet(change: Any, copy: Path) -> None:
    path = copy / "records.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(DataError, match=r"the columns seq, commitment.* in records\.parquet"):
        kit.read(copy)


# --- written whole or not at all -----------------------------------------------------------------


def test_nothing_is_overwritten(diary: kit.Diary, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="which has something in it"):
        kit.export(diary, tmp_path)
    with pytest.raises(DataError, match="which has something in it"):
        kit.export(diary, tmp_path / "mine.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert kit.export(diary, tmp_path / "empty") == tmp_path / "empty"
    assert len(list((tmp_path / "empty").iterdir())) == len(FILES) + 1


def test_what_is_open_is_one_question_to_the_archive(diary: kit.Diary) -> None:
    leaves, asked = diary.leaves(), list[str]()
    diary.archive._db.set_trace_callback(asked.append)
    found = open_records(diary, leaves)
    diary.archive._db.set_trace_callback(None)
    assert [seq for seq, _ in found] == [leaf.seq for leaf in leaves]
    assert len(asked) == 1


def test_an_export_that_fails_leaves_nothing(
    diary: kit.Diary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == "records.csv":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left on device"):
        kit.export(diary, tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_without_the_log_s_leaves_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary = made()[1]
    leaves = diary.leaves()
    monkeypatch.setattr(diary, "leaves", lambda: [*leaves[:3], *leaves[4:]])
    with pytest.raises(DataError, match="record 3 is missing"):
        kit.export(diary, tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


# --- tampering -----------------------------------------------------------------------------------


def rehash(folder: Path) -> None:
    """What a registrar who tampers does last: give the changed files their new hashes, and sign.

    Somebody else can't sign: test_manifest.py.
    """
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    for resource in package["resources"]:
        resource["hash"] = "sha256:" + sha256((folder / resource["path"]).read_bytes()).hexdigest()
    seal(folder, package)


def seal(folder: Path, package: dict[str, Any]) -> None:
    """Write a manifest, signed by a registrar."""
    package["civic_diary"].pop("signature", None)
    about = package["civic_diary"]
    package = manifest.signed(
        package, LogId(about["chain_id"], about["contract"]), people.registrar
    )
    (folder / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")


def rewrite(folder: Path, name: str, change: Callable[[list[dict[str, Any]]], Any]) -> None:
    """Change a table in both its files, and the package with it: only what is signed can tell."""
    rows = pq.read_table(folder / f"{name}.parquet").to_pylist()
    change(rows)
    (folder / f"{name}.csv").write_bytes(_csv(name, rows))
    _write_parquet(name, rows, folder / f"{name}.parquet")
    rehash(folder)


@pytest.mark.parametrize("name", FILES)
def test_each_changed_file_is_found(name: str, copy: Path) -> None:
    path = copy / name
    if name.endswith(".csv"):
        content = path.read_bytes()
        path.write_bytes(content[:-2] + bytes([content[-2] ^ 1]) + b"\n")
    else:
        table = pq.read_table(path)
        pq.write_table(table.slice(0, table.num_rows - 1), path)
    table = kit.read(copy)
    assert 7 in failed(table)
    assert table.attrs["level"] == "failed"
    assert f"{name} was changed" in table.attrs["audit"]["steps"][6]["reason"]
    rehash(copy)
    assert 7 in failed(kit.read(copy))  # CSV and Parquet differ


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_other_ends_of_lines_change_nothing(diary: kit.Diary, copy: Path, mark: bytes) -> None:
    """As a checkout by git on Windows leaves it, or an editor that puts a mark before it."""
    before = kit.read(copy, diary.log)
    for path in [*copy.glob("*.csv"), copy / "datapackage.json"]:
        content = path.read_bytes()
        assert not content.startswith(codecs.BOM_UTF8)  # as the module says
        path.write_bytes(mark + content.replace(b"\n", b"\r\n"))
    again = kit.read(copy, diary.log)
    assert failed(again) == set()
    assert again.equals(before)
    # One more change is one all the same.
    path = copy / "leaves.csv"
    path.write_bytes(path.read_bytes().replace(b"entry", b"Entry", 1))
    assert 7 in failed(kit.read(copy))


def test_changes_of_the_leaves_are_found(diary: kit.Diary, copy: Path) -> None:
    rewrite(copy, "leaves", lambda rows: rows[4].update(at=rows[4]["at"] - 3600))
    for log in (None, diary.log):
        table = kit.read(copy, log)
        assert failed(table) == {6, 8}
        assert failing(table) == [4]
        assert "record 4 (row 4) was changed" in table["check"][4]


def test_a_leaf_changed_with_its_hash_is_named_by_its_author(copy: Path) -> None:
    """The root can only name the batch; the signed record names the row."""

    def change(rows: list[dict[str, Any]]) -> None:
        rows[1]["author"] = people.bob.address
        rows[1]["leaf"] = kit.core.Leaf(*list(rows[1].values())[:6]).hash()

    rewrite(copy, "leaves", change)
    table = kit.read(copy)
    assert failed(table) == {6, 8}
    assert table.attrs["audit"]["faults"][0]["kind"] == "batch"
    assert table.attrs["audit"]["steps"][7]["reason"].startswith("record 1: its batch doesn't lead")
    assert failing(table) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda row: row.update(text="Other."), "the columns for reading differ"),
        (lambda row: row.update(attachments=3), "the columns for reading differ"),
        (lambda row: row.update(salt="0x" + "11" * 32), "content differs from the commitment"),
        (lambda row: row.update(salt="short"), "unreadable"),
        (lambda row: row.update(signature=row["signature"][:-2]), "unreadable"),
        (lambda row: row.update(canonical=row["canonical"].replace("泉", "漳")), "content differs"),
        (lambda row: row.update(canonical=row["canonical"] + " "), "the columns for reading"),
        (lambda row: row.update(canonical="[" * 70_000), "unreadable"),
        (lambda row: row.update(canonical="null"), "unreadable"),
        (lambda row: row.update(commitment="0x" + "22" * 32), "the columns for reading differ"),
    ],
)
def test_changes_of_a_record_are_found(
    change: Callable[[dict[str, Any]], Any], said: str, diary: kit.Diary, copy: Path
) -> None:
    rewrite(copy, "records", lambda rows: change(rows[2]))
    table = kit.read(copy, diary.log)
    assert failed(table) == {8}
    assert said in table["check"][2]
    assert failing(table) == [2]


def test_a_signature_of_somebody_else_is_found(diary: kit.Diary, copy: Path) -> None:
    def forge(rows: list[dict[str, Any]]) -> None:
        committed = rows[0]["commitment"]
        rows[0]["signature"] = sign(committed, diary.log.log_id, people.bob)

    rewrite(copy, "records", forge)
    assert kit.read(copy)["check"][0] == "the signature is not the author's"


def test_addresses_may_be_written_in_small_letters_or_in_capitals(
    diary: kit.Diary, copy: Path, written: Path
) -> None:
    def rewritten(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["author"] = row["author"].lower() if row["seq"] % 3 else row["author"].upper()

    rewrite(copy, "leaves", rewritten)
    rewrite(copy, "batches", lambda rows: rows[0].update(registrar=rows[0]["registrar"].lower()))
    shutil.copy(written / "leaves.parquet", copy)  # one file as it was, the other another tool's
    rehash(copy)
    for log in (None, diary.log):
        table = kit.read(copy, log)
        assert failed(table) == set()
        # Each account in one way again.
        pd.testing.assert_frame_equal(without_level(table), without_level(diary.records()))
        assert table.attrs["audit"]["head_count"]["participants"] == 5
        assert kit.participation.head_count(table)["participants"] == 5
    # With a wrong capital it is nobody's address.
    rewrite(copy, "leaves", lambda rows: rows[2].update(author=rows[2]["author"].swapcase()))
    table = kit.read(copy, diary.log)
    assert failed(table) == {6, 8}
    assert failing(table) == [2]
    assert "its capitals are not those of EIP-55" in table["check"][2]


def test_records_of_strangers_are_found(copy: Path) -> None:
    rewrite(copy, "records", lambda rows: rows.append(rows[0] | {"seq": 99}))
    assert kit.read(copy).attrs["audit"]["steps"][7]["reason"] == "record 99 is not in the leaves"
    rewrite(copy, "records", lambda rows: rows.append(rows[0]))
    assert 7 in failed(kit.read(copy))


def test_rows_of_strangers_are_found(diary: kit.Diary, copy: Path) -> None:
    rewrite(copy, "leaves", lambda rows: rows.append(rows[0] | {"seq": len(rows)}))
    table = kit.read(copy, diary.log)
    assert 4 in failed(table) or 6 in failed(table)
    assert not table["proved"].iloc[-1]
    assert table["proved"].iloc[:-1].all()


@pytest.mark.parametrize(
    "change",
    [
        {"root": "0x" + "11" * 32},
        {"block_hash": "0x" + "11" * 32},
        {"block_time": 1},
        {"block_number": 1},
        {"transaction_hash": "0x" + "11" * 32},
        {"log_index": 9},
        {"registrar": people.bob.address},
        {"number": 7},
        {"count": 2**40},
    ],
)
def test_changes_of_the_batches_are_found_on_the_chain(
    change: dict[str, Any], diary: kit.Diary, copy: Path
) -> None:
    rewrite(copy, "batches", lambda rows: rows[1].update(change))
    table = kit.read(copy, diary.log)
    assert failed(table) == {7}
    assert "batch 1 is not as the chain has it" in table.attrs["audit"]["steps"][6]["reason"]
    # What is returned is what the chain says.
    assert table["proved"].all()
    assert list(table["block_number"]) == list(diary.records()["block_number"])


def test_the_last_batch_can_not_be_left_out(diary: kit.Diary, copy: Path) -> None:
    for name, last in (("leaves", 6), ("batches", 1), ("records", 6)):
        rewrite(copy, name, lambda rows, last=last: rows.__delitem__(slice(last, None)))
    assert failed(kit.read(copy)) == set()  # in itself it looks whole
    table = kit.read(copy, diary.log)
    assert {3, 7} <= failed(table)
    assert table.attrs["audit"]["faults"][0]["text"] == "records 6–15 are missing"


def test_another_log_than_the_one_that_was_named(copy: Path, written: Path) -> None:
    """The forger's is a DiaryLog, too, and its folder is whole."""
    other = Log.deploy(kit.chain.embedded(), by=people.bob)
    table = kit.read(written, other)
    assert failed(table) == {1}
    assert (table.attrs["level"], set(table["level"]), set(table["proved"])) == (
        *("failed", {"failed"}, {False}),
    )
    assert f"you named {other.log_id}" in table.attrs["audit"]["steps"][0]["reason"]
    package = json.loads((copy / "datapackage.json").read_text())
    package["civic_diary"]["contract"] = other.address
    (copy / "datapackage.json").write_text(json.dumps(package))
    assert failed(kit.read(copy, other)) >= {1}  # its block is another's
    other.chain.mine(40)
    assert failed(kit.read(copy, other)) >= {4, 7, 8}


def test_a_chain_is_no_log(written: Path, diary: kit.Diary) -> None:
    wrong: Any = diary.chain
    with pytest.raises(WrongType, match=r"a log, say diary.log or kit.log.at\(chain, ADDRESS\)"):
        kit.read(written, wrong)


def test_which_log_an_export_says_it_is_of(written: Path, diary: kit.Diary) -> None:
    assert kit.audit.log_of(written) == str(diary.log.log_id)


# --- what is no export ---------------------------------------------------------------------------


def package(**changes: Any) -> Callable[[Path], object]:
    def change(folder: Path) -> object:
        path = folder / "datapackage.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content["civic_diary"] |= changes
        return path.write_text(json.dumps(content), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: shutil.rmtree(folder), "a folder with a datapackage.json"),
        (lambda folder: (folder / "datapackage.json").unlink(), "a folder with a datapackage.json"),
        (lambda folder: (folder / "datapackage.json").write_text("{"), "JSON in datapackage.json"),
        (
            lambda folder: (folder / "datapackage.json").write_text("[" * 100_000),
            r"datapackage\.json, got more than 12 levels",
        ),
        (lambda folder: (folder / "datapackage.json").write_text("[]"), "an export of the format"),
        (package(format="civic-diary-export/2"), "an export of the format civic-diary-export/1"),
        (package(chain_id="1"), "chain_id in datapackage.json"),
        (package(contract="0x12"), "the contract's address"),
        (package(simulated=None), "simulated in datapackage.json"),
        (lambda folder: [p.unlink() for p in folder.glob("leaves.*")], "leaves.csv or leaves.par"),
        (lambda folder: (folder / "leaves.csv").write_text("a,b\n1,2\n"), "the columns seq, type"),
        (lambda folder: (folder / "leaves.csv").write_bytes(b"\xff\xfe\x00"), "CSV in leaves.csv"),
        (lambda folder: (folder / "leaves.csv").write_text(""), "CSV in leaves.csv"),
        (
            lambda folder: (folder / "leaves.parquet").write_text("PAR1"),
            "Parquet in leaves.parquet",
        ),
        (
            lambda folder: pq.write_table(pa.table({"seq": [1]}), folder / "leaves.parquet"),
            "the columns seq, type",
        ),
        (
            lambda folder: (folder / "leaves.csv").write_text(
                (folder / "leaves.csv").read_text().replace("\n0,", "\n1e3,", 1)
            ),
            "whole numbers in the column seq",
        ),
        (
            lambda folder: rewrite(folder, "batches", lambda rows: rows[0].update(root=None)),
            "batches with all their values|batches.csv",
        ),
    ],
)
def test_what_is_no_export_is_an_error_that_says_so(
    spoil: Callable[[Path], object], said: str, copy: Path
) -> None:
    spoil(copy)
    with pytest.raises(DataError, match=said):
        kit.read(copy)


def test_what_is_hidden_is_not_exported_and_explained(chain: Any, tmp_path: Path) -> None:
    second = people.named("moderator 2")
    with closing(Diary.open(chain)) as diary:
        diary.log.grant(MODERATOR_ROLE, second.address, by=people.registrar)
        said = {name: diary.post(people.alice, f"<{name}>", place="b") for name in "abcd"}
        for entry in said.values():
            diary.review(entry, by=people.moderator, approve=entry is not said["d"])
        diary.publish()
        diary.withdraw(said["a"], by=people.alice)
        diary.suspend(said["b"], by=people.moderator)
        diary.appeal(said["b"], "<plea b>", by=people.alice)
        diary.appeal(said["d"], "<plea d>", by=people.alice)
        diary.publish()
        folder = kit.export(diary, tmp_path / "out")
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    for hidden in ("<a>", "<b>", "<plea b>", "<plea d>", "<d>"):
        assert hidden.encode() not in raw
    table = kit.read(folder, diary.log).set_index("commitment")
    assert table["proved"].all()
    assert table.loc[said["a"].commitment, "check"] == "content erased"
    assert table.loc[said["b"].commitment, "check"] == "content held back"
    assert table.loc[said["c"].commitment, "check"] == "ok"
    assert list(table.loc[table["type"] == "appeal", "check"]) == ["content held back"] * 2
    # The head-count of the table is that of the audit.
    counted = kit.participation.head_count(table.reset_index())
    assert counted["participants"] == table.attrs["audit"]["head_count"]["participants"] == 1
    assert counted["entries"] == table.attrs["audit"]["head_count"]["entries"] == 3


# --- bulletins -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def a_day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a day of the platform: four bulletins, two of them corrected by another."""
    diary = kit.Diary.open(kit.chain.embedded())
    kit.data.day(diary)
    folder = kit.export(diary, tmp_path_factory.mktemp("days") / "day")
    diary.close()
    return folder


def test_the_figures_of_bulletins(a_day: Path) -> None:
    table = kit.read(a_day)
    found = kit.audit.bulletins(a_day, table)
    said = [(x.figure, x.value, x.corrected) for x in found.itertuples()]
    assert said == [
        ("points inspected", 12, True),
        ("points without an awning", 3, True),
        ("points inspected", 12, True),
        ("points without an awning", 4, True),
        ("points inspected", 12, False),
        ("points without an awning", 0, False),
        ("hardship", 2000, False),
        ("severe", 5000, False),
    ]
    rows = table.set_index("seq").loc[found["seq"]]
    for name in ("commitment", "author", "at"):
        assert found[name].tolist() == rows[name].tolist()
    assert found["source"].iloc[-1] == "救助标准（单位：元）"
    assert found["as_of"].iloc[0] == pd.Timestamp("2021-09-21T04:00:00Z")
    assert found["seq"].is_monotonic_increasing


def test_a_bulletin_that_is_not_proved_has_no_figures(a_day: Path, tmp_path: Path) -> None:
    """Whether its figures were changed, or the correction was taken away: the first is not back."""
    for change in ("12", None):
        folder = Path(shutil.copytree(a_day, tmp_path / f"changed {change}"))
        for path in folder.glob("*.parquet"):
            path.unlink()
        lines = (folder / "records.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        last = max(n for n, line in enumerate(lines) if "points inspected" in line)
        if change:
            lines[last] = lines[last].replace('inspected"":12', 'inspected"":1')
        else:
            del lines[last]
        (folder / "records.csv").write_text("".join(lines), encoding="utf-8")
        table = kit.read(folder)
        assert set(table.loc[failing(table), "type"]) == {"bulletin"}
        found = kit.audit.bulletins(folder, table)
        assert found.loc[~found["corrected"], "figure"].tolist() == ["hardship", "severe"]
        with pytest.raises(DataError, match="another, or none"):
            kit.audit.bulletins(folder, kit.read(a_day))


def test_a_diary_without_bulletins(written: Path) -> None:
    found = kit.audit.bulletins(written, kit.read(written))
    assert len(found) == 0
    assert str(found["as_of"].dtype) == "datetime64[s, UTC]"


# --- what is written and read, word for word -------------------------------------------------------


def test_the_package_is_laid_out_for_people(diary: kit.Diary, tmp_path: Path) -> None:
    folder = kit.export(diary, tmp_path / "export", licence="署名")
    text = (folder / "datapackage.json").read_text("utf-8")
    assert text.startswith('{\n  "$schema": ')
    assert '"name": "署名"' in text
    package = json.loads(text)
    assert package["description"].startswith("All records of the log")
    for resource in package["resources"]:
        name, ending = resource["path"].split(".")
        assert resource["name"] == f"{name}-{ending}"
        assert resource["title"]
        assert ("schema" in resource) == (ending == "csv")
        if ending == "csv":
            fields = resource["schema"]["fields"]
            assert {x["name"]: x["type"] for x in fields} == TABLES[name]
            assert resource["schema"]["primaryKey"] == next(iter(TABLES[name]))
    told = [x for r in package["resources"] if "schema" in r for x in r["schema"]["fields"]]
    assert "keccak256" in next(x["description"] for x in told if x["name"] == "canonical")
    assert any("description" not in x for x in told)
    again = kit.export(diary, tmp_path / "simulated", simulated=True)
    package = json.loads((again / "datapackage.json").read_text("utf-8"))
    assert package["description"] == "Simulated: nobody wrote these records."


def test_parquet_is_compressed_and_made_by_one_thread(written: Path) -> None:
    for path in written.glob("*.parquet"):
        group = pq.ParquetFile(path).metadata.row_group(0)
        assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}
    names = ("threads", "autoinstall_known_extensions", "autoload_known_extensions")
    asked = ", ".join(f"current_setting('{name}')" for name in names)
    with database() as engine:
        assert engine.sql(f"SELECT {asked}").fetchall() == [(1, False, False)]


def test_reading_leaves_nothing_behind(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kit.read(written)
    assert list(tmp_path.iterdir()) == []


def test_numbers_and_times_that_can_not_be(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(copy, "batches", lambda rows: rows[1].update(block_time=10**17))
    try:
        if hasattr(time, "tzset"):  # west of Greenwich the last local hour is in the year 10000
            monkeypatch.setenv("TZ", "America/Lima")
            time.tzset()
        table = kit.read(copy)  # a time that can't be is the last of all, after each record
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()
    assert table["block_time"].iloc[-1] == pd.Timestamp("9999-12-31T23:59:59Z")
    assert table["block_time"].iloc[0] < pd.Timestamp("2022-01-01T00:00:00Z")
    path = copy / "leaves.csv"
    content = path.read_bytes()
    (copy / "leaves.parquet").unlink()
    for number in (b"1000000000000000000", b"9" * 19, b"9" * 20):
        path.write_bytes(content.replace(b"\n3,", b"\n" + number + b",", 1))
        with pytest.raises(DataError, match="whole numbers in the column seq"):
            kit.read(copy)
    path.write_bytes(content.replace(b"\n3,", b"\n" + b"9" * 18 + b",", 1))
    assert not kit.read(copy).attrs["audit"]["ok"]


def test_an_export_of_another_chain_still_says_which_log(diary: kit.Diary, copy: Path) -> None:
    other = Log.deploy(kit.chain.embedded(), by=people.bob)
    told = kit.read(copy, other).attrs["audit"]
    assert told["contract"] == diary.log.address
    package = json.loads((copy / "datapackage.json").read_text("utf-8"))
    whole = json.dumps(package)
    package["civic_diary"]["genesis_hash"] = "0x" + "12" * 32
    (copy / "datapackage.json").write_text(json.dumps(package), "utf-8")
    told = kit.read(copy, diary.log).attrs["audit"]
    assert told["contract"] == diary.log.address
    assert "a chain with the genesis 0x1212" in told["steps"][0]["reason"]
    package = json.loads(whole)
    package["civic_diary"]["block_number"] = 10**6
    (copy / "datapackage.json").write_text(json.dumps(package), "utf-8")
    told = kit.read(copy, diary.log).attrs["audit"]
    assert told["contract"] == diary.log.address
    assert "none numbered 1000000" in told["steps"][0]["reason"]


def test_a_row_in_no_batch_and_one_without_content(copy: Path) -> None:
    rewrite(copy, "leaves", lambda rows: rows.append(rows[-1] | {"seq": rows[-1]["seq"] + 1}))
    last = kit.read(copy).iloc[-1]
    assert (last["batch"], last["block_number"], last["attachments"]) == (-1, -1, 0)
    assert (last["level"], last["proved"]) == ("failed", False)


def test_only_the_author_s_withdrawal_explains_that_a_content_is_gone() -> None:
    entry = {"type": "entry", "commitment": "c", "author": "alice", "subject": None}
    for who, explained in (("alice", {"c": "content erased"}), ("bob", {})):
        withdrawal = {"type": "withdrawal", "commitment": "w", "author": who, "subject": "c"}
        assert _absent([entry, withdrawal]) == explained
    witness = {"type": "witness", "commitment": "w", "author": "alice", "subject": "c"}
    assert _absent([entry, witness]) == {}


def test_a_content_is_bounded_in_size_and_in_depth(diary: kit.Diary, written: Path) -> None:
    row = _dicts(_load(written, "records", {})[0])[0]
    assert _signed(row).record.type == "entry"
    limit = kit.core.record.BODY_BYTES_MAX
    blank = " " * (limit - len(row["canonical"].encode()))
    assert _signed(row | {"canonical": row["canonical"] + blank})
    for canonical in (row["canonical"] + blank + " ", "[" * 20 + "]" * 20):
        with pytest.raises(ValueError, match="of a record, or too deep"):
            _signed(row | {"canonical": canonical})


def test_the_names_of_the_three_steps_for_a_folder(written: Path) -> None:
    steps = kit.read(written).attrs["audit"]["steps"]
    assert [(step["number"], step["name"]) for step in steps[6:]] == [
        (7, "the folder is as it was written"),
        (8, "the records are those of the leaves, signed by their authors"),
        (9, "a registrar signed what the folder says of itself"),
    ]
