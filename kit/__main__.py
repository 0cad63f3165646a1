"""``python -m kit``: what the kit does without a notebook.

Each command loads what it needs itself, so that checking a certificate starts at once.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

import kit
from kit.errors import KitError, NodeDown, WrongChain
from kit.given import is_picture, read_text
from kit.places import CONTRACTS, DATA, NOTEBOOKS, ROOT

if TYPE_CHECKING:
    from kit.core import Leaf, LogId
    from kit.diary import Diary
    from kit.log import KnownLog, Log

#: The exit statuses. No crash and no closed pipe has one that means a verdict.
SHOWN, FAILED, UNUSABLE, UNANSWERED, CRASHED, STOPPED, CLOSED = 0, 1, 2, 3, 70, 130, 141
STATUSES = """exit status:
  0    what was asked was shown: nothing failed
  1    a step failed
  2    the input or the command line is unusable
  3    unanswered: the chain's node gave no answer
  70   a crash of the kit: please report it
  130  stopped with Ctrl+C
  141  the output was closed before all was written"""


def demo() -> None:
    """Run every lesson, then the diary once more by hand, and leave all of it in build/demo."""
    from kit.teaching import notebooks as lessons

    out = Path.cwd() / "build" / "demo"
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
    summary = sample_diary(out) | platform_day(out)
    text = json.dumps(summary, indent=2, sort_keys=True, ensure_ascii=False)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8", newline="\n")
    width = max(map(len, summary))
    for name, value in sorted(summary.items()):
        print(f"{name:{width}}  {value}")
    print(f"\nLessons, figures, tables and summary.json are in {out.relative_to(Path.cwd())}.")


def sample_diary(out: Path, cards: Sequence[str] = (".png", ".pdf")) -> dict[str, Any]:
    """Publish the sample entries, write tables and certificates, and return what happened.

    ``cards`` are the kinds of card that are made of each certificate.
    """
    from kit.teaching import notebooks as lessons

    chain = kit.chain.embedded()
    diary = kit.Diary.open(chain, out / "diary.sqlite")
    kit.data.fill(diary)
    records = diary.records()
    records.to_csv(out / "records.csv", index=False, lineterminator="\n")
    diary.log.events().to_csv(out / "batches.csv", index=False, lineterminator="\n")
    certificates = _certificates(diary, out / "certificates", cards)
    leaves, log = diary.leaves(), diary.log
    kit.export(diary, out / "export", licence="CC0-1.0")  # as the sample data are
    diary.close()
    audited = kit.views.write(out / "export", out / "report.html", log)
    verified = [
        kit.verify(path.read_bytes(), log, leaves=leaves)
        for path in tqdm(certificates, desc="verifying", unit="certificate")
    ]
    counted = kit.participation.head_count(records)
    return {
        "lessons": len(lessons.paths()),
        "entries": int(counted["entries"]),
        "records": int(counted["records"]),
        "not_proved": int((~records["proved"]).sum()),
        "participants": int(counted["participants"]),
        "participants_audited": audited.head_count["participants"],
        "audit": audited.said,
        "batches": diary.log.batch_count(),
        "certificates": len(certificates),
        "certificates_verified": sum(
            all(step.outcome == "passed" for step in result.steps) for result in verified
        ),
        "chain_id": chain.chain_id,
        "log_contract": diary.log.address,
        "head_block_hash": chain.head.hash,
        "head_block_number": chain.head.number,
    }


def platform_day(out: Path) -> dict[str, Any]:
    """Run a day of the platform on a diary of its own, save its timeline, count what was done."""
    chain = kit.chain.embedded()
    diary = kit.Diary.open(chain, out / "day.sqlite")
    kit.data.day(diary)
    records = diary.records()
    records.to_csv(out / "day.csv", index=False, lineterminator="\n")
    kit.timeline(diary).save(out / "timeline")
    leaves = diary.leaves()
    results = [kit.verify(found, diary.log, leaves=leaves) for found in diary.certificates()]
    diary.close()
    made = records["type"].value_counts()
    return {
        "day_published": int(made["entry"]),
        "day_reviews": int(made["review"]),
        "day_rejections": int((records["decision"] == "reject").sum()),
        "day_appeals": int(made["appeal"]),
        "day_witnesses": int(made["witness"]),
        "day_withdrawals": int(made["withdrawal"]),
        "day_bulletins": int(made["bulletin"]),
        "day_not_proved": int((~records["proved"]).sum()),
        "day_certificates": len(results),
        "day_certificates_standing": sum(result.ok for result in results),
        "day_head_block_hash": chain.head.hash,
    }


def _certificates(diary: Diary, folder: Path, cards: Sequence[str]) -> list[Path]:
    """Write the certificate of each entry as JSON, and its cards; return the paths of the JSON."""
    folder.mkdir()
    entries = [c for c in diary.certificates() if c.inclusion.leaf.type == "entry"]
    written = []
    for certificate in tqdm(entries, desc="certificates", unit="certificate"):
        path = folder / f"{certificate.inclusion.leaf.seq:05}.json"
        path.write_text(certificate.dumps(), encoding="utf-8", newline="\n")
        for ending in cards:
            kit.views.save_card(certificate, path.with_suffix(ending))
        written.append(path)
    return written


def notebooks() -> None:
    """Run every lesson, save it in place, and make the students' copies again."""
    from kit.teaching import notebooks as lessons

    progress = tqdm(lessons.paths(), unit="lesson")
    for path in progress:
        progress.set_description(path.stem)
        lesson = lessons.execute(path)
        lessons.save(lesson, path)
        lessons.save(lessons.student_copy(lesson), lessons.STUDENTS / path.name)


