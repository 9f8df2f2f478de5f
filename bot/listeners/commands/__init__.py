"""Slash commands."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps

from . import case


def register(app: AsyncApp, deps: Deps) -> None:
    case.register(app, deps)
