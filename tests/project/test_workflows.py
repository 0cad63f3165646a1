"""What runs on machines of others: workflows, hooks, the contracts of import-linter."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml

import kit
import tasks

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sys.executable).parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(path: Path) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load(path.read_text("utf-8"))
    return found


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in read(workflow)["jobs"].values() for step in job["steps"]]


# --- workflows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_there_is(workflow: Path) -> None:
    assert read(workflow)["permissions"] == {"contents": "read"}  # a job asks for more by itself
    commands = [step["run"] for step in steps(workflow) if "run" in step]
    named = [x for run in commands for x in re.findall(r"(?:make|tasks\.py) (\w+)", run)]
    assert named
    assert set(named) <= set(tasks.TASKS)
    for step in steps(workflow):
        assert ("run" in step) != ("uses" in step)
        assert re.fullmatch(r"actions/[\w-]+@v\d+", step.get("uses", "actions/none@v1"))
        for pattern in [step.get("with", {}).get("cache-dependency-path")]:
            assert pattern is None or list(ROOT.glob(pattern))


def test_every_python_and_every_system_runs_the_unit_tests() -> None:
    jobs = read(ROOT / ".github/workflows/test.yml")["jobs"]
    matrix = jobs["unit"]["strategy"]["matrix"]
    assert {name.split("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    (low, high), pythons = tasks.PYTHONS, matrix["python"]
    assert pythons == [f"3.{minor}" for minor in range(low[1], high[1])]
    assert {"run": "python tasks.py check"} in jobs["unit"]["steps"]
    assert {"run": "make test-all"} in jobs["everything"]["steps"]


def test_the_page_goes_where_the_codes_of_the_cards_lead() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    owner, name = project["urls"]["Repository"].split("/")[-2:]
    assert f"https://{owner}.github.io/{name}/verify.html" == kit.views.PAGE
    found = steps(ROOT / ".github/workflows/pages.yml")
    (upload,) = (step for step in found if "upload-pages-artifact" in step.get("uses", ""))
    site = upload["with"]["path"]
    assert any(f"cp build/verify.html {site}/" in step.get("run", "") for step in found)


# --- hooks ---------------------------------------------------------------------------------------


def test_the_hooks_are_those_of_the_lock_and_can_be_started() -> None:
    theirs, ours = read(ROOT / ".pre-commit-config.yaml")["repos"]
    lock = (ROOT / tasks.TESTS).read_text("utf-8")
    assert f"\nruff=={theirs['rev'].removeprefix('v')} " in lock
    assert [hook["id"] for hook in theirs["hooks"]] == ["ruff-check", "ruff-format"]
    assert {hook["id"] for hook in ours["hooks"]} == {"mypy", "import-linter", "lessons"}
    for hook in ours["hooks"]:
        program, *arguments = hook["entry"].split()
        assert shutil.which(program, path=f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}")
        assert all((ROOT / argument).is_file() for argument in arguments)
    (lessons,) = (hook["files"] for hook in ours["hooks"] if hook["id"] == "lessons")
    paths = [path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/**/*.ipynb")]
    assert len(paths) >= 16
    assert all(re.search(lessons, path) for path in paths)


def test_tidy_takes_out_what_changes_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = ROOT / "notebooks" / "00_start_here.ipynb"
    copy = tmp_path / lesson.name
    found: Any = nbformat.read(lesson, as_version=4)
    found.metadata.language_info.version = "3.13.9"
    found.metadata.widgets = {"state": {}}
    for cell in found.cells:
        cell.metadata.collapsed = False
        if cell.cell_type == "code":
            cell.metadata.execution = {"iopub.execute_input": "2026-11-26T00:00:00Z"}
    nbformat.write(found, copy)
    assert copy.read_bytes() != lesson.read_bytes()

    monkeypatch.setattr(sys, "argv", ["tidy.py", str(copy)])
    with pytest.raises(SystemExit, match="Written anew"):
        runpy.run_path(str(ROOT / "tools" / "tidy.py"), run_name="__main__")
    assert copy.read_bytes() == lesson.read_bytes()
    runpy.run_path(str(ROOT / "tools" / "tidy.py"), run_name="__main__")  # a second time, nothing


def test_the_lessons_are_tidy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copies = shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    paths = sorted(str(path) for path in copies.glob("**/[0-9]*.ipynb"))
    monkeypatch.setattr(sys, "argv", ["tidy.py", *paths])
    runpy.run_path(str(ROOT / "tools" / "tidy.py"), run_name="__main__")


# --- which way imports run -----------------------------------------------------------------------


def broken(folder: Path, module: str, *lines: str) -> str:
    """What import-linter says of a copy of the kit with some lines more in one module."""
    shutil.copytree(ROOT / "kit", folder / "kit", ignore=shutil.ignore_patterns("typefaces"))
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")
    with (folder / "kit" / module).open("a", encoding="utf-8") as file:
        file.write("\n".join(["", *lines, ""]))
    environment = {name: x for name, x in os.environ.items() if name != "PYTHONPATH"}
    command = [str(SCRIPTS / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    return done.stdout


def test_an_import_up_is_refused_in_a_function_and_for_types_alone(tmp_path: Path) -> None:
    said = broken(
        tmp_path,
        "core/by_hand.py",
        "def later():\n    import kit.diary.diary",
        "if False:\n    from typing import TYPE_CHECKING",
        "if TYPE_CHECKING:\n    from kit.audit.export import export",
    )
    assert "kit.core.by_hand -> kit.diary.diary" in said
    assert "kit.core.by_hand -> kit.audit.export" in said


def test_the_analysis_may_know_no_records(tmp_path: Path) -> None:
    said = broken(tmp_path, "analysis/participation/words.py", "import kit.core.merkle")
    assert "kit.analysis is not allowed to import kit.core" in said


def test_the_front_door_is_for_guests(tmp_path: Path) -> None:
    said = broken(tmp_path, "core/by_hand.py", "def later():\n    import kit")
    assert "kit.core.by_hand is not allowed to import kit:" in said


def test_a_circle_in_a_package_is_found(tmp_path: Path) -> None:
    said = broken(tmp_path, "core/record.py", "def later():\n    import kit.core.merkle")
    assert "No cycles are allowed in kit.core." in said


def test_a_new_package_must_be_put_into_its_place(tmp_path: Path) -> None:
    assert "kit.somewhere" in broken(tmp_path, "somewhere.py", "import os")
