"""The kit's fonts: what they have, that no other font comes in, what stands for what they haven't."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pypdf
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from matplotlib.figure import Figure

import kit
import kit.views.card
import tasks
from kit import fonts
from kit.core import Certificate
from kit.errors import KitError
from kit.views import card as display

ROOT = Path(__file__).parents[2]
MAKER = ROOT / "tools/fonts.py"

# Devanagari stands in the sources of kit.fonts, as an example of what can't be drawn.
UNDRAWABLE = {"क": "kit/fonts.py", "ख": "kit/fonts.py"}


def _maker() -> Any:
    spec = importlib.util.spec_from_file_location("font_maker", MAKER)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


maker = _maker()


def squeezed(text: str) -> str:
    """A text without blanks and line breaks, and as it is drawn: each font has one form of a sign."""
    return re.sub(r"[\s\ufe00-\ufe0f]", "", text)


# --- the files -----------------------------------------------------------------------------------


def characters(name: str) -> set[int]:
    with TTFont(fonts.FOLDER / f"{name}.ttf") as font:
        return set(font.getBestCmap())


def test_the_sizes_and_what_the_fonts_have() -> None:
    sizes = {name: (fonts.FOLDER / name).stat().st_size / 1e6 for name in maker.FILES}
    assert 1.5 < sizes["KitSans.ttf"] < 3.5
    assert sizes["KitSansRare.ttf"] < 9
    assert sizes["KitEmoji.ttf"] < 1
    common = set()
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                common.add(ord(bytes((high, low)).decode("gb2312")))
            except UnicodeDecodeError:
                continue  # not every pair is a character
    assert len(common) == 7445
    sans, rare, emoji = map(characters, ("KitSans", "KitSansRare", "KitEmoji"))
    assert common | set(range(0x20, 0x7F)) | set(range(0x410, 0x450)) <= sans
    assert not sans & rare
    assert len(sans | rare) == 30_890
    assert set(map(ord, "瑨燚堃喆")) <= rare
    assert {0x1F44D, 0x1F468, 0x1F1E8, 0x1F600, 0x1F9FF} <= emoji


def test_the_fonts_have_names_of_their_own_and_their_licence() -> None:
    for name, path in list(fonts.files().items())[:3]:
        with TTFont(path) as font:
            said = {record.nameID: str(record) for record in font["name"].names}
        assert said[1] == said[4] == name
        assert said[6] == f"{path.stem}-Regular"
        assert "Noto" not in said[1] + said[4] + said[6]
        assert "SIL Open Font License" in said[13]
    licence = (fonts.FOLDER / "OFL.txt").read_text("utf-8")
    for words in (
        "parts of others, under other names",
        "Copyright 2014-2021 Adobe",
        "Copyright 2013 Google LLC",
    ):
        assert words in licence
    assert licence.count("SIL OPEN FONT LICENSE Version 1.1") == 2


def test_every_character_of_our_texts_has_a_font() -> None:
    names = [
        "data/*.*",
        "notebooks/**/*.ipynb",
        "kit/**/*.py",
        "docs/*.md",
        "README.md",
        "web/src/*",
    ]
    ours = [path for name in names for path in ROOT.glob(name)]
    seen = dict.fromkeys((".csv", ".ipynb", ".py", ".md", ".js"), 0)
    lacking: dict[str, str] = {}
    for path in ours:
        if path.suffix == ".json" or ".ipynb_checkpoints" in path.parts:
            continue
        text = path.read_text("utf-8")
        if path.suffix == ".ipynb":  # as it is read, and not \u6cc9
            text = json.dumps(json.loads(text), ensure_ascii=False)
        printable = "".join(c for c in set(text) if unicodedata.category(c) != "Cc")
        lacking |= dict.fromkeys(fonts.missing(printable), str(path.relative_to(ROOT)))
        seen[path.suffix] = seen.get(path.suffix, 0) + 1
    assert all(seen.values()), seen
    assert lacking == UNDRAWABLE


# --- drawing -------------------------------------------------------------------------------------


def pixels(text: str, **font: Any) -> bytes:
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.3, text, fontsize=30, parse_math=False, **font)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": None})
    return out.getvalue()


@pytest.mark.parametrize(
    ("character", "name"),
    [
        *[("泉", "Kit Sans"), ("é", "Kit Sans"), ("★", "Kit Sans"), ("瑨", "Kit Sans Rare")],
        *[("👍", "Kit Emoji"), ("👍🏽", "Kit Emoji"), ("👩\u200d👩\u200d👧", "Kit Emoji")],
        *[("🇨🇳", "Kit Emoji"), ("✗", "Kit Signs"), ("א", "Kit Signs"), (fonts.SIGN, "Kit Signs")],
    ],
)
def test_a_character_is_drawn_in_the_font_that_has_it(character: str, name: str) -> None:
    fonts.register()
    drawn = pixels(fonts.drawable(character), family=list(fonts.FAMILY))
    assert drawn == pixels(character, font=fonts.files()[name])
    # Not the box of that font, which a character that it lacks is drawn as.
    with pytest.warns(UserWarning, match="missing from font"):
        assert drawn != pixels("\U000e1000" * len(character), font=fonts.files()[name])
    assert drawn != pixels("", font=fonts.files()[name])


def test_what_no_font_has_becomes_a_sign() -> None:
    assert fonts.drawable("a क\u0301 𠮷\tb\nc") == f"a {fonts.SIGN}\u0301 {fonts.SIGN} b\nc"
    assert fonts.missing("क 𠮷 क 泉\n\t") == "क𠮷"
    assert fonts.drawable("❤\ufe0f1\ufe0f\u20e3") == "❤1\u20e3"  # the selector draws nothing
    assert fonts.drawable(fonts.SIGN) == fonts.SIGN
    assert fonts.missing(fonts.SIGN + "".join(fonts.LACKING)) == ""


def test_our_names_are_our_files_whatever_else_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = font_manager.fontManager
    other = Path(mpl.get_data_path(), "fonts/ttf/STIXGeneral.ttf")
    others = [
        font_manager.FontEntry(fname=str(other), name=name.upper(), weight=weight)
        for name in fonts.MONO
        for weight in (400, 700)
    ]
    before = [font for font in manager.ttflist if font.name not in fonts.MONO]
    monkeypatch.setattr(manager, "ttflist", others + before)
    manager.addfont(other)  # forgets what it found
    assert Path(font_manager.findfont("Kit Sans")) == other
    fonts.register()
    for name, path in fonts.files().items():
        for asked in ({}, {"weight": 400}, {"style": "normal", "size": 30}):
            found = font_manager.findfont(font_manager.FontProperties(family=[name], **asked))
            assert Path(found) == path.resolve()
    listed = list(manager.ttflist)
    fonts.register()
    assert manager.ttflist == listed
    assert not {(font.fname, font.name) for font in others} & {(f.fname, f.name) for f in listed}


def test_without_the_files_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "KitSans.ttf").write_bytes((fonts.FOLDER / "KitSans.ttf").read_bytes())
    monkeypatch.setattr(fonts, "FOLDER", tmp_path)
    said = re.escape(
        f"got no KitSansRare.ttf, KitEmoji.ttf in {tmp_path}. Run `python tasks.py setup`"
    )
    with pytest.raises(KitError, match=said):
        fonts.register()
    assert "setup" in tasks.TASKS
    monkeypatch.undo()
    monkeypatch.setenv("MPL_IGNORE_SYSTEM_FONTS", "1")
    with pytest.raises(KitError, match=r"got MPL_IGNORE_SYSTEM_FONTS\. Take it out of the env"):
        fonts.register()
    monkeypatch.delenv("MPL_IGNORE_SYSTEM_FONTS")
    fonts.register()


def test_matplotlib_is_loaded_when_something_is_drawn() -> None:
    code = "import sys, kit.fonts, kit.views.card; fonts = kit.fonts.files(); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "kit.fonts" in ran.stdout
    assert "matplotlib" not in ran.stdout


# --- two machines --------------------------------------------------------------------------------

DRAW = """
import sys, pathlib
import matplotlib as mpl
mpl.use("Agg")
from matplotlib import font_manager
import pandas as pd, kit
out = pathlib.Path(sys.argv[1])
folder = str(out.parent / "share")
print(sum(font.fname.startswith(folder) for font in font_manager.fontManager.ttflist))
print(font_manager.findfont("DejaVu Sans").startswith(folder))
certificate = kit.Certificate.loads((out.parent / "certificate.json").read_bytes())
places = pd.DataFrame({"entries": [3, 2], "participants": [2, 1]},
                      index=pd.Index(["泉州 瑨 👍 क", "$x$ ✗"], name="place"))
