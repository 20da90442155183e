"""Whether a tick can be counted at all: asked before anything of it is taken over.

Only promptdrift writes ticks, so one that cannot be counted is damaged, or of another version.  It is refused
whole, by name: half a tick would be wrong counts in silence, and an array of another length would stop the
worker at every start.
"""

import math
from collections.abc import Iterator, Mapping

from app.core import novelty
from app.core.baseline import Baseline
from app.core.encoding import SHAPE_NAMES
from app.core.folding import WIRE_EYES
from app.core.succession import Succession
from schemas.ticks import Sample, Tick, TickSum

SUM_BYTES, ROW_BYTES, SHAPE_BYTES = 4, 2, 4  # of a coordinate of a sum, of a sample's row, of its shape


class MalformedTick(ValueError):
    """A tick whose parts do not fit each other or the references that they name."""


def demand(tick: Tick, *, baseline: Baseline | None, evalsets: Succession) -> None:
    """Check a tick against what is known; cost: some microseconds a sum or sample.

    Raises: MalformedTick, naming the first field that does not fit.
    """
    for field, fault in _faults(tick, baseline, evalsets.cluster_counts):
        raise MalformedTick(f"partition {tick.partition}, block {tick.block_start}: {field} {fault}")


def _faults(tick: Tick, baseline: Baseline | None, clusters: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for number, each in enumerate(tick.sums):
        against = baseline if baseline is not None and each.reference == baseline.reference.id else None
        for field, fault in _of_sum(each, against, clusters):
            yield f"sums[{number}].{field}", fault
    width = None if baseline is None else _widths(baseline)["wording"]
    for number, sample in enumerate(tick.samples):
        for field, fault in _of_sample(sample, width):
            yield f"samples[{number}].{field}", fault
    if not all(map(math.isfinite, tick.event_times)):
        yield "event_times", "holds a time that is not finite"


def _of_sum(
    each: TickSum, against: Baseline | None, clusters: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    if each.units < 1:
        yield "units", f"is {each.units}; a sum has at least one"
    widths = {} if against is None else _widths(against)
    for eye in WIRE_EYES:
        held = len(getattr(each, eye))
        if held % SUM_BYTES:
            yield eye, f"holds {held} bytes, no whole number of coordinates"
        elif eye in widths and held != SUM_BYTES * widths[eye]:
            yield eye, f"holds {held // SUM_BYTES} coordinates; its reference has {widths[eye]}"
    yield from _of_counts(each, against)
    for name, told in each.coverage.items():
        wanted = clusters.get(name, len(told.clusters))
        if len(told.clusters) != wanted:
            yield f"coverage[{name}].clusters", f"counts {len(told.clusters)}; its eval set has {wanted}"


def _of_counts(each: TickSum, against: Baseline | None) -> Iterator[tuple[str, str]]:
    for name, counts in each.novelty.items():
        if len(counts) != novelty.BIN_COUNT:
            yield f"novelty[{name}]", f"has {len(counts)} bins; {novelty.BIN_COUNT} are wanted"
    if against is not None and (missing := set(against.calibration.bettors) - set(each.novelty)):
        yield "novelty", f"says nothing of {', '.join(sorted(missing))}"


def _of_sample(sample: Sample, width: int | None) -> Iterator[tuple[str, str]]:
    if not math.isfinite(sample.time):
        yield "time", "is not finite"
    held = len(sample.wording)
    if not held or held % ROW_BYTES or (width is not None and held != ROW_BYTES * width):
        wanted = "some whole number of coordinates" if width is None else f"{ROW_BYTES * width} are wanted"
        yield "wording", f"holds {held} bytes; {wanted}"
    if len(sample.shape) != SHAPE_BYTES * len(SHAPE_NAMES):
        yield "shape", f"holds {len(sample.shape)} bytes; {SHAPE_BYTES * len(SHAPE_NAMES)} are wanted"


def _widths(baseline: Baseline) -> dict[str, int]:
    """Coordinates of every eye that a sum against this baseline must hold."""
    eyes = baseline.reference.eyes
    return {name: len(eyes[name].spectrum.mean) for name in ("wording", *baseline.calibration.eyes)}
