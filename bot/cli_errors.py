"""What is wrong is said to whoever typed the command: in plain words, without a traceback, with status 2."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import typer
from sqlalchemy.exc import DBAPIError

from bot.config import ConfigError
from bot.ops.logging import redacted
from bot.startup import database_problem, reason
from storage.errors import StorageError

UNUSABLE = 2
UNDEFINED_TABLE = "42P01"


def give_up(what: str, problems: Sequence[str]) -> NoReturn:
    lines = [what, *(f"  - {problem}" for problem in problems)]
    print(redacted("\n".join(lines)), file=sys.stderr)
    raise typer.Exit(UNUSABLE)


@contextmanager
def database_troubles(what: str) -> Iterator[None]:
    """Whatever keeps a command from its database ends it, after `what` could not be done."""
    try:
        yield
    except ConfigError as error:
        give_up(what, error.problems)
    except StorageError as error:
        give_up(what, [f"DATABASE_URL: {error}"])
    except (DBAPIError, OSError) as error:
        if (
            "no such table" in str(error)
            or getattr(getattr(error, "orig", None), "sqlstate", "") == UNDEFINED_TABLE
        ):
            give_up(
                what, ["DATABASE_URL: it has no desk in it yet: run `casewire migrate`, or start the bot on it"]
            )
        why = database_problem(error) or f"it cannot be reached ({reason(error)})"
        give_up(what, [f"DATABASE_URL: {why}"])
