"""How a transaction comes onto a chain: signed, written down, sent, waited for, its fee raised.

Who sends gives each transaction a number, its nonce, and a chain takes each number once. So whatever
is sent again with the same nonce lands once at most: the same bytes, or others with a higher fee. One
that waits ``RAISE_AFTER`` seconds is replaced so, again and again, up to the limit that the caller
set; ``GIVE_UP`` seconds after the first try nobody waits any longer here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any, Final, Self

from eth_account.signers.base import BaseAccount
from tqdm import tqdm
from web3 import Web3
from web3.contract.contract import ContractConstructor, ContractFunction
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception

from kit.errors import ChainError, KitError, Reverted

__all__ = ["FEE_LIMIT", "GIVE_UP", "RAISE_AFTER", "Sending", "SignedTransaction"]

#: The most that a unit of gas may cost, in wei, unless ``connect`` is told otherwise: 500 gwei.
FEE_LIMIT: Final = 500 * 10**9
#: Seconds after which a transaction that waits is sent again with a higher fee, and then again.
RAISE_AFTER: Final = 60.0
#: Seconds after which nobody waits for it any longer here.
GIVE_UP: Final = 600.0
#: By how much the fee is raised. Nodes take nothing below a tenth.
_RAISE: Final = 1.25
#: How much more gas than estimated a transaction may use; what it doesn't use is not paid.
_GAS_MARGIN: Final = 1.25
#: What a transaction may say of its fee; the first of them that is there is the most it may cost.
_FEES: Final = ("maxFeePerGas", "gasPrice", "maxPriorityFeePerGas")
#: Seconds for which one of a node's machines may not show the block that another one counts already.
_LAG: Final = 30.0
#: Seconds after which a wait is shown.
_SHOWN_AFTER: Final = 3.0
#: What nodes answer who have a transaction already, or a dearer one of the same nonce.
_HAS_IT = re.compile(
    r"already known|known transaction|already imported|already in the|already exists"
    r"|replacement transaction underpriced",
    re.IGNORECASE,
)
_NONCE_USED = re.compile(r"nonce (is )?too low|nonce has already", re.IGNORECASE)
#: How a wait for a block shows itself.
_WAITING: Final = "waiting for a block: {n:.0f} s{postfix}"


@dataclass(frozen=True)
class SignedTransaction:
    """A transaction as it is sent: its bytes, its hash, who sends it, its number there, its fee.

    ``nonce`` is its number among those of ``sender``; ``fee`` the most that a unit of gas may cost,
    in wei.
    """

    raw: bytes
    hash: str
    sender: str
    nonce: int
    fee: int


@dataclass(frozen=True)
class Sending:
    """One call on its way. ``note`` is told each transaction before it is sent for the first time."""

    w3: Web3
    chain_id: int
    fee_limit: int
    call: ContractFunction | ContractConstructor
    by: BaseAccount
    note: Callable[[SignedTransaction], None]

    @property
    def abi(self) -> Sequence[Any]:
        """The ABI of the contract that is called."""
        if isinstance(self.call, ContractConstructor):
            return self.call.abi
        return self.call.contract_abi

    def follow(self, sent: Sequence[SignedTransaction], *, wait: bool) -> Any:
        """Send the last of ``sent`` again, or a new transaction; return web3's receipt, if it waits.

        Raises Reverted, ChainError, and what web3 raises.
        """
        ours = list(sent)
        if not ours:
            ours.append(self._sign())
            self.note(ours[0])
        self._submit(ours[-1], again=bool(sent))
        if not wait:
            return None
        found = self._mined(ours)
        if found["status"] == 0:  # it went through when it was tried, and not in the block
            self._say_why(found)
        return found

    def _mined(self, ours: list[SignedTransaction]) -> Any:
        """Wait until one of our transactions stands in a block; return web3's receipt of it."""
        began = raised = monotonic()
        with _Waiting() as shown:
            while (found := self._landed(ours)) is None:
                waited = monotonic() - began
                shown.after(waited, ours[-1].fee)
                if waited > min(_LAG, GIVE_UP) and self._count() > ours[-1].nonce:
                    fix = "Does another program use this account? Nothing is lost: publish again."
                    got = f"another one of {self.by.address}"
                    raise ChainError(f"the transaction with the nonce {ours[-1].nonce}", got, fix)
                if waited > GIVE_UP:
                    fix = "It may still land: publish() goes on from here, and asks for it first."
                    got = f"{ours[-1].hash}, which still waits"
                    raise ChainError("the transaction in a block", got, fix)
                if monotonic() - raised > RAISE_AFTER:
                    raised = monotonic()
                    self._raise_fee(ours)
                sleep(min(1.0, 0.05 + waited / 10))
        return found

    def _count(self) -> int:
        """Return how many transactions of the sender stand in blocks."""
        return int(self.w3.eth.get_transaction_count(self.by.address, "latest"))

    def _landed(self, ours: Sequence[SignedTransaction]) -> Any:
        """Return web3's receipt of the one that stands in a block, or None."""
        for each in ours:
            with suppress(TransactionNotFound):
                return self.w3.eth.get_transaction_receipt(each.hash)  # type: ignore[arg-type]
        return None

    def _raise_fee(self, ours: list[SignedTransaction]) -> None:
        """Send our newest transaction with a higher fee, or again as it is where that can't be."""
        try:
            higher = self._sign(replaces=ours[-1])
        except (KitError, ContractLogicError):  # over the limit; or one of ours has just landed
            self._submit(ours[-1], again=True)
            return
        self.note(higher)
        ours.append(higher)
        self._submit(higher, again=True)

    def _sign(self, replaces: SignedTransaction | None = None) -> SignedTransaction:
        """Sign the call, with the node's fee, or with a higher one than what it replaces has."""
        request = self._request(replaces.nonce if replaces else None)
        names = [name for name in _FEES if name in request]
        if replaces:
            part = max(1.0, _RAISE * replaces.fee / request[names[0]])
            for name in names:  # nodes want all of them higher
                request[name] = int(request[name] * part) + 1
        fee = request[names[0]]
        if fee > self.fee_limit:
            fix = "Try again when it is lower, or pass a higher fee_limit to kit.chain.connect()."
            limit = f"a fee of at most {self.fee_limit:,} wei a unit of gas"
            raise ChainError(limit, f"one of {fee:,} wei", fix)
        signed = self.by.sign_transaction(request)
        raw, hashed = bytes(signed.raw_transaction), signed.hash.to_0x_hex()
        return SignedTransaction(raw, hashed, self.by.address, request["nonce"], fee)

    def _request(self, nonce: int | None) -> dict[str, Any]:
        """Return a whole transaction: its nonce, if none is given, fees and gas as the node says."""
        sender = self.by.address
        if nonce is None:
            nonce = self.w3.eth.get_transaction_count(sender, "pending")
        request: dict[str, Any] = {"from": sender, "nonce": nonce, "chainId": self.chain_id}
        if "baseFeePerGas" not in self.w3.eth.get_block("latest"):  # before EIP-1559
            request["gasPrice"] = self.w3.eth.gas_price
        with warnings.catch_warnings():  # without the node's own suggestion web3 takes the median
            warnings.simplefilter("ignore", UserWarning)
            request = dict(self.call.build_transaction(request))  # type: ignore[arg-type]
        request["gas"] = int(request["gas"] * _GAS_MARGIN)
        return request

    def _submit(self, signed: SignedTransaction, *, again: bool) -> None:
        """Send a signed transaction.

        That a node has it is fine, and ``again`` that its nonce is used: it may have landed.
        """
        try:
            self.w3.eth.send_raw_transaction(signed.raw)
        except Web3Exception as error:
            if not _HAS_IT.search(str(error)) and not (again and _NONCE_USED.search(str(error))):
                raise

    def _say_why(self, found: Any) -> None:
        """Raise Reverted, with the contract's reason if it gives one when it is asked again."""
        given: Any = {"from": self.by.address, "nonce": 0, "gas": 0, "gasPrice": 0}
        whole = self.call.build_transaction(given | {"chainId": self.chain_id})
        again: Any = {name: whole[name] for name in ("from", "to", "data") if whole.get(name)}
        self.w3.eth.call(again, found["blockNumber"])
        raise Reverted("no reason was given (out of gas?)")


class _Waiting:
    """Shows a wait that lasts: for how long, and at what fee."""

    def __init__(self) -> None:
        self._bar: Any = None

    def after(self, seconds: float, fee: int) -> None:
        """Show that so many seconds were waited, for a transaction with this fee."""
        if seconds < _SHOWN_AFTER:
            return
        if self._bar is None:
            self._bar = tqdm(leave=False, bar_format=_WAITING)
        self._bar.set_postfix_str(f"for at most {fee / 1e9:,.3g} gwei a unit of gas")
        self._bar.update(seconds - self._bar.n)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.close()
