"""How entries were reviewed: how long they waited, who approved how many, do moderators agree.

A first decision is ``approve`` or ``reject``; ``suspend`` and ``reinstate`` come later. Only what is
proved counts. The log has the review of a rejected entry, but not the entry.
"""

from __future__ import annotations

from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.distributions import normal_width
from kit.analysis.participation.frames import collect, confident, like, rows_of, same_kind, utc
from kit.arguments import checked

__all__ = ["agreement", "appeals", "approval", "waiting_times"]

_FIRST = ["approve", "reject"]
_OPEN = ["approve", "reinstate"]  # the entry can be read; after reject and suspend it can't


def waiting_times(records: IntoFrameT) -> IntoFrameT:
    """Return how long each entry waited for its first decision, in order of time and commitment.

    Columns: commitment, author, at, decided (UTC, the first approve or reject), seconds (between
    them). Both are missing where no decision is in the table: leave such entries in when you say
    how long people wait, for they still do. Rejected entries are not published, so the table has
    none of them. Nothing comes into memory.
    """
    entries = rows_of(records, "entry", "at", "commitment").frame
    first = _reviews(records).filter(nw.col("decision").is_in(_FIRST)).group_by("subject")
    times = first.agg(nw.col("at").min().alias("decided"), nw.col("second").min().alias("then"))
    waited = entries.join(times, left_on="commitment", right_on="subject", how="left")
    seconds = (nw.col("then") - nw.col("second")).cast(nw.Float64).alias("seconds")
    found = waited.select("commitment", "author", "at", "decided", seconds)
    return same_kind(records, found, "at", "commitment")


@checked("confidence")
def approval(records: IntoFrameT, confidence: float = 0.95) -> IntoFrameT:
    """Return how many first decisions of each moderator were approvals.

    Columns: moderator, decisions, approved, rate (approved / decisions), low, high; the most
    decisions first. The interval is Wilson's score interval (E. Wilson, Probable inference, the law
    of succession, and statistical inference, JASA 22, 1927), which also holds for few decisions.
    Moderators don't get the same entries: a low rate is no sign of a strict moderator.
    """
    confident(confidence)
    reviews = _reviews(records).filter(nw.col("decision").is_in(_FIRST))
    each = reviews.with_columns((nw.col("decision") == "approve").cast(nw.Int64).alias("yes"))
    table = collect(
        each.group_by("author")
        .agg(nw.len().alias("decisions"), nw.col("yes").sum().alias("approved"))
        .with_columns(nw.col("approved").cast(nw.Int64))
    ).rename(columns={"author": "moderator"})
    table["rate"] = table["approved"] / table["decisions"]
    table["low"], table["high"] = _wilson(table["rate"], table["decisions"], confidence)
    return like(records, table.sort_values(["decisions", "moderator"], ascending=[False, True]))


def agreement(records: IntoFrameT) -> IntoFrameT:
    """Return how far two moderators who decided about the same entries agree, a row a pair.

    Columns: moderator, other, entries (that both decided), agreed (share of them), kappa. What
    counts is each one's first decision about an entry, and whether it can be read after it: approve
    and reinstate, or reject and suspend. Only the decisions on such entries come into memory.

    Kappa is (p - e) / (1 - e), with p the share agreed and e the share to be expected had each
    decided at random, as often yes as they did (J. Cohen, A coefficient of agreement for nominal
    scales, Educational and Psychological Measurement 20, 1960). There is none where e is 1. A second
    decision is seldom independent: it may follow an appeal, and its moderator may know the first.
    """
    reviews = _reviews(records)
    once = reviews.select("subject", "author").unique(["subject", "author"])
    many = once.group_by("subject").agg(nw.len().alias("moderators"))
    shared = reviews.join(many.filter(nw.col("moderators") > 1), on="subject", how="inner")
    table = collect(shared.select("subject", "author", "decision", "second", "commitment"))
    # Two decisions in the same second: the commitment decides, the same in every engine.
    table = table.sort_values(["second", "commitment"]).drop_duplicates(["subject", "author"])
    table = table.assign(yes=table["decision"].isin(_OPEN))[["subject", "author", "yes"]]
    both = table.merge(table, on="subject", suffixes=("", "_other"))
    both = both[both["author"] < both["author_other"]]
    rows = [
        (*pair, len(group), *_kappa(group["yes"], group["yes_other"]))
        for pair, group in both.groupby(["author", "author_other"])
    ]
    found = pd.DataFrame(rows, columns=["moderator", "other", "entries", "agreed", "kappa"])
    types = {"moderator": "str", "other": "str", "entries": "int64"}
    return like(records, found.astype(types | {"agreed": "float64", "kappa": "float64"}))


