"""Where the lessons' keys sign and where they don't; and who else signs there."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import ipywidgets as widgets
import pytest
from eth_account import Account
from web3.providers import BaseProvider
from web3.providers.eth_tester import EthereumTesterProvider

import kit
from kit import people
from kit.chain import Chain, load_artifact
from kit.chain.rpc import Http
from kit.errors import ChainError, NodeDown, NotAllowed
from kit.log import MODERATOR_ROLE, Log

KEY_OF_A_NAME = people.named("somebody of a lesson").key
ADVICE = (
    "Use kit.people.from_keystore(FILE); or, where nothing is at stake, "
    "kit.chain.connect(URL, lesson_keys=True)."
)
TO_OPEN = (
    "Pass registrar=kit.people.from_keystore(FILE) and moderators=[ADDRESS]; or, where nothing is at "
    "stake, kit.chain.connect(URL, lesson_keys=True)."
)


class Elsewhere(Http):
    """An anvil node that says it is another."""

    sent: ClassVar[list[str]] = []

    def make_request(self, method: Any, params: Any) -> Any:
        if method == "web3_clientVersion":
            return {"jsonrpc": "2.0", "id": 1, "result": "Geth/v1.16.7-stable"}
        if method == "eth_sendRawTransaction":
            self.sent.append(json.dumps(params))
        return super().make_request(method, params)


@pytest.fixture
def url(anvil: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of a node that is no lesson's."""
    monkeypatch.setattr("kit.chain.factories.Http", Elsewhere)
    monkeypatch.setattr(Elsewhere, "sent", [])
    return str(anvil.url)


@pytest.fixture
def chain(url: str) -> Chain:
    return kit.chain.connect(url)


def rich(anvil: Any) -> Any:
    """An account of one's own, with coins."""
    account = Account.create()
    anvil._ask("anvil_setBalance", account.address, hex(10**20))
    return account


@pytest.fixture
def own(anvil: Any) -> Any:
    return rich(anvil)


@pytest.fixture
def diary(chain: Chain, own: Any) -> Iterator[kit.Diary]:
    with closing(kit.Diary.open(chain, registrar=own, moderators=[own.address])) as diary:
        yield diary


# --- what is a lesson chain ------------------------------------------------------------------------


def test_the_lessons_chains_take_them(anvil: Any) -> None:
    assert kit.chain.embedded().takes_lesson_keys
    assert anvil.takes_lesson_keys
    assert kit.chain.connect(anvil.url).takes_lesson_keys
    assert kit.chain.connect(anvil.url.replace("127.0.0.1", "localhost")).takes_lesson_keys


class Said(BaseProvider):
    """A node that says who it is, and no more."""

    def __init__(self, url: str | None, version: Any, chain_id: int) -> None:
        super().__init__()
        self.endpoint_uri = url
        self.answers = {"web3_clientVersion": version, "eth_chainId": hex(chain_id)}

    def make_request(self, method: Any, params: Any) -> Any:
        answer = self.answers[method]
        return {"jsonrpc": "2.0", "id": 1} | (
            {"error": {"code": -32601, "message": "no"}} if answer is None else {"result": answer}
        )


@pytest.mark.parametrize(
    ("url", "version", "chain_id", "takes"),
    [
        ("http://127.0.0.1:8545", "anvil/v1.4.2", 31337, True),
        ("http://[::1]:8545", "anvil/v1.4.2", 31337, True),
        ("http://node.example:8545", "anvil/v1.4.2", 31337, False),
        ("http://127.0.0.1:8545", "anvil/v1.4.2", 1, False),  # a copy of another chain
        ("http://127.0.0.1:8545", "Geth/v1.16.7", 31337, False),
        ("http://127.0.0.1:8545", "Geth/anvil/", 31337, False),
        ("http://127.0.0.1:8545", None, 31337, False),
        ("http://127.0.0.1:8545", {}, 31337, False),
        (None, "anvil/v1.4.2", 31337, False),
    ],
)
def test_what_is_a_lesson_chain(url: str | None, version: Any, chain_id: int, takes: bool) -> None:
    chain = Chain(Said(url, version, chain_id))
    assert chain.takes_lesson_keys is takes
    chain.check_signer(Account.create())
    if not takes:
        with pytest.raises(
            NotAllowed, match=f"a key of your own on chain {chain_id}, got a lesson"
        ):
            chain.check_signer(people.alice)
    chain.lesson_keys = True
    assert chain.takes_lesson_keys
    chain.check_signer(people.alice)


def test_a_node_that_is_gone_is_not_taken_for_anything() -> None:
    with pytest.raises(NodeDown):
        Chain(Http("http://127.0.0.1:9")).check_signer(people.alice)


# --- whose key -------------------------------------------------------------------------------------

