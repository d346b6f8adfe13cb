"""Files in pieces, and scorers kept on disk."""

import numpy as np
import pytest
import soundfile
from test_fast import model, noise
from tolerances import SINGLE

from qastanet.errors import InputError
from qastanet.models.scorer import Scorer
from qastanet.scoring.pair_scores import score_files
from qastanet.sound import sampling


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


def test_a_scorer_is_read_as_it_was_written(tmp_path):
    scorer = Scorer.from_model(model(4, heads=2))
    scorer.save(tmp_path / "scorer.npz")
    again = Scorer.load(tmp_path / "scorer.npz")
    signal = scorer.features(noise(4, 9600))
    assert again.score(signal, signal) == scorer.score(signal, signal)
