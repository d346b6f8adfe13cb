"""Files as people have them: what is made of each, what is said, and what is refused."""

import csv
import json
import os
import re
import threading

import numpy as np
import pytest
import soundfile
import torch
from people_have import (
    B_FORMAT,
    CODED,
    EARS,
    RATE,
    SCENE,
    SIZES,
    caf_with_layout,
    chunk,
    claiming,
    encoded,
    fuma,
    matroska,
    n3d,
    pink,
    wav,
    wave_of,
    with_metadata,
)

import qastanet
from qastanet.cli import main
from qastanet.errors import InputError
from qastanet.models.parts_model import digest_of, read_weights, write_weights
from qastanet.scoring.metric import QualityMetric, quality_loss
from qastanet.scoring.pair_scores import score_files
from qastanet.sound.checks import as_floats
from qastanet.sound.options import Options

EXACT = 1e-4
"""Two kinds of file with the same samples have the same score; 16 bits round."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The score of the scene and its coded version from plain files."""
    folder = tmp_path_factory.mktemp("plain")
    return scored(folder, wav(SCENE), wav(CODED))["score"]


def scored(folder, reference, degraded, ending=".wav", **options):
    """Score two files given as bytes."""
    names = [folder / f"{name}{ending}" for name in ("reference", "degraded")]
    for path, content in zip(names, (reference, degraded), strict=True):
        path.write_bytes(content)
    return score_files(*names, options=Options(**options))


def pairs(make):
    return make(SCENE), make(CODED)


SAID = {
    # what it is: how it is made, the ending, what is said of it
    "no length": (
        claiming("WAV", lambda n: 0),
        ".wav",
        "gives no length, 24000 samples",
    ),
    "written to a pipe": (claiming("WAV", lambda n: 0xFFFFFFFF), ".wav", "no length"),
    "an absurd length": (claiming("WAV", lambda n: 0x7FFFFFF0), ".wav", "no length"),
    "a bit more": (
        claiming("WAV", lambda n: n + 7200),
        ".wav",
        r"claims 24900 samples, 24000 samples \(0\.50 s\) are there",
    ),
    "less": (
        claiming("WAV", lambda n: n - 80000),
        ".wav",
        "tells of 14000 samples only, 24000",
    ),
    "BW64": (lambda x: wave_of(x, b"BW64"), ".wav", None),
    "BW64, odd metadata": (lambda x: wave_of(x, b"BW64", chunk(b"axml", b"<a/>x")), ".wav", None),
    "RF64, odd metadata": (lambda x: wave_of(x, b"RF64", chunk(b"axml", b"<a/>x")), ".wav", None),
    "odd metadata": (lambda x: wave_of(x, before=chunk(b"LIST", b"abc")), ".wav", None),
    "RF64": (lambda x: wav(x, form="RF64"), ".rf64", None),
    "W64": (lambda x: wav(x, form="W64"), ".w64", None),
    "AIFF": (lambda x: wav(x, form="AIFF"), ".aiff", None),
    "CAF": (lambda x: wav(x, form="CAF"), ".caf", None),
    "FLAC": (lambda x: wav(x, form="FLAC"), ".flac", None),
    "FLAC with a tag behind": (
        lambda x: wav(x, form="FLAC") + b"TAG" + bytes(125),
        ".flac",
        None,
    ),
    "FLAC that ends in silence": (
        lambda x: wav(np.pad(x, ((0, 0), (0, 4608 * 8))), form="FLAC"),
        ".flac",
        None,
    ),
    "Matroska": (matroska, ".mka", None),
    "B-format": (lambda x: wave_of(fuma(x), guid=B_FORMAT), ".amb", "fuma to AmbiX .*header says"),
    "ADM, N3D": (lambda x: with_metadata(n3d(x) / 2, "N3D"), ".wav", "n3d to AmbiX"),
    "ADM, SN3D": (lambda x: with_metadata(x, "SN3D"), ".wav", None),
    "ADM, FuMa": (lambda x: with_metadata(fuma(x), "FuMa"), ".wav", "fuma to AmbiX"),
    "CAF, B-format": (lambda x: caf_with_layout(fuma(x), 107 << 16 | 4), ".caf", "fuma to AmbiX"),
    "CAF, SN3D": (lambda x: caf_with_layout(x, 190 << 16 | 4), ".caf", None),
    "no ending, RIFF": (wav, "", None),
    ".raw that is a WAV": (wav, ".raw", None),
}

