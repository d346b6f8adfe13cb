"""The shipped model: what it promises of any pair, in both forms."""

import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import SCORE

import qastanet
from qastanet.hearing.fast.front_end import binaural
from qastanet.models.default_model import load_default_model
from qastanet.models.parts_model import PartsScores, load_default, read_weights
from qastanet.scene import codecs
from qastanet.scene.degradations import degrade
from qastanet.scene.room import Room
from qastanet.scene.synthetic_scenes import Scene, Source, random_scene, render
from qastanet.scoring.loading import load_model
from qastanet.training.parts_fit import UNITS

SEEDS = st.integers(0, 2**31)
LITTLE, MOST = 0.85, 0.2
"""Scores of what costs little, and of what costs nearly everything."""

RADIANS = np.pi / 180


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_any_numbers_rate_no_difference_1_and_fall_with_every_part(seed):
    rng = np.random.default_rng(seed)
    model = PartsScores(rng.uniform(0.1, 20, 7), rng.uniform(1, 12), *rng.uniform(0.5, 5, 2))
    values = rng.uniform(0, 5, (4, 7, 29))
    assert (model(np.zeros((2, 7, 29))) == 1).all()
    larger = values + rng.uniform(0, 1, values.shape)
    assert (model(larger) <= model(values)).all() and (model(values) >= 0).all()


@pytest.fixture(scope="module")
def scorer():
    return load_default()


@pytest.fixture(scope="module")
def score(scorer):
    def rate(reference, degraded):
        pair = (scorer.features(np.ascontiguousarray(x, np.float32)) for x in (reference, degraded))
        return scorer.score(*pair)

    return rate


@pytest.fixture(scope="module")
def scene():
    return render(random_scene(3), order=3)


@pytest.fixture(scope="module")
def ears(scene, scorer):
    return binaural(scene, scorer.filters[0])


def _one(kind, first, last=None, seconds=2.0):
    last = first if last is None else last
    source = Source(kind, (first * RADIANS, last * RADIANS), (0.0, 0.0))
    return render(Scene((source,), duration=seconds, seed=1), order=3)


@pytest.mark.parametrize("channels", [2, 4, 9, 16])
def test_every_form_has_its_reference_and_hardly_knows_the_duration(score, scene, ears, channels):
    signal = ears if channels == 2 else scene[:channels]
    assert score(signal, signal) == 1.0
    noisy = degrade(signal, "noise", 0.1, seed=1)
    found = score(signal, noisy)
    assert 0 < found < 0.95
    whole = signal.shape[1] // 3840 * 3840  # the frames of the level fall alike the second time
    pair = signal[:, :whole], noisy[:, :whole]
    assert score(*(np.tile(x, 2) for x in pair)) == pytest.approx(score(*pair), abs=0.02)


def test_both_forms_of_a_scene_score_alike(score, scene, scorer):
    for name, strength in (("narrow", 0.5), ("lowpass", 5000.0), ("turn", 20.0)):
        changed = degrade(scene, name, strength)
        heard = (binaural(x, scorer.filters[0]) for x in (scene, changed))
        assert score(*heard) == pytest.approx(score(scene, changed), abs=SCORE)


def _faded(x):
    return x * np.minimum(np.arange(x.shape[1]) / 4800, 1)


def _without(x, first, last):
    x = x.copy()
    x[:, first:last] = 0
    return x


@pytest.mark.parametrize("material", ["scene", "noise"])
def test_what_happens_once_costs_little_in_ten_seconds(score, ears, material):
    noise = 0.05 * np.random.default_rng(0).standard_normal((2, 480000))
    signal = noise if material == "noise" else np.tile(ears, 5)[:, :480000]
    assert score(signal, _without(signal, 0, 1920)) > LITTLE
    assert score(signal, _faded(signal)) > LITTLE
    assert score(signal, _without(signal, 50400, 54240)) > LITTLE
    assert score(signal, signal * 10 ** (1 / 20)) > LITTLE


def test_what_costs_nearly_everything(score, ears):
    left, right = ears * np.array([[1], [0]]), ears * np.array([[0], [1]])
    assert max(score(ears, left), score(ears, right), score(left, right)) < MOST
    for kind, edge in (("highpass", 5000), ("lowpass", 500)):
        filter_ = scipy.signal.butter(8, edge, kind, fs=48000, output="sos")
        assert score(ears, scipy.signal.sosfilt(filter_, ears)) < MOST


def test_exchanged_and_inverted_ears_are_noticed(score, ears):
    assert score(ears, ears[::-1]) < 0.7
    assert score(ears, ears * np.array([[1], [-1]])) < 0.7


