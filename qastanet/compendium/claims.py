"""Each claim of the paper put to the test, as far as public data can.

Every row compares something with something else on the same items, and says in how many recordings
it is ahead, and whether the claim holds there by the rule of `qastanet.compendium.claim_rules`.
That the network reacts to artefacts is tested otherwise: by all orders of the codings of one test.
Nothing is corrected for the number of tests.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from qastanet.agreement.splitting import condition_null, correlation_of_parts
from qastanet.compendium.claim_rules import (
    ENOUGH,
    FAILS,
    HOLDS,
    OPEN,
    Difference,
    difference,
    verdict,
)
from qastanet.evidence.comparison.metrics import without_distances
from qastanet.evidence.comparison.overview import SEEN
from qastanet.evidence.comparison.protocols import add_predictions
from qastanet.evidence.comparison.tables import PAPER
from qastanet.evidence.paper import many_networks
from qastanet.listening_tests.contents import recording
from qastanet.plots.names import DATASETS, LABELS
from qastanet.rivals.other_metrics import SCALES

LEAST = 8
"""Items of a subset that a correlation is given of."""

PRIVATE = "not reproduced: the data are private"

GENERAL = "a: generalises better than Ambiqual and eMoBi-Q"
LITTLE = "b: can be trained on little data"
EXPERT = "c: because its features are those of hearing"
FORMS = "d: on ambisonics and on binaural signals"
ARTEFACTS = "e: reacts to codec artefacts"
WHOLE = "the paper's figure for the whole"

MODELS = tuple(many_networks.MODELS)
BOTH = "both tests"

COLUMNS = [
    *("claim", "test", "items", "n", "recordings", "value", "against", "difference"),
    *("low", "high", "ahead", "verdict"),
]


def claims(
    scores: pd.DataFrame,
    predictions: pd.DataFrame,
    variants: pd.DataFrame,
    gains: pd.DataFrame,
    replicates: int = 2000,
) -> pd.DataFrame:
    """Put the claims to the test.

    Args:
        scores: table of scores.
        predictions: of the trained models.
        variants: of `qastanet.evidence.paper.many_networks.all_differences`.
        gains: of `qastanet.evidence.paper.learning_curve.gains`.
        replicates: bootstrap samples of recordings.

    Returns:
        COLUMNS: which claim, how it was tested, on which items; the value (Pearson's correlation
        unless said otherwise), what it is compared with, the difference with its 95 % interval, in
        how many recordings it is above 0 (of claim b: networks), and whether the claim holds.
    """
    rated = scores[scores.role != "reference"]
    rated = without_distances(rated, [name for name in scores if name in SCALES])
    predictions = predictions[predictions.metric.isin(MODELS)]
    tables = add_predictions(rated, predictions)
    ambisonic = {key: table[table.signal == "ambisonic"] for key, table in tables.items()}
    rows = [
        *_general(ambisonic, replicates),
        *_kinds(ambisonic["pooled-source-out"], replicates),
        *_little(gains),
        *_expert(variants),
        *_forms(rated, predictions, replicates),
        *_artefacts(ambisonic),
        _published(),
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _general(tables: Mapping[str, pd.DataFrame], replicates: int) -> Iterator[dict]:
    """Compare the network with the two rivals of the paper, on recordings and tests not seen."""
    for protocol, unseen in SEEN.items():
        for model in MODELS:
            for rival in ("emobiq", "ambiqual-la", "ambiqual-lq"):
                test = f"{LABELS[model]}, {unseen}, against {LABELS[rival]}"
                yield from _on_tests(GENERAL, test, tables[protocol], model, rival, replicates)


def _on_tests(
    claim: str, test: str, table: pd.DataFrame, first: str, second: str, replicates: int
) -> Iterator[dict]:
    """Give rows for both tests together and for each by itself."""
    table = table.dropna(subset=[first, second])
    parts = {DATASETS[name]: part for name, part in table.groupby("dataset", sort=False)}
    for items, part in {BOTH: table, **parts}.items():
        yield _row(claim, test, items, part, first, second, replicates)


def _row(
    claim: str,
    test: str,
    items: str,
    part: pd.DataFrame,
    first: str,
    second: str,
    replicates: int,
) -> dict:
    """Make a row of a difference; of too few items nothing is said."""
    labels = {"claim": claim, "test": test, "items": items, "n": len(part)}
    if len(part) < LEAST:
        recordings = part.content.astype(str).map(recording).nunique()
        return labels | {"recordings": recordings, "verdict": OPEN}
    found = difference(part, first, second, replicates)
    return labels | found._asdict() | {"verdict": verdict(*found[3:])}


def _kinds(table: pd.DataFrame, replicates: int) -> Iterator[dict]:
    """Look at kinds of sound: recording left out, against eMoBi-Q."""
    wanted = {
        **{kind: table.group == kind for kind in ("speech", "music", "ambience", "noise")},
        **{kind: table.room == kind for kind in ("anechoic", "reverberant")},
    }
    test = f"{LABELS[MODELS[0]]}, recording left out, against {LABELS['emobiq']}, by content"
    for kind, mask in wanted.items():
        for name in pd.unique(table.dataset):
            part = table[mask & (table.dataset == name)]
            items = f"{DATASETS[name]}: {kind}"
            yield _row(GENERAL, test, items, part, MODELS[0], "emobiq", replicates)


def _little(gains: pd.DataFrame) -> Iterator[dict]:
    """Read the learning curves: single networks, ten scenes against two and six."""
    words = {
        "swap-few": "from scratch",
        "released-few": "from the released weights",
        "binaural-few": "from scratch, binaural",
        "log-mel-few": "from scratch, log-mel features in place of the expert's",
    }
    for row in gains.itertuples():
        few = {2: "two", 6: "six"}[row.scenes]
        test = f"single networks {words[row.model]}, ten training scenes against {few}"
        half = 1.96 * row.se
        labels = {"claim": LITTLE, "test": test, "items": f"always on {row.tested}", "n": row.n}
        found = Difference(
            *(row.most, row.fewer, row.gain, row.gain - half, row.gain + half),
            *(int(row.ahead), row.recordings),
        )
        yield labels | found._asdict() | {"verdict": OPEN}


def _expert(variants: pd.DataFrame) -> Iterator[dict]:
    """Turn the differences of variants round: what the expert's way is better by."""
    for row in variants[variants.difference != 0].itertuples():
        if row.base == "swap" and not row.variant.startswith("without"):
            continue
        whole = "all four features" if row.base == "swap" else "the three binaural features"
        unseen = SEEN.get(row.protocol, "scene left out")
        labels = {"claim": EXPERT, "test": f"{whole} against {row.variant}, {unseen}"}
        labels["items"] = BOTH if row.dataset == "pooled" else DATASETS[row.dataset]
        found = Difference(
            *(row.pearson - row.difference, row.pearson, -row.difference, -row.high, -row.low),
            *(row.recordings - row.ahead, row.recordings),
        )
        yield labels | {"n": row.n} | found._asdict() | {"verdict": verdict(*found[3:])}


