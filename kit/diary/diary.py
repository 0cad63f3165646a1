"""The platform: post, review, appeal, publish, witness, withdraw; and read back what is proved.

Everything that happens is a signed record; ``kit.core.rules`` says who may do what, and when. An entry
waits until a moderator, by the role the chain gives, reviews it. ``publish`` puts what was approved,
and every other record, into one batch: one Merkle root, one transaction. ``records`` reads the log's
events and the archive back as one table, and checks every row against the chain.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, overload

from eth_account.signers.base import BaseAccount
from eth_hash.auto import keccak
from tqdm import tqdm

from kit import people
from kit.arguments import checked, shown
from kit.chain import Chain
from kit.core import (
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
from kit.diary.archive import Archive
from kit.diary.issue import Proofs, certificate, state_of
from kit.diary.learning import learn
from kit.diary.outbox import Outbox, PendingBatch
from kit.diary.reconcile import check_complete, found, is_same, reconcile
from kit.diary.records import COLUMNS, rebuild
from kit.diary.shown import held_back
from kit.diary.state_proofs import StateProofs
from kit.diary.stored import StoredRecord
from kit.diary.trace import Trace
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
from kit.log import MODERATOR_ROLE, REGISTRAR_ROLE, Log

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "Diary", "lesson_salt"]

#: What people do with an entry, by ``Diary.act``.
_ACTS: Final = (*DECISIONS, "appeal", "witness", "withdraw")
T = TypeVar("T")

#: Sentences that are told of what the reconciler found; ``recover`` returns them all.
TOLD: Final = 10
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
        self.outbox = Outbox(archive)
        self.state_proofs = StateProofs(log, archive)
        self.chain = log.chain
        self._salt = salt

    @classmethod
    @checked("chain", "archive", "moderators", "log")
    def open(
        cls,
        chain: Chain,
        archive: str | Path | None = None,
        *,
        registrar: BaseAccount = people.registrar,
        moderators: Sequence[str] = (people.moderator.address,),
        log: str | None = None,
    ) -> Diary:
        """Open the diary of an archive, or begin a new one: deploy its log, appoint moderators.

        ``archive`` is a file, or None to keep everything in memory. ``registrar`` publishes, and is
        the admin of a new log; ``moderators`` are addresses, used for a new log only. ``log`` is the
        address of a log that exists, which a new archive joins: its admin gives ``registrar`` the
        role. What became of batches that were sent is read from the chain, and said. Raises
        NotAllowed for what is no account and no address, and for the lessons' where the chain takes
        no lesson keys; ArchiveError, ChainError, and WrongChain where the archive belongs to another
        log or to a chain that was restarted.
        """
        _with_key(registrar, "the registrar")
        for address in moderators:
            if not isinstance(address, str) or not records.is_address(address):
                fix = "Pass a list of addresses, as person.address gives them."
                raise NotAllowed("moderators by their addresses", _kind(address), fix)
        _need_own_keys(chain, registrar)
        opened = Archive(archive)
        try:
            with opened.lock():
                found = _log_of(opened, chain, log) or _new_log(chain, registrar, moderators)
                opened.settle(found.log_id, chain.genesis_hash)
                opened.purge()
                _say(reconcile(found, Outbox(opened)))
                StateProofs(found, opened).keep()
        except BaseException:
            opened.close()
            raise
        fixed = chain.backend == "embedded"
        return cls(found, opened, registrar, lesson_salt if fixed else _random_salt)

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
        """Return the entries that wait for a review or the answer to an appeal, in order of time.

        One that is not what its author signed is left out, and named beside the program's output.
        """
        entries = []
        for stored in self.archive.waiting():
            if (fault := _fault(stored, self.log.log_id)) or not (entry := stored.signed()):
                _say([f"{stored.commitment}: not shown, as the archive was damaged: {fault}."])
            else:
                entries.append(entry)
        return entries

    def state(self, entry: SignedRecord | str) -> str:
        """Return an entry's state, one of ``kit.core.MOVES``. Raises RecordError if it is unknown."""
        return self.entry_state(entry).state

    def entry_state(self, entry: SignedRecord | str) -> EntryState:
        """Return an entry's state with what the rules need to know. Raises RecordError."""
        return state_of(self._story(entry, "entry"))

    @overload
    def publish(self, *, wait: Literal[True] = True) -> Batch: ...

    @overload
    def publish(self, *, wait: Literal[False]) -> PendingBatch: ...

    @checked("wait")
    def publish(self, *, wait: bool = True) -> Batch | PendingBatch:
        """Put what is ready (at most 1,024 records) into the log with one transaction.

        The batch is written down before it is sent, and so is the signed transaction; see
        ``kit.diary.outbox``. If something ends this in between, the next ``publish`` reads from the
        chain what became of it, and finishes or sends the same batch again, with all others that
        a reorganisation took away: the contract takes no number twice, so after an error it may be
        called again. What one of a node's machines says and another doesn't show yet is waited for,
        ``LAG`` seconds at most; a wait for a block shows itself, and its fee is raised (see
        ``kit.chain.sending``). Without ``wait`` it returns the batch as it was sent, and the next
        ``publish`` finishes it. Raises NothingWaiting, NotAllowed, ArchiveError, WrongChain,
        FinalityLost, Reverted, ChainError, NodeDown.
        """
        with self.archive.lock():
            batch = self._finished()
            if not wait:
                pending = self.outbox.pending() or self._plan()
                self._bring(self.log.submit, pending)
                return pending
            if batch is None:
                batch = self._send(self.outbox.pending() or self._plan())
            while (more := self.outbox.pending()) is not None:
                batch = self._send(more)
            return batch

    @checked("leaves")
    def recover(self, *, leaves: str | Path | None = None) -> list[str]:
        """Read from the chain what became of each batch, send those that are missing there again.

        Returns what was found and done, a sentence each; nothing where all is as it should be.
        ``leaves`` is the folder of an export: what this archive lacks of its log is taken from there,
        if it is what the chain has. So a copy from before catches up, and several registrars'
        archives on one log learn of each other's records. Raises as ``publish`` does, and DataError.
        """
        with self.archive.lock():
            self.archive.purge()
            said = learn(Path(leaves), self.log, self.archive) if leaves is not None else []
            said += reconcile(self.log, self.outbox)
            self.state_proofs.keep()
            while (pending := self.outbox.pending()) is not None:
                batch = self._send(pending)
                said.append(f"{pending.records}: sent; in block {batch.anchor.block_number}.")
            return said

    # --- what can be read ------------------------------------------------------------------------

    def records(self) -> pd.DataFrame:
        """Return every record of the log, a row each, rebuilt from the chain and checked.

        Columns as in ``COLUMNS``; ``lag`` are the seconds from ``at``, which the author states, to
        ``block_time``. ``level`` is that of its batch, *included* or *final*, and ``proved`` True, where
        the row was found to be what the chain holds: its leaf is
        in a batch whose root the log has, in a block that isn't older than it, and its content has that
        leaf's commitment and its author's signature, files included. Otherwise ``level`` is *failed*,
        ``check`` says why, and the row stays. A withdrawn or suspended entry's row stays proved, without its
        content, and so does that of an appeal about an entry that nobody may read.
        ``attrs`` has the lowest ``level`` of all, and the ``place``: the log, and its newest block.
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

    @checked("file")
    def backup(self, file: str | Path) -> Path:
        """Write a copy of the archive, as it is now, into a new file; return its path.

        Other programs may write meanwhile; of what was erased nothing is in it. A copy that was put
        back is behind its log: ``publish`` refuses then, and ``recover(leaves=FOLDER)`` takes what it
        lacks from a newer export. Raises ArchiveError if the file is there, or can't be written.
        """
        path = Path(file)
        with self.archive.lock():
            self.archive.purge()
            self.archive.copy(path)
        return path

    @property
    def path(self) -> Path | None:
        """The archive's file, or None if it is in memory."""
        return self.archive.path

    def file(self, sha256: str) -> bytes | None:
        """Return a file of an entry by its SHA-256 (hex, with 0x); None if it is gone or was changed."""
        return self.archive.file(sha256)

    def certificate(self, record: SignedRecord | str) -> Certificate:
        """Return the certificate of a published record, given itself or its commitment.

        The content of an entry that was withdrawn or is suspended is held back, that of appeals about
        it, and content that was damaged. Raises RecordError if the record is not published.
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
            hidden = held_back(stories, self.stories)
            for record in piece:
                story = stories.get(_commitment(record))
                if story is None:
                    raise _unknown(record)
                shown = story[0].commitment not in hidden
                yield certificate(story, proofs, self.state_proofs, shown=shown)

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
        now = self.chain.now()
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
        self.chain.check_signer(by)
        salt = self._salt(self.archive.count())
        committed = records.commitment(record, salt)
        signature = sign(committed, self.log.log_id, by)
        signed = SignedRecord(record, salt, signature)
        self.archive.add(signed, files)
        return signed

    def _plan(self) -> PendingBatch:
        """Write down the next batch, or raise what stands against it."""
        last = self.outbox.last()
        published = last.first_seq + last.count if last else 0
        first = 0

        def is_shown() -> bool:
            nonlocal first
            first = self.log.record_count()
            return first >= published

        self.chain.patiently(is_shown)
        leaves = self.archive.ready(first, BATCH_MAX)
        if not leaves:
            got = f"none, and {len(self.waiting()):,} entries that wait for a review"
            raise NothingWaiting("records to publish", got, "Post and review first.")
        if not self.log.has_role(REGISTRAR_ROLE, self.registrar.address):
            fix = "Open the diary with the registrar's account."
            raise NotAllowed("the registrar of this log", self.registrar.address, fix)
        self.chain.check_signer(self.registrar)
        if published > first:
            got, fix = f"{first:,} records", "Does the node lag far behind? Publish again later."
            raise WrongChain(f"the {published:,} records published so far", got, fix)
        if published < first:
            check_complete(self.log, self.outbox, self.registrar.address)
        return self.outbox.plan(leaves)

    def _finished(self) -> Batch | None:
        """Bring the outbox up to what the chain says; return the batch that was pending if it landed.

        Raises ChainError where another batch stands in its place, in a block that isn't final yet.
        """
        self.archive.purge()
        before = self.outbox.pending()
        _say(reconcile(self.log, self.outbox))
        self.state_proofs.keep()
        if before is None:
            return None
        there = found(before, self.log.batches())
        if there is None or is_same(before, there):
            return there
        raise self._faster(before, there)

    def _faster(self, pending: PendingBatch, there: Batch) -> ChainError:
        """Return the error that says that another batch has a pending one's number."""
        fix = "Another registrar was faster. Nothing is lost: publish again."
        if (now := self.outbox.at(pending.first_seq)) and now.root == pending.root:
            block = there.anchor.block_number
            fix = f"Another registrar was faster. Publish again when block {block} is final."
        return ChainError(f"the number {pending.first_seq} to be free", "another batch there", fix)

    def _send(self, pending: PendingBatch) -> Batch:
        """Bring a pending batch onto the chain, and note where it stands."""
        try:
            batch = self._bring(self.log.append, pending)
        except Reverted as refused:
            # An earlier try may have landed: then this one is refused.
            batch = self._refused(pending, refused)
        self.outbox.mark(batch)
        self.state_proofs.keep()
        return batch

    def _bring(self, how: Callable[..., T], pending: PendingBatch) -> T:
        """Send a pending batch with the transaction whose turn it is, or with a new one.

        Those of used nonces can't land, and those of later ones wait for others that may never come:
        batches that were sent before this one can lose their numbers for good.
        """
        sender = self.registrar.address
        turn = (sender, self.chain.nonce(sender))
        return how(
            *(pending.root, pending.first_seq, pending.count),
            by=self.registrar,
            sent=[one for one in self.outbox.sent(pending) if (one.sender, one.nonce) == turn],
            note=partial(self.outbox.note, pending),
        )

    def _refused(self, pending: PendingBatch, refused: Reverted) -> Batch:
        """Return a batch that the contract refused, if it is on the chain; else raise why it isn't."""
        if refused.reason.startswith("SequenceMismatch("):
            self.chain.patiently(lambda: found(pending, self.log.batches()))
        _say(reconcile(self.log, self.outbox))
        there = found(pending, self.log.batches())
        if there and is_same(pending, there):
            return there
        if there:
            raise self._faster(pending, there)
        raise refused

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


