"""What one unit costs: our detector and every peer on the same vectors, in CPU time, one core, one run."""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
from river import drift

from app.core.baseline import Baseline
from app.core.calibration import calibrate
from app.core.detection import Detector
from app.core.folding import Fold, Judged, judge
from benchmarks import page, peers, vectors, worlds
from benchmarks.ours import learn
from benchmarks.shifts import TICK
from benchmarks.vectors import Vectors, default_bank
from benchmarks.worlds import Rows, Traffic

BATCH = 256
ROUNDS = 5
RUN = 10_000
LEAST_BOOTSTRAPS, WANTED_BOOTSTRAPS = 10_101, 10 * RUN  # alibi-detect at this run length, W = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Microseconds of CPU a unit unless said otherwise."""

    one: float
    batched: float
    product64: float  # the bare matrix product of a batch, double and single precision
    product32: float
    shared_bytes: int
    key_bytes: int
    calibration_seconds: float
    peers: dict[str, float]
    bootstrap_seconds: float | None
    alibi_bytes: int | None


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Nothing of its own."""


def main(chosen: argparse.Namespace) -> None:
    """Measure, print, and write the page unless quick."""
    world = worlds.load(held=False)
    seen = vectors.encode(world)
    random = np.random.default_rng(0)
    reference = worlds.reference_rows(world, random)
    stream = Traffic(world, reference).clean(random, (1, 40 * BATCH))[0]
    found = measure(seen, reference, stream)
    text = section(found)
    sys.stdout.write(text + "\n")
    if not chosen.quick:
        page.write("cost", text)


def measure(seen: Vectors, reference: Rows, stream: Rows) -> Costs:
    """All costs; rounds of ours and of the bare products alternate, so that load falls on all alike."""
    baseline = learn(seen, reference, seed=0, bank=default_bank())
    rows = seen.wording[reference[:BATCH]].astype(np.float64)
    basis = baseline.reference.eyes["wording"].spectrum.basis
    rows32, basis32 = rows.astype(np.float32), basis.astype(np.float32)
    measured = rounds(
        {
            "one": (lambda: one_at_a_time(baseline, seen, stream[: 2 * BATCH]), 2 * BATCH),
            "batched": (lambda: batched(baseline, seen, stream[: 8 * BATCH]), 8 * BATCH),
            "product64": (lambda: [rows @ basis for _ in range(20)], 20 * BATCH),
            "product32": (lambda: [rows32 @ basis32 for _ in range(20)], 20 * BATCH),
        }
    )
    began = time.process_time()
    calibrate(baseline.reference, tick_units=TICK, seed=1)
    calibration_seconds = time.process_time() - began
    theirs, alibi = scalars(seen, reference, stream), None
    try:
        alibi, others = libraries(seen, reference, stream)
        theirs |= others
    except peers.NotInstalled as why:
        sys.stderr.write(f"peers left out: {why}\n")
    return Costs(
        **measured,
        shared_bytes=shared(baseline),
        key_bytes=held(Detector(baseline).snapshot()),
        calibration_seconds=calibration_seconds,
        peers=theirs,
        bootstrap_seconds=alibi[0] if alibi else None,
        alibi_bytes=alibi[1] if alibi else None,
    )


def rounds(timed: dict[str, tuple[Callable[[], object], int]]) -> dict[str, float]:
    """Median microseconds of CPU a unit over ROUNDS alternating rounds, after one to warm up."""
    spent: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(ROUNDS + 1):
        for name, (work, units) in timed.items():
            began = time.process_time()
            work()
            spent[name].append(1e6 * (time.process_time() - began) / units)
    return {name: statistics.median(values[1:]) for name, values in spent.items()}


def one_at_a_time(baseline: Baseline, seen: Vectors, stream: Rows) -> None:
    """Judge, fold and score every unit by itself."""
    detector = Detector(baseline)
    for row in stream:
        judged = judge(seen.ours(slice(row, row + 1)), baseline=baseline)
        fold = Fold()
        fold.add(judged, 0, 0)
        detector.update(fold)
        detector.get()


def batched(baseline: Baseline, seen: Vectors, stream: Rows) -> None:
    """Judge a batch, fold it into ticks, score each tick."""
    detector = Detector(baseline)
    for start in range(0, len(stream), BATCH):
        rows = stream[start : start + BATCH]
        judged = judge(seen.ours(rows), baseline=baseline)
        for fold in folds(judged):
            detector.update(fold)
            detector.get()


def folds(judged: Judged) -> Iterator[Fold]:
    """Ticks of judged units, made as `measure` makes them."""
    for start in range(0, len(judged.novelty), TICK):
        fold = Fold()
        for row in range(start, start + TICK):
            fold.add(judged, row, row)
        yield fold


def shared(baseline: Baseline) -> int:
    """Bytes that scoring reads and all keys share: spectra, novelty ranks, shape grids, thresholds."""
    reference = baseline.reference
    return held(reference.eyes) + held(reference.grids) + held(baseline.calibration)


def held(value: object) -> int:
    """Bytes of all arrays and numbers inside a value.

    >>> held({"a": [np.zeros(3), 1.0], "b": b"xy"})
    34
    """
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(held(part) for part in value.values())
    if isinstance(value, list | tuple):
        return sum(held(part) for part in value)
    if is_dataclass(value):
        return sum(held(getattr(value, field.name)) for field in fields(value))
    return 8 if isinstance(value, int | float) else 0


def scalars(seen: Vectors, reference: Rows, stream: Rows) -> dict[str, float]:
    """River's detectors on the distance to the reference's mean, which is reckoned in."""
    mean = seen.meaning[reference].mean(axis=0)
    makers = {"ADWIN": drift.ADWIN, "PageHinkley": drift.PageHinkley, "KSWIN": drift.KSWIN}

    def work(make: Callable[[], drift.ADWIN]) -> Callable[[], None]:
        def watch() -> None:
            detector = make()
            for row in stream[:BATCH]:
                detector.update(float(np.linalg.norm(seen.meaning[row] - mean)))

        return watch

    return {f"river {k}": v for k, v in rounds({k: (work(m), BATCH) for k, m in makers.items()}).items()}


def libraries(seen: Vectors, reference: Rows, stream: Rows) -> tuple[tuple[float, int], dict[str, float]]:
    """alibi-detect, frouros and Evidently in their own process."""
    own, live = seen.meaning[reference], seen.meaning[stream]
    alibi = peers.call("alibi_detect", window=100, bootstraps=400, reference=own, stream=live[:400])
    frouros = peers.call("frouros", window=100, reference=own, stream=live[:120])
    evidently = peers.call(
        "evidently", vectors=seen.meaning, reference=own, streams=stream[None, :2000], all=True
    )
    costs = {
        "alibi-detect MMDDriftOnline W=100": 1e6 * float(alibi["seconds_event"]),
        "frouros MMDStreaming W=100": 1e6 * float(frouros["seconds_event"]),
    }
    for name in ("model", "ratio", "mmd", "distance"):
        costs[f"Evidently {name}, windows of 500"] = 1e6 * float(evidently[f"{name}_seconds_event"])
    return (float(alibi["seconds_bootstrap"]), int(alibi["bytes"])), costs


def section(found: Costs) -> str:
    """Of the page."""
    rows = [
        ["promptdrift, one at a time", _us(found.one), ""],
        [f"promptdrift, batches of {BATCH}", _us(found.batched), ""],
        ["limit: the bare 384 x 384 product, batched, double", _us(found.product64), ""],
        ["limit: the same in single precision", _us(found.product32), ""],
    ]
    rows += [
        [name, _us(cost), f"{cost / found.one:.1f} / {cost / found.batched:.1f}"]
        for name, cost in sorted(found.peers.items(), key=lambda item: -item[1])
    ]
    return "\n\n".join(
        [
            "**Bars**",
            page.table(["bar", "wanted", "measured", "met"], bars(found)),
            "**CPU a unit, microseconds** (encoders not included; one core)",
            page.table(["detector", "us a unit", "over ours, one at a time / batched"], rows),
        ]
    )


def bars(found: Costs) -> list[list[str]]:
    """DESIGN 11."""
    share = found.batched / found.product64
    rows = [
        _bar("batch over the bare matrix product (double)", "<= 1.5", f"{share:.1f}", share <= 1.5),
        _bar("shared state", "<= 1 MB", f"{found.shared_bytes / 1e6:.2f} MB", found.shared_bytes <= 1e6),
        _bar("state a key", "<= 16 KB", f"{found.key_bytes / 1024:.1f} KB", found.key_bytes <= 16 * 1024),
        _bar(
            "calibration, CPU seconds (two cores: half of it at best)",
            "<= 30 s",
            f"{found.calibration_seconds:.0f} s",
            found.calibration_seconds <= 30,
        ),
    ]
    alibi = found.peers.get("alibi-detect MMDDriftOnline W=100")
    if alibi is not None and found.bootstrap_seconds is not None and found.alibi_bytes is not None:
        ratio = alibi / found.one
        rows.insert(0, _bar("alibi-detect over ours, one at a time", ">= 50", f"{ratio:.0f}", ratio >= 50))
        least, wanted = (n * found.bootstrap_seconds for n in (LEAST_BOOTSTRAPS, WANTED_BOOTSTRAPS))
        rows.append(
            [
                "alibi-detect's configuration at run length 10,000, extrapolated from "
                f"{1e3 * found.bootstrap_seconds:.0f} ms a bootstrap",
                "",
                f"{least:,.0f} s at the fewest that it accepts, {wanted:,.0f} s at the number it advises",
                "",
            ]
        )
        rows.append(["alibi-detect's state", "", f"{found.alibi_bytes / 1e6:.1f} MB a key", ""])
    return rows


def _us(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _bar(name: str, wanted: str, measured: str, met: bool) -> list[str]:
    return [name, wanted, measured, "yes" if met else "**no**"]
