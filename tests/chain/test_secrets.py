"""What is secret in a node's address goes to the node, and nowhere else."""

from __future__ import annotations

import gzip
import json
import logging
import threading
import warnings
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

import kit
import kit.chain.rpc
from kit import people
from kit.chain.rpc import Http
from kit.errors import ChainError, NodeDown

USER, PASSWORD, PATH, QUESTION = "tenant-7c1e", "pa55w0rd-x", "SECRETKEY41", "SECRET2of2"
SECRETS = (USER, PASSWORD, PATH, QUESTION)


class _Talk(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        server: Any = self.server
        server.asked.append((self.path, self.headers["Authorization"]))
        self.rfile.read(int(self.headers["Content-Length"]))
        self.wfile.write(server.answer)
        self.close_connection = True

    do_GET = do_POST  # noqa: N815  where a redirect leads

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server that gives ``server.answer``, as it is, to whatever is asked."""
    monkeypatch.setattr(kit.chain.rpc, "PAUSES", (0,))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Talk) as server:
        server.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def address(server: Any) -> str:
    return f"http://{USER}:{PASSWORD}@127.0.0.1:{server.server_port}/v3/{PATH}?key={QUESTION}"


def http(body: bytes, *more: str, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    head = [f"HTTP/1.1 {status}", *more, f"Content-Length: {size}", "", ""]
    return "\r\n".join(head).encode() + body


def said(**content: Any) -> bytes:
    return http(json.dumps({"jsonrpc": "2.0", "id": 0} | content).encode())


def told(message: str) -> bytes:
    return said(error={"code": -32000, "message": message, "data": message})


#: What a node may do, and whether it echoes what it was asked with.
ANSWERS = {
    "good": said(result="0x7b"),
    "an error that names the address": told(f"no such project: /v3/{PATH}?key={QUESTION}"),
    "an error that is cut off inside of it": told("x" * 291 + PATH),
    "a contract's words": said(error={"code": 3, "message": f"execution reverted: {PATH}"}),
    "a result that names it": said(result=f"/v3/{PATH}?key={QUESTION}&user={USER}"),
    "a result that is cut off inside of it": said(result="天" * 17 + PATH),
    "refused": http(b"", status=f"401 no {PATH} of {USER}"),
    "too often": http(PATH.encode(), status="429 Slow down"),
    "elsewhere": http(b"", f"Location: /v3/{PATH}/again", status="307 Moved"),
    "headers that are none": b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 2\r\n\r\n{}",
    "cut off": http(b"{", length=99),
    "no gzip": http(b"{}", "Content-Encoding: gzip"),
    "gzip": http(gzip.compress(PATH.encode()), "Content-Encoding: gzip"),
    "no HTTP": b"SSH-2.0-OpenSSH_9.9 " + PATH.encode() + b"\r\n",
    "nothing": b"",
}


def all_of(error: BaseException | None, seen: tuple[int, ...] = ()) -> str:
    """What an error, its causes and those that were hidden say."""
    if error is None or id(error) in seen:
        return ""
    more = (*seen, id(error))
    return f"{error!r} {error} {error.args} " + "".join(
        all_of(x, more) for x in (error.__cause__, error.__context__)
    )


def ask(url: str) -> str:
    """Ask a node for this and that; return all that is shown."""
    provider = Http(url, tries=2)
    shown = [f"{provider} {provider!r}"]
    chain = kit.chain.Chain(provider)
    asks = (
        lambda: kit.chain.connect(url),
        lambda: repr(chain),
        lambda: chain.balance(people.alice.address),
        lambda: chain.takes_lesson_keys,
        lambda: chain.events("0x" + "1" * 40, kit.chain.load_artifact("DiaryLog"), "BatchAppended"),
        lambda: provider.make_batch_request([("eth_chainId", [])] * 2),  # type: ignore[list-item]
        lambda: chain.w3.provider.is_connected(),
    )
    for one in asks:
        try:
            shown.append(repr(one()))
        except kit.KitError as error:
            shown.append(all_of(error))
    return "\n".join(shown)


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_secret_of_an_address_is_shown(
    answer: str, server: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    server.answer = ANSWERS[answer]
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        shown = ask(address(server))
    # The node itself got all of it.
    wanted = "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    assert (f"/v3/{PATH}?key={QUESTION}", wanted) in server.asked
    assert f"127.0.0.1:{server.server_port}" in shown
    assert any("Making request" in record.getMessage() for record in caplog.records)
    assert not leaked(shown + _logged(caplog) + "".join(str(x.message) for x in warned))
    assert not leaked("".join(capfd.readouterr()))


def leaked(text: str) -> list[str]:
    """The secrets of which five letters or more stand in a text."""
    hidden = [*SECRETS, b64encode(f"{USER}:{PASSWORD}".encode()).decode()]
    return [x for x in hidden if any(x[n : n + 5] in text for n in range(len(x) - 4))]


def _logged(caplog: pytest.LogCaptureFixture) -> str:
    """All log records as they would be written, with their errors."""
    form = logging.Formatter("%(name)s %(message)s %(args)s")
    return "\n".join(form.format(record) for record in caplog.records)


def test_a_port_where_nobody_listens(server: Any, caplog: pytest.LogCaptureFixture) -> None:
    url = address(server).replace(str(server.server_port), "9")
    with caplog.at_level(logging.DEBUG):
        shown = ask(url)
    assert "127.0.0.1:9" in shown
    assert not leaked(shown + _logged(caplog))


def test_a_question_of_somebody_else_is_logged_as_ever(
    server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """And so the tests above would see it."""
    server.answer = ANSWERS["good"]
    with caplog.at_level(logging.DEBUG):
        ask(address(server))
        requests.post(address(server), "{}", timeout=9)
    assert leaked(_logged(caplog)) == [PATH, QUESTION]


def test_a_password_with_a_slash_in_it_is_not_taken_for_a_port() -> None:
    for url in (
        f"http://{USER}:pass/{PASSWORD}@node.example/v3",
        f"http://a:{PASSWORD}#@b.example",
    ):
        with pytest.raises(NodeDown, match="at the address that was given, got") as caught:
            kit.chain.connect(url)
        assert not leaked(all_of(caught.value))


@pytest.mark.parametrize(
    "url", [f"{PATH}:x@node.example", "http://", "http://?" + PATH, PATH, "a:"]
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ChainError) as caught:
        kit.chain.connect(url)
    assert not leaked(all_of(caught.value))


def test_requests_together_are_asked_one_by_one(server: Any) -> None:
    server.answer = ANSWERS["good"]
    chain = kit.chain.connect(address(server))
    server.asked.clear()
    with chain.w3.batch_requests() as batch:
        batch.add(chain.w3.eth.get_balance(people.alice.address))  # type: ignore[arg-type]
        batch.add(chain.w3.eth.get_balance(people.bob.address))  # type: ignore[arg-type]
        assert batch.execute() == [123, 123]
    assert len(server.asked) == 2
