"""docs/operations.md: its code runs, its numbers are measured, each of its advices helps."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

import kit
import kit.chain.sending
import kit.people
from kit import people
from kit.chain.anvil_chain import AnvilChain
from kit.errors import (
    ArchiveError,
    ChainError,
    FinalityLost,
    KitError,
    NodeDown,
    NotAllowed,
    NothingWaiting,
    RecordError,
    WrongChain,
)
from kit.log import ADMIN_ROLE, MODERATOR_ROLE, REGISTRAR_ROLE, Log
from tests.misbehaving import drop

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
CODE = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ERRORS = re.findall(r"^\| `(\w+)`(?: \"(.+?)\")? \| .+ \| (.+) \|$", PAGE, re.MULTILINE)
ROOT = "0x" + 64 * "1"


@pytest.fixture
def node() -> Iterator[AnvilChain]:
    with kit.chain.anvil() as chain:
        yield chain


@pytest.fixture
def diary(node: AnvilChain, tmp_path: Path) -> Iterator[kit.Diary]:
    with closing(kit.Diary.open(node, tmp_path / "a.sqlite")) as diary:
        post(diary)
        yield diary


def post(diary: kit.Diary, text: str = "一") -> None:
    entry = diary.post(people.alice, text, place="泉州")
    diary.review(entry, by=people.moderator, approve=True)


def run(code: str, names: dict[str, Any]) -> None:
    exec(code, names)  # noqa: S102  the page's own


def test_the_code_of_the_page(
    node: AnvilChain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """From the first line to the last, with accounts of one's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("getpass.getpass", lambda *_: "a password")
    own, following = Account.create(), Account.create()
    for account in (own, following):
        node._ask("anvil_setBalance", account.address, hex(10**21))
    (tmp_path / "key.json").write_text(json.dumps(own.encrypt("a password", iterations=2)))
    names: dict[str, Any] = {
        "URL": node.url,
        "KEYSTORE": "key.json",
        "MODERATORS": [people.moderator.address],
        "NEXT": following.address,
        "NEXT_ADMIN": following,
    }
    begin, cost, publish, copies, restore, roles = CODE
    run(begin, names)
    run(cost, names)
    assert names["cost_a_year"](24, 2, 100) == pytest.approx(79_462 * 24 * 365 * 2e-9 * 100)
    post(names["diary"])
    run(publish, names)
    assert "Batch 0" in capsys.readouterr().out
    run(publish, names)  # nothing waits
    run(copies, names)
    post(names["diary"], "二")
    run(publish, names)
    kit.export(names["diary"], "export of Tuesday")
    run(roles, names)
    log = names["diary"].log
    assert not log.has_role(ADMIN_ROLE, own.address)
    assert log.has_role(ADMIN_ROLE, following.address)
    log.grant(MODERATOR_ROLE, people.bob.address, by=following)
    names["diary"].close()
    capsys.readouterr()
    run(restore, names)
    assert "records 2 to 3: taken from the export." in capsys.readouterr().out
    assert names["diary"].records()["proved"].all()
    names["diary"].close()


def test_the_gas_of_the_page(node: AnvilChain) -> None:
    told = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|", PAGE, re.MULTILINE)
    gas = {what: int(number.replace(",", "")) for what, number in told}
    log = Log.deploy(node, by=people.registrar)
    deployed: Any = node.w3.eth.get_block(1)
    measured = [deployed["gasUsed"]]
    granted = log.grant(MODERATOR_ROLE, people.moderator.address, by=people.registrar)
    measured.append(granted.gas)
    appended = []
    for first, count in ((0, 1), (1, 1), (2, 1024), (1026, 1024)):
        anchor = log.append(ROOT, first, count, by=people.registrar).anchor
        appended.append(node.receipt(anchor.transaction_hash).gas)
    assert list(gas.values()) == [*measured, appended[0], max(appended[1:])]
    assert max(appended[1:]) - min(appended[1:]) < 100  # the same for 1 and for 1,024
    a_year = [float(x) for x in re.findall(r"([\d.]+) million", PAGE)]
    assert a_year == [round(365 * n * max(appended[1:]) / 1e6, 1) for n in (1, 24)]


# --- what may come -------------------------------------------------------------------------------

ADVICE: dict[tuple[str, str], Callable[..., None]] = {}


def advice(name: str, words: str = "") -> Callable[[Any], Any]:
    def note(function: Any) -> Any:
        ADVICE[name, words] = function
        return function

    return note


def published(diary: kit.Diary, records: int = 2) -> None:
    while True:
        try:
            diary.publish()
        except NothingWaiting:
            break
    assert diary.log.record_count() == records
    assert diary.records()["proved"].all()


@advice("NothingWaiting")
def nothing(diary: kit.Diary, **_: Any) -> None:
    diary.publish()
    with pytest.raises(NothingWaiting):
        diary.publish()


@advice("NodeDown")
def another_address(diary: kit.Diary, node: AnvilChain, path: Path, **_: Any) -> None:
    first = kit.chain.anvil(state=path / "chain")
    with closing(kit.Diary.open(first, path / "b.sqlite")) as begun:
        post(begun)
        first.close()
        with pytest.raises(NodeDown):
            begun.publish()
    with (
        kit.chain.anvil(state=path / "chain") as up,
        closing(kit.Diary.open(up, path / "b.sqlite")) as again,
    ):
        published(again)
    with closing(kit.Diary.open(node, path / "c.sqlite")) as begun:
        post(begun)
    other = kit.chain.connect(node.url.replace("127.0.0.1", "localhost"))
    with closing(kit.Diary.open(other, path / "c.sqlite")) as again:
        published(again)


