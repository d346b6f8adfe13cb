"""Files in pieces, many pairs, and features kept on disk."""

import numpy as np
import pytest
import soundfile
import torch
from test_fast import model, noise
from tolerances import EXACT_SCORE, SINGLE

from qastanet.errors import InputError
from qastanet.models.scorer import Scorer
from qastanet.scoring import batch
from qastanet.scoring.feature_store import FeatureStore
from qastanet.scoring.pair_scores import score_files
from qastanet.sound import sampling, sound_files


@pytest.fixture
def files(tmp_path):
    paths = []
    for seed in range(3):
        paths.append(tmp_path / f"{seed}.wav")
        soundfile.write(paths[-1], noise(2, 130003, 0.1, seed).T, 48000, subtype="FLOAT")
    return paths


@pytest.mark.parametrize("rate", [8000, 22050, 32000, 44100, 47999, 96000])
@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0001, 3.7])
def test_resampling_in_blocks(rate, seconds):
    signal = noise(2, round(rate * seconds))
    blocks = (signal[:, start : start + rate] for start in range(0, signal.shape[1], rate))
    joined = np.concatenate(list(sampling.resampled(blocks, rate)), axis=1)
    np.testing.assert_allclose(joined, sampling.resample(signal, rate, 48000), atol=1e-6)


@pytest.mark.parametrize("rate", [44100, 48000])
def test_a_file_has_the_features_of_its_samples(tmp_path, rate):
    signal = noise(2, 130003, 0.1)
    soundfile.write(tmp_path / "x.wav", signal.T, rate, subtype="FLOAT")
    scorer = Scorer.from_model(model(2))
    found = scorer.features(tmp_path / "x.wav")
    wanted = scorer.features(sampling.resample(signal, rate, 48000))
    for name in ("ild", "coherence", "power"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), SINGLE, SINGLE)


def test_faults_of_files(tmp_path):
    scorer = Scorer.from_model(model(2))
    bad = noise(2, 100000)
    bad[1, 60000] = np.nan
    soundfile.write(tmp_path / "nan.wav", bad.T, 48000, subtype="FLOAT")
    with pytest.raises(InputError, match="channel 1, sample 60000"):
        scorer.features(tmp_path / "nan.wav")
    soundfile.write(tmp_path / "silent.wav", 0 * noise(2, 100000).T, 48000)
    with pytest.raises(InputError, match="silence"):
        scorer.features(tmp_path / "silent.wav")
    with pytest.raises(InputError, match="no such file"):
        scorer.features(tmp_path / "none.wav")
    soundfile.write(tmp_path / "short.wav", noise(2, 50000).T, 48000)
    with pytest.raises(InputError, match="cut both"):
        score_files(tmp_path / "short.wav", tmp_path / "silent.wav", model(2))


def test_many_pairs_give_what_single_pairs_give(files):
    rated = model(2)
    pairs = [(files[0], files[1]), (files[2], files[0]), (files[0], files[0])]
    many = list(batch.score_many(pairs, rated, jobs=2))
    assert many == [score_files(*pair, rated)["score"] for pair in pairs]
    signals = [torch.from_numpy(sound_files.read(path)[0].copy()).unsqueeze(0) for path in files]
    with torch.inference_mode():
        assert many[0] == pytest.approx(rated(*signals[:2]).item(), abs=EXACT_SCORE)


def test_a_signal_is_analysed_once(files, monkeypatch):
    sources = []
    analyse = Scorer.features
    monkeypatch.setattr(Scorer, "features", lambda s, x: sources.append(x) or analyse(s, x))
    reference = files[0]
    list(batch.score_many([(reference, path) for path in files], model(2), jobs=2))
    assert sorted(sources) == sorted(files)


def test_kept_features(files, tmp_path, monkeypatch):
    store = FeatureStore(tmp_path / "features")
    first = list(batch.score_many([files[:2]], model(2), store=store))
    directive = Scorer.from_model(model(4))
    plain = Scorer.from_model(model(2))
    assert store.path(plain, files[0]) != store.path(directive, files[0])
    assert store.path(plain, files[0]) != store.path(plain, files[1])
    monkeypatch.setattr(Scorer, "features", None)
    assert list(batch.score_many([files[:2]], model(2), store=store)) == first


def test_a_scorer_is_read_as_it_was_written(tmp_path):
    scorer = Scorer.from_model(model(4, heads=2))
    scorer.save(tmp_path / "scorer.npz")
    again = Scorer.load(tmp_path / "scorer.npz")
    signal = scorer.features(noise(4, 9600))
    assert again.front_end == scorer.front_end
    assert again.score(signal, signal) == scorer.score(signal, signal)


def test_pairs_that_do_not_fit():
    x = noise(2, 4800)
    for pair, message in (((x, x[:, :-1]), "cut both"), ((x, "x.wav"), "two files or two arrays")):
        with pytest.raises(InputError, match=message):
            list(batch.score_many([pair], model(2)))
