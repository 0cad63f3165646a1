"""The files of entries in an export: what is open is there, and every change of it is found."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
from frictionless import Package

import kit
import kit.audit.auditor
import kit.audit.export
import kit.diary.diary
from kit import people
from kit.__main__ import audit
from kit.audit import files as attached
from kit.core import record as records
from kit.diary import Diary
from kit.diary.archive import Archive
from kit.errors import DataError
from kit.log import Log

PICTURES = Path(__file__).parents[2] / "data" / "attachments"
OPEN = ("moonrise.webm", "mooncake.png")
CLOSED = {
    "withdrawn": "rain-window.png",
    "suspended": "night-call.png",
    "rejected": "child-drawing.png",
    "waiting": "delivery-bike.png",
}


class Made(NamedTuple):
    log: Log
    records: pd.DataFrame
    folder: Path


def made(folder: Path) -> Made:
    """A diary with a film and a picture, the picture twice, and with what nobody may see."""
    chain = kit.chain.embedded()
    with closing(Diary.open(chain)) as diary:

        def post(text: str, *names: str) -> Any:
            files = [PICTURES / name for name in names]
            entry = diary.post(people.alice, text, place="莆田", attachments=files)
            if text != "waiting":
                diary.review(entry, by=people.moderator, approve=text != "rejected")
            return entry

        post("both", *OPEN)
        post("no file")
        post("again", OPEN[1])
        said = {text: post(text, name) for text, name in CLOSED.items()}
        shared = post("withdrawn, and another has its file", OPEN[1])
        diary.publish()
        diary.withdraw(said["withdrawn"], by=people.alice)
        diary.withdraw(shared, by=people.alice)
        diary.suspend(said["suspended"], by=people.moderator)
        diary.publish()
        return Made(diary.log, diary.records(), kit.export(diary, folder))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made(tmp_path_factory.mktemp("exports") / "diary")


@pytest.fixture
def copy(written: Made, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written.folder, tmp_path / "copy"))


def hashed(name: str) -> str:
    return sha256((PICTURES / name).read_bytes()).hexdigest()


FILM, PICTURE = (f"files/{hashed(name)}.{name.split('.')[1]}" for name in OPEN)


def checked(folder: Path) -> pd.Series:
    """What ``check`` says of the entries' rows that are not as they should be, by text."""
    table = kit.read(folder)
    assert len(table) == 16, "a row was lost"
    assert table["level"].eq("consistent").all()
    assert table.attrs["audit"]["head_count"]["participants"] == 1
    assert kit.participation.head_count(table)["entries"] == 6
    fine = ("ok", "content erased", "content held back")
    return table[~table["check"].isin(fine)].set_index("text")["check"]


def seventh(folder: Path) -> str:
    """What step 7 failed for, or '' if it passed."""
    step = kit.read(folder).attrs["audit"]["steps"][6]
    return str(step["reason"]) if step["outcome"] == "failed" else ""


def change_package(folder: Path, name: str, **changes: Any) -> None:
    """Change what the package says of a file; without changes, take the file out of it."""
    path = folder / "datapackage.json"
    package = json.loads(path.read_text("utf-8"))
    (resource,) = (x for x in package["resources"] if x["path"] == name)
    if changes:
        resource.update(changes)
    else:
        package["resources"].remove(resource)
    path.write_text(json.dumps(package), "utf-8")


# --- what is there -------------------------------------------------------------------------------


def test_the_files_of_open_entries_are_there_once(written: Made) -> None:
    paths = [path for path in written.folder.rglob("*") if path.is_file()]
    assert {path.relative_to(written.folder).as_posix() for path in paths} == {
        *(f"{t}.{e}" for t in kit.audit.TABLES for e in ("csv", "parquet")),
        *("datapackage.json", FILM, PICTURE),
    }
    for name, path in zip(OPEN, (FILM, PICTURE), strict=True):
        assert (written.folder / path).read_bytes() == (PICTURES / name).read_bytes()


def test_the_package_lists_them(written: Made) -> None:
    package = json.loads((written.folder / "datapackage.json").read_text("utf-8"))
    film, picture = sorted(package["resources"][6:], key=lambda x: x["path"] != FILM)
    assert film == {
        "name": f"files-{hashed(OPEN[0])}-webm",
        "path": FILM,
        "type": "file",
        "format": "webm",
        "mediatype": "video/webm",
        "bytes": (PICTURES / OPEN[0]).stat().st_size,
        "hash": f"sha256:{hashed(OPEN[0])}",
    }
    assert (picture["path"], picture["mediatype"]) == (PICTURE, "image/png")
    report = Package(str(written.folder / "datapackage.json")).validate()
    assert report.flatten(["type", "message"]) == []
    assert report.stats["tasks"] == 8


