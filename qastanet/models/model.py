"""QASTAnet from waveforms to a score: the wiring of the steps, nothing else."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from qastanet.errors import InputError
from qastanet.hearing.differences import FEATURE_NAMES, differences
from qastanet.hearing.directiveness import directiveness
from qastanet.hearing.fast import front_end as fast
from qastanet.hearing.features import Features, binaural_features
from qastanet.models.network import DifferenceNetwork
from qastanet.models.plain_network import SCORE_LIMIT, PlainNetwork
from qastanet.models.scorer import Scorer
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.checks import AMBISONIC_CHANNELS, check_channels
from qastanet.sound.precision import whole_precision
from qastanet.sound.sampling import FRAME

FRONT_ENDS = ("auto", "torch", "fast")
"""How features are computed."""


def _where_real(
    scores: torch.Tensor, reference: torch.Tensor, degraded: torch.Tensor
) -> torch.Tensor:
    """Return scores (batch,), NaN where a signal has samples that are not finite, or overflow.

    Differences of such samples are no number, and must not pass for no difference.

    Example:
        >>> bad = torch.tensor([[[0.0, torch.inf]], [[0.0, 1.0]]])
        >>> _where_real(torch.ones(2), torch.zeros(2, 1, 2), bad)
        tensor([nan, 1.])
    """
    signals = (whole_precision(x.detach()) for x in (reference, degraded))
    energies = sum(signal.square().sum((-2, -1)) for signal in signals)
    return torch.where(torch.isfinite(energies), scores, torch.nan)


def _is_transformed(signal: torch.Tensor) -> bool:
    """Tell whether a transform of `torch.func` is at work."""
    return torch._C._functorch.is_functorch_wrapped_tensor(signal)


class QASTAnet(nn.Module):
    """Predict the quality of a degraded spatial signal against its reference.

    Ambisonic signals are decoded to the ears of each head; binaural signals are taken as they are.
    With several heads the scores are averaged. Differentiable from the waveforms to the score.

    Args:
        network: maps difference maps to a score; its number of features decides what it can rate:
            with 4 ambisonics only (directiveness needs it), with 3 binaural signals too
        decoders: one ambisonics-to-binaural decoder per head
        floor_ears: see `qastanet.hearing.features.binaural_features`
        front_end: "torch" computes the features with PyTorch, with gradients and on any device;
            "fast" by `qastanet.hearing.fast`, in single precision on the CPU, several times faster;
            "auto" takes the fast one where it serves
        name: what the model is called in results

    Shape:
        - reference, degraded: (batch, channels, samples) at 48 kHz; 4, 9 or 16 channels of
          ambisonics (ACN, SN3D), or 2 of binaural sound. Computed in float64 if it is that, else in
          float32, also under autocast.
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
        front_end: str = "auto",
    ):
        super().__init__()
        if front_end not in FRONT_ENDS:
            raise InputError(f"front end '{front_end}' is unknown: {', '.join(FRONT_ENDS)}")
        self.network = network
        self.decoders = nn.ModuleList(decoders)
        self.floor_ears = floor_ears
        self.name = name
        self.front_end = front_end

    @property
    def directive(self) -> bool:
        """Whether directiveness is compared."""
        return self.network.n_features == len(FEATURE_NAMES)

    @property
    def filters(self) -> tuple[np.ndarray, ...]:
        """Binaural filters (2, channels, taps) of each head."""
        return tuple(decode.filters.detach().cpu().float().numpy() for decode in self.decoders)

    def scorer(self) -> Scorer:
        """Return the model without PyTorch, for scores on the CPU."""
        state = self.network.state_dict()
        arrays = {name: tensor.cpu().float().numpy() for name, tensor in state.items()}
        network = PlainNetwork(arrays, self.network.pooling_name)
        return Scorer(self.name, network, self.filters, self.floor_ears, self.directive)

    def features(self, signal: torch.Tensor, front_end: str | None = None) -> Features:
        """Compute the features of one signal.

        Args:
            signal: (batch, channels, samples)
            front_end: default: that of the model

        Returns:
            features of shape (batch, heads, 29, frames); one head for binaural signals
        """
        signal = whole_precision(signal)
        if self._takes_fast_path(signal) and front_end != "torch":
            options = (self.filters, self.floor_ears, self.directive)
            each = [fast.features(x, *options) for x in signal.detach().numpy()]
            stacked = (None if m[0] is None else np.stack(m) for m in zip(*each, strict=True))
            return Features(*(None if m is None else torch.from_numpy(m) for m in stacked))
        if signal.shape[-2] == 2:
            return binaural_features(signal.unsqueeze(-3), self.floor_ears)
        ears = torch.stack([decode(signal) for decode in self.decoders], dim=-3)
        features = binaural_features(ears, self.floor_ears)
        if not self.directive:
            return features
        flow = directiveness(signal).unsqueeze(-3).expand_as(features.ild)
        return features._replace(directiveness=flow)

    def _takes_fast_path(self, signal: torch.Tensor) -> bool:
        """Tell whether the compiled front end serves; refuse if it is asked for and cannot."""
        tensors = [signal, *(decode.filters for decode in self.decoders)]
        gradient = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        plain = signal.dtype == torch.float32 and all(t.device.type == "cpu" for t in tensors)
        plain = plain and not torch.compiler.is_compiling() and not _is_transformed(signal)
        if self.front_end == "fast" and (gradient or not plain):
            raise InputError(
                "the fast front end takes float32 on the CPU and has no gradients; use "
                "front_end='torch' or 'auto'"
            )
        return self.front_end != "torch" and plain and not gradient

    def differences(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Compute the difference maps of a pair, shape (batch, heads, features, 29, frames)."""
        self._check(reference, degraded)
        return differences(self.features(reference), self.features(degraded))

    def score_differences(self, maps: torch.Tensor) -> torch.Tensor:
        """Map difference maps (batch, heads, features, 29, frames) to scores (batch,)."""
        return self.network(maps).mean(-1).clamp(SCORE_LIMIT, 1 - SCORE_LIMIT)

    def forward(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Score a batch of pairs; of one with a sample that is no number the score is NaN."""
        self._check(reference, degraded)
        with torch.autocast(reference.device.type, enabled=False):
            return _where_real(self._scores(reference, degraded), reference, degraded)

    def _scores(self, reference: torch.Tensor, degraded: torch.Tensor) -> torch.Tensor:
        """Score pairs of numbers."""
        return self.score_differences(self.differences(reference, degraded))

    def _check(self, reference: torch.Tensor, degraded: torch.Tensor) -> None:
        """Refuse pairs that the steps behind would misunderstand."""
        if reference.ndim != 3 or reference.shape != degraded.shape:
            raise InputError(
                "reference and degraded must share one shape (batch, channels, samples), got "
                f"{tuple(reference.shape)} and {tuple(degraded.shape)}"
            )
        channels, samples = reference.shape[-2:]
        if channels != 2 and channels not in AMBISONIC_CHANNELS:
            raise InputError(
                f"{channels} channels: give 2 (binaural) or 4, 9 or 16 (ambisonics of order 1..3)"
            )
        decoders = [decode.filters.shape[1] for decode in self.decoders]
        check_channels(channels, self.name, self.directive, decoders)
        if samples < FRAME:
            raise InputError(
                f"{samples} samples are less than one frame of {FRAME} (40 ms at 48 kHz): give a "
                "longer signal"
            )
