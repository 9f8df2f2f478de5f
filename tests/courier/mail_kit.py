"""A case that came by mail, what admins do about it, and the rows that go out by mail, brought one by one."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.courier.files import FileRows
from bot.courier.letters import LetterWriter, Stationery
from bot.courier.mail import MailCarrier, MailServer
from bot.courier.mail_rows import MailRows
from bot.desk.model import Source
from bot.timing import Timing
from storage import attachments, cases, correspondence, messages, outbox
from storage.cases import CaseThread, Customer
from storage.correspondence import CaseMail
from storage.engine import Database
from storage.messages import CHUNK_BYTES
from tests.casework.kit import NOON, StoppedClock, happen, rows
from tests.storage.kit import a_case
from tests.support.smtp import LOGIN, ScriptedSmtp

DANA = "dana@example.com"
CASE = "CASE_001"
ROOT = "1000.000001"
FIRST_ID = "<first@example.com>"
STATIONERY = Stationery(LOGIN[0], "Help Desk", "Desk Ltd\nwww.desk.example", "Received: {case_id}.", 25_000_000)
DELAY = 20.0


def insert_mail_case(connection: Connection, **changed: Any) -> int:
    """A customer has written a mail; the id of the message."""
    case = a_case(
        customer=DANA,
        source=Source.EMAIL,
        reply_to=None,
        message_count=1,
        unanswered=1,
        waiting_since=NOON,
        last_customer_at=NOON,
    )
    cases.add_customers(connection, [Customer(DANA, "Dana Doe", DANA)], NOON)
    cases.draw_numbers(connection, 1)
    cases.insert_cases(connection, [(1, case)])
    cases.set_current_cases(connection, {DANA: CASE})
    cases.change_counters(connection, cases.tally(case))
    cases.set_thread(connection, CASE, "CSUP", ROOT)
    assert cases.threads_of(connection, [CASE]) == {CASE: CaseThread("CSUP", ROOT)}
    return insert_mail(connection, **changed)


def insert_mail(
    connection: Connection,
    body: str = "Where is my order?\nIt is late.",
    subject: str = "Order 17",
    message_id: str = FIRST_ID,
    references: tuple[str, ...] = (),
    at: datetime = NOON,
) -> int:
    """The customer's mail and the message made of it."""
    message = {
        "case_id": CASE,
        "sender": DANA,
        "sender_name": "Dana Doe",
        "is_admin": False,
        "body": body,
        "timestamp": at,
        "source": "email",
        "channel": None,
        "ts": None,
        "thread_ts": None,
        "files": [],
        "delivery": None,
    }
    (id_,) = messages.insert_messages(connection, [message])
    correspondence.add_mail(
        connection, CaseMail(message_id, CASE, "customer", DANA, subject, at, id_, "Dana Doe", references)
    )
    return id_


@dataclass
class MailDesk:
    """One process of the courier, as far as mail goes. Its clock stands still until a test moves it."""

    database: Database
    smtp: ScriptedSmtp | None
    clock: StoppedClock = field(default_factory=StoppedClock)
    max_bytes: int = 25_000_000
    password: str = LOGIN[1]
    troubles: list[str] = field(default_factory=list)
    rows: MailRows = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        files = FileRows(self.database, None, None, None, None, self.clock, 25_000_000)  # type: ignore[arg-type]
        timing = Timing(retry_after=60, settle_after=3, mail_login_pause=300)
        self.rows = MailRows(
            self.database,
            LetterWriter(STATIONERY if self.smtp else replace(STATIONERY, sender="")),
            self._carrier(),
            files,
            self.clock,
            "CALERT",
            answer_delay=DELAY,
            max_bytes=self.max_bytes,
            timing=timing,
        )
        self.rows.on_trouble = self.troubles.append

    def _carrier(self) -> MailCarrier | None:
        if self.smtp is None:
            return None

        async def ask() -> str:
            return self.password

        user = LOGIN[0] if self.smtp.needs_login else ""
        return MailCarrier(MailServer("127.0.0.1", self.smtp.port, "none", LOGIN[0], user, ask), 60_000)

    def move(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)

    async def bring(self) -> int:
        """Bring whatever is due now; how many times a row was taken up."""
        turns = 0
        while True:
            now = self.clock.now()
            turn = await self.database.read(partial(outbox.next_turn, destination=outbox.MAIL, now=now))
            if turn is None:
                return turns
            if turn.row is None:
                await self.database.write(partial(outbox.rest_lane, lane=turn.lane, now=now))
            else:
                turns += 1
                assert turns < 50, "a row is taken up again and again"
                await self.rows.deliver(turn.row)

    async def happen(self, *events: Any) -> None:
        await happen(self.database, *events, now=self.clock.now())

    async def states(self, kind: str = "answer") -> list[str]:
        """How the rows of a kind stand, in their order."""
        return [
            row[0]
            for row in await rows(
                self.database,
                "SELECT state FROM outbox WHERE destination = 'mail' AND kind = :kind ORDER BY id",
                kind=kind,
            )
        ]

    async def deliveries(self) -> list[tuple[str, str | None]]:
        statement = "SELECT delivery, delivery_error FROM messages WHERE is_admin ORDER BY id"
        return [(row[0], row[1]) for row in await rows(self.database, statement)]

    async def marks(self) -> list[str]:
        found = await rows(self.database, "SELECT payload FROM desired WHERE kind = 'mark' ORDER BY target")
        return [_json(row[0])["state"] for row in found]

    async def notices(self) -> list[str]:
        statement = "SELECT payload FROM outbox WHERE kind = 'thread_notice' ORDER BY id"
        return [_json(row[0])["notice"] for row in await rows(self.database, statement)]

    async def keep_file(self, message_id: int, data: bytes) -> None:
        """The bytes of a message's first file without any are here, as if fetched from Slack."""

        def work(connection: Connection) -> None:
            file = next(one for one in attachments.files_of(connection, message_id) if one.kept_at is None)
            for number, start in enumerate(range(0, len(data), CHUNK_BYTES)):
                attachments.add_chunk(connection, file.id, number, data[start : start + CHUNK_BYTES])
            assert attachments.keep(connection, file.id, len(data), NOON)

        await self.database.write(work)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def slack_file(name: str, size: int) -> dict[str, Any]:
    return {
        "id": f"F{name}",
        "name": name,
        "mimetype": "application/pdf",
        "size": size,
        "mode": "hosted",
        "url_private_download": f"https://files.slack.com/{name}",
    }