@pytest.mark.parametrize("form", ["ambisonic", "binaural"])
def test_a_source_that_moves_otherwise_is_noticed(score, scorer, form):
    sweep, mirrored, still = (_one("talker", *x) for x in ((80, -80), (-80, 80), (0, 0)))
    if form == "binaural":
        sweep, mirrored, still = (binaural(x, scorer.filters[0]) for x in (sweep, mirrored, still))
        time = np.arange(still.shape[1]) / 48000
        wobble = 10 ** (np.stack([3, -3])[..., None] * np.sin(2 * np.pi * time) / 20).reshape(2, -1)
        assert score(still, still * wobble) < 0.7
    assert score(sweep, mirrored) < 0.5 and score(sweep, still) < 0.5


STEPS = {
    "noise": (0.01, 0.03, 0.1, 0.3),
    "lowpass": (12000.0, 7000.0, 3500.0, 2000.0),
    "narrow": (0.25, 0.5, 0.75, 1.0),
    "decorrelate": (0.25, 0.5, 0.75, 1.0),
    "gain": (1.0, 3.0, 6.0, 10.0),
}


def _falls(scores, by=0.2):
    assert scores == sorted(scores, reverse=True) and scores[0] > scores[-1] + by


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("form", ["ambisonic", "binaural"])
def test_quality_falls_as_a_degradation_grows(score, scene, ears, name, form):
    signal = ears if form == "binaural" else scene
    _falls([score(signal, degrade(signal, name, x, 1)) for x in STEPS[name]])


@pytest.mark.parametrize("form", ["ambisonic", "binaural"])
def test_quality_falls_with_the_bitrate(score, scene, ears, form):
    signal = ears if form == "binaural" else scene
    _falls([score(signal, codecs.opus(signal, rate * len(signal))) for rate in (64, 32, 16, 8)])


@pytest.mark.parametrize("form", ["ambisonic", "binaural"])
def test_quality_falls_as_orders_are_taken_away_and_as_a_source_is_displaced(score, scorer, form):
    room = Room((7, 6, 3.5), (3.5, 4, 1.5), 0.4, 0.0)
    sources = tuple(
        Source(kind, (x * RADIANS,) * 2, (0.0, 0.0)) for kind, x in (("drums", -60), ("bowed", 40))
    )
    scene = render(Scene(sources, room, duration=2.0, seed=4), order=3)
    lower = [degrade(scene, "lower_order", x) for x in (0.5, 1.0, 1.5, 2.0)]
    front, moved = _one("talker", 0), [_one("talker", x) for x in (5, 10, 20, 40)]
    for reference, steps in ((scene, lower), (front, moved)):
        if form == "binaural":
            reference, *steps = (binaural(x, scorer.filters[0]) for x in (reference, *steps))
        _falls([score(reference, x) for x in steps], by=0.15)


def test_quality_falls_with_the_time_and_the_level_between_the_ears(score, scorer):
    ears = binaural(_one("talker", 0), scorer.filters[0])
    fine = scipy.signal.resample_poly(ears, 4, 1, axis=1)
    later = [
        scipy.signal.resample_poly(np.stack([fine[0], np.roll(fine[1], x)]), 1, 4, axis=1)
        for x in (10, 19, 38, 77)  # .05 to .4 ms
    ]
    _falls([score(ears, x) for x in later])
    _falls([score(ears, ears * np.array([[1], [10 ** (-x / 20)]])) for x in (1, 2, 4, 8)])


def test_with_and_without_pytorch(scene):
    model, scorer = load_model(), load_default()
    assert model.name == "default"
    pair = scene[:4, :48000], degrade(scene[:4, :48000], "noise_like", 0.2)
    tensors = [torch.from_numpy(np.float32(x))[None] for x in pair]
    model.front_end = "torch"
    features = [scorer.features(x) for x in pair]
    assert model(*tensors).item() == pytest.approx(scorer.score(*features), abs=SCORE)
    low, high = scorer.interval(*features)
    assert 0 <= low < scorer.score(*features) < high <= 1
    limits = [x.item() for x in model.interval(*tensors)]
    assert limits == pytest.approx([low, high], abs=2 * SCORE)
    assert qastanet.score(*pair, 48000, model) == qastanet.score(*pair, 48000)


def test_gradients(scene):
    model = load_default_model()
    reference = torch.from_numpy(scene[None, :4, :19200])
    degraded = torch.from_numpy(degrade(scene[:4, :19200], "noise", 0.1))[None].requires_grad_(True)
    model(reference, degraded).backward()
    assert torch.isfinite(degraded.grad).all() and degraded.grad.abs().max() > 0
    same = reference.clone().requires_grad_(True)
    value = model(reference, same)
    value.backward()
    assert value.item() == 1 and torch.isfinite(same.grad).all()


def test_the_shipped_numbers_are_a_dozen():
    arrays = read_weights()
    filters = arrays.pop("filters")
    assert sum(x.size for x in arrays.values()) == 11 and filters.shape[:2] == (2, 16)
    assert arrays["units"].tolist() == list(UNITS.values())
