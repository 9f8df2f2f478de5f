"""`python -m tests.faults.harness`: plays seeds, prints what went wrong, and one line at the end (`make faults`)."""

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.faults.harness.databases import Stores, stores
from tests.faults.harness.oracle import Finding, Wrong
from tests.faults.harness.run import PACE, Outcome, play
from tests.support.postgres import PostgresUnavailable

_open = contextlib.ExitStack()
_stores: Stores | None = None


def main() -> int:
    options = _options()
    seeds = [options.seed] if options.seed is not None else range(options.first, options.first + options.seeds)
    outcomes: list[Outcome] = []
    try:
        for outcome in _played(list(seeds), options):
            outcomes.append(outcome)
            _tell(outcome, options)
    except PostgresUnavailable as unavailable:
        print(f"no PostgreSQL to play on: {unavailable}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    finally:
        _open.close()
    print(summary(outcomes))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def summary(outcomes: list[Outcome]) -> str:
    """The one line; what neither was lost nor doubled but has no explanation is added where there is any."""
    lost, doubled, odd = (sum(outcome.count(wrong) for outcome in outcomes) for wrong in Wrong)
    line = (
        f"{len(outcomes)} seeds, {sum(o.faults for o in outcomes)} faults, {sum(o.messages for o in outcomes)} "
        f"messages, {lost} lost, {doubled} doubled, "
        f"longest recovery {max((o.recovery for o in outcomes), default=0):.1f} s"
    )
    return f"{line}, {odd} unexplained" if odd else line


def _played(seeds: list[int], options: argparse.Namespace) -> Iterator[Outcome]:
    if options.jobs == 1 or len(seeds) == 1:
        _begin(options.db)
        for seed in seeds:
            yield _play(seed, options)
        return
    with ProcessPoolExecutor(options.jobs, initializer=_begin, initargs=(options.db,)) as pool:
        yield from pool.map(_play, seeds, [options] * len(seeds))


def _begin(database: str) -> None:
    """Each process has stores of its own, opened once for all its seeds."""
    global _stores  # noqa: PLW0603 (a worker of the pool has nowhere else to keep it)
    import atexit

    _stores = _open.enter_context(stores(database))
    atexit.register(_open.close)


def _play(seed: int, options: argparse.Namespace) -> Outcome:
    if _stores is None:
        raise RuntimeError("a seed was played before its stores were opened")
    directory = Path(options.logs or tempfile.gettempdir()) / f"casewire-seed-{options.db}-{seed}-{os.getpid()}"
    directory.mkdir(parents=True, exist_ok=True)
    try:
        outcome = asyncio.run(play(seed, _stores, directory, pace=options.pace, machines=options.machines))
    except Exception:
        broken = Finding(Wrong.UNEXPLAINED, f"the seed could not be played:\n{traceback.format_exc()}")
        outcome = Outcome(seed, options.db, findings=[broken])
    if outcome.findings or options.keep:
        outcome.befell.append(f"logs in {directory}")
    else:
        shutil.rmtree(directory)
    return outcome


def _tell(outcome: Outcome, options: argparse.Namespace) -> None:
    if not outcome.findings:
        if options.verbose:
            print(
                f"seed {outcome.seed}: {outcome.faults} faults, {outcome.messages} messages, recovered in "
                f"{outcome.recovery:.1f} s ({outcome.waited_for or 'nothing to wait for'}), played in {outcome.seconds:.1f} s",
                flush=True,
            )
        return
    more = "".join(
        f" {name.upper()}={value}"
        for name, value, usual in (("pace", options.pace, PACE), ("machines", options.machines, None))
        if value != usual
    )
    print(f"seed {outcome.seed} went wrong. To repeat it: make faults SEED={outcome.seed} DB={options.db}{more}")
    for line in (*map(str, outcome.findings), *outcome.befell):
        print(f"    {line}", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds to play")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument("--seed", type=int, help="this one alone")
    parser.add_argument("--db", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--pace", type=float, default=PACE, help="timers run at this part of their real times")
    parser.add_argument("--machines", type=int, help="how many bots share the desk")
    parser.add_argument("--jobs", type=int, default=1, help="how many seeds at once")
    parser.add_argument("--logs", help="where the logs of seeds that went wrong are kept")
    parser.add_argument("--keep", action="store_true", help="keep those of seeds that went well, too")
    parser.add_argument("--verbose", action="store_true", help="a line for each seed that went well, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
