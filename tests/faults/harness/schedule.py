"""What happens in a seed, and when: a load of people who write, and the faults that befall it."""

import random
from dataclasses import dataclass

LENGTH = 50.0
"""Seconds of load at real times."""
LOAD = 55
FAULTS = (6, 18)
NO_FAULT_BEFORE = 2.0

# What people do, and how often beside the rest.
DOINGS = {
    "write": 26,
    "burst": 7,
    "write_mail": 12,
    "mail_comes_twice": 3,
    "write_in_thread": 4,
    "write_urgently": 3,
    "send_file": 4,
    "edit": 9,
    "delete": 4,
    "answer": 20,
    "answer_with_file": 3,
    "edit_answer": 4,
    "delete_answer": 2,
    "note": 4,
    "bystander": 2,
    "close_by_phrase": 6,
    "close_by_command": 2,
    "close_by_button": 3,
    "reopen_by_command": 3,
    "escalate_by_button": 2,
    "acknowledge": 3,
    "ask_status": 2,
}

ANYWHERE = {
    "kill": 5,
    "restart": 3,
    "freeze": 3,
    "slack_cut": 4,
    "slack_stall": 3,
    "slack_delay": 2,
    "slack_lost_requests": 4,
    "slack_lost_answers": 4,
    "calls_limited": 3,
    "calls_failing": 3,
    "calls_answers_lost": 4,
    "calls_dropped": 2,
    "outage": 3,
    "disconnect": 4,
    "acks_lost": 4,
    "delivered_again": 4,
    "events_held": 4,
    "mail_cut": 3,
    "mail_stall": 2,
    "mail_delay": 1,
    "mail_lost_requests": 3,
    "mail_lost_answers": 4,
    "mail_refused": 2,
    "clock_jump": 2,
}
ON = {
    "sqlite": {"database_locked": 4},
    "postgresql": {
        "database_cut": 5,
        "database_stall": 3,
        "database_lost_requests": 3,
        "database_lost_answers": 5,
        "database_refused": 3,
        "database_restart": 3,
    },
}


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do `at` so many seconds; `lasting` is for faults that end. Each has dice of its own."""

    at: float
    what: str
    lasting: float
    is_fault: bool
    number: int
    seed: int

    @property
    def dice(self) -> random.Random:
        """The same for the same step of the same seed, whatever happened before it."""
        return random.Random(f"{self.seed}:{self.number}")


def schedule(seed: int, database: str, pace: float = 1.0) -> list[Step]:
    """The steps of a seed, in their order, with every time multiplied by `pace`."""
    dice = random.Random(f"{seed}:{database}")
    moments = sorted(dice.uniform(0, LENGTH) for _ in range(LOAD))
    drawn = [(at, what, 0.0, False) for at, what in zip(moments, _drawn(dice, DOINGS, LOAD), strict=True)]
    drawn[0] = (0.0, "write", 0.0, False)
    how_many = dice.randint(*FAULTS)
    for what in _drawn(dice, ANYWHERE | ON[database], how_many):
        drawn.append((dice.uniform(NO_FAULT_BEFORE, LENGTH), what, dice.uniform(1.0, 15.0), True))
    drawn.sort(key=lambda step: step[0])
    return [
        Step(at * pace, what, lasting * pace, is_fault, number, seed)
        for number, (at, what, lasting, is_fault) in enumerate(drawn)
    ]


def _drawn(dice: random.Random, weights: dict[str, int], count: int) -> list[str]:
    return dice.choices(list(weights), list(weights.values()), k=count)
