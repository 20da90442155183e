"""The simulated traffic is what it says, and the unit rule sees it as the product would."""

import numpy as np
import pytest

from benchmarks import dependence, sessions
from benchmarks.shifts import TICK
from tests.benchmarks import made

COUNT = 8000


def test_sessions_keep_to_a_subject_and_are_sent_again() -> None:
    world = made.world()
    near = sessions.neighbours(world, made.vectors(world))
    events = sessions.sessions(world, near, np.random.default_rng(1), COUNT)
    _, sizes = np.unique(events.keys, return_counts=True)
    assert 4.0 < sizes.mean() < 8.0  # about four events a session, three sessions in ten of a known user
    by_key = np.argsort(events.keys, kind="stable")
    same_key = np.diff(events.keys[by_key]) == 0
    again = np.diff(events.rows[by_key]) == 0
    assert again[same_key].mean() == pytest.approx(0.27, abs=0.04)
    assert not again[~same_key].mean() > 0.05
    keyless = sessions.sessions(world, near, np.random.default_rng(1), COUNT, keyless=0.1)
    assert (keyless.keys < 0).mean() == pytest.approx(0.1, abs=0.03)


def test_the_unit_rule_leaves_one_unit_of_a_session() -> None:
    world = made.world(2000)
    near = sessions.neighbours(world, made.vectors(world))
    events = sessions.sessions(world, near, np.random.default_rng(2), COUNT)
    units, times = dependence._units(events, 600.0, 1000)
    assert len(units) == 1000 // TICK * TICK == TICK * len(times)
    assert len(dependence.candidates(events)) < 0.9 * COUNT
    with pytest.raises(ValueError, match="are wanted"):
        dependence._units(events, 600.0, COUNT)


def test_a_week_swings() -> None:
    world = made.world()
    events = sessions.weekly(world, np.random.default_rng(3), 40_000, spacing=605.0)
    head = np.isin(events.rows, world.strata["a"])
    weekend = events.times / sessions.DAY % 7 >= 5
    assert head[weekend].mean() < head[~weekend].mean() - 0.1


def test_everyday_traffic_has_sessions_retries_known_users_days_and_weeks() -> None:
    world = made.world()
    near = sessions.neighbours(world, made.vectors(world))
    events = sessions.everyday(world, near, np.random.default_rng(4), weeks=4, per_week=2000)
    assert 19_000 < len(events.rows) < 23_000  # two prompts a session, a third as many sent again
    assert (np.diff(events.times) >= 0).all()
    assert len(np.unique(events.keys)) == pytest.approx(0.7 * 8000, rel=0.03)
    day, hour = events.times / sessions.DAY % 7, events.times / sessions.DAY % 1
    assert (day >= 5).mean() < 0.2  # two days of seven, half as busy
    assert (hour < 0.5).mean() > 0.6
    first = np.unique(events.keys, return_index=True)[1]
    head = np.isin(events.rows[first], world.strata["a"])
    assert head[day[first] >= 5].mean() < head[day[first] < 5].mean() - 0.1
