"""Whatever is passed to whatever the kit's doors name, an error is one of ours."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import traceback
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib import import_module
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from eth_account import Account
from eth_utils import keccak
from hexbytes import HexBytes
from web3.providers.eth_tester import EthereumTesterProvider

import kit
from kit import people
from kit.errors import KitError

PACKAGE = Path(kit.__file__).parent
PNG = b"\x89PNG\r\n\x1a\n"
#: The plots whose tables ten records give.
PLOTTED = ("by_place", "by_role", "daily", "hourly", "weekly")
NOON = datetime(2021, 9, 12, 4, tzinfo=UTC)

#: What starts a process or asks a network, and what ends what the others need.
LEFT_OUT = {
    "kit.chain.install": "asks npm",
    "kit.teaching.spark": "starts Java",
    "kit.chain.anvil": "starts anvil",
    "kit.chain.register_magic": "is IPython's to call",
    "kit.views.register": "is IPython's to call",
}


RIGHT_SOMEWHERE = (str, type(None))
#: What takes long where it goes through: only what no argument of theirs can be is passed.
SLOW = {
    "kit.chain.save_artifact",
    "kit.chain.compile_file",
    "kit.chain.compile_source",
    "kit.views.build",
    "kit.views.write",
}

#: What puts entries into another state where it goes through.
MOVES = ("appeal", "reinstate", "review", "suspend", "withdraw", "witness")
CHANGES = {f"kit.diary.Diary.{move}" for move in MOVES}

#: What is refused here whatever is passed: no node, no rows enough, no records left.
REFUSED = {
    "kit.analysis.participation.bass",
    "kit.analysis.participation.logistic",
    "kit.chain.connect",
    "kit.teaching.refused",
    *(
        f"kit.analysis.plots.{name}"
        for name in kit.plots.__all__
        if name in kit.participation.__all__
    ),
    "kit.analysis.plots.growth",
} - {f"kit.analysis.plots.{name}" for name in (*PLOTTED, "witness_network")}


def doors() -> Iterator[tuple[str, Any]]:
    """Yield what a user can name: of each package, what its door names."""
    for stub in sorted(PACKAGE.glob("*/__init__.pyi")):
        package = import_module(f"kit.{stub.parent.name}")
        for found in ast.walk(ast.parse(stub.read_text("utf-8"))):
            if isinstance(found, ast.ImportFrom):
                for name in found.names:
                    yield f"{package.__name__}.{name.asname}", getattr(package, str(name.asname))
    for name in ("desk", "export", "timeline"):
        yield f"kit.{name}", getattr(kit, name)
    for package in (kit.participation, kit.plots):
        for name in package.__all__:
            yield f"{package.__name__}.{name}", getattr(package, name)
    for module in (kit.data, kit.simulate):
        for name in module.__all__:
            yield f"{module.__name__}.{name}", getattr(module, name)


def functions() -> dict[str, Any]:
    """The public functions, classes and methods by their names; each can be called."""
    found: dict[str, Any] = {}
    for name, thing in doors():
        if name in LEFT_OUT or not callable(thing):
            continue
        if not inspect.isclass(thing):
            found[name] = thing
            continue
        if issubclass(thing, str | Exception):  # nobody calls what is raised
            continue
        found[name] = thing
        for method, value in inspect.getmembers(thing, callable):
            if not method.startswith("_") and method != "close" and not inspect.isclass(value):
                found[f"{name}.{method}"] = value
    return found


def world(tmp: Path) -> SimpleNamespace:
    """A diary with published and waiting records, and all that can be had of it."""
    w = SimpleNamespace(tmp=tmp, chain=kit.chain.embedded(), wound_back=kit.chain.embedded())
    w.diary = kit.Diary.open(w.chain)
    w.published = w.diary.post(people.alice, "一", place="厦门")
    w.review = w.diary.review(w.published, by=people.moderator, approve=True)
    w.batch = w.diary.publish()
    w.certificate = w.diary.certificate(w.published)
    w.leaves = w.diary.leaves()
    w.records = w.diary.records()
    w.folder = kit.export(w.diary, tmp / "export")
    w.audit = kit.audit.check(w.folder)[0]
    w.closed = kit.Diary.open(w.chain)
    w.closed.close()
    w.spare = kit.Diary.open(w.chain)  # whose archive is tampered with
    w.spare_entries = [w.spare.post(people.alice, "一", place=at) for at in ("泉州", "莆田")]
    w.stored = w.diary.stories([w.published])[w.published.commitment][0]
    w.moving = kit.Diary.open(kit.chain.embedded())  # for what puts entries into another state
    w.log = kit.log.Log.deploy(w.chain, by=people.registrar)
    w.new = [kit.Diary.open(kit.chain.embedded()) for _ in range(3)]
    (tmp / "picture.png").write_bytes(PNG)
    (tmp / "code.png").write_bytes(kit.views.qr_png(w.certificate))
    (tmp / "First.sol").write_text("contract First {}")
    w.good, w.more = good(w), more(w) | entries(w, *MOVES)
    return w


def entries(w: SimpleNamespace, *moves: str) -> dict[str, Any]:
    """For each of these moves an entry of its own in the state that it wants."""
    made = {}
    for move in moves:
        entry = made[f"Diary.{move}.entry"] = w.moving.post(people.alice, move, place="泉州")
        if move == "appeal":
            w.moving.review(entry, by=people.moderator, approve=False, reason_code="off-topic")
        if move in ("reinstate", "suspend", "witness"):
            w.moving.review(entry, by=people.moderator, approve=True)
            w.moving.publish()
        if move == "reinstate":
            w.moving.suspend(entry, by=people.moderator, reason_code="off-topic")
    return made


#: What each argument may be, by its name; by its function's and its own where that differs.
def good(w: SimpleNamespace) -> dict[str, Any]:
    entry = w.published
    anchor = w.batch.anchor
    contract = w.diary.log.contract
    return {
        "abi": contract.abi,
        "address": w.diary.log.address,
        "anchor": anchor,
        "answer": 64,
        "appealed": False,
        "approve": True,
        "archive": None,
        "artifact": kit.chain.load_artifact("DiaryStorage"),
        "as_of": NOON,
        "at": NOON,
        "author": people.alice,
        "ax": None,
        "batch": 0,
        "block": w.chain.head,
        "block_hash": w.chain.head.hash,
        "block_number": 1,
        "block_time": NOON,
        "blocks": 1,
        "body": entry.record.body,
        "bulletin": kit.data.bulletin(),
        "by": people.moderator,
        "bytecode": "0x",
        "certificate": w.certificate,
        "chain": w.chain,
        "chain_id": w.chain.chain_id,
        "commitment": entry.commitment,
        "commitments": [entry.commitment],
        "compiler": None,
        "confidence": 0.95,
        "content": b"\x89PNG\r\n\x1a\n",
        "contract": w.diary.log.address,
        "corrects": None,
        "count": 1,
        "decision": "approve",
        "diary": w.diary,
        "entry": entry,
        "figures": {"厦门": 1},
        "filename": "source.sol",
        "files": [],
        "first_block": 0,
        "first_seq": 0,
        "folder": w.folder,
        "found": w.audit,
        "function": contract.functions.recordCount(),
        "inclusion": w.certificate.inclusion,
        "kind": "event",
        "last_block": "latest",
        "leaf": w.leaves[0],
        "leaves": w.leaves,
        "licence": "CC0-1.0",
        "limit": 10,
        "log": w.diary.log,
        "log_index": anchor.log_index,
        "move": "approve",
        "moves": [],
        "name": "DiaryStorage",
        "new": "二",
        "number": 1,
        "old": "一",
        "out": w.tmp / "report.html",
        "path": w.tmp / "file",
        "people": [people.alice],
        "place": "厦门",
        "proof": (),
        "proof_of": (),
        "provider": w.chain.w3.provider,
        "published": True,
        "purged": False,
        "record": entry,
        "records": w.records,
        "registrar": people.registrar,
        "role": "resident",
        "root": w.batch.root,
        "salt": entry.salt,
        "seq": 0,
        "sha256_hex": "00" * 32,
        "signature": entry.signature,
        "signed": w.published,
        "source": "contract C {}",
        "state": "waiting",
        "subject": entry.commitment,
        "table": w.records,
        "text": "三",
        "time": NOON,
        "transaction_hash": anchor.transaction_hash,
        "type": "entry",
        "url": "http://127.0.0.1:9",
        "value": {},
        "where": None,
    }


def known_logs(w: SimpleNamespace) -> Path:
    """A file of logs with the diary's own."""
    place = w.diary.log.log_id
    (w.tmp / "logs.toml").write_text(
        f'[[log]]\nname = "a"\nchain = {place.chain_id}\naddress = "{place.contract}"\n'
        'since = 2026-09-01\nvouched_by = "us"\n',
        "utf-8",
    )
    return Path(w.tmp / "logs.toml")


