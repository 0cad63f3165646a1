"""``python -m kit``: exit statuses, output, and verification from another process."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import qrcode
from PIL import Image, ImageOps

import kit
from kit import people, places
from kit.__main__ import STATUSES
from kit.core import Certificate
from kit.errors import KitError
from tests.cli import run


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


#: What is said of a good certificate where no log is named.
ALONE = "consistent in itself; not asked: " + ", ".join(
    f"{number} {kit.core.STEP_NAMES[number - 1]}" for number in range(6, 10)
)


def named(of: Path, chain: Any) -> list[Any]:
    """The options that name the log of a certificate or of an export."""
    if of.is_dir():
        return ["--rpc", chain.url, "--log", kit.audit.log_of(of).rpartition(":")[2]]
    certificate = Certificate.loads(of.read_bytes())
    return ["--rpc", chain.url, "--log", certificate.log_id.contract]


def test_verify_without_a_chain(published: Path) -> None:
    done = run("verify", published / "whole.json")
    assert done.returncode == 0
    assert [line[0] for line in done.stdout.splitlines()[1:10]] == list("123456789")
    assert done.stdout.splitlines()[-1] == ALONE
    assert done.stdout.count(" – not asked  ") == 4


def test_verify_with_rpc_from_another_process(published: Path, anvil: Any) -> None:
    """All that the other process has is the file and the node's address."""
    leaves, whole = published / "leaves.csv", published / "whole.json"
    done = run("verify", whole, *named(whole, anvil), "--leaves", leaves, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [step["outcome"] for step in said["steps"]] == ["passed"] * 9
    assert (said["ok"], said["level"]) == (True, "final")
    assert said["place"].endswith(f" of the log {Certificate.loads(whole.read_bytes()).log_id}")


def test_verify_the_text_of_a_qr_code(published: Path, anvil: Any) -> None:
    done = run(
        "verify", published / "scanned.txt", *named(published / "whole.json", anvil), "--json"
    )
    assert done.returncode == 0, done.stderr
    outcomes = [step["outcome"] for step in json.loads(done.stdout)["steps"]]
    assert outcomes == ["passed", "not asked", *["passed"] * 5, "not asked", "not asked"]


def test_a_failed_step_is_status_1(published: Path) -> None:
    done = run("verify", published / "forged.json")
    assert done.returncode == 1
    assert "2 ✗ failed" in done.stdout
    assert done.stdout.splitlines()[-1] == "failed at step 2"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{}", "not a certificate"),
        (b"\xff\xfe", "not a certificate"),
        (b"", "an empty file"),
        (b" \r\n", "an empty file"),
        (b"\xff\xff", "which is no text"),
        (b"\xff\xfe{", "which is no text"),
        (b"%PDF-1.4\n", "a PDF"),
        (b"\x89PNG\r\n\x1a\n", "got no picture"),
        (b"BM\x36\0\0\0", "got no picture"),
        (b"GIF89a", "got no picture"),
        (b"\0\0\0\x18ftypheic", "a HEIC picture or a film (MP4)"),
    ],
)
def test_what_is_no_certificate_is_status_2(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    done = run("verify", tmp_path / "file")
    assert done.returncode == 2
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_picture_of_a_certificate_is_verified(published: Path, tmp_path: Path) -> None:
    """A PDF is told what to give, and with that it works: a picture of it, whatever its format."""
    (tmp_path / "card.pdf").write_bytes(b"%PDF-1.7\n")
    done = run("verify", tmp_path / "card.pdf")
    assert "verify takes a PNG or JPEG of it, too." in done.stderr
    certificate = Certificate.loads((published / "whole.json").read_bytes())
    code = Image.open(io.BytesIO(kit.views.qr_png(certificate))).convert("RGB")
    for ending, picture in (("png", code), ("jpg", code), ("bmp", ImageOps.mirror(code))):
        picture.save(tmp_path / f"card.{ending}")
        done = run("verify", tmp_path / f"card.{ending}")
        assert (done.returncode, certificate.id in done.stdout) == (0, True), done.stderr
    Image.new("RGB", (300, 300), "white").save(tmp_path / "none.png")
    done = run("verify", tmp_path / "none.png")
    assert done.returncode == 2
    assert "got none that can be read" in done.stderr


def test_which_code_on_a_picture_is_meant(published: Path, tmp_path: Path) -> None:
    certificate = Certificate.loads((published / "whole.json").read_bytes())
    other = replace(
        certificate, inclusion=replace(certificate.inclusion, proof=("0x" + "12" * 32,))
    )
    codes = [Image.open(io.BytesIO(kit.views.qr_png(x))).convert("L") for x in (certificate, other)]
    shop = qrcode.QRCode(box_size=12)
    shop.add_data("https://example.org/menu")
    codes.append(shop.make_image().get_image().convert("L"))

    def picture(*shown: Image.Image) -> Path:
        paper = Image.new("L", (sum(x.width + 40 for x in shown), 800), 255)
        for number, code in enumerate(shown):
            paper.paste(code, (sum(x.width + 40 for x in shown[:number]), 20))
        paper.save(tmp_path / "picture.png")
        return tmp_path / "picture.png"

    for shown in ((codes[0], codes[2]), (codes[2], codes[0]), (codes[0], codes[0])):
        assert kit.verify(kit.views.read_code(picture(*shown))).id == certificate.id
    with pytest.raises(KitError, match=r"got those of 2\. Cut the picture so that one is left"):
        kit.views.read_code(picture(codes[0], codes[1]))
    with pytest.raises(KitError, match=r"got other codes \(1\)"):
        kit.views.read_code(picture(codes[2]))
    cut = tmp_path / "cut.png"
    cut.write_bytes(picture(codes[0]).read_bytes()[:3000])
    with pytest.raises(KitError, match="got a broken one"):
        kit.views.read_code(cut)
    Image.new("1", (12_000, 12_000)).save(cut)
    with pytest.raises(KitError, match="got one of 12,000 by 12,000 points"):
        kit.views.read_code(cut)


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "no-such-file"],
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


