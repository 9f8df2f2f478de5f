"""Files that go wrong on their way: each stands on the other side exactly once, or both sides are told."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.sandbox.people import ADA, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.support.desk import Desk, settings_for
from tests.support.posts import words
from tests.support.process import BotProcess
from tests.support.stream import settled

pytestmark = pytest.mark.slow

DM = f"D{DANA[1:]}"
FILE = {"name": "film.mp4", "content": os.urandom(700_000)}


def files_in(desk: Desk, channel: str, thread_ts: str | None = None) -> list[bytes]:
    """What the bot has put there, in order."""
    return [
        desk.slack.workspace.files[file["id"]].content or b""
        for post in desk.slack.messages(channel, thread_ts)
        if post.get("bot_id")
        for file in post.get("files", ())
        if file.get("mode") != "tombstone"
    ]


def in_thread(desk: Desk) -> list[bytes]:
    return files_in(desk, SUPPORT, desk.cards()[0]["ts"]) if desk.cards() else []


def said(desk: Desk, text: str) -> bool:
    return any(text in words(post) for post in desk.thread(desk.cards()[0]))


def told(desk: Desk, text: str) -> bool:
    return any(text in words(post) for post in desk.inbox_of(DANA))


def later(*values: str) -> list[Any]:
    return [pytest.param(value, marks=pytest.mark.slow) for value in values]


class TestEveryStep:
    @pytest.mark.parametrize(
        ("step", "fault"),
        [
            ("download", "half"),
            ("download", "login_page"),
            ("upload", "lost_answer"),
            ("files.getUploadURLExternal", "lost_answer"),
            ("files.completeUploadExternal", "lost_answer"),
            ("files.completeUploadExternal", "500"),
            *(
                pytest.param(step, fault, marks=pytest.mark.slow)
                for step, fault in [
                    *(("download", fault) for fault in ("503", "429", "drop", "lost_answer", "redirect:/")),
                    *(("upload", fault) for fault in ("503", "429", "drop")),
                    *(("files.getUploadURLExternal", fault) for fault in ("500", "429", "drop")),
                    *(("files.completeUploadExternal", fault) for fault in ("429", "drop", "503")),
                    ("files.completeUploadExternal", "error:file_not_found"),
                    ("files.info", "500"),
                ]
            ),
        ],
    )
    async def test_whatever_happens_to_the_first_try_the_file_stands_once(
        self, desk: Desk, step: str, fault: str
    ) -> None:
        desk.slack.faults.add(step, fault)
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: in_thread(desk))
        await settled(desk)
        desk.slack.faults.add(step, fault)
        ts = await desk.slack.post(ADA, SUPPORT, "Look", thread_ts=desk.cards()[0]["ts"], files=[FILE])
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})
        await settled(desk)

        assert desk.slack.faults.pending == []
        assert in_thread(desk) == [FILE["content"]]
        assert files_in(desk, DM) == [FILE["content"]]
        assert not await desk.rows("SELECT id FROM outbox WHERE state <> 'sent'")
        assert not said(desk, "did not get here")

    async def test_a_lost_answer_is_settled_by_the_files_id_and_nothing_is_completed_again(
        self, desk: Desk
    ) -> None:
        desk.slack.faults.add("files.completeUploadExternal", "lost_answer")
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: in_thread(desk))
        await settled(desk)
        assert len(desk.slack.calls("files.completeUploadExternal")) == 1

    async def test_a_share_that_slack_shows_only_later_is_waited_for(self, desk: Desk) -> None:
        desk.slack.api.late_shares = 3
        desk.slack.faults.add("files.completeUploadExternal", "lost_answer")
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: in_thread(desk))
        await settled(desk)
        assert len(desk.slack.calls("files.info")) == 4
        assert len(desk.slack.calls("files.completeUploadExternal")) == 1

    async def test_what_was_not_completed_is_completed_under_the_same_id(self, desk: Desk) -> None:
        desk.slack.faults.add("files.completeUploadExternal", "drop")
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: in_thread(desk))
        first, second = desk.slack.calls("files.completeUploadExternal")
        assert first == second
        assert len(desk.slack.calls("files.getUploadURLExternal")) == 1

    async def test_a_file_that_hangs_holds_up_no_words(self, desk: Desk) -> None:
        hanging = desk.slack.faults.add("download", "slow:30", times=None)
        await desk.slack.dm(DANA, "one", files=[FILE])
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
        await desk.slack.dm(DANA, "two")
        await desk.until(lambda: len(desk.mirrors(desk.cards()[0])) == 2)
        await desk.answer(desk.cards()[0], "an answer")
        assert not in_thread(desk)
        desk.slack.faults.pending.remove(hanging)

    async def test_a_stop_half_way_ends_soon_and_the_file_arrives_afterwards(self, desk: Desk) -> None:
        hanging = desk.slack.faults.add("upload", "slow:30")
        await desk.slack.dm(DANA, "one", files=[FILE])
        await desk.until(lambda: hanging.times == 0)
        await desk.stop()
        await desk.start()
        await desk.until(lambda: in_thread(desk) == [FILE["content"]])
        await settled(desk)
        assert len(in_thread(desk)) == 1


class TestKilled:
    @pytest.mark.parametrize(
        "step",
        [
            "files.completeUploadExternal",
            "after completing",
            *later("download", "files.getUploadURLExternal", "upload"),
        ],
    )
    async def test_in_the_middle_of_a_step_the_file_stands_once_all_the_same(
        self, database_url: str, tmp_path: Path, step: str
    ) -> None:
        async with LocalSlack(port=0) as slack:
            slack.retry_schedule = (0.05, 0.2, 0.5)
            bot, desk = (
                BotProcess(slack, database_url, tmp_path, timing={"lease": 3.0}),
                Desk(slack, settings_for(slack, database_url)),
            )
            try:
                await bot.start()
                card = await desk.opened()
                await settled(desk)
                # The bot asks where the file stands once it is completed, before it notes that it is.
                where = "files.info" if step == "after completing" else step
                hanging = slack.faults.add(where, "slow:30")
                await slack.post(ADA, SUPPORT, "Look", thread_ts=card["ts"], files=[FILE])
                await slack.wait_for(lambda: hanging.times == 0, timeout=20)
                await bot.kill()
                states = await desk.rows("SELECT state FROM outbox WHERE kind = 'file'")
                await bot.start()
                await slack.wait_for(lambda: files_in(desk, DM), timeout=40)
                await settled(desk, 40)
                assert files_in(desk, DM) == [FILE["content"]]
                assert states == [{"state": "sending" if where.startswith(("files.c", "files.i")) else "pending"}]
                assert not await desk.rows("SELECT id FROM outbox WHERE state <> 'sent'")
            finally:
                await bot.terminate()
                await desk.close()


class TestInPlaceOfTheFile:
    async def test_a_page_for_signing_in_is_never_taken_for_it(self, desk: Desk) -> None:
        desk.slack.faults.add("download", "login_page", times=None)
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: desk.cards() and said(desk, "film.mp4 (Slack did not hand it out"))
        await desk.until(lambda: told(desk, "film.mp4 (Slack did not hand it out)"))
        assert not in_thread(desk)
        assert await desk.rows("SELECT number FROM attachment_chunks") == []

    async def test_another_length_than_was_told(self, desk: Desk) -> None:
        await desk.slack.dm(DANA, "Look", files=[FILE | {"told": {"size": 699_999}}])
        await desk.until(lambda: desk.cards() and said(desk, "film.mp4 (Slack did not hand it out"))
        assert not in_thread(desk)


@contextlib.asynccontextmanager
async def foreign_server() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """A server that is not Slack's, and the requests it got."""
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.Response(body=FILE["content"])

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


