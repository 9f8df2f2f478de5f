"""The app, its listeners and casework as they are, handed envelopes as the socket would, in the test's process."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
import structlog
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.casework import worker
from bot.casework.batch_state import Desk
from bot.casework.enquiries import Enquiries
from bot.casework.filing_rows import Channels
from bot.casework.worker import Casework
from bot.channels import DeskChannels
from bot.clock import Clock
from bot.courier.pacing import Pacing
from bot.courier.slack import SlackGateway
from bot.envelopes import EnvelopeHandler
from bot.home import Homes
from bot.leases import Leases
from bot.listeners import register_listeners
from bot.listeners.deps import Deps
from bot.listeners.events.keeping import keep_unreadable
from bot.people import AdminLists, People
from bot.sandbox.people import ADA, ALERTS, BOT_ID, BOT_USER, DANA, LOG, OMAR, SUPPORT, TEAM_ID
from bot.sandbox.server import LocalSlack
from bot.slack_clients import bolt_app, web_clients
from bot.startup import Workspace
from bot.views import Views
from storage import cases
from storage.engine import Database, open_database
from tests.casework.kit import faults
from tests.support.desk import settings_for
from tests.support.process import eventually

from .payloads import MALLORY, THREADS, command


@dataclass
class Socket:
    """What is sent back over the connection."""

    sent: list[SocketModeResponse] = field(default_factory=list)
    logger: logging.Logger = field(default_factory=lambda: logging.getLogger("tests.security.socket"))

    async def send_socket_mode_response(self, response: SocketModeResponse) -> None:
        self.sent.append(response)


class FuzzedDesk:
    """Dana and Omar have a case each. Whatever is sent, theirs must stay as they are."""

    def __init__(self, handler: EnvelopeHandler, database: Database) -> None:
        self._handler = handler
        self._database = database

    async def send(self, kind: str, payload: dict[str, Any]) -> SocketModeResponse | None:
        """The acknowledgement of an envelope, None where it is refused. What escapes the app is raised here."""
        socket: Any = Socket()
        async with asyncio.timeout(10):
            await self._handler.handle(socket, SocketModeRequest(type=kind, envelope_id="e1", payload=payload))
        return socket.sent[0] if socket.sent else None

    async def command(self, text: str, user: str = MALLORY) -> SocketModeResponse | None:
        return await self.send("slash_commands", command(text, user))

    async def settle(self) -> None:
        """Until all that came in is decided or quarantined."""
        await eventually(self._is_settled)

    async def _is_settled(self) -> bool:
        await self._database.write(_post_cards)
        return await self.column("SELECT count(*) FROM inbox WHERE state = 'waiting'") == [0]

    async def column(self, statement: str, **values: Any) -> list[Any]:
        return await self._database.read(lambda c: list(c.execute(sa.text(statement), values).scalars()))

    async def others(self) -> list[Any]:
        """What the desk holds of everybody but Mallory."""

        def work(connection: sa.Connection) -> list[Any]:
            found = connection.execute(
                sa.text(
                    "SELECT case_id, customer_identifier, status, message_count, escalated, last_message_at,"
                    " closed_at FROM cases WHERE customer_identifier <> :mallory ORDER BY case_id"
                ),
                {"mallory": MALLORY},
            ).all()
            written = connection.execute(
                sa.text(
                    "SELECT m.case_id, m.sender, m.is_admin, m.body, m.timestamp FROM messages m"
                    " JOIN cases c ON c.case_id = m.case_id WHERE c.customer_identifier <> :mallory ORDER BY m.id"
                ),
                {"mallory": MALLORY},
            ).all()
            people = connection.execute(sa.text("SELECT customer_identifier FROM customers ORDER BY 1")).all()
            return [*map(tuple, found), *map(tuple, written), *(row[0] for row in people if row[0] != MALLORY)]

        return await self._database.read(work)

    async def faults(self) -> list[str]:
        """What is wrong in the database; and what was put aside with nobody told, or told without being there."""
        told = await self._database.read(faults)
        aside = await self.column("SELECT 'quarantined:' || id FROM inbox WHERE state = 'quarantined'")
        alerts = await self.column("SELECT dedupe_key FROM outbox WHERE kind = 'quarantined'")
        return told + sorted(set(map(str, aside)) ^ set(map(str, alerts)))


@contextlib.asynccontextmanager
async def fuzzed_desk(database_url: str) -> AsyncIterator[FuzzedDesk]:
    database = open_database(database_url)
    async with LocalSlack() as slack, aiohttp.ClientSession() as session:
        slack.add_user(MALLORY, "mallory", "Mallory Moe")
        settings = settings_for(slack, database_url)
        reading, writing = web_clients(settings, session)
        channels, clock = Channels(SUPPORT, ALERTS, LOG), Clock()
        workspace = Workspace(TEAM_ID, "", BOT_USER, BOT_ID, channels, {}, ())
        people = People(reading, AdminLists(frozenset({ADA})), TEAM_ID, clock.monotonic)
        casework = Casework(database, people, Desk(settings.policy, channels), clock)
        gateway, pacing, views = SlackGateway(writing), Pacing(200, clock.monotonic), Views("")
        app = bolt_app(workspace, reading)
        deps = Deps(
            casework,
            Enquiries(database, views, settings.command),
            people,
            clock,
            settings.closure_phrase,
            DeskChannels(SUPPORT, ALERTS, LOG, {}, {}, database, clock),
            BOT_USER,
            settings.command,
            gateway,
            Homes(database, people, gateway, pacing, views, clock, Leases(database, "fuzz", clock.monotonic)),
        )
        register_listeners(app, deps)
        working = asyncio.create_task(casework.run())
        handler = EnvelopeHandler(app, slack.app_token, web_client=reading)
        handler.keep = partial(keep_unreadable, deps)
        desk = FuzzedDesk(handler, database)
        try:
            await _begin(desk)
            yield desk
        finally:
            casework.stop()
            await working
            await handler.client.close()
            await database.close()


async def _begin(desk: FuzzedDesk) -> None:
    for number, user in enumerate((DANA, OMAR), 1):
        event = {
            "type": "message",
            "channel": user.replace("U0", "D0", 1),
            "channel_type": "im",
            "user": user,
            "text": "Hello",
            "ts": f"100000000{number}.000000",
        }
        assert await desk.send("events_api", {"type": "event_callback", "event": event})
        await desk.settle()


def _post_cards(connection: sa.Connection) -> None:
    """Have the cards stand in the support channel: no courier posts them, and what is said there waits for them."""
    waiting = sa.text(
        "SELECT c.case_id, c.customer_identifier, o.id FROM outbox o JOIN cases c ON c.case_id = o.case_id"
        " WHERE o.kind = 'card' AND o.state = 'pending'"
    )
    for case_id, customer, row in connection.execute(waiting).all():
        cases.set_thread(connection, case_id, SUPPORT, THREADS.get(customer, f"1900000000.{row:06}"))
        connection.execute(sa.text("UPDATE outbox SET state = 'sent' WHERE id = :id"), {"id": row})


@contextlib.contextmanager
def quick_and_quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Waits in which a test can wait; tracebacks drawn for the terminal cost more than what is tested."""
    for name, seconds in {"BACKOFF_FIRST": 0.001, "BACKOFF_MOST": 0.002, "POLL": 0.05, "GATHER": 0.0}.items():
        monkeypatch.setattr(worker, name, seconds)
    with structlog.testing.capture_logs():
        yield
