"""The design's picture stays true: imports run one way, and a certificate needs no chain."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import kit

FOLDER = Path(kit.__file__).parent


def _name(path: Path) -> str:
    """A module's name after ``kit.``; that of a sub-package for its ``__init__``."""
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


# Not the package itself and what runs it.
PATHS = {_name(path): path for path in FOLDER.rglob("*.py") if _name(path) not in ("", "__main__")}
MODULES = sorted(PATHS)

# The first is started as a script, by the path of its file; the second is a folder's description.
PRIVATE = {"keeper", "core"}

# What a module may import of the kit when it is loaded; who is not here is only kept from cycles.
ALLOWED = {
    "errors": set(),
    "frames": set(),
    "html": set(),
    "keeper": set(),
    "core.by_hand": set(),
    "people": set(),
    "records": {"errors", "html"},
    "merkle": {"errors", "html", "records"},
    "moves": {"errors"},
    "archive": {"errors", "records", "merkle"},
    "table": {"archive", "errors", "log", "merkle", "records"},
    "solidity": {"errors"},
    "chain": {"errors", "html", "people", "solidity"},
    "events": {"errors"},
    "log": {"chain", "errors", "events", "html", "merkle", "solidity"},
    "audit": {"errors", "frames", "html", "log", "merkle", "records", "verification"},
    "attached": {"archive", "records"},
    "export": {
        "attached",
        "audit",
        "errors",
        "log",
        "merkle",
        "moves",
        "records",
        "table",
        "verification",
    },
    "participation.tables": {"errors", "frames"},
    "participation.distributions": set(),
    "participation.bulletin": {
        "errors",
        "participation.distributions",
        "participation.tables",
    },
    "participation.counts": {"errors", "participation.tables"},
    "participation.inequality": {"errors", "participation.tables"},
    "participation.timing": {"errors", "participation.tables"},
    "participation.growth": {
        "errors",
        "participation.counts",
        "participation.distributions",
        "participation.tables",
    },
    "participation.witnessing": {"participation.tables"},
    "participation.reviewing": {
        "errors",
        "participation.distributions",
        "participation.tables",
    },
    "participation.wording": {"errors", "participation.tables"},
    "participation.likeness": {"participation.distributions", "participation.tables"},
    "certificates": {"errors", "merkle", "records"},
    "verification": {"certificates", "errors", "merkle", "records"},
    "display": {"certificates", "errors", "fonts"},
    "timeline": {
        "archive",
        "certificates",
        "display",
        "errors",
        "merkle",
        "moves",
        "participation",
        "records",
    },
    "desk.words": {"participation"},
    "desk.parts": set(),
    "desk.style": {"timeline"},
    "desk.room": {"desk.parts", "desk.words", "errors", "moves"},
    "desk.show": {"archive", "desk.room", "desk.words", "display", "participation", "timeline"},
    "desk.mine": {"desk.parts", "desk.room", "desk.show", "moves"},
    "desk.writing": {
        "desk.mine",
        "desk.parts",
        "desk.room",
        "desk.show",
        "desk.words",
        "errors",
        "records",
        "timeline",
    },
    "desk.reviewing": {
        "desk.parts",
        "desk.room",
        "desk.show",
        "desk.words",
        "errors",
        "log",
        "merkle",
        "moves",
        "records",
    },
    "desk.reading": {"desk.parts", "desk.room", "desk.show", "desk.words", "timeline"},
    "desk.desk": {
        "desk.reading",
        "desk.reviewing",
        "desk.room",
        "desk.style",
        "desk.writing",
        "people",
    },
    "desk": {"desk.desk"},
    "issuing": {"archive", "certificates", "errors", "merkle", "moves"},
    "trace": {"archive", "errors", "merkle", "moves", "issuing", "records"},
    "fonts": {"errors"},
    "plots.style": {"errors", "fonts", "participation.tables"},
    "plots.series": {"errors", "participation", "plots.style"},
    "plots.bars": {"participation", "plots.style"},
    "plots.dots": {"fonts", "participation", "plots.style"},
    "plots.heat": {"plots.style"},
    "plots.curves": {"errors", "plots.style"},
    "plots.intervals": {"participation", "plots.style"},
    "plots.network": {"errors", "plots.style"},
    "report": {
        "audit",
        "errors",
        "export",
        "participation",
        "plots",
        "plots.style",
        "verification",
    },
}

