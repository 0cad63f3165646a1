"""Accounts that behave like one person: near-duplicate texts, and entries in the same minutes.

Neither is a proof. People copy a slogan, fill in the same form, react to the same news, and share a
phone. What comes out is a list of questions for somebody to look into, not a verdict; and whoever
uses many keys with care is not in it.

Authors, times and texts come into memory: 33,000 entries take a few seconds.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from narwhals.typing import IntoFrameT

from kit.analysis.participation.distributions import poisson_tail
from kit.analysis.participation.frames import collect, like, rows_of, utc

__all__ = ["alike", "repeated_texts"]

Integers = npt.NDArray[np.uint64]

_SHINGLE = 3  # characters; a character has 21 bits, so three are one number of 63
_SHORTEST = 12  # characters: shorter texts are alike by chance
_SIMILAR = 0.7  # Jaccard similarity of two texts from here on: near-duplicates
_BANDS, _ROWS = 16, 4  # two texts of similarity 0.7 become candidates 99 times of 100
_CROWD = 10  # a text that more accounts wrote is a slogan, and no sign of one person
_MINUTES = 3  # minutes that two accounts must share before we ask
_RUSH = 200  # accounts in one minute: everybody was there
_CHANCE = 0.01  # of one wrong question about shared minutes in the whole table

_TEXTS = "The same person, a copied text, or one form that both filled in?"
_TIMES = "The same person, a program, or two who were always there together?"


def alike(records: IntoFrameT) -> IntoFrameT:
    """Return pairs of accounts about which to ask whether they are one person: no verdict.

    Columns: author, other, similar_texts (texts of the one that have a near-duplicate by the
    other), similarity (of the most similar two, 0 to 1), shared_minutes (in which both wrote),
    expected (such minutes by chance), chance (of as many or more), question (what to ask).

    Texts: the Jaccard similarity of their sets of three characters in a row, |A ∩ B| / |A ∪ B|,
    after taking away case, spaces and punctuation; 0.7 or more in texts of twelve characters or
    more. MinHash and banding find the candidates without comparing all with all (A. Broder, On the
    resemblance and containment of documents, 1997; J. Leskovec, A. Rajaraman, J. Ullman, Mining of
    Massive Datasets, 3rd edition, 2020, chapter 3). What more than ten accounts wrote is left out:
    see ``repeated_texts``.

    Timing: of two accounts with a and b minutes each, were they independent, Poisson with mean
    a b Σ wₘ² minutes would be shared, where wₘ is minute m's part of the whole diary's. Pairs are
    named from three shared minutes on, where the chance times the number of pairs (Bonferroni) is
    at most 0.01. The idea of coordinated traces is that of D. Pacheco and others, Uncovering
    coordinated networks on social media, ICWSM 15, 2021. Two people who only write at night share
    more minutes than that, honestly.
    """
    table = _entries(records)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for pair, similar, best in _text_pairs(table):
        rows[pair] = {"similar_texts": similar, "similarity": best}
    for pair, shared, expected, chance in _time_pairs(table):
        said = {"shared_minutes": shared, "expected": expected, "chance": chance}
        rows.setdefault(pair, {}).update(said)
    columns = ["similar_texts", "similarity", "shared_minutes", "expected", "chance"]
    found = pd.DataFrame(
        [(*pair, *(said.get(name) for name in columns)) for pair, said in rows.items()],
        columns=["author", "other", *columns],
    ).astype(dict.fromkeys(columns, "float64"))
    found[["similar_texts", "shared_minutes"]] = (
        found[["similar_texts", "shared_minutes"]].fillna(0).astype("int64")
    )
    found["question"] = [
        " ".join([_TEXTS] * bool(texts) + [_TIMES] * bool(minutes))
        for texts, minutes in zip(found["similar_texts"], found["shared_minutes"], strict=True)
    ]
    found = found.astype({"author": "str", "other": "str", "question": "str"})
    order = ["similar_texts", "shared_minutes", "author", "other"]
    return like(records, found.sort_values(order, ascending=[False, False, True, True]))


def repeated_texts(records: IntoFrameT) -> IntoFrameT:
    """Return texts that were written more than once, near-duplicates together.

    Columns: text (the first of them), entries, participants, first, last (UTC); the most
    participants first. What is alike is as in ``alike``; a text belongs to a group if it is like
    any one in it, so the ends of a large group may be rather different.
    """
    table = _entries(records)
    texts = _Texts(table["text"])
    table["group"] = pd.Series(texts.groups(), dtype="float64").reindex(table.index)
    groups = table.dropna(subset="group").groupby("group")
    found = groups.agg(
        text=("text", "first"),
        entries=("text", "size"),
        participants=("author", "nunique"),
        first=("at", "min"),
        last=("at", "max"),
    )
    found = found[found["entries"] > 1].astype({"text": "str"})
    order = ["participants", "entries", "first", "text"]
    return like(records, found.sort_values(order, ascending=[False, False, True, True]))


def _entries(records: Any) -> pd.DataFrame:
    """Return author, second, at, text in an order that no engine changes."""
    rows = rows_of(records, "entry", "at", "text").frame
    table = collect(rows.select("author", "second", "text"))
    table = table.sort_values(["second", "author", "text"], ignore_index=True)
    table["at"] = utc(table["second"])
    return table


# --- texts -------------------------------------------------------------------------------------------


class _Texts:
    """The different texts, folded, each with its rows and its set of shingles."""

    def __init__(self, texts: Iterable[str | None]) -> None:
        self.rows: dict[str, list[int]] = defaultdict(list)
        for row, text in enumerate(texts):
            folded = _fold(text) if isinstance(text, str) else ""
            if len(folded) >= _SHORTEST:
                self.rows[folded].append(row)
        self.shingles = [_shingles(text) for text in self.rows]

    def groups(self) -> dict[int, int]:
        """Return the group of each row: joined step by step, each text with one that is like it."""
        above = list(range(len(self.shingles)))

        def top(text: int) -> int:
            while above[text] != text:
                above[text] = above[above[text]]
                text = above[text]
            return text

        for one, other in _candidates(self.shingles):
            low, high = sorted((top(one), top(other)))
            if low != high and _jaccard(self.shingles[one], self.shingles[other]) >= _SIMILAR:
                above[high] = low
        return {row: top(n) for n, rows in enumerate(self.rows.values()) for row in rows}


def _fold(text: str) -> str:
    """Return a text without what may differ in a copy: case, spaces, punctuation, width.

    >>> _fold("排队 40 分钟，Thank you!")
    '排队40分钟thankyou'
    """
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def _shingles(text: str) -> Integers:
    """Return the set of three characters in a row, each as one number, sorted."""
    codes = np.frombuffer(text.encode("utf-32-le"), dtype="<u4").astype("uint64")
    high, middle, low = (codes[i : len(codes) - _SHINGLE + 1 + i] for i in range(_SHINGLE))
    return np.unique((high << np.uint64(42)) | (middle << np.uint64(21)) | low)


def _jaccard(one: Integers, other: Integers) -> float:
    """Return the Jaccard similarity of two sets.

    >>> _jaccard(_shingles("abcde"), _shingles("abcdx"))
    0.5
    """
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


def _signatures(shingles: list[Integers]) -> Integers:
    """Return the MinHash signature of each set: the least of its numbers under 64 hash functions.

    A function is to multiply by an odd number, add, and keep the upper half of the 64 bits (M.
    Dietzfelbinger and others, Journal of Algorithms 25, 1997).
    """
    random = np.random.default_rng(1997)
    odd, plus = random.integers(0, 2**63, size=(2, _BANDS * _ROWS), dtype="uint64")
    flat = np.concatenate(shingles)
    begin = np.cumsum([0, *(len(each) for each in shingles[:-1])])
    hashed = [
        np.minimum.reduceat((flat * (2 * a + 1) + b) >> np.uint64(32), begin)
        for a, b in zip(odd, plus, strict=True)
    ]
    return np.stack(hashed, axis=1)


def _candidates(shingles: list[Integers]) -> Iterator[tuple[int, int]]:
    """Yield pairs of texts whose signatures agree in one band, each with the next of its bucket."""
    if len(shingles) < 2:
        return
    bands = _signatures(shingles).reshape(len(shingles), _BANDS, _ROWS)
    seen: set[tuple[int, int]] = set()
    for band in range(_BANDS):
        last: dict[bytes, int] = {}
        for text, key in enumerate(bands[:, band]):
            before = last.get(key.tobytes())
            last[key.tobytes()] = text
            if before is not None and (before, text) not in seen:
                seen.add((before, text))
                yield before, text


def _text_pairs(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], int, float]]:
    """Yield pairs of accounts, the near-duplicates between them, and the highest similarity."""
    texts, authors = _Texts(table["text"]), table["author"].tolist()
    number = {row: n for n, rows in enumerate(texts.rows.values()) for row in rows}
    groups: dict[int, list[int]] = defaultdict(list)
    for row, group in texts.groups().items():
        groups[group].append(row)
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for rows in groups.values():
        if not 1 < len({authors[row] for row in rows}) <= _CROWD:
            continue
        once = list({(authors[row], number[row]): row for row in rows}.values())
        for row, other in combinations(once, 2):
            pair = tuple(sorted((authors[row], authors[other])))
            like_each = _jaccard(texts.shingles[number[row]], texts.shingles[number[other]])
            if pair[0] != pair[1] and like_each >= _SIMILAR:
                mine = number[row if authors[row] == pair[0] else other]
                best = found[pair[0], pair[1]]
                best[mine] = max(best.get(mine, 0), like_each)
    for accounts, best in found.items():
        yield accounts, len(best), max(best.values())


# --- times -------------------------------------------------------------------------------------------


def _time_pairs(table: pd.DataFrame) -> Iterator[tuple[tuple[str, str], int, float, float]]:
    """Yield pairs of accounts that share more minutes than chance explains."""
    minutes = pd.DataFrame({"author": table["author"], "minute": table["second"] // 60})
    minutes = minutes.drop_duplicates()
    often = minutes["author"].value_counts()
    often = often[often >= _MINUTES]
    shared: dict[tuple[str, str], int] = defaultdict(int)
    regular = minutes[minutes["author"].isin(often.index)].sort_values(["minute", "author"])
    for _, there in regular.groupby("minute")["author"]:
        if 1 < len(there) <= _RUSH:
            for pair in combinations(there, 2):
                shared[pair] += 1
    weight = minutes["minute"].value_counts(normalize=True)
    together = float((weight**2).sum())
    pairs = len(often) * (len(often) - 1) / 2
    for (one, other), number in shared.items():
        if number < _MINUTES:
            continue
        expected = float(often[one] * often[other]) * together
        chance = poisson_tail(number, expected)
        if chance * pairs <= _CHANCE:
            yield (one, other), number, expected, chance
