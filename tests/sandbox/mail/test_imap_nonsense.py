"""Whatever a client says, the IMAP server answers it with OK, NO or BAD, and goes on."""

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.sandbox.mail.server import DESK, MailServer
from tests.sandbox.mail.clients import letter

WORDS = (
    *("SEARCH", "FETCH", "STORE", "MOVE", "COPY", "EXPUNGE", "UID", "SELECT", "STATUS", "LIST", "APPEND", "LOGIN"),
    *("CREATE", "CHARSET", "UTF-8", "ALL", "NOT", "OR", "HEADER", "SINCE", "1-Feb-2026", "31-Feb-2026", "LARGER"),
    *(
        "1",
        "1:*",
        "*",
        "0",
        "2,4:3",
        ":",
        "x",
        "(",
        ")",
        "()",
        "[",
        "]",
        '"',
        '"a b"',
        "INBOX",
        "(FLAGS)",
        "BODY[]",
    ),
    *("BODY.PEEK[HEADER.FIELDS (FROM)]<0.4>", "BODY[1.2]", "+FLAGS", "(\\Seen)", "\\", "{0}", "{3+}", "~", "é"),
)
LINES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=5)


@settings(max_examples=100, deadline=None)
@given(LINES)
def test_every_command_is_answered(lines: list[str]) -> None:
    asyncio.run(answered(lines))


async def answered(lines: list[str]) -> None:
    async with MailServer() as mail, asyncio.timeout(3):
        mail.deliver(letter())
        mail.deliver(letter())
        reader, writer = await asyncio.open_connection("127.0.0.1", mail.imap.port)
        writer.write(f"a LOGIN {DESK} {mail.accounts.password}\r\nb SELECT INBOX\r\n".encode())
        await reader.readuntil(b"b OK ")
        for number, line in enumerate(lines):
            tag = f"t{number}"
            literal = "abc\r\n" if line.endswith("{3+}") else ""
            writer.write(f"{tag} {line}\r\n{literal}".encode())
            said = await reader.readline()
            while not said.startswith(tag.encode()):
                if said.startswith(b"+ "):  # it waits for the literal of no bytes, and for the rest of the line
                    writer.write(b"\r\n")
                assert said, f"{line!r} ended the connection"
                said = await reader.readline()
            assert said.split()[1] in (b"OK", b"NO", b"BAD")
        writer.close()
        await writer.wait_closed()
