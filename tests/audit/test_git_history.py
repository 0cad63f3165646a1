"""A git history as a diary: hostile messages, odd folders and old times come through it whole."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pandas as pd
import pytest

import kit
import kit.audit.auditor
import kit.chain.base
from kit import people
from kit.analysis import participation
from kit.audit import Audit
from kit.views.report import sections as contents

pytestmark = [
    pytest.mark.skipif(not shutil.which("git") and "CI" not in os.environ, reason="needs git"),
    pytest.mark.skipif(os.name == "nt", reason="folders of such names can't be on Windows"),
]

LONG = "a" * 200
CHINESE = "修正：把核酸检测点的时间改对"
HOSTILE = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>"
TAG = "<img src=x onerror=alert(3)>"
CONTROL = "bell\x07 escape\x1b[31m unit\x1f tab\there"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "git_history", Path(__file__).with_name("git_history.py")
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Made(NamedTuple):
    """A commit to be made."""

    author: str
    at: str
    message: str
    files: tuple[str, ...]


MADE = (
    Made("Ada", "2021-09-20T08:00:00Z", "first", ("kit/a.py", "kit/b.py", "docs/a.md")),
    Made("Ada", "2021-09-20T08:00:00Z", "the same second", ("top.md",)),
    Made('Bob & "Co" \'s', "2021-09-20T23:59:59Z", HOSTILE, ("docs/b.md", "docs/c.md", "kit/c.py")),
    Made("陈", "2021-09-21T00:00:00Z", CHINESE, ("文档/说明.md",)),
    Made("Ada", "2021-09-22T10:00:00Z", "", ("kit/d.py",)),
    Made("陈", "2021-09-22T10:00:01Z", LONG, ("my notes/one two.txt",)),
    Made("Eve", "2021-09-23T12:00:00Z", CONTROL, ("kit/e.py",)),
    Made("Eve", "2021-09-24T11:00:00Z", HOSTILE, (f"{TAG}/e.py",)),
    Made("Eve", "2021-09-24T12:00:00Z", "=1+1\n\nof two paragraphs", ()),
)
PLACES = ["kit", ".", "docs", "文档", "kit", "my notes", "kit", TAG, "."]
TEXTS = [
    *("first", "the same second", HOSTILE, CHINESE, "(no message)", LONG),
    "bell  escape [31m unit  tab here",
    HOSTILE,
    "=1+1\n\nof two paragraphs",
]


def make(folder: Path, commits: Sequence[Made]) -> Path:
    """Make a repository with these commits, in this order."""
    folder.mkdir()

    def git(*arguments: str, said: str = "", **more: str) -> None:
        subprocess.run(
            ["git", "-C", str(folder), *arguments],
            input=said.encode(),
            env=os.environ | more,
            check=True,
            capture_output=True,
        )

    git("init", "--quiet")
    for number, (author, at, message, files) in enumerate(commits):
        for name in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{number}\n", "utf-8")
        git("add", "--all")
        who = {"GIT_AUTHOR_NAME": author, "GIT_AUTHOR_EMAIL": "x@example.org"}
        who |= {"GIT_COMMITTER_NAME": "C", "GIT_COMMITTER_EMAIL": "c@example.org"}
        options = ["--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "--no-gpg-sign"]
        dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        git("commit", "--quiet", *options, "--file=-", said=message, **who, **dates)
    return folder


@pytest.fixture(scope="module", autouse=True)
def _alone() -> Iterator[None]:
    """Keep git away from the settings of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):  # as a hook has them
            patch.delenv(name, raising=False)
        yield


class Ran(NamedTuple):
    """A repository that went through it."""

    repository: Path
    out: Path
    audit: Audit
    records: pd.DataFrame


