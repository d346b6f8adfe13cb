"""A listening test that never took place: synthetic scenes, degraded, with made-up ratings."""

import numpy as np
import pandas as pd
import soundfile

from qastanet.scene.degradations import degrade
from qastanet.scene.synthetic_scenes import Scene, Source, render

CONDITIONS = {"lp4": ("lowpass", 4000, 40), "lp9": ("lowpass", 9000, 70), "n": ("noise", 0.3, 25)}
KINDS = ("talker", "drums", "plucked", "noise", "bells", "bowed")


def write_test(folder, scenes=3, channels=4, suffix=False, duration=0.5):
    """Write sounds and `mine.csv`; ratings follow the strength of the degradation."""
    rows, rng = [], np.random.default_rng(0)
    for number in range(scenes):
        kind = KINDS[number % len(KINDS)]
        source = Source(kind, (0.5 * number, 0.5 * number), (0.1, 0.1))
        signal = render(Scene((source,), duration=duration, seed=number), 1)[:channels]
        end = f"_{number + 1}" if suffix else ""
        reference = f"{kind}{end}.wav"
        soundfile.write(folder / reference, signal.T, 48000, subtype="FLOAT")
        rows.append((reference, reference, 100.0 - number, kind, "hidden"))
        for name, (what, strength, mos) in CONDITIONS.items():
            degraded = f"{kind}_{name}{end}.wav"
            coded = degrade(signal, what, strength, number)
            soundfile.write(folder / degraded, coded.T, 48000, subtype="FLOAT")
            rows.append((reference, degraded, mos + 3 * number + rng.normal(0, 2), kind, name))
    table = pd.DataFrame(rows, columns=["reference", "degraded", "mos", "scene", "condition"])
    table["ci95"] = 5.0
    table.to_csv(folder / "mine.csv", index=False)
    return folder / "mine.csv"
