"""What the guides have people type beside Casewire's own commands: run below a directory that stands for the machine.

What would change the machine's users, or needs Docker or systemd at work, is played by a stand-in or judged by the
files that it names; install.md says so.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bot import __version__
from bot.sandbox.people import ADA, ALERTS, LOG, SUPPORT
from bot.sandbox.server import LocalSlack
from tests.docs.reading import DOCS, GUIDES, ROOT, fenced, spans

INSTALL = (DOCS / "install.md").read_text()
OPERATE = (DOCS / "operate.md").read_text()
PYTHON, DOCKER, ASK, *_ = (code for language, code in fenced(INSTALL) if language == "sh")
OURS = re.compile(r"casewire |make |casewire\(\)|runuser .* casewire ")
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
COMPOSE = re.compile(r"docker compose (build|up -d|stop|logs -f|exec|run --rm)(?: (\w+)(?: casewire .+)?)?")
SYSTEMD = re.compile(r"(systemctl (daemon-reload|restart|stop|enable --now)|journalctl (-u))( casewire)?( -f)?")
PROGRAMS = r"(docker|systemctl|journalctl|timedatectl|openssl|gpg|pip|cp|runuser) "

# Each plays one program; the directory that stands for the machine is $ROOT.
STAND_INS = {
    "useradd": '/usr/sbin/useradd --help > "$ROOT/known"; echo "$*" >> "$ROOT/users"\n'
    'for word; do case "$word" in --*) grep -q -e "$word" "$ROOT/known";; esac; done',
    "install": 'for word; do last=$word; done; mkdir -p "$last"; chmod 0700 "$last"',
    "runuser": '[ "$1 $2 $3" = "-u casewire --" ]; grep -q casewire "$ROOT/users"; shift 3; exec "$@"',
    "docker": 'echo "docker $*" >> "$ROOT/docker"',
    "python3": f'exec {sys.executable} "$@"',
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Its root, with the programs that are played."""
    (tmp_path / "stand-ins").mkdir()
    for name in ("opt", "usr/local/bin", "backup", "var/lib"):
        (tmp_path / name).mkdir(parents=True)
    for name, script in STAND_INS.items():
        (tmp_path / "stand-ins" / name).write_text(f"#!/bin/sh -e\n{script}\n")
        (tmp_path / "stand-ins" / name).chmod(0o755)
    return tmp_path


