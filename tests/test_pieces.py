"""Files in pieces, and scorers kept on disk."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from test_fast import model, noise
from tolerances import SINGLE

from qastanet.errors import InputError
from qastanet.models.scorer import Scorer
from qastanet.scoring.pair_scores import score_files
from qastanet.sound import sampling
from qastanet.sound.files.pieces import recording


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
    scorer = model(2).scorer()
    with recording(tmp_path / "x.wav") as file:
        found = scorer.features(file)
        again = scorer.features(file)
    np.testing.assert_array_equal(again.power, found.power)
    wanted = scorer.features(sampling.resample(signal, rate, 48000))
    for name in ("ild", "coherence", "power"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), SINGLE, SINGLE)


def test_each_file_is_opened_once(tmp_path, monkeypatch):
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, noise(2, 96000, 0.1).T, 48000)
    opened, real = [], soundfile.SoundFile

    class Counted(real):
        def __init__(self, file, *rest, **options):
            opened.append(Path(os.fsdecode(file)).name)
            super().__init__(file, *rest, **options)

    monkeypatch.setattr(soundfile, "SoundFile", Counted)
    score_files(tmp_path / "a.wav", tmp_path / "b.wav", model(2))
    assert opened == ["a.wav", "b.wav"]


def test_an_error_of_the_scoring_is_not_told_as_one_of_the_file(tmp_path):
    soundfile.write(tmp_path / "a.wav", noise(2, 96000, 0.1).T, 48000)
    with pytest.raises(ValueError, match=r"^something else$"), recording(tmp_path / "a.wav"):
        raise ValueError("something else")


def test_faults_of_files(tmp_path):
    bad = noise(2, 100000)
    bad[1, 60000] = np.nan
    soundfile.write(tmp_path / "nan.wav", bad.T, 48000, subtype="FLOAT")
    with pytest.raises(InputError, match="channel 1, sample 60000"):
        score_files(tmp_path / "nan.wav", tmp_path / "nan.wav", model(2))
    soundfile.write(tmp_path / "silent.wav", 0 * noise(2, 100000).T, 48000)
    with recording(tmp_path / "silent.wav") as file:
        with pytest.raises(InputError, match=r"silent\.wav.*silence"):
            list(file)
    with pytest.raises(InputError, match=r"none\.wav: no such file"):
        with recording(tmp_path / "none.wav"):
            pass
    soundfile.write(tmp_path / "short.wav", noise(2, 50000).T, 48000)
    with pytest.raises(InputError, match="cut both"):
        score_files(tmp_path / "short.wav", tmp_path / "silent.wav", model(2))


def test_a_scorer_is_read_as_it_was_written(tmp_path):
    scorer = model(4, heads=2).scorer()
    scorer.save(tmp_path / "scorer.npz")
    again = Scorer.load(tmp_path / "scorer.npz")
    signal = scorer.features(noise(4, 9600))
    assert again.score(signal, signal) == scorer.score(signal, signal)
