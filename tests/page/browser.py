"""The system's Chromium, and people who sit in front of it."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from bot.sandbox.server import LocalSlack

# Without these Chromium knocks at Google's doors at every start; root needs the first.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 15_000  # ms

expect.set_options(timeout=PATIENCE)


def system_browser() -> str | None:
    """Where the system's browser is; CHROMIUM says so first."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [path for name in NAMES if (path := shutil.which(name))]
    return next((path for path in found if Path(path).exists()), None)


class Person:
    """Somebody in a tab of their own."""

    def __init__(self, page: Page, problems: list[str]) -> None:
        self.page = page
        self.problems = problems

    @property
    def box(self) -> Locator:
        return self.page.locator("#composer-main")

    @property
    def reply_box(self) -> Locator:
        return self.page.locator("#composer-thread")

    @property
    def messages(self) -> Locator:
        """In the channel."""
        return self.page.locator("#conversation .message")

    @property
    def thread(self) -> Locator:
        return self.page.locator("#thread .message")

    def message(self, text: str) -> Locator:
        return self.messages.filter(has_text=text)

    def reply(self, text: str) -> Locator:
        return self.thread.filter(has_text=text)

    async def write(self, text: str) -> None:
        await self.box.fill(text)
        await self.box.press("Enter")

    async def answer(self, text: str) -> None:
        await self.reply_box.fill(text)
        await self.reply_box.press("Enter")

    async def go(self, name: str) -> None:
        """To a channel, by its name in the sidebar."""
        await self.page.locator("#sidebar a", has_text=name).click()

    async def open_thread(self, text: str) -> None:
        """Of the post that says this and has replies."""
        await self.message(text).locator("a.replies").first.click()
        await expect(self.page.locator("#thread")).to_be_visible()

    async def choose(self, message: Locator, entry: str) -> None:
        """An entry of a message's menu."""
        await message.hover()
        await message.get_by_role("button", name="More actions").click()
        await self.page.get_by_role("menuitem", name=entry).click()

    async def backstage(self) -> Locator:
        panel = self.page.locator("#panel")
        if not await panel.is_visible():
            await self.page.locator("#panel-button").click()
        await expect(panel).to_be_visible()
        return panel


class Profiles:
    """One for each person a test has, kept for the tests to come with a page that stays open.

    Tabs of one site in one profile share a process, and that takes long to start. Each test's sandbox has a port,
    and thereby a storage, of its own.
    """

    def __init__(self, browser: Browser, page: str) -> None:
        self._browser = browser
        self._page = page
        self._known: list[BrowserContext] = []

    async def of(self, person: int) -> BrowserContext:
        while len(self._known) <= person:
            profile = await self._browser.new_context()
            await (await profile.new_page()).goto(self._page)
            self._known.append(profile)
        return self._known[person]


class Office:
    """Opens tabs, and afterwards knows what went wrong in any of them."""

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._opened: list[Person] = []

    async def seat(
        self,
        slack: LocalSlack,
        who: str,
        width: int = 1280,
        height: int = 800,
        scheme: Any = "light",
        at: str = "",
    ) -> Person:
        """Somebody by their handle, in a browser of their own. Nobody, with "", is asked who they are."""
        profile = await self._profiles.of(len(self._opened))
        page = await profile.new_page()
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        problems: list[str] = []
        page.on("console", lambda said: problems.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.goto(f"{slack.url}/{f'?as={who}' if who else ''}{at}")
        person = Person(page, problems)
        self._opened.append(person)
        if who:
            await expect(page.locator("#sidebar .me")).to_be_visible()
        return person

    async def close(self) -> list[str]:
        """Send everybody home; what their consoles complained about."""
        for person in self._opened:
            await person.page.evaluate("localStorage.clear()")
            await person.page.close()
        return [problem for person in self._opened for problem in person.problems if not harmless(problem)]


def harmless(problem: str) -> bool:
    """Refusals that a test asked for, which Chromium notes as failed loads."""
    return re.search(r"Failed to load resource.*(400|409)|WebSocket connection .* failed", problem) is not None


def logs_to(slack: LocalSlack) -> Callable[..., Any]:
    """A processor of structlog that hands the lines of a bot in this process to the sandbox."""

    def hand_over(_logger: Any, level: str, event: dict[str, Any]) -> Any:
        slack.note_bot_log(json.dumps(event | {"level": level}, default=str))
        raise structlog.DropEvent

    return hand_over
