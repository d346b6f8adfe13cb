"""Conventions of ambisonic signals: conversion to AmbiX, and a guess from the energies."""

import numpy as np

from qastanet.errors import InputError
from qastanet.sound.ambisonics import channels, n3d_to_sn3d, order_of

CONVENTIONS = ("ambix", "n3d", "fuma")
"""AmbiX (ACN, SN3D), ACN with N3D, or Furse-Malham B-format (first order: W, X, Y, Z)."""


def to_ambix(samples: np.ndarray, convention: str) -> np.ndarray:
    """Convert an ambisonic signal to AmbiX; binaural signals pass.

    Args:
        samples: shape (channels, samples)
        convention: one of CONVENTIONS

    Raises:
        InputError: for FuMa of higher order, whose normalisation has no single definition in use

    Example:
        >>> to_ambix(np.array([[0.5**0.5], [1.0], [0.0], [0.0]]), "fuma").round(6).ravel().tolist()
        [1.0, 0.0, 0.0, 1.0]
    """
    if len(samples) == 2 or convention == "ambix":
        return samples
    if convention == "n3d":
        return n3d_to_sn3d(samples).astype(samples.dtype)
    if len(samples) != 4:
        raise InputError(
            f"{len(samples)} channels in FuMa convention: only first order (4 channels) is "
            "converted; convert the signal to AmbiX"
        )
    w, x, y, z = samples
    return np.stack([w * np.sqrt(2).astype(samples.dtype), y, z, x])


def suspected_convention(samples: np.ndarray) -> str | None:
    """Guess from the energies of an ambisonic signal that it is not the AmbiX it should be.

    For plane waves and diffuse fields alike, all channels of an order together have the energy of W
    in SN3D, 2 n + 1 times as much in N3D, and twice as much at first order in FuMa.

    Args:
        samples: shape (channels, samples), supposed to be AmbiX

    Returns:
        "n3d", "fuma", or None if nothing contradicts AmbiX

    Example:
        >>> suspected_convention(np.ones((4, 9)))
        'n3d'
    """
    energy = np.mean(np.square(samples, dtype=np.float64), axis=1)
    if energy[0] <= 0:
        return None
    order = order_of(len(samples))
    ratios = np.array(
        [energy[channels(n - 1) : channels(n)].sum() / energy[0] for n in range(1, order + 1)]
    )
    if np.any(ratios <= 0):
        return None
    n3d = 2 * np.arange(1, order + 1) + 1
    distances = {"n3d": np.abs(np.log(ratios / n3d)).max(), None: np.abs(np.log(ratios)).max()}
    if order == 1:
        distances["fuma"] = abs(np.log(ratios[0] / 2))
    nearest = min(distances, key=distances.get)
    return nearest if distances[nearest] < 0.15 else None
