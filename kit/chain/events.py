"""From a chain to rows: the events of any contract, asked for in ranges that a node accepts.

Nodes limit what one question may cover, each in its own way and with its own words: so many blocks,
so many events, so many seconds. So the range is asked for piece by piece, and whatever a node says
no to is asked again in halves, down to a single block. Of the answer each event is looked at again:
its contract, its topics, its block, whether it was removed, and whether it is there twice.

What has arrived can be kept in a file (``resume``): a line a piece, written when the piece is whole.
The next call reads it and goes on behind it, so that no event is lost and none comes twice, wherever
it was stopped. Pieces whose last block is no longer on the chain are asked for again.

Decoding is eth-abi's; web3's own takes five times as long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from eth_abi import encode
from eth_abi.codec import ABIDecoder
from eth_abi.decoding import StringDecoder
from eth_abi.encoding import TextStringEncoder
from eth_abi.registry import BaseEquals, registry
from eth_utils import abi as abi_tools
from eth_utils import is_address, keccak, to_checksum_address
from tqdm import tqdm
from web3.exceptions import Web3Exception
from web3.types import RPCEndpoint

from kit.arguments import checked, shown
from kit.chain.abi import entries
from kit.chain.solidity import Artifact
from kit.core import nests_too_deep
from kit.errors import ChainError, DataError, NodeDown

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CHUNK", "CHUNK_MAX", "PLACE", "Event", "read", "table"]

#: Blocks of the first piece: what nearly all public nodes accept.
CHUNK: Final = 2_000
#: Blocks of the largest piece: an answer still comes in seconds.
CHUNK_MAX: Final = 100_000

#: The columns that tell where an event stands; they follow those of its arguments.
PLACE: Final = {
    "block_number": "int64",
    "block_hash": "str",
    "block_time": "datetime64[s, UTC]",
    "transaction_hash": "str",
    "log_index": "int64",
}

_FORMAT: Final = "civic-diary-events/1"
_HASHED = re.compile(r"string|bytes|\(.*|.*\]")  # what a topic has no room for: its keccak256


def _decoder() -> ABIDecoder:
    own = registry.copy()  # type: ignore[no-untyped-call]
    own.unregister("string")
    is_string = BaseEquals("string")  # type: ignore[no-untyped-call]
    # Text that is not UTF-8 keeps its bytes as \xff: one event must not spoil the table.
    text = StringDecoder("backslashreplace")  # type: ignore[no-untyped-call]
    own.register(is_string, TextStringEncoder, text, label="string")
    return ABIDecoder(own)


_DECODER: Final = _decoder()
_checksum = lru_cache(maxsize=100_000)(to_checksum_address)  # a hash each, and they come again


class Event:
    """An event of a contract's ABI: its topic, its arguments, and how a log of it is read.

    ``name`` is the event's, or its signature where several share a name:
    ``"Transfer(address,address,uint256)"``. Raises ChainError if the ABI has no such event.
    """

    @checked("abi", "name")
    def __init__(self, abi: Artifact | Mapping[str, Any] | Sequence[Any] | str, name: str) -> None:
        events: list[Any] = [item for item in entries(abi) if item["type"] == "event"]
        found = [e for e in events if name in (e["name"], abi_tools.abi_to_signature(e))]
        if len(found) != 1 or found[0].get("anonymous"):
            there = ", ".join(abi_tools.abi_to_signature(e) for e in events) or "no events"
            got = "an anonymous one" if len(found) == 1 else f"an ABI with {there}"
            raise ChainError(f"one event {name}", got, "Name it, or write its whole signature.")
        self.signature: str = abi_tools.abi_to_signature(found[0])
        self.topic = "0x" + keccak(text=self.signature).hex()
        inputs = found[0]["inputs"]
        names = _column_names([i["name"] for i in inputs])
        types = [abi_tools.collapse_if_tuple(i) for i in inputs]
        arguments = list(zip(names, types, inputs, strict=True))
        self._arguments = arguments
        self._indexed = [a for a in arguments if a[2].get("indexed")]
        self._plain = [a for a in arguments if not a[2].get("indexed")]
        self._types = [kind for _, kind, _ in self._plain]
        self._hashed = [bool(_HASHED.fullmatch(kind)) for _, kind, _ in self._indexed]
        self._words = [kind for _, kind, _ in self._indexed if not _HASHED.fullmatch(kind)]

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the event's arguments and their dtypes, as in ``Chain.events``."""
        return {
            name: "str" if given.get("indexed") and _HASHED.fullmatch(kind) else _dtype(kind)
            for name, kind, given in self._arguments
        }

    @checked("where")
    def topics(self, where: Mapping[str, Any]) -> list[str | None]:
        """Return the topics to ask a node for: the event's own, and the values of indexed arguments.

        Raises ChainError for an argument that is not indexed, or a value of another type.
        """
        indexed = {name: kind for name, kind, _ in self._indexed if not _HASHED.fullmatch(kind)}
        if unknown := set(where) - set(indexed):
            expected = (
                f"indexed arguments of {self.signature} ({', '.join(indexed) or 'it has none'})"
            )
            fix = "Filter the table by the others."
            raise ChainError(expected, ", ".join(sorted(unknown)), fix)
        given: list[str | None] | None
        try:
            given = [
                "0x" + encode([kind], [where[name]]).hex() if name in where else None
                for name, kind in indexed.items()
            ]
        except Exception:  # eth-abi's own, and Python's
            given = None
        if given is None:
            got = ", ".join(f"{name} {shown(value)}" for name, value in where.items())
            # Out here it has no causes: they name what was passed, which could be a key by mistake.
            raise ChainError("values that the arguments can have", got, "Check.")
        while given and given[-1] is None:
            given.pop()
        return [self.topic, *given]

    @checked("log")
    def decode(self, log: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of a log by name. Raises ChainError if it is no log of this event."""
        try:
            topics = log["topics"][1:]
            if len(topics) != len(self._indexed):
                raise ValueError(f"{len(topics)} indexed arguments")
            # What is hashed stays as it is; the other topics are a word each, decoded together.
            words = "".join(
                t[2:] for t, hashed in zip(topics, self._hashed, strict=True) if not hashed
            )
            known = iter(_DECODER.decode(self._words, bytes.fromhex(words)))
            values = {
                name: topic if hashed else _value(next(known), given)
                for (name, _, given), topic, hashed in zip(
                    self._indexed, topics, self._hashed, strict=True
                )
            }
            data = _DECODER.decode(self._types, bytes.fromhex(log["data"][2:]))
        except Exception as error:  # eth-abi's own, and Python's
            got = f"another in block {log.get('block_number', '?')} ({error})"
            fix = "Is it the ABI of this contract? Indexed arguments count, too."
            raise ChainError(f"a log of {self.signature}", got, fix) from error
        for (name, _, given), value in zip(self._plain, data, strict=True):
            values[name] = _value(value, given)
        return {name: values[name] for name, _, _ in self._arguments}


def _column_names(names: Sequence[str]) -> list[str]:
    """Return names for the columns: none empty, none twice, none that tells an event's place."""
    found: list[str] = []
    for number, name in enumerate(names):
        name = name or f"argument_{number}"
        while name in found or name in PLACE:
            name += "_"
        found.append(name)
    return found


def _dtype(kind: str) -> str:
    if kind in ("bool", "address", "string") or re.fullmatch(r"bytes\d*", kind):
        return "bool" if kind == "bool" else "str"
    size = re.fullmatch(r"u?int(\d+)", kind)
    return "int64" if size and int(size[1]) <= 64 else "object"


def _value(value: Any, given: Mapping[str, Any]) -> Any:
    """Return a decoded value as it stands in a table."""
    kind = given["type"]
    if kind.endswith("]"):
        inner = {**given, "type": kind[: kind.rindex("[")]}
        return [_value(item, inner) for item in value]
    if kind == "tuple":
        parts = given["components"]
        names = _column_names([part["name"] for part in parts])
        return {n: _value(v, part) for n, v, part in zip(names, value, parts, strict=True)}
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return _checksum(value) if kind == "address" else value


# --- reading -------------------------------------------------------------------------------------


class _Asked(Protocol):
    """What reading events asks of a chain; ``kit.chain.base`` needn't be known here."""

    w3: Any

    @property
    def chain_id(self) -> int: ...

    @property
    def genesis_hash(self) -> str: ...

    def block(self, number: int | str) -> Any: ...

    def block_time(self, block_hash: Any) -> datetime: ...


def read(
    chain: _Asked,
    address: str,
    event: Event,
    *,
    first_block: int = 0,
    last_block: int | str = "latest",
    where: Mapping[str, Any] | None = None,
    resume: str | Path | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield a contract's events, oldest first: the arguments by name, and the columns of ``PLACE``.

    ``block_time`` is a UTC datetime. See ``Chain.events`` for the rest.
    """
    if not is_address(address):
        raise ChainError("the address of a contract", shown(address), "Check the address.")
    address, topics = to_checksum_address(address), event.topics(where or {})
    last = last_block if isinstance(last_block, int) else int(chain.block(last_block).number)
    source = _Source(chain, address, topics, first_block)
    kept = _Kept(Path(resume), source) if resume is not None else None
    logs = kept.chunks(last) if kept else source.chunks(first_block, last)
    for _, _, found in logs:
        for log in found:
            if log["block_number"] <= last:
                place = {name: log[name] for name in PLACE}
                place["block_time"] = datetime.fromtimestamp(log["block_time"], UTC)
                yield event.decode(log) | place


def table(event: Event, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the rows that ``read`` gave as a DataFrame, with dtypes that the ABI alone decides."""
    import pandas as pd

    columns = event.columns | PLACE
    frame = pd.DataFrame(list(rows), columns=list(columns), dtype="object")
    for name, dtype in columns.items():
        # A uint64 can hold more than an int64: such a column stays one of Python's numbers.
        if dtype == "int64" and any(value >= 2**63 for value in frame[name]):
            columns[name] = "object"
    return frame.astype(columns)


_Chunk = tuple[int, int, list[dict[str, Any]]]


class _Source:
    """One question to a chain: the logs of an address with these topics."""

    def __init__(
        self, chain: _Asked, address: str, topics: Sequence[str | None], first_block: int
    ) -> None:
        self.chain, self.address, self.topics = chain, address, list(topics)
        self.first_block = first_block

    def chunks(self, first: int, last: int) -> Iterator[_Chunk]:
        """Yield (first block, last block, logs) for pieces that together are the range."""
        size, refused = CHUNK, False
        # No bar for what takes one question, and none in the first second.
        quiet = last - first < CHUNK
        with tqdm(total=last - first + 1, unit="block", delay=1, disable=quiet) as bar:
            while first <= last:
                to = min(first + size - 1, last)
                try:
                    found = self._logs(first, to)
                except ChainError as error:
                    if to == first or not _too_much(error):
                        raise
                    size, refused = (to - first + 1) // 2, True
                    continue
                yield first, to, found
                bar.update(to - first + 1)
                first = to + 1
                # After a refusal slowly, or every second question would be refused.
                size = min(CHUNK_MAX, size + size // 8 + 1 if refused else 2 * size)

    def _logs(self, first: int, last: int) -> list[dict[str, Any]]:
        asked = {
            "address": [self.address],
            "topics": self.topics,
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        try:
            answer = self.chain.w3.manager.request_blocking(RPCEndpoint("eth_getLogs"), [asked])
        except (Web3Exception, ValueError) as error:
            fix = "Ask a node of your own, or one that lists the events of more blocks at once."
            raise ChainError("the node to list events", f"its answer: {error}", fix) from error
        # A node may forget a filter, and list an event twice, or one whose block is gone.
        asked_for = [log for log in answer if self._is_asked_for(log, first, last)]
        logs = {(log["blockHash"], _integer(log["logIndex"])): log for log in asked_for}
        found = [self._log(log) for log in logs.values()]
        return sorted(found, key=lambda log: (log["block_number"], log["log_index"]))

    def _is_asked_for(self, log: Mapping[str, Any], first: int, last: int) -> bool:
        topics = [str(topic).lower() for topic in log["topics"]]
        return (
            not log.get("removed")
            and str(log["address"]).lower() == self.address.lower()
            and first <= _integer(log["blockNumber"]) <= last
            and len(topics) >= len(self.topics)
            and all(want in (None, topic) for want, topic in zip(self.topics, topics, strict=False))
        )

    def _log(self, log: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "topics": list(log["topics"]),
            "data": log["data"],
            "block_number": _integer(log["blockNumber"]),
            "block_hash": log["blockHash"],
            # Newer nodes say it with each log; else each block is asked for once.
            "block_time": _integer(log.get("blockTimestamp") or 0)
            or int(self.chain.block_time(log["blockHash"]).timestamp()),
            "transaction_hash": log["transactionHash"],
            "log_index": _integer(log["logIndex"]),
        }


def _integer(value: int | str) -> int:
    return int(value, 16) if isinstance(value, str) else value


def _too_much(error: ChainError) -> bool:
    """Return whether a smaller question may be answered: not if nobody is there to answer it."""
    return error.ask_for_less if isinstance(error, NodeDown) else True


class _Kept:
    """The file of ``resume``: a line that says what was asked, then a line for each piece."""

    def __init__(self, path: Path, source: _Source) -> None:
        self.path, self.source = path, source
        self.head = {
            "format": _FORMAT,
            "chain_id": source.chain.chain_id,
            "genesis_hash": source.chain.genesis_hash,
            "address": source.address,
            "topics": source.topics,
            "first_block": source.first_block,
        }

    def chunks(self, last: int) -> Iterator[_Chunk]:
        """Yield the pieces of the file, then those that are new, each of which is kept first."""
        lines, pieces = self._load()
        if not lines:
            lines = [json.dumps(self.head)]
        while pieces and not self._still_there(pieces[-1]):
            pieces.pop()
        text = "".join(line + "\n" for line in lines[: 1 + len(pieces)])
        try:
            if not self.path.exists() or self.path.read_bytes() != text.encode():
                self.path.write_text(text, encoding="utf-8", newline="\n")
        except OSError as error:
            raise self._refused(str(error.strerror)) from error
        for piece in pieces:
            yield piece["first"], piece["last"], piece["logs"]
        start = pieces[-1]["last"] + 1 if pieces else self.source.first_block
        for first, to, logs in self.source.chunks(start, last):
            block = self.source.chain.block(to)  # raises if the node doesn't have it yet
            piece = {"first": first, "last": to, "hash": block.hash, "logs": logs}
            with self.path.open("a", encoding="utf-8", newline="\n") as file:
                file.write(json.dumps(piece) + "\n")
            yield first, to, logs

    def _load(self) -> tuple[list[str], list[Any]]:
        """Return the file's whole lines, and its pieces up to the first that doesn't fit."""
        if not self.path.exists():
            return [], []
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise self._refused(str(error)) from error
        lines = text.splitlines()
        # A first line that was cut off holds nothing yet; anything else there is not ours.
        if not lines or (len(lines) == 1 and json.dumps(self.head).startswith(text)):
            return [], []
        if _json(lines[0]) != self.head:
            raise self._refused("one of other events, or another file")
        pieces: list[Any] = []
        for line in lines[1:]:
            piece = _json(line)
            expected = pieces[-1]["last"] + 1 if pieces else self.source.first_block
            if not isinstance(piece, dict) or set(piece) != {"first", "last", "hash", "logs"}:
                break
            if piece["first"] != expected:
                break
            pieces.append(piece)
        return lines, pieces

    def _still_there(self, piece: Mapping[str, Any]) -> bool:
        try:
            return bool(self.source.chain.block(piece["last"]).hash == piece["hash"])
        except NodeDown:
            raise
        except ChainError:
            return False

    def _refused(self, got: str) -> DataError:
        fix = "Choose another file name, or the arguments it was made with."
        return DataError(f"a file of these events at {self.path.name}", got, fix)


def _json(line: str) -> Any:
    try:
        return None if nests_too_deep(line) else json.loads(line)
    except ValueError:
        return None
