"""Keys of one's own: in a keystore, in the environment, in a device; and what docs/keys.md says of them."""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_keys import keys
from eth_utils import keccak
from web3.providers import BaseProvider

import kit
from kit import keystore, people
from kit.chain import load_artifact
from kit.errors import AccountError

PAGE = Path(__file__).parents[2] / "docs" / "keys.md"
KEY = "8f2a559490ebc2b0a1c6d7e3f4958677c3d2e1f0a9b8978645342312fdecbace"
ADDRESS = Account.from_key(KEY).address
PASSWORD = "correct horse battery staple"  # noqa: S105  of these tests

#: The published examples of the format: their password is "testpassword".
PUBLISHED = {
    "pbkdf2": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    },
    "scrypt": {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "83dbcc02d8ccb40e466191a123791e0e"},
            "ciphertext": "d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c",
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": 32,
                "n": 262144,
                "r": 1,
                "p": 8,
                "salt": "ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19",
            },
            "mac": "2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    },
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts; the answer to each is the password."""
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return PASSWORD

    monkeypatch.setattr(getpass, "getpass", ask)
    return prompts


def encrypted(key: str = KEY, password: str = PASSWORD) -> dict[str, Any]:
    return dict(Account.encrypt(key, password, "pbkdf2", 1_000))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(encrypted()))
    return path


#: The names under which the kit's functions have what was passed.
PASSED = ("args", "kwargs", "value", "path", "name")


def told(error: BaseException | None, seen: frozenset[int] = frozenset()) -> str:
    """What an error says, its causes, hidden or not, and the variables of the kit's frames.

    But for what was passed: that stands in the caller's line, too.
    """
    if error is None or id(error) in seen:
        return ""
    seen |= {id(error)}
    frames = [x for x, _ in traceback.walk_tb(error.__traceback__)]
    ours = [
        {name: value for name, value in x.f_locals.items() if name not in PASSED}
        for x in frames
        if "kit" in Path(x.f_code.co_filename).parts
    ]
    more = told(error.__cause__, seen) + told(error.__context__, seen)
    return "".join(traceback.format_exception(error)) + f"{error!r} {error.args} {ours}" + more


def leaked(text: str) -> bool:
    secrets = (KEY, repr(bytes.fromhex(KEY))[2:-1], str(int(KEY, 16)), PASSWORD)
    return any(secret[n : n + 8] in text for secret in secrets for n in range(len(secret) - 7))


def refused(attempt: Callable[[], Any]) -> str:
    """The error of an attempt, after a look for what must not be in it."""
    with pytest.raises(AccountError) as caught:
        attempt()
    assert not leaked(told(caught.value))
    return str(caught.value)


# --- a keystore ------------------------------------------------------------------------------------


def test_a_keystore_gives_an_account(file: Path, asked: list[str]) -> None:
    account = kit.people.from_keystore(str(file))
    assert account.address == ADDRESS
    assert bytes(account.key).hex() == KEY
    assert repr(account) == str(account) == f"account {ADDRESS}"
    assert asked == [f"Password of {ADDRESS}: "]


@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_published_keystores(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = []
    monkeypatch.setattr(getpass, "getpass", lambda prompt: prompts.append(prompt) or "testpassword")
    (tmp_path / "key").write_text(json.dumps(PUBLISHED[kind]))
    account = kit.people.from_keystore(tmp_path / "key")
    assert account.key.hex() == "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
    assert prompts == ["Password of the keystore: "]


def test_names_in_capitals(file: Path, asked: list[str]) -> None:
    found = encrypted()
    found["Crypto"] = {name.upper(): part for name, part in found.pop("crypto").items()}
    file.write_text(json.dumps(found))
    assert kit.people.from_keystore(file).address == ADDRESS


def test_another_password(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for typed in (PASSWORD + "!", "", "\ud800", KEY):
        monkeypatch.setattr(getpass, "getpass", lambda prompt, typed=typed: typed)
        said = refused(lambda: kit.people.from_keystore(file))
        assert said == (
            "Expected the password of this keystore, got another one. "
            "Type it again; or ask who made the file."
        )
    monkeypatch.setattr(getpass, "getpass", lambda prompt: PASSWORD)
    assert kit.people.from_keystore(file).address == ADDRESS


def test_the_key_of_another_address(file: Path, asked: list[str]) -> None:
    other = people.alice.address
    file.write_text(json.dumps(encrypted() | {"address": other}))
    said = refused(lambda: kit.people.from_keystore(file))
    assert f"the key of {other}, got that of {ADDRESS}." in said
    assert said.endswith("Don't use the file, or take the address out of it.")
    found = encrypted()
    del found["address"]
    file.write_text(json.dumps(found))
    assert kit.people.from_keystore(file).address == ADDRESS


def test_a_keystore_of_no_key(
    file: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Account, "decrypt", lambda *_: bytes(32))
    refused(lambda: kit.people.from_keystore(file))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks its console, whatever is given")
def test_nobody_to_type_a_password(file: Path) -> None:
    """No terminal, and nothing on standard input."""
    environment = os.environ | {"MY_KEY": KEY}

    def run(code: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", f"import kit\nprint({code})"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=environment,
            start_new_session=True,
        )
        return done.stdout + done.stderr

    said = run(f"kit.people.from_keystore({str(file)!r})")
    advice = "Ask for it where somebody can type, or use kit.people.from_environment(NAME)."
    assert f"AccountError: Expected a password, got nobody who could type it. {advice}" in said
    assert "EOFError" not in said
    assert run("kit.people.from_environment('MY_KEY')").strip() == f"account {ADDRESS}"


@pytest.mark.parametrize("error", [EOFError, OSError, NotImplementedError])
def test_no_password_at_all(error: Any, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(prompt: str) -> str:
        raise error

    monkeypatch.setattr(getpass, "getpass", fail)
    assert "got nobody who could type it" in refused(lambda: kit.people.from_keystore(file))


@pytest.mark.skipif(sys.platform == "win32", reason="its words are others, and it has no pipes")
def test_what_is_no_file(tmp_path: Path, asked: list[str]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, got in (
        (tmp_path / "none", "No such file or directory"),
        (tmp_path, "a folder"),
        (pipe, "what is no file"),
        (Path("/dev/zero"), "what is no file"),
        ("a\0b", "a name that no file can have"),
    ):
        said = refused(lambda path=path: kit.people.from_keystore(path))  # type: ignore[misc]
        assert said.endswith(f"got {got}. Check the path.")
    for key in (KEY, "0x" + KEY):
        assert "Expected a keystore, got No such file" in refused(
            lambda key=key: kit.people.from_keystore(key)  # type: ignore[misc]
        )
    assert not asked


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"", "a file that is no JSON"),
        (b"\xff\xfe\x00", "a file that is no JSON"),
        (b"[" * 16_000, "a file that is no JSON"),
        (b'{"a":' * 3_000, "a file that is no JSON"),
        (b"[]", "JSON that is no object"),
        (KEY.encode(), "a file that is no JSON"),
        (b"{}", "other JSON"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "other JSON"),
        (b'{"version": 3, "crypto": []}', "other JSON"),
        (b" " * (keystore.FILE_MAX + 1), "a file of more than 16 KiB"),
        (json.dumps(KEY).encode(), "JSON that is no object"),
    ],
)
def test_a_file_that_is_no_keystore(content: bytes, got: str, file: Path, asked: list[str]) -> None:
    file.write_bytes(content)
    assert f"got {got}" in refused(lambda: kit.people.from_keystore(file))
    assert not asked


def changed(kind: str, **parts: Any) -> dict[str, Any]:
    """A published keystore with other values, by their names, wherever they stand."""

    def change(found: dict[str, Any]) -> dict[str, Any]:
        return {
            name: parts[name] if name in parts else change(x) if isinstance(x, dict) else x
            for name, x in found.items()
        }

    return change(PUBLISHED[kind])


@pytest.mark.parametrize(
    ("kind", "parts", "got"),
    [
        ("scrypt", {"version": 1}, "other JSON"),
        ("scrypt", {"version": 4}, "other JSON"),
        ("scrypt", {"cipher": "aes-128-cbc"}, "another cipher"),
        ("scrypt", {"cipherparams": None}, "another cipher"),
        ("scrypt", {"kdfparams": 7}, "no costs"),
        ("scrypt", {"kdf": "argon2id"}, "neither scrypt nor PBKDF2"),
        ("scrypt", {"kdf": ["scrypt"]}, "neither scrypt nor PBKDF2"),
        ("scrypt", {"mac": "zz"}, "no hex digits"),
        ("scrypt", {"salt": None}, "no hex digits"),
        ("scrypt", {"iv": ""}, "no hex digits"),
        ("scrypt", {"ciphertext": "00" * 33}, "or too many"),
        ("scrypt", {"n": 2**21, "r": 8, "p": 1}, "2,048 MiB of memory for scrypt, more than 1,024"),
        ("scrypt", {"n": 2**20, "r": 8, "p": 2}, "for n·r·p of scrypt, more than 8,388,608"),
        ("scrypt", {"n": 2, "r": 1, "p": 2**30}, "for n·r·p of scrypt"),
        ("scrypt", {"n": 2, "r": 2**30, "p": 1}, "MiB of memory"),
        ("scrypt", {"n": 3}, "no power of two"),
        ("scrypt", {"n": 1}, "no power of two"),
        ("scrypt", {"n": 0}, "no numbers, or none of theirs"),
        ("scrypt", {"n": True}, "no numbers, or none of theirs"),
        ("scrypt", {"n": 2.0**18}, "no numbers, or none of theirs"),
        ("scrypt", {"p": "8"}, "no numbers, or none of theirs"),
        ("scrypt", {"r": -8}, "no numbers, or none of theirs"),
        ("scrypt", {"n": 2**9999}, "no numbers, or none of theirs"),
        ("scrypt", {"dklen": 2**31}, "no numbers, or none of theirs"),
        (
            "pbkdf2",
            {"c": keystore.ROUNDS_MAX + 1},
            "4,000,001 rounds of PBKDF2, more than 4,000,000",
        ),
        ("pbkdf2", {"c": None}, "no numbers, or none of theirs"),
        ("pbkdf2", {"prf": "hmac-md5"}, "another hash"),
    ],
)
def test_a_keystore_that_asks_too_much_or_for_what_nobody_has(
    kind: str, parts: dict[str, Any], got: str, file: Path, asked: list[str]
) -> None:
    file.write_text(json.dumps(changed(kind, **parts)))
    began = time.monotonic()
    said = refused(lambda: kit.people.from_keystore(file))
    assert got in said
    assert said.endswith("Pass a keystore of version 3, as geth and wallets write them.")
    assert time.monotonic() - began < 1
    assert not asked


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("scrypt", {"n": 2**20, "r": 8, "p": 1}),
        ("scrypt", {"n": 2**18, "r": 8, "p": 1}),  # geth's
        ("scrypt", {"n": 2**12, "r": 8, "p": 6}),  # geth's light ones
        ("pbkdf2", {"c": keystore.ROUNDS_MAX}),
    ],
)
def test_what_a_password_may_cost(kind: str, parts: dict[str, Any], file: Path) -> None:
    file.write_text(json.dumps(changed(kind, **parts)))
    assert keystore.read(file)["version"] == 3


# --- the environment -------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [KEY, "0x" + KEY, KEY.upper(), f" 0x{KEY}\n"])
def test_a_key_in_the_environment(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", written)
    account = kit.people.from_environment("MY_KEY")
    assert account.address == ADDRESS
    assert repr(account) == f"account {ADDRESS}"


@pytest.mark.parametrize(
    "written",
    [
        "",
        "0x",
        KEY[1:],
        KEY + "0",
        "0x0x" + KEY,
        KEY[:-1] + "g",
        "0" * 64,
        "f" * 64,
        f"{KEY} {KEY}",
    ],
)
def test_no_key_in_the_environment(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", written)
    said = refused(lambda: kit.people.from_environment("MY_KEY"))
    assert said == (
        "Expected a key in the environment variable MY_KEY, got something else. "
        "A key is 64 hex digits."
    )


def test_no_variable_of_this_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    said = refused(lambda: kit.people.from_environment("MY_KEY"))
    assert said.endswith("Set MY_KEY before Python starts, or use kit.people.from_keystore(FILE).")
    for name in (KEY, "0x" + KEY, "", "A=B", "a\0b", "\ud800"):
        said = refused(lambda name=name: kit.people.from_environment(name))  # type: ignore[misc]
        assert said.endswith("Choose its name.")


# --- the page --------------------------------------------------------------------------------------


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


class Device:
    """A key that can't be had: it signs two hashes, or the bytes of a transaction."""

    def __init__(self) -> None:
        self.__key = keys.PrivateKey(os.urandom(32))
        self.address = self.__key.public_key.to_checksum_address()
        self.asked: list[str] = []

    def sign_hashes(self, domain: bytes, struct: bytes) -> tuple[int, int, int]:
        self.asked.append("a record")
        found = self.__key.sign_msg_hash(keccak(b"\x19\x01" + domain + struct))
        return found.v + 27, found.r, found.s

    def sign_transaction(self, unsigned: bytes) -> tuple[int, int, int]:
        self.asked.append("a transaction")
        found = self.__key.sign_msg_hash(keccak(unsigned))
        return found.v, found.r, found.s