def through(folder: Path, commits: Sequence[Made], sections: set[str]) -> Ran:
    """Put a repository through it; these sections of the report are enough here, and quicker."""
    repository = make(folder / "repository", commits)
    whole = contents._analysis
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            contents, "_analysis", lambda page: (x for x in whole(page) if x[0] in sections)
        )
        found = load().run(repository, folder / "out")
    return Ran(repository, folder / "out", found, kit.read(folder / "out" / "export"))


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return through(tmp_path_factory.mktemp("history"), MADE, {"where", "words", "alike"})


def entries(ran: Ran) -> pd.DataFrame:
    return ran.records[ran.records["type"] == "entry"]


def test_the_audit_passes_on_its_chain(ran: Ran) -> None:
    assert ran.audit.ok
    assert not ran.audit.faults
    assert ran.audit.level == "final"  # the log was asked
    assert not ran.audit.simulated  # somebody wrote it
    assert ran.records["level"].eq("consistent").all()  # its folder alone
    assert "simulated" not in ran.records.attrs


def test_the_head_count_is_the_number_of_authors(ran: Ran) -> None:
    authors = {commit.author for commit in MADE}
    assert ran.audit.head_count["participants"] == len(authors) == 4
    assert ran.audit.head_count["entries"] == len(MADE)
    assert ran.audit.head_count["records"] == 2 * len(MADE)
    assert participation.head_count(ran.records)["participants"] == 4
    # Test keys of their own, none of them the lessons'.
    assert set(entries(ran)["author"]) == {people.named(f"git: {x}").address for x in authors}


def test_each_commit_is_an_entry(ran: Ran) -> None:
    told = entries(ran).sort_values(["at", "seq"])
    assert sorted(told["text"]) == sorted(TEXTS)
    assert [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in told["at"]] == [made.at for made in MADE]
    where = {
        (made.at, text): (people.named(f"git: {made.author}").address, place)
        for made, text, place in zip(MADE, TEXTS, PLACES, strict=True)
    }
    found = {
        (f"{row.at:%Y-%m-%dT%H:%M:%SZ}", row.text): (row.author, row.place)
        for row in told.itertuples()
    }
    assert found == where
    assert set(told["role"]) == {"author"}


def test_it_is_published_day_by_day(ran: Ran) -> None:
    days = {made.at[:10] for made in MADE}
    assert ran.records["batch"].nunique() == len(days) == 5
    later = ran.records["block_time"] - entries(ran)["at"].dt.floor("D")
    assert later.dropna().between(pd.Timedelta(days=1), pd.Timedelta(days=1, hours=1)).all()
    assert set(ran.records["decision"].dropna()) == {"approve"}


def test_places_are_the_folders(ran: Ran) -> None:
    places = participation.by_place(ran.records)["entries"].to_dict()
    assert places == {place: PLACES.count(place) for place in PLACES}


