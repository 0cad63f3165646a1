"""Write the report: its sections in one page, and the page in a file, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import pandas as pd

from kit.arguments import checked
from kit.audit import Audit, bulletins, check
from kit.diary import COLUMNS
from kit.errors import DataError
from kit.text import clean
from kit.views.markup import render
from kit.views.report.parts import Page, computed
from kit.views.report.sections import sections

if TYPE_CHECKING:
    from kit.log import Log

__all__ = ["build", "write"]

#: How a report says that it is one.
_GENERATOR: Final = "civic-diary-report/1"


@checked("out", "log")
def write(folder: str | Path, out: str | Path = "report.html", log: Log | None = None) -> Audit:
    """Write the report of an export into a file, and return its audit.

    ``log`` is the log that you trust, as in ``kit.read``. A file that is there is replaced if it
    is a report, too; any other is left alone. The file is written whole or not at all. Raises
    DataError for a folder that is no export, or for a file that can't be written; NodeDown.
    """
    out = Path(out)
    _refuse_others(out)
    found, records = check(folder, log)
    figures = bulletins(folder, records)
    name = Path(folder).resolve().name
    _save(out, build(found, records, name, rpc=log is not None, figures=figures))
    return found


@checked("found", "records", "name", "rpc", "figures")
def build(
    found: Audit,
    records: pd.DataFrame,
    name: str = "FOLDER",
    *,
    rpc: bool = False,
    figures: pd.DataFrame | None = None,
) -> str:
    """Return the report as HTML, of what ``kit.audit.check`` returned.

    ``name`` is the folder's, and ``rpc`` whether a chain was asked: both for the command that the
    report names. ``figures`` are those of the diary's own bulletins (``kit.audit.bulletins``).
    """
    if missing := set(COLUMNS) - set(records):
        got = f"one without {', '.join(sorted(missing))}"
        raise DataError("a table of records", got, "Pass what kit.audit.check() returned.")
    simulated = bool(found.simulated or records.attrs.get("simulated"))
    page = Page(found, records, simulated, figures)
    if page.simulated:  # a plot looks at its table
        records.attrs["simulated"] = True
    shown = sections(page, name, rpc=rpc)
    with mpl.rc_context():  # the house style's fonts stay here
        mpl.rcdefaults()  # whatever the user's settings are
        made = [(key, zh, en, computed(parts)) for key, zh, en, parts in shown]
    return render(
        "report/page.html",
        generator=_GENERATOR,
        contract=clean(found.contract),
        simulated=page.simulated,
        sections=made,
    )


def _refuse_others(out: Path) -> None:
    """Raise DataError where there is something in the report's place that is no report."""
    if not out.exists():
        return
    try:
        with out.open("rb") as file:
            ours = _GENERATOR.encode() in file.read(1_000)
    except OSError as error:
        raise DataError(f"to write {out}", str(error.strerror), "Choose another file.") from error
    if not ours:
        got = f"{out}, which is something else"
        raise DataError("a new file, or an older report", got, "Nothing was written.")


def _save(out: Path, text: str) -> None:
    """Write the file beside its place, then give it its name: nobody sees half of it."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=f".{out.name}-", dir=out.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            Path(part).chmod(0o644)  # mkstemp keeps it for its owner
            Path(part).replace(out)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise DataError(f"to write {out}", str(error.strerror), "Choose another file.") from error
