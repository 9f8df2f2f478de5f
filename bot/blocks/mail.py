"""Mail that no case has taken: one for an admin to decide on, a list of them, and alerts about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.desk.mail_rules import WhyHeld
from bot.text.safe import escape

from . import mail_words as words
from .line import Channel, Line, Link, User, line, name, one_line, plain
from .parts import Button, Sure, button_element, buttons, header, paragraph, plain_text, quote
from .post import Passage, Post, compose

EXCERPT_SIZE = 600
SENDER_SIZE = 120
SUBJECT_SIZE = 200
LISTED = 40
LISTED_SUBJECT_SIZE = 80

ACTION_ACCEPT_MAIL = "mail_accept"
ACTION_OPEN_MAIL = "mail_open"
ACTION_BLOCK_MAIL = "mail_block"
ACTION_SET_MAIL_ASIDE = "mail_set_aside"


@dataclass(frozen=True, slots=True)
class HeldView:
    """A mail that no case has taken. `sender` is the address found usable, `sender_shown` is From as written.

    `case` is the case it would go into, or went into.
    """

    number: int
    why: str
    state: str
    at: datetime
    sender: str = ""
    sender_shown: str = ""
    subject: str = ""
    excerpt: str = ""
    verdict: str = ""
    verdict_detail: str = ""
    keyword: str = ""
    case: Link | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    link: str | None = None


def held_mail(view: HeldView) -> Post:
    """Everything in it is somebody's words, and nothing of it is read for marks."""
    if view.state == "shown":
        why: tuple[Line | None, ...] = tuple(line(said) for said in words.SHOWN)
        title = words.TITLE_SHOWN
    else:
        reason = WhyHeld(view.why)
        title = (words.TITLE_URGENT if view.keyword else words.TITLE_HELD).format(why=words.WHY_SHORT[reason])
        why = (line(words.WHY[reason]), _verdict(view), _keyword(view), _would_go(view))
    return compose(
        header(title),
        paragraph(
            line(words.FROM, sender=_sender(view)),
            line(words.SUBJECT, subject=_subject(view)),
            line(words.RECEIVED, at=view.at),
            *why,
        ),
        quote(view.excerpt, EXCERPT_SIZE),
        buttons(*_choices(view)) if view.state == "held" else paragraph(_decided(view)),
    )


def mail_list(views: Sequence[HeldView]) -> Post:
    """What waits stands first: a full list makes room as it is decided."""
    ordered = sorted(views, key=lambda view: view.state not in {"held", "listed"})
    shown = ordered[:LISTED]
    more = len(ordered) - len(shown)
    return compose(
        header(words.TITLE_DIGEST),
        *(_listed(view) for view in shown),
        paragraph(line(words.LISTED_MORE, count=more)) if more else None,
    )


def held_alert(views: Sequence[HeldView], support_channel: str, *, urgent: bool) -> Post:
    """For the alerting channel: a mail sounds urgent, or several wait for too long."""
    said = line(
        words.ALERT_URGENT if urgent else words.ALERT_DUE, count=len(views), channel=Channel(support_channel)
    )
    return compose(
        paragraph(said, *(_alert_line(view) for view in views[:LISTED])),
        quote(views[0].excerpt, EXCERPT_SIZE) if urgent and views else None,
    )


def admin_mail(text: str) -> Post:
    """How admins act by mail, where that is not as one would think."""
    return compose(paragraph(line(words.ADMIN_MAIL, text=text)))


def many_cases(limit: int, support_channel: str) -> Post:
    return compose(paragraph(line(words.MANY_CASES, limit=limit, channel=Channel(support_channel))))


def many_automatic(limit: int) -> Post:
    return compose(paragraph(line(words.MANY_AUTOMATIC, limit=limit)))


def bounced(case: Link, author: str, why: Line) -> Post:
    """An answer came back whose case is closed."""
    return compose(paragraph(line(words.BOUNCED, to=User(author), case=case), why))


def _choices(view: HeldView) -> tuple[Button | None, ...]:
    sender, value = one_line(view.sender, SENDER_SIZE), str(view.number)
    accept = new = block = None
    if view.sender and view.case is not None:
        label = plain(words.LABEL_ACCEPT, sender=sender, case_id=view.case.words)
        accept = Button(ACTION_ACCEPT_MAIL, words.BUTTON_ACCEPT, label, value=value)
    if view.sender:
        new = Button(ACTION_OPEN_MAIL, words.BUTTON_OPEN, plain(words.LABEL_OPEN, sender=sender), value=value)
        question = plain(words.SURE_BLOCK, sender=sender)
        sure = Sure(words.SURE_BLOCK_TITLE, question, words.BUTTON_BLOCK, "Cancel")
        label = plain(words.LABEL_BLOCK, sender=sender)
        block = Button(ACTION_BLOCK_MAIL, words.BUTTON_BLOCK, label, value=value, style="danger", sure=sure)
    label = plain(words.LABEL_SET_ASIDE, sender=sender)
    aside = Button(ACTION_SET_MAIL_ASIDE, words.BUTTON_SET_ASIDE, label, value=value)
    return (accept, new, block, aside)


def _listed(view: HeldView) -> Passage:
    values = {
        "sender": _sender(view),
        "subject": one_line(view.subject, LISTED_SUBJECT_SIZE) or words.NO_SUBJECT,
        "by": name(view.decided_by),
        "case": view.case.words if view.case is not None else "",
        "kind": words.KINDS.get(view.why, view.why),
    }
    template = words.LISTED_DONE.get(view.state, words.LISTED)
    text = plain(template, at=view.at, **values)
    block: dict[str, object] = {"type": "section", "text": plain_text(text)}
    if template is words.LISTED and view.sender:
        label = plain(words.LABEL_OPEN, sender=one_line(view.sender, SENDER_SIZE))
        block["accessory"] = button_element(
            Button(ACTION_OPEN_MAIL, words.BUTTON_OPEN_LISTED, label, value=str(view.number))
        )
    return Passage(block, escape(text))


def _alert_line(view: HeldView) -> Line:
    return line(words.ALERT_LINE, sender=_sender(view), mail=Link(_subject(view), view.link), at=view.at)


def _sender(view: HeldView) -> str:
    return one_line(view.sender_shown or view.sender, SENDER_SIZE) or words.NO_SENDER


def _subject(view: HeldView) -> str:
    return one_line(view.subject, SUBJECT_SIZE) or words.NO_SUBJECT


def _verdict(view: HeldView) -> Line | None:
    verdict = words.VERDICTS.get(view.verdict)
    if verdict is None:
        return None
    detail = one_line(view.verdict_detail, SUBJECT_SIZE)
    template = words.VERDICT_DETAIL if detail else words.VERDICT
    return line(template, verdict=verdict, detail=detail)


def _keyword(view: HeldView) -> Line | None:
    return line(words.KEYWORD, keyword=view.keyword) if view.keyword else None


def _would_go(view: HeldView) -> Line | None:
    if view.case is None or view.state != "held":
        return None
    return line(words.WOULD_GO, case=view.case)


def _decided(view: HeldView) -> Line | None:
    template = words.DECIDED.get(view.state)
    if template is None or view.decided_at is None:
        return None
    return line(template, case=view.case or Link(""), by=name(view.decided_by), at=view.decided_at)
