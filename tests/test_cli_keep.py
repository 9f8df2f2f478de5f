"""What the desk holds can be exported, whole or by case, and an output is complete or not there."""

import csv
import io
import json
import os
import re
import shlex
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from bot.cli import cli
from storage import export
from storage.tables import case_events, messages
from tests.storage.kit import NOON, a_case, keep, message_row
from tests.test_cli_attention import in_database

GUIDE = Path(__file__).parents[1] / "docs" / "keep.md"


def casewire(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def fill(connection: Connection) -> None:
    keep(connection, a_case(1, "U1"), a_case(2, "U2"))
    connection.execute(
        sa.insert(messages), [message_row("CASE_001", body=f"first {n} ü", ts=f"1.{n}") for n in range(5)]
    )
    connection.execute(sa.insert(messages), [message_row("CASE_002", body="=1+1", ts="2.0")])
    connection.execute(
        sa.insert(case_events), [{"case_id": "CASE_002", "kind": "opened", "at": NOON, "data": {"by": "U2"}}]
    )


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr(export, "ROWS_PER_PAGE", 2)
    in_database(database_url, fill)
    return database_url


def rows(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_all_is_exported_page_by_page_in_order(url: str) -> None:
    done = casewire("export")
    assert done.exit_code == 0
    found = rows(done.stdout)
    assert [row["type"] for row in found] == ["case"] * 2 + ["message"] * 6 + ["event"]
    assert [row["body"] for row in found[2:7]] == [f"first {n} ü" for n in range(5)]
    assert found[-1]["data"] == {"by": "U2"}
    assert found[-1]["at"] == "2026-01-31T12:00:00+00:00"


def test_one_case_alone(url: str) -> None:
    found = rows(casewire("export", "--case", "CASE_002").stdout)
    assert [(row["type"], row["case_id"]) for row in found] == [
        (kind, "CASE_002") for kind in ("case", "message", "event")
    ]


def test_csv_is_safe_to_open_in_a_spreadsheet(url: str) -> None:
    done = casewire("export", "messages", "--format", "csv")
    bodies = [row["body"] for row in csv.DictReader(io.StringIO(done.stdout))]
    assert bodies == [*(f"first {n} ü" for n in range(5)), "'=1+1"]


def test_csv_of_everything_is_refused_with_the_mend(url: str) -> None:
    done = casewire("export", "--format", "csv")
    assert done.exit_code == 2
    assert "say cases, messages or events" in done.stderr


def test_a_case_that_is_not_there_is_said(url: str, tmp_path: Path) -> None:
    done = casewire("export", "--case", "CASE_999", "--output", str(tmp_path / "e.jsonl"))
    assert done.exit_code == 1
    assert "CASE_999" in done.stderr
    assert not list(tmp_path.glob("e.jsonl*"))


def test_a_file_is_its_owners_alone(url: str, tmp_path: Path) -> None:
    target = tmp_path / "e.jsonl"
    assert casewire("export", "--output", str(target)).exit_code == 0
    assert len(rows(target.read_text(encoding="utf-8"))) == 9
    assert target.stat().st_mode & 0o777 == 0o600


def test_an_export_cut_short_leaves_the_earlier_one_as_it_was(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "e.jsonl"
    target.write_text("earlier")
    read_page = export._page
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupted(connection, part, case_id, after, last):
        if after:
            os.kill(os.getpid(), signal.SIGINT)  # as Ctrl-C does
        return read_page(connection, part, case_id, after, last)

    monkeypatch.setattr(export, "_page", interrupted)
    try:
        assert casewire("export", "messages", "--output", str(target)).exit_code != 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert target.read_text() == "earlier"
    assert not (tmp_path / "e.jsonl.part").exists()


def test_an_output_that_cannot_be_written_is_said(url: str, tmp_path: Path) -> None:
    done = casewire("export", "--output", str(tmp_path / "none" / "e.jsonl"))
    assert done.exit_code == 2
    assert "none/e.jsonl: No such file" in done.stderr


def test_every_command_of_the_guide_works(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    guide = GUIDE.read_text(encoding="utf-8")
    commands = re.findall(r"^casewire (.+)$", guide, re.MULTILINE)
    assert {command.split()[0] for command in commands} == {"export", "backup", "erase"}
    for command in commands:
        done = CliRunner().invoke(cli, shlex.split(command.replace("CUSTOMER", "U1")), input="y\n")
        assert done.exit_code == 0, (command, done.output)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///restored.db")
    spoken_of = [
        command for command in re.findall(r"`casewire ([a-z]+ ?[a-z.]*)`", guide) if command not in commands
    ]
    for command in ["restore desk.backup", "outbox list", "resume"]:
        assert command in spoken_of
        done = casewire(*command.split())
        assert done.exit_code == 0, (command, done.output)
