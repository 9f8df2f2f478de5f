"""Whose bytes are taken, where the token may go, and what is not the file that was asked for."""

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.courier.slack import NotSent
from bot.courier.transfer import FileTransfer, NotTheFile, is_login_page, pieces_of, trusted

SLACK = "https://slack.com/api/"
LOCAL = "http://127.0.0.1:4000/api/"


class TestTrusted:
    @pytest.mark.parametrize(
        ("url", "api_url"),
        [
            ("https://files.slack.com/files-pri/T1-F1/download/a.png", SLACK),
            ("https://FILES.Slack.com/a", SLACK),
            ("https://acme.enterprise.slack.com/a", SLACK),
            ("https://slack.com/a", SLACK),
            ("https://files.slack.com:443/a", SLACK),
            ("https://files.slack.com/a", "https://www.slack.com/api/"),
            ("https://files.slack-gov.com/a", "https://slack-gov.com/api/"),
            ("http://127.0.0.1:4000/files-pri/a", LOCAL),
        ],
    )
    def test_slacks_own(self, url: str, api_url: str) -> None:
        assert trusted(url, api_url)

    @pytest.mark.parametrize(
        ("url", "api_url"),
        [
            ("", SLACK),
            ("files.slack.com/a", SLACK),
            ("http://files.slack.com/a", SLACK),
            ("ftp://files.slack.com/a", SLACK),
            ("file:///etc/passwd", SLACK),
            ("https://files.slack.com.evil.example/a", SLACK),
            ("https://evilslack.com/a", SLACK),
            ("https://slack.com@evil.example/a", SLACK),
            ("https://user:secret@files.slack.com/a", SLACK),
            ("https://evil.example/?x=.slack.com", SLACK),
            ("https://evil.example#.slack.com", SLACK),
            ("https://evil.example\\.slack.com/a", SLACK),
            ("https://files.slack.com:8443/a", SLACK),
            ("https://files.slack.com:x/a", SLACK),
            ("https://[::1", SLACK),
            ("https://files.slack-gov.com/a", SLACK),
            ("http://127.0.0.1:4000/a", SLACK),
            ("http://localhost/a", SLACK),
            ("https://files.slack.com/a", LOCAL),
            ("http://127.0.0.1:4001/a", LOCAL),
            ("http://127.0.0.2:4000/a", LOCAL),
            ("http://localhost:4000/a", LOCAL),
            ("https://127.0.0.1:4000/a", LOCAL),
        ],
    )
    def test_anybody_elses(self, url: str, api_url: str) -> None:
        assert not trusted(url, api_url)

    @given(st.text(max_size=60))
    def test_no_words_at_all_are_a_way_out(self, text: str) -> None:
        assert not trusted(f"https://evil.example/{text}", SLACK)
        assert isinstance(trusted(text, SLACK), bool)


class TestLoginPage:
    @pytest.mark.parametrize(
        ("answered", "head", "mime_type", "name"),
        [
            ("text/html", b"<!DOCTYPE html>", "image/png", "a.png"),
            ("text/html", b"anything", "text/plain", "a.txt"),
            ("TEXT/HTML", b"", "", "a"),
            ("image/png", b"\n <!doctype HTML><title>Sign in", "image/png", "a.png"),
            ("application/octet-stream", b"\xef\xbb\xbf<html>", "", "a"),
        ],
    )
    def test_is_known_by_its_type_or_its_beginning(
        self, answered: str, head: bytes, mime_type: str, name: str
    ) -> None:
        assert is_login_page(answered, head, mime_type, name)

    @pytest.mark.parametrize(
        ("answered", "head", "mime_type", "name"),
        [
            ("text/html", b"<!DOCTYPE html>", "text/html", "page"),
            ("text/html", b"<!DOCTYPE html>", "text/plain", "page.HTML"),
            ("text/plain", b"<!DOCTYPE html>", "text/plain", "notes.txt"),
            ("image/svg+xml", b"<html", "image/svg+xml", "a.svg"),
            ("image/png", b"\x89PNG", "image/png", "a.png"),
            ("application/octet-stream", b"", "", "a"),
        ],
    )
    def test_a_file_that_is_what_it_was_said_to_be(
        self, answered: str, head: bytes, mime_type: str, name: str
    ) -> None:
        assert not is_login_page(answered, head, mime_type, name)


