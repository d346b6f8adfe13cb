"""Where quality is lost: the parts add up, lie where the degradation lies, and can be read."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from tolerances import CLOSED_FORM, EXACT_SCORE

from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.hearing.features import Features
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.hearing.parts import PARTS, SHIPPED, cells, level_differences, parts
from qastanet.models import attribution
from qastanet.models.attribution import attribute, explain, frame_shares
from qastanet.models.parts_model import PartsScores, load_default
from qastanet.models.scorer import Scorer
from qastanet.plots import explanation_page
from qastanet.scene.degradations import degrade
from qastanet.scene.synthetic_scenes import random_scene, render
from qastanet.scoring import explanation
from qastanet.scoring.pair_scores import score_files
from qastanet.sound.options import Options

SEEDS = st.integers(0, 2**31)
COMPLETE = 1e-6
"""How well the parts must add up to 1 - score."""


@pytest.fixture(scope="module")
def scorer():
    return load_default()


@pytest.fixture(scope="module")
def signals(scorer):
    """A scene as first-order ambisonics (4 channels), and wide noise at the ears (2)."""
    first, second = 0.1 * np.random.default_rng(0).standard_normal((2, 96000))
    wide = np.stack([first + 0.3 * second, first - 0.3 * second]).astype(np.float32)
    return {4: render(random_scene(3), 1), 2: wide}


def _explain(scorer, reference, degraded):
    return explain(scorer.features(reference), scorer.features(degraded), scorer)


@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize(("name", "strength"), [("noise", 0.1), ("lowpass", 3500.0), ("gain", 3.0)])
def test_the_parts_add_up_to_the_loss(scorer, signals, channels, name, strength):
    signal = signals[channels]
    found = _explain(scorer, signal, degrade(signal, name, strength))
    assert found.score < 0.99 and (found.loss >= 0).all()
    for total in (found.loss.sum(), sum(found.by_part.values())):
        assert total == pytest.approx(1 - found.score, abs=COMPLETE)
    assert found.low < found.score < found.high
    np.testing.assert_allclose(found.by_band.sum(), found.over_time.sum(), atol=COMPLETE)


def test_several_heads_are_averaged(scorer, signals):
    pair = [scorer.features(x) for x in (signals[4], degrade(signals[4], "noise", 0.1))]
    once = explain(*pair, scorer)
    other = Features(*(x[..., ::-1, :] for x in pair[1][:3]))
    both = [
        Features(*map(np.concatenate, zip(*(x[:3] for x in heads), strict=True)))
        for heads in (
            (pair[0], pair[0]),
            (pair[1], other),
        )
    ]
    twice = explain(*both, scorer)
    assert twice.loss.sum() == pytest.approx(1 - twice.score, abs=COMPLETE)
    alone = explain(pair[0], other, scorer)
    np.testing.assert_allclose(twice.loss, (once.loss + alone.loss) / 2, atol=CLOSED_FORM)


@pytest.mark.parametrize("channels", [2, 4])
def test_identical_signals_lose_nothing(scorer, signals, channels):
    found = _explain(scorer, signals[channels], signals[channels])
    assert found.score == 1 and not found.loss.any()


@given(SEEDS)
def test_any_parts_by_any_numbers_are_attributed_completely_and_never_negatively(seed):
    rng = np.random.default_rng(seed)
    network = PartsScores(rng.uniform(0.1, 9, 7), *rng.uniform((1, 0.3, 0.5), (12, 9, 3)))
    values = rng.exponential(size=(2, 7, 29)) * (rng.random((2, 7, 29)) < rng.random())
    found = attribute(values, network)
    assert (found >= 0).all() and not found[values == 0].any()
    np.testing.assert_allclose(found.sum((1, 2)), 1 - network(values), atol=COMPLETE)


def test_attribution_is_the_integral_of_the_gradient(scorer, signals):
    pair = [scorer.features(x) for x in (signals[4], degrade(signals[4], "noise", 0.2))]
    network = scorer.network
    values = np.log1p(parts(*pair)[0] / network.units[:, None])  # along whose scale it is straight
    step, nodes = 1e-5, (np.arange(400) + 0.5) / 400

    def score(x):
        return network(np.expm1(x) * network.units[:, None])

    for index in [(0, 20), (1, 3), (2, 10), (4, 28)]:
        change = np.zeros_like(values)
        change[index] = step
        slopes = [(score(a * values - change) - score(a * values + change)) for a in nodes]
        integral = values[index] * np.mean(slopes) / (2 * step)
        found = attribute(parts(*pair), network)[0][index]
        assert found == pytest.approx(integral, rel=2e-3, abs=1e-9)


def _random_features(rng, frames, directive):
    coherence = rng.uniform(-0.7, 0.7, (2, 1, 29, frames))
    coherence = coherence[0] + 1j * coherence[1]
    coherence[rng.random(coherence.shape) < 0.1] = np.nan
    flow = rng.random((1, 29, frames))
    flow[..., 0] = np.nan
    power = 10 ** rng.uniform(-11, -2, (1, 29, frames))
    ild = rng.normal(0, 15, (1, 29, frames))
    return Features(ild, coherence, power, flow if directive else None)


@given(SEEDS, st.booleans())
def test_frames_share_every_part_completely(seed, directive):
    rng = np.random.default_rng(seed)
    pair = [_random_features(rng, int(seed % 7) + 2, directive) for _ in range(2)]
    shares = frame_shares(cells(*pair))
    assert (shares >= 0).all() and shares.shape[1] == len(PARTS)
    np.testing.assert_allclose(shares.sum(-1), 1, atol=CLOSED_FORM)


@given(SEEDS)
def test_level_differences_are_shared_exactly(seed):
    """The part is the sum of what the frames are given, also where a level is limited."""
    rng = np.random.default_rng(seed)
    pair = [_random_features(rng, 6, True) for _ in range(2)]
    compared = cells(*pair)
    difference, weight = level_differences(compared, SHIPPED)
    shares = frame_shares(compared)[:, 0].reshape(1, 29, 3, 2).sum(-1)
    raw = parts(*pair)[:, 0, :, None]
    heard = raw[..., 0] > 0
    np.testing.assert_allclose((shares * raw)[heard], (weight * difference)[heard], atol=1e-9)


def test_a_lowpass_is_a_loss_of_level_in_the_high_bands(scorer, signals):
    for signal in signals.values():
        found = _explain(scorer, signal, degrade(signal, "lowpass", 3500.0))
        high = centre_frequencies() > 3200
        assert found.by_band[:, high].sum() > 0.97 * (1 - found.score)
        assert found.by_part["level"] > 0.8 * (1 - found.score)


def test_a_gap_is_lost_when_it_is(scorer, signals):
    for signal in signals.values():
        degraded = signal.copy()
        degraded[:, 48000:57600] *= 0.05
        over_time = _explain(scorer, signal, degraded).over_time.sum(0)
        assert over_time[24:31].sum() > 0.8 * over_time.sum()


def test_changes_are_called_by_their_name(scorer, signals):
    wide = signals[2]
    swapped = wide[::-1] * np.array([[1.0], [0.5]])
    for degraded, said in (
        (degrade(wide, "narrow", 0.8), "narrower image"),
        (degrade(wide, "decorrelate", 1.0), "wider image"),
        (degrade(wide, "gain", 6.0), "louder as a whole"),
        (degrade(wide, "lowpass", 3500.0), "sound missing"),
        (swapped, "image moved to the left"),
    ):
        found = _explain(scorer, wide, np.float32(degraded))
        assert found.sentences[0].startswith(f"{said}: "), (said, found.sentences)
        assert found.sentences[0].endswith(" points")


def test_models_that_are_not_made_of_parts_are_refused():
    network = Scorer("other", lambda maps: 0.5, (), True, True)
    with pytest.raises(InputError, match=r"model 'other' cannot be explained.*'default'"):
        attribution.check_explainable(network)


@pytest.fixture
def files(tmp_path, signals):
    def write(channels, seconds=2.0):
        signal = np.tile(signals[channels], 9)[:, : round(48000 * seconds)]
        paths = tmp_path / "réf <1>.wav", tmp_path / "coded.wav"
        for path, x in zip(paths, (signal, degrade(signal, "lowpass", 7000.0)), strict=True):
            soundfile.write(path, x.T, 48000, subtype="FLOAT")
        return [str(path) for path in paths]

    return write


class _Page(HTMLParser):
    """Collects the sources and addresses of a page, and checks that its tags close."""

    VOID = ("meta", "br", "img", "link", "input")

    def __init__(self, text):
        super().__init__()
        self.addresses, self.open, self.tags = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href", "srcset", "data")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("channels", [2, 4])
def test_the_page_needs_nothing_else_and_plays_both(files, tmp_path, capsys, channels):
    reference, degraded = files(channels)
    target = tmp_path / "out" / "page.html"
    assert main(["explain", reference, degraded, "-o", str(target)]) == 0
    text = target.read_text(encoding="utf-8")
    page = _Page(text)
    assert not page.open and page.tags.count("audio") == 2 and page.tags.count("img") == 1
    assert len(page.addresses) == 3 and all(x.startswith("data:") for x in page.addresses)
    assert not re.search(r"@import|url\(|<script|<link|https?://", text)
    sounds = [soundfile.read(io.BytesIO(_content(x, "audio/flac"))) for x in page.addresses[:2]]
    assert all(rate == 48000 and sound.shape == (96000, 2) for sound, rate in sounds)
    if channels == 2:
        expected = soundfile.read(reference)[0]
        np.testing.assert_allclose(sounds[0][0], expected, atol=2**-15)
    assert b"<svg" in _content(page.addresses[2], "image/svg+xml")
    score = score_files(reference, degraded)["score"]
    assert f'<span class="score">{100 * score:.0f}</span>' in text
    assert str(tmp_path) not in text  # a page may be given to others
    assert "réf &lt;1&gt;.wav" in text and "<1>" not in text and "$" not in text
    assert all(f"<td>{name.capitalize()}" in text for name in PARTS)
    assert f"score {score:.4f}" in capsys.readouterr().out


def _content(address, kind):
    head, _, data = address.partition(";base64,")
    assert head == f"data:{kind}"
    return base64.b64decode(data)


@pytest.mark.parametrize("options", [Options(), Options(align=True)])
def test_long_files_are_shortened_to_what_is_worst(files, options):
    reference, degraded = files(2, 13.0)
    samples = soundfile.read(reference)[0]
    late = samples.copy()
    late[12 * 48000 :] *= 0.3
    soundfile.write(degraded, late, 48000, subtype="FLOAT")
    explained = explanation.explain_files(reference, degraded, options=options)
    assert explained.start_s == 3
    expected = samples[3 * 48000 : 13 * 48000].T
    np.testing.assert_allclose(explained.ears[0], expected, atol=1e-6)
    assert "Shortened to the 10 s from 3 s on" in explanation_page.page(explained, b"<svg/>")


def test_loud_ears_are_turned_down_together(files, tmp_path):
    reference, degraded = files(2)
    for path in (reference, degraded):
        soundfile.write(path, 4 * soundfile.read(path)[0], 48000, subtype="FLOAT")
    explained = explanation.explain_files(reference, degraded)
    text = explanation_page.page(explained, b"<svg/>")
    assert "Both turned down by" in text
    sounds = [
        soundfile.read(io.BytesIO(_content(x, "audio/flac")))[0] for x in _Page(text).addresses[:2]
    ]
    peak = max(np.abs(x).max() for x in explained.ears)
    for sound, ears in zip(sounds, explained.ears, strict=True):
        np.testing.assert_allclose(sound.T, ears / peak, atol=2**-14)


def test_what_was_done_to_the_pair_is_said(files, tmp_path, capsys):
    reference, degraded = files(4)
    soundfile.write(degraded, 2 * soundfile.read(degraded)[0][480:], 48000, subtype="FLOAT")
    target = tmp_path / "page.html"
    assert main(["explain", reference, degraded, "-o", str(target), "--align"]) == 0
    text, err = target.read_text(encoding="utf-8"), capsys.readouterr().err
    for said in ("note: delay of -10.000 ms compensated", "warning: the level of the degraded"):
        assert said in text and said in err
    result = score_files(reference, degraded, options=Options(align=True))
    assert f'<span class="score">{100 * result["score"]:.0f}</span>' in text


@pytest.mark.parametrize(
    ("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml"), ("a.PDF", b"%PDF")]
)
def test_a_figure_alone(files, tmp_path, name, start):
    target = tmp_path / name
    assert main(["explain", *files(2), "-o", str(target)]) == 0
    assert target.read_bytes().startswith(start)


def test_errors_come_before_any_work_and_leave_nothing(files, tmp_path, capsys, monkeypatch):
    reference, degraded = files(2)
    target = tmp_path / "page.html"
    assert main(["explain", reference, degraded, "-o", str(tmp_path / "page.txt")]) == 2
    assert "page.txt: an explanation is written as .html, .png" in capsys.readouterr().err
    assert main(["explain", reference, str(tmp_path / "no.wav"), "-o", str(target)]) == 2
    assert "no.wav: no such file" in capsys.readouterr().err
    other = Scorer("released", lambda maps: 0.5, (), True, True)
    monkeypatch.setattr(explanation, "load_scorer", {"released": other}.__getitem__)
    released = ["--model", "released", "-o", str(target)]
    assert main(["explain", reference, degraded, *released]) == 2
    assert "model 'released' cannot be explained" in capsys.readouterr().err
    assert not target.exists()
    with pytest.raises(SystemExit, match="2"):
        main(["explain", reference, degraded])


def test_scores_agree_with_those_of_the_score_command(files):
    reference, degraded = files(4)
    found = explanation.explain_files(reference, degraded).found
    assert found.score == pytest.approx(score_files(reference, degraded)["score"], abs=EXACT_SCORE)


def test_identical_files_are_said_to_be_so(files):
    reference, _ = files(2)
    explained = explanation.explain_files(reference, reference)
    assert explanation_page.summary(explained) == "The model hears no difference."
    assert "100</span>" in explanation_page.page(explained, b"<svg/>")
