"""ILD, coherence, power, directiveness, differences: physics, masks, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from qastanet.hearing.differences import FEATURE_NAMES, differences
from qastanet.hearing.directiveness import directiveness
from qastanet.hearing.features import audible, binaural_features
from qastanet.hearing.hearing_threshold import threshold_power
from qastanet.sound import ambisonics


def noise(*shape, seed=0, level=0.1):
    return level * torch.randn(
        *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


@settings(max_examples=10, deadline=None)
@given(st.floats(-30, 30))
def test_ild_of_a_gain_is_its_decibels(gain):
    left = noise(9600)
    ears = torch.stack([left, left * 10 ** (-gain / 20)])
    ild = binaural_features(ears).ild
    torch.testing.assert_close(ild, torch.full_like(ild, gain), rtol=0, atol=1e-9)


def test_coherence_of_equal_and_of_independent_ears():
    same = noise(1, 48000).expand(2, -1)
    ones = binaural_features(same).coherence
    torch.testing.assert_close(ones.real, torch.ones_like(ones.real), rtol=0, atol=1e-9)
    independent = binaural_features(noise(2, 48000)).coherence
    assert independent[:9].abs().mean() < 0.6  # fine structure; the envelope keeps its mean


def test_coherence_has_the_phase_of_a_delay():
    x = noise(48010)
    delay = 5
    ears = torch.stack([x[delay:], x[:-delay]])  # the right ear lags
    coherence = binaural_features(ears).coherence[2]  # 500 Hz
    expected = 2 * np.pi * 500 * delay / 48000
    assert coherence.angle().mean().item() == pytest.approx(expected, abs=0.05)


def test_power_of_a_full_scale_tone_is_calibrated():
    time = torch.arange(48000, dtype=torch.float64) / 48000
    tone = torch.cos(2 * np.pi * 500 * time).expand(2, -1)
    level = 10 * torch.log10(binaural_features(tone).power[2, 5:].mean()) + 100
    # rms of the tone is -3 dB; the mean of its envelope, halved, another 3
    assert level.item() == pytest.approx(100 - 6.02, abs=0.05)


def test_power_is_floored_and_coherence_undefined_below_the_threshold():
    quiet = binaural_features(noise(2, 9600, level=1e-8))
    assert not audible(quiet.power).any()
    threshold = torch.from_numpy(threshold_power())[:, None].expand(29, 5)
    torch.testing.assert_close(quiet.power, threshold)
    assert quiet.coherence.isnan().all()


@pytest.mark.parametrize("floor_ears", [True, False])
def test_one_silent_ear(floor_ears):
    reference = noise(2, 9600)
    degraded = torch.stack([reference[0], torch.zeros(9600, dtype=torch.float64)])
    pair = [binaural_features(x, floor_ears) for x in (reference, degraded)]
    ild = differences(*pair)[0]
    assert torch.isfinite(ild).all()
    if floor_ears:
        assert ild.max() < 400
    else:  # the release: infinity becomes the largest number
        assert (ild == torch.finfo(torch.float64).max).all()


def test_directiveness_of_plane_wave_and_diffuse_field():
    wave = ambisonics.encode(noise(96000).numpy(), 0.4, 0.2, order=1)
    diffuse = noise(4, 96000).numpy() * np.array([1, *[1 / np.sqrt(3)] * 3])[:, None]
    high = directiveness(torch.from_numpy(wave))[:, 1:]
    low = directiveness(torch.from_numpy(diffuse))[:, 1:]
    assert high.min() > 0.97
    assert 0.4 < low.mean() < 0.65  # the norm is taken before the smoothing, so it is not 0


@settings(max_examples=10, deadline=None)
@given(*[st.floats(-3, 3)] * 3)
def test_directiveness_does_not_change_when_the_scene_rotates(yaw, pitch, roll):
    scene = noise(4, 9600).numpy()
    turned = scene.copy()
    turned[[3, 1, 2]] = (
        Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_matrix() @ scene[[3, 1, 2]]
    )
    before, after = (directiveness(torch.from_numpy(x))[:, 1:] for x in (scene, turned))
    torch.testing.assert_close(before, after, rtol=0, atol=1e-8)


def test_directiveness_uses_only_first_order_and_forgets_no_frame():
    scene = noise(16, 9600)
    torch.testing.assert_close(directiveness(scene)[:, 1:], directiveness(scene[:4])[:, 1:])
    found = directiveness(scene)
    assert found.shape == (29, 5) and found[:, 0].isnan().all()


def test_mirrored_scene_mirrors_the_ild_and_keeps_the_differences():
    reference, degraded = noise(2, 9600), noise(2, 9600, seed=1)
    pair = [binaural_features(x) for x in (reference, degraded)]
    mirrored = [binaural_features(x.flip(0)) for x in (reference, degraded)]
    torch.testing.assert_close(mirrored[0].ild, -pair[0].ild)
    torch.testing.assert_close(differences(*mirrored), differences(*pair))


def test_power_difference_reaches_its_ceiling():
    reference = noise(2, 9600)
    pair = [binaural_features(x) for x in (reference, 100 * reference)]
    assert (differences(*pair)[FEATURE_NAMES.index("power")] == 10).all()


def test_differences_are_defined_wherever_a_feature_is_not():
    reference, degraded = noise(4, 19200), noise(4, 19200, seed=1)
    reference[:, :5000] = 0
    degraded[:, 9000:12000] = 0
    pair = [
        binaural_features(x[:2])._replace(directiveness=directiveness(x))
        for x in (reference, degraded)
    ]
    assert any(f.coherence.isnan().any() for f in pair)
    maps = differences(*pair)
    assert torch.isfinite(maps).all() and (maps >= 0).all()
    inaudible = ~audible(pair[0].power)
    assert inaudible.any() and not maps[0][inaudible].any() and not maps[3][inaudible].any()


@pytest.mark.parametrize("floor_ears", [True, False])
def test_gradients_are_finite_through_every_mask(floor_ears):
    reference = noise(4, 19200)
    reference[:, :5000] = 0
    degraded = noise(4, 19200, seed=1)
    degraded[:, 9000:13000] = 0
    degraded[0, 15000:] = 0
    degraded.requires_grad_(True)
    pair = [
        binaural_features(x[:2], floor_ears)._replace(directiveness=directiveness(x))
        for x in (reference, degraded)
    ]
    differences(*pair).sum().backward()
    assert torch.isfinite(degraded.grad).all() and degraded.grad.abs().max() > 0


def test_identical_and_silent_signals_have_finite_gradients():
    for signal in (noise(2, 4000), torch.zeros(2, 4000, dtype=torch.float64)):
        degraded = signal.clone().requires_grad_(True)
        differences(binaural_features(signal), binaural_features(degraded)).sum().backward()
        assert torch.isfinite(degraded.grad).all()
