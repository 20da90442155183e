from collections.abc import Callable, Iterator

import msgspec
import numpy as np
import pytest

from app.core.monitor_settings import MonitorSettings
from app.core.monitors import Monitors
from app.core.sampling import References
from app.core.succession import Succession
from app.core.wellformed import MalformedTick, demand
from schemas.coverage import Coverage
from schemas.ticks import Tick, TickSum
from tests.core.test_monitor import LEARNED, informed, ticks
from tests.rig import made
from tests.rig.made import through_msgpack

SETS = Succession(made.reference(300))
Change = Callable[[TickSum], TickSum]


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


def summed() -> Tick:
    return next(t for t in informed() if t.sums and t.sums[0].coverage)


def sampled() -> Tick:
    return next(t for t in ticks() if t.samples)


def changed(**more: object) -> Change:
    return lambda each: msgspec.structs.replace(each, **more)


BROKEN: dict[str, tuple[Change, str]] = {
    "no units": (changed(units=0), "units is 0"),
    "negative units": (changed(units=-5), "units is -5"),
    "odd bytes": (lambda s: changed(wording=s.wording[:-1])(s), "wording holds 1535 bytes"),
    "a coordinate short": (
        lambda s: changed(wording=s.wording[:-4])(s),
        "383 coordinates; its reference has",
    ),
    "no shape": (changed(shape=b""), "shape holds 0 coordinates; its reference has 11"),
    "a bin short": (lambda s: changed(novelty={k: v[1:] for k, v in s.novelty.items()})(s), "has 23 bins"),
    "an eye without bins": (
        lambda s: changed(novelty={"shape": s.novelty["shape"]})(s),
        "nothing of wording",
    ),
    "other clusters": (
        changed(coverage={made.reference(300).id: Coverage(units=1, uncovered=0, clusters=[1])}),
        "clusters counts 1; its eval set has",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_sum_that_does_not_fit_is_refused_by_name_and_nothing_is_taken_over(name: str) -> None:
    change, message = BROKEN[name]
    known = {made.APP: References(evalset=made.reference(300), baseline=made.baseline(LEARNED))}
    monitors = Monitors(references=known, fingerprint=made.FINGERPRINT, settings=MonitorSettings())
    for tick in informed()[:3]:
        monitors.receive(tick)
    was = through_msgpack(monitors.snapshot())
    tick = summed()
    broken = msgspec.structs.replace(tick, sums=[*tick.sums[1:], change(tick.sums[0])])

    with pytest.raises(MalformedTick, match=message):
        monitors.receive(broken)

    assert through_msgpack(monitors.snapshot()) == was
    monitors.receive(tick)
    assert through_msgpack(monitors.snapshot()) != was


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("wording", b"", "wording holds 0 bytes"),
        ("wording", b"\0\0\0", "wording holds 3 bytes"),
        ("shape", b"\0" * 40, "shape holds 40 bytes; 44 are wanted"),
        ("time", float("nan"), "time is not finite"),
        ("time", float("inf"), "time is not finite"),
    ],
)
def test_a_sample_that_no_baseline_could_be_learned_from_is_refused(
    field: str, value: object, message: str
) -> None:
    tick = sampled()
    broken = msgspec.structs.replace(tick.samples[0], **{field: value})
    with pytest.raises(MalformedTick, match=message):
        demand(msgspec.structs.replace(tick, samples=[broken]), baseline=None, evalsets=Succession())


def test_a_sum_of_another_reference_may_have_other_widths() -> None:
    tick = summed()
    other = msgspec.structs.replace(
        tick.sums[0],
        reference="older",
        wording=np.zeros(64, "<i4").tobytes(),
        coverage={"older": Coverage(units=3, uncovered=0, clusters=[3])},
    )
    known = made.baseline(LEARNED)
    demand(msgspec.structs.replace(tick, sums=[other]), baseline=known, evalsets=SETS)


def test_every_tick_that_measuring_sends_is_well_formed() -> None:
    for tick in [*ticks(), *informed()]:
        demand(tick, baseline=made.baseline(LEARNED), evalsets=SETS)
