"""Many cases, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from . import words
from .line import Line, Link, Value, line, name
from .parts import bullets, paragraph
from .post import Passage

LINES = 40
NAME_IN_LIST_SIZE = 40


@dataclass(frozen=True, slots=True)
class CaseLine:
    """An open case in a list; `quiet_since` is when anybody last wrote."""

    case_id: str
    customer_name: str
    quiet_since: datetime
    waiting_since: datetime | None = None
    escalated: bool = False
    link: str | None = None


def listing(
    cases: Sequence[CaseLine], total: int, command: str = words.DEFAULT_COMMAND
) -> tuple[Passage | None, ...]:
    """At most 40 lines, and one that says how many more there are of the `total`."""
    shown = cases[:LINES]
    more = max(total, len(cases)) - len(shown)
    return (
        bullets(*(_case_line(case) for case in shown)) if shown else None,
        paragraph(line(words.LIST_MORE, count=more, command=command)) if more > 0 else None,
    )


def _case_line(case: CaseLine) -> Line:
    values: dict[str, Value] = {
        "case": Link(case.case_id, case.link),
        "customer": name(case.customer_name, NAME_IN_LIST_SIZE),
    }
    if case.waiting_since is not None:
        template = words.LIST_WAITING_ESCALATED if case.escalated else words.LIST_WAITING
        return line(template, at=case.waiting_since, **values)
    template = words.LIST_QUIET_ESCALATED if case.escalated else words.LIST_QUIET
    return line(template, at=case.quiet_since, **values)
