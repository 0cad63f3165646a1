"""A node that misbehaves: a JSON-RPC server in front of a good one, with rules; and reorganisations.

The kit asks it as it asks any node::

    with Node(anvil.url, LoseAnswer(0.3)) as node:
        chain = kit.chain.connect(node.url)
        …
        node.rules.clear()  # from now on it behaves

A rule is about some methods, and applies to a share of the questions for them, by a seeded chance.
The first rule of the list stands nearest to whoever asks.
"""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from eth_account import Account
from eth_utils import keccak

from kit.chain.anvil_chain import AnvilChain

SEED = 20210921

# --- questions and answers -----------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """What a node is asked for."""

    method: str
    params: list[Any] = field(default_factory=list)


@dataclass
class Answer:
    """What a node says, and how it comes across."""

    said: dict[str, Any]
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    #: Sent instead of ``said``.
    raw: bytes | None = None
    #: Seconds before each piece of it; 0 sends it whole.
    drip: float = 0
    #: Whether the connection ends instead.
    lost: bool = False

    @property
    def result(self) -> Any:
        return self.said.get("result")

    @property
    def is_good(self) -> bool:
        """Whether another rule can change the result."""
        return not self.lost and self.raw is None and self.result is not None

    @property
    def body(self) -> bytes:
        return json.dumps(self.said).encode() if self.raw is None else self.raw


def result(value: Any) -> Answer:
    return Answer({"jsonrpc": "2.0", "id": 1, "result": value})


Ask = Callable[[Question], Answer]

# --- the rules -----------------------------------------------------------------------------------


@dataclass
class Rule:
    """What happens to a ``share`` of the questions whose method begins as one of ``about``."""

    share: float = 1.0
    about: tuple[str, ...] = ("eth_",)
    #: How often it has happened.
    happened: int = field(default=0, init=False)

    def __call__(self, ask: Ask, chance: random.Random, question: Question) -> Answer:
        if not question.method.startswith(self.about) or chance.random() >= self.share:
            return ask(question)
        self.happened += 1
        return self.answer(ask, question, chance)

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        raise NotImplementedError


@dataclass
class Lag(Rule):
    """Some of its machines are ``blocks`` behind the others."""

    blocks: int = 1

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        method, params = question.method, question.params
        newest = ask(Question("eth_blockNumber"))
        if not newest.is_good:
            return newest
        head = max(0, int(newest.result, 16) - self.blocks)
        if method == "eth_blockNumber":
            return result(hex(head))
        if method == "eth_getLogs":
            asked = params[0]
            if _number(asked.get("fromBlock", "latest"), head) > head:
                return result([])
            to = min(_number(asked.get("toBlock", "latest"), head), head)
            params = [asked | {"toBlock": hex(to)}]
        elif method != "eth_sendRawTransaction":
            params = [hex(head) if part in ("latest", "pending") else part for part in params]
        answer = ask(Question(method, params))
        found = answer.result
        if answer.is_good and isinstance(found, dict):  # a block, a receipt or a transaction
            number = found.get("blockNumber") or found.get("number") or "0x0"
            if int(number, 16) > head:
                return result(None)
        return answer


def _number(block: str, head: int) -> int:
    return head if block in ("latest", "pending") else int(block, 16)


@dataclass
class Stale(Rule):
    """A question that was asked before is answered as it was then: from a cache, or an old fork."""

    about: tuple[str, ...] = ("eth_get", "eth_call", "eth_blockNumber", "eth_estimateGas")
    before: dict[str, Answer] = field(default_factory=dict, init=False)

    def __call__(self, ask: Ask, chance: random.Random, question: Question) -> Answer:
        answer = super().__call__(ask, chance, question)
        if answer.is_good and question.method.startswith(self.about):
            self.before[str(question)] = deepcopy(answer)
        return answer

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        then = self.before.get(str(question))
        return deepcopy(then) if then else ask(question)


@dataclass
class LoseAnswer(Rule):
    """The question is answered, or the transaction taken, and the connection ends instead."""

    about: tuple[str, ...] = ("eth_sendRawTransaction",)

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        answer = ask(question)
        answer.lost = True
        return answer


@dataclass
class LoseQuestion(Rule):
    """The connection ends before the question arrives."""

    about: tuple[str, ...] = ("eth_sendRawTransaction",)

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        return Answer({}, lost=True)


