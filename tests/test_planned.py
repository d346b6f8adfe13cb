"""The PyTorch front end: constants, operators, blocks, gradients, precisions and transforms."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import textbook
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_fast import FILTERS
from test_fast import model as small_model
from tolerances import CLOSED_FORM, EXACT_SCORE, FAST_SCORE, SINGLE
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from qastanet.hearing.differentiable import band_sums, blocks, compiled_sums, planned
from qastanet.hearing.directiveness import directiveness, smoothed
from qastanet.hearing.features import binaural_features
from qastanet.scoring.loading import load_model
from qastanet.scoring.metric import quality_loss
from qastanet.sound.binaural import BinauralDecoder

CONSTANTS = (planned.bank, planned.smoothing, planned.analysis, planned.tensors)
CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
INDUCTOR = (  # makes C++ and compiles it
    pytest.mark.long,
    pytest.mark.skipif(not shutil.which("g++"), reason="no C++ compiler"),
    pytest.mark.filterwarnings("ignore"),
)


def noise(*shape, seed=0, dtype=torch.float32):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.fixture(scope="module")
def default():
    rated = load_model()
    rated.front_end = "torch"
    return rated


@pytest.mark.parametrize("samples", [1920, 2017, 9600, 20001])
def test_textbook_in_double_precision(samples):
    ears = noise(2, samples, dtype=torch.float64)
    found, wanted = binaural_features(ears), textbook.binaural_features(ears.numpy())
    for name in ("ild", "coherence", "power"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(wanted, name), rtol=1e-8, atol=1e-9
        )


def test_decoder_and_directiveness_are_the_textbook_s():
    scene = noise(4, 20001, dtype=torch.float64)
    ears = BinauralDecoder(FILTERS[0])(scene)
    np.testing.assert_allclose(ears, textbook.decode(scene.numpy(), FILTERS[0]), atol=1e-12)
    found = directiveness(scene)
    np.testing.assert_allclose(found, textbook.directiveness(scene.numpy()), atol=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.integers(1920, 10**8))
def test_chunks_cover_the_signal_and_have_lengths_of_small_factors(samples):
    cut = planned.chunks(samples)
    assert 0 <= cut.samples - samples < cut.hop + 1920
    length = cut.length
    for factor in (2, 3, 5):
        while length % factor == 0:
            length //= factor
    assert length == 1 and cut.hop % 1920 == 0 and cut.length <= 61440


@pytest.mark.parametrize("period", [7, 8, 240])
def test_hilbert_kernel_turns_every_line_by_a_quarter(period):
    spectrum = np.fft.fft(planned.hilbert_kernel(np.arange(period), period))
    expected = -np.sign(np.fft.fftfreq(period))
    if period % 2 == 0:
        expected[period // 2] = 0
    np.testing.assert_allclose(spectrum, 1j * expected, atol=CLOSED_FORM)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 70), st.floats(0.1, 0.99))
def test_smoothing_by_doubling_is_the_recursion(frames, alpha):
    x = noise(frames, 1, dtype=torch.float64).abs()
    expected = [0.0]
    for value in x[1:, 0].tolist():
        expected.append(alpha * expected[-1] + (1 - alpha) * value)
    found = smoothed(x, torch.tensor([alpha], dtype=torch.float64))[:, 0]
    np.testing.assert_allclose(found, expected, atol=CLOSED_FORM)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_second_call_makes_no_constants(dtype):
    rated = small_model(4, front_end="torch").to(dtype)
    pair = [noise(1, 4, 7777, seed=seed, dtype=dtype) for seed in (0, 1)]
    pair[1].requires_grad_()
    rated(*pair).backward()
    made = [each.made() for each in CONSTANTS]
    with torch.inference_mode():
        rated(*pair)
    rated(*pair).backward()
    assert made == [each.made() for each in CONSTANTS] and all(made)


class Counting(TorchDispatchMode):
    """Counts operators."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += 1
        return func(*args, **(kwargs or {}))


