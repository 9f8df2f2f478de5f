"""What the database knows of mails, gathered for all of a batch at once, and where each belongs by that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.desk.mail_rules import (
    Answers,
    CameBack,
    Held,
    Joins,
    Place,
    Proof,
    Related,
    Returned,
    Seen,
    ShownBeside,
    Sort,
    place_mail,
)
from bot.desk.policy import MailPolicy
from bot.mail.parsed import Machine
from storage import cases, correspondence, mail_people
from storage.correspondence import MailId

from .mail_prepare import Mail

REFERENCES = 100
RECIPIENTS = 100


@dataclass(frozen=True, slots=True)
class Waits:
    """It refers to a mail that is decided in the same round: it is looked at again after that."""


def place_mails(
    connection: Connection, mails: Sequence[Mail], policy: MailPolicy, now: datetime
) -> list[Place | Waits]:
    if not mails:
        return []
    referred = {mail.mail_id: mail.parsed.references[:REFERENCES] for mail in mails}
    returned = {
        mail.mail_id: (mail.parsed.bounce.message_ids or mail.parsed.references)[:REFERENCES]
        for mail in mails
        if mail.parsed.bounce is not None
    }
    wanted = [one for ids in (*referred.values(), *returned.values()) for one in ids]
    known: dict[str, list[MailId]] = {}
    for found in correspondence.find_ids(connection, wanted):
        known.setdefault(found.message_id, []).append(found)
    people = {one for mail in mails for one in (mail.address, *sorted(mail.recipients)[:RECIPIENTS]) if one}
    open_of = cases.open_cases_of(connection, people)
    case_ids = {found.case_id for ids in known.values() for found in ids} | set(open_of.values())
    case_ids |= {tag for mail in mails for tag in mail.parsed.tags}
    standings = cases.standings(connection, case_ids)
    participants = mail_people.participants_of(connection, case_ids)
    blocked = mail_people.blocked_among(connection, [mail.address for mail in mails if mail.address])

    def related(ids: Sequence[str]) -> tuple[Related, ...]:
        return tuple(
            Related(
                case_id,
                standings[case_id].customer,
                standings[case_id].is_open,
                participants.get(case_id, frozenset()),
            )
            for case_id in dict.fromkeys(ids)
            if case_id in standings
        )

    placed: list[Place | Waits] = []
    before: dict[str, str] = {}  # the mails of this round so far, which no case has yet
    for mail in mails:
        of_others = [one for one in referred[mail.mail_id] if before.get(one, mail.address) != mail.address]
        before[mail.parsed.message_id] = mail.address
        if of_others and not any(one in known for one in of_others):
            placed.append(Waits())
            continue
        seen = Seen(
            sender=mail.address or None,
            sort=_sort(mail),
            proof=Proof(mail.parsed.verdict.value),
            is_spam=mail.parsed.is_spam,
            is_blocked=mail.address in blocked,
            is_used=mail.address in policy.admins and mail_people.used_before(connection, mail.parsed.message_id),
            is_old=now - mail.at > policy.admin_mail_lasts,
            referred=related([found.case_id for one in referred[mail.mail_id] for found in known.get(one, ())]),
            tagged=related(mail.parsed.tags),
            of_recipients=related([open_of[one] for one in sorted(mail.recipients) if one in open_of]),
            own_open=open_of.get(mail.address),
            returned=_returned(returned.get(mail.mail_id, ()), known),
        )
        placed.append(place_mail(seen, policy))
    return placed


def case_ids_of(place: Place | Waits) -> tuple[str, ...]:
    """The cases that must be loaded to do what the place says."""
    match place:
        case Joins(case_id=str(case_id)) | Answers(case_id) | ShownBeside(case_id):
            return (case_id,)
        case CameBack(returned):
            return (returned.case_id,)
        case Held(case_id=str(case_id)):
            return (case_id,)
        case _:
            return ()


def _sort(mail: Mail) -> Sort:
    if mail.parsed.bounce is not None and mail.parsed.bounce.is_delay:
        return Sort.DELAY
    match mail.parsed.machine:
        case None:
            return Sort.PERSON
        case Machine.OWN:
            return Sort.OWN
        case Machine.BOUNCE:
            return Sort.BOUNCE
        case _:
            return Sort.MACHINE


def _returned(message_ids: Sequence[str], known: dict[str, list[MailId]]) -> Returned | None:
    """The mail of ours that came back: an answer rather than a notice."""
    ours = [found for one in message_ids for found in known.get(one, ()) if found.kind in {"answer", "notice"}]
    ours.sort(key=lambda found: found.message is None)
    return Returned(ours[0].case_id, ours[0].message) if ours else None
