"""The IMAP server as aioimaplib and imaplib see it."""

import asyncio
import base64
import imaplib
from datetime import UTC, datetime

import pytest
from aioimaplib import aioimaplib

from bot.sandbox.mail.server import DESK, MailServer
from tests.sandbox.mail.clients import idle_client, letter, uids, with_imaplib

TUESDAY = datetime(2026, 2, 3, 10, 30, tzinfo=UTC)


class TestLoggingIn:
    async def test_a_wrong_password_is_refused(self, mail: MailServer) -> None:
        client = aioimaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=5)
        await client.wait_hello_from_server()
        assert (await client.login(DESK, "guess")).result == "NO"
        mail.refuse_logins()
        assert (await client.login(DESK, mail.accounts.password)).result == "NO"
        mail.refuse_logins(False)
        assert (await client.login(DESK, mail.accounts.password)).result == "OK"
        await client.logout()

    async def test_a_token_opens_the_mailbox(self, mail: MailServer) -> None:
        client = aioimaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=5)
        await client.wait_hello_from_server()
        assert (await client.xoauth2(DESK, mail.accounts.access_token)).result == "OK"
        await client.logout()

    async def test_a_wrong_token_is_questioned_before_it_is_refused(self, mail: MailServer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", mail.imap.port)
        await reader.readline()
        response = base64.b64encode(f"user={DESK}\1auth=Bearer old\1\1".encode())
        writer.write(b"a AUTHENTICATE XOAUTH2 " + response + b"\r\n")
        assert (await reader.readline()).startswith(b"+ ey")
        writer.write(b"\r\n")
        assert (await reader.readline()).startswith(b"a NO [AUTHENTICATIONFAILED]")
        writer.close()

    async def test_plain_and_literals_work_too(self, mail: MailServer) -> None:
        def use() -> str:
            with imaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=5) as client:
                secret = f"\0{DESK}\0{mail.accounts.password}".encode()
                client.authenticate("PLAIN", lambda _: secret)
                client.literal = mail.accounts.password.encode()
                return client.select()[0]

        assert await asyncio.to_thread(use) == "OK"


class TestReading:
    async def test_select_tells_what_is_there(self, mail: MailServer) -> None:
        mail.deliver(letter())
        async with idle_client(mail) as client:
            lines = (await client.select("INBOX")).lines
        assert b"1 EXISTS" in lines
        assert any(b"[UIDVALIDITY 1700000000]" in line for line in lines)
        assert any(b"[UIDNEXT 2]" in line for line in lines)

    async def test_a_mail_comes_byte_for_byte(self, mail: MailServer) -> None:
        raws = [letter(str(number), "(brackets) {4}\r\n)\r\n" * number) for number in range(30)]
        raws += [b"\xff\x00 no header at all", b"", b"Subject: \xc3\xa4\r\n\r\n\xe4"]
        for raw in raws:
            mail.deliver(raw)
        async with idle_client(mail) as client:
            answer = await client.uid("fetch", "1:*", "(UID RFC822.SIZE BODY.PEEK[])")
        assert answer.result == "OK"
        literals = [bytes(line) for line in answer.lines if isinstance(line, bytearray)]
        assert literals == raws
        told, fetched = await with_imaplib(mail, lambda client: client.uid("FETCH", "1:*", "(BODY.PEEK[])"))
        assert told == "OK"
        assert [part[1] for part in fetched if isinstance(part, tuple)] == raws
        assert not any(one.flags for one in mail.mailbox(DESK).inbox)

    async def test_sections_and_parts_of_them(self, mail: MailServer) -> None:
        raw = letter("Hello", "0123456789", Message_ID="<1@x>")
        mail.deliver(raw)
        head, _, body = raw.partition(b"\r\n\r\n")

        def use(client: imaplib.IMAP4) -> list[bytes]:
            items = (
                "BODY.PEEK[HEADER]",
                "BODY.PEEK[TEXT]",
                "BODY.PEEK[TEXT]<2.3>",
                "BODY.PEEK[]<0.4>",
                "BODY.PEEK[]<999999.4>",
                "BODY.PEEK[HEADER.FIELDS (Subject Message-ID)]",
                "RFC822.HEADER",
            )
            return [client.uid("FETCH", "1", f"({item})")[1][0][1] for item in items]

        assert await with_imaplib(mail, use) == [
            head + b"\r\n\r\n",
            body,
            b"234",
            b"From",
            b"",
            b"Subject: Hello\r\nMessage-ID: <1@x>\r\n\r\n",
            head + b"\r\n\r\n",
        ]

    async def test_facts(self, mail: MailServer) -> None:
        mail.deliver(letter(), internaldate=TUESDAY, flags=["\\Flagged"])
        _, fetched = await with_imaplib(
            mail, lambda client: client.uid("FETCH", "1", "(FLAGS INTERNALDATE RFC822.SIZE)")
        )
        assert fetched == [
            b'1 (UID 1 FLAGS (\\Flagged) INTERNALDATE " 3-Feb-2026 10:30:00 +0000" RFC822.SIZE %d)' % len(letter())
        ]

    async def test_reading_the_body_without_peek_marks_it_seen_but_not_where_it_was_examined(
        self, mail: MailServer
    ) -> None:
        one = mail.deliver(letter())

        def examine(client: imaplib.IMAP4) -> None:
            client.select("INBOX", readonly=True)
            client.uid("FETCH", "1", "(BODY[])")

        await with_imaplib(mail, examine)
        assert one.flags == set()
        await with_imaplib(mail, lambda client: client.uid("FETCH", "1", "(BODY[TEXT])"))
        assert one.flags == {"\\Seen"}


