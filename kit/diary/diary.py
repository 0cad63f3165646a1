"""The platform: post, review, appeal, publish, witness, withdraw; and read back what is proved.

Everything that happens is a signed record; ``kit.core.rules`` says who may do what, and when. An entry
waits until a moderator, by the role the chain gives, reviews it. ``publish`` puts what was approved,
and every other record, into one batch: one Merkle root, one transaction. ``records`` reads the log's
events and the archive back as one table, and checks every row against the chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, TypeVar

from eth_account.signers.base import BaseAccount
from eth_hash.auto import keccak

from kit import people
from kit.arguments import checked
from kit.chain import Chain
from kit.core import (
    AHEAD_MAX,
    BATCH_MAX,
    DECISIONS,
    SALT_BYTES,
    Attachment,
    Batch,
    Certificate,
    EntryState,
    Leaf,
    LogId,
    Record,
    SignedRecord,
    sign,
)
from kit.core import record as records
from kit.diary.archive import Archive, PendingBatch
from kit.diary.issue import Proofs, certificate, state_of
from kit.diary.records import COLUMNS, rebuild
from kit.diary.stored import StoredRecord
from kit.diary.trace import Trace
from kit.errors import (
    ChainError,
    NodeDown,
    NotAllowed,
    NothingWaiting,
    RecordError,
    Reverted,
    WrongChain,
)
from kit.log import MODERATOR_ROLE, REGISTRAR_ROLE, Log

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Diary", "lesson_salt"]

#: What people do with an entry, by ``Diary.act``.
_ACTS: Final = (*DECISIONS, "appeal", "witness", "withdraw")
T = TypeVar("T")

#: Seconds for which an answer of a node is waited for that another of its machines has shown already:
#: two of Ethereum's blocks, and some more.
LAG: Final = 30.0
#: Certificates whose records are fetched from the archive together.
TOGETHER: Final = 512


@checked("number")
def lesson_salt(number: int) -> bytes:
    """Return the test salt of the n-th record: known to everybody, so that lessons print the same.

    It hides nothing. Diaries on any chain but the embedded one use random salts.
    """
    return keccak(b"civic diary test salt: %d" % number)


class Diary:
    """A civic diary on a chain; made by ``Diary.open``."""

    @checked("log", "archive")
    def __init__(
        self, log: Log, archive: Archive, registrar: BaseAccount, salt: Callable[[int], bytes]
    ) -> None:
        self.log, self.archive, self.registrar = log, archive, registrar
        self.chain = log.chain
        self._salt = salt

    @classmethod
    @checked("chain", "archive", "moderators")
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
        NotAllowed for what is no account and no address, ArchiveError, ChainError, and WrongChain
        where the archive belongs to another chain or to one that was restarted.
        """
        _with_key(registrar, "the registrar")
        for address in moderators:
            if not isinstance(address, str) or not records.is_address(address):
                fix = "Pass a list of addresses, as person.address gives them."
                raise NotAllowed("moderators by their addresses", _kind(address), fix)
        opened = Archive(archive)
        try:
            with opened.lock():
                home = opened.home
                log = _log_of(opened, *home, chain) if home else Log.deploy(chain, by=registrar)
                if home is None:
                    for address in moderators:
                        log.grant(MODERATOR_ROLE, address, by=registrar)
                    opened.settle(log.log_id, chain.genesis_hash)
                opened.purge()
        except BaseException:
            opened.close()
            raise
        fixed = chain.backend == "embedded"
        return cls(log, opened, registrar, lesson_salt if fixed else _random_salt)

    # --- what people do --------------------------------------------------------------------------

    @checked("attachments")
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
        entry = Record.entry(address, time, text, place=place, role=role, attachments=files)
        with self.archive.lock():
            return self._accept(entry, author, files)

    @checked("approve")
    def review(
        self,
        entry: SignedRecord | str,
        *,
        by: BaseAccount,
        approve: bool,
        reason_code: str = "",
        reason: str = "",
        at: datetime | None = None,
    ) -> SignedRecord:
        """Sign a moderator's decision about an entry that waits, or about an appeal; return it.

        An approved entry is published with the next batch. A rejected one never is, but the decision
        is: the entry's commitment, the reason, the moderator. After an appeal another moderator
        than the first decides. Raises NotAllowed if ``by`` may not, RecordError if the entry is
        unknown or is not waiting.
        """
        decision = "approve" if approve else "reject"
        return self.act(decision, entry, by=by, at=at, reason_code=reason_code, reason=reason)

    def suspend(
        self,
        entry: SignedRecord | str,
        *,
        by: BaseAccount,
        reason_code: str = "",
        reason: str = "",
        at: datetime | None = None,
    ) -> SignedRecord:
        """Take a published entry out of sight, as a moderator. Raises as ``review`` does.

        Against an appeal, this upholds the suspension.
        """
        return self.act("suspend", entry, by=by, at=at, reason_code=reason_code, reason=reason)

    def reinstate(
        self,
        entry: SignedRecord | str,
        *,
        by: BaseAccount,
        reason_code: str = "",
        reason: str = "",
        at: datetime | None = None,
    ) -> SignedRecord:
        """Show a suspended entry again, as a moderator. Raises as ``review`` does."""
        return self.act("reinstate", entry, by=by, at=at, reason_code=reason_code, reason=reason)

    def appeal(
        self, entry: SignedRecord | str, text: str, *, by: BaseAccount, at: datetime | None = None
    ) -> SignedRecord:
        """Sign an author's appeal against the rejection or suspension of their entry; return it.

        Once only. Raises NotAllowed, RecordError.
        """
        return self.act("appeal", entry, by=by, at=at, text=text)

    def witness(
        self,
        entry: SignedRecord | str,
        *,
        by: BaseAccount,
        note: str = "",
        at: datetime | None = None,
    ) -> SignedRecord:
        """Sign that somebody saw what a published entry tells; return it.

        Anybody but the author may, once for each entry. Raises NotAllowed, RecordError.
        """
        return self.act("witness", entry, by=by, at=at, note=note)

    def withdraw(
        self,
        entry: SignedRecord | str,
        *,
        by: BaseAccount,
        reason: str = "",
        at: datetime | None = None,
    ) -> SignedRecord:
        """Sign an author's withdrawal and destroy the entry's content, salt and files; return it.

        They are gone at once, with their traces in the archive's file; the withdrawal itself is
        published with the next batch. Raises NotAllowed, RecordError; ArchiveError if the entry is
        withdrawn, but its traces are not: the next ``publish`` or ``open`` removes them.
        """
        return self.act("withdraw", entry, by=by, at=at, reason=reason)

    @checked("move")
    def act(
        self,
        move: str,
        entry: SignedRecord | str,
        *,
        by: BaseAccount,
        at: datetime | None = None,
        **content: str,
    ) -> SignedRecord:
        """Sign one move about an entry, if ``kit.core.rules`` allow it, keep it, and return it.

        ``move`` is approve, reject, suspend, reinstate (``content``: reason_code, reason), appeal
        (text), witness (note) or withdraw (reason): as the methods above, which say what follows.
        Raises RecordError for another move, or one that can't follow; NotAllowed.
        """
        address = _with_key(by, "whoever signs").address
        if move not in _ACTS:
            got = repr(move)[:40]
            raise RecordError(f"one of the moves {', '.join(_ACTS)}", got, "Choose one of them.")
        with self.archive.lock():
            story = self._story(entry, "entry")
            moderator = move in DECISIONS and self.log.has_role(MODERATOR_ROLE, address)
            state_of(story).check(move, address, moderator=moderator)
            time = self._time(at, max(record.at for record in story))
            # Who has the role today may not have had it on the day they write: verify asks for that.
            if moderator and at is not None and not self.log.was_moderator(address, time):
                fix = "Leave the time out: then it is now."
                raise NotAllowed(f"a moderator of this log at {time}", address, fix)
            signed = self._accept(_record(move, story, address, time, content), by)
            if move == "withdraw":
                self.archive.purge()
        return signed

    def bulletin(
        self,
        by: BaseAccount,
        source: str,
        figures: Mapping[str, int],
        *,
        as_of: datetime,
        corrects: SignedRecord | str | None = None,
        at: datetime | None = None,
    ) -> SignedRecord:
        """Sign official figures, or the correction of earlier ones; return the bulletin.

        ``by`` is the registrar or a moderator of the log; ``figures`` are whole numbers by name.
        It is published with the next batch, without a review. Raises NotAllowed, RecordError.
        """
        address = _with_key(by, "the office").address
        if not any(self.log.has_role(role, address) for role in (REGISTRAR_ROLE, MODERATOR_ROLE)):
            fix = "A bulletin appears without a review, so not everybody may."
            raise NotAllowed("the registrar or a moderator of this log", address, fix)
        time = self._time(at)
        with self.archive.lock():
            if corrects is not None:
                earlier = self._story(corrects, "bulletin")[0]
                time = self._time(at, earlier.at)
            subject = earlier.commitment if corrects is not None else None
            return self._accept(
                Record.bulletin(address, time, source, as_of, figures, corrects=subject), by
            )

    def waiting(self) -> list[SignedRecord]:
        """Return the entries that wait for a review or the answer to an appeal, in order of time."""
        return [entry for stored in self.archive.waiting() if (entry := stored.signed())]

    def state(self, entry: SignedRecord | str) -> str:
        """Return an entry's state, one of ``kit.core.MOVES``. Raises RecordError if it is unknown."""
        return self.entry_state(entry).state

    def entry_state(self, entry: SignedRecord | str) -> EntryState:
        """Return an entry's state with what the rules need to know. Raises RecordError."""
        return state_of(self._story(entry, "entry"))

    def publish(self) -> Batch:
        """Put what is ready (at most 1,024 records) into the log with one transaction.

        The batch is written down before it is sent, and stays so until the chain shows it, or shows
        another one in its place. If something ends this in between, the next ``publish`` looks at the
        chain first, and finishes or repeats the same batch: the contract takes no number twice, so
        after an error it may be called again. The machines of a node may be behind one another: what
        one says and another doesn't show yet is waited for, ``LAG`` seconds at most. Raises
        NothingWaiting, NotAllowed, WrongChain, Reverted, ChainError, NodeDown.
        """
        with self.archive.lock():
            self.archive.purge()
            pending = self.archive.pending()
            batch = self._found(pending) if pending else None
            pending = pending or self._plan()
            batch = batch or self._append(pending)
            self.archive.landed(pending)
            return batch

    # --- what can be read ------------------------------------------------------------------------

    def records(self) -> pd.DataFrame:
        """Return every record of the log, a row each, rebuilt from the chain and checked.

        Columns as in ``COLUMNS``; ``lag`` are the seconds from ``at``, which the author states, to
        ``block_time``. ``proved`` is True where the row was found to be what the chain holds: its leaf is
        in a batch whose root the log has, in a block that isn't older than it, and its content has that
        leaf's commitment and its author's signature, files included. Otherwise ``check`` says what
        failed, and the row stays. A withdrawn entry's row stays proved, without its content.
        """
        return rebuild(self.log, self.archive)

    def leaves(self) -> list[Leaf]:
        """Return the log's table of leaves, in order, as the archive has it."""
        return [leaf for leaf, _ in self.archive.leaves(0, self.log.record_count())]

    @checked("of")
    def stories(self, of: Iterable[SignedRecord | str]) -> dict[str, list[StoredRecord]]:
        """Return many records by commitment, each before all that is about it, in order of arrival.

        One read for all of them. What isn't in the archive is left out.
        """
        return self.archive.stories(_commitment(record) for record in of)

    def latest(self, type: str, limit: int, *, author: str | None = None) -> list[StoredRecord]:
        """Return the newest records of a type, those of one author if one is given, newest first."""
        return self.archive.latest(type, limit, author=author)

    def ready(self) -> list[Leaf]:
        """Return the leaves of the next batch, at most 1,024, as they will be in the log.

        Raises RecordError if one of its records is not what was received.
        """
        return self.archive.ready(self.log.record_count(), BATCH_MAX)

    def ready_count(self) -> int:
        """Return how many records are to be published, in one batch or several."""
        return self.archive.ready_count()

    def record_count(self) -> int:
        """Return how many records were ever received, published or not."""
        return self.archive.count()

    @checked("records")
    def keep(self, records: Iterable[SignedRecord]) -> None:
        """Keep records that were signed elsewhere, without files: all of them or, on an error, none.

        For programs that keep the rules themselves and make many records, as ``kit.simulate``:
        neither the rules nor the signatures are asked here. Raises RecordError.
        """
        with self.archive.lock(), self.archive.transaction():
            for signed in records:
                self.archive.add(signed)

    @property
    def path(self) -> Path | None:
        """The archive's file, or None if it is in memory."""
        return self.archive.path

    def file(self, sha256: str) -> bytes | None:
        """Return a file of an entry by its SHA-256 (hex, with 0x); None if it is gone or was changed."""
        return self.archive.file(sha256)

    def certificate(self, record: SignedRecord | str) -> Certificate:
        """Return the certificate of a published record, given itself or its commitment.

        The content of an entry that was withdrawn or is suspended is held back, and so is content
        that was damaged. Raises RecordError if the record is not published.
        """
        return next(self.certificates([record]))

    @checked("of")
    def certificates(self, of: Iterable[SignedRecord | str] | None = None) -> Iterator[Certificate]:
        """Return the certificates of published records: of all in order, or of those named.

        Raises RecordError if one of them is not published.
        """
        wanted: Iterable[SignedRecord | str] = (
            of if of is not None else [leaf.commitment for leaf in self.leaves()]
        )
        proofs = Proofs(self.archive, self.log.batches())
        for piece in _pieces(wanted, TOGETHER):
            stories = self.stories(piece)
            for record in piece:
                story = stories.get(_commitment(record))
                if story is None:
                    raise _unknown(record)
                yield certificate(story, proofs)

    def trace(self, record: SignedRecord | str) -> Trace:
        """Return all that ever happened to a record, from its post to today, line by line.

        Raises RecordError if it is unknown.
        """
        return Trace.of(self.log, self.archive, self._story(record)[0])

    # --- inside ----------------------------------------------------------------------------------

    def _story(self, record: SignedRecord | str, type: str | None = None) -> list[StoredRecord]:
        """Return a record before all that is about it, or raise RecordError."""
        story = self.stories([record]).get(_commitment(record), [])
        if not story or type not in (None, story[0].type):
            raise _unknown(record, type or "record")
        return story

    def _time(self, at: datetime | None, since: int = 0) -> datetime:
        """Return ``at``, or now; not in the future, and not before ``since`` (in Unix seconds)."""
        # On a node that lives in another time, its time: a record is not later than its block.
        now, block = self.chain.now(), self.chain.next_block_time()
        now = block if (now - block).total_seconds() > AHEAD_MAX else now
        at = now if at is None else records.utc(at)
        if at > now:
            fix = "On a lesson's chain, chain.wait_until() moves the clock."
            raise RecordError(f"a time up to the chain's now, {now}", str(at), fix)
        if at.timestamp() < since:
            fix = "What is about a record comes after it."
            earliest = datetime.fromtimestamp(since, UTC)
            raise RecordError(f"a time from {earliest} on", str(at), fix)
        return at

    def _accept(
        self, record: Record, by: BaseAccount, files: Sequence[Attachment] = ()
    ) -> SignedRecord:
        salt = self._salt(self.archive.count())
        committed = records.commitment(record, salt)
        signature = sign(committed, self.log.log_id, by)
        signed = SignedRecord(record, salt, signature)
        self.archive.add(signed, files)
        return signed

    def _plan(self) -> PendingBatch:
        """Write down the next batch, or raise what stands against it."""
        last = self.archive.last_landed()
        published = last.first_seq + last.count if last else 0
        _patiently(self.chain, lambda: self.log.record_count() >= published)
        first = self.log.record_count()
        leaves = self.archive.ready(first, BATCH_MAX)
        if not leaves:
            got = f"none, and {len(self.waiting()):,} entries that wait for a review"
            raise NothingWaiting("records to publish", got, "Post and review first.")
        if not self.log.has_role(REGISTRAR_ROLE, self.registrar.address):
            fix = "Open the diary with the registrar's account."
            raise NotAllowed("the registrar of this log", self.registrar.address, fix)
        if published > first:
            fix = "Was it wound back? Go back to the chain that has them, or start a new archive."
            got = f"{first:,} records"
            raise WrongChain(f"the {published:,} records published so far", got, fix)
        return self.archive.plan(leaves)

    def _append(self, pending: PendingBatch) -> Batch:
        """Send a pending batch."""
        try:
            return self.log.append(
                pending.root, pending.first_seq, pending.count, by=self.registrar
            )
        except Reverted as refused:
            # An earlier try may have landed: then this one is refused, and the plan is not dropped
            # before the chain shows what has its number.
            batch = self._found(pending)
            if batch is None and refused.reason.startswith("SequenceMismatch("):
                batch = _patiently(self.chain, lambda: self._found(pending))
            if batch is None:
                raise
            return batch

    def _found(self, pending: PendingBatch) -> Batch | None:
        """Return a pending batch as the chain has it, or None if no batch is shown at its number yet.

        Drops it, and raises ChainError, where another batch has its number.
        """
        first = pending.first_seq
        if self.log.record_count() <= first:
            return None
        has = (b for b in self.log.batches() if b.first_seq <= first < b.first_seq + b.count)
        batch = next(has, None)
        if batch and (batch.first_seq, batch.root) != (first, pending.root):
            self.archive.drop(pending)
            fix = "Another registrar was faster. Nothing is lost: publish again."
            raise ChainError(f"the number {first} to be free", "another batch there", fix)
        return batch

    def close(self) -> None:
        """Close the archive. The chain goes on."""
        self.archive.close()

    def __repr__(self) -> str:
        waiting, ready = len(self.waiting()), self.ready_count()
        return (
            f"Diary on {self.log!r}; {waiting:,} entries wait for review, "
            f"{ready:,} records for the next batch"
        )


