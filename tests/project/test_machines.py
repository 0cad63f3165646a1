"""People's machines: homes that can't be written, names in Chinese, other clocks, two kits at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import kit
from kit.chain import solidity

#: A lesson in short: compile, deploy, post, publish, certify, verify, draw.
SCRIPT = """
import hashlib, json, kit
source = "// SPDX-License-Identifier: MIT\\npragma solidity ^0.8.37; contract A { uint256 public n; }"
artifact = kit.chain.compile_source(source)
diary = kit.Diary.open(kit.chain.embedded())
entry = diary.post(kit.people.alice, "今天不排队", place="泉州")
diary.review(entry, by=kit.people.moderator, approve=True)
diary.publish()
certificate = diary.certificate(entry)
figure = kit.plots.daily(kit.participation.daily(diary.records()), source="the test")
with kit.chain.anvil() as node:
    blocks = node.head.number
print(json.dumps({
    "code": hashlib.sha256(artifact.bytecode.encode()).hexdigest(),
    "head": diary.chain.head.hash,
    "id": certificate.id,
    "level": kit.verify(certificate, diary.log).level,
    "card": hashlib.sha256(kit.views.qr_png(certificate)).hexdigest(),
    "title": figure.axes.get_title(loc="left") if hasattr(figure, "axes") else "",
    "blocks": blocks,
}))
"""


#: Starts a program that finds the shared memory of Linux read-only, as in some containers.
NO_SHM = ("unshare", "-rm", "sh", "-c", 'mount -t tmpfs -o ro none /dev/shm && exec "$@"', "sh")


def can(*command: str) -> bool:
    """Return whether this machine lets us start a program so."""
    try:
        return subprocess.run([*command, "true"], capture_output=True).returncode == 0
    except OSError:
        return False


def start(
    *options: str, folder: Path, below: tuple[str, ...] = (), **environment: str
) -> subprocess.Popen[str]:
    """Start the script in a folder, with nothing of this machine's environment but what is named."""
    (folder / "lesson.py").write_text(SCRIPT, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return subprocess.Popen(
        [*below, sys.executable, *options, "lesson.py"],
        cwd=folder,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def found(process: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err[-2000:]
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


def test_two_machines_at_once_find_the_same(tmp_path: Path) -> None:
    """One with no home to write in, isolated; one whose paths are Chinese, without assertions."""
    no_home = tmp_path / "no folder"
    no_home.touch()  # a file: nothing can be written below it, not even by root
    chinese = tmp_path / "用户 名"
    (chinese / "临时 文件").mkdir(parents=True)
    strange = {f"XDG_{name}_HOME": str(no_home / name) for name in ("CACHE", "CONFIG", "DATA")}
    one = start("-I", folder=tmp_path, HOME=str(no_home), TZ="Asia/Kathmandu", **strange)
    two = start(
        "-O",
        folder=chinese,
        HOME=str(chinese),
        TMPDIR=str(chinese / "临时 文件"),
        TZ="America/Lima",
        LC_ALL="C",
        PYTHONUTF8="0",
    )
    with one, two:
        first, second = found(one), found(two)
    assert first == second
    assert first["level"] == "final"
    assert list((chinese / "临时 文件").iterdir()) == []  # nothing is left behind


@pytest.mark.skipif(not can(*NO_SHM), reason="no way here to make /dev/shm read-only for a program")
def test_without_shared_memory_the_same_is_found(tmp_path: Path) -> None:
    with (
        start(folder=tmp_path, HOME=str(tmp_path)) as one,
        start(folder=tmp_path, below=NO_SHM, HOME=str(tmp_path)) as two,
    ):
        first, second = found(one), found(two)
    assert first == second


def test_a_kit_that_somebody_else_installed(tmp_path: Path) -> None:
    """Its compiler's launcher goes where one may write, and is gone with the program."""
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / ".cache").touch()  # no folder can be made here
    path = solidity._launcher("node", modules)
    assert path.is_file()
    assert not path.is_relative_to(tmp_path)
    assert solidity._launcher("node", modules) == path


@pytest.mark.parametrize("error", [PermissionError, FileNotFoundError, NotADirectoryError])
def test_a_home_in_which_py_solc_x_can_make_no_folder(
    error: type[OSError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise error("~/.solcx")

    monkeypatch.setattr("solcx.get_installed_solc_versions", refused)
    monkeypatch.setenv("PATH", "")
    assert solidity._native.__wrapped__() is None


@pytest.mark.skipif(os.name == "nt", reason="a program of another kind")
def test_an_old_node_on_the_path_is_not_the_kit_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Ubuntu's: set-up and kit ask one function, which takes the one that came with the packages."""
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v12.22.9\nexit 1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = kit.chain.node()
    assert not found.is_relative_to(tmp_path)
    version = subprocess.run(
        [found, "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert version.startswith("v24.")
    source = (
        "// SPDX-License-Identifier: MIT\npragma solidity ^0.8.37; contract A { uint8 public n; }"
    )
    assert kit.chain.compile_source(source).name == "A"


#: What a program finds whose home is on a share that locks no files and knows no rights.
SHARE = """
import errno, os, pathlib
try:
    import fcntl
    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")
    fcntl.flock = fcntl.lockf = refused
except ImportError:
    pass
def no_rights(*_, **__):
    raise PermissionError(errno.EPERM, "Operation not permitted")
os.chmod = os.link = os.symlink = no_rights
"""


def test_a_home_on_a_share_without_locks_and_rights(tmp_path: Path) -> None:
    share = tmp_path / "share"
    share.mkdir()
    (share / "sitecustomize.py").write_text(SHARE, encoding="utf-8")
    with (
        start(folder=tmp_path, HOME=str(tmp_path)) as one,
        start(folder=tmp_path, HOME=str(share), PYTHONPATH=str(share)) as two,
    ):
        first, second = found(one), found(two)
    assert first == second
