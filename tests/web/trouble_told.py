"""What stands around the trouble of `box-support`: the deployment before it, and who was told of it."""

from datetime import datetime, timedelta

import msgspec

from schemas.decisions import Delivery
from schemas.events import Deployment
from tests.web.trouble import DETECTED, ONSET, POINTS, STEP


def release(now: datetime) -> Deployment:
    """What was released before the traffic of `box-support` changed."""
    return Deployment(
        application="box-support",
        time=now - (POINTS - 1 - ONSET + 2) * STEP,
        deployment_id="2026.03.2",
        version="assistant 2026.03.2",
        previous_version="assistant 2026.03.1",
        kind="model",
        traffic_percent=50.0,
        actor="release train",
        summary="A larger model that writes longer answers",
    )


def deliveries(now: datetime) -> list[Delivery]:
    """Who was told of the incident: the first try failed."""
    first = Delivery(
        id="delivery-1",
        alert_id="box-support-2-critical",
        incident="box-support-change-2",
        application="box-support",
        sink="on-call",
        kind="pagerduty",
        action="trigger",
        outcome="retry",
        at=now - (POINTS - DETECTED - 3) * STEP,
        status=503,
        reason="the service is not available",
        next_at=now - (POINTS - DETECTED - 3) * STEP + timedelta(seconds=30),
    )
    again = msgspec.structs.replace(
        first,
        id="delivery-2",
        outcome="sent",
        at=now - (POINTS - DETECTED - 3) * STEP + timedelta(seconds=31),
        attempt=2,
        status=202,
        reason=None,
        next_at=None,
    )
    return [first, again]
