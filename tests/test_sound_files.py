"""Reading files of many kinds; damaged ones are refused with their name and the reason."""

import os
import struct

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qastanet.errors import InputError
from qastanet.sound.files.reading import read

RNG = np.random.default_rng(0)
FORMATS = {
    "pcm16.wav": ("WAV", "PCM_16"),
    "float.wav": ("WAV", "FLOAT"),
    "extensible.wav": ("WAVEX", "PCM_24"),
    "pcm32.wav": ("RF64", "PCM_32"),
    "sony.w64": ("W64", "PCM_24"),
    "flac.flac": ("FLAC", "PCM_24"),
    "apple.caf": ("CAF", "FLOAT"),
}


def write(path, channels=4, samples=4800, kind=("WAV", "FLOAT"), rate=48000):
    values = (0.1 * RNG.standard_normal((samples, channels))).astype(np.float32)
    soundfile.write(path, values, rate, format=kind[0], subtype=kind[1])
    return values.T


@pytest.mark.parametrize("name", FORMATS)
def test_formats_come_back_within_their_resolution(tmp_path, name):
    values = write(tmp_path / name, kind=FORMATS[name])
    samples, rate = read(tmp_path / name)
    assert rate == 48000 and samples.dtype == np.float32
    np.testing.assert_allclose(samples, values, atol=4e-5 if "16" in name else 2e-7)


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in ("flac.flac", "apple.caf")])
def test_truncated_files_are_refused(tmp_path, name):
    write(tmp_path / name, kind=FORMATS[name])
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"truncated, its header .* claims \d+ bytes"):
        read(tmp_path / name)


def test_header_that_claims_more_than_the_file_holds(tmp_path):
    write(tmp_path / "a.wav")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.find(b"data") + 4
    claimed = 2 * struct.unpack("<I", content[at : at + 4])[0]
    content[at : at + 4] = struct.pack("<I", claimed)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(InputError, match=f"claims {claimed} bytes"):
        read(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [0x71, 0x01])
def test_flac_that_claims_billions_of_samples(tmp_path, value):
    write(tmp_path / "a.flac", samples=200, kind=("FLAC", "PCM_16"))
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21 if value == 0x71 else 22] = value  # the upper bits of the number of samples
    (tmp_path / "a.flac").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.flac: (its header claims|truncated|cannot be read)"):
        read(tmp_path / "a.flac")


def test_wav_from_a_pipe_is_read_to_its_end(tmp_path):
    values = write(tmp_path / "a.wav")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    for mark in (b"RIFF", b"data"):
        at = content.find(mark) + 4
        content[at : at + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(read(tmp_path / "a.wav")[0], values)


def test_set_of_mono_files_in_natural_order(tmp_path):
    parts = [write(tmp_path / f"scene_{i}.wav", channels=1) for i in range(1, 17)]
    samples, _ = read(tmp_path / "scene_*.wav")
    np.testing.assert_array_equal(samples, np.concatenate(parts))


@pytest.mark.parametrize(
    ("odd", "message"),
    [
        ({"samples": 100}, "100 samples at 48000 Hz, but"),
        ({"rate": 44100}, "4800 samples at 44100 Hz"),
        ({"channels": 2}, "2 channels; a set is made of mono files"),
    ],
)
def test_sets_must_agree(tmp_path, odd, message):
    write(tmp_path / "s1.wav", channels=1)
    write(tmp_path / "s2.wav", **({"channels": 1} | odd))
    with pytest.raises(InputError, match=message):
        read(tmp_path / "s*.wav")


def test_empty_set(tmp_path):
    with pytest.raises(InputError, match="no file has such a name"):
        read(tmp_path / "none_*.wav")


def test_more_channels_than_anybody_has(tmp_path):
    write(tmp_path / "a.wav", channels=65, samples=10)
    with pytest.raises(InputError, match="65 channels; at most 64"):
        read(tmp_path / "a.wav")


@pytest.mark.parametrize("name", ["x" * 300 + ".wav", "a\0b.wav"])
def test_impossible_names(name):
    with pytest.raises(InputError, match=r"cannot be read|no such file"):
        read(name)


def test_names_that_are_not_utf8(tmp_path):
    name = bytes(tmp_path) + b"/\xff\xfe.wav"
    path = os.fsdecode(name)
    values = write(tmp_path / "a.wav")
    os.rename(tmp_path / "a.wav", path)
    np.testing.assert_array_equal(read(path)[0], values)


@pytest.mark.parametrize(
    ("codec", "name", "channels", "options"),
    [
        ("libopus", "a.opus", 4, {"mapping_family": "2"}),
        ("libopus", "b.opus", 16, {"mapping_family": "2"}),
        ("aac", "c.m4a", 2, {}),
        ("eac3", "d.ec3", 2, {}),
    ],
)
def test_codec_files_through_ffmpeg(tmp_path, codec, name, channels, options):
    av = pytest.importorskip("av")
    layout = {4: "ambisonic 1", 16: "ambisonic 3", 2: "stereo"}[channels]
    time = np.arange(48000) / 48000
    tone = 0.1 * np.sin(2 * np.pi * 440 * time) * np.arange(1, channels + 1)[:, None] / channels
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=48000, layout=layout, options=options)
        stream.bit_rate = 64000 * channels
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(tone.T, dtype=np.float32).reshape(1, -1), "flt", layout
        )
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    samples, rate = read(tmp_path / name)
    assert rate == 48000 and samples.shape[0] == channels
    levels = np.sqrt(np.mean(samples[:, 5000:40000] ** 2, axis=1))
    np.testing.assert_allclose(levels, 0.0707 * np.arange(1, channels + 1) / channels, rtol=0.15)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.sampled_from(["a.wav", "a.flac", "a.w64", "a.opus", "a.m4a"]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=12),
    st.integers(0, 4000),
)
def test_damaged_headers_end_in_an_error_or_in_samples(tmp_path, name, changes, keep):
    write(tmp_path / "good.wav", samples=200)
    kind = {"a.flac": ("FLAC", "PCM_16"), "a.w64": ("W64", "PCM_16")}.get(name, ("WAV", "FLOAT"))
    write(tmp_path / name.replace("opus", "wav").replace("m4a", "wav"), samples=200, kind=kind)
    source = tmp_path / name.replace("opus", "wav").replace("m4a", "wav")
    content = bytearray(source.read_bytes()[: keep or None])
    for at, value in changes:
        if at < len(content):
            content[at] = value
    (tmp_path / name).write_bytes(content)
    try:
        samples, rate = read(tmp_path / name)
    except InputError as error:
        assert name in str(error)
    else:
        assert samples.ndim == 2 and samples.nbytes < 1e7 and rate >= 0
