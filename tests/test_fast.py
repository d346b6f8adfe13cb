"""The fast front end against PyTorch in float64, which is exact, and against the goldens."""

import itertools
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror import AMBIQUAL, upstream
from textbook import frame_mean
from tolerances import EXACT_SCORE, FAST_COHERENCE, FAST_ILD, FAST_POWER, FAST_SCORE, SCORE

from qastanet.errors import InputError
from qastanet.hearing.differences import PAPER_ILD
from qastanet.hearing.envelope import lowpass_pole
from qastanet.hearing.fast import front_end, hilbert, long_hilbert
from qastanet.hearing.features import Features, audible
from qastanet.models.model import QASTAnet
from qastanet.models.network import POOLINGS, DifferenceNetwork
from qastanet.registry import AMBIQUAL as AMBIQUAL_NAME
from qastanet.registry import path
from qastanet.scoring.loading import load_model
from qastanet.sound import sampling
from qastanet.sound.binaural import BinauralDecoder
from qastanet.sound.files import reading

GOLDEN = Path(__file__).parent / "golden"
SCORES = json.loads((GOLDEN / "released_scores.json").read_text())["rows"]
FILTERS = np.random.default_rng(1).standard_normal((2, 2, 16, 60)).astype(np.float32) / 20


def noise(channels, samples, level=0.3, seed=0):
    return level * np.random.default_rng(seed).standard_normal((channels, samples)).astype("f")


def model(channels, heads=1, pooling="swap", **options):
    torch.manual_seed(0)
    network = DifferenceNetwork(3 if channels == 2 else 4, pooling)
    return QASTAnet(network, [BinauralDecoder(f) for f in FILTERS[:heads]], **options)


def exact(signal, floor_ears=True, heads=1):
    oracle = model(len(signal), heads, floor_ears=floor_ears).double()
    with torch.inference_mode():
        maps = oracle.features(torch.from_numpy(signal).double().unsqueeze(0))
    return Features(*(None if each is None else each[0].numpy() for each in maps))


def assert_agree(found, wanted):
    heard = audible(wanted.power)
    np.testing.assert_allclose(found.power, wanted.power, rtol=FAST_POWER)
    np.testing.assert_allclose(found.ild[heard], wanted.ild[heard], rtol=0, atol=FAST_ILD)
    np.testing.assert_array_equal(np.isnan(found.coherence), np.isnan(wanted.coherence))
    rest = (slice(None), slice(None), slice(1, None))
    np.testing.assert_allclose(
        found.coherence[rest], wanted.coherence[rest], rtol=0, atol=FAST_COHERENCE
    )
    fine = (slice(None), slice(0, front_end.FIRST_ENVELOPE))
    np.testing.assert_allclose(
        found.coherence[fine], wanted.coherence[fine], rtol=0, atol=FAST_COHERENCE
    )
    if wanted.directiveness is not None:
        np.testing.assert_allclose(found.directiveness, wanted.directiveness, rtol=FAST_POWER)


@pytest.mark.parametrize("samples", [1920, 1927, 5003, 38400, 48017, 96001, 100000])
def test_binaural_noise_of_any_length(samples):
    signal = noise(2, samples)
    assert_agree(front_end.features(signal), exact(signal))


@pytest.mark.parametrize("channels", [4, 9, 16])
@pytest.mark.parametrize("heads", [1, 2])
def test_ambisonics_with_several_heads(channels, heads):
    signal = noise(channels, 50021, seed=channels)
    found = front_end.features(signal, FILTERS[:heads])
    assert found.ild.shape == (heads, 29, 26)
    assert all(each.dtype in (np.float32, np.complex64) for each in found)
    assert_agree(found, exact(signal, heads=heads))


def clicks():
    signal = np.zeros((2, 48011), dtype=np.float32)
    signal[0, ::3001] = 1
    signal[1, 30::3001] = 0.5
    return signal


def one_silent_ear():
    signal = noise(2, 20000)
    signal[1] = 0
    return signal


def sound_that_stops():
    signal = noise(2, 96000)
    signal[:, 30000:] = 0
    return signal


