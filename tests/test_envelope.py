"""Envelope and framing against scipy, and their physics."""

import numpy as np
import pytest
import scipy.signal
import torch

from qastanet.hearing import envelope
from qastanet.sound import sampling


@pytest.mark.parametrize("samples", [1920, 1921, 4799])
def test_analytic_signal_equals_scipy(samples):
    x = np.random.default_rng(0).random(samples)
    expected = scipy.signal.hilbert(x)
    np.testing.assert_allclose(envelope.analytic(torch.from_numpy(x)), expected, atol=1e-12)


@pytest.mark.parametrize("kind", [np.real, lambda z: z], ids=["real", "complex"])
def test_lowpass_equals_scipy(kind):
    rng = np.random.default_rng(0)
    x = kind(rng.standard_normal(5001) + 1j * rng.standard_normal(5001))
    expected = scipy.signal.lfilter(*scipy.signal.butter(1, 300 / 48000), x)
    np.testing.assert_allclose(envelope.lowpass(torch.from_numpy(x)), expected, atol=1e-12)


def test_frames_drop_the_tail():
    x = torch.arange(2 * sampling.FRAME + 7, dtype=torch.float64)
    expected = x[: 2 * sampling.FRAME].reshape(2, -1).mean(-1)
    torch.testing.assert_close(envelope.frame_mean(x), expected)
