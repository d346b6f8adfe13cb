"""What is known of rated contents, whatever the listening test."""

import re

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