def lessons(folder: Path, solved: bool) -> None:
    """Write the lessons, without their answers, and the data they are about into a new folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        got = f"{folder}, which has something in it" if folder.is_dir() else f"the file {folder}"
        raise KitError("a new or empty folder", got, "Choose another name.")
    hidden = shutil.ignore_patterns(".*", "__pycache__")
    try:
        # The solved ones lead to those without answers, which stand in a folder beside them.
        source = NOTEBOOKS if solved else NOTEBOOKS / "student"
        shutil.copytree(source, folder, ignore=hidden, dirs_exist_ok=True)
        shutil.copytree(DATA, folder / "data", ignore=hidden)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)  # nothing was in it before
        raise KitError(f"to write {folder}", str(error), "Choose another folder.") from error
    print(f"{folder}: open 00_start_here.ipynb there with JupyterLab.")


def tools(tests: bool) -> None:
    """Install the Solidity tools: Node.js packages, into this folder or the user's cache."""
    print(kit.chain.install(tests=tests))


def artifacts() -> None:
    """Compile the kit's own contracts into kit/artifacts."""
    for source in sorted(CONTRACTS.glob("*.sol")):
        print(kit.chain.save_artifact(source).relative_to(ROOT))


def forge(arguments: list[str]) -> None:
    """Run forge with the kit's compiler and settings; end with its status."""
    compiler = next(iter(kit.chain.compilers()), None)
    if compiler is None:
        raise KitError(f"solc {kit.chain.VERSION}", "none", "Run: python -m kit tools")
    program = kit.chain.foundry("forge")
    command = [str(program), *arguments]
    settings = os.environ | {"FOUNDRY_SOLC": str(compiler.path)}
    sys.exit(subprocess.run(command, env=settings, cwd=CONTRACTS).returncode)


def verify(
    file: Path,
    leaves: Path | None,
    as_json: bool,
    block_hash: list[str],
    second_rpc: str | None,
    **named: Any,
) -> int:
    """Verify a certificate: its JSON, the text of its QR code, or a picture with that on it."""
    table = _leaves(leaves) if leaves else None
    text = kit.views.read_code(file) if is_picture(file) else read_text(file, "a certificate")
    if second_rpc and not named["rpc"]:
        raise KitError("--rpc URL, a first node", "--second-rpc alone", "Add --rpc URL.")

    def own() -> str:
        return kit.verify(text).id

    alone = block_hash and not named["rpc"]
    log = _log_id(own, named["log"], named["logs"]) if alone else _log(own, **named)
    second = kit.chain.connect(second_rpc) if second_rpc else None
    result = kit.verify(text, log, leaves=table, block_hash=block_hash, second=second)
    print(json.dumps(result.to_json(), indent=2) if as_json else result)
    return UNUSABLE if result.id == kit.core.NO_CERTIFICATE else _status_of(result.level)


