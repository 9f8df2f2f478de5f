"""The local Slack as a whole: one port, one workspace, and the verbs to move it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from aiohttp import web

from bot.sandbox import people
from bot.sandbox.app_manifest import COMMANDS, MESSAGE_SHORTCUTS
from bot.sandbox.bell import Bell
from bot.sandbox.bot_control import BotControl, read_log_line
from bot.sandbox.clock import SandboxClock
from bot.sandbox.control import Control
from bot.sandbox.downloads import Downloads
from bot.sandbox.errors import WaitTimeout
from bot.sandbox.events import ALL_SUBSCRIPTIONS, event_callback, needed_scope, subscription
from bot.sandbox.faults import Faults
from bot.sandbox.gestures import Gestures
from bot.sandbox.interactions import Interactions
from bot.sandbox.live import Live
from bot.sandbox.loopback import is_loopback
from bot.sandbox.mail.control import MailControl
from bot.sandbox.mail.server import MailServer
from bot.sandbox.model import Channel, Json
from bot.sandbox.report import picture
from bot.sandbox.socket_mode import SocketHub
from bot.sandbox.traffic import Direction, Record, Traffic
from bot.sandbox.web_api.call import Api
from bot.sandbox.web_api.dispatch import WebApi
from bot.sandbox.web_page import WebPage
from bot.sandbox.workspace import Workspace

T = TypeVar("T")

HOST = "127.0.0.1"
MAX_BODY = 64 * 1024 * 1024


class LocalSlack(Gestures):
    """A Slack on loopback for tests and demos; use it as an async context manager."""

    def __init__(
        self,
        port: int = 0,
        *,
        bot_token: str = people.BOT_TOKEN,
        app_token: str = people.APP_TOKEN,
        furnished: bool = True,
        bot_control: BotControl | None = None,
        with_mail: bool = False,
    ) -> None:
        self.port = port
        self.bot_token = bot_token
        self.app_token = app_token
        self.bot_control = bot_control
        self.commands = dict(COMMANDS)
        self.shortcuts = dict(MESSAGE_SHORTCUTS)
        self.bell = Bell()
        self.subscriptions = set(ALL_SUBSCRIPTIONS)
        clock = SandboxClock()
        workspace = Workspace(clock, self.bell)
        traffic = Traffic(self.bell)
        self.sockets = SocketHub(
            lambda direction, what, detail: traffic.add(clock.now(), direction, what, **detail),
            self._clock_frame,
        )
        interactions = Interactions(workspace)
        super().__init__(Api(workspace, clock, self.sockets, interactions), traffic)
        self.api.scopes = set(people.DEFAULT_SCOPES)
        self.web_api = WebApi(self.api, traffic, bot_token, app_token)
        workspace.publish = self._publish
        clock.watchers.append(self._tell_the_time)
        if furnished:
            people.furnish(workspace)
        self.mail = MailServer(bell=self.bell, now=clock.now, note=self._note_mail) if with_mail else None
        self._runner: web.AppRunner | None = None

    # life

    async def start(self) -> Self:
        """Listen on loopback."""
        if self.mail is not None:
            await self.mail.start()
        app = web.Application(middlewares=[_loopback_only], client_max_size=MAX_BODY)
        app.router.add_route("*", "/api/{method}", self.web_api.handle)
        app.router.add_get("/link/", self.sockets.handle)
        Downloads(self.api, self.web_api).register(app)
        Live(self).register(app)
        WebPage(self.workspace).register(app)
        mail_control = MailControl(self.mail)
        mail_control.register(app)
        Control(self, mail_control.verbs).register(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self.api.base_url = self.api.interactions.base_url = self.url
        return self

    async def stop(self) -> None:
        """Cut every connection and stop listening."""
        self.sockets.stop()
        self.traffic.close()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self.mail is not None:
            await self.mail.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # where and with what

    @property
    def url(self) -> str:
        """The root of everything."""
        return f"http://{HOST}:{self.port}"

    @property
    def api_url(self) -> str:
        """What SLACK_API_URL must be."""
        return f"{self.url}/api/"

    @property
    def environment(self) -> dict[str, str]:
        """What a bot on the furnished workspace needs in its environment."""
        mail = {} if self.mail is None else {**self.mail.environment, "ADMIN_EMAILS": people.ADAS_ADDRESS}
        return mail | {
            "SLACK_API_URL": self.api_url,
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_APP_TOKEN": self.app_token,
            "SUPPORT_SLACK_CHANNEL": people.SUPPORT,
            "ALERTING_SLACK_CHANNEL": people.ALERTS,
            "LOGGING_SLACK_CHANNEL": people.LOG,
            "ADMIN_SLACK_USERS": people.ADA,
            "ADMIN_SLACK_USERGROUP": people.HELPDESK,
        }

    @property
    def scopes(self) -> set[str]:
        """The scopes the bot token holds."""
        return self.api.scopes

    @scopes.setter
    def scopes(self, scopes: set[str]) -> None:
        self.api.scopes = set(scopes)

    # the bot, where whoever started it hands it over

    def note_bot_log(self, line: str) -> None:
        """Take a line of the bot's log into the traffic: the page shows by it how far a message has come."""
        fields = read_log_line(line)
        self.traffic.add(self.clock.now(), "bot", f"log:{fields.get('action', 'line')}", **fields)

    def note_bot_status(self, status: str) -> None:
        """The bot has started or ended."""
        self.traffic.add(self.clock.now(), "sandbox", "bot", status=status)

    def _note_mail(self, what: str, **detail: Any) -> None:
        """What happens to mail: by people, by the bot, or by itself."""
        by_bot = self.mail is not None and detail.get("user") == self.mail.desk
        direction: Direction = (
            "from_bot" if by_bot else "person" if what in ("mail_written", "mail_sent") else "sandbox"
        )
        self.traffic.add(self.clock.now(), direction, what, **detail)

    # looking

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Json]:
        """A conversation's messages as they are now, oldest first, metadata included.

        Top level only (with broadcast replies); with `thread_ts` that thread, parent first.
        """
        place = self.workspace.channels.get(channel)
        if place is None:
            return []
        if thread_ts is None:
            found = [m for m in place.messages.values() if _is_top_level(m)]
        else:
            stamps = [thread_ts, *place.threads.get(thread_ts, ())]
            found = [place.messages[ts] for ts in stamps if ts in place.messages]
        return [self.workspace.shown(place, message, metadata=True) for message in found]

    def dm_channel(self, user: str) -> str:
        """The id of somebody's DM with the bot; opens it if need be."""
        return self.workspace.open_im(user)[0].id

    def reactions(self, channel: str, ts: str) -> set[str]:
        """The names of the reactions on a message."""
        message = self.workspace.message(self.workspace.channel(channel), ts)
        return {reaction["name"] for reaction in message.get("reactions", [])}

    def ephemerals(self, user: str) -> list[Json]:
        """The ephemeral messages this person was shown, with their channel and ts."""
        return list(self.workspace.ephemerals.get(user, []))

    def calls(self, method: str) -> list[Json]:
        """The arguments of every recorded call of a method, failed ones included."""
        return [record.detail["args"] for record in self.traffic.of(f"call:{method}")]

    def acks(self) -> list[Record]:
        """The acknowledgements received in time."""
        return self.traffic.of("ack")

    async def wait_for(self, predicate: Callable[[], T | None], timeout: float = 10) -> T:  # noqa: ASYNC109
        """The predicate's first truthy value; looked at again whenever anything has changed."""
        try:
            async with asyncio.timeout(timeout):
                return await self.bell.until(predicate)
        except TimeoutError:
            raise WaitTimeout(f"not within {timeout:g} s\n{picture(self.workspace, self.traffic)}") from None

    # going wrong

    @property
    def faults(self) -> Faults:
        """The faults still to come."""
        return self.web_api.faults

    def outage(self, on: bool = True) -> None:
        """Slack is away: 503 for every call, connections cut and refused. Or it is back."""
        self.web_api.refusing = self.sockets.refusing = on
        self.traffic.add(self.clock.now(), "sandbox", "outage", on=on)
        if on:
            for connection in self.sockets.connections:
                connection.cut()

    @property
    def rate_limits(self) -> bool:
        """Whether posts are limited to about one per second and channel."""
        return self.web_api.limits.posts

    @rate_limits.setter
    def rate_limits(self, on: bool) -> None:
        self.web_api.limits.posts = on

    @property
    def tier_limits(self) -> bool:
        """Whether every method is limited by its tier."""
        return self.web_api.limits.tiers

    @tier_limits.setter
    def tier_limits(self, on: bool) -> None:
        self.web_api.limits.tiers = on

    @property
    def history_cap(self) -> int | None:
        """The most rows that history and replies give, as for apps that Slack caps at 15."""
        return self.api.history_cap

    @history_cap.setter
    def history_cap(self, cap: int | None) -> None:
        self.api.history_cap = cap

    @property
    def retry_schedule(self) -> Sequence[float]:
        """Seconds from each failed attempt to the next; as many retries as it is long."""
        return self.sockets.retry_schedule

    @retry_schedule.setter
    def retry_schedule(self, schedule: Sequence[float]) -> None:
        self.sockets.retry_schedule = tuple(schedule)

    @property
    def ack_deadline(self) -> float:
        """Seconds an envelope may stay unacknowledged."""
        return self.sockets.ack_deadline

    @ack_deadline.setter
    def ack_deadline(self, seconds: float) -> None:
        self.sockets.ack_deadline = seconds

    @property
    def delayed_events(self) -> bool:
        """Slack's Delayed Events switch: go on retrying after the schedule is over."""
        return self.sockets.delayed_events

    @delayed_events.setter
    def delayed_events(self, on: bool) -> None:
        self.sockets.delayed_events = on

    @property
    def delayed_interval(self) -> float:
        """Seconds between those further retries; an hour in Slack."""
        return self.sockets.delayed_interval

    @delayed_interval.setter
    def delayed_interval(self, seconds: float) -> None:
        self.sockets.delayed_interval = seconds

    @property
    def socket_mode(self) -> bool:
        """Whether Socket Mode is switched on in the app's settings; `disconnect("link_disabled")` ends it."""
        return self.sockets.enabled

    @socket_mode.setter
    def socket_mode(self, on: bool) -> None:
        self.sockets.enabled = on

    @property
    def connected(self) -> int:
        """How many Socket Mode connections are open."""
        return len(self.sockets.connections)

    def retry_now(self) -> None:
        """Do every scheduled redelivery at once."""
        self.sockets.retry_now()

    def lose_acks(self, count: int = 1) -> None:
        """Lose the next acknowledgements on their way: what was acknowledged comes again."""
        self.sockets.acks_to_lose = count

    def deliver_again(self, event_id: str | None = None) -> None:
        """Deliver an event (default: the newest) a second time, with the same event_id."""
        self.sockets.deliver_again(event_id)

    def hold_events(self) -> None:
        """Keep events back from now on, for example to deliver them out of order."""
        self.sockets.hold()

    def release_events(self, *, backwards: bool = False) -> None:
        """Deliver what was held back, oldest or newest first."""
        self.sockets.release(backwards=backwards)

    async def disconnect(self, reason: str = "refresh_requested", grace: float = 1.0) -> None:
        """Send disconnect frames; connections that stay are closed after the grace."""
        await self.sockets.disconnect(reason, grace)

    async def drop_sockets(self) -> None:
        """Cut every Socket Mode connection without a closing handshake."""
        await self.sockets.drop()

    # inside

    def _publish(self, event: Json, channel: Channel | None) -> None:
        """Hand an event to Socket Mode if the app may see it."""
        if channel is not None and people.BOT_USER not in channel.members:
            return
        scope = needed_scope(event, channel)
        if subscription(event, channel) not in self.subscriptions or (scope and scope not in self.scopes):
            return
        self.sockets.publish(event_callback(event, channel, self.clock.now()))

    def _clock_frame(self) -> Json:
        return {"type": "sandbox_clock", "offset": self.clock.offset}

    def _tell_the_time(self) -> None:
        self.traffic.add(self.clock.now(), "sandbox", "clock", offset=self.clock.offset)
        self.sockets.broadcast(self._clock_frame())


@web.middleware
async def _loopback_only(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse requests under another name than loopback's (DNS rebinding) and from foreign web pages."""
    origin = request.headers.get("Origin")
    if not is_loopback(f"//{request.host}") or (origin is not None and not is_loopback(origin)):
        return web.Response(status=403, text="loopback only")
    return await handler(request)


def _is_top_level(message: Json) -> bool:
    in_thread = message.get("thread_ts", message["ts"]) != message["ts"]
    return not in_thread or message.get("subtype") == "thread_broadcast"
