"""How a chain begins: ``embedded()``, ``anvil()``, ``connect(url)``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import requests
from web3.exceptions import Web3Exception
from web3.middleware import ExtraDataToPOAMiddleware
from web3.providers.rpc.utils import ExceptionRetryConfiguration

from kit.arguments import checked
from kit.chain.anvil_chain import AnvilChain
from kit.chain.base import Chain, Http
from kit.chain.embedded_chain import EmbeddedChain
from kit.errors import ChainError

__all__ = ["anvil", "connect", "embedded"]


def embedded() -> EmbeddedChain:
    """Return a new chain inside this process: no network, no other process, no coins to buy.

    The people of ``kit.people.FUNDED`` have coins. All hashes are the same in every run.

    >>> chain = embedded()
    >>> chain
    embedded chain 20210921, head 0 at 2021-09-09 16:00:00 UTC
    >>> chain.mine().number
    1
    """
    return EmbeddedChain()


def anvil(*, state: str | Path | None = None, port: int = 0) -> AnvilChain:
    """Start an anvil node of our own and return its chain; it stops with the ``with`` block.

    ``state`` is a file that holds the chain from one start to the next; ``port`` 0 takes a free
    one. Raises NodeDown, with what anvil said, if it doesn't come up.
    """
    return AnvilChain(state=Path(state) if state else None, port=port)


@checked("url")
def connect(url: str) -> Chain:
    """Return the chain of any JSON-RPC node that answers at ``url`` (``http://`` or ``https://``).

    You bring your own accounts there. Raises ChainError for another kind of address, and NodeDown
    if no node answers.
    """
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # a bracket that is never closed
        scheme = ""
    if scheme not in ("http", "https"):
        # The address itself isn't shown: it may hold a key.
        got = f"one that starts with {scheme}:" if scheme else "one without"
        raise ChainError("an address that starts with http:// or https://", got, "Check it.")
    # web3 would try a silent node five times, half a minute each.
    retries = ExceptionRetryConfiguration(errors=(requests.ConnectionError,), retries=3)
    provider = Http(url, exception_retry_configuration=retries)
    chain = Chain(provider)
    # Chains with proof of authority put more into extraData than web3 takes without this.
    chain.w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    try:  # asks the node, so that a wrong address is noticed here
        known = isinstance(chain.chain_id, int)
    except (Web3Exception, ValueError):
        known = False
    if not known:
        raise provider.down("an answer without a chain id")
    return chain
