"""The lessons: their anatomy, their answers, and what the demo makes of them."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode
from PIL import Image

import kit
import kit.teaching.helpers
from kit.teaching import notebooks as lessons
from kit.teaching.exercises import EXERCISES

ROOT = Path(__file__).parents[2]
TOUR, *LESSONS = lessons.paths()


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def code(lesson: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in lesson.cells if cell.cell_type == "code"]


def prose(lesson: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")


def printed(cell: NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def headings(lesson: NotebookNode, level: int) -> list[str]:
    return re.findall(rf"^{'#' * level} (.+)$", prose(lesson), re.MULTILINE)


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
class TestEachLesson:
    def test_is_saved_as_the_kit_saves_it(self, path: Path, tmp_path: Path) -> None:
        lessons.save(read(path), tmp_path / "again.ipynb")
        assert (tmp_path / "again.ipynb").read_bytes() == path.read_bytes()
        assert read(path).metadata.language_info == {"name": "python"}

    def test_was_run_from_top_to_bottom(self, path: Path) -> None:
        counts = [cell.execution_count for cell in code(read(path))]
        assert counts == list(range(1, len(counts) + 1))

    def test_asks_one_question_and_says_for_whom(self, path: Path) -> None:
        lesson = read(path)
        (question,) = headings(lesson, 1)
        assert question.endswith("?")
        opening = lesson.cells[0].source
        assert re.search(r"\d+ minutes", opening)
        assert "for any" in opening or "for every" in opening
        assert "Next" in opening or "Before" in opening

    def test_has_short_cells(self, path: Path) -> None:
        sizes = sorted(len(cell.source.splitlines()) for cell in code(read(path)))
        assert sizes[-1] <= 20
        assert sizes[int(len(sizes) * 0.6)] <= 6

    def test_ends_with_its_limits_and_with_what_it_claimed(self, path: Path) -> None:
        lesson = read(path)
        assert "Limits" in headings(lesson, 2)
        assert headings(lesson, 2)[-1] == "What we claimed"
        assert lesson.cells[-1].source.count("assert ") >= 2

    def test_prints_nothing_of_one_machine_and_no_error(self, path: Path) -> None:
        for cell in code(read(path)):
            assert all(output.output_type != "error" for output in cell.outputs)
            assert all(output.get("name") != "stderr" for output in cell.outputs)
            shown = json.dumps(cell.outputs)
            assert not re.search(r"object at 0x|/home/|/root/|/Users/|site-packages", shown)

    def test_needs_no_lax_mode(self, path: Path) -> None:
        tags = [tag for cell in read(path).cells for tag in cell.metadata.get("tags", ())]
        assert set(tags) <= {"parameters"}
        assert not any("NBVAL" in cell.source for cell in code(read(path)))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
class TestEachLessonButTheTour:
    def test_has_the_parts_of_a_lesson(self, path: Path) -> None:
        lesson = read(path)
        assert 25 <= len(lesson.cells) <= 45
        sections = headings(lesson, 2)
        assert sections[0] == "You will be able to"
        assert {"Set up", "Reuse"} <= set(sections)
        assert 3 <= sum(name.startswith("Step") for name in sections) <= 8
        assert "kit.teaching.ready()" in "".join(cell.source for cell in code(lesson)[:3])

    def test_has_exercises_that_rise(self, path: Path) -> None:
        stars = [name.count("★") for name in headings(read(path), 3) if name.startswith("Try it")]
        assert stars == sorted(stars)
        assert stars[0] == 1
        assert len(stars) >= 3

    def test_answers_of_the_lesson_are_right(self, path: Path) -> None:
        checks = [cell for cell in code(read(path)) if "kit.teaching.check(" in cell.source]
        assert checks
        for cell in checks:
            assert printed(cell).startswith("Right. "), cell.source

    def test_a_solution_stands_between_its_marks(self, path: Path) -> None:
        for cell in code(read(path)):
            assert cell.source.count("BEGIN SOLUTION") == cell.source.count("END SOLUTION") <= 1


@pytest.mark.parametrize("path", lessons.paths(), ids=lambda path: path.stem)
class TestEachStudentCopy:
    def test_is_not_stale(self, path: Path, tmp_path: Path) -> None:
        lessons.save(lessons.student_copy(read(path)), tmp_path / path.name)
        fresh = (tmp_path / path.name).read_bytes()
        assert (lessons.STUDENTS / path.name).read_bytes() == fresh, "run: make notebooks"

    def test_holds_no_solution_and_no_output(self, path: Path) -> None:
        for cell in code(read(lessons.STUDENTS / path.name)):
            assert "SOLUTION" not in cell.source
            assert not cell.outputs

    def test_is_marked_for_nbgrader(self, path: Path) -> None:
        marks = [
            (cell.metadata.nbgrader, cell.source)
            for cell in code(read(lessons.STUDENTS / path.name))
            if "nbgrader" in cell.metadata
        ]
        exercises = prose(read(path)).count("### Try it")
        assert sum(mark["solution"] for mark, _ in marks) == exercises
        assert sum(mark["grade"] for mark, _ in marks) == exercises
        assert len({mark["grade_id"] for mark, _ in marks}) == len(marks)
        for mark, source in marks:
            assert mark["schema_version"] == 3
            assert mark["grade"] == mark["locked"] != mark["solution"]
            assert ("kit.teaching.check(" in source) == mark["grade"]
            assert ("Your answer goes here" in source) == mark["solution"]
            assert mark.get("points", 1) in (1, 2, 3)


@cache
def student_run(name: str) -> NotebookNode:
    """A student's copy of a lesson with the outputs that it has here."""
    return lessons.execute(lessons.STUDENTS / name)


