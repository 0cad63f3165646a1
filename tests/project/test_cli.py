"""``python -m kit``: exit statuses, output, and verification from another process."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

import kit
from kit import people, places


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kit", *map(str, arguments)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def published(anvil: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a diary on anvil hands out: certificates, and its table of leaves."""
    folder = tmp_path_factory.mktemp("published")
    diary = kit.Diary.open(anvil)
    entry = diary.post(people.alice, "好好写字。", place="厦门")
    diary.review(entry, by=people.moderator, approve=True)
    diary.publish()
    certificate = diary.certificate(entry)
    (folder / "whole.json").write_text(certificate.dumps(), encoding="utf-8")
    (folder / "scanned.txt").write_text("https://example.org/#" + certificate.compact())
    forged = certificate.dumps().replace("好好写字", "乱写一气")
    (folder / "forged.json").write_text(forged, encoding="utf-8")
    with (folder / "leaves.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seq", "type", "author", "at", "subject", "commitment"])
        for leaf in diary.leaves():
            table.writerow(
                [leaf.seq, leaf.type, leaf.author, leaf.at, leaf.subject, leaf.commitment]
            )
    diary.close()
    return folder


def test_verify_without_a_chain(published: Path) -> None:
    done = run("verify", published / "whole.json")
    assert done.returncode == 0
    assert [line[0] for line in done.stdout.splitlines()[1:10]] == list("123456789")
    assert done.stdout.splitlines()[-1] == "consistent in itself"
    assert done.stdout.count("skipped") == 4


def test_verify_with_rpc_from_another_process(published: Path, anvil: Any) -> None:
    """All that the other process has is the file and the node's address."""
    leaves = published / "leaves.csv"
    done = run("verify", published / "whole.json", "--rpc", anvil.url, "--leaves", leaves, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [step["outcome"] for step in said["steps"]] == ["passed"] * 9
    assert said["ok"] is True
    assert said["level"].startswith("proved on chain 31337 at block ")


def test_verify_the_text_of_a_qr_code(published: Path, anvil: Any) -> None:
    done = run("verify", published / "scanned.txt", "--rpc", anvil.url, "--json")
    assert done.returncode == 0, done.stderr
    outcomes = [step["outcome"] for step in json.loads(done.stdout)["steps"]]
    assert outcomes == ["passed", "skipped", *["passed"] * 5, "skipped", "skipped"]


def test_a_failed_step_is_status_1(published: Path) -> None:
    done = run("verify", published / "forged.json")
    assert done.returncode == 1
    assert "2 ✗ failed" in done.stdout
    assert done.stdout.splitlines()[-1] == "not proved: failed at step 2"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"{}", "not a certificate"), (b"\xff\xfe", "not a certificate"), (b"", "not a certificate")],
)
def test_what_is_no_certificate_is_status_2(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    done = run("verify", tmp_path / "file")
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "no-such-file"],
        ["verify", "whole.json", "--rpc", "http://127.0.0.1:9"],
        ["verify", "whole.json", "--rpc", "ftp://example.org"],
        ["verify", "whole.json", "--leaves", "whole.json"],
        ["verify", "whole.json", "--nonsense"],
        ["certificate", "forged.txt", "card.png"],
        ["certificate", "whole.json", "card.docx"],
        ["nonsense"],
    ],
)
def test_unusable_input_is_status_2_and_one_message(arguments: list[str], published: Path) -> None:
    done = run(*[published / a if "." in a and "/" not in a else a for a in arguments])
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_card_from_a_file(published: Path, tmp_path: Path) -> None:
    for ending, magic in ((".png", b"\x89PNG"), (".pdf", b"%PDF"), (".svg", b"<?xml")):
        card = tmp_path / f"card{ending}"
        assert run("certificate", published / "whole.json", card).returncode == 0
        assert card.read_bytes().startswith(magic)


# --- it starts at once ---------------------------------------------------------------------------

HEAVY = {"web3", "matplotlib", "pandas", "numpy", "nbclient", "eth_tester", "requests"}


