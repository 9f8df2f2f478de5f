"""What a person does with the app's own surfaces: commands, buttons, shortcuts, modals, Home."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.sandbox.actors import Actors
from bot.sandbox.block_kit import buttons, check_view
from bot.sandbox.composer import typed_text
from bot.sandbox.errors import SlackError
from bot.sandbox.forms import action_of, fill
from bot.sandbox.interactions import CommandReply, content
from bot.sandbox.model import Json
from bot.sandbox.people import APP_ID, TEAM_DOMAIN, TEAM_ID, VERIFICATION_TOKEN
from bot.sandbox.web_api.views import as_shown


class Gestures(Actors):
    """The people of the workspace, with the app's commands and buttons at hand."""

    # commanding and clicking

    async def command(self, user: str, channel: str, command: str, text: str = "") -> CommandReply:
        """Run a slash command and wait for its acknowledgement."""
        place = self._place(user, channel)
        reply = CommandReply(user, place.id)
        payload = {
            "token": VERIFICATION_TOKEN,
            "team_id": TEAM_ID,
            "team_domain": TEAM_DOMAIN,
            "channel_id": place.id,
            "channel_name": place.type_in_commands,
            "user_id": user,
            "user_name": self.workspace.user(user).name,
            "command": command,
            "text": self._escaped(text),
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": self.api.interactions.new_response_url(reply),
            "trigger_id": self.api.interactions.new_trigger(user),
        }
        trigger = payload["trigger_id"]
        self._note("command", user=user, channel=place.id, command=command, text=text, trigger_id=trigger)
        await self._ask("slash_commands", payload, reply)
        if reply.ack and (reply.ack.get("text") or reply.ack.get("blocks")):
            kind = str(reply.ack.get("response_type") or "ephemeral")
            try:
                self.api.interactions.show(reply, content(reply.ack), kind)
            except SlackError as error:
                reply.ok, reply.error = False, error.code
        return reply

    async def click(
        self,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        block_id: str | None = None,
        value: Any = None,
    ) -> CommandReply:
        """Press a button, or choose from a menu, in a message or in an ephemeral one shown to this person.

        `value` tells buttons with the same action_id apart, and is what is chosen from a menu.
        """
        place = self._place(user, channel)
        seen = self.workspace.ephemerals.get(user, [])
        ephemeral = next((message for message in seen if message["ts"] == ts), None)
        message = ephemeral or self.workspace.message(place, ts)
        where, element = _find(message.get("blocks", []), action_id, block_id, value)
        reply = CommandReply(user, place.id)
        container = {
            "type": "message",
            "message_ts": ts,
            "channel_id": place.id,
            "is_ephemeral": ephemeral is not None,
        }
        if thread_ts := message.get("thread_ts"):
            container["thread_ts"] = thread_ts
        payload = self._interaction("block_actions", user) | {
            "container": container,
            "channel": {"id": place.id, "name": place.type_in_commands},
            "state": {"values": {}},
            "response_url": self.api.interactions.new_response_url(
                reply, original=ts, thread_ts=message.get("thread_ts")
            ),
            "actions": [action_of(element, where, value, self.clock.mint_ts())],
        }
        if ephemeral is None:
            payload["message"] = self.workspace.shown(place, message)
        about = {"action_id": action_id, "value": value, "trigger_id": payload["trigger_id"]}
        self._note("click", user=user, channel=place.id, ts=ts, **about)
        return await self._ask("interactive", payload, reply)

    async def click_view(
        self, user: str, action_id: str, value: Any = None, *, home: bool = False, block_id: str | None = None
    ) -> CommandReply:
        """Press a button in the open modal, or in the Home tab."""
        view = self.workspace.homes[user] if home else self.open_views(user)[-1]
        where, element = _find(view["blocks"], action_id, block_id, value)
        reply = CommandReply(user, "")
        payload = self._interaction("block_actions", user) | {
            "container": {"type": "view", "view_id": view["id"]},
            "view": _public(view),
            "actions": [action_of(element, where, value, self.clock.mint_ts())],
        }
        about = {"action_id": action_id, "value": value, "trigger_id": payload["trigger_id"]}
        self._note("click", user=user, view=view["id"], **about)
        return await self._ask("interactive", payload, reply)

    async def shortcut(
        self, user: str, callback_id: str, channel: str | None = None, ts: str | None = None
    ) -> CommandReply:
        """Use a global shortcut, or with channel and ts a message shortcut."""
        if channel is None or ts is None:
            reply = CommandReply(user, "")
            payload = self._interaction("shortcut", user) | {"callback_id": callback_id}
            payload["action_ts"] = self.clock.mint_ts()
        else:
            place = self._place(user, channel)
            reply = CommandReply(user, place.id)
            payload = self._interaction("message_action", user) | {
                "callback_id": callback_id,
                "action_ts": self.clock.mint_ts(),
                "message_ts": ts,
                "channel": {"id": place.id, "name": place.type_in_commands},
                "message": self.workspace.shown(place, self.workspace.message(place, ts)),
                "response_url": self.api.interactions.new_response_url(reply),
            }
        about = {"callback_id": callback_id, "trigger_id": payload["trigger_id"]}
        self._note("shortcut", user=user, channel=channel, ts=ts, **about)
        return await self._ask("interactive", payload, reply)

    # modals and Home

    def open_views(self, user: str) -> list[Json]:
        """The modals this person has open, the topmost last."""
        return [view for view in self.workspace.views.values() if view["_user"] == user]

    def home(self, user: str) -> Json | None:
        """This person's Home tab, if one was published."""
        return self.workspace.homes.get(user)

    async def open_home(self, user: str, tab: str = "home") -> None:
        """Open the app's Home or Messages tab: app_home_opened."""
        channel, _ = self.workspace.open_im(user)
        event: Json = {"type": "app_home_opened", "user": user, "channel": channel.id, "tab": tab}
        if view := self.home(user):
            event["view"] = _public(view)
        self._note("open_home", user=user, tab=tab)
        self.workspace.publish(event | {"event_ts": self.clock.mint_ts()}, channel)

    async def submit_view(
        self, user: str, values: Mapping[str, Any] | None = None, view_id: str | None = None
    ) -> CommandReply:
        """Fill in the open modal and submit it; `values` by action_id (or block_id).

        The reply's `ack` holds the response_action; with errors the modal stays open, as in Slack.
        """
        view = self._view(user, view_id)
        view["state"] = {"values": fill(view["blocks"], values or {})}
        reply = CommandReply(user, "")
        payload = self._interaction("view_submission", user) | {"view": _public(view), "response_urls": []}
        about = {"title": view["title"]["text"], "trigger_id": payload["trigger_id"]}
        self._note("submit_view", user=user, view=view["id"], values=dict(values or {}), **about)
        await self._ask("interactive", payload, reply)
        if reply.ok:
            self._after_submission(user, view, reply.ack or {})
        return reply

    async def close_view(self, user: str, view_id: str | None = None) -> CommandReply:
        """Close the open modal; the app is told if it asked for that with notify_on_close."""
        view = self._view(user, view_id)
        self.workspace.views.pop(view["id"])
        self.workspace.bell.ring()
        reply = CommandReply(user, "", ok=True)
        if view.get("notify_on_close"):
            payload = self._interaction("view_closed", user) | {"view": _public(view), "is_cleared": False}
            await self._ask("interactive", payload, reply)
        return reply

    # inside

    def _escaped(self, text: str) -> str:
        """Command text under `should_escape: true`: mentions carry the name behind a bar."""

        def named(mention: re.Match[str]) -> str:
            user = self.workspace.users.get(mention.group(1))
            return f"<@{mention.group(1)}|{user.name}>" if user else mention.group()

        return re.sub(r"<@([UW][A-Z0-9]+)>", named, typed_text(text))

    def _interaction(self, kind: str, user: str) -> Json:
        name = self.workspace.user(user).name
        return {
            "type": kind,
            "user": {"id": user, "username": name, "name": name, "team_id": TEAM_ID},
            "api_app_id": APP_ID,
            "token": VERIFICATION_TOKEN,
            "trigger_id": self.api.interactions.new_trigger(user),
            "team": {"id": TEAM_ID, "domain": TEAM_DOMAIN},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    async def _ask(self, kind: str, payload: Json, reply: CommandReply) -> CommandReply:
        answer = await self.api.sockets.ask(kind, payload)
        reply.ok, reply.error, reply.ack = answer.ok, answer.error, answer.payload
        return reply

    def _view(self, user: str, view_id: str | None) -> Json:
        for view in reversed(self.open_views(user)):
            if view_id in (None, view["id"]):
                return view
        raise SlackError("view_not_found")

    def _after_submission(self, user: str, view: Json, ack: Json) -> None:
        """Do what the app's response_action says: https://docs.slack.dev/surfaces/modals#response_actions."""
        action = ack.get("response_action")
        if action == "errors":
            return
        if action in ("update", "push"):
            shown = as_shown(self.api, check_view(ack.get("view")), user)
            if action == "update":
                shown |= {name: view[name] for name in ("id", "root_view_id", "previous_view_id")}
            else:
                shown |= {"root_view_id": view["root_view_id"], "previous_view_id": view["id"]}
            self.workspace.views[shown["id"]] = shown
        elif action == "clear":
            for opened in self.open_views(user):
                del self.workspace.views[opened["id"]]
        else:
            self.workspace.views.pop(view["id"], None)
        self.workspace.bell.ring()


def _public(view: Json) -> Json:
    return {key: value for key, value in view.items() if key != "_user"}


def _find(blocks: list[Json], action_id: str, block_id: str | None, value: Any) -> tuple[str, Json]:
    """The element with this action_id; several are told apart by block_id or a button's value."""
    found = [
        (where, element)
        for where, element in buttons(blocks)
        if element["action_id"] == action_id and block_id in (None, where)
    ]
    exact = [pair for pair in found if value is None or pair[1].get("value") == value]
    if exact or found:
        return (exact or found)[0]
    offered = [element["action_id"] for _, element in buttons(blocks)]
    raise LookupError(f"no element with action_id {action_id!r}; the message offers {offered}")
