"""Readings beside the scores themselves: is the benchmark valid, the judge reliable, the model the same?"""

from collections.abc import Sequence
from datetime import datetime

from app.core.alerts import identity
from app.core.quality_watches import Watch, Watches, judge_words, model_words
from app.core.reporting import when
from schemas.quality import Validity
from schemas.readings import Reading

NEWS_SECONDS = 7 * 86_400.0  # after that what a model says is its usual
BEFORE_SECONDS = 3600.0  # a deployment is told a little before or after it is done
DUE, LONGEST_SILENCE = 16, 3600.0  # answers from one reading of a watch to the next
Deployed = Sequence[tuple[float, str]]  # when, and its id


def validity_reading(
    application: str, found: Validity, *, time: float, place: str, reliable: bool
) -> Reading:
    """Alarms where a stratum is broken; nothing is concluded from scores of a judge that is not reliable."""
    newest = found.releases[-1]
    state = "unknown" if not reliable else "alarm" if found.verdict else "ok"
    return Reading(
        id=identity(application, f"validity:{found.metric}", place),
        application=application,
        monitor=f"validity:{found.metric}",
        state=state,
        time=when(time),
        units=newest.items,
        value=newest.on_set.value,
        evalset=found.evalset,
        effect=found.broken[0].live if found.broken else None,
        deployment=newest.name if found.broken else None,
        detected_at=when(time) if state == "alarm" else None,
        severity="warning" if state == "alarm" else None,
        validity=found,
    )


def watch_readings(
    application: str, watches: Watches, deployed: Deployed, *, time: float, final: bool = False
) -> list[Reading]:
    """Of each judge and model of which there is anything new to say."""
    readings = [
        _judge(application, watch, time, place_of(watch, time, final=final))
        for watch in watches.judges.values()
        if _due(watch, time, final=final)
    ]
    for place, watch in list(watches.models.items()):
        if not _due(watch, time, final=final):
            continue
        explained = explanation(watch, deployed)
        readings.append(_model(application, watch, time, place_of(watch, time, final=final), explained))
        if watch.flagged_at is not None and (explained or time - watch.flagged_at >= NEWS_SECONDS):
            watches.again(place, time)
    return readings


def place_of(watch: Watch, time: float, *, final: bool) -> str:
    """What tells one reading of a watch from the others."""
    return f"{time:.0f}.partial.{watch.answers}.{watch.fresh}" if final else f"{time:.0f}"


def explanation(watch: Watch, deployed: Deployed) -> str | None:
    """The deployment that a move came with; None: it is silent."""
    if watch.flagged_at is None or watch.moved_at is None:
        return None
    if watch.deployment != watch.before:
        return watch.deployment
    start, end = watch.moved_at - BEFORE_SECONDS, watch.flagged_at + BEFORE_SECONDS
    return max(((at, name) for at, name in deployed if start <= at <= end), default=(0.0, None))[1]


def _due(watch: Watch, time: float, *, final: bool) -> bool:
    wanted = DUE if time - watch.told_at < LONGEST_SILENCE and not final else 1
    return watch.fresh >= wanted


def _judge(application: str, watch: Watch, time: float, place: str) -> Reading:
    verdict = judge_words(watch)
    found = _reading(application, f"judge:{watch.name}", watch, (time, place), verdict)
    watch.told_at, watch.fresh = time, 0
    return found


def _model(application: str, watch: Watch, time: float, place: str, explained: str | None) -> Reading:
    verdict = None if explained else model_words(watch)
    name = f"silent-change:{watch.name}"
    found = _reading(application, name, watch, (time, f"{watch.metric}.{place}"), verdict, explained)
    watch.told_at, watch.fresh = time, 0
    return found


def _reading(
    application: str,
    monitor: str,
    watch: Watch,
    moment: tuple[float, str],
    verdict: str | None,
    explained: str | None = None,
) -> Reading:
    time, place = moment
    began: datetime | None = None if watch.moved_at is None else when(watch.moved_at)
    return Reading(
        id=identity(application, monitor, place),
        application=application,
        monitor=monitor,
        segment=None if watch.metric is None else f"metric={watch.metric}",
        state="alarm" if verdict else "ok" if watch.gold.agreement else "learning",
        time=when(time),
        units=watch.answers,
        value=watch.gold.score,
        threshold=watch.gold.threshold,
        deployment=explained,
        onset_at=began if verdict else None,
        detected_at=when(watch.flagged_at) if verdict and watch.flagged_at is not None else None,
        severity="warning" if verdict else None,
        progress=None if watch.gold.agreement else watch.gold.progress,
        watched=watch.told(verdict, explained),
    )
