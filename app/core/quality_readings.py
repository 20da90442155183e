"""Composing a reading of one metric: every version, the newest against the one before, and why it moved."""

from dataclasses import dataclass

from app.core.alerts import identity
from app.core.budget import SECONDS_PER_30_DAYS
from app.core.estimates import FEWEST
from app.core.quality_arms import GONE_SECONDS, Arm
from app.core.quality_contrast import Contrast, contrast
from app.core.quality_metric import QualityMetric
from app.core.quality_rivals import rivalry
from app.core.quality_rows import PEOPLE, UNCOVERED
from app.core.quality_versions import View, tell
from app.core.reporting import when
from app.core.shifts import LARGEST_DELTA, Shift, delta_of
from app.core.versions import ENOUGH
from schemas.quality import (
    CandidateComparison,
    Quality,
    QualityComparison,
    QualityShift,
    VersionQuality,
)
from schemas.readings import Reading

RELEASES = 8.0  # in 30 days, that the budget is laid out for
BESIDE = 0.05  # share of the new version's scores that the old one must have beside it
NEWS_SECONDS = 7 * 86_400.0  # after that a change is how things are, and no alarm
WORST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityPolicy:
    """False alarms that all metrics may make in 30 days; one look at a metric after `every` scores."""

    pages_per_30_days: float
    every: int


def quality_reading(metric: QualityMetric, view: View, policy: QualityPolicy) -> Reading:
    """Everything that is known of a metric; remembers in it when it began to alarm.

    It alarms where the new version gets worse scores on like questions, or the metric fell in time on like
    questions, each with its part of the budget.  Cost: 10 ms for each 1,000 rows of what moved.
    """
    scorer = _scorer(metric)
    arms = {number: arm for (number, each), arm in metric.arms.items() if each == scorer}
    pages = policy.pages_per_30_days / max(view.metrics, 1)
    tell(metric, view, arms, scorer)
    comparisons = _comparisons(arms, view)
    shift = _shift(metric, pages / 2, policy.every)
    level = min(0.05, pages / 2 / RELEASES)
    serving = [c for c in comparisons if c.serving and c.better is False and c.p_value is not None]
    worse = [c for c in serving if c.p_value is not None and c.p_value <= level]
    fallen = shift is not None and shift.now < shift.before and view.time - shift.at < NEWS_SECONDS
    bad = bool(worse) or fallen
    metric.detected = (metric.detected or view.time) if bad else None
    old_news = metric.detected is not None and view.time - metric.detected >= NEWS_SECONDS
    versions = sorted(metric.told.values(), key=lambda each: (each.first_at or when(0.0), each.name))
    learning = not any(version.score for version in versions)
    doubt = view.unreliable.get(scorer)
    bad = bad and doubt is None
    state = "unknown" if doubt else "alarm" if bad and not old_news else "learning" if learning else "ok"
    metric.state = state
    moved = None if shift is None else _moved(shift, view)
    leading = worse[0] if worse else comparisons[-1] if comparisons else None
    onset = None if not bad else leading.since if worse and leading else moved.at if moved else None
    newest = versions[-1] if versions else None
    return Reading(
        id=identity(view.application, f"quality:{metric.name}", view.place),
        application=view.application,
        monitor=f"quality:{metric.name}",
        state=state,
        time=when(view.time),
        units=metric.counts.scored + metric.counts.labels,
        value=newest.score.value if newest and newest.score else None,
        channel=None if state != "alarm" else "version" if worse else "shift",
        effect=None if leading is None else leading.scores,
        onset_at=onset,
        detected_at=None if metric.detected is None else when(metric.detected),
        deployment=_deployment(leading.new, versions) if worse and leading else _of(moved) if bad else None,
        severity="warning" if state == "alarm" else None,
        quality=Quality(
            metric=metric.name,
            dimension=metric.dimension,
            scorer=scorer or None,
            versions=versions,
            comparisons=comparisons,
            candidates=_candidates(metric, arms, view, scorer),
            shift=moved,
            counts=metric.counts,
            verdict=_words(worse, moved) if state == "alarm" else None,
            unreliable=doubt,
        ),
    )


def _scorer(metric: QualityMetric) -> str:
    """The one under which the newest version has most scores; people, where nobody else scores."""
    told = {place: len(arm.scored.rows) for place, arm in metric.arms.items() if place[1] != PEOPLE}
    told = told or {place: len(arm.scored.rows) for place, arm in metric.arms.items()}
    enough = {place: count for place, count in told.items() if count >= FEWEST} or told
    newest = max((place[0] for place in enough), default=None)
    return (
        max((count, place[1]) for place, count in enough.items() if place[0] == newest)[1] if enough else ""
    )


def _comparisons(arms: dict[int, Arm], view: View) -> list[QualityComparison]:
    """Every variant of the newest deployment, with the version that served before and perhaps goes on."""
    known = {n: v for n, v in view.versions.items() if n in arms and v.rows >= ENOUGH}
    if len(known) < 2:
        return []
    newest = max(known, key=lambda n: (known[n].first, n))
    fresh = sorted(n for n in known if known[n].deployment_id == known[newest].deployment_id)
    standing = [n for n in known if n not in fresh]
    if not standing:  # several came at once, and nothing before
        standing, fresh = fresh[:1], fresh[1:]
    return [_comparison(_old(standing, new, arms), new, arms, view) for new in fresh]


