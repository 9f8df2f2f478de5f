"""What people ask to see: answered from the database, nothing changed."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from bot.blocks.help import reply_text
from bot.blocks.post import Post
from bot.blocks.status import (
    CustomerStatusView,
    DeskCounts,
    admin_case_status,
    case_list,
    customer_status,
    desk_status,
)
from bot.desk.effects import Reply, ReplyKind
from bot.views import Views
from storage import cases, held_mails, reports
from storage.engine import Database
from storage.reports import CaseFile

LISTED = 40
LONGEST_WAITING = 10


class Enquiries:
    """Each raises DatabaseUnavailable when the database is away."""

    def __init__(self, database: Database, views: Views, command: str) -> None:
        self._database = database
        self._views = views
        self._command = command

    async def own_case(self, customer: str) -> Post:
        """A customer's own open case, or the one closed last; never a word about anybody else's."""

        def work(connection: Connection) -> CaseFile | None:
            known = cases.find_customer(connection, customer)
            if known is None or known.current_case_id is None:
                return None
            return reports.case_file(connection, known.current_case_id)

        file = await self._database.read(work)
        if file is None:
            return customer_status(None)
        case = file.case
        return customer_status(
            CustomerStatusView(
                case.case_id,
                case.status,
                case.created_at,
                waits=case.waiting_since is not None,
                last_answer_at=case.last_answer_at,
                closed_at=case.closed_at,
            )
        )

    async def file(self, case_id: str) -> CaseFile | None:
        return await self._database.read(partial(reports.case_file, case_id=case_id))

    async def case(self, case_id: str) -> Post:
        def work(connection: Connection) -> Post:
            file = reports.case_file(connection, case_id)
            if file is None:
                return reply_text(Reply(ReplyKind.NOT_FOUND, case_id), command=self._command)
            return admin_case_status(self._views.card(connection, file), self._views.thread_link(file))

        return await self._database.read(work)

    async def desk(self) -> Post:
        """The counts, and who waits longest."""

        def work(connection: Connection) -> Post:
            counts = cases.read_counters(connection)
            troubles = reports.troubles(connection)
            waiting = reports.longest_waiting(connection, LONGEST_WAITING)
            return desk_status(
                DeskCounts(
                    open=counts.get("open", 0),
                    waiting=counts.get("waiting", 0),
                    escalated=counts.get("escalated", 0),
                    held=held_mails.count_held(connection),
                    quarantined=troubles.quarantined,
                    parked=troubles.parked,
                ),
                [self._views.case_line(file) for file in waiting],
            )

        return await self._database.read(work)

    async def list(self) -> Post:
        def work(connection: Connection) -> Post:
            files = reports.open_cases(connection, LISTED)
            total = cases.read_counters(connection).get("open", 0)
            held = held_mails.count_held(connection)
            return case_list([self._views.case_line(file) for file in files], total, self._command, held)

        return await self._database.read(work)

    async def links(self, reply: Reply) -> dict[str, str]:
        """The addresses of the threads of the cases that a reply names."""
        named = [case_id for case_id in (reply.case_id, reply.other_case_id) if case_id]
        if not named:
            return {}
        threads = await self._database.read(partial(cases.threads_of, case_ids=named))
        links = {
            case_id: self._views.link(thread.channel, thread.thread_ts) for case_id, thread in threads.items()
        }
        return {case_id: link for case_id, link in links.items() if link is not None}
