"""The log seen from Python: DiaryLog.sol's batches, roles and events."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from eth_account.signers.base import BaseAccount
from eth_utils import is_checksum_address, keccak
from web3.exceptions import Web3Exception

from kit.chain import Chain, Receipt
from kit.errors import ChainError, NodeDown, WrongChain
from kit.html import html_table
from kit.merkle import Anchor, Batch
from kit.solidity import load_artifact

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

    def __init__(self, chain: Chain, address: str) -> None:
        """Attach to the log at ``address``. Raises ChainError, or WrongChain if it is no DiaryLog."""
        self.chain = chain
        self.contract = chain.contract(address, load_artifact("DiaryLog").abi)
        try:
            self.record_count()
        except NodeDown:
            raise
        except ChainError:
            fix = "Check the address."
            raise WrongChain(f"a DiaryLog at {address}", "another contract", fix) from None

    @classmethod
    def deploy(cls, chain: Chain, *, by: BaseAccount) -> Log:
        """Deploy a new log; ``by`` becomes its admin and its registrar. Raises ChainError."""
        contract = chain.deploy(load_artifact("DiaryLog"), by.address, by.address, by=by)
        return cls(chain, contract.address)

    @property
    def address(self) -> str:
        """The contract's address."""
        return str(self.contract.address)

    def record_count(self) -> int:
        """Return how many records the log holds, which is the number of the next one."""
        return int(self.chain.call(self.contract.functions.recordCount()))

    def batch_count(self) -> int:
        """Return how many batches the log holds."""
        return int(self.chain.call(self.contract.functions.batchCount()))

    def root(self, batch: int) -> str:
        """Return the Merkle root of a batch. Raises Reverted with UnknownBatch."""
        return "0x" + bytes(self.chain.call(self.contract.functions.rootOf(batch))).hex()

    def has_role(self, role: bytes, address: str) -> bool:
        """Return whether an address holds a role now."""
        call = self.contract.functions.hasRole(role, _address(address))
        return bool(self.chain.call(call))

    def grant(self, role: bytes, address: str, *, by: BaseAccount) -> Receipt:
        """Give an address a role; ``by`` is the admin. Raises Reverted."""
        call = self.contract.functions.grantRole(role, _address(address))
        return self.chain.send(call, by=by)

    def append(self, root: str, first_seq: int, count: int, *, by: BaseAccount) -> Batch:
        """Append a batch and return it as the chain holds it. Raises Reverted, ChainError."""
        call = self.contract.functions.append(bytes.fromhex(root[2:]), first_seq, count)
        block = self.chain.send(call, by=by).block.number
        return next(b for b in self.batches(block, block) if b.first_seq == first_seq)

    def batches(self, first_block: int = 0, last_block: int | str = "latest") -> list[Batch]:
        """Return the batches that were appended in a range of blocks, in order, from the events."""
        event = self.contract.events.BatchAppended()
        found = self.chain.logs(event, from_block=first_block, to_block=last_block)
        return [self._batch(log) for log in found]

    def batch_in(self, transaction_hash: str, log_index: int) -> Batch | None:
        """Return the batch that one event of a transaction announces, if it is this log's own.

        An event of another contract, however alike, gives None. Raises ChainError if the chain has
        no such transaction.
        """
        receipt = self.chain.raw_receipt(transaction_hash)
        for log in receipt["logs"]:
            if log["logIndex"] == log_index and log["address"] == self.address:
                try:
                    return self._batch(self.contract.events.BatchAppended().process_log(log))
                except Web3Exception:  # another event of the log: a role's
                    return None
        return None

    def check_code(self) -> None:
        """Raise WrongChain unless the code at the address is the kit's DiaryLog, byte for byte.

        A contract that only answers like one could say anything.
        """
        code = bytes(self.chain.w3.eth.get_code(self.contract.address))
        if "0x" + code.hex() != load_artifact("DiaryLog").runtime:
            fix = "Don't trust what it answers."
            raise WrongChain(f"the code of DiaryLog at {self.address}", "other code", fix)

    def was_moderator(self, address: str, time: datetime) -> bool:
        """Return whether an address held MODERATOR_ROLE at a time, by the log's role events.

        Times are in whole seconds: in the second in which the role is given or taken, it is held.
        """
        events = self.contract.events
        asked = {"role": MODERATOR_ROLE, "account": address}
        changes = [
            (log["blockNumber"], log["logIndex"], granted)
            for event, granted in ((events.RoleGranted(), True), (events.RoleRevoked(), False))
            for log in self.chain.logs(event, argument_filters=asked, from_block=0)
        ]
        held = False
        for block, _, granted in sorted(changes):
            at = self.chain.block(block).time
            if at < time or (granted and at == time):
                held = granted
        return held

    def events(self) -> pd.DataFrame:
        """Return the batches as a DataFrame, a row each.

        Columns as in ``EVENT_COLUMNS``.
        """
        import pandas as pd

        rows = [vars(batch) | vars(batch.anchor) for batch in self.batches()]
        return pd.DataFrame(rows, columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)

    def _batch(self, log: Any) -> Batch:
        block = self.chain.block(log["blockHash"].to_0x_hex())
        anchor = Anchor(
            chain_id=self.chain.chain_id,
            contract=self.address,
            transaction_hash=log["transactionHash"].to_0x_hex(),
            block_number=block.number,
            block_hash=block.hash,
            block_time=block.time,
            log_index=log["logIndex"],
        )
        said = log["args"]
        root = "0x" + bytes(said["root"]).hex()
        return Batch(
            said["batch"], root, said["firstSeq"], said["count"], anchor, said["registrar"]
        )

    def __repr__(self) -> str:
        return f"DiaryLog at {self.address} on chain {self.chain.chain_id}, {self.record_count():,} records"

    def _repr_html_(self) -> str:
        return html_table(
            {
                "log": self.address,
                "chain id": self.chain.chain_id,
                "batches": f"{self.batch_count():,}",
                "records": f"{self.record_count():,}",
            }
        )


def _address(value: str) -> str:
    """Return an address as it is, or raise ChainError; web3's error would show a key."""
    if isinstance(value, str) and is_checksum_address(value):
        return value
    got = f"a value of type {type(value).__name__}"
    raise ChainError("an address with the capitals of EIP-55", got, "Pass person.address.")
