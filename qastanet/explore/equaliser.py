"""An equaliser whose gains are learnt: what is fitted by gradient in the notebook on the loss."""

import torch
from torch import nn

from qastanet.sound.sampling import SAMPLING_RATE

CENTRES = (250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0)
"""Centres of its bands in Hz, an octave apart."""

LOWEST = 50.0
"""Below this frequency (Hz) the gain stays what it is here."""


class Equaliser(nn.Module):
    """Change a signal by a gain in dB in each octave, blending from one to the next.

    Linear phase zero, circular over the signal.

    Args:
        gains: in dB, in the order of CENTRES; what is learnt

    Shape:
        - signal: (..., samples) at 48 kHz
        - output: the same

    Example:
        >>> louder = Equaliser([6.0206] * 6)(torch.ones(4800))
        >>> round(louder.max().item(), 3)
        2.0
    """

    def __init__(self, gains: list[float]):
        super().__init__()
        self.gains = nn.Parameter(torch.tensor(gains))
        self.register_buffer("centres", torch.tensor(CENTRES))

    def response(self, frequency: torch.Tensor) -> torch.Tensor:
        """Return the gain in dB at frequencies in Hz."""
        octaves = torch.log2(frequency.clamp(min=LOWEST)[:, None] / self.centres)
        return torch.softmax(-4 * octaves.square(), dim=1) @ self.gains

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Filter a signal."""
        samples = signal.shape[-1]
        frequency = torch.fft.rfftfreq(samples, 1 / SAMPLING_RATE, device=signal.device)
        gain = 10 ** (self.response(frequency) / 20)
        return torch.fft.irfft(torch.fft.rfft(signal) * gain, samples)
