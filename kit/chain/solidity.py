"""From Solidity source to an artifact: what a chain needs to deploy a contract and to call it.

The compiler is a native ``solc`` of the pinned version where one is installed (on the PATH or by
py-solc-x), else npm's ``solc`` behind a small launcher. Both get the same standard JSON and give the
same bytecode. Version, EVM and optimiser settings stand in ``foundry.toml``, which forge reads too.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from kit.arguments import checked
from kit.chain.toolchain import node, node_modules
from kit.errors import CompileError, SolidityError
from kit.places import CONTRACTS

__all__ = [
    "VERSION",
    "Artifact",
    "Compiler",
    "compile_file",
    "compile_source",
    "compilers",
    "load_artifact",
    "register_magic",
    "save_artifact",
    "settings",
]

_HERE = Path(__file__).parent
_ARTIFACTS = _HERE / "artifacts"

#: The compiler's settings, read by forge from the same file.
_PROFILE: Mapping[str, Any] = tomllib.loads((CONTRACTS / "foundry.toml").read_text("utf-8"))[
    "profile"
]["default"]

#: The version of solc that everything is compiled with.
VERSION: str = _PROFILE["solc"]


@dataclass(frozen=True)
class Compiler:
    """A program that answers ``--version`` and ``--standard-json``. ``kind``: "native" or "npm"."""

    kind: str
    path: Path


@dataclass(frozen=True)
class Artifact:
    """A compiled contract.

    ``abi`` is a list of entries as the Solidity ABI specification describes them, ``bytecode`` the
    creation code and ``runtime`` the code that it leaves on the chain, both as 0x-prefixed hex,
    ``compiler`` like ``0.8.37+commit.f401782d``, ``warnings`` the compiler's own formatted messages.
    """

    name: str
    abi: Sequence[Mapping[str, Any]]
    bytecode: str
    runtime: str
    compiler: str
    warnings: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of creation code, which is what deploying it pays for."""
        return (len(self.bytecode) - 2) // 2

    @checked("kind")
    def signatures(self, kind: str) -> list[str]:
        """Return the signatures of one kind ("function", "event" or "error"), in source order."""
        return [
            f"{item['name']}({', '.join(_parameter(i) for i in item['inputs'])})"
            for item in self.abi
            if item["type"] == kind
        ]

    def __repr__(self) -> str:
        return f"Artifact {self.name}: {self.size:,} bytes of bytecode, solc {self.compiler}"


def _parameter(item: Mapping[str, Any]) -> str:
    return f"{item['type']} {item['name']}".strip()


@checked("source", "name", "filename", "compiler")
def compile_source(
    source: str,
    name: str | None = None,
    *,
    filename: str = "source.sol",
    compiler: Compiler | None = None,
) -> Artifact:
    """Compile Solidity source and return the artifact of one contract in it.

    ``name`` may be left out where the source defines one contract only; ``filename`` is what the
    compiler calls the source in its messages. Imports are resolved from ``node_modules``.

    Raises CompileError with the compiler's messages, SolidityError if there is no compiler or no
    such contract.
    """
    return _pick(_compile(source, filename, compiler), name, filename)


@checked("path", "name", "compiler")
def compile_file(
    path: str | Path, name: str | None = None, *, compiler: Compiler | None = None
) -> Artifact:
    """Compile a Solidity file and return the artifact of one contract in it; see compile_source."""
    path = Path(path)
    if not path.is_file():
        raise SolidityError("a Solidity file", f"no file at {path}", "Check the path.")
    source = path.read_text(encoding="utf-8")
    return _pick(_compile(source, path.name, compiler), name, path.name)


def load_artifact(name: str) -> Artifact:
    """Return the committed artifact of one of the kit's own contracts; no compiler is needed.

    >>> load_artifact("DiaryStorage").signatures("event")
    ['EntryStored(bytes32 commitment, address author)']
    """
    path = _ARTIFACTS / f"{name}.json"
    if not path.is_file():
        ours = ", ".join(sorted(p.stem for p in _ARTIFACTS.glob("*.json")))
        raise SolidityError(f"one of the kit's contracts ({ours})", repr(name), "Check the name.")
    found = json.loads(path.read_text(encoding="utf-8"))
    return Artifact(
        found["name"], found["abi"], found["bytecode"], found["runtime"], found["compiler"]
    )


@checked("source")
def save_artifact(source: Path) -> Path:
    """Compile one of the kit's contracts and write its artifact with the hash of its source."""
    artifact = compile_file(source, source.stem)
    path = _ARTIFACTS / f"{source.stem}.json"
    content = {
        "name": artifact.name,
        "compiler": artifact.compiler,
        "settings": settings(),
        "source_sha256": hashlib.sha256(source.read_bytes().replace(b"\r\n", b"\n")).hexdigest(),
        "abi": artifact.abi,
        "bytecode": artifact.bytecode,
        "runtime": artifact.runtime,
    }
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def settings() -> dict[str, Any]:
    """Return the compiler settings of the standard JSON, as ``foundry.toml`` pins them.

    Only the remappings are the kit's own: they begin at the folder above forge's.
    """
    return {
        "evmVersion": _PROFILE["evm_version"],
        "optimizer": {"enabled": _PROFILE["optimizer"], "runs": _PROFILE["optimizer_runs"]},
        "metadata": {
            "bytecodeHash": _PROFILE["bytecode_hash"],
            "appendCBOR": _PROFILE["cbor_metadata"],
        },
        "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
    }


