"""Everything there is to do with this folder: ``python tasks.py TASK``, or ``make TASK``.

Standard library only: the first task sets up what the others need, in a virtual environment of this
folder (or of the one that the variable KIT_VENV names). What is installed stands in the lock files,
and nothing of the machine is needed but Python: Node.js, fonts, Java and a browser come with it.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("KIT_VENV", ROOT / ".venv"))
PYTHONS = ((3, 11), (3, 14))
#: What the lessons need, what lesson 7 needs more, what the tests need more, and the mutants.
LESSONS, ENGINES, TESTS, MUTANTS = (
    "requirements.lock",
    "requirements-engines.lock",
    "requirements-dev.lock",
    "requirements-mutants.lock",
)
#: Seconds that `make test` may take on two quiet cores, with all set up.
MOST = 360
#: Where a user turns it off, each of the tests' many programs would compile the same modules again.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
#: Free disk in bytes that an installation wants, with what pip unpacks on its way.
ROOM = {LESSONS: 2_000_000_000, ENGINES: 1_500_000_000, TESTS: 1_000_000_000, MUTANTS: 200_000_000}


class Missing(SystemExit):
    """Something that this machine lacks: one line that names it and says what to do."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(f"Missing: {what}. {how}")


#: Where the words of a step go that runs beside another one; None is the terminal.
_KEPT: contextvars.ContextVar[IO[str] | None] = contextvars.ContextVar("_KEPT", default=None)


def say(text: str) -> None:
    print(f"→ {text}", flush=True, file=_KEPT.get())


def run(*command: str | Path, **environment: str) -> None:
    """Run a command in this folder; end with its status if it fails."""
    status = subprocess.run(
        [str(c) for c in command],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=_KEPT.get(),
        stderr=_KEPT.get(),
    ).returncode
    if status:
        raise SystemExit(status)


def python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def script(name: str) -> Path:
    """Return the path of a program that a package brought."""
    return python().with_name(f"{name}.exe" if os.name == "nt" else name)


# --- setting up ----------------------------------------------------------------------------------


def setup() -> None:
    """Install what lessons 0 to 6 need, here and nowhere else"""
    _install(LESSONS, tests=False)


def engines() -> None:
    """Set up, and add what lesson 7 needs: Dask, Spark with its Java, Polars"""
    _install(LESSONS, ENGINES, tests=False)


def everything() -> None:
    """Set up, and add all that the tests need."""
    _install(LESSONS, ENGINES, TESTS, tests=True)
    verify_page()


def _install(*locks: str, tests: bool) -> None:
    low, high = PYTHONS
    if not low <= sys.version_info[:2] < high:
        found = f"Python 3.11, 3.12 or 3.13 (this is {sys.version.split()[0]})"
        raise Missing(found, "Install one and run: python3.12 tasks.py setup")
    with _alone():
        environment()
        for lock in locks:
            packages(lock)
        fonts()
        the_kit()
        node_packages(tests)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one set-up of an environment go on at a time; wait for another, and say so."""
    try:
        VENV.parent.mkdir(parents=True, exist_ok=True)
        lock = VENV.with_name(f"{VENV.name}.lock").open("a")
    except OSError as error:
        raise Missing(
            f"a folder to write in ({VENV.parent}: {error.strerror})", "Copy the kit to one"
        ) from None
    with lock:  # the system frees it, however this program ends
        if not _locked(lock):
            say("Waiting for another set-up of this folder")
            while not _locked(lock):
                time.sleep(0.5)
        yield


def _locked(file: IO[str]) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def environment() -> None:
    """Make the virtual environment, anew if one was begun and not finished."""
    if python().is_file() and _quiet(python(), "-m", "pip", "--version").returncode == 0:
        return
    if VENV.is_dir() and any(VENV.iterdir()) and not (VENV / "pyvenv.cfg").is_file():
        fix = "Name another with KIT_VENV, or remove what is there"
        raise Missing(f"an empty folder for the environment ({_short(VENV)} has other files)", fix)
    say(f"Making a virtual environment in {_short(VENV)}")
    _room(100_000_000)
    done = _quiet(sys.executable, "-m", "venv", "--clear", VENV)
    if done.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        if "No space left" in done.stdout:
            raise _full()
        raise Missing("Python's venv module", "Debian and Ubuntu: sudo apt install python3-venv")


def packages(lock: str) -> None:
    """Install the Python packages of a lock file, unless they are there."""
    stamp, wanted = VENV / f".kit-{lock}", _hash(lock)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    say(f"Installing the Python packages of {lock} (a minute or two)")
    _room(ROOM[lock])
    pip("--require-hashes", "-r", lock)
    stamp.write_text(wanted)


def fonts() -> None:
    """Make the kit's fonts of the npm packages that have them, unless they are there."""
    _step("The kit's fonts", python(), "tools/fonts.py")