CASES = {
    "clicks": clicks(),
    "one silent ear": one_silent_ear(),
    "silence": np.zeros((2, 9600), dtype=np.float32),
    "full scale": np.sign(noise(2, 30000)),
    "1e-6": noise(2, 30000, level=1e-6),
    "near the threshold": noise(2, 30000, level=1e-3),
    "sound that stops": sound_that_stops(),
    "offset": np.full((2, 30000), 0.5, dtype=np.float32),
}


@pytest.mark.parametrize("name", CASES)
def test_extreme_signals(name):
    assert_agree(front_end.features(CASES[name]), exact(CASES[name]))


@pytest.mark.parametrize("floor_ears", [True, False])
def test_pair_with_a_silent_ear(floor_ears):
    # without a floor the ILD is infinite, and its difference the largest float, on both paths
    pair = [torch.from_numpy(x).unsqueeze(0) for x in (noise(2, 20000), one_silent_ear())]
    both = []
    for name in ("torch", "fast"):
        rated = model(2, floor_ears=floor_ears, front_end=name)
        with torch.inference_mode():
            both.append(rated.differences(*pair)[0, 0, 0])
    assert torch.isfinite(both[1]).all()
    assert (both[1].max() > 1e38) == (not floor_ears)
    np.testing.assert_allclose(both[1], both[0], rtol=1e-6, atol=FAST_ILD)


@pytest.mark.parametrize("case", ["binaural", "quiet"])
def test_golden_features(case):
    golden = np.load(GOLDEN / "synthetic.npz")
    heard = golden[f"{case}.power"] > golden["limit_threshold"][:, None]
    for i, name in enumerate(("ref", "deg")):
        found = front_end.features(golden[f"{name}_{case}_in"], floor_ears=False)
        np.testing.assert_allclose(found.power[0], golden[f"{case}.power"][i], rtol=FAST_POWER)
        error = np.abs(found.ild[0] - golden[f"{case}.ild"][i] / PAPER_ILD)
        assert error[heard[i]].max() < FAST_ILD
        error = np.abs(found.coherence[0] - golden[f"{case}.gamma"][i])
        assert np.nanmax(error[:, 1:]) < FAST_COHERENCE


def test_golden_directiveness():
    golden = np.load(GOLDEN / "synthetic.npz")
    for i, name in enumerate(("deg_foa_in", "ref_foa_in")):
        found = front_end.features(golden[name], FILTERS[:1]).directiveness[0]
        np.testing.assert_allclose(found, golden["foa.directiveness"][i], rtol=FAST_POWER)


@pytest.mark.parametrize("row", SCORES[::12], ids=lambda row: row["deg"][:30])
def test_released_scores_on_both_paths(row):
    upstream(AMBIQUAL)
    files = [path(AMBIQUAL_NAME, row[name]) for name in ("ref", "deg")]
    pair = []
    for samples, rate in map(reading.read, files):
        at_48k = sampling.resample(samples, rate, 48000)[:, : row["samples_48k"]]
        pair.append(torch.from_numpy(np.ascontiguousarray(at_48k)).unsqueeze(0))
    released = load_model("released")
    scores = []
    for released.front_end in ("torch", "fast"):
        with torch.inference_mode():
            scores.append(released(*pair).item())
    assert scores[0] == pytest.approx(row["score"], abs=SCORE)
    assert scores[1] == pytest.approx(scores[0], abs=FAST_SCORE)


@pytest.mark.parametrize("cut", [0, 13])
def test_real_sound(cut):
    folder = upstream(AMBIQUAL) / "validation" / "audiofiles"
    samples, rate = reading.read(sorted(folder.glob("xylophone*.wav"))[0])
    signal = sampling.resample(samples, rate, 48000)[:, : 144000 - cut]
    assert_agree(front_end.features(signal, FILTERS[:1]), exact(signal))


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 1e17])
@pytest.mark.parametrize("at", [100, 100_000, 199_990])
def test_what_is_no_sound_has_no_coherence_in_long_signals_either(value, at, monkeypatch):
    monkeypatch.setattr(front_end, "LONG", long_hilbert.SHORTEST)
    signal = noise(2, 200_003)
    signal[0, at] = value  # and nothing warns
    assert np.isnan(front_end.features(signal).coherence[:, front_end.FIRST_ENVELOPE :]).any()


