"""The mails of a case, and the secrets that mark our own."""

import asyncio
from collections.abc import Callable

from sqlalchemy import Connection

from storage import cases, correspondence
from storage.cases import Customer
from storage.correspondence import LOOKED_AT, CaseMail
from storage.engine import Database
from storage.secrets import BYTES, secret
from tests.storage.kit import NOON, a_case, after

CASE = "CASE_001"


def mail(number: int, **changed: object) -> CaseMail:
    given = {
        "message_id": f"<{number}@example.com>",
        "case_id": CASE,
        "kind": "customer",
        "address": "dana@example.com",
        "subject": "Order",
        "at": after(number),
    }
    return CaseMail(**(given | changed))  # type: ignore[arg-type]


def with_mails(*mails: CaseMail) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        cases.add_customers(connection, [Customer("U1", "Dana")], NOON)
        cases.insert_cases(connection, [(1, a_case())])
        for one in mails:
            correspondence.add_mail(connection, one)

    return work


class TestMails:
    async def test_they_come_back_as_they_were_noted_the_newest_last(self, database: Database) -> None:
        ours = mail(2, kind="answer", references=("<1@example.com>",), name="Dana")
        await database.write(with_mails(mail(1), ours))
        found = await database.read(lambda c: correspondence.mails_of(c, CASE))
        assert list(found) == [mail(1), ours]
        assert [one.is_ours for one in found] == [False, True]

    async def test_a_mail_is_noted_once(self, database: Database) -> None:
        await database.write(with_mails(mail(1), mail(1, subject="Other")))
        found = await database.read(lambda c: correspondence.mails_of(c, CASE))
        assert list(found) == [mail(1)]

    async def test_of_a_very_long_case_the_newest_are_looked_at(self, database: Database) -> None:
        await database.write(with_mails(*(mail(number) for number in range(LOOKED_AT + 5))))
        found = await database.read(lambda c: correspondence.mails_of(c, CASE))
        assert len(found) == LOOKED_AT
        assert found[-1] == mail(LOOKED_AT + 4)


class TestSecrets:
    async def test_a_secret_is_made_once_and_is_the_same_for_ever(self, database: Database) -> None:
        made = await asyncio.gather(*(database.write(lambda c: secret(c, "mail")) for _ in range(5)))
        assert len(set(made)) == 1
        assert len(made[0]) == BYTES

    async def test_each_name_has_its_own(self, database: Database) -> None:
        one, other = [await database.write(lambda c, name=name: secret(c, name)) for name in ("mail", "other")]
        assert one != other
