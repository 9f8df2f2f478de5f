"""The new words of a mail, apart from the history it quotes and its signature.

This decides what is looked at and shown first, never what is kept: whoever is in doubt keeps the words. Where no
rule holds, or nothing would be left, the whole text counts as new.
"""

from __future__ import annotations

import re
from functools import cache

from mailparser_reply import EmailMessage
from mailparser_reply.constants import MAIL_LANGUAGES

REPLY_MARKER = "##- Please write your answer above this line -##"

_LINES = 400
_SIZE = 16 * 1024  # characters looked at; the patterns take far more than linear time
_LINE_SIZE = 300
_LABEL_SIZE = 24
_SIGNATURE_LINES = 8
_SIGNATURE_LINE_SIZE = 80

_MARKER = re.compile(r"^[\s>|*]*##- .{3,200} -##\s*$")
_QUOTED = re.compile(r"^\s*>")
_DELIMITER = re.compile(r"^-- ?$")  # RFC 3676, 4.3; many programs lose the space
_RULE = re.compile(r"^\s*[_\-=*]{5,}\s*$")
_ORIGINAL = re.compile(
    r"^[\s>]*(?:-{2,}|_{2,}|Begin\b)\s*(?:original message|original appointment|forwarded message"
    r"|forwarded by .{1,80}|ursprüngliche nachricht|weitergeleitete nachricht|message d.origine"
    r"|message transféré|mensaje original|mensaje reenviado|messaggio originale|messaggio inoltrato"
    r"|mensagem original|mensagem encaminhada|oorspronkelijk bericht|doorgestuurd bericht"
    r"|oprindelig meddelelse|ursprungligt meddelande|opprinnelig melding|alkuperäinen viesti"
    r"|wiadomość oryginalna|původní zpráva|eredeti üzenet|mesaj original|исходное сообщение"
    r"|пересылаемое сообщение|вихідне повідомлення|orijinal mesaj|原始邮件|转发的邮件|元のメッセージ"
    r"|転送メッセージ|원본 메시지|원본 메일|הודעה מקורית|الرسالة الأصلية)\s*:?\s*(?:-{2,}|_{2,})?\s*$",
    re.IGNORECASE,
)
# "On Monday X wrote:" in languages that the library does not know.
_WROTE = re.compile(
    r"^(?:Em\b.{4,}\bescreveu|.{4,}(?:пишет|написал\(а\)|написала?|пише|писав|написав)|.{4,}\byazdı"
    r"|.{4,}\bkirjoitti|.{4,}\bskrev(?: følgende)?|.{4,}\ba scris|.{4,}\bírta|.{4,}έγραψε|.{4,}كتب"
    r"|.{4,}כתב/?ה?|.{4,}đã viết|.{4,}menulis|.{4,}\bkirjutas|.{4,}\brakstīja|.{4,}\brašė"
    r"|.{4,}je napisao(?:/la)?)\b.{0,80}:\s*$",
    re.IGNORECASE,
)
_HAS_ADDRESS = re.compile(r"<[^<>\s]+@[^<>\s]+>|\S+@\S+\.\w")
_HAS_TIME = re.compile(r"\d{1,2}[:.hH]\d{2}|[时時시点]")
_HEADING = re.compile(r"^[\s>*]*(?P<label>[^\W\d_][^:：\n]{0,20})\*?\s*[:：]")
_ESCAPED = re.compile(r"\\u([0-9A-Fa-f]{4})")
_SENTENCE_END = re.compile(r"[.!?。！？]$")
_MORE_CLOSINGS = frozenset(
    """
    mit freundlichen grüßen|freundliche grüße|viele grüße|liebe grüße|beste grüße|schöne grüße|mfg|lg|vg|gruß|grüße
    bien cordialement|bien à vous|cordialement|atenciosamente|cumprimentos|abraços|distinti saluti|un saludo
    с уважением|з повагою|saygılarımla|ystävällisin terveisin|üdvözlettel|cu stimă|με εκτίμηση
    よろしくお願いします|よろしくお願いいたします|以上|此致|谢谢|敬上|감사합니다|בברכה|مع التحية|مع أطيب التحيات
    """.strip()
    .replace("\n    ", "|")
    .split("|")
)
_CLOSING = re.compile(
    r"^(?:best|all the best|kind|warm|many|cheers|sincerely|thanks|regards|yours)\b", re.IGNORECASE
)


