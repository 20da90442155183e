"""The catalogue: the only place where a topic name, its key and its policy are written."""

from dataclasses import dataclass

from msgspec import Struct

from schemas.decisions import Acknowledgement, Alert, Delivery
from schemas.evalsets import EvalSetVersions
from schemas.events import Deployment, Evaluation, Interaction, Outcome
from schemas.readings import Reading
from schemas.ticks import Sample, Tick

DAY_MS = 86_400_000
COMPACTED_BYTES = 64 * 2**20  # of a segment: the newest is never compacted, and every start reads it whole
CONNECT = "__connect.errors."  # headers of dead letters: why, as Kafka Connect writes it
TOLD = (CONNECT, "promptdrift.errors.")  # and all that are ours
CUT = "promptdrift.errors.cut"  # bytes that the value had, where the letter does not hold all of its record
FOREIGN = "promptdrift.errors.foreign."  # before names of ours that the record brought with it


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One Kafka topic.  `name` is without the prefix; `schema` is None where the value is opaque bytes."""

    name: str
    key: str
    carries: str
    partitions: int
    cleanup: str = "delete"
    retention_ms: int | None = 7 * DAY_MS
    segment_bytes: int | None = None  # None: as the broker has it, 1 GiB by default
    schema: type[Struct] | None = None
    append_time: bool = False  # records carry the broker's time, whatever the producer's clock says


INTERACTIONS = Topic(
    name="interactions.v1",
    key="user_hash, else conversation_id, else id",
    carries="canonical interaction: one JSON object, or an array of up to 64",
    partitions=6,
    schema=Interaction,
    append_time=True,  # it bounds what event times may claim
)
DEPLOYMENTS = Topic(
    name="deployments.v1",
    key="application",
    carries="deployments started, succeeded, failed, rolled back",
    partitions=1,
    retention_ms=180 * DAY_MS,  # uncompacted: by its key only an application's latest would stay
    schema=Deployment,
)
OUTCOMES = Topic(
    name="outcomes.v1",
    key="application",
    carries="completion, error, correction, escalation, feedback, any metric",
    partitions=3,  # as ticks, which they meet
    schema=Outcome,
)
EVALUATIONS = Topic(
    name="evaluations.v1",
    key="application",
    carries="eval-set runs and human labels, per item",
    partitions=3,
    schema=Evaluation,
)
TICKS = Topic(
    name="ticks.v1",
    key="application",
    carries="cumulative sums of a block, stamped (partition, block start, up to offset)",
    partitions=3,
    schema=Tick,
)
SAMPLES = Topic(
    name="samples.v1",
    key="application",
    carries="redacted text, vector, inclusion probability",
    partitions=3,
    schema=Sample,
)
READINGS = Topic(
    name="readings.v1",
    key="application",
    carries="every measurement, with its uncertainty",
    partitions=3,
    retention_ms=30 * DAY_MS,
    schema=Reading,
)
ALERTS = Topic(
    name="alerts.v1",
    key="incident",
    carries="each transition of an incident",
    partitions=3,
    retention_ms=30 * DAY_MS,
    schema=Alert,
)
ALERTS_STATE = Topic(
    name="alerts.state.v1",
    key="incident",
    carries="the latest transition of each incident",
    partitions=3,
    cleanup="compact",
    retention_ms=None,
    segment_bytes=COMPACTED_BYTES,
    schema=Alert,
)
ACKNOWLEDGEMENTS = Topic(
    name="acknowledgements.v1",
    key="application",
    carries="what people answer to an incident: acknowledged, closed by hand",
    partitions=3,  # as readings, which they meet
    retention_ms=30 * DAY_MS,
    schema=Acknowledgement,
)
DELIVERIES = Topic(
    name="deliveries.v1",
    key="incident",
    carries="each attempt to tell a sink, and how it went",
    partitions=3,
    retention_ms=30 * DAY_MS,
    schema=Delivery,
)
REFERENCES = Topic(
    name="references.v1",
    key="application/kind/part",
    carries="reference artefacts (eval set, baseline) in parts, the manifest last",
    partitions=1,
    cleanup="compact",
    retention_ms=None,
    segment_bytes=COMPACTED_BYTES,
)
EVALSETS = Topic(
    name="evalsets.v1",
    key="application",
    carries="versions of the eval set: state, manifest in short, history, where the files lie",
    partitions=1,
    cleanup="compact",
    retention_ms=None,
    segment_bytes=COMPACTED_BYTES,
    schema=EvalSetVersions,
)
STATE = Topic(
    name="state.v1",
    key="agent/partition",
    carries="agent snapshots with their last offset, on the partition of their input",
    partitions=6,
    cleanup="compact",
    retention_ms=None,
    segment_bytes=COMPACTED_BYTES,
)
DEAD_LETTERS = Topic(
    name="dead-letters.v1",
    key="original key",
    carries="original bytes and headers, with the reason in __connect.errors.* headers",
    partitions=3,
    retention_ms=14 * DAY_MS,
)

CATALOGUE = (
    INTERACTIONS,
    DEPLOYMENTS,
    OUTCOMES,
    EVALUATIONS,
    TICKS,
    SAMPLES,
    READINGS,
    ALERTS,
    ALERTS_STATE,
    ACKNOWLEDGEMENTS,
    DELIVERIES,
    REFERENCES,
    EVALSETS,
    STATE,
    DEAD_LETTERS,
)

WIDE = (INTERACTIONS, STATE)  # as many partitions as the settings say


def partitions_of(topic: Topic, wide: int) -> int:
    """Partitions of a topic where `wide` is the setting."""
    return wide if topic in WIDE else topic.partitions


def place(event: Interaction | Deployment | Outcome | Evaluation) -> tuple[Topic, str]:
    """The topic of an event and its key there."""
    match event:
        case Interaction():
            return INTERACTIONS, event.key
        case Deployment():
            return DEPLOYMENTS, event.application
        case Outcome():
            return OUTCOMES, event.application
        case Evaluation():
            return EVALUATIONS, event.application
