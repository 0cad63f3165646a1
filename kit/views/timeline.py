"""What the public sees of a diary, as pages; the table that they are made of is the diary's.

A withdrawn entry leaves a gap with its number, and so does a suspended one. Everything that people
wrote is escaped. A page is short, however long the diary is.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from tqdm import tqdm

from kit.analysis.participation import PREFECTURES, ZONE
from kit.core import Certificate
from kit.diary import entries
from kit.errors import ArchiveError, DataError
from kit.views.card import card_html

if TYPE_CHECKING:
    import pandas as pd

    from kit.diary import Diary

__all__ = ["STYLE", "Page", "Timeline", "data_address", "files_html", "said_html"]

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

#: How a page looks. Ink, grey and blue are those of the cards.
STYLE: Final = """
.kit-timeline{max-width:42em;margin:0 auto;color:#1a1a1a;background:#fff;padding:0 1em 1em;
 font:16px/1.65 system-ui,"Noto Sans SC","PingFang SC","Microsoft YaHei",sans-serif;
 overflow-wrap:anywhere}
.kit-timeline h3{font-size:1.05em;margin:1.6em 0 .2em;border-top:3px solid #0072B2;padding-top:.5em}
.kit-timeline article{border-bottom:1px solid #ddd;padding:.9em 0}
.kit-timeline .kit-head,.kit-timeline .kit-foot{color:#595959;font-size:.85em}
.kit-timeline .kit-head b{color:#1a1a1a}
.kit-timeline .kit-text{margin:.35em 0;font-size:1.1em;white-space:pre-wrap}
.kit-timeline .kit-files{display:grid;grid-template-columns:repeat(auto-fill,minmax(9em,1fr));
 gap:.5em;margin:.5em 0}
.kit-timeline .kit-files img,.kit-timeline .kit-files video{width:100%;max-height:20em;
 object-fit:contain;background:#f4f4f4}
.kit-timeline .kit-files.one{grid-template-columns:minmax(0,28em)}
.kit-timeline .kit-gap{color:#595959;border-left:4px dotted #999;padding-left:1em}
.kit-timeline summary{cursor:pointer;color:#0072B2}
.kit-timeline nav{padding:1em 0;color:#595959}
.kit-timeline nav a{color:#0072B2;margin-right:1em}
"""


class Page(str):
    """A page of a timeline: HTML that shows itself in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"a page of a timeline, {self.count('<article'):,} entries"


class Timeline:
    """The entries that are on the chain, in order of time; made by ``Diary.timeline``."""

    PAGE_SIZE = 10

    def __init__(self, diary: Diary, frame: pd.DataFrame) -> None:
        self.diary, self.frame = diary, frame

    @classmethod
    def of(
        cls,
        diary: Diary,
        *,
        day: date | str | None = None,
        place: str | None = None,
        role: str | None = None,
        text: str | None = None,
    ) -> Timeline:
        """Return the timeline of a diary, filtered; see ``Diary.timeline``."""
        shown = entries(diary, day=day, place=place, role=role, text=text, zone=ZONE)
        return cls(diary, shown)

    def __len__(self) -> int:
        """How many entries there are, gaps included."""
        return len(self.frame)

    @property
    def pages(self) -> int:
        """How many pages there are; at least one."""
        return max(1, -(-len(self) // self.PAGE_SIZE))

    def page(self, number: int = 1) -> Page:
        """Return a page, counted from 1, with pictures, videos and certificates inside it.

        Raises DataError if there is no such page.
        """
        more = f"第 {number} / {self.pages} 页 page · {len(self):,} 条 entries"
        if number < self.pages:
            more += f" · <code>.page({number + 1})</code>"
        return Page(
            f"<div class='kit-timeline'><style>{STYLE}</style>{self._body(number, _inline)}"
            f"<nav>{more}</nav></div>"
        )

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
            html = _document(self._body(number, beside), number, self.pages)
            (folder / _file_name(number)).write_text(html, encoding="utf-8", newline="\n")
        return folder / _file_name(1)

    def _body(self, number: int, link: Callable[[str, str, bytes], str]) -> str:
        if not 1 <= number <= self.pages:
            got = repr(number)[:40]
            raise DataError(f"a page from 1 to {self.pages}", got, "Choose one of them.")
        start = (number - 1) * self.PAGE_SIZE
        part = self.frame.iloc[start : start + self.PAGE_SIZE]
        rows: list[dict[str, Any]] = part.to_dict("records")  # type: ignore[assignment]
        certificates = self.diary.certificates(row["commitment"] for row in rows)
        parts, shown = [], None
        for row, certificate in zip(rows, certificates, strict=True):
            local = row["at"].tz_convert(ZONE)
            if local.date() != shown:
                shown = local.date()
                parts.append(f"<h3>{_heading(shown)}</h3>")
            parts.append(_article(row, certificate, self.diary, link))
        return "".join(parts) or "<p>没有记录。 No entries.</p>"

    def __repr__(self) -> str:
        return f"Timeline of {len(self):,} entries on {self.pages:,} pages"

    def _repr_html_(self) -> str:
        return self.page(1)


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
) -> str:
    number = f"第 {row['seq']} 号 No. {row['seq']}"
    time = row["at"].tz_convert(ZONE).strftime("%H:%M")
    record = certificate.record
    state = "withdrawn" if row["state"] == "erased" else row["state"].removesuffix(" appealed")
    state = {"suspension": "suspended"}.get(state, state)
    if state not in _GAPS and record is None:
        state = "damaged"
    if state in _GAPS or record is None:
        zh, en = _GAPS[state]
        return (
            f"<article class='kit-gap' id='no{row['seq']}'><div class='kit-head'>{time} · {number}"
            f"</div>{zh}<br>{en}{_facts(row, certificate)}</article>"
        )
    body = record.body

    def address(file: Mapping[str, Any]) -> str | None:
        content = diary.file(file["sha256"])
        return None if content is None else link(file["sha256"], file["media_type"], content)

    return (
        f"<article id='no{row['seq']}'>{said_html(body, before=time, after=[_author(row), number])}"
        f"{files_html(body['attachments'], address)}{_facts(row, certificate)}</article>"
    )


def said_html(body: Mapping[str, Any], *, before: str, after: Sequence[str]) -> str:
    """Return what an entry says, but its files, as HTML; what its author wrote is escaped.

    ``before`` and ``after`` are HTML, for the line above the text: before and after place and role.
    """
    place = body["place"]
    where = f"{place} {PREFECTURES[place]}" if place in PREFECTURES else place
    head = [
        before,
        f"<b dir='auto'>{escape(where)}</b>",
        f"<span dir='auto'>{escape(body['role'])}</span>",
        *after,
    ]
    return (
        f"<div class='kit-head'>{' · '.join(head)}</div>"
        f"<div class='kit-text' dir='auto'>{escape(body['text'])}</div>"
    )


def _author(row: dict[str, Any]) -> str:
    return f"<code title='{row['author']}'>{row['author'][:6]}…{row['author'][-4:]}</code>"


def files_html(
    files: Sequence[Mapping[str, Any]], address: Callable[[Mapping[str, Any]], str | None]
) -> str:
    """Return an entry's pictures and videos as HTML. ``address`` is None where a file is missing."""
    parts = []
    for file in files:
        name, source = escape(file["name"]), address(file)
        if source is None:
            parts.append(f"<span>{name}: 文件缺失 the file is missing</span>")
            continue
        source = quote(source, safe="/:;,=+")
        if file["media_type"].startswith("video/"):
            parts.append(
                f"<video controls preload='metadata' src='{source}' title='{name}'></video>"
            )
        else:
            parts.append(f"<img loading='lazy' src='{source}' alt='{name}'>")
    one = " one" if len(files) == 1 else ""
    return f"<div class='kit-files{one}'>{''.join(parts)}</div>" if parts else ""


def _facts(row: dict[str, Any], certificate: Certificate) -> str:
    """Return the chain facts of an entry in a line, and its certificate to unfold."""
    parts = [f"区块 block {row['block_number']}", f"见证 witnesses {row['witnesses']}"]
    if row["state"] in _STATES:
        parts.append(" ".join(_STATES[row["state"]]))
    return (
        f"<div class='kit-foot'>{' · '.join(parts)}<details><summary>存证证书 certificate</summary>"
        f"{card_html(certificate)}</details></div>"
    )


def data_address(media_type: str, content: bytes) -> str:
    """Return a file as the address that holds it."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _inline(sha256: str, media_type: str, content: bytes) -> str:
    return data_address(media_type, content)


def _file_name(number: int) -> str:
    return "index.html" if number == 1 else f"page-{number:04}.html"


def _document(body: str, number: int, pages: int) -> str:
    links = [
        f"<a href='{_file_name(to)}'>{text}</a>"
        for to, text in ((number - 1, "← 上一页 previous"), (number + 1, "下一页 next →"))
        if 1 <= to <= pages
    ]
    nav = f"<nav>{''.join(links)} {number} / {pages}</nav>"
    return (
        "<!doctype html><html lang='zh'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>公民日记 Civic diary, {number}</title><style>body{{margin:0}}{STYLE}</style>"
        "<main class='kit-timeline'><h1>公民日记 <small>Civic diary</small></h1>"
        f"{nav}{body}{nav}</main></html>\n"
    )
