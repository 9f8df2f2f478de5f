"""Several bots on one PostgreSQL: they share the work, and one that dies is stood in for, with nothing done twice."""

import asyncio
import random
import shutil
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.sandbox.people import ADA, ALERTS, DANA, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.faults.test_kill import hurried
from tests.support.desk import Desk, settings_for
from tests.support.process import ROOT, BotProcess, eventually
from tests.support.smtp import ScriptedSmtp
from tests.support.stream import Stream, check_everything_once, settled

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgresql,
    pytest.mark.parametrize("database_kind", [pytest.param("postgresql", id="postgresql")]),
]

# A tenth of the usual times, so that a take-over is waited for in a test.
HASTY = {"lease": 3.0, "retry_after": 0.2, "settle_after": 0.2, "catch_up": 0.1, "stagger": 0.5}
HOUR = 3600
HELD = "SELECT name, owner FROM leases WHERE expires_at > clock_timestamp()"


class Group:
    """A desk that several processes run."""

    def __init__(self, slack: LocalSlack, database_url: str, directory: Path) -> None:
        self.slack = slack
        self.desk = Desk(slack, settings_for(slack, database_url))
        self.bots: list[BotProcess] = []
        self._database_url = database_url
        self._directory = directory

    async def start(
        self, *sockets: int, timing: dict[str, float] | None = None, root: Path = ROOT, **more: str
    ) -> None:
        """So many processes, each with so many connections to Slack."""
        for count in sockets:
            name, changed = f"bot{len(self.bots)}", {"SLACK_SOCKETS": str(count)} | more
            bot = BotProcess(
                self.slack,
                self._database_url,
                self._directory,
                name=name,
                beside=True,
                timing=HASTY if timing is None else timing,
                root=root,
                **changed,
            )
            self.bots.append(bot)
            await bot.start()

    async def holder(self, lease: str) -> BotProcess:
        """Who does it for all."""

        async def held() -> list[dict[str, Any]]:
            return await self.desk.rows(f"{HELD} AND name = :name", name=lease)

        (row,) = await eventually(held)
        return next(bot for bot in self.bots if f":{bot.pid}:" in row["owner"])

    async def leases_of(self, bots: Iterable[BotProcess]) -> set[str]:
        pids = [f":{bot.pid}:" for bot in bots]
        return {row["name"] for row in await self.desk.rows(HELD) if any(pid in row["owner"] for pid in pids)}

    async def close(self) -> None:
        for bot in self.bots:
            await bot.kill()
        await self.desk.close()


@pytest.fixture
async def group(database_url: str, tmp_path: Path) -> AsyncIterator[Group]:
    async with LocalSlack(port=0) as slack:
        group = Group(hurried(slack), database_url, tmp_path)
        try:
            yield group
        except BaseException:
            for bot in group.bots:
                print(f"{bot.log.name}:\n{bot.tail()}")
            raise
        finally:
            await group.close()


@pytest.mark.slow
class TestThree:
    async def test_share_the_work_and_one_that_is_killed_again_and_again_loses_and_doubles_nothing(
        self, group: Group
    ) -> None:
        stream = Stream(group.slack)
        stream.invite(6)
        await group.start(2, 1, 0)
        writing = asyncio.create_task(stream.run(60, random.Random(5), 0.1))
        for _ in range(2):
            await asyncio.sleep(1.0)  # some moment in the stream, not something waited for
            await stream.answer(group.desk)
            await group.bots[0].kill()
            await group.bots[0].start()
        await writing
        await settled(group.desk)
        figures = await check_everything_once(group.desk, stream)
        assert figures["messages"] == 60
        decided, sent = ([bot.logged(action) for bot in group.bots] for action in ("decided", "sent"))
        print(f"decided: {decided}, sent: {sent}, {dict(figures)}")
        assert sum(count > 0 for count in sent) > 1

    async def test_escalate_each_case_once_though_the_one_with_the_clock_is_killed_at_that_moment(
        self, group: Group
    ) -> None:
        stream = Stream(group.slack)
        stream.invite(5)
        await group.start(1, 1, 1)  # the sandbox tells its time over the sockets
        for user in stream.customers:
            await stream.write(user)
        await group.desk.until(lambda: len(group.desk.cards()) == 5)
        await settled(group.desk)
        clock = await group.holder("clock")
        group.slack.clock.advance(49 * HOUR)
        await clock.kill()
        await clock.start()
        await group.desk.until(group.desk.alerts)
        await settled(group.desk)
        assert len(await group.desk.rows("SELECT alert_key FROM alerts")) == 5
        figures = await check_everything_once(group.desk, stream)
        assert figures["messages"] == 5


