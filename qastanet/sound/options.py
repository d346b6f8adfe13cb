"""A signal as it was read, and what may be done to a pair before it is scored."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qastanet.errors import InputError
from qastanet.sound.conventions import CONVENTIONS

ORDER_RULES = ("error", "truncate", "pad")
"""What to do when the signals have different ambisonic orders."""


MONO_RULES = ("error", "both-ears")
HEAD_LOCKED_RULES = ("error", "ignore", "mix")


class Sound(NamedTuple):
    """A signal as it was read."""

    samples: np.ndarray
    """Shape (channels, samples)."""
    rate: int
    """Sampling rate in Hz."""
    name: str
    """How messages call it."""
    declared: str | None = None
    """Convention that the file itself names, one of CONVENTIONS."""
    notes: tuple[str, ...] = ()
    """What was done to it when it was read."""
    warnings: tuple[str, ...] = ()
    """What was odd about it when it was read."""


@dataclass(frozen=True)
class Options:
    """What may be done to a pair of signals before it is scored.

    Args:
        align: compensate the delay of the degraded signal, within 100 ms, and cut both signals to
            what they share; also lets their sampling rates and lengths differ
        convention: of ambisonic signals, one of CONVENTIONS
        order_mismatch: one of ORDER_RULES: refuse, truncate both to the lower order, or pad the
            lower one with silent channels (what is heard of a codec that drops them); orders above
            the third are truncated too
        mono: one of MONO_RULES: refuse one channel, or give it to both ears (diotic)
        head_locked: one of HEAD_LOCKED_RULES: refuse two channels of head-locked stereo behind an
            ambisonic signal, leave them out, or add them to the ears of the decoded scene, which is
            then scored as a binaural signal
        track: number of the sound track in a file, from 1; None: the only one
        strict: refuse files whose header and content disagree
        allow_truncated: take what is there of a file that is cut
    """

    align: bool = False
    convention: str = "ambix"
    order_mismatch: str = "error"
    mono: str = "error"
    head_locked: str = "error"
    track: int | None = None
    strict: bool = False
    allow_truncated: bool = False

    def __post_init__(self):
        rules = {"convention": CONVENTIONS, "order_mismatch": ORDER_RULES}
        rules |= {"mono": MONO_RULES, "head_locked": HEAD_LOCKED_RULES}
        for name, known in rules.items():
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} '{getattr(self, name)}' is unknown; choose one of {', '.join(known)}"
                )
