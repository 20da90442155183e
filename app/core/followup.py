"""Following each deployment up: the panel of users, the calendar of looks, one reading a look."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from app.core.adaptation import FEWEST_USERS
from app.core.aftermath import LEVEL, Look, assess
from app.core.aspects import PROMPTS
from app.core.encoding import SHAPE_NAMES
from app.core.exposure import Release
from app.core.joint import JointMetric
from app.core.panel import Panel
from app.core.permutation import NONE_BLAMED, PERMUTATIONS, spent
from app.core.reference import Reference
from app.core.releases import ENDED
from app.core.sightings import Sightings
from schemas.events import Deployment
from schemas.readings import Adaptation
from schemas.ticks import Sample

HOUR, DAY = 3600.0, 86_400.0
LAST_DAY = 28
CALENDAR = (*(h * HOUR for h in (1, 2, 4, 8, 16)), *(d * DAY for d in range(1, LAST_DAY + 1)))
MOST_RELEASES, MOST_ENDED = 8, 256
LEFT = "this deployment is followed up no more: it was taken back, or newer ones took its place"


class Followup:
    """One application's panel and its releases.  Restorable between calls.

    Looks lie at fixed event times after a deployment, so live and replay look at the same moments.
    """

    def __init__(self, *, seed: int) -> None:
        self._panel, self._seed, self._day = Panel(), seed, 0
        self._releases: dict[str, Release] = {}
        self._due: dict[str, int] = {}  # next date of the calendar
        self._looks: dict[str, tuple[int, NDArray[np.bool_]]] = {}  # how many spent error, what they blamed
        self._sightings = Sightings()
        self._observed: list[Release] = []  # those of them that are still to be told
        self._ended: dict[str, float] = {}  # when a release failed, or was taken back
        self._seen: dict[str, Adaptation] = {}  # of each release, the last look
        self._left: list[Adaptation] = []  # last looks at what is followed no more, still to be told

    def observe(self, samples: Sequence[Sample], *, share: float, learning: bool = False) -> None:
        """Take over units in order of time; versions that serve while a baseline is learned are standing.

        `share`: of users of whom every unit is kept.
        """
        self._panel.narrow(share)
        for sample in samples:
            if sample.aspect != PROMPTS:
                continue
            if sample.time // DAY > self._day:
                self._day = int(sample.time // DAY)
                self._panel.forget(sample.time)
            self._panel.observe(sample)
            for name, time in self._sightings.observe(sample, standing=learning):
                release = Release(id=name, time=time)
                self._observed.append(release)
                self._follow(release)

    def take_observed(self) -> list[Release]:
        """Versions that nobody told of, counted since the last call."""
        fresh, self._observed = self._observed, []
        return fresh

    def deployed(self, deployment: Deployment) -> None:
        """Follow a deployment up from now on, or stop: it failed, or was taken back.

        What is told out of order is taken in its order: a start before the end that is known already begins
        nothing, an end before the start of another attempt ends nothing.
        """
        name, time = deployment.deployment_id, deployment.time.timestamp()
        if deployment.status in ENDED:
            self._end(name, time)
            return
        at = deployment.started_at or deployment.time
        self._sightings.tell(name, at.timestamp())
        if time > self._ended.get(name, float("-inf")):
            self._follow(Release(id=name, time=at.timestamp(), variant=deployment.variant))

    def _end(self, name: str, time: float) -> None:
        self._sightings.tell(name, time)
        self._ended[name] = max(time, self._ended.pop(name, time))
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        held = self._releases.get(name)
        if held is not None and held.time <= time:
            self._drop(name)

    def _follow(self, release: Release) -> None:
        known = self._releases.get(release.id)
        if known is not None and known.time <= release.time:
            return  # `succeeded` after `started`, or told again
        self._releases[release.id] = release
        self._due.setdefault(release.id, 0)
        self._looks.setdefault(release.id, (0, NONE_BLAMED))
        while len(self._releases) > MOST_RELEASES:
            self._drop(min(self._releases, key=lambda r: (self._releases[r].time, r)))

    def _drop(self, name: str) -> None:
        self._releases.pop(name, None)
        self._due.pop(name, None)
        self._looks.pop(name, None)
        seen = self._seen.pop(name, None)
        if seen is not None and not seen.closed:
            self._left.append(msgspec.structs.replace(seen, closed=True, verdict=LEFT))

    def advance(self, now: float, reference: Reference) -> list[tuple[float, Adaptation]]:
        """The looks whose date has passed at event time `now`: (their event time, what was seen).

        What is followed no more is told once more, so that nothing waits for it.
        """
        left, self._left = [(now, seen) for seen in self._left], []
        due = [(r.time + CALENDAR[self._due[r.id]], r) for r in self._releases.values() if self._open(r, now)]
        if not due:
            return left
        metric = JointMetric.of(reference)
        due.sort(key=lambda d: (d[0], d[1].id))
        return [*(self._look(release, now, metric) for _, release in due), *left]

    def _open(self, release: Release, now: float) -> bool:
        due = self._due[release.id]
        return due < len(CALENDAR) and release.time + CALENDAR[due] <= now

    def _look(self, release: Release, now: float, metric: JointMetric) -> tuple[float, Adaptation]:
        passed = sum(release.time + date <= now for date in CALENDAR)
        at = release.time + CALENDAR[passed - 1]  # dates that passed in silence are one look
        self._due[release.id] = passed
        number, blamed = self._looks[release.id]
        error = spent(LEVEL, (at - release.time) / CALENDAR[-1])
        near = (r for r in self._releases.values() if r.id != release.id and r.time <= at)
        look = Look(
            release=release,
            number=number + 1,
            now=at,
            error=error,
            seed=self._seed,
            blamed=blamed,
            beside=sorted(r.id for r in near if abs(r.time - release.time) <= DAY),
        )
        seen, blamed = assess(self._panel.histories(), look, metric=metric, habits=SHAPE_NAMES)
        if min(seen.exposed, seen.control) >= FEWEST_USERS:
            self._looks[release.id] = (number + 1, blamed)
        before = self._seen.get(release.id)
        p_values = [s.p_value for s in (before, seen) if s is not None and s.p_value is not None]
        p_value = min(p_values, default=None)  # evidence that was once there is not lost by looking on
        seen = msgspec.structs.replace(seen, p_value=p_value, closed=passed == len(CALENDAR))
        self._seen[release.id] = seen
        return at, seen

    def latest(self, deployment_id: str | None) -> Adaptation | None:
        """The last look at a deployment that is followed."""
        return None if deployment_id is None else self._seen.get(deployment_id)

    def snapshot(self) -> dict[str, Any]:
        """State as a value for msgpack."""
        return {
            "panel": self._panel.snapshot(),
            "day": self._day,
            "releases": [(r.id, r.time, r.variant) for r in self._releases.values()],
            "due": self._due,
            "looks": {name: (n, np.packbits(b).tobytes()) for name, (n, b) in self._looks.items()},
            "sightings": self._sightings.snapshot(),
            "observed": [(r.id, r.time) for r in self._observed],
            "ended": list(self._ended.items()),
            "seen": self._seen,
            "left": self._left,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take over a snapshot."""
        self._panel.restore(state["panel"])
        self._day = state["day"]
        self._releases = {id: Release(id=id, time=time, variant=v) for id, time, v in state["releases"]}
        self._due = dict(state["due"])
        self._looks = {name: (number, _unpacked(bits)) for name, (number, bits) in state["looks"].items()}
        self._sightings.restore(state["sightings"])
        self._observed = [Release(id=id, time=time) for id, time in state["observed"]]
        self._ended = {name: time for name, time in state["ended"]}
        self._left = msgspec.convert(state["left"], list[Adaptation])
        self._seen = {name: msgspec.convert(seen, Adaptation) for name, seen in state["seen"].items()}


def _unpacked(bits: bytes) -> NDArray[np.bool_]:
    return np.unpackbits(np.frombuffer(bits, np.uint8), count=PERMUTATIONS + 1).astype(bool)