@pytest.mark.parametrize("sizes", [(48000, 38400, 48000), (96000,)])
def test_pieces_of_another_length_are_refused(sizes):
    pieces = (noise(2, size) for size in sizes)
    with pytest.raises(ValueError, match="only the last piece may have fewer than 48000 samples"):
        front_end.features_of_pieces(pieces, 2, sum(sizes))


@settings(max_examples=15, deadline=None)
@given(st.integers(1920, 6000), st.integers(0, 1000), st.sampled_from([1e-4, 0.1, 1.0]))
def test_mirrored_ears(samples, seed, level):
    signal = noise(2, samples, level, seed)
    found, mirrored = front_end.features(signal), front_end.features(signal[::-1])
    np.testing.assert_allclose(mirrored.ild, -found.ild, atol=1e-4)
    np.testing.assert_allclose(mirrored.coherence, found.coherence.conj(), atol=1e-5)
    np.testing.assert_allclose(mirrored.power, found.power, rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(0, 1000))
def test_level_shifts_power_only(gain_db, seed):
    signal = noise(2, 4800, 0.01, seed)
    gain = 10 ** (gain_db / 20)
    found, louder = front_end.features(signal), front_end.features(np.float32(gain) * signal)
    np.testing.assert_allclose(louder.power, gain**2 * found.power, rtol=1e-4)
    np.testing.assert_allclose(louder.coherence, found.coherence, atol=1e-4)


def products(left, right):
    """Return the products of two analytic envelopes, averaged over frames."""
    each = [abs(left) ** 2, abs(right) ** 2, (left * right.conj()).real, (left * right.conj()).imag]
    return np.stack([frame_mean(x) for x in each])


def exact_products(e):
    """Return the products of low-passed analytic envelopes e (2, samples)."""
    return products(*scipy.signal.lfilter([1, 1], [1, -lowpass_pole()], scipy.signal.hilbert(e)))


def smooth_noise(samples):
    return scipy.ndimage.gaussian_filter1d(noise(2, samples, level=5.0), 40, mode="wrap") + 1.0


def swelling(samples):
    turns = np.linspace(0, 4 * np.pi, samples)
    return smooth_noise(samples) * (1 + 0.8 * np.sin(turns + 1)) + 3


