"""What the desk's tabs share: the diary, the people at the desk, and how something is tried.

Whatever goes wrong is said in words beside the button that was pressed. Keys sign; they are never
shown.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable
from threading import get_ident
from typing import TYPE_CHECKING, Any

from eth_account.signers.base import BaseAccount

from kit.core import MOVES
from kit.errors import KitError, NotAllowed
from kit.views.desk.labels import line, short
from kit.views.desk.widgets import Message

if TYPE_CHECKING:
    from kit.diary import Diary

__all__ = ["Room"]


class Room:
    """The diary, the people at the desk, and what is shown to them."""

    def __init__(self, diary: Diary, people: Iterable[Any]) -> None:
        self.diary = diary
        self.people: dict[str, BaseAccount] = {}
        for account in people:
            if not isinstance(account, BaseAccount):
                fix = "Pass a list such as [kit.people.named('dora')]."
                # What it is, not what it says: it may be the key itself.
                raise NotAllowed("accounts with their keys", type(account).__name__, fix)
            diary.chain.check_signer(account)
            self.people.setdefault(account.address, account)
        self.refresh: Callable[[], None] = lambda: None
        self._messages: list[Message] = []
        self._busy = False
        self._thread, self._loop = get_ident(), _running_loop()
        self.top = self.message()

    def message(self) -> Message:
        """Return a new place for answers."""
        self._messages.append(Message())
        return self._messages[-1]

    def act(
        self, message: Message, action: Callable[[], str | None], *, refresh: bool = True
    ) -> None:
        """Do something, say beside it how it went, and bring the desk up to date.

        ``action`` returns what is to be said. Nothing that it raises goes further than the message.
        JupyterLab hands clicks to a thread of their own; the diary is used in the one that made the
        desk, when no cell runs there.
        """
        if self._loop is None or get_ident() == self._thread:
            self._act(message, action, refresh)
        else:
            self._loop.call_soon_threadsafe(self._act, message, action, refresh)

    def _act(self, message: Message, action: Callable[[], str | None], refresh: bool) -> None:
        if self._busy:  # the desk itself changes what is shown, and hears of it
            return
        self._busy = True
        try:
            if refresh:
                for other in self._messages:
                    other.clear()
            said = self._try(message, action)
            if said:
                message.done(said)
            if refresh:
                self._try(self.top, self.refresh)
        finally:
            self._busy = False

    def _try(self, message: Message, action: Callable[[], str | None]) -> str | None:
        try:
            return action()
        except KitError as error:
            message.failed("没有成功 Not done", self.discreet(str(error)))
        except Exception as error:
            message.failed(
                "意外错误 Unexpected error",
                self.discreet(f"{type(error).__name__}: {error}"),
            )
        return None

    def discreet(self, text: str) -> str:
        """Return at most 600 characters of a text, names for addresses, and nobody's key."""
        for account in (*self.people.values(), self.diary.registrar):
            key = bytes(getattr(account, "key", b""))
            for written in (key.hex(), repr(key)) if key else ():
                text = re.sub(re.escape(written), "(a key)", text, flags=re.IGNORECASE)
        for address in self.people:
            text = text.replace(address, self.name(address))
        return text if len(text) <= 600 else text[:599] + "…"

    # --- who ---------------------------------------------------------------------------------------

    def name(self, address: str) -> str:
        """Return a person's name with the address in short, or the latter alone."""
        account = self.people.get(address)
        name = getattr(account, "name", "")
        return f"{line(name, 24)} · {short(address)}" if name else short(address)

    def options(self, addresses: Iterable[str]) -> list[tuple[str, str]]:
        """Return people as options of a list."""
        return [(self.name(address), address) for address in addresses]

    def account(self, address: str | None) -> BaseAccount:
        """Return the account behind an address. Raises NotAllowed where nobody was chosen."""
        if not address:
            raise NotAllowed("somebody with a key", "nobody", "Choose who does it.")
        return self.people[address]

    def allowed(self, commitment: str) -> frozenset[str]:
        """Return the moves that the rules have for an entry's state, whoever may make them."""
        return frozenset(MOVES[self.diary.state(commitment)])


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:  # no kernel: a script, or a test
        return None
