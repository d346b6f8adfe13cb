"""BINAQUAL: values of the authors' release, invariants, errors."""

import json
from pathlib import Path

import mirror
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import CLOSED_FORM, GOLDEN

from qastanet.errors import InputError
from qastanet.rivals.ambiqual import ambiqual
from qastanet.rivals.binaqual import binaqual
from qastanet.rivals.other_metrics import score
from qastanet.sound.ambisonics import encode

RELEASE = json.loads((Path(__file__).parent / "golden" / "binaqual_aes2023.json").read_text())
PARTS = ("vnsim_left", "vnsim_right", "ls")


def ears(seed, seconds=1.0):
    return np.random.default_rng(seed).standard_normal((2, int(48000 * seconds)))


def test_the_release_is_matched():
    assert len(RELEASE) == 49
    root = mirror.folder("QASTANET_GOLDEN_AES")
    for row in RELEASE:
        names = (f"{row['scene']}_{condition}.flac" for condition in ("ref", row["condition"]))
        signals = [soundfile.read(root / name)[0].T for name in names]
        found = binaqual(*signals, 44100)
        for part in PARTS:
            assert found[part] == pytest.approx(row[part], abs=GOLDEN), row


def test_kept_values_of_the_release_are_products():
    for row in RELEASE:
        product = row["vnsim_left"] * row["vnsim_right"]
        assert row["ls"] == pytest.approx(product, abs=CLOSED_FORM)
        if row["condition"] == "ref":
            assert row["ls"] == pytest.approx(1, abs=CLOSED_FORM)


def test_is_the_similarity_of_ambiqual_on_each_ear():
    pair = [np.concatenate([ears(k), ears(k + 2)]) for k in (0, 1)]
    channels = ambiqual(*pair)
    found = binaqual(pair[0][:2], pair[1][:2], 48000)
    assert [found[part] for part in PARTS[:2]] == [channels["nsim_0"], channels["nsim_1"]]


def test_one_channel_counts_a_tenth_for_the_other():
    both, one = (binaqual(x, x[::-1] + x, 48000) for x in (ears(0), ears(0)[:1]))
    assert one["vnsim_right"] == 0.1
    assert one["ls"] == pytest.approx(0.1 * one["vnsim_left"])
    assert both["vnsim_right"] > 0.1


@settings(max_examples=5)
@given(seed=st.integers(0, 2**32 - 1), gain=st.sampled_from([1e-3, 0.5, 4.0]))
def test_levels_do_not_matter_and_the_ears_may_be_exchanged(seed, gain):
    x, y = ears(seed, 0.6), ears(seed, 0.6) + 0.5 * ears(seed + 1, 0.6)
    found = binaqual(x, y, 48000)["ls"]
    assert found == pytest.approx(binaqual(x, gain * y, 48000)["ls"], abs=1e-9)
    assert found == pytest.approx(binaqual(x[::-1], y[::-1], 48000)["ls"], abs=CLOSED_FORM)


def test_ambisonics_go_to_the_ears_first():
    source = np.random.default_rng(0).standard_normal(48000)
    left, right = (encode(source, azimuth, order=1) for azimuth in (np.pi / 2, -np.pi / 2))
    assert binaqual(left, left, 48000)["ls"] == pytest.approx(1, abs=CLOSED_FORM)
    assert binaqual(left, right, 48000)["ls"] < 0.5
    assert binaqual(left[:, ::2], left[:, ::2], 24000)["ls"] == pytest.approx(1, abs=CLOSED_FORM)


def test_is_one_of_the_metrics():
    x = ears(0)
    found = score(x, x + 0.3 * ears(1), 48000)
    assert found["binaqual"] == binaqual(x, x + 0.3 * ears(1), 48000)["ls"]
    assert "binaqual" not in score(x[:1], x[:1], 48000, None)


@pytest.mark.parametrize(
    ("reference", "degraded", "message"),
    [
        (np.zeros((2, 48000)), np.zeros((2, 47999)), "same shape"),
        (np.zeros((3, 48000)), np.zeros((3, 48000)), r"2 channels \(binaural\) or 4, 9 or 16"),
        (np.zeros((2, 23040)), np.zeros((2, 23040)), "too short"),
        (np.zeros((2, 48000)), np.full((2, 48000), np.inf), "infinity"),
    ],
)
def test_errors(reference, degraded, message):
    with pytest.raises(InputError, match=message):
        binaqual(reference, degraded, 48000)