def loaded(*arguments: object) -> tuple[set[str], float]:
    """Which heavy packages a command loads, and the seconds it takes, imports and all."""
    script = (
        "import runpy, sys, time; start = time.perf_counter()\n"
        "try: runpy.run_module('kit', run_name='__main__', alter_sys=True)\n"
        "finally: print(time.perf_counter() - start, *sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    seconds, *modules = done.stderr.split()
    return HEAVY.intersection(modules), float(seconds)


def test_checking_offline_loads_neither_chain_nor_figures(published: Path) -> None:
    assert loaded("verify", published / "whole.json")[0] == set()
    assert (
        loaded("verify", published / "whole.json", "--leaves", published / "leaves.csv")[0] == set()
    )
    card = published / "card.png"  # and would we have noticed?
    assert "matplotlib" in loaded("certificate", published / "whole.json", card)[0]


def test_help_comes_at_once(published: Path) -> None:
    """Sooner than the smallest check, which loads the signatures' mathematics."""
    (heavy, seconds), (_, check) = loaded("--help"), loaded("verify", published / "whole.json")
    assert heavy == set()
    assert seconds < check / 2


# --- the lessons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("solved", [False, True])
def test_the_lessons_in_a_new_folder(solved: bool, tmp_path: Path) -> None:
    folder = tmp_path / "class" / "of 2021"
    done = run("lessons", folder, *["--solved"] * solved)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{folder}: open 00_start_here.ipynb there with JupyterLab.\n"
    source = places.NOTEBOOKS if solved else places.NOTEBOOKS / "student"
    names = sorted(path.name for path in source.glob("*.ipynb"))
    assert sorted(path.name for path in folder.glob("*.ipynb")) == names
    for name in names:
        assert (folder / name).read_bytes() == (source / name).read_bytes()
        links = re.findall(r"\]\(([^)#:]+\.ipynb)\)", (folder / name).read_text("utf-8"))
        assert links
        assert all((folder / link).is_file() for link in links)
    for path in places.DATA.rglob("*.*"):
        assert (folder / "data" / path.relative_to(places.DATA)).is_file() or "__pycache__" in str(
            path
        )


def test_the_lessons_are_those_of_an_installed_kit(tmp_path: Path) -> None:
    """Its files are inside the package, where a wheel puts them."""
    package = Path(shutil.copytree(places.ROOT / "kit", tmp_path / "site" / "kit"))
    for name in ("notebooks", "data", "contracts"):
        shutil.copytree(places.ROOT / name, package / "files" / name)
    done = subprocess.run(
        [sys.executable, "-m", "kit", "lessons", "lessons"],
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "lessons" / "00_start_here.ipynb").is_file()
    assert (tmp_path / "lessons" / "data" / "diary_entries.csv").is_file()


def test_a_folder_with_something_in_it_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.txt"
    file.write_text("mine")
    for folder in (tmp_path, file):
        done = run("lessons", folder)
        assert done.returncode == 2
        assert done.stderr.startswith("KitError: Expected a new or empty folder, got ")
        assert done.stderr.endswith("Choose another name.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    assert run("lessons", tmp_path / "empty").returncode == 0
    assert run("lessons", tmp_path / "another name").returncode == 0
    assert run("lessons", file / "inside").returncode == 2


# --- audit ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def exported(anvil: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The export of a diary on anvil, whose node goes on."""
    diary = kit.Diary.open(anvil)
    for author, text in ((people.alice, "一"), (people.bob, "二"), (people.alice, "三")):
        entry = diary.post(author, text, place="厦门")
        diary.review(entry, by=people.moderator, approve=True)
    diary.publish()
    folder = kit.export(diary, tmp_path_factory.mktemp("exported") / "diary")
    diary.close()
    return folder


def test_audit_without_a_chain(exported: Path) -> None:
    done = run("audit", exported)
    assert done.returncode == 0, done.stderr
    assert [line[0] for line in done.stdout.splitlines()[1:9]] == list("12345678")
    assert done.stdout.count("skipped") == 2
    assert done.stdout.splitlines()[-1] == "consistent in itself"
    assert "proved: 2 participants" in done.stdout


def test_audit_with_rpc_from_another_process(exported: Path, anvil: Any) -> None:
    done = run("audit", exported, "--rpc", anvil.url, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {step["outcome"] for step in said["steps"]} == {"passed"}
    assert said["level"].startswith("proved on chain 31337 at block ")
    assert (said["head_count"]["participants"], said["head_count"]["entries"]) == (2, 3)


def test_audit_of_what_was_changed_is_status_1(exported: Path, anvil: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "changed"))
    for path in folder.glob("*.parquet"):
        path.unlink()
    leaves = folder / "leaves.csv"
    lines = leaves.read_text().splitlines(keepends=True)
    leaves.write_text("".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    for rpc in ([], ["--rpc", anvil.url]):
        done = run("audit", folder, *rpc)
        assert done.returncode == 1, done.stderr
        assert "5 ✗ failed" in done.stdout
        assert "was moved: it stands out of order" in done.stdout
        assert done.stdout.splitlines()[-1] == "not proved: failed at step 5, 7"
    leaves.write_text("".join(lines[:-1]))
    assert "record 5 is missing" in run("audit", folder, "--rpc", anvil.url).stdout


def test_audit_of_a_table_by_another_tool(exported: Path, anvil: Any, tmp_path: Path) -> None:
    """It keeps leaves.csv alone, and writes addresses in small letters, or now and then doesn't."""
    folder = Path(shutil.copytree(exported, tmp_path / "other"))
    (folder / "leaves.parquet").unlink()
    leaves, package = folder / "leaves.csv", folder / "datapackage.json"
    lines = leaves.read_text().lower().splitlines(keepends=True)
    lines[1] = lines[1].replace(
        people.alice.address.lower(), people.alice.address.upper().replace("X", "x")
    )
    before = sha256(leaves.read_bytes()).hexdigest()
    leaves.write_text("".join(lines), newline="")
    after = sha256(leaves.read_bytes()).hexdigest()
    package.write_text(package.read_text().replace(before, after))
    done = run("audit", folder, "--rpc", anvil.url, "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["head_count"]["participants"] == 2
    mixed = people.alice.address.replace("A", "a", 1)
    leaves.write_text("".join([lines[0], *lines[1:]]).replace(people.alice.address.lower(), mixed))
    done = run("audit", folder)
    assert done.returncode == 1
    assert f"its capitals are not those of EIP-55: '{mixed}'" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "no-such-folder"],
        ["audit", "FOLDER", "--rpc", "http://127.0.0.1:9"],
        ["audit", "FOLDER", "--rpc", "ftp://example.org"],
        ["audit", "FOLDER", "--nonsense"],
        ["audit"],
    ],
)
def test_an_unusable_audit_is_status_2_and_one_message(
    arguments: list[str], exported: Path
) -> None:
    done = run(*[exported if a == "FOLDER" else a for a in arguments])
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_the_leaves_of_an_export_are_those_that_verify_takes(
    exported: Path, anvil: Any, published: Path
) -> None:
    # The table of another log: step 9 doesn't believe it.
    leaves = exported / "leaves.csv"
    done = run("verify", published / "whole.json", "--rpc", anvil.url, "--leaves", leaves, "--json")
    said = json.loads(done.stdout)["steps"][8]
    assert (said["outcome"], "table of leaves" in said["reason"]) == ("skipped", True)
