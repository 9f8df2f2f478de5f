"""Files travel both ways, after the words they came with; of each that cannot, both sides are told."""

import os
from typing import Any

import pytest

from bot.sandbox.people import ADA, BEN, BOT_USER, DANA, SUPPORT
from tests.support.desk import Desk, running_desk
from tests.support.posts import mentioned, words
from tests.support.process import eventually
from tests.support.stream import settled

PHOTO = {"name": "photo.png", "content": b"\x89PNG" + bytes(range(256)) * 8}
PLAN = {"name": "plan <b> & more.txt", "content": "Step one: …"}
LARGE = {"name": "film.mp4", "content": os.urandom(300_000)}
DM = f"D{DANA[1:]}"


def shared(desk: Desk, posts: list[dict[str, Any]]) -> dict[str, bytes]:
    """The files that the bot has put into these posts, with their bytes."""
    return {
        file["name"]: desk.slack.workspace.files[file["id"]].content
        for post in posts
        if post.get("bot_id")
        for file in post.get("files", ())
        if file.get("mode") != "tombstone"
    }


def in_thread(desk: Desk, card: int = 0) -> dict[str, bytes]:
    return shared(desk, desk.thread(desk.cards()[card])) if len(desk.cards()) > card else {}


def in_dm(desk: Desk, thread_ts: str | None = None) -> dict[str, bytes]:
    return shared(desk, desk.slack.messages(DM, thread_ts))


def said_in_thread(desk: Desk, text: str) -> list[dict[str, Any]]:
    return [post for post in desk.thread(desk.cards()[0]) if text in words(post)]


def said_to(desk: Desk, user: str, text: str) -> list[dict[str, Any]]:
    return [post for post in desk.inbox_of(user) if text in words(post)]


class TestACustomersFiles:
    async def test_they_follow_the_words_into_the_thread_byte_for_byte(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, "See what arrived", files=[PHOTO, LARGE])
        await desk.until(lambda: len(in_thread(desk)) == 2)
        assert in_thread(desk) == {"photo.png": PHOTO["content"], "film.mp4": LARGE["content"]}
        (mirror,) = desk.mirrors(desk.cards()[0])
        assert "See what arrived" in words(mirror)
        assert "Files: photo.png (image/png, 2 KB), film.mp4 (video/mp4, 293 KB)" in words(mirror)
        posts = desk.thread(desk.cards()[0])
        files = [post for post in posts if post.get("files")]
        assert posts.index(mirror) < posts.index(files[0])
        assert [post["files"][0]["name"] for post in files] == ["photo.png", "film.mp4"]
        assert files[0]["text"] == "From Dana Lee (customer), CASE_001"
        await settled(desk)
        assert len(desk.inbox_of(DANA)) == 1  # the notice of receipt, and no complaint

    async def test_files_without_words_open_a_case(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, files=[PHOTO])
        await desk.until(lambda: in_thread(desk))
        mirror = words(desk.mirrors(desk.cards()[0])[0])
        assert "The customer sent no words, only files." in mirror
        assert "photo.png (image/png, 2 KB)" in mirror

    async def test_names_without_form_do_no_harm(self, desk: Desk) -> None:
        names = ["<!channel>", "a\x00b\u202ecod.txt", "\ud800.txt", " ", "../../etc/passwd", "x" * 5000 + ".pdf"]
        files = [{"name": name, "content": f"number {n}"} for n, name in enumerate(names)]
        await desk.slack.dm(DANA, "Look", files=files)
        await desk.until(lambda: len(in_thread(desk)) == len(names))
        told = in_thread(desk)
        assert set(told.values()) == {f"number {n}".encode() for n in range(len(names))}
        assert list(told)[:5] == ["_!channel_", "abcod.txt", "\ufffd.txt", "file", "_.._etc_passwd"]
        assert list(told)[5].endswith("x.pdf")
        assert "\u202e" not in words(desk.mirrors(desk.cards()[0])[0])
        assert "<!channel>" not in " ".join(post["text"] for post in desk.thread(desk.cards()[0]))

    async def test_what_an_event_does_not_tell_is_asked_for(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, "Look", files=[PHOTO | {"told": {"file_access": "check_file_info"}}])
        await desk.until(lambda: in_thread(desk))
        assert in_thread(desk) == {"photo.png": PHOTO["content"]}
        await desk.until(lambda: said_in_thread(desk, "photo.png (image/png, 2 KB)"))

    async def test_they_are_kept_in_chunks(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, "Look", files=[LARGE])
        await desk.until(lambda: in_thread(desk))
        rows = await desk.rows("SELECT number, data FROM attachment_chunks ORDER BY number")
        assert b"".join(bytes(row["data"]) for row in rows) == LARGE["content"]
        assert max(len(row["data"]) for row in rows) == 256 * 1024

    async def test_a_file_named_as_whole_texts_are_does_not_replace_the_words(self, desk: Desk) -> None:
        text = "many words " * 2000
        await desk.slack.dm(DANA, text, files=[{"name": "message.txt", "content": "not the words"}])
        await desk.until(lambda: in_thread(desk))
        assert in_thread(desk) == {"message.txt": b"not the words"}
        shown = "".join(words(post).rpartition("Dana Lee (customer)")[0] for post in desk.mirrors(desk.cards()[0]))
        assert shown.count("many words") == 2000