@pytest.fixture
def own_chain(anvil: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Callable[[str], None]]:
    """The address of a chain that takes no lesson keys; and what gives coins there."""
    monkeypatch.setattr("kit.chain.base.is_anvil_here", lambda w3: False)

    def coins(address: str) -> None:
        anvil._ask("anvil_setBalance", address, hex(10**20))

    return anvil.url, coins


def test_a_device_signs_from_the_first_transaction_to_the_certificate(own_chain: Any) -> None:
    url, coins = own_chain
    device, moderator = Device(), Device()
    coins(device.address)
    chain = kit.chain.connect(url)
    assert not chain.takes_lesson_keys
    page = {"kit": kit, "chain": chain, "device": device, "ADDRESS": moderator.address}
    for code in blocks()[-2:]:
        exec(code, page)  # noqa: S102
    diary: Any = page["diary"]
    hardware: Any = page["Hardware"]
    with closing(diary):
        asked = len(device.asked)
        assert set(device.asked) == {"a transaction"}
        author, reviewer = page["registrar"], hardware(moderator)
        entry = diary.post(author, "十人一桌", place="泉州")
        diary.review(entry, by=reviewer, approve=True)
        batch = diary.publish()
        assert batch.registrar == device.address
        assert device.asked[asked:] == ["a record", "a transaction"]
        assert moderator.asked == ["a record"]
        found = kit.verify(diary.certificate(entry), diary.log, leaves=diary.leaves())
        assert [step.outcome for step in found.steps[:6]] == ["passed"] * 6
        storage = chain.deploy(load_artifact("DiaryStorage"), by=author)  # type: ignore[arg-type]
        assert len(kit.desk(diary, [reviewer, author]).room.people) == 2  # type: ignore[list-item]
        assert chain.code(storage.address)
    with pytest.raises(NotImplementedError):
        reviewer.unsafe_sign_hash(b"")


