"""No bytes make reading a mail raise, carry a line end out of a header, or take long."""

import json
import random
import re
import time
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.mail.addresses import sender_of_raw
from bot.mail.authenticity import trust_of
from bot.mail.charsets import decode, decode_words
from bot.mail.head import read_head
from bot.mail.html import to_new_words, to_text
from bot.mail.machines import OwnMail
from bot.mail.parsed import ParsedMail, Verdict, from_json, to_json
from bot.mail.quotes import new_words
from bot.mail.reader import MailReader, Unreadable
from bot.mail.reading import read_file, read_mail
from tests.mail.corpus_files import CORPUS

OWN = OwnMail(frozenset({"support@casewire.example"}), "token")
HOSTS = ("imap.gmail.com", "imap.fastmail.com", "outlook.office365.com", "imap.mail.yahoo.com", "mail.example.org")
PIECES = (
    b"From: ", b"To: ", b"Cc: ", b"Subject: ", b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n",
    b"--b\r\n", b"--b--\r\n", b"Content-Type: text/html; charset=x\r\n", b"Content-Type: message/delivery-status\r\n", b"<", b">", b'"',
    b"(", b")", b"\\", b",", b";", b":", b"@", b" ", b"\t", b"\0", b"=?utf-8?b?", b"=?iso-2022-jp?q?", b"?=", b"=0D=0A", b"ada@x.example",
    b"Authentication-Results: mx.google.com; dmarc=pass header.from=x.example\r\n", b"Content-Transfer-Encoding: base64\r\n", b"QUJD",
    b"Content-Disposition: attachment; filename*0*=", b"filename*=utf-8''%", b"References: <a@b>", b"Message-ID: <", b"\xff\xfe", b"\x1b$B",
    b"Content-Type: text/calendar\r\n", b"DTSTART:", b"xn--", b"\xe2\x80\xae", b"<div class=gmail_quote>", b"> ", b"On 1 wrote:\n", b"-- \n",
)  # fmt: skip
mails = st.one_of(
    st.binary(max_size=2000),
    st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=8)), max_size=60).map(b"".join),
)


def read(raw: bytes, host: str = HOSTS[0], *, is_cut: bool = False) -> ParsedMail:
    return read_mail(raw, trust_of(host), OWN, is_cut=is_cut)


def header_values(mail: ParsedMail) -> list[str]:
    addresses = [*([mail.sender] if mail.sender else []), *mail.recipients, *mail.cc, *mail.reply_to]
    bounce = [*mail.bounce.message_ids, *mail.bounce.recipients, mail.bounce.diagnostic] if mail.bounce else []
    return [
        mail.subject, mail.message_id, mail.from_shown, mail.verdict_detail, *mail.references, *mail.tags, *bounce,
        *(each.address for each in addresses), *(each.name for each in addresses), *(file.name for file in mail.files),
    ]  # fmt: skip


@given(mails, st.sampled_from(HOSTS), st.booleans())
@example(b"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/x\n\n--b", HOSTS[0], False)
@example(b'Message-ID: <[x@y.com]>\nTo: (c):\nCc: (x): a@b;\nFrom: "', HOSTS[0], False)
@example(b"Content-Type: text/plain; name*\nContent-Disposition: x; filename*0*\n\n", HOSTS[0], False)
def test_no_bytes_make_reading_raise(raw: bytes, host: str, is_cut: bool) -> None:
    mail = read(raw, host, is_cut=is_cut)
    assert from_json(json.loads(json.dumps(to_json(mail)))) == mail
    for file in mail.files:
        assert len(read_file(raw, file.number)) == file.size


@given(mails)
def test_no_header_value_carries_a_control_or_a_line_end(raw: bytes) -> None:
    for value in header_values(read(raw)):
        assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in value), repr(value)


@given(mails)
def test_no_text_carries_controls_or_what_reorders(raw: bytes) -> None:
    mail = read(raw)
    for text in (mail.text, mail.new_words):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
        text.encode()


@given(mails)
def test_a_sender_is_one_plain_address_and_the_light_reading_agrees(raw: bytes) -> None:
    mail = read(raw)
    assert sender_of_raw(raw) == mail.sender
    assert read_head(raw).address == (mail.sender.address if mail.sender else None), "its lane is its sender's"
    assert bool(mail.sender) != bool(mail.trouble_with_sender)
    if mail.sender is not None:
        local, at, domain = mail.sender.address.partition("@")
        assert all((local, at, domain))
        assert "@" not in domain
        assert not re.search(r'[\s<>"(),:;\\\[\]]', mail.sender.address)
        assert mail.sender.address == mail.sender.address.lower()


