"""One IMAP connection (RFC 3501, with IDLE, UIDPLUS, MOVE, UNSELECT, SASL-IR and XOAUTH2)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from functools import partial

from bot.sandbox.mail.accounts import Accounts, read_plain, read_xoauth2
from bot.sandbox.mail.faults import MailFaults
from bot.sandbox.mail.imap_selected import SelectedFolder, named, read_flags
from bot.sandbox.mail.imap_syntax import (
    BadCommand,
    Ended,
    Refused,
    Token,
    literal_size,
    quoted,
    read_moment,
    text,
    tokens,
)
from bot.sandbox.mail.store import SEEN, Folder, Mailbox, MailStore

LONGEST_LITERAL = 64 * 1024 * 1024
FLAGS = "\\Answered \\Flagged \\Deleted \\Seen \\Draft"

Done = str
"""The text of a tagged OK."""
Verb = Callable[[list[Token]], Awaitable[Done]]


MAIL_VERBS: dict[str, Callable[..., Done]] = {
    "SEARCH": SelectedFolder.search,
    "FETCH": SelectedFolder.fetch,
    "STORE": SelectedFolder.flag,
    "COPY": SelectedFolder.copy,
    "MOVE": SelectedFolder.move,
    "EXPUNGE": SelectedFolder.expunge,
}
"""What is done with mails; each also by UID."""


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
        self.selected: SelectedFolder | None = None
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
        self._in_folder: dict[str, Verb] = {
            "CHECK": self._noop,
            "CLOSE": self._close,
            "UNSELECT": self._unselect,
            "IDLE": self._idle,
        }

    @property
    def folder(self) -> Folder | None:
        """The folder that is selected."""
        return None if self.selected is None else self.selected.folder

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
        of_mails = name.removeprefix("UID ") in MAIL_VERBS
        known = of_mails or name in self._owner or name in self._in_folder
        if not known or (needed and needed not in self._capabilities):
            raise BadCommand("Unknown command")
        if self._mailbox is None:
            raise BadCommand("Log in first")
        if name in self._owner:
            return self._owner[name]
        self._chosen()
        return partial(self._on_mails, name=name) if of_mails else self._in_folder[name]

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

    async def _select(self, given: list[Token], *, writable: bool) -> Done:
        if not given:
            raise BadCommand("SELECT takes a folder")
        self.selected = None
        folder = named(self._own(), given[0])
        self.selected = SelectedFolder(folder, self._say, writable=writable)
        self._say(f"* FLAGS ({FLAGS})")
        self._say(f"* OK [PERMANENTFLAGS ({FLAGS} \\*)] Flags are kept")
        self._say(f"* {self.selected.total} EXISTS")
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
        folder = named(self._own(), given[0])
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
        folder = named(self._own(), given[0], "[TRYCREATE]")
        flags = next((read_flags(token) for token in given[1:-1] if isinstance(token, list)), set())
        dates = [token for token in given[1:-1] if isinstance(token, str)]
        mail = folder.append(given[-1], read_moment(dates[0]) if dates else None, flags)
        return f"[APPENDUID {folder.uidvalidity} {mail.uid}] Kept"

    # with a folder

    def _chosen(self) -> SelectedFolder:
        if self.selected is None:
            raise BadCommand("Select a folder first")
        return self.selected

    async def _on_mails(self, given: list[Token], *, name: str) -> Done:
        by_uid, verb = name.startswith("UID "), MAIL_VERBS[name.removeprefix("UID ")]
        return verb(self._chosen(), given, by_uid=by_uid)

    async def _close(self, given: list[Token]) -> Done:
        self._chosen().close()
        return await self._unselect(given)

    async def _unselect(self, given: list[Token]) -> Done:
        self.selected = None
        return "Closed"

    # telling of changes

    async def _push(self, name: str) -> None:
        """What else has changed, where RFC 3501 (section 7.4.1) lets it be said."""
        silent = name == "IDLE" and self._faults.pushes_withheld
        if self.selected is not None and not silent and name not in ("FETCH", "STORE", "SEARCH"):
            self.selected.catch_up()

    async def _idle(self, given: list[Token]) -> Done:
        """Tell of changes until the client says DONE."""
        self._say("+ idling")
        done = asyncio.ensure_future(self._reader.readuntil(b"\n"))
        try:
            while True:
                if not self._faults.pushes_withheld:
                    self._chosen().catch_up()
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
        return not self._faults.pushes_withheld and self._chosen().has_changed
