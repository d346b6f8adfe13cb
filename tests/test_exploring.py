"""The exploration notebooks: what the benches work out, that controls act, and that they run."""

import io
import re
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import papermill
import pytest
import soundfile
from matplotlib.figure import Figure
from tolerances import FAST_COHERENCE, FAST_ILD, FAST_POWER

from qastanet.errors import InputError
from qastanet.explore import benches, codec_bench, level_bench, placed_sound, widgets
from qastanet.explore.one_frame import one_frame
from qastanet.explore.placed_sound import DECODERS, DESIGNED, MEASURED, THIRD, Placed
from qastanet.hearing.fast import front_end
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.hearing.hearing_threshold import FULL_SCALE_LEVEL
from qastanet.scene.binaural_cues import time_difference
from qastanet.scoring.loading import load_scorer

ROOT = Path(__file__).parents[1]
LOSS = ROOT / "notebooks" / "explore_loss.ipynb"
NOTEBOOKS = [
    path
    for path in sorted((ROOT / "notebooks").glob("explore_*.ipynb"))
    if path.stem not in ("explore_listening", LOSS.stem)  # see tests/test_rating.py, and below
]
WIDGETS = {"ipywidgets": "widgets", "anywidget": "rating_page"}
MOVES = {
    "ears": {"azimuth": -90, "elevation": 45, "yaw": 30, "order": 1, "decoder": MEASURED}
    | {"diffuse": 0.5, "sound": "drums"},
    "front_end": {"azimuth": 0, "diffuse": 1.0, "quieter": 60, "band": 20, "frame": 11}
    | {"sound": "talker"},
    "codecs": {"strength": 64, "order": 2, "scene": "applause around"}
    | {"treatment": "Independent noise"},
    "levels": {"level": 20, "fault": "hiss 20 dB below the sound", "scene": "bells that move"},
}


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_source_on_the_left_is_louder_and_earlier_on_the_left(decoder):
    found = [Placed(azimuth=azimuth, decoder=decoder) for azimuth in (90, 0, -90)]
    levels = [np.nanmean(placed_sound.cues(placed_sound.ears(x))[0]) for x in found]
    delays = [time_difference(placed_sound.response(x)[None])[0] for x in found]
    assert levels[0] > 5 and abs(levels[1]) < 2 and levels[2] < -5
    assert delays[0] > 0.5 and abs(delays[1]) < 0.05 and delays[2] < -0.5


def test_turning_the_head_is_turning_the_scene_back():
    turned, straight = Placed(azimuth=60, yaw=60), Placed(azimuth=0)
    np.testing.assert_allclose(
        placed_sound.response(turned), placed_sound.response(straight), atol=1e-9
    )
    measured = Placed(azimuth=60, yaw=60, decoder=MEASURED), Placed(azimuth=0, decoder=MEASURED)
    np.testing.assert_array_equal(*map(placed_sound.response, measured))


@pytest.mark.parametrize("decoder", DECODERS)
def test_a_diffuse_field_has_no_side_and_little_coherence(decoder):
    def cues(share):
        return placed_sound.cues(
            placed_sound.ears(Placed(azimuth=0, decoder=decoder, diffuse=share))
        )

    around, alone = cues(1.0), cues(0.0)
    fine = centre_frequencies() < 1300
    assert np.nanmean(around[1][fine]) < 0.6 < 0.95 < np.nanmean(alone[1][fine])
    assert abs(np.nanmean(around[0])) < 1
    power = [
        np.mean(placed_sound.ears(Placed(azimuth=0, decoder=decoder, diffuse=x)) ** 2)
        for x in (0.0, 1.0)
    ]
    assert abs(10 * np.log10(power[1] / power[0])) < 6


def test_the_statements_of_the_ears_notebook():
    def cues(order, decoder, azimuth=60):
        placed = Placed(azimuth=azimuth, order=order, decoder=decoder)
        itd = time_difference(placed_sound.response(placed)[None])[0]
        return itd, placed_sound.cues(placed_sound.ears(placed))[0]

    centres = centre_frequencies()
    third, first, cut = cues(3, DESIGNED), cues(1, DESIGNED), cues(1, THIRD)
    assert third[1][centres < 500].max() < 5 and third[1].max() > 15
    assert 0.25 < first[0] / third[0] < 0.45
    high = centres > 4000
    assert cut[1][high].mean() < 0.65 * first[1][high].mean()
    assert 0.7 < cues(3, DESIGNED, azimuth=90)[0] < 0.9


