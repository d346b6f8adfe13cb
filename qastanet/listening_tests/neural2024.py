"""The listening test of neural speech codecs 2024: ratings, mean ratings, sounds.

MUSHRA of speech through Lyra (3.2 and 6 kbit/s), AudioDec and four settings of a vocoder-based
coder, two of them limited to 8 kHz; 24 kHz, two identical channels (diotic), 8 to 11 listeners a
stimulus after the authors' screening. Half of the test is used: eight of its sixteen utterances.
Conformance 3 of the model `default` was frozen before the test was opened.

Source: Stahl, Windtner, Sontacchi, IEEE Access 12, 2024; github.com/BenjSta/bernoulli-var-speech-
codec, commit 49b03fe, mushra_results_dataset (CC BY 4.0; speech of VCTK, CC BY 4.0, and of TSP,
BSD).
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from qastanet import registry
from qastanet.errors import InputError
from qastanet.listening_tests.contents import RATED
from qastanet.listening_tests.webmushra import Rating, rating_means

DATASET = "neural2024"
RATINGS_VARIABLE = "QASTANET_NEURAL2024_RATINGS"
"""Environment variable that names a file of `read_ratings`."""

FOLDER = "mushra_results_dataset/audio"
SOURCE_COLUMNS = ["listener", "utterance", "condition", "rating"]
HIDDEN = "Reference"
ANCHOR = "Anchor"


def ratings_at_hand() -> pd.DataFrame | None:
    """Return the ratings per listener if `RATINGS_VARIABLE` names their file, else None."""
    name = os.environ.get(RATINGS_VARIABLE)
    return read_ratings(name) if name else None


def read_ratings(path: str | Path) -> pd.DataFrame:
    r"""Read ratings per listener.

    Args:
        path: CSV with the columns ``utterance``, ``condition``, ``file`` (below the folder of the
            sounds, empty where the sound is not published), ``listener`` (a number) and ``rating``.

    Returns:
        Tidy ratings, see `qastanet.listening_tests.webmushra`, and ``file``; the trial is the
        utterance, the hidden reference is called ``reference``.

    Raises:
        InputError: if the file cannot be read, a column or a rating is missing, a rating is outside
            0..100 or there twice, or a sound is not one of the test.

    Example:
        >>> import io
        >>> lines = "utterance,condition,file,listener,rating\nu,Lyra 6,stim_01/lyra_6.wav,3,60\n"
        >>> read_ratings(io.StringIO(lines)).drop(columns="rating").iloc[0].tolist()
        ['listener03', 'u', 'Lyra 6', 'stim_01/lyra_6.wav']
    """
    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a CSV file ({error})") from error
    missing = [name for name in [*SOURCE_COLUMNS, "file"] if name not in table]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)}; give ratings per listener")
    wrong = table[~pd.to_numeric(table.rating, errors="coerce").between(0, 100)]
    if len(wrong):
        raise InputError(
            f"{path}: line {wrong.index[0] + 2}: rating {wrong.rating.iloc[0]} is no number in "
            "0..100"
        )
    twice = table.index[table.duplicated(SOURCE_COLUMNS[:3])]
    if len(twice):
        raise InputError(f"{path}: line {twice[0] + 2}: this rating is there twice; keep one")
    for name in table.file.dropna().unique():
        _entry(name)
    tidy = table[[*SOURCE_COLUMNS, "file"]].set_axis([*Rating._fields[:4], "file"], axis="columns")
    tidy["listener"] = [f"listener{number:02d}" for number in tidy.listener]
    tidy["condition"] = tidy.condition.replace({HIDDEN: "reference"})
    return tidy


def rating_table(ratings: pd.DataFrame | None, kept: str | Path) -> pd.DataFrame:
    """Mean rating of each stimulus, for the table that is kept.

    Args:
        ratings: of `read_ratings`; None if they are not at hand.
        kept: the table as it was made before, for then.

    Returns:
        One row per stimulus: what is known of it (`qastanet.listening_tests.contents.RATED`), and
        the file names ``reference`` and ``degraded``, empty where the sound is not published. All
        contents are speech, recorded without reverberation; there is no ambisonic order.
    """
    if ratings is None:
        return pd.read_csv(kept)
    table = pd.DataFrame(rating_means(ratings, DATASET))
    files = ratings.drop_duplicates(["trial", "condition"]).set_index(["trial", "condition"]).file
    items = pd.MultiIndex.from_frame(table[["content", "condition"]])
    table["degraded"] = files.reindex(items).to_numpy()
    hidden = table[table.condition == "reference"].set_index("content").degraded
    roles = {"reference": "reference", ANCHOR: "anchor"}
    table = table.assign(
        stimulus=table.content + "_" + table.condition,
        group="speech",
        room="anechoic",
        role=table.condition.map(roles).fillna("coded"),
        order=np.nan,
        reference=table.content.map(hidden).where(table.degraded.notna()),
    )
    return table[[*RATED, "reference", "degraded"]]


def sound(name: str) -> Path:
    """Fetch a sound by its name in the table, ``stim_01/lyra_6.wav`` for example."""
    return registry.fetch(_entry(name))


def _entry(name: str) -> registry.Entry:
    return registry.find(registry.NEURAL2024, f"{FOLDER}/{name}")
