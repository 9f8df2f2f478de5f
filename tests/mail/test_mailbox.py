"""A mailbox on a real server: where reading begins, what it meets on the way, and what is told of it."""

import ssl
from datetime import UTC, datetime, timedelta

import pytest

from bot.mail.settings import After, Backfill, Password, Security
from storage.engine import Database, open_database
from tests.support.dovecot import PASSWORD, USER, Dovecot, mail
from tests.support.reading import again, mailbox_settings, message_ids, name, read_by_now, reading, rows

YESTERDAY = datetime.now(UTC) - timedelta(days=1)


class TestTheFirstStart:
    async def test_new_mail_is_read_from_now_on(self, database: Database, dovecot: Dovecot) -> None:
        dovecot.deliver(mail(1), YESTERDAY, seen=True)
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            dovecot.deliver(mail(2))
            assert await read_by_now(database, 1) == [name(2)]
            assert running.woken

    async def test_a_few_unseen_ones_are_read_and_marked_as_older(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        for number in range(20):
            dovecot.deliver(mail(number), YESTERDAY + timedelta(minutes=number))
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            dovecot.deliver(mail(20))
            assert await read_by_now(database, 21) == [name(number) for number in range(21)]
            flags = await rows(database, "SELECT message_id, is_backfilled FROM mails ORDER BY id")
            assert [bool(row["is_backfilled"]) for row in flags] == [True] * 20 + [False]
            assert running.warnings == []

    async def test_of_many_unseen_ones_none_is_read_and_the_operator_is_told_to_choose(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        for number in range(21):
            dovecot.deliver(mail(number), YESTERDAY)
        async with reading(database, mailbox_settings(dovecot.port), timing=again(compare=0.1)) as running:
            await running.flows()
            dovecot.deliver(mail(99))
            assert await read_by_now(database, 1) == [name(99)]
            looks = running.mailbox.status.counts.looks
            await running.until(lambda: running.mailbox.status.counts.looks > looks + 3)
            assert await message_ids(database) == [name(99)]
            assert len(running.warnings) == 1
            assert "21 unread mails" in running.warnings[0]
            assert "EMAIL_BACKFILL" in running.warnings[0]
        chosen = mailbox_settings(dovecot.port, backfill=Backfill.ALL)
        async with reading(database, chosen) as running:
            assert len(set(await read_by_now(database, 22))) == 22
            await running.flows()

    @pytest.mark.parametrize(
        ("wish", "expected"),
        [
            (Backfill.NONE, []),
            (Backfill.UNSEEN, [2]),
            (Backfill.ALL, [0, 1, 2]),
            (timedelta(days=5), [1, 2]),
        ],
        ids=["none", "unseen", "all", "five days"],
    )
    async def test_older_mail_is_read_as_chosen_and_once(
        self, database: Database, dovecot: Dovecot, wish: Backfill | timedelta, expected: list[int]
    ) -> None:
        dovecot.deliver(mail(0), YESTERDAY - timedelta(days=30), seen=True)
        dovecot.deliver(mail(1), YESTERDAY, seen=True)
        dovecot.deliver(mail(2), YESTERDAY + timedelta(minutes=1))
        for _ in range(2):
            async with reading(database, mailbox_settings(dovecot.port, backfill=wish)) as running:
                await running.flows()
                assert await message_ids(database) == [name(number) for number in expected]


class TestReading:
    async def test_lanes_follow_the_sender_and_an_unclear_one_has_a_lane_of_its_own(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            dovecot.deliver(mail(1, "Dana@Customer.EXAMPLE"))
            dovecot.deliver(mail(2, "a@b.example>, <c@d.example"))
            await read_by_now(database, 2)
        lanes = {row["lane"] for row in await rows(database, "SELECT lane FROM inbox")}
        prints = await rows(database, "SELECT fingerprint FROM mails ORDER BY id")
        assert lanes == {"customer:dana@customer.example", f"mail:{prints[1]['fingerprint']}"}

    async def test_the_raw_mail_is_kept_to_the_byte_with_the_servers_time(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        raw = mail(1, body='Grüße, (( \\ "quoted" {12}\r\nA1 OK done\r\n) FETCH (\r\n')
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            dovecot.deliver(raw)
            await read_by_now(database, 1)
        [row] = await rows(database, "SELECT raw, size, is_cut FROM mails")
        assert bytes(row["raw"]) == raw
        assert (row["size"], bool(row["is_cut"])) == (len(raw), False)

    async def test_the_same_mail_twice_is_one_and_a_reused_message_id_is_two(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            dovecot.deliver(mail(1, extra=["Delivered-To: support@desk.example"]))
            dovecot.deliver(b"Received: from elsewhere\r\n" + mail(1))
            dovecot.deliver(mail(1, body="Something else."))
            dovecot.deliver(mail(2))
            assert await read_by_now(database, 3) == [name(1), name(1), name(2)]
            assert running.mailbox.status.counts.duplicates == 1
        places = await rows(database, "SELECT count(*) AS n FROM mail_uids WHERE mail_id IS NOT NULL")
        assert places == [{"n": 4}]

    async def test_of_a_mail_over_the_limit_the_headers_and_the_first_text_are_kept(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        settings = mailbox_settings(dovecot.port, max_bytes=100_000)
        async with reading(database, settings) as running:
            await running.flows()
            dovecot.deliver(mail(1, body="x" * 200_000))
            dovecot.deliver(mail(2))
            assert await read_by_now(database, 2) == [name(1), name(2)]
        cut, whole = await rows(database, "SELECT raw, size, is_cut FROM mails ORDER BY id")
        assert (bool(cut["is_cut"]), bool(whole["is_cut"])) == (True, False)
        head, _, text = bytes(cut["raw"]).partition(b"\r\n\r\n")
        assert head.startswith(b"Message-ID: <mail-1@")
        assert text == b"x" * 65536
        assert cut["size"] > 200_000

    @pytest.mark.parametrize("after", [After(seen=True), After(folder="Erledigt & größer")], ids=["seen", "move"])
    async def test_what_is_kept_is_marked_or_moved(
        self, database: Database, dovecot: Dovecot, after: After
    ) -> None:
        if after.folder:
            await dovecot.doveadm("mailbox", "create", "-u", USER, after.folder)
        async with reading(database, mailbox_settings(dovecot.port, after=after)) as running:
            await running.flows()
            dovecot.deliver(mail(1))
            await read_by_now(database, 1)
            if after.seen:
                await running.until(lambda: [path.name[-1] for path in dovecot.files()] == ["S"])
            else:
                await running.until(lambda: dovecot.files() == [])
                found = await dovecot.doveadm("search", "-u", USER, "mailbox", after.folder, "all")
                assert len(found.splitlines()) == 1
            assert running.warnings == []

    async def test_a_folder_that_is_not_there_to_move_to_is_told_once_and_mail_is_read(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        async with reading(database, mailbox_settings(dovecot.port, after=After(folder="Nowhere"))) as running:
            await running.flows()
            dovecot.deliver(mail(1))
            await read_by_now(database, 1)
            dovecot.deliver(mail(2))
            assert await read_by_now(database, 2) == [name(1), name(2)]
            assert len(dovecot.files()) == 2
            await running.until(lambda: len(running.warnings) == 1)
            assert "IMAP_AFTER=move:Nowhere" in running.warnings[0]

    async def test_nothing_is_marked_or_moved_unless_asked_for(self, database: Database, dovecot: Dovecot) -> None:
        async with reading(database, mailbox_settings(dovecot.port)) as running:
            await running.flows()
            dovecot.deliver(mail(1))
            await read_by_now(database, 1)
        assert [path.name.partition(":2,")[2] for path in dovecot.files()] == [""]

    async def test_a_folder_with_another_name_is_read(self, database: Database, dovecot: Dovecot) -> None:
        await dovecot.doveadm("mailbox", "create", "-u", USER, "Täglich")
        async with reading(database, mailbox_settings(dovecot.port, folder="Täglich")) as running:
            await running.flows()
            dovecot.deliver(mail(1), folder="T&AOQ-glich")
            assert await read_by_now(database, 1) == [name(1)]

    @pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
    async def test_over_an_encrypted_connection(
        self, database: Database, dovecot: Dovecot, security: Security
    ) -> None:
        port = dovecot.tls_port if security is Security.TLS else dovecot.port
        trusting = ssl.create_default_context(cafile=str(dovecot.certificate))
        async with reading(database, mailbox_settings(port, security=security), tls=trusting) as running:
            await running.flows()
            dovecot.deliver(mail(1))
            assert await read_by_now(database, 1) == [name(1)]

    @pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
    async def test_a_certificate_that_nobody_vouches_for_is_refused(
        self, database: Database, dovecot: Dovecot, security: Security
    ) -> None:
        port = dovecot.tls_port if security is Security.TLS else dovecot.port
        settings = mailbox_settings(port, security=security, down_alert=0.5)
        async with reading(database, settings) as running:
            await running.until(lambda: running.troubles)
            assert "the certificate of 127.0.0.1 is not trusted" in running.troubles[0]
            assert running.mailbox.status.counts.connections == 0


class TestWhatIsTold:
    @pytest.mark.slow
    async def test_a_refused_login_is_told_at_once_and_the_secret_is_read_anew(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        wrong = mailbox_settings(dovecot.port, login=Password(USER, "wrong"))
        given = [wrong]
        async with reading(database, wrong, read_settings=lambda: given[-1]) as running:
            await running.until(lambda: running.mailbox.status.counts.refusals >= 2)
            assert len(running.troubles) == 1
            assert "refuses the login of bot" in running.troubles[0]
            assert running.mailbox.status.word == "disconnected"
            given.append(mailbox_settings(dovecot.port, login=Password(USER, PASSWORD)))
            await running.until(lambda: running.well)
            assert running.mailbox.status.word == "connected"

    async def test_that_no_mail_flows_is_told_after_a_while_and_that_it_flows_again(
        self, database: Database, dovecot: Dovecot
    ) -> None:
        async with reading(database, mailbox_settings(dovecot.port, down_alert=1.0)) as running:
            await running.flows()
            await dovecot.kill()
            await running.until(lambda: running.mailbox.status.word == "disconnected")
            assert running.troubles == []
            await running.until(lambda: running.troubles)
            assert "no email has been read from support@desk.example since" in running.troubles[0]
            assert running.mailbox.status.word == "disconnected"
            dovecot.deliver(mail(1))
            await dovecot.start()
            await running.until(lambda: running.well)
            assert await read_by_now(database, 1) == [name(1)]
            assert len(running.troubles) == 1


class TestSeveralProcesses:
    async def test_one_reads_and_another_takes_over_from_one_that_died(
        self, database_url: str, database: Database, dovecot: Dovecot
    ) -> None:
        other_database = open_database(database_url)
        settings = mailbox_settings(dovecot.port)
        try:
            async with reading(other_database, settings, owner="two") as two:
                async with reading(database, settings, owner="one") as one:
                    both = (one, two)
                    await one.until(lambda: any(each.mailbox.status.flows for each in both))
                    reader, idle = both if one.mailbox.status.is_reader else both[::-1]
                    dovecot.deliver(mail(1))
                    assert await read_by_now(database, 1) == [name(1)]
                    assert idle.mailbox.status.word == "standby"
                    assert reader.mailbox.status.counts.mails == 1
                await two.until(lambda: two.mailbox.status.flows)
                dovecot.deliver(mail(2))
                assert await read_by_now(database, 2) == [name(1), name(2)]
        finally:
            await other_database.close()
