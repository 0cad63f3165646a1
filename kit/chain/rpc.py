"""One way to ask a node over HTTP: each question has an end, each answer is typed before it is used.

A node is somebody else's machine. It may be slow, broken, or wish us ill; whatever it sends, what
leaves here is an answer of the right types, an error that the node itself reported in JSON-RPC's
form, or NodeDown:

- a question ends after ``PATIENCE`` seconds in all, however slowly its answer drips in;
- an answer has at most ``ANSWER_MAX`` bytes (lists of events ``LOGS_MAX``); the rest is not read;
- of the methods in ``_RESULTS`` all fields that the kit uses have their type and range;
- a node that was asked too often is asked again after the seconds of ``PAUSES``, then no more.

A node's address may hold a key: no error, no log and no text of the provider has more than its host.

The form of questions and answers: https://www.jsonrpc.org/specification; of the values:
https://ethereum.org/developers/docs/apis/json-rpc/#conventions.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from ipaddress import ip_address
from threading import Event, Thread, current_thread
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import requests
from tqdm import tqdm
from urllib3.exceptions import HTTPError
from web3 import HTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from kit.core import DEPTH_MAX, nests_too_deep
from kit.errors import NodeDown
from kit.text import short

__all__ = ["ANSWER_MAX", "LOGS_MAX", "PATIENCE", "PAUSES", "Http", "is_loopback"]

#: Seconds for a whole question, and for each wait for a byte of its answer.
PATIENCE: Final = 60.0
_SILENCE: Final = 30.0
#: Bytes of an answer: the largest code of a contract (EIP-170) is 50,000 digits, a block's list of
#: transactions 100,000.
ANSWER_MAX: Final = 4 * 2**20
LOGS_MAX: Final = 64 * 2**20
#: Seconds between the questions to a node that was asked too often.
PAUSES: Final = (1, 2, 4, 8)
#: Digits of what a contract says when it refuses.
_REVERT_MAX: Final = 100_000
#: Columns of a node's own words that an error shows.
_WORDS: Final = 300
#: The last second that Python's dates have.
_LAST_SECOND: Final = 253_402_300_799
_TOO_OFTEN = re.compile(
    r"status 429|code': 429|rate.?limit|too many requests|compute units|throughput", re.IGNORECASE
)
_READS: Final = ("eth_get", "eth_call", "eth_chainId", "eth_blockNumber", "eth_estimateGas")
#: A part of an address with fewer letters is no key, and could be a part of any word.
_SECRET_MIN: Final = 6
#: The name of the thread of a question.
_ASKING: Final = "a question to a node"


def _is_not_ours(record: logging.LogRecord) -> bool:
    """Return whether urllib3 logs for somebody else: of a question it writes the whole address."""
    return current_thread().name != _ASKING


for _logger in ("connection", "connectionpool", "poolmanager", "response", "util.retry"):
    logging.getLogger(f"urllib3.{_logger}").addFilter(_is_not_ours)


class _Unreadable(Exception):
    """An answer of another form; its text says how. It doesn't leave this module."""


class _TooLarge(requests.RequestException):
    """An answer of more bytes than a question has; its text says so."""