WRONG_SIZES = {
    # what the header claims: of how much there is, what is said
    "nothing": (lambda n: 0, "gives no length, 24000 samples"),
    "a bit more": (
        lambda n: n + 7200,
        r"claims 24900 samples, 24000 samples \(0\.50 s\) are there",
    ),
    "less": (lambda n: n - 80000, "tells of 14000 samples only, 24000"),
}
FORMS = [form for form in (*SIZES, "FLAC") if form != "WAV"]
SAID |= {
    f"{form}, {kind}": (claiming(form, change), f".{form.lower()}", said)
    for form in FORMS
    for kind, (change, said) in WRONG_SIZES.items()
}


@pytest.mark.parametrize("kind", SAID)
def test_kinds_of_files_have_the_score_of_their_samples(kind, tmp_path, plain):
    make, ending, said = SAID[kind]
    result = scored(tmp_path, *pairs(make), ending)
    if kind not in ("ADM, N3D", "FLAC that ends in silence"):  # turned down, not to clip; longer
        assert result["score"] == pytest.approx(plain, abs=EXACT)
    told = result["adjustments"] + [w for w in result["warnings"] if "header" in w]
    if said is None:
        assert not told
    else:
        with pytest.raises(InputError, match=said):
            raise InputError(told[0])


STRICT = ["no length", "a bit more", "less", *(f"{f}, {k}" for f in FORMS for k in WRONG_SIZES)]


@pytest.mark.parametrize("kind", STRICT)
def test_strict_refuses_headers_that_disagree(kind, tmp_path):
    make, ending, _ = SAID[kind]
    with pytest.raises(
        InputError, match=r"reference\.\w+: truncated, its header \(\w+\) (claims|gives)"
    ):
        scored(tmp_path, *pairs(make), ending, strict=True)


@pytest.mark.parametrize("form", SIZES)
def test_what_follows_the_sound_is_no_sound(form, tmp_path, plain):
    """Chunks behind the sound, at the places where the formats have them."""
    padding = {"W64": b"\0" * 4}.get(form, b"")
    more = b"LIST" if form != "AU" else b"\0\0\0\0"
    files = [make + padding + more + bytes(20) for make in pairs(lambda x: wav(x, form=form))]
    result = scored(tmp_path, *files, f".{form.lower()}")
    assert result["score"] == pytest.approx(plain, abs=EXACT)
    assert not result["adjustments"] and not result["warnings"]


def cut(content, share):
    return content[: int(share * len(content))]


def vorbis():
    return cut(wav(EARS, "VORBIS", "OGG"), 0.7)


