"""views.*: modals and the Home tab."""

from __future__ import annotations

import secrets

from bot.sandbox.block_kit import check_view
from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json
from bot.sandbox.people import APP_ID, BOT_ID, TEAM_ID
from bot.sandbox.web_api.call import Api, Args, Method


def open_view(api: Api, args: Args) -> Json:
    """views.open: needs the trigger_id of a gesture, within its 3 s."""
    user = api.interactions.use_trigger(args.required("trigger_id"))
    view = as_shown(api, check_view(args.structure("view")), user)
    api.workspace.views[view["id"]] = view
    api.workspace.bell.ring()
    return {"view": _public(view)}


def push(api: Api, args: Args) -> Json:
    """views.push: on top of the modal that is open; Slack allows three."""
    user = api.interactions.use_trigger(args.required("trigger_id"))
    stack = [v for v in api.workspace.views.values() if v["_user"] == user]
    if not stack:
        raise SlackError("not_found")
    if len(stack) >= 3:
        raise SlackError("push_limit_reached")
    view = as_shown(api, check_view(args.structure("view")), user)
    view |= {"previous_view_id": stack[-1]["id"], "root_view_id": stack[0]["id"]}
    api.workspace.views[view["id"]] = view
    api.workspace.bell.ring()
    return {"view": _public(view)}


def update(api: Api, args: Args) -> Json:
    """views.update: by view_id or external_id, guarded by `hash` if that is given."""
    external = args.text("external_id")
    wanted = args.text("view_id")
    current = api.workspace.views.get(wanted or "")
    if external:
        current = next((v for v in api.workspace.views.values() if v["external_id"] == external), None)
    if current is None:
        raise SlackError("not_found")
    _check_hash(args, current)
    view = as_shown(api, check_view(args.structure("view")), current["_user"])
    view |= {name: current[name] for name in ("id", "root_view_id", "previous_view_id")}
    api.workspace.views[view["id"]] = view
    api.workspace.bell.ring()
    return {"view": _public(view)}


def publish(api: Api, args: Args) -> Json:
    """views.publish: somebody's Home tab."""
    user = api.workspace.user(args.required("user_id"))
    current = api.workspace.homes.get(user.id)
    if current is not None:
        _check_hash(args, current)
    view = as_shown(api, check_view(args.structure("view")), user.id)
    if view["type"] != "home":
        raise SlackError("invalid_arguments")
    if current is not None:
        view["id"] = view["root_view_id"] = current["id"]
    api.workspace.homes[user.id] = view
    api.workspace.bell.ring()
    return {"view": _public(view)}


def as_shown(api: Api, view: Json, user: str) -> Json:
    """The view object as Slack keeps it; `_user`, whose view it is, stays in the sandbox."""
    view_id = api.workspace.new_id("V")
    return {
        "id": view_id,
        "team_id": TEAM_ID,
        "callback_id": "",
        "external_id": "",
        "private_metadata": "",
        "title": None,
        "close": None,
        "submit": None,
        "clear_on_close": False,
        "notify_on_close": False,
        "submit_disabled": False,
        **view,
        "state": {"values": {}},
        "hash": f"{int(api.clock.now())}.{secrets.token_hex(4)}",
        "root_view_id": view_id,
        "previous_view_id": None,
        "app_id": APP_ID,
        "app_installed_team_id": TEAM_ID,
        "bot_id": BOT_ID,
        "_user": user,
    }


def _public(view: Json) -> Json:
    return {key: value for key, value in view.items() if key != "_user"}


def _check_hash(args: Args, current: Json) -> None:
    given = args.text("hash")
    if given and given != current["hash"]:
        raise SlackError("hash_conflict")


METHODS = {
    "views.open": Method(open_view),
    "views.push": Method(push),
    "views.update": Method(update),
    "views.publish": Method(publish),
}
