"""The network of the paper: compiled layers, trainings that agree on all machines, many seeds."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tolerances import CLOSED_FORM

from qastanet.agreement.resampling import samples_of_scenes
from qastanet.errors import InputError
from qastanet.evidence.paper import many_networks
from qastanet.training import paper_ensembles, paper_kept, paper_plans
from qastanet.training.paper_plans import ALL, DRAWS, FEW, PLANS, Pairs, Plan
from qastanet.training.paper_training import SCALE, Batch, PaperRecipe, initial, train_paper

PROCESSED = Path(__file__).parents[1] / "data" / "processed"
POOLINGS = ("swap", "sum", "max", "p-norm")
SHORT = {"steps": 20, "validation": 1, "thin": 2}


def _pairs(features=4, scenes=4, each=3):
    rng = np.random.default_rng(1)
    n = scenes * each
    quality = np.tile(np.linspace(0.1, 0.9, each), scenes)
    maps = [
        np.array(SCALE[:features])[:, None, None] * rng.random((features, 29, 24 + k % 3)) * (1 - q)
        for k, q in enumerate(quality)
    ]
    table = pd.DataFrame({"dataset": ["a", "b"] * (n // 2), "stimulus": np.arange(n).astype(str)})
    table["content"] = np.repeat([f"scene{k}" for k in range(scenes)], each)
    table["dataset"] = np.where(table.content < "scene2", "aes2023", "ambiqual2")
    table["condition"], table["role"] = np.tile(["x", "y", "z"], scenes), "coded"
    table["signal"], table["mean"] = "ambisonic", 100 * quality
    return Pairs(table, maps)


@pytest.mark.parametrize("features", [3, 4])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_compiled_layers_are_those_of_the_network(features, pooling):
    rng = np.random.default_rng(0)
    maps = [rng.random((features, 29, n)) for n in (30, 70, 30, 100)]
    network = initial(features, PaperRecipe(pooling=pooling, seed=3))
    scale = np.array(SCALE)[:features, None, None]
    plain = torch.stack([network(torch.from_numpy(each / scale)) for each in maps])
    batch = Batch(maps)(network)
    torch.testing.assert_close(batch, plain, rtol=CLOSED_FORM, atol=CLOSED_FORM)
    weights = list(network.parameters())
    share = torch.arange(4.0)
    found = torch.autograd.grad((batch * share).sum(), weights)
    expected = torch.autograd.grad((plain * share).sum(), weights)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_a_thin_batch_sees_every_so_many_th_frame_and_sums_as_many():
    maps = [np.repeat(np.random.default_rng(0).random((4, 29, 10)), 4, axis=-1)]
    network = initial(4, PaperRecipe(pooling="sum"))
    whole, thin = Batch(maps)(network), Batch(maps, thin=4, offset=2)(network)
    torch.testing.assert_close(whole, thin)


def test_network_learns_and_its_best_state_is_kept():
    pairs = _pairs()
    rating = pairs.table["mean"].to_numpy() / 100
    recipe = PaperRecipe(steps=120, validation=1, thin=2)
    network, curve = train_paper(pairs.maps, rating, pairs.table.content.to_numpy(), recipe)
    assert curve.training.iloc[-1] < 0.5 * curve.training.iloc[0]
    with torch.no_grad():
        scores = Batch(pairs.maps)(network).numpy()
    assert np.corrcoef(scores, rating)[0, 1] > 0.9


PROGRAM = """
import sys, torch
import numpy as np
from test_paper_network import POOLINGS, SHORT, _pairs
from qastanet.training import paper_ensembles
from qastanet.training.paper_plans import plan_folds
from qastanet.training.paper_training import PaperRecipe
torch.set_num_threads(int(sys.argv[2]))
found = []
for features, pooling in [(4, p) for p in POOLINGS] + [(3, "swap")]:
    pairs = _pairs(features)
    fold = plan_folds(pairs, "pooled-loso")[0]
    recipe = PaperRecipe(pooling=pooling, **SHORT)
    start = None
    if pooling == "sum":  # as from the released weights: at another rate and scale
        recipe = PaperRecipe(pooling="sum", rate=0.003, scale=(1.0,) * 4, **SHORT)
    paper_ensembles.DEAD = 0.0
    found.append(paper_ensembles.train_fold(pairs, fold, recipe, 2).scores)