for kind in sys.argv[2:]:
    kit.views.save_card(certificate, out / f"card.{kind}")
    kit.plots.save(kit.plots.by_place(places, source="样本"), out / f"plot.{kind}")
"""
#: Only the card is drawn without the user's settings; a plot is the user's to style.
SETTINGS = "font.size: 30\nfont.weight: bold\ntext.color: red\nfigure.facecolor: yellow\n"


KINDS = ("png", "pdf", "svg")


def _draw(
    folder: Path, home: str, kinds: tuple[str, ...] = KINDS, **environment: str
) -> tuple[dict[str, str], list[str]]:
    """Draw a card and a plot in a new process; return their hashes and what it said of its fonts."""
    out = folder / home
    (out / "config").mkdir(parents=True, exist_ok=True)
    path = os.environ["PATH"] if environment else str(Path(sys.executable).parent)
    given = {"HOME": str(out), "PATH": path, "MPLCONFIGDIR": str(out / "config"), **environment}
    given |= {"PYTHONPATH": str(ROOT)}
    if "SYSTEMROOT" in os.environ:
        given["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    command = [sys.executable, "-c", DRAW, str(out), *kinds]
    ran = subprocess.run(command, env=given, capture_output=True, text=True)
    assert not ran.returncode, ran.stderr
    made = {
        p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in out.iterdir() if p.is_file()
    }
    return made, ran.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="XDG_DATA_HOME is Linux's folder of fonts")
@pytest.mark.parametrize(
    "whole",
    [False, pytest.param(True, marks=pytest.mark.slow("every kind of file on each machine"))],
)
def test_other_fonts_on_a_machine_change_no_byte(
    whole: bool, tmp_path: Path, certificate: Certificate
) -> None:
    """Where not the whole is drawn, the hardest case is: the other fonts stand first in the list."""
    (tmp_path / "certificate.json").write_text(certificate.dumps(), "utf-8")
    shared = tmp_path / "share/fonts"
    shared.mkdir(parents=True)
    names = ["DejaVu Sans", "Noto Sans SC", "DejaVu Sans Mono", *fonts.MONO]
    for name in names:
        with TTFont(Path(mpl.get_data_path(), "fonts/ttf/DejaVuSerif-Bold.ttf")) as font:
            for number in (1, 4, 16):
                font["name"].setName(name, number, 3, 1, 0x409)
                font["name"].setName(name, number, 1, 0, 0)
            font["name"].setName("Regular", 2, 3, 1, 0x409)
            font["name"].setName("Regular", 2, 1, 0, 0)
            font["OS/2"].usWeightClass = 400
            font.save(shared / f"{name.replace(' ', '')}.ttf")
    # A PDF takes longest, and its fonts are found as those of a picture are.
    kinds = KINDS if whole else ("png", "svg")
    plain, (others, _) = _draw(tmp_path, "plain", kinds)
    assert len(plain) == 2 * len(kinds)
    assert others == "0"
    share = str(tmp_path / "share")
    hostile, (others, _) = _draw(tmp_path, "hostile", kinds * whole, XDG_DATA_HOME=share)
    assert int(others) >= len(names)  # they are installed, and matplotlib has a list of them
    # An older list: the other DejaVu stands first in it.
    (listed,) = (tmp_path / "hostile/config").glob("fontlist-*.json")
    cached = json.loads(listed.read_text("utf-8"))
    cached["ttflist"].sort(key=lambda font: not font["fname"].startswith(str(tmp_path)))
    listed.write_text(json.dumps(cached), "utf-8")
    again, (_, taken) = _draw(tmp_path, "hostile", kinds, XDG_DATA_HOME=share)
    assert taken == "True"
    assert plain == again
    assert hostile == (plain if whole else {})
    (tmp_path / "plain/config/matplotlibrc").write_text(SETTINGS, "utf-8")
    styled, _ = _draw(tmp_path, "plain", kinds)
    assert {name for name in plain if styled[name] == plain[name]} == {
        f"card.{kind}" for kind in kinds
    }


# --- what is said of a sign, what can be taken out of a PDF --------------------------------------


def issue(diary: Any, text: str) -> Certificate:
    entry = diary.post(kit.people.alice, text, place="泉州")
    diary.review(entry, by=kit.people.moderator, approve=True)
    diary.publish()
    found: Certificate = diary.certificate(entry)
    return found


@pytest.fixture(scope="module")
def diary() -> Any:
    found = kit.Diary.open(kit.chain.embedded())
    yield found
    found.close()


@pytest.fixture(scope="module")
def certificate(diary: Any) -> Certificate:
    return issue(diary, "陈瑨：十人一组 👍🏽，क 𠮷，★ ✓ ✗。")


def text_of(pdf: Path) -> str:
    return pypdf.PdfReader(pdf).pages[0].extract_text()


def content_of(pdf: Path) -> str:
    """What stands on a card between its title and its first field, without blanks."""
    whole = squeezed(text_of(pdf))
    start, end = squeezed("".join(display._TITLE)), "编号number"
    assert whole.count(start) == whole.count(end) == 1
    return whole.partition(start)[2].partition(end)[0]


def test_a_card_says_what_the_sign_stands_for(certificate: Certificate, tmp_path: Path) -> None:
    card = display.save_card(certificate, tmp_path / "card.pdf")
    said = "�：画不出的字 a character that can't be drawn (U+0915, U+20BB7)"
    assert text_of(card).count(said) == 1
    assert content_of(card) == "陈瑨：十人一组👍🏽，��，★✓✗。泉州·resident"
    embedded = set(re.findall(rb"/FontName /(?:[A-Z]{6}\+)?(\S+)", card.read_bytes()))
    assert {b"KitSans-Regular", b"KitSansRare-Regular", b"KitEmoji-Regular"} <= embedded


def test_a_card_without_the_sign_says_nothing_of_it(diary: Any, tmp_path: Path) -> None:
    card = display.save_card(issue(diary, "陈瑨 👍"), tmp_path / "card.pdf")
    assert fonts.LACKING[1] not in text_of(card)
    assert fonts.SIGN not in text_of(card)


def test_a_card_with_many_signs_names_the_first_six(diary: Any, tmp_path: Path) -> None:
    card = display.save_card(issue(diary, "कखगघङचछ"), tmp_path / "card.pdf")
    assert "(U+0915, U+0916, U+0917, U+0918, U+0919, U+091A, …)" in text_of(card)


@pytest.mark.parametrize(
    "every", [10, pytest.param(1, marks=pytest.mark.slow("a PDF of each of the 62 sample entries"))]
)
def test_the_text_of_every_sample_entry_can_be_taken_out_of_its_card(
    every: int, tmp_path: Path
) -> None:
    diary = kit.Diary.open(kit.chain.embedded())
    kit.data.fill(diary)
    texts = set(kit.data.entries()["text"])
    made = 0
    for certificate in diary.certificates():
        record = certificate.record
        if record is None or record.type != "entry":
            continue
        made += 1
        text, line = display._content(certificate)
        assert text in texts
        if made % every == 0:
            card = display.save_card(certificate, tmp_path / "card.pdf")
            assert content_of(card) == squeezed(text + line)
    diary.close()
    assert made == len(texts) == 62


# --- the maker -----------------------------------------------------------------------------------

NPM = """
import pathlib, shutil, sys, time
assert sys.argv[1] == "ci" and "--ignore-scripts" in sys.argv
assert pathlib.Path("package-lock.json").is_file()
pathlib.Path({log!r}).open("a").write("ran\\n")
{more}
for path, source in {files!r}.items():
    place = pathlib.Path({packages!r}, path)
    place.parent.mkdir(parents=True)
    shutil.copy(source, place)
    place.parent.parent.joinpath("LICENSE_FONT").write_text("Copyright of " + path)
