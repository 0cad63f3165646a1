"""The chain inside this process: eth-tester and py-evm, with everything random taken out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import rlp
from eth.abc import ComputationAPI, SignedTransactionAPI, StateAPI
from eth.constants import ZERO_HASH32
from eth.estimators.gas import binary_gas_search_intrinsic_tolerance
from eth.exceptions import HeaderNotFound, Revert, VMError
from eth.vm.forks.cancun import get_total_blob_gas
from eth.vm.spoof import SpoofTransaction
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.constants import DYNAMIC_FEE_TRANSACTION_PARAMS
from eth_tester.exceptions import BlockNotFound, SnapshotNotFound, TransactionFailed
from eth_tester.exceptions import ValidationError as InvalidRequest
from eth_tester.utils.filters import check_if_log_matches
from eth_utils import ValidationError, keccak, to_canonical_address, to_wei
from trie.hexary import HexaryTrie
from web3.providers.eth_tester import EthereumTesterProvider
from web3.providers.eth_tester.defaults import API_ENDPOINTS, static_return
from web3.types import RPCEndpoint, RPCResponse

from kit.arguments import checked, shown
from kit.chain.base import BLOCK_SECONDS, START, Block, Chain, coins_for_lessons
from kit.core import StateProof
from kit.errors import ChainError

CHAIN_ID = 20210921
_COINS = to_wei(1000, "ether")


class _Backend(PyEVMBackend):  # type: ignore[misc]
    """eth-tester's backend with a fixed genesis, a fixed clock and no random numbers."""

    def __init__(self) -> None:
        rich = {"balance": _COINS, "nonce": 0, "code": b"", "storage": {}}
        super().__init__(
            genesis_parameters=self.generate_genesis_params({"timestamp": int(START.timestamp())}),
            genesis_state={to_canonical_address(a): rich for a in coins_for_lessons()},
        )
        type(self.chain).chain_id = CHAIN_ID  # the class is made anew for each backend
        self.chain.gas_estimator = _estimate
        self._tick()

    def _tick(self, time: int | None = None) -> None:
        """Fix the time of the next block, before any transaction runs in it."""
        head = self.chain.get_canonical_head()
        self.chain.set_header_timestamp(time or head.timestamp + BLOCK_SECONDS)

    def mine_blocks(self, num_blocks: int = 1, coinbase: bytes = b"\0" * 20) -> tuple[bytes, ...]:
        hashes = []
        for _ in range(num_blocks):
            blobs = sum(get_total_blob_gas(t) for t in self.chain.get_block().transactions)
            # eth-tester takes a random mix_hash here, and with it a random block hash.
            block = self.chain.mine_block(
                coinbase=coinbase, mix_hash=ZERO_HASH32, blob_gas_used=blobs
            )
            hashes.append(block.hash)
            self._tick()
        return tuple(hashes)

    def revert_to_snapshot(self, snapshot: bytes) -> None:
        super().revert_to_snapshot(snapshot)
        self._tick()

    def time_travel(self, to_timestamp: int) -> None:
        self._tick(to_timestamp)
        self.mine_blocks()

    # eth-tester makes a string of a revert and loses its data; these two let it out as it is.

    def call(self, transaction: Any, block_number: Any = "latest") -> Any:
        """Run a call free of gas cost, as nodes do: whoever asks needs no coins."""
        free = {"gas": self._max_available_gas()} | {
            name: value
            for name, value in transaction.items()
            if name not in DYNAMIC_FEE_TRANSACTION_PARAMS
        }
        unsigned = self._get_normalized_and_unsigned_evm_transaction(
            free | {"gas_price": 0}, block_number
        )
        header = self.chain.get_canonical_block_header_by_number(
            self.get_block_by_number(block_number)["number"]
        )
        return self.chain.get_transaction_result(
            SpoofTransaction(unsigned, from_=transaction["from"]), header
        )

    def estimate_gas(self, transaction: Any, block_number: Any = "latest") -> int:
        try:
            return int(super().estimate_gas(transaction, block_number))
        except TransactionFailed as error:
            # No causes: it is what came itself, or the cause of it.
            raise (error.__cause__ if isinstance(error.__cause__, Revert) else error) from None


class _Tester(EthereumTester):  # type: ignore[misc]
    """eth-tester, which looks up the events of a block once.

    By itself it goes back from the head to each transaction, whenever it is asked.
    """

    def __init__(self) -> None:
        self._listed: dict[bytes, list[Any]] = {}  # by the hash of a block, so it stays true
        super().__init__(_Backend())

    def get_logs(
        self, from_block: Any = None, to_block: Any = None, address: Any = None, topics: Any = None
    ) -> tuple[Any, ...]:
        head = self.backend.chain.get_canonical_head().block_number
        if not (isinstance(from_block, int) and isinstance(to_block, int) and to_block <= head):
            return tuple(super().get_logs(from_block, to_block, address, topics))
        asked = (from_block, to_block, address, topics)
        self.validator.validate_inbound_filter_params(*asked)
        *_, addresses, wanted = self.normalizer.normalize_inbound_filter_params(*asked)
        return tuple(
            dict(log)
            for number in range(from_block, to_block + 1)
            for raw, log in self._logs(number)
            if check_if_log_matches(raw, None, None, addresses, wanted)
        )

    def _logs(self, number: int) -> list[Any]:
        """Return the events of a block, each as eth-tester compares it and as it answers."""
        block = self.backend.chain.chaindb.get_canonical_block_hash(number)
        if block not in self._listed:
            self._listed[block] = [
                (self.normalizer.normalize_inbound_log_entry(log), log)
                for log in super().get_logs(number, number)
            ]
        return self._listed[block]


