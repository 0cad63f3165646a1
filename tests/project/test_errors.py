"""What an error shows, in a notebook, in IPython and in a script; and the tree of errors."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from nbclient import NotebookClient

import kit
from kit import errors
from kit.errors import KitError

KIT = str(Path(kit.__file__).parent)
EMPTY = "ProofError: Expected 1 to 1,024 leaves, got 0. Publish in several batches.\n"


class Cell(NamedTuple):
    """What stands in a cell, and the error that it shows; none where it doesn't fail."""

    source: str
    shown: str = ""


CELLS = (
    Cell("import kit\n%load_ext kit"),
    Cell(
        "\n\nleaves = []\nkit.core.Tree(leaves)  # nothing in it",
        f"{EMPTY}In cell 2, line 4:\n    kit.core.Tree(leaves)  # nothing in it",
    ),
    Cell("kit.errors.last_traceback()"),
    Cell("def plant(leaves):\n    return kit.core.Tree(leaves)\n"),
    # The innermost line of the user's is in another cell.
    Cell(
        "if True:\n    plant(\n        [])",
        f"{EMPTY}In cell 4, line 2:\n    return kit.core.Tree(leaves)",
    ),
    Cell(
        "%%solidity\ncontract {",
        "CompileError: ParserError: Expected identifier but got '{'\n"
        " --> cell:1:10:\n  |\n1 | contract {\n  |          ^\n"
        "In cell 6, line 1:\n    %%solidity",
    ),
    Cell(
        "x = 1\n%time kit.core.Tree([])",
        f"{EMPTY}In cell 7, line 2:\n    %time kit.core.Tree([])",
    ),
    Cell(
        "try:\n    plant([])\nexcept kit.KitError as error:\n"
        "    raise kit.KitError('a tree', 'none', 'Plant one.') from error",
        "KitError: Expected a tree, got none. Plant one.\nIn cell 8, line 4:\n"
        "    raise kit.KitError('a tree', 'none', 'Plant one.') from error",
    ),
    Cell("kit.errors.last_traceback()  # with its cause"),
    Cell(
        "kit.chain.embedded().block(7)",
        "ChainError: Expected a block on this chain, got none numbered 7. Check that this is the "
        "chain you mean, and that it was not restarted.\n"
        "In cell 10, line 1:\n    kit.chain.embedded().block(7)",
    ),
)


def run(*cells: str) -> list[Any]:
    """Return the cells after a real kernel ran them, one after another."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    arguments = ["--IPKernelApp.log_level=40"]
    NotebookClient(
        notebook, allow_errors=True, kernel_name="python3", extra_arguments=arguments
    ).execute()
    return list(notebook.cells)


@pytest.fixture(scope="module")
def ran() -> list[Any]:
    return run(*(cell.source for cell in CELLS))


def shown(cell: Any) -> str:
    """What a cell shows of its error."""
    return "\n".join(
        "\n".join(output.traceback) for output in cell.outputs if output.output_type == "error"
    )


def printed(cell: Any) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


def test_a_notebook_shows_the_sentence_and_the_line_and_nothing_else(ran: list[Any]) -> None:
    for cell, expected in zip(ran, CELLS, strict=True):
        assert shown(cell) == expected.shown, cell.source


def test_the_whole_traceback_is_one_call_away(ran: list[Any]) -> None:
    whole = printed(ran[2])
    assert whole.startswith("Traceback (most recent call last):\n")
    assert "    kit.core.Tree(leaves)  # nothing in it\n" in whole
    assert f'{KIT}/core/merkle.py", line ' in whole.replace("\\", "/")
    assert whole.endswith(f"kit.errors.{EMPTY}")
    assert "ipykernel_" in whole  # the user's cell is a file there
    caused = printed(ran[8])
    first, second = caused.split(
        "\nThe above exception was the direct cause of the following exception:\n"
    )
    assert first.endswith(f"kit.errors.{EMPTY}")
    assert second.endswith("kit.errors.KitError: Expected a tree, got none. Plant one.\n")


def test_a_group_of_errors_is_printed_by_python() -> None:
    group = "raise ExceptionGroup('two', [kit.KitError('a tree', 'none', 'Plant one.')])"
    _, cell, again = run("import kit", group, "kit.errors.last_traceback()")
    for output in (printed(cell), printed(again)):
        assert "Exception Group Traceback (most recent call last)" in output
        assert "kit.errors.KitError: Expected a tree, got none. Plant one." in output
        assert group in output


def test_ipython_in_a_terminal_shows_the_same(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "--no-banner"]
    done = subprocess.run(
        [*command, f"--ipython-dir={tmp_path}", "--quick"],
        input="import kit\nkit.core.Tree([])\nkit.errors.last_traceback()\n",
        capture_output=True,
        text=True,
    )
    assert f"{EMPTY}In cell 2, line 1:\n    kit.core.Tree([])\n" in done.stdout
    assert done.stdout.count("merkle.py") == 1  # what the call prints


def test_a_script_ends_with_python_s_own_traceback() -> None:
    script = (
        "import kit\n"
        "try:\n    int('x')\n"
        "except ValueError as e:\n    raise kit.KitError('1', 'x', 'Go.') from e"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ValueError: invalid literal for int()" in done.stderr
    assert "direct cause of the following" in done.stderr
    assert done.stderr.endswith("kit.errors.KitError: Expected 1, got x. Go.\n")


def test_without_an_error_there_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "last_value", raising=False)
    with pytest.raises(KitError, match="Expected an error before this, got none"):
        errors.last_traceback()


# --- the tree ------------------------------------------------------------------------------------


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    assert errors.__doc__
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in errors.__doc__.splitlines():
        if found := re.fullmatch(r"    ([│ ├└─]*)([A-Z]\w+)(?: {2,}(\S.*))?", line):
            depth = len(found[1]) // 4
            path[depth:] = [found[2]]
            drawn[found[2]] = path[depth - 1] if depth else "Exception"
            said = inspect.getdoc(getattr(errors, found[2]))
            assert depth == 0 or (said and found[3]), found[2]
    classes = inspect.getmembers(
        errors, lambda x: inspect.isclass(x) and x.__module__ == "kit.errors"
    )
    assert drawn == {name: found.__base__.__name__ for name, found in classes}
    assert {*errors.__all__} == {*drawn, "last_traceback"}


def test_errors_are_the_same_after_another_process() -> None:
    for name, _ in inspect.getmembers(errors, inspect.isclass):
        kind: Any = getattr(errors, name)
        if kind.__module__ != "kit.errors":
            continue
        count = 1 if kind in (errors.CompileError, errors.Reverted) else 3
        error = kind(*["words"] * count)
        again = pickle.loads(pickle.dumps(error))  # noqa: S301  our own, just made
        assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))


def test_causes_are_kept() -> None:
    """Where a cause is left out, a comment says why: it may show a secret."""
    for path in sorted(Path(KIT).rglob("*.py")):
        lines = path.read_text("utf-8").splitlines()
        for number, line in enumerate(lines):
            if line.rstrip().endswith("from None"):
                assert any("# No causes:" in x for x in lines[max(0, number - 6) : number + 1]), (
                    f"{path.name}:{number + 1}"
                )
