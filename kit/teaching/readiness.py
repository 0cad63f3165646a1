"""Whether this machine can run the lessons: what usually breaks, each in a line with its remedy."""

from __future__ import annotations

import importlib.metadata
import shutil
import sys
import tempfile
import threading
import tomllib
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from kit.chain import compilers
from kit.errors import KitError
from kit.places import IN_CLONE, ROOT

__all__ = ["ready", "troubles"]

_NAME: Final = "civic-diary-kit"
_INSTALL: Final = f"run `python3.12 -m pip install {_NAME}`"
_PYTHONS: Final = ((3, 11), (3, 14))
#: What a lesson takes (docs/sizes.md), with room for the next one, in bytes.
MEMORY: Final = 400_000_000
DISK: Final = 200_000_000
#: Where Linux says how much memory there is: for the machine, and for a container on it.
_MEMINFO = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")


def ready() -> None:
    """Print "Ready.", or a line for each thing that keeps the lessons from running, with its remedy.

    Raises KitError in the second case.
    """
    found = list(troubles())
    for line in found:
        print(f"✗ {line}")
    if found:
        raise KitError(
            "a machine that can run the lessons", f"{len(found)} to mend", "See the lines above."
        )
    print("Ready.")


def troubles() -> Iterator[str]:
    """Yield a sentence for each thing that is the matter with this machine, and what to do."""
    low, high = _PYTHONS
    if not low <= sys.version_info[:2] < high:
        version = ".".join(map(str, sys.version_info[:2]))
        fix = f"run `python3.12 tasks.py lab` in {ROOT}" if IN_CLONE else _INSTALL
        yield f"This is Python {version}, the kit needs 3.11, 3.12 or 3.13. Get one, and {fix}"
        return  # what else is found would follow from it
    wrong = list(_packages())
    yield from wrong
    if wrong:
        return
    if not compilers():
        yield "There is no compiler for Solidity. Run: python -m kit tools"
    yield from _folders()
    yield from _names()
    yield from _loopback()
    yield from _memory()


def _anew() -> str:
    """Say how to get the right Python with the right packages."""
    if not IN_CLONE:
        return f"In an environment of the kit's own, {_INSTALL}"
    if (ROOT / ".venv").is_dir() and Path(sys.prefix) != ROOT / ".venv":
        return f"This kernel is not the kit's: end it, and run `python3 tasks.py lab` in {ROOT}"
    return f"Run `python3 tasks.py setup` in {ROOT}, and restart the kernel"


def _packages() -> Iterator[str]:
    if IN_CLONE:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        wanted = [Requirement(text) for text in project["dependencies"]]
    else:
        wanted = [Requirement(text) for text in importlib.metadata.requires(_NAME) or ()]
    wrong = []
    for package in wanted:
        if package.marker and not package.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(package.name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{package.name} is missing")
            continue
        if not package.specifier.contains(version, prereleases=True):
            wrong.append(f"{package.name} is {version}, not {package.specifier}")
    if wrong:
        more = f", and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        yield f"Of the packages, {', '.join(wrong[:3])}{more}. {_anew()}"


def _folders() -> Iterator[str]:
    asked = (
        (Path.cwd(), "the lesson can't be saved. Take the lessons to a folder of your own:"
         " python -m kit lessons FOLDER"),
        (Path(tempfile.gettempdir()), "the lessons' files have no place. Name a folder of your own"
         " in the variable TMPDIR (TEMP on Windows), and start again"),
    )  # fmt: skip
    for folder, so in asked:
        try:
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            yield f"Nothing can be written in {folder} ({error.strerror}): {so}"
        else:
            free = shutil.disk_usage(folder).free
            if free < DISK:
                has = f"has {free / 1e6:,.0f} MB left"
                yield f"The disk of {folder} {has}; make room for {DISK / 1e6:,.0f} MB"


def _names() -> Iterator[str]:
    """Name each file beside the lesson that Python takes for a package: it looks there first."""
    packages = {"IPython", "duckdb", "kit", "matplotlib", "networkx", "numpy", "pandas", "web3"}
    for path in sorted(Path.cwd().glob("*.py")):
        if path.stem in packages or path.stem in sys.stdlib_module_names:
            new = path.with_stem(f"my_{path.stem}").name
            yield f"Python takes {path.name} beside this lesson for {path.stem}. Rename it: {new}"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def _loopback() -> Iterator[str]:
    """Ask a server of our own, as a lesson asks its node: past all proxies."""
    try:
        with HTTPServer(("127.0.0.1", 0), _Answer) as server:
            server.timeout = 2  # seconds, where nobody gets through
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            try:
                past = urllib.request.build_opener(urllib.request.ProxyHandler({}))
                past.open(f"http://127.0.0.1:{server.server_port}", timeout=2).close()
            finally:
                thread.join()
    except OSError as error:
        yield (
            f"This machine does not reach itself ({error}). Allow Python to talk to 127.0.0.1 in the"
            " firewall or the sandbox that it runs in"
        )


def _memory() -> Iterator[str]:
    free = _free_memory()
    if free is not None and free < MEMORY:
        has = f"{free / 1e6:,.0f} MB of memory are left, a lesson takes up to {MEMORY / 1e6:,.0f}"
        yield f"{has}. Shut down the kernels that you don't need (Kernel, Shut Down All Kernels)"


def _free_memory() -> int | None:
    """Return the bytes of memory that are left, or None where no such file tells."""
    found = []
    try:
        lines = _MEMINFO.read_text().splitlines()
        found += [1024 * int(x.split()[1]) for x in lines if x.startswith("MemAvailable:")]
    except (OSError, ValueError):
        pass
    try:
        most, used = (int((_CGROUP / f"memory.{x}").read_text()) for x in ("max", "current"))
        stat = dict(x.split() for x in (_CGROUP / "memory.stat").read_text().splitlines())
        # What was read from files goes when others need the room.
        found.append(most - used + int(stat.get("inactive_file", 0)))
    except (OSError, ValueError):  # no container, or one without a limit ("max")
        pass
    return min(found, default=None)