def _estimate(state: StateAPI, transaction: SignedTransactionAPI) -> int:
    """Return what py-evm's estimator returns, after four runs and not fifteen.

    It narrows the range between too little and enough down to 21,000. Here the least that
    is enough is found by what a run uses, and tried; the rest of the search is arithmetic.
    """
    intrinsic = transaction.intrinsic_gas
    if _run(state, transaction, intrinsic).is_success:
        return int(intrinsic)
    run = _run(state, transaction, state.gas_limit)
    if run.is_error:
        raise run.error
    least = intrinsic + run.get_gas_used()
    if _run(state, transaction, least).is_error or _run(state, transaction, least - 1).is_success:
        # It gets gas back, or keeps some for a call: only trying tells.
        return int(binary_gas_search_intrinsic_tolerance(state, transaction))
    enough, too_little = state.gas_limit, intrinsic
    while enough - too_little > 21_000:
        middle = (enough + too_little) // 2
        enough, too_little = (middle, too_little) if middle >= least else (enough, middle)
    return int(enough)


def _run(state: StateAPI, transaction: SignedTransactionAPI, gas: int) -> ComputationAPI:
    """Run a transaction with so much gas, and take it back."""
    snapshot = state.snapshot()
    try:
        tried: Any = SpoofTransaction(transaction, gas=gas, gas_price=0)
        return state.apply_transaction(tried)
    finally:
        state.revert(snapshot)


def _way(tree: HexaryTrie, key: bytes) -> tuple[bytes, ...]:
    """Return the nodes on the way to a key; as ``eth_getProof`` does, none that stands in its parent."""
    nodes = [bytes(rlp.encode(node)) for node in tree.get_proof(key)]
    return tuple(node for i, node in enumerate(nodes) if not i or len(node) >= 32)


class _Provider(EthereumTesterProvider):
    """Answers a revert as a node does: with code 3 and the revert's data."""

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except Revert as error:
            return self._refusal("execution reverted", data="0x" + bytes(error.args[0]).hex())
        except (VMError, TransactionFailed) as error:  # an invalid instruction, no gas left, …
            return self._refusal(str(error))
        except BlockNotFound:
            return self._refusal("no block with this number")
        except (ValidationError, InvalidRequest) as error:
            words = re.sub(r"^Sender b(['\"]).*\1", "The sender", str(error))  # raw bytes
            raise ChainError(
                "a transaction that the chain accepts",
                f"its answer: {words}",
                "On this chain the people of kit.people.FUNDED have coins for the gas.",
            ) from error

    @staticmethod
    def _refusal(message: str, **data: str) -> RPCResponse:
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": message, **data}}  # type: ignore[typeddict-item]


class EmbeddedChain(Chain):
    """eth-tester in this process; see ``kit.chain.embedded``."""

    backend = "embedded"
    lesson_keys = True

    def __init__(self, finality: int | None = None) -> None:
        chain_id = {"chainId": static_return(CHAIN_ID)}
        endpoints = API_ENDPOINTS | {"eth": API_ENDPOINTS["eth"] | chain_id}
        self._tester = _Tester()
        super().__init__(_Provider(self._tester, endpoints), finality=finality)

    def _proof_of(self, address: str, slots: Sequence[int], block_hash: str) -> StateProof | None:
        """Return a state proof from py-evm's own trees: eth-tester has no word for it."""
        database = self._tester.backend.chain.chaindb
        try:
            found = database.get_block_header_by_hash(bytes.fromhex(block_hash[2:]))
        except HeaderNotFound:
            return None
        account = HexaryTrie(database.db, found.state_root)
        key = keccak(hexstr=address)
        root = rlp.decode(account.get(key))[2]
        storage = HexaryTrie(database.db, root)
        ways = tuple(_way(storage, keccak(slot.to_bytes(32, "big"))) for slot in slots)
        return StateProof(rlp.encode(found), _way(account, key), ways)

    def _jump(self, time: datetime) -> None:
        self._tester.time_travel(int(time.astimezone(UTC).timestamp()))

    @checked("blocks")
    def mine(self, blocks: int = 1) -> Block:
        self._tester.mine_blocks(blocks)
        return self.head

    def snapshot(self) -> Any:
        return self._tester.take_snapshot()

    def restore(self, token: Any) -> None:
        try:
            self._tester.revert_to_snapshot(token)
        except (SnapshotNotFound, TypeError) as error:  # the second: it can't be one
            fix = "Pass what snapshot() of this chain returned."
            raise ChainError("a snapshot of this chain", shown(token), fix) from error
