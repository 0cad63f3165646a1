"""The platform: post, review, appeal, publish, witness, withdraw; and read back what is proved.

Everything that happens is a signed record; ``kit.core.rules`` says who may do what, and when. An entry
waits until a moderator, by the role the chain gives, reviews it. ``publish`` puts what was approved,
and every other record, into one batch: one Merkle root, one transaction. ``records`` reads the log's
events and the archive back as one table, and checks every row against the chain.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eth_account.signers.base import BaseAccount
from eth_hash.auto import keccak

from kit import people
from kit.chain import Chain
from kit.core import (
    BATCH_MAX,
    SALT_BYTES,
    Attachment,
    Batch,
    Certificate,
    EntryState,
    Leaf,
    Record,
    SignedRecord,
    sign,
)
from kit.core import record as records
from kit.core.rules import DECISIONS
from kit.diary.archive import Archive, Home, Plan, Said
from kit.diary.issue import Proofs, certificate, state_of
from kit.diary.records import COLUMNS, rebuild
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
from kit.views.html import html_table

if TYPE_CHECKING:
    import pandas as pd

    from kit.diary.trace import Trace
    from kit.views import Timeline
    from kit.views.desk import Desk

__all__ = ["COLUMNS", "Diary", "lesson_salt"]

#: Certificates whose records are fetched from the archive together.
TOGETHER: Final = 512


def lesson_salt(number: int) -> bytes:
    """Return the test salt of the n-th record: known to everybody, so that lessons print the same.

    It hides nothing. Diaries on any chain but the embedded one use random salts.
    """
    return keccak(b"civic diary test salt: %d" % number)


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
            with opened.turn():
                home = opened.home
                log = _log_of(opened, home, chain) if home else Log.deploy(chain, by=registrar)
                if home is None:
                    for address in moderators:
                        log.grant(MODERATOR_ROLE, address, by=registrar)
                    opened.settle(Home(chain.chain_id, chain.genesis_hash, log.address))
                opened.purge()
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
        entry = Record.entry(address, time, text, place=place, role=role, attachments=files)
        with self.archive.turn():
            return self._accept(entry, author, files)

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
        return self._decide("approve" if approve else "reject", entry, by, reason_code, reason, at)

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
        return self._decide("suspend", entry, by, reason_code, reason, at)

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
        return self._decide("reinstate", entry, by, reason_code, reason, at)

    def appeal(
        self, entry: SignedRecord | str, text: str, *, by: BaseAccount, at: datetime | None = None
    ) -> SignedRecord:
        """Sign an author's appeal against the rejection or suspension of their entry; return it.

        Once only. Raises NotAllowed, RecordError.
        """

        def make(time: datetime, said: Said) -> Record:
            reviews = [x for x in self.archive.about(said.commitment) if x.type == "review"]
            return Record.appeal(by.address, time, reviews[-1].commitment, text)

        return self._move("appeal", entry, by, at, make)

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
        return self._move(
            "witness",
            entry,
            by,
            at,
            lambda time, said: Record.witness(by.address, time, said.commitment, note),
        )

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
        with self.archive.turn():
            record = self._move(
                "withdraw",
                entry,
                by,
                at,
                lambda time, said: Record.withdrawal(by.address, time, said.commitment, reason),
            )
            self.archive.purge()
        return record

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
        with self.archive.turn():
            if corrects is not None:
                earlier = self._said(corrects, "bulletin")
                time = self._time(at, earlier.at)
            subject = earlier.commitment if corrects is not None else None
            return self._accept(
                Record.bulletin(address, time, source, as_of, figures, corrects=subject), by
            )

    def waiting(self) -> list[SignedRecord]:
        """Return the entries that wait for a review or the answer to an appeal, in order of time."""
        return self.archive.waiting()

    def state(self, entry: SignedRecord | str) -> str:
        """Return an entry's state, one of ``kit.core.MOVES``. Raises RecordError if it is unknown."""
        return self.case(entry).state

    def case(self, entry: SignedRecord | str) -> EntryState:
        """Return an entry's state with what the rules need to know. Raises RecordError."""
        return self._case(self._said(entry, "entry"))

    def publish(self) -> Batch:
        """Put what is ready (at most 1,024 records) into the log with one transaction.

        The batch is written down before it is sent. If something ends this in between, the next
        ``publish`` first looks at the chain, and finishes or repeats it: no record is lost and none
        lands twice. Raises NothingWaiting, NotAllowed, WrongChain, Reverted, ChainError, NodeDown.
        """
        with self.archive.turn():
            self.archive.purge()
            plan = self.archive.planned()
            batch = self._found(plan) if plan else None
            plan = plan or self._plan()
            batch = batch or self._append(plan)
            self.archive.landed(plan)
            return batch

    # --- what can be read ------------------------------------------------------------------------

    def records(self) -> pd.DataFrame:
        """Return every record of the log, a row each, rebuilt from the chain and checked.

        Columns as in ``COLUMNS``. ``proved`` is True where the row was found to be what the chain
        holds: its leaf is in a batch whose root the log has, and its content has that leaf's
        commitment and its author's signature, files included. Otherwise ``check`` says what failed,
        and the row stays. A withdrawn entry's row stays proved, without its content.
        """
        return rebuild(self.log, self.archive)

    def leaves(self) -> list[Leaf]:
        """Return the log's table of leaves, in order, as the archive has it."""
        return [leaf for leaf, _ in self.archive.leaves(0, self.log.record_count())]

    def export(
        self, folder: str | Path, *, licence: str = "notspecified", simulated: bool = False
    ) -> Path:
        """Write all that a stranger needs to check this diary into a new folder; return its path.

        See ``kit.audit.folder``: the leaves, the batches and the open records as CSV and Parquet, their
        files, and a ``datapackage.json``; ``kit.read`` reads and audits them. ``licence`` is that of
        the contents, by its name in the Open Definition ("CC-BY-4.0"); ``simulated`` says that nobody
        wrote them.
        Raises DataError if there is something in the folder, or the archive is not the log's.
        """
        from kit.audit import folder as export

        return export.write(self, folder, licence=licence, simulated=simulated)

    def certificate(self, record: SignedRecord | str) -> Certificate:
        """Return the certificate of a published record, given itself or its commitment.

        The content of an entry that was withdrawn or is suspended is held back, and so is content
        that was damaged. Raises RecordError if the record is not published.
        """
        return next(self.certificates([record]))

    def certificates(self, of: Iterable[SignedRecord | str] | None = None) -> Iterator[Certificate]:
        """Return the certificates of published records: of all in order, or of those named.

        Raises RecordError if one of them is not published.
        """
        wanted: Iterable[SignedRecord | str] = (
            of if of is not None else [leaf.commitment for leaf in self.leaves()]
        )
        proofs = Proofs(self.archive, self.log.batches())
        for piece in _pieces(wanted, TOGETHER):
            named = [(record, _commitment(record)) for record in piece]
            stories = self.archive.stories([text for _, text in named if text])
            for record, text in named:
                if text not in stories:
                    raise _unknown(record)
                yield certificate(stories[text], proofs)

    def timeline(
        self,
        *,
        day: date | str | None = None,
        place: str | None = None,
        role: str | None = None,
        text: str | None = None,
    ) -> Timeline:
        """Return what everybody may see, in order of time; it shows itself page by page.

        Filters: a ``day`` in Fujian (a date, or text like 2021-09-12), a ``place`` or ``role`` as it
        was written, and a ``text`` that the entry contains. Raises DataError for no such day.
        """
        from kit.views import Timeline

        return Timeline.of(self, day=day, place=place, role=role, text=text)

    def trace(self, record: SignedRecord | str) -> Trace:
        """Return all that ever happened to a record, from its post to today, line by line.

        Raises RecordError if it is unknown.
        """
        from kit.diary.trace import Trace

        return Trace.of(self, self._said(record))

    def desk(self, people: Iterable[BaseAccount] = ()) -> Desk:
        """Return the diary as a desk to click: write, review, timeline; the last line of a cell.

        The lessons' people sit at it, and ``people``, whose keys sign what they do.
        """
        from kit.views.desk import Desk

        return Desk(self, people)

    # --- inside ----------------------------------------------------------------------------------

    def _decide(
        self,
        decision: str,
        entry: SignedRecord | str,
        by: BaseAccount,
        reason_code: str,
        reason: str,
        at: datetime | None,
    ) -> SignedRecord:
        return self._move(
            decision,
            entry,
            by,
            at,
            lambda time, said: Record.review(
                by.address, time, said.commitment, decision, reason_code=reason_code, reason=reason
            ),
        )

    def _move(
        self,
        move: str,
        entry: SignedRecord | str,
        by: BaseAccount,
        at: datetime | None,
        make: Callable[[datetime, Said], Record],
    ) -> SignedRecord:
        """Make one move about an entry, if the rules allow it, and return its record."""
        address = _with_key(by, "whoever signs").address
        with self.archive.turn():
            said = self._said(entry, "entry")
            moderator = move in DECISIONS and self.log.has_role(MODERATOR_ROLE, address)
            self._case(said).check(move, address, moderator=moderator)
            latest = max(x.at for x in (said, *self.archive.about(said.commitment)))
            time = self._time(at, latest)
            # Who has the role today may not have had it on the day they write: verify asks for that.
            if moderator and at is not None and not self.log.was_moderator(address, time):
                fix = "Leave the time out: then it is now."
                raise NotAllowed(f"a moderator of this log at {time}", address, fix)
            return self._accept(make(time, said), by)

    def _said(self, record: SignedRecord | str, type: str | None = None) -> Said:
        """Return what the archive has of a record, or raise RecordError."""
        commitment = _commitment(record)
        said = self.archive.said(commitment) if commitment else None
        if said is None or type not in (None, said.type):
            raise _unknown(record, type or "record")
        return said

    def _case(self, said: Said) -> EntryState:
        published = self.archive.is_landed(said.commitment)
        return state_of(said, self.archive.about(said.commitment), published)

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
        salt = self._salt(self.archive.count())
        committed = records.commitment(record, salt)
        signature = sign(committed, self.log.log_id, by)
        signed = SignedRecord(record, salt, signature)
        self.archive.add(signed, files)
        return signed

    def _plan(self) -> Plan:
        """Write down the next batch, or raise what stands against it."""
        first = self.log.record_count()
        leaves = self.archive.ready(first, BATCH_MAX)
        if not leaves:
            got = f"none, and {len(self.waiting()):,} entries that wait for a review"
            raise NothingWaiting("records to publish", got, "Post and review first.")
        if not self.log.has_role(REGISTRAR_ROLE, self.registrar.address):
            fix = "Open the diary with the registrar's account."
            raise NotAllowed("the registrar of this log", self.registrar.address, fix)
        last = self.archive.last_landed()
        if last and last.first_seq + last.count > first:
            fix = "Was it wound back? Go back to the chain that has them, or start a new archive."
            got = f"{first:,} records"
            raise WrongChain(
                f"the {last.first_seq + last.count:,} records published so far", got, fix
            )
        return self.archive.plan(leaves)

    def _append(self, plan: Plan) -> Batch:
        """Send a planned batch."""
        try:
            return self.log.append(plan.root, plan.first_seq, plan.count, by=self.registrar)
        except Reverted:
            # An earlier try may have landed just now: then it is there, and this one is refused.
            batch = self._found(plan)
            if batch is None:
                self.archive.drop(plan)
                raise
            return batch

    def _found(self, plan: Plan) -> Batch | None:
        """Return a planned batch as the chain has it, or None if its first number is still free."""
        if self.log.record_count() <= plan.first_seq:
            return None
        batch = next((b for b in self.log.batches() if b.first_seq == plan.first_seq), None)
        if batch is None or batch.root != plan.root:
            self.archive.drop(plan)
            fix = "Another registrar was faster. Nothing is lost: publish again."
            raise ChainError(f"the number {plan.first_seq} to be free", "another batch there", fix)
        return batch

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


def _commitment(record: SignedRecord | str) -> str | None:
    """Return the commitment of what was passed as a record, or None if it can't be one."""
    commitment = record.commitment if isinstance(record, SignedRecord) else record
    return commitment if isinstance(commitment, str) else None


def _unknown(record: SignedRecord | str, type: str = "record") -> RecordError:
    kind = f"an {type}" if type == "entry" else f"a {type}"
    # A text isn't shown: a private key looks just like a commitment.
    got = repr(record) if isinstance(record, SignedRecord) else _kind(record)
    fix = "Pass what this diary returned, or its commitment."
    return RecordError(f"{kind} of this diary", got, fix)


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
