"""`/health`, `/live` and `/metrics` for whoever watches the process, and `/cases` for whoever debugs it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from aiohttp import hdrs, web

from bot.ops.access import Access
from bot.ops.exposition import Exposition
from storage import reports
from storage.engine import Database
from storage.errors import DatabaseUnavailable
from storage.processes import Process

log = structlog.get_logger(__name__)

# In these states a service does what it should, or is not meant to.
_WELL = {"connected", "running", "standby", "disabled"}
CASES_SHOWN = 1000
SHUTDOWN_TIMEOUT = 1.0

Services = Mapping[str, str]


class HealthServer:
    """Answers while the bot starts, runs and stops. `services` tells how each part is just now, `facts` what else
    a reader should know, `processes` who works on the database.
    """

    def __init__(
        self,
        host: str,
        port: int,
        services: Callable[[], Services],
        facts: Mapping[str, str] | None = None,
        processes: Callable[[], Sequence[Process]] = list,
        metrics: Exposition | None = None,
        access: Access | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._services = services
        self._facts = dict(facts or {})
        self._processes = processes
        self._metrics = metrics
        self._access = access or Access()
        self.notes: Callable[[], Mapping[str, Any]] = dict  # what is to be said only while it lasts
        self._database: Database | None = None
        self._runner: web.AppRunner | None = None

    def show_cases(self, database: Database) -> None:
        """Serve `/cases` from now on (DEBUG=true)."""
        self._database = database

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError when the address is taken."""
        app = web.Application()
        app.router.add_get("/live", self._live)
        app.router.add_get("/health", self._health)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_get("/cases", self._cases)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_TIMEOUT)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port)
        await site.start()
        port: int = self._runner.addresses[0][1]
        return port

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        """The event loop turns; whether all does well is `/health`. Whoever hears nothing may end the process."""
        return web.json_response({"status": "alive"})

    async def _show_metrics(self, request: web.Request) -> web.Response:
        if self._metrics is None:
            raise web.HTTPNotFound
        self._access.require(request)
        body, kind = await self._metrics.text(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=body, headers={hdrs.CONTENT_TYPE: kind})

    async def _health(self, _request: web.Request) -> web.Response:
        services = dict(self._services())
        healthy = all(word in _WELL for word in services.values())
        body = {
            "status": "healthy" if healthy else "unhealthy",
            "services": services,
            **self._facts,
            **self.notes(),
            "processes": [_shown(process) for process in self._processes()],
        }
        return web.json_response(body, status=200 if healthy else 503)

    async def _cases(self, request: web.Request) -> web.Response:
        if self._database is None or not (self._access.by_token or self._access.allows(request)):
            raise web.HTTPNotFound
        self._access.require(request)
        try:
            files = await self._database.read(partial(reports.newest_cases, limit=CASES_SHOWN))
        except DatabaseUnavailable as error:
            return web.json_response({"error": f"the database is away: {error}"}, status=503)
        return web.json_response(
            [
                {
                    "case_id": file.case.case_id,
                    "customer_identifier": file.case.customer,
                    "status": file.case.status.value,
                    "message_count": file.case.message_count,
                    "escalated": file.case.escalated,
                }
                for file in files
            ]
        )


def _shown(process: Process) -> dict[str, Any]:
    return {
        "id": process.id,
        "version": process.version,
        "started_at": process.started_at.isoformat(timespec="seconds"),
        "sockets": process.sockets,
        "connected": process.is_connected,
    }
