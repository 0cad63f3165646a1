"""The audit: tampering is found and named, and what can't be named is said."""

from __future__ import annotations

import gc
import json
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
import kit.audit.auditor
import kit.log.contract
from kit import people
from kit.audit import Audit, audit
from kit.audit.auditor import COLUMNS, LEAF, NAMES, compare
from kit.chain import load_artifact
from kit.core import AHEAD_MAX, Anchor, Batch, Leaf, Tree
from kit.errors import ChainError, DataError, NodeDown, WrongChain, WrongType
from kit.log import Log

AUTHORS = [people.named(f"author {i}").address for i in range(60)]
START, NONE = 1632124800, "0x" + "00" * 32


def commitment(text: object) -> str:
    return "0x" + keccak(text=f"audit test {text}").hex()


def some_leaves(count: int) -> list[Leaf]:
    """A log's leaves: entries, each with its review, and now and then a witness."""
    chance, found = random.Random(5), list[Leaf]()  # noqa: S311
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


def tamper(  # noqa: C901  one case after the other
    kind: str, leaves: list[Leaf], told: list[str], chance: random.Random
) -> Callable[[Audit], bool]:
    """Change the table in place; return the test whether an audit names what was done."""
    n, m = sorted(chance.sample(range(len(leaves)), 2))

    def has(fault: str, seq: int, row: int | None) -> Callable[[Audit], bool]:
        return lambda found: named(found, fault) == [(seq, row)] and len(found.faults) == 1

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
    """Rows and roots that were computed before are remembered: a thousand tables share nearly all."""

    class Root:
        def __init__(self, leaves: Any) -> None:
            self.root = root(tuple(leaves))

    root = lru_cache(maxsize=None)(lambda leaves: Tree(leaves).root)
    real, known = kit.audit.auditor._row, dict[Any, Any]()

    def row(position: int, cells: tuple[Any, ...], told: bool, accounts: dict[Any, Any]) -> Any:
        key = (position, cells)
        if key not in known:
            known[key] = real(position, cells, told, accounts)
        old = known[key]
        return type(old)(position, old.seq, old.leaf, old.hash, old.told, list(old.faults))

    monkeypatch.setattr(kit.audit.auditor, "_row", row)
    monkeypatch.setattr(kit.audit.auditor, "Tree", Root)
    gc.disable()  # else it looks through all that is remembered, again and again
    yield
    gc.enable()


@pytest.mark.parametrize(
    "times",
    [100, pytest.param(1_000, marks=pytest.mark.slow("a thousand tamperings of 5,000 rows"))],
)
def test_each_random_tampering_is_found_and_named(times: int, remembered: None) -> None:
    chance, log = random.Random(20210921), published(5_000, *(250,) * 20)  # noqa: S311
    assert log.audit(log.table).ok
    told = [leaf.hash() for leaf in log.leaves]
    for number in range(times):
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


# --- what is named, and what can't be ------------------------------------------------------------


def test_a_whole_table_is_ok(small: Published) -> None:
    for table in (small.table, small.table[list(COLUMNS)], small.leaves):
        found = compare(small.batches, table)
        assert found.ok
        assert found.faults == found.notes == ()
        assert (found.level, found.place) == ("consistent", "")
        assert found.shown == (True,) * 100
    assert [step.outcome for step in found.steps] == ["not asked"] * 2 + ["passed"] * 4


def test_a_row_changed_with_its_hash_names_its_batch(small: Published) -> None:
    """What the docstring says can't be named; neither can it without the column leaf."""
    changed = list(small.leaves)
    changed[40] = replace(changed[40], author=AUTHORS[3])
    for table in (as_table(changed), as_table(changed, leaf=False)):
        found = small.audit(table)
        assert kinds(found) == ["batch"]
        assert (found.faults[0].seq, found.faults[0].last) == (31, 94)
        assert "a root can't say which row was changed" in found.faults[0].text
        assert found.shown == (True,) * 31 + (False,) * 64 + (True,) * 5
        assert found.head_count["records"] == 36


