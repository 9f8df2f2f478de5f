"""What the health page says."""

import aiohttp

from tests.support.desk import Desk
from tests.support.process import eventually


async def health(desk: Desk) -> tuple[int, dict[str, str]]:
    """Its status, and how each part is."""
    assert desk.bot is not None
    url = f"http://127.0.0.1:{desk.bot.port}/health"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, (await answer.json())["services"]


async def becomes(desk: Desk, status: int, patience: float = 20.0) -> dict[str, str]:
    """Wait until it has that status."""

    async def check() -> dict[str, str] | None:
        now, services = await health(desk)
        return services if now == status else None

    return await eventually(check, patience)
