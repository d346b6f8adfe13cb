"""Conventions, orders, delays: what is done to a pair is done right, and said."""

import numpy as np
import pytest

from qastanet.errors import InputError
from qastanet.scene.dry_sounds import dry_sound
from qastanet.sound import ambisonics
from qastanet.sound.conventions import suspected_convention, to_ambix
from qastanet.sound.options import Options, Sound
from qastanet.sound.pairs.preparation import prepare

RNG = np.random.default_rng(0)


def scene(order=1, samples=48000, sources=3):
    parts = [
        ambisonics.encode(0.03 * RNG.standard_normal(samples), *RNG.uniform(-1.5, 1.5, 2), order)
        for _ in range(sources)
    ]
    return np.sum(parts, axis=0).astype(np.float32)


def prepared(reference, degraded, rates=(48000, 48000), **options):
    pair = [Sound(x, r, n) for x, r, n in zip((reference, degraded), rates, "RD", strict=True)]
    return prepare(*pair, Options(**options))


def test_nothing_is_done_to_a_good_pair():
    signal = scene()
    ref, deg, report = prepared(signal, signal)
    assert ref is signal and deg is signal
    assert report["adjustments"] == report["warnings"] == []
    assert report["delay_ms"] == pytest.approx(0, abs=1e-3) and not report["delay_compensated"]
    assert report["level_change_db"] == 0 and "resampled_to" not in report


@pytest.mark.parametrize("order", [1, 2, 3])
def test_conventions_are_recognised_and_converted(order):
    signal = scene(order)
    n3d = ambisonics.sn3d_to_n3d(signal)
    assert suspected_convention(signal) is None
    assert suspected_convention(n3d) == "n3d"
    np.testing.assert_allclose(to_ambix(n3d, "n3d"), signal, atol=1e-6)
    assert "--convention n3d" in prepared(n3d, n3d)[2]["warnings"][0]
    assert prepared(n3d, n3d, convention="n3d")[2]["warnings"] == []


def test_furse_malham_first_order():
    w, y, z, x = scene()
    fuma = np.stack([w / np.sqrt(2), x, y, z]).astype(np.float32)
    assert suspected_convention(fuma) == "fuma"
    np.testing.assert_allclose(to_ambix(fuma, "fuma"), [w, y, z, x], atol=1e-6)
    with pytest.raises(InputError, match="9 channels in FuMa"):
        to_ambix(np.ones((9, 10)), "fuma")


def test_order_rules():
    high, low = scene(3), scene(1)
    with pytest.raises(InputError, match="16 and 4 channels"):
        prepared(high, low)
    ref, deg, report = prepared(high, low, order_mismatch="truncate")
    assert ref.shape == deg.shape == low.shape
    assert report["adjustments"] == ["both truncated to 4 channels"]
    ref, deg, report = prepared(high, low, order_mismatch="pad")
    assert ref.shape == deg.shape == high.shape and not deg[4:].any()
    assert report["adjustments"] == ["4 channels padded with silence to 16"]


def test_delay_is_warned_about_and_compensated_on_request():
    signal = scene()
    late = np.pad(signal, ((0, 0), (312, 0)))[:, :48000]
    _, _, report = prepared(signal, late)
    assert report["delay_ms"] == pytest.approx(6.5, abs=1e-3)
    assert "6.50 ms late; compensate with --align" in report["warnings"][0]
    ref, deg, report = prepared(signal, late, align=True)
    np.testing.assert_array_equal(ref, deg)
    assert report["delay_compensated"] and report["warnings"] == []
    assert report["adjustments"][0] == "delay of 6.500 ms compensated"


def test_lengths_and_rates_may_differ_when_aligned():
    signal = scene(samples=44100)
    with pytest.raises(InputError, match="44100 and 44000 samples"):
        prepared(signal, signal[:, :44000], (44100, 44100))
    ref, deg, report = prepared(signal, signal[:, :44000], (44100, 44100), align=True)
    assert ref.shape == deg.shape and report["resampled_to"] == 48000
    assert any(text.startswith("cut from 48000") for text in report["adjustments"])
    with pytest.raises(InputError, match="sampling rates 44100 and 48000"):
        prepared(signal, signal, (44100, 48000))


def test_unrelated_signals_cannot_be_aligned():
    with pytest.raises(InputError, match="R and D: the delay cannot be found"):
        prepared(scene(), scene(), align=True)


def delayed(signal, samples):
    """Shift, and fill the gap with silence."""
    pad = ((0, 0), (max(samples, 0), max(-samples, 0)))
    start = max(-samples, 0)
    return np.pad(signal, pad)[:, start : start + signal.shape[1]]


