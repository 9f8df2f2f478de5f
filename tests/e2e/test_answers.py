"""An answer in the thread reaches the customer, and its author sees that it did."""

from bot.sandbox.people import ADA, BEN, DANA, SUPPORT
from tests.support.desk import Desk


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

    async def test_a_note_stays_inside(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "// check the warehouse first", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        assert all("warehouse" not in post["text"] for post in desk.inbox_of(DANA))
