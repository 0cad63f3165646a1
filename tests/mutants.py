"""Changes the code in thousands of small ways and asks the tests: ``make mutants``.

A mutant is the code with one change: ``<=`` for ``<``, ``or`` for ``and``, 1 for 0. If the types fit
and all tests of its package pass with it, it survived: a test is missing, or the change makes no
difference. Each survivor is ended by a test, or by a sentence in ``tests/mutants.toml``.

The tool is mutmut (https://mutmut.readthedocs.io). ``docs/mutants.md`` has the table. One package
again, after a run of all of them (``table`` for a package asks none, and writes the table anew)::

    python tests/mutants.py core
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "mutants"
PACKAGES = ("core", "log", "audit")
NOT = """\
Not mutated: texts (the formats' words are in the test vectors, an error's in tests of its own), the
statements that raise or word an error (that they raise is a mutant of the condition before them),
properties, and what runs on import. A mutant that mypy refuses is caught by `make test` without a
test of its own, and isn't counted."""
#: What became of a mutant that some check caught. By the types: those are not counted. Without an end
#: a loop takes all memory or time, and its tests are ended from outside.
TYPES = "caught by type check"
CAUGHT = ("killed", "timeout", "segfault", TYPES)
#: A run that was stopped left these, and goes on with them.
UNASKED = "not checked"
OPEN = "**open: it needs a test, or a reason**"
#: Tests that read the kit's source, start it anew, ask another language, or ask the decorators.
NO_TESTS = (
    "tests/core/test_by_hand.py::test_it_is_short_and_uses_nothing_of_the_kit",
    "tests/core/test_by_hand.py::test_as_a_program",
    "tests/core/test_state_by_hand.py::test_it_is_short_and_uses_nothing_of_the_kit",
    "tests/core/test_state_by_hand.py::test_as_a_program",
    "tests/core/test_vectors.py::test_the_page",
    "tests/audit/test_audit.py::test_a_chain_is_no_log",
    "tests/audit/test_export.py::test_a_chain_is_no_log",
    "tests/log/test_verification.py::test_a_chain_is_no_log",
    "tests/log/test_verification.py::test_from_another_process",
    "tests/log/test_verification.py::test_without_a_chain_no_chain_is_loaded",
)
SETTINGS = """
[tool.mutmut]
source_paths = ["kit"]
only_mutate = ["kit/{package}/*"]
do_not_mutate = ["*/__init__.py"]
do_not_mutate_patterns = ['\\b(raise|fix|got|expected) ', '\\breturn \\w*Error\\(', '\\brefused\\(']
also_copy = ["contracts", "data", "docs", "notebooks", "README.md", "tools", "tasks.py", "web"]
pytest_add_cli_args = ["-p", "no:cacheprovider", "-m", "not slow", {deselected}]
pytest_add_cli_args_test_selection = ["tests/{package}", "kit/{package}"]
type_check_command = [
    "{python}", "-m", "mypy", "kit/{package}", "--output", "json", "--disable-error-code", "unused-ignore"
]
"""
#: mutmut's own command, without the operator that changes texts.
MUTMUT = """
import libcst, mutmut.mutation.mutators as m
m.mutation_operators.remove((libcst.BaseString, m.operator_string))
from mutmut.__main__ import cli
cli()
"""
#: mutmut leaves out what is decorated. These two may go: none of these tests asks for them.
DECORATORS = re.compile(r"^ *@(checked|lru_cache)\(.*\).*\n", re.MULTILINE)


def main(packages: list[str]) -> None:
    outcomes: dict[str, str] = {}
    survivors: dict[str, str] = {}
    reasons = known()
    for package in PACKAGES:
        work = WORK / package
        if package in (packages or PACKAGES):
            prepare(package)
            status = subprocess.run([sys.executable, "-c", MUTMUT, "run"], cwd=work).returncode
            if status:
                raise SystemExit(status)
        found = results(work)
        outcomes |= found
        left = [name for name, became in found.items() if became not in (*CAUGHT, UNASKED)]
        survivors |= {name: change(work, name) for name in left}
    (ROOT / "docs" / "mutants.md").write_text(table(outcomes, survivors, reasons), "utf-8")
    without = {name: lines for name, lines in survivors.items() if lines not in reasons}
    for name, lines in without.items():
        print(f"{name}: {outcomes[name]}\n{lines}\n")
    if without:
        raise SystemExit(f"{len(without)} mutants survived without a reason")


def prepare(package: str) -> None:
    """Copy the kit to build/mutants, a package of it undecorated, with mutmut's settings."""
    work = WORK / package
    shutil.rmtree(work, ignore_errors=True)
    out = shutil.ignore_patterns(".*", "build", "node_modules", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT, work, ignore=out)
    (work / "node_modules").symlink_to(ROOT / "node_modules")
    for path in (work / "kit" / package).glob("*.py"):
        path.write_text(DECORATORS.sub("", path.read_text("utf-8")), "utf-8")
    deselected = quoted([part for test in NO_TESTS for part in ("--deselect", test)])
    with (work / "pyproject.toml").open("a", encoding="utf-8") as file:
        python = Path(sys.executable).as_posix()
        file.write(SETTINGS.format(package=package, deselected=deselected, python=python))


def quoted(values: list[str]) -> str:
    return ", ".join(f'"{value}"' for value in values)


def results(work: Path) -> dict[str, str]:
    """Return each mutant's name and what became of it."""
    told = mutmut(work, "results", "--all", "true")
    return dict(line.strip().split(": ") for line in told.splitlines() if "__mutmut_" in line)


def change(work: Path, name: str) -> str:
    """Return the lines that a mutant changes, as a diff has them, after the file's name."""
    lines = mutmut(work, "show", name).splitlines()
    module = name.rpartition(".")[0].replace(".", "/") + ".py"
    changed = [
        f"{line[0]} {line[1:].strip()}" for line in lines if re.match(r"[-+](?![-+]{2})", line)
    ]
    return "\n".join([module, *changed])


def mutmut(work: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", MUTMUT, *arguments]
    return subprocess.run(command, cwd=work, stdout=subprocess.PIPE, text=True, check=True).stdout


def known() -> dict[str, str]:
    """Return why a survivor makes no difference, by its change."""
    kinds = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text("utf-8"))["kind"]
    return {change.strip(): kind["why"] for kind in kinds for change in kind["changes"]}


def table(outcomes: dict[str, str], survivors: dict[str, str], reasons: dict[str, str]) -> str:
    """Return docs/mutants.md."""
    counts = Counter(
        (n.rpartition(".")[0], found) for n, found in outcomes.items() if found != TYPES
    )
    lines = ["# Mutants", "", (__doc__ or "").split("\n\n")[1], "", NOT, ""]
    lines += ["| module | mutants | killed | survived | not asked yet |", "|---|---|---|---|---|"]
    for module in sorted({module for module, _ in counts}):
        made = sum(n for (m, _), n in counts.items() if m == module)
        killed = sum(counts[module, became] for became in CAUGHT)
        unasked = counts[module, UNASKED]
        survived = made - killed - unasked
        lines.append(f"| {module} | {made:,} | {killed:,} | {survived:,} | {unasked:,} |")
    lines += ["", "## What survived, and why it may", ""]
    told = sorted(set(survivors.values()), key=lambda change: (change not in reasons, change))
    for lines_changed in told:
        why = reasons.get(lines_changed, OPEN)
        module, *changed = lines_changed.split("\n")
        lines += [f"`{module}`: {why}", "", "```diff", *changed, "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main(sys.argv[1:])
