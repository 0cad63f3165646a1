"""One interface to three chains: embedded in this process, a local anvil node, any JSON-RPC node.

==============  ================================  =======================================
``embedded()``  eth-tester, inside this process   every hash the same in every run
``anvil()``     Foundry's node, a process of its  real JSON-RPC; can keep its state
                own
``connect()``   any node you have the address of  nothing simulated: its clock, its coins, its keys
==============  ================================  =======================================

The first two live in September 2021: their clock starts at ``START``, and each block comes
``BLOCK_SECONDS`` after the one before, however long you wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar, cast

from eth_abi import abi as abi_codec
from eth_abi.exceptions import DecodingError
from eth_account.signers.base import BaseAccount
from eth_utils import abi as abi_tools
from eth_utils import is_address, keccak, to_checksum_address
from web3 import Web3
from web3.contract import Contract
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import (
    BadFunctionCallOutput,
    BlockNotFound,
    ContractLogicError,
    TransactionNotFound,
    Web3Exception,
    Web3ValueError,
)
from web3.middleware import FormattingMiddlewareBuilder
from web3.middleware.validation import async_build_method_validators, build_method_validators
from web3.providers import BaseProvider
from web3.types import RPCEndpoint

from kit import people
from kit.arguments import checked, shown
from kit.chain.abi import entries
from kit.chain.keys import ANVIL_ID, is_anvil_here, lesson_key
from kit.chain.sending import FEE_LIMIT, Sending, SignedTransaction
from kit.chain.solidity import Artifact
from kit.chain.state import from_node
from kit.core import StateProof
from kit.errors import ChainError, KitError, NodeDown, ProofError, Reverted
from kit.text import short

if TYPE_CHECKING:
    import pandas as pd


__all__ = [
    "BLOCK_SECONDS",
    "FINALITY",
    "LAG",
    "START",
    "Block",
    "Chain",
    "Receipt",
]

T = TypeVar("T")

#: When the lessons' clock starts: 10 September 2021, 00:00 in Fujian.
START = datetime(2021, 9, 9, 16, tzinfo=UTC)

#: Seconds from one block to the next on the lessons' chains.
BLOCK_SECONDS = 12

#: Blocks on top of one that counts as final, where a node doesn't say which are: two of Ethereum's
#: epochs of 32 slots, after which it calls a block final when all goes well.
FINALITY: Final = 64

#: Seconds for which an answer of a node is waited for that another of its machines has shown already:
#: two of Ethereum's blocks, and some more.
LAG: Final = 30.0

#: Seconds that this machine's clock may be behind the chain's newest block.
_CLOCKS: Final = 60

#: Who asks a contract when nobody is named: what nodes take then, and eth-tester doesn't.
_NOBODY = to_checksum_address("0x" + 40 * "0")

#: The error of ``require(…, "text")`` and ``revert("text")``; it stands in no contract's ABI.
_REQUIRE = {"type": "error", "name": "Error", "inputs": [{"type": "string", "name": ""}]}
#: Columns of a refusal, or of a value in it, that an error shows: a contract may say anything.
_REASON_MAX = 300


@dataclass(frozen=True)
class Block:
    """A block: its number, its hash (0x-prefixed), its time (UTC), the gas that was used in it."""

    number: int
    hash: str
    time: datetime
    gas: int = field(default=0, repr=False)


@dataclass(frozen=True)
class Receipt:
    """What became of a transaction: where it stands and what it cost.

    ``gas`` is the gas used; ``contract`` the address of the contract it deployed, or None.
    """

    transaction_hash: str
    block: Block
    gas: int
    contract: str | None = None

    def __repr__(self) -> str:
        return f"Receipt {self.transaction_hash} in block {self.block.number}, {self.gas:,} gas"


class Chain:
    """A chain and how to use it; made by ``embedded()``, ``anvil()`` or ``connect()``.

    ``w3`` is the web3.py instance, for all that is not here.
    """

    backend = "connected"
    #: Whether somebody said in words that the lessons' keys may sign here.
    lesson_keys = False

    @checked("provider")
    def __init__(
        self,
        provider: BaseProvider,
        *,
        finality: int | None = None,
        fee_limit: int = FEE_LIMIT,
    ) -> None:
        self.w3 = Web3(provider)
        # web3 asks the node for its chain's id before each call; here it is asked for once.
        known = cast(Web3, SimpleNamespace(eth=self))
        asked = FormattingMiddlewareBuilder.build(
            sync_formatters_builder=lambda _, method: build_method_validators(known, method),
            async_formatters_builder=async_build_method_validators,
        )
        self.w3.middleware_onion.replace("validation", asked)
        self.finality, self.fee_limit = finality, fee_limit
        self._times: dict[str, datetime] = {}
        self._says_final = False  # whether the node has said once which block is final

    @cached_property
    def chain_id(self) -> int:
        """The chain's EIP-155 id."""
        with self._readable():
            return self.w3.eth.chain_id

    @cached_property
    def genesis_hash(self) -> str:
        """The hash of block 0, which tells chains with the same id apart."""
        return self.block(0).hash

    @property
    def takes_lesson_keys(self) -> bool:
        """Whether the lessons' keys may sign here: on the lessons' own chains, or where you said so.

        Raises NodeDown.
        """
        return self.lesson_keys or self._is_anvil_here

    @cached_property
    def _is_anvil_here(self) -> bool:
        return is_anvil_here(self.w3) and self.chain_id == ANVIL_ID

    @checked("account")
    def check_signer(self, account: BaseAccount | str) -> None:
        """Raise NotAllowed for a lesson key, or its address, where this chain takes none; NodeDown."""
        if people.is_lesson_key(account) and not self.takes_lesson_keys:
            raise lesson_key(self.chain_id)
        if not isinstance(account, str):
            people.hold(account)

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.block("latest")

    @checked("number")
    def block(self, number: int | str) -> Block:
        """Return a block by its number or its hash. Raises ChainError if there is none."""
        people.need_no_key(number, "a block on this chain")
        with self._readable():
            try:
                found = self.w3.eth.get_block(number)  # type: ignore[arg-type]
                time = datetime.fromtimestamp(found["timestamp"], UTC)
                return Block(found["number"], found["hash"].to_0x_hex(), time, found["gasUsed"])
            except (BlockNotFound, Web3ValueError):  # the second: it can't be one
                pass
        fix = "Check that this is the chain you mean, and that it was not restarted."
        # Out here it has no causes: they name what was asked for, which could be a key by mistake.
        raise ChainError("a block on this chain", f"none numbered {shown(number)}", fix)

    @cached_property
    def is_lesson(self) -> bool:
        """Whether it is one of the lessons' chains, whoever started it: its clock began at ``START``."""
        return self.block(0).time == START

    def final_block(self) -> int:
        """Return the number of the newest block that counts as final; below 0 where none does.

        With ``finality`` N that is the one with N blocks on top of it. Else it is what the node calls
        finalized; where it calls none so, the one with ``FINALITY`` blocks on top of it. On the
        lessons' chains each block is final at once. Raises NodeDown.
        """
        depth = self.finality
        if depth is None and self.is_lesson:
            depth = 0
        if depth is None and (named := self._finalized()) is not None:
            return named
        return self.head.number - (FINALITY if depth is None else depth)

    def _finalized(self) -> int | None:
        """Return the number of the block that the node calls finalized, or None if it knows none."""
        try:
            number = self.block("finalized").number
        except ChainError:
            if self._says_final:  # it does know: this question failed
                raise
            return None
        if not number and not self._says_final:
            return None  # a node that knows no finality says so, too
        self._says_final = True
        return number

    def now(self) -> datetime:
        """Return the chain's time (UTC): on a simulated clock, that of the next block.

        Elsewhere it is this machine's. Raises ChainError if that is behind the chain's newest block.
        """
        head = self.head.time
        if self.is_lesson:
            return head + timedelta(seconds=BLOCK_SECONDS)
        here = datetime.now(UTC).replace(microsecond=0)
        if head > here + timedelta(seconds=_CLOCKS):
            fix = "Set this machine's clock: a record would be dated before its time."
            raise ChainError(f"a time from {head} on, that of the newest block", str(here), fix)
        return here

    @checked("ask")
    def patiently(self, ask: Callable[[], T]) -> T:
        """Return the first answer that is true, or after ``LAG`` seconds the last one.

        For what one of a node's machines has shown and another may not have yet; a ChainError says
        that, too, and is raised at the end. A chain of this machine is asked once.
        """
        until = monotonic() + (LAG if self.backend == "connected" else 0)
        while True:
            late = monotonic() >= until
            try:
                if (answer := ask()) or late:
                    return answer
            except NodeDown:
                raise
            except ChainError:
                if late:
                    raise
            sleep(0.5)

    @checked("time")
    def wait_until(self, time: datetime) -> None:
        """Let the chain's clock reach ``time``: a simulated clock jumps there, with an empty block.

        A clock that is past it already stays as it is. Raises ChainError where the clock is real
        and the time is still to come.
        """
        if time.microsecond:  # a block's time is in whole seconds
            time = time.replace(microsecond=0) + timedelta(seconds=1)
        if self.now() < time:
            self._jump(time)

    @checked("address")
    def balance(self, address: str) -> int:
        """Return the balance of an account in wei (10^-18 of the chain's coin)."""
        _need_address(address, "the address of an account")
        with self._readable():
            return self.w3.eth.get_balance(to_checksum_address(address))

    @checked("address")
    def code(self, address: str) -> bytes:
        """Return the code that stands at an address; empty where there is none."""
        _need_address(address, "the address of a contract")
        with self._readable():
            return bytes(self.w3.eth.get_code(to_checksum_address(address)))

    @checked("address", "abi")
    def contract(
        self, address: str, abi: Artifact | Mapping[str, Any] | Sequence[Any] | str
    ) -> Contract:
        """Return web3's object for a contract. Raises ChainError if no contract stands there.

        ``abi`` is the list of its entries, its JSON, or an artifact: the kit's, Hardhat's, Foundry's.
        """
        fix = "Check the address, and that the chain was not restarted without its state."
        _need_address(address, "the address of a contract")
        found = to_checksum_address(address)
        if not self.code(found):
            raise ChainError(f"a contract at {found}", "an address without code", fix)
        return self.w3.eth.contract(found, abi=entries(abi))

    @checked("artifact", "by")
    def deploy(self, artifact: Artifact, *arguments: Any, by: BaseAccount) -> Contract:
        """Deploy a contract and return web3's object for it. Raises Reverted, ChainError."""
        contract = self.w3.eth.contract(abi=artifact.abi, bytecode=artifact.bytecode)
        try:
            creation = contract.constructor(*arguments)
        except (TypeError, ValueError, Web3Exception):
            creation = None
        if creation is None:
            got = ", ".join(map(shown, arguments)) or "none"
            # Out here it has no causes: they name what was passed, which could be a key by mistake.
            raise ChainError(
                f"the arguments of {artifact.name}'s constructor", got, "See its source."
            )
        receipt = self.send(creation, by=by)
        return self.contract(str(receipt.contract), artifact.abi)

    @checked("call", "by")
    def send(self, call: ContractFunction | ContractConstructor, *, by: BaseAccount) -> Receipt:
        """Sign a call as ``by``, send it, wait until it stands in a block, and return its receipt.

        Raises Reverted with the contract's reason, before anything is sent where the node can
        tell; NotAllowed for a lesson key where this chain takes none; ChainError if it was not sent
        or not mined; NodeDown.
        """
        return self._receipt(self.follow(call, by=by))

    @checked("call", "by")
    def follow(
        self,
        call: ContractFunction | ContractConstructor,
        *,
        by: BaseAccount,
        sent: Sequence[SignedTransaction] = (),
        note: Callable[[SignedTransaction], None] = lambda _: None,
        wait: bool = True,
    ) -> Any:
        """Bring a call onto the chain as ``by``, and return web3's receipt; None without ``wait``.

        ``sent`` are the transactions of an earlier try, all with one nonce: the last of them is sent
        again. ``note`` is called with each transaction before it is sent for the first time. See
        ``kit.chain.sending`` for what happens to one that waits. Raises as ``send`` does.
        """
        self.check_signer(by)
        sending = Sending(self.w3, self.chain_id, self.fee_limit, call, by, note)
        with self._readable(sending.abi, sending=True):
            return sending.follow(sent, wait=wait)

    @checked("address")
    def nonce(self, address: str, block: int | str = "latest") -> int:
        """Return how many transactions an account has sent, up to a block: the next one's nonce."""
        _need_address(address, "the address of an account")
        with self._readable():
            return self.w3.eth.get_transaction_count(to_checksum_address(address), block)  # type: ignore[arg-type]

    @checked("transaction_hash")
    def receipt(self, transaction_hash: str) -> Receipt:
        """Return the receipt of a transaction by its hash. Raises ChainError if there is none."""
        return self._receipt(self.raw_receipt(transaction_hash))

    @checked("transaction_hash")
    def raw_receipt(self, transaction_hash: str) -> Any:
        """Return web3's receipt of a transaction, with its logs. Raises ChainError."""
        people.need_no_key(transaction_hash, "a transaction on this chain")
        with self._readable():
            try:
                return self.w3.eth.get_transaction_receipt(transaction_hash)  # type: ignore[arg-type]
            except (TransactionNotFound, Web3ValueError):  # the second: it can't be a hash
                pass
        fix = "Check that this is the chain you mean, and that it was not restarted."
        got = f"{shown(transaction_hash)}, which is the hash of none"
        # Out here it has no causes: they name what was asked for, which could be a key by mistake.
        raise ChainError("a transaction on this chain", got, fix)

    @checked("function", "by")
    def call(self, function: ContractFunction, *, by: BaseAccount | None = None) -> Any:
        """Ask a contract and return its answer; no transaction. Raises Reverted with the reason."""
        with self._readable(function.contract_abi):
            return function.call({"from": by.address if by else _NOBODY})

    @checked("abi", "name", "first_block", "last_block", "where", "resume")
    def events(
        self,
        address: str,
        abi: Artifact | Mapping[str, Any] | Sequence[Any] | str,
        name: str,
        *,
        first_block: int = 0,
        last_block: int | str = "latest",
        where: Mapping[str, Any] | None = None,
        resume: str | Path | None = None,
    ) -> pd.DataFrame:
        r"""Return the events of any contract as a DataFrame, a row each, oldest first.

        ``abi`` is as in ``contract()``. ``name`` is the event's name there, or its signature if
        several have that name.
        ``first_block`` to ``last_block`` (both included; or ``"finalized"``, ``"latest"``) are asked
        for in pieces that a public node accepts, with a progress bar where that takes long.
        ``where`` gives values of indexed arguments, for the node to choose by. ``resume`` is a file
        that keeps what has arrived: after an interruption, or for newer blocks, the same call goes
        on where it stopped.

        Columns: the event's arguments by name (``argument_0`` where one has none), then
        block_number, block_hash, block_time (UTC), transaction_hash, log_index; an argument that has
        one of these names gets ``_`` behind it. Dtypes come from the ABI: numbers of up to 64 bits
        are int64, wider ones Python's own (object), so that none is rounded; bool; all else is text:
        addresses with the capitals of EIP-55, bytes as 0x and small hex digits, strings (bytes that
        are no UTF-8 as ``\xff``). Arrays are lists, structs dicts. A uint64 column with a number of
        2^63 or more is object, too. Of an indexed string, bytes, array or struct the chain has the
        keccak256 only, and so has the column.

        Raises ChainError for an event that is not in the ABI, a log that doesn't fit it, an address
        without a contract, or a node that refuses single blocks; NodeDown; DataError if ``resume`` is
        another file.
        """
        from kit.chain import events  # eth-abi and tqdm: not for those who list no events

        event = events.Event(abi, name)
        rows = events.read(
            self,
            address,
            event,
            first_block=first_block,
            last_block=last_block,
            where=where,
            resume=resume,
        )
        found = events.table(event, list(rows))
        if found.empty:
            self.contract(address, [])  # raises if nothing was ever there: a wrong address
        return found

    @checked("block_hash")
    def block_time(self, block_hash: str) -> datetime:
        """Return the time (UTC) of a block by its hash; each is asked for once. Raises ChainError."""
        if block_hash not in self._times:
            self._times[block_hash] = self.block(block_hash).time
        return self._times[block_hash]

    @checked("address", "slots", "block_hash")
    def state_proof(self, address: str, slots: Sequence[int], block_hash: str) -> StateProof | None:
        """Return what the state after a block proves of a contract's storage slots, in their order.

        None where this chain gives no such proof: many nodes keep the state of the newest blocks only,
        or refuse the question. What is returned was checked against the block's hash. Raises NodeDown.
        """
        _need_address(address, "the address of a contract")
        try:
            found = self._proof_of(to_checksum_address(address), slots, block_hash)
            state = found.state(address, slots) if found else None
        except (
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            ProofError,
        ):  # not a header, say
            return None
        return found if state and state.block_hash == block_hash else None

    @checked("blocks")
    def mine(self, blocks: int = 1) -> Block:
        """Mine empty blocks and return the new head, where this chain lets us."""
        raise self._not_here("a chain that mines when told to")

    def snapshot(self) -> Any:
        """Return a token for the chain's state now, to restore() it later."""
        raise self._not_here("a chain that can be wound back")

    def restore(self, token: Any) -> None:
        """Wind the chain back to the state of a snapshot."""
        raise self._not_here("a chain that can be wound back")

    def close(self) -> None:
        """Stop what was started for this chain; the chain can't be used afterwards."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        head = self.head
        time = f"{head.time:%Y-%m-%d %H:%M:%S} UTC"
        return f"{self.backend} chain {self.chain_id}, head {head.number} at {time}"

    # --- inside ----------------------------------------------------------------------------------

    def _jump(self, time: datetime) -> None:
        if not self.is_lesson:
            wanted = f"a chain whose clock can be moved to {time:%Y-%m-%d %H:%M:%S} UTC"
            raise self._not_here(wanted)
        self._ask("evm_setNextBlockTimestamp", int(time.astimezone(UTC).timestamp()))
        self._ask("evm_mine")

    def _proof_of(self, address: str, slots: Sequence[int], block_hash: str) -> StateProof | None:
        """Return a state proof as the node gives it, or None where it refuses. Raises what its words do."""
        ask = self.w3.provider.make_request
        block = ask(RPCEndpoint("eth_getBlockByHash"), [block_hash, False]).get("result")
        if block is None:
            return None
        asked = [address, [f"0x{slot:064x}" for slot in slots], block["number"]]
        proof = ask(RPCEndpoint("eth_getProof"), asked).get("result")
        return None if proof is None else from_node(block, proof)

    def _ask(self, method: str, *parameters: Any) -> Any:
        """Ask for what anvil alone does; return its answer. Raises ChainError."""
        answer = self.w3.provider.make_request(RPCEndpoint(method), list(parameters))
        if "error" in answer:
            raise ChainError(f"anvil to do {method}", str(answer["error"]), "Check the values.")
        return answer["result"]

    def _not_here(self, expected: str) -> ChainError:
        fix = "Use kit.chain.embedded() or kit.chain.anvil() for this."
        return ChainError(expected, f"a {self.backend} chain", fix)

    def _receipt(self, found: Any) -> Receipt:
        block = self.block(found["blockHash"].to_0x_hex())
        return Receipt(
            found["transactionHash"].to_0x_hex(), block, found["gasUsed"], found["contractAddress"]
        )

    @contextmanager
    def _readable(self, abi: Sequence[Any] = (), *, sending: bool = False) -> Iterator[None]:
        """Turn what web3 raises inside the block into the kit's errors."""
        try:
            yield
        except KitError:
            raise
        except ContractLogicError as error:
            raise Reverted(_reason(error, abi)) from error
        except BadFunctionCallOutput as error:
            fix = "Is the contract still there, and is it the one you mean?"
            raise ChainError("the contract's answer", "none that fits its ABI", fix) from error
        except (Web3Exception, ValueError) as error:
            got = f"its answer: {short(str(error), _REASON_MAX)}"
            if not sending:
                fix = "Ask again later, or ask another node."
                raise NodeDown("the node to answer a question", got, fix) from error
            fix = "Does the account have coins for the gas, and is this the chain you mean?"
            raise ChainError("a transaction that the node accepts", got, fix) from error
        except (TypeError, LookupError, AttributeError, ArithmeticError) as error:
            # web3 read a field of the answer that the kit doesn't use.
            fix = "Ask another node."
            raise NodeDown("an answer that can be read", type(error).__name__, fix) from error


