"""Names that change: a customer's new one is taken over, and shown on the card."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from bot.people import People
from storage import cases, wishes
from storage.cases import Customer
from storage.engine import Database


async def rename(database: Database, people: People, person: str, now: datetime) -> bool:
    """Whether there is a card to bring up to date.

    Most who change are no customers, and Slack is asked only about those who are. It is asked, and what it sent
    is not used: of two changes, the one told last need not be the newer.
    """
    if await database.read(partial(cases.find_customer, identifier=person)) is None:
        return False
    profile = await people.profile(person)
    customer = Customer(profile.id, profile.name, profile.handle)

    def work(connection: Connection) -> bool:
        case_id = cases.rename_customer(connection, customer)
        if case_id is None:
            return False
        wishes.want(connection, [wishes.card_wish(case_id, now)])
        return True

    return await database.write(work)
