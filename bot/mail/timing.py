"""How long the mailbox's task waits, in seconds: what tests make shorter and nobody else needs to set."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailTiming:
    """`idle`: from one renewal of IDLE to the next; `compare`: between looks for gaps; `healthy`: how long a
    connection lasts before its loss counts as the first one again; `again_first`, `again_most`: between tries to
    connect; `login_pause`: between tries while the login is refused; `lease`: how long a process that died keeps
    the mailbox; `lease_renewal`: how often one that lives prolongs that, and others ask for it; `set_aside`: until
    a mail is asked for again that the server would not hand over; `database_pause`: while the database is away;
    `connecting`: until a server greets; `quiet`: how long one may send nothing while it owes an answer;
    `done_answer`: the same for the end of IDLE; `longest`: for one answer, however many bytes arrive.
    """

    idle: float = 240.0
    compare: float = 600.0
    healthy: float = 60.0
    again_first: float = 1.0
    again_most: float = 60.0
    login_pause: float = 300.0
    lease: float = 24.0
    lease_renewal: float = 5.0
    set_aside: float = 600.0
    database_pause: float = 5.0
    connecting: float = 20.0
    quiet: float = 30.0
    done_answer: float = 20.0
    longest: float = 900.0
