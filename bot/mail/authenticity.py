"""What the receiving server itself says about a mail's sender, in Authentication-Results (RFC 8601).

Anybody can write such a header into a mail. Those that count stand at the very top, one after the other, and carry
the name of the server that we fetch mail from; what stands below its first line came with the mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from .addresses import identity
from .charsets import one_line
from .parsed import Verdict
from .structure import Field

HEADER = "authentication-results"


class Form(StrEnum):
    STANDARD = "standard"
    NO_NAME = "no_name"  # Microsoft 365: the header begins with its first result


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose headers count. `pattern` matches the whole authserv-id; "" where no server is known to trust."""

    described: str
    pattern: str = ""
    form: Form = Form.STANDARD
    is_proven: bool = False
    is_run: bool = False  # the server writes several headers, one below the other; else only the first one counts

    @property
    def is_known(self) -> bool:
        return bool(self.pattern)


@dataclass(frozen=True, slots=True)
class Judgement:
    verdict: Verdict
    detail: str


_UNKNOWN = Trust("no server whose Authentication-Results are known to be its own: set EMAIL_AUTHSERV_ID")
_GMAIL = Trust("Gmail (mx.google.com)", r"mx\.google\.com", is_proven=True)
_FASTMAIL = Trust(
    "Fastmail (mx….messagingengine.com)", r"mx[0-9a-z-]*\.messagingengine\.com", is_proven=True, is_run=True
)
_ICLOUD = Trust(
    "iCloud (….icloud.com)", r"(?:dmarc|spf|dkim-verifier|bimi|arc)\.icloud\.com", is_proven=True, is_run=True
)
_YAHOO = Trust(
    "Yahoo and AOL (atlas….yahoo.com)",
    r"atlas[0-9a-z-]*(?:\.[0-9a-z-]+)*\.mail\.[0-9a-z]+\.yahoo\.com",
    is_proven=True,
)
_MICROSOFT = Trust("Microsoft 365 (unproven)", r"mx\.microsoft\.com|", Form.NO_NAME)
# IMAP host, or the end of one behind a dot.
_BY_HOST = {
    "imap.gmail.com": _GMAIL,
    "imap.googlemail.com": _GMAIL,
    "imap.fastmail.com": _FASTMAIL,
    "imap.messagingengine.com": _FASTMAIL,
    "imap.mail.me.com": _ICLOUD,
    "imap.mail.yahoo.com": _YAHOO,
    "imap.aol.com": _YAHOO,
    "posteo.de": Trust("Posteo (posteo.de)", r"(?:[0-9a-z-]+\.)?posteo\.de", is_proven=True),
    "imap.mail.ru": Trust("Mail.ru (mxs.mail.ru)", r"mxs\.mail\.ru", is_proven=True),
    "imap.zoho.com": Trust("Zoho (mx.zohomail.com)", r"mx\.zohomail\.com"),
    "imap.zoho.eu": Trust("Zoho (mx.zohomail.eu)", r"mx\.zohomail\.eu", is_proven=True),
    "mail.infomaniak.com": Trust("Infomaniak (mx.infomaniak.com)", r"mx\.infomaniak\.com", is_proven=True),
    "mail.ecloud.global": Trust("/e/ (mail….ecloud.global)", r"mail[0-9]*\.ecloud\.global", is_proven=True),
    "outlook.office365.com": _MICROSOFT,
    "outlook.office.com": _MICROSOFT,
    "imap-mail.outlook.com": _MICROSOFT,
}


def trust_of(imap_server: str, authserv_id: str = "") -> Trust:
    """EMAIL_AUTHSERV_ID, where set, comes before what is known of the host."""
    own = authserv_id.strip().rstrip(".").lower()
    if own:
        return Trust(f"{own} (EMAIL_AUTHSERV_ID)", re.escape(own), is_proven=True, is_run=True)
    return _BY_HOST.get(imap_server.strip().rstrip(".").lower(), _UNKNOWN)


def judge(fields: tuple[Field, ...], sender: str, trust: Trust) -> Judgement:
    """What the trusted server says of the domain of `sender` (an address as `identity` gives it)."""
    if not trust.is_known:
        return Judgement(Verdict.UNTRUSTED, "No mail server is known whose word would count.")
    results, seen = _trusted_results(fields, trust)
    if not seen:
        return Judgement(
            Verdict.UNTRUSTED, f"No Authentication-Results of {trust.described} at the top of the mail."
        )
    domain = _unicode(sender.rpartition("@")[2])
    if not domain:
        return Judgement(Verdict.NONE, "There is no sender to check.")
    dmarc = [each for each in results if each.method == "dmarc"]
    if len(dmarc) > 1:
        return Judgement(Verdict.FAILED, "The mail server gives more than one DMARC result; none is believed.")
    if dmarc:
        return _by_dmarc(dmarc[0], domain)
    return _by_dkim([each for each in results if each.method == "dkim"], domain)


@dataclass(frozen=True, slots=True)
class Result:
    method: str
    result: str
    properties: tuple[tuple[str, str], ...]  # ("header.from", "example.org"), in order

    def get(self, name: str) -> list[str]:
        return [value for each, value in self.properties if each == name]


def _by_dmarc(found: Result, domain: str) -> Judgement:
    named = found.get("header.from")
    if found.result == "pass":
        if len(named) == 1 and _unicode(named[0].rpartition("@")[2]) == domain:
            return Judgement(Verdict.PASSED, f"dmarc=pass for {domain}")
        shown = ", ".join(named)[:200] or "no domain"
        return Judgement(Verdict.FAILED, f"dmarc=pass is for {shown}, and not for {domain}.")
    if found.result in ("none", "bestguesspass", "temperror", "temperr", "unknown", "skipped"):
        return Judgement(Verdict.NONE, f"dmarc={found.result}")
    return Judgement(Verdict.FAILED, f"dmarc={found.result}")