def _need_address(value: str, what: str) -> None:
    """Raise ChainError for what is no address. eth-utils' own error would show a key."""
    if not is_address(value):
        raise ChainError(what, shown(value), "Check the address.")


def _reason(error: ContractLogicError, abi: Sequence[Any]) -> str:
    """Return why a contract refused, as Solidity would write it: ``Name(value: …, …)``."""
    data = error.data if isinstance(error.data, str) else ""
    try:
        raw = bytes.fromhex(data.removeprefix("0x"))
    except ValueError:  # what a node says may be anything
        raw = b""
    for item in (*abi, _REQUIRE):
        if item["type"] != "error" or raw[:4] != keccak(text=abi_tools.abi_to_signature(item))[:4]:
            continue
        types = [abi_tools.collapse_if_tuple(i) for i in item["inputs"]]
        try:
            values = abi_codec.decode(types, raw[4:])
        except (DecodingError, UnicodeDecodeError):
            break
        if item is _REQUIRE:
            return short(values[0], _REASON_MAX) or "no reason was given"
        shown = (
            f"{i['name']}={_shown(v, kind)}"
            for i, v, kind in zip(item["inputs"], values, types, strict=True)
        )
        return f"{item['name']}({', '.join(shown)})"
    message = str(error.message or "").removeprefix("execution reverted").lstrip(": ")
    return short(message, _REASON_MAX) or "no reason was given"


def _shown(value: Any, kind: str) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return to_checksum_address(value) if kind == "address" else short(value, _REASON_MAX)


def coins_for_lessons() -> list[str]:
    """Return the addresses that have coins on the lessons' chains."""
    return [person.address for person in people.FUNDED]
