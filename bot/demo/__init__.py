"""The demo: a story played on a local Slack with the bot as it is, told from what really happens."""

from bot.demo.run import run_demo

__all__ = ["run_demo"]
