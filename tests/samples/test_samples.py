"""Every sample is played by its one command into a running desk, and does what samples/README.md says."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.sandbox.people import ADA, DANA, SUPPORT
from tests.support.desk import Desk, running_desk

SAMPLES = Path(__file__).parents[2] / "samples"
LOG_LINE = re.compile(r"Case #CASE_001 closed at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by Ada Admin")


@pytest.fixture
async def desk(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Desk]:
    database = shutil.copyfile(sqlite_template, tmp_path / "casewire.db")
    async with running_desk(f"sqlite:///{database}") as desk:
        yield desk


async def play(desk: Desk, name: str) -> str:
    """What `casewire play` says."""
    arguments = ["play", str(SAMPLES / "slack" / name), "--to", desk.slack.url]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == 0, result.output
    return result.output


async def played(desk: Desk, name: str) -> str:
    """Plays a message; its ts."""
    await play(desk, name)
    record = desk.slack.traffic.of("post")[-1]
    messages = desk.slack.workspace.channels[record.detail["channel"]].messages
    return next(ts for ts, post in reversed(messages.items()) if post["user"] == record.detail["user"])


def in_thread(desk: Desk, words: str) -> bool:
    return any(words in post["text"] for card in desk.cards() for post in desk.thread(card))


def in_dm(desk: Desk, words: str) -> bool:
    return any(words in post["text"] for post in desk.inbox_of(DANA))


def card_says(desk: Desk, words: str) -> bool:
    return words in desk.cards()[-1]["text"]


def test_every_sample_is_listed_and_tried_here() -> None:
    there = {path.name for path in (SAMPLES / "slack").iterdir()}
    assert there == set(re.findall(r"^\| `(\w+\.json)`", (SAMPLES / "README.md").read_text(), re.M))
    assert there == set(re.findall(r'"(slack_\w+\.json)"', Path(__file__).read_text()))


class TestWhatACustomerDoes:
    async def test_a_message_opens_a_case(self, desk: Desk) -> None:
        await play(desk, "slack_message_new.json")
        await desk.until(lambda: in_dm(desk, "Your case is CASE_001"))
        await desk.until(lambda: in_thread(desk, "my order 4711"))

    async def test_a_sample_can_be_played_again(self, desk: Desk) -> None:
        await play(desk, "slack_message_new.json")
        await play(desk, "slack_message_new.json")
        await desk.until(lambda: desk.cards() and len(desk.mirrors(desk.cards()[0])) == 2)

    async def test_follow_ups_join_the_case_and_the_fourth_in_a_row_escalates(self, desk: Desk) -> None:
        await desk.opened()
        for _ in range(3):
            await play(desk, "slack_message_followup.json")
        await desk.until(lambda: any("4 messages in a row" in alert["text"] for alert in desk.alerts()))
        assert len(desk.cards()) == 1

    async def test_an_urgent_message_escalates(self, desk: Desk) -> None:
        await play(desk, "slack_message_urgent.json")
        await desk.until(lambda: any("we fly tomorrow" in alert["text"] for alert in desk.alerts()))

    async def test_a_message_in_a_thread_of_the_dm_counts(self, desk: Desk) -> None:
        await desk.opened()
        await desk.until(lambda: desk.inbox_of(DANA))
        ts = await played(desk, "slack_message_in_dm_thread.json")
        await desk.until(lambda: in_thread(desk, "in the thread under your message"))
        [root] = desk.inbox_of(DANA)[:1]
        message = desk.slack.workspace.channels[desk.slack.dm_channel(DANA)].messages[ts]
        assert message["thread_ts"] == root["ts"]

    async def test_a_message_with_a_file_goes_on_with_it(self, desk: Desk) -> None:
        await play(desk, "slack_message_file.json")
        await desk.until(lambda: in_thread(desk, "a picture of the damage"))
        await desk.until(lambda: in_thread(desk, "damage.png (image/png"))
        await desk.until(lambda: any(post.get("files") for post in desk.thread(desk.cards()[0])))

    async def test_hostile_text_stays_text(self, desk: Desk) -> None:
        await play(desk, "slack_message_hostile.json")
        await desk.until(lambda: in_thread(desk, "DROP TABLE"))
        shown = [post["text"] for post in [*desk.cards(), *desk.thread(desk.cards()[0])]]
        assert not any(re.search(r"<[!@#]|<[^>]*\|", text) for text in shown), (
            "a mention, or a link under another name"
        )
        assert [row["status"] for row in await desk.rows("SELECT status FROM cases")] == ["open"]

    async def test_an_edit_changes_the_copy(self, desk: Desk) -> None:
        await desk.opened()
        await play(desk, "slack_message_edited.json")
        await desk.until(lambda: in_thread(desk, "4712 (not 4711)"))

    async def test_a_deletion_is_shown_on_the_copy(self, desk: Desk) -> None:
        await desk.opened()
        await play(desk, "slack_message_deleted.json")
        await desk.until(lambda: in_thread(desk, "The customer deleted this message"))

    async def test_a_customer_asks_for_the_status(self, desk: Desk) -> None:
        await desk.opened()
        assert "Your case CASE_001 is open" in await play(desk, "slack_command_status.json")


class TestWhatTheDeskDoes:
    async def test_an_answer_reaches_the_customer(self, desk: Desk) -> None:
        await desk.opened()
        ts = await played(desk, "slack_admin_answer.json")
        await desk.until(lambda: in_dm(desk, "you have it tomorrow"))
        await desk.until(lambda: desk.marks(ts) == {"white_check_mark"})

    @pytest.mark.parametrize("name", ["slack_admin_note.json", "slack_bystander_post.json"])
    async def test_what_is_not_for_the_customer_stays_inside(self, desk: Desk, name: str) -> None:
        await desk.opened()
        ts = await played(desk, name)
        await desk.until(lambda: desk.marks(ts) == {"lock"})
        assert not in_dm(desk, "parcel")

    async def test_the_phrase_closes_the_case(self, desk: Desk) -> None:
        await desk.opened()
        await play(desk, "slack_admin_close.json")
        await desk.until(lambda: any(map(LOG_LINE.fullmatch, desk.log_lines())))
        await desk.until(lambda: in_dm(desk, "I’m closing this case.") and card_says(desk, "Status: closed"))

    async def test_the_command_closes_the_case(self, desk: Desk) -> None:
        await desk.opened()
        assert "CASE_001 is closed" in await play(desk, "slack_command_close.json")
        await desk.until(lambda: any(map(LOG_LINE.fullmatch, desk.log_lines())))

    async def test_the_button_acknowledges_the_alert(self, desk: Desk) -> None:
        await desk.opened(DANA, "This is urgent")
        await desk.until(desk.alerts)
        await play(desk, "slack_admin_acknowledge.json")
        await desk.until(lambda: "Acknowledged by Ada Admin" in desk.alerts()[0]["text"])

    async def test_a_mention_gets_help(self, desk: Desk) -> None:
        await play(desk, "slack_admin_mention.json")
        await desk.until(
            lambda: (
                any(
                    "/case help" in post["text"]
                    for post in desk.slack.workspace.channels[SUPPORT].messages.values()
                )
                or any("/case help" in post["text"] for post in desk.slack.ephemerals(ADA))
            )
        )
