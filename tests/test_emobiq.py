"""eMoBi-Q on cases whose answer is known, and against its definition worked out by hand."""

import numpy as np
import pytest
import torch

from qastanet.errors import InputError
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.rivals.emobiq import FRAME, default_decoder, emobiq
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.sampling import SAMPLING_RATE as RATE

NAMES = ["emobiq", "emobiq-monaural", "emobiq-binaural"]


def noise(channels=2, seconds=1.2, seed=0, rms=0.05):
    return rms * np.random.default_rng(seed).standard_normal((channels, round(RATE * seconds)))


def diotic(seed=0):
    return np.repeat(noise(1, seed=seed), 2, axis=0)


def test_identical_signals():
    assert list(emobiq(noise(), noise(), RATE).values()) == [1, 1, 1]


def test_overall_is_the_lower_of_the_two():
    scores = emobiq(noise(), noise() + noise(seed=1) / 3, RATE)
    assert list(scores) == NAMES
    assert scores["emobiq"] == min(scores["emobiq-monaural"], scores["emobiq-binaural"]) < 1


def test_change_of_level_is_monaural_only():
    reference = noise()
    louder, softer = (emobiq(reference, reference * g, RATE) for g in (2, 0.5))
    assert louder["emobiq-binaural"] == pytest.approx(1, abs=1e-9)
    assert softer["emobiq-binaural"] == pytest.approx(1, abs=1e-9)
    assert louder["emobiq-monaural"] == pytest.approx(softer["emobiq-monaural"], abs=1e-6)
    # power is 4 times as large: a relative change of 3, halved, in each of 29 bands
    expected = 1 - (10 * np.log10(1.5 * np.sqrt(29)) + 10) / 26
    assert louder["emobiq-monaural"] == pytest.approx(expected, abs=1e-6)


def test_changes_of_power_are_limited():
    reference = noise(rms=0.001)
    scores = [emobiq(reference, reference * g, RATE)["emobiq-monaural"] for g in (10, 100)]
    assert scores[0] == pytest.approx(scores[1], abs=1e-9)


def test_pure_ild_change():
    """One ear up, the other down, so that the mean amplitude of the two stays."""
    reference = diotic()
    gains = np.array([[1.2], [0.8]])
    scores = emobiq(reference, reference * gains, RATE)
    assert scores["emobiq-monaural"] == pytest.approx(1, abs=1e-6)
    # 40 log10(1.2 / 0.8) = 7.04 dB on the doubled scale; 2 frames, 20 bands from 1.3 kHz up
    ild = 40 * np.log10(1.5)
    bands = int((centre_frequencies() >= 1300).sum())
    expected = 1 - np.sqrt(2 * bands) * ild / 13 / 23
    assert scores["emobiq-binaural"] == pytest.approx(expected, abs=1e-6)
    beyond = [emobiq(reference, reference * [[g], [2 - g]], RATE) for g in (1.4, 1.9)]
    limit = 1 - np.sqrt(2 * bands) * 10 / 13 / 23
    for found in beyond:
        assert found["emobiq-binaural"] == pytest.approx(limit, abs=1e-6)


def test_decorrelation():
    reference, degraded = diotic(), noise(seed=3)
    scores = emobiq(reference, degraded, RATE)
    assert scores["emobiq-binaural"] < 0.85
    turned = emobiq(reference, reference * [[1], [-1]], RATE)
    assert turned["emobiq-monaural"] == pytest.approx(1, abs=1e-6)
    # antiphase: the coherence goes from 1 to -1 in the fine structure; envelopes do not change
    low = int((centre_frequencies() < 1300).sum())
    assert turned["emobiq-binaural"] == pytest.approx(1 - np.sqrt(2 * low * 4) / 23, abs=1e-3)


def test_below_the_threshold_nothing_is_heard():
    reference, degraded = noise(rms=1e-6), noise(rms=1e-6, seed=1)
    assert list(emobiq(reference, degraded, RATE).values()) == [1, 1, 1]
    assert emobiq(reference, degraded, RATE, full_scale_level=160)["emobiq"] < 1


def test_the_level_of_full_scale_is_a_gain():
    reference, degraded = noise(rms=1e-4), noise(rms=1e-4, seed=1)
    gain = 10 ** (15 / 20)
    raised = emobiq(reference * gain, degraded * gain, RATE)
    scores = emobiq(reference, degraded, RATE, full_scale_level=115)
    assert list(scores.values()) == pytest.approx(list(raised.values()), abs=1e-6)


def test_a_silent_ear():
    reference = noise()
    degraded = reference * [[1], [0]]
    assert np.isfinite(list(emobiq(reference, degraded, RATE).values())).all()
    assert emobiq(degraded, degraded, RATE)["emobiq"] == 1


def test_the_last_frame_is_not_used():
    reference = noise(seconds=1.2)
    degraded = reference.copy()
    degraded[:, 2 * FRAME :] = noise(seconds=1.2, seed=1)[:, 2 * FRAME :]
    # the envelopes of bands above 1.3 kHz come from a transform over the whole signal
    assert emobiq(reference, degraded, RATE)["emobiq-monaural"] == 1
    assert emobiq(reference, degraded, RATE)["emobiq-binaural"] > 0.95


def test_binaural_distance_grows_with_the_number_of_frames():
    left = noise(1, 2)
    pair = np.concatenate([left, left]), noise(2, 2, seed=1)
    short, long = (
        1 - emobiq(*(x[:, :n] for x in pair), RATE)["emobiq-binaural"]
        for n in (2 * FRAME, 5 * FRAME)
    )
    assert long / short == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("signal", "message"),
    [
        (noise(seconds=0.79), "too short for eMoBi-Q"),
        (noise(3), "3 channels"),
        (np.full((2, RATE), np.nan), "nan in channel 0"),
    ],
)
def test_errors(signal, message):
    with pytest.raises(InputError, match=message):
        emobiq(signal, signal, RATE)


def test_other_rates_are_resampled():
    assert emobiq(noise(), noise(), 44100)["emobiq"] == 1


def test_ambisonics_are_decoded():
    decoder = BinauralDecoder(torch.tensor([[[1.0], [1.0]], [[1.0], [-1.0]]]).repeat(1, 2, 1))
    reference, degraded = noise(4, seed=1), noise(4, seed=2)
    ears = [decoder(torch.from_numpy(x)).numpy() for x in (reference, degraded)]
    found = emobiq(reference, degraded, RATE, decoder=decoder)
    assert list(found.values()) == pytest.approx(list(emobiq(*ears, RATE).values()), abs=1e-6)


def test_without_the_released_decoder_there_is_a_magls_one(monkeypatch):
    monkeypatch.setattr("qastanet.registry.at_hand", lambda entry: False)
    default_decoder.cache_clear()
    assert default_decoder(1).filters.shape[1] == 4
    default_decoder.cache_clear()
