"""Ambisonic conventions: closed forms, rotations, conversions."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import CLOSED_FORM

from qastanet.errors import InputError
from qastanet.sound import ambisonics

ANGLE = st.floats(-np.pi, np.pi)
ELEVATION = st.floats(-1.5, 1.5)


def test_first_and_second_order_closed_form():
    azimuth, elevation = 0.7, -0.3
    x, y, z = (
        np.cos(azimuth) * np.cos(elevation),
        np.sin(azimuth) * np.cos(elevation),
        np.sin(elevation),
    )
    root = np.sqrt(3)
    second = [root * x * y, root * y * z, (3 * z * z - 1) / 2, root * x * z]
    expected = [1, y, z, x, *second, root / 2 * (x * x - y * y)]
    found = ambisonics.spherical_harmonics(2, azimuth, elevation)[0]
    np.testing.assert_allclose(found, expected, atol=CLOSED_FORM)


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_n3d_harmonics_are_orthonormal_in_the_mean_over_the_sphere(order):
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((200000, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    azimuth = np.arctan2(directions[:, 1], directions[:, 0])
    harmonics = ambisonics.spherical_harmonics(order, azimuth, np.arcsin(directions[:, 2]))
    n3d = ambisonics.sn3d_to_n3d(harmonics.T)
    gram = n3d @ n3d.T / len(directions)
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=0.05)


@settings(max_examples=25, deadline=None)
@given(ANGLE, ELEVATION, ANGLE, st.integers(1, 3))
def test_rotating_the_scene_is_rotating_the_sources(azimuth, elevation, yaw, order):
    source = ambisonics.encode(np.ones(1), azimuth, elevation, order)
    moved = ambisonics.encode(np.ones(1), azimuth + yaw, elevation, order)
    np.testing.assert_allclose(ambisonics.rotate(source, yaw), moved, atol=1e-6)


def test_conversion_works_on_tensors_and_inverts():
    signal = torch.randn(2, 16, 7, dtype=torch.float64)
    back = ambisonics.n3d_to_sn3d(ambisonics.sn3d_to_n3d(signal))
    torch.testing.assert_close(back, signal)


@pytest.mark.parametrize("channels", [0, 2, 3, 5, 15])
def test_refuses_incomplete_sets(channels):
    with pytest.raises(InputError, match="no full set"):
        ambisonics.order_of(channels)


def test_refuses_to_raise_the_order():
    with pytest.raises(InputError, match="cannot be truncated"):
        ambisonics.truncate(np.ones((4, 3)), 2)
