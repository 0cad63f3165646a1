"""The audit: whether a published table of leaves is the whole log, unchanged; and who took part.

A log on a chain holds a Merkle root a batch, and how many records each batch has. From the table the
roots are computed again, in six steps:

1. log: the log that you named is a DiaryLog on its chain, byte for byte;
2. events: its events say the same as its storage, and their numbers have no gap;
3. complete: the table has every record of the log;
4. nothing added: it has no record that the log doesn't have, and none twice;
5. order: its rows stand in the order of the log;
6. unchanged: the rows of each batch lead to the root that the chain holds.

What can be named, and what can't:

- A record that is missing, and a row that is there twice or has a number beyond the log's end, are
  named by their numbers, since the chain says how many there are. The same for a moved row, and for
  a row with a value that no leaf can have.
- A changed row is named where the table has the column ``leaf`` with each row's hash, as an export
  has: if those hashes lead to the root, a row that doesn't give its own hash is the changed one. It is
  also told whether only its number was changed, and to which record it belongs.
- A row that was changed together with its hash is found, but can't be named: a root says that
  something among its (at most 1,024) leaves differs, and not which. Then the batch is named, with
  what looks odd in it. So it is where the table has no column ``leaf``. An author's signature narrows
  it down: ``kit.read`` checks those of all open records.
- While a record of a batch is missing, nothing in that batch is shown; rows that don't give their
  own hash are named all the same.

What it counts are keys, not people: one person can have many keys, and many people share one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count, islice, product
from math import prod
from typing import TYPE_CHECKING, Any, Final

import narwhals as nw
from eth_utils import to_checksum_address
from narwhals.exceptions import DuplicateError
from narwhals.typing import IntoFrame

from kit.arguments import checked
from kit.core import (
    CONSISTENT,
    FAILED,
    FINAL,
    INCLUDED,
    NOT_ASKED,
    PASSED,
    TYPES,
    UNANSWERED,
    Batch,
    Leaf,
    Step,
    Tree,
    is_address,
    is_later,
    is_shown,
    level_of,
    said,
    subject_from_leaf,
    subject_to_leaf,
)
from kit.engines import gather
from kit.errors import ChainError, DataError, NodeDown, ProofError, WrongChain

if TYPE_CHECKING:
    from kit.log import Log

__all__ = [
    "COLUMNS",
    "LEAF",
    "NAMES",
    "Audit",
    "Fault",
    "account",
    "audit",
    "compare",
    "not_audited",
]

#: The columns of a table of leaves; ``LEAF`` may follow, with each row's hash.
COLUMNS: Final = ("seq", "type", "author", "at", "subject", "commitment")
LEAF: Final = "leaf"

#: The steps, in order.
NAMES: Final = (
    "the log is on the chain",
    "its events agree with its storage",
    "the table is complete",
    "nothing was added",
    "the rows are in order",
    "no row was changed",
)

#: Which step a kind of fault belongs to.
_STEP_OF: Final = {"missing": 3, "added": 4, "moved": 5, "changed": 6, "batch": 6}
#: How many faults are shown; ``Audit.faults`` has all.
_SHOWN: Final = 10
#: How many roots are computed at most to tell which of some rows is the log's.
_TRIES: Final = 16
_HASH = re.compile(r"0x[0-9a-f]{64}")
_NO_CHECKSUM = re.compile(r"0x[0-9a-f]{40}|0[xX][0-9A-F]{40}")


@dataclass(frozen=True)
class Fault:
    """What is wrong with a row, with records that are not there, or with a whole batch.

    ``kind`` is missing, added, moved, changed or batch. ``seq`` to ``last`` are the numbers of the
    records it is about (None for a row without one); ``row`` is where the row stands in the table,
    from 0, or None.
    """

    kind: str
    seq: int | None
    last: int | None
    row: int | None
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Audit:
    """What an audit found: its steps, each fault, and the head-count of what was shown.

    ``level`` is one of ``kit.core.LEVELS``, ``place`` says of which log, up to which block.
    ``head_count``: participants (distinct authors of entries), witnesses (distinct authors of witness
    records), both (keys that are both), either (keys that are one or the other), entries,
    witness_records, and records: how many rows were shown. ``shown`` says it of each row of the
    table; ``later`` are the numbers of those that are not, since they are dated more than
    ``core.AHEAD_MAX`` seconds later than their block, unchanged as they are.
    ``notes`` are oddities of the log itself, that are on the chain as they are in the table.
    """

    contract: str
    rows: int
    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    head_count: Mapping[str, int]
    level: str
    place: str = ""
    simulated: bool = False
    shown: tuple[bool, ...] = field(default=(), repr=False)
    later: tuple[int, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all that was asked was shown. What was not asked shows nothing, neither way."""
        return is_shown(self.level)

    @property
    def said(self) -> str:
        """The level in words, with its place and with what was not asked."""
        return said(self.level, self.steps, self.place)

    def to_json(self) -> dict[str, Any]:
        """Return what was found as a JSON object; not ``shown``, which has a value a row."""
        return {
            "contract": self.contract,
            "rows": self.rows,
            "ok": self.ok,
            "level": self.level,
            "place": self.place,
            "simulated": self.simulated,
            "steps": [dict(vars(step)) for step in self.steps],
            "faults": [dict(vars(fault)) for fault in self.faults],
            "notes": list(self.notes),
            "later": list(self.later),
            "head_count": dict(self.head_count),
        }

    def remarks(self) -> list[str]:
        """Return the faults and the notes, a line each; of many, the first ten."""
        more = len(self.faults) - _SHOWN
        shown = [fault.text for fault in self.faults[:_SHOWN]]
        shown += [f"… and {more:,} more: see .faults"] if more > 0 else []
        return [*shown, *(f"note: {note}" for note in self.notes[:_SHOWN])]

    def counted(self) -> dict[str, str]:
        """Return the head-count in words: names with spaces, numbers with commas."""
        return {name.replace("_", " "): f"{value:,}" for name, value in self.head_count.items()}

    @property
    def title(self) -> str:
        """What was audited, in a line."""
        return f"{self.rows:,} rows for the log {self.contract}" + (
            " (simulated)" if self.simulated else ""
        )

    def __repr__(self) -> str:
        counted = ", ".join(f"{value} {name}" for name, value in self.counted().items())
        faults = [f"  {line}" for line in self.remarks()]
        return "\n".join(
            [self.title, *map(str, self.steps), *faults, f"counted: {counted}", self.said]
        )


