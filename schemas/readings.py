"""Readings: every measurement, with its uncertainty and what it found."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.intervals import Interval as Interval
from schemas.outcomes import Outcomes
from schemas.quality import Quality, Validity, Watched
from schemas.ticks import Sample as Sample
from schemas.ticks import Tick as Tick
from schemas.ticks import Totals

MapPoint = tuple[float, float, int]  # x, y of a unit on the reference's plane, and its cluster; -1: none


class Uncovered(Struct, frozen=True, kw_only=True):
    """Share of units that the reference does not cover, with its Wilson interval."""

    share: float
    low: float
    high: float


class ClusterMove(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cluster whose share moved."""

    name: str
    share_before: float
    share_now: float
    examples: list[str] = []
    nearest: list[str] = []  # nearest reference exemplars, for contrast
    low: float | None = None  # simultaneous interval of the change in share: 99 %, of a gap 95 %
    high: float | None = None
    new: bool = False
    id: str = ""  # of the topic: the same when it comes back; empty where nothing tells topics apart
    contribution: float | None = None  # share of the squared distance, as the channel that fired sees it


class Place(Struct, frozen=True, kw_only=True):
    """Where a cluster lies: wording (int16) times `direction` is at least `border` for its units."""

    direction: bytes  # int8[384]
    border: int


