"""The signed manifest of an export, and what a stranger's folder may hold: nothing is changed unseen."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb
import pytest
import rfc8785
from eth_account import Account
from eth_account.messages import encode_typed_data

import kit
import kit.audit.files
import kit.places
from kit import people
from kit.audit import check, export, read
from kit.core import LogId, sign, signer
from kit.diary import Diary
from kit.errors import DataError
from kit.log import REGISTRAR_ROLE

STRANGER = people.named("a stranger")
READ = import_module("kit.audit.read")  # the package's own name of it is the function
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def diary() -> Iterator[Diary]:
    with kit.chain.embedded() as chain, closing(Diary.open(chain)) as found:
        for author in (people.alice, people.bob):
            picture = kit.core.Attachment.of("a.png", PNG + author.address.encode())
            posted = found.post(author, "十人一桌", place="泉州", attachments=[picture])
            found.review(posted, by=people.moderator, approve=True)
            found.publish()
        yield found


@pytest.fixture(scope="module")
def written(diary: Diary, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(diary, tmp_path_factory.mktemp("exports") / "whole", simulated=True)


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def manifest(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / "datapackage.json").read_text("utf-8"))
    return told


def rewritten(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    told = manifest(folder)
    change(told)
    (folder / "datapackage.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")


def step_9(folder: Path, log: Any = None) -> tuple[str, str, str]:
    found, rows = check(folder, log)
    assert rows.attrs["level"] == found.level
    return found.level, found.steps[8].outcome, found.steps[8].reason


# --- signed --------------------------------------------------------------------------------------


def test_a_registrar_signs(diary: Diary, folder: Path) -> None:
    who = people.registrar.address
    assert step_9(folder, diary.log) == ("final", "passed", f"by {who}, a registrar of the log")
    assert step_9(folder) == ("consistent", "not asked", f"signed by {who}; no log named")
    rows = read(folder, diary.log)
    assert rows["proved"].all()
    assert rows.attrs["simulated"]


def test_by_the_formula(diary: Diary, folder: Path) -> None:
    """SHA-256 of the RFC 8785 form without the signature, as EIP-712 Manifest in the log's domain."""
    told = manifest(folder)
    signature = told["civic_diary"].pop("signature")
    log = diary.log.log_id
    domain = {"name": "Civic Diary", "version": "1", "chainId": log.chain_id}
    domain["verifyingContract"] = log.contract
    message = encode_typed_data(
        domain,
        {"Manifest": [{"name": "sha256", "type": "bytes32"}]},
        {"sha256": sha256(rfc8785.dumps(told)).digest()},
    )
    assert Account.recover_message(message, signature=signature) == people.registrar.address


def test_a_record_s_signature_is_no_manifest_s() -> None:
    log, value = LogId(1, people.bob.address), "0x" + "12" * 32
    made = sign(value, log, people.alice, "Manifest")
    assert signer(value, made, log, "Manifest") == people.alice.address
    assert signer(value, made, log) != people.alice.address


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "simulated": lambda told: told["civic_diary"].update(simulated=False),
    "the licence": lambda told: told.update(licenses=[{"name": "CC-BY-4.0"}]),
    "the title": lambda told: told.update(title="true"),
    "the description": lambda told: told.update(description="Nobody made this up."),
    "the time": lambda told: told.update(created="2021-09-01T00:00:00Z"),
    "the kit": lambda told: told["civic_diary"].update(kit="9"),
    "a key more": lambda told: told.update(sources=[]),
    "a resource less": lambda told: told["resources"].pop(),
    "a float": lambda told: told.update(version=1.5),
    "a huge number": lambda told: told.update(version=10**30),
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_word_of_it_is_changed_unseen(name: str, diary: Diary, folder: Path) -> None:
    rewritten(folder, CHANGES[name])
    level, outcome, _ = step_9(folder, diary.log)
    assert (level, outcome) == ("failed", "failed")