A_LESSON_S = [
    people.alice,
    people.named("nobody ever said this name"),
    Account.from_key(people.moderator.key),
    Account.from_key(KEY_OF_A_NAME),
]


@pytest.mark.parametrize("who", A_LESSON_S, ids=["person", "name", "funded", "in other clothes"])
def test_a_lesson_key_is_known_in_any_account_object(who: Any, chain: Chain) -> None:
    for given in (who, who.address, who.address.lower()):
        with pytest.raises(NotAllowed) as caught:
            chain.check_signer(given)
        assert str(caught.value).endswith(ADVICE)
    chain.check_signer(Account.create().address)


def test_with_a_lesson_key_nothing_is_sent(chain: Chain, own: Any, diary: kit.Diary) -> None:
    log, artifact = diary.log, load_artifact("DiaryStorage")
    storage = chain.deploy(artifact, by=own)
    before = len(Elsewhere.sent)
    assert before
    registrar = people.registrar
    attempts: list[Callable[[], Any]] = [
        lambda: chain.deploy(artifact, by=registrar),
        lambda: chain.send(storage.functions.store(b"1" * 32), by=Account.from_key(registrar.key)),
        lambda: Log.deploy(chain, by=registrar),
        lambda: log.grant(MODERATOR_ROLE, own.address, by=registrar),
        lambda: log.grant(MODERATOR_ROLE, people.moderator.address, by=own),
        lambda: log.append("0x" + "1" * 64, 0, 1, by=registrar),
        lambda: kit.simulate.publish(diary, 10),
        lambda: kit.data.day(diary),
    ]
    for attempt in attempts:
        with pytest.raises(NotAllowed, match="a lesson key, which anybody can compute"):
            attempt()
    assert len(Elsewhere.sent) == before


def test_with_a_lesson_key_no_record_is_signed(diary: kit.Diary, own: Any) -> None:
    writer, moderator = Account.create(), people.moderator
    entry = diary.post(writer, "hello", place="泉州")
    # It has the role, by another way than grant().
    call = diary.log.contract.functions.grantRole(MODERATOR_ROLE, moderator.address)
    diary.chain.send(call, by=own)

    def refused(attempt: Callable[[], Any]) -> None:
        before = diary.record_count()
        with pytest.raises(NotAllowed, match="a lesson key, which anybody can compute"):
            attempt()
        assert diary.record_count() == before

    refused(lambda: diary.post(people.alice, "hello", place="泉州"))
    refused(lambda: diary.post(Account.from_key(KEY_OF_A_NAME), "hello", place="泉州"))
    refused(lambda: kit.data.fill(diary))
    refused(lambda: diary.review(entry, by=moderator, approve=True))
    refused(lambda: diary.bulletin(moderator, "报", {"a": 1}, as_of=diary.chain.head.time))
    diary.review(entry, by=own, approve=True)
    diary.publish()
    refused(lambda: diary.witness(entry, by=people.alice))
    refused(lambda: diary.suspend(entry, by=moderator, reason_code="off-topic"))
    diary.suspend(entry, by=own, reason_code="off-topic")
    refused(lambda: diary.reinstate(entry, by=moderator))
    diary.appeal(entry, "no", by=writer)
    diary.withdraw(entry, by=writer)
    assert diary.state(entry) == "erased"


def test_a_lesson_s_author_neither_appeals_nor_withdraws(url: str, own: Any) -> None:
    """Of an archive that was begun where they might."""
    with closing(kit.Diary.open(kit.chain.connect(url, lesson_keys=True))) as diary:
        entry = diary.post(people.alice, "hello", place="泉州")
        diary.review(entry, by=people.moderator, approve=False, reason_code="off-topic")
        diary.chain.lesson_keys = False
        for attempt in (diary.withdraw, lambda entry, by: diary.appeal(entry, "no", by=by)):
            with pytest.raises(NotAllowed, match="a lesson key, which anybody can compute"):
                attempt(entry, by=people.alice)
        with pytest.raises(NotAllowed, match="a lesson key, which anybody can compute"):
            diary.publish()  # by the lessons' registrar
        assert diary.state(entry) == "rejected"
        assert diary.outbox.pending() is None  # nothing was planned


# --- opening a diary -------------------------------------------------------------------------------


def test_a_diary_is_not_begun_with_the_lessons_people(
    chain: Chain, own: Any, tmp_path: Path
) -> None:
    file = tmp_path / "diary.sqlite"
    for given in ({}, {"moderators": [own.address]}):
        with pytest.raises(NotAllowed) as caught:
            kit.Diary.open(chain, file, **given)
        assert str(caught.value).endswith(TO_OPEN)
        assert not file.exists()
    with pytest.raises(NotAllowed) as caught:
        kit.Diary.open(chain, file, registrar=own)
    assert str(caught.value).endswith(TO_OPEN)
    assert not Elsewhere.sent
    with closing(kit.Diary.open(chain, file, registrar=own, moderators=[own.address])) as diary:
        diary.post(own, "hello", place="泉州")
    # Its moderators are on the chain: nobody has to name them again.
    with closing(kit.Diary.open(chain, file, registrar=own)) as diary:
        assert len(diary.waiting()) == 1
    with pytest.raises(NotAllowed):
        kit.Diary.open(chain, file)


