"""Cases by place, from a newspaper's bulletin or a diary's own, and how many took part for each."""

from __future__ import annotations

from typing import Any, Literal

import narwhals as nw
import numpy as np
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.distributions import poisson_interval
from kit.analysis.participation.frames import choose, collect, confident, frame, like, rows_of
from kit.arguments import checked
from kit.errors import DataError

__all__ = ["CITIES", "PREFECTURES", "bulletin_totals", "cases", "rates"]

#: The prefectures of Fujian. The first four are the bulletin's.
PREFECTURES = {
    "莆田": "Putian",
    "厦门": "Xiamen",
    "泉州": "Quanzhou",
    "漳州": "Zhangzhou",
    "福州": "Fuzhou",
    "宁德": "Ningde",
    "龙岩": "Longyan",
    "三明": "Sanming",
    "南平": "Nanping",
}
CITIES = tuple(PREFECTURES)[:4]

_FIGURE = ("seq", "figure", "value", "corrected")


def bulletin_totals(bulletin: IntoFrameT) -> IntoFrameT:
    """Return the bulletin's cases by city, added up, beside the totals that were printed.

    Columns: place (in pandas the index), confirmed, asymptomatic, infected (their sum). Rows: the
    four cities, ``sum`` (ours), ``printed`` (theirs). Raises DataError where a figure is missing or
    there twice.
    """
    printed = _printed(bulletin)
    try:
        wide = printed.pivot(index="place", columns="measure", values="value")
        table = wide.loc[list(CITIES), ["confirmed", "asymptomatic"]].copy()
        table.loc["sum"] = table.sum()
        table["infected"] = table["confirmed"] + table["asymptomatic"]
        table.loc["printed"] = wide.loc["四市"]
        table.columns.name = None
        table = table.astype("int64")
    except (KeyError, ValueError) as error:
        got = f"a row that is missing or there twice ({error})"
        fix = "Start from kit.data.bulletin()."
        raise DataError("each city's confirmed and asymptomatic cases, once", got, fix) from error
    return like(bulletin, table.reset_index(), "place")


def cases(records: IntoFrameT, figures: Any) -> IntoFrameT:
    """Return the figure of each place in the newest bulletin of a diary's own, the largest first.

    ``figures`` is what ``kit.audit.bulletins()`` returned. Columns: place (in pandas the index),
    cases (the figure, whatever the bulletin counts), seq (the bulletin's number). A figure counts
    where its name is, letter by letter, a place of an entry that counts or a prefecture of Fujian: a city
    from which nobody wrote has a rate, too. Taken is the last bulletin in the log that names a place
    of an entry and that no other one corrects; no rows where there is none.
    """
    given = collect(frame(figures, *_FIGURE).select(*_FIGURE))
    rows = rows_of(records, "entry", "place").frame.drop_nulls("place")
    here = set(collect(rows.select("place").unique("place"))["place"])
    standing = given[~given["corrected"].astype("bool")]
    matching = standing.loc[standing["figure"].isin(here), "seq"]
    newest = standing[standing["seq"] == (matching.max() if len(matching) else None)]
    named = newest[newest["figure"].isin(here | set(PREFECTURES))]
    table = named.rename(columns={"figure": "place", "value": "cases"})
    table = table.sort_values(["cases", "place"], ascending=[False, True])
    table = table[["place", "cases", "seq"]].astype({"cases": "int64", "seq": "int64"})
    return like(records, table.astype({"place": "str"}), "place")


@checked("of", "confidence")
def rates(
    records: IntoFrameT,
    bulletin: Any,
    of: Literal["entries", "participants"] = "participants",
    confidence: float = 0.95,
) -> IntoFrameT:
    """Return how many took part for each case in the bulletin, a row for each of its places.

    ``bulletin`` is ``kit.data.bulletin()``, or a table with a row a place and the columns place and
    cases, as ``cases()`` returns it. Columns: place (in pandas the index), cases (of the newspaper's
    confirmed and asymptomatic together), the count that was asked for, rate (count / cases, per
    case), low, high. Places that the bulletin does not name are left out; a place without cases has
    no rate.

    The interval is the exact one of a Poisson count k over a known number of cases: from half of
    the chi-square quantile at α/2 with 2k degrees of freedom to half of that at 1 - α/2 with 2k + 2
    (F. Garwood, Fiducial limits for the Poisson distribution, Biometrika 28, 1936). A city with
    none gets the one-sided interval from 0 to -ln α, about 3 at 95 % (J. Hanley, A. Lippman-Hand,
    If nothing goes wrong, is everything all right?, JAMA 249, 1983).

    A Poisson count wants events that don't depend on each other. One person's entries do: the
    interval of ``of="entries"`` is too narrow where few people write much. Cases are not
    inhabitants: the rate compares cities by how hard they were hit, not by size.
    """
    choose(of, "entries", "participants")
    confident(confidence)
    known = _by_place(bulletin)
    rows = rows_of(records, "entry", "place")
    places = list(known.index) or [""]  # Arrow refuses to look into an empty list
    here = rows.frame.filter(nw.col("place").is_in(places)).select("place", "author")
    if of == "participants":
        here = here.unique(["place", "author"])
    counted = collect(here.group_by("place").agg(nw.len().alias(of))).set_index("place")[of]
    table = pd.DataFrame({"cases": known, of: counted.reindex(known.index, fill_value=0)})
    limits = [poisson_interval(count, 1 - confidence) for count in table[of].tolist()]
    low, high = np.array(limits, dtype="float64").reshape(-1, 2).T
    base = table["cases"].where(table["cases"] > 0).astype("float64")  # no cases: no rate
    table["rate"], table["low"], table["high"] = table[of] / base, low / base, high / base
    return like(records, table.rename_axis("place").reset_index(), "place")


def _by_place(bulletin: Any) -> pd.Series:
    """Return the cases of each place, from either kind of bulletin."""
    if isinstance(bulletin, pd.DataFrame) and bulletin.index.name == "place":
        bulletin = bulletin.reset_index()
    if "cases" not in frame(bulletin).collect_schema().names():
        totals = pd.DataFrame(bulletin_totals(collect(frame(bulletin))))
        return totals.loc[list(CITIES), "infected"]
    table = collect(frame(bulletin, "place", "cases").select("place", "cases"))
    number = pd.to_numeric(table["cases"], errors="coerce")
    if table["place"].isna().any() or table["place"].duplicated().any() or not (number >= 0).all():
        got = "a place twice or without a name, or cases below 0 or missing"
        raise DataError("each place once, with its cases", got, "Look at the table's rows.")
    return number.set_axis(table["place"])


def _printed(bulletin: Any) -> pd.DataFrame:
    """Return the rows of cases, in memory: a bulletin is small."""
    rows = frame(bulletin, "measure", "place", "value").select("measure", "place", "value")
    return collect(rows.filter(nw.col("measure").is_in(["confirmed", "asymptomatic", "infected"])))
