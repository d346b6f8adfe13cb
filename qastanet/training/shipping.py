"""From fitted numbers to the weights file of the package."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.models.parts_model import (
    WEIGHTS,
    PartsScores,
    digest_of,
    read_weights,
    write_weights,
)
from qastanet.sound.binaural import design_decoder
from qastanet.training.calibration import calibrate
from qastanet.training.folds import BETTER_REFERENCE
from qastanet.training.parts_fit import fit_strictness, predict
from qastanet.training.rated_parts import add_ratings, read_parts

PARTS_FILE = "data/processed/rated_parts.npz"
RATINGS = ("aes2023", "ambiqual2", "neural2024")
TOLERANCE = 1e-4
"""The shipped strictness and the one that the kept parts give agree to this."""


def fitted(table: pd.DataFrame, values: NDArray) -> PartsScores:
    """Fit the model to all rated pairs that differ from their reference.

    Args:
        table: rated pairs, see `qastanet.training.rated_parts.add_ratings`.
        values: their parts in the shipped form, shape (pairs, 7, 29).
    """
    return fit_strictness(table, values, (table.role != "reference").to_numpy())


def require_shipped(model: PartsScores, path: str | Path) -> None:
    """Stop if the shipped weights are not those that the ratings give.

    Raises:
        InputError: if they differ by more than TOLERANCE
    """
    arrays = read_weights(path)
    there = np.concatenate([arrays["units"], arrays["norm"], arrays["scale"]])
    here = [*model.units, model.norm, model.strictness, model.curve]
    if not np.allclose(there, here, rtol=TOLERANCE, atol=0):
        raise InputError(f"{path}: holds {there}, the ratings give {here}; `make train`")


def _unseen_quantile(predictions: pd.DataFrame, protocol: str) -> float:
    """Calibrate the interval on predictions of listening tests that were left out.

    Under ``lodo`` nothing is known of the scale of a test, and those whose listeners compared with
    a better reference are passed over.
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
        quantile: calibration of the interval.
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


def main() -> int:
    """Fit the model to the kept parts and write its weights; seconds."""
    ratings = [pd.read_csv(f"data/processed/{name}_listening_test.csv") for name in RATINGS]
    compared, values = read_parts(PARTS_FILE)
    table = add_ratings(compared, ratings)
    parts = values["shipped"][table.row]
    model = fitted(table, parts)
    predictions = predict(table, parts, model)
    quantile, scaled = (_unseen_quantile(predictions, name) for name in ("lodo", "lodo-scaled"))
    filters = design_decoder().filters.float().numpy()
    facts = ship(model, filters, quantile, WEIGHTS, {"quantile_scale_known": f"{scaled:.4f}"})
    print(f"{WEIGHTS}: a = {model.strictness:.4f}, sha256 {facts['sha256'][:12]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
