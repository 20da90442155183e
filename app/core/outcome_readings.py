"""Composing a reading of one metric: every version, the comparisons in force, and what can be concluded."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.core.alerts import identity
from app.core.budget import SECONDS_PER_30_DAYS
from app.core.comparison import FEWEST, Tally, Verdict, compare, estimate, mismatch_p, outcomes_needed
from app.core.label_tally import LEVEL, OTHER, LabelTally, leading_label
from app.core.metric import Metric
from app.core.reporting import when
from app.core.shifts import LARGEST_DELTA, Shift, delta_of
from app.core.versions import Plans, Split, Version
from schemas.intervals import Interval
from schemas.outcomes import Outcomes, OutcomeShift, SampleRatio, VersionComparison, VersionOutcomes
from schemas.readings import Reading

Arm = Tally | LabelTally

METRICS, RELEASES = 8.0, 8.0  # metrics, and releases in 30 days, that the budget is laid out for
MISMATCH_LEVEL = 0.001
BESIDE = 0.01  # share of the new version's outcomes that the old one must have beside it
NEWS_SECONDS = 7 * 86_400.0  # after that a change is how things are, and no alarm
PATIENCE_DAYS = 14.0
POINTS, SPREADS = 0.05, 0.2  # what guidance aims at: points of a share, else standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePolicy:
    """False alarms that all metrics may make in 30 days; one look at a metric after `every` outcomes."""

    pages_per_30_days: float
    every: int


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Where a reading stands, and what is known beside the metric."""

    application: str
    bucket: int
    place: str
    time: float
    since: float | None  # of the last release
    versions: dict[int, Version]
    split: Split
    plans: Plans


def outcome_reading(metric: Metric, view: View, policy: OutcomePolicy) -> Reading:
    """Everything that is known of a metric; remembers in it when it began to alarm.

    It alarms where the new version is worse, or the metric changed for the worse over time, each with the
    part of the budget that it has.  Cost: 3 ms.
    """
    pages = policy.pages_per_30_days / METRICS
    comparisons = _comparisons(metric, view)
    shift = _shift(metric, pages / 2, policy.every)
    level = min(0.05, pages / 2 / RELEASES)
    worse = [c for c in comparisons if c.better is False and c.p_value is not None and c.p_value <= level]
    fallen = shift is not None and metric.higher is not None and (shift.now < shift.before) == metric.higher
    recent = shift is not None and view.time - shift.at < NEWS_SECONDS
    bad = bool(worse) or (fallen and recent)
    metric.detected = (metric.detected or view.time) if bad else None
    old_news = metric.detected is not None and view.time - metric.detected >= NEWS_SECONDS
    counted: list[Arm] = [*metric.numbers.whole.values(), *metric.labels.whole.values()]
    known = sum(tally.count for tally in counted)
    learning = known < FEWEST
    state = metric.state = "alarm" if bad and not old_news else "learning" if learning else "ok"
    told = _released(shift, view)
    leading = worse[0] if worse else comparisons[-1] if comparisons else None
    onset = None if not bad else leading.since if worse and leading else when(shift.at) if shift else None
    versions = _versions(metric, view)
    return Reading(
        id=identity(view.application, f"outcomes:{metric.name}", view.place),
        application=view.application,
        monitor=f"outcomes:{metric.name}",
        state=state,
        time=when(view.time),
        window_start=None if view.since is None else when(view.since),
        units=int(known),
        value=versions[-1].value.value if versions and versions[-1].value else None,
        channel=None if state != "alarm" else "version" if worse else "shift",
        effect=None if leading is None else leading.difference,
        onset_at=onset,
        detected_at=None if metric.detected is None else when(metric.detected),
        deployment=leading.new.partition("/")[0] if worse and leading else told if bad else None,
        severity="warning" if state == "alarm" else None,
        outcomes=Outcomes(
            metric=metric.name,
            kind=metric.kind,
            higher_is_better=metric.higher,
            inferred=metric.inferred,
            versions=versions,
            comparisons=comparisons,
            ratios=[r for c in comparisons if c.concurrent and (r := _ratio(c, view)) is not None],
            shift=None
            if shift is None
            else OutcomeShift(at=when(shift.at), before=shift.before, now=shift.now, deployment=told),
            counts=metric.counts,
            verdict=_words(worse, shift) if state == "alarm" else None,
            advice=_advice(comparisons, view),
        ),
    )


