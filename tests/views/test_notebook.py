"""What a notebook shows: every type of the kit by itself, in a real kernel, and nothing elsewhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import kit
from kit.errors import KitError
from kit.views import notebook

KIT = Path(kit.__file__).parent

DIARY = """import kit

diary = kit.Diary.open(kit.chain.embedded())
entry = diary.post(kit.people.alice, "<script>十人一桌</script>", place="泉州")
review = diary.review(entry, by=kit.people.moderator, approve=True)
batch = diary.publish()
certificate = diary.certificate(entry)
"""
#: An expression, and what its HTML has.
SHOWN = {
    "diary": "records on the chain",
    "diary.log": "batches",
    "diary.chain": "embedded",
    "entry": "&lt;script&gt;十人一桌&lt;/script&gt;",
    "batch": "block hash",
    "certificate": "链上存证证书",
    "kit.verify(certificate)": "the author signed",
    "diary.trace(entry)": "现状 now",
    "kit.chain.load_artifact('DiaryLog')": "bytes of bytecode",
    "kit.timeline(diary)": "kit-timeline",
    "kit.timeline(diary).page()": "kit-timeline",
}


def run(*cells: str) -> list[dict[str, str]]:
    """Return what the cells show, by kind, in a kernel of their own."""
    lesson = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    ran = NotebookClient(lesson, timeout=120, kernel_name="python3").execute()
    return [cell.outputs[-1]["data"] if cell.outputs else {} for cell in ran.cells]


def alone(code: str) -> str:
    """Return what a Python of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=KIT.parent, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_kernel_shows_the_kits_values_after_a_plain_import() -> None:
    shown = run(DIARY, *SHOWN)[1:]
    for (expression, part), data in zip(SHOWN.items(), shown, strict=True):
        assert part in data["text/html"], expression
        assert "<script" not in data["text/html"], expression
        assert "<" not in data["text/plain"].replace("<script>", ""), expression


def test_a_kit_that_was_there_before_ipython_is_told_of_it() -> None:
    late = """
        import kit
        from IPython.core.interactiveshell import InteractiveShell
        shell = InteractiveShell.instance()
        shown = shell.display_formatter.format
        batch = kit.core.Batch(0, "0x", 0, 1, kit.core.Anchor(1, "0x", "0x", 1, "0x", kit.chain.START, 0))
        print("text/html" in shown(batch)[0])
        shell.run_line_magic("load_ext", "kit")
        print("<table>" in shown(batch)[0]["text/html"])
    """
    code = "\n".join(line.strip() for line in late.splitlines())
    assert alone(code).split() == ["False", "True"]


def test_in_plain_python_nothing_of_it_is_loaded() -> None:
    loaded = alone("import sys, kit; print(*sys.modules)").split()
    assert "kit" in loaded
    assert not [x for x in loaded if x.partition(".")[0] in ("IPython", "jinja2", "markupsafe")]
    assert "kit.views.notebook" not in loaded


@pytest.mark.parametrize("kind", notebook.SHOWN)
def test_each_type_is_where_it_is_said_to_be(kind: str) -> None:
    """A type that was moved would lose its form without a word."""
    module, name = kind.split(":")
    found = getattr(import_module(module), name)
    assert (found.__module__, found.__name__) == (module, name)
    assert callable(resolve_name(notebook.SHOWN[kind]))


def test_a_type_that_is_made_from_another_shows_itself_like_it(chain: Any) -> None:
    assert type(chain).__name__ != "Chain"
    assert "chain id" in kit.views.html(chain)


@pytest.mark.parametrize("value", [7, "0x" + "ab" * 32, None, KIT, kit])
def test_a_value_that_has_no_such_form_is_refused(value: object) -> None:
    with pytest.raises(KitError, match=r"got a value of type \w+\. Use repr\(value\)\.") as refused:
        kit.views.html(value)
    assert "ab" * 32 not in str(refused.value)  # it may be a key
    assert repr(value)


# --- where HTML is -------------------------------------------------------------------------------

ELEMENT = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]*([ >/]|$)|&[a-zA-Z]+;")

#: A plot's ``img`` with its alternative text: the analysis may not know the views.
ELSEWHERE = {"analysis/plots/style.py": ["escape("]}


def texts(path: Path) -> list[str]:
    """Return the strings of a module, but those that only explain it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    said = [node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)]
    found = [x for x in ast.walk(tree) if isinstance(x, ast.Constant) and x not in said]
    return [x.value for x in found if isinstance(x.value, str)]


def test_outside_the_views_there_is_no_html() -> None:
    modules = [
        x for x in KIT.rglob("*.py") if x.relative_to(KIT).parts[0] not in ("views", "files")
    ]
    assert len(modules) > 50
    for module in modules:
        text = module.read_text(encoding="utf-8")
        found = re.findall(r"<td|<div|_repr_html_|(?<!re\.)\bescape\(", text)
        assert found == ELSEWHERE.get(module.relative_to(KIT).as_posix(), []), module


def test_in_the_views_html_comes_from_templates_alone() -> None:
    modules = list((KIT / "views").rglob("*.py"))
    assert len(modules) > 15
    for module in modules:
        found = [x for x in texts(module) if ELEMENT.search(x)]
        assert not found, module
        text = module.read_text(encoding="utf-8")
        used = re.findall(r"(?<!re\.)\bescape\(|_repr_html_|\bMarkup\(", text)
        assert used == (["Markup("] if module.name == "markup.py" else []), module
        # What is put into a template as it is was made by one.
        nested = re.findall(r"(?<!def )\bnested\(([^()]*)", text)
        assert all(re.fullmatch(r"\w+_html|render", x) for x in nested), module


def test_no_template_turns_escaping_off() -> None:
    templates = [x for x in (KIT / "views" / "templates").rglob("*") if x.is_file()]
    assert len(templates) > 30
    for template in templates:
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"\|\s*safe|autoescape|<script", text), template


def test_a_value_that_a_template_needs_is_asked_for() -> None:
    from jinja2 import UndefinedError

    from kit.views.markup import render

    with pytest.raises(UndefinedError, match="'text' is undefined"):
        render("desk/note.html")


def test_line_breaks_of_a_template_are_not_shown() -> None:
    """Between words they are a space, beside a tag nothing; those of a value stay."""
    from kit.views.markup import render

    assert render("desk/note.html", text="a\n <b") == "<p class='kit-note'>a\n &lt;b</p>"
    files = render("desk/files.html", most=4)
    assert files.startswith("<p class='kit-note'>每条最多 4 个，")
    assert "可多次添加。<br>Up to 4 files" in files
    assert "and no verdict. People copy a slogan, fill in the same form, react to" in render(
        "report/alike.html"
    )
