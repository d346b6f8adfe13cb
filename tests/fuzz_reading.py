"""Feed damaged sound files to everything that reads them; see `test_fuzzing.py`.

`python tests/fuzz_reading.py CORPUS -max_total_time=60` lets atheris mutate the files of a folder,
guided by which lines of the reading modules they reach.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

ENDINGS = (".wav", ".flac", ".w64", ".ogg", ".aiff", ".caf", ".opus", ".m4a", ".ac3", ".mp3")
"""The first byte of an input chooses the ending of the name, the rest is the file."""

SOUNDFILE = {
    0: ("WAV", "FLOAT"),
    1: ("FLAC", "PCM_16"),
    2: ("W64", "PCM_24"),
    3: ("OGG", "VORBIS"),
    4: ("AIFF", "PCM_16"),
    5: ("CAF", "FLOAT"),
    9: ("MP3", "MPEG_LAYER_III"),
}
AV = {6: ("libopus", "ogg"), 7: ("aac", "ipod"), 8: ("ac3", "ac3")}
LARGEST = 1 << 28
"""Bytes of samples that a small file may turn into."""


def seeds() -> list[bytes]:
    """Return inputs that hold one good file of each kind, two channels of 0.1 s."""
    samples = (0.1 * np.random.default_rng(0).standard_normal((4800, 2))).astype(np.float32)
    found = []
    for kind, (container, subtype) in SOUNDFILE.items():
        buffer = io.BytesIO()
        soundfile.write(buffer, samples, 48000, format=container, subtype=subtype)
        found.append(bytes([kind]) + buffer.getvalue())
    for kind, (codec, container) in AV.items():
        found.append(bytes([kind]) + _encoded(samples, codec, container))
    return found


def _encoded(samples: np.ndarray, codec: str, container: str) -> bytes:
    """Encode with FFmpeg."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=48000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), "flt", "stereo")
        frame.sample_rate = 48000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return buffer.getvalue()


def read_it(content: bytes, folder: Path) -> str:
    """Read an input in every way; anything but samples or an InputError is a failure.

    Args:
        content: see ENDINGS
        folder: where the file is written

    Returns:
        what came of it: "read", or the reason of the refusal
    """
    from qastanet.errors import InputError
    from qastanet.sound.files.pieces import recording
    from qastanet.sound.files.reading import read

    if not content:
        return "nothing"
    path = folder / f"input{ENDINGS[content[0] % len(ENDINGS)]}"
    path.write_bytes(content[1:])
    outcome = "read"
    try:
        samples, rate = read(path)
        assert samples.ndim == 2 and samples.dtype == np.float32 and samples.nbytes < LARGEST
        assert rate >= 0 and samples.flags.c_contiguous
    except InputError as error:
        assert path.name in str(error)
        outcome = str(error).partition(path.name)[2]
    try:
        with recording(path) as file:
            for number, piece in enumerate(file or ()):
                assert piece.ndim == 2 and piece.nbytes < LARGEST
                if number == 100:
                    break
    except InputError as error:
        assert path.name in str(error)
    return outcome


def main() -> None:
    """Let atheris look for inputs that fail."""
    import atheris

    with atheris.instrument_imports(include=["qastanet"]):
        import qastanet.sound.files.pieces
        import qastanet.sound.files.reading  # noqa: F401

    folder = Path(tempfile.mkdtemp())
    corpus = Path(sys.argv[1])
    for number, content in enumerate(seeds()):
        (corpus / f"seed{number}").write_bytes(content)
    atheris.Setup(sys.argv, lambda content: read_it(content, folder) and None)
    atheris.Fuzz()


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
