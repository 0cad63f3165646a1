"""What a contract has announced so far, each event asked for once.

The events up to a block are kept with that block's hash. The next question begins behind it, as long
as the chain has that hash there; after a reorganisation all of it is asked for again. The machines of
a node may be some blocks behind one another, so of a node elsewhere the newest ``BEHIND`` blocks are
asked for each time.
"""

from __future__ import annotations

from typing import Any, Final
from weakref import WeakKeyDictionary

from kit.arguments import checked
from kit.chain.base import Block, Chain
from kit.chain.events import Event, read
from kit.errors import ChainError, NodeDown

__all__ = ["BEHIND", "events_so_far"]

#: Blocks that one of a node's machines may lack.
BEHIND: Final = 3


class _History:
    """The events of one kind of one contract up to a block."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.until: Block | None = None


_KEPT: WeakKeyDictionary[Chain, dict[tuple[str, str], _History]] = WeakKeyDictionary()


@checked("chain", "address", "event")
def events_so_far(chain: Chain, address: str, event: Event) -> list[dict[str, Any]]:
    """Return a contract's events up to the newest block, oldest first, as ``read`` gives them.

    Raises ChainError, NodeDown.
    """
    kept = _KEPT.setdefault(chain, {}).setdefault((address, event.topic), _History())
    if kept.until and not _is_there(chain, kept.until):
        kept.rows, kept.until = [], None
    first = kept.until.number + 1 if kept.until else 0
    # Asked for before the events: if the chain changes in between, this is what is gone next time.
    newest = chain.head.number - (BEHIND if chain.backend == "connected" else 0)
    until = chain.block(newest) if newest >= first else None
    rows = kept.rows + list(read(chain, address, event, first_block=first))
    if until:
        kept.rows = [row for row in rows if row["block_number"] <= until.number]
        kept.until = until
    return rows


def _is_there(chain: Chain, block: Block) -> bool:
    try:
        return chain.block(block.number) == block
    except NodeDown:
        raise
    except ChainError:  # a shorter chain
        return False
