from datetime import UTC, datetime

import numpy as np
import pytest

from app.core.budget import open_account
from app.core.coverage import Counts
from app.core.episodes import Episode
from app.core.folding import Fold
from app.core.history import History, Window
from app.core.ranges import Counted
from app.core.reporting import Moment, adaptation_reading, change_reading, gap_reading, reading_id, when
from app.core.succession import Succession
from schemas.readings import Adaptation, Interval
from schemas.ticks import Totals
from tests.core.test_detection import careful, clean, fed
from tests.rig import made


def moment(place: str = "7.0", time: float = made.EPOCH + 60) -> Moment:
    return Moment(
        application=made.APP,
        place=place,
        time=time,
        totals=Totals(events=9),
        evalsets=Succession(made.reference(300)),
        evalset=made.reference(300),
        account=open_account(1.0, 2.0),
        monitor="change",
    )


def past(uncovered: int = 0) -> History:
    out = History()
    count = len(made.reference(300).clusters.names)
    for number, quiet in enumerate(clean()[:8]):
        fold = Fold()
        fold.merge(quiet)
        places = np.bincount(np.arange(fold.units) % count, minlength=count)
        fold.coverage = {made.reference(300).id: Counts(fold.units, uncovered, places)}
        window = Window(made.EPOCH + number, made.EPOCH + number + 1)
        counted = Counted(0, number * 8, number * 8 + 7, window.start, window.end)
        window.add(fold, [counted], made.EPOCH + number + 1)
        out.append(window)
    return out


def test_an_id_is_a_function_of_place_monitor_and_reference() -> None:
    ids = {
        reading_id(moment(), "change", "a"),
        reading_id(moment(), "gap", "a"),
        reading_id(moment(), "change", "b"),
        reading_id(moment("7.1"), "change", "a"),
    }
    assert len(ids) == 4
    assert reading_id(moment(time=0.0), "change", "a") in ids


def test_times_are_aware_and_to_the_millisecond() -> None:
    assert when(made.EPOCH + 0.1234567) == datetime(2026, 3, 2, 8, 0, 0, 123_000, tzinfo=UTC)


def test_a_quiet_reading_says_how_sure_it_is_and_nothing_of_an_episode() -> None:
    found = change_reading(
        moment(), fed(clean()).get(), baseline=careful(), history=past(), episode=None, deployment=None
    )
    assert found.state == "ok"
    assert found.units == 64
    assert found.threshold == pytest.approx(open_account(1.0, 2.0).threshold, abs=1e-6)
    assert found.budget is not None
    assert (found.budget.alarms, found.budget.pages_per_30_days) == (0, 1.0)
    assert found.effect is not None
    assert found.effect.low <= found.effect.value <= found.effect.high
    assert found.uncovered is not None
    assert (found.onset_at, found.detected_at, found.clusters) == (None, None, [])
    assert [(o.partition, o.first, o.last) for o in found.offsets] == [(0, 0, 63)]


def test_in_an_episode_the_window_begins_with_the_onset() -> None:
    started = Episode(made.EPOCH + 6, made.EPOCH + 5, "mix", "wording p0 1/24")
    found = change_reading(
        moment(),
        fed(clean()).get(),
        baseline=careful(),
        history=past(),
        episode=started,
        deployment="v2",
    )
    assert found.state == "pending"
    assert (found.channel, found.component, found.deployment) == ("mix", "wording p0 1/24", "v2")
    assert found.window_start == found.onset_at == when(made.EPOCH + 5)
    assert found.detected_at == when(made.EPOCH + 6)


@pytest.mark.parametrize(
    ("uncovered", "tolerance", "state"),
    [(0, 0.1, "ok"), (4, 0.1, "alarm"), (4, None, "ok"), (4, 0.6, "ok"), (2, 0.1, "ok")],
)
def test_a_gap_pages_only_past_the_tolerance_that_the_user_set(
    uncovered: int, tolerance: float | None, state: str
) -> None:
    found = gap_reading(moment(), made.reference(300), history=past(uncovered), tolerance=tolerance)
    assert found.state == state
    assert found.monitor == "gap"
    assert (found.detected_at is not None) == (state == "alarm")
    assert found.uncovered is not None
    assert found.uncovered.share == uncovered / 8


def adapted(low: float, *, significant: bool = True, closed: bool = False) -> Adaptation:
    return Adaptation(
        deployment="v2",
        deployed_at=when(made.EPOCH),
        look=3,
        verdict="users adapted to this deployment",
        significant=significant,
        adaptation=Interval(value=low + 0.1, low=low, high=low + 0.2),
        closed=closed,
    )


def test_adaptation_pages_where_it_is_significant_and_surely_above_tolerance() -> None:
    def state(seen: Adaptation, tolerance: float | None = 0.3) -> str:
        return adaptation_reading(moment(), seen, tolerance=tolerance).state

    assert state(adapted(0.4)) == "alarm"
    assert state(adapted(0.25)) == "ok"
    assert state(adapted(0.4, significant=False)) == "ok"
    assert state(adapted(0.4), tolerance=None) == "ok"
    assert state(adapted(0.4, closed=True)) == "ok"