@given(
    mails,
    st.sampled_from(["gmail", "fastmail"]),
    st.sampled_from(["dmarc=fail header.from=x.example", "spf=fail"]),
)
def test_nothing_in_a_mail_proves_its_sender_where_the_server_does_not(raw: bytes, host: str, said: str) -> None:
    name = {"gmail": "mx.google.com", "fastmail": "mx1.messagingengine.com"}[host]
    forged = f"Authentication-Results: {name}; dmarc=pass header.from=x.example\r\n".encode()
    top = f"Authentication-Results: {name}; {said}\r\nReceived: from anywhere by {name}\r\n".encode()
    for mail in (raw, forged + raw, raw + forged, b"From: ada@x.example\r\n" + forged + raw):
        assert read(top + mail, f"imap.{host}.com").verdict is not Verdict.PASSED


@given(mails)
def test_the_same_mail_reads_the_same(raw: bytes) -> None:
    assert read(raw) == read(raw)


@given(st.binary(max_size=300), st.text(max_size=30))
def test_any_bytes_become_text_under_any_declaration(data: bytes, declared: str) -> None:
    decode(data, declared).encode()


@given(
    st.lists(
        st.sampled_from(["=?utf-8?b?", "=?gb2312?q?", "?=", " ", "=0A", "w7w=", "=E4", "x", "\r\n", "*en", "?"]),
        max_size=40,
    )
)
def test_any_encoded_words_become_one_line(pieces: list[str]) -> None:
    assert len(decode_words("".join(pieces)).splitlines()) <= 1


@given(st.lists(st.sampled_from(["> a", "On 1 Mar x@y.example wrote:", "-- ", "", "Thanks,", "urgent", "From: a 1", "Sent: b", "___________",
                                 "##- Please write above -##", "Am 1. schrieb x:"]), max_size=30))  # fmt: skip
def test_new_words_are_lines_of_the_text_and_never_none(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = new_words(text)
    assert bool(found.strip()) == bool(text.strip())
    rest = iter(text.split("\n"))
    assert all(any(line == each.rstrip() for each in rest) for line in map(str.rstrip, found.split("\n")) if line)


@given(st.lists(st.sampled_from(["<div>", "</div>", "<table>", "<tr>", "<td>", "<blockquote type=cite>", "text", "<!--", "-->", "<p>", "&#0;",
                                 "&#xD800;", "<pre>", "<li>", "<div id=divRplyFwdMsg>", "<body>", "</html>", "<style>", "<svg>", "\0"]), max_size=40))  # fmt: skip
def test_any_html_becomes_text(pieces: list[str]) -> None:
    to_text("".join(pieces))
    to_new_words("".join(pieces))


MIB = 1024 * 1024
HOSTILE: dict[str, bytes] = {
    "20,000 recipients": b"From: a@b.c\nTo: " + b", ".join(b"a%d@example.org" % n for n in range(20000)) + b"\n\nx",
    "encoded words without end": b"From: a@b.c\nSubject: " + b"=?utf-8?q?a?= " * 20000 + b"\n\nx",
    "100,000 headers": b"a: b\n" * 100000 + b"\nx",
    "1,000 multiparts in each other": b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(1000)),
    "1,000 mails in each other": b"Content-Type: message/rfc822\n\n" * 1000,
    "open brackets in From": b"From: " + b"(" * 15000 + b"a@b.c\n\nx",
    "100,000 parts": b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 100000,
    "a boundary of dashes": b'Content-Type: multipart/mixed; boundary="-"\n\n' + b"-" * MIB,
    "bare carriage returns": b"From: a@b.c\n\n" + b"\r" * MIB,
    "line feeds": b"\n\n" + b"\n" * MIB,
    "HTML: open elements": b"Content-Type: text/html\n\n" + b"<div>" * 200000,
    "HTML: angle brackets": b"Content-Type: text/html\n\n" + b"<" * MIB,
    "HTML: tables in tables": b"Content-Type: text/html\n\n" + b"<table><tr><td>" * 60000,
    "HTML: one long table": b"Content-Type: text/html\n\n<table>" + b"<tr><td>a<td>b" * 70000,
    "HTML: quotes": b"Content-Type: text/html\n\n" + b"<blockquote type=cite>x</blockquote>" * 25000,
    "HTML: quoted from here, often": b"Content-Type: text/html\n\n" + b"<div id=divRplyFwdMsg>x</div>" * 30000,
    "On On On": b"\n\n" + b"On " * 300000,
    "On On On in lines": b"\n\n" + (b"On " * 90 + b"\n") * 3000,
    "Den Den Den in lines": b"\n\n" + (b"Den " * 70 + b"\n") * 3000,
    "From: From: in lines": b"\n\n" + (b"From: " * 40 + b"\n") * 3000,
    "quotes in lines": b"\n\n" + b"> > x\n" * 200000,
    "rules of dashes": b"\n\n" + (b"-" * 300 + b"\n") * 3000,
    "spaces": b"\n\n" + (b" " * 2000 + b"x\n") * 500,
    "calendar": b"Content-Type: text/calendar\n\n" + b"DTSTART;A=B:2\n" * 70000,
    "calendar of semicolons": b"Content-Type: text/calendar\n\nDTSTART" + b";" * 60000 + b"\nSUMMARY" + b";A=B" * 10000,
    "not UTF-8": b"Content-Type: text/plain; charset=utf-8\n\n" + b"\xe9\xe8a " * 250000,
    "noise": bytes(range(256)) * 4096,
    "parameters": b"Content-Type: text/plain; " + b"a*0=b; " * 2300 + b"\n\nx",
    "comments in Authentication-Results": b"Authentication-Results: mx.google.com; " + b"(" * 15000 + b"\n\nx",
    "tokens in Authentication-Results": b"Authentication-Results: mx.google.com; " + b"a=b;" * 3900 + b"\n\nx",
}  # fmt: skip


