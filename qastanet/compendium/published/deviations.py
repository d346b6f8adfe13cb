"""Differences of two files, each with what it may amount to."""

import re
from collections.abc import Sequence
from typing import NamedTuple

NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")
SLACK = 1 + 1e-6
"""Decimal steps are not exact in binary."""

MOST = 20
"""Differences that are named."""


class Difference(NamedTuple):
    """Where two files differ, by how much and by how much they may."""

    place: str
    published: object
    made: object
    deviation: float
    tolerance: float
    unit: str

    @property
    def share(self) -> float:
        """The deviation as a multiple of the tolerance."""
        return self.deviation / self.tolerance if self.tolerance else float("inf")

    def __str__(self) -> str:
        """Return a line to be read."""
        return f"{self.place}: published {self.published}, made {self.made}"


class Comparison(NamedTuple):
    """All differences of two files that hold so many rows and cells."""

    rows: int
    cells: int
    differences: list[Difference]

    @property
    def worst(self) -> Difference | None:
        """The difference that takes most of its tolerance, if there is one."""
        return max(self.differences, key=lambda each: each.share, default=None)

    @property
    def verdict(self) -> str:
        """``equal``, ``within`` (its tolerance) or ``off``."""
        if self.worst is None:
            return "equal"
        return "within" if self.worst.share <= SLACK else "off"


def different(place: str, published: object, made: object) -> Difference:
    """Return a difference that nothing excuses."""
    return Difference(place, published, made, float("inf"), 0.0, "text")


def listed(differences: Sequence[Difference]) -> list[str]:
    """Return lines that name the largest differences first, up to MOST."""
    lines = [str(each) for each in sorted(differences, key=lambda each: -each.share)]
    return lines[:MOST] + ([f"and {len(lines) - MOST} more"] if len(lines) > MOST else [])
