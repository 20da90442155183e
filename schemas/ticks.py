"""Ticks (all traffic of a partition, as sums) and samples (a known fraction of it, kept whole).

Sums on the wire are integers in fixed point, little-endian int32, so that adding them is exact and
commutes: k workers equal one worker to the last bit (docs/decisions/0002).
"""

from typing import Literal

from msgspec import Struct

from schemas.coverage import Coverage
from schemas.exchanges import Exchange
from schemas.outcomes import Served

Aspect = Literal["prompts", "responses"]
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
