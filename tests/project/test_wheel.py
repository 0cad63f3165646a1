"""A wheel, built once, installed elsewhere, used from an empty folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.tree import files

ROOT = Path(__file__).parents[2]
#: What a clone with its page and fonts built has, and the build needs.
SOURCES = (
    *("kit", "contracts", "data", "notebooks", "tools", "build/verify.html"),
    *("package.json", "package-lock.json", "pyproject.toml", "README.md", "LICENSE"),
)
BUILD = """
import sys
sys.path.insert(0, "tools")
import backend
print(backend.build_wheel(sys.argv[1]))
"""
USE = """
import json
from pathlib import Path
import kit
from kit import chain, fonts, places

diary = kit.Diary.open(chain.embedded())
entry = diary.post(kit.people.alice, "一", place="泉州")
diary.review(entry, by=kit.people.moderator, approve=True)
diary.publish()
certificate = diary.certificate(entry)
Path("certificate.json").write_text(certificate.dumps(), "utf-8")
compiled = {path.stem: chain.compile_file(path, path.stem) for path in places.CONTRACTS.glob("*.sol")}
kit.views.save_card(certificate, Path("card.png"))
kit.views.save_card(certificate, Path("card.html"))  # from a template
print(json.dumps({
    "kit": kit.__file__,
    "clone": places.IN_CLONE,
    "entries": len(kit.data.entries()),
    "lessons": sorted(path.name for path in places.NOTEBOOKS.glob("*.ipynb")),
    "committed": {name: chain.load_artifact(name).bytecode for name in compiled},
    "compiled": {name: made.bytecode for name, made in compiled.items()},
    "fonts": {name: path.is_file() for name, path in fonts.files().items()},
    "page": (places.ROOT / "verify.html").read_text("utf-8"),
}))
"""


# Nothing of this clone but what is named: not its folder, and no caches of the user.
CLEAN = {name: x for name, x in os.environ.items() if not name.startswith("PYTHON")}


class Installed(NamedTuple):
    wheel: Path
    python: Path
    folder: Path  # an empty one, where it is used

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.python, *arguments],
            cwd=self.folder,
            env=CLEAN | {"XDG_CACHE_HOME": str(self.folder.parent / "cache")},
            capture_output=True,
            encoding="utf-8",
            check=False,
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    top = tmp_path_factory.mktemp("wheel")
    source, out, folder = top / "source", top / "out", top / "elsewhere" / "空的 folder"
    for name in SOURCES:
        assert (ROOT / name).exists(), f"{name} is missing; run: python tasks.py page"
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, source / name)
    # As an older build leaves them.
    for left in ("build/lib/kit/gone.py", "kit/files/gone.txt"):
        (source / left).parent.mkdir(parents=True, exist_ok=True)
        (source / left).touch()
    build = [sys.executable, "-c", BUILD, str(out)]
    subprocess.run(build, cwd=source, env=CLEAN, check=True, capture_output=True)
    (wheel,) = out.iterdir()

    venv.create(top / "venv")
    python = top / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps"]
    subprocess.run([*pip, "--no-index", str(wheel)], cwd=top, env=CLEAN, check=True)
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    theirs = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    # The packages that the kit needs are this environment's; its own .pth files don't count there.
    (Path(theirs) / "packages.pth").write_text(sysconfig.get_path("purelib"), "utf-8")

    folder.mkdir(parents=True)
    # The compiler is looked for above the folder that one is in, too.
    os.symlink(ROOT / "node_modules", folder.parent / "node_modules", target_is_directory=True)
    return Installed(wheel, python, folder)


@pytest.fixture(scope="module")
def used(installed: Installed) -> dict[str, Any]:
    done = installed.run("-c", USE)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_wheel_holds_what_it_needs_and_no_more(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = wheel.namelist()
    wanted = {f"kit/typefaces/{name}" for name in ("KitSans.ttf", "KitEmoji.ttf", "OFL.txt")}
    wanted |= {"kit/py.typed", "kit/core/__init__.pyi", "kit/core/words.json"}
    wanted |= {f"kit/files/{name}" for name in ("package-lock.json", "verify.html", "data/LICENSE")}
    assert wanted <= set(names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"kit", "civic_diary_kit"}
    strangers = ("test", "__pycache__", "node_modules", "/out/", "/cache/", ".stamp", "gone", "/.")
    assert not [name for name in names if any(one in name for one in strangers)]
    assert installed.wheel.stat().st_size < 25_000_000


def test_every_file_of_the_package_is_in_the_wheel(installed: Installed) -> None:
    own = {name for name in files() if name.startswith("kit/")}
    assert "kit/core/by_hand.py" in own
    with zipfile.ZipFile(installed.wheel) as wheel:
        assert own <= set(wheel.namelist())


def test_it_is_the_installed_kit_that_runs(installed: Installed, used: dict[str, Any]) -> None:
    assert Path(used["kit"]).is_relative_to(installed.python.parents[1])
    assert not used["clone"]


def test_data_and_lessons_came_along(used: dict[str, Any]) -> None:
    assert used["entries"] == 62
    assert used["lessons"] == sorted(path.name for path in (ROOT / "notebooks").glob("*.ipynb"))


def test_it_compiles_its_contracts_to_the_committed_code(used: dict[str, Any]) -> None:
    assert set(used["compiled"]) == {"DiaryLog", "DiaryStorage"}
    assert used["compiled"] == used["committed"]


def test_it_draws_with_its_own_fonts(installed: Installed, used: dict[str, Any]) -> None:
    assert set(used["fonts"]) == {"Kit Sans", "Kit Sans Rare", "Kit Emoji", "Kit Signs", "Kit Mono"}
    assert all(used["fonts"].values())
    assert (installed.folder / "card.png").read_bytes().startswith(b"\x89PNG")


def test_the_verify_page_came_along(used: dict[str, Any]) -> None:
    assert used["page"] == (ROOT / "build" / "verify.html").read_text("utf-8")


def test_the_command_line_verifies(installed: Installed, used: dict[str, Any]) -> None:
    done = installed.run("-m", "kit", "verify", "certificate.json")
    assert done.returncode == 0, done.stderr
    assert "passed" in done.stdout
    assert "failed" not in done.stdout


def test_the_command_line_hands_out_the_lessons(installed: Installed) -> None:
    done = installed.run("-m", "kit", "lessons", "my lessons")
    assert done.returncode == 0, done.stderr
    copies = sorted(path.name for path in (ROOT / "notebooks" / "student").glob("*.ipynb"))
    assert sorted(path.name for path in (installed.folder / "my lessons").glob("*.ipynb")) == copies
