"""All that `/metrics` shows, in the form that its reader asks for."""

from __future__ import annotations

from prometheus_client import ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bot.ops.gauges import DeskGauges
from bot.ops.metrics import Metrics


class Exposition:
    def __init__(self, metrics: Metrics, desk: DeskGauges, *others: Collector) -> None:
        self._registry = metrics.registry
        self._desk = desk
        for collector in (desk, *others):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)

    async def text(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type, for what the reader accepts."""
        await self._desk.refresh()
        encode, kind = choose_encoder(accept)
        return encode(self._registry), kind
