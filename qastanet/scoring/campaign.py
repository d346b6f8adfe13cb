"""Scoring whole test campaigns: thousands of pairs, in parallel, interruptible, nothing lost.

Each finished pair is at once a line of a journal beside the output. A run that is interrupted, by
Ctrl-C or by a power cut, goes on where it stopped when it is started again: pairs in the journal
with the same files, model and options are not scored twice. A pair that fails becomes a row with
the reason. When all are done the table is written in the order of the manifest and the journal is
removed.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path

from qastanet.errors import InputError
from qastanet.scoring.loading import is_weights_file
from qastanet.scoring.pair_scores import score_group
from qastanet.scoring.progress import Progress
from qastanet.scoring.workers import Group, score_groups
from qastanet.sound.options import Options
from qastanet.storage import content_hash, only_one, write_rows
from qastanet.version import CONFORMANCE

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

    Returns:
        the rows of the manifest with score, model, conformance, the report of
        `qastanet.sound.preparation.prepare`, and error (empty where the pair was scored)

    Raises:
        InputError: if the output cannot be written or another run is writing it
    """
    rows = manifest.to_dict("records") if hasattr(manifest, "to_dict") else list(manifest)
    output, options = Path(output), options or Options()
    journal = output.with_name(output.name + ".journal")
    _check_writable(output)
    known = f"{model} {content_hash(model)}" if _is_there(model) else model
    keys = [_key(row["reference"], row["degraded"], known, options) for row in rows]
    with only_one(journal.with_name(journal.name + ".lock"), output):
        try:
            done = _read_journal(journal)
            groups = _groups(rows, keys, done)
            waiting = sum(len(group.degraded) for group in groups)
            shown = Progress(len(rows), len(rows) - waiting, "pairs", progress)
            finished = score_groups(groups, partial(_score, work, model, options), jobs, scheduler)
            with shown:
                _keep(finished, journal, done, shown)
            table = _table(rows, [done[key] for key in keys])
            write_rows(table, output)
            journal.unlink()
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
    shown: Progress,
) -> None:
    """Write each result to the journal as soon as it is there."""
    with open(journal, "a", encoding="utf-8") as file:
        for results in finished:
            for key, result in results:
                file.write(json.dumps({"key": key, **result}) + "\n")
                done[key] = result
            file.flush()
            shown.add(len(results))


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
    """Score one group in a worker."""
    results = work(group.reference, group.degraded, model, options)
    return group, list(zip(group.keys, results, strict=True))


def _table(rows: Sequence[Mapping], results: Sequence[Mapping]) -> list[dict]:
    """Join labels and results, in the order of the manifest; all rows get the same columns."""
    fresh = dict.fromkeys(name for result in results for name in result)
    fresh = [name for name in fresh if name not in ("reference", "degraded", "error")]
    table = []
    for row, result in zip(rows, results, strict=True):
        labels = {name: value for name, value in row.items() if name not in (*fresh, "error")}
        found = {name: result.get(name) for name in fresh}
        for name in ("adjustments", "warnings"):
            if name in found:
                found[name] = "; ".join(found[name] or [])
        table.append(labels | found | {"error": result.get("error", "")})
    return table
