"""The set-up: what it does on machines that lack something, and how it says so."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tasks
from tests import conftest

ROOT = Path(__file__).parents[2]
Disk = namedtuple("Disk", "total used free")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for an environment, with a name that trips over spaces and Chinese."""
    folder = tmp_path / "我的 kit's folder"
    folder.mkdir()
    monkeypatch.setattr(tasks, "VENV", folder / ".venv")
    return folder


def test_make_knows_every_task() -> None:
    line = re.search(r"^TASKS = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line
    assert line[1].split() == list(tasks.TASKS)


def test_every_task_says_what_it_does() -> None:
    said = subprocess.run([sys.executable, "tasks.py"], cwd=ROOT, capture_output=True, text=True)
    assert said.returncode == 1
    for name, task in tasks.TASKS.items():
        assert f"  {name:10} {task.__doc__}" in said.stderr


@pytest.mark.skipif(not shutil.which("make"), reason="needs make")
def test_a_missing_python_is_one_line_that_says_how_to_install_it() -> None:
    made = subprocess.run(
        ["make", "--silent", "PYTHON=no-such-python", "setup"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode != 0
    assert made.stdout.splitlines() == [
        "Missing: Python 3.11, 3.12 or 3.13. Debian and Ubuntu: sudo apt install python3-venv"
    ]


@pytest.mark.parametrize("versions", [((3, 98), (3, 99)), ((3, 1), (3, 2))])
def test_a_python_that_is_too_old_or_too_new_is_refused(
    versions: tuple[tuple[int, int], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "PYTHONS", versions)
    with pytest.raises(tasks.Missing, match=r"Missing: Python 3\.11, 3\.12 or 3\.13 \(this is"):
        tasks.setup()


def test_no_venv_module(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without = tmp_path / "python3"
    without.write_text("#!/bin/sh\nmkdir -p \"$4/bin\"; echo 'No module named venv' >&2; exit 1\n")
    without.chmod(0o755)
    monkeypatch.setattr(tasks.sys, "executable", str(without))
    with pytest.raises(tasks.Missing, match=r"Python's venv module\. .*apt install python3-venv"):
        tasks.environment()
    assert not tasks.VENV.exists()  # nothing half-made


def test_an_environment_that_was_begun_is_made_again(place: Path) -> None:
    """As after Ctrl-C in the middle: a Python is there, and no pip."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tasks.VENV], check=True)
    tasks.environment()
    assert tasks._quiet(tasks.python(), "-m", "pip", "--version").returncode == 0
    before = tasks.python().stat().st_ctime_ns
    tasks.environment()  # a second time there is nothing to do
    assert tasks.python().stat().st_ctime_ns == before


def test_a_folder_with_other_files_is_not_emptied(place: Path) -> None:
    tasks.VENV.mkdir()
    thesis = tasks.VENV / "thesis.docx"
    thesis.write_text("years of work")
    with pytest.raises(tasks.Missing, match="an empty folder for the environment"):
        tasks.environment()
    assert thesis.read_text() == "years of work"


def test_a_full_disk_is_one_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.shutil, "disk_usage", lambda _: Disk(10**10, 10**10, 3 * 10**8))
    tasks.VENV.mkdir()
    with pytest.raises(tasks.Missing, match=r"2\.0 GB of free disk \(.* has 0\.3 GB\)\. Free some"):
        tasks.packages(tasks.LESSONS)


def test_a_disk_that_fills_on_the_way(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    done = subprocess.CompletedProcess([], 1, said)
    monkeypatch.setattr(tasks, "_quiet", lambda *_: done)
    with pytest.raises(
        tasks.Missing, match=r"free disk .* run the same again: it goes on from here"
    ):
        tasks.pip("-r", tasks.LESSONS)


def test_a_registry_that_doesn_t_answer(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real pip against a port where nobody listens; then the same with one that answers."""
    monkeypatch.setattr(tasks, "python", lambda: Path(sys.executable))
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    tasks.VENV.mkdir()
    with pytest.raises(
        tasks.Missing, match=r"an answer from the registry of Python packages\. Check the network"
    ):
        tasks.pip("--retries", "0", "--target", str(place / "out"), "no-such-package-of-ours")


def test_what_is_installed_is_not_installed_again(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []
    tasks.VENV.mkdir()
    monkeypatch.setattr(tasks, "pip", lambda *arguments: ran.append(arguments))
    tasks.packages(tasks.ENGINES)
    tasks.packages(tasks.ENGINES)
    assert ran == [("--require-hashes", "-r", tasks.ENGINES)]


def test_a_failed_installation_is_tried_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: str) -> None:
        raise SystemExit("Failed")

    tasks.VENV.mkdir()
    monkeypatch.setattr(tasks, "pip", fails)
    with pytest.raises(SystemExit):
        tasks.packages(tasks.ENGINES)
    monkeypatch.setattr(tasks, "pip", lambda *_: None)
    tasks.packages(tasks.ENGINES)
    assert (tasks.VENV / f".kit-{tasks.ENGINES}").is_file()


def test_two_set_ups_of_a_folder_wait_for_each_other(place: Path) -> None:
    code = (
        "import sys, time, tasks\nfrom pathlib import Path\ntasks.VENV = Path(sys.argv[1])\n"
        "with tasks._alone():\n    print('in', flush=True)\n    time.sleep(float(sys.argv[2]))\n"
        "print('out', flush=True)"
    )

    def start(seconds: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", code, str(tasks.VENV), seconds]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    first = start("60")
    assert first.stdout
    assert first.stdout.readline() == "in\n"
    second = start("0")
    assert second.stdout
    assert second.stdout.readline() == "→ Waiting for another set-up of this folder\n"
    first.kill()  # as by a closed window: its lock goes with it
    first.wait()
    assert second.communicate(timeout=20)[0] == "in\nout\n"
    first.stdout.close()


def test_a_folder_that_can_t_be_written(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").touch()
    monkeypatch.setattr(tasks, "VENV", place / "file" / ".venv")
    with pytest.raises(tasks.Missing, match="a folder to write in"), tasks._alone():
        pass


def test_the_last_line_of_a_part_that_fails_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys; print('noise'); sys.exit('Missing: npm, which fetches the fonts')"
    with pytest.raises(SystemExit, match=r"Failed: The fonts\. Missing: npm"):
        tasks._step("The fonts", sys.executable, "-c", code)


def test_a_failing_step_fails_the_test_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise SystemExit(1)

    ran = []
    for name in ("everything", "lint", "forge", "lessons"):
        monkeypatch.setattr(tasks, name, lambda name=name: ran.append(name))
    monkeypatch.setattr(tasks, "unit", lambda *_, slow: ran.append(f"unit {slow}"))
    monkeypatch.setattr(tasks, "types", broken)
    for task, slow in ((tasks.test, False), (tasks.test_all, True)):
        ran.clear()
        with pytest.raises(SystemExit, match=r"Failed: types \(mypy\)"):
            task()
        assert ran[:2] == ["everything", "lint"]
        assert sorted(ran[2:]) == ["forge", "lessons", f"unit {slow}"]  # at once


def test_what_runs_beside_others_speaks_after_them(capfd: pytest.CaptureFixture[str]) -> None:
    said = threading.Event()

    def talk() -> None:
        tasks.run(sys.executable, "-c", "import sys; print('out', flush=True); sys.exit('error')")

    def sing() -> None:
        tasks.say("la")
        said.set()

    def first() -> None:
        assert said.wait(20)  # the others go on meanwhile
        tasks.run(sys.executable, "-c", "print('first')")

    assert tasks._together({"unit": first}, {"types": talk, "lessons": sing}) == ["types"]
    lines = capfd.readouterr().out.splitlines()
    assert lines == ["→ unit", "first", "→ types", "out", "error", "→ lessons", "→ la"]
    tasks.say("again")
    assert capfd.readouterr().out == "→ again\n"


def test_ctrl_c_begins_nothing_more() -> None:
    begun, ended = threading.Event(), threading.Event()
    ran = []

    def long() -> None:
        begun.set()
        assert ended.wait(20)

    def stopped() -> None:
        assert begun.wait(20)
        threading.Timer(0.1, ended.set).start()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tasks._together({"unit": stopped}, {"types": long, "lessons": lambda: ran.append(1)})
    assert ran == []


def test_a_run_that_takes_too_long_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("everything", "lint", "types", "forge", "lessons"):
        monkeypatch.setattr(tasks, name, lambda: None)
    monkeypatch.setattr(tasks, "unit", lambda *_, slow: None)
    for most, slow, long in ((360, False, False), (-1, False, True), (-1, True, False)):
        monkeypatch.setattr(tasks, "MOST", most)
        tasks._test(slow=slow)
        out = capsys.readouterr().out
        assert "All passed in 0:00: lint (ruff, import-linter, deptry), unit tests" in out
        assert ("That is longer than" in out) is long


def test_slow_tests_are_left_out_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(tasks, "run", lambda *command, **_: ran.append(command))
    tasks.unit(slow=False)
    tasks.unit("tests/core", slow=True)
    assert ran[0][-2:] == ("-m", "not slow")
    assert "not slow" not in ran[1]
    assert ran[1][-1] == "tests/core"


def test_each_slow_test_is_listed_with_its_reason() -> None:
    """CONTRIBUTING.md has them all, as the marks give them."""
    marks = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.slow":
                assert isinstance(node.args[0], ast.Constant)
                marks.add((path.relative_to(ROOT).as_posix(), node.args[0].value))
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(tests/\S+\.py)` \| (.+) \|$", text, re.MULTILINE)) == marks
    assert len(marks) > 5


def test_a_test_that_takes_too_long_is_named() -> None:
    def report(name: str, seconds: float, *marks: str) -> SimpleNamespace:
        return SimpleNamespace(
            nodeid=name, when="call", duration=seconds, keywords=dict.fromkeys(marks, 1)
        )

    stats = {
        "passed": [report("a", 29.0), report("b", 31.0)],
        "failed": [report("c", 99.0, "slow")],
    }
    said: list[str] = []
    terminal = SimpleNamespace(stats=stats, section=said.append, write_line=said.append)
    conftest.pytest_terminal_summary(terminal)
    assert said[1:] == ["31 s call b"]
    terminal.stats = {"passed": [report("a", 29.0)], "warnings": [object()]}
    said.clear()
    conftest.pytest_terminal_summary(terminal)
    assert said == []


def test_the_bench_measures_sizes_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Any] = []
    monkeypatch.setattr(tasks, "everything", lambda: None)
    monkeypatch.setattr(tasks, "run", lambda *command: ran.append(command[1]))
    tasks.bench()
    assert ran == ["tests/sizes.py", "tests/bench.py"]
    assert all((ROOT / script).is_file() for script in ran)


def test_what_was_built_is_not_linted_where_there_is_no_git() -> None:
    """ruff reads .gitignore in a git repository only; a clone may be an unpacked archive."""
    (ROOT / "build" / "demo" / "notebooks").mkdir(parents=True, exist_ok=True)
    probe = ROOT / "build" / "demo" / "notebooks" / "probe.py"
    probe.write_text("import os\n")
    try:
        command = [sys.executable, "-m", "ruff", "check", "--no-respect-gitignore", "--show-files"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    finally:
        probe.unlink()
    paths = [Path(line).relative_to(ROOT).as_posix() for line in shown.splitlines()]
    assert "kit/errors.py" in paths
    assert not [
        x for x in paths if x.startswith(("build/", ".venv/", "node_modules/", "kit/files/"))
    ]
