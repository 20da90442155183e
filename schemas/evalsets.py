"""The eval set: items as their owner keeps them, and the versions that are built from live traffic."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.readings import Uncovered

Layer = Literal["core", "tail"]
Action = Literal["built", "approved", "promoted", "published", "withdrawn"]
Share = Annotated[float, Meta(ge=0, le=1)]
Items = Annotated[int, Meta(ge=0, le=100_000)]


class EvalItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question the product is evaluated on."""

    id: str
    prompt: str
    expected: str | None = None
    category: str | None = None
    stakes: str | None = None
    score: float | None = None


class CuratedItem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One item of a version, with what it stands for and where it comes from.

    The core stands for live traffic: its weights sum to 1, and the weighted mean of its scores estimates the
    score on all traffic.  The tail is enriched and has no weights: never mix the two in one mean.
    """

    id: str
    prompt: str  # redacted
    layer: Layer
    cluster: str
    language: str | None = None
    task: str = ""
    weight: float | None = None  # share of live traffic that it stands for
    reasons: list[str] = []  # `stakes: NAME`, `failure: NAME`, `novel: CLUSTER`
    anchor: bool = False  # it was in the version before
    cut: bool = False  # the sample held no more of the prompt
    interaction_id: str | None = None  # lineage; None: written by hand
    expected: str | None = None
    verified: bool = False  # a person says that the expected answer is right
    category: str | None = None
    stakes: str | None = None


class Stake(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A high-stakes stratum by rule: a regular expression on the text, or a segment such as `tag=billing`."""

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    items: Items  # at the least, or the version is not ready
    match: str | None = None
    segment: str | None = None


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version should hold."""

    size: Annotated[int, Meta(ge=1, le=100_000)] = 400  # of the core
    keep: Share = 0.5  # of the core, by items of the version before
    task: str | None = None  # segment that names the task; None: code or text
    stakes: list[Stake] = []
    failures: Items = 10  # items, at the most, to top up each failure category to
    novel: Items = 5  # likewise of each cluster that the version before hardly had
    low_score: Share = 0.5  # an evaluation below it is a failure
    high_score: Share = 0.9  # a response that scored so is proposed as the expected answer


class Stratum(Struct, frozen=True, kw_only=True):
    """One cell of cluster, language and task: its share of live traffic, and what the core has of it."""

    cluster: str
    language: str | None
    task: str
    share: float
    weight: float
    items: int


class Shortfall(Struct, frozen=True, kw_only=True):
    """A stratum with fewer items than it must have."""

    name: str
    wanted: int
    found: int


class Retired(Struct, frozen=True, kw_only=True):
    """An item that the version before had, or that a reviewer dropped."""

    id: str
    reason: str


class Manifest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a version is.  `id` is the hash of its items: equal inputs and seed give an equal id."""

    id: str
    application: str
    plan: Plan
    seed: int
    items: int
    encoder: str
    previous: str | None = None  # version that it was built on
    draft: str | None = None  # version that a review made this one from
    samples: int = 0
    unusable: float = 0.0  # share of traffic of which redaction left nothing
    since: datetime | None = None  # event times of the samples
    until: datetime | None = None
    uncovered_before: Uncovered | None = None  # by the version before, of the samples
    uncovered_after: Uncovered | None = None
    scarce_before: Share | None = None  # of traffic, in clusters that the version before hardly had
    scarce_after: Share | None = None
    strata: list[Stratum] = []
    underfilled: list[Shortfall] = []
    retired: list[Retired] = []


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the history of an application's eval set; numbers are consecutive from 1."""

    number: int
    time: datetime
    action: Action
    version: str
    by: str = ""
    note: str = ""


class Queue(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a version leaves for a person to do, as counts of its items."""

    items: int
    core: int
    added: int  # that the version it was built on had not
    unverified: int = 0  # expected answers that nobody has confirmed
    unanswered: int = 0  # without an expected answer
    cut: int = 0  # of which the sample held no more
    reasons: dict[str, int] = {}  # `stakes: NAME`, `failure: NAME`, `novel: CLUSTER` -> items


class Told(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A version in short."""

    id: str
    state: str  # draft | approved | promoted | withdrawn
    items: int
    time: datetime  # of its first entry in the history
    reference: str | None = None  # that workers measure against, where it was published
    previous: str | None = None
    samples: int = 0
    since: datetime | None = None
    until: datetime | None = None
    unusable: float = 0.0
    uncovered_before: Uncovered | None = None
    uncovered_after: Uncovered | None = None
    scarce_before: Share | None = None
    scarce_after: Share | None = None
    underfilled: list[Shortfall] = []
    retired: list[Retired] = []  # the first of them
    retired_total: int = 0
    queue: Queue | None = None  # of the version in force and the latest one


class EvalSetVersions(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The eval set of an application as it stands: its versions and what happened.  Topic `evalsets.v1`.

    `number` is that of the newest entry: of two records the one with the higher number is newer.
    """

    application: str
    number: int
    store: str  # where the files lie
    current: str | None = None  # in force
    published: bool = False  # whether workers were told of the one in force
    versions: list[Told] = []  # newest first
    entries: list[Entry] = []  # newest first
