"""The listening test of neural codecs: ratings, the kept table, its files and pairs."""

from pathlib import Path

import mirror
import numpy as np
import pandas as pd
import pytest
from tolerances import GOLDEN

from qastanet import registry
from qastanet.errors import InputError
from qastanet.listening_tests import neural2024
from qastanet.listening_tests.rated_pairs import neural2024_pairs
from qastanet.sound.options import Options
from qastanet.sound.pairs.preparation import prepare_files

KEPT = Path(__file__).parents[1] / "data" / "processed" / "neural2024_listening_test.csv"
HEAD = "utterance,condition,file,listener,rating\n"
LINES = [
    "u,Reference,stim_01/ref.wav,1,100",
    "u,Reference,stim_01/ref.wav,2,90",
    "u,Lyra 6,stim_01/lyra_6.wav,1,40",
    "u,Lyra 6,stim_01/lyra_6.wav,2,60",
    "u,Anchor,,1,10",
    "u,Anchor,,2,20",
]


@pytest.fixture
def kept():
    return pd.read_csv(KEPT)


def write(folder, lines, head=HEAD):
    file = folder / "ratings.csv"
    file.write_text(head + "\n".join(lines) + "\n")
    return file


def test_table_from_ratings_per_listener(tmp_path):
    ratings = neural2024.read_ratings(write(tmp_path, LINES))
    assert ratings.listener.unique().tolist() == ["listener01", "listener02"]
    table = neural2024.rating_table(ratings, KEPT).set_index("condition")
    assert table["mean"].to_dict() == {"Anchor": 15, "Lyra 6": 50, "reference": 95}
    assert table.sd["Lyra 6"] == pytest.approx(200**0.5)
    assert table.role.to_dict() == {"Anchor": "anchor", "Lyra 6": "coded", "reference": "reference"}
    assert table.reference["Lyra 6"] == "stim_01/ref.wav"
    assert table.loc["Anchor", ["reference", "degraded"]].isna().all()


def test_the_kept_table(kept):
    assert kept.groupby("role").size().to_dict() == {"anchor": 8, "coded": 56, "reference": 8}
    assert kept.content.nunique() == 8 and kept.condition.nunique() == 9
    assert not kept.stimulus.duplicated().any()
    assert kept.listeners.between(8, 11).all()
    assert set(kept.group) == {"speech"}
    half = (kept.ci95_high - kept.ci95_low) / 2
    assert (half > 1.96 * kept.sd / kept.listeners**0.5 - GOLDEN).all()
    means = kept.groupby("condition")["mean"].mean()
    assert means.idxmax() == "reference" and means.idxmin() == "Anchor"
    assert "listener" not in kept  # single ratings are not kept
    pd.testing.assert_frame_equal(neural2024.rating_table(None, KEPT), kept)


def test_every_sound_is_in_the_registry_with_its_hash(kept):
    there = kept.dropna(subset="degraded")
    assert set(there.role) == {"coded", "reference"}
    names = {f"{neural2024.FOLDER}/{name}" for name in [*there.reference, *there.degraded]}
    entries = [e for e in registry.entries() if e.repository == registry.NEURAL2024]
    assert {entry.path for entry in entries} == names
    assert all(entry.sha256 for entry in entries)
    assert there.stimulus.size == 64


def test_pairs(kept):
    mirror.folder("QASTANET_DATA_MIRROR")
    chosen = kept[kept.content == "TSP_MF31_02"]
    pairs = list(neural2024_pairs(chosen))
    assert len(pairs) == 8
    for pair in pairs:
        assert (pair.signal, pair.sampling_rate) == ("binaural", 24000)
        assert pair.reference.shape == pair.degraded.shape
        assert np.array_equal(pair.degraded[0], pair.degraded[1])  # diotic
        same = np.array_equal(pair.reference, pair.degraded)
        assert same == pair.stimulus.endswith("_reference")


def test_ratings_are_read_where_a_variable_names_them(tmp_path, monkeypatch):
    monkeypatch.delenv(neural2024.RATINGS_VARIABLE, raising=False)
    assert neural2024.ratings_at_hand() is None
    monkeypatch.setenv(neural2024.RATINGS_VARIABLE, str(write(tmp_path, LINES)))
    assert len(neural2024.ratings_at_hand()) == 6


@pytest.mark.parametrize(
    ("lines", "head", "message"),
    [
        (LINES, HEAD.replace("rating\n", "points\n"), "no column rating; give ratings per"),
        ([*LINES, "u,Lyra 3,stim_01/lyra_32.wav,1,101"], HEAD, "line 8: rating 101.* 0..100"),
        ([*LINES, "u,Lyra 3,stim_01/lyra_32.wav,1,"], HEAD, "line 8: rating nan is no number"),
        ([*LINES, LINES[2]], HEAD, "line 8: this rating is there twice"),
        (["u,Lyra 3,stim_99/lyra_32.wav,1,50"], HEAD, r"0 files named '.*stim_99/lyra_32.wav'"),
    ],
)
def test_ratings_that_cannot_be_used(tmp_path, lines, head, message):
    with pytest.raises(InputError, match=message):
        neural2024.read_ratings(write(tmp_path, lines, head))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv: cannot be read as a CSV file"):
        neural2024.read_ratings(tmp_path / "none.csv")


@pytest.mark.parametrize("codec", ["prop_13", "audiodec_8"])
def test_generated_speech_is_aligned_and_another_utterance_refused(codec):
    mirror.folder("QASTANET_DATA_MIRROR")
    coded = neural2024.sound(f"stim_01/{codec}.wav")
    pair = neural2024.sound("stim_01/ref.wav"), coded
    report = prepare_files(*pair, Options(align=True, mono="both-ears"))[2]
    assert report["delay_method"] == {"prop_13": "envelopes"}.get(codec, "waveform")
    assert abs(report["delay_ms"]) < 12
    with pytest.raises(InputError, match="the delay cannot be found"):
        prepare_files(
            neural2024.sound("stim_03/ref.wav"), coded, Options(align=True, mono="both-ears")
        )