REFUSED = {
    # what it is: the file, its ending, what the message says
    "half a WAV": (lambda: cut(wav(EARS), 0.5), ".wav", r"claims 96000 bytes .*--allow-truncated"),
    "within a sample": (lambda: wav(EARS)[:-1], ".wav", "truncated"),
    "half a CAF": (lambda: cut(wav(EARS, form="CAF"), 0.5), ".caf", "truncated.*allow-truncated"),
    "half a W64": (lambda: cut(wav(EARS, form="W64"), 0.5), ".w64", "truncated.*allow-truncated"),
    "half an AU": (lambda: cut(wav(EARS, form="AU"), 0.5), ".au", "truncated.*allow-truncated"),
    "half an RF64": (lambda: cut(wav(EARS, form="RF64"), 0.5), ".wav", "truncated"),
    "half an AIFF": (lambda: cut(wav(EARS, form="AIFF"), 0.5), ".aiff", "truncated"),
    "a part of MP3": (
        lambda: cut(wav(EARS, "MPEG_LAYER_III", "MP3"), 0.6),
        ".mp3",
        r"truncated, ends after \d+ of 24000 samples",
    ),
    "a part of Vorbis": (vorbis, ".ogg", "ends before the last page"),
    "a part of FLAC": (
        lambda: cut(wav(EARS, form="FLAC"), 0.7),
        ".flac",
        r"claims 24000 samples but the file holds \d+\. .*--allow-truncated",
    ),
    "FLAC that lacks its end": (
        lambda: wav(EARS, form="FLAC")[:-50],
        ".flac",
        r"claims 24000 samples but the file holds \d+\. .*--allow-truncated",
    ),
    "a part of Matroska": (
        lambda: cut(matroska(EARS, seconds=0.5), 0.6),
        ".mka",
        r"truncated, ends after 0\.\d+ of 0\.50 s",
    ),
    "two tracks": (
        lambda: matroska(EARS, SCENE),
        ".mka",
        r"2 sound tracks \(1: 2 channels, 2: 4 channels\); choose one with --track",
    ),
    "bare samples": (lambda: bytes(range(256)) * 40, ".raw", "has no header that tells its rate"),
    "bare samples, .pcm": (lambda: bytes(range(256)) * 40, ".pcm", "has no header"),
    "1 Hz": (lambda: wav(EARS, rate=1), ".wav", "sampling rate 1 Hz; 4000 to 768000 Hz are read"),
    "a prime rate": (lambda: wav(EARS, rate=999983), ".wav", "sampling rate 999983 Hz"),
    "mono": (lambda: wav(EARS[:1]), ".wav", r"1 channel \(mono\); .*--mono both-ears"),
    "5 channels": (lambda: wav(pink(5)), ".wav", r"for loudspeakers \(5\.0\).* to the ears"),
    "8 channels": (lambda: wav(pink(8)), ".wav", r"for loudspeakers \(7\.1\)"),
    "6 channels": (lambda: wav(pink(6)), ".wav", r"\(5\.1\) or of ambisonics with 2 head-locked"),
    "25 channels": (lambda: wav(pink(25)), ".wav", "order 4; .*--order-mismatch truncate"),
    "a huge sample": (
        lambda: wav(np.where(np.arange(EARS.shape[1]) == 500, 1e15, EARS), "FLOAT"),
        ".wav",
        r"1e\+15 in channel 0, sample 500; full scale is 1\.0",
    ),
    "a huge double": (
        lambda: wav(np.where(np.arange(EARS.shape[1]) == 500, 1e300, EARS), "DOUBLE"),
        ".wav",
        "too large for 32-bit floats",
    ),
    "nothing audible": (
        lambda: wav(1e-8 * EARS, "FLOAT"),
        ".wav",
        r"the peak is -1\d\d dB of full",
    ),
    "denormal": (lambda: wav(1e-43 * EARS, "FLOAT"), ".wav", "digital silence"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_damaged_or_has_no_score_is_refused_with_the_remedy(kind, tmp_path, capfd):
    make, ending, message = REFUSED[kind]
    content = make()
    with pytest.raises(InputError, match=message) as caught:
        scored(tmp_path, content, content, ending)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # libraries do not talk


@pytest.mark.parametrize(
    "kind",
    [
        "half a WAV",
        "half a CAF",
        "half an AIFF",
        "a part of FLAC",
        "a part of MP3",
        "a part of Matroska",
    ],
)
def test_truncated_files_are_taken_on_request(kind, tmp_path):
    make, ending, _ = REFUSED[kind]
    content = make()
    result = scored(tmp_path, content, content, ending, allow_truncated=True)
    assert result["score"] == 1 and any("reference" in each for each in result["warnings"])


REMEDY = r"(copy|encode|choose|check|give|use|render|repair|divide|convert|align|name|leave)\b"


def test_a_campaign_over_all_of_them_ends_with_a_score_or_a_remedy_in_every_row(tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    rows = [("gone", "gone.wav", "gone.wav"), ("a folder", "folder", "folder")]
    for number, (kind, (make, ending, _)) in enumerate((SAID | REFUSED).items()):
        names = [f"{number}_{which}{ending}" for which in ("reference", "degraded")]
        contents = pairs(make) if kind in SAID else (make(),) * 2
        for name, content in zip(names, contents, strict=True):
            (tmp_path / name).write_bytes(content)
        rows.append((kind, *names))
    with open(tmp_path / "m.csv", "w", newline="") as file:
        csv.writer(file).writerows([("kind", "reference", "degraded"), *rows])
    output = tmp_path / "scores.csv"
    assert main(["batch", str(tmp_path / "m.csv"), "-o", str(output), "--quiet"]) == 1
    with open(output, newline="") as file:
        table = list(csv.DictReader(file))
    assert [row["kind"] for row in table] == [kind for kind, *_ in rows]
    for row in table:
        if row["kind"] in SAID:
            assert 0 < float(row["score"]) < 1 and not row["error"], row
        else:
            assert not row["score"] and re.search(REMEDY, row["error"], re.I), row
            assert "\n" not in row["error"]
    captured = capsys.readouterr()
    assert f"{len(rows) - len(SAID)} of {len(rows)} pairs failed" in captured.err
    assert "Traceback" not in captured.err + captured.out


def test_cut_frames_of_ac3_are_told(tmp_path):
    pytest.importorskip("av")
    for codec, ending in (("ac3", ".ac3"), ("eac3", ".ec3")):
        whole = encoded(EARS, codec, codec, tmp_path / "whole")
        assert scored(tmp_path, whole, whole, ending)["score"] == 1
        with pytest.raises(InputError, match=r"truncated, its frame \d+ is cut"):
            scored(tmp_path, whole[:-100], whole[:-100], ending)
        hole = whole[:200] + bytes(60) + whole[260:]
        with pytest.raises(InputError, match=r"frame \d+ is damaged"):
            scored(tmp_path, hole, hole, ending)


CODECS = {
    # codec: container, ending, what is said of a part of it
    "wavpack": ("wv", ".wv", r"frame \d+ is damaged, or cut.*--allow-truncated"),
    "alac": ("caf", ".caf", r"cannot be read as sound \(Invalid data.*encode it again"),
    "aac": ("ipod", ".m4a", r"no table of contents: is its end missing\?.*encode it again"),
    "tta": ("tta", ".tta", r"frame \d+ is damaged, or cut.*--allow-truncated"),
    "libopus": ("webm", ".webm", r"truncated, ends after 1\.\d+ of 2\.0\d s"),
    "mp2": ("mp2", ".mp2", r"truncated, ends after \d+ of \d+ samples"),
}


@pytest.mark.parametrize("codec", CODECS)
def test_a_part_of_a_coded_file_is_no_file(codec, tmp_path):
    pytest.importorskip("av")
    kind, ending, message = CODECS[codec]
    whole = encoded(np.tile(EARS, 4), codec, kind, tmp_path / "whole")
    result = scored(tmp_path, whole, whole, ending)
    assert result["score"] == 1 and result["duration_s"] == pytest.approx(2, abs=0.05)
    part = cut(whole, 0.7)
    with pytest.raises(InputError, match=message):
        scored(tmp_path, part, part, ending)
    if "allow" in message:
        taken = scored(tmp_path, part, part, ending, allow_truncated=True)
        assert taken["score"] == 1 and 0.5 < taken["duration_s"] < 2


def test_a_track_is_chosen(tmp_path, plain):
    files = matroska(EARS, SCENE), matroska(EARS, CODED)
    result = scored(tmp_path, *files, ".mka", track=2)
    assert result["score"] == pytest.approx(plain, abs=EXACT) and result["channels"] == 4
    assert scored(tmp_path, *files, ".mka", track=1)["score"] == 1
    with pytest.raises(
        InputError, match=r"no sound track 3; there are 1: 2 channels, 2: 4 channels"
    ):
        scored(tmp_path, *files, ".mka", track=3)


def test_one_channel_is_heard_by_both_ears_on_request(tmp_path):
    mono = scored(tmp_path, wav(SCENE[:1]), wav(CODED[:1]), mono="both-ears")
    twice = [wav(np.repeat(x[:1], 2, 0)) for x in (SCENE, CODED)]
    assert mono["score"] == scored(tmp_path, *twice)["score"] < 1
    assert "1 channel is given to both ears" in mono["adjustments"]


def test_other_numbers_of_channels_are_fitted(tmp_path, plain):
    stereo, more = pink(2), pink(21)
    behind = [wav(np.concatenate([x, stereo])) for x in (SCENE, CODED)]
    result = scored(tmp_path, *behind, head_locked="ignore")
    assert result["score"] == pytest.approx(plain, abs=EXACT)
    silent = [wav(np.concatenate([x, np.zeros((60, x.shape[1]))])) for x in (SCENE, CODED)]
    result = scored(tmp_path, *silent)
    assert result["score"] == pytest.approx(plain, abs=EXACT)
    assert result["adjustments"] == ["60 silent channels behind the first 4 are left out"]
    fourth = [wav(np.concatenate([x, 0.1 * more])) for x in (SCENE, CODED)]
    third = [wav(np.concatenate([x, 0.1 * more[:12]])) for x in (SCENE, CODED)]
    wanted = scored(tmp_path, *third)["score"]
    result = scored(tmp_path, *fourth, order_mismatch="truncate")
    assert result["score"] == wanted and "order 4 truncated to 16" in result["adjustments"][0]
    mixed = scored(tmp_path, fourth[0], third[1], order_mismatch="truncate")
    assert mixed["score"] == wanted


def test_head_locked_stereo_is_added_to_the_ears(tmp_path, plain):
    def both(stereo, other, **options):
        files = [wav(np.concatenate(pair)) for pair in ((SCENE, stereo), (CODED, other))]
        return scored(tmp_path, *files, **options)

    silent, music = np.zeros((2, SCENE.shape[1])), pink(2)
    result = both(silent, silent, head_locked="mix")
    assert result["score"] == pytest.approx(plain, abs=EXACT) and result["channels"] == 2
    assert "2 head-locked channels added to the ears of the scene" in result["adjustments"][0]
    locked = both(music, music, head_locked="mix")["score"]
    assert plain < locked < 1  # it masks what the codec did to the scene
    assert both(music, music + 0.1 * pink(2), head_locked="mix")["score"] < locked
    assert both(music, -music, head_locked="ignore")["score"] == pytest.approx(plain, abs=EXACT)
    other = wav(np.concatenate([fuma(SCENE), music])), wav(np.concatenate([fuma(CODED), music]))
    result = scored(tmp_path, *other, head_locked="mix", convention="fuma")
    assert result["score"] == pytest.approx(locked, abs=EXACT)
    assert not any("no effect" in each for each in result["adjustments"])
    with pytest.raises(InputError, match=r"head-locked channels behind; .* --head-locked mix"):
        both(music, music)
    rates = [wav(np.concatenate(pair), rate=44100) for pair in ((SCENE, music), (CODED, music))]
    assert "resampled" in scored(tmp_path, *rates, head_locked="mix")["adjustments"][1]


def test_sets_called_after_the_letters_of_b_format_are_put_in_order(tmp_path, plain):
    for name, signal in (("reference", SCENE), ("degraded", CODED)):
        for letter, channel in zip("WYZX", signal, strict=True):
            (tmp_path / f"{name}_{letter}.wav").write_bytes(wav(channel[None]))
        (tmp_path / f"._{name}_W.wav").write_bytes(b"hidden")
    result = score_files(tmp_path / "reference_*.wav", tmp_path / "degraded_*.wav")
    assert result["score"] == pytest.approx(plain, abs=EXACT)
    assert "in the order W, Y, Z, X of AmbiX" in result["adjustments"][0]


def test_a_file_whose_name_holds_a_star_is_that_file(tmp_path):
    for name in ("a*b.wav", "axb.wav", "a[1].wav", "a[1]_*.wav"):
        (tmp_path / name).write_bytes(wav(EARS))
    assert score_files(tmp_path / "a*b.wav", tmp_path / "a[1].wav")["score"] == 1
    with pytest.raises(InputError, match="no file has such a name"):
        score_files(tmp_path / "**.none", tmp_path / "axb.wav")


def test_signals_that_are_hardly_there_are_warned_about(tmp_path):
    integers = [np.round(x * 2**15).astype(np.int32).T for x in (SCENE, CODED)]
    for name, values in zip(("reference", "degraded"), integers, strict=True):
        soundfile.write(tmp_path / f"{name}.wav", values, RATE, subtype="PCM_32")
    result = score_files(tmp_path / "reference.wav", tmp_path / "degraded.wav")
    assert any("16 or 24 bits in samples of 32" in each for each in result["warnings"])


def test_a_jump_of_the_delay_is_found(tmp_path):
    rise = np.convolve(
        np.repeat(0.2 + np.random.default_rng(1).random(60), 4800), np.ones(2000) / 2000, "same"
    )
    steady, middle, gap = pink(2, 6 * RATE) * rise, 3 * RATE, RATE // 50
    late = np.concatenate([steady[:, :middle], steady[:, middle - gap : -gap]], axis=1)
    result = scored(tmp_path, wav(steady), wav(late))
    assert "from about 3.0 s on the degraded signal is 20.0 ms late" in result["warnings"][0]
    with pytest.raises(InputError, match=r"from about 3\.0 s on .* late; cut both files there"):
        scored(tmp_path, wav(steady), wav(late), align=True)
    inverted = -np.concatenate([np.zeros((2, 480)), steady], axis=1)
    result = scored(tmp_path, wav(steady), wav(inverted), align=True)
    assert result["delay_ms"] == pytest.approx(10, abs=0.01) and result["score"] > 0.99
    assert any("polarity" in each for each in result["warnings"])


def test_excerpts_are_taken_where_there_is_sound(tmp_path):
    reference, coded = (np.zeros((2, 40 * RATE)) for _ in range(2))
    reference[:, RATE : 2 * RATE] = pink(2, RATE)
    coded[:] = reference + np.where(reference != 0, 0.02 * pink(2, 40 * RATE), 0)
    for options in ({}, {"align": True}):
        result = scored(
            tmp_path, wav(reference, form="FLAC"), wav(coded, form="FLAC"), ".flac", **options
        )
        assert result["delay_ms"] == pytest.approx(0, abs=1e-3) and not result["warnings"]
        assert not any("delay" in each for each in result["adjustments"])


def test_generated_sound_is_aligned_by_envelopes(tmp_path):
    random = np.random.default_rng(2)
    rise = np.repeat(0.2 + random.random(60), 2400)
    first, second = (rise * pink(2, 3 * RATE) for _ in range(2))
    late = np.concatenate([np.zeros((2, 960)), second], axis=1)
    result = scored(tmp_path, wav(first), wav(late), align=True)
    assert result["delay_ms"] == pytest.approx(20, abs=1) and result["delay_method"] == "envelopes"
    assert result["delay_confidence"] > 0.25
    other = np.repeat(0.2 + random.random(60), 2400) * pink(2, 3 * RATE)
    with pytest.raises(InputError, match="the delay cannot be found"):
        scored(tmp_path, wav(first), wav(other), align=True)


def test_a_pipe_is_read_once(tmp_path, plain):
    (tmp_path / "reference.wav").write_bytes(wav(SCENE))
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(wav(CODED),))
    writer.start()
    result = score_files(tmp_path / "reference.wav", tmp_path / "pipe")
    writer.join(10)
    assert result["score"] == pytest.approx(plain, abs=EXACT)


def test_pipes_that_nobody_writes_to_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "silent.wav")
    with pytest.raises(InputError, match=r"silent\.wav: is a pipe that nobody writes to"):
        score_files(tmp_path / "silent.wav", tmp_path / "silent.wav")
    with pytest.raises(InputError, match="/dev/zero: is a device"):
        score_files("/dev/zero", "/dev/zero")


def test_json_has_no_nan(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    late = np.concatenate([np.zeros((2, 3840)), EARS], axis=1)[:, : EARS.shape[1]]
    for name, signal in (("a", EARS), ("b", late)):
        (tmp_path / f"{name}.wav").write_bytes(wav(signal))
    assert main(["score", "a.wav", "b.wav", "--json"]) == 0
    json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))


