"""The workspace in words, for whoever reads a failed test."""

from __future__ import annotations

from bot.sandbox.model import Json
from bot.sandbox.traffic import Traffic
from bot.sandbox.workspace import Workspace

LAST_RECORDS = 15
LAST_MESSAGES = 25


def picture(workspace: Workspace, traffic: Traffic) -> str:
    """Every conversation with its newest messages, ephemerals, and the last things on the wire."""
    lines = []
    for channel in workspace.channels.values():
        name = f"#{channel.name}" if channel.name else f"DM of {channel.other}"
        lines.append(f"{channel.id} {name}: {len(channel.messages)} messages")
        for message in list(channel.messages.values())[-LAST_MESSAGES:]:
            indent = "      " if message.get("thread_ts", message["ts"]) != message["ts"] else "   "
            lines.append(indent + _line(message))
    for user, messages in workspace.ephemerals.items():
        lines += [f"only {user} sees: {_line(message)}" for message in messages]
    lines.append("last traffic:")
    for record in list(traffic)[-LAST_RECORDS:]:
        lines.append(f"   #{record.seq} {record.direction} {record.what} {str(record.detail)[:160]}")
    return "\n".join(lines)


def _line(message: Json) -> str:
    who = message.get("username") or message.get("user")
    marks = "".join(f" :{reaction['name']}:" for reaction in message.get("reactions", []))
    kind = f" [{message['subtype']}]" if "subtype" in message else ""
    return f"{message['ts']} {who}{kind}: {str(message.get('text', ''))[:120]!r}{marks}"
