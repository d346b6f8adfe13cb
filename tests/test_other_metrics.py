"""The interface of the other metrics, and their values where these are known."""

import logging

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.errors import InputError
from qastanet.rivals.channelwise import by_channel, log_spectral_distance, si_sdr
from qastanet.rivals.optional_metrics import visqol
from qastanet.rivals.other_metrics import METRICS, SCALES, installed, score

RATE = 48000
OPTIONAL = [name for name, metric in METRICS.items() if metric.module]


def noise(channels=2, seconds=1.0, seed=0):
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, int(RATE * seconds)))


def need(name):
    if not installed(name):
        pytest.skip(f"{name} is not installed")


@pytest.mark.parametrize("name", METRICS)
def test_interface(name):
    need(name)
    reference = noise(4)
    scores = METRICS[name].compute(reference, reference + 0.3 * noise(4, seed=1), RATE)
    assert set(scores) <= set(SCALES)
    assert np.isfinite(list(scores.values())).all()


@pytest.mark.parametrize("name", METRICS)
def test_more_noise_is_worse_by_the_sign_of_the_scale(name):
    need(name)
    reference = noise(4)
    few, much = (
        METRICS[name].compute(reference, reference + g * noise(4, seed=1), RATE)
        for g in (0.05, 0.5)
    )
    for key, value in few.items():
        sign = -1 if SCALES[key] is not None and SCALES[key] < 0 else 1
        assert sign * value > sign * much[key], key


@pytest.mark.parametrize(
    ("name", "value"),
    [("lsd", 0), ("si-sdr", 100), ("visqol", 4.73), ("zimtohrli", 5), ("mrstft", 0)],
)
def test_identical_signals(name, value):
    need(name)
    scores = METRICS[name].compute(noise(), noise(), RATE)
    assert list(scores.values()) == pytest.approx([value] * 3, abs=0.01)


@pytest.mark.parametrize("name", ["visqol", "zimtohrli"])
def test_other_rates_are_resampled(name):
    need(name)
    time = np.arange(2 * 44100) / 44100
    tone = 0.1 * np.sin(2 * np.pi * 1000 * time)[None]
    assert METRICS[name].compute(tone, tone, 44100)[f"{name}"] > 4.5
    with pytest.raises(InputError, match="whole number"):
        METRICS[name].compute(tone, tone, 44100.5)


def test_worst_and_mean_over_the_channels():
    reference = noise(3)
    degraded = reference.copy()
    degraded[1] *= 10 ** (-12 / 20)
    scores = log_spectral_distance(reference, degraded, RATE)
    assert scores == pytest.approx({"lsd": 4, "lsd-worst": 12, "lsd-first": 0}, abs=0.02)
    degraded[2] = noise(1, seed=3)[0]
    scores = si_sdr(reference, degraded, RATE)
    assert scores["si-sdr-first"] == 100
    assert scores["si-sdr-worst"] < -20


def test_silent_channels_are_left_out():
    reference, degraded = noise(3), noise(3) + noise(3, seed=1)
    reference[2] = 0
    assert si_sdr(reference, degraded, RATE)["si-sdr"] == pytest.approx(0, abs=0.1)
    degraded[0] = 0  # a lost channel counts, with a number
    assert si_sdr(reference, degraded, RATE)["si-sdr-first"] == -100
    assert 0 < log_spectral_distance(reference, degraded, RATE)["lsd-worst"] <= 110
    with pytest.raises(InputError, match="silent"):
        si_sdr(np.zeros((1, 100)), np.ones((1, 100)), RATE)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.01, 100), snr=st.floats(-20, 60), seed=st.integers(0, 2**32 - 1))
def test_si_sdr_is_the_ratio_put_in_whatever_the_gain(gain, snr, seed):
    x, e = noise(2, 0.2, seed)
    x, e = x - x.mean(), e - e.mean()
    e -= x * (e @ x) / (x @ x)
    e *= np.sqrt(x @ x / (e @ e)) * 10 ** (-snr / 20)
    assert si_sdr(x[None], gain * (x + e)[None], RATE)["si-sdr"] == pytest.approx(snr, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(gain=st.floats(-30, 30))
def test_log_spectral_distance_of_a_gain_is_that_gain(gain):
    x = noise(1, 0.2)
    distance = log_spectral_distance(x, x * 10 ** (gain / 20), RATE)["lsd"]
    assert distance == pytest.approx(abs(gain), abs=0.01)


def test_score_takes_what_fits():
    scores = score(noise(), noise(), RATE, ["lsd", "si-sdr"])
    assert set(scores) == {f"{m}{p}" for m in ("lsd", "si-sdr") for p in ("", "-worst", "-first")}
    with pytest.raises(InputError, match="unknown metric 'peaq'; use one of emobiq"):
        score(noise(), noise(), RATE, ["peaq"])


def test_ambiqual_is_for_ambisonics(monkeypatch):
    for name in OPTIONAL:
        monkeypatch.delitem(METRICS, name)
    assert "ambiqual-lq" in score(noise(4), noise(4), RATE)
    assert "ambiqual-lq" not in score(noise(2), noise(2), RATE)


def test_missing_packages_are_passed_over_with_a_message(monkeypatch, caplog):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with caplog.at_level(logging.WARNING):
        assert "lsd" in score(noise(), noise(), RATE)
    assert "visqol skipped: pip install visqol-python" in caplog.text
    with pytest.raises(InputError, match="pip install visqol-python"):
        visqol(noise(), noise(), RATE)


@pytest.mark.parametrize(
    ("reference", "degraded", "message"),
    [
        (noise(2), noise(1), "same shape"),
        (noise(1)[0], noise(1)[0], "same shape"),
        (noise(1, 0.01), noise(1, 0.01), "too short for lsd"),
        (noise(1), np.full((1, RATE), np.inf), "NaN or infinity"),
    ],
)
def test_errors(reference, degraded, message):
    with pytest.raises(InputError, match=message):
        log_spectral_distance(reference, degraded, RATE)


def test_the_measure_sees_single_channels():
    seen = []
    by_channel("x", lambda r, d: seen.append(r.shape) or 0.0, noise(3), noise(3), min, 1)
    assert seen == [(RATE,)] * 3