def more(w: SimpleNamespace) -> dict[str, Any]:
    """What an argument of one function may be; by the end of the function's name and its own."""
    log = w.diary.log
    alice, bob = people.alice.address, people.bob.address
    leaf, record, contract = w.leaves[0], w.published.record, log.contract
    place = kit.core.LogId(w.chain.chain_id, log.address)
    who, p = kit.participation, kit.plots
    counted = {n: getattr(who, n)(w.records) for n in PLOTTED}
    axes = p.by_place(counted["by_place"], source="here")
    event = kit.chain.Event(contract.abi, "BatchAppended")
    word = 64 * "0"  # as in a log of no batch
    log_of_event = {
        "topics": [event.topic, "0x" + word, "0x" + word],
        "data": "0x" + 3 * word,
    }
    return {
        "Chain.events.name": "BatchAppended",
        "Chain.restore.token": w.wound_back.snapshot(),
        "Chain.send.call": contract.functions.grantRole(kit.log.MODERATOR_ROLE, bob),
        "Chain.send.by": people.registrar,
        "Chain.follow.call": contract.functions.grantRole(kit.log.MODERATOR_ROLE, bob),
        "Chain.follow.by": people.registrar,
        "Chain.patiently.ask": lambda: True,
        "PendingBatch.of.batch": w.batch,
        "known.file": known_logs(w),
        "said.steps": kit.verify(w.certificate).steps,
        "level_of.steps": kit.verify(w.certificate).steps,
        "events_so_far.event": kit.chain.Event(contract.abi, "BatchAppended"),
        "Certificate.from_compact.text": w.certificate.compact(),
        "Certificate.from_json.value": w.certificate.to_json(),
        "Certificate.loads.text": w.certificate.dumps(),
        "Diary.log": log,
        "Diary.archive": kit.Diary.open(w.chain).archive,
        "Diary.salt": kit.diary.lesson_salt,
        "Diary.appeal.by": people.alice,
        "Diary.act.entry": w.published,
        "Diary.act.move": "witness",
        "Diary.keep.records": [],
        "Diary.stories.of": [w.published],
        "Diary.withdraw.by": people.alice,
        "EntryState.author": alice,
        "EntryState.after.by": bob,
        "EntryState.check.by": bob,
        "EntryState.check.moderator": True,
        "EntryState.of.author": alice,
        "Event.name": "BatchAppended",
        "Event.decode.log": log_of_event,
        "Event.topics.where": {},
        "InclusionProof.from_json.value": w.certificate.to_json(),
        "InclusionProof.leaf": leaf,
        "Leaf.of.record": record,
        "Log.append.by": people.registrar,
        "Log.append.first_seq": 0,
        "Log.submit.by": people.registrar,
        "Log.submit.first_seq": 1,
        "Log.grant.by": people.registrar,
        "Diary.backup.file": w.tmp / "copy.sqlite",
        "Log.revoke.by": people.registrar,
        "Log.revoke.role": kit.log.MODERATOR_ROLE,
        "Log.grant.role": kit.log.MODERATOR_ROLE,
        "Log.has_role.role": kit.log.MODERATOR_ROLE,
        "core.Record.subject": None,
        "Record.author": alice,
        "Record.body": record.body,
        "Record.appeal.author": alice,
        "Record.bulletin.author": alice,
        "Record.bulletin.source": "报",
        "Record.entry.author": alice,
        "Record.from_json.value": record.to_json(),
        "Record.review.author": alice,
        "Record.withdrawal.author": alice,
        "Record.witness.author": alice,
        "Timeline.save.folder": w.tmp / "pages",
        "Trace.of.archive": w.diary.archive,
        "Trace.of.record": w.stored,
        "held_back.more": w.diary.stories,
        "held_back.stories": w.diary.stories([w.published]),
        "Tree.leaves": [leaf.hash()],
        "Tree.proof.leaf": leaf.hash(),
        "anvil.state": None,
        "audit.export.folder": w.tmp / "written",
        "kit.export.folder": w.tmp / "again",
        "compile_file.path": w.tmp / "First.sol",
        "compile_file.name": None,
        "compile_source.name": None,
        "core.Attachment.media_type": "image/png",
        "Attachment.name": "a.png",
        "Attachment.of.name": "a.png",
        "Attachment.of.content": PNG,
        "Attachment.read.path": w.tmp / "picture.png",
        "core.commitment.record": record,
        "core.LogId.of.text": str(w.diary.log.log_id),
        "LogId.of.text": str(w.diary.log.log_id),
        "StateProof.header": w.certificate.state_proof.header,
        "StateProof.account": w.certificate.state_proof.account,
        "StateProof.storage": w.certificate.state_proof.storage,
        "StateProof.from_json.value": w.certificate.state_proof.to_json(),
        "StateProof.state.of": kit.core.slots(0),
        "Chain.state_proof.slots": kit.core.slots(0),
        "Chain.state_proof.block_hash": w.batch.anchor.block_hash,
        "check_state.part": w.certificate,
        "slots.moderator": bob,
        "value_at.root": keccak(b"\x80"),
        "value_at.key": b"",
        "value_at.nodes": [],
        "core.contradiction.one": w.batch,
        "core.contradiction.other": w.batch,
        "core.SignedRecord.record": record,
        "core.Certificate.record": record,
        "core.parse_time.value": "2021-09-20T08:00:00Z",
        "core.is_address.value": alice,
        "core.root_from_proof.leaf": leaf.hash(),
        "core.LogId.chain_id": w.chain.chain_id,
        "core.leaf_difference.leaf": leaf,
        "core.leaf_difference.record": record,
        "core.level_of.steps": [],
        "core.nothing_failed.steps": [],
        "core.record_fault.leaf": leaf,
        "core.record_fault.log": place,
        "core.record_fault.signed": w.published,
        "core.sign.by": people.alice,
        "core.sign.log": place,
        "core.signature_message.log": place,
        "core.signer.log": place,
        "core.subject_from_leaf.subject": leaf.subject,
        "core.take.check": lambda: "",
        "diary.state_of.story": [w.stored],
        "StoredRecord.fault.log": place,
        "views.html.value": w.certificate,
        "views.trace_html.trace": w.diary.trace(w.published),
        "foundry.name": "anvil",
        "participation.cases.figures": kit.audit.bulletins(w.folder, w.records),
        "plots.alt_text.ax": axes,
        "plots.picture.ax": axes,
        "plots.save.ax": axes,
        "plots.save.path": w.tmp / "plot.png",
        "plots.witness_network.table": who.witness_network(w.records),
        "save_artifact.source": kit.places.CONTRACTS / "DiaryStorage.sol",
        "save_card.path": w.tmp / "card.svg",
        "read_code.path": w.tmp / "code.png",
        "simulate.participants.people": 10,
        "simulate.publish.people": 10,
        "simulate.publish.diary": w.new[0],
        "data.fill.diary": w.new[1],
        "data.day.diary": w.new[2],
        "tamper.diary": w.spare,
        "tamper.commitment": w.spare_entries[0].commitment,
        "teaching.tamper.diary": w.spare,
        "teaching.tamper.commitment": w.spare_entries[1].commitment,
        "teaching.check.name": "01-hex-digits",
        "teaching.hint.name": "01-hex-digits",
        "views.build.found": w.audit,
    } | {f"plots.{name}.table": table for name, table in counted.items()}


