"""The workspace a sandbox starts with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bot.sandbox.workspace import Workspace

TEAM_ID: Final = "T0SANDBOX1"
TEAM_DOMAIN: Final = "sandbox"
TEAM_NAME: Final = "Sandbox"

APP_ID: Final = "A0CASEWIRE"
BOT_ID: Final = "B0CASEWIRE"
BOT_USER: Final = "U0CASEWIRE"
SLACKBOT: Final = "USLACKBOT"

BOT_TOKEN: Final = "xoxb-sandbox-casewire"  # noqa: S105
APP_TOKEN: Final = "xapp-1-A0CASEWIRE-sandbox"  # noqa: S105
VERIFICATION_TOKEN: Final = "sandbox-verification-token"  # noqa: S105

DANA: Final = "U0DANALEE1"
OMAR: Final = "U0OMARSY01"
ADA: Final = "U0ADAADM01"
GRACE: Final = "U0GRACEH01"
BEN: Final = "U0BENBYS01"

ADAS_ADDRESS: Final = "ada@desk.example"

SUPPORT: Final = "C0SUPPORT1"
ALERTS: Final = "C0ALERTS01"
LOG: Final = "C0LOGGING1"

HELPDESK: Final = "S0HELPDESK"

DEFAULT_SCOPES: Final = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "im:history",
        "im:read",
        "im:write",
        "metadata.message:read",
        "reactions:read",
        "reactions:write",
        "usergroups:read",
        "users:read",
        "users:read.email",
    }
)


def furnish(workspace: Workspace) -> None:
    """Fill an empty workspace with the default people, channels and user group."""
    workspace.add_user(BOT_USER, "casewire", "Casewire", is_bot=True)
    workspace.add_user(DANA, "dana", "Dana Lee", email="dana@customer.example")
    workspace.add_user(OMAR, "omar", "Omar Sy", email="omar@customer.example")
    workspace.add_user(ADA, "ada", "Ada Admin", email=ADAS_ADDRESS, is_admin=True)
    workspace.add_user(GRACE, "grace", "Grace Hopper", email="grace@desk.example")
    workspace.add_user(BEN, "ben", "Ben Bystander", email="ben@desk.example")
    desk = [BOT_USER, ADA, GRACE, BEN]
    workspace.add_channel(SUPPORT, "support", members=desk)
    workspace.add_channel(ALERTS, "alerts", members=desk)
    workspace.add_channel(LOG, "log", members=desk)
    workspace.set_usergroup(HELPDESK, "helpdesk", "Help desk", [GRACE])