# What the frozen core must never load, nor anything that it loads. (Not eth_account: it signs.)
HEAVY = {"web3", "pandas", "matplotlib", "eth_tester", "solcx", "ipywidgets"}


def _imports(path: Path) -> set[str]:
    """The modules of the kit that a module imports when it is loaded."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue  # imported when it is called
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse  # never imported
            continue
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative imports are not used in the kit"
            if node.module == "kit":
                found |= {name.name for name in node.names}
            elif node.module and node.module.startswith("kit."):
                found.add(node.module.removeprefix("kit."))
        if isinstance(node, ast.Import):
            found |= {n.name.removeprefix("kit.") for n in node.names if n.name.startswith("kit.")}
            assert "kit" not in {n.name for n in node.names}, f"{path.name}: import the module"
        waiting += ast.iter_child_nodes(node)
    return found


GRAPH = {name: _imports(path) for name, path in PATHS.items()}


def test_the_graph_is_read(tmp_path: Path) -> None:
    # Else every test below would be about nothing.
    sample = tmp_path / "sample.py"
    sample.write_text(
        "import os, kit.a\nfrom kit import b\nfrom kit.c import x\nfrom typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from kit.never import y\nelse:\n    from kit.d import z\n"
        "try:\n    from kit.e import z\nexcept ImportError:\n    pass\n"
        "class C:\n    from kit.f import z\n"
        "from kit.g.h import z\nimport kit.i.j\n"
        "def f():\n    from kit.later import z\n"
    )
    assert _imports(sample) == {"a", "b", "c", "d", "e", "f", "g.h", "i.j"}
    assert {"records", "merkle", "participation", "participation.tables"} <= set(MODULES)


def test_no_cycles() -> None:
    # Raises CycleError, which names the cycle. The package itself imports errors only.
    TopologicalSorter(GRAPH | {"__init__": _imports(FOLDER / "__init__.py")}).prepare()
    assert _imports(FOLDER / "__init__.py") == {"errors"}


@pytest.mark.parametrize("name", ALLOWED)
def test_imports_run_one_way(name: str) -> None:
    assert GRAPH[name] <= ALLOWED[name]


def _loaded(module: str, *asked: str) -> set[str]:
    """Which of the asked modules are loaded after an import in a new process."""
    script = f"import json, sys, {module}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(asked) & set(json.loads(done.stdout))


@pytest.mark.parametrize("name", ["errors", "records", "merkle", "archive"])
def test_the_core_knows_no_chain_and_no_tables(name: str) -> None:
    assert _loaded(f"kit.{name}", f"kit.{name}", *HEAVY) == {f"kit.{name}"}


def test_import_kit_alone_loads_nothing_heavy() -> None:
    assert _loaded("kit", "kit.errors", *HEAVY, "eth_account", "requests") == {"kit.errors"}


def test_participation_loads_what_few_need_when_they_need_it() -> None:
    seldom = [
        "iminuit",
        "mpmath",
        "networkx",
        "rjieba",
        "matplotlib",
        "polars",
        "duckdb",
        "dask",
        "pyspark",
    ]
    assert _loaded("kit.participation", "narwhals", *seldom) == {"narwhals"}


def test_the_diary_does_without_widgets() -> None:
    assert not _loaded("kit.diary", "ipywidgets", "kit.desk")


def test_heavy_modules_would_be_seen() -> None:
    assert _loaded("kit.chain", "web3", "eth_account") == {"web3", "eth_account"}


@pytest.mark.parametrize("name", sorted(set(MODULES) - PRIVATE))
def test_public_names(name: str) -> None:
    module = importlib.import_module(f"kit.{name}")
    if name in ("anvil", "embedded"):  # made by the functions of kit.chain
        assert not hasattr(module, "__all__")
        return
    assert len(set(module.__all__)) == len(module.__all__) > 0
    for public in module.__all__:
        assert getattr(module, public) is not None
        assert not public.startswith("_")


def test_every_name_of_the_kit_loads() -> None:
    assert {"Diary", "KitError", "chain", "people"} <= set(kit.__all__)
    for name in kit.__all__:
        assert getattr(kit, name) is not None
    assert set(kit.__all__) <= set(dir(kit))
    assert kit.chain.__name__ == "kit.chain"
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        kit.nothing  # noqa: B018
