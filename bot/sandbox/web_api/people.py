"""api.test, auth.test, apps.*, bots.*, users.* and usergroups.*."""

from __future__ import annotations

from bot.sandbox.errors import SlackError
from bot.sandbox.model import Json
from bot.sandbox.people import APP_ID, BOT_ID, BOT_USER, TEAM_DOMAIN, TEAM_ID, TEAM_NAME
from bot.sandbox.web_api.call import Api, Args, Method, page


def api_test(api: Api, args: Args) -> Json:
    """api.test: gives back what it was given; `error` asks for a failure."""
    if error := args.text("error"):
        raise SlackError(error, args=args.values)
    return {"args": args.values}


def auth_test(api: Api, args: Args) -> Json:
    """auth.test."""
    return {
        "url": f"https://{TEAM_DOMAIN}.slack.com/",
        "team": TEAM_NAME,
        "user": api.workspace.user(BOT_USER).name,
        "team_id": TEAM_ID,
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def connections_open(api: Api, args: Args) -> Json:
    """apps.connections.open: the URL of one Socket Mode connection."""
    if not api.sockets.enabled:
        raise SlackError("socket_mode_not_enabled")
    ticket = api.sockets.mint_ticket()
    host = api.base_url.removeprefix("http://")
    return {"url": f"ws://{host}/link/?ticket={ticket}&app_id={APP_ID}"}


def bots_info(api: Api, args: Args) -> Json:
    """bots.info of our own bot."""
    if args.text("bot") not in (None, BOT_ID):
        raise SlackError("bot_not_found")
    name = api.workspace.user(BOT_USER).real_name
    bot = {"id": BOT_ID, "deleted": False, "name": name, "updated": 0, "app_id": APP_ID, "user_id": BOT_USER}
    return {"bot": bot | {"icons": {"image_48": "https://avatars.sandbox.example/bot_48.png"}}}


def info(api: Api, args: Args) -> Json:
    """users.info."""
    user = api.workspace.user(args.required("user"))
    return {"user": user.to_slack(with_email=_sees_email(api))}


def lookup_by_email(api: Api, args: Args) -> Json:
    """users.lookupByEmail: active people of the workspace only."""
    email = args.required("email").lower()
    for user in api.workspace.users.values():
        if user.email and user.email.lower() == email and not user.deleted and not user.is_stranger:
            return {"user": user.to_slack(with_email=True)}
    raise SlackError("users_not_found")


def list_all(api: Api, args: Args) -> Json:
    """users.list."""
    rows, cursor = page(list(api.workspace.users.values()), args, default=1000)
    shown = [user.to_slack(with_email=_sees_email(api)) for user in rows]
    answer: Json = {"members": shown, "cache_ts": int(api.clock.now())}
    return answer | {"response_metadata": {"next_cursor": cursor}}


def usergroups_list(api: Api, args: Args) -> Json:
    """usergroups.list."""
    with_users = args.flag("include_users")
    return {"usergroups": [g.to_slack(with_users=with_users) for g in api.workspace.usergroups.values()]}


def usergroup_users(api: Api, args: Args) -> Json:
    """usergroups.users.list."""
    group = api.workspace.usergroups.get(args.required("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def _sees_email(api: Api) -> bool:
    return "users:read.email" in api.scopes


METHODS = {
    "api.test": Method(api_test, caller="none"),
    "auth.test": Method(auth_test, caller="any"),
    "apps.connections.open": Method(connections_open, caller="app"),
    "bots.info": Method(bots_info, ("users:read",)),
    "users.info": Method(info, ("users:read",)),
    "users.lookupByEmail": Method(lookup_by_email, ("users:read.email",)),
    "users.list": Method(list_all, ("users:read",)),
    "usergroups.list": Method(usergroups_list, ("usergroups:read",)),
    "usergroups.users.list": Method(usergroup_users, ("usergroups:read",)),
}
