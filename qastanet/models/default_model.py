"""The shipped model as a PyTorch module, differentiable from the waveforms to the score."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from qastanet.hearing.differences import FEATURE_NAMES
from qastanet.hearing.feature_statistics import statistics
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import N_BANDS
from qastanet.models.interval import WIDTH
from qastanet.models.model import QASTAnet, where_real
from qastanet.models.monotone_scorer import WEIGHTS, read_weights
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.checks import AMBISONIC_CHANNELS


class MonotoneNetwork(nn.Module):
    """The trained ensemble: statistics (..., 13, 29) to scores (...)."""

    n_features = len(FEATURE_NAMES)
    pooling_name = None

    def __init__(self, with_it: torch.Tensor, without: torch.Tensor, exponent: torch.Tensor):
        super().__init__()
        self.register_buffer("with_directiveness", with_it)
        self.register_buffer("without_directiveness", without)
        self.register_buffer("exponent", exponent)

    def forward(self, values: torch.Tensor, directive: bool) -> torch.Tensor:
        """Map statistics to scores, the mean over the members."""
        weights = self.with_directiveness if directive else self.without_directiveness
        weights = weights.to(values)
        total = torch.einsum("...kb,mkb->...m", values, weights) * (8 / N_BANDS)
        # both branches of `where` must be finite, or the gradients are not
        power = total.clamp(min=1e-12) ** self.exponent.to(values)
        return torch.exp(-torch.where(total > 0, power, 0)).mean(-1)


class DefaultModel(QASTAnet):
    """Predict the quality of a degraded spatial signal; the model "default".

    Rates binaural signals and ambisonics of order 1 to 3. Quality falls monotonically with every
    difference that is compared, does not depend on the duration, and is exactly 1 for identical
    signals.

    Args:
        network: the trained ensemble
        decoders: one per head
        quantile: calibration of the interval
        name: what the model is called in results
        front_end: see `qastanet.models.model.QASTAnet`

    Shape:
        - reference, degraded: (batch, channels, samples) at 48 kHz, 2, 4, 9 or 16 channels
        - output: (batch,), 0..1

    Example:
        >>> model = load_default_model()
        >>> signal = 0.1 * torch.randn(1, 2, 4800)
        >>> model(signal, signal).item()
        1.0
    """

    rates_binaural = True

    def __init__(
        self,
        network: MonotoneNetwork,
        decoders: Sequence[BinauralDecoder],
        quantile: float,
        name: str = "default",
        front_end: str = "auto",
    ):
        super().__init__(network, decoders, True, name, front_end)
        self.quantile = quantile

    def forward(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Score a batch of pairs."""
        self._check(reference, degraded)
        # both at once, so that both go through the same front end and equal signals stay equal
        both = self.features(torch.cat([reference, degraded]))
        halves = zip(*(x.chunk(2) if x is not None else (None, None) for x in both), strict=True)
        values = statistics(*(Features(*half) for half in halves))
        scores = self.network(values, reference.shape[-2] in AMBISONIC_CHANNELS).mean(-1)
        return where_real(scores, reference, degraded)

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
    arrays = {key: torch.from_numpy(each) for key, each in read_weights(path).items()}
    network = MonotoneNetwork(*(arrays[key] for key in ("with", "without", "exponent")))
    decoders = [BinauralDecoder(arrays["filters"])]
    return DefaultModel(network, decoders, float(arrays["quantile"][0]), name).eval()