def the_kit() -> None:
    """Install the kit itself, as it stands in this folder."""
    stamp, wanted = VENV / ".kit-itself", _hash("pyproject.toml") + str(ROOT)
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    pip("--no-deps", "--no-build-isolation", "-e", ".")
    stamp.write_text(wanted)


def node_packages(tests: bool) -> None:
    """Install the Node.js packages of package-lock.json, unless they are there."""
    command = [python(), "-m", "kit", "tools", *(["--tests"] if tests else [])]
    _step("The Solidity tools", *command)


def verify_page() -> None:
    """Build the verify page."""
    node = "from kit.chain import node; print(node())"
    found = _quiet(python(), "-c", node)
    if found.returncode:
        raise Missing("Node.js", "Run: python tasks.py setup")
    run(found.stdout.strip(), "web/build.mjs")


def pip(*arguments: str) -> None:
    """Run pip install. What goes wrong is one sentence, and what came before it is kept."""
    command = [python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = _quiet(*command, *arguments)
    if done.returncode == 0:
        return
    if "No space left" in done.stdout or shutil.disk_usage(VENV).free < 50_000_000:
        raise _full()
    errors = [line for line in done.stdout.splitlines() if line.startswith("ERROR:")]
    if re.search(
        r"Could not find a version|No matching distribution|Connection|Max retries|timed out"
        r"|Temporary failure|Name or service|SSLError|ReadTimeout|HTTP error",
        done.stdout,
    ):
        raise Missing(
            "an answer from the registry of Python packages",
            "Check the network and its proxy, and run the same again: it goes on from here"
            + (f" ({errors[-1][7:160]})" if errors else ""),
        )
    print(done.stdout[-3000:], file=sys.stderr)
    raise SystemExit(f"Failed: pip install {' '.join(arguments)}. Run the same again to go on.")


def _step(name: str, *command: str | Path) -> None:
    """Run a part of the set-up that says in one line what it lacks."""
    done = _quiet(*command)
    if done.returncode:
        if "No space left" in done.stdout or "ENOSPC" in done.stdout:
            raise _full()
        # What it ends with is what it says of itself; what it says on the way is not.
        last = (done.stdout.strip().splitlines() or ["no word"])[-1]
        raise SystemExit(f"Failed: {name}. {last}")


def _quiet(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(c) for c in command],
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},  # else its last words are not the last
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def _room(wanted: int) -> None:
    VENV.parent.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(VENV.parent).free < wanted:
        raise _full(wanted)


def _full(wanted: int = 0) -> Missing:
    free = shutil.disk_usage(VENV.parent).free / 1e9
    what = f"{wanted / 1e9:.1f} GB of free disk" if wanted else "free disk"
    where = f"({_short(VENV.parent)} has {free:.1f} GB)"
    return Missing(f"{what} {where}", "Free some, and run the same again: it goes on from here")


def _hash(*names: str) -> str:
    content = b"\0".join((ROOT / name).read_bytes() for name in names)
    return hashlib.sha256(content + str(sys.version_info[:2]).encode()).hexdigest()


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


# --- the tasks -----------------------------------------------------------------------------------


def lab() -> None:
    """Set up, and open the lessons (without answers) in JupyterLab"""
    setup()
    # The solved lessons are ours: what they show needs no trust, but JupyterLab needn't say so.
    _quiet(python(), "-m", "jupyter", "trust", *sorted(ROOT.glob("notebooks/*.ipynb")))
    say("Opening JupyterLab; end it with Ctrl-C")
    run(python(), "-m", "jupyter", "lab", "notebooks/student/00_start_here.ipynb")


