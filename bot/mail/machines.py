"""Which mails no person wrote to us: RFC 3834, RFC 3464, and the headers in use beside them.

The order is that of how sure and how grave a sign is: a bounce that says "auto-replied" is a bounce.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .addresses import identity
from .charsets import decode, one_line
from .parsed import Bounce, Machine
from .structure import Field, Part, read_fields, split_head

LOOP_HEADER = "X-Casewire-Loop"

_MESSAGE_ID = re.compile(r"<[^<>\s\x00-\x20\x7f-\U0010ffff]{1,990}>")
_MANY = 20

# What vacation programs begin their subjects with.
_AWAY = re.compile(
    r"^(?:re: ?|aw: ?)?(?:auto(?:mati(?:c|sche?|k))?[ :-]*(?:reply|response|antwort(?:en)?|svar|antwoord"
    r"|odpověď)\b|autoreply|autoresponder?|autosvar|automatisch antwoord|out of (?:the )?office"
    r"|vacation (?:reply|notice)|away from my|abwesenheit|automatische antwort"
    r"|ich bin (?:derzeit )?nicht im (?:büro|haus)|réponse automatique|absence du bureau|message d.absence"
    r"|absent du bureau|respuesta automática|fuera de la oficina|ausencia|resposta automática"
    r"|fora do escritório|ausência temporária|risposta automatica|fuori ufficio|assenza|afwezig"
    r"|automatiskt svar|frånvaro|frånvarande|automatisk svar|fravær|automaattinen vastaus|poissaolo"
    r"|automatická odpověď|autoodpowiedź|odpowiedź automatyczna|nieobecność|automatikus válasz|házon kívül"
    r"|răspuns automat|otomatik yanıt|ofis dışında|автоответ|автоматический ответ|автоматична відповідь"
    r"|нет на месте|αυτόματη απάντηση|מענה אוטומטי|رد تلقائي|自动回复|自動回覆|自動返信|自動応答|不在通知"
    r"|자동 회신|부재중|ตอบกลับอัตโนมัติ|trả lời tự động)",
    re.IGNORECASE,
)
_UNDELIVERED = re.compile(
    r"undeliver|delivery (?:status notification|failure|failed|problem|delayed)|mail delivery (?:failed"
    r"|system|delayed)|returned mail|failure notice|not delivered|could ?n.t be delivered"
    r"|delivery incomplete|warning: could not send|unzustellbar|zustellung fehlgeschlagen|nicht zugestellt"
    r"|non remis|échec de la remise|no se ha podido entregar|no entregado|mancata consegna|não entregue"
    r"|niet bezorgd|onbestelbaar|kunde inte levereras|не доставлено|недоставлен|配信不能|退信"
    r"|配信できません",
    re.IGNORECASE,
)
_NO_REPLY = re.compile(
    r"(?:do[-_.]?)?not?[-_.]?(?:reply|respond|response)\b.*|.*[-_.+]no[-_.]?reply|ne[-_.]?pas[-_.]?repondre"
    r"|no[-_.]?respond(?:a|er)|no[-_.]?contestar|nao[-_.]?responda|keine?[-_.]?antwort|nicht[-_.]?antworten|noreply.*"
)
_DAEMON = re.compile(r"mailer[-_.]?daemon|mail[-_.]?daemon|mmdf|mailerdaemon")
_IDS_IN_TEXT = re.compile(r"^[ \t>]*Message-ID:\s*(<[^<>\s]{1,990}>)", re.IGNORECASE | re.MULTILINE)
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")


@dataclass(frozen=True, slots=True)
class OwnMail:
    """By what Casewire knows its own mail: the addresses it sends from, and what its loop header says."""

    addresses: frozenset[str]
    loop_token: str


def message_ids(text: str) -> list[str]:
    return _MESSAGE_ID.findall(text)


def machine_of(root: Part, sender: str, subject: str, methods: Iterable[str], own: OwnMail) -> Machine | None:
    """None where a person seems to have written."""
    if root.has(LOOP_HEADER.lower()) or (sender and sender in own.addresses):
        return Machine.OWN
    if machine := _report(root, sender, subject):
        return machine
    if "REPLY" in methods:
        return Machine.CALENDAR
    is_away = bool(_AWAY.match(subject.strip()))
    if machine := _automatic(root, is_away=is_away):
        return machine
    if root.has("list-id") or root.has("list-unsubscribe") or _word(root, "precedence") == "list":
        return Machine.LIST
    if _suppresses(root):
        return Machine.AUTO_REPLY if is_away else Machine.BULK
    if is_away:
        return Machine.AUTO_REPLY
    return Machine.NO_REPLY if _NO_REPLY.fullmatch(sender.partition("@")[0]) else None


def _report(root: Part, sender: str, subject: str) -> Machine | None:
    kind = root.parameter("report-type").lower() if root.mime_type == "multipart/report" else ""
    parts = {part.mime_type for part in root.walk()}
    if (
        kind == "delivery-status"
        or "message/delivery-status" in parts
        or "message/global-delivery-status" in parts
    ):
        return Machine.REPORT if _only_good_news(root) else Machine.BOUNCE
    if kind in ("disposition-notification", "feedback-report") or parts & {
        "message/disposition-notification",
        "message/feedback-report",
    }:
        return Machine.REPORT
    local = sender.partition("@")[0]
    if root.has("x-failed-recipients") or _DAEMON.fullmatch(local):
        return Machine.BOUNCE
    from_nobody = root.first("return-path").replace(" ", "") == "<>"
    says_so = bool(_UNDELIVERED.search(subject))
    if local == "postmaster" and (from_nobody or says_so):
        return Machine.BOUNCE
    if from_nobody and not _says_automatic(root) and not _AWAY.match(subject.strip()):
        return Machine.BOUNCE
    return None


def _says_automatic(root: Part) -> bool:
    return _automatic(root, is_away=False) is not None or root.has("x-auto-response-suppress")


def _automatic(root: Part, *, is_away: bool) -> Machine | None:
    submitted = _word(root, "auto-submitted")
    if submitted and submitted != "no":
        is_answer = root.has("in-reply-to") or root.has("references")
        return Machine.AUTO_REPLY if submitted == "auto-replied" or is_away or is_answer else Machine.BULK
    if any(_word(root, name) not in ("", "no") for name in ("x-autoreply", "x-autorespond", "x-vacation")):
        return Machine.AUTO_REPLY
    precedence = _word(root, "precedence") or _word(root, "x-precedence")
    if precedence in ("auto_reply", "auto-reply"):
        return Machine.AUTO_REPLY
    if precedence in ("bulk", "junk"):
        is_list = root.has("list-id")
        return Machine.AUTO_REPLY if is_away else Machine.LIST if is_list else Machine.BULK
    return None


def _suppresses(root: Part) -> bool:
    words = re.split(r"[,;\s]+", root.first("x-auto-response-suppress").lower()[:200])
    return bool({"all", "oof", "autoreply"} & set(words))


def _word(root: Part, name: str) -> str:
    """The first word of a header, lower-cased, without its comments and parameters."""
    return re.split(r"[;\s(]", root.first(name).strip().lower()[:200], maxsplit=1)[0]


def bounce_of(root: Part) -> Bounce:
    """What a bounce says of the mail that did not arrive. Every field may be empty."""
    fields = _status_fields(root)
    said = [each.text for each in fields if each.name == "action"]
    statuses = [found[0] for each in fields if each.name == "status" and (found := _STATUS.search(each.text))]
    diagnostics = [
        one_line(each.text.partition(";")[2] or each.text) for each in fields if each.name == "diagnostic-code"
    ]
    recipients = [each.text.rpartition(";")[2] for each in fields if each.name == "final-recipient"]
    recipients += [each.text.rpartition(";")[2] for each in fields if each.name == "original-recipient"]
    recipients += [each for text in root.all("x-failed-recipients") for each in text.split(",")]
    text = "" if statuses else _first_text(root)
    if not statuses and (found := re.search(r"\b([45]\.\d{1,3}\.\d{1,3})\b", text)):
        statuses = [found[1]]
    if not diagnostics:
        diagnostics = [one_line(line) for line in text.split("\n") if re.search(r"\b[45]\d\d[ -]", line)][:1]
    actions = {one_line(each).lower().partition(" ")[0] for each in said}
    is_warning = bool(re.search(r"delayed|warning: could not send", root.first("subject"), re.IGNORECASE))
    return Bounce(
        message_ids=_bounced_ids(root, fields)[:_MANY],
        recipients=tuple(dict.fromkeys(_recipients(recipients)))[:_MANY],
        status=next((each for each in statuses if each[0] != "2"), ""),
        diagnostic=next(iter(diagnostics), "")[:500],
        is_delay="failed" not in actions and ("delayed" in actions or (not actions and is_warning)),
    )


def _recipients(found: list[str]) -> list[str]:
    return [address for each in found if (address := identity(each.strip().strip("<>"))[0])]


def _only_good_news(root: Part) -> bool:
    """A notice of success: delivered, relayed or expanded, and nothing failed or delayed (RFC 3464, 2.3.3)."""
    actions = [one_line(each.text).lower() for each in _status_fields(root) if each.name == "action"]
    return bool(actions) and all(each.startswith(("delivered", "relayed", "expanded")) for each in actions)


def _status_fields(root: Part) -> list[Field]:
    """The fields of all delivery-status parts: groups divided by blank lines."""
    found: list[Field] = []
    for part in root.walk():
        if part.mime_type in ("message/delivery-status", "message/global-delivery-status"):
            for group in re.split(rb"\r?\n\r?\n", part.content()[: 256 * 1024])[:100]:
                found.extend(read_fields(group.lstrip() + b"\n")[0])
    return found


def _bounced_ids(root: Part, status: list[Field]) -> tuple[str, ...]:
    found: list[str] = []
    for part in root.walk():
        if part.mime_type in ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"):
            fields, _ = read_fields(split_head(part.content().lstrip(b"\r\n"))[0])
            found += [
                each for field in fields if field.name == "message-id" for each in message_ids(field.text)[:1]
            ]
    for field in status:
        if field.name in ("original-message-id", "x-original-message-id"):
            found += message_ids(field.text)
    if not found:
        found = _IDS_IN_TEXT.findall(_first_text(root))
    return tuple(dict.fromkeys(found))


def _first_text(root: Part) -> str:
    for part in root.walk():
        if not part.parts and part.mime_type.startswith("text/"):
            return decode(part.content()[: 64 * 1024], part.parameter("charset"))
    return ""
