"""For lessons about what the chain notices: what the owner of an archive could do behind the diary's back."""

from __future__ import annotations

from kit.arguments import checked
from kit.diary.diary import Diary
from kit.errors import KitError

__all__ = ["tamper"]


@checked("diary", "commitment", "old")
def tamper(diary: Diary, commitment: str, old: str, new: str) -> None:
    """Change a word of a record in the archive, as a dishonest owner could.

    Raises KitError if the record or the word isn't there.
    """
    known = diary.archive.get(commitment)
    if known is None or known.canonical is None or old.encode() not in known.canonical:
        raise KitError(f"a record with {old!r}", "none", "Has it been changed already?")
    diary.archive.replace(commitment, known.canonical.replace(old.encode(), new.encode()))
