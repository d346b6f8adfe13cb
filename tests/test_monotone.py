"""The monotone network and the shipped model: what holds for any weights, and for these."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import SCORE

from qastanet.hearing.feature_statistics import STATISTICS, needs_directiveness, statistics
from qastanet.hearing.features import Features
from qastanet.models.default_model import load_default_model
from qastanet.models.monotone import Member, MonotoneEnsemble, count_parameters
from qastanet.models.monotone_scorer import MonotoneScores, load_default, read_weights
from qastanet.scene.degradations import degrade
from qastanet.scene.synthetic_scenes import random_scene, render
from qastanet.scoring.loading import load_model
from qastanet.scoring.pair_scores import score
from qastanet.training.recipe import MEMBERS

SEEDS = st.integers(0, 2**31)


def _random_ensemble(seed):
    ensemble = MonotoneEnsemble(MEMBERS)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in ensemble.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return ensemble


def _random_statistics(seed, pairs=4):
    return torch.rand(pairs, len(STATISTICS), 29, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.booleans())
def test_any_weights_rate_no_difference_1_and_fall_with_every_difference(seed, directive):
    ensemble = _random_ensemble(seed)
    values = _random_statistics(seed)
    has = torch.full((4,), directive)
    assert (ensemble(torch.zeros_like(values), has) == 1).all()
    larger = values + _random_statistics(seed + 1)
    before, after = ensemble(values, has), ensemble(larger, has)
    assert (after <= before + 1e-6).all() and (before >= 0).all() and (before <= 1).all()
    assert all((weight >= 0).all() for weight in ensemble.weights())


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_gradients_are_finite_everywhere_and_never_positive(seed):
    ensemble = _random_ensemble(seed)
    values = _random_statistics(seed)
    values[0] = 0
    values.requires_grad_(True)
    ensemble(values, torch.tensor([True, True, False, False])).sum().backward()
    assert torch.isfinite(values.grad).all() and (values.grad <= 0).all()


def test_a_signal_without_directiveness_is_never_rated_better_for_it():
    ensemble = _random_ensemble(3)
    values = _random_statistics(3)
    values[:, torch.from_numpy(needs_directiveness())] = 0
    with_it = ensemble(values, torch.ones(4, dtype=torch.bool))
    assert (ensemble(values, torch.zeros(4, dtype=torch.bool)) <= with_it).all()


def test_copies_of_an_ensemble_are_like_it():
    ensemble = _random_ensemble(5)
    values, has = _random_statistics(5), torch.ones(4, dtype=torch.bool)
    twice = ensemble.repeated(2)(values, has)
    assert torch.allclose(twice, ensemble(values, has).repeat(1, 2))


def test_plain_arrays_score_alike():
    ensemble = _random_ensemble(7)
    values = _random_statistics(7)
    plain = MonotoneScores(*ensemble.plain().values())
    for directive in (True, False):
        expected = ensemble(values, torch.full((4,), directive)).mean(-1)
        found = plain(values.numpy(), directive)
        np.testing.assert_allclose(found, expected.detach().numpy(), atol=1e-5)


def test_few_parameters():
    assert count_parameters(MEMBERS) == 21
    assert count_parameters([Member(("frame_level",))]) == 3


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_statistics_do_not_depend_on_repetition(seed):
    rng = np.random.default_rng(seed)

    def features():
        return Features(
            rng.normal(0, 5, (1, 29, 6)),
            rng.uniform(-0.7, 0.7, (1, 29, 6)) + 1j * rng.uniform(-0.7, 0.7, (1, 29, 6)),
            10 ** rng.uniform(-8, -2, (1, 29, 6)),
            rng.random((1, 29, 6)),
        )

    pair = features(), features()
    once = statistics(*pair)
    twice = statistics(*(Features(*(np.tile(x, 2) for x in each)) for each in pair))
    np.testing.assert_allclose(twice, once, atol=1e-9)
    assert (once >= 0).all() and (once[:, :3].max() > 0)
    tensors = [Features(*(torch.from_numpy(x) for x in each)) for each in pair]
    np.testing.assert_allclose(statistics(*tensors).numpy(), once, atol=1e-9)


@pytest.fixture(scope="module")
def scene():
    return render(random_scene(3), order=3)


def _forms(scene):
    ears = load_default_model().decoders[0](torch.from_numpy(scene)).numpy()
    return {16: scene, 9: scene[:9], 4: scene[:4], 2: ears}


@pytest.mark.parametrize("channels", [2, 4, 9, 16])
def test_shipped_model_on_every_form(scene, channels):
    signal = _forms(scene)[channels]
    assert score(signal, signal, 48000) == 1.0
    noisy = degrade(signal, "noise", 0.1, seed=1)
    found = score(signal, noisy, 48000)
    assert 0 < found < 0.9
    twice = score(np.tile(signal, 2), np.tile(noisy, 2), 48000)
    assert twice == pytest.approx(found, abs=2e-3)
    whole = signal.shape[1] // 1920 * 1920  # frames of 40 ms: the second time they fall alike
    pair = signal[:, :whole], noisy[:, :whole]
    once, twice = score(*pair, 48000), score(*(np.tile(x, 2) for x in pair), 48000)
    assert twice == pytest.approx(once, abs=5e-4)


@pytest.mark.parametrize("channels", [2, 4])
def test_shipped_model_orders_degradations_as_anyone_would(scene, channels):
    signal = _forms(scene)[channels]
    rated = [score(signal, degrade(signal, "lowpass", f), 48000) for f in (3500.0, 7000.0, 11000.0)]
    assert rated == sorted(rated) and rated[0] < 0.55
    rated = [score(signal, degrade(signal, "noise", x, 1), 48000) for x in (0.3, 0.1, 0.01)]
    assert rated == sorted(rated) and rated[0] < 0.6
    assert score(signal, degrade(signal, "narrow", 1.0), 48000) < 0.5
    assert score(signal, np.roll(signal, 24, axis=1), 48000) > 0.9
    assert score(signal, degrade(signal, "gain", 1.0), 48000) > 0.85


def test_shipped_model_with_and_without_pytorch(scene):
    model, scorer = load_model(), load_default()
    assert model.name == "default"
    pair = scene[:4], degrade(scene[:4], "noise_like", 0.2)
    tensors = [torch.from_numpy(x)[None] for x in pair]
    model.front_end = "torch"
    features = [scorer.features(x) for x in pair]
    assert model(*tensors).item() == pytest.approx(scorer.score(*features), abs=SCORE)
    low, high = scorer.interval(*features)
    assert 0 <= low < scorer.score(*features) < high <= 1
    limits = [x.item() for x in model.interval(*tensors)]
    assert limits == pytest.approx([low, high], abs=2 * SCORE)


def test_shipped_model_has_gradients(scene):
    model = load_model()
    reference = torch.from_numpy(scene[None, :4, :19200])
    degraded = torch.from_numpy(degrade(scene[:4, :19200], "noise", 0.1))[None].requires_grad_(True)
    model(reference, degraded).backward()
    assert torch.isfinite(degraded.grad).all() and degraded.grad.abs().max() > 0
    same = reference.clone().requires_grad_(True)
    value = model(reference, same)
    value.backward()
    assert value.item() == 1 and torch.isfinite(same.grad).all()


def test_shipped_weights_cannot_make_a_difference_an_improvement():
    arrays = read_weights()
    assert all((arrays[name] >= 0).all() for name in ("with", "without", "exponent"))
    assert (arrays["without"] >= 0).all() and arrays["with"].shape == (len(MEMBERS), 13, 29)
