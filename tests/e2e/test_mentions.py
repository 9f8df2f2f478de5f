"""In the support channel, outside of case threads, the bot keeps to itself unless it is mentioned."""

from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, OMAR, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import words


class TestChatter:
    async def test_it_is_ignored_and_not_stored(self, desk: Desk) -> None:
        await desk.opened()
        root = await desk.slack.post(BEN, SUPPORT, "Who brings the coffee?")
        await desk.slack.post(ADA, SUPPORT, "// I do. I'm closing this case.", thread_ts=root)
        edited = await desk.slack.post(ADA, SUPPORT, "urgent!", thread_ts=root)
        await desk.slack.edit(ADA, SUPPORT, edited, "not so urgent!")
        await desk.slack.delete(ADA, SUPPORT, edited)
        await desk.opened(OMAR, "Hello")
        items = await desk.rows("SELECT kind, lane FROM inbox")
        assert {item["lane"] for item in items} == {f"customer:{DANA}", f"customer:{OMAR}"}
        assert desk.marks(root) == set()
        assert len(desk.slack.messages(SUPPORT, root)) == 2


class TestAMention:
    async def test_it_is_answered_with_help_below_it(self, desk: Desk) -> None:
        ts = await desk.slack.post(BEN, SUPPORT, f"Hey <@{BOT_USER}>, what can you do?")
        await desk.until(lambda: len(desk.slack.messages(SUPPORT, ts)) == 2)
        answer = desk.slack.messages(SUPPORT, ts)[-1]
        assert f"<#{SUPPORT}>" in words(answer)
        assert "/case help" in words(answer)
        assert desk.cards() == []

    async def test_in_a_thread_of_chatter_it_is_answered_there(self, desk: Desk) -> None:
        root = await desk.slack.post(BEN, SUPPORT, "How does this work?")
        await desk.slack.post(ADA, SUPPORT, f"Ask <@{BOT_USER}>", thread_ts=root)
        await desk.until(lambda: len(desk.slack.messages(SUPPORT, root)) == 3)

    async def test_in_a_cases_thread_it_reaches_nobody_and_brings_no_help(self, desk: Desk) -> None:
        card = await desk.opened()
        posts = [
            await desk.slack.post(ADA, SUPPORT, f"<@{BOT_USER}> how do I close this?", thread_ts=card["ts"]),
            await desk.slack.post(BEN, SUPPORT, f"<@{BOT_USER}> help", thread_ts=card["ts"]),
        ]
        await desk.until(lambda: all(desk.marks(ts) == {"lock"} for ts in posts))
        await desk.answer(card, "One moment")
        assert not any("how do I close" in words(post) for post in desk.inbox_of(DANA))
        assert len(desk.thread(card)) == 5  # rules, mirror, and the three posts

    async def test_the_same_mention_delivered_twice_is_answered_once(self, desk: Desk) -> None:
        desk.slack.lose_acks(4)
        ts = await desk.slack.post(BEN, SUPPORT, f"<@{BOT_USER}>")
        await desk.until(lambda: len(desk.slack.messages(SUPPORT, ts)) == 2)
        desk.slack.deliver_again()
        await desk.opened()
        assert len(desk.slack.messages(SUPPORT, ts)) == 2
