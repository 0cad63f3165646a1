"""``python -m kit``: what the kit does without a notebook."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from tqdm import tqdm

import kit
from kit import lessons
from kit.errors import KitError

ROOT = Path(__file__).parent.parent


def demo() -> None:
    """Run every lesson, then the diary once more by hand, and leave all of it in build/demo."""
    out = ROOT / "build" / "demo"
    shutil.rmtree(out, ignore_errors=True)
    progress = tqdm(lessons.paths(), unit="lesson")
    for path in progress:
        progress.set_description(path.stem)
        lesson = lessons.execute(path)
        lessons.save(lesson, out / "notebooks" / path.name)
        for number, picture in enumerate(lessons.figures(lesson), start=1):
            figure = out / "figures" / f"{path.stem}-{number}.png"
            figure.parent.mkdir(exist_ok=True)
            figure.write_bytes(picture)
    summary = sample_diary(out)
    text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    width = max(map(len, summary))
    for name, value in sorted(summary.items()):
        print(f"{name:{width}}  {value}")
    print(f"\nLessons, figures, tables and summary.json are in {out.relative_to(ROOT)}.")


def sample_diary(out: Path) -> dict[str, Any]:
    """Publish the sample entries, write the tables, and return what happened."""
    chain = kit.chain.embedded()
    diary = kit.Diary.open(chain, out / "diary.sqlite")
    kit.data.fill(diary)
    records = diary.records()
    records.to_csv(out / "records.csv", index=False, lineterminator="\n")
    diary.log.events().to_csv(out / "batches.csv", index=False, lineterminator="\n")
    diary.close()
    counted = kit.participation.head_count(records)
    return {
        "lessons": len(lessons.paths()),
        "entries": int(counted["entries"]),
        "records": int(counted["records"]),
        "not_proved": int(counted["not proved"]),
        "participants": int(counted["participants"]),
        "batches": diary.log.batch_count(),
        "certificates": 0,
        "chain_id": chain.chain_id,
        "log_contract": diary.log.address,
        "head_block_hash": chain.head.hash,
        "head_block_number": chain.head.number,
    }


def notebooks() -> None:
    """Run every lesson, save it in place, and make the students' copies again."""
    progress = tqdm(lessons.paths(), unit="lesson")
    for path in progress:
        progress.set_description(path.stem)
        lesson = lessons.execute(path)
        lessons.save(lesson, path)
        lessons.save(lessons.student_copy(lesson), lessons.STUDENTS / path.name)


def artifacts() -> None:
    """Compile the kit's own contracts into kit/artifacts."""
    for source in sorted(kit.solidity.CONTRACTS.glob("*.sol")):
        print(kit.solidity.save_artifact(source).relative_to(ROOT))


def forge(arguments: list[str]) -> None:
    """Run forge with the kit's compiler and settings; end with its status."""
    compiler = next(iter(kit.solidity.compilers()), None)
    if compiler is None:
        raise KitError(f"solc {kit.solidity.VERSION}", "none", "Run `make setup`.")
    program = kit.solidity.foundry_binary("forge")
    settings = {
        "FOUNDRY_CONFIG": str(ROOT / "kit" / "foundry.toml"),
        "FOUNDRY_SOLC": str(compiler.path),
    }
    command = [str(program), *arguments, "--root", str(ROOT)]
    sys.exit(subprocess.run(command, env=os.environ | settings, cwd=ROOT).returncode)


def main() -> None:
    """Read the command line and do what it says."""
    parser = argparse.ArgumentParser(prog="python -m kit", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in (demo, notebooks, artifacts):
        commands.add_parser(command.__name__, help=command.__doc__).set_defaults(run=command)
    commands.add_parser("forge", help=forge.__doc__, add_help=False)
    options, rest = parser.parse_known_args()
    try:
        if options.command == "forge":
            forge(rest)
        elif rest:
            parser.error(f"unknown: {' '.join(rest)}")
        else:
            options.run()
    except KitError as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
