"""What a client does with the mails of the folder it has selected, and what it has been told of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bot.sandbox.mail import imap_fetch
from bot.sandbox.mail.imap_search import Search
from bot.sandbox.mail.imap_syntax import BadCommand, Ended, Refused, Token, number_set, text
from bot.sandbox.mail.store import DELETED, SEEN, Folder, Mail, Mailbox

Say = Callable[[str | bytes], None]
"""Takes a line of the answer, without its end."""


class SelectedFolder:
    """The commands return the text of their tagged OK."""

    def __init__(self, folder: Folder, say: Say, *, writable: bool) -> None:
        self.folder = folder
        self.writable = writable
        self._say = say
        self._uidvalidity = folder.uidvalidity
        self._told = [mail.uid for mail in folder.mails]
        self._told_flags = {mail.uid: set(mail.flags) for mail in folder.mails}
        self._version = folder.version

    @property
    def total(self) -> int:
        """How many mails the client knows of."""
        return len(self._told)

    @property
    def has_changed(self) -> bool:
        """Whether there is something to tell."""
        return self.folder.version != self._version

    def _here(self) -> Folder:
        if self.folder.uidvalidity != self._uidvalidity:
            raise Ended  # as Dovecot does
        return self.folder

    def _to_write(self) -> Folder:
        if not self.writable:
            raise Refused("[READ-ONLY] The folder was opened for reading")
        return self._here()

    def _chosen(self, token: Token, *, by_uid: bool) -> list[tuple[int, Mail]]:
        """The mails of a set that the client has been told of, with their sequence numbers."""
        mails = {mail.uid: mail for mail in self._here().mails}
        largest = (self._told[-1] if self._told else 0) if by_uid else len(self._told)
        ranges = number_set(text(token), largest)
        return [
            (seq, mails[uid])
            for seq, uid in enumerate(self._told, 1)
            if uid in mails and any(first <= (uid if by_uid else seq) <= last for first, last in ranges)
        ]

    def search(self, given: list[Token], *, by_uid: bool) -> str:
        if by_uid:  # what came since is found: the client looks because it was told, or in case it was not
            self.catch_up()
        if len(given) > 1 and given[0] == "CHARSET":
            if text(given[1]).upper() not in ("US-ASCII", "UTF-8"):
                raise Refused("[BADCHARSET (US-ASCII UTF-8)] Unknown charset")
            given = given[2:]
        fits = Search(given, self._told[-1] if self._told else 0, len(self._told)).read()
        found = [(seq, mail) for seq, mail in self._chosen("1:*", by_uid=False) if fits(mail, seq)]
        numbers = " ".join(str(mail.uid if by_uid else seq) for seq, mail in found)
        self._say(f"* SEARCH {numbers}".rstrip())
        return "Searched"

    def fetch(self, given: list[Token], *, by_uid: bool) -> str:
        if len(given) != 2:
            raise BadCommand("FETCH takes a set and items")
        items = imap_fetch.wanted(given[1])
        for seq, mail in self._chosen(given[0], by_uid=by_uid):
            self._say(imap_fetch.given(mail, seq, items, by_uid=by_uid))
            if self.writable and imap_fetch.marks_as_seen(items):
                self._here().flag(mail, mail.flags | {SEEN})
        return "Fetched"

    def flag(self, given: list[Token], *, by_uid: bool) -> str:
        if len(given) < 3:
            raise BadCommand("STORE takes a set, an item and flags")
        folder, item = self._to_write(), text(given[1]).upper()
        flags = read_flags(given[2]) if isinstance(given[2], list) else read_flags(given[2:])
        for seq, mail in self._chosen(given[0], by_uid=by_uid):
            match item.removesuffix(".SILENT"):
                case "FLAGS":
                    folder.flag(mail, flags)
                case "+FLAGS":
                    folder.flag(mail, mail.flags | flags)
                case "-FLAGS":
                    folder.flag(mail, mail.flags - flags)
                case _:
                    raise BadCommand("STORE does not know that")
            self._told_flags[mail.uid] = set(mail.flags)
            if not item.endswith(".SILENT"):
                self._say(imap_fetch.given(mail, seq, ["FLAGS"], by_uid=by_uid))
        return "Stored"

    def copy(self, given: list[Token], *, by_uid: bool) -> str:
        if len(given) != 2:
            raise BadCommand("COPY takes a set and a folder")
        to = named(self.folder.mailbox, given[1], "[TRYCREATE]")
        pairs = [
            (mail.uid, to.append(mail.raw, mail.internaldate, mail.flags, mail.return_path).uid)
            for _, mail in self._chosen(given[0], by_uid=by_uid)
        ]
        return f"{_copied(to, pairs)}Copied"

    def move(self, given: list[Token], *, by_uid: bool) -> str:
        if len(given) != 2:
            raise BadCommand("MOVE takes a set and a folder")
        folder, to = self._to_write(), named(self.folder.mailbox, given[1], "[TRYCREATE]")
        pairs = folder.move({mail.uid for _, mail in self._chosen(given[0], by_uid=by_uid)}, to)
        if pairs:
            self._say(f"* OK {_copied(to, pairs)}Moved")
        self.catch_up()
        return "Moved"

    def expunge(self, given: list[Token], *, by_uid: bool) -> str:
        folder = self._to_write()
        mails = [mail for _, mail in self._chosen(given[0], by_uid=True)] if given else folder.mails
        folder.expunge({mail.uid for mail in mails if DELETED in mail.flags})
        self.catch_up()
        return "Expunged"

    def close(self) -> None:
        """Delete what is marked, without a word."""
        if self.writable:
            folder = self._here()
            folder.expunge({mail.uid for mail in folder.mails if DELETED in mail.flags})

    def catch_up(self) -> None:
        """Tell what has changed since the client was told last."""
        folder = self._here()
        if not self.has_changed:
            return
        self._version = folder.version
        present = {mail.uid: mail for mail in folder.mails}
        for seq in range(len(self._told), 0, -1):
            if self._told[seq - 1] not in present:
                self._told_flags.pop(self._told.pop(seq - 1), None)
                self._say(f"* {seq} EXPUNGE")
        new = [mail for mail in folder.mails if mail.uid not in self._told_flags]
        self._told += [mail.uid for mail in new]
        for seq, uid in enumerate(self._told, 1):
            flags = present[uid].flags
            if self._told_flags.setdefault(uid, set(flags)) != flags:
                self._told_flags[uid] = set(flags)
                self._say(imap_fetch.given(present[uid], seq, ["FLAGS"], by_uid=True))
        if new:
            self._say(f"* {len(self._told)} EXISTS")
            self._say("* 0 RECENT")


def named(mailbox: Mailbox, token: Token, code: str = "[NONEXISTENT]") -> Folder:
    """The folder of that name."""
    folder = mailbox.find(text(token))
    if folder is None:
        raise Refused(f"{code} No such folder")
    return folder


def read_flags(given: Iterable[Token]) -> set[str]:
    """Flags, with their capitals as in RFC 3501."""
    flags = (text(flag) for flag in given)
    return {"\\" + flag[1:].capitalize() if flag.startswith("\\") else flag for flag in flags}


def _copied(to: Folder, pairs: list[tuple[int, int]]) -> str:
    if not pairs:
        return ""
    return f"[COPYUID {to.uidvalidity} {','.join(str(a) for a, _ in pairs)} {','.join(str(b) for _, b in pairs)}] "
