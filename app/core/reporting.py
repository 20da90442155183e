"""Composing readings: the words and numbers of one moment of one monitor."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from app.core.baseline import Baseline
from app.core.budget import Account, look_error
from app.core.claims import claim, keyless_doubt
from app.core.detection import Score
from app.core.episodes import Episode
from app.core.gap import gap_clusters, gap_descriptors
from app.core.history import (
    EFFECT_UNITS,
    History,
    effect,
    offset_ranges,
    surely_uncovered,
    uncovered,
    unknown_tokens,
    watch_rates,
)
from app.core.learning import Learner
from app.core.reference import Reference
from app.core.succession import Succession, units_of, whole
from schemas.readings import Adaptation, Reading, Scarce
from schemas.ticks import Sample, Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Where a reading stands: its monitor, place in the log, event time and totals and budget so far."""

    application: str
    monitor: str  # the drift monitor
    place: str
    time: float
    totals: Totals
    evalsets: Succession
    evalset: Reference | None  # of these, the one that the gap is told against
    account: Account | None  # None while there is no baseline


def change_reading(
    moment: Moment,
    score: Score,
    *,
    baseline: Baseline,
    history: History,
    episode: Episode | None,
    deployment: str | None,
) -> Reading:
    """A drift monitor: score against threshold, size, and in an episode what moved."""
    windows = history.recent(EFFECT_UNITS, None if episode is None else episode.onset)
    explained = None if episode is None else episode.explanation
    return Reading(
        id=reading_id(moment, moment.monitor, baseline.reference.id),
        application=moment.application,
        monitor=moment.monitor,
        state="ok" if episode is None else episode.state,
        time=when(moment.time),
        window_start=when(windows[0].start),
        units=sum(w.total.units for w in windows),
        shed=sum(w.total.shed for w in windows),
        value=round(score.value, 6),
        channel=score.leader.channel if episode is None else episode.channel,
        component=score.leader.label if episode is None else episode.component,
        reference=baseline.reference.id,
        evalset=None if moment.evalset is None else moment.evalset.id,
        effect=effect(windows, baseline.reference),
        uncovered=uncovered(windows, None if moment.evalset is None else moment.evalset.id),
        clusters=[] if explained is None else explained.clusters,
        places=[] if explained is None else explained.places,
        elsewhere=None if explained is None else explained.elsewhere,
        map=[] if explained is None else explained.map,
        watch=watch_rates(windows, baseline.reference),
        unknown=unknown_tokens(windows, baseline.reference),
        descriptors=[] if explained is None else explained.descriptors,
        segments=[] if explained is None else explained.segments,
        onset_at=None if episode is None else when(episode.onset),
        onset_low=None if episode is None or episode.onset_low is None else when(episode.onset_low),
        onset_high=None if episode is None or episode.onset_high is None else when(episode.onset_high),
        detected_at=None if episode is None else when(episode.detected),
        deployment=deployment,
        offsets=offset_ranges(windows),
        totals=moment.totals,
        **promised(moment.account, baseline),
    )


def promised(account: Account | None, baseline: Baseline) -> dict[str, Any]:
    """Threshold, claim and budget of a reading; no number is quoted where none can be kept."""
    if account is None:
        return {}
    reasons = (*baseline.doubts, *keyless_doubt(account.keyless, account.units))
    told = claim(
        account.run_length,
        calibration=baseline.calibration,
        reasons=reasons,
        cycles_seen=baseline.dependence.cycles_seen,
    )
    return {
        "threshold": round(account.threshold, 6),
        "run_length": told.run_length,
        "claim": told,
        "budget": account.reading(kept=told.run_length is not None),
    }


def gap_reading(
    moment: Moment,
    evalset: Reference,
    *,
    history: History,
    tolerance: float | None,
    recent: Sequence[Sample] = (),
    scarce: Scarce | None = None,
) -> Reading:
    """The gap monitor: how far recent traffic is from the eval set, what it does not cover or hardly has.

    It alarms where the share is beyond the tolerance at the error that the budget leaves to one look, and
    is unknown while some of the units that it looks at were not measured against this eval set.
    """
    windows = history.recent(EFFECT_UNITS)
    size, known = effect(windows, evalset), whole(windows, evalset)
    over = False
    if known and tolerance is not None and moment.account is not None:
        error = look_error(moment.account.run_length, EFFECT_UNITS)
        over = surely_uncovered(windows, evalset.id, error) > tolerance
    return Reading(
        id=reading_id(moment, "gap", evalset.id),
        application=moment.application,
        monitor="gap",
        state="unknown" if not known else "alarm" if over else "ok",
        time=when(moment.time),
        window_start=when(windows[0].start),
        units=units_of(windows),
        shed=sum(w.total.shed for w in windows),
        value=None if size is None else size.value,
        threshold=tolerance,
        reference=evalset.id,
        evalset=evalset.id,
        effect=size,
        uncovered=uncovered(windows, evalset.id),
        scarce=scarce,
        clusters=gap_clusters(windows, evalset),
        descriptors=gap_descriptors(recent, evalset),
        detected_at=when(moment.time) if over else None,
        offsets=offset_ranges(windows),
        totals=moment.totals,
        note=moment.evalsets.progress(windows),
    )


def learning_reading(
    moment: Moment, learner: Learner, baseline: Baseline | None, note: str | None
) -> Reading:
    """Progress of the baseline; the last one says that it is there."""
    progress = 1.0 if baseline is not None else learner.progress
    return Reading(
        id=reading_id(moment, moment.monitor, f"learning {progress:.6f}"),
        application=moment.application,
        monitor=moment.monitor,
        state="learning",
        time=when(moment.time),
        units=learner.units if baseline is None else baseline.reference.units,
        reference=None if baseline is None else baseline.reference.id,
        evalset=None if moment.evalset is None else moment.evalset.id,
        totals=moment.totals,
        progress=progress,
        note=note,
        dependence=None if baseline is None else baseline.dependence,
    )


def adaptation_reading(moment: Moment, seen: Adaptation, *, tolerance: float | None) -> Reading:
    """One look at a deployment; an alarm where users adapted, surely by more than is tolerated.

    Without a tolerance it never pages; nor does the last look, which closes what nobody will look at again.
    """
    surely = None if seen.adaptation is None or not seen.significant else seen.adaptation.low
    over = tolerance is not None and surely is not None and surely > tolerance and not seen.closed
    return Reading(
        id=reading_id(moment, "adaptation", seen.deployment),
        application=moment.application,
        monitor="adaptation",
        state="alarm" if over else "ok",
        time=when(moment.time),
        window_start=seen.deployed_at,
        units=seen.exposed + seen.control,
        value=None if seen.adaptation is None else seen.adaptation.value,
        threshold=tolerance,
        evalset=None if moment.evalset is None else moment.evalset.id,
        effect=seen.size,
        deployment=seen.deployment,
        detected_at=when(moment.time) if over else None,
        onset_at=seen.deployed_at if over else None,
        adaptation=seen,
        totals=moment.totals,
    )


def reading_id(moment: Moment, monitor: str, reference: str) -> str:
    """Derived from the data alone: the same log gives the same ids, live and in replay."""
    text = f"{moment.application}|{monitor}|{reference}|{moment.place}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def when(seconds: float) -> datetime:
    """Epoch seconds as an aware time, to the millisecond."""
    return datetime.fromtimestamp(round(seconds, 3), UTC)
