"""Messages keep every word, and know where they are shown; alerts know their posts."""

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from bot.casework.filing_rows import BODY_BYTES, CUT_MARK, body_of
from storage import alerts, cases, messages
from storage.alerts import AlertPost
from storage.engine import Database
from storage.messages import Copy
from tests.storage.kit import NOON, a_case, after, keep, message_row, run, scalars


@pytest.fixture
async def desk(database: Database) -> Database:
    await database.write(lambda c: keep(c, a_case(1), a_case(2, "U2")))
    return database


async def insert(database: Database, *rows: dict) -> list[int]:
    return await database.write(lambda c: messages.insert_messages(c, rows))


async def load(database: Database, message_id: int) -> messages.Message:
    return await database.read(lambda c: messages.load_message(c, message_id))


class TestInsert:
    async def test_ids_come_in_the_order_of_the_rows_however_many(self, desk: Database) -> None:
        rows = [message_row(body=str(n), ts=f"{n}.1") for n in range(1_200)]
        ids = await insert(desk, *rows)
        bodies = dict(await run(desk, "SELECT id, body FROM messages"))
        assert [bodies[one] for one in ids] == [str(n) for n in range(1_200)]

    async def test_a_post_is_one_message(self, desk: Database) -> None:
        await insert(desk, message_row())
        with pytest.raises(sa.exc.IntegrityError):
            await insert(desk, message_row(case_id="CASE_002"))
        await insert(desk, message_row(channel=None, ts=None), message_row(channel=None, ts=None))

    async def test_it_comes_back_as_it_was(self, desk: Database) -> None:
        (one,) = await insert(
            desk, message_row(files=["a.png", "ä b.pdf"], body="שלום \U0001f469\u200d\U0001f4bb")
        )
        message = await load(desk, one)
        assert (message.files, message.body) == (("a.png", "ä b.pdf"), "שלום \U0001f469\u200d\U0001f4bb")
        assert message.timestamp == NOON
        assert await desk.read(lambda c: messages.find_message(c, "D1", "1.000100")) == message
        assert await desk.read(lambda c: messages.find_message(c, "D1", "9.9")) is None
        assert await desk.read(lambda c: messages.load_message(c, 99)) is None

    async def test_the_cases_of_many_posts_are_found_at_once(self, desk: Database) -> None:
        await insert(desk, message_row(ts="1.1"), message_row("CASE_002", ts="2.1"))
        posts = [("D1", "1.1"), ("D1", "2.1"), ("D2", "1.1")]
        found = await desk.read(lambda c: messages.cases_of_posts(c, posts))
        assert found == {("D1", "1.1"): "CASE_001", ("D1", "2.1"): "CASE_002"}
        assert await desk.read(lambda c: messages.cases_of_posts(c, [])) == {}


class TestWholeText:
    @pytest.mark.parametrize("text", ["\U0001f600" * 40_000, "x" * 40_000, "é\n" * 400_000, ""])
    async def test_it_is_kept_to_the_last_character(self, desk: Database, text: str) -> None:
        first, second = await insert(desk, message_row(ts="1.1"), message_row(ts="2.1", body="short"))
        await desk.write(lambda c: messages.attach_whole_texts(c, {first: text} if text else {}))
        message, other = await load(desk, first), await load(desk, second)
        assert await desk.read(lambda c: messages.whole_text(c, message)) == (text or "Hello")
        assert await desk.read(lambda c: messages.whole_text(c, other)) == "short"

    async def test_several_at_once_do_not_mix(self, desk: Database) -> None:
        ids = await insert(desk, *(message_row(ts=f"{n}.1") for n in range(20)))
        texts = {one: f"{n}" * 300_000 for n, one in enumerate(ids)}
        await desk.write(lambda c: messages.attach_whole_texts(c, texts))
        for one in (ids[0], ids[7], ids[-1]):
            message = await load(desk, one)
            assert await desk.read(lambda c, message=message: messages.whole_text(c, message)) == texts[one]

    @given(st.text(min_size=2_000, max_size=4_000), st.sampled_from(["", "a", "é", "\U0001f600"]))
    def test_a_body_is_cut_at_a_character_with_a_visible_mark(self, text: str, filler: str) -> None:
        body, whole = body_of(text + filler * 10_000)
        assert len(body.encode()) <= BODY_BYTES
        if whole is None:
            assert CUT_MARK not in body
        else:
            assert body.endswith(CUT_MARK)
            assert whole.startswith(body.removesuffix(CUT_MARK))

    async def test_an_edit_replaces_the_whole_text_too(self, desk: Database) -> None:
        (one,) = await insert(desk, message_row())
        await desk.write(lambda c: messages.attach_whole_texts(c, {one: "old" * 9_000}))
        assert await desk.write(lambda c: messages.edit_message(c, one, "cut", "new" * 9_000, after(1)))
        message = await load(desk, one)
        assert await desk.read(lambda c: messages.whole_text(c, message)) == "new" * 9_000
        assert await desk.write(lambda c: messages.edit_message(c, one, "short", None, after(2)))
        message = await load(desk, one)
        assert await desk.read(lambda c: messages.whole_text(c, message)) == "short"
        assert await scalars(desk, "SELECT count(*) FROM attachment_chunks") == [0]