def audit(folder: Path, as_json: bool, **named: Any) -> int:
    """Audit the export of a diary: whether it is all of the log, unchanged, and who took part."""
    found, _ = kit.audit.check(folder, _log(lambda: kit.audit.log_of(folder), **named))
    print(json.dumps(found.to_json(), indent=2) if as_json else found)
    return _status_of(found.level)


def report(folder: Path, out: Path, **named: Any) -> int:
    """Write the report of an export: the audit's verdict, and who took part, in one HTML file."""
    found = kit.views.write(folder, out, _log(lambda: kit.audit.log_of(folder), **named))
    print(f"{out}: {found.said}")
    return _status_of(found.level)


def _status_of(level: str) -> int:
    return {kit.core.FAILED: FAILED, kit.core.UNANSWERED: UNANSWERED}.get(level, SHOWN)


def _log(own: Callable[[], str], rpc: str | None, log: str | None, logs: Path | None) -> Log | None:
    """Return the log that the command line names, or None if it names none.

    ``own`` returns the log that what is checked says it is of: of a file of logs, the one that is asked.
    """
    if not (rpc or log or logs):
        return None
    if rpc is None:
        got = "--log" if log else "--logs"
        raise KitError("--rpc URL, a node of the log's chain", f"{got} alone", "Add --rpc URL.")
    chain = kit.chain.connect(rpc)
    if log is None or logs is not None:
        return _known(own, log, logs, "--rpc alone").on(chain)
    if log.startswith("0x"):
        return kit.log.at(chain, log)
    log_id = kit.core.LogId.of(log)
    if chain.chain_id != log_id.chain_id:
        got, fix = f"a node of chain {chain.chain_id}", "Give a node of the log's chain."
        raise WrongChain(f"a node of chain {log_id.chain_id}", got, fix)
    return kit.log.at(chain, log_id.contract)


def _log_id(own: Callable[[], str], log: str | None, logs: Path | None) -> LogId:
    """Return the log that the command line names beside hashes of blocks, without a node."""
    if log is None or logs is not None:
        return _known(own, log, logs, "--block-hash alone").log_id
    if log.startswith("0x"):
        fix = "Without a node, it has to name its chain."
        raise KitError("--log eip155:CHAIN:ADDRESS", "an address alone", fix)
    return kit.core.LogId.of(log)


def _known(own: Callable[[], str], log: str | None, logs: Path | None, alone: str) -> KnownLog:
    """Return the log of a file of logs that is asked for, and say who vouches for it."""
    if logs is None or log is not None:
        fix = "Anybody can deploy such a log: name the one that you trust."
        raise KitError("--log LOG or --logs FILE", "both" if log else alone, fix)
    known, named = kit.log.known(str(logs)), own()
    for log_id, found in known.items():
        if named.startswith(str(log_id)):
            tqdm.write(str(found), file=sys.stderr)
            return found
    fix = "If you have a reason to trust it, add it there."
    raise KitError(f"a log that {logs} knows", named[:80], fix)


def certificate(file: Path, out: Path, page: str | None) -> None:
    """Make a card (.png, .svg, .pdf or .html) from a certificate's JSON."""
    made = kit.Certificate.loads(read_text(file, "a certificate"))
    print(kit.views.save_card(made, out, page or kit.views.PAGE))


