"""From fitted numbers to the weights file of the package."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.models.parts_model import PartsScores, digest_of, write_weights
from qastanet.training.calibration import calibrate
from qastanet.training.cross_validation import BETTER_REFERENCE


def unseen_quantile(predictions: pd.DataFrame, protocol: str = "lodo") -> float:
    """Calibrate the interval on predictions of listening tests that were left out.

    Args:
        predictions: of `qastanet.training.parts_fit.predict`.
        protocol: ``lodo``, where nothing is known of the scale of a test (those whose listeners
            compared with a better reference are passed over), or ``lodo-scaled``.
    """
    kept = (predictions.role != "reference") & (predictions.protocol == protocol)
    if protocol == "lodo":
        kept &= ~predictions.dataset.isin(BETTER_REFERENCE)
    rated = predictions[kept]
    return calibrate(rated.score, rated["mean"] / 100)


def ship(
    model: PartsScores,
    filters: NDArray,
    quantile: float,
    path: str | Path,
    further: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Write the weights file.

    Args:
        model: fitted.
        filters: of the binaural decoder that it was fitted with, shape (2, channels, taps).
        quantile: of `unseen_quantile`.
        path: file ending in .safetensors.
        further: facts to write into its header, besides the usual ones.

    Returns:
        The facts in its header.
    """
    arrays = {
        "units": np.array(model.units, dtype=float),
        "norm": np.array([model.norm]),
        "scale": np.array([model.strictness, model.curve]),
        "quantile": np.array([quantile]),
        "filters": np.asarray(filters, dtype=np.float32),
    }
    facts = {
        "numbers": str(sum(x.size for name, x in arrays.items() if name != "filters")),
        "decoder": "Neumann KU 100 (Bernschuetz 2013, CC BY-SA 3.0), MagLS, order 3",
    } | dict(further or {})
    write_weights(arrays, path, facts)
    return facts | {"sha256": digest_of(arrays)}
