"""Runs one program and ends it when whoever started this script is gone, however that happened.

Standard library only, for it is run as a script: ``python watchdog.py PROGRAM ARGUMENT…``. The parent
holds the other end of standard input; when that closes (the parent stopped, or was killed), the
program is asked to stop, and killed if it doesn't. The exit status is the program's; 128 and the
signal's number if a signal ended it, as in a shell.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading

PATIENCE = 10.0  # seconds a program gets to write its state before it is killed


def stop_when_input_ends(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end of standard input, then stop the program."""
    # Not sys.stdin.read(): it holds a lock, and Python aborts if that is held when main() returns.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()


def main() -> int:
    """Run the program named by the arguments and return its exit status."""
    process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=stop_when_input_ends, args=[process], daemon=True).start()
    status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
