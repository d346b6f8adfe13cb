"""The four benches of the exploration notebooks; each function returns one to be shown.

Arguments are the values that the controls have at first, by the names in `Bench.controls`.
"""

from dataclasses import replace

import numpy as np

from qastanet.explore import codec_bench, figures, level_bench, placed_sound
from qastanet.explore.one_frame import one_frame
from qastanet.explore.placed_sound import Placed
from qastanet.explore.widgets import Bench, Shown, choice, scale, slider
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.scene.binaural_cues import time_difference
from qastanet.sound.sampling import FRAME, SAMPLING_RATE


def ears(**start) -> Bench:
    """A sound around the head: direction, order, decoder, rotation of the head, diffuse share."""
    controls = {
        "sound": choice("Sound", placed_sound.SOUNDS),
        "azimuth": slider("Azimuth (°, left +)", 60, -180, 180, 5),
        "elevation": slider("Elevation (°, up +)", 0, -60, 90, 5),
        "yaw": slider("Head turned left (°)", 0, -90, 90, 5),
        "order": slider("Ambisonic order", 3, 1, 3, 1),
        "decoder": choice("To the ears by", placed_sound.DECODERS),
        "diffuse": slider("Diffuse share", 0.0, 0.0, 1.0, 0.05),
    }

    def show(**values) -> Shown:
        placed = Placed(**values)
        measured = replace(placed, decoder=placed_sound.MEASURED)
        both = (placed, measured)
        heard, other = (placed_sound.ears(each) for each in both)
        cues, true = placed_sound.cues(heard), placed_sound.cues(other)
        itd = time_difference(np.stack([placed_sound.response(each) for each in both]))
        text = (
            f"ITD of the direct sound below 1.5 kHz: <b>{itd[0]:+.2f} ms</b> (measured head: "
            f"{itd[1]:+.2f} ms). Means over the bands: ILD <b>{np.nanmean(cues[0]):+.1f} dB</b> "
            f"(measured: {np.nanmean(true[0]):+.1f} dB), |γ| <b>{np.nanmean(cues[1]):.2f}</b> "
            f"(measured: {np.nanmean(true[1]):.2f})."
        )
        direction, title = placed.azimuth - placed.yaw, f"elevation {placed.elevation:g}°"
        return Shown(
            lambda: figures.at_the_ears(direction, heard, cues, true, title),
            text,
            {"At the ears": heard},
        )

    return Bench(controls, show, start)


def front_end(**start) -> Bench:
    """One frame and one band of the auditory front end, taken apart."""
    bands = {f"{frequency:.0f} Hz": k for k, frequency in enumerate(centre_frequencies())}
    controls = {
        "sound": choice("Sound", placed_sound.SOUNDS),
        "azimuth": slider("Azimuth (°, left +)", 60, -180, 180, 5),
        "diffuse": slider("Diffuse share", 0.0, 0.0, 1.0, 0.05),
        "quieter": slider("Quieter by (dB)", 0, 0, 90, 5),
        "band": scale("Band", bands, 4),
        "frame": slider("Frame of 40 ms", 5, 0, SAMPLING_RATE // FRAME - 1, 1),
    }

    def show(sound, azimuth, diffuse, quieter, band, frame) -> Shown:
        heard = placed_sound.ears(Placed(sound, azimuth, diffuse=diffuse))
        found = one_frame(heard * 10 ** (-quieter / 20), band, frame)
        left, right = found.ear_levels
        text = (
            f"Band {band}, {40 * frame} to {40 * (frame + 1)} ms: <b>{left:.1f} dB SPL left, "
            f"{right:.1f} dB SPL right</b> (threshold of hearing: {found.threshold:.1f}), ILD "
            f"<b>{found.ild:+.1f} dB</b>. "
        )
        if np.isfinite(found.coherence):
            which = "envelopes" if found.by_envelope else "fine structures"
            text += f"Coherence of the {which}: <b>|γ| = {abs(found.coherence):.2f}</b>."
        else:
            text += "Below the threshold of hearing: <b>ILD and γ do not count</b>."
        return Shown(lambda: figures.one_frame(found), text, {"At the ears": heard})

    return Bench(controls, show, start)


def codecs(**start) -> Bench:
    """A scene, a codec or another degradation, and what the shipped model says of it."""
    treatments = codec_bench.TREATMENTS
    treatment = choice("Degradation", treatments)
    strength = scale("At", treatments[treatment.value].strengths)

    def follow(change) -> None:
        strength.options = list(treatments[change["new"]].strengths.items())

    treatment.observe(follow, names="value")
    controls = {
        "scene": choice("Scene", codec_bench.SCENES),
        "order": slider("Ambisonic order", 1, 1, 3, 1),
        "treatment": treatment,
        "strength": strength,
    }

    def show(**values) -> Shown:
        judged = codec_bench.judge(**values)
        found = judged.found
        lost = "; ".join(found.sentences) or "none"
        text = (
            f"Score <b>{100 * found.score:.0f}</b> of 100 ("
            f"{100 * found.low:.0f} to {100 * found.high:.0f}: where 90 % of mean ratings "
            f"would lie in tests like those it was trained on). Lost: {lost}."
        )
        sounds = dict(zip(("Reference", "Degraded"), judged.ears, strict=True))
        return Shown(lambda: figures.heard_and_lost(sounds, found), text, sounds)

    return Bench(controls, show, start)


def levels(**start) -> Bench:
    """A pair at a playback level: which bands are heard, and what that does to the score."""
    controls = {
        "scene": choice("Scene", codec_bench.SCENES),
        "fault": choice("Degraded by", level_bench.FAULTS),
        "level": slider("Level (dB SPL)", 60, 0, 100, 5),
    }

    def show(scene, fault, level) -> Shown:
        judged = level_bench.at_level(scene, fault, level)
        found, curve = judged.found, level_bench.level_curve(scene, fault)
        text = (
            f"At {level} dB SPL <b>{np.sum(judged.heard >= 0.5)} of 29 bands</b> are audible in "
            f"most frames. Score <b>{100 * found.score:.0f}</b> of 100 ({100 * found.low:.0f} to "
            f"{100 * found.high:.0f}). The players do not follow the level."
        )
        sounds = dict(zip(("Reference", "Degraded"), judged.ears, strict=True))
        return Shown(lambda: figures.playback_level(judged, curve, level), text, sounds)

    return Bench(controls, show, start)
