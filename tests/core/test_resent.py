"""Units told whole at an end of the input that was none, and sent again as sums after a crash."""

from collections.abc import Iterator
from unittest.mock import patch

import numpy as np
import pytest

from app.core.aspects import Subject
from app.core.baseline import BaselineSettings
from app.core.detection import Detector
from app.core.folding import Fold
from app.core.measurement import Measurer
from app.core.monitor import DriftMonitor
from app.core.monitor_settings import MonitorSettings
from app.core.sampling import References
from app.core.succession import Succession
from schemas.ticks import Tick
from tests.rig import made
from tests.rig.made import APP, feed, interactions, through_msgpack

LEARNED, END = 400, 640
LOG = interactions(END)
INFORMED = {APP: References(evalset=made.reference(300), baseline=made.baseline(LEARNED))}
OTHER_SET = {APP: References(evalset=made.reference(200, seed=4), baseline=made.baseline(LEARNED))}
SETTINGS = MonitorSettings(baseline=BaselineSettings(events=LEARNED))


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    with made.quick_calibration():
        yield


def monitor() -> DriftMonitor:
    found = DriftMonitor(
        Subject(APP),
        fingerprint=made.FINGERPRINT,
        settings=SETTINGS,
        partitions=1,
        evalsets=Succession(made.reference(300)),
    )
    found.adopt(made.baseline(LEARNED))
    return found


def crashed(silent: int, saved: int, again: dict[str, References]) -> list[list[Tick]]:
    """Ticks before the crash, which falls at offset `silent`, and after it, from a checkpoint at `saved`."""
    first, second = (Measurer(partition=0, partitions=1, settings=made.SETTINGS) for _ in range(2))
    before = list(feed(first, LOG[:saved], batch=8))
    second.restore(through_msgpack(first.snapshot()))
    before += feed(first, LOG[saved:silent], batch=8, offset=saved)
    after = list(feed(second, LOG[saved:], references=again, batch=8, offset=saved))
    return [[t for t in part if t.application == APP] for part in (before, after)]


@pytest.mark.parametrize("again", [INFORMED, OTHER_SET, {}], ids=["same", "another eval set", "unaware"])
@pytest.mark.parametrize(("silent", "saved"), [(450, 448), (500, 450), (500, 480), (560, 500), (420, 390)])
def test_no_unit_counts_twice(silent: int, saved: int, again: dict[str, References]) -> None:
    before, after = crashed(silent, saved, again)
    total, once = Fold(), Fold()
    with patch.object(Detector, "update", lambda self, fold, _: total.merge(fold)):
        station = monitor()
        for tick in before:
            station.receive(tick)
        station.advance(float("inf"), final=True)  # silence: all that is there is told, nothing is closed
        assert total.units == silent - LEARNED
        restored = monitor()
        restored.restore(through_msgpack(station.snapshot()))
        for tick in after:
            restored.receive(tick)
            restored.advance(tick.watermark or 0.0)
        restored.advance(float("inf"), final=True)
    with patch.object(Detector, "update", lambda self, fold, _: once.merge(fold)):
        plain = monitor()
        for tick in made.measured(LOG, references=INFORMED):
            if tick.application == APP:
                plain.receive(tick)
        plain.advance(float("inf"), final=True)
    assert total.units == once.units == END - LEARNED
    assert set(total.sums) == set(once.sums) == {"wording", "shape"}
    assert all(np.array_equal(total.sums[eye], once.sums[eye]) for eye in total.sums)
