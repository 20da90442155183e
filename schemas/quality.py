"""What a reading says of the scores of answers: by version, by stratum, compared, and how they were counted.

Scores lie in [0, 1], 1 as it should be.  `score` is right for one look at a time fixed before, `always` at
every look, however often.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.intervals import Interval

Dimension = Literal["accuracy", "quality", "behaviour"]
Cause = Literal["mix", "scores", "both"]


class StratumScore(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cluster of the eval set, or what it does not cover: its share of traffic, and its score."""

    name: str
    share: float
    scored: int
    score: Interval | None = None  # None below 20 scores


class VersionQuality(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of one version, weighted to all of its traffic."""

    name: str  # as comparisons say it
    deployment_id: str | None = None
    variant: str | None = None
    model: str | None = None
    scorer: str | None = None  # fingerprint: scores compare only under one
    scored: int = 0
    kept: int = 0  # samples that the scored ones were chosen from
    score: Interval | None = None  # None below 20 scores
    always: Interval | None = None  # None below 100
    effective: float | None = None  # scores that a uniform draw would need for the same width
    labels: int = 0  # scores by people, beside those of the scorer
    corrected: Interval | None = None  # by them (prediction-powered)
    strata: list[StratumScore] = []  # the 20 largest
    first_at: datetime | None = None
    last_at: datetime | None = None


class QualityComparison(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two versions compared, new minus old.  `scores` is what like questions got, `mix` what other ones did.

    They add up to `whole`.  `concurrent` is False where the old version is compared with its own past.
    """

    old: str
    new: str
    since: datetime
    concurrent: bool
    old_scored: int
    new_scored: int
    verdict: str  # one sentence: what can be concluded, and what cannot
    whole: float | None = None
    scores: Interval | None = None  # at every look; None: too few scores, or no question in common
    mix: Interval | None = None
    p_value: float | None = None  # of `scores`, valid at every look
    decided: bool = False  # zero is excluded
    better: bool | None = None
    cause: Cause | None = None  # of a move of the whole; None: neither can be told from chance
    worst: dict[str, float] = {}  # stratum -> its part of `scores`, the three worst


class QualityShift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Like questions got other scores from a moment on, over all versions; located by ADWIN."""

    at: datetime
    change: float
    deployment: str | None = None  # the version that appeared last before it


class QualityCounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the rows of one metric.  Monotone."""

    received: int = 0  # distinct
    scored: int = 0
    kept: int = 0  # not chosen: they say what traffic is
    failed: int = 0  # chosen, and the scorer gave no score
    labels: int = 0  # by people
    duplicates: int = 0  # the same again
    corrected: int = 0  # another score for the same answer: the last one counts
    late: int = 0  # came after its moment had been read: counted in the next reading
    invalid: int = 0  # a score that is none: left out


class Quality(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is known of one metric at one moment."""

    metric: str
    dimension: Dimension | None = None
    scorer: str | None = None  # fingerprint of the one in use; versions of before may have had another
    versions: list[VersionQuality] = []  # the newest last
    comparisons: list[QualityComparison] = []
    shift: QualityShift | None = None
    counts: QualityCounts = QualityCounts()
    verdict: str | None = None  # of an alarm: what became worse, and by how much
