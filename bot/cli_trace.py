"""`casewire trace`: the way of a case's messages with times, for an operator who looks for what became of one."""

from __future__ import annotations

from datetime import UTC
from functools import partial
from typing import Annotated

import typer

from bot.cli_database import not_there, read
from storage.trace import way_of_case, way_of_item

Name = Annotated[str, typer.Argument(help="A case, such as CASE_012, or the key of an item, as logs show it.")]


def trace(name: Name) -> None:
    """Print the way of a case, or of an item and its case, in the order of time."""
    is_case = name.upper().startswith("CASE_")
    work = partial(way_of_case, case_id=name.upper()) if is_case else partial(way_of_item, key=name)
    steps = read(work)
    if not steps:
        not_there(f"no case and no item is named {name}", "casewire export cases")
    for step in steps:
        at = step.at.astimezone(UTC).isoformat(" ", "milliseconds").partition("+")[0]
        typer.echo(f"{at} UTC  {step.what}")
