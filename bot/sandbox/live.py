"""What the page is told: the workspace as one person sees it, and then every change, over a WebSocket."""

from __future__ import annotations

import asyncio
import json
import secrets
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import web

from bot.sandbox.journeys import Journeys
from bot.sandbox.mail.control import mail_panel
from bot.sandbox.mail.view import MailView
from bot.sandbox.model import Channel, Json, User
from bot.sandbox.people import BOT_USER, SUPPORT, TEAM_DOMAIN, TEAM_NAME

if TYPE_CHECKING:
    from bot.sandbox.server import LocalSlack

NEWEST = 400
"""How many messages of a conversation are sent at first; the page asks for earlier ones."""
PAUSE = 0.03
"""Seconds in which changes are gathered into one frame."""
HEARTBEAT = 20.0


class Live:
    """`/sandbox/live?as=<user>`: a snapshot, then deltas. Nothing is read from the page on this line."""

    def __init__(self, slack: LocalSlack) -> None:
        self._slack = slack
        self._journeys = Journeys(slack.traffic)
        self._run = secrets.token_hex(4)

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/sandbox/live", self._handle)
        app.router.add_get("/sandbox/earlier", self._earlier)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        ws = web.WebSocketResponse(heartbeat=HEARTBEAT, timeout=0.5)
        await ws.prepare(request)
        viewer = Viewer(self._slack, self._journeys, self._known(request.query.get("as")))
        telling = asyncio.create_task(self._tell(ws, viewer))
        try:
            async for _ in ws:
                pass
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
            viewer.close()
        return ws

    async def _tell(self, ws: web.WebSocketResponse, viewer: Viewer) -> None:
        bell = self._slack.bell
        heard = bell.rings
        first = {"type": "hello", "run": self._run, **viewer.hello(), **viewer.changes()}
        await ws.send_json(first, dumps=_dumps)
        while not ws.closed:
            await bell.until(partial(bell.rung_since, heard))
            await asyncio.sleep(PAUSE)
            heard = bell.rings
            if changes := viewer.changes():
                await ws.send_json({"type": "delta", **changes}, dumps=_dumps)

    async def _earlier(self, request: web.Request) -> web.StreamResponse:
        """Messages of a conversation before a given one."""
        user = self._known(request.query.get("as"))
        channel = self._slack.workspace.channels.get(request.query.get("channel", ""))
        if channel is None or user not in channel.members:
            return web.json_response({"ok": False, "error": "channel_not_found"}, status=404)
        stamps = list(channel.messages)
        before = request.query.get("before", "")
        end = stamps.index(before) if before in channel.messages else 0
        found, more = _newest(self._slack, channel, end)
        return web.json_response({"ok": True, "messages": found, "more": more})

    def _known(self, user: str | None) -> str | None:
        return user if user in self._slack.workspace.users else None


