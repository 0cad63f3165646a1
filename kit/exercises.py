"""The lessons' exercises: what is wrong with an answer, the hints, a word when it is right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

__all__ = ["EXERCISES", "Exercise"]


@dataclass(frozen=True)
class Exercise:
    """``wrong(answer)`` returns what to look at, or an empty text if the answer is right."""

    wrong: Callable[[Any], str]
    praise: str
    hints: tuple[str, ...]


def _hex_digits(answer: Any) -> str:
    if answer == 64:
        return ""
    if answer == 32:
        return "That is the number of bytes. How many hex digits does a byte take?"
    return "Count the characters of a hash after its 0x."


EXERCISES: dict[str, Exercise] = {
    "01-hex-digits": Exercise(
        _hex_digits,
        "32 bytes, two digits each.",
        ("A hash has 32 bytes.", "A byte is two hex digits: 00 to ff."),
    ),
}
