"""Events: what is written, who is mentioned, who changed, what becomes of channels. The rest is acknowledged."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps

from . import anything_else, app_home_opened, app_mention, desk_channels, file_deleted, message, user_change


def register(app: AsyncApp, deps: Deps) -> None:
    message.register(app, deps)
    app_mention.register(app, deps)
    file_deleted.register(app, deps)
    user_change.register(app, deps)
    app_home_opened.register(app, deps)
    desk_channels.register(app, deps)
    anything_else.register(app)
