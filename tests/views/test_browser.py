"""Which browser the tests open pages in, and that npm's shows text on a machine with no fonts."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.node import ENVIRONMENT, NODE, ROOT, run_mjs

FIND = """
import { NoBrowser, find } from "./tests/page/browser.mjs";
const [machine, cache] = JSON.parse(process.argv[1]);
try {
  console.log(JSON.stringify(await find(machine, cache)));
} catch (error) {
  if (!(error instanceof NoBrowser)) throw error;
  console.log(JSON.stringify(error.message));
}
"""
LINUX = {"platform": "linux", "arch": "x64"}
on_linux = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="npm's browser is for Linux on x64",
)


def command(machine: dict[str, Any], cache: Path) -> list[str]:
    return ["--input-type=module", "-e", FIND, json.dumps([machine, str(cache)])]


def find(machine: dict[str, Any], cache: Path) -> Any:
    done = run_mjs(*command(machine, cache))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(0o755)
    return path


# --- this machine's browser ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["chromium", "chromium-browser", "google-chrome", "chrome", "msedge", "microsoft-edge"],
)
def test_a_browser_on_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "no-program").mkdir()
    (tmp_path / "no-program" / name).touch(0o644)
    (tmp_path / "folder" / name).mkdir(parents=True)
    expected = program(tmp_path / "bin" / name)
    path = os.pathsep.join(str(tmp_path / part) for part in ("no-program", "folder", "bin"))
    found = find({**LINUX, "env": {"PATH": path}}, tmp_path)
    assert found == {"executablePath": str(expected), "env": {}}


@pytest.mark.parametrize(
    ("system", "variable", "path"),
    [
        ("darwin", "HOME", "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
        ("darwin", "HOME", "Applications/Chromium.app/Contents/MacOS/Chromium"),
        ("darwin", "HOME", "Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
        ("win32", "ProgramFiles", "Google/Chrome/Application/chrome.exe"),
        ("win32", "LOCALAPPDATA", "Google/Chrome/Application/chrome.exe"),
        ("win32", "ProgramFiles(x86)", "Microsoft/Edge/Application/msedge.exe"),
        ("win32", "Path", "chromium.exe"),
    ],
)
def test_a_browser_in_the_usual_folders(
    tmp_path: Path, system: str, variable: str, path: str
) -> None:
    expected = program(tmp_path / path)
    machine = {"platform": system, "arch": "arm64", "env": {variable: str(tmp_path)}}
    assert find(machine, tmp_path) == {"executablePath": str(expected), "env": {}}


def test_the_named_browser_goes_first(tmp_path: Path) -> None:
    program(tmp_path / "chromium")
    found = find({**LINUX, "env": {"PATH": str(tmp_path), "KIT_CHROMIUM": "/mine"}}, tmp_path)
    assert found == {"executablePath": "/mine", "env": {}}


# --- none ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("system", "arch"), [("linux", "arm64"), ("win32", "x64")])
def test_no_browser(tmp_path: Path, system: str, arch: str) -> None:
    said = find({"platform": system, "arch": arch, "env": {"PATH": str(tmp_path)}}, tmp_path)
    assert said == (
        f"no browser: none of this machine's is found, and npm has none for {system} on {arch}; "
        "install Chromium or Chrome"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ci", ["", "true"])
def test_without_a_browser_its_tests_are_skipped_but_never_in_ci(tmp_path: Path, ci: str) -> None:
    """On a machine like this one, but on ARM: another test of the same file runs all the same."""
    other = """if (process.argv[1]?.endsWith("which.mjs")) {
        Object.defineProperty(process, "platform", { value: "linux" });
        Object.defineProperty(process, "arch", { value: "arm64" });
    }"""
    environment = {"PATH": str(tmp_path), "CI": ci, "KIT_CHROMIUM": ""}
    environment["NODE_OPTIONS"] = f"--import=data:text/javascript,{quote(other)}"
    names = ("test_by_keyboard", "test_on_a_phone", "test_every_sentence_is_there_in_both")
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-rsf",
                "-p",
                "no:cacheprovider",
                "-p",
                "no:nbval",
            ),
            *(f"tests/views/test_page.py::{name}" for name in names),
        ],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    why = "no browser: none of this machine's is found, and npm has none for linux on arm64; "
    why += "install Chromium or Chrome"
    lines = done.stdout.splitlines()
    if ci:
        assert lines.count(why) == 2
        assert lines[-1].startswith("1 passed, 2 errors in ")
        assert done.returncode == 1
    else:
        assert sum(line.startswith("SKIPPED ") and line.endswith(why) for line in lines) == 2
        assert lines[-1].startswith("1 passed, 2 skipped in ")
        assert done.returncode == 0


# --- npm's ---------------------------------------------------------------------------------------


@on_linux
def test_npm_s_browser_is_unpacked_whole_and_once(tmp_path: Path) -> None:
    """One that is killed leaves no half of a browser; two at once get the same; it is private."""
    machine = {**LINUX, "env": {"PATH": ""}}
    start = [NODE, *command(machine, tmp_path)]
    killed = subprocess.Popen(start, cwd=ROOT)
    end = time.monotonic() + 20
    while not (drafts := list(tmp_path.glob("*/chromium"))) and time.monotonic() < end:
        time.sleep(0.01)
    killed.kill()
    killed.wait(20)
    assert [path.parent.name[:6] for path in drafts] == ["draft-"]
    both = [subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (json.loads(process.communicate(timeout=60)[0]) for process in both)
    assert first == second
    folder = Path(first["executablePath"]).parent
    assert set(tmp_path.iterdir()) == {folder, drafts[0].parent}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert Path(first["env"]["LD_LIBRARY_PATH"], "libnss3.so").is_file()
    assert not list(folder.glob("draft-*"))
    before = (folder / "chromium").stat()
    assert find(machine, tmp_path) == first
    after = (folder / "chromium").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


FONTS = """
import { launch } from "./tests/page/browser.mjs";
const browser = await launch();
const page = await browser.newPage();
await page.setContent(process.argv[1]);
const devtools = await page.context().newCDPSession(page);
await devtools.send("DOM.enable");
await devtools.send("CSS.enable");
const { root } = await devtools.send("DOM.getDocument");
const { nodeIds } = await devtools.send("DOM.querySelectorAll", {
  nodeId: root.nodeId,
  selector: "p",
});
const found = [];
for (const nodeId of nodeIds) {
  const { fonts } = await devtools.send("CSS.getPlatformFontsForNode", { nodeId });
  found.push(fonts.map((font) => font.familyName));
}
console.log(JSON.stringify(found));
await browser.close();
"""


def fonts_of(path: Path, *texts: str, **environment: str) -> list[list[str]]:
    """Return the fonts that npm's browser draws each paragraph with."""
    page = "".join(f"<p style='font-family:{text}</p>" for text in texts)
    environment |= {"PATH": str(path), "KIT_CHROMIUM": ""}
    done = run_mjs("--input-type=module", "-e", FONTS, page, env=environment)
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


