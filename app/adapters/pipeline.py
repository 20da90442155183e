"""The whole road without a broker: a list of events through the same core that the agents call.

`replay` and the tests use it; the agents put topics between the same steps.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from app.adapters.partitioning import partition_of
from app.core.baseline import Baseline
from app.core.incidents import Incidents
from app.core.measurement import Measurer, MeasureSettings
from app.core.monitor_settings import MonitorSettings
from app.core.monitors import Monitors
from app.core.outcome_monitors import OutcomeMonitors
from app.core.quality_monitors import QualityMonitors
from app.core.sampling import Candidate, Described, References, known_of
from app.ports import Encoder
from schemas.codec import Event
from schemas.decisions import Alert
from schemas.events import Deployment, Evaluation, Interaction, Outcome
from schemas.readings import Reading
from schemas.ticks import Tick

BATCH = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What one step said."""

    readings: list[Reading] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)  # that nobody told of


class Pipeline:
    """Measurers of all partitions, monitors and incidents in one process.

    `references` maps an application, or "*", to what it is measured against.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        describe: Callable[[str], Described],
        references: dict[str, References],
        measure: MeasureSettings,
        monitor: MonitorSettings,
        partitions: int,
    ) -> None:
        self._encoder, self._describe, self._references = encoder, describe, references
        self._partitions = partitions
        self._measurers = [
            Measurer(partition=p, partitions=partitions, settings=measure) for p in range(partitions)
        ]
        self._monitors = Monitors(references=references, fingerprint=encoder.fingerprint, settings=monitor)
        self._outcomes = OutcomeMonitors(monitor)
        self._quality = QualityMonitors(monitor)
        self._incidents = Incidents(monitor.rules)
        self._next_offset = [0] * partitions

    def run(self, events: Iterable[Event]) -> Iterator[Output]:
        """Feed events in order, batch by batch; the last output follows the end of the input."""
        source = iter(events)
        while batch := list(islice(source, BATCH)):
            yield self._step(batch)
        for measurer in self._measurers:
            self._receive([measurer.progress(idle=True)])
        yield self._conclude(final=True)

    def _step(self, batch: Sequence[Event]) -> Output:
        owned: list[tuple[Measurer, list[Candidate]]] = [(m, []) for m in self._measurers]
        for event in batch:
            if isinstance(event, Deployment):
                self._monitors.deployed(event)
                self._outcomes.deployed(event)
                self._quality.deployed(event)
            elif isinstance(event, Outcome):
                self._outcomes.observe(event)
            elif isinstance(event, Evaluation):
                self._quality.observe(event)
            elif isinstance(event, Interaction):
                partition = partition_of(event.key, self._partitions)
                measurer, candidates = owned[partition]
                offset = self._next_offset[partition]
                self._next_offset[partition] += 1
                candidates += measurer.admit(offset, [event], self._references)
        encoded = self._encoder.encode([c.text for _, owned_by in owned for c in owned_by])
        first = 0
        for measurer, candidates in owned:
            rows = slice(first, first + len(candidates))
            first += len(candidates)
            measurer.fold(candidates, encoded.select(rows), self._describe)
            self._receive(measurer.flush())
            self._receive([measurer.progress(idle=False)])
        return self._conclude(final=False)

    def _receive(self, ticks: Iterable[Tick]) -> None:
        for tick in ticks:
            self._monitors.receive(tick)
            self._outcomes.receive(tick)

    def _conclude(self, *, final: bool) -> Output:
        stages = self._monitors, self._outcomes, self._quality
        readings = [reading for stage in stages for reading in stage.advance(final=final)]
        learned = self._monitors.take_learned()
        for baseline in learned:
            app = baseline.reference.application
            self._references[app] = known_of(self._references, app).learned(baseline)
        alerts = [alert for reading in readings for alert in self._incidents.decide(reading)]
        return Output(
            readings=readings,
            alerts=alerts,
            baselines=learned,
            deployments=self._monitors.take_observed(),
        )
