"""Scoring whole test campaigns: thousands of pairs, in parallel, interruptible, nothing lost.

Each finished pair is at once a line of a journal beside the output. A run that is interrupted, by
Ctrl-C or by a power cut, goes on where it stopped when it is started again: pairs in the journal
with the same files, model and options are not scored twice. A pair that fails becomes a row with
the reason. When all are done the table is written in the order of the manifest and the journal is
removed.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import filelock
import joblib
import pandas as pd
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm.auto import tqdm

from qastanet.errors import InputError
from qastanet.scoring.loading import is_weights_file
from qastanet.scoring.pair_scores import score_group
from qastanet.sound.options import Options
from qastanet.storage import content_hash, write_table
from qastanet.version import CONFORMANCE

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


def run(
    manifest: pd.DataFrame,
    output: str | Path,
    model: str = "default",
    options: Options | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = True,
    work: Callable[..., list[dict]] = score_group,
) -> pd.DataFrame:
    """Score all pairs of a manifest.

    Args:
        manifest: columns reference and degraded (absolute paths), and labels that pass through
        output: CSV file for the scores; its journal lies beside it
        model: name of the model, or its file of weights
        options: what may be done to a pair before it is scored
        jobs: processes on this machine
        scheduler: address of a Dask scheduler whose workers are used instead
        progress: show a progress bar with the time left
        work: what scores a group; has the signature of `qastanet.scoring.pair_scores.score_group`

    Returns:
        the manifest with the columns score, model, conformance, the report of
        `qastanet.sound.preparation.prepare`, and error (empty where the pair was scored)

    Raises:
        InputError: if the output cannot be written or another run is writing it
    """
    output, options = Path(output), options or Options()
    journal = output.with_name(output.name + ".journal")
    _check_writable(output)
    known = f"{model} {content_hash(model)}" if _is_there(model) else model
    keys = [_key(row.reference, row.degraded, known, options) for row in manifest.itertuples()]
    lock = filelock.FileLock(journal.with_name(journal.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout as error:
        raise InputError(f"{output}: another run is writing it; wait, or choose another") from error
    try:
        done = _read_journal(journal)
        groups = _groups(manifest, keys, done)
        waiting = sum(len(group.degraded) for group in groups)
        bar = tqdm(
            total=len(manifest),
            initial=len(manifest) - waiting,
            unit="pair",
            disable=not progress,
        )
        finished = _work(groups, partial(_score, work, model, options), jobs, scheduler)
        with bar:
            _keep(finished, journal, done, bar)
        table = _table(manifest, [done[key] for key in keys])
        write_table(table, output)
        journal.unlink()
    except OSError as error:  # a full disk, for example
        raise InputError(
            f"{journal}: cannot be written ({error.strerror}); make room and start again, the run "
            "goes on where it stopped"
        ) from error
    finally:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
    return table


def _keep(
    finished: Iterable[list[tuple[str, dict]]], journal: Path, done: dict[str, dict], bar: tqdm
) -> None:
    """Write each result to the journal as soon as it is there."""
    with open(journal, "a", encoding="utf-8") as file:
        for results in finished:
            for key, result in results:
                file.write(json.dumps({"key": key, **result}) + "\n")
                done[key] = result
            file.flush()
            bar.update(len(results))


def _is_there(model: str) -> bool:
    """Tell whether a model is a file of weights that is there."""
    return is_weights_file(model) and Path(model).is_file()


def _check_writable(output: Path) -> None:
    """Find out before the work, not after it, that the output cannot be written."""
    if output.is_dir():
        raise InputError(f"{output}: is a folder; name a CSV file")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with open(output.with_name(output.name + ".journal"), "a"):
            pass
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written ({error.strerror}); choose another"
        ) from error


def _key(reference: str, degraded: str, model: str, options: Options) -> str:
    """Return what identifies a result: files with their times and sizes, model, options."""
    facts: list = [model, CONFORMANCE, asdict(options)]
    for name in (reference, degraded):
        path = Path(name)
        try:
            facts += [name, path.stat().st_size, path.stat().st_mtime_ns]
        except (OSError, ValueError):
            facts += [name, None, None]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]


def _read_journal(journal: Path) -> dict[str, dict]:
    """Return key -> result; a line that was cut by an interruption is left out."""
    done = {}
    content = journal.read_text(encoding="utf-8")
    for line in content.splitlines(keepends=True):
        try:
            result = json.loads(line) if line.endswith("\n") else None
        except json.JSONDecodeError:
            result = None
        if result and not result.get("error"):
            done[result.pop("key")] = result
    if content and not content.endswith("\n"):
        with open(journal, "a", encoding="utf-8") as file:
            file.write("\n")
    return done


def _groups(manifest: pd.DataFrame, keys: list[str], done: dict) -> list[Group]:
    """Return the pairs still to do, grouped by reference."""
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


def _score(
    work: Callable, model: str, options: Options, group: Group
) -> tuple[Group, list[tuple[str, dict]]]:
    """Score one group in a worker."""
    results = work(group.reference, group.degraded, model, options)
    return group, list(zip(group.keys, results, strict=True))


def _work(
    groups: list[Group], score: Callable, jobs: int, scheduler: str | None
) -> Iterator[list[tuple[str, dict]]]:
    """Score groups in parallel; a group whose worker dies is tried again, then pair by pair."""
    if scheduler:
        yield from _work_on_cluster(groups, score, scheduler)
        return
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
    with client, joblib.parallel_config("dask"):
        for _, results in _parallel(groups, score, -1):
            yield results


def _table(manifest: pd.DataFrame, results: list[dict]) -> pd.DataFrame:
    """Join labels and results, in the order of the manifest."""
    frame = pd.DataFrame(results, index=manifest.index)
    for name in ("adjustments", "warnings"):
        if name in frame:
            frame[name] = frame[name].map(lambda v: "; ".join(v) if isinstance(v, list) else "")
    if "error" not in frame:
        frame["error"] = ""
    frame["error"] = frame["error"].fillna("")
    fresh = [name for name in frame.columns if name not in ("reference", "degraded")]
    kept = manifest.drop(columns=[name for name in fresh if name in manifest.columns])
    return kept.join(frame[fresh])
