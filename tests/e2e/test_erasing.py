"""Who was erased is gone from every table, and does not come back; what they write afterwards is welcome."""

import pytest

from bot.sandbox.people import ADA, DANA, LOG, OMAR, SUPPORT
from storage.engine import open_database
from tests.support.desk import Desk
from tests.support.keeping import command, where_found
from tests.support.mail_desk import DANA as DANA_BY_MAIL
from tests.support.mail_desk import running_mail_desk
from tests.support.posts import words
from tests.support.stream import settled

INVOICE = {"name": "invoice.txt", "content": b"what I paid"}
WORDS = ("hello, my order", "second words", "reworded", "thread note", "here is your answer", "invoice.txt")


async def left(url: str, *needles: str) -> dict[str, list[str]]:
    database = open_database(url)
    try:
        return await database.read(lambda connection: where_found(connection, *needles))
    finally:
        await database.close()


class TestInSlack:
    @pytest.mark.parametrize("delete", [True, False])
    async def test_nothing_is_left_and_no_replay_brings_it_back(
        self, desk: Desk, delete: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        url = desk.settings.database_url
        monkeypatch.setenv("DATABASE_URL", url)
        other = await desk.opened(OMAR, "Somebody else's words")
        card = await desk.opened(DANA, "Hello, my order is urgent")
        dm = desk.slack.dm_channel(DANA)
        second = await desk.write("second words")
        await desk.slack.edit(DANA, dm, second, "reworded words")
        await desk.slack.dm(DANA, "with a file", files=[INVOICE])
        await desk.slack.post(ADA, SUPPORT, "// a thread note", thread_ts=card["ts"])
        await desk.answer(card, "here is your answer")
        await desk.until(lambda: any("reworded" in words(post) for post in desk.thread(card)))
        await settled(desk)
        await desk.stop()
        before = await desk.rows("SELECT (SELECT count(*) FROM messages) AS m, (SELECT count(*) FROM inbox) AS i")

        erased = await command("erase", DANA.lower(), "--yes", *(["--delete-posts"] if delete else []))
        assert erased.exit_code == 0, erased.output
        assert f"{DANA}: 1 case (CASE_002)." in erased.output
        assert f"direct message {dm}" in erased.output
        assert f"thread {card['ts']} in {SUPPORT}" in erased.output
        assert ("the bot deletes them" in erased.output) is delete
        in_wishes = (dm,) if not delete else ()  # what is to be deleted is named until it is
        assert await left(url, DANA, "Dana Lee", *WORDS, *in_wishes) == {}
        assert await left(url, "Somebody else's words") != {}
        after = await desk.rows("SELECT (SELECT count(*) FROM messages) AS m, (SELECT count(*) FROM inbox) AS i")
        assert after == before

        await desk.start()
        await desk.slack.dm(OMAR, "And the bot is awake")
        await desk.until(lambda: any("awake" in words(post) for post in desk.mirrors(other)))
        await settled(desk)
        if delete:
            await desk.until(
                lambda: desk.inbox_of(DANA) == [] and [one["ts"] for one in desk.cards()] == [other["ts"]]
            )
        assert not any("Recovered" in words(post) for post in desk.slack.messages(LOG))
        assert [row["case_id"] for row in await desk.rows("SELECT case_id FROM cases ORDER BY number")] == [
            "CASE_001",
            "CASE_002",
        ]

        # An old message reworded now is no new one.
        await desk.slack.edit(DANA, dm, second, "reworded once more")
        await desk.slack.dm(DANA, "I am back with a new question")
        await desk.until(
            lambda: any("new question" in words(post) for one in desk.cards() for post in desk.mirrors(one))
        )
        await settled(desk)
        rows = await desk.rows("SELECT case_id, status, message_count FROM cases ORDER BY number")
        assert [(row["case_id"], row["status"]) for row in rows] == [
            ("CASE_001", "open"),
            ("CASE_002", "closed"),
            ("CASE_003", "open"),
        ]
        assert await left(url, *WORDS) == {}


@pytest.mark.slow  # the storage's own tests try the same without a mailbox
class TestByMail:
    async def test_neither_backfill_nor_redelivery_brings_it_back(
        self, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", database_url)
        async with running_mail_desk(database_url, email_backfill="all") as desk:
            desk.mail.write(DANA_BY_MAIL, "A broken lamp", "The lamp arrived broken.")
            await desk.mirrored("arrived broken")
            card = desk.cards()[-1]
            await desk.answer(card, "A new lamp is on its way", user=ADA)
            await desk.settled()
            await desk.stop()
            erased = await command("erase", DANA_BY_MAIL.upper(), "--yes")
            assert erased.exit_code == 0, erased.output
            assert "1 mail, and sent answers" in erased.output
            assert await left(database_url, DANA_BY_MAIL, "lamp") == {}

            lying = desk.inbox(desk.address)[0]
            desk.mail.deliver(lying.raw, to=desk.address)
            await desk.start()
            desk.mail.write(DANA_BY_MAIL, "Another thing", "A new question.")
            await desk.mirrored("A new question")
            await desk.decided(2)  # and no third
            assert await left(database_url, "lamp") == {}
            rows = await desk.rows("SELECT case_id FROM cases ORDER BY number")
            assert [row["case_id"] for row in rows] == ["CASE_001", "CASE_002"]
