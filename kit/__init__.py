"""Civic diary kit: public records kept on a blockchain, where they can be understood.

>>> import kit
>>> chain = kit.chain.embedded()
>>> diary = kit.Diary.open(chain)
>>> entry = diary.post(kit.people.alice, "十人一桌，今年改成十人一组。", place="泉州")
>>> review = diary.review(entry, by=kit.people.moderator, approve=True)
>>> batch = diary.publish()
>>> batch.count, chain.call(diary.log.contract.functions.recordCount())
(2, 2)

The modules are loaded when they are first used, so ``import kit`` itself takes a moment only.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from kit.errors import KitError

if TYPE_CHECKING:
    from kit import archive as archive
    from kit import audit as audit
    from kit import certificates as certificates
    from kit import chain as chain
    from kit import data as data
    from kit import desk as desk
    from kit import diary as diary
    from kit import display as display
    from kit import errors as errors
    from kit import events as events
    from kit import export as export
    from kit import fonts as fonts
    from kit import log as log
    from kit import merkle as merkle
    from kit import moves as moves
    from kit import participation as participation
    from kit import people as people
    from kit import places as places
    from kit import plots as plots
    from kit import records as records
    from kit import report as report
    from kit import simulate as simulate
    from kit import solidity as solidity
    from kit import table as table
    from kit import teaching as teaching
    from kit import timeline as timeline
    from kit import toolchain as toolchain
    from kit import trace as trace
    from kit import verification as verification
    from kit.certificates import Certificate as Certificate
    from kit.diary import Diary as Diary
    from kit.export import read as read
    from kit.verification import verify as verify

# Six times as fast as the backend that eth-hash takes by itself; it comes with eth-tester.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

__version__ = "0.1.0"

_MODULES = (
    "archive",
    "audit",
    "certificates",
    "chain",
    "data",
    "desk",
    "diary",
    "display",
    "errors",
    "events",
    "export",
    "fonts",
    "log",
    "merkle",
    "moves",
    "participation",
    "people",
    "places",
    "plots",
    "records",
    "report",
    "simulate",
    "solidity",
    "table",
    "teaching",
    "timeline",
    "toolchain",
    "trace",
    "verification",
)

_NAMES = {
    "Certificate": "certificates",
    "Diary": "diary",
    "read": "export",
    "verify": "verification",
}

__all__ = ["Certificate", "Diary", "KitError", "read", "verify", *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(importlib.import_module(f"kit.{_NAMES[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"kit.{name}")
    raise AttributeError(f"module 'kit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext kit`` adds the ``%%solidity`` cell magic."""
    importlib.import_module("kit.solidity").register_magic(shell)
