"""More is written than Slack lets be posted: waiting messages are shown together, and each stays itself."""

import re
from typing import Any

import pytest

from bot.sandbox.people import ADA, DANA, OMAR, SUPPORT
from tests.support.desk import Desk, running_desk
from tests.support.posts import words

PER_SECOND = 2
MANY = 30
LINE = re.compile(r"line \d+ of customer \d+\.")


def shown(desk: Desk, card: dict[str, Any]) -> str:
    return "\n".join(words(post) for post in desk.thread(card) if "(customer)" in words(post))


async def burst(desk: Desk, user: str = DANA) -> list[str]:
    return [await desk.slack.dm(user, f"line {number:02} of the burst") for number in range(MANY)]


def is_readable(desk: Desk, card: dict[str, Any]) -> bool:
    return all(f"line {number:02} of" in shown(desk, card) for number in range(MANY))


class TestABurst:
    async def test_is_readable_in_fewer_posts_each_message_once_and_in_order(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            await burst(desk)
            await desk.until(lambda: is_readable(desk, card))
            text = shown(desk, card)
            places = [text.index(f"line {number:02} of") for number in range(MANY)]
            assert places == sorted(places)
            assert all(text.count(f"line {number:02} of") == 1 for number in range(MANY))
            together = [post for post in desk.thread(card) if "messages:" in post["text"]]
            assert len(desk.mirrors(card)) < MANY / 2
            assert all("Dana Lee (customer), written 20" in post["text"] for post in together)
            await desk.stop()
            rows = await desk.rows("SELECT state, count(*) AS n FROM outbox WHERE kind = 'mirror' GROUP BY state")
            assert rows == [{"state": "sent", "n": MANY + 1}]

    async def test_of_one_customer_does_not_make_another_wait(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            other = await desk.opened(OMAR)
            await burst(desk)
            await desk.slack.dm(OMAR, "And mine?")
            await desk.until(lambda: "And mine?" in shown(desk, other))
            assert not is_readable(desk, card)

    async def test_edits_and_deletions_change_their_message_alone(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            written = await burst(desk)
            dm = desk.slack.dm_channel(DANA)
            await desk.slack.edit(DANA, dm, written[-1], "line 29 of the burst, mended")  # it waits still
            await desk.until(lambda: is_readable(desk, card) and "mended" in shown(desk, card))
            await desk.slack.edit(DANA, dm, written[-2], "line 28 of the burst, put right")
            await desk.slack.delete(DANA, dm, written[-3])
            await desk.until(lambda: "put right" in shown(desk, card) and "line 27 of" not in shown(desk, card))
            text = shown(desk, card)
            assert text.count("deleted this message") == 1
            assert all(f"line {number:02} of" in text for number in range(MANY) if number != 27)

    async def test_a_lost_answer_to_a_post_of_many_shows_none_twice(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            await burst(desk)
            await desk.until(lambda: any("messages:" in post["text"] for post in desk.thread(card)))
            desk.slack.faults.add("chat.postMessage", "lost_answer", channel=SUPPORT)
            await desk.slack.dm(DANA, "the last line")
            await desk.until(lambda: is_readable(desk, card) and "the last line" in shown(desk, card))
            assert all(shown(desk, card).count(f"line {number:02} of") == 1 for number in range(MANY))

    async def test_when_slack_refuses_many_together_each_is_posted_alone(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            await burst(desk)
            await desk.until(lambda: any("messages:" in post["text"] for post in desk.thread(card)))
            desk.slack.faults.add("chat.postMessage", "error:msg_blocks_too_long", channel=SUPPORT)
            await desk.until(lambda: is_readable(desk, card))
            assert await desk.rows("SELECT id FROM outbox WHERE state = 'parked'") == []

    async def test_answers_are_not_held_up_by_it(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            await burst(desk)
            ts = await desk.slack.post(ADA, SUPPORT, "One moment please", thread_ts=card["ts"])
            await desk.until(lambda: "white_check_mark" in desk.marks(ts))

    async def test_files_of_messages_shown_together_follow(self, database_url: str) -> None:
        async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
            card = await desk.opened()
            await burst(desk)
            await desk.slack.dm(
                DANA, "here is the photo", files=[{"name": "photo.png", "content": b"\x89PNG photo"}]
            )
            await desk.until(lambda: is_readable(desk, card) and "here is the photo" in shown(desk, card))
            await desk.until(lambda: any(post.get("files") for post in desk.thread(card)))


@pytest.mark.slow
async def test_six_hundred_messages_on_fifty_cases_are_readable_in_the_time_of_some_two_hundred_posts(
    database_url: str,
) -> None:
    """The bench measures it at Slack's pace; here it is how many posts it takes."""
    async with running_desk(database_url, slack_posts_per_second=5) as desk:
        people = [f"U0BURST{number:03}" for number in range(50)]
        for number, person in enumerate(people):
            desk.slack.add_user(person, f"burst{number}", f"Customer {number}")
            await desk.slack.dm(person, "hello")
        await desk.until(
            lambda: len(desk.slack.calls("chat.postMessage")) >= 200, 60
        )  # a card, a notice, and two in its thread for each
        before = len(desk.slack.calls("chat.postMessage"))
        for line in range(12):
            for number, person in enumerate(people):
                await desk.slack.dm(person, f"line {line} of customer {number}.")
            await desk.until(lambda: not desk.slack.sockets.undelivered)

        lines = {f"line {line} of customer {number}." for line in range(12) for number in range(50)}
        looked_at = before

        def all_are_readable() -> bool:
            nonlocal looked_at
            calls = desk.slack.calls("chat.postMessage")
            for call in calls[looked_at:]:
                lines.difference_update(LINE.findall(call["text"]))
            looked_at = len(calls)
            return not lines

        await desk.until(all_are_readable, 90)
        posts = sum(call["channel"] == SUPPORT for call in desk.slack.calls("chat.postMessage")[before:])
        assert posts < 250, f"{posts} posts"
