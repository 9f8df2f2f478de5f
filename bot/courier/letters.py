"""What a mail to a customer says: read from the case as it stands when the mail is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from sqlalchemy import Connection

from bot.blocks import words
from bot.blocks.files import not_sent
from bot.blocks.line import plain, shown_author
from bot.desk.model import FileTrouble, LostFile
from bot.text.safe import cut_bytes, is_blank, show
from bot.text.twin import html_of, quoted_html
from storage import attachments, correspondence, messages, reports
from storage.attachments import Attachment
from storage.cases import Customer
from storage.correspondence import CaseMail
from storage.messages import Message
from storage.outbox import OutboxRow
from storage.secrets import secret

from .letter import Automatic, Letter, loop_token, new_message_id, references_to, reply_subject
from .render import read_lost_files

KEY_NAME = "mail"
QUOTE_LINES = 60
QUOTE_BYTES = 4000
_AUTOMATIC: dict[str, Automatic] = {
    "received": "auto-replied",
    "closed": "auto-generated",
    "files_not_sent": "auto-replied",
}
# A colleague may have had a reason to take a file back.
_NOT_FOR_CUSTOMERS = {FileTrouble.DELETED}


@dataclass(frozen=True, slots=True)
class Stationery:
    """What the operator set of the mails that go out. `footer` ends each; `received` is read for `{case_id}`."""

    sender: str
    sender_name: str
    footer: str
    received: str
    file_max_bytes: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A mail but for its files: which of them get here, and fit, is not known yet."""

    row: OutboxRow
    case_id: str
    customer: Customer
    message: Message | None
    text: str
    html: str
    files: tuple[Attachment, ...]
    answered: CaseMail | None
    quoted: str
    message_id: str
    loop_token: str

    @property
    def is_answer(self) -> bool:
        return self.message is not None

    @property
    def version(self) -> tuple[datetime | None, datetime | None]:
        """Tells whether what was written has changed since."""
        return (self.message.edited_at, self.message.deleted_at) if self.message else (None, None)


