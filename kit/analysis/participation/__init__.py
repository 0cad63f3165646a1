"""Who took part: tables from the records that were proved on the chain.

Every function takes the table of ``Diary.records()``, or one with the columns it needs, and counts
only the rows with ``proved``; ``head_count`` says how many rows were left out. A participant is an
author, that is a key: one person can have many, and many people can share one. A day begins at
midnight in Fujian unless another zone is given.

The table may be a pandas, Polars (eager or lazy), Dask or PySpark frame, a DuckDB relation or a
PyArrow table; the result is of the same kind. Rows are counted where they are, by their own engine;
what comes into memory is said in each function. Where a row stands for a time or a place, pandas
has it as the index; elsewhere it is the first column. Times of day are those on the wall, without
a zone. Where something can't be computed the value is missing.

- ``audit`` (of ``kit.audit.auditor``): whether a table of leaves is the whole log, and the head-count
- ``counts``: head_count, hourly, daily, weekly, by_place, by_role, new_and_returning, cumulative,
  weekday_hour, retention
- ``inequality``: lorenz, concentration
- ``timing``: inter_event_times, burstiness
- ``growth``: logistic, bass
- ``witnessing``: witnesses, witness_network, witness_degrees
- ``bulletin``: bulletin_totals, cases, rates
- ``reviewing``: waiting_times, approval, agreement, appeals
- ``wording``: words
- ``likeness``: alike, repeated_texts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.analysis.participation.bulletin import CITIES, PREFECTURES, bulletin_totals, cases, rates
from kit.analysis.participation.burstiness import burstiness, inter_event_times
from kit.analysis.participation.coordination import alike, repeated_texts
from kit.analysis.participation.counts import (
    by_place,
    by_role,
    cumulative,
    daily,
    head_count,
    hourly,
    new_and_returning,
    retention,
    weekday_hour,
    weekly,
)
from kit.analysis.participation.frames import ZONE
from kit.analysis.participation.growth import Growth, bass, logistic
from kit.analysis.participation.inequality import concentration, lorenz
from kit.analysis.participation.moderation import agreement, appeals, approval, waiting_times
from kit.analysis.participation.witnesses import witness_degrees, witness_network, witnesses
from kit.analysis.participation.words import words

if TYPE_CHECKING:
    from kit.audit import audit

__all__ = [
    "CITIES",
    "PREFECTURES",
    "ZONE",
    "Growth",
    "agreement",
    "alike",
    "appeals",
    "approval",
    "audit",
    "bass",
    "bulletin_totals",
    "burstiness",
    "by_place",
    "by_role",
    "cases",
    "concentration",
    "cumulative",
    "daily",
    "head_count",
    "hourly",
    "inter_event_times",
    "logistic",
    "lorenz",
    "new_and_returning",
    "rates",
    "repeated_texts",
    "retention",
    "waiting_times",
    "weekday_hour",
    "weekly",
    "witness_degrees",
    "witness_network",
    "witnesses",
    "words",
]


def __getattr__(name: str) -> Any:
    if name == "audit":  # it asks a chain: not for those who have a table already
        from kit.audit import audit

        return audit
    raise AttributeError(f"module 'kit.participation' has no attribute {name!r}")
