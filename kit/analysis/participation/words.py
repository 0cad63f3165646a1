"""The words that people wrote, by day or place: Chinese cut into words by rjieba, English as it is.

Texts, their authors and their days or places come into memory.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Literal

import narwhals as nw
from narwhals.typing import IntoFrameT

from kit.analysis.participation.frames import (
    ZONE,
    choose,
    collect,
    like,
    periods,
    rows_of,
    starts,
)
from kit.arguments import checked

__all__ = ["words"]

#: Words that stand in every text and tell nothing about it.
_CHINESE = """
的 了 是 在 我 你 您 他 她 它 我们 你们 他们 她们 咱们 自己 大家 这 那 这个 那个 这些 那些 这里 那里 这样 那样
哪 谁 什么 怎么 怎样 为什么 多少 几 一 一个 一些 一点 有 没 没有 不 不是 也 都 就 才 又 再 还 还是 只 很 太 最
更 和 与 跟 同 或 或者 但 但是 可是 而 而且 因为 所以 如果 虽然 然后 把 被 给 让 叫 对 对于 从 到 向 往 比 为
为了 以 于 之 着 过 得 地 吗 呢 吧 啊 呀 哦 嗯 上 下 里 中 来 去 出来 起来 能 会 要 可以 应该 说 个 等
"""
_ENGLISH = """
a about after again all also am an and any are as at be because been before being both but by can could did
do does doing down during each even every few for from further get got had has have having he her here
hers him his how i if in into is it its just me more most my no nor not now of off on once only or other our
out over own same she should so some still such than that the their them then there these they this those
through to too under until up us very was we were what when where which while who whom why will with would
you your i'm i've it's don't didn't isn't can't won't that's
"""
_STOP = frozenset(_CHINESE.split()) | frozenset(_ENGLISH.split())

# Han characters in a row, or letters in a row with ' or - between them; no digits.
_RUN = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff々〇]+|[^\W\d_]+(?:['’-][^\W\d_]+)*")


@checked("by")
def words(
    records: IntoFrameT, by: Literal["day", "place"] | None = None, zone: str = ZONE
) -> IntoFrameT:
    """Return the words of the entries, of all or by day or place, the most common first.

    Columns: day or place (if asked for), word, entries (how many have it), participants (how many
    wrote one of them). A word that comes twice in an entry counts once, so that nobody makes a word
    common alone. Stop words (的, the) and numbers are left out, English is in small letters.
    Entries whose text is held back are left out.

    Chinese is cut by rjieba (https://github.com/messense/rjieba-py): the most probable path through
    jieba's dictionary, and a hidden Markov model for words that are not in it (J. Sun,
    https://github.com/fxsjy/jieba). It errs with names and dialect, so look at a word's entries
    before you say something about it. Counting entries and not occurrences is document
    frequency (C. Manning, P. Raghavan, H. Schütze, Introduction to Information Retrieval, 2008,
    section 6.2).
    """
    choose(by, "day", "place", None)
    asked = ["text"] + (["at"] if by == "day" else ["place"] if by == "place" else [])
    rows = rows_of(records, "entry", *asked)
    whole = periods(rows, "day", zone) if by == "day" else rows.frame
    names = [by] if by else []
    table = collect(whole.filter(~nw.col("text").is_null()).select("author", "text", *names))
    if by == "day":
        table["day"] = starts(table["day"], "day")
    table["word"] = [list(dict.fromkeys(_cut(text))) for text in table["text"]]
    each = table.explode("word").dropna(subset="word").astype({"word": "str"})
    counted = each.groupby([*names, "word"]).agg(
        entries=("author", "size"), participants=("author", "nunique")
    )
    order = [*names, "entries", "participants", "word"]
    rising = [*(True for _ in names), False, False, True]
    return like(records, counted.reset_index().sort_values(order, ascending=rising))


def _cut(text: str) -> Iterator[str]:
    """Yield the words of a text in order, without stop words.

    >>> list(_cut("The second round of 核酸检测, 2021: 大家排队。"))
    ['second', 'round', '核酸', '检测', '排队']
    """
    import rjieba  # with its dictionary: only for those who cut

    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        chinese = run[0] >= "㐀" or run[0] in "々〇"
        for word in rjieba.cut(run) if chinese else [run.lower().replace("’", "'")]:
            if word not in _STOP:
                yield word