class Viewer:
    """One open page: whose it is, and what it has been told already."""

    def __init__(self, slack: LocalSlack, journeys: Journeys, user: str | None) -> None:
        self._slack = slack
        self._workspace = slack.workspace
        self._journeys = journeys
        self._user = user
        self._told: dict[str, str] = {}
        self._joined: set[str] = set()
        self._journeys_told = 0
        self._dirty: dict[tuple[str, str], None] = {}
        self._mails = None if slack.mail is None else MailView(slack.mail)
        if user is not None:
            self._workspace.open_im(user)
        self._workspace.watchers.append(self._watch)

    def close(self) -> None:
        """The page is gone."""
        self._workspace.watchers.remove(self._watch)

    def hello(self) -> Json:
        """What does not change."""
        return {
            "me": self._user,
            "bot": BOT_USER,
            "team": TEAM_NAME,
            "domain": TEAM_DOMAIN,
            "commands": self._slack.commands,
            "shortcuts": self._slack.shortcuts,
            "mail": None if self._slack.mail is None else {"desk": self._slack.mail.desk},
        }

    def changes(self) -> Json:
        """What is new since the last time; everything at first."""
        dirty, self._dirty = self._dirty, {}
        found: Json = {}
        parts: Json = {"people": self._people(), "panel": self._panel()}
        if self._user is not None:
            parts |= self._surfaces(self._user) | {"channels": self._channels(self._user)}
        for name, value in parts.items():
            as_text = _dumps(value)
            if self._told.get(name) != as_text:
                self._told[name] = as_text
                found[name] = value
        if messages := self._messages(dirty):
            found["messages"] = messages
        if self._mails is not None and (mails := self._mails.changes()):
            found["mails"] = mails
        if journeys := self._journeys.changed_since(self._journeys_told):
            found["journeys"] = journeys
        self._journeys_told = self._journeys.version
        return found

    # parts

    def _people(self) -> list[Json]:
        return [_person(self._slack, user) for user in self._workspace.users.values()]

    def _surfaces(self, user: str) -> Json:
        views = [view for view in self._workspace.views.values() if view["_user"] == user]
        return {
            "ephemerals": self._workspace.ephemerals.get(user, []),
            "views": views,
            "home": self._workspace.homes.get(user),
        }

    def _channels(self, user: str) -> list[Json]:
        return [
            {
                "id": channel.id,
                "name": channel.name,
                "kind": channel.kind,
                "members": channel.members,
                "is_archived": channel.is_archived,
                "has_bot": BOT_USER in channel.members,
            }
            for channel in self._workspace.channels.values()
            if user in channel.members
        ]

    def _panel(self) -> Json:
        slack = self._slack
        control = slack.bot_control
        return {
            "offset": slack.clock.offset,
            "outage": slack.web_api.refusing,
            "connections": len(slack.sockets.connections),
            "undelivered": len(slack.sockets.undelivered),
            "lost": len(slack.sockets.lost),
            "faults": [vars(fault) for fault in slack.faults.pending],
            "rate_limits": slack.rate_limits,
            "bot": None if control is None else control.status(),
            "mail": None if slack.mail is None else mail_panel(slack.mail),
        }

    def _messages(self, dirty: dict[tuple[str, str], None]) -> list[Json]:
        found: list[Json] = []
        for channel_id, ts in dirty:
            channel = self._workspace.channels[channel_id]
            if channel_id not in self._joined or self._user not in channel.members:
                continue
            message = channel.messages.get(ts)
            if message is None:
                found.append({"channel": channel_id, "gone": ts})
            else:
                found.append({"channel": channel_id, "message": self._workspace.shown(channel, message)})
        for channel in self._workspace.channels.values():
            if self._user in channel.members and channel.id not in self._joined:
                self._joined.add(channel.id)
                newest, more = _newest(self._slack, channel, len(channel.messages))
                found.append({"channel": channel.id, "all": newest, "more": more})
            elif self._user not in channel.members:
                self._joined.discard(channel.id)
        return found

    def _watch(self, event: Json, channel: Channel | None) -> None:
        if channel is not None:
            self._dirty |= {(channel.id, ts): None for ts in _touched(event)}


def _touched(event: Json) -> list[str]:
    """The messages that an event is about: itself, and the parent that counts its replies."""
    match event["type"], event.get("subtype"):
        case "message", "message_changed":
            found = [event["message"]["ts"]]
        case "message", "message_deleted":
            found = [event["deleted_ts"], event["previous_message"].get("thread_ts")]
        case "message", _:
            found = [event["ts"], event.get("thread_ts")]
        case (("reaction_added" | "reaction_removed"), _):
            found = [event["item"]["ts"]]
        case _:
            found = []
    return [ts for ts in found if ts]


def _newest(slack: LocalSlack, channel: Channel, end: int) -> tuple[list[Json], bool]:
    """The newest messages before position `end`, with the roots of their threads; and whether there are more."""
    stamps = list(channel.messages)[max(0, end - NEWEST) : end]
    roots = {str(channel.messages[ts].get("thread_ts") or ts) for ts in stamps} & set(channel.messages)
    chosen = sorted(roots | set(stamps), key=_moment)
    return [slack.workspace.shown(channel, channel.messages[ts]) for ts in chosen], end > NEWEST


def _moment(ts: str) -> tuple[int, int]:
    seconds, _, micros = ts.partition(".")
    return int(seconds), int(micros)


def _person(slack: LocalSlack, user: User) -> Json:
    return {
        "id": user.id,
        "name": user.name,
        "real_name": user.display_name or user.real_name,
        "deleted": user.deleted,
        "is_bot": user.is_bot,
        "email": user.email,
        "role": _role(slack, user),
    }


def _role(slack: LocalSlack, user: User) -> str:
    """As the furnished workspace means it: who works at the desk, and who may answer there."""
    if user.is_bot:
        return "bot"
    support = slack.workspace.channels.get(SUPPORT)
    if support is None or user.id not in support.members:
        return "customer"
    listed = any(user.id in group.users for group in slack.workspace.usergroups.values())
    return "admin" if user.is_admin or listed else "bystander"


def _dumps(value: object) -> str:
    return json.dumps(value, default=str)
