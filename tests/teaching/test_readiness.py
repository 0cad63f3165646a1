"""``kit.teaching.ready``: each usual breakage is provoked, its remedy carried out, and then it works."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import kit
import tasks
from kit.chain import solidity
from kit.errors import KitError
from kit.places import ROOT
from kit.teaching import readiness
from kit.teaching.readiness import troubles


@pytest.fixture(autouse=True)
def _in_a_folder_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def only() -> str:
    """The one line about this machine, as a lesson prints it."""
    (line,) = troubles()
    return line


def is_ready(capsys: pytest.CaptureFixture[str]) -> bool:
    kit.teaching.ready()
    return capsys.readouterr().out == "Ready.\n"


def command(line: str) -> list[str]:
    """The task of tasks.py that a line names."""
    found = re.search(r"`python3[.\d]* tasks\.py (\w+)`", line)
    assert found, line
    assert found[1] in tasks.TASKS
    return [sys.executable, str(ROOT / "tasks.py"), found[1]]


def test_a_machine_that_is_ready_is_told_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert is_ready(capsys)


def test_each_line_is_printed_and_the_lesson_stops(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(readiness, "troubles", lambda: iter(["One. Do this", "Two. Do that"]))
    with pytest.raises(KitError, match="got 2 to mend"):
        kit.teaching.ready()
    assert capsys.readouterr().out == "✗ One. Do this\n✗ Two. Do that\n"


@pytest.mark.parametrize("version", [(3, 10, 9), (3, 14, 0)])
def test_another_python(
    version: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    line = only()
    assert line.startswith(f"This is Python 3.{version[1]}, the kit needs 3.11, 3.12 or 3.13.")
    assert command(line)[-1] == "lab"
    monkeypatch.undo()
    assert is_ready(capsys)


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 3), (3, 13, 99)])
def test_the_pythons_that_are_fine(
    version: tuple[int, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert is_ready(capsys)


def old_package(folder: Path, name: str, version: str) -> None:
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


ASK = "from kit.teaching.readiness import troubles; print(*troubles(), sep='\\n')"


def test_an_old_package_and_one_that_is_missing(tmp_path: Path) -> None:
    """As in a kernel in which other packages stand before the kit's."""
    old_package(tmp_path / "old", "pandas", "2.2.0")
    old_package(tmp_path / "old", "web3", "7.1.0")
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "old")}
    ask = [sys.executable, "-c", ASK]
    line = subprocess.run(
        ask, env=environment, capture_output=True, encoding="utf-8", check=True
    ).stdout
    assert "pandas is 2.2.0, not >=3.1" in line
    assert "web3 is 7.1.0, not <9,>=8" in line
    assert command(line)[-1] in ("setup", "lab")
    # The kit's own Python, with none of them before its own.
    done = subprocess.run(ask, capture_output=True, encoding="utf-8", check=True)
    assert done.stdout == "\n"


