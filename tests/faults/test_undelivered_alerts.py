"""Alerts that cannot be posted for a quarter of an hour: health says so, and the admins are told by mail."""

from typing import Any

import aiohttp
import pytest

from bot.sandbox.people import ADA, ALERTS, DANA
from tests.faults.health import becomes
from tests.support.desk import Desk, running_desk
from tests.support.mail_desk import GRACE, body, is_about, read, running_mail_desk
from tests.support.process import eventually
from tests.support.smtp import ScriptedSmtp, Taken, by_mail

MINUTE = 60
ADMINS = ("ada@casewire.example", "grace@casewire.example")
SAID = "cannot post its alerts"
OVER = "posts its alerts in Slack again"


def telling_admins(smtp: ScriptedSmtp, **changed: Any) -> dict[str, Any]:
    return by_mail(smtp, **{"admin_emails": ADMINS} | changed)


async def escalated_in_vain(desk: Desk, text: str = "This is urgent") -> None:
    """The alerting channel is archived, and a case's alert waits for it."""
    desk.slack.archive(ALERTS, ADA)
    await desk.opened(DANA, text)
    await waits(desk)


async def waits(desk: Desk) -> None:
    async def tried() -> list[dict[str, Any]]:
        return await desk.rows("SELECT id FROM outbox WHERE kind = 'alert' AND state <> 'sent' AND error <> ''")

    await eventually(tried)


async def note(desk: Desk) -> dict[str, Any]:
    """What health says beside its words of the alerts that wait."""
    assert desk.bot is not None
    url = f"http://127.0.0.1:{desk.bot.port}/health"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return (await answer.json()).get("undelivered_alerts", {})


async def told(desk: Desk, times: int) -> None:
    """The database says that it was told of so often."""

    async def so_often() -> bool:
        rows = await desk.rows("SELECT times FROM alarms")
        return bool(rows) and rows[0]["times"] >= times

    await eventually(so_often)


def about(taken: list[Taken], words: str) -> list[Taken]:
    return [one for one in taken if words in str(one.mail["Subject"])]


class TestAnArchivedAlertingChannel:
    async def test_is_mailed_to_each_admin_once_then_every_half_hour_and_when_it_is_over(
        self, database_url: str, smtp: ScriptedSmtp
    ) -> None:
        async with running_desk(database_url, **telling_admins(smtp)) as desk:
            # A bot does not start on a channel that is archived in truth.
            archived = desk.slack.faults.add("chat.postMessage", "error:is_archived", channel=ALERTS, times=None)
            await desk.opened(DANA, "This is urgent")
            await waits(desk)
            desk.slack.clock.advance(14 * MINUTE)
            await desk.write("Are you there?")
            assert await note(desk) == {}
            desk.slack.clock.advance(MINUTE + 1)
            await smtp.until(2)
            assert (await becomes(desk, 503))["slack"] == "disconnected"
            assert (await note(desk))["count"] >= 1
            assert (await note(desk))["error"] == "is_archived"
            await told(desk, 1)
            assert {to for one in smtp.taken for to in one.to} == set(ADMINS)
            text = smtp.taken[0].text
            assert "CASE_001 is escalated (waits since 20" in text
            assert "is_archived" in text
            assert smtp.taken[0].mail["Auto-Submitted"] == "auto-generated"
            assert smtp.taken[0].mail["X-Casewire-Loop"]

            await desk.stop()
            await desk.start()  # a restart tells nobody again
            desk.slack.clock.advance(29 * MINUTE)
            await becomes(desk, 503)
            assert len(smtp.taken) == 2
            desk.slack.clock.advance(2 * MINUTE)
            await smtp.until(4)
            await told(desk, 2)

            desk.slack.faults.pending.remove(archived)
            await desk.until(lambda: any("is escalated" in post["text"] for post in desk.alerts()))
            await smtp.until(6)
            assert len(about(smtp.taken, OVER)) == 2
            assert len(about(smtp.taken, SAID)) == 4
            assert len({one.mail["Message-ID"] for one in smtp.taken}) == 6
            await becomes(desk, 200)
            assert await note(desk) == {}

    async def test_is_told_of_by_health_and_the_log_where_no_mail_can_be_sent(
        self, database_url: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with running_desk(database_url, admin_emails=ADMINS) as desk:
            await escalated_in_vain(desk)
            desk.slack.clock.advance(15 * MINUTE + 1)
            await becomes(desk, 503)
            await told(desk, 1)
            assert "alerts cannot be posted, nor mailed" in capsys.readouterr().out
            desk.slack.archive(ALERTS, ADA, archived=False)
            await becomes(desk, 200)

    async def test_is_mailed_once_the_mail_server_is_there_and_under_the_same_message_id_where_its_answer_was_lost(
        self, database_url: str, smtp: ScriptedSmtp
    ) -> None:
        async with running_desk(database_url, **telling_admins(smtp, admin_emails=ADMINS[:1])) as desk:
            await smtp.stop()
            await escalated_in_vain(desk)
            desk.slack.clock.advance(15 * MINUTE + 1)
            await becomes(desk, 503)
            smtp.cut = 1
            await smtp.start()
            await smtp.until(2)
            await told(desk, 1)
            assert len(smtp.taken) == 2
            assert len({one.mail["Message-ID"] for one in smtp.taken}) == 1


class TestSlackAway:
    async def test_a_web_api_that_refuses_everything_is_told_of_by_mail(
        self, database_url: str, smtp: ScriptedSmtp
    ) -> None:
        async with running_desk(database_url, **telling_admins(smtp)) as desk:
            await desk.opened()
            away = desk.slack.faults.add("*", "503", times=None)
            await desk.slack.dm(DANA, "This is urgent")
            await waits(desk)
            desk.slack.clock.advance(15 * MINUTE + 1)
            await becomes(desk, 503)
            await smtp.until(2)
            desk.slack.faults.pending.remove(away)
            await smtp.until(4)
            assert len(about(smtp.taken, OVER)) == 2


@pytest.mark.slow
async def test_the_mail_opens_no_case_when_it_comes_back(database_url: str) -> None:
    async with running_mail_desk(database_url) as desk:
        desk.slack.archive(ALERTS, ADA)
        await desk.slack.dm(DANA, "This is urgent")
        await waits(desk)
        desk.slack.clock.advance(15 * MINUTE + 1)
        mails = await desk.mails_to(GRACE, 1)
        mail = next(filter(is_about(SAID), mails))
        assert "CASE_001 is escalated" in body(mail)
        assert read(mail)["Auto-Submitted"] == "auto-generated"
        desk.mail.receive(mail.raw)
        await desk.decided(1)
        assert len(await desk.rows("SELECT case_id FROM cases")) == 1
        assert not await desk.rows("SELECT id FROM held_mails WHERE state = 'held'")