class LetterWriter:
    def __init__(self, stationery: Stationery) -> None:
        self._stationery = stationery

    def draft(self, connection: Connection, row: OutboxRow, key: bytes) -> Draft:
        """The mail of an outbox row; its Message-ID is always the same."""
        case_id = row.case_id or ""
        file = reports.case_file(connection, case_id)
        if file is None:
            raise ValueError(f"a mail about a case that does not exist: {row.case_id}")
        customer = file.customer
        message = messages.load_message(connection, row.message_id) if row.message_id is not None else None
        if row.kind == "answer" and message is None:
            raise ValueError(f"an answer that does not exist: {row.message_id}")
        at = message.timestamp if message is not None else row.created_at
        answered = _answered(correspondence.mails_of(connection, case_id), at)
        text, html = self._said(connection, row, case_id, message)
        return Draft(
            row,
            case_id,
            customer,
            message,
            text,
            html,
            tuple(attachments.files_of(connection, message.id)) if message is not None else (),
            answered,
            _quoted(connection, answered) if message is not None and answered is not None else "",
            new_message_id(key, case_id, row.id, self._stationery.sender),
            loop_token(key),
        )

    def letter(self, draft: Draft, lost: tuple[LostFile, ...], now: datetime) -> Letter:
        """The mail as it goes out, without the files that are lost."""
        answered, customer = draft.answered, draft.customer
        text, html = self._composed(draft, lost)
        return Letter(
            sender=self._stationery.sender,
            sender_name=self._stationery.sender_name,
            to=customer.identifier,
            to_name=_name_of(customer),
            subject=self.subject(draft),
            message_id=draft.message_id,
            references=references_to(answered.message_id, tuple(reversed(answered.references)))
            if answered
            else (),
            date=now,
            text=text,
            html=html,
            loop_token=draft.loop_token,
            automatic=_AUTOMATIC.get(draft.row.kind),
        )

    def subject(self, draft: Draft) -> str:
        original = draft.answered.subject if draft.answered else ""
        return reply_subject(original, draft.case_id, words.MAIL_UNNAMED)

    def _said(
        self, connection: Connection, row: OutboxRow, case_id: str, message: Message | None
    ) -> tuple[str, str]:
        """The words of the mail and their HTML."""
        if message is None:
            text = self._notice(row).replace("{case_id}", case_id)
            return text, html_of(text)
        text = messages.whole_text(connection, message)
        if is_blank(text):
            text = plain(words.ANSWER_NO_WORDS, author=shown_author(message.sender_name))
            return text, html_of(text)
        return show(text), message.html or html_of(text)

    def _notice(self, row: OutboxRow) -> str:
        match row.kind:
            case "received":
                return self._stationery.received
            case "closed":
                return words.MAIL_CLOSED
            case "files_not_sent":
                files = not_sent(read_lost_files(row.payload["files"]), self._stationery.file_max_bytes)
                by_customer = row.payload["by_customer"]
                said = words.FILES_NOT_SENT_TO_DESK if by_customer else words.FILES_NOT_SENT_TO_CUSTOMER
                return said.replace("{files}", files)
            case _:
                raise ValueError(f"a notice of a kind that no mail says: {row.kind}")

    def _composed(self, draft: Draft, lost: tuple[LostFile, ...]) -> tuple[str, str]:
        texts, htmls = [draft.text], [draft.html]
        told = [file for file in lost if file.trouble not in _NOT_FOR_CUSTOMERS]
        if told:
            missing = not_sent(told, self._stationery.file_max_bytes)
            _add(texts, htmls, words.MAIL_FILES_MISSING.format(files=missing))
        if draft.row.payload.get("closing"):
            _add(texts, htmls, words.MAIL_CLOSING.format(case_id=draft.case_id))
        foot = self._foot(draft)
        texts.append(f"-- \n{foot}")
        htmls.append(f'<p style="color: #666">-- <br>\n{escape(foot).replace(chr(10), "<br>" + chr(10))}</p>')
        if draft.quoted and draft.answered is not None:
            name = _name_of(draft.customer) or draft.customer.identifier
            head = words.MAIL_QUOTED.format(at=f"{draft.answered.at:%Y-%m-%d %H:%M} UTC", name=name)
            texts.append(head + "\n" + "\n".join(f"> {line}".rstrip() for line in draft.quoted.split("\n")))
            htmls.append(f"<p>{escape(head)}</p>\n{quoted_html(draft.quoted)}")
        html = "<html><body>\n" + "\n".join(htmls) + "\n</body></html>"
        return "\n\n".join(texts) + "\n", html + "\n"

    def _foot(self, draft: Draft) -> str:
        if draft.message is None:
            foot = words.MAIL_FOOT_NOTICE
        else:
            author = shown_author(draft.message.sender_name)
            foot = words.MAIL_FOOT.format(author=author, case_id=draft.case_id)
        footer = self._stationery.footer
        return f"{foot}\n{show(footer)}" if footer else foot


def mail_secret(connection: Connection) -> bytes:
    """What our Message-IDs and our mark on our own mail are made with."""
    return secret(connection, KEY_NAME)


def as_lost(attachment: Attachment, trouble: FileTrouble, detail: str = "") -> LostFile:
    return LostFile(attachment.source_id or str(attachment.id), attachment.name, trouble, detail)


def _add(texts: list[str], htmls: list[str], text: str) -> None:
    texts.append(text)
    htmls.append(f"<p>{escape(text)}</p>")


def _answered(mails: Sequence[CaseMail], at: datetime) -> CaseMail | None:
    """The customer's mail that is answered: the last one that was there when the answer was written."""
    theirs = [mail for mail in mails if mail.kind == "customer"]
    before = [mail for mail in theirs if mail.at <= at]
    found = before or theirs
    return found[-1] if found else None


def _quoted(connection: Connection, mail: CaseMail) -> str:
    message = messages.load_message(connection, mail.message) if mail.message is not None else None
    if message is None or is_blank(message.body):
        return ""
    text, was_cut = cut_bytes(show(messages.whole_text(connection, message)).strip(), QUOTE_BYTES, "")
    lines = text.split("\n")
    if was_cut or len(lines) > QUOTE_LINES:
        lines = [*lines[:QUOTE_LINES], words.MAIL_QUOTE_CUT]
    return "\n".join(lines)


def _name_of(customer: Customer) -> str:
    return "" if customer.display_name == customer.identifier else customer.display_name
