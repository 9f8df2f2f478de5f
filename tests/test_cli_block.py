"""Blocked addresses can be listed, and let in again, from the command line."""

import pytest
from typer.testing import CliRunner, Result

from bot.cli import cli
from storage import mail_people
from tests.storage.kit import NOON
from tests.test_cli_attention import in_database


def casewire(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    return database_url


def test_the_blocked_addresses_are_listed(url: str) -> None:
    assert casewire("block", "list").stdout == "Nothing is blocked.\n"
    in_database(url, lambda c: mail_people.block(c, "omar@e.example", "Ada", NOON))
    listed = casewire("block", "list").stdout
    assert "omar@e.example  blocked by Ada, 2026-01-31 12:00:00 UTC" in listed
    assert "1 blocked." in listed


def test_one_is_let_in_again_however_it_is_written(url: str) -> None:
    in_database(url, lambda c: mail_people.block(c, "omar@bücher.example", "Ada", NOON))
    done = casewire("block", "remove", " Omar@XN--bcher-kva.example ")
    assert done.exit_code == 0
    assert "blocked no more" in done.stdout
    assert casewire("block", "list").stdout == "Nothing is blocked.\n"


def test_what_is_not_blocked_is_said(url: str) -> None:
    done = casewire("block", "remove", "nobody@e.example")
    assert done.exit_code == 1
    assert "casewire block list" in done.stderr
