"""What a listening test can prove: how many listeners and recordings a question needs.

New tests are drawn from a model of the three public ones. Ratings and the points of two metrics
are split into what the condition, the recording and neither says (`agreement.splitting`), with a
covariance of the three at each level, and the noise of the listeners apart. Gross conditions are
left out: all metrics know them, and they would carry everything. The *recordings* are the units:
their number, not that of files, decides.

* *Which metric:* per recording the difference of squared errors; how strictly a test rates
  as a whole is taken as known. Two metrics are told apart if Student's t over the recordings is
  significant (5 %, two-sided) in the right direction.
* *Which coding:* the same for the difference of two conditions.
* *On which sound:* the correlation of what a metric says of recordings with their ratings.
"""

import bisect
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from qastanet.agreement.listener_noise import simulated_panels
from qastanet.agreement.splitting import extreme_condition, split
from qastanet.errors import InputError
from qastanet.listening_design.predicted_points import OURS, kept_items, points_of

CANDIDATES = 3
"""Recordings at hand for each that is taken; conditions at hand: CONDITIONS."""
CONDITIONS = 8
REPLICATES = 1000
POWER = 0.9
GAP = 10.0
"""Points between two codings that a test shall tell apart."""
KNOWS = 0.6
"""Correlation over recordings of a metric that knows on which sound a coding is heard."""
MOST = 60
"""Recordings beyond which is not looked."""


class Population(NamedTuple):
    """What new tests are drawn from: covariances of rating, first and second metric, points².

    Attributes:
        condition: of conditions, shape (3, 3).
        recording: of recordings.
        rest: of what neither says, without the noise of listeners.
        noise: standard deviation of single ratings.
    """

    condition: NDArray
    recording: NDArray
    rest: NDArray
    noise: float


@functools.cache
def population(first: str, second: str) -> Population:
    """Estimate from the public tests what new ones are drawn from.

    Args:
        first: metric of METRIC_NAMES
        second: another

    Example:
        >>> found = population("parts", "emobiq")
        >>> found.recording.shape, bool(15 < found.noise < 30)
        ((3, 3), True)
    """
    sums, freedom, spreads = np.zeros((3, 3, 3)), np.zeros(3), []
    for _, items in kept_items().groupby("dataset", sort=False):
        items = items[items.role == "coded"]
        items = items[items.condition != extreme_condition(items["mean"], items.condition)]
        truth = simulated_panels(items["mean"], items.sd, items.listeners, replicates=1)[0]
        values = [truth, *(points_of(name)(items[name]) for name in (first, second))]
        parts = [split(each, items.condition, items.recording) for each in values]
        for level, name in enumerate(("conditions", "scenes", "rest")):
            columns = np.stack([getattr(part, name) for part in parts])
            unit = (items.condition, items.recording, items.index)[level]
            places = np.unique(np.asarray(unit, dtype=str), return_index=True)[1]
            inside = columns[:, places] - columns[:, places].mean(1, keepdims=True)
            sums[level] += inside @ inside.T
            used = items.condition.nunique() + items.recording.nunique() - 1
            freedom[level] += len(places) - (used if level == 2 else 1)
        spreads += [*(items.sd**2)]
    levels = sums / freedom[:, None, None]
    return Population(*levels, float(np.sqrt(np.mean(spreads))))


