"""Pairs of the listening tests, their scoring, and the probes."""

import logging
from pathlib import Path

import mirror
import numpy as np
import pandas as pd
import pytest
import torch

from qastanet import registry
from qastanet.errors import InputError
from qastanet.evidence import all_scores, probes
from qastanet.listening_tests import ambiqual_ratings, rated_pairs
from qastanet.listening_tests.rated_pairs import RatedPair
from qastanet.models.model import QASTAnet
from qastanet.models.network import DifferenceNetwork
from qastanet.scoring.manifest import read_manifest
from qastanet.sound.binaural import BinauralDecoder

FILTERS = torch.tensor([[[1.0], [0.5]], [[1.0], [-0.5]]]).repeat(1, 8, 1)


@pytest.fixture
def decoder(monkeypatch):
    decoder = BinauralDecoder(FILTERS)
    monkeypatch.setattr(all_scores, "default_decoder", lambda order: decoder)
    monkeypatch.setattr("qastanet.rivals.emobiq.default_decoder", lambda order: decoder)
    return decoder


def pair(channels=4, order=1, signal="ambisonic", seconds=1):
    rng = np.random.default_rng(0)
    reference, noise = 0.1 * rng.standard_normal((2, channels, int(44100 * seconds)))
    degraded = reference + 0.3 * noise
    if signal == "ambisonic":
        degraded[(order + 1) ** 2 :] = 0
    return RatedPair("toy", f"scene_{channels}", signal, order, reference, degraded, 44100)


def test_what_is_scored(decoder):
    metrics = ["emobiq", "ambiqual", "lsd", "si-sdr"]
    ambisonic = all_scores.score_pair(pair(), metrics)
    assert {"emobiq", "ambiqual-lq", "lsd", "lsd-worst", "lsd-w", "si-sdr-w"} <= set(ambisonic)
    binaural = all_scores.score_pair(pair(2, signal="binaural"), metrics)
    assert set(binaural) == {
        *("emobiq", "emobiq-monaural", "emobiq-binaural"),
        *("lsd", "lsd-worst", "si-sdr", "si-sdr-worst"),
    }


def test_first_order_is_compared_in_its_own_channels(decoder):
    third = pair(16, order=1)
    first = third._replace(reference=third.reference[:4], degraded=third.degraded[:4])
    scores = [all_scores.score_pair(p, ["ambiqual"]) for p in (third, first)]
    assert scores[0] == scores[1]
    mono = pair(16, order=0)
    assert all_scores.score_pair(mono, ["ambiqual"])["ambiqual-la"] < 0.2


def test_tables_and_maps(decoder, caplog, monkeypatch):
    model = QASTAnet(DifferenceNetwork(n_features=4), [decoder])
    monkeypatch.setattr(all_scores, "METRICS", ("lsd", "visqol"))
    monkeypatch.setattr(all_scores, "installed", lambda name: name != "visqol")
    pairs = [pair(), pair(2, signal="binaural")]
    with caplog.at_level(logging.WARNING):
        table, maps = all_scores.score_pairs(pairs, model)
    assert "visqol is not installed" in caplog.text
    assert table["qastanet-released"].notna().tolist() == [True, False]
    assert maps["toy", "ambisonic"]["scene_4"].shape == (4, 29, 25)
    assert maps["toy", "binaural"]["scene_2"].shape == (3, 29, 25)


def test_first_experiment_of_ambiqual():
    ratings = mirror.upstream(mirror.AMBIQUAL) / "validation/MUSHRA_experiment_1.csv"
    table = ambiqual_ratings.describe_ambiqual(ambiqual_ratings.read_ambiqual1(ratings))
    assert len(table) == 30
    assert (table.listeners == 17).all()
    assert table.role.value_counts().to_dict() == {"coded": 24, "reference": 6}
    raw = pd.read_csv(ratings)
    raw = raw[raw.flag == "Qual"].assign(subcode=raw.subcode.str.strip().str.removesuffix("_L"))
    known = raw.set_index("subcode")["mean"]
    for row in table.itertuples():
        assert row.mean == pytest.approx(known[row.stimulus.replace("_", "")], abs=1e-6)
        for name in (row.reference, row.degraded):
            assert registry.find(registry.AMBIQUAL, f"validation/audiofiles/{name}")


