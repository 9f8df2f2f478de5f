"""Who writes to the bot has one open case, and is told once that it was received."""

import asyncio

from bot.sandbox.people import ADA, DANA, OMAR, SUPPORT, TEAM_DOMAIN
from tests.support.desk import Desk, running_desk
from tests.support.posts import links, words


class TestOpening:
    async def test_a_direct_message_opens_a_case_and_says_that_it_was_received(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
        assert "your message was received" in words(notice)
        assert "CASE_001" in words(notice)
        assert "Our support team answers here" in words(notice)
        assert "Case #CASE_001: Dana Lee" in words(card)
        (row,) = await desk.rows("SELECT case_id, customer_identifier, status, message_count, source FROM cases")
        assert row == {
            "case_id": "CASE_001",
            "customer_identifier": DANA,
            "status": "open",
            "message_count": 1,
            "source": "slack",
        }

    async def test_further_messages_join_the_case_and_are_not_answered_again(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        await desk.write("It should have come on Monday.")
        await desk.write("Hello?")
        await desk.answer(card, "It comes today.")
        assert len(desk.cards()) == 1
        assert len(desk.inbox_of(DANA)) == 2  # received, answered
        (row,) = await desk.rows("SELECT message_count FROM cases")
        assert row["message_count"] == 4

    async def test_messages_written_at_once_open_one_case_and_stand_in_order(self, desk: Desk) -> None:
        lines = [f"line {number}" for number in range(6)]
        for line in lines:
            await desk.slack.dm(DANA, line)
        await desk.until(lambda: desk.cards() and len(desk.mirrors(desk.cards()[0])) == 6)
        assert len(desk.cards()) == 1
        shown = [words(post) for post in desk.mirrors(desk.cards()[0])]
        assert all(line in post for line, post in zip(lines, shown, strict=True))

    async def test_each_customer_has_a_case(self, desk: Desk) -> None:
        await asyncio.gather(desk.slack.dm(DANA, "I am Dana"), desk.slack.dm(OMAR, "I am Omar"))
        await desk.until(lambda: len(desk.cards()) == 2 and all(desk.mirrors(card) for card in desk.cards()))
        for card in desk.cards():
            name = "Dana" if "Dana" in words(card) else "Omar"
            assert f"I am {name}" in words(desk.mirrors(card)[0])
            assert len(desk.mirrors(card)) == 1
        rows = await desk.rows("SELECT customer_identifier FROM cases ORDER BY case_id")
        assert {row["customer_identifier"] for row in rows} == {DANA, OMAR}

    async def test_what_is_written_after_closing_opens_a_new_case_linked_to_the_old_one(self, desk: Desk) -> None:
        old = await desk.opened()
        await desk.answer(old, "I'm closing this case.")
        new = await desk.opened(DANA, "It broke again")
        assert "Case #CASE_002: Dana Lee" in words(new)
        assert "Previous case: CASE_001" in words(new)
        address = f"https://{TEAM_DOMAIN}.slack.com/archives/{SUPPORT}/p{old['ts'].replace('.', '')}"
        assert any(link.startswith(address) for link in links(new))
        assert len(desk.mirrors(old)) == 1
        await desk.until(lambda: "CASE_002" in words(desk.inbox_of(DANA)[-1]))

    async def test_a_guest_may_be_a_customer(self, desk: Desk) -> None:
        desk.slack.add_user("U0GUEST001", "guest", "Gus Guest", is_restricted=True)
        await desk.opened("U0GUEST001", "May I ask something?")

    async def test_another_apps_message_opens_nothing(self, desk: Desk) -> None:
        desk.slack.add_user("U0OTHERBOT", "other", "Other App", is_bot=True)
        await desk.slack.dm("U0OTHERBOT", "Your weekly report")
        await desk.opened(DANA)
        (row,) = await desk.rows("SELECT customer_identifier FROM cases")
        assert row["customer_identifier"] == DANA


class TestReceivedNotice:
    async def test_its_text_is_a_setting(self, database_url: str) -> None:
        async with running_desk(database_url, received_text="Servus! Ihr Fall: {case_id} {0} {nothing}") as desk:
            await desk.opened()
            (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
            assert words(notice) == "Servus! Ihr Fall: CASE_001 {0} {nothing}"

    async def test_it_can_be_switched_off(self, database_url: str) -> None:
        async with running_desk(database_url, received_notice=False) as desk:
            card = await desk.opened()
            await desk.answer(card, "Hello!")
            (answer,) = desk.inbox_of(DANA)
            assert "Hello!" in words(answer)


class TestThreadsOfTheDirectMessage:
    async def test_what_is_written_there_counts_and_the_answer_goes_back_there(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
        await desk.slack.dm(DANA, "I mean the big one", thread_ts=notice["ts"])
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        await desk.answer(card, "The big one is at customs.")
        in_thread = desk.slack.messages(desk.slack.dm_channel(DANA), notice["ts"])
        assert "The big one is at customs." in words(in_thread[-1])
        assert len(desk.cards()) == 1

    async def test_the_answer_follows_the_customer_back_to_the_top(self, desk: Desk) -> None:
        card = await desk.opened()
        (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
        await desk.slack.dm(DANA, "in the thread", thread_ts=notice["ts"])
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        await desk.write("and up here again")
        await desk.answer(card, "I see.")
        answer = desk.inbox_of(DANA)[-1]
        assert "I see." in words(answer)
        assert answer.get("thread_ts", answer["ts"]) == answer["ts"]

    async def test_a_case_opened_in_a_thread_is_received_there(self, desk: Desk) -> None:
        old = await desk.opened()
        await desk.answer(old, "I'm closing this case.")
        root = desk.inbox_of(DANA)[0]["ts"]
        await desk.slack.dm(DANA, "One more thing", thread_ts=root)
        await desk.until(lambda: len(desk.cards()) == 2)
        replies = lambda: desk.slack.messages(desk.slack.dm_channel(DANA), root)  # noqa: E731
        await desk.until(lambda: "CASE_002" in words(replies()[-1]))


class TestTwoAdmins:
    async def test_each_answers_under_the_own_name(self, desk: Desk) -> None:
        from bot.sandbox.people import GRACE

        card = await desk.opened()
        await desk.answer(card, "Ada speaking", ADA)
        await desk.answer(card, "Grace speaking", GRACE)
        named = {post["username"]: words(post) for post in desk.inbox_of(DANA) if post.get("username")}
        assert "Ada speaking" in named["Ada Admin"]
        assert "Grace speaking" in named["Grace Hopper"]