def typed(machine: Path, text: str, cwd: Path, more: dict[str, str] | None = None, given: str = "") -> str:
    """The shell's output. The machine's paths are those below its directory."""
    text = re.sub(r"(?<![\w/.$])/(?=(opt|usr/local|var/lib|backup)/)", f"{machine}/", text)
    path = f"{machine}/stand-ins:{machine}/usr/local/bin:/usr/bin:/bin"
    reached = ("PIP_", "SSL_", "HTTP", "http", "REQUESTS_")  # how the package index is reached from here
    env = {name: value for name, value in os.environ.items() if name.startswith(reached)}
    env |= {"PATH": path, "ROOT": str(machine), "HOME": str(machine), **(more or {})}
    done = subprocess.run(
        ["sh", "-euc", text], cwd=cwd, env=env, input=given, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def lines() -> set[str]:
    """All that is typed in a shell, but for our own commands and what the tests below run as a whole."""
    found = set()
    for guide in GUIDES:
        text = guide.read_text()
        blocks = [line for language, code in fenced(text) if language == "sh" for line in code.splitlines()]
        found |= {line for line in blocks if line and not OURS.match(line)}
        found |= {
            span
            for span in spans(text)
            if re.match(PROGRAMS, span) and not OURS.match(span) and not span.endswith(" …")
        }
    return found - set((PYTHON + DOCKER + ASK).splitlines())


def is_judged(line: str) -> bool:
    if compose := COMPOSE.fullmatch(line):
        return compose[2] is None or compose[2] in SERVICES
    if systemd := SYSTEMD.fullmatch(line):
        return (DOCS / "casewire.service").exists() and bool(systemd[4]) != (systemd[2] == "daemon-reload")
    return line in ELSEWHERE


ELSEWHERE = {
    "cp docs/casewire.service /etc/systemd/system/",
    "cp .env.example .env",
    "pip install .",
    "timedatectl set-ntp true",
    *(line for line in lines() if re.match(r"openssl|gpg", line)),
}


def test_nothing_else_is_to_be_typed() -> None:
    assert {line for line in lines() if not is_judged(line)} == set()


@pytest.mark.parametrize("line", ["docker compose up -d bott", "docker compose fly", "systemctl stop case"])
def test_a_slip_would_be_found_out(line: str) -> None:
    assert not is_judged(line)


def test_what_is_copied_is_there() -> None:
    assert (ROOT / "docs" / "casewire.service").is_file()
    assert (ROOT / ".env.example").is_file()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")
class TestSecrets:
    def test_those_of_the_containers_are_their_owners_alone(self, machine: Path) -> None:
        typed(machine, DOCKER, machine)
        secrets = machine / "secrets"
        assert secrets.stat().st_mode & 0o777 == 0o700
        password = (secrets / "postgres_password").read_text().strip()
        assert re.fullmatch(r"[0-9a-f]{48}", password)
        assert f":{password}@db:5432/" in (secrets / "database_url").read_text()
        assert (machine / "docker").read_text() == "docker compose build\n"

    @pytest.mark.parametrize("line", sorted(line for line in lines() if line.startswith("openssl")))
    def test_a_token_is_long_enough(self, machine: Path, line: str) -> None:
        assert re.fullmatch(r"[0-9a-f]{64}", typed(machine, line, machine).strip())


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not here")
def test_the_copy_of_the_settings_is_encrypted_and_comes_back(machine: Path) -> None:
    batch = "--batch --pinentry-mode loopback --passphrase words --quiet --no-options"
    (machine / "stand-ins" / "gpg").write_text(f'#!/bin/sh -e\nexec {shutil.which("gpg")} {batch} "$@"\n')
    (machine / "stand-ins" / "gpg").chmod(0o755)
    (machine / "var/lib/casewire").mkdir()
    (machine / "var/lib/casewire/.env").write_text("SLACK_BOT_TOKEN=xoxb-1\n")
    (line,) = [line for line in lines() if line.startswith("gpg")]
    home = {"GNUPGHOME": str(machine / "gnupg")}
    (machine / "gnupg").mkdir(mode=0o700)
    try:
        typed(machine, line, machine, home)
        copy = machine / "backup/casewire-env.gpg"
        assert b"xoxb" not in copy.read_bytes()
        assert typed(machine, f"gpg --decrypt {copy}", machine, home) == "SLACK_BOT_TOKEN=xoxb-1\n"
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], env=os.environ | home, check=False)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_steps_with_python_make_a_desk_that_its_doctor_finds_well(machine: Path) -> None:
    source = machine / "source"
    for name in ("bot", "storage"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements.lock"):
        shutil.copyfile(ROOT / name, source / name)
    await asyncio.to_thread(typed, machine, PYTHON, source)
    assert "--system --user-group" in (machine / "users").read_text()
    as_root = next(line for line in OPERATE.splitlines() if line.startswith("casewire()"))
    assert __version__ in typed(machine, f"{as_root}\ncasewire --version", machine)
    async with LocalSlack() as slack:
        answers = [slack.bot_token, slack.app_token, SUPPORT, ALERTS, LOG, ADA, "", "", "", "n", "n", "y"]
        given = "".join(f"{answer}\n" for answer in answers)
        local = {"SLACK_API_URL": slack.api_url}
        said = await asyncio.to_thread(typed, machine, ASK, machine, local, given)
    assert "0 error" in said
    assert (machine / "var/lib/casewire/.env").stat().st_mode & 0o777 == 0o600