class TestSearching:
    @pytest.mark.parametrize(
        ("keys", "found"),
        [
            (("ALL",), [1, 2, 9]),
            (("UNSEEN",), [1, 9]),
            (("SEEN",), [2]),
            (("UID", "2:*"), [2, 9]),
            (("UID", "40:*"), [9]),
            (("UID", "3:8"), []),
            (("1:2",), [1, 2]),
            (("SINCE", "3-Feb-2026"), [2, 9]),
            (("SINCE", "03-Feb-2026", "UNSEEN"), [9]),
            (("BEFORE", "3-Feb-2026"), [1]),
            (("ON", "3-Feb-2026"), [2]),
            (("HEADER", "Message-ID", '"<2@x>"'), [2]),
            (("HEADER", "Message-ID", '""'), [1, 2, 9]),
            (("FROM", "dana"), [1, 2, 9]),
            (("NOT", "SUBJECT", "Third"), [1, 2]),
            (("OR", "UID", "1", "(UID 2:9 UNSEEN)"), [1, 9]),
            (("KEYWORD", "CaseWire"), [9]),
            (("LARGER", "1000"), []),
        ],
    )
    async def test_what_fits_is_found(self, mail: MailServer, keys: tuple[str, ...], found: list[int]) -> None:
        folder = mail.mailbox(DESK).folder("INBOX")
        monday, wednesday = TUESDAY.replace(day=2), TUESDAY.replace(day=4)
        mail.deliver(letter("First", Message_ID="<1@x>"), internaldate=monday)
        mail.deliver(letter("Second", Message_ID="<2@x>"), internaldate=TUESDAY, flags=["\\Seen"])
        folder.skip_uids(6)
        mail.deliver(letter("Third", Message_ID="<9@x>"), internaldate=wednesday, flags=["CaseWire"])
        async with idle_client(mail) as client:
            answer = await client.uid_search(*keys, charset=None)
        assert answer.result == "OK"
        assert uids(answer) == found

    async def test_a_search_finds_what_came_since(self, mail: MailServer) -> None:
        async with idle_client(mail) as client:
            assert uids(await client.uid_search("ALL", charset=None)) == []
            mail.deliver(letter())
            assert uids(await client.uid_search("ALL", charset="utf-8")) == [1]

    async def test_nonsense_is_bad_and_the_connection_goes_on(self, mail: MailServer) -> None:
        async with idle_client(mail) as client:
            for keys in (("WOBBLE",), ("UID",), ("UID", "x"), ("SINCE", "yesterday"), ("(ALL",)):
                assert (await client.uid_search(*keys, charset=None)).result == "BAD"
            assert (await client.uid_search("ALL", charset="utf-7")).result == "NO"
            assert (await client.noop()).result == "OK"


