"""Groups of pairs scored by processes of this machine or of a cluster, whatever becomes of them."""

import concurrent.futures
import contextlib
import multiprocessing
import os
import signal
import threading
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
                        yield [(part.keys[0], {"error": "the worker died while scoring it"})]
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
            futures = client.map(score, groups, pure=False)
            for future in distributed.as_completed(futures):
                _, results = future.result()
                done += len(results)
                yield results
    except (
        distributed.KilledWorker,
        distributed.CommClosedError,
        concurrent.futures.CancelledError,
        TimeoutError,
    ) as error:
        raise InputError(
            f"{scheduler}: the Dask cluster was lost after {done} of {total} pairs "
            f"({type(error).__name__}); start again, the run goes on where it stopped"
        ) from error
