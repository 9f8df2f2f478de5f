"""What is known of posts that are no message: the newest edit, and a deletion for good."""

import pytest

from storage import post_changes
from storage.engine import Database
from storage.post_changes import PostChange
from tests.storage.kit import after


@pytest.mark.parametrize(
    ("noted", "left"),
    [
        ([PostChange(after(1), "one")], PostChange(after(1), "one")),
        ([PostChange(after(1), "one"), PostChange(after(2), "two")], PostChange(after(2), "two")),
        ([PostChange(after(2), "two"), PostChange(after(1), "one")], PostChange(after(2), "two")),
        ([PostChange(after(2), "two"), PostChange(after(1), None)], PostChange(after(1), None)),
        ([PostChange(after(1), None), PostChange(after(2), "two")], PostChange(after(1), None)),
        ([PostChange(after(1), "")], PostChange(after(1), "")),
    ],
)
async def test_the_newest_edit_wins_and_a_deletion_over_all(
    database: Database, noted: list[PostChange], left: PostChange
) -> None:
    for change in noted:
        await database.write(lambda c, change=change: post_changes.note(c, "D1", "1.1", change))
    asked = [("D1", "1.1"), ("D1", "2.2")]
    assert await database.read(lambda c: post_changes.of_posts(c, asked)) == {("D1", "1.1"): left}


async def test_of_no_posts_nothing_is_known(database: Database) -> None:
    assert await database.read(lambda c: post_changes.of_posts(c, [])) == {}
