"""`/metrics`: it tells of what happens and of how things stand, to those who may know."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog
from aiohttp.test_utils import make_mocked_request
from structlog.contextvars import merge_contextvars

from bot import __version__
from bot.config import ConfigError
from bot.ops import gauges
from bot.ops.access import Access
from bot.ops.metrics import Metrics, Step
from bot.sandbox.people import ADA, DANA, OMAR, SUPPORT
from bot.sandbox.server import LocalSlack
from storage.engine import Database, open_database
from storage.watch import read_desk
from tests.support.desk import running_desk, settings_for
from tests.support.mail_desk import DANA as DANAS_ADDRESS
from tests.support.mail_desk import running_mail_desk
from tests.support.running import starting, until
from tests.support.scraping import ask, scrape

TOKEN = "0123456789abcdef0123456789abcdef"
FROM_AFAR = {"X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite:///{shutil.copyfile(sqlite_template, tmp_path / 'desk.db')}"


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = open_database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each scrape reads anew, but in the tests of that itself."""
    monkeypatch.setattr(gauges, "FRESH", 0.0)
    monkeypatch.setattr(gauges, "SHARE", 0.0)


class TestWhatIsShown:
    async def test_a_case_from_its_first_message_to_its_closing(self, database_url: str) -> None:
        async with running_desk(database_url) as desk:
            card = await desk.opened(DANA, "This is urgent")
            await desk.until(desk.alerts)
            await desk.opened(OMAR)
            before = await scrape(desk.bot)
            await desk.answer(card, "We look into it")
            await desk.slack.post(ADA, SUPPORT, "I'm closing this case.", thread_ts=card["ts"])
            await desk.until(desk.log_lines)
            after = await scrape(desk.bot)
            while not after("casewire_step_duration_seconds_count", step="escalate"):  # by a clock of its own
                after = await scrape(desk.bot)

        assert (before("casewire_cases_open"), before("casewire_cases_escalated")) == (2, 1)
        assert (before("casewire_cases_waiting"), before("casewire_cases_closed")) == (2, 0)
        assert before("casewire_oldest_unanswered_age_seconds") > 0
        assert before("casewire_messages_total", source="slack", author="customer") == 2
        assert (after("casewire_cases_open"), after("casewire_cases_closed")) == (1, 1)
        assert (after("casewire_cases_escalated"), after("casewire_cases_waiting")) == (0, 1)
        assert after("casewire_messages_total", source="slack", author="admin") == 2
        assert after("casewire_items_received_total", kind="message") == 4
        sent = after("casewire_deliveries_total", way="slack", result="sent")
        assert sent >= 8  # two cards with their intros, mirrors and notices at least
        for step in (Step.KEEP, Step.PREPARE, Step.INBOX):
            assert after("casewire_step_duration_seconds_count", step=step.value) >= 4
        assert after("casewire_step_duration_seconds_count", step="outbox") == sent
        assert after("casewire_step_duration_seconds_count", step="send") >= sent
        dialect = database_url.partition(":")[0]
        (build,) = after.values("casewire_build_info")
        assert {("version", __version__), ("database", dialect)} < build
        assert after("casewire_slack_connections_wanted") == 2
        assert after("casewire_slack_connections") >= 1
        assert after("casewire_service_up", service="slack") == 1
        assert after("casewire_mailbox_state", state="disabled") == 1
        assert after("casewire_database_up") == 1

    async def test_mail(self, database_url: str) -> None:
        async with running_mail_desk(database_url) as desk:
            with structlog.testing.capture_logs([merge_contextvars]) as lines:
                desk.mail.write(DANAS_ADDRESS, "Broken", "It broke")
                await desk.mirrored("It broke")
                (notice,) = await desk.mails_to(DANAS_ADDRESS, 1)
                await desk.settled()
            seen = await scrape(desk.bot)
        (received,) = (line for line in lines if line.get("action") == "mail_received")
        way = [line for line in lines if line.get("item") in received["items"]]
        assert {line["action"] for line in way} >= {"decided", "sent"}
        assert {line["case_id"] for line in way} == {"CASE_001"}
        assert seen("casewire_deliveries_total", way="email", result="sent") == 1, notice
        assert seen("casewire_messages_total", source="email", author="customer") == 1
        assert seen("casewire_mails_received_total") == 1
        assert seen("casewire_step_duration_seconds_count", step="mailbox") == 1
        assert (seen("casewire_mailbox_state", state="connected"), seen("casewire_mailbox_lag_seconds")) == (1, 0)
        assert seen("casewire_mailbox_last_look_timestamp_seconds") > 0

    async def test_what_could_not_be_delivered_and_that_slack_asked_to_wait(self, sqlite_url: str) -> None:
        async with running_desk(sqlite_url) as desk:
            card = await desk.opened(DANA)
            desk.slack.faults.add("chat.postMessage", "429", channel=desk.slack.dm_channel(DANA))
            await desk.answer(card, "We look into it")
            desk.slack.faults.add("chat.postMessage", "error:user_disabled", channel=desk.slack.dm_channel(DANA))
            ts = await desk.slack.post(ADA, SUPPORT, "Are you there?", thread_ts=card["ts"])
            await desk.until(lambda: "x" in desk.marks(ts))
            seen = await scrape(desk.bot)
        assert seen("casewire_slack_rate_limited_total", method="chat.postMessage") == 1
        assert seen("casewire_deliveries_total", way="slack", result="delayed") == 1
        assert seen("casewire_deliveries_total", way="slack", result="parked") == 1
        assert seen("casewire_parked_rows") == 1

    async def test_limits_that_the_client_waits_for_itself_are_counted(self, sqlite_url: str) -> None:
        async with running_desk(sqlite_url) as desk:
            desk.slack.faults.add("users.info", "429", times=1)
            await desk.opened(DANA)
            seen = await scrape(desk.bot)
        assert seen("casewire_slack_rate_limited_total", method="users.info") == 1

    async def test_before_the_database_is_there_the_rest_is_shown(self, slack: LocalSlack) -> None:
        async with starting(slack, "postgresql://nobody@127.0.0.1:1/none") as bot:
            seen = await scrape(bot)
        assert (seen("casewire_database_up"), seen.get("casewire_cases_open")) == (0, None)
        assert seen("casewire_service_up", service="database") == 0

    async def test_two_bots_in_one_process_share_nothing(self) -> None:
        one, other = Metrics(), Metrics()
        one.rate_limited("chat.postMessage")
        labels = {"method": "chat.postMessage"}
        assert one.registry.get_sample_value("casewire_slack_rate_limited_total", labels) == 1
        assert other.registry.get_sample_value("casewire_slack_rate_limited_total", labels) is None

    async def test_open_metrics_is_spoken_to_those_who_ask_for_it(
        self, slack: LocalSlack, sqlite_url: str
    ) -> None:
        async with starting(slack, sqlite_url) as bot:
            plain = await ask(bot, "/metrics")
            asked = await ask(bot, "/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert plain[2]["Content-Type"].startswith("text/plain; version=")
        assert asked[2]["Content-Type"].startswith("application/openmetrics-text")
        assert asked[1].endswith("# EOF\n")

    async def test_names_follow_the_conventions(self, slack: LocalSlack, sqlite_url: str) -> None:
        async with starting(slack, sqlite_url) as bot:
            seen = await scrape(bot)
        for name, family in seen.families.items():
            assert re.fullmatch(r"(casewire|process)_[a-z0-9_]+", name), name
            assert family.documentation, name
            assert not name.endswith(("_total", "_count", "_sum", "_bucket")), name
            assert not re.search(r"_(ms|milliseconds|minutes|hours|kb|mb)$", name), name


class TestReading:
    async def test_one_reading_serves_all_for_some_seconds(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads = self.counted(monkeypatch)
        now = 0.0
        desk = gauges.DeskGauges(moving(lambda: now))
        desk.watch(database)
        monkeypatch.setattr(gauges, "FRESH", 5.0)
        await asyncio.gather(*(desk.refresh() for _ in range(5)))
        now = 4.9
        await desk.refresh()
        assert len(reads) == 1
        now = 5.1
        await desk.refresh()
        assert len(reads) == 2

    async def test_a_slow_reading_is_kept_longer(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        times = iter([0.0, 0.5, 40.0, 51.0, 51.0])
        reads = self.counted(monkeypatch)
        desk = gauges.DeskGauges(moving(lambda: next(times)))
        desk.watch(database)
        monkeypatch.setattr(gauges, "SHARE", 100.0)
        for _ in range(3):  # at 0, which takes half a second; at 40, and at 51
            await desk.refresh()
        assert len(reads) == 2

    def counted(self, monkeypatch: pytest.MonkeyPatch) -> list[None]:
        reads: list[None] = []

        def counting(connection):
            reads.append(None)
            return read_desk(connection)

        monkeypatch.setattr(gauges, "read_desk", counting)
        return reads


def moving(monotonic):
    clock = gauges.Clock()
    clock.monotonic = monotonic
    return clock


class TestWhoMayRead:
    @pytest.mark.parametrize("path", ["/metrics", "/cases"])
    async def test_with_a_token_those_elsewhere_who_have_it(
        self, slack: LocalSlack, sqlite_url: str, path: str
    ) -> None:
        async with starting(slack, sqlite_url, debug=True, metrics_token=TOKEN) as bot:
            await until(lambda: bot.services.words()["slack"] == "connected")
            bearer = {"Authorization": f"Bearer {TOKEN}"}
            assert (await ask(bot, path))[0] == 200  # this machine itself needs none
            assert (await ask(bot, path, **FROM_AFAR, **bearer))[0] == 200
            for wrong in ({}, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
                status, body, headers = await ask(bot, path, **FROM_AFAR, **wrong)
                assert (status, headers["WWW-Authenticate"]) == (401, 'Bearer realm="casewire"')
                assert TOKEN not in body

    async def test_without_one_nobody_elsewhere_and_it_is_said_what_to_set(
        self, slack: LocalSlack, sqlite_url: str
    ) -> None:
        async with starting(slack, sqlite_url, debug=True) as bot:
            await until(lambda: bot.services.words()["slack"] == "connected")
            status, body, _ = await ask(bot, "/metrics", **FROM_AFAR, Authorization="Bearer ")
            assert status == 403
            assert "METRICS_TOKEN" in body
            assert (await ask(bot, "/cases", **FROM_AFAR))[0] == 404

    async def test_cases_need_debug_whoever_asks(self, slack: LocalSlack, sqlite_url: str) -> None:
        async with starting(slack, sqlite_url, metrics_token=TOKEN) as bot:
            await until(lambda: bot.services.words()["slack"] == "connected")
            assert (await ask(bot, "/cases", Authorization=f"Bearer {TOKEN}"))[0] == 404

    @pytest.mark.parametrize(("peer", "allowed"), [("127.0.0.1", True), ("192.168.1.7", False)])
    async def test_who_is_elsewhere_is_told_by_the_peer(self, peer: str, allowed: bool) -> None:
        transport = asyncio.Transport(extra={"peername": (peer, 1234)})
        request = make_mocked_request("GET", "/metrics", {"Host": "localhost:8000"}, transport=transport)
        assert Access(TOKEN).allows(request) is allowed

    @pytest.mark.parametrize("token", ["short", "with blanks in it, but long enough"])
    async def test_a_token_that_is_easily_guessed_is_refused(
        self, slack: LocalSlack, sqlite_url: str, token: str
    ) -> None:
        with pytest.raises(ConfigError) as refused:
            settings_for(slack, sqlite_url, metrics_token=token)
        assert "METRICS_TOKEN is not usable" in str(refused.value)
        assert token not in str(refused.value)


class TestLive:
    async def test_a_bot_that_waits_for_its_database_is_alive(self, slack: LocalSlack) -> None:
        async with starting(slack, "postgresql://nobody@127.0.0.1:1/none") as bot:
            assert (await ask(bot, "/live", **FROM_AFAR))[:2] == (200, '{"status": "alive"}')
            assert (await ask(bot, "/health"))[0] == 503
