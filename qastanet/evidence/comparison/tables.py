"""The tables of the comparison: correlations, differences between metrics, ceilings, behaviour."""

from collections.abc import Sequence

import pandas as pd

from qastanet.agreement.listener_noise import Ceiling, simulated_ceiling
from qastanet.agreement.resampling import REPLICATES
from qastanet.agreement.significance import compare_metrics
from qastanet.agreement.statistics import pearson, spearman
from qastanet.evidence.comparison.metrics import FROZEN, REPORTED, YARDSTICKS, headline
from qastanet.evidence.comparison.protocols import add_predictions, correlation_table, main_subsets
from qastanet.listening_tests.contents import recording
from qastanet.rivals.other_metrics import SCALES

PAPER = {"qastanet-paper": 0.90, "ambiqual": 0.72, "emobiq": 0.72}
"""Pearson correlations on the private test of arXiv:2509.16715, as the paper reports them."""


def full_table(
    table: pd.DataFrame,
    screened: pd.DataFrame,
    predictions: pd.DataFrame,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """All rows of the table of correlations.

    Args:
        table: table of scores.
        screened: of `with_screened_ratings`.
        predictions: of trained models, see
            `qastanet.evidence.comparison.protocols.add_predictions`.
        replicates: number of bootstrap samples.
        seed: of the random numbers.
    """
    given = {"replicates": replicates, "seed": seed}
    metrics = headline(table)
    variants = [name for name in SCALES if name.endswith(("-worst", "-w"))]
    rows = [
        correlation_table(table, [*metrics, *FROZEN, *YARDSTICKS], "direct", groups=True, **given),
        correlation_table(table, variants, "direct", **given),
        correlation_table(table, metrics, "loso", **given),
        correlation_table(table, metrics, "lodo", **given),
        correlation_table(table, REPORTED, "reported", groups=True, **given),
        correlation_table(screened, metrics, "direct", **given),
        correlation_table(screened, REPORTED, "reported", **given),
    ]
    models = sorted(predictions.metric.unique())
    rows += [
        correlation_table(part, models, protocol, groups=True, trained=True, **given)
        for protocol, part in add_predictions(table, predictions).items()
    ]
    found = pd.concat(rows, ignore_index=True)
    private = pd.Series(PAPER).rename_axis("metric").reset_index(name="pearson")
    labels = {"dataset": "paper-private", "subset": "reported", "signal": "ambisonic"}
    private = private.assign(**labels, protocol="reported")
    return pd.concat([found, private.reindex(columns=found.columns)], ignore_index=True)


def with_screened_ratings(table: pd.DataFrame, ratings: pd.DataFrame) -> pd.DataFrame:
    """Rows of the AES 2023 test with the ratings of the screened listeners.

    Args:
        table: table of scores.
        ratings: of `qastanet.listening_tests.aes2023.rating_table`.

    Returns:
        The rows under the name ``aes2023-screened``.
    """
    numbers = ["listeners", "mean", "sd", "ci95_low", "ci95_high"]
    screened = ratings[ratings.screening == "screened"][["stimulus", *numbers]]
    rows = table[table.dataset == "aes2023"].drop(columns=numbers)
    return rows.merge(screened, on="stimulus").assign(dataset="aes2023-screened")


def difference_table(
    table: pd.DataFrame,
    metrics: Sequence[str],
    replicates: int = REPLICATES,
    seed: int = 0,
) -> pd.DataFrame:
    """Differences between all pairs of metrics, per listening test, without references.

    Args:
        table: of `as_heard`.
        metrics: columns; those that a test does not have, or that do not vary in it, are left out.
        replicates: number of bootstrap samples.
        seed: of the random numbers.

    Returns:
        ``dataset``, ``subset`` and the columns of
        `qastanet.agreement.significance.compare_metrics`; Holm counts the pairs of one test.
    """
    parts = []
    for dataset, part in table[table.role != "reference"].groupby("dataset"):
        chosen = [name for name in metrics if name in part and part[name].nunique() > 1]
        unit = part.content.astype(str).map(recording)
        given = {"scene": "recording", "replicates": replicates, "seed": seed}
        pairs = compare_metrics(part.assign(recording=unit), chosen, **given)
        pairs.insert(0, "dataset", dataset)
        pairs.insert(1, "subset", "without_reference")
        parts.append(pairs)
    return pd.concat(parts, ignore_index=True)


def within_scenes(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Spearman's correlation within each scene.

    Args:
        table: of `as_heard`.
        metrics: columns.

    Returns:
        One row per dataset, metric and scene (``content``): ``spearman``; scenes in which the
        scores do not vary are left out.
    """
    rows = [
        (dataset, metric, content, spearman(scene[metric], scene["mean"]))
        for (dataset, content), part in table.groupby(["dataset", "content"])
        for metric in metrics
        if len(scene := part.dropna(subset=metric))
    ]
    found = pd.DataFrame(rows, columns=["dataset", "metric", "content", "spearman"])
    return found.dropna(ignore_index=True)


def ceilings(table: pd.DataFrame) -> pd.DataFrame:
    """What the noise of the listeners allows, per listening test and subset.

    Args:
        table: table of scores.

    Returns:
        ``dataset``, ``subset``, ``n`` and the fields of
        `qastanet.agreement.listener_noise.Ceiling`; no row where standard deviations or numbers of
        listeners are not known.
    """
    rows = []
    for dataset, part in table.drop_duplicates(["dataset", "stimulus"]).groupby("dataset"):
        for subset, mask in main_subsets(part).items():
            items = part[mask].dropna(subset=["sd", "listeners"])
            if len(items) > 2:
                found = simulated_ceiling(items["mean"], items["sd"], items["listeners"])
                row = {"dataset": dataset, "subset": subset, "n": len(items)}
                rows.append(row | found._asdict())
    return pd.DataFrame(rows, columns=["dataset", "subset", "n", *Ceiling._fields])


def realisation_table(table: pd.DataFrame, again: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Correlations of a metric for several realisations of the random parts of the stimuli.

    Args:
        table: table of scores of one listening test and signal.
        again: ``seed``, ``stimulus`` and the metric; stimuli without random parts are taken from
            ``table``.
        metric: column.

    Returns:
        ``seed``, ``subset``, ``n``, ``pearson``, ``spearman``.
    """
    rows = []
    for seed, part in again.groupby("seed"):
        other = part.set_index("stimulus")[metric]
        scores = table.stimulus.map(other).fillna(table[metric])
        for subset in ("with_reference", "without_labelled_reference"):
            mask = main_subsets(table)[subset]
            pair = scores[mask], table["mean"][mask]
            rows.append((seed, subset, int(mask.sum()), pearson(*pair), spearman(*pair)))
    return pd.DataFrame(rows, columns=["seed", "subset", "n", "pearson", "spearman"])


def bitrate_steps(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Changes from each bitrate of a content to the next higher one.

    Args:
        table: with ``content``, ``bitrate`` and the columns.
        columns: what to take the changes of.

    Returns:
        ``content``, ``bitrate`` (the higher one), and the change of each column.

    Example:
        >>> table = pd.DataFrame({"bitrate": [64, 32], "score": [0.5, 0.6]}).assign(content="a")
        >>> bitrate_steps(table, ["score"]).round(3).values.tolist()
        [['a', 64, -0.1]]
    """
    ordered = table.sort_values(["content", "bitrate"])
    changes = ordered.groupby("content")[list(columns)].diff()
    return ordered[["content", "bitrate"]].join(changes).dropna(subset=list(columns))
