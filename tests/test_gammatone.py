"""The gammatone bank against another implementation, and its physics."""

import numpy as np
import pyfar
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.hearing import gammatone
from qastanet.hearing.differentiable.filterbank import filterbank


def test_agrees_with_pyfar():
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(9600)
    bank = pyfar.dsp.filter.GammatoneBands(
        (315, 12500), resolution=1, reference_frequency=500, sampling_rate=48000
    )
    np.testing.assert_allclose(bank.frequencies, gammatone.centre_frequencies(), rtol=1e-3)
    real, imaginary = bank.process(pyfar.Signal(noise, 48000))
    other = np.squeeze(real.time + 1j * imaginary.time)
    ours = filterbank(torch.from_numpy(noise)).numpy()
    error = np.abs(ours - other).max(-1) / np.abs(other).max(-1)
    assert 20 * np.log10(error.max()) < -60


def test_equals_the_recursion():
    noise = np.random.default_rng(1).standard_normal(4801)
    ours = filterbank(torch.from_numpy(noise)).numpy()
    for band in (0, 14, 28):
        pole, out = gammatone.poles()[band], noise.astype(complex)
        for _ in range(gammatone.ORDER):
            out = scipy.signal.lfilter([1], [1, -pole], out)
        out *= 2 * (1 - abs(pole)) ** gammatone.ORDER
        np.testing.assert_allclose(ours[band], out, atol=1e-12)


@pytest.mark.parametrize("band", [0, 7, 20, 28])
def test_tone_comes_out_of_its_band_with_its_amplitude(band):
    frequency = gammatone.centre_frequencies()[band]
    time = torch.arange(24000, dtype=torch.float64) / 48000
    envelopes = filterbank(torch.cos(2 * np.pi * frequency * time))[..., -4800:].abs()
    levels = envelopes.mean(-1)
    assert levels.argmax() == band
    assert levels[band] == pytest.approx(1, abs=0.01)


def test_ringing_is_over_after_the_padding():
    impulse = torch.zeros(gammatone.RINGING + 100, dtype=torch.float64)
    impulse[0] = 1
    tail = filterbank(impulse)[:, gammatone.RINGING :].abs().max()
    assert tail < 1e-16


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 28))
def test_blocks_of_bands_equal_the_whole_bank_at_any_length(samples, band):
    noise = torch.randn(samples, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    whole = filterbank(noise)[band]
    alone = filterbank(noise, slice(band, band + 1))[0]
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-13)
