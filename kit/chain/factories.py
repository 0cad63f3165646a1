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
from kit.chain.sending import FEE_LIMIT
from kit.errors import ChainError, NodeDown

__all__ = ["anvil", "connect", "embedded"]


@checked("finality")
def embedded(*, finality: int | None = None) -> EmbeddedChain:
    """Return a new chain inside this process: no network, no other process, no coins to buy.

    The people of ``kit.people.FUNDED`` have coins. All hashes are the same in every run. Blocks are
    final at once, or with ``finality`` blocks on top of them.

    >>> chain = embedded()
    >>> chain
    embedded chain 20210921, head 0 at 2021-09-09 16:00:00 UTC
    >>> chain.mine().number
    1
    """
    _depth(finality)
    return EmbeddedChain(finality)


@checked("finality")
def anvil(
    *, state: str | Path | None = None, port: int = 0, finality: int | None = None
) -> AnvilChain:
    """Start an anvil node of our own and return its chain; it stops with the ``with`` block.

    ``state`` is a file that holds the chain from one start to the next; ``port`` 0 takes a free
    one. Blocks are final at once, or with ``finality`` blocks on top of them. Raises NodeDown, with
    what anvil said, if it doesn't come up.
    """
    _depth(finality)
    return AnvilChain(state=Path(state) if state else None, port=port, finality=finality)


@checked("url", "finality", "fee_limit", "lesson_keys")
def connect(
    url: str,
    *,
    finality: int | None = None,
    fee_limit: int = FEE_LIMIT,
    lesson_keys: bool = False,
) -> Chain:
    """Return the chain of any JSON-RPC node that answers at ``url`` (``http://`` or ``https://``).

    You bring your own accounts there: the lessons' keys, which anybody can compute, sign nothing on
    it unless it is anvil on this machine, or you say ``lesson_keys=True``. ``finality`` is how many
    blocks must stand on one that counts as final; without it the node says which do (see
    ``Chain.final_block``). ``fee_limit`` is the most that a unit of gas may cost, in wei: nothing is
    signed above it. Raises ChainError for another kind of address, and NodeDown if no node answers.
    """
    _depth(finality)
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
    chain = Chain(provider, finality=finality, fee_limit=fee_limit)
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


def _depth(finality: int | None) -> None:
    if finality is not None and finality < 0:
        raise ChainError("a number of blocks", str(finality), "0 makes each block final at once.")
