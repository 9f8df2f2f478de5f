"""Mails without a mailbox: what parsing would say of each is given, and everything behind it is real."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.casework.batch import apply_items
from bot.casework.batch_state import Desk
from bot.casework.intake import ItemKind, Request, Verb, request_item
from bot.casework.mail_prepare import Mail
from bot.casework.prepare import prepare
from bot.casework.taking import take_unheld
from bot.desk.policy import AdminCheck, MailPolicy, Policy
from bot.mail.parsed import Address, Bounce, Machine, ParsedMail, Verdict
from storage import correspondence, held_mails, inbox, mailboxes
from storage.correspondence import CaseMail
from storage.engine import Database
from storage.inbox import About, Item, NewItem
from tests.casework.kit import ADA, CHANNELS, NOON, KnownPeople, after, settle_cards

BOX = "support@example.com/INBOX"
US = "support@example.com"
DANA = "dana@customers.example"
OMAR = "omar@elsewhere.example"
GRACE = "grace@example.com"
MAIL_POLICY = MailPolicy(admins=frozenset({GRACE}), admin_check=AdminCheck.DMARC, own=frozenset({US}))
DESK = Desk(Policy(mail=MAIL_POLICY), CHANNELS)

_numbers = count(1)


def desk_with(**changed: Any) -> Desk:
    return Desk(Policy(mail=replace(MAIL_POLICY, **changed)), CHANNELS)


def mail(words: str = "Where is my order?", sender: str | None = DANA, **changed: Any) -> ParsedMail:
    """A person's mail to us, from a sender of whom the server says nothing."""
    name = changed.pop("name", "Dana Lee" if sender == DANA else "")
    given: dict[str, Any] = {
        "message_id": f"<mail-{next(_numbers)}@customers.example>",
        "sender": Address(sender, name) if sender is not None else None,
        "from_shown": f"{name} <{sender}>" if sender is not None else "two@a.example, three@b.example",
        "recipients": (Address(US),),
        "subject": "My order",
        "new_words": words,
        "text": words,
        "verdict": Verdict.NONE,
    }
    return ParsedMail(**(given | changed))


def by_admin(words: str, **changed: Any) -> ParsedMail:
    """A proven mail of Grace's."""
    given: dict[str, Any] = {"name": "Grace Admin", "subject": "Re: My order", "verdict": Verdict.PASSED}
    return mail(words, GRACE, **(given | changed))


def bounce_of(message_id: str, **changed: Any) -> ParsedMail:
    told = Bounce((message_id,), (DANA,), "5.1.1", "550 no such user", is_delay=changed.pop("is_delay", False))
    return mail("Undeliverable", "mailer-daemon@mx.example", machine=Machine.BOUNCE, bounce=told, **changed)


class KnownMails:
    """Says of each mail what the test wants parsing to have said."""

    def __init__(self) -> None:
        self.by_number: dict[int, Mail] = {}
        self.held: dict[int, int] = {}

    async def read(self, mail_id: int) -> Mail:
        return self.by_number[mail_id]

    async def read_held(self, held_id: int) -> Mail | None:
        return self.by_number.get(self.held.get(held_id, 0))


MAILS = KnownMails()


def put_mail(connection: Connection, parsed: ParsedMail, at: datetime, *, is_backfilled: bool = False) -> int:
    """Keep a mail and its item as the mailbox task does; the mail's number."""
    mailboxes.install(connection, BOX, 1, 0, NOON)
    statement = (
        "INSERT INTO mails (mailbox, fingerprint, message_id, internaldate, size, is_cut, is_backfilled,"
        " received_at, raw) VALUES (:box, :print, :id, :at, 1, :no, :old, :at, :raw) RETURNING id"
    )
    fingerprint = f"print-{next(_numbers)}"
    moment = sa.bindparam("at", at, type_=held_mails.held_mails.c.at.type)
    mail_id = connection.execute(
        sa.text(statement).bindparams(moment),
        {
            "box": BOX,
            "print": fingerprint,
            "id": parsed.message_id,
            "no": False,
            "old": is_backfilled,
            "raw": b"raw",
        },
    ).scalar_one()
    MAILS.by_number[mail_id] = Mail(at, mail_id, parsed, is_backfilled)
    about = About(customer=parsed.sender.address) if parsed.sender is not None else About(person=fingerprint)
    raw = f'{{"mail_id": {mail_id}}}'.encode()
    inbox.put(connection, NewItem(f"mail:{BOX}:{fingerprint}", ItemKind.MAIL, about, at, raw), NOON)
    return int(mail_id)


def prepared(item: Item) -> Any:
    running = prepare(item, KnownPeople(), MAILS)  # type: ignore[arg-type]
    try:
        running.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("preparing waited for something")


def decide_all(connection: Connection, now: datetime, desk: Desk) -> None:
    for _ in range(100):
        items = take_unheld(connection, now)[0]
        if not items:
            return
        apply_items(connection, [(item, prepared(item)) for item in items], {}, desk, now)


async def arrive(
    database: Database,
    *mails: ParsedMail,
    seconds: float = 0,
    desk: Desk = DESK,
    is_backfilled: bool = False,
    now: datetime | None = None,
) -> None:
    """Mails arrive one second after another, and are decided together."""

    def work(connection: Connection) -> None:
        for number, parsed in enumerate(mails):
            put_mail(connection, parsed, after(seconds + number), is_backfilled=is_backfilled)
        moment = now or after(seconds + len(mails))
        decide_all(connection, moment, desk)
        decide_all(connection, moment + timedelta(seconds=3), desk)  # what waited for another of this round

    await database.write(work)


async def ask(
    database: Database, verb: Verb, target: int | str, user: str = ADA, seconds: float = 60, desk: Desk = DESK
) -> dict[str, Any]:
    """An admin clicks or types; what came of it."""
    key = f"request:{verb}-{target}-{user}-{seconds}"

    def work(connection: Connection) -> dict[str, Any]:
        for held_id, mail_id in connection.execute(sa.text("SELECT id, mail_id FROM held_mails")):
            MAILS.held[held_id] = mail_id
        request = request_item(Request(verb, user, str(target)), key.removeprefix("request:"), after(seconds))
        inbox.put(connection, request, after(seconds))
        decide_all(connection, after(seconds), desk)
        found = inbox.outcome(connection, key)
        assert found is not None
        assert found[1] is not None
        return found[1]

    return await database.write(work)


async def sent_answer(database: Database, case_id: str = "CASE_001", message: int | None = None) -> str:
    """An answer (or, without a message, a notice) has gone out; its Message-ID."""
    message_id = f"<{case_id.lower()}-{next(_numbers)}-proof@example.com>"
    out = CaseMail(
        message_id,
        case_id,
        "answer" if message is not None else "notice",
        DANA,
        "Re: My order",
        NOON,
        message,
    )
    await database.write(lambda connection: correspondence.add_mail(connection, out))
    return message_id


async def with_card(database: Database) -> None:
    await database.write(settle_cards)


async def held(database: Database) -> list[Any]:
    def work(connection: Connection) -> list[Any]:
        ids = connection.execute(sa.text("SELECT id FROM held_mails ORDER BY id")).scalars().all()
        return [held_mails.find(connection, one) for one in ids]

    return await database.read(work)


def texts(rows: Iterable[Any]) -> str:
    return " ".join(str(row) for row in rows)
