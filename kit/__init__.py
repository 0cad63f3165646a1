"""Civic diary kit: public records kept on a blockchain, where they can be understood.

>>> import kit
>>> chain = kit.chain.embedded()
>>> diary = kit.Diary.open(chain)
>>> entry = diary.post(kit.people.alice, "十人一桌，今年改成十人一组。", place="泉州")
>>> review = diary.review(entry, by=kit.people.moderator, approve=True)
>>> batch = diary.publish()
>>> batch.count, chain.call(diary.log.contract.functions.recordCount())
(2, 2)

What a lesson writes stands in ``__init__.pyi``, each name once; it is loaded when it is first used,
so ``import kit`` itself takes a moment only. Where to read first: ``README.md`` beside this file.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import lazy_loader

from kit.version import __version__ as __version__

# Six times as fast as the backend that eth-hash takes by itself; it comes with eth-tester.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext kit`` shows the kit's values as HTML, and adds the ``%%solidity`` cell magic."""
    from kit.chain import register_magic
    from kit.views import register

    register(shell)
    register_magic(shell)


if "IPython" in sys.modules and (_shell := sys.modules["IPython"].get_ipython()) is not None:
    from kit.views import register

    register(_shell)
