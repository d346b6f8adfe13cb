"""What the synthetic pairs are trained towards: a mix of other intrusive metrics.

The target is exp(-(c1 e + c2 q + c3 a)) with e = -log eMoBi-Q, q = -log LQ and a = -log LA of
Ambiqual, and weights c >= 0 fitted on the ratings that the training may see, so that nothing of a
held-out scene enters.
"""

import numpy as np
import pandas as pd
import scipy.optimize
from numpy.typing import NDArray

METRICS = {"emobiq": 0.05, "lq": 1e-3, "la": 0.05}
"""Columns of the metrics, and the least value taken, so that logarithms stay finite."""


def losses(table: pd.DataFrame) -> NDArray:
    """Return -log of the metrics, shape (pairs, 3).

    Example:
        >>> losses(pd.DataFrame({"emobiq": [1.0], "lq": [1.0], "la": [0.0]})).round(2)
        array([[-0., -0.,  3.]])
    """
    return np.stack([-np.log(table[m].clip(low)) for m, low in METRICS.items()], axis=1)


def fit_mix(table: pd.DataFrame, rating: NDArray) -> NDArray:
    """Fit the weights of the mix to ratings, by non-negative least squares.

    Args:
        table: rated pairs with the metrics.
        rating: 0..1, shape (pairs,).

    Returns:
        Weights, shape (3,).

    Example:
        >>> table = pd.DataFrame({"emobiq": [0.9, 0.5, 0.2], "lq": 1.0, "la": 1.0})
        >>> fit_mix(table, table["emobiq"].to_numpy() ** 2).round(1)
        array([2., 0., 0.])
    """
    rating = np.clip(rating, 0.05, 0.99)
    return scipy.optimize.nnls(losses(table) * rating[:, None], -np.log(rating) * rating)[0]


def targets(rated: pd.DataFrame, used: NDArray, drawn: pd.DataFrame) -> NDArray:
    """Return the targets of synthetic pairs for runs that may see different ratings.

    Args:
        rated: rated pairs with the metrics and ``mean`` (0..100).
        used: which of them each run may see, shape (runs, rated pairs).
        drawn: synthetic pairs with the metrics.

    Returns:
        Shape (runs, synthetic pairs), 0..1.
    """
    mixes = [fit_mix(rated[mask], rated["mean"].to_numpy()[mask] / 100) for mask in used]
    return np.exp(-np.stack(mixes) @ losses(drawn).T)
