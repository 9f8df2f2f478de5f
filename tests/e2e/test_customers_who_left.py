"""An answer to somebody who is not there any more fails visibly: Slack itself would take it without a word."""

from bot.sandbox.people import ADA, DANA, OMAR, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import mentioned, words


async def test_an_answer_to_a_deactivated_customer_fails_and_its_author_is_told_why(desk: Desk) -> None:
    card = await desk.opened()
    await desk.answer(card, "Hello Dana")
    desk.slack.change_user(DANA, deleted=True)
    ts = await desk.slack.post(ADA, SUPPORT, "Are you still there?", thread_ts=card["ts"])
    await desk.until(lambda: desk.marks(ts) == {"x"})
    await desk.until(lambda: any(ADA in mentioned(post) for post in desk.thread(card)))
    notice = words(desk.thread(card)[-1])
    assert "the customer's account is deactivated" in notice
    assert not any("still there" in words(post) for post in desk.inbox_of(DANA))
    await desk.until(lambda: "Customer waiting since" in words(desk.cards()[0]))


async def test_who_comes_back_gets_answers_again(desk: Desk) -> None:
    card = await desk.opened()
    desk.slack.change_user(DANA, deleted=True)
    ts = await desk.slack.post(ADA, SUPPORT, "Are you still there?", thread_ts=card["ts"])
    await desk.until(lambda: desk.marks(ts) == {"x"})
    desk.slack.change_user(DANA, deleted=False)
    await desk.answer(card, "Welcome back")
    assert "Welcome back" in words(desk.inbox_of(DANA)[-1])


async def test_nobody_else_waits_for_it(desk: Desk) -> None:
    await desk.opened()
    desk.slack.change_user(DANA, deleted=True)
    other = await desk.opened(OMAR)
    await desk.answer(other, "Hello Omar")


async def test_a_lookup_that_fails_delays_the_answer_and_never_drops_it(desk: Desk) -> None:
    card = await desk.opened()
    desk.slack.change_user(DANA, real_name="Dana L.")  # what is known of her is asked anew
    asked = len(desk.slack.calls("users.info"))
    desk.slack.faults.add("users.info", "500", times=4)
    ts = await desk.slack.post(ADA, SUPPORT, "Here you are", thread_ts=card["ts"])
    await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
    assert len(desk.slack.calls("users.info")) - asked > 4
    assert sum("Here you are" in words(post) for post in desk.inbox_of(DANA)) == 1
