"""The log seen from Python: DiaryLog.sol's batches, roles and events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eth_account.signers.base import BaseAccount
from eth_utils import is_checksum_address, keccak
from web3.contract.contract import ContractFunction
from web3.exceptions import Web3Exception

from kit.arguments import checked, shown
from kit.chain import Chain, Event, Receipt, load_artifact
from kit.chain.events import read
from kit.core import Anchor, Batch, LogId
from kit.errors import ChainError, NodeDown, WrongChain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EVENT_COLUMNS", "MODERATOR_ROLE", "REGISTRAR_ROLE", "Log"]

REGISTRAR_ROLE: Final = keccak(text="REGISTRAR_ROLE")
MODERATOR_ROLE: Final = keccak(text="MODERATOR_ROLE")

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
            # No causes: they name what was passed, which could be a key by mistake.
            raise ChainError(f"arguments that {name}() of the log takes", got, fix) from None

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
        """Give an address a role; ``by`` is the admin. Raises Reverted."""
        call = self._function("grantRole", role, _address(address))
        return self.chain.send(call, by=by)

    @checked("root", "first_seq", "count", "by")
    def append(self, root: str, first_seq: int, count: int, *, by: BaseAccount) -> Batch:
        """Append a batch and return it as the chain holds it.

        Raises Reverted; ChainError, also where it is there and the node doesn't list it yet; NodeDown.
        """
        call = self._function("append", _node(root), first_seq, count)
        block = self.chain.send(call, by=by).block.number
        batch = next((b for b in self.batches(block, block) if b.first_seq == first_seq), None)
        if batch is None:
            got = f"a node that doesn't list it yet, in block {block}"
            raise ChainError("the new batch among the log's events", got, "Look again in a while.")
        return batch

    @checked("first_block", "last_block")
    def batches(self, first_block: int = 0, last_block: int | str = "latest") -> list[Batch]:
        """Return the batches that were appended in a range of blocks, in order, from the events."""
        return [
            self._batch(row, row) for row in self._events("BatchAppended", first_block, last_block)
        ]

    @checked("transaction_hash", "log_index")
    def batch_in(self, transaction_hash: str, log_index: int) -> Batch | None:
        """Return the batch that one event of a transaction announces, if it is this log's own.

        An event of another contract, however alike, gives None. Raises ChainError if the chain has
        no such transaction.
        """
        receipt = self.chain.raw_receipt(transaction_hash)
        for log in receipt["logs"]:
            if log["logIndex"] == log_index and log["address"] == self.address:
                try:
                    said = self.contract.events.BatchAppended().process_log(log)["args"]
                except Web3Exception:  # another event of the log: a role's
                    return None
                return self._batch(
                    {**said, "root": "0x" + bytes(said["root"]).hex()},
                    {
                        "block_number": log["blockNumber"],
                        "block_hash": log["blockHash"].to_0x_hex(),
                        "block_time": self.chain.block_time(log["blockHash"].to_0x_hex()),
                        "transaction_hash": log["transactionHash"].to_0x_hex(),
                        "log_index": log["logIndex"],
                    },
                )
        return None

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
        asked = {"role": MODERATOR_ROLE, "account": _address(address)}
        changes = sorted(
            (row["block_number"], row["log_index"], row["block_time"], granted)
            for event, granted in (("RoleGranted", True), ("RoleRevoked", False))
            for row in self._events(event, where=asked)
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
        where: Mapping[str, Any] | None = None,
        resume: str | Path | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the log's events of one name, with their arguments as the ABI names them."""
        return read(
            self.chain,
            self.address,
            Event(self.contract.abi, name),
            first_block=first_block,
            last_block=last_block,
            where=where,
            resume=resume,
        )

    def _batch(self, said: Mapping[str, Any], place: Mapping[str, Any]) -> Batch:
        """Return a batch from the arguments of its event and from where that stands."""
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
        )

    def __repr__(self) -> str:
        return f"DiaryLog at {self.address} on chain {self.chain.chain_id}, {self.record_count():,} records"


def _node(root: str) -> bytes:
    """Return the bytes of a root. Raises ChainError."""
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
