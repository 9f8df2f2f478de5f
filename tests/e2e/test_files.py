"""Files do not travel yet: the words beside them do, and whoever must know is told."""

from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.support.desk import Desk
from tests.support.posts import mentioned, words

PHOTO = {"name": "photo.png", "content": b"\x89PNG"}
PLAN = {"name": "plan <b> & more.txt", "content": "…"}


class TestACustomersFiles:
    async def test_the_words_are_shown_and_both_sides_are_told(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, "See what arrived", files=[PHOTO, PLAN])
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
        mirror = words(desk.mirrors(desk.cards()[0])[0])
        assert "See what arrived" in mirror
        assert "Files not passed on: photo.png, plan <b> & more.txt" in mirror
        await desk.until(lambda: len(desk.inbox_of(DANA)) == 2)
        told = words(desk.inbox_of(DANA)[-1])
        assert "did not reach it: photo.png, plan <b> & more.txt" in told
        assert "CASE_001" in told

    async def test_files_without_words_open_a_case(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, files=[PHOTO])
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
        mirror = words(desk.mirrors(desk.cards()[0])[0])
        assert "The customer sent no words, only files." in mirror
        assert "photo.png" in mirror
        await desk.until(lambda: any("photo.png" in words(post) for post in desk.inbox_of(DANA)))

    async def test_they_are_named_where_they_were_sent(self, desk: Desk) -> None:
        card = await desk.opened()
        (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
        await desk.slack.dm(DANA, "Here", thread_ts=notice["ts"], files=[PHOTO])
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        await desk.until(lambda: len(desk.slack.messages(desk.slack.dm_channel(DANA), notice["ts"])) == 3)

    async def test_names_without_form_do_no_harm(self, desk: Desk) -> None:
        names = ["<!channel>", "a\x00b\u202e.txt", "\ud800.txt", " ", "x" * 5000]
        files = [{"name": name, "content": "…"} for name in names]
        await desk.slack.dm(DANA, "Look", files=files)
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
        assert "\u202e" not in words(desk.mirrors(desk.cards()[0])[0])


class TestAnAdminsFiles:
    async def test_the_words_are_sent_and_the_author_is_told(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "Here is the plan", thread_ts=card["ts"], files=[PLAN])
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        notice = await desk.until(lambda: next((p for p in desk.thread(card) if ADA in mentioned(p)), None))
        assert "files are not sent to customers" in words(notice)
        assert "plan <b> & more.txt" in words(notice)
        assert "Here is the plan" in words(desk.inbox_of(DANA)[-1])
        assert not any("plan <b>" in words(post) for post in desk.inbox_of(DANA))

    async def test_files_without_words_are_no_answer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await desk.until(lambda: any("photo.png" in words(post) for post in desk.thread(card)))
        (case,) = await desk.rows("SELECT last_answer_at, unanswered FROM cases")
        assert case == {"last_answer_at": None, "unanswered": 1}
