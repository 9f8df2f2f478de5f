"""A real Dovecot for tests: without root, in a directory of its own, to be killed, stalled and renumbered."""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

USER, PASSWORD = "bot", "secret"
PATIENCE = 20.0

CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = {uid}
first_valid_gid = {gid}
last_valid_uid = {uid}
last_valid_gid = {gid}
mail_location = maildir:~/Maildir
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_fsync = never
ssl = yes
ssl_cert = <{home}/tls.crt
ssl_key = <{home}/tls.key
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {home}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {home}/users
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
"""


class DovecotUnavailable(Exception):
    """There is no Dovecot here, or it cannot be run; the message says what to do."""


class Dovecot:
    """Use as an async context manager; `port` speaks plain IMAP and STARTTLS, `tls_port` TLS."""

    def __init__(self) -> None:
        self._program = shutil.which("dovecot") or _in_sbin("dovecot")
        self._admin = shutil.which("doveadm") or _in_sbin("doveadm")
        self._openssl = shutil.which("openssl")
        if not self._program or not self._admin or not self._openssl:
            raise DovecotUnavailable(
                "NO DOVECOT: mail is not tested on a real server. Install it (Debian: apt install dovecot-imapd openssl)."
            )
        account = _account()
        self._uid, self._gid = account.pw_uid, account.pw_gid
        self._drops = os.geteuid() == 0
        self.home = Path(tempfile.mkdtemp(prefix="casewire-dovecot-", dir="/tmp"))
        self.port, self.tls_port = _free_port(), _free_port()
        self._delivered = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._prepare(account)

    def _prepare(self, account: pwd.struct_passwd) -> None:
        import grp

        for name in ("run", "state", "mail/bot"):
            (self.home / name).mkdir(parents=True)
        (self.home / "users").write_text(
            f"{USER}:{{PLAIN}}{PASSWORD}:{self._uid}:{self._gid}::{self.home}/mail/bot\n"
        )
        subprocess.run(
            [
                *(self._openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
                *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", self.home / "tls.key", "-out", self.certificate),
            ],
            check=True,
            capture_output=True,
        )
        (self.home / "dovecot.conf").write_text(
            CONFIGURATION.format(
                home=self.home,
                user=account.pw_name,
                group=grp.getgrgid(self._gid).gr_name,
                uid=self._uid,
                gid=self._gid,
                port=self.port,
                tls_port=self.tls_port,
            )
        )
        for part in ("tmp", "new", "cur"):
            (self.maildir / part).mkdir(parents=True)
        self._own(self.home)
        for path in self.home.rglob("*"):
            self._own(path)

    @property
    def certificate(self) -> Path:
        return self.home / "tls.crt"

    @property
    def maildir(self) -> Path:
        return self.home / "mail" / "bot" / "Maildir"

    async def __aenter__(self) -> "Dovecot":
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        shutil.rmtree(self.home, ignore_errors=True)

    # life

    async def start(self) -> None:
        (self.home / "run" / "master.pid").unlink(missing_ok=True)
        self._process = subprocess.Popen(  # noqa: ASYNC220 (it does not block)
            [self._program, "-F", "-c", self.home / "dovecot.conf"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.home,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.home)},
            start_new_session=True,
            **self._as_whom(),
        )
        async with asyncio.timeout(PATIENCE):
            while not await self._greets():
                if self._process.poll() is not None:
                    raise DovecotUnavailable(f"Dovecot does not start: {self.log()[-500:]}")
                await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """kill -9 of all its processes: each connection ends at once."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait)

    async def _greets(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        try:
            async with asyncio.timeout(5):
                return (await reader.readline()).startswith(b"* OK")
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

    def log(self) -> str:
        path = self.home / "dovecot.log"
        return path.read_text() if path.exists() else ""

    # what is done to a mailbox

    def deliver(self, raw: bytes, at: datetime | None = None, folder: str = "", seen: bool = False) -> None:
        """A mail arrives: a file is dropped, as delivery agents do. `at` is its INTERNALDATE."""
        self._delivered += 1
        box = self.maildir / f".{folder}" if folder else self.maildir
        name = f"{time.time_ns() // 1000}.M{self._delivered:06d}.test"
        part = box / "tmp" / name
        part.write_bytes(raw)
        self._own(part)
        if at is not None:
            os.utime(part, (at.timestamp(), at.timestamp()))
        part.rename(box / ("cur" if seen else "new") / (f"{name}:2,S" if seen else name))

    def files(self, folder: str = "") -> list[Path]:
        box = self.maildir / f".{folder}" if folder else self.maildir
        return sorted([*(box / "new").iterdir(), *(box / "cur").iterdir()], key=lambda path: path.name)

    async def doveadm(self, *words: str) -> str:
        """Raises CalledProcessError."""
        done = await asyncio.to_thread(
            subprocess.run,
            [self._admin, "-c", self.home / "dovecot.conf", *words],
            check=True,
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.home)},
            cwd=self.home,
            **self._as_whom(),
        )
        return done.stdout

    async def renumber(self, uidvalidity: int) -> None:
        """The mailbox gets another UIDVALIDITY, and its mails other UIDs."""
        for name in ("dovecot-uidlist", "dovecot.index", "dovecot.index.log", "dovecot.index.cache"):
            (self.maildir / name).unlink(missing_ok=True)
        await self.doveadm("mailbox", "update", "-u", USER, "--uid-validity", str(uidvalidity), "INBOX")

    async def expunge(self, *query: str) -> None:
        await self.doveadm("expunge", "-u", USER, "mailbox", "INBOX", *query)

    def _as_whom(self) -> dict[str, int]:
        return {"user": self._uid, "group": self._gid} if self._drops else {}

    def _own(self, path: Path) -> None:
        if self._drops:
            os.chown(path, self._uid, self._gid)


def mail(
    number: int, sender: str = "dana@customer.example", *, body: str = "", extra: Iterable[str] = ()
) -> bytes:
    """A mail of a customer; the number makes it one of its own."""
    lines = [
        f"Message-ID: <mail-{number}@customer.example>",
        f"From: Someone <{sender}>",
        "To: support@desk.example",
        "Date: Sat, 31 Jan 2026 12:00:00 +0000",
        f"Subject: Mail {number}",
        *extra,
        "",
        body or f"This is mail {number}.",
        "",
    ]
    return "\r\n".join(lines).encode()


def _in_sbin(name: str) -> str | None:
    """Debian's /usr/sbin is not on the path of everybody."""
    return shutil.which(name, path="/usr/sbin:/usr/local/sbin:/usr/bin")


def _account() -> pwd.struct_passwd:
    """Dovecot keeps no mail of root's."""
    try:
        return pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise DovecotUnavailable("there is no account to run Dovecot as") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
