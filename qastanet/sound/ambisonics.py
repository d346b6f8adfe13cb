"""Ambisonic conventions: channel order, normalisation, encoding of plane waves, rotation.

The library speaks AmbiX: channels in ACN order (W, Y, Z, X, ...) and SN3D normalisation, so that a
plane wave has the amplitude of its source in W. Directions are azimuth (0 in front, positive to the
left) and elevation (positive upwards), in radians. N3D here is the full N3D of ambisonics, with a
gain of 1 in W; spherical harmonics that are orthonormal on the sphere are smaller by sqrt(4 pi).
"""

import contextlib
import io
import math
import warnings

import numpy as np

from qastanet.errors import InputError
from qastanet.lazy import need


def channels(order: int) -> int:
    """Return the number of channels (order + 1)^2.

    Example:
        >>> channels(3)
        16
    """
    return (order + 1) ** 2


def order_of(n_channels: int) -> int:
    """Return the ambisonic order of a number of channels.

    Raises:
        InputError: if the number is not a square

    Example:
        >>> order_of(9)
        2
    """
    order = math.isqrt(max(n_channels, 0)) - 1
    if order < 0 or channels(order) != n_channels:
        raise InputError(f"{n_channels} channels are no full set of ambisonics: give 4, 9, 16, ...")
    return order


def acn_order(n_channels: int) -> np.ndarray:
    """Return the order n of each ACN channel.

    Example:
        >>> acn_order(9).tolist()
        [0, 1, 1, 1, 2, 2, 2, 2, 2]
    """
    return np.floor(np.sqrt(np.arange(n_channels))).astype(int)


def sn3d_to_n3d(signal: np.ndarray) -> np.ndarray:
    """Convert SN3D to N3D: channels of order n are multiplied by sqrt(2 n + 1).

    Args:
        signal: array or tensor (..., channels, samples)

    Example:
        >>> sn3d_to_n3d(np.ones((4, 1))).ravel().round(3).tolist()
        [1.0, 1.732, 1.732, 1.732]
    """
    return signal * _gains(signal)


def n3d_to_sn3d(signal: np.ndarray) -> np.ndarray:
    """Convert N3D to SN3D, the inverse of `sn3d_to_n3d`.

    Example:
        >>> n3d_to_sn3d(sn3d_to_n3d(np.ones((4, 1)))).ravel().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    return signal / _gains(signal)


def _gains(signal):
    """Return sqrt(2 n + 1) per channel as a column of the kind of the signal."""
    gains = np.sqrt(2 * acn_order(signal.shape[-2]) + 1)[:, None]
    return gains if isinstance(signal, np.ndarray) else signal.new_tensor(gains)


def spherical_harmonics(order: int, azimuth: np.ndarray, elevation: np.ndarray) -> np.ndarray:
    """Evaluate the real spherical harmonics in ACN order and SN3D normalisation.

    Args:
        order: highest order
        azimuth: in radians, shape (directions,)
        elevation: in radians, shape (directions,)

    Returns:
        gains, shape (directions, (order + 1)^2)

    Example:
        >>> front_left_up = spherical_harmonics(1, [0, np.pi / 2, 0], [0, 0, np.pi / 2])
        >>> front_left_up.round(6).astype(int).tolist()
        [[1, 0, 0, 1], [1, 1, 0, 0], [1, 0, 1, 0]]
    """
    sph = spaudiopy_module().sph
    azimuth, elevation = np.atleast_1d(azimuth), np.atleast_1d(elevation)
    orthonormal = sph.sh_matrix(order, azimuth, np.pi / 2 - elevation, sh_type="real")
    return n3d_to_sn3d((orthonormal * math.sqrt(4 * math.pi)).T).T


def encode(
    source: np.ndarray, azimuth: float, elevation: float = 0.0, order: int = 3
) -> np.ndarray:
    """Encode a plane wave.

    Args:
        source: signal, shape (samples,)
        azimuth: direction in radians, positive to the left
        elevation: direction in radians, positive upwards
        order: ambisonic order

    Returns:
        ambisonic signal, ACN and SN3D, shape ((order + 1)^2, samples)

    Example:
        >>> encode(np.ones(1), np.pi / 2, order=1).round(6).ravel().tolist()  # on the left
        [1.0, 1.0, 0.0, 0.0]
    """
    gains = spherical_harmonics(order, azimuth, elevation)[0]
    return gains[:, None] * np.asarray(source)[None, :]


def rotate(signal: np.ndarray, yaw: float) -> np.ndarray:
    """Rotate the scene of an ambisonic signal to the left, about the axis that points up.

    To follow a listener who turns the head to the left by `yaw`, rotate by `-yaw`.

    Args:
        signal: SN3D or N3D, shape (..., channels, samples)
        yaw: in radians

    Example:
        >>> front = encode(np.ones(1), 0.0, order=2)
        >>> bool(np.allclose(rotate(front, np.pi / 2), encode(np.ones(1), np.pi / 2, order=2)))
        True
    """
    # spaudiopy turns the other way, hence the transpose
    matrix = spaudiopy_module().sph.sh_rotation_matrix(order_of(signal.shape[-2]), yaw, 0, 0).T
    return np.ascontiguousarray(matrix) @ signal


def truncate(signal: np.ndarray, order: int) -> np.ndarray:
    """Keep the channels up to an order.

    Raises:
        InputError: if the signal has a lower order

    Example:
        >>> truncate(np.ones((16, 5)), 1).shape
        (4, 5)
    """
    if order_of(signal.shape[-2]) < order:
        raise InputError(f"{signal.shape[-2]} channels cannot be truncated to order {order}")
    return signal[..., : channels(order), :]


def silence_above(signal: np.ndarray, order: int) -> np.ndarray:
    """Silence the channels above an order; unlike `truncate`, all channels stay.

    Example:
        >>> silence_above(np.ones((16, 5)), 1)[:, 0].sum().item()
        4.0
    """
    return np.where(acn_order(len(signal))[:, None] <= order, signal, 0).astype(signal.dtype)


def spaudiopy_module():
    """Import spaudiopy where it is needed: it takes a second and talks about playback."""
    need("spaudiopy")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.filterwarnings("ignore", message="Sounddevice not available")
        import spaudiopy
    return spaudiopy
