"""What an event costs beside the encoder: every stage in CPU time, then whole workers on a broker."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random

import msgspec
from threadpoolctl import threadpool_limits

from app.adapters.describe import describe
from app.adapters.encoders import LiveEncoder, load_encoder
from app.adapters.partitioning import partition_of
from app.adapters.tuning import measure_settings, monitor_settings
from app.adapters.watches import load_bank
from app.core.incidents import Incidents
from app.core.measurement import Measurer
from app.core.monitors import Monitors
from app.core.sampling import Candidate, References
from app.settings import DetectionSettings
from benchmarks import page, workers
from benchmarks.streams import APPLICATION, START, rows
from benchmarks.workers import LATENESS, LEARNED, Worked
from schemas.codec import decode, encode
from schemas.events import Interaction
from schemas.ticks import Tick

PARTITIONS, BATCH, ARRAY = 6, 256, 64
SOURCES = ("intents_hwu64.jsonl.gz", "intents_banking77.jsonl.gz")
STAGES = ("decode", "admit", "encoder", "fold", "ticks out", "ticks in", "detect", "readings out")
OTHERS = tuple(stage for stage in STAGES if stage != "encoder")
BAR_US, BAR_ARRAYS, BAR_GROWTH = 150.0, 10.0, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Microseconds of CPU an event by stage, one event a record; of decoding in arrays; whole workers."""

    stages: dict[str, float]
    readings: int
    array_decode: float
    worked: dict[str, Worked]


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Of `python -m benchmarks pipeline`."""
    command.add_argument("--rate", type=float, default=500.0, help="events a second of event time")


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    rate = float(getattr(chosen, "rate", 500.0))
    counted = 6_000 if chosen.quick else 30_000
    learned = LEARNED + round(2 * LATENESS * rate)  # with what is waited for until the baseline is there
    values = [encode(event) for event in events(learned + counted, rate)]
    with threadpool_limits(1):  # as in a worker
        stages, readings = Road(load_encoder()).run(values)
    found = Findings(
        stages=stages,
        readings=readings,
        array_decode=array_decode(values[learned:]),
        worked=workers.measure(values, learned=learned, array=ARRAY),
    )
    text = section(found, rate)
    sys.stdout.write(text + "\n")
    if not chosen.quick:
        page.write("pipeline", text)


def events(count: int, rate: float, seed: int = 0) -> list[Interaction]:
    """Unchanged traffic of real prompts, each from another user and with a number, so that none repeats."""
    chosen = Random(seed)
    texts = [row["text"] for name in SOURCES for row in rows(name)]
    return [
        Interaction(
            application=APPLICATION,
            id=f"event-{i}",
            time=START + timedelta(seconds=i / rate),
            prompt=f"{chosen.choice(texts)} {chosen.randrange(10**8):08}",
            user_hash=f"user-{i}",
        )
        for i in range(count)
    ]


class Road:
    """`Pipeline` with bytes between the stages, as topics put them there, and a clock at each."""

    def __init__(self, encoder: LiveEncoder) -> None:
        detection = DetectionSettings(baseline_events=LEARNED, lateness_seconds=LATENESS)
        self._encoder = encoder
        self._references: dict[str, References] = {}
        self._measurers = [
            Measurer(partition=p, partitions=PARTITIONS, settings=measure_settings(detection))
            for p in range(PARTITIONS)
        ]
        self._monitors = Monitors(
            references=self._references,
            fingerprint=encoder.fingerprint,
            settings=monitor_settings(detection, load_bank(encoder, detection)),
        )
        self._incidents = Incidents()
        self._offsets = [0] * PARTITIONS
        self._spent = dict.fromkeys(STAGES, 0.0)

    def run(self, values: Sequence[bytes]) -> tuple[dict[str, float], int]:
        """Microseconds an event by stage, learning left out; and the number of readings."""
        counted = readings = 0
        for start in range(0, len(values), BATCH):
            batch = values[start : start + BATCH]
            knew = bool(self._references)
            before = self._spent.copy()
            said = self._step(batch)
            if knew:
                counted += len(batch)
                readings += said
            else:
                self._spent = before
        return {stage: 1e6 * self._spent[stage] / counted for stage in STAGES}, readings

    def _step(self, batch: Sequence[bytes]) -> int:
        with self._timed("decode"):
            found = [event for value in batch for event in decode(value) if isinstance(event, Interaction)]
        owned: list[list[Candidate]] = [[] for _ in self._measurers]
        with self._timed("admit"):
            for event in found:
                number = partition_of(event.key, PARTITIONS)
                owned[number] += self._measurers[number].admit(
                    self._offsets[number], [event], self._references
                )
                self._offsets[number] += 1
        with self._timed("encoder"):
            encoded = self._encoder.encode([c.text for candidates in owned for c in candidates])
        first, sent = 0, []
        for measurer, candidates in zip(self._measurers, owned, strict=True):
            with self._timed("fold"):
                measurer.fold(candidates, encoded.select(slice(first, first + len(candidates))), describe)
            first += len(candidates)
            with self._timed("ticks out"):
                sent += [encode(tick) for tick in (*measurer.flush(), measurer.progress(idle=False))]
        return self._detect(sent)

    def _detect(self, sent: Sequence[bytes]) -> int:
        with self._timed("ticks in"):
            for value in sent:
                self._monitors.receive(msgspec.json.decode(value, type=Tick))
        with self._timed("detect"):
            readings = self._monitors.advance()
        for baseline in self._monitors.take_learned():
            self._references[baseline.reference.application] = References(baseline=baseline)
        with self._timed("readings out"):
            for reading in readings:
                encode(reading)
                self._incidents.decide(reading)
        return len(readings)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self._spent[stage] += time.process_time() - began


def array_decode(values: Sequence[bytes]) -> float:
    """Microseconds an event of reading arrays of ARRAY events."""
    arrays = [b"[" + b",".join(values[i : i + ARRAY]) + b"]" for i in range(0, len(values), ARRAY)]
    began = time.process_time()
    for array in arrays:
        decode(array)
    return 1e6 * (time.process_time() - began) / len(values)


def section(found: Findings, rate: float) -> str:
    """Of the page."""
    rows_ = [[stage, f"{found.stages[stage]:.1f}"] for stage in STAGES]
    rows_.append(["**all but the encoder**", f"**{beside(found):.0f}**"])
    ran = [
        [
            name,
            f"{one.us_an_event:.0f}",
            f"{transport(found, one):.0f}",
            f"{one.megabytes[0]:.0f}, {', '.join(f'{value:.0f}' for value in one.megabytes[1:])}",
        ]
        for name, one in found.worked.items()
    ]
    return "\n\n".join(
        [
            "**Bars**",
            page.table(["bar", "wanted", "measured", "met"], bars(found)),
            f"**CPU an event by stage**, microseconds, one process without a broker, {rate:g} events a "
            f"second of event time, {found.readings:,} readings; arrays of {ARRAY} decode in "
            f"{found.array_decode:.1f}",
            page.table(["stage", "us"], rows_),
            "**A whole worker on the embedded broker** (every agent, checkpoints, status feed), microseconds "
            "of CPU an event; *transport* is what is left without the stages above; memory in MB when "
            "learning has ended and after each quarter of the events",
            page.table(["events come", "all", "transport", "memory"], ran),
        ]
    )


def beside(found: Findings) -> float:
    """Everything but the encoder."""
    return sum(found.stages[stage] for stage in OTHERS)


def transport(found: Findings, one: Worked) -> float:
    """What a worker spends on an event outside the stages: Kafka, Faust, loops, checkpoints, Redis."""
    return one.us_an_event - sum(found.stages.values())


def bars(found: Findings) -> list[list[str]]:
    """DESIGN 11."""
    single, arrays = (transport(found, found.worked[form]) for form in workers.FORMS)
    growth = max(one.growth for one in found.worked.values())
    cost = beside(found)
    return [
        _bar("all but the encoder, us an event", f"<= {BAR_US:.0f}", f"{cost:.0f}", cost <= BAR_US),
        _bar(
            f"transport, arrays of {ARRAY} over one a record",
            f">= {BAR_ARRAYS:.0f}x cheaper",
            f"{single / arrays:.1f}x",
            single / arrays >= BAR_ARRAYS,
        ),
        _bar(
            "memory of a worker over the second half",
            f"<= {BAR_GROWTH:.0%} more",
            f"{growth:+.1%}",
            growth <= BAR_GROWTH,
        ),
    ]


def _bar(name: str, wanted: str, measured: str, met: bool) -> list[str]:
    return [name, wanted, measured, "yes" if met else "**no**"]
