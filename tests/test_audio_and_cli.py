"""Reading sounds and the command line: what is refused, how, and what comes out."""

import json
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from mirror import folder

import qastanet
from qastanet import registry
from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.scoring import loading, pair_scores
from qastanet.sound import checks, sampling
from qastanet.sound.files import reading

RNG = np.random.default_rng(0)


@pytest.fixture
def sound(tmp_path):
    """Write a sound file and return its path."""

    def write(name, channels=4, samples=9600, rate=48000, values=None, subtype="FLOAT"):
        if values is None:
            values = 0.1 * RNG.standard_normal((samples, channels))
        soundfile.write(tmp_path / name, values, rate, subtype=subtype)
        return str(tmp_path / name)

    return write


def test_reads_what_was_written(sound):
    values = RNG.standard_normal((5000, 9)).astype(np.float32)
    samples, rate = reading.read(sound("a.wav", values=values, rate=44100))
    np.testing.assert_array_equal(samples, values.T)
    assert rate == 44100


@pytest.mark.parametrize("rate", [8000, 32000, 44100, 96000])
def test_resampling_keeps_a_tone(rate):
    time, wanted = np.arange(rate) / rate, np.arange(48000) / 48000
    tone = np.sin(2 * np.pi * 1000 * time)[None]
    found = sampling.resample(tone, rate, 48000)[0]
    assert found.shape == (48000,)
    error = found - np.sin(2 * np.pi * 1000 * wanted)
    assert np.abs(error[2000:-2000]).max() < 2e-3


def pairs(sound, tmp_path):
    """Name of the case -> reference, degraded, what the message says."""
    good = sound("good.wav")
    values = 0.1 * RNG.standard_normal((9600, 4))
    values[77, 2] = np.nan
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "empty.wav").write_bytes(b"")
    return {
        "missing": (good, str(tmp_path / "none.wav"), "none.wav: no such file"),
        "folder": (good, str(tmp_path), "is a folder"),
        "text": (good, str(tmp_path / "text.wav"), "text.wav: cannot be read as sound"),
        "empty": (str(tmp_path / "empty.wav"), good, "empty.wav: cannot be read as sound"),
        "mono": (sound("m.wav", 1), sound("n.wav", 1), "m.wav: 1 channel (mono)"),
        "channels": (sound("5.wav", 5), sound("6.wav", 5), "5.wav: 5 channels"),
        "nan": (good, sound("nan.wav", values=values), "nan.wav: nan in channel 2, sample 77"),
        "silence": (good, sound("0.wav", values=np.zeros((9600, 4))), "0.wav: all samples are 0"),
        "short": (sound("s.wav", samples=100), good, "s.wav: 100 samples (2.1 ms at 48000 Hz)"),
        "lengths": (good, sound("l.wav", samples=9601), "9600 and 9601 samples"),
        "rates": (good, sound("r.wav", rate=44100), "sampling rates 48000 and 44100"),
        "orders": (good, sound("o.wav", 16), "4 and 16 channels"),
    }


@pytest.mark.parametrize(
    "case",
    "missing folder text empty mono channels nan silence short lengths rates orders".split(),
)
def test_bad_input_is_named_and_ends_with_2(sound, tmp_path, capsys, case):
    reference, degraded, message = pairs(sound, tmp_path)[case]
    assert main(["score", reference, degraded]) == 2
    out, err = capsys.readouterr()
    assert message in err and err.startswith("qastanet: ") and not out


def test_array_the_wrong_way_round():
    with pytest.raises(InputError, match=r"9600 channels.*\(channels, samples\)"):
        checks.check_signal(np.ones((9600, 4)), 48000, "reference")


@pytest.mark.parametrize("rate", [48000, 44100])
def test_score_as_json(sound, capsys, rate):
    folder("QASTANET_DATA_MIRROR")
    reference, degraded = sound("ref.wav", rate=rate), sound("deg.wav", rate=rate)
    assert main(["score", reference, degraded, "--json"]) == 0
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["reference"] == reference and result["degraded"] == degraded
    assert result["model"] == "default" and result["conformance"] == qastanet.CONFORMANCE
    assert result["sampling_rate"] == rate and result["duration_s"] == 9600 / rate
    assert 0 <= result["low"] < result["score"] < result["high"] <= 1
    assert ("resampled from 44100 to 48000" in err) == (rate == 44100)
    assert result.get("resampled_to") == (48000 if rate == 44100 else None)


def test_score_as_a_number(sound, capsys):
    folder("QASTANET_DATA_MIRROR")
    same = sound("same.wav", samples=288000)
    assert main(["score", same, same]) == 0
    assert capsys.readouterr().out == "1.0000\n"
    assert main(["score", same, same, "--model", "released"]) == 0
    assert capsys.readouterr().out == "0.8470\n"  # six seconds against themselves


def test_binaural_files_with_the_released_model(sound, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(tmp_path / "empty"))
    monkeypatch.setenv(registry.MIRROR_VARIABLE, str(tmp_path / "empty"))  # nothing can be fetched
    assert main(["score", sound("l.wav", 2), sound("r.wav", 2), "--model", "released"]) == 2
    assert "directiveness" in capsys.readouterr().err
    with pytest.raises(InputError, match="directiveness"):
        qastanet.score(np.ones((2, 4800)), np.ones((2, 4800)), 48000, "released")
    rows = pair_scores.score_group(sound("l.wav", 2), [sound("r.wav", 2)], "released")
    assert "directiveness" in rows[0]["error"]
    loading._scorer_of_name.cache_clear()
    assert main(["score", sound("a.wav"), sound("b.wav"), "--model", "released"]) == 2
    assert "cannot be fetched" in capsys.readouterr().err


def test_unknown_model(sound, capsys):
    assert main(["score", sound("a.wav"), sound("b.wav"), "--model", "best"]) == 2
    assert "model 'best' is unknown; choose one of: default, released" in capsys.readouterr().err


def test_version_is_printed_without_loading_torch():
    code = (
        "import sys, qastanet.cli as c\ntry: c.main(['--version'])\nfinally: print([*sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert out.startswith(f"qastanet {qastanet.__version__} (conformance {qastanet.CONFORMANCE})")
    assert "'torch'" not in out


def test_modules_are_there_without_being_imported():
    code = "import sys, qastanet\nprint('qastanet.scoring.campaign' in sys.modules)\n"
    code += "print(qastanet.scoring.__name__, 'scoring' in dir(qastanet), qastanet.score)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    assert out.startswith("False\nqastanet.scoring True <function score")
    assert not hasattr(qastanet, "nonesuch")


def test_wrong_options_end_with_2(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["score", "only-one.wav"])
    assert "usage" in capsys.readouterr().err