def test_others_check_them_too(copy: Path) -> None:
    (copy / FILM).write_bytes(b"another film")
    assert not Package(str(copy / "datapackage.json")).validate().valid


def test_what_is_closed_is_in_no_byte_of_the_folder(written: Made) -> None:
    paths = [path for path in written.folder.rglob("*") if path.is_file()]
    raw = b"".join(path.read_bytes() + path.name.encode() for path in paths)
    assert (PICTURES / OPEN[1]).read_bytes() in raw
    for text, name in CLOSED.items():
        assert (PICTURES / name).read_bytes() not in raw, text
        assert hashed(name).encode() not in raw, text
        assert name.encode() not in raw, text


def test_what_comes_back_is_what_the_diary_has(written: Made) -> None:
    for log in (None, written.log):
        found, table = kit.audit.check(written.folder, log)
        shown = table["check"] == "ok"
        assert shown.sum() == 13
        columns = [x for x in table if log or x not in ("level", "proved")]
        pd.testing.assert_frame_equal(table[shown][columns], written.records[shown][columns])
        assert found.ok
        assert found.steps[7].reason.endswith(" open records of 16")
    assert checked(written.folder).empty
    assert seventh(written.folder) == ""


def test_the_same_diary_gives_the_same_bytes(written: Made, tmp_path: Path) -> None:
    again = made(tmp_path / "again").folder
    paths = sorted(path.relative_to(again) for path in again.rglob("*"))
    assert paths == sorted(path.relative_to(written.folder) for path in written.folder.rglob("*"))
    for path in paths:
        if (again / path).is_file():
            assert (again / path).read_bytes() == (written.folder / path).read_bytes(), path


def test_every_kind_of_file_has_an_ending() -> None:
    assert set(attached.ENDINGS) == set(records.MEDIA_TYPES)
    assert len(set(attached.ENDINGS.values())) == len(attached.ENDINGS)


# --- what was done to them -----------------------------------------------------------------------


@pytest.mark.parametrize("hide", [False, True])
def test_a_changed_file_is_found(copy: Path, hide: bool, capsys: pytest.CaptureFixture) -> None:
    content = (copy / FILM).read_bytes()
    (copy / FILM).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    if hide:  # as who tampers would: but the record has the file's hash, and is signed
        change_package(copy, FILM, hash="sha256:" + sha256((copy / FILM).read_bytes()).hexdigest())
    assert checked(copy).to_dict() == {"both": "the file moonrise.webm was changed"}
    assert seventh(copy) == f"{FILM} was changed"
    assert audit(copy, as_json=False, rpc=None, log=None, logs=None) == 1
    assert f"{FILM} was changed" in capsys.readouterr().out


def test_a_file_that_is_there_for_another_is_found(copy: Path) -> None:
    (copy / FILM).write_bytes((PICTURES / CLOSED["withdrawn"]).read_bytes())
    assert checked(copy).to_dict() == {"both": "the file moonrise.webm was changed"}


def test_a_missing_file_is_found(copy: Path) -> None:
    (copy / PICTURE).unlink()
    said = "the file mooncake.png is missing"
    assert checked(copy).to_dict() == {"both": said, "again": said}
    assert seventh(copy) == f"{PICTURE} is missing"
    shutil.rmtree(copy / "files")
    assert seventh(copy).endswith("is missing (and 1 more)")


def test_a_file_that_was_never_exported_is_no_damage(copy: Path) -> None:
    (copy / FILM).unlink()
    change_package(copy, FILM)
    found, _ = kit.audit.check(copy)
    assert found.ok
    assert found.steps[7].reason.endswith(" of 16; missing: 1 of their 2 files")
    assert checked(copy).to_dict() == {"both": "the file moonrise.webm is missing"}


def test_a_false_hash_in_the_package_is_found(copy: Path) -> None:
    change_package(copy, FILM, hash=f"sha256:{hashed(OPEN[1])}")
    assert seventh(copy) == f"{FILM} was changed"
    assert checked(copy).empty