def _random_salt(number: int) -> bytes:
    return secrets.token_bytes(SALT_BYTES)


def _log_of(archive: Archive, log_id: LogId, genesis_hash: str, chain: Chain) -> Log:
    """Return the log of an archive on a chain, or raise WrongChain."""
    fix = "Open it on its own chain (anvil keeps one with state=FILE), or start a new archive."
    if (chain.chain_id, chain.genesis_hash) != (log_id.chain_id, genesis_hash):
        expected = f"chain {log_id.chain_id} with genesis {genesis_hash}"
        raise WrongChain(expected, f"chain {chain.chain_id} with {chain.genesis_hash}", fix)
    restarted = WrongChain(
        f"the log {log_id.contract} as this archive last saw it",
        "a chain without it: it was restarted",
        fix,
    )
    try:
        log = Log(chain, log_id.contract)
    except NodeDown:
        raise
    except (ChainError, WrongChain) as error:
        raise restarted from error
    last = archive.last_landed()

    def has_it() -> bool:
        seen = {batch.first_seq: batch.root for batch in log.batches()}
        return last is None or seen.get(last.first_seq) == last.root

    if not _patiently(chain, has_it):
        raise restarted
    return log


def _patiently(chain: Chain, ask: Callable[[], T]) -> T:
    """Return the first answer that is true, or the last one: some machine of a node may be behind."""
    until = monotonic() + (LAG if chain.backend == "connected" else 0)
    while not (answer := ask()) and monotonic() < until:
        sleep(0.5)
    return answer