class Scarce(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Share of traffic where the eval set has less than a fifth of it: of clusters that need be no outliers.

    The interval is at 95 %; what chance makes scarce is taken off.  `clusters` are those that chance does not
    explain, before: share of the eval set, now: share of traffic.
    """

    share: float
    low: float
    high: float
    samples: int  # that it rests on
    clusters: list[ClusterMove] = []
    places: list[Place] = []  # of the clusters


class WatchRate(Struct, frozen=True, kw_only=True):
    """A named watch: share of units over its reference 99 % score, before and now."""

    name: str
    rate_before: float
    rate_now: float


class DescriptorMove(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A descriptor (language, code) whose share moved; of a gap, from the eval set to live traffic."""

    name: str
    share_before: float
    share_now: float
    low: float | None = None  # simultaneous 95 % interval of the change in share
    high: float | None = None


class UnknownTokens(Struct, frozen=True, kw_only=True):
    """Share of tokens that the vocabulary does not hold, mean over units: 0 in Latin script, 0.6 in Chinese.

    Where it is high the eyes see that a text is there, and less of what it says.
    """

    share_before: float
    share_now: float


class SegmentMove(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A segment (`model=m2`) in which a cluster moved more than elsewhere, or that itself grew or shrank.

    With `cluster`: shares of the segment's units, and of all others, that are in the cluster; the interval is
    that of how much more the share changed inside.  Without: shares of the traffic that are in the segment.
    """

    name: str  # several, where they are the same units
    share_now: float
    low: float  # simultaneous 95 % interval
    high: float
    share_before: float | None = None  # None: the segment is new
    cluster: str | None = None
    elsewhere_before: float | None = None
    elsewhere_now: float | None = None


class OffsetRange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Offsets of one partition whose units of one stretch of event time a reading counts.

    Borders are those of ticks, exact to 2**-20 s, which no RFC 3339 time of milliseconds is.
    """

    partition: int
    first: int
    last: int
    start: float | None = None  # epoch seconds; None in readings from before there were any
    end: float | None = None  # the first moment that is not counted


PARTIAL = "partial window"  # the note of a reading that did not wait for its window


class Autocorrelation(Struct, frozen=True, kw_only=True):
    """How consecutive units of a baseline depend on each other, as one eye sees it.

    Mean autocorrelation over the lags from each of `lags` to the next, beside the `band` (3 sigma) that
    independent units stay within.
    """

    view: str  # eye and reading, such as "wording p1"
    lags: list[int]
    values: list[float]
    band: list[float]


class Dependence(Struct, frozen=True, kw_only=True):
    """What the units of a baseline say of one another, after collapsing."""

    horizon_seconds: float
    inflation: float  # of a mean's variance, by pairs of one key, as the worst eye sees it; 1 = none
    keyless: float  # share of units without user and conversation
    returning: float  # share of units whose key had given one before
    largest_key: float  # share of units of the most frequent key
    block_units: int  # blocks in which the calibration drew; 1 = one by one
    autocorrelation: list[Autocorrelation]
    cycles_seen: list[str] = []  # day, week: those that the baseline spans at least twice
    cycles_found: bool = False  # whether any of them moves the traffic; then it is subtracted


class Claim(Struct, frozen=True, kw_only=True):
    """What is promised of false alarms, and in which words; no number where it cannot be kept."""

    words: str
    run_length: float | None = None  # units to a false alarm
    low: float | None = None  # 95 % interval of what the simulation behind it knows
    high: float | None = None


class Budget(Struct, frozen=True, kw_only=True):
    """Promised and realised alarms of one monitor since its baseline, outside alarms, in event time."""

    pages_per_30_days: float  # this monitor's part of the application's budget
    units_per_second: float  # rate that the run length in force rests on
    days: float
    promised: float | None  # false alarms allowed over these days; None: no claim is made
    alarms: int  # begun, true ones included
    low: float  # 95 % Poisson interval of the number of alarms to expect
    high: float


class HabitChange(Struct, frozen=True, kw_only=True):
    """One habit of asking: its mean before, and how exposed and unexposed users changed it.

    `low`, `high` enclose the difference of the two changes, simultaneously over all habits.
    """

    name: str
    before: float
    exposed: float
    control: float
    low: float
    high: float


class Adaptation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One look at what a deployment did to how users ask.

    Sizes are squared distances in joint coordinates; `adaptation`, `outside`, `audience` are shares of the
    change that sum to 1, None while they cannot be told.  The p-value holds over all looks together.
    """

    deployment: str
    deployed_at: datetime
    look: int
    verdict: str
    exposed: int = 0
    control: int = 0
    newcomers: int = 0
    departed: int = 0
    mixed: int = 0  # users served by both versions: in neither arm
    total: Interval | None = None
    size: Interval | None = None
    p_value: float | None = None
    placebo_p: float | None = None  # of the same test before the deployment
    significant: bool = False
    adaptation: Interval | None = None
    outside: Interval | None = None
    audience: Interval | None = None
    learning: Interval | None = None  # added per doubling of exposures, as a share of the size
    habits: list[HabitChange] = []
    closed: bool = False  # followed up no more: the calendar is over, or the deployment was taken back


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measurement with its uncertainty.  Topic `readings.v1`, keyed by application.

    `monitor` is `change` (prompts against their baseline), `responses` (likewise), `gap` (prompts against
    the eval set), `adaptation`, `outcomes:METRIC`, `quality:METRIC`, `validity:METRIC`, `judge:FINGERPRINT`
    or `silent-change:MODEL`.  `state` is learning, ok, pending (the score has crossed, what moved is being
    named), alarm or unknown.  The id derives from the data alone.
    """

    id: str
    application: str
    monitor: str
    state: str
    time: datetime  # event time of the window's end
    window_start: datetime | None = None
    units: int = 0  # in the window
    shed: int = 0  # units of its time that were passed over: units / (units + shed) was looked at
    value: float | None = None  # drift score (change) or squared shift (gap)
    threshold: float | None = None
    channel: str | None = None  # what fired or leads: wording, mix, format, unseen, watch: NAME
    component: str | None = None  # eye, statistic and scale
    run_length: float | None = None  # units to a false alarm that the threshold was set for
    claim: Claim | None = None
    budget: Budget | None = None
    dependence: Dependence | None = None  # once, when the baseline is there
    reference: str | None = None
    evalset: str | None = None
    effect: Interval | None = None  # unbiased squared shift of the mean wording vector
    uncovered: Uncovered | None = None
    scarce: Scarce | None = None  # of a gap
    clusters: list[ClusterMove] = []
    places: list[Place] = []  # in an episode: of the clusters that grew
    elsewhere: float | None = None  # share of the distance due to none of the clusters
    watch: list[WatchRate] = []
    descriptors: list[DescriptorMove] = []
    segments: list[SegmentMove] = []  # where it happens
    unknown: UnknownTokens | None = None
    onset_at: datetime | None = None
    onset_low: datetime | None = None  # 90 % interval of the onset; None: before anything remembered
    onset_high: datetime | None = None
    detected_at: datetime | None = None  # when the score crossed
    deployment: str | None = None
    offsets: list[OffsetRange] = []
    totals: Totals = Totals()
    progress: float | None = None  # share of the baseline learned
    beside: dict[str, str] = {}  # what the other drift monitor said at this time: monitor -> state
    note: str | None = None
    segment: str | None = None  # part of the application, as `language=de`; None: all of it
    severity: Literal["warning", "critical"] | None = None  # where the monitor itself knows
    adaptation: Adaptation | None = None  # the last look at `deployment`
    map: list[MapPoint] = []  # in an episode: where some of its units lie
    outcomes: Outcomes | None = None  # of the metric that the monitor is named after
    quality: Quality | None = None  # likewise
    validity: Validity | None = None  # likewise
    watched: Watched | None = None  # the judge or the model that the monitor is named after
