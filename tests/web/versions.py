"""Versions of an eval set, as the page shows them."""

from datetime import datetime, timedelta

from schemas.evalsets import Action, Entry, EvalSetVersions, Queue, Retired, Shortfall, Told
from schemas.readings import Uncovered

MARKUP = "<img src=x onerror=alert(1)>"


def told(now: datetime) -> EvalSetVersions:
    """Of `box-support`: one version in force, and a candidate that waits for a person."""
    covered = Uncovered(share=0.12, low=0.1, high=0.14)
    mended = Uncovered(share=0.03, low=0.02, high=0.05)
    first = Told(
        id="evalset-0a1b2c",
        state="promoted",
        items=412,
        time=now - timedelta(days=7),
        reference="evalset-2026-02",
    )
    waiting = Queue(
        items=430,
        core=400,
        added=187,
        unverified=32,
        unanswered=140,
        cut=5,
        reasons={"stakes: payments": 20, f"novel: {MARKUP}": 5},
    )
    second = Told(
        id="evalset-3d4e5f",
        state="draft",
        items=430,
        time=now - timedelta(hours=2),
        previous=first.id,
        uncovered_before=covered,
        uncovered_after=mended,
        scarce_before=0.21,
        scarce_after=0.01,
        underfilled=[Shortfall(name="stakes: minors", wanted=10, found=4)],
        retired=[Retired(id="q-17", reason=f"no live traffic in its stratum: {MARKUP}")],
        retired_total=169,
        queue=waiting,
    )
    done: list[tuple[Action, str]] = [("built", first.id), ("approved", first.id), ("promoted", first.id)]
    done += [("published", first.id), ("built", second.id)]
    entries = [
        Entry(number=n, time=now - timedelta(hours=12 - n), action=action, version=version, by=MARKUP)
        for n, (action, version) in enumerate(done, 1)
    ]
    return EvalSetVersions(
        application="box-support",
        number=len(entries),
        store="s3://evalsets",
        current=first.id,
        published=True,
        versions=[second, first],
        entries=entries[::-1],
    )
