"""What scores of a few say of all: means with intervals, weighted by the chance with which each was scored.

Traffic is kept with probability a and, once kept, scored with probability s (`selection`).  Every kept
sample has a guess p: its stratum's mean score, moved by what a cheap scorer said of it (prediction).  The
estimate is the mean guess of what was kept, corrected by the errors of the guesses where scores are known:

    mean = sum p/a / N  +  sum (y - p)/(a s) / N,     N = sum 1/a over what was kept

the generalised difference estimator (Cassel, Sarndal and Wretman, 1976, Biometrika 63), which with human
labels as scores and a judge's as predictions is prediction-powered inference (Angelopoulos et al., 2023,
PPI++).  A bad prediction costs width, never truth.  Without predictions it is Hajek's (1971) by strata.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from app.core.comparison import PRIOR, half_width
from app.core.effect import Z95
from app.core.fixedpoint import Floats
from schemas.readings import Interval

Target = Literal["traffic", "process"]
FEWEST = 20  # scores before anything is said
FEWEST_STRATUM = 8  # scores of a stratum on its own; with fewer it joins the others
FEWEST_ALWAYS = 100
FEWEST_SLOPE = 30  # scores before predictions count
NOTHING = 1e-12  # variance of scores that are all alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kept sample.  `score` is None where nobody scored it; then `selection` is not used."""

    stratum: str
    inclusion: float  # a
    selection: float = 1.0  # s
    score: float | None = None
    prediction: float | None = None  # of a cheap scorer, or of the judge where people score


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean score of all traffic.

    `mean` holds for one look at a time fixed before (Student's t); `always` at every look, however often
    (asymptotic confidence sequence of Robbins' normal mixture; Waudby-Smith et al., 2024, Ann. Stat. 52).
    """

    mean: Interval
    always: Interval | None  # None below FEWEST_ALWAYS scores
    scored: int
    kept: int
    effective: float | None  # scores that a uniform draw would need for the same width; None: all of them
    error: float  # standard error of the mean
    spread: float  # variance of single scores


@dataclass(frozen=True, slots=True)
class _Columns:
    """Rows as arrays: kept (n,), and of those that are scored `at` (m,), `score` (m,), `selection` (m,)."""

    inclusion: Floats
    strata: Floats  # whole numbers
    prediction: Floats  # 0 where there is none
    predicted: bool  # every row has one
    at: Floats
    selection: Floats
    score: Floats


def estimate(rows: Sequence[Row], *, target: Target = "traffic", level: float = 0.05) -> Estimate | None:
    """Mean score of the traffic that the rows stand for; None below FEWEST scores.  Cost: O(n).

    Args: target, `traffic`: what all of this traffic would have scored; `process`: what more traffic like it
        would, which is what versions are compared by, and a little wider.
    Scores lie in [0, 1], or are differences of two such.  Where all are alike, the interval is what so many
    in a row do not exclude; where those of a stratum are, one more is thought to be as far off as any seen.
    Raises: ValueError where a probability is not in (0, 1] or a score is not finite.

    >>> scores = [float(n % 4 > 0) for n in range(100)]
    >>> rows = [Row(stratum="a", inclusion=1.0, selection=0.5, score=score) for score in scores]
    >>> rows += [Row(stratum="a", inclusion=1.0) for _ in range(100)]
    >>> found = estimate(rows)
    >>> found.mean.value, round(found.mean.high - found.mean.low, 3), found.always.low < found.mean.low
    (0.75, 0.123, True)
    """
    scored = [row for row in rows if row.score is not None]
    if len(scored) < FEWEST:
        return None
    columns = _columns(rows)
    guess, leverage = _guesses(columns)
    weight = 1 / columns.inclusion
    size = float(weight.sum())
    inclusion = columns.inclusion[columns.at]
    error = columns.score - guess[columns.at]
    both = 1 / (inclusion * columns.selection)
    mean = (float(weight @ guess) + float(both @ error)) / size
    off = columns.score - mean
    whole = 1.0 if target == "process" else 1 - inclusion
    fitted = np.maximum(1 - leverage, 0.5) ** 2  # the guess saw the score: MacKinnon and White (1985), HC3
    of_traffic = whole / (inclusion**2 * columns.selection)
    of_choice = (1 - columns.selection) * both**2
    terms = of_traffic * off**2 + of_choice * error**2 / fitted
    variance = (float(terms.sum()) + _unseen(columns, error, of_traffic + of_choice)) / size**2
    spread = float(both @ off**2) / float(both.sum())
    effective = spread / variance if variance > NOTHING * spread else None
    known = target == "traffic" and bool((inclusion * columns.selection).min() == 1.0)
    if spread < NOTHING and not known:
        half, wide = _alike(columns.score, level)
        variance, spread = (half / Z95) ** 2, 1 / (len(scored) + 1)
    else:
        half = _student(terms, level) * math.sqrt(variance)
        wide = half_width(variance, prior=PRIOR**2 * spread, level=level) if variance > 0 else half
    enough = len(scored) >= FEWEST_ALWAYS
    return Estimate(
        mean=Interval(value=mean, low=mean - half, high=mean + half),
        always=Interval(value=mean, low=mean - wide, high=mean + wide) if enough else None,
        scored=len(scored),
        kept=len(rows),
        effective=effective,
        error=math.sqrt(variance),
        spread=spread,
    )


def by_stratum(rows: Iterable[Row], *, target: Target = "traffic") -> dict[str, Estimate | None]:
    """The estimate of every stratum by itself; None where too few are scored."""
    parts: dict[str, list[Row]] = {}
    for row in rows:
        parts.setdefault(row.stratum, []).append(row)
    return {name: estimate(part, target=target) for name, part in sorted(parts.items())}


def _columns(rows: Sequence[Row]) -> _Columns:
    names = _strata(rows)
    at = [i for i, row in enumerate(rows) if row.score is not None]
    columns = _Columns(
        inclusion=np.array([row.inclusion for row in rows]),
        strata=np.array([names[row.stratum] for row in rows]),
        prediction=np.array([row.prediction or 0.0 for row in rows]),
        predicted=all(row.prediction is not None for row in rows),
        at=np.array(at),
        selection=np.array([rows[i].selection for i in at]),
        score=np.array([rows[i].score for i in at], dtype=float),
    )
    for chance in (columns.inclusion, columns.selection):
        if not ((chance > 0) & (chance <= 1)).all():
            raise ValueError("probabilities must be in (0, 1]")
    if not (np.isfinite(columns.score).all() and np.isfinite(columns.prediction).all()):
        raise ValueError("scores and predictions must be finite numbers; leave out what failed")
    return columns


def _strata(rows: Sequence[Row]) -> dict[str, int]:
    """Numbers of the strata; those of few scores share number 0 (collapsed strata: Cochran, 1977, 5A.12)."""
    scores: dict[str, int] = {}
    for row in rows:
        scores[row.stratum] = scores.get(row.stratum, 0) + (row.score is not None)
    enough = sorted(name for name, count in scores.items() if count >= FEWEST_STRATUM)
    small = sum(count for name, count in scores.items() if name not in enough)
    if 0 < small < FEWEST_STRATUM and enough:  # too few even together: they join the largest
        largest = max(enough, key=lambda name: scores[name])
        enough.remove(largest)
    return {name: enough.index(name) + 1 if name in enough else 0 for name in scores}


def _guesses(columns: _Columns) -> tuple[Floats, Floats]:
    """Each row's guess (n,), its stratum's weighted mean score moved along the prediction; leverages (m,)."""
    weight = 1 / (columns.inclusion[columns.at] * columns.selection)
    strata, told = columns.strata[columns.at], columns.prediction[columns.at]
    centres, leverage = np.zeros(len(columns.inclusion)), np.zeros(len(columns.at))
    means = np.full(len(columns.inclusion), float(weight @ columns.score) / float(weight.sum()))
    for stratum in np.unique(strata):
        inside, rows = strata == stratum, columns.strata == stratum
        share = weight[inside] / weight[inside].sum()
        means[rows] = share @ columns.score[inside]
        centres[rows] = share @ told[inside]
        leverage[inside] = share
    away = told - centres[columns.at]
    spread = float(weight @ away**2)
    if not columns.predicted or len(columns.at) < FEWEST_SLOPE or spread <= 0:
        return means, leverage
    slope = float(weight @ (away * (columns.score - means[columns.at]))) / spread
    return means + slope * (columns.prediction - centres), leverage + weight * away**2 / spread


def _unseen(columns: _Columns, error: Floats, weight: Floats) -> float:
    """What strata add to the sum of squares that show less than one error of the size that others show.

    Thirty right answers in a row are no proof that a stratum knows no wrong ones.
    """
    largest, added = float(np.ptp(error)) ** 2, 0.0
    strata = columns.strata[columns.at]
    for stratum in np.unique(strata):
        inside = strata == stratum
        added += max(largest - float(error[inside] @ error[inside]), 0.0) * float(weight[inside].mean())
    return added


def _student(terms: Floats, level: float) -> float:
    """Quantile of Student's t, at the degrees of freedom that a variance summed from such terms has.

    Satterthwaite (1946), with the terms' own spread: few large ones leave few degrees.
    """
    count, total = len(terms), float(terms.sum())
    relative = (float(terms @ terms) / total**2 if total > 0 else 0.0) - 1 / count
    freedom = min(2 / relative, count - 1.0) if relative > 0 else count - 1.0
    return float(stdtrit(max(freedom, 2.0), 1 - level / 2))


def _alike(score: Floats, level: float) -> tuple[float, float]:
    """Half widths where all m scores are one: how rare another must be, at one look and at all looks.

    The first is the rule of three, two-sided; the second inverts a uniform mixture of likelihoods.
    """
    count, span = len(score), 2.0 if float(score.min()) < 0 else 1.0
    return span * math.log(2 / level) / count, span * (math.log(1 / level) + math.log(count + 1)) / count
