"""What we measured: ticks (all traffic, counted), samples (a known fraction, kept), readings.

Sums on the wire are integers in fixed point, little-endian int32, so that adding them is exact and
commutes: k workers equal one worker to the last bit (docs/decisions/0002).
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from schemas.coverage import Coverage
from schemas.exchanges import Exchange
from schemas.intervals import Interval as Interval
from schemas.outcomes import Outcomes, Served
from schemas.quality import Quality, Validity, Watched

Aspect = Literal["prompts", "responses"]
MapPoint = tuple[float, float, int]  # x, y of a unit on the reference's plane, and its cluster; -1: none
LEARNING = "learning"  # reason of a sample: no baseline yet, so every candidate is kept


class Sample(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One unit that was kept whole, redacted.  Topic `samples.v1`; also inside the tick that counted it.

    `wording` is the unit vector as int16 in units of 2**-15; `shape` the 11 raw text-shape numbers as
    float32.  `ordinal` numbers the candidates (not all become units) of one application in its partition.
    """

    id: str  # of the interaction
    application: str
    time: float  # event time, epoch seconds
    ordinal: int
    text: str  # redacted and cut
    wording: bytes
    shape: bytes
    reason: str  # learning | uniform | novel
    inclusion: float  # probability with which this unit was kept
    partition: int = 0
    offset: int = 0
    gap: float | None = None  # seconds since this key's last event; None: first, or keyless
    key: int | None = None  # 64-bit hash of the key, None when keyless
    language: str | None = None
    code: bool = False
    programming: str | None = None  # language of the program that it holds or asks for
    unknown: float = 0.0  # share of its tokens that the vocabulary does not hold
    segments: list[str] = []  # `model=m2`: names or hashes, never text
    labels: list[str] = []  # of a response: refusal, format, length
    aspect: Aspect = "prompts"  # whose text this is
    cluster: int | None = None  # of the eval set
    novelty: float | None = None  # conformal p-value against the baseline
    meaning: bytes = b""  # as wording, of the transformer; empty where that eye is off
    user_hash: str | None = None
    deployment_id: str | None = None
    variant: str | None = None
    model: str | None = None
    system_prompt: str | None = None  # the first 12 digits of its hash
    exchange: Exchange | None = None  # of some prompts, on `samples.v1` only


class TickSum(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Additive sums over the units of one (bucket, chunk, deployment, variant) of one partition.

    `reference` is the baseline that `shape`, `novelty` are relative to.  An eye that is muted, or not there,
    has no sums.  Beside a new eval set the one before is measured for a while (`core/succession`).
    """

    bucket: int  # floor(event time / tick seconds)
    chunk: int  # ordinal // chunk units: keeps a tick small when many units share a bucket
    reference: str
    units: int
    first_offset: int
    last_offset: int
    wording: bytes = b""  # int32[384]
    shape: bytes = b""  # int32[11], normal scores in 2**-12
    meaning: bytes = b""  # int32[d]
    novelty: dict[str, list[int]] = {}  # eye or "watch: NAME" -> counts of conformal p-values per log bin
    coverage: dict[str, Coverage] = {}  # eval set -> counts against it
    unknown: int = 0  # sum of the units' shares of unknown tokens, in 2**-12
    keyless: int = 0  # units without user and conversation
    shed: int = 0  # units passed over before these, by a worker that could not keep up
    deployment_id: str | None = None
    variant: str | None = None


class Totals(Struct, frozen=True, kw_only=True):
    """What one partition has seen of one aspect of an application since its beginning.  Monotone.

    Of responses only those are events that there are; ids seen before and other sources count as prompts.
    """

    events: int = 0  # unique production interactions
    units: int = 0
    duplicates: int = 0  # ids seen before
    late: int = 0  # older than the watermark allows, or days ahead of it: counted here, in no tick
    collapsed: int = 0  # same key or same text within the horizon
    unreadable: int = 0  # text that no eye can read
    undescribed: int = 0  # kept units of which a descriptor, or the redaction, failed
    keyless: int = 0  # counted events without user or conversation
    unanswered: int = 0  # counted events without a response, or with an error
    excluded: int = 0  # not production
    lost: int = 0  # units of ticks that never arrived
    shed: int = 0  # units passed over by a worker that could not keep up


class Tick(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cumulative content of one block of one partition.  Topic `ticks.v1`.

    A block is the range [block_start, ...) of offsets up to its border; `up_to` is the last offset
    folded in.  A reader keeps the newest version of each block and *replaces, never adds*.  Prompts and
    responses of one block travel apart.
    `application` = "*" carries only progress: watermark and idleness of the partition.
    """

    application: str
    partition: int
    partitions: int
    block_start: int
    up_to: int
    watermark: float | None = None  # epoch seconds; no unit older than this is still to come
    idle: bool = False  # everything written so far was read, and nothing came for a while
    aspect: Aspect = "prompts"  # what was folded in: prompts, or the responses to them
    sums: list[TickSum] = []
    samples: list[Sample] = []
    event_times: list[float] = []  # while learning: counted events that gave no sample
    units_before: int = 0  # units that this partition had counted before this block
    units: int = 0  # units in this block so far, counted
    served: list[Served] = []  # of prompts: every counted interaction
    totals: Totals = Totals()


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
    clusters: list[ClusterMove] = []
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
