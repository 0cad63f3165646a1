"""From Solidity source to an artifact, by whichever compiler is there."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import kit
from kit.chain import (
    VERSION,
    Artifact,
    Compiler,
    compile_file,
    compile_source,
    load_artifact,
    solidity,
    toolchain,
)
from kit.errors import CompileError, SolidityError

ROOT = Path(kit.__file__).parents[1]
CONTRACTS = ("DiaryLog", "DiaryStorage")
HEAD = f"// SPDX-License-Identifier: MIT\npragma solidity {VERSION};\n"

# A compiler's fake is a shell script.
needs_sh = pytest.mark.skipif(os.name == "nt", reason="the fake compilers are shell scripts")

TWO = (
    HEAD
    + """
contract First {
    event Counted(uint256 indexed count, address);
    error Never(string why);
    struct Pair { uint8 a; bool b; }
    function f(uint256 unused) external { emit Counted(1, msg.sender); }
    function g(Pair calldata pair, bytes32[] memory list) external pure returns (bool) { return pair.b; }
}
contract Second {}
"""
)


@pytest.fixture(scope="module")
def fresh() -> dict[str, Artifact]:
    """The kit's own contracts as the compiler of this machine makes them."""
    return {name: compile_file(ROOT / "contracts" / f"{name}.sol") for name in CONTRACTS}


@pytest.fixture
def forget() -> Iterator[None]:
    """Look for compilers anew in the test and after it."""
    found = (solidity._native, solidity._npm)
    for function in found:
        function.cache_clear()
    yield
    for function in found:
        function.cache_clear()


@pytest.fixture
def npm() -> Compiler:
    """npm's compiler behind the launcher, which is there after ``npm ci``."""
    found = solidity._npm()
    assert found is not None, "run `make setup` first"
    return found


# --- source to artifact --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def first() -> Artifact:
    return compile_source(TWO, "First")


def test_the_fields_of_an_artifact(first: Artifact) -> None:
    assert first.name == "First"
    assert first.bytecode.startswith("0x60")
    assert first.size == len(bytes.fromhex(first.bytecode[2:])) > 100
    assert first.compiler.startswith(f"{VERSION}+commit.")
    assert {item["type"] for item in first.abi} == {"function", "event", "error"}


def test_signatures(first: Artifact) -> None:
    assert first.signatures("function") == [
        "f(uint256 unused)",
        "g(tuple pair, bytes32[] list)",
    ]
    assert first.signatures("event") == ["Counted(uint256 count, address)"]
    # Only what the contract uses is in its ABI; Solidity lists an error that is defined in it too.
    assert first.signatures("error") == ["Never(string why)"]


def test_warnings_are_the_compilers_own(first: Artifact) -> None:
    assert len(first.warnings) == 2
    warning = first.warnings[0]
    assert warning.startswith("Warning: Unused function parameter.")
    assert " --> source.sol:8:16:\n" in warning
    assert warning.endswith("^^^^^^^^^^^^^^")
    assert "Unused function parameter" in first.warnings[1]
    assert "list" in first.warnings[1]


def test_several_contracts_need_a_name() -> None:
    # Everything that does not depend on the name in one compiler run: they take a second each.
    found = solidity._compile(TWO, "two.sol", None)
    assert list(found) == ["First", "Second"]
    assert solidity._pick(found, "Second", "two.sol").name == "Second"
    with pytest.raises(SolidityError, match=r"one contract in two\.sol, got First, Second\. Pass"):
        solidity._pick(found, None, "two.sol")
    with pytest.raises(SolidityError, match=r"a contract Third in two\.sol, got First, Second\."):
        solidity._pick(found, "Third", "two.sol")


def test_no_contract_at_all() -> None:
    with pytest.raises(SolidityError, match=r"one contract in empty\.sol, got no contract"):
        compile_source(HEAD + "error Alone();", filename="empty.sol")


def test_openzeppelin_comes_from_node_modules() -> None:
    artifact = compile_source(
        HEAD
        + 'import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";\n'
        + "contract Mine is Ownable { constructor() Ownable(msg.sender) {} }",
    )
    # One contract only: what was imported is not for picking.
    assert artifact.name == "Mine"
    assert "transferOwnership(address newOwner)" in artifact.signatures("function")


