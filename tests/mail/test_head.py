"""The header block: whom a mail is from, and what makes it the same mail as another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.mail.addresses import normal_address
from bot.mail.head import HEAD_MOST, read_head

MAIL = (
    b"Received: from a.example by b.example\r\nMessage-ID: <1@a.example>\r\nFrom: Dana <dana@a.example>\r\n"
    b"Date: Sat, 31 Jan 2026 12:00:00 +0000\r\nSubject: A folded\r\n subject\r\n\r\nHello.\r\n"
)


def sender(value: str) -> str | None:
    return read_head(b"Subject: x\r\nFrom: " + value.encode() + b"\r\n\r\nbody").address


class TestSender:
    @pytest.mark.parametrize(
        ("written", "address"),
        [
            ("dana@a.example", "dana@a.example"),
            ("Dana@A.Example", "dana@a.example"),
            ("<dana@a.example>", "dana@a.example"),
            ('"Doe, Dana" <dana@a.example>', "dana@a.example"),
            ('"Dana <x@y.example>" <dana@a.example>', "dana@a.example"),
            ("dana@a.example (Dana (at home))", "dana@a.example"),
            ("=?utf-8?q?D=C3=A4na?= <dana@a.example>", "dana@a.example"),
            ("Dana\r\n <dana@a.example>", "dana@a.example"),
            ("dana@xn--mnchen-3ya.example", "dana@münchen.example"),
            ("dana@MÜNCHEN.example", "dana@münchen.example"),
            ("dana@a_b.example", "dana@a_b.example"),
            ("dana+tag@a.example", "dana+tag@a.example"),
            ("a@b.example <c@d.example>", "c@d.example"),  # what stands before the brackets is a name
        ],
    )
    def test_of_one_plain_address(self, written: str, address: str) -> None:
        assert sender(written) == address

    @pytest.mark.parametrize(
        "written",
        [
            "",
            "Dana",
            "dana@",
            "@a.example",
            "a@b.example, c@d.example",
            "<a@b.example>, <c@d.example>",
            "<a@b.example> c@d.example",
            "friends: a@b.example;",
            "<@route.example:dana@a.example>",
            '"dana"@a.example',
            "dana@a.example@b.example",
            'Dana" <dana@a.example>',
            "dana@a.example (Dana",
            "dana@[192.0.2.1]",
            "dana@-.example\x00",
            "x" * 400 + "@a.example",
            "dana@" + "a." * 200 + "example",
        ],
    )
    def test_of_anything_else_is_nobody(self, written: str) -> None:
        assert sender(written) is None

    def test_of_two_from_is_nobody(self) -> None:
        assert read_head(b"From: a@b.example\r\nFrom: a@b.example\r\n\r\n").address is None

    def test_of_a_from_in_the_body_is_nobody(self) -> None:
        assert read_head(b"Subject: x\r\n\r\nFrom: a@b.example\r\n").address is None

    def test_of_bytes_that_are_no_utf8_is_read_as_windows_1252(self) -> None:
        assert read_head(b"From: d\xe4na@a.example\r\n\r\n").address == "d\u00e4na@a.example"


class TestFingerprint:
    @pytest.mark.parametrize(
        "same",
        [
            MAIL.replace(b"Received: from a.example by b.example\r\n", b"Received: another way\r\nX-Spam: no\r\n"),
            MAIL.replace(b"Message-ID:", b"Message-Id:"),
            MAIL.replace(b"A folded\r\n subject", b"A folded subject"),
        ],
        ids=["trace headers", "letter case of names", "folding"],
    )
    def test_is_the_same_for_another_copy(self, same: bytes) -> None:
        assert same != MAIL
        assert read_head(same).fingerprint == read_head(MAIL).fingerprint

    @pytest.mark.parametrize("part", [b"1@a.example", b"dana@", b"31 Jan", b"folded", b"Hello"])
    def test_is_another_for_another_mail(self, part: bytes) -> None:
        assert read_head(MAIL.replace(part, part + b"x")).fingerprint != read_head(MAIL).fingerprint

    def test_knows_one_header_from_another(self) -> None:
        one, other = b"From: a\r\nSubject: b\r\n\r\n", b"From: b\r\nSubject: a\r\n\r\n"
        assert read_head(one).fingerprint != read_head(other).fingerprint


class TestMessageId:
    def test_is_kept_as_written_but_for_control_characters(self) -> None:
        assert read_head(MAIL).message_id == "<1@a.example>"
        assert read_head(b"Message-ID:  <a\x00b@c>\x07 \r\n\r\n").message_id == "<a b@c>"

    def test_is_empty_where_there_is_none(self) -> None:
        assert read_head(b"From: a@b.example\r\n\r\n").message_id == ""


PIECES = st.sampled_from(
    [
        b"From:",
        b"Message-ID: ",
        b"Subject: ",
        b"\r\n",
        b"\n",
        b"\r",
        b" ",
        b"<",
        b">",
        b'"',
        b"(",
        b")",
        b"\\",
        b"a@b",
    ]
)


@given(st.one_of(st.binary(max_size=2000), st.lists(PIECES | st.binary(max_size=8), max_size=60).map(b"".join)))
def test_no_bytes_make_it_raise(raw: bytes) -> None:
    head = read_head(raw)
    assert len(head.fingerprint) == 64
    assert "\x00" not in head.message_id
    head.message_id.encode()
    if head.address is not None:
        assert head.address == normal_address(head.address)


@given(st.text(max_size=40), st.text(max_size=80))
def test_an_address_is_made_plain_once(local: str, domain: str) -> None:
    plain = normal_address(f"{local}@{domain}")
    assert normal_address(plain) == plain
    assert plain == plain.lower()


@pytest.mark.parametrize(
    "raw",
    [
        b"From: " + b"(" * HEAD_MOST,
        b"From: " + b'"' * HEAD_MOST,
        b"From: a\r\n" * (HEAD_MOST // 8),
        b"From:" + b"\r\n " * HEAD_MOST,
        b"x" * (4 * HEAD_MOST),
        b"\r\n" + b"a" * 10**7,
        b"From: a@" + b"xn--" * 50_000,
    ],
)
@pytest.mark.timeout(5)
def test_long_ones_are_read_in_bounded_time(raw: bytes) -> None:
    assert read_head(raw).address is None
