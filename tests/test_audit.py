"""The audit: tampering is found and named, and what can't be named is said."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import pandas as pd
import pytest
from eth_utils import keccak

import kit
from kit import people
from kit.audit import COLUMNS, LEAF, Audit, audit, compare
from kit.errors import ChainError, DataError, NodeDown
from kit.log import Log
from kit.merkle import Anchor, Batch, Leaf, Tree
from kit.solidity import load_artifact

AUTHORS = [people.named(f"author {i}").address for i in range(60)]
START, NONE = 1632124800, "0x" + "00" * 32


def commitment(text: object) -> str:
    return "0x" + keccak(text=f"audit test {text}").hex()


def some_leaves(count: int) -> list[Leaf]:
    """A log's leaves: entries, each with its review, and now and then a witness."""
    chance, found = random.Random(5), list[Leaf]()
    for seq in range(count):
        kind = "review" if seq % 2 else chance.choice(["entry"] * 4 + ["witness"])
        earlier = [leaf for leaf in found[-40:] if leaf.type == "entry"]
        kind = kind if earlier else "entry"
        subject = NONE if kind == "entry" else chance.choice(earlier).commitment
        author = people.moderator.address if kind == "review" else chance.choice(AUTHORS)
        found.append(Leaf(seq, kind, author, START + seq, subject, commitment(seq)))
    return found


def in_batches(leaves: list[Leaf], sizes: Iterator[int], block_time: datetime) -> list[Batch]:
    found: list[Batch] = []
    first = 0
    for number, size in enumerate(sizes):
        part = leaves[first : first + size]
        if not part:
            break
        anchor = Anchor(1, AUTHORS[0], commitment("tx"), number, commitment("b"), block_time, 0)
        root = Tree(leaf.hash() for leaf in part).root
        found.append(Batch(number, root, first, len(part), anchor))
        first += len(part)
    return found


def as_table(leaves: list[Leaf], *, leaf: bool = True) -> pd.DataFrame:
    rows = [vars(x) | ({LEAF: x.hash()} if leaf else {}) for x in leaves]
    return pd.DataFrame(rows, columns=[*COLUMNS, *([LEAF] if leaf else [])])


class Published(NamedTuple):
    leaves: list[Leaf]
    batches: list[Batch]
    table: pd.DataFrame

    def audit(self, table: pd.DataFrame) -> Audit:
        return compare(self.batches, table)


def published(count: int, *sizes: int) -> Published:
    leaves = some_leaves(count)
    batches = in_batches(leaves, iter(sizes or (64,) * count), datetime(2022, 1, 1, tzinfo=UTC))
    return Published(leaves, batches, as_table(leaves))


@pytest.fixture(scope="module")
def small() -> Published:
    return published(100, 1, 30, 64, 5)


def named(found: Audit, kind: str) -> list[tuple[int | None, int | None]]:
    return [(fault.seq, fault.row) for fault in found.faults if fault.kind == kind]


def kinds(found: Audit) -> list[str]:
    return [fault.kind for fault in found.faults]


def failed(found: Audit) -> set[int]:
    return {step.number for step in found.steps if step.outcome == "failed"}


# --- 1,000 random tamperings ---------------------------------------------------------------------


def other(leaf: Leaf, name: str, chance: random.Random) -> Leaf:
    """A leaf with another value in one field: a plausible one."""
    values: dict[str, Callable[[], Any]] = {
        "type": lambda: chance.choice(["withdrawal", "appeal", "bulletin"]),
        "author": lambda: chance.choice([a for a in AUTHORS if a != leaf.author]),
        "at": lambda: leaf.at + chance.choice([-1, 1, 60, -86400]),
        "subject": lambda: commitment(chance.random()),
        "commitment": lambda: commitment(chance.random()),
    }
    return replace(leaf, **{name: values[name]()})


Named = list[tuple[str, int | None, int | None]]  # kind, seq, row