def _old(standing: list[int], new: int, arms: dict[int, Arm]) -> tuple[int, bool]:
    """The version that a new one is compared with, and whether it serves beside it."""
    since = arms[new].first
    beside = {n: sum(row.at >= since for row in arms[n].scored.rows.values()) for n in standing}
    most = max(standing, key=lambda n: (beside[n], -n))
    if beside[most] >= max(BESIDE * len(arms[new].scored.rows), FEWEST):
        return most, True
    return max(standing, key=lambda n: (arms[n].last, n)), False


def _comparison(old: tuple[int, bool], new: int, arms: dict[int, Arm], view: View) -> QualityComparison:
    number, concurrent = old
    since = arms[new].first
    span = {"start": since} if concurrent else {"end": since}
    control = arms[number].between(**span, unlike=True)
    arm = arms[new].between(unlike=True, sorted_since=arms[new].sorted_since)
    found = contrast(control, arm)
    names = view.name(number), view.name(new)
    counts = [sum(row.score is not None for _, row in rows) for rows in (control, arm)]
    decided = found is not None and found.decided
    better = found.scores.value > 0 if found is not None and decided else None
    parts = {} if found is None else found.split.by_stratum
    return QualityComparison(
        old=names[0],
        new=names[1],
        since=when(since),
        concurrent=concurrent,
        old_scored=counts[0],
        new_scored=counts[1],
        verdict=_verdict(names, found, better, concurrent=concurrent),
        whole=None if found is None else found.split.whole,
        scores=None if found is None else found.scores,
        mix=None if found is None else found.split.mix,
        p_value=None if found is None else found.p_value,
        decided=decided,
        better=better,
        cause=None if found is None else found.split.cause,
        serving=arms[new].last >= max(each.last for each in arms.values()) - GONE_SECONDS,
        worst={name: part for name, part in list(parts.items())[:WORST] if part < 0},
    )


def _verdict(names: tuple[str, str], found: Contrast | None, better: bool | None, *, concurrent: bool) -> str:
    old, new = names
    if found is None:
        return f"too few scores to compare {new} with {old}"
    asked = found.split.cause in ("mix", "both")
    if better is not None:
        told = f"{new} answers {'better' if better else 'worse'} than {old} on like questions"
        told += "" if concurrent else "; they did not serve side by side"
        return told + ("; it is asked other questions as well" if asked else "")
    if asked:
        return f"{new} is asked other questions than {old}; that it answers worse or better cannot be told"
    return f"{new} and {old} cannot be told apart yet"


def _candidates(
    metric: QualityMetric, arms: dict[int, Arm], view: View, scorer: str
) -> list[CandidateComparison]:
    """Each candidate, against the newest version that answered enough of the same prompts."""
    found = []
    for (candidate, each), rival in sorted(metric.rivals.items()):
        if each != scorer:
            continue
        pairs = {n: len(arm.scored.rows.keys() & rival.scored.rows.keys()) for n, arm in arms.items()}
        newest = max((n for n in arms if pairs[n]), key=lambda n: (pairs[n] >= FEWEST, n), default=None)
        if newest is not None:
            found.append(rivalry(candidate, rival, primary=view.name(newest), arm=arms[newest]))
    return found


def _shift(metric: QualityMetric, pages: float, every: int) -> Shift | None:
    rate = metric.course.per_second
    looks = 0.0 if rate is None else rate * SECONDS_PER_30_DAYS
    return metric.course.locate(delta=delta_of(pages, looks, every=every) if looks else LARGEST_DELTA)


def _moved(shift: Shift, view: View) -> QualityShift:
    """What is kept of a score is half of how far it is from those of like questions before."""
    came = [(v.first, v.deployment_id) for v in view.versions.values() if 0 <= shift.at - v.first <= 86_400.0]
    standing = any(v.first < shift.at - 86_400.0 for v in view.versions.values()) or len(came) > 1
    change = 2 * (shift.now - shift.before)
    named = max(came, key=lambda each: each[0])[1] if came and standing else None
    return QualityShift(at=when(shift.at), change=change, deployment=named)


def _deployment(name: str, versions: list[VersionQuality]) -> str | None:
    return next((version.deployment_id for version in versions if version.name == name), None)


def _of(moved: QualityShift | None) -> str | None:
    return None if moved is None else moved.deployment


def _words(worse: list[QualityComparison], moved: QualityShift | None) -> str | None:
    if worse and worse[0].scores is not None:
        told, size = worse[0], worse[0].scores
        most = next(iter(told.worst), None)
        where = "" if most in (None, UNCOVERED) else f", most in '{most}'"
        return f"{told.verdict}: {size.value:+.3f} ({size.low:+.3f} to {size.high:+.3f}){where}"
    return None if moved is None else f"like questions are scored {moved.change:+.3f} from what they were"
