"""The claims of the paper put to the test: rules, controls, what others published."""

import numpy as np
import pandas as pd
import pytest

from qastanet.agreement.splitting import condition_null, correlation_of_parts
from qastanet.compendium import claim_rules, claims
from qastanet.errors import InputError
from qastanet.evidence.comparison import published_outputs
from qastanet.evidence.our_model import choice, few_ratings
from qastanet.evidence.paper import learning_curve
from qastanet.rivals import log_mel
from qastanet.training import calibration, paper_plans
from qastanet.training.rating_scale import CurveScale

PROCESSED = "data/processed"


@pytest.fixture(scope="module")
def kept():
    return pd.read_csv(f"{PROCESSED}/claims.csv")


def _items(first, second, recordings=7, each=4):
    rng = np.random.default_rng(3)
    names = np.repeat([f"r{k}" for k in range(recordings)], each)
    rating = np.tile(np.linspace(20, 90, each), recordings)
    columns = {"dataset": "d", "content": names, "mean": rating}
    noise = rng.standard_normal((2, len(names)))
    columns |= {"x": rating + first * noise[0], "y": rating + second * noise[1]}
    return pd.DataFrame(columns)


def test_a_clear_difference_holds_and_its_reverse_does_not():
    items = _items(1.0, 60.0)
    one, other = (
        claim_rules.difference(items, "x", "y", 400),
        claim_rules.difference(items, "y", "x", 400),
    )
    assert claim_rules.verdict(*one[3:]) == claim_rules.HOLDS
    assert claim_rules.verdict(*other[3:]) == claim_rules.FAILS
    assert one.difference == pytest.approx(-other.difference)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_of_three_recordings_nothing_can_be_told():
    found = claim_rules.difference(_items(0.0, 60.0, recordings=3), "x", "y", 200)
    assert found.low > 0 and found.ahead == 3
    assert claim_rules.verdict(*found[3:]) == claim_rules.OPEN


def test_two_tests_count_alike_in_a_difference():
    first, second = _items(1.0, 60.0), _items(60.0, 1.0, each=8).assign(dataset="e")
    apart = [claim_rules.difference(each, "x", "y", 50).difference for each in (first, second)]
    both = claim_rules.difference(pd.concat([first, second]), "x", "y", 50)
    assert both.difference == pytest.approx(np.mean(apart)) and both.recordings == 14


def test_kept_claims_follow_their_own_rule(kept):
    told = kept[kept.low.notna() & kept.recordings.notna()]
    told = told[told.claim != claims.LITTLE]
    for row in told.itertuples():
        expected = claim_rules.verdict(row.low, row.high, row.ahead, row.recordings)
        assert row.verdict == expected, row.test
    assert (kept[kept.recordings < claim_rules.ENOUGH].verdict == claim_rules.OPEN).sum() > 30
    assert set(kept.claim) == {
        *(claims.GENERAL, claims.LITTLE, claims.EXPERT, claims.FORMS),
        *(claims.ARTEFACTS, claims.WHOLE),
    }


def test_groups_of_few_items_are_named_and_not_told(kept):
    few = kept[(kept.n < claims.LEAST) & kept["items"].str.contains(":", na=False)]
    assert len(few) >= 5 and few.value.isna().all() and (few.verdict == claim_rules.OPEN).all()


def test_published_figures_are_called_so(kept):
    row = kept[kept.claim == claims.WHOLE].iloc[0]
    assert (row.value, row.against, row.verdict) == (0.90, 0.72, claims.PRIVATE)


def test_orders_of_conditions_are_all_looked_at():
    rng = np.random.default_rng(0)
    condition, scene = np.tile(list("abcd"), 3), np.repeat(list("xyz"), 4)
    rating = np.tile([1.0, 2, 3, 4], 3) + 0.1 * rng.standard_normal(12)
    null = condition_null(rating, rating, condition, scene)
    at = correlation_of_parts(rating, rating, condition, scene)["conditions"]
    assert len(null) == 24 and null.max() == pytest.approx(at) and np.mean(null >= at - 1e-9) < 0.05
    assert np.isnan(condition_null(np.ones(12), rating, condition, scene)).all()


def test_training_scenes_of_a_learning_curve_grow_and_never_are_tested():
    pairs = paper_plans.read_pairs(paper_plans.RATINGS, paper_plans.MAPS)["ambisonic"]
    content = pairs.table.content.to_numpy()
    seen = {}
    for protocol, scenes in paper_plans.FEW.items():
        for number, fold in enumerate(paper_plans.plan_folds(pairs, protocol)):
            trained = set(content[fold.train])
            assert len(trained) == scenes and not trained & set(content[fold.test])
            assert seen.setdefault(number, set()) <= trained
            seen[number] = trained
        assert number + 1 == len(paper_plans.HELD) * paper_plans.DRAWS


