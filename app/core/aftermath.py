"""What one deployment did to how users ask: every number of one look, and the sentence that sums it up."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from app.core.adaptation import FEWEST_USERS, Arm, Decomposition, decompose
from app.core.dose import Course, learning
from app.core.exposure import Exposure, Member, Release, Rows, divide
from app.core.fixedpoint import Floats
from app.core.joint import JointMetric
from app.core.panel import History
from app.core.permutation import NONE_BLAMED, contrast, permutation_p
from schemas.readings import Adaptation, HabitChange, Interval

LEVEL = 0.05
MOST_HABITS = 8
PLACEBO_LEVEL = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The k-th look at a release, at event time `now`.

    `error`: what all looks until then may spend of LEVEL; `blamed`: the permutations that earlier ones did.
    """

    release: Release
    number: int
    now: float
    error: float
    seed: int
    blamed: NDArray[np.bool_] = field(default_factory=NONE_BLAMED.copy)
    beside: Sequence[str] = ()  # other deployments of the same day


def assess(
    histories: Sequence[History], look: Look, *, metric: JointMetric, habits: Sequence[str]
) -> tuple[Adaptation, NDArray[np.bool_]]:
    """Everything that a panel says of a release, and what is blamed by now.  Cost: about 0.5 s for 600 users.

    Args: habits, the names of the columns of the shape eye; none: habits are left out.
    """
    exposure = divide(histories, look.release, now=look.now)
    base = Adaptation(
        deployment=look.release.id,
        deployed_at=datetime.fromtimestamp(look.release.time, UTC),
        look=look.number,
        verdict="",
        exposed=len(exposure.exposed),
        control=len(exposure.control),
        newcomers=len(exposure.newcomers),
        departed=len(exposure.departed),
        mixed=exposure.mixed,
    )
    if len(exposure.exposed) < FEWEST_USERS:
        return _told(base, verdict=_too_few(exposure)), look.blamed
    rows = Rows(exposure, metric)
    exposed = rows.arm(exposure.exposed)
    control = rows.arm(exposure.control) if len(exposure.control) >= FEWEST_USERS else None
    if control is None:
        parts = decompose(exposed, None, rows.audience(), level=look.error)
        return _told(base, total=parts.total, verdict=_uncontrolled(exposure, parts)), look.blamed
    users = [member.history.place for member in (*exposure.exposed, *exposure.control)]
    found = contrast(exposed, control, users, error=look.error, blamed=look.blamed, seed=look.seed)
    placebo = _placebo(rows, exposure, look.seed)
    parts = decompose(exposed, control, rows.audience(), level=found.level)
    seen = _told(
        base,
        total=parts.total,
        size=parts.adaptation,
        p_value=min(1.0, found.p * LEVEL / look.error),
        placebo_p=placebo,
        significant=found.moved and (placebo is None or placebo > PLACEBO_LEVEL),
        adaptation=None if parts.shares is None else parts.shares[0],
        outside=None if parts.shares is None else parts.shares[1],
        audience=None if parts.shares is None else parts.shares[2],
        learning=_learning(rows, exposure, (exposed, control), found.level) if found.moved else None,
        habits=habit_changes(exposure, rows, names=habits, level=found.level) if habits else [],
        verdict=_verdict(parts, moved=found.moved, placebo=placebo) + _company(look.beside),
    )
    return seen, found.blamed


def _told(base: Adaptation, **more: object) -> Adaptation:
    return msgspec.structs.replace(base, **more)


def _placebo(rows: Rows, exposure: Exposure, seed: int) -> float | None:
    """P-value of the same test where nothing had been deployed yet; None for too few users."""
    arms = [rows.placebo(members) for members in (exposure.exposed, exposure.control)]
    if min(len(arm) for arm in arms) < FEWEST_USERS:
        return None
    return permutation_p(arms[0], arms[1], seed=seed)