def demo() -> None:
    """Set up, and run every lesson without a browser; see build/demo"""
    setup()
    say("Running the lessons; what they make goes to build/demo")
    run(python(), "-m", "kit", "demo")


def notebooks() -> None:
    """Run the lessons again and save them"""
    everything()
    say("Running the lessons and saving them; with nothing changed, git shows no difference")
    run(python(), "-m", "kit", "notebooks")


def test() -> None:
    """Set up, and test: lint, types, unit tests but the slow ones, forge tests, lessons"""
    _test(slow=False)


def test_all() -> None:
    """Set up, and run everything that is tested, the slow tests, too"""
    _test(slow=True)


Steps = dict[str, Callable[[], None]]


def _test(*, slow: bool) -> None:
    everything()
    start = time.monotonic()
    unit_tests: Steps = {
        "unit tests and doctests (pytest)": lambda: unit("--durations=20", slow=slow)
    }
    others: Steps = {
        "types (mypy)": types,
        "contracts (forge)": forge,
        "lessons (nbval, strict)": lessons,
    }
    first: Steps = {"lint (ruff, import-linter, deptry)": lint}
    failed = [*_each(first), *_together(unit_tests, others)]
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}")
    took = time.monotonic() - start
    say(
        f"All passed in {took // 60:.0f}:{took % 60:02.0f}: {', '.join(first | unit_tests | others)}"
    )
    if took > MOST and not slow:
        say(
            f"That is longer than {MOST // 60} minutes. On two quiet cores it may not be: CONTRIBUTING.md"
        )


def _each(steps: Steps) -> list[str]:
    """Run steps one after the other and return the names of those that fail."""
    failed = []
    for name, step in steps.items():
        say(name)
        try:
            step()
        except SystemExit:
            failed.append(name)
    return failed


def _together(steps: Steps, others: Steps) -> list[str]:
    """Run steps, and beside them others, whose words are kept until the first are done.

    The first leave their cores idle now and then: a browser is awaited, a disk, a node.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as kept,
        ThreadPoolExecutor(1) as beside,
    ):

        def quietly(name: str, step: Callable[[], None]) -> list[str]:
            _KEPT.set(kept)  # in this thread alone
            return _each({name: step})

        later = [beside.submit(quietly, name, step) for name, step in others.items()]
        try:
            failed = _each(steps)
        except BaseException:  # Ctrl-C: what has not begun needn't
            beside.shutdown(wait=False, cancel_futures=True)
            raise
        failed += [name for one in later for name in one.result()]
        kept.seek(0)
        print(kept.read(), end="", flush=True)
    return failed


def lint() -> None:
    """Check style, notebooks too; which way imports run; that what is imported is declared"""
    run(python(), "-m", "ruff", "check", ".")
    run(python(), "-m", "ruff", "format", "--check", ".")
    run(script("lint-imports"))
    shipped = ("kit", "notebooks", "tools", "data")
    run(script("deptry"), *shipped, "tests")
    run(script("deptry"), *shipped, "--optional-dependencies-dev-groups", "dev,mutants")


def types() -> None:
    """Check types"""
    run(python(), "-m", "mypy")


def check() -> None:
    """Set up, and run what is wanted after each edit: lint, types, the tests of the core and the log"""
    everything()
    lint()
    folders = [f"{top}/{package}" for top in ("tests", "kit") for package in ("core", "log")]
    if _together({"unit tests": lambda: unit(*folders, slow=False)}, {"types": types}):
        raise SystemExit(1)


def unit(*of: str, slow: bool) -> None:
    """Run unit tests and the examples in docstrings, a file at a time on each core, long ones first"""
    options = ["-q", "-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:nbval"]
    options += [] if slow else ["-m", "not slow"]
    run(python(), "-m", "pytest", *options, *of, **COMPILED)


def forge() -> None:
    """Run the contracts' own tests"""
    run(python(), "-m", "kit", "forge", "test")