def _forms(scores: pd.DataFrame, predictions: pd.DataFrame, replicates: int) -> Iterator[dict]:
    """Compare the network of three features with those rivals that hear binaural signals.

    Of tests without binaural signals, rivals were given the ambisonic ones decoded to the ears.
    """
    heard = scores.sort_values("signal", ascending=False).drop_duplicates(["dataset", "stimulus"])
    chosen = predictions[predictions.signal == "binaural"].drop(columns="signal")
    tables = add_predictions(heard.assign(signal="ambisonic"), chosen)
    for protocol, unseen in SEEN.items():
        for rival in ("emobiq", "binaqual"):
            test = f"{LABELS[MODELS[0]]}, three features, {unseen}, against {LABELS[rival]}"
            yield from _on_tests(FORMS, test, tables[protocol], MODELS[0], rival, replicates)


def _artefacts(tables: Mapping[str, pd.DataFrame]) -> Iterator[dict]:
    """Correlate the means of the conditions, and see what shuffled conditions reach."""
    for protocol, unseen in SEEN.items():
        for model in MODELS:
            for name, part in tables[protocol].groupby("dataset", sort=False):
                score, rating = part[model].to_numpy(), part["mean"].to_numpy()
                value = correlation_of_parts(score, rating, part.condition, part.content)
                null = condition_null(score, rating, part.condition, part.content)
                p = float(np.mean(null >= value["conditions"] - 1e-9))
                yield {
                    "claim": ARTEFACTS,
                    "test": f"{LABELS[model]}, {unseen}: which coding is better, against chance",
                    "items": DATASETS[name],
                    "n": len(part),
                    "recordings": part.content.astype(str).map(recording).nunique(),
                    "value": value["conditions"],
                    "against": float(np.quantile(null, 0.95, method="higher")),
                    "verdict": HOLDS if p < 0.05 else OPEN,
                }


def _published() -> dict:
    """Set what the paper reports beside it."""
    own, *others = (PAPER[name] for name in ("qastanet-paper", "emobiq", "ambiqual"))
    return {
        "claim": WHOLE,
        "test": "QASTAnet as published; against eMoBi-Q, and Ambiqual, as published",
        "items": DATASETS["paper-private"],
        **{"value": own, "against": max(others), "difference": own - max(others)},
        "verdict": PRIVATE,
    }


def of(table: pd.DataFrame, claim: str) -> pd.DataFrame:
    """Give the tests of one claim as they are shown, two digits.

    Args:
        table: of `claims`.
        claim: such as GENERAL.
    """
    chosen = table[table.claim == claim].drop(columns="claim")
    return chosen.set_index(["test", "items"]).round(2)


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Count the verdicts of each claim.

    Args:
        table: of `claims`.

    Returns:
        ``claim``, the number of its tests that could be told at all (enough recordings, or orders
        of codings; ``tests``), and how many of these have each verdict.
    """
    could = (table.recordings >= ENOUGH) | table.claim.isin([ARTEFACTS, WHOLE])
    order = pd.unique(table.claim)
    table = table[could & table.value.notna()]
    counts = table.groupby(["claim", "verdict"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=[HOLDS, FAILS, OPEN, PRIVATE], fill_value=0)
    counts = counts.reindex(order, fill_value=0)
    counts.insert(0, "tests", counts.sum(axis=1))
    return counts.rename_axis("claim").reset_index()
