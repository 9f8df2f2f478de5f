"""A post says, unseen, what it follows from, so that a restored desk knows it again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.post import Post
from bot.courier.origins import origins_of
from bot.courier.slack import SlackGateway
from bot.sandbox.people import SUPPORT
from bot.sandbox.server import LocalSlack
from storage.outbox import OutboxRow

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(minutes=1)


def row(**changed: Any) -> OutboxRow:
    given: dict[str, Any] = {
        "id": 1,
        "kind": "mirror",
        "payload": {"part": 1},
        "item_key": "post:D1:1.1",
    } | changed
    rest = {
        "dedupe_key": "d",
        "lane": "l",
        "destination": SUPPORT,
        "case_id": "CASE_001",
        "message_id": 1,
        "state": "pending",
        "attempts": 0,
        "looks": 0,
        "created_at": NOW,
        "first_attempt_at": None,
        "failures": 0,
    }
    return OutboxRow(**(rest | given))


@pytest.fixture
async def gateway() -> AsyncIterator[SlackGateway]:
    async with LocalSlack() as slack:
        yield SlackGateway(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))


def test_rows_of_one_item_are_told_apart_and_numbers_of_the_desk_do_not_count() -> None:
    named = origins_of(
        [
            row(),
            row(payload={"part": 2}),
            row(kind="received", payload={}),
            row(kind="thread_notice", payload={"notice": "escalated"}),
            row(item_key="post:D1:2.2"),
        ]
    )
    assert len(set(named)) == 5
    assert origins_of([row(id=2, message_id=7, case_id="CASE_009", dedupe_key="e")]) == named[:1]


def test_what_follows_from_no_item_says_nothing() -> None:
    assert origins_of([row(item_key=None)]) == []


async def test_a_post_that_shows_several_is_found_by_each_and_in_its_thread_alone(gateway: SlackGateway) -> None:
    first, second = row(), row(item_key="post:D1:2.2")
    other = row(item_key="post:D1:3.3")
    card = await gateway.post(SUPPORT, Post("the card"), 1)
    ts = await gateway.post(SUPPORT, Post("both"), 2, card, origins=origins_of([first, second]))
    for shown in (first, second):
        (name,) = origins_of([shown])
        assert await gateway.find_origin(SUPPORT, card, name, BEFORE) == ts
        assert await gateway.find_origin(SUPPORT, None, name, BEFORE) is None
    (name,) = origins_of([other])
    assert await gateway.find_origin(SUPPORT, card, name, BEFORE) is None
    assert await gateway.find(SUPPORT, card, 2, BEFORE) == ts