def soft_but_for_two_seconds(samples):
    level = np.full(samples, 1e-3)
    level[samples // 3 : samples // 3 + 96000] = 1
    return smooth_noise(samples) * level


def clicks_to_each_ear(samples):
    clicks = np.zeros((2, samples))
    clicks[0, ::3001], clicks[1, 11::47001] = 1, 1
    return scipy.ndimage.gaussian_filter1d(clicks, 100, mode="wrap")


def products_through(kind, e):
    """Return the same from envelopes of a kind, in whose outer bands they are."""
    samples, pole = e.shape[1], lowpass_pole()
    v, q = (scipy.signal.lfilter(taps, [1, -pole], e) for taps in ([1, 1], [1]))
    starts = np.arange(0, samples, 8)
    means = np.add.reduceat(v, starts, axis=1) / np.diff(starts, append=samples)
    envelopes, last = kind(samples), np.zeros((2, hilbert.EAR), dtype=np.float32)
    bands = [0, hilbert.EAR - 1]
    for start in range(0, len(starts), 6000):
        piece = means[:, start : start + 6000].T
        rows = envelopes.next(len(piece)).reshape(len(piece), 2, hilbert.EAR)
        rows[:] = 0
        rows[..., bands] = piece[..., None]
    last[:, bands] = q[:, -1:]
    found = envelopes.products(last.reshape(-1)) / hilbert.BLOCK
    assert not found[:, 1:-1].any()
    np.testing.assert_array_equal(found[:, 0], found[:, -1])
    return found[:, 0]


@pytest.mark.parametrize("samples", [1920, 1921, 2500, 5760, 9607, 69128, 69124, 139040, 320001])
def test_products_of_envelopes(samples):
    e = smooth_noise(samples)
    found, wanted = products_through(hilbert.Envelopes, e), exact_products(e)
    scale = abs(wanted).max()
    np.testing.assert_allclose(found, wanted, atol=1e-3 * scale)  # the seam: coarser
    np.testing.assert_allclose(found[:, 1:], wanted[:, 1:], atol=2e-4 * scale)
    np.testing.assert_allclose(found[:, 2:-1], wanted[:, 2:-1], atol=5e-5 * scale)


@pytest.mark.parametrize(
    "e", [smooth_noise, swelling, soft_but_for_two_seconds, clicks_to_each_ear]
)
@pytest.mark.parametrize("samples", [192000, 192001, 239999, 240000, 245001, 384017, 720004])
def test_products_of_long_envelopes(samples, e):
    e = e(samples)
    found, wanted = products_through(long_hilbert.LongEnvelopes, e), exact_products(e)
    scale = abs(wanted).max()
    np.testing.assert_allclose(found[:, 2:-1], wanted[:, 2:-1], atol=5e-5 * scale)
    whole = products_through(hilbert.Envelopes, e)
    np.testing.assert_allclose(found, whole, atol=3e-5 * scale)
    coherence = [(x[2] + 1j * x[3]) / np.sqrt(x[0] * x[1]) for x in (found, whole, wanted)]
    np.testing.assert_allclose(coherence[0], coherence[1], rtol=0, atol=5e-5)
    np.testing.assert_allclose(coherence[0][2:-1], coherence[2][2:-1], rtol=0, atol=2e-4)


def test_long_signals_have_the_same_features_and_are_not_kept(monkeypatch):
    signal, peaks = noise(4, 480_001, seed=5), []
    signal[:, 100_000:250_000] *= 1e-2
    whole = front_end.features(signal, FILTERS[:1])
    monkeypatch.setattr(front_end, "LONG", long_hilbert.SHORTEST)
    assert_agree(front_end.features(signal, FILTERS[:1]), whole)
    second = np.ascontiguousarray(signal[:, :48000])
    for seconds in (10, 40):
        tracemalloc.start()
        pieces = itertools.repeat(second, seconds)
        front_end.features_of_pieces(pieces, 4, seconds * len(second.T), FILTERS[:1])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 30 < 200_000  # bytes per second; its envelopes are 1.2 million


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("heads", [1, 2])
def test_network_without_torch(pooling, heads):
    rated = model(4, heads, pooling)
    maps = torch.rand(1, heads, 4, 29, 5000) * 5
    scorer = rated.scorer()
    with torch.inference_mode():
        wanted = rated.score_differences(maps).item()
    assert scorer.network(maps[0].numpy()) == pytest.approx(wanted, abs=EXACT_SCORE)


def test_choice_of_the_front_end():
    rated = model(2)
    signal = torch.from_numpy(noise(2, 4800)).unsqueeze(0)
    assert not rated.features(signal).ild.requires_grad
    wanted = signal.clone().requires_grad_()
    rated(signal, wanted).backward()
    assert torch.isfinite(wanted.grad).all() and wanted.grad.abs().max() > 0
    assert rated.features(signal.double()).ild.dtype == torch.float64
    rated.front_end = "fast"
    with pytest.raises(InputError, match="float32"):
        rated.features(signal.double())
    with pytest.raises(InputError, match="gradients"):
        rated.features(wanted)
    with pytest.raises(InputError, match="unknown"):
        model(2, front_end="quick")


@pytest.mark.parametrize("channels", [2, 4])
def test_both_front_ends_have_the_same_shapes(channels):
    batch = torch.from_numpy(np.stack([noise(channels, 5000, seed=s) for s in range(3)]))
    found = [model(channels, 2, front_end=name).features(batch) for name in ("fast", "torch")]
    for quick, slow in zip(*found, strict=True):
        assert (quick is None) == (slow is None)
        if quick is not None:
            assert quick.shape == slow.shape and quick.dtype == slow.dtype
