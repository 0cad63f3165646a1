"""Make the kit's fonts, ``kit/typefaces``, from two npm packages: ``python tools/fonts.py [NPM …]``.

The kit draws with fonts of its own, so that a card has the same letters on every machine. They are
parts of two fonts under the SIL Open Font License, with other names, so that no font of a system is
taken for one of them:

- ``KitSans.ttf``: of Noto Sans SC, what GB 2312 has, and everything that isn't Chinese
- ``KitSansRare.ttf``: the other characters of Noto Sans SC, as they are in rare names
- ``KitEmoji.ttf``: Noto Emoji
- ``OFL.txt``: the licences

The same packages give the same bytes. Beside Python this needs fontTools, and the npm that
``kit.chain.toolchain`` finds.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

__all__ = ["FILES", "make", "part", "ready"]

HERE = Path(__file__).resolve().parent
OUT = HERE.parent / "kit" / "typefaces"
FILES = ("KitSans.ttf", "KitSansRare.ttf", "KitEmoji.ttf", "OFL.txt")

_SANS = "noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf"
_EMOJI = "noto-emoji/400Regular/NotoEmoji_400Regular.ttf"
_PACKAGES = "node_modules/@expo-google-fonts"
_REMEDY = "run `python tasks.py setup` in the kit's folder."
_ABOUT = """\
These fonts are parts of others, under other names, and under the same licence:

Kit Sans and Kit Sans Rare are parts of Noto Sans SC. Kit Emoji is Noto Emoji without its other weights.
What was left out: characters (the two parts have them all between them), hinting, and what is for
vertical lines and for other languages than Chinese. No outline was changed.
"""


def ready(out: Path = OUT) -> bool:
    """Return whether the folder has the fonts that this file and its lock make."""
    stamp = out / ".stamp"
    files = [stamp, *(out / name for name in FILES)]
    return all(file.is_file() for file in files) and stamp.read_text("ascii") == _wanted()


def make(npm: list[str], out: Path = OUT) -> None:
    """Make the fonts in a folder, with an npm command; does nothing where they are ready.

    Raises SystemExit with a sentence where npm can't be run, or gets no packages.
    """
    if ready(out):
        return
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kit-fonts-") as folder:
        packages = _packages(npm, Path(folder))
        first, rare, emoji = (out / name for name in FILES[:3])
        common = _common()
        _write(first, part(packages / _SANS, "Kit Sans", lambda c: c in common or not _chinese(c)))
        _write(
            rare, part(packages / _SANS, "Kit Sans Rare", lambda c: c not in common and _chinese(c))
        )
        _write(emoji, part(packages / _EMOJI, "Kit Emoji", lambda _: True))
        licences = [packages / path.split("/")[0] / "LICENSE_FONT" for path in (_SANS, _EMOJI)]
        _write(out / FILES[3], _licence(licences).encode())
    _write(out / ".stamp", _wanted().encode())


def part(font: Path, family: str, wanted: Callable[[int], bool]) -> bytes:
    """Return a font file with those characters of a font that are wanted, and another family name.

    The same font gives the same bytes: its date stays.
    """
    from fontTools import subset

    options = subset.Options()
    options.hinting = False
    options.layout_features = ["ccmp", "kern", "mark", "mkmk"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.name_languages = [0x409]
    options.drop_tables += ["BASE", "STAT", "vhea", "vmtx", "gasp"]
    options.notdef_outline = True
    options.recalc_timestamp = False
    chooser = subset.Subsetter(options)
    made = io.BytesIO()
    with subset.load_font(str(font), options) as source:
        chooser.populate(unicodes=[c for c in source.getBestCmap() if wanted(c)])
        chooser.subset(source)
        # One table of characters, the whole one: who makes a PDF reads each of them.
        tables = [one for one in source["cmap"].tables if one.isUnicode() and one.format != 14]
        source["cmap"].tables = [max(tables, key=lambda table: len(table.cmap))]
        plain = f"{family.replace(' ', '')}-Regular"
        for number, text in ((1, family), (3, plain), (4, family), (6, plain)):
            source["name"].setName(text, number, 3, 1, 0x409)
        source.save(made)
    return made.getvalue()


def _packages(npm: list[str], folder: Path) -> Path:
    """Let npm fetch the packages of the lock into a folder, and return where they are."""
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "fonts" / name, folder)
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        failed = subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL).returncode
    except OSError:
        raise SystemExit(f"Missing: npm, which fetches the kit's fonts; {_REMEDY}") from None
    if failed:
        raise SystemExit(
            f"Missing: the kit's fonts, which npm could not fetch; go online and {_REMEDY}"
        )
    return folder / _PACKAGES


def _common() -> frozenset[int]:
    """Return the characters of GB 2312: two bytes from A1 to F7 and from A1 to FE."""
    pairs = [bytes((high, low)) for high in range(0xA1, 0xF8) for low in range(0xA1, 0xFF)]
    # Each by itself: where one is no character, a decoder of them all would go on from its middle.
    return frozenset(ord(c) for pair in pairs if len(c := pair.decode("gb2312", "ignore")) == 1)


def _chinese(character: int) -> bool:
    """Return whether a character is none of Latin, Cyrillic, signs, kana or the wide forms."""
    return character >= 0x3100 and not 0xFE00 <= character <= 0xFFFF


def _licence(files: Iterable[Path]) -> str:
    texts = [file.read_text("utf-8").strip() for file in files]
    return f"\n{'=' * 79}\n\n".join(f"{text.strip()}\n" for text in (_ABOUT, *texts))


def _wanted() -> str:
    """Return what the stamp of fonts from this file and its lock says."""
    files = (Path(__file__), HERE / "fonts" / "package-lock.json")
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(content)
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def main() -> None:
    # An end from outside is an exit as any other: the folder with the packages goes.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not ready():
        make(sys.argv[1:] or _npm())


def _npm() -> list[str]:
    sys.path.insert(0, str(HERE.parent))
    from kit.chain.toolchain import npm
    from kit.errors import KitError

    try:
        return npm()
    except KitError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
