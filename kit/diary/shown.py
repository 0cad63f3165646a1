"""Whose content everybody may read: the one answer for records, certificates and exports.

The timeline asks the same of the states that it shows: ``PUBLIC`` of ``kit.core.rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from kit.arguments import checked
from kit.core import PUBLIC, EntryState
from kit.diary.stored import StoredRecord
from kit.errors import RecordError

__all__ = ["HELD_BACK", "held_back"]

#: What ``check`` says of a record whose content is not for everybody. Its leaf has its level all the same.
HELD_BACK: Final = "content held back"

Story = Sequence[StoredRecord]


@checked("stories", "more")
def held_back(
    stories: Mapping[str, Story], more: Callable[[Iterable[str]], Mapping[str, Story]]
) -> set[str]:
    """Return the commitments of those records whose content is not for everybody.

    They are entries that are withdrawn, suspended, rejected or not on the chain yet, and the appeals
    about such entries, which may repeat what they say. ``stories`` are records of any type, each with
    all that is about it, and ``more`` gives the stories of others, as ``Diary.stories`` does: an appeal
    is about a review, and a review about the entry. An entry with moves that the rules don't allow, as
    its archive was changed, is held back, too; one whose suspension is gone from the archive is not.
    """
    appealed = [story[0].subject for story in stories.values() if story[0].type == "appeal"]
    reviews = more(appealed) if appealed else {}
    others = {story[0].subject for story in reviews.values()} - stories.keys()
    entries = [*stories.values(), *(more(others).values() if others else ())]
    found = set[str]()
    for story in entries:
        if story[0].type == "entry" and not _is_public(story):
            appeals = (each for each in story[1:] if each.type == "appeal")
            found |= {story[0].commitment, *(each.commitment for each in appeals)}
    return found


def _is_public(story: Story) -> bool:
    entry, *about = story
    moves = [(each.move, each.author) for each in about]
    # With a leaf it is in a batch. Whether the archive saw that one on the chain is another question.
    published = entry.leaf is not None
    try:
        state = EntryState.of(entry.author, moves, published=published, purged=entry.purged).state
    except RecordError:
        return False
    return state in PUBLIC
