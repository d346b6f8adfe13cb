"""The shipped model as a PyTorch module, differentiable from the waveforms to the score."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from qastanet.hearing.features import Features
from qastanet.hearing.parts import parts
from qastanet.models.interval import WIDTH
from qastanet.models.model import QASTAnet
from qastanet.models.parts_model import (
    WEIGHTS,
    PartsScorer,
    PartsScores,
    distance,
    rated,
    read_weights,
    scores_of,
)
from qastanet.sound.binaural import BinauralDecoder


class PartsNetwork(nn.Module):
    """The numbers of the model: parts (..., 7, 29) to scores (...)."""

    n_features = 3
    """Difference maps of an auditory front end that needs no directiveness."""

    def __init__(self, numbers: PartsScores):
        super().__init__()
        self.register_buffer("units", torch.from_numpy(numbers.units))
        self.norm, self.strictness, self.curve = numbers[1:]

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        """Map parts to scores."""
        far = distance(values, self.units.to(values), self.norm)
        return rated(far, self.strictness, self.curve)


class DefaultModel(QASTAnet):
    """Predict the quality of a degraded spatial signal; the model "default".

    Rates binaural signals and ambisonics of order 1 to 3. Quality falls monotonically with every
    part in which the signals differ, hardly depends on the duration, and is exactly 1 for identical
    signals.

    Args:
        network: the numbers of the model
        decoders: one per head
        quantile: calibration of the interval
        name: what the model is called in results

    Shape:
        - reference, degraded: (batch, channels, samples) at 48 kHz, 2, 4, 9 or 16 channels
        - output: (batch,), 0..1

    Example:
        >>> model = load_default_model()
        >>> signal = 0.1 * torch.randn(1, 2, 4800)
        >>> model(signal, signal).item()
        1.0
    """

    def __init__(
        self,
        network: PartsNetwork,
        decoders: Sequence[BinauralDecoder],
        quantile: float,
        name: str = "default",
    ):
        super().__init__(network, decoders, True, name)
        self.quantile = quantile

    def _scores(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Score pairs; both signals take the same front end, so that equal ones stay equal."""
        alike = reference.requires_grad == degraded.requires_grad
        if alike and reference.is_cuda:  # fewer and larger kernels
            both = self.features(torch.cat([reference, degraded]))[:3]
            pair = [Features(*half) for half in zip(*(x.chunk(2) for x in both), strict=True)]
        else:  # what has no gradient has no part in the backward pass
            front_end = None if alike else "torch"
            pair = [self.features(signal, front_end) for signal in (reference, degraded)]
        return self.network(parts(*pair)).mean(-1)

    def scorer(self) -> PartsScorer:
        """Return the model without PyTorch."""
        numbers = self.network
        scores = PartsScores(
            numbers.units.cpu().numpy(), numbers.norm, numbers.strictness, numbers.curve
        )
        return PartsScorer(self.name, scores, self.filters, True, False, self.quantile)

    def interval(
        self, reference: torch.Tensor, degraded: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return low and high (batch,) between which 90 % of mean ratings are expected."""
        score = self(reference, degraded)
        half = self.quantile * torch.sqrt(score * (1 - score) + WIDTH**2)
        return (score - half).clamp(0, 1), (score + half).clamp(0, 1)


def load_default_model(path: str | Path = WEIGHTS, name: str = "default") -> DefaultModel:
    """Load the shipped model, or one of its kind.

    Args:
        path: weights file, by default the one in the package
        name: what the model is called in results

    Raises:
        InputError: if it is no such file
    """
    arrays = read_weights(path)
    decoders = [BinauralDecoder(torch.from_numpy(arrays["filters"]))]
    network = PartsNetwork(scores_of(arrays))
    return DefaultModel(network, decoders, float(arrays["quantile"][0]), name).eval()
