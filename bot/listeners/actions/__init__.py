"""Buttons. Every click's rights are checked where it is decided, not by who can see the button."""

from __future__ import annotations

from slack_bolt.async_app import AsyncApp

from bot.listeners.deps import Deps

from . import acknowledge, close_case, escalate_case, go_to_thread, held_mail, home, reopen_and_send, reopen_case


def register(app: AsyncApp, deps: Deps) -> None:
    acknowledge.register(app, deps)
    reopen_and_send.register(app, deps)
    escalate_case.register(app, deps)
    close_case.register(app, deps)
    reopen_case.register(app, deps)
    held_mail.register(app, deps)
    home.register(app, deps)
    go_to_thread.register(app)
