"""Conventions, orders, delays: what is done to a pair is done right, and said."""

import numpy as np
import pytest

from qastanet import ambisonics
from qastanet.errors import InputError
from qastanet.preparation import Options, Sound, prepare, suspected_convention, to_ambix

RNG = np.random.default_rng(0)


def scene(order=1, samples=48000, sources=3):
    parts = [
        ambisonics.encode(0.03 * RNG.standard_normal(samples), *RNG.uniform(-1.5, 1.5, 2), order)
        for _ in range(sources)
    ]
    return np.sum(parts, axis=0).astype(np.float32)


def prepared(reference, degraded, rates=(48000, 48000), **options):
    pair = [Sound(x, r, n) for x, r, n in zip((reference, degraded), rates, "RD", strict=True)]
    return prepare(*pair, Options(**options))


def test_nothing_is_done_to_a_good_pair():
    signal = scene()
    ref, deg, report = prepared(signal, signal)
    assert ref is signal and deg is signal
    assert report["adjustments"] == report["warnings"] == []
    assert report["delay_ms"] == pytest.approx(0, abs=1e-3) and not report["delay_compensated"]
    assert report["level_change_db"] == 0 and "resampled_to" not in report


@pytest.mark.parametrize("order", [1, 2, 3])
def test_conventions_are_recognised_and_converted(order):
    signal = scene(order)
    n3d = ambisonics.sn3d_to_n3d(signal)
    assert suspected_convention(signal) is None
    assert suspected_convention(n3d) == "n3d"
    np.testing.assert_allclose(to_ambix(n3d, "n3d"), signal, atol=1e-6)
    assert "--convention n3d" in prepared(n3d, n3d)[2]["warnings"][0]
    assert prepared(n3d, n3d, convention="n3d")[2]["warnings"] == []


def test_furse_malham_first_order():
    w, y, z, x = scene()
    fuma = np.stack([w / np.sqrt(2), x, y, z]).astype(np.float32)
    assert suspected_convention(fuma) == "fuma"
    np.testing.assert_allclose(to_ambix(fuma, "fuma"), [w, y, z, x], atol=1e-6)
    with pytest.raises(InputError, match="9 channels in FuMa"):
        to_ambix(np.ones((9, 10)), "fuma")


def test_order_rules():
    high, low = scene(3), scene(1)
    with pytest.raises(InputError, match="16 and 4 channels"):
        prepared(high, low)
    ref, deg, report = prepared(high, low, order_mismatch="truncate")
    assert ref.shape == deg.shape == low.shape
    assert report["adjustments"] == ["both truncated to 4 channels"]
    ref, deg, report = prepared(high, low, order_mismatch="pad")
    assert ref.shape == deg.shape == high.shape and not deg[4:].any()
    assert report["adjustments"] == ["4 channels padded with silence to 16"]


def test_delay_is_warned_about_and_compensated_on_request():
    signal = scene()
    late = np.pad(signal, ((0, 0), (312, 0)))[:, :48000]
    _, _, report = prepared(signal, late)
    assert report["delay_ms"] == pytest.approx(6.5, abs=1e-3)
    assert "6.50 ms late; compensate with --align" in report["warnings"][0]
    ref, deg, report = prepared(signal, late, align=True)
    np.testing.assert_array_equal(ref, deg)
    assert report["delay_compensated"] and report["warnings"] == []
    assert report["adjustments"][0] == "delay of 6.500 ms compensated"


def test_lengths_and_rates_may_differ_when_aligned():
    signal = scene(samples=44100)
    with pytest.raises(InputError, match="44100 and 44000 samples"):
        prepared(signal, signal[:, :44000], (44100, 44100))
    ref, deg, report = prepared(signal, signal[:, :44000], (44100, 44100), align=True)
    assert ref.shape == deg.shape and report["resampled_to"] == 48000
    assert any(text.startswith("cut from 48000") for text in report["adjustments"])
    with pytest.raises(InputError, match="sampling rates 44100 and 48000"):
        prepared(signal, signal, (44100, 48000))


def test_unrelated_signals_cannot_be_aligned():
    with pytest.raises(InputError, match="delay cannot be found"):
        prepared(scene(), scene(), align=True)


def test_level_clipping_and_drift_are_warned_about():
    signal = scene(samples=240000)
    assert "differs by +6.0 dB" in prepared(signal, 2 * signal)[2]["warnings"][0]
    loud = np.clip(40 * signal, -1, 1)
    assert any("clipped" in text for text in prepared(loud, loud)[2]["warnings"])


@pytest.mark.parametrize("option", [{"convention": "acn"}, {"order_mismatch": "guess"}])
def test_unknown_options(option):
    with pytest.raises(InputError, match="is unknown; choose one of"):
        Options(**option)