class TestChanges:
    async def test_an_older_edit_and_one_after_the_deletion_change_nothing(self, desk: Database) -> None:
        (one,) = await insert(desk, message_row())
        edit = lambda body, seconds: desk.write(  # noqa: E731
            lambda c: messages.edit_message(c, one, body, None, after(seconds))
        )
        assert [await edit("second", 2), await edit("first", 1), await edit("same", 2)] == [True, False, False]
        await desk.write(lambda c: messages.delete_message(c, one, after(3)))
        assert await edit("fourth", 4) is False
        message = await load(desk, one)
        assert (message.body, message.edited_at, message.deleted_at) == ("second", after(2), after(3))

    async def test_when_a_customer_wrote_after_a_moment(self, desk: Database) -> None:
        rows = [message_row(ts=f"{n}.1", timestamp=after(n), is_admin=n == 3) for n in (4, 1, 3, 2)]
        await insert(desk, *rows, message_row("CASE_002", ts="9.1", timestamp=after(9)))
        assert await desk.read(lambda c: messages.customer_times_after(c, "CASE_001", after(1))) == (
            after(2),
            after(4),
        )
        assert (await desk.read(lambda c: messages.first_message(c, "CASE_001"))).timestamp == after(1)
        assert await desk.read(lambda c: messages.first_message(c, "CASE_009")) is None

    async def test_copies_are_known_once_and_in_order(self, desk: Database) -> None:
        (one,) = await insert(desk, message_row())
        for part, ts in ((2, "2.1"), (1, "1.1"), (1, "1.1")):
            await desk.write(lambda c, part=part, ts=ts: messages.add_copy(c, one, "CSUP", ts, part))
        assert await desk.read(lambda c: messages.copies_of(c, one)) == [
            Copy("CSUP", "1.1", 1),
            Copy("CSUP", "2.1", 2),
        ]

    async def test_how_an_answer_fared(self, desk: Database) -> None:
        (one,) = await insert(desk, message_row(is_admin=True, delivery="queued"))
        await desk.write(lambda c: messages.set_delivery(c, one, "failed", "channel_not_found"))
        message = await load(desk, one)
        assert (message.delivery, message.delivery_error) == ("failed", "channel_not_found")


class TestAlerts:
    @pytest.fixture
    async def listed(self, desk: Database) -> Database:
        rows = [
            {
                "alert_key": f"CASE_00{n}/1",
                "case_id": f"CASE_00{n}",
                "post_key": "list:1",
                "raised_at": NOON,
                "data": {},
            }
            for n in (2, 1)
        ]
        await desk.write(lambda c: alerts.add_alerts(c, rows))
        return desk

    async def test_one_post_may_show_many(self, listed: Database) -> None:
        shown = await listed.read(lambda c: alerts.alerts_on(c, "list:1"))
        assert [alert.case_id for alert in shown] == ["CASE_001", "CASE_002"]
        keys = ["CASE_001/1", "CASE_001/2"]
        assert await listed.read(lambda c: alerts.post_keys(c, keys)) == {"CASE_001/1": "list:1"}
        assert await listed.read(lambda c: alerts.post_keys(c, [])) == {}

    async def test_the_first_acknowledgement_stays(self, listed: Database) -> None:
        await listed.write(lambda c: alerts.set_post(c, "list:1", "CALERT", "5.1"))
        for seconds, who in ((1, "Ada"), (2, "Grace")):
            await listed.write(
                lambda c, seconds=seconds, who=who: alerts.acknowledge_post(c, "list:1", after(seconds), who)
            )
        post = await listed.read(lambda c: alerts.find_post(c, "list:1"))
        assert post == AlertPost("list:1", "CALERT", "5.1", after(1), "Ada")
        assert await listed.read(lambda c: alerts.find_post(c, "none")) is None

    async def test_no_alerts_no_statement(self, desk: Database) -> None:
        await desk.write(lambda c: alerts.add_alerts(c, []))
        assert cases.case_id_of(1) == alerts.alert_key("CASE_001", 1).partition("/")[0]
