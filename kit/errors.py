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
    ├── NotAllowed           a person without the right to do this
    ├── NothingWaiting       publish() with nothing to publish
    └── DataError            a table that a function can't use
"""

from __future__ import annotations

__all__ = [
    "ArchiveError",
    "AttachmentError",
    "CertificateError",
    "ChainError",
    "CompileError",
    "DataError",
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
        """Give IPython the message alone: it says what to do, a traceback through the kit doesn't."""
        return [f"{type(self).__name__}: {self}"]


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


class NotAllowed(KitError):
    """A person without the right to do this."""


class NothingWaiting(KitError):
    """There is nothing to publish."""


class DataError(KitError):
    """A table that a function can't use."""
