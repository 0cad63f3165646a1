"""How fast is it, beside a peer in the same run: ``make bench``. Nothing here is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import coincurve
import requests
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak

import kit
import kit.chain.toolchain
from kit import people
from kit.chain.anvil_chain import AnvilChain
from kit.core import Certificate, Leaf, LogId, merkle, sign, signer
from kit.diary.archive import Archive
from kit.diary.outbox import Outbox
from kit.log import Log

ROOT = Path(__file__).parent.parent
PEER = """
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
const leaves = Array.from({ length: 1024 }, (_, i) => ["0x" + i.toString(16).padStart(64, "0")]);
StandardMerkleTree.of(leaves, ["bytes32"]);
const start = performance.now();
for (let i = 0; i < 5; i++) StandardMerkleTree.of(leaves, ["bytes32"]);
console.log((performance.now() - start) / 5000);
"""


def best(task: Callable[[], object], runs: int = 5) -> float:
    """Return the least of some runs, in seconds: the one that was disturbed least."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        task()
        times.append(time.perf_counter() - start)
    return min(times)


def process(code: str) -> Callable[[], object]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def show(what: str, seconds: float, peer: str = "", peer_seconds: float | None = None) -> None:
    beside = f"   {peer}: {peer_seconds * 1000:10,.2f} ms" if peer_seconds is not None else ""
    print(f"{what:48} {seconds * 1000:10,.2f} ms{beside}", flush=True)


def main() -> None:
    show(
        "import kit",
        best(process("import kit")),
        "import web3",
        best(process("import web3")),
    )
    kit.chain.embedded()
    show("kit.chain.embedded()", best(kit.chain.embedded))

    hashes = ["0x" + keccak(keccak(i.to_bytes(32))).hex() for i in range(1024)]
    node = subprocess.run(
        [str(kit.chain.node()), "--input-type=module", "-e", PEER],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    show(
        "a Merkle tree of 1,024 leaves",
        best(lambda: merkle.Tree(hashes)),
        "@openzeppelin/merkle-tree, leaves hashed too",
        float(node.stdout) if node.returncode == 0 else None,
    )

    signed = "0x" + "11" * 32
    contract = people.bob.address
    signature = sign(signed, LogId(1, contract), people.alice)
    domain = {"name": "Civic Diary", "version": "1", "chainId": 1, "verifyingContract": contract}
    types = {"Record": [{"name": "commitment", "type": "bytes32"}]}

    def peer() -> str:
        message = encode_typed_data(domain, types, {"commitment": bytes.fromhex(signed[2:])})
        return str(Account.recover_message(message, signature=signature))

    show(
        "whose signature (EIP-712), 100 times",
        best(lambda: [signer(signed, signature, LogId(1, contract)) for _ in range(100)]),
        "eth-account, typed data each time",
        best(lambda: [peer() for _ in range(100)]),
    )

    diary = kit.Diary.open(kit.chain.embedded())
    show("62 entries posted, reviewed, published", best(lambda: kit.data.fill(diary), 1))
    whole = list(diary.certificates())
    for states, made in (("no", map(without_states, whole)), ("their", whole)):
        thousand = ([certificate.dumps() for certificate in made] * 9)[:1000]
        show(
            f"1,000 certificates with {states} state proofs verified offline, JSON to result",
            best(lambda thousand=thousand: [kit.verify(text) for text in thousand], 3),  # type: ignore[misc]
            "json.loads alone",
            best(lambda thousand=thousand: [json.loads(text) for text in thousand], 3),  # type: ignore[misc]
        )
    diary.close()
    a_long_log()
    province()


def without_states(certificate: Certificate) -> Certificate:
    """A certificate as a chain without state proofs leaves it."""
    review = certificate.review and without_states(certificate.review)
    return replace(certificate, review=review, state_proof=None)


def province(people: int = 33_000) -> None:
    """The real diary's size: every record signed, every entry published and certified."""
    diary = kit.Diary.open(kit.chain.embedded())
    show(
        f"{people:,} simulated people posted, signed, published",
        best(lambda: kit.simulate.publish(diary, people), 1),
        "coincurve, as many signatures alone",
        best(lambda: signatures(diary.archive.count()), 1),
    )
    entries = [leaf.commitment for leaf in diary.leaves() if leaf.type == "entry"]
    show(
        f"their {len(entries):,} entries certified",
        best(lambda: deque(diary.certificates(entries), maxlen=0), 1),
    )
    diary.close()


def a_long_log(batches: int = 10_000) -> None:
    """A year of one batch an hour has 8,760. The node is asked over HTTP, the archive is a file."""
    leaves = [
        Leaf(n, "entry", people.alice.address, 0, "0x" + 64 * "0", f"0x{n:064x}")
        for n in range(batches)
    ]
    with long_log(leaves) as (node, log), TemporaryDirectory() as folder:
        file = Path(folder, "diary.sqlite")
        with closing(Archive(file)) as archive, archive.transaction():
            archive.settle(log.log_id, node.genesis_hash)
            for leaf in leaves:
                Outbox(archive).plan([leaf])
        for standing in ("pending", "final"):
            chain = kit.chain.connect(node.url)  # it has kept nothing of the log yet
            begun = time.perf_counter()
            with closing(kit.Diary.open(chain, file)) as diary:
                diary.recover()
                seconds = time.perf_counter() - begun
                assert not diary.outbox.open()
            show(f"opened, recovered: {batches:,} {standing} batches", seconds)


@contextmanager
def long_log(leaves: list[Leaf]) -> Iterator[tuple[AnvilChain, Log]]:
    """A node with a log in which each leaf is a batch, a hundred of them in a block."""
    with kit.chain.anvil() as node, requests.Session() as session:
        log, sender = Log.deploy(node, by=people.registrar), people.registrar.address
        node._ask("anvil_impersonateAccount", sender)  # it signs nothing: that would take longest
        node._ask("evm_setAutomine", False)
        first = node.nonce(sender)
        for start in range(0, len(leaves), 100):
            asked = []
            for leaf in leaves[start : start + 100]:
                root = bytes.fromhex(merkle.Tree([leaf.hash()]).root[2:])
                call = {
                    "from": sender,
                    "to": log.address,
                    "data": log.contract.encode_abi("append", [root, leaf.seq, 1]),
                    "nonce": hex(first + leaf.seq),
                    "gas": hex(150_000),
                }
                whole = {"jsonrpc": "2.0", "id": leaf.seq, "params": [call]}
                asked.append(whole | {"method": "eth_sendTransaction"})
            session.post(node.url, json=asked).raise_for_status()
            node.mine()
        assert log.batch_count() == len(leaves)
        yield node, log


def signatures(count: int) -> None:
    key = coincurve.PrivateKey(bytes(31) + b"1")
    for number in range(count):
        key.sign_recoverable(number.to_bytes(32), hasher=None)


if __name__ == "__main__":
    main()
