"""The desk in JupyterLab, in a real browser: a day at it, by mouse, by keyboard, on a phone."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

import kit
import kit.log.contract
from tests.lab import TOKEN, jupyterlab
from tests.node import need_browser, start_mjs

ROOT = Path(kit.__file__).parent.parent

DESK = """\
import kit
from kit.log.contract import MODERATOR_ROLE

chain = kit.chain.embedded()
diary = kit.Diary.open(chain)
second = kit.people.named("moderator 2")
diary.log.grant(MODERATOR_ROLE, second.address, by=diary.registrar)
kit.desk(diary, [second])
"""

SCANNED = """\
from pathlib import Path

compact = diary.certificate(kit.timeline(diary).frame["commitment"][0]).compact()
scanned = Path("scanned.txt").read_text()
result = kit.verify(kit.Certificate.from_compact(scanned.partition("#")[2]), diary.log)
print(scanned.partition("#")[2] == compact, result.said)
"""


# --- JupyterLab and the browser ------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server's notebooks lie."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab server with nobody's settings; its address."""
    with jupyterlab(folder, tmp_path_factory.mktemp("home")) as address:
        yield address


class Browser:
    """A browser that does a step at a time."""

    def __init__(self, failure: Path) -> None:
        need_browser()
        self._process = start_mjs(ROOT / "tests" / "page" / "desk.mjs", failure)

    def __call__(self, **step: Any) -> Any:
        """Do one step and return its answer; nothing may go wrong in the page meanwhile."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(step) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "broken" not in answer, answer
        assert (answer["errors"], answer["dialogs"]) == ([], 0), answer
        return answer["said"]

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One browser for all; what it shows when a step fails is kept as a picture."""
    opened = Browser(tmp_path_factory.mktemp("failed") / "page.png")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def opened(lab: str, folder: Path, browser: Browser) -> Browser:
    """The browser with a notebook open in it."""
    _notebook(folder / "desk.ipynb", DESK, SCANNED)
    url = f"{lab}/lab/tree/desk.ipynb?token={TOKEN}&reset"
    browser(open={"url": url, "scale": 2})
    return browser


@pytest.fixture
def desk(opened: Browser) -> Browser:
    """The browser in front of a new diary's desk."""
    opened(size=[1280, 1600])
    opened(run=0)
    opened(wait="Nothing yet.")
    return opened


def _notebook(path: Path, *cells: str) -> None:
    """Write a notebook with these cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": kernel},
        "cells": [
            {
                "cell_type": "code",
                "id": f"cell-{number}",
                "metadata": {},
                "execution_count": None,
                "outputs": [],
                "source": source,
            }
            for number, source in enumerate(cells)
        ],
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def photo() -> dict[str, str]:
    """A picture as a phone would send it."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize((320, 200)).save(out, "PNG")
    return {
        "name": '"><img src=x onerror=alert(1)>.png',
        "type": "image/png",
        "base64": base64.b64encode(out.getvalue()).decode(),
    }


# --- a day at the desk ---------------------------------------------------------------------------


def test_a_day_at_the_desk(desk: Browser, folder: Path, tmp_path: Path) -> None:
    # The author writes, sees it as others will, and posts it.
    text = "十人一桌，今年改成十人一组。<script>alert(1)</script>"
    desk(fill=["内容 Text", text])
    desk(fill=["地点 Place", "泉州 Quanzhou"])
    desk(upload=[photo()])
    desk(wait="Quanzhou · resident")
    shown = "document.querySelector('.kit-desk .kit-timeline img')?.naturalWidth"
    until(desk, shown, 320)
    assert desk(ask="document.querySelector('.kit-desk .kit-text').textContent") == text
    desk(click="提交 Post")
    desk(wait="Posted; it waits for a review.")

    # A moderator rejects it.
    desk(tab="审核 Review")
    desk(wait="批准 Approve")
    desk(select=["理由类别 Reason code", "谣言 rumour"])
    desk(fill=["理由 Reason", "谁说的？ Who says so?"])
    desk(click="驳回 Reject")
    desk(wait="Rejected; its author may appeal once.")

    # Its author appeals.
    desk(tab="写 Write")
    desk(wait="rumour: 谁说的？")
    desk(fill=["申诉理由 Why the decision is wrong", "我在场。 I was there."])
    desk(click="申诉 Appeal")
    desk(wait="Appealed; another moderator will decide.")

    # The first moderator may not decide again; a second one may.
    desk(tab="审核 Review")
    desk(wait="I was there.")
    desk(click="批准 Approve")
    desk(wait="another moderator than the first")
    desk(select=["审核员 Moderator", "moderator 2"])
    desk(click="批准 Approve")
    desk(wait="Approved; it can be published.")
    desk(click="上链 Publish")
    desk(wait=f"Batch 0 with {4} records")

    # The author's certificate is there; a phone reads its QR code from the screen.
    desk(tab="写 Write")
    desk(wait="Certificate of a civic record")
    picture = tmp_path / "card.png"
    desk(picture={"path": str(picture), "of": ".kit-desk img[alt^='QR code']"})
    with Image.open(picture) as image:
        codes = zxingcpp.read_barcodes(image)
    assert [str(code.format) for code in codes] == ["QR Code"], codes
    (folder / "scanned.txt").write_text(codes[0].text)
    assert desk(run=1).strip().startswith("True final in block ")


