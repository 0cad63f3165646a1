"""What an error says to do is true: each error is provoked, its advice carried out, and then it works.

Others stand where their subject is tested: a column that is not yet True or False, or times
(tests/analysis/participation/test_bad_input.py), a machine (tests/teaching/test_readiness.py), files
and pictures (tests/project/test_cli.py, tests/views/test_page.py).
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import secrets
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_utils import to_checksum_address
from PIL import Image

import kit
from kit import people
from kit.chain import load_artifact
from kit.core import Attachment, Record, Tree, commitment
from kit.errors import KitError
from kit.log import MODERATOR_ROLE

ALICE, BOB, CAROL, MODERATOR = people.alice, people.bob, people.carol, people.moderator
AT = datetime(2021, 9, 20, 8, tzinfo=UTC)
SUBJECT = "0x" + "ab" * 32
PNG = b"\x89PNG\r\n\x1a\n"


@contextlib.contextmanager
def told(fix: str) -> Iterator[None]:
    """Expect an error of the kit's that ends with this advice."""
    with pytest.raises(KitError) as caught:
        yield
    assert str(caught.value).endswith(fix), caught.value


@pytest.fixture
def diary() -> Iterator[kit.Diary]:
    with closing(kit.Diary.open(kit.chain.embedded())) as diary:
        yield diary


@pytest.fixture
def published(diary: kit.Diary) -> kit.Diary:
    """A diary with an approved entry and a witness, in the log."""
    entry = diary.post(ALICE, "十人一桌", place="泉州")
    diary.review(entry, by=MODERATOR, approve=True)
    diary.publish()
    diary.witness(entry, by=BOB)
    diary.publish()
    return diary


def entry(text: str = "你好", **more: Any) -> Record:
    return Record.entry(more.pop("author", ALICE.address), more.pop("at", AT), text, **more)


# --- a record --------------------------------------------------------------------------------------


def test_an_address_without_its_capitals() -> None:
    lower = ALICE.address.lower()
    with told("Write it with the capitals of EIP-55, as wallets do."):
        entry(author=lower, place="泉州")
    assert entry(author=to_checksum_address(lower), place="泉州").author == ALICE.address


def test_a_time_without_a_zone() -> None:
    local = datetime(2021, 9, 20, 8)
    with told("Add the zone, say datetime(…, tzinfo=UTC); a time without one could be anywhere's."):
        entry(at=local, place="泉州")
    assert entry(at=datetime(2021, 9, 20, 8, tzinfo=UTC), place="泉州").at == AT


def test_a_time_with_parts_of_a_second() -> None:
    late = AT.replace(microsecond=500)
    with told("Use replace(microsecond=0)."):
        entry(at=late, place="泉州")
    assert entry(at=late.replace(microsecond=0), place="泉州").at == AT


@pytest.mark.parametrize(
    ("text", "fix", "mended"),
    [
        ("好" * 5_001, "Shorten it.", "好" * 5_000),
        ("a\0b", "Take it out.", "ab"),
        ("\u200b ", "Write something.", "something"),
    ],
)
def test_a_text(text: str, fix: str, mended: str) -> None:
    with told(fix):
        entry(text, place="泉州")
    assert entry(mended, place="泉州").body["text"] == mended


def test_a_text_that_is_not_in_nfc() -> None:
    value = entry("café", place="泉州").to_json()
    value["body"]["text"] = unicodedata.normalize("NFD", "café")
    with told("Bring its texts to Unicode NFC."):
        Record.from_json(value)
    value["body"]["text"] = unicodedata.normalize("NFC", value["body"]["text"])
    assert Record.from_json(value) == entry("café", place="泉州")


def test_a_salt() -> None:
    with told("Use secrets.token_bytes(32)."):
        commitment(entry(place="泉州"), b"salt")
    assert len(commitment(entry(place="泉州"), secrets.token_bytes(32))) == 66


def bulletin(figures: dict[str, int]) -> Record:
    return Record.bulletin(ALICE.address, AT, "press", AT, figures)


