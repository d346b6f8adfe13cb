"""A signal as it was read, and what may be done to a pair before it is scored."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from qastanet.errors import InputError
from qastanet.sound.conventions import CONVENTIONS

ORDER_RULES = ("error", "truncate", "pad")
"""What to do when the signals have different ambisonic orders."""


class Sound(NamedTuple):
    """A signal as it was read."""

    samples: np.ndarray
    """Shape (channels, samples)."""
    rate: int
    """Sampling rate in Hz."""
    name: str
    """How messages call it."""


@dataclass(frozen=True)
class Options:
    """What may be done to a pair of signals before it is scored.

    Args:
        align: compensate the delay of the degraded signal, within 100 ms, and cut both signals to
            what they share; also lets their sampling rates and lengths differ
        convention: of ambisonic signals, one of CONVENTIONS
        order_mismatch: one of ORDER_RULES: refuse, truncate both to the lower order, or pad the
            lower one with silent channels (what is heard of a codec that drops them)
    """

    align: bool = False
    convention: str = "ambix"
    order_mismatch: str = "error"

    def __post_init__(self):
        for name, known in (("convention", CONVENTIONS), ("order_mismatch", ORDER_RULES)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} '{getattr(self, name)}' is unknown; choose one of {', '.join(known)}"
                )
