"""The control API: the verbs of `LocalSlack` over HTTP, for a sandbox in its own process."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from bot.sandbox.errors import SlackError
from bot.sandbox.mail.control import mail_state
from bot.sandbox.model import Json
from bot.sandbox.samples import play

if TYPE_CHECKING:
    from bot.sandbox.server import LocalSlack

Verb = Callable[..., Awaitable[Json]]


class Control:
    """POST /sandbox/<verb> with a JSON body; GET state and traffic."""

    def __init__(self, slack: LocalSlack, more: Mapping[str, Verb]) -> None:
        """`more` are further verbs."""
        self._slack = slack
        self._verbs: dict[str, Verb] = {
            "post": self._post,
            "dm": self._dm,
            "edit": self._edit,
            "delete": self._delete,
            "react": self._react,
            "unreact": self._unreact,
            "command": self._command,
            "click": self._click,
            "click_view": self._click_view,
            "dismiss": self._dismiss,
            "shortcut": self._shortcut,
            "submit_view": self._submit_view,
            "close_view": self._close_view,
            "open_home": self._open_home,
            "user": self._user,
            "channel": self._channel,
            "invite": self._invite,
            "kick": self._kick,
            "clock": self._clock,
            "faults": self._faults,
            "outage": self._outage,
            "rate_limits": self._rate_limits,
            "sockets": self._sockets,
            "retry_schedule": self._retry_schedule,
            "bot": self._bot,
            "play": self._play,
            **more,
        }

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/sandbox/state", self._state)
        app.router.add_get("/sandbox/traffic", self._traffic)
        app.router.add_post("/sandbox/{verb}", self._handle)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            return web.json_response({"ok": False, "error": "unknown_verb"}, status=404)
        if request.content_type != "application/json":
            return web.json_response({"ok": False, "error": "send application/json"}, status=415)
        try:
            body = json.loads(await request.text() or "{}")
            if not isinstance(body, dict):
                raise ValueError("the body must be a JSON object")
            answer = await verb(**({"sample": body} if verb == self._play else body))
        except SlackError as error:
            return web.json_response({"ok": False, "error": error.code}, status=400)
        except (LookupError, TypeError, ValueError) as error:
            return web.json_response({"ok": False, "error": str(error)}, status=400)
        self._slack.bell.ring()  # a fault or a limit changes nothing in the workspace, but the page shows it
        return web.json_response({"ok": True, **answer})

    async def _post(self, *, files: list[Json] | None = None, **gesture: Any) -> Json:
        return {"ts": await self._slack.post(files=_files(files), **gesture)}

    async def _dm(self, *, user: str, files: list[Json] | None = None, **gesture: Any) -> Json:
        ts = await self._slack.dm(user, files=_files(files), **gesture)
        return {"ts": ts, "channel": self._slack.dm_channel(user)}

    async def _edit(self, **gesture: Any) -> Json:
        await self._slack.edit(**gesture)
        return {}

    async def _delete(self, **gesture: Any) -> Json:
        await self._slack.delete(**gesture)
        return {}

    async def _react(self, **gesture: Any) -> Json:
        await self._slack.react(**gesture)
        return {}

    async def _unreact(self, **gesture: Any) -> Json:
        await self._slack.unreact(**gesture)
        return {}

    async def _dismiss(self, *, user: str, ts: str) -> Json:
        self._slack.workspace.dismiss(user, ts)
        return {}

    async def _click_view(self, **gesture: Any) -> Json:
        return {"reply": (await self._slack.click_view(**gesture)).to_json()}

    async def _close_view(self, **gesture: Any) -> Json:
        return {"reply": (await self._slack.close_view(**gesture)).to_json()}

    async def _command(self, **gesture: Any) -> Json:
        return {"reply": (await self._slack.command(**gesture)).to_json()}

    async def _click(self, **gesture: Any) -> Json:
        return {"reply": (await self._slack.click(**gesture)).to_json()}

    async def _shortcut(self, **gesture: Any) -> Json:
        return {"reply": (await self._slack.shortcut(**gesture)).to_json()}

    async def _submit_view(self, **gesture: Any) -> Json:
        return {"reply": (await self._slack.submit_view(**gesture)).to_json()}

    async def _open_home(self, **gesture: Any) -> Json:
        await self._slack.open_home(**gesture)
        return {}

    async def _user(self, *, id: str, **fields: Any) -> Json:
        if id in self._slack.workspace.users:
            user = self._slack.change_user(id, **fields)
        else:
            user = self._slack.add_user(id, **fields)
        return {"user": user.to_slack(with_email=True)}

    async def _channel(self, **fields: Any) -> Json:
        return {"channel": self._slack.add_channel(**{"id": None, **fields}).to_slack()}

    async def _invite(self, **who: Any) -> Json:
        self._slack.invite(**who)
        return {}

    async def _kick(self, **who: Any) -> Json:
        self._slack.kick(**who)
        return {}

    async def _clock(self, *, advance: float | None = None, offset: float | None = None) -> Json:
        if offset is not None:
            self._slack.clock.set_offset(float(offset))
        if advance is not None:
            self._slack.clock.advance(float(advance))
        return {"now": self._slack.clock.now(), "offset": self._slack.clock.offset}

    async def _faults(self, *, clear: bool = False, **fault: Any) -> Json:
        if clear:
            self._slack.faults.clear()
        if fault:
            self._slack.faults.add(**fault)
        return {"faults": [vars(pending) for pending in self._slack.faults.pending]}

    async def _outage(self, *, on: bool) -> Json:
        self._slack.outage(on)
        return {"on": on}

    async def _rate_limits(self, *, posts: bool | None = None, tiers: bool | None = None) -> Json:
        if posts is not None:
            self._slack.rate_limits = posts
        if tiers is not None:
            self._slack.tier_limits = tiers
        return {"posts": self._slack.rate_limits, "tiers": self._slack.tier_limits}

    async def _sockets(self, *, do: str, reason: str = "refresh_requested", grace: float = 1.0) -> Json:
        if do == "drop":
            await self._slack.drop_sockets()
        elif do == "disconnect":
            await self._slack.disconnect(reason, grace)
        elif do == "retry_now":
            self._slack.retry_now()
        elif do == "lose_ack":
            self._slack.lose_acks()
        elif do == "deliver_again":
            self._slack.deliver_again()
        else:
            raise ValueError("do must be drop, disconnect, retry_now, lose_ack or deliver_again")
        return {"connections": len(self._slack.sockets.connections)}

    async def _retry_schedule(
        self,
        *,
        schedule: list[float] | None = None,
        ack_deadline: float | None = None,
        delayed_events: bool | None = None,
        delayed_interval: float | None = None,
    ) -> Json:
        slack = self._slack
        if schedule is not None:
            slack.retry_schedule = schedule
        if ack_deadline is not None:
            slack.ack_deadline = ack_deadline
        if delayed_events is not None:
            slack.delayed_events = delayed_events
        if delayed_interval is not None:
            slack.delayed_interval = delayed_interval
        return {
            "schedule": list(slack.retry_schedule),
            "ack_deadline": slack.ack_deadline,
            "delayed_events": slack.delayed_events,
            "delayed_interval": slack.delayed_interval,
        }

    async def _bot(self, *, do: str) -> Json:
        control = self._slack.bot_control
        if control is None:
            raise ValueError("this sandbox was started without a bot to kill or restart")
        if do == "kill":
            await control.kill()
        elif do == "restart":
            await control.restart()
        else:
            raise ValueError("do must be kill or restart")
        return {"status": control.status()}

    async def _play(self, *, sample: Json) -> Json:
        return await play(self._slack, sample)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(state(self._slack))

    async def _traffic(self, request: web.Request) -> web.StreamResponse:
        """Newline-delimited JSON from record `since` on; ends at the present unless `follow=1`."""
        given = request.query.get("since", "0")
        since = int(given) if given.isdecimal() else 0
        follow = request.query.get("follow", "0") in ("1", "true")
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        end = self._slack.traffic.total
        if since < end or follow:
            async for record in self._slack.traffic.subscribe(since):
                await response.write(json.dumps(record.to_json(), default=str).encode() + b"\n")
                if not follow and record.seq >= end - 1:
                    break
        return response


def state(slack: LocalSlack) -> Json:
    """The whole workspace as JSON."""
    workspace = slack.workspace
    return {
        "clock": {"now": slack.clock.now(), "offset": slack.clock.offset},
        "scopes": sorted(slack.scopes),
        "connections": len(slack.sockets.connections),
        "undelivered": len(slack.sockets.undelivered),
        "lost": len(slack.sockets.lost),
        "traffic": slack.traffic.total,
        "users": {user.id: user.to_slack(with_email=True) for user in workspace.users.values()},
        "usergroups": {group.id: group.to_slack(with_users=True) for group in workspace.usergroups.values()},
        "channels": {
            channel.id: channel.to_slack()
            | {
                "members": list(channel.members),
                "messages": [
                    workspace.shown(channel, message, metadata=True) for message in channel.messages.values()
                ],
            }
            for channel in workspace.channels.values()
        },
        "ephemerals": workspace.ephemerals,
        "views": workspace.views,
        "homes": workspace.homes,
        "files": {file.id: file.to_slack() for file in workspace.files.values()},
        "mail": None if slack.mail is None else mail_state(slack.mail),
    }


def _files(files: list[Json] | None) -> list[Json] | None:
    """Files as JSON carries them: `content` as text, or `content_base64`."""
    if files is None:
        return None
    return [
        {**file, "content": base64.b64decode(file["content_base64"])} if "content_base64" in file else file
        for file in files
    ]