def wrong(w: SimpleNamespace) -> list[Any]:
    """What is passed to each argument in turn."""
    table = pd.DataFrame({"a": [1]})
    return [None, 7, b"bytes", "text", {}, table, w.closed]


def call(function: Any, arguments: dict[str, Any]) -> None:
    """Call a function and go through what it returns."""
    positional, named = [], {}
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.POSITIONAL_OR_KEYWORD:
            positional.append(arguments[p.name])
        elif p.kind is p.KEYWORD_ONLY:
            named[p.name] = arguments[p.name]
    with contextlib.redirect_stdout(io.StringIO()):
        found = function(*positional, **named)
        if isinstance(found, Iterator):
            list(found)
        elif isinstance(found, contextlib.AbstractContextManager) and not hasattr(found, "close"):
            with found:
                pass
        elif isinstance(found, kit.Diary):
            found.close()


def chosen(name: str, function: Any, w: SimpleNamespace) -> dict[str, Any]:
    """What a function's arguments may be."""
    found = {}
    for p in inspect.signature(function).parameters.values():
        if p.kind is p.VAR_POSITIONAL:
            continue
        ends = [f"{'.'.join(name.split('.')[n:])}.{p.name}" for n in (-2, -1)]
        known = [w.more[end] for end in ends if end in w.more]
        if known:
            found[p.name] = known[0]
        else:
            found[p.name] = w.good.get(p.name, "") if p.default is p.empty else p.default
    return found