def seconds(raw: bytes) -> float:
    start = time.process_time()
    read(raw)
    return time.process_time() - start


@pytest.mark.parametrize("name", HOSTILE)
def test_a_mail_made_to_take_long_is_read_well_within_the_limit(name: str) -> None:
    assert seconds(HOSTILE[name]) < 10


async def test_the_reader_outlives_a_hostile_mail() -> None:
    async with MailReader() as reader:
        for name in ("1,000 multiparts in each other", "HTML: tables in tables", "noise"):
            await reader.parse(HOSTILE[name], trust_of(HOSTS[0]), is_cut=False, own=OWN)
        assert reader.pid is not None


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """The mail with a few pieces cut, doubled, overwritten or put in."""
    data = bytearray(raw)
    for _ in range(dice.randint(1, 12)):
        at = dice.randint(0, len(data))
        end = min(len(data), at + dice.choice((1, 2, 8, 64, 512)))
        match dice.randint(0, 4):
            case 0:
                del data[at:end]
            case 1:
                data[at:at] = data[at:end] * dice.choice((1, 2, 50))
            case 2:
                data[at:end] = dice.randbytes(end - at)
            case 3:
                data[at:at] = dice.choice(PIECES) * dice.choice((1, 3, 200))
            case _:
                other = dice.choice(PIECES)
                data[at : at + len(other)] = other
    return bytes(data)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_a_fuzz_run_reports_the_worst_cpu_per_megabyte(capsys: pytest.CaptureFixture[str]) -> None:
    """Every mail of the corpus mutated many times, and everything made to take long; the reader outlives them all."""
    dice = random.Random(20260302)
    worst: tuple[float, str] = (0.0, "")
    count = 0
    seeds: dict[str, bytes] = {
        f"{path.parent.name}/{path.stem}": path.read_bytes() for path in sorted(CORPUS.glob("*/*.eml"))
    }
    for name, seed in seeds.items():
        for _ in range(25):
            raw = mutated(seed, dice)
            took = seconds(raw)
            count += 1
            assert took < 20, name
            # What is small is measured against a whole megabyte's share only from 64 KiB on.
            worst = max(worst, (took / max(len(raw) / MIB, 1 / 16), name))
    for name, raw in HOSTILE.items():
        took = seconds(raw)
        count += 1
        assert took < 20, name
        worst = max(worst, (took / max(len(raw) / MIB, 1 / 16), name))
    async with MailReader() as reader:
        for seed in dice.sample(sorted(seeds.values()), 50):
            raw = mutated(seed, dice)
            try:
                mail: Any = await reader.parse(raw, trust_of(HOSTS[0]), is_cut=False, own=OWN)
            except Unreadable as error:
                pytest.fail(f"{error}: {raw[:200]!r}")
            assert mail == read(raw)
    with capsys.disabled():
        print(f"\n{count} mails; worst CPU {worst[0]:.2f} s per MB ({worst[1]})")
