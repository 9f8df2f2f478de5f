"""What is chosen in the Home tab: which queue, whose cases, which page. No case is changed by it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks import home
from bot.listeners.deps import Deps
from storage.home_views import Place, read_cursor
from storage.queues import Queue

Change = Callable[[Place, dict[str, Any]], Place]


def _to_next(place: Place, action: dict[str, Any]) -> Place:
    try:
        return place.at_next(read_cursor(str(action["value"])))
    except (ValueError, TypeError, json.JSONDecodeError):
        return place.at_first()


_CHANGES: dict[str, Change] = {
    home.ACTION_ESCALATED: lambda place, _: place.at_queue(Queue.ESCALATED),
    home.ACTION_WAITING: lambda place, _: place.at_queue(Queue.WAITING),
    home.ACTION_OPEN: lambda place, _: place.at_queue(Queue.OPEN),
    home.ACTION_CUSTOMER: lambda place, action: place.at_customer(action.get("selected_user")),
    home.ACTION_ALL: lambda place, _: place.at_customer(None),
    home.ACTION_FIRST: lambda place, _: place.at_first(),
    home.ACTION_BACK: lambda place, action: place.at_back(int(action["value"])),
    home.ACTION_NEXT: _to_next,
}


def register(app: AsyncApp, deps: Deps) -> None:
    async def choose(ack: AsyncAck, body: dict[str, Any]) -> None:
        await ack()
        action = body["actions"][0]
        change = _CHANGES[action["action_id"]]
        await deps.homes.moved(str(body["user"]["id"]), lambda place: change(place, action))

    for action_id in _CHANGES:
        app.action(action_id)(choose)
