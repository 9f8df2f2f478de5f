"""How Slack is talked to: a Web API client for reading, one for writing, and the Bolt app that listens."""

from __future__ import annotations

import logging

import aiohttp
import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.http_retry.builtin_async_handlers import (
    AsyncConnectionErrorRetryHandler,
    AsyncRateLimitErrorRetryHandler,
    AsyncServerErrorRetryHandler,
)
from slack_sdk.web.async_client import AsyncWebClient

from bot.config import Settings
from bot.ops.metrics import CountsRateLimits, Metrics
from bot.startup import Workspace

log = structlog.get_logger(__name__)

WRITE_TIMEOUT = 12
READ_TIMEOUT = 10


def bolt_app(workspace: Workspace, client: AsyncWebClient) -> AsyncApp:
    """A Bolt app that acknowledges only what its listeners have done, and never calls auth.test by itself."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(
            enterprise_id=None,
            team_id=workspace.team_id,
            bot_user_id=workspace.bot_user_id,
            bot_id=workspace.bot_id,
            bot_token=client.token,
        )

    bolt_log = logging.getLogger("slack_bolt")  # else Bolt takes the root's level for its own
    app = AsyncApp(
        client=client,
        authorize=authorize,
        process_before_response=True,
        logger=bolt_log,
        ignoring_self_events_enabled=False,  # a card that somebody deletes is an event of a post of ours
        # What is for requests over HTTP, for workflow steps and for assistants costs time with each event.
        ssl_check_enabled=False,
        request_verification_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
        attaching_conversation_kwargs_enabled=False,
    )

    async def failed(error: Exception) -> None:
        # The envelope stays unacknowledged, so that Slack sends the event again.
        log.error("a listener failed", action="not_acknowledged", error=f"{type(error).__name__}: {error}")

    app.error(failed)
    return app


def web_clients(
    settings: Settings,
    session: aiohttp.ClientSession,
    write_within: float | None = None,
    metrics: Metrics | None = None,
) -> tuple[AsyncWebClient, AsyncWebClient]:
    """One client for reading, which retries by itself, and one for writing, which never does.

    `write_within`: by how many seconds a call that writes must be over, where that is less than it may take.
    """
    token = settings.slack_bot_token.get_secret_value()
    write_timeout = WRITE_TIMEOUT if write_within is None else max(1, int(min(WRITE_TIMEOUT, write_within)))
    counts = [CountsRateLimits(metrics)] if metrics is not None else []
    reading = AsyncWebClient(
        token=token,
        base_url=settings.slack_api_url,
        session=session,
        timeout=READ_TIMEOUT,
        retry_handlers=[
            *counts,
            AsyncConnectionErrorRetryHandler(max_retry_count=1),
            AsyncRateLimitErrorRetryHandler(max_retry_count=2),
            AsyncServerErrorRetryHandler(max_retry_count=1),
        ],
    )
    writing = AsyncWebClient(
        token=token,
        base_url=settings.slack_api_url,
        session=session,
        timeout=write_timeout,
        retry_handlers=[*counts],
    )
    if settings.api_is_local:
        reading.proxy = writing.proxy = None
    return reading, writing
