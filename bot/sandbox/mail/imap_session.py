"""One IMAP connection (RFC 3501, with IDLE, UIDPLUS, MOVE, UNSELECT, SASL-IR and XOAUTH2)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

from bot.sandbox.mail import imap_fetch
from bot.sandbox.mail.accounts import Accounts, read_plain, read_xoauth2
from bot.sandbox.mail.faults import MailFaults
from bot.sandbox.mail.imap_search import Search
from bot.sandbox.mail.imap_syntax import (
    BadCommand,
    Token,
    literal_size,
    number_set,
    quoted,
    read_moment,
    text,
    tokens,
)
from bot.sandbox.mail.store import DELETED, SEEN, Folder, Mail, Mailbox, MailStore

LONGEST_LITERAL = 64 * 1024 * 1024
FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"

Done = str
"""The text of a tagged OK."""
Verb = Callable[[list[Token]], Awaitable[Done]]


class Refused(Exception):
    """A tagged NO."""


class Ended(Exception):
    """The connection is over."""


class ImapSession:
    """Reads commands and answers them until the client goes, or a fault ends it."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        store: MailStore,
        accounts: Accounts,
        faults: MailFaults,
        capabilities: set[str],
    ) -> None:
        self._reader, self._writer = reader, writer
        self._store, self._accounts, self._faults = store, accounts, faults
        self._capabilities = capabilities
        self._out: list[bytes] = []
        self._mailbox: Mailbox | None = None
        self.folder: Folder | None = None
        self._writable = False
        self._uidvalidity = 0
        self._told: list[int] = []
        self._told_flags: dict[int, set[str]] = {}
        self._version = 0
        self._anyone: dict[str, Verb] = {
            "CAPABILITY": self._capability,
            "NOOP": self._noop,
            "LOGOUT": self._logout,
            "ID": self._id,
            "LOGIN": self._login,
            "AUTHENTICATE": self._authenticate,
        }
        self._owner: dict[str, Verb] = {
            "SELECT": partial(self._select, writable=True),
            "EXAMINE": partial(self._select, writable=False),
            "LIST": partial(self._list, name="LIST"),
            "LSUB": partial(self._list, name="LSUB"),
            "SUBSCRIBE": self._nothing,
            "UNSUBSCRIBE": self._nothing,
            "CREATE": self._create,
            "STATUS": self._status,
            "APPEND": self._append,
        }
        self._selected: dict[str, Verb] = {
            "CHECK": self._noop,
            "CLOSE": self._close,
            "UNSELECT": self._unselect,
            "EXPUNGE": self._expunge,
            "IDLE": self._idle,
            "UID EXPUNGE": self._expunge,
        }
        for name, verb in (
            ("SEARCH", self._search),
            ("FETCH", self._fetch),
            ("STORE", self._flag),
            ("COPY", self._copy),
            ("MOVE", self._move),
        ):
            self._selected[name] = partial(verb, by_uid=False)
            self._selected[f"UID {name}"] = partial(verb, by_uid=True)

    async def run(self) -> None:
        """Until the end."""
        try:
            if self._faults.take("imap", "CONNECT"):
                raise Ended
            self._say(f"* OK [CAPABILITY {self._capability_words()}] Casewire sandbox ready")
            await self._flush()
            while True:
                await self._command()
        except (Ended, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.cut()

    def cut(self) -> None:
        """Drop the connection at once."""
        self._writer.transport.abort()

    # commands

    async def _command(self) -> None:
        tag, name = "*", ""
        try:
            pieces = await self._read()
            await self._faults.gate.passed()
            tag = str(pieces[0]).partition(" ")[0] or "*"
            parts = tokens(pieces)
            if len(parts) < 2:
                raise BadCommand("A command is missing")
            name = text(parts[1]).upper()
            given = parts[2:]
            if name == "UID" and given:
                name, given = f"UID {text(given[0]).upper()}", given[1:]
            fault = self._faults.take("imap", name)
            await self._fail_before(fault)
            done = await self._verb(name)(given)
            await self._push(name)
            if fault == "lost_answer":
                raise Ended
            self._say(f"{tag} OK {done}")
        except Refused as refused:
            self._say(f"{tag} NO {refused}")
        except BadCommand as bad:
            self._say(f"{tag} BAD {bad}")
        await self._flush()
        if name == "LOGOUT":
            raise Ended

    async def _fail_before(self, fault: str | None) -> None:
        match fault:
            case "no":
                raise Refused("[UNAVAILABLE] Refused on purpose")
            case "bad":
                raise BadCommand("Refused on purpose")
            case "bye":
                self._say("* BYE Closed on purpose")
                await self._flush()
                raise Ended
            case "drop":
                raise Ended
            case _:
                pass

    def _verb(self, name: str) -> Verb:
        if name in self._anyone:
            return self._anyone[name]
        needed = {"IDLE": "IDLE", "MOVE": "MOVE", "UID MOVE": "MOVE", "UID EXPUNGE": "UIDPLUS"}.get(name)
        known = name in self._owner or name in self._selected
        if not known or (needed and needed not in self._capabilities):
            raise BadCommand("Unknown command")
        if self._mailbox is None:
            raise BadCommand("Log in first")
        if name in self._owner:
            return self._owner[name]
        if self.folder is None:
            raise BadCommand("Select a folder first")
        return self._selected[name]

    async def _read(self) -> list[str | bytes]:
        """A command line as it came, with its literals."""
        pieces: list[str | bytes] = []
        while True:
            line = (await self._reader.readuntil(b"\n")).rstrip(b"\r\n")
            literal = literal_size(line)
            if literal is None:
                pieces.append(line.decode("utf-8", "replace"))
                return pieces
            size, waits = literal
            if size > LONGEST_LITERAL:
                raise Ended
            pieces.append(line[: line.rindex(b"{")].decode("utf-8", "replace"))
            if waits:
                self._say("+ Go on")
                await self._flush()
            pieces.append(await self._reader.readexactly(size))

    def _say(self, line: str | bytes) -> None:
        self._out.append((line.encode() if isinstance(line, str) else line) + b"\r\n")

    async def _flush(self) -> None:
        await self._faults.gate.passed()
        out, self._out = self._out, []
        self._writer.write(b"".join(out))
        await self._writer.drain()

    # for anybody

    def _capability_words(self) -> str:
        return " ".join(["IMAP4rev1", *sorted(self._capabilities), "AUTH=PLAIN", "AUTH=XOAUTH2"])

    async def _capability(self, given: list[Token]) -> Done:
        self._say(f"* CAPABILITY {self._capability_words()}")
        return "Capabilities told"

    async def _noop(self, given: list[Token]) -> Done:
        return "Nothing done"

    async def _nothing(self, given: list[Token]) -> Done:
        return "Every folder is subscribed to"

    async def _id(self, given: list[Token]) -> Done:
        self._say('* ID ("name" "Casewire sandbox")')
        return "Told"

    async def _logout(self, given: list[Token]) -> Done:
        self._say("* BYE Until next time")
        return "Logged out"

    async def _login(self, given: list[Token]) -> Done:
        if len(given) != 2:
            raise BadCommand("LOGIN takes a user and a password")
        user, password = text(given[0]), text(given[1])
        return self._opened(user, self._accounts.by_password(user, password))

    async def _authenticate(self, given: list[Token]) -> Done:
        mechanism = text(given[0]).upper() if given else ""
        if mechanism not in ("PLAIN", "XOAUTH2"):
            raise Refused("[CANNOT] Unknown mechanism")
        response = text(given[1]) if len(given) > 1 else await self._asked("")
        try:
            user, secret = (read_plain if mechanism == "PLAIN" else read_xoauth2)(response)
        except ValueError as error:
            raise BadCommand(str(error)) from None
        if mechanism == "PLAIN":
            return self._opened(user, self._accounts.by_password(user, secret))
        right = self._accounts.by_token(user, secret)
        if not right:  # the client answers this with an empty line, and is then refused
            await self._asked(base64.b64encode(b'{"status":"400","schemes":"bearer"}').decode())
        return self._opened(user, right)

    async def _asked(self, question: str) -> str:
        self._say(f"+ {question}")
        await self._flush()
        answer = (await self._reader.readuntil(b"\n")).strip().decode("ascii", "replace")
        if answer == "*":
            raise BadCommand("Given up")
        return answer

    def _opened(self, user: str, right: bool) -> Done:
        if not right:
            raise Refused("[AUTHENTICATIONFAILED] Invalid credentials")
        self._mailbox = self._store.mailbox(user)
        return f"[CAPABILITY {self._capability_words()}] Logged in"

    # for the mailbox's owner

    def _own(self) -> Mailbox:
        if self._mailbox is None:
            raise BadCommand("Log in first")
        return self._mailbox

    def _folder_named(self, token: Token, code: str = "[NONEXISTENT]") -> Folder:
        folder = self._own().find(text(token))
        if folder is None:
            raise Refused(f"{code} No such folder")
        return folder

    async def _select(self, given: list[Token], *, writable: bool) -> Done:
        if not given:
            raise BadCommand("SELECT takes a folder")
        self.folder = None
        folder = self._folder_named(given[0])
        self.folder, self._writable, self._uidvalidity = folder, writable, folder.uidvalidity
        self._told = [mail.uid for mail in folder.mails]
        self._told_flags = {mail.uid: set(mail.flags) for mail in folder.mails}
        self._version = folder.version
        self._say(f"* FLAGS ({FLAGS})")
        self._say(f"* OK [PERMANENTFLAGS ({FLAGS} \\*)] Flags are kept")
        self._say(f"* {len(self._told)} EXISTS")
        self._say("* 0 RECENT")
        self._say(f"* OK [UIDVALIDITY {folder.uidvalidity}] UIDs are valid")
        self._say(f"* OK [UIDNEXT {folder.uidnext}] The next UID")
        return f"[{'READ-WRITE' if writable else 'READ-ONLY'}] Selected"

    async def _list(self, given: list[Token], *, name: str) -> Done:
        if len(given) < 2:
            raise BadCommand(f"{name} takes a reference and a pattern")
        pattern = text(given[1])
        if not pattern:
            self._say(f'* {name} (\\Noselect) "/" ""')
        for folder in self._own().folders:
            if pattern in ("*", "%") or pattern.upper() == folder.upper():
                self._say(f'* {name} (\\HasNoChildren) "/" {quoted(folder)}')
        return "Listed"

    async def _create(self, given: list[Token]) -> Done:
        name = text(given[0]) if given else ""
        if not name or self._own().find(name):
            raise Refused("[ALREADYEXISTS] There is such a folder")
        self._own().folder(name)
        return "Created"

    async def _status(self, given: list[Token]) -> Done:
        if len(given) != 2 or not isinstance(given[1], list):
            raise BadCommand("STATUS takes a folder and a list")
        folder = self._folder_named(given[0])
        numbers = {
            "MESSAGES": len(folder.mails),
            "RECENT": 0,
            "UIDNEXT": folder.uidnext,
            "UIDVALIDITY": folder.uidvalidity,
            "UNSEEN": sum(SEEN not in mail.flags for mail in folder.mails),
        }
        names = [text(name).upper() for name in given[1]]
        if not set(names) <= set(numbers):
            raise BadCommand("STATUS does not know that")
        told = " ".join(f"{name} {numbers[name]}" for name in names)
        self._say(f"* STATUS {quoted(folder.name)} ({told})")
        return "Told"

    async def _append(self, given: list[Token]) -> Done:
        if len(given) < 2 or not isinstance(given[-1], bytes):
            raise BadCommand("APPEND takes a folder and a literal")
        folder = self._folder_named(given[0], "[TRYCREATE]")
        flags = next((_flags(token) for token in given[1:-1] if isinstance(token, list)), set())
        dates = [token for token in given[1:-1] if isinstance(token, str)]
        mail = folder.append(given[-1], read_moment(dates[0]) if dates else None, flags)
        return f"[APPENDUID {folder.uidvalidity} {mail.uid}] Kept"

    # with a folder

    def _here(self) -> Folder:
        if self.folder is None:
            raise BadCommand("Select a folder first")
        if self.folder.uidvalidity != self._uidvalidity:
            raise Ended  # as Dovecot does
        return self.folder

    def _to_write(self) -> Folder:
        if not self._writable:
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

    async def _search(self, given: list[Token], *, by_uid: bool) -> Done:
        self._catch_up()  # what came since is found: the client looks because it was told, or in case it was not
        if given and given[0] == "CHARSET":
            if text(given[1]).upper() not in ("US-ASCII", "UTF-8"):
                raise Refused("[BADCHARSET (US-ASCII UTF-8)] Unknown charset")
            given = given[2:]
        fits = Search(given, self._told[-1] if self._told else 0, len(self._told)).read()
        found = [(seq, mail) for seq, mail in self._chosen("1:*", by_uid=False) if fits(mail, seq)]
        numbers = " ".join(str(mail.uid if by_uid else seq) for seq, mail in found)
        self._say(f"* SEARCH {numbers}".rstrip())
        return "Searched"

    async def _fetch(self, given: list[Token], *, by_uid: bool) -> Done:
        if len(given) != 2:
            raise BadCommand("FETCH takes a set and items")
        items = imap_fetch.wanted(given[1])
        for seq, mail in self._chosen(given[0], by_uid=by_uid):
            self._out.append(imap_fetch.given(mail, seq, items, by_uid=by_uid))
            if self._writable and imap_fetch.marks_as_seen(items):
                self._here().flag(mail, mail.flags | {SEEN})
        return "Fetched"

    async def _flag(self, given: list[Token], *, by_uid: bool) -> Done:
        if len(given) < 3:
            raise BadCommand("STORE takes a set, an item and flags")
        folder, item = self._to_write(), text(given[1]).upper()
        flags = _flags(given[2]) if isinstance(given[2], list) else _flags(given[2:])
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
                self._out.append(imap_fetch.given(mail, seq, ["FLAGS"], by_uid=by_uid))
        return "Stored"

    async def _copy(self, given: list[Token], *, by_uid: bool) -> Done:
        if len(given) != 2:
            raise BadCommand("COPY takes a set and a folder")
        to = self._folder_named(given[1], "[TRYCREATE]")
        pairs = [
            (mail.uid, to.append(mail.raw, mail.internaldate, mail.flags, mail.return_path).uid)
            for _, mail in self._chosen(given[0], by_uid=by_uid)
        ]
        return f"{_copied(to, pairs)}Copied"

    async def _move(self, given: list[Token], *, by_uid: bool) -> Done:
        if len(given) != 2:
            raise BadCommand("MOVE takes a set and a folder")
        folder, to = self._to_write(), self._folder_named(given[1], "[TRYCREATE]")
        pairs = folder.move({mail.uid for _, mail in self._chosen(given[0], by_uid=by_uid)}, to)
        if pairs:
            self._say(f"* OK {_copied(to, pairs)}Moved")
        self._catch_up()
        return "Moved"

    async def _expunge(self, given: list[Token]) -> Done:
        folder = self._to_write()
        mails = [mail for _, mail in self._chosen(given[0], by_uid=True)] if given else folder.mails
        folder.expunge({mail.uid for mail in mails if DELETED in mail.flags})
        self._catch_up()
        return "Expunged"

    async def _close(self, given: list[Token]) -> Done:
        if self._writable:
            folder = self._here()
            folder.expunge({mail.uid for mail in folder.mails if DELETED in mail.flags})
        return await self._unselect(given)

    async def _unselect(self, given: list[Token]) -> Done:
        self.folder = None
        return "Closed"

    # telling of changes

    async def _push(self, name: str) -> None:
        """What else has changed, where RFC 3501 (section 7.4.1) lets it be said."""
        silent = name == "IDLE" and self._faults.pushes_withheld
        if self.folder is not None and not silent and name not in ("FETCH", "STORE", "SEARCH"):
            self._catch_up()

    def _catch_up(self) -> None:
        folder = self._here()
        if folder.version == self._version:
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
                self._out.append(imap_fetch.given(present[uid], seq, ["FLAGS"], by_uid=True))
        if new:
            self._say(f"* {len(self._told)} EXISTS")
            self._say("* 0 RECENT")

    async def _idle(self, given: list[Token]) -> Done:
        """Tell of changes until the client says DONE."""
        self._say("+ idling")
        done = asyncio.ensure_future(self._reader.readuntil(b"\n"))
        try:
            while True:
                if not self._faults.pushes_withheld:
                    self._catch_up()
                await self._flush()
                rung = asyncio.ensure_future(self._store.bell.until(self._has_changed))
                try:
                    await asyncio.wait((done, rung), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    rung.cancel()
                if done.done():
                    await self._faults.gate.passed()
                    if done.result().strip().upper() != b"DONE":
                        raise BadCommand("IDLE ends with DONE")
                    return "Idled"
        finally:
            done.cancel()
            await asyncio.gather(done, return_exceptions=True)

    def _has_changed(self) -> bool:
        """Whether there is something to tell."""
        return (
            not self._faults.pushes_withheld and self.folder is not None and self.folder.version != self._version
        )


def _flags(given: Iterable[Token]) -> set[str]:
    flags = (text(flag) for flag in given)
    return {"\\" + flag[1:].capitalize() if flag.startswith("\\") else flag for flag in flags}


def _copied(to: Folder, pairs: list[tuple[int, int]]) -> str:
    if not pairs:
        return ""
    return f"[COPYUID {to.uidvalidity} {','.join(str(a) for a, _ in pairs)} {','.join(str(b) for _, b in pairs)}] "