class Elements(HTMLParser):
    """The elements of a page, their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.sources: list[str] = []
        self.words = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name == "src":
                self.sources.append(value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_report_is_safe(ran: Ran) -> None:
    text = (ran.out / "report.html").read_text("utf-8")
    page = Elements(text)
    assert "script" not in page.names
    assert page.sources
    assert all(source.startswith("data:image/svg+xml;base64,") for source in page.sources)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", text)
    # What is hostile is there to be read: a text that came twice, and the name of a folder.
    assert HOSTILE in page.words
    assert TAG in page.words
    assert "文档" in page.words
    assert "my notes" in page.words
    assert "Simulated" not in page.words
    assert ran.audit.said in page.words


def test_the_newest_commits_oldest_first(ran: Ran) -> None:
    found: list[Any] = load().commits(ran.repository, most=2)
    assert [commit.message for commit in found] == TEXTS[-2:]
    assert [commit.author for commit in found] == ["Eve", "Eve"]
    assert found[0].time == datetime(2021, 9, 24, 11, tzinfo=UTC)
    # In the same second, too.
    assert [commit.message for commit in load().commits(ran.repository)] == TEXTS


def test_a_history_from_before_the_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [
        Made("Ada", "2015-01-01T00:00:00Z", "a new year", ("src/a.c",)),
        Made("Bob", "2015-01-03T10:00:00Z", "a fix", ("src/b.c",)),
        Made("Ada", "2015-06-03T10:00:00Z", "summer", ("src/c.c",)),
    ]
    ran = through(tmp_path, old, {"when"})
    assert ran.audit.ok
    assert ran.audit.head_count["participants"] == 2
    assert entries(ran)["at"].dt.year.tolist() == [2015, 2015, 2015]
    assert (ran.records["block_time"] > pd.Timestamp(kit.chain.START)).all()
    assert ran.records["batch"].nunique() == 3
    assert ran.records["level"].eq("consistent").all()  # its folder alone
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Entries and participants by week" in page
    assert "2015-01-05" in page  # a Monday


GROWS = "\u0958"  # of the letters that NFC writes as two characters
ODD = (
    Made("Ada\x1fEve", "2021-09-20T08:00:00Z", "a separator", ("kit/a.py",)),
    Made("Ada", "2021-09-20T08:00:01Z", GROWS * 4_000, (f"{GROWS * 60}/a.py",)),
    Made("Ada", "2021-09-20T08:00:02Z", "\u200b \u2063\n\u3000", ("\u200b\u3000/a.py",)),
    Made("Eve", "2021-09-20T08:00:03Z", "line breaks", ("\nkit/a\nb.py", "a\tb/c.py", "a\tb/d.py")),
    Made("Eve", "2021-09-20T08:00:04Z", "Ada\x1f0\x1f", ('"quoted"/a.py', "top.md")),
    Made("Eve", "2021-09-20T08:00:05Z", "\nno files", ()),
)


def test_separators_line_breaks_and_what_can_not_be_seen(tmp_path: Path) -> None:
    ran = through(tmp_path, ODD, {"words"})
    assert ran.audit.ok
    found = load().commits(ran.repository)
    assert [commit.author for commit in found] == [made.author for made in ODD]
    assert ran.audit.head_count["participants"] == 3  # whose name has a separator is one more
    told = entries(ran).sort_values(["at", "seq"])
    grown = "\u0915\u093c"
    assert told["text"].tolist() == [
        "a separator",
        grown * 2_500,
        "(no message)",
        "line breaks",
        "Ada 0",
        "no files",
    ]
    assert told["place"].tolist() == ["kit", grown * 40, "(no name)", "a b", '"quoted"', "."]


def test_a_git_that_shows_signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has set it would get the signatures' checks among the paths."""
    repository = make(tmp_path / "repository", MADE[:1])

    def git(*arguments: str, said: bytes = b"") -> bytes:
        command = ["git", "-C", str(repository), *arguments]
        return subprocess.run(command, input=said, check=True, capture_output=True).stdout.strip()

    begin, end = (f"-----{word} PGP SIGNATURE-----\n" for word in ("BEGIN", "END"))
    signature = f"\ngpgsig {begin} \n iQ\n {end}\n".encode()
    signed = git("cat-file", "commit", "HEAD").replace(b"\n\n", signature, 1)
    signed = git("hash-object", "-wt", "commit", "--stdin", said=signed)
    tree = git("write-tree").decode()
    monkeypatch.setenv("GIT_COMMITTER_NAME", "C")
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "c@example.org")
    monkeypatch.setenv("GIT_AUTHOR_NAME", "A")
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", "a@example.org")
    git("reset", "--soft", git("commit-tree", tree, "-p", signed.decode(), "-m", "last").decode())
    found = load().commits(repository)
    assert [commit.place for commit in found] == ["kit", "."]

    checker = tmp_path / "checker"
    checker.write_text("#!/bin/sh\necho 'a/good signature' >&2\n", "utf-8")
    checker.chmod(0o755)
    git("config", "gpg.program", str(checker))
    git("config", "log.showSignature", "true")
    assert b"a/good signature" in git("log")
    assert load().commits(repository) == found
