"""Scoring whole test campaigns: thousands of pairs, in parallel, interruptible, nothing lost.

Each finished pair is at once a line of a journal beside the output. A run that is interrupted, by
Ctrl-C or by a power cut, goes on where it stopped when it is started again: pairs in the journal
with the same files, model and options are not scored twice. A pair that fails becomes a row with
the reason. When all are done the table is written in the order of the manifest and the journal is
removed.
"""

import contextlib
import hashlib
import json
import logging
import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

from qastanet.errors import InputError
from qastanet.outputs import Output, beside, claim, sole_writer, table_with
from qastanet.scoring.loading import is_weights_file
from qastanet.scoring.pair_scores import score_group
from qastanet.scoring.progress import Progress
from qastanet.scoring.workers import Group, score_groups
from qastanet.sound.options import Options
from qastanet.storage import content_hash, write_rows
from qastanet.version import CONFORMANCE

RESULTS = (
    *("score", "low", "high", "model", "conformance", "sampling_rate", "duration_s", "channels"),
    *("convention", "delay_ms", "delay_confidence", "delay_compensated", "delay_method"),
    *("drift_ppm", "level_change_db", "adjustments", "warnings", "resampled_to", "error"),
)
"""Columns that a table of scores may have besides the labels of the user."""

FORMER = table_with("reference", "degraded", "score", "model", "conformance", "error")
"""Tells a table of scores."""

SUMMARY = ("pairs", "failed", "mean", "ci95_low", "ci95_high")
"""Columns of a summary besides its labels."""

FORMER_SUMMARY = table_with(*SUMMARY)
"""Tells a summary."""

MARK = "QASTAnet batch"
"""What the figures of a summary say of their origin."""

logger = logging.getLogger(__name__)

GROUP = 8
"""Degraded versions of one reference that are scored together, sharing its features."""


def run(
    manifest: Iterable[Mapping],
    output: str | Path,
    model: str = "default",
    options: Options | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    progress: bool = True,
    work: Callable[..., list[dict]] = score_group,
    force: bool = False,
    held: bool = False,
) -> list[dict]:
    """Score all pairs of a manifest.

    With several jobs, a script must call this below `if __name__ == "__main__":`, as always with
    processes in Python.

    Args:
        manifest: rows with reference and degraded (absolute paths), and labels that pass through; a
            table of pandas will do
        output: CSV file for the scores; its journal lies beside it
        model: name of the model, or its file of weights
        options: what may be done to a pair before it is scored
        jobs: processes on this machine; -1 for all cores
        scheduler: address of a Dask scheduler whose workers are used instead
        progress: say on the standard error how far it is
        work: what scores a group; has the signature of `qastanet.scoring.pair_scores.score_group`
        force: write over a file that is no table of scores
        held: the caller keeps other runs from writing the output, see
            `qastanet.outputs.sole_writer`

    Returns:
        the rows of the manifest with score, model, conformance, the report of
        `qastanet.sound.pairs.preparation.prepare`, and error (empty where the pair was scored);
        labels that are called as one of RESULTS are there under the name that `own_names` gives

    Raises:
        InputError: if the output must not or cannot be written, or another run is writing it
    """
    rows = manifest.to_dict("records") if hasattr(manifest, "to_dict") else list(manifest)
    output, options = Path(output), options or Options()
    named = [row[name] for row in rows for name in ("reference", "degraded")]
    claim([Output(output, FORMER)], [*named, model], force)
    journal = beside(output, "journal")
    if journal.exists() and not journal.is_file():
        raise InputError(f"{journal}: is no file; remove it")
    known = f"{model} {content_hash(model)}" if _is_there(model) else model
    keys = _keys(rows, known, options)
    with contextlib.nullcontext() if held else sole_writer(output):
        try:
            done = _read_journal(journal)
            groups = _groups(rows, keys, done)
            shown = Progress(len(rows), sum(key in done for key in keys), "pairs", progress)
            finished = score_groups(groups, partial(_score, work, model, options), jobs, scheduler)
            with shown:
                _keep(finished, journal, done, Counter(keys), shown)
            table = _table(rows, [done[key] for key in keys])
            write_rows(table, output)
            journal.unlink(missing_ok=True)
        except OSError as error:  # a full disk, for example
            raise InputError(
                f"{journal}: cannot be written ({error.strerror}); make room and start again, the "
                "run goes on where it stopped"
            ) from error
        finally:
            if journal.is_file() and not journal.stat().st_size:
                journal.unlink()  # nothing was done
    return table


def _keep(
    finished: Iterable[list[tuple[str, dict]]],
    journal: Path,
    done: dict[str, dict],
    counts: Mapping[str, int],
    shown: Progress,
) -> None:
    """Write each result to the journal as soon as it is there."""
    with open(journal, "a", encoding="utf-8") as file:
        for results in finished:
            for key, result in results:
                file.write(json.dumps({"key": key, **result}) + "\n")
                done[key] = result
            file.flush()
            shown.add(sum(counts[key] for key, _ in results))


def _is_there(model: str) -> bool:
    """Tell whether a model is a file of weights that is there."""
    return is_weights_file(model) and Path(model).is_file()


def _keys(rows: Sequence[Mapping], model: str, options: Options) -> list[str]:
    """Return what identifies each result; a file is looked at once, however many rows name it."""
    states: dict[str, list] = {}
    for name in dict.fromkeys(row[which] for row in rows for which in ("reference", "degraded")):
        try:
            found = Path(name).stat()
            states[name] = [name, found.st_size, found.st_mtime_ns]
        except (OSError, ValueError):
            states[name] = [name, None, None]
    facts, known = [model, CONFORMANCE, asdict(options)], {}
    pairs = [(row["reference"], row["degraded"]) for row in rows]
    for pair in pairs:
        if pair not in known:
            text = json.dumps([*facts, *states[pair[0]], *states[pair[1]]])
            known[pair] = hashlib.sha256(text.encode()).hexdigest()[:32]
    return [known[pair] for pair in pairs]


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


def _groups(rows: Sequence[Mapping], keys: list[str], done: dict) -> list[Group]:
    """Return the pairs still to do, grouped by reference."""
    waiting: dict[str, dict[str, str]] = {}
    for row, key in zip(rows, keys, strict=True):
        if key not in done:
            waiting.setdefault(row["reference"], {})[key] = row["degraded"]
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


def _table(rows: Sequence[Mapping], results: Sequence[Mapping]) -> list[dict]:
    """Join labels and results, in the order of the manifest; all rows get the same columns."""
    fresh = ["score", "model", "conformance", *(name for result in results for name in result)]
    fresh = [n for n in dict.fromkeys(fresh) if n not in ("reference", "degraded", "error")]
    names = own_names(rows[0])
    table = []
    for row, result in zip(rows, results, strict=True):
        labels = {names.get(name, name): value for name, value in row.items()}
        found = {name: result.get(name) for name in fresh}
        for name in ("adjustments", "warnings"):
            if name in found:
                found[name] = "; ".join(found[name] or [])
        table.append(labels | found | {"error": result.get("error", "")})
    return table
