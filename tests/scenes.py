"""Scenes drawn at random, from the dry sounds of the library."""

import numpy as np

from qastanet.scene.dry_sounds import KINDS
from qastanet.scene.room import Room
from qastanet.scene.synthetic_scenes import Scene, Source


def random_scene(seed: int) -> Scene:
    """Draw a scene; the same seed gives the same one."""
    rng = np.random.default_rng([11, seed])
    room = None
    if rng.random() < 0.45:
        size = tuple(rng.uniform((5, 4, 2.6), (10, 8, 4)).round(2).tolist())
        listener = (size[0] / 2, size[1] * 0.55, 1.5)
        rt60 = round(rng.uniform(0.3, 0.9), 2)
        room = Room(size, listener, rt60, round(rng.uniform(-3, 4), 1))
    sources = []
    for _ in range(int(rng.choice([1, 2, 2, 3, 4]))):
        azimuth = rng.uniform(-np.pi, np.pi)
        elevation = rng.uniform(-0.3, 0.8) if room is None else 0.0
        turn = rng.uniform(-2, 2) if rng.random() < 0.35 else 0.0
        kind = str(rng.choice(KINDS))
        gain = float(10 ** (rng.uniform(-9, 0) / 20))
        sources.append(Source(kind, (azimuth, azimuth + turn), (elevation, elevation), gain))
    ambience = float(rng.uniform(-30, -10)) if rng.random() < 0.3 else None
    duration = float(rng.choice([2.4, 3.0, 4.0]))
    return Scene(tuple(sources), room, ambience, duration, seed)