def _versions(metric: Metric, view: View) -> list[VersionOutcomes]:
    found = []
    for number, (first, last) in sorted(metric.times.items(), key=lambda item: (item[1][0], item[0])):
        version = view.versions.get(number, Version("other versions", None))
        tally, labels = metric.numbers.whole.get(number), metric.labels.whole.get(number)
        found.append(
            VersionOutcomes(
                deployment_id=version.deployment_id,
                variant=version.variant,
                count=int((tally or labels or Tally()).count),
                value=None if tally is None else _within(estimate(tally), metric),
                labels={} if labels is None else labels.shares(),
                first_at=when(first),
                last_at=when(last),
            )
        )
    return found


def _within(interval: Interval | None, metric: Metric) -> Interval | None:
    """A share lies in [0, 1]."""
    if interval is None or metric.kind != "boolean":
        return interval
    return Interval(value=interval.value, low=max(interval.low, 0.0), high=min(interval.high, 1.0))


def _comparisons(metric: Metric, view: View) -> list[VersionComparison]:
    """Every version that came with the last release, with the one that served before and goes on."""
    if view.since is None:
        return []
    counted = metric.labels if metric.kind == "categorical" else metric.numbers
    arms: Mapping[int, Arm] = counted.since
    past: Mapping[int, Arm] = counted.past
    told = ((n, v.released) for n, v in view.versions.items())  # perhaps of later than this bucket
    came = {n: bucket for n, bucket in told if bucket is not None and bucket < view.bucket}
    fresh = [n for n in arms if came.get(n) == metric.since]
    standing = {n: tally for n, tally in past.items() if came.get(n, metric.since) != metric.since}
    if not fresh:
        return []
    beside = {n: arms[n].count for n in standing if n in arms}
    most = max(arms[n].count for n in fresh)
    old = max(beside, key=lambda n: (beside[n], -n), default=None)
    concurrent = old is not None and beside[old] >= max(BESIDE * most, 1)
    if not concurrent:
        old = max(standing, key=lambda n: metric.times.get(n, (0.0, 0.0))[1], default=None)
    if old is None:  # several came at once, and nothing before
        old, *fresh = sorted(fresh)
        concurrent = True
    control = arms[old] if concurrent else standing[old]
    return [
        _comparison(metric, view, (old, n), (control, arms[n]), concurrent=concurrent) for n in sorted(fresh)
    ]


def _comparison(
    metric: Metric, view: View, pair: tuple[int, int], arms: tuple[Arm, Arm], *, concurrent: bool
) -> VersionComparison:
    names = view.versions[pair[0]].name, view.versions[pair[1]].name
    old, new, label, found = _compared(*arms, concurrent=concurrent)
    aim, needed = _guidance(metric, old, new, level=0.05 if label is None else LEVEL)
    decided = found is not None and found.decided
    rose = found is not None and found.difference.value > 0
    better = (rose == metric.higher) if decided and metric.higher is not None and label is None else None
    return VersionComparison(
        old=names[0],
        new=names[1],
        since=when(view.since or 0.0),
        concurrent=concurrent,
        old_count=int(old.count),
        new_count=int(new.count),
        verdict=_too_few((names[0], old), (names[1], new))
        or _verdict(names, label, found, better=better, concurrent=concurrent),
        difference=None if found is None else found.difference,
        label=label,
        p_value=None if found is None else found.p_value,
        decided=decided,
        better=better,
        explained=0.0 if found is None else found.explained,
        needed=needed,
        detectable=aim,
    )


def _compared(old: Arm, new: Arm, *, concurrent: bool) -> tuple[Tally, Tally, str | None, Verdict | None]:
    """What is compared of two arms, with what result: their outcomes, or the share of one of their labels."""
    if isinstance(old, LabelTally) and isinstance(new, LabelTally):
        leading = leading_label(old, new)
        label, found = (None, None) if leading is None else leading
        return old.of(label or OTHER), new.of(label or OTHER), label, found
    assert isinstance(old, Tally)
    assert isinstance(new, Tally)
    new = new if concurrent else new.bare()
    return old, new, None, compare(old, new)