def test_files_of_the_second_experiment_are_registered():
    ratings = mirror.upstream(mirror.AMBIQUAL) / "validation/MUSHRA_experiment_2.csv"
    table = ambiqual_ratings.read_ambiqual2(ratings)
    assert table.order.value_counts().to_dict() == {1: 24, 3: 12}
    for name in [*table.reference, *table.degraded]:
        assert registry.find(registry.AMBIQUAL, f"validation/audiofiles/{name}")


def test_wrong_files_are_refused(tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text("a,b\n1,2\n")
    for read in (ambiqual_ratings.read_ambiqual1, ambiqual_ratings.read_ambiqual2):
        with pytest.raises(InputError, match="not the ratings"):
            read(file)


def test_pairs_at_hand_only():
    mirror.upstream(mirror.AMBIQUAL)
    stem = ambiqual_ratings.AMBIQUAL2_CONTENTS["trFtrEl"]
    rows = [
        ("x", "first", f"{stem}_FOA_REF.wav", f"{stem}_FOA_32k.wav"),
        ("x", "third", f"{stem}_HOA_REF.wav", f"{stem}_HOA_512k.wav"),
    ]
    table = pd.DataFrame(rows, columns=["dataset", "stimulus", "reference", "degraded"])
    present = [row[1] for row in rows if registry.at_hand(entry(row[2]))]
    found = list(rated_pairs.ambiqual_pairs(table))
    assert [p.stimulus for p in found] == present
    assert found[0].reference.shape == found[0].degraded.shape


def test_lower_orders_are_filled_up(monkeypatch, tmp_path):
    import soundfile

    stem = ambiqual_ratings.AMBIQUAL1_CONTENTS["cf"]
    names = {f"{stem}_HOA_REF.wav": 16, f"{stem}_FOA_32k.wav": 4}
    for name, channels in names.items():
        soundfile.write(tmp_path / name, np.full((100 + channels, channels), 0.1), 48000)
    monkeypatch.setattr(registry, "at_hand", lambda e: True)
    monkeypatch.setattr(registry, "fetch", lambda e: tmp_path / e.path.rsplit("/", 1)[1])
    table = pd.DataFrame(
        [["x", "s", *names]], columns=["dataset", "stimulus", "reference", "degraded"]
    )
    (found,) = rated_pairs.ambiqual_pairs(table)
    assert found.order == 1
    assert found.degraded.shape == found.reference.shape == (16, 104)
    assert not found.degraded[4:].any()


def test_probes():
    signals = np.stack([np.ones((1, 4800)), np.ones((1, 4800))]).astype(np.float32)

    def changed(name, value):
        return probes.PROBES[name][0](value)(signals)

    late = changed("delay", 10)
    assert not late[1, 0, :480].any() and late[0].all() and late[1, 0, 480:].all()
    assert changed("both louder", 20) == pytest.approx(10)
    louder = changed("degraded louder", 20)
    assert louder[1, 0, 0] == pytest.approx(10)
    assert louder[0, 0, 0] == 1
    assert [changed("tiled", x).shape[-1] for x in (0.5, 1, 3)] == [2400, 4800, 14400]
    low = changed("low-pass", 1000)
    assert low[1].mean() == pytest.approx(1, abs=1e-3)
    with pytest.raises(KeyError):
        probes.probe({}, "loudness", {}, [1])


def test_identical_signals_of_a_summing_model_depend_on_the_duration():
    model = QASTAnet(DifferenceNetwork(n_features=3, pooling="sum"))
    found = probes.score_of_identical(model, [1, 10])
    assert found.score[0] != found.score[1]
    assert found.duration_s.tolist() == [1, 10]


def entry(name):
    return registry.find(registry.AMBIQUAL, f"validation/audiofiles/{name}")


def test_manifest_of_the_public_pairs(tmp_path):
    mirror.upstream(mirror.AMBIQUAL)
    rated_pairs.write_manifest(tmp_path / "manifest.csv")
    table = read_manifest(tmp_path / "manifest.csv")
    assert len(table) == 28 and len({row["condition"] for row in table}) == 4
    assert all(Path(row[name]).is_file() for row in table for name in ("reference", "degraded"))
