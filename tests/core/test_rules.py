from datetime import UTC, datetime, timedelta

import pytest

from app.core.mutes import muted
from app.core.rules import GAP_ALARM_WINDOWS, Rules
from schemas.monitors import Monitor, Mute

ZURICH = "Europe/Zurich"


def test_the_more_exact_entry_wins_whatever_the_order() -> None:
    entries = [
        Monitor(tolerance=0.1),
        Monitor(monitor="gap", tolerance=0.2),
        Monitor(application="shop-*", tolerance=0.3),
        Monitor(application="shop-eu", tolerance=0.4),
        Monitor(segment="language=de", tolerance=0.5),
    ]
    for given in (entries, entries[::-1]):
        rules = Rules(given)
        assert rules.of("desk", "change").tolerance == 0.1
        assert rules.of("desk", "gap").tolerance == 0.2
        assert rules.of("shop-us", "gap").tolerance == 0.3
        assert rules.of("shop-eu", "gap").tolerance == 0.4
        assert rules.of("shop-eu", "gap", "language=de").tolerance == 0.5


def test_of_two_that_are_alike_the_later_wins() -> None:
    assert Rules([Monitor(critical=0.2), Monitor(critical=0.3)]).of("a", "gap").critical == 0.3


def test_what_an_entry_does_not_say_is_taken_from_the_others() -> None:
    rule = Rules([Monitor(sinks=["a"], tolerance=0.1), Monitor(application="x", tolerance=0.2)]).of(
        "x", "gap"
    )
    assert (rule.sinks, rule.tolerance, rule.alarm_windows) == (["a"], 0.2, GAP_ALARM_WINDOWS)


def test_an_entry_for_a_segment_is_none_for_the_whole() -> None:
    rules = Rules([Monitor(segment="language=de", enabled=False)])
    assert rules.of("x", "change").enabled
    assert not rules.of("x", "change", "language=de").enabled


def test_the_memory_of_rules_is_bounded() -> None:
    rules = Rules()
    for number in range(10_000):
        rules.of(f"app-{number}", "change")
    assert len(rules._known) <= 4096


@pytest.mark.parametrize(
    ("utc", "expected"),
    [
        ("2026-03-28T23:30", True),  # 00:30, winter time
        ("2026-03-29T00:30", True),  # 01:30
        ("2026-03-29T01:30", False),  # 03:30: the clock went forward, 02:00 to 03:00 never was
        ("2026-10-25T00:30", True),  # 02:30 for the first time
        ("2026-10-25T01:30", True),  # 02:30 once more
        ("2026-10-25T02:30", False),
    ],
)
def test_daylight_saving_moves_a_mute_with_the_clock(utc: str, expected: bool) -> None:
    time = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert muted([Mute(start="00:00", end="03:00", timezone=ZURICH)], time) == expected


def test_a_mute_over_midnight_belongs_to_the_day_on_which_it_starts() -> None:
    friday = Mute(days=["fri"], start="22:00", end="06:00")
    first = datetime(2026, 3, 6, tzinfo=UTC)  # a Friday
    hours = [h for h in range(72) if muted([friday], first + timedelta(hours=h))]
    assert hours == list(range(22, 30))


def test_a_span_bounds_a_weekly_mute() -> None:
    since = datetime(2026, 3, 6, tzinfo=UTC)
    mute = Mute(start="01:00", end="02:00", since=since, until=since + timedelta(days=2))
    assert [h for h in range(-24, 96) if muted([mute], since + timedelta(hours=h))] == [1, 25]


def test_from_midnight_to_midnight_is_a_whole_day() -> None:
    day = datetime(2026, 3, 6, tzinfo=UTC)
    assert all(
        muted([Mute(days=["fri"], start="00:00", end="24:00")], day + timedelta(hours=h)) for h in range(24)
    )
