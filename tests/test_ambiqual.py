"""Ambiqual: published outputs, a plain second implementation, invariants, errors."""

import mirror
import numpy as np
import pandas as pd
import pytest
import scipy.ndimage
import scipy.signal
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.errors import InputError
from qastanet.rivals.ambiqual import BAND_BINS, BINS, ambiqual, localisation_accuracy, patch_count


def plain_similarity(reference, degraded):
    """The recipe word by word, with scipy's own transform and filter."""
    phases = []
    for channel in (reference, degraded):
        padded = np.concatenate([np.zeros(11520 + 768), channel])
        _, _, spectrum = scipy.signal.stft(
            padded, window="hamming", nperseg=1536, noverlap=768, nfft=2048
        )
        phases.append(np.angle(spectrum[1:641, 1:-1]))
    border = np.array([0.0113, 0.0838, 0.0113])
    weights = np.array([border, [0.0838, 0.6193, 0.0838], border])
    weights /= weights.sum()

    def mean(x):
        return scipy.ndimage.convolve(x, weights, mode="reflect")

    c1, c3 = (0.01 * 2 * np.pi) ** 2, (0.03 * 2 * np.pi) ** 2 / 2
    values = []
    for start in np.arange(15, phases[0].shape[1] - 30, 30):
        r, d = (phase[:, start - 1 : start + 29] for phase in phases)
        mr, md = mean(r), mean(d)
        vr, vd = (np.maximum(mean(x * x) - m * m, 0) for x, m in ((r, mr), (d, md)))
        similarity = (2 * mr * md + c1) / (mr**2 + md**2 + c1)
        similarity *= (mean(r * d) - mr * md + c3) / (np.sqrt(vr * vd) + c3)
        groups = np.split(similarity, np.cumsum(BAND_BINS)[:-1])
        values.append(np.mean([group.mean(axis=0).mean() for group in groups]))
    return np.mean(values)


def scene(seed, seconds=1.0, channels=4):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((channels, int(48000 * seconds)))


def test_published_outputs():
    root = mirror.upstream(mirror.AMBIQUAL) / "validation"
    table = pd.read_csv(root / "validation_experiment_2.csv").set_index("filename")
    table = table[table.index.str.contains("_FOA_")].dropna(axis="columns")
    assert len(table) == 24
    columns = ["LQ", "LA", "nsim_0", "nsim_1", "nsim_2", "nsim_3"]
    for name, published in table.iterrows():
        stem = name.rsplit("_", 1)[0]
        reference, _ = soundfile.read(root / "audiofiles" / f"{stem}_REF.wav")
        degraded, _ = soundfile.read(root / "audiofiles" / name)
        scores = ambiqual(reference.T, degraded.T)
        ours = [scores[column.lower()] for column in columns]
        np.testing.assert_allclose(ours, published[columns].astype(float), atol=1e-6, err_msg=name)


@pytest.mark.parametrize("samples", [23041, 48000, 12 * 48000 + 5])
def test_equals_the_plain_recipe(samples):
    rng = np.random.default_rng(samples)
    reference = rng.standard_normal((4, samples))
    degraded = reference + 0.3 * rng.standard_normal((4, samples))
    degraded[3] = 0
    scores = ambiqual(reference, degraded)
    plain = [plain_similarity(r, d) for r, d in zip(reference, degraded, strict=True)]
    ours = [scores[f"nsim_{i}"] for i in range(4)]
    np.testing.assert_allclose(ours, plain, atol=1e-12)
    assert scores["lq"] == scores["nsim_0"]
    assert scores["la"] == pytest.approx(localisation_accuracy(plain), abs=1e-12)


@pytest.mark.parametrize(("channels", "la"), [(4, 0.1**0.365), (9, 0.1**0.16), (16, 1.0)])
def test_identical_signals(channels, la):
    x = scene(0, 0.5, channels)
    scores = ambiqual(x, x)
    assert scores["lq"] == pytest.approx(1, abs=1e-12)
    assert scores["la"] == pytest.approx(la, abs=1e-12)


def test_more_noise_is_worse():
    x, noise = scene(1), scene(2)
    scores = [ambiqual(x, x + gain * noise) for gain in (0, 0.1, 0.3, 1, 3)]
    assert np.all(np.diff([s["lq"] for s in scores]) < 0)
    assert np.all(np.diff([s["la"] for s in scores]) < 0)


def test_only_the_damaged_channel_falls():
    x = scene(3)
    y = x.copy()
    y[2] = scene(4)[2]
    scores = ambiqual(x, y)
    assert scores["lq"] == pytest.approx(1)
    assert scores["nsim_2"] < 0.3
    assert scores["la"] < 0.4


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), gain=st.sampled_from([1e-3, 0.5, 4.0]))
def test_levels_do_not_matter_and_the_signals_may_be_swapped(seed, gain):
    x, y = scene(seed, 0.6), scene(seed, 0.6) + 0.5 * scene(seed + 1, 0.6)
    scores = ambiqual(x, y)
    assert scores == pytest.approx(ambiqual(x, gain * y), abs=1e-9)
    assert scores == pytest.approx(ambiqual(y, x), abs=1e-9)
    assert all(0 <= scores[key] <= 1 for key in ("lq", "la"))


def test_samples_after_the_last_whole_patch_are_not_looked_at():
    x = scene(5, 1.2)
    y = x.copy()
    y[:, -5000:] = 0
    assert patch_count(x.shape[1]) == patch_count(x.shape[1] - 5000)
    assert ambiqual(x, y)["lq"] == pytest.approx(1)


def test_silence_is_finite():
    x = np.zeros((4, 48000))
    assert ambiqual(x, x)["lq"] == 1
    assert np.isfinite(list(ambiqual(x, scene(6)).values())).all()


def test_shape_of_the_analysis():
    assert BINS == 640
    assert len(BAND_BINS) == 32
    assert patch_count(23040) == 0
    assert patch_count(23041) == 1


@pytest.mark.parametrize(
    ("reference", "degraded", "message"),
    [
        (np.zeros((4, 48000)), np.zeros((4, 47999)), "same shape"),
        (np.zeros(48000), np.zeros(48000), "same shape"),
        (np.zeros((2, 48000)), np.zeros((2, 48000)), "4, 9 or 16"),
        (np.zeros((4, 23040)), np.zeros((4, 23040)), "too short"),
        (np.zeros((4, 48000)), np.full((4, 48000), np.nan), "NaN"),
    ],
)
def test_errors(reference, degraded, message):
    with pytest.raises(InputError, match=message):
        ambiqual(reference, degraded)
