"""Which deployments still wait for a run of the eval set: the latest of each application, once.

What is asked afterwards answers as the deployment that came after: an older one that still waits is given up.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from app.core.releases import ENDED
from schemas.events import Deployment

NEWS_SECONDS = 3600.0  # a deployment older than this when it is first read is the past
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 1800.0  # before a run that broke off goes on
REMEMBERED = 200  # runs that are done, by application and deployment


class Due(msgspec.Struct, kw_only=True):
    """One run to come, or under way.  Times are epoch seconds."""

    application: str
    deployment: str
    since: float
    next_at: float = 0.0
    pause: float  # before the next try, where this one breaks off


class ReleaseRuns:
    """The state is small and plain, so that it can be snapshot.

    >>> from datetime import UTC, datetime
    >>> runs = ReleaseRuns({"helpdesk"})
    >>> told = Deployment(application="helpdesk", time=datetime.now(UTC), deployment_id="d1", version="1")
    >>> runs.tell(told, born=100.0, now=101.0)
    >>> [due.deployment for due in runs.due(101.0)]
    ['d1']
    >>> runs.done("helpdesk", "d1"); runs.tell(told, born=100.0, now=102.0); runs.due(103.0)
    []
    """

    def __init__(self, applications: Collection[str], *, patience_seconds: float = 6 * 3600.0) -> None:
        self._applications, self._patience = frozenset(applications), patience_seconds
        self._waiting: dict[str, Due] = {}  # by application
        self._done: dict[str, None] = {}  # application and deployment, in the order in which they ended

    def tell(self, deployment: Deployment, *, born: float, now: float) -> None:
        """Something was deployed, or rolled back; `born`, when that was recorded."""
        app, id = deployment.application, deployment.deployment_id
        waits = self._waiting.get(app)
        if deployment.status in ENDED:
            if waits is not None and waits.deployment == id:
                self.done(app, id)
            self._done.pop(_name(app, id), None)  # it may come again: its rows are found then, and kept
        if deployment.status != "succeeded" or app not in self._applications:
            return
        if _name(app, id) in self._done or now - born > NEWS_SECONDS:
            return
        if waits is not None and waits.deployment != id:
            self.done(app, waits.deployment)
        if waits is None or waits.deployment != id:
            self._waiting[app] = Due(application=app, deployment=id, since=born, pause=FIRST_PAUSE)

    def due(self, now: float) -> list[Due]:
        """Runs that may begin, or go on."""
        return [due for due in self._waiting.values() if due.next_at <= now]

    def waits(self, application: str, deployment: str) -> bool:
        """Whether a run is still wanted."""
        due = self._waiting.get(application)
        return due is not None and due.deployment == deployment

    def done(self, application: str, deployment: str) -> None:
        """Nothing more is to be asked."""
        if self.waits(application, deployment):
            del self._waiting[application]
        self._done[_name(application, deployment)] = None
        while len(self._done) > REMEMBERED:
            del self._done[next(iter(self._done))]

    def broke_off(self, application: str, deployment: str, now: float) -> bool:
        """Something is left to be asked; whether it will be."""
        due = self._waiting.get(application)
        if due is None or due.deployment != deployment:
            return False
        if now - due.since > self._patience:
            self.done(application, deployment)
            return False
        due.next_at, due.pause = now + due.pause, min(due.pause * 2, LONGEST_PAUSE)
        return True

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "waiting": [msgspec.to_builtins(due) for due in self._waiting.values()],
            "done": [*self._done],
        }

    def restore(self, saved: dict[str, Any]) -> None:
        """What was saved; applications that are not asked any more are left out."""
        found = msgspec.convert(saved["waiting"], list[Due])
        self._waiting = {due.application: due for due in found if due.application in self._applications}
        self._done = dict.fromkeys(saved["done"])


def _name(application: str, deployment: str) -> str:
    return f"{application}/{deployment}"
