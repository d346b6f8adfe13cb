"""The shipped model on the scale of a listening test of one's own: two numbers, from few ratings.

The units of the parts stay those of the package; only a and b of exp(-a D^b), how the test uses its
scale (`qastanet.training.rating_scale`), are fitted. The order of the scores does not change.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from qastanet.errors import InputError
from qastanet.models.parts_model import read_weights, scores_of
from qastanet.own_test.own_pairs import refuse_failed, with_roles
from qastanet.own_test.own_training import calibrated, out_of_fold
from qastanet.scoring.pair_scores import score_group
from qastanet.sound.options import Options
from qastanet.training.rating_scale import CurveScale, fit_curve
from qastanet.training.shipping import ship


class OwnScale(NamedTuple):
    """The scale of a listening test.

    Attributes:
        scale: fitted on all pairs, or on the training part.
        predictions: of every pair, with ``part`` and ``score`` (0..1).
        quantile: calibration of the interval.
    """

    scale: CurveScale
    predictions: pd.DataFrame
    quantile: float


def shipped_scores(
    table: pd.DataFrame, options: Options | None = None, progress: bool = True
) -> pd.DataFrame:
    """Score the pairs of a listening test by the shipped weights.

    Args:
        table: of `qastanet.listening_tests.rated_manifest.read_rated_manifest`.
        options: what may be done to a pair before it is scored.
        progress: show a progress bar.

    Returns:
        The table with ``shipped`` (score, 0..1), ``channels``, ``signal`` and roles.

    Raises:
        InputError: if pairs cannot be used, naming the first ones and their number
    """
    found, failed = {}, []
    groups = table.reset_index(drop=True).groupby("reference", sort=False)
    for reference, rows in tqdm(groups, "score", disable=not progress, unit="reference"):
        results = score_group(reference, list(rows.degraded), "default", options)
        failed += [each["error"] for each in results if "error" in each]
        found |= dict(zip(rows.index, results, strict=True))
    refuse_failed(failed, len(table))
    known = pd.DataFrame([found[k] for k in range(len(table))])[["score", "channels"]]
    known = table.reset_index(drop=True).join(known.rename(columns={"score": "shipped"}))
    known["signal"] = np.where(known.channels == 2, "binaural", "ambisonic")
    return with_roles(known, (known.shipped == 1).to_numpy())


def fit_own_scale(table: pd.DataFrame, parts: pd.Series | None = None) -> OwnScale:
    """Fit the scale of a listening test, and predict what was not seen.

    Args:
        table: of `shipped_scores`.
        parts: as in `qastanet.own_test.own_training.train_own`.

    Raises:
        InputError: if the pairs are of several listening tests
    """
    check_one_test(table, "the manifest")
    shipped, rating = table.shipped.to_numpy(), table["mean"].to_numpy() / 100
    folds, masks = out_of_fold(table, parts)
    scales = [fit_curve(shipped[mask], rating[mask]) for mask in masks]
    scores = np.stack([scale(shipped) for scale in scales], axis=1)
    predictions, quantile = calibrated(table, folds, scores, parts)
    return OwnScale(scales[-1], predictions, quantile)


def check_one_test(table: pd.DataFrame, path: str | Path) -> None:
    """Refuse pairs of several listening tests, as each has a scale of its own.

    Args:
        table: with ``dataset``.
        path: its name for messages.

    Raises:
        InputError: naming the tests
    """
    names = pd.unique(table.dataset)
    if len(names) > 1:
        raise InputError(
            f"{path}: pairs of {len(names)} listening tests ({', '.join(names[:3])}); each has a "
            "scale of its own: give one manifest per test"
        )


def write_own_scale(own: OwnScale, path: str | Path, facts: Mapping[str, str]) -> None:
    """Write the shipped model on the scale of a test, as a weights file like any other.

    Args:
        own: of `fit_own_scale`.
        path: file ending in .safetensors.
        facts: on the test, for the header.
    """
    arrays = read_weights()
    shipped = scores_of(arrays)
    exponent, curve = own.scale
    model = shipped._replace(
        strictness=exponent * shipped.strictness**curve, curve=shipped.curve * curve
    )
    scale = {"scale": f"{exponent:.6g} {curve:.6g}"}
    ship(model, arrays["filters"], own.quantile, path, dict(facts) | scale)
