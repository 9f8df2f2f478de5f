"""One process per SQLite file."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.errors import StorageError
from storage.lock import DatabaseInUse, sole_use

HOLD = """
import sys, time
from storage.lock import sole_use
with sole_use(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    """Another process that holds the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, f"sqlite:///{tmp_path}/desk.db"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


class TestSoleUse:
    def test_a_second_process_is_refused_at_once(self, holder: subprocess.Popen[str], tmp_path: Path) -> None:
        with (
            pytest.raises(
                DatabaseInUse,
                match=rf"another Casewire \(process {holder.pid}\) is running.*systemctl stop casewire",
            ),
            sole_use(f"sqlite:///{tmp_path}/desk.db"),
        ):
            pytest.fail("two processes hold the lock")

    def test_it_is_free_again_after_the_other_was_killed(
        self, holder: subprocess.Popen[str], tmp_path: Path
    ) -> None:
        holder.kill()
        holder.wait()
        with sole_use(f"sqlite:///{tmp_path}/desk.db"):
            pass

    def test_it_is_free_again_afterwards_even_after_an_error(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path}/desk.db"
        with pytest.raises(RuntimeError), sole_use(url):
            raise RuntimeError
        with sole_use(url):
            pass

    def test_a_folder_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError, match="make its folder"), sole_use(f"sqlite:///{tmp_path}/no/desk.db"):
            pytest.fail("a lock in a folder that does not exist")

    def test_postgresql_needs_none(self) -> None:
        with sole_use("postgresql://desk@host/cases"), sole_use("postgresql://desk@host/cases"):
            pass
