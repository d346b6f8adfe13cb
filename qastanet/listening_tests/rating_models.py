"""What the ratings of a listening test depend on: condition, content, and their interaction.

Two analyses of *tidy* ratings (columns ``listener``, ``trial``, ``condition``, ``rating``, see
`qastanet.listening_tests.webmushra`). The repeated-measures analysis of variance is what ITU-R
BS.1534-3 suggests; it needs every listener to have rated everything. The mixed model has a random
intercept per listener and takes incomplete designs too.
"""

import warnings
from collections.abc import Mapping

import numpy as np
import pandas as pd
import scipy.stats
from statsmodels.formula.api import mixedlm
from statsmodels.stats.anova import AnovaRM

from qastanet.errors import InputError


def mixed_model(ratings: pd.DataFrame) -> pd.DataFrame:
    """Mixed model rating ~ condition * content + (1 | listener), fitted by REML.

    Wald tests of the fixed effects in sum coding, so that a main effect is the average over the
    other factor. Ratings in MUSHRA are bounded and the hidden reference hardly varies, so leave out
    the reference (``ratings[ratings.condition != "reference"]``) or read the tests with care.

    Args:
        ratings: tidy ratings; NaN are left out.

    Returns:
        One row per term (``condition``, ``content``, ``condition:content``) with ``chi2``, ``df``
        and ``p``, and rows ``sd listener`` and ``sd residual`` with the standard deviations in
        points in column ``sd``.

    Raises:
        InputError: with fewer than 2 listeners, conditions or contents, or if a combination of
            condition and content was not rated by anyone.

    Example:
        >>> from itertools import product
        >>> rng = np.random.default_rng(0)
        >>> rows = [(k, t, c, 40 * c + rng.normal()) for k, t, c in product("abcd", "xy", (0, 1))]
        >>> table = mixed_model(
        ...     pd.DataFrame(rows, columns=["listener", "trial", "condition", "rating"])
        ... )
        >>> bool(table.loc["condition", "p"] < 1e-6)
        True
    """
    data = _tidy(ratings)
    cells = data["condition"].nunique() * data["content"].nunique()
    if len(data[["condition", "content"]].drop_duplicates()) < cells:
        raise InputError("some content was not rated under some condition; drop one or the other")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # statsmodels warns where a variance is zero
        formula = "rating ~ C(condition, Sum) * C(content, Sum)"
        fit = mixedlm(formula, data, groups=data["listener"]).fit(reml=True)
        tests = fit.wald_test_terms(skip_single=False).table
    terms = {
        "C(condition, Sum)": "condition",
        "C(content, Sum)": "content",
        "C(condition, Sum):C(content, Sum)": "condition:content",
    }
    table = tests.loc[list(terms)].rename(index=terms)
    table = table.rename(columns={"statistic": "chi2", "pvalue": "p", "df_constraint": "df"})
    table = table[["chi2", "df", "p"]].astype(float)
    table.loc["sd listener", "sd"] = float(np.sqrt(fit.cov_re.iloc[0, 0]))
    table.loc["sd residual", "sd"] = float(np.sqrt(fit.scale))
    return table.rename_axis("term")


def repeated_measures_anova(ratings: pd.DataFrame) -> pd.DataFrame:
    """Two-way repeated-measures analysis of variance of condition and content.

    ``p`` takes sphericity for granted. ``p_lower_bound`` is the largest that any violation of it
    can make of it: both degrees of freedom divided by those of the effect (Geisser and Greenhouse
    1958). Partial eta squared is F df1 / (F df1 + df2).

    Args:
        ratings: tidy ratings; every listener must have rated every stimulus once.

    Returns:
        One row per term (``condition``, ``content``, ``condition:content``) with ``F``, ``df1``,
        ``df2``, ``p``, ``p_lower_bound`` and ``eta2_partial``.

    Raises:
        InputError: if a listener misses a stimulus (use `mixed_model` then).

    Example:
        >>> from itertools import product
        >>> rng = np.random.default_rng(0)
        >>> rows = [(k, t, c, 40 * c + rng.normal()) for k, t, c in product("abcd", "xy", (0, 1))]
        >>> table = pd.DataFrame(rows, columns=["listener", "trial", "condition", "rating"])
        >>> repeated_measures_anova(table)["df2"].tolist()
        [3.0, 3.0, 3.0]
    """
    data = _tidy(ratings)
    stimuli = data["condition"].nunique() * data["content"].nunique()
    counts = data.groupby("listener").size()
    if (counts != stimuli).any() or data.duplicated(["listener", "condition", "content"]).any():
        raise InputError(
            f"{counts.idxmin()} has {counts.min()} ratings of {stimuli} stimuli; "
            "an incomplete design needs mixed_model"
        )
    fit = AnovaRM(data, "rating", "listener", within=["condition", "content"]).fit()
    columns = {"F Value": "F", "Num DF": "df1", "Den DF": "df2", "Pr > F": "p"}
    table = fit.anova_table.rename(columns=columns)[list(columns.values())]
    table["p_lower_bound"] = scipy.stats.f.sf(table["F"], 1, table["df2"] / table["df1"])
    explained = table["F"] * table["df1"]
    table["eta2_partial"] = explained / (explained + table["df2"])
    return table.rename_axis("term")


def effects_table(panels: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Both analyses for several panels of listeners, in one table.

    Args:
        panels: name -> tidy ratings, complete, without hidden references.

    Returns:
        The rows of `mixed_model` and `repeated_measures_anova` with the columns ``screening`` (name
        of the panel), ``model``, ``term`` before theirs.
    """
    parts = []
    for name, ratings in panels.items():
        for label, analyse in (
            ("mixed model", mixed_model),
            ("repeated measures", repeated_measures_anova),
        ):
            table = analyse(ratings).reset_index()
            table.insert(0, "screening", name)
            table.insert(1, "model", label)
            parts.append(table)
    return pd.concat(parts, ignore_index=True)


def _tidy(ratings: pd.DataFrame) -> pd.DataFrame:
    missing = {"listener", "trial", "condition", "rating"} - set(ratings.columns)
    if missing:
        raise InputError(f"the ratings have no column {', '.join(sorted(missing))}")
    data = ratings.rename(columns={"trial": "content"}).dropna(subset="rating")
    for column in ("listener", "condition", "content"):
        if data[column].nunique() < 2:
            raise InputError(f"a model of the ratings needs at least 2 values of {column}")
    return data.reset_index(drop=True)
