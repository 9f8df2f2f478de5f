"""The mail provider as a whole: one store, an IMAP and an SMTP server, and the verbs to move them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from types import TracebackType
from typing import Any, Self

from bot.sandbox.bell import Bell
from bot.sandbox.errors import WaitTimeout
from bot.sandbox.mail import composing, reading
from bot.sandbox.mail.accounts import Accounts
from bot.sandbox.mail.composing import FileSpec, address_of
from bot.sandbox.mail.faults import MailFaults
from bot.sandbox.mail.imap_server import ImapServer
from bot.sandbox.mail.listener import HOST
from bot.sandbox.mail.receiving import AUTHSERV_ID, DOMAIN, Authentication, from_domain, received
from bot.sandbox.mail.smtp_server import SmtpServer
from bot.sandbox.mail.store import INBOX, SEEN, SENT, Mail, Mailbox, MailStore
from bot.sandbox.mail.threads import Threads

DESK = f"support@{DOMAIN}"

Note = Callable[..., object]
"""Called with what happened and its detail, for a record of it."""


class MailServer:
    """A mail provider on loopback for tests and demos; use it as an async context manager.

    It is the provider of every address. What people do needs no server to be up: `write`, `receive` and `deliver`
    put mails into mailboxes by themselves.
    """

    def __init__(
        self,
        *,
        desk: str = DESK,
        bell: Bell | None = None,
        now: Callable[[], float] = time.time,
        note: Note | None = None,
    ) -> None:
        self.desk = desk
        self.bell = bell or Bell()
        self.store = MailStore(self.bell, now)
        self.threads = Threads()
        self.faults = MailFaults()
        self.accounts = Accounts(self.faults)
        self.imap = ImapServer(self.store, self.accounts, self.faults)
        self.smtp = SmtpServer(self.accounts, self.faults, self._handed)
        self.note = note or (lambda what, **detail: None)
        self.store.mailbox(desk)

    # life

    async def start(self) -> Self:
        """Listen on loopback."""
        await self.imap.start()
        await self.smtp.start()
        return self

    async def stop(self) -> None:
        """Cut every connection and stop listening."""
        await self.imap.stop()
        await self.smtp.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a bot at the desk's mailbox needs in its environment."""
        return self.environment_of(self.desk)

    def environment_of(self, address: str) -> dict[str, str]:
        """What a bot at another mailbox needs, for example a second desk."""
        return {
            "IMAP_SERVER": HOST,
            "IMAP_PORT": str(self.imap.port),
            "IMAP_EMAIL": address,
            "IMAP_PASSWORD": self.accounts.password,
            "IMAP_SECURITY": "none",
            "SMTP_SERVER": HOST,
            "SMTP_PORT": str(self.smtp.port),
            "SMTP_USER": address,
            "SMTP_PASSWORD": self.accounts.password,
            "SMTP_SECURITY": "none",
            "EMAIL_FROM": address,
            "EMAIL_AUTHSERV_ID": AUTHSERV_ID,
        }

    # mails

    def mailbox(self, address: str) -> Mailbox:
        """The mailbox of an address: `inbox` and `sent` are its mails, oldest first."""
        return self.store.mailbox(address)

    def deliver(
        self,
        raw: bytes,
        *,
        to: str | None = None,
        internaldate: datetime | None = None,
        flags: Iterable[str] = (),
        folder: str = INBOX,
    ) -> Mail:
        """Put a mail into a mailbox exactly as it is; the desk's by default."""
        return self.mailbox(to or self.desk).folder(folder).append(raw, internaldate, flags)

    def receive(
        self,
        raw: bytes,
        *,
        to: str | None = None,
        return_path: str = "",
        authentication: Authentication = "pass",
        internaldate: datetime | None = None,
    ) -> Mail | None:
        """Receive a mail as a provider does: it adds its own headers, and bouncing and absent people react.

        None where the address bounces.
        """
        recipient = (to or self.desk).strip().lower()
        at = internaldate or self._now()
        if said := self.faults.bouncing.get(recipient):
            self.note("mail_bounced", to=recipient, return_path=return_path, said=said)
            if return_path:
                report = composing.bounce(
                    raw, return_path=return_path, recipient=recipient, said=said, at=self._now()
                )
                self.receive(report, to=return_path)
            return None
        lying = received(raw, return_path=return_path, recipient=recipient, authentication=authentication, at=at)
        mail = self.mailbox(recipient).folder(INBOX).append(lying, at, return_path=return_path)
        self.note(
            "mail_received",
            to=recipient,
            return_path=return_path,
            number=mail.number,
            authentication=authentication,
            subject=composing.subject_of(raw),
        )
        text = self.faults.out_of_office.get(recipient)
        if text is not None and return_path:
            reply = composing.out_of_office(raw, owner=recipient, to=return_path, text=text, at=self._now())
            self.receive(reply, to=return_path)
        return mail

    def write(
        self,
        sender: str,
        subject: str | None = None,
        text: str = "",
        *,
        to: str | None = None,
        cc: str = "",
        name: str = "",
        html: str | None = None,
        files: Iterable[FileSpec] = (),
        reply_to_mail: Mail | None = None,
        authentication: Authentication = "pass",
        headers: Mapping[str, str] | None = None,
        internaldate: datetime | None = None,
    ) -> Mail | None:
        """A person writes a mail, by default to the desk; it is received at once, by who is in Cc too.

        `sender` may be `Dana Lee <dana@customer.example>`. `reply_to_mail` is the mail it answers: subject and
        references follow from it. Returns the mail as the first recipient has it, None where that one bounces.
        """
        answered = None if reply_to_mail is None else reply_to_mail.raw
        if subject is None:
            subject = "" if answered is None else composing.reply_subject(answered)
        recipients = [*(to or self.desk).split(","), *(cc.split(",") if cc else ())]
        at = internaldate or self._now()
        raw = composing.written(
            sender=composing.named(name, sender),
            to=to or self.desk,
            cc=cc,
            subject=subject,
            text=text,
            html=html,
            files=files,
            answered=answered,
            headers=headers,
            at=at,
        )
        author = address_of(sender)
        shown = name or parseaddr(sender)[0]
        self.note("mail_written", sender=author, name=shown, to=to or self.desk, subject=subject, text=text)
        self.mailbox(author).folder(SENT).append(raw, at, {SEEN})
        received_mails = [
            self.receive(
                raw,
                to=address_of(recipient),
                return_path=author,
                authentication=authentication,
                internaldate=internaldate,
            )
            for recipient in dict.fromkeys(recipients)
        ]
        return received_mails[0]

    async def wait_for_mail(
        self,
        address: str,
        predicate: Callable[[Mail], Any] = lambda mail: True,
        *,
        timeout: float = 10,  # noqa: ASYNC109
    ) -> Mail:
        """The first mail in that INBOX for which the predicate holds. Raises WaitTimeout."""
        box = self.mailbox(address)
        try:
            async with asyncio.timeout(timeout):
                return await self.bell.until(lambda: next((mail for mail in box.inbox if predicate(mail)), None))
        except TimeoutError:
            seen = [composing.subject_of(mail.raw) for mail in box.inbox]
            raise WaitTimeout(f"no such mail to {address} within {timeout:g} s, but {seen}") from None

    # going wrong

    async def away(self) -> None:
        """Both servers are away: every connection is cut, none is accepted."""
        await self.stop()
        self.note("mail_outage", on=True)

    async def back(self) -> None:
        """Both listen, on the same ports as before."""
        if self.is_away:
            self.note("mail_outage", on=False)
        await self.start()

    @property
    def is_away(self) -> bool:
        """Whether neither listens."""
        return not (self.imap.listening or self.smtp.listening)

    def stall(self, on: bool = True) -> None:
        """The network is half-open: connections stand, nothing passes in either direction. Or it passes again."""
        if on:
            self.faults.gate.close()
        else:
            self.faults.gate.open()

    async def drop(self) -> None:
        """Cut every connection; new ones are accepted."""
        await self.imap.drop()
        await self.smtp.drop()

    async def renumber(self, address: str | None = None, folder: str = INBOX) -> None:
        """Change the UIDVALIDITY of a folder; who has it selected is cut off."""
        place = self.mailbox(address or self.desk).folder(folder)
        place.renumber()
        await self.imap.drop(place)

    def refuse_logins(self, on: bool = True) -> None:
        """No login is right any more. Or they are again."""
        self.faults.logins_refused = on

    def make_bounce(self, address: str, said: str | None = "550 5.1.1 No such user here") -> None:
        """Mail to the address bounces from now on; None makes an end of it."""
        _set(self.faults.bouncing, address, said)

    def make_absent(self, address: str, text: str | None = "I am out of the office.") -> None:
        """Each mail to the address is answered automatically from now on; None makes an end of it."""
        _set(self.faults.out_of_office, address, text)

    # inside

    def _handed(self, raw: bytes, return_path: str, recipients: list[str], user: str | None) -> None:
        """What came by SMTP: DMARC passes for who is logged in under the domain that From shows."""
        domain = from_domain(raw)
        authentication: Authentication = "none"
        if user is not None:
            authentication = "pass" if address_of(user).endswith(f"@{domain}") else "fail"
        subject, text = composing.subject_of(raw), reading.words(raw)
        self.note("mail_sent", return_path=return_path, to=recipients, user=user, subject=subject, text=text)
        for recipient in dict.fromkeys(address.lower() for address in recipients):
            self.receive(raw, to=recipient, return_path=return_path.lower(), authentication=authentication)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.store.now(), UTC)


def _set(words: dict[str, str], address: str, value: str | None) -> None:
    if value is None:
        words.pop(address.lower(), None)
    else:
        words[address.lower()] = value
