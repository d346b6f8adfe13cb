"""QASTAnet from waveforms to a score: the wiring of the steps, nothing else."""

from collections.abc import Sequence

import torch
from torch import nn

from qastanet.audio import AMBISONIC_CHANNELS
from qastanet.binaural import BinauralDecoder
from qastanet.differences import FEATURE_NAMES, differences
from qastanet.directiveness import directiveness
from qastanet.envelope import FRAME
from qastanet.errors import InputError
from qastanet.features import Features, binaural_features
from qastanet.network import SCORE_LIMIT, DifferenceNetwork


class QASTAnet(nn.Module):
    """Predict the quality of a degraded spatial signal against its reference.

    Ambisonic signals are decoded to the ears of each head; binaural signals are taken as they are.
    With several heads the scores are averaged. Differentiable from the waveforms to the score.

    Args:
        network: maps difference maps to a score; its number of features decides what it can rate:
            with 4 ambisonics only (directiveness needs it), with 3 binaural signals too
        decoders: one ambisonics-to-binaural decoder per head
        floor_ears: see `qastanet.features.binaural_features`
        name: what the model is called in results

    Shape:
        - reference, degraded: (batch, channels, samples) at 48 kHz; 4, 9 or 16 channels of
          ambisonics (ACN, SN3D), or 2 of binaural sound
        - output: (batch,), 1e-3..1 - 1e-3

    Raises:
        InputError: for shapes that cannot be rated

    Example:
        >>> model = QASTAnet(DifferenceNetwork(n_features=3))
        >>> pair = torch.randn(2, 1, 2, 4800)
        >>> model(*pair).shape
        torch.Size([1])
    """

    def __init__(
        self,
        network: DifferenceNetwork,
        decoders: Sequence[BinauralDecoder] = (),
        floor_ears: bool = True,
        name: str = "untrained",
    ):
        super().__init__()
        self.network = network
        self.decoders = nn.ModuleList(decoders)
        self.floor_ears = floor_ears
        self.name = name

    def features(self, signal: torch.Tensor) -> Features:
        """Compute the features of one signal.

        Args:
            signal: (batch, channels, samples)

        Returns:
            features of shape (batch, heads, 29, frames); one head for binaural signals
        """
        if signal.shape[-2] == 2:
            return binaural_features(signal.unsqueeze(-3), self.floor_ears)
        ears = torch.stack([decode(signal) for decode in self.decoders], dim=-3)
        features = binaural_features(ears, self.floor_ears)
        if self.network.n_features < len(FEATURE_NAMES):
            return features
        flow = directiveness(signal).unsqueeze(-3).expand_as(features.ild)
        return features._replace(directiveness=flow)

    def differences(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Compute the difference maps of a pair, shape (batch, heads, features, 29, frames)."""
        self._check(reference, degraded)
        return differences(self.features(reference), self.features(degraded))

    def score_differences(self, maps: torch.Tensor) -> torch.Tensor:
        """Map difference maps (batch, heads, features, 29, frames) to scores (batch,)."""
        return self.network(maps).mean(-1).clamp(SCORE_LIMIT, 1 - SCORE_LIMIT)

    def forward(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Score a batch of pairs."""
        return self.score_differences(self.differences(reference, degraded))

    def _check(self, reference: torch.Tensor, degraded: torch.Tensor) -> None:
        """Refuse pairs that the steps behind would misunderstand."""
        if reference.ndim != 3 or reference.shape != degraded.shape:
            raise InputError(
                "reference and degraded must share one shape (batch, channels, samples), got "
                f"{tuple(reference.shape)} and {tuple(degraded.shape)}"
            )
        channels, samples = reference.shape[-2:]
        if channels == 2 and self.network.n_features == len(FEATURE_NAMES):
            raise InputError(
                f"the model '{self.name}' compares directiveness, which a binaural signal (2 "
                "channels) does not have. Score the ambisonic signals it was rendered from, or use "
                "a model with three features."
            )
        if channels != 2 and channels not in AMBISONIC_CHANNELS:
            raise InputError(
                f"{channels} channels: give 2 (binaural) or 4, 9 or 16 (ambisonics of order 1..3)"
            )
        if channels != 2 and not self.decoders:
            raise InputError(
                f"{channels} channels: this model has no binaural decoder. Construct it with one."
            )
        if samples < FRAME:
            raise InputError(
                f"{samples} samples are less than one frame of {FRAME} (40 ms at 48 kHz): give a "
                "longer signal"
            )
