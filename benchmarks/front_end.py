"""Time and memory of the front ends against duration, order and cores; writes CSV and a figure.

    python benchmarks/front_end.py [--quick] [--output benchmarks/results.csv]

Each measurement is a process of its own (`measure.py`); the methods take turns within a round, and
the table holds the medians over the rounds. The sound is noise with a slow swell, decoded by the
model's filters, or given to the ears. On a shared machine read the ratios, the CPU time beside the
time, and `others`: the number of cores that other processes kept busy meanwhile.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from measure import machine_busy
from plot import speed

from qastanet.sound.ambisonics import channels
from qastanet.sound.sampling import SAMPLING_RATE

HERE = Path(__file__).parent
LIMIT_MB = 8000
"""Nothing is run that would take more."""

GROWTH_MB = {"textbook": 260, "torch": 20, "gradient": 30}
"""What they take per second of sound, at most."""

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def make_pair(folder: Path, order: int, duration_s: float, index: int = 0) -> list[str]:
    """Write a reference and a noisy copy of it; returns the paths."""
    names = [f"{folder}/{kind}_{order}_{duration_s}_{index}.wav" for kind in ("ref", "deg")]
    random = np.random.default_rng(index)
    count = channels(order) if order else 2  # order 0: two ears
    with (
        soundfile.SoundFile(names[0], "w", SAMPLING_RATE, count, "FLOAT") as reference,
        soundfile.SoundFile(names[1], "w", SAMPLING_RATE, count, "FLOAT") as degraded,
    ):
        left = round(duration_s * SAMPLING_RATE)
        while left > 0:
            length = min(left, SAMPLING_RATE)
            swell = 0.05 + 0.1 * np.sin(np.pi * np.arange(length) / SAMPLING_RATE) ** 2
            sound = random.standard_normal((length, count), np.float32) * swell[:, None]
            reference.write(sound)
            degraded.write(sound + 0.01 * random.standard_normal(sound.shape, np.float32))
            left -= length
    return names


def plan(quick: bool) -> list[dict]:
    """Return the measurements; order 0 means two ears."""
    rows = []
    for order in (1,) if quick else (1, 3):
        for duration in (5, 10) if quick else (5, 10, 20, 40, 80, 160):
            for method in ("textbook", "torch", "gradient", "fast"):
                slow = method != "fast"
                if duration * GROWTH_MB.get(method, 0) > LIMIT_MB or (
                    slow and order * duration > 40
                ):
                    continue
                rounds = 5 if (duration, order) == (10, 1) else 3 if method == "fast" else 1
                rounds = min(rounds, 2) if quick else rounds
                rows.append(dict(method=method, order=order, duration_s=duration, rounds=rounds))
    if not quick:
        rows.append(dict(method="fast", order=1, duration_s=1800, rounds=3))
    rows = [row | dict(model="released", cores=1, pairs=1) for row in rows]
    ten = dict(model="released", order=1, duration_s=10, cores=1, pairs=1, rounds=5)
    if not quick:
        rows.append(ten | dict(method="torch", rounds=3, cores=2))
        for order in (0, 1):
            for method in ("fast", "torch", "gradient"):
                rows.append(ten | dict(method=method, model="default", order=order))
    for method, cores in (("fast", 1), ("fast", 2), ("processes", 2)):
        rows.append(ten | dict(method=method, cores=cores, pairs=8))
    return rows


def wait(patience_s: float) -> None:
    """Wait until other processes leave the machine alone, but not for ever."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        before = machine_busy()
        time.sleep(1)
        if machine_busy() - before < 0.2:
            return


def measure(row: dict, folder: Path, warm_up: str) -> dict:
    """Run one measurement."""
    files = []
    for index in range(row["pairs"]):
        files += make_pair(folder, row["order"], row["duration_s"], index)
    environment = dict(os.environ) | {name: str(row["cores"]) for name in THREADS}
    if row["pairs"] > 1:  # the jobs are the threads
        environment |= dict.fromkeys(THREADS, "1")
    command = [sys.executable, HERE / "measure.py", row["method"], row["model"], str(row["cores"])]
    done = subprocess.run(
        [*command, warm_up, *files], env=environment, stdout=subprocess.PIPE, check=True, text=True
    )
    for path in files:
        Path(path).unlink()
    return json.loads(done.stdout)


def summarise(found: pd.DataFrame) -> pd.DataFrame:
    """Reduce the rounds to medians."""
    keys = ["method", "model", "order", "duration_s", "cores", "pairs"]
    groups = found.groupby(keys, sort=False)
    measured = ["first_s", "wall_s", "cpu_s", "others", "peak_mb", "score"]
    table = groups[measured].median().reset_index()
    table.insert(len(keys), "rounds", groups.size().to_numpy())
    return table.round(
        {"first_s": 4, "wall_s": 4, "cpu_s": 4, "others": 2, "peak_mb": 1, "score": 6}
    )


def report(table: pd.DataFrame) -> None:
    """Print the ratios that matter."""
    released = (table.model == "released") & (table.order == 1)
    single = table[released & (table.pairs == 1) & (table.cores == 1)]
    single = single.set_index(["method", "duration_s"])
    slow, quick = single.loc[("textbook", 10)], single.loc[("fast", 10)]
    print(f"10 s, first order: {slow.wall_s / quick.wall_s:.0f} times faster than the textbook")
    print(f"  {slow.cpu_s / quick.cpu_s:.0f} times by CPU time")
    print(f"  1/{slow.peak_mb / quick.peak_mb:.1f} of the memory")
    for method in ("torch", "gradient"):
        print(
            f"  {method}: {single.loc[(method, 10)].wall_s / quick.wall_s:.1f} times the fast one"
        )
    growth = {}
    for method in ("textbook", "torch", "fast"):
        part = single.loc[method]
        part = part[part.index <= 160]
        growth[method] = np.polyfit(part.index, part.peak_mb, 1)[0]
        print(f"  {method}: {growth[method]:.2f} MB more per second of sound")
    print(f"  growth 1/{growth['textbook'] / growth['fast']:.0f} of the textbook")
    batch = table[table.pairs > 1].set_index(["method", "cores"]).wall_s
    for method in ("fast", "processes"):
        gain = batch[("fast", 1)] / batch[(method, 2)]
        print(f"8 pairs on two cores, {method}: {gain:.2f} times the throughput of one")


def main() -> None:
    """Measure, write the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a few short ones")
    parser.add_argument("--output", type=Path, default=HERE / "results.csv")
    parser.add_argument("--figure", type=Path, default=HERE.parent / "figures" / "speed.svg")
    parser.add_argument("--patience", type=float, default=0, help="seconds to wait for quiet")
    options = parser.parse_args()
    rows, found = plan(options.quick), []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        warm_up = {order: make_pair(folder, order, 0.5)[0] for order in (0, 1, 3)}
        measure(rows[-1], folder, warm_up[1])  # compiles, where that is not yet done
        for turn in range(max(row["rounds"] for row in rows)):
            for row in rows[:: 1 if turn % 2 == 0 else -1]:
                if turn < row["rounds"]:
                    wait(options.patience)
                    result = row | measure(row, folder, warm_up[row["order"]])
                    print({key: result[key] for key in result if key != "rounds"}, flush=True)
                    found.append(result)
    table = summarise(pd.DataFrame(found))
    order = ["pairs", "model", "order", "duration_s", "method", "cores"]
    table.sort_values(order).to_csv(options.output, index=False)
    report(table)
    speed(pd.read_csv(options.output), options.figure)


if __name__ == "__main__":
    main()
