"""Where the lessons' keys may sign: what a chain is, by its node, and what is said where they may not."""

from __future__ import annotations

from typing import Final

from web3 import Web3
from web3.types import RPCEndpoint

from kit.chain.rpc import is_loopback
from kit.errors import NotAllowed

__all__ = ["ANVIL_ID", "is_anvil_here", "lesson_key"]

#: The chain id that anvil and Hardhat take by themselves: no chain of worth has it.
ANVIL_ID: Final = 31337


def is_anvil_here(w3: Web3) -> bool:
    """Return whether the node is anvil, on this machine. Raises NodeDown.

    A node elsewhere can call itself what it likes.
    """
    address = getattr(w3.provider, "endpoint_uri", None)
    if not isinstance(address, str) or not is_loopback(address):
        return False
    answer = w3.provider.make_request(RPCEndpoint("web3_clientVersion"), [])
    return str(answer.get("result")).startswith("anvil/")


def lesson_key(chain_id: int) -> NotAllowed:
    """Return the error for a lesson key on a chain that takes none."""
    fix = (
        "Use kit.people.from_keystore(FILE); or, where nothing is at stake, "
        "kit.chain.connect(URL, lesson_keys=True)."
    )
    expected = f"a key of your own on chain {chain_id}"
    return NotAllowed(expected, "a lesson key, which anybody can compute", fix)