class TestForeignHosts:
    async def test_nothing_is_fetched_from_them(self, desk: Desk) -> None:
        async with foreign_server() as (url, asked):
            told_of = {"url_private_download": f"{url}/film.mp4", "url_private": f"{url}/film.mp4"}
            await desk.slack.dm(DANA, "Look", files=[FILE | {"told": told_of}])
            await desk.until(lambda: desk.cards() and said(desk, "film.mp4 (kept somewhere else than in Slack)"))
            await desk.until(lambda: told(desk, "film.mp4 (kept somewhere else than in Slack)"))
            assert asked == []
            assert not in_thread(desk)

    async def test_no_redirect_leads_there(self, desk: Desk) -> None:
        async with foreign_server() as (url, asked):
            desk.slack.faults.add("download", f"redirect:{url}/film.mp4", times=None)
            await desk.slack.dm(DANA, "Look", files=[FILE])
            await desk.until(lambda: desk.cards() and said(desk, "film.mp4 (Slack did not hand it out"))
            assert asked == []


class TestDeletedMeanwhile:
    async def test_between_completing_and_the_note_of_it(self, desk: Desk) -> None:
        hanging = desk.slack.faults.add("files.info", "slow:1")
        ts = await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: hanging.times == 0 and in_thread(desk))
        await desk.slack.delete(DANA, "im", ts)
        await desk.until(lambda: not in_thread(desk))
        await settled(desk)


class TestCustomersWhoAreGone:
    async def test_a_file_for_a_closed_dm_fails_in_the_thread(self, desk: Desk) -> None:
        card = await desk.opened()
        await settled(desk)
        desk.slack.faults.add("chat.postMessage", "error:channel_not_found", times=None, channel=DM)
        desk.slack.faults.add("files.completeUploadExternal", "error:channel_not_found", times=None)
        ts = await desk.slack.post(ADA, SUPPORT, "Look", thread_ts=card["ts"], files=[FILE])
        await desk.until(lambda: desk.marks(ts) == {"x"})
        await desk.until(lambda: said(desk, "film.mp4 (the conversation cannot be reached"))
        await desk.until(lambda: said(desk, "an answer did not reach the customer"))
        await settled(desk)
        assert await desk.rows("SELECT delivery FROM messages WHERE is_admin") == [{"delivery": "failed"}]


class TestSlackAway:
    async def test_a_day_is_waited_then_it_is_told(self, desk: Desk) -> None:
        desk.slack.faults.add("download", "503", times=None)
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: desk.cards() and desk.mirrors(desk.cards()[0]))
        assert not said(desk, "did not get here")
        desk.slack.clock.advance(24 * 3600 + 60)
        await desk.until(lambda: said(desk, "film.mp4 (Slack did not hand it out: the file was answered with"))

    async def test_who_was_away_for_a_day_tries_more_than_once(self, desk: Desk) -> None:
        away = desk.slack.faults.add("chat.postMessage", "503", times=None)
        await desk.slack.dm(DANA, "Look", files=[FILE])
        await desk.until(lambda: desk.slack.calls("chat.postMessage"))
        desk.slack.clock.advance(25 * 3600)
        desk.slack.faults.add("download", "503", times=2)
        desk.slack.faults.pending.remove(away)
        await desk.until(lambda: in_thread(desk))
        assert not said(desk, "did not get here")
