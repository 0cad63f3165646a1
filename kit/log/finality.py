"""Where a batch stands on its chain: nowhere yet, in a block that may still be replaced, or for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kit.arguments import checked
from kit.core import FINAL, INCLUDED
from kit.errors import ChainError, NodeDown

if TYPE_CHECKING:
    from kit.chain import Chain

__all__ = ["PENDING", "is_on_chain", "standing"]

#: A batch is sent, and then stands in a block, and that counts as final (see ``Chain.final_block``).
PENDING: Final = "pending"


@checked("chain", "block_number")
def standing(chain: Chain, block_number: int) -> str:
    """Return "final" if a block of the chain counts as final, else "included". Raises NodeDown."""
    return FINAL if block_number <= chain.final_block() else INCLUDED


@checked("chain", "number", "block_hash")
def is_on_chain(chain: Chain, number: int, block_hash: str) -> bool:
    """Return whether a block is on the chain, by its number and its hash. Raises NodeDown."""
    try:
        return chain.block(number).hash == block_hash
    except NodeDown:
        raise
    except ChainError:  # the chain is shorter
        return False
