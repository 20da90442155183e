"""An alarm from its first crossing to its end: pending, confirmed by an explanation, cleared.

The score says that traffic changed; a person needs to know what.  An episode is therefore pending
until what moved can be named beyond chance, at most PATIENCE_UNITS: seconds of traffic that turn a
bare number into a page worth reading.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from app.core import onset
from app.core.attribution import Explanation, explain
from app.core.baseline import Baseline, rows_of
from app.core.detection import Detector, Lens, Score
from app.core.history import History
from app.core.onset import Onset
from app.core.projection import plane, points, thinned
from app.core.topics import Topics
from schemas.ticks import Sample

PATIENCE_UNITS = 256
FEWEST_TO_EXPLAIN = 64
CLEAR_DECADES = 1.5
CLEAN_SCORE = 4.0  # once in 10,000 clean units


@dataclass(slots=True)
class Episode:
    """State of one alarm; times are event times in epoch seconds."""

    detected: float
    onset: float
    channel: str
    component: str
    onset_low: float | None = None  # the change may have begun earlier; None: than anything remembered
    onset_high: float | None = None
    units: int = 0
    explain_at: int = 0  # units at which the explanation is due again
    confirmed: bool = False
    explanation: Explanation = field(default_factory=lambda: Explanation([], []))

    @property
    def state(self) -> str:
        """Pending or alarm."""
        return "alarm" if self.confirmed else "pending"


def begin(score: Score, now: float, *, baseline: Baseline, detector: Detector, history: History) -> Episode:
    """An episode from the tick at which the score crossed."""
    leader = score.leader
    found = onset.estimate(
        history.windows,
        leader,
        reference=baseline.reference,
        evidence=detector.evidence(leader),
        cycles=baseline.cycles,
    )
    began = Onset(now, None, now) if found is None else found
    return Episode(
        detected=now,
        onset=min(now, began.at),
        onset_low=began.low,
        onset_high=min(now, began.high),
        channel=leader.channel,
        component=leader.label,
    )


def over(episode: Episode, score: Score, threshold: float) -> bool:
    """Whether an episode has ended.

    While it is pending, a score well below the threshold is enough.  What was told ends where clean traffic
    is: a change may go on at a score about the threshold, and an incident for each swing of it would tell
    one story many times.
    """
    limit = threshold - CLEAR_DECADES
    return score.value < (min(CLEAN_SCORE, limit) if episode.confirmed else limit)


def develop(
    episode: Episode,
    *,
    baseline: Baseline,
    recent: list[Sample],
    lens: Lens | None = None,
    topics: Topics | None = None,
) -> bool:
    """Explain when due, and confirm; called once per window.  Cost: a scan when due.

    Returns whether it is confirmed now, and was not before.
    """
    if episode.units < episode.explain_at:
        return False
    paged = episode.confirmed
    patient = episode.confirmed or episode.units >= PATIENCE_UNITS  # what speaks loudest is the last resort
    if lens is not None and not patient:
        lens = replace(lens, loudness=None)
    found = explain_recent(episode.onset, baseline=baseline, recent=recent, lens=lens, topics=topics)
    if found is not None:
        episode.explanation = found
    if episode.explanation.sure or episode.units >= PATIENCE_UNITS:
        episode.confirmed = True
    episode.explain_at = episode.units + 32 if not episode.confirmed else max(2 * episode.units, 64)
    return episode.confirmed and not paged


def conclude(
    episode: Episode,
    *,
    baseline: Baseline,
    recent: list[Sample],
    lens: Lens | None = None,
    topics: Topics | None = None,
) -> None:
    """Explain and confirm now: the input has ended, and waiting would lose the page."""
    found = explain_recent(episode.onset, baseline=baseline, recent=recent, lens=lens, topics=topics)
    if found is not None:
        episode.explanation = found
    episode.confirmed = True


def explain_recent(
    since: float,
    *,
    baseline: Baseline,
    recent: list[Sample],
    lens: Lens | None = None,
    topics: Topics | None = None,
) -> Explanation | None:
    """What moved since the onset, from the samples kept; None below two samples."""
    asked = [s for s in recent if s.time >= since]
    if len(asked) < FEWEST_TO_EXPLAIN:
        asked = recent[-FEWEST_TO_EXPLAIN:]
    if len(asked) < 2:
        return None
    weights = np.array([1.0 / s.inclusion for s in asked])
    reference, cycles, now = baseline.reference, baseline.cycles, rows_of(asked)
    before = reference.rows
    if cycles.found and before.times is not None and now.times is not None:
        before = before.take(cycles.hours_alike(before.times, now.times).tolist())
    found = explain(before, now, weights, seed=reference.seed, lens=lens, topics=topics)
    shown = thinned(weights)
    where = points(plane(reference, now.wording[shown]))
    told = [(x, y, found.groups[i]) for (x, y), i in zip(where, shown.tolist(), strict=True)]
    return replace(found, groups=[], map=told)
