"""DiaryLog seen from Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import kit
import kit.core.merkle
import kit.log.contract
from kit import people
from kit.chain import load_artifact
from kit.errors import ChainError, KitError, NodeDown, NotAllowed, Reverted, WrongChain
from kit.log import ADMIN_ROLE, MODERATOR_ROLE, REGISTRAR_ROLE, Log

ROOTS = ["0x" + f"{i:02x}" * 32 for i in range(1, 5)]


@pytest.fixture
def log(chain: Any) -> Log:
    return Log.deploy(chain, by=people.registrar)


def test_a_new_log_is_empty(log: Log) -> None:
    assert (log.batch_count(), log.record_count(), log.batches()) == (0, 0, [])
    assert log.has_role(REGISTRAR_ROLE, people.registrar.address)
    assert not log.has_role(MODERATOR_ROLE, people.registrar.address)
    assert not log.has_role(REGISTRAR_ROLE, people.bob.address)


def test_roles_are_those_of_the_contract(log: Log) -> None:
    functions = log.contract.functions
    assert log.chain.call(functions.REGISTRAR_ROLE()) == REGISTRAR_ROLE
    assert log.chain.call(functions.MODERATOR_ROLE()) == MODERATOR_ROLE
    assert log.chain.call(functions.DEFAULT_ADMIN_ROLE()) == ADMIN_ROLE
    assert log.chain.call(functions.MAX_BATCH_SIZE()) == kit.core.BATCH_MAX


def test_append_returns_what_the_chain_holds(log: Log) -> None:
    first = log.append(ROOTS[0], 0, 3, by=people.registrar)
    second = log.append(ROOTS[1], 3, 1024, by=people.registrar)
    assert (log.batch_count(), log.record_count()) == (2, 1027)
    assert (first.number, first.root, first.first_seq, first.count) == (0, ROOTS[0], 0, 3)
    assert (second.number, second.root, second.first_seq, second.count) == (1, ROOTS[1], 3, 1024)
    assert first.registrar == people.registrar.address
    assert [log.root(0), log.root(1)] == ROOTS[:2]
    assert log.batches() == [first, second]
    assert log.batches(second.anchor.block_number) == [second]
    assert log.batches(0, first.anchor.block_number) == [first]
    block = log.chain.block(second.anchor.block_number)
    assert (second.anchor.block_hash, second.anchor.block_time) == (block.hash, block.time)
    assert log.chain.receipt(second.anchor.transaction_hash).block == block
    assert second.anchor.contract == log.address
    assert second.anchor.chain_id == log.chain.chain_id
    assert second.anchor.log_id == log.log_id
    assert str(log.log_id) == f"eip155:{log.chain.chain_id}:{log.address}"


def test_the_same_batch_never_lands_twice(log: Log) -> None:
    log.append(ROOTS[0], 0, 3, by=people.registrar)
    for first_seq in (0, 2, 4):
        with pytest.raises(Reverted) as caught:
            log.append(ROOTS[0], first_seq, 3, by=people.registrar)
        assert caught.value.reason == f"SequenceMismatch(expected=3, got={first_seq})"
    assert log.record_count() == 3


@pytest.mark.parametrize(
    ("root", "count", "reason"),
    [
        (ROOTS[0], 0, "InvalidBatchSize(count=0, max=1024)"),
        (ROOTS[0], 1025, "InvalidBatchSize(count=1025, max=1024)"),
        ("0x" + "00" * 32, 1, "EmptyRoot()"),
    ],
)
def test_impossible_batches(log: Log, root: str, count: int, reason: str) -> None:
    with pytest.raises(Reverted) as caught:
        log.append(root, 0, count, by=people.registrar)
    assert caught.value.reason == reason


def test_only_registrars_append_and_only_the_admin_appoints(log: Log) -> None:
    role = "0x" + REGISTRAR_ROLE.hex()
    missing = f"AccessControlUnauthorizedAccount(account={people.bob.address}, neededRole="
    with pytest.raises(Reverted) as caught:
        log.append(ROOTS[0], 0, 1, by=people.bob)
    assert caught.value.reason == f"{missing}{role})"
    with pytest.raises(Reverted) as caught:
        log.grant(REGISTRAR_ROLE, people.bob.address, by=people.bob)
    assert caught.value.reason == f"{missing}0x{'00' * 32})"
    log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
    assert log.has_role(REGISTRAR_ROLE, people.bob.address)
    assert log.append(ROOTS[0], 0, 1, by=people.bob).registrar == people.bob.address


def test_a_role_that_is_taken(log: Log) -> None:
    log.grant(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        log.revoke(REGISTRAR_ROLE, people.bob.address, by=people.bob)
    log.revoke(REGISTRAR_ROLE, people.bob.address, by=people.registrar)
    assert not log.has_role(REGISTRAR_ROLE, people.bob.address)
    with pytest.raises(Reverted, match="AccessControlUnauthorizedAccount"):
        log.append(ROOTS[0], 0, 1, by=people.bob)


def test_the_admin_hands_over(log: Log) -> None:
    old, new = people.registrar, people.carol
    for who in (old, people.bob):
        with pytest.raises(KitError):
            log.revoke(ADMIN_ROLE, old.address, by=who)
        assert log.has_role(ADMIN_ROLE, old.address)
    log.grant(ADMIN_ROLE, new.address, by=old)
    log.revoke(ADMIN_ROLE, old.address, by=new)
    with pytest.raises(Reverted):
        log.grant(MODERATOR_ROLE, people.bob.address, by=old)
    log.grant(MODERATOR_ROLE, people.bob.address, by=new)
    # Whoever was an admin once is none.
    with pytest.raises(NotAllowed) as caught:
        log.revoke(ADMIN_ROLE, new.address, by=new)
    assert str(caught.value) == (
        "Expected another admin of this log beside this one, got none. "
        "Give another address ADMIN_ROLE first."
    )
    log.grant(ADMIN_ROLE, old.address, by=new)
    log.revoke(ADMIN_ROLE, new.address, by=new)
    assert [log.has_role(ADMIN_ROLE, who.address) for who in (old, new)] == [True, False]


def test_an_unknown_batch(log: Log) -> None:
    with pytest.raises(Reverted) as caught:
        log.root(0)
    assert caught.value.reason == "UnknownBatch(batch=0, batchCount=0)"


def test_two_logs_on_a_chain_keep_their_batches_apart(chain: Any) -> None:
    one, two = (Log.deploy(chain, by=people.registrar) for _ in range(2))
    one.append(ROOTS[0], 0, 1, by=people.registrar)
    two.append(ROOTS[1], 0, 2, by=people.registrar)
    assert [batch.root for batch in one.batches()] == [ROOTS[0]]
    assert [batch.root for batch in two.batches()] == [ROOTS[1]]


def test_attach_to_a_log(log: Log) -> None:
    batch = log.append(ROOTS[0], 0, 3, by=people.registrar)
    again = Log(log.chain, log.address)
    assert again.batches() == [batch]
    assert again.address == log.address


def test_another_contract_is_no_log(chain: Any) -> None:
    storage = chain.deploy(load_artifact("DiaryStorage"), by=people.registrar)
    with pytest.raises(WrongChain, match=f"a DiaryLog at {storage.address}"):
        Log(chain, storage.address)
    with pytest.raises(ChainError, match="an address without code"):
        Log(chain, people.alice.address)


def test_a_node_that_died_is_not_taken_for_another_contract(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(self: Log) -> int:
        raise NodeDown("a JSON-RPC node", "silence", "Start it.")

    monkeypatch.setattr(Log, "record_count", dead)
    with pytest.raises(NodeDown):
        Log(log.chain, log.address)


COLUMNS = {
    "number": "int64",
    "root": "str",
    "first_seq": "int64",
    "count": "int64",
    "registrar": "str",
    "block_number": "int64",
    "block_hash": "str",
    "block_time": "datetime64[s, UTC]",
    "transaction_hash": "str",
}


def test_events_as_a_table(log: Log) -> None:
    for first_seq, root in enumerate(ROOTS):
        log.append(root, first_seq, 1, by=people.registrar)
    table = log.events()
    assert table.dtypes.astype(str).to_dict() == COLUMNS
    assert list(table["root"]) == ROOTS
    assert list(table["number"]) == list(table["first_seq"]) == [0, 1, 2, 3]
    assert table["block_time"].is_monotonic_increasing
    for row, batch in zip(table.itertuples(), log.batches(), strict=True):
        assert row.transaction_hash == batch.anchor.transaction_hash
        assert row.block_time == pd.Timestamp(batch.anchor.block_time)


def test_events_of_a_range_and_again_from_a_file(log: Log, tmp_path: Path) -> None:
    batches = [log.append(root, seq, 1, by=people.registrar) for seq, root in enumerate(ROOTS)]
    first, last = batches[1].anchor.block_number, batches[2].anchor.block_number
    assert list(log.events(first, last)["number"]) == [1, 2]
    assert list(log.events(last_block=last)["number"]) == [0, 1, 2]
    assert [batch.number for batch in log.batches(first, last)] == [1, 2]
    kept = tmp_path / "events"
    table = log.events(resume=kept)
    assert kept.stat().st_size > 0
    assert log.events(resume=kept).equals(table)
    assert table.equals(log.events())


def test_no_events_give_an_empty_table_with_the_same_columns(log: Log) -> None:
    table = log.events()
    assert len(table) == 0
    assert table.dtypes.astype(str).to_dict() == COLUMNS


def test_how_a_log_shows_itself(log: Log) -> None:
    log.append(ROOTS[0], 0, 1000, by=people.registrar)
    assert repr(log) == f"DiaryLog at {log.address} on chain 20210921, 1,000 records"


def test_refusals_are_the_kits(log: Log) -> None:
    with pytest.raises(KitError, match="The contract refused: SequenceMismatch"):
        log.append(ROOTS[0], 9, 1, by=people.registrar)


def test_a_node_that_lists_no_events_is_a_chain_error(
    chain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log.deploy(chain, by=people.registrar)
    ask = chain.w3.provider.make_request

    def limited(method: str, parameters: Any) -> Any:
        if method == "eth_getLogs":
            error = {"code": -32005, "message": "at most 1000 blocks"}
            return {"jsonrpc": "2.0", "id": 1, "error": error}
        return ask(method, parameters)

    monkeypatch.setattr(chain.w3.provider, "make_request", limited)
    monkeypatch.setattr(chain.w3.provider, "_request_func_cache", (None, None))  # holds the old one
    with pytest.raises(ChainError, match="at most 1000 blocks"):
        log.batches()


def test_a_receipt_without_the_batch_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And another batch in it is not taken for it: what is there will be seen later."""
    log = Log.deploy(kit.chain.embedded(), by=people.registrar)
    root = "0x" + "11" * 32
    first = log.append(root, 0, 2, by=people.registrar)
    for told in ([], [first]):
        monkeypatch.setattr(Log, "_batches_in", lambda *_, told=told: told)
        with pytest.raises(ChainError, match="the event of the new batch, got a receipt without"):
            log.append(root, log.record_count(), 1, by=people.registrar)
    monkeypatch.undo()
    assert log.record_count() == 4