@pytest.mark.parametrize("command", ["verify", "audit", "report"])
def test_no_answer_is_status_3_and_one_message(
    command: str, published: Path, exported: Path, tmp_path: Path
) -> None:
    given = published / "whole.json" if command == "verify" else exported
    more = ["--out", tmp_path / "report.html"] if command == "report" else []
    done = run(command, given, "--rpc", "http://127.0.0.1:9", "--log", people.alice.address, *more)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "NodeDown" in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["whole.json", "scanned.txt", "forged.json"])
def test_a_file_as_an_editor_or_a_shell_saved_it(
    name: str, encoding: str, published: Path, tmp_path: Path
) -> None:
    text = (published / name).read_text("utf-8")
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""  # Python writes it for the others
    saved = tmp_path / name
    saved.write_bytes((mark + text.replace("\n", "\r\n")).encode(encoding))
    same, plain = run("verify", saved), run("verify", published / name)
    assert (same.returncode, same.stdout) == (plain.returncode, plain.stdout)
    assert plain.returncode == (1 if name == "forged.json" else 0)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_of_leaves_as_an_editor_saved_it(
    encoding: str, published: Path, anvil: Any, tmp_path: Path
) -> None:
    leaves = tmp_path / "leaves.csv"
    leaves.write_text((published / "leaves.csv").read_text("utf-8"), encoding=encoding)
    whole = published / "whole.json"
    done = run("verify", whole, *named(whole, anvil), "--leaves", leaves)
    assert done.returncode == 0, done.stderr
    assert "\n9 ✓ passed" in done.stdout


# --- terminals, pipes and crashes ------------------------------------------------------------------


#: Each starts two new processes. Here: one that has the signs, one that has none, both verdicts.
TERMINALS = {("gbk", "whole.json"), ("ascii", "forged.json"), ("cp437", "whole.json")}


