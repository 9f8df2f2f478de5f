"""Each command in the guides exists and its options parse; those that do no harm are run."""

import asyncio
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from bot.cli import cli
from bot.config import Settings
from storage.engine import open_database
from tests.docs.reading import GUIDES, ROOT, fenced, spans
from tests.docs.test_rules_map import is_test
from tests.test_cli_trace import fill
from tests.test_config import GOOD

UsageError = typer.BadParameter.__mro__[1]
GROUP = typer.main.get_command(cli)
# Words that stand for something; a guide writes them in capitals.
MEANT = {
    "KEY": "post:D1:1.1",
    "NUMBER": "1",
    "ADDRESS": "dana@example.com",
    "CUSTOMER": "dana@example.com",
    "FILE": "b",
}
LEADING = re.compile(r"^(sudo (-u \w+ )?|runuser -u \w+ -- |docker compose (run --rm|exec) \w+ )+")
# What only looks, or writes to the test's own directory. `doctor` gets no settings, says so, and so asks nobody.
# Where the others are run: each with what it needs beside it.
ELSEWHERE = {
    "run": "tests/test_startup.py",
    "init": "tests/setup/test_init.py::test_from_a_pipe",
    "sandbox": "tests/test_cli.py::TestSandbox::test_takes_its_bot_and_its_folder_along",
    "inbox show": "tests/test_cli_attention.py::TestInbox::test_lists_and_shows_what_came_and_why_it_failed",
    "inbox retry": "tests/test_cli_attention.py::TestInbox::test_retries",
    "inbox drop": "tests/test_cli_attention.py::TestInbox::test_drops",
    "outbox retry": "tests/test_cli_attention.py::TestOutbox::test_retries_an_answer_so_that_its_author_sees_it",
    "outbox drop": "tests/test_cli_attention.py::TestOutbox::test_drops",
    "block remove": "tests/test_cli_block.py::test_one_is_let_in_again_however_it_is_written",
    "backup": "tests/test_cli_keep.py::test_every_command_of_the_guide_works",
    "restore": "tests/test_cli_keep.py::test_every_command_of_the_guide_works",
    "resume": "tests/test_cli_keep.py::test_every_command_of_the_guide_works",
    "erase": "tests/test_cli_keep.py::test_every_command_of_the_guide_works",
    "make demo": "tests/demo/test_demo.py::test_once_tells_the_story_to_its_end_and_exits_with_0",
    "make audit": "tests/security/test_supply_chain.py::TestAudit::test_without_a_network_it_says_so_with_status_2",
    "make sbom": "tests/security/test_supply_chain.py::TestSbom::test_names_every_locked_package_and_is_the_same_each_time",
    "make bench": "tests/bench/test_figures.py",
}
# What runs the tests, and before them the linters, is run by whoever runs this.
RUNS_US = {"make test", "make lint"}
RUN = {"config", "export", "inbox list", "outbox list", "block list", "trace", "migrate", "--version", "doctor"}


def lines() -> list[tuple[str, str]]:
    """Guide and command, of code blocks and of code in the prose."""
    found = []
    for guide in GUIDES:
        text = guide.read_text()
        blocks = [line for _, code in fenced(text) for line in code.replace("\\\n", " ").splitlines()]
        for line in [*blocks, *spans(text)]:
            bare = LEADING.sub("", line.strip())
            if re.match(r"(casewire|make) [^…]*$", bare) and "<" not in bare and not bare.startswith("casewire ="):
                found.append((guide.name, bare))
    return list(dict.fromkeys(found))


def words_of(line: str) -> list[str]:
    """The words that the shell would hand over."""
    words = shlex.split(line, comments=True)
    ends = [at for at, word in enumerate(words) if word in {"|", "&&", ";", ">", ">>", "<", "||", "&"}]
    meant = [MEANT.get(word, word) for word in words[1 : ends[0] if ends else None]]
    return [re.sub(r"^CASE_\d+$", "CASE_001", word) for word in meant]