def tamper(
    kind: str, leaves: list[Leaf], told: list[str], chance: random.Random
) -> Callable[[Audit], bool]:
    """Change the table in place; return the test whether an audit names what was done."""
    n, m = sorted(chance.sample(range(len(leaves)), 2))
    has: Callable[[str, int, int | None], Callable[[Audit], bool]] = lambda *asked: (
        lambda found: (asked[1], asked[2]) in named(found, asked[0]) and len(found.faults) == 1
    )
    if kind == "value":
        leaves[n] = other(leaves[n], chance.choice(COLUMNS[1:]), chance)
        return has("changed", n, n)
    if kind == "number":
        leaves[n] = replace(leaves[n], seq=chance.choice([m, n + 1, 10**6]))
        return has("changed", n, n)
    if kind == "its leaf":
        told[n] = commitment(chance.random())
        return has("changed", n, n)
    if kind == "removed":
        del leaves[n], told[n]
        return has("missing", n, None)
    if kind == "removed, renumbered":
        del leaves[n], told[n]
        leaves[n:] = [replace(leaf, seq=leaf.seq - 1) for leaf in leaves[n:]]
        return lambda found: (
            named(found, "missing") == [(n, None)]
            and len(found.faults) == len(leaves) - n + 1
            and failed(found) == {3, 6}
        )
    if kind == "twice":
        leaves.insert(m, leaves[n])
        told.insert(m, told[n])
        return has("added", n, m)
    if kind == "invented":
        new = replace(other(leaves[n], "commitment", chance), author=AUTHORS[0])
        leaves.insert(m, new)
        told.insert(m, new.hash())
        return has("added", n, m)
    if kind == "appended":
        new = replace(other(leaves[n], "commitment", chance), seq=len(leaves))
        leaves.append(new)
        told.append(new.hash())
        return has("added", len(leaves) - 1, len(leaves) - 1)
    if kind == "moved":
        for table in (leaves, told):
            table.insert(m, table.pop(n))  # type: ignore[attr-defined]
        # Two neighbours: either of them was moved.
        return lambda found: has("moved", n, m)(found) or (m == n + 1 and has("moved", m, n)(found))
    if kind == "swapped":
        for table in (leaves, told):
            table[n], table[m] = table[m], table[n]  # type: ignore[index]
        return lambda found: (
            (
                set(named(found, "moved")) >= {(n, m), (m, n)}
                or (m <= n + 2 and bool(set(named(found, "moved")) & {(n, m), (m, n)}))
            )
            and set(kinds(found)) == {"moved"}
        )
    assert kind == "swapped, renumbered"
    leaves[n], leaves[m] = replace(leaves[m], seq=n), replace(leaves[n], seq=m)
    told[n], told[m] = told[m], told[n]
    return lambda found: set(named(found, "changed")) == {(n, m), (m, n)}


KINDS = [
    *("value", "number", "its leaf", "removed", "twice", "invented", "appended"),
    *("moved", "swapped", "swapped, renumbered"),
]


@pytest.fixture
def remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes that were computed before are remembered: a thousand tables share nearly all."""

    class Root:
        def __init__(self, leaves: Any) -> None:
            self.root = root(tuple(leaves))

    root = lru_cache(maxsize=None)(lambda leaves: Tree(leaves).root)
    monkeypatch.setattr(Leaf, "hash", lru_cache(maxsize=None)(Leaf.hash))
    monkeypatch.setattr(kit.audit, "Tree", Root)
    gc.disable()  # else it looks through all that is remembered, again and again
    yield
    gc.enable()


def test_each_of_1000_random_tamperings_is_found_and_named(remembered: None) -> None:
    chance, log = random.Random(20210921), published(5_000, *(250,) * 20)
    assert log.audit(log.table).ok
    told = [leaf.hash() for leaf in log.leaves]
    for number in range(1_000):
        # All that follows is renumbered, which takes long to make and to name: a few are enough.
        kind = KINDS[number % len(KINDS)] if number % 50 else "removed, renumbered"
        leaves, hashes = list(log.leaves), list(told)
        is_named = tamper(kind, leaves, hashes, chance)
        columns: dict[str, Any] = {
            name: [getattr(leaf, name) for leaf in leaves] for name in COLUMNS
        }
        found = log.audit(pd.DataFrame(columns | {LEAF: hashes}))
        assert not found.ok, (number, kind)
        assert is_named(found), (number, kind, found)
