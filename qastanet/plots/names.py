"""How metrics, protocols and listening tests are called and coloured in figures and in print."""

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
are those of `qastanet.evidence.comparison`."""
