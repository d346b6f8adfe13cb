"""Groups of pairs scored by processes of this machine or of a cluster, whatever becomes of them."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing.connection import Connection
from typing import NamedTuple

from qastanet.errors import InputError
from qastanet.lazy import need

TRIES = 3
"""A group during which a worker died is tried this often, then its pairs one by one."""


DIED = "the worker died while scoring it"

STEP_S = 2.0
"""How often a cluster that gives no results is asked for its workers."""

PATIENCE_S = 60.0
"""How long a cluster may have no worker; one that comes back in time goes on."""


class Group(NamedTuple):
    """Pairs with one reference: what a worker does at a time."""

    reference: str
    degraded: tuple[str, ...]
    keys: tuple[str, ...]
    tries: int = 0


def score_groups(
    groups: list[Group], score: Callable, jobs: int, scheduler: str | None
) -> Iterator[list[tuple[str, dict]]]:
    """Score groups in parallel.

    Args:
        groups: what is to be done
        score: takes a group; returns it with its results, each with its key
        jobs: processes on this machine, at most one per group; -1 for all cores
        scheduler: address of a Dask scheduler whose workers are used instead

    Yields:
        the results of a group, as soon as they are there; a pair that kills its worker has an
        `error`

    Raises:
        InputError: if no scheduler answers, or it is lost
        MissingExtraError: if there is one, but Dask is not installed
    """
    if scheduler:
        yield from _work_on_cluster(groups, score, scheduler)
    elif jobs == 1:
        yield from (score(group)[1] for group in groups)
    else:
        jobs = jobs if jobs > 0 else os.cpu_count() or 1
        yield from _work_here(groups, score, max(min(jobs, len(groups)), 1))


def _work_here(groups: list[Group], score: Callable, jobs: int) -> Iterator[list[tuple[str, dict]]]:
    """Score by processes; a group whose worker dies is tried again, then pair by pair."""
    waiting = {group.keys: group for group in groups}
    while waiting:
        try:
            for group, results in _parallel(list(waiting.values()), score, jobs):
                del waiting[group.keys]
                yield results
        except BrokenProcessPool:
            again: dict = {}
            for group in waiting.values():
                for part in _smaller(group):
                    if part.tries <= 2 * TRIES:
                        again[part.keys] = part
                    else:
                        yield [(part.keys[0], {"error": DIED})]
            waiting = again


def _parallel(groups: list[Group], score: Callable, jobs: int) -> Iterator:
    """Yield results of fresh processes, which end when this is left, however it is left."""
    context = multiprocessing.get_context("spawn")  # a fork would copy the locks of threads
    theirs, ours = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(jobs, context, _end_with, (theirs,))
    coming, running = iter(groups), set()
    try:
        while True:
            more = islice(coming, 2 * jobs - len(running))
            running |= {pool.submit(score, group) for group in more}
            if not running:
                return
            ready, running = wait(running, return_when=FIRST_COMPLETED)
            for future in ready:
                yield future.result()
    finally:
        ours.close()
        pool.shutdown(cancel_futures=True)


def _end_with(connection: Connection) -> None:
    """End this process when the other end of a connection is closed, by intent or by a death."""

    def watch() -> None:
        with contextlib.suppress(EOFError, OSError):
            connection.recv()
        os._exit(0)

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that waits
    threading.Thread(target=watch, daemon=True).start()


def _smaller(group: Group) -> list[Group]:
    """Return the group for another try, or its pairs one by one once it has had enough."""
    tries = group.tries + 1
    if tries < TRIES or len(group.keys) == 1:
        return [group._replace(tries=tries)]
    return [
        Group(group.reference, (degraded,), (key,), tries)
        for degraded, key in zip(group.degraded, group.keys, strict=True)
    ]


def _work_on_cluster(
    groups: list[Group], score: Callable, scheduler: str
) -> Iterator[list[tuple[str, dict]]]:
    """Score groups on a Dask cluster, which itself repeats what a lost worker was doing."""
    need("distributed")
    import distributed

    try:
        client = distributed.Client(scheduler, timeout=10)
    except OSError as error:
        raise InputError(f"{scheduler}: no Dask scheduler answers ({error})") from error
    except ValueError as error:
        raise InputError(
            f"{scheduler}: no address of a Dask scheduler ({error}); give one such as "
            "tcp://host:8786"
        ) from error
    total, done = sum(len(group.keys) for group in groups), 0
    try:
        with client:
            for results in _of_cluster(client, groups, score):
                done += len(results)
                yield results
    except (OSError, concurrent.futures.CancelledError) as error:
        raise InputError(
            f"{scheduler}: the Dask cluster was lost after {done} of {total} pairs "
            f"({str(error) or type(error).__name__}); start again, the run goes on where it stopped"
        ) from error


def _of_cluster(client, groups: list[Group], score: Callable) -> Iterator[list[tuple[str, dict]]]:
    """Yield results of a cluster; what was at work when workers died is tried again, one by one."""
    suspects: list[Group] = []
    for group, results in _collected(client, groups, score):
        if results is None:
            suspects += _smaller(group._replace(tries=TRIES))
        else:
            yield results
    for suspect in suspects:  # alone: all that a worker had before it are blamed for its death
        for group, results in _collected(client, [suspect], score):
            yield results or [(group.keys[0], {"error": DIED})]


def _collected(
    client, groups: list[Group], score: Callable
) -> Iterator[tuple[Group, list[tuple[str, dict]] | None]]:
    """Yield groups with their results as they are there, None if workers died of a group."""
    import distributed

    waiting = dict(zip(client.map(score, groups, pure=False), groups, strict=True))
    heard = time.monotonic()
    while waiting:
        ready = ()
        with contextlib.suppress(distributed.TimeoutError):
            ready = distributed.wait(list(waiting), STEP_S, "FIRST_COMPLETED").done
        for future in ready:
            group = waiting.pop(future)
            try:
                results = future.result()[1]
            except distributed.KilledWorker:
                results = None
            yield group, results
        if ready or client.nthreads():
            heard = time.monotonic()
        elif time.monotonic() - heard > PATIENCE_S:
            raise TimeoutError(f"no worker for {PATIENCE_S:.0f} s")
