"""The saved lessons in JupyterLab, opened and not run, not trusted, in both themes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
import zxingcpp
from PIL import Image

import kit
from kit.teaching import notebooks
from tests.lab import TOKEN, jupyterlab
from tests.node import ROOT, need_browser, start_mjs

#: WCAG 2.2, success criterion 1.4.3.
CONTRAST = 4.5
THEMES = ("JupyterLab Light", "JupyterLab Dark")
LESSON = "04_certificates_anyone_can_check"
Look = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def look(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Look]:
    """Open a lesson in a theme and say what is read there; its picture is beside the lesson."""
    need_browser()
    folder = tmp_path_factory.mktemp("lessons")
    for path in notebooks.paths():
        shutil.copy(path, folder)
    with jupyterlab(folder, tmp_path_factory.mktemp("home")) as address:
        browser = start_mjs(ROOT / "tests" / "page" / "lessons.mjs")
        assert browser.stdin is not None
        assert browser.stdout is not None

        def look(name: str, theme: str) -> dict[str, Any]:
            url = f"{address}/lab/tree/{name}.ipynb?token={TOKEN}&reset"
            picture = folder / f"{name} {theme}.png"
            case = {"url": url, "theme": theme, "picture": str(picture)}
            browser.stdin.write(json.dumps(case) + "\n")
            browser.stdin.flush()
            seen: dict[str, Any] = json.loads(browser.stdout.readline())
            assert "broken" not in seen, seen
            return seen | {"picture": picture}

        yield look
        browser.stdin.close()
        browser.wait(20)
        browser.stdout.close()


def is_well_read(seen: dict[str, Any]) -> None:
    assert len(seen["texts"]) >= 3
    assert [x for x in seen["texts"] if x["contrast"] < CONTRAST] == []
    assert seen["svgs"] == 0  # JupyterLab takes them out of what it doesn't trust
    assert all(picture["alt"] and picture["width"] for picture in seen["pictures"])


@pytest.mark.parametrize(
    "theme",
    [
        pytest.param(THEMES[0], marks=pytest.mark.slow("the lesson with cards in the light theme")),
        THEMES[1],  # what was drawn for the light one is hard to read here
    ],
)
def test_the_lesson_with_cards(look: Look, theme: str) -> None:
    """Its codes are read from the screen, too."""
    seen = look(LESSON, theme)
    is_well_read(seen)
    assert len(seen["pictures"]) == 2
    with Image.open(seen["picture"]) as screen:
        read = {code.text for code in zxingcpp.read_barcodes(screen.convert("L"))}
    lesson = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
    assert len(read) == 1  # the certificate, and what was scanned of it
    scanned = kit.verify(read.pop())
    assert scanned.ok
    assert scanned.id in json.dumps(lesson)


@pytest.mark.slow("each lesson in each theme: a minute")
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("path", notebooks.paths(), ids=lambda path: path.stem)
def test_each_lesson(look: Look, path: Path, theme: str) -> None:
    seen = look(path.stem, theme)
    is_well_read(seen)
    lesson = nbformat.read(path, as_version=4)
    outputs = [output for cell in lesson.cells for output in cell.get("outputs", ())]
    pictures = sum(json.dumps(output.get("data", {})).count("data:image/png") for output in outputs)
    assert len(seen["pictures"]) >= pictures
