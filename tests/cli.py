"""``python -m kit`` for the tests: on Linux a process that has loaded everything forks itself for each.

To start Python and to load web3, pandas and matplotlib takes a second; a fork takes hundredths. What
the tests ask about starting (what is loaded, encodings, closed pipes) they ask a new process.
"""

from __future__ import annotations

import atexit
import json
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).parent.parent

# What was asked comes with the files for its output; the answer is its exit status. A child ends
# without taking down all that was loaded, which would take longer than the rest.
_LOADED = """
import gc, json, os, runpy, socket, sys, traceback, warnings
import duckdb, matplotlib.pyplot, pandas, pyarrow, web3, zxingcpp
import kit.audit.export, kit.chain.events, kit.chain.rpc, kit.views.card, kit.views.report.make

for door in (kit, kit.audit, kit.chain, kit.core, kit.participation, kit.plots, kit.views):
    for name in dir(door):
        getattr(door, name)
gc.collect()
gc.freeze()
server = socket.socket(fileno=0)
while True:
    asked, files, *_ = socket.recv_fds(server, 1 << 16, 2)
    if not asked:
        os._exit(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # since Python 3.12 it warns of NumPy's threads
        child = os.fork()
    if child == 0:
        break
    for file in files:
        os.close(file)
    server.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
server.detach()
for file, place in zip((os.open(os.devnull, os.O_RDONLY), *files), range(3)):
    os.dup2(file, place)
    os.close(file)
folder, *arguments = json.loads(asked)
os.chdir(folder)
sys.argv[1:] = arguments
try:
    runpy.run_module("kit", run_name="__main__", alter_sys=True)
    status = 0
except SystemExit as end:
    status = end.code or 0
except BaseException:
    traceback.print_exc()
    status = 1
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)
"""


@cache
def _loaded() -> socket.socket:
    """Start the process that forks itself; it ends when this one closes the socket, or dies."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    command = [sys.executable, "-c", _LOADED]
    with theirs:
        process = subprocess.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, cwd=ROOT)

    def end() -> None:
        ours.close()
        process.wait(20)

    atexit.register(end)
    return ours


def run(*arguments: object, cwd: str | Path = ".") -> subprocess.CompletedProcess[str]:
    """Run a command of the kit in a process of its own and return its status and what it said."""
    command = [sys.executable, "-m", "kit", *map(str, arguments)]
    if sys.platform != "linux":  # the libraries of others may not be forked
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    asked = json.dumps([str(Path(cwd).resolve()), *command[3:]])
    with TemporaryFile("w+") as out, TemporaryFile("w+") as error:
        socket.send_fds(_loaded(), [asked.encode()], [out.fileno(), error.fileno()])
        status = int(_loaded().recv(100))
        said = [file.seek(0) or file.read() for file in (out, error)]
    return subprocess.CompletedProcess(command, status, *said)
