"""Questions and answers, at a terminal or from a pipe. Secrets are typed without being shown."""

from __future__ import annotations

import asyncio
import getpass
import sys
from collections.abc import Collection
from enum import Enum

from sqlalchemy import make_url

from bot.doctor.findings import Finding, Level
from bot.ops.logging import redacted

from . import env_file
from .draft import Draft
from .steps import STEPS, Question, Step

MASK = "********"
NAMES = tuple(name for step in STEPS for name in step.names)


class Left(Exception):
    """Whoever answers has no more answers, or wants to stop; nothing was written."""


class Next(Enum):
    AGAIN = "again"
    KEEP = "keep"


class Terminal:
    def say(self, text: str = "") -> None:
        print(redacted(text), flush=True)

    def ask(self, prompt: str) -> str:
        print(f"{prompt}: ", end="", flush=True)
        line = sys.stdin.readline()
        if not sys.stdin.isatty():
            print()
        if not line:
            raise Left
        return line.strip()

    def ask_secret(self, prompt: str) -> str:
        if not sys.stdin.isatty():
            return self.ask(prompt)
        try:
            return getpass.getpass(f"{prompt}, not shown: ").strip()
        except EOFError:
            raise Left from None

    def ask_yes(self, prompt: str, *, default: bool) -> bool:
        while True:
            answer = self.ask(f"{prompt} [{'Y/n' if default else 'y/N'}]").lower()
            if answer in {"", "y", "yes", "n", "no"}:
                return answer[0] == "y" if answer else default
            self.say("  Answer y or n.")


def shown(question: Question, value: str) -> str:
    """A value as others may see it."""
    if question.name == "DATABASE_URL":
        return make_url(value).set(query={}).render_as_string(hide_password=True)
    return MASK if value and question.is_secret else value


def answer_all(terminal: Terminal, draft: Draft) -> None:
    """Ask every step until its answers work, or are kept as they are. Raises Left."""
    for number, step in enumerate(STEPS, 1):
        terminal.say(f"\n{number}. {step.title}. {step.hint}")
        unanswered = [name for later in STEPS[number:] for name in later.names]
        if step.gate and not terminal.ask_yes(step.gate, default=any(map(draft.get, _telling(step)))):
            _leave_out(terminal, step, draft)
            continue
        while _ask_step(terminal, step, draft, unanswered) is Next.AGAIN:
            pass


def _leave_out(terminal: Terminal, step: Step, draft: Draft) -> None:
    for name in step.names:
        if name in draft.in_files:
            terminal.say(f"  {name}_FILE still gives a value: take it out first")
            raise Left
        draft.put(name, "")


def _telling(step: Step) -> list[str]:
    """The settings that say that a step was wanted before."""
    return [name for name in step.names if name.endswith("_SERVER")]


def _ask_step(terminal: Terminal, step: Step, draft: Draft, unanswered: Collection[str]) -> Next:
    for at, question in enumerate(step.questions):
        if question.applies(draft):
            _ask(terminal, question, draft, [*step.names[at + 1 :], *unanswered])
        elif draft.get(question.name):
            draft.put(question.name, "")
    problems = draft.problems(step.names, unanswered) + draft.other_problems(NAMES, unanswered)
    if problems:
        for problem in problems:
            terminal.say(f"  {problem}")
        return Next.AGAIN
    found = asyncio.run(step.check(draft.settings(unanswered)))
    for finding in found:
        terminal.say(_line(finding))
    if all(finding.level is not Level.ERROR for finding in found):
        return Next.KEEP
    return _what_next(terminal)


def _ask(terminal: Terminal, question: Question, draft: Draft, unanswered: Collection[str]) -> None:
    name = question.name
    if name in draft.in_files:
        return terminal.say(f"{question.prompt}: it is in the file that {name}_FILE names")
    while True:
        before = draft.values.get(name) or question.proposed(draft)
        offered = f" [{shown(question, before)}]" if before else ""
        ask = terminal.ask_secret if question.is_secret else terminal.ask
        given = ask(question.prompt + offered) or before
        given = "" if given == "-" else given
        if not env_file.can_hold(given):
            terminal.say(f"  .env cannot hold this value: write it into a file, and name that in {name}_FILE")
            continue
        draft.put(name, given)
        problems = draft.problems([name], unanswered)
        if not problems:
            return None
        for problem in problems:
            terminal.say(f"  {problem}")


def _what_next(terminal: Terminal) -> Next:
    while True:
        answer = terminal.ask("Answer (a)gain, (k)eep it all the same, or (q)uit? [a]").lower()
        if answer in {"", "a", "again"}:
            return Next.AGAIN
        if answer in {"k", "keep"}:
            return Next.KEEP
        if answer in {"q", "quit"}:
            raise Left


def _line(finding: Finding) -> str:
    return f"  {finding.level:7}  {finding.text}"
