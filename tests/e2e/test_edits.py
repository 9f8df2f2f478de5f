"""What is edited or deleted where it was written changes in its copies, and does nothing else."""

from typing import Any

from bot.sandbox.people import ADA, DANA, OMAR, SUPPORT
from tests.support.desk import Desk
from tests.support.late import kept_back
from tests.support.posts import words

PHRASE = "I'm closing this case."


def mirrors(desk: Desk, card: dict[str, Any]) -> list[dict[str, Any]]:
    """What shows the customer's messages; an edit takes the shown author from a post, but not the small print."""
    return [post for post in desk.thread(card) if "(customer)" in words(post)]


class TestTheCustomersEdits:
    async def test_the_mirror_follows_and_says_so(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.write("It is the red one")
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "It is the blue one")
        await desk.until(lambda: "It is the blue one" in words(mirrors(desk, card)[-1]))
        said = words(mirrors(desk, card)[-1])
        assert "edited" in said
        assert "Dana Lee (customer)" in said
        assert "red" not in said
        (message,) = await desk.rows("SELECT body FROM messages WHERE ts = :ts", ts=ts)
        assert message["body"] == "It is the blue one"

    async def test_they_never_escalate_or_count(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.write("It is the red one")
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "URGENT! It is an emergency")
        await desk.until(lambda: "emergency" in words(mirrors(desk, card)[-1]))
        await desk.opened(OMAR)
        (case,) = await desk.rows("SELECT escalated, message_count FROM cases WHERE case_id = 'CASE_001'")
        assert not case["escalated"]
        assert case["message_count"] == 2
        assert desk.alerts() == []

    async def test_a_deleted_message_is_no_longer_shown(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.write("My password is hunter2")
        await desk.slack.delete(DANA, desk.slack.dm_channel(DANA), ts)
        await desk.until(lambda: "deleted this message" in words(mirrors(desk, card)[-1]))
        assert not any("hunter2" in words(post) for post in desk.thread(card))

    async def test_an_edit_that_arrives_together_with_its_message_is_not_lost(self, desk: Desk) -> None:
        desk.slack.hold_events()
        ts = await desk.slack.dm(DANA, "It is the red one")
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "It is the blue one")
        desk.slack.release_events()
        await desk.until(lambda: desk.cards() and mirrors(desk, desk.cards()[0]))
        await desk.until(lambda: "It is the blue one" in words(mirrors(desk, desk.cards()[0])[0]))

    async def test_a_deletion_that_arrives_together_with_its_message_is_not_lost(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.hold_events()
        ts = await desk.slack.dm(DANA, "My password is hunter2")
        await desk.slack.delete(DANA, desk.slack.dm_channel(DANA), ts)
        await desk.slack.dm(DANA, "Sorry for that")
        desk.slack.release_events()
        await desk.until(lambda: any("Sorry for that" in words(post) for post in desk.thread(card)))
        await desk.until(lambda: not any("hunter2" in words(post) for post in desk.thread(card)))

    async def test_a_deletion_that_arrives_first_leaves_nothing_of_the_message(self, desk: Desk) -> None:
        card = await desk.opened()
        dm = desk.slack.dm_channel(DANA)
        with kept_back(desk.slack) as deliver:
            ts = await desk.slack.dm(DANA, "My password is hunter2")
        await desk.slack.delete(DANA, dm, ts)
        await desk.write("Sorry for that")
        deliver()
        await desk.write("Is it on its way?")
        assert not any("hunter2" in words(post) for post in desk.thread(card))
        (case,) = await desk.rows("SELECT message_count FROM cases")
        assert case["message_count"] == 3

    async def test_an_edit_that_arrives_first_is_not_lost_and_never_escalates(self, desk: Desk) -> None:
        card = await desk.opened()
        dm = desk.slack.dm_channel(DANA)
        with kept_back(desk.slack) as deliver:
            ts = await desk.slack.dm(DANA, "It is the red one")
        await desk.slack.edit(DANA, dm, ts, "It is the blue one, urgent")
        await desk.write("Hello?")
        deliver()
        await desk.until(lambda: "It is the blue one" in words(mirrors(desk, card)[-1]))
        assert "edited" in words(mirrors(desk, card)[-1])
        assert desk.alerts() == []

    async def test_an_edit_while_its_message_is_being_shown_is_not_lost(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("chat.postMessage", "slow:0.6", channel=SUPPORT)
        calls = len(desk.slack.calls("chat.update"))
        ts = await desk.slack.dm(DANA, "It is the red one")
        await desk.until(lambda: len(desk.slack.calls("chat.update")) > calls)  # its card, while it is on its way
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "It is the blue one")
        await desk.until(lambda: len(mirrors(desk, card)) == 2)
        await desk.until(lambda: "It is the blue one" in words(mirrors(desk, card)[-1]))

    async def test_of_two_edits_the_newer_stays(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.write("one")
        dm = desk.slack.dm_channel(DANA)
        with kept_back(desk.slack) as deliver:
            await desk.slack.edit(DANA, dm, ts, "two")
        await desk.slack.edit(DANA, dm, ts, "three")
        await desk.until(lambda: "three" in words(mirrors(desk, card)[-1]))
        deliver()
        await desk.answer(card, "I see")
        assert "three" in words(mirrors(desk, card)[-1])

    async def test_a_latecomer_that_is_edited_keeps_its_time(self, desk: Desk) -> None:
        card = await desk.opened()
        with kept_back(desk.slack) as deliver:
            ts = await desk.slack.dm(DANA, "It is the red one")
        await desk.write("Hello?")
        deliver()
        await desk.until(lambda: len(mirrors(desk, card)) == 3)
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "It is the blue one")
        await desk.until(lambda: "It is the blue one" in words(mirrors(desk, card)[-1]))
        assert "earlier than what stands above" in words(mirrors(desk, card)[-1])

    async def test_the_other_copies_follow_though_one_was_removed(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.dm(DANA, "red " * 1500)
        await desk.until(lambda: len(mirrors(desk, card)) == 3)
        await desk.slack.delete(ADA, SUPPORT, mirrors(desk, card)[1]["ts"])
        await desk.slack.edit(DANA, desk.slack.dm_channel(DANA), ts, "blu " * 1500)
        await desk.until(lambda: "blu" in words(mirrors(desk, card)[-1]))


class TestTheAdminsEdits:
    async def test_the_customers_copy_follows(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, "It comes on Monday")
        await desk.slack.edit(ADA, SUPPORT, ts, "It comes on Tuesday")
        await desk.until(lambda: "It comes on Tuesday" in words(desk.inbox_of(DANA)[-1]))
        assert "edited" in words(desk.inbox_of(DANA)[-1])
        assert len(desk.inbox_of(DANA)) == 2

    async def test_a_deleted_answer_is_taken_back(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, "Wrong thread, sorry: the margin is 40 %")
        await desk.slack.delete(ADA, SUPPORT, ts)
        await desk.until(lambda: "This message was deleted." in words(desk.inbox_of(DANA)[-1]))
        assert "margin" not in words(desk.inbox_of(DANA)[-1])
        assert "margin" not in desk.inbox_of(DANA)[-1]["text"]

    async def test_a_note_never_becomes_an_answer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "// secret", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.slack.edit(ADA, SUPPORT, ts, "secret")
        await desk.answer(card, "Good morning")
        assert not any("secret" in words(post) for post in desk.inbox_of(DANA))
        assert desk.marks(ts) == {"lock"}

    async def test_a_note_never_closes_by_an_edit(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "// hm", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.slack.edit(ADA, SUPPORT, ts, f"// {PHRASE}")
        await desk.answer(card, "Good morning")
        assert desk.log_lines() == []

    async def test_a_link_preview_changes_nothing(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, "See https://desk.example/help")
        changed = len(desk.slack.calls("chat.update"))
        await desk.slack.unfurl(SUPPORT, ts, "https://desk.example/help")
        await desk.slack.edit(ADA, SUPPORT, ts, "See https://desk.example/faq")
        await desk.until(lambda: "faq" in words(desk.inbox_of(DANA)[-1]))
        await desk.slack.unfurl(SUPPORT, ts, "https://desk.example/faq")
        await desk.answer(card, "That is all")
        edits = await desk.rows("SELECT 1 FROM inbox WHERE kind = 'edit'")
        assert len(edits) == 1
        copies = [c for c in desk.slack.calls("chat.update")[changed:] if c["channel"] != SUPPORT]
        assert len(copies) == 1

    async def test_an_edited_closing_still_says_that_the_case_is_closed(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.answer(card, f"Goodby. {PHRASE}")
        await desk.slack.edit(ADA, SUPPORT, ts, f"Goodbye. {PHRASE}")
        await desk.until(lambda: "Goodbye." in words(desk.inbox_of(DANA)[-1]))
        assert "Write again and a new case opens" in words(desk.inbox_of(DANA)[-1])
        assert len(desk.log_lines()) == 1
