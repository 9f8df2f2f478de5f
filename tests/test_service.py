"""The systemd unit in docs/: systemd itself takes it, and finds it well confined."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).parent.parent / "docs" / "casewire.service"
EXPOSURE = 2.0  # of 10; systemd calls this "OK"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here: whether it does is looked at too."""
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace("/opt/casewire/bin/casewire run", "/bin/true run"))
    return copy


def analyze(*words: str) -> str:
    done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs_systemd
def test_systemd_takes_every_line(unit: Path) -> None:
    assert UNIT.name not in analyze("verify", "--man=no", str(unit))


@needs_systemd
def test_the_service_is_confined(unit: Path) -> None:
    said = analyze("security", "--offline=true", "--no-pager", str(unit))
    exposure = re.search(r"exposure level for \S+: (\d+\.\d+)", said)
    assert exposure is not None, said
    assert float(exposure[1]) <= EXPOSURE


def test_what_no_restart_mends_is_not_tried_again() -> None:
    assert re.search(r"^RestartPreventExitStatus=2$", UNIT.read_text(), re.M)
