"""From a trained ensemble to the weights file of the package."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from qastanet.models.monotone import MonotoneEnsemble, count_parameters
from qastanet.models.monotone_scorer import digest_of, write_weights
from qastanet.sound.binaural import BinauralDecoder
from qastanet.training.calibration import widest
from qastanet.training.cross_validation import BETTER_REFERENCE, train_runs
from qastanet.training.recipe import Recipe
from qastanet.training.training_sets import Material


def train_shipped(
    material: Material, recipe: Recipe, checkpoint: str | None = None, label: str | None = None
) -> tuple[MonotoneEnsemble, pd.DataFrame]:
    """Train on all rated pairs that do not equal their reference.

    Returns:
        Ensemble and curves, see `qastanet.training.recipe.train`.
    """
    seen = (material.rated.role != "reference").to_numpy()
    return train_runs(material, [seen], recipe, label, checkpoint)


def interval_quantile(predictions: pd.DataFrame) -> float:
    """Calibrate the interval on the pooled predictions out of fold, both kinds of signals."""
    rated = predictions[predictions.role != "reference"]
    return widest(rated, "pooled-loso", BETTER_REFERENCE)


def ship(
    ensemble: MonotoneEnsemble,
    recipe: Recipe,
    decoder: BinauralDecoder,
    quantile: float,
    path: str | Path,
    further: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write the weights file.

    Args:
        ensemble: trained.
        recipe: that it was trained by.
        decoder: that it was trained with.
        quantile: of `interval_quantile`.
        path: file ending in .safetensors.
        further: facts to write into its header, besides the usual ones.

    Returns:
        The facts in its header.
    """
    arrays = {name: np.ascontiguousarray(x) for name, x in ensemble.plain().items()}
    arrays["filters"] = decoder.filters.float().numpy()
    arrays["quantile"] = np.array([quantile])
    facts = {
        "members": str(len(recipe.members)),
        "parameters": str(count_parameters(recipe.members)),
        "seed": str(recipe.seed),
        "decoder": "Neumann KU 100 (Bernschuetz 2013, CC BY-SA 3.0), MagLS, order 3",
        "sha256": digest_of(arrays),
    } | dict(further or {})
    write_weights(arrays, path, facts)
    return facts
