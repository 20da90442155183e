"""What was said of deployments as tables: every rate with its 95 % interval, every bar with what it met."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import binomtest

from app.core.fixedpoint import Floats
from benchmarks import page
from benchmarks.rollouts import World

CLOSE = 0.1
HEADER = [
    "world", "ours, looked at daily", "ours, looked at once", "ours, placebo date", "true shares",
    "mean shares told", "within 10 points", "intervals cover", "told", "before/after test", "windowed MMD",
]  # fmt: skip


@dataclass(slots=True)
class Found:
    """What was said in the runs of one world."""

    world: World
    style: str
    truth: Floats | None = None
    blamed: list[bool] = field(default_factory=list)  # at any of the daily looks
    once: list[bool] = field(default_factory=list)  # by the same test, looked at on the last day only
    placebo: list[bool] = field(default_factory=list)  # at the placebo date, at 5 %
    errors: list[float] = field(default_factory=list)  # largest of the three shares, one look
    covered: list[bool] = field(default_factory=list)  # each share's 95 % interval
    shares: list[Floats] = field(default_factory=list)
    before_after: list[bool] = field(default_factory=list)
    two_sample: list[bool] = field(default_factory=list)

    @property
    def near(self) -> list[bool]:
        """Whether all three shares were within 10 points."""
        return [error <= CLOSE for error in self.errors]

    @property
    def name(self) -> str:
        """In a table of several styles."""
        return f"{self.world.name} ({self.style})" if self.world.adaptation else self.world.name


def worlds(found: Sequence[Found]) -> str:
    """One row a world.  Shares: adaptation, outside, audience."""
    return page.table(HEADER, [_row(one) for one in found])


def bars(found: Sequence[Found]) -> str:
    """The promises, what was measured, and whether that meets them."""
    parallel = [one for one in found if not one.world.apart_before]
    without = [one for one in parallel if one.world.blameless]
    lines = [
        _bar("blamed, worlds without adaptation", 0.05, _all(without, "blamed"), most=True),
        _beside("the same by a before/after test", _all(without, "before_after")),
        _beside("the same by a windowed MMD", _all(without, "two_sample")),
        _bar("blamed at placebo dates, all worlds", 0.05, _all(parallel, "placebo"), most=True),
        *(_bar(f"found: {one.name}", 0.8, one.blamed) for one in parallel if one.world.adaptation >= 0.3),
        _bar("shares within 10 points, all worlds", 0.9, _all(found, "near")),
        *(
            _bar(f"shares within 10 points: {one.name}", 0.9, one.near)
            for one in found
            if one.near and np.mean(one.near) < 0.9
        ),
        _bar("95 % intervals of shares cover, all worlds", 0.93, _all(found, "covered")),
    ]
    return page.table(["bar", "promised", "measured", "of", ""], lines)


def _bar(name: str, promised: float, flags: Sequence[bool], *, most: bool = False) -> list[str]:
    met = np.mean(flags) <= promised if most else np.mean(flags) >= promised
    low, high = _interval(flags)
    said = "met" if met else "missed, within chance" if low <= promised <= high else "missed"
    return [name, f"{'<=' if most else '>='} {promised:.0%}", rate(flags), str(len(flags)), said]


def _beside(name: str, flags: Sequence[bool]) -> list[str]:
    return [name, "", rate(flags), str(len(flags)), ""]


def _all(found: Sequence[Found], name: str) -> list[bool]:
    return [flag for one in found for flag in getattr(one, name)]


def _row(one: Found) -> list[str]:
    mean = np.mean(one.shares, axis=0) if one.shares else None
    return [
        one.world.name,
        rate(one.blamed),
        rate(one.once),
        rate(one.placebo),
        "" if one.truth is None else _listed(one.truth),
        "" if mean is None else _listed(mean),
        rate(one.near),
        rate(one.covered),
        f"{len(one.errors)} of {len(one.blamed)}" if one.errors else "",
        rate(one.before_after),
        rate(one.two_sample),
    ]


def _listed(shares: Iterable[float]) -> str:
    return ", ".join(f"{share:.2f}" for share in shares)


def rate(flags: Sequence[bool]) -> str:
    """A share with its exact binomial interval (Clopper and Pearson, 1934).

    >>> rate([True] * 2 + [False] * 38), rate([])
    ('5% [1, 17]', '')
    """
    if not len(flags):
        return ""
    low, high = _interval(flags)
    return f"{np.mean(flags):.0%} [{100 * low:.0f}, {100 * high:.0f}]"


def _interval(flags: Sequence[bool]) -> tuple[float, float]:
    found = binomtest(int(np.sum(flags)), len(flags)).proportion_ci()
    return float(found.low), float(found.high)
