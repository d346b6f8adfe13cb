"""What is known of rated contents, whatever the listening test."""

import re
from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SAME_RECORDING = {
    **{"glockFcastAz": "castanets", "castFpinkEl": "castanets"},
    **{"xylFtabAz": "xylophone", "pianoFxylEl": "xylophone"},
    **{"castanets_fixed_A60_E60": "castanets", "castanetsRev_dynamic_A0_A360_E30": "castanets"},
    "castanetsRev_dynamic_A60_E0_E180": "castanets",
    **{
        f"burstyPinkRev_dynamic_{path}": "bursty pink noise"
        for path in ("A0_A360_E30", "A60_E0_E180")
    },
}
"""Contents of Ambiqual's experiments that share a dry recording."""

ROOMS = re.compile(r"_(anech|medrev|strongrev)$")
"""Ends of the names of AES 2023 contents."""

RATED = [
    *("dataset", "stimulus", "content", "group", "room", "condition", "role", "order"),
    *("listeners", "mean", "sd", "ci95_low", "ci95_high"),
]
"""What is known of a rated stimulus, whatever the listening test."""


def recording(content: str) -> str:
    """Return the dry recording that a content was made of.

    Example:
        >>> recording("string_quartet_medrev"), recording("castFpinkEl"), recording("my_scene")
        ('string_quartet', 'castanets', 'my_scene')
    """
    return SAME_RECORDING.get(content, ROOMS.sub("", content))


def roles_of(conditions: pd.Series) -> NDArray[np.str_]:
    """Return ``reference`` or ``coded`` for the conditions of a test without anchors.

    Example:
        >>> roles_of(pd.Series(["REF", "FOA32"])).tolist()
        ['reference', 'coded']
    """
    return np.where(conditions == "REF", "reference", "coded")


def raw_ratings(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Put tables of mean ratings below one another: those of all listeners, with their ``role``.

    Args:
        tables: of listening tests; rows of a screening other than ``raw`` are passed over, and one
            without ``role`` gets that of `roles_of`.
    """
    found = []
    for table in tables:
        raw = table[table.screening == "raw"] if "screening" in table else table
        found.append(raw if "role" in raw else raw.assign(role=roles_of(raw.condition)))
    return pd.concat(found, ignore_index=True)
