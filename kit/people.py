"""Test keys: people with a name, the same on every machine. Never send them anything of worth.

The key of a name is ``keccak256("civic diary test key: " + name)``. Anybody can compute it, which is
the point in a lesson and the end of it anywhere else.

>>> alice
alice 0x4e06A44779872e0CAaF7c9594838e24d6ED39104 (test key)
>>> named("alice").address == alice.address
True
"""

from __future__ import annotations

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_keys import keys
from eth_utils import keccak

__all__ = ["FUNDED", "Person", "alice", "bob", "carol", "moderator", "named", "registrar"]


class Person(LocalAccount):
    """A local account with a name; it shows its address, never its key."""

    def __init__(self, name: str, key: bytes) -> None:
        super().__init__(keys.PrivateKey(key), Account())
        self.name = name

    def __repr__(self) -> str:
        return f"{self.name} {self.address} (test key)"


def named(name: str) -> Person:
    """Return the person of that name: the same test key in every run and on every machine."""
    return Person(name, keccak(text=f"civic diary test key: {name}"))


registrar = named("registrar")
moderator = named("moderator")
alice = named("alice")
bob = named("bob")
carol = named("carol")

#: Those who have coins on the lessons' chains, so that they can send transactions themselves.
FUNDED = (registrar, moderator, alice, bob, carol)
