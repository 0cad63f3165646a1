"""What the public sees of a diary, as pages; the table that they are made of is the diary's.

A withdrawn entry leaves a gap with its number, and so does a suspended one. Everything that people
wrote is escaped. A page is short, however long the diary is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from markupsafe import Markup
from tqdm import tqdm

from kit.analysis.participation import PREFECTURES, ZONE
from kit.arguments import checked
from kit.core import Certificate, bilingual
from kit.diary import entries
from kit.errors import ArchiveError, DataError
from kit.views.card import card_html
from kit.views.markup import nested, render

if TYPE_CHECKING:
    import pandas as pd

    from kit.diary import Diary

__all__ = [
    "Article",
    "Page",
    "Shown",
    "Timeline",
    "data_address",
    "place_name",
    "shown_files",
    "timeline",
]

_WEEKDAYS = "一二三四五六日"
_GAPS: Final = {
    "withdrawn": (
        "作者已撤回此条，内容已删除。",
        "Withdrawn by its author; its content is destroyed.",
    ),
    "suspended": ("此条已被暂停显示。", "Suspended by a moderator."),
    "damaged": (
        "此条内容与存证不符，不予显示。",
        "The archive's content is not what was published, so it is not shown.",
    ),
}
_STATES: Final = {
    "published": ("已发布", "published"),
    "reinstated": ("已恢复", "reinstated"),
}


#: What each entry of a page has once.
_FOOT: Final = "class='kit-foot'"


class Shown(NamedTuple):
    """A picture or video: its name, and the address that it is loaded from; None: it is missing."""

    name: str
    source: str | None
    video: bool


class Article(NamedTuple):
    """An entry as a page shows it. ``day`` is the heading above it, where a new day begins.

    Either ``gap`` says, in Chinese and English, why there is nothing to read, or ``body``, ``where``
    and ``files`` have what was said.
    """

    seq: int
    day: str
    time: str
    author: str
    gap: tuple[str, str] | None
    body: Mapping[str, Any]
    where: str
    files: Sequence[Shown]
    facts: Sequence[str]
    card: Markup


@checked("diary", "place", "role", "text")
def timeline(
    diary: Diary,
    *,
    day: date | str | None = None,
    place: str | None = None,
    role: str | None = None,
    text: str | None = None,
) -> Timeline:
    """Return what everybody may see of a diary, in order of time; it shows itself page by page.

    Filters: a ``day`` in Fujian (a date, or text like 2021-09-12), a ``place`` or ``role`` as it
    was written, and a ``text`` that the entry contains. Raises DataError for no such day.
    """
    shown = entries(diary, day=day, place=place, role=role, text=text, zone=ZONE)
    return Timeline(diary, shown)


class Page(str):
    """A page of a timeline: HTML that shows itself in a notebook."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"a page of a timeline, {self.count(_FOOT):,} entries"


class Timeline:
    """The entries that are on the chain, in order of time; made by ``kit.timeline``."""

    PAGE_SIZE = 10

    def __init__(self, diary: Diary, frame: pd.DataFrame) -> None:
        self.diary, self.frame = diary, frame

    def __len__(self) -> int:
        """How many entries there are, gaps included."""
        return len(self.frame)

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-len(self) // self.PAGE_SIZE))

    @checked("number")
    def page(self, number: int = 1) -> Page:
        """Return a page, counted from 1, with pictures, videos and certificates inside it.

        Raises DataError if there is no such page.
        """
        articles = self._articles(number, _inline)
        return Page(
            render(
                "timeline/page.html",
                articles=articles,
                number=number,
                pages=self.pages,
                entries=len(self),
            )
        )

    @checked("folder")
    def save(self, folder: str | Path) -> Path:
        """Write the timeline as web pages, files beside them; return the first page's path.

        The folder must be new or empty; else ArchiveError is raised.
        """
        folder = Path(folder)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            fix = "Choose another, or remove what is there."
            raise ArchiveError("a new or empty folder", str(folder), fix)
        (folder / "files").mkdir(parents=True)

        def beside(sha256: str, media_type: str, content: bytes) -> str:
            name = f"{sha256[2:]}.{media_type.partition('/')[2]}"
            (folder / "files" / name).write_bytes(content)
            return f"files/{name}"

        for number in tqdm(range(1, self.pages + 1), desc="timeline", unit="page"):
            html = _document(self._articles(number, beside), number, self.pages)
            (folder / _file_name(number)).write_text(html, encoding="utf-8", newline="\n")
        return folder / _file_name(1)

    def _articles(self, number: int, link: Callable[[str, str, bytes], str]) -> list[Article]:
        if not 1 <= number <= self.pages:
            got = repr(number)[:40]
            raise DataError(f"a page from 1 to {self.pages}", got, "Choose one of them.")
        start = (number - 1) * self.PAGE_SIZE
        part = self.frame.iloc[start : start + self.PAGE_SIZE]
        rows: list[dict[str, Any]] = part.to_dict("records")  # type: ignore[assignment]
        certificates = self.diary.certificates(row["commitment"] for row in rows)
        articles, day = [], ""
        for row, certificate in zip(rows, certificates, strict=True):
            heading = _heading(row["at"].tz_convert(ZONE))
            new = heading if heading != day else ""
            articles.append(_article(row, certificate, self.diary, link, new))
            day = heading
        return articles

    def __repr__(self) -> str:
        return f"Timeline of {len(self):,} entries on {self.pages:,} pages"


