"""A Dockerfile taken apart, so that it can be judged and its steps run without Docker."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Step:
    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The arguments, without options; of the exec form or the plain one."""
        rest = re.sub(r"^(--\S+\s+)*", "", self.rest)
        return json.loads(rest) if rest.startswith("[") else rest.split()

    @property
    def options(self) -> dict[str, str]:
        return dict(re.findall(r"--([a-z-]+)=(\S+)", self.rest.split("CMD")[0]))


@dataclass
class Stage:
    image: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def all(self, word: str) -> list[Step]:
        return [step for step in self.steps if step.word == word]


@dataclass
class Dockerfile:
    arguments: dict[str, str]
    stages: list[Stage]


def parse(path: Path) -> Dockerfile:
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    found = Dockerfile({}, [])
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if not line.strip():
            continue
        word, _, rest = line.partition(" ")
        if word == "ARG" and not found.stages:
            name, _, value = rest.partition("=")
            found.arguments[name] = value
        elif word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.stages.append(Stage(image, name))
        else:
            found.stages[-1].steps.append(Step(word, rest))
    return found
