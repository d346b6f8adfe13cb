"""Where quality is lost: the loss 1 - score, spread over features, bands and frames.

**Method.** Integrated Gradients [1]_, that is the Aumann-Shapley value [2]_, along the straight
path from "no difference" to the compressed statistics x of the pair. For a member of the monotone
model the loss is 1 - exp(-g^e) with g = sum of w x, which is linear in x, so the integral has a
closed form: each statistic and band gets the loss in proportion to its w x. The loss of the model
is the mean of its members', and so is the attribution. It is complete (it adds up to 1 - score),
never negative, and zero where nothing differs.

**Over time** the share of a statistic is split by convention, in proportion to what each frame adds
to it:

* frame by frame differences: the weighted difference of the frame, of which they are the sum;
* differences of long-term means: how far the frame pulls the mean to where it went, or nothing if
  it pulls the other way;
* differences of spreads: how much the frame adds to the change of the variance, likewise.

References:
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.
    .. [2] R. J. Aumann, L. S. Shapley, "Values of non-atomic games", Princeton 1974.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.hearing.feature_statistics import (
    FEATURES,
    LEVEL_CEILING,
    STATISTICS,
    FeaturePair,
    feature_pairs,
    statistics,
)
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import N_BANDS
from qastanet.models.monotone_scorer import MonotoneScorer, MonotoneScores
from qastanet.models.scorer import Scorer

FEATURE_OF = np.array(
    [
        FEATURES.index(name.partition("_")[2].replace("magnitude", "coherence"))
        for name in STATISTICS
    ]
)
"""Index into FEATURES of each statistic."""


@dataclass(frozen=True)
class Attribution:
    """A score, and where the rest to 1 went.

    Attributes:
        score: 0..1.
        low: lower bound of the interval in which 90 % of mean ratings are expected.
        high: upper bound.
        loss: parts of 1 - score, of features (level, ILD, coherence, directiveness), bands and
            frames, shape (4, 29, frames); all >= 0, sum 1 - score.
        by_statistic: the same loss by statistic and band, shape (13, 29).
    """

    score: float
    low: float
    high: float
    loss: NDArray
    by_statistic: NDArray

    @property
    def by_feature(self) -> dict[str, float]:
        """The loss of each feature.

        Example:
            >>> loss = np.full((4, 29, 2), 0.001)
            >>> round(Attribution(0.768, 0.6, 0.9, loss, loss[..., 0]).by_feature["ild"], 3)
            0.058
        """
        return dict(zip(FEATURES, self.loss.sum((1, 2)).tolist(), strict=True))

    @property
    def by_band(self) -> NDArray:
        """The loss of each feature in each band, shape (4, 29)."""
        return self.loss.sum(2)

    @property
    def over_time(self) -> NDArray:
        """The loss of each feature in each frame, shape (4, frames)."""
        return self.loss.sum(1)


def explain(reference: Features, degraded: Features, scorer: Scorer) -> Attribution:
    """Tell in which features, bands and frames a pair loses quality.

    Args:
        reference: features of the reference, of `scorer.features`
        degraded: features of the degraded signal
        scorer: of the model "default"

    Raises:
        InputError: for a model that is not monotone

    Example:
        >>> from qastanet.models.monotone_scorer import load_default
        >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 9600))
        >>> scorer = load_default()
        >>> found = explain(*(scorer.features(x) for x in noise), scorer)
        >>> bool(np.isclose(found.loss.sum(), 1 - found.score)), found.loss.shape
        (True, (4, 29, 5))
    """
    check_explainable(scorer)
    values = statistics(reference, degraded)
    directive = reference.directiveness is not None
    parts = np.stack([attribute(x, scorer.network, directive) for x in values])
    spread = parts[..., None] * frame_shares(reference, degraded)  # heads, 13, 29, frames
    loss = np.stack([spread[:, FEATURE_OF == k].sum(1).mean(0) for k in range(len(FEATURES))])
    low, high = scorer.interval(reference, degraded)
    return Attribution(scorer.score(reference, degraded), low, high, loss, parts.mean(0))


def check_explainable(scorer: Scorer) -> None:
    """Refuse a model whose loss cannot be attributed.

    Raises:
        InputError: naming the model and the remedy
    """
    if not isinstance(scorer, MonotoneScorer):
        raise InputError(
            f"model '{scorer.name}' cannot be explained: it is not monotone, and does not rate "
            "identical signals as 1, so its loss does not come from differences alone. Take the "
            "model 'default'."
        )


def attribute(values: NDArray, network: MonotoneScores, directive: bool) -> NDArray:
    """Attribute the loss 1 - score to statistics and bands.

    Args:
        values: compressed statistics >= 0, shape (13, 29)
        network: the ensemble
        directive: whether the pair has directiveness

    Returns:
        shape (13, 29), >= 0, sum 1 - score
    """
    weights = network.with_directiveness if directive else network.without_directiveness
    terms = weights * values * (8 / N_BANDS)  # members, 13, 29
    total = terms.sum((1, 2))
    loss = -np.expm1(-(total**network.exponent))
    per_unit = np.divide(loss, total, out=np.zeros_like(total), where=total > 0)
    return np.einsum("m,mkb->kb", per_unit, terms) / len(weights)


def frame_shares(reference: Features, degraded: Features) -> NDArray:
    """Split each statistic over the frames, by what each frame adds to it.

    Args:
        reference: features of the reference, arrays (heads, 29, frames)
        degraded: features of the degraded signal

    Returns:
        shares >= 0, shape (heads, 13, 29, frames); over the frames they sum to 1
    """
    _, weight, pairs = feature_pairs(reference, degraded)
    weight = np.asarray(weight, dtype=float)
    nothing = np.zeros((3, *weight.shape))
    parts = [
        nothing
        if pair is None
        else _parts(pair, weight, LEVEL_CEILING if name == "level" else np.inf)
        for name, pair in pairs.items()
    ]
    kinds = [part[kind] for kind in range(3) for part in parts]
    coherence = pairs["coherence"]
    sizes = FeaturePair(np.abs(coherence.reference), np.abs(coherence.degraded), coherence.valid)
    share = np.stack([*kinds, _parts(sizes, weight)[1]], axis=1)
    total = share.sum(-1, keepdims=True)
    # where nothing differs there is nothing to split: any shares that sum to 1 will do
    return np.where(total > 0, share / np.where(total > 0, total, 1), weight[:, None])


def _parts(pair: FeaturePair, weight: NDArray, ceiling: float = np.inf) -> NDArray:
    """What each frame adds to frame difference, mean and spread, shape (3, heads, 29, frames)."""
    kind = complex if np.iscomplexobj(pair.reference) else float
    reference, degraded = (np.asarray(x, dtype=kind) for x in pair[:2])
    change = degraded - reference
    frame = weight * np.abs(change).clip(max=ceiling)
    within = np.where(pair.valid, weight, 0)
    within = within / np.maximum(within.sum(-1, keepdims=True), np.finfo(float).tiny)
    shift = (within * change).sum(-1, keepdims=True)
    mean = within * (change * np.conj(shift)).real
    means = [(within * x).sum(-1, keepdims=True) for x in (reference, degraded)]
    squares = [np.abs(x - m) ** 2 for x, m in zip((reference, degraded), means, strict=True)]
    variance = within * (squares[1] - squares[0])
    spread = variance * np.sign(variance.sum(-1, keepdims=True))
    return np.stack([frame, mean, spread]).clip(min=0)