def test_what_the_page_says_of_files_and_the_environment(
    own_chain: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    url, coins = own_chain
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REGISTRAR_KEY", KEY)
    page: dict[str, Any] = {"kit": kit, "URL": url, "ADDRESS": people.named("x").address}
    said, make, read, environment, *_ = blocks()
    exec(said, page)  # noqa: S102
    assert page["chain"].takes_lesson_keys
    exec(make, page)  # noqa: S102
    coins(page["account"].address)
    page["ADDRESS"] = Account.create().address
    exec(read, page)  # noqa: S102
    page["diary"].close()
    assert page["registrar"].address == page["account"].address
    assert len(asked) == 2
    exec(environment, page)  # noqa: S102
    assert page["registrar"].address == ADDRESS


def test_the_page_names_every_bound() -> None:
    text = PAGE.read_text("utf-8")
    assert keystore.MEMORY_MAX == 2**30
    assert "At most 1 GiB" in text
    assert keystore.WORK_MAX == 4 * 2**18 * 8
    assert "four times geth's time" in text
    assert keystore.ROUNDS_MAX == 4_000_000
    assert "four million rounds" in text
    assert keystore.FILE_MAX == 16 * 1024
    assert "at most 16 KiB" in text
    assert kit.chain.rpc._SECRET_MIN == 6  # type: ignore[attr-defined]
    assert "six letters or more" in text


def test_a_signer_is_asked_for_no_more_than_the_page_says() -> None:
    """Whatever else is asked of it is an error here."""
    chain = kit.chain.embedded()
    asked: set[str] = set()

    class Watched(people.Person):
        def __getattribute__(self, name: str) -> Any:
            frame = sys._getframe(1)
            if "kit" in Path(frame.f_code.co_filename).parts and not name.startswith("__"):
                asked.add(name)
            return super().__getattribute__(name)

    me = Watched("registrar", people.registrar.key)
    asked.clear()
    with closing(kit.Diary.open(chain, registrar=me)) as diary:
        entry = diary.post(me, "十人一桌", place="泉州")
        diary.review(entry, by=people.moderator, approve=True)
        diary.publish()
        kit.desk(diary, [me])
    assert asked - {"name", "key"} == {"address", "sign_message", "sign_transaction"}


class Strange(BaseProvider):
    """A node that only knows its chain's id."""

    def make_request(self, method: Any, params: Any) -> Any:
        assert method == "eth_chainId"
        return {"jsonrpc": "2.0", "id": 1, "result": "0x1"}


def test_a_lesson_s_key_stays_one_in_a_file(
    file: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = kit.chain.Chain(Strange())
    file.write_text(json.dumps(encrypted("0x" + people.alice.key.hex())))
    monkeypatch.setenv("MY_KEY", people.alice.key.hex())
    for account in (kit.people.from_keystore(file), kit.people.from_environment("MY_KEY")):
        with pytest.raises(kit.errors.NotAllowed, match="a lesson key, which anybody can compute"):
            chain.check_signer(account)
