"""Conditions of a listening test by their names: `opus:64`, `order:1`, `parametric:0.5`."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.scene import codecs
from qastanet.scene.degradations import DEGRADATIONS, degrade
from qastanet.sound.ambisonics import silence_above

ANCHORS = {"anchor35": 3500.0, "anchor70": 7000.0}
"""Anchors of ITU-R BS.1534-3 and their low-pass in Hz, called as webMUSHRA calls its own."""

REFERENCE = "reference"

MOST = 12
"""Sounds on a page: more are not compared well, and webMUSHRA refuses them."""

CODECS = {"opus": codecs.opus, "aac": codecs.aac}
"""Their number is the bitrate of all channels together in kbit/s."""


class Condition(NamedTuple):
    """A way to treat a reference.

    Attributes:
        name: how files and results call it.
        apply: (signal of shape (channels, samples), seed) -> the same shape.
    """

    name: str
    apply: Callable[[NDArray, int], NDArray]


def condition(text: str) -> Condition:
    """Make a condition of its description.

    Args:
        text: kind and number: `opus:64`, `aac:96` (kbit/s, all channels together), `order:1`
            (higher ambisonic orders are silenced), or a name of
            `qastanet.scene.degradations.DEGRADATIONS` with its strength

    Raises:
        InputError: if the kind is unknown or the number none

    Example:
        >>> condition("opus:64").name, condition("parametric:0.5").name
        ('opus64', 'parametric0.5')
    """
    kind, _, number = text.partition(":")
    known = [*CODECS, "order", *DEGRADATIONS]
    if kind not in known:
        raise InputError(f"condition '{text}': unknown kind; use one of {', '.join(known)}")
    try:
        value = float(number)
    except ValueError:
        value = float("nan")
    if not 0 < value < 1e6 and not (kind == "order" and value == 0):
        raise InputError(f"condition '{text}': give a positive number, such as {kind}:1")
    if kind == "order" and value not in (0, 1, 2):
        raise InputError(f"condition '{text}': the order that is left is 0, 1 or 2")

    def apply(signal: NDArray, seed: int) -> NDArray:
        if kind in CODECS:
            return CODECS[kind](signal, value)
        if kind == "order":
            if len(signal) == 2:
                raise InputError(f"condition '{text}': takes ambisonic references, not binaural")
            return silence_above(signal, int(value))
        return degrade(signal, kind, value, seed)

    return Condition(f"{kind}{value:g}", apply)


def conditions(texts: Sequence[str]) -> list[Condition]:
    """Make conditions of their descriptions, each once; see `condition`.

    Raises:
        InputError: if two have one name

    Example:
        >>> [each.name for each in conditions(["aac:96", "order:1"])]
        ['aac96', 'order1']
    """
    made = [condition(text) for text in texts]
    check_names([each.name for each in made], "conditions")
    return made


def safe(name: str) -> str:
    """Return a name that files, YAML and results tables all keep letter for letter.

    Example:
        >>> safe("drums+saw (dry)")
        'drums_saw_dry'
    """
    return re.sub(r"[^A-Za-z0-9.-]+", "_", name).strip("_.") or "unnamed"


def check_names(names: Sequence[str], what: str) -> None:
    """Refuse names that are there twice or mean something else.

    Raises:
        InputError: naming it

    Example:
        >>> check_names(["a", "a"], "references")
        Traceback (most recent call last):
        ...
        qastanet.errors.InputError: two references are called 'a'; rename one
    """
    for name in names:
        if name in (REFERENCE, *ANCHORS):
            raise InputError(f"'{name}' cannot be the name of one of the {what}; rename it")
        if names.count(name) > 1:
            raise InputError(f"two {what} are called '{name}'; rename one")
