"""How metrics, protocols and listening tests are called and coloured in figures and in print."""

import numpy as np

from qastanet.plots.style import PALETTE
from qastanet.rivals.other_metrics import KNOWN

LABELS = {
    "parts": "Parts (ours)",
    "qastanet-retrained": "QASTAnet, retrained",
    "qastanet-tuned": "QASTAnet, tuned from released",
    "qastanet-paper": "QASTAnet, as the paper reports",
    **{name: label for metric in KNOWN.values() for name, label in metric.labels.items()},
    "ambiqual": "Ambiqual",
    "bitrate": "Bitrate alone",
    "condition-mean": "Mean of the condition",
    "listeners": "A new panel of listeners",
}
"""How metrics are called; a minus stands before distances that are turned round in figures."""

COLOURS = {
    "parts": PALETTE[0],
    "qastanet-retrained": PALETTE[9],
    "qastanet-tuned": PALETTE[7],
    "qastanet-released": PALETTE[3],
    "emobiq": PALETTE[1],
    "ambiqual-lq": PALETTE[4],
    "ambiqual-la": PALETTE[2],
    "binaqual": PALETTE[6],
    "visqol": PALETTE[5],
}
"""Colours of the metrics that the paper compares, the same in every figure."""

UNSEEN = {"recording left out": "recording unseen", "test left out": "test unseen"}
"""What models have not seen, as rows of figures say it."""

CONTENTS = {
    "glockFcastAz": "Glockenspiel, castanets",
    "xylFtabAz": "Xylophone, bells",
    "castFpinkEl": "Castanets, pink noise",
    "babbleFfemAz": "Babble, female talker",
    "trFtrEl": "Triangles",
    "pianoFxylEl": "Piano, xylophone",
    "tabxylUnrated": "Xylophone, bells (unrated)",
    "drums+saw": "Drums, saw",
    "pink_noise": "Pink noise",
    "speech+noise": "Speech, noise",
    "string_quartet": "String quartet",
    "two_speakers": "Two talkers",
    "anech": "dry",
    "medrev": "medium reverb",
    "strongrev": "strong reverb",
}
"""Contents, or recordings and rooms of AES 2023, in words."""

DATASETS = {
    "ambiqual2": "Codec set",
    "ambiqual1": "Ambiqual experiment 1",
    "aes2023": "AES 2023",
    "neural2024": "Neural codecs 2024",
    "pooled": "Pooled, ambisonic",
    "aes2023-screened": "AES 2023, screened",
    "paper-private": "Private test of the paper",
}

PROTOCOLS = {
    "direct": "taken as it is",
    "loso": "scene left out, one test",
    "source-out": "recording left out, one test",
    "pooled-loso": "scene left out, both tests",
    "pooled-source-out": "recording left out, both tests",
    "pooled-loso-scaled": "scene left out, both tests, scale told",
    "pooled-source-out-scaled": "recording left out, both tests, scale told",
    "lodo": "test left out",
    "lodo-scaled": "test left out, scale told",
    "reported": "reported by others",
}
"""What a number has not seen of the listening test that it is compared with, in words; the names
are those of `qastanet.evidence.comparison.protocols`."""


MINUS = "\u2212"


def number(value: float, form: str = ".2f", nothing: str = "–") -> str:
    """Write a correlation without its zero.

    Args:
        value: NaN is shown as nothing.
        form: of the number.
        nothing: see above.

    Example:
        >>> number(0.914), number(-0.05), number(1.0), number(0.2, "+.1f"), number(float("nan"))
        ('.91', '−.05', '1.00', '+.2', '–')
    """
    if np.isnan(value):
        return nothing
    return f"{value:{form}}".replace("0.", ".", 1).replace("-", MINUS)


def row_name(metric: str, unseen: str) -> str:
    """Name a row of a figure: the metric, and for models what they have not seen.

    Example:
        >>> row_name("parts", "test left out"), row_name("emobiq", "as it is")
        ('Parts (ours), test unseen', 'eMoBi-Q')
    """
    name = LABELS.get(metric, metric)
    return f"{name}, {UNSEEN[unseen]}" if unseen in UNSEEN else name


def content_name(content: str) -> str:
    """Name a content in words, where there are some.

    Example:
        >>> content_name("drums+saw_medrev"), content_name("trFtrEl"), content_name("mine")
        ('Drums, saw; medium reverb', 'Triangles', 'mine')
    """
    dry, _, room = content.rpartition("_")
    if dry in CONTENTS and room in CONTENTS:
        return f"{CONTENTS[dry]}; {CONTENTS[room]}"
    return CONTENTS.get(content, content)