@contextlib.asynccontextmanager
async def serving(
    handler: web.RequestHandler | object, *, trust: bool = True
) -> AsyncIterator[tuple[FileTransfer, str]]:
    """A server with one answer, and a transfer that takes it for Slack."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        async with aiohttp.ClientSession() as session:
            yield FileTransfer(session, "xoxb-secret", url if trust else SLACK), url
    finally:
        await runner.cleanup()


async def downloaded(transfer: FileTransfer, url: str) -> bytes:
    return b"".join([piece async for piece in transfer.download(url, "image/png", "a.png")])


class TestDownload:
    async def test_brings_the_bytes_for_the_token(self) -> None:
        async def answer(request: web.Request) -> web.Response:
            assert request.headers["Authorization"] == "Bearer xoxb-secret"
            return web.Response(body=b"\x89PNG" * 50_000)

        async with serving(answer) as (transfer, url):
            assert await downloaded(transfer, url) == b"\x89PNG" * 50_000

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 401, 403, 404, 410, 204])
    async def test_any_other_answer_is_not_the_file_and_is_not_followed(self, status: int) -> None:
        asked: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.Response(status=status, headers={"Location": "/elsewhere"})

        async with serving(answer) as (transfer, url):
            with pytest.raises(NotTheFile, match=str(status)):
                await downloaded(transfer, url)
        assert asked == ["/"]

    async def test_a_slack_that_is_busy_is_asked_again_when_it_said(self) -> None:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=429, headers={"Retry-After": "7"})

        async with serving(answer) as (transfer, url):
            with pytest.raises(NotSent) as raised:
                await downloaded(transfer, url)
        assert raised.value.seconds == 7

    async def test_the_token_is_not_even_sent_to_anybody_else(self) -> None:
        asked: list[str] = []

        async def answer(request: web.Request) -> web.Response:
            asked.append(request.path)
            return web.Response()

        async with serving(answer, trust=False) as (transfer, url):
            with pytest.raises(NotTheFile):
                await downloaded(transfer, url)
            with pytest.raises(NotSent):
                await transfer.upload(url, _bytes(b"x"), 1)
        assert asked == []

    async def test_a_server_that_is_away(self) -> None:
        async with aiohttp.ClientSession() as session:
            url = "http://127.0.0.1:1/"
            with pytest.raises(NotSent):
                await downloaded(FileTransfer(session, "xoxb-secret", url), url)


class TestUpload:
    async def test_carries_its_length_and_no_token(self) -> None:
        got: list[bytes] = []

        async def answer(request: web.Request) -> web.Response:
            assert "Authorization" not in request.headers
            assert "Transfer-Encoding" not in request.headers
            assert request.content_length == 6
            got.append(await request.read())
            return web.Response(text="OK - 6")

        async with serving(answer) as (transfer, url):
            await transfer.upload(url, _bytes(b"abc", b"def"), 6)
        assert got == [b"abcdef"]

    @pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
    async def test_that_is_not_taken_has_no_effect(self, status: int) -> None:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": "/elsewhere"})

        async with serving(answer) as (transfer, url):
            with pytest.raises(NotSent):
                await transfer.upload(url, _bytes(b"abc"), 3)


@given(st.lists(st.binary(max_size=9), max_size=9), st.integers(1, 7))
async def test_pieces_are_cut_to_size_and_none_is_lost(given_pieces: list[bytes], size: int) -> None:
    cut = [piece async for piece in pieces_of(_bytes(*given_pieces), size)]
    assert b"".join(cut) == b"".join(given_pieces)
    assert all(len(piece) == size for piece in cut[:-1])
    assert all(0 < len(piece) <= size for piece in cut)


async def _bytes(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
