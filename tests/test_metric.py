"""The metric in training loops: state, threads, modes, and as a loss that is worth descending."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tolerances
import torch
import torchmetrics

import qastanet
from qastanet.errors import InputError
from qastanet.models.model import QASTAnet
from qastanet.models.network import DifferenceNetwork
from qastanet.scoring.loading import load_model
from qastanet.scoring.metric import QualityMetric, quality_loss


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
    assert metric.pairs == 0


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")
def test_no_pairs_have_no_mean(model):
    with pytest.raises(InputError, match="no pairs yet"):
        QualityMetric(model).compute()


def test_it_is_a_metric_as_any_other(model, tmp_path):
    """A collection, a checkpoint of its state, two processes, another precision, a plot."""
    pair = noise(3, 2, 4800), noise(3, 2, 4800, seed=1)
    expected = model(pair[1], pair[0]).mean().detach()
    collection = torchmetrics.MetricCollection(
        {"quality": QualityMetric(model), "error": torchmetrics.MeanSquaredError()}
    )
    collection.update(*pair)
    torch.testing.assert_close(collection.compute()["quality"], expected)

    metric = collection["quality"].clone()
    metric.persistent(True)
    again = QualityMetric(model)
    again.persistent(True)
    again.load_state_dict(metric.state_dict())
    assert again.pairs == 3 and again.total == metric.total

    both = {"dist_sync_fn": lambda x, group: [x, x], "distributed_available": lambda: True}
    metric.sync(**both)
    assert metric.pairs == 6
    torch.testing.assert_close(metric.total, 6 * expected)
    metric.unsync()
    assert metric.pairs == 3 and metric.to("cpu").total.device.type == "cpu"
    figure, _ = metric.plot()
    figure.savefig(tmp_path / "quality.png")


def test_a_step_of_the_metric_has_gradients_and_keeps_no_graph(model):
    metric = QualityMetric(model)
    degraded = noise(2, 2, 4800).requires_grad_(True)
    metric(degraded, noise(2, 2, 4800, seed=1)).backward()
    assert degraded.grad.any() and not metric.total.requires_grad


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


@pytest.fixture(scope="module")
def default():
    return load_model()


def test_default_model_agrees_in_all_modes_and_precisions(default):
    pair = noise(1, 4, 9600), noise(1, 4, 9600, seed=1)
    exact = default.double()(*(x.double() for x in pair)).item()
    default.float()
    with torch.inference_mode():
        assert default(*pair).item() == pytest.approx(exact, abs=tolerances.FAST_SCORE)
    with torch.no_grad():
        assert default(*pair).item() == pytest.approx(exact, abs=tolerances.FAST_SCORE)
    slow = default(pair[0], pair[1].requires_grad_(True))
    assert slow.item() == pytest.approx(exact, abs=tolerances.SINGLE)
    slow.backward()
    assert torch.isfinite(pair[1].grad).all() and pair[1].grad.any()


def test_gradients_and_scores_in_threads_do_not_mix(default):
    reference = noise(1, 2, 4800)
    coded = [noise(1, 2, 4800, seed=k) for k in range(1, 5)]

    def gradient(signal):
        signal = signal.clone().requires_grad_(True)
        quality_loss(signal, reference, default).backward()
        return signal.grad

    def score(signal):
        return qastanet.score(reference[0].numpy(), signal[0].numpy(), 48000)

    for task in (gradient, score):
        alone = [task(signal) for signal in coded]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(task, coded))
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)


def test_an_equaliser_is_fitted_by_gradient_descent(default):
    """A five-band equaliser learns to undo the colouration of a coded signal."""
    reference = noise(1, 2, 7200)
    frequency = torch.fft.rfftfreq(7200, 1 / 48000).clamp(min=50)[:, None]
    octaves = torch.log2(frequency / torch.tensor([500.0, 1000, 2000, 4000, 8000]))
    bands = torch.softmax(-4 * octaves.square(), dim=1)

    def equalise(signal, gains):
        return torch.fft.irfft(torch.fft.rfft(signal) * 10 ** (bands @ gains / 20), 7200)

    colour = torch.tensor([6.0, -4, 3, -5, 8])
    coded, gains = equalise(reference, colour), torch.zeros(5, requires_grad=True)
    optimiser = torch.optim.Adam([gains], lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40)
    losses = []
    for _ in range(40):
        optimiser.zero_grad()
        loss = quality_loss(equalise(coded, gains), reference, default)
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    assert losses[0] > 0.25 and losses[-1] < 0.1 * losses[0]
    assert (gains.detach() + colour).abs().max() < 1  # dB


def test_loss_falls_when_the_signal_is_improved(model):
    reference, degraded = noise(1, 2, 4800), noise(1, 2, 4800, seed=1).requires_grad_(True)
    loss = quality_loss(degraded, reference, model)
    loss.backward()
    step = 1e-3 * degraded.grad / degraded.grad.norm()
    with torch.no_grad():
        assert quality_loss(degraded - step, reference, model) < loss