def test_what_is_odd_in_such_a_batch_is_named(small: Published) -> None:
    changed = list(small.leaves)
    changed[40] = replace(changed[40], at=START + 10**9)
    changed[43] = replace(changed[43], subject=NONE)
    text = small.audit(as_table(changed)).faults[0].text
    assert "record 40 (row 40) is later than its block" in text
    assert "record 43 (row 43) is a review about nothing" in text


def test_which_of_two_rows_is_the_log_s_is_told_by_the_root(small: Published) -> None:
    """The false one stands first, and nobody gave hashes."""
    false = replace(small.leaves[40], author=AUTHORS[3])
    rows = [*small.leaves[:40], false, *small.leaves[40:]]
    found = small.audit(as_table(rows, leaf=False))
    assert named(found, "added") == [(40, 40)]
    assert kinds(found) == ["added"]
    assert found.shown == (True,) * 40 + (False,) + (True,) * 60


def test_a_missing_record_leaves_its_batch_unproved(small: Published) -> None:
    table = small.table.drop(index=[40]).reset_index(drop=True)
    found = small.audit(table)
    assert found.faults[0].text == "record 40 is missing"
    assert found.steps[5].outcome == "unanswered"
    assert found.steps[5].reason.startswith("3 of 4 batches lead to their roots")
    table.loc[50, "author"] = AUTHORS[3]
    assert named(small.audit(table), "changed") == [(51, 50)]


def test_missing_records_are_named_by_runs(small: Published) -> None:
    table = small.table.drop(index=[0, 40, 41, 42, 98, 99])
    texts = [fault.text for fault in small.audit(table).faults]
    assert texts == [
        "record 0 is missing",
        "records 40–42 are missing",
        "records 98–99 are missing",
    ]


def test_several_tamperings_at_once_are_all_named(small: Published) -> None:
    table = small.table.copy()
    table.loc[5, "at"] += 1
    table.loc[60, "type"] = "bulletin"
    table = pd.concat([table.drop(index=[96]), table.iloc[[2]]], ignore_index=True)
    found = small.audit(table)
    assert [(f.kind, f.seq, f.row) for f in found.faults] == [
        ("missing", 96, None),
        ("added", 2, 99),
        ("changed", 5, 5),
        ("changed", 60, 60),
    ]
    assert failed(found) == {3, 4, 6}


def test_the_table_of_another_log(small: Published) -> None:
    other = [replace(leaf, commitment=commitment(f"other {leaf.seq}")) for leaf in small.leaves]
    found = small.audit(as_table(other))
    assert failed(found) == {6}
    assert "is this the table of another log?" in found.steps[5].reason
    assert not any(found.shown)
    assert set(found.head_count.values()) == {0}


# --- the head-count ------------------------------------------------------------------------------


def test_the_head_count_by_hand() -> None:
    a, b, c = AUTHORS[:3]
    made = [("entry", a), ("entry", a), ("entry", b), ("witness", b), ("witness", c), ("review", c)]
    leaves = [
        Leaf(i, kind, author, START, commitment(0) if i > 2 else NONE, commitment(i))
        for i, (kind, author) in enumerate(made)
    ]
    log = Published(
        leaves, in_batches(leaves, iter([6]), datetime(2022, 1, 1, tzinfo=UTC)), as_table(leaves)
    )
    assert log.audit(log.table).head_count == {
        "participants": 2,
        "witnesses": 2,
        "both": 1,
        "either": 3,
        "entries": 3,
        "witness_records": 2,
        "records": 6,
    }


@pytest.mark.parametrize("leaf", [True, False])
def test_an_account_is_one_however_its_address_is_written(leaf: bool, small: Published) -> None:
    whole = small.audit(small.table)
    authors = small.table["author"]
    ways = [str.lower, str.upper, lambda a: "0x" + a[2:].upper(), str]
    written = [ways[n % 4](author) for n, author in enumerate(authors)]
    assert len(set(written)) > len(set(authors))
    table = as_table(small.leaves, leaf=leaf).assign(author=written)
    found = small.audit(table)
    assert found.ok
    assert found.head_count == whole.head_count
    given = [replace(leaf, author=way) for leaf, way in zip(small.leaves, written, strict=True)]
    assert compare(small.batches, given).head_count == whole.head_count
    # Its capitals are a checksum where there are both: with one wrong it is nobody's.
    letter = next(i for i, c in enumerate(authors[4]) if c.isalpha() and i > 1)
    wrong = authors[4][:letter] + authors[4][letter].swapcase() + authors[4][letter + 1 :]
    found = small.audit(table.assign(author=[*written[:4], wrong, *written[5:]]))
    assert named(found, "changed") == [(4, 4)]
    said = next(fault.text for fault in found.faults if fault.kind == "changed")
    assert said.endswith(f"its capitals are not those of EIP-55: {wrong!r}")