def appeals(records: IntoFrameT) -> IntoFrameT:
    """Return what became of each appeal, in order of time and commitment.

    Columns: commitment (of the appeal), author, at, entry (its commitment), appealed (the decision),
    then (the next decision about that entry after the appeal, if any), upheld: ``yes`` if the entry
    stays as readable as it was decided, ``no`` if not, ``open`` while there is none. The share
    upheld is ``(table["upheld"] == "yes").sum() / (table["upheld"] != "open").sum()``. The appeals
    and the reviews of their entries come into memory.
    """
    said = rows_of(records, "appeal", "at", "subject", "commitment").frame
    reviews = _reviews(records)
    of = reviews.select("commitment", nw.col("subject").alias("entry"), "decision")
    joined = said.join(of, left_on="subject", right_on="commitment", how="inner")
    table = collect(joined.select("commitment", "author", "second", "entry", "decision"))
    later = reviews.join(
        joined.select("entry").unique("entry"), left_on="subject", right_on="entry"
    )
    answers = collect(later.select("subject", "decision", "second", "commitment"))
    answers = answers.sort_values(["second", "commitment"], ignore_index=True)
    then = [_answer(answers, row) for row in table.itertuples()]
    table["then"] = then
    table["upheld"] = [_upheld(*both) for both in zip(table["decision"], then, strict=True)]
    table["at"] = utc(table["second"])
    table = table.rename(columns={"decision": "appealed"}).sort_values(["at", "commitment"])
    names = ["commitment", "author", "at", "entry", "appealed", "then", "upheld"]
    texts = dict.fromkeys([name for name in names if name != "at"], "str")
    return like(records, table[names].astype(texts))


def _reviews(records: Any) -> nw.LazyFrame[Any]:
    return rows_of(records, "review", "at", "subject", "commitment", "decision").frame


def _wilson(rate: pd.Series, n: pd.Series, confidence: float) -> tuple[pd.Series, pd.Series]:
    z = normal_width(confidence)
    middle = (rate + z**2 / (2 * n)) / (1 + z**2 / n)
    wide = z / (1 + z**2 / n) * np.sqrt(rate * (1 - rate) / n + z**2 / (4 * n**2))
    return (middle - wide).clip(lower=0), (middle + wide).clip(upper=1)


def _kappa(one: pd.Series, other: pd.Series) -> tuple[float, float]:
    """Return the share agreed, and Cohen's kappa.

    >>> _kappa(pd.Series([True, True, False, False]), pd.Series([True, False, False, False]))
    (0.75, 0.5)
    """
    agreed = float((one == other).mean())
    chance = float(one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean()))
    return agreed, (agreed - chance) / (1 - chance) if chance < 1 else np.nan


def _answer(answers: pd.DataFrame, appeal: Any) -> str | None:
    about = answers[(answers["subject"] == appeal.entry) & (answers["second"] > appeal.second)]
    return None if about.empty else str(about["decision"].iloc[0])


def _upheld(appealed: str, then: str | None) -> str:
    if then is None:
        return "open"
    return "yes" if (appealed in _OPEN) == (then in _OPEN) else "no"
