"""A file of events through the core, without a broker: what it said, and the files that tell it."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from threadpoolctl import threadpool_limits

from app.adapters.describe import describe
from app.adapters.pipeline import Pipeline
from app.adapters.report import write_report
from app.adapters.tuning import measure_settings, monitor_settings
from app.adapters.watches import load_bank
from app.core.baseline import Baseline
from app.core.claims import claim
from app.core.reference import Reference
from app.core.sampling import References
from app.errors import InputError
from app.ports import Encoder
from app.settings import DetectionSettings
from schemas.codec import Event, encode
from schemas.decisions import Alert
from schemas.events import Deployment
from schemas.readings import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Everything that a replay said, in order."""

    readings: list[Reading] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    baselines: list[Baseline] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)  # that nobody told of

    @property
    def severities(self) -> set[str]:
        """Of all alerts."""
        return {alert.severity for alert in self.alerts}


def run(
    events: Sequence[Event],
    *,
    encoder: Encoder,
    evalset: Reference | None,
    detection: DetectionSettings,
    partitions: int,
    advance: Callable[[float], None] = lambda _: None,
) -> Replay:
    """Feed the events in order; the same readings and alert ids as the agents would give.

    Cost: about 1 ms an event and some seconds a baseline.  `advance` is told how many events are done.
    """
    pipeline = Pipeline(
        encoder=encoder,
        describe=describe,
        references={} if evalset is None else {"*": References(evalset=evalset)},
        measure=measure_settings(detection),
        monitor=monitor_settings(detection, load_bank(encoder, detection)),
        partitions=partitions,
    )
    said = Replay()
    with threadpool_limits(1):  # as in the worker: threads of BLAS add in another order
        for output in pipeline.run(_counted(events, advance)):
            said.readings.extend(output.readings)
            said.alerts.extend(output.alerts)
            said.baselines.extend(output.baselines)
            said.deployments.extend(output.deployments)
    return said


def _counted(events: Sequence[Event], advance: Callable[[float], None]) -> Iterator[Event]:
    for number, event in enumerate(events, 1):
        yield event
        if number % 64 == 0:
            advance(64)


def write(directory: Path, *, said: Replay, summary: dict[str, Any]) -> None:
    """readings.jsonl, alerts.jsonl, report.html and, last, summary.json.

    Raises: InputError where the folder cannot be written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _lines(directory / "readings.jsonl", map(encode, said.readings))
        _lines(directory / "alerts.jsonl", (msgspec.json.encode(whole(alert)) for alert in said.alerts))
        write_report(directory / "report.html", summary=summary, readings=said.readings, alerts=said.alerts)
        text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        _lines(directory / "summary.json", text.encode().splitlines())
    except OSError as error:
        raise InputError(
            f"--out: cannot write to {directory} ({error.strerror}); choose another folder"
        ) from error


def _lines(path: Path, lines: Iterable[bytes]) -> None:
    """The whole file or none of it."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as stream:
        stream.writelines(line + b"\n" for line in lines)
    os.replace(partial, path)


def whole(value: Any) -> Any:  # noqa: ANN401  any field
    """A struct as plain values with every field present, also those that the wire leaves out."""
    if isinstance(value, msgspec.Struct):
        return {name: whole(each) for name, each in msgspec.structs.asdict(value).items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return value


def baseline_facts(baseline: Baseline) -> dict[str, Any]:
    """What a person wants to know of a learned baseline."""
    reference = baseline.reference
    return {
        "id": reference.id,
        "units": reference.units,
        "window": [_time(t) for t in reference.window or ()],
        "run_length": baseline.run_length,
        "threshold": round(baseline.threshold, 4),
        "horizon_seconds": baseline.horizon_seconds,
        "inflation": baseline.dependence.inflation,
        "block_units": baseline.dependence.block_units,
        "cycles_seen": baseline.dependence.cycles_seen,
        "cycles_found": baseline.dependence.cycles_found,
        "claim": whole(
            claim(
                baseline.run_length,
                calibration=baseline.calibration,
                reasons=baseline.doubts,
                cycles_seen=baseline.dependence.cycles_seen,
            )
        ),
        "units_per_second": round(baseline.units_per_second, 6),
        "tick_seconds": round(reference.tick_seconds, 6),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(round(seconds, 3), UTC).isoformat()
