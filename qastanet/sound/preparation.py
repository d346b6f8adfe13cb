"""Making two signals comparable, and saying what was done to them.

Every adjustment ends up in a report that travels with the score, so that no number is silently
about something else. What would change the meaning of a score is done on request only.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qastanet.alignment import (
    BOUND,
    NEAR,
    NEGLIGIBLE,
    TRUSTED,
    Delay,
    Excerpt,
    delay_of_excerpts,
    estimate_delay,
    level_change,
    positions,
    shift,
)
from qastanet.audio import check_pair, check_signal, resample
from qastanet.conventions import CONVENTIONS, suspected_convention, to_ambix
from qastanet.delay_search import search
from qastanet.errors import InputError
from qastanet.gammatone import SAMPLING_RATE
from qastanet.sound_files import opened

ORDER_RULES = ("error", "truncate", "pad")
"""What to do when the signals have different ambisonic orders."""

AUDIBLE_OFFSET = 0.01
"""A constant part of the signal that is worth a warning, of full scale."""

WORTH_A_WORD = 0.9
"""If less than this share of a file is compared, it is said."""

AUDIBLE_LEVEL = 1.0
"""Level differences above this many dB are warned about."""

NOTABLE = 5e-4
"""Delays from this many seconds on are warned about."""


class Sound(NamedTuple):
    """A signal as it was read."""

    samples: np.ndarray
    """Shape (channels, samples)."""
    rate: int
    """Sampling rate in Hz."""
    name: str
    """How messages call it."""


@dataclass(frozen=True)
class Options:
    """What may be done to a pair of signals before it is scored.

    Args:
        align: compensate the delay of the degraded signal, within 100 ms, and cut both signals to
            what they share; also lets their sampling rates and lengths differ
        convention: of ambisonic signals, one of CONVENTIONS
        order_mismatch: one of ORDER_RULES: refuse, truncate both to the lower order, or pad the
            lower one with silent channels (what is heard of a codec that drops them)
    """

    align: bool = False
    convention: str = "ambix"
    order_mismatch: str = "error"

    def __post_init__(self):
        for name, known in (("convention", CONVENTIONS), ("order_mismatch", ORDER_RULES)):
            if getattr(self, name) not in known:
                raise InputError(
                    f"{name} '{getattr(self, name)}' is unknown; choose one of {', '.join(known)}"
                )


def look(reference: str | Path, degraded: str | Path) -> dict:
    """Report on a pair of AmbiX or binaural files of one format, from excerpts spread over them.

    Args:
        reference: sound file that libsndfile reads
        degraded: sound file of the same rate, channels and length

    Returns:
        the report of `prepare`, with nothing adjusted

    Raises:
        InputError: if a file cannot be read
    """
    parts = []
    with opened(reference) as first, opened(degraded) as second:
        starts, size = positions(first.frames)
        for start in starts:
            pieces = []
            for file in (first, second):
                file.seek(start)
                piece = file.read(size, dtype="float32", always_2d=True).T
                pieces.append(np.where(np.isfinite(piece), piece, 0))  # is refused where it is read
            parts.append(Excerpt(start, *pieces))
        rate, samples, count = first.samplerate, first.frames, first.channels
    heard = 1 if count > 2 else 2
    delay = delay_of_excerpts([Excerpt(p.start, p[1][:heard], p[2][:heard]) for p in parts], rate)
    ref, deg = (np.concatenate([part[k] for part in parts], axis=1) for k in (1, 2))
    sound = Sound(np.broadcast_to(np.float32(0), (count, samples)), rate, str(reference))
    return _report(sound, rate, ref, deg, delay, rate, Options())


def prepare(
    reference: Sound, degraded: Sound, options: Options | None = None
) -> tuple[np.ndarray, np.ndarray, dict]:
    """Make a pair comparable at 48 kHz.

    Args:
        reference: as it was read
        degraded: as it was read
        options: what may be done

    Returns:
        reference and degraded signal, float32 at 48 kHz, of one shape; and a report: sampling_rate
        (of the reference file), resampled_to where changed, channels, duration_s, convention,
        delay_ms, delay_confidence, delay_compensated, drift_ppm, level_change_db, adjustments and
        warnings (lists of sentences)

    Raises:
        InputError: naming the signal, the value and the remedy
    """
    options = options or Options()
    adjustments: list[str] = []
    sounds = [_converted(sound, options.convention) for sound in (reference, degraded)]
    sounds = _same_order(*sounds, options.order_mismatch, adjustments)
    names = (reference.name, degraded.name)
    if len(sounds[0].samples) == 2 and options.convention != "ambix":
        adjustments.append(
            f"--convention {options.convention} is of no effect: 2 channels are binaural"
        )
    elif options.convention != "ambix":
        adjustments.append(f"converted from {options.convention} to AmbiX (ACN, SN3D)")
    if not options.align:
        check_pair(sounds[0].samples, sounds[1].samples, (reference.rate, degraded.rate), names)
    for sound in sounds:
        if sound.rate != SAMPLING_RATE:
            adjustments.append(f"{sound.name}: resampled from {sound.rate} to {SAMPLING_RATE} Hz")
    ref, deg = (resample(sound.samples, sound.rate, SAMPLING_RATE) for sound in sounds)
    heard = 1 if len(ref) > 2 else 2
    delay = estimate_delay(ref[:heard], deg[:heard], SAMPLING_RATE)
    if options.align:
        delay = _beyond_doubt(ref[:heard], deg[:heard], delay, names)
        ref, deg = _aligned(ref, deg, delay, adjustments)
        for samples, name in zip((ref, deg), names, strict=True):
            check_signal(samples, SAMPLING_RATE, name)
    report = _report(reference, degraded.rate, ref, deg, delay, SAMPLING_RATE, options)
    report["delay_compensated"] = options.align and abs(delay.samples) >= NEGLIGIBLE
    report["adjustments"] = adjustments
    if options.align:
        _note_what_is_left(report, ref.shape[1] / SAMPLING_RATE, sounds)
    return ref, deg, report


def _note_what_is_left(report: dict, duration: float, sounds: list[Sound]) -> None:
    """Report the duration that is compared, with a warning if much of a file is not."""
    report["duration_s"] = duration
    longest = max(sound.samples.shape[1] / sound.rate for sound in sounds)
    if duration < WORTH_A_WORD * longest:
        report["warnings"].append(f"only {duration:.2f} s of {longest:.2f} s are compared")


def _report(
    reference: Sound,
    other_rate: int,
    ref: np.ndarray,
    deg: np.ndarray,
    delay: Delay,
    delay_rate: int,
    options: Options,
) -> dict:
    """Say what a pair is like; ref and deg are the signals, or excerpts of them."""
    report = {
        "sampling_rate": reference.rate,
        "duration_s": reference.samples.shape[1] / reference.rate,
        "channels": len(ref),
        "convention": options.convention if len(ref) > 2 else "binaural",
        "delay_ms": round(delay.samples / delay_rate * 1000, 4),
        "delay_confidence": round(delay.confidence, 3),
        "delay_compensated": False,
        # where the signals hardly correlate nothing is known of a drift, unless it was found
        "drift_ppm": round(delay.drift_ppm, 1)
        if delay.drifts or delay.confidence >= TRUSTED
        else None,
        "level_change_db": round(level_change(ref, deg), 3),
        "adjustments": [],
        "warnings": _warnings(ref, deg, delay, delay_rate, options),
    }
    if {reference.rate, other_rate} != {SAMPLING_RATE}:
        report["resampled_to"] = SAMPLING_RATE
    return report


def _converted(sound: Sound, convention: str) -> Sound:
    """Check one signal and bring it into AmbiX."""
    check_signal(sound.samples, sound.rate, sound.name)
    return sound._replace(samples=to_ambix(sound.samples, convention))


def _same_order(
    reference: Sound, degraded: Sound, rule: str, adjustments: list[str]
) -> list[Sound]:
    """Give both signals one number of channels by the chosen rule."""
    counts = [len(sound.samples) for sound in (reference, degraded)]
    if counts[0] == counts[1] or 2 in counts or rule == "error":
        return [reference, degraded]
    if rule == "truncate":
        adjustments.append(f"both truncated to {min(counts)} channels")
        return [s._replace(samples=s.samples[: min(counts)]) for s in (reference, degraded)]
    adjustments.append(f"{min(counts)} channels padded with silence to {max(counts)}")
    padded = []
    for sound in (reference, degraded):
        missing = max(counts) - len(sound.samples)
        padded.append(sound._replace(samples=np.pad(sound.samples, ((0, missing), (0, 0)))))
    return padded


def _beyond_doubt(
    reference: np.ndarray, degraded: np.ndarray, delay: Delay, names: tuple[str, str]
) -> Delay:
    """Refuse a delay that cannot be found, is larger than the bound, or could be another one."""
    pair = f"{names[0]} and {names[1]}"
    if delay.drifts and delay.confidence < TRUSTED:
        raise InputError(
            f"{pair}: drift apart by {delay.drift_ppm:.0f} ppm, but --align compensates a "
            "constant delay only; resample one of them first"
        )
    found = search(reference, degraded, SAMPLING_RATE)
    if found.farther is not None:
        late = "late" if found.farther > 0 else "early"
        raise InputError(
            f"{names[1]}: seems to be {abs(found.farther) / SAMPLING_RATE * 1000:.1f} ms "
            f"{late}, more than the {BOUND * 1000:.0f} ms that --align compensates; remove the "
            "delay first"
        )
    if abs(found.nearest - delay.samples) > NEAR and not delay.drifts:
        delay = estimate_delay(reference, degraded, SAMPLING_RATE, near=found.nearest)
    if delay.drifts or abs(delay.samples) < NEGLIGIBLE:
        return delay
    if delay.confidence < TRUSTED and not found.distinct:
        raise InputError(
            f"{pair}: the delay cannot be found: at {delay.samples / SAMPLING_RATE * 1000:.1f} ms "
            f"the signals correlate by {delay.confidence:.2f} only. Align them by hand."
        )
    if found.rival is not None:
        lags = (found.nearest / SAMPLING_RATE * 1000, found.rival / SAMPLING_RATE * 1000)
        raise InputError(
            f"{pair}: the delay is ambiguous: the signal repeats itself, so that {lags[0]:.2f} and "
            f"{lags[1]:.2f} ms fit alike. Align the files by hand, and leave --align out."
        )
    return delay


def _aligned(
    reference: np.ndarray, degraded: np.ndarray, delay: Delay, adjustments: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Undo a delay and cut to the common part, noting both."""
    if abs(delay.samples) >= NEGLIGIBLE:
        adjustments.append(f"delay of {delay.samples / SAMPLING_RATE * 1000:.3f} ms compensated")
    before = reference.shape[1], degraded.shape[1]
    pair = shift(reference, degraded, delay.samples)
    if before != (pair[0].shape[1],) * 2:
        adjustments.append(f"cut from {before[0]} and {before[1]} to {pair[0].shape[1]} samples")
    return pair


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
    if abs(delay.samples) / rate >= NOTABLE and delay.confidence >= TRUSTED and not options.align:
        late = "late" if delay.samples > 0 else "early"
        found.append(
            f"the degraded signal is {abs(delay.samples) / rate * 1000:.2f} ms {late}; "
            "compensate with --align"
        )
    if _inverted(ref, deg):
        found.append("the polarity of the degraded signal is inverted")
    elif delay.confidence < TRUSTED and not delay.drifts:
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
    for samples, name in ((ref, "reference"), (deg, "degraded signal")):
        clipped = float(np.mean(np.abs(samples) >= 0.9999))
        if clipped > 1e-4:
            found.append(f"{clipped:.2%} of the samples of the {name} are at full scale (clipped)")
    return found
