"""What every test may ask for: a fresh database, on SQLite and on PostgreSQL."""

import contextlib
import os
import secrets
import shutil
import signal
import sqlite3
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.dovecot import Dovecot, DovecotUnavailable
from tests.support.postgres import PostgresCluster, PostgresUnavailable
from tests.support.smtp import ScriptedSmtp

FULL = os.environ.get("FULL") == "1"
DATABASES = [
    pytest.param("sqlite", id="sqlite"),
    pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql),
]

settings.register_profile(
    "ci",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=500 if FULL else 30,
    suppress_health_check=[HealthCheck.too_slow],
)
# HYPOTHESIS_PROFILE=explore looks where no run has looked before, and remembers what it finds.
settings.register_profile("explore", deadline=None, max_examples=2000, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

launched = pytest.StashKey[PostgresCluster]()


def pytest_configure(config: pytest.Config) -> None:
    """With several workers, start the server they will share while they are still starting themselves.

    A shell that runs this in the background has Ctrl-C ignored, which every process of a test would inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        config.stash[launched] = PostgresCluster()
        config.stash[launched].launch()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["postgres_state"] = node.config.stash[launched].state


def pytest_unconfigure(config: pytest.Config) -> None:
    if cluster := config.stash.get(launched, None):
        cluster.stop()


# The subjects of the main job, whose end-to-end tests all run by default.
MAIN_SUBJECTS = {"test_answers", "test_closing", "test_direct_messages", "test_escalation", "test_mail"}

# What runs whole bots, a browser, processes or servers: folders, and modules elsewhere.
WHOLE_FOLDERS = {"e2e", "faults", "page"}
WHOLE_MODULES = {"test_connection", "test_logging", "test_mailbox", "test_startup", "test_stopping"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A sample by default, and everything with FULL=1.

    The repository's tests run on both databases; what stands on it runs on one of them, some on this and some on the
    other. Of what runs whole bots, a test runs with the first of its parameters, and of the end-to-end tests beside
    the main job, it is the first of each class. The fault harness is a sample of its own.
    """
    seen: set[str] = set()
    for item in items:
        folders, module = set(item.path.parts), item.path.stem
        if "storage" in folders or module == "test_harness":
            continue
        name = item.nodeid.partition("[")[0]
        kind = ("sqlite", "postgresql")[zlib.crc32(name.encode()) % 2]
        callspec = getattr(item, "callspec", None)
        if callspec and callspec.params.get("database_kind", kind) != kind and not _only_one_database(item):
            item.add_marker(pytest.mark.slow)
            continue
        if not folders & WHOLE_FOLDERS and module not in WHOLE_MODULES:
            continue
        sampled = item.path.parent.name in {"e2e", "page"} and module not in MAIN_SUBJECTS
        group = name.rpartition("::")[0] if sampled else name
        if group in seen:
            item.add_marker(pytest.mark.slow)
        if not item.get_closest_marker("slow"):
            seen.add(group)


def _only_one_database(item: pytest.Item) -> bool:
    """Whether the test itself says on which database it runs."""
    return any("database_kind" in str(mark.args[:1]) for mark in item.iter_markers("parametrize"))


@pytest.fixture(scope="session")
def postgres_cluster(request: pytest.FixtureRequest) -> Iterator[PostgresCluster]:
    """The PostgreSQL server of this test run. Without one its tests are skipped; with FULL=1 they fail."""
    workerinput = getattr(request.config, "workerinput", None)
    cluster = PostgresCluster(workerinput["postgres_state"] if workerinput else None)
    try:
        cluster.join() if workerinput else cluster.start()
    except PostgresUnavailable as unavailable:
        cluster.stop()
        reason = f"no PostgreSQL to test on: {unavailable}"
        if FULL:
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: PostgresCluster) -> Iterator[str]:
    """The name of a migrated PostgreSQL database that each test's database is copied from."""
    name = _new_name()
    _migrate(postgres_cluster.create_database(name))
    yield name
    postgres_cluster.drop_database(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a migrated SQLite database that each test's database is copied from."""
    path = tmp_path_factory.mktemp("template") / "casewire.db"
    _migrate(f"sqlite:///{path}")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # all of it in the one file that is copied
    return path


# These are synchronous on purpose: they run a loop of their own, which an async fixture could not.


@pytest.fixture(params=DATABASES)
def database_kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database with the current schema."""
    if database_kind == "sqlite":
        path = shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "casewire.db")
        yield f"sqlite:///{path}"
        return
    template: str = request.getfixturevalue("postgres_template")
    with _postgres_database(request.getfixturevalue("postgres_cluster"), template) as url:
        yield url


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh database without any table."""
    if database_kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    with _postgres_database(request.getfixturevalue("postgres_cluster")) as url:
        yield url


@pytest.fixture
async def dovecot() -> AsyncIterator[Dovecot]:
    """A Dovecot of the test's own. Without the program its tests are skipped; with FULL=1 they fail."""
    try:
        server = Dovecot()
    except DovecotUnavailable as unavailable:
        if FULL:
            pytest.fail(str(unavailable), pytrace=False)
        pytest.skip(str(unavailable))
    async with server:
        yield server


@pytest.fixture
async def smtp() -> AsyncIterator[ScriptedSmtp]:
    """A mail server of the test's own that does as it is told."""
    async with ScriptedSmtp() as server:
        yield server


@contextlib.contextmanager
def _postgres_database(cluster: PostgresCluster, template: str | None = None) -> Iterator[str]:
    name = _new_name()
    try:
        yield cluster.create_database(name, template)
    finally:
        cluster.drop_database(name)


def _migrate(url: str) -> None:
    from storage.migrate import upgrade  # here, so that tests of pure code need not load it

    upgrade(url)


def _new_name() -> str:
    return f"casewire_test_{secrets.token_hex(6)}"  # unlike any other run's on the same server
