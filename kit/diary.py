"""The platform: post, review, publish, and read back what is proved.

Everything that happens is a signed record. An entry waits until a moderator, by the role the chain
gives, reviews it. ``publish`` puts what was approved, and every review, into one batch: one Merkle
root, one transaction. ``records`` reads the log's events and the archive back as one table, and
checks every row against the chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_account.signers.base import BaseAccount
from eth_utils import keccak

from kit import people, records
from kit.archive import Archive, Home, Plan
from kit.certificates import Certificate, Membership, Review
from kit.chain import Chain
from kit.errors import (
    ChainError,
    KitError,
    NodeDown,
    NotAllowed,
    NothingWaiting,
    RecordError,
    Reverted,
    WrongChain,
)
from kit.html import html_table
from kit.log import MODERATOR_ROLE, REGISTRAR_ROLE, Log
from kit.merkle import BATCH_MAX, Batch, Leaf, Tree
from kit.records import SALT_BYTES, Attachment, Record, SignedRecord

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Diary", "lesson_salt"]

#: The columns of ``Diary.records()``.
COLUMNS = {
    "seq": "int64",
    "type": "str",
    "author": "str",
    "at": "datetime64[s, UTC]",
    "subject": "str",
    "commitment": "str",
    "text": "str",
    "place": "str",
    "role": "str",
    "attachments": "int64",
    "decision": "str",
    "batch": "int64",
    "block_number": "int64",
    "block_hash": "str",
    "block_time": "datetime64[s, UTC]",
    "transaction_hash": "str",
    "proved": "bool",
    "check": "str",
}


def lesson_salt(number: int) -> bytes:
    """Return the test salt of the n-th record: known to everybody, so that lessons print the same.

    It hides nothing. Diaries on any chain but the embedded one use random salts.
    """
    return keccak(text=f"civic diary test salt: {number}")


class Diary:
    """A civic diary on a chain; made by ``Diary.open``."""

    def __init__(
        self, log: Log, archive: Archive, registrar: BaseAccount, salt: Callable[[int], bytes]
    ) -> None:
        self.log, self.archive, self.registrar = log, archive, registrar
        self.chain = log.chain
        self._salt = salt

    @classmethod
    def open(
        cls,
        chain: Chain,
        archive: str | Path | None = None,
        *,
        registrar: BaseAccount = people.registrar,
        moderators: Sequence[str] = (people.moderator.address,),
    ) -> Diary:
        """Open the diary of an archive, or begin a new one: deploy its log, appoint moderators.

        ``archive`` is a file, or None to keep everything in memory. ``registrar`` publishes, and is
        the admin of a new log; ``moderators`` are addresses, used for a new log only. Raises
        ArchiveError, ChainError, and WrongChain where the archive belongs to another chain or to
        one that was restarted.
        """
        opened = Archive(archive)
        try:
            home = opened.home
            log = _log_of(opened, home, chain) if home else Log.deploy(chain, by=registrar)
            if home is None:
                for address in moderators:
                    log.grant(MODERATOR_ROLE, address, by=registrar)
                opened.settle(Home(chain.chain_id, chain.genesis_hash, log.address))
        except BaseException:
            opened.close()
            raise
        fixed = chain.backend == "embedded"
        return cls(log, opened, registrar, lesson_salt if fixed else _random_salt)

    # --- what people do --------------------------------------------------------------------------

    def post(
        self,
        author: BaseAccount,
        text: str,
        *,
        place: str,
        role: str = "resident",
        attachments: Iterable[Attachment | str | Path] = (),
        at: datetime | None = None,
    ) -> SignedRecord:
        """Sign an entry as its author and keep it; it waits for a review.

        ``attachments`` are pictures and videos, or paths of them; ``at`` is now where it is left
        out. Raises RecordError, AttachmentError, NotAllowed; then nothing was kept.
        """
        files = [x if isinstance(x, Attachment) else Attachment.read(x) for x in attachments]
        time = self._time(at)
        address = _with_key(author, "the author").address
        entry = records.entry(address, time, text, place=place, role=role, attachments=files)
        return self._accept(entry, author, files)

    def review(
        self,
        entry: SignedRecord,
        *,
        by: BaseAccount,
        approve: bool,
        reason_code: str = "",
        reason: str = "",
        at: datetime | None = None,
    ) -> SignedRecord:
        """Sign a moderator's decision about a waiting entry; return the review.

        An approved entry is published with the next batch. A rejected one never is, but the decision
        is: the entry's commitment, the reason, the moderator. Raises NotAllowed if ``by`` is no
        moderator now, RecordError if the entry is unknown or was reviewed.
        """
        _with_key(by, "the moderator")
        if not self.log.has_role(MODERATOR_ROLE, by.address):
            fix = "Ask the log's admin for MODERATOR_ROLE."
            raise NotAllowed("a moderator of this log", by.address, fix)
        if not self._is_entry(entry):
            fix = "Pass what post() returned."
            raise RecordError("an entry of this diary", repr(entry)[:120], fix)
        if self.archive.reviews(entry.commitment):
            raise RecordError("an entry that waits", "one that was reviewed", "It is decided.")
        time = self._time(at)
        if time < entry.record.at:
            fix = "A review comes after the entry."
            raise RecordError(f"a time from {entry.record.at} on", str(time), fix)
        decision = "approve" if approve else "reject"
        said = records.review(
            by.address, time, entry.commitment, decision, reason_code=reason_code, reason=reason
        )
        return self._accept(said, by)

    def waiting(self) -> list[SignedRecord]:
        """Return the entries that wait for a review, in order of time."""
        return self.archive.waiting()

    def publish(self) -> Batch:
        """Put what is ready (at most 1,024 records) into the log with one transaction.

        The batch is written down before it is sent. If something ends this in between, the next
        ``publish`` first looks at the chain, and finishes or repeats it: no record is lost and none
        lands twice. Raises NothingWaiting, NotAllowed, WrongChain, Reverted, ChainError, NodeDown.
        """
        planned = self.archive.planned()
        if planned:
            return self._send(planned)
        ready = self.archive.ready(BATCH_MAX)
        if not ready:
            got = f"none, and {len(self.waiting()):,} entries that wait for a review"
            raise NothingWaiting("records to publish", got, "Post and review first.")
        if not self.log.has_role(REGISTRAR_ROLE, self.registrar.address):
            fix = "Open the diary with the registrar's account."
            raise NotAllowed("the registrar of this log", self.registrar.address, fix)
        first = self.log.record_count()
        last = self.archive.last_landed()
        if last and last.first_seq + last.count > first:
            fix = "Was it wound back? Go back to the chain that has them, or start a new archive."
            got = f"{first:,} records"
            raise WrongChain(
                f"the {last.first_seq + last.count:,} records published so far", got, fix
            )
        leaves = [Leaf.of(first + i, x.record, x.commitment) for i, x in enumerate(ready)]
        return self._send(self.archive.plan(leaves, Tree(leaf.hash() for leaf in leaves).root))

    # --- what can be read ------------------------------------------------------------------------

    def records(self) -> pd.DataFrame:
        """Return every record of the log, a row each, rebuilt from the chain and checked.

        Columns as in ``COLUMNS``. ``proved`` is True where the row was found to be what the chain
        holds: its leaf is in a batch whose root the log has, and its content has that leaf's
        commitment and its author's signature, files included. Otherwise ``check`` says what failed,
        and the row stays.
        """
        import pandas as pd

        rows: list[dict[str, Any]] = []
        for batch in self.log.batches():
            rows += self._rows(batch)
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        return frame.astype(COLUMNS)

    def leaves(self) -> list[Leaf]:
        """Return the log's table of leaves, in order, as the archive has it."""
        return [leaf for leaf, _ in self.archive.leaves(0, self.log.record_count())]

    def export(
        self, folder: str | Path, *, licence: str = "notspecified", simulated: bool = False
    ) -> Path:
        """Write all that a stranger needs to check this diary into a new folder; return its path.

        See ``kit.export``: the leaves, the batches and the open records as CSV and Parquet, and a
        ``datapackage.json``; ``kit.read`` reads and audits them. ``licence`` is that of the contents,
        by its name in the Open Definition ("CC-BY-4.0"); ``simulated`` says that nobody wrote them.
        Raises DataError if there is something in the folder, or the archive is not the log's.
        """
        from kit import export  # pandas and pyarrow: not for those who export nothing

        return export.write(self, folder, licence=licence, simulated=simulated)

    def certificate(self, record: SignedRecord) -> Certificate:
        """Return the certificate of a published record. Raises RecordError if it is not published."""
        return self._certify(record.commitment, self.log.batches(), {})

    def certificates(self) -> Iterator[Certificate]:
        """Return the certificates of all published records, in order."""
        batches, trees = self.log.batches(), dict[int, Tree]()
        for leaf in self.leaves():
            yield self._certify(leaf.commitment, batches, trees)

    # --- inside ----------------------------------------------------------------------------------

    def _certify(
        self, commitment: str, batches: Sequence[Batch], trees: dict[int, Tree]
    ) -> Certificate:
        """Return a certificate; ``trees`` keeps each batch's for the next one."""
        signed = self.archive.get(commitment)
        member = self._membership(commitment, batches, trees)
        if signed is None or member is None:
            fix = "Review it, and publish()."
            raise RecordError("a published record of this diary", commitment, fix)
        review = None
        if signed.record.type == "entry":
            approval = self.archive.reviews(commitment)[0]
            place = self._membership(approval.commitment, batches, trees)
            if place:
                salt = "0x" + approval.salt.hex()
                review = Review(place, approval.record, salt, approval.signature)
        salt = "0x" + signed.salt.hex()
        return Certificate(member, signed.commitment, signed.signature, signed.record, salt, review)

    def _membership(
        self, commitment: str, batches: Sequence[Batch], trees: dict[int, Tree]
    ) -> Membership | None:
        leaf = self.archive.leaf(commitment)
        batch = leaf and next(
            (b for b in batches if b.first_seq <= leaf.seq < b.first_seq + b.count), None
        )
        if not leaf or not batch:
            return None
        if batch.number not in trees:
            rows = self.archive.leaves(batch.first_seq, batch.count)
            trees[batch.number] = Tree(stored for _, stored in rows)
        return Membership(leaf, tuple(trees[batch.number].proof(leaf.hash())), batch)

    def _time(self, at: datetime | None) -> datetime:
        now = self.chain.now()
        if at is None:
            return now
        at = records.utc(at)
        if at > now:
            fix = "On a lesson's chain, chain.wait_until() moves the clock."
            raise RecordError(f"a time up to the chain's now, {now}", str(at), fix)
        return at

    def _is_entry(self, value: Any) -> bool:
        known = isinstance(value, SignedRecord) and self.archive.get(value.commitment)
        return bool(known and value.record.type == "entry")

    def _accept(
        self, record: Record, by: BaseAccount, files: Sequence[Attachment] = ()
    ) -> SignedRecord:
        salt = self._salt(self.archive.count())
        committed = records.commitment(record, salt)
        signature = records.sign(committed, self.chain.chain_id, self.log.address, by)
        signed = SignedRecord(record, salt, signature)
        self.archive.add(signed, files)
        return signed

    def _send(self, plan: Plan) -> Batch:
        """Finish a planned batch: find it on the chain, or send it."""
        if self.log.record_count() > plan.first_seq:
            batch = next((b for b in self.log.batches() if b.first_seq == plan.first_seq), None)
            if batch is None or batch.root != plan.root:
                self.archive.drop(plan)
                fix = "Another registrar was faster. Nothing is lost: publish again."
                raise ChainError(
                    f"the number {plan.first_seq} to be free", "another batch there", fix
                )
        else:
            try:
                batch = self.log.append(plan.root, plan.first_seq, plan.count, by=self.registrar)
            except Reverted:
                self.archive.drop(plan)
                raise
        self.archive.landed(plan)
        return batch

    def _rows(self, batch: Batch) -> list[dict[str, Any]]:
        """Return the rows of one batch. A number that the archive has no leaf for gets one, too."""
        leaves = {
            leaf.seq: (leaf, stored)
            for leaf, stored in self.archive.leaves(batch.first_seq, batch.count)
        }
        fault = _batch_fault(batch, [stored for _, stored in leaves.values()])
        anchor = batch.anchor
        rows = []
        for seq in range(batch.first_seq, batch.first_seq + batch.count):
            row = (
                self._row(*leaves[seq], fault)
                if seq in leaves
                else _empty_row("not in the archive")
            )
            rows.append(
                row
                | {
                    "seq": seq,
                    "batch": batch.number,
                    "block_number": anchor.block_number,
                    "block_hash": anchor.block_hash,
                    "block_time": anchor.block_time,
                    "transaction_hash": anchor.transaction_hash,
                }
            )
        return rows

    def _row(self, leaf: Leaf, stored: str, batch_fault: str) -> dict[str, Any]:
        row = _empty_row("")
        try:
            row |= {
                "type": leaf.type,
                "author": leaf.author,
                "at": leaf.time,
                "subject": None if not int(leaf.subject, 16) else leaf.subject,
                "commitment": leaf.commitment,
            }
            signed = self.archive.get(leaf.commitment)
            if signed:
                body = signed.record.body
                row |= {name: body.get(name) for name in ("text", "place", "role", "decision")}
                row["attachments"] = len(body.get("attachments", ()))
            fault = _leaf_fault(leaf, stored) or batch_fault or self._content_fault(leaf, signed)
        except (KitError, TypeError, ValueError, OverflowError, OSError) as error:
            fault = f"unreadable: {error}"
        return row | {"proved": not fault, "check": fault or "ok"}

    def _content_fault(self, leaf: Leaf, signed: SignedRecord | None) -> str:
        """Return what is wrong between a leaf and the record the archive has for it, or ''."""
        if signed is None:
            return "content is missing"
        if signed.commitment != leaf.commitment:
            return "content differs from the commitment"
        chain_id, contract = self.chain.chain_id, self.log.address
        if records.signer(signed.commitment, signed.signature, chain_id, contract) != leaf.author:
            return "the signature is not the author's"
        if Leaf.of(leaf.seq, signed.record, signed.commitment) != leaf:
            return "the leaf differs from the record"
        for file in signed.record.body.get("attachments", ()):
            if self.archive.file(file["sha256"]) is None:
                return f"the file {file['name']} is missing or was changed"
        return ""

    def close(self) -> None:
        """Close the archive. The chain goes on."""
        self.archive.close()

    def __repr__(self) -> str:
        waiting, ready = len(self.waiting()), self.archive.ready_count()
        return (
            f"Diary on {self.log!r}; {waiting:,} entries wait for review, "
            f"{ready:,} records for the next batch"
        )

    def _repr_html_(self) -> str:
        return html_table(
            {
                "log": self.log.address,
                "chain id": self.chain.chain_id,
                "records on the chain": f"{self.log.record_count():,}",
                "entries that wait for a review": f"{len(self.waiting()):,}",
                "records for the next batch": f"{self.archive.ready_count():,}",
                "archive": str(self.archive.path.name if self.archive.path else "memory"),
            }
        )


