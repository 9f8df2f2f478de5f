"""What a Prometheus server would read from a bot that runs."""

from collections.abc import Mapping
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.app import Bot

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Scrape:
    """The samples of one answer, by name and labels."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._samples: Samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        return self._samples[name, frozenset(labels.items())]

    def get(self, name: str, **labels: str) -> float | None:
        return self._samples.get((name, frozenset(labels.items())))

    def values(self, name: str) -> Mapping[frozenset[tuple[str, str]], float]:
        return {labels: value for (found, labels), value in self._samples.items() if found == name}


async def ask(bot: Bot, path: str, **headers: str) -> tuple[int, str, Mapping[str, Any]]:
    """Status, body and headers of an answer."""
    url = f"http://127.0.0.1:{bot.port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers


async def scrape(bot: Bot) -> Scrape:
    status, body, _ = await ask(bot, "/metrics")
    assert status == 200, body
    return Scrape(body)
