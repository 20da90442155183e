"""What a reading says of one metric: completion, error, correction, escalation, feedback, any other.

Of a boolean metric a value is the share of true, of a numeric one the mean, of a categorical one there are
only shares of labels.  Intervals are confidence sequences: they hold at every look, however often.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.intervals import Interval

MetricKind = Literal["numeric", "boolean", "categorical"]


class Served(Struct, frozen=True, array_like=True):
    """One interaction as outcomes are joined to it: hashes and who served it, no text.  Part of a tick."""

    id: int  # 64-bit hash, as the others
    at: float  # event time, epoch seconds; of a late one the watermark that it came behind
    deployment_id: str | None = None
    variant: str | None = None
    user: int | None = None
    conversation: int | None = None
    failed: bool = False  # it came back with an error
    corrects: int | None = None  # the same user's last interaction, which this one nearly repeats soon after


class VersionOutcomes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One metric of one version, since it was first seen.  Both names None: traffic that names no version."""

    deployment_id: str | None
    variant: str | None = None
    count: int = 0  # outcomes
    value: Interval | None = None  # None: too few outcomes or users, or labels
    labels: dict[str, float] = {}  # label -> share, the 20 most frequent
    first_at: datetime | None = None
    last_at: datetime | None = None


class VersionComparison(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Two versions compared, new minus old, since the moment from which both could serve.

    `concurrent` is False where the old version hardly served beside the new one: then it is compared with
    its own past, and time may be the reason of a difference.
    """

    old: str  # deployment, or deployment/variant
    new: str
    since: datetime
    concurrent: bool
    old_count: int
    new_count: int
    verdict: str  # one sentence: what can be concluded, and what cannot
    difference: Interval | None = None  # None: too few outcomes or users
    label: str | None = None  # of a categorical metric, the one whose share differs most surely
    p_value: float | None = None  # valid at every look
    decided: bool = False  # zero is excluded
    better: bool | None = None  # the new one; None: undecided, or nobody said which way is better
    explained: float = 0.0  # share of the variance that habits from before took away (CUPED)
    needed: int | None = None  # outcomes an arm until `detectable` is probably decided
    detectable: float | None = None  # difference that the guidance aims at


class SampleRatio(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Whether users fell into two versions as they should."""

    old: str
    new: str
    users: list[int]  # of old, of new: users seen since
    both: int = 0  # users that both served: counted where they came first
    expected: list[float] = []  # shares as the deployment told; empty: nobody told
    p_value: float | None = None  # valid at every look
    mismatch: bool = False


class OutcomeCounts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the outcomes of one metric, or of an application.  Monotone, but for `waiting`."""

    received: int = 0  # distinct
    joined: int = 0  # counted for a version
    duplicates: int = 0  # the same again
    corrected: int = 0  # another value for the same interaction: the last one counts
    waiting: int = 0  # its interaction has not been seen yet
    unmatched: int = 0  # its interaction was not seen in time, or was forgotten, or it names none
    late: int = 0  # came after its moment had been read: counted in the next reading
    invalid: int = 0  # neither a finite number nor a label
    retyped: int = 0  # of another type than the metric: not counted


class OutcomeShift(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a metric over time, over all versions, located by ADWIN."""

    at: datetime
    before: float
    now: float
    deployment: str | None = None  # the version that appeared last before it


class Outcomes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is known of one metric at one moment."""

    metric: str
    kind: MetricKind
    higher_is_better: bool | None = None
    inferred: bool = False  # from the interactions themselves, not told
    versions: list[VersionOutcomes] = []  # at most 16, the newest last
    comparisons: list[VersionComparison] = []
    ratios: list[SampleRatio] = []
    shift: OutcomeShift | None = None
    counts: OutcomeCounts = OutcomeCounts()
    verdict: str | None = None  # of an alarm: what became worse, and by how much
    advice: str | None = None  # what to do where nothing can be decided soon