def _leaves(file: Path) -> list[Leaf]:
    """Return the leaves of a CSV file with the columns seq, type, author, at, subject, commitment."""
    text = read_text(file, "a table of leaves")
    try:
        return [
            kit.core.Leaf(
                int(row["seq"]),
                row["type"],
                row["author"],
                int(row["at"]),
                row["subject"],
                row["commitment"],
            )
            for row in csv.DictReader(text.splitlines())
        ]
    except (KeyError, TypeError, ValueError) as error:
        fix = "Its columns are seq, type, author, at, subject, commitment."
        raise KitError("a table of leaves", f"{file}: {error!r}", fix) from error


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    found = argparse.ArgumentParser(
        prog="python -m kit",
        description="What the kit does without a notebook.",
        epilog=STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = found.add_subparsers(dest="command", required=True)
    for command in (demo, notebooks, artifacts):
        commands.add_parser(command.__name__, help=command.__doc__).set_defaults(run=command)
    commands.add_parser("forge", help=forge.__doc__, add_help=False)
    writer = commands.add_parser("lessons", help=lessons.__doc__)
    writer.add_argument("folder", type=Path, help="a folder that is new, or empty")
    writer.add_argument("--solved", action="store_true", help="with their answers and outputs, too")
    writer.set_defaults(run=lessons)
    installer = commands.add_parser("tools", help=tools.__doc__)
    installer.add_argument("--tests", action="store_true", help="those of the tests, too")
    installer.set_defaults(run=tools)
    _checkers(commands)
    card = commands.add_parser("certificate", help=certificate.__doc__)
    card.add_argument("file", type=Path)
    card.add_argument("out", type=Path, help="the card to write; its ending says which kind")
    card.add_argument("--page", help="where its QR code leads (default: the kit's verify page)")
    card.set_defaults(run=certificate)
    return found


def _checkers(commands: Any) -> None:
    """Add the commands that check something, and whose exit status says how it went."""
    for command, given in (
        (verify, "a certificate's file"),
        (audit, "what kit.export() wrote"),
        (report, "what kit.export() wrote"),
    ):
        checker = commands.add_parser(
            command.__name__,
            help=command.__doc__,
            description=command.__doc__,
            epilog=STATUSES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        checker.add_argument("file" if command is verify else "folder", type=Path, help=given)
        checker.add_argument("--rpc", metavar="URL", help="a JSON-RPC node of the log's chain")
        checker.add_argument(
            "--log",
            metavar="LOG",
            help="the log that you trust: its address, or eip155:CHAIN:ADDRESS",
        )
        checker.add_argument("--logs", type=Path, metavar="FILE", help="a file of logs you trust")
        if command is not report:
            checker.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
        checker.set_defaults(run=command)
    commands.choices["verify"].add_argument(
        "--block-hash",
        action="append",
        default=[],
        metavar="HASH",
        help="the hash of a block that you trust, from an explorer, say; may be given again",
    )
    commands.choices["verify"].add_argument(
        "--second-rpc", metavar="URL", help="another node of the chain, to compare blocks"
    )
    commands.choices["verify"].add_argument(
        "--leaves", type=Path, metavar="CSV", help="the log's leaves, for step 9"
    )
    commands.choices["report"].add_argument(
        "--out",
        type=Path,
        default=Path("report.html"),
        metavar="FILE",
        help="the report (default: report.html); an older report is replaced, another file is not",
    )


def main() -> None:
    """Read the command line, do what it says, and end with one of the exit statuses."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal in GBK or ASCII has no ✓
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _status()
    except BrokenPipeError:
        # Python's last flush would raise it once more: there is nobody to write to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = CLOSED
    except KeyboardInterrupt:
        status = STOPPED
    except Exception:
        traceback.print_exc()
        status = CRASHED
    sys.exit(status)


def _status() -> int:
    """Do what the command line says, write out all that was printed, and return the exit status."""
    try:
        options, rest = parser().parse_known_args()
        given = vars(options)
        command = given.pop("command")
        if command == "forge":
            forge(rest)
        if rest:
            parser().error(f"unknown: {' '.join(rest)}")
        status = int(given.pop("run")(**given) or SHOWN)
    except KitError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        status = UNANSWERED if isinstance(error, NodeDown) else UNUSABLE
    finally:
        sys.stdout.flush()
    return status


if __name__ == "__main__":
    main()
