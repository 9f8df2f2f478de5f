"""Events nobody handles are acknowledged too: unacknowledged ones would come again and count as failures.

https://docs.slack.dev/apis/events-api#failure-limits
"""

from __future__ import annotations

import re

from slack_bolt.async_app import AsyncApp


def register(app: AsyncApp) -> None:
    async def anything_else() -> None:
        """Nothing to do."""

    app.event(re.compile(".*"))(anything_else)