@pytest.mark.parametrize("signature", ["", "0x", "0x" + "11" * 65, None, 7, ["0x"], {}])
def test_what_is_no_signature_fails(signature: Any, diary: Diary, folder: Path) -> None:
    rewritten(folder, lambda told: told["civic_diary"].update(signature=signature))
    assert step_9(folder, diary.log)[:2] == ("failed", "failed")


def signed_by(folder: Path, log: LogId, who: Any) -> None:
    told = manifest(folder)
    told["civic_diary"].pop("signature", None)
    hashed = "0x" + sha256(rfc8785.dumps(told)).hexdigest()
    rewritten(
        folder,
        lambda told: told["civic_diary"].update(signature=sign(hashed, log, who, "Manifest")),
    )


def test_somebody_else_s_signature_fails(diary: Diary, folder: Path) -> None:
    rewritten(folder, CHANGES["simulated"])
    signed_by(folder, diary.log.log_id, STRANGER)
    level, outcome, reason = step_9(folder, diary.log)
    assert (level, outcome) == ("failed", "failed")
    assert f"signed by {STRANGER.address}, who is no registrar" in reason


def test_a_signature_for_another_log_fails(diary: Diary, folder: Path) -> None:
    signed_by(folder, LogId(1, diary.log.address), people.registrar)
    assert step_9(folder, diary.log)[:2] == ("failed", "failed")


def test_of_another_log_nobody_is_asked(folder: Path) -> None:
    with kit.chain.embedded() as chain, closing(Diary.open(chain, registrar=people.alice)) as other:
        level, outcome, reason = step_9(folder, other.log)
    assert (level, outcome) == ("failed", "not asked")  # step 1 failed
    assert reason == f"signed by {people.registrar.address}; there is no log to compare with"


def test_without_one_nothing_is_above_consistent(diary: Diary, folder: Path) -> None:
    rewritten(folder, lambda told: told["civic_diary"].pop("signature"))
    level, outcome, reason = step_9(folder, diary.log)
    assert (level, outcome) == ("consistent", "not asked")
    assert reason == "no registrar signed what the folder says of itself"
    rows = read(folder, diary.log)
    assert set(rows["level"]) == {"consistent"}
    assert not rows["proved"].any()


def test_another_registrar_may_sign_and_one_who_was_may(diary: Diary, folder: Path) -> None:
    signed_by(folder, diary.log.log_id, STRANGER)
    diary.log.grant(REGISTRAR_ROLE, STRANGER.address, by=people.registrar)
    try:
        assert step_9(folder, diary.log)[:2] == ("final", "passed")
    finally:
        diary.log.revoke(REGISTRAR_ROLE, STRANGER.address, by=people.registrar)
    assert step_9(folder, diary.log)[:2] == ("failed", "failed")
    diary.log.revoke(REGISTRAR_ROLE, people.registrar.address, by=people.registrar)
    try:
        signed_by(folder, diary.log.log_id, people.registrar)
        assert step_9(folder, diary.log)[:2] == ("final", "passed")  # who appended its batches
    finally:
        diary.log.grant(REGISTRAR_ROLE, people.registrar.address, by=people.registrar)


def test_who_is_no_registrar_signs_nothing(diary: Diary, tmp_path: Path) -> None:
    """An audit would call the folder changed."""
    with closing(Diary.open(diary.chain, registrar=STRANGER, log=diary.log.address)) as other:
        other.recover(leaves=export(diary, tmp_path / "theirs"))
        folder = export(other, tmp_path / "own")
        assert "signature" not in manifest(folder)["civic_diary"]
        assert check(folder, diary.log)[0].level == "consistent"


def test_the_same_export_has_the_same_bytes(diary: Diary, tmp_path: Path) -> None:
    first, second = (export(diary, tmp_path / name, simulated=True) for name in ("one", "two"))
    assert {x.name: x.read_bytes() for x in first.iterdir() if x.is_file()} == {
        x.name: x.read_bytes() for x in second.iterdir() if x.is_file()
    }


