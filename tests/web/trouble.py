"""`box-support`, whose traffic changes after a deployment.  All texts are made up for this file."""

import math
import random
from datetime import datetime, timedelta

import msgspec

from schemas.decisions import Alert, Attribution
from schemas.readings import (
    ClusterMove,
    DescriptorMove,
    Interval,
    OffsetRange,
    Reading,
    Scarce,
    SegmentMove,
    Uncovered,
    WatchRate,
)
from schemas.ticks import Totals

FIRST_TICK = 1_772_438_400.25  # epoch seconds, where a range begins
STEP = timedelta(minutes=5)
POINTS = 150
ONSET = 98  # the point at which traffic begins to change
DETECTED = 104
THRESHOLD = 4.82  # decades
MARKUP = "<script>alert(1)</script> please <b>sum</b> this up"
REORDERING = "ship it to \u202eteerts niaM\u202c 12"
CLUSTERS = [
    ClusterMove(
        name="refund · voucher · code",
        share_before=0.031,
        share_now=0.164,
        low=0.108,
        high=0.159,
        examples=[
            "The app gave me a voucher for the late box, where do I type the code in?",
            "voucher says already used but i never used it, can you put the [AMOUNT] back on my card",
            MARKUP,
        ],
        nearest=["How do I get my money back for a box that never came?"],
    ),
    ClusterMove(
        name="write · poem · birthday",
        share_before=0.0,
        share_now=0.081,
        low=0.061,
        high=0.098,
        new=True,
        examples=[
            "Write my sister a birthday poem that mentions tomatoes and the sea",
            "pretend you are a grumpy chef and answer my next questions like one",
        ],
        nearest=["Which wine would you put beside the tomato box?"],
    ),
    ClusterMove(
        name="delivery · slot · change",
        share_before=0.284,
        share_now=0.201,
        low=-0.108,
        high=-0.057,
        examples=["Can I move Thursday's box to Saturday morning?", REORDERING],
        nearest=["I need my delivery one day later this week."],
    ),
    ClusterMove(
        name="allergy · nuts · swap",
        share_before=0.118,
        share_now=0.092,
        low=-0.049,
        high=-0.003,
        examples=["Is there a box without any nuts, my son is allergic"],
        nearest=["Please leave out walnuts from now on."],
    ),
]
GAP_CLUSTERS = [
    ClusterMove(name="refund · voucher · code", share_before=0.02, share_now=0.164),
    ClusterMove(name="delivery · slot · change", share_before=0.31, share_now=0.201),
    ClusterMove(name="recipe · oven · minutes", share_before=0.22, share_now=0.13),
]
SCARCE = Scarce(
    share=0.09,
    low=0.061,
    high=0.119,
    samples=512,
    clusters=[
        ClusterMove(
            name="invoice · split · flatmate",
            share_before=0.002,
            share_now=0.083,
            examples=["Split this week's invoice between three flatmates, please."],
            nearest=["Where do I find my invoice?"],
            low=0.05,
            high=0.12,
        )
    ],
)
WATCHES = [
    WatchRate(name="role-play", rate_before=0.009, rate_now=0.046),
    WatchRate(name="jailbreak", rate_before=0.010, rate_now=0.014),
    WatchRate(name="code", rate_before=0.008, rate_now=0.006),
]
SEGMENTS = [
    SegmentMove(
        name="model=m2",
        cluster=CLUSTERS[0].name,
        share_before=None,
        share_now=0.31,
        elsewhere_before=0.01,
        elsewhere_now=0.02,
        low=0.2,
        high=0.38,
    ),
    SegmentMove(name="model=m2", share_before=0.0, share_now=0.4, low=0.33, high=0.46),
]
DESCRIPTORS = [
    DescriptorMove(name="Spanish", share_before=0.06, share_now=0.11),
    DescriptorMove(name="English", share_before=0.91, share_now=0.86),
    DescriptorMove(name="has code", share_before=0.013, share_now=0.011),
]
SUMMARY = (
    "Support traffic changed: questions about refund vouchers grew from 3 % to 16 % after deployment "
    "2026.03.2, and people began to ask for poems."
)


def story(now: datetime) -> tuple[list[Reading], list[Alert]]:
    """Readings and alerts of `box-support`, whose traffic changes; the last reading ends at `now`."""
    dice = random.Random(7)
    begin = now - (POINTS - 1) * STEP
    readings = [_change(begin, number, dice) for number in range(POINTS)]
    readings += [_gap(begin, number) for number in range(0, POINTS, 6)]
    return readings, [*_earlier(begin), _alert(begin)]


def spread(count: int) -> list[tuple[float, float, int]]:
    """Points of a map: three known topics, and, of every fourth, the clusters that came in."""
    dice = random.Random(8)
    centres = [(-1.2, 0.4), (0.9, 1.1), (0.3, -1.3), (1.6, -0.7), (-0.2, 2.1)]
    out = []
    for number in range(count):
        cluster = number // 4 % 2 if number % 4 == 0 else -1
        x, y = centres[3 + cluster] if cluster >= 0 else centres[number % 3]
        out.append((round(dice.gauss(x, 0.35), 3), round(dice.gauss(y, 0.35), 3), cluster))
    return out