def _random_salt(number: int) -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def _log_of(archive: Archive, home: Home, chain: Chain) -> Log:
    """Return the log of an archive on a chain, or raise WrongChain."""
    fix = "Open it on its own chain (anvil keeps one with state=FILE), or start a new archive."
    here = Home(chain.chain_id, chain.genesis_hash, home.contract)
    if here != home:
        expected = f"chain {home.chain_id} with genesis {home.genesis_hash}"
        raise WrongChain(expected, f"chain {here.chain_id} with {here.genesis_hash}", fix)
    restarted = WrongChain(
        f"the log {home.contract} as this archive last saw it",
        "a chain without it: it was restarted",
        fix,
    )
    try:
        log = Log(chain, home.contract)
    except NodeDown:
        raise
    except (ChainError, WrongChain):
        raise restarted from None
    last = archive.last_landed()
    if last:
        seen = {batch.first_seq: batch.root for batch in log.batches()}
        if seen.get(last.first_seq) != last.root:
            raise restarted
    return log


def _with_key(account: Any, whom: str) -> BaseAccount:
    if not isinstance(account, BaseAccount):
        fix = "Pass kit.people.alice in a lesson, or eth_account's Account.from_key(…)."
        raise NotAllowed(f"{whom} as an account with its key", repr(account)[:60], fix)
    return account


def _batch_fault(batch: Batch, stored: Sequence[str]) -> str:
    try:
        matches = len(stored) == batch.count and Tree(stored).root == batch.root
    except KitError:
        matches = False
    return "" if matches else "the batch's leaves don't lead to its root on the chain"


def _leaf_fault(leaf: Leaf, stored: str) -> str:
    return "" if leaf.hash() == stored else "the leaf was changed"


def _empty_row(check: str) -> dict[str, Any]:
    return dict.fromkeys(COLUMNS) | {"attachments": 0, "proved": False, "check": check}
