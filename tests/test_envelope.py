"""Envelope and framing against scipy, and their physics."""

import numpy as np
import pytest
import scipy.signal

from qastanet.hearing import envelope


@pytest.mark.parametrize("samples", [1920, 1921, 4799])
def test_analytic_signal_equals_scipy(samples):
    x = np.random.default_rng(0).random(samples)
    expected = scipy.signal.hilbert(x)
    np.testing.assert_allclose(envelope.analytic(x), expected, atol=1e-12)


@pytest.mark.parametrize("kind", [np.real, lambda z: z], ids=["real", "complex"])
def test_lowpass_equals_scipy(kind):
    rng = np.random.default_rng(0)
    x = kind(rng.standard_normal(5001) + 1j * rng.standard_normal(5001))
    expected = scipy.signal.lfilter(*scipy.signal.butter(1, 300 / 48000), x)
    np.testing.assert_allclose(envelope.lowpass(x), expected, atol=1e-12)
