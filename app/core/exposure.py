"""Who met a deployment, who did not, and what each of them asked before and after.

A user is exposed from the moment the new version reached him: the deployment, unless an old version served
him after it; then half-way between his last old and his first new answer.  A user who kept being served by
others is the control, divided at a moment borrowed from the exposed, so that a staggered roll-out compares
the same calendar.  Whoever was sent back and forth is in neither arm, and counted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter

import numpy as np
from scipy.sparse import csr_array

from app.core.adaptation import Arm, Audience
from app.core.fixedpoint import Floats
from app.core.joint import JointMetric
from app.core.panel import History, Prompt, rows_of
from app.core.sightings import PROMPT

FAITHFUL = 0.8  # share of an exposed user's later prompts that the new version must have served
_time = attrgetter("time")
SHORTEST_BEFORE, LONGEST_BEFORE = 7 * 86_400.0, 28 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A deployment as the panel sees it: its id, its variant if it has one, its event time in seconds."""

    id: str
    time: float
    variant: str | None = None

    def served(self, prompt: Prompt) -> bool:
        """Whether a prompt was answered by this release."""
        if self.id.startswith(PROMPT):
            return prompt.system_prompt == self.id.removeprefix(PROMPT)
        return prompt.deployment_id == self.id or (
            self.variant is not None and prompt.variant == self.variant
        )