@pytest.mark.parametrize("kind", ["plucked", "bells", "bowed", "talker", "clicks"])
@pytest.mark.parametrize("samples", [7200, -7200, 24000])
def test_delays_beyond_the_bound_are_not_mistaken_for_small_ones(kind, samples):
    dry = dry_sound(kind, 96000, np.random.default_rng(3))
    signal = np.float32(0.1 * dry / np.abs(dry).max())[None].repeat(2, axis=0)
    late = delayed(signal, samples)
    direction = "late" if samples > 0 else "early"
    with pytest.raises(InputError, match=rf"D: seems to be {abs(samples) / 48:.1f} ms {direction}"):
        prepared(signal, late, align=True)
    *_, report = prepared(signal, delayed(signal, 300), align=True)
    assert report["delay_ms"] == pytest.approx(6.25, abs=1e-2)


def test_a_distinct_delay_is_trusted_though_the_signals_hardly_correlate():
    signal = scene()
    other = delayed(np.float32(signal + 5 * scene()), 300)
    _, _, report = prepared(signal, other, align=True)
    assert report["delay_ms"] == pytest.approx(6.25, abs=0.02)
    assert report["delay_confidence"] < 0.3 and report["delay_compensated"]


def test_steady_tones_are_ambiguous_or_left_alone():
    time = np.arange(96000) / 48000
    tone = np.float32(0.1 * np.sin(2 * np.pi * 440 * time) * np.hanning(96000))[None]
    tone = tone.repeat(2, axis=0)
    with pytest.raises(InputError, match=r"ambiguous: the signal repeats itself.*leave --align"):
        prepared(tone, delayed(tone, 300), align=True)
    ref, deg, report = prepared(tone, tone, align=True)
    assert report["adjustments"] == [] and not report["delay_compensated"]
    np.testing.assert_array_equal(ref, deg)


@pytest.mark.parametrize("fraction", [0.1, 0.24])
def test_less_than_a_quarter_of_a_sample_is_left_alone(fraction):
    signal = scene()
    frequency = 2 * np.pi * np.arange(24001) / 48000
    spectrum = np.fft.rfft(signal) * np.exp(-1j * frequency * fraction)
    late = np.fft.irfft(spectrum).astype(np.float32)
    _, deg, report = prepared(signal, late, align=True)
    assert report["delay_ms"] == pytest.approx(fraction / 48, abs=1e-3)
    assert report["adjustments"] == []
    np.testing.assert_array_equal(deg, late)


@pytest.mark.parametrize(("ppm", "refused"), [(100, True), (3, False)])
def test_drift_is_refused_where_it_spoils_the_delay_and_else_warned_about(ppm, refused):
    time = np.arange(480000) / 48000
    tones = np.sum([np.sin(2 * np.pi * (f * time + f * time**2)) for f in (90, 130, 210)], axis=0)
    signal = np.float32(0.05 * tones)[None].repeat(2, axis=0)
    place = np.arange(480000) * (1 - ppm / 1e6)
    fast = np.stack([np.interp(place, np.arange(480000), x) for x in signal]).astype(np.float32)
    if refused:
        with pytest.raises(InputError, match=r"drift apart by .* constant delay only; resample"):
            prepared(signal, fast, align=True)
    else:
        *_, report = prepared(signal, fast, align=True)
        assert "drift apart by 3 ppm" in report["warnings"][0]


def test_a_convention_of_binaural_signals_is_of_no_effect_and_said():
    signal = scene()[:2]
    ref, _, report = prepared(signal, signal, convention="n3d")
    np.testing.assert_array_equal(ref, signal)
    assert report["adjustments"] == ["--convention n3d is of no effect: 2 channels are binaural"]
    assert report["convention"] == "binaural"


def test_level_clipping_and_drift_are_warned_about():
    signal = scene(samples=240000)
    assert "differs by +6.0 dB" in prepared(signal, 2 * signal)[2]["warnings"][0]
    loud = np.clip(40 * signal, -1, 1)
    assert any("clipped" in text for text in prepared(loud, loud)[2]["warnings"])


@pytest.mark.parametrize("option", [{"convention": "acn"}, {"order_mismatch": "guess"}])
def test_unknown_options(option):
    with pytest.raises(InputError, match="is unknown; choose one of"):
        Options(**option)


def test_inverted_polarity_is_named():
    reference = scene()
    *_, report = prepared(reference, -reference)
    assert any("polarity" in text for text in report["warnings"])
    assert not any("correlate" in text for text in report["warnings"])


def test_a_constant_part_is_named():
    reference = scene()
    *_, report = prepared(reference, reference + np.float32(0.1))
    assert "constant part (DC) of 0.10" in " ".join(report["warnings"])


def test_what_is_compared_is_reported_when_a_file_is_cut():
    reference = scene()
    *_, report = prepared(reference, reference[:, :9600], align=True)
    assert report["duration_s"] == pytest.approx(0.2)
    assert "only 0.20 s of 1.00 s are compared" in report["warnings"]


def test_nothing_is_said_of_the_drift_of_unrelated_signals():
    *_, report = prepared(scene(), np.random.default_rng(5).standard_normal((4, 48000)) * 0.1)
    assert report["drift_ppm"] is None and report["delay_confidence"] < 0.5
