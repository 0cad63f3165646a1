"""The files of this folder that are its own: what .gitignore names is left out. It needs no git."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[1]
IGNORED = [
    line.rstrip("/")
    for line in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
]


def files(ending: str = "") -> list[str]:
    """The files with this ending, by their path from here, sorted."""
    found = []
    for folder, names, inside in os.walk(ROOT):
        here = Path(folder).relative_to(ROOT)
        names[:] = [name for name in names if name != ".git" and not _ignored(here / name)]
        found += [
            (here / name).as_posix()
            for name in inside
            if name.endswith(ending) and not _ignored(here / name)
        ]
    return sorted(found)


def _ignored(path: Path) -> bool:
    return any(fnmatch(path.as_posix() if "/" in x else path.name, x) for x in IGNORED)
