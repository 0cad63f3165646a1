"""The report: whole, the same in every run, safe to open, and honest about what failed."""

from __future__ import annotations

import json
import re
import shutil
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

import kit
import kit.audit.auditor
import kit.audit.export
import kit.chain.base
import kit.teaching.helpers
from kit import people
from kit.__main__ import main
from kit.errors import DataError
from kit.log import Log
from kit.teaching import simulate
from kit.views import report
from kit.views.report import make, parts, sections
from tests import cli
from tests.node import need_browser, run_mjs

ROOT = Path(kit.__file__).parent.parent
SECTIONS = ["verdict", "head-count", "when", "where", "bulletin", "who", "unequal", "grew"]
SECTIONS += ["witnesses", "review", "words", "alike", "limits", "made"]
HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """What is in a page: elements, their attributes, and the text; raises where tags don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    def of(self, *tags: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


#: What is said of a good folder where no log is named.
ALONE = (
    "consistent in itself; not asked: 1 the log is on the chain, 2 its events agree with its storage, "
    "9 a registrar signed what the folder says of itself"
)


def made(folder: Path) -> tuple[Log, Path]:
    """A diary of two days with what a report should survive, and its export."""
    chain = kit.chain.embedded()
    diary = kit.Diary.open(chain)
    said = [f"{HOSTILE} $x$ 十人一桌", "=1+1 今年改成十人一组", "好好写字，天天向上，大家一起写字"]
    for number in range(7):
        entry = diary.post(
            people.named(f"author {number % 4}"),
            said[number % 3],
            place=HOSTILE[:40],
            role="\u202e<b>",
        )
        diary.review(entry, by=people.moderator, approve=True)
        if number == 3:
            diary.publish()
            diary.witness(entry, by=people.alice, note="在场")
    as_of = datetime(2021, 9, 9, 12, tzinfo=UTC)
    counted = {HOSTILE[:40]: 8, "points": 2}
    diary.bulletin(people.registrar, f"{HOSTILE} 通报", counted, as_of=as_of)
    diary.bulletin(people.moderator, "检查", {"points": 3}, as_of=as_of)
    diary.publish()
    kit.export(diary, folder / HOSTILE[:8])
    diary.close()
    return diary.log, folder / HOSTILE[:8]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> tuple[Log, Path]:
    return made(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def written(export: tuple[Log, Path]) -> Path:
    out = export[1].parent / "report.html"
    assert report.write(export[1], out).ok
    return out


def test_every_section_is_there_and_the_verdict_first(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    assert [x["id"] for x in page.of("section")] == SECTIONS
    links = [x["href"] for x in page.of("a")]
    assert links == [f"#{key}" for key in SECTIONS]
    assert "No log was named and no chain asked" in page.text
    assert "自身一致 consistent in itself; not asked: 1 the log is on the chain, 2 its" in page.text
    assert "The head-count: consistent" in page.text
    assert "Level: 自身一致 consistent." in page.text
    assert not re.search(r"\bproved\b", page.text)
    assert "没有一步不通过" in page.text
    assert "参与者（发出记录的密钥） participants, keys with an entry4" in page.text
    assert "at least 6 steps" in page.text  # two days have no growth curve: it says so
    assert "模拟" not in page.text
    assert "python -m kit report <script>The same" in page.text
    assert str(written.parent) not in page.text


def test_with_a_chain(
    export: tuple[Log, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "_analysis", lambda page: iter(()))  # as without a chain
    found = report.write(export[1], tmp_path / "report.html", export[0])
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    log = export[0]
    block = log.chain.head.number
    assert found.level == "final"
    assert found.said == f"final up to block {block} of the log {log.log_id}"
    assert f"已上链，已定 {found.said}" in text
    assert "The head-count: final" in text
    assert "no chain asked" not in text
    assert f"python -m kit report <script> --rpc URL --log {log.address}" in text


def test_of_another_log_nothing_is_counted(export: tuple[Log, Path], tmp_path: Path) -> None:
    """A forger's folder is whole in itself, and their log is a DiaryLog."""
    own = kit.Diary.open(export[0].chain)
    found = report.write(export[1], tmp_path / "report.html", own.log)
    own.close()
    assert (found.level, found.said) == ("failed", "failed at step 1")
    text = Page((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert f"the export is of the log {export[0].log_id}; you named {own.log.log_id}" in text
    assert "The head-count: failed" in text
    assert found.head_count["participants"] == 0


def test_nothing_is_loaded_and_nothing_runs(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    tags = {tag for tag, _ in page.elements}
    assert tags & {"script", "link", "iframe", "object", "embed", "form", "svg", "base"} == set()
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("src", "href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/svg+xml;base64,"))
    policies = [x["content"] for x in page.of("meta") if "http-equiv" in x]
    assert policies == ["default-src 'none'; img-src data:; style-src 'unsafe-inline'"]
    assert "url(" not in text
    assert "@import" not in text


def test_a_user_s_settings_change_no_byte(
    export: tuple[Log, Path], written: Path, tmp_path: Path
) -> None:
    mine = {"font.size": 22, "font.family": "serif", "savefig.bbox": "tight"}
    mine |= {"savefig.transparent": True, "figure.facecolor": "black", "text.usetex": True}
    with mpl.rc_context(mine):
        kit.views.write(export[1], tmp_path / "report.html")
        assert mpl.rcParams["font.size"] == 22  # and they are the user's again
    assert (tmp_path / "report.html").read_bytes() == written.read_bytes()


def test_what_people_wrote_is_text(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    assert HOSTILE not in text
    assert "\u202e" not in text
    assert HOSTILE[:40] in Page(text).text  # as a place


def test_rates_of_the_diary_s_own_bulletin(export: tuple[Log, Path], written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    seq = kit.audit.bulletins(export[1], kit.read(export[1]))["seq"].iloc[0]
    said = re.search(
        r"is record (\d+), of 2021-09-09 12:00 UTC, signed by (\S+): “(.*?)”", page.text
    )
    assert said
    assert int(said[1]) == seq
    assert said[2] == f"{people.registrar.address[:6]}…{people.registrar.address[-4:]}"
    assert said[3] == f"{HOSTILE} 通报"
    assert "1 figure of it is no place's." in page.text
    alts = " ".join(picture["alt"] or "" for picture in page.of("img"))
    assert f"participants per case: {HOSTILE[:27]}… 0.5 (" in alts  # four of eight
    assert "Left out" not in page.text


def test_without_a_bulletin_that_counts_it_says_why(
    export: tuple[Log, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, records = kit.audit.check(export[1])
    found = kit.audit.bulletins(export[1], records)
    part = {
        "no bulletin in this diary stood its checks": found.iloc[:0],
        "no bulletin that stands uncorrected names a place": found.assign(corrected=True),
    }
    for why, figures in part.items():
        page = parts.Page(kit.audit.auditor.compare([], []), records, False, figures)
        (said,) = [one() for one in sections._bulletin(page)]
        assert why in said
        assert "<img" not in said
    page = parts.Page(kit.audit.auditor.compare([], []), records, False, found.assign(value=-1))
    text = "".join(parts.computed(sections._bulletin(page)))
    assert "Not computed." in text
    assert "cases below 0" in text


def test_each_picture_has_words(written: Path) -> None:
    pictures = Page(written.read_text(encoding="utf-8")).of("img")
    assert len(pictures) == 21
    for picture in pictures:
        assert len(picture["alt"] or "") > 10
    alts = " ".join(picture["alt"] or "" for picture in pictures)
    assert "7 entries in" in alts
    assert "1 pair of witness and author" in alts
    assert "Dots with intervals, of 4 participants: gini" in alts
    assert "Dots: of 5 people 1 witnessed somebody" in alts
    assert "4 pairs of accounts to ask about" in alts
    assert "5 entries with 2 texts" in alts
    # What there is none of is said once, without an empty plot.
    assert "Do moderators agree?: 没有。None." in Page(written.read_text(encoding="utf-8")).text
    assert "No entry that two moderators decided" not in alts


def test_a_changed_export_says_so_and_the_rest_appears(
    export: tuple[Log, Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(export[1], tmp_path / "changed"))
    for path in folder.glob("leaves.parquet"):
        path.unlink()
    leaves = folder / "leaves.csv"
    lines = leaves.read_text(encoding="utf-8").splitlines(keepends=True)
    leaves.write_text("".join(lines[:-1]), encoding="utf-8")
    out = tmp_path / "report.html"
    found = report.write(folder, out)
    assert not found.ok
    page = Page(out.read_text(encoding="utf-8"))
    assert found.said.startswith("failed at step 3")
    assert found.said in page.text
    assert "有步骤不通过" in page.text
    assert found.faults[0].text in page.text
    assert [x["id"] for x in page.of("section")] == SECTIONS
    assert f"Head-count{'参与者'}" in page.text
    # All of the second batch is out: four entries of the first are left.
    assert "4 entries in" in " ".join(x["alt"] or "" for x in page.of("img"))


def test_the_command(export: tuple[Log, Path], written: Path, tmp_path: Path) -> None:
    """In another process, the same bytes as in this one."""
    done = cli.run("report", export[1], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"report.html: {ALONE}\n"), done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html"]
    assert (tmp_path / "report.html").read_bytes() == written.read_bytes()


def test_exit_statuses(
    export: tuple[Log, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: object) -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "argv", ["kit", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    monkeypatch.setattr(make, "build", lambda *a, **k: f"<!doctype html>{make._GENERATOR}")
    changed = Path(shutil.copytree(export[1], tmp_path / "changed"))
    (changed / "leaves.parquet").unlink()
    (changed / "leaves.csv").write_bytes((changed / "leaves.csv").read_bytes()[:-200])
    out, notes = tmp_path / "out.html", tmp_path / "notes.html"
    notes.write_text("my notes")
    assert run(export[1], "--out", out) == (0, f"{out}: {ALONE}\n", "")
    code, said, _ = run(changed, "--out", out)
    assert (code, ": failed at step" in said) == (1, True)
    for arguments, why in (
        ([tmp_path, "--out", out], "datapackage.json"),
        ([export[1], "--out", notes], "which is something else"),
    ):
        code, said, error = run(*arguments)
        assert (code, said) == (2, "")
        assert why in error
    assert notes.read_text() == "my notes"


def test_files_are_whole_and_others_are_left_alone(
    export: tuple[Log, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make, "build", lambda *a, **k: f"<!doctype html>{make._GENERATOR}")
    out = tmp_path / "deep" / "report.html"
    report.write(export[1], out)
    report.write(export[1], out)  # a report is replaced
    (tmp_path / "records.csv").write_text("seq,type\n")
    for other in (tmp_path / "records.csv", tmp_path, tmp_path / "records.csv" / "report.html"):
        with pytest.raises(DataError):
            report.write(export[1], other)
    assert (tmp_path / "records.csv").read_text() == "seq,type\n"
    monkeypatch.setattr(Path, "replace", lambda *a: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(DataError, match="to write"):
        report.write(export[1], tmp_path / "new.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "records.csv"]
    assert out.stat().st_mode & 0o777 == 0o644


def test_an_empty_diary(tmp_path: Path) -> None:
    diary = kit.Diary.open(kit.chain.embedded())
    kit.export(diary, tmp_path / "empty")
    diary.close()
    out = tmp_path / "report.html"
    assert report.write(tmp_path / "empty", out).ok
    page = Page(out.read_text(encoding="utf-8"))
    assert [x["id"] for x in page.of("section")] == SECTIONS
    assert page.text.count("Not computed.") == 2  # how unequal, and how it grew
    assert "Left out: no bulletin in this diary stood its checks." in page.text
    assert "at least one entry that counts" in page.text


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of simulated records; nothing of them is on a chain, so the audit is of no rows."""
    out = tmp_path_factory.mktemp("simulated") / "report.html"
    records = simulate.participants(150, seed=3)
    found = kit.audit.auditor.compare([], [])
    out.write_text(report.build(found, records), encoding="utf-8")
    return out


def test_simulated_is_said_everywhere(simulated: Path) -> None:
    text = simulated.read_text(encoding="utf-8")
    page = Page(text)
    assert "Simulated: nobody wrote these records." in page.text
    for caption in re.findall(r"<caption>.*?</caption>", text):
        assert "模拟数据 simulated" in caption
    figures = re.findall(r"<figure>.*?</figure>", text)
    assert len(figures) >= 20
    for figure in figures:
        assert "alt='Simulated data. " in figure
        assert "<figcaption>模拟数据 simulated</figcaption>" in figure


def test_long_diaries_are_shown_by_week() -> None:
    records = simulate.participants(60, seed=1).copy()
    records.attrs = {}
    records["at"] = records["at"].min() + (records["at"] - records["at"].min()) * 30
    records["at"] = records["at"].astype("datetime64[s, UTC]")
    step, table, _ = sections._step_of(records)
    assert (step, table.__name__) == ("week", "weekly")


def test_a_table_with_its_plot_and_an_empty_one_without() -> None:
    page = parts.Page(kit.audit.auditor.compare([], []), simulate.participants(5), True, None)
    answers = pd.DataFrame({"appealed": ["reject"], "upheld": ["no"]})
    for table, pictures in ((answers, 1), (answers.iloc[:0], 0)):
        plot, rows = page.both(kit.plots.appeals, lambda: table, "申诉", "Appeals")  # noqa: B023
        assert plot().count("<figure>") == pictures
        assert ("None." in rows()) == (not pictures)


def test_cells() -> None:
    assert parts._cell("0x" + "ab" * 20) == ("key", "0x" + "ab" * 20)
    assert parts._cell(12_345) == ("number", "12,345")
    assert parts._cell(0.123456) == ("number", "0.123")
    assert parts._cell(float("nan")) == parts._cell(None) == ("number", "–")
    assert parts._cell(pd.Timestamp("2021-09-10")) == ("number", "2021-09-10")
    assert parts._cell(pd.Timestamp("2021-09-10 08:30Z")) == ("number", "2021-09-10 08:30 UTC")
    assert parts._cell("short") == ("t", "short")
    assert parts._cell("a text that takes more than forty columns") == (
        "t long",
        "a text that takes more than forty columns",
    )


def test_a_table_is_escaped_and_its_keys_are_short() -> None:
    page = parts.Page(kit.audit.auditor.compare([], []), simulate.participants(5), False, None)
    table = pd.DataFrame({"<i>": ["<b>'\""], "author": ["0x" + "ab" * 20], "entries": [7]})
    shown = page.table(lambda: table, "表", "Table")()
    assert "<tr><td class='t'><bdi>&lt;b&gt;&#39;&#34;</bdi></td>" in shown
    assert f"<td><code title='0x{'ab' * 20}'>0xabab…abab</code></td><td class='n'>7</td>" in shown
    heads = "<th scope='col'>&lt;i&gt;</th><th scope='col'>作者 author</th>"
    assert f"{heads}<th scope='col' class='n'>记录 entries</th>" in shown


# --- in a browser --------------------------------------------------------------------------------


def test_in_a_browser(written: Path, simulated: Path) -> None:
    """No request, no error, each picture shown, and nothing sticks out on a phone."""
    need_browser()
    script = ROOT / "tests" / "page" / "report.mjs"
    for path in (written, simulated):
        done = run_mjs(script, path.as_uri(), "375=", "1000=")
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        for width in ("375", "1000"):
            found = seen[width]
            assert found["requests"] == [path.as_uri()]
            assert (found["errors"], found["dialogs"], found["scripts"]) == ([], 0, 0)
            assert found["shown"] == found["images"] > 10
            assert found["overflow"] <= 0