class Http(HTTPProvider):
    """web3's HTTP provider with bounds. ``why`` tells why nobody answers, if it can.

    ``tries`` is how often a question that changes nothing is asked where no connection comes about.
    """

    def __init__(self, url: str, why: Callable[[], str] = lambda: "", *, tries: int = 1) -> None:
        super().__init__(url)
        self._why, self._tries = why, tries
        self._session = _session(url)
        self._host, self._secrets = _host(url), _secrets(url)

    def __repr__(self) -> str:
        return f"JSON-RPC node at {self._host}"

    __str__ = __repr__

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """Send one JSON-RPC request and return the answer. Raises NodeDown."""
        question = self.encode_rpc_request(method, params)
        for pause in (*PAUSES, None):
            try:
                answer = self._ask(method, question)
            except NodeDown as down:
                if pause is None or not _TOO_OFTEN.search(down.got):
                    raise
            else:
                error = answer.get("error", {})
                refused = error.get("code") == 3  # a contract did, in words of its own
                if pause is None or refused or not _TOO_OFTEN.search(str(error)):
                    return answer  # type: ignore[return-value]
            tqdm.write(f"The node was asked too often; again in {pause} s.", file=sys.stderr)
            time.sleep(pause)
        raise AssertionError  # the last turn returns or raises

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        """Send requests one after another and return their answers: each with bounds. Raises NodeDown."""
        return [self.make_request(method, params) for method, params in requests]

    def down(self, got: str) -> NodeDown:
        """Return the error that says what came instead of a node's answer."""
        fix = "Is the node running, and is the address right?"
        return NodeDown(f"a JSON-RPC node at {self._host}", got, fix)

    def _ask(self, method: str, question: bytes) -> dict[str, Any]:
        try:
            answer = _answer(method, self._tried(method, question))
        except (requests.RequestException, ValueError, OSError, _Unreadable) as error:
            down = self.down(self._came(method, error))
            down.ask_for_less = isinstance(error, requests.RequestException) and not isinstance(
                error, requests.ConnectionError
            )
        else:
            said = answer.get("error")
            return answer | {"error": self._discreet(said)} if said else answer
        # Out here it has no causes: requests names the whole address in them.
        raise down

    def _tried(self, method: str, question: bytes) -> bytes:
        """Return the bytes of an answer. Raises what requests raises."""
        limit = LOGS_MAX if method == "eth_getLogs" else ANSWER_MAX
        for left in reversed(range(self._tries if method.startswith(_READS) else 1)):
            try:
                return self._post(question, limit)
            except requests.ConnectionError:
                if not left:
                    raise
            time.sleep(0.1)
        raise AssertionError  # the last turn returns or raises

    def _came(self, method: str, error: Exception) -> str:
        """Return what came instead of an answer."""
        if isinstance(error, requests.HTTPError):
            status = error.response.status_code if error.response is not None else "unknown"
            return f"HTTP status {status}"
        if isinstance(error, _Unreadable):
            return f"{self._discreet(str(error))}, as its answer to {method}"
        return str(error) if isinstance(error, _TooLarge) else self._why() or type(error).__name__

    def _discreet(self, said: Any) -> Any:
        """Return a node's own words, or an error with such, without what is secret in its address."""
        if isinstance(said, dict):
            return {name: self._discreet(part) for name, part in said.items()}
        for secret in self._secrets if isinstance(said, str) else ():
            said = said.replace(secret, "…")
            for length in range(len(secret) - 1, 3, -1):  # where the words were cut off
                said = said.replace(secret[:length] + "…", "…")
        return said

    def _post(self, question: bytes, limit: int) -> bytes:
        """Send a question and return the bytes of its answer. Raises what requests raises.

        A socket's time limit begins again with each byte, so the question has a thread of its own;
        one that is late is left behind, with its connection.
        """
        session, answer, late = self._session, Future[bytes](), Event()

        def run() -> None:
            try:
                answer.set_result(self._read(session, question, limit, late))
            except BaseException as error:
                answer.set_exception(error)

        Thread(target=run, daemon=True, name=_ASKING).start()
        if not wait([answer], PATIENCE).done:
            late.set()
            self._session = _session(str(self.endpoint_uri))
            raise requests.Timeout
        return answer.result()

    def _read(self, session: requests.Session, question: bytes, limit: int, late: Event) -> bytes:
        options: dict[str, Any] = {"headers": self.get_request_headers(), "timeout": _SILENCE}
        with session.post(str(self.endpoint_uri), question, stream=True, **options) as response:
            response.raise_for_status()
            parts, size = [], 0
            # What has come, and not a piece of a size: that could take for ever.
            while not late.is_set() and (part := _piece(response)):
                size += len(part)
                if size > limit:
                    raise _TooLarge(f"an answer of more than {limit // 2**20} MiB")
                parts.append(part)
            return b"".join(parts)


def _piece(response: requests.Response) -> bytes:
    """Return what has come of an answer, b"" at its end. Raises what requests raises."""
    try:
        return bytes(response.raw.read1(2**16, decode_content=True))
    except HTTPError as error:
        raise requests.exceptions.ChunkedEncodingError(str(error)) from error


def _host(url: str) -> str:
    """Return the host and port of an address, which may be shown; the rest of it may hold a key."""
    found = urlsplit(url)
    host = found.netloc.rpartition("@")[2]
    # An @ behind it: a password with a slash in it, of which this is the beginning.
    is_whole = "@" not in found.path + found.query + found.fragment
    fine = is_whole and re.fullmatch(r"[\w.:\[\]-]+", host)
    return host if fine else "the address that was given"


def _secrets(url: str) -> list[str]:
    """Return the parts of an address that nobody else may see: its password, its path, its question."""
    found = urlsplit(url)
    rest = f"{found.netloc.rpartition('@')[0]}/{found.path}/{found.query}/{found.fragment}"
    parts = {y for x in re.split(r"[/:=&?#@]", rest) for y in (x, unquote(x))}
    return sorted((x for x in parts if len(x) >= _SECRET_MIN), key=len, reverse=True)


def _session(url: str) -> requests.Session:
    """Return a session; on this machine it asks neither for a proxy nor in .netrc for a password."""
    session = requests.Session()
    session.trust_env = not is_loopback(url)
    return session


def is_loopback(url: str) -> bool:
    """Return whether an address is on this machine, where no proxy could find it."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, section 6.3
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


# --- what an answer may be -----------------------------------------------------------------------


def _answer(method: str, raw: bytes) -> dict[str, Any]:
    """Return an answer with an error or a result of the method's types. Raises _Unreadable."""
    try:
        text = raw.decode()
        if nests_too_deep(text):
            raise _Unreadable(f"JSON of more than {DEPTH_MAX} levels")
        answer = json.loads(text)
    except ValueError as error:
        raise _Unreadable("what is no JSON") from error
    if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
        raise _Unreadable("an answer that is not JSON-RPC")
    whole = {"jsonrpc": "2.0", "id": 1}
    if answer.get("error") is not None:
        return whole | {"error": _error(answer["error"])}
    result, read = answer.get("result"), _RESULTS.get(method)
    return whole | {"result": read(result) if read else result}


