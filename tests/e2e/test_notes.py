"""What starts with // or note:, or by mentioning a colleague, stays inside."""

import pytest

from bot.sandbox.people import ADA, BEN, DANA, GRACE, HELPDESK, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import words


class TestNotes:
    async def test_a_note_stays_inside(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "// check the warehouse first", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.answer(card, "One moment")
        assert all("warehouse" not in post["text"] for post in desk.inbox_of(DANA))

    async def test_every_sign_of_a_note_keeps_a_post_inside(self, desk: Desk) -> None:
        card = await desk.opened()
        notes = [
            "//secret",
            "   // secret",
            "note: secret",
            "NOTE: secret",
            "Note:secret",
            "\u200b// secret",
            f"<@{GRACE}> secret",
            f"<@{BEN}>: secret",
            f"*<@{GRACE}>* secret",
            f"<!subteam^{HELPDESK}> secret",
        ]
        sent = [await desk.slack.post(ADA, SUPPORT, note, thread_ts=card["ts"]) for note in notes]
        await desk.until(lambda: all(desk.marks(ts) == {"lock"} for ts in sent))
        await desk.answer(card, "One moment")
        assert not any("secret" in words(post) for post in desk.inbox_of(DANA))

    async def test_what_only_looks_like_a_note_is_sent(self, desk: Desk) -> None:
        card = await desk.opened()
        answers = [
            "/ one slash",
            "see https://desk.example // not a note",
            "Please note: we are closed on Monday",
            f"I asked <@{GRACE}> for you",
            f"<@{DANA}> here it is",
        ]
        for text in answers:
            await desk.answer(card, text)
        assert len(desk.inbox_of(DANA)) == 1 + len(answers)

    async def test_a_note_is_no_answer_and_no_message_of_the_case(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "// looking", thread_ts=card["ts"])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        (case,) = await desk.rows("SELECT message_count, last_answer_at, unanswered FROM cases")
        assert case == {"message_count": 1, "last_answer_at": None, "unanswered": 1}

    @pytest.mark.parametrize("note", ["// files", "note: files"])
    async def test_a_note_with_files_stays_inside_without_a_word(self, desk: Desk, note: str) -> None:
        card = await desk.opened()
        files = [{"name": "plan.txt", "content": "secret"}]
        ts = await desk.slack.post(ADA, SUPPORT, note, thread_ts=card["ts"], files=files)
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.answer(card, "One moment")
        assert not any("plan.txt" in words(post) for post in [*desk.thread(card)[1:], *desk.inbox_of(DANA)])
