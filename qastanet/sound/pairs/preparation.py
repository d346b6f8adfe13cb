"""Making two signals comparable, and saying what was done to them.

Every adjustment ends up in a report that travels with the score, so that no number is silently
about something else. What would change the meaning of a score is done on request only.
"""

from pathlib import Path

import numpy as np

from qastanet.errors import InputError
from qastanet.sound.checks import AMBISONIC_CHANNELS, check_pair, check_samples, check_signal
from qastanet.sound.conventions import to_ambix
from qastanet.sound.files.reading import read_sound
from qastanet.sound.head_locked import ears_of
from qastanet.sound.layouts import fitted
from qastanet.sound.options import Options, Sound
from qastanet.sound.pairs.alignment import (
    BOUND,
    NEAR,
    NEGLIGIBLE,
    TRUSTED,
    Delay,
    estimate_delay,
    shift,
)
from qastanet.sound.pairs.delay_doubt import search
from qastanet.sound.pairs.description import describe_pair, jump_told
from qastanet.sound.pairs.envelope_delay import ACCURACY, envelope_delay
from qastanet.sound.sampling import SAMPLING_RATE, resample

WORTH_A_WORD = 0.9
"""If less than this share of a file is compared, it is said."""


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
        delay_ms, delay_confidence, delay_method, delay_compensated, drift_ppm, level_change_db,
        adjustments and warnings (lists of sentences)

    Raises:
        InputError: naming the signal, the value and the remedy
    """
    options = options or Options()
    adjustments = [note for sound in (reference, degraded) for note in sound.notes]
    reference, degraded = fitted(reference, degraded, options, adjustments)
    counts = [len(sound.samples) for sound in (reference, degraded)]
    mixed = options.head_locked == "mix" and all(n - 2 in AMBISONIC_CHANNELS for n in counts)
    convert = _with_stereo if mixed else _converted
    sounds = [convert(sound, options, adjustments) for sound in (reference, degraded)]
    sounds = _same_order(*sounds, options.order_mismatch, adjustments)
    names = (reference.name, degraded.name)
    if counts[0] == 2 and options.convention != "ambix":
        adjustments.append(
            f"--convention {options.convention} is of no effect: 2 channels are binaural"
        )
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
    report = describe_pair(reference, degraded.rate, ref, deg, delay, SAMPLING_RATE, options)
    report["delay_compensated"] = options.align and abs(delay.samples) >= NEGLIGIBLE
    report["adjustments"] = list(dict.fromkeys(adjustments))  # a file may be both
    odd = [warning for sound in (reference, degraded) for warning in sound.warnings]
    report["warnings"] = list(dict.fromkeys([*odd, *report["warnings"]]))
    if options.align:
        _note_what_is_left(report, ref.shape[1] / SAMPLING_RATE, sounds)
    return ref, deg, report


def prepare_files(
    reference: str | Path, degraded: str | Path, options: Options | None = None
) -> tuple[np.ndarray, np.ndarray, dict]:
    """Read two sound files, or sets of files, and make them comparable; see `prepare`."""
    options = options or Options()
    return prepare(*(read_sound(file, options) for file in (reference, degraded)), options)


def _note_what_is_left(report: dict, duration: float, sounds: list[Sound]) -> None:
    """Report the duration that is compared, with a warning if much of a file is not."""
    report["duration_s"] = duration
    longest = max(sound.samples.shape[1] / sound.rate for sound in sounds)
    if duration < WORTH_A_WORD * longest:
        report["warnings"].append(f"only {duration:.2f} s of {longest:.2f} s are compared")


def _converted(sound: Sound, options: Options, adjustments: list[str]) -> Sound:
    """Check one signal and bring it into AmbiX; what the file says of itself counts first."""
    check_signal(sound.samples, sound.rate, sound.name)
    convention = options.convention
    if convention == "ambix" and sound.declared and len(sound.samples) > 2:
        convention = sound.declared
    if convention == "ambix" or len(sound.samples) == 2:
        return sound
    said = ", as its header says" if convention != options.convention else ""
    adjustments.append(f"{sound.name}: converted from {convention} to AmbiX (ACN, SN3D){said}")
    converted = sound._replace(samples=to_ambix(sound.samples, convention))
    check_signal(converted.samples, sound.rate, sound.name)
    return converted


def _with_stereo(sound: Sound, options: Options, adjustments: list[str]) -> Sound:
    """Bring a scene with head-locked stereo behind it to the ears, at 48 kHz."""
    scene, stereo = sound.samples[:-2], sound.samples[-2:]
    scene = _converted(sound._replace(samples=scene), options, adjustments).samples
    check_samples(stereo, sound.name)
    adjustments.append(f"{sound.name}: 2 head-locked channels added to the ears of the scene")
    if sound.rate != SAMPLING_RATE:
        adjustments.append(f"{sound.name}: resampled from {sound.rate} to {SAMPLING_RATE} Hz")
    return sound._replace(samples=ears_of(scene, stereo, sound.rate), rate=SAMPLING_RATE)


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
    if delay.jump is not None:
        raise InputError(
            f"{names[1]}: {jump_told(delay, SAMPLING_RATE)}; cut both files there, --align "
            "compensates a constant delay only"
        )
    found = search(reference, degraded, SAMPLING_RATE)
    if found.inverted:
        delay = estimate_delay(reference, -degraded, SAMPLING_RATE)
    if found.farther is not None or (delay.confidence < TRUSTED and not found.distinct):
        generated = envelope_delay(reference, degraded, SAMPLING_RATE)
        if generated.sure and delay.confidence < TRUSTED:
            late = generated.samples if abs(generated.samples) > ACCURACY * SAMPLING_RATE else 0.0
            return Delay(round(late), generated.confidence, 0.0, False, method="envelopes")
    if found.farther is not None:
        late = "late" if found.farther > 0 else "early"
        raise InputError(
            f"{names[1]}: seems to be {abs(found.farther) / SAMPLING_RATE * 1000:.1f} ms "
            f"{late}, more than the {BOUND * 1000:.0f} ms that --align compensates; remove the "
            "delay first"
        )
    if abs(found.nearest - delay.samples) > NEAR and not delay.drifts:
        signal = -degraded if found.inverted else degraded
        delay = estimate_delay(reference, signal, SAMPLING_RATE, near=found.nearest)
    if delay.drifts or abs(delay.samples) < NEGLIGIBLE:
        return delay
    if delay.confidence < TRUSTED and not found.distinct:
        raise InputError(
            f"{pair}: the delay cannot be found: at {delay.samples / SAMPLING_RATE * 1000:.1f} ms "
            f"the signals correlate by {delay.confidence:.2f} only, and their envelopes do not "
            "fit. Align them by hand."
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
        how = "" if delay.method == "waveform" else ", found by envelopes (to about 1 ms)"
        late = delay.samples / SAMPLING_RATE * 1000
        adjustments.append(f"delay of {late:.3f} ms compensated{how}")
    elif delay.method != "waveform":
        adjustments.append("no delay, by envelopes (to about 1 ms)")
    before = reference.shape[1], degraded.shape[1]
    pair = shift(reference, degraded, delay.samples)
    if before != (pair[0].shape[1],) * 2:
        adjustments.append(f"cut from {before[0]} and {before[1]} to {pair[0].shape[1]} samples")
    return pair