@checked("log", "leaves", "last_block")
def audit(
    log: Log,
    leaves: IntoFrame | Iterable[Leaf],
    *,
    last_block: int | str = "latest",
) -> Audit:
    """Audit a published table of leaves against the log that you trust; see the head of this module.

    ``log`` is ``diary.log``, or ``kit.log.at(chain, ADDRESS)``.
    ``leaves`` has the columns of ``COLUMNS``, and ``leaf`` if it can: ``at`` in Unix seconds or as
    times with a time zone, ``subject`` of zeros or missing where there is none. It may be a pandas,
    Polars, Dask, PySpark or PyArrow table or a DuckDB relation, and comes into memory; its rows count
    in the order in which its engine gives them. Any Leaf objects will do, too. An author in small
    letters only, or in capitals only, as other tools write addresses, is the account that it is with
    the capitals of EIP-55. ``last_block`` is the block up to which the log is compared, for a table
    that was published then.

    Raises DataError for a table that isn't one, ChainError if the node won't list the log's events,
    NodeDown; a table or a contract that is wrong raises nothing: its steps fail.
    """
    rows = _read(leaves)
    simulated = _is_simulated(leaves)
    chain = log.chain
    try:
        log.check_code()
    except NodeDown:
        raise
    except (ChainError, WrongChain) as error:
        return not_audited(log.address, len(rows), str(error), simulated)
    held = log.batch_count()  # before the events: it can only grow
    head = chain.block(last_block)
    listed = log.batches()
    batches = [batch for batch in listed if batch.anchor.block_number <= head.number]
    steps = [
        _step(1, PASSED, f"the log that you named, {log.log_id}"),
        _events_step(log, listed, held),
    ]
    newer = sum(batch.count for batch in listed) - sum(batch.count for batch in batches)
    since = f" up to block {head.number}; it has {newer:,} newer ones" if newer else ""
    final = all(batch.standing == FINAL for batch in batches)
    place = f"up to block {head.number} of the log {log.log_id}"
    reached = (FINAL if final else INCLUDED, place)
    return _result(log.address, batches, rows, steps, reached, simulated, since)


