"""The metric in the form that training loops know: a `torchmetrics.Metric`; and as a loss.

Needs the extra `torch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qastanet.errors import InputError
from qastanet.lazy import need

need("torch", "torchmetrics")

import torch  # noqa: E402
import torchmetrics  # noqa: E402

from qastanet.scoring.loading import load_model  # noqa: E402
from qastanet.sound.sampling import SAMPLING_RATE  # noqa: E402

if TYPE_CHECKING:
    from qastanet.models.model import QASTAnet


class QualityMetric(torchmetrics.Metric):
    """Mean predicted quality of many pairs.

    A metric as any of torchmetrics: its state, a sum and a count, follows `to(device)`, is added up
    over the processes of a distributed run, and it goes into a `MetricCollection`.

    Args:
        model: name (see `qastanet.scoring.loading.load_model`) or model
        sampling_rate: of the signals in Hz; must be 48000
        options: of `torchmetrics.Metric`

    Raises:
        InputError: for another sampling rate
        MissingExtraError: on import, if PyTorch or torchmetrics is not installed

    Example:
        >>> from qastanet.models.model import QASTAnet
        >>> from qastanet.models.network import DifferenceNetwork
        >>> metric = QualityMetric(QASTAnet(DifferenceNetwork(3)))
        >>> metric.update(torch.randn(2, 2, 4800), torch.randn(2, 2, 4800))
        >>> metric.compute().shape, metric.pairs.item()
        (torch.Size([]), 2)
    """

    higher_is_better = True
    is_differentiable = True
    full_state_update = False
    plot_lower_bound = 0.0
    plot_upper_bound = 1.0

    total: torch.Tensor
    """Sum of the scores."""
    pairs: torch.Tensor
    """Number of the pairs."""

    def __init__(
        self, model: str | QASTAnet = "default", sampling_rate: int = SAMPLING_RATE, **options: Any
    ):
        super().__init__(**options)
        if sampling_rate != SAMPLING_RATE:
            raise InputError(
                f"sampling rate {sampling_rate} Hz: resample to {SAMPLING_RATE} Hz first"
            )
        self.model = load_model(model) if isinstance(model, str) else model
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("pairs", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, preds: torch.Tensor, target: torch.Tensor) -> None:
        """Add a batch.

        Args:
            preds: degraded signals, shape (batch, channels, samples)
            target: references, the same shape
        """
        scores = self.model(target, preds)
        self.total = self.total + scores.sum().to(self.total)
        self.pairs = self.pairs + len(scores)

    def compute(self) -> torch.Tensor:
        """Return the mean score of all pairs, 0..1.

        Raises:
            InputError: if there is none yet
        """
        if not self.pairs:
            raise InputError("no pairs yet: call update before compute")
        return self.total / self.pairs

    def plot(self, val: Any = None, ax: Any = None) -> tuple:
        """Draw the mean score, or several of them one after another.

        Args:
            val: what `compute` or `forward` returned, or a list of it; default: of this moment
            ax: matplotlib axis to draw on

        Returns:
            figure and axis
        """
        return self._plot(val, ax)


def quality_loss(degraded: torch.Tensor, reference: torch.Tensor, model: QASTAnet) -> torch.Tensor:
    """Return 1 - quality, averaged over a batch: a differentiable loss.

    With the model "default" it is 0 where nothing differs, and has a kink there (it grows with the
    size of the differences, not with their square): let the learning rate fall towards the end.

    Args:
        degraded: shape (batch, channels, samples), at 48 kHz; gradients flow into it
        reference: the same shape
        model: of `qastanet.scoring.loading.load_model`

    Returns:
        the loss, 0..1, without dimensions

    Example:
        Find by how many dB a signal must be raised to sound as its reference. An equaliser, a
        decoder or a codec is fitted likewise.

        >>> reference = 0.1 * torch.randn(1, 2, 4800, generator=torch.Generator().manual_seed(0))
        >>> coded = reference * 10 ** (-6 / 20)
        >>> gain, model = torch.zeros(1, requires_grad=True), load_model()
        >>> optimiser = torch.optim.Adam([gain], lr=1.5)
        >>> schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 20)
        >>> for _ in range(20):
        ...     optimiser.zero_grad()
        ...     quality_loss(coded * 10 ** (gain / 20), reference, model).backward()
        ...     _ = optimiser.step(), schedule.step()
        >>> round(gain.item())
        6
    """
    return 1 - model(reference, degraded).mean()
