"""`casewire export`: what the desk holds, for other programs to read."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import json
import os
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import Progress

from bot.cli_database import desk_url, not_there
from bot.cli_errors import database_troubles, give_up
from storage.engine import open_database
from storage.export import PARTS, has_case, pages

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class What(StrEnum):
    CASES = "cases"
    MESSAGES = "messages"
    EVENTS = "events"


class Format(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"


class Unwritable(Exception):
    """The export's output does not take what is written."""


def export(
    what: Annotated[What | None, typer.Argument(help="What to export; all three when left out.")] = None,
    case: Annotated[str | None, typer.Option(help="Only this case, such as CASE_012.")] = None,
    form: Annotated[
        Format, typer.Option("--format", help="JSON Lines, or CSV (of one kind of rows).")
    ] = Format.JSONL,
    output: Annotated[Path | None, typer.Option(help="A file instead of standard output.")] = None,
) -> None:
    """Export cases, messages and events. The bot may go on running."""
    if form is Format.CSV and what is None:
        give_up("Nothing was exported.", ["CSV holds one kind of rows: say cases, messages or events"])
    try:
        with database_troubles("The export is not complete."):
            found = asyncio.run(_export(desk_url(), [what] if what else list(What), case, form, output))
    except Unwritable as error:
        cause = error.__cause__
        if isinstance(cause, BrokenPipeError):
            # Whoever read has enough. What Python would still flush at its end has nowhere to go.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(1) from None
        give_up("The export is not complete.", [f"{output or 'standard output'}: {error}"])
    if not found:
        not_there(f"there is no case {case}", "casewire export cases")


async def _export(url: str, whats: list[What], case: str | None, form: Format, output: Path | None) -> bool:
    """False when there is no such case."""
    database = open_database(url)
    try:
        if case is not None and not await database.read(partial(has_case, case_id=case)):
            return False
        with _opened(output) as target, Progress(console=Console(stderr=True), transient=True) as progress:
            for what in whats:
                part = PARTS[what.value]
                write = _writer(target, what, form, part.columns)
                task = progress.add_task(what.value, total=None)
                async for page in pages(database, part, case):
                    with _writing():
                        for row in page.rows:
                            write(row)
                    progress.update(task, total=page.last, completed=page.reached)
            with _writing():
                target.flush()
        return True
    finally:
        await database.close()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unwritable(error.strerror or str(error)) from error


@contextlib.contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """A file takes its name only when it is complete, and is its owner's alone: it holds what customers wrote."""
    if output is None:
        yield sys.stdout
        return
    unfinished = output.with_name(f"{output.name}.part")
    with _writing():
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
            with _writing():
                file.flush()
                os.fsync(file.fileno())
        with _writing():
            unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


def _writer(target: TextIO, what: What, form: Format, columns: list[str]) -> Callable[[dict[str, Any]], object]:
    if form is Format.CSV:
        table = csv.writer(target, lineterminator="\n")
        with _writing():
            table.writerow(columns)
        return lambda row: table.writerow([_cell(row[column]) for column in columns])
    kind = what.value.removesuffix("s")
    return lambda row: target.write(json.dumps({"type": kind, **row}, default=_moment, ensure_ascii=False) + "\n")


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _cell(value: object) -> object:
    """A spreadsheet would run what starts like a formula, and customers choose what they write."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
