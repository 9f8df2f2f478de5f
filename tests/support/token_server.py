"""A token server for OAuth2, which answers as it is told and remembers what it was asked."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class TokenServer:
    url: str = ""
    status: int = 200
    answer: Any = None
    asked: list[dict[str, str]] = field(default_factory=list)

    async def give(self, request: web.Request) -> web.Response:
        self.asked.append({key: str(value) for key, value in (await request.post()).items()})
        given = {"access_token": f"token-{len(self.asked)}", "expires_in": 3600}
        answer = given if self.answer is None else self.answer
        if isinstance(answer, dict):
            return web.json_response(answer, status=self.status)
        return web.Response(text=answer, status=self.status)


@contextlib.asynccontextmanager
async def token_server() -> AsyncIterator[TokenServer]:
    server = TokenServer()
    app = web.Application()
    app.router.add_post("/token", server.give)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/token"
    try:
        yield server
    finally:
        await runner.cleanup()