# --- folders from strangers ----------------------------------------------------------------------


TABLE = "leaves.csv"


@pytest.mark.skipif(
    os.name == "nt", reason="Windows has no pipes in folders, and links by right only"
)
@pytest.mark.parametrize("name", [TABLE, "records.parquet", "datapackage.json"])
def test_only_regular_files_are_read(name: str, folder: Path, tmp_path: Path) -> None:
    path = folder / name
    outside = tmp_path / "outside"
    path.rename(outside)
    for make in (
        lambda: path.symlink_to(outside),
        lambda: os.mkfifo(path),
        lambda: path.symlink_to("/dev/zero"),
        path.mkdir,
    ):
        make()
        with pytest.raises(DataError, match="a link, a folder, a device or a pipe"):
            read(folder)
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


@pytest.mark.skipif(os.name == "nt", reason="as above")
def test_no_link_among_the_files_is_followed(diary: Diary, folder: Path, tmp_path: Path) -> None:
    one = next((folder / "files").iterdir())
    one.rename(tmp_path / one.name)
    one.symlink_to(tmp_path / one.name)
    found, rows = check(folder, diary.log)
    assert found.level == "failed"
    assert rows["check"].str.contains("was changed").any()
    os.remove(one)
    os.mkfifo(one)
    assert check(folder, diary.log)[0].level == "failed"
    os.remove(one)
    (folder / "files").rename(tmp_path / "elsewhere")
    (folder / "files").symlink_to(tmp_path / "elsewhere")
    assert "missing" in str(check(folder, diary.log)[0].steps)


def test_a_file_larger_than_its_bound(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, bound in (("leaves.parquet", "TABLE_MAX"), ("datapackage.json", "MANIFEST_MAX")):
        with monkeypatch.context() as patch:
            patch.setattr(READ, bound, (folder / name).stat().st_size - 1)
            with pytest.raises(DataError, match=f"a file of at most .* bytes at .*{name}"):
                read(folder)
    assert read(folder).attrs["level"] == "consistent"


def test_a_table_that_unpacks_to_more_than_its_bound(folder: Path, tmp_path: Path) -> None:
    """A few bytes of Parquet may hold gigabytes: they are counted before they are read."""
    path = folder / "records.parquet"
    one = duckdb.from_parquet(str(path)).aggregate("any_value(columns(*))")
    many = one.join(duckdb.query("SELECT * FROM range(100000)"), "true")
    columns = [column for column in one.columns if column != "canonical"]
    large = many.project(f"repeat('x', 60000) AS canonical, {', '.join(columns)}")
    large.project(", ".join(one.columns)).write_parquet(str(path), compression="zstd")
    assert path.stat().st_size < 2_000_000
    with pytest.raises(DataError, match=r"at most 10,000,000 rows and 4,294,967,296 bytes of text"):
        read(folder)


def test_a_key_that_stands_twice_is_refused(folder: Path) -> None:
    text = (folder / "datapackage.json").read_text("utf-8")
    (folder / "datapackage.json").write_text(
        text.replace('"simulated": true', '"simulated": true, "simulated": false'), "utf-8"
    )
    with pytest.raises(DataError, match="JSON in"):
        read(folder)


def test_more_files_than_are_looked_at(
    diary: Diary, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit.audit.files, "FILES_MAX", 1)
    assert check(folder, diary.log)[0].level == "failed"


def test_the_bounds_are_those_that_are_told() -> None:
    told = (kit.places.ROOT / "docs" / "format.md").read_text("utf-8").rpartition("## 13.")[2]
    bounds = [READ.MANIFEST_MAX, READ.TABLE_MAX, READ.ROWS_MAX, READ.TEXT_MAX]
    for bound in (*bounds, kit.audit.files.FILES_MAX):
        assert f"{bound:,}" in told
