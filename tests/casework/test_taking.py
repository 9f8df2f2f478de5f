"""What was tried before may be what fails, and takes nothing else with it."""

import pytest

from bot.casework.taking import apart
from storage.inbox import Item
from tests.casework.kit import after


def waiting_item(number: int, lane: str, attempts: int) -> Item:
    return Item(
        number, f"k{number}", "message", lane, after(number), after(number), b"", attempts, tell_late=False
    )


@pytest.mark.parametrize(
    ("attempts", "together", "alone"),
    [
        ("a0 a0 b0", [1, 2, 3], []),
        ("a1 a0 b0", [3], [1]),
        ("a0 a1 a0 b0", [1, 4], []),  # what stands before it goes first
        ("a1 a1 b2 c0", [4], [1, 3]),
        ("", [], []),
    ],
)
def test_what_was_tried_before_stands_alone(attempts: str, together: list[int], alone: list[int]) -> None:
    items = [waiting_item(n, word[0], int(word[1])) for n, word in enumerate(attempts.split(), 1)]
    found = apart(items)
    assert [[item.id for item in part] for part in found] == [together, alone]