class TestChanging:
    async def test_flags_are_set_and_taken_away(self, mail: MailServer) -> None:
        one, two = mail.deliver(letter()), mail.deliver(letter())
        async with idle_client(mail) as client:
            assert (await client.uid("store", "1:2", "+FLAGS", "(\\Seen)")).result == "OK"
            assert (await client.uid("store", "2", "-FLAGS.SILENT", "(\\Seen)")).result == "OK"
        assert (one.flags, two.flags) == ({"\\Seen"}, set())

    async def test_a_mail_is_moved_to_a_folder_that_exists(self, mail: MailServer) -> None:
        mail.deliver(letter("Stays"))
        moved = mail.deliver(letter("Goes"))
        async with idle_client(mail) as client:
            assert (await client.uid("move", "2", "Done")).result == "NO"
            assert (await client.create("Done")).result == "OK"
            assert (await client.uid("move", "2", "Done")).result == "OK"
            assert (await client.uid("move", "7", "Done")).result == "OK"
            assert uids(await client.uid_search("ALL", charset=None)) == [1]
        assert mail.mailbox(DESK).folder("Done").mails == [moved]

    async def test_what_is_deleted_and_expunged_is_gone(self, mail: MailServer) -> None:
        for _ in range(3):
            mail.deliver(letter())

        def use(client: imaplib.IMAP4) -> list[bytes]:
            client.uid("STORE", "1,3", "+FLAGS", "(\\Deleted)")
            client.expunge()
            return client.uid("SEARCH", "ALL")[1]

        assert await with_imaplib(mail, use) == [b"2"]

    async def test_an_appended_mail_lies_there(self, mail: MailServer) -> None:
        raw = letter("Appended", "{3}\r\nyes")

        def use(client: imaplib.IMAP4) -> tuple[str, list[bytes]]:
            return client.append("INBOX", "(\\Seen)", '"03-Feb-2026 11:30:00 +0100"', raw)

        told, lines = await with_imaplib(mail, use)
        (appended,) = mail.mailbox(DESK).inbox
        assert (told, appended.raw, appended.flags) == ("OK", raw, {"\\Seen"})
        assert appended.internaldate == TUESDAY
        assert b"APPENDUID 1700000000 1" in lines[0]

    async def test_folders_are_listed_with_their_state(self, mail: MailServer) -> None:
        mail.mailbox(DESK).folder("Old stuff")
        mail.deliver(letter())

        def use(client: imaplib.IMAP4) -> tuple[list[bytes], list[bytes]]:
            return client.list()[1], client.status("INBOX", "(MESSAGES UIDNEXT UNSEEN)")[1]

        listed, told = await with_imaplib(mail, use)
        assert listed == [b'(\\HasNoChildren) "/" "INBOX"', b'(\\HasNoChildren) "/" "Old stuff"']
        assert told == [b'"INBOX" (MESSAGES 1 UIDNEXT 2 UNSEEN 1)']


class TestIdle:
    async def test_new_mail_is_pushed(self, mail: MailServer) -> None:
        async with idle_client(mail) as client:
            idle = await client.idle_start(timeout=5)
            mail.deliver(letter())
            assert await client.wait_server_push(timeout=5) == [b"1 EXISTS", b"0 RECENT"]
            mail.deliver(letter())
            assert b"2 EXISTS" in await client.wait_server_push(timeout=5)
            client.idle_done()
            assert (await idle).result == "OK"
            assert uids(await client.uid_search("ALL", charset=None)) == [1, 2]

    async def test_what_another_client_deletes_and_marks_is_pushed(self, mail: MailServer) -> None:
        folder = mail.mailbox(DESK).folder("INBOX")
        mails = [mail.deliver(letter()) for _ in range(4)]
        async with idle_client(mail) as client:
            idle = await client.idle_start(timeout=5)
            folder.expunge({1, 3})
            assert await client.wait_server_push(timeout=5) == [b"3 EXPUNGE", b"1 EXPUNGE"]
            folder.flag(mails[3], {"\\Seen"})
            assert await client.wait_server_push(timeout=5) == [b"2 FETCH (UID 4 FLAGS (\\Seen))"]
            client.idle_done()
            await idle

    async def test_without_the_capability_it_is_not_understood(self, mail: MailServer) -> None:
        mail.imap.capabilities.discard("IDLE")
        async with idle_client(mail) as client:
            assert "IDLE" not in client.protocol.capabilities
            mail.deliver(letter())
            assert (await client.noop()).lines[0] == b"1 EXISTS"

    async def test_pushes_can_be_withheld(self, mail: MailServer) -> None:
        """A push is only a hint; a server that never gives it is one of the cases to live with."""
        mail.faults.pushes_withheld = True
        async with idle_client(mail) as client:
            idle = await client.idle_start(timeout=5)
            mail.deliver(letter())
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.wait_server_push(timeout=5), 0.1)
            client.idle_done()
            assert (await idle).result == "OK"
            assert uids(await client.uid_search("ALL", charset=None)) == [1]


