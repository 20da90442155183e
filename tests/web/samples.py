"""A plausible day: one application in trouble, one that is fine, one that learns, one far away.

All texts are made up for this file.  Used by the tests of server, page and report.
"""

import math
import random
from dataclasses import replace
from datetime import datetime

from app.ports import ClusterShare, ReferenceSummary, StatusStore
from schemas.decisions import Alert, Delivery
from schemas.events import Deployment
from schemas.readings import Interval, Reading, Uncovered
from schemas.ticks import Totals
from tests.web import versions
from tests.web.trouble import GAP_CLUSTERS, MARKUP, STEP, THRESHOLD, spread, story
from tests.web.trouble_told import deliveries, release

Fact = Reading | Alert | Deployment | Delivery

STAGES = [
    {"stage": "measure", "state": "ok", "partitions": 6, "waiting": 41, "behind_seconds": 0.4},
    {"stage": "detect", "state": "ok", "partitions": 3, "waiting": 0, "behind_seconds": 0.0},
]


async def put(store: StatusStore, fact: Fact) -> None:
    """Write what it is."""
    match fact:
        case Reading():
            await store.put_reading(fact)
        case Alert():
            await store.put_alert(fact)
        case _:
            await store.put_fact(fact)


async def fill(store: StatusStore, now: datetime) -> None:
    """Put a day of four applications into a store."""
    readings, alerts = story(now)
    readings += quiet("box-search", now) + learning("box-coach", now) + far("wine-advice", now)
    facts: list[Fact] = [*sorted(readings, key=lambda r: r.time), *alerts, release(now), *deliveries(now)]
    for fact in facts:
        await put(store, fact)
    for summary in references():
        await store.put_reference(summary)
    await store.put_evalset(versions.told(now))
    for number, role in enumerate(["measure", "measure", "detect", "alert"]):
        said = {"role": role, "partitions": 3 - number % 2, "lag_events": 12 * number, "version": "0.1.0"}
        await store.heartbeat(f"{role}-{number}", {**said, "stages": STAGES})
    sink = {"sink": "on-call", "kind": "pagerduty", "waiting": 0, "circuit": "closed", "outcome": "sent"}
    await store.heartbeat("tell-4", {"role": "notifier", "sinks": [sink]})
    judge = {"endpoint": "helpful", "kind": "judge", "waiting": 3, "says": "refused: HTTP 503"}
    await store.heartbeat("score-5", {"role": "evaluator", "endpoints": [judge]})
    for condition in ("stage measure", "stage detect", "dead letters", "status store"):
        await store.put_reading(health(condition, now))


def references() -> list[ReferenceSummary]:
    """An eval set for everyone, and the baseline of `box-support`."""
    names = ["recipe · oven · minutes", "delivery · slot · change", "refund · voucher · code"]
    everyone = ReferenceSummary(
        application="*",
        kind="evalset",
        id="evalset-2026-02",
        fingerprint="f3a9",
        units=640,
        clusters=[
            ClusterShare(name=name, share=share, examples=[f"about {name}", MARKUP])
            for name, share in zip(names, [0.47, 0.31, 0.22], strict=True)
        ],
    )
    own = replace(everyone, application="box-support", kind="baseline", id="baseline-5f3a91", units=2000)
    known = [point[:2] for point in spread(240)]
    return [everyone, replace(own, learned_from=0.0, learned_until=7200.0, points=known)]


def quiet(application: str, now: datetime) -> list[Reading]:
    """An application to which nothing happens."""
    dice = random.Random(3)
    return [
        Reading(
            id=f"{application}-{number}",
            application=application,
            monitor="change",
            state="ok",
            time=now - (79 - number) * STEP,
            window_start=now - (85 - number) * STEP,
            units=800,
            value=1.6 + 0.6 * math.sin(number / 6) + 0.7 * dice.random(),
            threshold=THRESHOLD,
            channel="format",
            run_length=20_000,
            effect=Interval(value=0.0006, low=-0.0011, high=0.0023),
            uncovered=Uncovered(share=0.021, low=0.013, high=0.033),
            totals=Totals(events=9_000 + 40 * number, units=7_000 + 30 * number),
        )
        for number in range(80)
    ]


def learning(application: str, now: datetime) -> list[Reading]:
    """An application whose baseline is not complete."""
    return [
        Reading(
            id=f"{application}-learning",
            application=application,
            monitor="change",
            state="learning",
            time=now,
            units=640,
            progress=0.32,
            totals=Totals(events=812, units=640),
        )
    ]


def health(condition: str, now: datetime, *, state: str = "ok") -> Reading:
    """What the pipeline says of itself."""
    bad = state == "alarm"
    return Reading(
        id=f"{condition}-{now.isoformat()}-{state}",
        application="*",
        monitor="health",
        segment=condition,
        state=state,
        severity="critical" if bad else None,
        time=now,
        value=47.0 if bad else 0.0,
        threshold=40.0,
        channel=condition,
        note="detect has finished nothing for 47 s" if bad else f"{condition} is fine",
    )


def far(application: str, now: datetime) -> list[Reading]:
    """An application that alarms on its eval set without an incident."""
    return [
        Reading(
            id=f"{application}-gap",
            application=application,
            monitor="gap",
            state="alarm",
            time=now,
            units=900,
            value=0.31,
            threshold=0.15,
            effect=Interval(value=0.31, low=0.28, high=0.34),
            uncovered=Uncovered(share=0.19, low=0.17, high=0.22),
            clusters=GAP_CLUSTERS,
            totals=Totals(events=1_100, units=900),
        )
    ]
