"""An event that cannot be read is kept for a person and told of once; what only says things sooner is let go."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.security.fuzzed_desk import FuzzedDesk, fuzzed_desk, quick_and_quiet
from tests.security.payloads import MALLORY, MALLORYS_DM

WRITTEN = {
    "type": "message",
    "user": MALLORY,
    "channel": MALLORYS_DM,
    "channel_type": "im",
    "text": "Hello",
    "ts": "1800000000.000001",
}
QUARANTINED = "SELECT error FROM inbox WHERE state = 'quarantined'"
only_sqlite = pytest.mark.parametrize("database_kind", [pytest.param("sqlite", id="sqlite")])


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[FuzzedDesk]:
    async with fuzzed_desk(database_url) as desk:
        yield desk


def told(**changed: Any) -> dict[str, Any]:
    event = {name: value for name, value in (WRITTEN | changed).items() if value is not None}
    return {"type": "event_callback", "event_id": "Ev1", "event": event}


class TestAMessage:
    @pytest.mark.parametrize(
        ("changed", "why"),
        [
            ({"channel": None}, "without 'channel'"),
            ({"ts": None}, "without 'ts'"),
            ({"ts": "now"}, "'now' is no time of Slack's"),
            ({"channel": "D0\x00"}, r"'D0\x00' is no id of Slack's"),
            ({"channel": 7}, "7 is no id of Slack's"),  # over this one Bolt stumbles itself
            ({"thread_ts": ["1.1"], "channel": "C1", "channel_type": "channel"}, "is no time of Slack's"),
        ],
        ids=lambda value: str(value) if isinstance(value, dict) else "",
    )
    @only_sqlite
    async def test_is_acknowledged_and_quarantined_with_an_alert(
        self, desk: FuzzedDesk, changed: dict[str, Any], why: str
    ) -> None:
        for _ in range(2):  # Slack may send it again
            assert await desk.send("events_api", told(**changed))
        await desk.settle()
        (error,) = await desk.column(QUARANTINED)
        assert why in error
        assert len(await desk.column("SELECT id FROM outbox WHERE kind = 'quarantined'")) == 1
        assert len(await desk.column("SELECT case_id FROM cases")) == 2

    async def test_that_is_whole_opens_a_case(self, desk: FuzzedDesk) -> None:
        assert await desk.send("events_api", told())
        await desk.settle()
        assert await desk.column("SELECT customer_identifier FROM cases WHERE case_id = 'CASE_003'") == [MALLORY]

    @only_sqlite
    async def test_is_kept_without_the_verification_token(self, desk: FuzzedDesk) -> None:
        assert await desk.send("events_api", told() | {"token": "verify-me"})
        assert await desk.send("events_api", told(ts=None) | {"token": "verify-me"})
        raws = await desk.column("SELECT raw FROM inbox")
        assert len(raws) == 4
        assert not [raw for raw in raws if b"verify-me" in bytes(raw)]


class TestWhatOnlySaysThingsSooner:
    @pytest.mark.parametrize(
        "event",
        [
            {"type": "app_home_opened", "tab": "home"},
            {"type": "app_home_opened", "tab": "home", "user": "\x00"},
            {"type": "user_change", "user": "U1"},
            {"type": "channel_rename", "channel": {}},
            {"type": "channel_archive", "channel": {"id": "C1"}},
            {"type": "member_joined_channel"},
        ],
        ids=str,
    )
    @only_sqlite
    async def test_is_acknowledged_and_let_go(self, desk: FuzzedDesk, event: dict[str, Any]) -> None:
        assert await desk.send("events_api", {"type": "event_callback", "event": event})
        assert await desk.column(QUARANTINED) == []


class TestAGesture:
    @pytest.mark.parametrize(
        "payload", [{"type": "block_actions", "user": 7}, {"type": "block_actions"}, {}], ids=str
    )
    @only_sqlite
    async def test_that_cannot_be_read_is_refused(self, desk: FuzzedDesk, payload: dict[str, Any]) -> None:
        assert await desk.send("interactive", payload) is None
