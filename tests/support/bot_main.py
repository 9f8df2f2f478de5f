"""`casewire run` with the timing of a test: `CASEWIRE_TIMING` holds it as JSON."""

import asyncio
import json
import os
import sys

from bot.app import run
from bot.config import load_settings
from bot.ops.logging import configure_logging
from bot.startup import StartError
from bot.timing import Timing

if __name__ == "__main__":
    timing = Timing(**json.loads(os.environ.pop("CASEWIRE_TIMING")))
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    try:
        asyncio.run(run(settings, timing))
    except StartError as error:
        sys.exit("\n".join(error.problems))