@pytest.mark.parametrize(
    ("encoding", "name", "status"),
    [
        (encoding, name, status)
        if (encoding, name) in TERMINALS
        else pytest.param(
            *(encoding, name, status), marks=pytest.mark.slow("each verdict on each terminal")
        )
        for encoding in ("gbk", "cp1252", "ascii", "cp437", "shift_jis")
        for name, status in (("whole.json", 0), ("forged.json", 1))
    ],
)
def test_a_verdict_is_the_same_on_any_terminal(
    encoding: str, name: str, status: int, published: Path
) -> None:
    command = [sys.executable, "-m", "kit", "verify", str(published / name)]
    where = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=where)
    assert (done.returncode, done.stderr) == (status, b"")
    shown = done.stdout.decode(encoding)
    level = "consistent in itself" if status == 0 else "failed at step 2"
    assert shown.splitlines()[-1].startswith(level)
    as_json = subprocess.run([*command, "--json"], capture_output=True, env=where)
    plain = run("verify", published / name, "--json")
    assert as_json.returncode == status
    assert as_json.stdout.decode("ascii").splitlines() == plain.stdout.splitlines()


def test_a_locale_that_is_c_shows_the_same_verdict(published: Path) -> None:
    where = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "kit", "verify", str(published / "whole.json")]
    assert subprocess.run(command, capture_output=True, env=where).returncode == 0


@pytest.mark.parametrize("name", ["whole.json", "forged.json"])
def test_a_pipe_that_closes_is_quiet_and_no_verdict(name: str, published: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "kit", "verify", str(published / name)]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_a_verdict_that_could_not_be_written_is_status_70(published: Path) -> None:
    command = [sys.executable, "-m", "kit", "verify", str(published / "whole.json")]
    with open("/dev/full", "w") as full:
        assert subprocess.run(command, stdout=full, stderr=subprocess.DEVNULL).returncode == 70


@pytest.mark.parametrize(
    ("raised", "status"),
    [
        *[(error, 70) for error in ("OSError(5)", "MemoryError", "RecursionError", "KeyError(1)")],
        ("KeyboardInterrupt", 130),
    ],
)
def test_a_crash_is_never_a_verdict(raised: str, status: int, published: Path) -> None:
    script = (
        "import kit, kit.__main__ as cli\n"
        f"def crash(*_, **__): raise {raised}\n"
        "kit.verify = crash\n"
        "cli.main()"
    )
    file = str(published / "whole.json")
    command = [sys.executable, "-c", script, "verify", file]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (status, "")
    assert ("Traceback" in done.stderr) == (status == 70)


@pytest.mark.parametrize("command", [[], ["verify"], ["audit"], ["report"]])
def test_the_help_and_the_readme_have_the_table_of_statuses(command: list[str]) -> None:
    assert STATUSES in run(*command, "--help").stdout
    rows = re.findall(r"^  (\d+) +(.*)$", STATUSES, re.M)
    assert [int(number) for number, _ in rows] == [0, 1, 2, 3, 70, 130, 141]
    readme = (places.ROOT / "README.md").read_text("utf-8")
    assert all(f"| {number} | {meaning} |" in readme for number, meaning in rows)


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
    assert done.stdout.count(" – not asked  ") == 3
    assert done.stdout.splitlines()[-1].startswith("consistent in itself; not asked: 1 the log is")
    assert "counted: 2 participants" in done.stdout


