"""Slack's `text` field: entities, `<…>` tokens, quotes and code.

https://docs.slack.dev/messaging/formatting-message-text/#retrieving-messages
"""

import re

from bot.text.runs import Naming, Run, Voice, broadcast, cut, indented, link, literal, on_own_lines
from bot.text.safe import is_blank, unescape

_FENCE = "```"
# Each alternative ends at the next delimiter, so that matching stays linear whatever is typed.
_TOKEN = re.compile(r"<([^<>]+)>")
_CODE = re.compile(r"`[^`\n]+`")
_QUOTE = re.compile(r"(?:&gt;|>) ?")
_QUOTE_REST = re.compile(r"(?:(?:&gt;|>){3}) ?")
_ID = re.compile(r"[A-Z][A-Z0-9]*")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BROADCASTS = frozenset({"channel", "here", "everyone"})


def labels(text: str) -> dict[str, str]:
    """Names that Slack sends with ids: `<#C1|general>`, `<@U1|ada>`, `<!subteam^S1|@team>`."""
    found: dict[str, str] = {}
    for token in _TOKEN.finditer(text):
        target, _, label = token[1].partition("|")
        if label and target[:1] in ("#", "@"):
            found.setdefault(target[1:], unescape(label))
        elif label and target.startswith("!subteam^"):
            found.setdefault(target.removeprefix("!subteam^"), unescape(label))
    return found


def parse(text: str, naming: Naming) -> list[Run]:
    """The runs of a cleaned `text`. A fence that is not closed reaches to the end."""
    blocks: list[list[Run]] = []
    parts = text.split(_FENCE)
    rest_quoted = False
    for number, part in enumerate(parts):
        if number % 2:
            blocks.append(_fenced(part, naming, closed=number < len(parts) - 1))
            continue
        if 0 < number < len(parts) - 1 and not part:
            continue
        trimmed = part.removeprefix("\n") if number else part
        lines: list[list[Run]] = []
        for line in trimmed.split("\n"):
            runs, rest_quoted = _line(line, naming, rest_quoted)
            lines.append(runs)
        blocks.append(_joined(lines))
    return on_own_lines(block for block in blocks if block)


def _joined(lines: list[list[Run]]) -> list[Run]:
    runs = list(lines[0])
    for line in lines[1:]:
        runs.append(Run("\n", Voice.FRAME))
        runs.extend(line)
    return runs


def _fenced(part: str, naming: Naming, *, closed: bool) -> list[Run]:
    if is_blank(part):
        return [Run(_FENCE + part + (_FENCE if closed else ""), Voice.CUT)]
    body = _tokens(part.strip("\n"), naming)
    return cut([Run(f"{_FENCE}\n"), *body, Run(f"\n{_FENCE}")])


def _line(line: str, naming: Naming, rest_quoted: bool) -> tuple[list[Run], bool]:
    """The runs of one line, and whether `>>>` has made a quote of all that follows."""
    opened = None if rest_quoted else _QUOTE_REST.match(line)
    quoted = opened or (None if rest_quoted else _QUOTE.match(line))
    runs = _words(line[quoted.end() :] if quoted else line, naming)
    if quoted or rest_quoted:
        runs = cut(indented(runs, Run("> "), "> "))
    return runs, rest_quoted or opened is not None


def _words(line: str, naming: Naming) -> list[Run]:
    runs: list[Run] = []
    end = 0
    for code in _CODE.finditer(line):
        runs += _tokens(line[end : code.start()], naming)
        runs += cut(_tokens(code[0], naming))
        end = code.end()
    return runs + _tokens(line[end:], naming)


def _tokens(text: str, naming: Naming) -> list[Run]:
    runs: list[Run] = []
    end = 0
    for token in _TOKEN.finditer(text):
        if token.start() > end:
            runs.append(literal(text[end : token.start()]))
        runs.append(_token(token[1], naming) or literal(token[0]))
        end = token.end()
    if end < len(text):
        runs.append(literal(text[end:]))
    return runs


def _token(inside: str, naming: Naming) -> Run | None:
    """What stands between < and >; None where Slack would not have put it there."""
    target, _, label = inside.partition("|")
    target, label = unescape(target), unescape(label)
    kind, key = target[:1], target[1:]
    if kind == "!":
        return _command(key, label, naming)
    if kind in ("@", "#"):
        if not _ID.fullmatch(key):
            return None
        return naming.user(key) if kind == "@" else naming.channel(key)
    return link(target, label) if _URL.match(target) else None


def _command(key: str, label: str, naming: Naming) -> Run | None:
    name, _, rest = key.partition("^")
    if name in _BROADCASTS:
        return broadcast(name)
    if name == "subteam" and rest:
        return naming.group(rest)
    return Run(label) if not is_blank(label) else None
