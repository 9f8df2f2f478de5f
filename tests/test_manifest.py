"""The manifest and the code say the same: what Slack sends is handled, what is handled is asked for."""

import importlib
import json
import os
import pkgutil
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

import bot.blocks.forms
from bot.casework.filing_rows import Channels
from bot.listeners import register_listeners
from bot.listeners.deps import Deps
from bot.slack_clients import bolt_app
from bot.startup import SCOPES, Workspace

ROOT = Path(__file__).parent.parent
SCHEMAS = Path(os.environ.get("CASEWIRE_SLACK_SCHEMAS") or ROOT / ".." / "shared" / "slack")

# https://docs.slack.dev/reference/events: what each event of a manifest needs. Also the list of those that exist,
# as far as an app such as this could want them: Slack's schema lets misspelt names pass.
EVENT_SCOPES = {
    "app_home_opened": None,
    "app_mention": "app_mentions:read",
    "app_uninstalled": None,
    "channel_archive": "channels:read",
    "channel_deleted": "channels:read",
    "channel_left": "channels:read",
    "channel_rename": "channels:read",
    "channel_unarchive": "channels:read",
    "group_archive": "groups:read",
    "group_deleted": "groups:read",
    "group_left": "groups:read",
    "group_rename": "groups:read",
    "group_unarchive": "groups:read",
    "member_joined_channel": "channels:read",
    "member_left_channel": "channels:read",
    "file_deleted": "files:read",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "subteam_members_changed": "usergroups:read",
    "subteam_updated": "usergroups:read",
    "tokens_revoked": None,
    "user_change": "users:read",
}
# https://docs.slack.dev/reference/scopes: the bot scopes that exist, as far as they could be of use here.
KNOWN_SCOPES = {
    *("app_mentions:read", "bookmarks:read", "bookmarks:write", "channels:history", "channels:join"),
    *("channels:manage", "channels:read", "chat:write", "chat:write.customize", "chat:write.public", "commands"),
    *("emoji:read", "files:read", "files:write", "groups:history", "groups:read", "groups:write", "im:history"),
    *("im:read", "im:write", "links:read", "links:write", "metadata.message:read", "pins:read", "pins:write"),
    *("reactions:read", "reactions:write", "team:read", "usergroups:read", "users.profile:read", "users:read"),
    *("users:read.email", "users:write"),
}
CHANNEL_TYPES = {"message.channels": "channel", "message.groups": "group", "message.im": "im"}


def load(text: str) -> dict[str, Any]:
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    return load((ROOT / "manifest.yml").read_text())


class Registered:
    """What the code has registered at a real app, by kind, and the app to ask who would handle a request."""

    def __init__(self) -> None:
        workspace = Workspace("T1", "", "U0BOT", "B0BOT", Channels("C1", "C2", "C3"), {}, ())
        self.app = bolt_app(workspace, AsyncWebClient(token="xoxb-1"))
        self.names: dict[str, list[Any]] = defaultdict(list)
        for kind in ("event", "message", "command", "action", "shortcut", "view", "options", "function"):
            self._record(kind)
        nothing: Any = None
        nothings = (nothing, nothing, nothing, nothing)
        deps = Deps(*nothings, "", nothing, "U0BOT", "/case", nothing, nothing)
        register_listeners(self.app, deps)

    def _record(self, kind: str) -> None:
        original = getattr(self.app, kind)

        def recording(constraint: Any, *more: Any, **others: Any) -> Any:
            self.names[kind].append(constraint)
            return original(constraint, *more, **others)

        setattr(self.app, kind, recording)

    def plain(self, kind: str) -> set[str]:
        """The names registered, without the catch-all."""
        return {name for name in self.names[kind] if isinstance(name, str)}

    async def handler(self, body: dict[str, Any]) -> str | None:
        """The module of the first listener that takes the request."""
        return await handler_of(self.app, body)


async def handler_of(app: AsyncApp, body: dict[str, Any]) -> str | None:
    request = AsyncBoltRequest(mode="socket_mode", body=body)
    for listener in app._async_listeners:
        if await listener.async_matches(req=request, resp=BoltResponse(status=404)):
            return listener.ack_function.__module__
    return None


