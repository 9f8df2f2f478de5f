"""Mailboxes and what lies in them: the truth that the IMAP server shows and mails are delivered into."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from bot.sandbox.bell import Bell

INBOX = "INBOX"
SENT = "Sent"
SEEN, DELETED = "\\Seen", "\\Deleted"
FIRST_UIDVALIDITY = 1_700_000_000


@dataclass(eq=False)
class Mail:
    """One mail in one folder. `number` names it in the sandbox whatever becomes of its UID or its folder."""

    number: int
    uid: int
    raw: bytes
    internaldate: datetime
    flags: set[str] = field(default_factory=set)
    return_path: str = ""
    version: int = 0


class Folder:
    """A folder of a mailbox: mails by ascending UID, under a UIDVALIDITY."""

    def __init__(self, store: MailStore, mailbox: Mailbox, name: str) -> None:
        self._store = store
        self.mailbox = mailbox
        self.name = name
        self.uidvalidity = FIRST_UIDVALIDITY
        self.uidnext = 1
        self.mails: list[Mail] = []
        self.version = 0

    def append(
        self,
        raw: bytes,
        internaldate: datetime | None = None,
        flags: Iterable[str] = (),
        return_path: str = "",
    ) -> Mail:
        """A new mail, as it is; without a date it came now."""
        at = internaldate or datetime.fromtimestamp(self._store.now(), UTC)
        mail = Mail(self._store.next_number(), self._next_uid(), raw, at, set(flags), return_path)
        self._put(mail)
        return mail

    def flag(self, mail: Mail, flags: Iterable[str]) -> None:
        """Give it exactly these flags."""
        if mail.flags != set(flags):
            mail.flags = set(flags)
            self._changed(mail)

    def expunge(self, uids: Collection[int]) -> None:
        """Delete mails for ever."""
        gone = [mail for mail in self.mails if mail.uid in uids]
        if gone:
            self.mails = [mail for mail in self.mails if mail.uid not in uids]
            self._store.forget(gone)
            self._changed()

    def move(self, uids: Collection[int], to: Folder) -> list[tuple[int, int]]:
        """Move mails to another folder; their UIDs here and there."""
        moved = [mail for mail in self.mails if mail.uid in uids]
        self.mails = [mail for mail in self.mails if mail.uid not in uids]
        pairs = []
        for mail in moved:
            before, mail.uid = mail.uid, to._next_uid()
            to._put(mail)
            pairs.append((before, mail.uid))
        if moved:
            self._changed()
        return pairs

    def skip_uids(self, number: int) -> None:
        """Leave a gap in the UIDs, as servers do that retire some."""
        self.uidnext += number

    def renumber(self) -> None:
        """All UIDs anew under another UIDVALIDITY, as after a restored backup."""
        self.uidvalidity += 1
        for uid, mail in enumerate(self.mails, 1):
            mail.uid = uid
        self.uidnext = len(self.mails) + 1
        self._changed()

    def _put(self, mail: Mail) -> None:
        self.mails.append(mail)
        self._store.place(mail, self)
        self._changed(mail)

    def _next_uid(self) -> int:
        uid, self.uidnext = self.uidnext, self.uidnext + 1
        return uid

    def _changed(self, mail: Mail | None = None) -> None:
        self.version = self._store.next_version()
        if mail is not None:
            mail.version = self.version
        self._store.bell.ring()


class Mailbox:
    """The folders of an address."""

    def __init__(self, store: MailStore, address: str) -> None:
        self._store = store
        self.address = address
        self.folders: dict[str, Folder] = {}
        self.folder(INBOX)

    def folder(self, name: str) -> Folder:
        """The folder of that name, made if there is none."""
        name = INBOX if name.upper() == INBOX else name
        if name not in self.folders:
            self.folders[name] = Folder(self._store, self, name)
        return self.folders[name]

    def find(self, name: str) -> Folder | None:
        """The folder of that name."""
        return self.folders.get(INBOX if name.upper() == INBOX else name)

    @property
    def inbox(self) -> list[Mail]:
        """The mails in INBOX, oldest first."""
        return list(self.folder(INBOX).mails)

    @property
    def sent(self) -> list[Mail]:
        """The mails that its owner wrote by a gesture."""
        return list(self.folder(SENT).mails)


class MailStore:
    """The mailboxes of every address that wrote or got a mail."""

    def __init__(self, bell: Bell | None = None, now: Callable[[], float] = time.time) -> None:
        self.bell = bell or Bell()
        self.now = now
        self.mailboxes: dict[str, Mailbox] = {}
        self.places: dict[int, tuple[Mail, Folder]] = {}
        self._numbers = count(1)
        self.version = 0

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of an address, made if there is none."""
        key = address.strip().lower()
        if key not in self.mailboxes:
            self.mailboxes[key] = Mailbox(self, key)
        return self.mailboxes[key]

    def find(self, number: int) -> tuple[Mail, Folder]:
        """A mail by its number in the sandbox, and where it lies. Raises LookupError."""
        if number not in self.places:
            raise LookupError(f"there is no mail {number}")
        return self.places[number]

    # for folders

    def next_number(self) -> int:
        """Numbers a new mail."""
        return next(self._numbers)

    def next_version(self) -> int:
        """Numbers a change, over all folders."""
        self.version += 1
        return self.version

    def place(self, mail: Mail, folder: Folder) -> None:
        """A mail lies there now."""
        self.places[mail.number] = (mail, folder)

    def forget(self, mails: Iterable[Mail]) -> None:
        """These mails are gone."""
        for mail in mails:
            self.places.pop(mail.number, None)
