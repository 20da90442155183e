from datetime import UTC, datetime, timedelta

import msgspec

from app.core.alerts import alert_of, summarise
from app.core.rules import Rule
from schemas.readings import Adaptation, Interval, OffsetRange, Reading

AT = datetime(2026, 3, 9, tzinfo=UTC)
SPLIT = Adaptation(
    deployment="v42",
    deployed_at=AT,
    look=6,
    verdict="users adapted to this deployment: 70% of the change is theirs",
    significant=True,
    adaptation=Interval(value=0.7, low=0.5, high=0.9),
    outside=Interval(value=0.2, low=0.0, high=0.4),
    audience=Interval(value=0.1, low=0.0, high=0.3),
)


def reading(seen: Adaptation) -> Reading:
    return Reading(
        id="r",
        application="shop",
        monitor="adaptation",
        state="alarm",
        time=AT,
        deployment="v42",
        adaptation=seen,
    )


def test_an_alert_carries_the_shares_that_the_look_could_tell() -> None:
    alert = alert_of(reading(SPLIT), "i", AT, Rule())

    assert alert.attribution is not None
    assert alert.attribution.adaptation == 0.7
    assert alert.attribution.outside == 0.2


def test_shares_that_nobody_could_tell_stay_unknown() -> None:
    assert (
        alert_of(reading(msgspec.structs.replace(SPLIT, adaptation=None)), "i", AT, Rule()).attribution
        is None
    )


def test_the_summary_of_an_adaptation_is_its_verdict() -> None:
    assert summarise(reading(SPLIT)).startswith("shop: after deployment v42 users adapted to this deployment")


def test_an_alert_says_exactly_what_it_counts() -> None:
    counted = Reading(
        id="r",
        application="shop",
        monitor="change",
        state="alarm",
        time=AT,
        window_start=AT - timedelta(minutes=8),
        units=512,
        offsets=[OffsetRange(partition=3, first=18, last=960)],
    )

    alert = alert_of(counted, "i", AT, Rule())

    told = (alert.window_start, alert.window_end, alert.offsets, alert.units)
    assert told == (counted.window_start, counted.time, counted.offsets, 512)
