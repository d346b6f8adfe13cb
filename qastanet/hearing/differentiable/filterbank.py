"""The gammatone bank in PyTorch: chunks of a signal filtered in the frequency domain.

The transfer functions are those of the recursive filters, and the chunks overlap by their ringing,
so the result equals the recursion to rounding, for any length and with gradients.
"""

import torch
from torch.nn import functional

from qastanet.hearing.differentiable import planned
from qastanet.hearing.differentiable.planned import Chunks
from qastanet.hearing.gammatone import RINGING


def spectra(signal: torch.Tensor, cut: Chunks) -> torch.Tensor:
    """Return the spectra of the chunks of a signal (..., samples), shape (..., chunks, bins)."""
    after = cut.samples - signal.shape[-1]
    padded = functional.pad(signal, (RINGING, after))
    return torch.fft.rfft(padded.unfold(-1, cut.length, cut.hop))


def band_parts(spectrum: torch.Tensor, responses: torch.Tensor, cut: Chunks) -> torch.Tensor:
    """Return real and imaginary parts of bands, shape (2, ..., bands, chunks, hop).

    Args:
        spectrum: of the chunks, shape (..., chunks, bins)
        responses: of `planned.bank`, of some bands
        cut: the chunks
    """
    leading = (1,) * (spectrum.ndim - 2)
    product = spectrum.unsqueeze(-3) * responses.reshape(2, *leading, *responses.shape[1:])
    return torch.fft.irfft(product, cut.length)[..., RINGING:]


def filterbank(signal: torch.Tensor, bands: slice = slice(None)) -> torch.Tensor:
    """Filter a signal into complex gammatone bands.

    Args:
        signal: real samples at 48 kHz
        bands: which of the 29 bands to compute; a few at a time saves memory

    Returns:
        complex band signals

    Shape:
        - signal: (..., samples)
        - output: (..., bands, samples)

    Example:
        >>> filterbank(torch.randn(2, 4800), slice(0, 4)).shape
        torch.Size([2, 4, 4800])
    """
    cut = planned.chunks(signal.shape[-1])
    responses = planned.bank(cut.length, signal.dtype, signal.device)[:, bands]
    real, imaginary = band_parts(spectra(signal, cut), responses, cut).flatten(-2)
    return torch.complex(real, imaginary)[..., : signal.shape[-1]]