def test_whoever_says_so_in_words_may(url: str) -> None:
    chain = kit.chain.connect(url, lesson_keys=True)
    with closing(kit.Diary.open(chain)) as diary:
        entry = diary.post(people.alice, "hello", place="泉州")
        diary.review(entry, by=people.moderator, approve=True)
        diary.publish()
        assert kit.verify(diary.certificate(entry), diary.log, leaves=diary.leaves()).ok
        assert len(kit.desk(diary).room.people) == 4


def test_a_keystore_opens_one(
    chain: Chain, own: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the errors say."""
    file = tmp_path / "key.json"
    file.write_text(json.dumps(own.encrypt("a password", "pbkdf2", 1_000)))
    monkeypatch.setattr("getpass.getpass", lambda prompt: "a password")
    me, other = kit.people.from_keystore(file), Account.create()
    with closing(kit.Diary.open(chain, registrar=me, moderators=[other.address])) as diary:
        entry = diary.post(me, "hello", place="泉州")
        diary.review(entry, by=other, approve=True)
        assert diary.publish().count == 2


# --- the desk --------------------------------------------------------------------------------------


def html(desk: Any) -> str:
    def each(widget: Any) -> Iterator[Any]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from each(child)

    return "".join(x.value for x in each(desk.box) if isinstance(x, widgets.HTML))


def test_nobody_sits_at_the_desk_of_another_chain(diary: kit.Diary, own: Any) -> None:
    diary.post(own, "of somebody else", place="泉州")
    desk = kit.desk(diary)
    assert not desk.room.people
    assert not desk.writing.author.options
    assert "may not sign on this chain" in html(desk)
    assert "kit.desk(diary, [kit.people.from_keystore(FILE)])" in html(desk)
    for tab in (1, 2, 0):
        desk.tabs.selected_index = tab
        assert not desk.room.top.widget.value
    assert "of somebody else" not in desk.writing.mine.shown.value
    desk.writing.text.value, desk.writing.place.value = "hello", "泉州 Quanzhou"
    desk.writing.post.click()
    assert "Choose who does it." in desk.writing.message.widget.value


def test_who_is_seated_there_sits_there(diary: kit.Diary, own: Any) -> None:
    desk = kit.desk(diary, [own])
    assert list(desk.room.people) == [own.address]
    assert "may not sign on this chain" not in html(desk)
    desk.writing.text.value, desk.writing.place.value = "hello", "泉州 Quanzhou"
    desk.writing.post.click()
    assert "Posted" in desk.writing.message.widget.value
    with pytest.raises(NotAllowed, match="a lesson key"):
        kit.desk(diary, [own, people.named("dora")])


# --- a key where a hash belongs --------------------------------------------------------------------


def test_a_key_of_an_account_in_use_is_not_sent_as_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = EthereumTesterProvider.make_request

    def record(provider: Any, method: Any, params: Any) -> Any:
        asked.append(repr(params))
        return ask(provider, method, params)

    monkeypatch.setattr(EthereumTesterProvider, "make_request", record)
    chain, dora = kit.chain.embedded(), Account.create()
    log = kit.Diary.open(chain).log
    key = "0x" + bytes(dora.key).hex()
    with pytest.raises(ChainError, match="a block on this chain, got none numbered"):
        chain.block(key)
    assert key in "".join(asked)  # nobody knows it yet: it looks like any hash
    with pytest.raises(ChainError):  # it has no coins
        chain.deploy(load_artifact("DiaryStorage"), by=dora)
    asked.clear()
    for one in (key, "0x" + bytes(people.alice.key).hex(), key.upper().replace("X", "x")):
        for ask_with in (chain.block, chain.receipt, chain.raw_receipt, chain.block_time):
            with pytest.raises(ChainError, match="may be a private key; it was not sent"):
                ask_with(one)
        with pytest.raises(ChainError, match="may be a private key; it was not sent"):
            log.append(one, 0, 1, by=people.registrar)
    assert not asked


def test_a_hash_is_a_text_of_64_digits() -> None:
    chain = kit.chain.embedded()
    for given in (chain.head.hash[2:], int(chain.head.hash, 16)):
        with pytest.raises(ChainError) as caught:
            chain.block(given)
        assert str(caught.value).endswith("A hash is a text of 0x and 64 hex digits.")
    assert chain.block(chain.head.hash) == chain.head
