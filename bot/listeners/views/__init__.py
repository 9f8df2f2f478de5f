"""Forms that were filled in and sent."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps

from . import begin_case, close_case


def register(app: AsyncApp, deps: Deps) -> None:
    begin_case.register(app, deps)
    close_case.register(app, deps)