@pytest.mark.parametrize(
    "path",
    [
        # Lesson 6 is run for its pictures in any case.
        path
        if path.stem[:2] in ("02", "06")
        else pytest.param(path, marks=pytest.mark.slow("the other lessons once more, unanswered"))
        for path in lessons.paths()
    ],
    ids=lambda path: path.stem,
)
def test_a_student_copy_runs_before_anything_is_answered(path: Path) -> None:
    for cell in code(student_run(path.name)):
        if "kit.teaching.check(" in cell.source:
            assert printed(cell).startswith("Not yet. "), cell.source


def test_every_exercise_is_in_a_lesson() -> None:
    used = re.findall(
        r'kit\.teaching\.check\("([^"]+)"',
        "\n".join(cell.source for path in LESSONS for cell in code(read(path))),
    )
    assert sorted(used) == sorted(EXERCISES)


def test_the_tour_is_the_index() -> None:
    for path in LESSONS:
        assert f"]({path.name})" in prose(read(TOUR))


def test_figures_have_chinese_that_can_be_read() -> None:
    """The committed pictures are there: a lesson whose fonts were missing holds an error."""
    lesson = read(ROOT / "notebooks/06_who_took_part.ipynb")
    pictures = list(lessons.figures(lesson))
    assert len(pictures) == 7
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)


def pictured() -> list[Path]:
    return [path for path in lessons.paths() if list(lessons.figures(read(path)))]


#: Of 255, how far a point may be off, and of all points, how many may be further. A line that another
#: processor rounds otherwise is within it; a bar that is missing, or a word, is not.
OFF, FURTHER = 16, 0.0003


def test_each_picture_is_the_saved_one() -> None:
    """Strict nbval compares no pictures: their points are compared here.

    Those of the student's copy: no answer changes what is drawn.
    """
    assert [path.stem for path in pictured()] == ["06_who_took_part"]
    for path in pictured():
        drawn = list(lessons.figures(student_run(path.name)))
        saved = list(lessons.figures(read(path)))
        assert len(drawn) == len(saved) == 7
        for number, pair in enumerate(zip(drawn, saved, strict=True), start=1):
            assert difference(*pair) <= FURTHER, f"{path.stem}, picture {number}"


def difference(one: bytes, two: bytes) -> float:
    """The share of points that differ by more than OFF; 1 where the sizes do."""
    first, second = (np.asarray(Image.open(io.BytesIO(x)).convert("RGB"), int) for x in (one, two))
    if first.shape != second.shape:
        return 1
    return float((abs(first - second).max(axis=2) > OFF).mean())


def test_a_small_change_of_a_picture_is_seen() -> None:
    saved = next(lessons.figures(read(pictured()[0])))
    assert difference(saved, saved) == 0
    with Image.open(io.BytesIO(saved)) as picture:
        changed = picture.convert("RGB")
        ink = np.argwhere(np.asarray(picture.convert("L"), int) < 128)
    y, x = (int(place) for place in ink[0])  # the first letter of its title
    changed.paste((255, 255, 255), (x - 5, y - 5, x + 40, y + 15))
    out = io.BytesIO()
    changed.save(out, "PNG")
    assert difference(saved, out.getvalue()) > FURTHER
    with Image.open(io.BytesIO(saved)) as picture:
        picture.resize((picture.width, picture.height + 1)).save(out := io.BytesIO(), "PNG")
    assert difference(saved, out.getvalue()) == 1


def test_lesson_3_runs_on_anvil_by_one_parameter(tmp_path: Path) -> None:
    path = ROOT / "notebooks/03_anchor_diary_entries.ipynb"
    lesson = read(path)
    (parameters,) = [cell for cell in lesson.cells if "parameters" in cell.metadata.get("tags", ())]
    assert parameters.source == 'BACKEND = "embedded"'
    parameters.source = 'BACKEND = "anvil"'
    for name in ("contracts", "data"):
        (tmp_path / name).symlink_to(ROOT / name)
    lessons.save(lesson, tmp_path / "notebooks" / path.name)
    ran = lessons.execute(tmp_path / "notebooks" / path.name)
    everything = "\n".join(printed(cell) for cell in code(ran))
    assert "Not yet" not in everything
    assert "anvil" in json.dumps(code(ran)[1].outputs)


