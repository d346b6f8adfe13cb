"""The PyTorch path on a CUDA device: checks it, times it, writes one table; a few minutes.

    python benchmarks/gpu.py [--output benchmarks/gpu.csv]

Every row: what was scored, the median of its times, how many times real time that is, the peak of
the device memory, and the largest difference from the scores in float64 on the CPU. Needs no files:
the sounds are noise, the model is the shipped one, single precision. The table names the device.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from qastanet.scoring.loading import load_model
from qastanet.scoring.metric import quality_loss
from qastanet.sound.sampling import SAMPLING_RATE
from qastanet.storage import write_table

HERE = Path(__file__).parent

CASES = (
    # what, channels, pairs, seconds, gradient, goal in times real time
    ("one pair", 4, 1, 10, False, 10 / 0.012),
    ("batch", 4, 32, 10, False, 2000),
    ("long pair", 4, 1, 160, False, 160 / 0.110),
    ("loss and gradient, short", 4, 8, 2, True, None),
    ("loss and gradient", 2, 16, 10, True, 700),
)
"""What is measured."""

TOLERANCE = 1e-4
"""Scores on the device against float64 on the CPU."""

ROUNDS = 7


def pairs(channels: int, count: int, seconds: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Make references and noisy copies of them, (count, channels, samples)."""
    generator = torch.Generator().manual_seed(0)
    shape = count, channels, round(seconds * SAMPLING_RATE)
    reference = 0.1 * torch.randn(shape, generator=generator)
    return reference, reference + 0.01 * torch.randn(shape, generator=generator)


def median_time(work: Callable[[], object], device: torch.device) -> float:
    """Return the median time in seconds of some rounds, after two that do not count."""
    times = []
    for _ in range(ROUNDS + 2):
        synchronize(device)
        start = time.perf_counter()
        work()
        synchronize(device)
        times.append(time.perf_counter() - start)
    return float(np.median(times[2:]))


def synchronize(device: torch.device) -> None:
    """Wait for a device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def error(model: torch.nn.Module, channels: int, seconds: float, device: torch.device) -> float:
    """Return how far scores lie from those in float64 on the CPU."""
    signals = pairs(channels, 2, min(seconds, 10))
    with torch.no_grad():
        there = model.to(device)(*(x.to(device) for x in signals)).cpu()
        exact = model.cpu()(*(x.double() for x in signals))
    return float((there - exact).abs().max())


def measure(name: str, channels: int, count: int, seconds: float, gradient: bool, goal, device):
    """Return one row of the table."""
    model = load_model("default")
    model.front_end = "torch"
    off = error(model, channels, seconds, device)
    if off > TOLERANCE:
        raise SystemExit(f"{name}: scores are off by {off:.1e}")
    model.to(device)
    reference, degraded = (x.to(device) for x in pairs(channels, count, seconds))

    def score() -> None:
        with torch.no_grad():
            model(reference, degraded)

    def loss() -> None:
        coded = degraded.clone().requires_grad_()
        quality_loss(coded, reference, model).backward()

    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    wall = median_time(loss if gradient else score, device)
    peak = torch.cuda.max_memory_allocated(device) / 1e6 if device.type == "cuda" else np.nan
    speed = count * seconds / wall
    row = dict(what=name, channels=channels, pairs=count, duration_s=seconds, wall_s=wall)
    row |= dict(times_real_time=speed, goal=goal, device_mb=peak, score_error=off)
    print(f"{name}: {1e3 * wall:.1f} ms, {speed:.0f} times real time, score off by {off:.1e}")
    return row


def main() -> None:
    """Check, time, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "gpu.csv")
    parser.add_argument("--device", default="cuda", help="another one, to try the script")
    parser.add_argument("--seconds", type=float, help="shorten all sounds to this, likewise")
    options = parser.parse_args()
    device = torch.device(options.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("no CUDA device here: nothing is measured")
    rows = []
    for name, channels, count, seconds, gradient, goal in CASES:
        seconds = min(seconds, options.seconds or seconds)
        rows.append(measure(name, channels, count, seconds, gradient, goal, device))
    table = pd.DataFrame(rows)
    table.insert(0, "torch", torch.__version__)
    known = device.type == "cuda"
    table.insert(0, "device", torch.cuda.get_device_name(device) if known else str(device))
    write_table(table, options.output)


if __name__ == "__main__":
    main()
