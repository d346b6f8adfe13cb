"""What one waits for: the start of a command, and the answer of a bench to a move of a slider.

    python benchmarks/waiting.py [--output benchmarks/waiting.csv]

The table holds the time of the processor in seconds, the median of turns in which all are done once
and alternate, and the same in times of `import numba, numpy` in these turns.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from front_end import THREADS, make_pair

from qastanet.explore import benches

TURNS = 7
MOVES = {
    "ears": {"azimuth": (30, -90), "order": (3, 1), "sound": ("drums", "talker")},
    "front_end": {"azimuth": (30, 0), "band": (4, 20), "sound": ("drums", "talker")},
    "codecs": {"order": (1, 2), "scene": ("applause around", "bells that move")},
    "levels": {"level": (0, 20), "scene": ("applause around", "bells that move")},
}
"""Two values of controls of the benches, between which they go to and fro."""


def command(*arguments: str) -> float:
    """Return the time of the processor (s) that a run of Python takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | dict.fromkeys(THREADS, "1")
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def turn(number: int, made: dict, pair: list[str]) -> Iterator[tuple[str, float]]:
    """Yield what was done, and its time."""
    yield "import numba, numpy", command("-c", "import numba, numpy")
    yield "qastanet score, of a pair of 2 s", command("-m", "qastanet", "score", *pair)
    yield "qastanet --help", command("-m", "qastanet", "--help")
    for name, moves in MOVES.items():
        for control, values in moves.items():
            start = time.process_time()
            made[name].controls[control].value = values[number % 2]
            yield f"move: {name}, {control}", time.process_time() - start


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path(__file__).with_suffix(".csv"))
    options = parser.parse_args()
    made = {name: getattr(benches, name)() for name in MOVES}
    with tempfile.TemporaryDirectory() as folder:
        pair = make_pair(Path(folder), 0, 2)
        for number in (0, 1):  # compiles, and keeps what a bench keeps
            dict(turn(number, made, pair))
        found = pd.DataFrame([dict(turn(number, made, pair)) for number in range(TURNS)])
    table = pd.DataFrame({"seconds": found.median()})
    table["imports"] = found.div(found.iloc[:, 0], axis=0).median()
    table.rename_axis("what").round(3).to_csv(options.output)
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