def test_lesson_6_runs_on_a_folder_of_one_s_own(tmp_path: Path) -> None:
    """On another diary, with a bulletin of its own and nobody to ask for the chain."""
    diary = kit.Diary.open(kit.chain.embedded())
    for number in range(12):
        place = ["Atlantis", "莆田"][number % 3 == 0]
        entry = diary.post(kit.people.named(f"author {number % 5}"), f"{number}", place=place)
        diary.review(entry, by=kit.people.moderator, approve=True)
    as_of = datetime(2021, 9, 9, tzinfo=UTC)
    diary.bulletin(kit.people.registrar, "Cases", {"Atlantis": 40, "莆田": 4}, as_of=as_of)
    diary.publish()
    folder = kit.export(diary, tmp_path / "mine")
    diary.close()
    path = ROOT / "notebooks/06_who_took_part.ipynb"
    lesson = read(path)
    (parameters,) = [cell for cell in lesson.cells if "parameters" in cell.metadata.get("tags", ())]
    assert parameters.source.startswith("FOLDER = None\nRPC = None\nLOG = None\n")
    parameters.source = parameters.source.replace("FOLDER = None", f"FOLDER = {str(folder)!r}")
    lessons.save(lesson, tmp_path / path.name)
    ran = lessons.execute(tmp_path / path.name)
    shown = json.dumps(code(ran), ensure_ascii=False)
    assert "Atlantis" in shown
    assert "漳州" not in shown  # the newspaper's city: the diary's own bulletin is taken
    assert "0.125" in shown  # five who wrote from Atlantis, for forty cases
    checked = {
        cell.source.split('"')[1]: printed(cell).split()[0]
        for cell in code(ran)
        if "teaching.check(" in cell.source
    }
    for name in ("06-program", "06-many-keys", "06-could-not-post"):
        assert checked[name] == "Right."  # their answers are about the table at hand


def summary(tmp_path: Path, **environment: str) -> dict[str, object]:
    """Make the demo's diary in another process and return its summary."""
    script = (
        "import json, pathlib, sys; from kit.__main__ import sample_diary;"
        "print(json.dumps(sample_diary(pathlib.Path(sys.argv[1]), cards=()), sort_keys=True))"
    )
    tmp_path.mkdir()
    made = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(made.stdout)
    return found


def test_a_lesson_runs_the_same_whatever_the_user_s_settings_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another kernel called python3, pictures as SVG, a start-up file, a style of one's own."""
    lesson = nbformat.v4.new_notebook()
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2], [3, 1])\nplt.show()"
    for source in ("import sys\nprint(sys.executable, 'spoilt' in dir())", plot):
        lesson.cells.append(nbformat.v4.new_code_cell(source))
    lessons.save(lesson, tmp_path / "lesson.ipynb")
    plain = lessons.execute(tmp_path / "lesson.ipynb")

    kernel = tmp_path / "jupyter/kernels/python3/kernel.json"
    profile = tmp_path / "ipython/profile_default"
    files = {
        kernel: '{"argv": ["false"], "display_name": "another", "language": "python"}',
        profile / "ipython_config.py": "c.InlineBackend.figure_formats = {'svg'}",
        profile / "startup/0.py": "spoilt = True",
        tmp_path / "style/matplotlibrc": "figure.facecolor: black\nsavefig.bbox: tight",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path / "style"))
    again = lessons.execute(tmp_path / "lesson.ipynb")
    assert printed(again.cells[0]) == printed(plain.cells[0]) == f"{sys.executable} False\n"
    (figure,) = lessons.figures(plain)
    assert list(lessons.figures(again)) == [figure]


@pytest.mark.slow("the demo twice, beside what the lessons' own check compares")
def test_the_demo_is_the_same_in_every_run_and_the_lesson_s(tmp_path: Path) -> None:
    one = summary(tmp_path / "one", PYTHONHASHSEED="1", TZ="Asia/Shanghai", LC_ALL="C")
    two = summary(tmp_path / "two", PYTHONHASHSEED="2", TZ="America/Lima", LANG="zh_CN.UTF-8")
    assert one == two
    made = sorted(
        path
        for path in (tmp_path / "one").rglob("*.*")
        if path.suffix in (".csv", ".json", ".parquet", ".html")
    )
    assert len(made) == 2 + 62 + 7 + 1  # tables, certificates, the export, the report
    for path in made:
        again = tmp_path / "two" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == again.read_bytes()
    assert one["entries"] == 62
    assert one["records"] == 124
    assert one["not_proved"] == 0
    assert one["participants_audited"] == one["participants"] == 41
    log = f"eip155:20210921:{one['log_contract']}"
    assert one["audit"] == f"final up to block {one['head_block_number']} of the log {log}"
    assert kit.read(tmp_path / "one" / "export").attrs["audit"]["ok"]
    assert one["certificates"] == one["certificates_verified"] == 62
    # What the demo says is what students see.
    lesson = read(ROOT / "notebooks/06_who_took_part.ipynb")
    shown = "\n".join(printed(cell) for cell in code(lesson))
    assert f"head of the chain: {one['head_block_hash']}" in shown