class TestConnections:
    async def test_of_all_processes_are_the_desks_and_a_strangers_is_told_of(self, group: Group) -> None:
        await group.start(1, 1)

        def told() -> list[str]:
            texts = [post["text"] for post in group.desk.alerts()]
            return [text for text in texts if "connections of this app" in text]

        await group.slack.drop_sockets()
        await group.desk.until(lambda: group.slack.connected == 2)
        await group.desk.opened(DANA, "all is well")
        async with aiohttp.ClientSession() as session:
            ticket = group.slack.sockets.mint_ticket()
            async with session.ws_connect(f"{group.slack.url}/link/?ticket={ticket}"):
                group.slack.sockets.connections[0].cut()
                await group.desk.until(told)
        (text,) = told()
        assert "3 connections of this app, and only 2" in text


class TestTakeOver:
    async def test_of_everything_when_a_process_is_killed(self, group: Group) -> None:
        """In a lease's time and a bit; the leases of tests last 3 s instead of 20."""
        await group.start(1)
        card = await group.desk.opened(DANA, "first")
        await settled(group.desk)
        await group.start(1)
        first, second = group.bots
        held = await group.leases_of([first])
        assert held >= {"clock", "states", "homes", f"channel:{SUPPORT}"}
        await first.kill()
        began = time.monotonic()
        await group.slack.dm(DANA, "second")
        await group.slack.post(ADA, SUPPORT, "an answer", thread_ts=card["ts"])
        await group.desk.until(lambda: len(group.desk.mirrors(card)) == 2)
        await settled(group.desk)

        async def all_taken_over() -> bool:
            return await group.leases_of([second]) >= {"clock", "states", "homes"}

        await eventually(all_taken_over)
        took = time.monotonic() - began
        assert took < 3.0 * 1.5 + 3
        assert sum("an answer" in post["text"] for post in group.desk.inbox_of(DANA)) == 1

    async def test_at_once_when_a_process_is_stopped(self, group: Group) -> None:
        """With the leases of real life, that last longer than this test waits."""
        await group.start(1, 1, timing={"catch_up": 0.1})
        first, second = group.bots
        card = await group.desk.opened(DANA, "first")
        await settled(group.desk)
        assert await group.leases_of([first]) >= {"clock", "states", "homes"}
        assert await first.terminate() == 0
        began = time.monotonic()

        async def handed_over() -> bool:
            return await group.leases_of([second]) >= {"clock", "states", "homes"}

        await eventually(handed_over, 5)
        await group.slack.dm(DANA, "second")
        await group.desk.until(lambda: len(group.desk.mirrors(card)) == 2)
        assert time.monotonic() - began < 8
        assert len(await group.desk.rows("SELECT id FROM processes")) == 1

    async def test_of_a_post_under_way_that_a_killed_process_left_behind(self, group: Group) -> None:
        await group.start(1)
        card = await group.desk.opened(DANA, "first")
        await settled(group.desk)
        await group.start(0)
        first, _ = group.bots
        dm = f"D{DANA[1:]}"
        found = f"SELECT state FROM outbox WHERE kind = 'answer' AND EXISTS ({HELD} AND owner LIKE :pid)"
        slow = group.slack.faults.add("chat.postMessage", "slow:1", channel=dm)
        answer = await group.slack.post(ADA, SUPPORT, "halfway", thread_ts=card["ts"])
        await group.desk.until(lambda: slow not in group.slack.faults.pending)
        pid = first.pid
        await first.kill()
        # Whoever starts leaves it alone: only when the lease is over is it another's to look after.
        assert [row["state"] for row in await group.desk.rows(found, pid=f"%:{pid}:%")] == ["sending"]
        await first.start()
        for row in await group.desk.rows(found, pid=f"%:{pid}:%"):
            assert row["state"] == "sending"
        await group.desk.until(lambda: "white_check_mark" in group.desk.marks(answer))
        await settled(group.desk)
        assert sum("halfway" in post["text"] for post in group.desk.inbox_of(DANA)) == 1