def test_gains_are_those_of_the_same_networks():
    curve = pd.read_csv(f"{PROCESSED}/paper_learning.csv")
    gains = learning_curve.gains(curve).set_index(["model", "tested"])
    assert len(gains) == len(learning_curve.MODELS) * len(paper_plans.HELD)
    single = curve[(curve.network != "mean") & (curve.model == "swap-few")]
    part = single[single.tested == single.tested.iloc[0]].pivot(
        index="network", columns="scenes", values="pearson"
    )
    row = gains.loc["swap-few", single.tested.iloc[0]]
    assert row.gain == pytest.approx((part[10] - part[2]).mean(), abs=1e-9)
    assert row.ahead == ((part[10] - part[2]) > 0).sum()


def test_published_ambiqual_is_ours_and_binaqual_had_another_reference():
    published = pd.read_csv("data/ambiqual_published_outputs.csv")
    assert len(published) == 78
    found = published_outputs.agreement(published, pd.read_csv(f"{PROCESSED}/scores.csv"), 50)
    ours = found.dropna(subset="n_ours").set_index("metric")
    assert ours.deviation[["ambiqual-lq", "ambiqual-la"]].max() < 1e-4
    assert ours.deviation["binaqual"] > 0.1
    rate = found[(found.metric == "bitrate") & (found["items"] == "first order")]
    quality = rate[(rate.experiment == 1) & (rate.attribute == "Qual")].iloc[0]
    assert (round(quality.pearson, 2), round(quality.spearman, 2)) == (0.97, 0.87)


def test_log_mel_hears_level_and_side():
    noise = np.random.default_rng(0).standard_normal((2, 96000))
    left = log_mel.log_mel_maps(noise, noise * [[0.5], [1.0]])
    assert left.shape == (3, log_mel.N_BANDS, 50)
    assert left.mean((1, 2)) == pytest.approx([6.02, 0, 6.02], abs=0.01)
    assert log_mel.log_mel_maps(noise, noise).max() == 0
    assert log_mel.log_mel(np.zeros((1, 4800))).max() == pytest.approx(-80)
    with pytest.raises(InputError, match="two ears"):
        log_mel.log_mel_maps(noise[:1], noise[:1])
    with pytest.raises(InputError, match="48000"):
        log_mel.log_mel_distance(noise, noise, 44100)
    with pytest.raises(InputError, match="too short"):
        log_mel.log_mel(noise[:, :100])


def test_a_full_scale_sine_has_no_level_left_to_lose():
    time = np.arange(48000) / 48000
    level = log_mel.log_mel(np.sin(2 * np.pi * 1000 * time))
    assert -3 < level.max() < 1


def test_an_interval_told_by_other_recordings_is_as_wide_as_their_errors():
    rng = np.random.default_rng(1)
    score = np.tile(np.linspace(0.2, 0.9, 10), 4)
    unit = np.repeat(list("abcd"), 10)
    exact = CurveScale(1.3, 1.1)(score)
    small, large = (
        calibration.told_quantile(score, np.clip(exact + s * rng.standard_normal(40), 0, 1), unit)
        for s in (0.01, 0.15)
    )
    assert 0 < small < 0.15 < large
    assert np.isnan(calibration.told_quantile(score[:10], exact[:10], unit[:10]))


def test_intervals_hold_once_the_scale_is_told():
    found = pd.read_csv(f"{PROCESSED}/interval_coverage.csv")
    told = found[found.protocol == "lodo-scaled"]
    assert len(told) == 5 and told.coverage.between(0.85, 0.95).all()


def test_the_chosen_spread_is_among_those_listed():
    table = pd.read_csv(f"{PROCESSED}/scale_priors.csv")
    assert table[["exponent", "curve"]].drop_duplicates().shape[0] == len(few_ratings.PRIORS)
    assert table.chosen.sum() == 5
    codec = table[table.chosen & (table.dataset == "ambiqual2")].rmse
    assert (codec <= 8).all()


def test_what_is_chosen_without_a_test_is_no_better_there():
    table = pd.read_csv(f"{PROCESSED}/chosen_again.csv")
    assert set(table.test) == set(choice.TESTS)
    assert (table.spearman <= table.spearman_shipped + 0.005).all()
