"""Every call ends: with an answer, with a refusal, or with the certainty that the connection is gone."""

import asyncio
import base64
import contextlib
import logging
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator

import pytest

from bot.mail import responses
from bot.mail.imap import ImapClient, ImapGone, ImapNo, LoginRefused
from tests.support.dovecot import Dovecot
from tests.support.reading import again
from tests.support.scripted_imap import ScriptedImap, Session, closing, says, scripted, silent

TIMING = again(connecting=0.5, quiet=0.5, done_answer=0.3)


@contextlib.asynccontextmanager
async def client_of(server: ScriptedImap, *, selected: bool = True) -> AsyncIterator[ImapClient]:
    client = await ImapClient.connect("127.0.0.1", server.port, TIMING)
    try:
        if selected:
            await client.login("bot", "secret")
            await client.select("INBOX")
        yield client
    finally:
        client.abort()


async def idling(session: Session, tag: str, _rest: str) -> None:
    await session.say("+ idling")
    assert await session.line() == "DONE"
    await session.say(f"{tag} OK done")


class TestConnecting:
    async def test_to_nobody(self) -> None:
        with pytest.raises(ImapGone, match="cannot be reached"):
            await ImapClient.connect("127.0.0.1", 1, TIMING)

    @pytest.mark.parametrize("greeting", ["", "* BYE too busy", "220 mail.example ESMTP"])
    async def test_to_one_who_does_not_greet(self, greeting: str) -> None:
        async with scripted(greeting) as server:
            began = time.monotonic()
            with pytest.raises(ImapGone):
                await ImapClient.connect("127.0.0.1", server.port, TIMING)
            assert time.monotonic() - began < 3
            [session] = server.sessions
            await asyncio.wait_for(session.ended.wait(), 2)

    async def test_a_greeting_that_claims_a_login_does_not_prevent_encryption(self) -> None:
        async with scripted("* PREAUTH welcome") as server:
            with pytest.raises(ImapGone):
                await ImapClient.connect("127.0.0.1", server.port, TIMING, starttls=ssl.create_default_context())
            assert not any("LOGIN" in line for line in server.asked)

    async def test_what_is_sent_along_with_the_answer_to_starttls_ends_it(self) -> None:
        async def injecting(session: Session, tag: str, _rest: str) -> None:
            session.writer.write(f"{tag} OK go\r\n* CAPABILITY inj".encode())

        async with scripted(starttls=injecting) as server:
            with pytest.raises(ImapGone, match="more before encryption"):
                await ImapClient.connect("127.0.0.1", server.port, TIMING, starttls=ssl.create_default_context())

    async def test_without_starttls_nothing_goes_unencrypted(self) -> None:
        async with scripted(starttls=says("{tag} BAD what?")) as server:
            with pytest.raises(ImapGone, match="does not do STARTTLS"):
                await ImapClient.connect("127.0.0.1", server.port, TIMING, starttls=ssl.create_default_context())
            assert server.asked[-1].endswith("STARTTLS")

    async def test_encrypted_to_a_real_server(self, dovecot: Dovecot) -> None:
        trusting = ssl.create_default_context(cafile=str(dovecot.certificate))
        for port, how in ((dovecot.tls_port, {"tls": trusting}), (dovecot.port, {"starttls": trusting})):
            client = await ImapClient.connect("localhost", port, again(), **how)
            await client.login("bot", "secret")
            await client.logout()
            with pytest.raises(ImapGone, match="certificate of localhost is not trusted"):
                await ImapClient.connect(
                    "localhost", port, again(), **dict.fromkeys(how, ssl.create_default_context())
                )


