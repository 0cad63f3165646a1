"""A file of the logs that one knows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

import kit
from kit import people
from kit.core import LogId
from kit.errors import ChainError, DataError, KitError, WrongChain
from kit.log import KnownLog, Log, known

ADDRESS = people.alice.address
GOOD = f"""
[[log]]
name = "A diary"
chain = 31337
address = "{ADDRESS}"
since = 2026-09-01
vouched_by = "the library"
"""


def test_what_stands_in_it(tmp_path: Path) -> None:
    file = tmp_path / "logs.toml"
    file.write_text("\ufeff" + GOOD + GOOD.replace("31337", "1"), "utf-8")
    found = known(file)
    assert list(found) == [LogId(31337, ADDRESS), LogId(1, ADDRESS)]
    assert found[LogId(31337, ADDRESS)] == KnownLog(
        "A diary", LogId(31337, ADDRESS), date(2026, 9, 1), "the library"
    )
    assert str(found[LogId(1, ADDRESS)]) == (
        f"A diary: eip155:1:{ADDRESS}, known since 2026-09-01, vouched for by the library"
    )


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("nonsense", "got Expected"),
        ("name = 1", "got none"),
        ("log = []", "got none"),
        ("log = [1]", "got 1 among them"),
        (GOOD + GOOD, "got one of them twice"),
        (GOOD.replace('name = "A diary"', ""), "got one with chain, address, since, vouched_by"),
        (GOOD + "more = 1", "got one with name, chain, address, since, vouched_by, more"),
        (GOOD.replace("31337", '"31337"'), "got chain = '31337'"),
        (GOOD.replace("31337", "true"), "got chain = True"),
        (GOOD.replace("2026-09-01", "2026-09-01T08:00:00Z"), "got since = "),
        (GOOD.replace(ADDRESS, ADDRESS.lower()), "capitals of EIP-55"),
        (GOOD.replace(ADDRESS, "0x12"), "capitals of EIP-55"),
    ],
)
def test_what_is_no_such_file(text: str, got: str, tmp_path: Path) -> None:
    file = tmp_path / "logs.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match="tables with name, chain") as caught:
        known(file)
    assert got in str(caught.value)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\xff", b"%PDF-1.7"])
def test_what_can_t_be_read(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "logs.toml").write_bytes(content)
    with pytest.raises(KitError, match=r"a file of logs|tables"):
        known(tmp_path / "logs.toml")


def test_the_log_on_its_chain(anvil: Any, chain: Any) -> None:
    log = Log.deploy(anvil, by=people.registrar)
    one = KnownLog("A diary", log.log_id, date(2026, 9, 1), "the library")
    assert one.on(anvil).log_id == log.log_id
    with pytest.raises(WrongChain, match=r"chain 31337, of A diary, got chain 20210921"):
        one.on(kit.chain.embedded())
    nowhere = KnownLog("A diary", LogId(31337, ADDRESS), date(2026, 9, 1), "the library")
    with pytest.raises((ChainError, WrongChain)):
        nowhere.on(anvil)
