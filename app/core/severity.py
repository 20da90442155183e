"""Which alarms are critical."""

from app.core.aspects import MONITORS, RESPONSES
from schemas.decisions import Severity
from schemas.readings import Reading

CRITICAL_DECADES = 3.0
CRITICAL_UNCOVERED = 0.10


def severity_of(reading: Reading, critical: float | None = None) -> Severity:
    """Severity of an alarm.  `critical` is the uncovered share that the user set for it.

    A monitor that says its severity itself is believed.  The gap is critical where the lower end of the
    uncovered share reaches three times the tolerance, at most half-way from it to everything.  Any other
    is critical where its score is three decades past the threshold and a tenth of traffic is uncovered; of
    responses, which no eval set covers, a tenth must have moved into one cluster.
    """
    if reading.severity is not None:
        return reading.severity
    bare = None if reading.uncovered is None else reading.uncovered.low
    if reading.monitor == "gap":
        limit = critical if critical is not None else _gap_limit(reading.threshold)
        return "critical" if bare is not None and limit is not None and bare >= limit else "warning"
    if reading.monitor == MONITORS[RESPONSES]:
        bare = max((c.low for c in reading.clusters if c.low is not None), default=None)
    far = (
        reading.value is not None
        and reading.threshold is not None
        and reading.value >= reading.threshold + CRITICAL_DECADES
    )
    limit = CRITICAL_UNCOVERED if critical is None else critical
    return "critical" if far and bare is not None and bare >= limit else "warning"


def _gap_limit(tolerance: float | None) -> float | None:
    """Uncovered share from which on a gap is critical.

    >>> [round(_gap_limit(t), 3) for t in (0.05, 0.2, 0.6)]
    [0.15, 0.6, 0.8]
    """
    return None if tolerance is None else min(3.0 * tolerance, (1.0 + tolerance) / 2.0)
