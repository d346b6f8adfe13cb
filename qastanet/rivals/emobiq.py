"""eMoBi-Q: monaural and binaural quality from the same auditory front end as QASTAnet.

The bands, envelopes, coherence and hearing threshold are those of `qastanet.hearing.features`,
looked at in frames of 0.4 s. The differences between the signals are pooled by root mean squares,
without anything learnt; the overall quality is the lower of the monaural and the binaural one.

Source: B. Eurich, S. D. Ewert, M. Dietz, T. Biberger, "A computationally efficient model for
combined assessment of monaural and binaural audio quality", J. Audio Eng. Soc. (2024); also
`eurich2024` in the Auditory Modeling Toolbox 1.6.

Kept from the source, although one might wish otherwise:

* The binaural differences are *summed* over the frames, so a longer pair has the lower binaural
  quality. Compare durations that are alike.
* The last whole frame is not used: less than two frames (0.8 s) cannot be rated.
* Levels count, through the hearing threshold. The authors raised their files by 15 dB, that is,
  ``full_scale_level=115``; the default here is the 100 dB SPL of
      `qastanet.hearing.hearing_threshold`.
"""

import functools

import numpy as np
import torch
from numpy.typing import ArrayLike

from qastanet import registry
from qastanet.errors import InputError
from qastanet.hearing.fast.front_end import long_frames
from qastanet.hearing.features import Features, audible
from qastanet.hearing.gammatone import ENVELOPE_FROM, centre_frequencies
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL
from qastanet.sound.ambisonics import order_of
from qastanet.sound.binaural import BinauralDecoder, load_hrirs
from qastanet.sound.checks import check_pair
from qastanet.sound.sampling import FRAME as SHORT_FRAME
from qastanet.sound.sampling import SAMPLING_RATE, resample

FRAME = 19200
"""Samples of a frame: 0.4 s at 48 kHz, no overlap."""

ILD_FACTOR = 2
"""eMoBi-Q takes 20 log10 of a ratio of powers for the ILD: twice the dB."""

ILD_CEILING = 10.0
"""Differences of the ILD are limited to this, after the factor."""

ILD_WEIGHT = 1 / 13
POWER_CEILING = 20.0
MONAURAL_RANGE = 26.0
BINAURAL_RANGE = 23.0
RELEASED_DECODER = "HRIR_128_Meth5_OLPS_2001_48000_HOA3.sofa"


def emobiq(
    reference: ArrayLike,
    degraded: ArrayLike,
    sampling_rate: int,
    full_scale_level: float = FULL_SCALE_LEVEL,
    decoder: BinauralDecoder | None = None,
) -> dict[str, float]:
    """Rate a degraded binaural or ambisonic signal against its reference.

    Args:
        reference: shape (2, samples), left and right ear, full scale 1; or 4, 9 or 16 channels of
            ambisonics (ACN, SN3D), which are decoded to the ears
        degraded: same shape, time-aligned
        sampling_rate: in Hz; other rates than 48 kHz are resampled
        full_scale_level: sound pressure level of a power of 1.0 in dB SPL
        decoder: for ambisonics; by default that of `default_decoder`

    Returns:
        ``emobiq``, the lower of ``emobiq-monaural`` and ``emobiq-binaural``; all 0..1, 1 the best

    Raises:
        InputError: if the pair cannot be compared or lasts less than 0.8 s

    Example:
        >>> noise = 0.1 * np.random.default_rng(0).standard_normal((2, 48000))
        >>> emobiq(noise, noise, 48000)
        {'emobiq': 1.0, 'emobiq-monaural': 1.0, 'emobiq-binaural': 1.0}
    """
    pair = [np.asarray(signal) for signal in (reference, degraded)]
    check_pair(*pair, (sampling_rate, sampling_rate))
    ears = torch.from_numpy(np.stack([resample(x, sampling_rate, SAMPLING_RATE) for x in pair]))
    if ears.shape[-2] != 2:
        ears = (decoder or default_decoder(order_of(ears.shape[-2])))(ears)
    frames = ears.shape[-1] // FRAME - 1
    if frames < 1:
        raise InputError(
            f"{ears.shape[-1] / SAMPLING_RATE:.2f} s are too short for eMoBi-Q: the last frame of "
            "0.4 s is not used, so at least 0.8 s are needed"
        )
    gain = 10 ** ((full_scale_level - FULL_SCALE_LEVEL) / 20)
    found = []
    for x in (gain * ears).numpy():
        maps = long_frames(x, FRAME // SHORT_FRAME)[:3]
        found.append(Features(*(torch.from_numpy(m[..., :frames]) for m in maps)))
    qualities = _monaural_quality(*found), _binaural_quality(*found)
    return {
        "emobiq": min(qualities),
        "emobiq-monaural": qualities[0],
        "emobiq-binaural": qualities[1],
    }


def _monaural_quality(reference: Features, degraded: Features) -> float:
    """Quality 0..1 from the change of power in each band.

    The relative change of power, increase and decrease each limited to 20 and averaged, is averaged
    over frames and summed in squares over bands to M; 10 log10 M from -10 to 16 dB is mapped to
    quality 1 to 0.
    """
    p, q = reference.power, degraded.power
    change = ((q - p) / p).clamp(0, POWER_CEILING) + ((p - q) / q).clamp(0, POWER_CEILING)
    distance = float((change / 2).mean(-1).square().sum().sqrt())
    level = 10 * np.log10(distance) + 10 if distance > 0 else 0.0
    return float(1 - np.clip(level, 0, MONAURAL_RANGE) / MONAURAL_RANGE)


def _binaural_quality(reference: Features, degraded: Features) -> float:
    """Quality 0..1 from the changes of coherence and, above 1.3 kHz, of ILD."""
    coherence = torch.nan_to_num((degraded.coherence - reference.coherence).abs())
    levels = [torch.where(audible(f.power), f.ild, 0) for f in (reference, degraded)]
    ild = ILD_FACTOR * (levels[1] - levels[0]).abs()
    ild = torch.nan_to_num(ild, posinf=ILD_CEILING).clamp(max=ILD_CEILING)
    ild = ild[torch.from_numpy(centre_frequencies() >= ENVELOPE_FROM)]
    distance = float((coherence.square().sum() + ild.square().sum() * ILD_WEIGHT**2).sqrt())
    return float(1 - np.clip(distance, 0, BINAURAL_RANGE) / BINAURAL_RANGE)


@functools.lru_cache(maxsize=4)
def default_decoder(order: int) -> BinauralDecoder:
    """Decoder of ambisonics to the ears, the released one where its file is at hand.

    Args:
        order: of the signal, 1..3

    Returns:
        the third-order decoder of the QASTAnet release, which takes lower orders too, if the file
        is in the cache or the mirror; else MagLS filters of that order for the Neumann KU 100
    """
    entry = registry.find(registry.RELEASE, RELEASED_DECODER)
    if registry.at_hand(entry):
        return BinauralDecoder.from_sofa(registry.fetch(entry))
    return BinauralDecoder.magls(load_hrirs(), order)