def until(browser: Browser, script: str, expected: Any, patience: float = 10) -> None:
    """Wait until a script's value is what is expected."""
    end = time.monotonic() + patience
    while (got := browser(ask=script)) != expected:
        assert time.monotonic() < end, (script, got)
        time.sleep(0.1)


def test_with_the_keyboard_alone(desk: Browser) -> None:
    press_until(desk, "Tab", "LI 写 Write")
    assert 'role="tab"' in desk(ask="document.activeElement.outerHTML")
    desk(keys=["ArrowRight", "Enter"])
    desk(wait="Who decided what")
    desk(keys=["ArrowLeft", "Enter"])
    desk(wait="Who writes")

    # An arrow in a list stays in the list: JupyterLab doesn't take it to go to the next cell.
    desk(keys=["Tab", "ArrowDown"])
    assert desk(focused=True).startswith("SELECT 谁在写 Who writes")
    until(desk, "document.activeElement.selectedIndex", 1)
    desk(keys=["Tab"])
    desk(type="键盘 typed\nin two lines 'd d'")
    desk(keys=["Tab"])
    assert desk(focused=True) == "INPUT 地点 Place"
    desk(type="泉州")
    press_until(desk, "Tab", "BUTTON 提交 Post")
    cells = "document.querySelectorAll('.jp-Notebook .jp-Cell').length"
    before = desk(ask=cells)
    desk(keys=["d", "d", "Enter"])  # in a notebook, "d d" deletes the cell
    desk(wait="Posted; it waits for a review.")
    assert desk(ask=cells) == before

    # To the second tab and through the decision, with the space bar.
    press_until(desk, "Shift+Tab", "LI 写 Write")
    desk(keys=["ArrowRight", "Space"])
    desk(wait="in two lines 'd d'")
    press_until(desk, "Tab", "SELECT 理由类别 Reason code")
    desk(keys=["ArrowDown"])
    press_until(desk, "Tab", "BUTTON 驳回 Reject")
    desk(keys=["Space"])
    desk(wait="Rejected; its author may appeal once.")
    desk(wait="spam")
    assert desk(ask=cells) == before


HOSTILE = (
    "<script>alert(1)</script>"
    + "a" * 200
    + " \u202eمرحبا\u202c שלום 👨‍👩‍👧‍👦 &lt;&amp;&quot; \"'><img src=x onerror=alert(1)>"
)


def test_hostile_text_on_a_phone(desk: Browser) -> None:
    desk(size=[375, 812])
    desk(fill=["内容 Text", HOSTILE])
    desk(fill=["地点 Place", "<b>'\"" + "p" * 70])
    desk(fill=["身份 Role", "&lt;r&gt;" + "r" * 70])
    desk(upload=[photo()])
    desk(wait="Remove the files")
    fits(desk)
    desk(click="提交 Post")
    desk(wait="Posted; it waits for a review.")
    fits(desk)
    desk(tab="审核 Review")
    desk(wait="批准 Approve")
    fits(desk)
    desk(fill=["理由 Reason", HOSTILE])
    desk(click="批准 Approve")
    desk(wait="Approved; it can be published.")
    fits(desk)
    desk(click="上链 Publish")
    desk(wait="is in block")
    desk(tab="时间线 Timeline")
    desk(wait="第 1 / 1 页 page")
    assert desk(ask="document.querySelector('.kit-desk article .kit-text').textContent") == HOSTILE
    desk(select=["见证人 Witness", "bob"])
    desk(fill=["所见（可不填） What you saw, may be empty", HOSTILE])
    desk(click="见证 Witness")
    desk(wait="Witnessed; it is in the next batch.")
    desk(click="追溯 Trace")
    desk(wait="现状 now")
    fits(desk)
    desk(click="证书 Certificate")
    desk(wait="Certificate of a civic record")
    fits(desk)
    desk(tab="写 Write")
    desk(wait="Certificate of a civic record")
    desk(click="撤回… Withdraw…")
    desk(wait="This can't be undone.")
    fits(desk)
    desk(click="确认撤回，销毁内容 Yes, withdraw and destroy it")
    desk(wait="Withdrawn; its content is destroyed.")
    fits(desk)


def press_until(desk: Browser, key: str, name: str) -> None:
    """Press a key until what is focused has this name."""
    seen = []
    for _ in range(40):
        desk(keys=[key])
        seen.append(desk(focused=True))
        if seen[-1].startswith(name):
            return
    pytest.fail(f"{name} was not reached: {seen}")


def fits(desk: Browser) -> None:
    """Assert that nothing of the desk goes over its edge, and that no text became an element."""
    over = """(() => {
        const desk = document.querySelector('.kit-desk');
        const edge = desk.getBoundingClientRect().right + 1;
        const out = [...desk.querySelectorAll('*')].filter((x) => !x.closest('.kit-wide *')
            && x.getClientRects().length && x.getBoundingClientRect().right > edge);
        const made = desk.querySelectorAll('.kit-desk script, img[src="x"], iframe').length;
        return [desk.scrollWidth - desk.clientWidth, made, out.map((x) => x.outerHTML.slice(0, 99))];
    })()"""
    assert desk(ask=over) == [0, 0, []]
