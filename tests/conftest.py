"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

import kit
import kit.chain.base

if TYPE_CHECKING:
    from kit.chain.anvil_chain import AnvilChain
    from kit.chain.embedded_chain import EmbeddedChain


@pytest.fixture
def chain() -> EmbeddedChain:
    """A new chain inside this process."""
    return kit.chain.embedded()


@pytest.fixture(scope="session")
def anvil() -> Iterator[AnvilChain]:
    """One anvil node for the whole session: tests must not count on an empty chain."""
    with kit.chain.anvil() as node:
        yield node