@pytest.mark.parametrize("band", [0, 8, 9, 28])
def test_one_frame_is_what_the_front_end_computes(band):
    heard = placed_sound.ears(Placed(azimuth=40, diffuse=0.3))
    found, whole = one_frame(heard, band, 7), front_end.features(heard)
    assert found.ild == pytest.approx(float(whole.ild[0, band, 7]), abs=FAST_ILD)
    assert abs(found.coherence - whole.coherence[0, band, 7]) < FAST_COHERENCE
    amplitudes = 10 ** ((found.ear_levels - FULL_SCALE_LEVEL) / 20)
    power = amplitudes.mean() ** 2 / 2
    assert power == pytest.approx(float(whole.power[0, band, 7]), rel=FAST_POWER)
    assert found.by_envelope == (band >= 9)


def test_the_phase_of_the_coherence_is_the_time_difference():
    found = one_frame(placed_sound.ears(Placed(azimuth=60)), band=0, frame=5)
    itd = np.angle(found.coherence) / (2 * np.pi * found.frequency) * 1000
    assert itd == pytest.approx(0.76, abs=0.05)


def test_a_frame_below_the_threshold_says_nothing():
    found = one_frame(1e-5 * placed_sound.ears(Placed()), band=28, frame=5)
    assert np.isnan(found.coherence) and found.ear_levels.max() < found.threshold
    assert found.ild == 0


def test_every_treatment_is_mild_at_its_end():
    for name, treatment in codec_bench.TREATMENTS.items():
        scores = [
            codec_bench.judge("talker and guitar", 1, name, strength).found.score
            for strength in (*treatment.strengths.values(),)[:: len(treatment.strengths) - 1]
        ]
        assert scores[0] < 0.9, name
        assert scores[1] > scores[0] or name == "AAC, channels in pairs", name


def test_quiet_faults_are_forgiven():
    for fault in level_bench.FAULTS:
        curve = level_bench.level_curve("drums from the left", fault)
        assert curve[0, 0] == pytest.approx(1, abs=1e-3) and curve[0, -1] < 0.97
        assert (curve[1] <= curve[0]).all() and (curve[0] <= curve[2]).all()
    heard = [
        level_bench.at_level("talker and guitar", "low-pass at 7 kHz", level).heard.sum()
        for level in (0, 30, 60, 90)
    ]
    assert heard == sorted(heard) and heard[0] == 0


def _state(bench):
    sounds = [bytes(box.children[1].value) for box in bench.players.children]
    return bytes(bench.picture.value), bench.text.value, sounds


def test_what_the_hints_of_explore_ears_say():
    placed = [Placed(azimuth=60, order=1), Placed(azimuth=60, decoder=MEASURED)]
    placed.append(replace(placed[0], decoder=THIRD))
    first, head, cut = (time_difference(placed_sound.response(x)[None])[0] for x in placed)
    assert (first, head, cut) == pytest.approx((0.23, 0.65, 0.40), abs=0.01)
    high = centre_frequencies() > 4000
    levels = [placed_sound.cues(placed_sound.ears(x))[0][high].mean() for x in placed]
    assert levels == pytest.approx([18, 16, 7], abs=0.5)
    side = placed_sound.cues(placed_sound.ears(replace(placed[1], azimuth=90)))[0]
    assert side[0] > 2.9 and side[centre_frequencies() < 500].max() < 4.5 and side[high].min() > 14
    alike = placed_sound.cues(placed_sound.ears(Placed(azimuth=0, diffuse=1.0)))[1]
    assert alike[centre_frequencies() > 1300].mean() == pytest.approx(0.8, abs=0.05)
    noises = np.random.default_rng(0).standard_normal((2, 48000)).astype(np.float32) / 20
    middle = (centre_frequencies() > 500) & (centre_frequencies() < 1300)
    assert 0.3 < placed_sound.cues(noises)[1][middle].mean() < 0.4


def test_what_explore_codecs_says_of_the_model():
    text = (ROOT / "notebooks/explore_codecs.ipynb").read_text(encoding="utf-8")
    model = load_scorer()
    strictness, curve = model.network.strictness, model.network.curve
    assert f"$a = {strictness:.2f}$ and $b = {curve:.2f}$" in text
    sides = np.array([[1], [-1], [1], [1]], np.float32)
    for scene in codec_bench.SCENES:
        signal = codec_bench.reference(scene, 1).signal
        score = model.score(model.features(signal), model.features(signal * sides))
        assert score > 0.9 if scene == "applause around" else score < 0.6


@pytest.fixture(scope="module")
def bench_of():
    made = {}
    return lambda name: made.setdefault(name, getattr(benches, name)())