class TestLogin:
    async def test_that_is_refused(self) -> None:
        login = says("{tag} NO [AUTHENTICATIONFAILED] wrong")
        async with scripted(login=login) as server, client_of(server, selected=False) as client:
            with pytest.raises(LoginRefused, match="wrong"):
                await client.login("bot", "secret")

    @pytest.mark.parametrize("text", ["[UNAVAILABLE] later", "[ALERT] Too many simultaneous connections."])
    async def test_that_is_refused_for_now(self, text: str) -> None:
        login = says("{tag} NO " + text)
        async with scripted(login=login) as server, client_of(server, selected=False) as client:
            with pytest.raises(ImapNo):
                await client.login("bot", "secret")

    async def test_where_no_password_is_taken(self) -> None:
        capability = says("* CAPABILITY IMAP4rev1 LOGINDISABLED", "{tag} OK done")
        async with scripted(capability=capability) as server, client_of(server, selected=False) as client:
            with pytest.raises(LoginRefused, match="LOGINDISABLED"):
                await client.login("bot", "secret")
            assert not any("secret" in line for line in server.asked)

    async def test_quotes_what_it_sends(self) -> None:
        async with scripted() as server, client_of(server, selected=False) as client:
            await client.login("a b\\(c", 'pass"word')
            assert [line.partition(" ")[2] for line in server.asked if "LOGIN" in line] == [
                'LOGIN "a b\\\\(c" "pass\\"word"'
            ]

    async def test_by_token(self) -> None:
        async with scripted() as server, client_of(server, selected=False) as client:
            await client.xoauth2("grüße@desk.example", "t0ken")
            [line] = [line for line in server.asked if "AUTHENTICATE" in line]
            sent = base64.b64decode(line.split()[-1]).decode()
            assert sent == "user=grüße@desk.example\x01auth=Bearer t0ken\x01\x01"
            await client.select("INBOX")

    async def test_by_a_token_that_has_ended_is_refused_at_once(self) -> None:
        async def explaining(session: Session, tag: str, _rest: str) -> None:
            await session.say("+ eyJzdGF0dXMiOiI0MDAifQ==")
            assert await session.line() == ""
            await session.say(f"{tag} NO [AUTHENTICATIONFAILED] Invalid credentials")

        async with scripted(authenticate=explaining) as server, client_of(server, selected=False) as client:
            with pytest.raises(LoginRefused, match="Invalid credentials"):
                await client.xoauth2("bot", "old")
            await client.login("bot", "secret")  # the connection is of use still

    async def test_no_token_gets_into_the_log(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        async with scripted() as server, client_of(server, selected=False) as client:
            await client.xoauth2("bot", "t0ken")
        encoded = base64.b64encode(b"user=bot\x01auth=Bearer t0ken\x01\x01").decode()
        assert encoded not in caplog.text
        assert "t0ken" not in caplog.text


class TestLoss:
    async def test_a_refusal_leaves_the_connection_as_it_was(self) -> None:
        async with scripted(search=says("{tag} NO [SERVERBUG] not now")) as server, client_of(server) as client:
            with pytest.raises(ImapNo, match="not now"):
                await client.search("ALL")
            await client.noop()

    @pytest.mark.parametrize("answer", [silent, closing], ids=["silence", "hanging up"])
    @pytest.mark.parametrize("command", ["search", "fetch", "store", "move", "noop"])
    async def test_is_noticed_in_the_middle_of_any_command(self, command: str, answer) -> None:
        async with scripted(**{command: answer}) as server, client_of(server) as client:
            calls = {
                "search": lambda: client.search("ALL"),
                "fetch": lambda: client.fetch("1", "(UID)"),
                "store": lambda: client.add_flag("1", r"\Seen"),
                "move": lambda: client.move("1", "Done"),
                "noop": client.noop,
            }
            began = time.monotonic()
            with pytest.raises(ImapGone):
                await calls[command]()
            assert time.monotonic() - began < 3
            with pytest.raises(ImapGone):
                await client.noop()  # never used again
            await asyncio.wait_for(server.sessions[0].ended.wait(), 2)

    async def test_by_reset(self) -> None:
        async def resetting(session: Session, _tag: str, _rest: str) -> None:
            raw = session.writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            session.writer.transport.abort()

        async with scripted(idle=resetting) as server, client_of(server) as client:
            with pytest.raises(ImapGone):
                await client.idle(10)

    async def test_a_slow_answer_is_none_while_bytes_come(self) -> None:
        async def slowly(session: Session, tag: str, _rest: str) -> None:
            await session.say("* 1 FETCH (UID 1 BODY[] {10}")
            for _ in range(10):
                session.writer.write(b"x")
                await asyncio.sleep(0.12)
            await session.say(")", f"{tag} OK done")

        async with scripted(fetch=slowly) as server, client_of(server) as client:
            lines = await client.fetch("1", "(UID BODY.PEEK[])")
            assert responses.bodies(lines) == {1: b"x" * 10}

    async def test_a_call_that_is_cancelled_closes_the_connection_and_leaves_nothing_behind(self) -> None:
        async with scripted(fetch=silent) as server, client_of(server) as client:
            before = asyncio.all_tasks()
            call = asyncio.create_task(client.fetch("1", "(UID)"))
            while not any("FETCH" in line for line in server.asked):
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(server.sessions[0].ended.wait(), 2)
            await asyncio.sleep(0)
            assert asyncio.all_tasks() <= before

    @pytest.mark.parametrize(
        "line",
        ["* 1 FETCH (UID 1 BODY[] {999999999999}", "XYZ1 OK somebody else's", "{tag} OK done\r\n{tag} OK twice"],
        ids=["too large to hold", "another tag", "answered twice"],
    )
    async def test_nonsense_ends_it(self, line: str) -> None:
        async with scripted(fetch=says(line)) as server, client_of(server) as client:
            with pytest.raises(ImapGone):
                await _fetch_and_go_on(client)


async def _fetch_and_go_on(client: ImapClient) -> None:
    await client.fetch("1", "(UID)")
    await client.noop()


class TestManyLines:
    async def test_five_thousand_in_one_answer(self) -> None:
        lines = [f"* {number} FETCH (UID {number} RFC822.SIZE 1)" for number in range(1, 5001)]
        async with scripted(fetch=says(*lines, "{tag} OK done")) as server, client_of(server) as client:
            began = time.monotonic()
            assert len(responses.facts(await client.fetch("1:*", "(UID RFC822.SIZE)"))) == 5000
            assert time.monotonic() - began < 5

    async def test_bodies_full_of_what_looks_like_answers(self) -> None:
        body = "(((( A1 OK done\r\n* 2 FETCH (UID 9 BODY[] {3}\r\n)))"
        size = len(body)
        answer = says(f"* 1 FETCH (UID 1 BODY[] {{{size}}}", f"{body})", "* 7 EXPUNGE", "{tag} OK done")
        async with scripted(fetch=answer) as server, client_of(server) as client:
            assert responses.bodies(await client.fetch("1", "(UID BODY.PEEK[])")) == {1: body.encode()}


class TestIdle:
    async def test_tells_of_news(self) -> None:
        async def telling(session: Session, tag: str, _rest: str) -> None:
            await session.say("+ idling", "* 2 EXISTS", "* 1 RECENT")
            assert await session.line() == "DONE"
            await session.say(f"{tag} OK done")

        async with scripted(idle=telling) as server, client_of(server) as client:
            assert await client.idle(10)
            await client.noop()

    async def test_need_not_begin_where_news_came_with_another_answer(self) -> None:
        """A server tells of a mail once: in IDLE it says nothing more of what it told during a FETCH."""
        fetch = says("* 3 EXISTS", "* 1 FETCH (UID 1 RFC822.SIZE 5)", "{tag} OK done")
        async with scripted(fetch=fetch, idle=idling) as server, client_of(server) as client:
            await client.search("ALL")
            await client.fetch("1", "(UID RFC822.SIZE)")
            assert await client.idle(10)
            await client.search("ALL")
            assert not await client.idle(0.1)

    async def test_begins_where_nothing_is_new_in_what_another_answer_told(self) -> None:
        store = says("* 2 EXPUNGE", "* 2 EXISTS", "{tag} OK done")
        search = says("* 3 EXISTS", "* SEARCH", "{tag} OK done")
        async with scripted(search=search, store=store, idle=idling) as server, client_of(server) as client:
            await client.search("ALL")
            await client.search("ALL")
            await client.add_flag("1", r"\Seen")
            assert not await client.idle(0.1)

    async def test_ends_by_itself_after_a_while(self) -> None:
        async with scripted(idle=idling) as server, client_of(server) as client:
            assert not await client.idle(0.1)
            assert not await client.idle(0.1)
            await client.noop()

    async def test_that_is_refused_is_told(self) -> None:
        async with scripted(idle=says("{tag} BAD no such thing")) as server, client_of(server) as client:
            with pytest.raises(ImapNo):
                await client.idle(10)
            await client.noop()

    @pytest.mark.parametrize("ending", [silent, closing], ids=["silence", "hanging up"])
    async def test_a_half_open_connection_shows_when_it_ends(self, ending) -> None:
        async def hanging(session: Session, tag: str, rest: str) -> None:
            await session.say("+ idling")
            assert await session.line() == "DONE"
            await ending(session, tag, rest)

        async with scripted(idle=hanging) as server, client_of(server) as client:
            with pytest.raises(ImapGone):
                await client.idle(0.1)

    async def test_that_never_begins_is_a_loss(self) -> None:
        async with scripted(idle=silent) as server, client_of(server) as client:
            with pytest.raises(ImapGone):
                await client.idle(10)

    async def test_a_flood_of_deletions_is_news(self) -> None:
        async def flooding(session: Session, tag: str, _rest: str) -> None:
            session.writer.write(b"+ idling\r\n" + b"* 1 EXPUNGE\r\n" * 3000)
            assert await session.line() == "DONE"
            await session.say(f"{tag} OK done")

        async with scripted(idle=flooding) as server, client_of(server) as client:
            assert await client.idle(10)
            await client.noop()