class TestGoingWrong:
    async def test_a_changed_uidvalidity_drops_who_reads_and_numbers_anew(self, mail: MailServer) -> None:
        folder = mail.mailbox(DESK).folder("INBOX")
        folder.skip_uids(4)
        mail.deliver(letter())
        lost = asyncio.Event()
        client = aioimaplib.IMAP4("127.0.0.1", mail.imap.port, timeout=5, conn_lost_cb=lambda _: lost.set())
        await client.wait_hello_from_server()
        await client.login(DESK, mail.accounts.password)
        await client.select("INBOX")
        await mail.renumber()
        await asyncio.wait_for(lost.wait(), 5)
        async with idle_client(mail) as again:
            assert any(b"UIDVALIDITY 1700000001" in line for line in (await again.select("INBOX")).lines)
            assert uids(await again.uid_search("ALL", charset=None)) == [1]

    async def test_away_cuts_and_refuses_and_back_is_on_the_same_port(self, mail: MailServer) -> None:
        async with idle_client(mail) as client:
            await mail.away()
            assert mail.is_away
            assert mail.imap.sessions == {}
            with pytest.raises(OSError, match="Connect call failed"):
                await asyncio.open_connection("127.0.0.1", client.port)
            await mail.back()
            mail.deliver(letter())
        async with idle_client(mail) as client:
            assert uids(await client.uid_search("ALL", charset=None)) == [1]

    async def test_stalled_nothing_passes_until_it_does_again(self, mail: MailServer) -> None:
        async with idle_client(mail) as client:
            mail.stall()
            asking = asyncio.ensure_future(client.noop())
            done, _ = await asyncio.wait([asking], timeout=0.1)
            assert not done
            mail.stall(False)
            assert (await asking).result == "OK"

    @pytest.mark.parametrize(("kind", "result"), [("no", "NO"), ("bad", "BAD")])
    async def test_a_command_is_refused_as_often_as_it_is_wished(
        self, mail: MailServer, kind: str, result: str
    ) -> None:
        mail.faults.add("imap", "FETCH", kind, times=2)
        mail.deliver(letter())
        async with idle_client(mail) as client:
            results = [(await client.uid("fetch", "1", "(FLAGS)")).result for _ in range(3)]
        assert results == [result, result, "OK"]

    @pytest.mark.parametrize(("kind", "flags"), [("drop", set()), ("lost_answer", {"\\Seen"}), ("bye", set())])
    async def test_a_connection_is_cut_before_or_after_the_effect(
        self, mail: MailServer, kind: str, flags: set[str]
    ) -> None:
        mail.faults.add("imap", "STORE", kind)
        one = mail.deliver(letter())

        def use(client: imaplib.IMAP4) -> None:
            client.uid("STORE", "1", "+FLAGS", "(\\Seen)")

        with pytest.raises((imaplib.IMAP4.abort, OSError)):
            await with_imaplib(mail, use)
        assert one.flags == flags

    async def test_a_fault_that_is_none_is_refused(self, mail: MailServer) -> None:
        with pytest.raises(ValueError, match="unknown fault kind"):
            mail.faults.add("imap", "FETCH", "451 later")

    async def test_three_thousand_are_expunged_at_once(self, mail: MailServer) -> None:
        for _ in range(3000):
            mail.deliver(b"Subject: x\r\n\r\nx")
        reader, writer = await asyncio.open_connection("127.0.0.1", mail.imap.port)
        writer.write(f"a LOGIN {DESK} {mail.accounts.password}\r\nb SELECT INBOX\r\nc IDLE\r\n".encode())
        await reader.readuntil(b"+ idling\r\n")
        mail.mailbox(DESK).folder("INBOX").expunge(set(range(1, 3001)))
        pushed = await reader.readuntil(b"* 1 EXPUNGE\r\n")
        assert pushed.count(b"EXPUNGE") == 3000
        writer.close()
