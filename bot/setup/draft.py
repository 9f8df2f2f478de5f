"""The settings as answered so far: beside what the environment and `.env` say, and before either is changed."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from bot.config import ConfigError, Settings, load_settings

# For what was not asked yet, so that what was can be judged and tried.
_STAND_INS = {
    "SLACK_BOT_TOKEN": "xoxb-unanswered",
    "SLACK_APP_TOKEN": "xapp-unanswered",
    "SUPPORT_SLACK_CHANNEL": "unanswered",
    "ALERTING_SLACK_CHANNEL": "unanswered",
    "LOGGING_SLACK_CHANNEL": "unanswered",
    "ADMIN_SLACK_USERS": "U0UNANSWERED",
}


class Draft:
    """`before`: the settings that are asked for, as `.env` has them. `in_files`: those that a NAME_FILE gives."""

    def __init__(self, before: Mapping[str, str], in_files: Mapping[str, str]) -> None:
        self._before = dict(before)
        self.in_files = dict(in_files)
        self.values = dict(before)

    def get(self, name: str) -> str:
        return self.values.get(name) or self.in_files.get(name, "")

    def put(self, name: str, value: str) -> None:
        self.values[name] = value

    def settings(self, unanswered: Collection[str] = ()) -> Settings:
        """As if nothing were said of what was not asked yet. Raises ConfigError."""
        given = {name: value for name, value in self.values.items() if name not in self.in_files}
        given |= {name: _STAND_INS.get(name, "") for name in unanswered}
        return load_settings(**{name.lower(): value for name, value in given.items()})

    def problems(self, names: Collection[str], unanswered: Collection[str]) -> list[str]:
        """What is wrong with these, in plain words."""
        return [problem for problem in self._all_problems(unanswered) if _begins_with(problem, names)]

    def other_problems(self, names: Collection[str], unanswered: Collection[str]) -> list[str]:
        """What is wrong with settings that are not asked for."""
        return [problem for problem in self._all_problems(unanswered) if not _begins_with(problem, names)]

    def _all_problems(self, unanswered: Collection[str]) -> list[str]:
        try:
            self.settings(unanswered)
        except ConfigError as error:
            return list(error.problems)
        return []

    def changes(self, names: Collection[str]) -> dict[str, str]:
        """Which of these are to be written, as they are now."""
        return {
            name: self.values[name]
            for name in names
            if name in self.values and self.values[name] != self._before.get(name, "")
        }


def _begins_with(problem: str, names: Collection[str]) -> bool:
    first = re.match(r"[A-Z_]+(?=[ =,:])", problem)
    return first is not None and first[0].removesuffix("_FILE") in names
