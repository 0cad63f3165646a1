"""The lesson notebooks: find them, run them, keep them in a form that only changes when they do."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

from kit.errors import KitError

__all__ = ["FOLDER", "execute", "figures", "paths", "save"]

FOLDER = Path(__file__).parent.parent / "notebooks"
_TIMEOUT = 300  # seconds a cell may take


def paths() -> list[Path]:
    """Return the lessons in order."""
    return sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))


def execute(path: Path) -> NotebookNode:
    """Run a lesson in a new kernel and return it with its outputs.

    Raises KitError with the cell's error if one fails.
    """
    lesson: NotebookNode = nbformat.read(path, as_version=4)
    client = NotebookClient(
        lesson,
        timeout=_TIMEOUT,
        kernel_name="python3",
        coalesce_streams=True,
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
        fix = f"Open {path.name} and run it to that cell."
        raise KitError(f"{path.name} to run", f"{error.ename}: {error.evalue}", fix) from None
    # The kernel's own version would differ from machine to machine.
    lesson.metadata.language_info = {"name": "python"}
    lesson.metadata.kernelspec = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
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