def test_audit_with_rpc_from_another_process(exported: Path, anvil: Any) -> None:
    done = run("audit", exported, *named(exported, anvil), "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {step["outcome"] for step in said["steps"]} == {"passed"}
    assert said["level"] == "final"
    assert said["place"].endswith(f" of the log {kit.audit.log_of(exported)}")
    assert (said["head_count"]["participants"], said["head_count"]["entries"]) == (2, 3)


def test_audit_of_what_was_changed_is_status_1(exported: Path, anvil: Any, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "changed"))
    for path in folder.glob("*.parquet"):
        path.unlink()
    leaves = folder / "leaves.csv"
    lines = leaves.read_text().splitlines(keepends=True)
    leaves.write_text("".join([*lines[:2], lines[3], lines[2], *lines[4:]]))
    for rpc in ([], named(folder, anvil)):
        done = run("audit", folder, *rpc)
        assert done.returncode == 1, done.stderr
        assert "5 ✗ failed" in done.stdout
        assert "was moved: it stands out of order" in done.stdout
        assert done.stdout.splitlines()[-1] == "failed at step 5, 7"
    leaves.write_text("".join(lines[:-1]))
    assert "record 5 is missing" in run("audit", folder, *named(folder, anvil)).stdout


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
    told = json.loads(package.read_text().replace(before, after))
    del told["civic_diary"]["signature"]  # whoever is no registrar can't sign what they changed
    package.write_text(json.dumps(told))
    done = run("audit", folder, *named(folder, anvil), "--json")
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["level"] == "consistent"
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
    leaves, whole = exported / "leaves.csv", published / "whole.json"
    done = run("verify", whole, *named(whole, anvil), "--leaves", leaves, "--json")
    said = json.loads(done.stdout)["steps"][8]
    assert (said["outcome"], "table of leaves" in said["reason"]) == ("unanswered", True)
    assert done.returncode == 3  # what was asked was not shown


# --- the log that is named -----------------------------------------------------------------------


@pytest.mark.parametrize("command", ["verify", "audit", "report"])
@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (["--rpc", "URL"], "Expected --log LOG or --logs FILE, got --rpc alone."),
        (["--log", "LOG"], "Expected --rpc URL, a node of the log's chain, got --log alone."),
        (["--logs", "FILE"], "Expected --rpc URL, a node of the log's chain, got --logs alone."),
        (
            ["--rpc", "URL", "--log", "LOG", "--logs", "FILE"],
            "Expected --log LOG or --logs FILE, got both.",
        ),
    ],
)
def test_one_without_the_other_is_refused(
    command: str, options: list[str], missing: str, published: Path, exported: Path, anvil: Any
) -> None:
    given = published / "whole.json" if command == "verify" else exported
    rpc, log = named(given, anvil)[1::2]
    words = {"URL": rpc, "LOG": log, "FILE": "logs.toml"}
    done = run(command, given, *(words.get(x, x) for x in options))
    assert (done.returncode, done.stdout) == (2, "")
    assert missing in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["verify", "audit", "report"])
def test_another_log_than_the_one_that_is_named(
    command: str, published: Path, exported: Path, anvil: Any, tmp_path: Path
) -> None:
    """Somebody deployed the same contract, and is the moderator there."""
    given = published / "whole.json" if command == "verify" else exported
    other = kit.log.Log.deploy(anvil, by=people.alice).address
    more = ["--out", tmp_path / "report.html"] if command == "report" else []
    done = run(command, given, "--rpc", anvil.url, "--log", other, *more)
    assert done.returncode == 1
    assert "failed at step " in done.stdout.splitlines()[-1]
    for nothing in (people.bob.address, "nonsense"):  # where there is no log at all
        done = run(command, given, "--rpc", anvil.url, "--log", nothing, *more)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["verify", "audit", "report"])
def test_a_file_of_logs_that_one_knows(
    command: str, published: Path, exported: Path, anvil: Any, tmp_path: Path
) -> None:
    given = published / "whole.json" if command == "verify" else exported
    address = named(given, anvil)[-1]
    more = ["--out", tmp_path / "report.html"] if command == "report" else []
    logs = tmp_path / "logs.toml"

    def known(address: str) -> Any:
        text = f'[[log]]\nname = "ours"\nchain = 31337\naddress = "{address}"\n'
        logs.write_text(f'{text}since = 2026-09-01\nvouched_by = "the library"\n', "utf-8")
        return run(command, given, "--rpc", anvil.url, "--logs", logs, *more)

    done = known(address)
    assert done.returncode == 0, done.stderr
    assert "vouched for by the library" in done.stderr
    assert "final " in done.stdout.splitlines()[-1]
    done = known(people.alice.address)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"a log that {logs} knows, got eip155:31337:{address}" in done.stderr
    assert "If you have a reason to trust it, add it there." in done.stderr
    logs.write_text("nonsense", "utf-8")
    done = run(command, given, "--rpc", anvil.url, "--logs", logs, *more)
    assert (done.returncode, "[[log]]" in done.stderr) == (2, True)