def _new_log(chain: Chain, registrar: BaseAccount, moderators: Sequence[str]) -> Log:
    """Deploy a log, and appoint its moderators."""
    _need_own_keys(chain, *moderators)
    log = Log.deploy(chain, by=registrar)
    for address in moderators:
        log.grant(MODERATOR_ROLE, address, by=registrar)
    return log


def _log_of(archive: Archive, chain: Chain, named: str | None) -> Log | None:
    """Return the log of an archive, or the one that a new archive is to join; None for neither."""
    if archive.home is None:
        if named is None:
            return None
        log = Log(chain, named)
        log.check_code()
        return log
    log_id, genesis_hash = archive.home
    if named is not None and named != log_id.contract:
        fix = "Leave log= out: the archive knows its own."
        raise WrongChain(f"the archive's log {log_id.contract}", shown(named), fix)
    fix = "Open it on its own chain (anvil keeps one with state=FILE), or start a new archive."
    if (chain.chain_id, chain.genesis_hash) != (log_id.chain_id, genesis_hash):
        expected = f"chain {log_id.chain_id} with genesis {genesis_hash}"
        raise WrongChain(expected, f"chain {chain.chain_id} with {chain.genesis_hash}", fix)
    try:
        return Log(chain, log_id.contract)
    except NodeDown:
        raise
    except (ChainError, WrongChain) as error:
        expected = f"the log {log_id.contract} as this archive last saw it"
        raise WrongChain(expected, "a chain without it: it was restarted", fix) from error


def _say(sentences: Sequence[str]) -> None:
    """Tell what the reconciler found: beside what a program prints, not in it."""
    for sentence in sentences[:TOLD]:
        tqdm.write(sentence, file=sys.stderr)
    if more := len(sentences[TOLD:]):
        tqdm.write(f"And {more:,} more of this kind.", file=sys.stderr)


def _fault(stored: StoredRecord, log: LogId) -> str:
    """Return why a record of the archive isn't what was received, or ''."""
    try:
        return stored.fault(log)
    except KitError as error:
        return str(error)


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


def _need_own_keys(chain: Chain, *accounts: BaseAccount | str) -> None:
    """Raise NotAllowed for a lesson key, or its address, where a chain takes none."""
    if any(map(people.is_lesson_key, accounts)) and not chain.takes_lesson_keys:
        expected = f"a registrar and moderators of your own on chain {chain.chain_id}"
        fix = (
            "Pass registrar=kit.people.from_keystore(FILE) and moderators=[ADDRESS]; or, where "
            "nothing is at stake, kit.chain.connect(URL, lesson_keys=True)."
        )
        raise NotAllowed(expected, "one of the lessons', whose keys anybody can compute", fix)


def _kind(value: object) -> str:
    return f"a value of type {type(value).__name__}"