@dataclass
class Delay(Rule):
    """The answer comes some time later."""

    seconds: float = 0.05

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        answer = ask(question)
        time.sleep(self.seconds)
        return answer


@dataclass
class Duplicate(Rule):
    """A transaction is sent twice, and the second answer comes back; events are listed twice."""

    about: tuple[str, ...] = ("eth_sendRawTransaction", "eth_getLogs")

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        answer = ask(question)
        if question.method == "eth_sendRawTransaction":
            return ask(question)
        if answer.is_good:
            answer.said["result"] = answer.result * 2
        return answer


@dataclass
class Reorder(Rule):
    """Events are listed in another order."""

    about: tuple[str, ...] = ("eth_getLogs",)

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        answer = ask(question)
        if answer.is_good:
            chance.shuffle(answer.result)
        return answer


@dataclass
class DropFilters(Rule):
    """One of the things that events are chosen by is forgotten: address, topics or blocks."""

    about: tuple[str, ...] = ("eth_getLogs",)
    forgets: tuple[str, ...] = ("address", "topics", "blocks")

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        asked, forgotten = dict(question.params[0]), chance.choice(self.forgets)
        if forgotten == "blocks":
            asked |= {"fromBlock": "0x0", "toBlock": "latest"}
        else:
            asked.pop(forgotten, None)
        return ask(Question(question.method, [asked]))


@dataclass
class RateLimit(Rule):
    """It was asked too often, says HTTP; ``retry_after`` is what it says of when to ask again."""

    retry_after: str | None = None

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        headers = {"Retry-After": self.retry_after} if self.retry_after is not None else {}
        return Answer({}, 429, headers, raw=b"")


@dataclass
class Malformed(Rule):
    """The answer has one thing wrong: see ``malform``."""

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        answer = ask(question)
        if answer.raw is None and not answer.lost:
            answer.raw = malform(answer.body, chance)
        return answer


@dataclass
class Drip(Rule):
    """The answer comes in small pieces."""

    seconds: float = 0.001

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        answer = ask(question)
        answer.drip = self.seconds
        return answer


@dataclass
class SwitchChain(Rule):
    """It says another chain's id. Setting ``Node.behind`` makes it another chain's node indeed."""

    about: tuple[str, ...] = ("eth_chainId", "net_version")
    chain_id: int = 1

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        is_hex = question.method == "eth_chainId"
        return result(hex(self.chain_id) if is_hex else str(self.chain_id))


@dataclass
class DropTransaction(Rule):
    """A transaction is taken, its hash returned, and that was all: no block ever has it."""

    about: tuple[str, ...] = ("eth_sendRawTransaction",)

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        return result(transaction_hash(question.params[0]))


@dataclass
class HoldTransaction(Rule):
    """A transaction is taken, its hash returned; it is sent after some more questions, or never."""

    about: tuple[str, ...] = ("eth_sendRawTransaction",)
    questions: int = 5
    #: The questions that are left, and the transaction.
    held: list[tuple[int, str]] = field(default_factory=list, init=False)

    def __call__(self, ask: Ask, chance: random.Random, question: Question) -> Answer:
        self.held = [(left - 1, raw) for left, raw in self.held]
        for _, raw in (due := [one for one in self.held if one[0] <= 0]):
            ask(Question("eth_sendRawTransaction", [raw]))
        self.held = [one for one in self.held if one not in due]
        return super().__call__(ask, chance, question)

    def answer(self, ask: Ask, question: Question, chance: random.Random) -> Answer:
        raw = question.params[0]
        self.held.append((self.questions, raw))
        return result(transaction_hash(raw))


def transaction_hash(raw: str) -> str:
    return "0x" + keccak(hexstr=raw).hex()


# --- the server ----------------------------------------------------------------------------------


