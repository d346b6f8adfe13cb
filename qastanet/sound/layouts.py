"""Numbers of channels that people have, brought to those that have a score."""

import numpy as np

from qastanet.sound.checks import AMBISONIC_CHANNELS
from qastanet.sound.options import Options, Sound

MOST = max(AMBISONIC_CHANNELS)
"""Channels of the highest ambisonic order that is rated."""


def fitted(
    reference: Sound, degraded: Sound, options: Options, adjustments: list[str]
) -> list[Sound]:
    """Bring both signals to a number of channels that has a score, as far as it is asked for.

    Args:
        reference: as it was read
        degraded: as it was read
        options: what may be done
        adjustments: what was done is added to it

    Returns:
        both signals; a number of channels that has no score is left, and refused later

    Example:
        >>> sounds = [Sound(np.ones((1, 3)), 48000, name) for name in "ab"]
        >>> [each.samples.shape for each in fitted(*sounds, Options(mono="both-ears"), [])]
        [(2, 3), (2, 3)]
    """
    pair = [reference, degraded]
    counts = [len(sound.samples) for sound in pair]
    if options.mono == "both-ears" and counts == [1, 1]:
        adjustments.append("1 channel is given to both ears")
        return [sound._replace(samples=np.repeat(sound.samples, 2, 0)) for sound in pair]
    locked = all(n - 2 in AMBISONIC_CHANNELS for n in counts)
    if options.head_locked == "mix" and locked:
        return pair  # they are added where the scene is at the ears
    if options.head_locked == "ignore" and locked:
        adjustments.append("2 head-locked channels behind the ambisonic ones are left out")
        return [sound._replace(samples=sound.samples[:-2]) for sound in pair]
    if counts[0] == counts[1] and counts[0] not in (1, 2, *AMBISONIC_CHANNELS):
        used = max(_used(sound.samples) for sound in pair)
        full = next((n for n in AMBISONIC_CHANNELS if n >= used), None)
        if full and 2 < used and full < counts[0]:
            adjustments.append(
                f"{counts[0] - full} silent channels behind the first {full} are left out"
            )
            return [sound._replace(samples=sound.samples[:full]) for sound in pair]
    if options.order_mismatch == "truncate":
        for k, sound in enumerate(pair):
            root = int(np.sqrt(counts[k]))
            if counts[k] > MOST and root * root == counts[k]:
                adjustments.append(f"{sound.name}: order {root - 1} truncated to {MOST} channels")
                pair[k] = sound._replace(samples=sound.samples[:MOST])
    return pair


def _used(samples: np.ndarray) -> int:
    """Return the number of channels up to the last one that is not silent."""
    sounding = np.flatnonzero(np.any(samples != 0, axis=1))
    return int(sounding[-1]) + 1 if len(sounding) else 0
