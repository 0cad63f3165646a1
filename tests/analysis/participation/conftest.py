"""Records to count, and the engines that count them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kit.teaching import java


def made(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A table of records in the columns and types of Diary.records()."""
    names = ["type", "author", "at", "subject", "commitment", "text", "place", "role", "decision"]
    frame = pd.DataFrame(rows, columns=[*names, "proved"])
    frame["at"] = [pd.to_datetime(at, utc=True) for at in frame["at"]]
    frame["at"] = frame["at"].astype("datetime64[s, UTC]")
    own = pd.Series([f"c{n}" for n in range(len(frame))])
    frame["commitment"] = frame["commitment"].where(frame["commitment"].notna(), own)
    frame["proved"] = frame["proved"].isna() | (frame["proved"] == True)  # noqa: E712
    frame = frame.astype(dict.fromkeys(set(names) - {"at"}, "str") | {"proved": "bool"})
    frame.insert(0, "seq", range(len(frame)))
    frame["lag"] = 60.0 * (frame["seq"] * 37 % 50) - 30
    return frame


def a_history() -> pd.DataFrame:
    """Some four weeks around the end of summer time in New York, with every type of record."""
    random = np.random.default_rng(5)
    texts = [
        "排队四十分钟，大家都很安静。",
        "The queue moved on, slowly.",
        "今天又下雨，路上没有人。",
    ]
    rows: list[dict[str, Any]] = []
    begin = pd.Timestamp("2021-10-25T00:00:00Z").timestamp()
    for number in range(240):
        day = 28 * random.random()
        # More and more people join, most around the tenth day; a few write much.
        author = f"a{int(45 / (1 + np.exp((10 - day) / 2.5)) * random.random()):02}"
        at = begin + int(day * 86_400)
        text = texts[number % 3] + "很多话要说" * (number % 7) + str(number % 5)
        entry = {"type": "entry", "author": author, "at": at, "commitment": f"e{number:03}"}
        entry |= {"place": ["莆田", "厦门", "泉州", "福州"][int(4 * random.random() ** 2)]}
        entry |= {"role": ["resident", "nurse", None][number % 3], "text": text}
        rows.append(entry | {"proved": number % 20 != 19})
        review = {"type": "review", "subject": entry["commitment"], "decision": "approve"}
        if number % 10:
            late = at + int(random.random() * 9_000)
            yes = {"decision": "approve" if number % 4 else "reject"}
            rows.append(
                review
                | {"author": f"m{number % 3}", "at": late, "commitment": f"r{number:03}"}
                | yes
            )
        if number % 5 == 1:
            again = {
                "author": f"m{(number + 1) % 3}",
                "at": at + 20_000,
                "commitment": f"s{number:03}",
            }
            rows.append(review | again | {"decision": ["suspend", "reinstate"][number % 2]})
            appeal = {"type": "appeal", "author": author, "subject": f"r{number:03}"}
            rows.append(appeal | {"at": at + 10_000, "commitment": f"p{number:03}"})
        for witness in range(number % 4):
            said = {"type": "witness", "author": f"a{(number * 7 + witness) % 30:02}"}
            said |= {"subject": entry["commitment"], "commitment": f"w{number:03}{witness}"}
            rows.append(said | {"at": at + 60 * witness})
    for minute in range(6):  # two who always write together
        for author in ("twin1", "twin2"):
            entry = {"type": "entry", "author": author, "at": begin + 7_777 * 60 * minute}
            entry |= {"place": "漳州", "text": f"双胞胎的第{minute}条记录，写得一样长。"}
            rows.append(entry | {"commitment": f"{author}{minute}"})
    for row in rows:
        row["at"] = pd.Timestamp(row["at"], unit="s")
    return made(rows)


@pytest.fixture(scope="session")
def make() -> Callable[[list[dict[str, Any]]], pd.DataFrame]:
    return made


@pytest.fixture(scope="session")
def history() -> pd.DataFrame:
    return a_history()


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """One Spark for the session, with the clock of a third place."""
    from pyspark.sql import SparkSession

    settings = {
        "spark.sql.shuffle.partitions": "1",
        "spark.default.parallelism": "1",
        # A few hundred rows: to plan and to compile would take longer than to count.
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "Asia/Tokyo",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
    }
    builder = SparkSession.builder.master("local[1]").appName("tests")
    with java.for_spark():
        session = builder.config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def into(request: pytest.FixtureRequest) -> Callable[[str, pd.DataFrame], Any]:
    """Turn a pandas table into that of an engine; the same one gives the same one."""
    made: dict[tuple[str, int], tuple[pd.DataFrame, Any]] = {}

    def turned(engine: str, table: pd.DataFrame) -> Any:
        key = (engine, id(table))
        if key not in made:
            made[key] = table, _turned(engine, table, request)  # kept, so that the id stays its own
        return made[key][1]

    return turned


def _turned(engine: str, table: pd.DataFrame, request: pytest.FixtureRequest) -> Any:
    if engine == "dask":
        import dask
        import dask.dataframe as dd

        dask.config.set(scheduler="synchronous")  # so few rows are not worth a thread
        return dd.from_pandas(table, npartitions=3)
    import polars as pl
    import pyarrow as pa

    arrow = pa.Table.from_pandas(table, preserve_index=False)
    if engine == "duckdb":
        import duckdb

        connection = duckdb.connect()
        # Its clock decides nothing: the zone is the function's own.
        connection.execute("SET TimeZone = 'America/New_York'")
        return connection.from_arrow(arrow)
    if engine == "spark":
        return request.getfixturevalue("spark").createDataFrame(arrow).cache()
    frames = {"pyarrow": arrow, "polars": pl.DataFrame(arrow), "polars lazy": pl.LazyFrame(arrow)}
    return frames[engine]
