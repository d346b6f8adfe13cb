"""BINAQUAL: similarity of localisation of binaural sounds, from the phases of both ears.

The similarity of phase spectrograms that Ambiqual works out per channel (vNSIM, see
`qastanet.rivals.ambiqual`) is taken of each ear; their product is the localisation similarity (LS).

Source: Shariat Panah, Barry, Ragano, Skoglund, Hines, "BINAQUAL: A Full-Reference Objective
Localization Similarity Metric for Binaural Audio", 2025 (arXiv:2505.11915), and the behaviour of
the authors' release (github.com/QxLabIreland/Binaqual, commit 6c9f726), whose outputs are matched
within 1e-6.

Kept from the release, although one might wish otherwise: what is kept in `qastanet.rivals.ambiqual`
(no resampling, the last partial patch is not looked at, phases are compared as numbers), and that a
signal of one channel counts 0.1 for the missing ear. Left out: the mask of the release at -180 dB,
which drops nothing that a float can show.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike

from qastanet.errors import InputError
from qastanet.rivals.ambiqual import ABSENT, channel_similarity, check_spectra
from qastanet.rivals.emobiq import default_decoder
from qastanet.sound.checks import AMBISONIC_CHANNELS
from qastanet.sound.sampling import SAMPLING_RATE, resample


def binaqual(reference: ArrayLike, degraded: ArrayLike, sampling_rate: int) -> dict[str, float]:
    """Compare the localisation of a degraded binaural or ambisonic signal with its reference.

    Args:
        reference: shape (2, samples), left and right ear at any rate, not resampled, full scale 1;
            or (1, samples), one ear; or 4, 9 or 16 channels of ambisonics (ACN, SN3D), which are
            resampled to 48 kHz and decoded to the ears (`qastanet.rivals.emobiq.default_decoder`).
        degraded: same shape, time-aligned.
        sampling_rate: Hz; of influence for ambisonics only.

    Returns:
        ``ls``, the localisation similarity, and ``vnsim_left`` and ``vnsim_right``, whose product
        it is: about 0..1, 1 the best.

    Raises:
        InputError: if the shapes differ, the number of channels is none of these, or the signals
            are shorter than one patch (0.48 s at 48 kHz) or not finite.

    Example:
        >>> ears = np.random.default_rng(0).standard_normal((2, 48000))
        >>> binaqual(ears, ears[::-1], 48000)["ls"] < 0.1
        True
        >>> round(binaqual(ears[:1], ears[:1], 48000)["ls"], 4)
        0.1
    """
    pair = [np.asarray(signal, dtype=float) for signal in (reference, degraded)]
    check_spectra(*pair)
    channels = len(pair[0])
    if channels in AMBISONIC_CHANNELS:
        decode = default_decoder(AMBISONIC_CHANNELS[channels])
        at_rate = (resample(x, sampling_rate, SAMPLING_RATE) for x in pair)
        pair = [decode(torch.from_numpy(x)).numpy() for x in at_rate]
        check_spectra(*pair)
    elif channels > 2:
        raise InputError(
            f"BINAQUAL needs 2 channels (binaural) or 4, 9 or 16 (ambisonics), got {channels}"
        )
    ears = [channel_similarity(r, d) for r, d in zip(*pair, strict=True)]
    left, right = [*ears, ABSENT][:2]
    return {"ls": left * right, "vnsim_left": left, "vnsim_right": right}
