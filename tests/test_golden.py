"""Every stage against arrays that the authors' release computed."""

import json
from pathlib import Path

import numpy as np
import pytest
import textbook
import torch
from mirror import folder
from tolerances import (
    EXACT_SCORE,
    FAST_COHERENCE,
    FAST_ILD,
    FAST_POWER,
    GOLDEN,
    GOLDEN_ILD,
    SCORE,
)

from qastanet.hearing import differences, directiveness, features, gammatone, hearing_threshold
from qastanet.hearing.differences import PAPER_ILD
from qastanet.models.network import DifferenceNetwork
from qastanet.models.released import network_state
from qastanet.registry import AMBIQUAL, path
from qastanet.scoring.loading import load_model
from qastanet.sound import sampling
from qastanet.sound.files import reading

GOLDEN_FOLDER = Path(__file__).parent / "golden"
SCORES = json.loads((GOLDEN_FOLDER / "released_scores.json").read_text())["rows"]


@pytest.fixture(scope="module")
def synthetic():
    return np.load(GOLDEN_FOLDER / "synthetic.npz")


@pytest.fixture(scope="module")
def released_second():
    return np.load(GOLDEN_FOLDER / "released_second.npz")


def _planned(golden, names, dtype=torch.float64):
    signals = [torch.from_numpy(golden[name]).to(dtype) for name in names]
    return [features.binaural_features(signal, floor_ears=False) for signal in signals]


def _textbook(golden, names):
    with np.errstate(divide="ignore", invalid="ignore"):
        return [textbook.binaural_features(golden[x].astype(float), False) for x in names]


def _close(actual, expected, tolerance, relative=0.0):
    np.testing.assert_allclose(actual, expected, atol=tolerance, rtol=relative)


def test_centre_frequencies_and_thresholds(synthetic):
    _close(gammatone.centre_frequencies(), synthetic["center_frequencies_hz"], 0, 1e-12)
    _close(hearing_threshold.threshold_power(), synthetic["limit_threshold"], 0, GOLDEN)


def test_directiveness_constants(synthetic):
    _close(directiveness.smoothing_coefficients(), synthetic["alpha_dif"], 1e-12)
    _close(directiveness.erb_averaging(), synthetic["freq_2_erb"], GOLDEN)


@pytest.mark.parametrize("compute", [_planned, _textbook])
@pytest.mark.parametrize("case", ["binaural", "quiet"])
def test_binaural_features(synthetic, case, compute):
    found = compute(synthetic, (f"ref_{case}_in", f"deg_{case}_in"))
    audible = synthetic[f"{case}.power"] > synthetic["limit_threshold"][:, None]
    for i, signal in enumerate(found):
        _close(signal.coherence, synthetic[f"{case}.gamma"][i], GOLDEN)
        _close(signal.power, synthetic[f"{case}.power"][i], 0, GOLDEN)
        # below the threshold the ILD of the release is rounding noise
        _close(
            PAPER_ILD * signal.ild[audible[i]], synthetic[f"{case}.ild"][i][audible[i]], GOLDEN_ILD
        )


@pytest.mark.parametrize("case", ["binaural", "quiet"])
def test_binaural_features_in_single_precision(synthetic, case):
    found = _planned(synthetic, (f"ref_{case}_in", f"deg_{case}_in"), torch.float32)
    audible = synthetic[f"{case}.power"] > synthetic["limit_threshold"][:, None]
    for i, signal in enumerate(found):
        _close(signal.coherence[:9], synthetic[f"{case}.gamma"][i][:9], 1e-5)
        _close(signal.coherence[9:], synthetic[f"{case}.gamma"][i][9:], FAST_COHERENCE)
        _close(signal.power, synthetic[f"{case}.power"][i], 0, FAST_POWER)
        ild = synthetic[f"{case}.ild"][i][audible[i]]
        _close(PAPER_ILD * signal.ild[audible[i]], ild, FAST_ILD)