# --- the compilers -------------------------------------------------------------------------------


def compilers() -> list[Compiler]:
    """Return the compilers of the pinned version on this machine, the preferred one first."""
    return [found for found in (_native(), _npm()) if found]


@cache
def _native() -> Compiler | None:
    import solcx
    from solcx.exceptions import SolcError
    from solcx.wrapper import get_solc_version

    on_path = shutil.which("solc")
    candidates = [Path(on_path)] if on_path else []
    # py-solc-x makes its folder in the home before it looks there.
    with contextlib.suppress(OSError):
        if any(str(version) == VERSION for version in solcx.get_installed_solc_versions()):
            candidates.append(Path(solcx.install.get_executable(VERSION)))
    for path in candidates:
        try:
            if str(get_solc_version(path)) == VERSION:
                return Compiler("native", path)
        except (
            OSError,
            SolcError,
            subprocess.SubprocessError,
        ):  # something else that is called solc
            continue
    return None


@cache
def _npm() -> Compiler | None:
    modules = node_modules()
    if not modules or not (modules / "solc").is_dir():
        return None
    return Compiler("npm", _launcher(str(node()), modules))


def _launcher(node: str, modules: Path) -> Path:
    """Return a program that py-solc-x and forge can start like a native solc; write it if needed."""
    command = [node, str(_HERE / "solc.cjs"), str(modules / "solc")]
    if os.name == "nt":
        path, text = Path("solc.cmd"), "@" + " ".join(f'"{part}"' for part in command) + " %*\r\n"
    else:
        quoted = " ".join("'" + part.replace("'", "'\\''") + "'" for part in command)
        path, text = Path("solc"), f'#!/bin/sh\nexec {quoted} "$@"\n'
    try:
        return _write_program(modules / ".cache" / "civic-diary-kit" / path, text)
    except OSError:  # installed by somebody else, for many
        return _write_program(_own_folder() / path, text)


def _write_program(path: Path, text: str) -> Path:
    if not path.is_file() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}")
        draft.write_text(text, encoding="utf-8", newline="")
        draft.chmod(0o755)
        draft.replace(path)  # at once, for another process may be about to start it
    return path


@cache
def _own_folder() -> Path:
    """Return a folder that only this process writes to, and that goes with it."""
    folder = Path(tempfile.mkdtemp(prefix="civic-diary-kit-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


# --- compiling -----------------------------------------------------------------------------------


_CODES = ("evm.bytecode.object", "evm.deployedBytecode.object")


def _compile(source: str, filename: str, compiler: Compiler | None) -> dict[str, Artifact]:
    """Return the artifacts of the contracts that this source itself defines, by name."""
    import solcx
    from solcx.exceptions import SolcError

    compiler = compiler or next(iter(compilers()), None)
    if compiler is None:
        raise SolidityError(
            f"solc {VERSION} on this machine",
            "none",
            "Run: python -m kit tools",
        )
    request = {
        "language": "Solidity",
        "sources": {filename: {"content": source}},
        "settings": settings() | {"outputSelection": {"*": {"*": ["abi", *_CODES, "metadata"]}}},
    }
    modules = node_modules()
    try:
        answer = solcx.compile_standard(
            request,
            solc_binary=compiler.path,
            base_path=modules.parent if modules else None,
        )
    except SolcError as error:
        if getattr(error, "error_dict", None):
            raise CompileError(str(error.message).strip()) from error
        raise SolidityError("solc to run", f"{error}", "Run: python -m kit tools") from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:  # not a solc, or broken
        raise SolidityError("solc to run", f"{error}", "Run: python -m kit tools") from error
    warnings = tuple(error["formattedMessage"].strip() for error in answer.get("errors", ()))
    found = answer.get("contracts", {}).get(filename, {})
    return {name: _artifact(name, output, warnings) for name, output in found.items()}


def _artifact(name: str, output: Mapping[str, Any], warnings: tuple[str, ...]) -> Artifact:
    compiler = json.loads(output["metadata"])["compiler"]["version"]
    bytecode = "0x" + output["evm"]["bytecode"]["object"]
    runtime = "0x" + output["evm"]["deployedBytecode"]["object"]
    return Artifact(name, output["abi"], bytecode, runtime, compiler, warnings)


def _pick(found: dict[str, Artifact], name: str | None, filename: str) -> Artifact:
    if name is None and len(found) == 1:
        return next(iter(found.values()))
    if name in found:
        return found[name]
    got = ", ".join(found) or "no contract"
    wanted = f"a contract {name}" if name else "one contract"
    raise SolidityError(f"{wanted} in {filename}", got, "Pass the name of one that is there.")


# --- the %%solidity cell -------------------------------------------------------------------------


def register_magic(shell: Any) -> None:
    """Add ``%%solidity`` to an IPython shell: compile the cell, bind each contract to its name."""

    def solidity(line: str, cell: str) -> None:
        found = _compile(cell, "cell", None)
        for warning in dict.fromkeys(w for artifact in found.values() for w in artifact.warnings):
            print(warning)
        for name, artifact in found.items():
            shell.user_ns[name] = artifact
            print(artifact)

    shell.register_magic_function(solidity, magic_kind="cell")
