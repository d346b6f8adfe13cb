"""Stimuli of the AES 2023 test: structure on made-up files, golden numbers on the real ones."""

from pathlib import Path

import mirror
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from qastanet.errors import InputError
from qastanet.scene.parametric_coding import (
    CONDITIONS,
    as_heard,
    keep_loudest,
    render,
    stimuli,
)
from qastanet.scene.parametric_scenes import (
    RATE,
    SAMPLES,
    SCENES,
    pink_noise,
    read_audio,
    sound_field,
)

GOLDEN = Path(__file__).with_name("golden") / "aes2023.npz"
DEGREES = np.array([m for n in range(4) for m in range(-n, n + 1)])


@pytest.fixture(scope="session")
def made_up(tmp_path_factory):
    """Upstream files with the right shapes and other contents."""
    folder = tmp_path_factory.mktemp("upstream")

    def files(name):
        path = folder / name
        if not path.exists():
            rng = np.random.default_rng(len(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            shape = (SAMPLES, 1) if "audio" in name else (300, 4 if "Ord1" in name else 16)
            soundfile.write(path, 0.05 * rng.standard_normal(shape), RATE, subtype="FLOAT")
        return path

    return files


@pytest.fixture(scope="session")
def real():
    root = mirror.upstream(mirror.AES2023)
    return {(s.content, s.condition): s.binaural for s in stimuli(lambda name: root / name)}


@pytest.fixture(scope="session")
def room(made_up):
    return render("drums+saw_medrev", made_up, seed=1)


def file_name(content, condition):
    """Stem of the name under which the authors store a stimulus."""
    short = "ref" if condition == "reference" else condition.lower().replace("-", "_")
    return f"{content}_{short}"


def level(ears):
    return 10 * np.log10(np.mean(ears**2, axis=-1))


def test_seven_scenes_by_seven_conditions():
    assert len(SCENES) == len(CONDITIONS) == 7
    names = {file_name(scene, condition) for scene in SCENES for condition in CONDITIONS}
    assert names == set(np.load(GOLDEN)["names"])


def test_stimuli_come_in_order(made_up):
    found = list(stimuli(made_up, contents=["drums+saw_anech"]))
    assert [s.condition for s in found] == list(CONDITIONS)
    assert {s.ambisonic.shape for s in found} == {(16, SAMPLES)}
    assert {s.binaural.shape for s in found} == {(2, SAMPLES)}


def test_two_sources_are_coded_by_two_components_without_loss(made_up):
    versions = render("drums+saw_anech", made_up)
    for condition in ("Param2", "FOA-Amb-Param2"):
        np.testing.assert_allclose(versions[condition], versions["reference"], atol=1e-12)
    assert np.abs(versions["Param1"] - versions["reference"]).max() > 1e-3


def test_channels_of_the_conditions(room):
    reference = room["reference"]
    np.testing.assert_array_equal(room["FOA"][:4], reference[:4])
    assert not room["FOA"][4:].any()
    np.testing.assert_array_equal(room["Mono"][0], reference[0])
    assert not room["Mono"][1:].any()
    for components in (1, 2):  # the ambience brings the first order back to what it was
        coded = room[f"FOA-Amb-Param{components}"]
        np.testing.assert_allclose(coded[:4], reference[:4], atol=1e-12)
        np.testing.assert_array_equal(coded[4:], room[f"Param{components}"][4:])


def test_peak_of_the_reference(room):
    assert 20 * np.log10(np.abs(room["reference"][0]).max()) == pytest.approx(-12)


def test_seeds(made_up, room):
    again, other = (render("drums+saw_medrev", made_up, seed=seed) for seed in (1, 2))
    np.testing.assert_array_equal(again["Param1"], room["Param1"])
    assert np.abs(other["reference"] - room["reference"]).max() > 1e-3


def test_tail_has_equal_energy_in_all_channels(made_up):
    field = sound_field("drums+saw_strongrev", made_up)
    assert np.ptp(level(field.diffuse)) < 1
    start = int(3 * 7 / 340 * RATE)
    assert not field.diffuse[:, :start].any()
    assert field.diffuse[:, start:].any()


def test_field_is_the_sum_of_its_arrivals(made_up):
    field = sound_field("drums+saw_anech", made_up)
    np.testing.assert_allclose(field.harmonics.T @ field.distinct, field.discrete, atol=1e-12)
    np.testing.assert_allclose(field.distinct.sum(axis=0), field.sum, atol=1e-12)
    np.testing.assert_allclose(field.discrete[0], field.sum / np.sqrt(4 * np.pi), atol=1e-12)


@pytest.mark.parametrize("condition", ["reference", "FOA"])
def test_mirrored_scene_swaps_the_ears(made_up, room, condition):
    scene = room[condition]
    mirrored = np.where(DEGREES < 0, -1, 1)[:, None] * scene
    ears = as_heard(scene, condition, made_up)
    np.testing.assert_allclose(as_heard(mirrored, condition, made_up), ears[::-1], atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4), samples=st.integers(900, 5000))
def test_keeping_all_changes_nothing(seed, count, samples):
    signals = np.random.default_rng(seed).standard_normal((count, samples))
    np.testing.assert_allclose(keep_loudest(signals, count), signals, atol=1e-10)


def test_the_louder_of_two_tones_is_kept():
    time = np.arange(RATE // 2) / RATE
    tones = np.array([[1.0], [0.2]]) * np.sin(2 * np.pi * 1000 * time)
    kept = keep_loudest(tones, 1)
    np.testing.assert_allclose(kept[0], tones[0], atol=1e-6)
    np.testing.assert_allclose(kept[1], 0, atol=1e-6)


def test_pink_noise_falls_by_three_decibels_an_octave():
    power = np.abs(np.fft.rfft(pink_noise(2**17, np.random.default_rng(0)))) ** 2
    octaves = [10 * np.log10(power[2**k : 2 ** (k + 1)].mean()) for k in range(8, 16)]
    assert power[0] == pytest.approx(0, abs=1e-12)
    assert np.polyfit(np.arange(8), octaves, 1)[0] == pytest.approx(-3.01, abs=0.1)


def test_refuses(made_up, tmp_path):
    with pytest.raises(InputError, match="unknown scene 'applause'"):
        sound_field("applause", made_up)
    soundfile.write(tmp_path / "a.wav", np.zeros((10, 2)), 48000)
    with pytest.raises(InputError, match=r"2 channel.* at 48000 Hz, expected 1 at 44100"):
        read_audio(tmp_path / "a.wav", 1)


def test_golden_excerpts_of_the_deterministic_stimuli(real):
    golden = np.load(GOLDEN)
    ours = {file_name(*key): ears for key, ears in real.items()}
    assert len(golden["excerpts"]) == 14
    for name, excerpt in zip(golden["excerpt_names"], golden["excerpts"], strict=True):
        np.testing.assert_allclose(ours[name][:, 60000:60256], excerpt, atol=1e-6, err_msg=name)


def test_golden_levels_and_interaural_correlations(real):
    golden = np.load(GOLDEN)
    rows = zip(golden["names"], golden["levels"], golden["correlations"], strict=True)
    targets = {name: (levels, correlation) for name, levels, correlation in rows}
    for (content, condition), ears in real.items():
        levels, correlation = targets[file_name(content, condition)]
        random = "anech" not in content or "noise" in content
        # the level of a noise hangs on its peak: a few dB from one realisation to the next
        loudness = 2.5 if "noise" in content else 1.0 if random else 1e-4
        assert level(ears) == pytest.approx(levels, abs=loudness), (content, condition)
        width = 0.15 if random else 1e-6
        assert np.corrcoef(ears)[0, 1] == pytest.approx(correlation, abs=width)
        relative = level(ears) - level(real[content, "reference"])
        wanted = levels - targets[file_name(content, "reference")][0]
        assert relative == pytest.approx(wanted, abs=0.75), (content, condition)


def test_golden_files_before_the_diffuse_tail_sets_in(real):
    """Only the overall gain is random there (and in pink noise everything)."""
    folder = mirror.folder("QASTANET_GOLDEN_AES")
    early = slice(0, 2700 - 882)  # a window of the coder ahead of the tail
    for (content, condition), ears in real.items():
        if content == "pink_noise_anech":
            continue
        golden = soundfile.read(folder / f"{file_name(content, condition)}.flac")[0].T
        if content.endswith("anech"):
            np.testing.assert_allclose(ears, golden, atol=1e-6)
        ours, theirs = ears[:, early], golden[:, early]
        gain = np.sum(ours * theirs) / np.sum(ours**2)
        np.testing.assert_allclose(gain * ours, theirs, atol=1e-6)