def test_compile_file(tmp_path: Path) -> None:
    path = tmp_path / "日记.sol"
    text = "十人一桌，今年改成十人一组"  # over 32 bytes, so that the bytecode holds it as it is
    path.write_text(HEAD + f'contract A {{ string public s = unicode"{text}"; }}', encoding="utf-8")
    artifact = compile_file(str(path))
    assert artifact.name == "A"
    assert text.encode()[:32].hex() in artifact.bytecode


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SolidityError, match=r"a Solidity file, got no file at .*nowhere\.sol"):
        compile_file(tmp_path / "nowhere.sol")
    with pytest.raises(SolidityError, match="a Solidity file, got no file at"):
        compile_file(tmp_path)


def test_errors_read_as_the_compiler_wrote_them() -> None:
    source = HEAD + (
        "contract A {\n    function f() public { x = 1; }\n    function g() public { y; }\n}\n"
    )
    with pytest.raises(CompileError) as caught:
        compile_source(source, filename="mine.sol")
    message = str(caught.value)
    for lines in (
        "DeclarationError: Undeclared identifier.\n"
        " --> mine.sol:4:27:\n"
        "  |\n"
        "4 |     function f() public { x = 1; }\n"
        "  |                           ^\n",
        "DeclarationError: Undeclared identifier.\n"
        " --> mine.sol:5:27:\n"
        "  |\n"
        "5 |     function g() public { y; }\n"
        "  |                           ^",
    ):
        assert lines in message
    assert message == message.strip()
    assert caught.value.message == message


def test_nothing_outside_of_the_base_path_is_read(npm: Compiler, tmp_path: Path) -> None:
    base, beside = tmp_path / "base", tmp_path / "base beside"
    for folder, word in ((base, "Inside"), (beside, "Outside")):
        folder.mkdir()
        (folder / "file.sol").write_text(f"{HEAD}contract {word} {{}}")
    outside = [
        (beside / "file.sol").as_posix(),
        f"x/../../{beside.name}/file.sol",
        "x/../../../../../../../../../../../../../../../../../etc/passwd",
        "/etc/passwd",
    ]
    source = "".join(f'import "{name}";\n' for name in ["file.sol", *outside])
    request = {
        "language": "Solidity",
        "sources": {"source.sol": {"content": HEAD + source + "contract A is Inside {}"}},
    }
    done = subprocess.run(
        [npm.path, "--standard-json", "--base-path", base],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=True,
    )
    said = [error["message"] for error in json.loads(done.stdout)["errors"]]
    # All of them and nothing else: what is inside was found.
    assert said == [
        f'Source "{name}" not found: not below the base path: {name}' for name in outside
    ]


# --- the compilers -------------------------------------------------------------------------------


def test_no_compiler_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forget: None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path))
    monkeypatch.setattr(solidity, "node_modules", lambda: None)
    assert solidity.compilers() == []
    with pytest.raises(
        SolidityError, match=rf"solc {VERSION} .* got none\. Run: python -m kit tools"
    ) as e:
        compile_source(HEAD + "contract A {}")
    assert not isinstance(e.value, CompileError)  # nothing is wrong with the source
    # The kit's own contracts need no compiler.
    assert load_artifact("DiaryLog").name == "DiaryLog"


def test_node_without_solc_is_no_compiler(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, forget: None
) -> None:
    monkeypatch.setattr(solidity, "node_modules", lambda: tmp_path)
    assert solidity._npm() is None


def test_npms_compiler_directly(npm: Compiler) -> None:
    assert npm.kind == "npm"
    artifact = compile_source(HEAD + "contract A {}", compiler=npm)
    # The name of its platform is not in the version: the bytecode doesn't know who made it.
    assert artifact.compiler.startswith(VERSION)
    said = subprocess.run(
        [npm.path, "--version"], capture_output=True, text=True, check=True
    ).stdout
    assert f"Version: {VERSION}+commit." in said
    assert "Emscripten" in said


