"""How metrics and listening tests are called and coloured in figures."""

from qastanet.plots.style import PALETTE

LABELS = {
    "qastanet-released": "QASTAnet (released)",
    "parts": "Parts (this work)",
    "qastanet-paper": "QASTAnet (retrained)",
    "emobiq": "eMoBi-Q",
    "emobiq-monaural": "eMoBi-Q, monaural",
    "emobiq-binaural": "eMoBi-Q, binaural",
    "ambiqual-lq": "Ambiqual LQ",
    "ambiqual-la": "Ambiqual LA",
    "visqol": "ViSQOL, ears",
    "zimtohrli": "Zimtohrli, ears",
    "mrstft": "−MR-STFT distance, ears",
    "lsd": "−Log-spectral distance, ears",
    "si-sdr": "SI-SDR, ears",
    "pemo-q": "PEMO-Q (authors' values)",
    "bam-q": "BAM-Q (authors' values)",
}
"""How metrics are called in figures; a minus stands before distances that are turned round."""

COLOURS = {
    "parts": PALETTE[0],
    "qastanet-paper": PALETTE[9],
    "qastanet-released": PALETTE[3],
    "emobiq": PALETTE[1],
    "ambiqual-lq": PALETTE[4],
    "ambiqual-la": PALETTE[2],
    "visqol": PALETTE[5],
}
"""Colours of the metrics that the paper compares, the same in every figure."""

DATASETS = {
    "ambiqual2": "Codec set",
    "ambiqual1": "Ambiqual experiment 1",
    "aes2023": "AES 2023",
    "pooled": "Pooled, ambisonic",
}
