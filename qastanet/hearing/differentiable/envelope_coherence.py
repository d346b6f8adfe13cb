"""From the sums of the bands to power and coherence, on envelopes kept at a low rate, in PyTorch.

Above 1.3 kHz the ears are compared by z = lowpass(e + i H(e)), where e is the envelope of a band
and H the Hilbert transform, circular over the signal. H and the low-pass commute but for the state
at rest from which the low-pass begins (`qastanet.hearing.differentiable.planned.Analysis`), so H
is taken of the low-passed envelope v, one value in eight samples, by a convolution with its kernel.
Frame sums of products are those of the values, corrected at the ends of a frame for what lies
between them. What the means over a step lack of the highest modulations is restored to second
order.
"""

import torch
from torch.nn import functional

from qastanet.hearing.differentiable import planned
from qastanet.hearing.differentiable.planned import ROW, SHARPENING, STEPS
from qastanet.hearing.envelope import lowpass_pole
from qastanet.sound.sampling import FRAME

ROWS = FRAME // ROW
"""Rows of a frame."""


def row_states(lasts: torch.Tensor) -> torch.Tensor:
    """Return the states of the low-pass before each row and after the last one.

    The state has gone after eight rows, p^1920 = 4e-17.

    Args:
        lasts: last states of the rows from rest, shape (..., rows)

    Returns:
        shape (..., rows + 1)

    Example:
        >>> [round(x, 4) for x in row_states(torch.tensor([1.0, 0.0])).tolist()]
        [0.0, 1.0, 0.009]
    """
    states = functional.pad(lasts, (1, 0))
    for rows in (1, 2, 4):
        earlier = functional.pad(states, (rows, 0))[..., : states.shape[-1]]
        states = states + lowpass_pole() ** (ROW * rows) * earlier
    return states


def envelope_sums(rows: torch.Tensor, states: torch.Tensor, frames: int) -> torch.Tensor:
    """Return the sums of the low-passed envelopes over frames.

    Args:
        rows: sums of the envelopes over rows, shape (..., rows)
        states: before each row, shape (..., rows + 1)
        frames: number of frames

    Returns:
        shape (..., frames)
    """
    sums = rows[..., : frames * ROWS].unflatten(-1, (frames, ROWS)).sum(-1)
    ends = states[..., : frames * ROWS + 1 : ROWS]
    return sums - (ends[..., 1:] - ends[..., :-1]) / (1 - lowpass_pole())


def analytic_envelopes(
    from_rest: torch.Tensor, states: torch.Tensor, samples: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return real and imaginary part of the low-passed analytic envelopes, one value a step.

    Args:
        from_rest: low-passed envelopes of rows from rest, shape (..., rows, values of a row)
        states: before each row, shape (..., rows + 1)
        samples: N

    Returns:
        each of shape (..., values)
    """
    plan = planned.analysis(samples, from_rest.dtype, from_rest.device)
    decay = planned.smoothing(from_rest.dtype, from_rest.device).decay
    real = torch.addcmul(from_rest, states[..., :-1, None], decay)
    real = real.flatten(-2)[..., : plan.values]
    final = -(-samples // ROW)
    at_end = states[..., final] * lowpass_pole() ** (samples - final * ROW)
    circular = torch.addcmul(real, at_end[..., None], plan.transient[0])
    last = circular @ plan.last
    if plan.uneven is not None:
        circular = circular * plan.uneven[0]
    spectrum = torch.fft.rfft(circular, plan.n_fft) * plan.kernel
    imaginary = torch.fft.irfft(spectrum, plan.n_fft)[..., : plan.values]
    if plan.uneven is not None:
        mean = circular.sum(-1, keepdim=True) * (STEPS[real.dtype] / samples)
        imaginary = imaginary - mean * plan.uneven[1]
    imaginary = torch.addcmul(imaginary, last[..., None], plan.transient[1], value=-1)
    return _sharpened(real) if STEPS[real.dtype] > 1 else real, imaginary


def _sharpened(means: torch.Tensor) -> torch.Tensor:
    """Return step means of what starts from rest less a 24th of their second difference."""
    padded = torch.cat([torch.zeros_like(means[..., :1]), means, means[..., -1:]], -1)
    beside = padded[..., :-2] + padded[..., 2:]
    return (1 + 2 * SHARPENING) * means - SHARPENING * beside


def frame_products(real: torch.Tensor, imaginary: torch.Tensor, frames: int) -> torch.Tensor:
    """Return the frame sums of |l|^2, |r|^2, Re and Im of l conj(r) of complex envelopes.

    Args:
        real: shape (batch, 2 ears, bands, values)
        imaginary: the same
        frames: number of frames

    Returns:
        shape (batch, 4, bands, frames)
    """
    step = STEPS[real.dtype]
    values = FRAME // step
    both = torch.stack([real[..., : frames * values], imaginary[..., : frames * values]], 1)
    both = both.unflatten(-1, (frames, values)).movedim((1, 2), (-3, -2)).flatten(-3, -2)
    gram = step * (both @ both.transpose(-1, -2))  # l, r of the real, then of the imaginary parts
    if step > 1:
        gram = gram + (step**2 - 1) / (24 * step) * _difference_at_ends(both)
    squares = gram.diagonal(dim1=-2, dim2=-1)
    left, right = squares[..., 0] + squares[..., 2], squares[..., 1] + squares[..., 3]
    re, im = gram[..., 0, 1] + gram[..., 2, 3], gram[..., 2, 1] - gram[..., 0, 3]
    return torch.stack([left, right, re, im], 1)


def _difference_at_ends(both: torch.Tensor) -> torch.Tensor:
    """Return by how much products grow per step at the end of a frame more than at its begin."""
    first, last = (both[..., k] for k in (0, -1))
    first, last = (x.unsqueeze(-1) * x.unsqueeze(-2) for x in (first, last))
    padding = (0, 0, 0, 0, 1, 0)
    before = functional.pad(last, padding)[..., :-1, :, :]  # at rest before the first frame
    growth = first - before
    after = functional.pad(growth[..., 1:, :, :], (0, 0, 0, 0, 0, 1))
    return after - growth
