"""`python -m tests.support.mail_reader DATABASE_URL PORT`: reads a mailbox until it is killed."""

import asyncio
import sys
import uuid

from storage.engine import open_database
from tests.support.reading import mailbox_settings, reading


async def main(database_url: str, port: int) -> None:
    database = open_database(database_url)
    async with reading(database, mailbox_settings(port), owner=uuid.uuid4().hex) as running:
        await running.flows()
        print("reads", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
