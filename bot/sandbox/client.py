"""A client of the control API, for a sandbox that runs in another process."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import aiohttp

from bot.sandbox.errors import WaitTimeout
from bot.sandbox.loopback import is_loopback
from bot.sandbox.model import Json

T = TypeVar("T")


class SandboxError(Exception):
    """The sandbox refused, or there is none; the message says why."""


class SandboxClient:
    """The verbs of `LocalSlack`, spoken over HTTP; use it as an async context manager."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/").removesuffix("/api")
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def post(self, user: str, channel: str, text: str = "", **gesture: Any) -> str:
        """As `LocalSlack.post`; files' contents may be bytes."""
        answer = await self._do("post", user=user, channel=channel, text=text, **_portable(gesture))
        return str(answer["ts"])

    async def dm(self, user: str, text: str = "", **gesture: Any) -> str:
        """As `LocalSlack.dm`."""
        return str((await self._do("dm", user=user, text=text, **_portable(gesture)))["ts"])

    async def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """As `LocalSlack.edit`."""
        await self._do("edit", user=user, channel=channel, ts=ts, text=text)

    async def delete(self, user: str, channel: str, ts: str) -> None:
        """As `LocalSlack.delete`."""
        await self._do("delete", user=user, channel=channel, ts=ts)

    async def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """As `LocalSlack.react`."""
        await self._do("react", user=user, channel=channel, ts=ts, name=name)

    async def command(self, user: str, channel: str, command: str, text: str = "") -> Json:
        """As `LocalSlack.command`; the reply as it was at the acknowledgement."""
        answer = await self._do("command", user=user, channel=channel, command=command, text=text)
        return dict(answer["reply"])

    async def click(self, user: str, channel: str, ts: str, action_id: str, **which: Any) -> Json:
        """As `LocalSlack.click`."""
        answer = await self._do("click", user=user, channel=channel, ts=ts, action_id=action_id, **which)
        return dict(answer["reply"])

    async def shortcut(self, user: str, callback_id: str, **which: Any) -> Json:
        """As `LocalSlack.shortcut`."""
        return dict((await self._do("shortcut", user=user, callback_id=callback_id, **which))["reply"])

    async def submit_view(self, user: str, values: Json | None = None, view_id: str | None = None) -> Json:
        """As `LocalSlack.submit_view`."""
        return dict((await self._do("submit_view", user=user, values=values, view_id=view_id))["reply"])

    async def open_home(self, user: str, tab: str = "home") -> None:
        """As `LocalSlack.open_home`."""
        await self._do("open_home", user=user, tab=tab)

    async def add_user(self, id: str, name: str, real_name: str, **fields: Any) -> None:
        """As `LocalSlack.add_user`."""
        await self._do("user", id=id, name=name, real_name=real_name, **fields)

    async def change_user(self, user: str, **fields: Any) -> None:
        """As `LocalSlack.change_user`."""
        await self._do("user", id=user, **fields)

    async def add_channel(self, id: str | None, name: str, **fields: Any) -> str:
        """As `LocalSlack.add_channel`; returns the id."""
        return str((await self._do("channel", id=id, name=name, **fields))["channel"]["id"])

    async def invite(self, user: str, channel: str) -> None:
        """As `LocalSlack.invite`."""
        await self._do("invite", user=user, channel=channel)

    async def kick(self, user: str, channel: str) -> None:
        """As `LocalSlack.kick`."""
        await self._do("kick", user=user, channel=channel)

    async def advance(self, seconds: float) -> float:
        """Move the sandbox's time; returns what time it is there."""
        return float((await self._do("clock", advance=seconds))["now"])

    async def add_fault(self, method: str = "*", kind: str = "500", **fault: Any) -> None:
        """As `Faults.add`."""
        await self._do("faults", method=method, kind=kind, **fault)

    async def clear_faults(self) -> None:
        """As `Faults.clear`."""
        await self._do("faults", clear=True)

    async def outage(self, on: bool = True) -> None:
        """As `LocalSlack.outage`."""
        await self._do("outage", on=on)

    async def rate_limits(self, *, posts: bool | None = None, tiers: bool | None = None) -> None:
        """Switch Slack's rate limits on or off."""
        await self._do("rate_limits", posts=posts, tiers=tiers)

    async def disconnect(self, reason: str = "refresh_requested", grace: float = 1.0) -> None:
        """As `LocalSlack.disconnect`."""
        await self._do("sockets", do="disconnect", reason=reason, grace=grace)

    async def drop_sockets(self) -> None:
        """As `LocalSlack.drop_sockets`."""
        await self._do("sockets", do="drop")

    async def retry_now(self) -> None:
        """As `LocalSlack.retry_now`."""
        await self._do("sockets", do="retry_now")

    async def retry_schedule(self, schedule: list[float] | None = None, **more: Any) -> Json:
        """Set the redelivery schedule, `ack_deadline`, `delayed_events`, `delayed_interval`."""
        return await self._do("retry_schedule", schedule=schedule, **more)

    async def play(self, sample: Json) -> Json:
        """Let the sample's person do what it shows; returns what was done."""
        return await self._do("play", **sample)

    async def play_mail(self, raw: bytes, authentication: str | None = None) -> Json:
        """Let the author of a mail send it; returns what was done."""
        content = base64.b64encode(raw).decode()
        return await self._do("mail_play", content_base64=content, authentication=authentication)

    async def write_mail(self, sender: str, subject: str | None = None, text: str = "", **mail: Any) -> int | None:
        """As `MailServer.write`; files' contents may be bytes, `answered` is the number of a mail."""
        answer = await self._do("mail_write", sender=sender, subject=subject, text=text, **_portable(mail))
        number: int | None = answer["number"]
        return number

    async def mail_trouble(self, verb: str, **how: Any) -> Json:
        """A verb of the control API: faults, outage, stall, drop, logins, pushes, renumber, bounce, absent."""
        return await self._do(f"mail_{verb}", **how)

    async def state(self) -> Json:
        """The whole workspace."""
        async with self._open().get(f"{self.url}/sandbox/state") as response:
            found: Json = await response.json()
            return found

    async def messages(self, channel: str, thread_ts: str | None = None) -> list[Json]:
        """As `LocalSlack.messages`."""
        rows = (await self.state())["channels"].get(channel, {}).get("messages", [])
        if thread_ts is not None:
            return [row for row in rows if row.get("thread_ts") == thread_ts or row["ts"] == thread_ts]
        return [
            row
            for row in rows
            if row.get("thread_ts", row["ts"]) == row["ts"] or row.get("subtype") == "thread_broadcast"
        ]

    async def traffic(self, since: int = 0, *, follow: bool = True) -> AsyncIterator[Json]:
        """The traffic records from number `since` on; with `follow` also those to come."""
        timeout = aiohttp.ClientTimeout(total=None)
        query = {"since": str(since), "follow": "1" if follow else "0"}
        async with self._open().get(f"{self.url}/sandbox/traffic", params=query, timeout=timeout) as response:
            buffer = b""
            async for chunk in response.content.iter_any():
                *lines, buffer = (buffer + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)

    async def wait_for(self, predicate: Callable[[Json], T], timeout: float = 10) -> T:  # noqa: ASYNC109
        """The first truthy value of the predicate over the state, looked at after each traffic record."""
        try:
            async with asyncio.timeout(timeout):
                seen = await self.state()
                if value := predicate(seen):
                    return value
                async for _ in self.traffic(since=seen["traffic"]):
                    if value := predicate(await self.state()):
                        return value
        except TimeoutError:
            pass
        raise WaitTimeout(f"not within {timeout:g} s, or the sandbox is gone")

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use SandboxClient as an async context manager")
        return self._session

    async def _do(self, verb: str, **body: Any) -> Json:
        async with self._open().post(f"{self.url}/sandbox/{verb}", json=body) as response:
            answer: Json = await response.json()
        if not answer.get("ok"):
            raise SandboxError(f"{verb}: {answer.get('error')}")
        return answer


