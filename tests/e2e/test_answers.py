"""An answer in the thread reaches the customer, and its author sees that it did."""

import re
from typing import Any

from bot.sandbox.people import ADA, BEN, DANA, GRACE, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import mentioned, words


def reactions_added(desk: Desk, ts: str) -> list[str]:
    return [call["name"] for call in desk.slack.calls("reactions.add") if call["timestamp"] == ts]


def pings(desk: Desk, card: dict[str, Any]) -> list[dict[str, Any]]:
    """The posts in the thread that really mention Ada."""
    return [post for post in desk.thread(card) if ADA in mentioned(post)]


class TestLongAnswers:
    async def test_every_word_of_more_than_ten_kilobytes_reaches_the_customer_and_is_kept(
        self, desk: Desk
    ) -> None:
        card = await desk.opened()
        text = " ".join(f"word{number}" for number in range(4000))
        await desk.answer(card, text)
        sent = "".join(words(post) for post in desk.inbox_of(DANA))
        assert list(re.findall(r"word\d+", sent)) == text.split()
        (kept,) = await desk.rows("SELECT body FROM messages WHERE is_admin")
        assert len(kept["body"].encode()) <= 10 * 1024
        chunks = await desk.rows("SELECT data FROM attachment_chunks ORDER BY number")
        assert b"".join(bytes(row["data"]) for row in chunks).decode() == text


class TestAnswers:
    async def test_an_admins_post_reaches_the_customer_under_the_admins_name(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        ts = await desk.answer(card, "It left this morning.")
        answer = desk.inbox_of(DANA)[-1]
        assert answer["username"] == "Ada Admin"
        assert "It left this morning." in answer["text"]
        assert desk.marks(ts) == {"white_check_mark"}

    async def test_a_bystanders_post_is_not_sent_and_shows_it(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(BEN, SUPPORT, "I know the answer!", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.answer(card, "Thank you for waiting.")
        assert all("I know the answer" not in post["text"] for post in desk.inbox_of(DANA))

    async def test_a_bystanders_post_is_no_answer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(BEN, SUPPORT, "I know the answer!", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        (case,) = await desk.rows("SELECT message_count, last_answer_at, unanswered FROM cases")
        assert case == {"message_count": 1, "last_answer_at": None, "unanswered": 1}
        assert len(await desk.rows("SELECT 1 FROM messages")) == 1

    async def test_several_answers_arrive_in_the_order_of_writing(self, desk: Desk) -> None:
        card = await desk.opened()
        for number in range(5):
            last = await desk.slack.post(ADA, SUPPORT, f"step {number}", thread_ts=card["ts"])
        await desk.until(lambda: "white_check_mark" in desk.marks(last))
        said = [words(post).splitlines()[0] for post in desk.inbox_of(DANA)[1:]]
        assert said == [f"step {number}" for number in range(5)]

    async def test_a_post_also_sent_to_the_channel_is_an_answer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "For all to see", thread_ts=card["ts"], reply_broadcast=True)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        assert "For all to see" in words(desk.inbox_of(DANA)[-1])

    async def test_mentions_and_links_in_it_are_readable(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, f"Ask <@{GRACE}>, or see <https://desk.example/a?b=1&c=2|our page>; 1 < 2 & 3 > 2")
        said = words(desk.inbox_of(DANA)[-1])
        assert "Ask @Grace Hopper, or see our page (https://desk.example/a?b=1&c=2); 1 < 2 & 3 > 2" in said


class TestTwoAdminsAtOnce:
    async def test_the_customer_gets_both_and_both_admins_are_told(self, desk: Desk) -> None:
        card = await desk.opened()
        one = await desk.slack.post(GRACE, SUPPORT, "Monday", thread_ts=card["ts"])
        two = await desk.slack.post(ADA, SUPPORT, "Tuesday", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(one) == desk.marks(two) == {"white_check_mark"})
        await desk.until(lambda: pings(desk, card))
        (told,) = pings(desk, card)
        assert mentioned(told) == {ADA, GRACE}
        assert "at the same time" in words(told)


class TestTheReaction:
    async def test_waiting_is_not_shown_where_sending_is_quick(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, "Hello")
        await desk.answer(card, "And another one")
        assert reactions_added(desk, ts) == ["white_check_mark"]

    async def test_waiting_is_shown_after_two_seconds_and_gives_way_to_sent(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("chat.postMessage", "slow:2.6", channel=desk.slack.dm_channel(DANA))
        ts = await desk.slack.post(ADA, SUPPORT, "Hello", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"hourglass_flowing_sand"})
        assert desk.slack.clock.now() - float(ts) >= 2
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        assert reactions_added(desk, ts) == ["hourglass_flowing_sand", "white_check_mark"]


class TestAFailedAnswer:
    async def test_it_is_marked_and_its_author_told_why(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        for failures, reason in enumerate(("user_disabled", "cannot_dm_bot", "channel_not_found"), 1):
            desk.slack.faults.add("chat.postMessage", f"error:{reason}", channel=desk.slack.dm_channel(DANA))
            ts = await desk.slack.post(ADA, SUPPORT, "It left this morning.", thread_ts=card["ts"])
            await desk.until(lambda ts=ts: desk.marks(ts) == {"x"})
            await desk.until(lambda failures=failures: len(pings(desk, card)) == failures)
            notice = words(pings(desk, card)[-1])
            assert "an answer did not reach the customer" in notice
            assert reason in notice
        assert len(desk.inbox_of(DANA)) == 1  # told nothing of it
        (row,) = await desk.rows("SELECT DISTINCT delivery FROM messages WHERE sender = :ada", ada=ADA)
        assert row["delivery"] == "failed"

    async def test_it_makes_the_case_wait_again(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "Hello")
        desk.slack.faults.add("chat.postMessage", "error:user_disabled", channel=desk.slack.dm_channel(DANA))
        ts = await desk.slack.post(ADA, SUPPORT, "It left this morning.", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await desk.until(lambda: "Customer waiting since" in words(desk.cards()[0]))
        reply = await desk.slack.command(ADA, SUPPORT, "/case", "status")
        assert "waiting for an answer: 1" in reply.messages[0]

    async def test_the_next_one_is_sent_and_takes_the_waiting_away(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        desk.slack.faults.add("chat.postMessage", "error:user_disabled", channel=desk.slack.dm_channel(DANA))
        failed = await desk.slack.post(ADA, SUPPORT, "one", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(failed) == {"x"})
        await desk.answer(card, "two")
        assert desk.marks(failed) == {"x"}
        await desk.until(lambda: "Customer waiting since" not in words(desk.cards()[0]))

    async def test_a_part_that_fails_fails_the_whole(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        desk.slack.faults.add("chat.postMessage", "error:user_disabled", channel=desk.slack.dm_channel(DANA))
        ts = await desk.slack.post(ADA, SUPPORT, "word " * 1500, thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await desk.answer(card, "And now?")
        assert desk.marks(ts) == {"x"}
