"""One customer writes far more than anybody reads: it costs the others nothing, and raises one alert."""

import pytest

from bot.sandbox.people import DANA, OMAR, SUPPORT
from tests.support.desk import Desk, running_desk
from tests.support.posts import words

PER_SECOND = 5
FEW = 6  # posts in the support channel that may stand between what another wrote and its mirror


def top_level(posts: list[dict]) -> list[dict]:
    return [post for post in posts if post.get("thread_ts", post["ts"]) == post["ts"]]


async def others_wait(desk: Desk, card: dict, text: str) -> int:
    """How many posts of the bot came into the support channel before the mirror of what Omar writes now."""
    posted = len(desk.slack.calls("chat.postMessage"))
    await desk.slack.dm(OMAR, text)
    await desk.until(lambda: any(text in words(post) for post in desk.mirrors(card)))
    calls = desk.slack.calls("chat.postMessage")[posted:]
    return sum(call["channel"] == SUPPORT for call in calls)


def is_readable(desk: Desk, card: dict, count: int) -> bool:
    shown = "\n".join(words(post) for post in desk.mirrors(card))
    return all(f"line {number:04} of the flood" in shown for number in range(count))


@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_a_flood_of_one_customer_costs_the_others_nothing(database_url: str, count: int) -> None:
    async with running_desk(database_url, slack_posts_per_second=PER_SECOND) as desk:
        omars = await desk.opened(OMAR, "I am here, too")
        danas = await desk.opened(DANA, "line 0000 of the flood")
        for number in range(1, count):
            await desk.slack.dm(DANA, f"line {number:04} of the flood")
            if number == count // 2:
                assert await others_wait(desk, omars, "In the middle of it") <= FEW
        assert await others_wait(desk, omars, "At its end") <= FEW
        await desk.until(lambda: is_readable(desk, danas, count), timeout=120)
        assert len(desk.mirrors(danas)) < count / 2  # merged
        alerts = [post for post in top_level(desk.alerts()) if "CASE_002" in words(post)]
        assert len(alerts) == 1
        assert len(desk.alerts()) < 10  # what was added under it is little, too
        counts = await desk.rows("SELECT count(*) AS n FROM messages WHERE case_id = 'CASE_002'")
        assert counts == [{"n": count}]