def test_oddities_of_the_log_itself_are_notes_and_no_faults() -> None:
    leaves = [Leaf(i, "entry", AUTHORS[0], START, NONE, commitment(1)) for i in range(2)]
    batches = in_batches(leaves, iter([2]), datetime(2021, 1, 1, tzinfo=UTC))
    found = compare(batches, leaves)
    assert found.ok
    assert found.notes == (
        "record 0 is later than its block",
        "record 1 is later than its block",
        f"the commitment {commitment(1)} stands twice",
    )


# --- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("seq", None, "its seq is no number"),
        ("seq", -1, "its seq is no number"),
        ("seq", 2**64, "its seq is no number"),
        ("seq", True, "its seq is no number"),
        ("type", "poem", "its type is none of"),
        ("type", None, "its type is none of"),
        ("author", AUTHORS[0].swapcase().replace("X", "x"), "its author is no address, or"),
        ("author", AUTHORS[0][:-1], "its author is no address, or"),
        ("author", AUTHORS[0][2:].lower(), "its author is no address, or"),
        ("author", 5, "its author is no address, or"),
        ("at", -1, "no time in whole seconds"),
        ("at", START + 0.5, "no time in whole seconds"),
        ("at", "yesterday", "no time in whole seconds"),
        ("at", pd.Timestamp("2021-09-20T08:00:00.5Z"), "no time in whole seconds"),
        ("at", pd.NaT, "no time in whole seconds"),
        ("subject", "0x00", "its subject is no hash"),
        ("commitment", pd.NA, "its commitment is no hash"),
        ("commitment", "0X" + "AB" * 32, "its commitment is no hash"),
    ],
)
def test_values_that_no_leaf_can_have_are_named(
    column: str, value: object, said: str, small: Published
) -> None:
    for leaf in (True, False):
        table = as_table(small.leaves, leaf=leaf).astype("object")
        table.loc[7, column] = value
        found = small.audit(table)
        assert not found.ok
        changed = [fault for fault in found.faults if fault.kind == "changed"]
        assert [fault.row for fault in changed] == [7]
        if column != "seq" or not leaf:
            assert said in changed[0].text
        else:
            assert (
                changed[0].text
                == "a row without number (row 7) was record 7: its number was changed"
            )


def test_times_may_be_unix_seconds_or_have_a_zone(small: Published) -> None:
    utc = pd.to_datetime(small.table["at"], unit="s", utc=True)
    local = utc.dt.tz_convert("Asia/Shanghai")
    mixed = [a if i % 2 else b for i, (a, b) in enumerate(zip(utc, local, strict=True))]
    floats = small.table["at"].astype("float64")
    for at in (utc, local, pd.Series(mixed, dtype="object"), floats):
        assert small.audit(small.table.assign(at=at)).ok
    for at in (
        utc.dt.tz_localize(None),
        pd.Series([*mixed[:-1], datetime(2021, 9, 9)], dtype=object),
    ):
        with pytest.raises(DataError, match="times with a time zone, or Unix seconds"):
            small.audit(small.table.assign(at=at))


def test_no_subject_may_be_missing_instead_of_zeros(small: Published) -> None:
    for nothing in (None, float("nan"), pd.NA):
        subject = [nothing if s == NONE else s for s in small.table["subject"]]
        assert small.audit(small.table.assign(subject=pd.Series(subject, dtype="object"))).ok


@pytest.mark.parametrize(
    "columns", [["seq"], [*COLUMNS[:5]], [*COLUMNS, "text"], ["leaf", *COLUMNS[1:]]]
)
def test_other_columns_are_an_error(columns: list[str], small: Published) -> None:
    with pytest.raises(DataError, match="the columns seq, type, author, at, subject, commitment"):
        small.audit(small.table.reindex(columns=columns))
    with pytest.raises(DataError, match="Leaf objects"):
        compare(small.batches, ["leaf"])  # type: ignore[list-item]


