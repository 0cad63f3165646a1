"""Where the kit's files are: beside the package in a clone, inside it in an installed kit."""

from __future__ import annotations

from pathlib import Path
from typing import Final

__all__ = ["CONTRACTS", "DATA", "IN_CLONE", "NOTEBOOKS", "ROOT"]

_HERE = Path(__file__).parent

#: Whether the package stands in a clone.
IN_CLONE: Final = (_HERE.parent / "contracts" / "DiaryLog.sol").is_file()

#: The clone, or the folder of the installed package with the same files (see tools/backend.py).
ROOT: Final = _HERE.parent if IN_CLONE else _HERE / "files"

#: The folder of the kit's own contracts.
CONTRACTS: Final = ROOT / "contracts"

#: The folder of the sample data.
DATA: Final = ROOT / "data"

#: The folder of the lessons, solved; the copies without answers are in its folder ``student``.
NOTEBOOKS: Final = ROOT / "notebooks"
