"""A local anvil node: started, waited for, watched, stopped."""

from __future__ import annotations

import atexit
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kit.arguments import checked, shown
from kit.chain import watchdog
from kit.chain.base import BLOCK_SECONDS, START, Block, Chain, coins_for_lessons
from kit.chain.rpc import Http
from kit.chain.toolchain import foundry
from kit.errors import ChainError, NodeDown, SolidityError

PATIENCE = 20.0  # seconds to wait for the node to answer
_COINS = hex(1000 * 10**18)
_REQUEST = re.compile(r"[a-z]+_[A-Za-z]+")  # anvil writes down the method of each request
_LISTENING = re.compile(r"Listening on ([\d.]+:\d+)")


class AnvilChain(Chain):
    """An anvil node of our own; see ``kit.chain.anvil``."""

    backend = "anvil"
    lesson_keys = True

    def __init__(self, state: Path | None, port: int, finality: int | None = None) -> None:
        try:
            command = [str(foundry("anvil")), "--port", str(port)]
        except SolidityError as error:
            raise ChainError(error.expected, error.got, error.todo) from error
        command += ["--timestamp", str(int(START.timestamp()))]
        command += ["--hardfork", "prague", "--color", "never"]
        # Without its first accounts: the lessons' people get the coins.
        command += ["--accounts", "1", "--balance", "0"]
        if state:
            command += ["--state", str(state.absolute())]
        # What anvil says goes to a file. It is opened anew to be read: the node writes at the place
        # where this handle of it stands, so a seek here would make the node overwrite its own words.
        self._folder = tempfile.TemporaryDirectory(prefix="kit-anvil-")
        self._output = Path(self._folder.name, "output").open("wb")  # noqa: SIM115  closed in close()
        # A session of its own, or the notebook's interrupt button would stop the node; the watchdog
        # stops it when this process is gone, even by SIGKILL.
        self._process = subprocess.Popen(
            [sys.executable, watchdog.__file__, *command],
            stdin=subprocess.PIPE,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        atexit.register(self.close)
        try:
            self.url = f"http://{self._wait_for_address()}"
            super().__init__(Http(self.url, self._why), finality=finality)
            self._set_up()
        except BaseException:
            self.close()
            raise

    def _set_up(self) -> None:
        self._ask("anvil_setBlockTimestampInterval", BLOCK_SECONDS)
        if self.head.number:  # from a state file: the clock goes on from there, not from START
            self._ask("evm_setNextBlockTimestamp", int(self.now().timestamp()))
        for address in coins_for_lessons():
            if self.balance(address) == 0:
                self._ask("anvil_setBalance", address, _COINS)

    def _wait_for_address(self) -> str:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if found := _LISTENING.search(self._said()):
                return found[1]
            if self._process.poll() is not None:
                break
            time.sleep(0.02)
        raise NodeDown(
            "anvil to start",
            self._why() or f"no answer in {PATIENCE:.0f} s",
            "See its words above.",
        )

    def _said(self) -> str:
        return Path(self._output.name).read_text(encoding="utf-8", errors="replace")

    def _why(self) -> str:
        """Return why the node doesn't answer, or an empty text if it still runs."""
        if self._output.closed:
            return "a node that was stopped with close()"
        status = self._process.poll()
        if status is None:
            try:  # its process may be just about to go
                status = self._process.wait(1)
            except subprocess.TimeoutExpired:
                return ""
        lines = (line.strip() for line in self._said().splitlines())
        last = [line for line in lines if line and not _REQUEST.fullmatch(line)][-3:]
        return f"a node that died with status {status} after saying: {' / '.join(last)}"

    @checked("blocks")
    def mine(self, blocks: int = 1) -> Block:
        self._ask("anvil_mine", hex(blocks), hex(BLOCK_SECONDS))
        return self.head

    def snapshot(self) -> Any:
        return self._ask("evm_snapshot")

    def restore(self, token: Any) -> None:
        if not self._ask("evm_revert", token):
            raise ChainError(
                "a snapshot of this chain", shown(token), "A snapshot can be restored once."
            )

    def close(self) -> None:
        """Stop the node and wait until it is gone (and has written its state file)."""
        atexit.unregister(self.close)
        if self._process.stdin:
            self._process.stdin.close()  # the watchdog's sign to stop it
        self._process.wait(watchdog.PATIENCE + 5)
        self._output.close()
        self._folder.cleanup()