@dataclass(frozen=True, slots=True)
class Member:
    """One user with the moment that divides his history."""

    history: History
    at: float

    def split(self, start: float, end: float) -> tuple[list[int], list[int]]:
        """Prompts before the moment (from `start`) and from it on (up to `end`)."""
        prompts = self.history.prompts
        first = bisect_left(prompts, start, key=_time)
        met = bisect_left(prompts, self.at, key=_time)
        return list(range(first, met)), list(range(met, bisect_right(prompts, end, key=_time)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The users of a panel as a release divides them."""

    exposed: list[Member]
    control: list[Member]  # empty where everybody was exposed
    newcomers: list[Member]
    departed: list[Member]
    mixed: int  # users served by both, in neither arm
    labelled: bool  # whether traffic says which version served it
    start: float
    end: float


def divide(histories: Sequence[History], release: Release, *, now: float) -> Exposure:
    """Divide a panel by a release, as seen at event time `now`.

    Its variant counts only where no prompt names its id, as with a flag: another deployment may have one of
    that name.  Where no prompt names either, everybody counts as exposed from its time on.  A history that
    may be cut short within the time before is left out.
    """
    asked = [p for h in histories for p in h.prompts if p.time <= now]
    if any(p.deployment_id == release.id for p in asked):
        release = replace(release, variant=None)
    span = now - release.time
    start = release.time - float(np.clip(span, SHORTEST_BEFORE, LONGEST_BEFORE))
    labelled = any(release.served(p) for p in asked)
    exposed: list[Member] = []
    newcomers: list[Member] = []
    departed: list[Member] = []
    spared: list[History] = []
    mixed = 0
    for history in (_up_to(h, now) for h in histories):
        if not history.prompts or (history.since is not None and history.since > start):
            continue
        met = _met(history, release, labelled=labelled)
        if met is None and history.prompts[-1].time >= release.time:
            spared.append(history)
        elif met is None:
            if history.prompts[-1].time >= release.time - span:
                departed.append(Member(history, release.time))
        elif labelled and not _faithful(history, release, met):
            mixed += 1
        else:
            member = Member(history, met)
            (exposed if member.split(start, now)[0] else newcomers).append(member)
    control = [m for m in _borrow(spared, exposed) if all(m.split(start, now))]
    return Exposure(
        exposed=exposed,
        control=control,
        newcomers=newcomers,
        departed=departed,
        mixed=mixed,
        labelled=labelled,
        start=start,
        end=now,
    )


def _up_to(history: History, now: float) -> History:
    """What had been asked by then: a look does not see beyond its date."""
    if not history.prompts or history.prompts[-1].time <= now:
        return history
    return replace(history, prompts=[p for p in history.prompts if p.time <= now])


def _met(history: History, release: Release, *, labelled: bool) -> float | None:
    """When the release reached a user; None: not yet."""
    moment = release.time
    for prompt in history.prompts:
        if prompt.time >= release.time:
            if release.served(prompt) or not labelled:
                return moment if moment == release.time else (moment + prompt.time) / 2
            moment = prompt.time
    return None


def _faithful(history: History, release: Release, met: float) -> bool:
    later = [release.served(p) for p in history.prompts if p.time >= met]
    return sum(later) >= FAITHFUL * len(later)


def _borrow(spared: Sequence[History], exposed: Sequence[Member]) -> list[Member]:
    """Controls with moments drawn evenly from those of the exposed."""
    if not exposed:
        return []
    moments = np.sort([m.at for m in exposed])
    ranks = (np.arange(len(spared)) + 0.5) / max(len(spared), 1) * len(moments)
    return [Member(h, float(moments[int(r)])) for h, r in zip(spared, ranks, strict=True)]


class Rows:
    """Joint rows of every prompt of an exposure, computed once."""

    def __init__(self, exposure: Exposure, metric: JointMetric) -> None:
        self._exposure = exposure
        members = [*exposure.exposed, *exposure.control, *exposure.newcomers, *exposure.departed]
        self.prompts = [p for m in members for p in m.history.prompts]
        wording, self.shape = rows_of(self.prompts)
        self._joint = metric.rows(wording, self.shape)
        ends = np.cumsum([0, *(len(m.history.prompts) for m in members)]).tolist()
        self._first = {id(m.history): first for m, first in zip(members, ends, strict=False)}
        self._split = {id(m.history): m.split(exposure.start, exposure.end) for m in members}

    def of(self, member: Member, which: Sequence[int]) -> Floats:
        """Some rows (m, d) of one user."""
        return self._joint[self._places(member, which)]

    def _places(self, member: Member, which: Sequence[int]) -> list[int]:
        first = self._first[id(member.history)]
        return [first + i for i in which]

    def before_after(self, members: Sequence[Member], table: Floats) -> tuple[Floats, Floats]:
        """Each user's mean rows of a table of all prompts, (n, d) before and after."""
        before, after = self._both(members)
        return _means(table, before), _means(table, after)

    def arm(self, members: Sequence[Member]) -> Arm:
        """User means before and after, of users who have both."""
        return Arm(*self.before_after(members, self._joint), _precision(*self._both(members)))

    def _both(self, members: Sequence[Member]) -> tuple[list[list[int]], list[list[int]]]:
        splits = [(member, *self._split[id(member.history)]) for member in members]
        return [self._places(m, old) for m, old, _ in splits], [self._places(m, new) for m, _, new in splits]

    def placebo(self, members: Sequence[Member]) -> Arm:
        """The same users divided in the middle of their time before: nothing had happened there."""
        before, after = [], []
        for member in members:
            middle = (self._exposure.start + member.at) / 2
            old = self._split[id(member.history)][0]
            early = [i for i in old if member.history.prompts[i].time < middle]
            late = [i for i in old if member.history.prompts[i].time >= middle]
            if early and late:
                before.append(self._places(member, early))
                after.append(self._places(member, late))
        return Arm(_means(self._joint, before), _means(self._joint, after), _precision(before, after))

    def audience(self) -> Audience:
        """Means of those who came (after their first sight) and of those who left."""
        exposure = self._exposure
        came = self._both(exposure.newcomers)[1]
        left = [self._places(m, range(len(m.history.prompts))) for m in exposure.departed]
        return Audience(_means(self._joint, came), _means(self._joint, left))


def _precision(before: Sequence[Sequence[int]], after: Sequence[Sequence[int]]) -> Floats:
    """Of the difference of two means, of as many prompts before and after, shape (n,)."""
    old, new = (np.array([len(each) for each in side], float) for side in (before, after))
    return np.asarray(old * new / (old + new))


def _means(table: Floats, places: Sequence[Sequence[int]]) -> Floats:
    """The mean of some rows for each of n users, shape (n, d)."""
    counts = np.array([len(p) for p in places], dtype=np.int64)
    columns = np.fromiter((i for p in places for i in p), np.int64, int(counts.sum()))
    weights = np.repeat(1.0 / counts, counts)
    chosen = csr_array((weights, columns, np.r_[0, np.cumsum(counts)]), shape=(len(places), len(table)))
    return np.asarray(chosen @ table)