def new_words(text: str) -> str:
    """What was newly written; the whole text where that cannot be told."""
    lines = text.split("\n")
    head = _head(lines)
    kept = _without_quotes(lines, head)
    kept = _without_signature(kept)
    found = "\n".join(kept).strip("\n").rstrip()
    return found if found.strip() else text.strip("\n").rstrip()


def _head(lines: list[str]) -> list[str]:
    """The first lines, shortened for patterns; each stands for the line of the same number."""
    head: list[str] = []
    size = 0
    for line in lines[:_LINES]:
        short = line.strip()[:_LINE_SIZE]
        size += len(short) + 1
        if size > _SIZE:
            break
        head.append(short)
    return head


def _without_quotes(lines: list[str], head: list[str]) -> list[str]:
    for number, line in enumerate(head):
        if _MARKER.match(line):
            return _before_marker(lines[:number], head[:number])
    cut = _first_cut(head)
    if cut is None:
        return _unquoted(lines)
    start, end = cut
    before, behind = lines[:start], lines[end:]
    while before and (not before[-1].strip() or _RULE.match(before[-1])):
        before.pop()
    if any(_QUOTED.match(line) for line in behind):
        # Answers may stand below what they answer, or between.
        answers = _unquoted(behind)
        if next((line for line in behind if line.strip()), "").lstrip()[:1] == ">":
            return [*before, *answers] if before else answers
    return before


def _before_marker(lines: list[str], head: list[str]) -> list[str]:
    """The mail program's own line above the quote goes with it."""
    cut = _first_cut([*head, ">"])
    if cut is not None and not any(line.strip(" >") for line in lines[cut[1] :]):
        lines = lines[: cut[0]]
    return _unquoted(lines)


def _unquoted(lines: list[str]) -> list[str]:
    return [line for line in lines if not _QUOTED.match(line)]


def _first_cut(head: list[str]) -> tuple[int, int] | None:
    """Where the first heading of a quoted mail begins, and where it ends."""
    cuts = [cut for cut in (_heading_above_quote(head), _heading_by_words(head), _heading_by_library(head)) if cut]
    return min(cuts, default=None)


def _heading_above_quote(head: list[str]) -> tuple[int, int] | None:
    """In any language: one to three lines with a date or an address, ending in a colon, above a '>'."""
    for number, line in enumerate(head):
        if not line.startswith(">"):
            continue
        last = number - 1
        while last >= 0 and not head[last]:
            last -= 1
        if last < 0 or number - last > 3 or not head[last].endswith((":", "：")):
            continue
        first = last
        while first > 0 and last - first < 2 and head[first - 1] and not _begins_heading(head[first]):
            first -= 1
        heading = " ".join(head[first : last + 1])
        if _HAS_ADDRESS.search(heading) or sum(char.isdigit() for char in heading) >= 3:
            return (first if _begins_heading(head[first]) or first == last else last), last + 1
    return None


def _begins_heading(line: str) -> bool:
    return bool(re.match(r"(?:On|Am|Le|El|Il|Op|Den|Dne|Dnia|Em|W dniu|Vào|Pada|В|\d)\b", line))


def _heading_by_words(head: list[str]) -> tuple[int, int] | None:
    for number, line in enumerate(head):
        if _ORIGINAL.match(line):
            return number, number + 1
        if line.endswith(":") and _WROTE.match(line) and _names_a_mail(line):
            return number, number + 1
    return None


