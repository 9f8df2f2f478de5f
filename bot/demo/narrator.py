"""Prints the tale: headings as they are given, and below them what really happens, as it happens."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from bot.demo.reading import Row, RowKind
from bot.demo.telling import Teller, Told, Voice
from bot.sandbox.bell import Bell
from bot.sandbox.server import LocalSlack

WIDTH = 100
LABEL = 19
INDENT = " " * (LABEL + 3)

LABELS = {
    Voice.CUSTOMER: "bold yellow",
    Voice.DESK: "bold cyan",
    Voice.BOT: "green",
    Voice.LOG: "green",
    Voice.SLACK: "bold magenta",
    Voice.TROUBLE: "bold red",
}
ROWS = {
    RowKind.TITLE: "bold",
    RowKind.PLAIN: "",
    RowKind.QUOTE: "italic",
    RowKind.BUTTONS: "cyan",
    RowKind.MARK: "green",
    RowKind.ASIDE: "dim",
}


class Narrator:
    """One voice for the whole demo: at 80 columns, with colours only on a terminal."""

    def __init__(self, console: Console, slack: LocalSlack) -> None:
        self._console = console
        self._slack = slack
        self._teller = Teller(slack.workspace)
        self._width = min(console.width, WIDTH)
        self._heard = 0
        self._bell = Bell()
        self.lines = 0

    async def run(self) -> None:
        """Tell the traffic until the sandbox stops."""
        async for record in self._slack.traffic.subscribe():
            told = self._teller.tell(record)
            if told is not None:
                self._print(told)
                self.lines += 1
            self._heard = record.seq + 1
            self._bell.ring()

    async def caught_up(self) -> None:
        """Waits until everything that has happened so far is told."""
        end = self._slack.traffic.total
        await self._bell.until(lambda: self._heard >= end)

    def heading(self, title: str, notice: str, number: int | None = None) -> None:
        """The next scene, and what to look at in it."""
        now = f"{datetime.fromtimestamp(self._slack.clock.now(), UTC):%a %H:%M} UTC"
        start = f"── {title} " if number is None else f"── {number} ── {title} "
        rule = "─" * (self._width - len(start) - len(now) - 1)
        self._console.print()
        self._console.print(Text.assemble((start, "bold"), (f"{rule} {now}", "dim")), soft_wrap=True)
        self.say(notice, style="italic")

    def say(self, *paragraphs: str, style: str = "") -> None:
        """Words of the demo's own."""
        for paragraph in paragraphs:
            self._print_wrapped(Text(paragraph, style), "   ", "   ")
        self._console.print()

    def example(self, what: str, *command: str) -> None:
        """A command to copy: never wrapped."""
        self._console.print(Text(f"   {what}"), soft_wrap=True)
        for line in command:
            self._console.print(Text(f"     {line}", "cyan"), soft_wrap=True)
        self._console.print()

    def good(self, line: str) -> None:
        """Something turned out well."""
        self._console.print(Text(f"✓ {line}", "bold green"), soft_wrap=True)

    def bad(self, line: str, *details: tuple[str, Iterable[str]]) -> None:
        """Something went wrong: what, and the particulars under their headings."""
        self._console.print()
        self._console.print(Text(f"✗ {line}", "bold red"), soft_wrap=True)
        for title, lines in details:
            self._console.print(Text(f"  {title}", "bold"), soft_wrap=True)
            for detail in lines:
                self._console.print(Text(f"    {detail}"), soft_wrap=True)

    def _print(self, told: Told) -> None:
        label = f"{told.who} ▸ {told.where}" if told.where else told.who
        if len(label) > LABEL:
            label = label[: LABEL - 1] + "…"
        start = Text.assemble(" ", (label.ljust(LABEL), LABELS[told.voice]), "  ")
        body = Text()
        for row in told.rows:
            between = "" if not body else " " if row.kind is RowKind.ASIDE else "\n"
            body.append(between).append_text(_styled(row))
        if told.voice is Voice.LOG:
            # The line of the specification stays one line on any terminal.
            body.stylize("bold")
            self._console.print(Text.assemble(start, body), soft_wrap=True)
        else:
            self._print_wrapped(body, start, INDENT)

    def _print_wrapped(self, body: Text, start: Text | str, indent: str) -> None:
        width = max(20, self._width - len(start))
        for line in body.wrap(self._console, width):
            line.rstrip()
            self._console.print(Text.assemble(start, line), soft_wrap=True)
            start = indent


def _styled(row: Row) -> Text:
    mark = "▎ " if row.kind is RowKind.QUOTE else ""
    return Text(mark + row.text, ROWS[row.kind])