def _root(covariance: NDArray) -> NDArray:
    """Return the symmetric root of a covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


def told_apart(
    first: str,
    second: str,
    listeners: int,
    recordings: int,
    per_recording: int,
    chosen: bool,
    replicates: int = REPLICATES,
) -> float:
    """Return in what share of simulated tests two metrics are told apart in the right direction.

    Args:
        first: metric of METRIC_NAMES
        second: another
        listeners: number of them
        recordings: that are taken, of CANDIDATES times as many
        per_recording: conditions of each that are taken, of CONDITIONS
        chosen: take those on which the two metrics disagree most; False: at random
        replicates: number of simulated tests

    Raises:
        InputError: with fewer than 1 listener or 2 recordings, or conditions that are not there

    Example:
        >>> shares = [told_apart("parts", "emobiq", 12, n, 4, True, 200) for n in (3, 24)]
        >>> shares[0] < shares[1]
        True
    """
    if listeners < 1 or recordings < 2 or not 1 <= per_recording <= CONDITIONS:
        raise InputError(
            f"{listeners} listeners, {recordings} recordings, {per_recording} conditions: give at "
            f"least 1 listener, 2 recordings and 1 to {CONDITIONS} conditions"
        )
    drawn_from = population(first, second)
    rng = np.random.default_rng([42, 0])
    there = CANDIDATES * recordings
    shapes = (1, CONDITIONS), (there, 1), (there, CONDITIONS)
    values = sum(
        rng.standard_normal((replicates, *shape, 3)) @ _root(covariance)
        for shape, covariance in zip(shapes, drawn_from[:3], strict=True)
    )
    rating, *metrics = np.moveaxis(values, -1, 0)
    right = np.sign(_errors(rating, *metrics).mean())
    interest = np.abs(metrics[0] - metrics[1])
    if not chosen:
        interest = rng.random(interest.shape)
    conditions = np.argsort(-interest, axis=2)[:, :, :per_recording]
    best = np.take_along_axis(interest, conditions, 2).sum(2)
    if not chosen:
        best = rng.random(best.shape)
    places = np.argsort(-best, axis=1)[:, :recordings, None]
    taken = [
        np.take_along_axis(np.take_along_axis(each, conditions, 2), places, 1)
        for each in (rating, *metrics)
    ]
    noise = rng.standard_normal(taken[0].shape) * drawn_from.noise / np.sqrt(listeners)
    taken[0] = taken[0] + noise
    gained = _errors(*taken).mean(2)
    student = gained.mean(1) / (gained.std(1, ddof=1) / np.sqrt(recordings))
    return float(np.mean(right * student > special.stdtrit(recordings - 1, 0.975)))


def _errors(rating: NDArray, first: NDArray, second: NDArray) -> NDArray:
    """Return by how much the squared error of the second metric is larger."""
    return (second - rating) ** 2 - (first - rating) ** 2


def recordings_for_metrics(
    first: str, second: str, listeners: int, per_recording: int, chosen: bool
) -> int | None:
    """Return how many recordings tell two metrics apart in POWER of the tests.

    None if MOST are not enough. Arguments as those of `told_apart`.
    """

    def enough(recordings: int) -> bool:
        return told_apart(first, second, listeners, recordings, per_recording, chosen, 400) >= POWER

    return _fewest(enough, MOST)


def recordings_for_codings(listeners: int) -> int | None:
    """Return how many recordings tell two codings, GAP points apart, apart in POWER of the tests.

    Example:
        >>> recordings_for_codings(24) < recordings_for_codings(6)
        True
    """
    known = population(OURS, "emobiq")
    spread = math.sqrt(2 * (known.rest[0, 0] + known.noise**2 / listeners))

    def enough(recordings: int) -> bool:
        limit = special.stdtrit(recordings - 1, 0.975)
        shift = GAP / spread * math.sqrt(recordings)
        return 1 - special.nctdtr(recordings - 1, shift, limit) >= POWER

    return _fewest(enough, 10 * MOST - 1)


def recordings_for_sounds(listeners: int, per_recording: int) -> int:
    """Return how many recordings show, in POWER of the tests, that a metric knows the sounds.

    By Fisher's z, for a correlation of KNOWS with the true means of the recordings; listeners and
    the few conditions of a recording blur its mean rating.

    Args:
        listeners: number of them
        per_recording: conditions rated of each

    Example:
        >>> recordings_for_sounds(12, 4) > 20
        True
    """
    known = population(OURS, "emobiq")
    blur = (known.rest[0, 0] + known.noise**2 / listeners) / per_recording
    reliability = known.recording[0, 0] / (known.recording[0, 0] + blur)
    wanted = special.ndtri(0.975) + special.ndtri(POWER)
    return math.ceil((wanted / math.atanh(KNOWS * math.sqrt(reliability))) ** 2 + 3)


def _fewest(enough: Callable[[int], bool], most: int) -> int | None:
    """Return the first number from 2 to the most that is enough, where more never harms."""
    found = 2 + bisect.bisect_left(range(2, most + 1), True, key=enough)
    return found if found <= most else None