def test_operators_grow_with_the_logarithm_of_the_duration(monkeypatch):
    inside = {"band_sums": band_sums._sums, "band_sums_gradient": band_sums._gradient}
    monkeypatch.setattr(band_sums, "OPERATORS", SimpleNamespace(**inside))
    monkeypatch.setattr(blocks, "CACHE_BYTES", 1)  # a band at a time, as where it is long
    rated, counts = small_model(4, front_end="torch"), []
    for frames in (8, 32, 128):
        pair = [noise(1, 4, 1920 * frames).requires_grad_() for _ in range(2)]
        with Counting() as counting:
            rated(*pair).backward()
        counts.append(counting.count)
    first, second = np.diff(counts)
    assert 0 < first < 400 and 0 <= second < 1.5 * first  # the same again for four times as long


@pytest.mark.parametrize("channels", [2, 4])
def test_blocks_and_keeping_change_nothing(monkeypatch, channels):
    samples = 2 * 1920 * 30 + 1  # several chunks
    signal = noise(2, channels, samples, dtype=torch.float64)
    rated = small_model(channels, front_end="torch").double()

    def gradient():
        degraded = signal.clone().requires_grad_()
        score = rated(noise(2, channels, samples, seed=1, dtype=torch.float64), degraded)
        score.sum().backward()
        return score.detach(), degraded.grad

    score, wanted = gradient()
    assert wanted.abs().max() > 0
    for cache, room, long in ((1, 2**40, 1), (1, 0, 1), (1, 0, 2**40), (2**40, 0, 2**40)):
        monkeypatch.setattr(blocks, "CACHE_BYTES", cache)
        monkeypatch.setattr(blocks, "LONG_BYTES", long)
        monkeypatch.setattr(blocks, "room", lambda device, room=room: room)
        other, found = gradient()
        torch.testing.assert_close(other, score, rtol=0, atol=EXACT_SCORE)
        assert (found - wanted).norm() < SINGLE * wanted.norm()