@on_linux
def test_npm_s_browser_draws_text_with_the_fonts_it_is_given(tmp_path: Path) -> None:
    assert Path(ENVIRONMENT["KIT_FONTS"]).is_dir()
    families = ("sans-serif'>Grüße", "serif'>Grüße", "monospace'>Grüße")
    found = fonts_of(tmp_path, *families)
    assert found == [["DejaVu Sans"], ["DejaVu Serif"], ["DejaVu Sans Mono"]]


@on_linux
def test_a_typeface_that_is_made_again_is_read_again(tmp_path: Path) -> None:
    bundled, folder = Path(ENVIRONMENT["KIT_FONTS"]), tmp_path / "<fonts> & more"
    folder.mkdir()
    shutil.copy(bundled / "DejaVuSans.ttf", folder)
    found = []
    for name in ("DejaVuSansMono", "STIXGeneral"):
        shutil.copyfile(bundled / f"{name}.ttf", folder / "one.ttf")  # the folder stays as it was
        found += fonts_of(tmp_path, "sans-serif'>\u1d81", KIT_FONTS=str(folder))
    assert found[1] == ["STIXGeneral"] != found[0]


@on_linux
@pytest.mark.skipif(
    not (ROOT / "kit" / "typefaces").is_dir(), reason="the kit's typefaces are not here"
)
def test_npm_s_browser_draws_chinese(tmp_path: Path) -> None:
    assert fonts_of(tmp_path, "sans-serif'>公民日记", "serif'>🌿") == [["Kit Sans"], ["Kit Emoji"]]