def test_an_empty_table(small: Published) -> None:
    found = small.audit(small.table[:0])
    assert [fault.text for fault in found.faults] == ["records 0–99 are missing"]
    assert compare([], small.table[:0]).ok
    assert not compare([], small.table).ok


# --- on a chain ----------------------------------------------------------------------------------


class OnChain(NamedTuple):
    log: Log
    leaves: list[Leaf]


def put_on(chain: Any, leaves: list[Leaf], *sizes: int) -> OnChain:
    log = Log.deploy(chain, by=people.registrar)
    first = 0
    for size in sizes:
        root = Tree(leaf.hash() for leaf in leaves[first : first + size]).root
        log.append(root, first, size, by=people.registrar)
        first += size
    return OnChain(log, leaves)


@pytest.fixture(scope="module")
def onchain() -> OnChain:
    return put_on(kit.chain.embedded(), some_leaves(12), 5, 1, 6)


def test_an_audit_on_a_chain(onchain: OnChain) -> None:
    log = onchain.log
    for named in (log, kit.log.at(log.chain, log.address)):
        found = audit(named, as_table(onchain.leaves))
        assert {step.outcome for step in found.steps} == {"passed"}
        assert found.steps[0].reason == f"the log that you named, {log.log_id}"
        assert found.ok
        assert found.level == "final"
        assert found.place == f"up to block {log.chain.head.number} of the log {log.log_id}"
        assert found.said == f"final {found.place}"


def test_an_audit_of_blocks_that_may_still_be_replaced(anvil: Any) -> None:
    log = put_on(anvil, some_leaves(3), 2, 1).log
    leaves = some_leaves(3)
    young = kit.log.at(kit.chain.connect(anvil.url, finality=1), log.address)
    for level, more in (("included", ", which may still be replaced"), ("final", "")):
        found = audit(young, leaves)
        place = f"up to block {anvil.head.number} of the log {log.log_id}"
        assert (found.level, found.said) == (level, f"{level} {place}{more}")
        anvil.mine()


def test_a_chain_is_no_log(onchain: OnChain) -> None:
    wrong: Any = onchain.log.chain
    with pytest.raises(WrongType, match=r"a log, say diary.log or kit.log.at\(chain, ADDRESS\)"):
        audit(wrong, onchain.leaves)


def test_tampering_is_found_on_a_chain(onchain: OnChain) -> None:
    changed = [*onchain.leaves[:7], replace(onchain.leaves[7], at=1), *onchain.leaves[8:]]
    found = audit(onchain.log, changed)
    assert (kinds(found), failed(found)) == (["batch"], {6})
    assert (found.level, found.said) == ("failed", "failed at step 6")


def test_an_audit_up_to_a_block(onchain: OnChain) -> None:
    batches = onchain.log.batches()
    block = batches[1].anchor.block_number
    found = audit(onchain.log, onchain.leaves[:6], last_block=block)
    assert found.ok
    assert found.place == f"up to block {block} of the log {onchain.log.log_id}"
    assert "it has 6 newer ones" in found.steps[2].reason
    assert failed(audit(onchain.log, onchain.leaves[:6])) == {3}


def test_the_table_of_another_contract(onchain: OnChain) -> None:
    other = put_on(onchain.log.chain, some_leaves(20)[::-1][:1], 1).log
    found = audit(other, onchain.leaves)
    assert failed(found) >= {4, 6}
    assert "another log?" in found.steps[5].reason


