"""The doors: every public name loads, is typed, is listed, and brings no more than it needs."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell

import kit

FOLDER = Path(kit.__file__).parent
#: The public names of each package with a door, in the order of its ``__init__.pyi``.
DOORS: dict[str, list[str]] = {}
for _path in sorted(FOLDER.rglob("__init__.pyi")):
    _parts = _path.parent.relative_to(FOLDER.parent).parts
    _found = [x for x in ast.parse(_path.read_text("utf-8")).body if isinstance(x, ast.ImportFrom)]
    DOORS[".".join(_parts)] = [name.asname or name.name for one in _found for name in one.names]
NAMES = [(door, name) for door, names in DOORS.items() for name in names]

# What a computation without tables, pictures and nodes must never load. (Not eth_account: it signs.)
HEAVY = (
    *("web3", "pandas", "numpy", "matplotlib", "eth_tester", "solcx", "ipywidgets", "narwhals"),
    *("duckdb", "networkx", "requests", "PIL", "scipy"),
)


def test_every_package_has_a_door() -> None:
    packages = {path.parent.name for path in FOLDER.glob("*/__init__.py")}
    assert {f"kit.{name}" for name in packages} | {"kit"} <= set(DOORS)


#: What goes past a door, and why.
PAST = {("kit/log/contract.py", "kit.chain.events.read"): "rows as they come: no user's table"}


def test_packages_import_from_each_other_s_doors() -> None:
    """Imports inside functions count; ``kit.analysis.participation`` is a door itself."""
    found = set()
    for path in FOLDER.rglob("*.py"):
        name = path.relative_to(FOLDER.parent).as_posix()
        for one in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(one, ast.ImportFrom) and one.module and one.level == 0:
                parts = one.module.split(".")
                inside = name.startswith(f"kit/{parts[1]}/") if len(parts) > 2 else True
                if parts[0] == "kit" and not inside and parts[2] not in DOORS[".".join(parts[:2])]:
                    found |= {(name, f"{one.module}.{x.name}") for x in one.names}
    assert found == set(PAST)


@pytest.mark.parametrize(("door", "name"), NAMES)
def test_a_public_name_loads_and_is_listed(door: str, name: str) -> None:
    module = importlib.import_module(door)
    assert getattr(module, name) is not None
    assert name in dir(module)
    assert name in module.__all__
    assert not name.startswith("_")


@pytest.mark.parametrize("door", DOORS)
def test_a_public_name_has_one_line(door: str) -> None:
    stub = FOLDER.parent.joinpath(*door.split("."), "__init__.pyi").read_text("utf-8")
    lines = [line for line in stub.splitlines() if line.startswith(("from", "import"))]
    assert len(DOORS[door]) == len(set(DOORS[door])) == len(lines) > 0
    for line, name in zip(lines, DOORS[door], strict=True):
        assert re.fullmatch(rf"from \.\S* import {name} as {name}", line)
    assert sorted(importlib.import_module(door).__all__) == sorted(DOORS[door])


def test_the_kit_has_the_names_of_the_lessons() -> None:
    assert {"Diary", "KitError", "chain", "people", "participation", "plots"} <= set(dir(kit))
    assert kit.chain.__name__ == "kit.chain"
    with pytest.raises(AttributeError, match="nothing"):
        kit.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_mypy_knows_what_is_behind_the_door(tmp_path: Path) -> None:
    asked = {
        "kit.Diary": r"-> kit\.diary\.diary\.Diary",
        "kit.verify": r"-> kit\.core\.verdict\.Verdict",
        "kit.chain.embedded": r"-> kit\.chain\.embedded_chain\.EmbeddedChain",
        "kit.participation.daily": r"\(records: IntoFrameT",
    }
    lesson = tmp_path / "lesson.py"
    lesson.write_text("import kit\n" + "\n".join(f"reveal_type({name})" for name in asked))
    command = [sys.executable, "-m", "mypy", str(lesson)]
    done = subprocess.run(command, cwd=FOLDER.parent, capture_output=True, text=True)
    revealed = re.findall(r'Revealed type is "(.*)"', done.stdout)
    assert len(revealed) == len(asked), done.stdout
    for name, found in zip(asked, revealed, strict=True):
        assert re.search(asked[name], found), name


def test_the_tab_key_lists_the_names() -> None:
    """In a notebook and in IPython, before any of them was loaded."""
    shell = InteractiveShell()
    shell.user_ns["kit"] = kit
    for start, wanted in (("kit.", DOORS["kit"]), ("kit.chain.", DOORS["kit.chain"])):
        with provisionalcompleter():
            found = {one.text for one in shell.Completer.completions(start, len(start))}
        assert {text.removeprefix(start) for text in found} >= set(wanted)


def best(module: str) -> float:
    """The least of three times that an import takes in a new process, in seconds."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def test_import_kit_is_no_slower_than_import_web3() -> None:
    assert best("kit") <= best("web3")


# --- what is loaded ------------------------------------------------------------------------------


def loaded(code: str, *asked: str) -> set[str]:
    """Which of the asked modules are loaded after some code in a new process."""
    script = f"import json, sys\n{code}\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=FOLDER.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(asked) & set(json.loads(done.stdout))


def test_import_kit_alone_loads_nothing_heavy() -> None:
    ours = {f"kit.{path.stem}" for path in FOLDER.iterdir()} - {"kit.version"}
    assert not loaded("import kit", *HEAVY, "eth_account", *ours)


def test_the_core_knows_no_chain_and_no_tables() -> None:
    """All of it: each of its names is asked for."""
    code = "import kit.core\nfor name in dir(kit.core): getattr(kit.core, name)"
    above = [name for name in DOORS if name not in ("kit", "kit.core")]
    assert loaded(code, "kit.core.certificate", *HEAVY, *above) == {"kit.core.certificate"}


def test_checking_a_certificate_offline_needs_no_chain() -> None:
    code = "import kit\nprint(kit.verify('{}'), file=sys.stderr)"
    assert not loaded(code, *HEAVY)


def test_participation_loads_what_few_need_when_they_need_it() -> None:
    seldom = ["iminuit", "mpmath", "networkx", "rjieba", "matplotlib", "scipy"]
    seldom += ["polars", "duckdb", "dask", "pyspark"]  # pandas itself loads pyarrow where it is
    code = "import kit\nkit.participation"
    assert loaded(code, "narwhals", *seldom) == {"narwhals"}


def test_the_diary_does_without_tables_pictures_and_widgets() -> None:
    code = "import kit\nkit.Diary"
    asked = ("pandas", "matplotlib", "ipywidgets", "kit.views", "kit.views.desk", "kit.analysis")
    assert loaded(code, "kit.diary.diary", *asked) == {"kit.diary.diary"}


def test_heavy_modules_would_be_seen() -> None:
    code = "import kit\nkit.Diary.open(kit.chain.embedded()).records()"
    assert loaded(code, "web3", "eth_tester", "pandas") == {"web3", "eth_tester", "pandas"}