# --- by the hash of a block ----------------------------------------------------------------------


def test_a_block_s_hash_needs_no_node(published: Path, tmp_path: Path) -> None:
    file = published / "whole.json"
    told = json.loads(file.read_text("utf-8"))
    block, log = told["anchor"]["block_hash"], told["id"].rpartition("/")[0]
    logs = tmp_path / "logs.toml"
    logs.write_text(
        f'[[log]]\nname = "ours"\nchain = {told["anchor"]["chain_id"]}\n'
        f'address = "{told["anchor"]["contract"]}"\nsince = 2026-09-01\nvouched_by = "the library"\n',
        "utf-8",
    )
    for named_so in (["--log", log], ["--logs", logs]):
        done = run("verify", file, *named_so, "--block-hash", block)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1].startswith("included in block ")
        assert ", which you named, of the log " in done.stdout
    other = "0x" + "12" * 32
    assert run("verify", file, "--log", log, "--block-hash", other).returncode == 1
    done = run("verify", file, "--log", log, "--block-hash", other, "--block-hash", block)
    assert done.returncode == 0
    elsewhere = log.replace(told["anchor"]["contract"], people.alice.address)
    assert run("verify", file, "--log", elsewhere, "--block-hash", block).returncode == 1


def test_a_block_s_hash_beside_a_node(published: Path, anvil: Any) -> None:
    file = published / "whole.json"
    told = json.loads(file.read_text("utf-8"))
    block, log = told["anchor"]["block_hash"], told["id"].rpartition("/")[0]
    rpc = ["--rpc", anvil.url, "--log", log]
    assert run("verify", file, *rpc, "--block-hash", block).returncode == 0
    done = run("verify", file, *rpc, "--second-rpc", anvil.url)
    assert "the same on two nodes" in done.stdout
    assert run("verify", file, *rpc, "--block-hash", "0x" + "12" * 32).returncode == 1


@pytest.mark.parametrize(
    ("options", "missing"),
    [
        (["--block-hash", "HASH"], "Expected --log LOG or --logs FILE, got --block-hash alone."),
        (
            ["--log", "ADDRESS", "--block-hash", "HASH"],
            "Expected --log eip155:CHAIN:ADDRESS, got an address alone.",
        ),
        (["--log", "ID", "--block-hash", "0x12"], "Expected the hash of a block"),
        (["--log", "eip155:1:0x12", "--block-hash", "HASH"], "Expected a log as eip155:"),
        (["--log", "ID", "--second-rpc", "URL"], "Expected --rpc URL, a first node"),
        (["--rpc", "URL", "--log", "ELSEWHERE"], "Expected a node of chain 1, got a node of chain"),
    ],
)
def test_what_is_missing_beside_a_hash_is_named(
    options: list[str], missing: str, published: Path, anvil: Any
) -> None:
    file = published / "whole.json"
    told = json.loads(file.read_text("utf-8"))
    address, log = told["anchor"]["contract"], told["id"].rpartition("/")[0]
    words = {"HASH": told["anchor"]["block_hash"], "ADDRESS": address, "ID": log}
    words |= {"URL": anvil.url, "ELSEWHERE": f"eip155:1:{address}"}
    done = run("verify", file, *(words.get(option, option) for option in options))
    assert done.returncode == 2
    assert missing in done.stderr
    assert "Traceback" not in done.stderr
