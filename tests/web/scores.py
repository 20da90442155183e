"""Scores of the answers of `box-support`, as the core reads them off made-up rows."""

from datetime import datetime
from typing import Any

from schemas.quality import (
    CandidateComparison,
    EvaluatedRelease,
    Quality,
    QualityComparison,
    QualityCounts,
    StratumScore,
    Validity,
    VersionQuality,
    Watched,
)
from schemas.readings import Interval, Reading

APP, OLD, NEW = "box-support", "2026.03.1", "2026.03.2"
JUDGE = "gpt-x/helpful@1"
WORSE = f"{NEW} answers worse than {OLD} on like questions"


def about(value: float, half: float = 0.02) -> Interval:
    return Interval(value=value, low=value - half, high=value + half)


def evaluation(now: datetime, stratum: str = "refund · voucher · code", model: str = "m2") -> list[Reading]:
    """A metric of two versions, a candidate, validity, a judge and a probed model."""
    strata = [
        StratumScore(name="delivery · slot · change", share=0.6, scored=240, score=about(0.9)),
        StratumScore(name=stratum, share=0.4, scored=160, score=about(0.51)),
    ]
    quality = Quality(
        metric="helpful",
        dimension="accuracy",
        scorer=JUDGE,
        versions=[
            VersionQuality(name=OLD, deployment_id=OLD, scored=800, kept=4000, score=about(0.86)),
            VersionQuality(
                name=NEW,
                deployment_id=NEW,
                model=model,
                scored=400,
                kept=2100,
                score=about(0.74),
                labels=60,
                corrected=about(0.71, 0.04),
                strata=strata,
            ),
        ],
        comparisons=[
            QualityComparison(
                old=OLD,
                new=NEW,
                since=now,
                concurrent=True,
                old_scored=800,
                new_scored=400,
                verdict=WORSE,
                whole=-0.12,
                scores=about(-0.1, 0.05),
                mix=about(-0.02),
                decided=True,
                better=False,
                cause="scores",
            )
        ],
        candidates=[
            CandidateComparison(
                candidate=model,
                primary=NEW,
                pairs=210,
                verdict=f"{model} answers better than {NEW} on the same prompts",
                candidate_score=0.81,
                primary_score=0.74,
                difference=about(0.07, 0.03),
                decided=True,
                better=True,
            )
        ],
        counts=QualityCounts(received=6100, scored=1200, failed=7),
    )
    release = EvaluatedRelease(
        name=NEW,
        items=640,
        on_set=about(0.92),
        on_live=about(0.78),
        low=0.73,
        high=0.79,
        unknown=0.06,
        live=about(0.74),
    )
    valid = Validity(metric="helpful", releases=[release], missing=[stratum], decided=3, agreeing=2)
    judge = Watched(name=JUDGE, learned=1.0, answers=400, promised=about(0.91), now=0.9)
    probed = Watched(name=model, metric="same_answer", learned=0.4, answers=60)
    told: dict[str, Any] = {"application": APP, "time": now, "units": 1200}
    return [
        Reading(id="q", monitor="quality:helpful", state="alarm", quality=quality, deployment=NEW, **told),
        Reading(id="v", monitor="validity:helpful", state="ok", validity=valid, **told),
        Reading(id="j", monitor=f"judge:{JUDGE}", state="ok", watched=judge, **told),
        Reading(
            id="s",
            monitor=f"silent-change:{model}",
            segment="metric=same_answer",
            state="learning",
            watched=probed,
            **told,
        ),
    ]
