"""How long after its stated time a record was anchored: how good its "when" is."""

from __future__ import annotations

import narwhals as nw
from narwhals.typing import IntoFrameT

from kit.analysis.participation.frames import rows_of, same_kind

__all__ = ["lags"]


def lags(records: IntoFrameT) -> IntoFrameT:
    """Return how long after the time that its author states each entry was anchored.

    Columns: commitment, author, at (UTC, as stated), seconds (from then to its block's time, the
    column ``lag`` of the records); in order of time and commitment. A chain shows that an entry existed
    at its block's time; that it did so before, only its author says. So a time of day or an order of
    two entries is no better than their seconds here. Below 0 the author's clock was fast. Nothing comes
    into memory.
    """
    entries = rows_of(records, "entry", "at", "commitment", "lag").frame
    seconds = nw.col("lag").cast(nw.Float64).alias("seconds")
    return same_kind(
        records, entries.select("commitment", "author", "at", seconds), "at", "commitment"
    )
