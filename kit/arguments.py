"""Arguments of another type than a function takes: refused where they enter, by one of our errors.

``checked`` reads a function's own annotations: what is checked is what its signature says.
Classes are known by their names: nothing is imported to check, and a large package only named in
an annotation stays unloaded. What is inside a list or a table is its function's own to check.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, wraps
from numbers import Integral, Real
from typing import Any, Final, Literal, ParamSpec, TypeVar, get_origin

from kit.errors import WrongType

__all__ = ["checked", "may_be_key", "shown"]

P = ParamSpec("P")
R = TypeVar("R")

#: What an annotation's name takes, where that is more than classes of this name.
_MORE: Final[Mapping[str, Any]] = {
    "Callable": Callable,
    "float": Real,
    "int": Integral,
    "Iterable": Iterable,
    "Mapping": Mapping,
    "Sequence": Sequence,
}
_WORDS: Final = {
    "BaseAccount": "an account with a key, say kit.people.alice",
    "bool": "True or False",
    "bytes": "bytes",
    "Callable": "a function",
    "date": "a date",
    "datetime": "a datetime",
    "float": "a number",
    "int": "a whole number",
    "IntoFrame": "a table",
    "IntoFrameT": "a table",
    "Iterable": "a list",
    "Log": "a log, say diary.log or kit.log.at(chain, ADDRESS),",
    "Mapping": "a dict",
    "None": "None",
    "Path": "a path",
    "Sequence": "a list",
    "str": "a text",
}
#: Whole things that could be gone through, too, a letter or a column at a time, which nobody means.
_WHOLE: Final = {"str", "bytes", "DataFrame"}
#: The tables that Narwhals knows.
_FRAMES: Final = {"DataFrame", "LazyFrame", "DuckDBPyRelation", "Table"}
_KEY: Final = re.compile(r"[0-9a-fA-F]{64}")


def checked(*names: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that checks the arguments of these names against their annotations.

    The function raises WrongType for an argument of another type, before it does anything.

    >>> @checked("number")
    ... def half(number: int) -> int:
    ...     return number // 2
    >>> half(6)
    3
    >>> half("6")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    kit.errors.WrongType: Expected a whole number as number, got '6'. See help(...half).
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        parameters = inspect.signature(function).parameters
        by_place = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        places = {name: place for place, name in enumerate(by_place)}
        types = _types(function)
        takes = [(places.get(name, sys.maxsize), name, types[name]) for name in names]

        @wraps(function)
        def check(*args: P.args, **kwargs: P.kwargs) -> R:
            for place, name, kinds in takes:
                if place < len(args):
                    value: Any = args[place]
                elif name in kwargs:
                    value = kwargs[name]
                else:  # its default; or it is missing, which Python says
                    continue
                kind: Any = type(value)
                if not _fits(kind, kinds):
                    raise _wrong(function, name, kinds, value)
            return function(*args, **kwargs)

        return check

    return decorate


def _types(function: Callable[..., Any]) -> dict[str, tuple[str, ...]]:
    """Return the names of the types that each argument may have: of ``A | B[…] | None`` three."""
    found = {}
    for name, annotation in inspect.get_annotations(function).items():
        bare = re.sub(r"\[.*?\](?=$| *\|)", "", str(annotation))
        kinds = [kind.strip().rpartition(".")[2] for kind in bare.split("|")]
        # One of some words is a text, whatever they are; the function itself refuses others.
        found[name] = tuple("str" if _is_literal(function, kind) else kind for kind in kinds)
    return found


def _is_literal(function: Callable[..., Any], kind: str) -> bool:
    named = getattr(function, "__globals__", {}).get(kind)
    return kind == "Literal" or get_origin(named) is Literal


@lru_cache(maxsize=4096)
def _fits(kind: Any, kinds: tuple[str, ...]) -> bool:
    """Return whether a value of this class is of one of the types."""
    classes = {base.__name__ for base in kind.__mro__}
    for name in kinds:
        if name in ("int", "float") and issubclass(kind, bool):
            continue
        if name in ("Iterable", "Sequence") and classes & _WHOLE:
            continue
        if name in classes or (name == "None" and kind is type(None)):
            return True
        if (
            classes & _FRAMES
            if name.startswith("IntoFrame")
            else issubclass(kind, _MORE.get(name, ()))
        ):
            return True
    return False


def _wrong(function: Any, name: str, kinds: tuple[str, ...], value: object) -> WrongType:
    words = dict.fromkeys(_WORDS.get(kind) or _a(kind) for kind in kinds)
    fix = f"See help({function.__module__}.{function.__qualname__})."
    return WrongType(f"{' or '.join(words)} as {name}", shown(value), fix)


def may_be_key(value: object) -> bool:
    """Return whether a value could be a private key: 32 bytes, in any form in which people write them.

    A hash looks the same; an address is shorter.
    """
    if isinstance(value, str):
        return bool(_KEY.search(value))
    if isinstance(value, int):
        return abs(value) >= 2**64
    if isinstance(value, list | tuple):
        return any(may_be_key(each) for each in value if not isinstance(each, list | tuple))
    return isinstance(value, bytes | bytearray) and len(value) >= 32


def shown(value: object) -> str:
    """Return how an error names what came: itself where that is short, else what it is.

    What could be a private key is never shown.

    >>> shown("Xiamen"), shown(7), shown(None), shown({}), shown("0x" + 64 * "5")
    ("'Xiamen'", '7', 'None', 'a dict', 'a text of 66 characters')
    """
    if isinstance(value, str):
        short = len(value) <= 60 and not may_be_key(value)
        return repr(value) if short else f"a text of {len(value):,} characters"
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    if value is None or isinstance(value, int | float):
        return "a number of more than 64 bits" if may_be_key(value) else str(value)
    return _a(type(value).__name__)


def _a(name: str) -> str:
    return f"{'an' if name[0] in 'AEIOUaeiou' else 'a'} {name}"
