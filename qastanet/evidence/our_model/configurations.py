"""The main configurations of the model, and how each agrees with the listeners.

Some two hundred were looked at by those who chose; these are kept, and can be looked at again.

Nothing is fitted in the agreement by rank and in Pearson's of `CURVE`, so there is nothing to leave
out but the choice itself; of configurations whose numbers are fitted, the fit is made without the
listening test (or, within AES 2023, the recording) that is predicted. The table shows how much is
choice: read it before believing the chosen row.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from qastanet.agreement.statistics import pearson, rmse, spearman
from qastanet.hearing.gammatone import N_BANDS
from qastanet.hearing.parts import PARTS
from qastanet.listening_tests.contents import recording
from qastanet.models.parts_model import PartsScores, rated
from qastanet.training.parts_fit import START, UNITS, balance, fit
from qastanet.training.rated_parts import FURTHER
from qastanet.training.rating_scale import fit_curve

CURVE = (START.strictness, START.curve)
"""The same a and b for all configurations; they change no order."""

OFF = np.inf
"""The unit of a part that is left out."""


class Configuration(NamedTuple):
    """One variant.

    Attributes:
        name: short.
        why: it was looked at.
        form: of the statistics, from `qastanet.training.rated_parts.FORMS`.
        units: changes to the units by name of the part (also of FURTHER).
        norm: exponent over the parts.
        bands: weight of the highest band relative to the lowest, geometric between.
        fitted: numbers that are fitted, without what is predicted.
    """

    name: str
    why: str
    form: str = "shipped"
    units: Mapping[str, float] = {}
    norm: float = START.norm
    bands: float = 1.0
    fitted: tuple[str, ...] = ()


STUDIED = {"fluctuation": 1.0, "movement": OFF, "gain": OFF}
"""The ratio that the first study recommends, in its own form."""


FORM_REASONS = {
    "loudness weights": "frames weigh by loudness, as first studied",
    "equal weights": "separated music needs quiet cells",
    "no hold": "a dropout counts as a change of all fluctuation",
    "gain left in": "plain gain counts as level",
    "place of all time": "a mirrored sweep is not heard",
    "floor 0.5 dB": "the floor of the study",
    "weights of 0.1": "between loudness and equal weights",
    "weights of 0.2": "the same",
    "hold 5 dB": "how large a change is a dropout?",
    "hold 20 dB": "the same",
    "place in 0.5 s": "how fast is a movement?",
    "place in 2 s": "the same",
    "level in 40 ms": "generated speech does not keep its timing",
    "level in 120 ms": "the same",
    "level in 160 ms": "the same",
}
"""Forms of the statistics, and why they were looked at."""


def _only(**units: float) -> dict[str, float]:
    """Units of some parts, the others left out."""
    return dict.fromkeys(PARTS, OFF) | units


def configurations() -> list[Configuration]:
    """List the configurations, the chosen one first.

    Example:
        >>> configurations()[0].name
        'seven parts'
    """
    found = [
        Configuration("seven parts", "chosen"),
        Configuration("five parts", "as first recommended", "study", STUDIED),
        Configuration("level alone", "what one part does", units=_only(level=12)),
        Configuration("fluctuation alone", "the same", units=_only(fluctuation=0.7)),
        Configuration("width alone", "the same", units=_only(width=0.2)),
    ]
    three = _only(level=6, fluctuation=0.5, width=0.1)
    for norm in (1.0, 2.0, 4.0):
        why = "sums of three with equal weights"
        found.append(Configuration(f"three parts, p = {norm:g}", why, "study", three, norm))
    found += [Configuration(name, why, name) for name, why in FORM_REASONS.items()]
    return [*found, *_other_units(), *_further()]


def _other_units() -> list[Configuration]:
    """Parts left out, and units and norm changed: how flat is it?"""
    found = [Configuration(f"without {name}", "is it needed?", units={name: OFF}) for name in UNITS]
    for name, unit in UNITS.items():
        for factor in (0.5, 2.0):
            why = f"unit of {name} {unit * factor:g} for {unit:g}"
            found.append(Configuration(f"{name} x {factor:g}", why, units={name: unit * factor}))
    found += [Configuration(f"p = {p:g}", "how flat is it?", norm=p) for p in (1.0, 2.0, 4.0, 12.0)]
    return found


def _further() -> list[Configuration]:
    """Other units of movement, further parts, band weights, and more numbers that are fitted."""
    parts = (
        ("movement", " dB", "unit", (3.0, 6.0)),
        ("colour", " dB", "a further part", (6.0, 12.0)),
        ("directiveness", "", "a further part, where there is one", (0.1, 0.2)),
        ("roughness", "", "a further part: fluctuation of 25 to 50 Hz", (0.35, 0.7, 1.4)),
    )
    found = [
        Configuration(f"{part} {size:g}{unit}", why, units={part: size})
        for part, unit, why, sizes in parts
        for size in sizes
    ]
    for ratio in (0.33, 3.0):
        found.append(Configuration(f"bands 1 to {ratio:g}", "smooth band weights", bands=ratio))
    numbers = {"a": ("strictness",), "a, b": ("strictness", "curve")}
    numbers["a, b, units"] = ("strictness", "curve", "units")
    why = "do more numbers help?"
    return found + [Configuration(f"fitted: {k}", why, fitted=v) for k, v in numbers.items()]


def subsets(table: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    """Subsets of the rated pairs that differ from their reference, by name."""
    dataset, signal, condition = (
        table[name].astype(str) for name in ("dataset", "signal", "condition")
    )
    rated_ = table.role != "reference"
    found = {}
    for form in ("ambisonic", "binaural"):
        mine = rated_ & (signal == form)
        aes, codec = mine & (dataset == "aes2023"), mine & (dataset == "ambiqual2")
        found[f"AES 2023, {form}"] = aes
        found[f"AES 2023 without Mono, {form}"] = aes & (condition != "Mono")
        found[f"codec set, {form}"] = codec
        found[f"codec set without 32 kbit/s, {form}"] = codec & ~condition.str.endswith("32")
    found["neural 2024, binaural"] = rated_ & (dataset == "neural2024")
    return {name: mask.to_numpy() for name, mask in found.items() if mask.sum() > 2}


def distances(configuration: Configuration, values: Mapping[str, NDArray]) -> NDArray:
    """Return D of all pairs.

    Args:
        configuration: which.
        values: of `qastanet.training.rated_parts.read_parts`.
    """
    units = UNITS | dict.fromkeys(FURTHER, OFF) | dict(configuration.units)
    every = np.concatenate([values[configuration.form], values["further"]], axis=1)
    weight = np.geomspace(1, configuration.bands, N_BANDS)
    sizes = np.array([units[name] for name in (*PARTS, *FURTHER)])[:, None]
    each = np.log1p(every / sizes) @ (weight / weight.sum())
    return (each**configuration.norm).sum(-1) ** (1 / configuration.norm)


def _fitted_scores(
    table: pd.DataFrame, values: NDArray, configuration: Configuration, unit: pd.Series
) -> NDArray:
    """Scores by numbers that are fitted without each unit (test, or recording) in turn."""
    rating, seen = table["mean"].to_numpy() / 100, (table.role != "reference").to_numpy()
    found = np.full(len(table), np.nan)
    start = PartsScores(START.units, configuration.norm, *CURVE)
    for name in unit.unique():
        out = (unit == name).to_numpy()
        known = seen & ~out
        weight = balance(table.dataset.to_numpy()[known])
        model = fit(values[known], rating[known], weight, start, configuration.fitted)
        found[out] = model(values[out])
    return found


def _points_off(table: pd.DataFrame, score: NDArray, mask: NDArray) -> float:
    """Error in points when other scenes of the same test tell a and b (one of each left out)."""
    rating, content = table["mean"].to_numpy() / 100, table.content.to_numpy()
    found = np.full(len(table), np.nan)
    for scene in np.unique(content[mask]):
        others, own = mask & (content != scene), mask & (content == scene)
        if others.any():
            found[own] = fit_curve(score[others], rating[others])(score[own])
    kept = mask & np.isfinite(found)
    return 100 * rmse(found[kept], rating[kept])


def configuration_table(
    table: pd.DataFrame,
    values: Mapping[str, NDArray],
    chosen: Iterable[Configuration] | None = None,
) -> pd.DataFrame:
    """Agreement of every configuration.

    Args:
        table: rated pairs, see `qastanet.training.rated_parts.add_ratings`.
        values: their parts by form.
        chosen: configurations; default: all.

    Returns:
        One row per configuration, what is left out (``folds``) and subset, with ``pearson``,
        ``spearman`` and ``points`` (off, once other scenes of the test tell a and b).
    """
    masks, rows = subsets(table), []
    rating = table["mean"].to_numpy()
    units = {"test left out": table.dataset, "recording left out": table.content.map(recording)}
    for each in configurations() if chosen is None else chosen:
        scores = {"nothing fitted": rated(distances(each, values), *CURVE)}
        if each.fitted:
            mapped = values[each.form]
            scores = {k: _fitted_scores(table, mapped, each, u) for k, u in units.items()}
        for folds, score in scores.items():
            for name, mask in masks.items():
                row = (each.name, each.why, folds, name, int(mask.sum()))
                agreement = pearson(score[mask], rating[mask]), spearman(score[mask], rating[mask])
                points = _points_off(table, score, mask)
                rows.append((*row, *agreement, points, each.name == configurations()[0].name))
    columns = ["configuration", "why", "folds", "subset", "items", "pearson", "spearman", "points"]
    return pd.DataFrame(rows, columns=[*columns, "chosen"])


def means_with(ours: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Agreement of the mean of our scores and those of another model, out of fold.

    Args:
        ours: of `qastanet.training.parts_fit.predict`.
        others: predictions of other models with the same columns, under the same protocols.

    Returns:
        One row per other model, protocol and subset with ``pearson``, ``spearman`` and ``points``
        of the mean, and ``ours_pearson``, ``ours_spearman`` and ``ours_points`` of ours alone.
    """
    key, rows = ["dataset", "stimulus", "signal", "protocol"], []
    both = ours.merge(others[[*key, "metric", "score"]], on=key, suffixes=("", "_other"))
    for (metric, protocol), part in both.groupby(["metric_other", "protocol"], sort=False):
        part = part.reset_index(drop=True)
        rating = part["mean"] / 100
        for subset, mask in subsets(part).items():
            row = {"metric": metric, "protocol": protocol, "subset": subset, "items": mask.sum()}
            for start, score in (("", (part.score + part.score_other) / 2), ("ours_", part.score)):
                pair = score[mask], rating[mask]
                row |= {f"{start}pearson": pearson(*pair), f"{start}spearman": spearman(*pair)}
                row[f"{start}points"] = 100 * rmse(*pair)
            rows.append(row)
    return pd.DataFrame(rows)