def attempt(name: str, function: Any, other: dict[str, Any], w: SimpleNamespace) -> None:
    """Call a function with what its arguments may be, but for one."""
    call(bound(name, function, w), chosen(name, function, w) | other)
    if name in CHANGES:  # where it went through, the next one needs another entry
        w.more |= entries(w, name.rpartition(".")[2])


def bound(name: str, function: Any, w: SimpleNamespace) -> Any:
    """A method of an object that has it; a function as it is."""
    *_, holder, own = name.split(".")
    holder = f"{holder}.{own}" if f"{holder}.{own}" in w.objects else holder
    return getattr(w.objects[holder], own) if holder in w.objects else function


@pytest.fixture(scope="module")
def w(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    ask = EthereumTesterProvider.make_request

    def record(provider: Any, method: Any, params: Any) -> Any:
        ASKED.append(repr(params))
        return ask(provider, method, params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EthereumTesterProvider, "make_request", record)
        yield made(tmp_path_factory)


def made(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    w = world(tmp_path_factory.mktemp("world"))
    w.objects = {
        "Artifact": w.good["artifact"],
        "Attachment": kit.core.Attachment.of("a.png", PNG),
        "Audit": w.audit,
        "Certificate": w.certificate,
        "Chain": w.chain,
        "Chain.mine": w.wound_back,
        "Chain.restore": w.wound_back,
        "Chain.wait_until": w.wound_back,
        "Diary": w.diary,
        "EntryState": kit.core.EntryState(people.alice.address),
        "Event": kit.chain.Event(w.good["abi"], "BatchAppended"),
        "InclusionProof": w.certificate.inclusion,
        "KnownLog": kit.log.known(known_logs(w))[w.diary.log.log_id],
        "Leaf": w.leaves[0],
        "Log": w.diary.log,
        "Log.append": w.log,
        "Log.submit": w.log,
        "Record": w.published.record,
        "StateProof": w.certificate.state_proof,
        "StoredRecord": w.stored,
        "Verdict": kit.verify(w.certificate),
        "SignedRecord": w.published,
        "Timeline": kit.timeline(w.diary),
        "Tree": kit.core.Tree([w.leaves[0].hash()]),
    }
    w.objects |= {name.removeprefix("kit.diary."): w.moving for name in CHANGES}
    return w


@pytest.mark.filterwarnings("ignore")  # what a wrong value makes others warn of
def test_whatever_is_passed_an_error_is_ours(
    w: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(w.tmp)
    offenders: list[str] = []
    refused: dict[str, str] = {}
    tried = 0
    for name, function in functions().items():
        try:  # else an error could be that of another argument, and nothing would be seen
            if name not in SLOW:
                attempt(name, function, {}, w)
        except KitError as error:
            refused[name] = str(error)
        for argument, value in product(chosen(name, function, w), wrong(w)):
            if name in SLOW and isinstance(value, RIGHT_SOMEWHERE):
                continue
            tried += 1
            try:
                attempt(name, function, {argument: value}, w)
            except KitError:
                pass
            except Exception as error:
                offenders.append(f"{name}({argument}={type(value).__name__}): {error!r}")
    plt.close("all")
    assert not offenders, "\n".join(offenders)
    assert set(refused) == REFUSED, refused
    assert tried > 1_500


# --- secrets -------------------------------------------------------------------------------------

#: The arguments that take an account, an address or a hash: where a key is passed by mistake.
WHERE_A_KEY_COMES = {
    "account",
    "address",
    "author",
    "block_hash",
    "by",
    "commitment",
    "contract",
    "corrects",
    "decided_by",
    "entry",
    "leaf",
    "record",
    "registrar",
    "root",
    "sha256_hex",
    "signature",
    "subject",
    "transaction_hash",
    "Chain.block.number",
    "Diary.desk.people",
    "Diary.open.moderators",
}
#: A key that nobody has: no digits of it stand anywhere else.
KEY = "8f2a559490ebc2b0a1c6d7e3f4958677c3d2e1f0a9b8978645342312fdecbace"
KEYS = (KEY, "0x" + KEY, bytes.fromhex(KEY), int(KEY, 16), [KEY], ("0x" + KEY,), HexBytes(KEY))
#: The arguments that go to a node as a hash. A key in hex with 0x looks like one.
SENT = {
    "Chain.block.number",
    "Chain.block_time.block_hash",
    "Chain.raw_receipt.transaction_hash",
    "Chain.receipt.transaction_hash",
    "Log.append.root",
    "Log.submit.root",
    "Log.batch_in.transaction_hash",
}
#: What is asked of the embedded chains.
ASKED: list[str] = []


def leaked(text: str) -> bool:
    """Whether a text shows eight digits of the key in a row, in hex or as Python writes bytes."""
    written = [KEY, str(int(KEY, 16)), repr(bytes.fromhex(KEY))[2:-1]]
    return any(key[n : n + 8] in text for key in written for n in range(len(key) - 7))


def everything(error: BaseException | None, seen: frozenset[int] = frozenset()) -> str:
    """What an error says, and all that led to it, hidden or not."""
    if error is None or id(error) in seen:
        return ""
    seen |= {id(error)}
    found = "".join(traceback.format_exception(error)) + f"{error!r} {error.args}"
    return found + everything(error.__cause__, seen) + everything(error.__context__, seen)


def with_a_key(w: SimpleNamespace, keys: Sequence[Any]) -> Iterator[tuple[str, Any, str]]:
    """Pass each key where an address or a hash belongs; yield where, which, and what is said of it."""
    for name, function in functions().items():
        for argument in chosen(name, function, w):
            whole = ".".join([*name.split(".")[-2:], argument])
            if not {argument, whole} & WHERE_A_KEY_COMES or whole == "participation.words.by":
                continue
            for key in keys:
                said = ""
                ASKED.clear()
                try:
                    attempt(name, function, {argument: key}, w)
                except Exception as error:
                    said = everything(error)
                yield whole, key, said


@pytest.mark.filterwarnings("ignore")
def test_a_key_is_neither_shown_nor_sent(
    w: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(w.tmp)
    caplog.set_level("DEBUG")
    assert leaked(f"…{KEY[10:18]}…")
    assert leaked(repr(bytes.fromhex(KEY)))
    sent, shown, tried, asked = [], [], 0, 0
    for where, key, said in with_a_key(w, KEYS):
        tried, asked = tried + 1, asked + len(ASKED)
        if leaked(said):
            shown.append((where, type(key), said))
        if leaked("".join(ASKED)):
            sent.append((where, key))
    assert not shown
    assert {where for where, _ in sent} == SENT
    assert {key for _, key in sent} == {"0x" + KEY}  # any other form is no hash
    assert not leaked("".join(capfd.readouterr()) + caplog.text)
    assert tried > 500
    assert asked > 50
    # An account is no address; and as soon as it is used here, its key is known for one.
    account = Account.from_key(KEY)
    for keys in ([account, [account]], KEYS):
        for where, _, said in with_a_key(w, keys):
            assert not leaked(said + "".join(ASKED)), where