@pytest.mark.parametrize(("name", "control"), [(n, c) for n in MOVES for c in MOVES[n]])
def test_a_move_changes_the_picture(bench_of, name, control):
    bench = bench_of(name)
    before = _state(bench)
    bench.controls[control].value = MOVES[name][control]
    after = _state(bench)
    assert after[0] != before[0] and after[0].startswith(b"\x89PNG")
    assert control in ("frame", "band", "quieter", "level") or after[2] != before[2]
    assert control in ("elevation",) or after[1] != before[1]
    assert not plt.get_fignums() and not bench.messages.outputs


def test_every_control_of_a_bench_is_moved():
    for name, moves in MOVES.items():
        assert set(getattr(benches, name)().controls) == set(moves)


def test_the_strengths_follow_the_treatment():
    bench = benches.codecs()
    controls = bench.controls
    for name in ("Rotated scene", "Level", "Lower ambisonic order"):
        treatment = codec_bench.TREATMENTS[name]
        controls["treatment"].value = name
        assert dict(controls["strength"].options) == treatment.strengths
        assert controls["strength"].value == next(iter(treatment.strengths.values()))
        assert "Score" in bench.text.value and not bench.messages.outputs


def test_players_get_the_sound_and_never_clip():
    loud = np.full((2, 4800), 2.0)
    bench = widgets.Bench(
        {"gain": widgets.slider("Gain", 0.0, 0.0, 1.0, 0.5)},
        lambda gain: widgets.Shown(Figure, "", {"a": loud, "b": 0.5 * loud}),
    )
    sounds = [soundfile.read(io.BytesIO(box.children[1].value)) for box in bench.players.children]
    assert all(rate == 48000 and sound.shape == (4800, 2) for sound, rate in sounds)
    assert np.allclose(sounds[0][0], 1, atol=1e-4) and np.allclose(sounds[1][0], 0.5, atol=1e-4)


def test_start_values_are_checked():
    assert benches.front_end(band=12, frame=3).controls["band"].value == 12
    with pytest.raises(InputError, match="no control is called 'height'; there are sound, azi"):
        benches.ears(height=3)
    with pytest.raises(InputError, match="sound cannot be 'tuba'"):
        benches.ears(sound="tuba")
    with pytest.raises(InputError, match="order cannot be 7: it is out of range"):
        benches.ears(order=7)


def test_a_message_of_the_library_is_shown_and_other_errors_are_not_swallowed():
    def show(level):
        if level == 1:
            raise InputError("needs <PyAV>")
        if level == 2:
            raise ZeroDivisionError
        return widgets.Shown(Figure, "fine", {"a": np.zeros((2, 480))})

    bench = widgets.Bench({"level": widgets.slider("Level", 0, 0, 2, 1)}, show)
    bench.controls["level"].value = 1
    assert bench.text.value == "<b>needs &lt;PyAV&gt;</b>"
    bench.controls["level"].value = 0
    assert bench.text.value == "fine"
    with pytest.raises(ZeroDivisionError):
        bench.controls["level"].value = 2


@pytest.mark.parametrize(("package", "module"), WIDGETS.items())
def test_widgets_are_needed_by_one_module_only(package, module):
    users = [
        path.stem
        for path in (ROOT / "qastanet").rglob("*.py")
        if f"import {package}" in path.read_text(encoding="utf-8")
    ]
    assert users == [module]


def test_there_are_four_notebooks_with_sliders():
    assert [path.stem for path in NOTEBOOKS] == [f"explore_{name}" for name in sorted(MOVES)]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run_without_a_browser(notebook, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    papermill.execute_notebook(
        str(notebook), "out.ipynb", kernel_name="python3", progress_bar=False
    )
    executed = nbformat.read("out.ipynb", as_version=4)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert [o.output_type for o in outputs if "widget-view" in str(o)] == ["execute_result"]
    assert not [o for o in outputs if o.output_type in ("error", "stream")]
    (state,) = executed.metadata.widgets.values()
    pictures = [x for x in state["state"].values() if x["model_name"] == "ImageModel"]
    assert len(pictures) == 1 and pictures[0]["buffers"][0]["data"].startswith("iVBOR")


def test_the_training_loop_undoes_the_colouration(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)
    papermill.execute_notebook(str(LOSS), "out.ipynb", kernel_name="python3", progress_bar=False)
    cells = nbformat.read("out.ipynb", as_version=4).cells
    said = [o.text for cell in cells for o in cell.get("outputs", []) if o.get("name") == "stdout"]
    first, last, off = map(float, re.findall(r"\d+\.\d+", said[-1]))
    assert first > 0.25 and last < 0.1 * first and off < 1.5
    assert any("image/png" in output.get("data", {}) for output in cells[-2].outputs)
