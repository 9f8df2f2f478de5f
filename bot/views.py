"""Views: a case from the database as the card, a list or a link shows it. Shared by commands and courier."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from bot.blocks.card import CardView
from bot.blocks.listing import CaseLine
from storage import messages, reports
from storage.reports import CaseFile


@dataclass(frozen=True, slots=True)
class Views:
    """`workspace_url` is where people open the workspace, such as https://acme.slack.com/."""

    workspace_url: str

    def link(self, channel: str, ts: str, thread_ts: str | None = None) -> str | None:
        """A post's address, as Slack's "Copy link" gives it."""
        if not self.workspace_url:
            return None
        link = f"{self.workspace_url.rstrip('/')}/archives/{channel}/p{ts.replace('.', '')}"
        return f"{link}?thread_ts={thread_ts}&cid={channel}" if thread_ts else link

    def thread_link(self, file: CaseFile) -> str | None:
        return self.link(file.thread.channel, file.thread.thread_ts) if file.thread else None

    def case_line(self, file: CaseFile) -> CaseLine:
        return CaseLine(
            case_id=file.case.case_id,
            customer_name=file.customer.display_name,
            quiet_since=file.case.last_message_at,
            waiting_since=file.case.waiting_since,
            escalated=file.case.escalated,
            link=self.thread_link(file),
        )

    def card(self, connection: Connection, file: CaseFile) -> CardView:
        case, customer = file.case, file.customer
        first = messages.first_message(connection, case.case_id)
        previous = reports.case_file(connection, case.previous_case_id) if case.previous_case_id else None
        return CardView(
            case_id=case.case_id,
            customer_name=customer.display_name,
            customer_handle=f"@{customer.handle}" if customer.handle else customer.identifier,
            source=case.source,
            status=case.status,
            created_at=case.created_at,
            preview=first.body if first is not None and first.deleted_at is None else "",
            message_count=case.message_count,
            escalated=case.escalated,
            waiting_since=case.waiting_since,
            last_answer_by=case.last_answer_by,
            last_answer_at=case.last_answer_at,
            acknowledged_by=case.acknowledged_by,
            closed_at=case.closed_at,
            closed_by=case.closed_by,
            previous_case_id=case.previous_case_id,
            previous_link=self.thread_link(previous) if previous else None,
        )
