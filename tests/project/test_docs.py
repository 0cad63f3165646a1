"""What the README, the docs and the maps say of this folder is so."""

from __future__ import annotations

import importlib
import re
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import kit.__main__
import tasks
from tests.tree import files

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
#: All prose beside the code, but for the changelog, which tells of what was.
PAGES = [ROOT / name for name in files(".md") if name != "CHANGELOG.md"]
ENDINGS = "py|pyi|sol|md|js|mjs|json|toml|yml|lock|ipynb|csv"
#: What a set-up or a build makes, and what is only the name of such a file.
MADE = ("build/", "node_modules", ".venv")


def spans(page: Path) -> list[str]:
    """What a page has in `backticks`, and the lines of its code blocks."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```(?!mermaid)\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose) + [x for block in blocks for x in block.splitlines()]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_all_pages_are_read() -> None:
    read = {name(page) for page in PAGES}
    assert read >= {"README.md", "CONTRIBUTING.md", "SECURITY.md", "kit/README.md"}
    assert read >= {"docs/architecture.md", "docs/platform.md", "data/README.md"}
    assert len([page for page in read if page.startswith("docs/decisions/0")]) >= 6


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_path_that_is_named_exists(page: Path) -> None:
    """Of this folder, or beside the page."""
    for span in spans(page):
        if re.fullmatch(rf"[\w.-]+(/[\w.-]+)*(/|\.({ENDINGS}))", span) and "/" in span:
            here = [ROOT / span, page.parent / span]
            assert span.startswith(MADE) or any(path.exists() for path in here), span


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_command_that_is_named_can_be_given(page: Path) -> None:
    commands = kit.__main__.parser()._subparsers
    assert commands
    ours = set(commands._group_actions[0].choices or ())
    for span in spans(page):
        for task in re.findall(r"^(?:make|python tasks\.py) (\w+)$", span):
            assert task in tasks.TASKS, span
        for command in re.findall(r"^python -m kit (\w+)", span):
            assert command in ours, span


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_name_of_the_kit_that_is_named_is_there(page: Path) -> None:
    for span in spans(page):
        for dotted in re.findall(
            r"\bkit((?:\.[A-Za-z_]+)+)", re.sub(r"\bpython -m kit\S*", "", span)
        ):
            if dotted.endswith((".py", ".pyi")):
                continue
            found: Any = kit
            for part in dotted[1:].split("."):
                if not hasattr(found, part) and hasattr(found, "__path__"):
                    importlib.import_module(f"{found.__name__}.{part}")
                found = getattr(found, part)


# --- the maps ------------------------------------------------------------------------------------


def layers() -> list[str]:
    """The packages from below, as import-linter has them."""
    (contract,) = (x for x in PROJECT["tool"]["importlinter"]["contracts"] if x["id"] == "layers")
    found = [re.findall(r"[\w]+", layer) for layer in reversed(contract["layers"])]
    there = {path.name.removesuffix(".py") for path in (ROOT / "kit").iterdir()}
    return [one for layer in found for one in layer if one in there]


def test_the_map_has_every_package_in_the_order_of_imports() -> None:
    text = (ROOT / "kit" / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 40
    first = text.partition("| to change |")[0]
    packages = [cell for row in first.splitlines() if row.startswith("| `") for cell in [row]]
    named = [re.findall(r"`(\w+)(?:/|\.py)`", row.split("|")[1]) for row in packages]
    order = [one for row in named for one in row]
    assert sorted(order) == sorted(layers())
    rank = {one: number for number, one in enumerate(layers())}
    for above, below in pairwise(named):
        assert max(rank[one] for one in above) < max(rank[one] for one in below)


def test_the_first_file_to_read_is_short_and_uses_nothing_of_the_kit() -> None:
    text = (ROOT / "kit" / "core" / "by_hand.py").read_text("utf-8")
    assert len(text.splitlines()) <= 200
    assert not re.search(r"^\s*(from|import) kit", text, re.MULTILINE)


def test_the_arrows_of_the_architecture_run_down() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    drawing = text.split("```mermaid")[1].split("```")[0]
    arrows = re.findall(r"^ *(\w+)(?:\[[^]]*\])? --> (\w+)", drawing, re.MULTILINE)
    rank = {one: number for number, one in enumerate(layers())}
    rank |= {"main": rank["__main__"], "flat": rank["core"] - 1}
    assert {one for arrow in arrows for one in arrow} == (
        {"main", "flat"} | {path.parent.name for path in (ROOT / "kit").glob("*/__init__.py")}
    )
    assert all(rank[above] > rank[below] for above, below in arrows)


def test_the_decisions_are_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    there = sorted(path.name for path in folder.glob("0*.md"))
    listed = re.findall(r"\[(\d{4}) · ([^]]+)\]\(([^)]+)\)", (folder / "README.md").read_text())
    assert [file for _, _, file in listed] == there
    for number, title, file in listed:
        text = (folder / file).read_text("utf-8")
        assert text.startswith(f"# {number} · {title}\n")
        for part in ("Chosen", "Why", "Else", "What it costs"):
            assert f"**{part}.**" in text, file


def test_the_folders_of_the_readme_are_those_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    table = readme.split("## What is where")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `(\w+)/`", table, re.MULTILINE))
    folders = {path.split("/")[0] for path in files() if "/" in path}
    assert named | {"binder"} == {folder for folder in folders if not folder.startswith(".")}
