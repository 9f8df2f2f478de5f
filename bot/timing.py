"""How long the bot waits between tries, in seconds: what tests make shorter and nobody else needs to set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """`retry_after`: before the second try of what failed, then doubling; `settle_after`: between the looks for a
    post whose answer was lost; `login_pause`: between tries while Slack refuses our token, `mail_login_pause`:
    while the mail server does; `catch_up`: how long Slack may take, once connected, to hand over what it held;
    `stagger`: between one connection and the next; `lease`: for how long what a process does for all stays its
    own after it was last heard of; `alarm`: between the looks for alerts that cannot be posted.
    """

    retry_after: float = 1.0
    settle_after: float = 3.0
    login_pause: float = 15.0
    mail_login_pause: float = 300.0
    catch_up: float = 5.0
    stagger: float = 60.0
    lease: float = 20.0
    alarm: float = 15.0
