"""The monotone network: quality can only fall as a difference grows.

Statistics of the differences (`qastanet.hearing.feature_statistics`) x[k, b] >= 0 are added up with
non-negative weights over statistics k and bands b, and

    score = exp(-(sum of w[k, b] x[k, b]) ^ e)
    w[k, b] = w[k] exp(sum over j of a[k, j] cos(pi j (b + 1/2) / 29))

so two identical signals score exactly 1, and no weight can make a larger difference score higher.
Several members are trained side by side in one module; the score is the mean of theirs.

**Missing directiveness.** A binaural signal has none. What it would have said must then be told by
the other statistics: they get further weights, also non-negative, in that case alone.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from qastanet.hearing.feature_statistics import STATISTICS, needs_directiveness
from qastanet.hearing.gammatone import N_BANDS

COSINES = 2
"""Cosines over the band index that shape the weights of a statistic."""

LARGEST = math.log(1e4)
"""Logarithm of the largest loss: far beyond where the score is 0, but finite."""

START = math.log(1 / 30)
"""Initial logarithm of a weight, times the number of statistics over eight."""


class Member(NamedTuple):
    """What one member of the ensemble looks at.

    Attributes:
        statistics: names from `qastanet.hearing.feature_statistics.STATISTICS`.
        cosines: 0 for the same weight in all bands, up to COSINES.
        prior: weight of the synthetic pairs in fine-tuning; 0: pre-training alone carries them.
    """

    statistics: tuple[str, ...]
    cosines: int = 0
    prior: float = 0.0


def shapes() -> np.ndarray:
    """Return the cosines over the bands, shape (COSINES, 29).

    Example:
        >>> shapes().shape
        (2, 29)
    """
    position = (np.arange(N_BANDS) + 0.5) / N_BANDS
    return np.cos(math.pi * np.arange(1, COSINES + 1)[:, None] * position)


class MonotoneEnsemble(nn.Module):
    """Members that map statistics of a pair to scores.

    Args:
        members: what each looks at
        seed: of the initial weights

    Shape:
        - statistics: (pairs, 13, 29)
        - directive: (pairs,), whether the pair has directiveness
        - output: (pairs, members), 0..1

    Example:
        >>> ensemble = MonotoneEnsemble([Member(("frame_level", "mean_coherence"))])
        >>> ensemble(torch.zeros(2, 13, 29), torch.tensor([True, False])).squeeze(-1).tolist()
        [1.0, 1.0]
    """

    def __init__(self, members: Sequence[Member], seed: int = 0):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        size = (len(members), len(STATISTICS))
        used = torch.tensor([[name in m.statistics for name in STATISTICS] for m in members])
        cosines = torch.tensor([m.cosines for m in members])
        rank = torch.arange(COSINES)
        self.register_buffer("used", used.float())
        self.register_buffer("bent", (rank < cosines[:, None]).float()[:, None, :])
        self.register_buffer("shapes", torch.from_numpy(shapes()).float())
        self.register_buffer("others", torch.from_numpy(~needs_directiveness()).float())
        fewer = math.log(8) - used.sum(1, keepdim=True).log()
        start = START + fewer + 0.3 * torch.randn(size, generator=generator)
        self.log_weight = nn.Parameter(start)
        self.bend = nn.Parameter(0.1 * torch.randn(*size, COSINES, generator=generator))
        self.log_extra = nn.Parameter(torch.full(size, -4.5))
        self.log_exponent = nn.Parameter(torch.zeros(len(members)))

    def repeated(self, times: int) -> "MonotoneEnsemble":
        """Return an ensemble with these members several times over, all of them copies."""
        copy = MonotoneEnsemble.__new__(MonotoneEnsemble)
        nn.Module.__init__(copy)
        for name, tensor in self.state_dict().items():
            shared = name in ("shapes", "others")
            tensor = tensor.clone() if shared else tensor.repeat(times, *[1] * (tensor.ndim - 1))
            if name in dict(self.named_parameters()):
                copy.register_parameter(name, nn.Parameter(tensor))
            else:
                copy.register_buffer(name, tensor)
        return copy

    def weights(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weights with and without directiveness, (members, 13, 29) each."""
        band = torch.exp((self.bend * self.bent) @ self.shapes) * self.used[..., None]
        whole = torch.exp(self.log_weight)[..., None] * band
        extra = (torch.exp(self.log_extra) * self.others)[..., None] * band
        return whole, whole + extra

    def loss(self, statistics: torch.Tensor, directive: torch.Tensor) -> torch.Tensor:
        """Return the perceptual loss >= 0 of each member, (pairs, members)."""
        flat = statistics.flatten(1)
        with_it, without = (flat @ w.flatten(1).T for w in self.weights())
        total = torch.where(directive[:, None], with_it, without) * (8 / N_BANDS)
        exponent = torch.exp(self.log_exponent)
        # both branches of `where` must be finite, or the gradients are not
        most = torch.exp(LARGEST / exponent.detach())
        power = torch.minimum(total.clamp(min=1e-12), most) ** exponent
        return torch.where(total == 0, 0, power)  # what is not finite stays so

    def forward(self, statistics: torch.Tensor, directive: torch.Tensor) -> torch.Tensor:
        """Map statistics to the scores of the members."""
        return torch.exp(-self.loss(statistics, directive))

    def plain(self) -> dict[str, np.ndarray]:
        """Return the ensemble as arrays, for `plain_scores` and for files."""
        with_it, without = (w.detach().double().numpy() for w in self.weights())
        exponent = torch.exp(self.log_exponent).detach().double().numpy()
        return {"with": with_it, "without": without, "exponent": exponent}


def count_parameters(members: Sequence[Member]) -> int:
    """Count the numbers that training sets.

    Example:
        >>> count_parameters([Member(("frame_level", "mean_directiveness"), cosines=1)])
        6
    """
    missing = set(np.array(STATISTICS)[needs_directiveness()])
    total = 0
    for member in members:
        extra = len(set(member.statistics) - missing)
        total += len(member.statistics) * (1 + member.cosines) + extra + 1
    return total
