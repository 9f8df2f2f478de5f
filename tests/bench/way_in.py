"""The way of a Slack event to its acknowledgement, as the bot has it, and nothing that happens afterwards."""

from __future__ import annotations

import asyncio
import signal

import aiohttp

from bot.casework.batch_state import Desk
from bot.casework.worker import Casework
from bot.clock import Clock
from bot.collector import spare_what_stays
from bot.config import load_settings
from bot.connection import SlackConnection
from bot.courier.slack import SlackGateway
from bot.listeners.deps import Deps
from bot.listeners.events import register
from bot.ops.logging import configure_logging
from bot.people import People
from bot.slack_clients import bolt_app, web_clients
from bot.startup import check_workspace
from storage.engine import open_database


async def run() -> None:
    spare_what_stays()
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    clock = Clock()
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    database = open_database(settings.database_url)
    async with aiohttp.ClientSession() as session:
        reading, _ = web_clients(settings, session)
        workspace = await check_workspace(settings, SlackGateway(reading))
        people = People(reading, settings.admins, workspace.team_id, clock.monotonic)
        casework = Casework(database, people, Desk(settings.policy, workspace.channels), clock)
        app = bolt_app(workspace, reading)
        nobody = None
        register(  # of these, the events that come only use casework
            app,
            Deps(casework, nobody, people, clock, "", nobody, workspace.bot_user_id, "/case", nobody, nobody),  # type: ignore[arg-type]
        )
        token = settings.slack_app_token.get_secret_value()
        connection = SlackConnection(app, token, reading, clock, local=True)
        running = asyncio.create_task(connection.run())
        await stop.wait()
        connection.stop()
        await running
    await database.close()


if __name__ == "__main__":
    asyncio.run(run())
