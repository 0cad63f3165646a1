"""The logs that one knows: a file that says which are trusted, since when, and who vouches for them.

Anybody can deploy a DiaryLog, and be the moderator there. That a certificate is on the chain says
something only of a log that one had a reason to trust before. Such a file, in TOML:

.. code:: toml

    [[log]]
    name = "Diary of the library in Quanzhou"
    chain = 31337
    address = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    since = 2026-09-01
    vouched_by = "the library, on its own page"
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kit.arguments import checked, shown
from kit.core import LogId, is_address
from kit.errors import DataError, WrongChain
from kit.given import read_text

if TYPE_CHECKING:
    from kit.chain import Chain
    from kit.log.contract import Log

__all__ = ["KnownLog", "known"]

_FIELDS: Final = {"name": str, "chain": int, "address": str, "since": date, "vouched_by": str}


@dataclass(frozen=True)
class KnownLog:
    """A log that one knows: its name, where it is, since when one trusts it, and who vouches for it."""

    name: str
    log_id: LogId
    since: date
    vouched_by: str

    def __str__(self) -> str:
        return f"{self.name}: {self.log_id}, known since {self.since}, vouched for by {self.vouched_by}"

    @checked("chain")
    def on(self, chain: Chain) -> Log:
        """Return the log on its chain. Raises WrongChain for another chain, or another contract there."""
        from kit.log.contract import at  # only with a chain: it needs web3

        if chain.chain_id != self.log_id.chain_id:
            got, fix = f"chain {chain.chain_id}", "Connect to a node of that chain."
            raise WrongChain(f"chain {self.log_id.chain_id}, of {self.name}", got, fix)
        return at(chain, self.log_id.contract)


@checked("file")
def known(file: str | Path) -> dict[LogId, KnownLog]:
    """Return the logs of a file as at the head of this module, by what each is. Raises DataError."""
    file = Path(file)
    try:
        told = tomllib.loads(read_text(file, "a file of logs"))
    except tomllib.TOMLDecodeError as error:
        raise _other(str(error), file) from error
    rows = told.get("log")
    if not isinstance(rows, list) or not rows:
        raise _other("none", file)
    logs = [_known(row, file) for row in rows]
    found = {log.log_id: log for log in logs}
    if len(found) < len(logs):
        raise _other("one of them twice", file)
    return found


def _known(row: Any, file: Path) -> KnownLog:
    if not isinstance(row, Mapping):
        raise _other(f"{shown(row)} among them", file)
    if set(row) != set(_FIELDS):
        raise _other(f"one with {', '.join(row)[:100]}", file)
    for name, kind in _FIELDS.items():
        if type(row[name]) is not kind:
            raise _other(f"{name} = {shown(row[name])}", file)
    if not is_address(row["address"]):
        raise _other("an address without the capitals of EIP-55", file)
    log_id = LogId(row["chain"], row["address"])
    return KnownLog(row["name"], log_id, row["since"], row["vouched_by"])


def _other(got: str, file: Path) -> DataError:
    expected = f"[[log]] tables with {', '.join(_FIELDS)} in {file}"
    return DataError(expected, got, "See docs/format.md, Known logs.")
