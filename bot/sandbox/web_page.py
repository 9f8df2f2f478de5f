"""Serves the page on which people try the sandbox: plain files, under a strict Content-Security-Policy."""

from __future__ import annotations

from importlib.resources import files
from urllib.parse import quote

from aiohttp import hdrs, web

from bot.sandbox.workspace import Workspace

TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}
SHOWN_IN_PLACE = ("image/png", "image/jpeg", "image/gif", "image/webp")


class WebPage:
    """`/` and what it consists of, and files for whoever looks at them in a browser."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        folder = files("bot.sandbox") / "page"
        self._files = {
            entry.name: (entry.read_bytes(), TYPES[entry.name.rpartition(".")[2]])
            for entry in folder.iterdir()
            if entry.name.rpartition(".")[2] in TYPES
        }

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/", self._page)
        app.router.add_get("/page/{name}", self._part)
        app.router.add_get("/sandbox/file/{file_id}/{name:.*}", self._download)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return self._answer(request, "index.html")

    async def _part(self, request: web.Request) -> web.StreamResponse:
        return self._answer(request, request.match_info["name"])

    def _answer(self, request: web.Request, name: str) -> web.Response:
        if name not in self._files:
            raise web.HTTPNotFound(text="no such file")
        body, kind = self._files[name]
        headers = {
            "Content-Security-Policy": _policy(request.host),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            hdrs.CACHE_CONTROL: "no-cache",
        }
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A file as it was uploaded. Whatever it is, it does not run here."""
        file = self._workspace.files.get(request.match_info["file_id"])
        if file is None or file.content is None:
            raise web.HTTPNotFound(text="no such file")
        shown = file.mimetype in SHOWN_IN_PLACE
        headers = {
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            hdrs.CONTENT_DISPOSITION: f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        }
        kind = file.mimetype if shown else "application/octet-stream"
        return web.Response(body=file.content, content_type=kind, headers=headers)


def _policy(host: str) -> str:
    """Scripts and styles from here only, no inline ones; and with Trusted Types no HTML made of strings."""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src 'self' ws://{host}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )
