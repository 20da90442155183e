"""Within a key: how far one person's prompts must be apart to be independent evidence.

Every eye is looked at, plain (p = 0) and whitened (p = 1), for the detector reads both.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.core.autocorrelation import directions
from app.core.fixedpoint import Floats
from app.core.spectrum import Spectrum, out_of_fold
from app.core.units import is_unit
from schemas.readings import Dependence

HORIZONS = (0.0, 60.0, 600.0, 1800.0, 7200.0, 86_400.0)
TOLERATED_INFLATION = 1.1
INDEPENDENT = Dependence(
    horizon_seconds=0.0,
    inflation=1.0,
    keyless=0.0,
    returning=0.0,
    largest_key=0.0,
    block_units=1,
    autocorrelation=[],
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyed:
    """Candidates by what the unit rule asks of them: hash of the key, seconds since the key's last event."""

    keys: Sequence[int | None]
    gaps: Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """The silence demanded of a key, the candidates that are units under it, and what it leaves.

    `inflation` of a mean's variance by pairs of one key, as the worst eye sees it; `excess` is how far it
    stands beyond what is tolerated and what chance explains (two standard errors), 0 or more.
    """

    seconds: float
    kept: list[int]
    inflation: float
    excess: float


def choose_horizon(
    candidates: Keyed, seen: Mapping[str, Floats], *, fixed: float | None, fewest: int
) -> Horizon:
    """The shortest horizon that leaves units of one key (nearly) independent in every view.

    A horizon that leaves fewer than `fewest` units is not tried, unless it is the one that is `fixed`.
    """
    chosen: Horizon | None = None
    for seconds in HORIZONS if fixed is None else (fixed,):
        kept = [i for i, gap in enumerate(candidates.gaps) if is_unit(gap, seconds)]
        if chosen is not None and len(kept) < fewest:
            break
        chosen = _judge(seconds, kept, candidates.keys, seen)
        if chosen.excess == 0.0:
            break
    assert chosen is not None
    return chosen


def _judge(
    seconds: float, kept: list[int], keys: Sequence[int | None], seen: Mapping[str, Floats]
) -> Horizon:
    held = [keys[i] for i in kept]
    found = [(design_effect(view[kept], held), chance(view[kept], held)) for view in seen.values()]
    excess = max(inflation - TOLERATED_INFLATION - 2 * spread for inflation, spread in found)
    return Horizon(
        seconds=seconds,
        kept=kept,
        inflation=max(inflation for inflation, _ in found),
        excess=max(excess, 0.0),
    )


def views(rows: Floats, spectrum: Spectrum) -> tuple[Floats, Floats]:
    """Plain and whitened out-of-fold vectors (n, d), each scaled to a mean squared norm of 1."""
    plain, white = rows - spectrum.mean, out_of_fold(rows, spectrum)
    return _unit(plain), _unit(white)


def _unit(rows: Floats) -> Floats:
    return np.asarray(rows / np.sqrt(max(float(np.square(rows).sum(axis=1).mean()), 1e-12)))


def design_effect(view: Floats, keys: Sequence[int | None]) -> float:
    """Variance inflation of a mean by pairs of units with one key, at least 1 (Kish, 1965).

    1 + sum over keys (|sum v|^2 - sum |v|^2) / n.  Keyless units make no pairs.

    >>> design_effect(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), [1, 1, 2, None])
    1.5
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        if key is not None:
            groups[key].append(row)
    excess = 0.0
    for members in groups.values():
        if len(members) > 1:
            vectors = view[members]
            total = vectors.sum(axis=0)
            excess += float(total @ total) - float(np.square(vectors).sum())
    return max(1.0, 1.0 + excess / max(len(view), 1))


def chance(view: Floats, keys: Sequence[int | None]) -> float:
    """Standard error of the design effect where units are independent."""
    pairs = sum(size * (size - 1) / 2 for size in _sizes(keys).values())
    return 2.0 * float(np.sqrt(pairs / directions(view))) / max(len(view), 1) if pairs else 0.0


def returning(keys: Sequence[int | None]) -> float:
    """Share of units whose key gave an earlier one.

    >>> returning([1, 2, 1, None])
    0.25
    """
    return sum(size - 1 for size in _sizes(keys).values()) / max(len(keys), 1)


def largest_key(keys: Sequence[int | None]) -> float:
    """Share of units that one key gave: near 1 where a key names no person but everybody.

    >>> largest_key([1, 2, 1, None])
    0.5
    """
    return max(_sizes(keys).values(), default=0) / max(len(keys), 1)


def _sizes(keys: Sequence[int | None]) -> Counter[int]:
    return Counter(key for key in keys if key is not None)