def compare(batches: Sequence[Batch], leaves: IntoFrame | Iterable[Leaf]) -> Audit:
    """Audit a table of leaves against batches that were published with it; no chain is asked.

    It shows that both are consistent in themselves. Raises DataError as ``audit``.
    """
    rows = _read(leaves)
    fault = _gap(batches)
    events = _step(2, FAILED, fault) if fault else _step(2, NOT_ASKED, "no log named")
    steps = [_step(1, NOT_ASKED, "no log named"), events]
    contract = batches[0].anchor.contract if batches else "none"
    return _result(contract, batches, rows, steps, (CONSISTENT, ""), _is_simulated(leaves))


def not_audited(address: Any, rows: int, why: str, simulated: bool) -> Audit:
    """Return the audit of a table whose log is not there, and why: step 1 failed, none was taken."""
    nothing = "there is no log to compare with"
    steps = [_step(1, FAILED, why), *(_step(i, NOT_ASKED, nothing) for i in range(2, 7))]
    shown = (False,) * rows
    counted = _count([])
    return Audit(str(address), rows, tuple(steps), (), (), counted, FAILED, "", simulated, shown)


def _step(number: int, outcome: str, reason: str) -> Step:
    return Step(number, NAMES[number - 1], outcome, reason)


def _is_simulated(leaves: Any) -> bool:
    """Return whether a table says of itself that nobody wrote its records."""
    return bool(getattr(leaves, "attrs", {}).get("simulated"))


def _gap(batches: Sequence[Batch]) -> str:
    """Return what is wrong with the numbers of batches, or ''."""
    expected = 0
    for number, batch in enumerate(batches):
        if (batch.number, batch.first_seq) != (number, expected):
            return f"batch {number} from record {expected} on is not there"
        expected += batch.count
    return ""


def _events_step(log: Log, batches: Sequence[Batch], held: int) -> Step:
    fault = _gap(batches)
    if not fault and len(batches) < held:
        fault = f"the node lists {len(batches):,} of {held:,} batches"
    for batch in batches:
        if not fault and log.root(batch.number) != batch.root:
            fault = f"the log has another root for batch {batch.number} than its event"
    if fault:
        return _step(2, FAILED, fault)
    return _step(2, PASSED, f"{len(batches):,} batches, the same roots in both")


# --- reading the table ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Row:
    """A row as it was read. ``leaf`` and ``hash`` are None if no leaf can have its values."""

    position: int
    seq: int | None
    leaf: Leaf | None
    hash: str | None
    told: str | None  # what its column leaf says
    faults: list[str]
    shown: bool = False

    @property
    def name(self) -> str:
        number = "a row without number" if self.seq is None else f"record {self.seq}"
        return f"{number} (row {self.position})"


def _read(leaves: Any) -> list[_Row]:
    try:
        table = nw.from_native(leaves, pass_through=True)
    except DuplicateError as error:
        raise _other_columns("some twice") from error
    if not isinstance(table, nw.DataFrame | nw.LazyFrame):
        given = list(leaves)
        if not all(isinstance(leaf, Leaf) for leaf in given):
            got = "a list of something else"
            raise DataError("a table of leaves, or Leaf objects", got, "Pass diary.leaves().")
        values = [(*(getattr(leaf, name) for name in COLUMNS), None) for leaf in given]
        return _rows(values, told=False)
    names = table.collect_schema().names()
    told = LEAF in names
    expected = [*COLUMNS, *([LEAF] if told else [])]
    if missing := sorted(set(COLUMNS) - set(names)):
        raise _other_columns(f"without {', '.join(missing)}")
    if extra := sorted(set(map(str, names)) - set(expected)):
        raise _other_columns(f"also {', '.join(extra)}")
    here = gather(table.lazy())
    columns = [here[name].to_list() for name in expected]
    columns += [] if told else [[None] * len(columns[0])]
    return _rows(list(zip(*columns, strict=True)), told)


