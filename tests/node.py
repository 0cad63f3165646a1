"""Node.js for the tests' scripts, and the browser that those open."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from kit.chain import toolchain

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "tests" / "page"


NODE = toolchain.node()
# npm's browser has no fonts of a machine: these are DejaVu, beside the kit's own.
ENVIRONMENT = {"KIT_FONTS": str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")}


def run_mjs(
    *arguments: str | Path, env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run Node.js in the project's folder with a script (or options) until it ends."""
    return subprocess.run(
        [NODE, *arguments],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT | (env or {}),
        capture_output=True,
        encoding="utf-8",
        **options,
    )


def start_mjs(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start a script that answers each line that it is given with one."""
    return subprocess.Popen(
        [NODE, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        encoding="utf-8",
    )


class Lines:
    """A node script that answers each line of JSON with one."""

    def __init__(self, script: str) -> None:
        self._process = start_mjs(PAGE / script)

    def ask(self, value: Any) -> Any:
        return next(self.ask_all([value]))

    def ask_all(self, values: Sequence[Any]) -> Iterator[Any]:
        """Answer many: the script works while its earlier answers are looked at."""
        threading.Thread(target=self._write, args=(values,), daemon=True).start()
        assert self._process.stdout is not None
        for _ in values:
            line = self._process.stdout.readline()
            assert line, "the script ended; its words are above"
            yield json.loads(line)

    def _write(self, values: Sequence[Any]) -> None:
        assert self._process.stdin is not None
        for value in values:
            self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.read()  # what nobody wanted to know any more
        self._process.wait(20)
        self._process.stdout.close()


def need_browser() -> None:
    """Skip the test if there is no browser. Where CI is set it fails: CI never skips."""
    missing = _missing()
    if missing and os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    if missing:
        pytest.skip(missing)


@cache
def _missing() -> str:
    done = run_mjs(PAGE / "which.mjs")
    assert done.returncode in {0, 3}, done.stderr
    return done.stdout.strip() if done.returncode else ""