def _change(begin: datetime, number: int, dice: random.Random) -> Reading:
    known = number >= 14
    rise = max(0.0, number - ONSET)
    passing = 3.1 * math.exp(-(((number - 46) / 6) ** 2))
    value = 1.8 + 0.4 * math.sin(number / 7) + 0.9 * dice.random() + passing + 9 * (1 - math.exp(-rise / 9))
    share = 0.024 + 0.006 * dice.random() + 0.10 * (1 - math.exp(-rise / 14))
    alarm = known and value >= THRESHOLD
    events = 120 * number + 400
    return Reading(
        id=f"box-support-change-{number}",
        application="box-support",
        monitor="change",
        state="learning" if not known else "alarm" if alarm else "ok",
        time=begin + number * STEP,
        window_start=begin + (number - 8) * STEP,
        units=1_024 if known else 70 * number,
        value=value if known else None,
        threshold=THRESHOLD if known else None,
        channel="wording" if known else None,
        component="wording, coordinates, scale 96" if known else None,
        run_length=20_000 if known else None,
        reference="baseline-5f3a91",
        effect=Interval(value=0.083, low=0.066, high=0.101) if alarm else None,
        uncovered=Uncovered(share=share, low=share * 0.8, high=share * 1.22),
        clusters=CLUSTERS if alarm else [],
        watch=WATCHES if known else [],
        descriptors=DESCRIPTORS if known else [],
        segments=SEGMENTS if alarm else [],
        onset_at=begin + ONSET * STEP if alarm and rise else None,
        deployment="2026.03.2" if number > ONSET - 2 else "2026.03.1",
        offsets=[
            OffsetRange(partition=0, first=4_021 + 40 * number, last=6_377 + 40 * number),
            OffsetRange(partition=3, first=18, last=960 + number),
        ],
        totals=Totals(
            events=events,
            units=events * 4 // 5,
            duplicates=events // 300,
            collapsed=events // 6,
            late=7,
            keyless=events // 80,
        ),
        progress=None if known else number / 14,
    )


def _gap(begin: datetime, number: int) -> Reading:
    return Reading(
        id=f"box-support-gap-{number}",
        application="box-support",
        monitor="gap",
        state="ok",
        time=begin + number * STEP,
        units=1_024,
        value=0.118,
        evalset="evalset-2026-02",
        effect=Interval(value=0.118, low=0.102, high=0.135),
        uncovered=Uncovered(share=0.116, low=0.098, high=0.137),
        scarce=SCARCE,
        clusters=GAP_CLUSTERS,
        totals=Totals(events=120 * number + 400),
    )


def _alert(begin: datetime) -> Alert:
    return Alert(
        alert_id="box-support-2-critical",
        incident="box-support-change-2",
        application="box-support",
        monitor="change",
        kind="change",
        state="firing",
        severity="critical",
        started_at=begin + ONSET * STEP,
        detected_at=begin + DETECTED * STEP,
        updated_at=begin + (DETECTED + 3) * STEP,
        onset_at=begin + ONSET * STEP,
        summary=SUMMARY,
        channel="wording",
        value=8.31,
        threshold=THRESHOLD,
        effect=Interval(value=0.083, low=0.066, high=0.101),
        uncovered=Uncovered(share=0.118, low=0.099, high=0.140),
        clusters=CLUSTERS,
        watch=WATCHES,
        descriptors=DESCRIPTORS,
        segments=SEGMENTS,
        deployment="2026.03.2",
        attribution=Attribution(adaptation=0.71, outside=0.18, audience=0.11),
        reference="baseline-5f3a91",
        offsets=[
            OffsetRange(partition=0, first=4_021, last=6_377, start=FIRST_TICK, end=FIRST_TICK + 14.5),
            OffsetRange(partition=3, first=18, last=960),
        ],
        map=spread(200),
        reading_id=f"box-support-change-{DETECTED}",
        window_start=begin + (DETECTED - 8) * STEP,
        window_end=begin + DETECTED * STEP,
        units=1_024,
    )


def _earlier(begin: datetime) -> list[Alert]:
    """A small incident that ended by itself."""
    raised = Alert(
        alert_id="box-support-1-warning",
        incident="box-support-change-1",
        application="box-support",
        monitor="change",
        kind="change",
        state="firing",
        severity="warning",
        started_at=begin + 40 * STEP,
        detected_at=begin + 40 * STEP,
        updated_at=begin + 40 * STEP,
        summary="More prompts in Spanish than before: 6 % became 14 % within half an hour.",
        channel="watch: other language",
        value=4.97,
        threshold=THRESHOLD,
    )
    end = begin + 52 * STEP
    over = {"alert_id": "box-support-1-resolved", "state": "resolved", "updated_at": end, "ended_at": end}
    resolved = msgspec.structs.replace(raised, **over, summary="Languages are as they were.", value=2.1)
    return [raised, resolved]
