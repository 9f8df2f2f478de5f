"""An IMAP server that says what a test wants, for what no real one does on demand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

Answer = Callable[["Session", str, str], Awaitable[None]]
CAPABILITIES = "IMAP4rev1 IDLE MOVE AUTH=XOAUTH2"


class Session:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.ended = asyncio.Event()  # the client hung up

    async def say(self, *lines: str) -> None:
        for line in lines:
            self.writer.write(line.encode() + b"\r\n")
        await self.writer.drain()

    async def line(self) -> str:
        return (await self.reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")

    def close(self) -> None:
        self.writer.close()


class ScriptedImap:
    """`answers` by command (UID ones by the next word); anything else is answered with OK. `asked` is every line."""

    def __init__(self, greeting: str = "* OK ready", **answers: Answer) -> None:
        self.greeting = greeting
        self.answers = answers
        self.asked: list[str] = []
        self.sessions: list[Session] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(reader, writer)
        self.sessions.append(session)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            if self.greeting:
                await session.say(self.greeting)
            while True:
                line = await session.line()
                self.asked.append(line)
                tag, _, rest = line.partition(" ")
                words = rest.upper().split()
                name = words[1] if words[0] == "UID" else words[0]
                if answer := self.answers.get(name.lower()):
                    await answer(session, tag, rest)
                elif name == "CAPABILITY":
                    await session.say(f"* CAPABILITY {CAPABILITIES}", f"{tag} OK done")
                elif name == "IDLE":
                    await session.say("+ idling")
                    await session.line()
                    await session.say(f"{tag} OK done")
                elif name == "SELECT":
                    await session.say("* OK [UIDVALIDITY 7] ok", f"{tag} OK done")
                else:
                    await session.say(f"{tag} OK done")
        session.ended.set()
        writer.close()


def says(*lines: str) -> Answer:
    """An answer of these lines, in which {tag} is the command's."""

    async def answer(session: Session, tag: str, _rest: str) -> None:
        await session.say(*(line.replace("{tag}", tag) for line in lines))

    return answer


async def silent(_session: Session, _tag: str, _rest: str) -> None:
    """Nothing is answered."""


async def closing(session: Session, _tag: str, _rest: str) -> None:
    session.close()


@contextlib.asynccontextmanager
async def scripted(greeting: str = "* OK ready", **answers: Answer) -> AsyncIterator[ScriptedImap]:
    imap = ScriptedImap(greeting, **answers)
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(asyncio.CancelledError):
            await imap.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    imap.port = server.sockets[0].getsockname()[1]
    try:
        yield imap
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in imap.sessions:
            session.close()
