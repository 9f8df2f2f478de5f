"""What is shipped: the locks, the build server's entry, the wheel."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def pins(lock: str) -> dict[str, tuple[str, list[str]]]:
    """Name to version and hashes, of every requirement in a lock."""
    text = "\n".join(line for line in (ROOT / lock).read_text().splitlines() if not line.lstrip().startswith("#"))
    found = {}
    for requirement in re.sub(r"\\\n", " ", text).splitlines():
        name, _, rest = requirement.partition("==")
        assert rest, f"not pinned: {requirement}"
        found[canonicalize_name(name)] = (
            rest.split()[0],
            re.findall(r"--hash=sha256:([0-9a-f]{64})\b", rest),
        )
    return found


def allowed(requirement: str, lock: str) -> bool:
    wanted = Requirement(requirement)
    version, _ = pins(lock).get(canonicalize_name(wanted.name), ("", []))
    return bool(version) and wanted.specifier.contains(version)


@pytest.mark.parametrize("lock", LOCKS)
class TestLock:
    def test_names_no_host_and_no_path(self, lock: str) -> None:
        text = (ROOT / lock).read_text()

        assert "://" not in text
        assert " @ " not in text
        assert not re.search(r"^\s*(-\w|--(?!hash=)\w)", text, re.MULTILINE), "an option of pip"
        assert not re.search(r"(^|[\s=(])[~.]*/\w", text, re.MULTILINE), "a path"

    def test_has_hashes_for_every_requirement(self, lock: str) -> None:
        assert [name for name, (_, hashes) in pins(lock).items() if not hashes] == []


@pytest.mark.parametrize("dependency", PROJECT["project"]["dependencies"])
def test_every_dependency_is_locked_at_a_version_it_allows(dependency: str) -> None:
    assert allowed(dependency, "requirements.lock")


@pytest.mark.parametrize("dependency", PROJECT["dependency-groups"]["dev"])
def test_every_development_dependency_is_locked_at_a_version_it_allows(dependency: str) -> None:
    assert allowed(dependency, "requirements-dev.lock")


def test_development_runs_what_production_runs() -> None:
    assert pins("requirements.lock").items() <= pins("requirements-dev.lock").items()


SUMMARY = "===== 2 failed, 40 passed in 3.21s ====="
TOOLS = ("bash", "cat", "chmod", "dirname", "env", "grep", "mktemp", "rm", "sh", "tail", "tee")


class TestBuildServer:
    """`.ci/run` on a machine of ours, whose commands note how they are called."""

    def run(
        self,
        tmp_path: Path,
        *,
        status: int = 0,
        browser: bool = True,
        dovecot: bool = True,
        user: int = 0,
        says: str = "",
    ) -> tuple[subprocess.CompletedProcess[str], list[str]]:
        bin = tmp_path / "bin"
        bin.mkdir()
        for tool in TOOLS:
            (bin / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool}"))

        def command(name: str, *lines: str) -> None:
            (bin / name).write_text("\n".join(("#!/bin/sh", *lines, "")))
            (bin / name).chmod(0o755)

        note = f'echo "${{0##*/}} $*" >> {tmp_path}/called'
        failed = f"test {status} = 0 || echo 'make: *** [Makefile:1: test] Error 1' >&2"
        command(
            "make", note, f"echo '{says}'", f'test "$PWD" = {ROOT} && echo "{SUMMARY}"', failed, f"exit {status}"
        )
        command("id", f"echo {user}")
        command("apt-get", note)
        if browser:
            command("chromium")
        if dovecot:
            command("dovecot")
            command("openssl")
        environment = {name: value for name, value in os.environ.items() if name != "CHROMIUM"}
        done = subprocess.run(
            [bin / "bash", ROOT / ".ci" / "run"],
            env=environment | {"PATH": str(bin), "SBIN": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return done, (tmp_path / "called").read_text().splitlines()

    def test_runs_all_tests_from_the_root_of_the_checkout(self, tmp_path: Path) -> None:
        done, called = self.run(tmp_path)

        assert called == ["make test FULL=1"]
        assert SUMMARY in done.stdout

    @pytest.mark.parametrize("status", [0, 2])
    def test_passes_the_status_on_and_ends_with_the_summary(self, tmp_path: Path, status: int) -> None:
        done, _ = self.run(tmp_path, status=status)

        assert done.returncode == status
        assert done.stdout.splitlines()[-1] == SUMMARY

    def test_installs_a_missing_browser_as_root(self, tmp_path: Path) -> None:
        done, called = self.run(tmp_path, browser=False)

        assert called == [
            "apt-get update",
            "apt-get install -y --no-install-recommends chromium",
            "make test FULL=1",
        ]
        assert done.returncode == 0

    def test_installs_a_missing_mail_server_as_root(self, tmp_path: Path) -> None:
        done, called = self.run(tmp_path, dovecot=False)

        assert called == [
            "apt-get update",
            "apt-get install -y --no-install-recommends dovecot-imapd openssl",
            "make test FULL=1",
        ]
        assert done.returncode == 0

    def test_installs_nothing_as_anybody_else(self, tmp_path: Path) -> None:
        _, called = self.run(tmp_path, browser=False, dovecot=False, user=1000)

        assert called == ["make test FULL=1"]

    def test_fails_when_the_page_was_not_tested(self, tmp_path: Path) -> None:
        done, _ = self.run(tmp_path, browser=False, user=1000, says="SKIPPED: NO BROWSER: the page is not tested")

        assert done.returncode == 1
        assert "The sandbox page was not tested" in done.stderr
        assert done.stdout.splitlines()[-1] == SUMMARY

    def test_fails_when_the_mailbox_was_not_tested(self, tmp_path: Path) -> None:
        done, _ = self.run(tmp_path, dovecot=False, user=1000, says="SKIPPED: NO DOVECOT: mail is not tested")

        assert done.returncode == 1
        assert "The mailbox was not tested on a real server" in done.stderr
        assert done.stdout.splitlines()[-1] == SUMMARY


def test_the_demo_can_be_asked_for_one_pass() -> None:
    # Without what a make that runs these tests has put there for makes below it.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name and name != "MFLAGS"}

    planned = subprocess.run(
        ["make", "-n", "demo", "ONCE=1"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert planned.stdout.splitlines()[-1].endswith("-m bot demo --once")


def test_the_wheel_holds_the_migrations_and_the_command(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is part of the development lock")

    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True
    )

    [wheel] = tmp_path.glob("casewire-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [commands] = [archive.read(name).decode() for name in names if name.endswith("entry_points.txt")]
    in_tree = {
        str(path.relative_to(ROOT))
        for package in ("bot", "storage")
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert in_tree <= names
    assert "storage/migrations/script.py.mako" in names
    assert "casewire = bot.cli:main" in commands
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"bot", "storage"}
