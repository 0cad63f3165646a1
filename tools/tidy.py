"""Write lessons in the kit's own form, without what changes by itself: ``python tools/tidy.py FILE …``.

An editor leaves its version, times and the state of its windows in a notebook. Here only the metadata
stay that the lessons use. Outputs stay as they are: they are compared. The exit status is 1 where a file
was changed, so that a commit stops and can be looked at.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat

from kit.teaching import notebooks

KEPT = ("slideshow", "nbgrader", "tags")


def tidy(path: Path) -> bool:
    """Write a notebook in the kit's form; return whether that changed it."""
    before = path.read_bytes()
    lesson = nbformat.reads(before.decode("utf-8"), as_version=4)
    lesson.metadata = nbformat.from_dict(notebooks.METADATA)
    for cell in lesson.cells:
        cell.metadata = nbformat.from_dict({k: x for k, x in cell.metadata.items() if k in KEPT})
    notebooks.save(lesson, path)
    return path.read_bytes() != before


def main() -> None:
    changed = [name for name in sys.argv[1:] if tidy(Path(name))]
    if changed:
        raise SystemExit(f"Written anew: {', '.join(changed)}")


if __name__ == "__main__":
    main()
