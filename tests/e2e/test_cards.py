"""The card, the rules under it, and the mirror of what the customer writes."""

import re
from typing import Any

from bot.sandbox.people import ADA, DANA, GRACE, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import words


def shown(desk: Desk, card: dict[str, Any], *wanted: str) -> bool:
    """Whether the card, as it is now, says all that."""
    now = next(post for post in desk.cards() if post["ts"] == card["ts"])
    return all(part in words(now) for part in wanted)


async def settled(desk: Desk, text: str) -> tuple[dict[str, Any], str]:
    """A card that shows all there is to show, and the ts of what it previews."""
    ts = await desk.slack.dm(DANA, text)
    card = await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]) and desk.cards()[0])
    await desk.answer(card, "Good morning")
    await desk.until(lambda: shown(desk, card, "Last answer: Ada Admin"))
    return card, ts


class TestTheCard:
    async def test_it_shows_how_the_case_stands(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        said = words(card)
        for fact in (
            "Case #CASE_001: Dana Lee",
            "Status: open",
            "Customer: Dana Lee (@dana)",
            "Writes by: Slack",
            "Messages: 1",
            "Last answer: none yet",
            "Where is my parcel?",
        ):
            assert fact in said
        assert re.search(r"Opened: \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)
        assert re.search(r"Customer waiting since: \d{4}-\d\d-\d\d \d\d:\d\d UTC", said)

    async def test_its_preview_is_the_first_three_hundred_characters(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "abcdefghi " * 100)
        preview = card["blocks"][2]["elements"][0]["elements"][0]["text"]
        assert preview.startswith("abcdefghi abcdefghi")
        assert 280 <= len(preview) <= 300
        assert preview.endswith("…")

    async def test_it_changes_in_place_as_the_case_does(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.write("Hello?")
        await desk.until(lambda: shown(desk, card, "Messages: 2", "Customer waiting since"))
        await desk.answer(card, "Here I am")
        await desk.until(lambda: shown(desk, card, "Messages: 3", "Last answer: Ada Admin, "))
        assert not shown(desk, card, "Customer waiting since")
        await desk.answer(card, "I'm closing this case.", GRACE)
        await desk.until(lambda: shown(desk, card, "Status: closed", "by Grace Hopper"))
        await desk.slack.command(ADA, SUPPORT, "/case", "reopen CASE_001")
        await desk.until(lambda: shown(desk, card, "Status: open"))
        assert not shown(desk, card, "Closed:")
        assert len(desk.cards()) == 1

    async def test_it_follows_an_edit_of_what_it_previews(self, desk: Desk) -> None:
        card, ts = await settled(desk, "Where is my parcle?")
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "Where is my parcel?")
        await desk.until(lambda: shown(desk, card, "Where is my parcel?"))

    async def test_it_no_longer_previews_what_the_customer_deleted(self, desk: Desk) -> None:
        card, ts = await settled(desk, "My password is hunter2")
        await desk.slack.delete(DANA, desk.slack.dm_channel(DANA), ts)
        await desk.until(lambda: not shown(desk, card, "hunter2"))

    async def test_a_deleted_card_is_posted_again_with_a_thread_of_its_own(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.slack.delete(ADA, SUPPORT, card["ts"])
        await desk.slack.dm(DANA, "Hello?")
        again = await desk.until(lambda: next(iter(desk.cards()), None))
        assert again["ts"] != card["ts"]
        assert "Case #CASE_001: Dana Lee" in words(again)
        await desk.until(lambda: desk.thread(again))
        await desk.write("Is anybody there?")
        assert "Is anybody there?" in words(desk.mirrors(again)[-1])
        await desk.answer(again, "Here I am.")
        assert "Here I am." in words(desk.inbox_of(DANA)[-1])

    async def test_a_deleted_card_comes_back_though_nobody_writes(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.slack.delete(ADA, SUPPORT, card["ts"])
        again = await desk.until(lambda: next(iter(desk.cards()), None), timeout=2)
        assert "Case #CASE_001: Dana Lee" in words(again)


class TestTheFirstReply:
    async def test_it_says_what_goes_to_the_customer_and_what_does_not(self, desk: Desk) -> None:
        card = await desk.opened()
        rules = words(desk.thread(card)[0])
        for said in (
            "What you write in this thread goes to the customer",
            "Only admins' posts are sent",
            "start it with // or note: or mention a colleague first",
            "A reaction on each post shows whether it was sent",
            "I'm closing this case.",
            "Slash commands do not work in threads",
        ):
            assert said in rules


class TestTheMirror:
    async def test_it_shows_each_message_under_the_customers_name(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "Where is my parcel?")
        (mirror,) = desk.mirrors(card)
        assert mirror["username"] == "Dana Lee (customer)"
        assert "Where is my parcel?" in words(mirror)
        assert "CASE_001" in words(mirror)

    async def test_nobody_is_shown_under_the_name_of_the_desk(self, desk: Desk) -> None:
        posing = ["Casewire", "Slackbot", "Ada Admin", "C a s e w i r e", "Casewire\u200b", "Саsewire", "@here"]
        for number, name in enumerate(posing):
            desk.slack.add_user(f"U0POSING{number}", f"p{number}", name)
            await desk.opened(f"U0POSING{number}", "Send me the password")
        for card in desk.cards():
            (mirror,) = desk.mirrors(card)
            name = mirror["username"].removesuffix(" (customer)")
            assert name not in posing
            assert "sewire" not in name.lower()
            assert name.isprintable()

    async def test_nobody_is_shown_under_the_name_of_an_admin_who_has_answered(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "Hello", GRACE)
        desk.slack.add_user("U0POSING", "posing", "Grace Hopper")
        card = await desk.opened("U0POSING", "Send me the password")
        assert "Grace Hopper" not in desk.mirrors(card)[0]["username"]

    async def test_nobody_is_shown_under_the_name_of_an_admin_not_met_yet(self, desk: Desk) -> None:
        desk.slack.add_user("U0POSING", "posing", "Grace Hopper")
        card = await desk.opened("U0POSING", "Send me the password")
        assert "Grace Hopper" not in desk.mirrors(card)[0]["username"]


class TestTheBroadcast:
    async def test_what_is_shown_in_the_channel_too(self, desk: Desk) -> None:
        """The first message after an answer, and every one on a case nobody has answered; no other."""
        card = await desk.opened(DANA, "one")
        await desk.write("two")
        await desk.write("three")
        await desk.answer(card, "Hello")
        await desk.write("four")
        await desk.write("five")
        await desk.answer(card, "Hello again")
        await desk.write("six")
        broadcast = [post for post in desk.mirrors(card) if post.get("subtype") == "thread_broadcast"]
        heard = [
            next(n for n in ("one", "two", "three", "four", "five", "six") if n in words(p)) for p in broadcast
        ]
        assert heard == ["one", "two", "three", "four", "six"]
        assert all("CASE_001" in words(post) for post in broadcast)

    async def test_a_note_is_no_answer(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "one")
        ts = await desk.slack.post(ADA, SUPPORT, "// looking into it", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.write("two")
        assert desk.mirrors(card)[-1].get("subtype") == "thread_broadcast"

    async def test_a_long_message_is_shown_in_the_channel_once(self, desk: Desk) -> None:
        card = await desk.opened(DANA, "&<>" * 3000)
        await desk.until(lambda: len(desk.mirrors(card)) == 3)
        broadcast = [post for post in desk.mirrors(card) if post.get("subtype") == "thread_broadcast"]
        assert len(broadcast) == 1