def event_body(name: str) -> dict[str, Any]:
    event: dict[str, Any] = {"type": name.split(".")[0], "user": "U1", "channel": "C1", "ts": "1.1"}
    if name in CHANNEL_TYPES:
        event["channel_type"] = CHANNEL_TYPES[name]
    return {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": event}


@pytest.fixture(scope="module")
def registered() -> Registered:
    return Registered()


def declared_events(manifest: dict[str, Any]) -> list[str]:
    return manifest["settings"]["event_subscriptions"]["bot_events"]


def declared_scopes(manifest: dict[str, Any]) -> list[str]:
    return manifest["oauth_config"]["scopes"]["bot"]


class TestShape:
    @pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
    def test_slacks_schema_takes_it(self, manifest: dict[str, Any], version: str) -> None:
        path = SCHEMAS / f"manifest.schema.{version}.json"
        if not path.is_file():
            pytest.skip(
                f"Slack's manifest schemas are not here: name their folder in CASEWIRE_SLACK_SCHEMAS ({path})"
            )
        schema = json.loads(path.read_text())
        errors = list(jsonschema.validators.validator_for(schema)(schema).iter_errors(manifest))
        assert [error.message for error in errors] == []

    def test_it_installs_without_any_address_of_ours(self, manifest: dict[str, Any]) -> None:
        assert manifest["settings"]["socket_mode_enabled"] is True
        assert "request_url" not in json.dumps(manifest)
        assert all("url" not in command for command in manifest["features"]["slash_commands"])

    def test_people_can_write_to_it_and_it_has_a_home(self, manifest: dict[str, Any]) -> None:
        assert manifest["features"]["app_home"] == {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        }

    def test_it_keeps_to_slacks_lengths(self, manifest: dict[str, Any]) -> None:
        assert manifest["display_information"]["name"] == "Casewire"
        assert len(manifest["display_information"]["description"]) <= 140
        for command in manifest["features"]["slash_commands"]:
            assert re.fullmatch(r"/[a-z0-9_-]{1,31}", command["command"])


class TestEvents:
    async def test_each_declared_one_is_handled_by_a_listener_of_its_own(
        self, manifest: dict[str, Any], registered: Registered
    ) -> None:
        for name in declared_events(manifest):
            module = await registered.handler(event_body(name))
            about_channels = name.startswith(("channel_", "group_", "member_"))
            own = "desk_channels" if about_channels else name.split(".")[0]
            assert module == f"bot.listeners.events.{own}", name

    def test_each_handled_one_is_declared(self, manifest: dict[str, Any], registered: Registered) -> None:
        declared = {name.split(".")[0] for name in declared_events(manifest)}
        assert registered.plain("event") == declared
        assert registered.names["message"] == []

    async def test_whatever_else_comes_is_taken_too(self, registered: Registered) -> None:
        assert await registered.handler(event_body("emoji_changed")) == "bot.listeners.events.anything_else"

    def test_messages_are_taken_first(self, registered: Registered) -> None:
        assert registered.names["event"][0] == "message"

    def test_messages_are_declared_for_every_place_they_may_stand_in(self, manifest: dict[str, Any]) -> None:
        assert {name for name in declared_events(manifest) if name.startswith("message")} == set(CHANNEL_TYPES)

    def test_each_is_an_event_that_exists(self, manifest: dict[str, Any]) -> None:
        assert set(declared_events(manifest)) <= set(EVENT_SCOPES)

    def test_each_has_its_scope(self, manifest: dict[str, Any]) -> None:
        needed = {EVENT_SCOPES[name] for name in declared_events(manifest)} - {None}
        assert needed <= set(declared_scopes(manifest))


class TestCommandsAndButtons:
    async def test_each_declared_command_is_handled(
        self, manifest: dict[str, Any], registered: Registered
    ) -> None:
        for command in manifest["features"]["slash_commands"]:
            body = {"command": command["command"], "text": "", "user_id": "U1", "team_id": "T1"}
            assert await registered.handler(body) == "bot.listeners.commands.case"

    def test_each_handled_command_is_declared(self, manifest: dict[str, Any], registered: Registered) -> None:
        assert registered.plain("command") == {
            command["command"] for command in manifest["features"]["slash_commands"]
        }
        assert all(isinstance(name, str) for name in registered.names["command"])

    async def test_each_button_we_show_is_handled(self, registered: Registered) -> None:
        for action in shown_actions():
            body = {"type": "block_actions", "actions": [{"action_id": action, "type": "button"}]}
            module = await registered.handler(body)
            assert module is not None, action
            assert module.startswith("bot.listeners.actions."), action

    def test_each_handled_button_is_shown_and_interactivity_is_on(
        self, manifest: dict[str, Any], registered: Registered
    ) -> None:
        assert registered.plain("action") == shown_actions()
        assert manifest["settings"]["interactivity"]["is_enabled"] is True

    def test_shortcuts_are_those_that_are_declared(self, manifest: dict[str, Any], registered: Registered) -> None:
        declared = {shortcut["callback_id"] for shortcut in manifest["features"].get("shortcuts", [])}
        assert registered.plain("shortcut") == declared
        assert registered.names["options"] == registered.names["function"] == []

    async def test_each_shortcut_is_handled(self, manifest: dict[str, Any], registered: Registered) -> None:
        for shortcut in manifest["features"]["shortcuts"]:
            assert shortcut["type"] == "message"
            body = {"type": "message_action", "callback_id": shortcut["callback_id"]}
            assert await registered.handler(body) == f"bot.listeners.shortcuts.{shortcut['callback_id']}"

    async def test_each_form_we_open_is_handled_and_no_other(self, registered: Registered) -> None:
        callbacks = {value for name, value in vars(bot.blocks.forms).items() if name.startswith("CALLBACK_")}
        assert registered.plain("view") == callbacks
        for callback in callbacks:
            body = {"type": "view_submission", "view": {"type": "modal", "callback_id": callback}}
            module = await registered.handler(body)
            assert module is not None, callback
            assert module.startswith("bot.listeners.views."), callback


class TestScopes:
    def test_they_are_those_the_bot_checks_at_its_start(self, manifest: dict[str, Any]) -> None:
        assert sorted(SCOPES) == sorted(declared_scopes(manifest))

    def test_each_is_a_scope_that_exists(self, manifest: dict[str, Any]) -> None:
        assert set(declared_scopes(manifest)) <= KNOWN_SCOPES

    @pytest.mark.parametrize(
        ("written", "misspelt"), [("message.im\n", "message.imm\n"), ("commands\n", "comands\n")]
    )
    def test_a_misspelt_name_is_caught(self, written: str, misspelt: str) -> None:
        wrong = load((ROOT / "manifest.yml").read_text().replace(written, misspelt))
        assert not (
            set(declared_events(wrong)) <= set(EVENT_SCOPES) and set(declared_scopes(wrong)) <= KNOWN_SCOPES
        )


def shown_actions() -> set[str]:
    """The action ids of all our builders: by convention each is a constant ACTION_…"""
    found = set()
    for module in pkgutil.iter_modules(bot.blocks.__path__, "bot.blocks."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.startswith("ACTION_"):
                found.add(value)
    return found
