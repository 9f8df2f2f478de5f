"""However Slack delivers, each message counts once, and what comes late says when it was written."""

import re

from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.support.desk import Desk
from tests.support.late import kept_back
from tests.support.posts import words


class TestDeliveredAgain:
    async def test_a_message_counts_once(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.ack_deadline = 0.3
        desk.slack.deliver_again()
        desk.slack.lose_acks(3)
        await desk.write("Hello?")
        await desk.write("Is anybody there?")
        await desk.until(lambda: desk.slack.traffic.of("event_unacked"))
        await desk.write("Fine.")
        rows = await desk.rows("SELECT body FROM messages ORDER BY timestamp")
        assert [row["body"] for row in rows][1:] == ["Hello?", "Is anybody there?", "Fine."]
        assert len(desk.mirrors(card)) == 4

    async def test_an_answer_is_sent_once(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.ack_deadline = 0.3
        desk.slack.lose_acks(1)
        ts = await desk.slack.post(ADA, SUPPORT, "Good morning", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        await desk.until(lambda: desk.slack.traffic.of("event_unacked"))
        await desk.answer(card, "How are you?")
        assert sum("Good morning" in words(post) for post in desk.inbox_of(DANA)) == 1

    async def test_one_gesture_that_arrives_as_two_messages_counts_once(self, desk: Desk) -> None:
        card = await desk.opened()
        dm = desk.slack.dm_channel(DANA)
        for _ in range(2):
            await desk.slack.post(DANA, dm, "Hello?", client_msg_id="6a1f2f9c-0000-4000-8000-000000000001")
        await desk.slack.dm(DANA, "Is anybody there?")
        await desk.until(lambda: any("Is anybody there?" in words(post) for post in desk.mirrors(card)))
        assert len(desk.mirrors(card)) == 3


class TestOutOfOrder:
    async def test_what_arrives_together_is_put_in_the_order_of_writing(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.hold_events()
        for line in ("one", "two", "three"):
            await desk.slack.dm(DANA, line)
        desk.slack.release_events(backwards=True)
        await desk.until(lambda: len(desk.mirrors(card)) == 4)
        rows = await desk.rows("SELECT body FROM messages ORDER BY timestamp")
        assert [row["body"] for row in rows][1:] == ["one", "two", "three"]
        shown = [words(post) for post in desk.mirrors(card)[1:]]
        in_order = [post.split("\n")[0] for post in shown]
        late = ["earlier than what stands above" in post for post in shown]
        # In order, but for what was shown already when it came: that says its time.
        assert in_order == ["one", "two", "three"] or any(late)

    async def test_a_latecomer_carries_its_time(self, desk: Desk) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            await desk.slack.dm(DANA, "the first")
        await desk.write("the second")
        deliver()
        await desk.until(lambda: len(desk.mirrors(card)) == 3)
        said = words(desk.mirrors(card)[-1])
        assert "the first" in said
        assert re.search(r"written \d{4}-\d\d-\d\d \d\d:\d\d UTC, earlier than what stands above", said)
        assert "earlier" not in words(desk.mirrors(card)[1])
        rows = await desk.rows("SELECT body FROM messages ORDER BY timestamp")
        assert [row["body"] for row in rows][1:] == ["the first", "the second"]

    async def test_an_answer_before_what_was_written_later_leaves_it_unanswered(self, desk: Desk) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            ts = await desk.slack.post(ADA, SUPPORT, "Good morning", thread_ts=card["ts"])
        await desk.write("Another thing")
        deliver()
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        (case,) = await desk.rows("SELECT unanswered, waiting_since FROM cases")
        assert case["unanswered"] == 1
        assert case["waiting_since"] is not None


class TestLongTexts:
    async def test_the_body_is_cut_with_a_mark_and_the_whole_reaches_both_sides_in_order(self, desk: Desk) -> None:
        text = " ".join(f"näm{number:05}" for number in range(1500))
        card = await desk.opened(DANA, text)
        await desk.until(lambda: len(desk.mirrors(card)) == 4)
        shown = "".join(post["blocks"][0]["elements"][0]["elements"][0]["text"] for post in desk.mirrors(card))
        assert shown == text
        parts = [re.search(r"part (\d) of 4", words(post)) for post in desk.mirrors(card)]
        assert [part and part[1] for part in parts] == ["1", "2", "3", "4"]
        await desk.answer(card, text)
        sent = "".join(post["blocks"][0]["elements"][0]["elements"][0]["text"] for post in desk.inbox_of(DANA)[1:])
        assert sent == text
        for message in await desk.rows("SELECT body FROM messages"):
            assert len(message["body"].encode()) <= 10 * 1024
            assert "cut here" in message["body"]
            assert text.startswith(message["body"].partition("\n…")[0])
        sizes = await desk.rows("SELECT size FROM attachments")
        assert [row["size"] for row in sizes] == [len(text.encode())] * 2
