"""The room simulation: geometry by hand, statistics by theory."""

import numpy as np
import pytest

from qastanet.errors import InputError
from qastanet.scene.room import SPEED_OF_SOUND, Room, arrivals, diffuse_envelope, image_sources

RATE = 44100
ROOM = Room((7.0, 6.0, 3.5), (3.5, 4.0, 1.5), rt60=0.3, direct_to_diffuse=0.0)


def test_first_reflections_by_hand():
    positions, order = image_sources([7, 6, 3.5], [1, 2, 3], reach=3)
    first = {tuple(p) for p in positions[order == 1]}
    assert first == {(-1, 2, 3), (13, 2, 3), (1, -2, 3), (1, 10, 3), (1, 2, -3), (1, 2, 4)}
    assert positions[order == 0].tolist() == [[1, 2, 3]]


def test_density_of_images_is_that_of_rooms():
    positions, _ = image_sources([4, 4, 4], [1, 2, 3], reach=40)
    inside = np.linalg.norm(positions - 2, axis=1) < 16
    assert inside.sum() == pytest.approx(4 / 3 * np.pi * 16**3 / 4**3, rel=0.03)


def test_direct_sound():
    found = arrivals(ROOM, np.deg2rad(40), np.deg2rad(70), RATE)
    assert np.all(np.diff(found.delay) >= 0)
    assert found.azimuth[0] == pytest.approx(np.deg2rad(40))
    assert found.zenith[0] == pytest.approx(np.deg2rad(70))
    assert found.amplitude[0] == pytest.approx(1 / ROOM.distance)
    assert found.delay[0] == round(ROOM.distance / SPEED_OF_SOUND * RATE)
    assert found.distinct[0]


def test_all_arrivals_are_early_and_fainter_than_in_the_open():
    found = arrivals(ROOM, 0.0, np.pi / 2, RATE)
    distance = found.delay / RATE * SPEED_OF_SOUND
    assert found.delay.max() < ROOM.discrete_duration * RATE
    assert np.all(found.amplitude[1:] < 1 / distance[1:])
    assert len(found.delay) > 200


def test_sabine():
    area = 2 * (7 * 6 + 7 * 3.5 + 6 * 3.5)
    assert ROOM.surface == area
    assert ROOM.absorption == pytest.approx(0.161 * 7 * 6 * 3.5 / (area * 0.3), rel=2e-3)


def test_six_decibels_less_direct_sound_is_twice_as_far():
    far = Room(ROOM.size, ROOM.listener, rt60=0.3, direct_to_diffuse=-20 * np.log10(2))
    assert far.distance == pytest.approx(2 * ROOM.distance)


def test_a_left_source_is_the_mirror_image_of_a_right_one():
    room = Room(ROOM.size, (3.5, 3.0, 1.5), 0.3, 0.0)  # in the middle between left and right
    left, right = (arrivals(room, np.deg2rad(a), np.pi / 2, RATE) for a in (30, -30))
    np.testing.assert_array_equal(left.delay, right.delay)
    for one, other in (
        (left.amplitude, right.amplitude),
        (left.azimuth % (2 * np.pi), -right.azimuth % (2 * np.pi)),
    ):  # equal delays may come in any order
        np.testing.assert_allclose(np.sort(one), np.sort(other))


def test_tail_carries_on_where_the_reflections_end():
    first = arrivals(ROOM, 0.0, np.pi / 2, RATE)
    envelope = diffuse_envelope(ROOM, first, RATE)
    assert len(envelope) == int(RATE * 0.3) - int(ROOM.discrete_duration * RATE) - 1
    late = first.delay > ROOM.discrete_duration * RATE * 0.6
    power = np.sum(first.amplitude[late] ** 2) / (0.4 * ROOM.discrete_duration * RATE)
    assert 10 * np.log10(envelope[0] ** 2 / power) == pytest.approx(0, abs=4)
    assert np.diff(20 * np.log10(envelope)) == pytest.approx(-60 / 0.3 / RATE)


def test_refuses_impossible_rooms():
    with pytest.raises(InputError, match="no wall gives rt60"):
        arrivals(Room(ROOM.size, ROOM.listener, 0.05, 0.0), 0.0, 1.5, RATE)
    with pytest.raises(InputError, match="outside the room"):
        arrivals(Room(ROOM.size, ROOM.listener, 0.3, -12.0), 0.0, 0.0, RATE)
