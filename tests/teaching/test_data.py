"""The sample data: what the package says of them is so, and filling a diary gives the same chain."""

from __future__ import annotations

import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from frictionless import Package

import kit
import kit.teaching.helpers
from kit.analysis import participation
from kit.core import record as records
from kit.errors import DataError
from kit.places import DATA
from kit.teaching import data

#: The head of the embedded chain after fill(). It changes with the contract, the sample, the formats
#: or the embedded chain, and with nothing else: not with the machine, the day or the run.
HEAD = "0xf1b525958e2146c94dbc2c96abff46aa9861fc06714c91e0e7c27e56f98df04b"


def test_the_data_package_is_valid() -> None:
    report = Package(str(DATA / "datapackage.json")).validate()
    assert report.flatten(["type", "message"]) == []
    assert report.valid
    assert report.warnings == []
    assert [task.warnings for task in report.tasks] == [[]] * len(report.tasks)
    assert report.stats["tasks"] == len(report.tasks) > 3


def test_the_package_names_every_file() -> None:
    package = Package(str(DATA / "datapackage.json"))
    named = {path for x in package.resources for path in (x.path, *x.extrapaths) if path}
    there = {
        path.relative_to(DATA).as_posix()
        for path in [*DATA.glob("*.csv"), *DATA.glob("attachments/*")]
    }
    assert there == named


def test_entries() -> None:
    table = data.entries()
    assert table.dtypes.astype(str).to_dict() == {
        "entry": "int64",
        "at": "datetime64[s, UTC]",
        **dict.fromkeys(["author", "place", "place_en", "role", "role_zh"], "str"),
        **dict.fromkeys(["text", "text_en", "attachment"], "str"),
    }
    assert list(table["entry"]) == list(range(1, 63))
    assert table["at"].is_monotonic_increasing
    assert table["at"].is_unique
    assert table["author"].nunique() == 41
    days = table["at"].dt.tz_convert(participation.ZONE).dt.date
    assert (str(days.min()), str(days.max()), days.nunique()) == ("2021-09-10", "2021-09-20", 11)
    for row in table.itertuples():
        assert unicodedata.is_normalized("NFC", row.text)
        assert 15 <= len(row.text) <= 160
        assert participation.PREFECTURES[row.place] == row.place_en


def test_each_attachment_is_what_the_table_says() -> None:
    told = pd.read_csv(DATA / "attachments.csv").set_index("name")
    used = data.entries()["attachment"].dropna()
    assert sorted(Path(path).name for path in used) == sorted(told.index)
    for path in used:
        file = records.Attachment.read(path)
        row = told.loc[file.name]
        assert (file.media_type, len(file.content), file.sha256) == (
            row["media_type"],
            row["size"],
            row["sha256"],
        )


def test_bulletin() -> None:
    table = data.bulletin()
    assert str(table["as_of"].dtype) == "datetime64[s, UTC]"
    assert str(table["value"].dtype) == "int64"
    totals = participation.bulletin_totals(table)
    # The figures as they were printed.
    assert totals["confirmed"].to_dict() == {
        "莆田": 191,
        "厦门": 147,
        "泉州": 23,
        "漳州": 3,
        "sum": 364,
        "printed": 364,
    }
    assert totals["asymptomatic"].to_dict() == {
        "莆田": 3,
        "厦门": 0,
        "泉州": 0,
        "漳州": 0,
        "sum": 3,
        "printed": 3,
    }
    assert totals.loc[["sum", "printed"], "infected"].tolist() == [367, 367]
    samples = table.set_index("measure").loc[["samples_taken", "samples_tested"]]
    assert samples["value"].tolist() == [30_689_000, 27_831_000]
    assert set(samples["comparison"]) == {"at least"}


def test_a_missing_folder_names_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(data, "DATA", tmp_path)
    for read in (data.entries, data.bulletin):
        with pytest.raises(DataError, match="clone the repository"):
            read()


@pytest.fixture(scope="module")
def filled() -> Any:
    with closing(kit.Diary.open(kit.chain.embedded())) as diary:
        yield diary, data.fill(diary), diary.records()


def test_fill_publishes_each_day_at_its_end(filled: Any) -> None:
    diary, batches, table = filled
    assert len(batches) == 11 == diary.log.batch_count()
    assert sum(batch.count for batch in batches) == 124 == len(table)
    for day, batch in enumerate(batches, start=10):
        local = pd.Timestamp(batch.anchor.block_time).tz_convert(participation.ZONE)
        assert local.strftime("%Y-%m-%d %H:%M") == f"2021-09-{day + 1} 00:00"
    assert diary.waiting() == []


def test_fill_is_proved_and_says_what_the_sample_says(filled: Any) -> None:
    _, _, table = filled
    assert list(table["check"]) == ["ok"] * 124
    assert table["proved"].all()
    entries, sample = table[table["type"] == "entry"].reset_index(drop=True), data.entries()
    for name in ("text", "place", "role", "at"):
        assert list(entries[name]) == list(sample[name])
    people = [kit.people.named(author).address for author in sample["author"]]
    assert list(entries["author"]) == people
    assert entries["attachments"].sum() == sample["attachment"].notna().sum()
    assert (entries["attachments"] == sample["attachment"].notna()).all()


def test_fill_gives_the_same_chain_in_every_run(filled: Any) -> None:
    diary, batches, table = filled
    assert diary.chain.head.hash == HEAD
    with closing(kit.Diary.open(kit.chain.embedded())) as again:
        assert data.fill(again) == batches
        assert again.chain.head.hash == HEAD
        pd.testing.assert_frame_equal(again.records(), table)


def test_the_head_count_of_the_sample(filled: Any) -> None:
    _, _, table = filled
    found = participation.head_count(table).to_dict()
    assert found.pop("where").startswith("up to block ")
    assert found == {
        "participants": 41,
        "entries": 62,
        "places": 9,
        "records": 124,
        "left out": 0,
        "level": "final",
    }
