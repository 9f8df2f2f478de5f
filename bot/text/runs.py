"""A message as a row of runs: what each piece of it reads as, and whether its author said it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from bot.text.safe import clean, is_blank, unescape

_CUT_MARK = "…"
_NOT_A_START = str.maketrans("", "", "*_~•")  # emphasis and hand-made list markers


class Voice(StrEnum):
    """Whose words a run is."""

    OWN = "own"
    CUT = "cut"  # quoted, or code: read, but not said by the author
    FRAME = "frame"  # list markers and line ends between blocks


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a message; `stand_in` is said in its place where only the author's words count."""

    text: str
    voice: Voice = Voice.OWN
    stand_in: str | None = None
    user: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True)
class Naming:
    """How the ids in a message read: names the caller knows, else labels Slack sent with them."""

    names: Mapping[str, str]
    labels: Mapping[str, str] = field(default_factory=dict)

    def user(self, user: str) -> Run:
        """A mention of a person."""
        return Run(f"@{self._name(user, 'someone')}", stand_in="@someone", user=clean(user))

    def group(self, group: str) -> Run:
        """A mention of a user group (its id starts with S)."""
        return Run(f"@{self._name(group, 'group')}", stand_in="@group", group=clean(group))

    def channel(self, channel: str) -> Run:
        """A link to a channel; in private channels Slack may leave out the name."""
        return Run(f"#{self._name(channel, 'channel')}", stand_in="#channel")

    def _name(self, key: str, unknown: str) -> str:
        for name in (self.names.get(key, ""), self.labels.get(key, "")):
            line = " ".join(clean(name).split()).lstrip("@#")
            if not is_blank(line):
                return line
        return unknown


def link(url: str, label: str = "") -> Run:
    """A link with its real address in sight, so that no label can hide where it leads."""
    bare = url.removeprefix("mailto:").removeprefix("tel:")
    if is_blank(label) or label == bare:
        return Run(bare)
    if is_blank(bare) or label.rstrip("/") in (url.rstrip("/"), _without_scheme(url)):
        return Run(label)
    return Run(f"{label} ({url})")


def _without_scheme(url: str) -> str:
    scheme, found, rest = url.partition("://")
    return rest.rstrip("/") if found else scheme


def broadcast(word: str) -> Run:
    """@channel, @here or @everyone as a mere word."""
    return Run(f"@{word}")


def literal(text: str) -> Run:
    """Text of a field that Slack encodes, decoded once."""
    return Run(unescape(text))


def cut(runs: Iterable[Run]) -> list[Run]:
    """The same runs as words the author did not say."""
    return [replace(run, voice=Voice.CUT) for run in runs]


def indented(runs: Iterable[Run], first: Run, pad: str) -> list[Run]:
    """The runs behind a first prefix, every further line behind `pad`; line ends at the end are dropped."""
    kept = list(runs)
    while kept and not kept[-1].text.rstrip("\n"):
        kept.pop()
    if kept:
        kept[-1] = replace(kept[-1], text=kept[-1].text.rstrip("\n"))
    return [first, *(replace(run, text=run.text.replace("\n", "\n" + pad)) for run in kept)]


def on_own_lines(blocks: Iterable[list[Run]]) -> list[Run]:
    """Blocks one under the other, with a line end between two unless the upper one has its own."""
    joined: list[Run] = []
    for block in blocks:
        if joined and block and not joined[-1].text.endswith("\n"):
            joined.append(Run("\n", Voice.FRAME))
        joined.extend(block)
    return joined


def has_words(runs: Iterable[Run]) -> bool:
    """Whether there is anything to read but frames."""
    return any(run.voice is not Voice.FRAME and not is_blank(run.text) for run in runs)


def plain_text(runs: Iterable[Run]) -> str:
    """The whole message as a person reads it."""
    return clean("".join(run.text for run in runs)).strip()


def typed_text(runs: Iterable[Run]) -> str:
    """The author's own words. Where something between them was cut stands "…", so that nothing joins up."""
    said: list[str] = []
    waiting: list[str] = []  # frames, blanks and cut marks since the last word
    for run in runs:
        own = run.stand_in or run.text
        if run.voice is Voice.CUT:
            if said and _CUT_MARK not in waiting:
                waiting.append(_CUT_MARK)
        elif run.voice is Voice.FRAME or is_blank(own):
            waiting.append(own)
        else:
            said += [*waiting, own]
            waiting = []
    return clean("".join(said)).strip()


def leading_mention(runs: Iterable[Run]) -> str | None:
    """The user or group the author's own words start with, behind quotes, code, markers and emphasis."""
    for run in runs:
        if run.voice is Voice.OWN and not is_blank(run.text.translate(_NOT_A_START)):
            return run.user or run.group or None
    return None


def users(runs: Iterable[Run]) -> tuple[str, ...]:
    """Every user mentioned, in order, once."""
    return tuple(dict.fromkeys(run.user for run in runs if run.user))
