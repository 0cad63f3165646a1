"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import kit
import kit.chain.base

if TYPE_CHECKING:
    from kit.chain.anvil_chain import AnvilChain
    from kit.chain.embedded_chain import EmbeddedChain


#: The files that take longest, in seconds: they begin first, so that none is left for the end.
LONG = {
    "teaching/test_lessons.py": 40,
    "diary/test_platform.py": 33,
    "analysis/test_plots.py": 31,
    "views/test_page.py": 30,
    "analysis/participation/test_engines.py": 28,
    "log/test_verification.py": 25,
    "teaching/test_teaching.py": 22,
    "diary/test_crash.py": 20,
    "project/test_fonts.py": 20,
    "project/test_cli.py": 20,
    "views/test_browser.py": 19,
    "views/test_report.py": 18,
    "analysis/test_without_engines.py": 17,
    "project/test_wrong_types.py": 15,
    "teaching/test_simulate.py": 15,
    "views/test_desk.py": 15,
    "audit/test_export.py": 14,
    "views/test_lessons_in_lab.py": 14,
    "views/test_desk_browser.py": 14,
    "core/test_certificates.py": 13,
    "chain/test_chain.py": 12,
    "diary/test_diary.py": 11,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    order = {here / name: -seconds for name, seconds in LONG.items()}
    items.sort(key=lambda item: order.get(item.path, 0))


#: Seconds on a quiet machine after which a test belongs in `make test-all`, with a small sister here.
TOO_LONG = 30


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that take too long, so that `make test` stays under six minutes. It fails none."""
    reports = [x for found in terminalreporter.stats.values() for x in found]
    long = [
        f"{report.duration:.0f} s {report.when} {report.nodeid}"
        for report in reports
        if getattr(report, "duration", 0) > TOO_LONG and "slow" not in report.keywords
    ]
    if long:
        terminalreporter.section("on a quiet machine too long for make test: see CONTRIBUTING.md")
        for line in long:
            terminalreporter.write_line(line)


def pytest_collection_finish() -> None:
    """Leave out of each collection of garbage what was loaded: it stays, and it is most of all."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    gc.unfreeze()


@pytest.fixture
def chain() -> EmbeddedChain:
    """A new chain inside this process."""
    return kit.chain.embedded()


@pytest.fixture(scope="session")
def anvil() -> Iterator[AnvilChain]:
    """One anvil node for the whole session: tests must not count on an empty chain."""
    with kit.chain.anvil() as node:
        yield node