"""


def npm(folder: Path, more: str = "") -> list[str]:
    """An npm that brings a small font, or does worse."""
    small = folder / "small.ttf"
    some = set(map(ord, "aЖ\u4dc0"))  # the last is none of GB 2312
    small.write_bytes(maker.part(fonts.files()["Kit Signs"], "Small", some.__contains__))
    script = folder / "npm.py"
    files = dict.fromkeys((maker._SANS, maker._EMOJI), str(small))
    log = str(folder / "log")
    said = NPM.format(log=log, more=more, files=files, packages=maker._PACKAGES)
    script.write_text(said, "utf-8")
    return [sys.executable, str(script)]


def test_a_part_has_the_wanted_characters_and_the_same_bytes() -> None:
    wanted = set(map(ord, "ab 泉州，"))
    one, two = (
        maker.part(fonts.FOLDER / "KitSans.ttf", "Some Sans", wanted.__contains__) for _ in range(2)
    )
    assert one == two
    with TTFont(io.BytesIO(one)) as font, TTFont(fonts.FOLDER / "KitSans.ttf") as whole:
        assert set(font.getBestCmap()) == wanted
        assert font["name"].getDebugName(1) == "Some Sans"
        assert font["head"].modified == whole["head"].modified
        assert not {"fpgm", "prep", "cvt ", "vmtx", "STAT"} & set(font.keys())


def test_the_maker_writes_everything_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    command, out = npm(tmp_path), tmp_path / "typefaces"
    assert not maker.ready(out)
    maker.make(command, out)
    assert maker.ready(out)
    assert sorted(path.name for path in out.iterdir()) == sorted([".stamp", *maker.FILES])
    made = {path.name: path.read_bytes() for path in out.iterdir()}
    assert made["OFL.txt"].count(b"Copyright of ") == 2
    maker.make(command, out)  # nothing to do
    assert (tmp_path / "log").read_text() == "ran\n"
    (out / "KitEmoji.ttf").unlink()
    assert not maker.ready(out)
    maker.make(command, out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == made
    (out / ".stamp").write_text("of another lock")
    assert not maker.ready(out)
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            ["/nowhere/npm"],
            "Missing: npm, which fetches the kit's fonts; run `python tasks.py setup`",
        ),
        (
            [sys.executable, "-c", "raise SystemExit(1)"],
            "Missing: the kit's fonts, which npm could not fetch; go online and run `python tasks.py",
        ),
    ],
)
def test_without_an_answer_of_npm_there_is_one_sentence(
    command: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=said):
        maker.make(command, tmp_path / "typefaces")
    assert not list((tmp_path / "typefaces").iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process without asking it")
@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_maker_leaves_nothing(tmp_path: Path, end: signal.Signals) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, str(MAKER), *npm(tmp_path, "time.sleep(60)")]
    out = tmp_path / "kit/typefaces"
    code = MAKER.read_text("utf-8")
    (tmp_path / "tools/fonts").mkdir(parents=True)
    (tmp_path / "tools/fonts.py").write_text(code, "utf-8")  # beside it is where it writes
    for name in ("package.json", "package-lock.json"):
        (tmp_path / "tools/fonts" / name).write_bytes((MAKER.parent / "fonts" / name).read_bytes())
    command[1] = str(tmp_path / "tools/fonts.py")
    with subprocess.Popen(
        command, env=os.environ | {"TMPDIR": str(temporary)}, stderr=subprocess.DEVNULL
    ) as ran:
        until = time.monotonic() + 30
        while not (tmp_path / "log").exists():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert list(temporary.glob("kit-fonts-*"))
        ran.send_signal(end)
        assert ran.wait(20) != 0
    assert not list(temporary.iterdir())
    assert not list(out.iterdir())


def test_the_lock_holds_hashes_and_no_addresses() -> None:
    lock = json.loads((MAKER.parent / "fonts/package-lock.json").read_text("utf-8"))
    wanted = json.loads((MAKER.parent / "fonts/package.json").read_text("utf-8"))["dependencies"]
    packages = {name: found for name, found in lock["packages"].items() if name}
    assert {
        name.removeprefix("node_modules/"): x["version"] for name, x in packages.items()
    } == wanted
    for found in packages.values():
        assert found["integrity"].startswith("sha512-")
        assert "resolved" not in found


@pytest.mark.skipif(not shutil.which("git") and "CI" not in os.environ, reason="needs git")
def test_git_holds_no_font() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "kit/typefaces", "*.ttf", "*.otf"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert not listed.stdout
