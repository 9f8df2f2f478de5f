"""Python's garbage collector, which looks through all that lives for cycles that nobody can reach any more."""

import gc


def spare_what_stays() -> None:
    """Leave out what is there by now, the modules above all: it stays as long as the process.

    Looking through it again and again holds up everything else for 50 ms each time (docs/performance.md). For a
    process that does one thing until it ends, at its start.
    """
    gc.collect()
    gc.freeze()
