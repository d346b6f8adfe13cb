"""Synthetic scenes, degradations and codecs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.errors import InputError
from qastanet.scene import codecs
from qastanet.scene.degradations import DEGRADATIONS, degrade
from qastanet.scene.dry_sounds import KINDS, dry_sound
from qastanet.scene.synthetic_scenes import Scene, Source, random_scene, render


@pytest.mark.parametrize("kind", KINDS)
def test_dry_sounds_are_reproducible_and_levelled(kind):
    first, second = (dry_sound(kind, 24000, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert np.isfinite(first).all() and np.sqrt(np.mean(first**2)) == pytest.approx(0.1)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10**6))
def test_scenes_are_reproducible_and_levelled(seed):
    scene = random_scene(seed)
    first = render(scene, order=1)
    np.testing.assert_array_equal(first, render(scene, order=1))
    assert first.shape == (4, round(48000 * scene.duration))
    assert np.abs(first[0]).max() == pytest.approx(0.25, rel=1e-5)


def test_lower_orders_are_the_first_channels_of_higher_ones():
    scene = Scene((Source("drums", (0.3, 1.0), (0.1, 0.1)),), duration=0.5)
    np.testing.assert_allclose(render(scene, 3)[:4], render(scene, 1), atol=1e-6)


def test_a_source_on_the_left_is_on_the_left():
    scene = Scene((Source("noise", (np.pi / 2, np.pi / 2), (0.0, 0.0)),), duration=0.5)
    w, y, _, x = render(scene, 1)
    np.testing.assert_allclose(w, y, atol=1e-6)
    np.testing.assert_allclose(x, 0, atol=1e-6)


@pytest.fixture(scope="module")
def signal():
    return render(random_scene(2), 1)[:, :48000]


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_degradations_keep_the_shape_and_grow_with_their_strength(signal, name):
    known = DEGRADATIONS[name]
    errors = []
    for strength in (known.mild, known.severe):
        degraded = degrade(signal, name, strength, seed=1)
        assert degraded.shape == signal.shape and np.isfinite(degraded).all()
        np.testing.assert_array_equal(degraded, degrade(signal, name, strength, seed=1))
        errors.append(np.sum((degraded - signal) ** 2))
    assert 0 < errors[0] < errors[1]


def test_unknown_degradations_are_refused(signal):
    with pytest.raises(InputError, match="unknown degradation 'hiss'"):
        degrade(signal, "hiss", 1.0)
    with pytest.raises(InputError, match="does not take 2 channels"):
        degrade(signal[:2], "turn", 10.0)


@pytest.mark.parametrize("codec", [codecs.opus, codecs.aac])
@pytest.mark.parametrize("channels", [1, 2, 4])
def test_codecs_are_aligned_and_better_at_higher_rates(signal, codec, channels):
    part = signal[:channels]
    errors = [np.sum((codec(part, rate * channels) - part) ** 2) for rate in (24, 96)]
    assert errors[1] < errors[0] < np.sum(part**2)


def test_codecs_refuse_other_numbers_of_channels():
    with pytest.raises(InputError, match=r"shape \(3, 10\)"):
        codecs.opus(np.zeros((3, 10)), 64)
