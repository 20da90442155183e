"""Which release came before a change, and which told deployment is another attempt."""

from collections.abc import Iterable
from typing import Any

from schemas.events import Deployment

KEPT = 256
RELEASE_SECONDS = 7 * 86_400.0
SLACK_SECONDS = 300.0  # an onset is known to a window, a release to its roll-out

BEGUN, ENDED = ("started", "succeeded"), ("failed", "rolled_back")  # what a status says of an attempt


def told_before(deployment: Deployment, known: Iterable[Deployment]) -> bool:
    """Whether this step of this attempt is among those known of an application.

    What ended and begins again later is another attempt, though it bears the same id.

    >>> from datetime import UTC, datetime
    >>> def told(day, status):
    ...     when = datetime(2026, 3, day, tzinfo=UTC)
    ...     return Deployment(application="a", time=when, deployment_id="d", version="d", status=status)
    >>> first, back = told(1, "succeeded"), told(3, "rolled_back")
    >>> [told_before(told(day, "succeeded"), [first, back]) for day in (1, 2, 4)]
    [True, True, False]
    """
    own = [each for each in known if each.deployment_id == deployment.deployment_id]
    turns = [each.time for each in own if (each.status in ENDED) != (deployment.status in ENDED)]
    return any(
        not any(min(each.time, deployment.time) < turn < max(each.time, deployment.time) for turn in turns)
        for each in own
        if (each.variant, each.status) == (deployment.variant, deployment.status)
    )


class Releases:
    """Deployments of one application: those that were told, and versions first seen in traffic.

    At most KEPT names, those not heard of for longest out: a name per request must not fill the memory.
    """

    def __init__(self) -> None:
        self._known: dict[str, float] = {}

    def record(self, deployment: Deployment) -> None:
        """A deployment event; a told time takes the place of an observed one."""
        if deployment.status in BEGUN:
            self._keep(deployment.deployment_id, deployment.time.timestamp())

    def observe(self, deployment_id: str, time: float) -> None:
        """Sight of a version in traffic; the first one counts."""
        self._keep(deployment_id, self._known.get(deployment_id, time))

    def _keep(self, name: str, time: float) -> None:
        self._known.pop(name, None)
        self._known[name] = time
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]

    def before(self, onset: float, *, since: float) -> str | None:
        """The last release in (since, onset + slack], at most seven days before the onset.

        >>> releases = Releases()
        >>> releases.observe("v1", 0.0); releases.observe("v2", 1000.0)
        >>> releases.before(1200.0, since=0.0), releases.before(500.0, since=0.0)
        ('v2', None)
        """
        fit = [(t, name) for name, t in self._known.items() if since < t <= onset + SLACK_SECONDS]
        if not fit or onset - max(fit)[0] > RELEASE_SECONDS:
            return None
        return max(fit)[1]

    def snapshot(self) -> dict[str, Any]:
        """State as a value."""
        return dict(self._known)

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._known = dict(state)