def test_a_contract_s_events_are_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = kit.chain.embedded()
    root, asked = "0x" + "11" * 32, list[tuple[int, int]]()
    ask = chain.w3.provider.make_request

    def listen(method: Any, params: Any) -> Any:
        if method == "eth_getLogs":
            asked.append((params[0]["from_block"], params[0]["to_block"]))
        return ask(method, params)

    monkeypatch.setattr(chain.w3.provider, "make_request", listen)
    log = Log.deploy(chain, by=people.registrar)

    def ranges() -> list[tuple[int, int]]:
        found = list(asked)
        asked.clear()
        return found

    for number in range(3):
        log.append(root, number, 1, by=people.registrar)
    listed = log.batches()
    assert ranges() == [(0, 4)]
    for _ in range(50):
        assert Log(chain, log.address).batches() == listed
    assert ranges() == []
    before = chain.snapshot()
    log.append(root, 3, 1, by=people.registrar)
    assert [batch.first_seq for batch in log.batches()] == [0, 1, 2, 3]
    assert ranges() == [(5, 5)]
    chain.restore(before)  # as a reorganisation does: what it took away is forgotten
    other = log.append("0x" + "22" * 32, 3, 1, by=people.registrar)
    assert log.batches() == [*listed, other]
    assert ranges() == [(0, 5)]
