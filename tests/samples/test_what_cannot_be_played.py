"""`casewire play` says in plain words why a document cannot be played, with status 2 and no traceback."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.sandbox.people import ADA
from bot.sandbox.server import LocalSlack

NEW = {"event": {"type": "message", "user": "U0DANALEE1", "channel_type": "im", "text": "Hello"}}


@pytest.fixture
async def slack() -> AsyncIterator[LocalSlack]:
    async with LocalSlack() as slack:
        yield slack


async def refused(tmp_path: Path, document: Any, to: str) -> str:
    sample = tmp_path / "sample.json"
    sample.write_text(document if isinstance(document, str) else json.dumps(document))
    result = await asyncio.to_thread(CliRunner().invoke, cli, ["play", str(sample), "--to", to])
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        pytest.param("{not json", "is no JSON document", id="not JSON"),
        pytest.param([1, 2], "no JSON object", id="a list"),
        pytest.param(
            {"event": {"type": "reaction_added"}}, "a sample is the body of an event", id="another event"
        ),
        pytest.param({"event": {"type": "message", "text": "x"}}, "which user does it", id="nobody does it"),
        pytest.param(
            {"event": {"type": "message", "subtype": "channel_topic", "user": ADA}}, "channel_topic", id="topic"
        ),
        pytest.param(
            {"event": {"type": "message", "user": ADA, "channel": "support", "text": "x", "thread_ts": "latest"}},
            "there is no thread of the bot's in #support yet",
            id="no case yet",
        ),
        pytest.param(
            {"event": {"type": "message", "user": ADA, "channel": "C0NOWHERE1", "text": "x"}},
            "channel_not_found",
            id="no such channel",
        ),
    ],
)
async def test_a_document_that_is_no_sample(slack: LocalSlack, tmp_path: Path, document: Any, reason: str) -> None:
    assert reason in " ".join((await refused(tmp_path, document, slack.url)).split())


async def test_where_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert "no local Slack answers" in await refused(tmp_path, NEW, f"http://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address",
    [
        "https://slack.com",
        "http://192.0.2.1:8900",
        "127.0.0.1:8900",
        "nonsense",
        "http://[::1",
        "http://127.0.0.1:99999",
    ],
)
async def test_only_this_machine_is_played_into(tmp_path: Path, address: str) -> None:
    assert "is no local Slack" in await refused(tmp_path, NEW, address)


def test_a_file_that_does_not_exist() -> None:
    result = CliRunner().invoke(cli, ["play", "nowhere.json"])
    assert result.exit_code == 2
    assert "nowhere.json: No such file" in result.output
