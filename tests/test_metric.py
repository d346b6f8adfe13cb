"""The metric in training loops: state, threads, modes, and as a loss that is worth descending."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from qastanet.errors import InputError
from qastanet.metric import QualityMetric, quality_loss
from qastanet.model import QASTAnet
from qastanet.network import DifferenceNetwork


def noise(*shape, seed=0):
    return 0.1 * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return QASTAnet(DifferenceNetwork(3, "swap"))


def test_mean_over_batches_equals_mean_over_pairs(model):
    metric, other = QualityMetric(model), QualityMetric(model)
    degraded, reference = noise(5, 2, 4800), noise(5, 2, 4800, seed=1)
    with torch.no_grad():
        first = metric(degraded[:2], reference[:2])
        metric.update(degraded[2:], reference[2:])
        expected = model(reference, degraded)
    torch.testing.assert_close(first, expected[:2].mean())
    torch.testing.assert_close(metric.compute(), expected.mean(), rtol=0, atol=1e-6)
    assert metric.pairs == 5 and other.pairs == 0
    metric.reset()
    with pytest.raises(InputError, match="no pairs yet"):
        metric.compute()


def test_refuses_another_rate(model):
    with pytest.raises(InputError, match="44100 Hz: resample"):
        QualityMetric(model, sampling_rate=44100)


def test_modes_and_threads_agree(model):
    pair = noise(1, 2, 9600), noise(1, 2, 9600, seed=1)
    with torch.inference_mode():
        expected = model(*pair)
    with ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(lambda _: model(*pair).detach(), range(8)))
    for score in scores:
        torch.testing.assert_close(score, expected, rtol=0, atol=1e-5)


def test_loss_falls_when_the_signal_is_improved(model):
    reference, degraded = noise(1, 2, 4800), noise(1, 2, 4800, seed=1).requires_grad_(True)
    loss = quality_loss(degraded, reference, model)
    loss.backward()
    step = 1e-3 * degraded.grad / degraded.grad.norm()
    with torch.no_grad():
        assert quality_loss(degraded - step, reference, model) < loss
