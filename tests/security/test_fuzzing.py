"""Whatever comes in from Slack: nothing escapes, nobody else's case is touched, and what cannot be read is told of."""

import os
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bot.sandbox.people import ADA, DANA, OMAR
from tests.security.fuzzed_desk import FuzzedDesk, fuzzed_desk, quick_and_quiet
from tests.security.payloads import MALLORY, WORDS, events, interactions, mutated, timed

FULL = os.environ.get("FULL") == "1"
fuzzing = settings(
    max_examples=200 if FULL else 20,
    phases=[Phase.explicit, Phase.generate],  # the desk remembers: a smaller example is not the same one
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
EVENTS, INTERACTIONS = events(), interactions()
KEPT = ("message", "app_mention")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with quick_and_quiet(monkeypatch):
        yield


@pytest.fixture
async def desk(database_url: str) -> AsyncIterator[FuzzedDesk]:
    async with fuzzed_desk(database_url) as desk:
        yield desk


@pytest.mark.timeout(1200 if FULL else 120)
class TestEvents:
    @given(st.lists(mutated(EVENTS), min_size=1, max_size=4))
    @fuzzing
    async def test_whatever_is_told_others_cases_stay_as_they_are(self, desk: FuzzedDesk, bodies: list) -> None:
        before = await desk.others()
        for body in map(timed, bodies):
            acknowledged = await desk.send("events_api", body)
            event = body.get("event")
            if body.get("type") == "event_callback" and isinstance(event, dict) and event.get("type") in KEPT:
                assert acknowledged, "what cannot be read now cannot be read when it comes again"
        await desk.settle()
        assert await desk.others() == before
        assert await desk.faults() == []

    async def test_what_is_whole_is_never_quarantined(self, desk: FuzzedDesk) -> None:
        for body in EVENTS:
            assert await desk.send("events_api", timed(body))
        await desk.settle()
        assert await desk.column("SELECT count(*) FROM inbox WHERE state = 'quarantined'") == [0]


@pytest.mark.timeout(1200 if FULL else 120)
class TestInteractions:
    @given(st.lists(mutated(INTERACTIONS), min_size=1, max_size=4))
    @fuzzing
    async def test_whatever_who_is_no_admin_clicks_changes_nothing(self, desk: FuzzedDesk, bodies: list) -> None:
        before = await desk.others()
        for body in map(timed, bodies):
            await desk.send("interactive", body)
        await desk.settle()
        assert await desk.others() == before
        assert await desk.column("SELECT count(*) FROM cases WHERE customer_identifier = :who", who=MALLORY) == [0]
        assert await desk.faults() == []


TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["status", "list", "close", "reopen", "escalate", "block", "new", "help", "quiet", *WORDS]
        ),
        max_size=5,
    ).map(" ".join),
)


@pytest.mark.timeout(1200 if FULL else 120)
class TestCommands:
    @given(TEXTS)
    @fuzzing
    async def test_whatever_who_is_no_admin_types_is_answered_and_changes_nothing(
        self, desk: FuzzedDesk, text: str
    ) -> None:
        before = await desk.others()
        assert await desk.command(text), "a person who types something is told what became of it"
        assert await desk.others() == before
        assert await desk.column("SELECT count(*) FROM inbox") == [2], "the two messages that there were"

    @given(TEXTS)
    @fuzzing
    async def test_whatever_an_admin_types_is_answered_and_leaves_a_sound_desk(
        self, desk: FuzzedDesk, text: str
    ) -> None:
        assert await desk.command(text, ADA)
        await desk.settle()
        assert await desk.faults() == []
        assert set(await desk.column("SELECT customer_identifier FROM customers")) <= {DANA, OMAR}