np.save(sys.argv[1], np.stack(found))
"""
SETTINGS = {
    "plain": {},
    "no vectors": {
        "ATEN_CPU_CAPABILITY": "default",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F",
        "OPENBLAS_CORETYPE": "Nehalem",
        "MKL_CBWR": "COMPATIBLE",
        "NUMBA_CPU_NAME": "generic",
    },
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "OPENBLAS_CORETYPE": "Haswell", "MKL_CBWR": "AVX2"},
    "avx512": {"ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "AVX2"},
    "other hashes": {"PYTHONHASHSEED": "7"},
}


def _train_under(settings, threads, path):
    environment = os.environ | settings
    environment["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    environment["NUMBA_CACHE_DIR"] = str(path.parent / "cache")
    command = [sys.executable, "-c", PROGRAM, str(path), str(threads)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return np.load(path)


def _agree_on_all_machines(chosen, tmp_path):
    first = _train_under(SETTINGS["plain"], 1, tmp_path / "plain.npy")
    for name in chosen:
        for threads in (1, 2):
            other = _train_under(SETTINGS[name], threads, tmp_path / "other.npy")
            np.testing.assert_allclose(other, first, rtol=0, atol=1e-9, err_msg=name)
            if len(chosen) == 1:
                break
    assert np.ptp(first, axis=-1).max() > 0.05  # something was learnt


def test_trainings_do_not_depend_on_the_machine(tmp_path):
    _agree_on_all_machines(["no vectors"], tmp_path)


@pytest.mark.long
def test_trainings_do_not_depend_on_any_setting(tmp_path):
    _agree_on_all_machines(list(SETTINGS), tmp_path)


@pytest.fixture(scope="module")
def small():
    recipe = PaperRecipe(steps=60, validation=1, thin=2)
    seeds = {"pooled-loso": 2, ALL: 2}
    plans = {"swap": Plan("ambisonic", recipe, False, seeds)}
    return {"ambisonic": _pairs()}, plans


def test_training_goes_on_where_it_was_stopped(small, tmp_path, monkeypatch):
    pairs, plans = small
    paper_ensembles.train_missing(pairs, tmp_path / "whole", 1, plans)
    train, calls = paper_ensembles.train_fold, []

    def stopped(*given):
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(*given)

    monkeypatch.setattr(paper_ensembles, "train_fold", stopped)
    with pytest.raises(KeyboardInterrupt):
        paper_ensembles.train_missing(pairs, tmp_path / "halves", 1, plans)
    assert len(list((tmp_path / "halves").glob("*.npz"))) == 2  # and no half of a file
    paper_ensembles.train_missing(pairs, tmp_path / "halves", 1, plans)
    assert len(calls) == 3 + 3  # five folds, one of them twice
    whole, halves = (
        paper_ensembles.gather(pairs, tmp_path / k, plans) for k in ("whole", "halves")
    )
    for first, second in zip(whole[:2], halves[:2], strict=True):
        assert first.keys() == second.keys()
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])
    for first, second in zip(whole[2:], halves[2:], strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_kept_scores_are_told_from_others(small, tmp_path):
    pairs, plans = small
    paper_ensembles.train_missing(pairs, tmp_path, 1, plans)
    kept = paper_ensembles.gather(pairs, tmp_path, plans)[0]
    np.savez(tmp_path / "kept.npz", **kept)
    kept = paper_kept.read_scores(tmp_path / "kept.npz", pairs)
    found = paper_kept.train_again(pairs, kept, 1, plans, jobs=1)
    paper_kept.require_same(found)
    kept["swap/pooled-loso"] = kept["swap/pooled-loso"] + 1e-5
    found = paper_kept.train_again(pairs, kept, 1, plans, jobs=1)
    with pytest.raises(InputError, match="scores of swap are off by up to 1e-05"):
        paper_kept.require_same(found)
    np.savez(tmp_path / "other.npz", **{"swap/pooled-loso": np.zeros((4, 2, 5))})
    with pytest.raises(InputError, match=r"does not fit the \{12\} rated pairs"):
        paper_kept.read_scores(tmp_path / "other.npz", pairs)
    (tmp_path / "none.npz").write_text("no archive")
    with pytest.raises(InputError, match=r"none\.npz: cannot be read as scores"):
        paper_kept.read_scores(tmp_path / "none.npz", pairs)


def test_dead_networks_are_counted_and_never_taken(monkeypatch):
    pairs = _pairs()
    fold = paper_plans.plan_folds(pairs, ALL)[0]
    recipe = PaperRecipe(**(SHORT | {"steps": 60}))
    monkeypatch.setattr(paper_ensembles, "DEAD", 0.0)
    spreads = np.ptp(paper_ensembles.train_fold(pairs, fold, recipe, 4).scores, axis=1)
    limit = np.sort(spreads)[1] + 1e-9  # two of four are taken for dead
    monkeypatch.setattr(paper_ensembles, "DEAD", limit)
    found = paper_ensembles.train_fold(pairs, fold, recipe, 2)
    assert found.seeds.tolist() == np.flatnonzero(spreads >= limit)[:2].tolist()
    assert found.dead == found.seeds[-1] + 1 - 2
    monkeypatch.setattr(paper_ensembles, "DEAD", 2.0)
    with pytest.raises(InputError, match="20 of 20 networks did not begin to learn"):
        paper_ensembles.train_fold(pairs, fold, replace(recipe, steps=1), 1)


def test_what_a_network_has_not_seen_is_put_together():
    pairs = _pairs()
    folds = paper_plans.plan_folds(pairs, "pooled-loso")
    scores = np.stack([np.full((2, 12), k + 1.0) + fold.train for k, fold in enumerate(folds)])
    found = many_networks.out_of_fold(pairs, scores, "pooled-loso")
    assert found.shape == (2, 12) and set(found.ravel()) == {1.0, 2.0, 3.0, 4.0}


def test_differences_of_means_equal_a_loop_over_samples():
    pairs = _pairs(scenes=6)
    rating = pairs.table["mean"].to_numpy()
    rng = np.random.default_rng(5)
    kept = {
        name: rating / 100 + spread * rng.standard_normal((6, 4, len(rating)))
        for name, spread in (("swap/pooled-loso", 0.1), ("sum/pooled-loso", 0.5))
    }
    first, second = (many_networks.out_of_fold(pairs, k, "pooled-loso") for k in kept.values())
    table = many_networks.differences(pairs, kept, {"sum": "sum"}, replicates=50, seed=3)
    row = table[(table.variant == "sum") & (table.dataset == "pooled")].iloc[0]
    unit = pairs.table.content.map(many_networks.recording).to_numpy()
    draws, values = np.random.default_rng([3, 7]), []
    for count in samples_of_scenes(unit, 50, 3).counts.astype(int):
        means = [each[draws.integers(4, size=4)].mean(0) for each in (second, first)]
        each = [np.repeat(x, count) for x in (*means, rating)]
        values.append(np.corrcoef(each[0], each[2])[0, 1] - np.corrcoef(each[1], each[2])[0, 1])
    assert (row.low, row.high) == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


@pytest.fixture(scope="module")
def kept():
    with np.load(PROCESSED / "paper_scores.npz") as archive:
        return dict(archive)


def test_as_many_live_networks_are_kept_as_planned(kept):
    table = pd.read_csv(PROCESSED / "paper_networks.csv")
    for name, plan in PLANS.items():
        for protocol, seeds in plan.seeds.items():
            rows = table[(table.model == name) & (table.protocol == protocol)]
            if protocol in FEW:
                seeds = DRAWS
            assert len(rows) and (rows.seeds == seeds).all()
            if protocol != ALL:
                scores = kept[f"{name}/{protocol}"].reshape(len(rows), seeds, -1)
                assert scores.shape == (len(rows), seeds, 73)
                drawn = kept[f"{name}/{protocol}/seeds"].reshape(len(rows), seeds)
                assert protocol in FEW or all(len(set(each)) == seeds for each in drawn)
    pooled = table[table.protocol.isin(paper_plans.POOLED) & table.model.str.startswith("swap")]
    assert pooled.seeds.min() >= 20


def test_no_kept_network_is_dead(kept):
    for name, scores in kept.items():
        if not name.endswith("/seeds"):
            assert np.ptp(scores, axis=-1).min() >= paper_ensembles.DEAD, name


def test_spread_is_that_of_the_single_networks():
    single = pd.read_csv(PROCESSED / "paper_single.csv")
    found = many_networks.spread(single)
    table = pd.read_csv(PROCESSED / "paper_spread.csv")
    pd.testing.assert_frame_equal(found, table, atol=1e-4, rtol=0)
    assert (table.pearson_sd > 0).all()


def test_kept_networks_give_the_scores_they_gave(small, tmp_path):
    pairs, plans = small
    paper_ensembles.train_missing(pairs, tmp_path, 1, plans)
    weights = paper_ensembles.gather(pairs, tmp_path, plans)[1]
    np.savez(tmp_path / "weights.npz", **weights)
    networks = paper_kept.read_networks(tmp_path / "weights.npz", "swap")
    with np.load(tmp_path / f"swap_{ALL}_0.npz") as archive:
        there = archive["scores"]
    with torch.no_grad():
        found = np.stack([Batch(pairs["ambisonic"].maps)(each).numpy() for each in networks])
    np.testing.assert_allclose(found, there, atol=CLOSED_FORM)
    with pytest.raises(InputError, match="holds no networks 'sum'"):
        paper_kept.read_networks(tmp_path / "weights.npz", "sum")
