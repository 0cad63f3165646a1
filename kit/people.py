"""Who signs: the lessons' people, whose keys everybody knows, and accounts of your own.

A lesson key belongs to a name and is the same on every machine: ``keccak256("civic diary test key: "
+ name)``. Anybody can compute it, which is the point in a lesson and the end of it anywhere else:
where a chain is no lesson chain, lesson keys sign nothing. Never send them anything of worth.

>>> alice
alice 0x4e06A44779872e0CAaF7c9594838e24d6ED39104 (test key)
>>> named("alice").address == alice.address
True

A key of your own comes from a keystore's file (``from_keystore``) or from an environment variable
(``from_environment``); any other object that signs will do, too: ``docs/keys.md``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from eth_account import Account
from eth_account.signers.base import BaseAccount
from eth_account.signers.local import LocalAccount
from eth_keys import keys
from eth_utils import keccak

from kit import keystore
from kit.arguments import checked, may_be_key, shown
from kit.errors import AccountError, ChainError

__all__ = [
    "FUNDED",
    "Own",
    "Person",
    "alice",
    "bob",
    "carol",
    "from_environment",
    "from_keystore",
    "hold",
    "is_lesson_key",
    "moderator",
    "named",
    "need_no_key",
    "registrar",
]

#: The addresses of the names that were said in this process: their key is one in any account object.
_named: set[str] = set()
#: The addresses of the accounts that were used in this process.
_held: set[str] = set()

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY: Final = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_HASH: Final = re.compile(r"0x[0-9a-fA-F]{64}")


class Person(LocalAccount):
    """A local account with a name; it shows its address, never its key."""

    def __init__(self, name: str, key: bytes) -> None:
        super().__init__(keys.PrivateKey(key), Account())
        self.name = name
        _named.add(self.address.lower())
        hold(self)

    def __repr__(self) -> str:
        return f"{self.name} {self.address} (test key)"


class Own(LocalAccount):
    """An account of your own; it shows its address, never its key."""

    def __init__(self, key: bytes) -> None:
        super().__init__(keys.PrivateKey(key), Account())
        hold(self)

    def __repr__(self) -> str:
        return f"account {self.address}"


def named(name: str) -> Person:
    """Return the person of that name: the same test key in every run and on every machine."""
    return Person(name, keccak(text=f"civic diary test key: {name}"))


@checked("path")
def from_keystore(path: str | Path) -> Own:
    """Return the account of a keystore's file; its password is asked for, and not shown.

    A keystore is what wallets and nodes write: JSON with an encrypted key, "Web3 Secret Storage",
    version 3. Raises AccountError for a file that is none, that asks for more memory or time than
    such files do, and for another password.
    """
    found = keystore.read(Path(path))
    said = keystore.address_in(found)
    account = _own(keystore.key_in(found, f"Password of {said or 'the keystore'}: "))
    if account is None:
        fix = "Type it again; or ask who made the file."
        raise AccountError("the password of this keystore", "another one", fix)
    if said not in ("", account.address):
        fix = "Don't use the file, or take the address out of it."
        raise AccountError(f"the key of {said}", f"that of {account.address}", fix)
    return account


@checked("name")
def from_environment(name: str) -> Own:
    """Return the account whose key, in hex, an environment variable holds.

    Programs that are started from here can read it, too: a keystore is safer. Raises AccountError for
    a variable that is not set, or that holds no key.
    """
    if not _VARIABLE.fullmatch(name):
        raise AccountError("the name of an environment variable", shown(name), "Choose its name.")
    expected = f"a key in the environment variable {name}"
    if name not in os.environ:
        fix = f"Set {name} before Python starts, or use kit.people.from_keystore(FILE)."
        raise AccountError(expected, "none of this name", fix)
    account = _own_in_hex(name)
    if account is None:
        raise AccountError(expected, "something else", "A key is 64 hex digits.")
    return account


def _own_in_hex(variable: str) -> Own | None:
    written = os.environ[variable].strip()
    return _own(bytes.fromhex(written.removeprefix("0x"))) if _KEY.fullmatch(written) else None


def _own(key: bytes | None) -> Own | None:
    """Return the account of a key, or None: 0 and what is above the curve's order are none."""
    try:
        return Own(key) if key else None
    except Exception:  # of eth-keys and of coincurve; they may show the key
        return None


def is_lesson_key(account: BaseAccount | str) -> bool:
    """Return whether an account, or an address, is a lesson's: of a name that was said here."""
    address = account if isinstance(account, str) else account.address
    return isinstance(account, Person) or address.lower() in _named


def hold(account: BaseAccount) -> None:
    """Remember the address of an account, so that its key is known where it doesn't belong."""
    _held.add(account.address)


def need_no_key(value: object, expected: str) -> None:
    """Raise ChainError for what may be a private key, so that it doesn't go to a node as a hash.

    A key in hex with 0x looks like a hash. It is known for a key if its account was used in this
    process; another one passes.
    """
    if may_be_key(value) and not _may_be_hash(value):
        fix = "A hash is a text of 0x and 64 hex digits."
        raise ChainError(expected, "what may be a private key; it was not sent", fix)


def _may_be_hash(value: object) -> bool:
    if not isinstance(value, str) or not _HASH.fullmatch(value):
        return False
    try:
        key = keys.PrivateKey(bytes.fromhex(value[2:]))
        return key.public_key.to_checksum_address() not in _held
    except Exception:  # no key at all
        return True


registrar = named("registrar")
moderator = named("moderator")
alice = named("alice")
bob = named("bob")
carol = named("carol")

#: Those who have coins on the lessons' chains, so that they can send transactions themselves.
FUNDED = (registrar, moderator, alice, bob, carol)
