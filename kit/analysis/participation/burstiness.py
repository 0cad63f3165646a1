"""How evenly in time: the times between entries, burstiness and memory.

Both need the times in order, which not every engine can do: two columns, author (or place) and
second, come into memory.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.frames import choose, collect, like, rows_of, utc
from kit.arguments import checked

__all__ = ["burstiness", "inter_event_times"]

Of = Literal["diary", "author", "place", "role"]


@checked("of")
def inter_event_times(records: IntoFrameT, of: Of = "author") -> IntoFrameT:
    """Return the seconds between an entry and the next, by author, place or role, or in the diary.

    Columns: author (or place, or role; the diary has no such column), at (UTC, of the later entry),
    seconds. The first entry of each has no row. Entries in the same second are 0 seconds apart.
    """
    gaps = _gaps(records, of).dropna(subset="seconds")
    gaps["at"] = utc(gaps["second"])
    gaps["seconds"] = gaps["seconds"].astype("int64")
    return like(records, gaps[[*_names(of), "at", "seconds"]])


@checked("of")
def burstiness(records: IntoFrameT, of: Of = "diary") -> IntoFrameT:
    """Return how bursty the entries come, in the diary, or for each author, place or role.

    Columns: author (or place, or role; the diary has no such column), entries, mean (seconds
    between entries), burstiness, memory.

    Of the times τ between entries with mean m and standard deviation σ (of these times, divided by
    their number), the burstiness is B = (σ - m) / (σ + m): -1 for a clock, 0 for a Poisson process,
    towards 1 for bursts. The memory M is the correlation of each τ with the next: above 0 where
    short times follow short ones. (K.-I. Goh, A.-L. Barabási, Burstiness and memory in complex
    systems, EPL 81, 2008.)

    Few entries can't be very bursty: with n times B stays below (√(n-1) - 1) / (√(n-1) + 1), so
    compare only those with many entries (E.-K. Kim, H.-H. Jo, Physical Review E 94, 2016). B needs
    two times (three entries) that are not all 0, M three that vary; else there is none.
    """
    gaps = _gaps(records, of)
    groups = gaps.groupby(_names(of)) if _names(of) else [((), gaps)] if len(gaps) else []
    rows = [(*name, *_measure(group["seconds"])) for name, group in groups]
    columns = [*_names(of), "entries", "mean", "burstiness", "memory"]
    types = dict.fromkeys(_names(of), "str") | {"entries": "int64"}
    types |= dict.fromkeys(columns[-3:], "float64")
    return like(records, pd.DataFrame(rows, columns=columns).astype(types))


def _names(of: Of) -> list[str]:
    return [] if of == "diary" else [of]


def _gaps(records: Any, of: Of) -> pd.DataFrame:
    """Return every entry in order, with the seconds since the one before (none for the first)."""
    choose(of, "diary", "author", "place", "role")
    names = _names(of)
    rows = rows_of(records, "entry", "at", *names)
    table = collect(rows.frame.select(*names, "second")).dropna()
    table = table.sort_values([*names, "second"], ignore_index=True)
    apart = table.groupby(names)["second"].diff() if names else table["second"].diff()
    return table.assign(seconds=apart)


def _measure(seconds: pd.Series) -> tuple[int, float, float, float]:
    times = seconds.dropna().to_numpy("float64")
    mean = float(times.mean()) if len(times) else np.nan
    return len(times) + 1, mean, _burstiness(times), _memory(times)


def _burstiness(times: npt.NDArray[np.float64]) -> float:
    """Return B of the times between events.

    >>> _burstiness(np.array([60.0, 60.0, 60.0]))
    -1.0
    """
    if len(times) < 2 or not times.any():
        return np.nan
    return float((times.std() - times.mean()) / (times.std() + times.mean()))


def _memory(times: npt.NDArray[np.float64]) -> float:
    before, after = times[:-1], times[1:]
    if len(before) < 2 or np.ptp(before) == 0 or np.ptp(after) == 0:
        return np.nan
    together = ((before - before.mean()) * (after - after.mean())).mean()
    return float(together / (before.std() * after.std()))