def lessons() -> None:
    """Run the lessons and compare every output with the saved one"""
    # Their cells may warn, and a warning in a lesson is an output that differs.
    # One lesson at a time: they run beside the unit tests, which have a process for each core.
    options = ["-q", "-W", "default", "--nbval"]
    options += ["--nbval-sanitize-with", str(ROOT / "tests/lessons.cfg")]
    # With this environment's kernel, and no settings of the user's.
    own = {"JUPYTER_PATH": "", "IPYTHONDIR": str(ROOT / "build" / "ipython"), **COMPILED}
    run(python(), "-m", "pytest", *options, *sorted(ROOT.glob("notebooks/*.ipynb")), **own)


def page() -> None:
    """Set up, and build the verify page into build/verify.html"""
    _install(LESSONS, tests=True)  # what bundles it comes with the tests' Node.js packages
    verify_page()


def bench() -> None:
    """Show how fast the kit is, beside its peers; write docs/sizes.md"""
    everything()
    say("Measuring; the least of several runs each")
    run(python(), "tests/sizes.py")
    run(python(), "tests/bench.py")


def mutants() -> None:
    """Ask the tests whether they notice small changes of the code; write docs/mutants.md"""
    everything()
    packages(MUTANTS)
    say("Changing core, log and audit in some thousand ways; this takes about an hour")
    run(python(), "tests/mutants.py")


def artifacts() -> None:
    """Compile the kit's contracts again, after a change of them"""
    setup()
    say("Compiling contracts/ into kit/chain/artifacts")
    run(python(), "-m", "kit", "artifacts")


def lock() -> None:
    """Resolve the dependencies of pyproject.toml again, after a change of them"""
    everything()
    say("Resolving the dependencies")
    options = ["--universal", "--generate-hashes", "--python-version", "3.11", "--quiet"]
    options += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    build = ROOT / "build" / "lock"
    build.mkdir(parents=True, exist_ok=True)

    # What is locked today stays where it can.
    names = (LESSONS, ENGINES, TESTS, MUTANTS)
    today = [(ROOT / name).read_text("utf-8") for name in names]
    (build / TESTS).write_text("".join(today), "utf-8")

    def resolve(out: str, *extras: str) -> dict[str, str]:
        asked = [part for extra in extras for part in ("--extra", extra)]
        compile_ = [python(), "-m", "uv", "pip", "compile", *options, *asked]
        compile_ += ["--group", "build", "pyproject.toml", "-o", build / out]
        same = [] if out == TESTS else ["-c", build / TESTS]  # the same versions everywhere
        try:
            run(*compile_, *same)
        except SystemExit:
            fix = f"{_short(python())} -m pip install uv"
            raise Missing("uv, or an answer from it", fix) from None
        blocks = re.split(r"\n(?=\S)", (build / out).read_text("utf-8").strip())
        return {block.partition(" ")[0]: block for block in blocks}

    extras: dict[str, list[str]] = {LESSONS: [], ENGINES: ["engines"], TESTS: ["engines", "dev"]}
    extras[MUTANTS] = [*extras[TESTS], "mutants"]
    resolved = {name: resolve(name, *extras[name]) for name in (TESTS, LESSONS, ENGINES, MUTANTS)}
    there: dict[str, str] = {}
    for name in names:  # each file has what the ones before it haven't
        blocks = resolved[name].items() - there.items()
        there |= dict(blocks)
        lines = sorted(dict(blocks).values(), key=str.lower)
        (ROOT / name).write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


def clean() -> None:
    """Remove what was built (not what was installed)"""
    shutil.rmtree(ROOT / "build", ignore_errors=True)


TASKS: dict[str, Callable[[], None]] = {
    task.__name__.replace("_", "-"): task
    for task in (
        *(setup, engines, lab, demo, test, test_all, check, notebooks),
        *(page, bench, mutants, artifacts, lock, clean),
    )
}


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in TASKS:
        lines = [f"  {name:10} {task.__doc__}" for name, task in TASKS.items()]
        raise SystemExit("Usage: python tasks.py TASK\n" + "\n".join(lines))
    TASKS[sys.argv[1]]()


if __name__ == "__main__":
    main()
