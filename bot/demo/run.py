"""One performance: a local Slack in this process, the bot beside it, the story, and a clean end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console

import bot
from bot.demo.mail_story import MAIL_STORY
from bot.demo.narrator import Narrator
from bot.demo.story import STORY as SLACK_STORY
from bot.demo.story import Stage, StoryFailed
from bot.sandbox.bot_runner import BotRunner
from bot.sandbox.people import OMAR
from bot.sandbox.run import bot_on
from bot.sandbox.server import LocalSlack

START_TIMEOUT = 30.0
READING_PAUSE = 0.8
"""Seconds between scenes, for whoever watches on a terminal."""

STORY = (*SLACK_STORY, *MAIL_STORY)

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def run_demo(*, once: bool = False, changed: Mapping[str, str] | None = None) -> int:
    """Play the story; then stay up, unless `once`, until interrupted. Returns the exit status.

    `changed` are settings of the bot that differ from the demo's own.
    """
    console = _console()
    with _interruptible() as interrupted, tempfile.TemporaryDirectory(prefix="casewire-demo-") as folder:
        async with LocalSlack(with_mail=True) as slack:
            narrator = Narrator(console, slack)
            async with bot_on(slack, Path(folder), changed) as process:
                return await _perform(slack, process, narrator, interrupted, once=once)


async def _perform(
    slack: LocalSlack, process: BotRunner, narrator: Narrator, interrupted: asyncio.Event, *, once: bool
) -> int:
    """Until the story is over or something ends it: the bot's death, a failed scene, Ctrl-C."""
    telling = asyncio.create_task(narrator.run())
    playing = asyncio.create_task(_play(slack, process, narrator, once=once))
    dying = asyncio.create_task(process.ended_by_itself())
    stopping = asyncio.create_task(interrupted.wait())
    tasks = (telling, playing, dying, stopping)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            narrator.say()
            narrator.say("Stopping the bot and the local Slack.")
            return 1 if once else 0
        if playing.done():
            playing.result()
            return 0
        if telling.done():
            telling.result()
        log = ("Its log ends:", process.log_tail())
        narrator.bad(f"The bot ended by itself, with status {dying.result()}.", log)
    except StoryFailed as failed:
        seen = ("Seen instead:", failed.seen.splitlines()[1:])
        log = ("The bot's log ends:", process.log_tail())
        narrator.bad(f"Expected: {failed.expected}.", seen, log)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return 1


async def _play(slack: LocalSlack, process: BotRunner, narrator: Narrator, *, once: bool) -> None:
    started = time.monotonic()
    narrator.heading(
        "Casewire",
        "A customer case desk inside Slack. This Slack is a local one, in this process; the bot is the real "
        "one, in a process of its own. What you read below is what goes over the wire between them, as it "
        "happens: who ▸ where, and what. Dana, Omar and Mia are customers, Ada and Grace are admins.",
    )
    health = await _healthy(slack, process)
    narrator.good(f"The bot is connected, and {health}/health says “healthy”.")
    if not once:
        narrator.good(f"The same in a browser, as whoever you like: {slack.url}/")
    for number, scene in enumerate(STORY, 1):
        await asyncio.sleep(0 if once else READING_PAUSE)
        narrator.heading(scene.title, scene.notice, number)
        await scene.play(Stage(slack))
        await narrator.caught_up()
    seconds = time.monotonic() - started
    narrator.say()
    narrator.good(f"All {len(STORY)} scenes went as they should, in {seconds:.0f} s.")
    if not once:
        _how_to_go_on(slack, health, narrator)
        await asyncio.Event().wait()


async def _healthy(slack: LocalSlack, process: BotRunner) -> str:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            return await process.healthy()
    except TimeoutError:
        seen = f"\n{slack.connected} connections of the bot to Slack"
        raise StoryFailed(f"a healthy bot within {START_TIMEOUT:g} s", seen) from None


def _how_to_go_on(slack: LocalSlack, health: str, narrator: Narrator) -> None:
    narrator.heading("Your turn", "The desk stays up until Ctrl-C, and what happens is told below.")
    narrator.example("Open this in a browser. Be a customer in one tab and an admin in another:", f"{slack.url}/")
    narrator.say(f"Or in another terminal, in {Path.cwd()}:")
    samples = Path(bot.__file__).parents[1] / "samples"
    if samples.is_dir():
        narrator.example(
            f"Play a sample; {_relative(samples / 'README.md')} lists them:",
            f"{_relative(Path(sys.executable))} -m bot play \\",
            f"  {_relative(samples / 'slack' / 'slack_message_new.json')} --to {slack.url}",
        )
        narrator.example(
            "Play a mail:",
            f"{_relative(Path(sys.executable))} -m bot play \\",
            f"  {_relative(samples / 'emails' / 'attachment.eml')} --to {slack.url}",
        )
    narrator.example("Write to the bot as Omar:", *_curl(slack, "dm", user=OMAR, text="One more thing"))
    narrator.example("Let 48 hours pass:", *_curl(slack, "clock", advance=172_860))
    narrator.example(
        "Look at the cases, and at the whole workspace:", f"curl {health}/cases", f"curl {slack.url}/sandbox/state"
    )


def _curl(slack: LocalSlack, verb: str, **body: str | int) -> tuple[str, ...]:
    """A call of the control API, to copy."""
    return (
        f"curl {slack.url}/sandbox/{verb} \\",
        "  -H 'Content-Type: application/json' \\",
        f"  -d '{json.dumps(body)}'",
    )


def _relative(path: Path) -> str:
    with contextlib.suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


def _console() -> Console:
    """Colours on a terminal only; a character that the output cannot show is no reason to fail."""
    with contextlib.suppress(AttributeError):
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    return Console(highlight=False, emoji=False, markup=False)


@contextlib.contextmanager
def _interruptible() -> Iterator[asyncio.Event]:
    """An event that is set by Ctrl-C, SIGTERM, or the closing of the terminal."""
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    for name in _SIGNALS:
        loop.add_signal_handler(name, interrupted.set)
    try:
        yield interrupted
    finally:
        for name in _SIGNALS:
            loop.remove_signal_handler(name)