def _error(said: Any) -> dict[str, Any]:
    """Return a node's error with a code, a message of some length, and its data if that is hex."""
    if not isinstance(said, dict):
        said = {"message": said}
    code, message, data = said.get("code"), said.get("message"), said.get("data")
    is_code = isinstance(code, int) and abs(code) < 2**31
    error: dict[str, Any] = {"code": code if is_code else -32603}
    error["message"] = _said(message if isinstance(message, str) else "an error", _WORDS)
    if isinstance(data, str) and len(data) <= _REVERT_MAX:
        error["data"] = data if _DATA.fullmatch(data) else _said(data, _WORDS)
    return error


_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")
_Reader = Callable[[Any], Any]


def _hex(what: str, digits: str) -> _Reader:
    form = re.compile(f"0[xX]{digits}")

    def read(value: Any) -> str:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise _Unreadable(f"{_brief(value)} for {what}")
        return value.lower()

    return read


def _number(what: str, end: int) -> _Reader:
    digits = _hex(what, "[0-9a-fA-F]{1,64}")

    def read(value: Any) -> str:
        number = int(digits(value), 16)
        if number > end:
            raise _Unreadable(f"{_brief(value)} for {what}")
        return hex(number)

    return read


def _or_null(read: _Reader) -> _Reader:
    return lambda value: None if value is None else read(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Unreadable(f"{_brief(value)} for true or false")
    return value


def _each(what: str, read: _Reader, most: int = sys.maxsize) -> _Reader:
    def each(values: Any) -> list[Any]:
        if not isinstance(values, list) or len(values) > most:
            raise _Unreadable(f"{_brief(values)} for {what}")
        return [read(value) for value in values]

    return each


def _object(what: str, needed: Mapping[str, _Reader], optional: Mapping[str, _Reader]) -> _Reader:
    def read(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _Unreadable(f"{_brief(value)} for {what}")
        if missing := needed.keys() - value.keys():
            raise _Unreadable(f"{what} without {', '.join(sorted(missing))}")
        typed = {**needed, **optional}
        return {name: typed[name](part) if name in typed else part for name, part in value.items()}

    return read


def _brief(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value):,}"
    return _said(value if isinstance(value, str) else json.dumps(value), 40)


def _said(text: str, columns: int) -> str:
    """Return a node's words in some columns; however many there are, few are looked at."""
    return short(text[: 2 * columns], columns)


_WHOLE = _number("a number", 2**63 - 1)
_WEI = _number("an amount", 2**256 - 1)
_SECOND = _number("a time", _LAST_SECOND)
_HASH = _hex("a hash", "[0-9a-fA-F]{64}")
_ADDRESS = _hex("an address", "[0-9a-fA-F]{40}")
_BYTES = _hex("bytes", "([0-9a-fA-F]{2})*")

_LOG = _object(
    "an event",
    {
        "address": _ADDRESS,
        "topics": _each("topics", _HASH, 4),
        "data": _BYTES,
        "blockNumber": _WHOLE,
        "blockHash": _HASH,
        "transactionHash": _HASH,
        "logIndex": _WHOLE,
    },
    {"removed": _flag, "blockTimestamp": _or_null(_SECOND)},
)
_BLOCK = _object(
    "a block",
    {"number": _WHOLE, "hash": _HASH, "timestamp": _SECOND},
    {"baseFeePerGas": _or_null(_WEI), "gasUsed": _WHOLE, "gasLimit": _WHOLE},
)
_RECEIPT = _object(
    "a receipt",
    {
        "transactionHash": _HASH,
        "blockHash": _HASH,
        "blockNumber": _WHOLE,
        "gasUsed": _WHOLE,
        "logs": _each("events", _LOG),
    },
    {"status": _number("a status", 1), "contractAddress": _or_null(_ADDRESS)},
)
#: Nodes on the way to an account or a storage slot: its key has 64 hex digits.
_NODES = _each("nodes of a state's tree", _BYTES, 65)
_PROOF = _object(
    "a state proof",
    {
        "accountProof": _NODES,
        "storageProof": _each("storage slots", _object("a storage slot", {"proof": _NODES}, {})),
    },
    {},
)

#: What the answers to the questions that the kit asks may be.
_RESULTS: Final[Mapping[str, _Reader]] = {
    "eth_chainId": _WHOLE,
    "eth_blockNumber": _WHOLE,
    "eth_getBalance": _WEI,
    "eth_getTransactionCount": _WHOLE,
    "eth_gasPrice": _WEI,
    "eth_maxPriorityFeePerGas": _WEI,
    "eth_estimateGas": _WHOLE,
    "eth_getCode": _BYTES,
    "eth_call": _BYTES,
    "eth_sendRawTransaction": _HASH,
    "eth_getBlockByNumber": _or_null(_BLOCK),
    "eth_getBlockByHash": _or_null(_BLOCK),
    "eth_getTransactionReceipt": _or_null(_RECEIPT),
    "eth_getLogs": _each("events", _LOG),
    "eth_getProof": _or_null(_PROOF),
}