class Node:
    """A server on this machine that asks the node ``behind`` and answers as its ``rules`` will.

    ``rules`` may be changed at any time. ``asked`` counts the questions that came, by method.
    """

    def __init__(self, behind: str, *rules: Rule, seed: int = SEED) -> None:
        self.behind, self.rules = behind, list(rules)
        self.chance = random.Random(seed)  # noqa: S311
        self.asked: Counter[str] = Counter()
        self._failed: list[Exception] = []
        self._lock = threading.Lock()  # one question after another, so that chance is the same

    def __enter__(self) -> Self:
        handler = partial(_Handler, self)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads, self._server.block_on_close = True, False
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        if self._failed:  # a rule has a fault of its own
            raise self._failed[0]

    def answer(self, question: Question) -> Answer:
        """Return what it says to a question."""
        ask: Ask = self._forward
        with self._lock:
            self.asked[question.method] += 1
            for rule in reversed(self.rules):
                ask = partial(rule, ask, self.chance)
            try:
                return ask(question)
            except Exception as error:
                self._failed.append(error)
                return Answer({}, 500, raw=b"")

    def _forward(self, question: Question) -> Answer:
        answer = self._post(question)
        if question.method == "eth_sendRawTransaction" and answer.is_good:
            settle(lambda method: self._post(Question(method)).result)
        return answer

    def _post(self, question: Question) -> Answer:
        whole = {"jsonrpc": "2.0", "id": 1, "method": question.method, "params": question.params}
        connection = http.client.HTTPConnection(urlsplit(self.behind).netloc, timeout=30)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/", json.dumps(whole), headers)
            return Answer(json.loads(connection.getresponse().read()))
        finally:
            connection.close()


