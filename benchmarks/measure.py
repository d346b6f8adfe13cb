"""One measurement in a process of its own: score pairs of files, print what it took as JSON.

Called by `front_end.py`. Imports, loading of the model and of compiled code are not in the times.
The pairs are scored twice: `first_s` is the time of the first turn, `wall_s` that of the second,
when memory and constants are there, as in a campaign or a training. The memory is the peak of the
whole process.
"""

import argparse
import functools
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from qastanet.hearing.features import Features
from qastanet.scoring.loading import load_model, load_scorer
from qastanet.sound.files import reading
from qastanet.sound.files.pieces import recording


def fast(model: str, pairs: list[tuple[str, str]], jobs: int) -> list[float]:
    """Score with the fast front end, in threads."""
    scorer = load_scorer(model)

    def features(path: str) -> Features:
        with recording(path) as file:
            return scorer.features(file)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda pair: scorer.score(*map(features, pair)), pairs))


def processes(model: str, pairs: list[tuple[str, str]], jobs: int) -> list[float]:
    """Score with the fast front end in processes instead of threads."""
    from joblib import Parallel, delayed

    return Parallel(jobs)(delayed(fast)(model, [pair], 1) for pair in pairs)


def textbook(model: str, pairs: list[tuple[str, str]], jobs: int) -> list[float]:
    """Score with the textbook's steps, which are those of the tests."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from textbook import features

    scorer = load_scorer(model)
    scores = []
    for pair in pairs:
        signals = (reading.read(path)[0].astype(float) for path in pair)
        both = [features(signal, scorer.filters, scorer.floor_ears) for signal in signals]
        scores.append(scorer.score(*both))
    return scores


def pytorch(name: str) -> Callable:
    """Return what scores with the differentiable front end."""
    import torch

    model = load_model(name)
    model.front_end = "torch"

    def score(pairs: list[tuple[str, str]], jobs: int) -> list[float]:
        """Score with PyTorch in single precision."""
        torch.set_num_threads(jobs)
        scores = []
        for pair in pairs:
            signals = [torch.from_numpy(reading.read(path)[0]).unsqueeze(0) for path in pair]
            with torch.inference_mode():
                scores.append(model(*signals).item())
        return scores

    return score


def gradient(name: str) -> Callable:
    """Return what computes the loss and its gradient for the degraded signal."""
    import torch

    from qastanet.scoring.metric import quality_loss

    model = load_model(name)
    model.front_end = "torch"

    def loss(pairs: list[tuple[str, str]], jobs: int) -> list[float]:
        """Score with a backward pass in single precision."""
        torch.set_num_threads(jobs)
        scores = []
        for pair in pairs:
            signals = [torch.from_numpy(reading.read(path)[0]).unsqueeze(0) for path in pair]
            lost = quality_loss(signals[1].requires_grad_(), signals[0], model)
            lost.backward()
            scores.append(1 - lost.item())
        return scores

    return loss


def machine_busy() -> float:
    """Return the CPU time in seconds that all processes took so far (0 where it is not told)."""
    if not Path("/proc/stat").exists():
        return 0.0
    user, nice, system = Path("/proc/stat").read_text().split()[1:4]
    return (int(user) + int(nice) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_mb() -> float:
    """Return the peak memory of this process in MB.

    `getrusage` would count what the parent held before this process replaced it.
    """
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=["textbook", "torch", "gradient", "fast", "processes"])
    parser.add_argument("model", help="released or default")
    parser.add_argument("jobs", type=int)
    parser.add_argument("warm_up", help="a short file, scored against itself first")
    parser.add_argument("files", nargs="+", help="reference, degraded, reference, degraded, ...")
    options = parser.parse_args()
    names = {"textbook": textbook, "fast": fast, "processes": processes}
    made = {"torch": pytorch, "gradient": gradient}
    if options.method in made:
        method = made[options.method](options.model)
    else:
        method = functools.partial(names[options.method], options.model)
    pairs = list(zip(options.files[::2], options.files[1::2], strict=True))
    method([(options.warm_up,) * 2] * len(pairs), options.jobs)
    turns = []
    for _ in range(1 if options.method == "textbook" else 2):  # which takes long, and keeps nothing
        busy, wall, cpu = machine_busy(), time.perf_counter(), time.process_time()
        scores = method(pairs, options.jobs)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        turns.append(wall)
    others = max(0.0, (machine_busy() - busy - cpu) / wall)
    result = {
        "first_s": turns[0],
        "wall_s": wall,
        "cpu_s": cpu,
        "peak_mb": peak_mb(),
        "others": others,
        "score": float(np.mean(scores)),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
