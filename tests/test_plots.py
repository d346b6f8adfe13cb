"""Figures show what they say, and are the same whenever they are drawn."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns

from qastanet.agreement.statistics import spearman
from qastanet.evidence.paper.figure_data import SHOWN, group_rows
from qastanet.hearing.gammatone import centre_frequencies
from qastanet.plots import agreement, front_end, names, paper, style
from qastanet.sound.sampling import SAMPLING_RATE

PROCESSED = Path(__file__).parents[1] / "data" / "processed"


@pytest.fixture(autouse=True)
def _styled():
    style.use_style()
    yield
    plt.close("all")


def labels(figure):
    return [text.get_text() for axis in figure.axes for text in axis.get_yticklabels()]


def test_a_full_scale_sine_has_97_db_spl_in_its_bin():
    time = np.arange(SAMPLING_RATE // 2) / SAMPLING_RATE
    _, axis = plt.subplots()
    mesh = front_end.spectrogram(axis, np.sin(2 * np.pi * 3000 * time))
    values = mesh.get_array()[:, 20:-20]
    assert values.max() == pytest.approx(100 - 10 * np.log10(2), abs=0.2)
    assert np.argmax(values[:, 0]) * SAMPLING_RATE / front_end.SPECTRUM == 3000


def test_maps_lie_at_their_frequencies_and_times():
    _, axis = plt.subplots()
    mesh = front_end.band_map(axis, np.zeros((29, 5)))
    corners = mesh.get_coordinates()
    assert corners.shape == (30, 6, 2) and corners[0, -1, 0] == pytest.approx(0.2)
    edges = corners[:, 0, 1]
    assert ((edges[:-1] < centre_frequencies()) & (centre_frequencies() < edges[1:])).all()


def test_figures_are_the_same_again(tmp_path):
    points = pd.read_csv(PROCESSED / "predicted_points.csv")
    noise = np.random.default_rng(0).standard_normal((2, 9600)) * 0.1
    made = []
    for name in ("a.svg", "b.svg"):
        paths = [tmp_path / f"{kind}_{name}" for kind in ("points", "spectra")]
        style.write(paper.predicted_against_rated(points, SHOWN[:2], 50), paths[0])
        style.write(front_end.spectrograms({"noise": noise}), paths[1])
        made.append([path.read_bytes() for path in paths])
    assert made[0] == made[1]


def test_groups_of_few_items_are_not_drawn():
    rows = group_rows(pd.read_csv(PROCESSED / "correlations.csv")).assign(recordings=3)
    assert (rows.n < paper.LEAST_ITEMS).any()
    shown = labels(paper.group_correlations(rows))
    sizes = [int(label.split("(")[1].split(" /")[0]) for label in shown]
    assert len(sizes) >= 5 and min(sizes) >= paper.LEAST_ITEMS


def test_forest_has_what_hears_nothing():
    table = pd.read_csv(PROCESSED / "overview.csv")
    figure = agreement.forest(table, ["parts", "emobiq", "bitrate", "condition-mean"])
    wanted = [names.row_name("parts", unseen) for unseen in ("recording left out", "test left out")]
    wanted += ["eMoBi-Q", "Bitrate alone", "Mean of the condition"]
    assert labels(figure)[:5] == wanted
    codec = figure.axes[list(pd.unique(table.dataset)).index("ambiqual2")]
    drawn = np.concatenate([line.get_xdata() for line in codec.lines])
    row = table[(table.metric == "bitrate") & (table.subset == "all")].iloc[0]
    assert np.isclose(drawn, row.pearson, atol=1e-4).any()


def test_within_scenes_shows_mean_lowest_and_highest():
    scores = {"a": [1, 2, 3, 4], "b": [1, 2, 4, 3], "c": [4, 3, 2, 1]}
    rows = [("d", "emobiq", name, spearman(x, range(4))) for name, x in scores.items()]
    table = pd.DataFrame(rows, columns=["dataset", "metric", "content", "spearman"])
    axis = agreement.within_scenes(table, ["emobiq"]).axes[0]
    drawn = np.concatenate([np.asarray(line.get_xdata(), float) for line in axis.lines])
    for value in (table.spearman.mean().round(4), -1.0, 1.0):
        assert np.isclose(drawn, value, atol=1e-3).any()


def test_contents_of_the_tests_have_names():
    known = pd.read_csv(PROCESSED / "scores.csv").query("dataset != 'neural2024'")
    known = known[known.dataset.isin(["aes2023", "ambiqual2"])].content.unique()
    assert all(names.content_name(name) != name for name in known)


def test_numbers_of_a_heatmap_can_be_read():
    table = pd.read_csv(PROCESSED / "metric_differences.csv")
    for dataset, word in (("aes2023", "nothing can be marked"), ("neural2024", "8 recordings")):
        figure = agreement.difference_matrix(table[table.dataset == dataset])
        axis = figure.axes[0]
        assert word in axis.get_title() and "models: recording unseen" in axis.get_title()
        assert "Parts (ours)" in labels(figure)
        mesh = axis.collections[0]
        fill = mesh.to_rgba(mesh.get_array())
        numbers = [text for text in axis.texts if text.get_text()]
        assert len(numbers) == 2 * (table.dataset == dataset).sum()
        for text in numbers:
            column, row = map(int, text.get_position())
            behind = sns.utils.relative_luminance(fill[row, column])
            front = sns.utils.relative_luminance(text.get_color())
            bright, dark = max(behind, front), min(behind, front)
            assert (bright + 0.05) / (dark + 0.05) > 4.5
