"""An ABI as people have it: a list, its JSON, or the artifact of any tool that holds one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kit.arguments import shown
from kit.chain.solidity import Artifact
from kit.core import DEPTH_MAX, nests_too_deep
from kit.errors import ChainError

__all__ = ["entries"]


def entries(abi: Artifact | Mapping[str, Any] | Sequence[Any] | str) -> list[Mapping[str, Any]]:
    """Return the entries of an ABI, as the Solidity ABI specification describes them.

    ``abi`` is their list; an artifact of the kit, or one of Hardhat or Foundry, which has the list
    under ``abi``; or the JSON of these. Raises ChainError for anything else.
    """
    found: Any = abi
    if isinstance(found, str):
        if nests_too_deep(found):
            raise _no_abi(f"JSON of more than {DEPTH_MAX} levels")
        try:
            found = json.loads(found)
        except ValueError as error:
            raise _no_abi(shown(abi)) from error
    if isinstance(found, Artifact):
        found = found.abi
    elif isinstance(found, Mapping):
        found = found.get("abi")
    if not isinstance(found, Sequence) or isinstance(found, str) or not all(map(_is_entry, found)):
        raise _no_abi(shown(abi))
    return list(found)


def _is_entry(item: Any) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("type"), str)


def _no_abi(got: str) -> ChainError:
    fix = 'Pass its list, its JSON, or an artifact: kit.chain.load_artifact("DiaryLog").'
    return ChainError("the ABI of a contract", got, fix)
