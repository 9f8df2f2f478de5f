"""`casewire run` that says how much memory it holds, as a line of JSON in MEASURES, at each SIGUSR1.

Its caches hold fewer entries than usual (CASEWIRE_FEW), so that a test can fill them.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from pathlib import Path

from bot import people
from bot.app import run
from bot.config import load_settings
from bot.courier import courier, pacing
from bot.ops.logging import configure_logging


def resident() -> int:
    """Kilobytes of memory that the process holds."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def measure() -> None:
    gc.collect()
    with Path(os.environ["MEASURES"]).open("a") as file:
        print(json.dumps({"blocks": sys.getallocatedblocks(), "resident": resident()}), file=file)


async def main() -> None:
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, measure)
    await run(load_settings())


if __name__ == "__main__":
    people.MAX_PEOPLE = pacing.CHANNELS = courier.TOKENS_KEPT = int(os.environ.pop("CASEWIRE_FEW"))
    configure_logging("INFO", "json")
    asyncio.run(main())