def _other_columns(got: str) -> DataError:
    fix = "An audit says nothing about other columns: pass table[list(kit.audit.auditor.COLUMNS)]."
    return DataError(f"the columns {', '.join(COLUMNS)}", got[:200], fix)


def _rows(values: Sequence[Sequence[Any]], told: bool) -> list[_Row]:
    accounts: dict[str, str | None] = {}
    return [_row(i, cells, told, accounts) for i, cells in enumerate(values)]


def _row(position: int, cells: Sequence[Any], told: bool, accounts: dict[str, str | None]) -> _Row:
    """Read one row; ``accounts`` remembers whose account each author is."""
    seq, kind, author, at, subject, commitment, leaf_hash = cells
    number, seconds = _whole(seq), _seconds(at)
    subject = subject_to_leaf(None) if _is_missing(subject) else subject
    if isinstance(author, str) and author not in accounts:
        accounts[author] = account(author)
    who = accounts[author] if isinstance(author, str) else None
    fine = (
        isinstance(kind, str) and kind in TYPES,
        who is not None,
        seconds is not None,
        _is_hash(subject),
        _is_hash(commitment),
    )
    faults = [] if all(fine) else _wrong_values(cells, fine)
    leaf = None
    if not faults:
        leaf = Leaf(number or 0, kind, who or "", seconds or 0, subject, commitment)
    hashed = None if number is None else _hash(leaf)
    if number is None:
        faults.append(f"its seq is no number of a record: {_brief(seq)}")
    if told and not _is_hash(leaf_hash):
        faults.append(f"its leaf is no hash in small letters: {_brief(leaf_hash)}")
        leaf_hash = None
    return _Row(position, number, leaf, hashed, leaf_hash, faults)


def account(address: str) -> str | None:
    """Return an account's address with the capitals of EIP-55, or None for what is no address.

    The capitals are a checksum, which an address in small letters only or in capitals only doesn't
    have. In mixed case they must be the right ones. A leaf's hash is the same for all three.

    >>> account("0x4e06a44779872e0caaf7c9594838e24d6ed39104")
    '0x4e06A44779872e0CAaF7c9594838e24d6ED39104'
    >>> account("0x4E06A44779872e0CAaF7c9594838e24d6ED39104") is None
    True
    """
    if _NO_CHECKSUM.fullmatch(address):
        return str(to_checksum_address(address.lower()))
    return address if is_address(address) else None


#: What is wrong with a value that no leaf can have, by column.
_WRONG: Final = (
    f"none of {', '.join(TYPES)}",
    "no address, or its capitals are not those of EIP-55",
    "no time in whole seconds from 1970 on",
    "no hash in small letters",
    "no hash in small letters",
)


def _wrong_values(cells: Sequence[Any], fine: Sequence[bool]) -> list[str]:
    return [
        f"its {name} is {wrong}: {_brief(value)}"
        for name, value, good, wrong in zip(COLUMNS[1:], cells[1:6], fine, _WRONG, strict=True)
        if not good
    ]


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and _HASH.fullmatch(value) is not None


def _is_missing(value: Any) -> bool:
    """Return whether a table has nothing there: None, NaN, or pandas' NA, which equals nothing."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def _hash(leaf: Leaf | None) -> str | None:
    return leaf.hash() if leaf else None


def _whole(value: Any) -> int | None:
    """Return a whole number of 64 bits, also one that a table made a float of, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 2**64 and value == int(value) else None