def test_gradient_of_every_sum():
    ears = noise(1, 2, 4000, dtype=torch.float64).requires_grad_()

    def sums(x):
        rows, envelopes, products = band_sums.band_sums(x)
        used = -(-4000 // 240)
        return rows[..., :used, :], envelopes[..., :used, :], products

    assert torch.autograd.gradcheck(sums, ears, fast_mode=True)


def _weights(sums):
    """Return random weights of sums."""
    return [noise(*x.shape, seed=k).to(x) / x.abs().mean() for k, x in enumerate(sums)]


@pytest.mark.parametrize("samples", [1920, 2017, 9600, 9608, 20001])
def test_transforms_and_loops_give_the_same_sums_and_gradients(samples):
    ears = noise(3, 2, samples)
    ears[1, 0] = 0
    rows, values = -(-samples // 240), -(-samples // 8)
    exact = band_sums._sums(ears.double(), keep=False)[:3]
    transformed = band_sums._sums(ears, keep=False)[:3]
    compiled = compiled_sums.sums(ears, keep=True)
    kept = compiled[3]
    weights = _weights(compiled[:3])
    weights[1].flatten(-2)[..., values:] = 0
    found = compiled_sums.gradient(ears, kept, *weights)
    # those of the transforms have rows of silence at the end, in double precision every envelope
    padding = (0, 0, 0, exact[0].shape[3] - rows)
    padded = [functional.pad(x, padding).double() for x in weights[:2]] + [weights[2].double()]
    none = ears.new_empty(0)
    single = band_sums._gradient(ears, none, *(x.float() for x in padded))
    padded[1] = (padded[1] / 8).repeat_interleave(8, -1)
    wanted = band_sums._gradient(ears.double(), none.double(), *padded)
    means = exact[1].unflatten(-1, (-1, 8)).mean(-1)
    for sums in (transformed, compiled):
        for k, expected in enumerate((exact[0], means, exact[2])):
            inside = [x[..., :rows, :] if k < 2 else x for x in (sums[k], expected)]
            if k == 1:
                inside = [x.flatten(-2)[..., :values] for x in inside]
            assert (inside[0] - inside[1]).norm() < SINGLE * inside[1].norm()
    for gradient in (found, single):
        assert (gradient - wanted).norm() < SINGLE * wanted.norm()


def test_threads_change_nothing():
    ears, found = noise(5, 2, 4807), []
    ears[1], ears[2, 1, 2000:] = 0, 0
    threads = torch.get_num_threads()
    for count in (1, 3):
        torch.set_num_threads(count)
        sums = compiled_sums.sums(ears, keep=True)
        gradient = compiled_sums.gradient(ears, sums[3], *_weights(sums[:3]))
        found.append([*sums, gradient])
    torch.set_num_threads(threads)
    assert all(map(torch.equal, *found)) and torch.isfinite(found[0][-1]).all()


def test_gradient_in_single_precision(default):
    reference, degraded = noise(1, 2, 9600), noise(1, 2, 9600, seed=1)
    found = []
    for dtype in (torch.float32, torch.float64):
        coded = degraded.to(dtype, copy=True).requires_grad_()
        quality_loss(coded, reference.to(dtype), default.to(dtype)).backward()
        found.append(coded.grad.double())
    default.float()
    assert (found[0] - found[1]).norm() < 1e-2 * found[1].norm()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(default, dtype):
    pair = [noise(2, 4, 4800, seed=seed).to(dtype) for seed in (0, 1)]
    expected = default(*(x.float() for x in pair))
    assert torch.equal(default(*pair), expected) and expected.dtype == torch.float32
    coded = pair[1].clone().requires_grad_()
    default(pair[0], coded).sum().backward()
    assert coded.grad.dtype == dtype and torch.isfinite(coded.grad).all()


@pytest.mark.parametrize("channels", [2, 4])
def test_autocast_changes_nothing(channels):
    rated = small_model(channels, front_end="torch")
    pair = [noise(2, channels, 4800, seed=seed) for seed in (0, 1)]
    expected = rated(*pair)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(rated(*pair), expected)


@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("front_end", ["auto", "torch"])
def test_transforms_over_a_batch_are_a_loop(default, front_end, monkeypatch):
    monkeypatch.setattr(default, "front_end", front_end)
    pair = noise(3, 2, 4800), noise(3, 2, 4800, seed=1)

    def score(reference, degraded):
        return default(reference[None], degraded[None])[0]

    scores = torch.func.vmap(score)(*pair)
    torch.testing.assert_close(scores, default(*pair), rtol=0, atol=FAST_SCORE)
    gradients = torch.func.vmap(torch.func.grad(score, argnums=1))(*pair)
    degraded = pair[1].clone().requires_grad_()
    default(pair[0], degraded).sum().backward()
    assert (gradients - degraded.grad).norm() < SINGLE * degraded.grad.norm()


@pytest.mark.parametrize("backend", ["eager", pytest.param("inductor", marks=INDUCTOR)])
def test_compiled_as_one_graph(default, backend):
    pair = noise(1, 2, 4800), noise(1, 2, 4800, seed=1).requires_grad_()
    expected = default(*pair)
    (wanted,) = torch.autograd.grad(expected, pair[1])
    compiled = torch.compile(default, backend=backend, fullgraph=True)
    score = compiled(*pair)
    (found,) = torch.autograd.grad(score, pair[1])
    torch.testing.assert_close(score, expected, rtol=0, atol=EXACT_SCORE)
    assert (found - wanted).norm() < SINGLE * wanted.norm()


@CUDA
@pytest.mark.parametrize("channels", [2, 4])
def test_nothing_is_copied_between_waveform_and_score(default, channels):
    rated = default.cuda()
    pair = noise(2, channels, 48000).cuda(), noise(2, channels, 48000, seed=1).cuda()
    coded = pair[1].clone().requires_grad_()
    rated(pair[0], coded).sum().backward()
    try:
        torch.cuda.set_sync_debug_mode("error")
        rated(pair[0], coded).sum().backward()
        with torch.no_grad():
            score = rated(*pair)
    finally:
        torch.cuda.set_sync_debug_mode("default")
        default.cpu()
    here = default(*(x.cpu() for x in pair))
    torch.testing.assert_close(score.cpu(), here, rtol=0, atol=SINGLE)


@CUDA
def test_a_graph_records_it(default):
    rated = default.cuda()
    pair = [noise(1, 2, 48000, seed=seed).cuda() for seed in (0, 1)]
    with torch.no_grad():
        stream = torch.cuda.Stream()
        with torch.cuda.stream(stream):
            rated(*pair)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            recorded = rated(*pair)
        pair[1].copy_(noise(1, 2, 48000, seed=2))
        graph.replay()
        expected = rated(*pair)
    default.cpu()
    torch.testing.assert_close(recorded, expected, rtol=0, atol=EXACT_SCORE)
