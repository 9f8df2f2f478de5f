"""Files of messages: what is known of them, their chunks, and their copies in Slack."""

import pytest

from bot.desk.model import File, FileTrouble
from storage import attachments, messages
from storage.engine import Database
from storage.messages import CHUNK_BYTES
from tests.storage.kit import NOON, a_case, after, keep, message_row, scalars

FILM = File("F1", "film.mp4", "video/mp4", 600_000, "https://files.slack.com/film")
GONE = File("F2", "gone.txt", trouble=FileTrouble.DELETED)


@pytest.fixture
async def message(database: Database) -> int:
    await database.write(lambda c: keep(c, a_case(1)))
    return (await database.write(lambda c: messages.insert_messages(c, [message_row()])))[0]


@pytest.fixture
async def film(database: Database, message: int) -> int:
    return (await database.write(lambda c: attachments.add_files(c, {message: [FILM]})))[message][0]


async def fetch(database: Database, film: int, data: bytes) -> bool:
    await database.write(lambda c: attachments.clear_chunks(c, film))
    for number, start in enumerate(range(0, len(data), CHUNK_BYTES)):
        part = data[start : start + CHUNK_BYTES]
        await database.write(lambda c, n=number, part=part: attachments.add_chunk(c, film, n, part))
    return await database.write(lambda c: attachments.keep(c, film, len(data), NOON))


class TestFiles:
    async def test_are_kept_in_the_order_they_came_in(self, database: Database, message: int) -> None:
        ids = await database.write(lambda c: attachments.add_files(c, {message: [FILM, GONE]}))
        found = await database.read(lambda c: attachments.files_of(c, message))
        assert [one.id for one in found] == ids[message]
        assert [(one.name, one.size, one.source_id, one.trouble) for one in found] == [
            ("film.mp4", 600_000, "F1", None),
            ("gone.txt", 0, "F2", FileTrouble.DELETED),
        ]
        assert await database.write(lambda c: attachments.add_files(c, {})) == {}

    async def test_are_not_taken_for_the_whole_text_nor_it_for_one(self, database: Database, message: int) -> None:
        await database.write(lambda c: messages.attach_whole_texts(c, {message: "words"}))
        named = File("F3", "message.txt")
        (film,) = (await database.write(lambda c: attachments.add_files(c, {message: [named]})))[message]
        assert await fetch(database, film, b"no words")
        loaded = await database.read(lambda c: messages.load_message(c, message))
        assert loaded is not None
        assert await database.read(lambda c: messages.whole_text(c, loaded)) == "words"
        assert [one.name for one in await database.read(lambda c: attachments.files_of(c, message))] == [
            "message.txt"
        ]


class TestChunks:
    async def test_are_read_one_by_one_as_they_were_written(self, database: Database, film: int) -> None:
        data = bytes(range(256)) * 2400
        assert await fetch(database, film, data)
        chunks = [await database.read(lambda c, n=n: attachments.read_chunk(c, film, n)) for n in range(4)]
        assert b"".join(chunk for chunk in chunks if chunk is not None) == data
        assert chunks[3] is None
        kept = await database.read(lambda c: attachments.load_file(c, film))
        assert kept is not None
        assert (kept.kept_at, kept.size) == (NOON, len(data))

    async def test_a_fetch_begun_anew_forgets_what_an_earlier_one_left(
        self, database: Database, film: int
    ) -> None:
        await database.write(lambda c: attachments.add_chunk(c, film, 7, b"half"))
        assert await fetch(database, film, b"whole")
        assert await scalars(database, "SELECT count(*) FROM attachment_chunks") == [1]

    async def test_what_is_not_all_there_is_not_kept(self, database: Database, film: int) -> None:
        await database.write(lambda c: attachments.add_chunk(c, film, 0, b"half"))
        assert not await database.write(lambda c: attachments.keep(c, film, 8, NOON))
        loaded = await database.read(lambda c: attachments.load_file(c, film))
        assert loaded is not None
        assert loaded.kept_at is None

    async def test_of_a_lost_file_go_unless_they_are_all_of_it(self, database: Database, film: int) -> None:
        await database.write(lambda c: attachments.add_chunk(c, film, 0, b"half"))
        lose = lambda c: attachments.lose(c, film, FileTrouble.REFUSED, "word")  # noqa: E731
        await database.write(lose)
        assert await scalars(database, "SELECT count(*) FROM attachment_chunks") == [0]
        assert await fetch(database, film, b"whole")
        await database.write(lose)
        assert await scalars(database, "SELECT count(*) FROM attachment_chunks") == [1]
        assert await scalars(database, "SELECT trouble_detail FROM attachments") == ["word"]

    async def test_tries_are_counted(self, database: Database, film: int) -> None:
        count = lambda c: attachments.count_try(c, film)  # noqa: E731
        assert [await database.write(count) for _ in range(3)] == [1, 2, 3]

    async def test_what_slack_tells_later_is_learnt(self, database: Database, film: int) -> None:
        told = File("F1", "new.mp4", "video/webm", 7, "https://files.slack.com/new")
        await database.write(lambda c: attachments.learn(c, film, told))
        found = await database.read(lambda c: attachments.load_file(c, film))
        assert found is not None
        assert (found.name, found.mime_type, found.size, found.url) == told_of(told)


def told_of(file: File) -> tuple[str, str, int, str]:
    return file.name, file.mime_type, file.size, file.url


class TestLost:
    async def test_a_message_knows_whether_any_file_of_it_was(self, database: Database, message: int) -> None:
        lost = lambda: database.read(lambda c: attachments.any_lost(c, message))  # noqa: E731
        assert not await lost()
        await database.write(lambda c: attachments.add_files(c, {message: [FILM]}))
        assert not await lost()
        await database.write(lambda c: attachments.add_files(c, {message: [GONE]}))
        assert await lost()


class TestCopies:
    async def test_go_with_their_message(self, database: Database, message: int, film: int) -> None:
        for _ in range(2):
            await database.write(lambda c: attachments.add_copy(c, film, "FCOPY", "CSUP", "1.1"))
        to_delete = lambda: database.read(lambda c: attachments.copies_to_delete(c, message))  # noqa: E731
        assert await to_delete() == []
        await database.write(lambda c: messages.delete_message(c, message, after(1)))
        assert [(one.file_id, one.channel, one.ts) for one in await to_delete()] == [("FCOPY", "CSUP", "1.1")]
        await database.write(lambda c: attachments.copy_deleted(c, "FCOPY", after(1)))
        assert await to_delete() == []

    async def test_go_with_the_file_they_are_of_and_no_other(
        self, database: Database, message: int, film: int
    ) -> None:
        (other,) = (await database.write(lambda c: attachments.add_files(c, {message: [GONE]})))[message]
        await database.write(lambda c: attachments.add_copy(c, film, "FCOPY", "CSUP", "1.1"))
        await database.write(lambda c: attachments.add_copy(c, other, "FOTHER", "CSUP", "1.1"))
        gone = await database.write(lambda c: attachments.delete_at_source(c, FILM.id, after(1)))
        assert [(one.attachment_id, one.message_id, one.case_id) for one in gone] == [(film, message, "CASE_001")]
        to_delete = await database.read(lambda c: attachments.copies_to_delete(c, message))
        assert [one.file_id for one in to_delete] == ["FCOPY"]
        assert await database.write(lambda c: attachments.delete_at_source(c, FILM.id, after(2))) == []
        assert await database.write(lambda c: attachments.delete_at_source(c, "FNONE", after(2))) == []
