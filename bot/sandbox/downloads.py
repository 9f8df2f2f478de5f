"""The endpoints beside the API: uploads, downloads and response_urls."""

from __future__ import annotations

import json

from aiohttp import hdrs, web

from bot.sandbox.people import TEAM_ID
from bot.sandbox.web_api.call import Api
from bot.sandbox.web_api.dispatch import WebApi, cut

PIECE = 256 * 1024
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in</body></html>"


class Downloads:
    """Serves what lives on files.slack.com and hooks.slack.com."""

    def __init__(self, api: Api, web_api: WebApi) -> None:
        self._api = api
        self._web_api = web_api

    def register(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/upload/v1/{file_id}", self.upload)
        app.router.add_get(f"/files-pri/{TEAM_ID}-{{file_id}}/{{name:.*}}", self.download)
        app.router.add_post("/response/{key}", self.respond)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Step two of an upload: the bytes, raw or as the only part of a form."""
        fault = await self._web_api.gate(request, "upload")
        if not isinstance(fault, str):
            return fault
        file = self._api.workspace.files.get(request.match_info["file_id"])
        if file is None or file.completed:
            return web.Response(status=404, text="no such upload")
        if request.content_type == "multipart/form-data":
            parts = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
            data = parts[0].file.read() if parts else b""
        else:
            data = await request.read()
        if len(data) != file.size:
            return web.Response(status=400, text=f"announced {file.size} bytes, got {len(data)}")
        file.content = data
        self._web_api.note("upload", {"file": file.id}, {"answer": {"ok": True}, "bytes": len(data)})
        return cut(request) if fault == "lost_answer" else web.Response(text=f"OK - {len(data)}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file for the bot's token; the login page, with status 200, for anybody else."""
        fault = await self._web_api.gate(request, "download")
        if not isinstance(fault, str):
            return fault
        allowed = request.headers.get(hdrs.AUTHORIZATION) == f"Bearer {self._web_api.bot_token}"
        if fault == "login_page" or not allowed or "files:read" not in self._api.scopes:
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        if fault.startswith("redirect:"):
            return web.Response(status=302, headers={hdrs.LOCATION: fault.removeprefix("redirect:")})
        file = self._api.workspace.files.get(request.match_info["file_id"])
        if file is None or file.content is None:
            return web.Response(status=404, text="file not found")
        self._web_api.note("download", {"file": file.id}, {"answer": {"ok": True}, "bytes": len(file.content)})
        response = web.StreamResponse(headers={hdrs.CONTENT_TYPE: file.mimetype})
        response.content_length = len(file.content)
        await response.prepare(request)
        end = len(file.content) // 2 if fault == "half" else len(file.content)
        for start in range(0, end, PIECE):
            await response.write(file.content[start : min(start + PIECE, end)])
        if fault in ("half", "lost_answer"):
            return cut(request)
        await response.write_eof()
        return response

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """A response_url."""
        fault = await self._web_api.gate(request, "response_url")
        if not isinstance(fault, str):
            return fault
        try:
            body = json.loads(await request.text())
        except ValueError:
            body = None
        error = "invalid_payload" if not isinstance(body, dict) else None
        if isinstance(body, dict):
            error = self._api.interactions.respond(request.match_info["key"], body)
        self._web_api.note("response_url", body if isinstance(body, dict) else {}, {"error": error})
        if error is None:
            return web.Response(text="ok")
        status = 404 if error.endswith("_url") else 400
        return web.json_response({"ok": False, "error": error}, status=status)
