"""Encrypted keys in files: "Web3 Secret Storage", version 3, as wallets and nodes write them.

The form: https://ethereum.org/developers/docs/data-structures-and-encoding/web3-secret-storage/.
A file says itself how much memory and time its password costs, so there are bounds: four times what
geth asks for.

The password and the key are in no frame that raises an error of ours, and no cause of one: a notebook
in its mode for details shows what the variables there hold.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from eth_account import Account
from eth_utils import is_address, to_checksum_address

from kit.arguments import may_be_key
from kit.errors import AccountError

__all__ = ["FILE_MAX", "MEMORY_MAX", "ROUNDS_MAX", "WORK_MAX", "address_in", "key_in", "read"]

#: Bytes of a file; the usual has 500.
FILE_MAX: Final = 16 * 2**10
#: Bytes of memory for scrypt, 128·n·r; geth takes 256 MiB.
MEMORY_MAX: Final = 2**30
#: What scrypt's time goes with, n·r·p; geth has 2^21.
WORK_MAX: Final = 2**23
#: Rounds of PBKDF2; the usual are 10,000 to a million.
ROUNDS_MAX: Final = 4_000_000

_FORM: Final = "a keystore of version 3, as geth and wallets write them"


def read(path: Path) -> dict[str, Any]:
    """Return what a keystore's file says, checked. Raises AccountError."""
    # A key that was passed by mistake is no file's name.
    expected = "a keystore" if may_be_key(str(path)) else f"a keystore at {path}"
    found = _object(path)
    if isinstance(found, str):
        raise AccountError(expected, found, "Check the path.")
    if fault := _fault(found):
        raise AccountError(expected, fault, f"Pass {_FORM}.")
    return found


def address_in(keystore: Mapping[str, Any]) -> str:
    """Return the address that a keystore says it is for, or ""; its key alone proves it."""
    said = keystore.get("address")
    return str(to_checksum_address(said)) if isinstance(said, str) and is_address(said) else ""


def key_in(keystore: Mapping[str, Any], prompt: str) -> bytes | None:
    """Ask for the password and return the key; None for another password. Raises AccountError."""
    found = _decrypted(keystore, prompt)
    if isinstance(found, str):
        fix = "Ask for it where somebody can type, or use kit.people.from_environment(NAME)."
        raise AccountError("a password", found, fix)
    return found


def _decrypted(keystore: Mapping[str, Any], prompt: str) -> bytes | str | None:
    """Return the key; None for another password; a text that says why there is no password."""
    try:
        # Asked for by its module's name: in a notebook that is the kernel's own.
        password = getpass.getpass(prompt)
    except (EOFError, OSError, RuntimeError):
        return "nobody who could type it"
    try:
        return bytes(Account.decrypt(dict(keystore), password))
    except Exception:  # eth-keyfile's own, and Python's for a password that is no text in UTF-8
        return None


def _object(path: Path) -> dict[str, Any] | str:
    """Return the JSON object in a file, or what is there instead."""
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            return "a folder" if path.is_dir() else "what is no file"
        with path.open("rb") as file:
            content = file.read(FILE_MAX + 1)
    except OSError as error:
        return str(error.strerror)
    except ValueError:
        return "a name that no file can have"
    if len(content) > FILE_MAX:
        return f"a file of more than {FILE_MAX // 2**10} KiB"
    try:
        found = json.loads(content, object_pairs_hook=_lowered)
    except (ValueError, RecursionError):
        return "a file that is no JSON"
    return found if isinstance(found, dict) else "JSON that is no object"


def _lowered(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object with its names in small letters: some wallets write ``Crypto``."""
    return {name.lower(): value for name, value in pairs}


def _fault(found: Mapping[str, Any]) -> str:
    """Return what is wrong with a keystore, or ''."""
    crypto = found.get("crypto")
    if found.get("version") != 3 or not isinstance(crypto, dict):
        return "other JSON"
    iv, costs = crypto.get("cipherparams"), crypto.get("kdfparams")
    if crypto.get("cipher") != "aes-128-ctr" or not isinstance(iv, dict):
        return "another cipher than aes-128-ctr"
    if not isinstance(costs, dict):
        return "no costs of its password"
    values = (iv.get("iv"), crypto.get("ciphertext"), crypto.get("mac"), costs.get("salt"))
    if not all(map(_is_hex, values)) or len(crypto["ciphertext"].removeprefix("0x")) != 64:
        return "values that are no hex digits, or too many"
    return _cost_fault(crypto.get("kdf"), costs)


def _cost_fault(kind: Any, costs: Mapping[str, Any]) -> str:
    """Return what is wrong with the costs of a password, or ''."""
    names = {"scrypt": ("n", "r", "p"), "pbkdf2": ("c",)}.get(kind if isinstance(kind, str) else "")
    if not names:
        return "a password that neither scrypt nor PBKDF2 guards"
    given = [costs.get(name) for name in (*names, "dklen")]
    if not all(type(x) is int and 0 < x < 2**32 for x in given) or costs["dklen"] != 32:
        return "costs of a password that are no numbers, or none of theirs"
    if kind == "pbkdf2":
        if costs.get("prf") != "hmac-sha256":
            return "another hash for PBKDF2 than HMAC-SHA-256"
        return _too_much(costs["c"], ROUNDS_MAX, "rounds of PBKDF2")
    n, r, p = costs["n"], costs["r"], costs["p"]
    if n < 2 or n & (n - 1):
        return "an n of scrypt that is no power of two"
    memory = _too_much(128 * n * r // 2**20, MEMORY_MAX // 2**20, "MiB of memory for scrypt")
    return memory or _too_much(n * r * p, WORK_MAX, "for n·r·p of scrypt")


def _too_much(value: int, most: int, what: str) -> str:
    return f"{value:,} {what}, more than {most:,}" if value > most else ""


def _is_hex(value: Any) -> bool:
    digits = value.removeprefix("0x") if isinstance(value, str) else ""
    return bool(digits) and all(c in "0123456789abcdefABCDEF" for c in digits)