def test_a_contract_that_is_no_log_fails_at_step_1(
    onchain: OnChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = onchain.log.chain
    storage = chain.deploy(load_artifact("DiaryStorage"), by=people.registrar).address
    for address in (storage, people.alice.address, "nonsense"):
        with pytest.raises((ChainError, WrongChain)):  # before anything is audited
            kit.log.at(chain, address)
    artifact = replace(load_artifact("DiaryLog"), runtime="0x00")
    monkeypatch.setattr(kit.log.contract, "load_artifact", lambda name: artifact)
    found = audit(onchain.log, onchain.leaves)  # answers like a log, with other code
    assert [step.outcome for step in found.steps] == ["failed"] + ["not asked"] * 5
    assert (found.level, found.said) == ("failed", "failed at step 1")
    assert not any(found.shown)
    assert "the code of DiaryLog" in found.steps[0].reason


def test_a_node_that_contradicts_itself(onchain: OnChain, monkeypatch: pytest.MonkeyPatch) -> None:
    batches = onchain.log.batches()
    monkeypatch.setattr(Log, "batches", lambda log: batches[:2])
    found = audit(onchain.log, onchain.leaves[:6])
    assert found.steps[1].reason == "the node lists 2 of 3 batches"
    monkeypatch.setattr(Log, "batches", lambda log: [batches[0], batches[2]])
    assert "batch 1 from record 5 on is not there" in audit(onchain.log, []).steps[1].reason
    monkeypatch.setattr(Log, "batches", lambda log: [replace(batches[0], root=NONE), *batches[1:]])
    assert "another root for batch 0" in audit(onchain.log, []).steps[1].reason


def test_a_node_that_died_is_no_verdict(onchain: OnChain, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(self: Log) -> int:
        raise NodeDown("a JSON-RPC node", "silence", "Start it.")

    monkeypatch.setattr(Log, "batch_count", dead)
    with pytest.raises(NodeDown):
        audit(onchain.log, onchain.leaves)


# --- how it shows itself -------------------------------------------------------------------------


def test_how_an_audit_shows_itself(small: Published) -> None:
    hostile = "<script>alert(1)</script>"
    table = small.table.assign(type=hostile)
    table.attrs["simulated"] = True
    found = small.audit(table)
    assert repr(found).splitlines()[-1] == "failed at step 6"
    assert "… and 90 more: see .faults" in repr(found)
    assert "(simulated)" in repr(found)
    assert hostile in repr(found)
    assert "<script" not in kit.views.html(found)
    assert "&lt;script&gt;" in kit.views.html(found)
    said = found.to_json()
    assert json.loads(json.dumps(said)) == said
    assert (said["ok"], said["simulated"], len(said["faults"])) == (False, True, 100)
    assert "counted: " in repr(small.audit(small.table))


# --- what an audit says, word for word -------------------------------------------------------------


def test_the_steps_stand_in_their_order(
    small: Published, onchain: OnChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        small.audit(small.table),
        compare(small.batches[1:], small.table),
        audit(onchain.log, onchain.leaves),
        other_code(onchain, monkeypatch),
    ]
    batches = onchain.log.batches()
    monkeypatch.setattr(Log, "batches", lambda log: batches[:2])
    found.append(audit(onchain.log, onchain.leaves))
    assert [x.steps[1].outcome for x in found] == [
        *("not asked", "failed", "passed", "not asked", "failed")
    ]
    for one in found:
        assert [(step.number, step.name) for step in one.steps] == list(enumerate(NAMES, start=1))


def other_code(onchain: OnChain, monkeypatch: pytest.MonkeyPatch) -> Audit:
    """The audit of a log whose code is another."""
    with monkeypatch.context() as other:
        artifact = replace(load_artifact("DiaryLog"), runtime="0x00")
        other.setattr(kit.log.contract, "load_artifact", lambda name: artifact)
        return audit(onchain.log, onchain.leaves)


def test_which_log_it_was(
    small: Published, onchain: OnChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small.audit(small.table).contract == AUTHORS[0]
    assert compare([], small.table[:0]).contract == "none"
    assert other_code(onchain, monkeypatch).contract == onchain.log.address
    whole = audit(onchain.log, onchain.leaves)
    assert whole.steps[2].reason == "all 12 records of the log"


def test_simulated_is_said_of_a_table_that_says_so(small: Published, onchain: OnChain) -> None:
    table = as_table(onchain.leaves)
    audits: list[Callable[[Any], Audit]] = [
        lambda given: compare(onchain.log.batches(), given),
        lambda given: audit(onchain.log, given),
    ]
    for take in audits:
        for given in (table, onchain.leaves):
            assert not take(given).simulated
            assert not take(given).title.endswith("(simulated)")
        marked = table.copy()
        marked.attrs["simulated"] = True
        assert take(marked).simulated
        assert take(marked).title.endswith(" (simulated)")
        assert take(marked).to_json()["simulated"] is True


@pytest.mark.parametrize(("faults", "lines"), [(9, 9), (10, 10), (11, 11), (12, 11)])
def test_of_many_faults_the_first_ten_are_said(small: Published, faults: int, lines: int) -> None:
    table = small.table.drop(index=range(2, 2 + 2 * faults, 2))
    found = small.audit(table)
    assert len(found.faults) == faults
    said = found.remarks()
    assert len(said) == lines
    assert said[:9] == [f"record {seq} is missing" for seq in range(2, 20, 2)]
    if faults > 10:
        assert said[10] == f"… and {faults - 10} more: see .faults"


def test_what_was_counted_is_said_in_a_line(small: Published) -> None:
    found = small.audit(small.table)
    counted = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in found.head_count.items())
    assert f"counted: {counted}" in repr(found).splitlines()


def test_a_wrong_value_is_shown_short(small: Published) -> None:
    for length in (68, 69, 200):  # its quotes are counted, too
        table = small.table.assign(commitment=small.table["commitment"].astype(object))
        value = "x" * length
        table.loc[3, "commitment"] = value
        (fault,) = (x for x in small.audit(table).faults if x.row == 3)
        shown = repr(value) if length == 68 else repr(value)[:69] + "…"
        assert fault.text.split("its commitment is no hash in small letters: ")[1].startswith(shown)
        assert (value in fault.text) == (length == 68)


def test_many_rows_numbered_one_too_high(small: Published) -> None:
    """More than are tried with each other's numbers: the neighbours' are."""
    table = small.table.assign(seq=[0, *(seq + 1 for seq in range(1, 61)), *range(61, 100)])
    table = pd.concat([table[:1], table], ignore_index=True)  # each a row further down
    found = small.audit(table)
    renumbered = [fault for fault in found.faults if "its number was changed" in fault.text]
    assert [fault.seq for fault in renumbered] == list(range(1, 61))


def test_record_0_under_another_number(small: Published) -> None:
    table = small.table.copy()
    table.loc[0, "seq"] = 1
    moved = pd.concat([table[1:], table[:1]], ignore_index=True)
    (fault,) = (x for x in small.audit(moved).faults if x.kind == "changed")
    assert fault.text.endswith("was record 0: its number was changed")
    table = small.table.copy()
    table.loc[0, "at"] += 1  # no number before it can have been its own
    (fault,) = small.audit(table).faults
    assert fault.text.endswith("its values don't give its leaf's hash")


def test_a_batch_says_what_looks_odd_in_it(small: Published) -> None:
    """Changed with their hashes, so that no row can be named; four are later than their block."""
    last = 2**40
    leaves = [replace(x, at=last) if 31 <= x.seq < 35 else x for x in small.leaves]
    (fault,) = small.audit(as_table(leaves)).faults
    odd = ", ".join(f"record {seq} (row {seq}) is later than its block" for seq in (31, 32, 33))
    begin = "batch 2 (records 31–94, 64 rows) doesn't lead to its root"
    assert fault.text == f"{begin}: a root can't say which row was changed; odd: {odd}"
    # One more, whose hash was left as it was, is named, and then the first words aren't said.
    table = as_table(leaves)
    table.loc[40, "at"] += 1
    batch = next(x for x in small.audit(table).faults if x.kind == "batch")
    assert batch.text == f"{begin}; odd: {odd}"


def test_a_record_that_is_later_than_its_block_is_not_proved() -> None:
    """It is in the log, unchanged, and its time is false; a few minutes clocks may differ by."""
    block_time = datetime(2022, 1, 1, tzinfo=UTC)
    for late, proved in ((0, True), (AHEAD_MAX, True), (AHEAD_MAX + 1, False), (10**8, False)):
        leaves = some_leaves(3)
        whole = compare(in_batches(leaves, iter([2, 1]), block_time), as_table(leaves))
        leaves[2] = replace(leaves[2], at=int(block_time.timestamp()) + late)
        found = compare(in_batches(leaves, iter([2, 1]), block_time), as_table(leaves))
        assert found.ok
        assert found.shown == (True, True, proved)
        assert found.later == (() if proved else (2,))
        assert found.to_json()["later"] == list(found.later)
        assert found.head_count["records"] == whole.head_count["records"] - (not proved)
        assert (found.notes == ()) is (late == 0)


def test_a_record_of_the_second_of_its_block_is_not_late() -> None:
    block_time = datetime(2022, 1, 1, tzinfo=UTC)
    for late, notes in ((0, ()), (1, ("record 0 is later than its block",))):
        leaves = some_leaves(3)
        leaves[0] = replace(leaves[0], at=int(block_time.timestamp()) + late)
        found = compare(in_batches(leaves, iter([3]), block_time), as_table(leaves))
        assert found.ok
        assert found.notes == notes


def test_the_faults_of_a_step_stand_by_their_numbers(small: Published) -> None:
    table = as_table(small.leaves, leaf=False).astype("object")
    table.loc[[0, 10, 60], "type"] = "poem"
    table.loc[7, "seq"] = None
    table = table.iloc[[*range(10), 60, *range(11, 60), 10, *range(61, 100)]]
    found = small.audit(table.reset_index(drop=True))
    assert [(f.kind, f.seq) for f in found.faults if f.kind in ("missing", "changed")] == [
        *(("missing", 7), ("changed", None), ("changed", 0), ("changed", 10), ("changed", 60))
    ]


@pytest.mark.parametrize(("faults", "more"), [(1, ""), (2, " (and 1 more)"), (3, " (and 2 more)")])
def test_a_failed_step_says_its_first_fault_and_how_many_follow(
    faults: int, more: str, small: Published
) -> None:
    found = small.audit(small.table.drop(index=range(2, 2 + 2 * faults, 2)))
    assert found.steps[2].reason == f"record 2 is missing{more}"


@pytest.mark.parametrize(("wrong", "told"), [(50, 50), (51, 0)])
def test_up_to_fifty_rows_are_tried_with_each_other_s_numbers(
    wrong: int, told: int, small: Published
) -> None:
    """Each stands neither in the place of its number nor has a neighbour's."""
    order = [(row + 5) % wrong for row in range(wrong)]
    numbers = [(row + 16) % wrong for row in range(wrong)]
    table = small.table.iloc[[*order, *range(wrong, 100)]].reset_index(drop=True)
    table.loc[: wrong - 1, "seq"] = numbers
    found = small.audit(table)
    renumbered = [fault.seq for fault in found.faults if "its number was changed" in fault.text]
    assert len(renumbered) == told
    assert set(renumbered) == set(range(told))


@pytest.mark.parametrize(("record", "is_told"), [(49, True), (50, False)])
def test_of_the_numbers_that_no_row_has_the_first_fifty_are_tried(
    record: int, is_told: bool, small: Published
) -> None:
    """The records before it are gone, and its own number is: it stands last with another one."""
    rest = [seq for seq in range(100) if seq > record]
    table = small.table.iloc[[*rest, record]].reset_index(drop=True)
    table.loc[len(table) - 1, "seq"] = 10**6
    (fault,) = (x for x in small.audit(table).faults if x.kind == "changed")
    assert fault.text.endswith(f"was record {record}: its number was changed") == is_told


def test_a_row_with_a_wrong_leaf_isn_t_proved_though_its_values_are_true(small: Published) -> None:
    table = small.table.copy()
    table.loc[3, LEAF] = "nonsense"
    found = small.audit(table)
    assert [(fault.kind, fault.seq) for fault in found.faults] == [("changed", 3)]
    assert found.shown == tuple(seq != 3 for seq in range(100))


def test_a_row_that_is_there_twice_says_its_number(small: Published) -> None:
    (fault,) = small.audit(pd.concat([small.table, small.table[40:41]])).faults
    assert (fault.kind, fault.seq, fault.last, fault.row) == ("added", 40, 40, 100)


@pytest.mark.parametrize(
    ("false_first", "is_told"),
    [
        ([True, False, True, False], True),  # 16 combinations: each is tried
        ([True, False, True, False, True], False),  # 32: only all first rows, and all last
        ([False] * 5, True),
        ([True] * 5, True),
    ],
)
def test_of_many_double_rows_few_combinations_are_tried(
    false_first: list[bool], is_told: bool, small: Published
) -> None:
    rows, false_rows = list[Leaf](), []
    for leaf in small.leaves:
        false = replace(leaf, commitment=commitment(f"false {leaf.seq}"))
        at = leaf.seq - 31
        double = [leaf]
        if 0 <= at < len(false_first):
            double = [false, leaf] if false_first[at] else [leaf, false]
            false_rows.append(len(rows) + double.index(false))
        rows += double
    found = small.audit(as_table(rows, leaf=False))
    assert ("batch" in kinds(found)) is not is_told
    if is_told:
        assert [fault.row for fault in found.faults] == false_rows
        assert found.shown == tuple(row not in false_rows for row in range(len(rows)))


def test_a_hash_that_stands_twice_in_a_batch_proves_nothing(small: Published) -> None:
    """A changed row that is told to have its neighbour's hash: no tree has both."""
    table = small.table.copy()
    table.loc[41, "at"] += 1
    table.loc[41, LEAF] = table.loc[40, LEAF]
    found = small.audit(table)
    assert "batch" in kinds(found)
    assert found.shown == tuple(not 31 <= seq < 95 for seq in range(100))


def test_a_record_of_the_first_second_of_1970() -> None:
    leaves = [replace(some_leaves(1)[0], at=0)]
    found = compare(in_batches(leaves, iter([1]), datetime(2022, 1, 1, tzinfo=UTC)), leaves)
    assert found.ok
    assert found.shown == (True,)


def test_record_0_without_its_number(small: Published) -> None:
    table = small.table.astype("object")
    table.loc[0, "seq"] = None
    (fault,) = (x for x in small.audit(table).faults if x.kind == "changed")
    assert (fault.seq, fault.last, fault.row) == (0, 0, 0)
    assert fault.text == "a row without number (row 0) was record 0: its number was changed"


def test_a_wrong_number_and_a_wrong_leaf_are_shown(small: Published) -> None:
    table = small.table.astype("object")
    table.loc[3, "seq"], table.loc[3, "at"], table.loc[5, LEAF] = -12, 1, "0xAB"
    said = [fault.text for fault in small.audit(table).faults]
    assert any("its seq is no number of a record: -12" in text for text in said)
    assert any("its leaf is no hash in small letters: '0xAB'" in text for text in said)


def test_times_of_python_and_nanoseconds(small: Published) -> None:
    at = [datetime.fromtimestamp(leaf.at, UTC) for leaf in small.leaves]
    table = small.table.assign(at=pd.Series(at, dtype="object"))
    assert small.audit(table).ok
    nano = pd.Timestamp(START, unit="s", tz="UTC") + pd.Timedelta(1, unit="ns")
    table["at"] = pd.Series([nano, *at[1:]], dtype="object")
    (fault,) = small.audit(table).faults
    assert (fault.kind, fault.seq) == ("changed", 0)
    assert "its at is no time in whole seconds from 1970 on" in fault.text


def test_each_fault_of_a_row_has_its_number_twice(small: Published) -> None:
    """From the first to the last record it is about, which are the same."""
    table = small.table.copy()
    table.loc[5, "at"] += 1  # changed
    table.loc[20, "seq"] = 10**6  # its number was changed
    more = as_table([replace(small.leaves[0], seq=500)])  # the log has no such
    order = [*range(50), 70, *range(50, 70), *range(71, 100)]  # moved
    found = small.audit(pd.concat([table.iloc[order], more], ignore_index=True))
    assert {(fault.kind, fault.seq, fault.last) for fault in found.faults} == {
        *(("changed", 5, 5), ("changed", 20, 20), ("added", 500, 500), ("moved", 70, 70))
    }


def test_an_oddity_is_noted_once() -> None:
    leaves = [Leaf(i, "entry", AUTHORS[0], START, NONE, commitment(i)) for i in range(3)]
    batches = in_batches(leaves, iter([1, 1, 1]), datetime(2021, 1, 1, tzinfo=UTC))
    notes = compare(batches, leaves).notes
    assert notes == tuple(f"record {seq} is later than its block" for seq in range(3))
