"""What happens to the desk's own channels while it runs: people are told, health says so, nothing is lost."""

import pytest

from bot.sandbox.people import ADA, ALERTS, BOT_USER, DANA, OMAR, SUPPORT
from tests.faults.health import becomes
from tests.support.desk import Desk, running_desk
from tests.support.posts import words

TROUBLE = "I cannot work in"
BACK = "I can work in"


def told(desk: Desk, said: str, channel: str = ALERTS) -> list[str]:
    return [words(post) for post in desk.slack.messages(channel) if said in words(post)]


@pytest.mark.parametrize(
    ("trouble", "meaning"), [("kicked", "no longer a member"), ("archived", "it is archived")]
)
async def test_a_channel_that_is_lost_is_told_of_at_once_and_taken_up_again_at_once(
    desk: Desk, trouble: str, meaning: str
) -> None:
    if trouble == "kicked":
        desk.slack.kick(BOT_USER, SUPPORT)
    else:
        desk.slack.archive(SUPPORT, ADA)
    await desk.until(lambda: told(desk, TROUBLE))
    assert meaning in told(desk, TROUBLE)[0]
    assert (await becomes(desk, 503))["slack"] == "disconnected"
    await desk.slack.dm(DANA, "Is anybody there?")
    await desk.until(lambda: desk.inbox_of(DANA))  # the customer is told that it was received
    if trouble == "kicked":
        desk.slack.invite(BOT_USER, SUPPORT)
    else:
        desk.slack.archive(SUPPORT, ADA, archived=False)
    await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
    await desk.until(lambda: told(desk, BACK))
    await becomes(desk, 200)
    assert len(told(desk, TROUBLE)) == 1


async def test_trouble_with_the_alerting_channel_is_told_in_the_support_channel(desk: Desk) -> None:
    desk.slack.archive(ALERTS, ADA)
    await desk.until(lambda: told(desk, TROUBLE, SUPPORT))
    desk.slack.archive(ALERTS, ADA, archived=False)
    await desk.until(lambda: told(desk, BACK, SUPPORT))
    await becomes(desk, 200)


async def test_other_channels_are_nobodys_trouble(desk: Desk) -> None:
    desk.slack.add_channel("C0ELSEWHERE", "elsewhere", members=[ADA, BOT_USER])
    desk.slack.archive("C0ELSEWHERE", ADA)
    await desk.opened()
    await becomes(desk, 200)
    assert not told(desk, TROUBLE)


async def test_a_channel_named_by_its_name_is_told_of_when_it_is_renamed(database_url: str) -> None:
    async with running_desk(database_url, support_slack_channel="support") as desk:
        desk.slack.rename_channel(SUPPORT, "help-desk")
        await desk.until(lambda: told(desk, "SUPPORT_SLACK_CHANNEL"))
        (said,) = told(desk, "SUPPORT_SLACK_CHANNEL")
        assert "#support is called #help-desk now" in said
        assert SUPPORT in said
        await desk.opened()


async def test_a_channel_named_by_its_id_may_be_renamed_without_a_word(desk: Desk) -> None:
    desk.slack.rename_channel(SUPPORT, "help-desk")
    await desk.opened()
    assert not told(desk, "is called")


async def test_a_customer_who_joins_the_support_channel_is_warned_of(desk: Desk) -> None:
    await desk.opened(OMAR)
    desk.slack.invite(OMAR, SUPPORT, ADA)
    await desk.until(lambda: told(desk, "customers are in channel"))
    assert "Omar" in told(desk, "customers are in channel")[0]
