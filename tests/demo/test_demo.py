"""The demo as a newcomer meets it: it tells the story, says what is wrong, and leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from bot.demo import run, run_demo, story
from bot.demo.story import Scene, Stage

ROOT = Path(__file__).parents[2]
DEMO = [sys.executable, "-m", "bot", "demo"]


def surroundings(folder: Path) -> dict[str, str]:
    """The environment of somebody with a real desk, whose settings must not reach the demo's bot."""
    (folder / ".env").write_text("DATABASE_URL=postgresql://nobody@db.invalid/desk\nESCALATION_KEYWORDS=never\n")
    (folder / "tmp").mkdir()
    own = {
        "PYTHONPATH": str(ROOT),
        "TMPDIR": str(folder / "tmp"),
        "SLACK_BOT_TOKEN": "xoxb-somebodys-own",
        "SLACK_API_URL": "https://slack.invalid/api/",
        "CLOSURE_PHRASE": "Bye.",
        "HTTP_PROXY": "http://proxy.invalid:3128",
        "LOG_LEVEL": "ERROR",
    }
    return {**os.environ, **own}


def left_behind(folder: Path) -> list[Path]:
    return list((folder / "tmp").iterdir())


def test_once_tells_the_story_to_its_end_and_exits_with_0(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--once"], cwd=tmp_path, env=surroundings(tmp_path), capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Case #CASE_001 closed at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by Ada Admin$", done.stdout, re.M)
    told = ["CASE_003", "✓ sent: “Sorry, Dana!", "[Acknowledge]", "4 messages in a row", "I’m closing this case."]
    told += ["Casewire ▸ Mia", "Her reply joins the case", "It is here, thank you!"]
    assert all(words in done.stdout for words in told)
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert left_behind(tmp_path) == []


@pytest.mark.slow
def test_ctrl_c_in_the_middle_stops_everything(tmp_path: Path) -> None:
    demo = subprocess.Popen(DEMO, cwd=tmp_path, env=surroundings(tmp_path), stdout=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    try:
        said = ""
        for line in demo.stdout:
            said += line
            if "An admin answers" in line:
                break
        page = urlopen(re.search(r"in a browser, as whoever you like: (http://\S+)", said)[1], timeout=5)
        assert b"<title>Casewire sandbox</title>" in page.read()
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=20)
    finally:
        demo.kill()
    assert demo.returncode == 0, said
    assert left_behind(tmp_path) == []
    health = urlsplit(re.search(r"(http://\S+)/health", said)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((health.hostname, health.port), timeout=5)


async def test_a_bot_that_cannot_start_ends_the_demo_with_1_and_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    status = await run_demo(once=True, changed={"DATABASE_URL": "mysql://desk"})
    said = capsys.readouterr().out
    assert status == 1
    assert "The bot ended by itself, with status 2" in said
    assert "Casewire cannot start" in said
    assert "DATABASE_URL" in said
    assert os.listdir(tmp_path) == []


async def test_what_does_not_happen_ends_the_demo_with_1_and_what_was_seen_instead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def wait_for_nothing(stage: Stage) -> None:
        await stage.expect("a miracle", lambda: None)

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(story, "PATIENCE", 0.2)
    monkeypatch.setattr(run, "STORY", [Scene("Waiting", "Nothing happens.", wait_for_nothing)])
    status = await run_demo(once=True)
    said = capsys.readouterr().out
    assert status == 1
    assert "Expected: a miracle, within 0.2 s." in said
    assert "#support: 0 messages" in said
    assert "Casewire runs" in said
    assert os.listdir(tmp_path) == []
