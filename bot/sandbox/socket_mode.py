"""Socket Mode: tickets, connections, envelopes, acknowledgements and redelivery.

https://docs.slack.dev/apis/events-api/using-socket-mode and, for redelivery,
https://docs.slack.dev/apis/events-api/#retries.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aiohttp import WSMsgType, web

from bot.sandbox.model import Json
from bot.sandbox.people import APP_ID
from bot.sandbox.traffic import Direction

MAX_CONNECTIONS = 10
"""Slack allows ten concurrent connections per app."""

Note = Callable[[Direction, str, Json], object]


class Connection:
    """One open websocket of the app; frames leave it in the order they were put in."""

    def __init__(self, number: int, ws: web.WebSocketResponse, transport: asyncio.BaseTransport | None) -> None:
        self.number = number
        self.ws = ws
        self.draining = False
        self.gone = asyncio.Event()
        self._transport = transport
        self._frames: asyncio.Queue[str] = asyncio.Queue()

    def send(self, frame: Json) -> None:
        """Queue a frame."""
        self._frames.put_nowait(json.dumps(frame))

    async def write(self, ping_interval: float) -> None:
        """Send queued frames, and a ping whenever the line has been idle."""
        while True:
            try:
                async with asyncio.timeout(ping_interval):
                    frame = await self._frames.get()
            except TimeoutError:
                await self.ws.ping(b"Ping from applink-sandbox")
                continue
            await self.ws.send_str(frame)

    def cut(self) -> None:
        """Drop the TCP connection without a closing handshake."""
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()


@dataclass(frozen=True)
class Answer:
    """What the app said to a command or an interaction; `ok` is false when it said nothing in time."""

    ok: bool
    error: str | None = None
    payload: Json | None = None


@dataclass
class Delivery:
    """An event on its way to the app, over as many attempts as it takes."""

    payload: Json
    attempt: int = 0
    phase: Literal["sent", "nowhere", "resting"] = "resting"
    envelope_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    timer: asyncio.TimerHandle | None = None


class SocketHub:
    """Hands each envelope to exactly one open connection and remembers what is unacknowledged."""

    def __init__(self, note: Note, greeting: Callable[[], Json]) -> None:
        self.ack_deadline = 3.0
        self.retry_schedule: Sequence[float] = (0.0, 60.0, 300.0)
        self.delayed_events = False
        self.delayed_interval = 3600.0
        self.reuse_envelope_id = False
        self.acks_on_any_connection = True
        self.ticket_lifetime = 30.0
        self.ping_interval = 5.0
        self.enabled = True
        self.refusing = False
        self.acks_to_lose = 0
        self.lost: list[Json] = []
        self.connections: list[Connection] = []
        self._note = note
        self._greeting = greeting
        self._tickets: dict[str, float] = {}
        self._unacked: dict[str, tuple[Connection, Delivery | asyncio.Future[Json | None]]] = {}
        self._deliveries: dict[int, Delivery] = {}
        self._recent: deque[Json] = deque(maxlen=1000)
        self._held: list[Json] | None = None
        self._turn = 0
        self._opened = 0

    # connections

    def mint_ticket(self) -> str:
        """A ticket for one connection, valid for a short while."""
        ticket = secrets.token_urlsafe(16)
        self._tickets[ticket] = time.monotonic() + self.ticket_lifetime
        return ticket

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """The websocket endpoint."""
        expires = self._tickets.pop(request.query.get("ticket", ""), None)
        if self.refusing:
            return web.Response(status=503, text="upstream unavailable")
        if expires is None or expires < time.monotonic():
            self._note("from_bot", "socket_refused", {"reason": "ticket used, expired or unknown"})
            return web.Response(status=403, text="invalid or expired ticket")
        ws = web.WebSocketResponse(max_msg_size=0, timeout=0.5)
        await ws.prepare(request)
        if self.refusing:
            return ws
        if len(self.connections) >= MAX_CONNECTIONS:
            self._note("to_bot", "disconnect", {"reason": "too_many_websockets"})
            await ws.send_json(_disconnect_frame("too_many_websockets"))
            await ws.close()
            return ws
        self._opened += 1
        connection = Connection(self._opened, ws, request.transport)
        self.connections.append(connection)
        hello = {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": APP_ID},
            "debug_info": {
                "host": "applink-sandbox",
                "build_number": 1,
                "approximate_connection_time": 18060,
            },
        }
        connection.send(hello)
        connection.send(self._greeting())
        self._note("to_bot", "hello", {"connection": connection.number, **hello})
        writer = asyncio.create_task(connection.write(self.ping_interval))
        try:
            async for frame in ws:
                if frame.type is WSMsgType.TEXT:
                    self._read(connection, frame.data)
        except ConnectionResetError:
            pass  # cut while a ping of the app's was being answered
        finally:
            self.connections.remove(connection)
            connection.gone.set()
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            self._note("from_bot", "socket_closed", {"connection": connection.number})
        return ws

    def broadcast(self, frame: Json) -> None:
        """Send a frame that needs no acknowledgement to every connection."""
        for connection in self.connections:
            connection.send(frame)

    async def disconnect(self, reason: str, grace: float = 1.0) -> None:
        """Ask every connection to go, and close those that are still there after the grace."""
        leaving = list(self.connections)
        for connection in leaving:
            connection.draining = reason != "warning"
            connection.send(_disconnect_frame(reason))
            self._note("to_bot", "disconnect", {"reason": reason, "connection": connection.number})
        if reason == "link_disabled":
            self.enabled = False
        waits = [asyncio.create_task(connection.gone.wait()) for connection in leaving]
        if not waits:
            return
        try:
            await asyncio.wait(waits, timeout=grace)
        finally:
            for wait in waits:
                wait.cancel()
        await asyncio.gather(*(c.ws.close() for c in leaving if not c.gone.is_set()))

    async def drop(self) -> None:
        """Cut every TCP connection and wait until the sandbox has seen them go."""
        leaving = list(self.connections)
        for connection in leaving:
            connection.cut()
        for connection in leaving:
            await connection.gone.wait()

    def stop(self) -> None:
        """Forget what is under way and cut the connections."""
        self.refusing = True
        for delivery in self._deliveries.values():
            if delivery.timer:
                delivery.timer.cancel()
        self._deliveries.clear()
        for _, expecting in self._unacked.values():
            if isinstance(expecting, asyncio.Future) and not expecting.done():
                expecting.set_exception(ConnectionAbortedError("the sandbox has stopped"))
        self._unacked.clear()
        for connection in self.connections:
            connection.cut()

    # envelopes

    @property
    def undelivered(self) -> list[Json]:
        """The events that are not acknowledged yet and not given up."""
        return [delivery.payload for delivery in self._deliveries.values()]

    def publish(self, payload: Json) -> None:
        """Deliver an event, and again until it is acknowledged or the schedule is over."""
        if self._held is not None:
            self._held.append(payload)
            return
        self._recent.append(payload)
        delivery = Delivery(payload)
        self._deliveries[id(delivery)] = delivery
        self._attempt(delivery)

    def hold(self) -> None:
        """Keep events back until `release`."""
        self._held = [] if self._held is None else self._held

    def release(self, *, backwards: bool = False) -> None:
        """Deliver what was held, if wanted the newest first: Slack promises no order."""
        held, self._held = self._held or [], None
        for payload in reversed(held) if backwards else held:
            self.publish(payload)

    def deliver_again(self, event_id: str | None = None) -> None:
        """Deliver an event, or the newest one, once more as if for the first time.

        Such duplicates, acknowledged event and all, have been seen: slackapi/bolt-js#2487.
        """
        for payload in reversed(self._recent):
            if event_id in (None, payload["event_id"]):
                self.publish(payload)
                return
        raise LookupError(f"no recent event {event_id or ''}")

    def retry_now(self) -> None:
        """Do every redelivery that is not with a connection at once instead of when it is due."""
        for delivery in list(self._deliveries.values()):
            if delivery.phase != "sent" and delivery.timer:
                delivery.timer.cancel()
                delivery.attempt += delivery.phase == "nowhere"
                self._attempt(delivery)

    async def ask(self, kind: str, payload: Json) -> Answer:
        """Send a command or an interaction once and wait for its acknowledgement."""
        connection = self._choose()
        if connection is None:
            self._note("sandbox", "no_connection", {"type": kind})
            return Answer(ok=False, error="no connection of the app is open")
        envelope_id = str(uuid.uuid4())
        future: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._unacked[envelope_id] = (connection, future)
        envelope = {"envelope_id": envelope_id, "type": kind, "accepts_response_payload": True}
        self._send(connection, envelope | {"payload": payload})
        try:
            async with asyncio.timeout(self.ack_deadline):
                return Answer(ok=True, payload=await future)
        except ConnectionAbortedError as stopped:
            return Answer(ok=False, error=str(stopped))
        except TimeoutError:
            self._note("sandbox", "unanswered", {"type": kind, "envelope_id": envelope_id})
            return Answer(ok=False, error=f"not acknowledged within {self.ack_deadline:g} s")
        finally:
            self._unacked.pop(envelope_id, None)

    def _choose(self) -> Connection | None:
        usable = [c for c in self.connections if not c.draining and not c.ws.closed]
        if not usable:
            return None
        self._turn += 1
        return usable[self._turn % len(usable)]

    def _send(self, connection: Connection, envelope: Json) -> None:
        self._note("to_bot", f"envelope:{envelope['type']}", {"connection": connection.number, **envelope})
        connection.send(envelope)

    def _attempt(self, delivery: Delivery) -> None:
        """Send an event to a connection. Without one the attempt goes nowhere, and times out as any."""
        loop = asyncio.get_running_loop()
        delivery.timer = loop.call_later(self.ack_deadline, self._failed, delivery)
        connection = self._choose()
        delivery.phase = "nowhere" if connection is None else "sent"
        if connection is None:
            return
        if delivery.attempt and not self.reuse_envelope_id:
            delivery.envelope_id = str(uuid.uuid4())
        self._unacked[delivery.envelope_id] = (connection, delivery)
        envelope: Json = {
            "envelope_id": delivery.envelope_id,
            "type": "events_api",
            "accepts_response_payload": False,
            "retry_attempt": delivery.attempt,
            "retry_reason": "timeout" if delivery.attempt else "",
            "payload": delivery.payload,
        }
        self._send(connection, envelope)

    def _failed(self, delivery: Delivery) -> None:
        self._unacked.pop(delivery.envelope_id, None)
        about = {
            "event_id": delivery.payload["event_id"],
            "attempt": delivery.attempt,
            "sent": delivery.phase == "sent",
        }
        if delivery.attempt < len(self.retry_schedule):
            pause = self.retry_schedule[delivery.attempt]
        elif self.delayed_events:
            pause = self.delayed_interval
        else:
            self._note("sandbox", "event_lost", about)
            self.lost.append(delivery.payload)
            del self._deliveries[id(delivery)]
            return
        self._note("sandbox", "event_unacked", {**about, "retry_in": pause})
        delivery.attempt += 1
        delivery.phase = "resting"
        delivery.timer = asyncio.get_running_loop().call_later(pause, self._attempt, delivery)

    def _read(self, connection: Connection, data: str) -> None:
        try:
            frame = json.loads(data)
        except ValueError:
            frame = {}
        envelope_id = frame.get("envelope_id") if isinstance(frame, dict) else None
        if not isinstance(envelope_id, str):
            self._note("from_bot", "frame", {"data": data[:200]})
            return
        if self.acks_to_lose > 0:
            self.acks_to_lose -= 1
            self._note("sandbox", "ack_lost", {"envelope_id": envelope_id})
            return
        about = {"envelope_id": envelope_id, "connection": connection.number, "payload": frame.get("payload")}
        sent_on, expecting = self._unacked.get(envelope_id, (None, None))
        if expecting is None or (sent_on is not connection and not self.acks_on_any_connection):
            self._note("from_bot", "late_ack", about)
            return
        del self._unacked[envelope_id]
        if isinstance(expecting, Delivery):
            if expecting.timer:
                expecting.timer.cancel()
            self._deliveries.pop(id(expecting), None)
            about |= {"event_id": expecting.payload["event_id"]}
        elif not expecting.done():
            expecting.set_result(frame.get("payload"))
        self._note("from_bot", "ack", about)


def _disconnect_frame(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-sandbox"}}