COMMANDS = [pytest.param(line, id=f"{name}: {line}") for name, line in lines() if line.startswith("casewire")]
TARGETS = [pytest.param(line, id=f"{name}: {line}") for name, line in lines() if line.startswith("make")]


def parse(words: list[str]) -> str:
    """The command's full name. Raises the command line's own error for what it would refuse."""
    command: Any = GROUP
    context = _context(GROUP, "casewire", None)
    name: list[str] = []
    rest = list(words)
    while isinstance(command, TyperGroup) and rest and not rest[0].startswith("-"):
        found, sub, rest = command.resolve_command(context, rest)
        assert sub is not None
        name.append(str(found))
        command = sub
        context = _context(command, str(found), context)
    if isinstance(command, TyperGroup) and not rest:
        return " ".join(name)  # a family of commands, spoken of
    if not any(word in {"--help", "--version"} for word in rest):
        command.make_context(" ".join(name), rest, parent=context.parent)
    return " ".join(name) or rest[0]


def _context(command: Any, name: str, parent: Any) -> Any:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)  # what it needs comes later
    context.resilient_parsing = False
    return context


def test_the_guides_have_commands() -> None:
    assert len(COMMANDS) > 20
    assert TARGETS


@pytest.mark.parametrize("line", COMMANDS)
def test_every_command_exists_and_its_options_parse(line: str) -> None:
    parse(words_of(line))


@pytest.mark.parametrize("line", ["casewire dance", "casewire doctor --yaml", "casewire inbox show"])
def test_one_that_does_not_would_be_found_out(line: str) -> None:
    with pytest.raises(UsageError):
        parse(words_of(line))


def does_no_harm(line: str) -> bool:
    try:
        return parse(words_of(line)) in RUN
    except UsageError:  # the test above tells of it
        return False


@pytest.mark.parametrize("line", [line for line in COMMANDS if does_no_harm(str(line.values[0]))])
def test_those_that_do_no_harm_run(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sqlite_template: Path
) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    name = parse(words_of(line))
    if name != "doctor":
        for setting, value in GOOD.items():
            monkeypatch.setenv(setting, value)
    monkeypatch.setenv("DATABASE_URL", "sqlite:///desk.db")
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(sqlite_template, tmp_path / "desk.db")
    asyncio.run(_with_a_case())
    done = CliRunner().invoke(cli, words_of(line))
    assert done.exit_code == (1 if name == "doctor" else 0), done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)


async def _with_a_case() -> None:
    database = open_database("sqlite:///desk.db")
    try:
        await database.write(fill)
    finally:
        await database.close()


def test_each_is_run_here_or_elsewhere() -> None:
    families = {"inbox", "outbox", "block"}
    told = {parse(words_of(str(line.values[0]))) for line in COMMANDS} - families
    assert told - RUN - ELSEWHERE.keys() == set()
    made = {" ".join(shlex.split(str(line.values[0]), comments=True)[:2]) for line in TARGETS}
    assert made - RUNS_US - ELSEWHERE.keys() == set()


@pytest.mark.parametrize("where", sorted(set(ELSEWHERE.values())))
def test_elsewhere_is_a_test(where: str) -> None:
    assert is_test(where) if "::" in where else (ROOT / where).is_file()


@pytest.mark.parametrize("line", TARGETS)
def test_every_target_of_make_exists(line: str) -> None:
    words = shlex.split(line, comments=True)
    environment: dict[str, Any] = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    planned = subprocess.run(
        ["make", "-n", *words[1:]], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert planned.returncode == 0, planned.stderr


def test_make_alone_lists_what_there_is() -> None:
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    listed = set(re.findall(r"^  (\w+) ", done.stdout, re.MULTILINE))
    asked = {shlex.split(line.values[0], comments=True)[1] for line in TARGETS}  # type: ignore[arg-type]
    assert asked <= listed
