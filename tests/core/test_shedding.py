"""Shedding: a uniform part of the units, said in ticks, totals, samples and readings."""

from collections.abc import Mapping
from itertools import pairwise

import pytest

from app.adapters.pipeline import Pipeline
from app.core.baseline import BaselineSettings
from app.core.folding import Fold, key_of
from app.core.measurement import Measurer, MeasureSettings
from app.core.monitor_settings import MonitorSettings
from app.core.sampling import References
from app.core.shedding import LEAST_SHARE, looked_at, share_at
from schemas.ticks import Sample, Tick, Totals
from tests.rig import made
from tests.rig.made import APP, SETTINGS, feed, interactions, newest, through_msgpack

LEARNED = 300
LOG = interactions(1600, first=LEARNED)


def known() -> dict[str, References]:
    return {APP: References(evalset=made.reference(300), baseline=made.baseline(LEARNED))}


def shed(share: float, references: Mapping[str, References] | None = None) -> list[Tick]:
    measurer = Measurer(partition=0, partitions=1, settings=SETTINGS)
    measurer.share = share
    return list(feed(measurer, LOG, references=known() if references is None else references))


def totals(ticks: list[Tick]) -> Totals:
    return [t for t in ticks if t.application == APP][-1].totals


def samples(ticks: list[Tick]) -> list[Sample]:
    return [s for t in newest(ticks) for s in t.samples]


def folded(ticks: list[Tick]) -> Fold:
    out = Fold()
    for tick in newest(ticks):
        for tick_sum in tick.sums:
            out.merge(Fold.from_wire(tick_sum))
    return out


def test_the_part_halves_with_every_doubling_and_has_a_floor() -> None:
    shares = [share_at(60.0 * 2.0**n * 1.01, 60.0) for n in range(-2, 9)]
    assert shares == [1.0, 1.0, *(2.0**-n for n in range(1, 7)), *[LEAST_SHARE] * 3]
    assert share_at(1e12, None) == 1.0


def test_a_smaller_part_lies_inside_a_larger_one() -> None:
    ids = [f"id-{i}" for i in range(4000)]
    parts = [{id for id in ids if looked_at(id, share)} for share in (1.0, 0.5, 0.25, LEAST_SHARE)]
    assert parts[0] == set(ids)
    assert all(small < large for large, small in pairwise(parts))
    assert len(parts[1]) == pytest.approx(2000, abs=130)  # four sigma


def test_without_shedding_nothing_is_different() -> None:
    plain = Measurer(partition=0, partitions=1, settings=SETTINGS)
    assert newest(shed(1.0)) == newest(list(feed(plain, LOG, references=known())))
    assert totals(shed(1.0)).shed == folded(shed(1.0)).shed == 0


def test_every_unit_is_looked_at_or_counted_as_passed_over() -> None:
    whole, part = totals(shed(1.0)), totals(shed(0.25))
    assert part.units + part.shed == whole.units
    assert part.units == pytest.approx(whole.units / 4, abs=4 * (whole.units * 3 / 16) ** 0.5)
    for count in ("events", "duplicates", "late", "collapsed", "keyless", "unreadable"):
        assert getattr(part, count) == getattr(whole, count)


def test_ticks_say_how_many_were_passed_over_before_theirs() -> None:
    ticks = shed(0.25)
    told, counted = folded(ticks), totals(ticks)
    assert told.units == counted.units
    assert 0 <= counted.shed - told.shed < 40  # those since the last one looked at are not told yet
    assert told.without(told.copy()).shed == 0
    (key, fold), *_ = [(key_of(s), Fold.from_wire(s)) for t in newest(ticks) for s in t.sums if s.shed]
    assert Fold.from_wire(fold.to_wire(key)).shed == fold.shed > 0


def test_shares_and_numbers_stay_right() -> None:
    """Counts weighted by inclusion estimate all units; shares of units are those of all."""
    whole, part = folded(shed(1.0)), folded(shed(0.25))
    (counted,), (some,) = whole.coverage.values(), part.coverage.values()
    before, now = counted.clusters / whole.units, some.clusters / part.units
    assert abs(before - now).max() < 4 * 0.5 / part.units**0.5
    estimate = sum(1.0 / s.inclusion for s in samples(shed(0.25)))
    assert estimate == pytest.approx(whole.units, rel=0.25)
    assert {s.inclusion for s in samples(shed(0.25)) if s.reason == "novel"} <= {0.25}


def test_while_learning_every_unit_is_looked_at() -> None:
    ticks = shed(LEAST_SHARE, references={})
    assert totals(ticks).shed == 0
    assert all(s.inclusion == 1.0 for s in samples(ticks))


def test_what_was_passed_over_survives_a_restart() -> None:
    measurer = Measurer(partition=0, partitions=1, settings=SETTINGS)
    measurer.share = LEAST_SHARE
    early = list(feed(measurer, LOG[:400], references=known()))
    other = Measurer(partition=0, partitions=1, settings=SETTINGS)
    other.restore(through_msgpack(measurer.snapshot()))
    other.share = LEAST_SHARE
    ticks = [*early, *feed(other, LOG[400:], references=known(), offset=400)]
    assert folded(ticks).shed == folded(shed(LEAST_SHARE)).shed


def test_readings_say_which_part_was_looked_at_and_a_change_is_still_found() -> None:
    learned, quiet, planted = 400, 800, 1600
    usual = made.interactions(learned + quiet)
    changed = made.interactions(planted, first=learned + quiet, topics={**made.USUAL, "gluten": 0.5})
    pipeline = Pipeline(
        encoder=made.WordEncoder(),
        describe=made.describe,
        references={},
        measure=MeasureSettings(),
        monitor=MonitorSettings(baseline=BaselineSettings(events=learned)),
        partitions=2,
    )
    for measurer in pipeline._measurers:
        measurer.share = 0.5
    with made.quick_calibration():
        outputs = list(pipeline.run([*usual, *changed]))
    readings = [r for output in outputs for r in output.readings if r.value is not None]
    late = [r for r in readings if r.time > changed[0].time and r.units >= 100]
    parts = [r.units / (r.units + r.shed) for r in late]
    assert parts
    assert all(0.35 < part < 0.65 for part in parts)
    alerts = [a for output in outputs for a in output.alerts]
    assert alerts[0].state == "firing"
    assert alerts[0].detected_at > changed[0].time
    assert readings[-1].totals.units + readings[-1].totals.shed == learned + quiet + planted
