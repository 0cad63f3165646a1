"""The log seen from Python: DiaryLog.sol's batches, roles and events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eth_account.signers.base import BaseAccount
from eth_utils import is_checksum_address, keccak
from web3.contract.contract import ContractFunction
from web3.exceptions import Web3Exception

from kit import people
from kit.arguments import checked, shown
from kit.chain import Chain, Event, Receipt, SignedTransaction, events_so_far, load_artifact
from kit.chain.events import read
from kit.core import FINAL, INCLUDED, MODERATOR_ROLE, Anchor, Batch, LogId
from kit.errors import ChainError, NodeDown, NotAllowed, WrongChain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ADMIN_ROLE", "EVENT_COLUMNS", "MODERATOR_ROLE", "REGISTRAR_ROLE", "Log", "at"]

#: Whoever holds it gives and takes the roles, itself included: OpenZeppelin's DEFAULT_ADMIN_ROLE.
ADMIN_ROLE: Final = bytes(32)
REGISTRAR_ROLE: Final = keccak(text="REGISTRAR_ROLE")

#: The columns of ``Log.events()``.
EVENT_COLUMNS: Final = {
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


class Log:
    """A deployed DiaryLog. ``contract`` is web3's object for it."""

    @checked("chain", "address")
    def __init__(self, chain: Chain, address: str) -> None:
        """Attach to the log at ``address``. Raises ChainError, or WrongChain if it is no DiaryLog."""
        self.chain = chain
        self.contract = chain.contract(address, load_artifact("DiaryLog").abi)
        try:
            self.record_count()
        except NodeDown:
            raise
        except ChainError as error:
            fix = "Check the address."
            raise WrongChain(f"a DiaryLog at {address}", "another contract", fix) from error

    @classmethod
    @checked("chain", "by")
    def deploy(cls, chain: Chain, *, by: BaseAccount) -> Log:
        """Deploy a new log; ``by`` becomes its admin and its registrar. Raises ChainError."""
        contract = chain.deploy(load_artifact("DiaryLog"), by.address, by.address, by=by)
        return cls(chain, contract.address)

    @property
    def address(self) -> str:
        """The contract's address."""
        return str(self.contract.address)

    @property
    def log_id(self) -> LogId:
        """Which log it is: its chain and its address. What signatures are made for."""
        return LogId(self.chain.chain_id, self.address)

    def record_count(self) -> int:
        """Return how many records the log holds, which is the number of the next one."""
        return int(self.chain.call(self.contract.functions.recordCount()))

    def batch_count(self) -> int:
        """Return how many batches the log holds."""
        return int(self.chain.call(self.contract.functions.batchCount()))

    def _function(self, name: str, *arguments: object) -> ContractFunction:
        """Return a function of the contract with its arguments. Raises ChainError."""
        try:
            return self.contract.functions[name](*arguments)
        except Web3Exception:
            got, fix = ", ".join(map(shown, arguments)), "See contracts/DiaryLog.sol."
        # Out here it has no causes: they name what was passed, which could be a key by mistake.
        raise ChainError(f"arguments that {name}() of the log takes", got, fix)

    @checked("batch")
    def root(self, batch: int) -> str:
        """Return the Merkle root of a batch. Raises Reverted with UnknownBatch."""
        return "0x" + bytes(self.chain.call(self._function("rootOf", batch))).hex()

    @checked("role")
    def has_role(self, role: bytes, address: str) -> bool:
        """Return whether an address holds a role now."""
        call = self._function("hasRole", role, _address(address))
        return bool(self.chain.call(call))

    @checked("role", "by")
    def grant(self, role: bytes, address: str, *, by: BaseAccount) -> Receipt:
        """Give an address a role; ``by`` is the admin. Raises Reverted.

        A lesson key's address gets none where the chain takes no lesson keys: NotAllowed.
        """
        call = self._function("grantRole", role, _address(address))
        self.chain.check_signer(address)
        return self.chain.send(call, by=by)

    @checked("role", "by")
    def revoke(self, role: bytes, address: str, *, by: BaseAccount) -> Receipt:
        """Take a role from an address; ``by`` is the admin. Raises Reverted.

        The admin's role isn't taken from the last one who has it, as nobody could give a role again:
        NotAllowed.
        """
        call = self._function("revokeRole", role, _address(address))
        if role == ADMIN_ROLE and self._admins() == {address}:
            fix = "Give another address ADMIN_ROLE first."
            raise NotAllowed("another admin of this log beside this one", "none", fix)
        return self.chain.send(call, by=by)

    def _admins(self) -> set[str]:
        """Return the addresses that hold the admin's role now."""
        rows = self._history("RoleGranted")
        were = {row["account"] for row in rows if row["role"] == "0x" + ADMIN_ROLE.hex()}
        return {address for address in were if self.has_role(ADMIN_ROLE, address)}

    @checked("root", "first_seq", "count", "by", "sent")
    def append(
        self,
        root: str,
        first_seq: int,
        count: int,
        *,
        by: BaseAccount,
        sent: Sequence[SignedTransaction] = (),
        note: Callable[[SignedTransaction], None] = lambda _: None,
    ) -> Batch:
        """Append a batch and return it as the chain holds it.

        ``sent`` and ``note`` are as in ``Chain.follow``. Raises Reverted; ChainError, also where no
        machine of the node shows its block within ``LAG`` seconds; NodeDown.
        """
        call = self._function("append", _node(root), first_seq, count)
        receipt = self.chain.follow(call, by=by, sent=sent, note=note)
        batches = self.chain.patiently(lambda: self._batches_in(receipt["logs"]))
        for batch in batches:
            if (batch.first_seq, batch.root) == (first_seq, root):
                return batch
        got, fix = "a receipt without it", "Ask another node."
        raise ChainError("the event of the new batch", got, fix)

    @checked("root", "first_seq", "count", "by", "sent")
    def submit(
        self,
        root: str,
        first_seq: int,
        count: int,
        *,
        by: BaseAccount,
        sent: Sequence[SignedTransaction] = (),
        note: Callable[[SignedTransaction], None] = lambda _: None,
    ) -> None:
        """Send what appends a batch, and don't wait for its block. Raises as ``append`` does."""
        call = self._function("append", _node(root), first_seq, count)
        self.chain.follow(call, by=by, sent=sent, note=note, wait=False)

    @checked("first_block", "last_block")
    def batches(self, first_block: int = 0, last_block: int | str = "latest") -> list[Batch]:
        """Return the batches that were appended in a range of blocks, in order, from the events.

        Up to the newest block, what was asked before is not asked again (see ``kit.chain.history``).
        """
        if last_block == "latest":
            rows = self._history("BatchAppended")
            found = [row for row in rows if row["block_number"] >= first_block]
        else:
            found = list(self._events("BatchAppended", first_block, last_block))
        final = self.chain.final_block() if found else 0
        return [self._batch(row, row, final) for row in found]

    @checked("transaction_hash", "log_index")
    def batch_in(self, transaction_hash: str, log_index: int) -> Batch | None:
        """Return the batch that one event of a transaction announces, if it is this log's own.

        An event of another contract, however alike, gives None. Raises ChainError if the chain has
        no such transaction.
        """
        logs = self.chain.raw_receipt(transaction_hash)["logs"]
        found = self._batches_in(log for log in logs if log["logIndex"] == log_index)
        return found[0] if found else None

    def _batches_in(self, logs: Iterable[Any]) -> list[Batch]:
        """Return the batches of this log that the events of a receipt announce. Raises NodeDown."""
        event, found = Event(self.contract.abi, "BatchAppended"), []
        for log in logs:
            topics = [topic.to_0x_hex() for topic in log["topics"]]
            if log["address"] != self.address or topics[:1] != [event.topic]:  # a role's, say
                continue
            try:
                said = event.decode({"topics": topics, "data": log["data"].to_0x_hex()})
            except ChainError as error:  # this contract announces nothing like that
                fix = "Ask another node."
                raise NodeDown("an answer that can be read", error.got, fix) from error
            place = {
                "block_number": log["blockNumber"],
                "block_hash": log["blockHash"].to_0x_hex(),
                "block_time": self.chain.block_time(log["blockHash"].to_0x_hex()),
                "transaction_hash": log["transactionHash"].to_0x_hex(),
                "log_index": log["logIndex"],
            }
            found.append(self._batch(said, place, self.chain.final_block()))
        return found

    def check_code(self) -> None:
        """Raise WrongChain unless the code at the address is the kit's DiaryLog, byte for byte.

        A contract that only answers like one could say anything.
        """
        code = self.chain.code(self.contract.address)
        if "0x" + code.hex() != load_artifact("DiaryLog").runtime:
            fix = "Don't trust what it answers."
            raise WrongChain(f"the code of DiaryLog at {self.address}", "other code", fix)

    @checked("time", "block")
    def was_moderator(self, address: str, time: datetime, block: int | None = None) -> bool:
        """Return whether an address held MODERATOR_ROLE at a time, and after a block if one is given.

        By the log's role events, in the order of blocks and of events in them. Times are in whole
        seconds: in the second in which the role is given or taken, it is held. After a block it is
        held as its last event up to then says. Raises ChainError, NodeDown.
        """
        asked = ("0x" + MODERATOR_ROLE.hex(), _address(address))
        changes = sorted(
            (row["block_number"], row["log_index"], row["block_time"], granted)
            for event, granted in (("RoleGranted", True), ("RoleRevoked", False))
            for row in self._history(event)
            if (row["role"], row["account"]) == asked
        )
        at_time = [g for *_, at, g in changes if at < time or (g and at == time)]
        after = [g for number, *_, g in changes if block is None or number <= block]
        return at_time[-1:] == [True] and (block is None or after[-1:] == [True])

    @checked("first_block", "last_block", "resume")
    def events(
        self,
        first_block: int = 0,
        last_block: int | str = "latest",
        *,
        resume: str | Path | None = None,
    ) -> pd.DataFrame:
        """Return the batches of a range of blocks as a DataFrame, a row each, oldest first.

        Columns as in ``EVENT_COLUMNS``. ``resume`` is a file that keeps what has arrived, as in
        ``Chain.events``. Raises ChainError, NodeDown, DataError.
        """
        import pandas as pd

        rows = self._events("BatchAppended", first_block, last_block, resume=resume)
        batches = [self._batch(row, row) for row in rows]
        table = [vars(batch) | vars(batch.anchor) for batch in batches]
        return pd.DataFrame(table, columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)

    def _events(
        self,
        name: str,
        first_block: int = 0,
        last_block: int | str = "latest",
        *,
        resume: str | Path | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the log's events of one name, with their arguments as the ABI names them."""
        return read(
            self.chain,
            self.address,
            Event(self.contract.abi, name),
            first_block=first_block,
            last_block=last_block,
            resume=resume,
        )

    def _history(self, name: str) -> list[dict[str, Any]]:
        """Return all of the log's events of one name, as ``_events`` does, each asked for once."""
        return events_so_far(self.chain, self.address, Event(self.contract.abi, name))

    def _batch(
        self, said: Mapping[str, Any], place: Mapping[str, Any], final: int | None = None
    ) -> Batch:
        """Return a batch from the arguments of its event and from where that stands.

        ``final`` is the number of the chain's newest final block, if that was asked.
        """
        standing = "" if final is None else FINAL if place["block_number"] <= final else INCLUDED
        anchor = Anchor(
            chain_id=self.chain.chain_id,
            contract=self.address,
            transaction_hash=place["transaction_hash"],
            block_number=place["block_number"],
            block_hash=place["block_hash"],
            block_time=place["block_time"],
            log_index=place["log_index"],
        )
        return Batch(
            said["batch"],
            said["root"],
            said["firstSeq"],
            said["count"],
            anchor,
            said["registrar"],
            standing,
        )

    def __repr__(self) -> str:
        return f"DiaryLog at {self.address} on chain {self.chain.chain_id}, {self.record_count():,} records"


@checked("chain", "address")
def at(chain: Chain, address: str) -> Log:
    """Return the log at an address of a chain: the one that you name, since you trust it.

    Raises ChainError, and WrongChain where it is no DiaryLog of the kit, byte for byte.
    """
    log = Log(chain, address)
    log.check_code()
    return log


def _node(root: str) -> bytes:
    """Return the bytes of a root. Raises ChainError."""
    people.need_no_key(root, "a root: 0x and 64 hex digits")
    try:
        return bytes.fromhex(root.removeprefix("0x"))
    except ValueError as error:
        raise ChainError("a root: 0x and 64 hex digits", shown(root), "Take tree.root.") from error


def _address(value: str) -> str:
    """Return an address as it is, or raise ChainError; web3's error would show a key."""
    if isinstance(value, str) and is_checksum_address(value):
        return value
    got = f"a value of type {type(value).__name__}"
    raise ChainError("an address with the capitals of EIP-55", got, "Pass person.address.")