def _learning(rows: Rows, exposure: Exposure, arms: tuple[Arm, Arm], level: float) -> Interval | None:
    def courses(members: Sequence[Member]) -> list[Course]:
        out = []
        for member in members:
            later = member.split(exposure.start, exposure.end)[1]
            first = member.history.prompts[later[0]].ordinal
            doses = np.array([member.history.prompts[i].ordinal - first for i in later], float)
            out.append(Course(rows.of(member, later), doses))
        return out

    def towards(parity: int) -> Floats:
        one, other = (arm.change[np.arange(len(arm)) % 2 == parity].mean(axis=0) for arm in arms)
        return np.asarray(one - other)

    return learning(
        courses(exposure.exposed), courses(exposure.control), (towards(1), towards(0)), level=level
    )


def habit_changes(exposure: Exposure, rows: Rows, *, names: Sequence[str], level: float) -> list[HabitChange]:
    """Habits whose change differs between the arms beyond a simultaneous interval, strongest first.

    Habits are the raw numbers of the shape eye, shares of code and of each language: what a person can read.
    """
    languages = sorted({p.language for p in rows.prompts if p.language})
    table = [*names, "code", *(f"language: {x}" for x in languages)]
    flags = [[float(p.code), *(float(p.language == x) for x in languages)] for p in rows.prompts]
    habits = np.hstack([rows.shape.astype(float), np.array(flags)])
    both = [rows.before_after(members, habits) for members in (exposure.exposed, exposure.control)]
    before, changes = [old for old, _ in both], [new - old for old, new in both]
    z = -float(ndtri(level / 2 / len(table)))
    difference = changes[0].mean(axis=0) - changes[1].mean(axis=0)
    error = np.sqrt(sum(c.var(axis=0, ddof=1) / len(c) for c in changes))
    found = [
        HabitChange(
            name=name,
            before=float(before[0][:, j].mean()),
            exposed=float(changes[0][:, j].mean()),
            control=float(changes[1][:, j].mean()),
            low=float(difference[j] - z * error[j]),
            high=float(difference[j] + z * error[j]),
        )
        for j, name in enumerate(table)
        if error[j] > 0 and abs(difference[j]) > z * error[j]
    ]
    strength = {name: abs(difference[j]) / error[j] for j, name in enumerate(table) if error[j] > 0}
    return sorted(found, key=lambda h: -strength[h.name])[:MOST_HABITS]


def _too_few(exposure: Exposure) -> str:
    return (
        f"{len(exposure.exposed)} returning users met this deployment so far; nothing is said "
        f"below {FEWEST_USERS}"
    )


def _uncontrolled(exposure: Exposure, parts: Decomposition) -> str:
    spared = len(exposure.control)
    who = "nobody was left" if not spared else f"only {spared} returning users were left"
    why = f"{who} on another version" if exposure.labelled else "no prompt says which version served it"
    moved = "prompts changed" if parts.total.low > 0 else "no change is visible yet"
    return f"{moved}; {why}, so adaptation and a change from outside cannot be told apart"


def _verdict(parts: Decomposition, *, moved: bool, placebo: float | None) -> str:
    """What can be concluded, and what it rests on."""
    if moved and placebo is not None and placebo <= PLACEBO_LEVEL:
        return "the two groups already moved apart before the deployment: the difference is not blamed on it"
    if not moved:
        alike = "users who met this deployment changed no differently from those who did not"
        if parts.shares is None:
            return f"{alike}, and no change is beyond doubt"
        adaptation, outside, audience = parts.shares
        return (
            f"{alike}; what changed came from outside ({_share(outside)}) or is another audience "
            f"({_share(audience)}); at most {adaptation.high:.0%} of it could be theirs"
        )
    basis = (
        "too few of them had asked enough before to test whether both groups went the same way"
        if placebo is None
        else "both groups went the same way before it"
    )
    if parts.shares is None:
        return f"users adapted to this deployment, by too little to say what share of the change; {basis}"
    adaptation, outside, audience = parts.shares
    return (
        f"users adapted to this deployment: {_share(adaptation)} of the change is theirs, {_share(outside)} "
        f"came from outside, {_share(audience)} is another audience; {basis}"
    )


def _company(others: Sequence[str]) -> str:
    """What else these numbers may hold."""
    if not others:
        return ""
    names = ", ".join(others)
    return f"; {names} came within a day of it: what users of both did cannot be told apart"


def _share(share: Interval) -> str:
    return f"{share.value:.0%} [{share.low:.0%}, {share.high:.0%}]"
