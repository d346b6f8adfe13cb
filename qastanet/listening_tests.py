"""Public listening tests as tidy tables: one row per stimulus, and the sounds it was made of."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy.stats

from qastanet import registry
from qastanet.errors import InputError

AMBIQUAL2_CONTENTS = {
    "glockFcastAz": "castanetsorgRev_dynamic_A-90_A90_E60_60_glockshortRev_fixed_A60_E15",
    "xylFtabAz": "tabbels_dynamic_A-90_A90_E-45_-45_xylophone_fixed_A-90_E45",
    "castFpinkEl": "bPinkRev_dynamic_A90_E0_E180_castanets_fixed_A90_E-15",
    "babbleFfemAz": "female_dynamic_A-90_A90_E30_30_babble_fixed_A90_E0",
    "trFtrEl": "trianglesst_dynamic_A60_E0_E180_trianglesroll_fixed_A60_E0",
    "pianoFxylEl": "xylophone_dynamic_A60_E0_E180_piano_fixed_A60_E0",
}
"""Rated contents of the second experiment of Ambiqual -> stem of their files."""

AMBIQUAL2_UNRATED = "tabbels_dynamic_A-90_E0_E180_xylophone_fixed_A-90_E45"
"""A seventh content whose files are public but which was not rated."""


class Pair(NamedTuple):
    """A reference and a degraded file of the Ambiqual repository."""

    stimulus: str
    reference: str
    degraded: str


def summarise(ratings: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Summarise ratings per stimulus.

    Args:
        ratings: long table with a column `rating` (0..100), one row per listener and stimulus;
            missing ratings are NaN
        by: columns that name a stimulus

    Returns:
        the columns of `by`, listeners, mean, sd (n - 1) and the 95 % confidence interval of the
        mean by the t distribution, ci95_low and ci95_high; stimuli nobody rated are left out

    Example:
        >>> table = pd.DataFrame({"stimulus": ["a"] * 4, "rating": [70, 80, 90, np.nan]})
        >>> summarise(table, ["stimulus"]).round(1).values.tolist()
        [['a', 3, 80.0, 10.0, 55.2, 104.8]]
    """
    groups = ratings.dropna(subset="rating").groupby(by, sort=False)["rating"]
    table = groups.agg(listeners="count", mean="mean", sd="std").reset_index()
    half = scipy.stats.t.ppf(0.975, table.listeners - 1) * table.sd / np.sqrt(table.listeners)
    return table.assign(ci95_low=table["mean"] - half, ci95_high=table["mean"] + half)


def read_ambiqual2(path: str | Path) -> pd.DataFrame:
    """Read the ratings of the second experiment of Ambiqual into a tidy table.

    MUSHRA, 13 listeners, 6 contents; Opus at first order (32 to 128 kbit/s) and at third order (256
    to 512 kbit/s). The listeners compared with a third-order reference.

    Args:
        path: file MUSHRA_experiment_2.csv

    Returns:
        one row per rated stimulus: dataset, stimulus, content, condition (REF, FOA32, ...), order,
        bitrate (kbit/s, NaN for the reference), the columns of `summarise`, and the files
        `reference` and `degraded` of the same order; first order for the hidden reference

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
    table = summarise(long, ["label", "enc"]).rename(columns={"label": "content"})
    order, bitrate = table.enc.str.startswith("3OA"), table.enc.str.extract(r"OA(\d+)$")[0]
    stem = table.content.map(AMBIQUAL2_CONTENTS) + np.where(order, "_HOA", "_FOA")
    table = table.assign(
        dataset="ambiqual2",
        stimulus=table.content + "_" + table.enc,
        condition=table.enc,
        order=np.where(order, 3, 1),
        bitrate=bitrate.astype(float),
        reference=stem + "_REF.wav",
        degraded=stem + "_" + np.where(bitrate.isna(), "REF", bitrate + "k") + ".wav",
    )
    table["content"] = pd.Categorical(table.content, list(AMBIQUAL2_CONTENTS))
    columns = ["dataset", "stimulus", "content", "condition", "order", "bitrate"]
    columns += ["listeners", "mean", "sd", "ci95_low", "ci95_high", "reference", "degraded"]
    return table.sort_values(["content", "order", "bitrate"])[columns].reset_index(drop=True)


def ambiqual2_pairs() -> Iterator[Pair]:
    """List the 35 first-order pairs of the second experiment, rated or not, references included.

    Example:
        >>> len(list(ambiqual2_pairs()))
        35
    """
    for label, stem in (AMBIQUAL2_CONTENTS | {"tabxylUnrated": AMBIQUAL2_UNRATED}).items():
        for rate in ("REF", "32k", "64k", "96k", "128k"):
            condition = rate if rate == "REF" else f"FOA{rate[:-1]}"
            yield Pair(
                f"{label}_{condition}", f"{stem}_FOA_REF.wav", f"{stem}_FOA_{rate}.wav"
            )


def ambiqual_file(name: str) -> Path:
    """Fetch a sound file of the Ambiqual repository by its file name."""
    return registry.path(registry.AMBIQUAL, f"validation/audiofiles/{name}")
