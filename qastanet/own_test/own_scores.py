"""Every metric on every pair of a listening test of one's own."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from qastanet import registry
from qastanet.errors import InputError
from qastanet.evidence.all_scores import RELEASED, released_differences, score_pair
from qastanet.listening_tests.contents import RATED
from qastanet.listening_tests.rated_manifest import read_rated_manifest
from qastanet.listening_tests.rated_pairs import RatedPair
from qastanet.models.model import QASTAnet
from qastanet.models.scorer import Scorer
from qastanet.own_test.own_pairs import with_roles
from qastanet.rivals.other_metrics import METRICS, SCALES, installed
from qastanet.scoring.loading import load_model, load_scorer
from qastanet.sound.ambisonics import order_of
from qastanet.sound.options import Options
from qastanet.sound.pairs.preparation import prepare_files

OURS = "parts"
"""Column of the scores of our own model."""

logger = logging.getLogger(__name__)


def own_scores(
    manifest: str | Path,
    model: str = "default",
    options: Options | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    progress: bool = True,
) -> pd.DataFrame:
    """Score all pairs of one listening test by all metrics that apply.

    Args:
        manifest: see `qastanet.listening_tests.rated_manifest.read_rated_manifest`
        model: our model, or a file of weights; its column is called OURS
        options: what may be done to a pair before it is scored
        metrics: names from `qastanet.rivals.other_metrics.METRICS`; those that are not installed
            are passed over with a message, and so is the released QASTAnet if its weights are not
            at hand. It and Ambiqual have no score (NaN) for binaural pairs
        progress: show a progress bar

    Returns:
        table of scores, see `qastanet.evidence.comparison.metrics`; pairs that do not differ at
        all have the role ``reference``, and others without a role are ``coded``

    Raises:
        InputError: if the manifest has several data sets, or a pair cannot be used
    """
    table = read_rated_manifest(manifest)
    if table.dataset.nunique() > 1:
        names = ", ".join(table.dataset.unique())
        raise InputError(f"{manifest}: several data sets ({names}); make a manifest of each")
    there = [name for name in metrics if installed(name)]
    for name in sorted(set(metrics) - set(there)):
        logger.warning("%s is not installed; it is left out", name)
    scorer, released = load_scorer(model), _released_if_at_hand()
    rows = []
    for row in tqdm(table.itertuples(), "score", len(table), disable=not progress, unit="pair"):
        pair = _read_pair(row, options or Options())
        rows.append({"signal": pair.signal, "order": pair.order} | _scores(pair, scorer, released))
        rows[-1] |= _other_scores(pair, there)
    scores = pd.DataFrame(rows, index=table.index)
    table = with_roles(table, (scores[OURS] == 1).to_numpy())
    known = [name for name in (OURS, *SCALES) if name in scores]
    table = table.join(scores).assign(group="", room="")
    return table[[*RATED[:8], "signal", *RATED[8:], "reference", "degraded", *known]]


def _read_pair(row, options: Options) -> RatedPair:
    """Read a pair and make it comparable."""
    reference, degraded, report = prepare_files(row.reference, row.degraded, options)
    for sentence in report["warnings"]:
        logger.warning("%s: %s", row.stimulus, sentence)
    signal = "binaural" if len(reference) == 2 else "ambisonic"
    order = 0 if signal == "binaural" else order_of(len(reference))
    return RatedPair(row.dataset, row.stimulus, signal, order, reference, degraded, 48000)


def _scores(pair: RatedPair, scorer: Scorer, released: QASTAnet | None) -> dict[str, float]:
    """Score a pair by our model and, if it is ambisonic, by the released one."""
    features = [scorer.features(signal) for signal in pair.signals]
    found = {OURS: scorer.score(*features), RELEASED: np.nan}
    if released is not None and pair.signal == "ambisonic":
        found[RELEASED] = released_differences(pair, released)[1]
    return found


def _other_scores(pair: RatedPair, metrics: Sequence[str]) -> dict[str, float]:
    """Score a pair by the other metrics; one that cannot rate it is left out there."""
    found = {}
    for name in metrics:
        try:
            found |= score_pair(pair, [name])
        except InputError as error:
            logger.warning("%s: no score by %s (%s)", pair.stimulus, name, error)
    return found


def _released_if_at_hand() -> QASTAnet | None:
    """Load the authors' weights, or say that they are not here."""
    if registry.at_hand(registry.find(registry.RELEASE, "model_weights.pth.tar")):
        return load_model("released")
    logger.warning("the released weights are not at hand (qastanet fetch); they are left out")
    return None