@pytest.mark.parametrize(
    ("kind", "scale"),
    [("int16", 2**15), ("int32", 2**31), ("float64", 1), ("float32", 1), ("float16", 1)],
)
def test_arrays_of_any_numeric_type(kind, scale):
    pair = [
        np.asarray(np.round(x * scale) if scale > 1 else x).astype(kind) for x in (SCENE, CODED)
    ]
    wanted = qastanet.score(SCENE, CODED, RATE)
    assert qastanet.score(*pair, RATE) == pytest.approx(wanted, abs=0.02)
    with pytest.raises(InputError, match="full scale is 1"):
        qastanet.score(32768 * SCENE, 32768 * CODED, RATE)


def test_truth_and_complex_numbers_are_no_samples():
    for kind in (bool, complex):
        with pytest.raises(InputError, match="give real numbers"):
            as_floats(np.ones((2, 9), dtype=kind))
    assert as_floats(torch.ones(2, 3, dtype=torch.bfloat16)).dtype == np.float32


WRONG = [np.nan, np.inf, -np.inf, 1e30]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("where", ["reference", "degraded"])
def test_tensors_that_are_no_sound_have_no_score(value, where):
    model = qastanet.load_model()
    pair = {name: 0.1 * torch.randn(2, 2, 4800) for name in ("reference", "degraded")}
    good = model(**pair)
    pair[where][0, 0, 100] = value
    bad = model(**pair)
    assert torch.isnan(bad[0]) and bad[1] == pytest.approx(float(good[1]), abs=1e-6)
    metric = QualityMetric(model)
    metric.update(pair["degraded"], pair["reference"])
    assert torch.isnan(metric.compute())
    pair["degraded"].requires_grad_()
    assert torch.isnan(quality_loss(pair["degraded"], pair["reference"], model))


@pytest.mark.parametrize("factor", [1e18, 1e30, 1e38])
def test_weights_that_are_absurd_are_refused(tmp_path, factor):
    arrays = read_weights()
    arrays["filters"] = arrays["filters"].astype(np.float64) * factor
    write_weights(arrays, tmp_path / "w.safetensors", {"sha256": digest_of(arrays)})
    with pytest.raises(InputError, match="not the weights of this model"):
        read_weights(tmp_path / "w.safetensors")
