"""Inclusion proofs of an archive's records: for what is in the log's batches, and for nothing else."""

from __future__ import annotations

from contextlib import closing

import pytest

import kit
from kit import people
from kit.errors import RecordError

ALICE, MODERATOR = people.alice, people.moderator


def test_a_batch_that_was_written_down_and_did_not_land() -> None:
    """The window of a crash: the archive has leaves with numbers that the log doesn't have yet."""
    with closing(kit.Diary.open(kit.chain.embedded())) as diary:
        first = diary.post(ALICE, "十人一桌", place="泉州")
        diary.review(first, by=MODERATOR, approve=True)
        diary.publish()
        second = diary.post(ALICE, "十人一组", place="泉州")
        review = diary.review(second, by=MODERATOR, approve=True)
        count = diary.log.record_count()
        diary.outbox.plan(diary.archive.ready(count, 1024))

        (stored, *_) = diary.stories([second])[second.commitment]
        assert (stored.leaf is not None, stored.published) == (True, False)
        for line in diary.trace(second).lines:
            assert (line.seq, line.batch, line.proof) == (None, None, "not on the chain yet")
        for waiting in (second, review):
            with pytest.raises(RecordError, match="Expected a published record of this diary"):
                diary.certificate(waiting)
        assert [line.proof for line in diary.trace(first).lines] == ["proved"] * 2

        batch = diary.publish()  # what was written down is sent
        assert (batch.first_seq, batch.count) == (count, 2)
        assert [line.proof for line in diary.trace(second).lines] == ["proved"] * 2