async def play_sample(url: str, sample: Json) -> Json:
    """Play a sample into the sandbox at an address on this machine; returns what was done."""
    return await _at(url, lambda client: client.play(sample))


async def play_mail_sample(url: str, raw: bytes, authentication: str | None = None) -> Json:
    """Play a mail into the sandbox at an address on this machine; returns what was done."""
    return await _at(url, lambda client: client.play_mail(raw, authentication))


async def _at(url: str, play: Callable[[SandboxClient], Awaitable[Json]]) -> Json:
    if not _is_on_this_machine(url):
        raise SandboxError(f"{url} is no local Slack: its address looks like http://127.0.0.1:8900")
    try:
        async with SandboxClient(url) as client:
            return await play(client)
    except aiohttp.ContentTypeError:
        raise SandboxError(f"what answers at {url} is no local Slack") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SandboxError(
            f"no local Slack answers at {url} ({error}): start one with `casewire sandbox`"
        ) from None


def _is_on_this_machine(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and parts.port != 0 and is_loopback(url)
    except ValueError:  # a port out of range, half an IPv6 address
        return False


def _portable(gesture: Json) -> Json:
    """The gesture with files' bytes as base64, so that JSON can carry it."""
    files = gesture.get("files")
    if not files:
        return gesture
    packed = []
    for file in files:
        content = file["content"]
        data = content.encode() if isinstance(content, str) else content
        rest = {key: value for key, value in file.items() if key != "content"}
        packed.append(rest | {"content_base64": base64.b64encode(data).decode()})
    return {**gesture, "files": packed}
