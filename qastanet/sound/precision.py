"""The precision in which PyTorch computes here: single, or double if a signal is given so."""

from __future__ import annotations

from qastanet.lazy import torch


def whole_precision(signal: torch.Tensor) -> torch.Tensor:
    """Return a signal in the precision in which it is computed; float16 and bfloat16 have too few.

    Example:
        >>> whole_precision(torch.ones(2, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return signal if signal.dtype == torch.float64 else signal.float()