def _seconds(value: Any) -> int | None:
    """Return a time as Unix seconds, or None. Raises DataError for one without a time zone."""
    if not isinstance(value, datetime):
        return _whole(value)
    if value != value:  # pandas' NaT
        return None
    if value.tzinfo is None:
        fix = "Use at.dt.tz_localize(…): a time without a zone could be anywhere's."
        raise DataError("times with a time zone, or Unix seconds, in at", str(value), fix)
    # A pandas time can have nanoseconds.
    whole = not value.microsecond and not getattr(value, "nanosecond", 0)
    return _whole(int(value.timestamp())) if whole else None


def _brief(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 70 else shown[:69] + "…"


# --- comparing -----------------------------------------------------------------------------------


def _result(
    contract: str,
    batches: Sequence[Batch],
    rows: list[_Row],
    steps: list[Step],
    reached: tuple[str, str],
    simulated: bool,
    since: str = "",
) -> Audit:
    """Take steps 3 to 6 and return what was found; ``reached`` are level and place if none fails."""
    faults = _wrong_rows(rows)
    by_seq: dict[int, list[_Row]] = defaultdict(list)
    for row in rows:
        if row.seq is not None:
            by_seq[row.seq].append(row)
    fitting = 0
    for batch in batches:
        found, fits = _batch(batch, by_seq)
        faults += found
        fitting += fits
    end = batches[-1].first_seq + batches[-1].count if batches else 0
    faults += _missing(by_seq, end) + _beyond(rows, end)
    faults += _moved(rows, faults)
    faults.sort(key=lambda f: (_STEP_OF[f.kind], -1 if f.seq is None else f.seq))
    passed = {
        3: f"all {end:,} records of the log{since}",
        4: "each record once, and none that the log doesn't have",
        5: "by number, as the log has them",
        6: f"the rows of {fitting:,} batches lead to their roots",
    }
    steps += [
        _fault_step(number, [f for f in faults if _STEP_OF[f.kind] == number], passed)
        for number in range(3, 7)
    ]
    if steps[5].outcome == PASSED and fitting < len(batches):
        reason = (
            f"{fitting:,} of {len(batches):,} batches lead to their roots; the others lack records"
        )
        steps[5] = _step(6, UNANSWERED, reason)
    if batches and sum(fault.kind == "batch" for fault in faults) == len(batches):
        reason = "no root of the log comes out again: is this the table of another log?"
        steps[5] = _step(6, FAILED, reason)
    unchanged = [row for row in rows if row.shown and row.leaf]
    later = _leave_out_later(unchanged, batches)
    shown = [row for row in unchanged if row.shown]
    return Audit(
        contract,
        len(rows),
        tuple(steps),
        tuple(faults),
        tuple(_notes(unchanged, batches)),
        _count([row.leaf for row in shown if row.leaf]),
        level_of(steps, reached[0]),
        reached[1],
        simulated,
        tuple(row.shown for row in rows),
        tuple(later),
    )


def _fault_step(number: int, faults: Sequence[Fault], passed: Mapping[int, str]) -> Step:
    if not faults:
        return _step(number, PASSED, passed[number])
    more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
    return _step(number, FAILED, faults[0].text + more)


def _wrong_rows(rows: Sequence[_Row]) -> list[Fault]:
    """Name each row whose values can't be, or don't give its own hash. Renumbers what was renumbered.

    Afterwards a row with another number than it was published with stands under its own.
    """
    wrong = [row for row in rows if row.told and row.hash != row.told]
    # Beside its neighbours' numbers, those of the other wrong rows are tried, if they are few.
    others: set[int] = set()
    if len(wrong) <= 50:
        others = {row.seq for row in wrong if row.seq is not None} | _absent(rows, wrong)
    faults = []
    for row in wrong:
        number = _own_number(row, others)
        if number is not None:
            text = f"{row.name} was record {number}: its number was changed"
            row.seq, row.leaf, row.hash, row.faults = number, None, None, []
            faults.append(Fault("changed", number, number, row.position, text))
        elif not row.faults:
            row.faults.append("its values don't give its leaf's hash")
    return faults + [
        Fault(
            "changed",
            row.seq,
            row.seq,
            row.position,
            f"{row.name} was changed: {'; '.join(row.faults)}",
        )
        for row in rows
        if row.faults
    ]


def _absent(rows: Sequence[_Row], wrong: Sequence[_Row]) -> set[int]:
    """Return the first numbers that no row has: what a renumbered row may have been."""
    if not wrong:
        return set()
    there = {row.seq for row in rows}
    return set(islice((number for number in count() if number not in there), 50))


def _own_number(row: _Row, others: Iterable[int]) -> int | None:
    """Return the number with which a row gives its own hash, if there is one to be found."""
    if row.leaf is None:
        return None
    near = [row.position, *([row.seq + 1, row.seq - 1] if row.seq is not None else [])]
    for number in dict.fromkeys([*near, *others]):
        likely = number >= 0 and number != row.seq
        if likely and _hash(replace(row.leaf, seq=number)) == row.told:
            return number
    return None


def _batch(batch: Batch, by_seq: Mapping[int, list[_Row]]) -> tuple[list[Fault], bool]:
    """Compare one batch; return its faults and whether its root came out. Marks the rows that were shown."""
    numbers = range(batch.first_seq, batch.first_seq + batch.count)
    groups = [by_seq.get(number, []) for number in numbers]
    choice = _choose(batch.root, groups)
    faults = []
    for number, group in zip(numbers, groups, strict=True):
        row, leaf_hash = choice[number] if choice else (group[0] if group else None, None)
        if row and leaf_hash == row.hash:
            row.shown = bool(leaf_hash and not row.faults)
        faults += [
            Fault(
                "added",
                number,
                number,
                extra.position,
                f"{extra.name} was added: it is there twice",
            )
            for extra in group
            if extra is not row
        ]
    if choice is None and all(groups):
        faults.append(_whole_batch(batch, [row for group in groups for row in group]))
    return faults, choice is not None


_Choice = dict[int, tuple[_Row, str]]


def _choose(root: str, groups: Sequence[Sequence[_Row]]) -> _Choice | None:
    """Return which row, with which hash, stands for each number so that the root comes out, or None.

    Of one row it may be the hash of its values or the one it is told to have; of several rows with a
    number any. All of the first kind and all of the second are tried, and then, if they are few,
    each combination.
    """
    options: list[list[tuple[_Row, str]]] = []
    for group in groups:
        found: dict[str, _Row] = {}
        for row in group:
            found.setdefault(row.hash or row.told or "", row)
        for row in group:
            found.setdefault(row.told or row.hash or "", row)
        options.append([(row, h) for h, row in found.items() if h])
    if not all(options):
        return None
    tries: Iterable[Sequence[tuple[_Row, str]]] = product(*options)
    if prod(map(len, options)) > _TRIES:
        tries = [[o[0] for o in options], [o[-1] for o in options]]
    for chosen in tries:
        try:
            fits = Tree(h for _, h in chosen).root == root
        except ProofError:  # the same leaf twice, or more of them than a batch can have
            fits = False
        if fits:
            return {row.seq: (row, h) for row, h in chosen if row.seq is not None}
    return None


def _whole_batch(batch: Batch, rows: Sequence[_Row]) -> Fault:
    """Name a batch whose rows don't lead to its root, and what looks odd in it."""
    last = batch.first_seq + batch.count - 1
    odd = [f"{row.name} {why}" for row in rows if (why := _odd(row, batch))]
    named = [row.name for row in rows if row.faults]
    text = (
        f"batch {batch.number} (records {batch.first_seq}–{last}, {len(rows):,} rows) doesn't lead to"
        " its root"
    )
    if not named:
        text += ": a root can't say which row was changed"
    if odd:
        text += f"; odd: {', '.join(odd[:3])}"
    return Fault("batch", batch.first_seq, last, None, text)


def _odd(row: _Row, batch: Batch) -> str:
    """Return what an honest log would not hold in this row, or ''."""
    if row.leaf is None:
        return ""
    if row.leaf.at > batch.anchor.block_time.timestamp():
        return "is later than its block"
    subject = subject_from_leaf(row.leaf.subject)
    if row.leaf.type == "entry" and subject is not None:
        return "is an entry about another record"
    if row.leaf.type not in ("entry", "bulletin") and subject is None:
        return f"is a {row.leaf.type} about nothing"
    return ""


def _missing(by_seq: Mapping[int, list[_Row]], end: int) -> list[Fault]:
    """Name the records of the log that no row has, each run of numbers once."""
    faults: list[Fault] = []
    for seq in (number for number in range(end) if number not in by_seq):
        joins = bool(faults) and faults[-1].last == seq - 1
        first = faults.pop().seq if joins else seq
        text = f"record {seq} is missing" if first == seq else f"records {first}–{seq} are missing"
        faults.append(Fault("missing", first, seq, None, text))
    return faults


def _beyond(rows: Sequence[_Row], end: int) -> list[Fault]:
    return [
        Fault("added", row.seq, row.seq, row.position, f"{row.name} was added: the log has no such")
        for row in rows
        if row.seq is not None and not 0 <= row.seq < end
    ]


def _moved(rows: Sequence[_Row], faults: Sequence[Fault]) -> list[Fault]:
    """Name the fewest rows that must have been moved: those outside the longest ascending series."""
    added = {fault.row for fault in faults if fault.kind == "added"}
    given = [row for row in rows if row.seq is not None and row.position not in added]
    keys = [row.seq or 0 for row in given]
    ends: list[int] = []  # the last number of the best series of each length
    length = []
    for key in keys:
        length.append(bisect_left(ends, key))
        ends[length[-1] : length[-1] + 1] = [key]
    found, wanted, limit = [], len(ends) - 1, None
    for row, key, at in zip(reversed(given), reversed(keys), reversed(length), strict=True):
        if at == wanted and (limit is None or key < limit):
            wanted, limit = wanted - 1, key
        else:
            text = f"{row.name} was moved: it stands out of order"
            found.append(Fault("moved", row.seq, row.seq, row.position, text))
    return found


def _leave_out_later(rows: Sequence[_Row], batches: Sequence[Batch]) -> list[int]:
    """Call no row shown that is later than its block: its time is false. Return their numbers."""
    starts = [batch.first_seq for batch in batches]
    later = []
    for row in rows:
        batch = batches[bisect_right(starts, row.seq or 0) - 1]
        if row.leaf and is_later(row.leaf, batch.anchor.block_time):
            row.shown = False
            later.append(row.leaf.seq)
    return later


def _notes(rows: Sequence[_Row], batches: Sequence[Batch]) -> list[str]:
    """Return oddities of rows that were shown: the log itself has them, whoever published them."""
    leaves = {row.seq: row for row in rows}
    notes: list[str] = []
    for batch in batches:
        for seq in range(batch.first_seq, batch.first_seq + batch.count):
            why = _odd(leaves[seq], batch) if seq in leaves else ""
            notes += [f"record {seq} {why}"] if why else []
    seen = Counter(row.leaf.commitment for row in rows if row.leaf)
    twice = [commitment for commitment, count in seen.items() if count > 1]
    return notes + [f"the commitment {commitment} stands twice" for commitment in twice]


def _count(leaves: Sequence[Leaf]) -> dict[str, int]:
    """Return the head-count of leaves."""
    authors = {leaf.author for leaf in leaves if leaf.type == "entry"}
    witnesses = {leaf.author for leaf in leaves if leaf.type == "witness"}
    types = Counter(leaf.type for leaf in leaves)
    return {
        "participants": len(authors),
        "witnesses": len(witnesses),
        "both": len(authors & witnesses),
        "either": len(authors | witnesses),
        "entries": types["entry"],
        "witness_records": types["witness"],
        "records": len(leaves),
    }
