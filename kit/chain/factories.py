"""How a chain begins: ``embedded()``, ``anvil()``, ``connect(url)``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from web3.middleware import ExtraDataToPOAMiddleware

from kit.arguments import checked
from kit.chain.anvil_chain import AnvilChain
from kit.chain.base import Chain
from kit.chain.embedded_chain import EmbeddedChain
from kit.chain.rpc import Http
from kit.errors import ChainError, NodeDown

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


@checked("url", "lesson_keys")
def connect(url: str, *, lesson_keys: bool = False) -> Chain:
    """Return the chain of any JSON-RPC node that answers at ``url`` (``http://`` or ``https://``).

    You bring your own accounts there: the lessons' keys, which anybody can compute, sign nothing on
    it unless it is anvil on this machine, or you say ``lesson_keys=True``. Raises ChainError for
    another kind of address, and NodeDown if no node answers.
    """
    try:
        scheme = urlsplit(url).scheme
    except ValueError:  # a bracket that is never closed
        scheme = ""
    if scheme not in ("http", "https"):
        # The address itself isn't shown: it may hold a key, and so may what looks like its beginning.
        plain = scheme.isalpha() and len(scheme) <= 10
        got = f"one that starts with {scheme}:" if plain else "one without"
        raise ChainError("an address that starts with http:// or https://", got, "Check it.")
    provider = Http(url, tries=3)
    chain = Chain(provider)
    chain.lesson_keys = lesson_keys
    # Chains with proof of authority put more into extraData than web3 takes without this.
    chain.w3.middleware_onion.inject(ExtraDataToPOAMiddleware, layer=0)
    try:
        chain.chain_id  # noqa: B018  asks the node, so that a wrong address is noticed here
    except NodeDown as error:
        if error.expected.startswith("a JSON-RPC node"):
            raise
        raise provider.down("an answer without a chain id") from error
    return chain