def settle(ask: Callable[[str], Any]) -> None:
    """Wait until anvil has no transaction that it can put into a block.

    It mines each at once, but its answer may be out first; what comes next were a matter of chance.
    """
    for _ in range(200):
        if ask("txpool_status")["pending"] == "0x0":
            return
        time.sleep(0.01)
    raise AssertionError("anvil mines no more")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one piece

    def __init__(self, node: Node, *given: Any) -> None:
        self.node = node
        super().__init__(*given)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.node.answer(Question(asked["method"], asked.get("params", [])))
        try:
            self._send(answer)
        except OSError:  # whoever asked has gone
            self.close_connection = True

    def _send(self, answer: Answer) -> None:
        if answer.lost:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        size = -(-len(answer.body) // 20) if answer.drip else len(answer.body)
        for start in range(0, len(answer.body), size or 1):
            time.sleep(answer.drip)
            self.wfile.write(answer.body[start : start + size])
            self.wfile.flush()

    def log_message(self, *said: object) -> None:
        """Say nothing."""


# --- malformed answers, by a grammar -------------------------------------------------------------

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        -1,
        2**300,
        1e300,
        0.5,
        "",
        "0x",
        "0X1F",
        "0x-1",
        "-0x1",
        "0xzz",
        "0x0",
    ),
    *("0x" + "f" * 64, "0x" + "f" * 65, "0x" + "f" * 100_000, "0x1", "text", "\ud800", "天" * 999),
    *([], [[]], {}, {"": ""}, [None] * 10_000, ["0x1"], {"error": "x"}, "0x7fffffffffffffff"),
]
WHOLE: list[bytes] = [
    *(b"", b" ", b"null", b"[]", b"{}", b"1", b'"x"', b"\xff\xfe", b"<html>Log in first</html>"),
    *(
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"result":' + b"[" * 100_000,
        b"NaN",
        b'{"result":NaN}',
    ),
    *(b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"1.0","id":null,"result":null}'),
    *(b'{"jsonrpc":"2.0","id":1,"result":"0x1","error":{"code":1,"message":"both"}}',),
]
ERRORS: list[Any] = [
    *("text", 1, [], {}, {"code": "x"}, {"message": None}, {"code": 2**99, "message": "m" * 10**5}),
    {"code": 3, "message": "execution reverted", "data": "0x08c379a0" + "ff" * 64},
    {"code": 3, "message": "execution reverted", "data": {"a": [1]}},
    {"code": -32000, "message": "missing trie node (no archive state)"},
    {"code": -32601, "message": "the method is not available"},
    {"code": -32000, "message": "transaction not found"},
    {"code": -32000, "message": "header not found: the node is syncing"},
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each part of a JSON value."""
    yield path
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*path, key))


def malform(raw: bytes, chance: random.Random) -> bytes:
    """Return an answer with one thing wrong: a part, a whole, an error, or cut off."""
    kind = chance.random()
    if kind < 0.1:
        return chance.choice(WHOLE)
    if kind < 0.2:
        return json.dumps({"jsonrpc": "2.0", "id": 1, "error": chance.choice(ERRORS)}).encode()
    if kind < 0.25:
        return raw[: chance.randrange(len(raw))]
    answer = json.loads(raw)
    *path, last = chance.choice(
        [p for p in places(answer) if p[:1] == ("result",)] or [("result",)]
    )
    part = answer
    for key in path:
        part = part[key]
    if chance.random() < 0.2 and isinstance(part, dict):
        del part[last]
    else:
        part[last] = chance.choice(VALUES)
    return json.dumps(answer).encode()


# --- reorganisations -----------------------------------------------------------------------------
#
# What anvil 1.7.1 does, tried:
# - ``anvil_reorg(depth, [[transaction, place], …])`` makes the last ``depth`` blocks anew, with
#   these transactions, raw or as objects, in the blocks at these places (0 is the lowest; depth or
#   more is refused, and so is a depth above the head's number). The head keeps its number, and each
#   block comes the usual seconds after the one before: a jump of the clock is undone.
# - What isn't given is dropped: no receipt, no transaction, no event, its old block unknown by its
#   hash, and it does not wait in the pool either. It can be sent again. What waited in the pool
#   already stays there; where its number is too high now, the next block throws it away.
# - Of one block's transactions the order is kept; one whose sender has a lower number still to come
#   is left out without a word; one that fails now stands there with status 0.
# - Blocks get another hash because their base fee goes on from where it was, until it is at its
#   floor: so the new blocks get another miner here.
# - Mining goes on as it was: by itself, if it did.
# - ``evm_revert`` to a snapshot below the blocks that were made anew works. To one above, it says
#   "Resource not found" and leaves the state of one chain with the blocks of the other: never do it.
# - ``anvil_rollback(depth)`` takes blocks away; the head goes down, their transactions are dropped.


def reorganise(chain: AnvilChain, blocks: list[list[str]]) -> None:
    """Make the last blocks anew, with these raw transactions, the lowest block first."""
    replaced = chain.head.hash
    pairs = [[raw, place] for place, block in enumerate(blocks) for raw in block]
    chain._ask("anvil_setCoinbase", replaced[:42])
    chain._ask("anvil_reorg", len(blocks), pairs)
    assert chain.head.hash != replaced


def drop(chain: AnvilChain, depth: int) -> list[str]:
    """Replace the last blocks by empty ones; return the raw transactions that are gone."""
    gone = transactions(chain, depth)
    reorganise(chain, [[] for _ in range(depth)])
    return [raw for block in gone for raw in block]


def move(chain: AnvilChain, depth: int, by: int = 1) -> list[str]:
    """Let each transaction of the last blocks land some blocks higher, the last ones together.

    Return those that were moved: of the highest block none can be.
    """
    blocks = transactions(chain, depth)
    moved: list[list[str]] = [[] for _ in range(depth)]
    for place, block in enumerate(blocks):
        moved[min(place + by, depth - 1)] += block
    reorganise(chain, moved)
    return [raw for block in blocks[:-1] for raw in block]


def reorder(chain: AnvilChain, depth: int, chance: random.Random) -> list[str]:
    """Let the transactions of the last blocks land in another order, by chance, none of them lower.

    Each sender's keep their order, as they must. Return them all as they stand now.
    """
    waiting: dict[str, list[tuple[int, str]]] = {}
    for place, block in enumerate(transactions(chain, depth)):
        for raw in block:
            waiting.setdefault(Account.recover_transaction(raw), []).append((place, raw))
    order = [sender for sender, sent in waiting.items() for _ in sent]
    chance.shuffle(order)
    if len(waiting) > 1:  # who was first is first no more
        first = next(iter(waiting))
        other = next(place for place, sender in enumerate(order) if sender != first)
        order.insert(0, order.pop(other))
    blocks: list[list[str]] = [[] for _ in range(depth)]
    lowest = 0
    for sender in order:
        place, raw = waiting[sender].pop(0)
        lowest = chance.randrange(max(place, lowest), depth)
        blocks[lowest].append(raw)
    reorganise(chain, blocks)
    return [raw for block in blocks for raw in block]


def transactions(chain: AnvilChain, depth: int) -> list[list[str]]:
    """Return the raw transactions of each of the last blocks, the lowest first."""
    settle(chain._ask)
    head = chain.head.number
    blocks = [
        chain._ask("eth_getBlockByNumber", hex(number), False)
        for number in range(head - depth + 1, head + 1)
    ]
    ask = partial(chain._ask, "eth_getRawTransactionByHash")
    return [[ask(sent) for sent in block["transactions"]] for block in blocks]
