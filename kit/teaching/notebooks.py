"""The lesson notebooks: find them, run them, keep them in a form that only changes when they do.

A lesson holds the solutions of its exercises between two marks. ``student_copy`` takes them out, and
marks the cells for nbgrader (metadata schema 3), so that the copies can be handed out and graded.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import matplotlib
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from traitlets import default

from kit.errors import KitError
from kit.places import NOTEBOOKS

__all__ = ["METADATA", "STUDENTS", "execute", "figures", "paths", "save", "student_copy"]

STUDENTS = NOTEBOOKS / "student"

#: What a lesson says of itself.
METADATA: Final = {
    "kernelspec": {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}
_SOLUTION = re.compile(
    r"^(?P<indent> *)(?P<comment>#|//) BEGIN SOLUTION\n(?P<inside>.*?)^ *(#|//) END SOLUTION$",
    re.MULTILINE | re.DOTALL,
)
_SOLVED = re.compile(r"^\*\*Solved: .*\n\n", re.MULTILINE)
_CHECK = re.compile(r'^kit\.teaching\.check\("(?P<name>[^"]+)"', re.MULTILINE)
_TIMEOUT = 300  # seconds a cell may take


class _Kernel(AsyncKernelManager):
    """The kernel of this Python, whatever other one is called python3 on this machine."""

    @default("kernel_spec_manager")
    def _ours(self) -> KernelSpecManager:
        return KernelSpecManager(kernel_dirs=[])  # with none to look in, it is ipykernel's own


def paths() -> list[Path]:
    """Return the lessons in order."""
    return sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


def execute(path: Path) -> NotebookNode:
    """Run a lesson in a new kernel and return it with its outputs.

    Raises KitError with the cell's error if one fails.
    """
    lesson: NotebookNode = nbformat.read(path, as_version=4)
    with TemporaryDirectory(ignore_cleanup_errors=True) as settings:  # none of the user's
        client = NotebookClient(
            lesson,
            kernel_name="python3",
            kernel_manager_class=_Kernel,
            timeout=_TIMEOUT,
            coalesce_streams=True,
            record_timing=False,
            # Errors only: its words are not ours.
            extra_arguments=["--IPKernelApp.log_level=40", f"--ipython-dir={settings}"],
            resources={"metadata": {"path": str(path.parent)}},
        )
        # matplotlib's own settings: the user's would draw other figures.
        style = Path(matplotlib.get_data_path(), "matplotlibrc")
        try:
            client.execute(env=os.environ | {"MATPLOTLIBRC": str(style)})
        except CellExecutionError as error:
            fix = f"Open {path.name} and run it to that cell."
            raise KitError(f"{path.name} to run", f"{error.ename}: {error.evalue}", fix) from error
    # The kernel's own version would differ from machine to machine.
    lesson.metadata.update(METADATA)
    return lesson


def save(lesson: NotebookNode, path: Path) -> None:
    """Write a lesson. The same lesson gives the same bytes."""
    nbformat.validate(lesson)
    path.parent.mkdir(parents=True, exist_ok=True)
    text: str = nbformat.writes(lesson)
    path.write_text(text.rstrip("\n") + "\n", encoding="utf-8", newline="\n")


def figures(lesson: NotebookNode) -> Iterator[bytes]:
    """Return the pictures (PNG) among a lesson's outputs, in order."""
    for cell in lesson.cells:
        for output in cell.get("outputs", ()):
            picture = output.get("data", {}).get("image/png")
            if picture:
                yield base64.b64decode(picture)


def student_copy(lesson: NotebookNode) -> NotebookNode:
    """Return a lesson without outputs and solutions, its exercises marked for nbgrader.

    The line that calls the lesson solved is left out, too.

    An exercise is worth as many points as its heading has stars.
    """
    copy: NotebookNode = nbformat.from_dict(lesson)
    points, solution = 0, None
    for cell in copy.cells:
        if cell.cell_type != "code":
            cell.source = _SOLVED.sub("", cell.source)
            points = cell.source.partition("\n")[0].count("★") or points
            continue
        cell.outputs, cell.execution_count = [], None
        check = _CHECK.search(cell.source)
        if _SOLUTION.search(cell.source):
            cell.source = _SOLUTION.sub(_placeholder, cell.source)
            solution = cell
        elif check and solution:
            solution.metadata.nbgrader = _nbgrader(f"{check['name']}-answer", solution=True)
            cell.metadata.nbgrader = _nbgrader(check["name"], solution=False) | {"points": points}
    return copy


def _placeholder(found: re.Match[str]) -> str:
    start = found["indent"] + found["comment"]
    stub = "\nanswer = ..." if re.search(r"^answer = ", found["inside"], re.MULTILINE) else ""
    return f"{start} Your answer goes here.{stub}"


def _nbgrader(name: str, *, solution: bool) -> dict[str, object]:
    return {
        "schema_version": 3,
        "grade_id": name,
        "grade": not solution,
        "solution": solution,
        "locked": not solution,
        "task": False,
    }
