"""The bytes of files, from Slack and to Slack, piece by piece; the token goes to no host but Slack's."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import aiohttp

from .slack import NotSent, seconds_to_wait

PIECE = 64 * 1024
TOTAL_TIMEOUT = 300.0
CONNECT_TIMEOUT = 10.0
SILENCE_TIMEOUT = 30.0
SNIFFED = 512

_HOST = re.compile(r"[a-z0-9.-]+")
_HTML_TYPES = {"text/html", "application/xhtml+xml"}
_HTML_NAMES = (".html", ".htm", ".xhtml")
_HTML_STARTS = (b"<!doctype html", b"<html")


class NotTheFile(Exception):
    """Something was given in place of the file; `str()` says what."""


def trusted(url: str, api_url: str) -> bool:
    """Whether an address is Slack's own, so that a file may come from there, and our token may go there.

    For the real Slack that is https on its domain; for a local one, that one server and nothing else.
    """
    try:
        given, api = urlsplit(url), urlsplit(api_url)
        port, api_port = given.port, api.port
    except ValueError:
        return False
    host, api_host = (given.hostname or "").lower(), (api.hostname or "").lower()
    if not host or not api_host or given.username is not None or given.password is not None:
        return False
    if api.scheme != "https":
        return (given.scheme, host, port) == (api.scheme, api_host, api_port)
    if not _HOST.fullmatch(host):
        return False  # what one parser takes for a host, another may not
    domain = api_host.removeprefix("www.")
    within = host == domain or host.endswith(f".{domain}")
    return given.scheme == "https" and within and port in {None, 443, api_port}


def is_login_page(answered_type: str, head: bytes, mime_type: str, name: str) -> bool:
    """Whether these are the first bytes of a web page where another file was asked for.

    Slack answers who may not read a file with status 200 and the page for signing in.
    """
    if mime_type.lower() in _HTML_TYPES or name.lower().endswith(_HTML_NAMES):
        return False
    if answered_type.lower() in _HTML_TYPES:
        return True
    is_text = mime_type.lower().startswith("text/") or "xml" in mime_type.lower()
    return not is_text and head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML_STARTS)


class FileTransfer:
    """Streams of bytes over one shared session. Nothing is followed: a redirect would take the token along."""

    def __init__(self, session: aiohttp.ClientSession, token: str, api_url: str, proxy: str | None = None) -> None:
        self._session = session
        self._token = token
        self._api_url = api_url
        self._proxy = proxy
        self.read_mail: Callable[[str], Awaitable[bytes]] | None = None
        """Takes a file out of the mail it came with, by its source; None while there is no email."""
        self._timeout = aiohttp.ClientTimeout(
            total=TOTAL_TIMEOUT, sock_connect=CONNECT_TIMEOUT, sock_read=SILENCE_TIMEOUT
        )

    def trusts(self, url: str) -> bool:
        return trusted(url, self._api_url)

    async def take_out(self, source: str) -> AsyncGenerator[bytes, None]:
        """A file that came with a mail, in pieces. Raises NotTheFile, or NotSent where trying again may help."""
        if self.read_mail is None:
            raise NotSent("email is not set up, so files of mails cannot be read")
        try:
            data = await self.read_mail(source)
        except (LookupError, ValueError) as error:
            raise NotTheFile(f"it cannot be read from its mail ({error})") from error
        for start in range(0, len(data), PIECE):
            yield data[start : start + PIECE]

    async def download(self, url: str, mime_type: str, name: str) -> AsyncGenerator[bytes, None]:
        """The file in pieces. Raises NotTheFile, or NotSent where trying again may help."""
        if not self.trusts(url):
            raise NotTheFile("the address is not Slack's")
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Encoding": "identity"}
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=self._timeout, proxy=self._proxy
            ) as answer:
                _check_status(answer)
                begun = False
                async for piece in answer.content.iter_chunked(PIECE):
                    if not begun and is_login_page(answer.content_type, piece[:SNIFFED], mime_type, name):
                        raise NotTheFile("Slack showed a page for signing in")
                    begun = True
                    yield piece
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotSent(f"the file could not be fetched ({type(error).__name__})") from error

    async def upload(self, url: str, pieces: AsyncIterator[bytes], size: int) -> None:
        """Raises NotSent: an upload that is not completed has no effect."""
        if not self.trusts(url):
            raise NotSent("Slack named an address for the upload that is not its own")
        headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
        try:
            async with self._session.post(
                url, data=pieces, headers=headers, allow_redirects=False, timeout=self._timeout, proxy=self._proxy
            ) as answer:
                if answer.status != 200:
                    raise _later(answer, f"the upload was answered with status {answer.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotSent(f"the file could not be uploaded ({type(error).__name__})") from error


def _check_status(answer: aiohttp.ClientResponse) -> None:
    if answer.status == 200:
        return
    if answer.status == 429 or answer.status >= 500:
        raise _later(answer, f"the file was answered with status {answer.status}")
    raise NotTheFile(f"status {answer.status}")


def _later(answer: aiohttp.ClientResponse, why: str) -> NotSent:
    error = NotSent(why)
    if answer.status == 429:
        error.seconds = seconds_to_wait(answer.headers)
    return error


async def pieces_of(chunks: AsyncIterator[bytes], size: int) -> AsyncGenerator[bytes, None]:
    """The same bytes in pieces of exactly `size`, but for the last."""
    rest = bytearray()
    async for chunk in chunks:
        rest += chunk
        while len(rest) >= size:
            yield bytes(rest[:size])
            del rest[:size]
    if rest:
        yield bytes(rest)
