"""The two listening tests that came with Ambiqual, as tidy tables."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from qastanet import registry
from qastanet.errors import InputError
from qastanet.listening_tests.contents import roles_of
from qastanet.listening_tests.webmushra import rating_means

AMBIQUAL2_CONTENTS = {
    "glockFcastAz": "castanetsorgRev_dynamic_A-90_A90_E60_60_glockshortRev_fixed_A60_E15",
    "xylFtabAz": "tabbels_dynamic_A-90_A90_E-45_-45_xylophone_fixed_A-90_E45",
    "castFpinkEl": "bPinkRev_dynamic_A90_E0_E180_castanets_fixed_A90_E-15",
    "babbleFfemAz": "female_dynamic_A-90_A90_E30_30_babble_fixed_A90_E0",
    "trFtrEl": "trianglesst_dynamic_A60_E0_E180_trianglesroll_fixed_A60_E0",
    "pianoFxylEl": "xylophone_dynamic_A60_E0_E180_piano_fixed_A60_E0",
}
"""Rated contents of the second experiment of Ambiqual -> stem of their files."""

AMBIQUAL1_CONTENTS = {
    "cf": "castanets_fixed_A60_E60",
    "gf": "glock_fixed_A60_E60",
    "cRdynAz": "castanetsRev_dynamic_A0_A360_E30",
    "pRdynAz": "burstyPinkRev_dynamic_A0_A360_E30",
    "cRdynEl": "castanetsRev_dynamic_A60_E0_E180",
    "pRdynEl": "burstyPinkRev_dynamic_A60_E0_E180",
}
"""Contents of the first experiment of Ambiqual -> stem of their files."""

GROUPS = {"female": "speech", "bPinkRev": "noise", "burstyPinkRev": "noise"}
"""What a content is, by the start of its file name; all others are music."""

AMBIQUAL2_UNRATED = "tabbels_dynamic_A-90_E0_E180_xylophone_fixed_A-90_E45"
"""A seventh content whose files are public but which was not rated."""


COLUMNS = [
    *("dataset", "stimulus", "content", "condition", "order", "bitrate"),
    *("listeners", "mean", "sd", "ci95_low", "ci95_high", "reference", "degraded"),
]
"""Of the tables of the Ambiqual experiments."""


class Pair(NamedTuple):
    """A reference and a degraded file of the Ambiqual repository."""

    stimulus: str
    reference: str
    degraded: str


def read_ambiqual2(path: str | Path) -> pd.DataFrame:
    """Read the ratings of the second experiment of Ambiqual into a tidy table.

    MUSHRA, 13 listeners, 6 contents; Opus at first order (32 to 128 kbit/s) and at third order (256
    to 512 kbit/s). The listeners compared with a third-order reference.

    Args:
        path: file MUSHRA_experiment_2.csv

    Returns:
        one row per rated stimulus: dataset, stimulus, content, condition (REF, FOA32, ...), order,
        bitrate (kbit/s, NaN for the reference), listeners, mean, sd, ci95_low, ci95_high, and the
        files `reference` and `degraded` of the same order; first order for the hidden reference

    Raises:
        InputError: if the file has other columns or contents
    """
    table = _means(ambiqual2_ratings(path), "ambiqual2", AMBIQUAL2_CONTENTS, hidden_order=1)
    return table.assign(reference=table.stem + "_REF.wav")[COLUMNS]


def _means(
    ratings: pd.DataFrame, dataset: str, contents: Mapping[str, str], hidden_order: int
) -> pd.DataFrame:
    """Average tidy ratings; tell order, bitrate, stem and degraded file of each stimulus."""
    table = pd.DataFrame(rating_means(ratings, dataset))
    order = table.condition.str[:3].map({"FOA": 1, "3OA": 3, "REF": hidden_order})
    bitrate = table.condition.str.extract(r"OA(\d+)$")[0]
    stem = table.content.map(contents) + order.map({1: "_FOA", 3: "_HOA"})
    table = table.assign(
        stimulus=table.content + "_" + table.condition,
        content=pd.Categorical(table.content, list(contents)),
        order=order,
        bitrate=bitrate.astype(float),
        stem=stem,
        degraded=stem + "_" + np.where(bitrate.isna(), "REF", bitrate + "k") + ".wav",
    )
    return table.sort_values(["content", "order", "bitrate"], ignore_index=True)


def ambiqual2_ratings(path: str | Path) -> pd.DataFrame:
    """Read the single ratings of the second experiment of Ambiqual.

    Args:
        path: file MUSHRA_experiment_2.csv

    Returns:
        tidy ratings, see `qastanet.listening_tests.webmushra`; the trial is the content

    Raises:
        InputError: if the file has other columns or contents
    """
    raw = pd.read_csv(path)
    raters = [column for column in raw.columns if column.startswith("rater")]
    if not {"label", "enc"} <= set(raw.columns) or not raters:
        raise InputError(f"{path}: not the ratings of the second Ambiqual experiment")
    unknown = set(raw.label) - set(AMBIQUAL2_CONTENTS)
    if unknown:
        raise InputError(f"{path}: unknown contents {sorted(unknown)}")
    long = raw.melt(["label", "enc"], raters, var_name="listener", value_name="rating")
    return long.rename(columns={"label": "trial", "enc": "condition"})


def read_ambiqual1(path: str | Path) -> pd.DataFrame:
    """Read the ratings of the first experiment of Ambiqual into a tidy table.

    MUSHRA, 17 listeners, 6 contents; Opus at first order (32, 128 kbit/s) and third order (256, 512
    kbit/s). Only the ratings of listening quality are taken (flag Qual), not those of localisation.
    All references are of third order.

    Args:
        path: file MUSHRA_experiment_1.csv

    Returns:
        one row per stimulus with the columns of `read_ambiqual2`

    Raises:
        InputError: if the file has other columns or contents
    """
    raw = pd.read_csv(path)
    raters = [column for column in raw.columns if column.startswith("dit")]
    if not {"code", "enc", "flag"} <= set(raw.columns) or not raters:
        raise InputError(f"{path}: not the ratings of the first Ambiqual experiment")
    raw = raw[raw.flag.str.strip() == "Qual"]
    raw = raw.assign(
        trial=[c.strip().removesuffix(e.strip()) for c, e in zip(raw.code, raw.enc, strict=True)],
        condition=raw.enc.str.strip(),
    )
    unknown = set(raw.trial) - set(AMBIQUAL1_CONTENTS)
    if unknown:
        raise InputError(f"{path}: unknown contents {sorted(unknown)}")
    long = raw.melt(["trial", "condition"], raters, var_name="listener", value_name="rating")
    table = _means(long, "ambiqual1", AMBIQUAL1_CONTENTS, hidden_order=3)
    return table.assign(reference=table.stem.str[:-3] + "HOA_REF.wav")[COLUMNS]


def describe_ambiqual(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``group``, ``room`` and ``role`` to a table of an Ambiqual experiment.

    Args:
        table: of `read_ambiqual1` or `read_ambiqual2`

    Returns:
        the same with ``group`` (speech, music, noise), ``room`` (reverberant if a source is
        reverberant by its file name) and ``role`` (``reference`` or ``coded``; no anchors)

    Example:
        >>> row = {"reference": ["female_dynamic_FOA_REF.wav"], "condition": ["FOA32"]}
        >>> describe_ambiqual(pd.DataFrame(row)).iloc[0, 2:].tolist()
        ['speech', 'anechoic', 'coded']
    """
    reverberant = table.reference.str.contains("Rev_")
    return table.assign(
        group=table.reference.str.split("_").str[0].map(GROUPS).fillna("music"),
        room=np.where(reverberant, "reverberant", "anechoic"),
        role=roles_of(table.condition),
    )


def ambiqual2_pairs() -> Iterator[Pair]:
    """List the 35 first-order pairs of the second experiment, rated or not, references included.

    Example:
        >>> len(list(ambiqual2_pairs()))
        35
    """
    for label, stem in (AMBIQUAL2_CONTENTS | {"tabxylUnrated": AMBIQUAL2_UNRATED}).items():
        for rate in ("REF", "32k", "64k", "96k", "128k"):
            condition = rate if rate == "REF" else f"FOA{rate[:-1]}"
            yield Pair(f"{label}_{condition}", f"{stem}_FOA_REF.wav", f"{stem}_FOA_{rate}.wav")


def ambiqual_file(name: str) -> Path:
    """Fetch a sound file of the Ambiqual repository by its file name."""
    return registry.path(registry.AMBIQUAL, f"validation/audiofiles/{name}")