@advice("ChainError", "a fee of at most")
def dear(diary: kit.Diary, node: AnvilChain, **_: Any) -> None:
    node.fee_limit = 1
    with pytest.raises(ChainError, match="a fee of at most"):
        diary.publish()
    node.fee_limit = kit.chain.FEE_LIMIT
    published(diary)


@advice("ChainError", "the transaction in a block")
def no_block(diary: kit.Diary, node: AnvilChain, monkeypatch: Any, **_: Any) -> None:
    node._ask("evm_setAutomine", False)
    with monkeypatch.context() as short:
        short.setattr(kit.chain.sending, "GIVE_UP", 0.1)
        with pytest.raises(ChainError, match="the transaction in a block"):
            diary.publish()
    node._ask("evm_setAutomine", True)
    node.mine()
    published(diary)
    assert len(diary.outbox.sent(diary.outbox.at(0))) == 1  # type: ignore[arg-type]


@advice("ChainError", "Another registrar was faster")
def faster(diary: kit.Diary, node: AnvilChain, path: Path, **_: Any) -> None:
    diary.log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
    node._ask("evm_setAutomine", False)
    joined = kit.Diary.open(node, path / "b.sqlite", registrar=people.bob, log=diary.log.address)
    with closing(joined) as other:
        post(other, "二")
        other.publish(wait=False)
        node.mine()
        diary.outbox.plan(diary.archive.ready(0, 10))
        node._ask("evm_setAutomine", True)
        with pytest.raises(ChainError, match="Another registrar was faster"):
            diary.publish()
        assert diary.publish().first_seq == 2


@advice("ChainError", "a transaction that the node accepts")
def no_coins(diary: kit.Diary, node: AnvilChain, **_: Any) -> None:
    node._ask("anvil_setBalance", people.registrar.address, "0x0")
    with pytest.raises(ChainError, match="a transaction that the node accepts"):
        diary.publish()
    node._ask("anvil_setBalance", people.registrar.address, hex(10**21))
    published(diary)


@advice("ArchiveError", "a turn at")
def in_use(diary: kit.Diary, node: AnvilChain, monkeypatch: Any, **_: Any) -> None:
    monkeypatch.setattr(kit.diary.archive, "PATIENCE", 0.1)
    with closing(kit.Diary.open(node, diary.path)) as other:
        with other.archive.lock(), pytest.raises(ArchiveError, match="a turn at"):
            diary.publish()
        published(diary)


@advice("ArchiveError", "all batches of its registrar")
@advice("RecordError", "one that was changed")
@advice("ArchiveError", "an archive of this kit")
def a_copy(diary: kit.Diary, node: AnvilChain, path: Path, **_: Any) -> None:
    diary.backup(path / "copy.sqlite")
    with closing(sqlite3.connect(diary.path)) as database:  # type: ignore[arg-type]
        database.execute("CREATE TABLE kept AS SELECT * FROM records")
        database.execute("UPDATE records SET canonical = x'7b7d'")
        database.commit()
    with pytest.raises(RecordError, match="one that was changed"):
        diary.publish()
    with closing(sqlite3.connect(diary.path)) as database:  # type: ignore[arg-type]
        database.execute("DELETE FROM records")
        database.execute("INSERT INTO records SELECT * FROM kept")
        database.execute("DROP TABLE kept")
        database.commit()
    diary.publish()
    kit.export(diary, path / "export")
    diary.close()
    Path(str(diary.path)).write_bytes(b"nonsense" * 1000)
    with pytest.raises(ArchiveError, match="an archive of this kit"):
        kit.Diary.open(node, diary.path)
    with closing(kit.Diary.open(node, path / "copy.sqlite")) as copy:
        with pytest.raises(ArchiveError, match="all batches of its registrar"):
            copy.publish()
        copy.recover(leaves=path / "export")
        published(copy)


@advice("NotAllowed", "the registrar of this log")
def no_role(diary: kit.Diary, **_: Any) -> None:
    diary.log.revoke(REGISTRAR_ROLE, people.registrar.address, by=people.registrar)
    with pytest.raises(NotAllowed, match="the registrar of this log"):
        diary.publish()
    diary.log.grant(REGISTRAR_ROLE, people.registrar.address, by=people.registrar)
    published(diary)


@advice("WrongChain")
def elsewhere(diary: kit.Diary, node: AnvilChain, **_: Any) -> None:
    with pytest.raises(WrongChain):
        kit.Diary.open(kit.chain.embedded(), diary.path)
    with closing(kit.Diary.open(node, diary.path)) as again:
        published(again)


@advice("FinalityLost")
def broken_word(diary: kit.Diary, node: AnvilChain, **_: Any) -> None:
    diary.publish()
    post(diary, "二")
    drop(node, 1)
    sent = node.nonce(people.registrar.address)
    with pytest.raises(FinalityLost):
        diary.publish()
    assert node.nonce(people.registrar.address) == sent  # and nothing was sent


@pytest.mark.parametrize(("name", "words", "todo"), ERRORS)
def test_each_advice_helps(
    name: str,
    words: str,
    todo: str,
    diary: kit.Diary,
    node: AnvilChain,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert issubclass(getattr(kit.errors, name), KitError)
    ADVICE[name, words](diary=diary, node=node, path=tmp_path, monkeypatch=monkeypatch)


def test_each_advice_is_in_the_table() -> None:
    assert {(name, words) for name, words, _ in ERRORS} == set(ADVICE)