@needs_sh
def test_the_launcher(npm: Compiler, tmp_path: Path) -> None:
    # A folder with everything that a shell could trip over.
    modules = tmp_path / 'it\'s $HOME "here"'
    modules.mkdir()
    modules.joinpath("solc").symlink_to((toolchain.node_modules() or tmp_path) / "solc")
    node = str(toolchain.node())
    path = solidity._launcher(node, modules)
    assert path.is_relative_to(modules)
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True).stdout
    assert f"Version: {VERSION}+commit." in said
    # It is written once, and again only when it would be another.
    path.with_name("keep").touch()
    before = path.stat().st_ino
    assert solidity._launcher(node, modules).stat().st_ino == before
    path.write_text("an older one")
    assert solidity._launcher(node, modules).read_text("utf-8") != "an older one"
    names = sorted(p.name for p in path.parent.iterdir())
    assert names == ["keep", "solc", f"solc-{VERSION}.version"]  # and no draft
    wrong = subprocess.run([path, "--help"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "expected --version or --standard-json" in wrong.stderr


def _fake(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def native(npm: Compiler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: None) -> Path:
    """A folder in front of the PATH, for a fake ``solc``; py-solc-x has none installed."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("SOLCX_BINARY_PATH", str(tmp_path / "solcx"))
    (tmp_path / "solcx").mkdir()
    return folder


@needs_sh
def test_a_native_compiler_is_preferred(native: Path, npm: Compiler, tmp_path: Path) -> None:
    log = tmp_path / "log"
    script = (
        f'printf "%s\\n" "$*" >> {shlex.quote(str(log))}\nexec {shlex.quote(str(npm.path))} "$@"'
    )
    fake = _fake(native / "solc", script)
    assert solidity.compilers() == [Compiler("native", fake), npm]
    artifact = compile_source(HEAD + "contract A {}")
    assert artifact.name == "A"
    modules = toolchain.node_modules()
    assert modules is not None
    *versions, last = log.read_text().splitlines()
    assert set(versions) == {"--version"}
    assert last == f"--standard-json --base-path {modules.parent.as_posix()}"


@needs_sh
def test_a_compiler_of_py_solc_x_is_found(native: Path, npm: Compiler, tmp_path: Path) -> None:
    _fake(native / "solc", "echo 'Version: 0.8.20+commit.a1b79de6.Linux.g++'")  # on the PATH: older
    script = f'exec {shlex.quote(str(npm.path))} "$@"'
    fake = _fake(tmp_path / "solcx" / f"solc-v{VERSION}", script)
    assert solidity.compilers() == [Compiler("native", fake), npm]


@needs_sh
@pytest.mark.parametrize(
    "script",
    [
        "echo 'Version: 0.8.20+commit.a1b79de6.Linux.g++'",
        "echo 'a program of the same name'",
        "exit 3",
    ],
)
def test_another_solc_is_passed_over(native: Path, npm: Compiler, script: str) -> None:
    _fake(native / "solc", script)
    assert solidity.compilers() == [npm]


@needs_sh
@pytest.mark.parametrize(
    "script",
    [
        f"echo 'Version: {VERSION}+commit.f401782d'",  # and no JSON after it
        "exit 3",
        f'test "$1" = --version && echo "Version: {VERSION}+commit.f401782d" || exit 3',
        None,
    ],
)
def test_a_compiler_that_does_not_run(tmp_path: Path, script: str | None) -> None:
    path = tmp_path / "solc"
    if script:
        _fake(path, script)
    with pytest.raises(SolidityError, match="Expected solc to run, got") as caught:
        compile_source("contract A {}", compiler=Compiler("native", path))
    assert not isinstance(caught.value, CompileError)


@pytest.mark.skipif(
    solidity._native() is None,
    reason=f"no native solc {VERSION} on this machine to compare npm's with",
)
def test_native_and_npm_give_the_same_bytecode(npm: Compiler) -> None:
    native = solidity._native()
    source = ROOT / "contracts" / "DiaryLog.sol"
    assert compile_file(source, compiler=native) == compile_file(source, compiler=npm)


# --- the committed artifacts ---------------------------------------------------------------------


@pytest.mark.parametrize("name", CONTRACTS)
def test_committed_artifacts_are_what_the_sources_compile_to(
    name: str, fresh: dict[str, Artifact]
) -> None:
    assert load_artifact(name) == fresh[name]  # name, ABI, bytecode, compiler, no warnings
    path = Path(kit.__file__).parent / "chain" / "artifacts" / f"{name}.json"
    committed = json.loads(path.read_text("utf-8"))
    source = (ROOT / "contracts" / f"{name}.sol").read_bytes().replace(b"\r\n", b"\n")
    assert committed["source_sha256"] == hashlib.sha256(source).hexdigest()
    assert committed["settings"] == solidity.settings()
    assert committed["compiler"].startswith(VERSION)


def test_every_contract_has_its_artifact_and_no_other() -> None:
    artifacts = (Path(kit.__file__).parent / "chain" / "artifacts").glob("*.json")
    assert sorted(p.stem for p in artifacts) == sorted(CONTRACTS)
    assert sorted(p.stem for p in (ROOT / "contracts").glob("*.sol")) == sorted(CONTRACTS)


def test_save_artifact_writes_what_is_committed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: dict[str, Artifact]
) -> None:
    monkeypatch.setattr(solidity, "_ARTIFACTS", tmp_path)
    monkeypatch.setattr(solidity, "compile_file", lambda _, name: fresh[name])  # a second saved
    written = solidity.save_artifact(ROOT / "contracts" / "DiaryStorage.sol")
    committed = Path(kit.__file__).parent / "chain" / "artifacts" / "DiaryStorage.json"
    assert written.read_bytes() == committed.read_bytes().replace(b"\r\n", b"\n")


def test_an_artifact_that_is_not_ours() -> None:
    with pytest.raises(SolidityError, match=r"\(DiaryLog, DiaryStorage\), got 'Dairy'"):
        load_artifact("Dairy")


def test_settings_are_those_that_forge_reads() -> None:
    text = (kit.places.CONTRACTS / "foundry.toml").read_text("utf-8")
    profile = tomllib.loads(text)["profile"]["default"]
    assert profile["solc"] == VERSION
    assert solidity.settings() == {
        "evmVersion": profile["evm_version"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "metadata": {
            "bytecodeHash": profile["bytecode_hash"],
            "appendCBOR": profile["cbor_metadata"],
        },
        "remappings": ["@openzeppelin/=node_modules/@openzeppelin/"],
    }
    # Both lead to the same folder: forge's from the folder of its file, the kit's from that above.
    for theirs, ours in zip(profile["remappings"], solidity.settings()["remappings"], strict=True):
        assert theirs.replace("=../", "=") == ours
    # The chains of the lessons run this one.
    assert profile["evm_version"] == "prague"


def test_settings_reach_the_compiler(first: Artifact) -> None:
    # A comment changes nothing in the bytecode: no hash of the sources is at its end.
    again = compile_source(TWO.replace("contract Second", "// a comment\ncontract Second"), "First")
    assert again.bytecode == first.bytecode
    assert "a264697066735822" not in first.bytecode  # how that hash would begin


def test_artifacts_show_themselves_escaped() -> None:
    abi = [{"type": "event", "name": "<b>", "inputs": [{"type": "uint8", "name": "<i>"}]}]
    artifact = Artifact("<script>", abi, "0x6001", "0x", "0.8.37+<u>")
    assert repr(artifact) == "Artifact <script>: 2 bytes of bytecode, solc 0.8.37+<u>"
    shown = kit.views.html(artifact)
    assert "<code>&lt;b&gt;(uint8 &lt;i&gt;)</code>" in shown
    assert "&lt;script&gt;" in shown
    assert not any(tag in shown for tag in ("<script>", "<u>", "<i>"))


# --- the %%solidity cell -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shell() -> InteractiveShell:
    """A real IPython, without the history file in somebody's home."""
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    shell.run_line_magic("load_ext", "kit")
    return shell


def _run(shell: InteractiveShell, cell: str, capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    result = shell.run_cell("%%solidity\n" + cell)
    captured = capsys.readouterr()
    return result, captured.out + captured.err


def test_a_cell_binds_each_contract_to_its_name(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], first: Artifact
) -> None:
    result, output = _run(shell, TWO, capsys)
    result.raise_error()
    assert isinstance(shell.user_ns["First"], Artifact)
    assert shell.user_ns["First"].bytecode == first.bytecode
    assert shell.user_ns["Second"].name == "Second"
    # Each warning once, as the compiler wrote it, on lines of its own; then what was made.
    assert output.count("Warning: Unused function parameter.") == 2
    assert "\n --> cell:8:16:\n" in output
    assert "\\n" not in output
    assert repr(shell.user_ns["First"]) in output.splitlines()
    assert repr(shell.user_ns["Second"]) in output.splitlines()


def test_a_cell_that_does_not_compile_shows_no_traceback(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    result, output = _run(shell, HEAD + "contract Broken { uint x = y; }", capsys)
    assert isinstance(result.error_in_exec, CompileError)
    assert "Broken" not in shell.user_ns
    assert output.startswith(
        "CompileError: DeclarationError: Undeclared identifier.\n --> cell:3:28:"
    )
    assert output.rstrip().endswith("^")
    assert "Traceback" not in output
    assert ".py" not in output
    # Another error still has its traceback, so the text above was the kit's doing.
    shell.run_cell("1 / 0")
    assert "Traceback" in capsys.readouterr().out
