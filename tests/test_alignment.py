"""Delay, drift and level: known shifts are found and undone."""

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror import folder

from qastanet.errors import InputError
from qastanet.listening_tests.ambiqual_ratings import ambiqual2_pairs
from qastanet.registry import AMBIQUAL, path
from qastanet.sound.files import reading
from qastanet.sound.pairs import alignment
from qastanet.sound.pairs.delay_doubt import search

RATE = 48000


def noise(channels=4, samples=48000, seed=0):
    return np.random.default_rng(seed).standard_normal((channels, samples)).astype(np.float32)


def delayed(signal, samples):
    frequency = 2 * np.pi * np.arange(signal.shape[1] // 2 + 1) / signal.shape[1]
    return np.fft.irfft(np.fft.rfft(signal) * np.exp(-1j * frequency * samples), signal.shape[1])


@settings(max_examples=15, deadline=None)
@given(st.floats(-2000, 2000))
def test_any_delay_is_found_to_a_fiftieth_of_a_sample(delay):
    signal = noise()
    found = alignment.estimate_delay(signal, delayed(signal, delay), RATE)
    assert found.samples == pytest.approx(delay, abs=0.02)
    assert not found.drifts


def test_undoing_a_delay_restores_the_signal():
    signal = scipy.signal.sosfilt(scipy.signal.butter(8, 18000, fs=RATE, output="sos"), noise())
    reference, degraded = alignment.shift(signal, delayed(signal, 30.4), 30.4)
    inside = slice(200, -200)
    error = (reference - degraded)[:, inside]
    assert np.sqrt(np.mean(error**2)) < 1e-3 * np.sqrt(np.mean(signal**2))


def test_noise_and_a_low_pass_do_not_hide_a_delay():
    signal = noise()
    sos = scipy.signal.bessel(2, 3500, fs=RATE, output="sos")
    coded = np.roll(scipy.signal.sosfiltfilt(sos, signal), 256, axis=1) + 0.1 * noise(seed=1)
    assert alignment.estimate_delay(signal, coded, RATE).samples == pytest.approx(256, abs=0.5)


@pytest.mark.parametrize("steepness", [0, 1, 2, 3])
def test_rumble_does_not_hide_a_delay(steepness):
    spectrum = np.fft.rfft(noise(2, 6 * RATE))
    spectrum[:, 1:] /= np.arange(1, spectrum.shape[1]) ** (steepness / 2)
    signal = np.fft.irfft(spectrum)[:, RATE:]
    found = alignment.estimate_delay(signal[:, 1000:], signal[:, 520:], RATE)
    assert found.samples == pytest.approx(480, abs=0.1)
    assert found.jump is None


def test_drift_is_found_and_its_absence_too():
    signal = noise(samples=5 * RATE)
    fast = scipy.signal.resample_poly(signal, 10001, 10000, axis=1)
    found = alignment.estimate_delay(signal, fast, RATE)
    assert found.drifts and found.drift_ppm == pytest.approx(100, abs=10)


def test_unrelated_signals_have_no_confidence():
    found = alignment.estimate_delay(noise(), noise(seed=1), RATE)
    assert found.confidence < 0.1


def test_silence_and_short_signals_do_no_harm():
    signal = noise(samples=1920)
    assert alignment.estimate_delay(signal, 0 * signal, RATE).confidence == 0
    assert alignment.estimate_delay(signal, signal, RATE).samples == pytest.approx(0, abs=0.01)


def test_aligned_signals_are_left_as_they_are():
    signal = noise()
    reference, degraded = alignment.shift(signal, signal[:, :-5], 0.2)
    np.testing.assert_array_equal(reference, degraded)


def test_channels_must_agree():
    with pytest.raises(InputError, match="4 and 9 channels"):
        alignment.estimate_delay(noise(4), noise(9), RATE)


def test_level_change():
    assert alignment.level_change(noise(), 10 * noise()) == pytest.approx(20, abs=1e-5)
    assert np.isnan(alignment.level_change(noise(), 0 * noise()))


def test_real_codings_are_aligned():
    folder("QASTANET_DATA_MIRROR")
    for pair in [p for p in ambiqual2_pairs() if p.stimulus.endswith("FOA32")][::3]:
        (reference, rate), (degraded, _) = (reading.read(path(AMBIQUAL, n)) for n in pair[1:])
        found = alignment.estimate_delay(reference, degraded, rate)
        assert abs(found.samples) < alignment.NEGLIGIBLE and not found.drifts
        assert found.confidence > 0.6
        late = np.pad(degraded, ((0, 0), (480, 0)))[:, : degraded.shape[1]]
        where = search(reference[:1], late[:1], rate)
        assert abs(where.nearest - 480) <= 1 and where.rival is None and where.farther is None


def test_search_of_silence_finds_nothing():
    signal = noise(samples=4800)
    assert search(signal, 0 * signal, RATE) == (0, None, None, False, False)
