"""What a pair of signals is like: delay, drift, level, and what is odd about it.

Every report travels with the score, so that no number is silently about something else.
"""

import numpy as np
import soundfile

from qastanet.sound.checks import LOUDEST
from qastanet.sound.conventions import suspected_convention
from qastanet.sound.files.pieces import Recording
from qastanet.sound.files.reading import reading
from qastanet.sound.options import Options, Sound
from qastanet.sound.pairs.alignment import TRUSTED, Delay, delay_of_excerpts, level_change
from qastanet.sound.pairs.excerpts import Excerpt, loudest, positions
from qastanet.sound.sampling import SAMPLING_RATE

AUDIBLE_OFFSET = 0.01
"""A constant part of the signal that is worth a warning, of full scale."""

QUIET = 2.0**-8
"""Peaks below this are hardly those of a sound that was made to be heard (-48 dB)."""

AUDIBLE_LEVEL = 1.0
"""Level differences above this many dB are warned about."""

NOTABLE = 5e-4
"""Delays from this many seconds on are warned about."""


def look(reference: Recording, degraded: Recording) -> dict:
    """Report on a pair of AmbiX or binaural files of one format, from excerpts spread over them.

    Args:
        reference: file of the reference
        degraded: file of the same rate, channels and length

    Returns:
        the report of `prepare`, with nothing adjusted

    Raises:
        InputError: if a file cannot be read
    """
    parts = []
    with reading(reference.name):
        starts, size = _sounding(reference.file)
    for start in starts:
        pieces = (each.excerpt(start, size) for each in (reference, degraded))
        # other samples are refused where they are read
        parts.append(Excerpt(start, *(np.where(np.abs(x) <= LOUDEST, x, 0) for x in pieces)))
    rate, samples, count = reference.file.samplerate, reference.file.frames, reference.channels
    heard = 1 if count > 2 else 2
    delay = delay_of_excerpts([Excerpt(p.start, p[1][:heard], p[2][:heard]) for p in parts], rate)
    ref, deg = (np.concatenate([part[k] for part in parts], axis=1) for k in (1, 2))
    sound = Sound(np.broadcast_to(np.float32(0), (count, samples)), rate, reference.name)
    return describe_pair(sound, rate, ref, deg, delay, rate, Options())


def _sounding(file: soundfile.SoundFile) -> tuple[list[int], int]:
    """Return where excerpts are taken: spread over the file, or where it sounds."""
    starts, size = positions(file.frames)
    heard = 0
    for start in starts:
        file.seek(start)
        heard += bool(np.any(file.read(size, dtype="float32")))
    if 2 * heard > len(starts) or file.frames < 2 * size:
        return starts, size
    energies = []
    file.seek(0)
    while len(block := file.read(size, dtype="float32", always_2d=True)) == size:
        energies.append(float(np.square(np.clip(block, -LOUDEST, LOUDEST), dtype=float).sum()))
    return loudest(np.nan_to_num(energies), starts, size), size


def describe_pair(
    reference: Sound,
    other_rate: int,
    ref: np.ndarray,
    deg: np.ndarray,
    delay: Delay,
    delay_rate: int,
    options: Options,
) -> dict:
    """Say what a pair is like; ref and deg are the signals, or excerpts of them."""
    change = level_change(ref, deg)
    report = {
        "sampling_rate": reference.rate,
        "duration_s": reference.samples.shape[1] / reference.rate,
        "channels": len(ref),
        "convention": options.convention if len(ref) > 2 else "binaural",
        "delay_ms": round(delay.samples / delay_rate * 1000, 4) if delay.confidence > 0 else None,
        "delay_confidence": round(delay.confidence, 3),
        "delay_method": delay.method,
        "delay_compensated": False,
        # where the signals hardly correlate nothing is known of a drift, unless it was found
        "drift_ppm": round(delay.drift_ppm, 1)
        if delay.drifts or delay.confidence >= TRUSTED
        else None,
        "level_change_db": None if np.isnan(change) else round(change, 3),
        "adjustments": [],
        "warnings": _warnings(ref, deg, delay, delay_rate, options),
    }
    if {reference.rate, other_rate} != {SAMPLING_RATE}:
        report["resampled_to"] = SAMPLING_RATE
    return report


def jump_told(delay: Delay, rate: int) -> str:
    """Say where a delay jumps, if it does."""
    at, step = (x / rate for x in delay.jump)
    late = "late" if step > 0 else "early"
    return f"from about {at:.1f} s on the degraded signal is {abs(step) * 1000:.1f} ms {late}"


def _inverted(ref: np.ndarray, deg: np.ndarray) -> bool:
    """Tell whether the degraded signal looks like the reference upside down."""
    pair = [x.astype(float) - x.mean(axis=1, keepdims=True) for x in (ref, deg)]
    size = np.sqrt((pair[0] ** 2).sum() * (pair[1] ** 2).sum())
    return bool((pair[0] * pair[1]).sum() < -0.5 * size) if size > 0 else False


def _warnings(
    ref: np.ndarray, deg: np.ndarray, delay: Delay, rate: int, options: Options
) -> list[str]:
    """Say what may make the score mean something else than it seems to."""
    found = []
    known = delay.confidence >= TRUSTED and delay.jump is None
    if abs(delay.samples) / rate >= NOTABLE and known and not options.align:
        late = "late" if delay.samples > 0 else "early"
        found.append(
            f"the degraded signal is {abs(delay.samples) / rate * 1000:.2f} ms {late}; "
            "compensate with --align"
        )
    if _inverted(ref, deg):
        found.append("the polarity of the degraded signal is inverted")
    elif delay.jump is not None:
        found.append(f"{jump_told(delay, rate)}; the score is about two delays")
    elif delay.confidence < TRUSTED and not delay.drifts and delay.method == "waveform":
        found.append(
            f"the signals hardly correlate ({delay.confidence:.2f}): another scene, a delay of "
            "more than 100 ms, or a strong drift?"
        )
    offset = float(np.abs(deg.mean(axis=1) - ref.mean(axis=1)).max())
    if offset > AUDIBLE_OFFSET:
        found.append(f"the degraded signal has a constant part (DC) of {offset:.2f} of full scale")
    if delay.drifts:
        found.append(f"the signals drift apart by {delay.drift_ppm:.0f} ppm")
    change = level_change(ref, deg)
    if abs(change) > AUDIBLE_LEVEL:
        found.append(f"the level of the degraded signal differs by {change:+.1f} dB")
    if len(ref) > 2 and (other := suspected_convention(ref)):
        found.append(
            f"the energies of the reference's channels look like {other} rather than AmbiX (ACN, "
            f"SN3D); if so, give --convention {other}"
        )
    peaks = [float(np.abs(samples).max(initial=0)) for samples in (ref, deg)]
    if 0 < max(peaks) < QUIET:
        found.append(
            f"the peak of both signals is {20 * np.log10(max(peaks)):.0f} dB of full scale: 16 or "
            "24 bits in samples of 32, or floats that were divided twice? They are scored as quiet "
            "as they are"
        )
    for samples, name in ((ref, "reference"), (deg, "degraded signal")):
        clipped = float(np.mean(np.abs(samples) >= 0.9999))
        if clipped > 1e-4:
            found.append(f"{clipped:.2%} of the samples of the {name} are at full scale (clipped)")
    return found