# --- the page ------------------------------------------------------------------------------------


def _heading(day: date) -> str:
    return (
        f"{day.year}年{day.month}月{day.day}日 星期{_WEEKDAYS[day.weekday()]} · {day:%A, %d %B %Y}"
    )


def _article(
    row: dict[str, Any],
    certificate: Certificate,
    diary: Diary,
    link: Callable[[str, str, bytes], str],
    day: str,
) -> Article:
    record = certificate.record
    gap = _gap(row["state"], readable=record is not None and row["check"] == "ok")

    def address(file: Mapping[str, Any]) -> str | None:
        content = diary.file(file["sha256"])
        return None if content is None else link(file["sha256"], file["media_type"], content)

    body: Mapping[str, Any] = record.body if record and not gap else {}
    return Article(
        seq=row["seq"],
        day=day,
        time=row["at"].tz_convert(ZONE).strftime("%H:%M"),
        author=row["author"],
        gap=gap,
        body=body,
        where=place_name(body["place"]) if body else "",
        files=shown_files(body.get("attachments", ()), address),
        facts=_facts(row),
        card=nested(card_html(certificate)),
    )


def _gap(state: str, *, readable: bool) -> tuple[str, str] | None:
    """Return why an entry in this state isn't shown, or None."""
    state = "withdrawn" if state == "erased" else state.removesuffix(" appealed")
    state = {"suspension": "suspended"}.get(state, state)
    return _GAPS.get(state) or (None if readable else _GAPS["damaged"])


def place_name(place: str) -> str:
    """Return a place as it was written, and in English if it is one of the prefectures."""
    return f"{place} {PREFECTURES[place]}" if place in PREFECTURES else place


def shown_files(
    files: Sequence[Mapping[str, Any]], address: Callable[[Mapping[str, Any]], str | None]
) -> list[Shown]:
    """Return an entry's pictures and videos. ``address`` is None where a file is missing."""
    shown = []
    for file in files:
        source = address(file)
        safe = None if source is None else quote(source, safe="/:;,=+")
        shown.append(Shown(file["name"], safe, file["media_type"].startswith("video/")))
    return shown


def _facts(row: dict[str, Any]) -> list[str]:
    """Return what the chain says about an entry."""
    standing = bilingual(row["standing"])
    facts = [f"区块 block {row['block_number']} ({standing})", f"见证 witnesses {row['witnesses']}"]
    return [*facts, *([" ".join(_STATES[row["state"]])] if row["state"] in _STATES else [])]


def data_address(media_type: str, content: bytes) -> str:
    """Return a file as the address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _inline(sha256: str, media_type: str, content: bytes) -> str:
    return data_address(media_type, content)


def _file_name(number: int) -> str:
    return "index.html" if number == 1 else f"page-{number:04}.html"


def _document(articles: Sequence[Article], number: int, pages: int) -> str:
    links = [
        (_file_name(to), words)
        for to, words in ((number - 1, "← 上一页 previous"), (number + 1, "下一页 next →"))
        if 1 <= to <= pages
    ]
    return render(
        "timeline/document.html", articles=articles, number=number, pages=pages, links=links
    )
