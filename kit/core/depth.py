"""How deep a JSON text nests, asked before a parser sees it.

A parser calls itself once a level. Python stops that in time, but py-evm lifts its guard
(``sys.setrecursionlimit``), and then a text of nothing but ``[`` ends the process.
"""

from __future__ import annotations

import re
from typing import Final

from kit.arguments import checked

__all__ = ["DEPTH_MAX", "nests_too_deep"]

#: The levels that a JSON text may have. The kit's own formats need at most six.
DEPTH_MAX: Final = 12

# Possessive, and content with a text that never ends: else each quote would be tried anew.
_MARK = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


@checked("text")
def nests_too_deep(text: str, levels: int = DEPTH_MAX) -> bool:
    """Return whether a text nests arrays and objects deeper than so many levels, JSON or not.

    >>> nests_too_deep('{"a": ["[[[", {}]}', 3), nests_too_deep('[[[[]]]]', 3)
    (False, True)
    """
    depth = 0
    for mark in _MARK.finditer(text):
        if mark[0] in "[{":
            depth += 1
            if depth > levels:
                return True
        elif mark[0] in "]}":
            depth -= 1
    return False
