"""What servers answer, as they were seen to."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail import responses
from bot.mail.responses import Facts, bodies, facts, folder_name, uid_set, uids, uidvalidity


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"1 2 30", b"done"], [1, 2, 30]),
        ([b"", b"done"], []),
        ([b"done"], []),
        ([b"3", b"1 2", b"done"], [1, 2, 3]),
        ([b"EXISTS 5", b"7", b"SEARCH completed (8 msgs)"], [7]),
    ],
)
def test_numbers_found(lines: list[bytes], expected: list[int]) -> None:
    assert uids(lines) == expected


def test_the_uidvalidity_of_a_folder() -> None:
    assert uidvalidity([b"5 EXISTS", b"OK [UIDVALIDITY 1795739538] UIDs valid", b"done"]) == 1795739538
    assert uidvalidity([b"5 EXISTS", b"done"]) is None


class TestFetch:
    def test_facts_in_any_order(self) -> None:
        lines = [
            b'1 FETCH (UID 7 RFC822.SIZE 120 INTERNALDATE " 1-Feb-2026 00:30:00 +0100")',
            b'2 FETCH (INTERNALDATE "31-Jan-2026 12:00:00 -0530" RFC822.SIZE 9 UID 8)',
            b"3 FETCH (UID 9 FLAGS (\\Seen))",
            b"done",
        ]
        assert facts(lines) == {
            7: Facts(7, 120, datetime(2026, 1, 31, 23, 30, tzinfo=UTC)),
            8: Facts(8, 9, datetime(2026, 1, 31, 17, 30, tzinfo=UTC)),
        }

    @pytest.mark.parametrize(
        "date",
        [b"31-Feb-2026 12:00:00 +0000", b"01-Foo-2026 12:00:00 +0000", b"01-Jan-0001 00:00:00 +1200", b"never"],
    )
    def test_a_date_that_makes_no_sense_is_none(self, date: bytes) -> None:
        assert facts([b'1 FETCH (UID 7 RFC822.SIZE 1 INTERNALDATE "' + date + b'")', b"done"])[7].internaldate in (
            None,
            responses.EARLIEST,
        )

    def test_bodies_with_the_uid_before_or_after_and_others_in_between(self) -> None:
        lines = [
            b"1 FETCH (UID 7 BODY[] {5}",
            bytearray(b"hello"),
            b")",
            b"9 FETCH (FLAGS (\\Seen) UID 9)",
            b"2 FETCH (BODY[]<0> {3}",
            bytearray(b"UID"),
            b" UID 8)",
            b"3 FETCH (UID 10 BODY[] NIL)",
            b'4 FETCH (UID 11 BODY[] "")',
            b'5 FETCH (UID 12 BODY[TEXT]<0> "a \\"b\\" \\\\c")',
            b"done",
        ]
        assert bodies(lines) == {7: b"hello", 8: b"UID", 10: b"", 11: b"", 12: b'a "b" \\c'}


@given(st.lists(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(bytearray)), max_size=8))
def test_no_answer_makes_reading_it_raise(lines: list[bytes]) -> None:
    for read in (uids, uidvalidity, facts, bodies):
        read(lines)


@given(st.sets(st.integers(1, 60)))
def test_a_set_of_numbers_names_each_once(numbers: set[int]) -> None:
    named: list[int] = []
    for part in filter(None, uid_set(numbers).split(",")):
        first, _, last = part.partition(":")
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(numbers)


@pytest.mark.parametrize(
    ("name", "on_the_wire"),
    [
        ("INBOX", '"INBOX"'),
        ("Tom & Jerry", '"Tom &- Jerry"'),
        ("Entwürfe", '"Entw&APw-rfe"'),
        ("台北/日本語", '"&U,BTFw-/&ZeVnLIqe-"'),
        ('say "hi" \\', '"say \\"hi\\" \\\\"'),
    ],
)
def test_the_name_of_a_folder(name: str, on_the_wire: str) -> None:
    assert folder_name(name) == on_the_wire
