"""Who scores the pairs of a campaign: processes of this machine, or a Dask cluster."""

import concurrent.futures
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import NamedTuple

import joblib
import pandas as pd
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError

from qastanet.errors import InputError

GROUP = 8
"""Degraded versions of one reference that are scored together, sharing its features."""

TRIES = 3
"""A group during which a worker died is tried this often, then its pairs one by one."""


class Group(NamedTuple):
    """Pairs with one reference: what a worker does at a time."""

    reference: str
    degraded: tuple[str, ...]
    keys: tuple[str, ...]
    tries: int = 0


def groups_of(manifest: pd.DataFrame, keys: list[str], done: dict) -> list[Group]:
    """Return the pairs still to do, grouped by reference.

    Args:
        manifest: columns reference and degraded
        keys: what identifies the result of each row; rows of one key are one pair
        done: key -> result of what is done
    """
    waiting: dict[str, dict[str, str]] = {}
    for row, key in zip(manifest.itertuples(), keys, strict=True):
        if key not in done:
            waiting.setdefault(row.reference, {})[key] = row.degraded
    groups = []
    for reference, pairs in waiting.items():
        items = iter(pairs.items())
        while part := list(islice(items, GROUP)):
            part_keys, degraded = zip(*part, strict=True)
            groups.append(Group(reference, degraded, part_keys))
    return groups


def work_on(
    groups: list[Group], score: Callable, jobs: int, scheduler: str | None
) -> Iterator[list[tuple[str, dict]]]:
    """Score groups in parallel; a group whose worker dies is tried again, then pair by pair.

    Args:
        groups: see `groups_of`
        score: takes a group, returns it and its (key, result)
        jobs: processes on this machine; no more are started than there are groups
        scheduler: address of a Dask scheduler, used instead

    Yields:
        the (key, result) of a group

    Raises:
        InputError: if there is no such scheduler, or it is lost
    """
    if scheduler:
        yield from _work_on_cluster(groups, score, scheduler)
        return
    jobs = min(jobs, max(len(groups), 1))
    waiting = {group.keys: group for group in groups}
    try:
        yield from _work_here(waiting, score, jobs)
    finally:
        if jobs != 1 and groups:
            _release_workers()


def _work_here(
    waiting: dict[tuple, Group], score: Callable, jobs: int
) -> Iterator[list[tuple[str, dict]]]:
    """Score groups by processes of this machine."""
    while waiting:
        try:
            for group, results in _parallel(waiting.values(), score, jobs):
                del waiting[group.keys]
                yield results
        except (TerminatedWorkerError, BrokenProcessPool):
            again: dict = {}
            for group in waiting.values():
                for part in _smaller(group):
                    if part.tries <= 2 * TRIES:
                        again[part.keys] = part
                    else:
                        yield [(part.keys[0], {"error": "the worker died while scoring it"})]
            waiting = again


def _parallel(groups: Iterable[Group], score: Callable, jobs: int) -> Iterator:
    """Yield results as they are ready; in this process if there is one job."""
    tasks = (joblib.delayed(score)(group) for group in list(groups))
    parallel = joblib.Parallel(
        n_jobs=jobs, return_as="generator_unordered", pre_dispatch="2*n_jobs", batch_size=1
    )
    yield from parallel(tasks)


def _release_workers() -> None:
    """End the processes of joblib, which would otherwise wait for more work, or for an exit."""
    get_reusable_executor().shutdown(wait=True, kill_workers=True)


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
    try:
        import distributed
    except ImportError as error:
        raise InputError("--scheduler needs Dask: pip install distributed") from error
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
    with client, joblib.parallel_config("dask"):
        results = _parallel(groups, score, -1)
        while True:
            try:  # around the cluster only, not around what is done with its results
                found = next(results, None)
            except (OSError, distributed.KilledWorker, concurrent.futures.CancelledError) as error:
                raise InputError(
                    f"{scheduler}: the Dask cluster was lost after {done} of {total} pairs "
                    f"({type(error).__name__}); start again, the run goes on where it stopped"
                ) from error
            if found is None:
                return
            done += len(found[1])
            yield found[1]