def _by_dkim(found: list[Result], domain: str) -> Judgement:
    """Aligned: the signing domain is that of From, or one above it with at least two labels."""
    for each in found:
        signers = [
            _unicode(value.rpartition("@")[2]) for name in ("header.d", "header.i") for value in each.get(name)
        ]
        if each.result == "pass" and signers and all(_aligned(signer, domain) for signer in signers):
            return Judgement(Verdict.PASSED, f"dkim=pass by {signers[0]}; nothing about DMARC")
    if any(each.result in ("fail", "policy", "permerror") for each in found):
        return Judgement(Verdict.FAILED, "dkim=fail, and nothing about DMARC")
    return Judgement(Verdict.NONE, "neither DMARC nor a signature of the sender's domain")


def _aligned(signer: str, domain: str) -> bool:
    # Stricter than RFC 7489's relaxed mode, which needs the list of public suffixes: a sister domain is refused,
    # and so is a parent of only two labels unless it is the domain itself ("co.uk" signs for nobody below it).
    return signer == domain or (signer.count(".") >= 2 and domain.endswith(f".{signer}"))


def _trusted_results(fields: tuple[Field, ...], trust: Trust) -> tuple[list[Result], bool]:
    if trust.form is Form.NO_NAME:
        return _microsoft(fields, trust)
    pattern = re.compile(trust.pattern, re.IGNORECASE)
    found: list[Result] = []
    seen = False
    for field in fields:
        if field.name != HEADER:
            if seen and not field.name.startswith(_BETWEEN):
                break
            continue
        name, results = read_results(field.text)
        if not pattern.fullmatch(name):
            break
        seen = True
        found.extend(results)
        if not trust.is_run:
            break
    return found, seen


def _microsoft(fields: tuple[Field, ...], trust: Trust) -> tuple[list[Result], bool]:
    """The first Authentication-Results only, without a name, above Microsoft's own Received-SPF or Received."""
    at = next((number for number, field in enumerate(fields) if field.name == HEADER), None)
    if at is None:
        return [], False
    name, results = read_results(fields[at].text, nameless=True)
    if not re.fullmatch(trust.pattern, name, re.IGNORECASE):
        return [], False
    below = next((field for field in fields[at + 1 :] if field.name in ("received-spf", "received", HEADER)), None)
    if below is None or below.name == HEADER:
        return [], False
    text = _without_comments(below.text)
    is_theirs = re.search(r"\breceiver=protection\.outlook\.com\s*;", text) or re.search(
        r"\bby\s+[0-9a-z.-]+\.(?:prod|protection)\.outlook\.com\b", text, re.IGNORECASE
    )
    return (results, True) if is_theirs else ([], False)


# What servers write between the headers of one run.
_BETWEEN = ("x-", "arc-", "received-spf", "dkim-filter", "dmarc-filter")
_TOKEN = re.compile(r"\s*([a-z0-9_-]+(?:\.[a-z0-9_-]+)?)(?:/\d+)?\s*=\s*(\x00\d+\x00|[^\s;]+)", re.IGNORECASE)
_STAND_IN = re.compile(r"\x00(\d+)\x00")


def read_results(value: str, *, nameless: bool = False) -> tuple[str, list[Result]]:
    """The authserv-id and the results of one header. What a sender could have had quoted in it stays one value.

    Comments are cut and quoted strings set aside first, so that no semicolon within them begins a result.
    """
    text, quoted = _set_quotes_aside(value.replace("\x00", ""))
    if text is None:
        return "", []
    pieces = text.split(";")
    name = ""
    if not (nameless and _TOKEN.match(pieces[0])):
        words = pieces.pop(0).split()
        name = words[0].rstrip(".").lower() if words else ""
    return name, [result for piece in pieces if (result := _result(piece, quoted))]


def _result(piece: str, quoted: list[str]) -> Result | None:
    def plain(text: str) -> str:
        return _STAND_IN.sub(lambda found: quoted[int(found[1])], text)

    first = _TOKEN.match(piece)
    if first is None:
        return None
    properties = [
        (each[1].lower(), plain(each[2]).lower()) for each in _TOKEN.finditer(piece, first.end()) if "." in each[1]
    ]
    return Result(first[1].lower(), plain(first[2]).lower(), tuple(properties))


def _set_quotes_aside(text: str) -> tuple[str | None, list[str]]:
    """The text without comments and with a stand-in for each quoted string; None where one is left open."""
    out: list[str] = []
    quoted: list[str] = []
    within: list[str] | None = None
    depth = 0
    escaped = False
    for char in text:
        if escaped:
            escaped = False
            if within is not None:
                within.append(char)
        elif char == "\\" and (depth or within is not None):
            escaped = True
        elif within is not None:
            if char == '"':
                out.append(f"\x00{len(quoted)}\x00")
                quoted.append("".join(within))
                within = None
            else:
                within.append(char)
        elif char == "(":
            depth += 1
        elif char == ")" and depth:
            depth -= 1
        elif depth:
            continue
        elif char == '"':
            within = []
        else:
            out.append(char)
    return (None if depth or within is not None else "".join(out)), quoted


def _without_comments(text: str) -> str:
    return _set_quotes_aside(text.replace("\x00", ""))[0] or ""


def _unicode(domain: str) -> str:
    """A domain as `identity` writes it, or ""."""
    return identity(f"x@{one_line(domain)}")[0].rpartition("@")[2]