@pytest.mark.parametrize("case", ["binaural", "quiet"])
def test_differences(synthetic, case):
    maps = differences.differences(*_planned(synthetic, (f"ref_{case}_in", f"deg_{case}_in")))
    for i, name in enumerate(("d_ild", "d_gamma", "d_mon")):
        tolerance = GOLDEN_ILD if name == "d_ild" else 2 * GOLDEN
        _close(maps[i], np.nan_to_num(synthetic[f"{case}.{name}"]), tolerance, GOLDEN)


def test_quiet_case_covers_silence_and_ceiling(synthetic):
    assert np.isnan(synthetic["quiet.d_gamma"]).sum() > 100
    assert synthetic["quiet.d_mon"].max() == 10


def test_directiveness(synthetic):
    for i, name in enumerate(("deg_foa_in", "ref_foa_in")):
        found = directiveness.directiveness(torch.from_numpy(synthetic[name]).double())
        _close(found, synthetic["foa.directiveness"][i], 2e-6)
        plain = textbook.directiveness(synthetic[name].astype(float))
        _close(plain, synthetic["foa.directiveness"][i], 2e-6)


@pytest.mark.parametrize(
    ("pooling", "name"),
    [("sum", "sum"), ("max", "max"), ("p-norm", "pnorm"), ("swap", "swap_beta_1.3")],
)
def test_network_and_poolings(synthetic, pooling, name):
    prefix = "network.weights."
    given = {
        key.removeprefix(prefix): torch.from_numpy(synthetic[key])
        for key in synthetic.files
        if key.startswith(prefix)
    }
    network = DifferenceNetwork(n_features=4, pooling=pooling)
    network.load_state_dict(network_state(given, "synthetic.npz"), strict=False)
    if pooling == "swap":
        network.pooling.beta.data.fill_(float(synthetic["network.swap_beta"]))
    with torch.no_grad():
        scores = network(torch.from_numpy(synthetic["network.input"][:, :, 0]))
    _close(scores, synthetic[f"network.score_{name}_pooling"], 2e-7)


def test_a_real_second(released_second):
    found = _planned(released_second, ("ref_binaural", "deg_binaural"))
    for i, signal in enumerate(found):
        _close(PAPER_ILD * signal.ild, released_second["ild"][i], 1e-3)
        _close(signal.coherence, released_second["gamma"][i], 1e-5)
        _close(signal.power, released_second["power"][i], 0, 1e-5)
        kept = torch.from_numpy(released_second["directiveness"][1 - i])
        found[i] = signal._replace(directiveness=kept)
    maps = differences.differences(*found)
    for i, name in enumerate(("d_ild", "d_gamma", "d_mon", "d_dir")):
        _close(maps[i], np.nan_to_num(released_second[name]), 1e-3, 1e-4)


def test_score_of_the_real_second_from_audio(released_second):
    folder("QASTANET_DATA_MIRROR")
    model = load_model("released")
    first, last = released_second["samples"]
    stem = SCORES[0]["ref"].removesuffix("_REF.wav")
    pair = [
        torch.from_numpy(reading.read(path(AMBIQUAL, f"{stem}_{kind}.wav"))[0][:, first:last])
        for kind in ("REF", "32k")
    ]
    ears = model.decoders[0](pair[0].double())
    _close(ears, released_second["ref_binaural"], GOLDEN)
    with torch.inference_mode():
        score = model(pair[0][None], pair[1][None])
    _close(score, released_second["score"], EXACT_SCORE)


@pytest.mark.parametrize("row", SCORES, ids=[row["deg"][:12] + row["deg"][-8:-4] for row in SCORES])
def test_released_scores(row):
    folder("QASTANET_DATA_MIRROR")
    (reference, rate), (degraded, _) = (
        reading.read(path(AMBIQUAL, row[name])) for name in ("ref", "deg")
    )
    pair = [
        torch.from_numpy(sampling.resample(x, rate, 48000))[None] for x in (reference, degraded)
    ]
    assert pair[0].shape[-1] - row["samples_48k"] in (0, 1)  # the release needs an even number
    with torch.inference_mode():
        score = load_model("released")(*pair).item()
    assert score == pytest.approx(row["score"], abs=SCORE)
