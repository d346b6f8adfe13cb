"""Decoding to binaural: convolution, filter design, and the cues that come out."""

import h5py
import numpy as np
import pytest
import scipy.signal
import torch
from mirror import folder

from qastanet import registry
from qastanet.errors import InputError
from qastanet.scene import binaural_cues
from qastanet.sound import ambisonics, binaural


@pytest.fixture(scope="module")
def hrirs():
    return binaural.load_hrirs()


@pytest.fixture(scope="module")
def decoders(hrirs):
    return {order: binaural.BinauralDecoder.magls(hrirs, order) for order in (1, 2, 3, 4, 5)}


def test_is_a_sum_of_convolutions():
    rng = np.random.default_rng(0)
    filters, signal = rng.standard_normal((2, 9, 128)), rng.standard_normal((9, 501))
    expected = [
        sum(scipy.signal.convolve(s, h)[:501] for s, h in zip(signal, ear, strict=True))
        for ear in filters
    ]
    found = binaural.BinauralDecoder(filters)(torch.from_numpy(signal))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_lower_order_equals_zero_padding(decoders):
    signal = torch.randn(4, 1000, dtype=torch.float64)
    padded = torch.cat([signal, torch.zeros(12, 1000, dtype=torch.float64)])
    torch.testing.assert_close(decoders[3](signal), decoders[3](padded))


def test_refuses_higher_order_than_its_filters(decoders):
    with pytest.raises(InputError, match=r"16 ambisonic channels.*truncate"):
        decoders[1](torch.ones(16, 100))


@pytest.mark.parametrize("order", [0, 6])
def test_magls_orders(hrirs, order):
    with pytest.raises(InputError, match=f"order {order}"):
        binaural.BinauralDecoder.magls(hrirs, order)


def test_magls_follows_the_measured_head(hrirs, decoders):
    azimuth = np.deg2rad(np.arange(-180, 180, 15))
    truth = binaural_cues.measured_responses(hrirs, azimuth)
    errors = []
    for order in (1, 3, 5):
        found = binaural_cues.plane_wave_responses(decoders[order], azimuth)
        itd = binaural_cues.time_difference(found) - binaural_cues.time_difference(truth)
        ild = [binaural_cues.level_difference_db(r, 1500, 12500) for r in (found, truth)]
        errors.append((np.sqrt(np.mean(itd**2)), np.sqrt(np.mean((ild[0] - ild[1]) ** 2))))
    (itd1, ild1), (itd3, ild3), (itd5, ild5) = errors
    assert itd1 > 0.2 > 0.05 > itd3 > itd5  # ms
    assert ild1 > 1.5 * max(ild3, ild5) and max(ild3, ild5) < 1.5  # dB


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_magls_keeps_the_level_of_a_frontal_wave(hrirs, decoders, order):
    front = np.zeros(1)
    found = binaural_cues.magnitude(binaural_cues.plane_wave_responses(decoders[order], front))[1]
    truth = binaural_cues.magnitude(binaural_cues.measured_responses(hrirs, front))[1]
    assert np.abs(found - truth)[..., :30].max() < 2.5  # dB, below 1 kHz


def test_left_is_left(decoders):
    noise = np.random.default_rng(0).standard_normal(4800)
    scene = ambisonics.encode(noise, np.pi / 2, order=3)
    left, right = decoders[3](torch.from_numpy(scene)).square().mean(-1)
    assert left > 2 * right


def test_ku100_has_the_rate_of_the_model(hrirs):
    assert hrirs.left.shape == (2702, 128) and hrirs.fs == 48000


def test_sofa_decoder_equals_the_one_in_the_checkpoint():
    folder("QASTANET_DATA_MIRROR")
    from qastanet.scoring.loading import load_model

    sofa = registry.path(registry.RELEASE, "HRIR_128_Meth5_OLPS_2001_48000_HOA3.sofa")
    read = binaural.BinauralDecoder.from_sofa(sofa)
    torch.testing.assert_close(read.filters, load_model("released").decoders[0].filters)


def test_refuses_hrirs_as_a_decoder(tmp_path):
    with h5py.File(tmp_path / "hrirs.sofa", "w") as sofa:
        sofa["Data.IR"], sofa["Data.SamplingRate"] = np.ones((5, 2, 9)), [48000.0]
    with pytest.raises(InputError, match=r"Data.IR has shape \(5, 2, 9\).*magls"):
        binaural.BinauralDecoder.from_sofa(tmp_path / "hrirs.sofa")


def test_refuses_files_that_are_no_sofa(tmp_path):
    file = tmp_path / "x.sofa"
    file.write_text("no")
    with pytest.raises(InputError, match="cannot be read as SOFA"):
        binaural.BinauralDecoder.from_sofa(file)
