"""What a reading says of the scores of answers: by version, by stratum, compared, and how they were counted.

Scores lie in [0, 1], 1 as it should be.  `score` is right for one look at a time fixed before, `always` at
every look, however often.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.events import Dimension as Dimension
from schemas.intervals import Interval

Cause = Literal["mix", "scores", "both"]


class StratumScore(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cluster of the eval set, or what it does not cover: its share of traffic, and its score."""

    name: str
    share: float
    scored: int
    score: Interval | None = None  # None below 20 scores
    error: float | None = None  # its standard error


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
    serving: bool = True  # the new one: answered within the last six hours of what was heard; else no alarm


class CandidateComparison(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A candidate on the same live prompts as the version that serves, candidate minus primary."""

    candidate: str
    primary: str  # version
    pairs: int
    verdict: str
    candidate_score: float | None = None
    primary_score: float | None = None
    difference: Interval | None = None  # at every look; None below 100 pairs
    p_value: float | None = None
    decided: bool = False
    better: bool | None = None


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
    candidates: int = 0  # answers of candidates, scored or not
    items: int = 0  # scores in runs of the eval set
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
    candidates: list[CandidateComparison] = []
    shift: QualityShift | None = None
    counts: QualityCounts = QualityCounts()
    verdict: str | None = None  # of an alarm: what became worse, and by how much
    unreliable: str | None = None  # why nothing is concluded from these scores


class EvaluatedRelease(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One release on the eval set and on live traffic."""

    name: str
    items: int
    on_set: Interval  # 95 %, over items
    on_live: Interval | None = None  # reweighted to the shares of live traffic that items cover
    low: float | None = None  # of all traffic, if what is not covered scored 0 ...
    high: float | None = None  # ... and if it scored 1
    unknown: float | None = None  # share of traffic that no scored item covers
    live: Interval | None = None  # what live answers scored


class BrokenStratum(Struct, frozen=True, kw_only=True):
    """A cluster whose eval score stays or rises while live quality falls."""

    name: str
    live: Interval  # change, with the interval that decided
    evaluated: Interval  # change over the items that were asked both times, 95 %
    share: float  # of live traffic
    since: str  # release


class Validity(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the eval score of a metric still says what live quality is."""

    metric: str
    evalset: str | None = None
    releases: list[EvaluatedRelease] = []  # the newest last
    broken: list[BrokenStratum] = []  # the most costly first
    missing: list[str] = []  # clusters with traffic and without items, largest first
    decided: int = 0  # pairs of releases whose live quality differs beyond chance
    agreeing: int = 0  # of them, those that the eval score puts in the same order
    verdict: str | None = None


class Watched(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judge on gold items, or a model on probes: does it still answer as it did?"""

    name: str  # fingerprint of the judge, or name of the model
    metric: str | None = None  # of probes
    learned: float = 0.0  # share of what makes the promise
    answers: int = 0
    promised: Interval | None = None  # mean agreement while it learned
    now: float | None = None  # mean agreement of the last answers
    moved_at: datetime | None = None
    deployment: str | None = None  # that explains it
    verdict: str | None = None
