"""The kit's errors: one tree, so that one ``except kit.KitError`` catches whatever the kit refuses.

Each says what was expected, what came, and what to do about it::

    KitError
    ├── RecordError          a record that can't be: text, place, role, time, subject, body
    │   ├── AttachmentError  a file that is missing, too large, or of an unknown kind
    │   └── SignatureError   a signature that the author did not make
    ├── ProofError           a batch that can't be a tree, a leaf that is not in it
    ├── CertificateError     a certificate that breaks the format
    ├── SolidityError        the compiler could not be found or run
    │   └── CompileError     the source did not compile; the message is the compiler's own
    ├── ChainError           what a chain could not do
    │   ├── NodeDown         no node answers there, or it died
    │   └── Reverted         a contract refused, and why
    ├── ArchiveError         a database file that is not ours, too new, damaged, or in use
    ├── WrongChain           an archive and a chain (or contract) that do not belong together
    │   └── FinalityLost     a block that counted as final is no longer on the chain
    ├── NotAllowed           a person without the right to do this
    ├── AccountError         a keystore or a variable that gives no account
    ├── NothingWaiting       publish() with nothing to publish
    ├── DataError            a table that a function can't use
    └── WrongType            an argument of another type than the function takes

In a notebook an error shows its sentence and the line of a cell that led to it; the whole traceback,
with the causes, is one call away: ``kit.errors.last_traceback()``. So it is in IPython. In a script
Python prints it all, as ever. A group of exceptions is printed by Python in a notebook, too.
"""

from __future__ import annotations

import re
import sys
import traceback
from typing import Any

__all__ = [
    "AccountError",
    "ArchiveError",
    "AttachmentError",
    "CertificateError",
    "ChainError",
    "CompileError",
    "DataError",
    "FinalityLost",
    "KitError",
    "NodeDown",
    "NotAllowed",
    "NothingWaiting",
    "ProofError",
    "RecordError",
    "Reverted",
    "SignatureError",
    "SolidityError",
    "WrongChain",
    "WrongType",
    "last_traceback",
]


class KitError(Exception):
    """Whatever the kit refuses.

    >>> print(KitError("a text of 1 to 5,000 characters", "an empty text", "Write something."))
    Expected a text of 1 to 5,000 characters, got an empty text. Write something.
    """

    def __init__(self, expected: str, got: str, todo: str) -> None:
        self.expected, self.got, self.todo = expected, got, todo
        super().__init__(f"Expected {expected}, got {got}. {todo}")

    def __reduce__(self) -> tuple[type[KitError], tuple[str, str, str]]:
        return type(self), (self.expected, self.got, self.todo)

    def _render_traceback_(self) -> list[str]:
        """Give IPython the sentence, which says what to do, and the user's own line, nothing else."""
        return [f"{type(self).__name__}: {self}", *_line_of_a_cell(self)]


def last_traceback() -> None:
    """Print the whole traceback of the last error that was shown, with what caused it.

    For a notebook or IPython, where the kit's own errors show their sentence and a line only.
    Raises KitError if there was none.
    """
    error: BaseException | None = getattr(sys, "last_value", None)
    if error is None:
        raise KitError("an error before this", "none", "Call it after a cell that failed.")
    print("".join(traceback.format_exception(error)), end="")


def _line_of_a_cell(error: BaseException) -> list[str]:
    """Return where in the user's cells an error came from: the innermost line that is in one."""
    ipython: Any = sys.modules.get("IPython")
    shell = ipython and ipython.get_ipython()
    if shell is None:
        return []
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        cell = shell.compile.format_code_name(frame.filename)  # ("Cell", "In[3]") where it is one
        if cell and frame.lineno:
            number = int(re.sub(r"\D", "", cell[1]))
            typed = "".join(shell.history_manager.input_hist_raw[number : number + 1]).splitlines()
            empty = next((n for n, line in enumerate(typed) if line.strip()), 0)
            row = frame.lineno + empty  # IPython drops the first empty lines
            line = frame.line or ""
            if line.startswith("get_ipython()."):  # and puts its own words for a magic
                line = typed[row - 1] if row <= len(typed) else line
            return [f"In cell {number}, line {row}:", f"    {line.strip()}"]
    return []


class RecordError(KitError):
    """A record that can't be."""


class AttachmentError(RecordError):
    """A file that is missing, too large, or of an unknown kind."""


class SignatureError(RecordError):
    """A signature that the author did not make."""


class ProofError(KitError):
    """A batch that can't be a tree, or a leaf that is not in it."""


class CertificateError(KitError):
    """A certificate that breaks the format."""


class SolidityError(KitError):
    """The compiler could not be found or run."""


class CompileError(SolidityError):
    """The source did not compile. ``str()`` of it is what the compiler said: file, line, caret."""

    def __init__(self, message: str) -> None:
        self.message = message
        Exception.__init__(self, message)

    def __reduce__(self) -> tuple[type[KitError], tuple[str]]:  # type: ignore[override]
        return type(self), (self.message,)


class ChainError(KitError):
    """What a chain could not do."""


class NodeDown(ChainError):
    """No node answers there, or it died."""

    #: Whether a node is there, and might answer a smaller question.
    ask_for_less = False


class Reverted(ChainError):
    """A contract refused. ``reason`` is its custom error with its values, as Solidity writes it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        Exception.__init__(self, f"The contract refused: {reason}")

    def __reduce__(self) -> tuple[type[KitError], tuple[str]]:  # type: ignore[override]
        return type(self), (self.reason,)


class ArchiveError(KitError):
    """A database file that is not ours, too new, damaged, or in use."""


class WrongChain(KitError):
    """An archive and a chain (or a contract) that do not belong together."""


class FinalityLost(WrongChain):
    """A block that counted as final is no longer on the chain."""


class NotAllowed(KitError):
    """A person without the right to do this."""


class AccountError(KitError):
    """A keystore, or an environment variable, that gives no account."""


class NothingWaiting(KitError):
    """There is nothing to publish."""


class DataError(KitError):
    """A table that a function can't use."""


class WrongType(KitError):
    """An argument of another type than the function takes."""