def test_what_no_open_record_names_is_found(copy: Path) -> None:
    withdrawn = PICTURES / CLOSED["withdrawn"]
    name = f"files/{hashed(withdrawn.name)}.png"
    shutil.copy(withdrawn, copy / name)
    assert seventh(copy) == f"{name} belongs to no open record"
    (copy / name).unlink()
    (copy / "files" / "more").mkdir()
    assert seventh(copy) == "files/more belongs to no open record"
    (copy / "files" / "more").rmdir()
    for name in (".DS_Store", "._moon.png", "Thumbs.db", "desktop.ini", "Desktop.ini"):
        (copy / "files" / name).write_bytes(b"left by a look into it")
    assert seventh(copy) == ""


def test_what_is_no_file_is_not_read(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (copy / FILM).open("r+b") as film:
        film.truncate(records.ATTACHMENT_BYTES_MAX + 1)
    (copy / PICTURE).unlink()
    (copy / PICTURE).mkdir()
    read = Path.read_bytes

    def only_small(path: Path) -> bytes:
        assert path.stat().st_size <= records.ATTACHMENT_BYTES_MAX
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", only_small)
    assert set(checked(copy)) == {
        "the file moonrise.webm was changed",
        "the file mooncake.png was changed",
    }


def test_a_tampered_record_does_not_vouch_for_its_file(copy: Path) -> None:
    rows = pd.read_csv(copy / "records.csv", dtype=str, keep_default_na=False)
    rows["canonical"] = rows["canonical"].str.replace("moonrise", "moonraker")
    (copy / "records.parquet").unlink()
    rows.to_csv(copy / "records.csv", index=False, lineterminator="\n")
    change_package(
        copy,
        "records.csv",
        hash=f"sha256:{sha256((copy / 'records.csv').read_bytes()).hexdigest()}",
    )
    table = kit.read(copy)
    assert table[table["level"].eq("failed")]["check"].tolist() == [
        "content differs from the commitment"
    ]
    assert seventh(copy) == f"{FILM} belongs to no open record"


# --- writing -------------------------------------------------------------------------------------


def test_a_file_that_the_archive_lost_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = Archive.file
    lost = "0x" + hashed(OPEN[0])
    monkeypatch.setattr(Archive, "file", lambda a, name: None if name == lost else file(a, name))
    folder = made(tmp_path / "export").folder
    assert not (folder / FILM).exists()
    assert seventh(folder) == ""
    assert checked(folder).to_dict() == {"both": "the file moonrise.webm is missing"}


def test_an_export_whose_files_do_not_fit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.suffix == ".webm":
            raise OSError(28, "No space left on device")
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match="No space left on device"):
        made(tmp_path / "export")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_lost_stops_no_other(tmp_path: Path) -> None:
    """The first of them is gone from the archive: the others are exported all the same."""
    with closing(Diary.open(kit.chain.embedded())) as diary:
        pictures = [PICTURES / name for name in ("moon-over-dice.png", "night-call.png")]
        entry = diary.post(people.alice, "two", place="泉州", attachments=pictures)
        first, second = sorted(attached.path(x) for x in entry.record.body["attachments"])
        assert [x["path"] for x in attached.write(diary, [entry], tmp_path)] == [first, second]
        lost = "0x" + Path(first).stem
        diary.archive._db.execute("DELETE FROM files WHERE sha256 = ?", (lost,))
        assert diary.file(lost) is None
        assert [x["path"] for x in attached.write(diary, [entry], tmp_path)] == [second]


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    with (tmp_path / "files" / "large.mp4").open("wb") as file:
        file.truncate(records.ATTACHMENT_BYTES_MAX)
    whole = sha256(bytes(records.ATTACHMENT_BYTES_MAX)).hexdigest()
    assert attached.found(tmp_path) == {"files/large.mp4": whole}


def test_a_file_that_the_package_does_not_list_is_no_damage() -> None:
    own = "ab" * 32
    name = f"files/{own}.png"
    assert attached.damage({name: own}, {}, {name}) == []
    assert attached.damage({name: own}, {name: f"sha256:{own}"}, {name}) == []
    assert attached.damage({name: "cd" * 32}, {}, {name}) == [f"{name} was changed"]
    assert attached.damage({name: own}, {name: "sha256:cd"}, {name}) == [f"{name} was changed"]
