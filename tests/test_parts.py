"""The parts: golden values of the rated stimuli, and what a change of sound does to each part."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror import AMBIQUAL, upstream
from tolerances import CLOSED_FORM, EXACT_SCORE

from qastanet.hearing.fast.front_end import features
from qastanet.hearing.features import Features, binaural_features
from qastanet.hearing.parts import PARTS, Form, parts
from qastanet.listening_tests.rated_pairs import ambiqual_pairs
from qastanet.models.parts_model import load_default
from qastanet.scene.degradations import degrade

FIRST_STUDY = Form(exponent=0.3, hold=np.inf, floor=0.5, gain=0.0, window=0)
"""The definitions of the study that the golden values come from."""
UNITS = {"level": 12.0, "fluctuation": 1.0, "width": 0.2, "phase": 1.0, "place": 24.0}
SEEDS = st.integers(0, 2**31)


def test_golden_values_of_a_rated_scene():
    """Files at 48 kHz, which no resampling comes between; powers at the threshold are rounded."""
    upstream(AMBIQUAL)
    golden = pd.read_csv(Path(__file__).parent / "golden" / "five_parts.csv")
    rated = pd.read_csv("data/processed/ambiqual2_listening_test.csv")
    rated = rated[(rated.content == "castFpinkEl") & (rated.condition != "REF")]
    scorer, seen = load_default(), 0
    for pair in ambiqual_pairs(rated):
        pair_of = [scorer.features(x) for x in pair.at_model_rate().signals]
        found = dict(zip(PARTS, parts(*pair_of, FIRST_STUDY)[0], strict=True))
        condition = rated.set_index("stimulus").condition[pair.stimulus]
        expected = golden[golden.condition == condition].iloc[0]
        means = {name: found[name].mean() for name in UNITS}
        assert means == pytest.approx(expected[list(UNITS)].to_dict(), abs=EXACT_SCORE)
        compressed = [np.log1p(found[name] / unit).mean() for name, unit in UNITS.items()]
        assert np.linalg.norm(compressed, 6) == pytest.approx(expected.D, abs=EXACT_SCORE)
        seen += 1
    assert seen == 3


def _noise(seconds=4.0, seed=0, coherent=0.0):
    rng = np.random.default_rng(seed)
    ears = rng.standard_normal((2, round(seconds * 48000)))
    return 0.05 * (np.sqrt(1 - coherent) * ears + np.sqrt(coherent) * ears[:1])


def _means(reference, degraded):
    found = parts(features(reference), features(degraded))[0]
    return dict(zip(PARTS, found.mean(-1), strict=True))


def test_gain_of_both_ears_is_gain_and_nothing_else():
    noise = _noise()
    found = _means(noise, noise * 10 ** (-3 / 20))
    assert found.pop("gain") == pytest.approx(3, abs=1e-3)
    assert max(found.values()) < 0.01
    assert _means(noise, noise * 10 ** (12 / 20))["level"] == pytest.approx(6, abs=0.01)


def test_each_change_is_heard_by_its_part():
    noise = _noise(coherent=1.0)
    time = np.arange(noise.shape[1]) / 48000
    assert _means(noise, _noise(coherent=0.0))["width"] > 0.25
    assert _means(noise, noise * np.array([[1], [-1]]))["phase"] > 0.5
    assert _means(noise, noise * np.array([[1.0], [0.5]]))["place"] == pytest.approx(6, abs=0.1)
    sway = 10 ** (np.stack([1, -1]) * 3 * np.sin(2 * np.pi * time)[:, None] / 20).T
    assert _means(noise, noise * sway)["movement"] == pytest.approx(6 / np.sqrt(2), abs=0.3)
    pulsed = _means(noise, noise * (1 + 0.5 * np.sin(2 * np.pi * 3 * time)))
    assert pulsed["fluctuation"] > 0.2 > _means(noise, _noise(seed=9))["fluctuation"]
    dull = _means(noise, degrade(noise, "lowpass", 3000.0))
    assert dull["level"] > 5 > 1 > dull["place"]


def test_a_sweep_in_the_other_direction_is_another_place():
    time = np.linspace(-1, 1, 4 * 48000)
    noise, sweep = _noise(coherent=1.0), 10 ** (np.stack([time, -time]) * 5 / 20)
    found = _means(noise * sweep, noise * sweep[::-1])
    assert found["place"] > 5 and found["movement"] < 0.2


def test_a_dead_ear_is_far_away():
    noise = _noise(coherent=0.5)
    left, right = noise * np.array([[1], [0]]), noise * np.array([[0], [1]])
    assert _means(noise, left)["place"] > 40
    assert _means(left, right)["place"] > 80


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(2, 40))
def test_no_difference_is_0_and_exchange_or_repetition_change_nothing(seed, frames):
    rng = np.random.default_rng(seed)

    def drawn():
        complex_ = rng.uniform(-0.7, 0.7, (2, 1, 29, frames))
        power = 10 ** rng.uniform(-11, -2, (1, 29, frames))
        return Features(rng.normal(0, 5, (1, 29, frames)), complex_[0] + 1j * complex_[1], power)

    one, other = drawn(), drawn()
    found = parts(one, other, Form(window=0))
    assert (parts(one, one) == 0).all() and (found >= 0).all() and np.isfinite(found).all()
    symmetric = Form(hold=np.inf, window=0)
    there, back = parts(one, other, symmetric), parts(other, one, symmetric)
    np.testing.assert_allclose(back, there, rtol=1e-9, atol=1e-9)
    if frames % 2 == 0 and frames > 25:
        tiled = [Features(*(np.tile(x, 2) for x in each[:3])) for each in (one, other)]
        twice = parts(*tiled, Form(window=0))
        np.testing.assert_allclose(twice, found, rtol=1e-6, atol=CLOSED_FORM)
    tensors = [Features(*(torch.from_numpy(x) for x in each[:3])) for each in (one, other)]
    np.testing.assert_allclose(parts(*tensors).numpy(), parts(one, other), atol=1e-9)


def test_gradients_are_finite_also_where_nothing_differs_or_sounds():
    noise = torch.from_numpy(_noise(0.4))
    noise[:, 9600:] = 0
    for degraded in (noise.clone(), 0.5 * noise.roll(99, -1)):
        degraded.requires_grad_(True)
        found = parts(binaural_features(noise), binaural_features(degraded))
        found.sum().backward()
        assert torch.isfinite(degraded.grad).all()
    assert degraded.grad.abs().max() > EXACT_SCORE
