"""One mail as bytes: what its headers say, and that nothing written by anybody splits one."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.courier.letter import (
    BadAddress,
    Letter,
    LetterFile,
    ascii_address,
    loop_token,
    new_message_id,
    one_line,
    references_to,
    reply_subject,
    written,
    written_size,
)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
KEY = b"k" * 32
OURS = [
    *("From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "X-Casewire-Loop"),
    *("MIME-Version", "Content-Type"),
]
HOSTILE = [
    "\r\nBcc: eve@evil.example",
    "\nBcc: eve@evil.example\n\n<b>body</b>",
    "a\rBcc: eve@evil.example",
    "\u2028Bcc: x\u2029\x85Bcc: y\x0bBcc: z",
    "=?utf-8?q?=0D=0ABcc:_eve=40evil.example?=",
    "=?utf-8?b?DQpCY2M6IGV2ZUBldmlsLmV4YW1wbGU=?=",
    '"; filename="x.exe',
    '" <eve@evil.example>, "',
    "\\",
    '\\"',
    "Dana <eve@evil.example>",
    "x" * 3000,
    "Ж" * 500,
    "👩\u200d👧\u200d👦 " * 60,
    "\u202egnp.exe",
    "\x00\x1b[31m",
    "\ud800",
    "",
]
words = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=300), st.text('\r\n:=?<>"\\ ab,;@', max_size=80))
ids = st.lists(
    st.one_of(st.text("<>@ab.\r\n ", max_size=20), words.map(lambda text: f"<{text}@x.y>")), max_size=30
)


def letter(**changed: object) -> Letter:
    given: dict[str, object] = {
        "sender": "support@desk.example",
        "sender_name": "Help Desk",
        "to": "dana@example.com",
        "to_name": "Dana",
        "subject": "Re: Order 17 [CASE_001]",
        "message_id": "<case-001-7-abc@desk.example>",
        "references": ("<1@example.com>",),
        "date": NOW,
        "text": "Hello",
        "html": "<p>Hello</p>",
        "loop_token": "token",
    }
    return Letter(**(given | changed))  # type: ignore[arg-type]


def read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=email.policy.default)  # type: ignore[return-value]


def header_names(data: bytes) -> list[str]:
    """As a server sees them, whatever a parser of mail makes of it."""
    block = data.split(b"\r\n\r\n", 1)[0]
    return [line.split(b":")[0].decode() for line in block.split(b"\r\n") if not line.startswith((b" ", b"\t"))]


class TestWritten:
    def test_an_answer_has_what_a_reply_has_and_nothing_of_a_machine(self) -> None:
        assert header_names(written(letter())) == OURS

    def test_a_notice_says_that_nobody_wrote_it(self) -> None:
        mail = read(written(letter(automatic="auto-replied")))
        assert mail["Auto-Submitted"] == "auto-replied"
        assert mail["X-Auto-Response-Suppress"] == "DR, RN, NRN, OOF, AutoReply"

    @pytest.mark.parametrize(
        "text",
        [
            "Grüße aus Köln, alles in Ordnung mit der Bestellung",
            "Здравствуйте, ваш заказ уже в пути, спасибо за терпение и доверие к нашей службе поддержки",
            "你好，您的订单已经发货，请耐心等待。" * 5,
            "שלום לך 👩‍👧‍👦",
            "Plain words " * 20,
            "a =?utf-8?q?b?= c",
        ],
    )
    def test_subjects_of_every_script_are_read_as_they_were_written(self, text: str) -> None:
        mail = read(written(letter(subject=text, to_name=text)))
        assert mail["Subject"] == text.strip()
        assert mail["To"].addresses[0].addr_spec == "dana@example.com"

    @pytest.mark.parametrize("text", ["a =?utf-8?q?b?= c", 'Say "hi" \\ there', "O'Neil, Ltd. (UK)"])
    def test_names_with_signs_of_their_own_are_read_as_they_were_written(self, text: str) -> None:
        mail = read(written(letter(to_name=text)))
        assert mail["To"].addresses[0].display_name == text
        assert len(mail["To"].addresses) == 1

    def test_long_message_ids_stay_whole(self) -> None:
        long = tuple(f"<{'x' * 300}{number}@example.com>" for number in range(5))
        data = written(letter(references=long))
        assert all(one.encode() in data for one in long)
        assert read(data)["References"].split() == list(long)

    def test_the_body_has_both_forms_and_no_line_that_a_server_would_cut(self) -> None:
        mail = read(written(letter(text="ü" * 5000, html=f"<p>{'x' * 5000}</p>")))
        assert mail.get_body(("plain",)).get_content().strip() == "ü" * 5000  # type: ignore[union-attr]
        assert mail.get_content_type() == "multipart/alternative"

    def test_a_file_comes_back_as_it_was(self) -> None:
        data = bytes(range(256)) * 40
        file = LetterFile("Rechnung März.pdf", "application/pdf", data)
        (part,) = read(written(letter(), (file,))).iter_attachments()
        assert (part.get_filename(), part.get_content_type()) == ("Rechnung März.pdf", "application/pdf")
        assert part.get_content() == data

    @pytest.mark.parametrize(
        "mime_type",
        [
            "",
            "nonsense",
            "message/rfc822",
            "multipart/mixed",
            "text/plain\r\nX: y",
            'a/b; name="x"',
            "a/" + "b" * 300,
        ],
    )
    def test_a_type_that_may_not_stand_in_a_header_becomes_plain_bytes(self, mime_type: str) -> None:
        (part,) = read(written(letter(), (LetterFile("a", mime_type, b"x"),))).iter_attachments()
        assert part.get_content_type() in {"application/octet-stream", "a/b"}

    @pytest.mark.parametrize("size", [0, 1, 56, 57, 58, 100_000, 1_000_001])
    def test_a_files_share_of_the_mail_is_not_underestimated(self, size: int) -> None:
        file = LetterFile("n" * 100, "application/pdf", b"x" * size)
        grown = len(written(letter(), (file, file))) - len(written(letter(), (file,)))
        assert grown <= written_size(size)

    @pytest.mark.parametrize(
        "address", [*HOSTILE[:10], "a", "a@", "@b", "a@b c", "a@b\r\nX: y", "a@b,c@d", "a b@c"]
    )
    def test_an_address_that_is_none_is_refused(self, address: str) -> None:
        with pytest.raises(BadAddress):
            written(letter(to=address))

    @given(words, words, words, ids, words, st.binary(max_size=50), words)
    def test_whatever_was_written_no_header_is_split_and_none_is_added(
        self, name: str, subject: str, text: str, references: list[str], file: str, data: bytes, mime_type: str
    ) -> None:
        parent = references_to("<1@example.com>", tuple(references))
        mail = letter(
            to_name=name,
            sender_name=name,
            subject=reply_subject(subject, "CASE_001", "Your case"),
            references=parent,
            text=one_line(text),
        )
        sent = written(mail, (LetterFile(file, mime_type, data),))
        assert header_names(sent) == OURS
        head = sent.split(b"\r\n\r\n", 1)[0]
        assert b"\r" not in head.replace(b"\r\n", b"")
        assert b"\n" not in head.replace(b"\r\n", b"")
        assert max(map(len, sent.split(b"\r\n"))) <= 998
        assert sent.isascii()
        known = read(sent)
        assert not known.defects
        assert [one.addr_spec for one in known["To"].addresses] == ["dana@example.com"]
        assert [one.addr_spec for one in known["From"].addresses] == ["support@desk.example"]
        assert known["Subject"].count("[CASE_001]") == 1
        (part,) = known.iter_attachments()
        assert part.get_payload(decode=True) == data
        assert [name for name, _ in part.items() if name != "MIME-Version"] == [
            "Content-Type",
            "Content-Transfer-Encoding",
            "Content-Disposition",
        ]
        assert not set(part.get_filename() or "") & set('/\\\r\n"')


class TestSubject:
    @pytest.mark.parametrize(
        ("original", "shown"),
        [
            ("Order 17", "Re: Order 17 [CASE_001]"),
            ("Re: Order 17 [CASE_001]", "Re: Order 17 [CASE_001]"),
            ("Re: [CASE_001] Order 17", "Re: Order 17 [CASE_001]"),
            ("RE: re: Re[4]: Order 17", "Re: Order 17 [CASE_001]"),
            ("AW: Antw: SV: VS: Order 17", "Re: Order 17 [CASE_001]"),
            ("回复：订单", "Re: 订单 [CASE_001]"),
            ("Fwd: Order 17", "Re: Fwd: Order 17 [CASE_001]"),
            ("[CASE_900] Order [case_001]", "Re: Order [CASE_001]"),
            ("Return: what now", "Re: Return: what now [CASE_001]"),
            ("", "Re: Your case [CASE_001]"),
            ("Re: [CASE_001]", "Re: Your case [CASE_001]"),
            ("\u200b", "Re: Your case [CASE_001]"),
            ("two\r\nlines", "Re: two lines [CASE_001]"),
        ],
    )
    def test_re_and_our_tag_stand_there_once(self, original: str, shown: str) -> None:
        assert reply_subject(original, "CASE_001", "Your case") == shown

    @given(words)
    def test_answering_an_answer_changes_nothing_more(self, original: str) -> None:
        once = reply_subject(original, "CASE_001", "Your case")
        assert reply_subject(once, "CASE_001", "Your case") == once

    def test_a_long_subject_is_cut_before_our_tag(self) -> None:
        shown = reply_subject("x" * 500, "CASE_001", "Your case")
        assert len(shown) < 230
        assert shown.endswith("… [CASE_001]")


class TestReferences:
    def test_a_short_conversation_is_kept_whole(self) -> None:
        assert references_to("<3@x>", ("<1@x>", "<2@x>")) == ("<1@x>", "<2@x>", "<3@x>")

    def test_of_a_long_one_the_first_and_the_last_are_kept(self) -> None:
        known = references_to("<99@x>", tuple(f"<{number}@x>" for number in range(60)))
        assert len(known) == 22
        assert known[0] == "<0@x>"
        assert known[-2:] == ("<59@x>", "<99@x>")

    def test_what_is_no_message_id_is_left_out_and_none_stands_twice(self) -> None:
        given = ("<1@x>", "x", "<a b@x>", "<2@x>\r\nBcc: y", "<1@x>", "<3@x>", "<ü@x>")
        assert references_to("<3@x>", given) == ("<1@x>", "<3@x>")


class TestIds:
    def test_a_row_has_the_same_message_id_always_and_another_row_another(self) -> None:
        one = new_message_id(KEY, "CASE_001", 7, "support@desk.example")
        assert one == new_message_id(KEY, "CASE_001", 7, "support@desk.example")
        assert one.startswith("<case-001-7-")
        assert one.endswith("@desk.example>")
        assert one != new_message_id(KEY, "CASE_001", 8, "support@desk.example")
        assert one != new_message_id(b"x" * 32, "CASE_001", 7, "support@desk.example")

    def test_the_mark_on_our_own_mail_depends_on_the_secret_and_does_not_tell_it(self) -> None:
        assert loop_token(KEY) != loop_token(b"x" * 32)
        assert loop_token(KEY).isalnum()

    def test_a_domain_is_written_as_the_dns_has_it(self) -> None:
        assert ascii_address("dana@BÜCHER.example") == "dana@xn--bcher-kva.example"
        assert new_message_id(KEY, "CASE_001", 7, "desk@bücher.example").endswith("@xn--bcher-kva.example>")
