"""The anvil node of our own: it starts, it says why it died, and it never stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

import kit
import kit.chain.anvil_chain
import kit.chain.base
import kit.chain.solidity
import kit.chain.toolchain
from kit.chain import START, load_artifact
from kit.chain.anvil_chain import AnvilChain
from kit.errors import ChainError, NodeDown, SolidityError
from kit.people import alice

# The node runs in a session of its own, and Windows has no signals.
pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are ended with signals")


def _node(watchdog: int) -> int:
    """The pid of the anvil that a watchdog looks after."""
    (child,) = psutil.Process(watchdog).children()
    return int(child.pid)


def _pids(chain: AnvilChain) -> list[int]:
    watchdog = chain._process.pid
    return [watchdog, _node(watchdog)]


def _runs(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked about yet doesn't."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _gone(pids: list[int]) -> bool:
    """Whether all of these processes end; waits for it, for it is not this process that ends them."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if not any(_runs(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def _start(
    script: str, *arguments: str, before: str = ""
) -> tuple[subprocess.Popen[str], list[int]]:
    """Start a Python process with a node in ``chain``; return it and the node's processes."""
    process = subprocess.Popen(
        [sys.executable, "-c", before + HEAD + script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # as a terminal does for what is started in it
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, process.communicate()
    watchdog = int(line)
    pids = [watchdog, _node(watchdog)]
    assert all(_runs(pid) for pid in pids)
    return process, pids


HEAD = """
import sys, time
import kit
chain = kit.chain.anvil(state=sys.argv[1] if sys.argv[1:] else None)
"""
READY = """
print(chain._process.pid, flush=True)
"""


# --- it starts and it stops ----------------------------------------------------------------------


def test_it_answers_and_stops_with_the_block() -> None:
    with kit.chain.anvil() as chain:
        pids = _pids(chain)
        assert all(_runs(pid) for pid in pids)
        assert (chain.chain_id, chain.head.number, chain.head.time) == (31337, 0, START)
        assert chain.mine().number == 1
        folder = Path(chain._folder.name)
        assert folder.is_dir()
    assert not any(_runs(pid) for pid in pids)
    assert not folder.exists()
    with pytest.raises(NodeDown, match=r"stopped with close\(\)"):
        chain.head  # noqa: B018
    chain.close()  # once more does no harm


def test_it_stops_when_the_block_fails() -> None:
    with pytest.raises(ZeroDivisionError), kit.chain.anvil() as chain:  # noqa: PT012
        pids = _pids(chain)
        1 / 0  # noqa: B018
    assert not any(_runs(pid) for pid in pids)


def test_two_nodes_at_a_time() -> None:
    with kit.chain.anvil() as one, kit.chain.anvil() as two:
        one.mine(2)
        assert (one.head.number, two.head.number) == (2, 0)


def test_it_listens_on_this_machine_only(anvil: AnvilChain) -> None:
    assert urlsplit(anvil.url).hostname == "127.0.0.1"


def test_it_stops_when_its_python_process_ends() -> None:
    # What is registered first is run last at the exit: after the kit has waited for the node.
    before = """
import atexit
atexit.register(lambda: print("gone" if chain._process.poll() is not None else "left running"))
"""
    process, pids = _start(READY + "sys.stdin.read()  # until we looked for it", before=before)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output, errors) == (0, "gone\n", "")
    assert not any(_runs(pid) for pid in pids)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_it_stops_when_its_python_process_is_killed(name: str) -> None:
    process, pids = _start(READY + "time.sleep(60)")
    process.send_signal(signal.Signals[name])
    process.communicate(timeout=30)
    assert _gone(pids)


def test_an_interrupt_is_not_for_the_node() -> None:
    # A shell starts what runs in its background with interrupts ignored, and children inherit it.
    script = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
try:
    print(chain._process.pid, flush=True)
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted at block", chain.mine(3).number)
"""
    process, pids = _start(script)
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C and the notebook do: the whole group
    output, errors = process.communicate(timeout=30)
    assert (output, errors) == ("interrupted at block 3\n", "")
    assert _gone(pids)


def test_a_program_that_will_not_stop_is_killed() -> None:
    script = """
import sys
from kit.chain import watchdog
watchdog.PATIENCE = 0.2
sys.exit(watchdog.main())
"""
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [sys.executable, "-c", script, "sh", "-c", stubborn],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        _, errors = process.communicate(timeout=30)
    assert errors == ""
    assert process.returncode == 128 + signal.SIGKILL


def test_the_watchdog_hands_on_the_status() -> None:
    # It must not fall over the thread that still waits for the end of the input.
    with subprocess.Popen(
        [sys.executable, kit.chain.anvil_chain.watchdog.__file__, "sh", "-c", "exit 7"],
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.wait(30) == 7
        _, errors = process.communicate()
    assert errors == ""


# --- it says why ---------------------------------------------------------------------------------


def test_a_node_that_died_says_why() -> None:
    with kit.chain.anvil() as chain:
        chain.mine()
        os.kill(_pids(chain)[1], signal.SIGKILL)
        # The last of anvil's own words: not the names of requests, which follow its every answer.
        with pytest.raises(
            NodeDown, match=r"died with status 137 after saying: .*Block Time: \"Thu"
        ):
            chain.mine()


def test_a_port_in_use() -> None:
    with kit.chain.anvil() as chain:
        port = urlsplit(chain.url).port
        assert port is not None
        with pytest.raises(NodeDown, match=r"status 1 after saying: .*Address already in use"):
            kit.chain.anvil(port=port)
        assert chain.head.number == 0  # the first one is none the worse for it


def test_a_chosen_port() -> None:
    with kit.chain.anvil() as chain:
        port = urlsplit(chain.url).port
        assert port is not None
    with kit.chain.anvil(port=port) as chain:
        assert urlsplit(chain.url).port == port


def test_a_node_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = tmp_path / "anvil"
    silent.write_text(f"#!/bin/sh\necho $$ > '{tmp_path}/pid'\nexec sleep 60\n")
    silent.chmod(0o755)
    monkeypatch.setattr(kit.chain.anvil_chain, "foundry", lambda _: silent)
    monkeypatch.setattr(kit.chain.anvil_chain, "PATIENCE", 1.0)
    with pytest.raises(NodeDown, match="anvil to start, got no answer in 1 s"):
        kit.chain.anvil()
    assert not _runs(int((tmp_path / "pid").read_text()))


def test_no_anvil_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kit.chain.toolchain, "node_modules", lambda: None)
    with pytest.raises(
        ChainError, match=r"Expected anvil of .* got none\. Run: python -m kit tools"
    ):
        kit.chain.anvil()
    with pytest.raises(SolidityError, match=r"Expected forge of .* got none"):
        kit.chain.foundry("forge")


# --- its state -----------------------------------------------------------------------------------


def _stored(chain: AnvilChain, address: str) -> list[Any]:
    contract = chain.contract(address, load_artifact("DiaryStorage").abi)
    return [
        chain.head,
        chain.genesis_hash,
        chain.now(),
        chain.call(contract.functions.entryCount()),
        chain.call(contract.functions.authorOf(b"\1" * 32)),
        chain.balance(alice.address),
    ]


def test_state_outlives_the_node(tmp_path: Path) -> None:
    state = tmp_path / "a folder" / "état.json"
    state.parent.mkdir()
    with kit.chain.anvil(state=state) as chain:
        contract = chain.deploy(load_artifact("DiaryStorage"), by=alice)
        receipt = chain.send(contract.functions.store(b"\1" * 32), by=alice)
        chain.mine(3)
        before = _stored(chain, contract.address)
    with kit.chain.anvil(state=str(state)) as chain:
        assert _stored(chain, contract.address) == before
        assert chain.receipt(receipt.transaction_hash) == receipt
        # The clock goes on where it stood, not at START, which is before the last block.
        assert chain.mine().time == before[2]
        second = chain.mine()
    with kit.chain.anvil(state=state) as chain:  # and what was done after that is kept as well
        assert chain.head == second


def test_state_outlives_a_killed_process(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    script = """
contract = chain.deploy(kit.chain.load_artifact("DiaryStorage"), by=kit.people.alice)
chain.send(contract.functions.store(b"\\1" * 32), by=kit.people.alice)
print(chain._process.pid)
print(contract.address, chain.head.hash, flush=True)
time.sleep(60)
"""
    process, pids = _start(script, str(state))
    assert process.stdout is not None
    address, head = process.stdout.readline().split()
    process.kill()
    process.communicate(timeout=30)
    assert _gone(pids)  # the watchdog let the node write its state first
    with kit.chain.anvil(state=state) as chain:
        assert chain.head.hash == head
        assert _stored(chain, address)[3:5] == [1, alice.address]


def test_a_state_file_that_is_none(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("rubbish")
    with pytest.raises(NodeDown, match=r"anvil to start, got a node that died .*state"):
        kit.chain.anvil(state=state)
    assert state.read_text() == "rubbish"  # somebody's file; it is left as it was


def test_a_proxy_of_the_environment_does_not_hide_anvil(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with kit.chain.anvil() as chain:
        assert chain.head.number == 0
