"""The wired model: invariants, gradients, errors, and the quirks of the released weights."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mirror import folder
from tolerances import EXACT_SCORE, SCORE, SINGLE

import qastanet
from qastanet.errors import InputError
from qastanet.models.model import QASTAnet
from qastanet.models.network import POOLINGS, DifferenceNetwork
from qastanet.models.released import load_checkpoint, load_released
from qastanet.scoring.loading import load_model
from qastanet.sound.binaural import BinauralDecoder, load_hrirs


def noise(*shape, seed=0, level=0.1, dtype=torch.float32):
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


@pytest.fixture(scope="module")
def decoder():
    return BinauralDecoder.magls(load_hrirs(), 3)


@pytest.fixture
def model(decoder):
    torch.manual_seed(0)
    return QASTAnet(DifferenceNetwork(4, "swap"), [decoder])


@pytest.fixture
def binaural_model():
    torch.manual_seed(0)
    return QASTAnet(DifferenceNetwork(3, "swap"))


@pytest.fixture(scope="module")
def released():
    folder("QASTANET_DATA_MIRROR")
    return load_model("released")


@pytest.mark.parametrize("channels", [4, 9, 16])
def test_a_batch_is_a_loop(model, channels):
    reference, degraded = noise(3, channels, 9601), noise(3, channels, 9601, seed=1)
    with torch.no_grad():
        together = model(reference, degraded)
        alone = torch.cat(
            [model(r[None], d[None]) for r, d in zip(reference, degraded, strict=True)]
        )
    assert together.shape == (3,)
    torch.testing.assert_close(together, alone, rtol=0, atol=EXACT_SCORE)


@settings(max_examples=8, deadline=None)
@given(st.integers(1920, 9000), st.sampled_from([1e-6, 0.1, 1.0]))
def test_any_length_and_level_gives_a_score(samples, level):
    torch.manual_seed(0)
    network = QASTAnet(DifferenceNetwork(3, "swap"))
    pair = noise(1, 2, samples, level=level), noise(1, 2, samples, seed=1, level=level)
    with torch.no_grad():
        assert 0.001 <= network(*pair).item() <= 0.999


def test_heads_are_averaged(decoder):
    other = BinauralDecoder(decoder.filters.flip(0))
    network = DifferenceNetwork(4, "swap")
    pair = noise(1, 4, 9600), noise(1, 4, 9600, seed=1)
    with torch.no_grad():
        single = [QASTAnet(network, [head])(*pair) for head in (decoder, other)]
        both = QASTAnet(network, [decoder, other])(*pair)
    torch.testing.assert_close(both, (single[0] + single[1]) / 2)


def test_mirrored_scene_has_the_same_score(binaural_model):
    pair = noise(1, 2, 9600), noise(1, 2, 9600, seed=1)
    with torch.no_grad():
        mirrored = binaural_model(*(x.flip(1) for x in pair))
        torch.testing.assert_close(binaural_model(*pair), mirrored, rtol=0, atol=EXACT_SCORE)


def test_float64_on_request(model):
    pair = noise(1, 4, 9600), noise(1, 4, 9600, seed=1)
    with torch.no_grad():
        single = model(*pair)
        double = model.double()(*(x.double() for x in pair))
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), single, rtol=0, atol=SINGLE)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_equals_cpu(model):
    pair = noise(2, 4, 9601), noise(2, 4, 9601, seed=1)
    with torch.no_grad():
        here = model(*pair)
        there = model.cuda()(*(x.cuda() for x in pair)).cpu()
    torch.testing.assert_close(there, here, rtol=0, atol=SINGLE)


def test_gradcheck_from_waveform_to_score(decoder):
    torch.manual_seed(0)
    model = QASTAnet(DifferenceNetwork(4, "swap"), [decoder]).double()
    reference = noise(1, 4, 4000, dtype=torch.float64)
    degraded = noise(1, 4, 4000, seed=1, dtype=torch.float64).requires_grad_(True)
    assert torch.autograd.gradcheck(lambda x: model(reference, x), degraded, fast_mode=True)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_all_weights_learn(decoder, pooling):
    torch.manual_seed(0)
    model = QASTAnet(DifferenceNetwork(4, pooling), [decoder])
    model(noise(1, 4, 9600), noise(1, 4, 9600, seed=1)).sum().backward()
    for name, weight in model.named_parameters():
        assert torch.isfinite(weight.grad).all() and weight.grad.any(), name


@pytest.mark.parametrize("pooling", ["swap", "max", "p-norm"])
def test_poolings_do_not_grow_with_duration_but_the_sum_does(pooling):
    frames = torch.rand(6, 20, generator=torch.Generator().manual_seed(0))
    twice = torch.cat([frames, frames], -1)
    once = POOLINGS[pooling]()
    torch.testing.assert_close(once(twice), once(frames))
    torch.testing.assert_close(POOLINGS["sum"]()(twice), 2 * POOLINGS["sum"]()(frames))


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 3), st.floats(0, 50))
def test_swap_lies_between_mean_and_maximum(shift, beta):
    x = torch.randn(30, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + shift
    pooled = POOLINGS["swap"](beta)(x)
    assert x.mean() - 1e-9 <= pooled <= x.max() + 1e-9


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 4, 1919), "1919 samples"),
        ((1, 3, 4000), "3 channels"),
        ((1, 2, 4000), "directiveness"),
        ((4, 4000), "share one shape"),
    ],
)
def test_refuses_what_it_cannot_rate(model, shape, message):
    with pytest.raises(InputError, match=message):
        model(torch.ones(shape), torch.ones(shape))


def test_refuses_ambisonics_without_a_decoder(binaural_model):
    with pytest.raises(InputError, match="no binaural decoder"):
        binaural_model(torch.ones(1, 4, 4000), torch.ones(1, 4, 4000))


# what the release does that its users would not expect


def test_released_scores_a_signal_against_itself_by_its_duration(released):
    expected = {6.0: 0.847, 7.7: 0.878, 10.2: 0.914}  # measured with the authors' code
    with torch.inference_mode():
        for duration, score in expected.items():
            same = noise(1, 4, round(48000 * duration))
            assert released(same, same).item() == pytest.approx(score, abs=SCORE)


def test_released_score_falls_when_the_same_pair_lasts_longer(released):
    pair = noise(1, 4, 48000), noise(1, 4, 48000) + noise(1, 4, 48000, seed=1, level=0.02)
    with torch.inference_mode():
        once, thrice = released(*pair), released(*(x.repeat(1, 1, 3) for x in pair))
    assert abs(once - thrice) > 0.05


def test_released_takes_odd_lengths(released):
    pair = noise(1, 4, 48001), noise(1, 4, 48001, seed=1)
    with torch.inference_mode():
        odd, even = released(*pair), released(*(x[..., :48000] for x in pair))
    torch.testing.assert_close(odd, even, rtol=0, atol=SCORE)


def test_released_cannot_rate_binaural_signals(released):
    with pytest.raises(InputError, match="'released' compares directiveness"):
        released(noise(1, 2, 9600), noise(1, 2, 9600))


def test_released_feels_a_delay(released):
    long = noise(1, 4, 96000)
    with torch.inference_mode():
        late = released(long[..., 240:], long[..., :-240])
        aligned = released(long[..., 240:], long[..., 240:])
    assert aligned - late > 0.01  # the same sound, 5 ms late


def test_released_is_differentiable_here(released):
    degraded = noise(1, 4, 9600, seed=1).requires_grad_(True)
    released(noise(1, 4, 9600), degraded).backward()
    assert torch.isfinite(degraded.grad).all() and degraded.grad.any()


def test_released_has_729_weights_and_no_beta(released):
    assert sum(p.numel() for p in released.network.parameters()) == 729


class Trap:
    """What a malicious checkpoint would hold."""

    def __reduce__(self):
        """Run something when unpickled."""
        return print, ("this must not be printed",)


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"fc1.weight": torch.ones(16, 6)}},
        {"state_dict": {"fc1.weight": 3}},
        {"weights": {}},
        Trap(),
    ],
    ids=["incomplete", "no tensors", "other keys", "code"],
)
def test_refuses_other_checkpoints(tmp_path, capsys, content):
    file = tmp_path / "weights.pth"
    torch.save(content, file)
    with pytest.raises(InputError, match=r"refused|not the released"):
        load_released(file)
    assert "printed" not in capsys.readouterr().out


def test_refuses_files_that_are_no_checkpoint(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"weights.pth: refused.*qastanet fetch"):
        load_checkpoint(file)


def test_score_function(released):
    pair = noise(4, 44100).numpy(), noise(4, 44100, seed=1).numpy()
    score = qastanet.score(*pair, sampling_rate=44100)
    assert isinstance(score, float) and 0 < score < 1
    with pytest.raises(InputError, match="unknown; choose one of: default, released"):
        qastanet.score(*pair, sampling_rate=44100, model="best")
    with pytest.raises(InputError, match=r"1 channel \(mono\)"):
        qastanet.score(np.ones((1, 48000)), np.ones((1, 48000)), 48000)