def _guidance(metric: Metric, control: Tally, arm: Tally, *, level: float) -> tuple[float | None, int | None]:
    """The difference that is aimed at, and the outcomes an arm until it is probably decided."""
    whole = control.count + arm.count
    spread = ((control.variance * control.count + arm.variance * arm.count) / whole) ** 0.5 if whole else 0.0
    if spread <= 0:
        return None, None
    aim = SPREADS * spread if metric.kind == "numeric" else POINTS
    return aim, outcomes_needed(aim, spread=spread, level=level)


def _too_few(*arms: tuple[str, Tally]) -> str | None:
    few = [f"{name} has {arm.lack}" for name, arm in arms if arm.lack]
    return f"too few so far: {' and '.join(few)}" if few else None


def _verdict(
    pair: tuple[str, str], label: str | None, found: Verdict | None, *, better: bool | None, concurrent: bool
) -> str:
    old, new = pair
    decided = found is not None and found.decided
    if found is None or not decided:
        told = f"{new} and {old} cannot be told apart yet"
    elif label is not None:
        told = f"{new} differs from {old} in the share of {label!r}: {_size(found.difference)}"
    elif better is None:
        told = f"{new} differs from {old}; nobody said which way is better"
    else:
        told = f"{new} is {'better' if better else 'worse'} than {old}"
    why = "; they did not serve side by side, so that time alone may be the reason"
    return told + ("" if concurrent or not decided else why)


def _ratio(compared: VersionComparison, view: View) -> SampleRatio | None:
    numbers = {version.name: number for number, version in view.versions.items()}
    old, new = numbers[compared.old], numbers[compared.new]
    users = [view.split.users.get(old, 0), view.split.users.get(new, 0)]
    if not any(users):
        return None
    expected = view.plans.shares(view.versions[old], view.versions[new])
    p_value = mismatch_p((users[0], users[1]), (expected[0], expected[1])) if expected else None
    return SampleRatio(
        old=compared.old,
        new=compared.new,
        users=users,
        both=view.split.both,
        expected=expected,
        p_value=p_value,
        mismatch=p_value is not None and p_value < MISMATCH_LEVEL,
    )


def _advice(comparisons: list[VersionComparison], view: View) -> str | None:
    """Where outcomes are so few that nothing will be decided soon: the eval set says more."""
    for told in comparisons:
        passed = view.time - (view.since or view.time)
        fewest = min(told.old_count, told.new_count) if told.concurrent else told.new_count
        if told.decided or told.needed is None or told.detectable is None or passed < 3600.0:
            continue
        days = (told.needed - fewest) / max(fewest / passed, 1e-9) / 86_400.0
        if days > PATIENCE_DAYS:
            when_ = f"after {days:.0f} days" if days < 3650 else "never"
            return (
                f"at this rate {told.new} and {told.old} are told apart by {told.detectable:.3g} {when_}: "
                "run the eval set against both instead (a backtest)"
            )
    return None


def _shift(metric: Metric, pages: float, every: int) -> Shift | None:
    if metric.kind == "categorical":
        return None
    rate = metric.course.per_second
    looks = 0.0 if rate is None else rate * SECONDS_PER_30_DAYS
    return metric.course.locate(delta=delta_of(pages, looks, every=every) if looks else LARGEST_DELTA)


def _released(shift: Shift | None, view: View) -> str | None:
    """The version that appeared last before a shift, at most a day."""
    if shift is None:
        return None
    came = [(v.first, v.name) for v in view.versions.values() if 0 <= shift.at - v.first <= 86_400.0]
    standing = any(v.first < shift.at - 86_400.0 for v in view.versions.values()) or len(came) > 1
    return max(came)[1].partition("/")[0] if came and standing else None


def _words(worse: list[VersionComparison], shift: Shift | None) -> str | None:
    if worse and worse[0].difference is not None:
        return f"{worse[0].verdict}: {_size(worse[0].difference)}"
    return None if shift is None else f"went from {shift.before:.3g} to {shift.now:.3g}"


def _size(difference: Interval) -> str:
    return f"{difference.value:+.3g} ({difference.low:+.3g} to {difference.high:+.3g})"
