"""A whole desk with email: the bot as it is, on a local Slack with its mail server, over real IMAP and SMTP."""

import asyncio
import contextlib
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from email.message import EmailMessage
from typing import Any

from bot.sandbox.mail.server import MailServer
from bot.sandbox.mail.store import Mail
from bot.sandbox.people import SUPPORT
from bot.sandbox.server import LocalSlack
from tests.support.desk import Desk, settings_for

GRACE = "grace@casewire.example"
DANA = "dana@customers.example"
OMAR = "omar@elsewhere.example"
PATIENCE = 40.0


class MailDesk(Desk):
    """What a test looks at and moves, by mail too."""

    mail: MailServer

    @property
    def address(self) -> str:
        return self.settings.imap_email

    def inbox(self, address: str) -> list[Mail]:
        return self.mail.mailbox(address).inbox

    async def mails_to(self, address: str, count: int) -> list[Mail]:
        """That person's mails, once there are so many."""
        await self.until(lambda: len(self.inbox(address)) >= count, PATIENCE)
        return self.inbox(address)

    def posts(self, channel: str = SUPPORT) -> list[dict[str, Any]]:
        return self.slack.messages(channel)

    def replies(self) -> list[dict[str, Any]]:
        """All that stands in threads of the support channel."""
        return [reply for root in self.posts() for reply in self.slack.messages(SUPPORT, root["ts"])[1:]]

    async def mirrored(self, text: str) -> dict[str, Any]:
        """The reply in some thread that says so."""
        return await self.until(
            lambda: next((post for post in self.replies() if text in post["text"]), None), PATIENCE
        )

    async def shown(self, text: str, channel: str = SUPPORT) -> dict[str, Any]:
        """The post in the channel that says so."""
        return await self.until(
            lambda: next((post for post in self.posts(channel) if text in post["text"]), None), PATIENCE
        )

    async def decided(self, count: int) -> None:
        """So many mails have been decided, whatever became of them."""
        async with asyncio.timeout(PATIENCE):
            statement = "SELECT count(*) AS n FROM inbox WHERE kind = 'mail' AND state <> 'waiting'"
            while (await self.rows(statement))[0]["n"] < count:
                await asyncio.sleep(0.05)

    async def settled(self) -> None:
        """Nothing waits to be read, decided or sent."""
        waits = (
            "SELECT (SELECT count(*) FROM inbox WHERE state = 'waiting')"
            " + (SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending', 'uncertain')) AS n"
        )
        async with asyncio.timeout(PATIENCE):
            quiet = 0
            while quiet < 3:
                lying = len(self.inbox(self.address))
                read = (await self.rows("SELECT count(*) AS n FROM mails"))[0]["n"]
                is_quiet = (await self.rows(waits))[0]["n"] == 0 and read >= lying
                quiet = quiet + 1 if is_quiet else 0
                await asyncio.sleep(0.1)


def read(mail: Mail) -> EmailMessage:
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(mail: Mail) -> str:
    part = read(mail).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def is_about(subject: str) -> Callable[[Mail], bool]:
    return lambda mail: subject in str(read(mail)["Subject"])


def with_mail(mail: MailServer, address: str, **changed: Any) -> dict[str, Any]:
    given = {name.lower(): value for name, value in mail.environment_of(address).items()}
    given |= {"admin_emails": (GRACE,), "answer_delay": 0.2, "emails_per_minute": 6000, "email_poll_interval": 1}
    return given | changed


@contextlib.asynccontextmanager
async def running_mail_desk(database_url: str, **changed: Any) -> AsyncIterator[MailDesk]:
    """A local Slack with a mail server, and the bot on both."""
    async with LocalSlack(port=0, with_mail=True) as slack:
        assert slack.mail is not None
        async with desk_at(slack, slack.mail, slack.mail.desk, database_url, **changed) as desk:
            yield desk


@contextlib.asynccontextmanager
async def desk_at(
    slack: LocalSlack, mail: MailServer, address: str, database_url: str, **changed: Any
) -> AsyncIterator[MailDesk]:
    """The bot at one of the mail server's mailboxes; it reads what arrives from now on."""
    slack.retry_schedule = (0.05, 0.2, 0.5)
    desk = MailDesk(slack, settings_for(slack, database_url, **with_mail(mail, address, **changed)))
    desk.mail = mail
    try:
        await desk.start()
        async with asyncio.timeout(PATIENCE):
            while desk.bot is None or desk.bot.services.words()["email_listener"] != "connected":
                await asyncio.sleep(0.05)
        yield desk
    finally:
        await desk.close()
