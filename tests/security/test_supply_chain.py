"""What we are made of is audited honestly, and listed for others."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(name: str, *weak: str, skipped: bool = False) -> dict[str, Any]:
    if skipped:
        return {"name": name, "skip_reason": "not found"}
    return {"name": name, "version": "1.0", "vulns": [{"id": one, "fix_versions": ["1.1"]} for one in weak]}


class TestAudit:
    @pytest.mark.parametrize(
        ("packages", "status", "words"),
        [
            ([package("a"), package("b")], 0, "None of the 2 packages"),
            ([package("a"), package("b", "CVE-1")], 1, "b 1.0: CVE-1, mended in 1.1"),
            ([package("a"), package("b", skipped=True)], 2, "1 of 2 packages of x.lock could be looked up"),
            ([package("a", "CVE-1"), package("b", skipped=True)], 1, "nothing is known of the rest: b"),
            ([package("a", skipped=True)], 2, "0 of 1"),
            ([], 2, "0 of 0"),
        ],
    )
    def test_says_what_is_known_and_what_is_not(
        self, audit: ModuleType, packages: list, status: int, words: str
    ) -> None:
        lines, found = audit.judged({"dependencies": packages}, "x.lock")
        assert found == status
        assert words in "\n".join(lines)

    def test_without_a_network_it_says_so_with_status_2(self, tmp_path: Path) -> None:
        lock = tmp_path / "one.lock"
        lock.write_text(f"aiohttp==3.14.5 --hash=sha256:{'0' * 64}\n")
        nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "HOME": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, str(ROOT / ".ci" / "audit.py"), str(lock)],
            env={"PATH": os.environ["PATH"], **nowhere},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2, done.stderr
        assert "could not be asked" in done.stderr
        assert "Run this again with a network" in done.stderr


@pytest.mark.slow
class TestSbom:
    """cyclonedx-py checks what it writes against the schema (--validate) and fails where it does not hold."""

    def write(self, file: Path) -> dict[str, Any]:
        command = (ROOT / "Makefile").read_text().partition("\nsbom:")[2].partition("\n\n")[0]
        options = command[command.index("requirements requirements.lock") :].split("-o build")[0]
        done = subprocess.run(
            [str(Path(sys.executable).parent / "cyclonedx-py"), *options.replace("\\\n", " ").split(), "-o", file],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=110,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(file.read_text())

    def test_names_every_locked_package_and_is_the_same_each_time(self, tmp_path: Path) -> None:
        first, again = self.write(tmp_path / "1.json"), self.write(tmp_path / "2.json")
        assert first == again
        assert (tmp_path / "1.json").read_bytes() == (tmp_path / "2.json").read_bytes()
        locked = [
            line.split()[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line
        ]
        assert first["bomFormat"] == "CycloneDX"
        assert first["metadata"]["component"]["name"] == "casewire"
        assert {f"{one['name']}=={one['version']}" for one in first["components"]} == set(locked)
        assert all(one["externalReferences"][0]["hashes"] for one in first["components"])
