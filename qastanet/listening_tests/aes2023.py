"""The AES 2023 listening test: mean ratings, what each item is, and the authors' own metrics.

22 listeners rated the similarity of 8 versions of 13 scenes to the open reference, over headphones.
The authors use the means of all 22; with the screening of ITU-R BS.1534-3, 14 are left. Both can be
had. How the stimuli are made: `qastanet.scene.parametric_coding`.
"""

import pandas as pd

from qastanet.errors import InputError
from qastanet.listening_tests.webmushra import (
    keep_screened,
    rating_means,
    read_webmushra,
    screen_listeners,
)
from qastanet.scene.parametric_scenes import Files

DATASET = "aes2023"
RATINGS = "evaluate_listening_experiment_results/webmushra_results.csv"
REPORTED = {"pemo-q": "objective_evaluation/pemoq.csv", "bam-q": "objective_evaluation/bamq.csv"}
PERFECT = {"pemo-q": 0.0, "bam-q": 100.0}  # of identical signals, as in the authors' tables
CONDITIONS = {
    "foa": "FOA",
    "param1": "Param1",
    "param2": "Param2",
    "foa_amb_param1": "FOA-Amb-Param1",
    "foa_amb_param2": "FOA-Amb-Param2",
    "harpex": "Harpex",
    "mono": "Mono",
}
# Two sources that two components code without loss: equal to the reference, sample by sample.
LOSSLESS = [
    (content, condition)
    for content in ("pink_noise_anech", "drums+saw_anech", "two_speakers_anech")
    for condition in ("Param2", "FOA-Amb-Param2")
]
GROUPS = {
    "pink_noise": "noise",
    "drums+saw": "music",
    "string_quartet": "music",
    "two_speakers": "speech",
    "speech+noise": "speech",
}


def mean_ratings(files: Files, screened: bool = False) -> pd.DataFrame:
    """Mean rating of each of the 104 stimuli.

    Args:
        files: gives the local path of an upstream file by its path in the repository.
        screened: leave out the 8 listeners who fail the post-screening of BS.1534-3.

    Returns:
        The columns of `qastanet.listening_tests.webmushra.Mean`, with ``role``
        (``reference``, also for the items that equal it; ``anchor`` for mono; ``coded``), ``group``
        (``noise``, ``music``, ``speech``) and ``room`` (``anechoic``, ``reverberant``).

    Raises:
        InputError: if the file of ratings cannot be used.
    """
    ratings = read_webmushra(files(RATINGS))
    if screened:
        ratings = keep_screened(ratings, screen_listeners(ratings))
    return describe(pd.DataFrame(rating_means(ratings, DATASET)))


def rating_table(files: Files) -> pd.DataFrame:
    """Mean ratings of all listeners and of the screened ones, for the table that is kept.

    Args:
        files: gives the local path of an upstream file by its path in the repository.

    Returns:
        208 rows: ``dataset``, ``stimulus``, ``content``, ``group``, ``room``, ``condition``,
        ``role``, ``order`` (ambisonic order of the rated signal, 0 for mono, NaN for Harpex),
        ``screening`` (``raw``: all 22 listeners; ``screened``: the 14 that pass BS.1534-3),
        ``listeners``, ``mean``, ``sd``, ``ci95_low``, ``ci95_high``.
    """
    table = pd.concat(
        mean_ratings(files, screened).assign(screening=name)
        for name, screened in (("raw", False), ("screened", True))
    )
    orders = {"Mono": 0, "FOA": 1, "Harpex": None}
    table["order"] = [orders.get(name, 3) for name in table["condition"]]
    table["stimulus"] = table["content"] + "_" + table["condition"]
    columns = ["dataset", "stimulus", "content", "group", "room", "condition", "role", "order"]
    columns += ["screening", "listeners", "mean", "sd", "ci95_low", "ci95_high"]
    return table[columns].reset_index(drop=True)


def describe(table: pd.DataFrame) -> pd.DataFrame:
    """Add ``role``, ``group`` and ``room`` to a table with ``content`` and ``condition``.

    Raises:
        InputError: if a content is not one of the test.

    Example:
        >>> row = pd.DataFrame({"content": ["drums+saw_anech"], "condition": ["Param2"]})
        >>> describe(row).iloc[0, 2:].tolist()
        ['reference', 'music', 'anechoic']
    """
    scene = table["content"].str.rpartition("_")
    unknown = sorted(set(scene[0]) - set(GROUPS))
    if unknown:
        raise InputError(f"unknown content {unknown[0]!r}; use one of {', '.join(GROUPS)}")
    role = table["condition"].map({"reference": "reference", "Mono": "anchor"}).fillna("coded")
    items = zip(table["content"], table["condition"], strict=True)
    lossless = pd.Series([item in LOSSLESS for item in items], index=table.index)
    return table.assign(
        role=role.mask(lossless, "reference"),
        group=scene[0].map(GROUPS),
        room=scene[2].map({"anech": "anechoic"}).fillna("reverberant"),
    )


def reported_metrics(files: Files) -> pd.DataFrame:
    """PEMO-Q and BAM-Q as the authors computed them, on their own stimuli.

    Args:
        files: gives the local path of an upstream file by its path in the repository.

    Returns:
        ``content``, ``condition``, ``pemo-q`` (difference grade, 0 for identical signals, more
        negative is worse) and ``bam-q`` (0..100). The authors give no value for the reference
        itself; it has that of identical signals.
    """
    columns = []
    for metric, path in REPORTED.items():
        table = pd.read_csv(files(path))
        content = table["scenario"] + "_" + table["reverberation"]
        table = table.assign(content=content, condition=table["method"].map(CONDITIONS))
        values = table.set_index(["content", "condition"])["score"].astype(float)
        perfect = {(name, "reference"): PERFECT[metric] for name in content.unique()}
        index = pd.MultiIndex.from_tuples(perfect, names=["content", "condition"])
        reference = pd.Series(list(perfect.values()), index=index)
        columns.append(pd.concat([values, reference]).rename(metric))
    return pd.concat(columns, axis="columns").reset_index()
