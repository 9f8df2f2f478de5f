"""Shortcuts on messages."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps

from . import case_from_message


def register(app: AsyncApp, deps: Deps) -> None:
    case_from_message.register(app, deps)