def test_a_kernel_that_is_not_the_kits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(readiness, "ROOT", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    old_package(tmp_path / "old", "duckdb", "0.1.0")
    monkeypatch.syspath_prepend(tmp_path / "old")
    line = only()
    assert "duckdb is 0.1.0" in line
    assert "This kernel is not the kit's" in line
    assert command(line)[-1] == "lab"
    monkeypatch.undo()
    assert is_ready(capsys)


def test_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def forget() -> None:
        solidity._npm.cache_clear()
        solidity._native.cache_clear()

    with monkeypatch.context() as gone:
        gone.setattr(solidity, "node_modules", lambda: None)
        gone.setenv("PATH", str(tmp_path))
        gone.setattr("solcx.get_installed_solc_versions", list)
        forget()
        line = only()
    forget()
    assert line == "There is no compiler for Solidity. Run: python -m kit tools"
    done = subprocess.run(  # with all in place it has nothing to do
        [sys.executable, *line.rpartition("Run: python ")[2].split()],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert is_ready(capsys)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder in which nobody may write")
def test_a_folder_in_which_nothing_can_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("/proc")
    line = only()
    assert line.startswith("Nothing can be written in /proc")
    assert line.endswith("python -m kit lessons FOLDER")
    subprocess.run(
        [sys.executable, "-m", "kit", "lessons", str(tmp_path / "mine")],
        check=True,
        capture_output=True,
    )
    monkeypatch.chdir(tmp_path / "mine")
    assert list(Path.cwd().rglob("00_*.ipynb"))
    assert is_ready(capsys)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder in which nobody may write")
def test_no_room_for_files_that_come_and_go(tmp_path: Path) -> None:
    """In a program of its own: Python asks once where such files go."""
    script = "import tempfile; tempfile.tempdir = '/proc'; " + ASK
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "Nothing can be written in /proc" in done.stdout
    assert "variable TMPDIR" in done.stdout
    (tmp_path / "mine").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir()); " + ASK],
        cwd=tmp_path,
        env=os.environ | {"TMPDIR": str(tmp_path / "mine"), "TEMP": str(tmp_path / "mine")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{tmp_path / 'mine'}\n\n"


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    usage = shutil.disk_usage(tempfile.gettempdir())
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=5_000_000))
    lines = list(troubles())
    assert len(lines) == 2
    assert all("has 5 MB left; make room for 200 MB" in line for line in lines)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=200_000_000))
    assert is_ready(capsys)


@pytest.mark.parametrize("name", ["random", "pandas", "kit"])
def test_a_file_that_python_takes_for_a_package(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / f"{name}.py").touch()
    line = only()
    assert line.startswith(f"Python takes {name}.py beside this lesson for {name}.")
    (tmp_path / f"{name}.py").rename(tmp_path / line.rpartition(": ")[2])
    assert is_ready(capsys)


def test_any_folder_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lessons find the kit's files by themselves, wherever they are started."""
    for folder in (tmp_path, ROOT, ROOT / "notebooks", ROOT / "notebooks" / "student"):
        monkeypatch.chdir(folder)
        assert is_ready(capsys)


def test_proxies_are_no_trouble(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert is_ready(capsys)
    with kit.chain.anvil() as node:
        assert node.head.number >= 0


def test_a_port_that_is_taken_is_no_trouble(capsys: pytest.CaptureFixture[str]) -> None:
    """The lessons' node and Jupyter take another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert is_ready(capsys)


def test_a_machine_that_does_not_reach_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as closed:
        closed.setattr(socket.socket, "bind", refused)
        line = only()
    assert line.startswith("This machine does not reach itself")
    assert "Allow Python to talk to 127.0.0.1" in line
    assert is_ready(capsys)


MEMORY = {
    "memory.max": "1000000000\n",
    "memory.current": "900000000\n",
    "memory.stat": "anon 850000000\ninactive_file 50000000\n",
}


def test_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, told in MEMORY.items():
        (tmp_path / name).write_text(told)
    monkeypatch.setattr(readiness, "_CGROUP", tmp_path)
    line = only()
    assert line.startswith("150 MB of memory are left, a lesson takes up to 400.")
    assert "Shut Down All Kernels" in line
    (tmp_path / "memory.current").write_text("300000000\n")  # as after that
    assert is_ready(capsys)
    (tmp_path / "memory.max").write_text("max\n")
    monkeypatch.setattr(readiness, "_MEMINFO", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 8000000 kB\nMemAvailable: 200000 kB\n")
    assert only().startswith("205 MB of memory are left")
    (tmp_path / "meminfo").unlink()  # a system that has no such file
    assert is_ready(capsys)


def test_a_lesson_s_memory_is_what_was_measured() -> None:
    """The bound is above the largest of lessons 0 to 6 in docs/sizes.md."""
    text = (ROOT / "docs" / "sizes.md").read_text("utf-8")
    measured = [
        int(mb) for mb in re.findall(r"^\| lesson [0-6] .*?, (\d+) MB \|", text, re.MULTILINE)
    ]
    assert len(measured) == 7
    assert max(measured) * 1_000_000 < readiness.MEMORY
