"""The small network that maps difference maps to a score, and its poolings over time."""

import torch
from torch import nn
from torch.nn import functional

from qastanet.hearing.gammatone import N_BANDS
from qastanet.models.plain_network import SLOPE

CHANNELS = 6
"""Values per frame that are pooled over time."""


class SumPooling(nn.Module):
    """Sum over frames: what the released weights were trained with. It grows with the duration."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (..., frames) to (...)."""
        return x.sum(-1)


class MaxPooling(nn.Module):
    """The largest frame."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (..., frames) to (...)."""
        return x.amax(-1)


class PNormPooling(nn.Module):
    """Generalised mean (mean |x|^p + 1e-6)^(1/p) over frames with a learnt exponent, 2 at first."""

    def __init__(self):
        super().__init__()
        self.p = nn.Parameter(torch.tensor(2.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (..., frames) to (...)."""
        return (x.abs().pow(self.p).mean(-1) + 1e-6).pow(1 / self.p)


class SwapPooling(nn.Module):
    """Softmax-weighted average pooling (SWAP), sum_t softmax(beta x)_t x_t, with a learnt beta.

    beta = 0 is the mean over frames, a large beta the maximum.

    Args:
        beta: initial sharpness
    """

    def __init__(self, beta: float = 1.0):
        super().__init__()
        self.beta = nn.Parameter(torch.tensor(beta))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pool (..., frames) to (...)."""
        return (torch.softmax(self.beta * x, -1) * x).sum(-1)


POOLINGS = {"sum": SumPooling, "max": MaxPooling, "p-norm": PNormPooling, "swap": SwapPooling}
"""The poolings by name."""


class DifferenceNetwork(nn.Module):
    """Map difference maps of a pair to a score (QASTAnet, figure 1 and section 2.3).

    A weight per feature and band, a pointwise perceptron over the features (16, 16, 6), a weighted
    sum over the bands, pooling over the frames, and a perceptron (16, 1) with a sigmoid: 729
    weights for four features, besides those of the pooling.

    Args:
        n_features: number of difference maps, 4 for ambisonics, 3 for binaural signals
        pooling: one of "sum", "max", "p-norm", "swap"

    Shape:
        - differences: (..., features, 29, frames)
        - output: (...), 0..1

    Example:
        >>> network = DifferenceNetwork(pooling="swap")
        >>> sum(p.numel() for p in network.parameters())
        730
        >>> network(torch.rand(5, 4, 29, 10)).shape
        torch.Size([5])
    """

    def __init__(self, n_features: int = 4, pooling: str = "swap"):
        super().__init__()
        self.n_features = n_features
        self.band_weight = nn.Parameter(torch.ones(n_features, N_BANDS))
        self.pointwise = nn.ModuleList(
            [nn.Linear(n_features, 16), nn.Linear(16, 16), nn.Linear(16, CHANNELS)]
        )
        self.over_bands = nn.Linear(N_BANDS, 1)
        self.pooling_name = pooling
        self.pooling = POOLINGS[pooling]()
        self.hidden = nn.Linear(CHANNELS, 16)
        self.output = nn.Linear(16, 1)

    def activity(self, differences: torch.Tensor) -> torch.Tensor:
        """Return what is pooled over time, shape (..., 6, frames)."""
        x = differences * self.band_weight.unsqueeze(-1)
        x = x.movedim(-3, -1)  # features last: (..., bands, frames, features)
        for layer in self.pointwise:
            x = functional.leaky_relu(layer(x), SLOPE)
        x = self.over_bands(x.movedim(-3, -1)).squeeze(-1)
        return functional.leaky_relu(x, SLOPE).transpose(-1, -2)

    def forward(self, differences: torch.Tensor) -> torch.Tensor:
        """Map difference maps to scores before clipping."""
        pooled = self.pooling(self.activity(differences))
        x = functional.leaky_relu(self.hidden(pooled), SLOPE)
        return torch.sigmoid(self.output(x)).squeeze(-1)
