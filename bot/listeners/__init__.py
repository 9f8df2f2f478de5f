"""Slack in, in Bolt's own layout: each listener reads what came, makes one call, and answers."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from . import actions, commands, events, shortcuts, views
from .deps import Deps


def register_listeners(app: AsyncApp, deps: Deps) -> None:
    """Messages first: Bolt takes the first listener that matches."""
    events.register(app, deps)
    commands.register(app, deps)
    actions.register(app, deps)
    shortcuts.register(app, deps)
    views.register(app, deps)