@pytest.mark.slow
class TestTwoVersions:
    """A copy of the code with a migration more, beside the code as it is."""

    def newer(self, than: Path, directory: Path, revision: str, *, breaks: bool) -> Path:
        code = directory / f"newer-{revision}"
        for package in ("bot", "storage"):
            shutil.copytree(than / package, code / package, ignore=shutil.ignore_patterns("__pycache__"))
        versions = code / "storage" / "migrations" / "versions"
        lines = [
            "import sqlalchemy as sa",
            "from alembic import op",
            f"revision, down_revision = {revision!r}, {self.head(versions)!r}",
            "branch_labels = depends_on = None",
            "def upgrade():",
            f"    op.add_column('cases', sa.Column('added_{revision}', sa.Text(), nullable=True))",
            *(["    op.execute(\"UPDATE schema_info SET min_compatible = '%s'\" % revision)"] if breaks else []),
        ]
        (versions / f"{revision}_newer.py").write_text("\n".join(lines))
        return code

    def head(self, versions: Path) -> str:
        return max(path.name for path in versions.glob("[0-9]*.py")).partition("_")[0]

    async def test_work_side_by_side_until_a_migration_says_that_the_older_must_end(
        self, group: Group, tmp_path: Path
    ) -> None:
        await group.start(1)
        (old,) = group.bots
        card = await group.desk.opened(DANA, "first")
        await settled(group.desk)

        second = self.newer(ROOT, tmp_path, "9001", breaks=False)
        await group.start(1, root=second)
        newer = group.bots[1]
        (info,) = await group.desk.rows("SELECT schema_version, min_compatible FROM schema_info")
        assert info["schema_version"] == "9001"
        await old.kill()  # the older one starts anew on the database of the newer
        await old.start()
        await newer.terminate()
        await group.slack.dm(DANA, "second")
        await group.desk.until(lambda: len(group.desk.mirrors(card)) == 2)

        await group.start(1, root=self.newer(second, tmp_path, "9002", breaks=True))
        assert await old.ended() == 1
        assert "migrated by a newer Casewire that this version cannot work beside" in old.tail()
        with pytest.raises(AssertionError, match=r"at revision 9002.*It needs a version that knows 9002"):
            await old.start()
        await group.slack.dm(DANA, "third")
        await group.desk.until(lambda: len(group.desk.mirrors(card)) == 3)


class TestTheAlarm:
    async def test_is_raised_by_one_of_two_and_by_the_other_when_that_one_is_gone(
        self, group: Group, smtp: ScriptedSmtp
    ) -> None:
        """Alerts that cannot be posted: each mail goes out once, in each half hour."""
        mailing = {
            "ADMIN_EMAILS": "ada@casewire.example",
            "SMTP_SERVER": "127.0.0.1",
            "SMTP_PORT": str(smtp.port),
            "SMTP_SECURITY": "none",
            "EMAIL_FROM": "support@desk.example",
        }
        await group.start(1, 1, timing=HASTY | {"alarm": 0.2}, **mailing)
        # A bot does not start on a channel that is archived in truth.
        archived = group.slack.faults.add("chat.postMessage", "error:is_archived", channel=ALERTS, times=None)
        await group.slack.dm(DANA, "This is urgent")

        async def alert_waits() -> list[dict[str, Any]]:
            return await group.desk.rows("SELECT id FROM outbox WHERE kind = 'alert' AND error <> ''")

        async def told(times: int) -> None:
            async def so_often() -> bool:
                rows = await group.desk.rows("SELECT times FROM alarms")
                return bool(rows) and rows[0]["times"] == times

            await eventually(so_often)

        await eventually(alert_waits)
        group.slack.clock.advance(HOUR / 4 + 1)
        await told(1)
        group.slack.clock.advance(HOUR / 2 + 1)
        await told(2)
        first = await group.holder("alarm")
        assert first.logged("alarm_mailed") == 2
        await first.kill()
        (other,) = (bot for bot in group.bots if bot is not first)
        group.slack.clock.advance(HOUR / 2 + 1)
        await told(3)
        await first.start()
        group.slack.faults.pending.remove(archived)

        async def over() -> bool:
            return not await group.desk.rows("SELECT times FROM alarms")

        await eventually(over)
        assert (first.logged("alarm_mailed"), other.logged("alarm_mailed")) == (2, 2)
        assert len(smtp.taken) == len({one.mail["Message-ID"] for one in smtp.taken}) == 4
