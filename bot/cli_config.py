"""`casewire config`: what is in force, and where it comes from; no secret is shown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
from pydantic import SecretStr
from sqlalchemy import make_url

from bot.cli_errors import give_up
from bot.config import ENV_FILE, ConfigError, Settings, load_settings, misspelt_names
from bot.ops.logging import redacted
from bot.setting_files import SUFFIX, Written, written

MASK = "********"


def config() -> None:
    """Print the settings in force and where each comes from, without secrets."""
    try:
        settings = load_settings()
    except ConfigError as error:
        give_up("These settings need mending.", error.problems)
    lines = list(_lines(settings, written(ENV_FILE)))
    width = max(len(source) for source, _ in lines)
    for source, setting in lines:
        typer.echo(f"{source:{width}}  {redacted(setting)}")
    for problem in misspelt_names():
        typer.echo(problem, err=True)


def _lines(settings: Settings, given: Written) -> Iterator[tuple[str, str]]:
    for field in Settings.model_fields:
        name = field.upper()
        yield source_of(name, given), f"{name}={shown(name, getattr(settings, field))}"


def source_of(name: str, given: Written) -> str:
    """The environment goes before `.env`."""
    if name in given.environment:
        return "environment"
    if name in given.env_file:
        return ENV_FILE
    if name + SUFFIX in given:
        return name + SUFFIX
    return "default"


def shown(name: str, value: Any) -> str:
    """A value as it is written in `.env`."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if name == "DATABASE_URL":
        return make_url(value).set(query={}).render_as_string(hide_password=True)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).replace("\n", "\\n")