def _heading_by_library(head: list[str]) -> tuple[int, int] | None:
    for above, below in _where_headings_may_be(head):
        text = "\n".join(head[above:below])
        for found in _headings().finditer(text):
            words = found[0].strip("\n")
            is_line = words.rstrip().endswith((":", "："))
            if not words or not (_names_a_mail(words) if is_line else _is_block(words)):
                continue
            start = found.start() + (len(found[0]) - len(found[0].lstrip("\n")))
            first = above + text.count("\n", 0, start)
            return first, first + words.count("\n") + 1
    return None


def _where_headings_may_be(head: list[str]) -> list[tuple[int, int]]:
    """The lines around those without which none of the library's patterns finds anything: it takes long.

    They want a colon at a line's end, with up to four line ends within, or behind a label at its beginning, with
    up to two before the value and a line after it; or the words "Original Message", with some lines below them.
    """
    spans: list[tuple[int, int]] = []
    for number, line in enumerate(head):
        if line.endswith((":", "：")) or ":" in line.lstrip("> *")[:_LABEL_SIZE]:
            above, below = number - 4, number + 6
        elif "original message" in line.lower():
            above, below = number - 1, len(head)
        else:
            continue
        if spans and above <= spans[-1][1]:
            spans[-1] = spans[-1][0], max(below, spans[-1][1])
        else:
            spans.append((max(above, 0), below))
    return spans


def _names_a_mail(heading: str) -> bool:
    """ "On page 2 you wrote:" is a customer's sentence; a mail program gives an address, or a time."""
    return bool(_HAS_ADDRESS.search(heading) or _HAS_TIME.search(heading))


def _is_block(words: str) -> bool:
    """From, Sent, To, Subject: two such lines may be a form that was filled in, unless one has an address."""
    count = sum(1 for line in words.split("\n") if _HEADING.match(line))
    return any(char.isdigit() for char in words) and (
        count >= 3 or (count == 2 and bool(_HAS_ADDRESS.search(words)))
    )


@cache
def _headings() -> re.Pattern[str]:
    message = EmailMessage(text="", languages=list(MAIL_LANGUAGES))
    pattern: re.Pattern[str] = message.HEADER_REGEX
    return pattern


@cache
def _closings() -> frozenset[str]:
    words = (each for language in MAIL_LANGUAGES.values() for each in language.get("signatures", ()))
    plain = (_ESCAPED.sub(lambda found: chr(int(found[1], 16)), each) for each in words)
    return _MORE_CLOSINGS | {each.strip(" ,.，").lower() for each in plain if not set(each) & set("\\(|[")}


@cache
def _sent_from() -> re.Pattern[str]:
    words = [str(language["sent_from"]) for language in MAIL_LANGUAGES.values() if language.get("sent_from")]
    more = [
        "Enviado do meu",
        "Отправлено с",
        "Lähetetty",
        "iPhone.?から送信",
        "发自我的",
        "Yahoo Mail",
        "Get BlueMail",
    ]
    return re.compile("^(?:" + "|".join([*words, *more]) + ")", re.IGNORECASE)


def _without_signature(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        if _DELIMITER.match(line) and any(each.strip() for each in lines[:number]):
            return lines[:number]
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    # A closing formula counts only near the end, with short lines below it.
    seen = 0
    for number in range(end - 1, 0, -1):
        line = lines[number].strip()
        if len(line) > _SIGNATURE_LINE_SIZE or seen > _SIGNATURE_LINES:
            break
        seen += bool(line)
        if _SENTENCE_END.search(line) and not _is_closing(line):
            break  # words below the formula are as new as those above it
        if (
            line
            and (_sent_from().match(line) or _is_closing(line))
            and any(each.strip() for each in lines[:number])
        ):
            return lines[:number]
    return lines[:end]


def _is_closing(line: str) -> bool:
    bare = line.strip(" ,.!，。").lower()
    if bare in _closings():
        return True
    return line.endswith(",") and len(line) <= 30 and bool(_CLOSING.match(line))