def test_figures_that_are_too_large_and_names_that_are_the_same() -> None:
    with told("Use a smaller unit."):
        bulletin({"tests": 2**53})
    assert bulletin({"thousands of tests": 2**53 // 1000})
    same = ["é", unicodedata.normalize("NFD", "é")]
    with told("Rename one."):
        bulletin({same[0]: 1, same[1]: 2})
    assert bulletin({same[0]: 1, same[1] + " (2)": 2})


# --- files -----------------------------------------------------------------------------------------


def test_too_many_files(diary: kit.Diary, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.png" for n in range(10)]
    for n, path in enumerate(paths):
        path.write_bytes(PNG + bytes([n]))
    with told("Post the rest in a second entry."):
        diary.post(ALICE, "ten", place="泉州", attachments=paths)
    diary.post(ALICE, "nine", place="泉州", attachments=paths[:9])
    diary.post(ALICE, "and one", place="泉州", attachments=paths[9:])
    assert len(diary.waiting()) == 2


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "noise.png"
    Image.effect_noise((3200, 3200), 90).save(path)
    with told("Make the picture or clip smaller."):
        Attachment.read(path)
    with Image.open(path) as picture:
        picture.resize((800, 800)).save(path)
    assert Attachment.read(path).media_type == "image/png"


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    path = tmp_path / "moon.bmp"
    Image.new("RGB", (9, 9)).save(path)
    with told("Convert the file first."):
        Attachment.read(path)
    with Image.open(path) as picture:
        picture.save(tmp_path / "moon.png")
    assert Attachment.read(tmp_path / "moon.png").name == "moon.png"


def test_a_file_name_with_folders_and_a_path_that_is_none(tmp_path: Path) -> None:
    with told("Leave the folders out."):
        Attachment.of("a/b.png", PNG)
    assert Attachment.of("b.png", PNG)
    (tmp_path / "b.png").write_bytes(PNG)
    with told("Check the path."):
        Attachment.read(tmp_path / "B" / "b.png")
    assert Attachment.read(tmp_path / "b.png")


# --- the platform ----------------------------------------------------------------------------------


def test_a_second_decision_is_a_colleagues(diary: kit.Diary) -> None:
    sold = diary.post(ALICE, "sold out", place="泉州")
    with told("Ask the log's admin for MODERATOR_ROLE."):
        diary.review(sold, by=CAROL, approve=False, reason_code="other", reason="no")
    diary.log.grant(MODERATOR_ROLE, CAROL.address, by=people.registrar)
    diary.review(sold, by=CAROL, approve=False, reason_code="other", reason="no")
    with told("Only the author may appeal."):
        diary.appeal(sold, by=BOB, text="Look again.")
    diary.appeal(sold, by=ALICE, text="Look again.")
    with told("Ask a colleague to decide."):
        diary.review(sold, by=CAROL, approve=True)
    diary.review(sold, by=MODERATOR, approve=True)
    assert diary.state(sold) == "approved"


def test_nobody_decides_about_or_witnesses_their_own_words(diary: kit.Diary) -> None:
    own = diary.post(MODERATOR, "my own", place="泉州")
    with told("Nobody decides about their own words: ask a colleague."):
        diary.review(own, by=MODERATOR, approve=True)
    diary.log.grant(MODERATOR_ROLE, CAROL.address, by=people.registrar)
    diary.review(own, by=CAROL, approve=True)
    with told("Review it, and publish()."):
        diary.certificate(own)
    diary.publish()
    assert kit.verify(diary.certificate(own), diary.log).ok
    with told("Ask others to witness it."):
        diary.witness(own, by=MODERATOR)
    diary.witness(own, by=BOB)
    with told("Only the author may withdraw."):
        diary.withdraw(own, by=BOB)
    diary.withdraw(own, by=MODERATOR)


def test_a_time_that_has_not_come(diary: kit.Diary) -> None:
    soon = diary.chain.now() + timedelta(hours=1)
    with told("On a lesson's chain, chain.wait_until() moves the clock."):
        diary.post(ALICE, "later", place="泉州", at=soon)
    diary.chain.wait_until(soon)
    diary.post(ALICE, "later", place="泉州", at=soon)


def test_somebody_without_a_key_and_something_unknown(diary: kit.Diary) -> None:
    advice = "Pass kit.people.alice in a lesson, or eth_account's Account.from_key(…)."
    with told(advice):
        diary.post(ALICE.address, "hello", place="泉州")  # type: ignore[arg-type]
    diary.post(Account.from_key("0x" + "5e" * 32), "hello", place="泉州")
    mine = diary.post(ALICE, "hello", place="泉州")
    with told("Pass what this diary returned, or its commitment."):
        diary.state(SUBJECT)
    assert diary.state(mine) == diary.state(mine.commitment) == "waiting"


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "mine" / "diary.sqlite"
    with told("Make the folder first."):
        kit.Diary.open(kit.chain.embedded(), file)
    file.parent.mkdir()
    kit.Diary.open(kit.chain.embedded(), file).close()
    assert file.is_file()


# --- chains and logs -------------------------------------------------------------------------------


def test_a_block_that_is_not_there() -> None:
    chain = kit.chain.embedded()
    with told("Check that this is the chain you mean, and that it was not restarted."):
        chain.block(1_000)
    assert chain.block(chain.head.number) == chain.head


def test_coins_for_the_gas() -> None:
    chain, poor = kit.chain.embedded(), people.named("dora")
    with told("On this chain the people of kit.people.FUNDED have coins for the gas."):
        chain.deploy(load_artifact("DiaryStorage"), by=poor)
    for person in people.FUNDED:
        assert chain.deploy(load_artifact("DiaryStorage"), by=person).address


def test_a_node_that_is_not_there_and_one_that_is_no_lesson_s() -> None:
    node = kit.chain.anvil()
    url = node.url
    node.close()
    with told("Is the node running, and is the address right?"):
        kit.chain.connect(url)
    with kit.chain.anvil() as node:
        chain = kit.chain.connect(node.url)
        with told("Use kit.chain.embedded() or kit.chain.anvil() for this."):
            chain.mine()
        before = chain.head.number
        node.mine()
        assert chain.head.number == before + 1


def test_a_snapshot() -> None:
    with kit.chain.anvil() as chain:
        chain.mine()
        taken = chain.snapshot()
        chain.mine()
        chain.restore(taken)
        with told("A snapshot can be restored once."):
            chain.restore(taken)
        head, taken = chain.head, chain.snapshot()
        chain.mine()
        chain.restore(taken)
        assert chain.head == head


def test_events_by_name_and_by_value(published: kit.Diary) -> None:
    log, abi = published.log, published.log.contract.abi
    events = published.chain.events
    with told('Pass its list, its JSON, or an artifact: kit.chain.load_artifact("DiaryLog").'):
        events(log.address, "DiaryLog", "BatchAppended")
    for given in (abi, json.dumps(abi), load_artifact("DiaryLog")):
        assert len(events(log.address, given, "BatchAppended")) == 2
    with told("Name it, or write its whole signature."):
        events(log.address, abi, "Batch")
    table = events(log.address, abi, kit.chain.events.Event(abi, "BatchAppended").signature)
    with told("Filter the table by the others."):
        events(log.address, abi, "BatchAppended", where={"count": 1})
    assert len(table[table["count"] == 1]) == 1


def test_an_address_that_is_none(diary: kit.Diary) -> None:
    with told("Pass person.address."):
        diary.log.grant(MODERATOR_ROLE, CAROL.address.lower(), by=people.registrar)
    diary.log.grant(MODERATOR_ROLE, CAROL.address, by=people.registrar)


def test_a_root_and_a_tree_that_is_too_large(diary: kit.Diary) -> None:
    hashes = ["0x" + n.to_bytes(32).hex() for n in range(1_025)]
    with told("Publish in several batches."):
        Tree(hashes)
    trees = [Tree(hashes[:1_024]), Tree(hashes[1_024:])]
    with told("Take tree.root."):
        diary.log.append("root", 0, 1_024, by=people.registrar)
    diary.log.append(trees[0].root, 0, 1_024, by=people.registrar)
    with told("Was it published in another batch?"):
        trees[0].proof(hashes[-1])
    assert trees[1].proof(hashes[-1]) == []


# --- exports, counts, pictures ---------------------------------------------------------------------


def test_the_folder_of_an_export(published: kit.Diary, tmp_path: Path) -> None:
    folder = kit.export(published, tmp_path / "export", licence="CC0-1.0")
    with told("Pass the folder that kit.export() wrote, as a whole."):
        kit.read(tmp_path)
    assert kit.read(folder).attrs["audit"]["ok"]
    kept = {path.name: path.read_bytes() for path in folder.glob("leaves.*")}
    for name in kept:
        (folder / name).unlink()
    with told("Ask for the whole export."):
        kit.read(folder)
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    assert kit.read(folder).attrs["audit"]["ok"]


def test_a_table_of_other_columns(published: kit.Diary) -> None:
    records = published.records()
    with told("Start from diary.records()."):
        kit.participation.daily(records.drop(columns="author"))
    table = kit.participation.daily(published.records())
    assert table["entries"].tolist() == [1]
    with told("Pass the table of the function of kit.participation with the plot's name."):
        kit.plots.daily(records, source="a test")
    assert kit.plots.daily(table, source="a test")


def test_a_model_s_numbers() -> None:
    with told("Choose one of these."):
        kit.simulate.Model(days=0)
    assert kit.simulate.Model(days=1).days == 1
    with told("Give one a weight."):
        kit.simulate.Model(places={"莆田": 0})
    assert kit.simulate.Model(places={"莆田": 1})


def test_an_exercise(capsys: pytest.CaptureFixture[str]) -> None:
    with told("Copy the name from the lesson."):
        kit.teaching.check("hex-digits", 64)
    kit.teaching.check("01-hex-digits", 64)
    assert "Right" in capsys.readouterr().out
    with told("Did a cell above not run?"), kit.teaching.refused():
        pass
    with kit.teaching.refused():
        Tree([])
    assert capsys.readouterr().out.startswith("Refused: ")


def test_a_page_address_that_is_too_long(published: kit.Diary) -> None:
    certificate = next(iter(published.certificates()))
    with told("Use a shorter page address."):
        kit.views.qr_png(certificate, page="https://example.org/" + "long" * 200)
    picture = Image.open(io.BytesIO(kit.views.qr_png(certificate, page="https://example.org/")))
    assert picture.width > 100


# --- all of them -----------------------------------------------------------------------------------


def messages() -> set[str]:
    """Every text of two words or more in the kit's source; those with values, piece by piece."""
    found = set()
    for path in Path(kit.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_at_least_thirty_are_carried_out_and_all_are_the_kit_s() -> None:
    here = ast.parse(Path(__file__).read_text("utf-8"))
    fixes = {
        node.args[0].value
        for node in ast.walk(here)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "told"
        and isinstance(node.args[0], ast.Constant)
    }
    assert len(fixes) >= 30
    whole = "\n".join(messages())
    for fix in fixes - {"Only the author may appeal.", "Only the author may withdraw."}:
        assert fix in whole, fix
