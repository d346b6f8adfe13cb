"""Where quality is lost: the loss 1 - score, shared out over parts, bands and frames.

**Method.** Integrated Gradients [1]_, that is the Aumann-Shapley value [2]_, along the straight
path from "no difference" to the parts x_k of the pair. The distance D is a p-norm, so that along
this path each part has the same share x_k^p / D^p of every step: it gets that share of the loss.
Within a part each band gets what it adds to the mean over bands. The shares are complete (they add
up to 1 - score), never negative, and zero where nothing differs.

**Over time** the loss of a part in a band is split by convention, in proportion to what each frame
adds: to a mean of differences (level, place) its own; to a difference of long-term means (width,
phase) how far it pulls the mean to where it went, or nothing if it pulls the other way; to a change
of what moves (fluctuation, movement) how much it adds to the change of the variance, likewise; a
gain lies in all frames.

References:
    .. [1] M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", ICML 2017.
    .. [2] R. J. Aumann, L. S. Shapley, "Values of non-atomic games", Princeton 1974.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qastanet.errors import InputError
from qastanet.hearing.features import Features
from qastanet.hearing.parts import (
    PARTS,
    SHIPPED,
    Cells,
    cells,
    held_levels,
    level_differences,
    parts,
    place_differences,
)
from qastanet.models.parts_model import PartsScorer, PartsScores, compressed
from qastanet.models.scorer import Scorer

WORDS = {
    "level": ("sound missing", "sound added"),
    "fluctuation": ("level fluctuates less", "level fluctuates more"),
    "width": ("wider image", "narrower image"),
    "phase": ("other phase between the ears", "other phase between the ears"),
    "place": ("image moved to the right", "image moved to the left"),
    "movement": ("image moves less", "image moves more"),
    "gain": ("softer as a whole", "louder as a whole"),
}
"""What a part says, if it fell and if it grew."""


@dataclass(frozen=True)
class Attribution:
    """A score, and where the rest to 1 went.

    Attributes:
        score: 0..1.
        low: lower bound of the interval in which 90 % of mean ratings are expected.
        high: upper bound.
        loss: of PARTS, bands and frames, shape (7, 29, frames); all >= 0, sum 1 - score.
        words: what each part says of this pair.
    """

    score: float
    low: float
    high: float
    loss: NDArray
    words: tuple[str, ...]

    @property
    def by_part(self) -> dict[str, float]:
        """The loss of each part.

        Example:
            >>> loss = np.full((7, 29, 2), 0.001)
            >>> found = Attribution(0.594, 0.4, 0.8, loss, ("",) * 7)
            >>> round(found.by_part["width"], 3)
            0.058
        """
        return dict(zip(PARTS, self.loss.sum((1, 2)).tolist(), strict=True))

    @property
    def by_band(self) -> NDArray:
        """The loss of each part in each band, shape (7, 29)."""
        return self.loss.sum(2)

    @property
    def over_time(self) -> NDArray:
        """The loss of each part in each frame, shape (7, frames)."""
        return self.loss.sum(1)

    @property
    def sentences(self) -> list[str]:
        """The parts in which at least a point is lost, the largest first.

        Example:
            >>> loss = np.zeros((7, 29, 1))
            >>> loss[2] = 0.12 / 29
            >>> Attribution(0.88, 0.7, 1.0, loss, tuple(x[1] for x in WORDS.values())).sentences
            ['narrower image: 12 points']
        """
        losses = zip(self.by_part.values(), self.words, strict=True)
        return [f"{words}: {100 * x:.0f} points" for x, words in sorted(losses)[::-1] if x >= 0.01]


def explain(reference: Features, degraded: Features, scorer: Scorer) -> Attribution:
    """Tell in which parts, bands and frames a pair loses quality.

    Args:
        reference: features of the reference, of `scorer.features`
        degraded: features of the degraded signal
        scorer: of the model "default"

    Raises:
        InputError: for another model

    Example:
        >>> from qastanet.models.parts_model import load_default
        >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 2, 9600))
        >>> scorer = load_default()
        >>> found = explain(*(scorer.features(x) for x in noise), scorer)
        >>> bool(np.isclose(found.loss.sum(), 1 - found.score)), found.loss.shape
        (True, (7, 29, 5))
    """
    check_explainable(scorer)
    compared = cells(reference, degraded)
    each = attribute(parts(reference, degraded), scorer.network)
    loss = (each[..., None] * frame_shares(compared)).mean(0)
    low, high = scorer.interval(reference, degraded)
    words = tuple(WORDS[name][int(x > 0)] for name, x in zip(PARTS, signs(compared), strict=True))
    return Attribution(scorer.score(reference, degraded), low, high, loss, words)


def check_explainable(scorer: Scorer) -> None:
    """Refuse a model whose loss cannot be attributed.

    Raises:
        InputError: naming the model and the remedy
    """
    if not isinstance(scorer, PartsScorer):
        raise InputError(
            f"model '{scorer.name}' cannot be explained: it is not made of parts, and does not "
            "rate identical signals as 1, so its loss does not come from differences alone. Take "
            "the model 'default'."
        )


def attribute(values: NDArray, network: PartsScores) -> NDArray:
    """Attribute the loss 1 - score to parts and bands.

    Args:
        values: parts >= 0, shape (heads, 7, 29)
        network: the model

    Returns:
        the same shape, >= 0; the sum of each head is 1 - score
    """
    bands = compressed(values, network.units)
    means = bands.mean(-1)
    largest = means.max(-1, keepdims=True)
    power = np.divide(means, largest, out=np.zeros_like(means), where=largest > 0) ** network.norm
    share = power / np.where(largest > 0, power.sum(-1, keepdims=True), 1)
    within = bands / np.where(means > 0, means * bands.shape[-1], 1)[..., None]
    return (1 - network(values))[:, None, None] * share[..., None] * within


def signs(c: Cells) -> NDArray:
    """Tell of each part whether it fell (negative) or grew, summed over heads and bands."""
    change, (reference, degraded) = c.level[1] - c.level[0] - c.gain, held_levels(c, SHIPPED)
    deviations = [_variance(x, c.weight) for x in (reference, degraded)]
    movements = [_variance(x, c.heard) for x in c.ild]
    found = [
        c.weight * change,
        deviations[1] - deviations[0],
        c.coherent * (np.abs(c.coherence[1]) - np.abs(c.coherence[0])),
        np.ones(1),
        c.heard * place_differences(c, SHIPPED),
        movements[1] - movements[0],
        c.gain,
    ]
    return np.array([np.sum(each) for each in found])


def frame_shares(c: Cells) -> NDArray:
    """Split each part over the frames, by what each frame adds to it.

    Args:
        c: of `qastanet.hearing.parts.cells`, arrays (heads, 29, frames)

    Returns:
        shares >= 0, shape (heads, 7, 29, frames); over the frames they sum to 1
    """
    frames = c.weight.shape[-1]
    difference, weight = level_differences(c, SHIPPED)
    repeated = np.repeat(weight * difference, max(1, frames // weight.shape[-1]), axis=-1)
    level = np.zeros(c.weight.shape)
    level[..., : repeated.shape[-1]] = repeated[..., :frames]
    magnitudes = [np.abs(x) for x in c.coherence]
    fluctuation = [_variance(x, c.weight) for x in held_levels(c, SHIPPED)]
    movement = [_variance(x, c.heard) for x in c.ild]
    share = np.stack(
        [
            level,
            _added(fluctuation[1] - fluctuation[0]),
            _pulled(magnitudes[1] - magnitudes[0], c.coherent),
            _pulled(c.coherence[1] - c.coherence[0], c.coherent),
            c.heard * np.abs(place_differences(c, SHIPPED)),
            _added(movement[1] - movement[0]),
            c.weight,
        ],
        axis=1,
    )
    total = share.sum(-1, keepdims=True)
    # where nothing differs there is nothing to split: any shares that sum to 1 will do
    return np.where(total > 0, share / np.where(total > 0, total, 1), 1 / frames)


def _variance(x: NDArray, weight: NDArray) -> NDArray:
    """What each frame adds to the variance over time."""
    return weight * np.square(x - (weight * x).sum(-1, keepdims=True))


def _added(change: NDArray) -> NDArray:
    """What each frame adds to a change of its sum, or nothing if it works against it."""
    return (change * np.sign(change.sum(-1, keepdims=True))).clip(min=0)


def _pulled(change: NDArray, weight: NDArray) -> NDArray:
    """How far each frame pulls a mean to where it went."""
    shift = (weight * change).sum(-1, keepdims=True)
    return (weight * (change * np.conj(shift)).real).clip(min=0)