class TestAnAdminsFiles:
    async def test_they_follow_the_answer_to_where_the_customer_wrote(self, desk: Desk) -> None:
        await desk.opened()
        (notice,) = await desk.until(lambda: desk.inbox_of(DANA))
        await desk.slack.dm(DANA, "Here I am", thread_ts=notice["ts"])
        card = desk.cards()[0]
        await desk.until(lambda: len(desk.mirrors(card)) == 2)
        ts = await desk.slack.post(ADA, SUPPORT, "Here is the plan", thread_ts=card["ts"], files=[PLAN, LARGE])
        await desk.until(lambda: len(in_dm(desk, notice["ts"])) == 2)
        assert in_dm(desk, notice["ts"]) == {
            "plan _b_ & more.txt": PLAN["content"].encode(),
            "film.mp4": LARGE["content"],
        }
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        answer, *files = desk.slack.messages(DM, notice["ts"])[2:]
        assert "Here is the plan" in words(answer)
        assert "Files: plan _b_ & more.txt (text/plain, 13 bytes), film.mp4 (video/mp4, 293 KB)" in words(answer)
        assert files[0]["text"] == "From Ada Admin, CASE_001"
        assert await desk.rows("SELECT delivery FROM messages WHERE is_admin") == [{"delivery": "sent"}]

    async def test_files_without_words_are_an_answer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        assert in_dm(desk) == {"photo.png": PHOTO["content"]}
        assert said_to(desk, DANA, "Ada Admin sent no words, only files.")
        (case,) = await desk.rows("SELECT last_answer_by, unanswered FROM cases")
        assert case == {"last_answer_by": "Ada Admin", "unanswered": 0}

    async def test_the_mark_says_sent_only_once_the_files_are_there_too(self, desk: Desk) -> None:
        card = await desk.opened()
        away = desk.slack.faults.add("upload", "503", times=None)
        ts = await desk.slack.post(ADA, SUPPORT, "The plan", thread_ts=card["ts"], files=[PLAN])
        await desk.until(lambda: said_to(desk, DANA, "The plan"))
        await desk.until(lambda: desk.marks(ts) == {"hourglass_flowing_sand"})
        desk.slack.faults.pending.remove(away)
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        assert list(in_dm(desk)) == ["plan _b_ & more.txt"]

    async def test_a_held_post_takes_its_files_along_when_it_is_sent_after_all(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.answer(card, "I'm closing this case.")
        await desk.slack.post(ADA, SUPPORT, "One more thing", thread_ts=card["ts"], files=[PHOTO])
        held = await desk.until(lambda: said_in_thread(desk, "not sent: case CASE_001 is closed"))
        await desk.slack.click(ADA, SUPPORT, held[0]["ts"], "reopen_and_send")
        await desk.until(lambda: in_dm(desk) == {"photo.png": PHOTO["content"]})

    @pytest.mark.parametrize("text", ["// look at this", "note: mine"])
    async def test_those_of_a_note_stay_inside(self, desk: Desk, text: str) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, text, thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await settled(desk)
        assert not in_dm(desk)
        assert not desk.slack.calls("download")

    async def test_those_of_a_bystander_stay_inside(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(BEN, SUPPORT, "mine", thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        await settled(desk)
        assert not in_dm(desk)


@pytest.mark.slow
class TestLargeFiles:
    async def test_twenty_megabytes_travel_both_ways_while_words_go_on(self, desk: Desk) -> None:
        film = {"name": "film.mp4", "content": os.urandom(20 * 1024 * 1024)}
        await desk.slack.dm(DANA, "A film", files=[film])
        await desk.slack.dm(DANA, "and some words")
        await desk.until(lambda: desk.cards() and len(desk.mirrors(desk.cards()[0])) == 2)
        ts = await desk.slack.post(ADA, SUPPORT, "One for you", thread_ts=desk.cards()[0]["ts"], files=[film])
        await desk.until(lambda: in_thread(desk) and desk.marks(ts) == {"white_check_mark"}, timeout=90)
        assert in_thread(desk) == in_dm(desk) == {"film.mp4": film["content"]}


class TestWhatDoesNotTravel:
    @pytest.mark.parametrize(
        ("told", "why"),
        [
            ({"mode": "tombstone"}, "deleted in Slack"),
            ({"mode": "hidden_by_limit"}, "over its limit"),
            ({"mode": "external", "is_external": True}, "kept somewhere else than in Slack"),
            ({"url_private_download": "https://evil.example/photo.png"}, "kept somewhere else than in Slack"),
            ({"size": 26_214_401}, "larger than 25 MB"),
        ],
    )
    async def test_a_customers_file_is_told_of_on_both_sides(
        self, desk: Desk, told: dict[str, Any], why: str
    ) -> None:
        await desk.slack.dm(DANA, "Look", files=[PHOTO | {"told": told}, PLAN])
        await desk.until(lambda: len(in_thread(desk)) == 1)
        notice = await desk.until(lambda: said_in_thread(desk, "did not get here: photo.png"))
        assert why in words(notice[0])
        told_to_dana = await desk.until(lambda: said_to(desk, DANA, "did not reach our support team: photo.png"))
        assert why in words(told_to_dana[0])
        assert "plan" not in words(told_to_dana[0])

    async def test_a_deleted_file_of_an_admin_is_not_named_to_the_customer(self, desk: Desk) -> None:
        card = await desk.opened()
        secret = PHOTO | {"told": {"mode": "tombstone"}}
        ts = await desk.slack.post(ADA, SUPPORT, "Look", thread_ts=card["ts"], files=[secret])
        await desk.until(lambda: said_in_thread(desk, "photo.png (deleted in Slack)"))
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await settled(desk)
        assert not said_to(desk, DANA, "could not be passed on")

    async def test_a_file_that_is_gone_when_it_is_fetched(self, desk: Desk) -> None:
        login = desk.slack.faults.add("download", "503", times=None)
        await desk.slack.dm(DANA, "Look", files=[PHOTO])
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
        (file,) = [file for file in desk.slack.workspace.files.values() if file.user == DANA]
        del desk.slack.workspace.files[file.id]
        desk.slack.faults.pending.remove(login)
        await desk.until(lambda: said_in_thread(desk, "photo.png (deleted in Slack: file_not_found)"))
        await desk.until(lambda: said_to(desk, DANA, "photo.png (deleted in Slack)"))

    async def test_an_upload_that_slack_refuses(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("files.completeUploadExternal", "error:posting_to_channel_denied")
        ts = await desk.slack.post(ADA, SUPPORT, "Look", thread_ts=card["ts"], files=[PHOTO])
        notice = await desk.until(lambda: said_in_thread(desk, "Slack did not take it: posting_to_channel_denied"))
        assert mentioned(notice[0]) == {ADA}
        await desk.until(lambda: desk.marks(ts) == {"x"})
        told = await desk.until(lambda: said_to(desk, DANA, "could not be passed on to you: photo.png"))
        assert "posting_to" not in words(told[0])
        rows = await desk.rows("SELECT delivery, delivery_error FROM messages WHERE is_admin")
        assert rows == [{"delivery": "sent", "delivery_error": "some of its files were not sent"}]
        (case,) = await desk.rows("SELECT unanswered FROM cases")
        assert case == {"unanswered": 0}

    async def test_an_answer_of_which_nothing_arrived_has_failed(self, desk: Desk) -> None:
        card = await desk.opened()
        desk.slack.faults.add("files.completeUploadExternal", "error:posting_to_channel_denied", times=2)
        ts = await desk.slack.post(ADA, SUPPORT, thread_ts=card["ts"], files=[PHOTO, PLAN])
        await desk.until(lambda: len(said_in_thread(desk, "Slack did not take it")) == 2)
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await settled(desk)
        assert await desk.rows("SELECT delivery FROM messages WHERE is_admin") == [{"delivery": "failed"}]
        (case,) = await desk.rows("SELECT unanswered FROM cases")
        assert case == {"unanswered": 1}


class TestTheLimit:
    async def test_what_is_larger_is_not_even_fetched_and_both_sides_are_told(self, database_url: str) -> None:
        async with running_desk(database_url, file_max_bytes=2000) as desk:
            card = await desk.opened()
            ts = await desk.slack.post(ADA, SUPPORT, "The photo", thread_ts=card["ts"], files=[PHOTO, PLAN])
            await desk.until(
                lambda: said_to(desk, DANA, "could not be passed on to you: photo.png (larger than 2 KB)")
            )
            await desk.until(lambda: said_in_thread(desk, "photo.png (larger than 2 KB)"))
            await desk.until(lambda: desk.marks(ts) == {"x"})
            assert list(in_dm(desk)) == ["plan _b_ & more.txt"]
            assert len(desk.slack.calls("download")) == 1

    async def test_only_files_too_large_are_no_answer(self, database_url: str) -> None:
        async with running_desk(database_url, file_max_bytes=2000) as desk:
            card = await desk.opened()
            ts = await desk.slack.post(ADA, SUPPORT, thread_ts=card["ts"], files=[PHOTO])
            await desk.until(lambda: desk.marks(ts) == {"x"})
            await settled(desk)
            (case,) = await desk.rows("SELECT last_answer_at, unanswered FROM cases")
            assert case == {"last_answer_at": None, "unanswered": 1}

    async def test_a_size_that_was_not_told_is_measured_while_it_comes(self, database_url: str) -> None:
        async with running_desk(database_url, file_max_bytes=2000) as desk:
            await desk.slack.dm(DANA, "Look", files=[PHOTO | {"told": {"size": 0}}])
            await desk.until(lambda: desk.cards() and said_in_thread(desk, "photo.png (larger than 2 KB)"))
            assert await desk.rows("SELECT number FROM attachment_chunks") == []


def delete_file(desk: Desk, name: str) -> None:
    """Whose file it is deletes it, and not the message it came with."""
    workspace = desk.slack.workspace
    (file,) = [file for file in workspace.files.values() if file.name == name and file.user != BOT_USER]
    workspace.delete_file(file)


class TestEditsAndDeletions:
    async def test_a_deleted_message_takes_the_copies_of_its_files_along(self, desk: Desk) -> None:
        ts = await desk.slack.dm(DANA, "Look", files=[PHOTO, PLAN])
        await desk.until(lambda: len(in_thread(desk)) == 2)
        await settled(desk)
        await desk.slack.delete(DANA, "im", ts)
        await desk.until(lambda: not in_thread(desk))
        await desk.until(lambda: said_in_thread(desk, "The customer deleted this message."))
        assert not [file for file in desk.slack.workspace.files.values() if file.user == BOT_USER]

    async def test_a_file_deleted_by_itself_takes_its_copy_along_and_leaves_the_rest(self, desk: Desk) -> None:
        ts = await desk.slack.dm(DANA, "Look", files=[PHOTO, PLAN])
        await desk.until(lambda: len(in_thread(desk)) == 2)
        await settled(desk)
        delete_file(desk, "photo.png")
        await desk.until(lambda: list(in_thread(desk)) == ["plan _b_ & more.txt"])
        await settled(desk)
        assert said_in_thread(desk, "Look")
        assert not said_in_thread(desk, "The customer deleted this message.")
        (event,) = await desk.rows("SELECT case_id FROM case_events WHERE kind = 'FileDeleted'")
        assert event == {"case_id": "CASE_001"}
        await desk.slack.delete(DANA, "im", ts)
        await desk.until(lambda: not in_thread(desk))

    async def test_an_admins_file_deleted_by_itself_is_taken_back_from_the_customer(self, desk: Desk) -> None:
        card = await desk.opened()
        await desk.slack.post(ADA, SUPPORT, "Look", thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: in_dm(desk))
        await settled(desk)
        delete_file(desk, "photo.png")
        await desk.until(lambda: not in_dm(desk))
        assert said_to(desk, DANA, "Look")

    async def test_a_file_deleted_before_it_was_passed_on_does_not_follow(self, desk: Desk) -> None:
        await desk.opened()
        away = desk.slack.faults.add("download", "503", times=None)
        await desk.slack.dm(DANA, "Look", files=[PHOTO])
        await desk.until(lambda: len(desk.mirrors(desk.cards()[0])) == 2)
        delete_file(desk, "photo.png")
        await eventually(lambda: desk.rows("SELECT 1 FROM case_events WHERE kind = 'FileDeleted'"))
        desk.slack.faults.pending.remove(away)
        # Dropped; or, where it was just being fetched, parked and told of as deleted.
        over = "SELECT 1 FROM outbox WHERE kind = 'file' AND state IN ('dropped', 'parked')"
        await eventually(lambda: desk.rows(over))
        assert not in_thread(desk)

    async def test_a_deleted_answer_takes_its_files_back_from_the_customer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, "Look", thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: in_dm(desk))
        await settled(desk)
        await desk.slack.delete(ADA, SUPPORT, ts)
        await desk.until(lambda: not in_dm(desk))

    async def test_files_of_a_message_deleted_meanwhile_do_not_follow(self, desk: Desk) -> None:
        await desk.opened()
        away = desk.slack.faults.add("download", "503", times=None)
        ts = await desk.slack.dm(DANA, "Look", files=[PHOTO])
        await desk.until(lambda: len(desk.mirrors(desk.cards()[0])) == 2)
        await desk.slack.delete(DANA, "im", ts)
        await desk.until(lambda: said_in_thread(desk, "The customer deleted this message."))
        desk.slack.faults.pending.remove(away)
        await eventually(lambda: desk.rows("SELECT 1 FROM outbox WHERE kind = 'file' AND state = 'dropped'"))
        assert not in_thread(desk)

    async def test_an_edit_leaves_them(self, desk: Desk) -> None:
        ts = await desk.slack.dm(DANA, "Look", files=[PHOTO])
        await desk.until(lambda: in_thread(desk))
        await desk.slack.edit(DANA, "im", ts, "Look at that")
        await desk.until(lambda: said_in_thread(desk, "Look at that"))
        await settled(desk)
        assert in_thread(desk) == {"photo.png": PHOTO["content"]}
        assert "photo.png (image/png, 2 KB)" in words(said_in_thread(desk, "Look at that")[0])

    async def test_words_edited_into_an_answer_of_files_alone_reach_the_customer(self, desk: Desk) -> None:
        card = await desk.opened()
        ts = await desk.slack.post(ADA, SUPPORT, thread_ts=card["ts"], files=[PHOTO])
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        await desk.slack.edit(ADA, SUPPORT, ts, "This is how it looks")
        await desk.until(lambda: said_to(desk, DANA, "This is how it looks"))