def _commitment(record: SignedRecord | str) -> str:
    """Return the commitment of what was passed as a record, or '' if it can't be one."""
    commitment = record.commitment if isinstance(record, SignedRecord) else record
    return commitment if isinstance(commitment, str) else ""


def _unknown(record: SignedRecord | str, type: str = "record") -> RecordError:
    kind = f"an {type}" if type == "entry" else f"a {type}"
    # A text isn't shown: a private key looks just like a commitment.
    got = repr(record) if isinstance(record, SignedRecord) else _kind(record)
    fix = "Pass what this diary returned, or its commitment."
    return RecordError(f"{kind} of this diary", got, fix)


def _record(
    move: str,
    story: Sequence[StoredRecord],
    author: str,
    time: datetime,
    content: Mapping[str, str],
) -> Record:
    """Return the record of a move about the entry that a story begins with. Raises RecordError."""
    about = story[0].commitment
    if move in DECISIONS:
        return Record.review(author, time, about, move, **content)
    if move == "witness":
        return Record.witness(author, time, about, **content)
    if move == "withdraw":
        return Record.withdrawal(author, time, about, **content)
    # What is left is an appeal, which is about the last decision.
    review = next(record for record in reversed(story) if record.type == "review")
    return Record.appeal(author, time, review.commitment, **content)


def _pieces(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Return the values in lists of at most so many."""
    iterator = iter(values)
    while piece := list(islice(iterator, size)):
        yield piece


def _with_key(account: Any, whom: str) -> BaseAccount:
    if not isinstance(account, BaseAccount):
        fix = "Pass kit.people.alice in a lesson, or eth_account's Account.from_key(…)."
        # What it is, not what it says: it may be the key itself.
        raise NotAllowed(f"{whom} as an account with its key", _kind(account), fix)
    return account


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"
