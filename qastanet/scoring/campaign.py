"""Scoring whole test campaigns: thousands of pairs, in parallel, interruptible, nothing lost.

Each finished pair is at once a line of a journal beside the output. A run that is interrupted, by
Ctrl-C or by a power cut, goes on where it stopped when it is started again: pairs in the journal
with the same files, model and options are not scored twice. A pair that fails becomes a row with
the reason. When all are done the table is written in the order of the manifest and the journal is
removed.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pandas as pd
from tqdm.auto import tqdm

from qastanet.errors import InputError
from qastanet.outputs import Output, beside, claim, sole_writer, table_with
from qastanet.scoring.loading import is_weights_file
from qastanet.scoring.pair_scores import score_group
from qastanet.scoring.workers import Group, groups_of, work_on
from qastanet.sound.options import Options
from qastanet.storage import content_hash, write_table
from qastanet.version import CONFORMANCE

RESULTS = (
    *("score", "low", "high", "model", "conformance", "sampling_rate", "duration_s", "channels"),
    *("convention", "delay_ms", "delay_confidence", "delay_compensated", "delay_method"),
    *("drift_ppm", "level_change_db", "adjustments", "warnings", "resampled_to", "error"),
)
"""Columns that a table of scores may have besides the labels of the user."""

FORMER = table_with("reference", "degraded", "score", "model", "conformance", "error")
"""Tells a table of scores."""

logger = logging.getLogger(__name__)


def run(
    manifest: pd.DataFrame,
    output: str | Path,
    model: str = "default",
    options: Options | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = True,
    work: Callable[..., list[dict]] = score_group,
    force: bool = False,
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
        force: write over a file that is no table of scores

    Returns:
        the manifest with the columns score, model, conformance, the report of
        `qastanet.sound.preparation.prepare`, and error (empty where the pair was scored); labels
        that are called as one of RESULTS are there under the name that `own_names` gives

    Raises:
        InputError: if the output must not or cannot be written, or another run is writing it
    """
    output, options = Path(output), options or Options()
    claim([Output(output, FORMER)], [*manifest.reference, *manifest.degraded, model], force)
    journal = beside(output, "journal")
    if journal.exists() and not journal.is_file():
        raise InputError(f"{journal}: is no file; remove it")
    known = f"{model} {content_hash(model)}" if _is_there(model) else model
    keys = _keys(manifest, known, options)
    with sole_writer(output):
        try:
            done = _read_journal(journal)
            groups = groups_of(manifest, keys, done)
            finished = work_on(groups, partial(_score, work, model, options), jobs, scheduler)
            _keep(finished, journal, done, keys, progress)
            table = _table(manifest, [done[key] for key in keys])
            write_table(table, output)
            journal.unlink(missing_ok=True)
        except OSError as error:  # a full disk, for example
            raise InputError(
                f"{journal}: cannot be written ({error.strerror}); make room and start again, the "
                "run goes on where it stopped"
            ) from error
    return table


def _keep(
    finished: Iterable[list[tuple[str, dict]]],
    journal: Path,
    done: dict[str, dict],
    keys: list[str],
    progress: bool,
) -> None:
    """Write each result to the journal as soon as it is there."""
    start = sum(key in done for key in keys)
    counts = pd.Series(keys).value_counts()
    bar = tqdm(total=len(keys), initial=start, unit="pair", disable=not progress)
    with bar:
        for results in finished:
            with open(journal, "a", encoding="utf-8") as file:
                for key, result in results:
                    file.write(json.dumps({"key": key, **result}) + "\n")
                    done[key] = result
            bar.update(sum(int(counts[key]) for key, _ in results))


def _is_there(model: str) -> bool:
    """Tell whether a model is a file of weights that is there."""
    return is_weights_file(model) and Path(model).is_file()


def _keys(manifest: pd.DataFrame, model: str, options: Options) -> list[str]:
    """Return what identifies each result; a file is looked at once, however many rows name it."""
    states: dict[str, list] = {}
    for name in pd.unique(pd.concat([manifest.reference, manifest.degraded])):
        try:
            found = Path(name).stat()
            states[name] = [name, found.st_size, found.st_mtime_ns]
        except (OSError, ValueError):
            states[name] = [name, None, None]
    facts, known = [model, CONFORMANCE, asdict(options)], {}
    for pair in zip(manifest.reference, manifest.degraded, strict=True):
        if pair not in known:
            text = json.dumps([*facts, *states[pair[0]], *states[pair[1]]])
            known[pair] = hashlib.sha256(text.encode()).hexdigest()[:32]
    return [known[pair] for pair in zip(manifest.reference, manifest.degraded, strict=True)]


def _read_journal(journal: Path) -> dict[str, dict]:
    """Return key -> result; lines that were cut or damaged are left out, and it is said."""
    done, damaged = {}, 0
    if not journal.exists():
        return done
    content = journal.read_text(encoding="utf-8", errors="replace")
    for line in content.splitlines():
        try:
            result = json.loads(line)
        except (ValueError, RecursionError):
            result = None
        if not isinstance(result, dict) or not isinstance(result.get("key"), str):
            damaged += 1
        elif "score" in result and not result.get("error"):
            done[result.pop("key")] = result
    if damaged:
        logger.warning("%s: %d damaged lines are left out", journal, damaged)
    if content and not content.endswith("\n"):
        with open(journal, "a", encoding="utf-8") as file:
            file.write("\n")
    return done


def _score(
    work: Callable, model: str, options: Options, group: Group
) -> tuple[Group, list[tuple[str, dict]]]:
    """Score one group in a worker; what is no number is no score."""
    results = work(group.reference, group.degraded, model, options)
    for result in results:
        if "score" in result and not math.isfinite(result["score"]):
            result["error"] = f"the score is {result.pop('score')}, no number"
    return group, list(zip(group.keys, results, strict=True))


def own_names(columns: Iterable[str]) -> dict[str, str]:
    """Return new names for labels of the user that are called like a result.

    Example:
        >>> own_names(["reference", "score", "codec"])
        {'score': 'score_given'}
    """
    taken, names = {*columns, *RESULTS}, {}
    for name in columns:
        if name in RESULTS:
            names[name] = f"{name}_given"
            while names[name] in taken:
                names[name] += "_given"
            taken.add(names[name])
    return names


def _table(manifest: pd.DataFrame, results: list[dict]) -> pd.DataFrame:
    """Join labels and results, in the order of the manifest."""
    frame = pd.DataFrame(results, index=manifest.index)
    for name in ("adjustments", "warnings"):
        if name in frame:
            frame[name] = frame[name].map(lambda v: "; ".join(v) if isinstance(v, list) else "")
    for name in ("score", "model", "conformance", "error"):
        if name not in frame:
            frame[name] = "" if name == "error" else None
    frame["error"] = frame["error"].fillna("")
    frame["score"] = frame["score"].astype(float)
    fresh = [name for name in frame.columns if name not in ("reference", "degraded")]
    return manifest.rename(columns=own_names(manifest.columns)).join(frame[fresh])
